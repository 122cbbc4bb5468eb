"""Direct current through label images: unknowns per second, iterations and memory against size; beside taufactor.

    python benchmarks/bench_voxel.py [--sizes 64 128 256] [--contrasts 0 1e-12] [--threads 2] [--repeats 3]
                                     [--peer-python VENV/bin/python] [--peer-sizes 64 128]

Images of n^3 voxels: overlapping spherical pores of radius 6 voxels that fill 30 %, insulating (0) or of a conductivity
relative to the electrolyte; plate on one face, ground on the other, mirror planes around. Every measurement is a fresh
process, for its peak memory; compiled code is warmed up on a small image, and generating the image is not counted.
"nodes": Q1 elements, "cells": the network of half resistors. Time: numbering, hierarchy, conjugate gradients and the
admittance, to a residual that leaves 1e-6 in the admittance; that error is measured against a solve to 1e-11.

taufactor (SOR on PyTorch, CPU, single precision) solves the same network as "cells"; it needs PyTorch, which aspot
does not, so give the Python of an environment that has it. It runs to its own default criterion (1 % between layers)
and to 1e-3; its error is measured against "cells" solved to 1e-9.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import common
import numpy as np
from common.laws import Plain
from numpy.typing import NDArray

RADIUS, FRACTION = 6.0, 0.3
#: Residual aimed at, that leaves less than 1e-6 in the admittance.
LIMIT = 1e-3
#: Peak memory per voxel with a margin [bytes], so that no run is started that does not fit.
BYTES = 300.0

PEER = """
import json, sys, time
import numpy as np, torch, taufactor
torch.set_num_threads(int(sys.argv[3]))
image = 1 - np.load(sys.argv[1])
solver = taufactor.Solver(image, device="cpu")
start = time.perf_counter()
solver.solve(verbose=False, iter_limit=100000, conv_crit=float(sys.argv[2]))
seconds = time.perf_counter() - start
print(json.dumps({"seconds": seconds, "iterations": solver.iter, "conductance": float(np.ravel(solver.D_eff)[0])}))
"""


def pores(n: int) -> NDArray[np.uint8]:
    """1 in pores."""
    rng = np.random.default_rng(n)
    reach = int(np.ceil(RADIUS))
    ball = np.argwhere(np.sum((np.indices((2 * reach + 1,) * 3) - reach) ** 2, axis=0) <= RADIUS**2) - reach
    out = np.zeros((n, n, n), np.uint8)
    count = int(-np.log(1.0 - FRACTION) * n**3 / len(ball))
    for centre in rng.integers(0, n, (count, 3)):
        out[tuple(((centre + ball) % n).T)] = 1
    return out


def problem_of(labels: NDArray[np.uint8], contrast: float, kind: str) -> Any:
    from aspot.discretise.voxel import nodes_problem
    from aspot.fem.voxel_cells import VoxelCellsProblem
    from aspot.mesh.voxel import build
    from aspot.morphology.unit_cell import VoxelCell

    conductors = {"electrolyte": (0,), **({"pore": (1,)} if contrast else {})}
    cell = VoxelCell(labels=labels, voxel_m=(1.0, 1.0, 1.0), conductors=conductors)
    mesh = build(cell, ideal_contact=True, counter_law=False)
    laws = {"electrolyte": Plain(1.0), "pore": Plain(contrast), "contact": None, "gap": None, "counter": None}
    if kind == "nodes":
        return nodes_problem(mesh, laws, 298.15)
    return VoxelCellsProblem(mesh, laws, mesh.area_m2, 298.15)


def child(n: int, contrast: float, kind: str, limit: float) -> None:
    """One measurement; its result as the last line."""

    def solved(labels: NDArray[np.uint8], goal: float) -> tuple[Any, float]:
        problem = problem_of(labels, contrast, kind)
        return problem, problem.admittance(problem.solve(0.0, limit=goal), 0.0).real

    solved(pores(33), limit)
    labels = pores(n)
    cpu = time.process_time()
    seconds, (problem, conductance) = common.timed(lambda: solved(labels, limit))
    cpu = time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    x = problem.solve(0.0, limit=1e-8)
    exact = problem.admittance(x, 0.0).real
    out = {
        "n": n, "contrast": contrast, "kind": kind, "unknowns": problem.n_free, "nodes": labels.size,
        "seconds": seconds, "cpu_seconds": cpu, "peak_GB": peak / 1e9,
        "iterations": problem.solves[0].iterations, "to_1e-9": problem.solves[-1].iterations,
        "error": abs(conductance / exact - 1.0), "conductance": exact / n,
    }  # fmt: skip
    print(json.dumps(out))


def measured(n: int, contrast: float, kind: str, threads: int, repeats: int, limit: float = LIMIT) -> dict[str, Any]:
    """Best of fresh processes."""
    command = [sys.executable, __file__, "--child", str(n), str(contrast), kind, str(limit)]
    environment = {**os.environ, "BENCH_THREADS": str(threads)}
    runs = []
    for _ in range(repeats):
        out = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
        runs.append(json.loads(out.strip().splitlines()[-1]))
    best = min(runs, key=lambda run: float(run["seconds"]))
    return {**best, "median": common.median([float(r["seconds"]) for r in runs])}


def peer(python: str, n: int, threads: int, criterion: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "image.npy"
        np.save(file, pores(n))
        out = subprocess.run(
            [python, "-c", PEER, str(file), str(criterion), str(threads)], check=True, capture_output=True, text=True
        ).stdout
    return dict(json.loads(out.strip().splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 128, 256])
    parser.add_argument("--contrasts", type=float, nargs="+", default=[0.0, 1e-12])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--kinds", nargs="+", default=["nodes", "cells"])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--peer-python", help="of an environment with taufactor and torch")
    parser.add_argument("--peer-sizes", type=int, nargs="+", default=[64, 128])
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        n, contrast, kind, limit = arguments.child
        child(int(n), float(contrast), kind, float(limit))
        return
    from aspot.memory import available_memory

    common.say_machine()
    rows = []
    for n in arguments.sizes:
        if BYTES * n**3 > available_memory():
            print(f"n = {n}: needs about {BYTES * n**3 / 1e9:.1f} GB, left out")
            continue
        for contrast in arguments.contrasts:
            for kind in arguments.kinds:
                row = measured(n, contrast, kind, arguments.threads, arguments.repeats)
                rows.append(row)
                print(f"n = {n}, {kind}, contrast {contrast:g}: {row['seconds']:.2f} s", flush=True)
    common.print_table(
        ("n", "pores", "unknowns", "kind", "best", "median", "CPU", "1e6 unknowns/s", "1e6 voxels/s", "iterations",
         "to 1e-9", "error of G", "peak memory"),
        [
            (r["n"], f"{r['contrast']:g}", r["unknowns"], r["kind"], common.short(r["seconds"]),
             common.short(r["median"]), common.short(r["cpu_seconds"]), f"{r['unknowns'] / r['seconds'] / 1e6:.2f}",
             f"{r['nodes'] / r['seconds'] / 1e6:.2f}", r["iterations"], r["to_1e-9"], f"{r['error']:.0e}",
             f"{r['peak_GB']:.2f} GB")
            for r in rows
        ],
    )  # fmt: skip
    peers = []
    if arguments.peer_python is None:
        print("taufactor: left out; give --peer-python, of an environment where taufactor and torch are installed")
    else:
        for n in arguments.peer_sizes:
            exact = measured(n, 0.0, "cells", arguments.threads, 1, 1e-8)["conductance"]
            for criterion in (1e-2, 1e-3):
                theirs = peer(arguments.peer_python, n, arguments.threads, criterion)
                error = abs(theirs["conductance"] / exact - 1.0)
                ours = measured(n, 0.0, "cells", arguments.threads, arguments.repeats)
                peers.append({"n": n, "criterion": criterion, "taufactor": theirs, "error": error, "aspot": ours})
        common.print_table(
            ("n", "criterion", "taufactor", "iterations", "its error", "aspot (cells)", "its error", "ratio"),
            [
                (p["n"], f"{p['criterion']:g}", common.short(p["taufactor"]["seconds"]), p["taufactor"]["iterations"],
                 f"{p['error']:.0e}", common.short(p["aspot"]["seconds"]), f"{p['aspot']['error']:.0e}",
                 f"{p['taufactor']['seconds'] / p['aspot']['seconds']:.1f}")
                for p in peers
            ],
        )  # fmt: skip
    common.write("voxel", {"threads_used": arguments.threads, "rows": rows, "taufactor": peers})


if __name__ == "__main__":
    # `common` keeps every library to one thread; numba reads this when it is imported.
    os.environ["NUMBA_NUM_THREADS"] = os.environ.get("BENCH_THREADS", "1")
    main()
