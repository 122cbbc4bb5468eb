"""A spectrum of 71 frequencies over 8 decades for the time of a few complex solves, on uniform tetrahedra of order 1.

    python benchmarks/bench_spectrum.py [--bricks 36 62] [--checks 71 18] [--repeats 3]

Box 0.5 x 0.5 x 1 of n x n x 2n bricks as in `bench_direct_current.py`; kappa = 1 + 0.01 j w, gap y = 1e-3 j w, contact
y = 50 + j w, w = 1e-4 ... 1e4. The mesh, the matrices and what does not depend on frequency are there before the clock
starts, for both: the reduced basis (`aspot.reduction.reduce`, tolerance 1e-6, with all it needs, set-up of multigrid
included) and one complex solve (`Problem.solve` with its own set-up; median over five frequencies). A second solve on
the same problem may keep the hierarchy of the first; that time is shown, too. Errors are those of Z against full
solves at as many frequencies, evenly spread over all, as --checks says.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

import common
import numpy as np
from bench_direct_current import box
from common.laws import Plain

from aspot.fem.problem import Problem, Role, Term
from aspot.fem.tetrahedra import assemble
from aspot.reduction import reduce

OMEGA = np.geomspace(1e-4, 1e4, 71)
LAWS: dict[str, tuple[Role, Plain]] = {
    "electrolyte": ("electrolyte", Plain(1.0, 0.01)),
    "gap": ("gap", Plain(0.0, 1e-3)),
    "contact": ("contact", Plain(50.0, 1.0)),
}


def affine(n: int) -> Problem:
    matrices = assemble(box(n), ideal_contact=False).matrices
    terms = tuple(Term(name=k, role=LAWS[k][0], law=LAWS[k][1], matrix=a) for k, a in matrices.items())
    return Problem(terms, 0.25, 298.15, solver="multigrid")


def fresh(problem: Problem) -> Problem:
    """Without any hierarchy, but with all that does not depend on frequency."""
    out = replace(problem)
    out.solve_theta(out.theta(0.0)[:, 0], limit=0.1)
    out._preconditioners.clear()
    return out


def measure(n: int, checks: int, repeats: int) -> dict[str, Any]:
    problem = affine(n)
    basis, single, again = [], [], []
    for _ in range(repeats):
        for omega in OMEGA[5::15]:
            target = fresh(problem)
            single.append(common.timed(lambda t=target, w=omega: t.solve(float(w)))[0])
            again.append(common.timed(lambda t=target, w=omega: t.solve(1.1 * float(w)))[0])
        target = fresh(problem)
        seconds, reduced = common.timed(lambda t=target: reduce(t, OMEGA, tolerance=1e-6))
        basis.append(seconds)
    chosen = np.unique(np.linspace(0, len(OMEGA) - 1, checks).round().astype(int))
    full = np.array([problem.admittance(problem.solve(float(w)), float(w)) for w in OMEGA[chosen]])
    return {
        "unknowns": problem.n_free, "full_solves": reduced.full_solves, "basis_s": common.median(basis),
        "one_solve_s": common.median(single), "next_solve_s": common.median(again),
        "ratio": common.median(basis) / common.median(single), "checked": len(chosen),
        "largest_error_of_Z": float(np.abs(full / reduced.admittance(OMEGA[chosen]) - 1).max()),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bricks", type=int, nargs="+", default=[36, 62])
    parser.add_argument("--checks", type=int, nargs="+", default=[71, 18])
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    common.say_machine()
    affine(14).solve(1.0)  # compiles
    rows = [measure(n, k, arguments.repeats) for n, k in zip(arguments.bricks, arguments.checks, strict=True)]
    common.print_table(
        ("unknowns", "71 frequencies", "full solves", "one complex solve", "the next one", "ratio", "error of Z", "at"),
        [
            (r["unknowns"], common.short(r["basis_s"]), r["full_solves"], common.short(r["one_solve_s"]),
             common.short(r["next_solve_s"]), f"{r['ratio']:.2f}", f"{r['largest_error_of_Z']:.1e}",
             f"{r['checked']} frequencies")
            for r in rows
        ],
    )  # fmt: skip
    common.write("spectrum", {"rows": rows})


if __name__ == "__main__":
    main()
