"""Charts that can be hovered and zoomed, as parts of a page (plotly); nothing is loaded from a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from aspot.spectrum import Spectrum

if TYPE_CHECKING:
    from aspot.analysis.drt import Distribution

_BLUE, _RED, _GREY = "#1f5fa8", "#c23b22", "#666666"
_PARTS = ("#1f5fa8", "#7fb2e5", "#e08214", "#c23b22", "#7b3294", "#4d9221", "#b8b8b8", "#8c510a", "#35978f")
_HOVER = "%{customdata:.4s}Hz<br>Z' = %{x:.5g}<br>-Z'' = %{y:.5g} Ω cm²"


def script() -> str:
    """The library of the charts itself, for the head of the page."""
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


def _page_part(figure: Any, name: str, height: int) -> str:
    figure.update_layout(
        template="simple_white",
        height=height,
        margin={"l": 70, "r": 20, "t": 20, "b": 55},
        legend={"orientation": "h", "traceorder": "normal", "y": 1.02, "yanchor": "bottom", "x": 0},
        font={"family": "system-ui, sans-serif", "size": 13},
        hoverlabel={"font": {"size": 13}},
    )
    figure.update_xaxes(showgrid=True, gridcolor="#eee")
    figure.update_yaxes(showgrid=True, gridcolor="#eee")
    options = {"displaylogo": False, "responsive": True, "modeBarButtonsToRemove": ["select2d", "lasso2d"]}
    return str(figure.to_html(full_html=False, include_plotlyjs=False, div_id=f"chart-{name}", config=options))


def nyquist(spectrum: Spectrum, measured: Spectrum | None, apex_Hz: float | None) -> str:
    """-Z'' over Z' with equal scales, frequencies at the pointer."""
    import plotly.graph_objects as go

    figure = go.Figure()
    if measured is not None:
        _curve(figure, measured, "measured", {"mode": "markers", "marker": _hollow()})
    _curve(figure, spectrum, "computed", {"mode": "lines+markers", "line": {"color": _BLUE}, "marker": {"size": 4}})
    if apex_Hz is not None and spectrum.frequency_Hz[-1] <= apex_Hz <= spectrum.frequency_Hz[0]:
        at = int(np.argmin(np.abs(np.log(spectrum.frequency_Hz / apex_Hz))))
        top = spectrum.impedance_ohm_cm2[at]
        star = {"symbol": "star", "size": 13, "color": _RED}
        figure.add_scatter(x=[top.real], y=[-top.imag], mode="markers", name="apex of the interface arc", marker=star)
    figure.update_xaxes(title="Z' / Ω cm²")
    figure.update_yaxes(title="−Z'' / Ω cm²", scaleanchor="x", scaleratio=1)
    return _page_part(figure, "nyquist", 420)


def _hollow() -> dict[str, Any]:
    return {"symbol": "circle-open", "size": 7, "color": _GREY}


def _curve(figure: Any, spectrum: Spectrum, name: str, style: Mapping[str, Any]) -> None:
    z = spectrum.impedance_ohm_cm2
    figure.add_scatter(x=z.real, y=-z.imag, customdata=spectrum.frequency_Hz, name=name, hovertemplate=_HOVER, **style)


def bode(spectrum: Spectrum, measured: Spectrum | None) -> str:
    """|Z| and phase over frequency."""
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.06)
    given = [(spectrum, "computed", {"mode": "lines", "line": {"color": _BLUE}})]
    if measured is not None:
        given.insert(0, (measured, "measured", {"mode": "markers", "marker": _hollow()}))
    for s, name, style in given:
        z = s.impedance_ohm_cm2
        rows = ((np.abs(z), "|Z| = %{y:.5g} Ω cm²"), (-np.angle(z, deg=True), "−phase = %{y:.4g}°"))
        for k, (y, text) in enumerate(rows):
            figure.add_scatter(
                x=s.frequency_Hz, y=y, name=name, legendgroup=name, showlegend=k == 0,
                hovertemplate="%{x:.4s}Hz<br>" + text, row=k + 1, col=1, **style,
            )  # fmt: skip
    figure.update_xaxes(type="log", exponentformat="SI")
    figure.update_xaxes(title="frequency / Hz", row=2, col=1)
    figure.update_yaxes(title="|Z| / Ω cm²", type="log", row=1, col=1)
    figure.update_yaxes(title="−phase / °", row=2, col=1)
    return _page_part(figure, "bode", 460)


def resistances(
    parts: Sequence[tuple[str, float]], total: float, uncertainty: float, interval: Sequence[float] | None
) -> str:
    """The parts of the resistance as one bar, with the error of the total.

    Parameters
    ----------
    parts : sequence of (name, ohm cm2)
    total, uncertainty : float
        [ohm cm2].
    interval : (low, high), optional
        Guaranteed [ohm cm2].
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    for k, (name, value) in enumerate(parts):
        figure.add_bar(
            x=[value], y=[""], orientation="h", name=name, marker={"color": _PARTS[k % len(_PARTS)]},
            text=f"{value:.4g}" if value > 0.06 * total else "", textposition="inside", insidetextanchor="middle",
            hovertemplate=f"{name}: {value:.5g} Ω cm² ({value / total:.1%})<extra></extra>",
        )  # fmt: skip
    low, high = interval or (total - uncertainty, total + uncertainty)
    figure.add_scatter(
        x=[total], y=[""], mode="markers", marker={"color": "black", "size": 7}, name="R_total with its error",
        error_x={"type": "data", "symmetric": False, "array": [high - total], "arrayminus": [total - low]},
        hovertemplate=f"R_total = {total:.6g} ± {uncertainty:.1g} Ω cm²<br>{low:.6g} to {high:.6g}<extra></extra>",
    )  # fmt: skip
    figure.update_layout(barmode="stack")
    figure.update_xaxes(title="area-specific resistance / Ω cm²", rangemode="tozero")
    return _page_part(figure, "resistances", 210)


def relaxation(distributions: Mapping[str, Distribution]) -> str:
    """Distribution of relaxation times over frequency 1/(2 pi tau), the peaks named."""
    import plotly.graph_objects as go

    figure = go.Figure()
    highest = max(float(np.max(d.gamma_ohm_cm2)) for d in distributions.values())
    labels: list[tuple[float, float, str, str]] = []
    for (name, d), color in zip(distributions.items(), (_BLUE, _GREY, _RED), strict=False):
        f = 1.0 / (2.0 * np.pi * np.asarray(d.tau_s))
        figure.add_scatter(
            x=f, y=d.gamma_ohm_cm2, mode="lines", name=name, line={"color": color},
            hovertemplate="%{x:.4s}Hz<br>γ = %{y:.4g} Ω cm²",
        )  # fmt: skip
        for peak in d.peaks:
            labels.append(
                (
                    float(np.log10(peak.apex_frequency_Hz)),
                    peak.height_ohm_cm2,
                    f"{peak.resistance_ohm_cm2:.3g} Ω cm²",
                    color,
                )
            )
    for (x, y, text, color), shift in zip(labels, _shifts(labels, highest), strict=True):
        figure.add_annotation(x=x, y=y, text=text, font={"color": color}, showarrow=False, yshift=shift)
    # What lies beyond the frequencies of the spectra is a continuation.
    ends = [1.0 / (2.0 * np.pi * s) for d in distributions.values() for s in d.measured_range_s]
    all_tau = np.concatenate([np.asarray(d.tau_s) for d in distributions.values()])
    low, high = (1.0 / (2.0 * np.pi * s) for s in (all_tau.max(), all_tau.min()))
    for first, last in ((low, min(ends)), (max(ends), high)):
        figure.add_vrect(x0=first, x1=last, fillcolor="#eeeeee", line_width=0, layer="below")
    figure.update_xaxes(range=[np.log10(low), np.log10(high)])
    figure.update_yaxes(range=[0.0, 1.3 * highest])
    figure.update_xaxes(title="1/(2πτ) / Hz", type="log", exponentformat="SI")
    figure.update_yaxes(title="γ(ln τ) / Ω cm²")
    return _page_part(figure, "relaxation", 360)


def _shifts(labels: Sequence[tuple[float, float, str, str]], highest: float) -> list[int]:
    """How far above its peak each label stands, so that none hides another [pixels]."""
    wide, tall, pixels = 0.7, 15, 220.0  # decades, pixels, and the height of `highest`
    placed: list[tuple[float, float]] = []
    shifts = []
    for x, y, _, _ in labels:
        shift = 11
        while any(abs(x - a) < wide and abs(pixels * y / highest + shift - b) < tall for a, b in placed):
            shift += 3
        placed.append((x, pixels * y / highest + shift))
        shifts.append(shift)
    return shifts


def residuals(frequency_Hz: Sequence[float], residual: np.ndarray[Any, Any]) -> str:
    """(Measured - computed)/|measured| over frequency."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for y, name, color in ((residual.real, "real part", _BLUE), (residual.imag, "imaginary part", _RED)):
        figure.add_scatter(
            x=frequency_Hz, y=100 * y, mode="lines+markers", name=name, line={"color": color, "width": 1},
            hovertemplate="%{x:.4s}Hz<br>%{y:.2f} %",
        )  # fmt: skip
    figure.update_xaxes(title="frequency / Hz", type="log", exponentformat="SI")
    figure.update_yaxes(title="residual / % of |Z|", zeroline=True, zerolinecolor="#999")
    return _page_part(figure, "residuals", 300)
