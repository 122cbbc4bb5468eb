"""Weighted residuals of an impedance model between bounds, and the search for their least squares."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from aspot.errors import AspotError, InputError

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

#: Step of differences in the unit variables, for models without derivatives.
_STEP = 1e-6

#: values (n,) -> Z (m,), or (Z, dZ/dvalues (m, n)).
Model = Callable[[Real], "Complex | tuple[Complex, Complex]"]


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A free parameter.

    Parameters
    ----------
    name : str
    value : float
        Where the search begins.
    lower, upper : float
        Finite bounds; positive for scale "log".
    scale : "log" or "linear"
        Whether the parameter or its logarithm is estimated.
    unit : str
        For people.
    reach : float, optional
        Other starts are drawn within this distance of `value` in the scaled variable; default: between the bounds.

    Raises
    ------
    InputError
        If the bounds are empty or do not hold the value.
    """

    name: str
    value: float
    lower: float
    upper: float
    scale: Literal["log", "linear"] = "log"
    unit: str = ""
    reach: float | None = None

    def __post_init__(self) -> None:
        shown = f"{self.name}: bounds {self.lower:g} to {self.upper:g}"
        if not (math.isfinite(self.lower) and math.isfinite(self.upper) and self.lower < self.upper):
            raise InputError(f"{shown}: must be finite, the lower below the upper one")
        if self.scale not in ("log", "linear"):
            raise InputError(f"{self.name}: scale = {self.scale!r}: allowed are 'log' and 'linear'")
        if self.scale == "log" and self.lower <= 0.0:
            raise InputError(f"{shown}: must be positive for a logarithmic scale")
        if not self.lower <= self.value <= self.upper:
            raise InputError(
                f"{self.name} = {self.value:g}: must lie between its bounds {self.lower:g} and {self.upper:g}"
            )

    def to_scaled(self, value: float) -> float:
        """ln(value) or value."""
        return math.log(value) if self.scale == "log" else value

    def from_scaled(self, scaled: float) -> float:
        """Value, never outside the bounds."""
        if scaled <= self._range[0]:
            return self.lower
        if scaled >= self._range[1]:
            return self.upper
        return math.exp(scaled) if self.scale == "log" else scaled

    @property
    def _range(self) -> tuple[float, float]:
        return self.to_scaled(self.lower), self.to_scaled(self.upper)

    @property
    def start_range(self) -> tuple[float, float]:
        """Where other starts are drawn, as shares of the way from the lower to the upper bound."""
        if self.reach is None:
            return 0.0, 1.0
        middle, reach = (self.to_scaled(self.value) - self._range[0]) / self.width, self.reach / self.width
        return max(middle - reach, 0.0), min(middle + reach, 1.0)

    @property
    def width(self) -> float:
        """Distance of the bounds in the scaled variable."""
        low, high = self._range
        return high - low

    @property
    def ignorance(self) -> float:
        """Standard deviation in the scaled variable of whoever knows no more than the bounds; a factor e at most."""
        known = self.width / math.sqrt(12.0)
        return min(known, 1.0) if self.scale == "log" else known


@dataclass(frozen=True, kw_only=True)
class Start:
    """Where one start of the search ended.

    Parameters
    ----------
    values : (n,) float
    chi_squared : float
        Sum of squares of the weighted residuals; inf if the start failed.
    is_converged : bool
    reason : str
        Why it failed.
    """

    values: Real
    chi_squared: float
    is_converged: bool
    reason: str = ""


class FitProblem:
    """Weighted residuals and their derivatives in variables that run from 0 to 1 between the bounds."""

    def __init__(
        self, model: Model, measured: Complex, sizes: Real, parameters: Sequence[Parameter], accuracy: float
    ) -> None:
        self.model, self.measured, self.sizes, self.parameters = model, measured, sizes, tuple(parameters)
        self.accuracy = accuracy
        self.low = np.array([p.to_scaled(p.lower) for p in parameters])
        self.width = np.array([p.width for p in parameters])
        self.n_evaluations = 0
        self._last: tuple[bytes, Complex, Complex | None] | None = None

    def values(self, t: Real) -> Real:
        """Values of the parameters."""
        scaled = self.low + t * self.width
        return np.array([p.from_scaled(float(s)) for p, s in zip(self.parameters, scaled, strict=True)])

    def unit(self, values: Real) -> Real:
        """Unit variables of values."""
        scaled = np.array([p.to_scaled(float(v)) for p, v in zip(self.parameters, values, strict=True)])
        return np.asarray((scaled - self.low) / self.width)

    def impedance(self, t: Real) -> tuple[Complex, Complex | None]:
        """Z and, if the model gives them, its derivatives by the values."""
        key = np.ascontiguousarray(t).tobytes()
        if self._last is None or self._last[0] != key:
            self.n_evaluations += 1
            answer = self.model(self.values(t))
            z, derivatives = answer if isinstance(answer, tuple) else (answer, None)
            z = np.asarray(z, complex)
            if z.shape != self.measured.shape:
                raise InputError(f"model: returns {z.shape} impedances for {self.measured.shape} measured ones")
            self._last = key, z, None if derivatives is None else np.asarray(derivatives, complex)
        return self._last[1], self._last[2]

    def residuals(self, t: Real) -> Real:
        """Weighted residuals, real parts and then imaginary ones, (2 m,)."""
        delta = (self.impedance(t)[0] - self.measured) / self.sizes
        return np.concatenate([delta.real, delta.imag])

    def trial(self, t: Real) -> Real:
        """Residuals, infinite where the model refuses the values: the search then takes a shorter step."""
        try:
            return self.residuals(t)
        except InputError:
            return np.full(2 * len(self.measured), np.inf)

    def jacobian(self, t: Real) -> Real:
        """Derivatives of the residuals by the unit variables, (2 m, n)."""
        derivatives = self.impedance(t)[1]
        if derivatives is None:
            return self._differences(t)
        values = self.values(t)
        slope = self.width * np.array(
            [v if p.scale == "log" else 1.0 for p, v in zip(self.parameters, values, strict=True)]
        )
        scaled = derivatives * slope / self.sizes[:, None]
        return np.concatenate([scaled.real, scaled.imag])

    def _differences(self, t: Real) -> Real:
        columns = []
        for k in range(len(t)):
            plus, minus = t.copy(), t.copy()
            plus[k], minus[k] = min(t[k] + _STEP, 1.0), max(t[k] - _STEP, 0.0)
            columns.append((self.residuals(plus) - self.residuals(minus)) / (plus[k] - minus[k]))
        return np.stack(columns, axis=1)

    def with_fixed(self, index: int, t: Real) -> Held:
        """The same problem with one of the unit variables `t` held."""
        return Held(self, index, t)


class Held:
    """The same problem with one unit variable held."""

    def __init__(self, whole: FitProblem, index: int, t: Real) -> None:
        self.whole, self.index, self.held = whole, index, float(t[index])
        self.accuracy = whole.accuracy

    def full(self, rest: Real) -> Real:
        """All unit variables."""
        return np.insert(rest, self.index, self.held)

    def trial(self, rest: Real) -> Real:
        """As `FitProblem.trial`."""
        return self.whole.trial(self.full(rest))

    def jacobian(self, rest: Real) -> Real:
        """As `FitProblem.jacobian`, (2 m, n - 1)."""
        return np.delete(self.whole.jacobian(self.full(rest)), self.index, axis=1)


def search(problem: FitProblem | Held, start: Real, most: int) -> Any:
    """Least squares between 0 and 1 in every variable."""
    inside, accuracy = np.clip(start, 1e-9, 1.0 - 1e-9), problem.accuracy
    return least_squares(
        problem.trial, inside, jac=problem.jacobian, bounds=(0.0, 1.0), x_scale="jac",
        ftol=accuracy, xtol=accuracy, gtol=None, max_nfev=most,
    )  # fmt: skip


def ended(problem: FitProblem, point: Real, most: int) -> Start:
    """The end of a search from one point; a model that refuses it is a failed start."""
    inside = np.clip(point, 1e-9, 1.0 - 1e-9)
    try:
        problem.residuals(inside)
        found = search(problem, inside, most)
    except AspotError as error:
        return Start(values=problem.values(inside), chi_squared=math.inf, is_converged=False, reason=str(error))
    return Start(
        values=problem.values(found.x), chi_squared=2.0 * float(found.cost), is_converged=found.status > 0,
        reason="" if found.status > 0 else f"not converged after {found.nfev} evaluations",
    )  # fmt: skip
