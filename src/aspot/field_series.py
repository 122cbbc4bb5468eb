"""One field at several frequencies: side by side in one scale of colours, or as a moving picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aspot.errors import InputError
from aspot.field import Cut, Field
from aspot.field_plot import current_lines, current_phase, finish_panel, mirrored, panel_shape, panel_windows, sampled
from aspot.plot import length_unit, new_figure
from aspot.units import engineering

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Real = NDArray[np.float64]

#: Bright where next to nothing flows, so that black lines stay visible everywhere.
_COLOURS = "YlOrRd"
#: Decades of current density that the colours span at most.
_DECADES = 2.0
#: Panels in a row, and their largest height [inch].
_IN_A_ROW, _HIGHEST = 5, 3.2


class _Frame:
    """Everything drawn of one field: current density over its mean, and its lines."""

    def __init__(self, field: Field) -> None:
        if field.cut is None:
            raise InputError("field series: a field has no plane cut")
        self.cut: Cut = field.cut
        self.window = panel_windows(self.cut)[0]
        self.name = "direct current" if field.frequency_Hz == 0 else engineering(field.frequency_Hz, "Hz")
        phase, mean = current_phase(self.cut)
        j = self.cut.current_density_A_m2
        amplitude = np.sqrt(np.sum(np.abs(j) ** 2, axis=1)) / (mean or 1.0)
        flow = (j / phase).real
        x, z, *values = sampled(self.cut, self.window, 240, amplitude, flow[:, 0], flow[:, 1])
        self.x, self.amplitude, self.jx, self.jz = mirrored(self.cut, x, *values, odd=(1,))
        self.z = z

    def draw(self, ax: Axes, norm: Any, title: str) -> Any:
        """Draw it; returns the picture that a colour bar belongs to."""
        factor, unit = length_unit(self.window[1] - self.window[0])
        dx, dz = 0.5 * (self.x[1] - self.x[0]), 0.5 * (self.z[1] - self.z[0])
        extent = np.array([self.x[0] - dx, self.x[-1] + dx, self.z[-1] + dz, self.z[0] - dz]) * factor
        shown = ax.imshow(
            self.amplitude, norm=norm, cmap=_COLOURS, extent=tuple(extent), origin="upper", interpolation="bilinear"
        )
        current_lines(ax, self.x * factor, self.z * factor, self.jx, self.jz)
        finish_panel(ax, self.cut, self.window, factor, unit, title)
        return shown


def _frames(fields: Sequence[Field]) -> tuple[list[_Frame], Any]:
    """The frames, and one scale of colours for all."""
    from matplotlib.colors import LogNorm

    frames = [_Frame(field) for field in fields]
    if not frames:
        raise InputError("field series: no field given")
    # Rims are singular, corners of gaps nearly still: percentiles keep the colours useful.
    low, high = np.inf, 0.0
    for frame in frames:
        positive = frame.amplitude[frame.amplitude > 0]  # NaN where there is metal
        if positive.size:
            low, high = min(low, float(np.percentile(positive, 1))), max(high, float(np.percentile(positive, 99.7)))
    if not high > 0:
        low = high = 1.0
    low = max(low, high * 10.0**-_DECADES)
    return frames, LogNorm(min(low, high / 1.1), high)


def _colour_bar(figure: Figure, shown: Any, axes: Any) -> None:
    bar = figure.colorbar(shown, ax=axes, extend="both", fraction=0.03, pad=0.01)
    bar.set_label(r"current density, $|j|$ / $|j_\mathrm{mean}|$", fontsize=8)
    bar.ax.tick_params(labelsize=7, which="both")
    bar.ax.yaxis.set_major_formatter(lambda v, _: f"{v:g}")
    bar.ax.yaxis.set_minor_formatter(lambda v, _: f"{v:g}" if f"{v:.0e}"[0] in "25" else "")


def field_series(fields: Sequence[Field], *, labels: Sequence[str] = (), title: str = "") -> Figure:
    """One period of the interface at several frequencies, side by side, in one scale of colours.

    Colour: amplitude of the current density over its mean. Black lines follow the current at the moment when its mean
    peaks. Black: metal that touches; hatched: gap or pore.

    Parameters
    ----------
    fields : sequence of Field
    labels : sequence of str, optional
        One for each, put before its frequency.
    title : str

    Raises
    ------
    InputError
        If there is no field, one has no cut, or there are not as many labels as fields.
    """
    fields = list(fields)
    if labels and len(labels) != len(fields):
        raise InputError(f"field series: labels must be one for each of {len(fields)} fields, got {len(labels)}")
    frames, norm = _frames(fields)
    columns = min(len(frames), _IN_A_ROW)
    rows = -(-len(frames) // columns)
    shape = max(panel_shape(frame.cut, frame.window) for frame in frames)
    wide = min(2.3, _HIGHEST / shape)
    figure = new_figure(columns * (wide + 0.3) + 1.1, rows * (wide * shape + 0.8) + (0.3 if title else 0.0))
    axes = figure.subplots(rows, columns, squeeze=False)
    for k, frame in enumerate(frames):
        ax = axes.flat[k]
        shown = frame.draw(ax, norm, f"{labels[k]}  {frame.name}" if labels else frame.name)
        if k % columns:
            ax.set_ylabel("")
            ax.tick_params(labelleft=False)
    for ax in axes.flat[len(frames) :]:
        ax.set_visible(False)
    _colour_bar(figure, shown, axes)
    if title:
        figure.suptitle(title, fontsize=11)
    return figure


def write_animation(
    path: str | Path, fields: Sequence[Field], *, frames_per_second: float = 4.0, title: str = ""
) -> None:
    """The fields one after the other as an animated GIF that repeats itself; drawn as in `field_series`.

    Parameters
    ----------
    path : str or Path
        Ends in .gif.
    fields : sequence of Field
        In the order in which they are shown.
    frames_per_second : float
    title : str
        Above the frequency.

    Raises
    ------
    InputError
        If there is no field, one has no cut, the path does not end in .gif, or the rate is not positive.
    """
    from matplotlib.animation import PillowWriter

    if Path(path).suffix.lower() != ".gif":
        raise InputError(f"{path}: an animation is written to a .gif file")
    if not (np.isfinite(frames_per_second) and frames_per_second > 0):
        raise InputError(f"frames_per_second = {frames_per_second!r}: must be positive and finite")
    frames, norm = _frames(list(fields))
    shape = max(panel_shape(frame.cut, frame.window) for frame in frames)
    wide = min(4.2, 4.2 / shape)
    figure = new_figure(wide + 1.6, wide * shape + 1.0)
    ax = figure.add_subplot()
    shown = frames[0].draw(ax, norm, "")
    _colour_bar(figure, shown, ax)
    writer = PillowWriter(fps=frames_per_second)  # type: ignore[arg-type]  # any positive number works
    with writer.saving(figure, str(path), dpi=90):
        for frame in frames:
            ax.clear()
            frame.draw(ax, norm, f"{title}\n{frame.name}" if title else frame.name)
            writer.grab_frame()
