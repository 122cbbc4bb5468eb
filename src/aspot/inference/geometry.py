"""What the free parameters of a cell act on - laws, the size of a unit cell, its mesh - and grids of the latter."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aspot.cell import Cell
from aspot.errors import InputError
from aspot.inference.forward import depends_on_laws, is_scalable
from aspot.inference.free import Free
from aspot.interface import InterfaceProblem
from aspot.morphology.unit_cell import UnitCell
from aspot.plan import Plan, plan
from aspot.variation import check_geometry

Real = NDArray[np.float64]

_Map = Callable[[float], float]

#: Points of a polynomial along one axis.
_POINTS = 4
#: Change of a parameter that tells what it does to the geometry.
_PROBE = 1e-2


@dataclass(frozen=True, kw_only=True)
class Roles:
    """What the free parameters of a cell act on.

    Parameters
    ----------
    laws : tuple of str
        Paths that change a law.
    scales : dict of str to str
        Paths that change the size of a unit cell alone, and the side that it belongs to.
    axes : tuple of str
        Paths that change the mesh otherwise.
    """

    laws: tuple[str, ...]
    scales: dict[str, str]
    axes: tuple[str, ...]


def roles_of(cell: Cell, free: Sequence[Free], omega: Real) -> Roles:
    """Sort the free parameters of the case by what they act on at its values."""
    here = plan(cell)
    laws, axes = [], []
    scales: dict[str, str] = {}
    for one in free:
        if one.is_instrument:
            continue
        value = one.parameter.value
        if depends_on_laws(cell, omega, one.path, value):
            laws.append(one.path)
        beside = _beside(cell, one)
        try:
            check_geometry(here, beside)
        except InputError:
            side = _scaled_side(here, beside)
            if side is None or one.path in laws or side in scales.values():
                axes.append(one.path)
            else:
                scales[one.path] = side
    return Roles(laws=tuple(laws), scales=scales, axes=tuple(axes))


def _beside(cell: Cell, one: Free) -> Plan:
    value = one.parameter.value
    for factor in (1.0 + _PROBE, 1.0 - _PROBE):
        try:
            return plan(cell.with_(**{one.path: factor * value}))
        except InputError:
            continue
    raise InputError(f"free: {one.path} = {value:g}: the case allows no value beside it")


def _scaled_side(old: Plan, new: Plan) -> str | None:
    """The side whose unit cell differs by its size alone; None if there is none, or more than that differs."""
    if (old.pellet is None) != (new.pellet is None) or old.electrode_share != new.electrode_share:
        return None
    found = []
    for a, b in zip(old.sides, new.sides, strict=True):
        if _is_similar(a.interface, b.interface, 1.0):
            continue
        scale = _ratio(a.interface.cell, b.interface.cell)
        # A pellet that is not deep enough does not grow along; that is seen to by `CellModel`.
        other = (
            b.interface if a.truncated and b.truncated else replace(b.interface, depth_m=a.interface.depth_m * scale)
        )
        if not _is_similar(a.interface, other, scale):
            return None
        found.append(a.name)
    return found[0] if len(found) == 1 else None


def _ratio(old: UnitCell, new: UnitCell) -> float:
    (a, _), (b, _) = _taken_apart(old), _taken_apart(new)
    largest = int(np.argmax(np.abs(a)))
    return b[largest] / a[largest] if len(a) == len(b) else math.nan


def _is_similar(old: InterfaceProblem, new: InterfaceProblem, scale: float) -> bool:
    """Whether all lengths of one interface are `scale` times those of the other, and nothing else differs."""
    if scale != 1.0 and not is_scalable(old):
        return False
    layers = [[(layer.name, layer.thickness_m) for layer in i.layers] for i in (old, new)]
    grains = [i.polycrystal and i.polycrystal.grains for i in (old, new)]
    (a, rest), (b, other) = _taken_apart(old.cell), _taken_apart(new.cell)
    if len(a) != len(b) or rest != other or layers[0] != layers[1] or grains[0] != grains[1]:
        return False
    lengths = np.allclose(np.array(a) * scale, b, rtol=1e-6, atol=1e-9 * scale * max(map(abs, a)))
    return bool(lengths) and math.isclose(old.depth_m * scale, new.depth_m, rel_tol=1e-6)


def _taken_apart(value: Any) -> tuple[list[float], list[object]]:
    """The lengths of a unit cell, and everything else that it holds."""
    if is_dataclass(value):
        parts = [type(value).__name__, *(getattr(value, f.name) for f in fields(value))]
    elif isinstance(value, (list, tuple)):
        parts = [len(value), *value]
    elif isinstance(value, np.ndarray):
        return [], [value.shape, value.tobytes()]
    else:
        return ([value], []) if isinstance(value, float) else ([], [value])
    lengths: list[float] = []
    rest: list[object] = []
    for part in parts:
        found = _taken_apart(part)
        lengths += found[0]
        rest += found[1]
    return lengths, rest


@dataclass(frozen=True, kw_only=True)
class Axis:
    """A geometric parameter that is interpolated over.

    Parameters
    ----------
    path : str
    to, back : callable
        Between the parameter and the variable in which the grid is even.
    slope : callable
        Derivative of the variable by the parameter.
    low, high : float
        Ends of the grid, in the variable.
    n : int
        Its points.
    """

    path: str
    to: _Map
    back: _Map
    slope: _Map
    low: float
    high: float
    n: int

    @property
    def spacing(self) -> float:
        """Distance of its points, in the variable."""
        return (self.high - self.low) / (self.n - 1)

    def value(self, k: int) -> float:
        """Parameter at a point of the grid."""
        return self.back(self.low + k * self.spacing)

    def weights(self, value: float) -> tuple[int, Real, Real]:
        """First of the four points around a value, their weights, and the derivatives of these by the value."""
        x = (self.to(value) - self.low) / self.spacing
        first = int(np.clip(math.floor(x) - 1, 0, self.n - _POINTS))
        t = x - first - np.arange(_POINTS)
        weights, slopes = np.ones(_POINTS), np.zeros(_POINTS)
        for i in range(_POINTS):
            others = [j for j in range(_POINTS) if j != i]
            scale = math.prod(i - j for j in others)
            weights[i] = math.prod(t[j] for j in others) / scale
            slopes[i] = sum(math.prod(t[k] for k in others if k != j) for j in others) / scale
        return first, weights, slopes * self.slope(value) / self.spacing


@dataclass(frozen=True, kw_only=True)
class Point:
    """A point of a grid that takes part in an interpolation.

    Parameters
    ----------
    at : dict of str to float
        Its parameters by path.
    weight : float
    rates : dict of str to float
        Derivatives of the weight by the parameters of the place that is asked for.
    """

    at: dict[str, float]
    weight: float
    rates: dict[str, float]


def stencil(axes: Sequence[Axis], by: Mapping[str, float]) -> tuple[Point, ...]:
    """The points of a grid around a place, four along every axis."""
    around = [axis.weights(by[axis.path]) for axis in axes]
    points = []
    for steps in product(range(_POINTS), repeat=len(axes)):
        weights = [weights[k] for (_, weights, _), k in zip(around, steps, strict=True)]
        rates = {}
        for i, axis in enumerate(axes):
            others = math.prod(w for j, w in enumerate(weights) if j != i)
            rates[axis.path] = float(around[i][2][steps[i]] * others)
        at = {axis.path: axis.value(first + k) for axis, (first, _, _), k in zip(axes, around, steps, strict=True)}
        points.append(Point(at=at, weight=float(math.prod(weights)), rates=rates))
    return tuple(points)


def axis_of(one: Free, cell: Cell, spacing: float) -> Axis:
    """The grid of a parameter between its bounds: even in ln(f/(1 - f)) for shares of a whole, ln p, or p.

    Contact fractions are shares of 1, and so is the diameter of an electrode of that of its pellet: the constriction
    vanishes as a power of what is left of the whole.
    """
    p, electrode, pellet = one.parameter, cell.working_electrode.diameter, cell.electrolyte.diameter
    to: _Map
    back: _Map
    slope: _Map
    whole = 1.0 if one.path.endswith(".contact_fraction") else None
    if one.path == "working_electrode.diameter":
        whole = pellet
    if whole is not None:
        to, back, slope = _share_of(whole)
    elif one.path == "electrolyte.diameter" and electrode is not None:
        d = electrode
        to, back, slope = (
            (lambda v: math.log(v / d - 1.0)),
            (lambda x: d * (1.0 + math.exp(x))),
            (lambda v: 1.0 / (v - d)),
        )
    elif p.scale == "log":
        to, back, slope = math.log, math.exp, (lambda v: 1.0 / v)
    else:
        width = 0.25 * (p.upper - p.lower)
        to, back, slope = (lambda v: v / width), (lambda x: x * width), (lambda v: 1.0 / width)
    low, high = to(p.lower), to(p.upper)
    n = max(_POINTS, 1 + math.ceil((high - low) / spacing))
    return Axis(path=one.path, to=to, back=back, slope=slope, low=low, high=high, n=n)


def _share_of(whole: float) -> tuple[_Map, _Map, _Map]:
    """ln(v/(whole - v)), its inverse and its derivative."""
    return (
        lambda v: math.log(v / (whole - v)),
        lambda x: whole / (1.0 + math.exp(-x)),
        lambda v: whole / (v * (whole - v)),
    )
