"""Label images: potentials on the nodes of the voxels against currents through their faces.

Levels alternate between the two: the network of half resistors (`aspot.fem.voxel_cells`), whose resistance is never too
small, and Q1 elements (`aspot.fem.voxel`), whose is never too large, first on the voxels as they are and then on
halved ones. The true value of the labels lies between two levels that follow each other, and nearly at the same
place: from the elements 0.34 to 0.40 of the way to the network on spheres, overlapping or not, insulating or ten times
worse conducting, and on random voxels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aspot.discretise.backend import Backend, Discrete
from aspot.errors import InputError
from aspot.fem.problem import Role
from aspot.field import Cut, Field
from aspot.interface import InterfaceProblem
from aspot.laws import Law
from aspot.mesh import voxel as voxel_mesh
from aspot.morphology.unit_cell import VoxelCell

#: Whether a level holds potentials at nodes, and into how many each voxel is cut along each axis.
_LEVELS = ((False, 1), (True, 1), (False, 2), (True, 2))
#: Weight of the change of Z since the level before: from elements back to the network, and the other way.
_BACK_TO_NETWORK, _BACK_TO_NODES = -0.36, -0.43
#: The error of the result over that change: about four times what was seen.
_SAFETY = 0.15
#: A network alone gives no lower bound: never the last level.
_NEVER = 1e6
#: Bytes per voxel of a spectrum (phases, a basis of eight, the solver), and per voxel that is shown; measured.
_BYTES, _BYTES_SHOWN = 585.0, 600.0
#: Voxels that a picture or file of a field holds at most.
_SHOWN = 200_000


def role_of(name: str) -> Role:
    """What a phase is booked under: pores polarise as gaps do."""
    roles: dict[str, Role] = {"electrolyte": "electrolyte", "pore": "gap"}
    return roles.get(name, "layer")


def _mesh(interface: InterfaceProblem, subdivision: int) -> voxel_mesh.VoxelMesh:
    cell = interface.cell
    assert isinstance(cell, VoxelCell)
    if interface.layers:
        raise InputError("electrolyte.layers: has no meaning for a tomogram, whose phases are in the image")
    layers = interface.depth_m / cell.voxel_m[0]
    if interface.depth_m < (1.0 - 1e-9) * cell.depth_m:
        raise InputError(
            f"electrolyte.thickness = {interface.depth_m:g} m: the tomogram is {cell.depth_m:g} m deep; crop the image"
        )
    if abs(layers - round(layers)) > 1e-6 * layers:
        raise InputError(
            f"electrolyte.thickness = {interface.depth_m:g} m: below a tomogram that thin it must be a whole number of "
            f"voxels of {cell.voxel_m[0]:g} m"
        )
    missing = [name for name in cell.conductors if name != "electrolyte" and name not in interface.phases]
    if missing:
        raise InputError(f"tomogram: no law for the phases {', '.join(missing)}")
    mesh = voxel_mesh.build(
        cell,
        depth_m=interface.depth_m,
        subdivision=subdivision,
        ideal_contact=interface.contact is None,
        counter_law=interface.counter is not None,
    )
    zero = np.zeros(1)
    laws = interface.laws
    leading = tuple(n for n in mesh.region_names if _value(laws[n], zero, interface.temperature_K) != 0.0)
    voxel_mesh.check_connected(mesh, cell, leading)
    return mesh


def nodes_problem(mesh: voxel_mesh.VoxelMesh, laws: Mapping[str, Law | None], temperature_K: float) -> Any:
    """Q1 elements on a mesh under laws by name."""
    from aspot.fem.voxel import VoxelProblem, VoxelTerm

    roles: dict[str, Role] = {"contact": "contact", "gap": "gap", "counter": "counter"}
    names = [*mesh.region_names, *mesh.faces]
    terms = []
    for name in names:
        law = laws.get(name)
        if law is not None:
            terms.append(VoxelTerm(name=name, role=roles.get(name, role_of(name)), law=law))
    return VoxelProblem(mesh, tuple(terms), mesh.area_m2, temperature_K)


def _discretise(interface: InterfaceProblem, level: int) -> Discrete:
    from aspot.fem.voxel_cells import VoxelCellsProblem

    at_nodes, subdivision = _LEVELS[level]
    mesh, laws = _mesh(interface, subdivision), interface.laws
    if not at_nodes:
        return Discrete(interface, VoxelCellsProblem(mesh, laws, mesh.area_m2, interface.temperature_K), mesh)
    return Discrete(interface, nodes_problem(mesh, laws, interface.temperature_K), mesh)


def _unknowns(interface: InterfaceProblem, level: int) -> float:
    cell = interface.cell
    assert isinstance(cell, VoxelCell)
    depth = max(interface.depth_m, cell.depth_m) / cell.depth_m
    return float(cell.labels.size * depth * _LEVELS[level][1] ** 3)


def _dual_impedance(
    discrete: Discrete, omega: float, is_cut: bool, start: NDArray[np.complex128] | None = None
) -> complex:
    """Impedance by the currents of the network [ohm m2]."""
    del is_cut, start  # the far face is at one potential in both
    from aspot.fem.voxel_cells import VoxelCellsProblem

    mesh, interface = discrete.assembly, discrete.interface
    assert isinstance(mesh, voxel_mesh.VoxelMesh)
    network = VoxelCellsProblem(mesh, interface.laws, mesh.area_m2, interface.temperature_K)
    return network.impedance_by_current(network.solve(omega), omega) * discrete.problem.area_m2


def _extrapolation(level: int) -> tuple[float, float]:
    if _LEVELS[level][0]:
        return _BACK_TO_NETWORK, _SAFETY
    return _BACK_TO_NODES, _NEVER


def _field(discrete: Discrete, x: NDArray[np.complex128], omega: float, drop: complex) -> Field:
    """On the voxels, or, of large images, on every second, third, ... node."""
    from aspot.fem.voxel import VoxelProblem

    mesh, interface, problem = discrete.assembly, discrete.interface, discrete.problem
    assert isinstance(mesh, voxel_mesh.VoxelMesh) and isinstance(problem, VoxelProblem)
    potential = problem.on_grid(x).astype(complex)
    step = max(1, math.ceil((mesh.region.size / _SHOWN) ** (1 / 3)))
    region = mesh.region[::step, ::step, ::step]
    region = region[tuple(slice(0, (n - 1) // step) for n in potential.shape)]
    potential = potential[::step, ::step, ::step]
    h = [step * v for v in mesh.voxel_m]
    names = mesh.region_names
    at = np.array([omega])
    laws = interface.laws
    kappa = np.array([complex(_value(laws[name], at, interface.temperature_K)) for name in names])
    place = np.argwhere(region < len(names))
    corners = np.array([(0, 0, 0), (0, 0, 1), (0, 1, 1), (0, 1, 0), (1, 0, 0), (1, 0, 1), (1, 1, 1), (1, 1, 0)])
    grid = np.arange(potential.size).reshape(potential.shape)
    cells = np.stack([grid[tuple((place + c).T)] for c in corners], axis=1)
    of_cell = region[tuple(place.T)].astype(np.int64)
    v = potential.ravel()[cells]
    slope = np.empty((len(cells), 3), complex)
    sides = corners[:, ::-1]
    for axis in range(3):
        high, low = sides[:, axis] == 1, sides[:, axis] == 0
        slope[:, axis] = (v[:, high].mean(axis=1) - v[:, low].mean(axis=1)) / h[2 - axis]
    flow = -drop * kappa[of_cell][:, None] * slope
    used, numbered = np.unique(cells, return_inverse=True)
    numbered = numbered.reshape(cells.shape)
    count = np.bincount(numbered.ravel(), minlength=len(used))
    current = np.empty((len(used), 3), complex)
    for axis in range(3):
        total = [np.bincount(numbered.ravel(), np.repeat(part, 8)) for part in (flow[:, axis].real, flow[:, axis].imag)]
        current[:, axis] = (total[0] + 1j * total[1]) / count
    k, j, i = np.unravel_index(used, potential.shape)
    points = np.stack([i * h[2], j * h[1], k * h[0]], axis=1)
    values = 1.0 - drop * (1.0 - potential.ravel()[used])
    return Field(
        frequency_Hz=omega / (2.0 * np.pi),
        points_m=points,
        cells=numbered,
        cell_type="hexahedron",
        potential_V=values,
        current_density_A_m2=current,
        regions=names,
        cell_region=of_cell,
        cut=_cut(points, numbered[place[:, 1] == 0], values, current, mesh),
    )


def _value(law: Law | None, at: NDArray[np.float64], temperature_K: float) -> complex:
    return 0.0 if law is None else complex(law(at, temperature_K)[0])


def _cut(
    points: NDArray[np.float64],
    cells: NDArray[np.int64],
    potential: NDArray[np.complex128],
    current: NDArray[np.complex128],
    mesh: voxel_mesh.VoxelMesh,
) -> Cut | None:
    """The front face y = 0."""
    if len(cells) == 0:
        return None
    quads = cells[:, [0, 1, 5, 4]]
    shown, triangles = np.unique(np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]), return_inverse=True)
    front = mesh.is_metal[0, 0] | ((mesh.region[0, 0] < len(mesh.region_names)) & mesh.plate)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], front.astype(int), [0]]))) * mesh.voxel_m[2]
    return Cut(
        points_m=points[shown][:, [0, 2]],
        triangles=triangles.reshape(-1, 3),
        potential_V=potential[shown],
        current_density_A_m2=current[shown][:, [0, 2]],
        contact_m=tuple((float(a), float(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)),
        lateral="x",
        is_mirrored=False,
    )


VOXEL = Backend(
    name="voxel",
    n_levels=len(_LEVELS),
    extrapolation=_extrapolation,
    usual_level=lambda _, tolerance: 1 if tolerance > 1e-3 else 3,
    accepts=lambda cell: isinstance(cell, VoxelCell),
    discretise=_discretise,
    unknowns=_unknowns,
    memory_bytes=lambda n: _BYTES * n + _BYTES_SHOWN * min(n, _SHOWN),
    process_bytes=3.4e8,
    dual_impedance=_dual_impedance,
    field=_field,
)
