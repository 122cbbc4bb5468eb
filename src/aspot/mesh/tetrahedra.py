"""Tetrahedral meshes of box cells: graded to the rims by netgen, or structured for tests and benchmarks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aspot.errors import AspotError, InputError, MemoryLimitError
from aspot.mesh.netgen import MeshSizes, meshed, smallest_half_width
from aspot.mesh.subdivision import subdivided
from aspot.mesh.tetmesh import TetrahedralMesh, check, jacobians
from aspot.mesh.topology import interface_facets, rim_edges, with_jump, with_slab
from aspot.mesh.uniform import uniform_box as uniform_box
from aspot.morphology.unit_cell import Annulus, BoxCell, Square, extent, half_width

MAX_TETRAHEDRA = 2_000_000
_TETS_PER_CUBE = 6.0  # netgen's tetrahedra per cube of the local size, measured on graded boxes
_EXTRUDED_UP_TO = 0.5  # slabs up to this part of the smallest shape are extruded: any thinness at no extra tetrahedra


@dataclass(frozen=True)
class _Slab:
    """Piece of the depth between two planes: a layer, or the electrolyte between jump interfaces. Mesh units."""

    region: int
    thickness: float
    jump_above: str | None


def rim_length(cell: BoxCell) -> float:
    """Length of the rims, clipped roughly by the share of each shape's bounding box inside the cell [m]."""
    total = 0.0
    for shape in cell.shapes:
        p, q = extent(shape)
        around = 8 * p if isinstance(shape, Square) else 2 * math.pi * math.sqrt((p * p + q * q) / 2)
        if isinstance(shape, Annulus):
            around += 2 * math.pi * shape.inner_radius
        share = 1.0
        for at, half, size in ((shape.x, p, cell.size_x), (shape.y, q, cell.size_y)):
            share *= max(0.0, min(at + half, size) - max(at - half, 0.0)) / (2 * half)
        total += around * share
    return total


def estimated_tetrahedra(
    cell: BoxCell, depth: float, sizes: MeshSizes, layers: Sequence[tuple[str, float]] = ()
) -> float:
    """Rough number of tetrahedra that `build` would make (within a factor of about 2).

    The integral of dV / h^3 over half-space tubes around the rims plus the rest of the box at the size reached there.
    """
    h0, g = sizes.rim_size, sizes.grading
    length = rim_length(cell)
    span = max(cell.size_x, cell.size_y, depth)
    far = min(sizes.max_size, h0 + g * span) if length else sizes.max_size
    reach = max((far - h0) / g, 0.0)
    volume = cell.size_x * cell.size_y * depth
    # int_0^reach pi d / (h0 + g d)^3 dd = pi reach^2 / (2 h0 (h0 + g reach)^2)
    near = math.pi * length * reach**2 / (2 * h0 * (h0 + g * reach) ** 2) if length else 0.0
    triangles = 2.3 * (cell.size_x * cell.size_y / far**2 + (2 * length / (h0 * g) if length else 0.0))
    feature = smallest_half_width(cell)
    extruded = 0.0
    for _, thickness in layers:
        if thickness <= _EXTRUDED_UP_TO * feature:
            extruded += 3 * triangles * len(_sublayers(thickness, h0, g, sizes.max_size))
    return (_TETS_PER_CUBE * (near + volume / far**3) + extruded) * sizes.subdivisions**3


def _sublayers(thickness: float, first: float, grading: float, largest: float) -> NDArray[np.float64]:
    """Thicknesses growing like the mesh size below a rim, scaled to add up to `thickness`."""
    sizes: list[float] = []
    total = 0.0
    while total < thickness * (1 - 1e-9):
        sizes.append(min(largest, first + grading * total))
        total += sizes[-1]
    return np.array(sizes) * (thickness / total)


def _validate(
    cell: BoxCell,
    depth: float,
    layers: Sequence[tuple[str, float]],
    sizes: MeshSizes,
    order: int,
    splits: Sequence[tuple[str, float]],
) -> None:
    numbers = {
        "size_x": cell.size_x,
        "size_y": cell.size_y,
        "depth": depth,
        "rim_size": sizes.rim_size,
        "max_size": sizes.max_size,
        **{f"layer {name}": thickness for name, thickness in layers},
    }
    for name, value in numbers.items():
        if not (math.isfinite(value) and value > 0):
            raise InputError(f"{name} = {value}: must be a positive, finite length [m]")
    if not 0 < sizes.grading <= 1:
        raise InputError(f"grading = {sizes.grading}: must be in (0, 1]")
    if sizes.subdivisions < 1:
        raise InputError(f"subdivisions = {sizes.subdivisions}: must be 1 or more")
    if order not in (1, 2):
        raise InputError(f"order = {order}: must be 1 or 2")
    names = [name for name, _ in layers]
    if len(set(names)) < len(names) or "electrolyte" in names:
        raise InputError(f"layers = {names}: names must differ from each other and from 'electrolyte'")
    total = depth + sum(thickness for _, thickness in layers)
    for name, at in splits:
        if not 0 < at < total:
            raise InputError(f"split_at_depth {name} = {at}: must lie inside (0, {total}) [m]")
    if len({name for name, _ in splits}) < len(splits):
        raise InputError(f"split_at_depth: names must differ, got {[name for name, _ in splits]}")
    if cell.contact_inside and not cell.shapes:
        raise InputError("shapes = (): contact_inside needs at least one shape, otherwise nothing touches")
    for shape in cell.shapes:
        p, q = extent(shape)
        inner = shape.inner_radius if isinstance(shape, Annulus) else None
        if not (math.isfinite(p) and math.isfinite(q) and min(p, q) > 0) or (inner is not None and not 0 < inner < p):
            raise InputError(f"shape {shape}: sizes must be positive and finite, inner_radius below radius")


def _slabs(
    depth: float, layers: Sequence[tuple[str, float]], splits: Sequence[tuple[str, float]], unit: float
) -> list[_Slab]:
    """Regions from z = 0 down, cut at the jump interfaces."""
    ends: list[tuple[float, int]] = []
    z = 0.0
    for k, (_, thickness) in enumerate(layers):
        z += thickness
        ends.append((z, k + 1))
    total = z + depth
    ends.append((total, 0))
    slabs: list[_Slab] = []
    pending = sorted(splits, key=lambda item: item[1])
    top, jump = 0.0, None
    for end, region in ends:
        while pending and pending[0][1] < end * (1 - 1e-12):
            name, at = pending.pop(0)
            slabs.append(_Slab(region, (at - top) / unit, jump))
            top, jump = at, name
        slabs.append(_Slab(region, (end - top) / unit, jump))
        top, jump = end, None
        if pending and abs(pending[0][1] - end) <= 1e-12 * end:
            jump = pending.pop(0)[0]
    return slabs


def _rim_points(
    cell: BoxCell, unit: float, start: NDArray[np.float64], end: NDArray[np.float64], t: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Points at the parts t of chords between rim vertices, moved onto the circle or ellipse of both ends."""
    curves: list[tuple[float, float, float, float]] = []
    residuals = []
    for shape in cell.shapes:
        p, q = (half / unit for half in extent(shape))
        x, y = shape.x / unit, shape.y / unit
        radii = [(p, q)] if not isinstance(shape, Annulus) else [(p, q), (shape.inner_radius / unit,) * 2]
        for a, b in radii:
            off = []
            for ends in (start, end):
                u, v = (ends[:, 0] - x) / a, (ends[:, 1] - y) / b
                off.append(np.maximum(abs(u), abs(v)) - 1 if isinstance(shape, Square) else np.hypot(u, v) - 1)
            residuals.append(min(a, b) * np.maximum(abs(off[0]), abs(off[1])))
            curves.append((x, y, math.nan, math.nan) if isinstance(shape, Square) else (x, y, a, b))
    middle = start + t[:, None] * (end - start)
    nearest = np.argmin(residuals, axis=0)
    for k, (x, y, a, b) in enumerate(curves):
        if math.isnan(a):
            continue
        mine = nearest == k
        u, v = (middle[mine, 0] - x) / a, (middle[mine, 1] - y) / b
        length = np.hypot(u, v)
        middle[mine, 0], middle[mine, 1] = x + a * u / length, y + b * v / length
    return middle


def build(
    cell: BoxCell,
    *,
    depth: float,
    layers: Sequence[tuple[str, float]] = (),
    rim_size: float,
    max_size: float,
    grading: float = 0.3,
    order: int = 2,
    quarter_points: bool = True,
    subdivisions: int = 1,
    split_at_depth: Sequence[tuple[str, float]] = (),
    places: NDArray[np.float64] | None = None,
) -> TetrahedralMesh:
    """Tetrahedra of a box cell, graded to the rims that separate contact from gap.

    Parameters
    ----------
    cell : BoxCell
        The interface at z = 0 [m].
    depth : float
        Thickness of the electrolyte, beyond the layers [m].
    layers : sequence of (str, float)
        Name and thickness [m] of the layers under the interface, outermost first.
    rim_size, max_size : float
        Edge lengths at the rims and far away [m].
    grading : float
        Growth of the edge length with distance from the rim, in (0, 1].
    order : int
        1: straight, 4 nodes. 2: 10 nodes, rims curved onto the circle or ellipse.
    quarter_points : bool
        Place nodes quadratically towards the rims, so that order 2 reproduces r^(1/2) there: on undivided cells, the
        middle nodes of the edges that end on a rim lie at a quarter of the edge.
    subdivisions : int
        Parts into which every edge of netgen's mesh is cut. Cutting the same coarse mesh further and further gives
        smoothly falling errors, fit for extrapolation.
    split_at_depth : sequence of (str, float)
        Name and depth below z = 0 [m] of planes over which the potential may jump (nodes doubled).
    places : (n, 4) float, optional
        x, y, z of points and the largest edge length there [m].

    Returns
    -------
    TetrahedralMesh
        Checked by `aspot.mesh.tetmesh.check`; lengths in units of the smallest feature.

    Raises
    ------
    InputError
        An argument that cannot be meant; nothing touches; contact or gap vanish after clipping.
    MemoryLimitError
        The estimate exceeds `MAX_TETRAHEDRA`.
    AspotError
        netgen-mesher missing, or it could not mesh.
    """
    sizes = MeshSizes(rim_size=rim_size, max_size=max(max_size, rim_size), grading=grading, subdivisions=subdivisions)
    _validate(cell, depth, layers, sizes, order, split_at_depth)
    estimate = estimated_tetrahedra(cell, depth, sizes, layers)
    if estimate > MAX_TETRAHEDRA:
        raise MemoryLimitError(
            f"about {estimate:.2g} tetrahedra would be needed, the limit is {MAX_TETRAHEDRA:.2g}: "
            f"raise rim_size ({rim_size:.3g} m)"
            f", max_size ({max_size:.3g} m) or grading ({grading:.3g})"
        )
    unit = smallest_half_width(cell)
    slabs = _slabs(depth, layers, split_at_depth, unit)
    thick = [k for k, slab in enumerate(slabs) if slab.thickness > _EXTRUDED_UP_TO]
    if not thick:
        thick = [max(range(len(slabs)), key=lambda k: slabs[k].thickness)]
    below = _without_thin(slabs, thick, np.empty((0, 4)) if places is None else places / unit)
    mesh, areas = meshed(cell, [slabs[k].thickness for k in thick], sizes, unit, below)
    if cell.shapes and (areas["contact"] <= 0 or areas["gap"] <= 0) and rim_edges(mesh).size:
        raise AspotError("contact or gap lost while clipping the shapes")
    if areas["contact"] <= 0:
        raise InputError(f"shapes = {cell.shapes}: no contact is left inside the cell")
    slab_of = np.array(thick)[mesh.cell_region]
    mesh = TetrahedralMesh(
        nodes=mesh.nodes,
        cells=mesh.cells,
        cell_region=slab_of,
        surfaces=mesh.surfaces,
        unit_m=unit,
        region_names=tuple(str(k) for k in range(len(slabs))),
    )
    z = 0.0
    for k, slab in enumerate(slabs):
        if k not in thick:
            mesh = _with_thin_slab(
                mesh, k, _sublayers(slab.thickness, rim_size / unit + grading * z, grading, sizes.max_size / unit)
            )
        z += slab.thickness
    for k, slab in enumerate(slabs):
        if slab.jump_above is not None:
            mesh = with_jump(mesh, slab.jump_above, mesh.cell_region >= k)
    region = np.array([slab.region for slab in slabs])[mesh.cell_region]
    mesh = TetrahedralMesh(
        nodes=mesh.nodes,
        cells=mesh.cells,
        cell_region=region,
        surfaces=mesh.surfaces,
        jumps=mesh.jumps,
        unit_m=unit,
        region_names=("electrolyte", *(name for name, _ in layers)),
    )
    return finished(mesh, cell, areas, sizes, order, quarter_points)


def finished(
    mesh: TetrahedralMesh,
    cell: BoxCell,
    areas: dict[str, float],
    sizes: MeshSizes,
    order: int = 2,
    quarter_points: bool = True,
) -> TetrahedralMesh:
    """Mesh of order 1 cut as `sizes` want it, of the order wanted, rims curved and of the right area; checked."""
    allowed = _area_error(cell, mesh, order, min(area for area in areas.values() if area > 0))
    if order == 2 or sizes.subdivisions > 1:
        unit = mesh.unit_m
        mesh = subdivided(
            mesh,
            n=sizes.subdivisions,
            order=order,
            quarter_points=quarter_points,
            rim_points=lambda start, end, t: _rim_points(cell, unit, start, end, t),
        )
    if (jacobians(mesh, 3)[0] <= 0).any():
        raise AspotError(
            f"rim_size {sizes.rim_size:.3g} m is too coarse to follow the curved rim (cells turn inside out): "
            f"use about 0.2 of the smallest radius of curvature"
        )
    check(mesh, areas={name: (areas[name], allowed) for name in areas if areas[name] > 0})
    return mesh


def _without_thin(slabs: list[_Slab], thick: list[int], places: NDArray[np.float64]) -> NDArray[np.float64]:
    """The places in the coordinates of the stack of thick slabs alone: those in a thin one move to where it will be."""
    out = places.copy()
    top = 0.0
    for k, slab in enumerate(slabs):
        if k not in thick:
            out[:, 2] -= np.clip(places[:, 2] - top, 0.0, slab.thickness)
        top += slab.thickness
    return out


def _with_thin_slab(mesh: TetrahedralMesh, k: int, sublayers: NDArray[np.float64]) -> TetrahedralMesh:
    """Mesh with slab number k extruded between the slabs above and below it (cell_region = slab number)."""
    is_below = mesh.cell_region > k
    if is_below.all():
        facets = np.concatenate([mesh.surfaces["contact"], mesh.surfaces["gap"]])
    elif not is_below.any():
        raise AspotError(f"slab {k}: nothing lies below it")
    else:
        facets = interface_facets(mesh.cells, is_below)
    return with_slab(mesh, is_below=is_below, facets=facets, thicknesses=list(sublayers), region=k)[0]


def _area_error(cell: BoxCell, straight: TetrahedralMesh, order: int, area: float) -> float:
    """Relative area error to expect from what stands for the rims: polygons, corrected for order 2.

    A chord h cuts h^3/(12 R) off a circle of radius R; curves, and polygons of corrected area, miss (h/R)^2 of that.
    """
    rim = rim_edges(straight)
    radii = [min(extent(shape)) ** 2 / max(extent(shape)) for shape in cell.shapes if not isinstance(shape, Square)]
    radii += [shape.inner_radius for shape in cell.shapes if isinstance(shape, Annulus)]
    if not radii or not len(rim):
        return 1e-6  # geometric tolerance of the mesher
    h = np.linalg.norm(straight.nodes[rim[:, 0]] - straight.nodes[rim[:, 1]], axis=1) * straight.unit_m / min(radii)
    # 1.2: terms of higher order in h / R.
    missing = 1.2 * (h**3 / 12 if order == 1 else h**5 / 30) * (min(radii) / straight.unit_m) ** 2
    return 1e-6 + float(missing.sum()) / area


def recommended_sizes(cell: BoxCell, depth: float, level: int) -> MeshSizes:
    """Sizes of a sequence of meshes whose errors shrink smoothly, for order 2 with quarter points.

    Every level cuts the cells of one and the same netgen mesh, level 0, into (level + 1)^3. The error of the
    conductance is led by the first ring of cells around the rims, whose width goes as (level + 1)^-2; measured on
    arrays of discs it falls as (level + 1)^-p, p = 2.1 to 2.4, so that two levels give an error estimate.

    Parameters
    ----------
    cell : BoxCell
    depth : float
        Thickness of the electrolyte [m].
    level : int
        0, 1, 2, ...

    Returns
    -------
    MeshSizes

    Raises
    ------
    InputError
        If the level is negative.
    """
    if level < 0:
        raise InputError(f"level = {level}: must be 0 or more")
    narrowest = min([cell.size_x, cell.size_y, *map(half_width, cell.shapes)])
    largest = 0.35 * min(cell.size_x, cell.size_y)
    rim = min(0.2 * narrowest, largest) if cell.shapes else largest
    return MeshSizes(rim_size=rim, max_size=largest, grading=0.45, subdivisions=level + 1)
