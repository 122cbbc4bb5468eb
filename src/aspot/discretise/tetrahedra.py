"""Periodic arrays: tetrahedra of order 2, graded into the rims.

numba and netgen take a second to import: only where they are needed.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from aspot.discretise.backend import Backend, Discrete, named_layers, region_admittivities, terms
from aspot.fem.problem import Problem
from aspot.field import Cut, Field
from aspot.interface import InterfaceProblem
from aspot.morphology.unit_cell import BoxCell, contacts_on_front

if TYPE_CHECKING:
    from aspot.mesh.tetrahedra import MeshSizes


def _tetrahedra_sizes(interface: InterfaceProblem, level: int) -> MeshSizes:
    from aspot.mesh import tetrahedra as tetrahedral_mesh

    assert isinstance(interface.cell, BoxCell)
    return tetrahedral_mesh.recommended_sizes(interface.cell, interface.depth_m, level)


def _discretise_tetrahedra(interface: InterfaceProblem, level: int) -> Discrete:
    from aspot.fem import tetrahedra as tetrahedral_fem
    from aspot.mesh import tetrahedra as tetrahedral_mesh

    assert isinstance(interface.cell, BoxCell)
    mesh = tetrahedral_mesh.build(
        interface.cell,
        depth=interface.depth_m,
        layers=named_layers(interface),
        order=2,
        **asdict(_tetrahedra_sizes(interface, level)),
    )
    assembly = tetrahedral_fem.assemble(
        mesh, ideal_contact=interface.contact is None, counter_law=interface.counter is not None
    )
    area = interface.cell.size_x * interface.cell.size_y
    problem = Problem(terms(interface, assembly.matrices), area, interface.temperature_K, solver="multigrid")
    return Discrete(interface, problem, assembly)


def _tetrahedra_unknowns(interface: InterfaceProblem, level: int) -> float:
    from aspot.mesh import tetrahedra as tetrahedral_mesh

    assert isinstance(interface.cell, BoxCell)
    # Order 2 has about 1.37 nodes per tetrahedron.
    return 1.4 * tetrahedral_mesh.estimated_tetrahedra(
        interface.cell, interface.depth_m, _tetrahedra_sizes(interface, level), named_layers(interface)
    )


def _tetrahedra_field(discrete: Discrete, x: NDArray[np.complex128], omega: float, drop: complex) -> Field:
    from aspot.fem import tetrahedra as tetrahedral_fem

    interface, assembly = discrete.interface, discrete.assembly
    assert isinstance(assembly, tetrahedral_fem.AssembledTetrahedra) and isinstance(interface.cell, BoxCell)
    mesh = assembly.mesh
    potentials = np.asarray(assembly.potential(x), complex)
    kappa = dict(zip(mesh.region_names, region_admittivities(interface, mesh.region_names, omega), strict=True))
    flow = tetrahedral_fem.current_density(mesh, potentials, kappa)
    current = np.asarray(drop * tetrahedral_fem.nodal_mean(mesh, flow), complex)
    potential = np.asarray(1.0 - drop * (1.0 - potentials), complex)
    points = mesh.nodes * mesh.unit_m
    front = mesh.surfaces["front"]
    if mesh.order == 2:
        front = np.concatenate([front[:, k] for k in ([0, 3, 5], [3, 1, 4], [5, 4, 2], [3, 4, 5])])
    shown, triangles = np.unique(front, return_inverse=True)
    return Field(
        frequency_Hz=omega / (2.0 * np.pi),
        points_m=points,
        cells=mesh.cells,
        cell_type="tetra10" if mesh.order == 2 else "tetra",
        potential_V=potential,
        current_density_A_m2=current,
        regions=mesh.region_names,
        cell_region=mesh.cell_region,
        cut=Cut(
            points_m=points[shown][:, [0, 2]],
            triangles=triangles.reshape(front.shape),
            potential_V=potential[shown],
            current_density_A_m2=current[shown][:, [0, 2]],
            contact_m=contacts_on_front(interface.cell),
            lateral="x",
            layers_m=tuple(np.cumsum([layer.thickness_m for layer in interface.layers])),
        ),
    )


def _tetrahedra_extrapolation(level: int) -> tuple[float, float]:
    # All levels cut the same coarse mesh, so that the error falls regularly, as (level + 1)^-p with p measured between
    # 2.1 and 2.4 at rims. Without rim singularities p is larger and the extrapolation too long, by less than it is.
    weight = 1.0 / (((level + 1.0) / level) ** 2.25 - 1.0)
    # Twice the correction: against the surface backend the error has been up to 1.5 times the correction.
    return weight, 2.0 * weight


TETRAHEDRA = Backend(
    name="tetrahedra",
    n_levels=7,
    extrapolation=_tetrahedra_extrapolation,
    accepts=lambda cell: isinstance(cell, BoxCell) and not cell.periodic,
    discretise=_discretise_tetrahedra,
    unknowns=_tetrahedra_unknowns,
    # Pattern, matrices, multigrid hierarchy and basis: measured below 6 kB per unknown.
    memory_bytes=lambda n: 8.0e3 * n,
    dual_impedance=None,
    field=_tetrahedra_field,
)
