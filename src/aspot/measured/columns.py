"""What a column of a table holds, from its name: quantity, unit and sign.

Names are those of instruments and of people: `freq/Hz`, `-Im(Z)/Ohm`, `Z'' [kOhm cm2]`, `Zreal`, `|Z|`, `Phase
(deg)`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

from aspot.errors import InputError

_PREFIX = {"T": 1e12, "G": 1e9, "M": 1e6, "k": 1e3, "K": 1e3, "": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12}
_AREA = {None: 1.0, "": 1.0, "cm2": 1.0, "m2": 1e4, "mm2": 1e-2}

#: Typographic variants of the marks in names of columns.
_MARKS = str.maketrans(
    {
        **dict.fromkeys("\u2032\u2019\u2018\u00b4`", "'"),
        **dict.fromkeys('\u2033\u201d\u201c"', "''"),
        **dict.fromkeys("\u2212\u2013\u2014", "-"),
        **dict.fromkeys("\u03a9\u2126", "Ohm"),
        **dict.fromkeys("\u00b5\u03bc", "u"),
        "\u00b0": "deg",
        "\u00b2": "2",
        "\u03c9": "omega",
        "\u03b8": "theta",
        "\u03c6": "phi",
        "\u03d5": "phi",
    }
)

#: Quantity and its names, in small letters without blanks and underscores.
_SPELLINGS = {
    "frequency": "f fr freq freq. frequ frequency frequencies frequenz frecuencia frequence",
    "omega": "omega w angularfrequency",
    "real": "z' zs' zre zreal realz re real re(z) re[z] re{z} real(z) rez zr zprime z.real z.re realpart "
    "realimpedance impedancereal z'(a) reel",
    "imaginary": "z'' zs'' zim zimag imagz im imag im(z) im[z] im{z} imag(z) imz zi ima z.imag z.im imaginary "
    "imaginarypart imaginaryimpedance impedanceimaginary impedanceimag z''(b) zdoubleprime imagpart zimaginary",
    "modulus": "|z| z zmod modz mod modulus magnitude mag zmag abs abs(z) absz zabs impedance |impedance| "
    "impedancemodulus impedancemagnitude mod(z) mag(z) betrag",
    "phase": "phase phase(z) phasez zphase zphz theta theta(z) phi phi(z) arg arg(z) argz phaseangle angle phaseofz",
    "cycle": "cycle cyclenumber cyclenr cycleno loop loopnumber sweep scan",
    "index": "pt index number point nr nr. no no. #",
    "temperature": "temperature temp temp. t sampletemperature",
    "measured temperature": "mtemp mtemp.",
}
_NAMES = {name: quantity for quantity, names in _SPELLINGS.items() for name in names.split()}

#: Quantity -> the kind of unit it must have, and the factor where no unit is stated (None: it must be stated).
_KIND: dict[str, tuple[str, float | None]] = {
    "frequency": ("frequency", 1.0),
    "omega": ("angular", 1 / (2 * math.pi)),
    "real": ("impedance", 1.0),
    "imaginary": ("impedance", 1.0),
    "modulus": ("impedance", 1.0),
    "phase": ("angle", None),
    "cycle": ("number", 1.0),
    "index": ("number", 1.0),
    "temperature": ("temperature", None),
    "measured temperature": ("temperature", None),
}

#: A longer name is none.
_LONGEST_NAME = 80
_FREQUENCY_WORD = re.compile(
    r"(?<![A-Za-z])(?:f|fr|freq[a-z]*|frecuencia|omega|w|angular[_ ]?frequency|[\u03c9])(?![A-Za-z])", re.IGNORECASE
)

#: What users may name in `columns`.
CHOOSABLE = ("frequency", "real", "imaginary", "minus_imaginary", "modulus", "phase", "minus_phase", "cycle")


@dataclass(frozen=True, kw_only=True)
class Unit:
    """kind: frequency [Hz], angular [rad/s], impedance [ohm], angle [rad], temperature [K] or another word."""

    kind: str
    factor: float = 1.0
    offset: float = 0.0
    is_per_area: bool = False


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column: its place from 0, the quantity, and value = (factor * number + offset).

    `factor` is NaN, with its sign, for a phase or temperature whose unit is not stated.
    """

    place: int
    quantity: str
    factor: float = 1.0
    offset: float = 0.0
    is_per_area: bool = False
    name: str = ""


def clean(name: str) -> str:
    """A name with one way of writing primes, minus, ohm and micro, without enclosing quotes."""
    name = name.strip().lstrip("\ufeff")
    if len(name) >= 2 and name[0] == name[-1] == '"':
        name = name[1:-1].replace('""', '"')
    return name.translate(_MARKS).strip()


def unit(text: str) -> Unit | None:
    """The unit a text names, or None."""
    text = text.strip()
    if len(text) > 20:
        return None
    compact = re.sub(r"[\s*·^._]", "", text)
    if compact.endswith("-1") or compact.startswith("1/"):
        base = compact.removesuffix("-1").removeprefix("1/")
        if base.lower() in ("s", "sec"):
            return Unit(kind="frequency")
        return Unit(kind="angular", factor=1 / (2 * math.pi)) if base.lower() == "rads" else None
    compact = compact.replace("-", "")
    if match := re.fullmatch(r"([GMkKmu]?)[Hh][Zz]", compact):
        return Unit(kind="frequency", factor=_PREFIX[match[1]])
    if match := re.fullmatch(r"([TGMkKmun]?)(?:[Oo]hms?|OHMS?)(cm2|mm2|m2|CM2|cm|m)?", compact):
        area = match[2].lower() if match[2] else None
        if area in ("cm", "m"):
            return Unit(kind="resistivity")
        return Unit(kind="impedance", factor=_PREFIX[match[1]] * _AREA[area], is_per_area=bool(area))
    lower = compact.lower()
    if lower in ("deg", "degree", "degrees"):
        return Unit(kind="angle", factor=math.pi / 180)
    if lower in ("rad", "radian", "radians", "mrad"):
        return Unit(kind="angle", factor=1e-3 if lower == "mrad" else 1.0)
    if lower == "rad/s":
        return Unit(kind="angular", factor=1 / (2 * math.pi))
    if lower in ("k", "kelvin"):
        return Unit(kind="temperature")
    if lower in ("c", "degc", "celsius", "degcelsius"):
        return Unit(kind="temperature", offset=273.15)
    return None


def _candidates(name: str) -> Iterable[tuple[str, Unit | None]]:
    """Ways to split a name into what is measured and its unit, the likeliest first."""
    for slash in (i for i, character in enumerate(name) if character == "/"):
        if found := unit(name[slash + 1 :]):
            yield name[:slash], found
    if (match := re.fullmatch(r"(.*?)\s*[\[(]([^\[\]()]*)[\])]", name)) and (found := unit(match[2])):
        yield match[1], found
    words = re.split(r"[\s_,]+", name)
    for n in (2, 1):
        if len(words) > n and (found := unit(" ".join(words[-n:]))):
            yield " ".join(words[:-n]), found
    yield name, None


def may_name_frequency(line: str) -> bool:
    """Whether a line has a word that names a frequency: quick, for lines by the thousand."""
    return _FREQUENCY_WORD.search(line) is not None


def column(name: str, place: int) -> Column | None:
    """What a column holds, or None if it is nothing that counts here.

    Parameters
    ----------
    name : str
        As in the file.
    place : int
        From 0.
    """
    found = _meaning(name) if len(name) <= _LONGEST_NAME else None
    return None if found is None else replace(found, place=place)


@lru_cache(maxsize=4096)
def _meaning(name: str) -> Column | None:
    """What a name says, at place 0."""
    cleaned = re.sub(r"^data\s*:\s*", "", clean(name), flags=re.IGNORECASE)
    for base, found in _candidates(cleaned):
        quantity, sign = _quantity(base)
        if quantity is None:
            continue
        kind, factor = _KIND[quantity]
        if found is None:
            size = math.nan if factor is None else factor
            return Column(place=0, quantity=quantity, factor=math.copysign(size, sign), name=name)
        if quantity == "frequency" and found.kind == "angular":
            kind = "angular"
        if found.kind != kind:
            continue
        return Column(
            place=0,
            quantity="frequency" if quantity == "omega" else quantity,
            factor=sign * found.factor,
            offset=found.offset,
            is_per_area=found.is_per_area,
            name=name,
        )
    return None


def _quantity(base: str) -> tuple[str | None, int]:
    """Quantity and sign of a name without unit."""
    compact = re.sub(r"[\s_]", "", base).lower()
    sign = 1
    for minus in ("-", "minus", "negative", "neg"):
        if compact.startswith(minus) and compact != minus:
            compact, sign = compact.removeprefix(minus), -1
            break
    if compact.startswith("(") and compact.endswith(")") and "(" not in compact[1:]:
        compact = compact[1:-1]
    quantity = _NAMES.get(compact)
    if sign < 0 and quantity not in ("real", "imaginary", "phase"):
        return None, 1
    return quantity, sign


def recognised(names: Sequence[str]) -> tuple[Column, ...]:
    """The columns of a header that count; empty if they do not make an impedance over frequency."""
    found = [c for place, name in enumerate(names) if (c := column(name, place)) is not None]
    found = [_as_frequency(c) for c in found]
    quantities = {c.quantity for c in found}
    has_impedance = {"real", "imaginary"} <= quantities or {"modulus", "phase"} <= quantities
    return tuple(found) if "frequency" in quantities and has_impedance else ()


def _as_frequency(c: Column) -> Column:
    if c.quantity != "omega":
        return c
    return Column(place=c.place, quantity="frequency", factor=c.factor, name=c.name)


def groups(columns: Sequence[Column]) -> list[dict[str, Column]]:
    """One mapping from quantity to column for each spectrum side by side: every frequency begins a new one.

    Raises
    ------
    ValueError
        If a quantity occurs twice beside one frequency.
    """
    frequencies = [c for c in columns if c.quantity == "frequency"]
    if len(frequencies) == 1:
        parts: list[list[Column]] = [list(columns)]
    else:
        starts = [c.place for c in frequencies] + [10**9]
        parts = [[c for c in columns if a <= c.place < b] for a, b in pairwise(starts)]
    out = []
    for part in parts:
        group: dict[str, Column] = {}
        for c in part:
            if c.quantity in group:
                raise ValueError(f"{group[c.quantity].name.strip()!r} and {c.name.strip()!r} are both {c.quantity}")
            group[c.quantity] = c
        if not ({"real", "imaginary"} <= set(group) or {"modulus", "phase"} <= set(group)):
            missing = "imaginary part" if "real" in group else "impedance"
            raise ValueError(f"beside {group['frequency'].name.strip()!r} there is no {missing}")
        out.append(group)
    return out


def chosen(names: Sequence[str], wanted: Mapping[str, str | int]) -> tuple[Column, ...]:
    """The columns that a user names, by header or by number from 1; units from the header where it states them.

    Raises
    ------
    InputError
        If a key is unknown, a column is not there, or frequency and impedance are not complete.
    """
    columns = []
    for key, value in wanted.items():
        if key not in CHOOSABLE:
            raise InputError(f"columns: {key!r} is not one of {', '.join(CHOOSABLE)}")
        place = _place(key, value, names)
        sign = -1 if key.startswith("minus_") else 1
        quantity = key.removeprefix("minus_")
        kind, factor = _KIND[quantity]
        stated = None
        if names:
            stated = next((u for _, u in _candidates(clean(names[place])) if u is not None and u.kind == kind), None)
        if stated is None:
            stated = Unit(kind=kind, factor=math.pi / 180 if factor is None else factor)
        columns.append(
            Column(
                place=place,
                quantity=quantity,
                factor=sign * stated.factor,
                is_per_area=stated.is_per_area,
                name=names[place] if names else str(value),
            )
        )
    quantities = [c.quantity for c in columns]
    if len(set(quantities)) < len(quantities):
        raise InputError("columns: a quantity and its negative cannot both be given")
    if "frequency" not in quantities or not (
        {"real", "imaginary"} <= {*quantities} or {"modulus", "phase"} <= {*quantities}
    ):
        raise InputError(
            "columns: needs frequency, and real with imaginary (or minus_imaginary) or modulus with phase, "
            f"got {', '.join(wanted) or 'nothing'}"
        )
    return tuple(columns)


def _place(key: str, value: str | int, names: Sequence[str]) -> int:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise InputError(f"columns: {key} must be the name of a column or its number from 1, got {value!r}")
    if isinstance(value, int):
        if value < 1 or (names and value > len(names)):
            raise InputError(f"columns: {key} must be a number from 1 to {len(names) or 'the last'}, got {value}")
        return value - 1
    same = [i for i, name in enumerate(names) if clean(name) == clean(value)]
    if len(same) != 1:
        there = ", ".join(repr(clean(n)) for n in names) or "no names"
        raise InputError(
            f"columns: {key}: {value!r} is {'not there' if not same else 'not unique'}; the file has {there}"
        )
    return same[0]
