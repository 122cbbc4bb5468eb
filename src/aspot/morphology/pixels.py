"""Files that hold one number per pixel: images, arrays, tables. Read whole, checked, and known by their SHA-256.

Sizes are looked at before anything is decoded: small files can claim, or unpack to, tens of gigabytes.
"""

from __future__ import annotations

import hashlib
import io
import re
import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aspot.errors import InputError
from aspot.memory import SHARE, available_memory
from aspot.morphology.files import first_line, numpy_array, read_file
from aspot.specification import FieldError
from aspot.units import quantity

#: Most pixels of a map, and most bytes of a file.
MAX_PIXELS, MAX_BYTES = 8192**2, 2**30

#: Endings of files that are read as images, arrays and tables of numbers.
IMAGES, ARRAYS, TABLES = (".png", ".tif", ".tiff", ".jpg", ".jpeg", ".bmp"), (".npy",), (".txt", ".csv", ".dat")

#: Formats that Pillow may recognise, whatever the ending says.
_FORMATS = ("PNG", "TIFF", "JPEG", "BMP")

#: Pixels above this size come from the resolution at which a TIFF is to be printed, not from an instrument [m].
_PRINTED = 20e-6

_BYTES_PER_PIXEL = 40.0


@dataclass(frozen=True, eq=False)
class Pixels:
    """A file's numbers.

    Parameters
    ----------
    values : (ny, nx) bool, int or float
    sha256 : str
        Of the file.
    pixel_size_m : pair of float or None
        Width and height of a pixel, where the file states them.
    is_colour : bool
        Whether `values` are the brightness of colours (ITU-R 601: 0.299 R + 0.587 G + 0.114 B).
    """

    values: NDArray[Any]
    sha256: str
    pixel_size_m: tuple[float, float] | None = None
    is_colour: bool = False


def read(file: str, endings: tuple[str, ...]) -> Pixels:
    """Numbers of a file, read again only if it has changed.

    Parameters
    ----------
    file : str
    endings : tuple of str
        Those allowed.

    Raises
    ------
    FieldError
        Of the key `file`: it cannot be read, is of another kind, damaged, empty, too large, or holds NaN.
    """
    return read_file(file, endings, MAX_BYTES, f"; allowed are {MAX_BYTES / 1e9:.2g} GB", _read)


@lru_cache(maxsize=2)
def _read(path: str, changed_ns: int, size: int, shown: str) -> Pixels:
    data = Path(path).read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    ending = Path(path).suffix.lower()
    if ending in IMAGES:
        pixels = _image(data, sha256, shown)
    elif ending in ARRAYS:
        pixels = Pixels(numpy_array(data, _check_shape, shown), sha256)
    else:
        pixels = Pixels(_table(data, shown), sha256)
    _check(pixels.values, shown)
    pixels.values.setflags(write=False)
    return pixels


def _check_shape(shape: tuple[int, ...], shown: str) -> None:
    if len(shape) != 2:
        raise FieldError("file", f"must hold one number per pixel in rows and columns; its shape is {shape}", shown)
    n = shape[0] * shape[1]
    if n == 0:
        raise FieldError("file", "is empty", shown)
    if n > MAX_PIXELS:
        raise FieldError(
            "file",
            f"has {shape[1]} x {shape[0]} pixels; allowed are {MAX_PIXELS} (8192 x 8192): use a part of it",
            shown,
        )
    available = available_memory()
    if _BYTES_PER_PIXEL * n > SHARE * available:
        raise FieldError(
            "file",
            f"{shape[1]} x {shape[0]} pixels need about {_BYTES_PER_PIXEL * n / 1e9:.2g} GB to be read, "
            f"{available / 1e9:.2g} GB are available",
            shown,
        )


def _check(values: NDArray[Any], shown: str) -> None:
    _check_shape(values.shape, shown)
    if values.dtype.kind == "f":
        bad = int(np.count_nonzero(~np.isfinite(values)))
        if bad:
            row, column = (int(k[0]) for k in np.nonzero(~np.isfinite(values)))
            raise FieldError(
                "file",
                f"{bad} of {values.size} pixels are not finite, the first in row {row}, column {column}; "
                "fill them in or crop them away before",
                shown,
            )


def _table(data: bytes, shown: str) -> NDArray[np.float64]:
    """Rows of numbers between blanks, commas, semicolons or tabs; lines that begin with # are left out."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FieldError("file", "is not UTF-8 text", shown) from None
    first = next((line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")), "")
    delimiter = next((d for d in (";", ",", "\t") if d in first), None)
    if not first:
        raise FieldError("file", "is empty", shown)
    _check_shape((text.count("\n") + 1, first.count(delimiter) + 1 if delimiter else len(first.split())), shown)
    try:
        return np.loadtxt(io.StringIO(text), delimiter=delimiter, ndmin=2)
    except ValueError as error:
        raise FieldError("file", f"is not a table of numbers: {first_line(error)}", shown) from None


def _image(data: bytes, sha256: str, shown: str) -> Pixels:
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Pillow's own limit of pixels: ours is lower
            with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
                _check_shape((image.height, image.width), shown)
                n_images = getattr(image, "n_frames", 1)
                if n_images > 1:
                    raise FieldError("file", f"holds {n_images} images; save the one that is meant", shown)
                stated = _stated_pixel_size(image) if image.format == "TIFF" else None
                values, is_colour = _brightness(image, shown)
    except FieldError:
        raise
    except UnidentifiedImageError:
        # Its own words name an object in memory.
        raise FieldError("file", f"is not an image of a known kind ({', '.join(_FORMATS)})", shown) from None
    except Exception as error:  # noqa: BLE001  damaged files make Pillow raise errors of many kinds
        raise FieldError("file", f"is not an image that can be read, or damaged: {first_line(error)}", shown) from None
    return Pixels(values, sha256, stated, is_colour)


def _brightness(image: Any, shown: str) -> tuple[NDArray[Any], bool]:
    """One number per pixel, and whether it was a colour."""
    mode = image.mode
    if mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        image.load()
        alpha = np.asarray(image.convert("RGBA").getchannel("A"))
        if alpha.min() < 255:
            raise FieldError("file", "has transparent pixels, which are neither dark nor bright; remove them", shown)
    if mode in ("1", "L", "I", "F") or mode.startswith("I;16"):
        return np.array(image), False
    if mode in ("LA", "La"):
        return np.array(image.getchannel("L")), False
    if mode in ("RGB", "RGBA", "RGBX", "RGBa", "CMYK", "YCbCr", "LAB", "HSV", "P", "PA"):
        colours = np.asarray(image.convert("RGB"))
        grey = bool(np.all(colours == colours[..., :1]))
        return (colours[..., 0].copy(), False) if grey else (np.array(image.convert("RGB").convert("L")), True)
    raise FieldError("file", f"has pixels of a kind that is not read ({mode})", shown)


def _stated_pixel_size(image: Any) -> tuple[float, float] | None:
    """Width and height of a pixel by the resolution of a TIFF, if an instrument (or ImageJ) has stated it [m]."""
    tags = image.tag_v2
    try:
        per_unit = float(tags[282]), float(tags[283])
        named = re.search(r"^unit=(\S+)\s*$", str(tags.get(270, "")), re.MULTILINE)
        if named:
            name = named[1].replace("\\u00B5", "u").replace("microns", "um").replace("micron", "um")
            unit = quantity(f"1 {name}", "length")
        else:
            unit = {2: 0.0254, 3: 0.01}[int(tags.get(296, 2))]
        size = unit / per_unit[0], unit / per_unit[1]
    except (KeyError, ValueError, TypeError, ZeroDivisionError, OverflowError, InputError):
        return None
    return size if all(0.0 < s < _PRINTED for s in size) else None
