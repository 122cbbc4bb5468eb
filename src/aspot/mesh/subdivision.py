"""Finer meshes inside the cells of a coarse one, quadratic towards the rims: geometric order 1 or 2.

Near a rim potentials go as r^(1/2). Let s be the sum of the barycentric coordinates of the vertices of a cell that
are not on the rim. Placing the point with coordinates lambda at

    x = sum_off s lambda_i X_i + sum_rim (1 + s) lambda_i X_i

makes the distance from the rim go as s^2, so that polynomials in lambda follow r^(1/2). On the 10 nodes of an
undivided cell this is the quarter-point rule (R. S. Barsoum, Int. J. Numer. Methods Eng. 10 (1976) 25,
doi:10.1002/nme.1620100103); dividing the cell evenly in lambda keeps the property, ring by ring.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.polynomial.legendre import leggauss
from numpy.typing import NDArray

from aspot.mesh.tetmesh import TetrahedralMesh
from aspot.mesh.topology import CELL_EDGES, CELL_FACETS, FACET_EDGES, edge_keys, oriented, rim_edges

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
#: Corrections of a polygon's area; each leaves a part of the order of (edge / radius)^2.
_POLYGON_STEPS = 4
#: Largest slide along a mirror plane over the distance outwards, where a rim meets the plane at a small angle.
_LONGEST_SLIDE = 10.0

RimPoints = Callable[[FloatArray, FloatArray, FloatArray], FloatArray]


def lattice(dimension: int, n: int) -> IntArray:
    """Integer barycentric coordinates (k, dimension + 1), each row adding up to n."""
    rows = [w for w in itertools.product(range(n + 1), repeat=dimension) if sum(w) <= n]
    return np.array([(n - sum(w), *w) for w in rows], dtype=np.int64)


def _paths(dimension: int, n: int) -> IntArray:
    """Corners (n^dimension, dimension + 1, dimension + 1) of Freudenthal's subdivision, barycentric, scaled by n.

    In coordinates n >= y_1 >= ... >= y_d >= 0 the simplex is cut like the cubic grid into Kuhn's simplices. Cut this
    way after sorting the vertices, neighbours agree on their common facet.
    """
    simplices = []
    for corner in itertools.product(range(n), repeat=dimension):
        for axes in itertools.permutations(range(dimension)):
            y = [list(corner)]
            for axis in axes:
                y.append([c + (k == axis) for k, c in enumerate(y[-1])])
            full = [[n, *point, 0] for point in y]
            if all(p[k] >= p[k + 1] for p in full for k in range(dimension + 1)):
                simplices.append([[p[k] - p[k + 1] for k in range(dimension + 1)] for p in full])
    return np.array(simplices, dtype=np.int64)


def _lookup(points: IntArray, table: IntArray, n: int) -> IntArray:
    """Row of `table` (a lattice of order n) of each point."""
    base = (n + 1) ** np.arange(table.shape[1])
    keys = table @ base
    order = np.argsort(keys)
    return order[np.searchsorted(keys[order], points @ base)]


def _children(dimension: int, n: int, order: int) -> tuple[IntArray, IntArray]:
    """Lattice, and for each child the lattice rows of its nodes (corners, then middles of its edges for order 2)."""
    corners = _paths(dimension, n) * order
    table = lattice(dimension, n * order)
    nodes = [corners]
    if order == 2:
        edges = CELL_EDGES if dimension == 3 else FACET_EDGES
        nodes.append((corners[:, edges[:, 0]] + corners[:, edges[:, 1]]) // 2)
    return table, _lookup(np.concatenate(nodes, axis=1), table, n * order)


class _Numbering:
    """Global numbers of the lattice points of cells and facets: vertices, then edges, facets and insides."""

    def __init__(self, cells: IntArray, n_vertices: int, n: int) -> None:
        self.n, self.n_vertices = n, n_vertices
        self.edges = np.unique(edge_keys(cells, CELL_EDGES, n_vertices))
        self.facets = np.unique(self._facet_keys(cells[:, CELL_FACETS].reshape(-1, 3)))
        self.per_edge, self.per_facet = n - 1, (n - 1) * (n - 2) // 2
        self.first_facet = n_vertices + len(self.edges) * self.per_edge
        self.first_inside = self.first_facet + len(self.facets) * self.per_facet
        inside = lattice(2, n)
        self.facet_inside = inside[(inside > 0).all(axis=1)]

    def _facet_keys(self, facets: IntArray) -> IntArray:
        return (facets[:, 0] * self.n_vertices + facets[:, 1]) * self.n_vertices + facets[:, 2]

    def numbers(self, simplices: IntArray, table: IntArray) -> IntArray:
        """Global numbers (n_simplices, n_lattice); the vertices of each simplex must be sorted."""
        out = np.empty((len(simplices), len(table)), dtype=np.int64)
        n_inside = 0
        for k, weights in enumerate(table):
            used = np.flatnonzero(weights)
            entity = simplices[:, used]
            if len(used) == 1:
                out[:, k] = entity[:, 0]
            elif len(used) == 2:
                index = np.searchsorted(self.edges, entity[:, 0] * self.n_vertices + entity[:, 1])
                out[:, k] = self.n_vertices + index * self.per_edge + weights[used[1]] - 1
            elif len(used) == 3:
                index = np.searchsorted(self.facets, self._facet_keys(entity))
                local = np.flatnonzero((self.facet_inside == weights[used]).all(axis=1))[0]
                out[:, k] = self.first_facet + index * self.per_facet + local
            else:
                count = (self.n - 1) * (self.n - 2) * (self.n - 3) // 6
                out[:, k] = self.first_inside + np.arange(len(simplices)) * count + n_inside
                n_inside += 1
        return out


def _positions(
    nodes: FloatArray,
    cells: IntArray,
    lam: FloatArray,
    on_rim: NDArray[np.bool_],
    rim_keys: IntArray,
    rim_points: RimPoints | None,
    quadratic: bool,
) -> FloatArray:
    """Places (n_cells, n_lattice, 3) of the points with barycentric coordinates `lam` (n_lattice, 4)."""
    x = nodes[cells]
    rim = on_rim[cells]
    touches = rim.any(axis=1)
    out: FloatArray = np.einsum("ka,nai->nki", lam, x)
    if not touches.any():
        return out
    x, rim = x[touches], rim[touches]
    s = np.einsum("ka,na->nk", lam, ~rim)
    if quadratic:
        factor = np.where(rim[:, None, :], 1.0 + s[:, :, None], s[:, :, None])
        out[touches] = np.einsum("nka,nai->nki", factor * lam[None], x)
    if rim_points is None:
        return out
    bent = np.zeros_like(out[touches])
    keys = edge_keys(cells[touches], CELL_EDGES, len(nodes))
    for k, (i, j) in enumerate(CELL_EDGES):
        mine = np.flatnonzero(np.isin(keys[:, k], rim_keys))
        both = lam[:, i] + lam[:, j]
        inner = np.flatnonzero((lam[:, i] > 0) & (lam[:, j] > 0))
        if not len(mine) or not len(inner):
            continue
        t = np.tile(lam[inner, j] / both[inner], len(mine))
        start, end = (np.repeat(x[mine, v], len(inner), axis=0) for v in (i, j))
        off = (rim_points(start, end, t) - start - t[:, None] * (end - start)).reshape(len(mine), len(inner), 3)
        # Carry the bow of the rim into the cell. The slope in s vanishes at the rim when distances go as s^2, so that
        # the map stays one-to-one there; on facets it depends on the facet's own vertices only.
        sm = s[np.ix_(mine, inner)]
        weight = both[inner] ** 2 * ((1.0 + sm) / (1.0 - sm) if quadratic else 1.0)
        bent[np.ix_(mine, inner)] += weight[..., None] * off
    out[touches] += bent
    return out


def _polygon(nodes: FloatArray, rim: IntArray, rim_points: RimPoints) -> None:
    """Move the vertices of rims outwards until straight edges enclose the area of the true rim; in place."""
    low, high = nodes.min(axis=0), nodes.max(axis=0)
    is_mirrored = (np.abs(nodes - low) < 1e-9 * (high - low)) | (np.abs(nodes - high) < 1e-9 * (high - low))
    t, weights = (leggauss(4)[0] + 1.0) / 2.0, leggauss(4)[1] / 2.0
    for _ in range(_POLYGON_STEPS):
        start, end = nodes[rim[:, 0]], nodes[rim[:, 1]]
        chord = np.linalg.norm(end - start, axis=1)
        lost = np.zeros_like(start)  # area between edge and rim over the length of the edge, along the normal
        for at, weight in zip(t, weights, strict=True):
            lost += weight * (rim_points(start, end, np.full(len(rim), at)) - start - at * (end - start))
        shift, length = np.zeros_like(nodes), np.zeros(len(nodes))
        for ends in rim.T:
            np.add.at(shift, ends, lost * chord[:, None])
            np.add.at(length, ends, chord)
        moved = np.flatnonzero(length)
        whole = shift[moved] / length[moved, None]
        # Vertices on a mirror plane slide along it, as far as brings them outwards.
        part = np.where(is_mirrored[moved], 0.0, whole)
        square = np.sum(part**2, axis=1)
        reach = np.divide(np.sum(whole**2, axis=1), square, out=np.ones(len(moved)), where=square > 0)
        nodes[moved] += np.minimum(reach, _LONGEST_SLIDE)[:, None] * part


def _drawn_to_rim(mesh: TetrahedralMesh, drawn: NDArray[np.bool_], rim_points: RimPoints | None) -> None:
    """Straight edges at the rim, with their middle nodes at a quarter from the ends in `drawn`; in place.

    The map of every cell at the rim is then singular along the straight edge and nowhere else, in the same directions
    for all cells around it. With a curved edge of the rim it would fold over just beside it.
    """
    rim = rim_edges(mesh)
    if rim_points is not None and len(rim):
        _polygon(mesh.nodes, rim, rim_points)
    touched = mesh.cells[drawn[mesh.cells[:, :4]].any(axis=1)]
    along = edge_keys(rim, np.array([(0, 1)]), len(mesh.nodes))[:, 0] if len(rim) else np.empty(0, dtype=np.int64)
    keys = edge_keys(touched[:, :4], CELL_EDGES, len(mesh.nodes))
    for k, (i, j) in enumerate(CELL_EDGES):
        one, two, middle = touched[:, i], touched[:, j], touched[:, 4 + k]
        of_rim = np.isin(keys[:, k], along)
        mesh.nodes[middle[of_rim]] = 0.5 * (mesh.nodes[one[of_rim]] + mesh.nodes[two[of_rim]])
        for near, far in ((one, two), (two, one)):
            mine = drawn[near] & ~drawn[far]
            mesh.nodes[middle[mine]] = 0.75 * mesh.nodes[near[mine]] + 0.25 * mesh.nodes[far[mine]]


def subdivided(
    mesh: TetrahedralMesh,
    *,
    n: int = 1,
    order: int = 2,
    rim_points: RimPoints | None = None,
    quarter_points: bool = True,
) -> TetrahedralMesh:
    """Order-1 mesh with every cell cut into n^3, of geometric order 1 or 2.

    Parameters
    ----------
    mesh : TetrahedralMesh
        Order 1.
    n : int
        Parts of every edge.
    order : int
        Geometric order of the result.
    rim_points : callable, optional
        (start (k, 3), end (k, 3), t (k,)) to the points of the true rim at the parts t of the chords. Default: chords.
    quarter_points : bool
        Place nodes quadratically towards the rims (see the module). Needed for r^(1/2).

    Returns
    -------
    TetrahedralMesh
        Vertices of `mesh` keep their numbers.
    """
    rim = rim_edges(mesh)
    on_rim = np.zeros(len(mesh.nodes), dtype=bool)
    on_rim[rim] = True
    cells = np.sort(mesh.cells, axis=1)
    table, children = _children(3, n, order)
    numbering = _Numbering(cells, len(mesh.nodes), n * order)
    numbers = numbering.numbers(cells, table)
    nodes = np.empty((int(numbers.max()) + 1, 3))
    nodes[numbers] = _positions(
        mesh.nodes,
        cells,
        table / (n * order),
        on_rim,
        rim[:, 0] * len(mesh.nodes) + rim[:, 1],
        rim_points,
        quarter_points,
    )
    facet_table, facet_children = _children(2, n, order)

    def cut(facets: IntArray) -> IntArray:
        if len(facets) == 0:
            return np.empty((0, facet_children.shape[1]), dtype=np.int64)
        return numbering.numbers(np.sort(facets, axis=1), facet_table)[:, facet_children].reshape(
            -1, facet_children.shape[1]
        )

    out = replace(
        mesh,
        nodes=nodes,
        cells=oriented(nodes, numbers[:, children].reshape(-1, children.shape[1])),
        cell_region=np.repeat(mesh.cell_region, n**3),
        surfaces={name: cut(facets) for name, facets in mesh.surfaces.items()},
        jumps={name: (cut(upper), cut(lower)) for name, (upper, lower) in mesh.jumps.items()},
    )
    if order == 2 and quarter_points:
        off = np.einsum("na,ka->nk", ~on_rim[cells], table)  # s, but for a factor
        drawn = np.zeros(len(nodes), dtype=bool)
        touches = np.any(on_rim[cells], axis=1)
        drawn[numbers[touches][off[touches] == 0]] = True
        _drawn_to_rim(out, drawn, rim_points)
    return out
