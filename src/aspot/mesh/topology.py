"""Edges, facets, inserted slabs and jump interfaces of tetrahedral meshes: connectivity only.

Everything here decides by node and cell numbers, never by comparing coordinates.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from aspot.mesh.tetmesh import TetrahedralMesh

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

CELL_EDGES = np.array([(0, 1), (1, 2), (0, 2), (0, 3), (1, 3), (2, 3)])
FACET_EDGES = np.array([(0, 1), (1, 2), (0, 2)])
CELL_FACETS = np.array([(0, 1, 2), (0, 1, 3), (0, 2, 3), (1, 2, 3)])
#: The same with the middle nodes of their edges.
FACETS_WITH_EDGES = np.array([(0, 1, 2, 4, 5, 6), (0, 1, 3, 4, 8, 7), (0, 2, 3, 6, 9, 7), (1, 2, 3, 5, 9, 8)])


def edge_keys(vertices: IntArray, local_edges: IntArray, n_nodes: int) -> IntArray:
    """One integer per edge and simplex, the same for both directions; shape (n_simplices, n_local_edges)."""
    ends = np.sort(vertices[:, local_edges].astype(np.int64), axis=2)
    return ends[..., 0] * n_nodes + ends[..., 1]


def shared_edges(first: IntArray, second: IntArray, n_nodes: int) -> IntArray:
    """Edges (k, 2) that belong to a triangle of `first` and to a triangle of `second` (vertices (n, 3) each)."""
    if len(first) == 0 or len(second) == 0:
        return np.empty((0, 2), dtype=np.int64)
    keys = np.intersect1d(edge_keys(first, FACET_EDGES, n_nodes), edge_keys(second, FACET_EDGES, n_nodes))
    return np.stack([keys // n_nodes, keys % n_nodes], axis=1)


def rim_edges(mesh: TetrahedralMesh) -> IntArray:
    """Vertex pairs (k, 2) of the edges that separate contact from gap."""
    empty = np.empty((0, 3), dtype=np.int64)
    contact, gap = (mesh.surfaces.get(name, empty)[:, :3] for name in ("contact", "gap"))
    return shared_edges(contact, gap, len(mesh.nodes))


def interface_facets(vertices: IntArray, is_below: NDArray[np.bool_]) -> IntArray:
    """Facets (k, 3) between the cells above and the cells below (`is_below`) an inner interface."""
    shared = np.zeros((2, int(vertices.max()) + 1), dtype=bool)
    shared[0, vertices[~is_below]] = True
    shared[1, vertices[is_below]] = True
    on_interface = shared[0] & shared[1]

    def facets(cells: IntArray) -> IntArray:
        near = cells[on_interface[cells].sum(axis=1) >= 3]  # the few cells that can have such a facet
        all_facets = np.sort(near[:, CELL_FACETS].reshape(-1, 3), axis=1)
        return np.unique(all_facets[on_interface[all_facets].all(axis=1)], axis=0)

    both, counts = np.unique(
        np.concatenate([facets(vertices[~is_below]), facets(vertices[is_below])]), axis=0, return_counts=True
    )
    facets_of_both: IntArray = both[counts == 2]
    return facets_of_both


def oriented(nodes: FloatArray, vertices: IntArray) -> IntArray:
    """Cells (n, 4) or (n, 10) with vertices 2 and 3 swapped wherever the volume (of the vertices) is negative."""
    x = nodes[vertices[:, :4]]
    volume = np.einsum("ni,ni->n", np.cross(x[:, 1] - x[:, 0], x[:, 2] - x[:, 0]), x[:, 3] - x[:, 0])
    out = vertices.copy()
    # Edge nodes go with their edges: (12) with (13), (02) with (03).
    swap = np.array([0, 1, 3, 2] if vertices.shape[1] == 4 else [0, 1, 3, 2, 4, 8, 7, 6, 5, 9])
    out[volume < 0] = out[volume < 0][:, swap]
    return out


def _side_of_interface(mesh: TetrahedralMesh, is_below: NDArray[np.bool_], base: IntArray) -> NDArray[np.bool_]:
    """For every node: is it used by cells above the interface only (nodes of the interface excluded)."""
    above = np.zeros(len(mesh.nodes), dtype=bool)
    above[mesh.cells[~is_below]] = True
    above[base] = False
    return above


def with_slab(
    mesh: TetrahedralMesh, *, is_below: NDArray[np.bool_], facets: IntArray, thicknesses: Sequence[float], region: int
) -> tuple[TetrahedralMesh, NDArray[np.bool_]]:
    """Mesh with a slab of tetrahedra extruded along z between the cells above and those below an interface.

    Parameters
    ----------
    mesh : TetrahedralMesh
        Order 1.
    is_below : (m,) bool
        Cells on the side z > interface. All True: the slab goes on top, under contact and gap.
    facets : (k, 3) int
        Triangles of the interface.
    thicknesses : sequence of float
        Of the sublayers, the one nearest z = 0 first [mesh units].
    region : int
        Region of the new cells.

    Returns
    -------
    mesh : TetrahedralMesh
        New cells come last.
    is_below : (m + new,) bool
        The old flags, False for the new cells.
    """
    base = np.unique(facets)
    n_old, n_base, n_sub = len(mesh.nodes), len(base), len(thicknesses)
    moved = np.zeros(n_old, dtype=bool)
    moved[mesh.cells[is_below]] = True
    total = float(np.sum(thicknesses))
    nodes = mesh.nodes.copy()
    z_top = nodes[base, 2].copy()
    nodes[moved, 2] += total
    # Level 0 is the upper side (new nodes), level n_sub the lower side (the old nodes of the cells below).
    depths = np.concatenate([[0.0], np.cumsum(thicknesses)])
    levels = np.empty((n_sub + 1, n_old), dtype=np.int64)
    levels[:] = np.arange(n_old)
    new = []
    for k in range(n_sub):
        levels[k, base] = n_old + k * n_base + np.arange(n_base)
        copy = nodes[base].copy()
        copy[:, 2] = z_top + depths[k]
        new.append(copy)
    nodes = np.concatenate([nodes, *new])
    above = _side_of_interface(mesh, is_below, base)
    cells = mesh.cells.copy()
    cells[~is_below] = levels[0][cells[~is_below]]
    a, b, c = np.sort(facets, axis=1).T  # the order of the numbers fixes the diagonals of shared quadrilaterals
    prisms, front = [], []
    old_front = mesh.surfaces.get("front", np.empty((0, 3), dtype=np.int64))
    p, q = shared_edges(facets, old_front, n_old).T
    for up, down in itertools.pairwise(levels):
        prisms += [
            np.stack([up[a], up[b], up[c], down[c]], axis=1),
            np.stack([up[a], up[b], down[b], down[c]], axis=1),
            np.stack([up[a], down[a], down[b], down[c]], axis=1),
        ]
        front += [np.stack([up[p], up[q], down[q]], axis=1), np.stack([up[p], down[p], down[q]], axis=1)]
    slab = oriented(nodes, np.concatenate(prisms))
    on_top = bool(np.all(is_below))
    surfaces = {}
    for name, facet in mesh.surfaces.items():
        upper = np.full(len(facet), on_top) if name in ("contact", "gap") else above[facet].sum(axis=1) > 0
        surfaces[name] = np.where(upper[:, None], levels[0][facet], facet)
    if "front" in surfaces:
        surfaces["front"] = np.concatenate([surfaces["front"], *front])
    out = replace(
        mesh,
        nodes=nodes,
        cells=np.concatenate([cells, slab]),
        surfaces=surfaces,
        cell_region=np.concatenate([mesh.cell_region, np.full(len(slab), region, dtype=np.int64)]),
    )
    return out, np.concatenate([is_below, np.zeros(len(slab), dtype=bool)])


def with_jump(mesh: TetrahedralMesh, name: str, is_below: NDArray[np.bool_]) -> TetrahedralMesh:
    """Mesh (order 1) whose potential may jump between the cells above and the cells below (`is_below`).

    The nodes of the interface are doubled; `jumps[name]` holds its facets as seen from above and from below.
    """
    facets = interface_facets(mesh.cells, is_below)
    base = np.unique(facets)
    n_old = len(mesh.nodes)
    above = _side_of_interface(mesh, is_below, base)
    lower = np.arange(n_old)
    lower[base] = n_old + np.arange(len(base))
    cells = mesh.cells.copy()
    cells[is_below] = lower[cells[is_below]]
    surfaces = {}
    for key, facet in mesh.surfaces.items():
        is_upper = np.full(len(facet), True) if key in ("contact", "gap") else above[facet].sum(axis=1) > 0
        surfaces[key] = np.where(is_upper[:, None], facet, lower[facet])
    return replace(
        mesh,
        nodes=np.concatenate([mesh.nodes, mesh.nodes[base]]),
        cells=cells,
        surfaces=surfaces,
        jumps={**mesh.jumps, name: (facets, lower[facets])},
    )


def with_grains(mesh: TetrahedralMesh, name: str, grain: IntArray) -> TetrahedralMesh:
    """Mesh (order 1 or 2) whose potential may jump wherever cells of two grains meet.

    Every node is there once for each grain that has it, so that lines and points where several grains meet need no
    care. `jumps[name]` holds all facets between grains, as seen from either.

    Parameters
    ----------
    mesh : TetrahedralMesh
    name : str
    grain : (n_cells,) int
        Number of the grain of each cell.
    """
    cells, n_nodes = mesh.cells, len(mesh.nodes)
    local = FACETS_WITH_EDGES if mesh.order == 2 else CELL_FACETS
    keys = _facet_keys(cells[:, CELL_FACETS].reshape(-1, 3), n_nodes)
    order = np.argsort(keys, kind="stable")
    owner = order // 4
    is_shared = keys[order[1:]] == keys[order[:-1]]
    first = np.flatnonzero(is_shared & (grain[owner[1:]] != grain[owner[:-1]]))
    facets = cells[:, local].reshape(-1, local.shape[1])[order[first]]
    n_grains = int(grain.max()) + 1
    copies, inverse = np.unique(cells * n_grains + grain[:, None], return_inverse=True)

    def copy_of(nodes: IntArray, of: IntArray) -> IntArray:
        return np.searchsorted(copies, nodes * n_grains + of[:, None])

    surfaces = {}
    for key, facet in mesh.surfaces.items():
        at = np.searchsorted(keys[order], _facet_keys(facet[:, :3], n_nodes))
        surfaces[key] = copy_of(facet, grain[owner[at]]) if len(facet) else facet
    return replace(
        mesh,
        nodes=mesh.nodes[copies // n_grains],
        cells=inverse.reshape(cells.shape),
        surfaces=surfaces,
        jumps={**mesh.jumps, name: (copy_of(facets, grain[owner[first]]), copy_of(facets, grain[owner[first + 1]]))},
    )


def _facet_keys(facets: IntArray, n_nodes: int) -> IntArray:
    """One integer per triangle, whatever the order of its vertices."""
    s = np.sort(facets, axis=1).astype(np.int64)
    return np.asarray((s[:, 0] * n_nodes + s[:, 1]) * n_nodes + s[:, 2])
