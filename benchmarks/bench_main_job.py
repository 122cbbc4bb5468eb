"""The main job, from case file to results folder, by stage; and what its solves cost without the reduced basis.

    python benchmarks/bench_main_job.py [--repeats 7] [--case cases/na_nzsp04_gradual_1N.toml]

Every repeat is a process of its own, as `aspot run` is: import, read the case, solve, pictures, write. Beside it, in
the same run: (a) the same meshes, or the last alone, with one direct solve per frequency; (b) scikit-fem, P2 triangles
refined towards the rim, matrices assembled once, one solve per frequency by its own `solve`, on the coarsest mesh of a
small family that meets the tolerance of the case (chosen knowing the answer).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import common
import numpy as np
from numpy.typing import NDArray

STAGES = ("Python and numpy, start and end", "import", "read the case", "solve", "pictures", "write", "total")
FAMILY = ((8, 0), (10, 0), (8, 1), (12, 1), (16, 1), (10, 2), (12, 2), (16, 2))
_CHILD = "--stages"


def stages(case: Path) -> dict[str, Any]:
    """Seconds by stage of one job; runs in a fresh process."""
    times: dict[str, float] = {}
    clock = time.perf_counter()

    def lap(name: str) -> None:
        nonlocal clock
        now = time.perf_counter()
        times[name] = now - clock
        clock = now

    from aspot import output, plot
    from aspot.casefile import load
    from aspot.simulation import simulate

    lap("import")
    cell = load(case)
    lap("read the case")
    result = simulate(cell)
    lap("solve")
    drawing = 0.0

    def counted(function: Any) -> Any:
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            nonlocal drawing
            seconds, value = common.timed(lambda: function(*args, **kwargs))
            drawing += seconds
            return value

        return wrapper

    for name in ("nyquist", "bode", "save"):
        setattr(plot, name, counted(getattr(plot, name)))
    output.field_picture = counted(output.field_picture)
    with tempfile.TemporaryDirectory() as folder:
        output.write(result, Path(folder) / "out", output.published(result))
    lap("write")
    times["pictures"] = drawing
    times["write"] -= drawing
    return {
        "stages": times, "inside solve": dict(result.seconds), "unknowns": result.degrees_of_freedom,
        "full_solves": result.full_solves, "frequencies": len(result.spectrum),
        "relative_error_estimate": result.relative_error_estimate,
    }  # fmt: skip


def fresh(case: Path) -> dict[str, Any]:
    """One job in a process of its own; the start of the interpreter is what the stages do not account for."""
    command = [sys.executable, __file__, _CHILD, str(case)]
    seconds, done = common.timed(lambda: subprocess.run(command, capture_output=True, text=True, check=True))
    found = json.loads(done.stdout.splitlines()[-1])
    found["stages"]["Python and numpy, start and end"] = seconds - sum(found["stages"].values())
    found["stages"]["total"] = seconds
    return dict(found)


def without_basis(case: Path, repeats: int) -> dict[str, Any]:
    """The solve again in this process, and both other routes, alternating."""
    from common import peer

    from aspot.casefile import load
    from aspot.discretise import PROFILE
    from aspot.plan import plan
    from aspot.simulation import simulate

    cell = load(case)
    result = simulate(cell)
    side = plan(cell).sides[0]
    frequencies = cell.frequencies.values_Hz()
    omega = 2 * np.pi * frequencies
    kappa = side.interface.electrolyte(omega, cell.temperature)
    gap = cell.working_electrode.gap_law()
    assert gap is not None
    y_gap = gap(omega, cell.temperature)
    rest = (cell.electrolyte.thickness - side.interface.depth_m) / kappa
    level = next(
        k
        for k in range(PROFILE.n_levels)
        if PROFILE.discretise(side.interface, k).problem.n_free == result.degrees_of_freedom
    )
    finest = PROFILE.discretise(side.interface, min(level + 3, PROFILE.n_levels - 1)).problem

    def per_area(problem: Any) -> NDArray[np.complex128]:
        return np.array([problem.area_m2 / problem.admittance(problem.solve(float(w)), float(w)) for w in omega])

    reference = per_area(finest) + rest

    def direct(levels: range) -> NDArray[np.complex128]:
        for k in levels:
            z = per_area(PROFILE.discretise(side.interface, k).problem) + rest
        return z

    # The tube scaled to radius 1: Y grows with the length, the gap's matrix with its square.
    outer = side.interface.cell.outer
    radius, depth = side.interface.cell.edges[0] / outer, side.interface.depth_m / outer

    def elsewhere(mesh: tuple[int, int]) -> tuple[int, NDArray[np.complex128]]:
        tube = peer.assemble(peer.graded_mesh(radius, depth, *mesh), radius, depth)
        y = np.array([tube.admittance(k * outer, g * outer**2) for k, g in zip(kappa, y_gap, strict=True)])
        return len(tube.potential) - len(tube.fixed), np.pi * outer**2 / y + rest

    def worst(z: NDArray[np.complex128]) -> float:
        return float(np.max(np.abs(z / reference - 1)))

    tolerance = cell.numerics.relative_tolerance
    for mesh in FAMILY:
        unknowns, z = elsewhere(mesh)
        if worst(z) <= tolerance:
            break
    else:
        raise RuntimeError("no mesh of the family meets the tolerance")
    times: dict[str, list[float]] = {"solve": [], "direct": [], "one level": [], "scikit-fem": []}
    for k in range(repeats):
        seconds, result = common.timed(lambda: simulate(cell))
        times["solve"].append(seconds)
        seconds, z_direct = common.timed(lambda: direct(range(level + 1)))
        times["direct"].append(seconds)
        times["one level"].append(common.timed(lambda: direct(range(level, level + 1)))[0])
        if k < 3:
            seconds, (_, z) = common.timed(lambda: elsewhere(mesh))
            times["scikit-fem"].append(seconds)
    own = result.spectrum.impedance_ohm_cm2 * 1e-4
    return {
        "frequencies": len(omega), "tolerance": tolerance, "level": level, "scikit_fem_mesh": list(mesh),
        "scikit_fem_unknowns": unknowns, **{f"{name}_s": common.median(v) for name, v in times.items()},
        "ratio_direct": common.median([d / s for d, s in zip(times["direct"], times["solve"], strict=True)]),
        "ratio_one_level": common.median([d / s for d, s in zip(times["one level"], times["solve"], strict=True)]),
        "ratio_scikit_fem": common.median(
            [p / s for p, s in zip(times["scikit-fem"], times["solve"], strict=False)]),
        "error": worst(own), "error_direct": worst(z_direct), "error_scikit_fem": worst(z),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--case", type=Path, default=common.ROOT / "cases" / "na_nzsp04_gradual_1N.toml")
    parser.add_argument(_CHILD, type=Path, metavar="CASE", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.stages:
        print(json.dumps(stages(arguments.stages)))
        return
    common.say_machine()
    fresh(arguments.case)  # fills the caches of the disk
    jobs = [fresh(arguments.case) for _ in range(arguments.repeats)]
    by_stage = {name: [job["stages"][name] for job in jobs] for name in STAGES}
    job = jobs[0]
    print(
        f"{arguments.case.name}: {job['frequencies']} frequencies, {job['unknowns']} unknowns, {job['full_solves']} "
        f"full solves, relative error {job['relative_error_estimate']:.0e}\n"
    )
    total = common.median(by_stage["total"])
    common.print_table(
        ("stage", "median", "fastest", "share of the total"),
        [(name, common.short(common.median(v)), common.short(min(v)), f"{100 * common.median(v) / total:.0f} %")
         for name, v in by_stage.items()],
    )  # fmt: skip
    s = without_basis(arguments.case, arguments.repeats)
    print(f"the stage `solve` and its alternatives, {s['frequencies']} frequencies:\n")
    common.print_table(
        ("route", "median", "ratio", "largest error of Z"),
        [
            ("aspot: its levels, reduced basis, error estimate, apex, fields", common.short(s["solve_s"]), "1",
             f"{s['error']:.1e}"),
            ("its levels, one direct solve per frequency, error estimate", common.short(s["direct_s"]),
             f"{s['ratio_direct']:.1f}", f"{s['error_direct']:.1e}"),
            ("its last level alone, one direct solve per frequency", common.short(s["one level_s"]),
             f"{s['ratio_one_level']:.1f}", f"{s['error_direct']:.1e}"),
            (f"scikit-fem P2, {s['scikit_fem_unknowns']} unknowns, no error estimate", common.short(s["scikit-fem_s"]),
             f"{s['ratio_scikit_fem']:.1f}", f"{s['error_scikit_fem']:.1e}"),
        ],
    )  # fmt: skip
    medians = {name: common.median(v) for name, v in by_stage.items()}
    common.write(
        "main_job",
        {
            "stages_s": medians,
            "fastest_s": {n: min(v) for n, v in by_stage.items()},
            "job": {k: v for k, v in job.items() if k != "stages"},
            "alternatives": s,
        },
    )


if __name__ == "__main__":
    main()
