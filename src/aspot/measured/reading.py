"""Files of instruments to measurements: the formats in one place, and how one is found."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from aspot.errors import InputError
from aspot.measured import autolab, biologic_binary, biologic_text, gamry, novocontrol, plain, relaxis, zahner, zview
from aspot.measured.measurement import Measurement
from aspot.measured.source import Source

Wanted = Mapping[str, str | int]


@dataclass(frozen=True, kw_only=True)
class Format:
    """One file format: its name, usual endings, whether a file has it, and its measurements."""

    name: str
    endings: tuple[str, ...]
    detects: Callable[[Source], bool]
    parse: Callable[[Source, Wanted | None], list[Measurement]]


#: Every format by the name that users may give, the most particular first.
FORMATS: dict[str, Format] = {
    key: Format(name=name, endings=endings, detects=detects, parse=parse)
    for key, name, endings, detects, parse in (
        ("biologic-mpr", biologic_binary.NAME, biologic_binary.ENDINGS, biologic_binary.detects, biologic_binary.parse),
        ("biologic-mpt", biologic_text.NAME, biologic_text.ENDINGS, biologic_text.detects, biologic_text.parse),
        ("gamry", gamry.NAME, gamry.ENDINGS, gamry.detects, gamry.parse),
        ("zview", zview.NAME, zview.ENDINGS, zview.detects, zview.parse),
        ("autolab-dfr", autolab.NAME, autolab.ENDINGS, autolab.detects, autolab.parse),
        ("relaxis", relaxis.NAME, relaxis.ENDINGS, relaxis.detects, relaxis.parse),
        ("novocontrol", novocontrol.NAME, novocontrol.ENDINGS, novocontrol.detects, novocontrol.parse),
        ("aspot", plain.OWN_NAME, plain.OWN_ENDINGS, plain.detects_own, plain.parse_own),
        ("autolab-nova", autolab.NOVA_NAME, autolab.NOVA_ENDINGS, autolab.detects_nova, autolab.parse_nova),
        ("zahner-text", zahner.TEXT_NAME, zahner.TEXT_ENDINGS, zahner.detects_text, zahner.parse_text),
        ("zahner-ism", zahner.NAME, zahner.ENDINGS, zahner.detects, zahner.parse),
        ("table", plain.NAME, plain.ENDINGS, plain.detects, lambda source, wanted: plain.parse(source, wanted)),
    )
}


def read(
    path: str | os.PathLike[str],
    *,
    format: str = "auto",  # noqa: A002  the word that users expect
    columns: Wanted | None = None,
    temperature_K: float | None = None,
) -> tuple[Measurement, ...]:
    """The measured sweeps of a file: one measurement for each loop, cycle or temperature.

    Reads files of BioLogic (.mpt, .mpr), Gamry (.DTA), Autolab (.dfr, Nova), Zahner (.ism, text), ZPlot and ZView (.z),
    exports of RelaxIS and Novocontrol, spectra of aspot, and plain tables with any delimiter, order of columns, unit
    and decimal mark. Points that cannot be used are excluded with a reason, never deleted; what the reader decided is
    in `notes`.

    Parameters
    ----------
    path : path
    format : str
        A key of `FORMATS`; "auto": found from the content.
    columns : mapping, optional
        For tables: which columns to read, by name or number from 1. Keys: frequency, and real with imaginary or
        minus_imaginary, or modulus with phase or minus_phase; cycle. Units follow the names, else Hz, ohm, degrees.
    temperature_K : float, optional
        Temperature of the sample, instead of what the file says.

    Returns
    -------
    tuple of Measurement
        At least one, in the order of the file.

    Raises
    ------
    InputError
        If the file cannot be read: names file, line, what was found and what is allowed.

    Examples
    --------
    >>> sweep, *_ = read("cell.mpt")  # doctest: +SKIP
    >>> spectrum = sweep.excluding_inductive().spectrum(area_cm2=0.785)  # doctest: +SKIP
    """
    if format != "auto" and format not in FORMATS:
        raise InputError(f"format: must be 'auto' or one of {', '.join(FORMATS)}, got {format!r}")
    if temperature_K is not None and not (math.isfinite(temperature_K) and temperature_K > 0):
        raise InputError(f"temperature_K: must be finite and positive, got {temperature_K}")
    if columns is not None and not columns:
        raise InputError("columns: must name at least frequency and impedance, got nothing")
    source = Source.of(path)
    chosen = _found(source) if format == "auto" else FORMATS[format]
    if format != "auto" and not chosen.detects(source):
        raise source.error(f"does not look like a file of {chosen.name}", "format='auto'")
    measured = chosen.parse(source, columns)
    stem = Path(source.path).stem
    out = []
    for i, m in enumerate(measured, start=1):
        parts = [stem]
        if len(measured) > 1:
            parts.append(f"{i} of {len(measured)}")
        notes = list(m.notes)
        if temperature_K is not None and m.temperature_K is not None:
            notes.append(f"the file states {m.temperature_K:.6g} K")
        out.append(
            replace(
                m,
                label=", ".join(parts),
                source=source.path,
                sha256=source.sha256,
                format=chosen.name,
                temperature_K=m.temperature_K if temperature_K is None else temperature_K,
                loop=i if m.loop is None and len(measured) > 1 else m.loop,
                notes=notes,
            )
        )
    return tuple(out)


def _found(source: Source) -> Format:
    for candidate in FORMATS.values():
        if candidate.detects(source):
            return candidate
    source.text  # noqa: B018  says which byte is no text
    raise source.error("of no known format", ", ".join(f.name for f in FORMATS.values()))
