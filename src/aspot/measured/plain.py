"""Plain tables: CSV and text in any order of columns, delimiter, decimal mark and unit; and spectra written by aspot.

With names of columns, they decide (`columns`). Without names there must be three columns, frequency, Re Z and Im Z or
-Im Z; which sign follows from the data: a causal response is a sum of relaxations, its conjugate is not, and where that
does not decide a passive cell is capacitive at most frequencies.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from aspot.errors import InputError
from aspot.measured.columns import Column, chosen
from aspot.measured.measurement import Measurement
from aspot.measured.source import Source, shown
from aspot.measured.sweeps import measurements, restarts
from aspot.measured.table import DELIMITERS, Block, Points, blocks, complex_of, is_number, is_row, points, polar, split
from aspot.spectrum import CSV_HEADER, Spectrum

NAME = "table"
ENDINGS = (".csv", ".tsv", ".txt", ".dat")
OWN_NAME = "aspot spectrum"
OWN_ENDINGS = (".json", ".csv")

#: Fewer points do not show whether a response is causal.
_FEWEST = 5
#: As many show it well enough.
_MOST_CAUSAL = 400


def detects(source: Source) -> bool:
    """Every text may hold a table."""
    return source.is_text


def parse(
    source: Source, wanted: Mapping[str, str | int] | None = None, *, metadata: Mapping[str, str | float] | None = None
) -> list[Measurement]:
    """Every sweep of the tables in a text.

    Raises
    ------
    InputError
        If there is no table, its columns cannot be told, or a row does not fit.
    """
    found = blocks(source, wanted=wanted)
    if not found:
        return measurements(source, [_nameless(source, wanted)], metadata or {})
    parts = []
    for block in found:
        parts += points(source, block)
        if wanted is None and any(c.quantity == "imaginary" for c in block.columns) and not detects_own(source):
            _check_sign(source, block, parts[-1])
    after = found[-1].after
    notes = [f"{len(after)} lines of text after the table: not read"] if after else []
    return measurements(source, parts, metadata or {}, notes=notes)


def _check_sign(source: Source, block: Block, read: Points) -> None:
    """Refuse a table whose imaginary part has the wrong sign beyond doubt: Z'' in the name, -Z'' in the rows.

    Raises
    ------
    InputError
        If the first sweep is far from causal, and its conjugate is causal.
    """
    try:
        sweep = restarts(read.frequency_Hz)[0]
    except ValueError:
        return
    kept = sweep[np.isfinite(read.impedance[sweep])]
    if kept.size < 2 * _FEWEST:
        return
    f, z = read.frequency_Hz[kept], read.impedance[kept]
    as_named, other = causal_misfit(f, z), causal_misfit(f, z.conj())
    if other < 0.1 and as_named > 5 * other:
        name = next(c.name.strip() for c in block.columns if c.quantity == "imaginary")
        raise source.error(
            f"with {shown(name)} as named the response is not causal (misfit {as_named:.2g}), with the other sign it "
            f"is ({other:.2g}): the column holds the negative of what its name says",
            "the other name, --column, or columns={'frequency': ..., 'real': ..., 'minus_imaginary': ...} "
            "(or 'imaginary')",
            line=block.header,
        )


def no_table(source: Source) -> InputError:
    """The error that says what was looked for."""
    return source.error(
        "no table of frequency and impedance found",
        "names of columns such as 'freq/Hz, Re(Z)/Ohm, -Im(Z)/Ohm' or 'f, |Z|, phase/deg', or three columns of numbers",
    )


def rows(source: Source, header: int, names: tuple[str, ...]) -> tuple[tuple[int, tuple[str, ...]], ...]:
    """All rows after a line of names (index from 0), delimited by tabs.

    Raises
    ------
    InputError
        If one has another number of fields.
    """
    out = []
    for line_number, line in enumerate(source.lines[header + 1 :], start=header + 2):
        if not line.strip():
            continue
        fields = split(line, "\t")
        if len(fields) != len(names):
            raise source.error(
                f"{len(fields)} fields where line {header + 1} names {len(names)}: {shown(line.strip())}",
                "rows of as many fields as names (is the file cut or damaged?)",
                line=line_number,
            )
        out.append((line_number, tuple(fields)))
    return tuple(out)


def _nameless(source: Source, wanted: Mapping[str, str | int] | None) -> Points:
    """A table without names."""
    numbered = [(i, line) for i, line in enumerate(source.lines, start=1) if line.strip()]
    # A number alone on its line counts the points.
    first = next(
        (k for k, (_, line) in enumerate(numbered) if is_row(line) and not re.fullmatch(r"\s*[0-9]+\s*", line)), None
    )
    if first is None:
        raise no_table(source)
    line_number, line = numbered[first]
    counts = {d: split(line, d) for d in DELIMITERS}
    numeric = {d: fields for d, fields in counts.items() if len(fields) > 1 and all(is_number(f) for f in fields)}
    if not numeric:
        raise no_table(source)
    delimiter, fields = max(numeric.items(), key=lambda item: (len(item[1]) == 3, len(item[1])))
    if first and (names := split(numbered[first - 1][1], delimiter)) and len(names) == len(fields) and wanted is None:
        raise source.error(
            f"columns {shown(', '.join(names), 120)}",
            "frequency with real and imaginary part or modulus and phase; say which by --column or "
            "columns={'frequency': ...}",
            line=numbered[first - 1][0],
        )
    if len(fields) != 3 and wanted is None:
        raise source.error(
            f"{len(fields)} columns without names",
            "three (frequency, real, imaginary part); say which by --column or columns={'frequency': 1, ...}",
            line=line_number,
        )
    table, n_text = [], 0
    for number_of, text in numbered[first:]:
        cells = split(text, delimiter)
        if len(cells) == len(fields) and is_row(text):
            table.append((number_of, tuple(cells)))
        elif sum(is_number(cell) for d in DELIMITERS for cell in split(text, d)) or is_row(text):
            raise source.error(shown(text.strip()), f"{len(fields)} numbers as in line {line_number}", line=number_of)
        else:
            n_text += 1
    if wanted is not None:
        before = split(numbered[first - 1][1], delimiter) if first else []
        columns = chosen(before if len(before) == len(fields) else [], wanted)
        if max(c.place for c in columns) >= len(fields):
            raise source.error(f"{len(fields)} columns", "the numbers given by columns", line=line_number)
    else:
        columns = tuple(Column(place=i, quantity=q) for i, q in enumerate(("frequency", "real", "imaginary")))
    notes = (f"{n_text} lines of text in or after the table: not read",) if n_text else ()
    block = Block(header=None, names=(), columns=columns, delimiter=delimiter, rows=tuple(table), notes=notes)
    (read,) = points(source, block)
    return read if wanted is not None else _with_sign(source, read)


def _with_sign(source: Source, read: Points) -> Points:
    """The points with the sign of Im Z that the data show."""
    f, z = read.frequency_Hz, read.impedance
    try:
        sweeps = restarts(f)
    except ValueError:
        sweeps = []
    if not sweeps or np.unique(f).size < min(3, f.size):
        raise source.error(
            "the first of three columns without names does not sweep",
            "frequency, real, imaginary part; say which by --column or "
            "columns={'frequency': 1, 'real': 2, 'imaginary': 3}",
            line=int(read.line[0]) if read.line.size else None,
        )
    capacitive, inductive, polar_way = 1.0, 1.0, 1.0
    for sweep in sweeps:
        kept = sweep[np.isfinite(z[sweep])]
        if kept.size >= _FEWEST:
            f_kept, re, im = f[kept], z.real[kept], z.imag[kept]
            capacitive, inductive = causal_misfit(f_kept, re + 1j * im), causal_misfit(f_kept, re - 1j * im)
            if np.all(re > 0) and np.abs(im).max() <= 360:
                polar_way = min(causal_misfit(f_kept, polar(re, way * np.radians(im))) for way in (1, -1))
            break
    if polar_way < 0.5 * min(capacitive, inductive):
        raise source.error(
            "three columns without names, the third of which looks like a phase in degrees",
            "say which by --column or columns={'frequency': 1, 'modulus': 2, 'phase': 3} "
            "or {..., 'real': 2, 'imaginary': 3}",
        )
    known = z.imag[np.isfinite(z)]
    if min(capacitive, inductive) < 0.5 * max(capacitive, inductive):
        sign, why = (1.0 if capacitive < inductive else -1.0), "causality"
    else:
        sign, why = (1.0 if np.sum(known < 0) >= np.sum(known > 0) else -1.0), "a capacitive response"
    name = "Im Z" if sign > 0 else "-Im Z"
    note = f"no names of columns: taken as frequency [Hz], Re Z and {name} [ohm], the sign by {why}"
    return Points(
        frequency_Hz=f,
        impedance=complex_of(z.real, sign * z.imag),
        line=read.line,
        is_per_area=False,
        notes=(*read.notes, note),
    )


def causal_misfit(f: NDArray[np.float64], z: NDArray[np.complex128]) -> float:
    """How far a response is from a causal one: RMS of the relative residual of the best sum of relaxations.

    Z = R + j omega L + 1/(j omega C) + sum_k R_k/(1 + j omega tau_k) with fixed tau_k, about one for two
    frequencies, over their range; the rest is linear, of either sign. The conjugate of a relaxation is no such sum.

    Parameters
    ----------
    f : (m,) array
        Frequencies [Hz].
    z : (m,) array of complex
        Finite.
    """
    if f.size > _MOST_CAUSAL:
        some = np.linspace(0, f.size - 1, _MOST_CAUSAL).astype(int)
        f, z = f[some], z[some]
    size = np.abs(z)
    use = size > 0
    if use.sum() < _FEWEST or np.ptp(np.log(f[use])) < 1:
        return 1.0
    s, y = 2j * np.pi * f[use], z[use] / size[use]
    tau = np.geomspace(1 / np.abs(s).max(), 1 / np.abs(s).min(), min(y.size // 2 + 1, 40))
    basis = np.column_stack([np.ones_like(s), s, 1 / s, *(1 / (1 + s * t) for t in tau)]) / size[use, None]
    system = np.concatenate([basis.real, basis.imag])
    scale = np.linalg.norm(system, axis=0)
    if not (np.all(np.isfinite(scale)) and np.all(scale > 0)):
        return 1.0
    right = np.concatenate([y.real, y.imag])
    solution = np.linalg.lstsq(system / scale, right, rcond=1e-12)[0]
    return float(np.linalg.norm(system / scale @ solution - right) / np.linalg.norm(right))


def detects_own(source: Source) -> bool:
    """Whether it is a spectrum that aspot wrote."""
    if not source.is_text:
        return False
    start = source.text[:400].lstrip("\ufeff \r\n\t")
    return start.startswith(CSV_HEADER) or (start.startswith("{") and re.search(r'"aspot-spectrum"', start) is not None)


def parse_own(source: Source, wanted: Mapping[str, str | int] | None = None) -> list[Measurement]:
    """The spectrum of a file written by `Spectrum.to_csv` or `to_json`.

    Raises
    ------
    InputError
        If it is damaged.
    """
    if not source.text.lstrip("\ufeff \r\n\t").startswith("{"):
        return parse(source, wanted)
    if wanted is not None:
        raise InputError(f"{source.path}: columns cannot be chosen in a JSON file")
    try:
        spectrum = Spectrum.from_json(source.path)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise source.error(f"not a spectrum of aspot: {error}") from None
    return [
        Measurement(
            frequency_Hz=spectrum.frequency_Hz,
            impedance_ohm=spectrum.impedance_ohm_cm2,
            is_per_area=True,
            temperature_K=spectrum.temperature_K,
            metadata={"software": "aspot"},
        )
    ]
