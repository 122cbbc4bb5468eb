"""A small library of materials. Every figure has its unit, its source and the doubt one should have about it.

A sample of the same name may differ by a factor of several: take the figures as starting points, and override them in
the case with what was measured on the pellet at hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, cast

from aspot.errors import InputError
from aspot.units import quantity

#: Figure -> kind of quantity (a key of `aspot.units.KINDS`), "number", or "text".
FIGURES: Mapping[str, str] = MappingProxyType(
    {
        "conductivity_total": "conductivity",
        "conductivity_bulk": "conductivity",
        "permittivity": "number",
        "activation_energy": "activation energy",
        "activation_energy_bulk": "activation energy",
        "activation_energy_grain_boundary": "activation energy",
        "arrhenius_form": "text",
        "grain_size": "length",
        "grain_boundary_resistance": "area-specific resistance",
        "grain_boundary_capacitance": "area-specific capacitance",
        "conductivity": "conductivity",
        "melting_point": "temperature",
    }
)


@dataclass(frozen=True)
class Figure:
    """One figure of a material.

    Parameters
    ----------
    value : str
        Number with unit; a bare number or a word where the figure has no unit.
    source : str
        DOI, or authors, journal and year.
    doubt : str
        Why it may be wrong for another sample: spread, derivation, assumption.
    """

    value: str
    source: str
    doubt: str


@dataclass(frozen=True)
class Material:
    """A material and its sourced figures, at 25 degC unless the doubt says otherwise.

    Parameters
    ----------
    name, formula : str
    kind : "electrolyte" or "metal"
    figures : mapping of str to Figure
        Names are keys of `FIGURES`.
    note : str
    """

    name: str
    formula: str
    kind: Literal["electrolyte", "metal"]
    figures: Mapping[str, Figure]
    note: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "figures", MappingProxyType(dict(self.figures)))

    def figure(self, key: str) -> Figure:
        """One figure with its source.

        Raises
        ------
        InputError
            If the library has none of this name; the message lists those it has.
        """
        try:
            return self.figures[key]
        except KeyError:
            raise InputError(f"{self.name} has no figure {key!r}; it has {', '.join(self.figures)}") from None

    def si(self, key: str) -> float:
        """One figure as a number in SI units.

        Raises
        ------
        InputError
            If the library has none of this name, or it is not a number.
        """
        value, kind = self.figure(key).value, FIGURES[key]
        if kind == "text":
            raise InputError(f"{key} of {self.name} is {value!r}, not a number")
        return float(value) if kind == "number" else quantity(value, kind)

    @property
    def arrhenius_form(self) -> Literal["sigma", "sigma T"]:
        """Which product is exponential in 1/T."""
        return cast(Literal["sigma", "sigma T"], self.figure("arrhenius_form").value)


_ORTMANN = "10.1002/aenm.202202712"
_FORM = Figure("sigma T", "convention (Nernst-Einstein)", "assumed; sources often do not say which form they fitted")

_LIBRARY = (
    Material(
        "NZSP0.4",
        "Na3.4Zr2Si2.4P0.6O12",
        "electrolyte",
        {
            "conductivity_total": Figure(
                "5.5 mS/cm", _ORTMANN, "of the composition; pellets differ by tens of percent"
            ),
            "conductivity_bulk": Figure(
                "14.2857 mS/cm",
                _ORTMANN,
                "derived: 2 mm/14 ohm cm^2, what the total (36.4 ohm cm^2) leaves beside the grain-boundary arc; "
                "+-15 %. 15 mS/cm was measured up to 3 GHz on another pellet (juser.fz-juelich.de/record/863621)",
            ),
            "permittivity": Figure("30", "none", "assumed: the bulk arc lies above the measured frequencies"),
            "activation_energy": Figure(
                "0.32 eV", _ORTMANN, "derived: mean of bulk and boundaries, weighted with their resistances at 25 degC"
            ),
            "activation_energy_bulk": Figure("0.26 eV", _ORTMANN, "one fit; +-0.02 eV"),
            "activation_energy_grain_boundary": Figure("0.36 eV", _ORTMANN, "one fit; +-0.02 eV"),
            "arrhenius_form": _FORM,
            "grain_size": Figure("1 um", _ORTMANN, "assumed; only the products with it matter in series"),
            "grain_boundary_resistance": Figure(
                "0.01118 ohm cm^2", _ORTMANN, "derived: of ONE boundary, 22.36 ohm cm^2 over 2000 of them"
            ),
            "grain_boundary_capacitance": Figure(
                "9 uF/cm^2", _ORTMANN, "derived: of ONE boundary, 4.5 nF/cm^2 over 2000 of them"
            ),
        },
    ),
)

_BY_NAME: Mapping[str, Material] = MappingProxyType({material.name: material for material in _LIBRARY})


def get(name: str) -> Material:
    """Material of a name.

    Raises
    ------
    InputError
        If it is unknown; the message lists the names.

    Examples
    --------
    >>> get("NZSP0.4").si("conductivity_total")
    0.55
    """
    try:
        return _BY_NAME[name]
    except (KeyError, TypeError):
        raise InputError(f"material = {name!r}: unknown; allowed: {', '.join(_BY_NAME)}") from None


def names() -> tuple[str, ...]:
    """Names of all materials."""
    return tuple(_BY_NAME)


def table() -> list[dict[str, str]]:
    """Rows of the whole library: material, quantity, value, unit, source, doubt."""
    rows = []
    for material in _LIBRARY:
        for key, figure in material.figures.items():
            value, unit = figure.value, ""
            if FIGURES[key] not in ("number", "text"):
                value, unit = figure.value.split(" ", 1)
            rows.append(
                {
                    "material": material.name,
                    "quantity": key,
                    "value": value,
                    "unit": unit,
                    "source": figure.source,
                    "doubt": figure.doubt,
                }
            )
    return rows
