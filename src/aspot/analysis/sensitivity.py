"""Exact derivatives of the spectrum with respect to every parameter of the laws, from the solution alone.

The admittance is stationary with respect to the field: Y = sum_q theta_q x^T A_q x has dY/dx = 0 at the solution. Hence
dY/dp = sum_q (dtheta_q/dp) x^T A_q x, with no further solve. Here the laws are evaluated at p + h and p - h while the
energies x^T A_q x stay as they are; what is left is the error of that difference of closed formulas, about 1e-8.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.constants import Boltzmann, elementary_charge

from aspot.cell import Cell
from aspot.compose import SolvedCell, SolvedInterface
from aspot.errors import InputError
from aspot.interface import InterfaceProblem
from aspot.plan import Plan, plan
from aspot.result import Result
from aspot.variation import restated, theta_of

_STEP = 1e-4
_OHM_CM2 = 1e4


@dataclass(frozen=True)
class _Stationary(SolvedInterface):
    """An interface under other laws, in the field of the old ones."""

    changed: InterfaceProblem | None = None

    def impedance(self, omega: NDArray[np.float64]) -> NDArray[np.complex128]:
        assert self.changed is not None
        problem = self.reduced.problem
        theta = theta_of(problem, self.changed, omega)
        return np.asarray(problem.area_m2 / np.sum(theta * self.reduced.energies(omega), axis=0))

    def excess(self, omega: NDArray[np.float64]) -> NDArray[np.complex128]:
        assert self.changed is not None
        kappa = self.changed.electrolyte(omega, self.changed.temperature_K)
        return self.impedance(omega) - self.changed.depth_m / kappa


def _under(solved: SolvedCell, p: Plan) -> SolvedCell:
    """The solved cell with the laws of another plan of the same geometry, in the old field."""
    return restated(solved, p, lambda s, changed: _Stationary(s.interface, s.discrete, s.reduced, changed))


def _value(cell: Cell, path: str) -> float:
    table: Any = cell.resolved()
    for key in path.split("."):
        if not isinstance(table, dict) or key not in table:
            raise InputError(f"{path}: the case has no such parameter")
        table = table[key]
    if isinstance(table, bool) or not isinstance(table, (int, float)):
        raise InputError(f"{path} = {table!r}: not a number")
    return float(table)


def _pair(result: Result, path: str) -> tuple[SolvedCell, SolvedCell, float]:
    """The solved cell at p + h and p - h, and 2 h."""
    if not isinstance(result.model, SolvedCell):
        raise InputError("sensitivities: the result has no model; it must come from simulate")
    value = _value(result.cell, path)
    step = _STEP * (abs(value) or 1.0)
    plus, minus = (_under(result.model, plan(result.cell.with_(**{path: value + s}))) for s in (step, -step))
    return plus, minus, 2.0 * step


def sensitivities(result: Result, parameters: Sequence[str]) -> dict[str, NDArray[np.complex128]]:
    """dZ/dp at every frequency of the spectrum.

    Parameters
    ----------
    result : Result
    parameters : sequence of str
        Dotted keys of the case that belong to laws ("electrolyte.conductivity",
        "working_electrode.contact.charge_transfer_resistance", "working_electrode.gap.thickness", "temperature", ...).

    Returns
    -------
    dict of str to (m,) complex
        [ohm cm2 per SI unit of the parameter]

    Raises
    ------
    InputError
        If a parameter does not exist, is no number, or changes the geometry.
    """
    omega = 2.0 * np.pi * result.spectrum.frequency_Hz
    out = {}
    for path in parameters:
        plus, minus, width = _pair(result, path)
        out[path] = (plus.impedance(omega) - minus.impedance(omega)) * (_OHM_CM2 / width)
    return out


@dataclass(frozen=True, kw_only=True)
class ActivationEnergies:
    """Apparent activation energies, d ln R / d(1/kT) [eV].

    Parameters
    ----------
    total, SE, int_ : float
        Of R_total, R_SE and R_int; `int_` is nan if there is no interface resistance.
    spectrum : (m,) complex
        d ln Z / d(1/kT) at every frequency: the real part is what a plot of ln|Z| against 1/kT shows.
    shares : dict of str to float
        The weights that make `total`: share of each part in R_total, the electrolyte split into bulk and boundaries.
    """

    total: float
    SE: float
    int_: float
    spectrum: NDArray[np.complex128]
    shares: dict[str, float]


def activation_energies(result: Result) -> ActivationEnergies:
    """Apparent activation energies at the temperature of the result, exact and without further solves.

    For parts in series that follow Arrhenius laws of their own, the energy of the whole is their mean, weighted with
    the shares in the resistance. R_cc has the energy of the electrolyte around the contacts.
    """
    plus, minus, width = _pair(result, "temperature")
    temperature = result.cell.temperature
    zero = np.zeros(1)

    def energy(high: complex, low: complex) -> complex:
        # d ln R / d(1/kT) = -k T^2 d ln R / dT
        return -Boltzmann * temperature**2 * 2.0 * (high - low) / (high + low) / width / elementary_charge

    def direct(model: SolvedCell) -> tuple[float, float]:
        total = float(np.real(model.impedance(zero)[0]))
        sigma = float(np.real(model.plan.electrolyte(zero, model.plan.cell.temperature)[0]))
        return total, model.slab_length_m / sigma

    (total_high, se_high), (total_low, se_low) = direct(plus), direct(minus)
    omega = 2.0 * np.pi * result.spectrum.frequency_Hz
    high, low = plus.impedance(omega), minus.impedance(omega)
    r = result.resistances
    parts = {name: value / r.total for name, value in r.parts.items() if name != "SE"}
    parts |= {f"SE {name}": value / r.total for name, value in r.split.items()}
    has_interface = r.int_ > 1e-9 * r.total
    return ActivationEnergies(
        total=float(np.real(energy(total_high, total_low))),
        SE=float(np.real(energy(se_high, se_low))),
        int_=float(np.real(energy(total_high - se_high, total_low - se_low))) if has_interface else float("nan"),
        spectrum=np.array([energy(a, b) for a, b in zip(high, low, strict=True)]),
        shares=parts,
    )
