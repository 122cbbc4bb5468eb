"""`aspot morphologies`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from aspot.cli.app import CaseArgument, SetOption, app, examples, overrides
from aspot.cli.console import console, plain_table, progress
from aspot.errors import InputError

if TYPE_CHECKING:
    from rich.table import Table

    from aspot.analysis.morphologies import Morphology

#: Contact fractions that are tried unless told otherwise.
_CONTACT_FRACTIONS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)


@app.command(
    epilog=examples(
        "aspot morphologies cases/na_nzsp04_gradual_1N.toml",
        "aspot morphologies case.toml --contact-fraction 0.02 --contact-fraction 0.2",
    )
)
def morphologies(
    case: CaseArgument,
    contact_fraction: Annotated[
        list[float] | None,
        typer.Option("--contact-fraction", metavar="F", help="Contact fraction to try; may be given several times."),
    ] = None,
    set_: SetOption = None,
) -> None:
    """List interfaces that give the published R_int and C_int of a case, one for each contact fraction."""
    from aspot.casefile import load

    fractions = contact_fraction or list(_CONTACT_FRACTIONS)
    for fraction in fractions:
        if not 0 < fraction < 1:
            raise InputError(f"--contact-fraction {fraction:g}: must be between 0 and 1")
    cell = load(case, overrides(set_))
    figures = cell.published
    if figures is None or figures.R_int is None or figures.C_int is None:
        raise InputError(f"{case}: published: R_int and C_int are needed; they are what the interfaces must give")
    from aspot.analysis.morphologies import equivalent_morphologies

    # From ohm m2 and F/m2.
    wanted = {"R_int_ohm_cm2": 1e4 * figures.R_int, "C_int_F_per_cm2": 1e-4 * figures.C_int}
    members: list[Morphology] = []
    failures: dict[float, str] = {}
    with progress() as report:
        for k, fraction in enumerate(fractions):
            report(f"fraction {fraction:g}", k / len(fractions))
            try:
                members += equivalent_morphologies(cell, contact_fractions=[fraction], **wanted)
            except InputError as error:
                failures[fraction] = str(error)
    if not members:
        raise InputError("; ".join(dict.fromkeys(failures.values())))
    screen = console()
    screen.print(_morphology_table(members, cell.working_electrode.morphology.kind, cell.name))
    if failures:
        screen.print(
            f"No such interface at a contact fraction of {', '.join(f'{f:g}' for f in failures)}: what is in series "
            "with the constriction makes more than R_int there, or radius or gap leave the allowed range."
        )
    screen.print(
        "Not unique: R_int and C_int are two figures, while radius, contact fraction and gap thickness (and what fills "
        "the gap) are three unknowns or more."
    )


def _morphology_table(members: Sequence[Morphology], kind: str, title: str) -> Table:
    from aspot.units import engineering

    parts = ["constriction"]
    for member in members:
        parts += [name for name, r in member.result.resistances.parts.items() if r > 0 and name not in (*parts, "SE")]
    names = [f"R, {name.replace('_', ' ')}" for name in parts]
    table = plain_table(
        "contact fraction", f"{kind.removesuffix('s')} radius", "spacing", "gap", *names, "R_int", "C_int", "apex",
        title=f"{title or 'Interfaces with the same arc'}; R in ohm cm2",
    )  # fmt: skip
    for member in members:
        r, arc = member.result.resistances, member.result.arc
        assert arc is not None
        table.add_row(
            f"{member.contact_fraction:g}",
            engineering(member.radius_m, "m"),
            engineering(member.result.cell.working_electrode.morphology.pitch, "m"),
            engineering(member.gap_thickness_m, "m"),
            *(f"{r.parts.get(name, 0.0):.4g}" for name in parts),
            f"{r.int_:.4g}",
            engineering(arc.C_int_F_per_cm2, "F/cm2"),
            engineering(arc.apex_frequency_Hz, "Hz"),
        )
    return table
