"""How many tetrahedra a mesher makes of a field of sizes that grow from points and edges."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from aspot.mesh.netgen import MeshSizes
from aspot.morphology.unit_cell import Annulus, BoxCell, Shape, Square, extent

FloatArray = NDArray[np.float64]

#: netgen's tetrahedra per cube of the local size, and its largest size at an edge over the length of the edge; measured
#: on contacts on bricks and Voronoi grains, 12 to 81 of them.
_PER_CUBE, _PER_EDGE = 4.7, 0.8
#: Points along an edge, and boxes whose distances are held at once.
_ALONG, _BLOCK = 5, 2048
#: Cuts of a box in half, at most.
_DEEPEST = 12


def estimated_number(cell: BoxCell, depth: float, sizes: MeshSizes, edges: FloatArray) -> float:
    """Tetrahedra of a box with rims on its top and edges of walls inside, within a factor of 1.4.

    The size is h(x) = min(max_size, h_i + grading |x - x_i|) over points x_i of the rims, where h_i = rim_size, and of
    the edges, where it is about their length: no edge is longer than its part of the geometry. The number is the
    integral of dV/h^3, on boxes that are halved until they are no larger than the size in their middle.

    Parameters
    ----------
    cell : BoxCell
    depth : float
        [m]
    sizes : MeshSizes
        `places` are left out.
    edges : (n, 2, 3) float
        Both ends of every edge [m].
    """
    points, at = _sources(cell, sizes, edges)
    is_limit = at < sizes.max_size
    points, at = points[is_limit], at[is_limit]
    box = np.array([cell.size_x, cell.size_y, depth])
    parts = np.maximum(np.ceil(box / sizes.max_size), 1.0).astype(int)
    side = box / parts
    middles = _grid([(np.arange(n) + 0.5) * s for n, s in zip(parts, side, strict=True)])
    halves = _grid([np.array([-0.25, 0.25])] * 3)
    total = 0.0
    for cut in range(_DEEPEST + 1):
        h = np.full(len(middles), sizes.max_size)
        for start in range(0, len(middles) if len(points) else 0, _BLOCK):
            block = slice(start, start + _BLOCK)
            away = np.linalg.norm(middles[block, None] - points, axis=2)
            h[block] = np.minimum(sizes.max_size, np.min(at + sizes.grading * away, axis=1))
        done = (h >= 0.999 * side.max()) | (cut == _DEEPEST)
        total += float(np.sum(side.prod() / h[done] ** 3))
        middles = middles[~done]
        if not len(middles):
            break
        middles = (middles[:, None] + halves * side).reshape(-1, 3)
        side = side / 2
    return _PER_CUBE * total * sizes.subdivisions**3


def _grid(axes: list[FloatArray]) -> FloatArray:
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)


def _radius(shape: Shape, x: FloatArray, y: FloatArray) -> FloatArray:
    """1 on the outer rim of a shape, less inside."""
    p, q = extent(shape)
    u, v = np.abs(x - shape.x) / p, np.abs(y - shape.y) / q
    return np.maximum(u, v) if isinstance(shape, Square) else np.hypot(u, v)


def _sources(cell: BoxCell, sizes: MeshSizes, edges: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Points of rims and edges, and the size at each [m]."""
    points, at = [np.empty((0, 3))], [np.empty(0)]
    for shape in cell.shapes:
        p, q = extent(shape)
        inner = [shape.inner_radius / p] if isinstance(shape, Annulus) else []
        n = max(16, int(4 * np.pi * max(p, q) / sizes.rim_size))
        angle = 2 * np.pi * np.arange(n) / n
        x, y = np.cos(angle), np.sin(angle)
        if isinstance(shape, Square):
            x, y = (w / np.maximum(np.abs(np.cos(angle)), np.abs(np.sin(angle))) for w in (x, y))
        for scale in (1.0, *inner):
            rim = np.column_stack([shape.x + scale * p * x, shape.y + scale * q * y, np.zeros(n)])
            slack = 1e-9 * sizes.max_size
            box = (cell.size_x, cell.size_y)
            is_inside = np.all([(rim[:, k] > -slack) & (rim[:, k] < box[k] + slack) for k in (0, 1)], axis=0)
            points.append(rim[is_inside])
            at.append(np.full(int(is_inside.sum()), sizes.rim_size))
    t = np.linspace(0.0, 1.0, _ALONG)[:, None]
    for a, b in edges:
        for start, end in _pieces(cell, a, b):
            points.append(start + t * (end - start))
            at.append(np.full(_ALONG, max(_PER_EDGE * float(np.linalg.norm(end - start)), sizes.rim_size / 10)))
    return np.concatenate(points), np.concatenate(at)


def _pieces(cell: BoxCell, a: FloatArray, b: FloatArray) -> list[tuple[FloatArray, FloatArray]]:
    """An edge on the top, cut where rims cross it."""
    if a[2] > 0 or b[2] > 0:
        return [(a, b)]
    t = np.linspace(0.0, 1.0, 201)
    x, y = (a[k] + t * (b[k] - a[k]) for k in (0, 1))
    cuts = [0.0, 1.0]
    for shape in cell.shapes:
        inside = _radius(shape, x, y) < 1.0
        cuts += (0.5 * (t[1:] + t[:-1]))[inside[1:] != inside[:-1]].tolist()
    ends = [a + c * (b - a) for c in sorted(cuts)]
    return list(pairwise(ends))
