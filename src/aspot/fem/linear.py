"""Linear solvers for the complex symmetric systems of one frequency. Each proves its residual or raises.

The real symmetric positive definite matrix M = sum_q |theta_q| A_q has the contrasts of A = sum_q theta_q A_q without
its phases. As the phases lie between 0 and 90 degrees, every eigenvalue of M^-1 A lies in their convex hull, at least
cos 45 degrees away from 0 and not above 1: a preconditioner that is good for M is good for A at every frequency.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array
from scipy.sparse.linalg import LinearOperator, splu

from aspot.errors import ConvergenceError

#: Largest accepted componentwise backward error of a direct solve.
DIRECT_LIMIT = 1e-9
#: Largest accepted residual of an iterative solve, relative to the right-hand side, both scaled by the diagonal.
ITERATIVE_LIMIT = 1e-9
_ITERATIVE_GOAL = 1e-10
_MAX_ITERATIONS = 500
#: Options of smoothed aggregation, iterations granted to each. The first is twice as quick on meshes of good shape;
#: on films a thousand times thinner than wide the second needs half the iterations.
_HIERARCHIES: tuple[tuple[dict[str, Any], int], ...] = (
    ({"strength": ("symmetric", {"theta": 0.0})}, 80),
    ({"strength": ("evolution", {"epsilon": 4.0, "k": 2}), "smooth": ("energy", {"maxiter": 3})}, _MAX_ITERATIONS),
)
#: A first residual above this is not worth correcting.
_STALLED = 1e-4
_MAX_REFINEMENTS = 12
#: Largest accepted change of a solution by its last refinement, relative to its maximum.
_SETTLED = 1e-5

Vector = NDArray[np.complex128]


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
    try:
        lu = splu(csc_array(free), permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True, "DiagPivotThresh": 0.0})
    except RuntimeError as fault:
        raise ConvergenceError(f"direct solve: {fault}") from None
    x = lu.solve(rhs)
    magnitude = csr_array((np.abs(free.data), free.indices, free.indptr), shape=free.shape)
    error = np.inf
    change = np.inf if residual is not None else 0.0
    for _ in range(_MAX_REFINEMENTS):
        r = rhs - free @ x if residual is None else scale * residual(scale * x)
        error = float(np.max(np.abs(r) / (magnitude @ np.abs(x) + np.abs(rhs) + np.finfo(float).tiny)))
        if not np.isfinite(error) or (error < 1e-14 and change < 1e-10):
            break
        correction = lu.solve(r)
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


def solve_multigrid(
    a: csr_array, b: Vector, m: csr_array, residual: Callable[[Vector], Vector] | None = None
) -> Vector:
    """Solve a complex symmetric sparse system by conjugate gradients, preconditioned by algebraic multigrid.

    Parameters
    ----------
    a : csr_array, (n, n), real or complex symmetric
    b : (n,)
    m : csr_array, (n, n), real symmetric positive definite
        As described at the top of this module; `a` itself if that is real.
    residual : callable, optional
        x -> b - A x with fewer rounding errors than the stored `a` has; the solution is corrected until it is small.

    Returns
    -------
    (n,)

    Raises
    ------
    ConvergenceError
        If the true residual stays above `ITERATIVE_LIMIT`.
    """
    import pyamg  # type: ignore[import-untyped]

    _, _, scale = _equilibrated(a, b)
    scaled_a, rhs = _scaled(a, scale), scale * b
    scaled_m, size = _scaled(m, scale), float(np.linalg.norm(rhs))
    x = np.zeros_like(rhs)
    for options, iterations in _HIERARCHIES:
        # A copy, because pyamg drops zeros in place.
        cycle = pyamg.smoothed_aggregation_solver(scaled_m.copy(), **options, max_coarse=500).aspreconditioner()

        def precondition(r: Vector, cycle: LinearOperator = cycle) -> Vector:
            if np.iscomplexobj(r):
                return np.asarray(cycle.matvec(r.real) + 1j * cycle.matvec(r.imag))
            return np.asarray(cycle.matvec(r))

        x, reached = conjugate_gradients(scaled_a, rhs, precondition, max_iterations=iterations)
        if reached:
            break
    left = np.inf
    for _ in range(_MAX_REFINEMENTS):
        r = rhs - scaled_a @ x if residual is None else scale * residual(scale * x)
        before, left = left, float(np.linalg.norm(r)) / size
        # A correction that gains little shows that the iteration has stalled, or that rounding is reached.
        if not np.isfinite(left) or left < 10.0 * _ITERATIVE_GOAL or left > 0.1 * before or left > _STALLED:
            break
        x = x + conjugate_gradients(scaled_a, r, precondition, goal=max(_ITERATIVE_GOAL / left, 1e-12))[0]
    if not left < ITERATIVE_LIMIT:
        raise ConvergenceError(
            f"multigrid left a residual of {left:.1e}, allowed {ITERATIVE_LIMIT:.0e}", iterate=scale * x
        )
    return np.asarray(scale * x)


def conjugate_gradients(
    a: csr_array,
    b: Vector,
    precondition: Callable[[Vector], Vector],
    *,
    goal: float = _ITERATIVE_GOAL,
    max_iterations: int = _MAX_ITERATIONS,
) -> tuple[Vector, bool]:
    """Conjugate orthogonal conjugate gradients: CG with the bilinear form x^T y, for complex symmetric systems.

    Van der Vorst and Melissen (1990), doi 10.1109/20.106415. For real systems it is the classical method.
    Returns the iterate with the smallest residual that was met, and whether that is `goal` times the norm of b or less.
    """
    x = np.zeros_like(b, dtype=np.result_type(a.dtype, b.dtype))
    r = b.astype(x.dtype)
    size = float(np.linalg.norm(b))
    best, best_norm = x.copy(), size
    z = precondition(r)
    p = z.copy()
    rho = r @ z
    for _ in range(max_iterations):
        q = a @ p
        curvature = p @ q
        if curvature == 0 or rho == 0 or not np.isfinite(abs(curvature)):
            break
        alpha = rho / curvature
        x += alpha * p
        r -= alpha * q
        norm = float(np.linalg.norm(r))
        if norm < best_norm:
            best, best_norm = x.copy(), norm
        if norm <= goal * size:
            break
        z = precondition(r)
        rho_next = r @ z
        p = z + (rho_next / rho) * p
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
