"""What the commands that take a measured spectrum share: which sweep, which area, which points."""

from __future__ import annotations

import inspect
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aspot.errors import InputError

if TYPE_CHECKING:
    from aspot.cell import Cell
    from aspot.measured import Measurement
    from aspot.spectrum import Spectrum

MeasuredArgument = Annotated[
    Path, typer.Argument(metavar="MEASURED", help="File of an instrument, or a spectrum.", show_default=False)
]
AreaOption = Annotated[
    str | None,
    typer.Option(
        "--area",
        metavar="A",
        help="Geometric electrode area, as '0.28 cm^2'; default: that of the case's electrode (or pellet) diameter.",
        show_default=False,
    ),
]
LoopOption = Annotated[
    int | None, typer.Option("--loop", metavar="N", help="Which sweep of the file, counted from 1.", show_default=False)
]
ColumnOption = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        metavar="KEY=NAME",
        help="Column of a table by name or number from 1, once for each: frequency, and real with imaginary or "
        "minus_imaginary, or modulus with phase or minus_phase.",
        show_default=False,
    ),
]
LowestOption = Annotated[
    str | None, typer.Option("--lowest", metavar="F", help="Leave out frequencies below, as '10 Hz'.")
]
HighestOption = Annotated[
    str | None, typer.Option("--highest", metavar="F", help="Leave out frequencies above, as '1 MHz'.")
]
KramersKronigOption = Annotated[
    float,
    typer.Option(
        "--kramers-kronig",
        metavar="E",
        help="Leave out points that miss the Kramers-Kronig relations by more than this share of |Z|; 0: none.",
    ),
]
InductiveOption = Annotated[
    bool, typer.Option("--keep-inductive", help="Keep the inductive points at high frequency (left out otherwise).")
]


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The argument and options by which a command chooses a sweep and its points."""

    measured: Path
    area: str | None
    loop: int | None
    column: list[str] | None
    lowest: str | None
    highest: str | None
    kramers_kronig: float
    keep_inductive: bool

    def spectrum(self, cell: Cell) -> tuple[Measurement, Spectrum]:
        """The sweep that is chosen: with every point that is left out and why, and per area.

        The temperature of the spectrum is the file's if it states one, else the case's.

        Raises
        ------
        InputError
            If the file cannot be read, or an option does not fit it.
        """
        from aspot import measured

        if not (math.isfinite(self.kramers_kronig) and 0 <= self.kramers_kronig < 1):
            raise InputError(f"--kramers-kronig {self.kramers_kronig:g}: must be between 0 and 1")
        low, high = _frequency("--lowest", self.lowest, 0.0), _frequency("--highest", self.highest, math.inf)
        if not low < high:
            raise InputError(f"--lowest {self.lowest}: must be below --highest {self.highest}")
        sweep = _sweep(measured.read(self.measured, columns=_columns(self.column)), self.loop, self.measured)
        if (low, high) != (0.0, math.inf):
            sweep = sweep.restricted(low, high)
        if not self.keep_inductive:
            sweep = sweep.excluding_inductive()
        area_cm2 = None if sweep.is_per_area and self.area is None else _area_cm2(self.area, cell, self.measured)
        temperature = cell.temperature if sweep.temperature_K is None else None
        if self.kramers_kronig > 0:
            from aspot.analysis.kramers_kronig import FEWEST_POINTS, excluding_inconsistent

            kept = sum(not reason for reason in sweep.excluded)
            if kept < FEWEST_POINTS:
                raise InputError(
                    f"{self.measured}: usable points: {kept}; the Kramers-Kronig test needs {FEWEST_POINTS}, "
                    "--kramers-kronig 0 leaves it out"
                )
            sweep = excluding_inconsistent(sweep, threshold=self.kramers_kronig)
        return sweep, sweep.spectrum(area_cm2, temperature_K=temperature)


#: Annotations and defaults of the options of a `Selection`.
_OPTIONS: dict[str, tuple[Any, Any]] = {
    "measured": (MeasuredArgument, inspect.Parameter.empty),
    "area": (AreaOption, None),
    "loop": (LoopOption, None),
    "column": (ColumnOption, None),
    "lowest": (LowestOption, None),
    "highest": (HighestOption, None),
    "kramers_kronig": (KramersKronigOption, 0.05),
    "keep_inductive": (InductiveOption, False),
}


def selecting(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command that takes a `selection` the argument and the options of one, in its place."""
    own = inspect.signature(command, eval_str=True).parameters

    def given(**values: Any) -> None:
        chosen = {name: values.pop(name) for name in _OPTIONS}
        command(selection=Selection(**chosen), **values)

    parameters = []
    for name, parameter in own.items():
        added = _OPTIONS if name == "selection" else {name: (parameter.annotation, parameter.default)}
        for each, (annotation, default) in added.items():
            keyword = inspect.Parameter.KEYWORD_ONLY
            parameters.append(inspect.Parameter(each, keyword, annotation=annotation, default=default))
    given.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    given.__annotations__ = {p.name: p.annotation for p in parameters}
    given.__name__, given.__doc__ = command.__name__, command.__doc__
    return given


def selection_lines(sweep: Measurement, spectrum: Spectrum, cell: Cell) -> list[str]:
    """What was read and what was left out, for people."""
    name = sweep.label or Path(sweep.source).name
    lines = [f"{name}: {len(spectrum)} of {len(sweep)} points, read as {sweep.format}"]
    area, stated = spectrum.provenance.get("area_cm2"), sweep.metadata.get("area_cm2")
    if area is not None and not sweep.is_per_area:
        differs = isinstance(stated, int | float) and not math.isclose(stated, area, rel_tol=0.01)
        lines.append(f"  area {area:.4g} cm2" + (f"; the file states {stated:.4g} cm2" if differs else ""))
    lines += [f"  left out, {reason}: {n}" for reason, n in Counter(filter(None, sweep.excluded)).items()]
    lines += [f"  {note}" for note in sweep.notes]
    if abs(spectrum.temperature_K - cell.temperature) > 0.5:
        lines.append(f"  measured at {spectrum.temperature_K:.2f} K, computed at {cell.temperature:.2f} K")
    return lines


def _columns(given: list[str] | None) -> dict[str, str | int] | None:
    """Pairs of "key=name"; a number is a place, counted from 1."""
    out: dict[str, str | int] = {}
    for text in given or ():
        key, equals, name = (part.strip() for part in text.partition("="))
        if not (key and equals and name):
            raise InputError(f"--column {text}: must be of the form key=name, as frequency=1")
        if key in out:
            raise InputError(f"--column {key}: given twice")
        out[key] = int(name) if name.isdecimal() else name
    return out or None


def _frequency(option: str, text: str | None, default: float) -> float:
    if text is None:
        return default
    from aspot.units import quantity

    try:
        value = quantity(text, "frequency")
    except InputError as error:
        raise InputError(f"{option} {text}: {error}") from None
    if value <= 0:
        raise InputError(f"{option} {text}: must be positive")
    return value


def _area_cm2(area: str | None, cell: Cell, path: Path) -> float:
    from aspot.units import quantity

    if area is not None:
        try:
            value = quantity(area, "area")
        except InputError as error:
            raise InputError(f"--area {area}: {error}") from None
        if value <= 0:
            raise InputError(f"--area {area}: must be positive")
        return 1e4 * value
    diameter = cell.working_electrode.diameter or cell.electrolyte.diameter
    if diameter is None:
        raise InputError(
            f"--area: {path.name} is in ohm, and the case states no diameter of electrode or pellet; "
            "give the geometric electrode area, as --area '0.28 cm^2'"
        )
    return 1e4 * math.pi / 4 * diameter**2


def _sweep(sweeps: tuple[Measurement, ...], loop: int | None, path: Path) -> Measurement:
    if loop is None:
        if len(sweeps) > 1:
            raise InputError(f"--loop: {path.name} holds {len(sweeps)} sweeps; say which, 1 to {len(sweeps)}")
        return sweeps[0]
    if not 1 <= loop <= len(sweeps):
        raise InputError(f"--loop {loop}: {path.name} holds sweeps 1 to {len(sweeps)}")
    return sweeps[loop - 1]
