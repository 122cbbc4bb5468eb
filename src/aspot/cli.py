"""The `aspot` command. Heavy imports wait until a command needs them, so that help and errors are immediate."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol, runtime_checkable

import typer

from aspot.errors import AspotError, InputError

if TYPE_CHECKING:
    from rich.table import Table

    from aspot.analysis.morphologies import Morphology
    from aspot.output import Comparison
    from aspot.result import Result

#: Exit statuses.
DONE, FAILED, BAD_INPUT = 0, 1, 2
_INTERRUPTED = 130

#: Contact fractions that `aspot morphologies` tries unless told otherwise.
_CONTACT_FRACTIONS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)

app = typer.Typer(
    name="aspot",
    help="Impedance of imperfect metal | solid-electrolyte contacts.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

CaseArgument = Annotated[Path, typer.Argument(metavar="CASE", help="Case file (TOML).", show_default=False)]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="A.B=VALUE", help="Replace a key of the case, as working_electrode.gap.thickness='50 nm'."
    ),
]


def _version(wanted: bool) -> None:
    if wanted:
        import aspot

        typer.echo(f"aspot {aspot.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Impedance of imperfect metal | solid-electrolyte contacts."""


@app.command()
def run(
    case: CaseArgument,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the results.", show_default=False)],
    set_: SetOption = None,
) -> None:
    """Solve a case: spectrum, resistances with error bars, pictures and field."""
    from aspot import output

    overrides = _overrides(set_)
    output.check_directory(out)
    from aspot.casefile import load

    cell = load(case, overrides)
    from aspot.simulation import simulate

    with _progress() as report:
        result = simulate(cell, progress=report)
        report("pictures", 1.0)
        comparisons = output.published(result)
        written = output.write(result, out, comparisons)
    console = _console()
    console.print(_result_table(result))
    comparison = _comparison_table(comparisons)
    if comparison is not None:
        console.print(comparison)
    console.print(f"{len(written)} files in {out}", soft_wrap=True)


@app.command()
def validate(case: CaseArgument, set_: SetOption = None) -> None:
    """Read and check a case; say what would be computed and the memory it would take."""
    from aspot.casefile import load

    cell = load(case, _overrides(set_))
    from aspot.plan import plan

    described = plan(cell).describe()
    console = _console()
    console.print(f"{case} is valid.", soft_wrap=True)
    table = _plain_table("quantity", "value")
    for name, value in described.items():
        table.add_row(str(name), _shown(value))
    console.print(table)


@app.command()
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
    cell = load(case, _overrides(set_))
    figures = cell.published
    if figures is None or figures.R_int is None or figures.C_int is None:
        raise InputError(f"{case}: published: R_int and C_int are needed; they are what the interfaces must give")
    from aspot.analysis.morphologies import equivalent_morphologies

    # From ohm m2 and F/m2.
    wanted = {"R_int_ohm_cm2": 1e4 * figures.R_int, "C_int_F_per_cm2": 1e-4 * figures.C_int}
    members: list[Morphology] = []
    failures: dict[float, str] = {}
    with _progress() as report:
        for k, fraction in enumerate(fractions):
            report(f"fraction {fraction:g}", k / len(fractions))
            try:
                members += equivalent_morphologies(cell, contact_fractions=[fraction], **wanted)
            except InputError as error:
                failures[fraction] = str(error)
    if not members:
        raise InputError("; ".join(dict.fromkeys(failures.values())))
    console = _console()
    console.print(_morphology_table(members, cell.working_electrode.morphology.kind, cell.name))
    if failures:
        console.print(
            f"No such interface at a contact fraction of {', '.join(f'{f:g}' for f in failures)}: what is in series "
            "with the constriction makes more than R_int there, or radius or gap leave the allowed range."
        )
    console.print(
        "Not unique: R_int and C_int are two figures, while radius, contact fraction and gap thickness (and what fills "
        "the gap) are three unknowns or more."
    )


@app.command()
def materials() -> None:
    """List the library of materials with sources."""
    from aspot import materials as library

    _console().print(_materials_table(library))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0 done, 2 bad input, 1 anything else.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; default: those of the process.
    """
    for stream in (sys.stdout, sys.stderr):
        # A terminal without Unicode shows "?" for what it lacks; that must not end the run.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        status = app(args=list(arguments) if arguments is not None else None, prog_name="aspot", standalone_mode=False)
        # The parser turns an interrupt into the status of a shell.
        return _failed("interrupted", FAILED) if status == _INTERRUPTED else int(status or DONE)
    except InputError as exc:
        return _failed(exc, BAD_INPUT)
    except AspotError as exc:
        return _failed(exc, FAILED)
    except typer.Exit as exc:
        return _failed("interrupted", FAILED) if exc.exit_code == _INTERRUPTED else int(exc.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        return _failed("interrupted", FAILED)
    except BrokenPipeError:
        # The reader of our output is gone; keep the interpreter from complaining when it flushes at exit.
        import os

        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except MemoryError:
        return _failed("out of memory", FAILED)
    except Exception as exc:  # noqa: BLE001  the last line of defence: one line instead of a traceback
        if isinstance(exc, _ParserError):
            is_usage = exc.exit_code == BAD_INPUT
            return _failed(
                f"{exc.format_message()} (see aspot --help)" if is_usage else exc.format_message(), exc.exit_code
            )
        return _failed(f"unexpected {type(exc).__name__}: {exc}", FAILED)


@runtime_checkable
class _ParserError(Protocol):
    """Errors of the command-line parser: click's, or those of the copy of click inside recent versions of typer."""

    exit_code: int

    def format_message(self) -> str: ...


def _failed(message: object, status: int) -> int:
    """One line on stderr, whatever the message holds."""
    line = " ".join(str(message).split())
    sys.stderr.write(f"aspot: {line}\n")
    return status


def _overrides(given: Sequence[str] | None) -> dict[str, str]:
    """Pairs of "a.b=value".

    Raises
    ------
    InputError
        If one is not of this form, or a key is given twice.
    """
    out: dict[str, str] = {}
    for text in given or ():
        key, equals, value = text.partition("=")
        key, value = key.strip(), value.strip()
        if not equals or not key or not value or not all(key.split(".")):
            raise InputError(f"--set {text}: must be of the form a.b=value")
        if key in out:
            raise InputError(f"--set {key}: given twice")
        out[key] = value
    return out


# What people see ----------------------------------------------------------------------------------------------------


def _console() -> Any:
    from rich.console import Console

    # A pipe has no width of its own: tables must not be folded to 80 columns there.
    return Console(width=None if sys.stdout.isatty() else 160, markup=False, highlight=False)


@contextmanager
def _progress() -> Iterator[Any]:
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


def _plain_table(*headers: str, title: str | None = None) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold", pad_edge=False)
    for k, header in enumerate(headers):
        table.add_column(header, justify="left" if k == 0 else "right", no_wrap=k == 0)
    return table


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)


#: Names of the parts of the resistance as printed.
_PART_NAMES = {
    "constriction": "R_cc, constriction", "charge_transfer": "R_ct, charge transfer", "interphase": "R, interphase"
}  # fmt: skip


def _result_table(result: Result) -> Table:
    r = result.resistances
    table = _plain_table("quantity", "value", "unit", title=result.cell.name or None)
    uncertainty = result.relative_error_estimate * r.total

    def row(name: str, value: str, unit: str = "ohm cm2") -> None:
        table.add_row(name, value, unit)

    row("R_total", f"{_digits(r.total, uncertainty)} ± {uncertainty:.1g}")
    if r.total_interval is not None:
        low, high = r.total_interval
        row("  guaranteed", f"{low:.6g} to {high:.6g}")
    row("R_SE, electrolyte", _digits(r.SE, uncertainty))
    for name, part in r.split.items():
        if len(r.split) > 1:
            row(f"  {name.replace('_', ' ')}", _digits(part, uncertainty))
    row("R_int, interface", _digits(r.int_, uncertainty))
    for name, part in r.parts.items():
        if name != "SE" and (part > 0 or name == "constriction"):
            row("  " + _PART_NAMES.get(name, f"R, {name.replace('_', ' ')}"), _digits(part, uncertainty))
            if name == "constriction" and r.static:
                row("    R_static, by the smaller electrode", _digits(r.static, uncertainty))
    from aspot.plot import engineering

    if result.arc is not None:
        capacitance, unit = engineering(result.arc.C_int_F_per_cm2, "F/cm2").split(" ")
        row("C_int, interface arc", capacitance, unit)
        frequency, unit = engineering(result.arc.apex_frequency_Hz, "Hz").split(" ")
        row("apex of the interface arc", frequency, unit)
    row("contact fraction", f"{result.contact_fraction:.4g}", "")
    row("relative error of Z", f"{result.relative_error_estimate:.1e}", "")
    row("backend", result.backend, "")
    row("unknowns", str(result.degrees_of_freedom), "")
    row("full solves", str(result.full_solves), "")
    if "total" in result.seconds:
        row("time", f"{result.seconds['total']:.2f}", "s")
    return table


def _digits(value: float, uncertainty: float) -> str:
    """Digits down to a tenth of the uncertainty, four significant ones at least."""
    import math

    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    digits = 4
    if 0 < uncertainty < abs(value):
        digits = max(4, min(9, math.ceil(math.log10(abs(value) / uncertainty)) + 1))
    return f"{value:.{digits}g}"


def _comparison_table(comparisons: tuple[str, tuple[Comparison, ...]]) -> Table | None:
    from aspot.plot import engineering

    source, rows = comparisons
    if not rows:
        return None

    def shown(value: float | None, unit: str) -> str:
        if value is None:
            return "-"
        return f"{value:.3g} {unit}" if unit.startswith("ohm") else engineering(value, unit)

    table = _plain_table(
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


def _morphology_table(members: Sequence[Morphology], kind: str, title: str) -> Table:
    from aspot.plot import engineering

    parts = ["constriction"]
    for member in members:
        parts += [name for name, r in member.result.resistances.parts.items() if r > 0 and name not in (*parts, "SE")]
    names = [f"R, {name.replace('_', ' ')}" for name in parts]
    table = _plain_table(
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


def _materials_table(library: Any) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for header in ("material", "quantity", "value", "unit", "source", "doubt"):
        table.add_column(header, no_wrap=header in ("material", "unit"), overflow="fold")
    for entry in library.table():
        table.add_row(*(_shown(entry[k]) for k in ("material", "quantity", "value", "unit", "source", "doubt")))
    return table
