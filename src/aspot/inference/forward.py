"""The spectrum of one solved geometry under any laws, with its exact derivatives.

The admittance of a piece, Y = sum_q theta_q x^T A_q x, is stationary with respect to the field x, so that

    dY/dp = sum_q (dtheta_q/dp) x^T A_q x

comes with the evaluation itself. The laws theta(p) are closed formulas; they are differenced, the field is not.

Similar unit cells: if all lengths of an interface grow by s, its volume matrices grow by s, its surface matrices by
s^2 and its area by s^2. So with kappa the law of the volume and y those of the surface, its excess impedance obeys

    Z_excess(s; kappa, y) = s Z_excess(1; kappa, s y) ,

exactly: the size of the spots at a given contact fraction is a parameter like those of the laws.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from aspot.cell import Cell
from aspot.certified import CertifiedBasis
from aspot.compose import EffectiveLaw, SolvedCell, SolvedInterface, model_of
from aspot.errors import ConvergenceError, InputError, MemoryLimitError
from aspot.fem.problem import AffineTerm
from aspot.fem.voxel_cells import Across
from aspot.inference.jets import Jet
from aspot.interface import InterfaceProblem
from aspot.parametric import certified_basis
from aspot.plan import Plan, plan
from aspot.result import Result
from aspot.variation import beside

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

#: Growth of a basis (full solves and references) for one evaluation, at most.
_MOST_STEPS = 80
#: Terms of a problem that live on the surface.
_SURFACE = ("contact", "gap", "counter")
#: See `compose.effective_admittance`.
_FLOOR = 1e-7


@dataclass(frozen=True, kw_only=True, eq=False)
class Laws:
    """Everything that the spectrum of a cell depends on beside its geometry, with derivatives.

    Parameters
    ----------
    plan : Plan
    kappa : Jet
        Admittivity of the electrolyte [S/m].
    column : Jet
        Thickness of the pellet over its admittivity [ohm m2].
    slab : Jet
        Impedance of the pellet between perfect contacts, per electrode area [ohm m2].
    counter : Jet or None
        Impedance of a planar counter electrode in series [ohm m2].
    named : mapping of str to Jet
        Laws of every piece: "working.contact", "counter.gap", "pellet.electrolyte", ...
    """

    plan: Plan
    kappa: Jet
    column: Jet
    slab: Jet
    counter: Jet | None
    named: Mapping[str, Jet]

    @property
    def shape(self) -> tuple[int, int]:
        """(P, m)."""
        n, m = self.kappa.slopes.shape
        return n, m


def _values(cell: Cell, omega: Real) -> tuple[Plan, dict[str, Complex]]:
    """Values of all laws of a cell by name, shape (m,)."""
    p = plan(cell)
    temperature = cell.temperature
    out = {"kappa": p.electrolyte(omega, temperature)}
    out["column"] = cell.electrolyte.thickness / out["kappa"]
    out["slab"] = p.electrode_share * out["column"]
    if p.counter is not None:
        out["counter"] = 1.0 / p.counter(omega, temperature)
    interfaces = {side.name: side.interface for side in p.sides}
    if p.pellet is not None:
        interfaces["pellet"] = replace(p.pellet, contact=p.sides[0].interface.contact)
    for piece, interface in interfaces.items():
        for name, law in interface.laws.items():
            out[f"{piece}.{name}"] = law(omega, temperature)
    return p, {name: np.asarray(value, complex) for name, value in out.items()}


def laws_at(cell: Cell, omega: Real, values: Mapping[str, float], n_parameters: Mapping[str, int]) -> Laws:
    """Laws of a cell and their derivatives.

    Parameters
    ----------
    cell : Cell
    omega : (m,) float
    values : mapping of str to float
        Value in the cell of every parameter that a law depends on, by path.
    n_parameters : mapping of str to int
        Place of every free parameter among the derivatives.
    """
    p, here = _values(cell, omega)
    slopes = {name: np.zeros((len(n_parameters), len(omega)), complex) for name in here}
    for path, value in values.items():
        (low, below), (high, above) = (_beside(cell, omega, path, value, sign, here) for sign in (-1.0, 1.0))
        for name, slope in slopes.items():
            slope[n_parameters[path]] = (above[name] - below[name]) / (high - low)
    jets = {name: Jet(here[name], slopes[name]) for name in here}
    counter = jets.pop("counter", None)
    kappa, column, slab = (jets.pop(name) for name in ("kappa", "column", "slab"))
    return Laws(plan=p, kappa=kappa, column=column, slab=slab, counter=counter, named=jets)


def _beside(
    cell: Cell, omega: Real, path: str, value: float, sign: float, here: dict[str, Complex]
) -> tuple[float, dict[str, Complex]]:
    """Laws at a value a little below or above; at the value itself where the case allows no further."""
    moved, other = beside(cell, path, value, sign)
    try:
        return (value, here) if moved == value else (moved, _values(other, omega)[1])
    except InputError:
        return value, here


def depends_on_laws(cell: Cell, omega: Real, path: str, value: float) -> bool:
    """Whether a parameter of the case changes any law."""
    here = _values(cell, omega)[1]
    others = (_beside(cell, omega, path, value, sign, here)[1] for sign in (-1.0, 1.0))
    return any(not np.array_equal(other[name], here[name]) for other in others for name in here)


@dataclass(frozen=True, eq=False)
class _Piece:
    """One interface at one level: its basis, and whether that bounds its own error."""

    solved: SolvedInterface
    basis: CertifiedBasis
    is_bounded: bool

    @classmethod
    def of(cls, solved: SolvedInterface, omega: Real) -> _Piece:
        try:
            return cls(solved, certified_basis(solved, omega), True)
        except MemoryLimitError:
            # Label images store no matrices that a bound could be made of: the basis of the simulation has to do.
            return cls(solved, CertifiedBasis(solved.reduced.problem, {}, solved.reduced.basis), False)

    def _law(self, term: AffineTerm, laws: Mapping[str, Jet]) -> Jet:
        """The law of a term; faces between voxels have materials and an interface in series."""
        if not isinstance(term.law, Across):
            return laws[term.name]
        in_series = [length / laws[name] for name, _, length in term.law.halves]
        if term.law.law is not None:
            interface = self.solved.interface
            face = next(name for name in _SURFACE if getattr(interface, name) is term.law.law)
            in_series.append(laws[face].inverse())
        first, *others = in_series
        for z in others:
            first = first + z
        return first.inverse()

    def impedance(self, laws: Mapping[str, Jet], scale: Jet | None, tolerance: float, slab: Real) -> Jet:
        """Impedance per area of the piece, `scale` times as large as it was solved; the basis grows as needed.

        Parameters
        ----------
        laws : mapping of str to Jet
            By name of term.
        scale : Jet or None
        tolerance : float
            Error that the basis may make, relative to the piece or the slab, whichever is larger.
        slab : (m,) float
            Size of the impedance of the slab [ohm m2].
        """
        if scale is not None:
            laws = {name: jet * scale if name in _SURFACE else jet for name, jet in laws.items()}
        jets = [self._law(term, laws) for term in self.basis.problem.terms]
        theta = np.stack([jet.value for jet in jets])
        area = self.basis.problem.area_m2
        for _ in range(_MOST_STEPS):
            found = self.basis.evaluate(theta)
            if not self.is_bounded:
                break
            size = area / np.abs(found.admittance) * (1.0 if scale is None else np.abs(scale.value))
            excess = size * found.relative_bound / (tolerance * np.maximum(size, slab))
            if excess.max() <= 1.0:
                break
            self.basis.grow(theta[:, int(np.argmax(excess))])
        else:
            raise ConvergenceError(f"fit: the bound of the basis is {excess.max():.1e} times what is wanted")
        energies = self.basis.energies(found)
        slopes = np.einsum("qm,qpm->pm", energies, np.stack([jet.slopes for jet in jets]))
        piece = area / Jet(found.admittance, slopes)
        return piece if scale is None else scale * piece


@dataclass(frozen=True, eq=False)
class _Level:
    solved: SolvedCell
    sides: tuple[_Piece, ...]
    pellet: _Piece | None

    def excess(self, laws: Laws, scales: Mapping[str, Jet], tolerance: float) -> Jet:
        """Impedance beyond that of the slab, without a planar counter electrode in series [ohm m2]."""
        excesses, slab = [], np.abs(laws.slab.value)
        for (side, solved), piece in zip(self.solved.paired(self.solved.plan), self.sides, strict=True):
            named = _of(laws, side.name)
            scale = scales.get(side.name)
            bare = solved.interface.depth_m / laws.kappa
            found = piece.impedance(named, scale, tolerance, slab)
            excesses.append((side, found - (bare if scale is None else scale * bare)))
        if self.pellet is None:
            total = Jet.constant(0.0, laws.shape)
            for side, excess in excesses:
                total = total + side.copies * excess
            return total
        return self._on_pellet(self.pellet, laws, [excess for _, excess in excesses], tolerance)

    def _on_pellet(self, pellet: _Piece, laws: Laws, excesses: Sequence[Jet], tolerance: float) -> Jet:
        """The electrode on a wider pellet, whose laws are the excess impedances of the sides."""
        assert laws.plan.pellet is not None
        named = _of(laws, "pellet")
        interface = pellet.solved.interface
        effective = [r for r in _SIDES if isinstance(getattr(interface, r), EffectiveLaw)]
        floor = _FLOOR * laws.plan.pellet.depth_m / laws.kappa
        for role, excess in zip(effective, excesses, strict=True):
            named[role] = excess.where(np.abs(excess.value) >= np.abs(floor.value), floor).inverse()
        copies = self.solved.plan.sides[0].copies
        # The slab of the geometry that was solved, whatever the diameter of the electrode in question.
        slab = self.solved.plan.electrode_share * laws.column
        return copies * pellet.impedance(named, None, tolerance, np.abs(slab.value)) - slab


_SIDES = ("contact", "counter")


def _of(laws: Laws, piece: str) -> dict[str, Jet]:
    """The laws of one piece by name of term."""
    prefix = f"{piece}."
    return {name.removeprefix(prefix): jet for name, jet in laws.named.items() if name.startswith(prefix)}


def is_scalable(interface: InterfaceProblem) -> bool:
    """Whether all lengths of an interface belong to its unit cell: no films, grains or heights of gaps."""
    heights = any(getattr(interface.cell, name, None) is not None for name in ("gap_profile", "gap_height"))
    return not (interface.layers or interface.polycrystal or heights)


class SolvedGeometry:
    """One simulated cell, to be evaluated under any laws.

    Parameters
    ----------
    result : Result
    omega : (m,) float
        Angular frequencies to cover [rad/s].
    tolerance : float
        Relative error of Z that the bases may make.
    """

    def __init__(self, result: Result, omega: Real, tolerance: float) -> None:
        model = model_of(result)
        self.result, self.tolerance = result, tolerance
        self._weight = model.weight
        self._levels: list[_Level] = []
        solved: SolvedCell | None = model
        while solved is not None:
            sides = tuple(_Piece.of(s, omega) for s in solved.sides)
            pellet = None if solved.pellet is None else _Piece.of(solved.pellet, omega)
            self._levels.append(_Level(solved, sides, pellet))
            solved = solved.coarser if self._weight else None

    @cached_property
    def constrictions(self) -> dict[str, float]:
        """Resistance of the constriction of every side that may be scaled, times the conductivity [m]."""
        model = self._levels[0].solved
        out = {}
        for side, solved in model.paired(model.plan):
            if not is_scalable(solved.interface):
                continue
            sigma = float(np.real(solved.interface.electrolyte(np.zeros(1), solved.interface.temperature_K)[0]))
            length = solved.partition()["electrolyte"] * sigma - solved.interface.depth_m
            if length > _FLOOR * solved.interface.depth_m:
                out[side.name] = length
        return out

    @property
    def is_bounded(self) -> bool:
        """Whether every basis knows its own error."""
        return all(p.is_bounded for level in self._levels for p in (*level.sides, level.pellet) if p is not None)

    def excess(self, laws: Laws, scales: Mapping[str, Jet]) -> Jet:
        """Impedance beyond that of the slab, without a planar counter electrode in series [ohm m2].

        Parameters
        ----------
        laws : Laws
        scales : mapping of str to Jet
            Size of a side's unit cell over that of the simulation; sides that are not named are as they were.
        """
        found = [level.excess(laws, scales, self.tolerance) for level in self._levels]
        fine = found[0]
        return fine if len(found) == 1 else fine + self._weight * (fine - found[1])
