"""What a folder of results holds, read and checked for a report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from aspot.errors import InputError
from aspot.specification import one_line
from aspot.spectrum import Spectrum

#: Larger files are not what aspot writes.
_MOST_BYTES = 200_000_000

#: Pictures in the order of a report, and what they show.
PICTURES = {
    "field.png": "Potential and current density, lowest and highest frequency",
    "focusing.png": "Current density over its mean, on the pixels of the interface",
    "correlation.png": "Correlations of the fitted parameters",
    "profiles.png": "Profile likelihoods of the fitted parameters",
}


class _Document(BaseModel):
    """A result file; keys that the report does not read are left as they are."""

    model_config = ConfigDict(extra="allow", allow_inf_nan=False)
    name: str = ""
    case: dict[str, Any] = {}
    versions: dict[str, str] = {}
    digest: str | None = None
    relative_error_estimate: float | None = None


class _Quantity(BaseModel):
    unit: str
    published: float | None
    computed: float | None
    circuit_fit: float | None


class _Published(BaseModel):
    source: str
    quantities: dict[str, _Quantity]


class _Summary(_Document):
    R_total_ohm_cm2: float
    R_SE_ohm_cm2: float
    R_int_ohm_cm2: float
    R_static_ohm_cm2: float | None = None
    R_arc_ohm_cm2: float | None = None
    R_parts_ohm_cm2: dict[str, float] = {}
    R_SE_split_ohm_cm2: dict[str, float] = {}
    R_total_interval_ohm_cm2: tuple[float, float] | None = None
    C_int_F_per_cm2: float | None = None
    apex_frequency_Hz: float | None = None
    contact_fraction: float | None = None
    backend: str = ""
    degrees_of_freedom: int | None = None
    full_solves: int | None = None
    seconds: dict[str, float] = {}
    published: _Published | None = None


class _Arc(BaseModel):
    apex_frequency_Hz: float
    resistance_ohm_cm2: float
    capacitance_F_per_cm2: float


class _Pair(BaseModel):
    verdict: str
    parts: list[str]
    measured: _Arc | None
    computed: _Arc | None


class _Comparison(_Document):
    measured: dict[str, Any] = {}
    arcs: list[_Pair] = []


class _Parameter(BaseModel):
    label: str
    unit: str
    value: float
    interval: tuple[float | None, float | None]
    interval_by: str = ""
    is_bounded: tuple[bool, bool] = (True, True)
    at_bound: str | None = None


class _Fit(_Document):
    parameters: dict[str, _Parameter]
    confidence: float
    statement: list[str] = []
    measured: dict[str, Any] = {}


_KINDS: dict[str, type[_Document]] = {"summary": _Summary, "comparison": _Comparison, "fit": _Fit}


@dataclass(frozen=True, kw_only=True, eq=False)
class Contents:
    """What was found in a folder; what is not there is None or empty.

    Parameters
    ----------
    folder : Path
    summary : mapping
        `summary.json` of a run.
    comparison, fit : mapping
        `comparison.json`, `fit.json`.
    spectrum, measured : Spectrum
    case : str
        Text of `case.toml`.
    pictures : mapping of str to bytes
        PNG files by name.
    """

    folder: Path
    summary: Mapping[str, Any] | None
    comparison: Mapping[str, Any] | None
    fit: Mapping[str, Any] | None
    spectrum: Spectrum | None
    measured: Spectrum | None
    case: str
    pictures: Mapping[str, bytes]

    @property
    def document(self) -> Mapping[str, Any]:
        """The main document of the folder."""
        found = self.summary or self.fit or self.comparison
        assert found is not None
        return found


def read_contents(folder: str | Path) -> Contents:
    """Read a folder that `run`, `compare` or `fit` has written.

    Raises
    ------
    InputError
        If it is not such a folder, or a file in it is damaged; with the name of the file.
    """
    path = Path(folder)
    if not path.is_dir():
        raise InputError(f"{path}: {'is a file' if path.exists() else 'does not exist'}; a folder of results is needed")
    documents = {name: _json(path / f"{name}.json") for name in ("summary", "comparison", "fit")}
    if not any(documents.values()):
        raise InputError(
            f"{path}: holds no results; run, compare and fit write summary.json, comparison.json or fit.json"
        )
    case = path / "case.toml"
    pictures = {name: _bytes(path / name) for name in PICTURES if (path / name).is_file()}
    for name, data in pictures.items():
        if not data.startswith(b"\x89PNG\r\n"):
            raise InputError(f"{path / name}: is not a PNG picture; run the case again")
    return Contents(
        folder=path,
        summary=documents["summary"],
        comparison=documents["comparison"],
        fit=documents["fit"],
        spectrum=_spectrum(path, "spectrum"),
        measured=_spectrum(path, "measured"),
        case=_bytes(case).decode("utf-8", errors="replace") if case.is_file() else "",
        pictures=pictures,
    )


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"{path}: larger than {_MOST_BYTES // 10**6} MB, not a file of aspot")
        return path.read_bytes()
    except OSError as exc:
        raise InputError(f"{path}: cannot be read: {exc.strerror or exc}") from None


def _json(path: Path) -> Mapping[str, Any] | None:
    if not path.exists():
        return None
    try:
        document = json.loads(_bytes(path))
    except (ValueError, RecursionError):
        raise InputError(f"{path}: is not JSON; it is damaged, run the case again") from None
    if not isinstance(document, dict):
        raise InputError(f"{path}: must hold an object, got a {type(document).__name__}")
    try:
        return _KINDS[path.stem].model_validate(document).model_dump()
    except ValidationError as error:
        raise InputError(f"{path}: {one_line(error)}; it is damaged, run the case again") from None


def _spectrum(folder: Path, name: str) -> Spectrum | None:
    """The spectrum with its errors if they are there."""
    if (folder / f"{name}.json").is_file():
        return Spectrum.from_json(folder / f"{name}.json")
    if (folder / f"{name}.csv").is_file():
        return Spectrum.from_csv(folder / f"{name}.csv")
    return None
