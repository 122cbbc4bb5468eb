"""Tetrahedral meshes: tags, areas, volumes, rims, slabs and jumps against the geometry they stand for."""

from __future__ import annotations

import builtins
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import skfem
from skfem.helpers import dot, grad

from aspot.errors import AspotError, InputError, MemoryLimitError
from aspot.mesh.tetmesh import TetrahedralMesh, check, jacobians, planar_area, volumes
from aspot.mesh.tetrahedra import build, estimated_tetrahedra, recommended_sizes
from aspot.mesh.topology import CELL_EDGES, rim_edges
from aspot.mesh.uniform import uniform_box
from aspot.morphology.unit_cell import Annulus, BoxCell, Disc, Ellipse, Shape, Square


def box(*shapes: Shape, contact_inside: bool = True, size: tuple[float, float] = (0.5, 0.5)) -> BoxCell:
    return BoxCell(size_x=size[0], size_y=size[1], shapes=shapes, contact_inside=contact_inside)


def at_level(cell: BoxCell, depth: float = 1.0, level: int = 0, **options: Any) -> TetrahedralMesh:
    sizes = recommended_sizes(cell, depth, level)
    return build(
        cell,
        depth=depth,
        rim_size=sizes.rim_size,
        max_size=sizes.max_size,
        grading=sizes.grading,
        subdivisions=sizes.subdivisions,
        **options,
    )


def area(mesh: TetrahedralMesh, name: str) -> float:
    return planar_area(mesh.nodes, mesh.surfaces[name]) * mesh.unit_m**2


QUARTER = box(Disc(x=0.0, y=0.0, radius=0.1))
ROOT3 = math.sqrt(3)


@pytest.mark.parametrize(
    ("cell", "inside"),
    [
        (QUARTER, math.pi * 0.01 / 4),
        (box(Ellipse(x=0.0, y=0.0, semi_axis_x=0.1, semi_axis_y=0.3)), math.pi * 0.03 / 4),
        (box(Ellipse(x=0.0, y=0.0, semi_axis_x=0.3, semi_axis_y=0.05)), math.pi * 0.015 / 4),
        (box(Square(x=0.0, y=0.0, side=0.3)), 0.0225),
        (box(Annulus(x=0.0, y=0.0, inner_radius=0.1, radius=0.2)), math.pi * 0.03 / 4),
        (box(Disc(x=0.25, y=0.25, radius=0.1)), math.pi * 0.01),
        (
            box(Disc(x=0.0, y=0.0, radius=0.2), Disc(x=0.5, y=0.5 * ROOT3, radius=0.2), size=(0.5, 0.5 * ROOT3)),
            math.pi * 0.04 / 2,
        ),
        (
            box(Disc(x=0.0, y=0.0, radius=0.55)),  # larger than the box: sector minus nothing, plus two triangles
            0.5 * math.sqrt(0.55**2 - 0.25) + 0.55**2 / 2 * (math.pi / 2 - 2 * math.acos(0.5 / 0.55)),
        ),
    ],
)
@pytest.mark.parametrize("contact_inside", [True, False])
def test_areas_and_volume(cell: BoxCell, inside: float, contact_inside: bool) -> None:
    """The polygons at the rims have the area of the true shapes, as far as curvature is even; pores the complement."""
    cell = replace(cell, contact_inside=contact_inside)
    mesh = at_level(cell)
    total = cell.size_x * cell.size_y
    names = ("contact", "gap") if contact_inside else ("gap", "contact")
    assert area(mesh, names[0]) == pytest.approx(inside, rel=2e-4)
    assert area(mesh, names[1]) == pytest.approx(total - inside, rel=2e-4)
    assert area(mesh, "counter") == pytest.approx(total, rel=1e-12)
    assert area(mesh, "front") == pytest.approx(cell.size_x, rel=1e-12)
    assert volumes(mesh).sum() * mesh.unit_m**3 == pytest.approx(total, rel=1e-12)


@pytest.mark.parametrize("rim_size", [0.02, 0.01])
def test_polygons_of_order_1_miss_second_order_area(rim_size: float) -> None:
    """Chords over the angles theta_i leave sum(sin theta_i) / sum(theta_i) of the disc: second order in theta."""
    mesh = build(QUARTER, depth=1.0, rim_size=rim_size, max_size=0.2, grading=0.5, order=1)
    ends = mesh.nodes[rim_edges(mesh)] * mesh.unit_m
    theta = 2 * np.arcsin(np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1) / 0.2)
    assert theta.sum() == pytest.approx(math.pi / 2, rel=1e-6)
    assert theta.max() < 1.5 * rim_size / 0.1
    missing = 1 - area(mesh, "contact") / (math.pi * 0.01 / 4)
    assert missing == pytest.approx(1 - np.sin(theta).sum() / theta.sum(), rel=1e-4)


def test_surfaces_lie_where_their_names_say() -> None:
    mesh = at_level(QUARTER)
    z = mesh.nodes[:, 2] * mesh.unit_m
    assert np.abs(z[mesh.surfaces["contact"]]).max() < 1e-12
    assert np.abs(z[mesh.surfaces["gap"]]).max() < 1e-12
    assert np.abs(z[mesh.surfaces["counter"]] - 1).max() < 1e-12
    assert np.abs(mesh.nodes[mesh.surfaces["front"], 1]).max() < 1e-12
    r = np.hypot(*(mesh.nodes[:, :2] * mesh.unit_m).T)
    # A polygon of the area of the circle, with edges up to 0.22 radii: half a percent to both sides.
    assert r[np.unique(mesh.surfaces["contact"])].max() <= 0.1 * 1.005
    assert r[np.unique(mesh.surfaces["gap"])].min() >= 0.1 * 0.995


@pytest.mark.parametrize("level", [0, 1])
def test_quarter_points_sit_at_a_quarter_and_rims_are_straight(level: int) -> None:
    mesh = at_level(QUARTER, level=level)
    on_rim = np.zeros(len(mesh.nodes), dtype=bool)
    on_rim[rim_edges(mesh)] = True
    n_quarter = 0
    for cell in mesh.cells:
        for k, (i, j) in enumerate(CELL_EDGES):
            a, b, middle = cell[i], cell[j], mesh.nodes[cell[4 + k]]
            if level and not (on_rim[a] or on_rim[b]):
                continue  # cells farther out follow the map of the cell that was cut
            t = 0.5 if on_rim[a] == on_rim[b] else (0.25 if on_rim[a] else 0.75)
            n_quarter += t != 0.5
            np.testing.assert_allclose(middle, (1 - t) * mesh.nodes[a] + t * mesh.nodes[b], atol=1e-12)
    assert n_quarter > 50


@pytest.mark.parametrize("subdivisions", [1, 2, 3])
def test_jacobians_are_positive_inside(subdivisions: int) -> None:
    mesh = at_level(QUARTER, level=subdivisions - 1)
    assert (jacobians(mesh, 4)[0] > 0).all()


def test_subdivided_cells_follow_the_rim_quadratically() -> None:
    """Radial edges from the rim, halved in s, have lengths 1 : 3: the square of the local coordinate."""
    coarse, fine = (at_level(QUARTER, level=level, order=1) for level in (0, 1))
    ring = []
    for mesh in (coarse, fine):
        on_rim = np.zeros(len(mesh.nodes), dtype=bool)
        on_rim[rim_edges(mesh)] = True
        edges = np.unique(np.sort(mesh.cells[:, CELL_EDGES].reshape(-1, 2), axis=1), axis=0)
        one = edges[on_rim[edges].sum(axis=1) == 1]
        ring.append(np.median(np.linalg.norm(mesh.nodes[one[:, 0]] - mesh.nodes[one[:, 1]], axis=1)))
    assert ring[0] / ring[1] == pytest.approx(4, rel=0.35)


def conductance(mesh: TetrahedralMesh) -> float:
    """Of the box with phi = 1 on contact, 0 on counter, unit conductivity, by scikit-fem's isoparametric P2."""
    n_vertices = int(mesh.cells[:, :4].max()) + 1
    used = np.unique(mesh.cells[:, :4])
    number = np.full(n_vertices, -1)
    number[used] = np.arange(len(used))
    linear = skfem.MeshTet(mesh.nodes[used].T.copy(), number[mesh.cells[:, :4]].T.copy())
    middle = {}
    for k, pair in enumerate(CELL_EDGES):
        ends = np.sort(number[mesh.cells[:, pair]], axis=1)
        middle.update(zip(map(tuple, ends), mesh.cells[:, 4 + k], strict=True))
    order = np.concatenate([used, [middle[tuple(edge)] for edge in np.sort(linear.edges.T, axis=1)]])
    curved = skfem.MeshTet2(mesh.nodes[order].T.copy(), linear.t)
    basis = skfem.Basis(curved, skfem.ElementTetP2(), intorder=6)
    stiffness = skfem.BilinearForm(lambda u, v, _: dot(grad(u), grad(v))).assemble(basis)
    position = np.empty(len(mesh.nodes), dtype=np.int64)
    position[order] = np.arange(len(order))
    dofs = np.concatenate([basis.nodal_dofs[0], basis.edge_dofs[0]])
    phi = basis.zeros()
    contact = dofs[position[np.unique(mesh.surfaces["contact"])]]
    phi[contact] = 1.0
    fixed = np.concatenate([contact, dofs[position[np.unique(mesh.surfaces["counter"])]]])
    phi = skfem.solve(*skfem.condense(stiffness, x=phi, D=fixed))
    return float(phi @ stiffness @ phi) * mesh.unit_m


def test_quarter_cell_conductance_and_rate() -> None:
    """Reference 0.08668296 from hp elements (design, section 4). Energy: the error is positive; it falls with level."""
    errors = [conductance(at_level(QUARTER, level=level)) / 0.08668296 - 1 for level in (0, 1)]
    assert 0 < errors[1] < 1e-3
    assert errors[0] / errors[1] > 4


def test_quarter_points_pay() -> None:
    """The same mesh without them misses r^(1/2) and is several times less accurate."""
    plain, quarter = (conductance(at_level(QUARTER, quarter_points=q)) / 0.08668296 - 1 for q in (False, True))
    assert plain > 4 * quarter > 0


def test_layers_thin_and_thick() -> None:
    """Thickness ratios of 1e6 cost nothing: thin slabs are extruded."""
    layers = (("outer", 1e-4), ("middle", 0.2), ("inner", 1e-6))
    mesh = at_level(QUARTER, layers=layers)
    assert mesh.region_names == ("electrolyte", "outer", "middle", "inner")
    found = np.bincount(mesh.cell_region, weights=volumes(mesh)) * mesh.unit_m**3
    np.testing.assert_allclose(found, [0.25, 0.25e-4, 0.05, 0.25e-6], rtol=1e-9)
    z = mesh.nodes[mesh.cells[:, :4], 2].mean(axis=1) * mesh.unit_m
    assert z[mesh.cell_region == 1].max() < 1e-4 < z[mesh.cell_region == 2].min()
    assert area(mesh, "front") == pytest.approx(0.5 * (1 + 0.2 + 1e-4 + 1e-6), rel=1e-9)
    assert area(mesh, "contact") == pytest.approx(math.pi * 0.01 / 4, rel=2e-4)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("subdivisions", [1, 2])
def test_jump_has_two_coinciding_disjoint_sides(order: int, subdivisions: int) -> None:
    mesh = build(
        QUARTER,
        depth=1.0,
        layers=(("film", 0.01),),
        rim_size=0.03,
        max_size=0.2,
        grading=0.5,
        order=order,
        subdivisions=subdivisions,
        split_at_depth=(("film edge", 0.01), ("boundary", 0.6)),
    )
    assert set(mesh.jumps) == {"film edge", "boundary"}
    for name, depth in (("film edge", 0.01), ("boundary", 0.6)):
        upper, lower = mesh.jumps[name]
        np.testing.assert_allclose(mesh.nodes[upper], mesh.nodes[lower], rtol=0, atol=1e-12)
        np.testing.assert_allclose(mesh.nodes[upper, 2] * mesh.unit_m, depth, rtol=1e-9)
        assert not np.intersect1d(upper, lower).size
        assert planar_area(mesh.nodes, upper) * mesh.unit_m**2 == pytest.approx(0.25, rel=1e-9)
        above = mesh.nodes[mesh.cells, 2].mean(axis=1) * mesh.unit_m < depth
        assert not np.intersect1d(mesh.cells[above], lower).size  # no path for the current but over the jump
        assert not np.intersect1d(mesh.cells[~above], upper).size


@pytest.mark.parametrize("fraction", [1e-4, 0.5, 0.7, 0.784])
@pytest.mark.parametrize("scale", [1e-9, 1e-3])
def test_extreme_contact_fractions_and_lengths(fraction: float, scale: float) -> None:
    cell = box(Disc(x=0.0, y=0.0, radius=scale * math.sqrt(fraction / math.pi)), size=(0.5 * scale, 0.5 * scale))
    mesh = at_level(cell, depth=scale)
    assert area(mesh, "contact") == pytest.approx(fraction * 0.25 * scale**2, rel=2e-4)


def test_meshing_is_deterministic() -> None:
    one, other = at_level(QUARTER), at_level(QUARTER)
    np.testing.assert_array_equal(one.nodes, other.nodes)
    np.testing.assert_array_equal(one.cells, other.cells)


def test_meshing_is_silent(capfd: pytest.CaptureFixture[str]) -> None:
    at_level(QUARTER)
    assert capfd.readouterr() == ("", "")


def test_too_many_tetrahedra_are_refused_before_meshing() -> None:
    with pytest.raises(MemoryLimitError, match="tetrahedra would be needed"):
        build(QUARTER, depth=1.0, rim_size=1e-6, max_size=0.2, grading=0.05)


@pytest.mark.parametrize("cell", [QUARTER, box(Disc(x=0.0, y=0.0, radius=0.02)), box()])
def test_estimate_is_within_a_factor_of_two_and_a_half(cell: BoxCell) -> None:
    cell = replace(cell, contact_inside=bool(cell.shapes))
    sizes = recommended_sizes(cell, 1.0, 1)
    ratio = estimated_tetrahedra(cell, 1.0, sizes) / len(at_level(cell, level=1).cells)
    assert 0.4 < ratio < 2.5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"depth": -1.0}, "depth"),
        ({"rim_size": math.nan}, "rim_size"),
        ({"grading": 0.0}, "grading"),
        ({"order": 3}, "order"),
        ({"subdivisions": 0}, "subdivisions"),
        ({"layers": (("electrolyte", 0.1),)}, "layers"),
        ({"layers": (("film", 0.0),)}, "layer film"),
        ({"split_at_depth": (("j", 2.0),)}, "split_at_depth"),
        ({"cell": box()}, "contact_inside"),
        ({"cell": box(Disc(x=0.0, y=0.0, radius=0.0))}, "shape"),
    ],
)
def test_wrong_arguments_are_named(change: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"cell": QUARTER, "depth": 1.0, "rim_size": 0.03, "max_size": 0.2} | change
    with pytest.raises(InputError, match=message):
        build(arguments.pop("cell"), **arguments)


def test_missing_netgen_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_netgen(name: str, *args: Any, **options: Any) -> Any:
        if name.startswith("netgen"):
            raise ImportError("libGLU.so.1: cannot open shared object file: No such file or directory")
        return real(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", without_netgen)
    with pytest.raises(AspotError, match=r"libGLU\.so\.1.*apt-get install"):
        at_level(QUARTER)


@pytest.mark.parametrize("order", [1, 2])
def test_uniform_box(order: int) -> None:
    mesh = uniform_box(
        3,
        4,
        6,
        (1.0, 2.0, 3.0),
        order=order,
        contact=lambda i, j: (i == 0) & (j < 2),
        jump=("boundary", 4),
        layers=(("film", 2),),
    )
    check(mesh)
    assert len(mesh.cells) == 6 * 3 * 4 * 6
    np.testing.assert_allclose(volumes(mesh), 6 / len(mesh.cells), rtol=1e-12)
    assert planar_area(mesh.nodes, mesh.surfaces["contact"]) == pytest.approx(2 / 6)
    assert planar_area(mesh.nodes, mesh.surfaces["gap"]) == pytest.approx(2 - 2 / 6)
    assert planar_area(mesh.nodes, mesh.surfaces["front"]) == pytest.approx(3)
    assert (mesh.cell_region == 1).sum() == 6 * 3 * 4 * 2
    np.testing.assert_allclose(mesh.nodes[mesh.jumps["boundary"][0], 2], 2.0)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda m: replace(m, nodes=np.where(m.nodes == m.nodes.max(), np.nan, m.nodes)), "finite"),
        (lambda m: replace(m, cells=m.cells + 1), "does not exist"),
        (lambda m: replace(m, cells=m.cells[:0], cell_region=m.cell_region[:0]), "no cells"),
        (lambda m: replace(m, cells=m.cells[:, [1, 0, 2, 3]]), "Jacobian"),
        (lambda m: replace(m, nodes=np.vstack([m.nodes, [[0.5, 0.5, 0.5]]])), "belong to no cell"),
        (lambda m: replace(m, cells=m.cells[6:], cell_region=m.cell_region[6:]), "volume|belong to no cell"),
        (lambda m: replace(m, cell_region=m.cell_region + 1), "region"),
        (lambda m: replace(m, surfaces={**m.surfaces, "gap": m.surfaces["contact"]}), "cover"),
        (lambda m: replace(m, unit_m=0.0), "unit_m"),
    ],
)
def test_check_finds_damage(damage: Any, message: str) -> None:
    mesh = uniform_box(3, 3, 3)
    check(mesh)
    with pytest.raises(AspotError, match=message):
        check(damage(mesh))
