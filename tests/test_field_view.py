"""Fields in three dimensions: what is outside, in which units, and what remains without pyvista, trame or OpenGL."""

import html
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

import aspot
from aspot import field_view
from aspot.errors import AspotError, InputError
from aspot.field import Field
from aspot.field_view import Interactive, show_3d

SIDE = 1e-5 / 0.5 * np.sqrt(np.pi) / 2  # half the period of contacts of 10 µm on a quarter of the area


@pytest.fixture(scope="module", params=["surface", "tetrahedra"])
def result(request: pytest.FixtureRequest) -> aspot.Result:
    pattern = {"kind": "spots", "arrangement": "square", "radius": 1e-5, "contact_fraction": 0.25}
    cell = aspot.Cell(
        electrolyte={"thickness": 8e-5, "conductivity": 0.55},
        working_electrode={"morphology": pattern},
        frequencies={"values": [1.0]},
        numerics={"relative_tolerance": 2e-2, "backend": request.param},
    )
    return aspot.simulate(cell)


def area(skin: Any) -> float:
    """Of all faces [m2], triangles or parallelograms."""
    a, b, c = (skin.points_m[skin.faces[:, k]] for k in (0, 1, 2))
    triangles = 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1)
    if skin.faces.shape[1] == 4:
        d = skin.points_m[skin.faces[:, 3]]
        triangles = triangles + 0.5 * np.linalg.norm(np.cross(c - a, d - a), axis=1)
    return float(triangles.sum())


def test_the_outside_is_that_of_a_box(result: aspot.Result) -> None:
    """No face inside is left, although patches do not share points: the area is that of a box 1.2 widths deep."""
    skin = field_view._skin(result.field(0.0))
    assert np.ptp(skin.points_m, axis=0) == pytest.approx([SIDE, SIDE, 1.2 * SIDE], rel=1e-6)
    # Tetrahedra that are cut at that depth may fold a little.
    assert area(skin) == pytest.approx((2 + 4 * 1.2) * SIDE**2, rel=3e-3)


def test_colours_are_the_current_density_over_that_of_the_electrode(result: aspot.Result) -> None:
    """For 1 V the mean current density is 1/Z; deep down the current is even."""
    field = result.field(0.0)
    assert field_view._mean(field) == pytest.approx(1e4 / result.resistances.total, rel=5e-3)
    skin = field_view._skin(field)
    deep = skin.points_m[:, 2] > 1.19 * SIDE
    assert np.mean(skin.amplitude[deep]) == pytest.approx(1.0, rel=0.02)
    assert skin.amplitude[deep] == pytest.approx(1.0, abs=0.2)
    low, high = field_view._range(skin)
    assert low < 1 < high < 0.999 * skin.amplitude.max()


def test_outside_a_kernel_it_is_a_picture_that_needs_no_pyvista(
    result: aspot.Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyvista", None)
    figure = show_3d(result.field(0.0), title="square array")
    assert isinstance(figure, Figure)
    figure.canvas.draw()
    picture = np.asarray(figure.canvas.buffer_rgba(), float)[..., :3]  # type: ignore[attr-defined]
    # Dark corners and a bright rim: a fifth of the paper at least is coloured.
    assert np.mean(np.ptp(picture, axis=2) > 40) > 0.2
    ax, bar = figure.axes
    assert ax.get_title() == "square array: direct current" and ax.get_xlabel() == "x / µm"
    assert "mean" in bar.get_ylabel()
    with pytest.raises(AspotError, match=r"install pyvista\[jupyter\]"):
        show_3d(result.field(0.0), interactive=True)


class Plotter:
    """Takes what a plotter takes."""

    def __init__(self, **_: Any) -> None:
        self.trame = SimpleNamespace(export_html=lambda filename: SimpleNamespace(getvalue=lambda: '<a href="&">'))

    def add_mesh(self, surface: Any, *, scalars: str, **_: Any) -> None:
        values = surface.point_data[scalars]
        assert values.min() < 0 < values.max() < 3  # log10 of densities over their mean

    def show_bounds(self, *, xtitle: str, **_: Any) -> None:
        assert xtitle == "x / um"  # VTK has no micro sign

    def add_text(self, text: str, **_: Any) -> None:
        assert text == "direct current"

    def close(self) -> None:
        pass


def surface(points: np.ndarray, faces: np.ndarray) -> SimpleNamespace:
    assert points[:, 2].max() == 0 > points[:, 2].min()
    assert faces[0] in (3, 4) and faces.max() < len(points)
    return SimpleNamespace(point_data={}, center=points.mean(axis=0), length=1.0)


def test_in_a_kernel_with_trame_it_turns(result: aspot.Result, monkeypatch: pytest.MonkeyPatch) -> None:
    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setattr(field_view, "can_interact", lambda: True)
    monkeypatch.setattr(field_view, "working_pyvista", lambda: SimpleNamespace(Plotter=Plotter, PolyData=surface))
    view = show_3d(result.field(0.0))
    assert isinstance(view, Interactive)
    shown = view._repr_html_()
    assert shown.count("<iframe") == 1 and html.escape('<a href="&">') in shown
    assert isinstance(show_3d(result.field(0.0), interactive=False), Figure)

    # Without OpenGL, or in plain Python, the picture.
    def broken() -> None:
        raise AspotError("no OpenGL")

    monkeypatch.setattr(field_view, "working_pyvista", broken)
    assert isinstance(show_3d(result.field(0.0)), Figure)
    with pytest.raises(AspotError, match="no OpenGL"):
        show_3d(result.field(0.0), interactive=True)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: None))
    assert not field_view.in_kernel()


def test_flat_fields_are_refused() -> None:
    flat = Field(
        frequency_Hz=0.0,
        points_m=np.array([[0, 0, 0], [1, 0, 0], [0, 0, 1.0]]),
        cells=np.array([[0, 1, 2]]),
        cell_type="triangle",
        potential_V=np.zeros(3),
        current_density_A_m2=np.ones((3, 3)),
        regions=("electrolyte",),
        cell_region=np.zeros(1, int),
    )
    with pytest.raises(InputError, match="use field_picture"):
        show_3d(flat)
