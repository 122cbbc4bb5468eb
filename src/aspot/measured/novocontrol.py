"""Novocontrol WinDETA and WinDATA text exports, .txt.

Layout, seen in files of both: a line `name, day.month.year, hour:minute`, a line of the sample's dimensions (not
always), a line `Fixed value(s) : Temp. [K]=... AC Volt [Vrms]=...`, names of columns with tabs such as ` Freq. [Hz]`,
` Temp. [K]`, ` Zs' [Ohms]`, ` Zs'' [Ohms]`, `M Temp [K]`, and rows. Zs' + j Zs'' is the impedance (Zs'' of a
capacitor is negative). Zp' = 1/Re Y and Cp' = Im Y/omega, as the files show, give it too; Zp'' is taken as the
reactance beside Zp', 1/Z = 1/Zp' + 1/(j Zp''), which has not been seen. Several temperatures in one file become
several measurements. Permittivity and conductivity are normalised by thickness as well: without an impedance the file
is refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from aspot.measured import plain
from aspot.measured.columns import Column, clean, column, recognised
from aspot.measured.measurement import Measurement
from aspot.measured.source import Source, shown
from aspot.measured.sweeps import measurements
from aspot.measured.table import Block, Points, blocks, number, points

NAME = "Novocontrol export"
ENDINGS = (".txt", ".dat")

_FIXED = re.compile(r"^Fixed value\(s\)\s*:", re.MULTILINE)
_NAMES = re.compile(r"^\s*(?:Freq\. \[Hz\]|Temp\. \[K\])\s*(?:\t|$)", re.MULTILINE)


def detects(source: Source) -> bool:
    """Whether a line `Fixed value(s) :` or names of columns as WinDETA writes them are there."""
    if not source.is_text:
        return False
    head = source.text[:8000]
    return _FIXED.search(head) is not None or _NAMES.search(head) is not None


def parse(source: Source, wanted: Mapping[str, str | int] | None = None) -> list[Measurement]:
    """Every temperature of the file.

    Raises
    ------
    InputError
        If it holds no impedance, or a row does not fit.
    """
    head = next((i for i, line in enumerate(source.lines) if _NAMES.match(line)), None)
    metadata, fixed = _metadata(source.lines[: head or 0])
    if head is None:
        raise source.error("no names of columns", "a line that begins with 'Freq. [Hz]' or 'Temp. [K]'")
    names = tuple(name.strip() for name in source.lines[head].rstrip("\t ").split("\t"))
    if len(names) < 3:
        raise source.error(
            f"{shown(source.lines[head].strip())} alone on its line",
            "one line with all names (export as a table)",
            line=head + 1,
        )
    if wanted is None and recognised(names):
        found = blocks(source, first=head + 1)
        parts = [part for block in found for part in points(source, block)]
    elif wanted is not None:
        return plain.parse(source, wanted, metadata=metadata)
    else:
        found = []
        parts = [_parallel(source, head, names)]
    if not parts:
        raise source.error("no rows after the names of columns", "at least one", line=head + 1)
    if found and found[-1].after:
        raise source.error(f"{shown(found[-1].after[0].strip())} after the rows", "rows of numbers to the end")
    out = measurements(source, parts, metadata)
    if fixed is not None:
        out = [m if m.temperature_K is not None else replace(m, temperature_K=fixed) for m in out]
    return out


def _parallel(source: Source, head: int, names: tuple[str, ...]) -> Points:
    """Points of a table with Zp' and Cp' or Zp''."""
    cleaned = [re.sub(r"\s+", " ", clean(name)) for name in names]
    place = {name: i for i, name in enumerate(cleaned)}
    other = next((key for key in ("Cp' [F]", "Zp'' [Ohms]") if key in place), None)
    if "Freq. [Hz]" not in place or "Zp' [Ohms]" not in place or other is None:
        raise source.error(
            f"columns {shown(', '.join(cleaned), 200)}",
            "Freq. [Hz] with Zs' and Zs'' (or Zp' and Cp'): choose them for the export",
            line=head + 1,
        )
    columns = [
        Column(place=place["Freq. [Hz]"], quantity="frequency", name="Freq. [Hz]"),
        Column(place=place["Zp' [Ohms]"], quantity="real", name="Zp' [Ohms]"),
        Column(place=place[other], quantity="imaginary", name=other),
    ]
    columns += [c for i, name in enumerate(names) if (c := column(name, i)) and "temperature" in c.quantity]
    block = Block(
        header=head + 1, names=names, columns=tuple(columns), delimiter="\t", rows=plain.rows(source, head, names)
    )
    (read,) = points(source, block)
    omega = 2 * math.pi * read.frequency_Hz
    with np.errstate(divide="ignore", invalid="ignore"):
        if other == "Cp' [F]":
            y = 1 / read.impedance.real + 1j * omega * read.impedance.imag
        else:
            y = 1 / read.impedance.real - 1j / read.impedance.imag
        z = np.asarray(1 / y, complex)
    is_known = np.isfinite(read.impedance) & (read.impedance.real != 0) & (y != 0)
    z[~is_known] = complex(np.nan, np.nan)
    return replace(read, impedance=z, notes=(*read.notes, f"impedance from Zp' and {other.split()[0]}"))


def _metadata(lines: tuple[str, ...]) -> tuple[dict[str, str | float], float | None]:
    """What stands before the table, and the fixed temperature [K]."""
    out: dict[str, str | float] = {"instrument": "Novocontrol"}
    fixed = None
    if lines and (match := re.match(r"(.{1,200}?),\s*(\d{1,2}\.\d{1,2}\.\d{4}),\s*(\d{1,2}:\d{2})", lines[0])):
        out["sample"], out["date"] = match[1], f"{match[2]} {match[3]}"
    keys = {
        r"Diameter\[mm\]\s*": ("diameter_cm", 0.1),
        r"Thickness\[mm\]\s*": ("thickness_cm", 0.1),
        r"AC Volt\s*\[Vrms\]\s*=\s*": ("amplitude_V", 1.0),
        r"Temp\.\s*\[K\]\s*=\s*": ("", 1.0),
    }
    for line in lines:
        for pattern, (name, factor) in keys.items():
            if (
                (match := re.search(pattern + r"(\S+)", line))
                and (value := number(match[1])) is not None
                and 0 < value < 1e9
            ):
                if name:
                    out[name] = value * factor
                elif 1.0 < value < 5000.0:
                    fixed = value
    if "diameter_cm" in out:
        out["area_cm2"] = math.pi / 4 * float(out["diameter_cm"]) ** 2
    return out, fixed
