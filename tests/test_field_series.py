"""Fields at several frequencies: one scale of colours, the same window, whole films."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import aspot
from aspot.errors import InputError
from aspot.field import Field
from aspot.field_series import field_series, write_animation


@pytest.fixture(scope="module")
def fields() -> list[Field]:
    """A pore, from where it is short-circuited to direct current."""
    morphology = {"kind": "pores", "arrangement": "single", "radius": 1e-5, "contact_fraction": 0.2}
    cell = aspot.Cell(
        electrolyte={"thickness": 2e-5, "conductivity": 0.1, "permittivity": 10},
        working_electrode={"morphology": morphology, "gap": {"thickness": 1e-8}},
        frequencies={"values": [1e5]},
        numerics={"relative_tolerance": 1e-3},
    )
    result = aspot.simulate(cell)
    return [result.field(f) for f in (1e9, 1e6, 0.0)]


def test_current_leaves_the_pore_as_frequency_falls(fields: list[Field]) -> None:
    """Even where the gap is a short circuit; at direct current nothing enters it. Seen in the colours drawn."""
    figure = field_series(fields, labels=["a", "b", "c"], title="pore")
    figure.canvas.draw()
    *panels, bar = figure.axes
    assert [ax.get_title() for ax in panels] == ["a  1 GHz", "b  1 MHz", "c  direct current"]
    pictures = [ax.images[0] for ax in panels]
    assert len({(p.norm.vmin, p.norm.vmax) for p in pictures}) == 1
    assert "current density" in bar.get_ylabel()
    # In the middle below the pore, one row under the surface, over the mean.
    middle = [float(p.get_array()[1, p.get_array().shape[1] // 2]) for p in pictures]
    assert middle[0] == pytest.approx(1.0, abs=0.05)
    assert middle[0] > 2 * middle[1] > 4 * middle[2]
    assert all(ax.get_ylim() == panels[0].get_ylim() and len(ax.lines) >= 8 for ax in panels)


def test_a_film_has_a_picture_for_every_field(fields: list[Field], tmp_path: Path) -> None:
    write_animation(tmp_path / "pore.gif", [fields[0], fields[2]], frames_per_second=5, title="pore")
    with Image.open(tmp_path / "pore.gif") as film:
        assert film.n_frames == 2
        assert film.info["loop"] == 0 and film.info["duration"] == 200
        first = np.array(film.convert("L"), float)
        film.seek(1)
        assert np.mean(np.abs(np.array(film.convert("L"), float) - first) > 10) > 0.02


def test_what_cannot_be_drawn_is_refused(fields: list[Field], tmp_path: Path) -> None:
    without_cut = Field(
        frequency_Hz=0.0,
        points_m=np.eye(4, 3),
        cells=np.array([[0, 1, 2, 3]]),
        cell_type="tetra",
        potential_V=np.zeros(4),
        current_density_A_m2=np.ones((4, 3)),
        regions=("electrolyte",),
        cell_region=np.zeros(1, int),
    )
    with pytest.raises(InputError, match="no plane cut"):
        field_series([without_cut])
    with pytest.raises(InputError, match="no field given"):
        field_series([])
    with pytest.raises(InputError, match="labels must be one for each of 3 fields, got 1"):
        field_series(fields, labels=["a"])
    with pytest.raises(InputError, match=r"written to a \.gif file"):
        write_animation(tmp_path / "film.mp4", fields)
    with pytest.raises(InputError, match="frames_per_second"):
        write_animation(tmp_path / "film.gif", fields, frames_per_second=0.0)
    assert not list(tmp_path.iterdir())
