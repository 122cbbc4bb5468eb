"""Pictures of spectra: Nyquist, Bode, and the parts and relaxation times behind them. Needs no display.

Every function returns a `matplotlib.figure.Figure` of its own; the global state of pyplot is never touched. In a
notebook the figure shows itself; `save` writes it to a file.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from aspot.spectrum import Spectrum
from aspot.units import engineering

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Annotation
    from matplotlib.transforms import Bbox

_BLUE, _RED, GREY = "#1f5fa8", "#c23b22", "#666666"
_MARKERS = "s^Dvo"

#: An error band narrower than this share of the picture's width cannot be seen and is left out.
_VISIBLE = 2e-3

#: A spectrum that lies beyond this share of its largest real part is drawn without the origin.
_FAR = 0.5
#: ... unless it is a point, at this share of its real part.
_SPECK = 1e-3


def new_figure(width: float, height: float, layout: Literal["constrained"] | None = "constrained") -> Figure:
    """A figure that is not registered with pyplot, but shows itself in notebooks [inch]."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = _shown_figure()(figsize=(width, height), layout=layout)
    FigureCanvasAgg(figure)
    return figure


@cache
def _shown_figure() -> type[Figure]:
    from matplotlib.figure import Figure

    class ShownFigure(Figure):
        """Jupyter asks an object for its picture; of a plain Figure it knows one only where pyplot is set up."""

        def _repr_png_(self) -> bytes:
            data = io.BytesIO()
            self.savefig(data, format="png", dpi=100)
            return data.getvalue()

    return ShownFigure


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure, at 200 dots per inch where the format has dots; the ending of the path names the format."""
    figure.savefig(path, dpi=200)


def length_unit(length_m: float) -> tuple[float, str]:
    """Factor and name of the unit in which a length reads well: nm, µm, mm.

    Examples
    --------
    >>> length_unit(4.3e-5)[1]
    'µm'
    """
    for limit, name in ((1e-6, "nm"), (1e-3, "µm")):
        if abs(length_m) < limit:
            return {"nm": 1e9, "µm": 1e6}[name], name
    return 1e3, "mm"


def decades(frequency_Hz: NDArray[np.float64]) -> list[tuple[int, int]]:
    """(index, decade) of the frequency nearest to each decade, where one is within a tenth of a decade."""
    log_f = np.log10(frequency_Hz)
    found = []
    for decade in range(int(np.ceil(log_f.min() - 0.1)), int(np.floor(log_f.max() + 0.1)) + 1):
        nearest = int(np.argmin(np.abs(log_f - decade)))
        if abs(log_f[nearest] - decade) < 0.1:
            found.append((nearest, decade))
    return found


def _at(spectrum: Spectrum, frequency_Hz: float) -> complex | None:
    """Impedance between the points of a spectrum, linear in log f; None outside."""
    log_f = np.log(spectrum.frequency_Hz[::-1])
    x = np.log(frequency_Hz)
    if not log_f[0] <= x <= log_f[-1]:
        return None
    z = spectrum.impedance_ohm_cm2[::-1]
    return complex(np.interp(x, log_f, z.real) + 1j * np.interp(x, log_f, z.imag))


# Spectra ------------------------------------------------------------------------------------------------------------


def nyquist(
    spectrum: Spectrum,
    *,
    others: Mapping[str, Spectrum] | None = None,
    apex_frequency_Hz: float | None = None,
    title: str = "",
    label: str = "computed",
) -> Figure:
    """-Z'' over Z' with equal scales; the decades of frequency are marked and named.

    Parameters
    ----------
    spectrum : Spectrum
        Drawn as a line.
    others : mapping of str to Spectrum, optional
        Further spectra by label, drawn as markers (measured or published).
    apex_frequency_Hz : float, optional
        Apex of the interface arc, marked on the curve.
    title, label : str
    """
    from matplotlib.patches import Polygon

    others = dict(others or {})
    z = spectrum.impedance_ohm_cm2
    every = np.concatenate([z, *(s.impedance_ohm_cm2 for s in others.values())])
    left, right = min(0.0, every.real.min()), every.real.max()
    low, high = min(0.0, (-every.imag).min()), max((-every.imag).max(), 0.0)
    extent = max(right - every.real.min(), high - low)
    if every.real.min() > _FAR * right and extent > _SPECK * right:
        # From zero on the arcs would be a speck at the right.
        left = max(every.real.min() - 0.15 * extent, 0.0)
    # The frame fits the data: 5 % margin, room for labels above, and never flatter than 1 : 4.
    width = max(right - left, 1e-300) * 1.15
    height = max((high - low) * 1.25, width / 4)
    figure = new_figure(7.2, float(np.clip(6.5 * height / width, 1.6, 7.0)) + (1.05 if title else 0.8))
    ax = figure.add_subplot()

    error = spectrum.errors * np.abs(z)
    if np.nanmax(np.append(error, 0.0)) > _VISIBLE * width:
        e = np.nan_to_num(error)
        normal = _normals(z)
        band = np.concatenate([z + e * normal, (z - e * normal)[::-1]])
        ax.add_patch(
            Polygon(np.column_stack([band.real, -band.imag]), color=_BLUE, alpha=0.2, lw=0, label="error band")
        )
    for k, (name, other) in enumerate(others.items()):
        w = other.impedance_ohm_cm2
        ax.plot(w.real, -w.imag, _MARKERS[k % 5], ms=4.5, mfc="none", mec=GREY if k == 0 else _RED, label=name)
    ax.plot(z.real, -z.imag, "-", color=_BLUE, lw=1.6, label=label)
    ax.plot(z.real, -z.imag, ".", color=_BLUE, ms=3)
    marks = decades(spectrum.frequency_Hz)
    if marks:
        index = [i for i, _ in marks]
        ax.plot(z.real[index], -z.imag[index], "o", color=_BLUE, ms=6, mec="white", mew=0.6, zorder=4)
    if apex_frequency_Hz is not None and (top := _at(spectrum, apex_frequency_Hz)) is not None:
        name = f"interface arc, apex at {engineering(apex_frequency_Hz, 'Hz')}"
        ax.plot(top.real, -top.imag, "*", color=_RED, ms=13, mec="white", mew=0.6, zorder=5, label=name)
    ax.set_aspect("equal")
    ax.set_xlim(left - 0.03 * width, left + width)
    ax.set_ylim(low - 0.05 * height, low - 0.05 * height + height)
    ax.axhline(0.0, color="black", lw=0.6, zorder=1)
    ax.set_xlabel(r"$Z'$ / $\Omega\,$cm$^2$")
    ax.set_ylabel(r"$-Z''$ / $\Omega\,$cm$^2$")
    ax.grid(alpha=0.25, lw=0.5)
    if title:
        ax.set_title(title, fontsize=10)
    figure.legend(loc="outside lower center", fontsize=8, frameon=False, ncols=4)
    name_decades(ax, spectrum, marks, width)
    return figure


def _normals(z: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Unit normals of the curve in the complex plane."""
    tangent = np.gradient(z) if len(z) > 1 else np.ones_like(z)
    size = np.abs(tangent)
    tangent = np.where(size > 0, tangent / np.where(size > 0, size, 1.0), 1.0)
    return np.asarray(1j * tangent)


#: Where a label may stand beside its mark: offset [points], horizontal and vertical alignment.
_PLACES = (
    (0, 7, "center", "bottom"), (0, -8, "center", "top"), (9, 0, "left", "bottom"), (-9, 0, "right", "bottom"),
    (7, 5, "left", "bottom"), (-7, 5, "right", "bottom"), (7, -5, "left", "top"), (-7, -5, "right", "top"),
    (0, 18, "center", "bottom"), (0, -19, "center", "top"), (22, 0, "left", "center"), (-22, 0, "right", "center"),
)  # fmt: skip
_TOP, _RIGHT, _LEFT = 0, 2, 3


def name_decades(ax: Axes, spectrum: Spectrum, marks: list[tuple[int, int]], width: float) -> None:
    """Write the frequencies beside their marks, where nothing else is drawn; marks that crowd share one label.

    Call it last: it looks for room among the lines and markers that the axes hold, at the size they will have.
    """
    z = spectrum.impedance_ohm_cm2
    places = [complex(z[index].real, -z[index].imag) for index, _ in marks]
    groups: list[list[int]] = []
    for k in range(len(marks))[::-1]:
        if groups and abs(places[k] - places[groups[-1][0]]) < 0.05 * width:
            groups[-1].append(k)
        else:
            groups.append([k])
    ax.figure.draw_without_rendering()  # type: ignore[union-attr]  # places the axes
    taken = _drawn_points(ax)
    foot = 0.5 * (z.real.min() + z.real.max())
    for group in groups:
        first, last = marks[group[0]][1], marks[group[-1]][1]
        text = engineering(10.0**first, "Hz") + (f" to\n{engineering(10.0**last, 'Hz')}" if last != first else "")
        here = places[group[0]]
        # Near the ends of the curve it is steep, and the free side is to the left or right.
        away = (here.real - foot) / max(0.5 * float(np.ptp(z.real)), 1e-300)
        usual = _TOP
        if abs(away) >= 0.85 and here.imag <= 0.7 * float(np.max(-z.imag)):
            usual = _RIGHT if away > 0 else _LEFT
        note = ax.annotate(
            text, (here.real, here.imag), xytext=(0, 0), textcoords="offset points", fontsize=8, color=_BLUE,
            linespacing=1.0,
        )  # fmt: skip
        taken = _put_where_free(note, usual, taken)


def _put_where_free(note: Annotation, usual: int, taken: NDArray[np.float64]) -> NDArray[np.float64]:
    """Move a label to the first place that hides least; returns what is taken now [pixels]."""
    frame = note.axes.get_window_extent()  # type: ignore[union-attr]
    found: list[tuple[int, int, Bbox]] = []
    for k in (usual, *(k for k in range(len(_PLACES)) if k != usual)):
        _put(note, k)
        box = note.get_window_extent().padded(2.0)
        outside = not (frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1)
        found.append((box.count_contains(taken) + 10_000 * outside, k, box))
        if not found[-1][0]:
            break
    _, best, box = min(found, key=lambda one: one[0])
    _put(note, best)
    grid = np.meshgrid(np.linspace(box.x0, box.x1, 12), np.linspace(box.y0, box.y1, 6))
    return np.concatenate([taken, np.column_stack([axis.ravel() for axis in grid])])


def _put(note: Annotation, place: int) -> None:
    x, y, horizontal, vertical = _PLACES[place]
    note.xyann = (x, y)
    note.set(ha=horizontal, va=vertical)


def _drawn_points(ax: Axes) -> NDArray[np.float64]:
    """Points on every line and marker of the axes, three pixels apart at most along lines [pixels]."""
    found = [np.zeros((0, 2))]
    for line in ax.lines:
        points = line.get_transform().transform(np.asarray(line.get_xydata(), float))
        if line.get_linestyle() not in ("None", "none", "", " ") and len(points) > 1:
            along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
            dense = np.linspace(0.0, along[-1], int(min(along[-1] / 3.0, 1e5)) + 2)
            points = np.column_stack([np.interp(dense, along, axis) for axis in points.T])
        found.append(points[np.isfinite(points).all(axis=1)])
    return np.concatenate(found)


def bode(
    spectrum: Spectrum,
    *,
    others: Mapping[str, Spectrum] | None = None,
    apex_frequency_Hz: float | None = None,
    title: str = "",
    label: str = "computed",
) -> Figure:
    """|Z| and phase over frequency; arguments as for `nyquist`."""
    from matplotlib.ticker import LogLocator, NullFormatter

    others = dict(others or {})
    f, z = spectrum.frequency_Hz, spectrum.impedance_ohm_cm2
    figure = new_figure(7.2, 5.2)
    upper, lower = figure.subplots(2, 1, sharex=True)
    error = np.nan_to_num(spectrum.errors)
    if error.max() > _VISIBLE:
        upper.fill_between(f, np.abs(z) * (1 - error), np.abs(z) * (1 + error), color=_BLUE, alpha=0.2, lw=0)
        turn = np.degrees(np.arcsin(np.minimum(error, 1.0)))
        lower.fill_between(
            f, -np.angle(z, deg=True) - turn, -np.angle(z, deg=True) + turn, color=_BLUE, alpha=0.2, lw=0
        )
    for k, (name, other) in enumerate(others.items()):
        style: dict[str, Any] = {"ms": 4.5, "mfc": "none", "mec": GREY if k == 0 else _RED, "ls": "none"}
        marker = _MARKERS[k % 5]
        upper.plot(other.frequency_Hz, np.abs(other.impedance_ohm_cm2), marker, label=name, **style)
        lower.plot(other.frequency_Hz, -np.angle(other.impedance_ohm_cm2, deg=True), marker, **style)
    upper.plot(f, np.abs(z), "-", color=_BLUE, lw=1.6, label=label)
    lower.plot(f, -np.angle(z, deg=True), "-", color=_BLUE, lw=1.6)
    if apex_frequency_Hz is not None and f.min() <= apex_frequency_Hz <= f.max():
        name = f"interface arc, apex at {engineering(apex_frequency_Hz, 'Hz')}"
        upper.axvline(apex_frequency_Hz, color=_RED, lw=0.9, ls="--", label=name)
        lower.axvline(apex_frequency_Hz, color=_RED, lw=0.9, ls="--")
    upper.set_xscale("log")
    upper.set_yscale("log")
    magnitude = np.concatenate([np.abs(s.impedance_ohm_cm2) for s in (spectrum, *others.values())])
    if magnitude.max() < 12 * magnitude.min():
        # Less than about a decade: name the subdivisions, or the axis has one number or none.
        upper.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 3.0, 5.0)))
        upper.yaxis.set_major_formatter(lambda v, _: f"{v:g}")
        upper.yaxis.set_minor_formatter(NullFormatter())
    upper.set_ylabel(r"$|Z|$ / $\Omega\,$cm$^2$")
    lower.set_ylabel(r"$-$phase / degrees")
    lower.set_xlabel(r"frequency / Hz")
    lower.xaxis.set_major_locator(LogLocator(numticks=12))
    for ax in (upper, lower):
        ax.grid(alpha=0.25, lw=0.5)
    if title:
        upper.set_title(title, fontsize=10)
    upper.legend(fontsize=8, frameon=False)
    return figure


def residuals(
    frequency_Hz: NDArray[np.float64],
    residual: NDArray[np.complex128],
    *,
    left_out: Mapping[str, tuple[NDArray[np.float64], NDArray[np.complex128]]] | None = None,
    limit: float | None = None,
    title: str = "",
) -> Figure:
    """Relative residuals over frequency, real and imaginary part.

    Parameters
    ----------
    frequency_Hz : (m,) array
    residual : (m,) array of complex
        Difference over |Z|, as a share (drawn in per cent).
    left_out : mapping, optional
        Points that were not used: reason -> (frequencies, residuals); drawn as grey crosses, never hidden.
    limit : float, optional
        A threshold, drawn as a band of +-limit.
    title : str
    """
    figure = new_figure(7.2, 3.4)
    ax = figure.add_subplot()
    if limit is not None:
        ax.axhspan(-100 * limit, 100 * limit, color=GREY, alpha=0.12, lw=0, label=f"± {100 * limit:g} %")
    ax.axhline(0.0, color="black", lw=0.6)
    ax.plot(frequency_Hz, 100 * residual.real, "o-", ms=4, lw=0.8, color=_BLUE, label="real part")
    ax.plot(frequency_Hz, 100 * residual.imag, "s-", ms=4, lw=0.8, mfc="none", color=_RED, label="imaginary part")
    for k, (reason, (f, r)) in enumerate((left_out or {}).items()):
        ax.plot(np.tile(f, 2), 100 * np.concatenate([r.real, r.imag]), "x+12"[k % 4], ms=6, color=GREY, label=reason)
    ax.set_xscale("log")
    ax.set_xlabel("frequency / Hz")
    ax.set_ylabel("residual / % of |Z|")
    ax.grid(alpha=0.25, lw=0.5)
    if title:
        ax.set_title(title, fontsize=10)
    figure.legend(loc="outside lower center", fontsize=8, frameon=False, ncols=4)
    return figure


# What lies behind a spectrum -----------------------------------------------------------------------------------------

#: Colours of parts, in order.
_PARTS = ("#1f5fa8", "#7fb2e5", "#e08214", "#c23b22", "#7b3294", "#4d9221", "#b8b8b8", "#8c510a", "#35978f")


def stacked_shares(
    frequency_Hz: NDArray[np.float64], shares: Mapping[str, NDArray[np.complex128]], *, title: str = ""
) -> Figure:
    """Which part owns what of Z' and -Z'', stacked over frequency; negative parts are stacked below zero.

    Parameters
    ----------
    frequency_Hz : (m,) float
        Positive.
    shares : mapping of str to (m,) complex
        As from `aspot.analysis.shares.impedance_shares` [ohm cm2].
    title : str
    """
    from matplotlib.ticker import LogLocator

    order = np.argsort(frequency_Hz)
    f = np.asarray(frequency_Hz, float)[order]
    size = max(float(np.max(np.abs(z))) for z in shares.values())
    shown = {name: z[order] for name, z in shares.items() if np.max(np.abs(z)) > 1e-3 * size}
    figure = new_figure(7.2, 5.4)
    axes = figure.subplots(2, 1, sharex=True)
    for ax, part, label in ((axes[0], np.real, r"$Z'$"), (axes[1], lambda z: -np.imag(z), r"$-Z''$")):
        above, below = np.zeros(len(f)), np.zeros(len(f))
        for k, (name, z) in enumerate(shown.items()):
            value = part(z)
            colour = _PARTS[k % len(_PARTS)]
            high, low = np.maximum(value, 0.0), np.minimum(value, 0.0)
            ax.fill_between(f, above, above + high, color=colour, lw=0, alpha=0.85, label=name.replace("_", " "))
            ax.fill_between(f, below, below + low, color=colour, lw=0, alpha=0.85)
            above, below = above + high, below + low
        total = part(np.sum([z[order] for z in shares.values()], axis=0))
        ax.plot(f, total, color="black", lw=1.3, label="whole cell")
        ax.axhline(0.0, color="black", lw=0.6)
        ax.set_ylabel(label + r" / $\Omega\,$cm$^2$")
        ax.grid(alpha=0.25, lw=0.5)
    axes[0].set_xscale("log")
    axes[0].set_xlim(f[0], f[-1])
    axes[1].set_xlabel("frequency / Hz")
    axes[1].xaxis.set_major_locator(LogLocator(numticks=12))
    if title:
        axes[0].set_title(title, fontsize=10)
    axes[0].legend(fontsize=8, frameon=False, ncols=2)
    return figure


def relaxation(
    spectrum: Spectrum, tau_s: NDArray[np.float64], resistance_ohm_cm2: NDArray[np.float64], *, title: str = ""
) -> Figure:
    """The Nyquist plot beside the relaxation times of the model: a bar R_k at every tau_k.

    Parameters
    ----------
    spectrum : Spectrum
    tau_s, resistance_ohm_cm2 : (K,) float
        As of `aspot.analysis.relaxation.relaxation_times`; times with a ten-thousandth of the resistance and less are
        left out.
    title : str
    """
    tau, r = np.asarray(tau_s, float), np.asarray(resistance_ohm_cm2, float)
    z = spectrum.impedance_ohm_cm2
    figure = new_figure(10.0, 3.9)
    left, right = figure.subplots(1, 2, width_ratios=(1.2, 1.0))
    left.plot(z.real, -z.imag, "-", color=_BLUE, lw=1.6)
    marks = decades(spectrum.frequency_Hz)
    index = [i for i, _ in marks]
    left.plot(z.real[index], -z.imag[index], "o", color=_BLUE, ms=6, mec="white", mew=0.6)
    span = float(max(z.real.max(), 1e-300))
    left.set_aspect("equal")
    left.set_xlim(min(0.0, float(z.real.min())) - 0.1 * span, 1.2 * span)
    top = max(1.25 * float((-z.imag).max()), 0.25 * span)
    left.set_ylim(min(0.0, float((-z.imag).min())) - 0.06 * top, top)
    left.axhline(0.0, color="black", lw=0.6, zorder=1)
    left.set_xlabel(r"$Z'$ / $\Omega\,$cm$^2$")
    left.set_ylabel(r"$-Z''$ / $\Omega\,$cm$^2$")
    floor = 1e-4 * r.sum()
    seen = r > floor
    low, high = np.log10(tau[seen].min()) - 0.6, np.log10(tau[seen].max()) + 0.6
    width = 0.012 * (high - low)
    right.bar(tau[seen], r[seen] - floor, bottom=floor, color=_RED, alpha=0.75,
              width=tau[seen] * (10.0**width - 10.0**-width))  # fmt: skip
    right.set_xscale("log")
    right.set_yscale("log")
    right.set_xlim(10.0**low, 10.0**high)
    right.set_ylim(floor, 2.5 * r.max())
    right.set_xlabel(r"relaxation time $\tau_k$ / s")
    right.set_ylabel(r"$R_k$ / $\Omega\,$cm$^2$")
    upper = right.secondary_xaxis("top", functions=(_inverse_time, _inverse_time))
    upper.set_xlabel(r"$1/(2\pi\tau_k)$ / Hz", fontsize=9)
    for ax in (left, right):
        ax.grid(alpha=0.25, lw=0.5)
    if title:
        left.set_title(title, fontsize=10)
    name_decades(left, spectrum, marks, 1.3 * span)
    return figure


def _inverse_time(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1.0 / (2.0 * np.pi * np.maximum(x, 1e-300)))
