"""Exact derivatives of the spectrum with respect to every parameter of the laws, from the solution alone.

The admittance is stationary with respect to the field: Y = sum_q theta_q x^T A_q x has dY/dx = 0 at the solution. Hence
dY/dp = sum_q (dtheta_q/dp) x^T A_q x, with no further solve. Here the laws are evaluated at p + h and p - h while the
energies x^T A_q x stay as they are; what is left is the error of that difference of closed formulas: about 1e-8, or
1e-4 at the end of what a key allows, where it has one side only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.constants import Boltzmann, elementary_charge

from aspot.analysis.shares import frequencies_of, parts_of_impedance
from aspot.compose import SolvedCell, SolvedInterface, model_of
from aspot.errors import InputError
from aspot.interface import InterfaceProblem
from aspot.plan import Plan, plan
from aspot.result import Result
from aspot.units import OHM_CM2
from aspot.variation import beside, restated, theta_of, value_at


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


def _pair(result: Result, path: str) -> tuple[SolvedCell, SolvedCell, float]:
    """The solved cell at p + h and p - h, and 2 h; at p itself on a side where the case allows no other value."""
    model, value = model_of(result), value_at(result.cell, path)
    if value is None:
        raise InputError(f"{path}: the case has no such number")
    (high, above), (low, below) = (beside(result.cell, path, value, sign) for sign in (1.0, -1.0))
    if not high > low:
        raise InputError(f"{path} = {value:g}: the case allows no value beside it")
    plus, minus = (_under(model, plan(cell)) for cell in (above, below))
    return plus, minus, high - low


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
        out[path] = (plus.impedance(omega) - minus.impedance(omega)) * (OHM_CM2 / width)
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


@dataclass(frozen=True, kw_only=True, eq=False)
class ActivationSpectrum:
    """Apparent activation energies against frequency, and the weights that make them [eV].

    Parameters
    ----------
    frequency_Hz : (m,) float
    energy : (m,) complex
        E(omega) = d ln Z/d(1/kT). Its real part is the slope of ln|Z| over 1/kT, its imaginary part that of the phase.
    interface : (m,) complex or None
        The same of the excess impedance Z(omega) - Z(omega; perfect contact), the interface arc; None without one.
    weights : dict of str to (m,) complex
        w_k = -d ln Z/d ln g_k by conductance g_k: energy = sum_k w_k E_k. What is missing from sum_k w_k = 1 belongs to
        the capacitances, which are not activated.
    interface_weights : dict of str to (m,) complex
        The same of the excess impedance; empty without one.
    energies : dict of str to float
        E_k = -d ln g_k/d(1/kT) of every conductance at the temperature of the cell ("bulk", "grain_boundaries",
        "charge_transfer", "interphase", layers, ...; " (counter)" marks those of a different counter electrode).
    """

    frequency_Hz: NDArray[np.float64]
    energy: NDArray[np.complex128]
    interface: NDArray[np.complex128] | None
    weights: dict[str, NDArray[np.complex128]]
    interface_weights: dict[str, NDArray[np.complex128]]
    energies: dict[str, float]


def activation_spectrum(source: Result | SolvedCell, frequency_Hz: ArrayLike | None = None) -> ActivationSpectrum:
    """Apparent activation energy at every frequency, exact, from the solution alone.

    Z is homogeneous of degree -1 in all admittances and stationary with respect to the field, so that it follows the
    conductances g_k with the weights w_k = (Z_k/Z) g_k/y_k, where Z_k is what the element k of admittance
    y_k = g_k + Q (j omega)^n owns of Z (see `aspot.analysis.shares`). At omega = 0 these are the shares in the
    resistance: the energy is the mean of those of the parts. Above the frequency at which the capacitance of an element
    shorts it, its energy no longer counts. So grain boundaries lend the interface arc part of their energy at low
    frequency (Ortmann et al. 2022, doi 10.1002/aenm.202202712: between bulk and boundaries), and none at high.

    Parameters
    ----------
    source : Result or SolvedCell
        A result of `simulate`, or `aspot.parametric.Family.model` for other parameters.
    frequency_Hz : (m,) float, optional
        Default: those of the cell; 0 is direct current.

    Returns
    -------
    ActivationSpectrum

    Raises
    ------
    InputError
        If the result has no model, or a frequency is negative or not finite.

    Examples
    --------
    The interface of an ideal contact on ever smaller grains, from bulk (0.26 eV) towards boundaries (0.36 eV):

    >>> import aspot
    >>> from aspot.parametric import Family
    >>> boundaries = {"grain_size": "1 um", "resistance": "0.01 ohm cm^2", "activation_energy": "0.36 eV"}
    >>> cell = aspot.Cell(
    ...     electrolyte={
    ...         "thickness": "2 mm", "conductivity": "14 mS/cm", "activation_energy": "0.26 eV",
    ...         "arrhenius": "sigma", "grain_boundaries": boundaries,
    ...     },
    ...     working_electrode={
    ...         "morphology": {"kind": "spots", "arrangement": "single", "radius": "40 um", "contact_fraction": 0.02},
    ...     },
    ... )
    >>> family = Family(aspot.simulate(cell))
    >>> for size in ("10 um", "1 um", "100 nm"):
    ...     model = family.model(**{"electrolyte.grain_boundaries.grain_size": size})
    ...     print(f"{activation_spectrum(model, np.zeros(1)).interface[0].real:.3f} eV")
    0.272 eV
    0.318 eV
    0.353 eV
    """
    model = model_of(source)
    frequencies = frequencies_of(model, frequency_Hz)
    omega = 2.0 * np.pi * frequencies
    z, perfect = model.impedance(omega), model.perfect(omega)
    parts = [part for part in parts_of_impedance(model, omega) if part.conduction.any()]
    bulk = {part.name: part for part in parts if part.owner == "SE"}
    known = np.sum([p.impedance for p in bulk.values()], axis=0)
    taken: dict[str, NDArray[np.complex128]] = {}
    excess: dict[str, NDArray[np.complex128]] = {}
    energies: dict[str, float] = {}
    for part in parts:
        name = part.name
        if abs(energies.get(name, part.activation_energy) - part.activation_energy) > 1e-6:
            name = f"{name} ({part.side})"
        energies.setdefault(name, part.activation_energy)
        here = part.impedance * part.conduction
        taken[name] = taken.get(name, 0.0) + here
        # With perfect contact the electrolyte alone is left, all of it in proportion to its parts in SE.
        lost = perfect / known * here if part.owner == "SE" else 0.0
        excess[name] = excess.get(name, 0.0) + here - lost
    rest = z - perfect
    has_interface = bool(np.all(np.abs(rest) > 1e-9 * np.abs(z)))
    weights = {name: value / z for name, value in taken.items()}
    inner = {name: value / rest for name, value in excess.items()} if has_interface else {}

    def mean(of: dict[str, NDArray[np.complex128]]) -> NDArray[np.complex128]:
        return np.asarray(np.sum([w * energies[name] for name, w in of.items()], axis=0))

    return ActivationSpectrum(
        frequency_Hz=frequencies,
        energy=mean(weights),
        interface=mean(inner) if has_interface else None,
        weights=weights,
        interface_weights=inner,
        energies=energies,
    )
