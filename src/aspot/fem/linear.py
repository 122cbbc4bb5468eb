"""Linear solvers for the complex symmetric systems of one frequency. Each proves its residual or raises.

The real symmetric positive definite matrix M = sum_q |theta_q| A_q has the contrasts of A = sum_q theta_q A_q without
its phases. As the phases lie between 0 and 90 degrees, every eigenvalue of M^-1 A lies in their convex hull, at least
cos 45 degrees away from 0 and not above 1: a preconditioner that is good for M is good for A at every frequency.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgWarning, lu_factor, lu_solve
from scipy.sparse import csc_array, csr_array
from scipy.sparse.linalg import splu

from aspot.errors import ConvergenceError
from aspot.memory import available_memory, check_memory

#: Largest accepted componentwise backward error of a direct solve.
DIRECT_LIMIT = 1e-9
#: Usual limit of the residual of an iterative solve, relative to that of the first guess.
ITERATIVE_LIMIT = 1e-9
#: Part of the residual of a guess that may be left, so that the answer tells what the guess lacks.
GAIN = 0.1
#: The first residual counts for at least this part of the right-hand side: as numbers, and in the norm of the energy.
_LEAST_SIZE, _LEAST_ENERGY = 1e-5, 1e-8
#: What rounding leaves of a residual, in units of potentials that are wrong by half a digit; and at most. The error of
#: the admittance is the square of it.
_ROUNDING_PARTS, _ROUNDING_LIMIT = 8.0, 1e-3
_MAX_ITERATIONS = 500
#: Iterations granted to the quick hierarchy: 20 to 40 are needed on meshes of good shape, more with thin films, where
#: the other one needs fewer but takes three times as long for each. They are foreseen every so often.
_QUICK_ITERATIONS, _LOOK = 90, 30
#: The same for the hierarchy for films, where films can be factorised, and the most unknowns that those may have.
_FILM_ITERATIONS, _MOST_FACTORISED = 250, 150_000
#: Memory of those factors per unknown [bytes]: 7e3 with 2e4 of them, growing as the logarithm.
_FACTOR_BYTES = 1.2e4
#: Largest ratio of the ratios of two diagonals for which the preconditioner of one matrix serves the other, too.
_ALIKE = 2.0
_MAX_REFINEMENTS = 12
#: Largest accepted change of a solution by its last refinement, relative to its maximum.
_SETTLED = 1e-5

Vector = NDArray[np.complex128]
Preconditioning = Callable[[Vector], NDArray[np.inexact]]
Method = Literal[
    "direct",
    "multigrid",
    "multigrid for films",
    "multigrid with factors of films",
    "direct after multigrid",
    "transforms",  # conjugate gradients with transforms of the plane
    "voxel multigrid",
]


@dataclass(frozen=True)
class Solve:
    """How one system was solved.

    Parameters
    ----------
    method : Method
        The one that gave the solution.
    iterations : int
        Of all methods tried; 0: direct.
    """

    method: Method
    iterations: int


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
    worthwhile : int
        Iterations beyond which something else is better tried.
    method : Method
    """

    diagonal: NDArray[np.float64]
    apply: Preconditioning
    iterations: int
    worthwhile: int
    method: Method

    def serving(self, diagonal: NDArray[np.float64]) -> Preconditioner | None:
        """The same for a matrix of another diagonal, if the two are much alike up to a factor.

        The matrices are sums of the same semidefinite ones with other positive weights. Where their diagonals have one
        ratio everywhere, so have the weights of all that counts.
        """
        ratio = diagonal / self.diagonal
        if ratio.max() > _ALIKE * ratio.min():
            return None
        weight = np.sqrt(ratio / ratio.max())
        return replace(self, diagonal=diagonal, apply=lambda r: weight * self.apply(weight * r))


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
    m: csr_array | Callable[[], tuple[csr_array, NDArray[np.float64] | None]],
    residual: Callable[[Vector], Vector] | None = None,
    *,
    ground: Vector | None = None,
    energy: Callable[[Vector], float] | None = None,
    start: Vector | None = None,
    limit: float = ITERATIVE_LIMIT,
    known: list[Preconditioner] | None = None,
    films: NDArray[np.bool_] | None = None,
    report: Callable[[Method, int], None] | None = None,
) -> Vector:
    """Solve a complex symmetric sparse system by conjugate gradients, preconditioned by algebraic multigrid.

    The quick hierarchy of `aspot.fem.multigrid` is tried first; where it will not do (films much thinner than the
    elements are wide), the one for films goes on from what was reached; and then the quick one between two solves with
    LU factors of the films' own unknowns, which nothing in them can slow down.

    Parameters
    ----------
    a : csr_array, (n, n), real or complex symmetric
    b : (n,)
    m : csr_array, (n, n), real symmetric positive definite, or callable that makes it and what its rows add up to
        As described at the top of this module; `a` itself if that is real.
    residual : callable, optional
        x -> b - A x with fewer rounding errors than the stored `a` has; the solution is corrected until it is small.
    ground : (n,), optional
        What the rows of A add up to, with fewer rounding errors than the stored ones.
    energy : callable, optional
        x -> magnitude of the energy of the whole system, the square of what errors are to be small beside where that is
        less than the first residual.
    start : (n,), optional
        A guess of the solution, to save iterations; its own residual falls to a tenth, too.
    limit : float
        Largest accepted residual, relative to the first one, both in the norm of the preconditioner (about
        that of A^-1: the energy of the error); aimed at: a tenth. What the rounding of the potentials themselves
        leaves is accepted, too, up to `_ROUNDING_LIMIT`.
    known : list of Preconditioner, optional
        At most one, of an earlier solve: used if its matrix was much like `a`, else replaced by the one made here.
    films : (n,) bool, optional
        Unknowns that may be factorised: few, and no more than a thin layer of them.
    report : callable, optional
        Told the method and all iterations, of those given up too, once the solution is found.

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

    check_memory(_memory_bytes(a), available_memory(), f"multigrid for {a.shape[0]} unknowns")
    own = a.diagonal()
    diagonal = np.abs(own)
    if not np.all(diagonal > 0):
        raise ConvergenceError("the system is singular: an unknown is connected to nothing")
    scale = 1.0 / np.sqrt(diagonal)
    tie = np.asarray(a @ np.ones(len(b))) if ground is None else ground
    thin = multigrid.thinned(a)

    def product(x: Vector) -> Vector:
        return np.asarray(multigrid.network_product(thin.indptr, thin.indices, thin.data, tie, x))

    def remainder(x: Vector) -> Vector:
        return np.asarray(b - product(x) if residual is None else residual(x))

    def scaled_m() -> tuple[csr_array, NDArray[np.float64] | None]:
        if m is a:
            return thin, np.real(tie)
        return (multigrid.thinned(m), None) if isinstance(m, csr_array) else _thin_pair(m())

    # Unknowns that a huge admittance ties to the metal (or the ground) make up nearly all of b, and take nearly its
    # potential whatever the others do. What this leaves over for the others is what residuals are measured by.
    is_tied = np.abs(tie) > 0.5 * diagonal
    kind = np.result_type(own, b)
    first = np.asarray(np.where(is_tied, b, 0.0) / np.where(is_tied, tie, 1.0), dtype=kind)
    first_residual = remainder(first)
    # Of norm 1: the single precision of the preconditioner must not underflow.
    unit = max(_norm(scale * first_residual), _LEAST_SIZE * _norm(scale * b)) or 1.0
    x = first if start is None else np.asarray(start, dtype=kind)
    left, spent, is_improved = np.inf, 0, start is None
    for preconditioner, is_new in _preconditioners(diagonal, scaled_m, films, known or []):

        def precondition(r: Vector, apply: Preconditioning = preconditioner.apply) -> Vector:
            return np.asarray(scale * apply((scale / unit) * r) * unit)

        size, least = (
            float(np.sqrt(abs(np.vdot(r, precondition(r)))) * part)
            for r, part in ((first_residual, 1), (b, _LEAST_ENERGY))
        )
        size = max(size, least) or 1.0
        before, granted = np.inf, spent + preconditioner.iterations
        for _ in range(_MAX_REFINEMENTS):
            step = conjugate_gradients(
                product,
                remainder(x),
                precondition,
                goal=0.1 * limit * size,
                gain=1.0 if is_improved else GAIN,
                least=0.1 * min(limit, ITERATIVE_LIMIT) * size,
                max_iterations=granted - spent,
                worthwhile=preconditioner.worthwhile,
            )
            spent += step.iterations
            left = step.first / size
            rounding = 0.5 * np.finfo(float).eps * _norm(x / scale) / size
            accepted = max(limit if is_improved else ITERATIVE_LIMIT, min(_ROUNDING_PARTS * rounding, _ROUNDING_LIMIT))
            if left <= accepted:
                if is_new and known is not None:
                    known[:] = [preconditioner]
                if report is not None:
                    report(preconditioner.method, spent)
                return x
            # A correction that gains little shows that the iteration has stalled, or that rounding is reached.
            if not np.isfinite(left) or step.first > 0.3 * before:
                break
            before = step.first
            x, is_improved = x + step.x, True
            if not step.is_promising:
                break
            if energy is not None:
                size = max(min(size, float(np.sqrt(energy(x)))), least)
    if left == np.inf:
        raise ConvergenceError("multigrid: no hierarchy could be made")
    raise ConvergenceError(f"multigrid left a residual of {left:.1e}, allowed {limit:.0e}", iterate=x)


def _memory_bytes(a: csr_array) -> float:
    """Memory that `solve_multigrid` takes beyond its arguments, measured: copies, hierarchy and vectors."""
    return (70.0 if np.iscomplexobj(a) else 55.0) * a.nnz + 25.0 * a.dtype.itemsize * a.shape[0]


def _thin_pair(pair: tuple[csr_array, NDArray[np.float64] | None]) -> tuple[csr_array, NDArray[np.float64] | None]:
    from aspot.fem import multigrid

    return multigrid.thinned(pair[0]), pair[1]


def _norm(x: Vector) -> float:
    return float(np.linalg.norm(x))


def _preconditioners(
    diagonal: NDArray[np.float64],
    matrix: Callable[[], tuple[csr_array, NDArray[np.float64] | None]],
    films: NDArray[np.bool_] | None,
    known: list[Preconditioner],
) -> Iterator[tuple[Preconditioner, bool]]:
    """What is worth trying, one after the other, and whether it is new."""
    from aspot.fem import multigrid

    for old in known:
        if (serving := old.serving(diagonal)) is not None:
            yield serving, False
    m, ground = matrix()
    # Hierarchies act on vectors scaled by the diagonal of M.
    weight = np.sqrt(diagonal / m.diagonal())
    n_films = 0 if films is None else int(films.sum())
    is_factorisable = 0 < n_films <= min(_MOST_FACTORISED, 0.6 * len(diagonal), available_memory() / _FACTOR_BYTES)
    kinds: list[tuple[Method, int]] = [
        ("multigrid", _QUICK_ITERATIONS),
        ("multigrid for films", _FILM_ITERATIONS if is_factorisable else _MAX_ITERATIONS),
    ]
    if is_factorisable:
        kinds.append(("multigrid with factors of films", _MAX_ITERATIONS))
    for method, worthwhile in kinds:
        of: Preconditioning
        try:
            of = multigrid.build(m, ground, films=method == "multigrid for films")
            if films is not None and method == "multigrid with factors of films":
                of = _between_factors(m, of, films)
        except ConvergenceError:
            continue

        def apply(r: Vector, of: Preconditioning = of) -> NDArray[np.inexact]:
            return np.asarray(weight * of(weight * r))

        yield Preconditioner(diagonal, apply, _MAX_ITERATIONS, worthwhile, method), True


def _between_factors(m: csr_array, cycle: Preconditioning, films: NDArray[np.bool_]) -> Preconditioning:
    """Solve for the films alone, correct by a cycle, solve for the films again; for vectors scaled by the diagonal.

    With L the inverse on the films, E = (I - L M)(I - B M)(I - L M): symmetric, and never worse than B. What B adds
    reaches the films as the potentials that dissipate least there.
    """
    at = np.flatnonzero(films)
    scaled = _scaled(m, 1.0 / np.sqrt(m.diagonal()))
    inverse: Callable[[Any], Any] = _factorised(csr_array(scaled[at][:, at]))

    def films_alone(r: Vector) -> Vector:
        z = np.zeros_like(r)
        z[at] = inverse(r[at].real) + 1j * inverse(r[at].imag) if np.iscomplexobj(r) else inverse(r[at])
        return z

    def apply(r: Vector) -> Vector:
        z = films_alone(r)
        z = z + cycle(r - scaled @ z)
        return np.asarray(z + films_alone(r - scaled @ z))

    return apply


@dataclass(frozen=True)
class Iterated:
    """What conjugate gradients reached.

    Parameters
    ----------
    x : (n,)
        The iterate of the smallest residual that was met.
    first, last : float
        Norms of the first residual and of that one.
    iterations : int
    is_promising : bool
        Whether it has not been given up.
    """

    x: Vector
    first: float
    last: float
    iterations: int
    is_promising: bool


def conjugate_gradients(
    product: Callable[[Vector], Vector],
    b: Vector,
    precondition: Callable[[Vector], Vector],
    *,
    goal: float,
    gain: float = 1.0,
    least: float = 0.0,
    max_iterations: int = _MAX_ITERATIONS,
    worthwhile: int = _MAX_ITERATIONS,
) -> Iterated:
    """Conjugate orthogonal conjugate gradients: CG with the bilinear form x^T y, for complex symmetric systems.

    Van der Vorst and Melissen (1990), doi 10.1109/20.106415. For real systems it is the classical method. Residuals are
    measured in the norm of the preconditioner, (r^H B r)^(1/2).

    Parameters
    ----------
    product, precondition : callable
        x -> A x and r -> B r.
    b : (n,)
    goal : float
        Norm of the residual to reach.
    gain, least : float
        Part of the norm of the first residual to reach as well, but nothing below the least norm.
    max_iterations : int
    worthwhile : int
        It is given up once more iterations than these are to be expected.
    """
    r = b.copy()
    x = np.zeros_like(r)
    best = x
    z = precondition(r)
    p = z.copy()
    rho = r @ z
    first = norm = best_norm = _natural(r, z, rho)
    goal = min(goal, max(gain * first, least))
    is_promising, count = True, 0
    while norm > goal and count < max_iterations:
        q = product(p)
        curvature = p @ q
        if curvature == 0 or rho == 0 or not np.isfinite(abs(curvature)):
            break
        alpha = rho / curvature
        if norm == best_norm:
            best = x.copy()
        x += alpha * p
        r -= alpha * q
        z = precondition(r)
        rho_next = r @ z
        norm = _natural(r, z, rho_next)
        count += 1
        if norm < best_norm:
            best, best_norm = x, norm
        if count % _LOOK == 0 and norm > goal:
            gained = np.log(first / best_norm)
            if gained * worthwhile < count * np.log(first / goal):
                is_promising = False
                break
        p *= rho_next / rho
        p += z
        rho = rho_next
    return Iterated(best, first, best_norm, count, is_promising)


def _natural(r: Vector, z: Vector, rho: Any) -> float:
    """(r^H B r)^(1/2), where z = B r and rho = r^T z."""
    return float(np.sqrt(abs(np.vdot(r, z) if np.iscomplexobj(r) else rho)))


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
