"""Fields are checked when they are made, and VTU files give back what was written."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from samples import result

from aspot.errors import InputError
from aspot.field import Cut, Field, array_name, read_vtu, write_vtu


def square(frequency_Hz: float = 0.0, **changes: object) -> Field:
    """Two triangles on the unit square in the plane y = 0; potential 1 - z, so that j = (0, 0, 1) at 1 S/m."""
    points = np.array([[0, 0, 0], [1, 0, 0], [1, 0, 1], [0, 0, 1.0]])
    given: dict[str, object] = {
        "frequency_Hz": frequency_Hz,
        "points_m": points,
        "cells": np.array([[0, 1, 2], [0, 2, 3]]),
        "cell_type": "triangle",
        "potential_V": 1 - points[:, 2] + 0.25j * points[:, 0],
        "current_density_A_m2": np.tile([0, 0, 1 + 1j], (4, 1)),
        "regions": ("electrolyte",),
        "cell_region": np.zeros(2, int),
    }
    return Field(**(given | changes))  # type: ignore[arg-type]


def cut(**changes: object) -> Cut:
    points = np.array([[0, 0], [1, 0], [1, 1], [0, 1.0]])
    given: dict[str, object] = {
        "points_m": points,
        "triangles": np.array([[0, 1, 2], [0, 2, 3]]),
        "potential_V": 1 - points[:, 1],
        "current_density_A_m2": np.tile([0, 1.0], (4, 1)),
        "contact_m": ((0, 0.5),),
    }
    return Cut(**(given | changes))  # type: ignore[arg-type]


def test_arrays_are_read_only_copies() -> None:
    f = square()
    with pytest.raises(ValueError, match="read-only"):
        f.potential_V[0] = 2
    with pytest.raises(ValueError, match="read-only"):
        cut().points_m[0, 0] = 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        f.cell_type = "quad"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frequency_Hz": -1.0}, "frequency_Hz"),
        ({"frequency_Hz": np.nan}, "frequency_Hz"),
        ({"cell_type": "pentagon"}, "cell_type must be one of"),
        ({"cell_type": "quad"}, "cells must have shape"),
        ({"cells": np.array([[0, 1, 4], [0, 2, 3]])}, "indices must lie in 0 .. 3"),
        ({"cells": np.array([[0, 1, -1], [0, 2, 3]])}, "indices"),
        ({"potential_V": np.ones(3)}, "potential_V must have shape"),
        ({"potential_V": np.full(4, np.nan)}, "potential_V must be finite"),
        ({"cell_region": np.ones(2, int)}, "cell_region"),
        ({"points_m": np.ones((4, 2))}, "points_m must have shape"),
    ],
)
def test_damaged_fields_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        square(**changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {"points_m": np.ones((4, 3))},
        {"triangles": np.array([[0, 1, 9]])},
        {"potential_V": np.full(4, np.inf)},
        {"current_density_A_m2": np.ones((4, 3))},
    ],
)
def test_damaged_cuts_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(InputError, match="cut"):
        cut(**changes)


def test_vtu_holds_every_frequency_and_part(tmp_path: Path) -> None:
    path = tmp_path / "field.vtu"
    low, high = square(0.0), square(1e6)
    write_vtu(path, [low, high])
    data = read_vtu(path)
    for f in (low, high):
        real = data[array_name("potential_V", f.frequency_Hz, "real")]
        imag = data[array_name("potential_V", f.frequency_Hz, "imag")]
        np.testing.assert_array_equal(real + 1j * imag, f.potential_V)
        # |j| of the amplitude (0, 0, 1 + i) is sqrt(2)
        np.testing.assert_allclose(
            data[array_name("current_density_A_m2", f.frequency_Hz, "magnitude")], np.sqrt(2), rtol=1e-15
        )
        np.testing.assert_array_equal(
            data[array_name("current_density_A_m2", f.frequency_Hz, "imag")], f.current_density_A_m2.imag
        )
    assert len(data) == 12


def test_vtu_of_a_solved_cell_round_trips(tmp_path: Path) -> None:
    fields = result().fields
    write_vtu(tmp_path / "f.vtu", fields)
    data = read_vtu(tmp_path / "f.vtu")
    for f in fields:
        np.testing.assert_array_equal(data[array_name("potential_V", f.frequency_Hz, "real")], f.potential_V.real)


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        ("f.txt", [square()], "written to a .vtu"),
        ("f.vtu", [], "nothing to write"),
        ("f.vtu", [square(1.0), square(1.0)], "distinct"),
        ("f.vtu", [square(1.0), square(2.0, points_m=np.arange(12.0).reshape(4, 3))], "one mesh"),
    ],
)
def test_what_cannot_be_one_file_is_refused(tmp_path: Path, name: str, fields: list[Field], message: str) -> None:
    with pytest.raises(InputError, match=message):
        write_vtu(tmp_path / name, fields)


def test_damaged_vtu_is_never_read_silently(tmp_path: Path) -> None:
    """Cut off anywhere, a file is refused or - only where nothing but the last line break is missing - complete."""
    path = tmp_path / "f.vtu"
    write_vtu(path, [square()])
    whole = path.read_bytes()
    for share in np.linspace(0, 0.98, 15):
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(InputError):
            read_vtu(path)
    path.write_bytes(whole.replace(b"Float64", b"Float99"))
    with pytest.raises(InputError):
        read_vtu(path)
    with pytest.raises(InputError):
        read_vtu(tmp_path / "none.vtu")


def test_result_gives_the_field_at_any_frequency() -> None:
    r = result()
    assert r.field(r.fields[0].frequency_Hz) is r.fields[0]
    f = r.field(1234.5)
    assert f.frequency_Hz == pytest.approx(1234.5)
    assert "1234" in repr(f) or "1235" in repr(f)
    for bad in (-1.0, np.nan, np.inf):
        with pytest.raises(InputError, match="frequency_Hz"):
            r.field(bad)


def test_mean_current_of_a_cut_is_that_of_the_impedance() -> None:
    """At depth every current line of the tube passes: the mean current density is 1 V over Z (area-specific)."""
    r = result()
    field = r.fields[0]
    assert field.cut is not None
    points, j = field.cut.points_m, field.cut.current_density_A_m2
    far = np.flatnonzero(np.isclose(points[:, 1], field.cut.depth_m, rtol=1e-9, atol=0))
    order = far[np.argsort(points[far, 0], kind="stable")]
    x, jz = points[order, 0], j[order, 1]
    mean = np.trapezoid(x * jz, x) / np.trapezoid(x, x)
    index = int(np.argmin(np.abs(r.spectrum.frequency_Hz - field.frequency_Hz)))
    expected = 1.0 / (r.spectrum.impedance_ohm_cm2[index] * 1e-4)
    assert abs(mean / expected - 1) < 2e-3
