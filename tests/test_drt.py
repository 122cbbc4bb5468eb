"""Distributions of relaxation times against closed forms, the field model's own times, and refusals."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from samples import result
from scipy.integrate import quad
from scipy.optimize import minimize_scalar

import aspot
from aspot.analysis.drt import PRESETS, Distribution, DrtSettings, relaxation_distribution
from aspot.analysis.relaxation import relaxation_times
from aspot.analysis.tikhonov import TikhonovProblem
from aspot.errors import InputError
from aspot.spectrum import Spectrum

Complex = NDArray[np.complex128]
Real = NDArray[np.float64]

CASES = Path(__file__).resolve().parent.parent / "cases"
F = np.logspace(7, 0, 71)
W = 2j * np.pi * F


def drt(z: Complex, f: Real = F, **settings: Any) -> Distribution:
    spectrum = Spectrum(frequency_Hz=f, impedance_ohm_cm2=z, temperature_K=298.15)
    return relaxation_distribution(spectrum, DrtSettings(**settings))


def noise(share: float, seed: int = 0) -> Complex:
    random = np.random.default_rng(seed)
    return 1 + share * (random.standard_normal(F.size) + 1j * random.standard_normal(F.size))


def zarc(tau: Real, r: float, tau0: float, n: float) -> Real:
    """Of R/(1 + (j w tau0)^n): R/(2 pi) sin((1-n) pi)/(cosh(n ln(tau/tau0)) - cos((1-n) pi))."""
    angle = (1 - n) * np.pi
    return r / (2 * np.pi) * np.sin(angle) / (np.cosh(n * np.log(tau / tau0)) - np.cos(angle))


# The integral ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_points", [20, 200])
def test_impedance_is_the_integral_of_the_piecewise_linear_distribution(n_points: int) -> None:
    """Hat functions integrated exactly, on any number of points, against adaptive quadrature."""
    found = drt(5 + 20 / (1 + (W * 1e-4) ** 0.7), n_points=n_points)
    x = np.log(found.tau_s)
    h = x[1] - x[0]
    padded_x = np.concatenate([[x[0] - h], x, [x[-1] + h]])
    padded = np.concatenate([[0.0], found.gamma_ohm_cm2, [0.0]])
    for omega in (1e2, 1e5):
        total = 0j
        for a, b in pairwise(padded_x):

            def integrand(u: float) -> complex:
                return np.interp(u, padded_x, padded) / (1 + 1j * omega * np.exp(u))  # noqa: B023

            total += quad(integrand, a, b, complex_func=True, epsrel=1e-11)[0]
        total += found.series_resistance_ohm_cm2 + 1j * omega * found.inductance_H_cm2
        assert found.impedance([omega / (2 * np.pi)])[0] == pytest.approx(total, rel=1e-9)
    assert found.polarization_resistance_ohm_cm2 == pytest.approx(np.trapezoid(padded, padded_x), rel=1e-12)
    halves = found.resistance_between(0.0, 3e-5) + found.resistance_between(3e-5, np.inf)
    assert halves == pytest.approx(found.polarization_resistance_ohm_cm2, rel=1e-12)


# Closed forms ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("regularisation", [1e-2, 1e-4, 1e-6])
@pytest.mark.parametrize("derivative", [0, 1, 2])
def test_a_single_time_is_a_peak_of_its_resistance(derivative: int, regularisation: float) -> None:
    """R parallel C: a delta function, smoothed; where it is and its area are those of the element."""
    found = drt(5 + 20 / (1 + W * 1e-4), regularisation=regularisation, derivative=derivative)
    (peak,) = found.peaks
    assert peak.tau_s == pytest.approx(1e-4, rel=0.02)
    # What smoothing widens by the width of the peak, the fit takes from R_inf.
    assert peak.resistance_ohm_cm2 == pytest.approx(20, rel=0.02)
    assert peak.capacitance_F_per_cm2 == pytest.approx(5e-6, rel=0.04)
    assert peak.apex_frequency_Hz == pytest.approx(1 / (2 * np.pi * 1e-4), rel=0.02)
    assert found.series_resistance_ohm_cm2 == pytest.approx(5, rel=0.06)
    assert peak.is_measured


def test_less_regularisation_makes_narrower_peaks() -> None:
    """The kernel in ln tau is analytic, so that the width falls only as 1/|ln lambda|."""
    widths = [drt(5 + 20 / (1 + W * 1e-4), regularisation=v).peaks[0].width_decades for v in (1e-2, 1e-4, 1e-6)]
    assert widths[0] > widths[1] > widths[2] > 0.1
    assert widths[0] < 0.8


@pytest.mark.parametrize("exponent", [0.6, 0.8])
def test_constant_phase_elements_have_their_closed_form(exponent: float) -> None:
    """Cole and Cole (1941): the distribution itself, not only its area."""
    found = drt(5 + 20 / (1 + (W * 1e-4) ** exponent), regularisation=1e-10)
    inside = (found.tau_s > 1e-6) & (found.tau_s < 1e-2)
    tau = found.tau_s[inside]
    exact = zarc(tau, 20, 1e-4, exponent)
    assert np.abs(found.gamma_ohm_cm2[inside] - exact).max() < 0.01 * exact.max()
    (peak,) = found.peaks
    assert peak.resistance_ohm_cm2 == pytest.approx(20, rel=0.005)
    half = minimize_scalar(
        lambda u: (zarc(np.exp(u), 20, 1e-4, exponent) - 0.5 * zarc(1e-4, 20, 1e-4, exponent)) ** 2,  # type: ignore[arg-type]
        bounds=(np.log(1e-4), np.log(1e-1)),
        method="bounded",
    ).x
    assert peak.width_decades == pytest.approx(2 * (half - np.log(1e-4)) / np.log(10), rel=0.02)


def test_a_finite_diffusion_layer_shows_its_modes() -> None:
    """R tanh(sqrt(j w t))/sqrt(j w t): 8 R/pi^2/(2k-1)^2 at 4 t/pi^2/(2k-1)^2; the first two are a factor 9 apart."""
    root = np.sqrt(W * 1e-2)
    found = drt(1 + 30 * np.tanh(root) / root, regularisation=1e-10)
    # The second begins to merge with the third, a factor 25/9 away.
    for peak, k, close in zip(found.peaks[::-1][:2], (1, 2), (0.01, 0.15), strict=True):
        assert peak.tau_s == pytest.approx(4e-2 / np.pi**2 / (2 * k - 1) ** 2, rel=close)
        assert peak.resistance_ohm_cm2 == pytest.approx(30 * 8 / np.pi**2 / (2 * k - 1) ** 2, rel=close)
    assert found.polarization_resistance_ohm_cm2 + found.series_resistance_ohm_cm2 == pytest.approx(31, rel=1e-3)


# Resolution -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("regularisation", "close"), [(1e-4, 0.06), (1e-6, 0.025)])
def test_two_arcs_a_decade_apart_are_two_peaks(regularisation: float, close: float) -> None:
    first, second = drt(5 + 20 / (1 + W * 1e-5) + 10 / (1 + W * 1e-4), regularisation=regularisation).peaks
    assert first.resistance_ohm_cm2 == pytest.approx(20, rel=close)
    assert second.resistance_ohm_cm2 == pytest.approx(10, rel=close)
    assert first.tau_s == pytest.approx(1e-5, rel=close)
    assert second.tau_s == pytest.approx(1e-4, rel=close)
    first, second = drt(5 + 20 / (1 + W * 1e-5) + 20 / (1 + W * 1e-4), regularisation=regularisation).peaks
    assert [first.resistance_ohm_cm2, second.resistance_ohm_cm2] == pytest.approx([20, 20], rel=5e-3)


@pytest.mark.parametrize(("regularisation", "apart", "merged"), [(1e-2, 8, 6), (1e-4, 5, 3), (1e-6, 3, 2)])
def test_nearer_arcs_merge(regularisation: float, apart: float, merged: float) -> None:
    """As the head of the module states; the sum of the resistances stays."""
    for ratio, count in ((apart, 2), (merged, 1)):
        z = 5 + 20 / (1 + W * 1e-4 * np.sqrt(ratio)) + 20 / (1 + W * 1e-4 / np.sqrt(ratio))
        found = drt(z, regularisation=regularisation)
        assert len(found.peaks) == count
        assert sum(p.resistance_ohm_cm2 for p in found.peaks) == pytest.approx(40, rel=0.01)


def test_regularisation_means_the_same_for_any_number_of_points_and_any_unit() -> None:
    """The penalty is an integral, and both terms are squares of ohm cm2."""
    z = 5 + 20 / (1 + (W * 1e-4) ** 0.8) + 30 / (1 + W * 1e-6)
    fine = drt(z, n_points=600)
    for n_points in (150, 300):
        coarse = drt(z, n_points=n_points)
        at = np.interp(np.log(fine.tau_s), np.log(coarse.tau_s), coarse.gamma_ohm_cm2)
        assert np.abs(at - fine.gamma_ohm_cm2).max() < 0.02 * fine.gamma_ohm_cm2.max()
        for a, b in zip(coarse.peaks, fine.peaks, strict=True):
            assert a.resistance_ohm_cm2 == pytest.approx(b.resistance_ohm_cm2, rel=2e-3)
            assert a.tau_s == pytest.approx(b.tau_s, rel=5e-3)
    for weighting in ("unit", "modulus"):
        one, other = drt(z, weighting=weighting), drt(1e6 * z, 1e-3 * F, weighting=weighting)
        assert other.gamma_ohm_cm2 == pytest.approx(1e6 * one.gamma_ohm_cm2, rel=1e-6, abs=1e-4 * z.real.max())
        assert other.tau_s == pytest.approx(1e3 * one.tau_s, rel=1e-9)


# Noise ----------------------------------------------------------------------------------------------------------------


def test_resistances_scatter_as_their_standard_errors_say() -> None:
    """0.3 % of noise: the scatter over trials is what is stated; smoothing biases by a few percent."""
    z = 5 + 20 / (1 + (W * 1e-6) ** 0.9) + 10 / (1 + (W * 1e-3) ** 0.9)
    found = [drt(z * noise(0.003, seed), weighting="modulus") for seed in range(20)]
    for k, truth in ((0, 20), (1, 10)):
        largest = [sorted(d.peaks, key=lambda p: p.resistance_ohm_cm2)[-2:] for d in found]
        main = [sorted(pair, key=lambda p: p.tau_s)[k] for pair in largest]
        values = np.array([p.resistance_ohm_cm2 for p in main])
        assert np.mean(values) == pytest.approx(truth, rel=0.06)
        ratio = np.median([p.resistance_error_ohm_cm2 for p in main]) / np.std(values)
        assert 0.5 < ratio < 2.5


def test_noise_makes_no_peaks_beyond_the_window() -> None:
    """Times longer than measured differ little from R: what noise puts there is within its standard error."""
    z = 14 + 22 / (1 + W * 1e-7) + 53 / (1 + W * 1.8e-6)
    for seed in range(12, 18):
        found = drt(z * noise(0.005, seed))
        assert all(p.is_measured for p in found.peaks)
        assert [p.resistance_ohm_cm2 for p in found.peaks] == pytest.approx([22, 53], rel=0.05)


@pytest.mark.parametrize("by", ["gcv", "l-curve"])
@pytest.mark.parametrize("share", [1e-3, 5e-3])
def test_chosen_regularisation_is_near_the_best(by: str, share: float) -> None:
    """Against the closed form: the error of gamma is at most twice that of the best lambda."""
    z = 5 + 20 / (1 + (W * 1e-4) ** 0.8) + 20 / (1 + (W * 1e-6) ** 0.8)
    trials = range(4)

    def error(found: Distribution) -> float:
        inside = (found.tau_s > 1e-7) & (found.tau_s < 1e-2)
        tau = found.tau_s[inside]
        exact = zarc(tau, 20, 1e-4, 0.8) + zarc(tau, 20, 1e-6, 0.8)
        return float(np.sqrt(np.mean((found.gamma_ohm_cm2[inside] - exact) ** 2)))

    reached = np.mean([error(drt(z * noise(share, k), regularisation=by)) for k in trials])
    best = min(
        float(np.mean([error(drt(z * noise(share, k), regularisation=v)) for k in trials]))
        for v in np.logspace(-5, -2, 4)
    )
    assert reached < 2 * best


@pytest.mark.parametrize("by", ["gcv", "l-curve"])
def test_noisier_data_are_regularised_more(by: str) -> None:
    z = 5 + 20 / (1 + (W * 1e-4) ** 0.8)
    chosen = [
        np.median([drt(z * noise(share, seed), regularisation=by).regularisation for seed in range(5)])
        for share in (1e-4, 1e-3, 1e-2)
    ]
    assert chosen[0] < chosen[1] < chosen[2]


# What cells have besides ----------------------------------------------------------------------------------------------


def test_a_blocking_cell_has_a_series_capacitance() -> None:
    """Without it gamma piles up at long times; whether the cell blocks is seen by itself."""
    z = 5 + 20 / (1 + W * 1e-5) + 1 / (W * 1e-6)
    found = drt(z, weighting="modulus")
    assert found.series_capacitance_F_per_cm2 == pytest.approx(1e-6, rel=1e-3)
    assert found.peaks[0].resistance_ohm_cm2 == pytest.approx(20, rel=0.03)
    assert sum(found.resistance_outside_ohm_cm2) < 0.1
    without = drt(z, weighting="modulus", capacitance=False)
    assert without.resistance_outside_ohm_cm2[1] > 1e3
    assert "beyond the measured frequencies" in without.statement
    assert drt(5 + 20 / (1 + W * 1e-5)).series_capacitance_F_per_cm2 == np.inf


def test_leads_are_no_relaxation() -> None:
    found = drt(5 + 20 / (1 + W * 1e-5) + 2e-7 * W)
    assert found.inductance_H_cm2 == pytest.approx(2e-7, rel=0.02)
    (peak,) = found.peaks
    assert peak.resistance_ohm_cm2 == pytest.approx(20, rel=0.01)
    assert drt(5 + 20 / (1 + W * 1e-5) + 2e-7 * W, inductance=False).relative_residual > 10 * found.relative_residual


def test_arcs_beyond_the_window_are_marked_as_extrapolated() -> None:
    """The arc at 5 ns reaches into the window from above (16 ns): most of it lies where nothing was measured."""
    found = drt(5 + 20 / (1 + W * 5e-9) + 10 / (1 + W * 1e-3))
    fast, slow = found.peaks
    assert not fast.is_measured and slow.is_measured
    short, long = found.resistance_outside_ohm_cm2
    assert short == pytest.approx(found.resistance_between(0.0, 1 / (2 * np.pi * 1e7)), rel=1e-12)
    assert short > 0.5 * fast.resistance_ohm_cm2 and long < 0.01
    assert found.measured_range_s == pytest.approx((1 / (2 * np.pi * 1e7), 1 / (2 * np.pi)), rel=1e-12)


@pytest.mark.parametrize("parts", ["real", "imaginary"])
def test_either_part_alone_gives_the_same(parts: str) -> None:
    """Real and imaginary part of a causal response know the same times."""
    z = 5 + 20 / (1 + (W * 1e-6) ** 0.9) + 10 / (1 + W * 1e-3)
    found, both = drt(z, parts=parts), drt(z)
    big = [[p for p in d.peaks if p.resistance_ohm_cm2 > 5] for d in (found, both)]
    for a, b in zip(*big, strict=True):
        assert a.resistance_ohm_cm2 == pytest.approx(b.resistance_ohm_cm2, rel=0.05)
        assert a.tau_s == pytest.approx(b.tau_s, rel=0.05)
    assert found.series_resistance_ohm_cm2 == pytest.approx(5, rel=0.05)


def test_inductive_loops_need_negative_values() -> None:
    """-10 at 10 ms beside +20 at 10 us: unconstrained, gamma has both signs; non-negative, the fit cannot follow."""
    z = 30 + 20 / (1 + W * 1e-5) - 10 / (1 + W * 1e-2)
    free, bound = drt(z, is_nonnegative=False), drt(z)
    assert free.relative_residual < 0.02 < bound.relative_residual
    assert free.resistance_between(1e-3, 1e-1) == pytest.approx(-10, rel=0.1)
    assert bound.gamma_ohm_cm2.min() >= 0 > free.gamma_ohm_cm2.min()
    assert free.peaks[-1].resistance_ohm_cm2 > 0


# The field model ------------------------------------------------------------------------------------------------------


def test_peaks_are_the_relaxation_times_of_the_field_model() -> None:
    """Isolated times of the model, without any fit, are where the peaks are, and as large."""
    solved = result()
    exact = relaxation_times(solved)
    found = relaxation_distribution(solved.spectrum, DrtSettings(regularisation=1e-6))
    measured = [p for p in found.peaks if p.is_measured]
    assert len(measured) >= 2
    for peak in measured:
        within = (exact.tau_s > peak.range_s[0]) & (exact.tau_s < peak.range_s[1])
        r = exact.resistance_ohm_cm2[within]
        assert peak.resistance_ohm_cm2 == pytest.approx(r.sum(), rel=0.05)
        mean = np.exp(np.sum(r * np.log(exact.tau_s[within])) / r.sum())
        assert peak.tau_s == pytest.approx(mean, rel=0.15)


@pytest.mark.parametrize(("contact_fraction", "peaks"), [(0.01, 2), (0.03, 2), (0.1, 1), (0.2, 1)])
def test_a_small_interface_resistance_hides_in_the_arc_of_the_grain_boundaries(
    contact_fraction: float, peaks: int
) -> None:
    """Why pressing in one step leaves no interface arc in Nyquist plot or DRT (Ortmann et al. 2022).

    With the gap as it is, C_int of 34 nF/cm2, R_int falls as the contact grows, and tau = R_int C_int with it: from 15
    times that of the boundaries to twice and less. Their peak takes up R_int then, which is there in the field model.
    """
    cell = aspot.load(CASES / "na_nzsp04_gradual_1N.toml").with_(
        **{"working_electrode.morphology.contact_fraction": contact_fraction}
    )
    solved = aspot.simulate(cell)
    found = relaxation_distribution(solved.spectrum, "ortmann2022")
    assert len(found.peaks) == peaks
    exact = relaxation_times(solved)
    boundary = 1 / (2 * np.pi * 1.573e6)
    slower = exact.tau_s > 1.02 * boundary
    assert exact.resistance_ohm_cm2[slower].sum() > 0.8 * solved.resistances.int_
    assert sum(p.resistance_ohm_cm2 for p in found.peaks) == pytest.approx(22.36 + solved.resistances.int_, rel=0.02)
    if peaks == 1:
        assert solved.resistances.int_ > 1.0


def test_presets() -> None:
    found = relaxation_distribution(
        Spectrum(frequency_Hz=F, impedance_ohm_cm2=5 + 20 / (1 + W * 1e-4), temperature_K=298.15), "ortmann2022"
    )
    assert (found.regularisation, len(found.tau_s), found.settings.parts) == (1e-6, 200, "both")
    assert found.settings.derivative == 2 and found.settings == PRESETS["ortmann2022"]
    with pytest.raises(InputError, match="known are ortmann2022"):
        relaxation_distribution(found.spectrum, "nobody")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("regularisation", 0.0), ("regularisation", -1.0), ("regularisation", np.nan), ("regularisation", "guess"),
        ("derivative", 3), ("n_points", 5), ("n_points", 10**6), ("n_points", 50.5), ("parts", "modulus"),
        ("weighting", "none"), ("extension_decades", -1.0), ("smallest_peak", 1.0),
    ],
)  # fmt: skip
def test_settings_that_mean_nothing(name: str, value: Any) -> None:
    with pytest.raises(InputError, match=name):
        DrtSettings(**{name: value})


def test_too_few_frequencies() -> None:
    with pytest.raises(InputError, match="at least 6 frequencies, got 5"):
        drt(np.ones(5, complex), F[:5])


def test_a_resistor_has_no_peak() -> None:
    found = drt(7 + 0 * W)
    assert found.peaks == ()
    assert found.series_resistance_ohm_cm2 == pytest.approx(7, rel=1e-6)
    assert found.polarization_resistance_ohm_cm2 < 1e-6
    assert found.statement.startswith("0 peaks")


# The linear problem ---------------------------------------------------------------------------------------------------


def small_problem(seed: int = 3) -> TikhonovProblem:
    """12 regularised unknowns, 5 free ones, 24 data."""
    random = np.random.default_rng(seed)
    return TikhonovProblem(
        matrix=random.standard_normal((24, 17)),
        rhs=random.standard_normal(24),
        penalty=np.eye(14, 12) - np.eye(14, 12, -1),
    )


def test_solutions_satisfy_the_conditions_of_optimality() -> None:
    """Gradient zero where x > 0 or free, not negative where x = 0 (Karush, Kuhn, Tucker)."""
    problem = small_problem()
    full = np.hstack([problem.penalty, np.zeros((14, 5))])
    for bound in (False, True):
        x = problem.solution(0.3, is_nonnegative=bound)
        gradient = problem.matrix.T @ (problem.matrix @ x - problem.rhs) + 0.3 * full.T @ full @ x
        size = np.abs(problem.matrix.T @ problem.rhs).max()
        assert np.abs(gradient[x != 0]).max() < 1e-10 * size
        if bound:
            assert (x >= 0).all() and (x == 0).any()
            assert gradient[x == 0].min() > -1e-10 * size


@pytest.mark.parametrize("seed", range(5))
def test_generalised_cross_validation_is_its_definition(seed: int) -> None:
    """Residual and trace of the influence matrix, found here by solving for every unit vector of data."""
    problem = small_problem(seed)
    trial = np.logspace(-10, 3, 13 * 20 + 1)
    full = np.hstack([problem.penalty, np.zeros((14, 5))])
    score = []
    for value in trial:
        inverse = np.linalg.inv(problem.matrix.T @ problem.matrix + value * full.T @ full)
        influence = problem.matrix @ inverse @ problem.matrix.T
        residual = problem.rhs - influence @ problem.rhs
        left = 24 - 1.4 * np.trace(influence)
        score.append(residual @ residual / left**2 if left > 1.2 else np.inf)
    assert problem.chosen("gcv") == pytest.approx(trial[int(np.argmin(score))], rel=1e-9)
    s2, beta2, rest, n_free = problem._standard
    direct = problem.rhs - problem.matrix @ problem.solution(0.3, is_nonnegative=False)
    assert ((0.3 / (s2 + 0.3)) ** 2 * beta2).sum() + rest == pytest.approx(direct @ direct, rel=1e-9)
    assert n_free == 5
