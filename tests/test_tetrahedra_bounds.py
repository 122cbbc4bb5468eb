"""Two-sided bounds on tetrahedra: Dirichlet's and Thomson's principles, their agreement, and meshes refined by them."""

from dataclasses import replace

import numpy as np
import pytest

from aspot.discretise import TETRAHEDRA
from aspot.discretise.tetrahedra import _current_field, _refined
from aspot.errors import ConvergenceError
from aspot.fem import tetrahedra_dual
from aspot.fem.problem import Problem, Term
from aspot.fem.tetrahedra import AssembledTetrahedra, assemble
from aspot.interface import InterfaceProblem, Layer, slowest_wave_number
from aspot.laws import Activated, Conductor, Gap, Law, ResistorCapacitor
from aspot.mesh.adaptation import wanted_sizes
from aspot.mesh.tetrahedra import build
from aspot.mesh.uniform import uniform_box
from aspot.morphology.unit_cell import Annulus, BoxCell, Disc, Ellipse, Shape, Square

QUARTER_RESISTANCE = 1.0 / 0.0866829600  # box 0.5 x 0.5 x 1, quarter disc of radius 0.1 (hp elements and spectral)


def conductor(sigma: float = 1.0) -> Conductor:
    return Conductor(conductivity=Activated(value=sigma), permittivity=1.0)


def interface(shape: Shape, depth: float = 1.0, inside: bool = True, **laws: Law) -> InterfaceProblem:
    cell = BoxCell(size_x=0.5, size_y=0.5, shapes=(shape,), contact_inside=inside)
    return InterfaceProblem(
        cell=cell,
        depth_m=depth,
        electrolyte=laws.pop("electrolyte", conductor()),
        temperature_K=300.0,
        **laws,  # type: ignore[arg-type]
    )


def bounds(problem: InterfaceProblem, level: int, *, is_cut: bool = False) -> tuple[float, float]:
    """Resistance of the piece from the potential and from the current [ohm]."""
    discrete = TETRAHEDRA.discretise(problem, level)
    assert isinstance(discrete.problem, Problem) and TETRAHEDRA.dual_impedance is not None
    x = discrete.problem.solve(0.0)
    low = 1.0 / np.real(discrete.problem.admittance(x, 0.0))
    high = TETRAHEDRA.dual_impedance(discrete, 0.0, is_cut, x) / discrete.problem.area_m2
    return float(low), float(np.real(high))


def constant(assembly: AssembledTetrahedra, values: dict[str, float]) -> Problem:
    """The problem of real admittivities and admittances; what has none insulates."""
    matrices = {name: a for name, a in assembly.matrices.items() if name in values}
    laws = {n: ResistorCapacitor(conductance=Activated(value=values[n]), cpe_prefactor=0.0) for n in matrices}
    return Problem(
        tuple(Term(name=n, role="electrolyte", law=laws[n], matrix=a) for n, a in matrices.items()), 0.25, 300.0
    )


DISC = interface(Disc(x=0.0, y=0.0, radius=0.1))


def test_quarter_cell_lies_between() -> None:
    """The published conductance lies in the interval; cutting every edge narrows it at least by half."""
    coarse, fine = bounds(DISC, 0), bounds(DISC, 1)
    for low, high in (coarse, fine):
        assert low < QUARTER_RESISTANCE < high
    assert coarse[0] < fine[0] < fine[1] < coarse[1]
    assert fine[1] - fine[0] < 0.5 * (coarse[1] - coarse[0])
    assert fine[1] / fine[0] - 1 < 2.5e-3


@pytest.mark.parametrize("seed", range(12))
def test_intervals_of_random_cells_overlap(seed: int) -> None:
    """Any shape, any laws, layers: the interval of every mesh holds the best estimate of a finer one."""
    random = np.random.default_rng(seed)
    size = random.uniform(0.08, 0.3)
    shape = [
        Disc(x=0.0, y=0.0, radius=size),
        Square(x=0.0, y=0.0, side=2 * size),
        Ellipse(x=0.0, y=0.0, semi_axis_x=size, semi_axis_y=0.5 * size),
        Annulus(x=0.0, y=0.0, inner_radius=0.5 * size, radius=size),
        Disc(x=0.2, y=0.25, radius=0.5 * size),
        Square(x=0.25, y=0.2, side=size),
    ][seed % 6]
    laws: dict[str, Law] = {}
    if seed % 2:
        laws["contact"] = ResistorCapacitor(conductance=Activated(value=10 ** random.uniform(0, 3)), cpe_prefactor=1.0)
    if seed % 3 == 0:
        laws["counter"] = ResistorCapacitor(conductance=Activated(value=10 ** random.uniform(0, 2)), cpe_prefactor=1.0)
    problem = interface(shape, 0.8, inside=bool(seed % 4), **laws)
    if seed % 3 == 1:
        film = Layer(name="film", thickness_m=0.05, law=conductor(10 ** random.uniform(-2, 2)))
        problem = replace(problem, layers=(film,))
    (low, high), (lower, upper) = bounds(problem, 0), bounds(problem, 1)
    assert low < high and lower < upper
    assert max(low, lower) < min(high, upper)
    # No theorem, as the rims of the finer mesh are other polygons; but so it is wherever it was tried.
    assert low < lower and upper < high
    middle = lower + 0.4 * (upper - lower)
    assert low < middle < high


def test_the_gap_is_what_the_fields_differ_by() -> None:
    """Prager and Synge: |q + kappa grad u|^2 = R_high I^2 + Y - 2 I for 1 V, cell by cell and summed."""
    mesh = build(DISC.cell, depth=1.0, rim_size=0.04, max_size=0.2, grading=0.45)  # type: ignore[arg-type]
    assembly = assemble(mesh, ideal_contact=False, counter_law=True)
    laws = {"contact": 30.0, "gap": 0.5, "counter": 4.0}
    problem = constant(assembly, {"electrolyte": 1.0, **laws})
    x = problem.solve(0.0)
    y = float(np.real(problem.admittance(x, 0.0)))
    field = tetrahedra_dual.equilibrated(assembly.currents, assembly.potential(x), {"electrolyte": 1.0}, laws)
    assert (field.cell_gap > -1e-12 * field.cell_gap.max()).all()
    current = field.current.real
    expected = field.impedance.real * current**2 + y - 2.0 * current
    assert field.cell_gap.sum() * current**2 == pytest.approx(expected, rel=1e-6)
    # The current of a Galerkin solution is its energy.
    assert current == pytest.approx(y, rel=1e-9)


def test_uniform_current_is_met_exactly() -> None:
    """A slab under full contact: both bounds are the series of its layers and laws."""
    film = Layer(name="film", thickness_m=0.1, law=conductor(0.2))
    cell = BoxCell(size_x=0.5, size_y=0.5, shapes=(), contact_inside=False)
    contact = ResistorCapacitor(conductance=Activated(value=3.0), cpe_prefactor=1.0)
    problem = InterfaceProblem(
        cell=cell, depth_m=0.7, electrolyte=conductor(2.0), layers=(film,), contact=contact, temperature_K=300.0
    )
    exact = (0.7 / 2.0 + 0.1 / 0.2 + 1.0 / 3.0) / 0.25
    for bound in bounds(problem, 0, is_cut=True):
        assert bound == pytest.approx(exact, rel=1e-8)


def test_jump_between_halves() -> None:
    """A law over an inner plane adds 1/(y A) to both bounds of a slab, and both sides carry the same current."""
    cell = BoxCell(size_x=0.5, size_y=0.5, shapes=(), contact_inside=False)
    mesh = build(cell, depth=1.0, rim_size=0.3, max_size=0.3, split_at_depth=(("boundary", 0.4),))
    assembly = assemble(mesh, ideal_contact=True)
    values = {"electrolyte": 1.0, "boundary": 0.3}
    problem = constant(assembly, values)
    u = assembly.potential(problem.solve(0.0))
    field = tetrahedra_dual.equilibrated(assembly.currents, u, {"electrolyte": 1.0}, {"boundary": 0.3, "gap": 0.0})
    assert field.impedance.real == pytest.approx((1.0 + 1.0 / 0.3) / 0.25, rel=1e-8)
    assert field.cell_gap.max() < 1e-12


@pytest.mark.parametrize("omega", [1e-2, 1.0, 1e2])
def test_second_impedance_of_complex_laws(omega: float) -> None:
    """The answer by the current agrees with that by the potential, closer on the finer mesh: stationary values."""
    laws: dict[str, Law] = {
        "contact": ResistorCapacitor(conductance=Activated(value=20.0), cpe_prefactor=2.0, cpe_exponent=0.9),
        "gap": Gap(thickness_m=1e-11),
    }
    problem = replace(DISC, **laws)  # type: ignore[arg-type]
    distances = []
    for level in (0, 1):
        discrete = TETRAHEDRA.discretise(problem, level)
        assert isinstance(discrete.problem, Problem) and TETRAHEDRA.dual_impedance is not None
        x = discrete.problem.solve(omega)
        z = discrete.problem.area_m2 / discrete.problem.admittance(x, omega)
        distances.append(abs(TETRAHEDRA.dual_impedance(discrete, omega, False, x) / z - 1.0))
    assert 0 < distances[1] < 0.6 * distances[0] < 1e-2


def test_a_potential_that_solves_nothing_is_refused() -> None:
    discrete = TETRAHEDRA.discretise(DISC, 0)
    assembly = discrete.assembly
    assert isinstance(assembly, AssembledTetrahedra) and isinstance(discrete.problem, Problem)
    x = discrete.problem.solve(0.0)
    x[: len(x) // 2] *= 1.01
    with pytest.raises(ConvergenceError, match="sources"):
        tetrahedra_dual.equilibrated(assembly.currents, assembly.potential(x), {"electrolyte": 1.0}, {"gap": 0.0})


def test_uneven_current_at_a_cut_costs_little_and_never_less() -> None:
    """Forcing uniform current where a piece is cut raises the bound by what the modes there carry: exp(-2 k H)."""
    disc = Disc(x=0.0, y=0.0, radius=0.15)
    # The true resistance with uniform current at the cut: that of a deep piece without what lies below.
    deep = sum(bounds(interface(disc, 1.5), 1)) / 2
    costs = []
    for depth in (0.3, 0.6):
        piece = interface(disc, depth)
        low, free = bounds(piece, 1)
        forced = bounds(piece, 1, is_cut=True)[1]
        assert low < free < forced
        assert deep - (1.5 - depth) / 0.25 < forced
        costs.append((forced - free) / low)
    assert costs[1] / costs[0] < 3.0 * np.exp(-2.0 * slowest_wave_number(piece.cell) * 0.3)
    assert costs[1] < 5e-3


def test_refined_meshes_reach_what_they_were_made_for() -> None:
    """The distance of the bounds that a mesh was refined for is that of its own fields."""
    for pair, wanted in ((1, 8e-3), (2, 2e-3)):
        found = _refined(DISC, pair)
        assert found.gap <= wanted
        discrete = TETRAHEDRA.discretise(DISC, 2 * pair)
        assert isinstance(discrete.problem, Problem) and isinstance(discrete.assembly, AssembledTetrahedra)
        field = _current_field(DISC, discrete.assembly, discrete.problem, 0.0, None)
        assert field.cell_gap.sum() / abs(field.impedance) == pytest.approx(found.gap, rel=1e-6)


def test_wanted_sizes_are_smaller_where_errors_are() -> None:
    """Ten times the error in half of a uniform mesh: smaller cells there, larger ones elsewhere at a lax target."""
    mesh = uniform_box(4, 4, 4)
    centre = mesh.nodes[mesh.cells[:, :4]].mean(axis=1)
    errors = np.where(centre[:, 0] < centre[:, 0].mean(), 10.0, 1.0)
    inner = np.zeros(len(errors), dtype=bool)
    strict, lax = (wanted_sizes(mesh, errors, part * errors.sum(), inner)[:, 3] for part in (0.1, 5.0))
    assert strict[errors > 5].max() < strict[errors < 5].min()
    assert (strict < lax).all()
