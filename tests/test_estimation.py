"""Least squares with intervals: what statistics promises of linear models, and what the field's degeneracies look like.

Theory: for a linear model with normal noise the covariance is sigma^2 (X^T X)^-1, intervals by Student's t cover the
truth exactly as often as they say, and the likelihood ratio is a parabola, so that the profile gives the same interval.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom, chi2, norm, t

from aspot.analysis.estimation import Estimate, Parameter, estimate
from aspot.errors import ConvergenceError, InputError

Complex = NDArray[np.complex128]

OMEGA = 2 * np.pi * np.geomspace(1e6, 1.0, 40)
TRUTH = np.array([10.0, 50.0, 1e-6])


def circuit(p: Any) -> Complex:
    """R_0 + R_1 parallel C_1."""
    return np.asarray(p[0] + p[1] / (1.0 + 1j * OMEGA * p[1] * p[2]))


def with_derivatives(p: Any) -> tuple[Complex, Complex]:
    inner = 1.0 + 1j * OMEGA * p[1] * p[2]
    slopes = [np.ones(40), 1.0 / inner**2, -1j * OMEGA * p[1] ** 2 / inner**2]
    return circuit(p), np.stack(slopes, axis=1)


def parameters(**values: float) -> list[Parameter]:
    ranges = {"R_0": (1.0, 1e3), "R_1": (1.0, 1e3), "C_1": (1e-9, 1e-3)}
    starts = {"R_0": 3.0, "R_1": 7.0, "C_1": 1e-7} | values
    return [Parameter(name=n, value=starts[n], lower=a, upper=b) for n, (a, b) in ranges.items()]


def noisy(z: Complex, level: float, seed: int) -> Complex:
    random = np.random.default_rng(seed)
    return z + level * np.abs(z) * (random.standard_normal(len(z)) + 1j * random.standard_normal(len(z)))


@pytest.mark.parametrize("model", [circuit, with_derivatives])
def test_the_truth_is_found_where_there_is_no_noise(model: Any) -> None:
    found = estimate(model, circuit(TRUTH), parameters())
    np.testing.assert_allclose(found.values, TRUTH, rtol=1e-9)
    assert found["R_1"] == pytest.approx(50.0, rel=1e-9)


# A linear model ------------------------------------------------------------------------------------------------------

X = np.stack([np.ones(30), 1j * np.linspace(0.1, 3.0, 30), np.exp(-1j * np.linspace(0.0, 2.0, 30))], axis=1)
SLOPES = np.array([2.0, -1.0, 0.5])
SIGMA = 0.1 * (1.0 + np.arange(30) / 10)


def straight(seed: int = 0, noise: float | None = None, sizes: NDArray[np.float64] = SIGMA) -> Estimate:
    random = np.random.default_rng(seed)
    z = X @ SLOPES + SIGMA * (random.standard_normal(30) + 1j * random.standard_normal(30))
    free = [Parameter(name=n, value=0.1, lower=-10.0, upper=10.0, scale="linear") for n in "abc"]
    return estimate(lambda p: (X @ p, X), z, free, weighting=sizes, noise=noise)


def test_a_linear_model_has_the_closed_covariance_and_intervals() -> None:
    found = straight(noise=1.0)
    weighted = np.concatenate([X.real, X.imag]) / np.tile(SIGMA, 2)[:, None]
    inverse = np.linalg.inv(weighted.T @ weighted)
    np.testing.assert_allclose(found.covariance, inverse, rtol=1e-8)
    reach = norm.ppf(0.975) * np.sqrt(np.diag(inverse))
    np.testing.assert_allclose([b - a for a, b in found.confidence_intervals()], 2 * reach, rtol=1e-8)
    # Unknown noise: the residuals' variance, and Student's t with 2 * 30 - 3 degrees of freedom.
    free = straight()
    assert free.degrees_of_freedom == 57
    reach = t.ppf(0.975, 57) * free.noise_estimate * np.sqrt(np.diag(inverse))
    np.testing.assert_allclose([b - a for a, b in free.confidence_intervals()], 2 * reach, rtol=1e-8)


@pytest.mark.parametrize("name", list("abc"))
def test_the_profile_of_a_linear_model_is_its_parabola(name: str) -> None:
    """Between the points that are computed the root of the excess is straight: no error is left."""
    found = straight()
    profile = found.profile(name, 0.9)
    k = found.names.index(name)
    np.testing.assert_allclose((profile.lower, profile.upper), found.confidence_intervals(0.9)[k], rtol=1e-5)
    error = found.standard_errors[k]
    np.testing.assert_allclose(profile.excess, ((profile.values - found[name]) / error) ** 2, rtol=1e-5, atol=1e-9)
    assert profile.is_bounded_below and profile.is_bounded_above


def test_likelihood_criteria_are_those_of_normal_noise() -> None:
    """AIC - 2 k = -2 ln L up to a constant of the data, so that differences of models are exact."""
    known, worse = straight(noise=1.0), straight(noise=2.0)
    residuals = np.concatenate([known.residuals.real, known.residuals.imag])
    exact = [-2 * np.sum(norm.logpdf(residuals, scale=s)) - 120 * np.log(s) for s in (1.0, 2.0)]
    assert known.aic - worse.aic == pytest.approx(exact[0] - exact[1], rel=1e-9)
    assert known.bic - known.aic == pytest.approx(3 * (np.log(60) - 2), rel=1e-9)
    assert straight().bic - straight().aic == pytest.approx(4 * (np.log(60) - 2), rel=1e-9)


def test_stated_noise_is_checked_against_the_residuals() -> None:
    """(2 m - n) chi^2_reduced follows the chi-squared distribution; half the noise makes it four times as large."""
    found = straight(noise=1.0)
    assert chi2.ppf(1e-4, 57) < 57 * found.reduced_chi_squared < chi2.ppf(1 - 1e-4, 57)
    assert straight(noise=0.5).reduced_chi_squared == pytest.approx(4 * found.reduced_chi_squared, rel=1e-9)


# Coverage and bias ---------------------------------------------------------------------------------------------------


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    trials = 120
    inside, profiled, together = np.zeros(3), np.zeros(3), 0
    for seed in range(trials):
        found = estimate(with_derivatives, noisy(circuit(TRUTH), 0.03, seed), parameters())
        inside += [a <= v <= b for v, (a, b) in zip(TRUTH, found.confidence_intervals(0.9), strict=True)]
        joint = found.confidence_intervals(0.9, simultaneous=True)
        together += all(a <= v <= b for v, (a, b) in zip(TRUTH, joint, strict=True))
        if seed < 30:
            profiles = [found.profile(name, 0.9) for name in found.names]
            profiled += [p.lower <= v <= p.upper for v, p in zip(TRUTH, profiles, strict=True)]
    low, high = binom.ppf((1e-4, 1 - 1e-4), trials, 0.9)
    assert (low <= inside).all() and (inside <= high).all()
    low, high = binom.ppf((1e-4, 1 - 1e-4), 30, 0.9)
    assert (low <= profiled).all() and (profiled <= high).all()
    assert together >= binom.ppf(1e-4, trials, 0.9)


def test_weights_by_the_fitted_modulus_do_not_bias() -> None:
    """Weights 1/|Z measured| favour points that noise made small: a bias of the square of the noise, here 2 to 4 %."""
    trials, level = 100, 0.15
    z = np.full(40, 100.0 + 0j)
    one = [Parameter(name="R", value=50.0, lower=1.0, upper=1e4)]
    values = [estimate(lambda p: np.full(40, p[0] + 0j), noisy(z, level, s), one)["R"] for s in range(trials)]
    expected = level / np.sqrt(40 * trials)
    assert abs(np.mean(values) / 100.0 - 1.0) < 4 * expected


# What data do not tell -----------------------------------------------------------------------------------------------


def test_a_ratio_is_named_where_only_the_ratio_is_determined() -> None:
    """C = eps/d: along eps = c d nothing changes, so that no profile rises and the companions keep the ratio."""
    free = [
        *parameters()[:2],
        Parameter(name="eps", value=5.0, lower=1.0, upper=100.0),
        Parameter(name="d", value=1e6, lower=1e5, upper=1e9),
    ]
    z = noisy(circuit(TRUTH), 0.01, 3)
    found = estimate(lambda p: circuit([p[0], p[1], p[2] / p[3]]), z, free)
    (direction,) = found.undetermined
    assert direction.determined == "eps / d"
    assert set(direction.exponents) == {"eps", "d"}
    profile = found.profile("eps")
    assert not profile.is_bounded_below and not profile.is_bounded_above
    assert (profile.lower, profile.upper) == (1.0, 100.0)
    assert np.all(np.abs(profile.excess) < 1e-6)
    np.testing.assert_allclose(profile.others[:, 2] / profile.others[:, 3], found["eps"] / found["d"], rtol=1e-5)
    # The resistances are what they are without the degeneracy.
    alone = estimate(circuit, z, parameters())
    expected = alone.scaled_errors[:2] * np.sqrt(77 / 76)  # one parameter more
    np.testing.assert_allclose(found.scaled_errors[:2], expected, rtol=1e-4)
    # Without noise it is a degeneracy as well.
    exact = estimate(lambda p: circuit([p[0], p[1], p[2] / p[3]]), circuit(TRUTH), free)
    assert [d.determined for d in exact.undetermined] == ["eps / d"]


def test_a_parameter_without_influence_and_one_below_the_noise() -> None:
    free = [*parameters(), Parameter(name="nothing", value=2.0, lower=1.0, upper=50.0)]
    found = estimate(lambda p: circuit(p[:3]), noisy(circuit(TRUTH), 0.01, 4), free)
    (direction,) = found.undetermined
    assert list(direction.exponents) == ["nothing"] and direction.determined == ""
    # A series resistance far below the noise has an upper limit only.
    small = [*parameters(), Parameter(name="R_2", value=1.0, lower=1e-6, upper=1e3)]
    model = lambda p: circuit(p[:3]) + p[3] / (1 + 1j * OMEGA * 1e-2)  # noqa: E731
    found = estimate(model, noisy(circuit(TRUTH), 0.01, 5), small)
    profile = found.profile("R_2")
    assert not profile.is_bounded_below and profile.lower == 1e-6
    assert profile.is_bounded_above and profile.upper < 2.0


def test_a_misfit_shows_as_neighbouring_residuals_that_agree() -> None:
    two = circuit(TRUTH) + 20.0 / (1 + 1j * OMEGA * 1e-3)
    assert estimate(circuit, noisy(two, 0.005, 0), parameters()).is_systematic
    fits = [estimate(with_derivatives, noisy(circuit(TRUTH), 0.02, s), parameters()) for s in range(60)]
    assert sum(f.is_systematic for f in fits) <= binom.ppf(1 - 1e-4, 60, 1e-3)


def test_a_value_at_its_bound_is_told() -> None:
    free = [*parameters()[:2], Parameter(name="C_1", value=1e-7, lower=1e-9, upper=5e-7)]
    found = estimate(circuit, circuit(TRUTH), free)
    assert found.at_bound == {"C_1": "upper"}


# Starts --------------------------------------------------------------------------------------------------------------


def resonance(p: Any) -> Complex:
    """Parallel resonance of quality 100: far from it the sum of squares is flat, and the search is lost."""
    x = OMEGA / p[0]
    return np.asarray(1.0 + 30.0 / (1.0 + 100j * (x - 1.0 / x)))


def test_several_starts_find_what_one_misses() -> None:
    truth = 2 * np.pi * 1e3
    z = noisy(resonance([truth]), 1e-3, 0)
    free = [Parameter(name="w", value=2e6, lower=10.0, upper=5e6)]
    lost = estimate(resonance, z, free)
    assert abs(lost["w"] / truth - 1) > 1e-2
    found = estimate(resonance, z, free, starts=60, seed=1)
    assert abs(found["w"] - truth) < 4 * found.standard_errors[0]
    assert found.other_minima and found.agreeing_starts < 60
    assert found.chi_squared < 0.1 * lost.chi_squared
    again = estimate(resonance, z, free, starts=60, seed=1)
    np.testing.assert_array_equal(found.values, again.values)


def test_a_search_that_does_not_end_raises_with_the_best_point() -> None:
    with pytest.raises(ConvergenceError, match="no start of 2 converged") as caught:
        estimate(circuit, circuit(TRUTH), parameters(), starts=2, most_evaluations=2)
    best = caught.value.iterate
    assert isinstance(best, Estimate) and not best.is_converged


def test_values_that_the_model_refuses_are_passed_by() -> None:
    def partly(p: Any) -> Complex:
        if p[0] > 100.0:
            raise InputError("R_0: too large")
        return circuit(p)

    found = estimate(partly, circuit(TRUTH), parameters(R_0=99.0), starts=6)
    np.testing.assert_allclose(found.values, TRUTH, rtol=1e-8)
    assert any("too large" in s.reason for s in found.starts)
    with pytest.raises(InputError, match="refuses every start: R_0: too large"):
        estimate(partly, circuit(TRUTH), parameters(R_0=200.0))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"lower": 3.0, "upper": 2.0}, "bounds 3 to 2"),
        ({"upper": np.inf}, "finite"),
        ({"lower": 0.0}, "positive for a logarithmic"),
        ({"value": 20.0}, "must lie between its bounds 1 and 10"),
        ({"scale": "cubic"}, "allowed are 'log' and 'linear'"),
    ],
)
def test_parameters_that_cannot_be_meant(change: dict[str, Any], words: str) -> None:
    given = {"name": "R", "value": 2.0, "lower": 1.0, "upper": 10.0} | change
    with pytest.raises(InputError, match=words):
        Parameter(**given)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"parameters": []}, "no free parameter"),
        ({"parameters": parameters() + parameters()[:1]}, "R_0 is free twice"),
        ({"measured": [1.0, np.nan]}, "finite"),
        ({"measured": [1.0 + 0j]}, "1 frequencies cannot fix 3"),
        ({"weighting": "logarithmic"}, "weighting = 'logarithmic'"),
        ({"weighting": np.ones(3)}, "40 positive numbers"),
        ({"noise": 0.0}, "noise = 0.0"),
        ({"starts": 0}, "starts = 0"),
        ({"model": lambda p: np.ones(3)}, r"returns \(3,\) impedances"),
    ],
)
def test_what_estimate_refuses(arguments: dict[str, Any], words: str) -> None:
    given = {"model": circuit, "measured": circuit(TRUTH), "parameters": parameters()} | arguments
    with pytest.raises(InputError, match=words):
        estimate(given.pop("model"), given.pop("measured"), given.pop("parameters"), **given)


def test_unknown_names_and_levels() -> None:
    found = estimate(circuit, circuit(TRUTH), parameters())
    with pytest.raises(InputError, match="no such parameter; there are R_0, R_1, C_1"):
        found.profile("R_9")
    with pytest.raises(InputError, match="level"):
        found.confidence_intervals(1.0)
