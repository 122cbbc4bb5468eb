"""Element kernels: stiffness of tetrahedra and mass of facets, order 1 and 2, straight and curved.

    volume:      int grad u . T grad v dx          T = 1 or a constant symmetric tensor
    interface:   int [u] [v] ds                    [u] = u - V (port), u (ground), or u+ - u- (inner interface)

Each gives the pairs w_ij = -K_ij of its element matrices (see `aspot.fem.pattern`). With reference gradients d N and
the metric M = |J| J^-1 T J^-T of the map from the reference tetrahedron,

    K_ij = sum_{a,b} int M_ab d_a N_i d_b N_j.

M is constant on straight cells: their K is one table of exact integrals times 6 numbers. On curved cells the same
table is held for every point of a quadrature rule. The slow twins are in `aspot.fem.reference`.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from aspot.fem.pattern import GROUND, Pattern, pairs
from aspot.mesh.tetmesh import TetrahedralMesh

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer]

#: Degree of the rule on curved cells.
CURVED_DEGREE = 6
#: Degree of the rule on facets of 6 nodes: the mass of plane facets with curved edges is a polynomial of degree 6.
FACET_DEGREE = 6
#: Largest distance of a middle node from the middle of its edge, relative to the edge, in straight cells.
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


def quadrature(dimension: int, degree: int) -> tuple[FloatArray, FloatArray]:
    """Points (q, dimension) and positive weights of a rule on the unit triangle (2) or tetrahedron (3)."""
    from skfem.quadrature import get_quadrature
    from skfem.refdom import RefTet, RefTri

    points, weights = get_quadrature(RefTri if dimension == 2 else RefTet, degree)
    return np.ascontiguousarray(points.T), weights


@lru_cache(maxsize=16)
def _tables(order: int, degree: int) -> tuple[FloatArray, FloatArray]:
    """Gradients (q, k, 3) at the points of a rule, and the table (q, k (k - 1) / 2, 6) that turns M into pairs."""
    points, weights = quadrature(3, degree)
    gradients = shape_functions(points, order)[1]
    i, j = pairs(gradients.shape[1])
    a, b = np.triu_indices(3)
    table = gradients[:, i][:, :, a] * gradients[:, j][:, :, b]
    table += np.where(a != b, gradients[:, i][:, :, b] * gradients[:, j][:, :, a], 0.0)
    return gradients, -weights[:, None, None] * table


def stiffness(mesh: TetrahedralMesh, pattern: Pattern, region: int, coefficient: float | FloatArray = 1.0, *,
              degree: int = CURVED_DEGREE) -> FloatArray:
    """Entries (nnz,) of int grad u . T grad v over one region, on the pattern of the mesh.

    Parameters
    ----------
    mesh : TetrahedralMesh
    pattern : Pattern
        Built from `mesh.cells`.
    region : int
        Index into `mesh.region_names`.
    coefficient : float or (3, 3) float
        T: scalar or symmetric tensor.
    degree : int
        Of the quadrature rule on curved cells. The default leaves quarter-point cells an error well below that of
        the elements (benchmarks/README.md); straight cells are exact.

    Returns
    -------
    (nnz,) float
        In units of `mesh.unit_m` times those of the coefficient.
    """
    tensor = np.asarray(coefficient, dtype=np.float64)
    isotropic = tensor.ndim == 0
    tensor = np.ascontiguousarray(tensor * np.eye(3) if isotropic else tensor)
    exact = _tables(mesh.order, 2)[1].sum(axis=0)
    slots = np.zeros(pattern.n_slots)
    if mesh.order == 1:
        _stiffness_1(mesh.nodes, mesh.cells, mesh.cell_region, region, tensor, isotropic, pattern.cell_slots, slots)
    else:
        gradients, table = _tables(2, degree)
        _stiffness_2(mesh.nodes, mesh.cells, mesh.cell_region, region, tensor, exact, gradients, table, STRAIGHT,
                     pattern.cell_slots, slots)
    return pattern.data(slots)


@njit(nogil=True, cache=True)
def _metric(j, tensor, m):  # type: ignore[no-untyped-def]
    """M = |det J| J^-1 T J^-T, as (00, 01, 02, 11, 12, 22); J[:, a] = dx/dxi_a, given by rows j[a]."""
    # Rows of det(J) J^-1.
    c = np.empty((3, 3))
    for a in range(3):
        p, q = j[(a + 1) % 3], j[(a + 2) % 3]
        c[a, 0] = p[1] * q[2] - p[2] * q[1]
        c[a, 1] = p[2] * q[0] - p[0] * q[2]
        c[a, 2] = p[0] * q[1] - p[1] * q[0]
    scale = 1.0 / abs(j[0, 0] * c[0, 0] + j[0, 1] * c[0, 1] + j[0, 2] * c[0, 2])
    r = 0
    for a in range(3):
        t0 = scale * (c[a, 0] * tensor[0, 0] + c[a, 1] * tensor[1, 0] + c[a, 2] * tensor[2, 0])
        t1 = scale * (c[a, 0] * tensor[0, 1] + c[a, 1] * tensor[1, 1] + c[a, 2] * tensor[2, 1])
        t2 = scale * (c[a, 0] * tensor[0, 2] + c[a, 1] * tensor[1, 2] + c[a, 2] * tensor[2, 2])
        for b in range(a, 3):
            m[r] = t0 * c[b, 0] + t1 * c[b, 1] + t2 * c[b, 2]
            r += 1


@njit(nogil=True, cache=True)
def _stiffness_1(nodes, cells, cell_region, region, tensor, isotropic, cell_slots, slots):  # type: ignore[no-untyped-def]
    """Add the pairs of all cells of a region, 4 nodes each: w_ij = -n_i . T n_j / (6 |det J|), n_i normals."""
    n = np.empty((4, 3))
    t = np.empty((4, 3))
    for e in range(len(cells)):
        if cell_region[e] != region:
            continue
        i = cells[e, 0]
        x0, y0, z0 = nodes[i, 0], nodes[i, 1], nodes[i, 2]
        i = cells[e, 1]
        x1, y1, z1 = nodes[i, 0] - x0, nodes[i, 1] - y0, nodes[i, 2] - z0
        i = cells[e, 2]
        x2, y2, z2 = nodes[i, 0] - x0, nodes[i, 1] - y0, nodes[i, 2] - z0
        i = cells[e, 3]
        x3, y3, z3 = nodes[i, 0] - x0, nodes[i, 1] - y0, nodes[i, 2] - z0
        n[1, 0], n[1, 1], n[1, 2] = y2 * z3 - z2 * y3, z2 * x3 - x2 * z3, x2 * y3 - y2 * x3
        n[2, 0], n[2, 1], n[2, 2] = y3 * z1 - z3 * y1, z3 * x1 - x3 * z1, x3 * y1 - y3 * x1
        n[3, 0], n[3, 1], n[3, 2] = y1 * z2 - z1 * y2, z1 * x2 - x1 * z2, x1 * y2 - y1 * x2
        for d in range(3):
            n[0, d] = -n[1, d] - n[2, d] - n[3, d]
        scale = -1.0 / (6.0 * abs(x1 * n[1, 0] + y1 * n[1, 1] + z1 * n[1, 2]))
        if isotropic:
            scale *= tensor[0, 0]
            p = 0
            for a in range(4):
                for b in range(a + 1, 4):
                    slots[cell_slots[e, p]] += scale * (n[a, 0] * n[b, 0] + n[a, 1] * n[b, 1] + n[a, 2] * n[b, 2])
                    p += 1
        else:
            for a in range(3):
                for d in range(3):
                    t[a, d] = n[a, 0] * tensor[0, d] + n[a, 1] * tensor[1, d] + n[a, 2] * tensor[2, d]
            p = 0
            for a in range(4):
                for b in range(a + 1, 4):
                    slots[cell_slots[e, p]] += scale * (t[a, 0] * n[b, 0] + t[a, 1] * n[b, 1] + t[a, 2] * n[b, 2])
                    p += 1


@njit(nogil=True, cache=True)
def _is_straight(x, tolerance):  # type: ignore[no-untyped-def]
    """Whether the middle nodes of a cell (10, 3) lie in the middle of its edges."""
    for a in range(6):
        i, j = _EDGES[a]
        off = length = 0.0
        for d in range(3):
            off = max(off, abs(x[4 + a, d] - 0.5 * (x[i, d] + x[j, d])))
            length = max(length, abs(x[j, d] - x[i, d]))
        if off > tolerance * length:
            return False
    return True


@njit(nogil=True, cache=True)
def _stiffness_2(nodes, cells, cell_region, region, tensor, exact, gradients, table, straight, cell_slots, slots):  # type: ignore[no-untyped-def]  # noqa: E501
    """Add the pairs of all cells of a region, 10 nodes each."""
    x = np.empty((10, 3))
    j = np.empty((3, 3))
    m = np.empty(6)
    w = np.empty(45)
    for e in range(len(cells)):
        if cell_region[e] != region:
            continue
        for a in range(10):
            i = cells[e, a]
            for d in range(3):
                x[a, d] = nodes[i, d]
        w[:] = 0.0
        if _is_straight(x, straight):
            for a in range(3):
                for d in range(3):
                    j[a, d] = x[a + 1, d] - x[0, d]
            _metric(j, tensor, m)
            for p in range(45):
                w[p] = (exact[p, 0] * m[0] + exact[p, 1] * m[1] + exact[p, 2] * m[2]
                        + exact[p, 3] * m[3] + exact[p, 4] * m[4] + exact[p, 5] * m[5])
        else:
            for q in range(len(table)):
                for a in range(3):
                    for d in range(3):
                        total = 0.0
                        for b in range(10):
                            total += gradients[q, b, a] * x[b, d]
                        j[a, d] = total
                _metric(j, tensor, m)
                for p in range(45):
                    w[p] += (table[q, p, 0] * m[0] + table[q, p, 1] * m[1] + table[q, p, 2] * m[2]
                             + table[q, p, 3] * m[3] + table[q, p, 4] * m[4] + table[q, p, 5] * m[5])
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
    points, weights = quadrature(2, 2 if order == 1 else FACET_DEGREE)
    values, gradients = shape_functions(points, order)
    x = mesh.nodes[facets]
    tangents = np.einsum("qkd,fki->fqdi", gradients, x)
    area = weights * np.linalg.norm(np.cross(tangents[:, :, 0], tangents[:, :, 1]), axis=-1)
    if lumped:
        if order == 2:
            raise ValueError("lumped mass is for order 1 only: at order 2 the vertices would get none")
        return area.sum(axis=1)[:, None, None] * np.eye(3) / 3
    return np.einsum("fq,qi,qj->fij", area, values, values)


def coupling(pattern: Pattern, cliques: IntArray, matrices: FloatArray) -> FloatArray:
    """Entries (nnz,) of the sum of small symmetric matrices (c, k, k) with row sums zero over cliques (c, k) of rows."""
    first, second = pairs(cliques.shape[1])
    slots = np.bincount(pattern.slots(cliques).ravel(), -matrices[:, first, second].ravel(), pattern.n_slots)
    return pattern.data(slots)


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
