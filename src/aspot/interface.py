"""One electrode's interface as a continuous problem: geometry and laws together, no mesh yet."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from aspot.laws import Law
from aspot.morphology.grains import Grains
from aspot.morphology.unit_cell import ProfileCell, UnitCell, VoxelCell

_FIRST_BESSEL_J1_ZERO = 3.8317059702075125


@dataclass(frozen=True, kw_only=True)
class Layer:
    """Homogeneous layer under the electrode."""

    name: str
    thickness_m: float
    law: Law


@dataclass(frozen=True, kw_only=True)
class Polycrystal:
    """Grains resolved one by one under the electrode; deeper down `InterfaceProblem.electrolyte` stands for them.

    Parameters
    ----------
    grains : Grains
    grain : Law
        Admittivity inside the grains [S/m].
    boundary : Law
        Admittance per area of a boundary [S/m2].
    """

    grains: Grains
    grain: Law
    boundary: Law


@dataclass(frozen=True, kw_only=True)
class InterfaceProblem:
    """A unit cell of an interface on a slab of electrolyte whose far face is a counter electrode or a cut.

    Parameters
    ----------
    cell : UnitCell
    depth_m : float
        Depth of the electrolyte that is modelled [m].
    electrolyte : Law
        Admittivity [S/m].
    layers : tuple of Layer
        Outermost first.
    contact : Law or None
        Admittance per area where the metal touches [S/m2]; None: ideal.
    gap : Law or None
        Admittance per area where it does not [S/m2]; None: insulating.
    counter : Law or None
        Admittance per area of the far face [S/m2]; None: ideal.
    phases : mapping of str to Law
        Admittivity of every other phase of a `VoxelCell` [S/m].
    polycrystal : Polycrystal or None
        Grains that fill the upper part of `depth_m` (or all of it), in a `BoxCell` with mirror planes.
    temperature_K : float
    backend : str
        Name of the backend that is to solve it; "auto": the first that can.
    """

    cell: UnitCell
    depth_m: float
    electrolyte: Law
    layers: tuple[Layer, ...] = ()
    contact: Law | None = None
    gap: Law | None = None
    counter: Law | None = None
    phases: Mapping[str, Law] = field(default_factory=dict)
    polycrystal: Polycrystal | None = None
    temperature_K: float
    backend: str = "auto"

    @property
    def laws(self) -> dict[str, Law]:
        """Laws by the names of their terms; an ideal contact and an insulating gap have none."""
        named = {"electrolyte": self.electrolyte, "contact": self.contact, "gap": self.gap, "counter": self.counter}
        named |= {layer.name: layer.law for layer in self.layers} | dict(self.phases)
        if self.polycrystal is not None:
            named |= {"grains": self.polycrystal.grain, "grain_boundaries": self.polycrystal.boundary}
        return {name: law for name, law in named.items() if law is not None}


def slowest_wave_number(cell: UnitCell) -> float:
    """Wave number k of the lateral mode that reaches deepest, as exp(-k z) [1/m]; inf for a planar interface.

    Flux tube: J1(k b) = 0. Strips and boxes: cos(k x) with mirror planes at both ends; one period if they repeat.
    """
    if isinstance(cell, ProfileCell):
        if not cell.edges:
            return np.inf
        return (_FIRST_BESSEL_J1_ZERO if cell.axisymmetric else np.pi) / cell.outer
    return (2.0 if cell.periodic else 1.0) * np.pi / max(cell.size_x, cell.size_y)


def sufficient_depth(cell: UnitCell, tolerance: float) -> float:
    """Depth at which cutting the electrolyte changes the constriction by less than `tolerance` [m].

    A mode of wave number k sees an equipotential at depth H instead of a half space as tanh(k H) instead of 1, a
    relative change of 2 exp(-2 k H). Under an image of voxels whole ones are added.
    """
    below = float(np.log(2.0 / tolerance) / (2.0 * slowest_wave_number(cell)))
    if isinstance(cell, VoxelCell):
        return cell.depth_m + cell.voxel_m[0] * math.ceil(below / cell.voxel_m[0])
    return below


def truncation_error(cell: UnitCell, depth: float) -> float:
    """Relative change of the constriction by cutting the electrolyte at `depth` [m]: 2 exp(-2 k H)."""
    below = depth - cell.depth_m if isinstance(cell, VoxelCell) else depth
    return float(2.0 * np.exp(-2.0 * slowest_wave_number(cell) * below))
