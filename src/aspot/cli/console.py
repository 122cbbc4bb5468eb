"""What people see: tables, digits, a progress bar."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
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

    table = _table_type()(box=box.SIMPLE_HEAD, title=title, pad_edge=False)
    for k, header in enumerate(headers):
        table.add_column(header, justify="left" if k == 0 else "right", no_wrap=k == 0)
    return table


@cache
def _table_type() -> type[Table]:
    from rich.table import Table
    from rich.text import Text

    class TitledTable(Table):
        """A title on one line of its own, which may be longer than the table is wide."""

        def __rich_console__(self, console: Any, options: Any) -> Iterator[Any]:
            title, self.title = self.title, None
            try:
                if title:
                    yield Text(str(title), style="bold", no_wrap=True, overflow="ignore")
                yield from super().__rich_console__(console, options)
            finally:
                self.title = title

    return TitledTable


def shown(value: object) -> str:
    """Four significant digits."""
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)


def digits(value: float, uncertainty: float) -> str:
    """Decimals down to a tenth of the uncertainty, four significant digits at least and nine at most."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    leading = math.floor(math.log10(abs(value)))
    places = 3 - leading
    if 0 < uncertainty < abs(value):
        places = min(max(places, math.ceil(-math.log10(0.1 * uncertainty))), 8 - leading)
    if not -4 <= leading < 7:
        return f"{value:.{places + leading + 1}g}"
    return f"{value:.{max(places, 0)}f}"
