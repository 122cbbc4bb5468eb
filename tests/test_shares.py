"""Shares in Z(omega): every phase and interface owns -dZ/d ln theta, and they sum to Z."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from samples import ACTIVATED_CELL

from aspot.analysis.sensitivity import activation_energies, activation_spectrum, sensitivities
from aspot.analysis.shares import impedance_shares
from aspot.errors import InputError
from aspot.parametric import Family
from aspot.result import Result
from aspot.simulation import simulate

CELL = ACTIVATED_CELL.with_(
    **{
        "working_electrode.contact.interphase": {
            "resistance": "0.1 ohm cm^2", "capacitance": "1 uF/cm^2", "activation_energy": "0.7 eV"
        },
        "numerics.relative_tolerance": 1e-5,
    }
)  # fmt: skip
OTHERS: dict[str, dict[str, Any]] = {
    "tube": {},
    "symmetric": {"counter_electrode.symmetric": True},
    "counter": {
        "counter_electrode.contact": {"charge_transfer_resistance": "1 ohm cm^2", "activation_energy": "0.6 eV"}
    },
    "film": {
        "electrolyte.layers": [{"name": "film", "thickness": "1 um", "conductivity": "1e-5 S/cm"}],
        "numerics.relative_tolerance": 1e-4,
    },
    "pellet": {
        "electrolyte.diameter": "10 mm",
        "working_electrode.diameter": "6 mm",
        "working_electrode.morphology.radius": "10 um",
        "counter_electrode.contact": {"charge_transfer_resistance": "1 ohm cm^2", "activation_energy": "0.6 eV"},
        "numerics.relative_tolerance": 1e-4,
    },
    "symmetric pellet": {
        "electrolyte.diameter": "10 mm",
        "working_electrode.diameter": "6 mm",
        "working_electrode.morphology.radius": "10 um",
        "counter_electrode.symmetric": True,
        "numerics.relative_tolerance": 1e-4,
    },
    "array": {"working_electrode.morphology.arrangement": "hexagonal", "numerics.relative_tolerance": 1e-3},
    "tetrahedra": {
        "working_electrode.morphology.arrangement": "square",
        "numerics.backend": "tetrahedra",
        "numerics.relative_tolerance": 3e-2,
    },
}


@lru_cache
def result(name: str) -> Result:
    return simulate(CELL.with_(**OTHERS[name]))


@pytest.mark.parametrize("name", OTHERS)
def test_shares_sum_to_the_impedance(name: str) -> None:
    """Exactly, at every frequency, for every composition and backend; extrapolated ones too."""
    found = result(name)
    total = np.sum(list(impedance_shares(found).values()), axis=0)
    assert total == pytest.approx(found.spectrum.impedance_ohm_cm2, rel=1e-9)


@pytest.mark.parametrize("name", OTHERS)
def test_shares_at_direct_current_are_the_partition(name: str) -> None:
    """At omega = 0 they are the parts of the resistance by dissipation, real and not negative."""
    found = result(name)
    shares = {key: z[0] for key, z in impedance_shares(found, np.zeros(1)).items()}
    r = found.resistances
    assert shares.pop("gap") == 0
    assert shares.pop("SE bulk") + shares.pop("SE grain_boundaries") == pytest.approx(r.SE, rel=1e-9)
    assert set(shares) == set(r.parts) - {"SE"}
    for key, z in shares.items():
        assert z == pytest.approx(r.parts[key], abs=1e-6 * r.total), key
        assert z.imag == 0 and z.real > -1e-9 * r.total


def test_a_share_is_a_derivative() -> None:
    """-dZ/d ln of an admittance, from differences of laws: the electrolyte's, the gap's, the charge transfer's."""
    found = result("tube")
    shares = impedance_shares(found)
    bulk, gap, size = "electrolyte.", "working_electrode.gap.thickness", "electrolyte.grain_boundaries."
    contact = "working_electrode.contact."
    keys = {
        f"{bulk}conductivity": (-1, CELL.electrolyte.conductivity),
        f"{bulk}permittivity": (-1, 30.0),
        f"{size}resistance": (1, 0.011e-4),
        f"{size}capacitance": (-1, 0.09),
        gap: (1, 30e-9),
        f"{contact}charge_transfer_resistance": (1, 0.2e-4),
        f"{contact}double_layer_capacitance": (-1, 0.1),
    }
    d = sensitivities(found, list(keys))
    logarithmic = {key: sign * value * d[key] for key, (sign, value) in keys.items()}  # type: ignore[operator]
    names = list(keys)
    electrolyte = shares["SE bulk"] + shares["SE grain_boundaries"] + shares["constriction"]
    z = found.spectrum.impedance_ohm_cm2
    for owned, parts in ((electrolyte, names[:4]), (shares["gap"], names[4:5]), (shares["charge_transfer"], names[5:])):
        assert np.max(np.abs(owned - sum(logarithmic[n] for n in parts)) / np.abs(z)) < 1e-6


def test_planar_cell_in_closed_form() -> None:
    """A planar contact in series: L/kappa by grains and boundaries, and R/(1 + j omega R C) of the contact."""
    cell = CELL.with_(**{"working_electrode.morphology": None, "working_electrode.gap": None})
    shares = impedance_shares(simulate(cell))
    jw = 2j * np.pi * cell.frequencies.values_Hz()
    assert shares["charge_transfer"] == pytest.approx(0.2 / (1 + jw * 0.2 * 10e-6), rel=1e-9)
    assert shares["interphase"] == pytest.approx(0.1 / (1 + jw * 0.1 * 1e-6), rel=1e-9)
    assert shares["SE grain_boundaries"] == pytest.approx(2000 * 0.011 / (1 + jw * 0.011 * 9e-6), rel=1e-9)
    assert np.max(np.abs(shares["constriction"])) < 1e-8


def test_the_gap_takes_over_at_high_frequency() -> None:
    """Far above the apex the contacts carry nothing: their shares vanish, Z is electrolyte and gap alone."""
    shares = impedance_shares(result("tube"), np.array([1e-2, 1e8]))
    z = np.sum(list(shares.values()), axis=0)
    assert abs(shares["gap"][0]) < 1e-6 * abs(z[0]) < abs(shares["charge_transfer"][0])
    assert abs(shares["charge_transfer"][1]) < 1e-6 * abs(z[1])


# --- activation energies ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["tube", "symmetric", "counter", "film", "pellet", "symmetric pellet", "array"])
def test_the_energy_of_z_is_the_weighted_mean(name: str) -> None:
    """sum_k w_k E_k is d ln Z/d(1/kT) as differences of all laws with temperature give it, at every frequency."""
    found = result(name)
    spectrum = activation_spectrum(found)
    assert spectrum.energy == pytest.approx(activation_energies(found).spectrum, rel=1e-5, abs=1e-6)
    assert spectrum.energies["bulk"] == pytest.approx(0.26, rel=1e-6)
    assert spectrum.energies["grain_boundaries"] == pytest.approx(0.36, rel=1e-6)


def test_the_energy_of_the_interface_is_that_of_its_excess() -> None:
    """d ln(Z - Z_perfect)/d(1/kT) by two temperatures of one family, at every frequency."""
    found = result("tube")
    t, h = CELL.temperature, 0.5
    family = Family(found, tolerance=1e-9)
    omega = 2 * np.pi * found.spectrum.frequency_Hz
    low, high = (family.model(temperature=t + s) for s in (-h, h))
    ratio = (low.impedance(omega) - low.perfect(omega)) / (high.impedance(omega) - high.perfect(omega))
    slope = np.log(ratio) / (1 / (8.617333262e-5 * (t - h)) - 1 / (8.617333262e-5 * (t + h)))
    assert activation_spectrum(found).interface == pytest.approx(slope, rel=1e-3, abs=1e-4)


def test_direct_current_agrees_with_the_arcs() -> None:
    """At omega = 0: the energies of R_total and R_int; the weights are the shares in R and sum to 1."""
    for name in ("tube", "pellet", "counter"):
        spectrum, arcs = activation_spectrum(result(name), np.zeros(1)), activation_energies(result(name))
        assert spectrum.energy[0].real == pytest.approx(arcs.total, rel=1e-6)
        assert sum(w[0] for w in spectrum.weights.values()) == pytest.approx(1.0, rel=1e-9)
        if name != "pellet":  # there the excess is counted from the electrode on the pellet, not from the slab
            assert spectrum.interface is not None
            assert spectrum.interface[0].real == pytest.approx(arcs.int_, rel=1e-6)
            assert sum(w[0] for w in spectrum.interface_weights.values()) == pytest.approx(1.0, rel=1e-9)
    assert activation_spectrum(result("counter")).energies["charge_transfer (counter)"] == pytest.approx(0.6, rel=1e-6)


def test_grain_boundaries_lend_the_interface_their_energy_at_low_frequency_only() -> None:
    """Ortmann 2022: between bulk and boundaries, nearer to these for small grains; bulk alone above their apex."""
    cell = CELL.with_(**{"working_electrode.contact": None, "working_electrode.gap": None})
    family = Family(simulate(cell))
    frequencies = np.array([0.0, 3e8])
    energies = []
    for size in (1e-7, 1e-6, 1e-5):
        model = family.model(**{"electrolyte.grain_boundaries.grain_size": size})
        interface = activation_spectrum(model, frequencies).interface
        assert interface is not None
        energies.append(np.real(interface))
    still, fast = np.array(energies).T
    assert 0.26 < still[2] < still[1] < still[0] < 0.36
    # The mean that the resistances of bulk and boundaries give: R_gb/d against 1/sigma.
    for size, energy in zip((1e-7, 1e-6, 1e-5), still, strict=True):
        bulk, boundary = 1 / 1.4, 0.011e-4 / size
        assert energy == pytest.approx((bulk * 0.26 + boundary * 0.36) / (bulk + boundary), rel=1e-6)
    assert fast[2] < 0.262


def test_weights_go_with_the_capacitances_at_high_frequency() -> None:
    """The weights of the conductances and of the capacitances together are 1: at high frequency the latter take all."""
    frequencies: NDArray[np.float64] = np.array([0.0, 1e13])
    spectrum = activation_spectrum(result("tube"), frequencies)
    total = np.sum(list(spectrum.weights.values()), axis=0)
    assert total[0] == pytest.approx(1.0, rel=1e-9)
    assert abs(total[1]) < 1e-3


def test_an_ideal_planar_cell_has_no_interface_energy() -> None:
    """Nothing in excess of the electrolyte: no arc, no energy of it."""
    cell = CELL.with_(
        **{"working_electrode.morphology": None, "working_electrode.gap": None, "working_electrode.contact": None}
    )
    assert activation_spectrum(simulate(cell)).interface is None


def test_a_result_without_a_model_is_refused() -> None:
    with pytest.raises(InputError, match="no model"):
        impedance_shares(replace(result("tube"), model=None))


@pytest.mark.parametrize("frequency", [-1.0, np.nan, np.inf])
def test_frequencies_that_cannot_be_are_refused(frequency: float) -> None:
    for shares in (impedance_shares, activation_spectrum):
        with pytest.raises(InputError, match="frequency_Hz must be finite and not negative"):
            shares(result("tube"), [1.0, frequency])
