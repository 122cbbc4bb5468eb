"""Flux tubes and strips: high-order elements, rings around the rims."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from aspot.discretise.backend import (
    Backend,
    Discrete,
    interface_impedances,
    named_layers,
    region_admittivities,
    resistivities,
    terms,
)
from aspot.fem import dual
from aspot.fem import profile as profile_fem
from aspot.fem.gap_heights import gap_heights
from aspot.fem.problem import Problem
from aspot.field import Cut, Field
from aspot.interface import InterfaceProblem
from aspot.mesh import profile as profile_mesh
from aspot.morphology.unit_cell import ProfileCell

_ORDERS = (3, 4, 5, 6, 7, 8, 10, 12)


def _profile_mesh(interface: InterfaceProblem, level: int) -> profile_mesh.ProfileMesh:
    assert isinstance(interface.cell, ProfileCell)
    return profile_mesh.build(
        interface.cell,
        depth=interface.depth_m,
        layers=named_layers(interface),
        rings=_ORDERS[level],
        ratio=0.15,
        growth=3.5,
    )


def _discretise_profile(interface: InterfaceProblem, level: int) -> Discrete:
    assert isinstance(interface.cell, ProfileCell)
    assembly = profile_fem.assemble(
        _profile_mesh(interface, level),
        _ORDERS[level],
        ideal_contact=interface.contact is None,
        ideal_counter=interface.counter is None,
        heights=gap_heights(interface.cell, interface.gap),
    )
    problem = Problem(terms(interface, assembly.matrices), assembly.area, interface.temperature_K)
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


def _profile_dual_impedance(discrete: Discrete, omega: float, is_cut: bool, _: NDArray[np.complex128]) -> complex:
    interface, assembly = discrete.interface, discrete.assembly
    assert isinstance(assembly, profile_fem.ProfileAssembly) and isinstance(interface.cell, ProfileCell)
    names = assembly.mesh.region_names
    given = interface_impedances(interface, omega)
    z = dual.impedance(
        assembly.mesh,
        assembly.order,
        resistivity=dict(zip(names, resistivities(interface, names, omega), strict=True)),
        contact_impedance=given["contact"] or 0.0,
        gap_impedance=given["gap"],
        counter_impedance=given["counter"] or 0.0,
        is_cut=is_cut,
        heights=gap_heights(interface.cell, interface.gap),
    )
    return z * discrete.problem.area_m2


PROFILE = Backend(
    name="axisymmetric",
    n_levels=len(_ORDERS),
    # The error falls at least fivefold per level, but by no fixed power: the change is the error of the coarser level.
    extrapolation=lambda level: (0.0, 1.0),
    usual_level=lambda _, tolerance: math.ceil(-2.0 - math.log10(tolerance) - 1e-9),
    accepts=lambda cell: isinstance(cell, ProfileCell),
    discretise=_discretise_profile,
    unknowns=_profile_unknowns,
    # Element matrices of order 12 take 230 kB each; the factors are smaller.
    memory_bytes=lambda n: 2.0e4 * n,
    dual_impedance=_profile_dual_impedance,
    field=_profile_field,
)
