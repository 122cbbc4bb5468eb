"""Tomograms: files and keys that are refused with a reason, and the case file solved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import aspot
from aspot.cell import Cell
from aspot.errors import AspotError, InputError
from aspot.field_plot import drawable
from aspot.morphology.tomogram import read_labels
from aspot.morphology.unit_cell import VoxelCell
from aspot.tomogram_plot import tomogram_view

CASE = Path(__file__).parents[1] / "cases" / "tomogram.toml"


def cell(file: Path, /, **changes: Any) -> Cell:
    morphology = {
        "kind": "tomogram",
        "file": str(file),
        "voxel_size": "1 um",
        "phases": {"electrolyte": [1], "pore": [0]},
    }
    return Cell(
        electrolyte={"thickness": "1 mm", "conductivity": "5 mS/cm"},
        working_electrode={"morphology": {**morphology, **changes}},
        numerics={"relative_tolerance": 3e-2},
        frequencies={"values": [1e3]},
    )


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    labels = np.ones((6, 5, 4), np.uint8)
    labels[0, :2] = 0
    np.save(tmp_path / "stack.npy", labels)
    return tmp_path / "stack.npy"


def test_pages_of_a_tiff_are_planes_of_an_array(stack: Path, tmp_path: Path) -> None:
    """The same labels from both kinds of files."""
    labels = np.load(stack)
    pages = [Image.fromarray(plane) for plane in labels]
    pages[0].save(tmp_path / "stack.tif", save_all=True, append_images=pages[1:])
    np.testing.assert_array_equal(read_labels(str(tmp_path / "stack.tif"))[0], labels)
    np.testing.assert_array_equal(read_labels(str(stack))[0], labels)


def test_geometry_is_that_of_the_file(stack: Path) -> None:
    """Contact where electrolyte lies at the plate; edges in the order x, y, z of the key."""
    morphology = cell(stack, voxel_size=["1 um", "2 um", "3 um"]).working_electrode.morphology
    assert morphology.fraction == pytest.approx(0.6)
    unit = morphology.unit_cell(1.0)
    assert (unit.size_x, unit.size_y, unit.depth_m) == pytest.approx((4e-6, 10e-6, 18e-6))  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"phases": {"electrolyte": [1]}}, "label 0"),
        ({"phases": {"electrolyte": [1], "pore": [0, 1]}}, "both"),
        ({"phases": {"electrolyte": [7], "pore": [0, 1]}}, "no electrolyte"),
        ({"phases": {"pore": [0]}}, "electrolyte"),
        ({"metal_plate": False}, "metal"),
        ({"voxel_size": "1 m"}, "between"),
        ({"voxel_size": ["1 um", "1 um"]}, "three"),
        ({"voxel_size": "1 kg"}, r"morphology\.voxel_size = '1 kg': .*length"),
        ({"voxel_size": True}, r"morphology\.voxel_size = true"),
        ({"radius": "1 um"}, "no meaning"),
        ({"file": "nothing.npy"}, "No such file"),
        ({"file": "stack.png"}, "must end in"),
        ({"sha256": "0" * 64}, "another content"),
        ({"pore_permittivity": 1.0, "phases": {"electrolyte": [1], "gap": [0]}}, "needs phases.pore"),
    ],
)
def test_keys_that_do_not_fit_are_refused(stack: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        cell(stack, **changes)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.ones((4, 4), np.uint8), "planes, rows and columns"),
        (np.ones((1, 4, 4), np.uint8), "two planes"),
        (np.full((3, 3, 3), 0.5), "whole numbers"),
        (np.full((3, 3, 3), np.nan), "not finite"),
        (np.full((3, 3, 3), 300), "whole numbers"),
        (np.full((3, 3, 3), "a"), "numbers"),
        (np.ones((0, 3, 3), np.uint8), "two planes"),
    ],
)
def test_arrays_that_are_no_labels_are_refused(tmp_path: Path, values: Any, message: str) -> None:
    np.save(tmp_path / "bad.npy", values)
    with pytest.raises(InputError, match=message):
        cell(tmp_path / "bad.npy")


def test_damaged_files_are_refused(stack: Path, tmp_path: Path) -> None:
    """Cut off, no array at all, or a header that claims more than any machine has."""
    data = stack.read_bytes()
    huge = data.replace(b"(6, 5, 4)", b"(9999999, 99999, 99)"[:9].ljust(9))
    for name, content in {"cut.npy": data[:-7], "text.npy": b"label image", "huge.npy": huge, "cut.tif": data}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=r"working_electrode\.morphology\.file"):
            cell(tmp_path / name)


def test_the_image_must_fit_into_the_pellet(stack: Path) -> None:
    with pytest.raises(InputError, match="crop"):
        aspot.simulate(cell(stack).with_(**{"electrolyte.thickness": "4 um"}))


def test_the_case_is_solved_with_bounds() -> None:
    """R_total lies within its guaranteed bounds, and parts and limits are what the geometry makes them."""
    case = aspot.load(CASE)
    result = aspot.simulate(case)
    r = result.resistances
    assert r.total_interval is not None
    assert r.total_interval[0] < r.total < r.total_interval[1]
    assert r.total_interval[1] / r.total_interval[0] - 1.0 < 2e-2
    assert result.relative_error_estimate < 2e-2
    # Charge transfer: never less than if the true area of contact were used evenly.
    morphology = case.working_electrode.morphology
    labels = morphology.unit_cell(1.0).labels  # type: ignore[union-attr]
    area = 0
    for axis in range(3):
        one, other = labels, np.roll(labels, -1, axis)
        if axis == 0:
            one, other = labels[:-1], labels[1:]
        area += int(np.count_nonzero(((one == 0) & (other == 1)) | ((one == 1) & (other == 0))))
    even = 0.5 / (area / labels[0].size)
    assert even <= r.ct <= 1.5 * even
    # The double layers short-circuit charge transfer: at 10 MHz the excess is less than the constriction.
    z = result.spectrum.impedance_ohm_cm2
    assert z[-1].real == pytest.approx(r.total, rel=1e-3)
    assert np.all(z.real > 0)
    assert np.all(z.imag < 0)
    assert z[0].real < r.SE + r.cc
    field = result.fields[0]
    assert field.cut is not None
    assert np.abs(field.potential_V.real).max() <= 1.0 + 1e-9
    assert case.with_().digest == aspot.load(CASE).digest


def test_the_view_shows_metal_pores_and_electrolyte(tmp_path: Path) -> None:
    """A PNG of the size asked for, with gold, blue and grey in it; lengths keep their unit."""
    unit = aspot.load(CASE).working_electrode.morphology.unit_cell(1.0)
    assert isinstance(unit, VoxelCell)
    try:
        tomogram_view(unit, tmp_path / "view.png", size=(300, 240))
    except AspotError as error:
        if "OpenGL" in str(error):
            pytest.skip(f"needs an OpenGL library: {error}")
        raise
    with Image.open(tmp_path / "view.png") as picture:
        assert picture.size == (300, 240)
        red, green, blue = np.moveaxis(np.asarray(picture.convert("RGB"), int), 2, 0)
    assert np.mean(red > blue + 60) > 0.02
    assert np.mean(blue > red + 40) > 0.02
    assert np.mean((abs(red - blue) < 8) & (abs(green - blue) < 8) & (red < 200) & (red > 40)) > 0.02
    assert drawable("x / \u00b5m") == "x / um"
