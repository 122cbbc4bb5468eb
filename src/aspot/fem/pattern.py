"""One sparsity pattern for all terms of a tetrahedral problem, and where every pair of unknowns lies in it.

All element matrices here are symmetric and their rows add up to zero (constants cost no energy), once the port and
the ground count as nodes. Such a matrix is given by its pairs,

    x^T K x = sum_{i<j} w_ij (x_i - x_j)^2,      w_ij = -K_ij,

so that only pairs are added up, into the strict lower triangle; the upper one is its mirror, the diagonal the sum of
its row's pairs, which makes the rows add up to zero to rounding. A pair with the ground goes to the diagonal alone, a
pair of nodes with one and the same number costs nothing.

Pairs are added up in a vector of *slots*: 0 takes what costs nothing, 1 + i the pairs of unknown i with the ground,
n + 1 + l the l-th entry of the strict lower triangle.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.sparse import csr_array

IntArray = NDArray[np.integer]
FloatArray = NDArray[np.float64]
T = TypeVar("T")

#: Node number that stands for the ground in couplings.
GROUND = -1


@dataclass(frozen=True)
class Pattern:
    """Compressed rows, columns sorted, the diagonal always there.

    Parameters
    ----------
    indptr, indices : int32 or int64
        As in `scipy.sparse.csr_array`.
    diagonal : (n,) same kind as indptr
        Position of the diagonal entry of every row.
    lower : (n + 1,) same kind as indptr
        Number of entries of the strict lower triangle in the rows above.
    cell_slots : (m, k (k - 1) / 2) same kind as indptr
        Slot of every pair (a < b, in the order of `pairs`) of the k nodes of every cell.
    """

    indptr: IntArray
    indices: IntArray
    diagonal: IntArray
    lower: IntArray
    cell_slots: IntArray

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.diagonal)

    @property
    def n_slots(self) -> int:
        """Length of a vector of slots."""
        return 1 + self.n + int(self.lower[-1])

    def slots(self, cliques: IntArray) -> IntArray:
        """Slots (c, k (k - 1) / 2) of every pair of unknowns of cliques (c, k), `GROUND` allowed, by bisection.

        Raises
        ------
        KeyError
            If a pair is not in the pattern.
        """
        first, second = pairs(cliques.shape[1])
        out = np.zeros((len(cliques), len(first)), dtype=self.indptr.dtype)
        wanted = np.ascontiguousarray(cliques, dtype=np.int64)
        if _find(wanted, self.indptr, self.indices, self.diagonal, self.lower, out):
            raise KeyError("a pair of unknowns that is not in the pattern")
        return out

    def data(self, slots: FloatArray) -> FloatArray:
        """Entries (nnz,) of the symmetric matrix whose pairs have been added up in `slots`."""
        out = np.empty(len(self.indices))
        _expand(slots, self.indptr, self.indices, self.diagonal, out)
        return out

    def matrix(self, data: FloatArray) -> csr_array:
        """The matrix with these entries; `indptr` and `indices` are shared, not copied."""
        out = csr_array((data, self.indices, self.indptr), shape=(self.n, self.n))
        # Identity is what tells `Problem` that terms share one pattern.
        out.indices, out.indptr = self.indices, self.indptr
        out.has_canonical_format = True
        return out


def pairs(k: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Local numbers a < b of all pairs of k nodes: (0, 1), (0, 2), ..., (k - 2, k - 1)."""
    first, second = np.triu_indices(k, 1)
    return first, second


def build(cells: IntArray, dof: IntArray, n: int, couplings: Sequence[tuple[IntArray, IntArray]] = ()) -> Pattern:
    """Pattern of all pairs of unknowns that meet in a cell or a coupling, in time linear in their number.

    Every pair of every cell is put into the bucket of its higher row, then the buckets are freed of duplicates row by
    row. Two threads, each with half of the cells, then half of the rows; the result does not depend on them.

    Parameters
    ----------
    cells : (m, k) int
        Node numbers.
    dof : (n_nodes,) int
        Row of each node; several nodes may share one; `GROUND`: no row.
    n : int
        Number of rows.
    couplings : sequence of pairs of int arrays
        Further pairs of rows (of equal shapes, broadcast), such as surface and port, or two sides of an interface.

    Returns
    -------
    Pattern
    """
    m, k = cells.shape
    k_pairs = k * (k - 1) // 2
    dof32 = dof.astype(np.int32)
    extra_start, extra = _lower_pairs(couplings, n)
    # Columns, and positions unless they are too many, fit 32 bits: half the memory to move.
    kind = np.int32 if 2 * m * k_pairs + 2 * len(extra) + n < 2**31 else np.int64
    slots = np.empty(m * k_pairs, dtype=kind)

    def of_cells(part: slice) -> IntArray:
        return slots[part.start * k_pairs : part.stop * k_pairs]

    # Large arrays come from NumPy, which asks for huge pages: compiled code's own take 4 times as long to touch first.
    def buckets_of(part: slice) -> tuple[IntArray, IntArray]:
        pair = np.empty(((part.stop - part.start) * k_pairs, 2), dtype=kind)
        return _buckets(cells[part], dof32, n, of_cells(part), pair), pair

    one, two = _in_two(buckets_of, m)
    # Meshes have about 7 (order 1) or 14 (order 2) neighbours below each node; the arrays grow if needed.
    guess = 8 if k == 4 else 16
    buckets = (*one, *two, extra_start, extra, *_in_two(of_cells, m))

    def rows(part: slice) -> tuple[IntArray, IntArray]:
        columns = np.empty(guess * (part.stop - part.start), dtype=np.int32)
        ends, columns = _rows(part.start, part.stop, *buckets, columns)  # type: ignore[call-arg]
        return ends, columns[: ends[-1] if len(ends) else 0]

    first, second = _in_two(rows, n)
    count = len(first[1])
    _in_two(lambda part: _settle(slots[part], n + 1 + count), len(slots))
    lower: IntArray = np.concatenate([[0], first[0], count + second[0]]).astype(kind)
    columns = np.concatenate([first[1], second[1]])
    indices = np.empty(n + 2 * len(columns), dtype=np.int32)
    indptr, diagonal = _both_triangles(lower, columns, indices)
    return Pattern(indptr, indices, diagonal, lower, slots.reshape(m, k_pairs))


def _in_two(work: Callable[[slice], T], count: int) -> tuple[T, T]:
    """Do `work` on both halves of `count` items, the second in another thread (compiled code lets go of the lock)."""
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(work, slice(count // 2, count))
        return work(slice(0, count // 2)), second.result()


def _lower_pairs(couplings: Sequence[tuple[IntArray, IntArray]], n: int) -> tuple[IntArray, IntArray]:
    """Compressed rows of coupled pairs, row > column."""
    keys = [np.empty(0, dtype=np.int64)]
    for one, other in couplings:
        p, q = (side.astype(np.int64).ravel() for side in np.broadcast_arrays(one, other))
        low, high = np.minimum(p, q), np.maximum(p, q)
        keys.append((high * n + low)[(low >= 0) & (low < high)])
    unique = np.unique(np.concatenate(keys))
    return np.searchsorted(unique, np.arange(n + 1) * n), (unique % n).astype(np.int32)


@njit(nogil=True, cache=True)
def _count_below(cells, dof, e, local, below):  # type: ignore[no-untyped-def]
    """Rows of the nodes of one cell, and in how many of its pairs each is the higher (of equals the last)."""
    k = len(local)
    for a in range(k):
        local[a] = dof[cells[e, a]]
        below[a] = 0
    for a in range(k):
        for b in range(a + 1, k):
            a_is_high = local[a] > local[b]
            below[a] += a_is_high
            below[b] += not a_is_high


@njit(nogil=True, cache=True)
def _buckets(cells, dof, n, slots, pair):  # type: ignore[no-untyped-def]
    """Put lower row and position of the pairs of cells into `pair` by higher row, compressed; returns the row starts.

    Slots of pairs within the ground are filled here.
    """
    m, k = cells.shape
    start = np.zeros(n + 1, dtype=slots.dtype)
    local = np.empty(k, dtype=np.int32)
    place = np.empty(k, dtype=slots.dtype)
    for e in range(m):
        _count_below(cells, dof, e, local, place)
        for a in range(k):
            start[local[a] + 1] += place[a]
    start[0] = 0  # here were counted pairs within the ground
    for i in range(n):
        start[i + 1] += start[i]
    free = start[:n].copy()
    p = 0
    for e in range(m):
        _count_below(cells, dof, e, local, place)
        for a in range(k):
            i = local[a]
            if i >= 0:
                q = free[i]
                free[i] = q + place[a]
                place[a] = q
        for a in range(k):
            for b in range(a + 1, k):
                high, low = (a, b) if local[a] > local[b] else (b, a)
                if local[high] >= 0:
                    pair[place[high], 0] = local[low]
                    pair[place[high], 1] = p
                    place[high] += 1
                else:
                    slots[p] = 0
                p += 1
    return start


@njit(nogil=True, cache=True)
def _rows(begin, end, start_1, pair_1, start_2, pair_2, extra_start, extra, slots_1, slots_2, columns):  # type: ignore[no-untyped-def]  # noqa: E501
    """Strict lower triangle of some rows (row ends, sorted columns, in `columns` if they fit); slots of their pairs.

    Slots in the lower triangle are counted from the first of these rows and stored as -1 - l if that is not row 0.
    """
    n = len(start_1) - 1
    ends = np.empty(end - begin, dtype=slots_1.dtype)
    seen = np.full(n, -1, dtype=np.int32)
    slot_of = np.empty(n, dtype=slots_1.dtype)
    count = 0
    for i in range(begin, end):
        first = count
        most = start_1[i + 1] - start_1[i] + start_2[i + 1] - start_2[i] + extra_start[i + 1] - extra_start[i]
        if count + most > len(columns):
            longer = np.empty(count + most + len(columns) // 2, dtype=np.int32)
            longer[:count] = columns[:count]
            columns = longer
        seen[i] = i
        for start, pair in ((start_1, pair_1), (start_2, pair_2)):
            for p in range(start[i], start[i + 1]):
                j = pair[p, 0]
                if j >= 0 and seen[j] != i:
                    seen[j] = i
                    columns[count] = j
                    count += 1
        for p in range(extra_start[i], extra_start[i + 1]):
            j = extra[p]
            if seen[j] != i:
                seen[j] = i
                columns[count] = j
                count += 1
        if count - first > 64:
            columns[first:count].sort()
        else:
            for p in range(first + 1, count):
                j = columns[p]
                q = p
                while q > first and columns[q - 1] > j:
                    columns[q] = columns[q - 1]
                    q -= 1
                columns[q] = j
        slot_of[i] = 0
        for p in range(first, count):
            slot_of[columns[p]] = n + 1 + p if begin == 0 else -1 - p
        for start, pair, slots in ((start_1, pair_1, slots_1), (start_2, pair_2, slots_2)):
            for p in range(start[i], start[i + 1]):
                j = pair[p, 0]
                slots[pair[p, 1]] = slot_of[j] if j >= 0 else 1 + i
        ends[i - begin] = count
    return ends, columns


@njit(nogil=True, cache=True)
def _settle(slots, offset):  # type: ignore[no-untyped-def]
    """Slots from those marked by -1 - l."""
    for p in range(len(slots)):
        if slots[p] < 0:
            slots[p] = offset - 1 - slots[p]


@njit(nogil=True, cache=True)
def _both_triangles(lower, columns, indices):  # type: ignore[no-untyped-def]
    """Row starts and positions of the diagonal of the whole symmetric pattern; its columns go to `indices`."""
    n = len(lower) - 1
    indptr = np.zeros(n + 1, dtype=lower.dtype)
    for i in range(n):
        indptr[i + 1] += lower[i + 1] - lower[i] + 1
    for column in columns:
        indptr[column + 1] += 1
    for i in range(n):
        indptr[i + 1] += indptr[i]
    diagonal = np.empty(n, dtype=lower.dtype)
    next_upper = np.empty(n, dtype=lower.dtype)
    for i in range(n):
        diagonal[i] = indptr[i] + lower[i + 1] - lower[i]
        next_upper[i] = diagonal[i] + 1
    for i in range(n):
        p = indptr[i]
        for j in columns[lower[i] : lower[i + 1]]:
            indices[p] = j
            p += 1
            indices[next_upper[j]] = i
            next_upper[j] += 1
        indices[p] = i
    return indptr, diagonal


@njit(nogil=True, cache=True)
def _find(cliques, indptr, indices, diagonal, lower, out):  # type: ignore[no-untyped-def]
    """Slots of pairs by bisection; True if one is missing."""
    n = len(diagonal)
    for c in range(len(cliques)):
        p = 0
        for a in range(cliques.shape[1]):
            for b in range(a + 1, cliques.shape[1]):
                j, i = min(cliques[c, a], cliques[c, b]), max(cliques[c, a], cliques[c, b])
                if i < 0 or i == j:
                    out[c, p] = 0
                elif j < 0:
                    out[c, p] = 1 + i
                else:
                    left, right = indptr[i], diagonal[i]
                    while left < right:
                        middle = (left + right) // 2
                        if indices[middle] < j:
                            left = middle + 1
                        else:
                            right = middle
                    if indices[left] != j:
                        return True
                    out[c, p] = n + 1 + lower[i] + left - indptr[i]
                p += 1
    return False


@njit(nogil=True, cache=True)
def _expand(slots, indptr, indices, diagonal, data):  # type: ignore[no-untyped-def]
    """Both triangles and the diagonal of the matrix from the sums of its pairs."""
    n = len(diagonal)
    next_upper = diagonal + 1
    slot = n + 1
    for i in range(n):
        for p in range(indptr[i], diagonal[i]):
            data[p] = -slots[slot]
            slot += 1
            j = indices[p]
            data[next_upper[j]] = data[p]
            next_upper[j] += 1
    for i in range(n):
        total = slots[1 + i]
        for p in range(indptr[i], indptr[i + 1]):
            if p != diagonal[i]:
                total -= data[p]
        data[diagonal[i]] = total
