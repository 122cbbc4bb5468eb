"""The interfaces of a cell, solved at one level of resolution and put together (see `aspot.plan`)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aspot.discretise import BACKENDS, Discrete
from aspot.effective import SolvedGrains
from aspot.errors import ConvergenceError, InputError
from aspot.interface import InterfaceProblem
from aspot.laws import Law, PolycrystalMedium
from aspot.memory import available_memory, check_memory
from aspot.morphology.unit_cell import ProfileCell
from aspot.plan import Plan, Side, backend_of
from aspot.reduction import ReducedProblem, reduce
from aspot.result import Result
from aspot.threads import one_thread

#: Relative width added to guaranteed intervals for rounding.
_BOUND_MARGIN = 1e-8


@dataclass(frozen=True)
class SolvedInterface:
    """An interface at one level of resolution, ready to be evaluated at any frequency."""

    interface: InterfaceProblem
    discrete: Discrete
    reduced: ReducedProblem

    def impedance(self, omega: NDArray[np.float64]) -> NDArray[np.complex128]:
        """Area-specific impedance of the piece [ohm m2]."""
        return self.reduced.impedance(omega)

    def excess(self, omega: NDArray[np.float64]) -> NDArray[np.complex128]:
        """Impedance beyond that of the bare electrolyte of the piece [ohm m2]."""
        kappa = self.interface.electrolyte(omega, self.interface.temperature_K)
        return self.impedance(omega) - self.interface.depth_m / kappa

    def partition(self) -> dict[str, float]:
        """Exact shares of the direct-current resistance by dissipation [ohm m2], summing to Z(0) of the piece.

        With I = Y for 1 V, the power theta_q x^T A_q x of each term, divided by I^2 and times the area. A law made
        of parts in series shares its dissipation as their resistances; electrolyte parts are kept together.
        """
        problem = self.reduced.problem
        zero = np.zeros(1)
        x = self.reduced.solution(0.0)
        theta = np.real(problem.theta(zero)[:, 0])
        powers = theta * np.real(problem.energies(x))
        resistances = problem.area_m2 * powers / powers.sum() ** 2
        out: dict[str, float] = {}
        for term, r in zip(problem.terms, resistances, strict=True):
            if term.role in ("contact", "counter"):
                for part, share in shares(term.law, problem.temperature_K).items():
                    out[part] = out.get(part, 0.0) + float(r) * share
            elif term.role != "gap" or r > 0.0:
                # Grains, their boundaries and the medium below them are one electrolyte.
                name = "electrolyte" if term.role in ("electrolyte", "boundary") else term.name
                out[name] = out.get(name, 0.0) + float(r)
        return out

    def resolution_error(self, omega: NDArray[np.float64]) -> NDArray[np.float64]:
        """Error of the impedance that the change between levels need not show [ohm m2] (see `Backend`)."""
        found = backend_of(self.interface).resolution_error
        return np.zeros(np.shape(omega)) if found is None else found(self.discrete, self.reduced, omega)

    def dual_impedance(self, omega: float, is_cut: bool) -> complex | None:
        """Impedance of the piece by its current instead of its potential [ohm m2], or None where there is none.

        At direct current it is a guaranteed upper bound, and `impedance` a lower one.
        """
        if (omega, is_cut) not in self._duals:
            self._duals[omega, is_cut] = self._by_current(omega, is_cut)
        return self._duals[omega, is_cut]

    @cached_property
    def _duals(self) -> dict[tuple[float, bool], complex | None]:
        """Answers by the current so far: a level is accepted by one that its interval needs again."""
        return {}

    def _by_current(self, omega: float, is_cut: bool) -> complex | None:
        dual = backend_of(self.interface).dual_impedance
        try:
            return None if dual is None else dual(self.discrete, omega, is_cut, self.reduced.solution(omega))
        except ConvergenceError:
            # Contrasts that the potential survives can be too much for the stream function: the answer needs no bound.
            return None


def shares(law: Law, temperature_K: float) -> dict[str, float]:
    """Shares of the parts of a law in its direct-current resistance."""
    parts = {name: float(np.real(z[0])) for name, z in law.parts(np.zeros(1), temperature_K).items()}
    total = sum(parts.values())
    return {name: z / total for name, z in parts.items()}


def effective_admittance(
    excess: NDArray[np.complex128], kappa: NDArray[np.complex128], floor_depth_m: float
) -> NDArray[np.complex128]:
    """Admittance per area of an excess impedance, kept above its floor (see `EffectiveLaw`) [S/m2]."""
    floor = 1e-7 * floor_depth_m / kappa
    return np.asarray(1.0 / np.where(np.abs(excess) < np.abs(floor), floor, excess), complex)


@dataclass(frozen=True)
class EffectiveLaw:
    """Admittance per area of an interface seen from afar: the inverse of its excess impedance.

    Below a floor of 1e-7 of the electrolyte's own impedance, where the interface is short-circuited, the magnitude of
    the excess is kept at the floor, which changes Z by less than that.
    """

    solved: SolvedInterface
    floor_depth_m: float

    def __call__(self, omega: ArrayLike, temperature: float) -> NDArray[np.complex128]:
        """Admittance per area [S/m2]."""
        omega = np.asarray(omega, float)
        flat = np.atleast_1d(omega).ravel()
        kappa = self.solved.interface.electrolyte(flat, temperature)
        return effective_admittance(self.solved.excess(flat), kappa, self.floor_depth_m).reshape(omega.shape)

    def parts(self, omega: ArrayLike, temperature: float) -> dict[str, NDArray[np.complex128]]:
        """Its direct-current parts [ohm m2]; the constriction is named "constriction"."""
        parts = self.solved.partition()
        sigma = float(np.real(self.solved.interface.electrolyte(np.zeros(1), temperature)[0]))
        parts["constriction"] = max(parts.pop("electrolyte") - self.solved.interface.depth_m / sigma, 0.0)
        return {name: np.full(np.shape(omega), r, complex) for name, r in parts.items()}


@dataclass(frozen=True)
class _Given:
    """An admittance per area at the one frequency it is asked for [S/m2]."""

    value: complex

    def __call__(self, omega: ArrayLike, temperature: float) -> NDArray[np.complex128]:
        return np.full(np.shape(omega), self.value, complex)

    def parts(self, omega: ArrayLike, temperature: float) -> dict[str, NDArray[np.complex128]]:
        return {"given": 1.0 / self(omega, temperature)}


class Clock:
    """Seconds by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time spent inside under a name."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


def _solve(
    interface: InterfaceProblem, level: int, omega: NDArray[np.float64], tolerance: NDArray[np.float64], clock: Clock
) -> SolvedInterface:
    backend = backend_of(interface)
    check_memory(
        backend.memory_bytes(backend.unknowns(interface, level)),
        available_memory(),
        f"the next level of the {backend.name} backend",
        "; ask for a larger numerics.relative_tolerance",
    )
    with clock.stage("mesh and assembly"):
        discrete = backend.discretise(interface, level)
    with clock.stage("solves"):
        reduced = reduce(discrete.problem, omega, tolerance=tolerance)
    return SolvedInterface(interface, discrete, reduced)


@dataclass(frozen=True)
class SolvedCell:
    """All interfaces of a cell at one level, composed."""

    plan: Plan
    sides: tuple[SolvedInterface, ...]
    pellet: SolvedInterface | None
    #: Resistance of the electrode alone on the wider pellet, ideal contact [ohm m2]; None without a wider pellet.
    bare_pellet_resistance: float | None
    #: The level before, and the weight of the change since: Richardson's extrapolation of Z and of every part of R.
    coarser: SolvedCell | None = None
    weight: float = 0.0
    #: The change of Z since that level, times this, is the estimated error of discretisation.
    safety: float = 1.0

    def extrapolated(self, coarser: SolvedCell, weight: float, safety: float) -> SolvedCell:
        """Copy whose impedances and resistances go on by `weight` times their change since a coarser level."""
        return replace(self, coarser=replace(coarser, coarser=None), weight=weight, safety=safety)

    def paired(self, p: Plan) -> tuple[tuple[Side, SolvedInterface], ...]:
        """The solved sides, each with its side of a plan; a plain working electrode on a wider pellet needs none."""
        plain = self.pellet is not None and not isinstance(self.pellet.interface.contact, EffectiveLaw)
        return tuple(zip(p.sides[1:] if plain else p.sides, self.sides, strict=False))

    @property
    def _sigma(self) -> float:
        return float(np.real(self._kappa(np.zeros(1))[0]))

    def _kappa(self, omega: NDArray[np.float64]) -> NDArray[np.complex128]:
        return np.asarray(self.plan.electrolyte(omega, self.plan.cell.temperature))

    @property
    def slab_length_m(self) -> float:
        """L times electrode area over pellet area: R_SE is this over sigma [m]."""
        return self.plan.cell.electrolyte.thickness * self.plan.electrode_share

    def impedance(self, omega: NDArray[np.float64]) -> NDArray[np.complex128]:
        """Area-specific impedance of the cell [ohm m2]."""
        z = self._impedance(omega)
        if self.coarser is None or self.weight == 0.0:
            return z
        return z + self.weight * (z - self.coarser.impedance(omega))

    def _impedance(self, omega: NDArray[np.float64]) -> NDArray[np.complex128]:
        omega = np.asarray(omega, float)
        copies = self.plan.sides[0].copies
        if self.pellet is not None:
            return copies * self.pellet.impedance(omega)
        z = self.plan.cell.electrolyte.thickness / self._kappa(omega)
        for side, solved in zip(self.plan.sides, self.sides, strict=True):
            z = z + side.copies * solved.excess(omega)
        if self.plan.counter is not None:
            z = z + 1.0 / self.plan.counter(omega, self.plan.cell.temperature)
        return np.asarray(z)

    def perfect(self, omega: NDArray[np.float64]) -> NDArray[np.complex128]:
        """Impedance with perfect contact over the whole electrode [ohm m2]."""
        length = self.slab_length_m
        if self.bare_pellet_resistance is not None:
            length = self.plan.sides[0].copies * self.bare_pellet_resistance * self._sigma
        return length / self._kappa(np.asarray(omega, float))

    def resistances(self) -> dict[str, float]:
        """Exact partition at w = 0 [ohm m2]: "SE", "constriction" and every named part of the interfaces."""
        parts = self._resistances()
        if self.coarser is None or self.weight == 0.0:
            return parts
        before = self.coarser.resistances()
        return {name: r + self.weight * (r - before[name]) for name, r in parts.items()}

    def _resistances(self) -> dict[str, float]:
        sigma = self._sigma
        parts: dict[str, float] = {"SE": self.slab_length_m / sigma, "constriction": 0.0}
        if self.pellet is not None:
            found = self.pellet.partition()
            copies = self.plan.sides[0].copies
            bulk = found.pop("electrolyte")
            parts["constriction"] = copies * (bulk + found.pop("constriction", 0.0)) - parts["SE"]
            for name, r in found.items():
                parts[name] = parts.get(name, 0.0) + copies * r
            return parts
        for side, solved in zip(self.plan.sides, self.sides, strict=True):
            for name, r in solved.partition().items():
                if name == "electrolyte":
                    parts["constriction"] += side.copies * (r - side.interface.depth_m / sigma)
                else:
                    parts[name] = parts.get(name, 0.0) + side.copies * r
        if self.plan.counter is not None:
            law, temperature = self.plan.counter, self.plan.cell.temperature
            for name, z in law.parts(np.zeros(1), temperature).items():
                parts[name] = parts.get(name, 0.0) + float(np.real(z[0]))
        return parts

    def resistance_interval(self) -> tuple[float, float] | None:
        """Guaranteed enclosure of R_total [ohm m2], or None where a backend has none.

        Forcing an equipotential plane where the depth is cut lowers the resistance, forcing uniform current there
        raises it: the cut keeps both bounds. On a wider pellet the resistance rises with that of the electrode's own
        interface (Rayleigh), so that its bounds, as laws of the electrode, bound the whole.
        """
        excess = self._dual_excess(0.0)
        if excess is None:
            return None
        low = float(np.real(self._impedance(np.zeros(1))[0]))
        # A medium that is a little better or worse everywhere bounds one that is so below the grains.
        better, worse = self._medium
        # Rounding, as the energies of the terms show it, and quadrature: far below what elements leave.
        margin = _BOUND_MARGIN * low + abs(sum(self._resistances().values()) - low)
        return better * (low - margin), worse * (low + max(float(np.real(excess)), 0.0) + margin)

    @cached_property
    def _medium(self) -> tuple[float, float]:
        """Bounds of the direct-current resistance of an electrolyte that was computed, over what it is taken to be."""
        law = self.plan.electrolyte
        if not (isinstance(law, PolycrystalMedium) and isinstance(law.response, SolvedGrains)):
            return 1.0, 1.0
        zero, temperature = np.zeros(1), self.plan.cell.temperature
        ratio = law.grain_size_m * law.boundary(zero, temperature)[0] / law.bulk(zero, temperature)[0]
        return law.response.bounds(float(np.real(ratio)))

    def dual_gap(self, omega: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Relative distance of two answers that share no error: Z by the potential and Z by the current, shape (m,).

        Each is stationary: its error is the square of that of its field. At direct current the distance is the width of
        the guaranteed interval; with complex laws it is the integral of (j + kappa grad phi)^2 / kappa, without
        conjugates, of both fields, an estimate of the sum of both errors. None where a backend has no dual.
        """
        pair = self.two_sided(omega)
        return None if pair is None else np.abs((pair[1] - pair[0]) / pair[0])

    @one_thread
    def two_sided(self, omega: NDArray[np.float64]) -> tuple[NDArray[np.complex128], NDArray[np.complex128]] | None:
        """Z by the potential and by the current, not extrapolated, each (m,) [ohm m2]."""
        excess = [self._dual_excess(float(w)) for w in omega]
        if any(e is None for e in excess):
            return None
        z = self._impedance(np.asarray(omega, float))
        return z, z + np.array(excess, complex)

    def _dual_excess(self, omega: float) -> complex | None:
        """Impedance by the current minus impedance by the potential [ohm m2]."""
        at = np.array([omega])
        if self.pellet is not None:
            dual = self._dual_of_pellet(self.pellet, omega)
            if dual is None:
                return None
            copies = self.plan.sides[0].copies
            return complex(copies * (self.plan.electrode_share * dual - self.pellet.impedance(at)[0]))
        excess = 0.0j
        for side, solved in zip(self.plan.sides, self.sides, strict=True):
            dual = solved.dual_impedance(omega, side.truncated)
            if dual is None:
                return None
            excess += side.copies * (dual - solved.impedance(at)[0])
        return excess

    def _dual_of_pellet(self, pellet: SolvedInterface, omega: float) -> complex | None:
        """Impedance of the wider pellet by the current, the sides' laws by the current as well [ohm m2]."""
        given = pellet.interface
        roles = [role for role in ("contact", "counter") if isinstance(getattr(given, role), EffectiveLaw)]
        kappa = self._kappa(np.array([omega]))
        for role, (side, solved) in zip(roles, self.paired(self.plan), strict=True):
            dual = solved.dual_impedance(omega, side.truncated)
            if dual is None:
                return None
            excess = dual - solved.interface.depth_m / kappa
            law = _Given(complex(effective_admittance(excess, kappa, given.depth_m)[0]))
            given = replace(given, **{role: law})  # type: ignore[arg-type]
        known = replace(pellet, interface=given, discrete=replace(pellet.discrete, interface=given))
        return known.dual_impedance(omega, is_cut=False)

    def resolution_error(self, omega: NDArray[np.float64]) -> NDArray[np.float64]:
        """Relative error of Z by what the levels of the sides leave unseen (see `Backend.resolution_error`)."""
        parts = [side.copies * solved.resolution_error(omega) for side, solved in self.paired(self.plan)]
        # Of a computed electrolyte that at direct current: at higher frequencies boundaries matter less.
        medium = max(1.0 - self._medium[0], self._medium[1] - 1.0) * np.abs(self.perfect(omega))
        return np.asarray(sum(parts, medium) / np.abs(self._impedance(omega)))

    @property
    def full_solves(self) -> int:
        """Full solves behind all reduced bases."""
        solved = [*self.sides, *([self.pellet] if self.pellet else [])]
        return sum(s.reduced.full_solves for s in solved) + (self.bare_pellet_resistance is not None)

    @property
    def solver(self) -> dict[str, object]:
        """How the systems were solved that led here: methods with their numbers of solves, and most iterations."""
        solved = [*self.sides, *([self.pellet] if self.pellet else [])]
        solves = [solve for s in solved for solve in s.discrete.problem.solves]
        counts: dict[str, int] = {}
        for solve in solves:
            counts[solve.method] = counts.get(solve.method, 0) + 1
        return {"solves": counts, "most_iterations": max((solve.iterations for solve in solves), default=0)}

    @property
    def degrees_of_freedom(self) -> int:
        """Free unknowns of all problems together."""
        solved = [*self.sides, *([self.pellet] if self.pellet else [])]
        return sum(s.discrete.problem.n_free for s in solved)


def model_of(source: Result | SolvedCell) -> SolvedCell:
    """The solved cell behind a result.

    Raises
    ------
    InputError
        If it has none.
    """
    found = source.model if isinstance(source, Result) else source
    if not isinstance(found, SolvedCell):
        raise InputError("the result has no model; it must come from simulate")
    return found


@one_thread
def solve_cell(
    p: Plan, level: int, omega: NDArray[np.float64], tolerance: NDArray[np.float64], clock: Clock
) -> SolvedCell:
    """All interfaces of a plan at one level, with the pellet around them where there is one."""
    if p.pellet is None:
        return SolvedCell(p, tuple(_solve(s.interface, level, omega, tolerance, clock) for s in p.sides), None, None)
    side = p.sides[0].interface
    sides: tuple[SolvedInterface, ...] = ()
    contact: Law | None = side.contact
    if side.layers or not (isinstance(side.cell, ProfileCell) and not side.cell.edges):
        sides = (_solve(side, level, omega, tolerance, clock),)
        contact = EffectiveLaw(sides[0], p.pellet.depth_m)
    counter: Law | None = p.pellet.counter
    if len(p.sides) > 1:
        opposite = _solve(p.sides[1].interface, level, omega, tolerance, clock)
        sides = (*sides, opposite)
        counter = EffectiveLaw(opposite, p.pellet.depth_m)
    pellet = _solve(replace(p.pellet, contact=contact, counter=counter), level, omega, tolerance, clock)
    bare = replace(p.pellet, contact=None, counter=None)
    with clock.stage("solves"):
        problem = BACKENDS["axisymmetric"].discretise(bare, level).problem
        resistance = problem.area_m2 / np.real(problem.admittance(problem.solve(0.0), 0.0))
    # The problem's area is that of the pellet; impedances count per area of the electrode.
    share = p.electrode_share
    per_electrode = pellet.reduced.problem.with_area(problem.area_m2 * share)
    pellet = replace(pellet, reduced=replace(pellet.reduced, problem=per_electrode))
    return SolvedCell(p, sides, pellet, float(resistance) * share)
