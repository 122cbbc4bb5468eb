"""Solartron, ZPlot and ZView files, .z, and the older text files of the same family that Autolab exports too.

Layouts, seen in files of ZPlot 2 and 3: first line `ZPLOT2 ASCII`, settings, the names of columns before `End
Comments`, rows with tabs; or first line `"ZPlotW Data File: ..."` or `"Z60W Data File: ..."` in quotes, the number of
points, the names of columns in one pair of quotes, rows with commas. The columns are always frequency, amplitude,
bias, time, Z', Z'', ...; Z'' is the imaginary part with its sign. Several sweeps follow one another.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from aspot.measured.columns import Column, chosen
from aspot.measured.measurement import Measurement
from aspot.measured.source import Source, shown
from aspot.measured.sweeps import measurements
from aspot.measured.table import Block, is_row, number, points, split

NAME = "ZPlot/ZView .z"
ENDINGS = (".z", ".txt")

_FIRST = re.compile(r'\ufeff?\s*(ZPLOT2 ASCII|"?(?:ZPlotW|Z60W) Data File)', re.IGNORECASE)
_NAMES = re.compile(r"\"?\s*Freq\s*\(Hz\)\s+Ampl\s+Bias\s+Time\s*\(Sec\)\s+Z'\(a\)\s+Z''\(b\)", re.IGNORECASE)


def detects(source: Source) -> bool:
    """Whether the first line is that of a ZPlot file."""
    return source.is_text and _FIRST.match(source.text) is not None


def parse(source: Source, wanted: Mapping[str, str | int] | None = None) -> list[Measurement]:
    """Every sweep of the file.

    Raises
    ------
    InputError
        If the names of columns or rows are missing, or a row does not fit.
    """
    lines = source.lines
    header = next((i for i, line in enumerate(lines) if _NAMES.match(line)), None)
    if header is None:
        raise source.error("no names of columns", "a line \"Freq(Hz) Ampl Bias Time(Sec) Z'(a) Z''(b) ...\"")
    end = header
    if lines[0].lstrip("\ufeff ").upper().startswith("ZPLOT2"):
        end = next((i for i, line in enumerate(lines) if line.strip() == "End Comments"), -1)
        if end < header:
            raise source.error("no line 'End Comments' after the names of columns", "one", line=header + 1)
    names = tuple(re.sub(r"\s+\(", "(", lines[header].strip(' "\t')).split())
    columns = (
        chosen(names, wanted)
        if wanted is not None
        else (
            Column(place=0, quantity="frequency", name=names[0]),
            Column(place=4, quantity="real", name=names[4]),
            Column(place=5, quantity="imaginary", name=names[5]),
        )
    )
    delimiter, rows = "", []
    for line_number, line in enumerate(lines[end + 1 :], start=end + 2):
        if not line.strip():
            continue
        delimiter = delimiter or next((d for d in "\t;," if d in line), " ")
        fields = split(line, delimiter)
        if len(fields) != len(names) or not is_row(line):
            raise source.error(
                f"{len(fields)} fields where line {header + 1} names {len(names)}: {shown(line.strip())}",
                "rows of as many numbers as names (is the file cut or damaged?)",
                line=line_number,
            )
        rows.append((line_number, tuple(fields)))
    if not rows:
        raise source.error("no rows after the names of columns", "at least one", line=end + 1)
    metadata, announced = _metadata(lines[:end])
    notes = [f"the header announces {announced} points, the file has {len(rows)}"] * (
        announced not in (None, len(rows))
    )
    block = Block(header=header + 1, names=names, columns=columns, delimiter=delimiter, rows=tuple(rows))
    return measurements(source, points(source, block), metadata, notes=notes)


def _metadata(lines: tuple[str, ...]) -> tuple[dict[str, str | float], int | None]:
    """What the header states, and the number of points."""
    out: dict[str, str | float] = {}
    announced = None
    for line in lines:
        key, _, value = (part.strip(' "\t') for part in line.partition(":"))
        if key in ("Measured Data, ZPlot", "Measured Data, Software"):
            out["software"] = f"ZPlot {value}"[:200]
        elif key == "Experiment Type":
            out["technique"] = value[:200]
        elif key == "Date" and value:
            date, _, time = value.partition("Time:")
            out["date"] = f"{date.strip()} {time.strip()}".strip()[:200]
        elif key == "Time" and value:
            out["date"] = f"{out.get('date', '')} {value}".strip()[:200]
        elif key in ("Surface Area", "Potential-AC") and (read := number(value)) is not None and 0 < read < 1e9:
            name, factor = ("area_cm2", 1.0) if key == "Surface Area" else ("amplitude_V", 1e-3)
            out[name] = read * factor
        elif key == "Data Points" and re.fullmatch(r"[0-9]{1,9}", value):
            announced = int(value)
        elif re.fullmatch(r"\s*[0-9]{1,9}\s*", line):
            announced = int(line)
    return out, announced
