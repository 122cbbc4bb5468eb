"""The result folder: all files of the contract, strict JSON, each file whole or not at all."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from samples import result

import aspot
from aspot import folder as folders
from aspot import output
from aspot.errors import AspotError, InputError
from aspot.field import read_vtu
from aspot.spectrum import Spectrum

#: Keys that the contract promises.
KEYS = [
    "R_total_ohm_cm2",
    "R_SE_ohm_cm2",
    "R_int_ohm_cm2",
    "R_cc_ohm_cm2",
    "R_ct_ohm_cm2",
    "R_static_ohm_cm2",
    "R_total_interval_ohm_cm2",
    "relative_error_estimate",
    "C_int_F_per_cm2",
    "apex_frequency_Hz",
    "contact_fraction",
    "backend",
    "degrees_of_freedom",
    "full_solves",
    "seconds",
    "temperature_K",
    "versions",
    "case",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("out") / "new" / "run"
    written = output.write(result(), path)
    assert {p.name for p in written} == set(output.FILES)
    return path


def strict_json(text: str) -> Any:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    return json.loads(text, parse_constant=refuse)


def test_all_files_of_the_contract_are_there(folder: Path) -> None:
    promised = {"spectrum.csv", "summary.json", "nyquist.png", "bode.png", "field.png", "field.vtu", "case.toml"}
    assert promised <= {p.name for p in folder.iterdir()}
    for name in ("nyquist.png", "bode.png", "field.png"):
        assert (folder / name).read_bytes().startswith(b"\x89PNG")


def test_nothing_temporary_is_left_and_modes_are_usual(folder: Path) -> None:
    assert [p.name for p in folder.parent.iterdir()] == ["run"]
    plain = folder.parent / "plain"
    plain.mkdir()
    assert folder.stat().st_mode == plain.stat().st_mode
    plain.rmdir()


def test_summary_has_the_keys_of_the_contract_and_its_numbers_fit(folder: Path) -> None:
    s = strict_json((folder / "summary.json").read_text())
    assert set(KEYS) <= set(s)
    assert "solver" in s
    # The partition is exact: total = SE + int, and int is the sum of its parts, each of them >= 0.
    assert s["R_total_ohm_cm2"] == pytest.approx(s["R_SE_ohm_cm2"] + s["R_int_ohm_cm2"], rel=1e-12)
    assert sum(s["R_parts_ohm_cm2"].values()) == pytest.approx(s["R_total_ohm_cm2"], rel=1e-12)
    assert min(s["R_parts_ohm_cm2"].values()) >= 0
    assert sum(s["R_SE_split_ohm_cm2"].values()) == pytest.approx(s["R_SE_ohm_cm2"], rel=1e-12)
    # 1 mm of 10 mS/cm and 1000 boundaries of 0.01 ohm cm2.
    assert s["R_SE_ohm_cm2"] == pytest.approx(10 + 10, rel=1e-12)
    # C_int = 1/(2 pi f R_int), by definition.
    tau = s["R_int_ohm_cm2"] * s["C_int_F_per_cm2"]
    assert 2 * np.pi * s["apex_frequency_Hz"] * tau == pytest.approx(1, rel=1e-9)
    assert s["versions"]["numpy"] == np.__version__
    assert s["temperature_K"] == pytest.approx(298.15)


def test_published_figures_stand_beside_the_computed(folder: Path) -> None:
    block = strict_json((folder / "summary.json").read_text())["published"]
    assert block["source"] == "nobody 2000"
    r_int = block["quantities"]["R_int"]
    assert r_int["published"] == pytest.approx(20)
    assert r_int["unit"] == "ohm cm2"
    assert r_int["computed"] == pytest.approx(result().resistances.int_)
    assert block["quantities"]["C_int"]["published"] == pytest.approx(30e-9)
    # All boundaries alike: the arc of 1000 of them has the time constant of one, 0.01 ohm cm2 * 10 uF/cm2.
    boundary = block["quantities"]["grain_boundary_apex_frequency"]
    assert boundary["computed"] == pytest.approx(1 / (2 * np.pi * 0.01 * 10e-6), rel=1e-9)
    assert boundary["published"] is None
    capacitance = block["quantities"]["grain_boundary_capacitance"]["computed"]
    assert capacitance == pytest.approx(10e-6 / 1000, rel=1e-9)


def test_the_flank_of_the_bulk_is_not_read_as_part_of_the_interface() -> None:
    """A film of 16 ohm cm2 and 0.885 uF/cm2 over a bulk whose arc, at 40 MHz, shows its flank below 7 MHz.

    The spectrum is exactly that of (RC)-(RC), so a circuit with both arcs reads the film's own figures.
    """
    cell = aspot.load(Path(__file__).parents[1] / "cases" / "na3ps4_nasicon.toml")
    _, rows = output.published(aspot.simulate(cell))
    read = {row.name: row.circuit_fit for row in rows}
    assert read["R_int"] == pytest.approx(16.0, rel=1e-4)
    assert read["C_int"] == pytest.approx(0.885e-6, rel=1e-4)
    assert read["apex_frequency"] == pytest.approx(1 / (2 * np.pi * 16.0 * 0.885e-6), rel=1e-4)


def test_spectrum_files_agree_with_the_result(folder: Path) -> None:
    assert Spectrum.from_csv(folder / "spectrum.csv") == result().spectrum
    back = Spectrum.from_json(folder / "spectrum.json")
    assert back == result().spectrum
    assert back.provenance["case"] == result().cell.digest


def test_the_resolved_case_loads_back_to_the_same_cell(folder: Path) -> None:
    assert aspot.load(folder / "case.toml").digest == result().cell.digest


def test_the_field_file_holds_lowest_and_highest_frequency(folder: Path) -> None:
    names = set(read_vtu(folder / "field.vtu"))
    for f in (1, 10_000_000):
        assert f"potential_V_real_at_{f}_Hz" in names
        assert f"current_density_A_m2_imag_at_{f}_Hz" in names


# Atomic -------------------------------------------------------------------------------------------------------------


def test_an_existing_folder_keeps_other_files_and_is_refreshed(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    (tmp_path / "summary.json").write_text("old")
    output.write(result(), tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "keep"
    assert strict_json((tmp_path / "summary.json").read_text())["backend"]
    assert {p.name for p in tmp_path.iterdir()} == {"mine.txt", *output.FILES}


@pytest.mark.parametrize("broken", ["spectrum.csv", "bode.png", "field.vtu"])
def test_a_failure_leaves_the_old_folder_untouched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    old = {"summary.json": "old", "bode.png": "old", "mine.txt": "keep"}
    target = tmp_path / "run"
    target.mkdir()
    for name, text in old.items():
        (target / name).write_text(text)

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    place = {
        "spectrum.csv": (Spectrum, "to_csv"), "bode.png": (output.plot, "bode"), "field.vtu": (output, "write_vtu")
    }[broken]  # fmt: skip
    monkeypatch.setattr(*place, fail)
    with pytest.raises(AspotError, match="No space left"):
        output.write(result(), target)
    assert {p.name: p.read_text() for p in target.iterdir()} == old
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_an_interrupt_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(output.plot, "nyquist", interrupt)
    with pytest.raises(KeyboardInterrupt):
        output.write(result(), tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_pictures_of_an_earlier_run_do_not_survive_a_run_without_field(tmp_path: Path) -> None:
    (tmp_path / "field.png").write_text("old")
    output.write(dataclasses.replace(result(), fields=()), tmp_path)
    assert not (tmp_path / "field.png").exists()
    assert not (tmp_path / "field.vtu").exists()
    assert (tmp_path / "summary.json").exists()


def test_a_folder_that_may_not_be_written_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders.os, "access", lambda *_: False)
    with pytest.raises(InputError, match="may not be written"):
        folders.check_directory(tmp_path / "run")


@pytest.mark.parametrize("path", ["file", "file/below", "file/below/it"])
def test_a_file_in_the_way_is_refused(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is a file"):
        folders.check_directory(tmp_path / path)


def test_a_folder_in_the_place_of_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bode.png").mkdir()
    with pytest.raises(InputError, match=r"bode\.png is a folder"):
        folders.check_directory(tmp_path, output.OWNED)


# JSON ---------------------------------------------------------------------------------------------------------------


def test_strict_replaces_what_json_cannot_say() -> None:
    given = {
        "a": np.nan, "b": [np.inf, -np.inf, 1.5], "c": np.float64(2), "d": np.arange(2), "e": 1 + 2j,
        "f": (None, True, "x"), "g": np.bool_(True), 3: {"h": np.int64(4)},
    }  # fmt: skip
    assert folders.strict(given) == {
        "a": None, "b": [None, None, 1.5], "c": 2.0, "d": [0, 1], "e": [1.0, 2.0],
        "f": [None, True, "x"], "g": True, "3": {"h": 4},
    }  # fmt: skip
    with pytest.raises(TypeError, match="object"):
        folders.strict({"a": object()})


def test_a_result_with_unknowns_still_gives_strict_json() -> None:
    resistances = dataclasses.replace(result().resistances, total_interval=None)
    bare = dataclasses.replace(result(), arc=None, relative_error_estimate=float("nan"), resistances=resistances)
    s = strict_json(json.dumps(output.summary(bare), allow_nan=False))
    assert s["C_int_F_per_cm2"] is None
    assert s["apex_frequency_Hz"] is None
    assert s["relative_error_estimate"] is None
    assert s["R_total_interval_ohm_cm2"] is None
