"""Fields between the faces of slabs, mode by mode: where to sample them, and their values there."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

#: Depths at which a field is sampled in the electrolyte, and in each half of a layer.
_DEPTHS, _LAYER_DEPTHS = 28, 6


def depths(thickness: float, smallest: float, *, is_layer: bool) -> FloatArray:
    """Depths from 0 to `thickness`, denser towards the interface, in a layer towards both faces."""
    if not is_layer:
        return np.concatenate([[0.0], np.geomspace(min(smallest, 0.1 * thickness), thickness, _DEPTHS)])
    half = np.concatenate([[0.0], np.geomspace(min(smallest, 0.05 * thickness), 0.5 * thickness, _LAYER_DEPTHS)])
    return np.concatenate([half, thickness - half[-2::-1]])


def profiles(
    k: FloatArray, depth: FloatArray, thickness: float, top: ComplexArray, bottom: ComplexArray
) -> tuple[ComplexArray, ComplexArray]:
    """Modal potentials and their slopes in z at depths of a slab, each (depths, modes), from those of its faces."""
    z, rest = depth[:, None], thickness - depth[:, None]
    kt = np.maximum(k * thickness, 1e-9)  # the uniform mode is linear: the limit of a small k
    k = kt / thickness
    below = -np.expm1(-2.0 * kt)
    # sinh(k rest) / sinh(k t) and the like, without overflow.
    down, up = -np.exp(-k * z) * np.expm1(-2 * k * rest) / below, -np.exp(-k * rest) * np.expm1(-2 * k * z) / below
    down_slope = -k * np.exp(-k * z) * (1.0 + np.exp(-2 * k * rest)) / below
    up_slope = k * np.exp(-k * rest) * (1.0 + np.exp(-2 * k * z)) / below
    return down * top + up * bottom, down_slope * top + up_slope * bottom


def hexahedra(n_z: int, n_u: int, n_v: int) -> NDArray[np.int64]:
    """Cells of a grid whose points run over z, u and v, the last fastest."""
    index = np.arange(n_z * n_u * n_v).reshape(n_z, n_u, n_v)
    corners = [(0, 0), (1, 0), (1, 1), (0, 1)]
    at = [index[k : n_z - 1 + k, i : n_u - 1 + i, j : n_v - 1 + j] for k in (0, 1) for i, j in corners]
    return np.stack([a.ravel() for a in at], -1)


def triangles(n_z: int, n_x: int) -> NDArray[np.int64]:
    """Triangles of a grid of points that run over z and x, the last fastest."""
    index = np.arange(n_z * n_x).reshape(n_z, n_x)
    a, b, c, d = index[:-1, :-1].ravel(), index[:-1, 1:].ravel(), index[1:, 1:].ravel(), index[1:, :-1].ravel()
    return np.concatenate([np.stack([a, b, c], -1), np.stack([a, c, d], -1)])
