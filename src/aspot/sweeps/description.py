"""A sweep as described: a base case and the axes along which its keys are varied. TOML in."""

from __future__ import annotations

import copy
import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from aspot.casefile import read_text, tables, with_files
from aspot.cell import Cell
from aspot.errors import InputError
from aspot.specification import Spec, Text, put
from aspot.sweeps.axes import Axis, named

#: Points of a sweep, at most: their indices and digests are held in memory.
_MOST_POINTS = 20_000_000


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """A base case and axes; the cases are all combinations of the points of the axes, the last axis fastest.

    Parameters
    ----------
    base : mapping
        Nested tables of the case, as in a case file; keys that are varied may be missing.
    axes : tuple of Axis
        With names, see `aspot.sweeps.axes.named`.
    name : str
    source : str
        Text of the file it was read from.
    """

    base: Mapping[str, Any]
    axes: tuple[Axis, ...]
    name: str = ""
    source: str = ""

    @classmethod
    def of(cls, case: Cell | Mapping[str, Any], axes: Mapping[str, Sequence[object]] | Sequence[Axis]) -> Sweep:
        """From a cell (or the tables of one) and its axes: a mapping from keys to values, or a list of `Axis`.

        Raises
        ------
        InputError
            If there is no axis, a key is varied twice, or a value is not allowed.
        """
        if isinstance(axes, Mapping):
            axes = [Axis.values(key, values) for key, values in axes.items()]
        if not axes:
            raise InputError("axes: a sweep needs at least one")
        base = case.given() if isinstance(case, Cell) else _in_si(case)
        made = cls(base=_absolute(base), axes=named([_absolute_axis(axis) for axis in axes]), name=base.get("name", ""))
        if made.size > _MOST_POINTS:
            raise InputError(f"axes: {made.size} points; at most {_MOST_POINTS} are allowed")
        return made

    @property
    def shape(self) -> tuple[int, ...]:
        """Points along each axis."""
        return tuple(len(axis) for axis in self.axes)

    @property
    def size(self) -> int:
        """Points altogether."""
        return math.prod(self.shape)

    def changes(self, point: int) -> dict[str, Any]:
        """What a point, counted from 0, changes in the base case: values by dotted key, tables before their keys."""
        at = np.unravel_index(point, self.shape)
        pairs = [
            pair
            for axis, k in zip(self.axes, at, strict=True)
            for pair in zip(axis.keys, axis.rows[int(k)], strict=True)
        ]
        return dict(sorted(pairs, key=lambda pair: pair[0].count(".")))

    def points(self) -> Iterator[dict[str, Any]]:
        """The changes of every point, in order."""
        return map(self.changes, range(self.size))

    def document(self) -> dict[str, Any]:
        """Everything that decides which cases are computed, as JSON can hold it."""
        axes = [{"name": a.name, "keys": list(a.keys), "rows": [list(row) for row in a.rows]} for a in self.axes]
        return {"case": dict(self.base), "axes": axes}

    @property
    def digest(self) -> str:
        """SHA-256 of the document."""
        return hashlib.sha256(json.dumps(self.document(), sort_keys=True).encode()).hexdigest()


def case_of(base: Mapping[str, Any], changes: Mapping[str, Any]) -> Cell:
    """The cell at one point.

    Raises
    ------
    InputError
        If there is no such cell.
    """
    data = copy.deepcopy(dict(base))
    for key, value in changes.items():
        put(data, key, copy.deepcopy(value))
    return Cell.parse(data)


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """In words, what two documents of sweeps differ in."""
    out = []
    before, after = _flat(old["case"]), _flat(new["case"])
    for key in {**before, **after}:
        if before.get(key) != after.get(key):
            out.append(f"case: {key} was {_shown(before.get(key))}, is {_shown(after.get(key))}")
    axes = {tuple(a["keys"]): a for a in old["axes"]}
    for axis in new["axes"]:
        known = axes.pop(tuple(axis["keys"]), None)
        name = axis["name"]
        if known is None:
            out.append(f"axis {name} is new")
        elif known["rows"] != axis["rows"]:
            out.append(f"axis {name} had {_values(known)}, has {_values(axis)}")
        elif known["name"] != name:
            out.append(f"axis {known['name']} is called {name} now")
    out += [f"axis {axis['name']} is gone" for axis in axes.values()]
    if not out and list(old["axes"]) != list(new["axes"]):
        out.append("the axes have another order")
    return out


def _values(axis: Mapping[str, Any]) -> str:
    rows = axis["rows"]
    if len(axis["keys"]) > 1 or len(rows) > 6:
        return f"{len(rows)} points"
    return "[" + ", ".join(_shown(row[0]) for row in rows) + "]"


def _shown(value: Any) -> str:
    text = "nothing" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in table.items():
        path = f"{prefix}{key}"
        out |= _flat(value, f"{path}.") if isinstance(value, Mapping) else {path: value}
    return out


def _in_si(base: Mapping[str, Any]) -> dict[str, Any]:
    """The tables of a case in SI numbers, or as they are if they make a case only together with the axes."""
    try:
        return Cell.parse(base).given()
    except InputError:
        return copy.deepcopy(dict(base))


def _absolute(base: dict[str, Any]) -> dict[str, Any]:
    """The same tables, with files named from the root: the work may be done elsewhere."""
    return with_files(copy.deepcopy(base), Path.cwd())


def _absolute_axis(axis: Axis) -> Axis:
    places = [k for k, key in enumerate(axis.keys) if key.endswith(".morphology.file")]
    rows = tuple(
        tuple(str(Path.cwd() / v) if k in places and isinstance(v, str) else v for k, v in enumerate(row))
        for row in axis.rows
    )
    return replace(axis, rows=rows) if places else axis


# TOML ---------------------------------------------------------------------------------------------------------------


class _RangeTable(Spec):
    start: Any
    stop: Any
    scale: Literal["linear", "log"] = "linear"


class _AxisTable(Spec):
    """One `[[axes]]`: values, a range, a table, seeds or a Latin hypercube."""

    name: Text = ""
    key: Text | None = None
    values: tuple[Any, ...] | None = None
    start: Any = None
    stop: Any = None
    points: Annotated[int, Field(strict=True)] | None = None
    scale: Literal["linear", "log"] | None = None
    seeds: Any = None
    keys: tuple[Text, ...] | None = None
    rows: tuple[tuple[Any, ...], ...] | None = None
    file: Text | None = None
    samples: Annotated[int, Field(strict=True)] | None = None
    seed: Annotated[int, Field(strict=True)] | None = None
    latin_hypercube: dict[str, _RangeTable] | None = None


#: Which keys make which kind of axis: needed, and allowed beside `name`.
_KINDS: dict[str, tuple[set[str], set[str]]] = {
    "values": ({"key", "values"}, set()),
    "range": ({"key", "start", "stop", "points"}, {"scale"}),
    "seeds": ({"seeds"}, {"key"}),
    "table": ({"keys", "rows"}, set()),
    "file": ({"file"}, set()),
    "latin_hypercube": ({"samples", "latin_hypercube"}, {"seed"}),
}


class _SweepTable(Spec):
    name: Text = ""
    case: Any
    axes: Annotated[tuple[_AxisTable, ...], Field(min_length=1, max_length=20)]


def load(path: str | Path) -> Sweep:
    """Read a SWEEP.toml: `case` (a file relative to it, or the tables of a case) and `[[axes]]`.

    Raises
    ------
    InputError
        If the file cannot be read, is not TOML, or describes an impossible sweep.
    """
    path = Path(path)
    text = read_text(path)
    try:
        return _parsed(text, path.parent)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _parsed(text: str, folder: Path) -> Sweep:
    read = tables(text)
    if "electrolyte" in read and not {"case", "axes"} & set(read):
        raise InputError('electrolyte: this is a case file; a sweep names one as case = "..." and has [[axes]]')
    given = _SweepTable.parse(read)
    if isinstance(given.case, str):
        file = folder / given.case
        try:
            base = with_files(tables(read_text(file)), file.parent)
        except InputError as error:
            raise InputError(f"case: {error}") from None
    elif isinstance(given.case, dict):
        base = with_files(given.case, folder)
    else:
        raise InputError("case: must be the name of a case file, or the tables of a case")
    axes = []
    for number, table in enumerate(given.axes):
        try:
            axes.append(_axis(table, folder))
        except InputError as error:
            raise InputError(f"axes.{number}: {error}") from None
    made = Sweep.of(base, axes)
    return replace(made, name=given.name or made.name, source=text)


def _axis(table: _AxisTable, folder: Path) -> Axis:
    given = table.model_fields_set - {"name"}
    kind = next((k for k, (needed, more) in _KINDS.items() if needed <= given <= needed | more), None)
    if kind is None:
        raise InputError(
            f"{', '.join(sorted(given)) or 'nothing'} given; an axis has key and values, or key, start, stop and "
            "points (scale), or seeds (key), or keys and rows, or file, or samples and latin_hypercube (seed)"
        )
    t: Any = table
    if kind == "values":
        values = t.values
        if t.key.endswith(".morphology.file"):
            values = [str(folder / v) if isinstance(v, str) else v for v in values]
        return Axis.values(t.key, values, name=t.name)
    if kind == "range":
        return Axis.range(t.key, t.start, t.stop, t.points, scale=t.scale or "linear", name=t.name)
    if kind == "seeds":
        return Axis.seeds(t.seeds, name=t.name, **({"key": t.key} if t.key else {}))
    if kind == "table":
        return Axis.table(t.keys, t.rows, name=t.name)
    if kind == "file":
        return Axis.from_csv(folder / t.file, name=t.name)
    ranges = {key: (r.start, r.stop, r.scale) for key, r in t.latin_hypercube.items()}
    return Axis.latin_hypercube(ranges, t.samples, seed=t.seed or 0, name=t.name)
