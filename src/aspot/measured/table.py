"""Tables in text: where they are, how they are delimited, and their numbers, exactly or not at all.

A table is a line of names that make an impedance over frequency (`columns.recognised`), and rows of as many fields.
Its delimiter is a tab, semicolon, comma or blanks; its decimal mark is a point or a comma, one of them throughout.
What looks like a row and is none (a field too few, a letter in a number) is an error that names the line.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aspot.measured.columns import Column, chosen, clean, groups, may_name_frequency, recognised
from aspot.measured.source import Source, shown

#: Delimiters in the order in which they are tried.
DELIMITERS = ("\t", ";", ",", "  ", " ")

#: Lines of more names or characters name no columns; more lines that might do so than this are not tried.
_MOST_COLUMNS, _LONGEST_HEADER, _MOST_HEADERS = 200, 4000, 5000
#: Frequencies outside are no measurements [Hz].
FREQUENCY_RANGE_HZ = (1e-8, 1e14)
#: Larger impedances are no measurements [ohm].
LARGEST_OHM = 1e25

#: |Z| and the modulus of real and imaginary part may differ by this, relatively: four digits and rounding.
_SAME_MODULUS = 2e-3

_POINT = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,4})?", re.ASCII)
_COMMA = re.compile(r"[-+]?(?:[0-9]+(?:,[0-9]+)?|,[0-9]+)(?:[eE][-+]?[0-9]{1,4})?", re.ASCII)
_MISSING = {
    "",
    "nan",
    "-nan",
    "na",
    "n/a",
    "#n/a",
    "inf",
    "-inf",
    "+inf",
    "--",
    "---",
    "null",
    "none",
    "#div/0!",
    "1.#qnan",
}
_MISSING |= {"-1.#ind", "1.#inf", "-1.#inf", "overload", "#num!", "nan(ind)", "-nan(ind)"}


def split(line: str, delimiter: str) -> list[str]:
    """The fields of a line; empty ones at its end do not count."""
    if delimiter == " ":
        fields = line.split()
    elif delimiter == "  ":
        fields = re.split(r"\t|\s{2,}", line.strip())
    elif delimiter != "\t" and line.count('"') % 2 == 0 and re.search(r'(?:^|[,;])\s*"', line):
        fields = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
    else:
        fields = line.split(delimiter)
    fields = [f.strip() for f in fields]
    while fields and not fields[-1]:
        fields.pop()
    return fields


def _unquoted(text: str) -> str:
    return text[1:-1].strip() if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'" else text


def number(text: str, decimal: str = ".") -> float | None:
    """The number a field holds: NaN where the instrument wrote that it has none, None where it is no number.

    Unlike `float` it takes no underscores, words or digits of other scripts, and no thousands separators.
    """
    text = _unquoted(text)
    if (_COMMA if decimal == "," else _POINT).fullmatch(text):
        return float(text.replace(",", "."))
    return math.nan if text.lower() in _MISSING else None


def is_number(text: str) -> bool:
    """Whether a field is a number with either decimal mark."""
    text = _unquoted(text)
    return bool(_POINT.fullmatch(text) or _COMMA.fullmatch(text))


def is_row(line: str) -> bool:
    """Whether a line begins with a number and holds no words: a row of some table."""
    stripped = line.strip().strip("\"'")
    return bool(stripped) and (stripped[0] in "+-.,0123456789") and not re.search(r"[A-DF-Za-df-z]{2}", stripped)


@dataclass(frozen=True, kw_only=True)
class Block:
    """One table as found: the numbers of its lines count from 1.

    `before` are the lines of text since the block before, `after` those that follow the last block, `announced` is the
    number of points that a line of its own states.
    """

    header: int | None
    names: tuple[str, ...]
    columns: tuple[Column, ...]
    delimiter: str
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    announced: int | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Points:
    """Numbers of one spectrum or several after one another, in the order of the file.

    `excluded` holds a reason for each point, empty where there is none; nothing: no point has one.
    """

    frequency_Hz: NDArray[np.float64]
    impedance: NDArray[np.complex128]
    line: NDArray[np.int64]
    is_per_area: bool
    cycle: NDArray[np.float64] | None = None
    temperature_K: NDArray[np.float64] | None = None
    measured_temperature_K: NDArray[np.float64] | None = None
    excluded: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def header_of(
    line: str, wanted: Mapping[str, str | int] | None = None
) -> tuple[tuple[str, ...], tuple[Column, ...], str]:
    """Names, columns that count and delimiter of a line of names; no columns if it is none."""
    if len(line) > _LONGEST_HEADER or not (may_name_frequency(line) if wanted is None else re.search("[A-Za-z]", line)):
        return (), (), ""
    if line.lstrip().startswith(("#", "%")):
        line = line.lstrip(" \t#%")  # names as a comment
    for delimiter in DELIMITERS:
        names = tuple(split(line, delimiter))
        if not 3 <= len(names) <= _MOST_COLUMNS:
            continue
        if wanted is not None and all(isinstance(v, int) or clean(v) in map(clean, names) for v in wanted.values()):
            if any(isinstance(v, str) for v in wanted.values()) or recognised(names):
                return names, chosen(names, wanted), delimiter
        elif wanted is None and (columns := recognised(names)):
            return names, columns, delimiter
    return (), (), ""


def blocks(source: Source, *, first: int = 1, wanted: Mapping[str, str | int] | None = None) -> list[Block]:
    """Every table of a text with a line of names, and tables that follow with as many columns but no names of theirs.

    Parameters
    ----------
    source : Source
    first : int
        Line to begin with, counted from 1.
    wanted : mapping, optional
        What `columns.chosen` takes.

    Raises
    ------
    InputError
        If a row has more or fewer fields than there are names.
    """
    lines = source.lines[first - 1 :]
    found: list[Block] = []
    header: Block | None = None
    rows: list[tuple[int, tuple[str, ...]]] = []
    before: list[str] = []
    n_tried = 0

    def close() -> None:
        nonlocal rows, before, header
        if header is not None and rows:
            wrong = header.announced not in (None, len(rows))
            said = (f"{header.announced} points are announced, the table has {len(rows)}",) if wrong else ()
            found.append(replace(header, rows=tuple(rows), before=tuple(before), notes=said))
            header = replace(header, announced=None)
            before = []
        rows = []

    for line_number, line in enumerate(lines, start=first):
        if not line.strip():
            continue
        if not is_row(line):
            n_tried += 1
            if n_tried > _MOST_HEADERS:
                raise source.error(f"more than {_MOST_HEADERS} lines of text", "a table of numbers", line=line_number)
            names, columns, delimiter = header_of(line, wanted)
            if columns:
                close()
                header = Block(header=line_number, names=names, columns=columns, delimiter=delimiter, rows=())
                continue
        if header is None:
            before.append(line)
            continue
        if not rows and not found and header.header is not None:
            header = replace(header, delimiter=_delimiter_of_rows(line, header))
        if not rows and (announced := re.fullmatch(r"\s*([0-9]{1,7})\s*", line)):
            header = replace(header, announced=int(announced[1]))  # the number of points, as FRA writes it
            continue
        fields = split(line, header.delimiter)
        if len(fields) < len(header.names):
            fields += [""] * _empty_at_end(line, header.delimiter, len(header.names) - len(fields))
        if len(fields) != len(header.names):
            if any(is_number(f) for f in fields) and (rows or is_row(line)) and _first_is_number(fields):
                raise source.error(
                    f"{len(fields)} fields where line {header.header} names {len(header.names)}: {shown(line.strip())}",
                    "rows of as many fields as names (is the file cut or damaged?)",
                    line=line_number,
                )
            close()
            before.append(line)
            continue
        if not any(is_number(fields[c.place]) for c in header.columns):
            close()
            before.append(line)
            continue
        rows.append((line_number, tuple(fields)))
    close()
    if found and before:
        found[-1] = replace(found[-1], after=tuple(before))
    return found


def _first_is_number(fields: Sequence[str]) -> bool:
    return is_number(fields[0]) or (len(fields) > 1 and is_number(fields[1]))


def _empty_at_end(line: str, delimiter: str, missing: int) -> int:
    """How many of the missing fields are there, but empty, at the end of a line."""
    if delimiter.strip() == "" and delimiter != "\t":
        return 0
    return min(missing, len(line.rstrip("\r\n").split(delimiter)) - len(split(line, delimiter)))


def _delimiter_of_rows(line: str, header: Block) -> str:
    """The delimiter of the first row: that of the names unless only another one gives as many fields."""
    if len(split(line, header.delimiter)) == len(header.names):
        return header.delimiter
    for delimiter in DELIMITERS:
        fields = split(line, delimiter)
        if len(fields) == len(header.names) and all(is_number(fields[c.place]) for c in header.columns):
            return delimiter
    return header.delimiter


def points(source: Source, block: Block) -> list[Points]:
    """The numbers of a block: one item for each spectrum side by side.

    Raises
    ------
    InputError
        If a field is no number, the decimal mark changes, or a frequency or impedance cannot be meant.
    """
    try:
        parts = groups(block.columns)
    except ValueError as error:
        raise source.error(str(error), "one of each; say which by --column or columns=...", line=block.header) from None
    decimal = decimal_mark(source, block, [c.place for c in block.columns])
    return [_points_of(source, block, part, decimal, is_alone=len(parts) == 1) for part in parts]


def decimal_mark(source: Source, block: Block, places: Sequence[int]) -> str:
    """Point or comma, whichever the numbers in these columns have.

    Raises
    ------
    InputError
        If both occur.
    """
    if block.delimiter == "," and not any("," in row[1][p] for row in block.rows for p in places):
        return "."  # only quoted fields may hold commas
    seen: dict[str, int] = {}
    for line, fields in block.rows:
        for place in places:
            text = fields[place]
            for mark in ".,":
                if mark in text and re.search(r"[0-9]", text):
                    seen.setdefault(mark, line)
        if len(seen) == 2:
            raise source.error(
                "numbers with a decimal point and numbers with a comma",
                "one decimal mark throughout, no thousands separators",
                line=max(seen.values()),
            )
    return next(iter(seen), ".")


def _points_of(source: Source, block: Block, group: Mapping[str, Column], decimal: str, *, is_alone: bool) -> Points:
    is_cartesian = {"real", "imaginary"} <= set(group)
    needed = ["frequency", "real", "imaginary"] if is_cartesian else ["frequency", "modulus", "phase"]
    values, lines, n_direct = _numbers(source, block, group, needed, decimal, is_alone=is_alone)
    arrays = {q: np.array(v) * _factor(group[q]) + group[q].offset for q, v in values.items()}
    frequency = arrays["frequency"]
    low, high = FREQUENCY_RANGE_HZ
    for bad in np.flatnonzero(~((frequency >= low) & (frequency <= high)))[:1]:
        raise source.error(f"frequency {frequency[bad]:g} Hz", f"{low:g} to {high:g} Hz", line=lines[bad])
    notes = list(block.notes)
    excluded: tuple[str, ...] = ()
    if is_cartesian:
        impedance = complex_of(arrays["real"], arrays["imaginary"])
        excluded, remarks = _contradictions(source, block, impedance, arrays, is_degrees_known=_has_unit(group))
    else:
        impedance, remarks = _from_phase(source, arrays, group, lines)
    notes += remarks
    for bad in np.flatnonzero(np.maximum(np.abs(impedance.real), np.abs(impedance.imag)) > LARGEST_OHM)[:1]:
        raise source.error(f"impedance {impedance[bad]:g} ohm", f"at most {LARGEST_OHM:g} ohm", line=lines[bad])
    notes += _gaps(arrays.get("index"), lines)
    if n_direct:
        notes.append(f"{n_direct} rows with frequency 0 (direct current) are no impedances: left out")
    if decimal == ",":
        notes.append("decimal comma")
    per_area = {group[q].is_per_area for q in needed if q in ("real", "imaginary", "modulus")}
    if len(per_area) > 1:
        raise source.error("one column in ohm, another in ohm cm2", "both in the same", line=block.header)
    return Points(
        frequency_Hz=frequency,
        impedance=impedance,
        line=np.array(lines, np.int64),
        is_per_area=per_area.pop(),
        cycle=arrays.get("cycle"),
        temperature_K=arrays.get("temperature"),
        measured_temperature_K=arrays.get("measured temperature"),
        excluded=excluded,
        notes=tuple(notes),
    )


def _numbers(
    source: Source, block: Block, group: Mapping[str, Column], needed: Sequence[str], decimal: str, *, is_alone: bool
) -> tuple[dict[str, list[float]], list[int], int]:
    """Numbers of each quantity and the lines they are from, without rows of frequency 0, and how many those are."""
    helpful = ["cycle", "temperature", "measured temperature", "index"]
    helpful = [q for q in helpful if q in group and math.isfinite(group[q].factor)]
    helpful += [q for q in ("modulus", "phase") if q in group and q not in needed]
    values: dict[str, list[float]] = {q: [] for q in (*needed, *helpful)}
    lines: list[int] = []
    n_direct = 0
    for line, fields in block.rows:
        row: dict[str, float] = {}
        for q in values:
            value = number(fields[group[q].place], decimal)
            if value is None and q in needed:
                raise source.error(f"{shown(fields[group[q].place])} as {q}", "a number", line=line)
            row[q] = math.nan if value is None else value
        f = row["frequency"]
        if math.isnan(f):
            if not is_alone and all(math.isnan(row[q]) for q in needed):
                continue  # this spectrum is shorter than the one beside it
            raise source.error("no frequency", "a frequency in every row", line=line)
        if f == 0:
            n_direct += 1
            continue
        lines.append(line)
        for q, value in row.items():
            values[q].append(value)
    return values, lines, n_direct


def _gaps(index: NDArray[np.float64] | None, lines: Sequence[int]) -> list[str]:
    """Remark on rows that are missing by the numbers that the instrument gave them."""
    if index is None or index.size < 2:
        return []
    step = np.diff(index)
    jumps = np.flatnonzero(~((step == 1) | (step < 0)))
    if not jumps.size or jumps.size > 0.2 * step.size:
        return []
    return [f"rows are missing after line {lines[jumps[0]]}: their numbers jump"]


def _factor(column: Column) -> float:
    """The factor; of a phase without unit only the sign (the unit follows from the values)."""
    return column.factor if math.isfinite(column.factor) else math.copysign(1.0, column.factor)


def _has_unit(group: Mapping[str, Column]) -> bool:
    return "phase" in group and math.isfinite(group["phase"].factor)


def _contradictions(
    source: Source,
    block: Block,
    z: NDArray[np.complex128],
    arrays: Mapping[str, NDArray[np.float64]],
    *,
    is_degrees_known: bool,
) -> tuple[tuple[str, ...], list[str]]:
    """Reasons for points whose real and imaginary part contradict a third column; remarks.

    Raises
    ------
    InputError
        If the phase has the other sign than the imaginary part throughout: one of the names must be wrong.
    """
    is_known = np.isfinite(z) & (z != 0)
    reasons, remarks = np.full(z.size, "", object), []
    if "modulus" in arrays:
        modulus = np.abs(arrays["modulus"])
        is_known_too = is_known & np.isfinite(modulus) & (modulus > 0)
        is_off = is_known_too & (np.abs(np.abs(z) - modulus) > _SAME_MODULUS * modulus)
        if is_off.sum() > max(1.0, 0.2 * is_known_too.sum()):
            remarks.append("the column of |Z| is not the modulus of real and imaginary part: not used")
        else:
            reasons[is_off] = "real and imaginary part contradict |Z|"
    if "phase" in arrays:
        phase = arrays["phase"]
        clear = is_known & (np.abs(np.sin(np.angle(z))) > 0.02) & np.isfinite(phase)
        clear &= np.abs(phase) > (0.02 if is_degrees_known else 1e-3)
        way = np.sin(phase[clear]) if is_degrees_known else phase[clear]
        if clear.sum() >= 3 and np.mean(z.imag[clear] * way < 0) > 0.8:
            raise source.error(
                "phase and imaginary part have opposite signs",
                "the same; say by columns=... which is right: {'frequency': ..., 'real': ..., 'minus_imaginary': ...}",
                line=block.header,
            )
    return (tuple(reasons.tolist()) if np.any(reasons != "") else ()), remarks


def _from_phase(
    source: Source, arrays: Mapping[str, NDArray[np.float64]], group: Mapping[str, Column], lines: Sequence[int]
) -> tuple[NDArray[np.complex128], list[str]]:
    """Impedance from modulus and phase; remarks."""
    notes = []
    phase, modulus = arrays["phase"], arrays["modulus"]
    if not math.isfinite(group["phase"].factor):
        known = phase[np.isfinite(phase)]
        if not known.size or np.abs(known).max() <= 2 * math.pi:
            raise source.error(
                f"{shown(group['phase'].name.strip())} without unit, values up to {np.abs(known).max(initial=0):.3g}",
                "a name with unit, such as phase/deg or phase/rad",
            )
        phase = phase * (math.pi / 180)
        notes.append("phase taken in degrees: values beyond 2 pi")
    largest = np.abs(phase[np.isfinite(phase)]).max(initial=0.0)
    if largest > 2 * math.pi * (1 + 1e-6):
        worst = int(np.nanargmax(np.abs(phase)))
        raise source.error(f"phase of {np.degrees(phase[worst]):.4g} degrees", "-360 to 360 degrees", line=lines[worst])
    for bad in np.flatnonzero(modulus < 0)[:1]:
        raise source.error(f"modulus {modulus[bad]:g}", "not negative", line=lines[bad])
    return polar(modulus, phase), notes


def complex_of(real: ArrayLike, imaginary: ArrayLike) -> NDArray[np.complex128]:
    """Complex numbers from two parts; unlike a sum it is silent where a part is infinite."""
    z = np.empty(np.shape(real), complex)
    z.real, z.imag = real, imaginary
    return z


def polar(modulus: NDArray[np.float64], phase: NDArray[np.float64]) -> NDArray[np.complex128]:
    """Complex numbers from modulus and phase [rad], silent where one is not finite."""
    with np.errstate(invalid="ignore"):
        return complex_of(modulus * np.cos(phase), modulus * np.sin(phase))
