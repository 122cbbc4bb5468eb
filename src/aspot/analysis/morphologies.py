"""Which interfaces give a measured arc? The family of morphologies with the same R_int and C_int.

Two numbers, R_int and C_int, cannot fix three unknowns (spot radius, contact fraction, gap height): for every contact
fraction there is one radius and one gap that give both. What separates the members of the family lies outside the
arc: microscopy (radius), the activation energy (constriction against contact resistance), and the pressure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aspot.cell import Cell
from aspot.errors import AspotError, InputError
from aspot.result import Result
from aspot.simulation import simulate

_MAX_STEPS = 25
_CLOSE = 2e-4


@dataclass(frozen=True, kw_only=True)
class Morphology:
    """One member of the family, and the parts of its R_int."""

    contact_fraction: float
    radius_m: float
    gap_thickness_m: float
    result: Result


def equivalent_morphologies(
    cell: Cell, *, R_int_ohm_cm2: float, C_int_F_per_cm2: float, contact_fractions: Sequence[float]
) -> tuple[Morphology, ...]:
    """For each contact fraction, the spot radius and the gap height that give R_int and C_int.

    At a given contact fraction the constriction is proportional to the radius and the resistance of the contacts does
    not depend on it, so that one radius at most gives R_int; C_int is nearly proportional to 1/(gap height).

    Parameters
    ----------
    cell : Cell
        With spots or pores in a disc shape and a gap; its radius and gap height are replaced.
    R_int_ohm_cm2, C_int_F_per_cm2 : float
        Wanted resistance and capacitance of the interface arc.
    contact_fractions : sequence of float

    Returns
    -------
    tuple of Morphology
        One per contact fraction for which a solution exists within the allowed ranges, in the given order.

    Raises
    ------
    InputError
        If the cell has no gap or no radius to vary, or no contact fraction admits a solution; with the reason for each.
    """
    morphology = cell.working_electrode.morphology
    if cell.working_electrode.gap is None or getattr(morphology, "radius", None) is None:
        raise InputError("working_electrode: needs a morphology with a radius and a gap; both are to be found")
    found, refused = [], []
    for fraction in contact_fractions:
        try:
            found.append(_member(cell, fraction, R_int_ohm_cm2, C_int_F_per_cm2))
        except _NoSolutionError as reason:
            refused.append(str(reason))
    if not found:
        raise InputError(
            f"no contact fraction of {list(contact_fractions)} gives R_int = {R_int_ohm_cm2:g} ohm cm2 and "
            f"C_int = {C_int_F_per_cm2:g} F/cm2; {'; '.join(refused)}"
        )
    return tuple(found)


class _NoSolutionError(AspotError):
    """No radius or gap within the allowed ranges fits."""


def _with(cell: Cell, fraction: float, radius: float, gap: float) -> Cell:
    return cell.with_(
        **{
            "working_electrode.morphology.spacing": None,
            "working_electrode.morphology.contact_fraction": fraction,
            "working_electrode.morphology.radius": radius,
            "working_electrode.gap.thickness": gap,
        }
    )


def _member(cell: Cell, fraction: float, r_int: float, c_int: float) -> Morphology:
    """Corrects radius and gap together by their leading proportionalities until both figures agree."""
    gap_spec, radius = cell.working_electrode.gap, cell.working_electrode.morphology.radius
    assert gap_spec is not None and radius is not None
    gap = gap_spec.thickness
    for _ in range(_MAX_STEPS):
        try:
            result = simulate(_with(cell, fraction, radius, gap))
        except InputError as error:
            raise _NoSolutionError(f"contact fraction {fraction:g}: {error}") from error
        r, arc = result.resistances, result.arc
        if arc is None:
            raise _NoSolutionError(f"contact fraction {fraction:g}: no interface arc")
        if abs(r.int_ / r_int - 1.0) < _CLOSE and abs(arc.C_int_F_per_cm2 / c_int - 1.0) < _CLOSE:
            return Morphology(contact_fraction=fraction, radius_m=radius, gap_thickness_m=gap, result=result)
        # What does not depend on the radius (contacts, layers) leaves this for the constriction.
        left = r_int - (r.int_ - r.cc)
        if left <= 0.0:
            made = r.int_ - r.cc
            raise _NoSolutionError(f"contact fraction {fraction:g}: the contacts alone make {made:.3g} ohm cm2")
        radius *= left / r.cc
        gap *= arc.C_int_F_per_cm2 / c_int
    raise _NoSolutionError(f"contact fraction {fraction:g}: no agreement after {_MAX_STEPS} steps")
