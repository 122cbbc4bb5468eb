"""Tools to verify a morphology, a mesh, a law or a spectrum of one's own.

Each function measures a defect and returns it, zero where the theory holds exactly; each `assert_` twin raises
AssertionError with the numbers. None of them proves the physics: the balances of energy and current hold for any mesh
and test bookkeeping and the linear solve; the order of convergence tests the discretisation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csc_array
from scipy.sparse.linalg import splu

from aspot.analysis.kramers_kronig import check_kramers_kronig
from aspot.errors import InputError
from aspot.fem.problem import Problem
from aspot.spectrum import Spectrum

# Convergence --------------------------------------------------------------------------------------------------------


def observed_orders(sizes: ArrayLike, errors: ArrayLike) -> NDArray[np.float64]:
    """Order of convergence between every two successive meshes, p with error = C size^p.

    Parameters
    ----------
    sizes : (m,) array_like
        Element sizes (or n^(-1/d) for n unknowns), strictly decreasing.
    errors : (m,) array_like
        Positive.

    Returns
    -------
    (m - 1,) float

    Raises
    ------
    InputError
        If there are fewer than two meshes, sizes do not decrease, or an error is not positive.

    Examples
    --------
    >>> observed_orders([0.4, 0.2, 0.1], [1.6e-1, 4e-2, 1e-2])
    array([2., 2.])
    """
    h, e = np.asarray(sizes, float), np.asarray(errors, float)
    if h.ndim != 1 or h.size < 2 or h.shape != e.shape:
        raise InputError(f"sizes and errors must be lists of one length >= 2, got shapes {h.shape} and {e.shape}")
    if not (np.all(np.isfinite(h)) and np.all(h > 0) and np.all(np.diff(h) < 0)):
        raise InputError(f"sizes must be positive and strictly decreasing, got {h.tolist()}")
    if not np.all(np.isfinite(e) & (e > 0)):
        raise InputError(f"errors must be finite and positive, got {e.tolist()}")
    return np.asarray(np.diff(np.log(e)) / np.diff(np.log(h)))


def assert_order(sizes: ArrayLike, errors: ArrayLike, order: float, *, tolerance: float = 0.05) -> None:
    """Every successive order of convergence is within `tolerance` of theory; a higher order is refused as well."""
    found = observed_orders(sizes, errors)
    assert np.all(np.abs(found - order) <= tolerance), (
        f"orders of convergence {np.round(found, 3).tolist()}, theory {order:g} +- {tolerance:g}"
    )


# One discrete problem -----------------------------------------------------------------------------------------------


def asymmetry(problem: Problem) -> float:
    """Largest |A_q - A_q^T| of all terms, over the largest |A_q| of each."""
    worst = 0.0
    for term in problem.terms:
        size = np.abs(term.matrix.data).max(initial=0.0)
        if size > 0:
            difference = (term.matrix - term.matrix.T).tocsr()
            worst = max(worst, float(np.abs(difference.data).max(initial=0.0) / size))
    return worst


def reciprocity_defect(problem: Problem, omega: float, *, n_pairs: int = 3, seed: int = 0) -> float:
    """How much exchanging source and detector changes the reading, relative to its size.

    Random currents b and c injected into the free nodes of the grounded network give potentials x and y. Lorentz
    reciprocity of a symmetric operator (no conjugate) demands c . x = b . y. The system of the potentials y is solved
    with the same factors as that of x, so that an unsymmetric operator shows.

    Parameters
    ----------
    problem : Problem
    omega : float
        [rad/s].
    n_pairs, seed : int
        Number of random pairs, and the seed of the generator.
    """
    n = problem.n_free
    lu = splu(csc_array(problem.operator(problem.theta(omega)[:, 0])[:n, :n]).astype(complex))
    random = np.random.default_rng(seed)
    worst = 0.0
    for _ in range(n_pairs):
        b, c = random.standard_normal((2, n)).astype(complex)
        x, y = lu.solve(b), lu.solve(c)
        size = max(float(np.abs(c) @ np.abs(x)), np.finfo(float).tiny)
        worst = max(worst, float(abs(c @ x - b @ y)) / size)
    return worst


@dataclass(frozen=True, kw_only=True)
class Balance:
    """Relative defects of one solution; each is zero up to rounding for a correct solve on any mesh.

    Parameters
    ----------
    bilinear : float
        sum_q theta_q x^T A_q x against the current into the port.
    hermitian : float
        sum_q theta_q x^H A_q x against the current into the port.
    current : float
        Current that leaves through the grounded electrode against the current into the port, or the largest current
        that appears or vanishes at a node, whichever is larger.
    least_dissipation : float
        Smallest Re(theta_q) x^H A_q x over their sum: negative if a term gives power instead of taking it.
    """

    bilinear: float
    hermitian: float
    current: float
    least_dissipation: float

    @property
    def largest_defect(self) -> float:
        """The largest of the three defects."""
        return max(self.bilinear, self.hermitian, self.current)


def balance(problem: Problem, x: NDArray[np.complex128], omega: float) -> Balance:
    """Energy and current balance of a solution.

    Parameters
    ----------
    problem : Problem
    x : (n + 1,) complex
        Free potentials and, last, 1 V at the port.
    omega : float
        [rad/s].

    Returns
    -------
    Balance
    """
    theta = problem.theta(omega)[:, 0]
    a = problem.operator(theta)
    currents = a @ x
    port = complex(currents[-1])
    energies = problem.dissipation_weights(x)
    # Rows of A sum to zero except beside the ground: 1^T A picks what flows there.
    out = complex((np.ones(len(x)) @ a) @ x)
    lost = float(np.abs(currents[:-1]).max(initial=0.0))
    power = np.real(theta) * energies
    total = float(power.sum())
    return Balance(
        bilinear=float(abs(complex(theta @ problem.energies(x)) / port - 1)),
        hermitian=float(abs(complex(theta @ energies) / port - 1)),
        current=max(float(abs(out / port - 1)), lost / abs(port)),
        least_dissipation=float(power.min() / total) if total > 0 else 0.0,
    )


# Spectra ------------------------------------------------------------------------------------------------------------


def passivity_defect(spectrum: Spectrum) -> float:
    """Largest -Re Z / |Z| over all frequencies, at least 0: a passive cell never gives power."""
    z = spectrum.impedance_ohm_cm2
    return float(max(np.max(-z.real / np.abs(z)), 0.0))


def assert_kramers_kronig(spectrum: Spectrum, *, limit: float = 5e-4) -> None:
    """The spectrum obeys the Kramers-Kronig relations, and no point is off by more than `limit` of |Z|.

    `aspot.analysis.kramers_kronig.check_kramers_kronig` tells more, and what such a test cannot see.
    """
    found = check_kramers_kronig(spectrum, threshold=limit, accuracy=limit)
    worst = int(np.argmax(found.residual))
    assert found.passes, (
        f"Kramers-Kronig residual {found.largest:.2e} at {spectrum.frequency_Hz[worst]:g} Hz, allowed {limit:.0e}: "
        f"{found.statement}"
    )


def assert_passive(spectrum: Spectrum, *, limit: float = 1e-12) -> None:
    """Re Z >= 0 at every frequency, up to `limit` of |Z|."""
    defect = passivity_defect(spectrum)
    assert defect <= limit, f"the spectrum gives power: -Re Z reaches {defect:.2e} of |Z|"


def assert_balanced(problem: Problem, frequencies_Hz: Sequence[float], *, limit: float = 1e-9) -> None:
    """Energy and current balance hold at every frequency, and no term gives power."""
    for f in frequencies_Hz:
        omega = 2.0 * np.pi * f
        found = balance(problem, problem.solve(omega), omega)
        assert found.largest_defect <= limit, f"at {f:g} Hz: {found}"
        assert found.least_dissipation >= -limit, f"at {f:g} Hz: {found}"
