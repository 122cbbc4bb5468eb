"""Meshes of profile cells: a partition of the rectangle, tagged by construction, graded into every rim.

Theory: a mesh is a partition if its elements are convex with the right orientation, if every inner edge belongs to
exactly two of them, every other edge lies on the outline, and the areas sum to the rectangle. Together these leave no
room for overlaps, holes or hanging nodes. None of the assertions knows how the mesh was made.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from aspot.mesh.profile import ProfileMesh, build
from aspot.morphology.unit_cell import ProfileCell

THIN = (("film", 1e-6), ("coating", 1e-3), ("interphase", 0.2))
# (rims over outer, whether the first segment is metal, depth over outer, layers over outer)
CASES: dict[str, tuple[tuple[float, ...], bool, float, tuple[tuple[str, float], ...]]] = {
    "planar": ((), True, 2.0, ()),
    "planar with layers": ((), True, 2.0, THIN),
    "small spot": ((0.005,), True, 3.0, ()),
    "spot": ((0.3,), True, 1.0, ()),
    "small pore": ((0.005,), False, 3.0, ()),
    "nearly whole": ((0.995,), True, 3.0, ()),
    "shallow": ((0.5,), True, 0.01, ()),
    "annulus": ((0.2, 0.6), False, 1.0, ()),
    "narrow annulus": ((0.6, 0.603), False, 1.0, ()),
    "rings of metal": ((0.1, 0.35, 0.36, 0.995), True, 2.0, ()),
    "thin layers": ((0.3,), True, 1.0, THIN),
    "thin layers, small spot": ((0.005,), True, 3.0, THIN),
    "thin layers, annulus": ((0.3, 0.995), False, 1.0, THIN),
}
OUTER = 3e-7  # metres


def made(
    name: str, *, axisymmetric: bool = True, rings: int = 5, ratio: float = 0.2, growth: float = 2.5
) -> ProfileMesh:
    edges, first, depth, layers = CASES[name]
    return build(
        cell_of(edges, first, axisymmetric),
        depth=depth * OUTER,
        layers=tuple((n, t * OUTER) for n, t in layers),
        rings=rings,
        ratio=ratio,
        growth=growth,
    )


def cell_of(edges: tuple[float, ...], first: bool, axisymmetric: bool = True) -> ProfileCell:
    return ProfileCell(
        axisymmetric=axisymmetric,
        outer=OUTER,
        edges=tuple(e * OUTER for e in edges),
        contact=tuple(first ^ bool(i % 2) for i in range(len(edges) + 1)),
    )


def areas_and_moments(mesh: ProfileMesh) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Area of every quadrilateral, and its integral of r, from two triangles each (exact for straight sides)."""
    p = mesh.vertices[mesh.quads]
    area, moment = np.zeros(len(p)), np.zeros(len(p))
    for i, j, k in ((0, 1, 2), (0, 2, 3)):
        u, v = p[:, j] - p[:, i], p[:, k] - p[:, i]
        part = 0.5 * (u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0])
        area += part
        moment += part * (p[:, i, 0] + p[:, j, 0] + p[:, k, 0]) / 3.0
    return area, moment


def check_partition(mesh: ProfileMesh, far: float, relative: float = 1e-12) -> None:
    """Convex, counter-clockwise, conforming, no unused or repeated vertex, and as large as the rectangle."""
    p = mesh.vertices[mesh.quads]
    for c in range(4):
        u, v = p[:, (c + 1) % 4] - p[:, c], p[:, c - 1] - p[:, c]
        turn = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
        assert (turn > 0.05 * np.linalg.norm(u, axis=1) * np.linalg.norm(v, axis=1)).all()
    assert np.array_equal(np.unique(mesh.quads), np.arange(len(mesh.vertices)))
    assert len(np.unique(mesh.vertices, axis=0)) == len(mesh.vertices)

    pairs = np.sort(mesh.quads[:, [[0, 1], [1, 2], [2, 3], [3, 0]]].reshape(-1, 2), axis=1)
    edges, counts = np.unique(pairs, axis=0, return_counts=True)
    assert set(counts) <= {1, 2}
    # Edges of one element only: on the outline, which they cover.
    ends = mesh.vertices[edges[counts == 1]]
    sides = ((0, 0.0), (0, 1.0), (1, 0.0), (1, far))
    on_side = np.stack([(ends[:, :, axis] == value).all(1) for axis, value in sides])
    assert (on_side.sum(0) == 1).all()
    length = np.abs(ends[:, 1] - ends[:, 0]).sum()
    assert length == pytest.approx(2.0 * (1.0 + far), rel=relative)

    area, moment = areas_and_moments(mesh)
    assert area.sum() == pytest.approx(far, rel=relative)
    assert moment.sum() == pytest.approx(0.5 * far, rel=relative)


def check_surfaces(mesh: ProfileMesh, cell: ProfileCell, far: float) -> None:
    """The interface is covered once by contact and gap, each on its own segments; the far face once by the counter."""
    assert set(mesh.surfaces) == {"contact", "gap", "counter", "axis", "wall"}
    quad_edges = {tuple(sorted(e)) for q in mesh.quads for e in zip(q, np.roll(q, -1), strict=True)}
    rims = np.array(cell.edges) / cell.outer
    covered = []
    for name, pairs in mesh.surfaces.items():
        assert {tuple(sorted(e)) for e in pairs} <= quad_edges
        if name in ("axis", "wall"):
            assert (mesh.vertices[pairs][:, :, 0] == (0.0 if name == "axis" else 1.0)).all()
            depths = np.sort(mesh.vertices[pairs][:, :, 1], axis=1)
            assert depths[0, 0] == 0.0
            assert depths[-1, 1] == far
            assert (depths[1:, 0] == depths[:-1, 1]).all()
            continue
        z = mesh.vertices[pairs][:, :, 1]
        assert (z == (far if name == "counter" else 0.0)).all()
        if name != "counter":
            middle = mesh.vertices[pairs][:, :, 0].mean(1)
            metal = np.array(cell.contact)[np.searchsorted(rims, middle)]
            assert (metal == (name == "contact")).all()
            covered.append(np.sort(mesh.vertices[pairs][:, :, 0], axis=1))
    for spans in (np.concatenate(covered), np.sort(mesh.vertices[mesh.surfaces["counter"]][:, :, 0], axis=1)):
        spans = spans[np.argsort(spans[:, 0])]
        # Each begins exactly where the last ended.
        assert spans[0, 0] == 0.0
        assert spans[-1, 1] == 1.0
        assert np.array_equal(spans[1:, 0], spans[:-1, 1])
    assert np.isin(rims, mesh.vertices[mesh.vertices[:, 1] == 0.0, 0]).all()


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("axisymmetric", [True, False])
def test_partition_of_the_rectangle(name: str, axisymmetric: bool) -> None:
    """Elements fill the rectangle once, without hanging nodes, also with films of 1e-6 of the radius."""
    mesh = made(name, axisymmetric=axisymmetric)
    edges, first, depth, layers = CASES[name]
    far = mesh.vertices[:, 1].max()
    assert far == pytest.approx(depth + sum(t for _, t in layers), rel=1e-13)
    check_partition(mesh, far)
    check_surfaces(mesh, cell_of(edges, first, axisymmetric), far)
    assert mesh.unit_m == OUTER
    assert mesh.axisymmetric is axisymmetric


@pytest.mark.parametrize("name", CASES)
def test_layers_have_their_own_elements(name: str) -> None:
    """Every element lies inside the layer it is tagged with, and each layer has its thickness as area (outer = 1)."""
    mesh = made(name)
    _, _, depth, layers = CASES[name]
    assert mesh.region_names == (*(n for n, _ in layers), "electrolyte")
    boundaries = np.cumsum([0.0, *(t for _, t in layers), depth])
    z = mesh.vertices[mesh.quads][:, :, 1]
    slack = 1e-13 * boundaries[-1]
    assert (z >= boundaries[mesh.quad_region][:, None] - slack).all()
    assert (z <= boundaries[mesh.quad_region + 1][:, None] + slack).all()
    area, _ = areas_and_moments(mesh)
    found = np.bincount(mesh.quad_region, weights=area, minlength=len(mesh.region_names))
    assert found == pytest.approx(np.diff(boundaries), rel=1e-9)


@pytest.mark.parametrize("name", [n for n, case in CASES.items() if case[0]])
@pytest.mark.parametrize(("rings", "ratio"), [(0, 0.25), (1, 0.25), (7, 0.15), (14, 0.5)])
def test_rings_shrink_geometrically_into_every_rim(name: str, rings: int, ratio: float) -> None:
    """Around each rim, ring k is the outer half-box times ratio^k, alike left, right and down."""
    mesh = made(name, rings=rings, ratio=ratio)
    for rim in CASES[name][0]:
        at_surface = np.sort(mesh.vertices[mesh.vertices[:, 1] == 0.0, 0])
        centre = int(np.argmin(np.abs(at_surface - rim)))
        right = at_surface[centre + 1 :] - at_surface[centre]
        left = (at_surface[centre] - at_surface[:centre])[::-1]
        below = mesh.vertices[mesh.vertices[:, 0] == at_surface[centre], 1]
        below = np.sort(below[below > 0])
        expected = ratio ** np.arange(rings, -1.0, -1.0)
        for found in (left, right, below):
            assert len(found) > rings
            # Coordinates near 1 are rounded to 1e-16.
            slack = 4e-16 / found[0]
            assert found[: rings + 1] / found[rings] == pytest.approx(expected, rel=1e-9 + slack)


def test_elements_near_a_rim_stay_compact() -> None:
    """Grading towards a point: all elements within the largest ring have sides of comparable length."""
    for name in ("spot", "annulus", "thin layers", "small spot"):
        mesh = made(name, rings=8, ratio=0.15)
        p = mesh.vertices[mesh.quads]
        sides = np.linalg.norm(np.roll(p, -1, axis=1) - p, axis=2)
        aspect = sides.max(1) / sides.min(1)
        for rim in CASES[name][0]:
            reach = np.abs(p - [rim, 0.0]).max(axis=(1, 2))
            touching = (np.abs(p - [rim, 0.0]).max(2) < 1e-14).any(1)
            assert touching.sum() == 2
            box = reach[touching].max() / 0.15**8
            inside = reach < box * (1 + 1e-9)
            assert inside.sum() == 4 * 8 + 2
            # Longest: the oblique edge between a half-box and the next; shortest: the inner side.
            assert aspect[inside].max() < 1.001 * np.sqrt(2.0) * (1.0 - 0.15) / 0.15


@pytest.mark.parametrize("growth", [1.5, 2.5, 4.0])
def test_sizes_grow_gently_away_from_the_rims(growth: float) -> None:
    """Lines across: distances from the nearest rim grow by no more than the stated factor."""
    mesh = made("rings of metal", rings=0, growth=growth)
    rims = np.array([0.0, *CASES["rings of metal"][0], 1.0])
    lines = np.unique(mesh.vertices[:, 0])
    for left, right in pairwise(rims):
        inside = lines[(lines >= left) & (lines <= right)]
        from_left = inside[1:] - left if left > 0 else np.array([])
        from_right = (right - inside[:-1])[::-1] if right < 1 else np.array([])
        middle = 0.5 * (left + right) if left > 0 and right < 1 else np.inf
        for distance in (from_left, from_right):
            near = distance[distance <= min(middle - left, 1.0) * (1 + 1e-9)]
            assert (near[1:] / near[:-1] <= growth * (1 + 1e-6)).all()


def test_depth_is_resolved_where_lateral_modes_live() -> None:
    """The slowest mode falls as exp(-3.83 z) (tube) or exp(-pi z) (strips): to 1e-5 at z = 4, in units of the radius.

    Down to there no element is longer than the radius; at the far face none is wider, whatever the depth.
    """
    for name in ("spot", "annulus", "thin layers"):
        edges, first, _, layers = CASES[name]
        mesh = build(cell_of(edges, first), depth=8.0 * OUTER, layers=tuple((n, t * OUTER) for n, t in layers), rings=3)
        lines = np.unique(mesh.vertices[:, 1])
        assert np.diff(lines[lines < 4.0]).max() < 1.0
        assert lines[lines < 4.0][-1] > 3.0
        assert np.diff(np.unique(mesh.vertices[mesh.surfaces["counter"]][:, :, 0])).max() < 1.0


fractions = st.floats(0.005, 0.995)


@settings(deadline=None, max_examples=60, derandomize=True)
@given(
    edges=st.lists(fractions, min_size=0, max_size=4, unique=True),
    first=st.booleans(),
    depth=st.floats(-2.0, 1.0).map(lambda v: 10.0**v),
    layers=st.lists(st.floats(-6.0, 0.0).map(lambda v: 10.0**v), max_size=3),
    rings=st.integers(0, 10),
    ratio=st.floats(0.1, 0.6),
    growth=st.floats(1.3, 4.0),
)
def test_any_profile_is_a_partition(
    edges: list[float], first: bool, depth: float, layers: list[float], rings: int, ratio: float, growth: float
) -> None:
    """The same facts hold for any rims at least 1e-3 apart, any layers and any grading."""
    kept: list[float] = []
    for e in sorted(edges):
        if not kept or e - kept[-1] > 1e-3:
            kept.append(e)
    cell = cell_of(tuple(kept), first)
    mesh = build(
        cell,
        depth=depth * OUTER,
        layers=tuple((f"layer {i}", t * OUTER) for i, t in enumerate(layers)),
        rings=rings,
        ratio=ratio,
        growth=growth,
    )
    far = mesh.vertices[:, 1].max()
    assert far == pytest.approx(depth + sum(layers), rel=1e-13)
    check_partition(mesh, far, relative=1e-9)
    check_surfaces(mesh, cell, far)
