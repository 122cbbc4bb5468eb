"""Kernels of current fields on tetrahedra: energies of cells, and the small problem of every patch of cells.

The slots, owners, kinds and laws are those of `aspot.fem.tetrahedra_dual.CurrentSpace`.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from aspot.fem.kernels import is_straight

#: Kinds of facets: between two cells, closed to current, at a fixed potential, with a law.
INNER, CLOSED, FIXED, LAW = 0, 1, 2, 3


@njit(nogil=True, cache=True, error_model="numpy")
def _jacobian(nodes, cells, e, gradients, q, j):  # type: ignore[no-untyped-def]
    """Fill j with dx_i/dxi_d at a point of the rule."""
    for i in range(3):
        for d in range(3):
            s = 0.0
            for k in range(10):
                s += nodes[cells[e, k], i] * gradients[q, k, d]
            j[i, d] = s


@njit(nogil=True, cache=True, error_model="numpy")
def _straight_jacobian(nodes, cells, e, j):  # type: ignore[no-untyped-def]
    for i in range(3):
        for d in range(3):
            j[i, d] = nodes[cells[e, d + 1], i] - nodes[cells[e, 0], i]


@njit(nogil=True, cache=True, error_model="numpy")
def _determinant(j):  # type: ignore[no-untyped-def]
    return (
        j[0, 0] * (j[1, 1] * j[2, 2] - j[1, 2] * j[2, 1])
        - j[0, 1] * (j[1, 0] * j[2, 2] - j[1, 2] * j[2, 0])
        + j[0, 2] * (j[1, 0] * j[2, 1] - j[1, 1] * j[2, 0])
    )


@njit(nogil=True, cache=True, error_model="numpy")
def cell_energies(nodes, cells, is_rim, table, smooth, singular, straight, energies, lifts):  # type: ignore[no-untyped-def]
    """Integrals of q . q over every cell for its 12 values, and with the 3 lifts."""
    j = np.empty((3, 3))
    v = np.empty((15, 3))
    whole = np.empty((15, 15))
    for e in range(len(cells)):
        whole[:] = 0.0
        if is_straight(nodes, cells, e, straight):
            _straight_jacobian(nodes, cells, e, j)
            det = _determinant(j)
            for a in range(3):
                for b in range(3):
                    c = (j[0, a] * j[0, b] + j[1, a] * j[1, b] + j[2, a] * j[2, b]) / det
                    for m in range(12):
                        for n in range(15):
                            whole[m, n] += c * table[a, b, m, n]
        else:
            w, f, g = singular if is_rim[e] else smooth
            for q in range(len(w)):
                _jacobian(nodes, cells, e, g, q, j)
                scale = w[q] / _determinant(j)
                for n in range(15):
                    for i in range(3):
                        v[n, i] = j[i, 0] * f[q, n, 0] + j[i, 1] * f[q, n, 1] + j[i, 2] * f[q, n, 2]
                for m in range(12):
                    x, y, z = scale * v[m, 0], scale * v[m, 1], scale * v[m, 2]
                    for n in range(m, 15):
                        whole[m, n] += x * v[n, 0] + y * v[n, 1] + z * v[n, 2]
            for m in range(12):
                for n in range(m):
                    whole[m, n] = whole[n, m]
        energies[e] = whole[:12, :12]
        lifts[e] = whole[:12, 12:]


@njit(nogil=True, cache=True, error_model="numpy")
def potential_moments(nodes, cells, slopes, w, gradients, hats, straight, cell_u, moments, energy):  # type: ignore[no-untyped-def]
    """Of every cell: int psi_m J^-1 J^-T grad u det J (4, 3), all in reference coordinates, and int |grad u|^2."""
    j, metric = np.empty((3, 3)), np.empty((3, 3))
    slope, flow = np.empty(3, np.complex128), np.empty(3, np.complex128)
    raw = np.empty((4, 3), np.complex128)
    for e in range(len(cells)):
        u = cell_u[e]
        moments[e] = 0.0
        energy[e] = 0.0
        if is_straight(nodes, cells, e, straight):
            _straight_jacobian(nodes, cells, e, j)
            _inverse_metric(j, metric)
            for m in range(4):
                for b in range(3):
                    raw[m, b] = 0.0
                    for k in range(10):
                        raw[m, b] += slopes[m, b, k] * u[k]
            for m in range(4):
                for b in range(3):
                    moments[e, m, b] = metric[b, 0] * raw[m, 0] + metric[b, 1] * raw[m, 1] + metric[b, 2] * raw[m, 2]
        for q in range(len(w)):
            for b in range(3):
                slope[b] = 0.0
                for k in range(10):
                    slope[b] += gradients[q, k, b] * u[k]
            if not is_straight(nodes, cells, e, straight):
                _jacobian(nodes, cells, e, gradients, q, j)
                _inverse_metric(j, metric)
                for b in range(3):
                    flow[b] = metric[b, 0] * slope[0] + metric[b, 1] * slope[1] + metric[b, 2] * slope[2]
                for m in range(4):
                    for b in range(3):
                        moments[e, m, b] += w[q] * hats[q, m] * flow[b]
            for a in range(3):
                for b in range(3):
                    energy[e] += w[q] * metric[a, b] * (slope[a] * np.conj(slope[b])).real


@njit(nogil=True, cache=True, error_model="numpy")
def _inverse_metric(j, out):  # type: ignore[no-untyped-def]
    """The matrix det J J^-1 J^-T."""
    rows = np.empty((3, 3))
    for a in range(3):
        b, c = (a + 1) % 3, (a + 2) % 3
        rows[a, 0] = j[1, b] * j[2, c] - j[2, b] * j[1, c]
        rows[a, 1] = j[2, b] * j[0, c] - j[0, b] * j[2, c]
        rows[a, 2] = j[0, b] * j[1, c] - j[1, b] * j[0, c]
    det = j[0, 0] * rows[0, 0] + j[1, 0] * rows[0, 1] + j[2, 0] * rows[0, 2]
    for a in range(3):
        for b in range(3):
            out[a, b] = (rows[a, 0] * rows[b, 0] + rows[a, 1] * rows[b, 1] + rows[a, 2] * rows[b, 2]) / det


@njit(nogil=True, cache=True, error_model="numpy")
def _invert(a, n):  # type: ignore[no-untyped-def]
    """Invert the leading n x n block of a symmetric positive definite matrix in place (Gauss-Jordan)."""
    for p in range(n):
        pivot = 1.0 / a[p, p]
        a[p, p] = 1.0
        for k in range(n):
            a[p, k] *= pivot
        for i in range(n):
            if i != p:
                factor = a[i, p]
                a[i, p] = 0.0
                for k in range(n):
                    a[i, k] -= factor * a[p, k]


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"reassoc", "contract"})
def _dot(a, p, q, count):  # type: ignore[no-untyped-def]
    s = 0.0
    for k in range(count):
        s += a[p + k] * a[q + k]
    return s


@njit(nogil=True, cache=True, error_model="numpy")
def _solve_skyline(a, first, at, b, n):  # type: ignore[no-untyped-def]
    """Solve A x = b in place, A symmetric positive semidefinite; A[i, j] is a[at[i] + j], j from first[i] to i.

    Unknowns without a pivot of their own (a constant that costs nothing) are set to zero.
    """
    for i in range(n):
        own = a[at[i] + i]
        for j in range(first[i], i):
            low = max(first[i], first[j])
            s = a[at[i] + j] - _dot(a, at[i] + low, at[j] + low, j - low)
            a[at[i] + j] = s * a[at[j] + j]
        rest = own - _dot(a, at[i] + first[i], at[i] + first[i], i - first[i])
        a[at[i] + i] = 1.0 / np.sqrt(rest) if rest > 1e-15 * own else 0.0
        s = b[i]
        for k in range(first[i], i):
            s -= a[at[i] + k] * b[k]
        b[i] = s * a[at[i] + i]
    for i in range(n - 1, -1, -1):
        b[i] *= a[at[i] + i]
        for k in range(first[i], i):
            b[k] -= a[at[i] + k] * b[i]


@njit(nogil=True, cache=True, error_model="numpy")
def _local_values(slots, active, e, corners, which, group, slot_of):  # type: ignore[no-untyped-def]
    """Values of a cell that a patch uses (`which` of the 12), and the distinct ones: group of each, slot of each."""
    count = m = 0
    for k in range(12):
        if corners & ~(1 << (k // 3)) == 0 or not active[slots[e, k]]:
            continue
        which[count] = k
        group[count] = m
        for i in range(m):
            if slot_of[i] == slots[e, k]:
                group[count] = i
        if group[count] == m:
            slot_of[m] = slots[e, k]
            m += 1
        count += 1
    return count, m


@njit(nogil=True, cache=True, error_model="numpy")
def solve_patches(  # type: ignore[no-untyped-def]
    start, patch_cell, patch_corners, cells, slots, owners, kinds, active, law_row, law_slots, law_nodes, inverses,
    drive, kappa, y, energies, lifts, work, moments, cell_u, out,
):  # fmt: skip
    """Fields of all patches, added up.

    In a cell the values d minimise d^T F d / 2 + h^T d at a given sum G: with a multiplier nu for each of them,
    d = -S (h + nu) + s G. The multipliers make values of neighbours opposite, and equal to
    |y| W^-1 (nu - nu') + t where a law lies between.
    """
    largest = 0
    for p in range(len(start) - 1):
        largest = max(largest, start[p + 1] - start[p])
    matrix = np.empty(1 << 16)
    first, at = np.empty(12 * largest, np.int64), np.empty(12 * largest, np.int64)
    rhs = np.empty(12 * largest, np.complex128)
    used = np.empty(12 * largest, np.int64)
    local = np.empty((largest, 12, 12))  # S of each cell
    given = np.empty((largest, 12), np.complex128)  # -S h + s G
    slot_of = np.empty((largest, 12), np.int64)
    size_of = np.empty(largest, np.int64)
    number = np.full(len(active), -1, np.int64)
    place = np.full(len(cells), -1, np.int64)
    corners = np.zeros(len(cells), np.int64)
    queue = np.empty(largest, np.int64)
    f, h, g, total = np.empty((12, 12)), np.empty(12, np.complex128), np.empty(12), np.empty(12)
    which, group = np.empty(12, np.int64), np.empty(12, np.int64)
    source = np.empty(4, np.complex128)

    for p in range(len(start) - 1):
        n_cells = start[p + 1] - start[p]
        for k in range(start[p], start[p + 1]):
            corners[patch_cell[k]] = patch_corners[k]
        # Cells in the order of their neighbourhood, unknowns in that of cells: the factor stays narrow.
        done = n = 0
        for k in range(start[p], start[p + 1]):
            if place[patch_cell[k]] >= 0:
                continue
            place[patch_cell[k]] = done
            queue[done] = patch_cell[k]
            head, done = done, done + 1
            while head < done:
                e = queue[head]
                head += 1
                for opposite in range(4):
                    if corners[e] & ~(1 << opposite) == 0:
                        continue
                    facet = slots[e, 3 * opposite] // 3
                    row = law_row[facet]
                    for side in range(2):
                        near = facet
                        if row >= 0:
                            if law_slots[row, side, 0] < 0:
                                continue
                            near = law_slots[row, side, 0] // 3
                        elif side:
                            continue
                        if kinds[near] == INNER or kinds[near] == LAW:
                            for o in range(2):
                                other = owners[near, o]
                                if other >= 0 and place[other] < 0 and corners[other]:
                                    place[other] = done
                                    queue[done] = other
                                    done += 1
        for c in range(n_cells):
            e = queue[c]
            _, m = _local_values(slots, active, e, corners[e], which, group, slot_of[c])
            size_of[c] = m
            for i in range(m):
                slot = slot_of[c, i]
                kind = kinds[slot // 3]
                if number[slot] < 0 and kind in (INNER, LAW):
                    number[slot] = n
                    used[n] = slot
                    first[n] = n
                    rhs[n] = 0.0
                    n += 1
        for c in range(n_cells):
            lowest = n
            for i in range(size_of[c]):
                if number[slot_of[c, i]] >= 0:
                    lowest = min(lowest, number[slot_of[c, i]])
                row = law_row[slot_of[c, i] // 3]
                if row >= 0 and law_slots[row, 1, 0] >= 0:
                    for side in range(2):
                        for k in range(3):
                            if number[law_slots[row, side, k]] >= 0:
                                lowest = min(lowest, number[law_slots[row, side, k]])
            for i in range(size_of[c]):
                if number[slot_of[c, i]] >= 0:
                    first[number[slot_of[c, i]]] = min(first[number[slot_of[c, i]]], lowest)
        length = 0
        for i in range(n):
            at[i] = length - first[i]
            length += i + 1 - first[i]
        if length > len(matrix):
            matrix = np.empty(2 * length)
        matrix[:length] = 0.0

        for c in range(n_cells):
            e = queue[c]
            size, divergence = abs(kappa[e]), 0.0 + 0.0j
            count, m = _local_values(slots, active, e, corners[e], which, group, slot_of[c])
            for v in range(4):
                source[v] = 0.0
                for a in range(4):
                    if corners[e] >> a & 1:
                        if a == 0:
                            source[v] += kappa[e] * (moments[e, v, 0] + moments[e, v, 1] + moments[e, v, 2])
                        else:
                            source[v] -= kappa[e] * moments[e, v, a - 1]
                divergence += source[v]
            h[:m] = 0.0
            total[:m] = 0.0
            f[:m, :m] = 0.0
            for i in range(count):
                s = 0.0 + 0.0j
                for a in range(4):
                    if corners[e] >> a & 1:
                        for k in range(10):
                            s += work[which[i], a, k] * cell_u[e, k]
                s *= kappa[e]
                for k in range(3):
                    s += lifts[e, which[i], k] * source[k + 1]
                h[group[i]] += s / size
                total[group[i]] += 1.0 / 6.0
                for k in range(count):
                    f[group[i], group[k]] += energies[e, which[i], which[k]] / size
            _invert(f, m)
            norm = 0.0
            for i in range(m):
                g[i] = 0.0
                for k in range(m):
                    g[i] += f[i, k] * total[k]
                norm += g[i] * total[i]
            for i in range(m):
                for k in range(m):
                    local[c, i, k] = f[i, k] - g[i] * g[k] / norm
            for i in range(m):
                s = g[i] / norm * divergence
                for k in range(m):
                    s -= local[c, i, k] * h[k]
                given[c, i] = s
                here = number[slot_of[c, i]]
                if here >= 0:
                    rhs[here] += s
                    for k in range(m):
                        there = number[slot_of[c, k]]
                        if 0 <= there <= here:
                            matrix[at[here] + there] += local[c, i, k]
        # Laws between two sides, or between the field and metal or ground; each once, from the upper side.
        for c in range(n_cells):
            e = queue[c]
            for opposite in range(4):
                row = law_row[slots[e, 3 * opposite] // 3]
                if (
                    row < 0
                    or corners[e] & ~(1 << opposite) == 0
                    or law_slots[row, 0, 0] // 3 != slots[e, 3 * opposite] // 3
                ):
                    continue
                size = abs(y[row])
                for i in range(3):
                    upper, lower = law_slots[row, 0, i], law_slots[row, 1, i]
                    if not active[upper]:
                        continue
                    t = 0.0 + 0.0j
                    for v in range(3):
                        for a in range(4):
                            if corners[e] >> a & 1 and law_nodes[row, 0, v] == cells[e, a]:
                                for k in range(3):
                                    t += y[row] * inverses[row, i, k] * drive[row, k, v]
                    rhs[number[upper]] -= t
                    if lower >= 0:
                        rhs[number[lower]] += t
                    for k in range(3):
                        if not active[law_slots[row, 0, k]]:
                            continue
                        weight = size * inverses[row, i, k]
                        for one in range(2):
                            for two in range(2):
                                here, there = law_slots[row, one, i], law_slots[row, two, k]
                                if here >= 0 and there >= 0 and number[there] <= number[here]:
                                    sign = 1.0 if one == two else -1.0
                                    matrix[at[number[here]] + number[there]] += sign * weight
        _solve_skyline(matrix, first, at, rhs, n)
        for c in range(n_cells):
            e, m = queue[c], size_of[c]
            for i in range(m):
                value = given[c, i]
                for k in range(m):
                    if number[slot_of[c, k]] >= 0:
                        value -= local[c, i, k] * rhs[number[slot_of[c, k]]]
                facet = slot_of[c, i] // 3
                # The mean of both sides: they differ by rounding and by what the potential lacks.
                if owners[facet, 1] >= 0:
                    value *= 0.5
                out[slot_of[c, i]] += value if owners[facet, 0] == e else -value
        for i in range(n):
            number[used[i]] = -1
        for k in range(start[p], start[p + 1]):
            place[patch_cell[k]] = -1
            corners[patch_cell[k]] = 0
