"""Fields in three dimensions for notebooks: turned with the mouse where that works, a picture everywhere else."""

from __future__ import annotations

import html
import importlib.util
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aspot.errors import AspotError, InputError
from aspot.field import Field
from aspot.field_plot import drawable, working_pyvista
from aspot.plot import length_unit, new_figure
from aspot.units import engineering

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Real = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Faces of a cell by its corners, each counted around; of quadratic tetrahedra in four triangles, middles included.
_FACES: dict[str, list[list[int]]] = {
    "tetra": [[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]],
    "hexahedron": [[0, 3, 2, 1], [4, 5, 6, 7], [0, 1, 5, 4], [1, 2, 6, 5], [2, 3, 7, 6], [3, 0, 4, 7]],
}
_SIX = [(0, 2, 1, 6, 5, 4), (0, 1, 3, 4, 8, 7), (1, 2, 3, 5, 9, 8), (0, 3, 2, 7, 9, 6)]
_FACES["tetra10"] = [
    part for a, b, c, ab, bc, ca in _SIX for part in ([a, ab, ca], [ab, b, bc], [bc, c, ca], [ab, bc, ca])
]

#: Points closer than this share of the size of the field are one place: fields jump across layers and boundaries.
_SAME_PLACE = 1e-8
#: The field is shown down to this many widths, and in so many decades at most.
_DEPTHS, _DECADES = 1.2, 2.5
#: Height of the view in a notebook [pixels].
_HEIGHT = 560

_NOT_INSTALLED = "3-D view: to turn a field with the mouse install pyvista[jupyter]: pip install 'aspot[interactive]'"


@dataclass(frozen=True, kw_only=True)
class _Skin:
    """The outside of a field: faces (triangles or quadrilaterals) and what is drawn on them."""

    points_m: Real
    faces: Ints
    amplitude: Real
    name: str


class Interactive:
    """A scene that the browser draws, complete in itself: needs no server, and stays in a saved notebook."""

    def __init__(self, page: str) -> None:
        self.page = page

    def _repr_html_(self) -> str:
        frame = f'srcdoc="{html.escape(self.page)}" style="width: 100%; height: {_HEIGHT}px; border: 0"'
        return f"<div><iframe {frame}></iframe></div>"

    def __repr__(self) -> str:
        return f"<Interactive 3-D view, {len(self.page) / 1e6:.1f} MB>"


def show_3d(field: Field, *, interactive: bool | None = None, title: str = "") -> Figure | Interactive:
    """A field seen from above the corner of its unit cell: amplitude of the current density over its mean.

    As the last line of a cell in a notebook it shows itself. Cells of arrays end at the middle of their contact, so
    that the two sides in front are cuts through it.

    Parameters
    ----------
    field : Field
        On tetrahedra or hexahedra.
    interactive : bool, optional
        True: to be turned with the mouse, by pyvista and trame in the browser. False: a picture by matplotlib, which
        needs neither of them nor OpenGL. Default: interactive in a Jupyter kernel where `pyvista[jupyter]` is installed
        and can draw, else the picture.
    title : str

    Returns
    -------
    Figure or Interactive

    Raises
    ------
    InputError
        If the field is two-dimensional.
    AspotError
        If an interactive view is asked for and something that it needs is missing; the message says what.
    """
    skin = _skin(field)
    if interactive:
        if not can_interact():
            raise AspotError(_NOT_INSTALLED)
        return _scene(skin, title, working_pyvista())
    if interactive is None and in_kernel() and can_interact():
        try:
            return _scene(skin, title, working_pyvista())
        except AspotError:  # no OpenGL here: the picture needs none
            pass
    return _picture(skin, title)


def in_kernel() -> bool:
    """Whether this runs in the kernel of a notebook."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell is not None and hasattr(shell, "kernel")


def can_interact() -> bool:
    """Whether all is installed that an interactive view needs."""
    try:
        return all(importlib.util.find_spec(name) is not None for name in ("pyvista", "trame_pyvista", "trame_vtk"))
    except ValueError:  # a module that something else has put in place of it
        return False


def _skin(field: Field) -> _Skin:
    if field.cell_type not in _FACES:
        raise InputError(f"3-D view: the field is made of {field.cell_type}; use field_picture")
    points = field.points_m
    size = np.ptp(points, axis=0)
    # Down to where the current is even again; cells that reach below end there.
    deepest = points[:, 2].min() + _DEPTHS * max(size[:2])
    cells = field.cells[points[field.cells, 2].min(axis=1) < deepest]
    places = np.round((points - points.min(axis=0)) / (_SAME_PLACE * size.max())).astype(np.int64)
    place = np.unique(places, axis=0, return_inverse=True)[1].ravel()
    faces = np.concatenate([cells[:, face] for face in _FACES[field.cell_type]])
    # What two cells share is inside.
    _, index, count = np.unique(np.sort(place[faces], axis=1), axis=0, return_index=True, return_counts=True)
    faces = faces[index[count == 1]]
    used, faces = np.unique(faces, return_inverse=True)
    points = points[used]
    points[:, 2] = np.minimum(points[:, 2], deepest)
    j = field.current_density_A_m2[used]
    amplitude = np.sqrt(np.sum(np.abs(j) ** 2, axis=1)) / _mean(field)
    name = "direct current" if field.frequency_Hz == 0 else engineering(field.frequency_Hz, "Hz")
    return _Skin(points_m=points, faces=faces.reshape(-1, faces.shape[-1]), amplitude=amplitude, name=name)


def _mean(field: Field) -> float:
    """Amplitude of the mean current density [A/m2], over the volume: every plane carries the same current."""
    corners = field.points_m[field.cells]
    if field.cell_type == "hexahedron":
        around = (corners[:, [1, 3, 4]] - corners[:, :1], corners[:, [5, 7, 2]] - corners[:, 6:7])
        volume = sum(np.abs(np.linalg.det(edges)) for edges in around)
    else:
        volume = np.abs(np.linalg.det(corners[:, 1:4] - corners[:, :1]))
    down = field.current_density_A_m2[field.cells, 2].mean(axis=1)
    mean = abs(complex(np.sum(volume * down) / np.sum(volume)))
    return mean if mean > 0 else 1.0


def _range(skin: _Skin) -> tuple[float, float]:
    """Ends of the colours, by share of the area that is shown: rims are singular, corners of gaps still."""
    a, b, c = (skin.points_m[skin.faces[:, k]] for k in (0, 1, 2))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    values = skin.amplitude[skin.faces].mean(axis=1)
    order = np.argsort(values)
    reached = np.cumsum(area[order])
    if not reached[-1] > 0 or not values.max() > 0:
        return 0.5, 1.0
    low, high = (float(values[order][np.searchsorted(reached, share * reached[-1])]) for share in (0.01, 0.998))
    return max(min(low, high / 1.2), high * 10.0**-_DECADES), high


def _picture(skin: _Skin, title: str) -> Figure:
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LogNorm
    from mpl_toolkits.mplot3d.art3d import Poly3DCollection

    factor, unit = length_unit(float(np.ptp(skin.points_m, axis=0).max()))
    norm = LogNorm(*_range(skin))
    points = skin.points_m * factor
    colour = colormaps["magma"](norm(np.maximum(skin.amplitude[skin.faces].mean(axis=1), norm.vmin or 1e-30)))
    figure = new_figure(6.6, 5.2)
    ax: Any = figure.add_subplot(projection="3d")
    ax.add_collection3d(Poly3DCollection(points[skin.faces], facecolors=colour, edgecolors=colour, linewidths=0.2))
    low, high = points.min(axis=0), points.max(axis=0)
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), zlim=(high[2], low[2]))
    ax.set_box_aspect(high - low)
    ax.view_init(elev=28, azim=-130)
    for axis, name in zip((ax.xaxis, ax.yaxis, ax.zaxis), ("x", "y", "depth"), strict=True):
        axis.set_label_text(f"{name} / {unit}", fontsize=9)
        axis.set_pane_color((1.0, 1.0, 1.0, 0.0))
        axis.set_major_locator(_few_ticks())
    ax.grid(visible=False)
    ax.tick_params(labelsize=8)
    ax.set_title(f"{title}: {skin.name}" if title else skin.name, fontsize=10)
    bar = figure.colorbar(ScalarMappable(norm, "magma"), ax=ax, shrink=0.65, pad=0.12, extend="both")
    bar.set_label(r"current density, $|j|$ / $|j_\mathrm{mean}|$", fontsize=9)
    bar.ax.yaxis.set_major_formatter(lambda v, _: f"{v:g}")
    bar.ax.yaxis.set_minor_formatter(lambda v, _: f"{v:g}" if f"{v:.0e}"[0] in "25" else "")
    bar.ax.tick_params(labelsize=8, which="both")
    return figure


def _few_ticks() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(4)


def _scene(skin: _Skin, title: str, pyvista: Any) -> Interactive:
    factor, unit = length_unit(float(np.ptp(skin.points_m, axis=0).max()))
    unit = drawable(unit)
    n, k = skin.faces.shape
    faces = np.column_stack([np.full(n, k), skin.faces]).ravel()
    surface = pyvista.PolyData(skin.points_m * factor * np.array([1.0, 1.0, -1.0]), faces)
    low, high = _range(skin)
    # The browser's colours are linear: the logarithm is in the numbers.
    name = "log10 |j|/mean"
    surface.point_data[name] = np.log10(np.clip(skin.amplitude, low, high))
    try:
        plotter: Any = pyvista.Plotter(off_screen=True, notebook=False)
        plotter.add_mesh(surface, scalars=name, cmap="magma", lighting=False, scalar_bar_args={"title": name})
        plotter.show_bounds(xtitle=f"x / {unit}", ytitle=f"y / {unit}", ztitle=f"-depth / {unit}", grid="back")
        plotter.add_text(drawable(f"{title}: {skin.name}" if title else skin.name), font_size=10)
        centre = np.array(surface.center)
        plotter.camera_position = [centre + surface.length * np.array([-1.1, -1.4, 1.0]), centre, (0, 0, 1)]
        page = plotter.trame.export_html(filename=None).getvalue()
        plotter.close()
    except Exception as exc:  # noqa: BLE001  VTK and trame raise whatever the missing piece makes them raise
        raise AspotError(f"3-D view: the interactive scene could not be made ({type(exc).__name__}: {exc})") from None
    return Interactive(page)
