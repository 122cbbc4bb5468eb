"""BioLogic EC-Lab binary files, .mpr.

The format is not published. Facts of the layout come from the documentation of `yadg` (module headers, start of the
data), from `biologic-converter` (MIT; numbers, types and names of columns) and from notes on a file of EC-Lab 11.50
and later; no real .mpr of an impedance measurement could be read here, so the reader proves what it reads:

- every module must end where its header says, the data exactly where their number and width say;
- a column of unknown number is refused, unless it is the only one and the length of the records leaves it one width;
- where the file holds |Z|, it must be the modulus of Re(Z) and Im(Z).

File: magic, then modules. Module: `MODULE`, short name (10 bytes), long name (25), [0xffffffff], length, version,
[new version], date (8), data; brackets: EC-Lab 11.50 and later. Data module: number of points (4 bytes), of columns
(1), numbers of columns, then from a fixed place the records, little-endian, without gaps.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aspot.errors import InputError
from aspot.measured.measurement import Measurement
from aspot.measured.source import Source
from aspot.measured.sweeps import measurements
from aspot.measured.table import FREQUENCY_RANGE_HZ, LARGEST_OHM, Points, complex_of

NAME = "BioLogic .mpr"
ENDINGS = (".mpr",)

_MAGIC = b"BIO-LOGIC MODULAR FILE\x1a"
_MAGIC_BYTES = 52
_MOST_MODULES = 64

_FREQUENCY, _MODULUS, _REAL, _MINUS_IMAGINARY, _CYCLE, _TEMPERATURE = 32, 36, 37, 38, 24, 462
_NAMES = {_FREQUENCY: "freq/Hz", _REAL: "Re(Z)/Ohm", _MINUS_IMAGINARY: "-Im(Z)/Ohm"}

#: Columns that share one byte of flags.
_FLAGS = {1, 2, 3, 21, 31, 65}
#: Type -> numbers of columns.
_COLUMNS: dict[str, tuple[int, ...]] = {
    "<f8": (4, 7, 11, 13, 23, 24, 74, 123, 124, 125, 126, 211, 438, 467, 498, 499, 500, 501, 502),
    "<f4": (
        *(5, 6, 8, 9, 16, 17, 19, 20, 26, 27, 32, 33, 34, 35, 36, 37, 38, 69, 70, 75, 76, 77, 78, 96, 98, 99, 100),
        *(101, 163, 168, 169, 172, 173, 174, 178, 179, 217, 218, 220, 221, 223, 224, *range(230, 243), 241, 242),
        *(271, 272, 301, 302, 331, 332, 361, 362, 391, 392, *range(422, 427), *range(430, 436), 441, 462, 471, 473),
        *(474, 476, 477, 479, 480, *range(486, 498), 505),
    ),
    "<u4": (212, 213, 468, 469),
    "<u2": (39, 131),
    "|u1": (509,),
}
_TYPE = {column: kind for kind, columns in _COLUMNS.items() for column in columns}


@dataclass(frozen=True, kw_only=True)
class _Module:
    name: str
    version: int
    date: str
    data: bytes


def detects(source: Source) -> bool:
    """Whether the file begins as every .mpr does."""
    return source.data.startswith(_MAGIC)


def parse(source: Source, wanted: Mapping[str, str | int] | None = None) -> list[Measurement]:
    """Every cycle of the file.

    Raises
    ------
    InputError
        If the file is cut or damaged, of an unknown version, or holds no impedance.
    """
    if wanted is not None:
        raise InputError(f"{source.path}: columns cannot be chosen in a binary file")
    modules = list(_modules(source))
    data = [m for m in modules if m.name == "VMP data"]
    if len(data) != 1:
        raise source.error(f"{len(data)} data modules", "one")
    records, notes = _records(source, data[0])
    metadata: dict[str, str | float] = {"date": data[0].date} if data[0].date else {}
    for module in modules:
        if module.name == "VMP Set" and len(module.data) >= 0x215:
            (area,) = struct.unpack_from("<f", module.data, 0x211)
            if np.isfinite(area) and 1e-6 < area < 1e4:
                metadata["area_cm2"] = float(f"{area:.7g}")
    return measurements(source, [_points(source, records)], metadata, notes=notes)


def _modules(source: Source) -> Iterator[_Module]:
    data, at = source.data, _MAGIC_BYTES
    for _ in range(_MOST_MODULES):
        if at >= len(data):
            return
        if data[at : at + 6] != b"MODULE":
            raise source.error(f"byte {at}: {data[at : at + 6]!r}", "b'MODULE': the file is cut or damaged")
        head = data[at + 6 : at + 65]
        if len(head) < 51:
            raise source.error(f"the header of the module at byte {at} is cut")
        name = head[:10].decode("latin-1").rstrip(" \0")
        if head[35:39] == b"\xff\xff\xff\xff":
            if len(head) < 59:
                raise source.error(f"the header of the module at byte {at} is cut")
            length, _, version = struct.unpack_from("<III", head, 39)
            date, start = head[51:59], at + 65
        else:
            length, version = struct.unpack_from("<II", head, 35)
            date, start = head[43:51], at + 57
        if start + length > len(data):
            raise source.error(
                f"module {name!r} announces {length} bytes, {len(data) - start} are there", "a whole file"
            )
        text = date.decode("latin-1").strip(" \0")
        yield _Module(
            name=name,
            version=version,
            date=text if re.fullmatch(r"[0-9]{2}[-/.][0-9]{2}[-/.][0-9]{2}", text) else "",
            data=data[start : start + length],
        )
        at = start + length
    raise source.error(f"more than {_MOST_MODULES} modules", "that many")


def _records(source: Source, module: _Module) -> tuple[NDArray[np.void], list[str]]:
    """The records as a structured array with the numbers of columns as names."""
    # Version -> type of the numbers of columns, and where the records begin.
    layouts = {0: ("|u1", 100), 2: ("<u2", 405), 3: ("<u2", 406), 10: (">u2", 1007), 11: (">u2", 1007)}
    if module.version not in layouts:
        raise source.error(f"data module of version {module.version}", f"versions {', '.join(map(str, layouts))}")
    kind, start = layouts[module.version]
    data = module.data
    if len(data) < start:
        raise source.error(f"the data module has {len(data)} bytes", f"at least {start}")
    n_points, n_columns = struct.unpack_from("<IB", data)
    if not n_columns or 5 + n_columns * np.dtype(kind).itemsize > start:
        raise source.error(f"{n_columns} columns", "at least one, and as many as the header holds")
    numbers = np.frombuffer(data, kind, n_columns, 5).tolist()
    if len(set(numbers)) < len(numbers):
        raise source.error(f"columns {numbers}", "no number twice")
    body = data[start:]
    if not n_points or not body:
        raise source.error("no points", "at least one")
    width, rest = divmod(len(body), n_points)
    if rest:
        raise source.error(
            f"{n_points} points in {len(body)} bytes", "records of one length: the file is cut or damaged"
        )
    types: list[tuple[str, str]] = []
    unknown = [n for n in numbers if n not in _TYPE and n not in _FLAGS]
    for number in numbers:
        if number in _FLAGS:
            if not any(name == "flags" for name, _ in types):
                types.append(("flags", "|u1"))
        else:
            types.append((str(number), _TYPE.get(number, "")))
    known = sum(np.dtype(t).itemsize for _, t in types if t)
    notes = []
    if unknown:
        left = width - known
        if len(unknown) > 1 or left not in (1, 2, 4, 8):
            raise source.error(
                f"columns of unknown numbers {unknown}, known ones take {known} of {width} bytes",
                "known columns (export the file as text from EC-Lab: .mpt)",
            )
        types = [(name, t or f"|V{left}") for name, t in types]
        notes.append(f"column of unknown number {unknown[0]}, {left} bytes wide, not read")
    elif known != width:
        raise source.error(
            f"records of {width} bytes, their columns take {known}",
            "as many (export the file as text from EC-Lab: .mpt)",
        )
    missing = [name for number, name in _NAMES.items() if number not in numbers]
    if missing:
        raise source.error(f"no column {', '.join(missing)}", "an impedance technique (PEIS, GEIS)")
    return np.frombuffer(body, np.dtype(types)), notes


def _column(records: NDArray[np.void], number: int) -> NDArray[np.float64]:
    """One column in double precision, silent about NaN of any kind."""
    with np.errstate(invalid="ignore"):
        return np.asarray(records[str(number)].astype(float))


def _points(source: Source, records: NDArray[np.void]) -> Points:
    names = records.dtype.names or ()
    f = _column(records, _FREQUENCY)
    z = complex_of(_column(records, _REAL), -_column(records, _MINUS_IMAGINARY))
    low, high = FREQUENCY_RANGE_HZ
    is_direct = f == 0
    for bad in np.flatnonzero(~is_direct & ~((f >= low) & (f <= high)))[:1]:
        raise source.error(f"point {bad + 1}: frequency {f[bad]:g} Hz", f"{low:g} to {high:g} Hz")
    if str(_MODULUS) in names:
        modulus = _column(records, _MODULUS)
        with np.errstate(invalid="ignore", over="ignore"):
            is_off = np.abs(np.abs(z) - modulus) > 1e-4 * np.abs(modulus)
        is_off &= ~is_direct & np.isfinite(z) & np.isfinite(modulus) & (modulus != 0)
        for bad in np.flatnonzero(is_off)[:1]:
            raise source.error(
                f"point {bad + 1}: |Z| = {modulus[bad]:g} ohm, but Re(Z), Im(Z) = {z[bad]:g} ohm", "the same modulus"
            )
    for bad in np.flatnonzero(np.abs(z) > LARGEST_OHM)[:1]:
        raise source.error(f"point {bad + 1}: impedance {z[bad]:g} ohm", f"at most {LARGEST_OHM:g} ohm")
    keep = ~is_direct
    n_direct = int(is_direct.sum())
    temperature = None
    if str(_TEMPERATURE) in names:
        temperature = _column(records, _TEMPERATURE)[keep] + 273.15
    return Points(
        frequency_Hz=f[keep],
        impedance=z[keep],
        line=np.flatnonzero(keep) + 1,
        is_per_area=False,
        cycle=_column(records, _CYCLE)[keep] if str(_CYCLE) in names else None,
        measured_temperature_K=temperature,
        notes=(f"{n_direct} rows with frequency 0 (direct current) are no impedances: left out",) if n_direct else (),
    )
