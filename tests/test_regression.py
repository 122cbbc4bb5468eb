"""Benchmarks against accepted results: the work of solving has not grown, and the comparison sees what it must."""

from __future__ import annotations

import copy
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

import regression  # noqa: E402


def test_work_has_not_grown() -> None:
    """Unknowns, full solves, iterations and stated errors of the cases; accept more with regression.py --accept."""
    accepted = json.loads(regression.ACCEPTED.read_text())["work"]
    assert not regression.losses_of_work(regression.work_of_cases(), {k: v for k, v in accepted.items() if "case" in k})


WORK = {"case x": {"unknowns": 1000.0, "solves": 6.0, "iterations": 20.0, "error": 1e-4}}


@pytest.mark.parametrize(
    ("key", "worse", "noise"),
    [("unknowns", 1100.0, 1010.0), ("solves", 7.0, 6.0), ("iterations", 25.0, 21.0), ("error", 2e-4, 1.1e-4)],
)
def test_more_work_is_a_loss_and_rounding_is_not(key: str, worse: float, noise: float) -> None:
    for value, is_loss in ((worse, True), (noise, False), (0.5 * WORK["case x"][key], False)):
        now = copy.deepcopy(WORK)
        now["case x"][key] = value
        assert bool(regression.losses_of_work(now, WORK)) == is_loss


def test_what_is_gone_is_a_loss() -> None:
    assert regression.losses_of_work({}, WORK) == ["case x: is gone"]


def test_ratios_are_judged_by_the_spread_of_accepted_runs() -> None:
    """Runs that differ by 40 % allow twice that; quiet ones 30 %. Both directions."""
    larger, smaller = regression.RATIOS[0], next(r for r in regression.RATIOS if not r.larger_is_better)
    assert regression.limit_of(larger, [10.0, 10.0]) == pytest.approx(10.0 / 1.3)
    assert regression.limit_of(larger, [10.0, 14.0]) == pytest.approx(10.0 / 1.8)
    assert regression.limit_of(smaller, [5.0, 5.0]) == pytest.approx(6.5)
    quiet = {larger.name: [10.0], smaller.name: [5.0]}
    assert not regression.losses_of_ratios({larger.name: 8.0, smaller.name: 6.0}, quiet)
    assert len(regression.losses_of_ratios({larger.name: 7.0, smaller.name: 7.0}, quiet)) == 2


def test_accepted_results_say_where_they_are_from() -> None:
    accepted = json.loads(regression.ACCEPTED.read_text())
    assert accepted["machine"]["processor"]
    assert "aspot" in accepted["machine"]["versions"]
