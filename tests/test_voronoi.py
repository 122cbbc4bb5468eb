"""Voronoi grains in case files, and the effective medium that continues them below.

Units: bulk conductivity 1 S/m, grains of 1 m unless said; `ratio` is y_gb d / kappa_bulk.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from scipy.constants import elementary_charge

import aspot
from aspot.analysis.relaxation import relaxation_times
from aspot.analysis.sensitivity import activation_energies, activation_spectrum
from aspot.analysis.shares import impedance_shares
from aspot.cell import Cell
from aspot.discretise.tetrahedra import discretised_to
from aspot.effective import SolvedGrains
from aspot.errors import InputError
from aspot.fem.problem import Problem
from aspot.interface import InterfaceProblem, Polycrystal
from aspot.laws import Activated, Conductor, PolycrystalMedium, ResistorCapacitor
from aspot.morphology.grains import Bricks, VoronoiGrains
from aspot.morphology.unit_cell import BoxCell
from aspot.parametric import Family
from aspot.plan import plan
from aspot.result import Result

CASE = Path(__file__).resolve().parent.parent / "cases" / "voronoi_grains.toml"
TEMPERATURE = 298.15
GRAINS = VoronoiGrains(size_m=1.0, depth_m=2.0, size_x=2.0, size_y=2.0, seed=4)
SOLVED = SolvedGrains(grains=GRAINS, size_x=2.0, size_y=2.0, relative_error=1e-3)


def resistivity(elements: np.ndarray, ratio: complex) -> complex:
    """1/kappa of the elements for a bulk of 1 S/m."""
    c, bulk, boundary = elements.T
    return complex(np.sum(c / (bulk + boundary * ratio)))


# The effective medium -------------------------------------------------------------------------------------------------


def test_bricks_have_the_two_elements_of_the_brick_layer_model() -> None:
    """A uniform field: 1/kappa = 1/kappa_bulk + 1/(y d), bulk and boundaries in series, nothing in between."""
    bricks = SolvedGrains(
        grains=Bricks(size_m=1.0, layers=2, contact_on="junction"), size_x=1.75, size_y=1.75, relative_error=1e-3
    )
    for ratio in (1e-6, 0.3, 1.0, 2.0j, 1e6):
        assert abs(resistivity(bricks.elements, ratio) / (1 + 1 / ratio) - 1) < 1e-9


def test_elements_of_voronoi_grains_are_passive_and_have_both_ends() -> None:
    """All elements are resistors and capacitors of positive sign.

    With boundaries that conduct the field is uniform: 1/kappa = 1/kappa_bulk. With boundaries that do not, the grains
    are equipotentials, and 1/kappa = alpha/(y d) with alpha below that of straight currents, sum S n_z^2 / (V/d).
    """
    elements = SOLVED.elements
    assert np.all(elements >= 0.0)
    assert np.all(elements[:, 1] + elements[:, 2] == pytest.approx(1.0))
    assert resistivity(elements, 1e9).real == pytest.approx(1.0, abs=1e-8)
    straight = 0.0
    for wall in GRAINS.walls(2.0, 2.0):
        vector = 0.5 * np.cross(wall[1:-1] - wall[0], wall[2:] - wall[0]).sum(axis=0)
        straight += vector[2] ** 2 / float(np.linalg.norm(vector)) / 8.0
    resistive = resistivity(elements, 1e-9).real * 1e-9
    assert 0.8 < resistive < straight
    # As long as boundaries hardly disturb, the current is straight.
    assert (resistivity(elements, 1e4).real - 1.0) * 1e4 == pytest.approx(straight, rel=2e-3)


def test_the_medium_is_that_of_a_finer_mesh_at_complex_ratios() -> None:
    """Of a mesh with every edge cut in two, solved in full with complex laws, within the error that was asked for."""
    bulk = Conductor(conductivity=Activated(value=1.0), permittivity=0.0)
    wall = ResistorCapacitor(conductance=Activated(value=1.0))
    interface = InterfaceProblem(
        cell=BoxCell(size_x=2.0, size_y=2.0, shapes=(), contact_inside=False),
        depth_m=2.0,
        electrolyte=bulk,
        counter=wall,
        polycrystal=Polycrystal(grains=GRAINS, grain=bulk, boundary=wall),
        temperature_K=TEMPERATURE,
        backend="tetrahedra",
    )
    problem = discretised_to(interface, 1e-2, 10_000, subdivisions=2).problem
    assert isinstance(problem, Problem)
    at = {t.name: k for k, t in enumerate(problem.terms)}
    assert set(at) == {"grains", "grain_boundaries", "counter"}
    for ratio in (0.05, 1.0, 0.2 + 1.5j, 3.0j):
        theta = np.full(3, ratio, complex)
        theta[at["grains"]] = 1.0
        x = problem.solve_theta(theta)
        z = 4.0 / np.sum(theta * problem.energies(x)) / 2.0
        assert abs(resistivity(SOLVED.elements, ratio) / z - 1) < 1e-3
    for ratio in (0.05, 1.0):
        low, high = SOLVED.bounds(ratio)
        assert 1 - 1e-3 < low <= 1.0 <= high < 1 + 1e-3


def test_fewer_boundaries_are_met_than_in_bricks() -> None:
    """Measured over seeds, 12 to 64 grains: 0.93 to 1.0 of the brick-layer model, bulk and boundaries alike."""
    found = [
        resistivity(replace(SOLVED, grains=replace(GRAINS, seed=seed)).elements, 1.0).real - 1.0 for seed in (1, 2, 3)
    ]
    assert len(set(found)) == 3
    assert all(0.92 < one < 1.02 for one in found)


# Case files -----------------------------------------------------------------------------------------------------------


def voronoi(**changes: object) -> Cell:
    coarse = {"frequencies.per_decade": "1", "working_electrode.morphology.spacing": "3 um"}
    coarse |= {"numerics.relative_tolerance": "0.01"}
    cell = aspot.load(CASE, coarse)
    return cell.with_(**changes) if changes else cell


@lru_cache(maxsize=2)
def solved() -> Result:
    return aspot.simulate(voronoi())


def test_the_parts_are_positive_and_sum() -> None:
    """R_SE is that of the same grains between perfect contacts, R_cc what they dissipate beyond it."""
    result = solved()
    r = result.resistances
    assert set(r.parts) == {"SE", "constriction"}
    assert r.cc == pytest.approx(r.int_, rel=1e-9)
    assert r.int_ > 0.01 * r.SE
    assert r.total_interval is not None
    assert r.total_interval[0] < r.total < r.total_interval[1] < 1.02 * r.total_interval[0]
    law = plan(result.cell).electrolyte
    assert isinstance(law, PolycrystalMedium) and isinstance(law.response, SolvedGrains)
    ratio = float(np.real(law.grain_size_m * law.boundary(0.0, TEMPERATURE) / law.bulk(0.0, TEMPERATURE)))
    bulk, boundaries = 50e-6 / 1.4 * 1e4, 50 * 0.011
    se = bulk * resistivity(law.response.elements, ratio).real
    assert abs(r.SE - se) < 1e-9 * se
    assert r.split["bulk"] > bulk and 0.85 * boundaries < r.split["grain_boundaries"] < boundaries
    assert sum(r.split.values()) == pytest.approx(r.SE, rel=1e-12)


def test_shares_times_and_energies_add_up_at_all_frequencies() -> None:
    """The medium is a network of bulk and boundaries: Z is the sum of its shares, and of its relaxation times."""
    result = solved()
    z = result.spectrum.impedance_ohm_cm2
    shares = impedance_shares(result)
    assert np.sum(list(shares.values()), axis=0) == pytest.approx(z, rel=1e-9)
    times = relaxation_times(result)
    # Times are those of the finer level, Z is extrapolated.
    assert times.impedance(result.spectrum.frequency_Hz) == pytest.approx(z, rel=result.relative_error_estimate)
    spectrum = activation_spectrum(result, np.zeros(1))
    assert spectrum.energies == pytest.approx({"bulk": 0.26, "grain_boundaries": 0.36}, rel=1e-6)
    # The same energies by differences between two temperatures.
    energies = activation_energies(result)
    assert spectrum.energy[0].real == pytest.approx(energies.total, rel=1e-6)
    assert spectrum.interface is not None
    assert spectrum.interface[0].real == pytest.approx(energies.int_, rel=1e-5)
    assert 0.26 + 0.01 < energies.int_ < energies.SE


def test_other_temperatures_need_no_other_medium() -> None:
    """A family at 60 degC against a simulation there; only the elements of the medium are the same."""
    warm = {"temperature": 333.15}
    family = Family(solved()).evaluate(**warm).impedance_ohm_cm2
    fresh = aspot.simulate(voronoi(**warm))
    allowed = solved().relative_error_estimate + fresh.relative_error_estimate
    assert np.abs(family / fresh.spectrum.impedance_ohm_cm2 - 1).max() < allowed
    change = np.log(solved().resistances.SE / fresh.resistances.SE) * 8.617333262e-5 / (1 / 298.15 - 1 / 333.15)
    assert 0.26 < change < 0.36


def test_contacts_over_the_whole_face_leave_no_interface() -> None:
    """Planar electrodes on the same grains: R_SE and nothing else, with an arc of the boundaries."""
    planar = voronoi(**{"working_electrode.morphology": {"kind": "planar"}, "working_electrode.gap": None})
    r = aspot.simulate(planar).resistances
    assert r.int_ == 0.0
    assert r.total_interval is not None
    assert r.total_interval[0] < r.total < r.total_interval[1]


def test_statistics_over_seeds_of_the_grains() -> None:
    chance = aspot.statistics_over_seeds(voronoi(), [1, 2])
    assert chance["R_SE"].values[0] == pytest.approx(solved().resistances.SE, rel=1e-12)
    assert chance["R_SE"].standard_deviation > 0.0
    assert chance["R_cc"].standard_deviation > 0.0


EXPLICIT = {
    "thickness": "50 um",
    "conductivity": "14 mS/cm",
    "grain_boundaries": {
        "model": "explicit", "grains": "voronoi", "grain_size": "1 um", "resistance": "0.011 ohm cm^2",
    },
}  # fmt: skip
SPOTS = {"kind": "spots", "arrangement": "square", "radius": "0.5 um", "spacing": "4 um"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"electrolyte.grain_boundaries.contact_on": "grain"}, "contact_on = 'grain': goes with grains"),
        (
            {"electrolyte.grain_boundaries.grains": "brick", "electrolyte.grain_boundaries.seed": 2},
            "seed = 2: goes with",
        ),
        ({"electrolyte.grain_boundaries.model": "brick-layer"}, "grains = 'voronoi': goes with model"),
        ({"counter_electrode": {"morphology": {**SPOTS, "spacing": "5 um"}}}, "the grains fill one unit cell"),
        (
            {"electrolyte.grain_boundaries.grain_layers": 1, "working_electrode.morphology.spacing": "1.1 um"},
            "a single grain",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(changes: dict[str, object], message: str) -> None:
    cell = Cell(electrolyte=EXPLICIT, working_electrode={"morphology": SPOTS})
    with pytest.raises(InputError, match=message):
        plan(cell.with_(**changes))


def test_a_plan_computes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The medium is solved when it is first asked for: `validate` is quick."""
    monkeypatch.setattr("aspot.effective._solved", lambda _: pytest.fail("solved"))
    told = plan(Cell(electrolyte=EXPLICIT, working_electrode={"morphology": SPOTS})).describe()
    assert told["grains meshed"] == 12


def test_members_of_the_medium_keep_their_own_energies() -> None:
    """A medium of one element is neither bulk nor boundaries, but both in parallel: the energy is their mean."""

    class Parallel:
        elements = np.array([[1.0, 0.5, 0.5]])

    ev = elementary_charge
    law = PolycrystalMedium(
        bulk=Conductor(conductivity=Activated(value=1.0, activation_energy_J=0.26 * ev), permittivity=0.0),
        boundary=ResistorCapacitor(conductance=Activated(value=3e6, activation_energy_J=0.36 * ev)),
        grain_size_m=1e-6,
        response=Parallel(),
    )
    assert complex(law(0.0, TEMPERATURE)) == pytest.approx(0.5 * (1.0 + 3.0), rel=1e-12)
    parts = {name: float(np.real(z)) for name, z in law.parts(0.0, TEMPERATURE).items()}
    assert parts == pytest.approx({"bulk": 0.125, "grain_boundaries": 0.375}, rel=1e-12)
