"""From a tetrahedral mesh to the matrices of the affine problem, and from a solution to fields on the mesh.

Rows are the free unknowns in the order of the nodes, and last the port. Grounded nodes have no row, nodes under an
ideal contact share the port's (those of its rim too). One matrix per region, surface and jump interface; all share
one pattern, so that A(omega) = sum_q theta_q A_q is a sum of vectors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from aspot.errors import InputError
from aspot.fem import kernels
from aspot.fem.pattern import GROUND, build
from aspot.fem.tetrahedra_dual import CurrentSpace, current_space
from aspot.memory import available_memory, check_memory
from aspot.mesh.tetmesh import TetrahedralMesh, planar_area, volumes

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class AssembledTetrahedra:
    """Matrices of a tetrahedral problem and the place of its unknowns.

    Parameters
    ----------
    mesh : TetrahedralMesh
    dof : (n_nodes,) int64
        Row of each node; the port's is `n_unknowns`; -1: grounded.
    n_unknowns : int
        Number of free unknowns, without the port.
    matrices : dict of str to csr_array
        By region name [m], surface name and jump name [m2], of shape (n_unknowns + 1, n_unknowns + 1).
    area : float
        Area of contact and gap [m2].
    fixed : tuple of str
        Surfaces whose potential is given: grounded, or an ideal contact.
    """

    mesh: TetrahedralMesh
    dof: IntArray
    n_unknowns: int
    matrices: dict[str, csr_array]
    area: float
    fixed: tuple[str, ...] = ()

    @cached_property
    def currents(self) -> CurrentSpace:
        """Current fields on the same mesh, for bounds (see `aspot.fem.tetrahedra_dual`)."""
        laws = [name for name in self.matrices if name not in self.mesh.region_names]
        return current_space(self.mesh, fixed=self.fixed, laws=laws)

    def potential(self, x: NDArray[np.inexact]) -> NDArray[np.inexact]:
        """Potential of every node [V] from a solution (n_unknowns + 1,)."""
        return np.append(x, 0.0)[self.dof]


def estimate_memory(n_nodes: int, order: int, n_terms: int = 3) -> float:
    """Peak memory of the assembly beyond the mesh [bytes], without any solve.

    Tetrahedral meshes have about 5.8 (order 1) or 0.73 (order 2) cells per node and 15 or 29 entries per row. During
    the pattern's construction each pair of each cell takes 12 bytes; then each entry 12, and 8 more per further term.

    Parameters
    ----------
    n_nodes : int
        Nodes of the mesh (vertices, and for order 2 middles of edges).
    order : int
    n_terms : int
        Number of matrices.
    """
    pairs, entries = (5.8 * 6, 15.0) if order == 1 else (0.73 * 45, 29.0)
    building = 12.0 * pairs + 6.0 * entries + 60.0
    assembling = 4.0 * pairs + (8.0 + 8.0 * n_terms) * entries + 60.0
    return n_nodes * max(building, assembling)


def _numbered(mesh: TetrahedralMesh, grounded: Sequence[str], merged: Sequence[str]) -> tuple[IntArray, int]:
    """Row of every node, and the number of free ones."""
    n_nodes = len(mesh.nodes)
    is_ground, is_port = np.zeros(n_nodes, dtype=bool), np.zeros(n_nodes, dtype=bool)
    for names, flags in ((grounded, is_ground), (merged, is_port)):
        for name in names:
            if name in mesh.surfaces:
                flags[mesh.surfaces[name]] = True
    if (is_ground & is_port).any():
        raise InputError(f"grounded = {tuple(grounded)}: shares nodes with {tuple(merged)}, the port: a short circuit")
    is_free = ~(is_ground | is_port)
    n_free = int(is_free.sum())
    dof = np.full(n_nodes, GROUND, dtype=np.int64)
    dof[is_free] = np.arange(n_free)
    dof[is_port] = n_free
    return dof, n_free


def assemble(
    mesh: TetrahedralMesh,
    *,
    ideal_contact: bool,
    grounded: Sequence[str] = ("counter",),
    port: Sequence[str] = ("contact", "gap"),
    counter_law: bool = False,
    lumped: bool = False,
    tensors: Mapping[str, FloatArray] | None = None,
) -> AssembledTetrahedra:
    """Matrices of all regions, surfaces and jumps of a mesh.

    Weak form of each term: a region int grad u . T grad v dx, a surface at the port int (u - V)(v - W) ds, a surface
    with a law to ground int u v ds, a jump int (u+ - u-)(v+ - v-) ds.

    Parameters
    ----------
    mesh : TetrahedralMesh
    ideal_contact : bool
        Whether the nodes of "contact" are the port itself. Otherwise a matrix "contact" couples them to it.
    grounded : sequence of str
        Surfaces at zero potential.
    port : sequence of str
        Surfaces that face the working electrode. Missing or empty ones are left out.
    counter_law : bool
        The surfaces in `grounded` couple to ground by a law each (a matrix of that name) instead of being grounded.
    lumped : bool
        Order 1 only: a third of each facet's area at each vertex instead of the exact mass.
    tensors : dict of str to (3, 3) float, optional
        T of regions whose law multiplies a constant tensor; default: the unit tensor.

    Returns
    -------
    AssembledTetrahedra

    Raises
    ------
    InputError
        A grounded surface is missing, a name is used twice, port and ground touch, `lumped` with order 2.
    MemoryLimitError
        The estimate exceeds what the machine has available.
    """
    for name in grounded:
        if len(mesh.surfaces.get(name, ())) == 0:
            raise InputError(f"grounded = {tuple(grounded)}: the mesh has no {name!r}, only {sorted(mesh.surfaces)}")
    if lumped and mesh.order == 2:
        raise InputError("lumped = True: only for meshes of order 1")
    coupled = [name for name in port if not (ideal_contact and name == "contact") and len(mesh.surfaces.get(name, ()))]
    to_ground = list(grounded) if counter_law else []
    names = [*mesh.region_names, *coupled, *to_ground, *mesh.jumps]
    if len(set(names)) < len(names):
        raise InputError(f"names of regions, surfaces and jumps must differ, got {names}")
    needed = estimate_memory(len(mesh.nodes), mesh.order, len(names))
    check_memory(needed, available_memory(), f"assembling {len(mesh.nodes)} nodes of order {mesh.order}")

    merged = ("contact",) if ideal_contact and "contact" in port else ()
    dof, n_free = _numbered(mesh, () if counter_law else grounded, merged)
    extra = [(dof[mesh.surfaces[name]].ravel(), np.array([n_free])) for name in coupled]
    extra += [(dof[upper][:, :, None], dof[lower][:, None, :]) for upper, lower in mesh.jumps.values()]
    pattern = build(mesh.cells, dof, n_free + 1, extra)

    def facet_mass(facets: IntArray) -> FloatArray:
        return kernels.facet_mass(mesh, facets, lumped=lumped) * mesh.unit_m**2

    data = {}
    for k, name in enumerate(mesh.region_names):
        tensor = (tensors or {}).get(name)
        data[name] = kernels.stiffness(mesh, pattern, k, mesh.unit_m if tensor is None else mesh.unit_m * tensor)
    for name in (*coupled, *to_ground):
        facets = mesh.surfaces[name]
        other = n_free if name in coupled else GROUND
        data[name] = kernels.surface_coupling(pattern, dof[facets], facet_mass(facets), other)
    for name, (upper, lower) in mesh.jumps.items():
        data[name] = kernels.jump_coupling(pattern, dof[upper], dof[lower], facet_mass(upper))
    area = sum(planar_area(mesh.nodes, mesh.surfaces[name]) for name in port if name in mesh.surfaces)
    return AssembledTetrahedra(
        mesh,
        dof,
        n_free,
        {name: pattern.matrix(values) for name, values in data.items()},
        area * mesh.unit_m**2,
        (*merged, *(() if counter_law else grounded)),
    )


def gradient(mesh: TetrahedralMesh, potential: NDArray[np.inexact]) -> NDArray[np.inexact]:
    """Gradient of the potential at the centroid of every cell.

    Parameters
    ----------
    mesh : TetrahedralMesh
    potential : (n_nodes,) float or complex
        [V]

    Returns
    -------
    (n_cells, 3), of the same kind
        [V/m]
    """
    shape = kernels.shape_functions(np.full((1, 3), 0.25), mesh.order)[1][0]
    jacobian = np.einsum("nki,ka->nai", mesh.nodes[mesh.cells], shape) * mesh.unit_m
    slope = potential[mesh.cells] @ shape
    return np.linalg.solve(jacobian.astype(slope.dtype), slope[:, :, None])[:, :, 0]


def current_density(mesh: TetrahedralMesh, potential: ComplexArray, admittivity: Mapping[str, complex]) -> ComplexArray:
    """Current density -kappa grad phi at the centroid of every cell, (n_cells, 3) [A/m2].

    Parameters
    ----------
    mesh : TetrahedralMesh
    potential : (n_nodes,) complex
        [V]
    admittivity : dict of str to complex
        kappa of every region [S/m].
    """
    kappa = np.array([admittivity[name] for name in mesh.region_names])
    return np.asarray(-kappa[mesh.cell_region][:, None] * gradient(mesh, potential), dtype=complex)


def nodal_mean(mesh: TetrahedralMesh, cell_values: NDArray[np.inexact]) -> NDArray[np.inexact]:
    """Values at nodes (n_nodes, d): means over the cells around, weighted by volume. For pictures."""
    weight = volumes(mesh)
    total = np.zeros((len(mesh.nodes), cell_values.shape[1]), dtype=cell_values.dtype)
    around = np.zeros(len(mesh.nodes))
    for nodes in mesh.cells.T:
        np.add.at(total, nodes, weight[:, None] * cell_values)
        np.add.at(around, nodes, weight)
    return total / around[:, None]
