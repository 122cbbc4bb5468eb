"""Kramers-Kronig test: whether a spectrum is that of a linear, causal cell that stays as it is.

Two tests, of which a spectrum has to pass both:

1. A ladder that obeys the relations by construction is fitted to real and imaginary part together, weighted with 1/|Z|,

       Z = R + j w L + 1/(j w C) + sum_k R_k / (1 + j w tau_k) + sum_m R_m j w tau_m / (1 + j w tau_m) ,

   and each point is held against it [1]_. All parameters are >= 0: a cell of resistances and capacitances (every
   spectrum that aspot computes) has no other kind of relaxation, and this is what makes the test sharp. A ladder with
   R_k of either sign follows a wrong point at the end of the spectrum, or a drift, ten times closer [2]_. The last
   sum is for leads and cables: its 1/tau_m lie above the measured range. The times are spread so densely that they need
   no choice; non-negative least squares uses few of them. The worst point is left out as long as it is further from the
   ladder than five times the scatter, so that one bad point does not spoil its neighbours.
2. What the ladder leaves is split into slow cosines over log f and the rest. Noise fills both alike; a drift, a wrong
   phase or a step between two ranges of the instrument is slow. An F-test compares them.

What no test of this kind can see: whatever is itself linear, causal and at rest (a wrong area, a series resistance, the
inductance or stray capacitance of leads), and deviations below the scatter. A drift proportional to log f comes close
to a constant-phase element: 1 % over seven decades leaves only 0.04 % to 0.1 % of |Z|, and is seen where the scatter is
below about that. Where the imaginary part is nearly zero, its sign cannot be told.

References
----------
.. [1] B. A. Boukamp, J. Electrochem. Soc. 142 (1995) 1885, doi 10.1149/1.2044210 (the ladder and its linear fit).
.. [2] M. Schönleber, D. Klotz, E. Ivers-Tiffée, Electrochim. Acta 131 (2014) 20, doi 10.1016/j.electacta.2014.01.034
   (too many elements of either sign hide errors; here the sign is prescribed, or the number chosen by AICc).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct
from scipy.linalg import lstsq
from scipy.optimize import nnls
from scipy.stats import f as f_distribution

from aspot.errors import ConvergenceError, InputError
from aspot.measured import Measurement
from aspot.spectrum import Spectrum

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]
Mask = NDArray[np.bool_]

FEWEST_POINTS, _MOST_POINTS = 5, 3000
#: A ladder of one sign: times per decade, and decades beyond the frequencies on both sides. An RC element between two
#: of its times is met to 1e-4, an arc that the window cuts to better than that.
_DENSE, _FAR = 60.0, 2.0
#: Directions of the data of less than this share of the largest, squared, are out of a ladder's reach.
_REACHED = 1e-12
#: A ladder of either sign: most times per decade, decades beyond, and the share of the data that it may use up.
_SPARSE, _NEAR, _MOST_UNKNOWNS = 5.0, 1.0, 0.6
#: Points that are further off than this many times the scatter are outliers. Of 100 points of normal noise none is in
#: 99 of 100 spectra.
_OUTLIER = 5.0
#: At most this share of the points is left out.
_MOST_OUTLIERS = 0.25
#: Probability below which a slow part is not taken for chance.
_CHANCE = 1e-4


@dataclass(frozen=True, kw_only=True, eq=False)
class KramersKronig:
    """What the Kramers-Kronig test found, point by point and in all.

    Parameters
    ----------
    spectrum : Spectrum
        The one tested.
    fitted_ohm_cm2 : (m,) complex
        Impedance of the ladder.
    real, imaginary : (m,) float
        Z - Z_fitted, over |Z|.
    is_outlier : (m,) bool
        Points that the ladder was not fitted to: they are further off than five times the scatter, or lie beyond a run
        of such points at one end.
    threshold : float
        Largest relative residual of a consistent point.
    accuracy : float
        Deviations below this share of |Z| do not count against the spectrum.
    outlier_limit : float
        Relative residual beyond which a point was left out: five times the scatter by the median, or `accuracy`.
    scatter : float
        Standard deviation of the noise of each part, over |Z|: what is not slow in the residuals.
    systematic : float
        Root mean square of the slow part of the residuals, over |Z|, without the share of the noise.
    chance : float
        Probability that noise alone would leave a slow part like this.
    n_elements : int
        Number of relaxations that the ladder uses.
    tau_range_s : (float, float)
        Shortest and longest relaxation time that it could use [s].
    inductive_loops : bool
        Whether relaxations of negative resistance were allowed.
    largest_with_loops : float
        Largest relative residual if they are and the spectrum then passes; else NaN.
    """

    spectrum: Spectrum
    fitted_ohm_cm2: Complex
    real: Real
    imaginary: Real
    is_outlier: Mask
    threshold: float
    accuracy: float
    outlier_limit: float
    scatter: float
    systematic: float
    chance: float
    n_elements: int
    tau_range_s: tuple[float, float]
    inductive_loops: bool
    largest_with_loops: float = np.nan

    @property
    def residual(self) -> Real:
        """|Z - Z_fitted| / |Z| of every point, shape (m,)."""
        return np.hypot(self.real, self.imaginary)

    @property
    def largest(self) -> float:
        """The largest of the residuals."""
        return float(self.residual.max())

    @property
    def is_consistent(self) -> Mask:
        """Points whose residual is at most `threshold`, shape (m,)."""
        return np.asarray(self.residual <= self.threshold)

    @property
    def has_slow_deviation(self) -> bool:
        """Whether a slow part of the residuals is larger than `accuracy`, and no chance."""
        return self.systematic > self.accuracy and self.chance < _CHANCE

    @property
    def passes(self) -> bool:
        """No inconsistent point, no outlier, no slow deviation."""
        return bool(self.is_consistent.all()) and not self.is_outlier.any() and not self.has_slow_deviation

    @property
    def statement(self) -> str:
        """The verdict in words."""
        n, f = len(self.spectrum), self.spectrum.frequency_Hz
        noise = f"scatter {_percent(self.scatter)} of |Z|"
        if self.passes:
            kind = "" if self.inductive_loops else " with relaxations of positive resistance"
            return (
                f"The spectrum obeys the Kramers-Kronig relations{kind}: "
                f"largest residual {_percent(self.largest)} of |Z|, {noise}."
            )
        found = []
        beyond = ~self.is_consistent
        if beyond.any():
            found.append(f"{_points(beyond, n)} by more than {_percent(self.threshold)} ({_ranges(f, beyond)})")
        stray = self.is_outlier & self.is_consistent
        if stray.any():
            found.append(f"{_points(stray, n)} by more than {_percent(self.outlier_limit)} ({_ranges(f, stray)})")
        if self.has_slow_deviation:
            found.append(
                f"the residuals vary slowly with frequency, by {_percent(self.systematic)}: drift, phase or ranges"
            )
        text = f"The spectrum deviates from the Kramers-Kronig relations: {'; '.join(found)}; {noise}."
        if np.isfinite(self.largest_with_loops):
            text += (
                f" Relaxations of negative resistance would follow it to {_percent(self.largest_with_loops)}: an "
                "inductive loop, if the cell has one (inductive_loops = True), else a drift or a wrong end of the "
                "spectrum that looks like one."
            )
        return text


def check_kramers_kronig(
    spectrum: Spectrum, *, threshold: float = 0.05, accuracy: float = 3e-4, inductive_loops: bool = False
) -> KramersKronig:
    """Linear Kramers-Kronig test of a measured or computed spectrum; see the head of this module.

    Parameters
    ----------
    spectrum : Spectrum
        5 to 3000 frequencies.
    threshold : float
        Largest relative residual |Z - Z_fitted|/|Z| of a consistent point. 0.05 is what Ortmann et al. (2022), doi
        10.1002/aenm.202202712, drop points by. Outliers against the scatter are marked whatever the threshold.
    accuracy : float
        Deviations below this share of |Z| do not count: the instrument's accuracy. 3e-4 is better than most have, so
        that a drift of 1 % is seen; with 1e-3 or 3e-3 only deviations that matter to most analyses are reported.
    inductive_loops : bool
        Allow relaxations of negative resistance, for cells that have them (slow adsorption, some fuel cells). The
        number of elements is then the one of least AICc (Akaike), and the test is less sharp at the ends.

    Returns
    -------
    KramersKronig

    Raises
    ------
    InputError
        If there are fewer than 5 or more than 3000 frequencies, the impedance is zero somewhere, or a limit is not
        positive.
    ConvergenceError
        If the non-negative least squares do not converge.

    Examples
    --------
    >>> f = np.logspace(6, 0, 61)
    >>> z = 5 + 20 / (1 + 2j * np.pi * f * 2e-5)
    >>> check_kramers_kronig(Spectrum(frequency_Hz=f, impedance_ohm_cm2=z, temperature_K=298.15)).passes
    True
    >>> wrong = Spectrum(frequency_Hz=f, impedance_ohm_cm2=np.conj(z), temperature_K=298.15)
    >>> check_kramers_kronig(wrong).passes
    False
    """
    for name, value in (("threshold", threshold), ("accuracy", accuracy)):
        if not (np.isfinite(value) and value > 0):
            raise InputError(f"Kramers-Kronig test: {name} = {value!r}: must be finite and positive")
    if not FEWEST_POINTS <= len(spectrum) <= _MOST_POINTS:
        raise InputError(
            f"Kramers-Kronig test: at least {FEWEST_POINTS} and at most {_MOST_POINTS} frequencies are needed, "
            f"got {len(spectrum)}"
        )
    if np.any(spectrum.impedance_ohm_cm2 == 0):
        at = float(spectrum.frequency_Hz[spectrum.impedance_ohm_cm2 == 0][0])
        raise InputError(f"Kramers-Kronig test: impedance_ohm_cm2 = 0 at {at:g} Hz: it must not vanish")
    make = _signed_ladder if inductive_loops else _passive_ladder
    found = _tested(spectrum, make(spectrum), threshold, accuracy, inductive_loops)
    if not inductive_loops and not found.passes:
        other = _tested(spectrum, _signed_ladder(spectrum), threshold, accuracy, True)
        if other.passes:
            found = replace(found, largest_with_loops=other.largest)
    return found


def excluding_inconsistent(
    measurement: Measurement, *, threshold: float = 0.05, accuracy: float = 3e-4, inductive_loops: bool = False
) -> Measurement:
    """A copy of a measured sweep without the points that miss the Kramers-Kronig relations, each with its reason.

    Parameters
    ----------
    measurement : Measurement
        Its kept points are tested.
    threshold, accuracy, inductive_loops
        As for `check_kramers_kronig`.

    Raises
    ------
    InputError
        If fewer than 5 points are kept, before or after.
    ConvergenceError
        If the non-negative least squares do not converge.
    """
    spectrum = measurement.spectrum(None if measurement.is_per_area else 1.0)
    found = check_kramers_kronig(spectrum, threshold=threshold, accuracy=accuracy, inductive_loops=inductive_loops)
    mask = np.zeros(len(measurement), bool)
    mask[measurement.is_kept] = ~found.is_consistent
    if np.sum(found.is_consistent) < FEWEST_POINTS:
        raise InputError(
            f"Kramers-Kronig test: only {int(np.sum(found.is_consistent))} of {len(spectrum)} points are consistent "
            f"within threshold = {threshold:g}; at least {FEWEST_POINTS} are needed"
        )
    return measurement.excluding(mask, f"Kramers-Kronig residual above {_percent(threshold)}")


# The fit --------------------------------------------------------------------------------------------------------------

#: Fitted impedance over |Z| at every point, and the number of relaxations, from the points that are kept.
_Fit = Callable[[Mask], tuple[Complex, int]]


@dataclass(frozen=True, kw_only=True)
class _Ladder:
    fit: _Fit
    tau_range_s: tuple[float, float]


def _tested(spectrum: Spectrum, ladder: _Ladder, threshold: float, accuracy: float, loops: bool) -> KramersKronig:
    """Fit, leave out the worst point while it is an outlier, fit again; then look for a slow part."""
    size = np.abs(spectrum.impedance_ohm_cm2)
    target = spectrum.impedance_ohm_cm2 / size
    n = len(spectrum)
    keep = np.ones(n, bool)
    while True:
        fitted, n_elements = ladder.fit(keep)
        residual = target - fitted
        distance = np.abs(residual)
        parts = np.concatenate([residual[keep].real, residual[keep].imag])
        # 1.4826: standard deviation over median of |x| of normal noise; the fit has taken its part of it.
        free = max(parts.size - n_elements, 0.25 * parts.size)
        spread = 1.4826 * float(np.median(np.abs(parts))) * np.sqrt(parts.size / free)
        limit = max(_OUTLIER * spread, accuracy)
        left = max(int(_MOST_OUTLIERS * n) - int(np.sum(~keep)), 0)
        # One at a time, or one in fifty points.
        worst = np.argsort(np.where(keep, -distance, 0.0))[: min(max(n // 50, 1), left)].tolist()
        outliers = [k for k in worst if keep[k] and distance[k] > limit]
        if not outliers:
            break
        keep[outliers] = False
    cut_off = _beyond_outliers(~keep)
    if np.any(cut_off & keep):
        keep &= ~cut_off
        fitted, n_elements = ladder.fit(keep)
        residual = target - fitted
        distance = np.abs(residual)
    scatter, systematic, chance = _slow_part(residual[keep], spectrum.frequency_Hz[keep])
    return KramersKronig(
        spectrum=spectrum,
        fitted_ohm_cm2=fitted * size,
        real=residual.real.copy(),
        imaginary=residual.imag.copy(),
        is_outlier=cut_off | (~keep & (distance > limit)),
        threshold=threshold,
        accuracy=accuracy,
        outlier_limit=limit,
        scatter=scatter,
        systematic=systematic,
        chance=chance,
        n_elements=n_elements,
        tau_range_s=ladder.tau_range_s,
        inductive_loops=loops,
    )


def _beyond_outliers(left_out: Mask) -> Mask:
    """Ends that a run of at least three left-out points cuts off, the run included, if no more than two remain there.

    Nothing beside them holds the ladder, which would follow them wherever they lie.
    """
    found = np.zeros_like(left_out)
    for order in (slice(None), slice(None, None, -1)):
        mask = left_out[order]
        first = int(np.argmax(mask))
        run = mask[first : first + 3]
        if first <= 2 and run.size == 3 and run.all():
            inner = np.flatnonzero(~mask[first:])
            found[order][: first + (int(inner[0]) if inner.size else mask.size)] = True
    return found


def _slow_part(residual: Complex, frequency_Hz: Real) -> tuple[float, float, float]:
    """Scatter, slow part beyond its share of the scatter (both over |Z|), and the chance that noise makes it."""
    n = residual.size
    decades = float(np.log10(frequency_Hz.max() / frequency_Hz.min()))
    # Up to one period per decade: the ladder can follow nothing faster that is not noise.
    n_slow = int(np.clip(np.ceil(2.0 * decades) + 1, 1, max(n // 3, 1)))
    amplitudes = dct(np.stack([residual.real, residual.imag]), axis=1, norm="ortho")
    slow, fast = amplitudes[:, :n_slow], amplitudes[:, n_slow:]
    if fast.size == 0:
        return float(np.sqrt(np.mean(slow**2))), 0.0, 1.0
    variance = max(float(np.mean(fast**2)), np.finfo(float).tiny)
    energy = float(np.sum(slow**2))
    chance = float(f_distribution.sf(energy / slow.size / variance, slow.size, fast.size))
    systematic = float(np.sqrt(max(energy - slow.size * variance, 0.0) / (2 * n)))
    return float(np.sqrt(variance)), systematic, chance


def _times(spectrum: Spectrum, per_decade: float, beyond: float) -> Real:
    """Relaxation times, `beyond` decades further than the frequencies on both sides [s]."""
    omega = spectrum.omega
    low, high = -np.log10(omega.max()) - beyond, -np.log10(omega.min()) + beyond
    return np.logspace(low, high, max(round(per_decade * (high - low)), 1) + 1)


def _columns(spectrum: Spectrum, tau: Real) -> list[Complex]:
    """R, L, 1/C and the relaxations."""
    omega = spectrum.omega
    return [
        np.ones(omega.size, complex),
        1j * omega / omega.max(),
        -1j * omega.min() / omega,
        *(1.0 / (1.0 + 1j * np.outer(tau, omega))),
    ]


def _stacked(spectrum: Spectrum, columns: list[Complex]) -> Real:
    """Columns over |Z|, the real parts above the imaginary parts."""
    matrix = np.stack(columns, axis=1) / np.abs(spectrum.impedance_ohm_cm2)[:, None]
    return np.vstack([matrix.real, matrix.imag])


def _passive_ladder(spectrum: Spectrum) -> _Ladder:
    """R, L, 1/C and all relaxations non-negative."""
    omega, size = spectrum.omega, np.abs(spectrum.impedance_ohm_cm2)
    tau = _times(spectrum, _DENSE, _FAR)
    # Inductances with a parallel resistance, from the end of the range upwards.
    tails = [1j * omega / omega.max() / (1.0 + 1j * omega * t) for t in tau[tau < 1.0 / omega.max()]]
    matrix = _stacked(spectrum, [*_columns(spectrum, tau), *tails])
    target = spectrum.impedance_ohm_cm2 / size
    rhs = np.concatenate([target.real, target.imag])

    def fit(keep: Mask) -> tuple[Complex, int]:
        both = np.concatenate([keep, keep])
        norm = np.linalg.norm(matrix[both], axis=0)
        scaled = matrix[both] / norm
        # Exponentially few directions of the data can be reached at all: the search runs in those above rounding.
        if scaled.shape[0] <= scaled.shape[1]:
            values, directions = np.linalg.eigh(scaled @ scaled.T)
            reached = directions[:, values > _REACHED * values[-1]].T
            reduced, reduced_rhs = reached @ scaled, reached @ rhs[both]
        else:
            values, directions = np.linalg.eigh(scaled.T @ scaled)
            above = values > _REACHED * values[-1]
            root, reached = np.sqrt(values[above]), directions[:, above].T
            reduced, reduced_rhs = root[:, None] * reached, reached @ (scaled.T @ rhs[both]) / root
        try:
            x, _ = nnls(reduced, reduced_rhs, maxiter=30 * norm.size)
        except RuntimeError as error:
            raise ConvergenceError(f"Kramers-Kronig test: non-negative least squares: {error}") from None
        return _complex(matrix @ (x / norm)), int(np.count_nonzero(x))

    return _Ladder(fit=fit, tau_range_s=(float(tau[0]), float(tau[-1])))


def _signed_ladder(spectrum: Spectrum) -> _Ladder:
    """All parameters of either sign, as many relaxations as AICc asks for."""
    target = spectrum.impedance_ohm_cm2 / np.abs(spectrum.impedance_ohm_cm2)
    rhs = np.concatenate([target.real, target.imag])
    matrices: list[Real] = []
    for per_decade in np.arange(0.5, _SPARSE + 0.25, 0.25):
        matrix = _stacked(spectrum, _columns(spectrum, _times(spectrum, float(per_decade), _NEAR)))
        if not matrices or matrix.shape[1] > matrices[-1].shape[1]:
            matrices.append(matrix)

    def fit(keep: Mask) -> tuple[Complex, int]:
        both = np.concatenate([keep, keep])
        n = int(both.sum())
        best: tuple[float, Complex, int] | None = None
        for matrix in matrices:
            unknowns = matrix.shape[1]
            if best is not None and unknowns > _MOST_UNKNOWNS * n:
                break
            norm = np.linalg.norm(matrix[both], axis=0)
            x = lstsq(matrix[both] / norm, rhs[both], cond=1e-10)[0]
            error = matrix @ (x / norm) - rhs
            mean = max(float(np.mean(error[both] ** 2)), np.finfo(float).tiny)
            criterion = n * np.log(mean) + 2.0 * unknowns * n / max(n - unknowns - 1, 0.5)
            if best is None or criterion < best[0]:
                best = (criterion, _complex(error + rhs), unknowns - 3)
        assert best is not None  # there is at least one matrix
        return best[1], best[2]

    tau = _times(spectrum, 1.0, _NEAR)
    return _Ladder(fit=fit, tau_range_s=(float(tau[0]), float(tau[-1])))


def _complex(stacked: Real) -> Complex:
    half = stacked.size // 2
    return np.asarray(stacked[:half] + 1j * stacked[half:])


# Words ----------------------------------------------------------------------------------------------------------------


def _percent(share: float) -> str:
    return f"{100.0 * share:.2g} %"


def _points(mask: Mask, n: int) -> str:
    count = int(mask.sum())
    return f"{count} of {n} points" if count != 1 else f"1 of {n} points"


def _ranges(frequency_Hz: Real, mask: Mask) -> str:
    """Frequencies of the points, neighbours as a range; the first three."""
    where = np.flatnonzero(mask)
    runs = np.split(where, np.flatnonzero(np.diff(where) > 1) + 1)
    texts = [
        f"{frequency_Hz[r[0]]:.3g} Hz" if r.size == 1 else f"{frequency_Hz[r[0]]:.3g} to {frequency_Hz[r[-1]]:.3g} Hz"
        for r in runs
    ]
    return ", ".join(texts[:3]) + (f" and {len(texts) - 3} more" if len(texts) > 3 else "")
