"""A circuit fitted to a spectrum: values, intervals, arcs, and in words what the spectrum does not fix."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aspot.analysis.circuits import ArcElements, Circuit, R, arcs_of, in_series
from aspot.analysis.estimation import Estimate, Profile
from aspot.errors import InputError
from aspot.spectrum import Spectrum

Complex = NDArray[np.complex128]

#: An interval whose ends differ by more than this factor (of an exponent: by more than this) determines nothing.
_WIDE_FACTOR, _WIDE_EXPONENT = 10.0, 0.4
#: Parameters with a correlation above this are known only together.
_TOGETHER = 0.995
#: Arcs whose apexes are closer than this factor are told apart by their shapes alone.
_CLOSE_APEXES = 3.0


@dataclass(frozen=True, kw_only=True)
class Arc:
    """One resistance parallel to a constant-phase element, Z = R / (1 + R Q (i omega)^n).

    Parameters
    ----------
    resistance_ohm_cm2 : float
    cpe_prefactor : float
        Q [F s^(n-1) / cm2].
    cpe_exponent : float
        n; 1 for a capacitance.
    """

    resistance_ohm_cm2: float
    cpe_prefactor: float
    cpe_exponent: float

    @property
    def apex_frequency_Hz(self) -> float:
        """Frequency of the top of the arc, (R Q)^(-1/n) / (2 pi) [Hz]."""
        return float((self.resistance_ohm_cm2 * self.cpe_prefactor) ** (-1.0 / self.cpe_exponent) / (2.0 * np.pi))

    @property
    def capacitance_F_per_cm2(self) -> float:
        """Capacitance that puts the apex of a semicircle of the same R at the same frequency, 1/(2 pi f R) [F/cm2].

        For one (RQ) element this is the formula of Hsu and Mansfeld (2001), doi 10.5006/1.3280607, for time constants
        that are distributed along the normal of the electrode.
        """
        return float(1.0 / (2.0 * np.pi * self.apex_frequency_Hz * self.resistance_ohm_cm2))

    def brug_capacitance_F_per_cm2(self, series_resistance_ohm_cm2: float) -> float:
        """Q^(1/n) (1/R_0 + 1/R)^((n-1)/n), for time constants distributed over the area of the electrode [F/cm2].

        G. J. Brug et al. (1984), doi 10.1016/S0022-0728(84)80324-1.
        """
        n = self.cpe_exponent
        conductance = 1.0 / series_resistance_ohm_cm2 + 1.0 / self.resistance_ohm_cm2
        return float(self.cpe_prefactor ** (1.0 / n) * conductance ** ((n - 1.0) / n))

    def impedance(self, frequency_Hz: ArrayLike) -> Complex:
        """Impedance of the arc alone [ohm cm2]."""
        rq = self.resistance_ohm_cm2 * self.cpe_prefactor
        jw = 2j * np.pi * np.asarray(frequency_Hz, float)
        return np.asarray(self.resistance_ohm_cm2 / (1.0 + rq * jw**self.cpe_exponent))


@dataclass(frozen=True, kw_only=True)
class FittedArc(Arc):
    """An (RQ) or (RC) member of a fitted circuit, with 95 % intervals.

    Parameters
    ----------
    label : str
        Of the resistance: "GB" of R_GB.
    brug_F_per_cm2 : float
        Capacitance after Brug with the resistances in series of the circuit as R_0; nan if it has none.
    intervals : dict of str to (float, float)
        Of "resistance_ohm_cm2", "apex_frequency_Hz", "capacitance_F_per_cm2" and "brug_F_per_cm2".
    """

    label: str
    brug_F_per_cm2: float
    intervals: dict[str, tuple[float, float]]


@dataclass(frozen=True, kw_only=True, eq=False)
class CircuitFit:
    """A circuit fitted to a spectrum; made by `fit_circuit`.

    Parameters
    ----------
    circuit : Circuit
    spectrum : Spectrum
        What was fitted.
    estimate : Estimate
        Of the free parameters: covariance, directions, profiles.
    fixed : dict of str to float
    weighting : str
        "modulus", "unit", "proportional" or "given".
    """

    circuit: Circuit
    spectrum: Spectrum
    estimate: Estimate
    fixed: dict[str, float]
    weighting: str

    @cached_property
    def values(self) -> dict[str, float]:
        """All parameters, fixed ones included, in the order of the circuit and the units of `units`."""
        found = dict(zip(self.estimate.names, self.estimate.values.tolist(), strict=True)) | self.fixed
        return {name: found[name] for name in self.circuit.names}

    def __getitem__(self, name: str) -> float:
        """Value of a parameter."""
        if name not in self.values:
            raise InputError(f"{name}: no such parameter; there are {', '.join(self.circuit.names)}")
        return self.values[name]

    @property
    def units(self) -> dict[str, str]:
        """Unit of every parameter."""
        return {p.name: p.unit for p in self.circuit.parameters}

    @property
    def _kinds(self) -> dict[str, str]:
        return {p.name: p.kind for p in self.circuit.parameters}

    @property
    def relative_errors(self) -> dict[str, float]:
        """Standard errors over values; 0 for fixed parameters."""
        e = self.estimate
        free = dict(zip(e.names, (e.standard_errors / e.values).tolist(), strict=True))
        return {name: free.get(name, 0.0) for name in self.circuit.names}

    def confidence_intervals(
        self, level: float = 0.95, *, method: Literal["asymptotic", "profile"] = "asymptotic"
    ) -> dict[str, tuple[float, float]]:
        """Intervals of the free parameters.

        Parameters
        ----------
        level : float
        method : "asymptotic" or "profile"
            From the linearised model, or from the profile likelihood: where that sets no end, it is the bound.

        Raises
        ------
        InputError
            If the level is not between 0 and 1 or the method is unknown.
        """
        if method == "asymptotic":
            return dict(zip(self.estimate.names, self.estimate.confidence_intervals(level), strict=True))
        if method == "profile":
            profiles = {name: self.profile(name, level) for name in self.estimate.names}
            return {name: (p.lower, p.upper) for name, p in profiles.items()}
        raise InputError(f"method = {method!r}: allowed are 'asymptotic' and 'profile'")

    def profile(self, name: str, level: float = 0.95) -> Profile:
        """Profile likelihood of a free parameter."""
        return self.estimate.profile(name, level)

    def interval_of(self, function: Callable[[Mapping[str, float]], float], level: float = 0.95) -> tuple[float, float]:
        """Interval of a positive quantity that follows from the parameters, by propagation in its logarithm.

        Parameters
        ----------
        function : callable
            All parameters by name -> positive number, such as `lambda p: p["R_GB"] + p["R_Int"]`.
        level : float
        """
        here = math.log(function(self.values))
        gradient = []
        for p, value in zip(self.estimate.parameters, self.estimate.values, strict=True):
            step = 1e-6 * (1.0 if p.scale == "log" else value)
            moved = float(value) * math.exp(-step) if p.scale == "log" else float(value) - step
            gradient.append((here - math.log(function({**self.values, p.name: moved}))) / step)
        g = np.array(gradient)
        reach = self.estimate.quantile(level) * math.sqrt(float(g @ self.estimate.covariance @ g))
        reach = min(reach, 300.0)
        return math.exp(here - reach), math.exp(here + reach)

    # The quality of the fit -----------------------------------------------------------------------------------------

    def impedance(self, frequency_Hz: ArrayLike | None = None) -> Complex:
        """Impedance of the fitted circuit; default: at the frequencies of the spectrum [ohm cm2]."""
        return self.circuit.impedance(self.spectrum.frequency_Hz if frequency_Hz is None else frequency_Hz, self.values)

    def member_impedances(self, frequency_Hz: ArrayLike) -> dict[str, Complex]:
        """Impedance of every member of the series by its text, such as "(R_GB,Q_GB)" [ohm cm2]."""
        return {
            str(m): m.impedance(frequency_Hz, {name: self.values[name] for name in m.names})
            for m in in_series(self.circuit)
        }

    @property
    def residuals(self) -> Complex:
        """(Z_measured - Z_fit)/|Z_measured|, (m,)."""
        z = self.spectrum.impedance_ohm_cm2
        return np.asarray((z - self.impedance()) / np.abs(z))

    @property
    def relative_residual(self) -> float:
        """Root mean square of |Z_measured - Z_fit|/|Z_measured|."""
        return float(np.sqrt(np.mean(np.abs(self.residuals) ** 2)))

    @property
    def chi_squared(self) -> float:
        """Sum of squares of the weighted residuals."""
        return self.estimate.chi_squared

    @property
    def aic(self) -> float:
        """Akaike's criterion: of two circuits for one spectrum and one weighting the smaller is the better."""
        return self.estimate.aic

    @property
    def bic(self) -> float:
        """Schwarz's criterion, which asks more of every further parameter than Akaike's."""
        return self.estimate.bic

    # What it means --------------------------------------------------------------------------------------------------

    @cached_property
    def arcs(self) -> tuple[FittedArc, ...]:
        """The (RQ) and (RC) members of the series, in the order of the circuit."""
        return tuple(self._fitted(one) for one in arcs_of(self.circuit))

    def _fitted(self, one: ArcElements) -> FittedArc:
        in_line = [e.name_of("R") for e in in_series(self.circuit) if isinstance(e, R)]
        resistance, prefactor, *exponent = one.names

        def arc(p: Mapping[str, float]) -> Arc:
            n = p[exponent[0]] if exponent else 1.0
            return Arc(resistance_ohm_cm2=p[resistance], cpe_prefactor=p[prefactor], cpe_exponent=n)

        def brug(p: Mapping[str, float]) -> float:
            return arc(p).brug_capacitance_F_per_cm2(sum(p[name] for name in in_line))

        here = arc(self.values)
        return FittedArc(
            label=one.label,
            resistance_ohm_cm2=here.resistance_ohm_cm2,
            cpe_prefactor=here.cpe_prefactor,
            cpe_exponent=here.cpe_exponent,
            brug_F_per_cm2=brug(self.values) if in_line else math.nan,
            intervals={
                "resistance_ohm_cm2": self.interval_of(lambda p: arc(p).resistance_ohm_cm2),
                "apex_frequency_Hz": self.interval_of(lambda p: arc(p).apex_frequency_Hz),
                "capacitance_F_per_cm2": self.interval_of(lambda p: arc(p).capacitance_F_per_cm2),
                "brug_F_per_cm2": self.interval_of(brug) if in_line else (math.nan, math.nan),
            },
        )

    def arc(self, label: str) -> FittedArc:
        """The arc whose resistance has this label.

        Raises
        ------
        InputError
            If there is none.
        """
        found = next((a for a in self.arcs if a.label == label), None)
        if found is None:
            raise InputError(
                f"arc {label!r}: the circuit has the arcs {', '.join(a.label for a in self.arcs) or 'none'}"
            )
        return found

    def is_determined(self, name: str) -> bool:
        """Whether a parameter is fixed, by the user or within a factor of 10 at 95 % (an exponent within 0.4)."""
        if name not in self.estimate.names:
            return name in self.fixed
        low, high = self.confidence_intervals()[name]
        return high - low < _WIDE_EXPONENT if self._kinds[name] == "cpe_exponent" else high < _WIDE_FACTOR * low

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """What the fit does not know, in words; empty if nothing speaks against it."""
        empty = self._empty_members()
        silent = {name for m in empty for name in m.names}
        return (
            *(f"of {m} the spectrum determines nothing: the circuit has more than it shows" for m in empty),
            *self._unknown(silent),
            *self._together(),
            *self._about_arcs(silent),
            *self._misfit(),
        )

    def _is_known(self, name: str) -> bool:
        return self.is_determined(name) and name not in self.estimate.at_bound

    def _empty_members(self) -> list[Circuit]:
        """Members of the series of which no free parameter but perhaps an exponent is known."""
        return [
            m
            for m in in_series(self.circuit)
            if not any(self._is_known(p.name) for p in m.parameters if p.kind != "cpe_exponent")
        ]

    def _unknown(self, silent: Container[str]) -> list[str]:
        out = []
        for name, (low, high) in self.confidence_intervals().items():
            side = self.estimate.at_bound.get(name)
            if name in silent:
                continue
            if side and self._kinds[name] == "cpe_exponent" and self[name] > 1.0 - 1e-3:
                out.append(f"{name} lies at 1: a capacitance fits as well as the constant-phase element")
            elif side:
                bound = f"{self[name]:.2g} {self.units[name]}".rstrip()
                out.append(f"{name} runs to its {side} bound {bound}: the spectrum sets it no limit on that side")
            elif not self.is_determined(name):
                interval = f"{low:.2g} to {high:.2g} {self.units[name]}".rstrip()
                out.append(f"{name} is not determined by the spectrum: 95 % interval {interval}")
        return out

    def _together(self) -> list[str]:
        names, correlation = self.estimate.names, self.estimate.correlation
        known = [self.is_determined(name) for name in names]
        kinds, out = self._kinds, []
        for i in range(len(names)):
            for k in range(i):
                # Q and n of one element always go together.
                if {kinds[names[i]], kinds[names[k]]} == {"cpe_prefactor", "cpe_exponent"}:
                    continue
                if abs(correlation[i, k]) > _TOGETHER and known[i] and known[k]:
                    out.append(
                        f"{names[k]} and {names[i]} are known only together: correlation {correlation[i, k]:.4f}"
                    )
        return out

    def _about_arcs(self, silent: Container[str]) -> list[str]:
        f = self.spectrum.frequency_Hz
        shown = [a for a, one in zip(self.arcs, arcs_of(self.circuit), strict=True) if one.names[0] not in silent]
        out = []
        for arc in shown:
            apex = arc.apex_frequency_Hz
            if not f[-1] <= apex <= f[0]:
                side = f"above the highest frequency {f[0]:.3g}" if apex > f[0] else f"below the lowest {f[-1]:.3g}"
                out.append(f"the arc {arc.label} peaks at {apex:.3g} Hz, {side} Hz: only its flank was measured")
        for b, a in itertools.combinations(shown, 2):
            ratio = a.apex_frequency_Hz / b.apex_frequency_Hz
            if max(ratio, 1.0 / ratio) < _CLOSE_APEXES:
                out.append(
                    f"the arcs {b.label} and {a.label} peak within a factor of {max(ratio, 1.0 / ratio):.2g}: "
                    "they are told apart by their shapes alone"
                )
        return out

    def _misfit(self) -> list[str]:
        e, out = self.estimate, []
        if not e.is_converged:
            out.append("the search was still moving when it was stopped: the values are near the best ones")
        f, z = self.spectrum.frequency_Hz, self.spectrum.impedance_ohm_cm2
        # From the highest frequency down, so that noise about the real axis elsewhere does not count.
        inductive = int(np.argmin(np.append(z.imag > 0, False)))
        if inductive > 1 and not any(element.symbol == "L" for element in self.circuit.elements):
            out.append(
                f"the {inductive} points from {f[inductive - 1]:.3g} Hz up have a positive imaginary part, which no "
                "element of the circuit makes: add L, or leave them out"
            )
        if not e.is_systematic:
            return out
        return [
            *out,
            f"neighbouring residuals agree (correlation {e.residual_correlation:.2f}): the circuit misses something "
            "that the spectrum shows, and the intervals are too narrow",
        ]

    def to_dict(self) -> dict[str, Any]:
        """Everything that people quote, of what JSON can hold: values with 95 % intervals, arcs, criteria, warnings."""
        intervals = self.confidence_intervals()
        parameters = {
            name: {
                "value": value,
                "unit": self.units[name],
                "interval": list(intervals[name]) if name in intervals else None,
                "is_determined": self.is_determined(name),
            }
            for name, value in self.values.items()
        }
        quantities = ("resistance_ohm_cm2", "apex_frequency_Hz", "capacitance_F_per_cm2", "brug_F_per_cm2")
        arcs = {
            arc.label: {q: {"value": getattr(arc, q), "interval": list(arc.intervals[q])} for q in quantities}
            for arc in self.arcs
        }
        return {
            "circuit": str(self.circuit),
            "temperature_K": self.spectrum.temperature_K,
            "weighting": self.weighting,
            "parameters": parameters,
            "arcs": arcs,
            "relative_residual": self.relative_residual,
            "chi_squared": self.chi_squared,
            "aic": self.aic,
            "bic": self.bic,
            "warnings": list(self.warnings),
        }

    def __str__(self) -> str:
        """A table of the parameters and arcs, for people."""
        intervals = self.confidence_intervals()
        lines = [f"{self.circuit}   ({len(self.spectrum)} frequencies, weighting {self.weighting})"]
        for name, value in self.values.items():
            unit = self.units[name]
            if name in intervals:
                low, high = intervals[name]
                lines.append(f"  {name:10} {value:10.4g}  [{low:.4g}, {high:.4g}] {unit}".rstrip())
            else:
                lines.append(f"  {name:10} {value:10.4g}  fixed {unit}".rstrip())
        for arc in self.arcs:
            lines.append(
                f"  arc {arc.label}: apex {arc.apex_frequency_Hz:.4g} Hz, capacitance "
                f"{arc.capacitance_F_per_cm2:.3g} F/cm2 (Hsu-Mansfeld), {arc.brug_F_per_cm2:.3g} (Brug)"
            )
        lines.append(f"  residual {100 * self.relative_residual:.3g} %, AIC {self.aic:.1f}, BIC {self.bic:.1f}")
        lines += [f"  ! {warning}" for warning in self.warnings]
        return "\n".join(lines)
