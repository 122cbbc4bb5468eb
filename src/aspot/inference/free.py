"""The free parameters of a fit: numbers of a case by dotted path, and of the instrument; bounds, scales and units."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.constants import elementary_charge

from aspot.analysis.least_squares import Parameter
from aspot.cell import Cell
from aspot.errors import InputError, did_you_mean
from aspot.schema import case_keys
from aspot.specification import Range, range_of
from aspot.units import engineering, quantity
from aspot.variation import value_at

#: Bounds given: low and high, each a number in SI or text with a unit.
Bounds = tuple[object, object]

#: Parameters of the measurement in series with the cell, per electrode area, by their kind.
INSTRUMENT = {"instrument.resistance": "area-specific resistance", "instrument.inductance": "area-specific inductance"}

#: Unit at the surface and how many of it make one SI unit, by kind of quantity.
_UNITS = {
    "length": ("m", 1.0),
    "temperature": ("K", 1.0),
    "conductivity": ("S/cm", 1e-2),
    "activation energy": ("eV", 1.0 / elementary_charge),
    "area-specific resistance": ("ohm cm2", 1e4),
    "area-specific capacitance": ("F/cm2", 1e-4),
    "area-specific inductance": ("H cm2", 1e4),
    "current density": ("A/cm2", 1e-4),
    "pressure": ("Pa", 1.0),
    "time": ("s", 1.0),
}
#: Units that take a prefix.
_PREFIXED = ("m", "S/cm", "F/cm2", "H cm2", "A/cm2", "Pa", "s")

_PREFIXES = {"f": -15, "p": -12, "n": -9, "µ": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12}

#: Default bounds of a logarithmic parameter: this factor to both sides of the start.
_WIDE = 1e4
#: Other starts are drawn within this factor of the first.
_REACH = 30.0
#: A range whose ends differ by less is walked evenly, not in factors.
_NARROW = 20.0


@dataclass(frozen=True, kw_only=True)
class Free:
    """A free parameter of a fit.

    Parameters
    ----------
    path : str
        Dotted key of the case, or a key of `INSTRUMENT`.
    kind : str
        Kind of quantity (`aspot.units.KINDS`); empty: a plain number.
    parameter : Parameter
        Start and bounds [SI].
    """

    path: str
    kind: str
    parameter: Parameter

    @property
    def is_instrument(self) -> bool:
        """Whether it belongs to the measurement, not to the cell."""
        return self.path in INSTRUMENT

    @property
    def unit(self) -> tuple[str, float]:
        """Unit at the surface, and how many of it make one SI unit."""
        return _UNITS.get(self.kind, ("", 1.0))

    def display(self, value: float) -> tuple[float, str]:
        """Factor from SI to a unit in which a value reads well, and that unit with its prefix."""
        unit, factor = self.unit
        if unit not in _PREFIXED or value == 0.0:
            return factor, unit
        shown = engineering(value * factor, unit).split(" ", 1)[1]
        return factor * 10.0 ** -_PREFIXES[shown.removesuffix(unit)], shown

    def shown(self, value: float, digits: int = 3) -> str:
        """A value [SI] as people read it."""
        if self.parameter.scale == "linear" and abs(value) < 1e-9 * abs(self.parameter.upper):
            value = 0.0
        factor, unit = self.display(value)
        return f"{value * factor:.{digits}g}" + (f" {unit}" if unit else "")


def free_parameters(
    cell: Cell, free: Sequence[str] | Mapping[str, Bounds | None], impedance_ohm_m2: NDArray[np.complex128]
) -> tuple[Cell, tuple[Free, ...]]:
    """The parameters with starts and bounds, and the cell with every free key written out.

    The start is what the case says, or the middle of bounds that do not hold it. Without bounds a parameter may move
    within a factor of 10000 of the start (exponents, energies and temperatures: within what the key allows), as far as
    the cell stays possible.

    Parameters
    ----------
    cell : Cell
    free : sequence of str or mapping of str to (low, high)
        Paths; None for the default bounds.
    impedance_ohm_m2 : (m,) complex
        The measured spectrum, for the scale of the instrument's parameters.

    Raises
    ------
    InputError
        If a path is no number of the case, or its bounds or start cannot be.
    """
    if isinstance(free, str):
        raise InputError(f"free = {free!r}: must be a list of keys, or a mapping from keys to bounds")
    wanted: dict[str, Bounds | None] = dict(free) if isinstance(free, Mapping) else dict.fromkeys(free)
    if not isinstance(free, Mapping) and len(wanted) != len(free):
        raise InputError(f"free: {next(p for p in free if list(free).count(p) > 1)} is given twice")
    if not wanted:
        raise InputError("free: at least one parameter is needed")
    cell = _rewritten(cell, wanted)
    out = []
    for path, bounds in wanted.items():
        made = _instrument(path, bounds, impedance_ohm_m2) if path in INSTRUMENT else _of_case(cell, path, bounds)
        out.append(made)
        if not made.is_instrument:
            cell = cell.with_(**{path: made.parameter.value})
    return cell, tuple(out)


def _rewritten(cell: Cell, wanted: Mapping[str, object]) -> Cell:
    """The cell with contact fractions in place of spacings where those are to be free."""
    for side in ("working_electrode", "counter_electrode"):
        morphology = getattr(cell, side).morphology
        if f"{side}.morphology.contact_fraction" in wanted and morphology.spacing is not None:
            fraction = {f"{side}.morphology.contact_fraction": morphology.fraction}
            cell = cell.with_(**{f"{side}.morphology.spacing": None}, **fraction)
    return cell


def _nearest(path: str) -> str | None:
    """The key of a number that was probably meant: by the whole path, or by its last word alone."""
    keys = [key for key in [*case_keys(), *INSTRUMENT] if key in INSTRUMENT or range_of(Cell, key) is not None]
    whole = difflib.get_close_matches(path, keys, n=1, cutoff=0.8)
    last = [key for key in keys if key.rsplit(".", 1)[-1] == path.rsplit(".", 1)[-1]]
    return next(iter([*whole, *last]), None)


def _of_case(cell: Cell, path: str, bounds: Bounds | None) -> Free:
    allowed = range_of(Cell, path)
    if allowed is None:
        hint = did_you_mean(_nearest(path))
        raise InputError(
            f"free: {path}: is no number of a case that can be varied{hint}; give dotted paths such as "
            f"working_electrode.morphology.contact_fraction, or {', '.join(INSTRUMENT)}"
        )
    now = value_at(cell, path)
    scale = _scale(allowed)
    if bounds is not None:
        low, high = (_read(cell, path, end) for end in bounds)
        if not low < high:
            raise InputError(f"free: {path}: the lower bound {low:g} must be below the upper one {high:g} (SI)")
        if low <= 0.0:
            scale = "linear"
        start = now if now is not None and low <= now <= high else _middle(low, high, scale)
    elif now is None:
        raise InputError(f"free: {path}: the case gives no value to start from; state it, or give bounds")
    elif scale == "log" and now <= 0.0:
        raise InputError(f"free: {path} = {now:g}: cannot start from there; state another value, or give bounds")
    else:
        start = now
        low, high = allowed.low, allowed.high
        if scale == "log":
            low, high = max(low, start / _WIDE), min(high, start * _WIDE)
        low, high = (_possible(cell, path, start, end, scale) for end in (low, high))
    _read(cell, path, start)
    reach = math.log(_REACH) if scale == "log" else None
    parameter = Parameter(name=path, value=start, lower=low, upper=high, scale=scale, reach=reach)
    return Free(path=path, kind=allowed.kind, parameter=parameter)


def _scale(allowed: Range) -> Literal["log", "linear"]:
    if allowed.kind in ("activation energy", "temperature"):
        return "linear"
    return "linear" if allowed.low > 0.0 and allowed.high / allowed.low <= _NARROW else "log"


def _middle(low: float, high: float, scale: str) -> float:
    return math.sqrt(low * high) if scale == "log" else 0.5 * (low + high)


def _read(cell: Cell, path: str, value: object) -> float:
    """A value as the case would read it [SI]."""
    try:
        found = value_at(cell.with_(**{path: value}), path)
    except InputError as error:
        raise InputError(f"free: {error}") from None
    if found is None:
        raise InputError(f"free: {path} = {value!r}: not a number")
    return found


def _possible(cell: Cell, path: str, start: float, end: float, scale: str) -> float:
    """The value nearest to `end`, from `start` on, with which the cell can be."""

    def is_possible(value: float) -> bool:
        try:
            cell.with_(**{path: value})
        except InputError:
            return False
        return True

    if is_possible(end):
        return end
    good, bad = 0.0, 1.0
    for _ in range(24):
        middle = 0.5 * (good + bad)
        value = start * (end / start) ** middle if scale == "log" else start + (end - start) * middle
        good, bad = (middle, bad) if is_possible(value) else (good, middle)
    # Rounding must not put the bound outside.
    good *= 1.0 - 1e-6
    return float(start * (end / start) ** good if scale == "log" else start + (end - start) * good)


def _instrument(path: str, bounds: Bounds | None, impedance_ohm_m2: NDArray[np.complex128]) -> Free:
    """A series element: linear from zero, since it may well be zero."""
    largest = float(np.max(np.abs(impedance_ohm_m2)))
    low, high = 0.0, largest
    if path == "instrument.inductance":
        # At 1 MHz as much as the whole cell.
        high = largest / (2.0 * math.pi * 1e6)
    if bounds is not None:
        kind = INSTRUMENT[path]
        try:
            low, high = (quantity(end, kind) for end in bounds)
        except InputError as error:
            raise InputError(f"free: {path}: {error}") from None
    parameter = Parameter(name=path, value=low + 1e-3 * (high - low), lower=low, upper=high, scale="linear", reach=None)
    return Free(path=path, kind=INSTRUMENT[path], parameter=parameter)
