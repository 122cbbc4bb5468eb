"""Case files: TOML in and out."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aspot.cell import Cell
from aspot.errors import InputError
from aspot.specification import put

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
    text = read_text(path)
    try:
        return loads(text, overrides, folder=path.parent)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def read_text(path: Path) -> str:
    """Text of a case file, or of another small file of TOML.

    Raises
    ------
    InputError
        If it cannot be read, is too large, or is no text.
    """
    try:
        # Not by its size on disk: pipes and devices have none.
        with path.open("rb") as file:
            raw = file.read(_MAX_BYTES + 1)
        if len(raw) > _MAX_BYTES:
            raise InputError(f"{path}: larger than {_MAX_BYTES} bytes, not a case file")
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8 text") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: {getattr(error, 'strerror', None) or error}") from None


def loads(text: str, overrides: Mapping[str, str] | None = None, *, folder: str | Path = ".") -> Cell:
    """Cell from the text of a case file; see `load`. Files that it names are relative to `folder`."""
    given = tables(text)
    if "axes" in given:
        raise InputError("axes: this is the file of a sweep, for aspot sweep; a case has none")
    return Cell.parse(with_files(with_overrides(given, overrides or {}), Path(folder)))


def tables(text: str) -> dict[str, Any]:
    """Nested tables of a TOML text.

    Raises
    ------
    InputError
        If it is not TOML.
    """
    try:
        return _toml(text)
    except ValueError as error:
        raise InputError(f"not TOML: {error}") from None


def with_files(data: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Nested tables in which the files of morphologies, relative to a folder, are relative to where we are."""
    for side in ("working_electrode", "counter_electrode"):
        table = data.get(side)
        morphology = table.get("morphology") if isinstance(table, dict) else None
        if isinstance(morphology, dict) and isinstance(morphology.get("file"), str) and morphology["file"]:
            morphology["file"] = str(folder / morphology["file"])
    return data


def _toml(text: str) -> dict[str, Any]:
    """Tables of a TOML text.

    Raises
    ------
    ValueError
        If it is not TOML, is nested too deeply, or has a number of thousands of digits.
    """
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def with_overrides(data: dict[str, Any], overrides: Mapping[str, str]) -> dict[str, Any]:
    """Copy of nested tables in which each dotted key has a new value.

    Raises
    ------
    InputError
        If a key leads through something that is not a table.
    """
    out = copy.deepcopy(data)
    for path, text in overrides.items():
        put(out, path, _value(text.strip()))
    return out


def _value(text: str) -> Any:
    """A TOML value; what is not one ("2 mm" without quotes) is a string."""
    try:
        tables = _toml(f"value = {text}")
    except ValueError:
        return text
    # A text of several lines may hold further keys.
    return tables["value"] if len(tables) == 1 else text


def dumps(cell: Cell) -> str:
    """Text of the resolved case in SI numbers, which loads back to an equal resolved Cell."""
    import tomli_w

    return tomli_w.dumps(cell.resolved())
