"""The planar backend: time of direct current and of a spectrum on random spots, and against tetrahedra at equal error.

    python benchmarks/bench_planar.py [--pixels 256 512 1024] [--repeats 3] [--spots 200] [--discs 6] [--levels 0 1]

First table: spots that cover 5 % of a cell that repeats, H = 1, sigma = 1, ideal contact, gap 3 j w. Direct current:
areas of the shapes on the pixels, modes, solution to a residual of 1e-6, admittance. Spectrum: the reduced basis for
71 frequencies, w = 1e-3 ... 1e4, to 1e-6 at the frequency of largest residual. Seconds of the processor, the best of
all runs. Work: transforms of the spectrum over those of direct current, complex ones counted twice and those of single
precision half; unlike times, it is the same on a busy machine.

Second table: discs that cover 10 % of a cell between mirror planes, direct current, from the geometry to Z. The
reference is the planar backend with four times the pixels of the finest row below. For each level of the tetrahedra,
mesh included, the cheapest level of pixels with no larger error of the constriction is the equal.

With `--large N`: peak memory and time of a spectrum on N x N pixels, in a process of its own.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, TypeVar

import common
import numpy as np
from common.laws import Plain

from aspot.discretise import PLANAR, TETRAHEDRA
from aspot.discretise.planar import problem_on
from aspot.fem.planar import solve
from aspot.fem.planar_network import Transform
from aspot.interface import InterfaceProblem
from aspot.mesh.planar import from_shapes
from aspot.morphology.unit_cell import BoxCell, Disc
from aspot.reduction import reduce

T = TypeVar("T")

OMEGA = np.logspace(-3, 4, 71)


def spots(n: int, fraction: float, seed: int, *, periodic: bool) -> BoxCell:
    """Equal discs, their rims at least 0.2 radii apart."""
    random, radius = np.random.default_rng(seed), float(np.sqrt(fraction / n / np.pi))
    places = np.empty((0, 2))
    while len(places) < n:
        new = random.random(2)
        step = np.abs(places - new)
        step = np.minimum(step, 1.0 - step) if periodic else step
        # Between mirror planes discs keep away from the sides, which tetrahedra would otherwise cut into slivers.
        inside = periodic or bool((np.abs(new - 0.5) < 0.5 - 1.2 * radius).all())
        if inside and (np.hypot(step[:, 0], step[:, 1]) > 2.2 * radius).all():
            places = np.vstack([places, new])
    shapes = tuple(Disc(x=float(x), y=float(y), radius=radius) for x, y in places)
    return BoxCell(size_x=1.0, size_y=1.0, shapes=shapes, contact_inside=True, periodic=periodic)


def interface(cell: BoxCell, *, has_gap: bool) -> InterfaceProblem:
    gap = Plain(0.0, 3.0) if has_gap else None
    return InterfaceProblem(cell=cell, depth_m=1.0, electrolyte=Plain(1.0), gap=gap, temperature_K=298.15)


def random_spots(n_spots: int, pixels: list[int], repeats: int) -> list[dict[str, float]]:
    given = interface(spots(n_spots, 0.05, 3, periodic=True), has_gap=True)
    assert isinstance(given.cell, BoxCell)
    cell, rows = given.cell, []
    for n in pixels:

        def direct(n: int = n) -> tuple[int, float]:
            p = problem_on(given, from_shapes(cell, (n, n)))
            x, iterations = solve(p.network, p.theta(0.0)[:, 0])
            return iterations, p.area_m2 / float(np.real(p.admittance(x, 0.0)))

        def spectrum(n: int = n) -> int:
            p = problem_on(given, from_shapes(cell, (n, n)))
            return reduce(p, OMEGA, tolerance=1e-6).full_solves

        direct(64)
        work = transforms(spectrum) / transforms(direct)
        times: dict[str, list[float]] = {"direct": [], "spectrum": []}
        for _ in range(repeats):
            seconds, (iterations, z) = processor_timed(direct)
            times["direct"].append(seconds)
            seconds, solves = processor_timed(spectrum)
            times["spectrum"].append(seconds)
        one, all_ = (min(times[k]) for k in ("direct", "spectrum"))
        rows.append(
            {"pixels": n, "iterations": iterations, "Z": z, "direct_s": one, "spectrum_s": all_, "full_solves": solves,
             "ratio": all_ / one, "work": work}
        )  # fmt: skip
    return rows


def processor_timed(work: Callable[[], T]) -> tuple[float, T]:
    """Seconds of the processor, which other work on the machine disturbs less, and the result."""
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def transforms(run: Callable[[], object]) -> float:
    """Transforms of a run, in those of real numbers."""
    counts: list[float] = []

    def counted(of: Callable[..., Any]) -> Callable[..., Any]:
        def counting(self: Transform, values: Any, **more: Any) -> Any:
            is_real = more.get("is_real", not np.iscomplexobj(values))
            counts.append((1.0 if is_real else 2.0) * (0.5 if values.dtype.char in "fF" else 1.0))
            return of(self, values, **more)

        return counting

    of = {name: getattr(Transform, name) for name in ("forward", "backward")}
    try:
        for name, original in of.items():
            setattr(Transform, name, counted(original))
        run()
    finally:
        for name, original in of.items():
            setattr(Transform, name, original)
    return sum(counts)


def against_tetrahedra(n_discs: int, levels: list[int], repeats: int) -> list[dict[str, float]]:
    given = interface(spots(n_discs, 0.1, 1, periodic=False), has_gap=False)

    def z(backend: str, level: int) -> float:
        p = {"planar": PLANAR, "tetrahedra": TETRAHEDRA}[backend].discretise(given, level).problem
        return p.area_m2 / float(np.real(p.admittance(p.solve(0.0), 0.0)))

    finest = 4
    reference = z("planar", finest + 2)
    runs = [("tetrahedra", level) for level in levels] + [("planar", level) for level in range(finest + 1)]
    times: dict[tuple[str, int], list[float]] = {run: [] for run in runs}
    errors = {}
    for _ in range(repeats):
        for run in runs:
            seconds, found = common.timed(lambda run=run: z(*run))  # type: ignore[misc]
            times[run].append(seconds)
            errors[run] = abs(found - reference) / (reference - 1.0)
    rows = []
    for run in runs:
        row = {"backend": run[0], "level": run[1], "seconds": common.median(times[run]), "error": errors[run]}
        if run[0] == "tetrahedra":
            equal = [r for r in runs if r[0] == "planar" and errors[r] <= errors[run]]
            if equal:
                best = min(equal, key=lambda r: common.median(times[r]))
                row |= {"equal_level": best[1], "ratio": row["seconds"] / common.median(times[best])}
        rows.append(row)
    return rows


def large(n: int) -> None:
    """A spectrum on n x n pixels, its time and the peak memory of the process."""
    given = interface(spots(1000, 0.05, 3, periodic=False), has_gap=True)
    assert isinstance(given.cell, BoxCell)
    seconds, reduced = common.timed(
        lambda: reduce(problem_on(given, from_shapes(given.cell, (n, n))), OMEGA, tolerance=1e-6)  # type: ignore[arg-type]
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{n} x {n} pixels, 71 frequencies: {reduced.full_solves} full solves, {seconds:.0f} s, {peak:.1f} GB")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pixels", type=int, nargs="*", default=[256, 512, 1024])
    parser.add_argument("--spots", type=int, default=200)
    parser.add_argument("--discs", type=int, default=6)
    parser.add_argument("--levels", type=int, nargs="*", default=[0, 1])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--large", type=int, default=0)
    parser.add_argument("--only-large", type=int, default=0, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only_large:
        large(arguments.only_large)
        return
    common.say_machine()
    rows = random_spots(arguments.spots, arguments.pixels, arguments.repeats) if arguments.pixels else []
    common.print_table(
        ["pixels", "iterations", "direct current", "71 frequencies", "full solves", "ratio", "work", "Z"],
        [
            [f"{r['pixels']}^2", r["iterations"], f"{r['direct_s']:.2f} s", f"{r['spectrum_s']:.2f} s",
             r["full_solves"], f"{r['ratio']:.1f}", f"{r['work']:.1f}", f"{r['Z']:.5f}"]
            for r in rows
        ],
    )  # fmt: skip
    print()
    compared = against_tetrahedra(arguments.discs, arguments.levels, arguments.repeats) if arguments.levels else []
    common.print_table(
        ["backend", "level", "time", "error of R_cc", "equal level of pixels", "ratio"],
        [
            [r["backend"], r["level"], f"{r['seconds']:.3g} s", f"{r['error']:.1e}", r.get("equal_level", ""),
             f"{r['ratio']:.0f}" if "ratio" in r else ""]
            for r in compared
        ],
    )  # fmt: skip
    if arguments.large:
        print()
        subprocess.run([sys.executable, __file__, "--only-large", str(arguments.large)], check=True)
    common.write("planar", {"random_spots": rows, "against_tetrahedra": compared})


if __name__ == "__main__":
    main()
