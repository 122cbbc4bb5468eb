"""A solved cell under other laws on the same meshes: what may change, and what is geometry."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.constants import elementary_charge

from aspot.cell import Cell
from aspot.compose import EffectiveLaw, SolvedCell, SolvedInterface
from aspot.errors import InputError
from aspot.fem.problem import AffineProblem
from aspot.interface import InterfaceProblem
from aspot.morphology.unit_cell import UnitCell
from aspot.plan import Plan
from aspot.specification import range_of

#: Step of differences by a parameter, relative to it.
_STEP = 1e-4
#: Keys that never belong to a law.
_GEOMETRY = re.compile(
    r"\.morphology\.|\.diameter$|^electrolyte\.thickness$|layers\.\d+\.(name|thickness)$|\.symmetric$|\.gap\.(shape|height|contact_angle)$|^numerics\."
    r"|grain_boundaries\.(model|grain_size|grains|seed|contact_on|grain_layers)$"
)


def theta_of(problem: AffineProblem, interface: InterfaceProblem, omega: NDArray[np.float64]) -> NDArray[np.complex128]:
    """Values of the laws of an interface, in the order of the terms of its problem, shape (Q, m)."""
    laws = interface.laws
    values = [np.asarray(laws[t.name](omega, interface.temperature_K), complex) for t in problem.terms]
    return np.stack(values)


def value_at(cell: Cell, path: str) -> float | None:
    """Number of a case by dotted path, defaults and library written out; None if there is none."""
    table: Any = cell.resolved()
    for key in path.split("."):
        if isinstance(table, list) and key.isdigit() and int(key) < len(table):
            table = table[int(key)]
        elif isinstance(table, dict) and key in table:
            table = table[key]
        else:
            return None
    return None if isinstance(table, bool) or not isinstance(table, (int, float)) else float(table)


def beside(cell: Cell, path: str, value: float, sign: float) -> tuple[float, Cell]:
    """A value of a key a little above (sign 1) or below (-1), and its cell; as they are where no such value is allowed.

    The step is relative to the value; from 0 it is that from one SI unit, of an energy that from 1 eV.
    """
    found = range_of(Cell, path)
    unit = elementary_charge if found is not None and found.kind == "activation energy" else 1.0
    moved = value + sign * _STEP * (abs(value) or unit)
    try:
        return moved, cell.with_(**{path: moved})
    except InputError:
        return value, cell


def changed_keys(old: Cell, new: Cell) -> list[str]:
    """Dotted keys in which two cells differ, defaults and library written out."""
    before, after = _flat(old.resolved()), _flat(new.resolved())
    for names in (before, after):
        for key in [k for k in names if k == "name" or k.startswith("published")]:
            del names[key]
    return [key for key in {**before, **after} if before.get(key) != after.get(key)]


def _flat(table: Any, prefix: str = "") -> dict[str, Any]:
    entries = table.items() if isinstance(table, dict) else enumerate(table)
    out: dict[str, Any] = {}
    for key, value in entries:
        path = f"{prefix}{key}"
        out |= _flat(value, f"{path}.") if isinstance(value, (dict, list, tuple)) else {path: value}
    return out


def _content(cell: UnitCell) -> tuple[object, ...]:
    """A unit cell as what compares: maps and images by their values, wherever they are kept."""
    values = (getattr(cell, f.name) for f in fields(cell))
    return (type(cell), *((v.shape, v.tobytes()) if isinstance(v, np.ndarray) else v for v in values))


def geometry_digest(cell: Cell) -> str:
    """SHA-256 of what meshes and matrices depend on: cells of one `aspot.parametric.Family` have the same.

    Cautious: different digests may belong to the same geometry.
    """
    electrodes = (cell.working_electrode, cell.counter_electrode)
    shaped = [
        f"{name}.gap.thickness"
        for name, electrode in zip(("working_electrode", "counter_electrode"), electrodes, strict=True)
        if electrode.gap is not None and electrode.gap.shape is not None
    ]
    geometry: dict[str, Any] = {
        key: value
        for key, value in _flat(cell.resolved()).items()
        # Files count by their content.
        if (_GEOMETRY.search(key) or key in shaped) and not key.endswith(".morphology.file")
    }
    geometry["laws"] = [[e.contact_law() is None, e.gap_law() is None] for e in electrodes]
    return hashlib.sha256(json.dumps(geometry, sort_keys=True).encode()).hexdigest()


def _shape(p: Plan) -> tuple[object, ...]:
    """Everything of a plan that meshes and matrices depend on."""

    def one(interface: InterfaceProblem) -> tuple[object, ...]:
        layers = tuple((layer.name, layer.thickness_m) for layer in interface.layers)
        present = tuple(law is None for law in (interface.contact, interface.gap, interface.counter))
        grains = None if interface.polycrystal is None else interface.polycrystal.grains
        return _content(interface.cell), interface.depth_m, layers, present, grains

    sides = tuple((side.name, side.truncated, side.copies, one(side.interface)) for side in p.sides)
    return sides, None if p.pellet is None else (p.electrode_share, one(p.pellet))


def check_geometry(old: Plan, new: Plan) -> None:
    """Refuse a plan that needs other meshes or matrices than the old one.

    Raises
    ------
    InputError
        Naming the keys that changed and belong to the geometry, or that add or remove a law.
    """
    if _shape(old) == _shape(new):
        return
    changed = changed_keys(old.cell, new.cell)
    geometric = [key for key in changed if _GEOMETRY.search(key)]
    # The thickness is that of the law alone, unless it is the smallest height of a shape.
    shaped = [e for e in ("working_electrode", "counter_electrode") if (g := getattr(new.cell, e).gap) and g.shape]
    geometric += [key for key in changed if key in [f"{e}.gap.thickness" for e in shaped]]
    if geometric:
        raise InputError(
            f"{', '.join(geometric)}: changes the geometry or its mesh; only parameters of the laws can be varied "
            "without a new simulation"
        )
    raise InputError(
        f"{', '.join(changed)}: adds or removes a law, which changes the geometry of the problem; only its parameters "
        "can be varied without a new simulation"
    )


def restated(
    solved: SolvedCell, p: Plan, change: Callable[[SolvedInterface, InterfaceProblem], SolvedInterface]
) -> SolvedCell:
    """The solved cell with the laws of another plan of the same geometry.

    Parameters
    ----------
    solved : SolvedCell
    p : Plan
    change : callable
        (solved interface, interface with the new laws) -> solved interface.

    Raises
    ------
    InputError
        As `check_geometry`.
    """
    check_geometry(solved.plan, p)
    sides = tuple(change(s, side.interface) for side, s in solved.paired(p))
    pellet, bare = None, solved.bare_pellet_resistance
    if solved.pellet is not None and p.pellet is not None:
        effective = [EffectiveLaw(side, p.pellet.depth_m) for side in sides]
        has_scale = isinstance(solved.pellet.interface.contact, EffectiveLaw)
        contact = effective[0] if has_scale else p.sides[0].interface.contact
        counter = effective[-1] if isinstance(solved.pellet.interface.counter, EffectiveLaw) else p.pellet.counter
        pellet = change(solved.pellet, replace(p.pellet, contact=contact, counter=counter))
    if bare is not None:
        old, new = (
            float(np.real(q.electrolyte(np.zeros(1), q.cell.temperature)[0])) for q in (solved.plan, p)
        )  # one material and ideal contacts: a resistance over conductivity
        bare *= old / new
    coarser = None if solved.coarser is None else restated(solved.coarser, p, change)
    return replace(solved, plan=p, sides=sides, pellet=pellet, bare_pellet_resistance=bare, coarser=coarser)


def with_laws(solved: SolvedInterface, interface: InterfaceProblem) -> SolvedInterface:
    """The same basis with other laws: the field follows them as far as the basis reaches."""
    laws, temperature = interface.laws, interface.temperature_K
    discrete = replace(
        solved.discrete, interface=interface, problem=solved.discrete.problem.with_laws(laws, temperature)
    )
    reduced = replace(solved.reduced, problem=solved.reduced.problem.with_laws(laws, temperature))
    return replace(solved, interface=interface, discrete=discrete, reduced=reduced)
