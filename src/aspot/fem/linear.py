"""Linear solvers for the complex symmetric systems of one frequency. Each proves its residual or raises.

The real symmetric positive definite matrix M = sum_q |theta_q| A_q has the contrasts of A = sum_q theta_q A_q without
its phases. As the phases lie between 0 and 90 degrees, every eigenvalue of M^-1 A lies in their convex hull, at least
cos 45 degrees away from 0 and not above 1: a preconditioner that is good for M is good for A at every frequency.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgWarning, lu_factor, lu_solve
from scipy.sparse import csc_array, csr_array
from scipy.sparse.linalg import splu

from aspot.errors import ConvergenceError, MemoryLimitError
from aspot.memory import available_memory

#: Largest accepted componentwise backward error of a direct solve.
DIRECT_LIMIT = 1e-9
#: Usual limit of the residual of an iterative solve, relative to that of the first guess, both scaled by the diagonal.
ITERATIVE_LIMIT = 1e-9
#: The latter counts for at least this part of the right-hand side, since rounding does.
_LEAST_SIZE = 1e-5
_MAX_ITERATIONS = 500
#: Iterations granted to the quick hierarchy: 20 to 40 are needed on meshes of good shape, more with thin films, where
#: the other one may need fewer but takes several times as long for each.
_QUICK_ITERATIONS = 200
#: Largest ratio of the ratios of two diagonals for which the preconditioner of one matrix serves the other, too.
_ALIKE = 2.0
#: A first residual above this is not worth correcting.
_STALLED = 1e-4
_MAX_REFINEMENTS = 12
#: Largest accepted change of a solution by its last refinement, relative to its maximum.
_SETTLED = 1e-5

Vector = NDArray[np.complex128]
Preconditioning = Callable[[Vector], NDArray[np.inexact]]


@dataclass(frozen=True)
class Preconditioner:
    """A hierarchy, kept for later solves.

    Parameters
    ----------
    diagonal : (n,) float
        Magnitudes of the diagonal of the matrix A it was made for.
    apply : callable
        Approximate inverse of M, rows and columns scaled by the roots of those.
    iterations : int
        Iterations granted to it.
    """

    diagonal: NDArray[np.float64]
    apply: Preconditioning
    iterations: int

    def serving(self, diagonal: NDArray[np.float64]) -> Preconditioner | None:
        """The same for a matrix of another diagonal, if the two are much alike up to a factor.

        The matrices are sums of the same semidefinite ones with other positive weights. Where their diagonals have one
        ratio everywhere, so have the weights of all that counts.
        """
        ratio = diagonal / self.diagonal
        if ratio.max() > _ALIKE * ratio.min():
            return None
        weight = np.sqrt(ratio / ratio.max())
        return Preconditioner(diagonal, lambda r: weight * self.apply(weight * r), self.iterations)


def solve_direct(a: csr_array, b: Vector, residual: Callable[[Vector], Vector] | None = None) -> Vector:
    """Solve a symmetric sparse system by LU factorisation with iterative refinement.

    Parameters
    ----------
    a : csr_array, (n, n), real or complex
    b : (n,)
    residual : callable, optional
        x -> b - A x with fewer rounding errors than the stored `a` has; the solution is refined with it until it stays.

    Returns
    -------
    (n,)

    Raises
    ------
    ConvergenceError
        If the componentwise backward error stays above `DIRECT_LIMIT`, or refinement keeps changing the solution.
    """
    free, rhs, scale = _equilibrated(a, b)
    solve = _factorised(free)
    x = solve(rhs)
    magnitude = csr_array((np.abs(free.data), free.indices, free.indptr), shape=free.shape)
    error = np.inf
    change = np.inf if residual is not None else 0.0
    for _ in range(_MAX_REFINEMENTS):
        r = rhs - free @ x if residual is None else scale * residual(scale * x)
        error = float(np.max(np.abs(r) / (magnitude @ np.abs(x) + np.abs(rhs) + np.finfo(float).tiny)))
        if not np.isfinite(error) or (error < 1e-14 and change < 1e-10):
            break
        correction = solve(r)
        if residual is not None:
            size = np.max(np.abs(scale * (x + correction))) + np.finfo(float).tiny
            change = float(np.max(np.abs(scale * correction)) / size)
        x = x + correction
    if not (error < DIRECT_LIMIT and change < _SETTLED):
        raise ConvergenceError(
            f"direct solve left a backward error of {error:.1e}, allowed {DIRECT_LIMIT:.0e}, and a last change "
            f"of {change:.1e}, allowed {_SETTLED:.0e}",
            iterate=scale * x,
        )
    return np.asarray(scale * x)


def _factorised(a: csr_array) -> Callable[[Vector], Vector]:
    """Solver with the LU factors of a sparse matrix, or of a dense one if most entries are stored."""
    n = a.shape[0]
    if a.nnz > 0.3 * n * n:
        with warnings.catch_warnings():
            # A singular matrix shows in the residual.
            warnings.simplefilter("ignore", LinAlgWarning)
            factors = lu_factor(a.toarray(), overwrite_a=True, check_finite=False)
        return lambda r: np.asarray(lu_solve(factors, r, check_finite=False))
    try:
        lu = splu(csc_array(a), permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True, "DiagPivotThresh": 0.0})
    except RuntimeError as fault:
        raise ConvergenceError(f"direct solve: {fault}") from None
    return lambda r: np.asarray(lu.solve(r))


def solve_multigrid(
    a: csr_array,
    b: Vector,
    m: csr_array | Callable[[], csr_array],
    residual: Callable[[Vector], Vector] | None = None,
    *,
    start: Vector | None = None,
    limit: float = ITERATIVE_LIMIT,
    known: list[Preconditioner] | None = None,
) -> Vector:
    """Solve a complex symmetric sparse system by conjugate gradients, preconditioned by algebraic multigrid.

    The hierarchy of `aspot.fem.multigrid` is tried first; where it does not do (films a thousand times thinner than
    wide), a costlier one that follows how errors evolve.

    Parameters
    ----------
    a : csr_array, (n, n), real or complex symmetric
    b : (n,)
    m : csr_array, (n, n), real symmetric positive definite, or callable that makes it
        As described at the top of this module; `a` itself if that is real.
    residual : callable, optional
        x -> b - A x with fewer rounding errors than the stored `a` has; the solution is corrected until it is small.
    start : (n,), optional
        A guess of the solution, to save iterations.
    limit : float
        Largest accepted residual, relative to that of the first guess, both scaled by the diagonal; aimed at: a tenth.
    known : list of Preconditioner, optional
        At most one, of an earlier solve: used if its matrix was much like `a`, else replaced by the one made here.

    Returns
    -------
    (n,)

    Raises
    ------
    ConvergenceError
        If the true residual stays above `limit`.
    MemoryLimitError
        If the machine has not the memory that it would take.
    """
    from aspot.fem import multigrid  # numba takes a second to import: only where it is needed

    needed, available = _memory_bytes(a), available_memory()
    if needed > available:
        raise MemoryLimitError(
            f"multigrid for {a.shape[0]} unknowns takes about {needed / 1e9:.2g} GB more, the machine has "
            f"{available / 1e9:.2g} GB available"
        )
    own = a.diagonal()
    diagonal = np.abs(own)
    if not np.all(diagonal > 0):
        raise ConvergenceError("the system is singular: an unknown is connected to nothing")
    scale = 1.0 / np.sqrt(diagonal)

    def remainder(x: Vector) -> Vector:
        return np.asarray(scale * (b - a @ x if residual is None else residual(x)))

    # Unknowns that a huge admittance ties to the metal (or the ground) make up nearly all of b, and take nearly its
    # potential whatever the others do. What this leaves over for the others is what residuals are measured by.
    tie = a @ np.ones(len(b))
    is_tied = np.abs(tie) > 0.5 * diagonal
    x = np.asarray(np.where(is_tied, b, 0.0) / np.where(is_tied, tie, 1.0), dtype=np.result_type(own, b))
    r = remainder(x)
    size = max(float(np.linalg.norm(r)), _LEAST_SIZE * float(np.linalg.norm(scale * b))) or 1.0
    if start is not None:
        x = start
        r = remainder(x)
    # Of norm 1: the single precision of the preconditioner must not underflow.
    r = r / size
    scaled_a = multigrid.scaled(a, scale)
    goal = min(0.1 * limit / max(float(np.linalg.norm(r)), 0.1 * limit), 1.0)
    correction, preconditioner = np.zeros_like(r), None

    def scaled_m() -> csr_array:
        return scaled_a if m is a else multigrid.scaled(m if isinstance(m, csr_array) else m(), scale)

    for preconditioner, is_new in _preconditioners(diagonal, scaled_m, known or []):
        correction, reached = conjugate_gradients(
            scaled_a, r, preconditioner.apply, goal=goal, max_iterations=preconditioner.iterations
        )
        if reached:
            if is_new and known is not None:
                known[:] = [preconditioner]
            break
    if preconditioner is None:
        raise ConvergenceError("multigrid: no hierarchy could be made")
    x = x + scale * (size * correction)
    left = np.inf
    for _ in range(_MAX_REFINEMENTS):
        r = remainder(x) / size
        before, left = left, float(np.linalg.norm(r))
        # A correction that gains little shows that the iteration has stalled, or that rounding is reached.
        if not np.isfinite(left) or left < limit or left > 0.1 * before or left > _STALLED:
            break
        goal = max(0.1 * limit / left, 1e-12)
        x = x + scale * (size * conjugate_gradients(scaled_a, r, preconditioner.apply, goal=goal)[0])
    if not left < limit:
        raise ConvergenceError(f"multigrid left a residual of {left:.1e}, allowed {limit:.0e}", iterate=x)
    return np.asarray(x)


def _memory_bytes(a: csr_array) -> float:
    """Memory that `solve_multigrid` takes beyond its arguments, measured: copies, hierarchy and vectors."""
    return (70.0 if np.iscomplexobj(a) else 55.0) * a.nnz + 25.0 * a.dtype.itemsize * a.shape[0]


def _preconditioners(
    diagonal: NDArray[np.float64], scaled_m: Callable[[], csr_array], known: list[Preconditioner]
) -> Iterator[tuple[Preconditioner, bool]]:
    """What is worth trying, one after the other, and whether it is new."""
    from aspot.fem import multigrid

    for old in known:
        if (serving := old.serving(diagonal)) is not None:
            yield serving, False
    m = scaled_m()
    makers: tuple[tuple[Callable[[csr_array], Preconditioning], int], ...] = (
        (multigrid.build, _QUICK_ITERATIONS),
        (_film_hierarchy, _MAX_ITERATIONS),
    )
    for make, iterations in makers:
        try:
            apply = make(m)
        except ConvergenceError:
            continue
        yield Preconditioner(diagonal, apply, iterations), True


def _film_hierarchy(m: csr_array) -> Callable[[Vector], Vector]:
    """Smoothed aggregation with coarse levels that follow how errors evolve: slow to set up, good on films."""
    import pyamg  # type: ignore[import-untyped]

    # A copy, because pyamg drops zeros in place.
    cycle = pyamg.smoothed_aggregation_solver(
        m.copy(), strength=("evolution", {"epsilon": 4.0, "k": 2}), smooth=("energy", {"maxiter": 3}), max_coarse=500
    ).aspreconditioner()

    def precondition(r: Vector) -> Vector:
        if np.iscomplexobj(r):
            return np.asarray(cycle.matvec(r.real) + 1j * cycle.matvec(r.imag))
        return np.asarray(cycle.matvec(r))

    return precondition


def conjugate_gradients(
    a: csr_array,
    b: Vector,
    precondition: Callable[[Vector], NDArray[np.inexact]],
    *,
    goal: float = 0.1 * ITERATIVE_LIMIT,
    max_iterations: int = _MAX_ITERATIONS,
) -> tuple[Vector, bool]:
    """Conjugate orthogonal conjugate gradients: CG with the bilinear form x^T y, for complex symmetric systems.

    Van der Vorst and Melissen (1990), doi 10.1109/20.106415. For real systems it is the classical method.
    Returns the iterate with the smallest residual that was met, and whether that is `goal` times the norm of b or less.
    """
    x = np.zeros_like(b, dtype=np.result_type(a.dtype, b.dtype))
    r = b.astype(x.dtype)
    size = norm = best_norm = float(np.linalg.norm(b))
    best = x
    z = np.asarray(precondition(r), dtype=x.dtype)
    p = z.copy()
    rho = r @ z
    for _ in range(max_iterations):
        q = a @ p
        curvature = p @ q
        if curvature == 0 or rho == 0 or not np.isfinite(abs(curvature)):
            break
        alpha = rho / curvature
        if norm == best_norm:
            best = x.copy()
        x += alpha * p
        r -= alpha * q
        norm = float(np.linalg.norm(r))
        if norm < best_norm:
            best, best_norm = x, norm
        if norm <= goal * size:
            break
        z[:] = precondition(r)
        rho_next = r @ z
        p *= rho_next / rho
        p += z
        rho = rho_next
    return best, best_norm <= goal * size


def _equilibrated(a: csr_array, b: Vector) -> tuple[csr_array, Vector, NDArray[np.float64]]:
    """Symmetrically scaled system: admittances of neighbouring unknowns can differ by many decades."""
    diagonal = np.abs(a.diagonal())
    if not np.all(diagonal > 0):
        raise ConvergenceError("the system is singular: an unknown is connected to nothing")
    scale = 1.0 / np.sqrt(diagonal)
    return _scaled(a, scale), scale * b, scale


def _scaled(a: csr_array, scale: NDArray[np.float64]) -> csr_array:
    data = a.data * scale[a.indices] * np.repeat(scale, np.diff(a.indptr))
    return csr_array((data, a.indices, a.indptr), shape=a.shape)
