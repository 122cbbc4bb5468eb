"""Slow twins of the kernels: the weak forms as mathematics, assembled by scikit-fem. For tests and benchmarks only.

Every function returns the matrix over all nodes of the mesh, or, with `dof`, over the rows of the affine problem.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from skfem import (
    Basis,
    BilinearForm,
    ElementTetP1,
    ElementTetP2,
    ElementTriP1,
    ElementTriP2,
    MeshTet,
    MeshTet2,
    MeshTri,
    MeshTri2,
)
from skfem.helpers import dot, grad, mul

from aspot.fem.kernels import quadrature
from aspot.mesh.tetmesh import TetrahedralMesh

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@BilinearForm
def dissipation(u, v, w):  # type: ignore[no-untyped-def]
    """Int T grad u . grad v dx."""
    return dot(mul(w.tensor, grad(u)), grad(v))


@BilinearForm
def exchange(u, v, _):  # type: ignore[no-untyped-def]
    """Int u v ds."""
    return u * v


def skfem_mesh(mesh: TetrahedralMesh) -> MeshTet:
    """The same mesh for scikit-fem, isoparametric if it has 10 nodes per cell."""
    kind = MeshTet if mesh.order == 1 else MeshTet2
    return kind(mesh.nodes.T.copy(), mesh.cells.T.copy())


def _over_nodes(matrix: csr_array, element_dofs: IntArray, elements: IntArray, n_nodes: int) -> csr_array:
    """Matrix over our nodes from one over scikit-fem's unknowns, given both numbers of the nodes of each element."""
    n = matrix.shape[0]
    node = np.zeros(n, dtype=np.int64)  # unknowns of no element have empty rows
    node[element_dofs] = elements.T
    to_node = csr_array((np.ones(n), (np.arange(n), node)), shape=(n, n_nodes))
    return csr_array(to_node.T @ csr_array(matrix) @ to_node)


def stiffness(
    mesh: TetrahedralMesh, region: int, coefficient: float | FloatArray = 1.0, *, n_points: int | None = None
) -> csr_array:
    """Int grad u . T grad v over a region; `n_points`: as in the kernel, else exact on straight cells."""
    rule = None if n_points is None else (quadrature(3, n_points)[0].T, quadrature(3, n_points)[1])
    inside = mesh.cell_region == region
    basis = Basis(
        skfem_mesh(mesh),
        ElementTetP1() if mesh.order == 1 else ElementTetP2(),
        elements=np.flatnonzero(inside),
        intorder=4,
        quadrature=rule,
    )
    tensor = coefficient * np.eye(3) if np.ndim(coefficient) == 0 else np.asarray(coefficient)
    matrix = dissipation.assemble(basis, tensor=tensor[:, :, None, None])
    return _over_nodes(matrix, basis.element_dofs, mesh.cells[inside], len(mesh.nodes))


def mass(mesh: TetrahedralMesh, facets: IntArray) -> csr_array:
    """Int u v over facets in a plane z = const, given by their nodes, as a mesh of triangles of its own."""
    nodes, t = np.unique(facets, return_inverse=True)
    t = t.reshape(facets.shape).T
    plane = mesh.nodes[nodes, :2].T.copy()
    twin = MeshTri(plane, t, sort_t=False) if mesh.order == 1 else MeshTri2(plane, t)
    basis = Basis(twin, ElementTriP1() if mesh.order == 1 else ElementTriP2(), intorder=2 if mesh.order == 1 else 6)
    return _over_nodes(exchange.assemble(basis), basis.element_dofs, facets, len(mesh.nodes))


def values_at_nodes(dof: IntArray, n: int) -> csr_array:
    """Potentials of nodes from the rows of the problem: zero where grounded."""
    nodes = np.flatnonzero(dof >= 0)
    return csr_array((np.ones(len(nodes)), (nodes, dof[nodes])), shape=(len(dof), n))


def on_rows(matrix: csr_array, dof: IntArray, n: int) -> csr_array:
    """A matrix over nodes as one over the n rows of the problem."""
    to_nodes = values_at_nodes(dof, n)
    return csr_array(to_nodes.T @ matrix @ to_nodes)


def surface_coupling(mesh: TetrahedralMesh, facets: IntArray, dof: IntArray, n: int, port: int) -> csr_array:
    """Int (u - V)(v - W) ds between a surface and the port."""
    nodes = np.unique(facets)
    port_potential = csr_array((np.ones(len(nodes)), (nodes, np.full(len(nodes), port))), shape=(len(dof), n))
    jump = values_at_nodes(dof, n) - port_potential
    return csr_array(jump.T @ mass(mesh, facets) @ jump)


def jump_coupling(mesh: TetrahedralMesh, upper: IntArray, lower: IntArray, dof: IntArray, n: int) -> csr_array:
    """Int (u+ - u-)(v+ - v-) ds between the two sides of an inner interface."""
    up, first = np.unique(upper, return_index=True)
    opposite = csr_array((np.ones(len(up)), (up, lower.ravel()[first])), shape=(len(dof), len(dof)))
    above = csr_array((np.ones(len(up)), (up, up)), shape=(len(dof), len(dof)))
    jump = (above - opposite) @ values_at_nodes(dof, n)
    return csr_array(jump.T @ mass(mesh, upper) @ jump)
