"""Spots and pores in random arrangement: discs of given sizes at random places of a square that repeats itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from aspot.errors import InputError
from aspot.morphology.keys import ShapeKeys, check_fraction
from aspot.morphology.unit_cell import BoxCell, Disc
from aspot.specification import Distance, FieldError, Flag, Spacing, SpotSize, Spread

FloatArray = NDArray[np.float64]

#: What decides about sizes; three of the four must be known.
_SIZES = ("radius", "contact_fraction", "count", "cell_size")


class RandomKeys(ShapeKeys):
    """Keys of random arrangements.

    Three of `radius` (or `radii`), `contact_fraction`, `count` and `cell_size` are needed; `spacing` may stand for
    `cell_size` = spacing sqrt(count). The fourth follows, so that the contact fraction is met exactly; where `count`
    follows it is a whole number, and `cell_size` moves to make up for that.

    Parameters
    ----------
    cell_size : float
        Side of the square that repeats itself [m].
    radius_distribution : "equal", "log-normal" or "measured"
        Default: "measured" if `radii` are given, else "equal". Log-normal: `radius` is the median.
    radius_spread : float
        Geometric standard deviation of a log-normal distribution: 68 % of the radii lie between radius / radius_spread
        and radius * radius_spread.
    radii : tuple of float
        Measured radii [m], from which `count` are drawn at random, with replacement.
    minimum_distance : float
        Smallest distance of two rims [m]; default 0: discs may come as close as they like, but not overlap.
    overlap : bool
        Whether discs may overlap, all places being alike; default false. Contact fraction then means that of the union.
    """

    cell_size: Spacing | None = None
    radius_distribution: Literal["equal", "log-normal", "measured"] | None = None
    radius_spread: Spread | None = None
    radii: Annotated[tuple[SpotSize, ...], Field(min_length=1, max_length=10**6)] | None = None
    minimum_distance: Distance | None = None
    overlap: Flag | None = None


def keys(m: RandomKeys) -> tuple[set[str], set[str]]:
    """Allowed and required keys."""
    own = {"cell_size", "radius_distribution", "radius_spread", "radii", "minimum_distance", "overlap", "seed"}
    return own | {"shape", "arrangement", "radius", "contact_fraction", "spacing", "count"}, {"arrangement"}


def check(m: RandomKeys) -> None:
    """Refuse keys that contradict each other, and discs for which there is no room."""
    if m.shape not in (None, "disc"):
        raise FieldError("shape", "random arrangements hold discs", m.shape)
    _check_sizes(m)
    _check_distribution(m)
    if m.overlap and m.minimum_distance:
        raise FieldError("minimum_distance", "has no meaning where discs may overlap", m.minimum_distance, "m")
    if m.contact_fraction is not None:
        check_fraction(m, m.contact_fraction, "contact_fraction")
    _check_room(m)


def fraction(m: RandomKeys) -> float:
    """Contact fraction of the discs as drawn, exact."""
    discs = _discs(m)
    covered = discs.cover() if m.overlap else math.fsum(math.pi * discs.radii**2)
    return covered if m.kind == "spots" else 1.0 - covered


def pitch(m: RandomKeys) -> float:
    """Root of the area per disc [m]."""
    discs = _discs(m)
    return discs.side_m / math.sqrt(len(discs.radii))


def unit_cell(m: RandomKeys, planar_width: float, gap_floor: float) -> BoxCell:
    """The square that repeats itself; see `Morphology.unit_cell`."""
    discs = _discs(m)
    side = discs.side_m
    shapes = tuple(
        Disc(x=x, y=y, radius=r)
        for x, y, r in zip(*(side * discs.places.T).tolist(), (side * discs.radii).tolist(), strict=True)
    )
    return BoxCell(size_x=side, size_y=side, shapes=shapes, contact_inside=m.kind == "spots", periodic=True)


def content(m: RandomKeys) -> dict[str, Any]:
    """No file."""
    return {}


def _check_sizes(m: RandomKeys) -> None:
    if m.radius is not None and m.radii is not None:
        raise FieldError("radii", "give either radius or radii")
    if m.cell_size is not None and m.spacing is not None:
        raise FieldError("cell_size", "give either cell_size or spacing", m.cell_size, "m")
    if m.spacing is not None and m.count is None:
        raise FieldError("count", "is required with spacing: cell_size is spacing sqrt(count)")
    stand_in = {"radius": "radii", "cell_size": "spacing"}
    names = {name: m.given((name, stand_in.get(name, name))) for name in _SIZES}
    given = [of[0] for of in names.values() if of]
    if len(given) != 3:
        raise FieldError(
            "contact_fraction" if len(given) == 4 else next(name for name, of in names.items() if not of),
            "a random arrangement needs three of radius (or radii), contact_fraction, count and cell_size (or "
            f"spacing); given: {', '.join(given) or 'none'}",
        )


def _check_distribution(m: RandomKeys) -> None:
    kind = m.radius_distribution
    if kind == "log-normal" and m.radius_spread is None:
        raise FieldError("radius_spread", "is required for a log-normal distribution: its geometric standard deviation")
    if kind != "log-normal" and m.radius_spread is not None:
        raise FieldError("radius_spread", "belongs to radius_distribution = 'log-normal'", m.radius_spread)
    if kind == "measured" and m.radii is None:
        raise FieldError("radii", "are required for a measured distribution")
    if kind in ("equal", "log-normal") and m.radii is not None:
        raise FieldError("radius_distribution", "radii are a measured distribution; remove one of the two", kind)


def _check_room(m: RandomKeys) -> None:
    from aspot.morphology.packing import LARGEST_COVER

    sizes = _sizes(m)
    shown = "contact_fraction" if m.contact_fraction is not None else "count" if m.count is not None else "cell_size"
    value, unit = getattr(m, shown), "m" if shown == "cell_size" else ""
    gap = (m.minimum_distance or 0.0) / sizes.side_m
    covered = math.fsum(math.pi * (sizes.radii + 0.5 * gap) ** 2)
    if not m.overlap and covered > LARGEST_COVER:
        area = "discs" if gap == 0.0 else "discs with half of minimum_distance around them"
        raise FieldError(
            shown,
            f"{area} would cover {covered:.3g} of the area; random places are found up to {LARGEST_COVER:g} "
            "(equal discs freeze into a lattice at 0.72); use a regular arrangement or overlap = true",
            value,
            unit,
        )
    if 2.0 * float(sizes.radii.max()) + gap > 1.0:
        raise FieldError(
            "count" if m.count is not None else shown,
            f"the largest disc (radius {sizes.radii.max() * sizes.side_m:.3g} m) does not fit into a cell of "
            f"{sizes.side_m:.3g} m; use more discs",
            m.count if m.count is not None else value,
        )
    if m.contact_fraction is None and not m.overlap:
        covered = math.fsum(math.pi * sizes.radii**2)
        check_fraction(m, covered if m.kind == "spots" else 1.0 - covered, shown)


@dataclass(frozen=True)
class _Sizes:
    """Radii in units of the side of the cell, and the side [m]."""

    radii: FloatArray
    side_m: float


@dataclass(frozen=True)
class _Discs(_Sizes):
    """Discs with their places, in units of the side."""

    places: FloatArray

    def cover(self) -> float:
        """Area of the union over that of the cell."""
        from aspot.morphology.union import union_area

        return union_area(self.places, self.radii)


def _generator(m: RandomKeys) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(m.seed or 0))


def _draw(m: RandomKeys, n: int, rng: np.random.Generator) -> FloatArray:
    """Radii in units of `radius`, measured ones in metres."""
    if m.radii is not None:
        return np.asarray(m.radii)[rng.integers(len(m.radii), size=n)]
    if m.radius_distribution == "log-normal":
        assert m.radius_spread is not None
        # Rounded, as the last digit of an exponential differs between machines.
        return np.asarray(np.round(np.exp(math.log(m.radius_spread) * rng.standard_normal(n)), 9), float)
    return np.ones(n)


def _mean_square(m: RandomKeys) -> float:
    """Expected square of what `_draw` gives."""
    if m.radii is not None:
        return float(np.mean(np.square(m.radii)))
    return math.exp(2.0 * math.log(m.radius_spread or 1.0) ** 2)


def _cover(m: RandomKeys) -> float:
    """Area of all discs over that of the cell: of the union where they may overlap, on average."""
    assert m.contact_fraction is not None
    covered = m.contact_fraction if m.kind == "spots" else 1.0 - m.contact_fraction
    # Places that are all alike: a point is left free by each disc with probability 1 - a.
    return -math.log1p(-covered) if m.overlap else covered


def _sizes(m: RandomKeys) -> _Sizes:
    """Sizes as drawn; with `overlap` and a contact fraction their scale is preliminary."""
    scale = 1.0 if m.radii is not None else m.radius
    count, side = m.count, m.cell_size
    if side is None and m.spacing is not None and count is not None:
        side = m.spacing * math.sqrt(count)
    if count is None:
        assert scale is not None and side is not None
        n = _cover(m) * side**2 / (math.pi * _mean_square(m) * scale**2)
        count, side = max(1, round(n)), None
        if count > 10**6:
            raise FieldError("cell_size", f"would hold {n:.3g} discs, allowed are 1000000", m.cell_size, "m")
    drawn = _draw(m, count, _generator(m))
    if side is not None and scale is not None:
        return _Sizes(drawn * (scale / side), side)
    relative = math.sqrt(_cover(m) / (math.pi * math.fsum(drawn**2)))
    if side is None:
        assert scale is not None
        side = scale / relative
    return _Sizes(drawn * relative, side)


def _discs(m: RandomKeys) -> _Discs:
    own = keys(m)[0] - {"shape", "arrangement"}
    # Pores and spots that cover the same are the same discs.
    return _found(RandomKeys(arrangement="random", kind=m.kind, **{k: getattr(m, k) for k in m.given(sorted(own))}))


@lru_cache(maxsize=4)
def _found(m: RandomKeys) -> _Discs:
    from aspot.morphology.packing import NoRoomError, place

    sizes, rng = _sizes(m), _generator(m)
    _draw(m, len(sizes.radii), rng)  # places follow sizes in the sequence of random numbers
    if m.overlap:
        discs = _Discs(sizes.radii, sizes.side_m, rng.random((len(sizes.radii), 2)))
        return discs if m.contact_fraction is None else _scaled(m, discs)
    gap = (m.minimum_distance or 0.0) / sizes.side_m
    try:
        places = place(sizes.radii, gap, rng)
    except NoRoomError as error:
        raise InputError(f"morphology: no places without overlap were found for discs that {error}") from None
    return _Discs(sizes.radii, sizes.side_m, places)


def _scaled(m: RandomKeys, discs: _Discs) -> _Discs:
    """Overlapping discs, all scaled alike until their union covers what is asked for."""
    from scipy.optimize import brentq

    assert m.contact_fraction is not None
    wanted = m.contact_fraction if m.kind == "spots" else 1.0 - m.contact_fraction
    largest = 0.499 / float(discs.radii.max())

    def excess(scale: float) -> float:
        return _Discs(scale * discs.radii, discs.side_m, discs.places).cover() - wanted

    low, high = 0.5, min(2.0, largest)
    if excess(low) > 0.0 or excess(high) < 0.0:
        raise InputError(
            f"morphology.contact_fraction = {m.contact_fraction:g}: cannot be met by {len(discs.radii)} discs "
            "that overlap; use more of them, or another seed"
        )
    scale = _root(brentq, excess, low, high)
    is_fixed = m.radius is not None or m.radii is not None
    return _Discs(scale * discs.radii, discs.side_m / scale if is_fixed else discs.side_m, discs.places)


def _root(solve: Callable[..., float], function: Callable[[float], float], low: float, high: float) -> float:
    return float(solve(function, low, high, xtol=1e-14, rtol=1e-14))
