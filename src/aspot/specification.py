"""What all parts of a case share: frozen, strict models, quantities with units and ranges, one-line errors."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Annotated, Any, Self, get_args

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic._internal._model_construction import ModelMetaclass
from scipy.constants import elementary_charge

from aspot.errors import InputError, did_you_mean, nearest
from aspot.units import KINDS, quantity

_NOTHING: Any = object()


class FieldError(ValueError):
    """A fault that a check across keys finds, laid at the door of one key.

    Parameters
    ----------
    key : str
        Relative to the table that is checked.
    message : str
        What is allowed.
    value : object, optional
        Shown beside the key.
    unit : str
        Shown beside the value.
    """

    def __init__(self, key: str, message: str, value: Any = _NOTHING, unit: str = "") -> None:
        super().__init__(message)
        self.key, self.value, self.unit = key, value, unit


#: Plain words for the faults that pydantic finds itself.
_WORDS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "missing": lambda c: "is required",
    "string_type": lambda c: "must be text",
    "string_too_short": lambda c: "must not be empty",
    "string_too_long": lambda c: f"must have at most {c['max_length']} characters",
    "string_pattern_mismatch": lambda c: "may hold letters, digits, spaces and . _ - only",
    "tuple_type": lambda c: "must be a list",
    "too_short": lambda c: f"must be a list of at least {c['min_length']}",
    "too_long": lambda c: f"must be a list of at most {c['max_length']}",
    "int_type": lambda c: "must be a whole number",
    "greater_than_equal": lambda c: f"must be at least {c['ge']}",
    "less_than_equal": lambda c: f"must be at most {c['le']}",
    "bool_type": lambda c: "must be true or false",
    "literal_error": lambda c: f"allowed: {c['expected'].replace(' or ', ', ')}",
}


def one_line(error: ValidationError, prefix: str = "") -> InputError:
    """The first fault of a validation as an InputError: path, value, what is allowed."""
    first = error.errors(include_url=False)[0]
    loc = [str(part) for part in (prefix, *first["loc"]) if part != ""]
    context = first.get("ctx", {})
    value = first.get("input")
    if isinstance(value, (Mapping, BaseModel)) or value is None or first["type"] == "missing":
        value = _NOTHING
    fault = context.get("error")
    unit = ""
    if isinstance(fault, FieldError):
        loc.append(fault.key)
        value, unit = fault.value, fault.unit and f" {fault.unit}"
    if first["type"] == "missing" and isinstance(first["loc"][-1], int):
        loc.pop()
        message = f"must be a list of {first['loc'][-1] + 1}"
    elif first["type"] in _WORDS:
        message = _WORDS[first["type"]](context)
        if first["type"] == "literal_error" and isinstance(value, str):
            near = nearest(value, re.findall("'([^']*)'", context["expected"]))
            message = (f"did you mean {near!r}? " if near else "") + message
    else:
        message = first["msg"].removeprefix("Value error, ")
    path = ".".join(loc)
    if value is not _NOTHING:
        path += f" = {_shown(value)}{unit}"
    return InputError(f"{path}: {message}" if path else message)


def _shown(value: Any) -> str:
    """A value as a case file would write it, on one short line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    try:
        text = repr(value)
        if isinstance(value, float) and len(text) > 12:
            text = f"{value:.6g}"
    except Exception:  # noqa: BLE001  any object may come in from Python; whole numbers of 5000 digits refuse repr()
        text = f"a {type(value).__name__}"
    return text if len(text) <= 60 else text[:57] + "..."


def plain(value: Any) -> Any:
    """Numbers and arrays of NumPy as Python's own numbers and lists."""
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else value


class _Meta(ModelMetaclass):
    """Building a model directly raises the same one-line error as reading a case file does."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:  # noqa: N805  a metaclass
        try:
            return super().__call__(*args, **kwargs)
        except ValidationError as error:
            raise one_line(error) from None


class Spec(BaseModel, metaclass=_Meta):
    """A frozen part of a case; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """What is given: a morphology has forty keys, most of them without meaning for its kind."""
        return ((key, value) for key, value in super().__repr_args__() if value is not None)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            if isinstance(data, BaseModel):
                return data
            raise ValueError(f"must be a table with keys of {', '.join(cls.model_fields)}")
        for key in data:
            if key not in cls.model_fields:
                hint = did_you_mean(nearest(key, cls.model_fields))
                raise ValueError(f"unknown key {str(key)[:60]!r}{hint}; allowed: {', '.join(cls.model_fields)}")
        return {key: plain(value) for key, value in data.items()}

    @classmethod
    def parse(cls, data: object, prefix: str = "") -> Self:
        """Model from nested tables.

        Raises
        ------
        InputError
            Naming the path of the key, its value and what is allowed.
        """
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise one_line(error, prefix) from None


def put(data: dict[str, Any], path: str, value: Any) -> None:
    """Set one value of nested tables in place, by dotted path; None removes it. Entries of lists go by number from 0.

    Raises
    ------
    InputError
        If the path leads through something that is not a table or a list, or past the end of a list.
    """
    *parents, last = path.split(".")
    table: Any = data
    for key in parents:
        if isinstance(table, list):
            table = table[_place(table, key, path)]
        else:
            if table.get(key) is None:
                table[key] = {}
            table = table[key]
        if not isinstance(table, (dict, list)):
            raise InputError(f"{path}: {key} is not a table")
    if isinstance(table, list):
        index = _place(table, last, path)
        if value is None:
            del table[index]
        else:
            table[index] = value
    elif value is None:
        table.pop(last, None)
    else:
        table[last] = value


def _place(entries: list[Any], key: str, path: str) -> int:
    if key.isascii() and key.isdigit() and len(key) < 6 and int(key) < len(entries):
        return int(key)
    raise InputError(f"{path}: {key} must be the number of an entry, 0 to {len(entries) - 1}")


@dataclass(frozen=True)
class Range:
    """Reads a quantity and refuses what lies outside [low, high].

    Parameters
    ----------
    kind : str
        Key of `aspot.units.KINDS`; empty: a plain number.
    low, high : float
        Allowed [SI].
    unit, scale : str, float
        For the message: its unit, and the SI value of that.
    """

    kind: str
    low: float
    high: float
    unit: str = ""
    scale: float = 1.0

    def __call__(self, value: object) -> float:
        """SI number.

        Raises
        ------
        ValueError
            If it is not such a quantity, or not within the range.
        """
        return self._quantity(value) if self.kind else self._number(value)

    def _quantity(self, value: object) -> float:
        try:
            number = quantity(value, self.kind)
        except InputError as error:
            raise ValueError(str(error)) from None
        # Limits given in decimal units may be missed by one rounding.
        if not self.low * (1 - 1e-12) <= number <= self.high * (1 + 1e-12):
            shown = self.unit or KINDS[self.kind][0]
            bare = not isinstance(value, str) or not any(letter.isalpha() for letter in value.lower().replace("e", ""))
            hint = f"; without a unit it is read in {KINDS[self.kind][0]}" if bare else ""
            raise ValueError(f"must lie between {self.low / self.scale:g} and {self.high / self.scale:g} {shown}{hint}")
        return number

    def _number(self, value: object) -> float:
        try:
            number = math.nan if isinstance(value, bool) or not isinstance(value, Real) else float(value)
        except OverflowError:
            number = math.inf
        if not self.low <= number <= self.high:
            raise ValueError(f"must be a number between {self.low:g} and {self.high:g}")
        return number


def range_of(model: type[BaseModel], path: str) -> Range | None:
    """What a dotted key of a model may be; None if it is not a quantity or a number, or there is no such key.

    Examples
    --------
    >>> from aspot.cell import Cell
    >>> range_of(Cell, "working_electrode.gap.thickness").kind
    'length'
    """
    here: list[tuple[Any, tuple[Any, ...]]] = [(model, ())]
    for key in path.split("."):
        if key.isdigit():
            continue
        table = next((t for t, _ in here if isinstance(t, type) and issubclass(t, BaseModel)), None)
        field = None if table is None else table.model_fields.get(key)
        if field is None:
            return None
        here = list(_members(field.annotation, tuple(field.metadata)))
    validators = (getattr(m, "func", None) for _, metadata in here for m in metadata)
    return next((found for found in validators if isinstance(found, Range)), None)


def _members(annotation: Any, metadata: tuple[Any, ...] = ()) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """A type, or those inside unions, lists and tuples, each with what annotates it."""
    metadata += getattr(annotation, "__metadata__", ())
    arguments = (annotation.__origin__,) if hasattr(annotation, "__metadata__") else get_args(annotation)
    if not arguments:
        yield annotation, metadata
    for argument in arguments:
        yield from _members(argument, metadata)


class _Degrees(Range):
    """Reads an angle in degrees: a number, or a string such as "30 deg"."""

    def __call__(self, value: object) -> float:
        try:
            words = value.replace("°", " deg").split() if isinstance(value, str) else [value]
            if len(words) not in (1, 2) or words[1:] not in ([], ["deg"]):
                raise ValueError
            return self._number(float(words[0]) if isinstance(words[0], str) else words[0])
        except ValueError:
            raise ValueError(f"must be an angle between {self.low:g} and {self.high:g} deg") from None


def _one_line_of_text(value: object) -> object:
    if isinstance(value, str) and not value.isprintable():
        raise ValueError("must be one line of printable text")
    return value


def _pair_of(read: Callable[[object], float]) -> Callable[[object], tuple[float, float]]:
    """Reads one quantity that holds along x and y, or two."""

    def pair(value: object) -> tuple[float, float]:
        values = value if isinstance(value, (list, tuple)) else (value, value)
        if len(values) != 2:
            raise ValueError("must be one length, or two: along x and along y")
        return read(values[0]), read(values[1])

    return pair


def _quantity(kind: str, low: float, high: float, unit: str = "", scale: float = 1.0) -> BeforeValidator:
    """A quantity between two limits (SI), with what editors are told of it."""
    si, examples = KINDS[kind]
    told = f"{low / scale:g} to {high / scale:g} {unit or si}; text with a unit such as {examples}, or a number in {si}"
    kinds = Annotated[str | float, Field(description=told)]
    return BeforeValidator(Range(kind, low, high, unit, scale), json_schema_input_type=kinds)


def _plain(low: float, high: float) -> BeforeValidator:
    """A number between two limits."""
    return BeforeValidator(Range("", low, high), json_schema_input_type=Annotated[float, Field(ge=low, le=high)])


def _angle(low: float, high: float) -> BeforeValidator:
    told = f"{low:g} to {high:g} deg; a number in degrees, or text such as '30 deg'"
    kinds = Annotated[str | float, Field(description=told)]
    return BeforeValidator(_Degrees("", low, high, "deg"), json_schema_input_type=kinds)


def _pair(kind: str, low: float, high: float) -> BeforeValidator:
    """One quantity for both directions, or two."""
    si, examples = KINDS[kind]
    told = f"{low:g} to {high:g} {si}; text with a unit such as {examples}, or a number; or two of them"
    one = str | float
    kinds = Annotated[one | tuple[one, one], Field(description=told)]
    return BeforeValidator(_pair_of(Range(kind, low, high)), json_schema_input_type=kinds)


_EV = elementary_charge

Thickness = Annotated[float, _quantity("length", 1e-7, 1.0)]
LayerThickness = Annotated[float, _quantity("length", 1e-10, 1e-2)]
Diameter = Annotated[float, _quantity("length", 1e-5, 1.0)]
SpotSize = Annotated[float, _quantity("length", 1e-8, 1e-3)]
Spacing = Annotated[float, _quantity("length", 1e-8, 0.2)]
Distance = Annotated[float, _quantity("length", 0.0, 0.1)]
#: Width and height of a pixel.
PixelSize = Annotated[tuple[float, float], _pair("length", 1e-10, 1e-3)]
#: Length that one unit of a file stands for.
LengthUnit = Annotated[float, _quantity("length", 1e-12, 1.0)]
#: Height above a reference, of either sign.
Height = Annotated[float, _quantity("length", -1e-2, 1e-2)]
GapThickness = Annotated[float, _quantity("length", 1e-9, 1e-5)]
#: In the middle of a lens or a crack.
GapHeight = Annotated[float, _quantity("length", 1e-9, 1e-3)]
#: Degrees.
ContactAngle = Annotated[float, _angle(0.01, 90.0)]
Share = Annotated[float, _plain(1e-3, 1.0)]
PoreConductivity = Annotated[float, _quantity("conductivity", 0.0, 1e2)]
RoughnessHeight = Annotated[float, _quantity("length", 1e-9, 1e-4)]
CorrelationLength = Annotated[float, _quantity("length", 1e-8, 1e-2)]
Pressure = Annotated[float, _quantity("pressure", 1.0, 1e11)]
Duration = Annotated[float, _quantity("time", 0.0, 1e9)]
GrainSize = Annotated[float, _quantity("length", 1e-9, 1e-2)]
Conductivity = Annotated[float, _quantity("conductivity", 1e-8, 1e2)]
ActivationEnergy = Annotated[float, _quantity("activation energy", 0.0, 3.0 * _EV, "eV", _EV)]
AreaResistance = Annotated[float, _quantity("area-specific resistance", 1e-10, 1e6, "ohm cm^2", 1e-4)]
AreaCapacitance = Annotated[float, _quantity("area-specific capacitance", 0.0, 1e3, "F/cm^2", 1e4)]
CurrentDensity = Annotated[float, _quantity("current density", 1e-6, 1e8)]
Temperature = Annotated[float, _quantity("temperature", 100.0, 1500.0)]
Frequency = Annotated[float, _quantity("frequency", 1e-3, 1e9)]
Permittivity = Annotated[float, _plain(1.0, 1e5)]
ContactFraction = Annotated[float, _plain(1e-4, 0.99)]
HurstExponent = Annotated[float, _plain(0.05, 1.0)]
#: Geometric standard deviation of sizes.
Spread = Annotated[float, _plain(1.0, 4.0)]
Exponent = Annotated[float, _plain(0.3, 1.0)]
CpePrefactor = Annotated[float, _plain(0.0, 1e4)]
#: One line of text, shown to people and written to files.
Text = Annotated[str, BeforeValidator(_one_line_of_text), Field(max_length=200)]
Flag = Annotated[bool, Field(strict=True)]
#: Name of a file: one line, not empty.
FileName = Annotated[str, BeforeValidator(_one_line_of_text), Field(min_length=1, max_length=1000)]
Sha256 = Annotated[str, Field(max_length=64)]
Tolerance = Annotated[float, _plain(1e-8, 0.1)]
