"""When a lens-shaped pore may be taken as a thin gap: its law against the potential inside the pore.

The thin-gap law y = j omega eps0/d(r) neglects the current along the pore and counts its height straight up. The direct
current limit is not touched: a pore carries none. What errs is the spectrum between that limit and the one of high
frequency. Against the pore meshed as a volume (`aspot.fem.lens`, accurate to 1e-6) the error is of second order in h/a.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.constants import epsilon_0
from scipy.optimize import minimize_scalar

from aspot.errors import InputError
from aspot.fem.gap_heights import gap_heights
from aspot.fem.lens import assemble_lens
from aspot.fem.problem import Problem, Term
from aspot.fem.profile import ProfileAssembly, assemble
from aspot.laws import ROOM_TEMPERATURE_K, Activated, Conductor, Gap, Law
from aspot.mesh.profile import build
from aspot.morphology.gap_profile import GapProfile
from aspot.morphology.unit_cell import ProfileCell

#: Order, rings and gradings of the mesh: 1e-6 of R_int, measured against finer ones.
_ORDER, _RINGS, _RATIO, _GROWTH = 6, 6, 0.15, 3.5
#: Frequencies of the scan: points, and decades below and above kappa h/(eps0 a) that hold the whole arc.
_POINTS, _BELOW, _ABOVE = 31, 2.5, 2.5


@dataclass(frozen=True, kw_only=True)
class ThinGapError:
    """How far the thin-gap law of one lens is from its volume.

    Parameters
    ----------
    height_over_radius : float
        h/a.
    contact_angle_deg : float
    law : "lens" or "arc"
        Heights of the law (see `aspot.morphology.gap_profile`).
    impedance : float
        Largest |Z_thin - Z| over the spectrum, relative to R_int.
    C_int, apex_frequency : float
        Relative errors, with their sign; C_int = 1/(2 pi f R_int), f where -Im Z peaks.
    """

    height_over_radius: float
    contact_angle_deg: float
    law: Literal["lens", "arc"]
    impedance: float
    C_int: float
    apex_frequency: float


def thin_gap_errors(
    heights: Sequence[float],
    *,
    law: Literal["lens", "arc"] = "lens",
    contact_fraction: float = 0.3,
    axisymmetric: bool = True,
    permittivity: float = 0.0,
    conductivity: float = 1.0,
) -> tuple[ThinGapError, ...]:
    """Errors of the thin-gap law of empty lenses under ideal contacts.

    Parameters
    ----------
    heights : sequence of float
        h/a, above 0 and at most 1 (contact angle 90 degrees).
    law : "lens" or "arc"
    contact_fraction : float
        Of the flux tube around a pore, or of the strips beside a crack.
    axisymmetric : bool
        True: pores. False: cracks.
    permittivity : float
        Of the electrolyte. 0, the default, is the worst case: one that polarises itself short-circuits the pore where
        the law is worst.
    conductivity : float
        Of the electrolyte [S/m]; it matters only with a permittivity.

    Returns
    -------
    tuple of ThinGapError

    Raises
    ------
    InputError
        For values outside their ranges.
    """
    if not 0.0 < contact_fraction < 1.0:
        raise InputError(f"contact_fraction = {contact_fraction!r}: must lie between 0 and 1")
    for height in heights:
        if not 0.0 < height <= 1.0:
            raise InputError(f"heights = {height!r}: must be above 0 and at most 1")
    bulk = Conductor(conductivity=Activated(value=conductivity), permittivity=permittivity)
    # Lengths in units of the radius a: only h/a and the contact fraction matter.
    outer = 1.0 / math.sqrt(1.0 - contact_fraction) if axisymmetric else 1.0 / (1.0 - contact_fraction)
    out = []
    for height in heights:
        edge = 1.0 if axisymmetric else outer - 1.0
        cell = ProfileCell(
            axisymmetric=axisymmetric,
            outer=outer,
            edges=(edge,),
            contact=(False, True) if axisymmetric else (True, False),
            gap_profile=GapProfile(form=law, height=height, floor=0.0),
        )
        mesh = build(cell, depth=3.0 * outer, rings=_RINGS, ratio=_RATIO, growth=_GROWTH)
        gap = Gap(thickness_m=height)
        volume = _problem(assemble_lens(mesh, _ORDER, cell), bulk, Gap(thickness_m=1.0))
        thin = _problem(assemble(mesh, _ORDER, ideal_contact=True, heights=gap_heights(cell, gap)), bulk, gap)
        apex = conductivity * height / epsilon_0
        omega = np.geomspace(apex * 10.0**-_BELOW, apex * 10.0**_ABOVE, _POINTS)
        z, z_thin = (np.array([_impedance(p, w) for w in omega]) for p in (volume, thin))
        resistance = _impedance(thin, 0.0).real - 3.0 * outer / conductivity
        peak, peak_thin = (_peak(p, bulk, 3.0 * outer, omega, values) for p, values in ((volume, z), (thin, z_thin)))
        ratio = peak_thin / peak
        out.append(
            ThinGapError(
                height_over_radius=float(height),
                contact_angle_deg=math.degrees(2.0 * math.atan(height)),
                law=law,
                impedance=float(np.abs(z_thin - z).max() / resistance),
                C_int=1.0 / ratio - 1.0,
                apex_frequency=ratio - 1.0,
            )
        )
    return tuple(out)


def _problem(assembly: ProfileAssembly, bulk: Law, gap: Law) -> Problem:
    terms = (
        Term(name="electrolyte", role="electrolyte", law=bulk, matrix=assembly.matrices["electrolyte"]),
        Term(name="gap", role="gap", law=gap, matrix=assembly.matrices["gap"]),
    )
    return Problem(terms, assembly.area, ROOM_TEMPERATURE_K)


def _impedance(problem: Problem, omega: float) -> complex:
    """Area-specific impedance of the piece [ohm m2]."""
    return complex(problem.area_m2 / problem.admittance(problem.solve(omega), omega))


def _peak(problem: Problem, bulk: Law, depth: float, omega: NDArray[np.float64], z: NDArray[np.complex128]) -> float:
    """Angular frequency at which -Im of Z - Z(full contact) peaks [rad/s]."""

    def excess(w: float, value: complex) -> float:
        return float((value - depth / complex(bulk(np.array([w]), problem.temperature_K)[0])).imag)

    coarse = [excess(w, value) for w, value in zip(omega, z, strict=True)]
    at = int(np.clip(np.argmin(coarse), 1, len(omega) - 2))
    found = minimize_scalar(
        lambda x: excess(math.exp(x), _impedance(problem, math.exp(x))),
        bounds=(math.log(omega[at - 1]), math.log(omega[at + 1])),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return math.exp(float(found.x))
