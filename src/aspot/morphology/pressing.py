"""Metal pressed on a rough surface of the electrolyte: from a pressure to contacts and gaps.

The metal is flat before it is pressed. It touches the highest points of the electrolyte, its pillars, and spans the
valleys. Which part it touches is the matter of a contact law:

| law | contact fraction | where | gap |
| --- | --- | --- | --- |
| plastic | p/H | highest points | up to a flat metal |
| confined | p/(H + p) | highest points | up to a flat metal |
| persson | erf(sqrt(2) p/(E* h')) | highest points | up to a flat metal |
| greenwood-williamson | of its elastic summits | highest points | up to a flat metal |
| elastic | of the elastic half space | solved | of the bent metal |
| elastic-plastic | solved with contact pressures up to H + p | solved | of the bent metal |

The first four make a contact fraction, and the rule of the bearing area the map: what is higher than a level is in
contact. That is what a metal does whose flow stays at the asperities. The last two solve for the pressure.

Plastic contact has a memory: metal that flowed keeps its shape. `largest_pressure` says what the interface has felt
before. The bearing laws then keep the contacts of that pressure, as if metal and electrolyte stuck to each other. The
elastic-plastic law takes the load off again, so that elastic recovery opens part of the contacts: most of them without
`adhesion`, fewer with it. The gaps that open are larger for longer waves, in proportion to 1/q, so that this contact
depends on the size of the surface, as its logarithm: take the thickness of the metal, beyond which it is no half space.

Hertz's law has no map of its own: it is that of the elastic law for one summit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast, get_args

import numpy as np
from scipy.constants import epsilon_0
from scipy.optimize import brentq

from aspot import materials
from aspot.analytic.contact_mechanics import (
    TABOR_FACTOR,
    GreenwoodWilliamson,
    PowerLawCreep,
    confined_contact_fraction,
    contact_modulus,
    persson_contact_fraction,
    plastic_contact_fraction,
)
from aspot.errors import InputError
from aspot.morphology.contact_solver import SolvedContact, solve_contact, unloaded
from aspot.morphology.rough_surface import FloatArray, Surface
from aspot.morphology.unit_cell import MapCell

ContactLaw = Literal["plastic", "confined", "persson", "greenwood-williamson", "elastic", "elastic-plastic"]
LAWS: tuple[ContactLaw, ...] = get_args(ContactLaw)

#: Laws that need a hardness, and those that need a contact modulus.
PLASTIC_LAWS = ("plastic", "confined", "elastic-plastic")
ELASTIC_LAWS = ("persson", "greenwood-williamson", "elastic", "elastic-plastic")

#: Gaps thinner than this count as this thick: atoms, and roughness shorter than a pixel, are not in the model [m].
SHORTEST_GAP = 1e-9

#: Mean over directions of the part of a pixel by which contacts are over-counted, per edge of a pixel at their rim:
#: (pi - 1 + ln 2)/24, V. A. Yastrebov, G. Anciaux, J.-F. Molinari, Tribol. Int. 114, 161 (2017),
#: doi:10.1016/j.triboint.2017.04.023.
_RIM_EXCESS = (np.pi - 1.0 + np.log(2.0)) / 24.0

#: Pixels in contact at least.
_LEAST_PIXELS = 10


@dataclass(frozen=True, kw_only=True)
class Metal:
    """What contact mechanics has to know of the metal.

    Parameters
    ----------
    hardness : float, optional
        [Pa].
    modulus : float, optional
        Contact modulus E*, the electrolyte's compliance included if it counts [Pa].
    """

    hardness: float | None = None
    modulus: float | None = None

    @classmethod
    def named(cls, name: str, *, hold: float = 0.0) -> Metal:
        """Metal of the library, by `aspot materials`: hardness 3 yield strengths, less after creep; rigid electrolyte.

        Parameters
        ----------
        name : str
        hold : float
            Time under pressure [s].

        Raises
        ------
        InputError
            If the library has no such metal.

        Examples
        --------
        >>> Metal.named("Na").hardness
        750000.0
        """
        metals = [known for known in materials.names() if materials.get(known).kind == "metal"]
        if name not in metals:
            raise InputError(f"metal = {name!r}: is not a metal of the library; allowed: {', '.join(metals)}")
        material = materials.get(name)
        strength = material.si("yield_strength")
        creep = PowerLawCreep(
            reference_stress=strength, rate=material.si("creep_rate"), exponent=material.si("creep_exponent")
        )
        return cls(
            hardness=creep.hardness(hold, strength) if hold > 0.0 else TABOR_FACTOR * strength,
            modulus=contact_modulus(material.si("elastic_modulus"), material.si("poisson_ratio")),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class PressedSurface:
    """Contacts and gaps under a pressure.

    Parameters
    ----------
    surface : Surface
    contact : (n, n) float
        Part of each pixel that touches, 0 to 1.
    gap_height : (n, n) float
        Height of the gap over the rest of the pixel, such that its capacitance is right [m].
    mean_plane : float
        Height of the metal's mean plane above that of the surface [m].
    """

    surface: Surface
    contact: FloatArray
    gap_height: FloatArray
    mean_plane: float

    @property
    def contact_fraction(self) -> float:
        """Part of the area that touches."""
        return float(self.contact.mean())

    @property
    def gap_capacitance(self) -> float:
        """Capacitance of the empty gaps per apparent area [F/m2], as plates: eps0 <(1 - contact)/height>."""
        return float(epsilon_0 * np.mean((1.0 - self.contact) / self.gap_height))

    def unit_cell(self) -> MapCell:
        """The map that is solved."""
        size = self.surface.size
        return MapCell(size_x=size, size_y=size, contact=self.contact, gap_height=self.gap_height, periodic=True)


def press(
    surface: Surface,
    pressure: float,
    metal: Metal,
    law: ContactLaw = "plastic",
    *,
    largest_pressure: float | None = None,
    adhesion: float = 0.0,
    shortest_gap: float = SHORTEST_GAP,
) -> PressedSurface:
    """Press the metal on a rough surface.

    Parameters
    ----------
    surface : Surface
        Of the electrolyte, heights towards the metal [m].
    pressure : float
        Mean pressure now [Pa].
    metal : Metal
    law : str
        One of `LAWS`; see the table above.
    largest_pressure : float, optional
        That the interface has felt [Pa]; default: `pressure`. For the plastic laws.
    adhesion : float
        Traction with which what had touched holds on as the pressure falls [Pa]; for law "elastic-plastic".
    shortest_gap : float
        [m].

    Raises
    ------
    InputError
        If a pressure, or what the law needs of the metal, is missing or does not suit.
    ConvergenceError
        If a solved contact does not converge.
    """
    if law not in LAWS:
        raise InputError(f"law = {law!r}: allowed: {', '.join(LAWS)}")
    if not (np.isfinite(pressure) and pressure > 0.0):
        raise InputError(f"pressure = {pressure!r}: must be positive and finite")
    largest = pressure if largest_pressure is None else largest_pressure
    if not (np.isfinite(largest) and largest >= pressure):
        raise InputError(f"largest_pressure = {largest_pressure!r}: must be finite and at least {pressure:g} Pa")
    if law not in PLASTIC_LAWS and largest > pressure:
        raise InputError(f"largest_pressure = {largest:g} Pa: law = {law!r} has no memory")
    if adhesion != 0.0 and law != "elastic-plastic":
        raise InputError(f"adhesion = {adhesion!r}: law = {law!r} has none; use 'elastic-plastic'")
    for name, value, laws in (("hardness", metal.hardness, PLASTIC_LAWS), ("modulus", metal.modulus, ELASTIC_LAWS)):
        if law in laws and not (value is not None and np.isfinite(value) and value > 0.0):
            raise InputError(f"{name} = {value!r}: law = {law!r} needs it, positive and finite")
    if law in ("elastic", "elastic-plastic"):
        modulus, hardness = cast(float, metal.modulus), np.inf
        if law == "elastic-plastic":
            hardness = cast(float, metal.hardness) + largest
        solved = solve_contact(surface, largest, modulus, hardness)
        if largest > pressure:
            solved, hardness = unloaded(surface, solved, pressure, modulus, adhesion=adhesion), np.inf
        _check_pixels(solved.contact_fraction, surface)
        contact, gap = _rims(solved, hardness)
        return PressedSurface(
            surface=surface, contact=contact, gap_height=np.maximum(gap, shortest_gap), mean_plane=solved.mean_plane
        )
    return bearing_contact(surface, contact_fraction(surface, largest, metal, law), shortest_gap)


def contact_fraction(surface: Surface, pressure: float, metal: Metal, law: ContactLaw) -> float:
    """Contact fraction of a law that makes nothing else: plastic, confined, persson, greenwood-williamson."""
    if law == "plastic":
        return plastic_contact_fraction(pressure, cast(float, metal.hardness))
    if law == "confined":
        return confined_contact_fraction(pressure, cast(float, metal.hardness))
    statistics, modulus = surface.statistics(), cast(float, metal.modulus)
    if law == "persson":
        return persson_contact_fraction(pressure, modulus, statistics.rms_slope)
    summits = GreenwoodWilliamson(
        summit_density=statistics.summit_density,
        summit_radius=1.0 / statistics.summit_curvature,
        summit_deviation=statistics.summit_deviation,
        modulus=modulus,
    )
    return min(summits.at_pressure(pressure).contact_fraction, 1.0)


def bearing_contact(surface: Surface, fraction: float, shortest_gap: float = SHORTEST_GAP) -> PressedSurface:
    """Flat metal on the highest points that make up a part of the area.

    Within a pixel the height is taken as evenly spread over the range that its gradient spans. Hence pixels at a rim
    are covered in part, the fraction is met exactly, and the gap over the rest has the mean of its inverse height, no
    part of it being thinner than `shortest_gap`.

    Parameters
    ----------
    surface : Surface
    fraction : float
        Between 0 and 1.
    shortest_gap : float
        [m].

    Raises
    ------
    InputError
        If the fraction is not between 0 and 1, or makes less than ten pixels of contact.
    """
    height = surface.height - surface.height.mean()
    if not 0.0 < fraction <= 1.0:
        raise InputError(f"fraction = {fraction!r}: must be above 0 and at most 1")
    _check_pixels(fraction, surface)
    slope_x, slope_y = surface.gradient()
    # A flat pixel would be covered at once: a thousandth of the shortest gap keeps the rule continuous.
    half = np.maximum(0.5 * surface.pixel * (np.abs(slope_x) + np.abs(slope_y)), 1e-3 * shortest_gap)

    def covered(level: float) -> FloatArray:
        return np.clip(0.5 + (height - level) / (2.0 * half), 0.0, 1.0)

    low, high = float((height - half).min()), float((height + half).max())
    level = low if fraction == 1.0 else brentq(lambda z: float(covered(z).mean()) - fraction, low, high, xtol=1e-16)
    deepest = np.maximum(level - height + half, shortest_gap)
    shallowest = np.clip(level - height - half, shortest_gap, deepest)
    spread = np.maximum(deepest / shallowest - 1.0, 1e-9)
    return PressedSurface(
        surface=surface, contact=covered(level), gap_height=shallowest * spread / np.log1p(spread), mean_plane=level
    )


def _rims(solved: SolvedContact, hardness: float) -> tuple[FloatArray, FloatArray]:
    """Part of each pixel that touches, and the gap over the rest [m].

    Pixels whose mean pressure is positive over-count an elastic contact, whose pressure vanishes at the rim: by
    `_RIM_EXCESS` pixels along every edge between contact and gap. Rims at the hardness, where it jumps, are exact.
    """
    contact, gap = solved.contact, solved.gap
    edges, beyond = np.zeros(contact.shape), np.zeros(contact.shape)
    for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
        is_rim = contact & ~np.roll(contact, step, axis)
        edges += is_rim
        beyond += is_rim * np.roll(gap, step, axis)
    excess = np.where(solved.pressure < hardness, _RIM_EXCESS * edges, 0.0)
    # From an elastic rim the gap grows as x^(3/2): about a quarter of what it is in the middle of the next pixel.
    return np.where(contact, 1.0 - excess, 0.0), np.where(edges > 0.0, 0.25 * beyond / np.maximum(edges, 1.0), gap)


def _check_pixels(fraction: float, surface: Surface) -> None:
    """Refuse contacts that the grid cannot show."""
    n = len(surface.height)
    if fraction * n**2 < _LEAST_PIXELS:
        raise InputError(
            f"contact fraction = {fraction:.3g}: makes {fraction * n**2:.2g} pixels of contact on a grid of {n} x {n}, "
            f"needed are {_LEAST_PIXELS}; use a finer grid or a higher pressure"
        )
