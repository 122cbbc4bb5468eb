"""Kind "height map": a measured surface of the electrolyte under flat, rigid metal that touches where it stands out."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from aspot.morphology import pixels
from aspot.morphology.maps import PIXEL_KEYS, PixelKeys, as_map, cropped, file_content, pixel_size, source
from aspot.morphology.pixels import Pixels
from aspot.morphology.unit_cell import MapCell
from aspot.specification import FieldError, Height, LengthUnit

_ENDINGS = pixels.ARRAYS + pixels.TABLES + pixels.IMAGES

#: Contact fractions this much off what is asked for, relatively, are refused: heights that are too coarse.
_FRACTION_ERROR = 0.02


class HeightKeys(PixelKeys):
    """Keys of height maps: `contact_fraction` or `level`, and the unit of the numbers in the file.

    Parameters
    ----------
    height_unit : float
        Length that the number 1 in the file stands for [m]: "1 nm", or "1 m" if the file holds metres.
    level : float
        Height of the metal's flat face in the file's own zero [m]; the metal touches where the surface lies at it or
        above. Instead of `contact_fraction`, which is then the bearing area at this level.
    levelling : "none" or "plane"
        "plane": the plane of least squares is taken off first, of the part that is used. Default: none.
    """

    height_unit: LengthUnit | None = None
    level: Height | None = None
    levelling: Literal["none", "plane"] | None = None


def keys(m: HeightKeys) -> tuple[set[str], set[str]]:
    """Allowed and required keys."""
    return PIXEL_KEYS | {"height_unit", "level", "levelling", "contact_fraction"}, {"file", "height_unit"}


def check(m: HeightKeys) -> None:
    """Refuse files that cannot be read and levels without contact or without gap."""
    if (m.contact_fraction is None) == (m.level is None):
        raise FieldError("contact_fraction", "give either contact_fraction (bearing area) or level")
    if m.levelling == "plane" and m.level is not None:
        raise FieldError("level", "has no meaning once a plane is taken off; give contact_fraction", m.level, "m")
    _depth(m)


def fraction(m: HeightKeys) -> float:
    """Share of the pixels where the metal touches."""
    return float(np.mean(_depth(m) <= 0.0))


def pitch(m: HeightKeys) -> float:
    """Longer side of the map [m]."""
    ny, nx = _depth(m).shape
    size = pixel_size(m, source(m, _ENDINGS))
    return max(nx * size[0], ny * size[1])


def unit_cell(m: HeightKeys, planar_width: float, gap_floor: float) -> MapCell:
    """The map, its gap nowhere smaller than `gap_floor`; see `Morphology.unit_cell`."""
    depth = _depth(m)
    return as_map(m, pixel_size(m, source(m, _ENDINGS)), (depth <= 0.0).astype(float), np.maximum(depth, gap_floor))


def content(m: HeightKeys) -> dict[str, Any]:
    """What only the file tells: its SHA-256 and the size of a pixel."""
    return file_content(m, _ENDINGS)


def _depth(m: HeightKeys) -> NDArray[np.float64]:
    """Distance from the metal's face down to the surface [m]; zero or less where it touches."""
    found = source(m, _ENDINGS)
    pixel_size(m, found)
    return _measured(m, found)


@lru_cache(maxsize=2)
def _measured(m: HeightKeys, found: Pixels) -> NDArray[np.float64]:
    if found.is_colour:
        raise FieldError("file", "holds colours; heights are one number per pixel", m.file)
    assert m.height_unit is not None
    height = np.asarray(cropped(m, found.values), float) * m.height_unit
    if m.levelling == "plane":
        height = height - _plane(height)
    low, high = float(height.min()), float(height.max())
    if low == high:
        raise FieldError("file", "is flat: every height is the same; use kind = 'planar'", m.file)
    level = m.level
    if level is None:
        assert m.contact_fraction is not None
        level = _bearing_level(height, m.contact_fraction)
    elif not low < level <= high:
        raise FieldError("level", f"must lie between the heights of the file, {low:.4g} to {high:.4g} m", level, "m")
    depth = level - height
    depth.setflags(write=False)
    return depth


def _bearing_level(height: NDArray[np.float64], wanted: float) -> float:
    """Height that the wanted share of the surface reaches.

    Raises
    ------
    FieldError
        If no height does, within a few percent: too few pixels, or too few different heights.
    """
    n = height.size
    k = min(max(round(wanted * n), 1), n - 1)
    level = float(np.partition(height.ravel(), n - k)[n - k])
    reached = int(np.count_nonzero(height >= level))
    if abs(reached - wanted * n) > _FRACTION_ERROR * wanted * n:
        above = int(np.count_nonzero(height > level))
        raise FieldError(
            "contact_fraction",
            f"no level gives it: the nearest of the {n} pixels' heights give {above / n:.4g} and {reached / n:.4g}",
            wanted,
        )
    return level


def _plane(height: NDArray[np.float64]) -> NDArray[np.float64]:
    """Plane of least squares through heights."""
    ny, nx = height.shape
    # Centred coordinates on a full grid are orthogonal: each slope stands alone.
    x, y = np.arange(nx) - 0.5 * (nx - 1), (np.arange(ny) - 0.5 * (ny - 1))[:, None]
    slope_x = np.sum(height * x) / max(np.sum(x**2) * ny, 1.0)
    slope_y = np.sum(height * y) / max(np.sum(y**2) * nx, 1.0)
    return np.asarray(height.mean() + slope_x * x + slope_y * y)
