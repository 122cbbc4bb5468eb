"""What every map that is given pixel by pixel shares: its keys, and the part of its file that is used."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PrivateAttr

from aspot.morphology import pixels
from aspot.morphology.keys import ShapeKeys
from aspot.morphology.pixels import Pixels
from aspot.morphology.unit_cell import MapCell
from aspot.specification import FieldError, FileName, PixelSize, Sha256

Corner = Annotated[int, Field(ge=0, le=10**6, strict=True)]


class PixelKeys(ShapeKeys):
    """Keys of every map that is given pixel by pixel. Row 0 of the file lies at y = 0, column 0 at x = 0.

    Parameters
    ----------
    file : str
        In a case file relative to it.
    sha256 : str
        Of the file; if given, a file of other content is refused. Written out with every result.
    pixel_size : pair of float
        Width and height of a pixel [m]; one length if both are alike. Default: as a TIFF states it.
    crop : (x0, y0, x1, y1)
        Columns x0 to x1 - 1 and rows y0 to y1 - 1 are used; default: all.
    boundary : "mirror" or "periodic"
        How it goes on beyond the sides; default: mirror planes.
    """

    file: FileName | None = None
    sha256: Sha256 | None = None
    pixel_size: PixelSize | None = None
    crop: tuple[Corner, Corner, Corner, Corner] | None = None
    boundary: Literal["mirror", "periodic"] | None = None

    #: SHA-256 of the file when it was first read.
    _seen: str | None = PrivateAttr(default=None)


PIXEL_KEYS = {"file", "sha256", "pixel_size", "crop", "boundary"}


def source(m: PixelKeys, endings: tuple[str, ...]) -> Pixels:
    """The file of a map, of the content that is asked for.

    Raises
    ------
    FieldError
        If it cannot be read, or `sha256` is given and differs.
    """
    assert m.file is not None
    found = pixels.read(m.file, endings)
    check_content(m, found.sha256)
    return found


def check_content(m: PixelKeys, sha256: str) -> None:
    """Refuse a file that has changed, or is not the one that is asked for.

    Raises
    ------
    FieldError
        Of the key `file` or `sha256`.
    """
    if m._seen is None:
        m._seen = sha256
    elif m._seen != sha256:
        raise FieldError("file", "has changed since the case was read", m.file)
    if m.sha256 is not None and m.sha256 != sha256:
        raise FieldError(
            "sha256", f"{m.file} has another content ({sha256[:12]}...); remove sha256 to take it", m.sha256
        )


def pixel_size(m: PixelKeys, found: Pixels) -> tuple[float, float]:
    """Width and height of a pixel, given or stated by the file [m].

    Raises
    ------
    FieldError
        If neither the case nor the file says it.
    """
    size = m.pixel_size or found.pixel_size_m
    if size is None:
        raise FieldError("pixel_size", "is required: the file does not state it (or only for printing)")
    return size


def cropped(m: PixelKeys, values: NDArray[Any]) -> NDArray[Any]:
    """The part of the pixels that is used.

    Raises
    ------
    FieldError
        If there is no such part.
    """
    if m.crop is None:
        return values
    (x0, y0, x1, y1), (ny, nx) = m.crop, values.shape
    if not (x0 < x1 <= nx and y0 < y1 <= ny):
        raise FieldError(
            "crop", f"must be [x0, y0, x1, y1] with x0 < x1 <= {nx} and y0 < y1 <= {ny}, the size of the file", m.crop
        )
    return values[y0:y1, x0:x1]


def as_map(
    m: PixelKeys, size: tuple[float, float], contact: NDArray[np.float64], gap_height: NDArray[np.float64] | None
) -> MapCell:
    """The unit cell of a map."""
    ny, nx = contact.shape
    return MapCell(
        size_x=nx * size[0],
        size_y=ny * size[1],
        contact=contact,
        gap_height=gap_height,
        periodic=m.boundary == "periodic",
    )


def file_content(m: PixelKeys, endings: tuple[str, ...]) -> dict[str, Any]:
    """Where the file is, its SHA-256, and the size of a pixel."""
    assert m.file is not None
    found = source(m, endings)
    return {"file": str(Path(m.file).absolute()), "sha256": found.sha256, "pixel_size": pixel_size(m, found)}
