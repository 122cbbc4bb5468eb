"""Netgen: tetrahedra of straight edges for a stack of boxes under an interface, with the sizes wanted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aspot.errors import AspotError
from aspot.mesh.tetmesh import TetrahedralMesh
from aspot.mesh.topology import oriented
from aspot.morphology.unit_cell import Annulus, BoxCell, Disc, Ellipse, Shape, Square, extent


@dataclass(frozen=True, kw_only=True)
class MeshSizes:
    """Sizes asked of the mesher: h(d) = min(max_size, rim_size + grading d) at distance d from the rims.

    Parameters
    ----------
    rim_size, max_size : float
        Edge lengths at the rims and far from them [m].
    grading : float
        Growth of the edge length with distance, 0 to 1.
    subdivisions : int
        Parts into which every edge of that mesh is cut.
    places : (n, 4) float or None
        Further limits: x, y, z and the largest size there [m].
    """

    rim_size: float
    max_size: float
    grading: float = 0.3
    subdivisions: int = 1
    places: NDArray[np.float64] | None = None


def smallest_half_width(cell: BoxCell) -> float:
    """Smallest half width among shapes and box [m]."""
    return min([cell.size_x, cell.size_y, *(min(extent(shape)) for shape in cell.shapes)])


def _netgen() -> tuple[ModuleType, ModuleType]:
    try:
        from netgen import meshing, occ
    except ImportError as error:
        hint = "python -m pip install netgen-mesher"
        if "cannot open shared object" in str(error):  # e.g. libGL.so.1: No such file
            library = str(error).split(":", 1)[0]
            hint = f"the system library {library} (on Debian: apt-get install libgl1 libglu1-mesa libxft2)"
        raise AspotError(
            f"tetrahedral meshes need netgen-mesher, which does not load ({error}); install {hint}"
        ) from error
    return occ, meshing


def _face(occ: Any, shape: Shape, unit: float) -> Any:
    """Plane face of one shape in mesh units."""
    p, q = (half / unit for half in extent(shape))
    centre = (shape.x / unit, shape.y / unit, 0.0)
    # OCC wants the longer axis of an ellipse first.
    plane = occ.WorkPlane(occ.Axes(centre, n=occ.Z, h=occ.Y if q > p else occ.X))
    if isinstance(shape, Square):
        return plane.RectangleC(2 * p, 2 * q).Face()
    if isinstance(shape, Ellipse) and p != q:
        return plane.Ellipse(max(p, q), min(p, q)).Face()
    disc = plane.Circle(0, 0, p).Face()
    if isinstance(shape, Annulus):
        disc = disc - occ.WorkPlane(occ.Axes(centre, n=occ.Z, h=occ.X)).Circle(0, 0, shape.inner_radius / unit).Face()
    return disc


def _polygon_face(occ: Any, corners: NDArray[np.float64]) -> Any:
    """Plane polygon given by its corners (k, 3) in order."""
    points = [occ.Pnt(*corner) for corner in corners.tolist()]
    return occ.Face(occ.Wire([occ.Segment(a, b) for a, b in zip(points, [*points[1:], points[0]], strict=True)]))


def _fine_places(cell: BoxCell, unit: float) -> list[tuple[float, float, float]]:
    """Places (x, y) that may want cells smaller than the rest of the rim, with the size wanted; mesh units.

    Gaps between neighbouring rims, and between rims and mirror planes; the tips of ellipses.
    """
    places = []
    for shape in cell.shapes:
        if isinstance(shape, Ellipse):
            p, q = shape.semi_axis_x, shape.semi_axis_y
            tips = (
                [(shape.x - p, shape.y), (shape.x + p, shape.y)]
                if p > q
                else [(shape.x, shape.y - q), (shape.x, shape.y + q)]
            )
            curvature_radius = min(p, q) ** 2 / max(p, q)
            places += [
                (x / unit, y / unit, curvature_radius / unit / 2)
                for x, y in tips
                if 0 <= x <= cell.size_x and 0 <= y <= cell.size_y
            ]
    for shape in cell.shapes:
        along = zip(extent(shape), (shape.x, shape.y), (cell.size_x, cell.size_y), (0, 1), strict=True)
        for half, at, size, axis in along:
            across = (shape.y, shape.x)[axis]
            if not 0 <= across <= (cell.size_y, cell.size_x)[axis]:
                continue
            for rim, wall in ((at + half, size), (at - half, 0.0)):
                width = abs(wall - rim)
                if 0 < width < half and 0 <= rim <= size:
                    middle = (rim + wall) / 2
                    x, y = (middle, across) if axis == 0 else (across, middle)
                    places.append((x / unit, y / unit, 2 * width / unit))  # the mirror image doubles the gap
    discs = [shape for shape in cell.shapes if isinstance(shape, Disc | Annulus)]
    for i, one in enumerate(discs):
        for other in discs[i + 1 :]:
            apart = math.hypot(one.x - other.x, one.y - other.y)
            width = apart - one.radius - other.radius
            if 0 < width < min(one.radius, other.radius):
                t = (one.radius + width / 2) / apart
                x, y = one.x + t * (other.x - one.x), one.y + t * (other.y - one.y)
                if 0 <= x <= cell.size_x and 0 <= y <= cell.size_y:
                    places.append((x / unit, y / unit, width / unit))
    for shape in cell.shapes:
        if isinstance(shape, Annulus):
            places.append(
                (
                    (shape.x + (shape.radius + shape.inner_radius) / 2) / unit,
                    shape.y / unit,
                    (shape.radius - shape.inner_radius) / unit,
                )
            )
    return places


def meshed(
    cell: BoxCell,
    thicknesses: Sequence[float],
    sizes: MeshSizes,
    unit: float,
    places: NDArray[np.float64],
    walls: Sequence[NDArray[np.float64]] = (),
) -> tuple[TetrahedralMesh, dict[str, float]]:
    """Stack of boxes under the interface by netgen, region = number of the box; and the exact areas of its top.

    `places` are x, y, z and size in mesh units and in the coordinates of this stack. `walls` are plane polygons (k, 3)
    in mesh units that cut the boxes into parts: the regions are then the parts, in no particular order. The last few
    meshes are kept, as both levels of a pair start from the same one: they must not be written to.
    """
    _netgen()
    plain = replace(sizes, places=None, subdivisions=1)
    points, corners = places.tobytes(), tuple(wall.tobytes() for wall in walls)
    return _meshed(cell, tuple(thicknesses), plain, unit, points, corners)


@lru_cache(maxsize=4)
def _meshed(
    cell: BoxCell,
    thicknesses: tuple[float, ...],
    sizes: MeshSizes,
    unit: float,
    points: bytes,
    corners: tuple[bytes, ...],
) -> tuple[TetrahedralMesh, dict[str, float]]:
    places = np.frombuffer(points).reshape(-1, 4)
    walls = [np.frombuffer(corner).reshape(-1, 3) for corner in corners]
    occ, meshing = _netgen()
    meshing.SetMessageImportance(0)
    sx, sy = cell.size_x / unit, cell.size_y / unit
    base = occ.WorkPlane(occ.Axes((0, 0, 0), n=occ.Z, h=occ.X)).Rectangle(sx, sy).Face()
    parts = {"contact": base}
    if cell.shapes:
        union = _face(occ, cell.shapes[0], unit)
        for shape in cell.shapes[1:]:
            union = union + _face(occ, shape, unit)
        parts = {
            "contact" if cell.contact_inside else "gap": base * union,
            "gap" if cell.contact_inside else "contact": base - union,
        }
    for name, part in parts.items():
        part.faces.name = name
    solids, z = [], 0.0
    for k, thickness in enumerate(thicknesses):
        solid = occ.Box((0, 0, z), (sx, sy, z + thickness))
        solid.mat(f"slab {k}")
        solid.faces.Min(occ.Y).name = "front"
        z += thickness
        if k + 1 == len(thicknesses):
            solid.faces.Max(occ.Z).name = "counter"
        solids.append(solid)
    faces = [_polygon_face(occ, wall) for wall in walls]
    glued = occ.Glue([*parts.values(), *solids, *faces])
    edges: dict[str, list[Any]] = {"contact": [], "gap": []}
    areas = dict.fromkeys(parts, 0.0)
    # Each tagged face appears once by itself and once as a face of the first box.
    for face in (face for solid in glued.solids if solid.name == "slab 0" for face in solid.faces):
        if face.name in edges:
            areas[face.name] += face.mass
            edges[face.name] += list(face.edges)
    for edge in edges["contact"]:
        if any(edge == other for other in edges["gap"]):
            edge.maxh = sizes.rim_size / unit
    # Its threads wait for each other: 20 times the time on a busy machine, and the same mesh.
    parameters = meshing.MeshingParameters(
        maxh=sizes.max_size / unit, grading=sizes.grading, parallel_meshing=False, nthreads=1
    )
    for x, y, width in _fine_places(cell, unit):
        if width < sizes.rim_size / unit:
            parameters.RestrictH(x, y, 0.0, width)
    for x, y, z, size in places.tolist():
        parameters.RestrictH(x, y, z, size)
    try:
        raw = occ.OCCGeometry(glued).GenerateMesh(mp=parameters)
    except Exception as error:  # netgen raises bare exceptions of several kinds
        raise AspotError(
            f"netgen could not mesh this cell with rim_size {sizes.rim_size:.3g} m, "
            f"max_size {sizes.max_size:.3g} m, grading {sizes.grading:.3g}: {error}"
        ) from error
    cells, facets = raw.Elements3D().NumPy(), raw.Elements2D().NumPy()
    if len(cells) == 0:
        raise AspotError("netgen returned no tetrahedra for this cell; try a smaller max_size")
    vertices = cells["nodes"][:, :4].astype(np.int64) - 1
    triangles = facets["nodes"][:, :3].astype(np.int64) - 1
    domains = int(cells["index"].max())
    # Without walls every box is one domain, with walls every part of it.
    box = [k if walls else int(raw.GetMaterial(k + 1).split()[1]) for k in range(domains)]
    tags = np.array([descriptor.bcname for descriptor in raw.FaceDescriptors()])[facets["index"] - 1]
    nodes = np.asarray(raw.Coordinates(), dtype=np.float64).copy()
    nodes.flags.writeable = False
    mesh = TetrahedralMesh(
        nodes=nodes,
        cells=oriented(nodes, vertices),
        cell_region=np.array(box, dtype=np.int64)[cells["index"] - 1],
        region_names=tuple(f"slab {k}" for k in range(max(box) + 1)),
        surfaces={name: triangles[tags == name] for name in ("contact", "gap", "counter", "front")},
        unit_m=unit,
    )
    return mesh, areas
