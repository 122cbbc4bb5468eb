"""Networks on a regular grid: conductances between neighbouring nodes, and what coarser networks are made of.

A network is held as the conductances c_ij between a node and those of its 13 neighbours that follow it (or fewer), and
its ties t_i to the ground:

    energy(x) = sum_pairs c_ij (x_i - x_j)^2 + sum_i t_i x_i^2 .

Every matrix of a scalar diffusion problem can be written so. Sums over differences keep constants free of energy
to the last digit, which stored diagonals do not: with contrasts of 1e12 single precision is enough.

Neighbours have codes 9 dz + 3 dy + dx, 1 to 13 for those that follow; `slot` (14,) gives the row of a code in the
array of conductances, -1 where a network has none. Axes are z, y, x; on a periodic axis the last nodes repeat the
first: what is read there is a copy, what is added there belongs to the first.

Coarser grids take every second node (and the last). A node between two of them is interpolated so that the network,
summed over the other axes, is in balance there; between four or eight likewise, from the edges to the faces to the
middle (Alcouffe, Brandt, Dendy, Painter 1981, doi 10.1137/0902035; Dendy 1982, doi 10.1016/0021-9991(82)90057-2).
Weights are multiples of 2^-23, so that those of a node add up to one exactly. The 26 weights of the up to seven nodes
that follow coarse node C lie side by side: edges x, y, z (2 each), faces xy, xz, yz (4 each), middle (8).
"""

from __future__ import annotations

import numpy as np
from numba import njit

_FAST = {"nnan", "nsz", "contract", "reassoc", "arcp"}
_UNIT = 8388608.0  # 2^23


@njit(nogil=True, cache=True, fastmath=_FAST)
def _rows(off, codes, tie, periodic, x, y, first, last):  # type: ignore[no-untyped-def]
    """Set y = A x on planes first <= k < last, what copies hold added to the first nodes; x holds its copies."""
    nz, ny, nx = x.shape
    for k in range(first, last):
        for j in range(ny):
            for i in range(nx):
                y[k, j, i] = tie[k, j, i] * x[k, j, i]
            for s in range(len(codes)):
                dz, dy, dx = _split(codes[s])
                low, high = max(0, -dx), nx - max(0, dx)
                kk, jj = k + dz, j + dy
                if kk < nz and 0 <= jj < ny:
                    for i in range(low, high):
                        y[k, j, i] += off[s, k, j, i] * (x[k, j, i] - x[kk, jj, i + dx])
                kk, jj = k - dz, j - dy
                if kk >= 0 and 0 <= jj < ny:
                    for i in range(low, high):
                        y[k, j, i + dx] += off[s, kk, jj, i] * (x[k, j, i + dx] - x[kk, jj, i])
        if periodic:
            y[k, 0] += y[k, -1]
            y[k, -1] = 0.0
            for j in range(ny):
                y[k, j, 0] += y[k, j, -1]
                y[k, j, -1] = 0.0


@njit(nogil=True, cache=True, fastmath=_FAST)
def product(off, codes, tie, periodic, x, y, first, last):  # type: ignore[no-untyped-def]
    """Set y = A x on planes first <= k < last, 0 at copies."""
    _rows(off, codes, tie, periodic, x, y, first, last)


@njit(nogil=True, cache=True, fastmath=_FAST)
def residual(off, codes, tie, inverse, periodic, b, x, y, first, last):  # type: ignore[no-untyped-def]
    """Set y = b - A x where the inverse diagonal is not 0, else 0."""
    _rows(off, codes, tie, periodic, x, y, first, last)
    for k in range(first, last):
        for j in range(y.shape[1]):
            for i in range(y.shape[2]):
                y[k, j, i] = b[k, j, i] - y[k, j, i] if inverse[k, j, i] > 0.0 else 0.0


@njit(nogil=True, cache=True, fastmath=_FAST)
def smoothed(off, codes, tie, inverse, periodic, b, x, y, first, last):  # type: ignore[no-untyped-def]
    """Set y = x + D^-1 (b - A x); 0 where the inverse diagonal D^-1 is."""
    _rows(off, codes, tie, periodic, x, y, first, last)
    for k in range(first, last):
        for j in range(y.shape[1]):
            for i in range(y.shape[2]):
                t = x[k, j, i] + inverse[k, j, i] * (b[k, j, i] - y[k, j, i])
                y[k, j, i] = t if inverse[k, j, i] > 0.0 else 0.0


@njit(nogil=True, cache=True, fastmath=_FAST)
def first_step(b, factor, inverse, x, scaled, first, last):  # type: ignore[no-untyped-def]
    """Scaled = factor b and x = D^-1 scaled, on planes first <= k < last."""
    for k in range(first, last):
        for j in range(b.shape[1]):
            for i in range(b.shape[2]):
                t = factor * b[k, j, i]
                scaled[k, j, i] = t
                x[k, j, i] = inverse[k, j, i] * t


@njit(nogil=True, cache=True, fastmath=_FAST)
def diagonal(off, codes, tie, out, first, last):  # type: ignore[no-untyped-def]
    """Sum of the conductances and ties of each node on planes first <= k < last."""
    nz, ny, nx = tie.shape
    for k in range(first, last):
        for j in range(ny):
            for i in range(nx):
                out[k, j, i] = tie[k, j, i]
            for s in range(len(codes)):
                dz, dy, dx = _split(codes[s])
                low, high = max(0, -dx), nx - max(0, dx)
                if k + dz < nz and 0 <= j + dy < ny:
                    for i in range(low, high):
                        out[k, j, i] += off[s, k, j, i]
                if k - dz >= 0 and 0 <= j - dy < ny:
                    for i in range(low, high):
                        out[k, j, i + dx] += off[s, k - dz, j - dy, i]


@njit(nogil=True, cache=True)
def _split(code):  # type: ignore[no-untyped-def]
    """dz, dy, dx of a code."""
    dz = (code + 4) // 9
    dy = (code - 9 * dz + 1) // 3
    return dz, dy, code - 9 * dz - 3 * dy


@njit(nogil=True, cache=True)
def _between(off, slot, inner, k, j, i, dz, dy, dx):  # type: ignore[no-untyped-def]
    """Positive conductance between a node and a neighbour, 0 outside; inner: the node lies on no face of the grid."""
    code = 9 * dz + 3 * dy + dx
    if code < 0:
        k, j, i, code, dz, dy, dx = k + dz, j + dy, i + dx, -code, -dz, -dy, -dx
    s = slot[code]
    if s < 0:
        return 0.0
    if not inner:
        nz, ny, nx = off.shape[1:]
        if (
            k < 0
            or k + dz >= nz
            or min(j, j + dy) < 0
            or max(j, j + dy) >= ny
            or min(i, i + dx) < 0
            or max(i, i + dx) >= nx
        ):
            return 0.0
    return max(float(off[s, k, j, i]), 0.0)


@njit(nogil=True, cache=True)
def _rounded(w, out, at, n, tie):  # type: ignore[no-untyped-def]
    """Store n weights over their total as multiples of 2^-23; without a tie they add up to one."""
    total = max(tie, 0.0)
    for m in range(n):
        total += w[m]
    if total <= 0.0:
        for m in range(n):
            out[at + m] = 0.0
        return
    left, largest = _UNIT, 0
    for m in range(n):
        w[m] = np.floor(_UNIT * w[m] / total + 0.5)
        left -= w[m]
        if w[m] > w[largest]:
            largest = m
    if abs(left) < n:
        w[largest] += left
    for m in range(n):
        out[at + m] = w[m] / _UNIT


@njit(nogil=True, cache=True)
def edge_weights(off, slot, tie, periodic_y, periodic_x, w, first, last):  # type: ignore[no-untyped-def]
    """Weights of nodes between two coarse ones, coarse planes first <= Z < last."""
    nz, ny, nx = tie.shape
    my, mx = w.shape[1:3]
    sums = np.empty(8)
    for cz in range(first, last):
        for cy in range(my - periodic_y):
            for cx in range(mx - periodic_x):
                k, j, i = min(2 * cz, nz - 1), min(2 * cy, ny - 1), min(2 * cx, nx - 1)
                inner = 0 < k < nz - 2 and 0 < j < ny - 2 and 0 < i < nx - 2
                # Nodes on a periodic face have neighbours on both sides of it.
                ends_y, ends_x = 1 + (periodic_y and j == 0), 1 + (periodic_x and i == 0)
                if i + 1 < nx - 1 and i == 2 * cx:
                    sums[:2] = 0.0
                    for a in range(ends_y):
                        jj = j + a * (ny - 1)
                        for dz in range(-1, 2):
                            for dy in range(-1, 2):
                                sums[0] += _between(off, slot, inner, k, jj, i + 1, dz, dy, -1)
                                sums[1] += _between(off, slot, inner, k, jj, i + 1, dz, dy, 1)
                    _rounded(sums, w[cz, cy, cx], 0, 2, tie[k, j, i + 1])
                if j + 1 < ny - 1 and j == 2 * cy:
                    sums[:2] = 0.0
                    for b in range(ends_x):
                        ii = i + b * (nx - 1)
                        for dz in range(-1, 2):
                            for dx in range(-1, 2):
                                sums[0] += _between(off, slot, inner, k, j + 1, ii, dz, -1, dx)
                                sums[1] += _between(off, slot, inner, k, j + 1, ii, dz, 1, dx)
                    _rounded(sums, w[cz, cy, cx], 2, 2, tie[k, j + 1, i])
                if k + 1 < nz - 1 and k == 2 * cz:
                    sums[:2] = 0.0
                    for a in range(ends_y):
                        for b in range(ends_x):
                            jj, ii = j + a * (ny - 1), i + b * (nx - 1)
                            for dy in range(-1, 2):
                                for dx in range(-1, 2):
                                    sums[0] += _between(off, slot, inner, k + 1, jj, ii, -1, dy, dx)
                                    sums[1] += _between(off, slot, inner, k + 1, jj, ii, 1, dy, dx)
                    _rounded(sums, w[cz, cy, cx], 4, 2, tie[k + 1, j, i])


@njit(nogil=True, cache=True)
def face_weights(off, slot, tie, periodic_y, periodic_x, w, first, last):  # type: ignore[no-untyped-def]
    """Weights of nodes between four coarse ones, from those of `edge_weights`."""
    nz, ny, nx = tie.shape
    my, mx = w.shape[1:3]
    sums = np.empty(8)
    for cz in range(first, last):
        for cy in range(my - periodic_y):
            for cx in range(mx - periodic_x):
                k, j, i = 2 * cz, 2 * cy, 2 * cx
                has_x, has_y, has_z = i + 1 < nx - 1, j + 1 < ny - 1, k + 1 < nz - 1
                k, j, i = min(k, nz - 1), min(j, ny - 1), min(i, nx - 1)
                inner = 0 < k < nz - 2 and 0 < j < ny - 2 and 0 < i < nx - 2
                ends_y, ends_x = 1 + (periodic_y and j == 0), 1 + (periodic_x and i == 0)
                if has_x and has_y:
                    for sy in range(2):
                        for sx in range(2):
                            dy, dx = 2 * sy - 1, 2 * sx - 1
                            corner, along_x, along_y = 0.0, 0.0, 0.0
                            for dz in range(-1, 2):
                                corner += _between(off, slot, inner, k, j + 1, i + 1, dz, dy, dx)
                                along_x += _between(off, slot, inner, k, j + 1, i + 1, dz, 0, dx)
                                along_y += _between(off, slot, inner, k, j + 1, i + 1, dz, dy, 0)
                            corner += along_y * w[cz, cy + sy, cx, 0 + sx] + along_x * w[cz, cy, cx + sx, 2 + sy]
                            sums[2 * sy + sx] = corner
                    _rounded(sums, w[cz, cy, cx], 6, 4, tie[k, j + 1, i + 1])
                if has_x and has_z:
                    for sz in range(2):
                        for sx in range(2):
                            dz, dx = 2 * sz - 1, 2 * sx - 1
                            corner, along_x, along_z = 0.0, 0.0, 0.0
                            for a in range(ends_y):
                                for dy in range(-1, 2):
                                    corner += _between(off, slot, inner, k + 1, j + a * (ny - 1), i + 1, dz, dy, dx)
                                    along_x += _between(off, slot, inner, k + 1, j + a * (ny - 1), i + 1, 0, dy, dx)
                                    along_z += _between(off, slot, inner, k + 1, j + a * (ny - 1), i + 1, dz, dy, 0)
                            corner += along_z * w[cz + sz, cy, cx, 0 + sx] + along_x * w[cz, cy, cx + sx, 4 + sz]
                            sums[2 * sz + sx] = corner
                    _rounded(sums, w[cz, cy, cx], 10, 4, tie[k + 1, j, i + 1])
                if has_y and has_z:
                    for sz in range(2):
                        for sy in range(2):
                            dz, dy = 2 * sz - 1, 2 * sy - 1
                            corner, along_y, along_z = 0.0, 0.0, 0.0
                            for b in range(ends_x):
                                for dx in range(-1, 2):
                                    corner += _between(off, slot, inner, k + 1, j + 1, i + b * (nx - 1), dz, dy, dx)
                                    along_y += _between(off, slot, inner, k + 1, j + 1, i + b * (nx - 1), 0, dy, dx)
                                    along_z += _between(off, slot, inner, k + 1, j + 1, i + b * (nx - 1), dz, 0, dx)
                            corner += along_z * w[cz + sz, cy, cx, 2 + sy] + along_y * w[cz, cy + sy, cx, 4 + sz]
                            sums[2 * sz + sy] = corner
                    _rounded(sums, w[cz, cy, cx], 14, 4, tie[k + 1, j + 1, i])


@njit(nogil=True, cache=True)
def _row(w, cz, cy, cx, tz, ty, tx, out):  # type: ignore[no-untyped-def]
    """Weights of a node in a coarse cell for its 8 corners; t: 0 lower corner, 1 middle, 2 upper corner."""
    out[:] = 0.0
    block = w[cz + (tz == 2), cy + (ty == 2), cx + (tx == 2)]
    # Corner on the side of the node along the axes where it is not in the middle.
    base = 4 * (tz == 2) + 2 * (ty == 2) + (tx == 2)
    mid_z, mid_y, mid_x = tz == 1, ty == 1, tx == 1
    if mid_z and mid_y and mid_x:
        for m in range(8):
            out[m] = block[18 + m]
    elif mid_y and mid_x:
        for m in range(4):
            out[base + m] = block[6 + m]
    elif mid_z and mid_x:
        for m in range(4):
            out[base + 4 * (m >> 1) + (m & 1)] = block[10 + m]
    elif mid_z and mid_y:
        for m in range(4):
            out[base + 2 * m] = block[14 + m]
    elif mid_x:
        out[base], out[base + 1] = block[0], block[1]
    elif mid_y:
        out[base], out[base + 2] = block[2], block[3]
    elif mid_z:
        out[base], out[base + 4] = block[4], block[5]


@njit(nogil=True, cache=True)
def middle_weights(off, slot, tie, w, first, last):  # type: ignore[no-untyped-def]
    """Weights of nodes between eight coarse ones, from those of `edge_weights` and `face_weights`."""
    nz, ny, nx = tie.shape
    mz, my, mx = w.shape[:3]
    sums, row = np.empty(8), np.empty(8)
    for cz in range(first, min(last, mz - 1)):
        for cy in range(my - 1):
            for cx in range(mx - 1):
                k, j, i = 2 * cz + 1, 2 * cy + 1, 2 * cx + 1
                if k >= nz - 1 or j >= ny - 1 or i >= nx - 1:
                    continue
                sums[:] = 0.0
                for dz in range(-1, 2):
                    for dy in range(-1, 2):
                        for dx in range(-1, 2):
                            c = _between(off, slot, True, k, j, i, dz, dy, dx)
                            if c > 0.0:
                                if dz != 0 and dy != 0 and dx != 0:
                                    sums[2 * (dz + 1) + dy + 1 + (dx + 1) // 2] += c
                                else:
                                    _row(w, cz, cy, cx, dz + 1, dy + 1, dx + 1, row)
                                    for m in range(8):
                                        sums[m] += c * row[m]
                _rounded(sums, w[cz, cy, cx], 18, 8, tie[k, j, i])


@njit(nogil=True, cache=True, fastmath=_FAST)
def restrict(w, r, coarse, first, last):  # type: ignore[no-untyped-def]
    """Set coarse = P^T r on coarse planes first <= Z < last."""
    nz, ny, nx = r.shape
    my, mx = coarse.shape[1:]
    coarse[first:last] = 0.0
    for cz in range(max(first - 1, 0), last):
        low, high = cz >= first, cz + 1 < last
        k = min(2 * cz, nz - 1)
        has_z = 2 * cz + 1 < nz - 1
        if not (low or has_z):
            continue
        for cy in range(my):
            j = min(2 * cy, ny - 1)
            has_y = 2 * cy + 1 < ny - 1
            for cx in range(mx):
                i = min(2 * cx, nx - 1)
                has_x = 2 * cx + 1 < nx - 1
                b = w[cz, cy, cx]
                if low:
                    s00, s01, s10, s11 = r[k, j, i], 0.0 * r[k, j, i], 0.0 * r[k, j, i], 0.0 * r[k, j, i]
                    if has_x:
                        v = r[k, j, i + 1]
                        s00 += b[0] * v
                        s01 += b[1] * v
                    if has_y:
                        v = r[k, j + 1, i]
                        s00 += b[2] * v
                        s10 += b[3] * v
                    if has_x and has_y:
                        v = r[k, j + 1, i + 1]
                        s00 += b[6] * v
                        s01 += b[7] * v
                        s10 += b[8] * v
                        s11 += b[9] * v
                    if has_z:
                        v = r[k + 1, j, i]
                        s00 += b[4] * v
                        if has_x:
                            v = r[k + 1, j, i + 1]
                            s00 += b[10] * v
                            s01 += b[11] * v
                        if has_y:
                            v = r[k + 1, j + 1, i]
                            s00 += b[14] * v
                            s10 += b[15] * v
                        if has_x and has_y:
                            v = r[k + 1, j + 1, i + 1]
                            s00 += b[18] * v
                            s01 += b[19] * v
                            s10 += b[20] * v
                            s11 += b[21] * v
                    coarse[cz, cy, cx] += s00
                    if has_x:
                        coarse[cz, cy, cx + 1] += s01
                    if has_y:
                        coarse[cz, cy + 1, cx] += s10
                        if has_x:
                            coarse[cz, cy + 1, cx + 1] += s11
                if high and has_z:
                    v = r[k + 1, j, i]
                    coarse[cz + 1, cy, cx] += b[5] * v
                    if has_x:
                        v = r[k + 1, j, i + 1]
                        coarse[cz + 1, cy, cx] += b[12] * v
                        coarse[cz + 1, cy, cx + 1] += b[13] * v
                    if has_y:
                        v = r[k + 1, j + 1, i]
                        coarse[cz + 1, cy, cx] += b[16] * v
                        coarse[cz + 1, cy + 1, cx] += b[17] * v
                    if has_x and has_y:
                        v = r[k + 1, j + 1, i + 1]
                        coarse[cz + 1, cy, cx] += b[22] * v
                        coarse[cz + 1, cy, cx + 1] += b[23] * v
                        coarse[cz + 1, cy + 1, cx] += b[24] * v
                        coarse[cz + 1, cy + 1, cx + 1] += b[25] * v


@njit(nogil=True, cache=True, fastmath=_FAST)
def prolong(w, coarse, x, first, last):  # type: ignore[no-untyped-def]
    """Add: x += P coarse at the nodes that belong to coarse planes first <= Z < last."""
    nz, ny, nx = x.shape
    my, mx = coarse.shape[1:]
    for cz in range(first, last):
        k = min(2 * cz, nz - 1)
        has_z = 2 * cz + 1 < nz - 1
        for cy in range(my):
            j = min(2 * cy, ny - 1)
            has_y = 2 * cy + 1 < ny - 1
            for cx in range(mx):
                i = min(2 * cx, nx - 1)
                has_x = 2 * cx + 1 < nx - 1
                b = w[cz, cy, cx]
                v000 = coarse[cz, cy, cx]
                v001 = coarse[cz, cy, cx + 1] if has_x else v000
                v010 = coarse[cz, cy + 1, cx] if has_y else v000
                v011 = coarse[cz, cy + 1, cx + 1] if has_x and has_y else v000
                x[k, j, i] += v000
                if has_x:
                    x[k, j, i + 1] += b[0] * v000 + b[1] * v001
                if has_y:
                    x[k, j + 1, i] += b[2] * v000 + b[3] * v010
                if has_x and has_y:
                    x[k, j + 1, i + 1] += b[6] * v000 + b[7] * v001 + b[8] * v010 + b[9] * v011
                if has_z:
                    v100 = coarse[cz + 1, cy, cx]
                    v101 = coarse[cz + 1, cy, cx + 1] if has_x else v100
                    v110 = coarse[cz + 1, cy + 1, cx] if has_y else v100
                    v111 = coarse[cz + 1, cy + 1, cx + 1] if has_x and has_y else v100
                    x[k + 1, j, i] += b[4] * v000 + b[5] * v100
                    if has_x:
                        x[k + 1, j, i + 1] += b[10] * v000 + b[11] * v001 + b[12] * v100 + b[13] * v101
                    if has_y:
                        x[k + 1, j + 1, i] += b[14] * v000 + b[15] * v010 + b[16] * v100 + b[17] * v110
                    if has_x and has_y:
                        x[k + 1, j + 1, i + 1] += (
                            b[18] * v000 + b[19] * v001 + b[20] * v010 + b[21] * v011
                            + b[22] * v100 + b[23] * v101 + b[24] * v110 + b[25] * v111
                        )  # fmt: skip
