"""Case files: TOML in and out."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aspot.cell import Cell
from aspot.errors import InputError

_MAX_BYTES = 1_000_000


def load(path: str | Path, overrides: Mapping[str, str] | None = None) -> Cell:
    """Read a case file.

    Parameters
    ----------
    path : path
    overrides : mapping of str to str
        New values by dotted key ("working_electrode.gap.thickness": "50 nm"), each TOML or else a plain string.

    Returns
    -------
    Cell

    Raises
    ------
    InputError
        If the file cannot be read, is not TOML, or describes an impossible case.
    """
    path = Path(path)
    try:
        if path.is_file() and path.stat().st_size > _MAX_BYTES:
            raise InputError(f"{path}: larger than {_MAX_BYTES} bytes, not a case file")
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8 text") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    try:
        return loads(text, overrides)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def loads(text: str, overrides: Mapping[str, str] | None = None) -> Cell:
    """Cell from the text of a case file; see `load`."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"not TOML: {error}") from None
    except RecursionError:
        raise InputError("not TOML: nested too deeply") from None
    return Cell.parse(with_overrides(data, overrides or {}))


def with_overrides(data: dict[str, Any], overrides: Mapping[str, str]) -> dict[str, Any]:
    """Copy of nested tables in which each dotted key has a new value.

    Raises
    ------
    InputError
        If a key leads through something that is not a table.
    """
    out = _copied(data)
    for path, text in overrides.items():
        table = out
        *parents, last = path.split(".")
        for key in parents:
            following = table.setdefault(key, {})
            if not isinstance(following, dict):
                raise InputError(f"{path}: {key} is not a table")
            table = following
        table[last] = _value(text.strip())
    return out


def _copied(data: dict[str, Any]) -> dict[str, Any]:
    return {key: _copied(value) if isinstance(value, dict) else value for key, value in data.items()}


def _value(text: str) -> Any:
    """A TOML value; what is not one ("2 mm" without quotes) is a string."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def dumps(cell: Cell) -> str:
    """Text of the resolved case in SI numbers, which loads back to an equal resolved Cell."""
    import tomli_w

    return tomli_w.dumps(cell.resolved())
