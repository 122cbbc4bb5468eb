"""Contact mechanics in closed form: how much two pressed bodies touch, and what the contacts conduct.

Conductances per area are one-sided: the electrolyte of conductivity kappa constricts the current, the metal is an
equipotential. Figures are SI. E* is the contact modulus of `contact_modulus`; slopes are dimensionless.

Plastic laws count on the hardness H, about three yield strengths; elastic ones on E* and the slope. A soft metal such
as sodium or lithium on a ceramic flows at its own asperities long before they deform elastically: the elastic laws are
for hard metals, and for long waves of small amplitude.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.optimize import brentq
from scipy.special import erf, pbdv

from aspot.errors import InputError

#: H over the yield strength of a metal that does not harden (Tabor, The Hardness of Metals, 1951).
TABOR_FACTOR = 3.0

#: Strain that stands for an indentation by a blunt pyramid (Tabor 1951: 8 %).
REPRESENTATIVE_STRAIN = 0.08


def _positive(**values: float) -> None:
    for name, value in values.items():
        if not (math.isfinite(value) and value > 0.0):
            raise InputError(f"{name} = {value!r}: must be positive and finite")


def contact_modulus(young: float, poisson: float, other_young: float = math.inf, other_poisson: float = 0.0) -> float:
    """E* of two bodies [Pa]: 1/E* = (1 - nu1^2)/E1 + (1 - nu2^2)/E2; the second is rigid by default.

    Raises
    ------
    InputError
        If a modulus is not positive or a Poisson ratio outside (-1, 0.5].
    """
    for value in (young, other_young):
        if not value > 0.0:
            raise InputError(f"young = {value!r}: must be positive")
    for value in (poisson, other_poisson):
        if not -1.0 < value <= 0.5:
            raise InputError(f"poisson = {value!r}: must lie between -1 and 0.5")
    return 1.0 / ((1.0 - poisson**2) / young + (1.0 - other_poisson**2) / other_young)


@dataclass(frozen=True, kw_only=True)
class HertzContact:
    """Elastic contact of a sphere with a flat.

    Parameters
    ----------
    contact_radius : float
        a [m].
    approach : float
        Of distant points of the two bodies, a^2/R [m].
    peak_pressure : float
        In the middle [Pa]; the pressure is peak sqrt(1 - (r/a)^2).
    stiffness : float
        dF/d(approach) = 2 E* a [N/m].
    """

    contact_radius: float
    approach: float
    peak_pressure: float
    stiffness: float


def hertz(force: float, radius: float, modulus: float) -> HertzContact:
    """Sphere on a flat, elastic: a^3 = 3 F R/(4 E*).

    Parameters
    ----------
    force : float
        [N].
    radius : float
        Of the sphere [m]; valid for a well below it.
    modulus : float
        E* [Pa].

    Raises
    ------
    InputError
        If a value is not positive and finite.

    References
    ----------
    K. L. Johnson, Contact Mechanics (1985), chapter 4, doi:10.1017/CBO9781139171731.

    Examples
    --------
    >>> round(1e6 * hertz(1.0, 0.01, 1e9).contact_radius, 3)  # um
    195.743
    """
    _positive(force=force, radius=radius, modulus=modulus)
    a = (0.75 * force * radius / modulus) ** (1.0 / 3.0)
    return HertzContact(
        contact_radius=a,
        approach=a**2 / radius,
        peak_pressure=1.5 * force / (math.pi * a**2),
        stiffness=2.0 * modulus * a,
    )


def stiffness_conductance(stiffness: float, modulus: float, conductivity: float) -> float:
    """Conductance of the constriction from the incremental stiffness of the contact: G = 2 kappa K/E*.

    Exact for any contact of two half spaces: the small pressure that moves the contact by du and the current density
    that holds it at one potential solve the same integral equation. Bounds of the stiffness are bounds of G.

    Parameters
    ----------
    stiffness : float
        [N/m] for G in S, or per area [Pa/m] for S/m2.
    modulus : float
        E* [Pa].
    conductivity : float
        [S/m].

    References
    ----------
    J. R. Barber, Proc. R. Soc. A 459, 53 (2003), doi:10.1098/rspa.2002.1038.

    Examples
    --------
    A disc of radius a: K = 2 E* a, hence 4 kappa a.

    >>> stiffness_conductance(2 * 5e9 * 1e-5, 5e9, 0.5) / (4 * 0.5 * 1e-5)
    1.0
    """
    _positive(modulus=modulus, conductivity=conductivity)
    return 2.0 * conductivity * stiffness / modulus


def plastic_contact_fraction(pressure: float, hardness: float) -> float:
    """Contact fraction p/H of soft asperities, at most 1: the contacts carry the hardness, all else nothing.

    Valid while contacts are sparse. Towards p = H there is nowhere left for the metal to flow: see
    `confined_contact_fraction`.

    References
    ----------
    F. P. Bowden, D. Tabor, Proc. R. Soc. A 169, 391 (1939), doi:10.1098/rspa.1939.0005.
    """
    _positive(pressure=pressure, hardness=hardness)
    return min(pressure / hardness, 1.0)


def confined_contact_fraction(pressure: float, hardness: float) -> float:
    """Contact fraction p/(H + p): plastic contact of metal that has nowhere to go.

    What flows from the contacts lifts the rest of the surface (conserved volume), and the contacts carry H + p instead
    of H. It is p/H for sparse contacts and never reaches 1. Pullen and Williamson found it for aluminium up to p = 6 H.

    References
    ----------
    J. Pullen, J. B. P. Williamson, Proc. R. Soc. A 327, 159 (1972), doi:10.1098/rspa.1972.0058 (recalled, not read
    again).

    Examples
    --------
    >>> confined_contact_fraction(2.25e6, 0.75e6)
    0.75
    """
    _positive(pressure=pressure, hardness=hardness)
    return pressure / (hardness + pressure)


def persson_contact_fraction(pressure: float, modulus: float, rms_slope: float) -> float:
    """Contact fraction of elastic random roughness: erf(sqrt(2) p/(E* h')).

    Proportional to the pressure while small, sqrt(8/pi) p/(E* h') or 1.60 p/(E* h'); Bush, Gibson and Thomas (1975)
    have sqrt(2 pi), 2.51, there. `solve_contact` gives 2.1 to 2.2 at contact fractions of 4 % (H = 0.8, 8 pixels in
    the shortest wave): this law is a quarter too low. h' belongs to the shortest wave that is looked at.

    Parameters
    ----------
    pressure, modulus : float
        p and E* [Pa].
    rms_slope : float
        Root mean square of the gradient's length, h'.

    References
    ----------
    B. N. J. Persson, J. Chem. Phys. 115, 3840 (2001), doi:10.1063/1.1388626; Surf. Sci. Rep. 61, 201 (2006),
    doi:10.1016/j.surfrep.2006.04.001.
    """
    _positive(pressure=pressure, modulus=modulus, rms_slope=rms_slope)
    return float(erf(math.sqrt(2.0) * pressure / (modulus * rms_slope)))


def persson_stiffness(pressure: float, r_q: float, gamma: float = 0.48) -> float:
    """Incremental stiffness per area of elastic random roughness: K = p/(gamma R_q) [Pa/m].

    For contact fractions of 3 % to 15 % and many contacts; there `solve_contact` gives gamma between 0.45 and 0.50 for
    Hurst exponents of 0.5 and 0.8, below and above it is smaller. It asks for the height of the roughness alone, which
    its longest waves make; those deform elastically even where the shortest flow. With `stiffness_conductance` the
    constriction follows.

    References
    ----------
    B. N. J. Persson, Phys. Rev. Lett. 99, 125502 (2007), doi:10.1103/PhysRevLett.99.125502. gamma = 0.48: S. Akarapu,
    T. Sharp, M. O. Robbins, Phys. Rev. Lett. 106, 204301 (2011), doi:10.1103/PhysRevLett.106.204301 (recalled, not
    read again).
    """
    _positive(pressure=pressure, r_q=r_q, gamma=gamma)
    return pressure / (gamma * r_q)


def plastic_contact_conductance(
    pressure: float, hardness: float, r_q: float, mean_slope: float, conductivity: float
) -> float:
    """Conductance per area of conforming rough surfaces in plastic contact [S/m2]: 1.25 (2 kappa)(m/R_q)(p/H)^0.95.

    The thermal law for 1e-6 < p/H < 0.023; the harmonic mean of the conductivities is 2 kappa under a metal.

    Parameters
    ----------
    pressure, hardness : float
        [Pa].
    r_q : float
        Root-mean-square height [m].
    mean_slope : float
        m, mean absolute slope of profiles; rms slope of the surface over sqrt(pi), if it is Gaussian and isotropic.
    conductivity : float
        kappa [S/m].

    References
    ----------
    M. G. Cooper, B. B. Mikic, M. M. Yovanovich, Int. J. Heat Mass Transfer 12, 279 (1969),
    doi:10.1016/0017-9310(69)90011-8. Prefactor and exponent: Yovanovich, AIAA 82-0888 (1982),
    doi:10.2514/6.1982-888.
    """
    _positive(pressure=pressure, hardness=hardness, r_q=r_q, mean_slope=mean_slope, conductivity=conductivity)
    return 1.25 * 2.0 * conductivity * mean_slope / r_q * (pressure / hardness) ** 0.95


def elastic_contact_conductance(
    pressure: float, modulus: float, r_q: float, mean_slope: float, conductivity: float
) -> float:
    """As `plastic_contact_conductance`, elastic [S/m2]: 1.55 (2 kappa)(m/R_q)(sqrt(2) p/(E* m))^0.94.

    References
    ----------
    B. B. Mikic, Int. J. Heat Mass Transfer 17, 205 (1974) (recalled, not read again).
    """
    _positive(pressure=pressure, modulus=modulus, r_q=r_q, mean_slope=mean_slope, conductivity=conductivity)
    load = math.sqrt(2.0) * pressure / (modulus * mean_slope)
    return 1.55 * 2.0 * conductivity * mean_slope / r_q * load**0.94


@dataclass(frozen=True, kw_only=True)
class SummitContact:
    """Contact of a rough surface by the summits.

    Parameters
    ----------
    separation : float
        Of the flat from the mean height of the summits [m].
    contact_fraction : float
    spot_density : float
        Contacts per area [1/m2].
    mean_spot_radius : float
        [m].
    conductance : float
        Sum of 4 kappa a over the spots, per area and per conductivity [1/m]: the spots do not see each other.
    """

    separation: float
    contact_fraction: float
    spot_density: float
    mean_spot_radius: float
    conductance: float


@dataclass(frozen=True, kw_only=True)
class GreenwoodWilliamson:
    """Equal elastic spherical summits of Gaussian heights, each in Hertz contact with a flat of its own.

    Valid for sparse contacts (a few per cent), before they coalesce or press upon each other.

    Parameters
    ----------
    summit_density : float
        [1/m2].
    summit_radius : float
        Radius of curvature [m].
    summit_deviation : float
        Standard deviation of the summits' heights [m].
    modulus : float
        E* [Pa].

    References
    ----------
    J. A. Greenwood, J. B. P. Williamson, Proc. R. Soc. A 295, 300 (1966), doi:10.1098/rspa.1966.0242.
    """

    summit_density: float
    summit_radius: float
    summit_deviation: float
    modulus: float

    def __post_init__(self) -> None:
        _positive(**{name: getattr(self, name) for name in self.__dataclass_fields__})

    def pressure(self, separation: float) -> float:
        """Mean pressure at a separation from the mean height of the summits [Pa]."""
        s, d = self.summit_deviation, separation / self.summit_deviation
        return 4.0 / 3.0 * self.summit_density * self.modulus * self.summit_radius**0.5 * s**1.5 * _tail_moment(1.5, d)

    def at_separation(self, separation: float) -> SummitContact:
        """Contact at a separation from the mean height of the summits [m]."""
        s, d = self.summit_deviation, separation / self.summit_deviation
        spots = self.summit_density * _tail_moment(0.0, d)
        radii = self.summit_density * math.sqrt(self.summit_radius * s) * _tail_moment(0.5, d)
        return SummitContact(
            separation=separation,
            contact_fraction=math.pi * self.summit_density * self.summit_radius * s * _tail_moment(1.0, d),
            spot_density=spots,
            mean_spot_radius=radii / spots,
            conductance=4.0 * radii,
        )

    def at_pressure(self, pressure: float) -> SummitContact:
        """Contact at a mean pressure [Pa].

        Raises
        ------
        InputError
            If the pressure is not positive, or so high or low that the flat would leave the range of the summits
            (10 deviations on either side).
        """
        _positive(pressure=pressure)
        low, high = (self.pressure(side * 10.0 * self.summit_deviation) for side in (1.0, -1.0))
        if not low < pressure < high:
            raise InputError(f"pressure = {pressure:g} Pa: the summits carry {low:.3g} to {high:.3g} Pa")
        x = brentq(
            lambda d: math.log(self.pressure(d * self.summit_deviation) / pressure), -10.0, 10.0, xtol=1e-12, rtol=1e-14
        )
        return self.at_separation(x * self.summit_deviation)


def _tail_moment(n: float, d: float) -> float:
    """Integral of (s - d)^n over the Gaussian density beyond d: n!/sqrt(2 pi) exp(-d^2/4) D_(-n-1)(d)."""
    return math.gamma(n + 1.0) / math.sqrt(2.0 * math.pi) * math.exp(-0.25 * d**2) * float(pbdv(-n - 1.0, d)[0])


@dataclass(frozen=True, kw_only=True)
class PowerLawCreep:
    """Steady creep of a metal: strain rate = rate (stress/reference)^n.

    Parameters
    ----------
    reference_stress : float
        [Pa].
    rate : float
        Strain rate at the reference stress [1/s].
    exponent : float
        n.
    """

    reference_stress: float
    rate: float
    exponent: float

    def __post_init__(self) -> None:
        _positive(**{name: getattr(self, name) for name in self.__dataclass_fields__})

    def flow_stress(self, strain_rate: float) -> float:
        """Stress that keeps up a strain rate [Pa]."""
        _positive(strain_rate=strain_rate)
        return self.reference_stress * (strain_rate / self.rate) ** (1.0 / self.exponent)

    def hardness(self, time: float, yield_strength: float, strain: float = REPRESENTATIVE_STRAIN) -> float:
        """Hardness after a hold: load over contact area of asperities that have crept for a time [Pa].

        Model. A contact of area f under the pressure p/f strains the metal around it by a representative `strain`
        while it grows by its own size: strain d(ln f)/dt = rate (p/(3 f s))^n, s the reference stress. From the
        plastic contact f = p/(3 yield) at the start follows f = p/H(t) with

            H(t)^-n = (3 yield)^-n + (n rate t/strain) (3 s)^-n ,

        for long times H ~ t^(-1/n), as in indentation creep (T. O. Mulhearn, D. Tabor, J. Inst. Metals 89, 7 (1960)).
        The pressure is constant from t = 0 on; primary creep, size effects and temperature are left out.

        Parameters
        ----------
        time : float
            [s], 0 or more.
        yield_strength : float
            Of the metal at the start [Pa].
        strain : float

        Raises
        ------
        InputError
            If a value does not suit.
        """
        _positive(yield_strength=yield_strength, strain=strain)
        if not (math.isfinite(time) and time >= 0.0):
            raise InputError(f"time = {time!r}: must be finite and not negative")
        n, start = self.exponent, TABOR_FACTOR * yield_strength
        crept = n * self.rate * time / strain * (yield_strength / self.reference_stress) ** n
        return start * math.exp(-math.log1p(crept) / n)
