"""Dirichlet's principle bounds the resistance from below, Thomson's from above; the truth lies between."""

from __future__ import annotations

import numpy as np
import pytest

from aspot import analytic
from aspot.cell import Cell
from aspot.compose import Clock, solve_cell
from aspot.discretise import BACKENDS
from aspot.fem import dual
from aspot.interface import InterfaceProblem, Layer, sufficient_depth
from aspot.laws import Activated, Conductor, Gap, ResistorCapacitor
from aspot.mesh.profile import build
from aspot.morphology.unit_cell import ProfileCell
from aspot.plan import plan
from aspot.simulation import simulate

BACKEND = BACKENDS["axisymmetric"]


def interval(problem: InterfaceProblem, level: int, is_cut: bool = False) -> tuple[float, float]:
    """Area-specific resistance from the potential (low) and from the stream function (high) [ohm m2]."""
    discrete = BACKEND.discretise(problem, level)
    x = discrete.problem.solve(0.0)
    assert BACKEND.dual_impedance is not None
    low = discrete.problem.area_m2 / np.real(discrete.problem.admittance(x, 0.0))
    return float(low), float(np.real(BACKEND.dual_impedance(discrete, 0.0, is_cut, np.ones(0))))


def conductor(sigma: float) -> Conductor:
    """A plain conductor [S/m]."""
    return Conductor(conductivity=Activated(value=sigma), permittivity=1.0)


@pytest.mark.parametrize("ratio", [0.05, 0.1, 0.3, 0.5, 0.7, 0.9])
@pytest.mark.parametrize("is_pore", [False, True])
def test_flux_tube_lies_between(ratio: float, is_pore: bool) -> None:
    """Spot or pore of radius `ratio` in a tube of radius and depth 1: the spectral reference (1e-9) is enclosed."""
    cell = ProfileCell(axisymmetric=True, outer=1.0, edges=(ratio,), contact=(not is_pore, is_pore))
    problem = InterfaceProblem(cell=cell, depth_m=1.0, electrolyte=conductor(2.0), temperature_K=300.0)
    exact = analytic.flux_tube_impedance(ratio, 1.0, 1.0, 2.0, pore=is_pore).impedance.real
    widths = []
    for level in (0, 2, 4):
        low, high = interval(problem, level)
        assert low * (1 - 1e-8) <= exact <= high * (1 + 1e-8)
        widths.append(high / low - 1)
    assert widths[2] < 1e-5
    assert widths[2] < 0.05 * widths[0]


@pytest.mark.parametrize("depth", [0.25, 1.0, 3.0])
def test_strip_lies_between(depth: float) -> None:
    """Strips of half width 0.25 at half pitch 1, far face equipotential: the elliptic closed form is enclosed."""
    cell = ProfileCell(axisymmetric=False, outer=1.0, edges=(0.25,), contact=(True, False))
    problem = InterfaceProblem(cell=cell, depth_m=depth, electrolyte=conductor(1.0), temperature_K=300.0)
    exact = 2.0 * analytic.strip_resistance(0.25, 1.0, 1.0, depth)  # of half a cell, whose area per metre is 1
    low, high = interval(problem, 4)
    assert low * (1 - 1e-9) <= exact <= high * (1 + 1e-9)
    assert high / low - 1 < 1e-5


def random_problem(rng: np.random.Generator) -> InterfaceProblem:
    """A cell anywhere in the plausible range: spots, pores, rings, strips, layers, contact laws."""
    outer = 10.0 ** rng.uniform(-8, -2)
    rims = int(rng.integers(1, 3))
    edges = tuple(sorted(outer * rng.uniform(0.02, 0.98, rims)))
    if rims == 2 and edges[1] - edges[0] < 0.02 * outer:
        edges = edges[:1]
    first = bool(rng.integers(2))
    contact = tuple(first == (i % 2 == 0) for i in range(len(edges) + 1))
    cell = ProfileCell(axisymmetric=bool(rng.integers(4)), outer=outer, edges=edges, contact=contact)
    layers = ()
    if rng.random() < 0.4:
        thickness = outer * 10.0 ** rng.uniform(-4, -0.5)
        layers = (Layer(name="film", thickness_m=thickness, law=conductor(10.0 ** rng.uniform(-3, 1))),)
    # Contact resistances from negligible to dominant against that of the electrolyte.
    contact_law = None
    if rng.random() < 0.5:
        contact_law = ResistorCapacitor(conductance=Activated(value=10.0 ** rng.uniform(-2, 4) / outer))
    counter = ResistorCapacitor(conductance=Activated(value=1.0 / outer)) if rng.random() < 0.2 else None
    return InterfaceProblem(
        cell=cell,
        depth_m=outer * rng.uniform(0.3, 2.0),
        electrolyte=conductor(1.0),
        layers=layers,
        contact=contact_law,
        gap=Gap(thickness_m=1e-8),
        counter=counter,
        temperature_K=300.0,
    )


def test_finer_intervals_lie_inside_coarser_ones() -> None:
    """200 random cells: each interval is one (low <= high) and contains the much narrower one of a finer level.

    Both bounds are then on the right side of the truth: it lies in the finer interval.
    """
    rng = np.random.default_rng(7)
    narrower = 0
    for _ in range(200):
        problem = random_problem(rng)
        low, high = interval(problem, 0)
        fine_low, fine_high = interval(problem, 2)
        slack = 1e-7 * high
        assert low <= high + slack
        assert low - slack <= fine_low <= fine_high + slack <= high + 2 * slack, problem
        narrower += (fine_high - fine_low) < 0.1 * (high - low) + slack
    assert narrower >= 190


def test_cut_depth_keeps_both_bounds() -> None:
    """A cut with a plane of equal potential below, one with uniform current above: the whole slab lies between."""
    cell = ProfileCell(axisymmetric=True, outer=1.0, edges=(0.3,), contact=(True, False))
    deep = analytic.flux_tube_impedance(0.3, 1.0, 6.0, 1.0).impedance.real
    for depth in (0.3, 0.6, 1.2, sufficient_depth(cell, 1e-6)):
        problem = InterfaceProblem(cell=cell, depth_m=depth, electrolyte=conductor(1.0), temperature_K=300.0)
        low, high = interval(problem, 4, is_cut=True)
        assert low + 6.0 - depth <= deep * (1 + 1e-9)
        assert high + 6.0 - depth >= deep * (1 - 1e-9)


def test_result_carries_the_interval() -> None:
    """The interval of a result contains the reference of the flux tube, and a planar cell's is a point."""
    cell = Cell(
        electrolyte={"thickness": "2 mm", "conductivity": "5.5 mS/cm", "permittivity": 30},
        working_electrode={
            "morphology": {"kind": "spots", "arrangement": "single", "radius": "43.19 um", "contact_fraction": 0.01},
            "contact": {"charge_transfer_resistance": "0.1 ohm cm^2"},
        },
    )
    exact = analytic.flux_tube_impedance(43.19e-6, 431.9e-6, 2e-3, 0.55, contact_admittance=1e5).impedance.real * 1e4
    found = simulate(cell).resistances.total_interval
    assert found is not None
    assert found[0] <= exact <= found[1]
    assert found[1] / found[0] - 1 < 1e-3

    flat = simulate(cell.with_(**{"working_electrode.morphology": None})).resistances.total_interval
    assert flat is not None
    assert flat[1] / flat[0] - 1 < 1e-7
    assert flat[0] <= 2e-3 / 0.55 * 1e4 + 0.1 <= flat[1]


# At every frequency --------------------------------------------------------------------------------------------------


def random_cell(rng: np.random.Generator) -> Cell:
    """Tube, strips or array with grain boundaries, gap, contact law and perhaps a film, decades apart."""
    radius = 10 ** rng.uniform(-7, -4.5)
    kind = str(rng.choice(["single", "square", "hexagonal", "strips"]))
    morphology: dict[str, object] = {"kind": "strips", "width": radius, "contact_fraction": rng.uniform(0.05, 0.8)}
    if kind != "strips":
        morphology = {
            "kind": str(rng.choice(["spots", "pores"])),
            "arrangement": kind,
            "radius": radius,
            "contact_fraction": rng.uniform(0.3, 0.7) if kind != "single" else rng.uniform(0.01, 0.9),
        }
    layers = [{"name": "film", "thickness": radius * 10 ** rng.uniform(-2, 0), "conductivity": "1e-5 S/m"}]
    return Cell(
        electrolyte={
            "thickness": "2 mm",
            "conductivity": 10 ** rng.uniform(-3, 0),
            "permittivity": 30,
            "layers": [{**layers[0], "permittivity": 10}] if rng.random() < 0.4 else [],
        },
        working_electrode={
            "morphology": morphology,
            "gap": {"thickness": 10 ** rng.uniform(-9, -6)},
            "contact": {
                "charge_transfer_resistance": 10 ** rng.uniform(-5, -1),
                "double_layer_capacitance": "10 uF/cm^2",
            },
        },
        frequencies={"values": [1.0]},
    )


@pytest.mark.parametrize("seed", range(6))
def test_two_answers_without_a_common_error_bracket_the_true_one(seed: int) -> None:
    """|Z by current - Z by potential| is at least the error of each, at every frequency, and not much more.

    No theorem says so with complex laws, as the integral of (j + kappa grad phi)^2 / kappa could cancel; at direct
    current one does.
    """
    rng = np.random.default_rng(seed)
    omega, covered = 2 * np.pi * np.logspace(-1, 8, 7), 2 * np.pi * np.logspace(-2, 9, 34)
    tolerance = np.full(len(covered), 1e-9)
    for _ in range(3):
        p = plan(random_cell(rng))
        exact = solve_cell(p, 3, covered, tolerance, Clock()).impedance(omega)
        solved = solve_cell(p, 1, covered, tolerance, Clock())
        error = np.abs(solved.impedance(omega) / exact - 1)
        gap = solved.dual_gap(omega)
        assert gap is not None
        # The cut of the depth (equipotential here, uniform current there) is part of the gap as well.
        assert np.all(gap > 0.9 * error - 1e-9)
        assert np.all(gap < 50 * error + 1e-4)


@pytest.mark.parametrize("both_sides", [False, True])
@pytest.mark.parametrize("arrangement", ["single", "square"])
def test_structured_electrodes_on_a_wider_pellet_are_enclosed(arrangement: str, both_sides: bool) -> None:
    """R grows with the law of the electrode (Rayleigh): its bounds as laws give bounds that shrink level by level."""
    morphology = {"kind": "spots", "arrangement": arrangement, "radius": "10 um", "contact_fraction": 0.05}
    cell = Cell(
        electrolyte={"thickness": "1 mm", "diameter": "10 mm", "conductivity": "1 mS/cm"},
        working_electrode={
            "diameter": "6 mm",
            "morphology": morphology,
            "contact": {"charge_transfer_resistance": "2 ohm cm^2"},
        },
        counter_electrode={"morphology": {**morphology, "contact_fraction": 0.2}} if both_sides else {},
        # The depth is cut where it no longer matters.
        numerics={"relative_tolerance": 1e-6},
    )
    p = plan(cell)
    omega = np.array([1.0])
    intervals = []
    for level in (0, 1, 3):
        found = solve_cell(p, level, omega, np.full(1, 1e-9), Clock()).resistance_interval()
        assert found is not None
        intervals.append(found)
    (low, high), (lower, upper), (lowest, highest) = intervals
    assert low < lower < lowest < highest < upper < high
    assert highest / lowest - 1 < 0.1 * (high / low - 1)


@pytest.mark.parametrize("axisymmetric", [True, False])
def test_flat_gaps_described_by_heights_are_flat_gaps(axisymmetric: bool) -> None:
    """int w (dpsi/d across)^2 d/d_0 over every edge, by the rule for varying heights, where d/d_0 is 1."""

    class Flat:
        def rule(self, start: float, end: float, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            x, w = np.polynomial.legendre.leggauss(n)
            return 0.5 * (x + 1.0), 0.5 * w, np.ones(n)

    cell = ProfileCell(axisymmetric=axisymmetric, outer=3e-5, edges=(1e-5,), contact=(True, False))
    mesh = build(cell, depth=4e-5)
    flat = dual._edge_slopes(mesh, "gap", 5)
    found = dual._edge_slopes(mesh, "gap", 5, Flat())  # type: ignore[arg-type]
    assert found == pytest.approx(flat, rel=1e-9, abs=1e-10 * np.abs(flat).max())
