"""Gamry Framework files, .DTA.

Layout, seen in files of Framework 7 (Reference 3000): first line `EXPLAIN`, settings as
`KEY<tab>TYPE<tab>value<tab>label`, tables as `NAME<tab>TABLE[<tab>rows]`, a line of names, a line of units and rows,
all three beginning with a tab. Each `ZCURVE` is a spectrum; other tables (the open-circuit curve) are passed over.
Windows-1252; the decimal mark is that of the machine. A file with drift correction has `ZrealDrCor`, `ZimagDrCor`
besides: the measured columns are read, and said so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from aspot.errors import InputError
from aspot.measured.columns import chosen, recognised
from aspot.measured.measurement import Measurement
from aspot.measured.source import Source, shown
from aspot.measured.sweeps import measurements
from aspot.measured.table import Block, number, points

NAME = "Gamry .DTA"
ENDINGS = (".dta",)

_TABLE = re.compile(r"\s*(Z?CURVE\w*|\w*CURVE\w*)\tTABLE(?:\t([0-9]{1,9}))?\s*", re.IGNORECASE)
#: A line of settings or the first of a table: it ends the table before.
_KEYWORD = re.compile(r"[A-Za-z]\w*\t[A-Za-z]+(?:\t|\s*$)")


def detects(source: Source) -> bool:
    """Whether the first line is `EXPLAIN`."""
    return source.is_text and re.match(r"EXPLAIN\s*[\r\n]", source.text) is not None


def parse(source: Source, wanted: Mapping[str, str | int] | None = None) -> list[Measurement]:
    """Every impedance curve of the file.

    Raises
    ------
    InputError
        If there is none, or a row does not fit.
    """
    lines = source.lines
    starts = [i for i, line in enumerate(lines) if (m := _TABLE.fullmatch(line)) and m[1].upper().startswith("ZCURVE")]
    if not starts:
        raise source.error("no table ZCURVE", "a file of an impedance experiment (EISPOT, GALVEIS, ...)")
    n_headers = sum(1 for line in lines if re.search(r"\tFreq\t", line) and re.search(r"\tZreal\t", line))
    if n_headers > len(starts):
        raise source.error(f"{n_headers} lines name Freq and Zreal, {len(starts)} tables ZCURVE", "as many: damaged?")
    metadata = _metadata(lines)
    notes = ["the experiment was aborted"] if any(line.startswith("EXPERIMENTABORTED") for line in lines) else []
    out: list[Measurement] = []
    for i in starts:
        block, remarks = _block(source, i, wanted)
        found = measurements(source, points(source, block), metadata, notes=[*notes, *remarks])
        number_of = len(out) + 1
        out += [replace(m, loop=m.loop if m.loop is not None else number_of + k) for k, m in enumerate(found)]
    return [replace(m, loop=None) for m in out] if len(out) == 1 else out


def _block(source: Source, start: int, wanted: Mapping[str, str | int] | None) -> tuple[Block, list[str]]:
    """The table whose first line has this index."""
    lines = source.lines
    if start + 2 >= len(lines):
        raise source.error("the table ends after its name", "names, units and rows", line=start + 1)
    names = [name.strip() for name in lines[start + 1].rstrip("\t ").split("\t")]
    units = [unit.strip() for unit in lines[start + 2].rstrip("\t ").split("\t")]
    units += [""] * (len(names) - len(units))
    headers = tuple(
        f"{name} [{unit}]" if unit and unit != "#" else name for name, unit in zip(names, units, strict=False)
    )
    try:
        columns = chosen(names, wanted) if wanted is not None else recognised(headers)
    except InputError as error:
        raise source.error(str(error), line=start + 2) from None
    if not columns:
        raise source.error(
            f"columns {shown(', '.join(filter(None, headers)), 120)}",
            "Freq, Zreal and Zimag with units",
            line=start + 2,
        )
    rows = []
    for line_number, line in enumerate(lines[start + 3 :], start=start + 4):
        if not line.strip():
            continue
        if _KEYWORD.match(line):
            break
        fields = [field.strip() for field in line.split("\t")]
        while len(fields) > len(names) and not fields[-1]:
            fields.pop()
        if len(fields) != len(names):
            raise source.error(
                f"{len(fields)} fields where line {start + 2} names {len(names)}: {shown(line.strip())}",
                "rows of as many fields as names (is the file cut or damaged?)",
                line=line_number,
            )
        rows.append((line_number, tuple(fields)))
    if not rows:
        raise source.error("a table without rows", "at least one", line=start + 1)
    remarks = []
    match = _TABLE.fullmatch(lines[start])
    if match and match[2] and int(match[2]) != len(rows):
        remarks.append(f"the table announces {int(match[2])} points, the file has {len(rows)}")
    if any("drcor" in name.lower() for name in names):
        remarks.append("the file also holds drift-corrected columns (ZrealDrCor, ZimagDrCor): not read")
    header = Block(header=start + 2, names=headers, columns=columns, delimiter="\t", rows=tuple(rows))
    return header, remarks


def _metadata(lines: tuple[str, ...]) -> dict[str, str | float]:
    out: dict[str, str | float] = {}
    keys = {"TITLE": "technique", "PSTAT": "instrument", "DATE": "date", "TIME": "time", "FRAMEWORKVERSION": "software"}
    numbers = {"AREA": ("area_cm2", 1.0), "VAC": ("amplitude_V", 1e-3), "IACREQ": ("amplitude_A", 1.0)}
    numbers |= {"VDC": ("bias_V", 1.0), "IDCREQ": ("bias_A", 1.0)}
    for line in lines:
        fields = line.split("\t")
        if len(fields) < 3:
            continue
        key, value = fields[0].strip().upper(), fields[2].strip()
        if key in keys and value:
            out.setdefault(keys[key], value[:200])
        elif key in numbers and (read := number(value, "," if "," in value else ".")) is not None and abs(read) < 1e12:
            name, factor = numbers[key]
            if key == "VAC" and "mV" not in line:
                factor = 1.0
            out.setdefault(name, read * factor)
    if "date" in out and "time" in out:
        out["date"] = f"{out['date']} {out.pop('time')}"
    return out
