"""Grains meshed one by one: series law of bricks, bounds, limits of small and large contacts, activation energies.

Units: bulk conductivity 1 S/m, bricks of 1 m unless said; a boundary has the resistance R of 1 ohm m2, so that the
brick-layer medium has half the conductivity of the bulk.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from scipy.constants import elementary_charge
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

import aspot
from aspot.analysis.sensitivity import activation_spectrum
from aspot.analysis.shares import impedance_shares
from aspot.cell import Cell
from aspot.discretise import Discrete
from aspot.discretise.backend import terms
from aspot.discretise.tetrahedra import TETRAHEDRA
from aspot.errors import InputError
from aspot.fem import tetrahedra as tetrahedral_fem
from aspot.fem.problem import Problem
from aspot.interface import InterfaceProblem, Polycrystal, sufficient_depth
from aspot.laws import Activated, BrickLayer, Conductor, ResistorCapacitor
from aspot.mesh import grains as grain_mesh
from aspot.mesh.tetmesh import TetrahedralMesh, planar_area, volumes
from aspot.mesh.tetrahedra import recommended_sizes
from aspot.morphology.grains import Bricks, Grains, VoronoiGrains, boundary_area
from aspot.morphology.unit_cell import BoxCell, Disc
from aspot.plan import plan
from aspot.result import Result

On = Literal["grain", "boundary", "junction"]
CASE = Path(__file__).resolve().parent.parent / "cases" / "grains.toml"
BULK_EV, BOUNDARY_EV = 0.26, 0.36
BULK = Conductor(
    conductivity=Activated(value=1.0, activation_energy_J=BULK_EV * elementary_charge, form="sigma"), permittivity=30.0
)
TEMPERATURE = 298.15


def boundary(resistance: float = 1.0) -> ResistorCapacitor:
    """A boundary of given resistance [ohm m2]."""
    conductance = Activated(value=1.0 / resistance, activation_energy_J=BOUNDARY_EV * elementary_charge)
    return ResistorCapacitor(conductance=conductance, cpe_prefactor=1.0, name="grain_boundaries")


def on_grains(
    grains: Grains, half: float, radius: float | None, depth: float, resistance: float = 1.0
) -> InterfaceProblem:
    """A disc in the corner of a mirrored cell, or a contact over the whole face (radius None)."""
    shapes = () if radius is None else (Disc(x=0.0, y=0.0, radius=radius),)
    law = boundary(resistance)
    return InterfaceProblem(
        cell=BoxCell(size_x=half, size_y=half, shapes=shapes, contact_inside=radius is not None),
        depth_m=depth,
        electrolyte=BrickLayer(bulk=BULK, boundary=law, grain_size_m=grains.size_m),
        polycrystal=Polycrystal(grains=grains, grain=BULK, boundary=law),
        temperature_K=TEMPERATURE,
        backend="tetrahedra",
    )


def discrete(interface: InterfaceProblem, subdivisions: int = 1) -> Discrete:
    """On the first mesh of the sequence, not refined: quick."""
    cell, crystal = interface.cell, interface.polycrystal
    assert isinstance(cell, BoxCell) and crystal is not None
    sizes = replace(recommended_sizes(cell, interface.depth_m, 0), subdivisions=subdivisions)
    mesh = grain_mesh.build(
        cell,
        crystal.grains.walls(cell.size_x, cell.size_y),
        depth=interface.depth_m,
        grain_depth=crystal.grains.depth_m,
        grain_size=crystal.grains.size_m,
        sizes=sizes,
    )
    assembly = tetrahedral_fem.assemble(mesh, ideal_contact=True)
    problem = Problem(terms(interface, assembly.matrices), cell.size_x * cell.size_y, TEMPERATURE, solver="multigrid")
    return Discrete(interface, problem, assembly)


def bounds(interface: InterfaceProblem, subdivisions: int = 1) -> tuple[float, float]:
    """Area-specific resistance of the piece from the potential and from the current [ohm m2]."""
    found = discrete(interface, subdivisions)
    x = found.problem.solve(0.0)
    low = found.problem.area_m2 / float(np.real(found.problem.admittance(x, 0.0)))
    assert TETRAHEDRA.dual_impedance is not None
    return low, float(np.real(TETRAHEDRA.dual_impedance(found, 0.0, False, x)))


def constriction(interface: InterfaceProblem) -> tuple[float, float]:
    """R_cc of the whole spot (four quarters) by bulk and boundaries [ohm]: what they dissipate beyond the medium."""
    found = discrete(interface)
    problem, medium = found.problem, interface.electrolyte
    x = problem.solve(0.0)
    powers = np.real(problem.theta(np.zeros(1))[:, 0] * problem.energies(x))
    of = {t.name: float(r) for t, r in zip(problem.terms, powers / powers.sum() ** 2, strict=True)}
    parts = {n: float(np.real(z[0])) for n, z in medium.parts(np.zeros(1), TEMPERATURE).items()}  # [ohm m]
    share = parts["bulk"] / sum(parts.values())
    bare = interface.depth_m / problem.area_m2
    bulk = of["grains"] + share * of["electrolyte"] - bare * parts["bulk"]
    rest = of["grain_boundaries"] + (1 - share) * of["electrolyte"] - bare * parts["grain_boundaries"]
    return bulk / 4, rest / 4


def built(grains: Grains, half: float, radius: float | None, depth: float) -> TetrahedralMesh:
    assembly = discrete(on_grains(grains, half, radius, depth)).assembly
    assert isinstance(assembly, tetrahedral_fem.AssembledTetrahedra)
    return assembly.mesh


# Geometry -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("on", "x", "y", "n"),
    [
        ("grain", (0.5, 1.5), (0.5, 1.5), 18),
        ("boundary", (1.0, 2.0), (0.5, 1.5), 18),
        ("junction", (1.0, 2.0), (1.0, 2.0), 18),
    ],
)
def test_bricks_lie_as_the_contact_wants(on: On, x: tuple[float, ...], y: tuple[float, ...], n: int) -> None:
    bricks = Bricks(size_m=1.0, layers=2, contact_on=on)
    assert bricks.planes(2.3, "x") == x
    assert bricks.planes(2.3, "y") == y
    assert bricks.count(2.3, 2.3) == n
    # Two walls of 2.3 x 2 in x and in y, and two floors.
    assert boundary_area(bricks.walls(2.3, 2.3)) == pytest.approx(4 * 2.3 * 2 + 2 * 2.3**2)


def test_a_boundary_on_a_mirror_plane_is_none_and_beside_it_is_refused() -> None:
    bricks = Bricks(size_m=1.0, layers=1)
    assert bricks.planes(2.5, "x") == (0.5, 1.5)
    with pytest.raises(InputError, match=r"0\.01 grains from the mirror plane at x = 2\.51 m"):
        bricks.planes(2.51, "x")


def test_voronoi_grains_fill_the_cell_and_come_again_with_their_seed() -> None:
    one = VoronoiGrains(size_m=0.9, depth_m=2.0, size_x=2.0, size_y=2.5, seed=3)
    assert one.count(2.0, 2.5) == round(10.0 / 0.9**3)
    assert one.volumes_m3.sum() == pytest.approx(10.0, rel=1e-12)
    again = VoronoiGrains(size_m=0.9, depth_m=2.0, size_x=2.0, size_y=2.5, seed=3).walls(2.0, 2.5)
    assert all(np.array_equal(a, b) for a, b in zip(one.walls(2.0, 2.5), again, strict=True))
    with pytest.raises(InputError, match="fill another cell"):
        one.walls(2.5, 2.5)
    with pytest.raises(InputError, match="a single grain"):
        VoronoiGrains(size_m=3.0, depth_m=2.0, size_x=2.0, size_y=2.0)


@pytest.mark.parametrize(
    "grains",
    [
        Bricks(size_m=1.0, layers=2, contact_on="junction"),
        VoronoiGrains(size_m=1.1, depth_m=2.0, size_x=2.2, size_y=2.2, seed=2),
    ],
)
def test_every_grain_has_nodes_of_its_own(grains: Grains) -> None:
    """Facets of the jump cover all walls; without them the mesh falls into its grains, each of the right volume."""
    mesh = built(grains, 2.2, 0.6, 2.4)
    upper, lower = mesh.jumps["grain_boundaries"]
    # Vertices of the rim are moved a little out of the walls it crosses: a polygon of the disc's area.
    assert planar_area(mesh.nodes, upper) == pytest.approx(
        boundary_area(grains.walls(2.2, 2.2)) / mesh.unit_m**2, rel=1e-3
    )
    assert not set(upper.ravel()) & set(lower.ravel()) & set(mesh.cells[0])
    pairs = np.stack([mesh.cells[:, [0]].repeat(9, axis=1).ravel(), mesh.cells[:, 1:].ravel()])
    graph = csr_array((np.ones(pairs.shape[1]), (pairs[0], pairs[1])), shape=(len(mesh.nodes),) * 2)
    n, part = connected_components(graph, directed=False)
    assert n == grains.count(2.2, 2.2) + 1
    if isinstance(grains, VoronoiGrains):
        found = np.bincount(part[mesh.cells[:, 0]], weights=volumes(mesh)) * mesh.unit_m**3
        medium = 0.4 * 2.2**2
        assert np.sort(found) == pytest.approx(np.sort([*grains.volumes_m3, medium]), rel=2e-3)


# The effective medium -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("on", ["grain", "junction"])
def test_bricks_under_full_contact_are_the_brick_layer_model(on: On) -> None:
    """A uniform field crosses one boundary per brick: L/sigma + n R, by potential and by current."""
    interface = on_grains(Bricks(size_m=1.0, layers=2, contact_on=on), 1.75, None, 2.5, resistance=0.7)
    exact = 2.5 * (1.0 + 0.7)
    for bound in bounds(interface):
        assert bound == pytest.approx(exact, rel=1e-9)


def test_voronoi_grains_under_full_contact() -> None:
    """Between the bulk alone and a sheet of boundaries per Voronoi cell; both bounds close.

    With conducting boundaries every polycrystal is its bulk.
    """
    grains = VoronoiGrains(size_m=1.0, depth_m=2.0, size_x=2.0, size_y=2.0, seed=1)
    low, high = bounds(on_grains(grains, 2.0, None, 2.0))
    assert low < high < low * 1.005
    # Straight lines down are an admissible current: R <= L + R times the mean number of crossings weighted with the
    # square of the current, where a wall of area S and normal n is crossed by S |n_z| of the lines: sum S |n_z|^2 / A.
    crossed = 0.0
    for wall in grains.walls(2.0, 2.0)[:-1]:  # the floor lies at the counter electrode
        vector = 0.5 * np.cross(wall[1:-1] - wall[0], wall[2:] - wall[0]).sum(axis=0)
        crossed += vector[2] ** 2 / float(np.linalg.norm(vector))
    assert 2.0 + 0.5 * crossed / 4.0 < low < 2.0 + crossed / 4.0
    assert bounds(on_grains(grains, 2.0, None, 2.0, resistance=1e-9))[0] == pytest.approx(2.0, rel=1e-6)


# Constriction into few grains -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("on", ["grain", "junction"])
def test_intervals_of_a_contact_on_grains_are_nested(on: On) -> None:
    """Bounds by potential and by current, on a mesh and on the same with every edge cut in two."""
    interface = on_grains(Bricks(size_m=1.0, layers=1, contact_on=on), 1.75, 0.3, 1.6)
    low, high = bounds(interface)
    lower, upper = bounds(interface, 2)
    assert low < lower < upper < high
    assert upper - lower < 0.5 * (high - low) < 0.01 * low


def test_a_contact_on_voronoi_grains() -> None:
    """Bounds close on polyhedra cut by a rim, above the same grains under full contact."""
    grains = VoronoiGrains(size_m=1.1, depth_m=2.0, size_x=2.2, size_y=2.2, seed=2)
    planar = bounds(on_grains(grains, 2.2, None, 2.0))
    low, high = bounds(on_grains(grains, 2.2, 0.6, 2.0))
    assert planar[1] < low < high < 1.02 * low
    # With boundaries that conduct it is the constriction of the bulk, whatever the grains.
    other = VoronoiGrains(size_m=1.3, depth_m=2.0, size_x=2.2, size_y=2.2, seed=5)
    pair = [bounds(on_grains(g, 2.2, 0.6, 2.0, resistance=1e-9)) for g in (grains, other)]
    assert max(low for low, _ in pair) < min(high for _, high in pair)


@lru_cache(maxsize=8)
def spot(ratio: float) -> tuple[float, float]:
    """R_cc of a spot of radius `ratio` bricks on a junction, by bulk and by boundaries, times 4 a sigma."""
    interface = on_grains(Bricks(size_m=1.0, layers=1, contact_on="junction"), 2.0, ratio, 2.0)
    bulk, rest = constriction(interface)
    return 4 * ratio * bulk, 4 * ratio * rest


def energy(parts: tuple[float, float]) -> float:
    """Activation energy of bulk and boundaries in series, weighted with their resistances [eV]."""
    return (BULK_EV * parts[0] + BOUNDARY_EV * parts[1]) / sum(parts)


def test_a_contact_much_smaller_than_a_grain_sees_the_bulk() -> None:
    """R_cc tends to 1/(4 a sigma) and to the activation energy of the bulk.

    What is missing or more is spreading from the grains into the medium, of the order of a/d.
    """
    bulk, rest = spot(0.02)
    assert 0.95 < bulk < 1.01
    assert 0.0 < rest < 0.04
    assert BULK_EV < energy(spot(0.02)) < BULK_EV + 0.004


@lru_cache(maxsize=4)
def wide_spot(radius: float, half: float) -> tuple[float, float]:
    """R_cc over that of the medium, and its activation energy [eV].

    The medium has half the conductivity of the bulk: twice the constriction that the same cell has with boundaries that
    conduct.
    """
    bricks = Bricks(size_m=1.0, layers=2, contact_on="junction")
    grains = on_grains(bricks, half, radius, half)
    conducting = on_grains(replace(bricks, layers=1), half, radius, half, resistance=1e-9)
    found = constriction(grains)
    return sum(found) / (2.0 * sum(constriction(conducting))), energy(found)


def test_a_contact_over_many_grains_sees_the_medium() -> None:
    """R_cc and its energy tend to those of the medium as d/a: only the bricks at the rim keep it below.

    Same contact fraction; measured: 29 % below at a = 1.6 d, 18 % at 3.2 d, 14 % at 4.5 d.
    """
    (small, lower), (large, higher) = wide_spot(1.6, 3.0), wide_spot(3.2, 6.0)
    assert small < large < 1.0
    assert 1.0 - large < 0.7 * (1.0 - small) < 0.25
    medium = 0.5 * (BULK_EV + BOUNDARY_EV)
    assert lower < higher < medium
    assert medium - higher < 0.7 * (medium - lower)


def test_activation_energy_moves_from_bulk_to_medium() -> None:
    """The argument of Ortmann et al. 2022 (10.1002/aenm.202202712): E of R_cc rises with contact over grain size.

    Limits: 0.26 eV, and that of the medium, half bulk and half boundaries: 0.31 eV.
    """
    energies = [energy(spot(ratio)) for ratio in (0.02, 0.1, 0.2, 0.45)] + [wide_spot(3.2, 6.0)[1]]
    assert np.all(np.diff(energies) > 0.002)
    assert energies[0] == pytest.approx(BULK_EV, abs=0.004)
    assert energies[-1] == pytest.approx(0.5 * (BULK_EV + BOUNDARY_EV), abs=0.016)


def test_a_contact_on_a_junction_meets_fewer_boundaries() -> None:
    """A contact smaller than a grain: on a junction four grains share the current, R_cc is smaller."""
    found = {
        on: sum(constriction(on_grains(Bricks(size_m=1.0, layers=1, contact_on=on), 1.75, 0.3, 1.75)))
        for on in ("grain", "boundary", "junction")
    }
    assert found["junction"] < found["boundary"] < found["grain"]


# Case files -----------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=2)
def solved() -> Result:
    coarse = {"frequencies.per_decade": "1", "working_electrode.morphology.spacing": "3 um"}
    coarse |= {"numerics.relative_tolerance": "0.01", "electrolyte.grain_boundaries.grain_layers": "1"}
    return aspot.simulate(aspot.load(CASE, coarse))


def test_the_case_file() -> None:
    """R_SE is that of the brick-layer model, R_cc lies between bulk and medium, and parts add up at all frequencies."""
    result = solved()
    r = result.resistances
    assert result.backend == "tetrahedra"
    # L/sigma + (L/d) R: 50 um / 1.4 S/m and 50 times 0.011 ohm cm2.
    se = 50e-6 / 1.4 * 1e4 + 50 * 0.011
    assert abs(r.SE - se) < 1e-9 * se
    # Grains, boundaries and the medium below them are one electrolyte: what they dissipate beyond R_SE is R_cc.
    assert set(r.parts) == {"SE", "constriction"}
    assert r.cc == pytest.approx(r.int_, rel=1e-9)
    assert r.int_ > 0.01 * r.SE
    assert r.total_interval is not None
    assert r.total_interval[0] < r.total < r.total_interval[1]
    shares = impedance_shares(result)
    z = result.spectrum.impedance_ohm_cm2
    assert np.sum(list(shares.values()), axis=0) == pytest.approx(z, rel=1e-6)
    energies = activation_spectrum(result, np.zeros(1))
    assert energies.interface is not None
    medium = float(
        np.real(energies.weights["bulk"][0] * BULK_EV + energies.weights["grain_boundaries"][0] * BOUNDARY_EV)
    )
    assert BULK_EV + 0.01 < float(energies.interface[0].real) < medium


def test_boundaries_are_shorted_at_high_frequency() -> None:
    """Above g/C of a boundary (1.6 MHz) nothing is left of them: the weight of the bulk tends to one."""
    spectrum = activation_spectrum(solved(), np.array([0.0, 1e9]))
    weight = np.abs(spectrum.weights["grain_boundaries"])
    assert weight[1] < 0.01 * weight[0]


EXPLICIT = {
    "thickness": "50 um",
    "conductivity": "14 mS/cm",
    "grain_boundaries": {"model": "explicit", "grain_size": "1 um", "resistance": "0.011 ohm cm^2"},
}
SPOTS = {"kind": "spots", "arrangement": "square", "radius": "0.5 um", "spacing": "4 um"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"working_electrode.morphology.arrangement": "single"}, "grain_boundaries.model = 'explicit': needs"),
        ({"electrolyte.layers": [{"name": "a", "thickness": 1e-8, "conductivity": 1e-4}]}, "electrolyte.layers"),
        ({"numerics.backend": "surface"}, "numerics.backend = 'surface': does not mesh grains"),
        ({"electrolyte.grain_boundaries.grain_layers": 0}, "electrolyte.grain_boundaries.grain_layers = 0"),
        ({"electrolyte.grain_boundaries.contact_on": "edge"}, "electrolyte.grain_boundaries.contact_on"),
        (
            {"electrolyte.grain_boundaries.model": "brick-layer", "electrolyte.grain_boundaries.grain_layers": 2},
            "grain_layers = 2: goes with model",
        ),
        ({"electrolyte.grain_boundaries.grain_size": "49 um"}, "meshed grains need 1.25 grain sizes"),
        ({"electrolyte.grain_boundaries.grain_size": "50 nm"}, "grains would be meshed"),
    ],
)
def test_what_cannot_be_meant_is_refused(changes: dict[str, object], message: str) -> None:
    cell = Cell(electrolyte=EXPLICIT, working_electrode={"morphology": SPOTS})
    with pytest.raises(InputError, match=message):
        plan(cell.with_(**changes))


@pytest.mark.parametrize(
    ("spots", "boundaries"),
    [
        ({"radius": 2e-7, "spacing": 4e-6}, {"contact_on": "junction", "grain_layers": 2}),
        ({"radius": 8e-7, "spacing": 6e-6}, {"contact_on": "junction", "grain_layers": 2}),
        ({"radius": 4.5e-7, "spacing": 3e-6}, {"contact_on": "grain", "grain_layers": 2}),
        ({"radius": 3e-7, "spacing": 4e-6, "arrangement": "hexagonal"}, {"contact_on": "boundary", "grain_layers": 1}),
        ({"radius": 4.5e-7, "spacing": 4e-6}, {"grains": "voronoi", "seed": 2, "grain_layers": 2}),
    ],
)
def test_the_plan_knows_the_unknowns(spots: dict[str, object], boundaries: dict[str, object]) -> None:
    """Walls and their edges want cells of their own: known to a factor of 1.4 before anything is meshed."""
    grains = {**EXPLICIT["grain_boundaries"], **boundaries}  # type: ignore[dict-item]
    cell = Cell(
        electrolyte={**EXPLICIT, "grain_boundaries": grains},
        working_electrode={"morphology": {**SPOTS, **spots}},
        numerics={"relative_tolerance": 5e-3},
    )
    p = plan(cell)
    level = TETRAHEDRA.usual_level(None, 5e-3)
    found = TETRAHEDRA.discretise(p.sides[0].interface, level).problem.n_free
    told = p.describe()["unknowns (about)"]
    assert isinstance(told, int) and found / 1.4 < told < 1.4 * found


def test_the_plan_says_how_many_grains_are_meshed() -> None:
    cell = Cell(electrolyte=EXPLICIT, working_electrode={"morphology": SPOTS})
    told = plan(cell).describe()
    assert told["backend"] == "tetrahedra"
    assert told["grains meshed"] == 27
    assert told["depth of grains meshed [m]"] == pytest.approx(3e-6)
    # Deep enough for what varies from spot to spot, and for all bricks.
    box = cell.working_electrode.unit_cell(1.0)
    assert plan(cell).sides[0].interface.depth_m >= sufficient_depth(box, 1e-5) > 3e-6
    planar = cell.with_(**{"working_electrode.morphology": {"kind": "planar"}})
    assert plan(planar).sides[0].interface.polycrystal is None
    assert math.isfinite(aspot.simulate(planar).resistances.total)
