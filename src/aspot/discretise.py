"""Backends: from the continuous problem of an interface to an affine Problem, at a numbered level of resolution.

A new backend is one `Backend` in `BACKENDS`: which unit cells it accepts, how it discretises them at a level, what
that would cost, and how it turns a solution into a field.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from aspot.fem import dual
from aspot.fem import profile as profile_fem
from aspot.fem.problem import Problem, Role, Term
from aspot.field import Cut, Field
from aspot.interface import InterfaceProblem
from aspot.laws import Law
from aspot.mesh import profile as profile_mesh
from aspot.morphology.unit_cell import BoxCell, ProfileCell, contacts_on_front

if TYPE_CHECKING:
    from aspot.mesh.tetrahedra import MeshSizes


@dataclass(frozen=True)
class Discrete:
    """An interface problem made discrete: the affine problem and the assembly that gives its unknowns a place."""

    interface: InterfaceProblem
    problem: Problem
    assembly: object


@dataclass(frozen=True, kw_only=True)
class Backend:
    """One way to discretise an interface problem.

    Parameters
    ----------
    name : str
    n_levels : int
        Levels 0 .. n_levels - 1, each finer than the one before.
    extrapolation : callable
        level -> (weight, safety): the change of Z from the level before is added once more with this weight; times
        `safety` it is taken as the error of the result.
    accepts : callable
        Whether it can solve a unit cell.
    discretise : callable
        (interface, level) -> Discrete.
    unknowns : callable
        (interface, level) -> estimated number of unknowns.
    memory_bytes : callable
        unknowns -> estimated peak memory of a complex direct solve.
    resistance_bound : callable or None
        (discrete, whether the far face is a cut) -> guaranteed upper bound of the direct-current resistance [ohm m2].
    field : callable
        (discrete, potentials, angular frequency, drop) -> Field. The potentials are for 1 V across the piece; `drop` is
        the complex share of the voltage of the cell that lies across the piece.
    """

    name: str
    n_levels: int
    extrapolation: Callable[[int], tuple[float, float]]
    accepts: Callable[[object], bool]
    discretise: Callable[[InterfaceProblem, int], Discrete]
    unknowns: Callable[[InterfaceProblem, int], float]
    memory_bytes: Callable[[float], float]
    resistance_bound: Callable[[Discrete, bool], float] | None
    field: Callable[[Discrete, NDArray[np.complex128], float, complex], Field]


def _terms(interface: InterfaceProblem, matrices: Mapping[str, csr_array]) -> tuple[Term, ...]:
    """Attach each matrix to its law."""
    laws: dict[str, tuple[Role, Law | None]] = {
        "electrolyte": ("electrolyte", interface.electrolyte),
        "contact": ("contact", interface.contact),
        "gap": ("gap", interface.gap),
        "counter": ("counter", interface.counter),
    }
    laws |= {layer.name: ("layer", layer.law) for layer in interface.layers}
    terms = []
    for name, matrix in matrices.items():
        role, law = laws[name]
        # An insulating gap contributes nothing at any frequency.
        if law is not None:
            terms.append(Term(name=name, role=role, law=law, matrix=matrix))
    return tuple(terms)


def region_admittivities(interface: InterfaceProblem, names: tuple[str, ...], omega: float) -> NDArray[np.complex128]:
    """Admittivity of each named region at an angular frequency, shape (len(names),) [S/m]."""
    laws = {"electrolyte": interface.electrolyte, **{layer.name: layer.law for layer in interface.layers}}
    return np.array([complex(laws[name](np.array([omega]), interface.temperature_K)[0]) for name in names])


def _layers(interface: InterfaceProblem) -> tuple[tuple[str, float], ...]:
    return tuple((layer.name, layer.thickness_m) for layer in interface.layers)


# Flux tubes and strips: high-order elements, rings around the rims --------------------------------------------------

_ORDERS = (3, 4, 5, 6, 7, 8, 10, 12)


def _profile_mesh(interface: InterfaceProblem, level: int) -> profile_mesh.ProfileMesh:
    assert isinstance(interface.cell, ProfileCell)
    return profile_mesh.build(
        interface.cell, depth=interface.depth_m, layers=_layers(interface), rings=_ORDERS[level], ratio=0.15, growth=3.5
    )


def _discretise_profile(interface: InterfaceProblem, level: int) -> Discrete:
    assembly = profile_fem.assemble(
        _profile_mesh(interface, level),
        _ORDERS[level],
        ideal_contact=interface.contact is None,
        ideal_counter=interface.counter is None,
    )
    problem = Problem(_terms(interface, assembly.matrices), assembly.area, interface.temperature_K)
    return Discrete(interface, problem, assembly)


def _profile_unknowns(interface: InterfaceProblem, level: int) -> float:
    # About 2 p - 1 nodes on the edges of each element belong to it alone.
    return len(_profile_mesh(interface, level).quads) * (2.0 * _ORDERS[level] - 1.0)


def _profile_field(discrete: Discrete, x: NDArray[np.complex128], omega: float, drop: complex) -> Field:
    interface, assembly = discrete.interface, discrete.assembly
    assert isinstance(assembly, profile_fem.ProfileAssembly) and isinstance(interface.cell, ProfileCell)
    mesh, p = assembly.mesh, assembly.order
    potentials = assembly.element_potentials(x)
    kappa = region_admittivities(interface, mesh.region_names, omega)[mesh.quad_region]
    current = -drop * kappa[:, None, None, None] * assembly.element_gradients(potentials)
    potential = (1.0 - drop * (1.0 - potentials)).ravel()
    points = assembly.element_points().reshape(-1, 2)
    # Every element is shown as p x p quadrilaterals between its nodes; nodes are not shared, so that the current
    # density may jump between materials.
    corner = np.arange(p * (p + 1)).reshape(p, p + 1)[:, :p].ravel()
    one = np.stack([corner, corner + p + 1, corner + p + 2, corner + 1], -1)
    cells = (one[None] + (np.arange(len(mesh.quads)) * (p + 1) ** 2)[:, None, None]).reshape(-1, 4)
    current = current.reshape(-1, 2)
    ends = (0.0, *interface.cell.edges, interface.cell.outer)
    return Field(
        frequency_Hz=omega / (2.0 * np.pi),
        points_m=np.column_stack([points[:, 0], np.zeros(len(points)), points[:, 1]]),
        cells=cells,
        cell_type="quad",
        potential_V=potential,
        current_density_A_m2=np.column_stack([current[:, 0], np.zeros(len(points)), current[:, 1]]),
        regions=mesh.region_names,
        cell_region=np.repeat(mesh.quad_region, p * p),
        cut=Cut(
            points_m=points,
            triangles=np.concatenate([cells[:, [0, 1, 2]], cells[:, [0, 2, 3]]]),
            potential_V=potential,
            current_density_A_m2=current,
            contact_m=tuple((a, b) for a, b, on in zip(ends[:-1], ends[1:], interface.cell.contact, strict=True) if on),
            lateral="r" if interface.cell.axisymmetric else "x",
            layers_m=tuple(np.cumsum([layer.thickness_m for layer in interface.layers])),
        ),
    )


def _profile_resistance_bound(discrete: Discrete, is_cut: bool) -> float:
    interface, assembly = discrete.interface, discrete.assembly
    assert isinstance(assembly, profile_fem.ProfileAssembly)

    def per_area(law: Law | None) -> float:
        return 0.0 if law is None else float(1.0 / np.real(law(np.zeros(1), interface.temperature_K)[0]))

    names = assembly.mesh.region_names
    resistivity = 1.0 / np.real(region_admittivities(interface, names, 0.0))
    bound = dual.resistance_bound(
        assembly.mesh,
        assembly.order,
        resistivity=dict(zip(names, resistivity, strict=True)),
        contact_resistance=per_area(interface.contact),
        counter_resistance=per_area(interface.counter),
        is_cut=is_cut,
    )
    return bound * discrete.problem.area_m2


PROFILE = Backend(
    name="axisymmetric",
    n_levels=len(_ORDERS),
    # The error falls at least fivefold per level, but by no fixed power: the change is the error of the coarser level.
    extrapolation=lambda level: (0.0, 1.0),
    accepts=lambda cell: isinstance(cell, ProfileCell),
    discretise=_discretise_profile,
    unknowns=_profile_unknowns,
    # Element matrices of order 12 take 230 kB each; the factors are smaller.
    memory_bytes=lambda n: 2.0e4 * n,
    resistance_bound=_profile_resistance_bound,
    field=_profile_field,
)

# Periodic arrays: tetrahedra of order 2, graded into the rims --------------------------------------------------------
# numba and netgen take a second to import: only where they are needed.


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
        layers=_layers(interface),
        order=2,
        **asdict(_tetrahedra_sizes(interface, level)),
    )
    assembly = tetrahedral_fem.assemble(
        mesh, ideal_contact=interface.contact is None, counter_law=interface.counter is not None
    )
    area = interface.cell.size_x * interface.cell.size_y
    problem = Problem(_terms(interface, assembly.matrices), area, interface.temperature_K, solver="multigrid")
    return Discrete(interface, problem, assembly)


def _tetrahedra_unknowns(interface: InterfaceProblem, level: int) -> float:
    from aspot.mesh import tetrahedra as tetrahedral_mesh

    assert isinstance(interface.cell, BoxCell)
    # Order 2 has about 1.37 nodes per tetrahedron.
    return 1.4 * tetrahedral_mesh.estimated_tetrahedra(
        interface.cell, interface.depth_m, _tetrahedra_sizes(interface, level), _layers(interface)
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
    return weight, 0.8 * weight


TETRAHEDRA = Backend(
    name="tetrahedra",
    n_levels=7,
    extrapolation=_tetrahedra_extrapolation,
    accepts=lambda cell: isinstance(cell, BoxCell),
    discretise=_discretise_tetrahedra,
    unknowns=_tetrahedra_unknowns,
    # Pattern, matrices, multigrid hierarchy and basis: measured below 6 kB per unknown.
    memory_bytes=lambda n: 8.0e3 * n,
    resistance_bound=None,
    field=_tetrahedra_field,
)

BACKENDS: dict[str, Backend] = {b.name: b for b in (PROFILE, TETRAHEDRA)}
