"""What all parts of a case share: frozen, strict models, quantities with units and ranges, one-line errors."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, model_validator
from pydantic._internal._model_construction import ModelMetaclass
from scipy.constants import elementary_charge

from aspot.errors import InputError
from aspot.units import KINDS, quantity


def one_line(error: ValidationError, prefix: str = "") -> InputError:
    """The first fault of a validation as an InputError: path, value, what is allowed."""
    first = error.errors(include_url=False)[0]
    path = ".".join(str(part) for part in (prefix, *first["loc"]) if part != "")
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "missing":
        return InputError(f"{path}: is required")
    value = first.get("input")
    if isinstance(value, (Mapping, BaseModel)) or value is None:
        return InputError(f"{path}: {message}" if path else message)
    shown = repr(value)
    return InputError(f"{path} = {shown if len(shown) <= 60 else shown[:57] + '...'}: {message}")


class _Meta(ModelMetaclass):
    """Building a model directly raises the same one-line error as reading a case file does."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().__call__(*args, **kwargs)
        except ValidationError as error:
            raise one_line(error) from None


class Spec(BaseModel, metaclass=_Meta):
    """A frozen part of a case; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            if isinstance(data, BaseModel):
                return data
            raise ValueError(f"must be a table with keys of {', '.join(cls.model_fields)}")
        for key in data:
            if key not in cls.model_fields:
                near = difflib.get_close_matches(str(key), cls.model_fields, n=1)
                hint = f" (did you mean {near[0]!r}?)" if near else ""
                raise ValueError(f"unknown key {str(key)[:60]!r}{hint}; allowed: {', '.join(cls.model_fields)}")
        return data

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


def _reader(kind: str, low: float, high: float, unit: str = "", scale: float = 1.0) -> Callable[[object], float]:
    """Reads a quantity and refuses what lies outside [low, high] (SI); `unit` and `scale` word the message."""

    def read(value: object) -> float:
        try:
            number = quantity(value, kind)
        except InputError as error:
            raise ValueError(str(error)) from None
        # Limits given in decimal units may be missed by one rounding.
        if not low * (1 - 1e-12) <= number <= high * (1 + 1e-12):
            shown = unit or KINDS[kind][0]
            raise ValueError(f"must lie between {low / scale:g} and {high / scale:g} {shown}")
        return number

    return read


def _number(low: float, high: float) -> Callable[[object], float]:
    def read(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
            raise ValueError(f"must be a number between {low:g} and {high:g}")
        return float(value)

    return read


_EV = elementary_charge

Thickness = Annotated[float, BeforeValidator(_reader("length", 1e-7, 1.0))]
LayerThickness = Annotated[float, BeforeValidator(_reader("length", 1e-10, 1e-2))]
Diameter = Annotated[float, BeforeValidator(_reader("length", 1e-5, 1.0))]
SpotSize = Annotated[float, BeforeValidator(_reader("length", 1e-8, 1e-3))]
Spacing = Annotated[float, BeforeValidator(_reader("length", 1e-8, 0.2))]
GapThickness = Annotated[float, BeforeValidator(_reader("length", 1e-9, 1e-5))]
GrainSize = Annotated[float, BeforeValidator(_reader("length", 1e-9, 1e-2))]
Conductivity = Annotated[float, BeforeValidator(_reader("conductivity", 1e-8, 1e2))]
ActivationEnergy = Annotated[float, BeforeValidator(_reader("activation energy", 0.0, 3.0 * _EV, "eV", _EV))]
AreaResistance = Annotated[
    float, BeforeValidator(_reader("area-specific resistance", 1e-10, 1e6, "ohm cm^2", 1e-4))
]
AreaCapacitance = Annotated[float, BeforeValidator(_reader("area-specific capacitance", 0.0, 1e3, "F/cm^2", 1e4))]
CurrentDensity = Annotated[float, BeforeValidator(_reader("current density", 1e-6, 1e8))]
Temperature = Annotated[float, BeforeValidator(_reader("temperature", 100.0, 1500.0))]
Frequency = Annotated[float, BeforeValidator(_reader("frequency", 1e-3, 1e9))]
Permittivity = Annotated[float, BeforeValidator(_number(1.0, 1e5))]
ContactFraction = Annotated[float, BeforeValidator(_number(1e-4, 0.99))]
Exponent = Annotated[float, BeforeValidator(_number(0.3, 1.0))]
CpePrefactor = Annotated[float, BeforeValidator(_number(0.0, 1e4))]
Tolerance = Annotated[float, BeforeValidator(_number(1e-8, 0.1))]
