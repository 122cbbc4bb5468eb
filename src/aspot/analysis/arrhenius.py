"""Activation energies from a quantity at several temperatures, with intervals and a test of the law itself.

    form "sigma":    g = A exp(-Ea/kT)
    form "sigma T":  g T = A exp(-Ea/kT)

for a conductance-like g (conductivity, conductance, one over a resistance), as `aspot.laws.Activated` has it. The
factor T belongs to hopping of ions by the Nernst-Einstein relation; Ea of the same data is larger with it, by about kT.

>>> temperature = [258.15, 278.15, 298.15, 318.15]
>>> conductivity = [0.62, 1.32, 2.57, 4.51]
>>> found = fit_arrhenius(temperature, conductivity, quantity="conductance", form="sigma T")
>>> print(found)
Ea = 0.259 eV [0.255, 0.263] (25.0 kJ/mol), sigma T, 4 temperatures
>>> value, (low, high) = found.predict(308.15)
>>> f"{value:.2f}"
'3.43'
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.constants import Avogadro, Boltzmann, elementary_charge
from scipy.optimize import brentq
from scipy.special import ndtri, stdtr, stdtrit

from aspot.errors import InputError
from aspot.laws import Activated

Real = NDArray[np.float64]
Form = Literal["sigma", "sigma T"]
Quantity = Literal["conductance", "resistance"]

_FORMS, _QUANTITIES = ("sigma", "sigma T"), ("conductance", "resistance")

#: Boltzmann's constant [eV/K].
_K = Boltzmann / elementary_charge

#: Probability below which a curvature is no accident.
_SIGNIFICANT = 0.05


def kJ_per_mol(energy_eV: float) -> float:
    """Energy per mole [kJ/mol] of an energy per particle [eV]; 1 eV is 96.485 kJ/mol."""
    return energy_eV * elementary_charge * Avogadro / 1e3


def eV_per_particle(energy_kJ_per_mol: float) -> float:
    """Energy per particle [eV] of an energy per mole [kJ/mol]."""
    return energy_kJ_per_mol * 1e3 / (elementary_charge * Avogadro)


@dataclass(frozen=True, kw_only=True)
class Curvature:
    """Whether ln g over 1/T is straight: the fit of a parabola beside that of a line.

    Parameters
    ----------
    p_value : float
        Probability that straight data scatter into such a curvature (Student's t, n - 3 degrees of freedom).
    cold_eV, hot_eV : float
        Slopes of the parabola, as energies, at the lowest and the highest temperature.
    """

    p_value: float
    cold_eV: float
    hot_eV: float

    @property
    def is_significant(self) -> bool:
        """Whether the probability is below 5 %."""
        return self.p_value < _SIGNIFICANT


@dataclass(frozen=True, kw_only=True, eq=False)
class ArrheniusFit:
    """An Arrhenius law fitted to a quantity; made by `fit_arrhenius`.

    Parameters
    ----------
    temperature_K, value : (n,) float
        What was fitted, in ascending temperature; the value in the caller's unit.
    relative_errors : (n,) float or None
        Standard errors of the values that were given.
    quantity : "conductance" or "resistance"
    form : "sigma" or "sigma T"
    activation_energy_eV : float
    log_prefactor : float
        ln A, of the conductance (one over a resistance), times kelvin for "sigma T".
    covariance : (2, 2) float
        Of ln A and Ea/eV; nan where two temperatures and no errors leave nothing to estimate it from.
    scatter : float
        Relative scatter of the values about the law beyond the given errors.
    curvature : Curvature or None
        None for fewer than 4 temperatures.
    name : str
    """

    temperature_K: Real
    value: Real
    relative_errors: Real | None
    quantity: Quantity
    form: Form
    activation_energy_eV: float
    log_prefactor: float
    covariance: Real
    scatter: float
    curvature: Curvature | None
    name: str = ""

    @property
    def activation_energy_kJ_per_mol(self) -> float:
        """Activation energy per mole."""
        return kJ_per_mol(self.activation_energy_eV)

    @property
    def prefactor(self) -> float:
        """A, in the unit of the conductance, times kelvin for "sigma T"."""
        return math.exp(self.log_prefactor)

    @property
    def standard_error_eV(self) -> float:
        """Standard error of the activation energy."""
        return math.sqrt(self.covariance[1, 1])

    def interval_eV(self, level: float = 0.95) -> tuple[float, float]:
        """Confidence interval of the activation energy: Student's t with n - 2 degrees of freedom.

        Of two temperatures with given errors, which are then taken as known, a normal distribution; without, nan.
        """
        reach = self._quantile(level) * self.standard_error_eV
        return self.activation_energy_eV - reach, self.activation_energy_eV + reach

    def prefactor_interval(self, level: float = 0.95) -> tuple[float, float]:
        """Confidence interval of A."""
        reach = self._quantile(level) * math.sqrt(self.covariance[0, 0])
        return math.exp(self.log_prefactor - reach), math.exp(self.log_prefactor + reach)

    def _quantile(self, level: float) -> float:
        if not 0.0 < level < 1.0:
            raise InputError(f"level = {level!r}: must lie between 0 and 1")
        freedom = len(self.value) - 2
        return float(stdtrit(freedom, 0.5 * (1.0 + level)) if freedom else ndtri(0.5 * (1.0 + level)))

    def predict(self, temperature_K: float, level: float = 0.95) -> tuple[float, tuple[float, float]]:
        """Value of the law at a temperature, in the caller's unit, with its confidence interval."""
        value, low, high = (float(v[0]) for v in self.band([temperature_K], level))
        return value, (low, high)

    def band(self, temperature_K: ArrayLike, level: float = 0.95) -> tuple[Real, Real, Real]:
        """Value of the law and both ends of its interval at temperatures [K], in the caller's unit.

        Raises
        ------
        InputError
            If a temperature is not positive.
        """
        t = np.atleast_1d(np.asarray(temperature_K, float))
        if not np.all(np.isfinite(t) & (t > 0)):
            raise InputError(f"temperature_K = {temperature_K!r}: must be finite and positive")
        x = np.stack([np.ones(len(t)), -1.0 / (_K * t)], axis=1)
        y = x @ [self.log_prefactor, self.activation_energy_eV] - (np.log(t) if self.form == "sigma T" else 0.0)
        reach = self._quantile(level) * np.sqrt(np.einsum("ni,ij,nj->n", x, self.covariance, x))
        sign = 1.0 if self.quantity == "conductance" else -1.0
        middle, one, other = (np.exp(sign * v) for v in (y, y - reach, y + reach))
        return middle, np.minimum(one, other), np.maximum(one, other)

    def law(self, reference_temperature_K: float = 298.15, *, factor: float = 1.0) -> Activated:
        """The law as `aspot.laws` has it: the conductance at the reference temperature times `factor` (to SI).

        Raises
        ------
        InputError
            If the activation energy is negative.
        """
        value = self.predict(reference_temperature_K)[0]
        return Activated(
            value=factor * (value if self.quantity == "conductance" else 1.0 / value),
            activation_energy_J=self.activation_energy_eV * elementary_charge,
            reference_temperature_K=reference_temperature_K,
            form=self.form,
        )

    @property
    def follows_arrhenius(self) -> bool | None:
        """Whether the data are as straight as their scatter lets one see; None for fewer than 4 temperatures."""
        return None if self.curvature is None else not self.curvature.is_significant

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """What speaks against the law, in words."""
        out = []
        if self.curvature is not None and self.curvature.is_significant:
            c = self.curvature
            out.append(
                f"ln({self.form}) over 1/T is curved (p = {c.p_value:.2g}): from {c.cold_eV:.3f} eV at "
                f"{self.temperature_K[0]:.0f} K to {c.hot_eV:.3f} eV at {self.temperature_K[-1]:.0f} K"
            )
        if self.curvature is None:
            out.append("fewer than 4 temperatures: whether the Arrhenius law holds cannot be seen")
        return tuple(out)

    def to_dict(self) -> dict[str, Any]:
        """What people quote, of what JSON can hold."""
        return {
            "name": self.name,
            "form": self.form,
            "activation_energy_eV": self.activation_energy_eV,
            "interval_eV": list(self.interval_eV()),
            "activation_energy_kJ_per_mol": self.activation_energy_kJ_per_mol,
            "prefactor": self.prefactor,
            "prefactor_interval": list(self.prefactor_interval()),
            "scatter": self.scatter,
            "temperatures_K": self.temperature_K.tolist(),
            "curvature_p_value": None if self.curvature is None else self.curvature.p_value,
            "warnings": list(self.warnings),
        }

    def __str__(self) -> str:
        low, high = self.interval_eV()
        name = f"{self.name}: " if self.name else ""
        return (
            f"{name}Ea = {self.activation_energy_eV:.3f} eV [{low:.3f}, {high:.3f}] "
            f"({self.activation_energy_kJ_per_mol:.1f} kJ/mol), {self.form}, {len(self.value)} temperatures"
        )


def fit_arrhenius(
    temperature_K: ArrayLike,
    value: ArrayLike,
    *,
    quantity: Quantity = "resistance",
    form: Form = "sigma",
    relative_errors: ArrayLike | None = None,
    name: str = "",
) -> ArrheniusFit:
    """Weighted regression of ln g or ln(g T) on 1/kT.

    Points count by 1/(e^2 + s^2), e being their given relative errors and s the common scatter that the points
    themselves show about the line; s is 0 if the given errors explain it (R. C. Paule and J. Mandel (1982), doi
    10.6028/jres.087.022). Without errors this is plain least squares.

    Parameters
    ----------
    temperature_K : (n,) array_like
        At least two different ones.
    value : (n,) array_like
        Positive, in any unit.
    quantity : "resistance" or "conductance"
        What the values are; everything that grows with temperature like a conductivity is a "conductance".
    form : "sigma" or "sigma T"
        Whether g or g T follows the exponential.
    relative_errors : (n,) array_like, optional
        Standard errors of the values, relative to them.
    name : str
        For people.

    Returns
    -------
    ArrheniusFit

    Raises
    ------
    InputError
        If shapes differ, values are not positive, or there are fewer than two different temperatures.
    """
    t, v = (np.atleast_1d(np.asarray(x, float)) for x in (temperature_K, value))
    error = None if relative_errors is None else np.atleast_1d(np.asarray(relative_errors, float))
    what = f"Arrhenius fit{f' of {name}' if name else ''}"
    if quantity not in _QUANTITIES or form not in _FORMS:
        key, got, allowed = (
            ("form", form, _FORMS) if form not in _FORMS else ("quantity", quantity, _QUANTITIES)
        )  # fmt: skip
        raise InputError(f"{key} = {got!r}: allowed are {allowed[0]!r} and {allowed[1]!r}")
    if t.ndim != 1 or v.shape != t.shape or (error is not None and error.shape != t.shape):
        raise InputError(f"{what}: temperatures, values and errors must be lists of one length")
    for label, numbers in (("temperature_K", t), ("value", v), ("relative_errors", error)):
        if numbers is not None and not np.all(np.isfinite(numbers) & (numbers > 0)):
            raise InputError(f"{what}: {label} must be finite and positive")
    if len(np.unique(t)) < 2:
        raise InputError(f"{what}: at least two different temperatures are needed, got {len(np.unique(t))}")
    order = np.argsort(t, kind="stable")
    t, v = t[order], v[order]
    error = None if error is None else error[order]
    y = (1.0 if quantity == "conductance" else -1.0) * np.log(v) + (np.log(t) if form == "sigma T" else 0.0)
    x = -1.0 / (_K * t)
    middle = float(x.mean())
    # About the middle the two parameters hardly depend on each other: no digits are lost.
    (height, energy), centred, scatter = _regression(np.stack([np.ones(len(t)), x - middle], axis=1), y, error)
    back = np.array([[1.0, -middle], [0.0, 1.0]])
    return ArrheniusFit(
        temperature_K=t,
        value=v,
        relative_errors=error,
        quantity=quantity,
        form=form,
        activation_energy_eV=float(energy),
        log_prefactor=float(height - energy * middle),
        covariance=back @ centred @ back.T,
        scatter=scatter,
        curvature=_curvature(x - middle, y, error),
        name=name,
    )


def _curvature(x: Real, y: Real, error: Real | None) -> Curvature | None:
    if len(np.unique(x)) < 4:
        return None
    size = float(np.max(np.abs(x)))
    u = x / size
    (_, slope, bend), covariance, _ = _regression(np.stack([np.ones(len(u)), u, u * u], axis=1), y, error)
    deviation = math.sqrt(covariance[2, 2])
    # Straight to the last digit: rounding is no curvature.
    rounding = 1e-13 * float(np.max(np.abs(y)) + 1.0)
    ratio = abs(bend) / max(deviation, rounding)
    cold, hot = ((slope + 2.0 * bend * end) / size for end in (u[0], u[-1]))
    return Curvature(p_value=float(2.0 * stdtr(len(u) - 3, -ratio)), cold_eV=float(cold), hot_eV=float(hot))


def _regression(x: Real, y: Real, error: Real | None) -> tuple[Real, Real, float]:
    """Coefficients, their covariance, and the scatter beyond the errors."""
    freedom = len(y) - x.shape[1]
    if error is None:
        coefficients, covariance = _weighted(x, y, np.ones(len(y)))
        if freedom == 0:
            return coefficients, np.full_like(covariance, np.nan), 0.0
        scatter = math.sqrt(float(np.sum((y - x @ coefficients) ** 2)) / freedom)
        return coefficients, covariance * scatter**2, scatter

    def excess(scatter: float) -> float:
        variance = error**2 + scatter**2
        coefficients, _ = _weighted(x, y, variance)
        return float(np.sum((y - x @ coefficients) ** 2 / variance)) - freedom

    scatter = 0.0
    if freedom > 0 and excess(0.0) > 0.0:
        most = float(np.ptp(y)) + 1.0
        while excess(most) > 0.0:
            most *= 10.0
        scatter = float(brentq(excess, 0.0, most, xtol=1e-12 * most, rtol=1e-9))
    coefficients, covariance = _weighted(x, y, error**2 + scatter**2)
    return coefficients, covariance, scatter


def _weighted(x: Real, y: Real, variance: Real) -> tuple[Real, Real]:
    """Least squares with weights 1/variance: coefficients and covariance."""
    root = 1.0 / np.sqrt(variance)
    q, r = np.linalg.qr(x * root[:, None])
    inverse = np.linalg.inv(r)
    return inverse @ (q.T @ (y * root)), inverse @ inverse.T
