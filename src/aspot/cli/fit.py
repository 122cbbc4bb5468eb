"""`aspot fit`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aspot.cli.app import CaseArgument, SetOption, app, examples, overrides
from aspot.cli.console import console, plain_table, progress
from aspot.cli.measured import Selection, selecting, selection_lines
from aspot.errors import InputError

if TYPE_CHECKING:
    from rich.table import Table

    from aspot.inference import FitResult
    from aspot.inference.free import Bounds


@app.command(
    epilog=examples(
        "aspot fit case.toml cell3.mpt --free working_electrode.morphology.contact_fraction "
        '--free working_electrode.gap.thickness --out fitted --area "0.28 cm^2"',
        'aspot fit case.toml sweep.csv --free "working_electrode.gap.thickness=5 nm..1 um" '
        "--free instrument.inductance --out fitted",
    )
)
@selecting
def fit(
    case: CaseArgument,
    selection: Selection,
    free: Annotated[
        list[str],
        typer.Option(
            "--free",
            metavar="A.B[=LOW..HIGH]",
            help="Parameter to fit: a key of the case, instrument.resistance or instrument.inductance (both per area); "
            "may be given several times.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the results.", show_default=False)],
    starts: Annotated[int, typer.Option("--starts", metavar="N", help="Starts of the search.", min=1)] = 4,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Of all starts but the first.", min=0)] = 0,
    noise: Annotated[
        float | None,
        typer.Option(
            "--noise",
            metavar="E",
            help="Noise of real and imaginary part as a share of |Z|; default: from the residuals.",
            show_default=False,
        ),
    ] = None,
    confidence: Annotated[float, typer.Option("--confidence", metavar="C", help="Level of the intervals.")] = 0.95,
    profiles: Annotated[
        bool, typer.Option("--profiles/--no-profiles", help="Profile likelihoods: exact intervals, more time.")
    ] = True,
    set_: SetOption = None,
) -> None:
    """Infer parameters of a case from a measured spectrum, with confidence intervals and what it cannot tell."""
    from aspot import fit_output
    from aspot.folder import check_directory

    changes, wanted = overrides(set_), free_paths(free)
    check_directory(out, fit_output.FILES)
    from aspot.casefile import load

    cell = load(case, changes)
    sweep, spectrum = selection.spectrum(cell)
    from aspot.inference import fit as fitted

    with progress() as report:
        found = fitted(
            cell, spectrum, wanted, starts=starts, seed=seed, noise=noise, confidence=confidence, profile=profiles,
            progress=report,
        )  # fmt: skip
        report("pictures", 1.0)
        written = fit_output.write(found, out)
    screen = console()
    for line in selection_lines(sweep, spectrum, cell):
        screen.print(line, soft_wrap=True)
    screen.print(_table(found))
    for sentence in found.statement():
        screen.print(f"- {sentence}", soft_wrap=True)
    screen.print(f"{len(written)} files in {out}", soft_wrap=True)


def free_paths(given: list[str]) -> dict[str, Bounds | None]:
    """Paths with bounds from "a.b" or "a.b=low..high".

    Raises
    ------
    InputError
        If one is not of this form, or given twice.
    """
    out: dict[str, Bounds | None] = {}
    for text in given:
        path, equals, span = (part.strip() for part in text.partition("="))
        low, dots, high = (part.strip() for part in span.partition(".."))
        if not path or not all(path.split(".")) or (equals and not (low and dots and high)):
            raise InputError(f"--free {text}: must be of the form a.b or a.b=low..high")
        if path in out:
            raise InputError(f"--free {path}: given twice")
        out[path] = (_number(low), _number(high)) if equals else None
    return out


def _number(text: str) -> object:
    """A number without unit as such: what has none in the case takes no text."""
    try:
        return float(text)
    except ValueError:
        return text


def _table(found: FitResult) -> Table:
    from aspot.inference.statements import label

    noise = found.estimate.noise_estimate
    level = f"{100 * found.confidence:g} %"
    table = plain_table(
        "parameter", "value", f"{level} from", "to", "",
        title=f"{found.cell.name or 'Fit'}: {len(found.measured)} points, residuals {noise:.2%} of |Z|; "
        f"{found.simulations} simulations, {found.seconds['total']:.1f} s",
    )  # fmt: skip
    for one in found.free:
        (low, high), (below, above) = found.interval(one.path), found.bounded(one.path)
        open_ends = [side for side, is_set in (("lower", below), ("upper", above)) if not is_set]
        digits = _digits(found[one.path], high - low)
        table.add_row(
            label(one.path), *(one.shown(v, digits) for v in (found[one.path], low, high)),
            f"no {' and no '.join(open_ends)} limit" if open_ends else "",
        )  # fmt: skip
    return table


def _digits(value: float, width: float) -> int:
    """Digits that tell the ends of an interval apart."""
    if value == 0.0 or not width > 0.0:
        return 3
    return min(max(3, 2 - math.floor(math.log10(width / abs(value)))), 7)
