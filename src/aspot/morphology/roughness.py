"""Kind "rough": metal pressed on a self-affine random surface of the electrolyte."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any

from pydantic import Field

from aspot.errors import InputError
from aspot.morphology.keys import ShapeKeys
from aspot.morphology.pressing import ELASTIC_LAWS, PLASTIC_LAWS, SHORTEST_GAP, ContactLaw, Metal, PressedSurface, press
from aspot.morphology.rough_surface import SelfAffine
from aspot.morphology.unit_cell import MapCell
from aspot.specification import (
    CorrelationLength,
    Duration,
    FieldError,
    HurstExponent,
    Pressure,
    RoughnessHeight,
    Spacing,
    Text,
)

#: Without other keys: Hurst exponent, side over correlation length, pixels per side, seed, law.
_HURST, _SIZE, _GRID, _SEED, _LAW = 0.8, 12.0, 256, 0, "plastic"

#: Pixels per correlation length at least.
_LEAST_PIXELS = 4.0


class RoughKeys(ShapeKeys):
    """Keys of rough surfaces; the contact laws are those of `aspot.morphology.pressing`.

    Parameters
    ----------
    roughness : float
        Arithmetic mean deviation R_a of the surface that is solved [m].
    correlation_length : float
        xi of its autocorrelation [m]; see `rough_surface.SelfAffine`.
    hurst : float
        Hurst exponent, above 0 to 1. Default: 0.8.
    size : float
        Side of the square that repeats itself [m]. Default: 12 correlation lengths.
    grid : int
        Pixels along a side; even. Default: 256.
    pressure : float
        Now [Pa].
    largest_pressure : float
        That the interface has felt [Pa]. Default: `pressure`. Plastic laws remember it.
    adhesion : float
        Traction with which what had touched holds on as the pressure falls [Pa]; law "elastic-plastic". Default: 0.
    law : str
        "plastic" (default), "confined", "persson", "greenwood-williamson", "elastic" or "elastic-plastic".
    metal : str
        "Na" or "Li": hardness and contact modulus from the library; the electrolyte counts as rigid.
    hardness : float
        [Pa]; instead of the metal's.
    contact_modulus : float
        E* [Pa]; instead of the metal's.
    time : float
        For which the metal has crept under pressure [s]; lowers the hardness of a metal by name. Default: 0.
    """

    roughness: RoughnessHeight | None = None
    correlation_length: CorrelationLength | None = None
    hurst: HurstExponent | None = None
    size: Spacing | None = None
    grid: Annotated[int, Field(ge=16, le=4096, strict=True)] | None = None
    pressure: Pressure | None = None
    largest_pressure: Pressure | None = None
    adhesion: Pressure | None = None
    law: ContactLaw | None = None
    metal: Text | None = None
    hardness: Pressure | None = None
    contact_modulus: Pressure | None = None
    time: Duration | None = None


def keys(m: RoughKeys) -> tuple[set[str], set[str]]:
    """Allowed and required keys."""
    return set(RoughKeys.__annotations__) | {"seed"}, {"roughness", "correlation_length", "pressure"}


def check(m: RoughKeys) -> None:
    """Refuse what makes no contact, or no gap, or needs a finer grid."""
    xi, size, grid = m.correlation_length, _size(m), m.grid or _GRID
    assert xi is not None
    assert m.pressure is not None
    law = m.law or _LAW
    if grid % 2:
        raise FieldError("grid", "must be even", grid)
    if size < 2.0 * xi:
        raise FieldError("size", f"must be at least two correlation lengths, {2.0 * xi:g} m", size, "m")
    if xi * grid < _LEAST_PIXELS * size:
        least = 2 * int(-(-_LEAST_PIXELS * size // (2.0 * xi)))
        raise FieldError("grid", f"must be at least {least}: four pixels in a correlation length", grid)
    if m.largest_pressure is not None:
        if law not in PLASTIC_LAWS:
            raise FieldError(
                "largest_pressure", f"has no meaning for law = {law!r}, which has no memory", m.largest_pressure, "Pa"
            )
        if m.largest_pressure < m.pressure:
            raise FieldError(
                "largest_pressure", f"must be at least pressure = {m.pressure:g} Pa", m.largest_pressure, "Pa"
            )
    if m.adhesion is not None and law != "elastic-plastic":
        raise FieldError("adhesion", f"has no meaning for law = {law!r}; use 'elastic-plastic'", m.adhesion, "Pa")
    if m.time is not None and (m.metal is None or m.hardness is not None or law not in PLASTIC_LAWS):
        raise FieldError("time", "belongs to a metal by name, without hardness, and a plastic law", m.time, "s")
    for key, laws, other in (("hardness", PLASTIC_LAWS, ELASTIC_LAWS), ("contact_modulus", ELASTIC_LAWS, PLASTIC_LAWS)):
        if law in laws and m.metal is None and getattr(m, key) is None:
            raise FieldError(key, f"law = {law!r} needs it, or metal = 'Na' or 'Li'")
        if law not in laws and law in other and getattr(m, key) is not None:
            raise FieldError(key, f"has no meaning for law = {law!r}", getattr(m, key), "Pa")
    metal = _metal(m)
    largest = m.largest_pressure or m.pressure
    if law == "plastic" and metal.hardness is not None and largest >= metal.hardness:
        raise FieldError(
            "largest_pressure" if m.largest_pressure else "pressure",
            f"reaches the hardness of {metal.hardness:g} Pa, so that the metal touches everywhere; "
            "use law = 'confined' or 'elastic-plastic', or kind = 'planar'",
            largest,
            "Pa",
        )
    try:
        fraction = pressed(m).contact_fraction
    except InputError as error:
        raise FieldError("pressure", str(error), m.pressure, "Pa") from None
    if fraction > 1.0 - 1e-9:
        raise FieldError("pressure", "makes the metal touch everywhere; use kind = 'planar'", m.pressure, "Pa")


def fraction(m: RoughKeys) -> float:
    """Part of the area where the metal touches."""
    return pressed(m).contact_fraction


def pitch(m: RoughKeys) -> float:
    """Side of the square that repeats itself [m]."""
    return _size(m)


def unit_cell(m: RoughKeys, planar_width: float, gap_floor: float) -> MapCell:
    """The map of contacts and gaps; see `Morphology.unit_cell`."""
    return pressed(m, gap_floor).unit_cell()


def content(m: RoughKeys) -> dict[str, Any]:
    """Defaults, and figures of the library, written out."""
    metal, law = _metal(m), m.law or _LAW
    return {
        "hurst": m.hurst or _HURST,
        "size": _size(m),
        "grid": m.grid or _GRID,
        "seed": m.seed or _SEED,
        "law": law,
        "metal": None,
        "hardness": metal.hardness if law in PLASTIC_LAWS else None,
        "contact_modulus": metal.modulus if law in ELASTIC_LAWS else None,
        "time": None,
    }


def pressed(m: RoughKeys, shortest_gap: float = SHORTEST_GAP) -> PressedSurface:
    """Surface, contacts and gaps that the keys describe; kept, since a case asks for them several times."""
    assert m.roughness is not None
    assert m.correlation_length is not None
    assert m.pressure is not None
    surface = SelfAffine(roughness=m.roughness, correlation_length=m.correlation_length, hurst=m.hurst or _HURST)
    realisation = surface, _size(m), m.grid or _GRID, m.seed or _SEED
    load = m.pressure, m.largest_pressure, m.adhesion or 0.0, _metal(m), m.law or _LAW
    return _pressed(*realisation, load, shortest_gap)


@lru_cache(maxsize=4)
def _pressed(
    description: SelfAffine,
    size: float,
    grid: int,
    seed: int,
    load: tuple[float, float | None, float, Metal, ContactLaw],
    shortest_gap: float,
) -> PressedSurface:
    pressure, largest, adhesion, metal, law = load
    surface = description.surface(size, grid, seed)
    return press(surface, pressure, metal, law, largest_pressure=largest, adhesion=adhesion, shortest_gap=shortest_gap)


def _size(m: RoughKeys) -> float:
    assert m.correlation_length is not None
    return m.size or _SIZE * m.correlation_length


def _metal(m: RoughKeys) -> Metal:
    named = Metal()
    if m.metal is not None:
        try:
            named = Metal.named(m.metal, hold=m.time or 0.0)
        except InputError as error:
            raise FieldError("metal", str(error).split(": ", 1)[-1], m.metal) from None
    return Metal(hardness=m.hardness or named.hardness, modulus=m.contact_modulus or named.modulus)
