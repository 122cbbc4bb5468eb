"""Effective medium of grains that have no closed form: their polycrystal, solved between two perfect contacts.

The conductance of bulk and boundaries, kappa_bulk K + y_gb J in matrices, is that of a slab of the medium. Projected on
the potentials of a few ratios y_gb d/kappa_bulk and taken apart into its eigenvectors, it becomes the elements of
`aspot.laws.PolycrystalMedium`: good for all frequencies, temperatures and laws, with one mesh.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from aspot.discretise import TETRAHEDRA, Discrete
from aspot.errors import ToleranceError
from aspot.fem.problem import Problem
from aspot.interface import InterfaceProblem, Polycrystal
from aspot.laws import ROOM_TEMPERATURE_K, Activated, Conductor, Law, ResistorCapacitor
from aspot.morphology.grains import Grains
from aspot.morphology.unit_cell import BoxCell
from aspot.reduction import reduce

FloatArray = NDArray[np.float64]

#: Ratios |y_gb d / kappa_bulk| that the basis covers; beyond them grains or boundaries alone are left.
_RATIOS = np.geomspace(1e-5, 1e3, 41)
#: Share of the error that the basis may take.
_BASIS_SHARE = 0.03
#: Directions below this part of the largest are rounding.
_RANK = 1e-13
#: Most tetrahedra of the first mesh. The second and last cuts all its edges in two: a third of the error.
_MOST = 40_000


@dataclass(frozen=True, kw_only=True)
class SolvedGrains:
    """Grains of a box between two perfect contacts, the floor a boundary; solved when first asked.

    Parameters
    ----------
    grains : Grains
    size_x, size_y : float
        Sides of the box [m].
    relative_error : float
        Of the resistance, guaranteed where a boundary has the resistance of a grain; the worst case.
    """

    grains: Grains
    size_x: float
    size_y: float
    relative_error: float

    @property
    def elements(self) -> FloatArray:
        """Rows (c, l, m) of `aspot.laws.PolycrystalMedium`, shape (K, 3).

        Raises
        ------
        ToleranceError
            The error cannot be reached.
        """
        return _solved(self)[1]

    def bounds(self, ratio: float) -> tuple[float, float]:
        """Guaranteed bounds of the direct-current resistance over that of the elements.

        Parameters
        ----------
        ratio : float
            y_gb d / kappa_bulk.
        """
        return _bounds(self, ratio)


def _interface(grains: SolvedGrains, bulk: Law, boundary: Law) -> InterfaceProblem:
    """The box as an interface problem whose counter electrode lies behind the floor."""
    return InterfaceProblem(
        cell=BoxCell(size_x=grains.size_x, size_y=grains.size_y, shapes=(), contact_inside=False),
        depth_m=grains.grains.depth_m,
        electrolyte=bulk,
        counter=boundary,
        polycrystal=Polycrystal(grains=grains.grains, grain=bulk, boundary=boundary),
        temperature_K=ROOM_TEMPERATURE_K,
        backend="tetrahedra",
    )


def _equal(grains: SolvedGrains, ratio: float) -> InterfaceProblem:
    """With a bulk of 1 S/m and boundaries of y_gb d = ratio."""
    boundary = ResistorCapacitor(conductance=Activated(value=ratio / grains.grains.size_m), name="grain_boundaries")
    return _interface(grains, Conductor(conductivity=Activated(value=1.0), permittivity=0.0), boundary)


def _pair(discrete: Discrete) -> tuple[float, float]:
    """Direct-current resistance by the potential and by the current [ohm m2]: lower and upper bound."""
    x = discrete.problem.solve(0.0)
    low = discrete.problem.area_m2 / float(np.real(discrete.problem.admittance(x, 0.0)))
    assert TETRAHEDRA.dual_impedance is not None
    high = TETRAHEDRA.dual_impedance(discrete, 0.0, False, x)
    return low, max(float(np.real(high)), low)


@lru_cache(maxsize=4)
def _solved(grains: SolvedGrains) -> tuple[Discrete, FloatArray]:
    from aspot.discretise.tetrahedra import discretised_to

    interface = _equal(grains, 1.0)
    wanted, low, high = 2.0 * grains.relative_error, 1.0, np.inf
    for subdivisions in (1, 2):
        discrete = discretised_to(interface, wanted * subdivisions**1.5, _MOST, subdivisions)
        low, high = _pair(discrete)
        if high / low - 1.0 <= wanted:
            elements = _elements(discrete, grains.grains.size_m, _BASIS_SHARE * wanted)
            # Half the distance of the bounds, in a form that leaves grains alone and boundaries alone as they are.
            half = np.array([[0.5 * (high - low) / interface.depth_m, 0.5, 0.5]])
            return discrete, np.concatenate([elements, half])
    raise ToleranceError(
        f"numerics.relative_tolerance: the resistance of the meshed grains is known to {0.5 * (high / low - 1.0):.1e} "
        f"only, {grains.relative_error:.1e} would be needed; allow more"
    )


@lru_cache(maxsize=64)
def _bounds(grains: SolvedGrains, ratio: float) -> tuple[float, float]:
    discrete, elements = _solved(grains)
    interface = _equal(grains, ratio)
    crystal = interface.polycrystal
    assert crystal is not None and interface.counter is not None and isinstance(discrete.problem, Problem)
    laws = {"grains": crystal.grain, "grain_boundaries": crystal.boundary, "counter": interface.counter}
    low, high = _pair(
        replace(discrete, interface=interface, problem=discrete.problem.with_laws(laws, interface.temperature_K))
    )
    c, bulk, boundary = elements.T
    known = interface.depth_m * float(np.sum(c / (bulk + boundary * ratio)))
    return min(low / known, 1.0), max(high / known, 1.0)


def _elements(discrete: Discrete, size_m: float, tolerance: float) -> FloatArray:
    """Elements of the slab, for 1 S/m and y d = 1 S/m."""
    problem = discrete.problem
    names = [term.name for term in problem.terms]
    bulk = Conductor(conductivity=Activated(value=1.0), permittivity=0.0)
    # A boundary that is a capacitor makes the frequency the ratio, along the imaginary axis: all others lie between
    # that and its mirror image, where the impedance varies less.
    tiny = Activated(value=1e-3 * float(_RATIOS[0]) / size_m)
    wall = ResistorCapacitor(conductance=tiny, cpe_prefactor=1.0 / size_m, name="grain_boundaries")
    swept = problem.with_laws({"grains": bulk, "grain_boundaries": wall, "counter": wall}, ROOM_TEMPERATURE_K)
    found = reduce(swept, _RATIOS, tolerance=tolerance, direct_current=False)
    # Without boundaries the potential is linear: exact, and the end of the range.
    straight = _linear(discrete)
    inner = np.column_stack([found.basis[:, 0] - straight, found.basis[:, 1:]])
    basis = np.column_stack([straight, inner])
    images = np.stack([problem.images(np.ascontiguousarray(column)) for column in basis.T], axis=-1)
    grain, walls = np.zeros((2, basis.shape[1], basis.shape[1]))
    for name, image in zip(names, images, strict=True):
        if name == "grains":
            grain += basis.T @ image
        else:
            walls += basis.T @ image / size_m
    # Directions without the port, orthonormal.
    total = grain + walls
    values, vectors = eigh(total[1:, 1:] / _outer(total))
    kept = values > _RANK * values[-1]
    change = np.zeros((len(total), 1 + int(kept.sum())))
    change[0, 0] = 1.0
    scale = 1.0 / np.sqrt(np.diag(total)[1:])
    change[1:, 1:] = scale[:, None] * vectors[:, kept] / np.sqrt(values[kept])
    grain, total = (change.T @ m @ change for m in (grain, total))
    of_bulk, modes = eigh(grain, total)
    of_bulk = np.clip(of_bulk, 0.0, 1.0)
    c = modes[0] ** 2 * problem.area_m2 / discrete.interface.depth_m
    used = c > 1e-14 * c.sum()
    return np.column_stack([c, of_bulk, 1.0 - of_bulk])[used]


def _outer(total: FloatArray) -> FloatArray:
    scale = np.sqrt(np.diag(total)[1:])
    return np.asarray(scale[:, None] * scale)


def _linear(discrete: Discrete) -> FloatArray:
    """The potential that falls straight from 1 V at the port to 0, as a vector of the problem."""
    from aspot.fem.tetrahedra import AssembledTetrahedra

    assembly = discrete.assembly
    assert isinstance(assembly, AssembledTetrahedra)
    out = np.empty(assembly.n_unknowns + 1)
    depth = discrete.interface.depth_m / assembly.mesh.unit_m
    known = assembly.dof >= 0
    out[assembly.dof[known]] = 1.0 - assembly.mesh.nodes[known, 2] / depth
    out[-1] = 1.0
    return out
