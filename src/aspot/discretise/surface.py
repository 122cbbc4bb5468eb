"""Periodic arrays under a flat interface: high-order elements on the contact plane, the depth exact."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aspot.discretise import slab
from aspot.discretise.backend import (
    Backend,
    Discrete,
    interface_impedances,
    named_layers,
    region_admittivities,
    region_names,
    resistivities,
    terms,
)
from aspot.fem import surface as surface_fem
from aspot.fem import surface_dual
from aspot.fem.problem import Problem
from aspot.field import Cut, Field
from aspot.interface import InterfaceProblem
from aspot.mesh import surface as surface_mesh
from aspot.morphology.unit_cell import BoxCell, contacts_on_front

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

#: Order along the rays, order across, rings: by level.
_LEVELS = ((3, 2, 2), (4, 3, 3), (5, 4, 4), (6, 5, 5), (7, 6, 6), (9, 7, 7))

#: Cells into which a patch is cut along the rays and across, to show a field.
_SHOWN = (6, 3)
#: Distance from the ends of a patch at which slopes are taken, as at a rim they are infinite.
_INSIDE = 0.02


def _mesh(interface: InterfaceProblem, level: int) -> surface_mesh.SurfaceMesh:
    assert isinstance(interface.cell, BoxCell)
    return surface_mesh.build(interface.cell, rings=_LEVELS[level][2])


def _discretise(interface: InterfaceProblem, level: int) -> Discrete:
    mesh = _mesh(interface, level)
    assembly = surface_fem.assemble(
        mesh,
        _LEVELS[level][:2],
        depth_m=interface.depth_m,
        layers=named_layers(interface),
        ideal_contact=interface.contact is None,
        counter_law=interface.counter is not None,
    )
    area = mesh.area * mesh.unit_m**2
    return Discrete(interface, Problem(terms(interface, assembly.matrices), area, interface.temperature_K), assembly)


def _unknowns(interface: InterfaceProblem, level: int) -> float:
    mesh, (order_r, order_t, _) = _mesh(interface, level), _LEVELS[level]
    nodes = sum(len(fan) * len(fan[0]) * order_r * order_t + len(fan[0]) * order_r for fan in mesh.fans)
    return float(nodes * (1 + len(interface.layers) + (interface.counter is not None)))


def _dual_impedance(discrete: Discrete, omega: float, is_cut: bool, _: NDArray[np.complex128]) -> complex:
    interface, assembly = discrete.interface, discrete.assembly
    assert isinstance(assembly, surface_fem.SurfaceAssembly)
    *upper, electrolyte = resistivities(interface, region_names(interface), omega)
    given = interface_impedances(interface, omega)
    z = surface_dual.impedance(
        assembly.mesh,
        (assembly.orders[0] - 1, assembly.orders[1]),
        depth_m=interface.depth_m,
        resistivity=electrolyte,
        layers=[(layer.thickness_m, rho) for layer, rho in zip(interface.layers, upper, strict=True)],
        contact_impedance=given["contact"] or 0.0,
        gap_impedance=given["gap"],
        counter_impedance=given["counter"] or 0.0,
        is_cut=is_cut,
    )
    return z * discrete.problem.area_m2


def _sampled(
    assembly: surface_fem.SurfaceAssembly, x: ComplexArray
) -> tuple[list[FloatArray], list[ComplexArray], list[ComplexArray]]:
    """Depths of every slab, and potentials and their slopes in z at the nodes of the plane, (depths, n) each."""
    plane = assembly.plane
    k, shapes = plane.modes
    faces = assembly.face_potentials(x) @ shapes
    to_nodes = np.linalg.solve(plane.mass, shapes).T
    sizes = [patch.part[1] - patch.part[0] for patch, _ in plane.numbering.elements]
    smallest = 0.1 * min(sizes)
    depths, potentials, slopes = [], [], []
    for s, thickness in enumerate(assembly.thickness):
        depth = slab.depths(thickness, smallest, is_layer=s + 1 < len(assembly.thickness))
        modal, modal_slope = slab.profiles(k, depth, thickness, faces[s], faces[s + 1])
        depths.append(depth)
        potentials.append(modal @ to_nodes)
        slopes.append(modal_slope @ to_nodes)
    return depths, potentials, slopes


def _field(discrete: Discrete, x: ComplexArray, omega: float, drop: complex) -> Field:
    interface, assembly = discrete.interface, discrete.assembly
    assert isinstance(assembly, surface_fem.SurfaceAssembly) and isinstance(interface.cell, BoxCell)
    names = region_names(interface)
    kappa = region_admittivities(interface, names, omega)
    depths, potentials, slopes = _sampled(assembly, x)
    unit = assembly.mesh.unit_m
    top = np.concatenate([[0.0], np.cumsum(assembly.thickness)])
    points, cells, regions, potential, current = [], [], [], [], []
    front: list[list[tuple[FloatArray, ComplexArray, ComplexArray]]] = []
    first = 0
    for s, depth in enumerate(depths):
        on_front = []
        for patch, nodes in assembly.plane.numbering.elements:
            shown = _Shown(patch, assembly.orders)
            down = shown.values(slopes[s][:, nodes])
            gradient = np.concatenate([shown.lateral(potentials[s][:, nodes]), down[..., None]], -1)
            flow = -drop * kappa[s] * gradient / unit
            value = 1.0 - drop * (1.0 - shown.values(potentials[s][:, nodes]))
            xy, grid = shown.points, shown.points.shape[:2]
            z = np.broadcast_to((top[s] + depth)[:, None, None], value.shape)
            xyz = np.stack([*np.broadcast_arrays(xy[..., 0], xy[..., 1], z)], -1)
            points.append(xyz.reshape(-1, 3))
            potential.append(value.ravel())
            current.append(flow.reshape(-1, 3))
            block = slab.hexahedra(len(depth), *grid)
            cells.append(first + block)
            regions.append(np.full(len(block), s))
            first += value.size
            if patch.theta[0] == 0.0 and not patch.turned:
                on_front.append((xyz[:, :, 0, :][..., [0, 2]], value[:, :, 0], flow[:, :, 0][..., [0, 2]]))
        front.append(on_front)
    copies = _copies(assembly.mesh)
    return Field(
        frequency_Hz=omega / (2.0 * np.pi),
        points_m=unit * np.concatenate([_turned(np.concatenate(points), c, is_place=True) for c in copies]),
        cells=np.concatenate(
            [i * first + (block if c.orientation > 0 else block[:, [0, 3, 2, 1, 4, 7, 6, 5]])
             for i, c in enumerate(copies) for block in [np.concatenate(cells)]]
        ),
        cell_type="hexahedron",
        potential_V=np.tile(np.concatenate(potential), len(copies)),
        current_density_A_m2=np.concatenate([_turned(np.concatenate(current), c, is_place=False) for c in copies]),
        regions=names,
        cell_region=np.tile(np.concatenate(regions), len(copies)),
        cut=_cut(front, interface, unit),
    )  # fmt: skip


class _Shown:
    """A patch at the corners of the cells that show a field."""

    def __init__(self, patch: surface_mesh.Patch, orders: tuple[int, int]) -> None:
        u, v = (np.linspace(0.0, 1.0, n + 1) for n in _SHOWN)
        self.points = self._mapped(patch, u, v)[0]
        self._radial = surface_fem.nodal_basis(orders[0], u, patch.root)[0]
        self._angular = surface_fem.nodal_basis(orders[1], v, None)
        inside = u if patch.root is None else np.clip(u, _INSIDE, 1.0 - _INSIDE)
        self._inverse = np.linalg.inv(self._mapped(patch, inside, v)[1])
        self._inside = surface_fem.nodal_basis(orders[0], inside, patch.root)

    @staticmethod
    def _mapped(patch: surface_mesh.Patch, u: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray]:
        x, jacobian = patch.map(*(w.ravel() for w in np.meshgrid(u, v, indexing="ij")))
        return x.reshape(len(u), len(v), 2), jacobian.reshape(len(u), len(v), 2, 2)

    def values(self, nodal: ComplexArray) -> ComplexArray:
        """Values (depths, a, b) of potentials given at the nodes (depths, i, j)."""
        return _product(self._radial, self._angular[0], nodal)

    def lateral(self, nodal: ComplexArray) -> ComplexArray:
        """Gradients (depths, a, b, 2) on the plane."""
        along = _product(self._inside[1], self._angular[0], nodal)
        across = _product(self._inside[0], self._angular[1], nodal)
        return np.asarray(np.einsum("zabk,abkd->zabd", np.stack([along, across], -1), self._inverse))


def _product(a: FloatArray, b: FloatArray, nodal: ComplexArray) -> ComplexArray:
    return np.asarray(np.einsum("ai,bj,zij->zab", a, b, nodal, optimize=True))


@dataclass(frozen=True)
class _Copy:
    """Image of a wedge: reflected (orientation -1: y to -y), turned around z, then moved."""

    angle: float
    orientation: int
    centre: tuple[float, float] = (0.0, 0.0)


def _copies(mesh: surface_mesh.SurfaceMesh) -> list[_Copy]:
    """Copies that fill the rectangle of the unit cell."""
    if mesh.wedge is None:
        return [_Copy(0.0, 1)]
    angle = 2.0 * mesh.wedge
    around = [_Copy(0.0, 1), _Copy(angle, -1), _Copy(angle, 1)][: round(0.5 * np.pi / mesh.wedge)]
    if mesh.opposite is None:
        return around
    return around + [_Copy(c.angle + np.pi, c.orientation, mesh.opposite) for c in around]


def _turned(vectors: NDArray[np.inexact], copy: _Copy, *, is_place: bool) -> NDArray[np.inexact]:
    c, s = np.cos(copy.angle), np.sin(copy.angle)
    x, y = vectors[:, 0], copy.orientation * vectors[:, 1]
    move = copy.centre if is_place else (0.0, 0.0)
    return np.stack([c * x - s * y + move[0], s * x + c * y + move[1], vectors[:, 2]], -1)


def _cut(
    front: list[list[tuple[FloatArray, ComplexArray, ComplexArray]]], interface: InterfaceProblem, unit: float
) -> Cut:
    points, triangles, potential, current = [], [], [], []
    first = 0
    for patches in front:
        for xz, value, flow in patches:
            n_z, n_x = value.shape
            triangles.append(first + slab.triangles(n_z, n_x))
            points.append(xz.reshape(-1, 2))
            potential.append(value.ravel())
            current.append(flow.reshape(-1, 2))
            first += value.size
    assert isinstance(interface.cell, BoxCell)
    return Cut(
        points_m=unit * np.concatenate(points),
        triangles=np.concatenate(triangles),
        potential_V=np.concatenate(potential),
        current_density_A_m2=np.concatenate(current),
        contact_m=contacts_on_front(interface.cell),
        lateral="x",
        layers_m=tuple(np.cumsum([layer.thickness_m for layer in interface.layers])),
    )


SURFACE = Backend(
    name="surface",
    n_levels=len(_LEVELS),
    # The error falls at least fivefold per level, by no fixed power: a quarter of the change would do, half is taken.
    extrapolation=lambda level: (0.0, 0.5),
    usual_level=lambda _, tolerance: math.ceil(-2.0 - math.log10(tolerance) - 1e-9),
    accepts=lambda cell: (
        isinstance(cell, BoxCell) and not cell.periodic and cell.gap_profile is None and surface_mesh.accepts(cell)
    ),
    discretise=_discretise,
    unknowns=_unknowns,
    # About ten dense matrices with their indices.
    memory_bytes=lambda n: 200.0 * n**2,
    dual_impedance=_dual_impedance,
    field=_field,
)
