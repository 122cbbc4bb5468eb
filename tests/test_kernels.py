"""Kernels for tetrahedra and facets: against their slow twins, and against what the weak forms must do.

Theory used: matrices of int grad u . T grad v are symmetric, positive semidefinite, with constants in the null space;
energies of linear fields g . x are |V| g . T g, of quadratic fields (order 2) integrals of polynomials; the mass of a
facet adds up to its area; matrices scale with the length unit as metres (volumes) and square metres (surfaces).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse.linalg import spsolve

from aspot.errors import InputError, MemoryLimitError
from aspot.fem import kernels, pattern, reference, tetrahedra
from aspot.mesh.subdivision import subdivided
from aspot.mesh.tetmesh import TetrahedralMesh, planar_area
from aspot.mesh.uniform import uniform_box

pytestmark = pytest.mark.filterwarnings("error::numpy.exceptions.ComplexWarning")

SIZE = (1.0, 0.7, 1.3)
TENSOR = np.array([[2.0, 0.3, -0.4], [0.3, 1.0, 0.2], [-0.4, 0.2, 0.5]])


def box(order: int, *, curved: str = "", unit_m: float = 1.0) -> TetrahedralMesh:
    """Box with a corner contact, a layer and a jump, randomly numbered; straight, bent or with quarter points."""
    mesh = uniform_box(
        4,
        4,
        3,
        SIZE,
        order=1,
        contact=lambda i, j: (i < 2) & (j < 2),
        layers=(("layer", 1),),
        jump=("boundary", 2),
        unit_m=unit_m,
    )
    if order == 2:
        mesh = subdivided(mesh, n=1, order=2, quarter_points=curved == "quarter")
    nodes = mesh.nodes
    if curved == "bent":
        # Smoothly, along the planes z = const, nothing at the sides: middle nodes leave the middle of their edges.
        x, y = nodes.T[:2]
        bump = 0.02 * np.sin(9 * x / SIZE[0]) * np.sin(7 * y / SIZE[1]) * x * (SIZE[0] - x) * y * (SIZE[1] - y)
        nodes = nodes + np.stack([bump, -bump, 0 * bump], axis=1)
    number = np.random.default_rng(5).permutation(len(nodes))
    shuffled = np.empty_like(nodes)
    shuffled[number] = nodes
    return replace(
        mesh,
        nodes=shuffled,
        cells=number[mesh.cells],
        surfaces={name: number[facets] for name, facets in mesh.surfaces.items()},
        jumps={name: (number[a], number[b]) for name, (a, b) in mesh.jumps.items()},
    )


MESHES = {"order 1": (1, ""), "order 2": (2, ""), "order 2 bent": (2, "bent"), "order 2 quarter": (2, "quarter")}


@pytest.fixture(params=MESHES, scope="module")
def mesh(request: pytest.FixtureRequest) -> TetrahedralMesh:
    order, curved = MESHES[request.param]
    return box(order, curved=curved)


def is_straight(mesh: TetrahedralMesh) -> bool:
    ends = mesh.nodes[mesh.cells[:, :4]]
    middles = np.stack([(ends[:, i] + ends[:, j]) / 2 for i, j in kernels._EDGES], axis=1)
    return mesh.order == 1 or bool(np.allclose(mesh.nodes[mesh.cells[:, 4:]], middles, rtol=0, atol=1e-14))


def assert_same(matrix: object, twin: object) -> None:
    difference = abs(matrix - twin).max()
    assert difference <= 1e-13 * abs(twin).max()


def all_nodes(mesh: TetrahedralMesh) -> pattern.Pattern:
    return pattern.build(mesh.cells, np.arange(len(mesh.nodes)), len(mesh.nodes))


@pytest.mark.parametrize("coefficient", [1.0, 3.5, TENSOR], ids=["unit", "scalar", "tensor"])
def test_stiffness_equals_its_twin(mesh: TetrahedralMesh, coefficient: float | np.ndarray) -> None:
    rule = None if is_straight(mesh) else kernels.CURVED_POINTS
    for region in range(2):
        data = kernels.stiffness(mesh, all_nodes(mesh), region, coefficient)
        assert_same(all_nodes(mesh).matrix(data), reference.stiffness(mesh, region, coefficient, n_points=rule))


@pytest.mark.parametrize("ideal", [True, False])
def test_every_matrix_equals_its_twin(mesh: TetrahedralMesh, ideal: bool) -> None:
    made = tetrahedra.assemble(mesh, ideal_contact=ideal)
    n, dof = made.n_unknowns + 1, made.dof
    rule = None if is_straight(mesh) else kernels.CURVED_POINTS
    twins = {
        name: reference.on_rows(reference.stiffness(mesh, k, n_points=rule), dof, n)
        for k, name in enumerate(mesh.region_names)
    }
    for name in ("gap",) if ideal else ("contact", "gap"):
        twins[name] = reference.surface_coupling(mesh, mesh.surfaces[name], dof, n, n - 1)
    for name, (upper, lower) in mesh.jumps.items():
        twins[name] = reference.jump_coupling(mesh, upper, lower, dof, n)
    assert set(made.matrices) == set(twins)
    for name, twin in twins.items():
        assert_same(made.matrices[name], twin)


def test_facet_mass_does_not_depend_on_orientation(mesh: TetrahedralMesh) -> None:
    """Its twin sees planes z = const only; a rotation in space must not change the mass."""
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))[0]
    facets = mesh.surfaces["gap"]
    flat, turned = (kernels.facet_mass(m, facets) for m in (mesh, replace(mesh, nodes=mesh.nodes @ turn)))
    assert abs(turned - flat).max() <= 1e-13 * abs(flat).max()


def test_counter_law_equals_its_twin(mesh: TetrahedralMesh) -> None:
    made = tetrahedra.assemble(mesh, ideal_contact=True, counter_law=True)
    assert (made.dof >= 0).all()
    twin = reference.on_rows(reference.mass(mesh, mesh.surfaces["counter"]), made.dof, made.n_unknowns + 1)
    assert_same(made.matrices["counter"], twin)


def test_constants_cost_nothing_and_nothing_gains(mesh: TetrahedralMesh) -> None:
    made = tetrahedra.assemble(mesh, ideal_contact=False, counter_law=True)
    for name, matrix in made.matrices.items():
        dense = matrix.toarray()
        assert (dense == dense.T).all()
        if name != "counter":
            assert abs(dense.sum(axis=1)).max() <= 1e-14 * abs(dense).sum(axis=1).max()
        values = np.linalg.eigvalsh(dense)
        assert values.min() >= -1e-14 * values.max()


def test_energy_of_linear_fields_is_exact(mesh: TetrahedralMesh) -> None:
    slope = np.array([0.3, -1.1, 0.7])
    u = mesh.nodes @ slope
    volume = {0: np.prod(SIZE) * 2 / 3, 1: np.prod(SIZE) / 3}
    for region in range(2):
        for tensor in (np.eye(3), TENSOR):
            a = all_nodes(mesh).matrix(kernels.stiffness(mesh, all_nodes(mesh), region, tensor))
            assert u @ (a @ u) == pytest.approx(volume[region] * slope @ tensor @ slope, rel=1e-13)


def test_energy_of_quadratic_fields_is_exact_on_straight_order_2() -> None:
    mesh = box(2)
    x, y, z = mesh.nodes.T
    a = sum(all_nodes(mesh).matrix(kernels.stiffness(mesh, all_nodes(mesh), k)) for k in range(2))
    sx, sy, sz = SIZE
    # |grad (x^2 + 3 y z)|^2 = 4 x^2 + 9 z^2 + 9 y^2
    exact = sx * sy * sz * (4 * sx**2 + 9 * sz**2 + 9 * sy**2) / 3
    u = x**2 + 3 * y * z
    assert u @ (a @ u) == pytest.approx(exact, rel=1e-13)


def test_potential_steps_at_surfaces_and_jumps_cost_the_area(mesh: TetrahedralMesh) -> None:
    made = tetrahedra.assemble(mesh, ideal_contact=False)
    base = SIZE[0] * SIZE[1]
    at_port = np.zeros(made.n_unknowns + 1)
    at_port[-1] = 1.0
    area = {name: at_port @ (made.matrices[name] @ at_port) for name in ("contact", "gap")}
    assert area["contact"] + area["gap"] == pytest.approx(base, rel=1e-13)
    # Bending moves the rim within the plane; the area then follows from the parabolas along the edges.
    assert area["contact"] == pytest.approx(planar_area(mesh.nodes, mesh.surfaces["contact"]), rel=1e-13)
    if is_straight(mesh):
        assert area["contact"] == pytest.approx(base / 4, rel=1e-13)
    assert made.area == pytest.approx(base, rel=1e-13)
    above = np.zeros(made.n_unknowns + 1)
    above[made.dof[mesh.jumps["boundary"][0]]] = 2.0
    assert above @ (made.matrices["boundary"] @ above) == pytest.approx(4 * base, rel=1e-13)


def test_lumped_mass_keeps_area_and_is_never_below_the_exact_one() -> None:
    """Vertex lumping overestimates the energy of every jump: sum A/3 u_i^2 >= int u^2."""
    mesh = box(1)
    exact = tetrahedra.assemble(mesh, ideal_contact=False)
    lumped = tetrahedra.assemble(mesh, ideal_contact=False, lumped=True)
    for name in ("contact", "gap", "boundary"):
        a, b = lumped.matrices[name].toarray(), exact.matrices[name].toarray()
        assert a.trace() > b.trace()
        assert np.linalg.eigvalsh(a - b).min() >= -1e-14 * a.max()
        if name != "boundary":
            assert a[-1, -1] == pytest.approx(b[-1, -1], rel=1e-13)
    with pytest.raises(InputError, match="lumped"):
        tetrahedra.assemble(box(2), ideal_contact=True, lumped=True)


def test_slab_with_all_interfaces_is_exact(mesh: TetrahedralMesh) -> None:
    """1-D series circuit: Y = A / (1/y + t/s1 + 1/y_b + ... + 1/y_c), linear in z piece by piece, complex laws."""
    full = replace(
        mesh,
        surfaces={
            **mesh.surfaces,
            "gap": mesh.surfaces["gap"][:0],
            "contact": np.concatenate([mesh.surfaces["contact"], mesh.surfaces["gap"]]),
        },
    )
    made = tetrahedra.assemble(full, ideal_contact=False, counter_law=True)
    theta = {"electrolyte": 2.0 + 0.5j, "layer": 0.1 + 1j, "contact": 3.0 + 2j, "boundary": 0.4 - 0.1j, "counter": 5j}
    assert set(theta) == set(made.matrices)
    a = sum(theta[name] * matrix for name, matrix in made.matrices.items())
    n = made.n_unknowns
    x = np.append(spsolve(a[:n, :n].tocsc(), -a[:n, [n]].toarray().ravel()), 1.0)
    thickness = SIZE[2] / 3
    series = sum(1 / theta[k] for k in ("contact", "boundary", "counter"))
    series += thickness / theta["layer"] + 2 * thickness / theta["electrolyte"]
    exact = SIZE[0] * SIZE[1] / series
    assert abs(x @ (a @ x) / exact - 1) < 1e-12
    # The field behind it: uniform current density, straight down.
    density = tetrahedra.current_density(full, made.potential(x), theta)
    expected = np.array([0, 0, 1 / series])
    assert abs(density - expected).max() < 1e-11 * abs(1 / series)
    assert abs(tetrahedra.nodal_mean(full, density) - expected).max() < 1e-11 * abs(1 / series)


def test_matrices_scale_with_the_length_unit() -> None:
    metre, nano = box(2, curved="bent"), box(2, curved="bent", unit_m=1e-9)
    one, small = (tetrahedra.assemble(m, ideal_contact=False) for m in (metre, nano))
    for name, power in {"electrolyte": 1, "layer": 1, "contact": 2, "gap": 2, "boundary": 2}.items():
        assert_same(small.matrices[name] / 1e-9**power, one.matrices[name])
    assert small.area == pytest.approx(1e-18 * one.area, rel=1e-13)


def test_rim_nodes_belong_to_the_ideal_contact(mesh: TetrahedralMesh) -> None:
    made = tetrahedra.assemble(mesh, ideal_contact=True)
    rim = np.intersect1d(mesh.surfaces["contact"], mesh.surfaces["gap"])
    assert len(rim)
    assert (made.dof[mesh.surfaces["contact"]] == made.n_unknowns).all()
    assert (made.dof[rim] == made.n_unknowns).all()
    assert (made.dof[mesh.surfaces["counter"]] == -1).all()
    free = made.dof[(made.dof >= 0) & (made.dof < made.n_unknowns)]
    assert (np.sort(free) == np.arange(made.n_unknowns)).all()


def test_all_terms_share_one_sorted_pattern(mesh: TetrahedralMesh) -> None:
    made = tetrahedra.assemble(mesh, ideal_contact=False)
    first = made.matrices["electrolyte"]
    for matrix in made.matrices.values():
        assert matrix.indices is first.indices
        assert matrix.indptr is first.indptr
    for i in range(first.shape[0]):
        columns = first.indices[first.indptr[i] : first.indptr[i + 1]]
        assert (np.diff(columns) > 0).all()
        assert i in columns


def test_pattern_is_the_set_of_pairs_that_meet() -> None:
    """Random cliques with shared and grounded numbers: exactly the pairs of rows of a cell, and the couplings."""
    rng = np.random.default_rng(1)
    cells = np.array([rng.choice(40, 4, replace=False) for _ in range(60)])
    dof = rng.integers(-1, 15, 40)
    made = pattern.build(cells, dof, 16, [(np.arange(5), np.array([15]))])
    expected = np.eye(16, dtype=bool)
    for cell in dof[cells]:
        rows = cell[cell >= 0]
        expected[np.ix_(rows, rows)] = True
    expected[:5, 15] = expected[15, :5] = True
    assert (made.matrix(np.ones(len(made.indices))).toarray().astype(bool) == expected).all()
    assert (made.slots(dof[cells]) == made.cell_slots).all()
    missing = np.argwhere(~expected)[0]
    with pytest.raises(KeyError):
        made.slots(missing[None])


@pytest.mark.parametrize("k", [4, 10])
def test_pattern_of_nodes_that_nearly_all_meet(k: int) -> None:
    """Many times the neighbours that usual meshes have: rows grow as they must."""
    rng = np.random.default_rng(2)
    n = 90
    cells = np.array([rng.choice(n, k, replace=False) for _ in range(600)])
    made = pattern.build(cells, np.arange(n), n)
    expected = np.eye(n, dtype=bool)
    for cell in cells:
        expected[np.ix_(cell, cell)] = True
    assert (made.matrix(np.ones(len(made.indices))).toarray().astype(bool) == expected).all()
    assert (made.slots(cells) == made.cell_slots).all()


def test_port_row_is_not_quadratic() -> None:
    """The number of entries, thus the work, is linear in the surface: two per coupled node beside the cells'."""
    counts = []
    for n in (10, 20):
        mesh = uniform_box(n, n, 1)
        open_ = len(tetrahedra.assemble(mesh, ideal_contact=False).matrices["electrolyte"].indices)
        none = len(tetrahedra.assemble(mesh, ideal_contact=False, port=()).matrices["electrolyte"].indices)
        counts.append((open_ - none, 2 * (n + 1) ** 2))
    assert all(found == expected for found, expected in counts)


def test_gradient_of_a_complex_field(mesh: TetrahedralMesh) -> None:
    scaled = replace(mesh, unit_m=1e-6)
    slope = np.array([1.0 + 2j, -0.5j, 3.0])
    found = tetrahedra.gradient(scaled, mesh.nodes @ slope * 1e-6)
    assert abs(found - slope).max() < 1e-12 * abs(slope).max()


def test_rules_are_exact_positive_and_inside() -> None:
    """int x^i y^j z^k over the unit tetrahedron = i! j! k! / (i + j + k + 3)!, triangle likewise."""
    from math import factorial as f

    for dimension in (2, 3):
        for n in (2, 3, 4):
            points, weights = kernels.quadrature(dimension, n)
            assert (weights > 0).all() and (points > 0).all() and (points.sum(axis=1) < 1).all()
            for powers in np.ndindex(*(2 * n,) * dimension):
                if sum(powers) <= 2 * n - 1:
                    exact = np.prod([float(f(p)) for p in powers]) / f(sum(powers) + dimension)
                    assert np.prod(points**powers, axis=1) @ weights == pytest.approx(exact, rel=1e-12)


def test_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    mesh = box(1)
    with pytest.raises(InputError, match="'far'"):
        tetrahedra.assemble(mesh, ideal_contact=True, grounded=("far",))
    with pytest.raises(InputError, match="short circuit"):
        tetrahedra.assemble(mesh, ideal_contact=True, grounded=("gap",))
    with pytest.raises(InputError, match="must differ"):
        tetrahedra.assemble(replace(mesh, region_names=("electrolyte", "gap")), ideal_contact=True)
    monkeypatch.setattr(tetrahedra, "available_memory", lambda: 1e3)
    with pytest.raises(MemoryLimitError, match="available"):
        tetrahedra.assemble(mesh, ideal_contact=True)
