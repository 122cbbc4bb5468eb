"""Conjugate gradients on grids, for real and complex symmetric systems; vectors are planar, (1 or 2, nz, ny, nx).

COCG (van der Vorst and Melissen 1990, doi 10.1109/20.106415): conjugate gradients with the bilinear form x^T y. Real
and imaginary parts are kept apart, so that sums over voxels run on real numbers. Vectors are updated in place by
compiled loops: at 1e7 unknowns time is memory traffic.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator, gmres

from aspot.errors import ConvergenceError
from aspot.fem.linear import GAIN, ITERATIVE_LIMIT
from aspot.fem.voxel_multigrid import Periodicity, in_slabs

Array = NDArray[Any]

_MAX_ITERATIONS = 400
#: Iterations of COCG after which another method goes on, and of that before it is given up.
_MAX_COMPLEX = 60
#: Memory for the vectors of that method [bytes].
_VECTOR_BYTES = 2e9
_MAX_REFINEMENTS = 6

_FAST = {"nnan", "nsz", "contract", "reassoc"}


@dataclass(frozen=True)
class System:
    """A x = b on a grid.

    Parameters
    ----------
    apply : callable
        (x, y): y = A x, planar.
    b : (parts, nz, ny, nx) float
    diagonal : (nz, ny, nx) float32
        Magnitude of the diagonal; 0 where a node is not free.
    precondition : callable
        (r, factor, z): z = approximate M^-1 (factor r) in single precision, for one part.
    """

    apply: Callable[[Array, Array], None]
    b: Array
    diagonal: Array
    precondition: Callable[[Array, float, Array], None]


def planar_product(
    product: Callable[[int, Array, Array], None], shape: tuple[int, ...], periodic: Periodicity
) -> Callable[[Array, Array], None]:
    """(x, y): y = A x, from products (part, x, y) with the real (0) and imaginary (1) part of A on one grid."""
    parts = shape[0]
    spare = np.empty(shape[1:] if parts > 1 else 0)

    def apply(x: Array, y: Array) -> None:
        periodic.copied(x)
        product(0, x[0], y[0])
        if parts > 1:
            product(0, x[1], y[1])
            product(1, x[1], spare)
            y[0] -= spare
            product(1, x[0], spare)
            y[1] += spare
        periodic.cleared(x)

    return apply


def planar(x: Array, is_real: bool) -> Array:
    """Real and imaginary part one after the other."""
    return np.array([np.real(x)] if is_real else [np.real(x), np.imag(x)], dtype=float)


def solve(system: System, start: Array | None, limit: float) -> tuple[Array, int]:
    """Solution of a system, and the number of iterations.

    Parameters
    ----------
    system : System
    start : (parts, nz, ny, nx) float or None
        A guess; is overwritten. Its own residual falls to a tenth, too.
    limit : float
        Largest accepted residual, relative to that of the first guess, both scaled by the diagonal; aimed at: a tenth.

    Raises
    ------
    ConvergenceError
        If the true residual stays above `limit`.
    """
    inverse = np.zeros(system.diagonal.shape, np.float32)
    np.divide(1.0, system.diagonal, out=inverse, where=system.diagonal > 0)
    x = np.zeros_like(system.b) if start is None else start
    r = system.b.copy()
    size = _norm(r, inverse)
    if size == 0.0:
        raise ConvergenceError("the system is singular: nothing conducts to the electrode")
    if start is not None:
        system.apply(x, r)
        np.subtract(system.b, r, out=r)
    left, count = _norm(r, inverse) / size, 0
    goal = 0.1 * limit if start is None else min(0.1 * limit, max(GAIN * left, 0.1 * ITERATIVE_LIMIT))
    most = _MAX_ITERATIONS if len(x) == 1 else _MAX_COMPLEX
    for _ in range(_MAX_REFINEMENTS):
        if left <= limit and (count > 0 or left <= goal):
            break
        count += _iterate(system, x, r, inverse, goal * size, most - count)
        # Rounding errors part the residual of the iteration from the true one.
        system.apply(x, r)
        np.subtract(system.b, r, out=r)
        before, left = left, _norm(r, inverse) / size
        if not np.isfinite(left) or left > 0.3 * before or count >= most:
            break
    for _ in range(_MAX_REFINEMENTS):
        if len(x) == 1 or left <= limit:
            break
        if not left < 1.0:
            x[:], r = 0.0, system.b.copy()
        before = min(left, 1.0)
        count += _least_residual(system, x, r, max(0.05 * limit / before, 1e-6))
        system.apply(x, r)
        np.subtract(system.b, r, out=r)
        left = _norm(r, inverse) / size
        if not left < 0.5 * before:
            break
    if not left <= limit:
        raise ConvergenceError(
            f"voxel multigrid left a residual of {left:.1e} after {count} iterations, allowed {limit:.0e}", iterate=x
        )
    return x, count


def _iterate(system: System, x: Array, r: Array, inverse: Array, goal: float, most: int) -> int:
    """Improve x in place, its residual r with it, until the residual of the iteration is below the goal."""
    norm, z = _norm(r, inverse), np.empty(r.shape, np.float32)
    _precondition(system, r, norm, z)
    p, q = z.astype(float), np.empty_like(r)
    rho = _product(r, z)
    for count in range(1, most + 1):
        system.apply(p, q)
        curvature = _product(p, q)
        if curvature == 0 or rho == 0 or not np.isfinite(abs(curvature)):
            return count
        alpha = rho / curvature
        in_slabs(lambda a, b: _step(x, r, p, q, alpha.real, alpha.imag, a, b), x.shape[1])  # noqa: B023
        norm = _norm(r, inverse)
        if norm <= goal:
            return count
        _precondition(system, r, norm, z)
        after = _product(r, z)
        beta, rho = after / rho, after
        in_slabs(lambda a, b: _turn(p, z, beta.real, beta.imag, a, b), x.shape[1])  # noqa: B023
    return most


def _least_residual(system: System, x: Array, r: Array, tolerance: float) -> int:
    """Add to x a correction for the residual r by restarted GMRES; the number of iterations.

    The bilinear form of COCG may vanish for a vector that does not: it breaks down, seldom and without warning. GMRES
    cannot, but keeps a vector for every iteration until it starts anew.
    """
    shape, n = r.shape, int(np.prod(r.shape[1:]))
    z, count = np.empty(shape, np.float32), [0]

    def grid(v: Array) -> Array:
        return np.array([v.real.reshape(shape[1:]), v.imag.reshape(shape[1:])])

    def product(v: Array) -> Array:
        y = np.empty(shape)
        system.apply(grid(v), y)
        return (y[0] + 1j * y[1]).ravel()

    def preconditioned(v: Array) -> Array:
        size = float(np.abs(v).max()) or 1.0
        _precondition(system, grid(v), size, z)
        return (z[0] + 1j * z[1]).ravel().astype(complex)

    def counted(_: float) -> None:
        count[0] += 1

    restart = int(np.clip(_VECTOR_BYTES / (16.0 * n), 6, 20))
    found, _ = gmres(
        LinearOperator((n, n), product, dtype=complex),
        (r[0] + 1j * r[1]).ravel(),
        rtol=tolerance,
        restart=restart,
        maxiter=max(_MAX_COMPLEX // restart, 1),
        M=LinearOperator((n, n), preconditioned, dtype=complex),
        callback=counted,
        callback_type="pr_norm",
    )
    x += grid(found)
    return count[0]


def _precondition(system: System, r: Array, norm: float, z: Array) -> None:
    # Of norm 1: single precision must not underflow.
    for part, out in zip(r, z, strict=True):
        system.precondition(part, 1.0 / norm, out)
    z *= np.float32(norm)


def _product(a: Array, b: Array) -> complex:
    """a^T b."""
    parts = in_slabs(lambda first, final: _dot(a, b, first, final), a.shape[1])
    return complex(sum(p[0] for p in parts), sum(p[1] for p in parts))


def _norm(r: Array, inverse: Array) -> float:
    return float(np.sqrt(sum(in_slabs(lambda a, b: _square(r, inverse, a, b), r.shape[1]))))


@njit(nogil=True, cache=True, fastmath=_FAST)
def _dot(a, b, first, final):  # type: ignore[no-untyped-def]
    """Real and imaginary part of a^T b over planes first <= k < final."""
    parts, _, ny, nx = a.shape
    re, im = 0.0, 0.0
    for k in range(first, final):
        for j in range(ny):
            if parts == 1:
                for i in range(nx):
                    re += a[0, k, j, i] * b[0, k, j, i]
            else:
                for i in range(nx):
                    re += a[0, k, j, i] * b[0, k, j, i] - a[1, k, j, i] * b[1, k, j, i]
                    im += a[0, k, j, i] * b[1, k, j, i] + a[1, k, j, i] * b[0, k, j, i]
    return re, im


@njit(nogil=True, cache=True, fastmath=_FAST)
def _square(r, inverse, first, final):  # type: ignore[no-untyped-def]
    """Sum of |r|^2 over the diagonal, planes first <= k < final."""
    parts, _, ny, nx = r.shape
    total = 0.0
    for m in range(parts):
        for k in range(first, final):
            for j in range(ny):
                for i in range(nx):
                    total += r[m, k, j, i] * r[m, k, j, i] * inverse[k, j, i]
    return total


@njit(nogil=True, cache=True, fastmath=_FAST)
def _step(x, r, p, q, re, im, first, final):  # type: ignore[no-untyped-def]
    """X += alpha p, r -= alpha q."""
    parts, _, ny, nx = x.shape
    for k in range(first, final):
        for j in range(ny):
            if parts == 1:
                for i in range(nx):
                    x[0, k, j, i] += re * p[0, k, j, i]
                for i in range(nx):
                    r[0, k, j, i] -= re * q[0, k, j, i]
            else:
                for i in range(nx):
                    x[0, k, j, i] += re * p[0, k, j, i] - im * p[1, k, j, i]
                    x[1, k, j, i] += re * p[1, k, j, i] + im * p[0, k, j, i]
                for i in range(nx):
                    r[0, k, j, i] -= re * q[0, k, j, i] - im * q[1, k, j, i]
                    r[1, k, j, i] -= re * q[1, k, j, i] + im * q[0, k, j, i]


@njit(nogil=True, cache=True, fastmath=_FAST)
def _turn(p, z, re, im, first, final):  # type: ignore[no-untyped-def]
    """P = z + beta p."""
    parts, _, ny, nx = p.shape
    for k in range(first, final):
        for j in range(ny):
            if parts == 1:
                for i in range(nx):
                    p[0, k, j, i] = z[0, k, j, i] + re * p[0, k, j, i]
            else:
                for i in range(nx):
                    a, b = p[0, k, j, i], p[1, k, j, i]
                    p[0, k, j, i] = z[0, k, j, i] + re * a - im * b
                    p[1, k, j, i] = z[1, k, j, i] + re * b + im * a
