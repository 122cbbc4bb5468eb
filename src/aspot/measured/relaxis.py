"""RelaxIS 3 (rhd instruments) spectrum exports, .txt.

Layout, from tests of a published reader (`hybrid-drt`) made from real files: first line `RelaxIS 3.0 Spectrum
export`, a date, names of columns with tabs `Data: Frequency`, `Data: Z'`, `Data: Z''`, `Data: |Z|`, `Data: Theta
(Z)`, a line that describes the spectrum, rows. Z'' is the imaginary part with its sign. Several spectra stand below
one another or side by side; the latter has not been seen. The values are in ohm; what the describing line calls
temperature is not used.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from aspot.measured import plain
from aspot.measured.measurement import Measurement
from aspot.measured.source import Source
from aspot.measured.sweeps import measurements
from aspot.measured.table import blocks, points

NAME = "RelaxIS export"
ENDINGS = (".txt", ".csv")


def detects(source: Source) -> bool:
    """Whether the first line is that of a RelaxIS export."""
    return source.is_text and re.match(r"\ufeff?\"?RelaxIS\b", source.text) is not None


def parse(source: Source, wanted: Mapping[str, str | int] | None = None) -> list[Measurement]:
    """Every spectrum of the export.

    Raises
    ------
    InputError
        If there is no table, or a row does not fit.
    """
    found = blocks(source, wanted=wanted)
    if not found:
        raise plain.no_table(source)
    date = next((line.partition(":")[2].strip() for line in source.lines[:10] if line.startswith("Date:")), "")
    out: list[Measurement] = []
    for block in found:
        metadata: dict[str, str | float] = {"software": source.lines[0].strip(' "\ufeff')[:100]}
        if date:
            metadata["date"] = date[:100]
        # The describing line stands between the names and the rows, or before the next rows.
        described = [line for line in block.before if not line.lstrip('\ufeff"').startswith(("RelaxIS", "Date:"))]
        if described:
            parts = (part.strip() for part in described[-1].split("\t"))
            metadata["description"] = " | ".join(filter(None, parts))[:300]
        out += measurements(source, points(source, block), metadata)
    return out
