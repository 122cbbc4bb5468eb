"""`aspot run`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aspot.cli.app import CaseArgument, SetOption, app, examples, overrides
from aspot.cli.console import console, digits, plain_table, progress

if TYPE_CHECKING:
    from rich.table import Table

    from aspot.output import Comparison
    from aspot.result import Result


@app.command(
    epilog=examples(
        "aspot run cases/na_nzsp04_gradual_1N.toml --out results/1N",
        'aspot run case.toml --out thin --set working_electrode.gap.thickness="50 nm"',
        'aspot run case.toml --out hot --set temperature="60 degC" --set numerics.relative_tolerance=1e-4',
    )
)
def run(
    case: CaseArgument,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the results.", show_default=False)],
    set_: SetOption = None,
) -> None:
    """Solve a case: spectrum, resistances with error bars, pictures and field."""
    from aspot import output
    from aspot.folder import check_directory

    changes = overrides(set_)
    check_directory(out, output.OWNED)
    from aspot.casefile import load

    cell = load(case, changes)
    from aspot.simulation import simulate

    with progress() as report:
        result = simulate(cell, progress=report)
        report("pictures", 1.0)
        comparisons = output.published(result)
        written = output.write(result, out, comparisons)
    screen = console()
    screen.print(_result_table(result))
    comparison = _comparison_table(comparisons)
    if comparison is not None:
        screen.print(comparison)
    screen.print(f"{len(written)} files in {out}", soft_wrap=True)


#: Names of the parts of the resistance as printed.
_PART_NAMES = {
    "constriction": "R_cc, constriction", "charge_transfer": "R_ct, charge transfer", "interphase": "R, interphase"
}  # fmt: skip


def _result_table(result: Result) -> Table:
    r = result.resistances
    table = plain_table("quantity", "value", "unit", title=result.cell.name or None)
    uncertainty = result.relative_error_estimate * r.total

    def row(name: str, value: str, unit: str = "ohm cm2") -> None:
        table.add_row(name, value, unit)

    from aspot.units import engineering, outward

    def scaled_row(name: str, value: float, unit: str) -> None:
        row(name, *engineering(value, unit).split(" "))

    row("R_total", f"{digits(r.total, uncertainty)} ± {uncertainty:.1g}")
    if r.total_interval is not None:
        low, high = outward(*r.total_interval)
        row("  guaranteed", f"{low} to {high}")
    row("R_SE, electrolyte", digits(r.SE, uncertainty))
    for name, part in r.split.items():
        if len(r.split) > 1:
            row(f"  {name.replace('_', ' ')}", digits(part, uncertainty))
    row("R_int, interface", digits(r.int_, uncertainty))
    for name, part in r.parts.items():
        if name != "SE" and (part > 0 or name == "constriction"):
            row("  " + _PART_NAMES.get(name, f"R, {name.replace('_', ' ')}"), digits(part, uncertainty))
            if name == "constriction" and r.static:
                row("    R_static, by the smaller electrode", digits(r.static, uncertainty))
    if result.arc is not None:
        scaled_row("C_int, interface arc", result.arc.C_int_F_per_cm2, "F/cm2")
        if r.static:
            row("R_arc, R_int without R_static", digits(result.arc.resistance_ohm_cm2, uncertainty))
            scaled_row("C_arc, with R_arc instead of R_int", result.arc.capacitance_F_per_cm2, "F/cm2")
        scaled_row("apex of the interface arc", result.arc.apex_frequency_Hz, "Hz")
    row("contact fraction", f"{result.contact_fraction:.4g}", "")
    row("relative error of Z", f"{result.relative_error_estimate:.1e}", "")
    row("backend", result.backend, "")
    row("unknowns", str(result.degrees_of_freedom), "")
    row("full solves", str(result.full_solves), "")
    if "total" in result.seconds:
        row("time", f"{result.seconds['total']:.2f}", "s")
    return table


def _comparison_table(comparisons: tuple[str, tuple[Comparison, ...]]) -> Table | None:
    from aspot.units import engineering

    source, rows = comparisons
    if not rows:
        return None

    def shown(value: float | None, unit: str) -> str:
        if value is None:
            return "-"
        return f"{value:.3g} {unit}" if unit.startswith("ohm") else engineering(value, unit)

    table = plain_table(
        "quantity", "computed", "as a circuit fit reads it", "published", title=f"Beside published: {source}"
    )
    for row in rows:
        table.add_row(
            row.name if row.name[1] == "_" else row.name.replace("_", " "),
            shown(row.computed, row.unit),
            shown(row.circuit_fit, row.unit),
            shown(row.published, row.unit),
        )
    return table
