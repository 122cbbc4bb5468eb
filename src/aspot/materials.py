"""A small library of materials. Every figure has its unit, its source and the doubt one should have about it.

Two samples of one name may differ by a factor of several: take the figures as starting points, and override them in the
case with what was measured on the pellet at hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, cast

from aspot import units
from aspot.errors import InputError, did_you_mean, nearest

#: Figure -> kind of quantity: a key of `aspot.units.KINDS` or of `_OTHER_UNITS`, "number", or "text".
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
        "molar_volume": "molar volume",
        "yield_strength": "pressure",
        "elastic_modulus": "pressure",
        "poisson_ratio": "number",
        "creep_exponent": "number",
        "creep_rate": "strain rate",
        "melting_point": "temperature",
    }
)

#: SI units of kinds that no case file has.
_OTHER_UNITS: Mapping[str, str] = MappingProxyType({"strain rate": "1/s", "molar volume": "m^3/mol"})


@dataclass(frozen=True)
class Figure:
    """One figure of a material.

    Parameters
    ----------
    value : str
        Number, space, unit; a bare number or a word where the figure has no unit.
    source : str
        DOI ("doi:..."), or authors, journal and year.
    doubt : str
        Why it may be wrong for another sample: spread, derivation, assumption, unconfirmed source.
    """

    value: str
    source: str
    doubt: str

    def __post_init__(self) -> None:
        for field in ("value", "source", "doubt"):
            if not getattr(self, field).strip():
                raise InputError(f"{field} of a figure must not be empty")


@dataclass(frozen=True)
class Material:
    """A material and its sourced figures, at 25 degC unless a doubt says otherwise.

    Parameters
    ----------
    name, formula : str
    kind : "electrolyte" or "metal"
    figures : mapping of str to Figure
        Names are keys of `FIGURES`. Grain boundary data are those of ONE boundary, for bricks of that size in series.
    note : str
    """

    name: str
    formula: str
    kind: Literal["electrolyte", "metal"]
    figures: Mapping[str, Figure]
    note: str = ""

    def __post_init__(self) -> None:
        for key in self.figures:
            if key not in FIGURES:
                raise InputError(f"figures: unknown name {key!r} in {self.name}; allowed: {', '.join(FIGURES)}")
        object.__setattr__(self, "figures", MappingProxyType(dict(self.figures)))

    def figure(self, key: str) -> Figure:
        """One figure with its source.

        Raises
        ------
        InputError
            If the material has none of this name; the message lists those it has.
        """
        if key not in self.figures:
            raise InputError(f"material {self.name!r} has no figure {key!r}; it has {', '.join(self.figures)}")
        return self.figures[key]

    def si(self, key: str) -> float:
        """One figure as a number in SI units.

        Raises
        ------
        InputError
            If the material has none of this name, or it is a word.

        Examples
        --------
        >>> get("Li").si("melting_point")
        453.65
        """
        value, kind = self.figure(key).value, FIGURES[key]
        if kind == "text":
            raise InputError(f"{key} of {self.name} is {value!r}, not a number")
        if kind == "number":
            return float(value)
        if kind in _OTHER_UNITS:
            return float(units._registry().Quantity(value).to(_OTHER_UNITS[kind]).magnitude)
        return units.quantity(value, kind)

    @property
    def arrhenius_form(self) -> Literal["sigma", "sigma T"]:
        """Which product is exponential in 1/T.

        Raises
        ------
        InputError
            For a metal.
        """
        return cast(Literal["sigma", "sigma T"], self.figure("arrhenius_form").value)


_ORTMANN = "doi:10.1002/aenm.202202712"
_MA = "doi:10.1039/c9ta00048h"
_GOODENOUGH = "doi:10.1016/0025-5408(76)90077-5"
_MURUGAN = "doi:10.1002/anie.200701144"
_BOULINEAU = "doi:10.1016/j.ssi.2012.06.008"
_KRAFT = "doi:10.1021/jacs.7b06327"
_LIU = "doi:10.1021/ja3110895"
_LU = "doi:10.1016/j.jpowsour.2009.11.120"
_BRIANT = "Briant and Farrington, J. Solid State Chem. 33, 385 (1980)"
_MASIAS = "doi:10.1007/s10853-018-2971-3"
_WANG = "doi:10.1016/j.mtla.2020.100792"
_CRC = "CRC Handbook of Chemistry and Physics, 97th edition (2016)"

_SIGMA_T = Figure(
    "sigma T", "convention (hopping of a fixed number of ions)", "assumed; the source does not say which form it fitted"
)


def _assumed_permittivity(value: str, spread: str) -> Figure:
    return Figure(
        value,
        "none",
        f"assumed, {spread} is as likely; the bulk arc lies above the frequencies that most instruments reach",
    )


_LIBRARY = (
    Material(
        "NZSP0.4",
        "Na3.4Zr2Si2.4P0.6O12",
        "electrolyte",
        {
            "conductivity_total": Figure(
                "5.5 mS/cm", _ORTMANN, f"of the composition, not of each pellet; 5.0 mS/cm in {_MA}"
            ),
            "conductivity_bulk": Figure(
                "14.2857 mS/cm",
                _ORTMANN,
                "derived: a 2 mm pellet has 36.36 ohm cm^2 in total, its grain-boundary arc has "
                "1/(2 pi 1.57 MHz 4.5 nF/cm^2) = 22.5 ohm cm^2, the rest is rounded to 14 ohm cm^2. Uncertain by 10 % "
                "or more: at 1 N (1.08 MHz, 4 nF/cm^2) the arc would be the whole. 15 mS/cm was measured, up to 3 GHz, "
                f"in {_MA}",
            ),
            "permittivity": _assumed_permittivity("30", "15 to 60"),
            "activation_energy": Figure(
                "0.32 eV",
                _ORTMANN,
                "derived: mean of bulk and grain boundaries, weighted with their resistances at 25 degC; "
                "it falls as the temperature rises",
            ),
            "activation_energy_bulk": Figure("0.26 eV", _ORTMANN, "fit of one cell; assume 0.02 eV"),
            "activation_energy_grain_boundary": Figure("0.36 eV", _ORTMANN, "fit of one cell; assume 0.02 eV"),
            "arrhenius_form": _SIGMA_T,
            "grain_size": Figure(
                "1 um",
                "none",
                "assumed; in series only resistance/size and capacitance x size count, and they are measured",
            ),
            "grain_boundary_resistance": Figure(
                "0.01118 ohm cm^2",
                _ORTMANN,
                "derived: of ONE boundary, (36.36 - 14) ohm cm^2 over the 2000 boundaries of a 2 mm pellet; "
                "0.7 % below the arc's own 22.5 ohm cm^2",
            ),
            "grain_boundary_capacitance": Figure(
                "9 uF/cm^2",
                _ORTMANN,
                "derived: of ONE boundary, 4.5 nF/cm^2 times 2000; 4 to 4.5 nF/cm^2 from spectrum to spectrum",
            ),
        },
        note="Figures of the Na | NZSP0.4 cell of Ortmann et al. (2022), of one 2 mm pellet.",
    ),
    Material(
        "NZSP",
        "Na3Zr2Si2PO12",
        "electrolyte",
        {
            "conductivity_total": Figure(
                "0.67 mS/cm",
                _GOODENOUGH,
                "often quoted, not confirmed in the source; 0.1 to 1 mS/cm between samples, so that a bulk of "
                "0.6 mS/cm (Bohnke, Ronchetti and Mazza, Solid State Ionics 122, 127 (1999)) lies below it",
            ),
            "permittivity": _assumed_permittivity("30", "15 to 60"),
            "activation_energy": Figure(
                "0.36 eV",
                _GOODENOUGH,
                "assumed, not in the source: 0.33 to 0.40 eV is usual for the monoclinic phase; the source's 0.29 eV "
                "(not confirmed) belongs to the phase above some 150 degC",
            ),
            "arrhenius_form": _SIGMA_T,
        },
        note="No bulk conductivity: samples differ more among each other than bulk and total do.",
    ),
    Material(
        "Na-beta''-alumina",
        "Na1.67Mg0.67Al10.33O17",
        "electrolyte",
        {
            "conductivity_total": Figure(
                "2 mS/cm", _LU, "not confirmed in the source; 1 to 3 mS/cm with grain size and texture"
            ),
            "conductivity_bulk": Figure(
                "5 mS/cm",
                _BRIANT,
                "derived: half of a crystal's 10 mS/cm along its planes, the effective medium of randomly oriented "
                "grains that conduct in two dimensions; crystals range from 10 to 180 mS/cm with their growth",
            ),
            "permittivity": _assumed_permittivity("20", "10 to 40"),
            "activation_energy": Figure(
                "0.3 eV", _LU, "not confirmed in the source; 0.25 to 0.4 eV, higher for fine grains and when cold"
            ),
            "arrhenius_form": _SIGMA_T,
        },
        note="Anisotropic: ions move in planes. Water and calcium at the surface add resistances of their own.",
    ),
    Material(
        "LLZO",
        "Li7La3Zr2O12",
        "electrolyte",
        {
            "conductivity_total": Figure(
                "0.3 mS/cm",
                _MURUGAN,
                "rounded; cubic phase, with aluminium from the crucible. 0.2 to 1 mS/cm with dopant and density",
            ),
            "permittivity": _assumed_permittivity("50", "30 to 80"),
            "activation_energy": Figure(
                "0.3 eV", _MURUGAN, "not confirmed in the source; 0.26 to 0.40 eV with the dopant"
            ),
            "arrhenius_form": _SIGMA_T,
        },
        note="Cubic garnet. Lithium carbonate on an untreated surface adds an interphase of its own.",
    ),
    Material(
        "Li6PS5Cl",
        "Li6PS5Cl",
        "electrolyte",
        {
            "conductivity_total": Figure(
                "1.33 mS/cm",
                _BOULINEAU,
                "cold-pressed powder, not read in the source itself; 1 to 3 mS/cm, up to 6 when sintered; "
                f"about 1.3 mS/cm in {_KRAFT} (read from a plot)",
            ),
            "permittivity": _assumed_permittivity("15", "10 to 30"),
            "activation_energy": Figure(
                "0.33 eV",
                _BOULINEAU,
                f"not read in the source itself; 0.2 to 0.46 eV, the highest in {_KRAFT} (read from a plot)",
            ),
            "arrhenius_form": Figure("sigma T", _KRAFT, "this source fitted sigma T; the other energy may be of sigma"),
        },
        note="Bulk and boundaries are not told apart at room temperature. Conductivity depends on the pressing.",
    ),
    Material(
        "LPS",
        "Li3PS4",
        "electrolyte",
        {
            "conductivity_total": Figure(
                "0.16 mS/cm",
                _LIU,
                "nanoporous beta phase; coarse crystals reach a thousandth of it, glasses some 0.3 mS/cm",
            ),
            "permittivity": _assumed_permittivity("15", "10 to 30"),
            "activation_energy": Figure(
                "0.36 eV",
                _LIU,
                "not confirmed in the source; 0.40 eV for solvent-made powder (Dalton Trans. 2025, D4DT02636E)",
            ),
            "arrhenius_form": _SIGMA_T,
        },
    ),
    Material(
        "Na",
        "Na",
        "metal",
        {
            "conductivity": Figure("20.5 MS/m", _CRC, "1/(4.88e-8 ohm m), not confirmed; of the pure metal"),
            "molar_volume": Figure(
                "23.7 cm^3/mol", _CRC, "derived: 22.99 g/mol over 0.97 g/cm^3 (not confirmed); to 0.3 %"
            ),
            "yield_strength": Figure(
                "0.25 MPa",
                _ORTMANN,
                f"0.2 to 0.3 MPa, 0.19 to 0.28 MPa in {_WANG}; more for small volumes and fast loading",
            ),
            "elastic_modulus": Figure("4.6 GPa", _WANG, "polycrystal, by sound; crystals are strongly anisotropic"),
            "poisson_ratio": Figure("0.34", "none", "assumed, 0.31 to 0.36 is as likely; counts as 1 - nu^2 only"),
            "creep_exponent": Figure("5.0", _WANG, "of the stress; dislocation climb at room temperature"),
            "creep_rate": Figure(
                "1e-3 1/s",
                _WANG,
                "strain rate at the yield strength: of the tests that found 0.19 to 0.28 MPa, taken as steady creep; "
                "to a factor of 4, as the yield strength enters with its fifth power",
            ),
            "melting_point": Figure("97.8 degC", _CRC, "to 0.1 K; not confirmed"),
        },
    ),
    Material(
        "Li",
        "Li",
        "metal",
        {
            "conductivity": Figure("10.6 MS/m", _CRC, "1/(9.47e-8 ohm m), read in a table after it; of the pure metal"),
            "molar_volume": Figure("13.0 cm^3/mol", _CRC, "derived: 6.94 g/mol over 0.534 g/cm^3; to 0.3 %"),
            "yield_strength": Figure(
                "0.8 MPa", _MASIAS, "0.73 to 0.81 MPa there, 0.6 to 0.8 elsewhere; more for thin films and fast loading"
            ),
            "elastic_modulus": Figure(
                "7.8 GPa",
                _MASIAS,
                "not read in the source itself; polycrystal, by sound; films and crystals: 2 to 20 GPa",
            ),
            "poisson_ratio": Figure("0.38", _MASIAS, "not read in the source itself; counts as 1 - nu^2 only"),
            "creep_exponent": Figure(
                "6.6",
                _MASIAS,
                "of the stress, not read in the source itself; similar in LePage et al., J. Electrochem. Soc. 166, A89 "
                "(2019)",
            ),
            "creep_rate": Figure(
                "1e-3 1/s",
                "none",
                "assumed: strain rate at the yield strength, that of usual tensile tests, taken as steady creep; to a "
                "factor of 10",
            ),
            "melting_point": Figure("180.5 degC", _CRC, "to 0.1 K"),
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
    found = _BY_NAME.get(name) if isinstance(name, str) else None
    if found is None:
        hint = did_you_mean(nearest(name, _BY_NAME))
        raise InputError(f"material = {name!r}: unknown{hint}; allowed: {', '.join(_BY_NAME)}")
    return found


def names() -> tuple[str, ...]:
    """Names of all materials."""
    return tuple(_BY_NAME)


def table() -> list[dict[str, str]]:
    """Rows of the whole library, one a figure.

    Returns
    -------
    list of dict
        Keys: material, quantity, value, unit (empty where there is none), source, doubt; all text.
    """
    rows = []
    for material in _LIBRARY:
        for key, figure in material.figures.items():
            value, unit = figure.value, ""
            if FIGURES[key] not in ("number", "text"):
                value, unit = figure.value.split(maxsplit=1)
            row = {"material": material.name, "quantity": key, "value": value, "unit": unit}
            rows.append(row | {"source": figure.source, "doubt": figure.doubt})
    return rows
