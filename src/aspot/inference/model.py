"""The spectrum of a cell as a function of its free parameters, with derivatives.

A contact fraction or a ratio of sizes needs a mesh of its own. Simulations are made on a grid of such parameters, only
where the search comes by, and between them the logarithm of the excess impedance is a polynomial of third order. Each
is evaluated under the laws of the moment (`aspot.inference.forward`), so that one simulation serves all laws, and made
similar to the interface in question (`aspot.inference.similarity`), so that little is left to be interpolated. The size
of a unit cell at a given shape is exact as long as the pellet is deeper than the field.

With more than two such parameters nothing is interpolated: every point is simulated, its neighbours for the derivatives
too. That is slow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from aspot.cell import Cell
from aspot.errors import InputError, ToleranceError
from aspot.inference.forward import Laws, SolvedGeometry, laws_at
from aspot.inference.free import Free
from aspot.inference.geometry import Axis, axis_of, roles_of, stencil
from aspot.inference.jets import Jet
from aspot.inference.similarity import Similar, similar_interfaces
from aspot.plan import plan
from aspot.result import Result
from aspot.simulation import simulate

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

#: Parameters that are interpolated at most: with more, hundreds of simulations would be needed.
_MOST_AXES = 2
#: Step of the differences of simulations, in the variable of an axis.
_STEP = 0.02
#: Relative error of Z that the bases may make, as a share of the cell's tolerance.
_REDUCTION_SHARE = 1e-2
#: Solved geometries that are kept where nothing is interpolated.
_KEPT = 20


class CellModel:
    """Impedance [ohm m2] of a cell for values of its free parameters; calls give (Z (m,), dZ/dvalues (m, n)).

    Parameters
    ----------
    cell : Cell
        Its values of the free keys are where simulations are made.
    free : sequence of Free
    frequency_Hz : (m,) float
        Highest first.
    spacing : float
        Of the grid of geometries, in the variables of its axes (0.8: factors of 2.2).
    tell : callable, optional
        Called with the number of every simulation before it is made.
    """

    def __init__(
        self,
        cell: Cell,
        free: Sequence[Free],
        frequency_Hz: Real,
        *,
        spacing: float = 0.8,
        tell: Callable[[int], None] | None = None,
    ) -> None:
        # The frequencies stand apart: to read sixty of them again and again would cost more than all laws.
        self.cell, self.free = cell.with_(frequencies=None), tuple(free)
        self.frequency_Hz: Real = np.asarray(frequency_Hz, float)
        self.omega: Real = 2.0 * np.pi * self.frequency_Hz
        self.roles = roles_of(cell, free, self.omega)
        self.simulations = 0
        self._tell = tell or (lambda n: None)
        self._places = {one.path: k for k, one in enumerate(self.free)}
        # A size counts against the depth of the pellet, as an exponential.
        finer = dict.fromkeys(self.roles.scales, 0.5)
        self._axes = {
            one.path: axis_of(one, self.cell, spacing * finer.get(one.path, 1.0))
            for one in self.free
            if not one.is_instrument
        }
        self._solved: dict[tuple[tuple[str, float], ...], SolvedGeometry] = {}

    @property
    def is_interpolated(self) -> bool:
        """Whether simulations are joined by interpolation."""
        return 0 < len(self.roles.axes) <= _MOST_AXES

    @property
    def is_slow(self) -> bool:
        """Whether every point needs simulations of its own."""
        return len(self.roles.axes) > _MOST_AXES

    def cell_at(self, values: Real) -> Cell:
        """The cell with the values of the free keys.

        Raises
        ------
        InputError
            If it cannot be.
        """
        pairs = zip(self.free, values, strict=True)
        return self.cell.with_(**{one.path: float(v) for one, v in pairs if not one.is_instrument})

    def end_of_progress(self) -> None:
        """Tell nobody of further simulations."""
        self._tell = lambda n: None

    def simulated(self, cell: Cell) -> Result:
        """Simulation of a cell at the frequencies of the spectrum."""
        return simulate(cell.with_(frequencies={"values": [float(f) for f in self.frequency_Hz]}), with_fields=False)

    def __call__(self, values: Real) -> tuple[Complex, Complex]:
        """Impedance and derivatives.

        Raises
        ------
        InputError
            If there is no such cell, or it cannot be solved to its tolerance.
        """
        cell = self.cell_at(values)
        by = {one.path: float(v) for one, v in zip(self.free, values, strict=True)}
        laws = laws_at(cell, self.omega, {path: by[path] for path in self.roles.laws}, self._places)
        deep = {side.name for side in laws.plan.sides if side.truncated}
        # In a pellet that is not deep enough the size counts against its depth, which is one more axis.
        scales = {path: side for path, side in self.roles.scales.items() if side in deep}
        axes = [*self.roles.axes, *(path for path in self.roles.scales if path not in scales)]
        if not axes:
            excess = self._excess(self._geometry({}, scales), laws, by)
        elif len(axes) <= _MOST_AXES:
            excess = self._interpolated([self._axes[path] for path in axes], laws, scales, by)
        else:
            excess = self._differenced([self._axes[path] for path in axes], laws, scales, by)
        z = laws.slab + excess
        if laws.counter is not None:
            z = z + laws.counter
        z = z + self.instrument(by)
        return z.value, z.slopes.T

    def instrument(self, by: Mapping[str, float]) -> Jet:
        """Impedance in series with the cell [ohm m2]."""
        shape = (len(self.free), len(self.omega))
        out = Jet.constant(0.0, shape)
        for path, element in (("instrument.resistance", 1.0), ("instrument.inductance", 1j * self.omega)):
            if path in self._places:
                slopes = np.zeros(shape, complex)
                slopes[self._places[path]] = element
                out = out + Jet(np.full(shape[1], by[path] * element, complex), slopes)
        return out

    # Geometries -----------------------------------------------------------------------------------------------------

    def _excess(
        self, solved: SolvedGeometry, laws: Laws, by: Mapping[str, float], similar: Mapping[str, Similar] | None = None
    ) -> Jet:
        """Excess impedance of one geometry under given laws, with its derivatives by these and by sizes."""
        jets = {side: one.scale for side, one in (similar or {}).items() if one.scale is not None}
        for path, side in self.roles.scales.items():
            known = _value(solved.result.cell, path)
            slopes = np.zeros(laws.shape, complex)
            slopes[self._places[path]] = 1.0 / known
            size = Jet(np.full(laws.shape[1], by[path] / known, complex), slopes)
            jets[side] = jets[side] * size if side in jets else size
        for side, one in (similar or {}).items():
            laws = one.applied(laws, side)
        return solved.excess(laws, jets)

    def _geometry(self, at: Mapping[str, float], scales: Mapping[str, str]) -> SolvedGeometry:
        """The simulation with given geometric parameters; whatever else is as in `cell`."""
        key = tuple(sorted(at.items()))
        if key in self._solved:
            return self._solved[key]
        cell = self.cell.with_(**at)
        for path, side in scales.items():
            cell = _deep_enough(cell, path, side)
        self.simulations += 1
        self._tell(self.simulations)
        try:
            result = self.simulated(cell)
        except ToleranceError as error:
            raise InputError(f"fit: {error}") from error
        made = SolvedGeometry(result, self.omega, _REDUCTION_SHARE * cell.numerics.relative_tolerance)
        if self.is_slow and len(self._solved) >= _KEPT:
            del self._solved[next(iter(self._solved))]
        self._solved[key] = made
        return made

    def _interpolated(
        self, axes: Sequence[Axis], laws: Laws, scales: Mapping[str, str], by: Mapping[str, float]
    ) -> Jet:
        """Between the points of a grid, in the logarithm of the excess impedance of similar interfaces."""
        points = stencil(axes, by)
        solved = [self._geometry(point.at, scales) for point in points]
        sizes = [{side: _value(s.result.cell, path) for path, side in self.roles.scales.items()} for s in solved]
        similar = similar_interfaces(points, solved, sizes, by, laws.shape, self._places)
        reference: Complex | None = None
        total = Jet.constant(0.0, laws.shape)
        for point, one, alike in zip(points, solved, similar, strict=True):
            excess = self._excess(one, laws, by, alike)
            reference = excess.value if reference is None else reference
            logarithm = excess.log_ratio(reference)
            total = total + point.weight * logarithm
            for path, rate in point.rates.items():
                total.slopes[self._places[path]] += rate * logarithm.value
        assert reference is not None
        return total.exp() * reference

    def _differenced(self, axes: Sequence[Axis], laws: Laws, scales: Mapping[str, str], by: Mapping[str, float]) -> Jet:
        """At the values themselves, and at a neighbour along every axis."""
        here = {axis.path: by[axis.path] for axis in axes}
        excess = self._excess(self._geometry(here, scales), laws, by)
        for axis in axes:
            value = here[axis.path]
            x = axis.to(value)
            step = _STEP if x + _STEP <= axis.high else -_STEP
            moved = here | {axis.path: axis.back(x + step)}
            beside = self._excess(self._geometry(moved, scales), laws, by)
            rate = np.log(beside.value / excess.value) / step * axis.slope(value)
            excess.slopes[self._places[axis.path]] += rate * excess.value
        return excess


def _deep_enough(cell: Cell, path: str, side: str) -> Cell:
    """The cell with a size so small that its pellet is deeper than the field."""
    for _ in range(40):
        if next(s for s in plan(cell).sides if s.name == side).truncated:
            return cell
        cell = cell.with_(**{path: 0.7 * _value(cell, path)})
    raise InputError(f"fit: {path}: no size leaves the pellet deeper than the field")


def _value(cell: Cell, path: str) -> float:
    table: object = cell
    for key in path.split("."):
        table = table[int(key)] if isinstance(table, tuple) else getattr(table, key)
    assert isinstance(table, float)
    return table
