"""BioLogic EC-Lab and BT-Lab text exports, .mpt (often named .txt).

Layout, seen in files of EC-Lab 11.18 and 11.33 (SP-150, VMP3): first line `EC-Lab ASCII FILE`, second `Nb header
lines : N`, settings, and in line N the names of the columns, with tabs, `freq/Hz`, `Re(Z)/Ohm`, `-Im(Z)/Ohm`, `cycle
number`, ... Rows follow to the end of the file. Windows-1252; the decimal mark is that of the machine. Rows with
frequency 0 belong to direct current. An export without settings begins with the names of columns: the plain reader
takes it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from aspot.measured.measurement import Measurement
from aspot.measured.source import Source, shown
from aspot.measured.sweeps import measurements
from aspot.measured.table import blocks, header_of, number, points

NAME = "BioLogic .mpt"
ENDINGS = (".mpt", ".txt")

_FIRST = ("EC-Lab ASCII FILE", "BT-Lab ASCII FILE")
_MOST_HEADER_LINES = 20_000


def detects(source: Source) -> bool:
    """Whether the first line is that of an EC-Lab or BT-Lab text export."""
    return source.is_text and source.text.lstrip("\ufeff").startswith(_FIRST)


def parse(source: Source, wanted: Mapping[str, str | int] | None = None) -> list[Measurement]:
    """Every cycle of the file.

    Raises
    ------
    InputError
        If the header is not as announced, columns are missing, or a row does not fit.
    """
    lines = source.lines
    count = re.fullmatch(r"\s*Nb header lines\s*:\s*([0-9]{1,6})\s*", lines[1] if len(lines) > 1 else "")
    if count is None:
        raise source.error(shown(lines[1]) if len(lines) > 1 else "nothing", "'Nb header lines : N'", line=2)
    n = int(count[1])
    if not 3 <= n <= min(len(lines), _MOST_HEADER_LINES):
        raise source.error(f"{n} header lines announced, the file has {len(lines)} lines", "3 and more", line=2)
    _, columns, _ = header_of(lines[n - 1], wanted)
    if not columns:
        there = ", ".join(name for name in lines[n - 1].strip().split("\t")[:8])
        raise source.error(
            f"columns {shown(there, 120)}",
            "the line that 'Nb header lines' announces names freq/Hz with Re(Z)/Ohm and -Im(Z)/Ohm (an impedance "
            "technique, exported with these columns)",
            line=n,
        )
    found = blocks(source, first=n, wanted=wanted)
    if not found or found[0].header != n:
        raise source.error("no rows after the names of columns", "at least one", line=n)
    if len(found) > 1 or found[0].after:
        text = (*found[0].after, *(found[1].before if len(found) > 1 else ()), "a second table")[0]
        raise source.error(f"{shown(text.strip())} after line {found[0].rows[-1][0]}", "rows of numbers to the end")
    settings = lines[2 : n - 1]
    notes = _announced(settings, len(found[0].rows))
    return measurements(source, points(source, found[0]), _metadata(settings), notes=notes)


def _announced(settings: tuple[str, ...], n_rows: int) -> list[str]:
    """Remark if the header counts more points than there are rows."""
    last = [int(m[1]) for line in settings if (m := re.match(r"Loop \d+ from point number \d+ to (\d{1,9})\s*$", line))]
    if last and max(last) + 1 > n_rows:
        return [f"the header counts {max(last) + 1} points, the file has {n_rows}"]
    return []


def _metadata(settings: tuple[str, ...]) -> dict[str, str | float]:
    out: dict[str, str | float] = {}
    technique = next((line.strip() for line in settings if line.strip()), "")
    if technique and ":" not in technique:
        out["technique"] = technique
    keys = {
        "Device": "instrument",
        "Run on channel": "channel",
        "Acquisition started on": "date",
        "Technique started on": "date",
        "Comments": "comment",
        "Electrolyte": "electrolyte",
        "Electrode material": "electrode_material",
    }
    for line in settings:
        key, colon, value = line.partition(" : ")
        if colon and (name := keys.get(key.strip())) and value.strip():
            out.setdefault(name, value.strip()[:200])
        if match := re.match(r"(E[CT]-?Lab|BT-Lab) for windows (v[\d.,]+)", line):
            out["software"] = f"{match[1]} {match[2]}"
        if match := re.match(r"Electrode surface area : ([\d.,]+(?:[eE][-+]?\d+)?) cm", line):
            _set(out, "area_cm2", match[1], 1.0)
        if match := re.match(r"Va \((mV|V)\)\s+(\S+)", line):
            _set(out, "amplitude_V", match[2], 1e-3 if match[1] == "mV" else 1.0)
        if match := re.match(r"E \(V\)\s+(\S+)", line):
            _set(out, "bias_V", match[1], 1.0)
    return out


def _set(out: dict[str, str | float], key: str, text: str, factor: float) -> None:
    """A number of the settings, if it is one."""
    value = number(text, "," if "," in text else ".")
    if value is not None and abs(value) < 1e12:
        out[key] = value * factor
