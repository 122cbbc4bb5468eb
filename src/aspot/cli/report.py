"""`aspot report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aspot.cli.app import app, examples


@app.command(
    epilog=examples(
        "aspot run case.toml --out results/case && aspot report results/case", "Open results/case/report.html."
    )
)
def report(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder that run, compare or fit has written.", show_default=False)
    ],
) -> None:
    """Make one self-contained HTML page of a folder of results."""
    from aspot.report import write_report

    typer.echo(f"{write_report(folder)}")
