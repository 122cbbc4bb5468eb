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

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.sparse import csr_array

IntArray = NDArray[np.integer]
FloatArray = NDArray[np.float64]

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
        first = pairs(cliques.shape[1])[0]
        out = np.zeros((len(cliques), len(first)), dtype=self.indptr.dtype)
        wanted = np.ascontiguousarray(cliques, dtype=np.int64)
        if _find(wanted, self.indptr, self.indices, self.diagonal, self.lower, out):
            raise KeyError("a pair of unknowns that is not in the pattern")
        return out

    def data(self, slots: FloatArray) -> FloatArray:
        """Entries (nnz,) of the symmetric matrix whose pairs have been added up in `slots`."""
        out = np.empty(len(self.indices))
        _expand(slots, *(unsigned(part) for part in (self.indptr, self.indices, self.diagonal, self.lower)), out)  # type: ignore[call-arg]
        return out

    def matrix(self, data: FloatArray) -> csr_array:
        """The matrix with these entries; `indptr` and `indices` are shared, not copied."""
        out = csr_array((data, self.indices, self.indptr), shape=(self.n, self.n))
        # Identity is what tells `Problem` that terms share one pattern.
        out.indices, out.indptr = self.indices, self.indptr
        out.has_canonical_format = True
        return out


def unsigned(numbers: IntArray) -> IntArray:
    """The same non-negative numbers, unsigned: spares compiled code the question whether they count from the end."""
    return numbers.view(f"u{numbers.dtype.itemsize}")


def pairs(k: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Local numbers a < b of all pairs of k nodes: (0, 1), (0, 2), ..., (k - 2, k - 1)."""
    first, second = np.triu_indices(k, 1)
    return first, second


def build(cells: IntArray, dof: IntArray, n: int, couplings: Sequence[tuple[IntArray, IntArray]] = ()) -> Pattern:
    """Pattern of all pairs of unknowns that meet in a cell or a coupling, in time linear in their number.

    Every cell is put into the buckets of its rows but the lowest; then the neighbours below each row are collected from
    its bucket.

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
    # Columns, and positions unless they are too many, fit 32 bits: half the memory to move. Large arrays come from
    # NumPy, which asks for huge pages: those made in compiled code take 4 times as long to touch first.
    kind = np.int32 if 2 * m * k_pairs + 2 * len(extra) + n < 2**31 else np.int64
    cell_slots = np.zeros((m, k_pairs), dtype=kind)
    rows, bucket = np.empty((m, k), dtype=np.int32), np.empty(m * (k - 1), dtype=kind)
    start = _buckets(unsigned(cells), tuple(range(k)), dof32, n, rows, bucket)
    # Meshes have about 7 (order 1) or 14 (order 2) neighbours below each node; the array grows if needed.
    columns = np.empty((8 if k == 4 else 16) * n, dtype=np.int32)
    number_of = np.zeros((k, k), dtype=np.int64)
    number_of[pairs(k)] = np.arange(k_pairs)
    number_of += number_of.T
    lower, columns = _rows(
        start, unsigned(bucket), rows, tuple(range(k)), unsigned(number_of), extra_start, extra, cell_slots, columns
    )
    columns = columns[: lower[-1]]
    indices = np.empty(n + 2 * len(columns), dtype=np.int32)
    indptr, diagonal = _both_triangles(lower, columns, indices)
    return Pattern(indptr, indices, diagonal, lower, cell_slots)


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
def _buckets(cells, local, dof, n, rows, bucket):  # type: ignore[no-untyped-def]
    """Rows of the nodes of all cells into `rows`; numbers of the cells by row into `bucket`, compressed.

    Returns where each row starts. A cell is not listed in its lowest row, nor twice in one that its nodes share. The
    length of the tuple `local` tells the compiler that of the loops.
    """
    k = len(local)
    start = np.zeros(n + 2, dtype=bucket.dtype)
    for e in range(len(cells)):
        lowest = n
        for a in range(k):
            row = dof[cells[e, a]]
            rows[e, a] = row
            lowest = min(lowest, row)
        for a in range(k):
            row = rows[e, a]
            is_new = row > lowest
            for b in range(a):
                is_new &= rows[e, b] != row
            if is_new:
                start[row + 2] += 1
    for i in range(n):
        start[i + 2] += start[i + 1]
    # start[i + 1] is where row i fills up next, and in the end where the next one starts.
    for e in range(len(cells)):
        lowest = n
        for a in range(k):
            lowest = min(lowest, rows[e, a])
        for a in range(k):
            row = rows[e, a]
            is_new = row > lowest
            for b in range(a):
                is_new &= rows[e, b] != row
            if is_new:
                bucket[start[row + 1]] = e
                start[row + 1] += 1
    return start[: n + 1]


@njit(nogil=True, cache=True)
def _rows(start, bucket, rows, local, number_of, extra_start, extra, slots, columns):  # type: ignore[no-untyped-def]
    """Strict lower triangle (row starts, sorted columns, in `columns` if they fit); fills the slots of all pairs."""
    n = len(start) - 1
    k = len(local)
    lower = np.zeros(n + 1, dtype=slots.dtype)
    seen = np.full(n, -1, dtype=np.int32)
    slot_of = np.empty(n, dtype=slots.dtype)
    count = 0
    for i in range(n):
        first = count
        most = count + k * (start[i + 1] - start[i]) + extra_start[i + 1] - extra_start[i]
        if most > len(columns):
            longer = np.empty(most + len(columns) // 2, dtype=np.int32)
            longer[:count] = columns[:count]
            columns = longer
        for p in range(start[i], start[i + 1]):
            e = bucket[p]
            for a in range(k):
                j = rows[e, a]
                if 0 <= j < i and seen[j] != i:
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
        for p in range(first, count):
            slot_of[columns[p]] = n + 1 + p
        for p in range(start[i], start[i + 1]):
            e = bucket[p]
            for a in range(k):
                if rows[e, a] == i:
                    for b in range(k):
                        j = rows[e, b]
                        if j < i:
                            slots[e, number_of[a, b]] = slot_of[j] if j >= 0 else 1 + i
        lower[i + 1] = count
    return lower, columns


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
def _expand(slots, indptr, indices, diagonal, lower, data):  # type: ignore[no-untyped-def]
    """Both triangles and the diagonal of the matrix from the sums of its pairs."""
    n = len(diagonal)
    # Going down the rows, the entries met in the column of row j are those of row j of the lower triangle, in order.
    of_row = lower[:n] + (n + 1)
    slot = n + 1
    for i in range(n):
        total = slots[1 + i]
        for p in range(indptr[i], diagonal[i]):
            w = slots[slot]
            slot += 1
            data[p] = -w
            total += w
        for p in range(diagonal[i] + 1, indptr[i + 1]):
            j = indices[p]
            w = slots[of_row[j]]
            of_row[j] += 1
            data[p] = -w
            total += w
        data[diagonal[i]] = total
