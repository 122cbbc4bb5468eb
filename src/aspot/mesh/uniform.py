"""Structured tetrahedral meshes of a box, for convergence tests and benchmarks."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from aspot.errors import InputError
from aspot.mesh.subdivision import subdivided
from aspot.mesh.tetmesh import TetrahedralMesh
from aspot.mesh.topology import with_jump

IntArray = NDArray[np.int64]


def uniform_box(
    nx: int,
    ny: int,
    nz: int,
    size: tuple[float, float, float] = (1.0, 1.0, 1.0),
    *,
    order: int = 1,
    contact: Callable[[IntArray, IntArray], NDArray[np.bool_]] | None = None,
    jump: tuple[str, int] | None = None,
    layers: tuple[tuple[str, int], ...] = (),
    unit_m: float = 1.0,
) -> TetrahedralMesh:
    """Box of nx x ny x nz bricks, each cut into Kuhn's 6 tetrahedra.

    Parameters
    ----------
    nx, ny, nz : int
        Numbers of bricks.
    size : tuple of float
        Sides along x, y, z, in units of `unit_m`.
    order : int
        1: 4 nodes per cell, 2: 10.
    contact : callable, optional
        Takes brick indices i, j (arrays) and tells where the metal touches at z = 0. Default: everywhere.
    jump : (str, int), optional
        Name, and number of brick rows above an inner interface with doubled nodes.
    layers : tuple of (str, int)
        Name and number of brick rows of layers under the interface, outermost first.
    unit_m : float
        Length of one unit [m].

    Returns
    -------
    TetrahedralMesh

    Raises
    ------
    InputError
        Numbers or sizes that are not positive, layers or jump that do not fit.
    """
    if min(nx, ny, nz) < 1 or min(size) <= 0:
        raise InputError(f"bricks ({nx}, {ny}, {nz}), size {size}: must be positive")
    if order not in (1, 2):
        raise InputError(f"order = {order}: must be 1 or 2")
    if sum(rows for _, rows in layers) >= nz or any(rows < 1 for _, rows in layers):
        raise InputError(f"layers = {layers}: rows must be positive and leave some of nz = {nz} for the electrolyte")
    if jump is not None and not 0 < jump[1] < nz:
        raise InputError(f"jump = {jump}: must lie between 0 and nz = {nz}")
    axes = [np.linspace(0.0, length, n + 1) for length, n in zip(size, (nx, ny, nz), strict=True)]
    x, y, z = np.meshgrid(*axes, indexing="ij")
    nodes = np.stack([x.ravel(), y.ravel(), z.ravel()], axis=1)
    stride = np.array([(ny + 1) * (nz + 1), nz + 1, 1])
    i, j, k = (index.ravel() for index in np.meshgrid(np.arange(nx), np.arange(ny), np.arange(nz), indexing="ij"))
    corner = i * stride[0] + j * stride[1] + k * stride[2]
    cells = np.empty((len(corner), 6, 4), dtype=np.int64)
    for t, axis in enumerate(itertools.permutations(range(3))):
        path = np.concatenate([[0], np.cumsum(stride[list(axis)])])
        if np.linalg.det(np.eye(3)[list(axis)]) < 0:
            path = path[[0, 2, 1, 3]]
        cells[:, t] = corner[:, None] + path
    region_of_row = np.zeros(nz, dtype=np.int64)
    start = 0
    for number, (_, rows) in enumerate(layers, start=1):
        region_of_row[start : start + rows] = number
        start += rows

    def plane(first: int, second: int, n: tuple[int, int], offset: int) -> tuple[IntArray, IntArray, IntArray]:
        """Two triangles per square of a grid plane (n_squares, 2, 3), and the squares' indices."""
        p, q = (index.ravel() for index in np.meshgrid(np.arange(n[0]), np.arange(n[1]), indexing="ij"))
        c = p * stride[first] + q * stride[second] + offset
        across = stride[first] + stride[second]
        return np.stack([np.stack([c, c + stride[a], c + across], axis=1) for a in (first, second)], axis=1), p, q

    top, p, q = plane(0, 1, (nx, ny), 0)
    touches = np.ones(len(p), dtype=bool) if contact is None else np.asarray(contact(p, q), dtype=bool)
    surfaces = {
        "contact": top[touches].reshape(-1, 3),
        "gap": top[~touches].reshape(-1, 3),
        "counter": plane(0, 1, (nx, ny), nz)[0].reshape(-1, 3),
        "front": plane(0, 2, (nx, nz), 0)[0].reshape(-1, 3),
    }
    names = ("electrolyte", *(name for name, _ in layers))
    mesh = TetrahedralMesh(
        nodes=nodes,
        cells=cells.reshape(-1, 4),
        cell_region=np.repeat(region_of_row[k], 6),
        region_names=names,
        surfaces=surfaces,
        unit_m=unit_m,
    )
    if jump is not None:
        mesh = with_jump(mesh, jump[0], np.repeat(k >= jump[1], 6))
    return mesh if order == 1 else subdivided(mesh, n=1, order=2, quarter_points=False)
