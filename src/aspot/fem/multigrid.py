"""Algebraic multigrid by smoothed aggregation: a cheap symmetric positive definite preconditioner for large meshes.

Vanek, Mandel, Brezina (1996), doi 10.1007/BF02238511. Unknowns that are strongly coupled form aggregates, each one
unknown of the next level; piecewise constant interpolation, smoothed by one Jacobi step on the strong couplings, is P,
and P^T A P the matrix of that level. Constants, which cost no energy but to the ground, are interpolated exactly.

Every matrix is a network, its diagonal what the rows add up to (the ground) less the couplings. A film that conducts
1e10 times better than its surroundings is tied to them by the 1e-10th part of its diagonal: sums that go through the
diagonal lose it, so that the ground is carried from level to level by itself and the diagonal follows from it.

Elements much flatter than wide make columns of unknowns rigid, and strength of coupling does not show it: in an element
of order 2 neighbouring columns are coupled as strongly as the unknowns of one. With `films` the first levels are made
of unknowns that relaxation leaves at one potential (Livne and Brandt 2012, doi 10.1137/110843563).

One V-cycle: a forward Gauss-Seidel sweep from zero (x = K b), correction from the next level, a backward sweep:

    B = K + K^T - K^T A K + (I - K^T A) P B_c P^T (I - A K)

With unit diagonals (every level is scaled so) the first part is K^T K: B is symmetric and positive definite whatever
rounding does to A. So the levels are kept in single precision, half the memory to move, inside an iteration in double
precision. They are made in double precision, and with `films` kept in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.linalg import cho_solve
from scipy.sparse import csr_array

from aspot.errors import ConvergenceError

IntArray = NDArray[np.int32]
StoredArray = NDArray[np.floating]
FloatArray = NDArray[np.float64]
Block = NDArray[np.inexact]

#: Couplings with a_ij^2 > (STRENGTH / 2^level)^2 a_ii a_jj are strong.
STRENGTH = 0.08
#: Unknowns whose couplings add up to less than this part of their diagonal are left to the sweeps.
DOMINANT = 0.1
#: Levels of so few unknowns are solved directly.
COARSEST = 400
#: A level must have fewer unknowns than this part of the one before.
_STALLED = 0.7
#: Levels of so few unknowns are solved directly where aggregates stay small.
_STILL_DIRECT = 2_000
#: Couplings below this part of both diagonals are rounding errors: structured meshes have many that vanish in theory.
NEGLIGIBLE = 1e-13
#: Couplings of a level that single precision cannot tell from zero, beside its unit diagonal.
_INVISIBLE = 1e-12

#: Unknowns are rigidly coupled whose test potentials differ by less than the root of this part.
_RIGID = 0.05
#: Test potentials, and symmetric sweeps that relax them.
_TESTS, _TEST_SWEEPS = 6, 4
#: Levels of rigid unknowns, and the least part of the unknowns that one of them removes.
_MOST_RIGID_LEVELS, _LEAST_RIGID = 3, 0.02

# Compiled code writes a real times a complex number as two complex ones; these permit it to drop the zero.
_FAST = {"nnan", "nsz", "contract", "reassoc"}


@dataclass(frozen=True)
class Level:
    """One level: the couplings of a symmetric matrix of unit diagonal, and P from the next level.

    Parameters
    ----------
    indptr, indices, data : int32, int32, float32 or float64
        Compressed rows without the diagonal; in every row the columns left of it come first.
    middle : (n,) int32
        Where the columns right of the diagonal begin.
    p_indptr, p_indices, p_data : int32, int32, as data
        P by rows.
    n_coarse : int
        Unknowns of the next level.
    """

    indptr: IntArray
    indices: IntArray
    data: StoredArray
    middle: IntArray
    p_indptr: IntArray
    p_indices: IntArray
    p_data: StoredArray
    n_coarse: int

    @property
    def n(self) -> int:
        """Number of unknowns."""
        return len(self.middle)


@dataclass(frozen=True)
class Hierarchy:
    """Levels from fine to coarse and the Cholesky factor of the coarsest.

    Parameters
    ----------
    levels : tuple of Level
    factor : (k, k) float
        Lower Cholesky factor of the coarsest matrix.
    """

    levels: tuple[Level, ...]
    factor: FloatArray

    def __call__(self, r: Block) -> Block:
        """One V-cycle for the right-hand side r (n,); a complex one has both its parts treated at once."""
        is_single = not self.levels or self.levels[0].data.dtype == np.float32
        kinds = (np.float32, np.complex64) if is_single else (np.float64, np.complex128)
        return self._cycle(0, r.astype(kinds[np.iscomplexobj(r)]))

    def _cycle(self, number: int, b: Block) -> Block:
        if number == len(self.levels):
            return cho_solve((self.factor, True), b, check_finite=False).astype(b.dtype)
        level = self.levels[number]
        x, coarse = np.empty_like(b), np.zeros(level.n_coarse, b.dtype)
        interpolation = level.p_indptr, level.p_indices, level.p_data
        _descend(level.indptr, level.middle, level.indices, level.data, b, x, *interpolation, coarse)
        coarse = self._cycle(number + 1, coarse)
        _ascend(level.indptr, level.indices, level.data, b, x, *interpolation, coarse)
        return x


def build(
    a: csr_array, ground: FloatArray | None = None, *, films: bool = False, strength: float = STRENGTH
) -> Hierarchy:
    """Hierarchy for a matrix; it acts on vectors scaled by the roots of the diagonal.

    Parameters
    ----------
    a : csr_array, (n, n) float
        Symmetric positive definite.
    ground : (n,) float, optional
        What its rows add up to; default: what the stored ones do.
    films : bool
        Whether to look for rigidly coupled unknowns first.
    strength : float
        As `STRENGTH`; less for matrices with many small couplings in a row, as those of hexahedra.

    Returns
    -------
    Hierarchy

    Raises
    ------
    ConvergenceError
        A level that is not positive definite, or aggregates that stay small.
    """
    levels: list[Level] = []
    kind = np.float64 if films else np.float32
    ground = np.asarray(a @ np.ones(a.shape[0])) if ground is None else ground
    rigid_levels = _MOST_RIGID_LEVELS if films else 0
    smoothed_levels = 0
    while a.shape[0] > COARSEST:
        n = a.shape[0]
        diagonal = a.diagonal()
        if not np.all(diagonal > 0):
            raise ConvergenceError(f"multigrid: level {len(levels)} is not positive definite")
        p = None
        if rigid_levels > 0:
            rigid_levels -= 1
            tests = np.random.default_rng(0).uniform(-1.0, 1.0, (n, _TESTS))
            _relax(a.indptr, a.indices, a.data, diagonal, tests, _TEST_SWEEPS)
            aggregate, n_coarse = _rigid(a.indptr, a.indices, tests, _RIGID)
            if n_coarse <= (1.0 - _LEAST_RIGID) * n:
                p = csr_array((np.ones(n), aggregate, np.arange(n + 1, dtype=np.int32)), shape=(n, n_coarse))
            else:
                rigid_levels = 0
        if p is None:
            limit = strength * 0.5**smoothed_levels
            smoothed_levels += 1
            aggregate, n_coarse = _aggregates(a.indptr, a.indices, a.data, diagonal, limit, DOMINANT)
            if n_coarse > _STALLED * n:
                # An unknown of small diagonal among large ones has no strong coupling, and a sweep puts it right.
                alone = np.bincount(aggregate[aggregate >= 0], minlength=n_coarse) == 1
                number = np.where(alone, -1, np.cumsum(~alone) - 1).astype(np.int32)
                aggregate = np.where(aggregate >= 0, number[aggregate], -1).astype(np.int32)
                n_coarse = int(np.count_nonzero(~alone))
            if not 0 < n_coarse <= _STALLED * n:
                if n <= _STILL_DIRECT:
                    break
                raise ConvergenceError(f"multigrid: {n} unknowns form {n_coarse} aggregates")
            p_indptr, p_indices, p_data = _interpolation(a.indptr, a.indices, a.data, diagonal, limit, aggregate)
            p = csr_array((p_data, p_indices, p_indptr), shape=(n, n_coarse))
        transposed = p.T.tocsr()
        coarse = csr_array(transposed @ (a @ p))
        of_ones = p @ np.ones(p.shape[1])
        ground = transposed @ network_product(a.indptr, a.indices, a.data, ground, of_ones)
        _balance(coarse.indptr, coarse.indices, coarse.data, ground)
        scale = 1.0 / np.sqrt(diagonal)
        # From the scaled unknowns of the next level to those of this one.
        _scale_rows_and_columns(p.indptr, p.indices, p.data, 1.0 / scale, 1.0 / np.sqrt(np.abs(coarse.diagonal())))
        indptr, indices, data, middle = _couplings(a.indptr, a.indices, a.data, scale, _INVISIBLE, kind(0))
        levels.append(Level(indptr, indices, data, middle, p.indptr, p.indices, p.data.astype(kind), p.shape[1]))
        a = coarse
    scale = 1.0 / np.sqrt(np.abs(a.diagonal()))
    # A grounded network is eliminated without a subtraction, so that the weakest tie counts.
    factor = _eliminated(scale[:, None] * a.toarray() * scale, scale * ground, 1.0 / scale)
    if not np.isfinite(factor).all():
        raise ConvergenceError("multigrid: the coarsest level is not positive definite")
    return Hierarchy(tuple(levels), factor)


@njit(nogil=True, cache=True)
def network_product(indptr, indices, data, ground, x):  # type: ignore[no-untyped-def]
    """A x by differences of x: sum_j a_ij (x_j - x_i) + g_i x_i, with the ground g what the rows of A add up to."""
    out = ground * x
    for i in range(len(x)):
        own, s = x[i], out[i]
        for p in range(indptr[i], indptr[i + 1]):
            s += data[p] * (x[indices[p]] - own)
        out[i] = s
    return out


@njit(nogil=True, cache=True)
def _balance(indptr, indices, data, ground):  # type: ignore[no-untyped-def]
    """Diagonal in place from the ground and the couplings."""
    for i in range(len(ground)):
        total, at = 0.0, -1
        for p in range(indptr[i], indptr[i + 1]):
            if indices[p] == i:
                at = p
            else:
                total += data[p]
        if at >= 0:
            data[at] = ground[i] - total


@njit(nogil=True, cache=True)
def _eliminated(a, ground, one):  # type: ignore[no-untyped-def]
    """Lower Cholesky factor; nan if there is none. a @ one = ground, with the diagonal of a not used."""
    n = len(one)
    rest = ground.copy()
    for k in range(n):
        total = rest[k]
        for j in range(k + 1, n):
            total -= a[k, j] * one[j]
        pivot = total / one[k]
        if not pivot > 0:
            a[:] = np.nan
            return a
        for i in range(k + 1, n):
            ratio = a[k, i] / pivot
            rest[i] -= ratio * rest[k]
            for j in range(k + 1, n):
                a[i, j] -= ratio * a[k, j]
        root = np.sqrt(pivot)
        a[k, k] = root
        for i in range(k + 1, n):
            a[i, k] = a[k, i] / root
            a[k, i] = 0.0
    return a


@njit(nogil=True, cache=True, fastmath=_FAST)
def _relax(indptr, indices, data, diagonal, x, sweeps):  # type: ignore[no-untyped-def]
    """Symmetric Gauss-Seidel sweeps for A x = 0 on the columns of x, in place."""
    n, k = x.shape
    for sweep in range(2 * sweeps):
        for m in range(n):
            i = m if sweep % 2 == 0 else n - 1 - m
            for c in range(k):
                x[i, c] = 0.0
            for p in range(indptr[i], indptr[i + 1]):
                j = indices[p]
                if j != i:
                    for c in range(k):
                        x[i, c] = x[i, c] - data[p] * x[j, c]
            for c in range(k):
                x[i, c] /= diagonal[i]


@njit(nogil=True, cache=True)
def _rigid(indptr, indices, x, limit):  # type: ignore[no-untyped-def]
    """Every unknown takes the free neighbours that have its potential, to a part of it, in all tests."""
    n, k = x.shape
    size = np.zeros(n)
    for i in range(n):
        for c in range(k):
            size[i] += x[i, c] ** 2
    aggregate = np.full(n, -1, dtype=np.int32)
    count = 0
    for i in range(n):
        if aggregate[i] >= 0:
            continue
        aggregate[i] = count
        for p in range(indptr[i], indptr[i + 1]):
            j = indices[p]
            if aggregate[j] < 0:
                apart = 0.0
                for c in range(k):
                    apart += (x[i, c] - x[j, c]) ** 2
                if apart < limit * max(size[i], size[j]):
                    aggregate[j] = count
        count += 1
    return aggregate, count


def thinned(a: csr_array) -> csr_array:
    """The matrix (n, n), real or complex, freed of couplings that are rounding errors.

    Those are added to the diagonal, so that rows add up to what they did.
    """
    kept = _kept(a.indptr, a.indices, np.abs(a.data), np.abs(a.diagonal()), NEGLIGIBLE)
    indptr, indices, data = _thinned(a.indptr, a.indices, a.data, kept)
    return csr_array((data, indices, indptr), shape=a.shape)


@njit(nogil=True, cache=True)
def _kept(indptr, indices, size, diagonal, negligible):  # type: ignore[no-untyped-def]
    """Which entries stay."""
    kept = np.empty(len(size), dtype=np.bool_)
    for i in range(len(diagonal)):
        for p in range(indptr[i], indptr[i + 1]):
            j = indices[p]
            kept[p] = i == j or size[p] > negligible * min(diagonal[i], diagonal[j])
    return kept


@njit(nogil=True, cache=True)
def _thinned(indptr, indices, data, kept):  # type: ignore[no-untyped-def]
    """Rows of the entries that stay; the others go to the diagonal."""
    n = len(indptr) - 1
    count = 0
    for p in range(len(kept)):
        count += kept[p]
    out_indptr = np.zeros(n + 1, dtype=indptr.dtype)
    out_indices = np.empty(count, dtype=indices.dtype)
    out = np.empty(count, dtype=data.dtype)
    count = 0
    for i in range(n):
        rest = data[0] * 0
        diagonal = count
        for p in range(indptr[i], indptr[i + 1]):
            if kept[p]:
                j = indices[p]
                if j == i:
                    diagonal = count
                out_indices[count] = j
                out[count] = data[p]
                count += 1
            else:
                rest += data[p]
        out[diagonal] += rest
        out_indptr[i + 1] = count
    return out_indptr, out_indices, out


@njit(nogil=True, cache=True)
def _aggregates(indptr, indices, data, diagonal, strength, dominant):  # type: ignore[no-untyped-def]
    """Aggregate of every unknown, -1: none; and their number."""
    n = len(diagonal)
    limit = strength**2
    none, open_ = -1, -2
    aggregate = np.full(n, open_, dtype=np.int32)
    for i in range(n):
        total = 0.0
        for p in range(indptr[i], indptr[i + 1]):
            if indices[p] != i:
                total += abs(data[p])
        if total < dominant * diagonal[i]:
            aggregate[i] = none
    # First, unknowns whose strong neighbours are all free take them.
    count = 0
    for i in range(n):
        if aggregate[i] != open_:
            continue
        is_free, has_neighbour = True, False
        for p in range(indptr[i], indptr[i + 1]):
            j = indices[p]
            if j != i and aggregate[j] != none and data[p] * data[p] > limit * diagonal[i] * diagonal[j]:
                has_neighbour = True
                if aggregate[j] >= 0:
                    is_free = False
                    break
        if is_free and has_neighbour:
            for p in range(indptr[i], indptr[i + 1]):
                j = indices[p]
                if aggregate[j] == open_ and data[p] * data[p] > limit * diagonal[i] * diagonal[j]:
                    aggregate[j] = count
            count += 1
    # Then the others join the aggregate they are most strongly coupled to,
    joined = aggregate.copy()
    for i in range(n):
        if aggregate[i] != open_:
            continue
        best = limit * diagonal[i]
        for p in range(indptr[i], indptr[i + 1]):
            j = indices[p]
            if aggregate[j] >= 0 and data[p] * data[p] > best * diagonal[j]:
                best = data[p] * data[p] / diagonal[j]
                joined[i] = aggregate[j]
    # or, where there is none, form aggregates with what is left around them.
    for i in range(n):
        if joined[i] != open_:
            continue
        for p in range(indptr[i], indptr[i + 1]):
            j = indices[p]
            if joined[j] == open_ and data[p] * data[p] > limit * diagonal[i] * diagonal[j]:
                joined[j] = count
        count += 1
    return joined, count


@njit(nogil=True, cache=True)
def _interpolation(indptr, indices, data, diagonal, strength, aggregate):  # type: ignore[no-untyped-def]
    """P by rows: 1 - w D^-1 A of the strong couplings, times the aggregates' indicators; rows of 0 without aggregate.

    Weak couplings count for the diagonal. w = 4/(3 lambda), lambda the bound of Gershgorin in that row.
    """
    n = len(diagonal)
    limit = strength**2
    p_indptr = np.zeros(n + 1, dtype=np.int32)
    p_indices = np.empty(4 * n + 100, dtype=np.int32)
    p_data = np.empty(4 * n + 100)
    where = np.full(n, -1, dtype=np.int64)
    count = 0
    for i in range(n):
        if count + indptr[i + 1] - indptr[i] > len(p_data):
            longer = np.empty(2 * len(p_data), dtype=np.int32)
            longer_data = np.empty(2 * len(p_data))
            longer[:count], longer_data[:count] = p_indices[:count], p_data[:count]
            p_indices, p_data = longer, longer_data
        if aggregate[i] >= 0:
            own, total = diagonal[i], 0.0
            for p in range(indptr[i], indptr[i + 1]):
                j = indices[p]
                if j != i:
                    if data[p] * data[p] > limit * diagonal[i] * diagonal[j]:
                        total += abs(data[p])
                    else:
                        own += data[p]
            own = max(own, 0.1 * diagonal[i])
            weight = 4.0 / 3.0 / max(2.0, 1.0 + total / own)
            first = count
            where[aggregate[i]] = count
            p_indices[count] = aggregate[i]
            p_data[count] = 1.0 - weight
            count += 1
            for p in range(indptr[i], indptr[i + 1]):
                j = indices[p]
                k = aggregate[j]
                if j != i and k >= 0 and data[p] * data[p] > limit * diagonal[i] * diagonal[j]:
                    if where[k] < first:
                        where[k] = count
                        p_indices[count] = k
                        p_data[count] = 0.0
                        count += 1
                    p_data[where[k]] -= weight * data[p] / own
        p_indptr[i + 1] = count
    return p_indptr, p_indices[:count].copy(), p_data[:count].copy()


@njit(nogil=True, cache=True)
def _scale_rows_and_columns(indptr, indices, data, left, right):  # type: ignore[no-untyped-def]
    """In place."""
    for i in range(len(left)):
        for p in range(indptr[i], indptr[i + 1]):
            data[p] *= left[i] * right[indices[p]]


@njit(nogil=True, cache=True)
def _couplings(indptr, indices, data, scale, invisible, kind):  # type: ignore[no-untyped-def]
    """Scaled rows without diagonal, stored as `kind`, the columns left of it first, and where the others begin."""
    n = len(scale)
    out_indptr = np.zeros(n + 1, dtype=np.int32)
    out_indices = np.empty(len(data), dtype=np.int32)
    out = np.full(len(data), kind)
    middle = np.empty(n, dtype=np.int32)
    count = 0
    for i in range(n):
        for p in range(indptr[i], indptr[i + 1]):
            v = data[p] * scale[i] * scale[indices[p]]
            if indices[p] < i and abs(v) > invisible:
                out_indices[count] = indices[p]
                out[count] = v
                count += 1
        middle[i] = count
        for p in range(indptr[i], indptr[i + 1]):
            v = data[p] * scale[i] * scale[indices[p]]
            if indices[p] > i and abs(v) > invisible:
                out_indices[count] = indices[p]
                out[count] = v
                count += 1
        out_indptr[i + 1] = count
    return out_indptr, out_indices[:count].copy(), out[:count].copy(), middle


@njit(nogil=True, cache=True, fastmath=_FAST)
def _descend(indptr, middle, indices, data, b, x, p_indptr, p_indices, p_data, coarse):  # type: ignore[no-untyped-def]
    """Forward sweep from zero into x; the restricted residual, which the couplings to the right alone make up."""
    for i in range(len(b)):
        s = b[i]
        for p in range(indptr[i], middle[i]):
            s -= data[p] * x[indices[p]]
        x[i] = s
    for i in range(len(b)):
        s = b[i] * 0
        for p in range(middle[i], indptr[i + 1]):
            s -= data[p] * x[indices[p]]
        for p in range(p_indptr[i], p_indptr[i + 1]):
            coarse[p_indices[p]] += p_data[p] * s


@njit(nogil=True, cache=True, fastmath=_FAST)
def _ascend(indptr, indices, data, b, x, p_indptr, p_indices, p_data, coarse):  # type: ignore[no-untyped-def]
    """Add the correction P coarse to x, then sweep backward."""
    for i in range(len(b)):
        s = x[i]
        for p in range(p_indptr[i], p_indptr[i + 1]):
            s += p_data[p] * coarse[p_indices[p]]
        x[i] = s
    for i in range(len(b) - 1, -1, -1):
        s = b[i]
        for p in range(indptr[i], indptr[i + 1]):
            s -= data[p] * x[indices[p]]
        x[i] = s
