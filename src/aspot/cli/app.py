"""The `aspot` program: what all commands share, and how their errors become a line and an exit status."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Protocol, runtime_checkable

import typer

from aspot.errors import AspotError, InputError

#: Exit statuses.
DONE, FAILED, BAD_INPUT = 0, 1, 2
_INTERRUPTED = 130

app = typer.Typer(
    name="aspot",
    help="Impedance of imperfect metal | solid-electrolyte contacts.",
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def examples(*lines: str) -> str:
    """Lines below the help of a command, as they are."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def _keys(incomplete: str) -> list[str]:
    """Dotted keys of cases that start so, for completion in shells."""
    from aspot.schema import case_keys

    return [f"{key}=" for key in case_keys() if key.startswith(incomplete)]


CaseArgument = Annotated[Path, typer.Argument(metavar="CASE", help="Case file (TOML).", show_default=False)]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="A.B=VALUE",
        help="Replace a key of the case, as working_electrode.gap.thickness='50 nm'.",
        autocompletion=_keys,
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
    # Pictures go to files: a name that matplotlib does not know, or a missing display, must not matter.
    os.environ["MPLBACKEND"] = "agg"
    try:
        with _ended_like_an_interrupt():
            given = list(arguments) if arguments is not None else None
            status = app(args=given, prog_name="aspot", standalone_mode=False)
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
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except MemoryError:
        return _failed("out of memory", FAILED)
    except ImportError as exc:
        return _failed(f"a package is missing or broken: {exc}; install aspot again, by pip install aspot", FAILED)
    except Exception as exc:  # noqa: BLE001  the last line of defence: one line instead of a traceback
        if isinstance(exc, _ParserError):
            is_usage = exc.exit_code == BAD_INPUT
            command = getattr(getattr(exc, "ctx", None), "command_path", None) or "aspot"
            hint = f" (see {command} --help)" if is_usage else ""
            return _failed(f"{exc.format_message()}{hint}", exc.exit_code)
        return _failed(f"unexpected {type(exc).__name__}: {exc}", FAILED)


@contextmanager
def _ended_like_an_interrupt() -> Iterator[None]:
    """What batch systems and closed terminals send ends a command as Ctrl-C does: nothing half-written stays."""
    wanted = [s for name in ("SIGTERM", "SIGHUP") if (s := getattr(signal, name, None)) is not None]
    changed = []
    if threading.current_thread() is threading.main_thread():
        # A signal that is ignored (nohup) stays so.
        changed = [s for s in wanted if signal.getsignal(s) is signal.SIG_DFL]
    for s in changed:
        signal.signal(s, _interrupt)
    try:
        yield
    finally:
        for s in changed:
            signal.signal(s, signal.SIG_DFL)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


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


def overrides(given: Sequence[str] | None) -> dict[str, str]:
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
