"""Polycrystals given grain by grain: cubes and Voronoi cells, as the plane walls between them.

The electrolyte lies at z > 0. All polygons are in metres.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Delaunay, Voronoi

from aspot.errors import InputError

FloatArray = NDArray[np.float64]
Polygons = tuple[FloatArray, ...]

#: Walls nearer than this part of a grain to a side of the cell leave slivers that no mesher fills well.
_NEAREST = 0.02
#: Steps of Lloyd's relaxation, by which grains become as equal as in sintered ceramics.
_RELAXATIONS = 3


class Grains(Hashable, Protocol):
    """Part of the electrolyte, from the interface down to `depth_m`, divided into grains."""

    @property
    def size_m(self) -> float:
        """Grain size [m]."""

    @property
    def depth_m(self) -> float:
        """Depth of the divided part [m]."""

    def walls(self, size_x: float, size_y: float) -> Polygons:
        """Boundaries in [0, size_x] x [0, size_y] x [0, depth_m], its floor included: plane polygons (k, 3) [m]."""

    def edges(self, size_x: float, size_y: float) -> FloatArray:
        """Edges where boundaries meet each other or the faces of the cell, by their ends, (n, 2, 3) [m]."""

    def count(self, size_x: float, size_y: float) -> int:
        """Number of grains in the cell."""

    def crossings(self, size_x: float, size_y: float) -> int:
        """Boundaries that a line straight down crosses, at most."""


@dataclass(frozen=True, kw_only=True)
class Bricks:
    """Cubes stacked from the interface down: the polycrystal of the brick-layer model.

    A uniform field along an axis crosses one boundary per cube: the effective admittivity is that of
    `aspot.laws.BrickLayer` exactly, in all directions.

    Parameters
    ----------
    size_m : float
        Edge of a cube [m].
    layers : int
        Number of cubes on top of each other.
    contact_on : "grain", "boundary" or "junction"
        What lies at the corner (0, 0) of the cell, the middle of the contact: the middle of a grain, the middle of
        the line between two grains, or the point where four grains meet.
    """

    size_m: float
    layers: int
    contact_on: Literal["grain", "boundary", "junction"] = "grain"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.size_m) and self.size_m > 0):
            raise InputError(f"size_m = {self.size_m}: must be a positive, finite length [m]")
        if self.layers < 1:
            raise InputError(f"layers = {self.layers}: must be 1 or more")

    @property
    def depth_m(self) -> float:
        """Depth of all cubes together [m]."""
        return self.size_m * self.layers

    def planes(self, length: float, axis: Literal["x", "y"]) -> tuple[float, ...]:
        """Where boundaries cross an axis of the cell, sides excluded [m].

        Raises
        ------
        InputError
            A boundary all but coincides with the side at `length`.
        """
        first = {"grain": (0.5, 0.5), "boundary": (0.0, 0.5), "junction": (0.0, 0.0)}[self.contact_on]
        start = first[axis == "y"] * self.size_m
        near = (length - start) / self.size_m
        n = round(near)
        # On the side itself a boundary may lie: the mirror plane lets no current cross it.
        if 1e-6 < abs(near - n) < _NEAREST:
            raise InputError(
                f"grain size = {self.size_m:g} m: a boundary lies {abs(near - n):.2g} grains from the mirror plane at "
                f"{axis} = {length:g} m; let it lie on it, or farther than {_NEAREST:g} grains"
            )
        planes = start + self.size_m * np.arange(math.ceil(near) + 1)
        inside = (planes > 0.5 * _NEAREST * self.size_m) & (planes < length - 0.5 * _NEAREST * self.size_m)
        return tuple(planes[inside].tolist())

    def walls(self, size_x: float, size_y: float) -> Polygons:
        """One rectangle per plane [m]."""
        depth, out = self.depth_m, []
        for x in self.planes(size_x, "x"):
            out.append(np.array([(x, 0, 0), (x, size_y, 0), (x, size_y, depth), (x, 0, depth)]))
        for y in self.planes(size_y, "y"):
            out.append(np.array([(0, y, 0), (size_x, y, 0), (size_x, y, depth), (0, y, depth)]))
        for k in range(self.layers):
            z = (k + 1) * self.size_m
            out.append(np.array([(0, 0, z), (size_x, 0, z), (size_x, size_y, z), (0, size_y, z)]))
        return tuple(out)

    def edges(self, size_x: float, size_y: float) -> FloatArray:
        """Those of all cubes [m]."""
        xyz = [np.array([0.0, *self.planes(size, axis), size]) for size, axis in ((size_x, "x"), (size_y, "y"))]  # type: ignore[arg-type]
        xyz.append(self.size_m * np.arange(self.layers + 1))
        out = []
        for k in range(3):
            ends = [np.stack(np.meshgrid(*xyz[:k], part, *xyz[k + 1 :], indexing="ij"), axis=-1).reshape(-1, 3)
                    for part in (xyz[k][:-1], xyz[k][1:])]  # fmt: skip
            out.append(np.stack(ends, axis=1))
        return np.concatenate(out)

    def count(self, size_x: float, size_y: float) -> int:
        """Number of grains, those cut by mirror planes included."""
        return (len(self.planes(size_x, "x")) + 1) * (len(self.planes(size_y, "y")) + 1) * self.layers

    def crossings(self, size_x: float, size_y: float) -> int:
        """One floor per cube."""
        return self.layers


@dataclass(frozen=True, kw_only=True)
class VoronoiGrains:
    """Voronoi cells of random points, moved apart by three steps of Lloyd's relaxation until they are about equal.

    The sides of the box are mirror planes of the polycrystal: what boundaries lie on them carry no current, so that
    four grains meet at a corner as they do under bricks on a "junction". The floor is a boundary, as that of bricks:
    the grains of the next part of the polycrystal begin there.

    Parameters
    ----------
    size_m : float
        Cube root of the mean volume [m].
    depth_m : float
        [m]
    size_x, size_y : float
        Sides of the cell that they fill [m].
    seed : int
    """

    size_m: float
    depth_m: float
    size_x: float
    size_y: float
    seed: int = 1

    def __post_init__(self) -> None:
        for name in ("size_m", "depth_m", "size_x", "size_y"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise InputError(f"{name} = {value}: must be a positive, finite length [m]")
        if self._n < 2:
            raise InputError(f"size_m = {self.size_m:g} m: the cell has room for a single grain")

    @property
    def _n(self) -> int:
        return round(self.size_x * self.size_y * self.depth_m / self.size_m**3)

    @cached_property
    def _tessellation(self) -> tuple[Voronoi, FloatArray]:
        """Voronoi cells of the points and their mirror images, and the volumes of the first."""
        box = np.array([self.size_x, self.size_y, self.depth_m])
        points = np.random.default_rng(self.seed).random((self._n, 3)) * box
        for step in range(_RELAXATIONS + 1):
            images = [points]
            for axis in range(3):
                for wall in (0.0, box[axis]):
                    image = points.copy()
                    image[:, axis] = 2 * wall - image[:, axis]
                    images.append(image)
            cells = Voronoi(np.concatenate(images))
            volumes, centres = np.empty(self._n), np.empty_like(points)
            for i in range(self._n):
                corners = cells.vertices[cells.regions[cells.point_region[i]]]
                simplices = corners[Delaunay(corners).simplices]
                parts = np.abs(np.linalg.det(simplices[:, 1:] - simplices[:, :1])) / 6.0
                volumes[i] = parts.sum()
                centres[i] = parts @ simplices.mean(axis=1) / volumes[i]
            if step < _RELAXATIONS:
                points = centres
        return cells, volumes

    @property
    def volumes_m3(self) -> FloatArray:
        """Volume of every grain [m3]."""
        return self._tessellation[1].copy()

    def walls(self, size_x: float, size_y: float) -> Polygons:
        """One polygon per pair of neighbours, and the floor [m].

        Raises
        ------
        InputError
            The grains were made for a cell of another size.
        """
        self._check(size_x, size_y)
        cells = self._tessellation[0]
        box = np.array([size_x, size_y, self.depth_m])
        out = []
        for pair, corners in zip(cells.ridge_points, cells.ridge_vertices, strict=True):
            if max(pair) < self._n:
                # Corners on the faces of the box lie there but for rounding.
                polygon = cells.vertices[corners]
                polygon = np.where(np.abs(polygon) < 1e-9 * box, 0.0, polygon)
                out.append(np.where(np.abs(polygon - box) < 1e-9 * box, box, polygon))
        z = self.depth_m
        return (*out, np.array([(0, 0, z), (size_x, 0, z), (size_x, size_y, z), (0, size_y, z)]))

    def edges(self, size_x: float, size_y: float) -> FloatArray:
        """Those of all polygons but the floor, each once [m]."""
        walls = self.walls(size_x, size_y)[:-1]
        both = np.concatenate([np.stack([wall, np.roll(wall, -1, axis=0)], axis=1) for wall in walls])
        middles = np.round(both.mean(axis=1) / (1e-6 * self.size_m))
        _, first = np.unique(middles, axis=0, return_index=True)
        return np.asarray(both[first])

    def count(self, size_x: float, size_y: float) -> int:
        """Number of grains."""
        self._check(size_x, size_y)
        return self._n

    def crossings(self, size_x: float, size_y: float) -> int:
        """A line enters every convex grain at most once, and crosses the floor."""
        return self.count(size_x, size_y)

    def _check(self, size_x: float, size_y: float) -> None:
        if not (math.isclose(size_x, self.size_x) and math.isclose(size_y, self.size_y)):
            raise InputError(
                f"size_x, size_y = {self.size_x:g}, {self.size_y:g} m: the grains fill another cell than the one of "
                f"{size_x:g} x {size_y:g} m"
            )


def boundary_area(polygons: Polygons) -> float:
    """Area of all polygons [m2]."""
    total = 0.0
    for polygon in polygons:
        corners = polygon[1:] - polygon[0]
        total += 0.5 * float(np.linalg.norm(np.cross(corners[:-1], corners[1:]).sum(axis=0)))
    return total
