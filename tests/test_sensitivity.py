"""Exact derivatives: Y is stationary with respect to the field, so that dY/dp needs the laws' change alone."""

from __future__ import annotations

import numpy as np
import pytest
from samples import ACTIVATED_CELL as CELL
from scipy.constants import elementary_charge

from aspot.analysis.sensitivity import activation_energies, sensitivities
from aspot.cell import Cell
from aspot.errors import InputError
from aspot.simulation import simulate
from aspot.variation import value_at

PARAMETERS = (
    "electrolyte.conductivity",
    "electrolyte.permittivity",
    "electrolyte.grain_boundaries.resistance",
    "electrolyte.grain_boundaries.capacitance",
    "working_electrode.contact.charge_transfer_resistance",
    "working_electrode.contact.double_layer_capacitance",
    "working_electrode.gap.thickness",
    "temperature",
)


def with_pellet(cell: Cell) -> Cell:
    """The same interface, finer, on an electrode smaller than the pellet."""
    return cell.with_(
        **{
            "electrolyte.diameter": "10 mm",
            "working_electrode.diameter": "6 mm",
            "working_electrode.morphology.radius": "10 um",
            "counter_electrode.contact": {"charge_transfer_resistance": "1 ohm cm^2"},
        }
    )


@pytest.mark.parametrize("cell", [CELL, with_pellet(CELL)], ids=["tube", "pellet"])
@pytest.mark.parametrize("path", PARAMETERS)
def test_derivative_equals_difference_of_solves(cell: Cell, path: str) -> None:
    """dZ/dp against central differences of complete simulations on the same meshes, whose own error is O(h^2)."""
    result = simulate(cell)
    found = sensitivities(result, [path])[path]
    table = cell.resolved()
    for key in path.split("."):
        table = table[key]
    value = float(table)  # type: ignore[arg-type]
    step = 1e-3 * value
    high, low = (simulate(cell.with_(**{path: value + s})).spectrum.impedance_ohm_cm2 for s in (step, -step))
    difference = (high - low) / (2 * step)
    assert np.max(np.abs(found - difference)) < 1e-4 * np.max(np.abs(difference))


FILM = {"name": "film", "thickness": "50 nm", "conductivity": "1e-5 S/cm", "permittivity": 10}
#: A key, and a value at the lower end of what it allows: there is none below.
AT_THE_END = {"working_electrode.gap.permittivity": 1.0, "electrolyte.activation_energy": 0.0}


@pytest.mark.parametrize("path", ["electrolyte.layers.0.conductivity", *AT_THE_END])
def test_layers_and_values_at_the_end_of_their_range(path: str) -> None:
    """dZ/dp against a simulation at p + h: of an entry of a list, and where p - h is not allowed."""
    cell = CELL.with_(**{"electrolyte.layers": [FILM], "temperature": "60 degC"})
    if path in AT_THE_END:
        cell = cell.with_(**{path: AT_THE_END[path]})
    result = simulate(cell)
    value = value_at(cell, path)
    assert value is not None
    step = 1e-3 * (value or elementary_charge)
    high = simulate(cell.with_(**{path: value + step})).spectrum.impedance_ohm_cm2
    difference = (high - result.spectrum.impedance_ohm_cm2) / step
    found = sensitivities(result, [path])[path]
    # One side: the second derivative counts, with h/2 = 5e-4 of the parameter (of 1 eV: of 30 kT).
    assert np.max(np.abs(found - difference)) < 0.03 * np.max(np.abs(difference))


def test_lengths_and_conductivities_make_z_homogeneous() -> None:
    """Z is of degree -1 in all admittances at once: sum_p p dZ/dp over them, of sign +1 or -1, is -Z (Euler)."""
    result = simulate(CELL)
    signs = dict.fromkeys(PARAMETERS[:-1], 1.0)
    for resistive in (2, 4, 6):
        signs[PARAMETERS[resistive]] = -1.0
    total = np.zeros(len(result.spectrum.frequency_Hz), complex)
    for path, derivative in sensitivities(result, list(signs)).items():
        table = CELL.resolved()
        for key in path.split("."):
            table = table[key]
        total += signs[path] * float(table) * derivative  # type: ignore[arg-type]
    z = result.spectrum.impedance_ohm_cm2
    assert np.max(np.abs(total + z) / np.abs(z)) < 1e-6


def test_activation_energies_are_weighted_means() -> None:
    """In series, d ln R / d(1/kT) is the mean of the parts' energies, weighted with their shares in R.

    The constriction has the electrolyte's own: it lies between bulk and boundaries, and so do R_SE and R_int.
    """
    found = activation_energies(simulate(CELL))
    shares = found.shares
    assert sum(shares.values()) == pytest.approx(1.0, rel=1e-9)
    bulk, boundaries = 0.26, 0.36
    split = shares["SE bulk"] + shares["SE grain_boundaries"]
    electrolyte = (shares["SE bulk"] * bulk + shares["SE grain_boundaries"] * boundaries) / split
    assert pytest.approx(electrolyte, rel=1e-6) == found.SE
    total = electrolyte * (split + shares["constriction"]) + 0.5 * shares["charge_transfer"]
    # The distribution of the current over the contacts changes with temperature only to second order in R.
    assert found.total == pytest.approx(total, rel=1e-6)
    assert bulk < found.SE < boundaries
    assert np.real(found.spectrum[-1]) == pytest.approx(found.total, rel=1e-3)


def test_constriction_alone_has_the_energy_of_the_electrolyte() -> None:
    """Homogeneous electrolyte, ideal contact: R_cc/R_SE does not depend on temperature, so that all energies agree."""
    cell = CELL.with_(**{"electrolyte.grain_boundaries": None, "working_electrode.contact": None})
    found = activation_energies(simulate(cell))
    for energy in (found.total, found.SE, found.int_):
        assert energy == pytest.approx(0.26, rel=1e-6)


def test_grain_size_moves_the_interface_between_bulk_and_boundaries() -> None:
    """Ortmann 2022: E_int lies between bulk and boundary values, nearer to the boundaries' the smaller the grains."""
    ideal = CELL.with_(**{"working_electrode.contact": None})
    energies = [
        activation_energies(simulate(ideal.with_(**{"electrolyte.grain_boundaries.grain_size": size}))).int_
        for size in (1e-7, 1e-6, 1e-5)
    ]
    assert 0.26 < energies[2] < energies[1] < energies[0] < 0.36


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("electrolyte.colour", "no such number"),
        ("working_electrode.morphology.kind", "no such number"),
        ("electrolyte.layers.0.conductivity", "no such number"),
        ("working_electrode.morphology.radius", "geometry"),
    ],
)
def test_what_is_no_law_is_refused(path: str, message: str) -> None:
    """Only numbers of the laws can be varied without a new mesh."""
    with pytest.raises(InputError, match=message):
        sensitivities(simulate(CELL.with_(**{"numerics.relative_tolerance": 1e-2})), [path])
