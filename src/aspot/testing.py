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
from scipy.linalg import lstsq
from scipy.sparse import csc_array
from scipy.sparse.linalg import splu

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


@dataclass(frozen=True, kw_only=True)
class KramersKronig:
    """Residuals of the linear Kramers-Kronig test, relative to |Z|, at every frequency.

    Parameters
    ----------
    real, imaginary : (m,) float
    n_elements : int
        Number of relaxation times fitted.
    """

    real: NDArray[np.float64]
    imaginary: NDArray[np.float64]
    n_elements: int

    @property
    def largest(self) -> float:
        """Largest modulus of the relative residual."""
        return float(np.max(np.hypot(self.real, self.imaginary)))


def kramers_kronig(spectrum: Spectrum, *, per_decade: float = 5.0) -> KramersKronig:
    """Fit a ladder that obeys the Kramers-Kronig relations by construction, and return what it cannot follow.

    Z = R + j w L + 1/(j w C) + sum_k R_k / (1 + j w tau_k), tau_k fixed and evenly spread over log tau, one decade
    beyond the frequencies on both sides; R, L, 1/C and R_k of either sign follow from linear least squares on real
    and imaginary parts, weighted with 1/|Z| [1]_. A drift or a wrong point breaks the relations and stays as a
    residual; a smooth drift of 1 % leaves only about 1e-3.

    Parameters
    ----------
    spectrum : Spectrum
        At least 5 frequencies.
    per_decade : float
        Relaxation times per decade; reduced where there would be more unknowns than half of the data.

    Returns
    -------
    KramersKronig

    Raises
    ------
    InputError
        If there are fewer than 5 frequencies.

    References
    ----------
    .. [1] B. A. Boukamp, J. Electrochem. Soc. 142 (1995) 1885, doi 10.1149/1.2044210.
    """
    w, z = spectrum.omega, spectrum.impedance_ohm_cm2
    if len(w) < 5:
        raise InputError(f"Kramers-Kronig test: at least 5 frequencies are needed, got {len(w)}")
    low, high = -np.log10(w.max()) - 1.0, -np.log10(w.min()) + 1.0
    n = int(max(min(per_decade * (high - low), len(w) - 3), 1))
    tau = np.logspace(low, high, n)
    columns = [np.ones_like(z), 1j * w, -1j / w, *(1.0 / (1.0 + 1j * np.outer(tau, w)))]
    matrix = np.stack(columns, axis=1) / np.abs(z)[:, None]
    matrix /= np.linalg.norm(matrix, axis=0)
    rhs = z / np.abs(z)
    # Directions of small singular value are combinations of large terms of opposite sign, which would follow a wrong
    # point at the end of the spectrum: without them a valid spectrum leaves 2e-5, a point wrong by 2 % at least 1e-3.
    coefficients = lstsq(np.vstack([matrix.real, matrix.imag]), np.concatenate([rhs.real, rhs.imag]), cond=1e-5)[0]
    residual = rhs - matrix @ coefficients
    return KramersKronig(real=residual.real, imaginary=residual.imag, n_elements=n)


def assert_kramers_kronig(spectrum: Spectrum, *, limit: float = 5e-4) -> None:
    """The spectrum obeys the Kramers-Kronig relations to within a relative residual of `limit`."""
    found = kramers_kronig(spectrum)
    worst = int(np.argmax(np.hypot(found.real, found.imaginary)))
    assert found.largest <= limit, (
        f"Kramers-Kronig residual {found.largest:.2e} at {spectrum.frequency_Hz[worst]:g} Hz, allowed {limit:.0e}"
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
