"""High-order finite elements on the quadrilaterals of a profile: flux tubes (r, z) and strips (x, z).

    int w kappa grad phi . grad v dr dz,     w = 2 pi r (tube) or 1 (strips, per metre of length)

The nodes are the Gauss-Lobatto-Legendre points of every element. Nodes inside an element are eliminated from its
real stiffness matrix before assembly: within one material the law multiplies the whole element, so that the Schur
complement is exact for every frequency and the problem stays affine on the nodes of the element edges alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray
from scipy.sparse import csr_array

from aspot.fem.gap_heights import GapHeights
from aspot.mesh.profile import ProfileMesh


@lru_cache(maxsize=32)
def lobatto_points(order: int) -> NDArray[np.float64]:
    """Gauss-Lobatto-Legendre points of one element on [-1, 1], shape (order + 1,)."""
    inner = legendre.legroots(legendre.legder(np.eye(order + 1)[order])) if order > 1 else np.empty(0)
    return np.concatenate([[-1.0], np.sort(np.real(inner)), [1.0]])


def lagrange(order: int, x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Values and derivatives of the nodal basis at points `x` of [-1, 1], each of shape (len(x), order + 1)."""
    coefficients = np.linalg.inv(legendre.legvander(lobatto_points(order), order))
    values = legendre.legvander(x, order) @ coefficients
    slopes = legendre.legvander(x, order - 1) @ (legendre.legder(np.eye(order + 1), axis=0) @ coefficients)
    return np.asarray(values, float), np.asarray(slopes, float)


@dataclass(frozen=True)
class Nodes:
    """Numbering of all nodes: vertices, then inner nodes of edges, then inner nodes of elements.

    Parameters
    ----------
    element : (m, order + 1, order + 1) int64
        Node numbers of each element; the second axis runs along its first edge.
    edge : dict of str to (k, order + 1) int64
        Node numbers along the edges of each surface.
    n_skeleton : int
        Number of nodes on vertices and edges.
    n : int
        Number of all nodes.
    """

    element: NDArray[np.int64]
    edge: dict[str, NDArray[np.int64]]
    n_skeleton: int
    n: int


def number_nodes(mesh: ProfileMesh, order: int) -> Nodes:
    """Numbers of the nodes of order `order` on a mesh."""
    m, p = len(mesh.quads), order
    inner = p - 1
    n_vertices = len(mesh.vertices)
    pairs = mesh.quads[:, [[0, 1], [1, 2], [2, 3], [3, 0]]].reshape(-1, 2)
    unique, index = np.unique(np.sort(pairs, axis=1), axis=0, return_inverse=True)
    index = index.reshape(-1)

    def along(pair: NDArray[np.int64], number: NDArray[np.int64]) -> NDArray[np.int64]:
        """Inner nodes of edges, in the direction of the vertex pair."""
        nodes = n_vertices + number[:, None] * inner + np.arange(inner)
        return np.where((pair[:, 0] < pair[:, 1])[:, None], nodes, nodes[:, ::-1])

    sides = along(pairs, index).reshape(m, 4, inner)
    n_skeleton = n_vertices + len(unique) * inner
    element = np.empty((m, p + 1, p + 1), np.int64)
    element[:, 0, 0], element[:, p, 0], element[:, p, p], element[:, 0, p] = mesh.quads.T
    element[:, 1:p, 0] = sides[:, 0]
    element[:, p, 1:p] = sides[:, 1]
    element[:, 1:p, p] = sides[:, 2, ::-1]
    element[:, 0, 1:p] = sides[:, 3, ::-1]
    element[:, 1:p, 1:p] = n_skeleton + np.arange(m * inner**2).reshape(m, inner, inner)

    keys = unique[:, 0] * n_vertices + unique[:, 1]
    edge = {}
    for name, ends in mesh.surfaces.items():
        low_high = np.sort(ends, axis=1)
        number = np.searchsorted(keys, low_high[:, 0] * n_vertices + low_high[:, 1])
        edge[name] = np.hstack([ends[:, :1], along(ends, number), ends[:, 1:]])
    return Nodes(element, edge, n_skeleton, n_skeleton + m * inner**2)


@dataclass(frozen=True)
class ProfileAssembly:
    """Condensed matrices of a profile problem and what is needed to recover the field.

    Parameters
    ----------
    matrices : dict of str to csr_array
        By region name, and "contact", "gap", "counter" where they occur; shape (n + 1, n + 1), the port last.
        Tube: [m], [m2]; strips: per metre of length, [1], [m].
    area : float
        Geometric electrode area [m2] (strips: per metre of length, [m]).
    """

    mesh: ProfileMesh
    order: int
    nodes: Nodes
    dof: NDArray[np.int64]
    matrices: dict[str, csr_array]
    area: float
    inner_from_boundary: NDArray[np.float64]

    def element_potentials(self, x: NDArray[np.complex128]) -> NDArray[np.complex128]:
        """Potential at the nodes of every element, shape (m, order + 1, order + 1) [V], from a solution."""
        skeleton = np.append(x, 0.0)[self.dof]
        p = self.order
        boundary, inside = _local_sets(p)
        local = np.empty((len(self.mesh.quads), (p + 1) ** 2), skeleton.dtype)
        ends = skeleton[self.nodes.element.reshape(len(local), -1)[:, boundary]]
        local[:, boundary] = ends
        local[:, inside] = np.einsum("eib,eb->ei", self.inner_from_boundary, ends)
        return local.reshape(-1, p + 1, p + 1)

    def element_points(self) -> NDArray[np.float64]:
        """Coordinates (r, z) of the nodes of every element, shape (m, order + 1, order + 1, 2) [m]."""
        x = lobatto_points(self.order)
        return _map(self.mesh, x, x)[0] * self.mesh.unit_m

    def element_gradients(self, potentials: NDArray[np.complex128]) -> NDArray[np.complex128]:
        """Gradient (d/dr, d/dz) at the nodes of every element, shape (m, order + 1, order + 1, 2) [V/m]."""
        x = lobatto_points(self.order)
        _, slopes = lagrange(self.order, x)
        _, jacobian = _map(self.mesh, x, x)
        reference = np.stack(
            [np.einsum("xi,eij->exj", slopes, potentials), np.einsum("yj,eij->eiy", slopes, potentials)], -1
        )
        inverse = np.linalg.inv(jacobian)
        return np.einsum("exyab,exya->exyb", inverse, reference) / self.mesh.unit_m


@lru_cache(maxsize=32)
def _local_sets(order: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Local numbers of the boundary nodes and of the inner nodes of an element."""
    grid = np.arange((order + 1) ** 2).reshape(order + 1, order + 1)
    inside = grid[1:-1, 1:-1].ravel()
    return np.setdiff1d(grid.ravel(), inside), inside


def _map(
    mesh: ProfileMesh, x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bilinear map at tensor points: positions (m, nx, ny, 2) and Jacobians d(r, z)/d(x, y) (m, nx, ny, 2, 2)."""
    p = mesh.vertices[mesh.quads]
    # Corner differences are taken before scaling, which keeps them accurate for tiny elements.
    a = 0.25 * ((p[:, 1] - p[:, 0]) + (p[:, 2] - p[:, 3]))
    b = 0.25 * ((p[:, 3] - p[:, 0]) + (p[:, 2] - p[:, 1]))
    c = 0.25 * ((p[:, 2] - p[:, 1]) - (p[:, 3] - p[:, 0]))
    centre = 0.25 * p.sum(1)
    gx, gy = np.meshgrid(x, y, indexing="ij")
    gx, gy = gx[None, :, :, None], gy[None, :, :, None]
    a, b, c, centre = (v[:, None, None, :] for v in (a, b, c, centre))
    position = centre + a * gx + b * gy + c * gx * gy
    return position, np.stack([a + c * gy, b + c * gx], -1)


Weights = Callable[[ProfileMesh, NDArray[np.float64]], tuple[NDArray[np.float64], NDArray[np.float64]]]


def potential_weights(
    mesh: ProfileMesh, position: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights of (dphi/dr)^2 and (dphi/dz)^2 at positions (..., 2): 2 pi r in tubes, 1 in strips."""
    weight = 2.0 * np.pi * position[..., 0] if mesh.axisymmetric else np.ones(position.shape[:-1])
    return weight, weight


def element_stiffness(
    mesh: ProfileMesh, order: int, weights: Weights = potential_weights, extra_points: int = 0
) -> NDArray[np.float64]:
    """Stiffness matrices of all elements, shape (m, (order + 1)^2, (order + 1)^2), in scaled units.

    Gauss points: order + 2 per direction, enough for the exact Laplace form on parallelograms with the weight r;
    on trapezoids the rational part is integrated to the same order as the interpolation.

    Parameters
    ----------
    mesh : ProfileMesh
    order : int
    weights : callable
        (mesh, positions) -> weights of the squared derivatives across and down.
    extra_points : int
        More Gauss points per direction, for weights that are no polynomials.
    """
    x, w = legendre.leggauss(order + 2 + extra_points)
    values, slopes = lagrange(order, x)
    position, jacobian = _map(mesh, x, x)
    determinant = np.linalg.det(jacobian)
    inverse = np.linalg.inv(jacobian)
    weight = np.stack(weights(mesh, position), -1) * (w[:, None] * w[None, :] * determinant)[..., None]
    metric = np.einsum("exyac,exyc,exybc->exyab", inverse, weight, inverse, optimize=True)
    m, q, k = len(mesh.quads), len(x), order + 1
    dx = np.einsum("xi,yj->xyij", slopes, values).reshape(q * q, k * k)
    dy = np.einsum("xi,yj->xyij", values, slopes).reshape(q * q, k * k)
    metric = metric.reshape(m, q * q, 2, 2)
    grad = np.stack([dx, dy], 1).reshape(2 * q * q, k * k)
    out = np.empty((m, k * k, k * k))
    for e in range(m):
        flux = np.einsum("qab,qbi->qai", metric[e], grad.reshape(q * q, 2, -1)).reshape(2 * q * q, -1)
        out[e] = grad.T @ flux
    return out


def condensed_stiffness(
    mesh: ProfileMesh, order: int, nodes: Nodes, weights: Weights = potential_weights, extra_points: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Stiffness matrices with the inner nodes eliminated.

    Returns
    -------
    boundary : (m, b) int64
        Numbers of the nodes on the edges of each element.
    condensed : (m, b, b)
        Schur complements.
    recover : (m, i, b)
        Values at the inner nodes from those on the edges.
    """
    m = len(mesh.quads)
    boundary, inside = _local_sets(order)
    stiffness = element_stiffness(mesh, order, weights, extra_points)
    recover: NDArray[np.float64] = np.zeros((m, len(inside), len(boundary)))
    condensed: NDArray[np.float64] = stiffness[:, boundary[:, None], boundary]
    if len(inside):
        coupling = stiffness[:, inside[:, None], boundary]
        recover = -np.asarray(np.linalg.solve(stiffness[:, inside[:, None], inside], coupling), float)
        condensed = condensed + np.swapaxes(coupling, 1, 2) @ recover
    return nodes.element.reshape(m, -1)[:, boundary], condensed, recover


def _edge_mass(
    mesh: ProfileMesh, ends: NDArray[np.int64], order: int, heights: GapHeights | None = None
) -> NDArray[np.float64]:
    """Mass matrices of edges at constant depth, shape (k, order + 1, order + 1), in scaled units.

    With heights of a gap every place counts d_0/d times.
    """
    if heights is not None:
        return np.stack([_weighted_mass(mesh, pair, order, heights) for pair in mesh.vertices[ends, 0]])
    x, w = legendre.leggauss(order + 2)
    values, _ = lagrange(order, x)
    r0, r1 = mesh.vertices[ends[:, 0], 0], mesh.vertices[ends[:, 1], 0]
    half = 0.5 * (r1 - r0)[:, None]
    weight = w[None, :] * np.abs(half)
    if mesh.axisymmetric:
        weight = weight * 2.0 * np.pi * (r0[:, None] + half * (1.0 + x[None, :]))
    return np.einsum("kq,qi,qj->kij", weight, values, values, optimize=True)


def _weighted_mass(
    mesh: ProfileMesh, pair: NDArray[np.float64], order: int, heights: GapHeights
) -> NDArray[np.float64]:
    """Mass matrix of one edge of a gap whose height varies."""
    x, weight, ratio = heights.rule(pair[0] * mesh.unit_m, pair[1] * mesh.unit_m, order + 3)
    values, _ = lagrange(order, 2.0 * x - 1.0)
    weight = weight / ratio * abs(pair[1] - pair[0])
    if mesh.axisymmetric:
        weight = weight * 2.0 * np.pi * (pair[0] + (pair[1] - pair[0]) * x)
    return np.asarray((values.T * weight) @ values)


def assemble(
    mesh: ProfileMesh,
    order: int,
    *,
    ideal_contact: bool,
    ideal_counter: bool = True,
    heights: GapHeights | None = None,
    weights: Weights = potential_weights,
) -> ProfileAssembly:
    """All matrices of a profile problem, inner nodes eliminated.

    Parameters
    ----------
    mesh : ProfileMesh
    order : int
        Polynomial order of the elements, >= 1.
    ideal_contact : bool
        True: the potential under the metal is that of the port. False: a matrix "contact" couples them.
    ideal_counter : bool
        True: the far face is at 0 V. False: a matrix "counter" couples it to 0 V.
    heights : GapHeights, optional
        Of a gap that is not equally high everywhere.
    weights : callable
        As for `element_stiffness`.

    Returns
    -------
    ProfileAssembly
    """
    nodes = number_nodes(mesh, order)
    extra = 0 if weights is potential_weights else 6
    boundary, condensed, recover = condensed_stiffness(mesh, order, nodes, weights, extra)
    dof = np.zeros(nodes.n_skeleton, np.int64)
    port = np.zeros(nodes.n_skeleton, bool)
    if ideal_counter:
        dof[nodes.edge["counter"]] = -1
    if ideal_contact:
        port[nodes.edge["contact"]] = True
    free = (dof >= 0) & ~port
    n = int(free.sum())
    dof[free] = np.arange(n)
    dof[port] = n

    # Tubes scale with the length (volume) and its square (area); strips, per metre, with its powers 0 and 1.
    power = 1 if mesh.axisymmetric else 0
    skeleton = dof[boundary]
    blocks: dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]] = {}
    for i, name in enumerate(mesh.region_names):
        chosen = mesh.quad_region == i
        blocks[name] = (skeleton[chosen], condensed[chosen] * mesh.unit_m**power)
    for name in ("contact", "gap", "counter"):
        ends = mesh.surfaces[name]
        if not len(ends) or (name == "contact" and ideal_contact) or (name == "counter" and ideal_counter):
            continue
        mass = _edge_mass(mesh, ends, order, heights if name == "gap" else None) * mesh.unit_m ** (power + 1)
        blocks[name] = _jump_blocks(dof[nodes.edge[name]], mass, -1 if name == "counter" else n)
    outer = mesh.vertices[:, 0].max() * mesh.unit_m
    area = float(np.pi * outer**2 if mesh.axisymmetric else outer)
    return ProfileAssembly(mesh, order, nodes, dof, sum_blocks(blocks, n + 1), area, recover)


def _jump_blocks(
    numbers: NDArray[np.int64], mass: NDArray[np.float64], opposite: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Element blocks of int (phi - phi_opposite)^2 from mass matrices, the opposite unknown appended."""
    k, size = numbers.shape
    jump = np.hstack([np.eye(size), -np.ones((size, 1))])
    extended = np.hstack([numbers, np.full((k, 1), opposite)])
    return extended, jump.T @ mass @ jump


def sum_blocks(blocks: dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]], size: int) -> dict[str, csr_array]:
    """Matrices of all blocks on one shared pattern; unknown -1 is dropped."""
    keys, values = [], []
    for numbers, data in blocks.values():
        rows = np.broadcast_to(numbers[:, :, None], data.shape).ravel()
        cols = np.broadcast_to(numbers[:, None, :], data.shape).ravel()
        kept = (rows >= 0) & (cols >= 0)
        keys.append(rows[kept] * size + cols[kept])
        values.append(data.ravel()[kept])
    union, slots = np.unique(np.concatenate(keys), return_inverse=True)
    indptr = np.searchsorted(union // size, np.arange(size + 1)).astype(np.int32)
    indices = (union % size).astype(np.int32)
    matrices, start = {}, 0
    for name, key, value in zip(blocks, keys, values, strict=True):
        summed = np.bincount(slots[start : start + len(key)], weights=value, minlength=union.size)
        start += len(key)
        matrices[name] = csr_array((summed, indices, indptr), shape=(size, size), copy=False)
    return matrices
