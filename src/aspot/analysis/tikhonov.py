"""Linear inverse problems with Tikhonov regularisation: solution with or without bounds, and the parameter chosen.

    minimise  |A x + B y - b|^2 + lambda |D x|^2 ,

x regularised, y free (few). For the choice of lambda the problem is brought to standard form: B is projected out, D
replaced by the identity through its triangular factor, and one singular value decomposition gives residual, seminorm
and degrees of freedom for all lambda [1]_.

References
----------
.. [1] P. C. Hansen, Rank-Deficient and Discrete Ill-Posed Problems, SIAM (1998), doi 10.1137/1.9780898719697,
   sections 2.3 (standard form), 7.4 (GCV), 7.5 (L-curve).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lstsq, qr, solve_triangular, svd
from scipy.optimize import nnls

from aspot.errors import ConvergenceError

Real = NDArray[np.float64]

Choice = Literal["gcv", "l-curve"]

#: Where a parameter is looked for, and how densely.
_LOWEST, _HIGHEST, _PER_DECADE = 1e-10, 1e3, 20
#: Degrees of freedom count this many times in GCV, which else takes noise that is alike in neighbours for signal.
#: Y.-J. Kim, C. Gu, J. R. Stat. Soc. B 66 (2004) 337.
_CAUTION = 1.4
#: The corner of the L-curve is looked for where the squared residual is at most this many times the smallest.
_NOISE = 1.5


@dataclass(frozen=True, kw_only=True, eq=False)
class TikhonovProblem:
    """Data, penalty and the number of regularised unknowns.

    Parameters
    ----------
    matrix : (m, n + q) float
        [A, B].
    rhs : (m,) float
    penalty : (k, n) float
        D, of full column rank.
    """

    matrix: Real
    rhs: Real
    penalty: Real

    @property
    def n(self) -> int:
        """Number of regularised unknowns."""
        return int(self.penalty.shape[1])

    def solution(self, regularisation: float, *, is_nonnegative: bool) -> Real:
        """The unknowns x and y, shape (n + q,).

        Raises
        ------
        ConvergenceError
            If the non-negative least squares do not converge.
        """
        stacked, rhs = self._stacked(regularisation)
        # Columns of one size: resistance, inductance and capacitance are of different kinds.
        norm = np.linalg.norm(stacked, axis=0)
        norm[norm == 0.0] = 1.0
        q, r = qr(stacked / norm, mode="economic")
        if not is_nonnegative:
            return np.asarray(lstsq(r, q.T @ rhs, cond=1e-14)[0] / norm)
        try:
            x, _ = nnls(r, q.T @ rhs, maxiter=50 * norm.size)
        except RuntimeError as error:
            raise ConvergenceError(f"non-negative least squares: {error}") from None
        return np.asarray(x / norm)

    def covariance(self, regularisation: float, used: NDArray[np.bool_]) -> Real:
        """(A^T A + lambda D^T D)^-1 of the unknowns in use, zero elsewhere: covariance over the noise's variance."""
        stacked, _ = self._stacked(regularisation)
        norm = np.linalg.norm(stacked, axis=0)
        used = used & (norm > 0)
        found = np.zeros((norm.size, norm.size))
        _, s, vt = svd(stacked[:, used] / norm[used], full_matrices=False)
        half = vt.T / np.maximum(s, 1e-14 * s[0])
        found[np.ix_(used, used)] = (half @ half.T) / norm[used][:, None] / norm[used]
        return found

    def chosen(self, by: Choice) -> float:
        """The parameter that a criterion chooses, for the problem without bounds.

        "gcv": least generalised cross-validation, degrees of freedom counted 1.4 times. "l-curve": largest curvature of
        log |D x| over log |residual|, where the squared residual is at most 1.5 times the least.
        """
        trial = np.logspace(
            np.log10(_LOWEST), np.log10(_HIGHEST), round(np.log10(_HIGHEST / _LOWEST)) * _PER_DECADE + 1
        )
        s2, beta2, rest, n_free = self._standard
        keep = s2 / (s2 + trial[:, None])
        residual = ((1.0 - keep) ** 2 * beta2).sum(axis=1) + rest
        if by == "gcv":
            m = self.rhs.size
            left = m - _CAUTION * (n_free + keep.sum(axis=1))
            score = np.where(left > 0.05 * m, residual / np.maximum(left, 1e-300) ** 2, np.inf)
            return float(trial[int(np.argmin(score))])
        seminorm = (keep**2 * beta2 / s2).sum(axis=1)
        rho, eta = np.log(np.maximum(residual, 1e-300)), np.log(np.maximum(seminorm, 1e-300))
        step = np.log(trial[1] / trial[0])
        rho1, eta1 = np.gradient(rho, step), np.gradient(eta, step)
        rho2, eta2 = np.gradient(rho1, step), np.gradient(eta1, step)
        curvature = (rho1 * eta2 - rho2 * eta1) / np.maximum(rho1**2 + eta1**2, 1e-12) ** 1.5
        # Where two features merge the curve has a corner as well, further up than the noise explains.
        is_noise = residual <= _NOISE * residual[0]
        is_noise[:2], is_noise[-2:] = False, False
        return float(trial[int(np.argmax(np.where(is_noise, curvature, -np.inf)))])

    def _stacked(self, regularisation: float) -> tuple[Real, Real]:
        rows = np.zeros((self.penalty.shape[0], self.matrix.shape[1]))
        rows[:, : self.n] = np.sqrt(regularisation) * self.penalty
        return np.vstack([self.matrix, rows]), np.concatenate([self.rhs, np.zeros(len(rows))])

    @cached_property
    def _standard(self) -> tuple[Real, Real, float, int]:
        """Squared singular values, squared coefficients of the data, what no x and y can reach, and rank of B."""
        a, b = self.matrix[:, : self.n], self.matrix[:, self.n :]
        norm = np.linalg.norm(b, axis=0)
        basis, r, _ = qr(b[:, norm > 0] / norm[norm > 0], mode="economic", pivoting=True)
        n_free = int(np.sum(np.abs(np.diag(r)) > 1e-10))
        basis = basis[:, :n_free]
        a = a - basis @ (basis.T @ a)
        rhs = self.rhs - basis @ (basis.T @ self.rhs)
        triangle = qr(self.penalty, mode="r")[0][: self.n]
        u, s, _ = svd(solve_triangular(triangle, a.T, trans="T").T, full_matrices=False)
        beta = u.T @ rhs
        used = s > 1e-13 * s[0]
        return s[used] ** 2, beta[used] ** 2, max(float(rhs @ rhs - beta[used] @ beta[used]), 0.0), n_free
