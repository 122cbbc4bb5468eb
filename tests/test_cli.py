"""The command line: exit status, one clear line for every error, and what people read."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from samples import CASE

from aspot import cli, output
from aspot.cli.console import digits

Outcome = tuple[int, str, str]
Call = Callable[..., Outcome]


@pytest.fixture
def case(tmp_path: Path) -> Path:
    path = tmp_path / "case.toml"
    path.write_text(CASE)
    return path


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    def run(*arguments: object) -> Outcome:
        status = cli.main([str(a) for a in arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def assert_one_line(outcome: Outcome, status: int, *words: str) -> None:
    found, out, err = outcome
    assert found == status, err
    assert out == ""
    assert err.startswith("aspot: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    for word in words:
        assert word in err, err


# What it does -------------------------------------------------------------------------------------------------------


def test_run_writes_the_folder_and_prints_the_partition(call: Call, case: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    status, printed, err = call("run", case, "--out", out)
    assert status == 0, err
    assert {p.name for p in out.iterdir()} == set(output.FILES)
    summary = json.loads((out / "summary.json").read_text())
    for word in ("R_total", "±", "R_SE", "grain boundaries", "R_int", "R_cc", "R_ct", "C_int", "apex", "axisymmetric"):
        assert word in printed
    assert f"{summary['R_int_ohm_cm2']:.4g}"[:4] in printed
    assert "nobody 2000" in printed
    assert "published" in printed
    assert str(out) in printed
    assert err == ""


def test_set_overrides_the_case(call: Call, case: Path, tmp_path: Path) -> None:
    status, _, err = call(
        "run", case, "--out", tmp_path / "o", "--set", "electrolyte.thickness=2 mm",
        "--set", "frequencies.per_decade = 2", "--set", "name='other'",
    )  # fmt: skip
    assert status == 0, err
    summary = json.loads((tmp_path / "o" / "summary.json").read_text())
    assert summary["case"]["electrolyte"]["thickness"] == pytest.approx(2e-3)
    assert summary["name"] == "other"
    # Twice the thickness, twice the resistance of the electrolyte: 2 * (10 + 10) ohm cm2.
    assert summary["R_SE_ohm_cm2"] == pytest.approx(40, rel=1e-12)


def test_validate_says_what_would_be_computed(call: Call, case: Path) -> None:
    status, printed, _ = call("validate", case)
    assert status == 0
    for word in ("valid", "axisymmetric", "unknowns", "memory", "[MB]"):
        assert word in printed


def test_materials_lists_sources(call: Call) -> None:
    status, printed, _ = call("materials")
    assert status == 0
    for word in ("NZSP0.4", "mS/cm", "10.1002/aenm.202202712"):
        assert word in printed


def test_version_and_help(call: Call) -> None:
    status, printed, _ = call("--version")
    assert status == 0
    assert printed.startswith("aspot ")
    status, printed, _ = call("--help")
    assert status == 0
    for command in ("run", "validate", "compare", "fit", "sweep", "report", "materials"):
        assert f"\n  {command} " in printed


# What is refused ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [(), ("nonsense",), ("run",), ("run", "case.toml"), ("validate",), ("run", "--out"), ("materials", "x"), ("-q",)],
)
def test_bad_usage_is_status_2(call: Call, arguments: tuple[str, ...]) -> None:
    assert_one_line(call(*arguments), 2, "(see aspot", "--help)")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nonsense = [", ["not TOML"]),
        ("", ["electrolyte"]),
        (CASE.replace('thickness = "1 mm"', 'thickness = "1 kg"', 1), ["electrolyte.thickness", "kg"]),
        (CASE.replace("radius =", "raduis ="), ["raduis"]),
        (CASE.replace("contact_fraction = 0.05", "contact_fraction = 1.5"), ["contact_fraction", "1.5"]),
    ],
)
def test_a_bad_case_is_status_2_and_names_the_key(call: Call, tmp_path: Path, text: str, words: list[str]) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    assert_one_line(call("run", path, "--out", tmp_path / "o"), 2, "bad.toml", *words)
    assert_one_line(call("validate", path), 2, "bad.toml", *words)
    assert not (tmp_path / "o").exists()


def test_a_missing_case_is_status_2(call: Call, tmp_path: Path) -> None:
    assert_one_line(call("run", tmp_path / "none.toml", "--out", tmp_path / "o"), 2, "none.toml")


@pytest.mark.parametrize("wrong", ["a", "=1", "a=", "a..b=1", ".a=1"])
def test_a_malformed_override_is_status_2(call: Call, case: Path, tmp_path: Path, wrong: str) -> None:
    assert_one_line(call("run", case, "--out", tmp_path / "o", "--set", wrong), 2, "a.b=value")


def test_an_override_given_twice_is_status_2(call: Call, case: Path) -> None:
    assert_one_line(call("validate", case, "--set", "name=a", "--set", "name=b"), 2, "given twice")


def test_an_unknown_override_is_status_2(call: Call, case: Path) -> None:
    assert_one_line(call("validate", case, "--set", "electrolyte.colour=red"), 2, "colour")


def test_an_output_that_is_a_file_is_refused_before_computing(
    call: Call, case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aspot import simulation

    def never(*_: object, **__: object) -> None:
        raise AssertionError("computed")

    monkeypatch.setattr(simulation, "simulate", never)
    (tmp_path / "file").write_text("x")
    assert_one_line(call("run", case, "--out", tmp_path / "file"), 2, "is a file")
    assert (tmp_path / "file").read_text() == "x"


# What fails ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (KeyboardInterrupt(), ["interrupted"]),
        (MemoryError(), ["memory"]),
        (RuntimeError("two\nlines"), ["unexpected RuntimeError: two lines"]),
    ],
)
def test_any_other_failure_is_status_1_with_one_line(
    call: Call, case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, words: list[str]
) -> None:
    from aspot import simulation

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(simulation, "simulate", fail)
    assert_one_line(call("run", case, "--out", tmp_path / "o"), 1, *words)
    assert not (tmp_path / "o").exists()


def test_a_tolerance_that_cannot_be_reached_is_status_1(
    call: Call, case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aspot import simulation
    from aspot.errors import ToleranceError

    def fail(*_: object, **__: object) -> None:
        raise ToleranceError("numerics.relative_tolerance = 1e-09 was not reached")

    monkeypatch.setattr(simulation, "simulate", fail)
    assert_one_line(call("run", case, "--out", tmp_path / "o"), 1, "numerics.relative_tolerance")


# As a process -------------------------------------------------------------------------------------------------------


def process(code: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=False, **options)  # type: ignore[call-overload,no-any-return]


def test_help_and_import_load_nothing_heavy() -> None:
    heavy = ("numpy", "scipy", "pydantic", "pint", "matplotlib", "numba", "skfem", "meshio", "pyvista")
    for start in ("import aspot; dir(aspot)", "from aspot.cli import main; main(['--help'])"):
        done = process(f"import sys; {start}; print([m for m in {heavy} if m in sys.modules])")
        assert done.stdout.splitlines()[-1] == "[]", done.stdout + done.stderr


def test_public_names_can_be_imported() -> None:
    done = process("import aspot; print([getattr(aspot, n) for n in aspot.__all__]); aspot.nonsense")
    assert "AttributeError: module 'aspot' has no attribute 'nonsense'" in done.stderr
    assert done.stdout


def test_output_with_strange_symbols_survives_an_ascii_terminal(case: Path, tmp_path: Path) -> None:
    arguments = ["run", str(case), "--out", str(tmp_path / "o")]
    code = f"import sys; from aspot.cli import main; sys.exit(main({arguments!r}))"
    done = process(code, env={**os.environ, "PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0"})
    assert done.returncode == 0, done.stderr
    assert "R_total" in done.stdout


def test_a_smaller_electrode_shows_its_static_constriction(call: Call, case: Path, tmp_path: Path) -> None:
    status, printed, err = call(
        "run", case, "--out", tmp_path / "o", "--set", "electrolyte.diameter=10 mm",
        "--set", "working_electrode.diameter=6 mm", "--set", "frequencies.per_decade=2",
    )  # fmt: skip
    assert status == 0, err
    assert "R_static" in printed
    summary = json.loads((tmp_path / "o" / "summary.json").read_text())
    # Less than the whole constriction, which the spots add to.
    assert 0 < summary["R_static_ohm_cm2"] < summary["R_cc_ohm_cm2"]
    # R_SE counts the whole cross-section of the pellet: 20 ohm cm2 times (6/10)^2 of its area.
    assert summary["R_SE_ohm_cm2"] == pytest.approx(20 * 0.36, rel=1e-9)


def test_resistances_are_printed_so_that_they_add_up(call: Call, case: Path, tmp_path: Path) -> None:
    """All with the same decimals, R_int = R_cc + R_ct and R_total = R_SE + R_int, to a unit of the last one each."""
    _, printed, _ = call("run", case, "--out", tmp_path / "out")
    rows = [re.match(r" +(R_\w+)\S* .*?([0-9]+\.([0-9]+)) ", line) for line in printed.splitlines()]
    # Reversed: the first row of a name counts, not the one beside the published figure.
    found = {row[1]: row for row in reversed(rows) if row is not None}
    assert len({len(row[3]) for row in found.values()}) == 1
    shown = {name: Fraction(row[2]) for name, row in found.items()}
    last = Fraction(1, 10 ** len(found["R_int"][3]))
    assert abs(shown["R_total"] - shown["R_SE"] - shown["R_int"]) <= 2 * last
    assert abs(shown["R_int"] - shown["R_cc"] - shown["R_ct"]) <= 2 * last


@pytest.mark.parametrize(
    ("value", "uncertainty", "text"),
    [(36.36, 0.004, "36.3600"), (7.1993, 0.07, "7.199"), (1.23456789e9, 1.0, "1.23456789e+09"), (0.0, 0.1, "0"),
     (1710.0, 0.3, "1710.00"), (3.21987e-7, 0.0, "3.22e-07"), (123456.7, 1000.0, "123457")],
)  # fmt: skip
def test_digits_go_to_a_tenth_of_the_uncertainty(value: float, uncertainty: float, text: str) -> None:
    assert digits(value, uncertainty) == text


def test_a_long_title_stands_on_one_line(call: Call, case: Path, tmp_path: Path) -> None:
    name = "a name that is far longer than the table of results below it is wide, with words to break it at"
    _, printed, _ = call("run", case, "--out", tmp_path / "out", "--set", f"name={name}")
    assert name in printed.splitlines()[0]


def test_usage_errors_point_to_the_help_of_their_command(call: Call, case: Path) -> None:
    assert_one_line(call("run", case), 2, "--out", "(see aspot run --help)")
    assert_one_line(call("nothing"), 2, "(see aspot --help)")


def test_a_sweep_and_a_case_are_told_apart(call: Call, case: Path, tmp_path: Path) -> None:
    sweep = tmp_path / "sweep.toml"
    sweep.write_text(f'case = "{case.name}"\n[[axes]]\nkey = "temperature"\nvalues = ["0 degC", "25 degC"]\n')
    assert_one_line(call("validate", sweep), 2, "sweep.toml", "aspot sweep")
    assert_one_line(call("sweep", case, "--out", tmp_path / "out"), 2, case.name, "a case file", "[[axes]]")


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("electrolyte.material=LLZ0", ["'LLZ0'", "did you mean 'LLZO'?"]),
        ("electrolyte.thickness=0,8 mm", ["electrolyte.thickness", "decimal point"]),
        ("working_electrode.morphology.kind=spot", ["did you mean 'spots'?", "'tomogram'"]),
    ],
)
def test_slips_of_the_pen_are_named(call: Call, case: Path, setting: str, words: list[str]) -> None:
    assert_one_line(call("validate", case, "--set", setting), 2, *words)
