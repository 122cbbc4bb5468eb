"""Exact relaxation times: Z = R_inf + sum R_k/(1 + j omega tau_k), every R_k >= 0, from the network G + s C."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.constants import epsilon_0

from aspot.analysis.relaxation import RelaxationTimes, pencil, relaxation_times
from aspot.cell import Cell
from aspot.compose import SolvedCell, SolvedInterface
from aspot.errors import InputError
from aspot.parametric import Family
from aspot.reduction import reduce
from aspot.result import Result
from aspot.simulation import simulate

SPOT = {"kind": "spots", "arrangement": "single", "radius": "20 um", "contact_fraction": 0.05}
CONTACT: dict[str, Any] = {"charge_transfer_resistance": "0.5 ohm cm^2", "double_layer_capacitance": "10 uF/cm^2"}
INTERPHASE = {"resistance": "0.2 ohm cm^2", "capacitance": "0.1 uF/cm^2"}
BOUNDARIES = {"grain_size": "1 um", "resistance": "0.01 ohm cm^2", "capacitance": "10 uF/cm^2"}
PLANAR = Cell(
    electrolyte={"thickness": "1 mm", "conductivity": "10 mS/cm", "permittivity": 30},
    frequencies={"start": "1 GHz", "stop": "1 Hz", "per_decade": 5},
)
CELL = PLANAR.with_(
    **{
        "electrolyte.grain_boundaries": BOUNDARIES,
        "working_electrode": {
            "morphology": SPOT,
            "contact": {**CONTACT, "interphase": INTERPHASE},
            "gap": {"thickness": "30 nm"},
        },
    }
)
OTHERS: dict[str, dict[str, Any]] = {
    "tube": {},
    "symmetric": {"counter_electrode.symmetric": True},
    "thin": {"electrolyte.thickness": "50 um", "counter_electrode.contact": CONTACT},
    "counter": {
        "counter_electrode.contact.charge_transfer_resistance": "3 ohm cm^2",
        "counter_electrode.contact.double_layer_capacitance": "1 uF/cm^2",
    },
    "two interfaces": {"counter_electrode": {"morphology": {**SPOT, "radius": "5 um"}, "gap": {"thickness": "100 nm"}}},
    "film": {"electrolyte.layers": [{"name": "film", "thickness": "1 um", "conductivity": "1e-5 S/cm"}]},
    "array": {"working_electrode.morphology.arrangement": "hexagonal"},
}


@lru_cache
def result(name: str) -> Result:
    return simulate(CELL.with_(**OTHERS[name]))


@lru_cache
def family() -> Family:
    return Family(result("tube"))


def close(found: RelaxationTimes, expected: dict[float, float]) -> None:
    """Times [s] and resistances [ohm cm2] as expected, longest first."""
    times = sorted(expected, reverse=True)
    assert found.tau_s == pytest.approx(times, rel=1e-9)
    assert found.resistance_ohm_cm2 == pytest.approx([expected[t] for t in times], rel=1e-9)


#: Of the electrolyte of `PLANAR`: epsilon/sigma and L/sigma.
BULK = (30 * epsilon_0 / 1.0, 10.0)


def test_slab_with_a_contact() -> None:
    """Two semicircles: epsilon/sigma of the slab, and tau = R C of the contact; capacitances and frequencies follow."""
    found = relaxation_times(simulate(PLANAR.with_(**{"working_electrode.contact": CONTACT})))
    close(found, {BULK[0]: BULK[1], 0.5 * 10e-6: 0.5})
    assert found.R_inf_ohm_cm2 == 0.0
    assert found.capacitance_F_per_cm2[0] == pytest.approx(10e-6, rel=1e-9)
    assert found.characteristic_frequency_Hz[0] == pytest.approx(1 / (2 * np.pi * 5e-6), rel=1e-9)


def test_charge_transfer_and_interphase_in_series() -> None:
    """Two RC elements in one law, each with its own time."""
    contact = {**CONTACT, "interphase": INTERPHASE}
    found = relaxation_times(simulate(PLANAR.with_(**{"working_electrode.contact": contact})))
    close(found, {BULK[0]: BULK[1], 0.5 * 10e-6: 0.5, 0.2 * 0.1e-6: 0.2})


def test_brick_layer() -> None:
    """Grains and boundaries: epsilon/sigma and R C of one boundary; 1000 boundaries in 1 mm."""
    found = relaxation_times(simulate(PLANAR.with_(**{"electrolyte.grain_boundaries": BOUNDARIES})))
    close(found, {BULK[0]: BULK[1], 0.01 * 10e-6: 1000 * 0.01})


def test_equal_times_are_one_and_both_electrodes_count() -> None:
    """A counter electrode with the same contact doubles R at its time; one without capacitance is R_inf."""
    both = PLANAR.with_(**{"working_electrode.contact": CONTACT, "counter_electrode.contact": CONTACT})
    close(relaxation_times(simulate(both)), {BULK[0]: BULK[1], 5e-6: 1.0})
    plain = both.with_(**{"counter_electrode.contact": {"charge_transfer_resistance": "2 ohm cm^2"}})
    found = relaxation_times(simulate(plain))
    close(found, {BULK[0]: BULK[1], 5e-6: 0.5})
    assert found.R_inf_ohm_cm2 == pytest.approx(2.0, rel=1e-9)


def test_an_ideal_spot_has_one_time() -> None:
    """One material, insulating around the contact: the field does not depend on frequency, tau = epsilon/sigma."""
    cell = PLANAR.with_(**{"working_electrode.morphology": SPOT})
    solved = simulate(cell)
    found = relaxation_times(solved)
    assert found.tau_s == pytest.approx([BULK[0]], rel=1e-9)
    assert found.resistance_ohm_cm2[0] == pytest.approx(solved.resistances.total, rel=1e-9)
    assert solved.resistances.cc > 2.0


@pytest.mark.parametrize("name", OTHERS)
def test_the_sum_is_the_spectrum(name: str) -> None:
    """All times: the reduced model to rounding, far outside its range too. Merged ones: to what was merged."""
    found = result(name)
    model = found.model
    assert isinstance(model, SolvedCell)
    every, few = relaxation_times(found, negligible=0.0), relaxation_times(found)
    wide = np.logspace(-3, 12, 61)
    z = model.impedance(2 * np.pi * wide) * 1e4
    assert every.impedance(wide) == pytest.approx(z, rel=1e-8)
    frequencies, spectrum = found.spectrum.frequency_Hz, found.spectrum.impedance_ohm_cm2
    assert every.impedance(frequencies) == pytest.approx(spectrum, rel=1e-10)
    assert few.impedance(frequencies) == pytest.approx(spectrum, rel=1e-5)
    assert len(few.tau_s) < len(every.tau_s)
    for times in (every, few):
        assert times.resistance_ohm_cm2.sum() + times.R_inf_ohm_cm2 == pytest.approx(found.resistances.total, rel=1e-9)
        assert (times.resistance_ohm_cm2 >= 0).all() and (times.tau_s > 0).all()
        assert (np.diff(times.tau_s) < 0).all()
    assert (few.resistance_ohm_cm2 > 0).all()


exponent = st.floats(0.0, 1.0)


@settings(max_examples=60, deadline=None)
@given(st.tuples(*[exponent] * 9))
def test_random_cells_are_passive(u: tuple[float, ...]) -> None:
    """R_k >= 0 and tau_k > 0 whatever the parameters over decades, and the sum is R_total."""
    ranges = {
        "temperature": (250.0, 360.0),
        "electrolyte.conductivity": (1e-2, 10.0),
        "electrolyte.permittivity": (1.0, 1e3),
        "electrolyte.grain_boundaries.resistance": (1e-8, 1e-4),
        "working_electrode.gap.thickness": (1e-9, 1e-6),
        "working_electrode.contact.charge_transfer_resistance": (1e-7, 1e-1),
        "working_electrode.contact.double_layer_capacitance": (1e-4, 1.0),
        "working_electrode.contact.interphase.resistance": (1e-8, 1e-2),
        "working_electrode.contact.interphase.capacitance": (1e-5, 1.0),
    }
    changes = {path: low ** (1 - x) * high**x for (path, (low, high)), x in zip(ranges.items(), u, strict=True)}
    model = family().model(**changes)
    found = relaxation_times(model)
    assert (found.resistance_ohm_cm2 > 0).all() and (found.tau_s > 0).all()
    total = sum(model.resistances().values()) * 1e4
    assert found.resistance_ohm_cm2.sum() + found.R_inf_ohm_cm2 == pytest.approx(total, rel=1e-7)
    frequencies = np.logspace(-1, 9, 31)
    z = model.impedance(2 * np.pi * frequencies) * 1e4
    # Every one that has been merged changes Z by 1e-6 of the total at most.
    every = relaxation_times(model, negligible=0.0)
    merged = len(every.tau_s) - len(found.tau_s)
    assert np.max(np.abs(found.impedance(frequencies) - z)) < 1e-6 * (1 + merged) * total
    assert every.impedance(frequencies) == pytest.approx(z, rel=1e-6)


def test_the_network_is_positive_semidefinite() -> None:
    """G and C of the enlarged network: real, symmetric, passive."""
    model = result("tube").model
    assert isinstance(model, SolvedCell)
    for matrix in pencil(model.sides[0]):
        assert matrix == pytest.approx(matrix.T, abs=0.0)
        d = 1.0 / np.sqrt(np.diag(matrix))
        assert np.linalg.eigvalsh(matrix * d[:, None] * d)[0] > -1e-13


def without_basis(solved: SolvedInterface) -> SolvedInterface:
    """The same interface with all its unknowns in place of a basis, the port first."""
    problem = solved.reduced.problem
    order = np.append(problem.n_free, np.arange(problem.n_free))
    matrices = np.stack([t.matrix.toarray()[np.ix_(order, order)] for t in problem.terms])
    basis = np.eye(problem.n_free + 1)[:, order]
    return replace(solved, reduced=replace(solved.reduced, basis=basis, matrices=matrices))


def test_the_times_converge_to_those_of_the_full_problem() -> None:
    """Against the eigenvalues of all unknowns: isolated times and their R, and the mean time, as the basis grows.

    The mean time sum R_k tau_k = -dZ/ds at s = 0 is stationary: exact with the direct-current solution alone.
    """
    cell = CELL.with_(**{"electrolyte.grain_boundaries": None, "working_electrode.contact": CONTACT})
    model = simulate(cell.with_(**{"numerics.relative_tolerance": 1e-2})).model
    assert isinstance(model, SolvedCell)
    side = model.sides[0]
    full = relaxation_times(replace(model, sides=(without_basis(side),)))
    mean = full.resistance_ohm_cm2 @ full.tau_s
    omega = 2 * np.pi * np.logspace(0, 9, 60)
    errors = []
    for tolerance in (1e-1, 1e-4, 1e-8, 1e-12):
        reduced = reduce(side.reduced.problem, omega, tolerance=tolerance)
        found = relaxation_times(replace(model, sides=(replace(side, reduced=reduced),)))
        assert found.resistance_ohm_cm2 @ found.tau_s == pytest.approx(mean, rel=1e-8)
        first = abs(found.tau_s[0] / full.tau_s[0] - 1) + abs(
            found.resistance_ohm_cm2[0] / full.resistance_ohm_cm2[0] - 1
        )
        errors.append(first)
    assert errors[-1] < 1e-6
    assert errors[-1] < 1e-2 * errors[0]


def test_constant_phase_elements_have_no_discrete_times() -> None:
    """A clear refusal that names the law; an exponent of 1 is a capacitance, and welcome."""
    cell = CELL.with_(**{"working_electrode.contact": {**CONTACT, "cpe_prefactor": 0.1, "cpe_exponent": 0.8,
                                                       "double_layer_capacitance": None}})  # fmt: skip
    with pytest.raises(InputError, match=r"cpe_exponent = 0\.8 of the charge_transfer \(contact\).*allowed: 1"):
        relaxation_times(simulate(cell))
    one = cell.with_(**{"working_electrode.contact.cpe_exponent": 1.0})
    same = CELL.with_(**{"working_electrode.contact": CONTACT})
    assert relaxation_times(simulate(one)).tau_s == pytest.approx(relaxation_times(simulate(same)).tau_s, rel=1e-6)


def test_an_electrode_smaller_than_the_pellet() -> None:
    """Planar: a network like any other. Structured: two scales, refused."""
    small = {"electrolyte.diameter": "10 mm", "working_electrode.diameter": "6 mm"}
    plain = simulate(PLANAR.with_(**{**small, "working_electrode.contact": CONTACT}))
    found = relaxation_times(plain)
    assert found.resistance_ohm_cm2.sum() == pytest.approx(plain.resistances.total, rel=1e-9)
    assert found.impedance(plain.spectrum.frequency_Hz) == pytest.approx(plain.spectrum.impedance_ohm_cm2, rel=1e-5)
    with pytest.raises(InputError, match="two scales"):
        relaxation_times(simulate(CELL.with_(**small)))


def test_a_result_without_a_model_is_refused() -> None:
    with pytest.raises(InputError, match="no model"):
        relaxation_times(replace(result("tube"), model=None))
