"""Pictures: what they show is checked on the artists; they need no display and leave pyplot alone."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from samples import result

from aspot import field_plot, plot
from aspot.errors import AspotError, InputError
from aspot.field import Cut, Field
from aspot.spectrum import Spectrum


def arc(error: float = 1e-4, f: np.ndarray | None = None) -> Spectrum:
    f = np.logspace(6, 0, 61) if f is None else f
    z = 10 + 40 / (1 + 2j * np.pi * f * 40e-6)
    return Spectrum(frequency_Hz=f, impedance_ohm_cm2=z, temperature_K=300, relative_error=error)


def texts(ax: object) -> list[str]:
    return [t.get_text() for t in ax.texts]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (88e3, "Hz", "88 kHz"),
        (3.4e-8, "F/cm2", "34 nF/cm2"),
        (1e6, "Hz", "1 MHz"),
        (999.6, "Hz", "1 kHz"),
        (0.1, "Hz", "100 mHz"),
        (123456.0, "Hz", "123 kHz"),
        (0.0, "V", "0 V"),
        (-2.5e-3, "V", "-2.5 mV"),
        (1e-30, "F", "1e-15 fF"),
    ],
)
def test_engineering_notation(value: float, unit: str, text: str) -> None:
    assert plot.engineering(value, unit) == text


@pytest.mark.parametrize(("length", "unit"), [(3e-9, "nm"), (4e-5, "µm"), (2e-3, "mm")])
def test_lengths_read_well(length: float, unit: str) -> None:
    factor, name = plot.length_unit(length)
    assert name == unit
    assert 1 <= length * factor < 1000


def test_nyquist_shows_minus_z_imag_upwards_with_equal_scales() -> None:
    s = arc()
    figure = plot.nyquist(s, apex_frequency_Hz=1 / (2 * np.pi * 40e-6), title="t")
    (ax,) = figure.axes
    line = ax.lines[0]
    np.testing.assert_array_equal(line.get_xdata(), s.impedance_ohm_cm2.real)
    np.testing.assert_array_equal(line.get_ydata(), -s.impedance_ohm_cm2.imag)
    assert ax.get_aspect() == 1.0
    # Apex of R - (RC): Re = 10 + 20, -Im = 20.
    star = next(item for item in ax.lines if item.get_marker() == "*")
    assert star.get_xdata()[0] == pytest.approx(30, rel=1e-2)
    assert star.get_ydata()[0] == pytest.approx(20, rel=1e-2)
    assert "apex at 3.98 kHz" in star.get_label()


def test_nyquist_names_every_decade_once() -> None:
    (ax,) = plot.nyquist(arc()).axes
    joined = " ".join(texts(ax))
    for decade in ("10 kHz", "1 kHz"):
        assert joined.count(decade) == 1
    assert "1 MHz" in joined
    assert "1 Hz" in joined


def test_decades_are_marked_only_near_a_frequency() -> None:
    assert [d for _, d in plot.decades(np.array([1e6, 3e4, 9e2, 1.2]))] == [0, 3, 6]


def test_the_error_band_appears_only_where_it_can_be_seen() -> None:
    assert not plot.nyquist(arc(1e-5)).axes[0].patches
    (band,) = plot.nyquist(arc(0.02)).axes[0].patches
    xy = band.get_path().vertices
    # At the low-frequency end (Re Z = 50, vertical tangent) the band is 50 * 0.02 = 1 wide on both sides.
    assert xy[:, 0].max() == pytest.approx(51, abs=0.05)


def test_other_spectra_are_markers_in_both_pictures() -> None:
    few = arc(f=np.logspace(5, 1, 9))
    for figure, n in ((plot.nyquist(arc(), others={"measured": few}), 1), (plot.bode(arc(), others={"m": few}), 2)):
        drawn = [item for ax in figure.axes for item in ax.lines if len(item.get_xdata()) == 9]
        assert len(drawn) == n
        assert all(item.get_linestyle() == "None" for item in drawn)


def test_bode_is_logarithmic_with_magnitude_and_minus_phase() -> None:
    s = arc()
    upper, lower = plot.bode(s, apex_frequency_Hz=3979.0).axes
    assert upper.get_xscale() == upper.get_yscale() == lower.get_xscale() == "log"
    np.testing.assert_allclose(upper.lines[0].get_ydata(), np.abs(s.impedance_ohm_cm2))
    np.testing.assert_allclose(lower.lines[0].get_ydata(), -np.degrees(np.angle(s.impedance_ohm_cm2)))


def test_stacked_shares_end_at_the_whole_cell() -> None:
    """Positive parts pile up from zero, negative ones below it, the line is the total; dust is left out."""
    s = arc()
    f, w = s.frequency_Hz, s.impedance_ohm_cm2 - 10
    shares = {"SE": np.full(len(f), 10.0 + 0j), "a_part": 1.5 * w, "gap": -0.5 * w, "dust": 1e-5 * w}
    figure = plot.stacked_shares(f, shares, title="t")
    upper, lower = figure.axes
    assert upper.get_xscale() == "log"
    assert [t.get_text() for t in upper.get_legend().get_texts()] == ["SE", "a part", "gap", "whole cell"]
    for ax, part in ((upper, np.real), (lower, lambda z: -np.imag(z))):
        total = np.sum(list(shares.values()), axis=0)
        np.testing.assert_allclose(ax.lines[0].get_ydata(), part(total)[::-1])
        edges = [c.get_datalim(ax.transData) for c in ax.collections]
        assert max(e.y1 for e in edges) == pytest.approx(max(part(shares["SE"] + shares["a_part"])))
        assert min(e.y0 for e in edges) == pytest.approx(min(part(shares["gap"])))


def test_relaxation_times_stand_beside_the_nyquist_plot() -> None:
    """A bar of height R_k at tau_k, on logarithmic scales; negligible ones are left out."""
    tau, r = np.array([1e-3, 1e-5, 1e-7]), np.array([40.0, 10.0, 1e-6])
    figure = plot.relaxation(arc(), tau, r, title="t")
    left, right = figure.axes[:2]
    assert left.get_aspect() == 1.0 and right.get_xscale() == right.get_yscale() == "log"
    tops = sorted(bar.get_y() + bar.get_height() for bar in right.patches)
    assert tops == pytest.approx([10.0, 40.0])
    centres = sorted(bar.get_x() + bar.get_width() / 2 for bar in right.patches)
    assert centres == pytest.approx([1e-5, 1e-3], rel=0.05)


@pytest.mark.parametrize(
    "s",
    [
        arc(f=np.array([1e3])),
        Spectrum(frequency_Hz=[1.0, 10.0], impedance_ohm_cm2=[5.0, 5.0], temperature_K=300),
        Spectrum(frequency_Hz=[1.0, 10.0], impedance_ohm_cm2=[5e-12, 5e-12 - 1e-15j], temperature_K=300),
        Spectrum(frequency_Hz=[1.0, 10.0], impedance_ohm_cm2=[1e14 - 1e15j, 1e13 - 1e14j], temperature_K=300),
        Spectrum(frequency_Hz=[1.0, 10.0], impedance_ohm_cm2=[1 + 1j, 1 + 10j], temperature_K=300),
    ],
    ids=["one point", "real", "tiny", "blocking", "inductive"],
)
def test_unusual_spectra_can_be_drawn(tmp_path: Path, s: Spectrum) -> None:
    for figure in (plot.nyquist(s, apex_frequency_Hz=2.0), plot.bode(s, apex_frequency_Hz=2.0)):
        plot.save(figure, tmp_path / "p.png")
        assert (tmp_path / "p.png").stat().st_size > 5000


# Fields -------------------------------------------------------------------------------------------------------------


def slab(contact: tuple[tuple[float, float], ...] = ((0.0, 0.3),), *, mirrored: bool = True) -> Cut:
    """Two triangles with phi = 1 - z/2 + x/4: linear, so that every interpolation is exact."""
    points = np.array([[0, 0], [1, 0], [1, 2], [0, 2.0]]) * 1e-6
    return Cut(
        points_m=points,
        triangles=np.array([[0, 1, 2], [0, 2, 3]]),
        potential_V=1 - points[:, 1] / 2e-6 + points[:, 0] / 4e-6,
        current_density_A_m2=np.tile([-0.25, 0.5], (4, 1)) * np.exp(0.3j),
        contact_m=tuple((a * 1e-6, b * 1e-6) for a, b in contact),
        lateral="x",
        is_mirrored=mirrored,
    )


def test_sampling_is_exact_for_linear_fields_and_covers_the_window() -> None:
    cut = slab()
    x, z, v = field_plot.sampled(cut, (0.0, 1e-6, 0.0, 2e-6), 60, cut.potential_V.real)
    np.testing.assert_allclose(v, 1 - z[:, None] / 2e-6 + x[None, :] / 4e-6, rtol=1e-9, atol=1e-12 * v.max())


def test_the_mirror_image_is_symmetric_in_potential_and_odd_in_lateral_current() -> None:
    cut = slab()
    x, z, v, j = field_plot.sampled(cut, (0.0, 1e-6, 0.0, 2e-6), 40, cut.potential_V.real, np.ones(4))
    xm, vm, jm = field_plot.mirrored(cut, x, v, j, odd=(1,))
    assert len(z)
    np.testing.assert_array_equal(xm, -xm[::-1])
    np.testing.assert_array_equal(vm, vm[:, ::-1])
    assert np.all(jm[:, xm < 0] == -1)


def test_phase_and_mean_of_the_current_come_from_the_far_face() -> None:
    phase, mean = field_plot.current_phase(slab())
    assert phase == pytest.approx(np.exp(0.3j), rel=1e-12)
    assert mean == pytest.approx(0.5, rel=1e-12)


@pytest.mark.parametrize(
    ("contact", "right"),
    [(((0.0, 0.1),), 0.25), (((0.1, 1.0),), 0.25), (((0.0, 0.9),), 1.0), (((0.0, 1.0),), 1.0), ((), 1.0)],
)
def test_the_window_shows_the_smallest_feature(contact: tuple[tuple[float, float], ...], right: float) -> None:
    left, found, top, depth = field_plot._spot_window(slab(contact))
    assert found == pytest.approx(right * 1e-6, rel=1e-9)
    assert 0 <= left < found
    assert top == 0 < depth <= 2e-6
    if contact == ((0.0, 0.9),):
        assert left < 0.9e-6 < found


def test_field_picture_of_a_solved_cell(tmp_path: Path) -> None:
    figure = field_plot.field_picture(result().fields, title="sample")
    panels = [ax for ax in figure.axes if ax.get_ylabel().startswith("depth")]
    assert len(panels) == 3 * len(result().fields)
    for ax in panels:
        box, figure_size = ax.get_position(), figure.get_size_inches()
        width, height = box.width * figure_size[0], box.height * figure_size[1]
        (x0, x1), (y0, y1) = ax.get_xlim(), ax.get_ylim()
        assert height / width == pytest.approx(abs(y1 - y0) / abs(x1 - x0), rel=1e-6)  # equal scales
        assert y0 > 0 > y1  # depth points down
        colours = {tuple(np.round(p.get_facecolor(), 2)) for p in ax.patches}
        assert (0.0, 0.0, 0.0, 1.0) in colours  # metal
        assert any(p.get_hatch() for p in ax.patches)  # gap
    assert any("10 MHz" in ax.get_title() for ax in panels)
    assert any("1 Hz" in ax.get_title() for ax in panels)
    plot.save(figure, tmp_path / "f.png")
    assert (tmp_path / "f.png").stat().st_size > 50_000


def test_black_metal_lies_where_it_touches() -> None:
    field = result().fields[0]
    assert field.cut is not None
    figure = field_plot.field_picture(field)
    ax = figure.axes[0]
    factor = plot.length_unit(field.cut.width_m)[0]
    black = [p for p in ax.patches if tuple(p.get_facecolor()[:3]) == (0, 0, 0)]
    ends = sorted(round(v, 6) for p in black for v in (p.get_x(), p.get_x() + p.get_width()))
    radius = field.cut.contact_m[0][1] * factor
    assert ends == pytest.approx([-radius, 0, 0, radius], abs=1e-6 * radius)


@pytest.mark.parametrize("contact", [((0.0, 0.3),), ((0.3, 1.0),), ((0.0, 1.0),), ((0.1, 0.2), (0.6, 0.95))])
@pytest.mark.parametrize("mirrored", [True, False])
def test_every_morphology_can_be_drawn(contact: tuple[tuple[float, float], ...], mirrored: bool) -> None:
    figure = field_plot.field_picture(as_field(slab(contact, mirrored=mirrored)))
    figure.canvas.draw()


def as_field(cut: Cut | None) -> Field:
    points = np.array([[0, 0, 0], [1, 0, 0], [1, 0, 2], [0, 0, 2.0]]) * 1e-6
    return Field(
        frequency_Hz=0.0,
        points_m=points,
        cells=np.array([[0, 1, 2], [0, 2, 3]]),
        cell_type="triangle",
        potential_V=np.ones(4),
        current_density_A_m2=np.zeros((4, 3)),
        regions=("electrolyte",),
        cell_region=np.zeros(2, int),
        cut=cut,
    )


def test_a_field_without_current_can_be_drawn() -> None:
    still = slab()
    quiet = Cut(
        points_m=still.points_m,
        triangles=still.triangles,
        potential_V=np.ones(4),
        current_density_A_m2=np.zeros((4, 2)),
        contact_m=still.contact_m,
    )
    field_plot.field_picture(as_field(quiet)).canvas.draw()


def test_current_lines_run_from_the_metal_down() -> None:
    """Every line of the solved tube ends under the contact: no current leaves the gap at direct current."""
    field = result().field(0.0)
    assert field.cut is not None
    ax = field_plot.field_picture(field).axes[0]
    factor = plot.length_unit(field.cut.width_m)[0]
    radius = field.cut.contact_m[0][1] * factor
    lines = [item for item in ax.lines if item.get_color() == "black"]
    assert len(lines) == 11
    for line in lines:
        x, z = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
        shown = max(ax.get_ylim())
        assert z[0] > 0.9 * shown
        assert z[-1] < 0.02 * shown
        assert abs(x[-1]) <= 1.1 * radius


def test_fields_that_cannot_be_drawn_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no plane cut"):
        field_plot.field_picture(as_field(None))
    with pytest.raises(InputError, match="no field"):
        field_plot.field_picture([])
    with pytest.raises(InputError, match="use field_picture"):
        field_plot.view_3d(as_field(slab()), tmp_path / "v.png")


def test_3d_view_is_drawn_or_says_what_is_missing(tmp_path: Path) -> None:
    pytest.importorskip("pyvista", reason="needs an OpenGL library")
    corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1.0]]) * 1e-6
    field = Field(
        frequency_Hz=0.0,
        points_m=corners,
        cells=np.array([[0, 1, 2, 3]]),
        cell_type="tetra",
        potential_V=np.arange(4.0),
        current_density_A_m2=np.tile([0, 0, 1.0], (4, 1)) * np.arange(1, 5)[:, None],
        regions=("electrolyte",),
        cell_region=np.zeros(1, int),
    )
    missing = ""
    try:
        field_plot.view_3d(field, tmp_path / "v.png", size=(300, 200))
    except AspotError as error:
        missing = str(error)
    if missing:
        assert "OpenGL" in missing
    else:
        assert (tmp_path / "v.png").read_bytes().startswith(b"\x89PNG")


def test_3d_view_without_pyvista_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyvista", None)
    flat = as_field(None)
    solid = Field(
        frequency_Hz=0.0,
        points_m=flat.points_m,
        cells=np.array([[0, 1, 2, 3]]),
        cell_type="tetra",
        potential_V=flat.potential_V,
        current_density_A_m2=flat.current_density_A_m2,
        regions=("electrolyte",),
        cell_region=np.zeros(1, int),
    )
    with pytest.raises(AspotError, match="needs the package pyvista"):
        field_plot.view_3d(solid, tmp_path / "v.png")


def test_pyplot_is_never_imported() -> None:
    code = (
        "import sys; import numpy as np\n"
        "from aspot import plot; from aspot.spectrum import Spectrum\n"
        "s = Spectrum(frequency_Hz=[1., 10.], impedance_ohm_cm2=[2 - 1j, 1 - 1j], temperature_K=300)\n"
        "plot.nyquist(s).canvas.draw()\n"
        "plot.bode(s).canvas.draw()\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr


def test_figures_show_themselves_in_notebooks() -> None:
    """Jupyter asks for _repr_png_; plain figures have it only after %matplotlib inline."""
    assert plot.new_figure(2.0, 1.0)._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]


def test_labels_of_decades_hide_nothing() -> None:
    """A valley between two arcs, and markers of a measurement: no label lies on a line, a marker or another label."""
    f = np.logspace(7, 0, 71)
    z = 100 / (1 + 2j * np.pi * f * 1e-8) + 40 / (1 + 2j * np.pi * f * 1.6e-6) + 20 / (1 + 2j * np.pi * f * 1e-5)
    s = Spectrum(frequency_Hz=f, impedance_ohm_cm2=z, temperature_K=300, relative_error=1e-4)
    figure = plot.nyquist(s, others={"measured": s}, title="valley")
    figure.draw_without_rendering()
    (ax,) = figure.axes
    frame = ax.get_window_extent()
    boxes = [text.get_window_extent() for text in ax.texts]
    assert {"1 MHz", "100 kHz"} <= set(texts(ax))
    points = np.concatenate([line.get_transform().transform(line.get_xydata()) for line in ax.lines])
    for k, box in enumerate(boxes):
        assert not box.count_contains(points)
        assert not any(box.overlaps(other) for other in boxes[k + 1 :])
        assert frame.x0 <= box.x0 and box.x1 <= frame.x1


def test_the_ticks_of_bode_do_not_overlap_when_the_spectra_differ_by_decades() -> None:
    """|Z| of the computed spectrum spans less than a decade, that of both together five: no subdivision is named."""
    s = arc()
    small = Spectrum(frequency_Hz=s.frequency_Hz, impedance_ohm_cm2=1e-4 * s.impedance_ohm_cm2, temperature_K=300)
    for others, n in (({}, 3), ({"measured": small}, 5)):
        figure = plot.bode(s, others=others)
        figure.draw_without_rendering()
        upper = figure.axes[0]
        low, high = upper.get_ylim()
        shown = [t.get_window_extent() for t in upper.get_yticklabels() if low <= t.get_position()[1] <= high]
        assert len(shown) >= n - 1
        assert not any(a.overlaps(b) for a, b in itertools.pairwise(shown))


@pytest.mark.parametrize(
    ("series", "arc_ohm", "shows_zero"), [(36.0, 8.0, False), (10.0, 40.0, True), (36.0, 1e-6, True), (0.0, 5.0, True)]
)
def test_nyquist_leaves_out_the_origin_where_the_arc_would_be_a_speck(
    series: float, arc_ohm: float, shows_zero: bool
) -> None:
    """The picture is at least a third filled by the data, unless the spectrum is a point."""
    f = np.logspace(6, 0, 61)
    z = series + arc_ohm / (1 + 2j * np.pi * f * 40e-6)
    (ax,) = plot.nyquist(Spectrum(frequency_Hz=f, impedance_ohm_cm2=z, temperature_K=300)).axes
    low, high = ax.get_xlim()
    assert (low <= 0.0) == shows_zero
    assert low < z.real.min() and z.real.max() < high
    if arc_ohm > 1e-3:
        assert np.ptp(z.real) > (high - low) / 3
