"""Height of a gap from place to place: lenses under pores, wedge-shaped and elliptical cracks.

With s the distance from the middle of the gap and a half its width (the radius of a pore):

    lens      d = sqrt(R^2 - s^2) - (R - h),   R = (a^2 + h^2)/(2 h),   tan(theta/2) = h/a    (spherical cap)
    arc       d = theta (a^2 - s^2)/(2 a)      the same cap, d along the arc that meets both faces at right angles
    wedge     d = h (1 - s/a),                                          tan(theta) = h/a
    ellipse   d = h sqrt(1 - (s/a)^2)                                   theta = 90 deg

The last three are heights. A current crosses a lens along arcs: as an admittance kappa/d, `arc` errs a third as much as
`lens` in pores and a sixth in cracks (see `aspot.analysis.lens`); where the lens is flat they agree. No form is
anywhere less than a floor, the smallest distance at which metal and electrolyte do not touch yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aspot.errors import InputError

FloatArray = NDArray[np.float64]
GapForm = Literal["lens", "arc", "wedge", "ellipse"]

#: Distances from the rim at which a rule is divided grow by this factor; the first, without a floor, relative to a.
_GROWTH, _SMALLEST = 4.0, 1e-13


@dataclass(frozen=True, kw_only=True)
class GapProfile:
    """Height of a gap as a function of the distance from its middle; see the module for the forms.

    Parameters
    ----------
    form : "lens", "arc", "wedge" or "ellipse"
    height : float, optional
        In the middle, h [m]; the same for gaps of every width.
    contact_angle : float, optional
        Angle of the gap at its rim [rad], above 0 and at most pi/2 (a wedge: below); instead of `height`.
    floor : float
        Smallest height [m]; 0: none.

    Raises
    ------
    InputError
        If not exactly one of height and contact angle is given, or a value lies outside its range.
    """

    form: GapForm
    height: float | None = None
    contact_angle: float | None = None
    floor: float

    def __post_init__(self) -> None:
        if (self.height is None) == (self.contact_angle is None):
            raise InputError("height: give either height or contact_angle")
        if self.height is not None and not 0.0 < self.height < np.inf:
            raise InputError(f"height = {self.height!r}: must be positive")
        angle = self.contact_angle
        if angle is not None:
            if self.form == "ellipse":
                raise InputError("contact_angle: an ellipse meets the electrolyte at 90 degrees; give height")
            if not 0.0 < angle <= 0.5 * np.pi * (1 + 1e-12) or (self.form == "wedge" and angle > 1.56):
                raise InputError(f"contact_angle = {np.degrees(angle):g} deg: must be above 0 and at most 90 deg")
        if not 0.0 <= self.floor < np.inf:
            raise InputError(f"floor = {self.floor!r}: must not be negative")

    @property
    def is_cap(self) -> bool:
        """Whether the gap lies under a spherical cap (in cracks: a circular arc)."""
        return self.form in ("lens", "arc")

    def apex(self, half_width: float) -> float:
        """Height in the middle of a gap of half width a [m], without the floor."""
        if self.height is not None:
            return self.height
        assert self.contact_angle is not None
        angle = 0.5 * self.contact_angle if self.is_cap else self.contact_angle
        return half_width * float(np.tan(angle))

    def angle(self, half_width: float) -> float:
        """Contact angle theta [rad] of a gap of half width a."""
        if self.form == "ellipse":
            return 0.5 * np.pi
        slope = self.apex(half_width) / half_width
        return float(2.0 * np.arctan(slope) if self.is_cap else np.arctan(slope))

    def distance(self, offset: ArrayLike, half_width: float) -> FloatArray:
        """Height d [m] at distances s from the middle [m] (beyond the rim: the floor)."""
        return self.distance_from_rim(half_width - np.asarray(offset, float), half_width)

    def distance_from_rim(self, inside: ArrayLike, half_width: float) -> FloatArray:
        """Height d [m] at distances a - s from the rim [m]: exact however small they are."""
        t, h, a = np.maximum(np.asarray(inside, float), 0.0), self.apex(half_width), half_width
        chord = t * (2.0 * a - t)  # a^2 - s^2
        if self.form == "wedge":
            d = h * t / a
        elif self.form == "ellipse":
            d = h / a * np.sqrt(chord)
        elif self.form == "arc":
            d = 0.5 * self.angle(a) / a * chord
        else:
            radius = (a * a + h * h) / (2.0 * h)
            # sqrt(R^2 - s^2) - c with c^2 = R^2 - a^2, without the difference of nearly equal numbers.
            d = chord / (np.sqrt((radius - h) ** 2 + chord) + (radius - h))
        return np.maximum(d, self.floor)

    def floor_width(self, half_width: float) -> float:
        """Width of the ring along the rim where the height is that of the floor [m]."""
        h, f, a = self.apex(half_width), self.floor, half_width
        if f >= (0.5 * a * self.angle(a) if self.form == "arc" else h):
            return a
        if self.form == "wedge":
            return a * f / h
        if self.form == "ellipse":
            chord = (a * f / h) ** 2
        elif self.form == "arc":
            chord = 2.0 * a * f / self.angle(a)
        else:
            chord = f * (f + (a * a - h * h) / h)  # (c + f)^2 - c^2, 2 c = (a^2 - h^2)/h
        return float(chord / (a + np.sqrt(max(a * a - chord, 0.0))))

    def breaks(self, half_width: float) -> FloatArray:
        """Distances from the rim [m], increasing, at which rules for integrals of 1/d are divided."""
        first = self.floor_width(half_width) or _SMALLEST * half_width
        n = max(int(np.ceil(np.log(half_width / first) / np.log(_GROWTH))), 0)
        return np.asarray(first * _GROWTH ** np.arange(n), float)


def closed_capacitance(profile: GapProfile, half_width: float, *, axisymmetric: bool) -> float:
    """Integral of dA/d over a gap between metal and an electrolyte at one potential: its capacitance over eps [m].

    Parameters
    ----------
    profile : GapProfile
        With a floor f > 0. Without one 1/d is not integrable, but for the ellipse.
    half_width : float
        a [m].
    axisymmetric : bool
        True: a pore. False: a crack, per metre of its length [1].

    Returns
    -------
    float
        Pores: 2 pi int r dr/d + rim; lens: 2 pi (h - f + (R - h) ln(h/f)); arc: 2 pi a/theta ln(a theta/(2 f)); cone:
        2 pi a^2/h (ln(h/f) - 1 + f/h); spheroid: 2 pi a^2/h (1 - f/h). Cracks, s_f where the floor begins: arc
        4/theta artanh(s_f/a), wedge 2 a/h ln(h/f), ellipse 2 a/h arccos(f/h). The rim is its area over f.

    Raises
    ------
    InputError
        For a lens as the profile of a crack, and where the integral is infinite.
    """
    h, f, a = profile.apex(half_width), profile.floor, half_width
    if f <= 0.0 and profile.form != "ellipse":
        raise InputError("floor = 0: the integral of 1/d grows without limit at the rim")
    ring = profile.floor_width(a)
    if ring >= a:
        return float(np.pi * a * a / f if axisymmetric else 2.0 * a / f)
    if not axisymmetric:
        rim = 2.0 * ring / f if f > 0.0 else 0.0
        if profile.form == "arc":
            return float(4.0 / profile.angle(a) * np.arctanh(1.0 - ring / a) + rim)
        if profile.form == "wedge":
            return float(2.0 * a / h * np.log(h / f) + rim)
        if profile.form == "ellipse":
            return float(2.0 * a / h * np.arccos(f / h) + rim)
        raise InputError("form = 'lens': has no closed form as the profile of a crack")
    rim = np.pi * ring * (2.0 * a - ring) / f if f > 0.0 else 0.0
    if profile.form == "wedge":
        return float(2.0 * np.pi * a * a / h * (np.log(h / f) - 1.0 + f / h) + rim)
    if profile.form == "ellipse":
        return float(2.0 * np.pi * a * a / h * (1.0 - f / h) + rim)
    if profile.form == "arc":
        angle = profile.angle(a)
        return float(2.0 * np.pi * a / angle * np.log(0.5 * a * angle / f) + rim)
    radius = (a * a + h * h) / (2.0 * h)
    return float(2.0 * np.pi * (h - f + (radius - h) * np.log(h / f)) + rim)
