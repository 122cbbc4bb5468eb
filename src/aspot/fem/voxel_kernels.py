"""Compiled sums over voxels: Q1 hexahedra on a regular grid, one material each, without a stored matrix.

On a voxel the potential is a product of linear functions. In the basis of sums and differences along each axis (the
Hadamard basis, 8 products) the mass and stiffness matrices of an axis are diagonal,

    M = h/6 [[2, 1], [1, 2]]   -> h/4 for the sum, h/12 for the difference,
    G = 1/h [[1, -1], [-1, 1]] -> 0 for the sum,   1/h for the difference,

as coefficients of the squares of s = a + b and d = b - a in the energy. So the energy of a voxel is kappa times a
weighted sum of seven squares, each of differences of potentials: no rounding error ever makes a constant potential cost
energy. Per row of voxels the sums over y and z are taken node by node and shared.

Vectors live on all nodes, shape (nz + 1, ny + 1, nx + 1). Where an axis is periodic its last nodes are those of the
first once more; they hold copies in what a kernel reads, and their share of the result is to be added to the first.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

_FAST = {"nnan", "nsz", "contract", "reassoc", "arcp"}


def mode_weights(voxel_m: tuple[float, float, float]) -> NDArray[np.float64]:
    """Energy per admittivity of the squares of the eight products, index 4 (z) + 2 (y) + (x), 1: difference [m].

    Parameters
    ----------
    voxel_m : (hz, hy, hx)
        Edges of a voxel [m].
    """
    out = np.zeros(8)
    for m in range(8):
        is_difference = [(m >> 2) & 1, (m >> 1) & 1, m & 1]
        for axis in range(3):
            if is_difference[axis]:
                value = 1.0
                for other, h in enumerate(voxel_m):
                    value *= 1.0 / h if other == axis else h / (12.0 if is_difference[other] else 4.0)
                out[m] += value
    return out


@njit(nogil=True, cache=True, fastmath=_FAST)
def _forward(a, f, k, j, n):  # type: ignore[no-untyped-def]
    """Sums and differences over y and z of the four rows of nodes around a row of voxels, into f (4, n)."""
    for i in range(n):
        low, high = a[k, j, i], a[k, j + 1, i]
        low_up, high_up = a[k + 1, j, i], a[k + 1, j + 1, i]
        s0, d0, s1, d1 = low + high, high - low, low_up + high_up, high_up - low_up
        f[0, i] = s0 + s1
        f[1, i] = d0 + d1
        f[2, i] = s1 - s0
        f[3, i] = d1 - d0


@njit(nogil=True, cache=True, fastmath=_FAST)
def _backward(f, y, k, j, n, low, high):  # type: ignore[no-untyped-def]
    """Transpose of `_forward`, added to the rows of y at depths k (if `low`) and k + 1 (if `high`)."""
    if low:
        for i in range(n):
            s, d = f[0, i] - f[2, i], f[1, i] - f[3, i]
            y[k, j, i] += s - d
            y[k, j + 1, i] += s + d
    if high:
        for i in range(n):
            s, d = f[0, i] + f[2, i], f[1, i] + f[3, i]
            y[k + 1, j, i] += s - d
            y[k + 1, j + 1, i] += s + d


@njit(nogil=True, cache=True, fastmath=_FAST)
def _rows(kappa, region, w, x, y, first, last):  # type: ignore[no-untyped-def]
    """Set y = A x on planes first <= k < last, copies apart."""
    nz, ny, nx = region.shape
    y[first:last] = 0.0
    f = np.empty((4, nx + 1), x.dtype)
    g = np.empty((4, nx + 1), x.dtype)
    c = np.empty(nx, x.dtype)
    for k in range(max(first - 1, 0), min(last, nz)):
        for j in range(ny):
            for i in range(nx):
                c[i] = kappa[region[k, j, i]]
            _forward(x, f, k, j, nx + 1)
            for m in range(4):
                ws, wd = w[2 * m], w[2 * m + 1]
                g[m, 0] = 0.0
                if m == 0:
                    for i in range(nx):
                        g[0, i + 1] = c[i] * wd * (f[0, i + 1] - f[0, i])
                    for i in range(nx):
                        g[0, i] -= g[0, i + 1]
                else:
                    for i in range(nx):
                        s, d = c[i] * ws * (f[m, i + 1] + f[m, i]), c[i] * wd * (f[m, i + 1] - f[m, i])
                        f[m, i] = s - d
                        g[m, i + 1] = s + d
                    for i in range(nx):
                        g[m, i] += f[m, i]
            _backward(g, y, k, j, nx + 1, k >= first, k + 1 < last)


@njit(nogil=True, cache=True, fastmath=_FAST)
def _folded(y, k, periodic):  # type: ignore[no-untyped-def]
    """Add what copies of periodic nodes hold to the first ones, in a plane."""
    if periodic:
        y[k, 0] += y[k, -1]
        for j in range(y.shape[1]):
            y[k, j, 0] += y[k, j, -1]


@njit(nogil=True, cache=True, fastmath=_FAST)
def product(kappa, region, weights, tie, kept, periodic, x, y, first, last):  # type: ignore[no-untyped-def]
    """Set y = A x at the nodes that are kept, on planes first <= k < last; 0 at others and at copies.

    kappa: admittivity by region. tie: conductance to port or ground by laws on faces, on all nodes, or empty. x holds
    its copies.
    """
    _rows(kappa, region, weights, x, y, first, last)
    for k in range(first, last):
        _folded(y, k, periodic)
        for j in range(y.shape[1]):
            if tie.size:
                for i in range(y.shape[2]):
                    y[k, j, i] += tie[k, j, i] * x[k, j, i]
            for i in range(y.shape[2]):
                y[k, j, i] = y[k, j, i] if kept[k, j, i] else 0.0


@njit(nogil=True, cache=True, fastmath=_FAST)
def residual(kappa, region, weights, tie, inverse, periodic, b, x, y, first, last):  # type: ignore[no-untyped-def]
    """Set y = b - A x where the inverse diagonal is not 0, else 0."""
    _rows(kappa, region, weights, x, y, first, last)
    for k in range(first, last):
        _folded(y, k, periodic)
        for j in range(y.shape[1]):
            if tie.size:
                for i in range(y.shape[2]):
                    y[k, j, i] += tie[k, j, i] * x[k, j, i]
            for i in range(y.shape[2]):
                y[k, j, i] = b[k, j, i] - y[k, j, i] if inverse[k, j, i] > 0.0 else 0.0


@njit(nogil=True, cache=True, fastmath=_FAST)
def smoothed(kappa, region, weights, tie, inverse, periodic, b, x, y, first, last):  # type: ignore[no-untyped-def]
    """Set y = x + D^-1 (b - A x); 0 where the inverse diagonal D^-1 is."""
    _rows(kappa, region, weights, x, y, first, last)
    for k in range(first, last):
        _folded(y, k, periodic)
        for j in range(y.shape[1]):
            if tie.size:
                for i in range(y.shape[2]):
                    y[k, j, i] += tie[k, j, i] * x[k, j, i]
            for i in range(y.shape[2]):
                t = x[k, j, i] + inverse[k, j, i] * (b[k, j, i] - y[k, j, i])
                y[k, j, i] = t if inverse[k, j, i] > 0.0 else 0.0


@njit(nogil=True, cache=True, fastmath=_FAST)
def corner_sums(values, region, out, first, last):  # type: ignore[no-untyped-def]
    """Sum of a value by region over the up to eight voxels around the nodes of planes first <= k < last."""
    nz, ny, nx = region.shape
    out[first:last] = 0.0
    for k in range(max(first - 1, 0), min(last, nz)):
        for j in range(ny):
            for i in range(nx):
                c = values[region[k, j, i]]
                for kk in range(max(k, first), min(k + 2, last)):
                    out[kk, j, i] += c
                    out[kk, j, i + 1] += c
                    out[kk, j + 1, i] += c
                    out[kk, j + 1, i + 1] += c


@njit(nogil=True, cache=True, fastmath=_FAST)
def energies(region, weights, n_regions, x, y, first, last):  # type: ignore[no-untyped-def]
    """Energies of x with x, y with y and x with y by region, over voxels of layers first <= k < last, (3, regions)."""
    _, ny, nx = region.shape
    out = np.zeros((3, n_regions))
    f, g = np.empty((4, nx + 1)), np.empty((4, nx + 1))
    e = np.empty((3, nx))
    for k in range(first, last):
        for j in range(ny):
            _forward(x, f, k, j, nx + 1)
            _forward(y, g, k, j, nx + 1)
            e[:] = 0.0
            for m in range(4):
                ws, wd = weights[2 * m], weights[2 * m + 1]
                for i in range(nx):
                    s, d = f[m, i + 1] + f[m, i], f[m, i + 1] - f[m, i]
                    t, u = g[m, i + 1] + g[m, i], g[m, i + 1] - g[m, i]
                    if m == 0:
                        s, t = 0.0, 0.0
                    e[0, i] += ws * s * s + wd * d * d
                    e[1, i] += ws * t * t + wd * u * u
                    e[2, i] += ws * s * t + wd * d * u
            for i in range(nx):
                r = region[k, j, i]
                out[0, r] += e[0, i]
                out[1, r] += e[1, i]
                out[2, r] += e[2, i]
    return out


@njit(nogil=True, cache=True, fastmath=_FAST)
def _weighted(out, row, factor, shift):  # type: ignore[no-untyped-def]
    """Factor times a row, shifted."""
    for i in range(len(out)):
        out[i] = factor * row[i + shift]


@njit(nogil=True, cache=True, fastmath=_FAST)
def _both(out, row, factor):  # type: ignore[no-untyped-def]
    """Factor times the sums of neighbours in a row."""
    for i in range(len(out)):
        out[i] = factor * (row[i] + row[i + 1])


@njit(nogil=True, cache=True, fastmath=_FAST)
def conductances(kappa, region, pairs, is_free, has_fixed, off, first, last):  # type: ignore[no-untyped-def]
    """Conductances between free nodes of planes first <= k < last and the 13 neighbours that follow them.

    pairs: by which axes differ, index 4 (z) + 2 (y) + (x), for admittivity 1. has_fixed: rows of nodes (nz + 1, ny + 1)
    that hold nodes at port or ground.
    """
    nz, ny, nx = region.shape
    # Sums over y or z of the rows of voxels around a row of nodes; voxel i stands at i + 1.
    all_, after_y, after_z = np.zeros((3, nx + 2), off.dtype)
    low, high = np.zeros((2, nx + 2), off.dtype)
    for k in range(first, last):
        for j in range(ny + 1):
            all_[:] = 0.0
            after_y[:] = 0.0
            after_z[:] = 0.0
            low[:] = 0.0
            high[:] = 0.0
            for a in range(2):
                for b in range(2):
                    kk, jj = k - 1 + a, j - 1 + b
                    if 0 <= kk < nz and 0 <= jj < ny:
                        for i in range(nx):
                            c = kappa[region[kk, jj, i]]
                            all_[i + 1] += c
                            if b == 1:
                                after_y[i + 1] += c
                            if a == 1:
                                after_z[i + 1] += c
                                if b == 1:
                                    high[i + 1] = c
                                else:
                                    low[i + 1] = c
            _weighted(off[0, k, j], all_, pairs[1], 1)
            _weighted(off[1, k, j], after_y, pairs[3], 0)
            _both(off[2, k, j], after_y, pairs[2])
            _weighted(off[3, k, j], after_y, pairs[3], 1)
            _weighted(off[4, k, j], low, pairs[7], 0)
            _both(off[5, k, j], low, pairs[6])
            _weighted(off[6, k, j], low, pairs[7], 1)
            _weighted(off[7, k, j], after_z, pairs[5], 0)
            _both(off[8, k, j], after_z, pairs[4])
            _weighted(off[9, k, j], after_z, pairs[5], 1)
            _weighted(off[10, k, j], high, pairs[7], 0)
            _both(off[11, k, j], high, pairs[6])
            _weighted(off[12, k, j], high, pairs[7], 1)
            # A node without conductors around has no conductances; only fixed ones are to be left out.
            near = False
            for kk in range(k, min(k + 2, nz + 1)):
                for jj in range(max(j - 1, 0), min(j + 2, ny + 1)):
                    near = near or has_fixed[kk, jj]
            for s in range(13):
                code = s + 1
                dz = (code + 4) // 9
                dy = (code - 9 * dz + 1 + 3) // 3 - 1
                dx = code - 9 * dz - 3 * dy
                if k + dz > nz or j + dy < 0 or j + dy > ny:
                    off[s, k, j] = 0.0
                    continue
                if near:
                    for i in range(max(0, -dx), nx + 1 - max(0, dx)):
                        if not (is_free[k, j, i] and is_free[k + dz, j + dy, i + dx]):
                            off[s, k, j, i] = 0.0
