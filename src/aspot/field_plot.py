"""Pictures of fields: potential and current density on a plane, without OpenGL, and a 3-D view where there is one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aspot.errors import AspotError, InputError
from aspot.field import Cut, Field
from aspot.plot import GREY, length_unit, new_figure
from aspot.units import engineering

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def field_picture(fields: Field | Sequence[Field], *, title: str = "") -> Figure:
    """Potential with current lines, and current density, on the cut through a spot, one row per field.

    Left: one period of the interface. Middle: potential around the rim of the contact. Right: magnitude of the current
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
    cuts = []
    for field in fields:
        if field.cut is None:
            raise InputError("field picture: the field has no plane cut")
        cuts.append(field.cut)
    heights = [min(max(3.0 * max(panel_shape(c, w) for w in panel_windows(c)), 0.8), 4.5) for c in cuts]
    above, below, column = 0.35, 1.05, 3.65  # inch: title; labels and colour bar; panel with its labels
    top = sum(heights) + len(cuts) * (above + below) + 0.3
    figure = new_figure(3 * column + 0.1, top + (0.35 if title else 0.0), layout=None)
    size = figure.get_size_inches()
    for field, cut, height in zip(fields, cuts, heights, strict=True):
        name = "direct current" if field.frequency_Hz == 0 else engineering(field.frequency_Hz, "Hz")
        whole, window = panel_windows(cut)
        bottom = top - above - height
        top -= above + height + below
        for k, (draw, frame, what) in enumerate(
            (
                (_potential_panel, whole, "one period"),
                (_potential_panel, window, "around the contact"),
                (_current_panel, window, "current density"),
            )
        ):
            # Equal scales: the panel is as wide and as high as its window allows, and hangs from the top.
            wide = min(3.0, height / panel_shape(cut, frame))
            high = wide * panel_shape(cut, frame)
            left, low = k * column + 0.6 + 0.5 * (3.0 - wide), bottom + height - high
            ax = figure.add_axes((left / size[0], low / size[1], wide / size[0], high / size[1]))
            bar = figure.add_axes(((k * column + 0.75) / size[0], (low - 0.6) / size[1], 2.7 / size[0], 0.08 / size[1]))
            draw(ax, bar, cut, frame, f"{name}: {what}")
    figure.legend(
        handles=[
            Patch(facecolor="black", label="metal touches"),
            Patch(facecolor="white", edgecolor=GREY, hatch="//////", lw=0, label="gap or pore"),
            Line2D([], [], color="black", lw=0.8, label="current lines"),
            Line2D([], [], color="silver", lw=0.8, label="equipotential lines"),
        ],
        loc="lower center", ncols=4, fontsize=8, frameon=False,
    )  # fmt: skip
    if title:
        figure.suptitle(title, fontsize=11, y=1 - 0.08 / size[1], va="top")
    return figure


Window = tuple[float, float, float, float]


#: Height of the drawn electrode over the larger side of a panel.
_METAL = 0.06


def panel_windows(cut: Cut) -> tuple[Window, Window]:
    """One period, no deeper than the field still varies sideways, and the surroundings of the smallest feature."""
    return (0.0, cut.width_m, 0.0, min(cut.depth_m, 1.2 * cut.width_m)), _spot_window(cut)


def _frame(cut: Cut, window: Window) -> tuple[float, float, float, float]:
    """Left, right, depth and thickness of the drawn electrode of a panel [m], mirror image included."""
    left = -window[1] if cut.is_mirrored and window[0] == 0.0 else window[0]
    return left, window[1], window[3], _METAL * max(window[1] - left, window[3])


def panel_shape(cut: Cut, window: Window) -> float:
    """Height over width of a panel."""
    left, right, depth, metal = _frame(cut, window)
    return (depth + metal) / (right - left)


#: Part of the median current density below which no current line is drawn; decades of the colours.
_STILL, _DECADES = 1e-2, 3.5
#: Contacts on the cut that are shown together.
_FEW = 2


def _spot_window(cut: Cut) -> Window:
    """Lateral and depth range (m) that shows the smallest feature of the surface with its surroundings."""
    width, depth = cut.width_m, cut.depth_m
    rims = sorted({x for pair in cut.contact_m for x in pair if 1e-9 * width < x < width * (1 - 1e-9)})
    if not rims:
        return 0.0, width, 0.0, min(depth, width)
    if len(cut.contact_m) > _FEW:
        # One of many: the widest, with its neighbourhood.
        start, end = max(cut.contact_m, key=lambda pair: pair[1] - pair[0])
        size = min(max(6.0 * (end - start), 0.15 * width), width)
        left = min(max(0.5 * (start + end - size), 0.0), width - size)
        return left, left + size, 0.0, min(depth, size)
    if rims[0] <= 0.5 * width or len(rims) > 1:
        size = min(2.5 * rims[-1], width)
        return 0.0, size, 0.0, min(depth, size)
    # A gap at the far side: look at the rim itself.
    half = min(1.5 * (width - rims[0]), width)
    return max(width - 2 * half, 0.0), width, 0.0, min(depth, 2 * half)


def current_phase(cut: Cut) -> tuple[complex, float]:
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


def sampled(cut: Cut, window: Window, n: int, *values: NDArray[np.float64]) -> list[NDArray[np.float64]]:
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


def mirrored(
    cut: Cut, x: NDArray[np.float64], *values: NDArray[np.float64], odd: tuple[int, ...] = ()
) -> list[NDArray[np.float64]]:
    """Lattice values continued to negative x, antisymmetric where listed."""
    if not cut.is_mirrored or x[0] != 0.0:
        return [x, *values]
    out = [np.concatenate([-x[:0:-1], x])]
    for k, v in enumerate(values):
        out.append(np.concatenate([(-1.0 if k in odd else 1.0) * v[:, :0:-1], v], axis=1))
    return out


def _potential_panel(ax: Axes, bar_ax: Axes, cut: Cut, window: Window, title: str) -> None:
    from matplotlib.ticker import MaxNLocator

    factor, unit = length_unit(window[1] - window[0])
    phase, _ = current_phase(cut)
    potential = cut.potential_V.real
    current = (cut.current_density_A_m2 / phase).real
    x, z, v, jx, jz = sampled(cut, window, 150, potential, current[:, 0], current[:, 1])
    x, v, jx, jz = mirrored(cut, x, v, jx, jz, odd=(1,))
    finite = v[np.isfinite(v)]
    low, high = float(finite.min()), float(finite.max())
    if high - low <= 1e-9 * max(abs(high), abs(low)):  # an equipotential piece still gets a colour
        low, high = low - 0.5e-3, high + 0.5e-3
    levels = np.linspace(low, high, 21)
    filled = ax.contourf(x * factor, z * factor, v, levels=levels, cmap="viridis", extend="both")
    ax.contour(x * factor, z * factor, v, levels=levels, colors="white", linewidths=0.35, alpha=0.7)
    current_lines(ax, x * factor, z * factor, jx, jz)
    bar = ax.figure.colorbar(filled, cax=bar_ax, orientation="horizontal")
    ticks: NDArray[np.float64] = np.asarray(MaxNLocator(6).tick_values(low, high), float)
    bar.set_ticks([t for t in ticks if -1e-9 <= (t - low) / (high - low) <= 1 + 1e-9])
    bar.set_label("potential / V", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    finish_panel(ax, cut, window, factor, unit, title)


def current_lines(
    ax: Axes, x: NDArray[np.float64], z: NDArray[np.float64], jx: NDArray[np.float64], jz: NDArray[np.float64]
) -> None:
    """Current lines through points evenly spread over the lower edge of the panel, followed up to the electrode.

    Fourth-order Runge-Kutta steps of one lattice spacing along the direction of the current, all lines at once.
    """
    from scipy.ndimage import map_coordinates

    size = np.hypot(jx, jz)
    if not np.nanmax(size) > 0:
        return
    # Lines end where next to nothing flows: in pores, and at metal.
    flows = size > _STILL * np.nanmedian(size)
    with np.errstate(invalid="ignore", divide="ignore"):
        unit = [np.where(flows, np.nan_to_num(j / size), 0.0) for j in (jz, jx)]
    step = np.array([z[1] - z[0], x[1] - x[0]])
    n_rows, n_columns = jx.shape

    def upstream(p: NDArray[np.float64]) -> NDArray[np.float64]:
        """Minus the direction of the current at (row, column), in lattice units; lines may end at the top."""
        direction = -np.stack([map_coordinates(u, p, order=1, mode="nearest") for u in unit])
        return np.asarray(direction * step.min() / step[:, None])

    n = 11
    p = np.stack([np.full(n, n_rows - 1.0), (n_columns - 1.0) * (np.arange(n) + 0.5) / n])
    paths = [p]
    for _ in range(4 * max(n_rows, n_columns)):
        k1 = upstream(p)
        k2 = upstream(p + 0.5 * k1)
        k3 = upstream(p + 0.5 * k2)
        p = p + (k1 + 2 * k2 + 2 * k3 + upstream(p + k3)) / 6
        paths.append(p)
        if np.all((p[0] <= 0) | (p[1] < 0) | (p[1] > n_columns - 1)):
            break
    track = np.stack(paths)  # (steps, row or column, line)
    for line in range(n):
        rows, columns = track[:, 0, line], track[:, 1, line]
        ends = np.hypot(np.diff(rows, append=rows[-1]), np.diff(columns, append=columns[-1])) < 0.1
        outside = np.flatnonzero((rows <= 0) | (columns < 0) | (columns > n_columns - 1) | ends)
        end = int(outside[0]) + 1 if outside.size else len(rows)
        px, pz = x[0] + columns[:end] * step[1], z[0] + np.maximum(rows[:end], 0) * step[0]
        ax.plot(px, pz, color="black", lw=0.6)
        middle = end // 2
        if middle >= 2:
            ax.annotate(
                "", (px[middle - 2], pz[middle - 2]), (px[middle], pz[middle]),
                arrowprops={"arrowstyle": "-|>", "color": "black", "lw": 0, "mutation_scale": 8},
            )  # fmt: skip


def _current_panel(ax: Axes, bar_ax: Axes, cut: Cut, window: Window, title: str) -> None:
    from matplotlib.colors import LogNorm
    from matplotlib.ticker import LogLocator, NullFormatter

    factor, unit = length_unit(window[1] - window[0])
    _, mean = current_phase(cut)
    amplitude = np.sqrt(np.sum(np.abs(cut.current_density_A_m2) ** 2, axis=1)) / (mean or 1.0)
    x, z, j = sampled(cut, window, 300, amplitude)
    x, j = mirrored(cut, x, j)
    positive = j[np.isfinite(j) & (j > 0)]
    if positive.size == 0:
        positive = np.ones(1)
    # The rim is singular and the far corner of the gap is not: percentiles keep the colours useful.
    low, high = np.percentile(positive, [0.5, 99.9])
    low = max(low, high * 10.0**-_DECADES)
    if high < 1.02 * low:
        low, high = low / 1.1, high * 1.1
    half_x, half_z = 0.5 * (x[1] - x[0]), 0.5 * (z[1] - z[0])
    extent = np.array([x[0] - half_x, x[-1] + half_x, z[-1] + half_z, z[0] - half_z]) * factor
    picture = ax.imshow(
        j, norm=LogNorm(low, high), cmap="magma", extent=tuple(extent), origin="upper", interpolation="bilinear"
    )
    bar = ax.figure.colorbar(picture, cax=bar_ax, orientation="horizontal", extend="both")
    bar.set_label(r"current density, $|j|$ / $|j_\mathrm{mean}|$", fontsize=8)
    bar.ax.tick_params(labelsize=7, which="both")
    subs = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0) if high < 10 * low else (1.0, 2.0, 5.0) if high < 1000 * low else (1.0,)
    bar.ax.xaxis.set_major_locator(LogLocator(subs=subs))
    bar.ax.xaxis.set_major_formatter(lambda v, _: f"{v:.3g}")
    bar.ax.xaxis.set_minor_formatter(NullFormatter())
    finish_panel(ax, cut, window, factor, unit, title)


def finish_panel(ax: Axes, cut: Cut, window: Window, factor: float, unit: str, title: str) -> None:
    """Electrode and gap on top, boundaries of layers, equal scales, labels; depth points down."""
    from matplotlib.patches import Rectangle

    left, right, depth, thickness = _frame(cut, window)
    is_mirrored = left < 0
    ax.set_facecolor("black")  # where there is no field there is metal
    ax.add_patch(
        Rectangle((left * factor, -thickness * factor), (right - left) * factor, thickness * factor,
                  facecolor="white", edgecolor=GREY, hatch="//////", lw=0.0, zorder=3)
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


_PROBE = (
    "import pyvista; p = pyvista.Plotter(off_screen=True, window_size=[8, 8]); "
    "p.add_mesh(pyvista.Cube()); p.screenshot()"
)
_NO_OPENGL = (
    "3-D view: pyvista cannot draw here for want of a working OpenGL library; on Debian: "
    "apt-get install libegl1 libgl1-mesa-dri. Pictures of cuts (field_picture) need none"
)


def drawable(text: str) -> str:
    """Text in letters that the fonts of VTK have: it leaves others out, and a micrometre became a metre."""
    return text.replace("\N{MICRO SIGN}", "u").replace("\N{GREEK SMALL LETTER MU}", "u")


def working_pyvista() -> Any:
    """The package pyvista, once it has been seen to draw.

    Raises
    ------
    AspotError
        If it is not installed or cannot draw here; the message says what is missing.
    """
    try:
        import pyvista
    except ImportError as exc:
        raise AspotError(f"3-D view: needs the package pyvista ({exc})") from None
    # Without a working OpenGL library VTK ends the process instead of raising: try in another one first.
    probe = subprocess.run([sys.executable, "-c", _PROBE], capture_output=True, check=False, timeout=120)
    if probe.returncode != 0:
        raise AspotError(_NO_OPENGL)
    return pyvista


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
    pyvista = working_pyvista()
    try:
        magnitude = np.sqrt(np.sum(np.abs(field.current_density_A_m2) ** 2, axis=1))
        factor, unit = length_unit(float(np.ptp(field.points_m, axis=0).max()))
        unit = drawable(unit)
        cells = np.column_stack([np.full(len(field.cells), field.cells.shape[1]), field.cells]).ravel()
        points = field.points_m * factor * np.array([1.0, 1.0, -1.0])
        grid = pyvista.UnstructuredGrid(cells, np.full(len(field.cells), vtk_types[field.cell_type]), points)
        name = f"|j| / (A/m2) at {field.frequency_Hz:.4g} Hz"
        grid.point_data[name] = np.maximum(magnitude, 1e-6 * magnitude.max())
        plotter: Any = pyvista.Plotter(off_screen=True, window_size=list(size))
        plotter.add_mesh(grid, scalars=name, log_scale=True, cmap="magma", show_edges=False)
        plotter.show_bounds(xtitle=f"x / {unit}", ytitle=f"y / {unit}", ztitle=f"-depth / {unit}", grid="back")
        plotter.screenshot(str(path))
        plotter.close()
    except Exception as exc:  # noqa: BLE001  VTK raises whatever the missing driver makes it raise
        raise AspotError(f"{_NO_OPENGL} ({type(exc).__name__}: {exc})") from None
