"""The verification tools must accept what is right and reject what is known to be wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from aspot import testing
from aspot.errors import InputError
from aspot.fem.problem import Problem, Term
from aspot.spectrum import Spectrum

F = np.logspace(6, -1, 71)


def spectrum(z: NDArray[np.complex128], f: NDArray[np.float64] = F) -> Spectrum:
    return Spectrum(frequency_Hz=f, impedance_ohm_cm2=z, temperature_K=298.15)


def two_arcs(f: NDArray[np.float64] = F) -> NDArray[np.complex128]:
    """R - (RC) - (RQ), a passive causal circuit: the Kramers-Kronig relations hold."""
    w = 2j * np.pi * f
    return 5 + 20 / (1 + w * 20 * 1e-8) + 50 / (1 + (w * 50 * 1e-6) ** 0.8)


# Spectra ------------------------------------------------------------------------------------------------------------


def test_kramers_kronig() -> None:
    testing.assert_kramers_kronig(spectrum(two_arcs()))
    with pytest.raises(AssertionError, match="Kramers-Kronig residual"):
        testing.assert_kramers_kronig(spectrum(np.conj(two_arcs())))
    z = two_arcs()
    z[35] *= 1.02
    with pytest.raises(AssertionError, match=f"at {F[35]:g} Hz"):
        testing.assert_kramers_kronig(spectrum(z))
    testing.assert_kramers_kronig(spectrum(z), limit=0.03)


def test_passivity() -> None:
    testing.assert_passive(spectrum(two_arcs()))
    assert testing.passivity_defect(spectrum(two_arcs())) == 0.0
    z = two_arcs()
    z[10] = -1e-6 * abs(z[10]) + 1j * z[10].imag
    with pytest.raises(AssertionError, match="gives power"):
        testing.assert_passive(spectrum(z))


# Convergence --------------------------------------------------------------------------------------------------------


def test_observed_orders_of_a_power_law() -> None:
    h = np.array([0.3, 0.1, 0.05, 0.02])
    np.testing.assert_allclose(testing.observed_orders(h, 7.0 * h**1.5), 1.5, rtol=1e-12)
    testing.assert_order(h, 7.0 * h**1.5, 1.5)


def test_order_is_refused_when_one_step_differs_or_it_is_too_high() -> None:
    h = np.array([0.4, 0.2, 0.1, 0.05])
    errors = h**2
    errors[2] *= 1.2
    with pytest.raises(AssertionError, match="theory 2"):
        testing.assert_order(h, errors, 2)
    with pytest.raises(AssertionError):
        testing.assert_order(h, h**3, 2)


@pytest.mark.parametrize(
    ("sizes", "errors"), [([0.1], [1.0]), ([0.1, 0.2], [1, 1]), ([0.2, 0.1], [1, 0]), ([0.2, 0.1], [1, np.nan])]
)
def test_orders_need_sensible_input(sizes: list[float], errors: list[float]) -> None:
    with pytest.raises(InputError):
        testing.observed_orders(sizes, errors)


# Balances, on a network small enough to know ------------------------------------------------------------------------


@dataclass(frozen=True)
class Admittance:
    """g + j w c."""

    g: float
    c: float

    def __call__(self, omega: ArrayLike, temperature: float) -> NDArray[np.complex128]:
        return np.asarray(self.g + 1j * np.asarray(omega, float) * self.c)

    def parts(self, omega: ArrayLike, temperature: float) -> dict[str, NDArray[np.complex128]]:
        return {"all": 1 / self(omega, temperature)}


def chain(n: int = 6, g: float = 2.0, skew: float = 0.0) -> Problem:
    """n + 1 equal bonds in series from the grounded end to the port, then one leaky capacitor beside the last bond."""
    a = np.zeros((n + 1, n + 1))
    for i in range(n + 1):  # bond between node i - 1 (ground for i = 0) and node i
        a[i, i] += 1
        if i:
            a[i - 1, i - 1] += 1
            a[i, i - 1] -= 1
            a[i - 1, i] -= 1
    a[0, 1] += skew
    b = np.zeros_like(a)
    b[-1, -1] = b[-2, -2] = 1
    b[-1, -2] = b[-2, -1] = -1
    terms = (
        Term(name="electrolyte", role="electrolyte", law=Admittance(g, 1e-3), matrix=csr_array(a)),
        Term(name="gap", role="gap", law=Admittance(0.3, 0.2), matrix=csr_array(b)),
    )
    return Problem(terms, 1.0, 298.15)


def test_balances_hold_for_a_network() -> None:
    testing.assert_balanced(chain(), [0.0, 0.1, 10.0, 1e4], limit=1e-12)
    assert testing.asymmetry(chain()) == 0.0
    assert testing.reciprocity_defect(chain(), 3.0) < 1e-13


def test_balances_see_a_wrong_solution() -> None:
    problem = chain()
    x = np.array(problem.solve(2.0), complex)
    x[2] *= 1.01
    found = testing.balance(problem, x, 2.0)
    assert found.current > 1e-3
    assert found.hermitian > 1e-6


def test_a_term_that_gives_power_is_seen() -> None:
    active = chain(g=2.0)
    terms = (active.terms[0], Term(name="gap", role="gap", law=Admittance(-0.3, 0.2), matrix=active.terms[1].matrix))
    with pytest.raises(AssertionError, match="least_dissipation"):
        testing.assert_balanced(Problem(terms, 1.0, 298.15), [1.0])


def test_unsymmetric_operators_are_seen() -> None:
    assert testing.asymmetry(chain(skew=0.1)) > 0.01
    assert testing.reciprocity_defect(chain(skew=0.1), 3.0) > 1e-3
