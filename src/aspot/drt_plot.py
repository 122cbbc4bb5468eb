"""Pictures of the analysis of spectra: distributions of relaxation times, and the Kramers-Kronig test.

As in `aspot.plot`, every function returns a Figure of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aspot.analysis.drt import Distribution, DrtSettings, Peak, relaxation_distribution
from aspot.analysis.kramers_kronig import KramersKronig
from aspot.analysis.relaxation import RelaxationTimes
from aspot.errors import InputError
from aspot.plot import GREY, new_figure
from aspot.spectrum import Spectrum
from aspot.units import engineering

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BLUE, _RED, _ORANGE = "#1f5fa8", "#c23b22", "#e08214"
_COLOURS = (_BLUE, _RED, "#4d9221", "#7b3294", _ORANGE)

#: Labels closer than these shares of the width and height of the picture would overlap.
_LABEL_WIDTH, _LABEL_HEIGHT = 0.11, 0.125

Real = NDArray[np.float64]


# Relaxation times -----------------------------------------------------------------------------------------------------


def distributions(
    items: Mapping[str, Spectrum | Distribution],
    *,
    settings: DrtSettings | str | None = None,
    exact: RelaxationTimes | None = None,
    title: str = "",
) -> Figure:
    """Distributions of relaxation times over tau, the peaks with resistance and capacitance; frequencies on top.

    Times beyond 1/omega of the measured frequencies of all spectra are shaded: what lies there is extrapolated.

    Parameters
    ----------
    items : mapping of str to Spectrum or Distribution
        By label; five at most. The distributions of spectra are computed with `settings`.
    settings : DrtSettings or str, optional
    exact : RelaxationTimes, optional
        Times of the field model, drawn as bars R_k: what a distribution without regularisation would show.
    title : str

    Raises
    ------
    InputError
        If there is nothing to draw, or more than five.
    """
    if not 1 <= len(items) <= len(_COLOURS):
        raise InputError(f"distributions to draw: 1 to {len(_COLOURS)}, got {len(items)}")
    found = {
        name: item if isinstance(item, Distribution) else relaxation_distribution(item, settings or DrtSettings())
        for name, item in items.items()
    }
    figure = new_figure(7.6, 4.4)
    ax = figure.add_subplot()
    low = min(float(d.tau_s[0]) for d in found.values())
    high = max(float(d.tau_s[-1]) for d in found.values())
    ax.set_xscale("log")
    ax.set_xlim(low, high)
    shortest = min(d.measured_range_s[0] for d in found.values())
    longest = max(d.measured_range_s[1] for d in found.values())
    for first, last in ((low, shortest), (longest, high)):
        ax.axvspan(first, last, color="#eeeeee", lw=0, zorder=0)
    highest = max(float(d.gamma_ohm_cm2.max()) for d in found.values())
    lowest = min(0.0, *(float(d.gamma_ohm_cm2.min()) for d in found.values()))
    top = highest if highest > 0 else 1.0
    for (name, d), colour in zip(found.items(), _COLOURS, strict=False):
        ax.plot(d.tau_s, d.gamma_ohm_cm2, color=colour, lw=1.7, label=name, zorder=3)
    head = _name_peaks(ax, found, top, (np.log10(low), np.log10(high)))
    ax.set_ylim(1.05 * lowest, head * top)
    if exact is not None:
        bars = _bars(ax, exact, (low, high), (1.05 * lowest / top, head))
    ax.axhline(0.0, color="black", lw=0.6, zorder=2)
    ax.set_xlabel(r"relaxation time $\tau$ / s")
    ax.set_ylabel(r"$\gamma(\ln \tau)$ / $\Omega\,$cm$^2$")
    upper = ax.secondary_xaxis("top", functions=(_inverse_time, _inverse_time))
    upper.set_xlabel(r"$1/(2\pi\tau)$ / Hz", fontsize=9)
    ax.grid(alpha=0.25, lw=0.5)
    if title:
        ax.set_title(title, fontsize=10)
    handles, labels = ax.get_legend_handles_labels()
    if exact is not None:
        handles.append(bars)
        labels.append("relaxation times of the field model")
    # About a hundred letters fit side by side; columns are as wide as their longest label.
    lengths = [len(label) + 8 for label in labels]
    columns = len(labels) if sum(lengths) <= 110 else max(110 // max(lengths), 1)
    figure.legend(handles, labels, loc="outside lower center", fontsize=8, frameon=False, ncols=columns)
    return figure


def _bars(ax: Axes, exact: RelaxationTimes, limits: tuple[float, float], heights: tuple[float, float]) -> Any:
    """R_k as bars over an axis of their own, at the right."""
    right = ax.twinx()
    inside = (exact.tau_s >= limits[0]) & (exact.tau_s <= limits[1])
    tau, r = exact.tau_s[inside], exact.resistance_ohm_cm2[inside]
    bars = right.vlines(tau, 0.0, r, color=GREY, lw=3.0, alpha=0.55)
    top = float(r.max()) if r.size else 1.0
    right.set_ylim(heights[0] * top, heights[1] * top)
    right.set_ylabel(r"$R_k$ / $\Omega\,$cm$^2$", color=GREY)
    right.tick_params(axis="y", colors=GREY)
    # The distribution in front of the bars.
    ax.set_zorder(right.get_zorder() + 1)
    ax.patch.set_visible(False)
    return bars


def _name_peaks(ax: Axes, found: Mapping[str, Distribution], top: float, range_: tuple[float, float]) -> float:
    """Resistance, capacitance and frequency above every peak; labels that would overlap are stacked.

    Returns the height of the picture that holds them, over that of the highest peak.
    """
    labels: list[tuple[float, float, Peak, str]] = [
        ((np.log10(peak.tau_s) - range_[0]) / (range_[1] - range_[0]), peak.height_ohm_cm2 / top, peak, colour)
        for d, colour in zip(found.values(), _COLOURS, strict=False)
        for peak in d.peaks
    ]
    labels.sort(key=lambda item: -item[1])
    head = 1.2
    # The taller the picture, the more of gamma a label covers.
    for _ in range(4):
        places: list[float] = []
        for k, (x, y, _, _) in enumerate(labels):
            place = y + 0.02 * head
            while any(
                abs(x - labels[m][0]) < _LABEL_WIDTH and abs(place - places[m]) < _LABEL_HEIGHT * head for m in range(k)
            ):
                place += 0.01 * head
            places.append(place)
        head = max([1.2, *(place / (1.0 - 1.1 * _LABEL_HEIGHT) for place in places)])
    for (_, y, peak, colour), place in zip(labels, places, strict=True):
        text = (
            f"{engineering(peak.resistance_ohm_cm2, 'Ω')} cm²\n{engineering(peak.capacitance_F_per_cm2, 'F')}/cm²\n"
            f"{engineering(peak.apex_frequency_Hz, 'Hz')}"
        )
        ax.annotate(
            text, (peak.tau_s, peak.height_ohm_cm2), xytext=(peak.tau_s, place * top), fontsize=7, color=colour,
            ha="center", va="bottom", linespacing=1.05, alpha=1.0 if peak.is_measured else 0.6,
            # The line of a label that had to move passes behind the labels beside it.
            zorder=6.0 - place + y, bbox={"fc": "white", "ec": "none", "alpha": 0.85, "pad": 0.5},
            arrowprops={"arrowstyle": "-", "color": colour, "lw": 0.5} if place > y + 0.06 * head else None,
        )  # fmt: skip
    return head


def _inverse_time(x: Any) -> Any:
    return np.asarray(1.0 / (2.0 * np.pi * np.maximum(x, 1e-300)))


# Kramers-Kronig -------------------------------------------------------------------------------------------------------


def kramers_kronig(found: KramersKronig, *, title: str = "") -> Figure:
    """The spectrum with the ladder fitted to it, beside the residuals of both parts; bad points stand out.

    Parameters
    ----------
    found : KramersKronig
    title : str
    """
    figure = new_figure(10.0, 4.2)
    left, right = figure.subplots(1, 2, width_ratios=(1.0, 1.25))
    kinds = {
        "consistent": (found.is_consistent & ~found.is_outlier, {"marker": "o", "mfc": "none", "mec": _BLUE}),
        "outlier": (found.is_consistent & found.is_outlier, {"marker": "^", "mfc": _ORANGE, "mec": _ORANGE}),
        f"beyond {100 * found.threshold:g} %": (~found.is_consistent, {"marker": "X", "mfc": _RED, "mec": _RED}),
    }
    z, fitted = found.spectrum.impedance_ohm_cm2, found.fitted_ohm_cm2
    left.plot(fitted.real, -fitted.imag, "-", color=GREY, lw=1.0, label="Kramers-Kronig ladder")
    for name, (mask, style) in kinds.items():
        if mask.any():
            left.plot(z.real[mask], -z.imag[mask], ls="none", ms=5, label=name, **style)
    left.set_aspect("equal", adjustable="datalim")
    left.axhline(0.0, color="black", lw=0.6, zorder=1)
    left.locator_params(axis="x", nbins=6)
    left.set_xlabel(r"$Z'$ / $\Omega\,$cm$^2$")
    left.set_ylabel(r"$-Z''$ / $\Omega\,$cm$^2$")
    left.grid(alpha=0.25, lw=0.5)
    left.legend(fontsize=8, frameon=False)
    _residuals(right, found, [(mask, style["marker"]) for mask, style in kinds.values()])
    verdict = "passes" if found.passes else "does not pass"
    figure.suptitle(f"{title}: {verdict}" if title else verdict, fontsize=10)
    return figure


def _residuals(ax: Axes, found: KramersKronig, kinds: list[tuple[NDArray[np.bool_], Any]]) -> None:
    """Residuals in percent over frequency; linear, or beyond the scatter logarithmic where some are far off."""
    f = found.spectrum.frequency_Hz
    near = 100.0 * found.outlier_limit
    parts = (("real", 100.0 * found.real, _BLUE), ("imaginary", 100.0 * found.imaginary, _ORANGE))
    ax.axhspan(-near, near, color="#eeeeee", lw=0, zorder=0, label="beyond: outliers")
    for name, value, colour in parts:
        ax.plot(f, value, "-", color=colour, lw=0.6, alpha=0.5)
        for (mask, marker), label in zip(kinds, (name, None, None), strict=True):
            ax.plot(f[mask], value[mask], marker, color=colour, ls="none", ms=4, label=label)
    limit = 100.0 * found.threshold
    largest = max(100.0 * found.largest, 1.5 * near)
    if largest > 8.0 * near:
        ax.set_yscale("symlog", linthresh=2.0 * near)
        ax.yaxis.set_major_formatter(lambda v, _: f"{v:g}")
    ax.set_ylim(-1.3 * largest, 1.3 * largest)
    if limit < 1.3 * largest:
        for sign in (-1, 1):
            ax.axhline(sign * limit, color=_RED, lw=0.8, ls="--", label="threshold" if sign > 0 else None)
    ax.set_xscale("log")
    ax.axhline(0.0, color="black", lw=0.6, zorder=1)
    ax.set_xlabel("frequency / Hz")
    ax.set_ylabel(r"$(Z - Z_\mathrm{fitted})/|Z|$ / %")
    ax.grid(alpha=0.25, lw=0.5)
    ax.legend(fontsize=8, frameon=False, ncols=2, loc="upper center")
