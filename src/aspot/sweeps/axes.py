"""What a sweep varies: axes, each a list of values of one key of the case or of several together."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import numpy as np
from pydantic import BaseModel, TypeAdapter, ValidationError

from aspot.cell import Cell, lists_of
from aspot.errors import InputError, did_you_mean, nearest
from aspot.specification import Spec, one_line, plain, range_of
from aspot.sweeps.quantities import RESERVED
from aspot.units import KINDS

Scale = Literal["linear", "log"]
_SCALES = ("linear", "log")

#: Types whose members are no keys.
_CLOSED: tuple[Any, ...] = (tuple, Literal)
#: The key of random arrangements and surfaces.
SEED = "working_electrode.morphology.seed"
#: Values along one axis, at most.
_MOST_VALUES = 10_000_000


@dataclass(frozen=True, kw_only=True)
class Axis:
    """Values that one key of the case takes in turn, or several keys together.

    Parameters
    ----------
    keys : tuple of str
        Dotted keys of the case.
    rows : tuple of tuple
        For every point of the axis the value of each key: SI numbers, text, tables; None removes a key.
    name : str
        Of the dimension; empty: the last part of the key that tells the axes apart, or "sample" for several keys.

    Examples
    --------
    >>> Axis.values("temperature", ["25 degC", "60 degC"]).rows
    ((298.15,), (333.15,))
    """

    keys: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    name: str = ""

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return f"<Axis {self.name or ', '.join(self.keys)}: {len(self)} values>"

    @classmethod
    def values(cls, key: str, values: Sequence[object], *, name: str = "") -> Axis:
        """One key, value by value: strings with units, SI numbers, text or tables.

        Raises
        ------
        InputError
            If the case has no such key, or a value is not allowed.
        """
        if isinstance(values, str | Mapping) or not isinstance(values, Sequence | np.ndarray):
            raise InputError(f"{key} = {values!r}: must be a list of values")
        return _checked(cls(keys=(key,), rows=tuple((read_value(key, plain(v)),) for v in values), name=name))

    @classmethod
    def range(
        cls, key: str, start: object, stop: object, points: int, *, scale: Scale = "linear", name: str = ""
    ) -> Axis:
        """One key, evenly spaced from start to stop, both included, in itself or in its logarithm.

        Raises
        ------
        InputError
            If the key is no number, an end is not allowed, or there are fewer than two points.
        """
        low, high = _ends(key, start, stop, scale)
        if isinstance(points, bool) or not isinstance(points, int) or not 2 <= points <= _MOST_VALUES:
            raise InputError(f"points = {points!r} of {key}: must be a whole number from 2 to {_MOST_VALUES}")
        at = np.geomspace(low, high, points) if scale == "log" else np.linspace(low, high, points)
        return cls.values(key, [_like(key, v) for v in at.tolist()], name=name)

    @classmethod
    def seeds(cls, seeds: int | Sequence[int], *, key: str = SEED, name: str = "") -> Axis:
        """Seeds of a random morphology: n of them, 0 .. n - 1, or those listed.

        Raises
        ------
        InputError
            If there are none, or one is not a whole number.
        """
        chosen: Sequence[object] = seeds if isinstance(seeds, Sequence | np.ndarray) else ()
        if isinstance(seeds, int) and not isinstance(seeds, bool):
            if not 1 <= seeds <= _MOST_VALUES:
                raise InputError(f"seeds = {seeds}: must be a number from 1 to {_MOST_VALUES}, or a list of seeds")
            chosen = list(range(seeds))
        return cls.values(key, chosen, name=name)

    @classmethod
    def table(cls, keys: Sequence[str], rows: Sequence[Sequence[object]], *, name: str = "") -> Axis:
        """Several keys that vary together: one point for each row.

        Raises
        ------
        InputError
            If a row has not as many values as there are keys, or a value is not allowed.
        """
        keys = tuple(keys)
        read = []
        for number, row in enumerate(rows, 1):
            if isinstance(row, str) or not hasattr(row, "__len__") or len(row) != len(keys):
                raise InputError(f"rows: row {number} must have {len(keys)} values, one for each of {', '.join(keys)}")
            read.append(tuple(read_value(key, plain(v)) for key, v in zip(keys, row, strict=True)))
        return _checked(cls(keys=keys, rows=tuple(read), name=name))

    @classmethod
    def from_csv(cls, path: str | Path, *, name: str = "") -> Axis:
        """A table from a file: dotted keys in the first line, then one line for each point, numbers or with units.

        Raises
        ------
        InputError
            If the file cannot be read, or as `table`.
        """
        try:
            text = Path(path).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: cannot be read: {error}") from None
        lines = [[entry.strip() for entry in row] for row in csv.reader(io.StringIO(text)) if any(map(str.strip, row))]
        if len(lines) < 2:
            raise InputError(f"{path}: needs a line of keys and at least one line of values")
        try:
            return cls.table(lines[0], [[_number_or_text(v) for v in row] for row in lines[1:]], name=name)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None

    @classmethod
    def latin_hypercube(
        cls, ranges: Mapping[str, Sequence[object]], samples: int, *, seed: int = 0, name: str = ""
    ) -> Axis:
        """Several keys, sampled so that each of `samples` equal slices of every range holds exactly one point.

        M. D. McKay et al., Technometrics 21 (1979) 239, doi 10.2307/1268522; by `scipy.stats.qmc`.

        Parameters
        ----------
        ranges : mapping of str to (start, stop) or (start, stop, "linear" or "log")
            By dotted key.
        samples : int
        seed : int

        Raises
        ------
        InputError
            If a range is empty, a key is no number, or there are fewer than one sample.
        """
        from scipy.stats import qmc

        if isinstance(samples, bool) or not isinstance(samples, int) or not 1 <= samples <= _MOST_VALUES:
            raise InputError(f"samples = {samples!r}: must be a whole number from 1 to {_MOST_VALUES}")
        if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
            raise InputError(f"seed = {seed!r}: must be a whole number, not negative")
        if not ranges:
            raise InputError("latin_hypercube: needs at least one key with a range")
        unit = qmc.LatinHypercube(d=len(ranges), rng=np.random.default_rng(seed)).random(samples)
        columns = []
        for (key, given), u in zip(ranges.items(), unit.T, strict=True):
            start, stop, scale = (*given, "linear")[:3] if len(given) in (2, 3) else (None, None, None)
            if start is None or stop is None:
                raise InputError(f"{key} = {given!r}: must be (start, stop) or (start, stop, 'log')")
            low, high = _ends(key, start, stop, scale)
            at = low * (high / low) ** u if scale == "log" else low + (high - low) * u
            columns.append([_like(key, v) for v in at.tolist()])
        return cls.table(list(ranges), list(zip(*columns, strict=True)), name=name)


def named(axes: Sequence[Axis]) -> tuple[Axis, ...]:
    """The axes with a name each, all different and none that a data set uses otherwise.

    Raises
    ------
    InputError
        If a key or a name occurs twice.
    """
    keys = [key for axis in axes for key in axis.keys]
    for key in keys:
        if keys.count(key) > 1:
            raise InputError(f"axes: {key} is varied twice")
    names: list[str] = []
    short = short_names(keys)
    for axis in axes:
        name = axis.name or (short[axis.keys[0]] if len(axis.keys) == 1 else "sample")
        if name in names:
            raise InputError(f"axes: the name {name!r} occurs twice; give one of them another name")
        others = [short[key] for key in keys if len(axis.keys) > 1 or key not in axis.keys]
        if name in RESERVED or name in others or not name.isprintable() or "/" in name:
            raise InputError(f"axes: the name {name!r} has another meaning; choose a different one")
        names.append(name)
    return tuple(replace(axis, name=name) for axis, name in zip(axes, names, strict=True))


def short_names(keys: Sequence[str]) -> dict[str, str]:
    """The shortest ends of dotted keys that tell them apart."""
    out = {}
    for key in keys:
        parts = key.split(".")
        ends = [".".join(parts[-n:]) for n in range(1, len(parts) + 1) if not parts[-n].isdigit()]
        taken = [other for other in keys if other != key]
        out[key] = next(
            (e for e in ends if e not in RESERVED and not any(o == e or o.endswith(f".{e}") for o in taken)), key
        )
    return out


def unit_of(key: str) -> str:
    """SI unit of a key of the case; empty for plain numbers and text."""
    found = range_of(Cell, key)
    return KINDS[found.kind][0] if found is not None and found.kind else ""


def label(value: object) -> object:
    """A value of an axis as a coordinate: numbers and text stay, tables and lists become text."""
    if isinstance(value, str | int | float):
        return value
    return "none" if value is None else json.dumps(value, ensure_ascii=False)


# Reading ------------------------------------------------------------------------------------------------------------


def read_value(key: str, value: object) -> Any:
    """What a key of the case makes of a value, by itself: SI numbers, text, tables of them.

    Raises
    ------
    InputError
        If the case has no such key, or the value is not allowed.
    """
    if value is None:
        _adapter(key)
        return None
    try:
        read = _adapter(key).validate_python(value)
    except ValidationError as error:
        raise one_line(error, key) from None
    if isinstance(read, BaseModel):
        return lists_of(read.model_dump(exclude_none=True, exclude_unset=True))
    return lists_of(read)


@lru_cache(maxsize=256)
def _adapter(key: str) -> TypeAdapter[Any]:
    return TypeAdapter(_annotation(key))


def _annotation(key: str) -> Any:
    """Type of a dotted key, with what checks it."""
    annotation: Any = Cell
    path: list[str] = []
    for part in key.split("."):
        table = _inside(annotation, lambda a: isinstance(a, type) and issubclass(a, Spec))
        entries = _inside(annotation, lambda a: get_origin(a) in _CLOSED[:1])
        path.append(part)
        here = ".".join(path)
        if table is not None and part in table.model_fields:
            field = table.model_fields[part]
            annotation = field.annotation
            if field.metadata:
                annotation = Annotated[annotation, *field.metadata]
        elif entries is not None and part.isascii() and part.isdigit():
            annotation = get_args(entries)[0]
        elif table is not None:
            hint = did_you_mean(nearest(part, table.model_fields))
            raise InputError(f"{here[:120]}: unknown key{hint}; allowed: {', '.join(table.model_fields)}")
        else:
            raise InputError(f"{key[:120]}: {'.'.join(path[:-1])} is not a table")
    return annotation


def _inside(annotation: Any, fits: Any) -> Any:
    """The first type that fits, of an annotation and of the members of its unions."""
    if fits(annotation):
        return annotation
    members = get_args(annotation)
    if get_origin(annotation) in _CLOSED:
        return None
    return next((found for m in members if (found := _inside(m, fits)) is not None), None)


def _number_or_text(text: str) -> object:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _ends(key: str, start: object, stop: object, scale: object) -> tuple[float, float]:
    if scale not in _SCALES:
        raise InputError(f"scale = {scale!r} of {key}: allowed: linear, log")
    ends = []
    for value in (start, stop):
        read = read_value(key, plain(value))
        if isinstance(read, bool) or not isinstance(read, int | float):
            raise InputError(f"{key} = {value!r}: is no number; list its values instead of a range")
        ends.append(float(read))
    if scale == "log" and not min(ends) > 0:
        raise InputError(f"{key}: a logarithmic range needs positive ends, not {start!r} and {stop!r}")
    return ends[0], ends[1]


def _like(key: str, value: float) -> object:
    """A number within a range as the key takes it: whole where it counts something."""
    if _inside(_annotation(key), lambda a: a is int) is not None:
        return round(value)
    # Ends must not leave what is allowed by a rounding, and read as they were written.
    return float(f"{value:.15g}")


def _checked(axis: Axis) -> Axis:
    if not axis.rows or not axis.keys:
        raise InputError(f"{', '.join(axis.keys) or 'axes'}: has no values")
    return axis
