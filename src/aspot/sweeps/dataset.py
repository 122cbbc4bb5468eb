"""One labelled data set from all cases of a sweep: xarray in memory, netCDF and CSV on the disk."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aspot.errors import InputError
from aspot.memory import available_memory
from aspot.sweeps.axes import Axis, label, short_names, unit_of
from aspot.sweeps.description import Sweep
from aspot.sweeps.quantities import FIGURES, NAMED, SPECTRA, TEXTS
from aspot.sweeps.store import Record, now

if TYPE_CHECKING:
    import xarray

#: Bytes for each point beside its spectrum, in memory and on the disk.
_BYTES_PER_POINT, _BYTES_PER_RECORD = 1_000, 3_000
#: Attributes in HDF5 have 64 kB at most.
_MOST_TEXT = 30_000
#: Share of what there is that a data set may take.
_MOST_SHARE = 0.8

Real = NDArray[np.float64]


class Answers:
    """The answers of all different cases of a sweep, as arrays that fill while the cases come in.

    Parameters
    ----------
    digests : sequence of str
        Of the cases.
    frequency_Hz : (m,) float
        All frequencies of any case, highest first.
    """

    def __init__(self, digests: Sequence[str], frequency_Hz: Real) -> None:
        n = len(digests)
        self.frequency_Hz = frequency_Hz
        self._places = {f: k for k, f in enumerate(frequency_Hz.tolist())}
        self.numbers = {name: np.full(n, np.nan) for name in FIGURES}
        self.spectra = {name: np.full((n, len(frequency_Hz)), np.nan) for name in SPECTRA}
        self.named: dict[str, dict[str, Real]] = {name: {} for name in NAMED}
        self.texts = {name: np.full(n, "", dtype=object) for name in TEXTS}
        self.texts["status"][:] = "missing"
        self.texts["digest"][:] = list(digests)
        self._counts = Counter(missing=n)
        self.versions: list[dict[str, str]] = []
        self.version_of = np.full(n, -1, dtype=np.int16)

    def status(self, row: int) -> str:
        """One of done, failed and missing."""
        return str(self.texts["status"][row])

    def count(self, status: str) -> int:
        """How many cases have it."""
        return self._counts[status]

    def put(self, row: int, record: Record, versions: Mapping[str, str]) -> None:
        """Enter a record; a later one replaces an earlier one.

        Raises
        ------
        ValueError, KeyError, TypeError
            If it is no record of these frequencies.
        """
        spectra = {}
        if record["status"] == "done":
            at = [self._places[float(f)] for f in record["frequency_Hz"]]
            spectra = {name: _numbers(record[name]) for name in SPECTRA}
            if any(values.shape != (len(at),) for values in spectra.values()):
                raise ValueError("arrays of different lengths")
        for name, column in self.numbers.items():
            column[row] = _number(record.get(name))
        for name, table in self.spectra.items():
            table[row] = np.nan
            if name in spectra:
                table[row, at] = spectra[name]
        for name, columns in self.named.items():
            for part, value in (record.get(name) or {}).items():
                columns.setdefault(str(part), np.full(len(self.version_of), np.nan))[row] = _number(value)
        self._counts[self.status(row)] -= 1
        self._counts[record["status"]] += 1
        for name in ("status", "reason", "backend", "method"):
            self.texts[name][row] = str(record.get(name, ""))
        if versions not in self.versions:
            self.versions.append(dict(versions))
        self.version_of[row] = self.versions.index(dict(versions))


def _number(value: Any) -> float:
    return np.nan if value is None else float(value)


def _numbers(values: Sequence[Any]) -> Real:
    return np.array([_number(v) for v in values])


def sizes(points: int, cases: int, frequencies: int) -> tuple[float, float]:
    """Estimated memory of the data set, and size of the folder, at most [bytes]."""
    spectrum = 8.0 * len(SPECTRA) * frequencies
    memory = (points + cases) * (spectrum + _BYTES_PER_POINT)
    # A number takes about 20 characters in the records; the data set is written beside the one that it replaces.
    disk = cases * (2.5 * spectrum + _BYTES_PER_RECORD) + 2 * points * (spectrum + _BYTES_PER_POINT)
    return memory, disk


def check_size(points: int, cases: int, frequencies: int, free_disk_bytes: float) -> None:
    """Refuse a sweep whose data set fits neither into memory nor onto the disk.

    Raises
    ------
    InputError
        Saying how much it would take.
    """
    memory, disk = sizes(points, cases, frequencies)
    for what, needed, free in (("memory", memory, available_memory()), ("disk", disk, free_disk_bytes)):
        if needed > _MOST_SHARE * free:
            raise InputError(
                f"axes: {points} points with {frequencies} frequencies take about {needed / 1e9:.2g} GB of {what}, "
                f"{free / 1e9:.2g} GB are free; use fewer points or frequencies, or several sweeps"
            )


def data_set(sweep: Sweep, answers: Answers, row_of_point: NDArray[np.int64]) -> xarray.Dataset:
    """The labelled data set: a dimension for every axis, and one for the frequencies.

    Parameters
    ----------
    sweep : Sweep
    answers : Answers
    row_of_point : (n,) int
        Which answer belongs to every point of the sweep.
    """
    import xarray as xr

    dims, shape = tuple(axis.name for axis in sweep.axes), sweep.shape

    def over_axes(values: NDArray[Any]) -> NDArray[Any]:
        return values[row_of_point].reshape(*shape, *values.shape[1:])

    variables: dict[str, Any] = {}
    for name, (unit, told) in FIGURES.items():
        variables[name] = (dims, over_axes(answers.numbers[name]), {"units": unit, "long_name": told})
    for name, (unit, told) in SPECTRA.items():
        attributes = {"units": unit, "long_name": told}
        variables[name] = ((*dims, "frequency"), over_axes(answers.spectra[name]), attributes)
    coordinates: dict[str, Any] = {
        "frequency": ("frequency", answers.frequency_Hz, {"units": "Hz", "long_name": "frequency"})
    }
    for name, (dimension, told) in NAMED.items():
        parts = sorted(answers.named[name])
        if parts:
            stacked = np.stack([answers.named[name][part] for part in parts], axis=1)
            variables[name] = ((*dims, dimension), over_axes(stacked), {"units": "ohm cm2", "long_name": told})
            coordinates[dimension] = (dimension, np.array(parts, dtype=object))
    for name, told in TEXTS.items():
        variables[name] = (dims, over_axes(answers.texts[name]), {"long_name": told})
    told = "which of the attribute versions computed it; -1: none"
    variables["versions"] = (dims, over_axes(answers.version_of), {"long_name": told})
    for axis in sweep.axes:
        coordinates |= _coordinates(axis, [key for other in sweep.axes for key in other.keys])
    base = json.dumps(dict(sweep.base))
    attributes = {
        "title": sweep.name or "sweep",
        "base_case": base if len(base) < _MOST_TEXT else "see sweep.json",
        "sweep_digest": sweep.digest,
        "versions": json.dumps(answers.versions),
        "written": now(),
        "comment": "Written by aspot. Impedances and resistances are per geometric electrode area.",
    }
    return xr.Dataset(variables, coordinates, attributes)


def _coordinates(axis: Axis, keys: Sequence[str]) -> dict[str, Any]:
    """The values of an axis; of several keys that vary together each is a coordinate by itself."""
    out: dict[str, Any] = {}
    short = short_names(keys)
    for k, key in enumerate(axis.keys):
        values = [label(row[k]) for row in axis.rows]
        is_text = any(isinstance(v, str) for v in values)
        array = np.array([str(v) for v in values], dtype=object) if is_text else np.array(values)
        name = axis.name if len(axis.keys) == 1 else short[key]
        attributes = {"long_name": key} | ({"units": unit} if (unit := unit_of(key)) and not is_text else {})
        out[name] = (axis.name, array, attributes)
    return out


def write_netcdf(data: xarray.Dataset, path: Path) -> None:
    """The data set as a netCDF file (HDF5), spectra compressed."""
    encoding = {name: {"zlib": True, "complevel": 1} for name in SPECTRA if data[name].size}
    data.to_netcdf(path, engine="h5netcdf", encoding=encoding)


def write_csv(sweep: Sweep, answers: Answers, row_of_point: NDArray[np.int64], path: Path) -> None:
    """A line for every point: values of the axes, status, numbers, why it failed; no spectra."""
    keys = [key for axis in sweep.axes for key in axis.keys]
    units = [f"{key} [{unit}]" if (unit := unit_of(key)) else key for key in keys]
    with path.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        lines.writerow([*units, "status", *FIGURES, "backend", "method", "digest", "reason"])
        for point, row in enumerate(row_of_point.tolist()):
            at = np.unravel_index(point, sweep.shape)
            values = [label(v) for axis, k in zip(sweep.axes, at, strict=True) for v in axis.rows[int(k)]]
            numbers = ["" if np.isnan(column[row]) else f"{column[row]:.10g}" for column in answers.numbers.values()]
            texts = [answers.texts[name][row] for name in ("backend", "method", "digest", "reason")]
            lines.writerow([*values, answers.texts["status"][row], *numbers, *texts])
