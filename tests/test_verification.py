"""Every figure that aspot is held against lies within the error that aspot states (the table of the documentation)."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

import verification  # noqa: E402


@pytest.mark.parametrize("group", verification.GROUPS, ids=lambda g: g.__name__.strip("_"))
def test_stated_errors_cover_the_difference_from_references(group: object) -> None:
    rows = list(group())  # type: ignore[operator]
    assert rows
    for row in rows:
        assert row.holds, f"{row.name}: {row.computed} beside {row.reference}, {row.error:.1e} > {row.stated_error:.1e}"
        # A bar that covers anything says nothing.
        assert row.stated_error < 5e-3, row.name
