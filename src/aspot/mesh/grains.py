"""Tetrahedra of a box cell whose electrolyte consists of grains: the potential may jump across every boundary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from aspot.errors import AspotError, InputError, MemoryLimitError
from aspot.mesh.netgen import MeshSizes, meshed, smallest_half_width
from aspot.mesh.tetmesh import TetrahedralMesh, check
from aspot.mesh.tetrahedra import MAX_TETRAHEDRA, estimated_tetrahedra, finished
from aspot.mesh.topology import with_grains
from aspot.morphology.unit_cell import BoxCell

#: Name of the boundaries among the jumps of the mesh, and of the grains among its regions.
BOUNDARIES, GRAINS = "grain_boundaries", "grains"
#: Largest edge over the size of a grain.
_PER_GRAIN = 0.7


def sizes_of_grains(sizes: MeshSizes, grain_size: float) -> MeshSizes:
    """Sizes that are small enough for grains, too."""
    return replace(sizes, max_size=max(min(sizes.max_size, _PER_GRAIN * grain_size), sizes.rim_size))


def build(
    cell: BoxCell,
    walls: Sequence[NDArray[np.float64]],
    *,
    depth: float,
    grain_depth: float,
    grain_size: float,
    sizes: MeshSizes,
) -> TetrahedralMesh:
    """Tetrahedra of order 2 whose facets follow the grain boundaries, where all nodes are there once per grain.

    Parameters
    ----------
    cell : BoxCell
        The interface at z = 0 [m].
    walls : sequence of (k, 3) float
        Plane polygons that divide [0, size_x] x [0, size_y] x [0, grain_depth] into grains; below that depth is one
        homogeneous medium, and its ceiling one of the walls. One at `depth` itself is left out [m].
    depth : float
        Of grains and medium together [m].
    grain_depth : float
        [m]
    grain_size : float
        [m]
    sizes : MeshSizes

    Returns
    -------
    TetrahedralMesh
        Regions "grains" and, if there is a medium below, "electrolyte"; all boundaries are the jump "grain_boundaries".

    Raises
    ------
    InputError
        Nothing touches, or the grains are deeper than the cell.
    MemoryLimitError
    AspotError
        netgen-mesher missing, or it could not mesh.
    """
    if not 0 < grain_depth <= depth * (1 + 1e-12):
        raise InputError(f"grain_depth = {grain_depth} m: must be positive and at most the depth, {depth} m")
    if cell.periodic:
        raise InputError("periodic = True: grains are meshed in cells with mirror planes only")
    sizes = sizes_of_grains(sizes, grain_size)
    estimate = estimated_tetrahedra(cell, depth, sizes)
    if estimate > MAX_TETRAHEDRA:
        raise MemoryLimitError(f"about {estimate:.2g} tetrahedra would be needed, the limit is {MAX_TETRAHEDRA:.2g}")
    unit = smallest_half_width(cell)
    places = np.empty((0, 4)) if sizes.places is None else sizes.places / unit
    # A floor at the far face is a law of that face.
    inner = [np.asarray(wall) / unit for wall in walls if np.min(np.asarray(wall)[:, 2]) < depth * (1 - 1e-9)]
    mesh, areas = meshed(cell, [depth / unit], sizes, unit, places, inner)
    if areas["contact"] <= 0:
        raise InputError(f"shapes = {cell.shapes}: no contact is left inside the cell")
    middle = mesh.nodes[mesh.cells].mean(axis=1)[:, 2]
    is_medium = middle > grain_depth / unit
    if set(mesh.cell_region[is_medium].tolist()) & set(mesh.cell_region[~is_medium].tolist()):
        raise AspotError("the walls do not separate the grains from the medium below them")
    mesh = finished(mesh, cell, areas, sizes)
    grain = mesh.cell_region
    region = np.repeat(is_medium, sizes.subdivisions**3).astype(np.int64)
    names = (GRAINS, "electrolyte") if is_medium.any() else (GRAINS,)
    mesh = with_grains(replace(mesh, cell_region=region, region_names=names), BOUNDARIES, grain)
    check(mesh)
    return mesh
