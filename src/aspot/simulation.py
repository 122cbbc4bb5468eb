"""From a Cell to its Result: a spectrum of stated error, the exact partition of R, the interface arc and the field."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from functools import lru_cache
from importlib import metadata

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from aspot.cell import Cell
from aspot.compose import Clock, SolvedCell, shares, solve_cell
from aspot.errors import InputError, ToleranceError
from aspot.field import Field
from aspot.plan import Plan, backend_of, plan
from aspot.result import InterfaceArc, Resistances, Result
from aspot.spectrum import Spectrum
from aspot.threads import one_thread
from aspot.units import OHM_CM2

__all__ = ["Progress", "figures", "installed_versions", "simulate"]

Progress = Callable[[str, float], None]

#: Share of the tolerance given to the reduced basis.
_REDUCTION_SHARE = 1e-3

#: The apex of the interface arc is looked for between these frequencies [Hz].
_APEX_RANGE_HZ = (1e-6, 1e12)


def _interface_arc(solved: SolvedCell, r_int: float, frequencies_Hz: NDArray[np.float64]) -> InterfaceArc | None:
    """Apex of the excess impedance Z - Z(perfect contact), and C_int = 1/(2 pi f_apex R_int)."""
    if r_int <= 1e-9 * float(np.real(solved.perfect(np.zeros(1))[0])):
        return None

    def excess(frequency_Hz: NDArray[np.float64]) -> NDArray[np.complex128]:
        omega = 2.0 * np.pi * frequency_Hz
        return np.asarray(solved.impedance(omega) - solved.perfect(omega))

    def height(log_f: NDArray[np.float64] | float) -> NDArray[np.float64]:
        return -np.imag(excess(10.0 ** np.atleast_1d(np.asarray(log_f, float))))

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
    return InterfaceArc(
        apex_frequency_Hz=apex,
        C_int_F_per_cm2=c_int / OHM_CM2,
        resistance_ohm_cm2=float(np.real(excess(np.zeros(1))[0])) * OHM_CM2,
        excess_impedance_ohm_cm2=excess(frequencies_Hz) * OHM_CM2,
    )


def _resistances(solved: SolvedCell, relative_error: float, with_interval: bool = True) -> Resistances:
    parts = {name: r * OHM_CM2 for name, r in solved.resistances().items()}
    # Exact zeros are zero to rounding (a planar interface has no constriction), and small parts to the error of Z.
    total = sum(parts.values())
    parts = {name: 0.0 if -relative_error * total < r < 1e-12 * total else r for name, r in parts.items()}
    total = sum(parts.values())
    static = 0.0
    if solved.bare_pellet_resistance is not None:
        copies = solved.plan.sides[0].copies
        static = copies * solved.bare_pellet_resistance * OHM_CM2 - parts["SE"]
    split = shares(solved.plan.electrolyte, solved.plan.cell.temperature)
    interval = solved.resistance_interval() if with_interval else None
    return Resistances(
        total=total,
        SE=parts["SE"],
        int_=total - parts["SE"],
        cc=parts["constriction"],
        ct=parts.get("charge_transfer", 0.0),
        static=static,
        parts=parts,
        total_interval=None if interval is None else (interval[0] * OHM_CM2, interval[1] * OHM_CM2),
        split={name: parts["SE"] * share for name, share in split.items()},
    )


@one_thread
def figures(
    solved: SolvedCell, relative_error: float, frequencies_Hz: NDArray[np.float64], *, with_interval: bool = True
) -> tuple[Resistances, InterfaceArc | None]:
    """Resistances and interface arc of a solved cell.

    Parameters
    ----------
    solved : SolvedCell
    relative_error : float
        Of Z at direct current: parts of the resistance that are negative within it are 0.
    frequencies_Hz : (m,) float
        Where the excess impedance of the arc is wanted.
    with_interval : bool
        Whether R_total gets its guaranteed interval, which takes another solve, for the current.
    """
    resistances = _resistances(solved, relative_error, with_interval)
    return resistances, _interface_arc(solved, resistances.int_ / OHM_CM2, frequencies_Hz)


@one_thread
def _field(solved: SolvedCell, frequency_Hz: float) -> Field:
    """Field of the working electrode: its microscopic interface, or the pellet if that is planar; 1 V over the cell."""
    omega = 2.0 * np.pi * frequency_Hz
    at = np.array([omega])
    flat = solved.plan.cell.working_electrode.is_planar
    shown = solved.pellet if solved.pellet is not None and flat else solved.sides[0]
    drop = complex(shown.impedance(at)[0] / solved.impedance(at)[0])
    backend = backend_of(shown.interface)
    return backend.field(shown.discrete, shown.reduced.solution(omega), omega, drop)


@one_thread
def simulate(cell: Cell, *, progress: Progress | None = None, with_fields: bool = True) -> Result:
    """Impedance spectrum, resistances and field of a cell, to its relative tolerance.

    The cell is solved on successively finer levels until the change of Z from one level to the next, at every
    frequency, shows the error to be below `numerics.relative_tolerance`. Where the backend can solve for the current
    as well as for the potential, their answers must agree to that at direct current, where they enclose R_total, and at
    the frequency of largest error (`SolvedCell.two_sided`).

    Parameters
    ----------
    cell : Cell
    progress : callable, optional
        Called with (what is being done, share done from 0 to 1).
    with_fields : bool
        Whether `result.fields` is filled; without them `result.field(f)` still finds the field at any frequency.

    Returns
    -------
    Result
        Impedances and resistances in ohm cm2 of geometric electrode area.

    Raises
    ------
    InputError
        If it is no Cell, or cannot be composed of separate interfaces (see `plan`).
    ToleranceError
        If the tolerance is not reached on the finest level.
    ConvergenceError
        If a solve leaves a residual.
    MemoryLimitError
        If the next level would not fit into memory.
    """
    if not isinstance(cell, Cell):
        raise InputError(f"cell: must be a Cell, not a {type(cell).__name__}; aspot.load(path) reads a case file")
    tell = progress or (lambda stage, share: None)
    clock = Clock()
    start = time.perf_counter()
    tell("plan", 0.0)
    p = plan(cell)
    tolerance = cell.numerics.relative_tolerance
    frequencies = np.asarray(cell.frequencies.values_Hz(), float)
    # Direct current belongs to it, whatever the frequencies asked for: R_total and its parts have the same error bar.
    omega = 2.0 * np.pi * np.concatenate([[0.0], frequencies])
    # The apex may lie outside the frequencies asked for: there the reduced basis need not be as good.
    decades = 2.0 * np.pi * np.geomspace(*_APEX_RANGE_HZ, 37)
    training = np.concatenate([omega[1:], decades])
    basis_tolerance = np.repeat([_REDUCTION_SHARE * tolerance, tolerance], [len(omega) - 1, len(decades)])

    levels = min(backend_of(s.interface).n_levels for s in p.sides)
    solved, best, z, full_solves = None, None, None, 0
    error = np.full(omega.shape, np.inf)
    first = min(p.first_level, levels - 1)
    for level in range(first, levels):
        tell(f"level {level + 1}", 0.1 + 0.8 * (level - first) / (levels - first))
        finer = solve_cell(p, level, training, basis_tolerance, clock)
        full_solves += finer.full_solves
        z_finer = finer.impedance(omega)
        if solved is not None and z is not None:
            weight, safety = p.extrapolation(level)
            error = safety * np.abs(z_finer - z) / np.abs(z_finer) + finer.resolution_error(omega)
            best = finer.extrapolated(solved, weight, safety)
        solved, z = finer, z_finer
        room = tolerance - truncation(p, solved) - _REDUCTION_SHARE * tolerance
        if best is not None and error.max() <= room:
            checked = np.maximum(error, _dual_error(finer, best, omega, error))
            # On the finest level the answers by the current may lag behind: they need not agree for Z to be right.
            if checked.max() <= room:
                error = checked
                break
            if level == levels - 1:
                break
    else:
        raise ToleranceError(
            f"numerics.relative_tolerance = {tolerance:g} was not reached: the finest level of the {p.backend.name} "
            f"backend has an estimated error of {error.max():.1e}"
        )
    assert best is not None
    solved, z = best, best.impedance(omega[1:])
    tell("results", 0.9)
    cut = truncation(p, solved)
    error = error + cut + _REDUCTION_SHARE * tolerance
    with clock.stage("results"):
        resistances, arc = figures(solved, float(error.max()), frequencies)
        wanted = cell.frequencies.field_values_Hz() if with_fields else ()
        fields = tuple(_field(solved, float(f)) for f in wanted)
    clock.seconds["total"] = time.perf_counter() - start
    versions = installed_versions()
    spectrum = Spectrum(
        frequency_Hz=frequencies,
        impedance_ohm_cm2=z * OHM_CM2,
        temperature_K=cell.temperature,
        relative_error=error[1:],
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
        solver=solved.solver,
        seconds=clock.seconds,
        relative_error_estimate=float(error.max()),
        error_by_frequency=error[1:],
        contact_fraction=cell.working_electrode.contact_fraction,
        truncation_depth_m=p.sides[0].interface.depth_m if p.sides[0].truncated else None,
        truncation_relative_error=cut,
        fields=fields,
        versions=versions,
        field_at=lambda frequency_Hz: _field(final, frequency_Hz),
        model=solved,
    )


def _dual_error(
    solved: SolvedCell, best: SolvedCell, omega: NDArray[np.float64], error: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Distance of the best answer from those by potential and current, whichever is farther; relative.

    At direct current, where they are bounds, and where the error is largest; elsewhere 0.
    """
    out = np.zeros_like(error)
    at = sorted({0, int(np.argmax(error))})
    pair = solved.two_sided(omega[at])
    if pair is not None:
        z = best.impedance(omega[at])
        out[at] = np.max(np.abs(np.stack(pair) - z), axis=0) / np.abs(z)
    return out


def truncation(p: Plan, solved: SolvedCell) -> float:
    """Relative error of Z by cutting the depth: each side's own, weighted with its share of R_total."""
    total = sum(solved.resistances().values())
    error = 0.0
    for side, s in solved.paired(p):
        error += side.copies * side.truncation_error * abs(float(np.real(s.excess(np.zeros(1))[0]))) / total
    return error


def installed_versions() -> dict[str, str]:
    """Versions of Python and of the packages that make the numbers."""
    return dict(_versions())


@lru_cache(maxsize=1)
def _versions() -> dict[str, str]:
    packages = ("aspot", "numpy", "scipy", "scikit-fem", "numba", "netgen-mesher", "meshio")
    out = {"python": platform.python_version()}
    for name in packages:
        try:
            out[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return out
