"""The schema for editors says what the reader of case files does."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import jsonschema
import pytest

import aspot
from aspot.errors import InputError
from aspot.schema import case_keys, case_schema

ROOT = Path(__file__).resolve().parent.parent
SCHEMA = case_schema()
MINIMAL = {"electrolyte": {"thickness": "2 mm", "conductivity": "5 mS/cm"}}


def is_valid(data: object) -> bool:
    return jsonschema.Draft202012Validator(SCHEMA).is_valid(data)


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("case", sorted((ROOT / "cases").glob("*.toml")), ids=lambda p: p.stem)
def test_every_case_is_valid(case: Path) -> None:
    data = tomllib.loads(case.read_text())
    assert not list(jsonschema.Draft202012Validator(SCHEMA).iter_errors(data))


def test_what_a_run_writes_is_valid() -> None:
    """Resolved cases hold SI numbers where users write text."""
    for case in sorted((ROOT / "cases").glob("*.toml")):
        assert is_valid(aspot.load(case).resolved()), case.stem


@pytest.mark.parametrize(
    "change",
    [
        {"electrolyte.thicknes": "2 mm"},
        {"electrolyte.thickness": True},
        {"numerics.backend": "magic"},
        {"working_electrode.morphology.contact_fraction": 1.5},
        {"electrolyte.permittivity": 0.5},
        {"frequencies.per_decade": 0},
        {"counter_electrode.symmetric": "yes"},
        {"working_electrode.gap.filling.permittivity": "much"},
    ],
)
def test_schema_and_reader_refuse_the_same(change: dict[str, object]) -> None:
    data: dict[str, object] = {}
    from aspot.specification import put

    for key, value in {"electrolyte.thickness": "2 mm", "electrolyte.conductivity": "5 mS/cm", **change}.items():
        put(data, key, value)
    assert is_valid(MINIMAL)
    assert not is_valid(data)
    with pytest.raises(InputError):
        aspot.Cell.parse(data)


def test_every_key_is_explained() -> None:
    for name, table in {**SCHEMA["$defs"], "case": SCHEMA}.items():
        for key, entry in table.get("properties", {}).items():
            explained = "description" in entry or "$ref" in entry or "enum" in entry
            assert explained, f"{name}.{key} has no description: write it in the docstring of its model"


def test_keys_are_those_that_set_takes() -> None:
    keys = case_keys()
    assert len(keys) == len(set(keys))
    for key in ("working_electrode.gap.thickness", "electrolyte.layers.0.name", "numerics.relative_tolerance"):
        assert key in keys


@pytest.mark.parametrize(
    ("words", "number", "offered"),
    [
        ("aspot ru", 1, "run"),
        ("aspot run --o", 2, "--out"),
        ("aspot run case.toml --set electrolyte.thi", 4, "electrolyte.thickness="),
    ],
)
def test_the_shell_completes(words: str, number: int, offered: str) -> None:
    environment = {
        **os.environ, "_ASPOT_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(number),
        "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1",
    }  # fmt: skip
    code = "from aspot.cli import main; raise SystemExit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, encoding="utf-8", check=False, timeout=60
    )
    assert offered in done.stdout.split(), done.stderr
