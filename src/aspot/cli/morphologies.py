"""`aspot morphologies`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aspot.cli.app import CaseArgument, SetOption, app, examples, overrides
from aspot.cli.console import console, plain_table, progress
from aspot.errors import InputError

if TYPE_CHECKING:
    from rich.table import Table

    from aspot.analysis.morphologies import EquivalentMorphology, MorphologyFamily

#: Contact fractions that are tried unless told otherwise.
_CONTACT_FRACTIONS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
#: Contact fractions in a picture, about.
_DRAWN = 24


@app.command(
    epilog=examples(
        "aspot morphologies cases/na_nzsp04_gradual_1N.toml",
        "aspot morphologies case.toml --contact-fraction 0.02 --contact-fraction 0.2",
        'aspot morphologies case.toml --R-int "53 ohm cm^2" --C-int "34 nF/cm^2" --out family.png',
    )
)
def morphologies(
    case: CaseArgument,
    contact_fraction: Annotated[
        list[float] | None,
        typer.Option("--contact-fraction", metavar="F", help="Contact fraction to try; may be given several times."),
    ] = None,
    r_int: Annotated[
        str | None,
        typer.Option(
            "--R-int", metavar="R", help="As '53 ohm cm^2'; default: the case's published.R_int.", show_default=False
        ),
    ] = None,
    c_int: Annotated[
        str | None,
        typer.Option(
            "--C-int", metavar="C", help="As '34 nF/cm^2'; default: the case's published.C_int.", show_default=False
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="PICTURE", help="Picture of the family (png, svg, pdf); takes longer.", show_default=False
        ),
    ] = None,
    set_: SetOption = None,
) -> None:
    """List interfaces that give R_int and C_int of an arc, one for each contact fraction."""
    from aspot.casefile import load

    fractions = contact_fraction or list(_CONTACT_FRACTIONS)
    for fraction in fractions:
        if not 0 < fraction < 1:
            raise InputError(f"--contact-fraction {fraction:g}: must be between 0 and 1")
    if out is not None:
        _check_picture(out)
    cell = load(case, overrides(set_))
    figures = cell.published
    # From ohm m2 and F/m2.
    wanted = {
        "R_int_ohm_cm2": 1e4
        * _figure("--R-int", r_int, figures.R_int if figures else None, "area-specific resistance"),
        "C_int_F_per_cm2": 1e-4
        * _figure("--C-int", c_int, figures.C_int if figures else None, "area-specific capacitance"),
    }
    from aspot.analysis.morphologies import morphology_family

    with progress() as report:
        family = morphology_family(cell, contact_fractions=fractions, progress=report, **wanted)
        if not family.members and out is None:
            raise InputError(family.reasons)
        drawn = family
        for _ in range(2 if out is not None else 0):
            # First everywhere, then where members are.
            drawn = drawn.merged(morphology_family(cell, contact_fractions=_drawn(drawn), progress=report, **wanted))
        if not drawn.members:
            raise InputError(drawn.reasons)
    screen = console()
    if family.members:
        screen.print(_morphology_table(family.members, cell.working_electrode.morphology.kind, cell.name))
    for fraction, reason in family.impossible.items():
        screen.print(f"No such interface at a contact fraction of {fraction:g}: {reason}.", soft_wrap=True)
    screen.print(
        "Not unique: R_int and C_int are two figures, while radius, contact fraction and gap thickness (and what fills "
        "the gap) are three unknowns or more."
    )
    if out is not None:
        from aspot.folder import write_file
        from aspot.morphology_plot import family_picture

        picture = family_picture(drawn, title=cell.name)
        write_file(out, lambda path: picture.savefig(path, format=out.suffix[1:].lower(), dpi=200))
        screen.print(f"picture in {out}", soft_wrap=True)


def _figure(option: str, text: str | None, published: float | None, kind: str) -> float:
    """What an arc must have: given, or published [SI]."""
    if text is None:
        if published is None:
            raise InputError(f"{option}: give it, or state it in the case as published.{option[2:].replace('-', '_')}")
        return published
    from aspot.units import quantity

    try:
        value = quantity(text, kind)
    except InputError as error:
        raise InputError(f"{option} {text}: {error}") from None
    if value <= 0:
        raise InputError(f"{option} {text}: must be positive")
    return value


def _drawn(family: MorphologyFamily) -> list[float]:
    """Contact fractions for a picture, evenly spread in the logarithm: over all, or the range that has members."""
    known = sorted([*(m.contact_fraction for m in family.members), *family.impossible])
    low, high = min(*known, 3e-4), max(*known, 0.7)
    if family.members and len(known) > _DRAWN:
        first, last = (known.index(family.members[k].contact_fraction) for k in (0, -1))
        low, high = known[max(first - 1, 0)], known[min(last + 1, len(known) - 1)]
    n = _DRAWN if len(known) <= _DRAWN else max(_DRAWN - len(family.members), 0)
    points = [float(f"{low * (high / low) ** ((k + 0.5) / n):.4g}") for k in range(n)]
    return [*points, *((low, high) if len(known) <= _DRAWN else ())]


def _check_picture(path: Path) -> None:
    if path.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise InputError(f"--out {path}: must end with .png, .svg or .pdf")
    from aspot.folder import check_directory

    if path.is_dir() or not path.parent.is_dir():
        raise InputError(f"--out {path}: must be a file in a folder that exists")
    check_directory(path.parent)


def _morphology_table(members: Sequence[EquivalentMorphology], kind: str, title: str) -> Table:
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
