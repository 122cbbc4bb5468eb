"""The slab under a flat interface: high-order elements on the contact plane, the depth exact.

Potentials are sums of lateral functions of the elements times any function of the depth z. The best such potential in
a homogeneous slab is known: with A v = k^2 M v for stiffness A and mass M of the elements on the plane, every mode v
goes as exp(-k z) and exp(k z), and the two faces of a slab of thickness t are connected like the ends of a line,

    current into a face = kappa (k coth(k t) u - k csch(k t) u')     (u, u': modal potentials, this and the other face).

So the unknowns are those of planes: the interface and, with layers or a counter electrode of finite admittance, every
boundary below. The result is a network of the kind of `aspot.fem.problem`, with dense matrices. As its potentials are
admissible in the whole volume, its energy bounds the conductance from above (Dirichlet's principle), and only the
lateral resolution has an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray
from scipy.linalg import cholesky, qr, solve_triangular, svd
from scipy.sparse import csr_array

from aspot.fem.profile import lagrange, lobatto_points
from aspot.mesh.surface import Patch, Root, SurfaceMesh

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

#: Nodes on the mirror line between two fans that are closer than this, in units of the mesh, are one.
_SAME = 1e-9


@lru_cache(maxsize=64)
def gauss(n: int) -> tuple[FloatArray, FloatArray]:
    """Points and weights of n-point Gauss-Legendre quadrature on [0, 1]."""
    x, w = legendre.leggauss(n)
    return 0.5 * (x + 1.0), 0.5 * w


@lru_cache(maxsize=64)
def radial_basis(order: int, n_points: int, root: Root) -> tuple[FloatArray, FloatArray]:
    """Values and slopes of the nodal basis at Gauss points, each of shape (n_points, order + 1)."""
    return nodal_basis(order, gauss(n_points)[0], root)


def nodal_basis(order: int, u: FloatArray, root: Root) -> tuple[FloatArray, FloatArray]:
    """Values and slopes in u of the nodal basis at points of [0, 1], each of shape (len(u), order + 1).

    Where the Jacobian vanishes as u, the energy of the slope u-derivative / u is finite only if the slope in u is 0:
    the polynomials are those of degree order + 1 with zero slope at that end, through the Gauss-Lobatto points.
    """
    if root is None:
        values, slopes = lagrange(order, 2.0 * u - 1.0)
        return values, 2.0 * slopes
    if root == "outer":
        values, slopes = _flat_at_zero(order, 1.0 - u)
        return values[:, ::-1], -slopes[:, ::-1]
    return _flat_at_zero(order, u)


def _flat_at_zero(order: int, u: FloatArray) -> tuple[FloatArray, FloatArray]:
    nodes = 0.5 * (lobatto_points(order) + 1.0)
    others = nodes[1:]
    # Lagrange polynomials on the other nodes, times (u / node)^2.
    vander = np.vander(others, order, increasing=True)
    coefficients = np.linalg.inv(vander)
    powers = np.vander(u, order, increasing=True)
    ell = powers @ coefficients
    k = np.arange(1, order)
    ell_slope = (powers[:, : order - 1] * k) @ coefficients[1:]
    values = ell * (u[:, None] / others) ** 2
    slopes = ell_slope * (u[:, None] / others) ** 2 + 2.0 * ell * u[:, None] / others**2
    return (np.column_stack([1.0 - values.sum(axis=1), values]), np.column_stack([-slopes.sum(axis=1), slopes]))


@dataclass(frozen=True)
class Numbering:
    """Nodes of the elements of a surface mesh.

    Parameters
    ----------
    elements : tuple of (Patch, (order_r + 1, order_t + 1) int64)
        Every patch with its nodes.
    n : int
    """

    elements: tuple[tuple[Patch, IntArray], ...]
    n: int


def number_nodes(mesh: SurfaceMesh, order_r: int, order_t: int) -> Numbering:
    """Nodes of every patch; a centre is one node, and nodes that two fans share on their mirror line are one."""
    first, grids = 0, []
    for fan in mesh.fans:
        n_r, n_t = len(fan[0]) * order_r, len(fan) * order_t + 1
        grid = np.zeros((n_r + 1, n_t), np.int64)
        grid[1:] = 1 + np.arange(n_r * n_t).reshape(n_r, n_t)
        grids.append(grid + first)
        first += n_r * n_t + 1
    same = np.arange(first)
    if len(mesh.fans) > 1:
        walls = [_wall_points(fan, order_t) for fan in mesh.fans]
        for (i, own), (j, other) in ((a, b) for a in enumerate(walls) for b in enumerate(walls) if a[0] < b[0]):
            distance = np.linalg.norm(own[:, None] - other[None], axis=-1)
            here, there = np.nonzero(distance < _SAME)
            same[grids[j][-1][there]] = grids[i][-1][here]
    used, number = np.unique(same, return_inverse=True)
    elements = []
    for fan, grid in zip(mesh.fans, grids, strict=True):
        for k, spoke in enumerate(fan):
            for b, patch in enumerate(spoke):
                rows = slice(b * order_r, (b + 1) * order_r + 1)
                elements.append((patch, number[grid[rows, k * order_t : (k + 1) * order_t + 1]]))
    return Numbering(tuple(elements), len(used))


def _wall_points(fan: tuple[tuple[Patch, ...], ...], order_t: int) -> FloatArray:
    v = 0.5 * (lobatto_points(order_t) + 1.0)
    points = [spoke[-1].map(np.ones_like(v), v)[0] for spoke in fan]
    return np.concatenate([points[0], *(p[1:] for p in points[1:])])


def metric(patch: Patch, n_points: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """At tensor Gauss points: J^T J (m, 2, 2), determinant (m,), weights (m,)."""
    g, w = gauss(n_points)
    u, v = np.meshgrid(g, g, indexing="ij")
    jacobian = patch.map(u.ravel(), v.ravel())[1]
    determinant = jacobian[:, 0, 0] * jacobian[:, 1, 1] - jacobian[:, 0, 1] * jacobian[:, 1, 0]
    return np.einsum("mki,mkj->mij", jacobian, jacobian), determinant, np.outer(w, w).ravel()


def quadrature_points(order_r: int, order_t: int) -> int:
    """Gauss points per direction: enough for the polynomials, with some for the curved maps."""
    return max(order_r, order_t) + 6


@dataclass(frozen=True)
class Plane:
    """Stiffness and mass of the elements on the plane, and its modes; in units of the mesh.

    Parameters
    ----------
    numbering : Numbering
    gradient : (m, n) float
        A square root G of the stiffness: G^T G is the integral of grad u . grad v. In narrow rings the stiffness is so
        large that its rounding would drown the smooth potentials; that of its root does not.
    contact_mass, gap_mass : (n, n) float
        Integral of u v where the metal touches and where it does not.
    """

    numbering: Numbering
    gradient: FloatArray
    contact_mass: FloatArray
    gap_mass: FloatArray

    @property
    def mass(self) -> FloatArray:
        """Integral of u v over the whole plane."""
        return self.contact_mass + self.gap_mass

    @cached_property
    def modes(self) -> tuple[FloatArray, FloatArray]:
        """Wave numbers k (n,), the first 0, and M v of the modes (n, n), v^T M v = 1."""
        mass = self.mass
        lower = cholesky(mass, lower=True)
        k, vectors = wave_numbers(self.gradient, lower, np.ones(len(mass)))
        return k, lower @ vectors


def wave_numbers(gradient: FloatArray, lower: FloatArray, uniform: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Square roots of the eigenvalues of (G^T G, L L^T) and L^T times the eigenvectors.

    Parameters
    ----------
    gradient : (m, n) float
        G, a square root of the stiffness.
    lower : (n, n) float
        L, lower triangular.
    uniform : (n,) float
        The only one with G uniform = 0.

    Returns
    -------
    (n,), (n, n) float
        Wave numbers, the first 0; orthonormal columns, the first the uniform mode.
    """
    first = lower.T @ uniform
    size = float(np.linalg.norm(first))
    first /= size
    # The uniform mode has k = 0; lifted below every other k it is the largest of the singular values 1/k. Rounding
    # leaves a relative error of 1e-16 times the spread of k.
    lifted = np.vstack([gradient, np.sqrt(0.05) / size * (lower @ first)])
    scale = 1.0 / np.linalg.norm(lifted, axis=0)
    root = qr(lifted * scale, mode="r", overwrite_a=True, check_finite=False)[0][: len(uniform)]
    inverse = solve_triangular(root, scale[:, None] * lower, trans=1)
    _, reciprocals, right = svd(inverse, full_matrices=False, overwrite_a=True, check_finite=False)
    k, vectors = 1.0 / reciprocals, right.T
    k[0], vectors[:, 0] = 0.0, first
    vectors[:, 1:] -= np.outer(first, first @ vectors[:, 1:])
    return k, vectors


def assemble_plane(mesh: SurfaceMesh, order_r: int, order_t: int) -> Plane:
    """Stiffness and masses of order `order_r` along the rays and `order_t` across."""
    numbering = number_nodes(mesh, order_r, order_t)
    n_points = quadrature_points(order_r, order_t)
    angular = radial_basis(order_t, n_points, None)
    roots = []
    masses = {touches: np.zeros((numbering.n, numbering.n)) for touches in (True, False)}
    for patch, nodes in numbering.elements:
        radial = radial_basis(order_r, n_points, patch.root)
        value = tensor_basis(radial[0], angular[0])
        along, across = tensor_basis(radial[1], angular[0]), tensor_basis(radial[0], angular[1])
        g, det, weight = metric(patch, n_points)
        # weight |grad u|^2 det = weight (g22 u_u^2 - 2 g12 u_u u_v + g11 u_v^2) / det, as a sum of two squares.
        rows = np.vstack([
            np.sqrt(weight * g[:, 1, 1] / det)[:, None] * (along - (g[:, 0, 1] / g[:, 1, 1])[:, None] * across),
            np.sqrt(weight * det / g[:, 1, 1])[:, None] * across,
        ])  # fmt: skip
        index = nodes.ravel()
        root = np.zeros((len(index), numbering.n))
        local = qr(rows, mode="r")[0][: len(index)]
        np.add.at(root.T, index, local.T)
        roots.append(root)
        np.add.at(masses[patch.is_contact], (index[:, None], index), value.T @ ((weight * det)[:, None] * value))
    return Plane(numbering, np.vstack(roots), masses[True], masses[False])


def tensor_basis(a: FloatArray, b: FloatArray) -> FloatArray:
    """Products of two 1-D bases at tensor points, shape (points_a points_b, functions_a functions_b)."""
    return np.asarray(np.einsum("ai,bj->abij", a, b).reshape(len(a) * len(b), -1))


def line(k: FloatArray, thickness: float) -> tuple[FloatArray, FloatArray]:
    """Own and mutual admittance of the faces of a slab of unit conductivity: k coth(k t), k csch(k t); 1/t at k = 0."""
    own, mutual = np.empty_like(k), np.empty_like(k)
    x = k * thickness
    small = x < 1e-4
    own[small] = (1.0 + x[small] ** 2 / 3.0) / thickness
    mutual[small] = (1.0 - x[small] ** 2 / 6.0) / thickness
    large = ~small
    decay = np.exp(-x[large])
    own[large] = k[large] * (1.0 + decay**2) / (1.0 - decay**2)
    mutual[large] = 2.0 * k[large] * decay / (1.0 - decay**2)
    return own, mutual


@dataclass(frozen=True)
class SurfaceAssembly:
    """Matrices of a slab under a flat interface, and what is needed to recover the field.

    Parameters
    ----------
    mesh : SurfaceMesh
    orders : (order_r, order_t)
    plane : Plane
    thickness : tuple of float
        Of the layers and, last, the electrolyte, in units of the mesh.
    dof : (planes, n) int64
        Row of every node of every plane of unknowns in the problem; the port is the last row.
    is_grounded : bool
        Whether the lowest face is at zero potential (else it is the last plane of unknowns).
    matrices : dict of str to csr_array
        By name of layer, "electrolyte", "contact", "gap", "counter"; (n_free + 1, n_free + 1), SI: [m], [m2].
    """

    mesh: SurfaceMesh
    orders: tuple[int, int]
    plane: Plane
    thickness: tuple[float, ...]
    dof: IntArray
    is_grounded: bool
    matrices: dict[str, csr_array]

    def face_potentials(self, x: NDArray[np.complex128]) -> NDArray[np.complex128]:
        """Potential of the nodes of every face from the interface to the bottom, shape (faces, n) [V]."""
        faces = np.asarray(x)[self.dof]
        return np.vstack([faces, np.zeros_like(faces[:1])]) if self.is_grounded else faces


def assemble(
    mesh: SurfaceMesh,
    orders: tuple[int, int],
    *,
    depth_m: float,
    layers: Sequence[tuple[str, float]] = (),
    ideal_contact: bool,
    counter_law: bool = False,
) -> SurfaceAssembly:
    """Matrices of all layers, the electrolyte and the interfaces.

    Parameters
    ----------
    mesh : SurfaceMesh
    orders : (order_r, order_t)
        Along the rays and across.
    depth_m : float
        Thickness of the electrolyte [m].
    layers : sequence of (name, thickness [m])
        Outermost first.
    ideal_contact : bool
        Whether the nodes in contact are the port itself.
    counter_law : bool
        Whether the lowest face couples to ground by a law instead of being grounded.

    Returns
    -------
    SurfaceAssembly
    """
    plane = assemble_plane(mesh, *orders)
    n = plane.numbering.n
    slabs = [*layers, ("electrolyte", depth_m)]
    n_planes = len(slabs) + counter_law
    free = np.arange(n_planes * n).reshape(n_planes, n)
    touched = np.zeros(n, bool)
    for patch, nodes in plane.numbering.elements:
        if patch.is_contact:
            touched[nodes.ravel()] = True
    is_port = np.zeros(free.shape, bool)
    is_port[0] = touched & ideal_contact
    n_free = int((~is_port).sum())
    dof = np.full(free.shape, n_free)
    dof[~is_port] = np.arange(n_free)

    k, shapes = plane.modes
    unit = mesh.unit_m
    blocks: dict[str, dict[tuple[int, int], FloatArray]] = {}
    for at, (name, thickness) in enumerate(slabs):
        own, mutual = line(k, thickness / unit)
        own_matrix = unit * (shapes * own) @ shapes.T
        blocks[name] = {(at, at): own_matrix}
        if at + 1 < n_planes:
            blocks[name] |= {(at + 1, at + 1): own_matrix, (at, at + 1): -unit * (shapes * mutual) @ shapes.T}
    matrices = {name: _gathered(parts, dof, n_free + 1) for name, parts in blocks.items()}
    for name, mass in (("contact", plane.contact_mass), ("gap", plane.gap_mass)):
        if mass.any() and not (name == "contact" and ideal_contact):
            matrices[name] = _to_port(unit**2 * mass, dof[0], n_free)
    if counter_law:
        matrices["counter"] = _gathered({(n_planes - 1, n_planes - 1): unit**2 * plane.mass}, dof, n_free + 1)
    return SurfaceAssembly(
        mesh=mesh,
        orders=orders,
        plane=plane,
        thickness=tuple(thickness / unit for _, thickness in slabs),
        dof=dof,
        is_grounded=not counter_law,
        matrices=_on_one_pattern(matrices),
    )


def _gathered(blocks: dict[tuple[int, int], FloatArray], dof: IntArray, size: int) -> FloatArray:
    """Sum of blocks between planes (and their transposes) on the rows of the problem."""
    out = np.zeros((size, size))
    for (i, j), block in blocks.items():
        np.add.at(out, (dof[i][:, None], dof[j]), block)
        if i != j:
            np.add.at(out, (dof[j][:, None], dof[i]), block.T)
    return out


def _to_port(mass: FloatArray, dof: IntArray, n_free: int) -> FloatArray:
    """Integral of (u - V)(v - W) over the part of the interface that `mass` covers."""
    out = np.zeros((n_free + 1, n_free + 1))
    np.add.at(out, (dof[:, None], dof), mass)
    weights = mass.sum(axis=1)
    np.add.at(out[:, n_free], dof, -weights)
    np.add.at(out[n_free], dof, -weights)
    out[n_free, n_free] += weights.sum()
    return out


def _on_one_pattern(matrices: dict[str, FloatArray]) -> dict[str, csr_array]:
    """All entries of dense matrices, zeros included, so that all share one pattern."""
    n = len(next(iter(matrices.values())))
    indices, indptr = np.tile(np.arange(n, dtype=np.int32), n), np.arange(0, n * n + 1, n, dtype=np.int32)
    out: dict[str, csr_array] = {}
    for name, matrix in matrices.items():
        out[name] = csr_array((matrix.ravel(), indices, indptr), shape=(n, n))
        indices, indptr = out[name].indices, out[name].indptr
    return out
