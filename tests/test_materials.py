"""The library of materials: every number has unit, source and doubt, and derived numbers follow their derivation."""

import dataclasses
import math

import pytest
from scipy.constants import Boltzmann, elementary_charge

from aspot import materials
from aspot.errors import InputError
from aspot.materials import FIGURES, Figure, Material

#: What a solid electrolyte or alkali metal can have near room temperature, SI. A slip of a prefix leaves the range.
PLAUSIBLE = {
    "conductivity_total": (1e-4, 1e1),
    "conductivity_bulk": (1e-4, 1e2),
    "permittivity": (2.0, 1e3),
    "activation_energy": (0.1 * elementary_charge, 0.8 * elementary_charge),
    "activation_energy_bulk": (0.1 * elementary_charge, 0.8 * elementary_charge),
    "activation_energy_grain_boundary": (0.1 * elementary_charge, 1.2 * elementary_charge),
    "grain_size": (1e-8, 1e-3),
    "grain_boundary_resistance": (1e-10, 1e-2),
    "grain_boundary_capacitance": (1e-4, 1e1),
    "conductivity": (1e6, 1e8),
    "molar_volume": (1e-6, 1e-4),
    "yield_strength": (1e4, 1e7),
    "elastic_modulus": (1e9, 1e11),
    "poisson_ratio": (0.2, 0.5),
    "creep_exponent": (1.0, 10.0),
    "creep_rate": (1e-7, 1e-1),
    "melting_point": (300.0, 1000.0),
}

ALL = [(name, key) for name in materials.names() for key in materials.get(name).figures]
NUMBERS = [(name, key) for name, key in ALL if FIGURES[key] != "text"]


def test_the_promised_materials_are_there() -> None:
    promised = {"NZSP0.4", "NZSP", "Na-beta''-alumina", "LLZO", "Li6PS5Cl", "LPS", "Na", "Li"}
    assert promised <= set(materials.names())
    assert {materials.get(name).kind for name in ("Na", "Li")} == {"metal"}
    assert {materials.get(name).kind for name in promised - {"Na", "Li"}} == {"electrolyte"}
    assert all(materials.get(name).name == name for name in materials.names())


@pytest.mark.parametrize(("name", "key"), NUMBERS)
def test_every_number_has_a_unit_of_its_kind_and_a_plausible_size(name: str, key: str) -> None:
    material = materials.get(name)
    low, high = PLAUSIBLE[key]
    assert low <= material.si(key) <= high
    # A bare number would be read as SI without complaint.
    has_unit = len(material.figures[key].value.split()) > 1
    assert has_unit == (FIGURES[key] != "number")


@pytest.mark.parametrize(("name", "key"), ALL)
def test_every_figure_has_source_and_doubt(name: str, key: str) -> None:
    figure = materials.get(name).figures[key]
    assert figure.source.strip()
    assert figure.doubt.strip()
    # A DOI, a year, or the plain statement that there is none and what was done instead.
    cited = figure.source.startswith("doi:10.") or any(word.strip("()").isdigit() for word in figure.source.split())
    assert cited or "assumed" in figure.doubt


@pytest.mark.parametrize("name", materials.names())
def test_an_electrolyte_has_what_a_case_needs(name: str) -> None:
    material = materials.get(name)
    if material.kind == "metal":
        assert {"conductivity", "molar_volume", "yield_strength"} <= set(material.figures)
        return
    assert {"conductivity_total", "permittivity", "activation_energy", "arrhenius_form"} <= set(material.figures)
    assert material.arrhenius_form in ("sigma", "sigma T")
    # Boundaries in series can only add resistance.
    if "conductivity_bulk" in material.figures:
        assert material.si("conductivity_bulk") >= material.si("conductivity_total")


def test_nzsp04_bulk_and_boundaries_in_series_are_the_total() -> None:
    """Brick layer: 1/sigma = 1/sigma_bulk + R_gb/grain size; two roundings to three and four digits: 1e-3."""
    m = materials.get("NZSP0.4")
    resistivity = 1 / m.si("conductivity_bulk") + m.si("grain_boundary_resistance") / m.si("grain_size")
    assert 1 / resistivity == pytest.approx(m.si("conductivity_total"), rel=1e-3)


def test_nzsp04_bulk_is_14_ohm_cm2_of_a_2_mm_pellet() -> None:
    assert 2e-3 / materials.get("NZSP0.4").si("conductivity_bulk") == pytest.approx(14e-4, rel=1e-5)


def test_nzsp04_boundaries_reproduce_the_measured_arc() -> None:
    """2000 boundaries in series in 2 mm: C = 4.5 nF/cm2, apex 1/(2 pi R C) = 1.57 MHz to the rounding of R (1 %)."""
    m = materials.get("NZSP0.4")
    number = 2e-3 / m.si("grain_size")
    resistance = number * m.si("grain_boundary_resistance")
    capacitance = m.si("grain_boundary_capacitance") / number
    assert capacitance == pytest.approx(4.5e-9 / 1e-4, rel=1e-12)
    assert resistance == pytest.approx(22.36e-4, rel=1e-3)
    assert 1 / (2 * math.pi * resistance * capacitance) == pytest.approx(1.57e6, rel=1e-2)


def test_nzsp04_activation_energy_of_the_total_is_the_slope_of_the_series_resistance() -> None:
    """E = k d ln(R/T)/d(1/T) of R = T sum_i r_i exp(E_i/kT), differentiated numerically; two digits."""
    m = materials.get("NZSP0.4")
    assert m.arrhenius_form == "sigma T"
    reference = 298.15
    parts = [
        (1 / m.si("conductivity_bulk"), m.si("activation_energy_bulk")),
        (m.si("grain_boundary_resistance") / m.si("grain_size"), m.si("activation_energy_grain_boundary")),
    ]

    def log_of_r_over_t(inverse: float) -> float:
        return math.log(sum(r * math.exp(e / Boltzmann * (inverse - 1 / reference)) for r, e in parts))

    step = 1e-6 / reference
    slope = (log_of_r_over_t(1 / reference + step) - log_of_r_over_t(1 / reference - step)) / (2 * step)
    # A ratio, because approx has an absolute tolerance of 1e-12, far above an energy in joules.
    assert m.si("activation_energy") / (Boltzmann * slope) == pytest.approx(1.0, rel=0.005 / 0.32)


def test_beta_alumina_bulk_is_the_effective_medium_of_planar_conductors() -> None:
    """Bruggeman: sum over the axes (s_i - s)/(s_i + 2 s) = 0 for s_i = (a, a, 0) with a = 10 mS/cm."""
    s, a = materials.get("Na-beta''-alumina").si("conductivity_bulk"), 1.0
    assert sum((axis - s) / (axis + 2 * s) for axis in (a, a, 0.0)) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(("name", "molar_mass", "density"), [("Na", 22.990e-3, 970.0), ("Li", 6.94e-3, 534.0)])
def test_molar_volume_is_molar_mass_over_density(name: str, molar_mass: float, density: float) -> None:
    assert materials.get(name).si("molar_volume") == pytest.approx(molar_mass / density, rel=3e-3)


@pytest.mark.parametrize(("name", "resistivity"), [("Na", 4.88e-8), ("Li", 9.47e-8)])
def test_conductivity_of_metals_is_one_over_the_resistivity_stated(name: str, resistivity: float) -> None:
    assert materials.get(name).si("conductivity") == pytest.approx(1 / resistivity, rel=5e-3)


# --- errors and protection --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["nzsp0.4", "", "Fe", 3, None, ["Na"]])
def test_unknown_names_list_what_exists(name: object) -> None:
    with pytest.raises(InputError, match=r"^material = .*unknown; allowed: ") as caught:
        materials.get(name)  # type: ignore[arg-type]
    assert repr(name) in str(caught.value)
    assert all(known in str(caught.value) for known in materials.names())


def test_unknown_figures_list_what_exists() -> None:
    with pytest.raises(InputError, match=r"'Na' has no figure 'permittivity'.*molar_volume"):
        materials.get("Na").si("permittivity")
    with pytest.raises(InputError, match="not a number"):
        materials.get("NZSP").si("arrhenius_form")
    with pytest.raises(InputError, match="no figure 'arrhenius_form'"):
        _ = materials.get("Li").arrhenius_form


def test_materials_cannot_be_changed() -> None:
    given = {"permittivity": Figure("10", "none", "assumed")}
    material = Material("x", "X", "electrolyte", given)
    given["grain_size"] = Figure("1 um", "none", "assumed")
    assert list(material.figures) == ["permittivity"]
    with pytest.raises(TypeError):
        material.figures["permittivity"] = given["grain_size"]  # type: ignore[index]
    with pytest.raises(dataclasses.FrozenInstanceError):
        material.name = "y"  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        given["permittivity"].value = "20"  # type: ignore[misc]


def test_a_figure_without_source_or_of_unknown_name_is_refused() -> None:
    for empty in (("", "s", "d"), ("1", " ", "d"), ("1", "s", "")):
        with pytest.raises(InputError, match="must not be empty"):
            Figure(*empty)
    with pytest.raises(InputError, match="unknown name 'colour' in x"):
        Material("x", "X", "metal", {"colour": Figure("red", "none", "assumed")})


def test_the_table_shows_every_figure_once() -> None:
    rows = materials.table()
    assert [(row["material"], row["quantity"]) for row in rows] == ALL
    for row in rows:
        figure = materials.get(row["material"]).figures[row["quantity"]]
        assert " ".join(filter(None, (row["value"], row["unit"]))) == figure.value
        assert (row["source"], row["doubt"]) == (figure.source, figure.doubt)
        if row["unit"]:
            assert math.isfinite(float(row["value"]))
