"""Spectra of one geometry for any other parameters of its laws, in milliseconds and with an error estimate.

>>> import aspot
>>> from aspot.parametric import Family
>>> cell = aspot.Cell(
...     electrolyte={"thickness": "1 mm", "conductivity": "1 mS/cm"},
...     working_electrode={
...         "morphology": {"kind": "spots", "arrangement": "single", "radius": "10 um", "contact_fraction": 0.05},
...         "contact": {"charge_transfer_resistance": "1 ohm cm^2", "double_layer_capacitance": "10 uF/cm^2"},
...         "gap": {"thickness": "30 nm"},
...     },
... )
>>> family = Family(aspot.simulate(cell))
>>> warmer = family.spectrum(**{"temperature": "80 degC", "working_electrode.gap.thickness": "50 nm"})
>>> bool(warmer.errors.max() < 1e-3)
True
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aspot.cell import Cell
from aspot.certified import CertifiedBasis
from aspot.compose import EffectiveLaw, SolvedCell, SolvedInterface, effective_admittance, model_of
from aspot.errors import ConvergenceError, InputError
from aspot.morphology.unit_cell import BoxCell
from aspot.plan import Plan, plan
from aspot.reduction import ReducedProblem
from aspot.result import Result
from aspot.spectrum import Spectrum
from aspot.threads import one_thread
from aspot.units import OHM_CM2
from aspot.variation import check_geometry, restated, theta_of, with_laws

__all__ = ["Evaluation", "Family"]

#: Share of the cell's tolerance that is left to the basis, unless told otherwise.
_REDUCTION_SHARE = 1e-2
#: Steps of growth (full solves and references) for one evaluation.
_MOST_STEPS = 80

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """A spectrum for other parameters.

    Parameters
    ----------
    cell : Cell
    frequency_Hz : (m,) float
    impedance_ohm_cm2 : (m,) complex
    reduction_error : (m,) float
        Bound of the relative error of Z that the basis makes against full solves on the same meshes.
    discretisation_error : (m,) float
        Estimate of the relative error of Z by the mesh: the change from the level before, at these parameters, as
        `simulate` takes it.
    truncation_error : float
        Relative error of Z by cutting the depth of the electrolyte.
    full_solves : int
        Full solves that this evaluation needed; 0 inside the range that the family knows.
    direct_current_error : float
        Estimate of the relative error of R_total, all together.
    """

    cell: Cell
    frequency_Hz: Real
    impedance_ohm_cm2: Complex
    reduction_error: Real
    discretisation_error: Real
    truncation_error: float
    full_solves: int
    direct_current_error: float

    @property
    def relative_error(self) -> Real:
        """Estimate of the relative error of Z, all together, shape (m,)."""
        return self.reduction_error + self.discretisation_error + self.truncation_error

    @property
    def spectrum(self) -> Spectrum:
        """As `simulate` returns it, with its error."""
        return Spectrum(
            frequency_Hz=self.frequency_Hz,
            impedance_ohm_cm2=self.impedance_ohm_cm2,
            temperature_K=self.cell.temperature,
            relative_error=self.relative_error,
            provenance={"case": self.cell.digest, "backend": "reduced basis", "full_solves": self.full_solves},
        )


@dataclass
class _Share:
    """What one basis contributes to the error of Z at every frequency [ohm m2]."""

    basis: CertifiedBasis
    theta: Complex
    error: Real


@dataclass
class _Composed:
    """Impedance of a level, what every basis adds to its error, and the change by cutting, at 0 Hz [ohm m2]."""

    z: Complex
    shares: list[_Share]
    cut: float


@dataclass
class _Level:
    solved: SolvedCell
    sides: tuple[CertifiedBasis, ...]
    pellet: CertifiedBasis | None

    @property
    def bases(self) -> tuple[CertifiedBasis, ...]:
        return self.sides if self.pellet is None else (*self.sides, self.pellet)


class Family:
    """All cells that differ from a simulated one in parameters of the laws alone.

    Temperature, conductivities, permittivities, activation energies, parameters of contacts, interphases, gaps (their
    height included), grain boundaries, layers (but their thickness) and the counter electrode, and the frequencies.

    The error at every frequency is the sum of a bound for the basis from residuals (`aspot.certified`), of an estimate
    for the mesh from two levels, and of what cutting the depth changes. Where the bound of the basis exceeds
    `tolerance` the basis grows by full solves until it does not: the family learns and is slower there once. The mesh
    stays as it is, so that far from the simulated cell the error of the mesh may exceed that cell's tolerance; it is
    in the estimate.

    Parameters
    ----------
    result : Result
        From `simulate`.
    tolerance : float, optional
        Relative error of Z that the basis may make; default: a hundredth of the cell's relative tolerance.

    Raises
    ------
    InputError
        If the result has no model, or the tolerance is not between 0 and 1.
    """

    @one_thread
    def __init__(self, result: Result, *, tolerance: float | None = None) -> None:
        model = model_of(result)
        self.cell = result.cell
        self.tolerance = _REDUCTION_SHARE * result.cell.numerics.relative_tolerance if tolerance is None else tolerance
        if not 0.0 < self.tolerance < 1.0:
            raise InputError(f"tolerance = {tolerance!r}: must lie between 0 and 1")
        self._plan: Plan = model.plan
        omega = 2.0 * np.pi * np.append(np.asarray(result.spectrum.frequency_Hz, float), 0.0)
        solved: SolvedCell | None = model
        self._levels: list[_Level] = []
        while solved is not None:
            pellet = None if solved.pellet is None else certified_basis(solved.pellet, omega)
            self._levels.append(_Level(solved, tuple(certified_basis(s, omega) for s in solved.sides), pellet))
            solved = solved.coarser
        self._simulated = result.full_solves

    @property
    def full_solves(self) -> int:
        """Full solves so far, those of the simulation included."""
        return self._simulated + sum(basis.full_solves for level in self._levels for basis in level.bases)

    @property
    def basis_sizes(self) -> tuple[int, ...]:
        """Number of basis vectors of every interface, the finest level first."""
        return tuple(basis.basis.shape[1] for level in self._levels for basis in level.bases)

    def __repr__(self) -> str:
        return f"<Family of {self.cell.name!r}: {self.full_solves} full solves, bases of {self.basis_sizes}>"

    # Evaluation -----------------------------------------------------------------------------------------------------

    def spectrum(self, cell: Cell | None = None, **changes: object) -> Spectrum:
        """Spectrum of another cell of the family, with its error at every frequency; arguments as for `evaluate`."""
        return self.evaluate(cell, **changes).spectrum

    @one_thread
    def evaluate(self, cell: Cell | None = None, **changes: object) -> Evaluation:
        """Spectrum of another cell of the family with all parts of its error.

        Parameters
        ----------
        cell : Cell, optional
            Default: the simulated one.
        **changes
            New values by dotted path ("temperature", "working_electrode.gap.thickness", ...), as for `Cell.with_`.

        Raises
        ------
        InputError
            If the cell differs in its geometry (the message names the keys), or a value is not allowed.
        ConvergenceError
            If the basis cannot be made good enough.
        """
        cell, p = self._planned(cell, changes)
        frequencies = np.asarray(cell.frequencies.values_Hz(), float)
        # Direct current belongs to it, as in `simulate`.
        omega = 2.0 * np.pi * np.append(frequencies, 0.0)
        before = self.full_solves
        for _ in range(_MOST_STEPS):
            found = [_compose(level, p, omega) for level in self._levels]
            z, shares = self._extrapolated(found)
            size = np.abs(z)
            total = np.sum([share.error for share in shares], axis=0) / size
            if total.max() <= self.tolerance:
                break
            # The first that is too wide: the laws of a pellet come from its sides, which must be right before.
            peaks = [float(np.max(share.error / size)) for share in shares]
            worst = shares[next((k for k, e in enumerate(peaks) if e > self.tolerance), int(np.argmax(peaks)))]
            worst.basis.grow(worst.theta[:, int(np.argmax(worst.error / size))])
        else:
            raise ConvergenceError(
                f"parametric: the bound of the basis is {total.max():.1e} after {self.full_solves - before} full "
                f"solves, asked {self.tolerance:.1e}"
            )
        mesh = np.zeros(len(omega))
        if len(found) > 1:
            mesh = self._levels[0].solved.safety * np.abs(found[0].z - found[1].z) / size
        return Evaluation(
            cell=cell,
            frequency_Hz=frequencies,
            impedance_ohm_cm2=z[:-1] * OHM_CM2,
            reduction_error=total[:-1],
            discretisation_error=mesh[:-1],
            truncation_error=(cut := found[0].cut / float(np.real(z[-1]))),
            full_solves=self.full_solves - before,
            direct_current_error=float(total[-1] + mesh[-1]) + cut,
        )

    @one_thread
    def model(self, cell: Cell | None = None, **changes: object) -> SolvedCell:
        """The solved cell for other parameters, for its partition and everything in `aspot.analysis`.

        The basis is first made good enough at all frequencies of the cell and at direct current; arguments and errors
        as for `evaluate`.
        """
        return self.answer(cell, **changes)[1]

    @one_thread
    def answer(self, cell: Cell | None = None, **changes: object) -> tuple[Evaluation, SolvedCell]:
        """Both what `evaluate` and what `model` give; arguments and errors as for `evaluate`."""
        evaluated = self.evaluate(cell, **changes)
        solved: SolvedCell | None = None
        for level in reversed(self._levels):
            known = replace(
                level.solved,
                sides=tuple(_grown(s, b) for s, b in zip(level.solved.sides, level.sides, strict=True)),
                pellet=None
                if level.solved.pellet is None or level.pellet is None
                else _grown(level.solved.pellet, level.pellet),
                coarser=solved,
            )
            solved = known
        assert solved is not None
        return evaluated, restated(solved, plan(evaluated.cell), with_laws)

    def copy(self) -> Family:
        """A family that knows what this one knows, and learns apart from it; meshes and matrices are shared."""
        other = copy(self)
        other._levels = [
            _Level(level.solved, tuple(b.copy() for b in level.sides), level.pellet and level.pellet.copy())
            for level in self._levels
        ]
        return other

    @one_thread
    def train(
        self, ranges: Mapping[str, tuple[float, float]], *, samples: int = 64, seed: int = 0, cell: Cell | None = None
    ) -> int:
        """Let the basis grow over ranges of parameters beforehand, so that later evaluations there need no full solve.

        Parameters
        ----------
        ranges : mapping of str to (low, high)
            By dotted path, SI; sampled evenly in the logarithm where both are positive.
        samples : int
            Random cells that are evaluated.
        seed : int
        cell : Cell, optional
            What the other parameters are; default: the simulated cell.

        Returns
        -------
        int
            Full solves that it took.

        Raises
        ------
        InputError
            As `evaluate`, or if a range is empty.
        """
        random, before = np.random.default_rng(seed), self.full_solves
        for path, (low, high) in ranges.items():
            if not low <= high:
                raise InputError(f"{path}: the range from {low:g} to {high:g} is empty")
        for _ in range(samples):
            drawn: dict[str, object] = {}
            for path, (low, high) in ranges.items():
                u = random.uniform()
                drawn[path] = float(low ** (1 - u) * high**u if low > 0 else low + u * (high - low))
            self.evaluate(cell, **drawn)
        return self.full_solves - before

    # ----------------------------------------------------------------------------------------------------------------

    def _planned(self, cell: Cell | None, changes: Mapping[str, object]) -> tuple[Cell, Plan]:
        cell = self.cell if cell is None else cell
        cell = cell.with_(**changes) if changes else cell
        if cell.numerics != self.cell.numerics:
            raise InputError("numerics: belongs to the simulation that the family comes from; run a new one")
        p = plan(cell)
        check_geometry(self._plan, p)
        return cell, p

    def _extrapolated(self, found: list[_Composed]) -> tuple[Complex, list[_Share]]:
        """Z [ohm m2] and what every basis contributes to its error, that of the mesh's estimate included."""
        fine = found[0]
        if len(found) == 1:
            return fine.z, fine.shares
        weight, safety = self._levels[0].solved.weight, self._levels[0].solved.safety
        z = fine.z + weight * (fine.z - found[1].z)
        scaled = [(fine, 1.0 + weight), (found[1], max(weight, safety))]
        return z, [_Share(s.basis, s.theta, f * s.error) for part, f in scaled for s in part.shares]


def certified_basis(solved: SolvedInterface, omega: Real) -> CertifiedBasis:
    """The basis of a solved interface, made to bound its error around the laws at angular frequencies [rad/s]."""
    interface = solved.interface
    series = {"electrolyte": interface.depth_m} | {layer.name: layer.thickness_m for layer in interface.layers}
    if interface.polycrystal is not None and isinstance(interface.cell, BoxCell):
        grains, box = interface.polycrystal.grains, interface.cell
        series["electrolyte"] = max(interface.depth_m - grains.depth_m, 0.0)
        series |= {"grains": grains.depth_m, "grain_boundaries": float(grains.crossings(box.size_x, box.size_y))}
    if interface.counter is not None:
        series["counter"] = 1.0
    return CertifiedBasis.of(solved.reduced, series, solved.reduced.problem.theta(omega))


def _grown(solved: SolvedInterface, basis: CertifiedBasis) -> SolvedInterface:
    reduced = ReducedProblem(
        solved.reduced.problem,
        basis.basis,
        basis.matrices,
        solved.reduced.full_solves + basis.full_solves,
        solved.reduced.relative_error,
    )
    return replace(solved, reduced=reduced)


def _compose(level: _Level, p: Plan, omega: Real) -> _Composed:
    """As `SolvedCell.impedance`, with the bounds of all bases carried along."""
    kappa = np.asarray(p.electrolyte(omega, p.cell.temperature), complex)
    z = np.asarray(p.cell.electrolyte.thickness / kappa, complex)
    shares: list[_Share] = []
    cut = 0.0
    excesses = []
    for (side, _), basis in zip(level.solved.paired(p), level.sides, strict=True):
        theta = theta_of(basis.problem, side.interface, omega)
        found = basis.evaluate(theta)
        piece = basis.problem.area_m2 / found.admittance
        excess = piece - side.interface.depth_m / kappa
        # Beyond 1 the bound says no more than that nothing is known yet.
        error = np.abs(piece) * np.minimum(found.relative_bound, 1.0)
        shares.append(_Share(basis, theta, side.copies * error))
        excesses.append(excess)
        cut += side.copies * side.truncation_error * abs(float(np.real(excess[-1])))
        z = z + side.copies * excess
    if level.pellet is not None:
        return _on_pellet(level, level.pellet, p, omega, excesses, shares, cut)
    if p.counter is not None:
        z = z + 1.0 / p.counter(omega, p.cell.temperature)
    return _Composed(z, shares, cut)


def _on_pellet(
    level: _Level,
    basis: CertifiedBasis,
    p: Plan,
    omega: Real,
    excesses: list[Complex],
    shares: list[_Share],
    cut: float,
) -> _Composed:
    """The electrode on a wider pellet, whose laws are the excess impedances of the sides."""
    assert p.pellet is not None and level.solved.pellet is not None
    temperature, known = p.cell.temperature, level.solved.pellet.interface
    kappa = np.asarray(p.electrolyte(omega, temperature), complex)
    # Which sides stand for which law, in the order of the sides: the working electrode first.
    roles = [n for n, law in (("contact", known.contact), ("counter", known.counter)) if isinstance(law, EffectiveLaw)]
    effective = {}
    for role, excess, share, side in zip(roles, excesses, shares, p.sides[-len(roles) :] if roles else (), strict=True):
        share.error = share.error / side.copies
        # An excess that is smaller than its bound may have any phase: give it that of the electrolyte.
        lost = np.abs(excess) < share.error
        likely = np.where(lost, share.error * np.abs(kappa) / kappa, excess)
        share.error = np.where(lost, 2.0, 1.0) * share.error
        effective[role] = effective_admittance(likely, kappa, p.pellet.depth_m)
    laws = replace(p.pellet, contact=p.sides[0].interface.contact).laws
    names = [t.name for t in basis.problem.terms]
    theta = np.stack(
        [effective[n] if n in effective else np.asarray(laws[n](omega, temperature), complex) for n in names]
    )
    found = basis.evaluate(theta)
    z = p.sides[0].copies * basis.problem.area_m2 / found.admittance
    energies = basis.energies(found)
    for role, share in zip(roles, shares, strict=True):
        # To first order dZ/Z = -(y x^T A_q x / Y) dy/y for the law y of a term, and dy/y = -y dz for y = 1/z.
        q = names.index(role)
        share.error = np.abs(z * energies[q] * theta[q] ** 2 / found.admittance) * share.error
    own = _Share(basis, theta, np.abs(z) * np.minimum(found.relative_bound, 1.0))
    return _Composed(z, [*shares, own], cut)
