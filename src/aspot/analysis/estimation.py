"""Parameters of any impedance model from a measured spectrum: complex least squares with honest uncertainty.

The residuals (Z_model - Z)/s, real and imaginary parts stacked, are minimised within bounds from several starts. A
parameter with scale "log" is estimated as its logarithm, so that it stays positive and its interval is a factor.

>>> import numpy as np
>>> omega = 2 * np.pi * np.geomspace(1e6, 1.0, 40)
>>> def circuit(p):
...     return p[0] + p[1] / (1.0 + 1j * omega * p[1] * p[2])
>>> measured = circuit([10.0, 50.0, 1e-6]) * (1 + 0.01 * np.random.default_rng(1).standard_normal(40))
>>> names = {"R_0": (1.0, 100.0), "R_1": (1.0, 1e3), "C_1": (1e-8, 1e-4)}
>>> found = estimate(
...     circuit, measured, [Parameter(name=n, value=(a * b) ** 0.5, lower=a, upper=b) for n, (a, b) in names.items()]
... )
>>> all(low < true < high for true, (low, high) in zip([10, 50, 1e-6], found.confidence_intervals(), strict=True))
True
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri, stdtrit

from aspot.analysis.least_squares import Complex, FitProblem, Model, Parameter, Real, Start, ended
from aspot.analysis.profile_likelihood import Profile, profile
from aspot.errors import ConvergenceError, InputError

__all__ = ["Direction", "Estimate", "Model", "Parameter", "Profile", "Start", "estimate"]

Progress = Callable[[str, float], None]

#: Starts whose sum of squares is within this many units of the best one's variance are the same answer.
_SAME = 1.0
#: A parameter this close to a bound, as a share of its range, lies at it.
_AT_BOUND = 1e-4
#: No impedance is measured better than this: with less noise, what is a degeneracy shows as one still.
_FINEST = 1e-6
#: Standard deviations beyond this many units of ignorance are not told apart.
_FARTHEST = 1e3
#: Parts of a direction below this share of its largest do not count when it is named.
_NEGLIGIBLE = 0.1


@dataclass(frozen=True, kw_only=True)
class Direction:
    """A combination of parameters that vary together, and how well the spectrum fixes it.

    Parameters
    ----------
    exponents : dict of str to float
        Along the direction ln(parameter) (or the parameter, if its scale is linear, in units of its bounds' spread)
        moves by these shares; the largest is 1. Negligible ones are left out.
    standard_deviation : float
        Of the distance along the direction; above 1: not determined (an e-fold, or the bounds alone).
    determined : str
        The combination of the parameters that stays fixed along it ("radius/thickness"); empty if there is none.
    """

    exponents: dict[str, float]
    standard_deviation: float
    determined: str

    @property
    def is_determined(self) -> bool:
        """Whether the spectrum says more about it than the bounds do."""
        return self.standard_deviation < 1.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Estimate:
    """Parameters with their uncertainty; made by `estimate`.

    Parameters
    ----------
    parameters : tuple of Parameter
    values : (n,) float
    impedance : (m,) complex
        Of the model at the optimum.
    sizes : (m,) float
        Standard deviations of real and of imaginary part, up to `noise`.
    residuals : (m,) complex
        (Z_model - Z)/sizes.
    jacobian : (2 m, n) float
        Derivatives of the stacked residuals by the scaled variables (ln p, or p).
    noise : float or None
        Known noise in units of `sizes`; None: estimated from the residuals.
    starts : tuple of Start
        The one that begins at the given values first.
    n_evaluations : int
        Calls of the model.
    is_converged : bool
    """

    parameters: tuple[Parameter, ...]
    values: Real
    impedance: Complex
    sizes: Real
    residuals: Complex
    jacobian: Real
    noise: float | None
    starts: tuple[Start, ...]
    n_evaluations: int
    is_converged: bool
    _problem: FitProblem = field(repr=False)

    # Names and numbers ----------------------------------------------------------------------------------------------

    @property
    def names(self) -> tuple[str, ...]:
        """Of the parameters."""
        return tuple(p.name for p in self.parameters)

    def __getitem__(self, name: str) -> float:
        """Value of a parameter."""
        return float(self.values[self._index(name)])

    def _index(self, name: str) -> int:
        if name not in self.names:
            raise InputError(f"{name}: no such parameter; there are {', '.join(self.names)}")
        return self.names.index(name)

    @property
    def degrees_of_freedom(self) -> int:
        """Numbers measured (two per frequency) minus parameters."""
        return 2 * len(self.residuals) - len(self.parameters)

    @property
    def chi_squared(self) -> float:
        """Sum of squares of the weighted residuals."""
        return float(np.sum(np.abs(self.residuals) ** 2))

    @property
    def noise_estimate(self) -> float:
        """Noise of real and of imaginary part that the residuals show, in units of `sizes` (relative to |Z|, say)."""
        return math.sqrt(self.chi_squared / self.degrees_of_freedom)

    @property
    def reduced_chi_squared(self) -> float:
        """Variance of the residuals over that of the known noise; nan if the noise is estimated from them."""
        return (self.noise_estimate / self.noise) ** 2 if self.noise else math.nan

    @property
    def variance(self) -> float:
        """Of the weighted residuals, known or estimated."""
        if self.noise is not None:
            return self.noise**2
        # A fit to the last digit leaves no noise: that of rounding.
        return max(self.noise_estimate**2, 1e-24 * float(np.mean(np.abs(self.impedance / self.sizes) ** 2)))

    @property
    def aic(self) -> float:
        """Akaike's criterion for normal noise, up to a constant of the data."""
        return self._deviance + 2.0 * self._n_estimated

    @property
    def bic(self) -> float:
        """Schwarz's criterion for normal noise, up to a constant of the data."""
        return self._deviance + math.log(2 * len(self.residuals)) * self._n_estimated

    @property
    def _n_estimated(self) -> int:
        return len(self.parameters) + (self.noise is None)

    @property
    def _deviance(self) -> float:
        n = 2 * len(self.residuals)
        if self.noise is not None:
            return self.chi_squared / self.noise**2
        # A fit to the last digit has no finite likelihood.
        return n * math.log(max(self.chi_squared / n, 1e-300)) + 2.0 * float(np.sum(np.log(self.sizes)))

    @property
    def residual_correlation(self) -> float:
        """Correlation of neighbouring residuals: near 0 for noise, near 1 where the model misses what was measured."""
        r = self.residuals - 0.0
        total = float(np.sum(np.abs(r) ** 2))
        return float(np.real(np.sum(r[1:] * np.conj(r[:-1])))) / total if total > 0 and len(r) > 1 else 0.0

    @property
    def is_systematic(self) -> bool:
        """Whether neighbouring residuals agree more than noise would let them (one in a thousand)."""
        # White complex noise: the correlation has a variance of 1/(2 m).
        return self.residual_correlation > float(ndtri(0.999)) / math.sqrt(2 * len(self.residuals))

    # Uncertainty ----------------------------------------------------------------------------------------------------

    @property
    def covariance(self) -> Real:
        """Of the scaled variables (ln p, or p), linearised at the optimum, (n, n); huge where nothing is determined."""
        _, s, vt = self._singular()
        root = (vt.T * self._ignorance[:, None]) / s
        return np.asarray(self.variance * root @ root.T)

    def _singular(self) -> tuple[Real, Real, Real]:
        """Singular values of the Jacobian in units of ignorance; what is not determined at all is cut off."""
        u, s, vt = np.linalg.svd(self.jacobian * self._ignorance, full_matrices=False)
        return u, np.maximum(s, max(self._finest / _FARTHEST, 1e-150)), vt

    @property
    def _finest(self) -> float:
        """Standard deviation of the residuals, but not finer than what is ever measured."""
        return max(
            math.sqrt(self.variance), _FINEST * float(np.sqrt(np.mean(np.abs(self.impedance / self.sizes) ** 2)))
        )

    @property
    def _ignorance(self) -> Real:
        return np.array([p.ignorance for p in self.parameters])

    @property
    def scaled_errors(self) -> Real:
        """Standard errors of the scaled variables: relative ones where the scale is "log", (n,)."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def standard_errors(self) -> Real:
        """Standard errors of the values, (n,)."""
        factor = [v if p.scale == "log" else 1.0 for p, v in zip(self.parameters, self.values, strict=True)]
        return np.asarray(self.scaled_errors * factor)

    @property
    def correlation(self) -> Real:
        """Correlation of the scaled variables, (n, n)."""
        covariance = self.covariance
        size = np.sqrt(np.diag(covariance))
        return np.asarray(covariance / np.outer(size, size))

    def quantile(self, level: float) -> float:
        """Half width of an interval in standard errors: Student's t if the noise is estimated, else normal.

        Raises
        ------
        InputError
            If the level is not between 0 and 1.
        """
        if not 0.0 < level < 1.0:
            raise InputError(f"level = {level!r}: must lie between 0 and 1")
        tail = 0.5 * (1.0 + level)
        return float(ndtri(tail) if self.noise is not None else stdtrit(self.degrees_of_freedom, tail))

    def confidence_intervals(
        self, level: float = 0.95, *, simultaneous: bool = False
    ) -> tuple[tuple[float, float], ...]:
        """Intervals of the values from the linearised model, symmetric in the scaled variables, within the bounds.

        Parameters
        ----------
        level : float
            Of each interval; of all of them at once if `simultaneous` (Bonferroni's, which are on the safe side).
        simultaneous : bool
        """
        if simultaneous:
            level = 1.0 - (1.0 - level) / len(self.parameters)
        reach = self.quantile(level) * self.scaled_errors
        out = []
        for p, v, r in zip(self.parameters, self.values, reach, strict=True):
            middle = p.to_scaled(float(v))
            out.append((p.from_scaled(middle - float(r)), p.from_scaled(middle + float(r))))
        return tuple(out)

    @property
    def at_bound(self) -> dict[str, Literal["lower", "upper"]]:
        """Parameters that lie at a bound: the spectrum asks for less, or more, than is allowed."""
        unit = self._problem.unit(self.values)
        sides: dict[str, Literal["lower", "upper"]] = {}
        for name, t in zip(self.names, unit, strict=True):
            if t < _AT_BOUND or t > 1.0 - _AT_BOUND:
                sides[name] = "lower" if t < 0.5 else "upper"
        return sides

    @property
    def directions(self) -> tuple[Direction, ...]:
        """Independent combinations of the parameters, the least determined first."""
        _, s, vt = self._singular()
        return tuple(self._direction(v, self._finest / float(x)) for v, x in zip(vt[::-1], s[::-1], strict=True))

    @property
    def undetermined(self) -> tuple[Direction, ...]:
        """Combinations that the spectrum does not fix, the least determined first."""
        return tuple(d for d in self.directions if not d.is_determined)

    def _direction(self, v: Real, deviation: float) -> Direction:
        moves = v * self._ignorance
        # Compared in units of what is known beforehand, named in units of the variables.
        kept = [k for k in np.argsort(-np.abs(v)) if abs(v[k]) > _NEGLIGIBLE * np.max(np.abs(v))]
        kept.sort()
        largest = max((moves[k] for k in kept), key=abs)
        exponents = {self.names[k]: float(moves[k] / largest) for k in kept}
        text = ""
        if len(kept) == 2 and all(self.parameters[k].scale == "log" for k in kept):
            first, second = kept
            # Along (a, b) in the logarithms p^b q^-a stays.
            text = _product(self.names[first], self.names[second], -float(moves[first] / moves[second]))
        return Direction(exponents=exponents, standard_deviation=deviation, determined=text)

    @property
    def other_minima(self) -> tuple[Start, ...]:
        """Starts that ended in a fit that is worse than the best one by more than noise."""
        return tuple(s for s in self.starts if s.is_converged and not self._is_best(s))

    @property
    def agreeing_starts(self) -> int:
        """Starts that ended in a fit as good as the best one."""
        return sum(s.is_converged and self._is_best(s) for s in self.starts)

    def _is_best(self, start: Start) -> bool:
        return start.chi_squared <= min(s.chi_squared for s in self.starts) + _SAME * self.variance

    def profile(self, name: str, level: float = 0.95) -> Profile:
        """Profile likelihood of one parameter (see `aspot.analysis.profile_likelihood.profile`).

        Raises
        ------
        InputError
            If there is no such parameter, or the level is not between 0 and 1.
        """
        index = self._index(name)
        return profile(
            self._problem,
            self._problem.unit(self.values),
            index,
            error=float(self.scaled_errors[index]) / self.parameters[index].width,
            variance=self.variance,
            level=level,
            threshold=self.quantile(level) ** 2,
        )


def _product(first: str, second: str, power: float) -> str:
    """First * second^power, in words that read."""
    if abs(power + 1.0) < 0.05:
        return f"{first} / {second}"
    if abs(power - 1.0) < 0.05:
        return f"{first} * {second}"
    return f"{first} * {second}^{power:.2g}"


def estimate(
    model: Model,
    measured: ArrayLike,
    parameters: Sequence[Parameter],
    *,
    weighting: Literal["modulus", "unit"] | ArrayLike = "modulus",
    noise: float | None = None,
    starts: int = 1,
    seed: int = 0,
    points: Sequence[ArrayLike] = (),
    most_evaluations: int = 200,
    accuracy: float = 1e-10,
    progress: Progress | None = None,
) -> Estimate:
    """Fit a model of an impedance to a measured one.

    Parameters
    ----------
    model : callable
        values (n,) -> Z (m,) complex, or (Z, dZ/dvalues (m, n)); without derivatives central differences are taken. It
        may raise InputError for values that cannot be.
    measured : (m,) array_like of complex
    parameters : sequence of Parameter
    weighting : "modulus", "unit" or (m,) array_like
        What the noise of real and imaginary part is proportional to: |Z| (of the fit, once it is found, so that the
        noise itself does not weigh), nothing, or standard deviations given.
    noise : float, optional
        Noise of real and of imaginary part in units of the weighting, if it is known (0.005: half a percent of |Z|);
        default: taken from the residuals.
    starts : int
        The first start begins at the given values, the others on a random Latin hypercube.
    seed : int
        Of the other starts.
    points : sequence of (n,) array_like
        Values at which further starts begin, where something is known of the spectrum.
    most_evaluations : int
        Of the model, for each start.
    accuracy : float
        Relative change of the sum of squares, or of the parameters over their bounds' distance, that ends a search; a
        model with an error of its own needs a larger one.
    progress : callable, optional
        Called with (what is being done, share done from 0 to 1).

    Returns
    -------
    Estimate

    Raises
    ------
    InputError
        If an argument cannot be meant, or the model refuses every start.
    ConvergenceError
        If no start converges; `iterate` is the best Estimate reached.
    """
    z = np.atleast_1d(np.asarray(measured, complex))
    _check(z, parameters, noise, starts)
    sizes = _sizes(weighting, z)
    problem = FitProblem(model, z, sizes, parameters, accuracy)
    begin = problem.unit(np.array([p.value for p in parameters]))
    known = [np.clip(problem.unit(np.asarray(p, float)), 0.0, 1.0) for p in points]
    everywhere = [begin, *known, *_latin_hypercube(starts - 1, parameters, seed)]
    ends: list[Start] = []
    for k, point in enumerate(everywhere):
        if progress is not None:
            n = len(everywhere)
            progress("fit" if n == 1 else f"fit, start {k + 1} of {n}", k / n)
        ends.append(ended(problem, point, most_evaluations))
    usable = [e for e in ends if np.isfinite(e.chi_squared)]
    if not usable:
        raise InputError(f"fit: the model refuses every start: {ends[0].reason}")
    best = min(usable, key=lambda e: (not e.is_converged, e.chi_squared))
    if isinstance(weighting, str) and weighting == "modulus":
        # Once more with weights that hold no noise.
        problem.sizes = np.abs(problem.impedance(problem.unit(best.values))[0])
        again = ended(problem, problem.unit(best.values), most_evaluations)
        best = again if again.is_converged else replace(best, is_converged=False)
    found = _estimate_at(problem, best, noise, tuple(ends))
    if not found.is_converged:
        raise ConvergenceError(
            f"fit: no start of {len(everywhere)} converged within {most_evaluations} evaluations of the model; "
            f"the residuals are {found.noise_estimate:.2g} of the weights at the best point",
            iterate=found,
        )
    return found


def _check(z: Complex, parameters: Sequence[Parameter], noise: float | None, starts: int) -> None:
    names = [p.name for p in parameters]
    if not names:
        raise InputError("fit: no free parameter")
    twice = {n for n in names if names.count(n) > 1}
    if twice:
        raise InputError(f"fit: {', '.join(sorted(twice))} is free twice")
    if z.ndim != 1 or not np.isfinite(z).all() or np.any(z == 0):
        raise InputError("fit: the measured impedances must be a list of finite numbers, none of them 0")
    if 2 * len(z) <= len(names):
        raise InputError(f"fit: {len(z)} frequencies cannot fix {len(names)} parameters")
    if noise is not None and not (math.isfinite(noise) and noise > 0.0):
        raise InputError(f"noise = {noise!r}: must be positive")
    if starts < 1:
        raise InputError(f"starts = {starts!r}: must be at least 1")


def _sizes(weighting: Any, z: Complex) -> Real:
    if isinstance(weighting, str):
        if weighting not in ("modulus", "unit"):
            raise InputError(f"weighting = {weighting!r}: allowed are 'modulus', 'unit' or standard deviations")
        return np.abs(z) if weighting == "modulus" else np.ones(len(z))
    sizes = np.asarray(weighting, float)
    if sizes.shape != z.shape or not (np.isfinite(sizes) & (sizes > 0.0)).all():
        raise InputError(f"weighting: must be {len(z)} positive numbers, one for each frequency")
    return sizes.copy()


def _estimate_at(problem: FitProblem, end: Start, noise: float | None, starts: tuple[Start, ...]) -> Estimate:
    t = problem.unit(end.values)
    jacobian = problem.jacobian(t) / problem.width
    z = problem.impedance(t)[0]
    return Estimate(
        parameters=problem.parameters,
        values=end.values,
        impedance=z,
        sizes=problem.sizes,
        residuals=(z - problem.measured) / problem.sizes,
        jacobian=jacobian,
        noise=noise,
        starts=starts,
        n_evaluations=problem.n_evaluations,
        is_converged=end.is_converged,
        _problem=problem,
    )


def _latin_hypercube(n_points: int, parameters: Sequence[Parameter], seed: int) -> Real:
    """Points in the unit cube, one in each of n_points equal slices of where starts are drawn along every axis."""
    n = len(parameters)
    random = np.random.default_rng(seed)
    slices = np.stack([random.permutation(n_points) for _ in range(n)], axis=1) if n_points else np.empty((0, n))
    low, high = np.array([p.start_range for p in parameters]).T
    return np.asarray(low + (high - low) * (slices + random.uniform(size=slices.shape)) / max(n_points, 1))
