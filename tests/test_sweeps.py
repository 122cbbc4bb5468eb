"""Sweeps: each case as it would be alone, once, whatever the order; resumed without computing anything twice.

Theory: the resistance of a planar pellet is thickness over conductivity at every temperature; the constriction of
similar cells is proportional to their length; a Latin hypercube has one sample in each slice of every range.
"""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.constants import Boltzmann, elementary_charge

import aspot
from aspot import cli
from aspot.discretise import BACKENDS
from aspot.errors import AspotError, InputError, MemoryLimitError
from aspot.simulation import simulate
from aspot.sweeps import Axis, Sweep, SweepProgress, SweepResult, dataset, run, store, sweep
from aspot.sweeps.description import case_of, load
from aspot.sweeps.queue import Families, Job, Queue
from aspot.sweeps.store import opened
from aspot.sweeps.work import Shared, Task, prepare, solve

FRACTION = "working_electrode.morphology.contact_fraction"
RADIUS = "working_electrode.morphology.radius"
GAP = "working_electrode.gap.thickness"
CASE: dict[str, Any] = {
    "electrolyte": {"thickness": "1 mm", "conductivity": "1 mS/cm", "permittivity": 30, "activation_energy": "0.3 eV"},
    "working_electrode": {
        "morphology": {"kind": "spots", "arrangement": "single", "radius": "10 um", "contact_fraction": 0.05},
        "gap": {"thickness": "30 nm"},
    },
    "frequencies": {"start": "1 MHz", "stop": "1 Hz", "per_decade": 1},
}
PLANAR: dict[str, Any] = {"electrolyte": CASE["electrolyte"], "frequencies": {"values": ["1 kHz"]}}


def cell(**changes: object) -> aspot.Cell:
    return aspot.Cell(**CASE).with_(**changes)


def small(out: Path, axes: Any = None, **options: Any) -> SweepResult:
    """A sweep of milliseconds, in this process: one planar case for each temperature."""
    axes = {"temperature": ["0 degC", "25 degC", "60 degC"]} if axes is None else axes
    return sweep(aspot.Cell(**PLANAR), axes, out=out, workers=0, **options)


def records(out: Path) -> list[dict[str, Any]]:
    files = sorted((out / "cases").glob("*.jsonl"))
    return [json.loads(line) for path in files for line in path.read_text().splitlines()[1:]]


def equal(a: Any, b: Any) -> None:
    """Two data sets, but for times and when they were written."""
    assert set(a.variables) == set(b.variables)
    for name in set(a.variables) - {"seconds"}:
        x, y = a[name].values, b[name].values
        assert np.array_equal(x, y, equal_nan=x.dtype.kind == "f"), name


# Axes ---------------------------------------------------------------------------------------------------------------


def test_ranges_hold_both_ends_and_are_even_in_themselves_or_in_their_logarithm() -> None:
    at = np.array(Axis.range(GAP, "10 nm", "1 um", 5, scale="log").rows)[:, 0]
    assert (at[0], at[-1]) == (1e-8, 1e-6)
    assert at[1:] / at[:-1] == pytest.approx(10**0.5)
    even = np.array(Axis.range("temperature", "0 degC", "100 degC", 5).rows)[:, 0]
    assert np.diff(even) == pytest.approx(25.0)
    assert Axis.range("working_electrode.morphology.seed", 0, 10, 3).rows == ((0,), (5,), (10,))


def test_a_latin_hypercube_has_one_sample_in_each_slice() -> None:
    n = 40
    axis = Axis.latin_hypercube({"temperature": ("0 degC", "80 degC"), GAP: ("10 nm", "1 um", "log")}, n, seed=3)
    rows = np.array(axis.rows)
    shares = [(rows[:, 0] - 273.15) / 80.0, np.log(rows[:, 1] / 1e-8) / np.log(100.0)]
    for share in shares:
        assert sorted(np.floor(share * n).astype(int)) == list(range(n))
    assert axis == Axis.latin_hypercube(
        {"temperature": ("0 degC", "80 degC"), GAP: ("10 nm", "1 um", "log")}, n, seed=3
    )
    assert (
        axis.rows
        != Axis.latin_hypercube({"temperature": ("0 degC", "80 degC"), GAP: ("10 nm", "1 um", "log")}, n, seed=4).rows
    )


def test_values_are_read_with_units_tables_and_nothing_included() -> None:
    assert Axis.values("working_electrode.morphology.semi_axes", [["1 um", "2 um"]]).rows == (([1e-6, 2e-6],),)
    contact = Axis.values("working_electrode.contact", [None, {"charge_transfer_resistance": "1 ohm cm^2"}])
    assert contact.rows == ((None,), ({"charge_transfer_resistance": 1e-4},))
    table = Axis.table([RADIUS, FRACTION], [["10 um", 0.1], [2e-5, 0.2]])
    assert table.rows == ((1e-5, 0.1), (2e-5, 0.2))
    assert Axis.seeds(3).rows == ((0,), (1,), (2,))
    assert Axis.values("electrolyte.layers.0.thickness", np.array([1e-8])).rows == ((1e-8,),)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Axis.values("temprature", ["25 degC"]), ("temprature", "did you mean 'temperature'")),
        (lambda: Axis.values("temperature", ["3 mm"]), ("temperature = '3 mm'", "temperature such as")),
        (lambda: Axis.values("temperature", "25 degC"), ("temperature", "list of values")),
        (lambda: Axis.values("temperature", []), ("temperature", "no values")),
        (lambda: Axis.values("temperature.x", [1]), ("temperature is not a table",)),
        (lambda: Axis.range(GAP, "0 nm", "1 um", 3), (GAP, "between")),
        (lambda: Axis.range(GAP, "1 nm", "1 um", 1), ("points = 1",)),
        (lambda: Axis.range(GAP, "1 nm", "1 um", 3, scale="cubic"), ("scale = 'cubic'", "linear, log")),
        (lambda: Axis.range("numerics.backend", "auto", "auto", 3), ("is no number",)),
        (lambda: Axis.range("electrolyte.activation_energy", 0, 1e-20, 3, scale="log"), ("positive ends",)),
        (lambda: Axis.seeds(0), ("seeds = 0",)),
        (lambda: Axis.seeds([1.5]), ("seed = 1.5", "whole number")),
        (lambda: Axis.table([RADIUS, FRACTION], [["10 um"]]), ("row 1", "2 values")),
        (lambda: Axis.table(["temperature"], [300.0]), ("row 1", "1 values")),  # type: ignore[list-item]
        (lambda: Axis.latin_hypercube({GAP: ("1 nm",)}, 3), (GAP, "(start, stop)")),
        (lambda: Axis.latin_hypercube({GAP: ("1 nm", "2 nm")}, 0), ("samples = 0",)),
        (lambda: Axis.from_csv("no such file.csv"), ("no such file.csv",)),
        (lambda: Sweep.of(cell(), {}), ("at least one",)),
        (lambda: Sweep.of(cell(), [Axis.seeds(2), Axis.seeds(3)]), ("varied twice",)),
        (lambda: Sweep.of(cell(), [Axis.values(GAP, [1e-8], name="frequency")]), ("'frequency'", "meaning")),
        (lambda: Sweep.of(cell(), [Axis.values(GAP, [1e-8], name="a"), Axis.seeds(2, name="a")]), ("'a'", "twice")),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_with_the_key(make: Callable[[], object], words: tuple[str, ...]) -> None:
    with pytest.raises(InputError) as caught:
        make()
    for word in words:
        assert word in str(caught.value)


def test_dimensions_have_the_shortest_names_that_tell_them_apart() -> None:
    made = Sweep.of(
        cell(),
        [
            Axis.values("electrolyte.thickness", [1e-3]),
            Axis.values(GAP, [1e-8]),
            Axis.values(RADIUS, [1e-5]),
            Axis.values("numerics.backend", ["auto"]),
            Axis.table(["temperature", "electrolyte.permittivity"], [[300.0, 30]]),
        ],
    )
    names = [axis.name for axis in made.axes]
    assert names == ["electrolyte.thickness", "gap.thickness", "radius", "numerics.backend", "sample"]


# Files --------------------------------------------------------------------------------------------------------------

TOML = """
name = "of a file"
case = "case.toml"
[[axes]]
key = "working_electrode.morphology.radius"
values = ["10 um", "20 um"]
[[axes]]
name = "gap"
key = "working_electrode.gap.thickness"
start = "10 nm"
stop = "1 um"
points = 3
scale = "log"
[[axes]]
name = "condition"
file = "conditions.csv"
[[axes]]
samples = 2
name = "draw"
[axes.latin_hypercube]
"electrolyte.conductivity" = { start = "1 mS/cm", stop = "5 mS/cm" }
"""


def written(folder: Path, text: str) -> Path:
    (folder / "case.toml").write_text(aspot.casefile.dumps(cell()))
    (folder / "conditions.csv").write_text("temperature, electrolyte.permittivity\n25 degC, 30\n333.15, 40\n")
    (folder / "sweep.toml").write_text(text)
    return folder / "sweep.toml"


def test_a_file_describes_every_kind_of_axis(tmp_path: Path) -> None:
    found = load(written(tmp_path, TOML))
    assert found.name == "of a file"
    assert found.shape == (2, 3, 2, 2)
    assert [axis.name for axis in found.axes] == ["radius", "gap", "condition", "draw"]
    # The last axis runs fastest.
    assert found.changes(0)[RADIUS] == found.changes(11)[RADIUS] == 1e-5
    assert found.changes(12)[RADIUS] == 2e-5
    assert found.changes(2)["temperature"] == 333.15
    made = case_of(found.base, found.changes(23))
    assert made.electrolyte.permittivity == 40
    tables = re.sub(r"(?m)^\[", "[case.", aspot.casefile.dumps(cell()))
    inline = TOML.replace('case = "case.toml"', "").replace("[[axes]]", f"[case]\n{tables}\n[[axes]]", 1)
    assert load(written(tmp_path, inline)).digest == found.digest


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('case = "case.toml"', "", ("case", "is required")),
        ('case = "case.toml"', 'case = "none.toml"', ("case: ", "none.toml")),
        ('case = "case.toml"', "case = 3", ("case file",)),
        ("points = 3", "points = 3\nvalues = [1]", ("axes.1", "key, start, stop and points")),
        ("points = 3", "pionts = 3", ("pionts", "did you mean 'points'")),
        ("[[axes]]", "[[axis]]", ("axis", "did you mean 'axes'")),
        ('"10 um", "20 um"', '"10 um", "20 s"', ("axes.0", "20 s")),
        ("conditions.csv", "none.csv", ("axes.2", "none.csv")),
        ("[[axes]]", "[[axes", ("not TOML",)),
    ],
)
def test_a_wrong_file_is_one_clear_error(tmp_path: Path, old: str, new: str, words: tuple[str, ...]) -> None:
    path = written(tmp_path, TOML.replace(old, new))
    with pytest.raises(InputError) as caught:
        load(path)
    for word in ("sweep.toml", *words):
        assert word in str(caught.value)


# Answers ------------------------------------------------------------------------------------------------------------


def test_a_planar_pellet_has_thickness_over_conductivity_at_every_temperature(tmp_path: Path) -> None:
    axes = {"temperature": ["0 degC", "25 degC", "60 degC"], "electrolyte.thickness": ["0.5 mm", "1 mm"]}
    data = small(tmp_path / "out", axes).dataset
    t, length = data["temperature"].values, data["thickness"].values
    # sigma T = A exp(-Ea/kT), 1 mS/cm at 25 degC
    beta = 0.3 * elementary_charge / Boltzmann
    sigma = 0.1 * (298.15 / t) * np.exp(-beta * (1 / t - 1 / 298.15))
    assert data["R_total_ohm_cm2"].values == pytest.approx(1e4 * length / sigma[:, None], rel=1e-9)
    assert data["R_int_ohm_cm2"].values == pytest.approx(0.0, abs=1e-9 * float(data["R_SE_ohm_cm2"].max()))
    assert (data["status"] == "done").all()


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> SweepResult:
    """Two geometries, each with six cases that differ in laws, of which two are the same."""
    axes = [
        Axis.values(RADIUS, ["10 um", "20 um"]),
        Axis.values(GAP, ["30 nm", "300 nm", "30 nm"], name="gap"),
        Axis.values("temperature", ["25 degC", "60 degC"]),
    ]
    return sweep(aspot.Cell(**CASE), axes, out=tmp_path_factory.mktemp("mixed"), workers=0)


def test_every_case_is_as_it_would_be_alone(mixed: SweepResult) -> None:
    """On the meshes of another case, too: within both error estimates."""
    data = mixed.dataset
    assert set(data["method"].values.ravel()) == {"family"}
    for radius, gap, t in ((1e-5, 0, 298.15), (2e-5, 1, 333.15)):
        here = data.sel(radius=radius, temperature=t).isel(gap=gap)
        alone = simulate(cell(**{RADIUS: radius, GAP: float(here["gap"]), "temperature": t}))
        z = here["Z_real_ohm_cm2"].values + 1j * here["Z_imag_ohm_cm2"].values
        allowed = here["relative_error"].values + alone.error_by_frequency
        assert (np.abs(z / alone.spectrum.impedance_ohm_cm2 - 1.0) <= allowed).all()
        error = float(here["relative_error_estimate"]) + alone.relative_error_estimate
        r = alone.resistances
        assert float(here["R_total_ohm_cm2"]) == pytest.approx(r.total, rel=error)
        assert float(here["R_cc_ohm_cm2"]) == pytest.approx(r.cc, abs=error * r.total)
        assert alone.arc is not None
        assert float(here["apex_frequency_Hz"]) == pytest.approx(alone.arc.apex_frequency_Hz, rel=0.02)
        assert float(here["C_int_F_per_cm2"]) == pytest.approx(alone.arc.C_int_F_per_cm2, rel=0.02)
        parts = here["R_parts_ohm_cm2"]
        assert float(parts.sel(part="constriction")) == float(here["R_cc_ohm_cm2"])
        assert float(parts.sum()) == pytest.approx(float(here["R_total_ohm_cm2"]), rel=1e-9)


def test_the_constriction_of_similar_cells_is_proportional_to_their_length(mixed: SweepResult) -> None:
    r = mixed.dataset["R_cc_ohm_cm2"]
    error = float(mixed.dataset["relative_error_estimate"].max() * mixed.dataset["R_total_ohm_cm2"].max() / r.min())
    assert r.sel(radius=2e-5).values == pytest.approx(2.0 * r.sel(radius=1e-5).values, rel=2 * error)


def test_identical_cases_are_computed_once(mixed: SweepResult) -> None:
    assert (mixed.points, mixed.cases) == (12, 8)
    found = records(mixed.directory)
    assert len(found) == len({record["digest"] for record in found}) == 8
    data = mixed.dataset
    first, again = data.isel(gap=0).drop_vars("gap"), data.isel(gap=2).drop_vars("gap")
    assert first.identical(again)


def test_a_record_makes_its_case_again(mixed: SweepResult) -> None:
    record = records(mixed.directory)[3]
    again = aspot.Cell.parse(record["case"])
    assert again.digest == record["digest"]
    head = json.loads((mixed.directory / "cases" / "00000001.jsonl").read_text().splitlines()[0])
    assert head["versions"]["numpy"] == np.__version__
    known = json.loads(mixed.dataset.attrs["versions"])
    assert known[int(mixed.dataset["versions"].max())]["numpy"] == np.__version__


def test_the_answer_to_a_case_does_not_depend_on_which_were_solved_before() -> None:
    contact = {"charge_transfer_resistance": "1 ohm cm^2", "double_layer_capacitance": "10 uF/cm^2"}
    transfer = "working_electrode.contact.charge_transfer_resistance"
    base = cell(**{"working_electrode.contact": contact})
    made = Sweep.of(base, {GAP: ["2 nm", "30 nm", "10 um"], transfer: ["1e-3 ohm cm^2", "1 ohm cm^2", "1e3 ohm cm^2"]})
    cases = tuple(made.points())
    # Trained in the middle alone, so that the others have something to learn.
    shared = Shared(key="test", anchor=cases[4], training=(cases[4],), cases=9)

    def answers(order: tuple[int, ...]) -> dict[int, Mapping[str, Any]]:
        task = Task(
            base=made.base,
            rows=order,
            digests=tuple(map(str, order)),
            cases=tuple(cases[k] for k in order),
            shared=shared,
            seconds=1e9,
        )
        return {row: json.loads(line) for row, line in solve(task)[1]}

    first, other = answers(tuple(range(9))), answers((8, 0, 4))
    assert any(record["full_solves"] > 0 for record in first.values())
    for row, record in other.items():
        assert {**record, "seconds": 0} == {**first[row], "seconds": 0}


def test_the_data_set_has_labels_with_units(mixed: SweepResult) -> None:
    data = mixed.dataset
    assert data["gap"].attrs == {"units": "m", "long_name": GAP}
    assert data["R_int_ohm_cm2"].attrs["units"] == "ohm cm2"
    assert data["Z_real_ohm_cm2"].dims == ("radius", "gap", "temperature", "frequency")
    assert (np.diff(data["frequency"].values) < 0).all()
    lines = (mixed.directory / "table.csv").read_text().splitlines()
    assert len(lines) == 1 + mixed.points
    assert lines[0].startswith(f"{RADIUS} [m],{GAP} [m],temperature [K],status,R_total_ohm_cm2")
    files = {path.name for path in mixed.directory.rglob("*") if path.is_file()}
    assert {name.partition(".")[2] for name in files} == {"json", "jsonl", "nc", "csv", "lock"}


def test_frequencies_may_be_an_axis(tmp_path: Path) -> None:
    data = small(tmp_path / "out", {"frequencies.values": [["1 kHz", "10 Hz"], ["1 kHz", "1 Hz"]]}).dataset
    assert data["frequency"].values.tolist() == [1000.0, 10.0, 1.0]
    known = np.isfinite(data["Z_real_ohm_cm2"].values)
    assert known.tolist() == [[True, True, False], [True, False, True]]


# Failures -----------------------------------------------------------------------------------------------------------


def test_a_case_that_fails_is_recorded_and_does_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that no backend may solve, one whose tolerance is out of reach."""
    # With so few levels 1e-8 is out of reach.
    monkeypatch.setitem(
        BACKENDS, "axisymmetric", dataclasses.replace(BACKENDS["axisymmetric"], n_levels=4, first_level=lambda _: 0)
    )
    axes = [
        Axis.table(
            ["numerics.backend", "numerics.relative_tolerance"], [["auto", 1e-3], ["planar", 1e-3], ["auto", 1e-8]]
        )
    ]
    done = sweep(cell(), axes, out=tmp_path / "out", workers=0)
    data = done.dataset
    assert data["status"].values.tolist() == ["done", "failed", "failed"]
    assert "numerics.backend" in str(data["reason"].values[1])
    assert "was not reached" in str(data["reason"].values[2])
    assert np.isfinite(data["R_total_ohm_cm2"].values).tolist() == [True, False, False]
    assert (done.failed, sum(done.failures.values())) == (2, 2)
    assert any("1 of 3 cases are impossible" in note for note in done.notes)
    kinds = {record["error"] for record in records(tmp_path / "out") if record["status"] == "failed"}
    assert kinds == {"InputError", "ToleranceError"}
    # Again only if asked for.
    kept = sweep(cell(), axes, out=tmp_path / "out", workers=0)
    assert (kept.reused, len(records(tmp_path / "out"))) == (3, 3)
    again = sweep(cell(), axes, out=tmp_path / "out", workers=0, retry_failed=True)
    assert (again.reused, len(records(tmp_path / "out"))) == (1, 5)


def test_any_error_of_a_case_is_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(made: aspot.Cell, **_: object) -> object:
        if made.temperature > 320.0:
            raise ZeroDivisionError("a\nfault")
        return simulate(made)

    monkeypatch.setattr("aspot.sweeps.work.simulate", wrong)
    done = small(tmp_path / "out")
    assert done.failures == {"unexpected ZeroDivisionError: a fault": 1}
    assert done.cases - done.failed == 2


def test_a_case_that_lacks_memory_is_tried_again_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others may have taken it; if there is too little for the case by itself, it fails."""
    tried: list[float] = []

    def greedy(made: aspot.Cell, **_: object) -> object:
        tried.append(made.temperature)
        if made.temperature > 320.0 or tried.count(made.temperature) + (made.temperature < 280.0) == 1:
            raise MemoryLimitError("too large")
        return simulate(made)

    monkeypatch.setattr("aspot.sweeps.work.simulate", greedy)
    data = small(tmp_path / "out").dataset
    assert data["status"].values.tolist() == ["done", "done", "failed"]
    assert str(data["reason"].values[2]) == "too large"
    assert sorted(tried) == [273.15, 298.15, 298.15, 333.15, 333.15]


def test_a_sweep_of_impossible_cases_alone_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no case of the sweep is possible; the first: numerics\.backend"):
        sweep(cell(), {"numerics.backend": ["planar", "voxel"]}, out=tmp_path / "out", workers=0)
    assert not (tmp_path / "out").exists()


def test_too_large_a_sweep_is_refused_with_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset.check_size(1000, 1000, 70, 1e9)
    with pytest.raises(InputError, match="GB of disk"):
        dataset.check_size(1000, 1000, 70, 1e6)
    monkeypatch.setattr(dataset, "available_memory", lambda: 1e3)
    with pytest.raises(InputError, match=r"3 points with 1 frequencies take about .* GB of memory"):
        small(tmp_path / "out")
    assert not (tmp_path / "out").exists()


# Again --------------------------------------------------------------------------------------------------------------


def stop_after(n: int) -> Callable[[SweepProgress], None]:
    def report(now: SweepProgress) -> None:
        if now.stage.startswith("on ") and now.finished >= n:
            raise KeyboardInterrupt

    return report


def test_an_interrupted_sweep_goes_on_and_ends_with_the_same_data(
    tmp_path: Path, mixed: SweepResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "_SECONDS_AT_ONCE", 0.0)  # one case after the other
    axes = list(mixed.sweep.axes)
    with pytest.raises(KeyboardInterrupt, match="interrupted; 3 of 8 cases are finished"):
        sweep(aspot.Cell(**CASE), axes, out=tmp_path / "out", workers=0, progress=stop_after(3))
    before = records(tmp_path / "out")
    assert len(before) == 3
    import xarray

    partial = xarray.load_dataset(tmp_path / "out" / "sweep.nc", engine="h5netcdf")
    assert int((partial["status"] == "missing").sum()) == 12 - 5  # two of them stand at two points
    done = sweep(aspot.Cell(**CASE), axes, out=tmp_path / "out", workers=0)
    assert done.reused == 3
    after = records(tmp_path / "out")
    assert after[:3] == before
    assert len({record["digest"] for record in after}) == len(after) == 8
    equal(done.dataset, mixed.dataset)


def test_a_finished_sweep_computes_nothing_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = small(tmp_path / "out")
    monkeypatch.setattr(run, "solve", None)
    again = small(tmp_path / "out")
    assert (first.reused, again.reused) == (0, 3)
    assert again.notes == ()
    equal(first.dataset, again.dataset)


def test_a_changed_sweep_is_stated_and_takes_over_what_it_can(tmp_path: Path) -> None:
    small(tmp_path / "out")
    axes = {"temperature": ["25 degC", "60 degC", "90 degC"], "electrolyte.permittivity": [30]}
    changed = small(tmp_path / "out", axes)
    assert changed.reused == 2
    (note,) = changed.notes
    for word in (
        "the sweep changed",
        "axis temperature had [273.15, 298.15, 333.15], has [298.15",
        "permittivity is new",
    ):
        assert word in note
    thicker = aspot.Cell(**PLANAR).with_(**{"electrolyte.thickness": "2 mm"})
    other = sweep(thicker, axes, out=tmp_path / "out", workers=0)
    assert other.reused == 0
    assert "case: electrolyte.thickness was 0.001, is 0.002" in other.notes[0]


def test_changed_versions_are_stated_kept_or_computed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small(tmp_path / "out")
    now = {**run.versions(), "numpy": "99.0"}
    monkeypatch.setattr(run, "versions", lambda: now)
    kept = small(tmp_path / "out")
    assert kept.reused == 3
    assert f"numpy {np.__version__} -> 99.0" in kept.notes[0]
    assert "3 finished cases of other versions are kept" in kept.notes[1]
    anew = small(tmp_path / "out", recompute_other_versions=True)
    assert anew.reused == 0


def test_a_damaged_file_is_set_aside_and_its_cases_computed_again(tmp_path: Path) -> None:
    first = small(tmp_path / "out")
    (path,) = (tmp_path / "out" / "cases").glob("*.jsonl")
    path.write_bytes(path.read_bytes()[:-40])
    left = tmp_path / "out" / "cases" / ".00000002.jsonl.abc.partial"
    left.write_text("left by a killed run")
    again = small(tmp_path / "out")
    assert again.reused == 0
    assert any("00000001.jsonl was damaged" in note for note in again.notes)
    assert path.with_suffix(".damaged").exists()
    assert not left.exists()
    equal(first.dataset, again.dataset)


def test_a_folder_of_something_else_is_refused_untouched(tmp_path: Path) -> None:
    (tmp_path / "sweep.json").write_text('{"format": "my own"}')
    with pytest.raises(InputError, match="not of a sweep of aspot"):
        small(tmp_path)
    assert (tmp_path / "sweep.json").read_text() == '{"format": "my own"}'
    with pytest.raises(InputError, match="is a file"):
        small(tmp_path / "sweep.json")


def test_a_full_disk_ends_the_sweep_and_leaves_whole_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small(tmp_path / "out", {"temperature": ["0 degC"]})
    before = {p.name: p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()}
    real = os.replace

    def full(source: Any, target: Any) -> None:
        if str(target).endswith(".jsonl"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(AspotError, match="cannot be written: No space left"):
            small(tmp_path / "out")
    after = {p.name: p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert set(after) == set(before)
    assert {n for n in after if after[n] != before[n]} <= {"sweep.json"}
    assert small(tmp_path / "out").reused == 1


# One at a time ------------------------------------------------------------------------------------------------------


def test_two_sweeps_do_not_share_a_folder(tmp_path: Path) -> None:
    with (
        opened(tmp_path / "out"),
        pytest.raises(AspotError, match=f"another sweep writes there .process {os.getpid()}"),
    ):
        small(tmp_path / "out")
    small(tmp_path / "out")


def test_without_locks_of_the_system_the_name_of_the_owner_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    def unknown(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", unknown)
    out = tmp_path / "out"
    with opened(out), pytest.raises(AspotError, match=r"remove .*\.lock"):
        small(out)
    dead = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, encoding="utf-8", check=True
    )
    (tmp_path / "out").mkdir()
    (out / store.LOCK).write_text(json.dumps({"pid": int(dead.stdout), "host": os.uname().nodename, "since": "?"}))
    small(out)  # its owner is gone
    (out / store.LOCK).write_text(json.dumps({"pid": int(dead.stdout), "host": "elsewhere", "since": "?"}))
    with pytest.raises(AspotError, match="on elsewhere"):
        small(out)


# Who is next --------------------------------------------------------------------------------------------------------


def test_a_worker_stays_with_its_geometry_and_helps_with_others_last() -> None:
    geometry = ["a", "b", "c"] * 100
    queue = Queue(range(300), geometry)
    first, second = queue.next(0, False), queue.next(1, True)
    assert first is not None
    assert second is not None
    assert {geometry[row] for row in first.rows} == {"a"}
    assert {geometry[row] for row in second.rows} == {"b"}
    queue.put_back(first, first.rows[10:])
    again = queue.next(0, True)
    assert again is not None
    assert again.rows[0] == first.rows[10]
    seen = [*first.rows[:10], *second.rows, *again.rows]
    while (job := queue.next(0, False)) is not None:
        seen += job.rows
    assert sorted(seen) == list(range(300))


def test_a_case_that_ends_its_worker_is_tried_alone_and_then_given_up() -> None:
    queue = Queue([0, 1], ["a", "a"])
    job = queue.next(0, False)
    assert job == Job(geometry="a", rows=(0, 1))
    assert queue.died(job) == ()
    single = queue.next(0, False)
    assert single is not None
    assert single.rows == (0,)
    assert queue.died(single) == ()
    assert queue.next(0, False) == Job(geometry="a", rows=(1,))
    again = queue.next(0, False)
    assert again == single
    assert queue.died(again) == ()
    assert queue.next(0, True) is None  # not beside others
    last = queue.next(0, False)
    assert last == Job(geometry="a", rows=(0,), alone=True)
    assert queue.died(last) == (0,)
    assert not queue


def test_training_holds_the_extremes_of_every_law() -> None:
    rows = [{"temperature": t, GAP: g} for t in np.linspace(250, 400, 30) for g in np.geomspace(1e-9, 1e-6, 20)]
    made = Sweep.of(aspot.Cell(**CASE), [Axis.table(["temperature", GAP], [list(row.values()) for row in rows])])
    shared = Families(made, ["g"] * 600, range(600)).of("g")
    assert shared is not None
    assert len(shared.training) == 64
    for key in ("temperature", GAP):
        values = [changes[key] for changes in shared.training]
        assert (min(values), max(values)) == (rows[0][key], rows[-1][key])
    assert Families(made, ["g"] * 3, range(3)).of("g") is None


def test_cases_of_one_geometry_are_recognised() -> None:
    base = aspot.Cell(**CASE).given()
    changes: list[dict[str, Any]] = [
        {},
        {GAP: 5e-8},
        {"temperature": 300.0},
        {RADIUS: 2e-5},
        {"working_electrode.gap": None},
    ]
    found, frequencies = prepare(base, changes)
    same = [one.geometry == found[0].geometry for one in found]
    assert same == [True, True, True, False, False]
    assert len({one.digest for one in found}) == 5
    assert len(frequencies) == 1
    assert all(one.memory_bytes > 0 for one in found)


def test_the_memory_of_a_case_is_that_of_the_level_at_which_it_ends() -> None:
    """Shapes on pixels: a decade of error takes two levels, and each has four times as many pixels."""
    base = (
        aspot.Cell(**CASE)
        .with_(**{"working_electrode.morphology.arrangement": "square", "numerics.backend": "planar"})
        .given()
    )
    found, _ = prepare(base, [{"numerics.relative_tolerance": t} for t in (1e-3, 1e-4, 1e-5)])
    first, second, third = (one.memory_bytes for one in found)
    assert second > 10 * first and third > 10 * second


# The command --------------------------------------------------------------------------------------------------------


def test_the_command_refuses_with_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, TOML.replace("points = 3", "points = 1"))
    assert cli.main(["sweep", str(path), "--out", str(tmp_path / "out")]) == 2
    assert "points = 1" in capsys.readouterr().err
    assert cli.main(["sweep", str(path), "--out", str(path)]) == 2
    written(tmp_path, TOML)
    assert cli.main(["sweep", str(path), "--out", str(tmp_path / "out"), "--scheduler", "x", "--workers", "2"]) == 2
    assert not (tmp_path / "out").exists()


def test_a_dry_run_says_what_would_be_computed_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, TOML.replace('"10 um", "20 um"', '"10 um", "20 um", "10 um"'))
    assert cli.main(["sweep", str(path), "--out", str(tmp_path / "out"), "--dry-run"]) == 0
    rows = [line.rsplit(maxsplit=1) for line in capsys.readouterr().out.splitlines() if line.strip()]
    found = {row[0].strip(): row[1] for row in rows if len(row) == 2}
    assert (found["points"], found["different cases"], found["geometries"]) == ("36", "24", "2")
    assert found["cases that share meshes"] == "24"
    assert not (tmp_path / "out").exists()


def test_sweeps_load_neither_tables_nor_clusters_before_they_need_them() -> None:
    code = (
        "import aspot.sweeps, sys; print([m for m in ('xarray', 'pandas', 'h5py', 'distributed') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, encoding="utf-8", check=False
    )
    assert done.stdout.strip() == "[]", done.stderr
