"""Direct current on uniform tetrahedra of order 1: time and memory against the number of unknowns, beside scikit-fem.

    python benchmarks/bench_direct_current.py [--bricks 36 57 80 126] [--peer 36 80] [--repeats 3]

Box 0.5 x 0.5 x 1 of n x n x 2n bricks, Kuhn's six tetrahedra each, sigma = 1, 1 V on the bricks of the quarter disc of
radius 0.1 at the corner of the top, 0 V at the bottom. Every measurement is a fresh process, for its peak memory; the
mesh is not counted, compiled code is warmed up on a small mesh. aspot: `assemble` (pattern and matrix), then
`Problem.solve` to a residual of 1e-10 and `Problem.admittance`; of the solve, the set-up of the hierarchy and the
conjugate gradients are shown apart. scikit-fem gets the same mesh: MeshTet, ElementTetP1, its assembly, smoothed
aggregation of pyamg (as it comes), conjugate gradients of SciPy to 1e-8, which is easier.

The exponent p of time = c n^p is fitted to the best times, as they depend least on other work.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import common
import numpy as np
from common.laws import Plain
from numpy.typing import NDArray

from aspot.fem import linear, multigrid
from aspot.fem.problem import Problem, Term
from aspot.fem.tetrahedra import assemble
from aspot.memory import available_memory
from aspot.mesh.tetmesh import TetrahedralMesh
from aspot.mesh.uniform import uniform_box

RADIUS = 0.1
STAGES = ("assembly", "hierarchy", "iterations", "rest")
#: Peak memory per unknown with a margin [bytes], so that no run is started that does not fit.
BYTES = {"aspot": 2.0e3, "scikit-fem": 9.0e3}


def box(n: int) -> TetrahedralMesh:
    middles = (np.arange(n) + 0.5) * 0.5 / n

    def contact(i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.bool_]:
        return np.asarray(middles[i] ** 2 + middles[j] ** 2 <= RADIUS**2)

    return uniform_box(n, n, 2 * n, (0.5, 0.5, 1.0), contact=contact)


def ours(mesh: TetrahedralMesh) -> dict[str, Any]:
    """Stages [s], unknowns and G."""
    spent = {"hierarchy": 0.0, "iterations": 0.0}

    def watched(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **named: Any) -> Any:
            seconds, result = common.timed(lambda: work(*arguments, **named))
            spent[name] += seconds
            return result

        return run

    originals = multigrid.build, linear.conjugate_gradients
    multigrid.build = watched("hierarchy", originals[0])
    linear.conjugate_gradients = watched("iterations", originals[1])

    def solved() -> tuple[int, float]:
        term = Term(name="electrolyte", role="electrolyte", law=Plain(1.0), matrix=assembled.matrices["electrolyte"])
        problem = Problem((term,), 0.25, 298.15, solver="multigrid")
        return problem.n_free, problem.admittance(problem.solve(0.0), 0.0).real

    try:
        assembly, assembled = common.timed(lambda: assemble(mesh, ideal_contact=True, port=("contact",)))
        solve, (unknowns, conductance) = common.timed(solved)
    finally:
        multigrid.build, linear.conjugate_gradients = originals
    return {
        "unknowns": unknowns, "conductance": conductance, "total": assembly + solve, "assembly": assembly, **spent,
        "rest": solve - spent["hierarchy"] - spent["iterations"],
    }  # fmt: skip


def theirs(mesh: TetrahedralMesh) -> dict[str, Any]:
    """scikit-fem and pyamg on the same mesh."""
    import pyamg  # type: ignore[import-untyped]
    from scipy.sparse.linalg import cg
    from skfem import Basis, BilinearForm, ElementTetP1, MeshTet, condense
    from skfem.helpers import dot, grad

    @BilinearForm
    def laplace(u, v, _):  # type: ignore[no-untyped-def]
        return dot(grad(u), grad(v))

    twin = MeshTet(mesh.nodes.T.copy(), mesh.cells.T.copy())
    metal, ground = (np.unique(mesh.surfaces[name]) for name in ("contact", "counter"))

    def assembled() -> Any:
        return laplace.assemble(Basis(twin, ElementTetP1()))

    assembly, a = common.timed(assembled)
    x = np.zeros(len(mesh.nodes))
    x[metal] = 1.0

    def prepared() -> Any:
        free_a, b, _, free = condense(a, x=x, D=np.concatenate([metal, ground]))
        return free_a, b, free, pyamg.smoothed_aggregation_solver(free_a.tocsr()).aspreconditioner()

    hierarchy, (free_a, b, free, precondition) = common.timed(prepared)
    iterations, (x[free], info) = common.timed(lambda: cg(free_a, b, rtol=1e-8, M=precondition))
    if info:
        raise RuntimeError(f"conjugate gradients: {info}")
    rest, conductance = common.timed(lambda: float(x @ (a @ x)))
    return {
        "unknowns": len(free), "conductance": conductance, "total": assembly + hierarchy + iterations + rest,
        "assembly": assembly, "hierarchy": hierarchy, "iterations": iterations, "rest": rest,
    }  # fmt: skip


def child(code: str, n: int) -> None:
    """One measurement; its result as the last line."""
    work = {"aspot": ours, "scikit-fem": theirs}[code]
    work(box(14))  # compiles
    mesh_s, mesh = common.timed(lambda: box(n))
    result = work(mesh)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({**result, "mesh": mesh_s, "peak_GB": peak / 1e9}))


def measured(code: str, n: int, repeats: int) -> dict[str, Any] | None:
    """Best and median of fresh processes, or None where the machine is too small."""
    needed = BYTES[code] * 2.0 * n**3
    if needed > available_memory():
        print(f"{code}, n = {n}: needs about {needed / 1e9:.1f} GB, left out")
        return None
    runs = []
    for _ in range(repeats):
        command = [sys.executable, __file__, "--child", code, "--bricks", str(n)]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        runs.append(json.loads(out.strip().splitlines()[-1]))
    best = min(runs, key=lambda run: float(run["total"]))
    return {**best, "code": code, "bricks": n, "median": common.median([r["total"] for r in runs]), "repeats": repeats}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bricks", type=int, nargs="+", default=[36, 57, 80, 126])
    parser.add_argument("--peer", type=int, nargs="+", default=[36, 80])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.child, arguments.bricks[0])
        return
    common.say_machine()
    rows = []
    for n in sorted({*arguments.bricks, *arguments.peer}):
        for code, wanted in (("aspot", arguments.bricks), ("scikit-fem", arguments.peer)):
            if n in wanted and (row := measured(code, n, arguments.repeats)) is not None:
                rows.append(row)
                print(f"{code} n = {n}: {row['total']:.2f} s", flush=True)
    common.print_table(
        ("code", "unknowns", *STAGES, "best total", "median", "peak memory", "G"),
        [
            (r["code"], r["unknowns"], *(common.short(r[s]) for s in STAGES), common.short(r["total"]),
             common.short(r["median"]), f"{r['peak_GB']:.1f} GB", f"{r['conductance']:.9f}")
            for r in rows
        ],
    )  # fmt: skip
    mine = [r for r in rows if r["code"] == "aspot"]
    exponent = None
    if len(mine) > 1:
        exponent = float(np.polyfit(np.log([r["unknowns"] for r in mine]), np.log([r["total"] for r in mine]), 1)[0])
        print(f"exponent: {exponent:.3f}")
    common.write("direct_current", {"rows": rows, "exponent": exponent})


if __name__ == "__main__":
    main()
