"""Coarse networks on a regular grid: the energy P^T A P of interpolated potentials, cell by cell.

Networks, codes of neighbours and weights of interpolation are those of `aspot.fem.voxel_network`.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(nogil=True, cache=True)
def _pair(p, q, t, u, value):  # type: ignore[no-untyped-def]
    """Add value (p - q), 8 numbers, to t and subtract it from u; written out, it becomes a few vector operations."""
    d0, d1, d2, d3 = value * (p[0] - q[0]), value * (p[1] - q[1]), value * (p[2] - q[2]), value * (p[3] - q[3])
    d4, d5, d6, d7 = value * (p[4] - q[4]), value * (p[5] - q[5]), value * (p[6] - q[6]), value * (p[7] - q[7])
    t[0] += d0
    t[1] += d1
    t[2] += d2
    t[3] += d3
    t[4] += d4
    t[5] += d5
    t[6] += d6
    t[7] += d7
    u[0] -= d0
    u[1] -= d1
    u[2] -= d2
    u[3] -= d3
    u[4] -= d4
    u[5] -= d5
    u[6] -= d6
    u[7] -= d7


@njit(nogil=True, cache=True)
def _add(t, factor, p):  # type: ignore[no-untyped-def]
    """Add factor p, 8 numbers, to t."""
    d0, d1, d2, d3 = factor * p[0], factor * p[1], factor * p[2], factor * p[3]
    d4, d5, d6, d7 = factor * p[4], factor * p[5], factor * p[6], factor * p[7]
    t[0] += d0
    t[1] += d1
    t[2] += d2
    t[3] += d3
    t[4] += d4
    t[5] += d5
    t[6] += d6
    t[7] += d7


@njit(nogil=True, cache=True, fastmath={"contract"})
def coarsen(off, tie, is_free, w, pairs, starts, middles, coarse_off, coarse_tie, first, last):  # type: ignore[no-untyped-def]
    """Add the energies of the network in every second layer of coarse cells, from `first` on, to the coarse network.

    Two layers that are not neighbours share no coarse node. With C the network of a cell, A P is summed pair by pair
    from differences of rows of P, then P^T (A P). pairs, starts, middles: see `tables`.
    """
    nz, ny, nx = tie.shape
    mz, my, mx = coarse_tie.shape
    p, t = np.zeros((27, 8)), np.empty((27, 8))
    flat_off, flat_tie = off.reshape(-1), tie.reshape(-1)
    # Where the conductance of a pair stands, relative to the first node of the cell.
    places = np.empty(len(pairs), np.int64)
    for r in range(len(pairs)):
        places[r] = (pairs[r, 3] * ny + pairs[r, 4]) * nx + pairs[r, 5] + max(pairs[r, 2], 0) * (nz * ny * nx)
    row_sums, u = np.empty(27), np.empty(27)
    local, ties = np.empty((8, 8)), np.empty(8)
    codes = np.empty((8, 8), np.int64)
    for m in range(8):
        for n in range(8):
            codes[m, n] = 9 * ((n >> 2) - (m >> 2)) + 3 * (((n >> 1) & 1) - ((m >> 1) & 1)) + (n & 1) - (m & 1)
    for cz in range(first, last, 2):
        for cy in range(my - 1):
            for cx in range(mx - 1):
                k, j, i = 2 * cz, 2 * cy, 2 * cx
                # Along each axis: 0: a cell, 1: the last cell, 2: the last cell, of one voxel.
                kind_z = (cz == mz - 2) * (1 + (nz - k == 2))
                kind_y = (cy == my - 2) * (1 + (ny - j == 2))
                kind_x = (cx == mx - 2) * (1 + (nx - i == 2))
                kind = 9 * kind_z + 3 * kind_y + kind_x
                # Up to here local nodes are numbered as if no cell were narrow; the step from corner to corner is
                dz, dy, dx = 2 - (kind_z == 2), 2 - (kind_y == 2), 2 - (kind_x == 2)
                for m in range(8):
                    z, y, x = m >> 2, (m >> 1) & 1, m & 1
                    p[18 * z + 6 * y + 2 * x, m] = 1.0 if is_free[k + z * dz, j + y * dy, i + x * dx] else 0.0
                for r in range(len(middles)):
                    a, b, c = middles[r, 1], middles[r, 2], middles[r, 3]
                    at, count = middles[r, 4], middles[r, 5]
                    for m in range(count):
                        p[middles[r, 0], middles[r, 6 + m]] = w[cz + a, cy + b, cx + c, at + m]
                some = False
                base = (k * ny + j) * nx + i
                t[:] = 0.0
                u[:] = 0.0
                for m in range(27):
                    q = p[m]
                    row_sums[m] = ((q[0] + q[1]) + (q[2] + q[3])) + ((q[4] + q[5]) + (q[6] + q[7]))
                for r in range(starts[kind], starts[kind + 1]):
                    one, other = pairs[r, 0], pairs[r, 1]
                    if other == one:
                        value = float(flat_tie[base + places[r]])
                        if value != 0.0:
                            some = True
                            _add(t[one], value, p[one])
                            u[one] += value * row_sums[one]
                        continue
                    value = float(flat_off[base + places[r]])
                    if value == 0.0:
                        continue
                    some = True
                    _pair(p[one], p[other], t[one], t[other], value)
                    d = value * (row_sums[one] - row_sums[other])
                    u[one] += d
                    u[other] -= d
                if not some:
                    continue
                for m in range(8):
                    at = 18 * (m >> 2) + 6 * ((m >> 1) & 1) + 2 * (m & 1)
                    f = p[at, m]
                    local[m] = 0.0
                    _add(local[m], f, t[at])
                    ties[m] = f * u[at]
                for r in range(len(middles)):
                    at = middles[r, 0]
                    for q in range(middles[r, 5]):
                        m = middles[r, 6 + q]
                        f = p[at, m]
                        _add(local[m], f, t[at])
                        ties[m] += f * u[at]
                for m in range(8):
                    z, y, x = cz + (m >> 2), cy + ((m >> 1) & 1), cx + (m & 1)
                    coarse_tie[z, y, x] += ties[m]
                    for n in range(m + 1, 8):
                        coarse_off[codes[m, n] - 1, z, y, x] -= local[m, n]


@lru_cache(maxsize=4)
def tables(codes: tuple[int, ...]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """What is summed over a coarse cell by `coarsen`.

    Nodes of a cell are numbered 9 z + 3 y + x, each 0 (lower corner), 1 (middle) or 2 (upper corner); a cell of one
    voxel has no middle. A pair or node that lies in several cells is counted in the last of them.

    Parameters
    ----------
    codes : tuple of int
        Of the neighbours of the network.

    Returns
    -------
    pairs : (r, 6) int
        The two nodes, row of the conductances, and position of the first node in the cell; ties are pairs of a node
        with itself.
    starts : (28,) int
        Where the pairs of each of the 27 kinds of cells begin.
    middles : (19, 14) int
        Node, block of weights relative to the cell (3), first weight there, number of weights, their corners (8).
    """
    pairs: list[tuple[int, ...]] = []
    starts = [0]
    for kinds in np.ndindex(3, 3, 3):
        spots = [(0, 2) if kind == 2 else (0, 1, 2) for kind in kinds]
        for place in np.ndindex(*(len(s) for s in spots)):
            node = [s[q] for s, q in zip(spots, place, strict=True)]
            number = 9 * node[0] + 3 * node[1] + node[2]
            for row, code in enumerate([0, *codes]):
                step = ((code + 4) // 9, (code + 4) // 3 % 3 - 1, (code + 4) % 3 - 1)
                there = [q + d for q, d in zip(place, step, strict=True)]
                if any(not 0 <= q < len(s) for q, s in zip(there, spots, strict=True)):
                    continue
                if any(d == 0 and n == 2 and kind == 0 for d, n, kind in zip(step, node, kinds, strict=True)):
                    continue
                end = [s[q] for s, q in zip(spots, there, strict=True)]
                pairs.append((number, 9 * end[0] + 3 * end[1] + end[2], row - 1, *place))
        starts.append(len(pairs))
    middles = []
    for mid in np.ndindex(3, 3, 3):
        between = [axis for axis in range(3) if mid[axis] == 1]
        if between:
            first = {(2,): 0, (1,): 2, (0,): 4, (1, 2): 6, (0, 2): 10, (0, 1): 14, (0, 1, 2): 18}[tuple(between)]
            corners = []
            for side in np.ndindex(*(2,) * len(between)):
                corner = [int(n == 2) for n in mid]
                for axis, s in zip(between, side, strict=True):
                    corner[axis] = s
                corners.append(4 * corner[0] + 2 * corner[1] + corner[2])
            number = 9 * mid[0] + 3 * mid[1] + mid[2]
            known = [number, *(int(n == 2) for n in mid), first, len(corners), *corners]
            middles.append(known + [0] * (14 - len(known)))
    return np.array(pairs), np.array(starts), np.array(middles)
