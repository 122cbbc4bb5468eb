"""Label images as numbered geometry: which voxel is what, which nodes are free, at the metal, or at the ground."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from aspot.errors import InputError
from aspot.morphology.unit_cell import VoxelCell

#: What a node is.
INACTIVE, FREE, PORT, GROUND = 0, 1, 2, 3


@dataclass(frozen=True, kw_only=True, eq=False)
class VoxelMesh:
    """Voxels (nz, ny, nx) with materials, from the electrode (z = 0) down, and their nodes (nz + 1, ny + 1, nx + 1).

    On a periodic axis the last nodes are the first ones once more; they count as not free.

    Parameters
    ----------
    region : (nz, ny, nx) uint8
        Index into `region_names`; len(region_names) where nothing conducts or polarises (metal, insulating pores).
    region_names : tuple of str
    status : (nz + 1, ny + 1, nx + 1) uint8
        INACTIVE, FREE, PORT (at the potential of the metal) or GROUND.
    faces : mapping of name to ((k,) int, (k,) float)
        Free nodes (flat numbers) and their areas [m2], lumped, under a law: "contact" and "gap" couple to the metal,
        "counter" to the ground.
    is_metal, is_gap : (nz, ny, nx) bool
        Voxels of metal, and those that stand for a thin gap.
    voxel_m : (hz, hy, hx)
        Edges of a voxel [m].
    periodic : bool
        Whether x and y repeat; else all four sides are mirror planes.
    plate : bool
        Whether the plane z = 0 is metal.
    """

    region: NDArray[np.uint8]
    region_names: tuple[str, ...]
    status: NDArray[np.uint8]
    faces: Mapping[str, tuple[NDArray[np.int64], NDArray[np.float64]]]
    is_metal: NDArray[np.bool_]
    is_gap: NDArray[np.bool_]
    voxel_m: tuple[float, float, float]
    periodic: bool
    plate: bool

    @property
    def n_free(self) -> int:
        """Number of free nodes."""
        return int(np.count_nonzero(self.status == FREE))

    @property
    def area_m2(self) -> float:
        """Lateral area [m2]."""
        _, ny, nx = self.region.shape
        return ny * nx * self.voxel_m[1] * self.voxel_m[2]


def build(
    cell: VoxelCell, *, depth_m: float | None = None, subdivision: int = 1, ideal_contact: bool, counter_law: bool
) -> VoxelMesh:
    """Number the voxels and nodes of an image.

    Parameters
    ----------
    cell : VoxelCell
    depth_m : float, optional
        Electrolyte is added below the image down to this depth, to the nearest voxel; default: the image alone.
    subdivision : int
        Every voxel is cut into this many along each axis.
    ideal_contact : bool
        Electrolyte that touches metal is at its potential; else the faces between carry a law.
    counter_law : bool
        The far face carries a law; else it is the ground.

    Raises
    ------
    InputError
        If no voxel lies between the metal and the far face.
    """
    labels = _to_depth(cell, depth_m)
    if subdivision > 1:
        for axis in range(3):
            labels = np.repeat(labels, subdivision, axis)
    h = tuple(float(v) / subdivision for v in cell.voxel_m)
    names = tuple(cell.conductors)
    table = np.full(256, len(names), np.uint8)
    for index, name in enumerate(names):
        table[list(cell.conductors[name])] = index
    region = table[labels]
    is_metal = np.isin(labels, cell.metal)
    is_gap = np.isin(labels, cell.gap)
    region = _connected(region, len(names), is_metal | is_gap, cell)
    status = _status(region, len(names), is_metal, names.index("electrolyte"), cell, ideal_contact, counter_law)
    faces = _faces(region == names.index("electrolyte"), is_metal, is_gap, status, cell, h, ideal_contact, counter_law)
    if not np.any(status == FREE):
        raise InputError("tomogram: no voxel of electrolyte lies between the metal and the far face")
    return VoxelMesh(
        region=region,
        region_names=names,
        status=status,
        faces=faces,
        is_metal=is_metal,
        is_gap=is_gap,
        voxel_m=(h[0], h[1], h[2]),
        periodic=cell.periodic,
        plate=cell.plate,
    )


def _to_depth(cell: VoxelCell, depth_m: float | None) -> NDArray[np.uint8]:
    if depth_m is None:
        return cell.labels
    more = round(depth_m / cell.voxel_m[0]) - cell.labels.shape[0]
    if more <= 0:
        return cell.labels
    below = np.full((more, *cell.labels.shape[1:]), cell.conductors["electrolyte"][0], np.uint8)
    return np.concatenate([cell.labels, below])


def components(conducts: NDArray[np.bool_], periodic: bool, *, corners: bool) -> tuple[NDArray[np.int32], int]:
    """Number of the connected part that each voxel belongs to, 0: none, and how many there are.

    Parameters
    ----------
    conducts : (nz, ny, nx) bool
        Voxels to be connected.
    periodic : bool
        Whether x and y repeat.
    corners : bool
        Whether voxels that share but an edge or a corner are connected (their nodes are), or only those with a face.
    """
    structure = ndimage.generate_binary_structure(3, 3 if corners else 1)
    parts, count = ndimage.label(conducts, structure)
    if periodic and count > 1:
        pairs = []
        shifts = [(dz, d) for dz in (-1, 0, 1) for d in (-1, 0, 1)] if corners else [(0, 0)]
        for axis in (1, 2):
            low, high = np.take(parts, 0, axis), np.take(parts, -1, axis)
            for dz, d in shifts:
                # Beyond the edge of the face nothing is connected along z; along the other lateral axis it repeats.
                moved = np.roll(np.roll(high, dz, 0), d, 1)
                if dz:
                    moved[0 if dz > 0 else -1] = 0
                both = (low > 0) & (moved > 0)
                pairs.append(np.unique(np.stack([low[both], moved[both]]), axis=1))
        i, j = np.concatenate(pairs, axis=1)
        graph = coo_array((np.ones(len(i)), (i, j)), shape=(count + 1, count + 1))
        count, numbers = connected_components(graph, directed=False)
        # Part 0 stays by itself, and first.
        parts, count = numbers.astype(np.int32)[parts], count - 1
    return parts, count


def _connected(
    region: NDArray[np.uint8], nothing: int, driven: NDArray[np.bool_], cell: VoxelCell
) -> NDArray[np.uint8]:
    """Regions without the parts that touch neither metal nor the far face: their potential is arbitrary."""
    parts, metal, far = _ends((region != nothing) | driven, driven, cell)
    touches = metal | far
    touches[0] = True
    return np.where(touches[parts], region, nothing).astype(np.uint8)


def _ends(
    conducts: NDArray[np.bool_], driven: NDArray[np.bool_], cell: VoxelCell
) -> tuple[NDArray[np.int32], NDArray[np.bool_], NDArray[np.bool_]]:
    """Part of every voxel, and whether each part reaches metal (or gaps), and the far face."""
    parts, count = components(conducts, cell.periodic, corners=True)
    metal, far = np.zeros((2, count + 1), bool)
    metal[np.unique(parts[driven])] = True
    if cell.plate:
        metal[np.unique(parts[0])] = True
    far[np.unique(parts[-1])] = True
    metal[0] = far[0] = False
    return parts, metal, far


def check_connected(mesh: VoxelMesh, cell: VoxelCell, names: tuple[str, ...]) -> None:
    """Refuse an image through which the named regions carry no direct current.

    Raises
    ------
    InputError
    """
    conducts = np.isin(mesh.region, [mesh.region_names.index(name) for name in names]) | mesh.is_metal
    _, metal, far = _ends(conducts, mesh.is_metal, cell)
    if not np.any(metal & far):
        raise InputError(f"tomogram: no path of {' or '.join(names)} connects metal and far face: R_total is infinite")


def around(voxels: NDArray[np.bool_], periodic: bool) -> NDArray[np.bool_]:
    """Whether a node is a corner of any of the voxels."""
    nz, ny, nx = voxels.shape
    out = np.zeros((nz + 1, ny + 1, nx + 1), bool)
    for k in (0, 1):
        for j in (0, 1):
            for i in (0, 1):
                out[k : k + nz, j : j + ny, i : i + nx] |= voxels
    if periodic:
        out[:, 0] |= out[:, -1]
        out[:, :, 0] |= out[:, :, -1]
        out[:, -1], out[:, :, -1] = out[:, 0], out[:, :, 0]
    return out


def _status(
    region: NDArray[np.uint8],
    nothing: int,
    is_metal: NDArray[np.bool_],
    electrolyte: int,
    cell: VoxelCell,
    ideal_contact: bool,
    counter_law: bool,
) -> NDArray[np.uint8]:
    active = around(region != nothing, cell.periodic)
    status = np.where(active, FREE, INACTIVE).astype(np.uint8)
    if not counter_law:
        status[-1][active[-1]] = GROUND
    metal = around(is_metal, cell.periodic)
    if cell.plate:
        metal[0] = True
    if not ideal_contact:
        # A law lies between: the node belongs to the electrolyte.
        metal &= ~around(region == electrolyte, cell.periodic)
    status[metal & active] = PORT
    if cell.periodic:
        status[:, -1] = np.where(status[:, -1] == FREE, INACTIVE, status[:, -1])
        status[:, :, -1] = np.where(status[:, :, -1] == FREE, INACTIVE, status[:, :, -1])
    return status


def _faces(
    electrolyte: NDArray[np.bool_],
    is_metal: NDArray[np.bool_],
    is_gap: NDArray[np.bool_],
    status: NDArray[np.uint8],
    cell: VoxelCell,
    h: tuple[float, ...],
    ideal_contact: bool,
    counter_law: bool,
) -> dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]]:
    areas: dict[str, NDArray[np.float64]] = {}
    if not ideal_contact:
        areas["contact"] = _face_areas(electrolyte, is_metal, cell.periodic, h)
        if cell.plate:
            areas["contact"][0] += _plane_areas(electrolyte[0], h)
    if is_gap.any():
        areas["gap"] = _face_areas(electrolyte, is_gap, cell.periodic, h)
    if counter_law:
        areas["counter"] = np.zeros(status.shape)
        areas["counter"][-1] = _plane_areas(electrolyte[-1], h)
    out = {}
    for name, area in areas.items():
        if cell.periodic:
            area[:, 0] += area[:, -1]
            area[:, :, 0] += area[:, :, -1]
        nodes = np.flatnonzero((area > 0) & (status == FREE))
        out[name] = (nodes, area.ravel()[nodes])
    return out


def _plane_areas(touching: NDArray[np.bool_], h: tuple[float, ...]) -> NDArray[np.float64]:
    """A quarter of every face to each of its corners."""
    ny, nx = touching.shape
    out = np.zeros((ny + 1, nx + 1))
    for j in (0, 1):
        for i in (0, 1):
            out[j : j + ny, i : i + nx] += 0.25 * h[1] * h[2] * touching
    return out


def _face_areas(
    electrolyte: NDArray[np.bool_], other: NDArray[np.bool_], periodic: bool, h: tuple[float, ...]
) -> NDArray[np.float64]:
    """Area of the faces between two kinds of voxels, a quarter of each to each of its corners."""
    out = np.zeros([n + 1 for n in electrolyte.shape])
    for axis in range(3):
        quarter = 0.25 * h[0] * h[1] * h[2] / h[axis]
        e, o = np.moveaxis(electrolyte, axis, 0), np.moveaxis(other, axis, 0)
        between = (e[1:] & o[:-1]) | (o[1:] & e[:-1])
        planes = np.moveaxis(out, axis, 0)
        n, a, b = between.shape
        for u in (0, 1):
            for v in (0, 1):
                planes[1 : n + 1, u : u + a, v : v + b] += quarter * between
        if periodic and axis > 0:
            across = (e[0] & o[-1]) | (o[0] & e[-1])
            for u in (0, 1):
                for v in (0, 1):
                    planes[0, u : u + a, v : v + b] += quarter * across
    return out
