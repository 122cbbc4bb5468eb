"""Which interfaces give a measured arc? The family of morphologies with the same R_int and C_int.

Two numbers, R_int and C_int, cannot fix three unknowns (spot radius, contact fraction, gap height): for every contact
fraction there is one radius and one gap that give both. What separates the members of the family lies outside the
arc: microscopy (radius), the activation energy (constriction against contact resistance), and the pressure.

At a given contact fraction the radius is a parameter like those of the laws (`aspot.inference.forward`): one simulation
gives the arc for every radius and gap, a second one at those found is the answer.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from aspot.cell import Cell
from aspot.errors import AspotError, InputError
from aspot.inference.forward import SolvedGeometry, laws_at
from aspot.inference.jets import Jet
from aspot.result import Result
from aspot.simulation import simulate
from aspot.specification import range_of
from aspot.threads import one_thread
from aspot.units import OHM_CM2

__all__ = ["EquivalentMorphology", "MorphologyFamily", "equivalent_morphologies", "morphology_family"]

Progress = Callable[[str, float], None]

_RADIUS, _GAP = "working_electrode.morphology.radius", "working_electrode.gap.thickness"
_FRACTION = "working_electrode.morphology.contact_fraction"
_MAX_STEPS = 25
_CLOSE = 2e-4

#: Where the apex of the arc is looked for [Hz].
_FREQUENCIES = np.geomspace(1e-4, 1e11, 301)
#: Relative error of Z that the basis may make.
_TOLERANCE = 1e-5


@dataclass(frozen=True, kw_only=True)
class EquivalentMorphology:
    """One member of the family, and the parts of its R_int."""

    contact_fraction: float
    radius_m: float
    gap_thickness_m: float
    result: Result


@dataclass(frozen=True, kw_only=True)
class MorphologyFamily:
    """All members over contact fractions, and why there is none at some.

    Parameters
    ----------
    R_int_ohm_cm2, C_int_F_per_cm2 : float
        What all of them give.
    members : tuple of EquivalentMorphology
        By contact fraction, ascending.
    impossible : dict of float to str
        Contact fractions without a member, and the reason.
    """

    R_int_ohm_cm2: float
    C_int_F_per_cm2: float
    members: tuple[EquivalentMorphology, ...]
    impossible: dict[float, str]

    @property
    def reasons(self) -> str:
        """Why there is no member at some contact fractions, in one line; neighbours with the same reason once."""
        told = [(f, reason, re.sub(r"[-+0-9.e]+", "", reason)) for f, reason in self.impossible.items()]
        listed = []
        for _, alike in itertools.groupby(told, key=lambda one: one[2]):
            (first, reason, _), *others = alike
            more = f" ({'and' if len(others) == 1 else 'up to'} {others[-1][0]:g} likewise)" if others else ""
            listed.append(f"at a contact fraction of {first:g} {reason}{more}")
        figures = f"R_int = {self.R_int_ohm_cm2:g} ohm cm2 and C_int = {self.C_int_F_per_cm2:g} F/cm2"
        return f"no interface with {figures}: {'; '.join(listed)}"

    def merged(self, other: MorphologyFamily) -> MorphologyFamily:
        """The family with the members and failures of another one of the same figures."""
        members = {m.contact_fraction: m for m in (*self.members, *other.members)}
        return replace(
            self,
            members=tuple(members[f] for f in sorted(members)),
            impossible=dict(sorted({**self.impossible, **other.impossible}.items())),
        )


def equivalent_morphologies(
    cell: Cell, *, R_int_ohm_cm2: float, C_int_F_per_cm2: float, contact_fractions: Sequence[float]
) -> tuple[EquivalentMorphology, ...]:
    """For each contact fraction, the spot radius and the gap height that give R_int and C_int.

    Arguments as for `morphology_family`.

    Returns
    -------
    tuple of EquivalentMorphology
        One per contact fraction for which a solution exists within the allowed ranges, in the given order.

    Raises
    ------
    InputError
        If the cell has no gap or no radius to vary, or no contact fraction admits a solution; with the reason for each.
    """
    found = morphology_family(
        cell, R_int_ohm_cm2=R_int_ohm_cm2, C_int_F_per_cm2=C_int_F_per_cm2, contact_fractions=contact_fractions
    )
    if not found.members:
        raise InputError(found.reasons)
    by_fraction = {member.contact_fraction: member for member in found.members}
    return tuple(by_fraction[f] for f in dict.fromkeys(contact_fractions) if f in by_fraction)


@one_thread
def morphology_family(
    cell: Cell,
    *,
    R_int_ohm_cm2: float,
    C_int_F_per_cm2: float,
    contact_fractions: Sequence[float],
    progress: Progress | None = None,
) -> MorphologyFamily:
    """For each contact fraction, the spot radius and the gap height that give R_int and C_int, or why there are none.

    At a given contact fraction the constriction is proportional to the radius and the resistance of the contacts does
    not depend on it, so that one radius at most gives R_int; C_int is nearly proportional to 1/(gap height).

    Parameters
    ----------
    cell : Cell
        With spots or pores in a disc shape and a gap; its radius and gap height are replaced.
    R_int_ohm_cm2, C_int_F_per_cm2 : float
        Wanted resistance and capacitance of the interface arc.
    contact_fractions : sequence of float
    progress : callable, optional
        Called with (what is being done, share done from 0 to 1).

    Raises
    ------
    InputError
        If the cell has no gap or no radius to vary, or a figure is not positive.
    """
    morphology = cell.working_electrode.morphology
    if cell.working_electrode.gap is None or morphology.radius is None:
        raise InputError("working_electrode: needs a morphology with a radius and a gap; both are to be found")
    for name, value in (("R_int", R_int_ohm_cm2), ("C_int", C_int_F_per_cm2)):
        if not (np.isfinite(value) and value > 0.0):
            raise InputError(f"{name} = {value:g}: must be positive")
    members: list[EquivalentMorphology] = []
    impossible: dict[float, str] = {}
    ordered = sorted(set(contact_fractions))
    for k, fraction in enumerate(ordered):
        if progress is not None:
            progress(f"contact fraction {fraction:.3g}", k / len(ordered))
        try:
            members.append(_member(cell, fraction, R_int_ohm_cm2, C_int_F_per_cm2))
        except _NoSolutionError as reason:
            impossible[fraction] = str(reason)
    return MorphologyFamily(
        R_int_ohm_cm2=R_int_ohm_cm2, C_int_F_per_cm2=C_int_F_per_cm2, members=tuple(members), impossible=impossible
    )


class _NoSolutionError(AspotError):
    """No radius or gap within the allowed ranges fits."""


def _with(cell: Cell, fraction: float, radius: float, gap: float) -> Cell:
    return cell.with_(
        **{
            "working_electrode.morphology.spacing": None,
            "working_electrode.morphology.contact_fraction": fraction,
            _RADIUS: radius,
            _GAP: gap,
        }
    )


def _member(cell: Cell, fraction: float, r_int: float, c_int: float) -> EquivalentMorphology:
    """Radius and gap as one simulation predicts them, corrected by simulations until both figures agree."""
    gap_spec, radius = cell.working_electrode.gap, cell.working_electrode.morphology.radius
    assert gap_spec is not None and radius is not None
    gap = gap_spec.thickness
    try:
        radius, gap = _predicted(_with(cell, fraction, radius, gap), r_int, c_int)
        for _ in range(_MAX_STEPS):
            result = simulate(_with(cell, fraction, radius, gap), with_fields=False)
            r, arc = result.resistances, result.arc
            if arc is None:
                raise _NoSolutionError("no interface arc")
            if abs(r.int_ / r_int - 1.0) < _CLOSE and abs(arc.C_int_F_per_cm2 / c_int - 1.0) < _CLOSE:
                return EquivalentMorphology(
                    contact_fraction=fraction, radius_m=radius, gap_thickness_m=gap, result=result
                )
            # What does not depend on the radius (contacts, layers) leaves this for the constriction.
            left = r_int - (r.int_ - r.cc)
            if left <= 0.0:
                raise _NoSolutionError(_too_resistive(cell, r.int_ - r.cc))
            radius *= left / r.cc
            gap *= arc.C_int_F_per_cm2 / c_int
    except InputError as error:
        # The key of the contact fraction and its value are named anyway.
        reason = str(error).removeprefix(f"{_FRACTION} = {fraction!r}: ")
        raise _NoSolutionError(reason.split("; without a unit")[0]) from error
    raise _NoSolutionError(f"no agreement after {_MAX_STEPS} steps")


def _too_resistive(cell: Cell, made: float) -> str:
    electrode, pellet = cell.working_electrode.diameter, cell.electrolyte.diameter
    is_smaller = electrode is not None and pellet is not None and electrode < pellet
    return f"the contacts{' and the smaller electrode' if is_smaller else ''} alone make {made:.3g} ohm cm2"


def _predicted(cell: Cell, r_int: float, c_int: float) -> tuple[float, float]:
    """Radius and gap by scaling one solved geometry; those of the cell where it cannot be scaled."""
    gap_spec, radius = cell.working_electrode.gap, cell.working_electrode.morphology.radius
    assert gap_spec is not None and radius is not None
    omega = 2.0 * np.pi * np.append(0.0, _FREQUENCIES)
    result = simulate(cell, with_fields=False)
    solved = SolvedGeometry(result, omega, _TOLERANCE)
    if "working" not in solved.constrictions:
        return radius, gap_spec.thickness

    def excess(log_scale: float, log_gap: float, at: NDArray[np.float64]) -> NDArray[np.complex128]:
        """Z - Z(perfect contact) [ohm cm2], of unit cells and gaps by the logarithms of their factors."""
        laws = laws_at(cell.with_(**{_GAP: gap_spec.thickness * float(np.exp(log_gap))}), at, {}, {})
        scale = Jet.constant(float(np.exp(log_scale)), laws.shape)
        return OHM_CM2 * solved.excess(laws, {"working": scale}).value

    def resistance(log_scale: float, log_gap: float) -> float:
        return float(np.real(excess(log_scale, log_gap, np.zeros(1))[0]))

    def capacitance(log_scale: float, log_gap: float) -> float:
        z = -np.imag(excess(log_scale, log_gap, omega[1:]))
        top = int(np.clip(np.argmax(z), 1, len(z) - 2))
        # The top of the parabola through the three highest points, over the logarithm of frequency.
        before, here, after = z[top - 1 : top + 2]
        shift = 0.5 * (before - after) / (before - 2.0 * here + after)
        frequency = _FREQUENCIES[top] * (_FREQUENCIES[1] / _FREQUENCIES[0]) ** shift
        return float(1.0 / (2.0 * np.pi * frequency * resistance(log_scale, log_gap)))

    scales, gaps = _allowed(_RADIUS, radius), _allowed(_GAP, gap_spec.thickness)
    scale = gap = 0.0
    # A gap that conducts direct current carries some of it: then the two belong together.
    for _ in range(3 if gap_spec.filling is not None else 1):
        least, most = (resistance(end, gap) for end in scales)
        if least > r_int:
            raise _NoSolutionError(_too_resistive(cell, least))
        if most < r_int:
            raise _NoSolutionError(f"the largest radius makes {most:.3g} ohm cm2, too little")
        scale = float(brentq(lambda x, g=gap: resistance(x, g) - r_int, *scales, xtol=1e-6))
        highest, lowest = (capacitance(scale, end) for end in gaps)
        if not lowest < c_int < highest:
            raise _NoSolutionError(f"the thickest and the thinnest gap make {lowest:.3g} and {highest:.3g} F/cm2")
        gap = float(brentq(lambda x, s=scale: np.log(capacitance(s, x) / c_int), *gaps, xtol=1e-6))
    return radius * float(np.exp(scale)), gap_spec.thickness * float(np.exp(gap))


def _allowed(path: str, value: float) -> tuple[float, float]:
    """Logarithms of the factors by which a parameter may change."""
    allowed = range_of(Cell, path)
    assert allowed is not None
    # The ends themselves must not fail by rounding.
    return float(np.log(allowed.low * (1 + 1e-9) / value)), float(np.log(allowed.high * (1 - 1e-9) / value))
