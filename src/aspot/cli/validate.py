"""`aspot validate`."""

from __future__ import annotations

from aspot.cli.app import CaseArgument, SetOption, app, examples, overrides
from aspot.cli.console import console, plain_table, shown


@app.command(epilog=examples("aspot validate case.toml", "aspot validate case.toml --set numerics.backend=tetrahedra"))
def validate(case: CaseArgument, set_: SetOption = None) -> None:
    """Read and check a case; say what would be computed and the memory it would take."""
    from aspot.casefile import load

    cell = load(case, overrides(set_))
    from aspot.plan import plan
    from aspot.units import engineering

    described = plan(cell).describe()
    screen = console()
    screen.print(f"{case} is valid.", soft_wrap=True)
    table = plain_table("quantity", "value")
    for name, value in described.items():
        if name.endswith(" [m]") and isinstance(value, float):
            table.add_row(name.removesuffix(" [m]"), engineering(value, "m"))
        else:
            table.add_row(name, shown(value))
    screen.print(table)
