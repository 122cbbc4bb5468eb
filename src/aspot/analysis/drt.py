"""Distribution of relaxation times of a spectrum, measured or computed, by Tikhonov regularisation.

    Z(w) = R_inf + j w L + 1/(j w C) + int gamma(x) / (1 + j w e^x) dx ,    x = ln tau,

gamma [ohm cm2] piecewise linear on evenly spaced x and zero beyond [1]_; its integrals over hat functions are exact
to rounding, and gamma minimises

    sum_i w_i |Z_i - Z(w_i)|^2 + lambda int (d^k gamma / dx^k)^2 dx .

The sum runs over the frequencies, real and imaginary part alike; w_i = 1, or mean|Z|^2/|Z_i|^2 ("modulus"), the mean
being the geometric one. So lambda has no dimension, does not change with the unit of Z, and means the same for any
number of points in x: those are there to be many. Twice as many frequencies count as half of lambda.

What lambda does: a single time becomes a peak of finite width. For k = 2, ten frequencies per decade and w_i = 1, two
equal arcs appear as one when their times are nearer than a factor of 7 (lambda = 1e-2), 4 (1e-4) or 2.5 (1e-6).
What it does not let gamma follow spreads to the neighbours: of two arcs 5 : 1 in resistance and a decade apart the
smaller is found 20 % too small for lambda = 1e-4, 7 % for 1e-6; of 20 : 1 and two decades apart 14 % and 5 %. Equal
arcs are exact to 0.5 % from a decade apart on. The field model of a cell knows its times without any of this:
`aspot.analysis.relaxation`.

References
----------
.. [1] T. H. Wan, M. Saccoccio, C. Chen, F. Ciucci, Electrochim. Acta 184 (2015) 483,
   doi 10.1016/j.electacta.2015.09.097.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from types import MappingProxyType
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.signal import find_peaks, peak_widths

from aspot.analysis.tikhonov import Choice, TikhonovProblem
from aspot.errors import InputError
from aspot.spectrum import Spectrum

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]
Parts = Literal["both", "real", "imaginary"]
Weighting = Literal["unit", "modulus"]

_FEWEST_FREQUENCIES = 6
_LN10 = float(np.log(10.0))
#: Peaks below this many standard errors may be noise.
_SIGNIFICANT = 2.0
#: Peaks below this share of the largest |Z| are rounding.
_ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True)
class DrtSettings:
    """How a distribution of relaxation times is computed.

    Parameters
    ----------
    regularisation : float or "gcv" or "l-curve"
        lambda, or how it is chosen for each spectrum: by generalised cross-validation or by the corner of the L-curve.
        To compare spectra take one number.
    derivative : 0, 1 or 2
        k: which derivative of gamma is to be small.
    n_points : int
        Points in ln tau, 20 to 2000.
    parts : "both", "real" or "imaginary"
        What gamma has to reproduce.
    is_nonnegative : bool
        gamma, R_inf, L and 1/C at least 0, as for a cell of resistances and capacitances.
    inductance, capacitance : bool or None
        Whether L and 1/C are fitted as well. None for the capacitance: if the cell blocks, that is, if at the lowest
        frequency the phase is beyond -45 degrees and -Im Z still rises.
    weighting : "unit" or "modulus"
        See above; "modulus" where |Z| covers decades, as of blocking cells.
    extension_decades : float
        How far tau goes beyond 1/omega of the frequencies, on both sides, 0 to 6.
    smallest_peak : float
        Peaks below this share of the whole resistance are not listed, nor those below twice their standard error.
    """

    regularisation: float | Choice = 1e-4
    derivative: Literal[0, 1, 2] = 2
    n_points: int = 200
    parts: Parts = "both"
    is_nonnegative: bool = True
    inductance: bool = True
    capacitance: bool | None = None
    weighting: Weighting = "unit"
    extension_decades: float = 1.0
    smallest_peak: float = 0.01

    def __post_init__(self) -> None:
        chosen = self.regularisation
        if isinstance(chosen, str):
            _check("regularisation", chosen, chosen in get_args(Choice), "a positive number, 'gcv' or 'l-curve'")
        else:
            _check("regularisation", chosen, bool(np.isfinite(chosen) and chosen > 0), "positive, or a criterion")
        _check("derivative", self.derivative, self.derivative in (0, 1, 2), "0, 1 or 2")
        is_whole = isinstance(self.n_points, int | np.integer)
        _check("n_points", self.n_points, is_whole and 20 <= self.n_points <= 2000, "a whole number from 20 to 2000")
        _check("parts", self.parts, self.parts in get_args(Parts), "'both', 'real' or 'imaginary'")
        _check("weighting", self.weighting, self.weighting in get_args(Weighting), "'unit' or 'modulus'")
        _check("extension_decades", self.extension_decades, 0 <= self.extension_decades <= 6, "from 0 to 6")
        _check("smallest_peak", self.smallest_peak, 0 <= self.smallest_peak < 1, "from 0 to below 1")


def _check(name: str, value: object, is_allowed: bool, allowed: str) -> None:
    if not is_allowed:
        raise InputError(f"distribution of relaxation times: {name} = {value!r}: must be {allowed}")


#: Settings of publications, by name. What they do not state is as by default.
PRESETS: Mapping[str, DrtSettings] = MappingProxyType(
    {
        # T. Ortmann et al., Adv. Energy Mater. (2022), doi 10.1002/aenm.202202712: Tikhonov on the second derivative,
        # lambda 1e-6, 200 points, real and imaginary part. How lambda was scaled is not stated.
        "ortmann2022": DrtSettings(regularisation=1e-6, derivative=2, n_points=200, parts="both")
    }
)


@dataclass(frozen=True, kw_only=True)
class Peak:
    """One peak of a distribution.

    Parameters
    ----------
    tau_s : float
        Where gamma is largest [s].
    resistance_ohm_cm2 : float
        Integral of gamma between the minima on both sides.
    resistance_error_ohm_cm2 : float
        Its standard error by the scatter of the data about the fit, for this lambda.
    height_ohm_cm2 : float
        gamma at the peak.
    width_decades : float
        Full width at half height.
    range_s : (float, float)
        The minima on both sides [s].
    is_measured : bool
        Whether tau lies among 1/omega of the frequencies; else the peak is an extrapolation.
    """

    tau_s: float
    resistance_ohm_cm2: float
    resistance_error_ohm_cm2: float
    height_ohm_cm2: float
    width_decades: float
    range_s: tuple[float, float]
    is_measured: bool

    @property
    def apex_frequency_Hz(self) -> float:
        """1/(2 pi tau), the apex of the arc [Hz]."""
        return float(1.0 / (2.0 * np.pi * self.tau_s))

    @property
    def capacitance_F_per_cm2(self) -> float:
        """tau/R [F/cm2]."""
        return self.tau_s / self.resistance_ohm_cm2


@dataclass(frozen=True, kw_only=True, eq=False)
class Distribution:
    """Distribution of relaxation times of a spectrum.

    Parameters
    ----------
    spectrum : Spectrum
    settings : DrtSettings
    regularisation : float
        lambda, given or chosen.
    tau_s : (n,) float
        Shortest first, evenly spaced in ln tau [s].
    gamma_ohm_cm2 : (n,) float
        gamma(ln tau).
    series_resistance_ohm_cm2 : float
        R_inf.
    inductance_H_cm2 : float
        L [ohm cm2 s].
    series_capacitance_F_per_cm2 : float
        C; infinite if there is none.
    peaks : tuple of Peak
        Shortest time first.
    """

    spectrum: Spectrum
    settings: DrtSettings
    regularisation: float
    tau_s: Real
    gamma_ohm_cm2: Real
    series_resistance_ohm_cm2: float
    inductance_H_cm2: float
    series_capacitance_F_per_cm2: float
    peaks: tuple[Peak, ...]

    def impedance(self, frequency_Hz: ArrayLike) -> Complex:
        """Impedance that the distribution stands for, shape (m,) [ohm cm2]."""
        omega = 2.0 * np.pi * np.asarray(frequency_Hz, float)
        z = _kernel(omega, self.tau_s) @ self.gamma_ohm_cm2 + self.series_resistance_ohm_cm2
        return np.asarray(z + 1j * omega * self.inductance_H_cm2 - 1j / (omega * self.series_capacitance_F_per_cm2))

    @property
    def polarization_resistance_ohm_cm2(self) -> float:
        """Integral of gamma."""
        return self.resistance_between(0.0, np.inf)

    def resistance_between(self, shortest_s: float, longest_s: float) -> float:
        """Integral of gamma between two times [ohm cm2]."""
        return float(_weights(self.tau_s, shortest_s, longest_s) @ self.gamma_ohm_cm2)

    @property
    def measured_range_s(self) -> tuple[float, float]:
        """1/omega of the highest and of the lowest frequency [s]."""
        omega = self.spectrum.omega
        return float(1.0 / omega.max()), float(1.0 / omega.min())

    @property
    def resistance_outside_ohm_cm2(self) -> tuple[float, float]:
        """Integral of gamma below and above the measured range: extrapolated, not measured."""
        low, high = self.measured_range_s
        return self.resistance_between(0.0, low), self.resistance_between(high, np.inf)

    @cached_property
    def residual(self) -> Complex:
        """(Z - Z_fitted)/|Z| at every frequency, shape (m,)."""
        z = self.spectrum.impedance_ohm_cm2
        return np.asarray((z - self.impedance(self.spectrum.frequency_Hz)) / np.abs(z))

    @property
    def relative_residual(self) -> float:
        """Root mean square of |Z - Z_fitted|/|Z|."""
        return float(np.sqrt(np.mean(np.abs(self.residual) ** 2)))

    @property
    def statement(self) -> str:
        """The result in words."""
        outside = sum(self.resistance_outside_ohm_cm2)
        total = self.polarization_resistance_ohm_cm2
        text = (
            f"{len(self.peaks)} peak{'s' * (len(self.peaks) != 1)}, {total:.4g} ohm cm2 in all beside R_inf = "
            f"{self.series_resistance_ohm_cm2:.4g} ohm cm2; lambda = {self.regularisation:.2g}, residual "
            f"{100 * self.relative_residual:.2g} % of |Z|."
        )
        if total > 0 and outside > 0.02 * total:
            text += f" {100 * outside / total:.0f} % of it lies at times beyond the measured frequencies."
        return text


def relaxation_distribution(spectrum: Spectrum, settings: DrtSettings | str = DrtSettings()) -> Distribution:
    """Distribution of relaxation times of a spectrum.

    Parameters
    ----------
    spectrum : Spectrum
        At least 6 frequencies.
    settings : DrtSettings or str
        Or the name of a preset, as "ortmann2022".

    Returns
    -------
    Distribution

    Raises
    ------
    InputError
        If there are too few frequencies or the preset is unknown.
    ConvergenceError
        If the non-negative least squares do not converge.

    Examples
    --------
    >>> f = np.logspace(6, 0, 61)
    >>> z = 5 + 20 / (1 + 2j * np.pi * f * 1e-4)
    >>> found = relaxation_distribution(Spectrum(frequency_Hz=f, impedance_ohm_cm2=z, temperature_K=298.15))
    >>> [(round(p.resistance_ohm_cm2), f"{p.tau_s:.1e}") for p in found.peaks]
    [(20, '1.0e-04')]
    """
    if isinstance(settings, str):
        if settings not in PRESETS:
            raise InputError(f"preset {settings!r}: known are {', '.join(PRESETS)}")
        settings = PRESETS[settings]
    if len(spectrum) < _FEWEST_FREQUENCIES:
        raise InputError(
            f"distribution of relaxation times: at least {_FEWEST_FREQUENCIES} frequencies, got {len(spectrum)}"
        )
    problem, tau, units = _problem(spectrum, settings)
    chosen = settings.regularisation
    value = problem.chosen(chosen) if isinstance(chosen, str) else float(chosen)
    unknowns = problem.solution(value, is_nonnegative=settings.is_nonnegative)
    error = problem.rhs - problem.matrix @ unknowns
    used = (unknowns > 0) if settings.is_nonnegative else np.ones(unknowns.size, bool)
    variance = float(error @ error) / max(error.size - min(int(used.sum()), error.size // 2), 1)
    covariance = variance * problem.covariance(value, used)[: tau.size, : tau.size] * units[0] ** 2
    gamma = unknowns[: tau.size] * units[: tau.size]
    resistance, inductance, elastance = unknowns[tau.size :] * units[tau.size :]
    if settings.parts == "imaginary":
        shape = _kernel(spectrum.omega, tau) @ gamma
        resistance = float(np.mean(spectrum.impedance_ohm_cm2.real - shape.real))
    return Distribution(
        spectrum=spectrum,
        settings=settings,
        regularisation=value,
        tau_s=tau,
        gamma_ohm_cm2=gamma,
        series_resistance_ohm_cm2=float(resistance),
        inductance_H_cm2=float(inductance),
        series_capacitance_F_per_cm2=float(1.0 / elastance) if elastance != 0.0 else np.inf,
        peaks=_peaks(tau, gamma, covariance, spectrum, settings.smallest_peak),
    )


# The linear problem ---------------------------------------------------------------------------------------------------


def _problem(spectrum: Spectrum, settings: DrtSettings) -> tuple[TikhonovProblem, Real, Real]:
    """The problem in numbers of the size of one, the times, and the unit of every unknown."""
    omega, z = spectrum.omega, spectrum.impedance_ohm_cm2
    beyond = settings.extension_decades * _LN10
    x = np.linspace(-np.log(omega.max()) - beyond, -np.log(omega.min()) + beyond, settings.n_points)
    tau = np.exp(x)
    # Largest |Z| is 1 with equal weights, every |Z| is 1 with those of the modulus.
    size = np.abs(z)
    unit = float(size.max() if settings.weighting == "unit" else np.exp(np.mean(np.log(size))))
    weight = np.ones(omega.size) if settings.weighting == "unit" else unit / size
    with_c = _is_blocking(spectrum) if settings.capacitance is None else settings.capacitance
    columns = [
        _kernel(omega, tau),
        np.ones((omega.size, 1)),
        float(settings.inductance) * (1j * omega / omega.max())[:, None],
        float(with_c) * (-1j * omega.min() / omega)[:, None],
    ]
    matrix = weight[:, None] * np.hstack(columns)
    rhs = weight * z / unit
    rows = {
        "both": (np.vstack([matrix.real, matrix.imag]), np.concatenate([rhs.real, rhs.imag])),
        "real": (matrix.real, rhs.real),
        "imaginary": (matrix.imag, rhs.imag),
    }[settings.parts]
    units = np.concatenate([np.full(tau.size, unit), [unit, unit / omega.max(), unit * omega.min()]])
    penalty = _penalty(tau.size, float(x[1] - x[0]), settings.derivative)
    return TikhonovProblem(matrix=rows[0], rhs=rows[1], penalty=penalty), tau, units


def _kernel(omega: Real, tau: Real) -> Complex:
    """Integrals of hat functions of ln tau times 1/(1 + j omega tau), shape (m, n)."""
    x = np.log(tau)
    h = float((x[-1] - x[0]) / (x.size - 1))
    # The integrand is analytic within pi/2 of the real axis: eight points per unit of length leave rounding.
    nodes, weights = np.polynomial.legendre.leggauss(max(8, int(np.ceil(8.0 * h))))
    step, weight = 0.5 * h * (nodes + 1.0), 0.5 * h * weights
    found = np.zeros((omega.size, tau.size), complex)
    product = 1j * np.outer(omega, tau)
    for s, w in zip(step, weight * (1.0 - step / h), strict=True):
        found += w / (1.0 + product * np.exp(s)) + w / (1.0 + product * np.exp(-s))
    return found


def _penalty(n: int, h: float, derivative: int) -> Real:
    """D with |D gamma|^2 the integral of the squared derivative; gamma is zero beyond its ends."""
    stencil = {0: [1.0], 1: [-1.0, 1.0], 2: [1.0, -2.0, 1.0]}[derivative]
    found = np.zeros((n + derivative, n))
    for k, value in enumerate(stencil):
        found[np.arange(n) + derivative - k, np.arange(n)] = value
    return found * h ** (0.5 - derivative)


def _is_blocking(spectrum: Spectrum) -> bool:
    """Whether the phase at the lowest frequency is beyond -45 degrees and -Im Z still rises towards it."""
    z = spectrum.impedance_ohm_cm2
    return bool(-z[-1].imag > z[-1].real and -z[-1].imag > -z[-2].imag)


# Peaks ----------------------------------------------------------------------------------------------------------------


def _weights(tau: Real, shortest: float, longest: float) -> Real:
    """Weights of gamma at the points whose sum is the integral over ln tau between two times."""
    x = np.log(tau)
    h = float((x[-1] - x[0]) / (x.size - 1))

    def below(limit: float) -> Real:
        """Integral of every hat function up to a time."""
        if limit <= 0.0:
            return np.zeros(x.size)
        s = np.clip((np.log(limit) - x) / h if np.isfinite(limit) else np.ones(x.size), -1.0, 1.0)
        return np.asarray(h * (0.5 + s - 0.5 * s * np.abs(s)))

    return below(longest) - below(shortest)


def _peaks(tau: Real, gamma: Real, covariance: Real, spectrum: Spectrum, smallest: float) -> tuple[Peak, ...]:
    """Maxima of gamma with the resistance between the minima beside them."""
    x = np.log(tau)
    h = float((x[-1] - x[0]) / (x.size - 1))
    # Zero beyond the ends, as in the model, so that a maximum at an end is one.
    padded: Real = np.concatenate([[0.0], gamma, [0.0]])
    total = float(np.abs(gamma).sum())
    rounding = _ROUNDING * float(np.abs(spectrum.impedance_ohm_cm2).max())
    if not np.any(gamma > 0):
        return ()
    tops, _ = find_peaks(padded, prominence=1e-3 * padded.max(), plateau_size=(None, None))
    tops = tops[padded[tops] > 0]
    valleys = [0, *(a + int(np.argmin(padded[a:b])) for a, b in pairwise(tops.tolist())), padded.size - 1]
    widths = peak_widths(padded, tops, rel_height=0.5)[0] * h / _LN10
    low, high = 1.0 / spectrum.omega.max(), 1.0 / spectrum.omega.min()
    found = []
    for top, left, right, width in zip(tops, valleys[:-1], valleys[1:], widths, strict=True):
        first, last = (float(np.exp(x[0] + (k - 1) * h)) for k in (int(left), int(right)))
        weights = _weights(tau, first, last)
        resistance = float(weights @ gamma)
        error = float(np.sqrt(max(float(weights @ covariance @ weights), 0.0)))
        if resistance < max(smallest * total * h, _SIGNIFICANT * error, rounding):
            continue
        a, b, c = padded[top - 1 : top + 2]
        curved = a - 2.0 * b + c
        shift = 0.5 * (a - c) / curved if curved < 0 else 0.0
        time = float(np.exp(x[0] + (top - 1 + shift) * h))
        found.append(
            Peak(
                tau_s=time,
                resistance_ohm_cm2=resistance,
                resistance_error_ohm_cm2=error,
                height_ohm_cm2=float(b - 0.25 * (a - c) * shift),
                width_decades=float(width),
                range_s=(first, last),
                is_measured=bool(low <= time <= high),
            )
        )
    return tuple(found)
