"""Gaps whose height varies: rules for integrals of d_0/d(s) along the edges of a profile.

The law of the gap is that of a height d_0; where the gap is d high it counts d_0/d times. At a rim with contact angle
theta this grows as 1/(theta t), t the distance from the rim, down to the floor. There the current is that of a wedge:
beside an ideal contact the potential differs from the metal's as t^lambda, with

    tan(lambda pi) = -kappa theta lambda / (j omega eps),   Re lambda from 1/2 (low frequency) to 1 (high),

so that its square over t has an integral even without a floor. Beside a contact with a resistance lambda tends to 0
with the frequency and the floor decides. Between breaks that grow geometrically from the rim 1/d is smooth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

from aspot.errors import InputError
from aspot.laws import Law
from aspot.morphology.gap_profile import GapProfile
from aspot.morphology.unit_cell import ProfileCell

FloatArray = NDArray[np.float64]

#: Distances from a rim, relative to the half width of the gap, that are rounding.
_ROUNDING = 1e-12


@dataclass(frozen=True, kw_only=True)
class GapHeights:
    """Heights of the gaps of a profile, relative to the height that their law is for.

    Parameters
    ----------
    profile : GapProfile
    gaps : tuple of (float, float)
        Middle and half width of every gap [m].
    reference_m : float
        d_0, the thickness of the law [m].
    """

    profile: GapProfile
    gaps: tuple[tuple[float, float], ...]
    reference_m: float

    def rule(self, start: float, end: float, points: int) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Points of an edge within one gap, from `start` to `end` [m].

        Returns
        -------
        x, weight, ratio : (n,) float
            Places along the edge, 0 to 1; weights, which add up to 1; d/d_0.
        """
        at = 0.5 * (start + end)
        middle, half = min(self.gaps, key=lambda gap: abs(at - gap[0]) / gap[1])
        # Distances from the rim of both ends, the one that is the rim exactly 0.
        ends = half - np.abs(np.array([start, end]) - middle)
        ends[np.abs(ends) < _ROUNDING * half] = 0.0
        low, high = float(ends.min()), float(ends.max())
        breaks = self.profile.breaks(half)
        pieces = np.concatenate([[low], breaks[(breaks > low) & (breaks < high)], [high]])
        g, w = legendre.leggauss(points)
        size = np.diff(pieces)[:, None]
        t = (pieces[:-1, None] + 0.5 * (1.0 + g) * size).ravel()
        x = np.abs(t - ends[0]) / (high - low)
        ratio = self.profile.distance_from_rim(t, half) / self.reference_m
        return x, (0.5 * w * size).ravel() / (high - low), ratio


def gap_heights(cell: ProfileCell, law: Law | None) -> GapHeights | None:
    """The heights of a cell's gap; None: the same everywhere.

    Raises
    ------
    InputError
        If the law has no thickness that they could be relative to.
    """
    if cell.gap_profile is None or law is None:
        return None
    thickness = getattr(law, "thickness_m", None)
    if thickness is None:
        raise InputError("gap_profile: needs a gap law with a thickness, which it replaces from place to place")
    return GapHeights(profile=cell.gap_profile, gaps=cell.gaps, reference_m=thickness)
