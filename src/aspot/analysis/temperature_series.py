"""A circuit fitted to spectra at several temperatures, arcs followed from one to the next, and activation energies.

With temperature the arcs move through the measured window: those of grain boundaries leave it on the fast side when it
gets warm, those of interfaces on the slow side when it gets cold. A fit of the whole circuit would then put two members
into one arc, and the labels would change places. Here the fits begin at the temperature where the spectrum fixes the
circuit best and go from there to both sides; what the fits so far predict for the next temperature says which arc is
which and which has left the window.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy.constants import Boltzmann, elementary_charge

from aspot.analysis.arrhenius import ArrheniusFit, Form, fit_arrhenius
from aspot.analysis.circuit_fit import fit_circuit
from aspot.analysis.circuit_text import circuit as read_circuit
from aspot.analysis.circuits import ArcElements, Circuit, R, arcs_of, in_series, series, without
from aspot.analysis.fitted_circuit import CircuitFit, FittedArc
from aspot.errors import InputError
from aspot.spectrum import Spectrum

#: Boltzmann's constant [eV/K].
_K = Boltzmann / elementary_charge

#: Slope of ln R and ln tau over 1/kT that is expected before two temperatures have shown it, and its largest [eV].
_USUAL_EV, _LARGEST_EV = 0.35, 1.5
#: An arc may lie off its prediction by this factor, and more by this energy while its slope is not known.
_OFF, _OFF_EV = 4.0, 0.35
#: An arc whose apex is predicted within this factor of an end of the window may be missing.
_EDGE = 2.0
#: A value known no better than this, relatively, is not used.
_USABLE = 0.5


@dataclass(frozen=True, kw_only=True, eq=False)
class TemperatureSeries:
    """Fits of one circuit over temperature; made by `fit_temperatures`.

    Parameters
    ----------
    circuit : Circuit
    fits : tuple of CircuitFit
        In ascending temperature. Where an arc comes to an end of the window, its Q and n are held at what other
        temperatures predict; where it is outside, the circuit of the fit lacks its element, or keeps its resistance or
        its capacitance alone.
    held_errors : tuple of mapping of str to float
        Relative errors of the parameters of each fit that come from those that were held, beyond `relative_errors`.
    notes : tuple of str
        What is missing where, in words.
    """

    circuit: Circuit
    fits: tuple[CircuitFit, ...]
    held_errors: tuple[Mapping[str, float], ...]
    notes: tuple[str, ...]

    @property
    def temperature_K(self) -> tuple[float, ...]:
        """Of the fits."""
        return tuple(fit.spectrum.temperature_K for fit in self.fits)

    def values(self, name: str) -> tuple[list[float], list[float], list[float]]:
        """Temperatures, values and relative standard errors of a parameter, where it is known to better than half.

        Raises
        ------
        InputError
            If the circuit has no such parameter.
        """
        if name not in self.circuit.names:
            raise InputError(f"{name}: no such parameter; there are {', '.join(self.circuit.names)}")
        rows = [
            (fit.spectrum.temperature_K, fit[name], math.hypot(fit.relative_errors[name], held.get(name, 0.0)))
            for fit, held in zip(self.fits, self.held_errors, strict=True)
            if self._is_usable(fit, name)
        ]
        t, v, e = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])
        return t, v, e

    def _is_usable(self, fit: CircuitFit, name: str) -> bool:
        if name not in fit.estimate.names or not fit.is_determined(name) or name in fit.estimate.at_bound:
            return False
        # A series resistance that has swallowed an arc is another quantity.
        lost = len(fit.circuit.names) < len(self.circuit.names) and any(
            a.resistance.name_of("R") not in fit.circuit.names and not set(a.names) & set(fit.circuit.names)
            for a in arcs_of(self.circuit)
        )
        bare = name in {e.name_of("R") for e in in_series(self.circuit) if isinstance(e, R)}
        return fit.relative_errors[name] < _USABLE and not (lost and bare)

    def arrhenius(self, name: str, form: Form = "sigma") -> ArrheniusFit:
        """Arrhenius law of one resistance.

        Parameters
        ----------
        name : str
            "R_GB"; of other parameters only those that fall with temperature as a resistance does mean anything.
        form : "sigma" or "sigma T"

        Raises
        ------
        InputError
            If there is no such parameter, or it is known at fewer than two temperatures.
        """
        t, v, e = self.values(name)
        if len(set(t)) < 2:
            raise InputError(f"{name}: known at {len(set(t))} of {len(self.fits)} temperatures, two are needed")
        # A fixed value, or a fit to the last digit, is not known without error.
        return fit_arrhenius(t, v, relative_errors=np.maximum(e, 1e-9), form=form, name=name)

    def energies(self, form: Form = "sigma") -> dict[str, ArrheniusFit]:
        """Arrhenius law of every resistance that is known at two temperatures at least."""
        names = [p.name for p in self.circuit.parameters if p.kind == "resistance"]
        return {name: self.arrhenius(name, form) for name in names if len(set(self.values(name)[0])) > 1}

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """Notes, and what the single fits warn of, with the temperature."""
        return (*self.notes, *(f"{fit.spectrum.temperature_K:.4g} K: {w}" for fit in self.fits for w in fit.warnings))


def fit_temperatures(spectra: Sequence[Spectrum], circuit: str | Circuit, **settings: Any) -> TemperatureSeries:
    """Fit a circuit to spectra at several temperatures and follow its arcs.

    Parameters
    ----------
    spectra : sequence of Spectrum
        Computed or measured, in any order; their temperatures count.
    circuit : str or Circuit
        As for `fit_circuit`; arcs in the order of frequency, as in "R-(RQ)_GB-(RQ)_Int".
    **settings
        As for `fit_circuit`, without `start` and `starts`.

    Returns
    -------
    TemperatureSeries

    Raises
    ------
    InputError
        If there are no two different temperatures, or the circuit cannot be read.
    """
    c = read_circuit(circuit)
    unknown = {"start", "starts"} & settings.keys()
    if unknown:
        raise InputError(f"{sorted(unknown)[0]}: is chosen from one temperature to the next")
    ordered = sorted(spectra, key=lambda s: s.temperature_K)
    if len({s.temperature_K for s in ordered}) < 2:
        raise InputError("temperature series: at least two different temperatures are needed")
    alone = [fit_circuit(s, c, **settings) for s in ordered]
    first = min(range(len(alone)), key=lambda k: _doubt(alone[k]))
    found = {first: _Found(fit=alone[first], held={})}
    for path in (range(first + 1, len(ordered)), range(first - 1, -1, -1)):
        for k in path:
            found[k] = _next(c, ordered[k], alone[k], [one.fit for one in found.values()], settings)
    followed = tuple(found[k].fit for k in range(len(ordered)))
    held = tuple(found[k].held for k in range(len(ordered)))
    return TemperatureSeries(
        circuit=c, fits=followed, held_errors=held, notes=tuple(_notes(c, followed, settings.get("fixed") or {}))
    )


def activation_energies_of(
    spectra: Sequence[Spectrum], circuit: str | Circuit, *, form: Form = "sigma", **settings: Any
) -> dict[str, ArrheniusFit]:
    """Activation energy of every resistance of a circuit from spectra at several temperatures.

    Parameters
    ----------
    spectra, circuit, **settings
        As for `fit_temperatures`, which also gives the fits behind the energies.
    form : "sigma" or "sigma T"

    Returns
    -------
    dict of str to ArrheniusFit
        By the name of the resistance.
    """
    return fit_temperatures(spectra, circuit, **settings).energies(form)


def _doubt(fit: CircuitFit) -> tuple[int, float]:
    """How little a fit is to be trusted as the first: parameters at bounds or unknown, then the largest error."""
    e = fit.estimate
    poor = sum(name in e.at_bound or not fit.is_determined(name) for name in e.names)
    f = fit.spectrum.frequency_Hz
    outside = sum(not f[-1] <= arc.apex_frequency_Hz <= f[0] for arc in fit.arcs)
    return poor + outside, float(np.max(e.scaled_errors))


@dataclass(frozen=True, kw_only=True)
class _Found:
    """A fit, and the relative errors of its parameters that come from those that were held."""

    fit: CircuitFit
    held: dict[str, float]


def _next(
    c: Circuit, spectrum: Spectrum, alone: CircuitFit, fits: Sequence[CircuitFit], settings: Mapping[str, Any]
) -> _Found:
    """The fit at the next temperature: of the whole circuit, or of what is left of it in the window."""
    beta = 1.0 / (_K * spectrum.temperature_K)
    predicted = {a.label: _predicted(a, beta, fits) for a in arcs_of(c)}
    nearest = min(fits, key=lambda fit: abs(1.0 / fit.spectrum.temperature_K - 1.0 / spectrum.temperature_K))
    tried = [_Found(fit=alone, held={})] if _agrees(alone, predicted, beta, nearest) else []
    for variant, held in _variants(c, predicted, spectrum):
        own, start = _for(variant, settings), _start(variant, predicted, nearest)

        def fitted(
            values: Mapping[str, float], variant: Circuit = variant, held: tuple[str, ...] = held, own: Any = own
        ) -> CircuitFit:
            fixed = {name: values[name] for name in held if name not in own["bounds"]} | own["fixed"]
            return fit_circuit(spectrum, variant, start=values, starts=1, **{**own, "fixed": fixed})

        fit = fitted(start)
        if _agrees(fit, predicted, beta, nearest):
            tried.append(_Found(fit=fit, held=_errors_of_held(fit, variant, predicted, held, fitted)))
    # Where nothing agrees with what was seen before, the spectrum by itself is all there is.
    return min(tried, key=lambda found: found.fit.bic) if tried else _Found(fit=alone, held={})


def _errors_of_held(
    fit: CircuitFit,
    variant: Circuit,
    predicted: Mapping[str, _Predicted | None],
    held: tuple[str, ...],
    fitted: Callable[[Mapping[str, float]], CircuitFit],
) -> dict[str, float]:
    """What the free parameters move, relatively, if what is held is off by its standard error; in root sum square."""
    moved = dict.fromkeys(fit.estimate.names, 0.0)
    for one in arcs_of(variant):
        expected = predicted.get(one.label)
        if expected is None or not set(one.names[1:]) & set(held):
            continue
        for other in expected.shifted():
            values = {**fit.values, **{name: v for name, v in other.values(one).items() if name in held}}
            again = fitted(values)
            for name in moved:
                moved[name] = math.hypot(moved[name], math.log(again[name] / fit[name]))
    return moved


def _for(variant: Circuit, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of the parameters that a circuit has."""
    own = {
        key: {name: value for name, value in (settings.get(key) or {}).items() if name in variant.names}
        for key in ("bounds", "fixed")
    }
    return {**settings, **own}


@dataclass(frozen=True, kw_only=True)
class _Predicted:
    """What an arc should be at a temperature; its slopes are known once two temperatures have shown them."""

    resistance: float
    time: float
    is_slope_known: bool
    capacitance: float
    capacitance_error: float
    exponent: float
    exponent_error: float

    def values(self, arc: ArcElements) -> dict[str, float]:
        """R, Q (or C) and n by name."""
        n = self.exponent if len(arc.names) == 3 else 1.0
        prefactor = self.capacitance**n * self.resistance ** (n - 1.0)
        return dict(zip(arc.names, (self.resistance, prefactor, n), strict=False))

    def shifted(self) -> list[_Predicted]:
        """The same with the capacitance, or the exponent, one standard error higher (an exponent lower)."""
        return [
            replace(self, capacitance=self.capacitance * math.exp(self.capacitance_error)),
            replace(self, exponent=max(self.exponent - self.exponent_error, 0.2)),
        ]


def _predicted(arc: ArcElements, beta: float, fits: Sequence[CircuitFit]) -> _Predicted | None:
    """From the fits so far: ln R straight over 1/kT, capacitance and exponent the same at all temperatures.

    None if no fit has the arc.
    """
    seen = [(1.0 / (_K * f.spectrum.temperature_K), f, found) for f in fits if (found := _arc(f, arc.label))]
    free = [(f, found) for _, f, found in seen if set(arc.names) <= set(f.estimate.names)]
    if not free:
        return None
    # The nearest three: far ones say little of what comes next if the law is curved.
    seen.sort(key=lambda one: abs(one[0] - beta))
    x = np.array([b for b, _, _ in seen[:3]])
    y = np.log([found.resistance_ohm_cm2 for _, _, found in seen[:3]])
    spread = x - x.mean()
    slope = float(spread @ y / (spread @ spread)) if np.ptp(x) > 0 else _USUAL_EV
    resistance = math.exp(float(y.mean() + np.clip(slope, 0.0, _LARGEST_EV) * (beta - x.mean())))
    capacitance, capacitance_error = _mean(
        [math.log(found.capacitance_F_per_cm2) for _, found in free],
        [math.log(np.divide(*found.intervals["capacitance_F_per_cm2"][::-1])) / 4.0 for _, found in free],
    )
    exponents = [f.relative_errors[arc.names[2]] * found.cpe_exponent for f, found in free] if arc.names[2:] else []
    exponent, exponent_error = _mean([found.cpe_exponent for _, found in free], exponents) if exponents else (1.0, 0.0)
    return _Predicted(
        resistance=resistance,
        time=resistance * math.exp(capacitance),
        is_slope_known=bool(np.ptp(x) > 0),
        capacitance=math.exp(capacitance),
        capacitance_error=capacitance_error,
        exponent=exponent,
        exponent_error=exponent_error,
    )


def _mean(values: Sequence[float], errors: Sequence[float]) -> tuple[float, float]:
    """Weighted mean, and its error with the scatter of the values about it."""
    v, weight = np.array(values), 1.0 / np.maximum(np.array(errors), 1e-6) ** 2
    mean = float(weight @ v / weight.sum())
    scatter = float(weight @ (v - mean) ** 2 / weight.sum())
    return mean, math.sqrt(1.0 / float(weight.sum()) + scatter)


def _arc(fit: CircuitFit, label: str) -> FittedArc | None:
    """The arc of a label, if the fit knows its resistance."""
    for arc, one in zip(fit.arcs, arcs_of(fit.circuit), strict=True):
        if arc.label == label and fit.is_determined(one.names[0]) and fit.relative_errors[one.names[0]] < _USABLE:
            return arc
    return None


def _agrees(fit: CircuitFit, predicted: Mapping[str, _Predicted | None], beta: float, nearest: CircuitFit) -> bool:
    """Whether every arc lies where it was predicted."""
    step = abs(beta - 1.0 / (_K * nearest.spectrum.temperature_K))
    for arc in fit.arcs:
        expected = predicted.get(arc.label)
        if expected is None:
            continue
        room = math.log(_OFF) + (0.0 if expected.is_slope_known else _OFF_EV * step)
        if abs(math.log(2.0 * math.pi * arc.apex_frequency_Hz * expected.time)) > room:
            return False
    return True


def _variants(
    c: Circuit, predicted: Mapping[str, _Predicted | None], spectrum: Spectrum
) -> list[tuple[Circuit, tuple[str, ...]]]:
    """Circuits that may fit, each with the parameters that are held at their predicted values.

    The whole circuit; the same with Q and n held of arcs that have the apex near an end of the window or beyond, where
    one flank cannot tell R from Q and n; and without such arcs, on either side the farthest first.
    """
    f = spectrum.frequency_Hz
    known = [(1.0 / (2.0 * math.pi * p.time), one) for one in arcs_of(c) if (p := predicted[one.label]) is not None]
    fast = sorted((pair for pair in known if pair[0] > f[0] / _EDGE), key=lambda pair: -pair[0])
    slow = sorted((pair for pair in known if pair[0] < _EDGE * f[-1]), key=lambda pair: pair[0])
    found: list[tuple[Circuit, tuple[str, ...]]] = [(c, ())]
    for n_fast, n_slow in itertools.product(range(len(fast) + 1), range(len(slow) + 1)):
        variant = c
        for _, one in fast[:n_fast]:
            variant = _reduced(variant, one, is_fast=True)
        for _, one in slow[:n_slow]:
            variant = _reduced(variant, one, is_fast=False)
        held = tuple(name for _, one in (*fast[n_fast:], *slow[n_slow:]) for name in one.names[1:])
        if held or variant != c:
            found.append((variant, held))
    return found


def _reduced(c: Circuit, arc: ArcElements, *, is_fast: bool) -> Circuit:
    """The circuit as it looks in a window far below the arc, or far above it."""
    if is_fast and any(isinstance(m, R) for m in in_series(c)):
        return without(c, arc.group)
    left: Circuit = arc.resistance if is_fast else arc.capacitive
    return series(*(left if m == arc.group else m for m in in_series(c)))


def _start(variant: Circuit, predicted: Mapping[str, _Predicted | None], nearest: CircuitFit) -> dict[str, float]:
    """Starting values: arcs as predicted, all else as at the nearest temperature."""
    start = {name: nearest.values[name] for name in variant.names if name in nearest.values}
    for one in arcs_of(variant):
        expected = predicted.get(one.label)
        if expected is not None:
            start |= expected.values(one)
    return start


def _notes(c: Circuit, fits: Sequence[CircuitFit], fixed: Container[str]) -> list[str]:
    out = []
    for fit in fits:
        for one in arcs_of(c):
            lost = [name for name in one.names if name not in fit.circuit.names]
            if lost:
                inside = (
                    "its resistance is in the one in series" if len(lost) == len(one.names) else "one flank is left"
                )
                out.append(
                    f"{fit.spectrum.temperature_K:.4g} K: the arc {one.label} is outside the measured frequencies "
                    f"({inside}): no {', '.join(lost)}"
                )
            held = [name for name in one.names if name in fit.fixed and name not in fixed]
            if held:
                out.append(
                    f"{fit.spectrum.temperature_K:.4g} K: the arc {one.label} is at the end of the measured "
                    f"frequencies: {' and '.join(held)} held at what other temperatures predict"
                )
    return out
