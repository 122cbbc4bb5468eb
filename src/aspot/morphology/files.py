"""Files that case files name: found, of a known kind, and not too large before they are read."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import TypeVar

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
