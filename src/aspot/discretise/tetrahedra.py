"""Shapes of any kind on box cells: tetrahedra of order 2, refined where bounds of the resistance are apart.

numba and netgen take a second to import: only where they are needed.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aspot.discretise.backend import (
    Backend,
    Discrete,
    named_layers,
    region_admittivities,
    region_names,
    resistivities,
    terms,
)
from aspot.errors import ConvergenceError, InputError
from aspot.fem.problem import Problem
from aspot.field import Cut, Field
from aspot.interface import InterfaceProblem, slowest_wave_number
from aspot.morphology.grains import Grains
from aspot.morphology.unit_cell import BoxCell, contacts_on_front

if TYPE_CHECKING:
    from aspot.fem.tetrahedra import AssembledTetrahedra
    from aspot.fem.tetrahedra_dual import CurrentField
    from aspot.mesh.netgen import MeshSizes
    from aspot.mesh.tetmesh import TetrahedralMesh


#: Distance of the two bounds of the resistance, over it, that the mesh of each pair of levels is refined for, and the
#: most tetrahedra it may take. The second level of a pair cuts every edge of that mesh in two, for a quarter of it.
_PAIRS = ((3e-2, 4_000), (8e-3, 15_000), (2e-3, 50_000), (5e-4, 150_000))
#: A mesh is made for a part of the distance that the one before had, and at most this often.
_STEP, _MOST_MESHES = 0.2, 8


@dataclass(frozen=True)
class _Refined:
    """A mesh refined for an interface, what it reached, and once solved the errors of its cells, and those at rims."""

    sizes: MeshSizes
    gap: float
    tetrahedra: int
    errors: tuple[TetrahedralMesh, NDArray[np.float64], NDArray[np.bool_]] | None = None


def _assembled(interface: InterfaceProblem, sizes: MeshSizes) -> tuple[AssembledTetrahedra, Problem]:
    from aspot.fem import tetrahedra as tetrahedral_fem
    from aspot.mesh import tetrahedra as tetrahedral_mesh

    assert isinstance(interface.cell, BoxCell)
    if interface.polycrystal is None:
        mesh = tetrahedral_mesh.build(
            interface.cell, depth=interface.depth_m, layers=named_layers(interface), order=2, **asdict(sizes)
        )
    else:
        mesh = _grains_meshed(interface, interface.cell, interface.polycrystal.grains, sizes)
    assembly = tetrahedral_fem.assemble(
        mesh, ideal_contact=interface.contact is None, counter_law=interface.counter is not None
    )
    area = interface.cell.size_x * interface.cell.size_y
    problem = Problem(terms(interface, assembly.matrices), area, interface.temperature_K, solver="multigrid")
    return assembly, problem


def _grains_meshed(interface: InterfaceProblem, cell: BoxCell, grains: Grains, sizes: MeshSizes) -> TetrahedralMesh:
    from aspot.mesh import grains as grain_mesh

    if interface.layers:
        names = [layer.name for layer in interface.layers]
        raise InputError(f"layers = {names}: there is no mesh of grains under a layer")
    return grain_mesh.build(
        cell,
        grains.walls(cell.size_x, cell.size_y),
        depth=interface.depth_m,
        grain_depth=grains.depth_m,
        grain_size=grains.size_m,
        sizes=sizes,
    )


def _first_sizes(interface: InterfaceProblem) -> MeshSizes:
    from aspot.mesh import tetrahedra as tetrahedral_mesh

    assert isinstance(interface.cell, BoxCell)
    return tetrahedral_mesh.recommended_sizes(interface.cell, interface.depth_m, 0)


def _refined(interface: InterfaceProblem, pair: int) -> _Refined:
    """The mesh of a pair of levels, made once."""
    return _refine(pair, *_PAIRS[pair], **_hashable(interface))


def _hashable(interface: InterfaceProblem) -> dict[str, Any]:
    return {f.name: getattr(interface, f.name) for f in fields(interface) if f.name not in ("phases", "backend")}


@lru_cache(maxsize=8)
def _refine(pair: int, wanted: float, most: int, **given: Any) -> _Refined:
    """Refine until the bounds of the direct-current resistance are as close as wanted, as far as the mesh may grow.

    Every mesh is made anew, with sizes for which the distance of the bounds would be equal in all cells.
    """
    from aspot.mesh.adaptation import wanted_sizes

    interface = InterfaceProblem(**given)
    found = _refined(interface, pair - 1) if pair else _Refined(_first_sizes(interface), np.inf, 0)
    for _ in range(2 * _MOST_MESHES):  # each is solved, then left for the next
        if found.gap <= wanted or found.tetrahedra > most:
            return found
        if found.errors is None:
            assembly, problem = _assembled(interface, found.sizes)
            try:
                field = _current_field(interface, assembly, problem, 0.0, None)
            except ConvergenceError:
                return found  # contrasts beyond rounding: the mesh stays as it is
            gap = np.maximum(field.cell_gap, 0.0)
            errors = assembly.mesh, gap, assembly.currents.at_rim
            found = _Refined(found.sizes, float(gap.sum() / abs(field.impedance)), len(gap), errors)
            continue
        # Also where the pair before ended: no mesh is solved twice.
        mesh, gap, at_rim = found.errors
        target = max(wanted, _STEP * found.gap) / found.gap * float(gap.sum())
        places = wanted_sizes(mesh, gap, target, at_rim)
        found = _Refined(replace(found.sizes, places=places), np.inf, found.tetrahedra)
    return found


def discretised_to(interface: InterfaceProblem, wanted: float, most: int, subdivisions: int = 1) -> Discrete:
    """On a mesh whose bounds of the direct-current resistance are `wanted` apart, or with about `most` tetrahedra.

    Parameters
    ----------
    interface : InterfaceProblem
        In a `BoxCell`.
    wanted : float
        Distance of the bounds over the resistance.
    most : int
    subdivisions : int
        Parts into which every edge of that mesh is cut.
    """
    sizes = replace(_refine(0, wanted, most, **_hashable(interface)).sizes, subdivisions=subdivisions)
    assembly, problem = _assembled(interface, sizes)
    return Discrete(interface, problem, assembly)


def _discretise_tetrahedra(interface: InterfaceProblem, level: int) -> Discrete:
    sizes = replace(_refined(interface, level // 2).sizes, subdivisions=1 + level % 2)
    assembly, problem = _assembled(interface, sizes)
    return Discrete(interface, problem, assembly)


def _current_field(
    interface: InterfaceProblem,
    assembly: AssembledTetrahedra,
    problem: Problem,
    omega: float,
    start: NDArray[np.complex128] | None,
) -> CurrentField:
    """The current field made from the potential at an angular frequency."""
    from aspot.fem import tetrahedra_dual

    x = problem.solve(omega, start=start)
    names = assembly.mesh.region_names
    laws = {"contact": interface.contact, "gap": interface.gap, "counter": interface.counter}
    given = {n: 0.0 if law is None else complex(law(omega, interface.temperature_K)) for n, law in laws.items()}
    if interface.polycrystal is not None:
        given["grain_boundaries"] = complex(interface.polycrystal.boundary(omega, interface.temperature_K))
    kappa = dict(zip(names, region_admittivities(interface, names, omega), strict=True))
    return tetrahedra_dual.equilibrated(assembly.currents, assembly.potential(x), kappa, given)


def _dual_impedance(discrete: Discrete, omega: float, is_cut: bool, start: NDArray[np.complex128]) -> complex:
    from aspot.fem import tetrahedra as tetrahedral_fem
    from aspot.fem import tetrahedra_dual

    interface, assembly = discrete.interface, discrete.assembly
    assert isinstance(assembly, tetrahedral_fem.AssembledTetrahedra)
    assert isinstance(discrete.problem, Problem)
    field = _current_field(interface, assembly, discrete.problem, omega, start)
    z = field.impedance.real if omega == 0.0 else field.impedance
    if is_cut and omega == 0.0:
        resistivity = float(np.real(resistivities(interface, ("electrolyte",), 0.0)[0]))
        z += tetrahedra_dual.uniform_at_cut(assembly.currents, field, resistivity, slowest_wave_number(interface.cell))
    return z * discrete.problem.area_m2


def _tetrahedra_unknowns(interface: InterfaceProblem, level: int) -> float:
    from aspot.mesh import tetrahedra as tetrahedral_mesh

    assert isinstance(interface.cell, BoxCell)
    wanted, most = _PAIRS[level // 2]
    sizes = _first_sizes(interface)
    # Order 2 has about 1.37 nodes per tetrahedron, and more by those on faces, which are there twice at boundaries.
    on_faces = 0.35
    if interface.polycrystal is None:
        first = tetrahedral_mesh.estimated_tetrahedra(interface.cell, interface.depth_m, sizes, named_layers(interface))
    else:
        first, on_faces = _first_of_grains(interface.cell, interface.depth_m, interface.polycrystal.grains, sizes), 0.85
    # The distance of the bounds falls with the number of tetrahedra to the power 0.85; about 0.8 % at first.
    coarse = min(max(first, first * (8e-3 / wanted) ** 1.2) + _at_films(interface, wanted), max(1.4 * most, first))
    found = coarse * (8 if level % 2 else 1)
    return found * (1.37 + on_faces * (first / found) ** (1 / 3))


def _at_films(interface: InterfaceProblem, wanted: float) -> float:
    """Tetrahedra around the rims, as large there as a film is thick if it conducts worse or better than what is below.

    Measured on films of 1/10 to 1/1000 of the radius, contrasts of 1e-2 and 1e-4.
    """
    from aspot.mesh.tetrahedra import rim_length

    if not interface.layers or interface.polycrystal is not None:
        return 0.0
    assert isinstance(interface.cell, BoxCell)
    names = region_names(interface)
    kappa = np.abs(region_admittivities(interface, names, 0.0))
    if not abs(np.log(kappa[0] / kappa[1])) > np.log(3.0):
        return 0.0
    return 25.0 * rim_length(interface.cell) / interface.layers[0].thickness_m * (2.2e-2 / wanted) ** 0.6


@lru_cache(maxsize=16)
def _first_of_grains(cell: BoxCell, depth: float, grains: Grains, sizes: MeshSizes) -> float:
    from aspot.mesh.grains import sizes_of_grains
    from aspot.mesh.size_field import estimated_number

    edges = grains.edges(cell.size_x, cell.size_y)
    return estimated_number(cell, depth, sizes_of_grains(sizes, grains.size_m), edges)


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
    if level % 2 == 0:
        return 0.0, 1e9  # another mesh than that of the level before: their difference says little
    # The error falls with 2^-p, p measured between 2.1 and 2.4 at rims. Without singularities p is larger and the
    # extrapolation too long, by less than it is.
    weight = 1.0 / (2.0**2.25 - 1.0)
    # Twice the correction: against the surface backend the error has been up to 1.5 times the correction.
    return weight, 2.0 * weight


def _first_level(tolerance: float) -> int:
    # The answer lies between the bounds, and their distance falls to a quarter in the second level of a pair.
    enough = [pair for pair, (gap, _) in enumerate(_PAIRS) if gap <= 8.0 * tolerance]
    return 2 * (enough[0] if enough else len(_PAIRS) - 1)


TETRAHEDRA = Backend(
    name="tetrahedra",
    n_levels=2 * len(_PAIRS),
    first_level=_first_level,
    usual_level=lambda _, tolerance: _first_level(tolerance) + 1,
    extrapolation=_tetrahedra_extrapolation,
    accepts=lambda cell: isinstance(cell, BoxCell) and not cell.periodic and cell.gap_profile is None,
    discretise=_discretise_tetrahedra,
    unknowns=_tetrahedra_unknowns,
    # Pattern, matrices, multigrid hierarchy and basis, current fields: measured.
    memory_bytes=lambda n: 7.0e3 * n,
    process_bytes=3.6e8,
    dual_impedance=_dual_impedance,
    field=_tetrahedra_field,
)
