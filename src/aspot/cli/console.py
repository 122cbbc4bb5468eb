"""What people see: tables, digits, a progress bar."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table


def console() -> Any:
    """The screen."""
    from rich.console import Console

    # A pipe has no width of its own: tables must not be folded to 80 columns there.
    return Console(width=None if sys.stdout.isatty() else 160, markup=False, highlight=False)


@contextmanager
def progress() -> Iterator[Any]:
    """A bar on stderr, or nothing where nobody looks."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description:<18}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("reading", total=1.0)

        def report(stage: str, share: float) -> None:
            bar.update(task, description=stage, completed=share)

        yield report


def plain_table(*headers: str, title: str | None = None) -> Table:
    """An empty table; all columns but the first are numbers."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold", pad_edge=False)
    for k, header in enumerate(headers):
        table.add_column(header, justify="left" if k == 0 else "right", no_wrap=k == 0)
    return table


def shown(value: object) -> str:
    """Four significant digits."""
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)


def digits(value: float, uncertainty: float) -> str:
    """Digits down to a tenth of the uncertainty, four significant ones at least."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    digits = 4
    if 0 < uncertainty < abs(value):
        digits = max(4, min(9, math.ceil(math.log10(abs(value) / uncertainty)) + 1))
    return f"{value:.{digits}g}"
