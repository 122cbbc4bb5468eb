"""Files that case files name: found, of a known kind, and not too large before they are read."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from aspot.specification import FieldError

T = TypeVar("T")


def read_file(
    file: str, endings: Collection[str], most_bytes: float, too_large: str, read: Callable[[str, int, int, str], T]
) -> T:
    """What a reader makes of a file, or an error of the key `file`.

    Parameters
    ----------
    file : str
        As the case names it.
    endings : collection of str
        Allowed ones, with the dot, in small letters.
    most_bytes : float
    too_large : str
        What the error says after the size of a larger file.
    read : callable
        (absolute path, time of change [ns], size in bytes, the name for errors) -> result; may be cached by these.

    Raises
    ------
    FieldError
        Of the key `file`.
    """
    path = Path(file)
    if path.suffix.lower() not in endings:
        raise FieldError("file", f"must end in {', '.join(endings)}", file)
    try:
        state = path.stat()
        if not path.is_file():
            raise FieldError("file", "is not a file", file)
        if state.st_size > most_bytes:
            raise FieldError("file", f"has {state.st_size / 1e9:.2g} GB{too_large}", file)
        return read(str(path.absolute()), state.st_mtime_ns, state.st_size, file)
    except (OSError, ValueError) as error:
        if isinstance(error, FieldError):
            raise
        raise FieldError("file", str(getattr(error, "strerror", None) or error), file) from None


def numpy_array(data: bytes, check_shape: Callable[[tuple[int, ...], str], None], shown: str) -> NDArray[Any]:
    """Numbers of a numpy file; nothing that would have to be unpickled, and nothing before its shape is looked at.

    Parameters
    ----------
    data : bytes
        The file.
    check_shape : callable
        (shape, the name for errors): raises a FieldError if it is refused.
    shown : str
        The name for errors.

    Raises
    ------
    FieldError
        Of the key `file`: it is damaged, no such file, or holds something else than real numbers.
    """
    stream = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(stream)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read_header(stream)
    except Exception as error:  # noqa: BLE001  a damaged header makes numpy raise whatever its parser raises
        raise FieldError("file", f"is not a numpy array: {first_line(error)}", shown) from None
    if dtype.kind not in "buif":
        raise FieldError("file", f"must hold real numbers, not {dtype}", shown)
    check_shape(shape, shown)
    if len(data) - stream.tell() != math.prod(shape) * dtype.itemsize:
        raise FieldError("file", "is cut off or damaged", shown)
    stream.seek(0)
    try:
        values = np.load(stream, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise FieldError("file", f"is damaged: {first_line(error)}", shown) from None
    return np.ascontiguousarray(values.astype(dtype.newbyteorder("="), copy=False))


def first_line(error: Exception) -> str:
    """What an error of another package says, on one short line."""
    lines = str(error).splitlines()
    return lines[0][:120] if lines else type(error).__name__
