"""Area that discs cover together in a square that repeats itself, overlaps counted once. Exact.

With Green's theorem the area inside the square is the integral of x dy over its boundary: the arcs of circles inside
the square that no other disc covers, and the covered part of the side x = 1. (The sides along x have dy = 0, and at
x = 0 nothing is added.)
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def union_area(places: FloatArray, radii: FloatArray) -> float:
    """Area of the union of discs in the unit square that repeats itself.

    Parameters
    ----------
    places : (n, 2) float
        Centres in [0, 1).
    radii : (n,) float
        Below 1/2.

    Returns
    -------
    float
        To rounding.
    """
    places, radii = np.asarray(places, float), np.asarray(radii, float)
    x, y, r = [], [], []
    # All images that reach into the square.
    for shift_x in (-1.0, 0.0, 1.0):
        for shift_y in (-1.0, 0.0, 1.0):
            px, py = places[:, 0] + shift_x, places[:, 1] + shift_y
            near = np.hypot(px - np.clip(px, 0.0, 1.0), py - np.clip(py, 0.0, 1.0)) < radii
            x.append(px[near])
            y.append(py[near])
            r.append(radii[near])
    cx, cy, a = np.concatenate(x), np.concatenate(y), np.concatenate(r)
    if len(a) == 0:
        return 0.0
    # Bins of the widest disc, from -1/2 to 3/2, sorted: discs of one bin are neighbours in memory.
    n_bins = int(np.clip(1.0 / float(a.max()), 1, 2 * np.sqrt(len(a)) + 1))
    column, row = (np.clip(((v + 0.5) * 0.5 * n_bins).astype(np.int64), 0, n_bins - 1) for v in (cx, cy))
    order = np.argsort(row * n_bins + column, kind="stable")
    cx, cy, a = (v[order] for v in (cx, cy, a))
    column, row = column[order], row[order]
    start = np.searchsorted(row * n_bins + column, np.arange(n_bins**2 + 1))
    arcs = _arcs(cx, cy, a, column, row, start, n_bins)
    # The covered part of x = 1.
    half = np.sqrt(np.maximum(a**2 - (cx - 1.0) ** 2, 0.0))
    low, high = np.clip(cy - half, 0.0, 1.0), np.clip(cy + half, 0.0, 1.0)
    sides = np.argsort(low)
    low, high = low[sides], np.maximum.accumulate(high[sides])
    before = np.concatenate([[0.0], high[:-1]])
    return float(arcs + np.sum(np.maximum(high - np.maximum(low, before), 0.0)))


@njit(nogil=True, cache=True, error_model="numpy")
def _hide(low: FloatArray, high: FloatArray, n: int, middle: float, half: float) -> int:
    """Note that the angles within `half` of `middle` are hidden, as one or two intervals in [0, 2 pi]."""
    turn = 2.0 * np.pi
    start = (middle - half) % turn
    end = start + 2.0 * half
    low[n], high[n] = start, min(end, turn)
    n += 1
    if end > turn:
        low[n], high[n] = 0.0, end - turn
        n += 1
    return n


@njit(nogil=True, cache=True, error_model="numpy")
def _arcs(
    cx: FloatArray, cy: FloatArray, a: FloatArray, column: IntArray, row: IntArray, start: IntArray, n_bins: int
) -> float:
    """Integral of x dy over all arcs inside the unit square that no other disc covers."""
    total = 0.0
    low, high = np.empty(4 * len(a) + 16), np.empty(4 * len(a) + 16)
    for i in range(len(a)):
        x, y, r, n = cx[i], cy[i], a[i], 0
        is_hidden = False
        # Beyond a side: where cos(t - normal) > distance of the side / r.
        for side in range(4):
            distance = (1.0 - x, 1.0 - y, x, y)[side]
            if distance <= -r:
                is_hidden = True
            elif distance < r:
                n = _hide(low, high, n, 0.5 * np.pi * side, np.arccos(distance / r))
        for bin_row in range(max(row[i] - 2, 0), min(row[i] + 3, n_bins)):
            for bin_column in range(max(column[i] - 2, 0), min(column[i] + 3, n_bins)):
                b = bin_row * n_bins + bin_column
                for j in range(start[b], start[b + 1]):
                    dx, dy = cx[j] - x, cy[j] - y
                    square = dx * dx + dy * dy
                    if j == i or square >= (r + a[j]) * (r + a[j]):
                        continue
                    if square <= (a[j] - r) * (a[j] - r):
                        # One lies in the other; of equal discs at one place the first stays.
                        if a[j] > r or (a[j] == r and j < i):
                            is_hidden = True
                        continue
                    distance = np.sqrt(square)
                    cosine = (square + r * r - a[j] * a[j]) / (2.0 * distance * r)
                    n = _hide(low, high, n, np.arctan2(dy, dx), np.arccos(min(max(cosine, -1.0), 1.0)))
        if is_hidden:
            continue
        order = np.argsort(low[:n])
        at = 0.0
        for k in range(n + 1):
            end = low[order[k]] if k < n else 2.0 * np.pi
            if end > at:
                total += x * r * (np.sin(end) - np.sin(at))
                total += 0.5 * r * r * (end - at + 0.5 * (np.sin(2.0 * end) - np.sin(2.0 * at)))
            if k < n:
                at = max(at, high[order[k]])
    return total
