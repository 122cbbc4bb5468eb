"""The piece of a periodic interface that is solved: plain geometry, no laws, no mesh.

Lengths in metres. The interface lies at z = 0, the electrolyte at z > 0 (depth).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aspot.morphology.gap_profile import GapProfile


@dataclass(frozen=True, kw_only=True)
class ProfileCell:
    """Interface that varies along one coordinate: radius of a flux tube, or x across strips.

    Parameters
    ----------
    axisymmetric : bool
        True: flux tube (radius r). False: strips (x from the middle of a strip, per metre of strip length).
    outer : float
        Radius of the flux tube, or half the pitch of the strips [m].
    edges : tuple of float
        Rims, increasing, strictly inside (0, outer) [m]. Empty: planar.
    contact : tuple of bool
        Whether the metal touches on each of the len(edges) + 1 segments.
    gap_profile : GapProfile, optional
        Height of the gap from place to place. Default: the thickness of the gap's law everywhere.
    """

    axisymmetric: bool
    outer: float
    edges: tuple[float, ...] = ()
    contact: tuple[bool, ...] = (True,)
    gap_profile: GapProfile | None = None

    @property
    def gaps(self) -> tuple[tuple[float, float], ...]:
        """Middle and half width of every gap [m]; one that reaches a mirror plane has its middle there."""
        ends = (0.0, *self.edges, self.outer)
        out = []
        for i, touches in enumerate(self.contact):
            low, high = ends[i], ends[i + 1]
            if touches:
                continue
            if i == 0:
                out.append((0.0, high))
            elif i == len(self.edges):
                out.append((high, high - low))
            else:
                out.append((0.5 * (low + high), 0.5 * (high - low)))
        return tuple(out)


@dataclass(frozen=True, kw_only=True)
class Disc:
    """Disc centred at (x, y) [m]."""

    x: float
    y: float
    radius: float


@dataclass(frozen=True, kw_only=True)
class Ellipse:
    """Ellipse centred at (x, y), semi-axes along x and y [m]."""

    x: float
    y: float
    semi_axis_x: float
    semi_axis_y: float


@dataclass(frozen=True, kw_only=True)
class Square:
    """Square of given side centred at (x, y), sides along x and y [m]."""

    x: float
    y: float
    side: float


@dataclass(frozen=True, kw_only=True)
class Annulus:
    """Ring between two radii centred at (x, y) [m]."""

    x: float
    y: float
    inner_radius: float
    radius: float


Shape = Disc | Ellipse | Square | Annulus


def extent(shape: Shape) -> tuple[float, float]:
    """Half widths along x and y [m]."""
    if isinstance(shape, Ellipse):
        return shape.semi_axis_x, shape.semi_axis_y
    half = shape.side / 2 if isinstance(shape, Square) else shape.radius
    return half, half


def half_width(shape: Shape) -> float:
    """Half the narrowest width of a shape, of an annulus that of its ring [m]."""
    return 0.5 * (shape.radius - shape.inner_radius) if isinstance(shape, Annulus) else min(extent(shape))


@dataclass(frozen=True, kw_only=True)
class BoxCell:
    """Rectangle [0, size_x] x [0, size_y] with shapes; its sides are mirror planes, or it repeats itself.

    Square array of pitch s: size s/2 x s/2, one shape centred at (0, 0). Hexagonal array of pitch s:
    size s/2 x sqrt(3) s/2, shapes centred at (0, 0) and (s/2, sqrt(3) s/2). With mirror planes shapes are clipped by
    the rectangle, in a periodic cell what reaches over one side comes back at the other.

    Parameters
    ----------
    size_x, size_y : float
        Sides of the rectangle [m].
    shapes : tuple of Shape
    contact_inside : bool
        True: the metal touches inside the shapes (spots). False: outside (pores).
    periodic : bool
        False: all four sides are mirror planes.
    gap_profile : GapProfile, optional
        Height of the gap over every shape, which are discs that do not overlap; only with `contact_inside` False.
        Default: the thickness of the gap's law everywhere.
    """

    size_x: float
    size_y: float
    shapes: tuple[Shape, ...]
    contact_inside: bool
    periodic: bool = False
    gap_profile: GapProfile | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class MapCell:
    """Rectangle [0, size_x] x [0, size_y] given pixel by pixel; row j, column i covers y and x from j, i on.

    Parameters
    ----------
    size_x, size_y : float
        Sides of the rectangle [m].
    contact : (ny, nx) float
        Part of each pixel's area where the metal touches, 0 to 1.
    gap_height : (ny, nx) float, optional
        Distance of metal and electrolyte [m] where the metal does not touch; positive wherever `contact` < 1. Default:
        the thickness of the gap's law everywhere.
    periodic : bool
        True: it repeats itself. False: all four sides are mirror planes.
    """

    size_x: float
    size_y: float
    contact: NDArray[np.float64]
    gap_height: NDArray[np.float64] | None = None
    periodic: bool = True


@dataclass(frozen=True, kw_only=True, eq=False)
class VoxelCell:
    """Box given voxel by voxel, from the electrode (first plane) down into the electrolyte.

    Parameters
    ----------
    labels : (nz, ny, nx) uint8
    voxel_m : (hz, hy, hx)
        Edges of a voxel [m].
    conductors : mapping of str to tuple of int
        Labels of every phase that conducts or polarises, by name; "electrolyte" is one of them. Labels in none of the
        groups are insulating pores.
    metal : tuple of int
        Labels of the working electrode.
    gap : tuple of int
        Labels of pores that stand for a gap too thin to be seen: their faces to the electrolyte carry its law.
    plate : bool
        Whether the image lies under a metal plate, so that what touches its first plane touches metal.
    periodic : bool
        True: it repeats along x and y. False: all four sides are mirror planes.
    """

    labels: NDArray[np.uint8]
    voxel_m: tuple[float, float, float]
    conductors: Mapping[str, tuple[int, ...]]
    metal: tuple[int, ...] = ()
    gap: tuple[int, ...] = ()
    plate: bool = True
    periodic: bool = False

    @property
    def size_x(self) -> float:
        """Width along x [m]."""
        return self.labels.shape[2] * self.voxel_m[2]

    @property
    def size_y(self) -> float:
        """Width along y [m]."""
        return self.labels.shape[1] * self.voxel_m[1]

    @property
    def depth_m(self) -> float:
        """Depth of the image [m]."""
        return self.labels.shape[0] * self.voxel_m[0]


UnitCell = ProfileCell | BoxCell | MapCell | VoxelCell


def contacts_on_front(cell: BoxCell) -> tuple[tuple[float, float], ...]:
    """Ranges of x on the front plane y = 0 where the metal touches [m]."""
    covered: list[tuple[float, float]] = []
    for shape in cell.shapes:
        for inner, outer in _chords(shape):
            low, high = max(inner, 0.0), min(outer, cell.size_x)
            if high > low:
                covered.append((low, high))
    covered.sort()
    if cell.contact_inside:
        return tuple(covered)
    ends = [0.0, *(x for pair in covered for x in pair), cell.size_x]
    return tuple((a, b) for a, b in zip(ends[::2], ends[1::2], strict=True) if b > a)


def _chords(shape: Shape) -> list[tuple[float, float]]:
    """Ranges of x that a shape covers on y = 0."""

    def half_chord(semi_x: float, semi_y: float) -> float:
        inside = 1.0 - (shape.y / semi_y) ** 2
        return semi_x * inside**0.5 if inside > 0.0 else 0.0

    if isinstance(shape, Square):
        half = 0.5 * shape.side if abs(shape.y) < 0.5 * shape.side else 0.0
        return [(shape.x - half, shape.x + half)]
    if isinstance(shape, Annulus):
        hole, half = half_chord(shape.inner_radius, shape.inner_radius), half_chord(shape.radius, shape.radius)
        return [(shape.x - half, shape.x - hole), (shape.x + hole, shape.x + half)]
    if isinstance(shape, Ellipse):
        half = half_chord(shape.semi_axis_x, shape.semi_axis_y)
    else:
        half = half_chord(shape.radius, shape.radius)
    return [(shape.x - half, shape.x + half)]
