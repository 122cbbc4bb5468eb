"""Pictures of a fit: data and model, how the parameters hang together, and how well each is fixed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from aspot.inference import FitResult
from aspot.inference.free import Free
from aspot.inference.statements import label
from aspot.plot import GREY, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BLUE, _RED = "#1f5fa8", "#c23b22"

#: A profile that rises less than this is drawn with room for it.
_LOWEST_TOP = 1.5
#: A range of values above this factor is drawn on a logarithmic axis.
_WIDE = 3.0
#: Below this factor a logarithmic axis also names 2 and 5.
_FEW_DECADES = 100.0


def correlation_picture(fit: FitResult, *, title: str = "") -> Figure:
    """Correlations of the estimates: parameters that trade off are red or blue, independent ones white."""
    names, matrix = [label(one.path) for one in fit.free], fit.estimate.correlation
    n = len(names)
    side = 1.6 + 0.62 * n
    figure = new_figure(side + 1.9, side + 0.6)
    ax = figure.add_subplot()
    image = ax.imshow(matrix, cmap="RdBu_r", vmin=-1.0, vmax=1.0)
    for i in range(n):
        for j in range(n):
            dark = abs(matrix[i, j]) > 0.65
            ax.text(j, i, _figure(matrix[i, j]), ha="center", va="center", fontsize=8, color="w" if dark else "k")
    ax.set_xticks(range(n), [_folded(name) for name in names], rotation=45, ha="right", rotation_mode="anchor")
    ax.set_yticks(range(n), [_folded(name) for name in names])
    ax.tick_params(labelsize=8, length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    bar = figure.colorbar(image, ax=ax, shrink=0.7)
    bar.set_label("correlation of the estimates", fontsize=8)
    bar.ax.tick_params(labelsize=8)
    if title:
        ax.set_title(title, fontsize=10)
    return figure


def _figure(value: float) -> str:
    """A correlation; near one the digits that tell it from one."""
    return f"{value:+.2f}" if abs(value) < 0.99 or abs(value) > 1.0 - 1e-9 else f"{value:+.4f}"


def _folded(name: str, most: int = 17) -> str:
    """A long name on two lines."""
    words = name.split()
    half = len(words) // 2
    return name if len(name) <= most or half == 0 else " ".join(words[:half]) + "\n" + " ".join(words[half:])


def profile_picture(fit: FitResult, *, title: str = "") -> Figure:
    """Profile likelihoods: what the best fit of all other parameters loses as one of them is moved.

    The dashed line is the linearised model (a parabola in the scaled variable), the shaded range the confidence
    interval. A curve that stays below the line to the end of the picture sets no limit on that side.

    Raises
    ------
    InputError
        If the fit has no profiles.
    """
    from aspot.errors import InputError

    if not fit.profiles:
        raise InputError("profiles: the fit was made without them")
    n = len(fit.profiles)
    columns = min(n, 2 if n in (2, 4) else 3)
    rows = math.ceil(n / columns)
    figure = new_figure(0.6 + 3.3 * columns, 0.9 + 2.5 * rows)
    axes = figure.subplots(rows, columns, squeeze=False)
    for ax, one in zip(axes.flat, fit.free, strict=False):
        _profile(ax, fit, one)
    for ax in axes.flat[n:]:
        ax.set_visible(False)
    for row in axes:
        row[0].set_ylabel("rise of the sum of squares\n/ variance of the noise", fontsize=8)
    if title:
        figure.suptitle(title, fontsize=10)
    return figure


def _profile(ax: Axes, fit: FitResult, one: Free) -> None:
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter
    from scipy.interpolate import PchipInterpolator

    profile = fit.profiles[one.path]
    scale, unit, is_log = _axis(one, profile.values)
    x, best = profile.values * scale, fit[one.path] * scale
    ax.axvspan(profile.lower * scale, profile.upper * scale, color=_BLUE, alpha=0.10, lw=0)
    ax.axhline(profile.threshold, color=GREY, lw=0.8, ls=":")
    ax.annotate(
        f"{100 * profile.level:g} %", (1.0, profile.threshold), xycoords=("axes fraction", "data"),
        xytext=(3, 0), textcoords="offset points", va="center", fontsize=7, color=GREY,
    )  # fmt: skip
    p = one.parameter
    scaled = np.array([p.to_scaled(float(v)) for v in profile.values])
    grid = np.linspace(scaled[0], scaled[-1], 200)
    error = float(fit.estimate.scaled_errors[fit.estimate.names.index(one.path)])
    parabola = ((grid - p.to_scaled(fit[one.path])) / error) ** 2
    values = np.array([p.from_scaled(float(g)) for g in grid]) * scale
    ax.plot(values, parabola, "--", color=GREY, lw=0.9)
    # The signed root of the rise is nearly straight: smooth through few points.
    root = np.sign(scaled - p.to_scaled(fit[one.path])) * np.sqrt(np.maximum(profile.excess, 0.0))
    ax.plot(values, PchipInterpolator(scaled, root)(grid) ** 2, lw=1.4, color=_BLUE)
    ax.plot(x, np.maximum(profile.excess, 0.0), "o", ms=3, color=_BLUE)
    ax.plot([best], [0.0], "v", ms=6, color=_RED, clip_on=False, zorder=5)
    if is_log:
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter(lambda v, _: f"{v:g}")
        named = "25" if x[-1] < _FEW_DECADES * x[0] else ""
        ax.xaxis.set_minor_formatter(lambda v, _: f"{v:g}" if f"{v:.0e}"[0] in named else "")
        if profile.values[-1] < 30 * profile.values[0]:
            # About a decade: name few of the subdivisions, plainly; their usual labels would run into each other.
            ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            ax.xaxis.set_major_formatter(lambda v, _: f"{v:g}")
            ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlim(float(x[0]), float(x[-1]))
    ax.set_ylim(0.0, _LOWEST_TOP * profile.threshold)
    ax.set_xlabel(_folded(label(one.path), 26) + (f" / {unit}" if unit else ""), fontsize=9)
    open_ends = [
        side
        for side, bounded in (("lower", profile.is_bounded_below), ("upper", profile.is_bounded_above))
        if not bounded
    ]
    if open_ends:
        ax.set_title(f"no {' and no '.join(open_ends)} limit", fontsize=8, color=_RED)
    if not is_log:
        ax.xaxis.set_major_locator(MaxNLocator(5))
    ax.tick_params(which="both", labelsize=8)
    ax.grid(alpha=0.25, lw=0.5)


def _axis(one: Free, values: np.ndarray) -> tuple[float, str, bool]:
    """Factor from SI to what is drawn, its unit, and whether the axis is logarithmic."""
    is_log = one.parameter.scale == "log" and values[-1] > _WIDE * values[0]
    middle = float(np.sqrt(values[0] * values[-1])) if is_log else float(np.max(np.abs(values)))
    factor, unit = one.display(middle)
    return factor, unit.replace("ohm", "Ω").replace("cm2", "cm²"), is_log
