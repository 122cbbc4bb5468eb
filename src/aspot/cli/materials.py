"""`aspot materials`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aspot.cli.app import app
from aspot.cli.console import console, shown

if TYPE_CHECKING:
    from rich.table import Table


@app.command()
def materials() -> None:
    """List the library of materials with sources."""
    from aspot import materials as library

    console().print(_materials_table(library))


def _materials_table(library: Any) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for header in ("material", "quantity", "value", "unit", "source", "doubt"):
        table.add_column(header, no_wrap=header in ("material", "unit"), overflow="fold")
    for entry in library.table():
        table.add_row(*(shown(entry[k]) for k in ("material", "quantity", "value", "unit", "source", "doubt")))
    return table
