"""Zahner: binary Thales files, .ism, and text exports.

.ism: big-endian, as in Zahner's own published reader (`zahner_analysis`, MIT): a version and the number of points
less one (6 bytes each), then for all points frequency, |Z|, phase [rad] and time (8-byte floats) and a significance
(2 bytes), then texts (2-byte length; the case of letters is swapped): date, system, potential, current, temperature,
time window, four comments, area. Thales measures a first part upwards before the sweep: those points are excluded,
visibly. No real .ism could be read here. Text exports: a table of frequency, impedance and phase [deg] after lines
such as `Potential....: 0.1V`; as described by published readers of such files (`chepec/zahner`), not seen.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from datetime import datetime, timedelta

import numpy as np

from aspot.errors import InputError
from aspot.measured import plain
from aspot.measured.measurement import Measurement
from aspot.measured.source import Source
from aspot.measured.table import FREQUENCY_RANGE_HZ, LARGEST_OHM, polar

NAME = "Zahner .ism"
ENDINGS = (".ism",)
TEXT_NAME = "Zahner text export"
TEXT_ENDINGS = (".txt", ".csv")

_MOST_POINTS = 100_000
_BYTES_PER_POINT = 4 * 8 + 2


def detects(source: Source) -> bool:
    """Whether the length and the numbers fit: the format has no magic bytes."""
    data = source.data
    if len(data) < 12 + 2 * _BYTES_PER_POINT or source.is_text:
        return False
    n = _n_points(data)
    if not 2 <= n <= _MOST_POINTS or len(data) < 12 + n * _BYTES_PER_POINT:
        return source.path.lower().endswith(ENDINGS) and not data.startswith(b"BIO-LOGIC")
    f = np.frombuffer(data, ">f8", min(n, 16), 12)
    with np.errstate(invalid="ignore"):
        return bool(
            np.all((f >= FREQUENCY_RANGE_HZ[0]) & (f <= FREQUENCY_RANGE_HZ[1]))
        ) or source.path.lower().endswith(ENDINGS)


def _n_points(data: bytes) -> int:
    return int.from_bytes(data[6:12], "big", signed=True) + 1


def parse(source: Source, wanted: Mapping[str, str | int] | None = None) -> list[Measurement]:
    """The sweep of an .ism file.

    Raises
    ------
    InputError
        If the file is cut or damaged.
    """
    if wanted is not None:
        raise InputError(f"{source.path}: columns cannot be chosen in a binary file")
    data, n = source.data, _n_points(source.data)
    if not 2 <= n <= _MOST_POINTS:
        raise source.error(f"{n} points announced", f"2 to {_MOST_POINTS}: no .ism file, or damaged")
    if len(data) < 12 + n * _BYTES_PER_POINT:
        raise source.error(
            f"{n} points announced in {len(data)} bytes", f"{12 + n * _BYTES_PER_POINT} bytes and more: cut or damaged"
        )
    f, modulus, phase, time = (np.frombuffer(data, ">f8", n, 12 + 8 * n * i).astype(float) for i in range(4))
    low, high = FREQUENCY_RANGE_HZ
    for bad in np.flatnonzero(~((f >= low) & (f <= high)))[:1]:
        raise source.error(f"point {bad + 1}: frequency {f[bad]:g} Hz", f"{low:g} to {high:g} Hz")
    for bad in np.flatnonzero((modulus < 0) | (modulus > LARGEST_OHM))[:1]:
        raise source.error(f"point {bad + 1}: |Z| = {modulus[bad]:g} ohm", f"0 to {LARGEST_OHM:g} ohm")
    for bad in np.flatnonzero(np.abs(phase) > 2 * np.pi * (1 + 1e-9))[:1]:
        raise source.error(f"point {bad + 1}: phase {phase[bad]:g} rad", "-2 pi to 2 pi")
    first, last = sorted((int(np.argmax(f)), int(np.argmin(f))))
    reasons = [
        "" if first <= i <= last else "measured before or after the sweep over the whole range" for i in range(n)
    ]
    return [
        Measurement(
            frequency_Hz=f,
            impedance_ohm=polar(modulus, phase),
            excluded=reasons,
            metadata=_metadata(data, 12 + n * _BYTES_PER_POINT, time),
        )
    ]


def _metadata(data: bytes, at: int, time: np.ndarray) -> dict[str, str | float]:
    """The texts after the points as far as they can be read; many older versions differ."""
    out: dict[str, str | float] = {"instrument": "Zahner"}
    known = time[np.isfinite(time) & (np.abs(time) < 1e10)]
    if known.size:
        out["date"] = (datetime(1980, 1, 1) + timedelta(seconds=float(np.abs(known).min()))).isoformat(" ", "seconds")
    names = ["", "system", "bias", "current", "temperature", "", "comment", "", "", "", "area"]
    for name in names:
        if at + 2 > len(data):
            break
        (length,) = struct.unpack_from(">h", data, at)
        at += 2
        if not 0 <= length <= 1000 or at + length > len(data):
            break
        text = data[at : at + length].decode("latin-1").swapcase().strip()
        at += length
        if name and text and text.isprintable():
            out[name] = text[:200]
    return out


def detects_text(source: Source) -> bool:
    """Whether it is a table with frequency, impedance and phase after lines that Thales writes."""
    if not source.is_text:
        return False
    head = source.text[:4000]
    return re.search(r"zahner|thales", head, re.IGNORECASE) is not None or (
        re.search(r"^(?:Potential|Current|Time)[ .]*\.*\s*:", head, re.MULTILINE) is not None
        and re.search(r"frequency\s*/\s*Hz", head, re.IGNORECASE) is not None
    )


def parse_text(source: Source, wanted: Mapping[str, str | int] | None = None) -> list[Measurement]:
    """Every sweep of a text export.

    Raises
    ------
    InputError
        If there is no table, or a row does not fit.
    """
    metadata: dict[str, str | float] = {"instrument": "Zahner"}
    keys = {"Potential": "bias", "Current": "current", "Time": "date", "Date": "date", "System": "system"}
    for line in source.lines[:200]:
        if (match := re.match(r"(\w+)[ .]*:\s*(\S.*)", line)) and match[1] in keys:
            metadata.setdefault(keys[match[1]], match[2].strip()[:200])
    return plain.parse(source, wanted, metadata=metadata)
