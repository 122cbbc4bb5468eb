"""From a Cell to its Result: interfaces in series, a spectrum of stated error, and the exact partition of R.

The two electrodes interact only through the uniform field between them: lateral variations die within a fraction of
the period (see `interface.sufficient_depth`). Each interface is solved on its own piece of electrolyte of depth H, and

    Z(omega) = L/kappa + sum over electrodes of (Z_piece - H/kappa) .

If the pellet is thinner than that, the piece is the whole pellet. An electrode smaller than the pellet is solved on
two scales: the excess impedance of its microscopic interface is the contact law of the macroscopic electrode.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import metadata

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from aspot.cell import Cell, Electrode
from aspot.discretise import BACKENDS, Backend, Discrete
from aspot.errors import InputError, MemoryLimitError, ToleranceError
from aspot.field import Field
from aspot.interface import InterfaceProblem, Layer, sufficient_depth, truncation_error
from aspot.laws import Law
from aspot.morphology.unit_cell import ProfileCell
from aspot.reduction import ReducedProblem, reduce
from aspot.result import InterfaceArc, Resistances, Result
from aspot.spectrum import Spectrum

Progress = Callable[[str, float], None]

_OHM_CM2 = 1e4  # 1 ohm m2 in ohm cm2

#: Shares of the tolerance given to cutting the depth and to the reduced basis.
_TRUNCATION_SHARE = 0.01
_REDUCTION_SHARE = 1e-3

#: The apex of the interface arc is looked for between these frequencies [Hz].
_APEX_RANGE_HZ = (1e-6, 1e12)


# What would be computed ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Side:
    """One electrode's microscopic interface.

    Parameters
    ----------
    name : str
        "working" or "counter".
    interface : InterfaceProblem
    truncated : bool
        Whether the modelled piece is thinner than the electrolyte that it stands for.
    copies : int
        How often it occurs (2 in a symmetric cell).
    """

    name: str
    interface: InterfaceProblem
    truncated: bool
    copies: int = 1

    @property
    def truncation_error(self) -> float:
        """Relative change of this constriction by cutting the depth."""
        return truncation_error(self.interface.cell, self.interface.depth_m) if self.truncated else 0.0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What would be computed for a cell.

    Parameters
    ----------
    cell : Cell
    backend : Backend
        Of the working electrode; flux tubes on the other side use "axisymmetric".
    sides : tuple of Side
        Microscopic interfaces, the working electrode first.
    counter : Law or None
        A planar counter electrode in series with a truncated working side [S/m2].
    pellet : InterfaceProblem or None
        The macroscopic electrode on a wider pellet; its contact law is filled in by the solution of the sides.
    """

    cell: Cell
    backend: Backend
    sides: tuple[Side, ...]
    counter: Law | None
    pellet: InterfaceProblem | None

    @property
    def electrolyte(self) -> Law:
        """Admittivity of the electrolyte [S/m]."""
        return self.cell.electrolyte.law()

    def unknowns(self, level: int = 1) -> float:
        """Estimated number of unknowns of the largest problem at a level."""
        return max(_backend_of(s.interface).unknowns(s.interface, level) for s in self.sides)

    def memory_bytes(self, level: int = 1) -> float:
        """Estimated peak memory of the largest problem at a level."""
        return max(
            _backend_of(s.interface).memory_bytes(_backend_of(s.interface).unknowns(s.interface, level))
            for s in self.sides
        )


    def describe(self) -> dict[str, object]:
        """What would be computed, for people: backend, depths, unknowns and memory at the level expected."""
        out: dict[str, object] = {
            "backend": self.backend.name,
            "frequencies": len(self.cell.frequencies.values_Hz()),
            "relative tolerance": self.cell.numerics.relative_tolerance,
        }
        for side in self.sides:
            morphology = getattr(self.cell, f"{side.name}_electrode").morphology
            out[f"{side.name} electrode"] = "planar" if morphology.is_planar else morphology.kind
            if not morphology.is_planar:
                out[f"{side.name} contact fraction"] = morphology.fraction
                out[f"{side.name} spacing [m]"] = morphology.pitch
                out[f"{side.name} depth modelled [m]"] = side.interface.depth_m
                out[f"{side.name} error by cutting there"] = side.truncation_error
        if self.pellet is not None:
            out["pellet"] = "electrode smaller than the pellet: solved on two scales"
        level = min(2, self.backend.n_levels - 1)
        out["unknowns (about)"] = round(self.unknowns(level))
        out["memory (about) [MB]"] = round(max(self.memory_bytes(level) / 1e6, 100.0))
        return out


def _backend_of(interface: InterfaceProblem) -> Backend:
    return next(b for b in BACKENDS.values() if b.accepts(interface.cell))


def plan(cell: Cell) -> Plan:
    """Decide backend, depths and composition for a cell, without computing anything.

    Raises
    ------
    InputError
        If two different interfaces would interact through a pellet that is too thin for both.
    """
    electrolyte = cell.electrolyte.law()
    thickness = cell.electrolyte.thickness
    tolerance = _TRUNCATION_SHARE * cell.numerics.relative_tolerance
    working, counter = cell.working_electrode, cell.counter_electrode
    symmetric = counter.symmetric
    copies = 2 if symmetric else 1
    available = thickness / copies
    layers = tuple(
        Layer(name=layer.name, thickness_m=layer.thickness, law=layer.law()) for layer in cell.electrolyte.layers
    )

    def interface(electrode: Electrode, depth: float, layers: tuple[Layer, ...]) -> InterfaceProblem:
        return InterfaceProblem(
            cell=electrode.unit_cell(available),
            depth_m=depth,
            electrolyte=electrolyte,
            layers=layers,
            contact=electrode.contact_law(),
            gap=electrode.gap_law(),
            temperature_K=cell.temperature,
        )

    def wanted(electrode: Electrode) -> float:
        return sufficient_depth(electrode.unit_cell(available), tolerance)

    counter_law = None
    sides: list[Side] = []
    if counter.is_planar:
        counter_law = counter.contact_law()
        depth = available if working.is_planar else min(wanted(working), available)
        sides.append(
            Side(
                name="working", interface=interface(working, depth, layers), truncated=depth < available, copies=copies
            )
        )
    else:
        depths = [1e-3 * thickness if e.is_planar else wanted(e) for e in (working, counter)]
        if sum(depths) > thickness:
            raise InputError(
                f"electrolyte.thickness = {thickness:g} m: two different interfaces need at least {sum(depths):.3g} m "
                "of electrolyte between them to be solved one by one; use a thicker electrolyte, smaller spacings, "
                "or counter_electrode.symmetric = true"
            )
        sides.append(Side(name="working", interface=interface(working, depths[0], layers), truncated=True))
        sides.append(Side(name="counter", interface=interface(counter, depths[1], ()), truncated=True))

    pellet = None
    if working.diameter is not None and working.diameter < cell.electrolyte.diameter:
        pellet = InterfaceProblem(
            cell=ProfileCell(
                axisymmetric=True,
                outer=cell.electrolyte.diameter / 2,
                edges=(working.diameter / 2,),
                contact=(True, False),
            ),
            depth_m=available,
            electrolyte=electrolyte,
            counter=counter_law,
            temperature_K=cell.temperature,
        )
        counter_law = None
    elif counter_law is not None and not sides[0].truncated:
        # The whole pellet is meshed: its counter electrode is part of the piece.
        sides[0] = replace(sides[0], interface=replace(sides[0].interface, counter=counter_law))
        counter_law = None
    return Plan(
        cell=cell, backend=_backend_of(sides[0].interface), sides=tuple(sides), counter=counter_law, pellet=pellet
    )


# One interface, solved ----------------------------------------------------------------------------------------------


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
        x = self.reduced.basis[:, 0]
        theta = np.real(problem.theta(zero)[:, 0])
        powers = theta * np.real(problem.energies(x))
        resistances = problem.area_m2 * powers / powers.sum() ** 2
        out: dict[str, float] = {}
        for term, r in zip(problem.terms, resistances, strict=True):
            if term.role in ("contact", "counter"):
                for part, share in _shares(term.law, problem.temperature_K).items():
                    out[part] = out.get(part, 0.0) + float(r) * share
            elif term.role != "gap":
                out[term.name] = out.get(term.name, 0.0) + float(r)
        return out


def _shares(law: Law, temperature_K: float) -> dict[str, float]:
    """Shares of the parts of a law in its direct-current resistance."""
    parts = {name: float(np.real(z[0])) for name, z in law.parts(np.zeros(1), temperature_K).items()}
    total = sum(parts.values())
    return {name: z / total for name, z in parts.items()}


@dataclass(frozen=True)
class EffectiveLaw:
    """Admittance per area of an interface seen from afar: the inverse of its excess impedance.

    Below a floor of 1e-7 of the electrolyte's own impedance, where the interface is short-circuited, the magnitude of
    the excess is kept at the floor, which changes Z by less than that.
    """

    solved: SolvedInterface
    floor_depth_m: float

    def __call__(self, omega: NDArray[np.float64] | float, temperature: float) -> NDArray[np.complex128]:
        omega = np.asarray(omega, float)
        flat = np.atleast_1d(omega).ravel()
        excess = self.solved.excess(flat)
        floor = 1e-7 * self.floor_depth_m / self.solved.interface.electrolyte(flat, temperature)
        excess = np.where(np.abs(excess) < np.abs(floor), floor, excess)
        return (1.0 / excess).reshape(omega.shape)

    def parts(self, omega: NDArray[np.float64] | float, temperature: float) -> dict[str, NDArray[np.complex128]]:
        """Its direct-current parts [ohm m2]; the constriction is named "constriction"."""
        parts = self.solved.partition()
        sigma = float(np.real(self.solved.interface.electrolyte(np.zeros(1), temperature)[0]))
        parts["constriction"] = max(parts.pop("electrolyte") - self.solved.interface.depth_m / sigma, 0.0)
        return {name: np.full(np.shape(omega), r, complex) for name, r in parts.items()}


class _Clock:
    """Seconds by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


def _solve(
    interface: InterfaceProblem, level: int, omega: NDArray[np.float64], tolerance: float, clock: _Clock
) -> SolvedInterface:
    backend = _backend_of(interface)
    needed = backend.memory_bytes(backend.unknowns(interface, level))
    available = available_memory_bytes()
    if needed > available:
        raise MemoryLimitError(
            f"the {backend.name} backend would need about {needed / 1e9:.1f} GB at this tolerance, "
            f"{available / 1e9:.1f} GB are available; ask for a larger numerics.relative_tolerance"
        )
    with clock.stage("mesh and assembly"):
        discrete = backend.discretise(interface, level)
    with clock.stage("solves"):
        reduced = reduce(discrete.problem, omega, tolerance=tolerance)
    return SolvedInterface(interface, discrete, reduced)


def available_memory_bytes() -> float:
    """Memory that the machine can give now; all of it where the system does not tell."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return 1024.0 * float(line.split()[1])
    except OSError:
        pass
    return np.inf


# The whole cell -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SolvedCell:
    """All interfaces of a cell at one level, composed."""

    plan: Plan
    sides: tuple[SolvedInterface, ...]
    pellet: SolvedInterface | None
    #: Resistance of the electrode alone on the wider pellet, ideal contact [ohm m2]; None without a wider pellet.
    bare_pellet_resistance: float | None

    @property
    def _sigma(self) -> float:
        return float(np.real(self._kappa(np.zeros(1))[0]))

    def _kappa(self, omega: NDArray[np.float64]) -> NDArray[np.complex128]:
        return np.asarray(self.plan.electrolyte(omega, self.plan.cell.temperature))

    @property
    def slab_length_m(self) -> float:
        """L times electrode area over pellet area: R_SE is this over sigma [m]."""
        length = float(self.plan.cell.electrolyte.thickness)
        if self.plan.pellet is None:
            return length
        return length * (self.plan.cell.working_electrode.diameter / self.plan.cell.electrolyte.diameter) ** 2

    def impedance(self, omega: NDArray[np.float64]) -> NDArray[np.complex128]:
        """Area-specific impedance of the cell [ohm m2]."""
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

    @property
    def full_solves(self) -> int:
        """Full solves behind all reduced bases."""
        solved = [*self.sides, *([self.pellet] if self.pellet else [])]
        return sum(s.reduced.full_solves for s in solved) + (self.bare_pellet_resistance is not None)

    @property
    def degrees_of_freedom(self) -> int:
        """Free unknowns of all problems together."""
        solved = [*self.sides, *([self.pellet] if self.pellet else [])]
        return sum(s.discrete.problem.n_free for s in solved)


def _solve_cell(p: Plan, level: int, omega: NDArray[np.float64], tolerance: float, clock: _Clock) -> SolvedCell:
    if p.pellet is None:
        return SolvedCell(p, tuple(_solve(s.interface, level, omega, tolerance, clock) for s in p.sides), None, None)
    side = p.sides[0].interface
    sides: tuple[SolvedInterface, ...] = ()
    contact = side.contact
    if side.layers or not (isinstance(side.cell, ProfileCell) and not side.cell.edges):
        sides = (_solve(side, level, omega, tolerance, clock),)
        contact = EffectiveLaw(sides[0], p.pellet.depth_m)
    counter = p.pellet.counter
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
    share = (p.cell.working_electrode.diameter / p.cell.electrolyte.diameter) ** 2
    pellet = replace(
        pellet, reduced=replace(pellet.reduced, problem=replace(pellet.reduced.problem, area_m2=problem.area_m2 * share))
    )
    return SolvedCell(p, sides, pellet, float(resistance) * share)


def _interface_arc(solved: SolvedCell, r_int: float, frequencies_Hz: NDArray[np.float64]) -> InterfaceArc | None:
    """Apex of the excess impedance Z - Z(perfect contact), and C_int = 1/(2 pi f_apex R_int)."""
    if r_int <= 1e-9 * float(np.real(solved.perfect(np.zeros(1))[0])):
        return None

    def height(log_f: NDArray[np.float64] | float) -> NDArray[np.float64]:
        omega = 2.0 * np.pi * 10.0 ** np.atleast_1d(np.asarray(log_f, float))
        return -np.imag(solved.impedance(omega) - solved.perfect(omega))

    grid = np.arange(np.log10(_APEX_RANGE_HZ[0]), np.log10(_APEX_RANGE_HZ[1]), 0.1)
    heights = height(grid)
    top = int(np.argmax(heights))
    if heights[top] <= 1e-6 * r_int or top in (0, len(grid) - 1):
        return None
    best = minimize_scalar(
        lambda v: -float(height(v)[0]), bounds=(grid[top - 1], grid[top + 1]), method="bounded", options={"xatol": 1e-7}
    )
    apex = float(10.0**best.x)
    c_int = 1.0 / (2.0 * np.pi * apex * r_int)  # F/m2
    omega = 2.0 * np.pi * frequencies_Hz
    excess = solved.impedance(omega) - solved.perfect(omega)
    return InterfaceArc(
        apex_frequency_Hz=apex,
        C_int_F_per_cm2=c_int / _OHM_CM2,
        excess_impedance_ohm_cm2=excess * _OHM_CM2,
    )


def _resistances(solved: SolvedCell) -> Resistances:
    parts = {name: r * _OHM_CM2 for name, r in solved.resistances().items()}
    # Rounding of exact zeros (a planar interface has no constriction).
    total = sum(parts.values())
    parts = {name: 0.0 if abs(r) < 1e-12 * total else r for name, r in parts.items()}
    static = 0.0
    if solved.bare_pellet_resistance is not None:
        copies = solved.plan.sides[0].copies
        static = copies * solved.bare_pellet_resistance * _OHM_CM2 - parts["SE"]
    shares = _shares(solved.plan.electrolyte, solved.plan.cell.temperature)
    return Resistances(
        total=total,
        SE=parts["SE"],
        int_=total - parts["SE"],
        cc=parts["constriction"],
        ct=parts.get("charge_transfer", 0.0),
        static=static,
        parts=parts,
        split={name: parts["SE"] * share for name, share in shares.items()},
    )


def _field(solved: SolvedCell, frequency_Hz: float) -> Field:
    """Field of the working electrode: its microscopic interface, or the pellet if that is planar; 1 V over the cell."""
    omega = 2.0 * np.pi * frequency_Hz
    at = np.array([omega])
    flat = isinstance(solved.plan.sides[0].interface.cell, ProfileCell) and not solved.plan.sides[0].interface.cell.edges
    shown = solved.pellet if solved.pellet is not None and (flat or not solved.sides) else solved.sides[0]
    drop = complex(shown.impedance(at)[0] / solved.impedance(at)[0])
    backend = _backend_of(shown.interface)
    return backend.field(shown.discrete, shown.reduced.solution(omega), omega, drop)


def simulate(cell: Cell, *, progress: Progress | None = None) -> Result:
    """Impedance spectrum, resistances and field of a cell, to its relative tolerance.

    The cell is solved on successively finer levels until the change of Z from one level to the next, at every
    frequency, shows the error to be below `numerics.relative_tolerance`.

    Parameters
    ----------
    cell : Cell
    progress : callable, optional
        Called with (what is being done, share done from 0 to 1).

    Returns
    -------
    Result
        Impedances and resistances in ohm cm2 of geometric electrode area.

    Raises
    ------
    InputError
        If the cell cannot be composed of separate interfaces (see `plan`).
    ToleranceError
        If the tolerance is not reached on the finest level.
    ConvergenceError
        If a solve leaves a residual.
    MemoryLimitError
        If the next level would not fit into memory.
    """
    tell = progress or (lambda stage, share: None)
    clock = _Clock()
    start = time.perf_counter()
    tell("plan", 0.0)
    p = plan(cell)
    tolerance = cell.numerics.relative_tolerance
    frequencies = np.asarray(cell.frequencies.values_Hz(), float)
    omega = 2.0 * np.pi * frequencies
    # The apex may lie outside the frequencies asked for: the reduced basis covers it, too.
    decades = 2.0 * np.pi * np.logspace(*np.log10(_APEX_RANGE_HZ), 37)
    training = np.concatenate([omega, decades])

    levels = min(_backend_of(s.interface).n_levels for s in p.sides)
    solved, z, full_solves = None, None, 0
    error = np.full(frequencies.shape, np.inf)
    for level in range(levels):
        tell(f"level {level + 1}", 0.1 + 0.8 * level / levels)
        finer = _solve_cell(p, level, training, _REDUCTION_SHARE * tolerance, clock)
        full_solves += finer.full_solves
        z_finer = finer.impedance(omega)
        if z is not None:
            safety = max(_backend_of(s.interface).safety(level) for s in p.sides)
            error = safety * np.abs(z_finer - z) / np.abs(z_finer)
        solved, z = finer, z_finer
        if error.max() + truncation(p, solved) <= tolerance:
            break
    else:
        raise ToleranceError(
            f"numerics.relative_tolerance = {tolerance:g} was not reached: the finest level of the {p.backend.name} "
            f"backend has an estimated error of {error.max():.1e}"
        )
    assert solved is not None and z is not None
    tell("results", 0.9)
    cut = truncation(p, solved)
    error = error + cut + _REDUCTION_SHARE * tolerance
    with clock.stage("results"):
        resistances = _resistances(solved)
        arc = _interface_arc(solved, resistances.int_ / _OHM_CM2, frequencies)
        fields = tuple(_field(solved, float(f)) for f in cell.frequencies.field_values_Hz())
    clock.seconds["total"] = time.perf_counter() - start
    versions = installed_versions()
    spectrum = Spectrum(
        frequency_Hz=frequencies,
        impedance_ohm_cm2=z * _OHM_CM2,
        temperature_K=cell.temperature,
        relative_error=error,
        provenance={"case": cell.digest, "backend": p.backend.name, "versions": versions},
    )
    final = solved
    tell("done", 1.0)
    return Result(
        cell=cell,
        spectrum=spectrum,
        resistances=resistances,
        arc=arc,
        backend=p.backend.name,
        degrees_of_freedom=solved.degrees_of_freedom,
        full_solves=full_solves,
        seconds=clock.seconds,
        relative_error_estimate=float(error.max()),
        error_by_frequency=error,
        contact_fraction=cell.working_electrode.contact_fraction,
        truncation_depth_m=p.sides[0].interface.depth_m if p.sides[0].truncated else None,
        truncation_relative_error=cut,
        fields=fields,
        versions=versions,
        field_at=lambda frequency_Hz: _field(final, frequency_Hz),
    )


def truncation(p: Plan, solved: SolvedCell) -> float:
    """Relative error of Z by cutting the depth: each side's own, weighted with its share of R_total."""
    total = sum(solved.resistances().values())
    error = 0.0
    for side, s in zip(p.sides, solved.sides, strict=False):
        error += side.copies * side.truncation_error * abs(float(np.real(s.excess(np.zeros(1))[0]))) / total
    return error


def installed_versions() -> dict[str, str]:
    """Versions of Python and of the packages that make the numbers."""
    packages = ("aspot", "numpy", "scipy", "scikit-fem", "numba", "netgen-mesher", "meshio")
    out = {"python": platform.python_version()}
    for name in packages:
        try:
            out[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return out
