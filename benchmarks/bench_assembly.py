"""Assembly of int grad u . grad v on tetrahedra: numba kernels against scikit-fem, ratios within one run.

    python benchmarks/bench_assembly.py [--cells 1000000] [--order 1 2] [--repeats 5] [--out benchmarks/assembly.json]

scikit-fem: `BilinearForm(laplace).assemble(basis)` with the basis made beforehand. Ours: "again" adds up the element
matrices on an existing pattern; "pattern" builds the pattern from cells and numbering, "with pattern" counts both.
Everything runs in one thread. Rounds alternate between the two codes, and medians of the ratios within a round are
reported, since other work on the machine slows both. Compiling is not counted (cached on disk, once per machine).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import skfem
from skfem.models.poisson import laplace

from aspot.fem import kernels, pattern
from aspot.mesh.uniform import uniform_box


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def available_bytes() -> float:
    return float(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))


def measure(n_cells: int, order: int, repeats: int) -> dict[str, Any]:
    """Times [s] and ratios of both codes on one cubic structured mesh."""
    # scikit-fem at order 2: per cell 11 points x 10 functions x 4 numbers in the basis and 100 triplets, copied once.
    needed = n_cells * (6e2 if order == 1 else 8e3)
    allowed = min(20e9, 0.9 * available_bytes())
    n_cells = int(n_cells * min(1.0, allowed / needed))
    n = int(np.cbrt(n_cells / 6))
    mesh = uniform_box(n, n, n, order=order)
    dof = np.arange(len(mesh.nodes))
    straight = mesh.cells[:, :4]
    vertices, t = np.unique(straight, return_inverse=True)
    twin = skfem.MeshTet(mesh.nodes[vertices].T.copy(), t.reshape(straight.shape).T.copy())
    basis_time, basis = timed(lambda: skfem.Basis(twin, skfem.ElementTetP1() if order == 1 else skfem.ElementTetP2()))

    small = uniform_box(2, 2, 2, order=order)
    kernels.stiffness(small, pattern.build(small.cells, np.arange(len(small.nodes)), len(small.nodes)), 0)  # compiles

    def one_round() -> tuple[float, float, float, float]:
        theirs, reference = timed(lambda: laplace.assemble(basis))
        build, made = timed(lambda: pattern.build(mesh.cells, dof, len(dof)))
        again, data = timed(lambda: kernels.stiffness(mesh, made, 0))
        # The same matrix up to numbering: equal Frobenius norms and traces.
        trace = made.matrix(data).diagonal().sum()
        difference = max(
            abs(np.linalg.norm(data) / np.linalg.norm(reference.data) - 1), abs(trace / reference.diagonal().sum() - 1)
        )
        return theirs, build, again, difference

    theirs, build, again, difference = np.array([one_round() for _ in range(repeats)]).T
    return {
        "order": order,
        "tetrahedra": len(mesh.cells),
        "unknowns": len(dof),
        "skfem_basis_s": basis_time,
        "skfem_assemble_s": float(np.median(theirs)),
        "pattern_s": float(np.median(build)),
        "again_s": float(np.median(again)),
        "ratio_again": float(np.median(theirs / again)),
        "ratio_with_pattern": float(np.median(theirs / (build + again))),
        "ratio_best_again": float(theirs.min() / again.min()),
        "ratio_best_with_pattern": float(theirs.min() / (build.min() + again.min())),
        "million_tetrahedra_per_s_again": float(len(mesh.cells) / np.median(again) / 1e6),
        "relative_difference": float(difference.max()),
        "threads": 1,
        "load": os.getloadavg()[0],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=1_000_000)
    parser.add_argument("--order", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("assembly.json"))
    arguments = parser.parse_args()
    results = []
    print(
        "| order | tetrahedra | unknowns | scikit-fem [s] | pattern [s] | again [s] | again: ratio (of best times) "
        "| with pattern: ratio (of best times) | load |\n|" + " --- |" * 9
    )
    for order in arguments.order:
        r = measure(arguments.cells, order, arguments.repeats)
        results.append(r)
        print(
            f"| {order} | {r['tetrahedra']} | {r['unknowns']} | {r['skfem_assemble_s']:.3g} | {r['pattern_s']:.3g} "
            f"| {r['again_s']:.3g} | {r['ratio_again']:.0f} ({r['ratio_best_again']:.0f}) "
            f"| {r['ratio_with_pattern']:.1f} ({r['ratio_best_with_pattern']:.1f}) | {r['load']:.1f} |",
            flush=True,
        )
    machine = {
        "cpu": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scikit-fem": skfem.__version__,
    }
    arguments.out.write_text(json.dumps({"machine": machine, "results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
