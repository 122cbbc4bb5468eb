"""Kind "image": the metal touches where the pixels of a file say so."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field

from aspot.morphology import pixels
from aspot.morphology.maps import PIXEL_KEYS, PixelKeys, as_map, cropped, file_content, pixel_size, source
from aspot.morphology.pixels import Pixels
from aspot.morphology.unit_cell import MapCell
from aspot.specification import FieldError

_ENDINGS = pixels.IMAGES + pixels.ARRAYS


def _read_threshold(value: object) -> object:
    if value == "otsu" or (isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e300):
        return value if isinstance(value, str) else float(value)
    raise ValueError("must be a number, or 'otsu'")


class ImageKeys(PixelKeys):
    """Keys of contact maps: either `threshold` and `contact_is`, or `labels`.

    Parameters
    ----------
    threshold : float or "otsu"
        Of the numbers in the file (0 to 255 in an image of 8 bits); "otsu": the one that separates dark from bright
        best (see `otsu`). Colours count by their brightness. Not needed if all pixels have one of two values.
    contact_is : "dark" or "bright"
        Dark: at or below the threshold, bright: above it.
    labels : tuple of int
        Values of the pixels where the metal touches.
    """

    threshold: Annotated[float | Literal["otsu"], BeforeValidator(_read_threshold)] | None = None
    contact_is: Literal["dark", "bright"] | None = None
    labels: Annotated[tuple[Annotated[int, Field(strict=True)], ...], Field(min_length=1, max_length=256)] | None = None


def keys(m: ImageKeys) -> tuple[set[str], set[str]]:
    """Allowed and required keys."""
    return PIXEL_KEYS | {"threshold", "contact_is", "labels"}, {"file"}


def check(m: ImageKeys) -> None:
    """Refuse keys that contradict each other, files that cannot be read, and maps without contact or without gap."""
    if m.labels is not None:
        if m.threshold is not None or m.contact_is is not None:
            raise FieldError("labels", "give either labels, or threshold and contact_is")
    elif m.contact_is is None:
        raise FieldError("contact_is", "is required: 'dark' or 'bright' (or labels = [...])")
    _contact(m)


def fraction(m: ImageKeys) -> float:
    """Share of the pixels where the metal touches."""
    return float(_contact(m).mean())


def pitch(m: ImageKeys) -> float:
    """Longer side of the map [m]."""
    ny, nx = _contact(m).shape
    size = pixel_size(m, source(m, _ENDINGS))
    return max(nx * size[0], ny * size[1])


def unit_cell(m: ImageKeys, planar_width: float, gap_floor: float) -> MapCell:
    """The map; see `Morphology.unit_cell`."""
    return as_map(m, pixel_size(m, source(m, _ENDINGS)), _contact(m).astype(float), None)


def content(m: ImageKeys) -> dict[str, Any]:
    """What only the file tells: its SHA-256, the size of a pixel, the threshold that was found."""
    known = file_content(m, _ENDINGS)
    if m.threshold == "otsu":
        known["threshold"] = _limit(m, source(m, _ENDINGS))
    return known


# Contact --------------------------------------------------------------------------------------------------------------


def _contact(m: ImageKeys) -> NDArray[np.bool_]:
    found = source(m, _ENDINGS)
    pixel_size(m, found)
    return _decided(m, found)


@lru_cache(maxsize=2)
def _decided(m: ImageKeys, found: Pixels) -> NDArray[np.bool_]:
    values = cropped(m, found.values)
    if m.labels is not None:
        if found.is_colour:
            raise FieldError("labels", "need one number per pixel; the file holds colours", m.labels)
        contact = np.isin(values, m.labels)
        rule = "labels"
    else:
        above = values > _limit(m, found)
        contact = above if m.contact_is == "bright" else ~above
        rule = "threshold" if m.threshold is not None else "contact_is"
    touching = int(np.count_nonzero(contact))
    if touching in (0, contact.size):
        which, range_ = "no" if touching == 0 else "every", f"{values.min()} to {values.max()}"
        instead = "" if touching == 0 else "; use kind = 'planar' for a complete contact"
        raise FieldError(
            rule, f"makes {which} pixel a contact; the pixels range from {range_}{instead}", getattr(m, rule)
        )
    contact.setflags(write=False)
    return contact


@lru_cache(maxsize=4)
def _limit(m: ImageKeys, found: Pixels) -> float:
    """The threshold: given, between the only two values, or Otsu's."""
    if isinstance(m.threshold, float):
        return m.threshold
    values = cropped(m, found.values)
    low, high = float(values.min()), float(values.max())
    if m.threshold is None:
        if not np.all((values == values.min()) | (values == values.max())):
            raise FieldError(
                "threshold", f"is required: a number between {low:g} and {high:g} (the pixels' range), or 'otsu'"
            )
        return 0.5 * (low + high)
    return otsu(values)


def otsu(values: NDArray[Any]) -> float:
    """Threshold that leaves the largest variance between the two classes of pixels: above it, and at or below it.

    N. Otsu, IEEE Trans. Syst. Man Cybern. 9 (1979) 62, doi 10.1109/TSMC.1979.4310076; in 1024 classes of grey.

    Parameters
    ----------
    values : array

    Returns
    -------
    float
        Where a range of thresholds does as well: its middle.
    """
    flat = np.asarray(values).ravel()
    counts, edges = np.histogram(flat.astype(float) if flat.dtype.kind == "b" else flat, bins=1024)
    middle = 0.5 * (edges[:-1] + edges[1:])
    below = np.cumsum(counts)[:-1].astype(float)
    above = flat.size - below
    moment = np.cumsum(counts * middle)
    with np.errstate(divide="ignore", invalid="ignore"):
        difference = moment[:-1] / below - (moment[-1] - moment[:-1]) / above
        variance = np.where((below > 0) & (above > 0), below * above * difference**2, 0.0)
    best = np.flatnonzero(variance >= variance.max() * (1.0 - 1e-12))
    return float(0.5 * (edges[best[0] + 1] + edges[best[-1] + 1]))
