"""Cells fitted to spectra: derivatives, the scaling of unit cells, recovery, coverage, and what cannot be told.

Theory: the admittance is stationary in the field, so that its derivative by a law is the energy of its term; an
interface of s times the size has s times the excess impedance under s times its surface laws; the distance of estimates
from the truth, measured by the covariance that the fit states, follows the chi-squared distribution.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom, chi2

from aspot.cell import Cell
from aspot.errors import InputError
from aspot.inference import FitResult, fit
from aspot.inference.free import free_parameters
from aspot.inference.geometry import roles_of
from aspot.inference.model import CellModel
from aspot.inference.statements import label
from aspot.simulation import simulate
from aspot.spectrum import Spectrum
from aspot.variation import value_at

W = "working_electrode."
FRACTION, RADIUS, GAP = W + "morphology.contact_fraction", W + "morphology.radius", W + "gap.thickness"
R_CT, C_DL = W + "contact.charge_transfer_resistance", W + "contact.double_layer_capacitance"
SIGMA, THICKNESS = "electrolyte.conductivity", "electrolyte.thickness"

SPOT = {"kind": "spots", "arrangement": "single", "radius": "10 um", "contact_fraction": 0.05}
CONTACT = {"charge_transfer_resistance": "0.5 ohm cm^2", "double_layer_capacitance": "10 uF/cm^2"}
BASE: dict[str, Any] = {
    "electrolyte": {"thickness": "1 mm", "conductivity": "5.5 mS/cm", "permittivity": 30},
    "working_electrode": {"morphology": SPOT, "contact": CONTACT, "gap": {"thickness": "100 nm"}},
    "frequencies": {"start": "7 MHz", "stop": "10 Hz", "per_decade": 4},
}


def cell(**changes: object) -> Cell:
    return Cell(**BASE).with_(**changes)


@lru_cache(maxsize=4)
def truth(tolerance: float = 1e-4) -> Spectrum:
    return simulate(cell(**{"numerics.relative_tolerance": tolerance}), with_fields=False).spectrum


def noisy(spectrum: Spectrum, seed: int, level: float = 0.005) -> Spectrum:
    random, z = np.random.default_rng(seed), spectrum.impedance_ohm_cm2
    noise = random.standard_normal(len(z)) + 1j * random.standard_normal(len(z))
    return replace(spectrum, impedance_ohm_cm2=z + level * np.abs(z) * noise)


def model_of(base: Cell, free: Any) -> CellModel:
    spectrum_scale = np.array([1e-3 + 0j])
    begun, parameters = free_parameters(base, free, spectrum_scale)
    return CellModel(begun, parameters, base.frequencies.values_Hz())


def simulated(model: CellModel, values: NDArray[np.float64]) -> NDArray[np.complex128]:
    z = model.simulated(model.cell_at(values)).spectrum.impedance_ohm_cm2 * 1e-4
    return z + model.instrument({one.path: float(v) for one, v in zip(model.free, values, strict=True)}).value


# The model and its derivatives ---------------------------------------------------------------------------------------


def test_derivatives_are_those_of_full_simulations() -> None:
    """Laws, size, contact fraction, thickness and instrument at once; central differences of 1 % err by 1e-4."""
    free = [R_CT, C_DL, GAP, FRACTION, RADIUS, SIGMA, THICKNESS, "instrument.inductance", "instrument.resistance"]
    model = model_of(cell(**{"numerics.relative_tolerance": 1e-5}), free)
    assert model.roles.scales == {RADIUS: "working"} and model.roles.axes == (FRACTION,)
    values = np.array([1.07 * one.parameter.value for one in model.free])
    z, slopes = model(values)
    np.testing.assert_allclose(z, simulated(model, values), rtol=1e-4)
    for k, one in enumerate(model.free):
        step = np.zeros(len(values))
        step[k] = 0.01 * values[k]
        difference = (simulated(model, values + step) - simulated(model, values - step)) / (2 * step[k])
        scale = np.abs(difference).max()
        np.testing.assert_allclose(slopes[:, k], difference, rtol=0, atol=2e-3 * scale, err_msg=one.path)


#: Cell, and factors of parameters by which the model must still agree with a simulation.
COMPOSITIONS: dict[str, tuple[dict[str, object], dict[str, float]]] = {
    "square array": ({W + "morphology.arrangement": "square"}, {FRACTION: 1.4, RADIUS: 0.5, R_CT: 2.0}),
    "pores": (
        {W + "morphology": {"kind": "pores", "arrangement": "single", "radius": "10 um", "contact_fraction": 0.3}},
        {FRACTION: 1.3, RADIUS: 2.0, GAP: 0.5},
    ),
    "symmetric": ({"counter_electrode.symmetric": True}, {FRACTION: 0.7, RADIUS: 2.0, GAP: 0.5}),
    "counter electrode of its own": (
        {"counter_electrode": {"morphology": SPOT | {"radius": "20 um"}, "gap": {"thickness": "50 nm"}}},
        {FRACTION: 1.3, "counter_electrode.morphology.radius": 0.7, "counter_electrode.gap.thickness": 2.0},
    ),
    "planar counter electrode": (
        {"counter_electrode.contact": {"charge_transfer_resistance": "3 ohm cm^2"}},
        {"counter_electrode.contact.charge_transfer_resistance": 2.0, RADIUS: 1.5},
    ),
    "electrode smaller than the pellet": (
        {"electrolyte.diameter": "10 mm", "working_electrode.diameter": "6 mm"},
        {FRACTION: 1.3, RADIUS: 2.0, R_CT: 0.5, SIGMA: 1.5},
    ),
    "planar electrode smaller than the pellet": (
        {"electrolyte.diameter": "10 mm", "working_electrode": {"diameter": "6 mm", "contact": CONTACT}},
        {R_CT: 5.0, SIGMA: 1.5},
    ),
    "diameter": (
        {"electrolyte.diameter": "10 mm", "working_electrode": {"diameter": "6 mm", "contact": CONTACT}},
        {"working_electrode.diameter": 1.2},
    ),
    "film": (
        {"electrolyte.layers": [{"name": "film", "thickness": "50 nm", "conductivity": "1e-5 S/cm"}]},
        {"electrolyte.layers.0.thickness": 1.3, "electrolyte.layers.0.conductivity": 2.0},
    ),
    "pellet not deep enough": ({THICKNESS: "60 um"}, {RADIUS: 1.3, R_CT: 2.0}),
    "height of lenses": (
        {
            W + "morphology": {"kind": "pores", "arrangement": "single", "radius": "10 um", "contact_fraction": 0.3},
            W + "gap": {"thickness": "2 nm", "shape": "lens", "height": "60 nm"},
        },
        {W + "gap.height": 1.5, RADIUS: 1.2},
    ),
}


@pytest.mark.parametrize("name", COMPOSITIONS)
def test_the_model_agrees_with_simulations_elsewhere(name: str) -> None:
    changes, factors = COMPOSITIONS[name]
    base = cell(**changes, **{"frequencies.per_decade": 2})
    model = model_of(base, list(factors))
    values = np.array([f * one.parameter.value for one, f in zip(model.free, factors.values(), strict=True)])
    z, _ = model(values)
    exact = simulated(model, values)
    # Both are in error by the tolerance at most.
    np.testing.assert_allclose(z, exact, rtol=1e-3)
    # What has no similar neighbours is interpolated less well.
    rough = name in ("film", "diameter")
    assert np.max(np.abs(z / exact - 1)) < (1e-3 if rough else 2e-4)


@pytest.mark.parametrize("name", ["square array", "electrode smaller than the pellet", "symmetric", "pixels"])
def test_the_model_is_the_simulation_where_that_was_made(name: str) -> None:
    """Same meshes, extrapolated over the same levels: the bases leave far less than the tolerance."""
    pixels = {"numerics": {"backend": "planar", "relative_tolerance": 2e-2}, W + "morphology.arrangement": "square"}
    model = model_of(cell(**(pixels if name == "pixels" else COMPOSITIONS[name][0])), [R_CT])
    values = np.array([0.5e-4])
    np.testing.assert_allclose(model(values)[0], simulated(model, values), rtol=1e-6)


def test_the_size_of_an_interface_is_exact_and_needs_no_simulation_of_its_own() -> None:
    model = model_of(cell(**{"numerics.relative_tolerance": 1e-6}), [RADIUS])
    for factor in (0.1, 1.0, 5.0):
        values = np.array([factor * 10e-6])
        np.testing.assert_allclose(model(values)[0], simulated(model, values), rtol=1e-6)
    assert model.simulations == 1


def test_label_images_follow_their_laws(tmp_path: Path) -> None:
    """Faces between voxels have two materials, or one and a contact, in series."""
    labels = np.ones((6, 6, 6), np.uint8)
    labels[:2, :, 2:] = 2
    np.save(tmp_path / "labels.npy", labels)
    morphology = {"kind": "tomogram", "file": str(tmp_path / "labels.npy"), "voxel_size": "2 um"}
    base = Cell(
        electrolyte=BASE["electrolyte"],
        working_electrode={
            "morphology": morphology | {"phases": {"electrolyte": [1], "pore": [2]}, "pore_permittivity": 300.0},
            "contact": CONTACT,
        },
        frequencies={"start": "10 MHz", "stop": "10 kHz", "per_decade": 1},
        numerics={"relative_tolerance": 5e-2},
    )
    free = [SIGMA, W + "morphology.pore_permittivity", R_CT]
    model = model_of(base, free)
    values = np.array([one.parameter.value for one in model.free])
    slopes = model(values)[1]
    assert model.roles.axes == ()
    for k, size in enumerate(values):
        step = np.zeros(3)
        step[k] = 0.02 * size
        difference = (simulated(model, values + step) - simulated(model, values - step)) / (2 * step[k])
        scale = np.abs(difference).max()
        np.testing.assert_allclose(slopes[:, k], difference, rtol=0, atol=5e-3 * scale, err_msg=free[k])


def test_more_geometry_than_can_be_interpolated_is_simulated_point_by_point() -> None:
    base = cell(**{W + "morphology.shape": "annulus", W + "morphology.inner_radius": "5 um"})
    model = model_of(base, [W + "morphology.inner_radius", RADIUS, FRACTION])
    assert model.is_slow and not model.is_interpolated
    values = np.array([5.5e-6, 11e-6, 0.06])
    z, slopes = model(values)
    assert model.simulations == 4
    np.testing.assert_allclose(z, simulated(model, values), rtol=1e-5)
    # All lengths together: the sum of logarithmic slopes is that of the size, and R_cc grows with it.
    grown = simulated(model, values * np.array([1.01, 1.01, 1.0]))
    along = (slopes[:, 0] * values[0] + slopes[:, 1] * values[1]) * np.log(1.01)
    np.testing.assert_allclose(along, grown - z, rtol=0, atol=0.1 * np.abs(grown - z).max())


# Fits ----------------------------------------------------------------------------------------------------------------

TRUE = {FRACTION: 0.05, R_CT: 0.5e-4, C_DL: 0.1, GAP: 100e-9}
START = {FRACTION: 0.04, R_CT: 2e-4, C_DL: 0.02, GAP: 30e-9}


def test_the_truth_is_recovered_without_noise() -> None:
    """The answer is as exact as the simulations: 1e-5 in Z leaves 1e-4 where a spectrum is sensitive enough."""
    begin = cell(**START, **{"numerics.relative_tolerance": 1e-5})
    found = fit(begin, truth(1e-6), list(TRUE), starts=1, profile=False)
    np.testing.assert_allclose(found.values[:3], list(TRUE.values())[:3], rtol=1e-4)
    assert found[GAP] == pytest.approx(100e-9, rel=1e-3)  # twenty times less sensitive
    np.testing.assert_allclose(found.spectrum.impedance_ohm_cm2, truth(1e-6).impedance_ohm_cm2, rtol=1e-5)
    assert found.cell.working_electrode.gap is not None
    assert found.cell.working_electrode.gap.thickness == found[GAP]
    # The answer is a simulation, not the model of the search.
    assert found.model_difference < 1e-5
    assert found.cell.frequencies == begin.frequencies


def test_noise_is_covered_as_often_as_stated() -> None:
    """20 spectra with 0.5 % of noise: four parameters, one of them geometry."""
    trials, inside, distance = 20, np.zeros(4), 0.0
    for seed in range(trials):
        found = fit(cell(**START), noisy(truth(), seed), list(TRUE), starts=1, profile=False, noise=0.005)
        low, high = np.array([found.interval(path) for path in TRUE]).T
        inside += (low <= list(TRUE.values())) & (list(TRUE.values()) <= high)
        miss = np.log(found.values / list(TRUE.values()))
        distance += miss @ np.linalg.solve(found.estimate.covariance, miss)
        assert found.estimate.reduced_chi_squared < chi2.ppf(1 - 1e-6, 46) / 46
        assert not found.estimate.undetermined
    assert (inside >= binom.ppf(1e-4, trials, 0.95)).all(), inside
    assert chi2.ppf(1e-4, 4 * trials) < distance < chi2.ppf(1 - 1e-4, 4 * trials)


@lru_cache(maxsize=1)
def degenerate() -> FitResult:
    """A gap and what fills it: the spectrum has their quotient alone."""
    free = [GAP, W + "gap.permittivity", RADIUS]
    return fit(cell(), noisy(truth(), 1), free, starts=2)


def test_gap_and_permittivity_are_one_parameter_and_the_fit_says_so() -> None:
    found = degenerate()
    (direction,) = found.estimate.undetermined
    assert direction.determined == f"{GAP} / {W}gap.permittivity"
    assert not found.is_determined(GAP) and not found.is_determined(W + "gap.permittivity")
    assert found.is_determined(RADIUS)
    low, high = found.interval(RADIUS)
    assert low < 10e-6 < high
    said = " ".join(found.statement())
    assert "the spectrum fixes gap thickness / gap permittivity and not the two one by one" in said
    assert "gap thickness: above" in said and "sets no upper limit" in said
    # A ratio of 100 nm: from permittivity 1 on.
    assert found.interval(GAP)[0] == pytest.approx(100e-9, rel=0.2)
    profile = found.profiles[GAP]
    quotient = profile.others[:, 0] / profile.others[:, 1]
    fits = profile.excess < 1.0
    assert fits.sum() > 5 and np.ptp(profile.values[fits]) > 1e-6
    np.testing.assert_allclose(quotient[fits], quotient[fits][0], rtol=0.1)


def test_instrument_in_series() -> None:
    """Leads: found where they are; where they are not, zero stays possible and is said to be."""
    z = truth()
    lead, inductance = 2.0, 20e-9  # ohm cm2, H cm2
    measured = replace(z, impedance_ohm_cm2=z.impedance_ohm_cm2 + lead + 1j * z.omega * inductance)
    free = [RADIUS, "instrument.resistance", "instrument.inductance"]
    found = fit(cell(), noisy(measured, 2, 1e-3), free, starts=2, profile=False)
    for path, value in zip(free, (10e-6, lead * 1e-4, inductance * 1e-4), strict=True):
        low, high = found.estimate.confidence_intervals(0.9999)[free.index(path)]
        assert low < value < high, path
    none = fit(cell(), noisy(z, 2), ["instrument.inductance", RADIUS], starts=1)
    assert none.bounded("instrument.inductance")[0] is False
    assert any("series inductance: below" in s for s in none.statement())
    np.testing.assert_allclose(found.spectrum.impedance_ohm_cm2, measured.impedance_ohm_cm2, rtol=5e-3)


def test_a_model_that_misses_something_is_said_to() -> None:
    """Without a gap there is no second arc: no conductivity and radius make one."""
    begin = cell(**{W + "contact": None, W + "gap": None})
    found = fit(begin, noisy(truth(), 3), [SIGMA, RADIUS], starts=1, profile=False)
    assert found.estimate.is_systematic
    assert "does not describe the spectrum" in found.statement()[0]
    warm = replace(truth(), temperature_K=330.0)
    found = fit(cell(), noisy(warm, 3), [RADIUS], starts=1, profile=False)
    assert any("330.00 K" in s and "298.15 K" in s for s in found.statement())


def test_pairs_that_trade_off_are_named_with_what_is_known() -> None:
    """R_ct/f is what a small contact shows: fraction and resistance per contact area are strongly correlated."""
    found = fit(cell(**START), noisy(truth(), 4), [FRACTION, R_CT], starts=1, profile=False)
    if abs(found.estimate.correlation[0, 1]) > 0.95:
        assert any("contact fraction and charge transfer resistance trade off" in s for s in found.statement())
    errors, r = found.estimate.scaled_errors, found.estimate.correlation[0, 1]
    assert errors[0] * np.sqrt(1 - r**2) < 0.7 * errors[0]


# Roles, starts and bounds --------------------------------------------------------------------------------------------


def test_what_a_parameter_acts_on() -> None:
    omega = cell().frequencies.values_Hz()

    def roles(base: Cell, *paths: str) -> Any:
        begun, free = free_parameters(base, paths, np.ones(1, complex))
        return roles_of(begun, free, omega)

    found = roles(cell(), FRACTION, RADIUS, GAP, "instrument.resistance")
    assert (found.laws, found.scales, found.axes) == ((GAP,), {RADIUS: "working"}, (FRACTION,))
    # A film does not grow with the spots, nor does a gap of given height; the spacing changes the fraction.
    film = cell(**{"electrolyte.layers": [{"name": "film", "thickness": "50 nm", "conductivity": "1e-5 S/cm"}]})
    assert roles(film, RADIUS).axes == (RADIUS,)
    spaced = cell(**{FRACTION: None, W + "morphology.spacing": "80 um"})
    assert roles(spaced, RADIUS).axes == (RADIUS,)
    assert roles(cell(**{THICKNESS: "30 um"}), THICKNESS).axes == (THICKNESS,)
    assert roles(cell(), THICKNESS).laws == (THICKNESS,)
    # No activation energy, so far: away from the temperature of reference it counts.
    warm = cell(temperature="60 degC")
    assert roles(warm, "electrolyte.activation_energy").laws == ("electrolyte.activation_energy",)


def test_bounds_follow_the_key_and_the_cell() -> None:
    square = cell(**{W + "morphology.arrangement": "square"})
    _, (fraction, gap, energy) = free_parameters(
        square, [FRACTION, GAP, "electrolyte.activation_energy"], np.ones(1, complex)
    )
    # Discs of a square array touch at pi/4.
    assert 0.75 < fraction.parameter.upper < np.pi / 4
    assert fraction.parameter.lower == 1e-4
    assert (gap.parameter.lower, gap.parameter.upper) == (1e-9, 1e-5)
    assert energy.parameter.scale == "linear" and energy.parameter.lower == 0.0
    # Of the instrument, too: 1 H cm2 is 1e-4 H m2.
    _, (leads,) = free_parameters(square, {"instrument.inductance": ("0 H cm^2", "50 nH cm^2")}, np.ones(1, complex))
    assert (leads.parameter.lower, leads.parameter.upper) == (0.0, pytest.approx(5e-12))
    # Text with units, the start in the middle of bounds that do not hold it; a spacing gives way to its fraction.
    spaced = cell(**{FRACTION: None, W + "morphology.spacing": "80 um"})
    begun, (gap, fraction) = free_parameters(spaced, {GAP: ("1 um", "4 um"), FRACTION: None}, np.ones(1, complex))
    assert gap.parameter.value == pytest.approx(2e-6)
    assert value_at(begun, GAP) == pytest.approx(2e-6)
    assert fraction.parameter.value == pytest.approx(spaced.working_electrode.contact_fraction)
    assert gap.shown(2.5e-6) == "2.5 µm" and fraction.shown(0.012345) == "0.0123"


def test_labels_read() -> None:
    assert label("counter_electrode.gap.thickness") == "counter gap thickness"
    assert label("instrument.inductance") == "series inductance"


@pytest.mark.parametrize(
    ("free", "words"),
    [
        ([], "at least one"),
        ([GAP, GAP], "given twice"),
        (GAP, "must be a list of keys"),
        (["electrolyte.colour"], "electrolyte.colour: is no number of a case"),
        ([W + "morphology.count"], "is no number of a case"),
        (["name"], "is no number of a case"),
        (["contact_fraction"], "did you mean 'working_electrode.morphology.contact_fraction'"),
        ([W + "gap.thicknes"], "did you mean 'working_electrode.gap.thickness'"),
        (["instrument.inductanc"], "did you mean 'instrument.inductance'"),
        ([W + "gap.filling.conductivity"], "gives no value to start from"),
        ({GAP: ("2 um", "1 um")}, "must be below the upper"),
        ({GAP: ("1 pm", "1 um")}, "must lie between 1e-09"),
        ({GAP: ("1 ohm", "1 um")}, "is not a unit of length"),
        ({"instrument.resistance": ("x", "y")}, "instrument.resistance"),
        ({R_CT: (0.0, 1.0)}, "must lie between"),
    ],
)
def test_what_cannot_be_free(free: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        fit(cell(), truth(), free)


def test_arguments_that_cannot_be_meant() -> None:
    with pytest.raises(InputError, match="confidence = 1"):
        fit(cell(), truth(), [GAP], confidence=1.0)
    with pytest.raises(InputError, match="cannot fix"):
        fit(cell(), truth().restricted(6e3, 8e3), [GAP, R_CT, C_DL])
