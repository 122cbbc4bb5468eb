"""Strings with units to SI numbers, by pint; and numbers as people read them."""

from __future__ import annotations

import math
import re
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import lru_cache
from typing import Any

from scipy.constants import Avogadro

from aspot.errors import InputError

#: Kind of quantity: SI unit, as read by pint, and examples for messages.
KINDS: dict[str, tuple[str, str]] = {
    "length": ("m", "'2 mm', '10 um'"),
    "area": ("m^2", "'0.28 cm^2'"),
    "temperature": ("K", "'25 degC', '298.15 K'"),
    "conductivity": ("S/m", "'5.5 mS/cm'"),
    "activation energy": ("J", "'0.26 eV', '25 kJ/mol'"),
    "area-specific resistance": ("ohm m^2", "'12 ohm cm^2'"),
    "area-specific capacitance": ("F/m^2", "'34 nF/cm^2'"),
    "area-specific inductance": ("H m^2", "'50 nH cm^2'"),
    "frequency": ("Hz", "'7 MHz'"),
    "current density": ("A/m^2", "'10 mA/cm^2'"),
    "pressure": ("Pa", "'1.7 MPa'"),
    "time": ("s", "'30 s', '15 min'"),
}

#: One ohm m2 in ohm cm2, the unit at the surface of everything.
OHM_CM2 = 1e4

_NUMBER_AND_UNIT = re.compile(r"\s*([-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)\s*(.*?)\s*")
_MAX_LENGTH = 80

# What may reach pint's parser: names, 1, products, quotients, brackets, and one-digit powers (also "cm2", "cm-2").
# Towers of powers would keep it busy for ever.
_POWER = r"(?:\s*(?:\^|\*\*)\s*)?(-?[1-9])(?![0-9.])(?!\s*(?:\^|\*\*))"
_TOKEN = re.compile(rf"(?P<name>°?[^\W\d_]+)(?:{_POWER})?|1(?![0-9.])|[ */()]")
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻−·⋅×", "0123456789--***")

#: Angles: 1 rad/s is 1/(2 pi) Hz, but of the same dimension as 1 Hz.
_ANGULAR = ("rpm", "rps")


@lru_cache(maxsize=1)
def _registry() -> Any:
    # Half a second to import: only where a string is read.
    import pint

    registry: Any = pint.UnitRegistry(cache_folder=None)
    registry.define("@alias ohm = Ohm")
    return registry


def _readable(unit: str) -> str:
    """The unit as pint reads it.

    Raises
    ------
    ValueError
        If it holds anything but names, products, quotients and small powers, or an angle.
    """
    unit = unit.translate(_SUPERSCRIPTS)
    out, end = [], 0
    while end < len(unit):
        match = _TOKEN.match(unit, end)
        if match is None:
            raise ValueError(unit)
        name, power = match["name"], match[2]
        if name is None:
            out.append(match[0])
        else:
            if name in _ANGULAR or name.startswith("Δ") or _registry().Unit(name).dimensionless:
                raise ValueError(unit)
            out.append(f" {name}" + (f"**{power}" if power else ""))
        end = match.end()
    return "".join(out)


@lru_cache(maxsize=512)
def _factor_and_offset(unit: str, kind: str) -> tuple[float, float]:
    """SI value = factor * number + offset."""
    import pint

    registry = _registry()
    si = registry.Unit(KINDS[kind][0])
    try:
        given = registry.Unit(_readable(unit))
        per_mole = kind == "activation energy" and given.dimensionality == registry.Unit("J/mol").dimensionality
        target = registry.Unit("J/mol") if per_mole else si
        low, high = (registry.Quantity(number, given).to(target).magnitude for number in (0.0, 1.0))
        if per_mole:
            low, high = low / Avogadro, high / Avogadro
    except pint.DimensionalityError:
        raise InputError(f"{unit!r} is not a unit of {kind}") from None
    except Exception:  # noqa: BLE001  pint lets errors of its parser and tokenizer through, of many kinds
        raise InputError(f"{unit!r} is not a unit") from None
    return float(high - low), float(low)


def quantity(value: object, kind: str) -> float:
    """SI number of a quantity.

    Parameters
    ----------
    value : str or float
        A string with unit, or a bare number in SI.
    kind : str
        Key of `KINDS`.

    Returns
    -------
    float

    Raises
    ------
    InputError
        If it is not a finite number, or the unit is unknown or of another kind.

    Examples
    --------
    >>> quantity("34 nF/cm^2", "area-specific capacitance")
    0.00034
    """
    article = "an" if kind[0] in "a" else "a"
    allowed = f"{article} {kind} such as {KINDS[kind][1]}, or a number in {KINDS[kind][0]}"
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise InputError(f"must be {allowed}")
    if isinstance(value, str):
        match = _NUMBER_AND_UNIT.fullmatch(value) if len(value) <= _MAX_LENGTH else None
        if match is None:
            raise InputError(f"must be {allowed}")
        number, unit = float(match[1]), match[2]
        if unit:
            try:
                factor, offset = _factor_and_offset(unit, kind)
            except InputError as error:
                fault = f"{match[1]}{unit} has a comma; use a decimal point" if unit[0] == "," else str(error)
                raise InputError(f"{fault}; must be {allowed}") from None
            number = _clean(number * factor + offset)
    else:
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
    if not math.isfinite(number):
        raise InputError(f"must be finite, {allowed}")
    return number


def _clean(number: float) -> float:
    """Round away the last digit that unit factors leave behind (0.00034000000000000005)."""
    return float(f"{number:.15g}")


def engineering(value: float, unit: str) -> str:
    """A quantity with three digits and an SI prefix, as "88 kHz" or "34 nF".

    Examples
    --------
    >>> engineering(88e3, "Hz"), engineering(3.4e-8, "F"), engineering(0.0, "V")
    ('88 kHz', '34 nF', '0 V')
    """
    if value == 0 or not math.isfinite(value):
        return f"{value:g} {unit}"
    exponent = math.floor(math.log10(abs(float(f"{value:.3g}"))) / 3)
    exponent = min(max(exponent, -5), 4)
    prefix = dict(zip(range(-5, 5), ["f", "p", "n", "µ", "m", "", "k", "M", "G", "T"], strict=True))[exponent]
    scaled = value / 10.0 ** (3 * exponent)
    text = f"{scaled:.0f}" if abs(scaled) >= 99.5 else f"{scaled:.3g}"
    return f"{text} {prefix}{unit}"


def outward(low: float, high: float) -> tuple[str, str]:
    """The ends of an interval, rounded outward (what is guaranteed stays so) to a fifth of its width.

    Examples
    --------
    >>> outward(89.35864407, 89.35960244)
    ('89.3586', '89.3597')
    """
    most = 8 - math.floor(math.log10(abs(high))) if high else 8
    places = math.ceil(-math.log10(0.2 * (high - low))) if high > low else most
    step = Decimal(1).scaleb(-min(max(places, 0), max(most, 0)))
    return f"{Decimal(low).quantize(step, ROUND_FLOOR)}", f"{Decimal(high).quantize(step, ROUND_CEILING)}"
