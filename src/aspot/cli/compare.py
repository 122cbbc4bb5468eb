"""`aspot compare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aspot.cli.app import CaseArgument, SetOption, app, examples, overrides
from aspot.cli.console import console, plain_table, progress
from aspot.cli.measured import Selection, selecting, selection_lines

if TYPE_CHECKING:
    from rich.table import Table

    from aspot.analysis.comparison import ArcPair, SpectrumComparison


@app.command(
    epilog=examples(
        'aspot compare case.toml cell3.mpt --out compared --area "0.28 cm^2"',
        'aspot compare case.toml sweeps.dta --out compared --loop 2 --lowest "10 Hz" --highest "1 MHz"',
    )
)
@selecting
def compare(
    case: CaseArgument,
    selection: Selection,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the results.", show_default=False)],
    set_: SetOption = None,
) -> None:
    """Hold a case against a measured spectrum: residuals, pictures, which arcs match."""
    from aspot import comparison_output
    from aspot.folder import check_directory

    changes = overrides(set_)
    check_directory(out, comparison_output.FILES)
    from aspot.casefile import load

    cell = load(case, changes)
    sweep, spectrum = selection.spectrum(cell)
    from aspot.analysis.comparison import at_frequencies_of
    from aspot.analysis.comparison import compare as compared
    from aspot.simulation import simulate

    with progress() as report:
        result = simulate(at_frequencies_of(cell, spectrum), progress=report)
        report("pictures", 1.0)
        found = compared(result, spectrum)
        written = comparison_output.write(result, found, sweep, out)
    screen = console()
    for line in selection_lines(sweep, spectrum, cell):
        screen.print(line, soft_wrap=True)
    screen.print(_decade_table(found))
    if found.arcs:
        screen.print(_arc_table(found.arcs))
    screen.print(f"{len(written)} files in {out}", soft_wrap=True)


def _decade_table(found: SpectrumComparison) -> Table:
    from aspot.units import engineering

    worst, where = found.largest
    table = plain_table(
        "frequencies", "points", "rms", "mean, real", "mean, imaginary",
        title=f"(measured - computed)/|measured|: {_share(found.rms)} rms, {_share(worst)} at most, at "
        f"{engineering(where, 'Hz')}",
    )  # fmt: skip
    for d in found.decades:
        table.add_row(
            " to ".join(dict.fromkeys(engineering(f, "Hz") for f in (d.lowest_Hz, d.highest_Hz))),
            str(d.points),
            _share(d.rms),
            _share(d.mean_real, "+"),
            _share(d.mean_imag, "+"),
        )
    return table


def _share(value: float, sign: str = "") -> str:
    """Per cent, or a factor where it is many times the measured modulus."""
    return f"{value:{sign}.1%}" if abs(value) < 10 else f"{value:{sign}.3g} times"


def _arc_table(arcs: tuple[ArcPair, ...]) -> Table:
    from aspot.units import engineering

    table = plain_table(
        "arc", "apex, measured", "computed", "R, measured", "computed", "C, measured", "computed", "",
        title="Arcs, as peaks of the distribution of relaxation times; R in ohm cm2",
    )  # fmt: skip
    for pair in arcs:
        sides = (pair.measured, pair.computed)
        table.add_row(
            ", ".join(name.replace("_", " ") for name in pair.parts) or "-",
            *("-" if p is None else engineering(p.apex_frequency_Hz, "Hz") for p in sides),
            *("-" if p is None else f"{p.resistance_ohm_cm2:.3g}" for p in sides),
            *("-" if p is None else engineering(p.capacitance_F_per_cm2, "F/cm2") for p in sides),
            pair.verdict,
        )
    return table
