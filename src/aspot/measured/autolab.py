"""Metrohm Autolab: frequency response files of FRA 4.9, .dfr, and text exports of Nova.

.dfr: text, `VERSION8.0`, the number of points, a line, then nine lines for each point: frequency, Z', -Z'', E, I,
time and three more (facts from the reader of `pyimpspec`, made from a file of version 8.0; no real file could be read
here, so that other versions are refused). Nova: a table of `Frequency (Hz)`, `Z' (Ω)`, `-Z'' (Ω)`, ... with
semicolons, commas or tabs, the decimal mark of the machine; names as in published scripts for such files. Older
exports of FRA (.P00), names of columns and below them the number of points, are plain tables.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from aspot.errors import InputError
from aspot.measured import plain
from aspot.measured.measurement import Measurement
from aspot.measured.source import Source, shown
from aspot.measured.sweeps import measurements
from aspot.measured.table import FREQUENCY_RANGE_HZ, LARGEST_OHM, Points, complex_of, number

NAME = "Autolab FRA .dfr"
ENDINGS = (".dfr",)
NOVA_NAME = "Autolab Nova export"
NOVA_ENDINGS = (".csv", ".txt")

_LINES_PER_POINT = 9


def detects(source: Source) -> bool:
    """Whether the first line is `VERSION` with a number."""
    return source.is_text and re.match(r"VERSION\s*[0-9]+\.[0-9]+\s*[\r\n]", source.text, re.IGNORECASE) is not None


def parse(source: Source, wanted: Mapping[str, str | int] | None = None) -> list[Measurement]:
    """Every sweep of a .dfr file.

    Raises
    ------
    InputError
        If the version is another one, or the lines are not as many as the points need.
    """
    if wanted is not None:
        raise InputError(f"{source.path}: columns cannot be chosen in a .dfr file")
    lines = [(i, line.strip()) for i, line in enumerate(source.lines, start=1) if line.strip()]
    if re.sub(r"\s", "", lines[0][1]).upper() != "VERSION8.0":
        raise source.error(shown(lines[0][1]), "VERSION8.0 (export from FRA as text)", line=1)
    if len(lines) < 3 or not re.fullmatch(r"[0-9]{1,6}", lines[1][1]):
        raise source.error(shown(lines[1][1]) if len(lines) > 1 else "nothing", "the number of points", line=2)
    n = int(lines[1][1])
    body = lines[3:]
    if not n or len(body) < n * _LINES_PER_POINT:
        raise source.error(
            f"{n} points announced, {len(body)} lines after the head", f"{_LINES_PER_POINT} lines for each point"
        )
    decimal = "," if any("," in text for _, text in body[: n * _LINES_PER_POINT]) else "."
    values = np.empty((n, 3))
    low, high = FREQUENCY_RANGE_HZ
    for i in range(n):
        for j, what in enumerate(("frequency", "Z'", "-Z''")):
            line, text = body[i * _LINES_PER_POINT + j]
            read = number(text, decimal)
            if read is None:
                raise source.error(f"{shown(text)} as {what}", "a number", line=line)
            if j == 0 and not low <= read <= high:
                raise source.error(f"frequency {read:g} Hz", f"{low:g} to {high:g} Hz", line=line)
            if j and abs(read) > LARGEST_OHM:
                raise source.error(f"{what} = {read:g} ohm", f"at most {LARGEST_OHM:g} ohm", line=line)
            values[i, j] = read
    if n > 1 and not (np.all(np.diff(values[:, 0]) < 0) or np.all(np.diff(values[:, 0]) > 0)):
        raise source.error("frequencies in no order", "one sweep: a line is missing, or the layout is another one")
    found = Points(
        frequency_Hz=values[:, 0],
        impedance=complex_of(values[:, 1], -values[:, 2]),
        line=np.array([body[i * _LINES_PER_POINT][0] for i in range(n)]),
        is_per_area=False,
    )
    extra = len(body) - n * _LINES_PER_POINT
    notes = [f"{extra} lines after the last point: not read"] if extra else []
    return measurements(source, [found], {}, notes=notes)


def detects_nova(source: Source) -> bool:
    """Whether a line names the columns as Nova does."""
    return source.is_text and _NOVA.search(source.text[:4000]) is not None


_NOVA = re.compile(
    r"(?:^|[;,\t\n\"])Frequency \(Hz\)[\";,\t]+Z' \((?:\u03a9|\u2126|Ohm)\)[\";,\t]+-Z'' \(", re.IGNORECASE
)


def parse_nova(source: Source, wanted: Mapping[str, str | int] | None = None) -> list[Measurement]:
    """Every sweep of a text export of Nova.

    Raises
    ------
    InputError
        If a row does not fit.
    """
    return plain.parse(source, wanted)
