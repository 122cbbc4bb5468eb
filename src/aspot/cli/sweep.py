"""`aspot sweep`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aspot.cli.app import app, examples
from aspot.cli.console import console, plain_table, shown
from aspot.errors import AspotError

if TYPE_CHECKING:
    from rich.table import Table

    from aspot.sweeps import Sweep, SweepProgress, SweepResult

#: Reasons of failures that are listed.
_MOST_REASONS = 5


@app.command(
    epilog=examples(
        "aspot sweep cases/sweeps/gap_and_temperature.toml --out results/sweep",
        "aspot sweep sweep.toml --out results/sweep --workers 4",
        "aspot sweep sweep.toml --out results/sweep --scheduler tcp://10.0.0.1:8786",
    )
)
def sweep(
    description: Annotated[
        Path, typer.Argument(metavar="SWEEP", help="Base case and axes (TOML).", show_default=False)
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the sweep.", show_default=False)],
    scheduler: Annotated[
        str | None,
        typer.Option("--scheduler", metavar="ADDRESS", help="Scheduler of a Dask cluster that does the work."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            metavar="N",
            min=1,
            help="Processes; default: as many as cores and memory allow.",
            show_default=False,
        ),
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try cases again that failed in an earlier run.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be computed, and compute nothing.")
    ] = False,
    recompute: Annotated[
        bool,
        typer.Option(
            "--recompute-other-versions", help="Compute cases anew that other versions of aspot or its libraries made."
        ),
    ] = False,
) -> None:
    """Solve a case for all combinations of values along axes; run again, it goes on where it stopped.

    The folder gets sweep.nc (a labelled data set, for xarray and everything that reads netCDF), table.csv, and every
    case by itself in cases/.
    """
    from aspot import sweeps

    if dry_run:
        _say(sweeps.load(description))
        return
    with _progress() as report:
        try:
            result = sweeps.sweep(
                description,
                out=out,
                workers=workers,
                scheduler=scheduler,
                retry_failed=retry_failed,
                recompute_other_versions=recompute,
                progress=report,
            )
        except KeyboardInterrupt as stopped:
            raise AspotError(str(stopped) or "interrupted") from None
    screen = console()
    for line in result.notes:
        screen.print(line, soft_wrap=True)
    screen.print(_table(result))
    if result.failed == result.cases:
        raise AspotError(f"all {result.cases} cases failed; {result.directory}/table.csv says why")


def _say(described: Sweep) -> None:
    from aspot import sweeps

    table = plain_table("quantity", "value", title=described.name or None)
    for name, value in sweeps.describe(described).items():
        table.add_row(name, shown(value))
    console().print(table)


@contextmanager
def _progress() -> Iterator[Any]:
    """A bar with rate and time left on stderr, or nothing where nobody looks."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    screen = Console(stderr=True, markup=False, highlight=False)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        tasks: dict[str, Any] = {}
        told: list[str] = []

        def report(now: SweepProgress) -> None:
            # One bar for each stage: a bar that was full once counts its time no more.
            if now.stage not in tasks:
                for stage in list(tasks):
                    bar.remove_task(tasks.pop(stage))
                for note in now.notes[len(told) :] if screen.is_terminal else ():
                    bar.console.print(note, soft_wrap=True)
                    told.append(note)
                tasks[now.stage] = bar.add_task(now.stage, total=None, rate="")
            rate = f"{now.failed} failed, " if now.failed else ""
            if now.per_second > 0:
                rate += f"{now.per_second:.3g}/s, {_time(now.seconds_left)} left"
            bar.update(tasks[now.stage], total=now.total or None, completed=now.finished, rate=rate)

        yield report


def _time(seconds: float | None) -> str:
    """Seconds as people say them."""
    if seconds is None:
        return "?"
    for unit, size in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _table(result: SweepResult) -> Table:
    table = plain_table("quantity", "value", title=result.sweep.name or None)
    for axis in result.sweep.axes:
        table.add_row(f"axis {axis.name}", str(len(axis)))
    table.add_row("points", str(result.points))
    table.add_row("different cases", str(result.cases))
    if result.reused:
        table.add_row("  finished before", str(result.reused))
    if result.failed:
        table.add_row("  failed", str(result.failed))
        for reason, number in list(result.failures.items())[:_MOST_REASONS]:
            table.add_row(f"    {reason if len(reason) <= 110 else reason[:107] + '...'}", str(number))
    computed = result.cases - result.reused
    if computed:
        table.add_row("time for each case computed [s]", shown(result.seconds / computed))
    table.add_row("time [s]", shown(result.seconds))
    table.add_row("data set", f"{result.directory.name}/sweep.nc, table.csv")
    return table
