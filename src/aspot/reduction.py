"""A whole spectrum from a few full solves: a reduced basis over frequency.

The affine problem is projected on the span of the real and imaginary parts of a few full solutions. The projection
keeps the matrices real and symmetric, so the reduced model is as passive as the full one, and its admittance is in
error by the square of the error of the field. Solutions are added where the residual is largest. Each one first
serves as a check: the full answer at the worst frequency is compared with the reduced one, and only when that true
error is below the tolerance is the basis accepted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aspot.errors import ConvergenceError
from aspot.fem.problem import AffineProblem

_MAX_SOLVES = 40

#: Part of the tolerance that the measured error may take: at smaller residuals the error can be a little larger.
_CAUTION = 0.3

#: Rows of the residual that are held at once.
_BLOCK = 8192
#: Rows by which residuals are compared, evenly spread, where there are more unknowns.
_SAMPLED = 50_000


@dataclass(frozen=True)
class ReducedProblem:
    """Projection of an affine problem.

    Parameters
    ----------
    problem : AffineProblem
    basis : (n + 1, N) float
        First column the direct-current solution (1 at the port), then orthonormal directions (0 at the port).
    matrices : (Q, N, N) float
        basis^T A_q basis.
    full_solves : int
        Number of full solves behind it.
    relative_error : float
        True relative error of the admittance at the frequency of largest residual, before its solution was added.
    """

    problem: AffineProblem
    basis: NDArray[np.float64]
    matrices: NDArray[np.float64]
    full_solves: int
    relative_error: float

    def coefficients(self, omega: NDArray[np.float64] | float) -> NDArray[np.complex128]:
        """Coefficients of the solutions in the basis, shape (m, N), the first of each 1."""
        return coefficients_of(assembled(self.matrices, self.problem.theta(omega)))

    def admittance(self, omega: NDArray[np.float64] | float) -> NDArray[np.complex128]:
        """Admittance of the modelled piece at angular frequencies [rad/s], shape (m,) [S]."""
        full = assembled(self.matrices, self.problem.theta(omega))
        return admittances_of(full, coefficients_of(full))

    def energies(self, omega: NDArray[np.float64] | float) -> NDArray[np.complex128]:
        """Bilinear energies x^T A_q x = dY/dtheta_q at angular frequencies [rad/s], shape (Q, m)."""
        c = self.coefficients(omega)
        return np.asarray(np.einsum("mi,qij,mj->qm", c, self.matrices, c, optimize=True))

    def impedance(self, omega: NDArray[np.float64] | float) -> NDArray[np.complex128]:
        """Area-specific impedance of the modelled piece, shape (m,) [ohm m2]."""
        return self.problem.area_m2 / self.admittance(omega)

    def solution(self, omega: float) -> NDArray[np.complex128]:
        """Potentials for 1 V at the port, shape (n + 1,) [V]."""
        return combined(self.basis, self.coefficients(omega)[0])


def combined(basis: NDArray[np.float64], c: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """The vector basis c, shape (n + 1,), without a complex copy of the basis."""
    parts = basis @ np.stack([c.real, c.imag], axis=1)
    return np.ascontiguousarray(parts).view(complex)[:, 0]


def assembled(matrices: NDArray[np.float64], theta: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """The small matrices sum_q theta_q basis^T A_q basis, shape (m, N, N)."""
    q, size, _ = matrices.shape
    return np.asarray((theta.T @ matrices.reshape(q, -1)).reshape(-1, size, size))


def coefficients_of(full: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Solutions of assembled small systems, 1 at the port, shape (m, N)."""
    m, size, _ = full.shape
    out = np.ones((m, size), complex)
    if size == 1:
        return out
    inner, rhs = full[:, 1:, 1:], -full[:, 1:, 0]
    scale = 1.0 / np.sqrt(np.abs(np.einsum("mii->mi", inner)))
    scaled = inner * scale[:, :, None] * scale[:, None, :]
    out[:, 1:] = scale * np.linalg.solve(scaled, (scale * rhs)[..., None])[..., 0]
    return out


def admittances_of(full: NDArray[np.complex128], c: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Energies c^T A c of assembled small systems, shape (m,)."""
    return np.asarray(np.einsum("mi,mi->m", c, np.matmul(full, c[..., None])[..., 0]))


def reduce(
    problem: AffineProblem,
    omega: NDArray[np.float64],
    *,
    tolerance: float | NDArray[np.float64],
    direct_current: bool = True,
) -> ReducedProblem:
    """Reduced basis that reproduces the admittance over given frequencies.

    Parameters
    ----------
    problem : AffineProblem
    omega : (m,) float
        Angular frequencies to cover [rad/s].
    tolerance : float or (m,) float
        Relative error of the admittance, for all frequencies or each, at the frequency of largest residual (over the
        tolerance), measured by a full solve.
    direct_current : bool
        Whether omega = 0 is solvable and solved exactly.

    Returns
    -------
    ReducedProblem

    Raises
    ------
    ConvergenceError
        If the tolerance is not reached with 40 solves.
    """
    omega, index = np.unique(np.asarray(omega, float), return_index=True)
    tolerances = np.broadcast_to(tolerance, index.shape) if np.ndim(tolerance) == 0 else np.asarray(tolerance)[index]
    first = np.real(problem.solve(0.0 if direct_current else float(omega[0])))
    projection = _Projection(problem, first)
    theta = problem.theta(omega)
    diagonals = problem.diagonals()[:, projection.rows].copy()
    done = {0.0} if direct_current else set()
    # The error of an admittance is the square of the field's: there is no need for the last digits.
    snapshot_limit = float(np.clip(0.1 * np.sqrt(tolerances.min()), 1e-9, 1e-3))
    error, solves = np.inf, 1
    c, y = projection.answers(theta)
    while solves < _MAX_SOLVES:
        indicator = _residuals(projection.images, theta, c, diagonals) / np.abs(y)
        if tolerances.min() > 0:
            indicator /= tolerances
        indicator[np.isin(omega, list(done))] = 0.0
        worst = int(np.argmax(indicator))
        if indicator[worst] == 0.0:
            return ReducedProblem(problem, projection.basis, projection.matrices, solves, 0.0)
        x = problem.solve(float(omega[worst]), start=combined(projection.basis, c[worst]), limit=snapshot_limit)
        solves += 1
        done.add(float(omega[worst]))
        projection.add(orthonormal(projection.basis[:, 1:], np.array([np.real(x) - first, np.imag(x)]).T))
        before = y[worst]
        c, y = projection.answers(theta)
        # With x in its basis the reduced answer is as good as that of x: while it changes much, x need not be asked.
        error = abs(y[worst] / before - 1)
        if error <= _CAUTION * tolerances[worst]:
            error = abs(problem.admittance(x, float(omega[worst])) / before - 1)
        if error <= _CAUTION * tolerances[worst]:
            return ReducedProblem(problem, projection.basis, projection.matrices, solves, float(error))
    raise ConvergenceError(f"reduced basis: error {error:.1e} after {solves} full solves, asked {tolerances.min():.0e}")


class _Projection:
    """A basis with its matrices, and of the images A_q basis what the residuals are compared by.

    With many unknowns only some rows of the images are kept, and the whole ones of the first vector: it is nearly
    equipotential where a term is huge, and its images come from differences of potentials, free of cancellation.
    """

    def __init__(self, problem: AffineProblem, first: NDArray[np.float64]) -> None:
        self.problem, self.basis = problem, first[:, None]
        self._whole = images_of(problem, self.basis)
        self.matrices = projected(self.basis, self._whole)
        stride = max(problem.n_free // _SAMPLED, 1)
        self.rows = slice(0, problem.n_free, stride)
        self.images = self._whole if stride == 1 else self._whole[:, :-1][:, self.rows].copy()

    def answers(self, theta: NDArray[np.complex128]) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
        """Coefficients of the solutions, (m, N), and admittances, (m,), for values of the laws, (Q, m)."""
        full = assembled(self.matrices, theta)
        c = coefficients_of(full)
        return c, admittances_of(full, c)

    def add(self, new: NDArray[np.float64]) -> None:
        """Add orthonormal vectors, 0 at the port."""
        old, self.basis = self.basis.shape[1], np.hstack([self.basis, new])
        if self.images is self._whole:
            self.images = self._whole = np.concatenate([self._whole, images_of(self.problem, new)], axis=2)
            self.matrices = projected(self.basis, self._whole)
            return
        size = self.basis.shape[1]
        out, kept = np.zeros((len(self.matrices), size, size)), [self.images]
        out[:, :old, :old] = self.matrices
        for k in range(old, size):
            image = self.problem.images(np.ascontiguousarray(self.basis[:, k]))
            out[:, k, 1:] = image @ self.basis[:, 1:]
            out[:, k, 0] = self._whole[:, :, 0] @ self.basis[:, k]
            out[:, :k, k] = out[:, k, :k]
            kept.append(image[:, :-1][:, self.rows, None])
        self.images = np.concatenate(kept, axis=2)
        self.matrices = 0.5 * (out + np.swapaxes(out, 1, 2))


def images_of(problem: AffineProblem, vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """A_q times the vectors, shape (Q, n + 1, k)."""
    if vectors.shape[1] == 0:
        return np.empty((len(problem.terms), *vectors.shape))
    return np.stack([problem.images(v) for v in vectors.T], axis=2)


def projected(basis: NDArray[np.float64], images: NDArray[np.float64]) -> NDArray[np.float64]:
    """The matrices basis^T A_q basis, from the images A_q basis; symmetric to the last digit, shape (Q, N, N)."""
    product = np.einsum("ni,qnj->qij", basis, images, optimize=True)
    return 0.5 * (product + np.swapaxes(product, 1, 2))


def _residuals(
    images: NDArray[np.float64],
    theta: NDArray[np.complex128],
    c: NDArray[np.complex128],
    diagonals: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Squared residuals scaled by the diagonal of A: of the size of the error of the admittance, shape (m,)."""
    q, _, size = images.shape
    n, m = diagonals.shape[1], theta.shape[1]
    # One real matrix product per block of rows: real and imaginary parts of the coefficients side by side.
    weights = np.einsum("qm,mj->qjm", theta, c).reshape(q * size, m)
    factors = np.concatenate([weights.real, weights.imag], axis=1)
    out, size_of_theta = np.zeros(m), np.abs(theta)
    for start in range(0, n, _BLOCK):
        rows = slice(start, min(start + _BLOCK, n))
        block = np.moveaxis(images[:, rows], 0, 1).reshape(-1, q * size)
        residual = block @ factors
        np.square(residual, out=residual)
        residual[:, :m] += residual[:, m:]
        out += np.sum(residual[:, :m] / (diagonals[:, rows].T @ size_of_theta), axis=0)
    return out


def orthonormal(known: NDArray[np.float64], new: NDArray[np.float64]) -> NDArray[np.float64]:
    """Directions of `new` that `known` lacks, orthonormal; negligible ones are dropped."""
    kept: list[NDArray[np.float64]] = []
    for v in new.T:
        size = np.linalg.norm(v)
        for _ in range(2):
            v = v - known @ (known.T @ v)
            for u in kept:
                v = v - u * (u @ v)
        if np.linalg.norm(v) > 1e-11 * size and size > 0:
            kept.append(v / np.linalg.norm(v))
    return np.array(kept).T.reshape(len(new), -1)
