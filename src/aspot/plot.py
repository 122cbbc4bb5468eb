"""Pictures of spectra and fields: Nyquist, Bode, potential and current density. Needs no display and no OpenGL.

Every function returns a `matplotlib.figure.Figure` of its own; the global state of pyplot is never touched. In a
notebook the figure shows itself; `save` writes it to a file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aspot.errors import AspotError, InputError
from aspot.field import Cut, Field
from aspot.spectrum import Spectrum

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BLUE, _RED, _GREY = "#1f5fa8", "#c23b22", "#666666"
_MARKERS = "s^Dvo"

#: An error band narrower than this share of the picture's width cannot be seen and is left out.
_VISIBLE = 2e-3


def _figure(width: float, height: float) -> Figure:
    """A figure that is not registered with pyplot [inch]."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure, at 200 dots per inch where the format has dots; the ending of the path names the format."""
    figure.savefig(path, dpi=200)


def engineering(value: float, unit: str) -> str:
    """A quantity with three digits and an SI prefix, as "88 kHz" or "34 nF".

    Examples
    --------
    >>> engineering(88e3, "Hz"), engineering(3.4e-8, "F"), engineering(0.0, "V")
    ('88 kHz', '34 nF', '0 V')
    """
    if value == 0 or not np.isfinite(value):
        return f"{value:g} {unit}"
    exponent = int(np.floor(np.log10(abs(float(f"{value:.3g}"))) / 3))
    exponent = min(max(exponent, -5), 4)
    prefix = dict(zip(range(-5, 5), ["f", "p", "n", "µ", "m", "", "k", "M", "G", "T"], strict=True))[exponent]
    scaled = value / 10.0 ** (3 * exponent)
    text = f"{scaled:.0f}" if abs(scaled) >= 99.5 else f"{scaled:.3g}"
    return f"{text} {prefix}{unit}"


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


def _decades(frequency_Hz: NDArray[np.float64]) -> list[tuple[int, int]]:
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
    # The frame fits the data: 5 % margin, room for labels above, and never flatter than 1 : 4.
    width = max(right - left, 1e-300) * 1.15
    height = max((high - low) * 1.25, width / 4)
    figure = _figure(7.2, float(np.clip(6.5 * height / width, 1.6, 7.0)) + (1.25 if title else 1.0))
    ax = figure.add_subplot()

    error = spectrum.errors * np.abs(z)
    if np.nanmax(np.append(error, 0.0)) > _VISIBLE * width:
        e = np.nan_to_num(error)
        normal = _normals(z)
        band = np.concatenate([z + e * normal, (z - e * normal)[::-1]])
        ax.add_patch(Polygon(np.column_stack([band.real, -band.imag]), color=_BLUE, alpha=0.2, lw=0, label="error band"))
    for k, (name, other) in enumerate(others.items()):
        w = other.impedance_ohm_cm2
        ax.plot(w.real, -w.imag, _MARKERS[k % 5], ms=4.5, mfc="none", mec=_GREY if k == 0 else _RED, label=name)
    ax.plot(z.real, -z.imag, "-", color=_BLUE, lw=1.6, label=label)
    ax.plot(z.real, -z.imag, ".", color=_BLUE, ms=3)
    marks = _decades(spectrum.frequency_Hz)
    if marks:
        index = [i for i, _ in marks]
        ax.plot(z.real[index], -z.imag[index], "o", color=_BLUE, ms=6, mec="white", mew=0.6, zorder=4)
    if apex_frequency_Hz is not None and (top := _at(spectrum, apex_frequency_Hz)) is not None:
        name = f"interface arc, apex at {engineering(apex_frequency_Hz, 'Hz')}"
        ax.plot(top.real, -top.imag, "*", color=_RED, ms=13, mec="white", mew=0.6, zorder=5, label=name)
    ax.set_aspect("equal")
    ax.set_xlim(left - 0.03 * width, left + width)
    ax.set_ylim(low - 0.05 * height, low - 0.05 * height + height)
    _name_decades(ax, spectrum, marks, width)
    ax.axhline(0.0, color="black", lw=0.6, zorder=1)
    ax.set_xlabel(r"$Z'$ / $\Omega\,$cm$^2$")
    ax.set_ylabel(r"$-Z''$ / $\Omega\,$cm$^2$")
    ax.grid(alpha=0.25, lw=0.5)
    if title:
        ax.set_title(title, fontsize=10)
    figure.legend(loc="outside lower center", fontsize=8, frameon=False, ncols=4)
    return figure


def _normals(z: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Unit normals of the curve in the complex plane."""
    tangent = np.gradient(z) if len(z) > 1 else np.ones_like(z)
    size = np.abs(tangent)
    tangent = np.where(size > 0, tangent / np.where(size > 0, size, 1.0), 1.0)
    return np.asarray(1j * tangent)


def _name_decades(ax: Axes, spectrum: Spectrum, marks: list[tuple[int, int]], width: float) -> None:
    """Write the frequencies beside their marks, on the outer side of the curve; marks that crowd share one label."""
    z = spectrum.impedance_ohm_cm2
    places = [complex(z[index].real, -z[index].imag) for index, _ in marks]
    groups: list[list[int]] = []
    for k in range(len(marks))[::-1]:
        if groups and abs(places[k] - places[groups[-1][0]]) < 0.05 * width:
            groups[-1].append(k)
        else:
            groups.append([k])
    foot = 0.5 * (z.real.min() + z.real.max())
    for group in groups:
        first, last = marks[group[0]][1], marks[group[-1]][1]
        text = engineering(10.0**first, "Hz") + (f" to\n{engineering(10.0**last, 'Hz')}" if last != first else "")
        here = places[group[0]]
        # Near the ends of the curve it is steep, and the free side is to the left or right.
        away = (here.real - foot) / max(0.5 * float(np.ptp(z.real)), 1e-300)
        if abs(away) < 0.85 or here.imag > 0.7 * float(np.max(-z.imag)):
            where: dict[str, Any] = {"xytext": (0, 7), "ha": "center", "va": "bottom"}
        else:
            where = {"xytext": (9 if away > 0 else -9, 0), "ha": "left" if away > 0 else "right", "va": "bottom"}
        ax.annotate(
            text, (here.real, here.imag), textcoords="offset points", fontsize=8, color=_BLUE, linespacing=1.0,
            **where,
        )  # fmt: skip


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
    figure = _figure(7.2, 5.2)
    upper, lower = figure.subplots(2, 1, sharex=True)
    error = np.nan_to_num(spectrum.errors)
    if error.max() > _VISIBLE:
        upper.fill_between(f, np.abs(z) * (1 - error), np.abs(z) * (1 + error), color=_BLUE, alpha=0.2, lw=0)
        turn = np.degrees(np.arcsin(np.minimum(error, 1.0)))
        lower.fill_between(f, -np.angle(z, deg=True) - turn, -np.angle(z, deg=True) + turn, color=_BLUE, alpha=0.2, lw=0)
    for k, (name, other) in enumerate(others.items()):
        style: dict[str, Any] = {"ms": 4.5, "mfc": "none", "mec": _GREY if k == 0 else _RED, "ls": "none"}
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
    magnitude = np.abs(z)
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


# Fields -------------------------------------------------------------------------------------------------------------


def field_picture(fields: Field | Sequence[Field], *, title: str = "") -> Figure:
    """Potential with current lines, and current density, on the cut through a spot, one row per field.

    Left: the whole modelled piece. Middle: potential around the rim of the contact. Right: magnitude of the current
    density there, over its mean, in logarithmic colour. Lines and potential are those of the moment when the applied
    voltage peaks (real parts); the magnitude is the amplitude over a whole period. Black: metal that touches;
    hatched: gap or pore.

    Raises
    ------
    InputError
        If a field has no cut.
    """
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    fields = [fields] if isinstance(fields, Field) else list(fields)
    if not fields:
        raise InputError("field picture: no field given")
    heights = [_panel_height(field.cut) for field in fields if field.cut is not None]
    figure = _figure(11.0, sum(heights) + (0.6 if title else 0.3))
    axes = figure.subplots(len(fields), 3, squeeze=False)
    for field, row in zip(fields, axes, strict=True):
        if field.cut is None:
            raise InputError("field picture: the field has no plane cut")
        cut = field.cut
        window = _spot_window(cut)
        name = "direct current" if field.frequency_Hz == 0 else engineering(field.frequency_Hz, "Hz")
        _potential_panel(row[0], cut, (0.0, cut.width_m, 0.0, cut.depth_m), f"{name}: modelled piece")
        _potential_panel(row[1], cut, window, f"{name}: around the contact")
        _current_panel(row[2], cut, window, f"{name}: current density")
    figure.legend(
        handles=[
            Patch(facecolor="black", label="metal touches"),
            Patch(facecolor="white", edgecolor=_GREY, hatch="//////", lw=0, label="gap or pore"),
            Line2D([], [], color="black", lw=0.8, label="current lines"),
            Line2D([], [], color="silver", lw=0.8, label="equipotential lines"),
        ],
        loc="outside lower center", ncols=4, fontsize=8, frameon=False,
    )  # fmt: skip
    if title:
        figure.suptitle(title, fontsize=11)
    return figure


Window = tuple[float, float, float, float]


def _panel_height(cut: Cut) -> float:
    """Height of a row of panels, labels included [inch]."""
    shapes = [(window[3] - window[2]) / ((window[1] - window[0]) * (2 if cut.is_mirrored and window[0] == 0 else 1))
              for window in ((0.0, cut.width_m, 0.0, cut.depth_m), _spot_window(cut))]  # fmt: skip
    return 1.6 + min(3.0 * max(*shapes, 0.3), 4.5)


def _spot_window(cut: Cut) -> Window:
    """Lateral and depth range (m) that shows the smallest feature of the surface with its surroundings."""
    width, depth = cut.width_m, cut.depth_m
    rims = sorted({x for pair in cut.contact_m for x in pair if 1e-9 * width < x < width * (1 - 1e-9)})
    if not rims:
        return 0.0, width, 0.0, min(depth, width)
    if rims[0] <= 0.5 * width or len(rims) > 1:
        size = min(2.5 * rims[-1], width)
        return 0.0, size, 0.0, min(depth, size)
    # A gap at the far side: look at the rim itself.
    half = min(1.5 * (width - rims[0]), width)
    return max(width - 2 * half, 0.0), width, 0.0, min(depth, 2 * half)


def _current_phase(cut: Cut) -> tuple[complex, float]:
    """Phase factor and magnitude of the mean current density through the far face [A/m2]."""
    points, j = cut.points_m, cut.current_density_A_m2
    far = np.flatnonzero(points[:, 1] >= cut.depth_m * (1 - 1e-9))
    x, first = np.unique(points[far, 0], return_index=True)
    jz = j[far[first], 1]
    weight = x if cut.lateral == "r" else np.ones_like(x)
    norm = np.trapezoid(weight, x)
    mean = complex(np.trapezoid(weight * jz, x) / norm) if len(x) > 1 and norm > 0 else complex(np.mean(j[:, 1]))
    size = abs(mean)
    return (mean / size if size > 0 else 1.0 + 0j), size


def _sampled(cut: Cut, window: Window, n: int, *values: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Values on a regular lattice over the window: lateral coordinates, depths [m], then each array (depth, lateral).

    Linear on every triangle. Triangles need not share points: fields jump across layers and boundaries.
    """
    size = max(window[1] - window[0], window[3] - window[2])
    counts = [max(int(n * (window[2 * k + 1] - window[2 * k]) / size), 20) for k in range(2)]
    x, z = (np.linspace(window[2 * k], window[2 * k + 1], counts[k]) for k in range(2))
    step = np.array([x[1] - x[0], z[1] - z[0]])
    # Positions in units of the lattice: column and row numbers.
    corners = ((cut.points_m - np.array([window[0], window[2]])) / step)[cut.triangles]
    first = np.maximum(np.ceil(corners.min(axis=1) - 1e-6).astype(np.int64), 0)
    last = np.minimum(np.floor(corners.max(axis=1) + 1e-6).astype(np.int64), np.array(counts) - 1)
    out = [np.full((counts[1], counts[0]), np.nan) for _ in values]
    for k in np.flatnonzero(np.all(first <= last, axis=1)):
        (x0, z0), e1, e2 = corners[k, 0], corners[k, 1] - corners[k, 0], corners[k, 2] - corners[k, 0]
        area = e1[0] * e2[1] - e1[1] * e2[0]
        if abs(area) < 1e-14:
            continue
        columns, rows = np.arange(first[k, 0], last[k, 0] + 1), np.arange(first[k, 1], last[k, 1] + 1)
        dx, dz = columns[None, :] - x0, rows[:, None] - z0
        s, t = (dx * e2[1] - dz * e2[0]) / area, (dz * e1[0] - dx * e1[1]) / area
        inside = (s >= -1e-6) & (t >= -1e-6) & (s + t <= 1 + 1e-6)
        if inside.any():
            block = np.ix_(rows, columns)
            for grid, v in zip(out, values, strict=True):
                v0, v1, v2 = v[cut.triangles[k]]
                grid[block] = np.where(inside, v0 + s * (v1 - v0) + t * (v2 - v0), grid[block])
    return [x, z, *out]


def _mirrored(
    cut: Cut, x: NDArray[np.float64], *values: NDArray[np.float64], odd: tuple[int, ...] = ()
) -> list[NDArray[np.float64]]:
    """Lattice values continued to negative x, antisymmetric where listed."""
    if not cut.is_mirrored or x[0] != 0.0:
        return [x, *values]
    out = [np.concatenate([-x[:0:-1], x])]
    for k, v in enumerate(values):
        out.append(np.concatenate([(-1.0 if k in odd else 1.0) * v[:, :0:-1], v], axis=1))
    return out


def _potential_panel(ax: Axes, cut: Cut, window: Window, title: str) -> None:
    from matplotlib.ticker import MaxNLocator

    factor, unit = length_unit(window[1] - window[0])
    phase, _ = _current_phase(cut)
    potential = cut.potential_V.real
    current = (cut.current_density_A_m2 / phase).real
    x, z, v, jx, jz = _sampled(cut, window, 150, potential, current[:, 0], current[:, 1])
    x, v, jx, jz = _mirrored(cut, x, v, jx, jz, odd=(1,))
    finite = v[np.isfinite(v)]
    low, high = float(finite.min()), float(finite.max())
    levels = np.linspace(low, high, 21) if high - low > 1e-9 * max(abs(high), abs(low)) else None
    if levels is None:
        levels = np.linspace(low - 0.5e-3, high + 0.5e-3, 21)
    filled = ax.contourf(x * factor, z * factor, v, levels=levels, cmap="viridis", extend="both")
    ax.contour(x * factor, z * factor, v, levels=levels, colors="white", linewidths=0.35, alpha=0.7)
    _current_lines(ax, cut, x * factor, z * factor, jx, jz)
    bar = ax.figure.colorbar(filled, ax=ax, location="bottom", shrink=0.8, aspect=30)
    ticks = MaxNLocator(6).tick_values(low, high)
    bar.set_ticks(ticks[(ticks >= low - 1e-9 * (high - low)) & (ticks <= high + 1e-9 * (high - low))])
    bar.set_label("potential / V", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    _finish_panel(ax, cut, window, factor, unit, title)


def _current_lines(
    ax: Axes, cut: Cut, x: NDArray[np.float64], z: NDArray[np.float64], jx: NDArray[np.float64], jz: NDArray[np.float64]
) -> None:
    """Current lines through points that are evenly spread over the lower edge of the panel."""
    size = np.hypot(jx, jz)
    if not np.nanmax(size) > 0:
        return
    # Directions alone matter; the magnitude would make the integrator's steps uneven.
    with np.errstate(invalid="ignore", divide="ignore"):
        ux, uz = np.nan_to_num(jx / size), np.nan_to_num(jz / size)
    n = 11
    span = x[-1] - x[0]
    seeds = np.column_stack([x[0] + span * (np.arange(n) + 0.5) / n, np.full(n, z[0] + 0.985 * (z[-1] - z[0]))])
    ax.streamplot(
        x, z, ux, uz, start_points=seeds, color="black", linewidth=0.6, arrowsize=0.6, density=3,
        broken_streamlines=False, integration_direction="both", maxlength=8.0,
    )  # fmt: skip


def _current_panel(ax: Axes, cut: Cut, window: Window, title: str) -> None:
    from matplotlib.colors import LogNorm
    from matplotlib.ticker import LogLocator, NullFormatter

    factor, unit = length_unit(window[1] - window[0])
    _, mean = _current_phase(cut)
    amplitude = np.sqrt(np.sum(np.abs(cut.current_density_A_m2) ** 2, axis=1)) / (mean or 1.0)
    x, z, j = _sampled(cut, window, 300, amplitude)
    x, j = _mirrored(cut, x, j)
    positive = j[np.isfinite(j) & (j > 0)]
    if positive.size == 0:
        positive = np.ones(1)
    # The rim is singular and the far corner of the gap is not: percentiles keep the colours useful.
    low, high = np.percentile(positive, [0.5, 99.9])
    if high < 1.02 * low:
        low, high = low / 1.1, high * 1.1
    half_x, half_z = 0.5 * (x[1] - x[0]), 0.5 * (z[1] - z[0])
    extent = np.array([x[0] - half_x, x[-1] + half_x, z[-1] + half_z, z[0] - half_z]) * factor
    picture = ax.imshow(
        j, norm=LogNorm(low, high), cmap="magma", extent=tuple(extent), origin="upper", interpolation="bilinear"
    )
    bar = ax.figure.colorbar(picture, ax=ax, location="bottom", shrink=0.8, aspect=30, extend="both")
    bar.set_label(r"current density, $|j|$ / $|j_\mathrm{mean}|$", fontsize=8)
    bar.ax.tick_params(labelsize=7, which="both")
    subs = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0) if high < 10 * low else (1.0, 2.0, 5.0) if high < 1000 * low else (1.0,)
    bar.ax.xaxis.set_major_locator(LogLocator(subs=subs))
    bar.ax.xaxis.set_major_formatter(lambda v, _: f"{v:.3g}")
    bar.ax.xaxis.set_minor_formatter(NullFormatter())
    _finish_panel(ax, cut, window, factor, unit, title)


def _finish_panel(ax: Axes, cut: Cut, window: Window, factor: float, unit: str, title: str) -> None:
    """Electrode and gap on top, boundaries of layers, equal scales, labels; depth points down."""
    from matplotlib.patches import Rectangle

    is_mirrored = cut.is_mirrored and window[0] == 0.0
    left = -window[1] if is_mirrored else window[0]
    right, depth = window[1], window[3]
    thickness = 0.06 * max(right - left, depth)
    ax.add_patch(
        Rectangle((left * factor, -thickness * factor), (right - left) * factor, thickness * factor,
                  facecolor="white", edgecolor=_GREY, hatch="//////", lw=0.0, zorder=3)
    )  # fmt: skip
    for start, end in cut.contact_m:
        for a, b in ((start, end), (-end, -start)) if is_mirrored else ((start, end),):
            a, b = max(a, left), min(b, right)
            if b > a:
                ax.add_patch(
                    Rectangle((a * factor, -thickness * factor), (b - a) * factor, thickness * factor,
                              facecolor="black", lw=0, zorder=4)
                )  # fmt: skip
    for boundary in cut.layers_m:
        if 0 < boundary < depth:
            ax.axhline(boundary * factor, color="white", lw=1.0, ls="--")
    ax.set_aspect("equal")
    ax.set_xlim(left * factor, right * factor)
    ax.set_ylim(depth * factor, -thickness * factor)
    ax.set_xlabel(f"${cut.lateral}$ / {unit}", fontsize=9)
    ax.set_ylabel(f"depth / {unit}", fontsize=9)
    ax.tick_params(labelsize=8)
    ax.set_title(title, fontsize=9)


def view_3d(field: Field, path: str | Path, *, size: tuple[int, int] = (1400, 1000)) -> None:
    """Write a 3-D view of the magnitude of the current density to a PNG file, by pyvista.

    Parameters
    ----------
    field : Field
        On tetrahedra or hexahedra.
    path : str or Path
    size : (int, int)
        Pixels.

    Raises
    ------
    InputError
        If the field is two-dimensional.
    AspotError
        If pyvista is not installed or cannot draw here; the message says what is missing.
    """
    vtk_types = {"tetra": 10, "tetra10": 24, "hexahedron": 12}
    if field.cell_type not in vtk_types:
        raise InputError(f"3-D view: the field is made of {field.cell_type}; use field_picture")
    try:
        import pyvista
    except ImportError as exc:
        raise AspotError(f"3-D view: needs the package pyvista ({exc}); pip install 'aspot[view]'") from None
    try:
        magnitude = np.sqrt(np.sum(np.abs(field.current_density_A_m2) ** 2, axis=1))
        factor, unit = length_unit(float(np.ptp(field.points_m, axis=0).max()))
        cells = np.column_stack([np.full(len(field.cells), field.cells.shape[1]), field.cells]).ravel()
        points = field.points_m * factor * np.array([1.0, 1.0, -1.0])
        grid = pyvista.UnstructuredGrid(cells, np.full(len(field.cells), vtk_types[field.cell_type]), points)
        name = f"|j| / (A/m2) at {field.frequency_Hz:.4g} Hz"
        grid.point_data[name] = np.maximum(magnitude, 1e-6 * magnitude.max())
        plotter = pyvista.Plotter(off_screen=True, window_size=list(size))
        plotter.add_mesh(grid, scalars=name, log_scale=True, cmap="magma", show_edges=False)
        plotter.show_bounds(xtitle=f"x / {unit}", ytitle=f"y / {unit}", ztitle=f"-depth / {unit}", grid="back")
        plotter.screenshot(str(path))
        plotter.close()
    except Exception as exc:  # VTK raises whatever the missing driver makes it raise
        raise AspotError(
            f"3-D view: pyvista cannot draw here ({type(exc).__name__}: {exc}); it needs OpenGL, for example the "
            "packages libgl1, libegl1 and libosmesa6"
        ) from None
