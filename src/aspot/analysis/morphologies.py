"""Which interfaces give a measured arc? The family of morphologies with the same R_int and C_int.

Two numbers, R_int and C_int, cannot fix three unknowns (spot radius, contact fraction, gap height): for every contact
fraction there is one radius and one gap that give both. What separates the members of the family lies outside the
arc: microscopy (radius), the activation energy (constriction against contact resistance), and the pressure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from aspot.cell import Cell
from aspot.errors import AspotError, InputError
from aspot.result import Result
from aspot.simulate import simulate


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

    At a given contact fraction, R_int grows with the radius (the constriction is proportional to it, the resistance
    of the contacts does not depend on it), so that one radius at most gives R_int. C_int is proportional to 1/(gap
    height) up to the capacitance of the contacts.

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
        If the cell has no gap or no radius to vary, or no contact fraction admits a solution.
    """
    morphology = cell.working_electrode.morphology
    if cell.working_electrode.gap is None or getattr(morphology, "radius", None) is None:
        raise InputError("working_electrode: needs a morphology with a radius and a gap; both are to be found")
    found = []
    for fraction in contact_fractions:
        try:
            found.append(_member(cell, fraction, R_int_ohm_cm2, C_int_F_per_cm2))
        except _NoSolution:
            continue
    if not found:
        raise InputError(
            f"no contact fraction of {list(contact_fractions)} gives R_int = {R_int_ohm_cm2:g} ohm cm2 and "
            f"C_int = {C_int_F_per_cm2:g} F/cm2"
        )
    return tuple(found)


class _NoSolution(AspotError):
    """No radius or gap within the allowed ranges fits."""


def _with(cell: Cell, fraction: float, radius: float, gap: float) -> Cell:
    return cell.with_(
        **{
            "working_electrode.morphology.contact_fraction": fraction,
            "working_electrode.morphology.spacing": None,
            "working_electrode.morphology.radius": radius,
            "working_electrode.gap.thickness": gap,
        }
    )


def _member(cell: Cell, fraction: float, r_int: float, c_int: float) -> Morphology:
    gap = cell.working_electrode.gap.thickness

    def miss_r(log_radius: float) -> float:
        return simulate(_with(cell, fraction, 10.0**log_radius, gap)).resistances.int_ - r_int

    ends = np.log10([2e-8, 9e-4])
    try:
        low, high = miss_r(ends[0]), miss_r(ends[1])
    except InputError as error:
        raise _NoSolution(str(error)) from error
    if low * high > 0:
        raise _NoSolution(f"contact fraction {fraction:g}: R_int between {low + r_int:.3g} and {high + r_int:.3g}")
    radius = 10.0 ** brentq(miss_r, *ends, xtol=1e-5)

    result = simulate(_with(cell, fraction, radius, gap))
    # C_int is close to proportional to 1/gap: a few corrections reach the wanted value.
    for _ in range(30):
        if result.arc is None:
            raise _NoSolution(f"contact fraction {fraction:g}: no interface arc")
        ratio = result.arc.C_int_F_per_cm2 / c_int
        if abs(ratio - 1.0) < 1e-4:
            return Morphology(contact_fraction=fraction, radius_m=radius, gap_thickness_m=gap, result=result)
        gap *= ratio
        try:
            result = simulate(_with(cell, fraction, radius, gap))
        except InputError as error:
            raise _NoSolution(str(error)) from error
    raise _NoSolution(f"contact fraction {fraction:g}: no gap gives C_int")
