"""Quadrilateral meshes of profile cells: flux tubes (r, z) and strips (x, z), graded geometrically into the rims.

A coarse grid of lines across and in depth, whose spacing grows with the distance from the rims, resolves the geometry
and the layers. The two grid cells that meet at a rim are replaced by nested half-boxes that shrink geometrically
into it, so that small elements stay where they are needed and none is much longer than wide there.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from aspot.morphology.unit_cell import ProfileCell


@dataclass(frozen=True, kw_only=True)
class ProfileMesh:
    """Quadrilaterals over a profile cell; column 0 is r (or x), column 1 the depth z.

    Parameters
    ----------
    vertices : (n, 2) float
        In units of `unit_m`.
    quads : (m, 4) int64
        Vertices, counter-clockwise in (r, z).
    quad_region : (m,) int64
        Index into `region_names`.
    region_names : tuple of str
        Names of the layers, outermost first, then "electrolyte".
    surfaces : dict of str to (k, 2) int64
        Edges by name: "contact", "gap" (at z = 0), "counter" (far face), "axis" (left side) and "wall" (right side);
        empty where there are none.
    axisymmetric : bool
    unit_m : float
        Length of one unit [m].
    """

    vertices: NDArray[np.float64]
    quads: NDArray[np.int64]
    quad_region: NDArray[np.int64]
    region_names: tuple[str, ...]
    surfaces: dict[str, NDArray[np.int64]]
    axisymmetric: bool
    unit_m: float = 1.0


def _distances(length: float, first: float, growth: float) -> NDArray[np.float64]:
    """Distances from a rim: `first`, then growing by about `growth`, the last equal to `length`."""
    if length <= first * (1 + 1e-9):
        return np.array([length])
    steps = max(1, int(np.ceil(np.log(length / first) / np.log(growth) - 1e-9)))
    return first * (length / first) ** (np.arange(steps + 1) / steps)


def _lines_across(cell: ProfileCell, box: float, growth: float) -> NDArray[np.float64]:
    ends = np.array([0.0, *cell.edges, cell.outer])
    lines = [0.0]
    last = len(ends) - 2
    for i, (left, right) in enumerate(pairwise(ends)):
        rim_left, rim_right = i > 0, i < last
        if rim_left and rim_right:
            middle = 0.5 * (right - left)
            d = _distances(middle, box, growth)
            lines += [*(left + d), *(right - d[-2::-1]), right]
        elif rim_left:
            d = _distances(right - left, box, growth)
            lines += [*(left + d[:-1]), right]
        elif rim_right:
            d = _distances(right - left, box, growth)
            lines += [*(right - d[-2::-1]), right]
        else:
            lines += [right]
    return np.array(lines)


def _lines_down(boundaries: NDArray[np.float64], box: float, growth: float, lateral: float) -> NDArray[np.float64]:
    """Depths of the grid lines: all boundaries of layers, and between them sizes that grow with depth."""
    lines = [0.0, box]
    for start, end in pairwise(boundaries):
        first = max(start, box)
        if end <= first * (1 + 1e-9):
            continue
        z = first
        while True:
            # Elements no longer than the lateral size where modes are alive; below, the field is uniform.
            z = min(z * growth, z + lateral) if z < 8.0 * lateral else z * growth
            if z >= end * (1 - 1e-9) or end - z < 0.3 * (z - lines[-1]):
                break
            lines.append(z)
        lines.append(float(end))
    return np.array(lines)


def build(
    cell: ProfileCell,
    *,
    depth: float,
    layers: tuple[tuple[str, float], ...] = (),
    rings: int = 6,
    ratio: float = 0.25,
    growth: float = 2.5,
) -> ProfileMesh:
    """Mesh of a profile cell.

    Parameters
    ----------
    cell : ProfileCell
    depth : float
        Depth of the electrolyte below the layers [m].
    layers : tuple of (name, thickness [m])
        Layers under the electrode, outermost first.
    rings : int
        Number of nested half-boxes around each rim.
    ratio : float
        Ratio of the sizes of successive half-boxes, in (0, 1).
    growth : float
        Ratio of the distances from the rim of successive grid lines, > 1.

    Returns
    -------
    ProfileMesh
        In units of the radius of the tube (or half the pitch).
    """
    unit = cell.outer
    scaled = ProfileCell(
        axisymmetric=cell.axisymmetric, outer=1.0, edges=tuple(e / unit for e in cell.edges), contact=cell.contact
    )
    boundaries = np.cumsum([0.0, *(t / unit for _, t in layers), depth / unit])
    segments = np.diff([0.0, *scaled.edges, 1.0])
    if scaled.edges:
        # Inner segments lie between two rims, whose boxes must not overlap.
        room = [s / (2 if 0 < i < len(segments) - 1 else 1) for i, s in enumerate(segments)]
        box = 0.5 * min(*room, *np.diff(boundaries))
        across = _lines_across(scaled, box, growth)
        down = _lines_down(boundaries, box, growth, lateral=0.5)
    else:
        box = 0.0
        across, down = np.array([0.0, 1.0]), boundaries
    touches = np.searchsorted(scaled.edges, 0.5 * (across[1:] + across[:-1]))
    metal = np.array(scaled.contact)[touches]

    n_down = len(down)
    vertices = [np.stack(np.meshgrid(across, down, indexing="ij"), -1).reshape(-1, 2)]
    i, j = np.meshgrid(np.arange(len(across) - 1), np.arange(n_down - 1), indexing="ij")
    rim_lines = np.searchsorted(across, np.array(scaled.edges) - 1e-14)
    at_rim = (j == 0) & (np.isin(i, rim_lines) | np.isin(i + 1, rim_lines))
    i, j = i[~at_rim], j[~at_rim]
    quads = [np.stack([i * n_down + j, (i + 1) * n_down + j, (i + 1) * n_down + j + 1, i * n_down + j + 1], -1)]
    regions = [np.searchsorted(boundaries[1:], 0.5 * (down[j] + down[j + 1]))]
    top = [(c, c + 1) for c in range(len(across) - 1) if not (np.isin(c, rim_lines) or np.isin(c + 1, rim_lines))]
    edges: dict[str, list[tuple[int, int]]] = {"contact": [], "gap": []}
    for c, d in top:
        edges["contact" if metal[c] else "gap"].append((c * n_down, d * n_down))

    # Corners of a half-box, from its left end on the interface around to its right end.
    corners = np.array([[-1.0, 0.0], [-1.0, 1.0], [0.0, 1.0], [1.0, 1.0], [1.0, 0.0]])
    count = len(vertices[0])
    for line in rim_lines:
        a = across[line]
        left, right = (line - 1) * n_down, (line + 1) * n_down
        outer = np.array([left, left + 1, line * n_down + 1, right + 1, right])
        size_left, size_right, size_down = a - across[line - 1], across[line + 1] - a, down[1]
        for k in range(1, rings + 1):
            shrink = ratio**k
            scale = corners * [1.0, size_down * shrink]
            scale[:, 0] *= np.where(corners[:, 0] < 0, size_left, size_right) * shrink
            vertices.append(scale + np.array([a, 0.0]))
            inner = count + np.arange(5)
            count += 5
            quads.append(np.stack([outer[:-1], inner[:-1], inner[1:], outer[1:]], -1))
            for name, pair in ((metal[line - 1], (0, 0)), (metal[line], (4, 4))):
                edges["contact" if name else "gap"].append((int(outer[pair[0]]), int(inner[pair[1]])))
            outer = inner
        centre = line * n_down
        quads.append(np.array([[outer[0], centre, outer[2], outer[1]], [centre, outer[4], outer[3], outer[2]]]))
        edges["contact" if metal[line - 1] else "gap"].append((int(outer[0]), int(centre)))
        edges["contact" if metal[line] else "gap"].append((int(centre), int(outer[4])))
        regions.append(np.zeros(4 * rings + 2, np.int64))

    bottom = np.arange(len(across)) * n_down + n_down - 1
    surfaces = {name: np.array(pairs, np.int64).reshape(-1, 2) for name, pairs in edges.items()}
    surfaces["counter"] = np.stack([bottom[:-1], bottom[1:]], -1)
    side = np.stack([np.arange(n_down - 1), np.arange(1, n_down)], -1)
    surfaces["axis"], surfaces["wall"] = side, side + (len(across) - 1) * n_down
    return ProfileMesh(
        vertices=np.concatenate(vertices),
        quads=_counter_clockwise(np.concatenate(vertices), np.concatenate(quads)),
        quad_region=np.concatenate(regions),
        region_names=(*(name for name, _ in layers), "electrolyte"),
        surfaces=surfaces,
        axisymmetric=cell.axisymmetric,
        unit_m=unit,
    )


def _counter_clockwise(vertices: NDArray[np.float64], quads: NDArray[np.int64]) -> NDArray[np.int64]:
    p = vertices[quads]
    d, e = p[:, 2] - p[:, 0], p[:, 3] - p[:, 1]
    turned = d[:, 0] * e[:, 1] - d[:, 1] * e[:, 0] < 0
    return np.where(turned[:, None], quads[:, ::-1], quads)
