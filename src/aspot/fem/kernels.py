"""Element kernels: stiffness of tetrahedra and mass of facets, order 1 and 2, straight and curved.

    volume:      int grad u . T grad v dx          T scalar or a constant symmetric positive definite tensor
    interface:   int [u] [v] ds                    [u] = u - V (port), u (ground), or u+ - u- (inner interface)

Each gives the pairs w_ij = -K_ij of its element matrices (see `aspot.fem.pattern`). With reference gradients d N and
the metric M = |J| J^-1 J^-T of the map from the reference tetrahedron,

    K_ij = sum_{a,b} int M_ab d_a N_i d_b N_j.

M is constant on straight cells: their K is one table of exact integrals times 6 numbers. On curved cells the same
table is held for every point of a quadrature rule. The slow twins are in `aspot.fem.reference`.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.special import roots_jacobi

from aspot.fem.pattern import GROUND, Pattern, pairs, unsigned
from aspot.mesh.tetmesh import TetrahedralMesh

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer]

#: Points per direction on curved cells.
CURVED_POINTS = 4
#: Points per direction on facets of 6 nodes: the mass of plane facets with curved edges is a polynomial of degree 6.
FACET_POINTS = 4
#: Largest distance of middle nodes from the middles of their edges, relative to the edges, in straight cells.
STRAIGHT = 1e-12

_EDGES = ((0, 1), (1, 2), (0, 2), (0, 3), (1, 3), (2, 3))


def shape_functions(points: FloatArray, order: int) -> tuple[FloatArray, FloatArray]:
    """Lagrange functions (q, k) and their gradients (q, k, d) at points (q, d) of the unit triangle or tetrahedron."""
    d = points.shape[1]
    lam = np.column_stack([1.0 - points.sum(axis=1), points])
    slope = np.concatenate([-np.ones((1, d)), np.eye(d)])
    if order == 1:
        return lam, np.broadcast_to(slope, (len(points), d + 1, d)).copy()
    i, j = np.array([edge for edge in _EDGES if max(edge) <= d]).T
    values = np.hstack([lam * (2 * lam - 1), 4 * lam[:, i] * lam[:, j]])
    edges = 4 * (lam[:, i, None] * slope[j] + lam[:, j, None] * slope[i])
    return values, np.concatenate([(4 * lam - 1)[:, :, None] * slope, edges], axis=1)


def quadrature(dimension: int, n: int) -> tuple[FloatArray, FloatArray]:
    """Points (n^d, d) and weights of the conical product of Gauss-Jacobi rules on the unit triangle or tetrahedron.

    Exact to degree 2 n - 1; all weights are positive (semidefinite matrices stay so) and all points inside (the
    Jacobian may vanish on the boundary). A. H. Stroud, Approximate Calculation of Multiple Integrals (1971), 2.4.
    """
    points, weights, rest = np.zeros((1, 0)), np.ones(1), np.ones(1)
    for axis in range(dimension):
        power = dimension - 1 - axis
        x, w = roots_jacobi(n, power, 0.0)
        u, w = (1 + x) / 2, w / 2 ** (power + 1)
        column = np.multiply.outer(rest, u).reshape(-1, 1)
        points = np.hstack([np.repeat(points, n, axis=0), column])
        weights = np.multiply.outer(weights, w).ravel()
        rest = np.multiply.outer(rest, 1 - u).ravel()
    return points, weights


@lru_cache(maxsize=16)
def _tables(order: int, n: int) -> tuple[FloatArray, FloatArray]:
    """Gradients (q, k, 3) at the points of a rule, and the table (q, 6, k (k - 1) / 2) that turns M into pairs."""
    points, weights = quadrature(3, n)
    gradients = shape_functions(points, order)[1]
    i, j = pairs(gradients.shape[1])
    a, b = np.triu_indices(3)
    table = gradients[:, i][:, :, a] * gradients[:, j][:, :, b]
    table += np.where(a != b, gradients[:, i][:, :, b] * gradients[:, j][:, :, a], 0.0)
    return gradients, np.ascontiguousarray(-weights[:, None, None] * table.transpose(0, 2, 1))


def stiffness(
    mesh: TetrahedralMesh,
    pattern: Pattern,
    region: int,
    coefficient: float | FloatArray = 1.0,
    *,
    n_points: int = CURVED_POINTS,
) -> FloatArray:
    """Entries (nnz,) of int grad u . T grad v over one region, on the pattern of the mesh.

    Parameters
    ----------
    mesh : TetrahedralMesh
    pattern : Pattern
        Built from `mesh.cells`.
    region : int
        Index into `mesh.region_names`.
    coefficient : float or (3, 3) float
        T: scalar or symmetric positive definite tensor.
    n_points : int
        Points per direction of the quadrature rule on curved cells; straight cells are exact.

    Returns
    -------
    (nnz,) float
        In units of `mesh.unit_m` times those of the coefficient.
    """
    scale, nodes = float(np.min(coefficient)), mesh.nodes
    if np.ndim(coefficient):
        # With T = L L^T this is the integral without T in the coordinates L^-1 x, times det L.
        factor = np.linalg.cholesky(coefficient)
        scale, nodes = float(np.prod(np.diag(factor))), np.linalg.solve(factor, nodes.T).T.copy()
    exact = _tables(2, 2)[1].sum(axis=0)
    gradients, table = _tables(2, n_points)

    slots = np.zeros(pattern.n_slots)
    cells, cell_slots = unsigned(mesh.cells), unsigned(pattern.cell_slots)
    if mesh.order == 1:
        _stiffness_1(nodes, cells, mesh.cell_region, region, cell_slots, slots)
    else:
        _stiffness_2(nodes, cells, mesh.cell_region, region, exact, gradients, table, STRAIGHT, cell_slots, slots)
    if scale != 1.0:
        slots *= scale
    return pattern.data(slots)


@njit(nogil=True, cache=True, error_model="numpy")
def _metric(ax, ay, az, bx, by, bz, cx, cy, cz):  # type: ignore[no-untyped-def]
    """M = |det J| J^-1 J^-T as (00, 01, 02, 11, 12, 22); a, b, c are the columns of J."""
    # Rows of det(J) J^-1.
    ux, uy, uz = by * cz - bz * cy, bz * cx - bx * cz, bx * cy - by * cx
    vx, vy, vz = cy * az - cz * ay, cz * ax - cx * az, cx * ay - cy * ax
    wx, wy, wz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
    scale = 1.0 / abs(ax * ux + ay * uy + az * uz)
    return (
        scale * (ux * ux + uy * uy + uz * uz),
        scale * (ux * vx + uy * vy + uz * vz),
        scale * (ux * wx + uy * wy + uz * wz),
        scale * (vx * vx + vy * vy + vz * vz),
        scale * (vx * wx + vy * wy + vz * wz),
        scale * (wx * wx + wy * wy + wz * wz),
    )


@njit(nogil=True, cache=True, error_model="numpy")
def _metric_of_vertices(nodes, i0, i1, i2, i3):  # type: ignore[no-untyped-def]
    """M of a straight cell."""
    x, y, z = nodes[i0, 0], nodes[i0, 1], nodes[i0, 2]
    return _metric(
        nodes[i1, 0] - x,
        nodes[i1, 1] - y,
        nodes[i1, 2] - z,
        nodes[i2, 0] - x,
        nodes[i2, 1] - y,
        nodes[i2, 2] - z,
        nodes[i3, 0] - x,
        nodes[i3, 1] - y,
        nodes[i3, 2] - z,
    )


@njit(nogil=True, cache=True, error_model="numpy")
def _stiffness_1(nodes, cells, cell_region, region, cell_slots, slots):  # type: ignore[no-untyped-def]
    """Add the pairs of all cells of a region, 4 nodes each."""
    sixth = 1.0 / 6.0
    for e in range(len(cells)):
        if cell_region[e] != region:
            continue
        m00, m01, m02, m11, m12, m22 = _metric_of_vertices(nodes, cells[e, 0], cells[e, 1], cells[e, 2], cells[e, 3])
        # K_ij = M_ab / 6 with a = i - 1, b = j - 1; rows add up to zero.
        slots[cell_slots[e, 0]] += sixth * (m00 + m01 + m02)
        slots[cell_slots[e, 1]] += sixth * (m01 + m11 + m12)
        slots[cell_slots[e, 2]] += sixth * (m02 + m12 + m22)
        slots[cell_slots[e, 3]] -= sixth * m01
        slots[cell_slots[e, 4]] -= sixth * m02
        slots[cell_slots[e, 5]] -= sixth * m12


@njit(nogil=True, cache=True, error_model="numpy")
def is_straight(nodes, cells, e, tolerance):  # type: ignore[no-untyped-def]
    """Whether the middle nodes of a cell lie in the middle of its edges."""
    off = length = 0.0
    for a in range(6):
        i, j, k = cells[e, _EDGES[a][0]], cells[e, _EDGES[a][1]], cells[e, 4 + a]
        for d in range(3):
            off += abs(nodes[k, d] - 0.5 * (nodes[i, d] + nodes[j, d]))
            length += abs(nodes[j, d] - nodes[i, d])
    return off <= tolerance * length


@njit(nogil=True, cache=True, error_model="numpy")
def _stiffness_2(nodes, cells, cell_region, region, exact, gradients, table, straight, cell_slots, slots):  # type: ignore[no-untyped-def]
    """Add the pairs of all cells of a region, 10 nodes each."""
    x = np.empty((10, 3))
    j = np.empty((3, 3))
    w = np.empty(45)
    for e in range(len(cells)):
        if cell_region[e] != region:
            continue
        if is_straight(nodes, cells, e, straight):
            m0, m1, m2, m3, m4, m5 = _metric_of_vertices(nodes, cells[e, 0], cells[e, 1], cells[e, 2], cells[e, 3])
            for p in range(45):
                w[p] = (
                    exact[0, p] * m0
                    + exact[1, p] * m1
                    + exact[2, p] * m2
                    + exact[3, p] * m3
                    + exact[4, p] * m4
                    + exact[5, p] * m5
                )
        else:
            for a in range(10):
                i = cells[e, a]
                for d in range(3):
                    x[a, d] = nodes[i, d]
            w[:] = 0.0
            for q in range(len(table)):
                j[:] = 0.0
                for b in range(10):
                    for a in range(3):
                        for d in range(3):
                            j[a, d] += gradients[q, b, a] * x[b, d]
                m0, m1, m2, m3, m4, m5 = _metric(
                    j[0, 0], j[0, 1], j[0, 2], j[1, 0], j[1, 1], j[1, 2], j[2, 0], j[2, 1], j[2, 2]
                )
                for p in range(45):
                    w[p] += (
                        table[q, 0, p] * m0
                        + table[q, 1, p] * m1
                        + table[q, 2, p] * m2
                        + table[q, 3, p] * m3
                        + table[q, 4, p] * m4
                        + table[q, 5, p] * m5
                    )
        for p in range(45):
            slots[cell_slots[e, p]] += w[p]


def facet_mass(mesh: TetrahedralMesh, facets: IntArray, *, lumped: bool = False) -> FloatArray:
    """Matrices (n_facets, k, k) of int u v ds, in units of unit_m^2.

    Parameters
    ----------
    mesh : TetrahedralMesh
    facets : (n_facets, 3) or (n_facets, 6) int
    lumped : bool
        Order 1 only: a third of the area to each vertex.
    """
    order = 1 if facets.shape[1] == 3 else 2
    points, weights = quadrature(2, 2 if order == 1 else FACET_POINTS)
    values, gradients = shape_functions(points, order)
    x = mesh.nodes[facets]
    tangents = np.einsum("qkd,fki->fqdi", gradients, x)
    area = weights * np.linalg.norm(np.cross(tangents[:, :, 0], tangents[:, :, 1]), axis=-1)
    if lumped:
        if order == 2:
            raise ValueError("lumped mass is for order 1 only: at order 2 the vertices would get none")
        return np.asarray(area.sum(axis=1)[:, None, None] * np.eye(3) / 3)
    return np.asarray(np.einsum("fq,qi,qj->fij", area, values, values))


def coupling(pattern: Pattern, cliques: IntArray, matrices: FloatArray) -> FloatArray:
    """Entries (nnz,) of the sum of symmetric matrices (c, k, k), row sums zero, over cliques (c, k) of rows."""
    first, second = pairs(cliques.shape[1])
    weights = -matrices[:, first, second].ravel()
    return pattern.data(np.asarray(np.bincount(pattern.slots(cliques).ravel(), weights, pattern.n_slots), dtype=float))


def surface_coupling(pattern: Pattern, rows: IntArray, mass: FloatArray, other: int = GROUND) -> FloatArray:
    """Entries of int (u - V)(v - W) ds between a surface and one row: the port, or the ground.

    Parameters
    ----------
    pattern : Pattern
    rows : (n_facets, k) int
        Row of every node of every facet.
    mass : (n_facets, k, k) float
    other : int
        Row of the port, or `GROUND`.
    """
    k = rows.shape[1]
    side = -mass.sum(axis=2)
    matrices = np.empty((len(rows), k + 1, k + 1))
    matrices[:, :k, :k], matrices[:, :k, k], matrices[:, k, :k] = mass, side, side
    matrices[:, k, k] = mass.sum(axis=(1, 2))
    return coupling(pattern, np.hstack([rows, np.full((len(rows), 1), other)]), matrices)


def jump_coupling(pattern: Pattern, upper: IntArray, lower: IntArray, mass: FloatArray) -> FloatArray:
    """Entries of int (u+ - u-)(v+ - v-) ds between two sides of an interface, given by their rows (n_facets, k)."""
    matrices = np.block([[mass, -mass], [-mass, mass]])
    return coupling(pattern, np.hstack([upper, lower]), matrices)
