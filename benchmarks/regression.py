"""All benchmarks in one command, held against what was accepted before; fails on a real loss.

    python benchmarks/regression.py                # everything: ratios, errors, work
    python benchmarks/regression.py --work         # unknowns, solves, iterations, errors; no clock
    python benchmarks/regression.py --accept       # and take this run for the new standard

Work and errors are the same on every machine: more than 2 % more unknowns, one solve or a tenth more iterations, or an
error a fifth larger is a loss. Ratios of times within one run depend on the machine a little and on its other load
more: a ratio is a loss if it is worse than the worst of the accepted runs by more than 30 % or twice their spread, and
worse again when its benchmark is repeated alone. Accepted runs (the last five) are in `benchmarks/accepted.json`, with
machine and versions.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import common
from verification import GROUPS

ACCEPTED = Path(__file__).resolve().parent / "accepted.json"
_KEPT = 5

#: Cases whose work is counted, and the tolerance asked for.
CASES = {
    "na_nzsp04_gradual_1N": None, "lens_pores": None, "random_spots": 3e-2, "na_nzsp04_rough": None, "grains": 2e-2,
    "tomogram": 5e-2,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """A ratio of times that a benchmark writes: file, path in it, and which way is better."""

    benchmark: str
    path: str
    larger_is_better: bool = True

    @property
    def name(self) -> str:
        """Key in the accepted results."""
        return f"{self.benchmark}: {self.path}"


RATIOS = (
    Ratio(benchmark="main_job", path="alternatives/ratio_direct"),
    Ratio(benchmark="main_job", path="alternatives/ratio_scikit_fem"),
    Ratio(benchmark="flux_tube", path="time_to_error/2/ratio"),
    Ratio(benchmark="flux_tube", path="time_to_error/3/ratio"),
    Ratio(benchmark="flux_tube", path="spectrum/ratio_scikit_fem"),
    Ratio(benchmark="quarter_cell", path="levels/2/ratio"),
    Ratio(benchmark="quarter_cell", path="spectrum/2/ratio_71_solves_to_basis"),
    Ratio(benchmark="spectrum", path="rows/0/ratio", larger_is_better=False),
    Ratio(benchmark="planar", path="random_spots/1/ratio", larger_is_better=False),
)

# Work ---------------------------------------------------------------------------------------------------------------


def work_of_cases() -> dict[str, dict[str, float]]:
    """What the cases cost and how exact they are, without a clock."""
    import aspot

    out: dict[str, dict[str, float]] = {}
    for name, tolerance in CASES.items():
        cell = aspot.load(common.ROOT / "cases" / f"{name}.toml")
        if tolerance is not None:
            cell = cell.with_(**{"numerics.relative_tolerance": tolerance})
        result = aspot.simulate(cell)
        out[f"case {name}"] = {
            "unknowns": result.degrees_of_freedom,
            "solves": result.full_solves,
            "iterations": float(str(result.solver["most_iterations"])),
            "error": result.relative_error_estimate,
        }
    return out


def work() -> dict[str, dict[str, float]]:
    """The same of the verification, too."""
    out = work_of_cases()
    for group in GROUPS:
        for row in group():
            out[f"{row.name}, {row.backend}"] = {"stated": row.stated_error, "holds": float(row.holds)}
    return out


def losses_of_work(now: Mapping[str, Mapping[str, float]], before: Mapping[str, Mapping[str, float]]) -> list[str]:
    """What got worse, in words."""
    out = []
    for name, accepted in before.items():
        if name not in now:
            out.append(f"{name}: is gone")
            continue
        for key, value in now[name].items():
            old = accepted.get(key)
            if old is None:
                continue
            limit = {
                "unknowns": 1.02 * old, "solves": old, "iterations": max(1.1 * old, old + 1), "error": 1.2 * old,
                "stated": 1.2 * old,
            }.get(key)  # fmt: skip
            if key == "holds" and value < old:
                out.append(f"{name}: the stated error does not hold any more")
            elif limit is not None and value > limit:
                out.append(f"{name}: {key} {old:g} -> {value:g} (at most {limit:.4g})")
    return out


# Ratios -------------------------------------------------------------------------------------------------------------


def run(benchmark: str) -> dict[str, Any]:
    """Run one benchmark in a process of its own and read what it wrote."""
    script = Path(__file__).resolve().parent / f"bench_{benchmark}.py"
    print(f"== {script.name}", flush=True)
    subprocess.run([sys.executable, str(script)], check=True)
    document: dict[str, Any] = json.loads((common.RESULTS / f"{benchmark}.json").read_text(encoding="utf-8"))
    return document


def value_at(document: Any, path: str) -> float:
    """A number of a nested document by its path."""
    for key in path.split("/"):
        document = document[int(key)] if isinstance(document, list) else document[key]
    return float(document)


def ratios(benchmarks: Iterable[str]) -> dict[str, float]:
    """The ratios of some benchmarks, freshly measured."""
    documents = {name: run(name) for name in benchmarks}
    return {r.name: value_at(documents[r.benchmark], r.path) for r in RATIOS if r.benchmark in documents}


def limit_of(ratio: Ratio, accepted: list[float]) -> float:
    """Beyond which a ratio is a loss."""
    worst = min(accepted) if ratio.larger_is_better else max(accepted)
    spread = max(accepted) / min(accepted) - 1.0
    room = 1.0 + max(0.3, 2.0 * spread)
    return worst / room if ratio.larger_is_better else worst * room


def losses_of_ratios(now: Mapping[str, float], before: Mapping[str, list[float]]) -> list[tuple[Ratio, str]]:
    """Ratios that are worse than the accepted ones by more than noise makes them."""
    out = []
    for ratio in RATIOS:
        if ratio.name in now and before.get(ratio.name):
            limit, value = limit_of(ratio, before[ratio.name]), now[ratio.name]
            if value < limit if ratio.larger_is_better else value > limit:
                out.append((ratio, f"{ratio.name}: {value:.3g}, accepted {before[ratio.name]}, limit {limit:.3g}"))
    return out


# The command --------------------------------------------------------------------------------------------------------


def accepted() -> dict[str, Any]:
    """What was accepted before; empty if nothing was."""
    return json.loads(ACCEPTED.read_text(encoding="utf-8")) if ACCEPTED.is_file() else {"work": {}, "ratios": {}}


def main() -> int:
    """Run, compare, and with --accept write the new standard."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--work", action="store_true", help="count work only; no ratios of times")
    parser.add_argument("--accept", action="store_true", help="take this run for the new standard")
    options = parser.parse_args()
    before = accepted()
    now = work()
    losses = losses_of_work(now, before["work"])
    measured: dict[str, float] = {}
    if not options.work:
        measured = ratios(dict.fromkeys(r.benchmark for r in RATIOS))
        suspects = losses_of_ratios(measured, before["ratios"])
        if suspects:
            print("worse than accepted, measured again:", *(text for _, text in suspects), sep="\n  ")
            again = ratios(dict.fromkeys(r.benchmark for r, _ in suspects))
            losses += [text for _, text in losses_of_ratios(again, before["ratios"]) if text]
            measured |= again
    table = [
        (name, f"{value:.3g}", ", ".join(f"{old:.3g}" for old in before["ratios"].get(name, [])))
        for name, value in measured.items()
    ]
    if table:
        common.print_table(("ratio", "now", "accepted"), table)
    print(*(losses or ["nothing got worse"]), sep="\n")
    if options.accept:
        kept = {k: [*before["ratios"].get(k, []), v][-_KEPT:] for k, v in measured.items()}
        document = {"machine": common.machine(), "work": now, "ratios": before["ratios"] | kept}
        ACCEPTED.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        print(f"accepted: {ACCEPTED.name}")
        return 0
    return int(bool(losses))


if __name__ == "__main__":
    sys.exit(main())
