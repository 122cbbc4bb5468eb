"""Inverses that are never too small, for bounds of errors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array
from scipy.sparse.linalg import splu

from aspot.errors import ConvergenceError

#: Unknowns up to which a matrix is factorised; above, multigrid cycles stand for its inverse.
_DIRECT = 30_000
#: Error propagation allowed to the multigrid cycles that stand for an inverse, and the most of them.
_CYCLE_ERROR, _MOST_CYCLES = 0.3, 12

Real = NDArray[np.float64]


def bounding_inverse(matrix: csr_array) -> Callable[[Real], Real]:
    """The map v -> B v with a symmetric B >= M^-1, applied to columns.

    Parameters
    ----------
    matrix : csr_array, (n, n)
        M, real, symmetric, positive definite.

    Returns
    -------
    callable
        (n, k) -> (n, k)

    Raises
    ------
    ConvergenceError
        If too many multigrid cycles would be needed.
    """
    scale = 1.0 / np.sqrt(matrix.diagonal())
    data = matrix.data * scale[matrix.indices] * np.repeat(scale, np.diff(matrix.indptr))
    scaled = csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)
    if matrix.shape[0] > _DIRECT:
        return _cycles(matrix, scaled, scale)
    lu = splu(csc_array(scaled), permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True, "DiagPivotThresh": 0.0})
    return lambda v: scale[:, None] * lu.solve(scale[:, None] * v)


def _cycles(matrix: csr_array, scaled: csr_array, scale: Real) -> Callable[[Real], Real]:
    """Multigrid cycles in place of an inverse.

    A symmetric cycle B leaves 0 <= E = I - B M <= rho in the energy norm; s of them are a symmetric operator between
    (1 - rho^s) M^-1 and M^-1, so that one division by 1 - rho^s makes it a bound. rho is measured by the power method.
    """
    from aspot.fem import multigrid  # numba takes a second to import: only where it is needed

    # In double precision, so that E stays above 0.
    cycle = multigrid.build(matrix, films=True)
    v = np.random.default_rng(0).standard_normal(scaled.shape[0])
    rho = 0.0
    for _ in range(25):
        v /= np.sqrt(v @ (scaled @ v))
        w = v - cycle(scaled @ v)
        rho, v = float(v @ (scaled @ w)), w
    # The power method comes from below.
    rho = 1.0 - 0.8 * (1.0 - rho)
    n_cycles = max(1, int(np.ceil(np.log(_CYCLE_ERROR) / np.log(max(rho, 1e-3)))) if rho < 1.0 else _MOST_CYCLES + 1)
    if n_cycles > _MOST_CYCLES:
        raise ConvergenceError(f"bounds: a multigrid cycle leaves {rho:.3f} of an error")

    def apply(columns: Real) -> Real:
        out = np.empty_like(columns)
        for k, column in enumerate(columns.T):
            b = scale * column
            x = cycle(b)
            for _ in range(n_cycles - 1):
                x = x + cycle(b - scaled @ x)
            out[:, k] = scale * x / (1.0 - rho**n_cycles)
        return out

    return apply
