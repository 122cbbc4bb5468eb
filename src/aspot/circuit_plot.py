"""Pictures of fitted circuits and of activation energies. As in `aspot.plot`, every function returns a Figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aspot.analysis.arrhenius import ArrheniusFit
from aspot.analysis.circuits import Element, R, arcs_of, in_series
from aspot.analysis.fitted_circuit import CircuitFit
from aspot.errors import InputError
from aspot.plot import GREY, decades, name_decades, new_figure
from aspot.spectrum import Spectrum
from aspot.units import engineering

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Real = NDArray[np.float64]

_BLUE, _RED = "#1f5fa8", "#c23b22"
_COLOURS = ("#e08214", "#4d9221", "#7b3294", "#35978f", "#8c510a", "#7fb2e5")
_LINES = ("#1f5fa8", "#c23b22", "#4d9221", "#e08214", "#7b3294", "#35978f", "#8c510a")

#: Zero of the Celsius scale [K].
_ZERO_C = 273.15


def circuit_fit(fit: CircuitFit, *, left_out: Mapping[str, Spectrum] | None = None, title: str = "") -> Figure:
    """Nyquist plot of the data and the fit with every member of the series shaded, and the residuals over frequency.

    The members stand where the resistances of faster ones put them. A member with no foot in the picture, such as a
    Warburg impedance, is shaded from where it starts.

    Parameters
    ----------
    fit : CircuitFit
    left_out : mapping of str to Spectrum, optional
        Points that were not fitted, by reason; drawn as crosses.
    title : str

    Returns
    -------
    Figure
    """
    z = fit.spectrum.impedance_ohm_cm2
    f = fit.spectrum.frequency_Hz
    others = dict(left_out or {})
    every = np.concatenate([z, *(s.impedance_ohm_cm2 for s in others.values())])
    left, right = min(0.0, float(every.real.min())), float(every.real.max())
    low, high = min(0.0, float((-every.imag).min())), max(float((-every.imag).max()), 0.0)
    width = 1.12 * max(right - left, 1e-300)
    height = max(1.2 * (high - low), 0.22 * width)
    shown = float(np.clip(6.4 * height / width, 1.4, 6.0))
    figure = new_figure(7.4, shown + 3.2 + (0.3 if title else 0.0))
    upper, lower = figure.subplots(2, 1, height_ratios=[shown, 1.7])
    _members(upper, fit, left + width)
    smooth = fit.impedance(np.geomspace(f[0], f[-1], 400))
    for mark, (reason, other) in zip("x+12" * len(others), others.items(), strict=False):
        w = other.impedance_ohm_cm2
        upper.plot(w.real, -w.imag, mark, color=GREY, ms=5, label=reason)
    upper.plot(z.real, -z.imag, "o", ms=4.5, mfc="none", mec="black", mew=0.8, label="data")
    upper.plot(smooth.real, -smooth.imag, "-", color=_BLUE, lw=1.6, label="fit")
    upper.set_aspect("equal")
    upper.set_xlim(left - 0.03 * width, left + width)
    upper.set_ylim(low - 0.06 * height, low + 0.94 * height)
    upper.axhline(0.0, color="black", lw=0.6, zorder=1)
    upper.set_xlabel(r"$Z'$ / $\Omega\,$cm$^2$")
    upper.set_ylabel(r"$-Z''$ / $\Omega\,$cm$^2$")
    upper.set_title(title or str(fit.circuit), fontsize=10)
    marks = decades(f)
    index = [i for i, _ in marks]
    upper.plot(z.real[index], -z.imag[index], "o", ms=4.5, mfc="black", mec="black")
    _residuals(lower, fit)
    for ax in (upper, lower):
        ax.grid(alpha=0.25, lw=0.5)
    figure.legend(*upper.get_legend_handles_labels(), loc="outside lower center", fontsize=8, frameon=False, ncols=3)
    name_decades(upper, fit.spectrum, marks, 1.5 * width)
    return figure


def _members(ax: Axes, fit: CircuitFit, right: float) -> None:
    """Every member but plain resistances, from the fastest on; what lies beyond the frequencies is drawn too."""
    f = fit.spectrum.frequency_Hz
    wide = np.geomspace(1e4 * f[0], 1e-4 * f[-1], 800)
    parts = fit.member_impedances(wide)
    members = {str(m): m for m in in_series(fit.circuit)}
    drawn = {
        name: z for name, z in parts.items() if not (isinstance(members[name], Element) and _is_plain(members[name]))
    }
    foot = sum(float(z[0].real) for name, z in parts.items() if isinstance(members[name], R))
    # The apex says which is faster; what has none (Warburg, blocking) comes last.
    ordered = sorted(drawn, key=lambda name: int(np.argmax(-drawn[name].imag)))
    for colour, name in zip(_COLOURS * len(ordered), ordered, strict=False):
        z = drawn[name]
        x = foot + z.real
        # Far outside the picture a line would be drawn for nothing, and badly.
        shown = (x < 3.0 * right) & (-z.imag < 3.0 * right)
        x, y = x[shown], -z.imag[shown]
        ax.fill(
            np.concatenate([x, x[-1:], [foot]]), np.append(y, np.zeros(len(x[-1:]) + 1)), color=colour, alpha=0.28, lw=0
        )
        ax.plot(x, y, "-", color=colour, lw=0.9, label=_described(fit, name))
        # What has no end on the real axis ends where the measurement does.
        has_end = -z[-1].imag < 0.1 * float(np.max(-z.imag))
        foot += float(z[-1].real) if has_end else float(np.interp(np.log(f[-1]), np.log(wide[::-1]), z.real[::-1]))


def _is_plain(member: Any) -> bool:
    """Elements that are a point or a vertical line."""
    return member.symbol in ("R", "L")


def _described(fit: CircuitFit, member: str) -> str:
    """The member with its numbers, for the legend."""
    for arc, one in zip(fit.arcs, _arc_texts(fit), strict=True):
        if one == member:
            return (
                f"{arc.label}: {arc.resistance_ohm_cm2:.3g} Ω cm², "
                f"{engineering(arc.capacitance_F_per_cm2, 'F/cm²')}, {engineering(arc.apex_frequency_Hz, 'Hz')}"
            )
    return member


def _arc_texts(fit: CircuitFit) -> list[str]:
    return [str(one.group) for one in arcs_of(fit.circuit)]


def _residuals(ax: Axes, fit: CircuitFit) -> None:
    f, r = fit.spectrum.frequency_Hz, 100.0 * fit.residuals
    ax.axhline(0.0, color="black", lw=0.6)
    ax.plot(f, r.real, "o-", ms=3.5, lw=0.8, color=_BLUE, label="real part")
    ax.plot(f, r.imag, "s-", ms=3.5, lw=0.8, mfc="none", color=_RED, label="imaginary part")
    largest = max(1.15 * float(np.max(np.abs(np.concatenate([r.real, r.imag])))), 1e-12)
    ax.set_ylim(-largest, 1.4 * largest)  # room for the legend
    ax.set_xscale("log")
    ax.set_xlabel("frequency / Hz")
    ax.set_ylabel("(data - fit) / % of |Z|", fontsize=9)
    ax.legend(fontsize=8, frameon=False, ncols=2, loc="upper right")


def arrhenius(
    fits: ArrheniusFit | Sequence[ArrheniusFit] | Mapping[str, ArrheniusFit], *, unit: str = "", title: str = ""
) -> Figure:
    """Arrhenius plot: conductances (times T, if the law has the factor) over 1000/T, degrees Celsius on top.

    Points carry their standard errors, lines a 95 % band; where a parabola fits significantly better than the line it
    is dashed beside it.

    Parameters
    ----------
    fits : ArrheniusFit, or several of one form
        As from `fit_arrhenius` or `activation_energies_of`; resistances are shown as 1/R.
    unit : str
        Of the conductance, for the axis; default: "Ω⁻¹ cm⁻²" for resistances.
    title : str

    Returns
    -------
    Figure

    Raises
    ------
    InputError
        If there is no fit, or the forms differ.
    """
    from matplotlib.ticker import LogLocator, NullFormatter

    if isinstance(fits, ArrheniusFit):
        fits = [fits]
    named = fits if isinstance(fits, Mapping) else {fit.name or f"{k + 1}": fit for k, fit in enumerate(fits)}
    if not named:
        raise InputError("Arrhenius plot: no fit is given")
    forms = sorted({fit.form for fit in named.values()})
    if len(forms) > 1:
        raise InputError("Arrhenius plot: the laws have different forms, 'sigma' and 'sigma T': one plot shows one")
    has_factor = forms[0] == "sigma T"
    figure = new_figure(6.6, 5.0)
    ax = figure.add_subplot()
    every = np.concatenate([fit.temperature_K for fit in named.values()])
    inverse = np.linspace(1e3 / every.max(), 1e3 / every.min(), 200)
    room = 0.05 * float(np.ptp(inverse))
    inverse = np.linspace(inverse[0] - room, inverse[-1] + room, 200)
    for k, (name, fit) in enumerate(named.items()):
        colour = _LINES[k % len(_LINES)]
        t = 1e3 / inverse
        middle, one, other = (_conductance(fit, v, t, has_factor) for v in fit.band(t))
        if np.all(np.isfinite(one)):
            ax.fill_between(inverse, np.minimum(one, other), np.maximum(one, other), color=colour, alpha=0.18, lw=0)
        low, high = fit.interval_eV()
        reach = f" ± {0.5 * (high - low):.3f}" if np.isfinite(low) else ""
        ax.plot(inverse, middle, "-", color=colour, lw=1.4, label=f"{name}: {fit.activation_energy_eV:.3f}{reach} eV")
        y = _conductance(fit, fit.value, fit.temperature_K, has_factor)
        error = np.zeros(len(y)) if fit.relative_errors is None else fit.relative_errors * y
        ax.errorbar(1e3 / fit.temperature_K, y, error, fmt="o", ms=5, mfc="white", mec=colour, ecolor=colour, capsize=2)
        if fit.curvature is not None and fit.curvature.is_significant:
            bent = _bent(fit, inverse, has_factor)
            ax.plot(inverse, bent, "--", color=colour, lw=1.0, label=f"{name}: curved, p = {fit.curvature.p_value:.1g}")
    ax.set_yscale("log")
    if ax.get_ylim()[1] < 50.0 * ax.get_ylim()[0]:
        # Little more than a decade: name the subdivisions, or the axis has one number or none.
        ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 3.0, 5.0)))
        ax.yaxis.set_major_formatter(lambda v, _: f"{v:g}")
        ax.yaxis.set_minor_formatter(NullFormatter())
    ax.set_xlim(inverse[0], inverse[-1])
    ax.set_xlabel(r"$1000\,\mathrm{K}/T$")
    resistances = all(fit.quantity == "resistance" for fit in named.values())
    unit = unit or ("Ω⁻¹ cm⁻²" if resistances else "")
    symbol = ("T / R" if has_factor else "1 / R") if resistances else (r"$\sigma T$" if has_factor else r"$\sigma$")
    whole = f"{unit} K".strip() if has_factor else unit
    ax.set_ylabel(f"{symbol}  ({whole})" if whole else symbol)
    top = ax.secondary_xaxis("top", functions=(_celsius, _inverse_kelvin))
    top.set_xlabel("temperature / °C", fontsize=9)
    top.set_xticks(_celsius_ticks(float(every.min()), float(every.max())))
    ax.grid(alpha=0.25, lw=0.5, which="both")
    ax.legend(fontsize=8, frameon=False)
    if title:
        ax.set_title(title, fontsize=10)
    return figure


def _conductance(fit: ArrheniusFit, value: Real, temperature_K: Real, has_factor: bool) -> Real:
    g = value if fit.quantity == "conductance" else 1.0 / value
    return np.asarray(g * temperature_K if has_factor else g)


def _bent(fit: ArrheniusFit, inverse: Real, has_factor: bool) -> Real:
    """The parabola of ln g over 1/T through the points, as the test of curvature has it."""
    y = np.log(_conductance(fit, fit.value, fit.temperature_K, has_factor))
    weights = 1.0 / np.hypot(fit.relative_errors, fit.scatter) if fit.relative_errors is not None else None
    return np.asarray(np.exp(np.polynomial.Polynomial.fit(1e3 / fit.temperature_K, y, 2, w=weights)(inverse)))


def _celsius(x: Any) -> Any:
    return 1e3 / np.maximum(x, 1e-9) - _ZERO_C


def _inverse_kelvin(t: Any) -> Any:
    return 1e3 / np.maximum(np.asarray(t, float) + _ZERO_C, 1e-9)


def _celsius_ticks(coldest_K: float, hottest_K: float) -> list[float]:
    """Round temperatures, four to eight of them."""
    low, high = coldest_K - _ZERO_C, hottest_K - _ZERO_C
    step = next((s for s in (1, 2, 5, 10, 20, 25, 50, 100, 200, 500) if (high - low) / s <= 7), 1000)
    return [float(t) for t in np.arange(np.ceil(low / step - 1e-9) * step, high + 1e-9 * step, step)]
