"""Flux tube, direct current: error against time, and a spectrum of 71 frequencies, beside scikit-fem in one run.

    python benchmarks/bench_flux_tube.py [--repeats 9]

Tube b = 1, H = 2, contact radius a = 0.1, sigma = 1, far face equipotential: G = 0.3590466302 (two methods, to 1e-9;
`aspot.analytic.flux_tube_impedance` gives the same number in the table). Times hold everything from the geometry to G:
mesh, assembly, solve. scikit-fem: P2 triangles refined towards the rim, every mesh of a small family tried, of which
the cheapest that reaches an error counts (chosen knowing the answer, which favours it). Repeats alternate between both.

Spectrum: kappa = 1 + 0.01 j w, ideal contact, gap y = 1e-3 j w outside it, w = 1e-4 ... 1e4.
"""

from __future__ import annotations

import argparse
from typing import Any

import common
import numpy as np
from common import peer
from common.laws import Plain
from numpy.typing import NDArray

from aspot.analytic import flux_tube_impedance
from aspot.discretise import PROFILE
from aspot.interface import InterfaceProblem
from aspot.morphology.unit_cell import ProfileCell
from aspot.reduction import reduce

RADIUS, DEPTH, CONDUCTANCE = 0.1, 2.0, 0.3590466302
TOLERANCES = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
# Refinements at the rim, and halvings of the whole mesh.
FAMILY = ((4, 0), (8, 0), (6, 1), (8, 1), (12, 1), (10, 2), (12, 2), (16, 2), (16, 3), (20, 3))


def tube(electrolyte: Plain, gap: Plain | None = None) -> InterfaceProblem:
    cell = ProfileCell(axisymmetric=True, outer=1.0, edges=(RADIUS,), contact=(True, False))
    return InterfaceProblem(cell=cell, depth_m=DEPTH, electrolyte=electrolyte, gap=gap, temperature_K=298.15)


def ours(level: int) -> tuple[int, float]:
    problem = PROFILE.discretise(tube(Plain(1.0)), level).problem
    return problem.n_free, float(np.real(problem.admittance(problem.solve(0.0), 0.0)))


def theirs(rounds: int, halvings: int) -> tuple[int, float]:
    assembled = peer.assemble(peer.graded_mesh(RADIUS, DEPTH, rounds, halvings), RADIUS, DEPTH)
    return len(assembled.potential) - len(assembled.fixed), assembled.admittance(1.0).real


def error_against_time(repeats: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """One row per level of aspot, and per mesh of scikit-fem."""
    runs: dict[tuple[str, Any], list[float]] = {}
    answers: dict[tuple[str, Any], tuple[int, float]] = {}
    for k in range(repeats + 1):
        for level in range(PROFILE.n_levels):
            seconds, answers["aspot", level] = common.timed(lambda level=level: ours(level))
            if k:  # the first round fills caches
                runs.setdefault(("aspot", level), []).append(seconds)
        # The fine meshes take seconds: twice is enough.
        for mesh in FAMILY if k < 3 else FAMILY[:-3]:
            seconds, answers["scikit-fem", mesh] = common.timed(lambda mesh=mesh: theirs(*mesh))
            if k:
                runs.setdefault(("scikit-fem", mesh), []).append(seconds)
    rows = [
        {
            "code": key[0], "what": key[1], "unknowns": answers[key][0], "seconds": common.median(times),
            "fastest": min(times), "error": answers[key][1] / CONDUCTANCE - 1,
        }
        for key, times in runs.items()
    ]  # fmt: skip
    return [r for r in rows if r["code"] == "aspot"], [r for r in rows if r["code"] != "aspot"]


def cheapest(rows: list[dict[str, Any]], tolerance: float) -> dict[str, Any] | None:
    return min((r for r in rows if abs(r["error"]) <= tolerance), key=lambda r: r["seconds"], default=None)


def spectrum(repeats: int, level: int = 2) -> dict[str, Any]:
    """71 frequencies by the reduced basis and one by one, on the same mesh; and scikit-fem's 71 solves."""
    omega = np.geomspace(1e-4, 1e4, 71)
    interface = tube(Plain(1.0, 0.01), Plain(0.0, 1e-3))
    discrete_time, discrete = common.timed(lambda: PROFILE.discretise(interface, level))
    problem = discrete.problem
    problem.solve(1.0)

    def one_by_one() -> NDArray[np.complex128]:
        return np.array([problem.admittance(problem.solve(float(w)), float(w)) for w in omega])

    def by_basis() -> tuple[int, NDArray[np.complex128]]:
        reduced = reduce(problem, omega, tolerance=1e-7)
        return reduced.full_solves, reduced.admittance(omega)

    def elsewhere() -> NDArray[np.complex128]:
        assembled = peer.assemble(peer.graded_mesh(RADIUS, DEPTH, 12, 2), RADIUS, DEPTH)
        return np.array([assembled.admittance(1 + 0.01j * w, 1e-3j * w) for w in omega])

    times: dict[str, list[float]] = {"basis": [], "direct": [], "evaluation": [], "scikit-fem": []}
    for k in range(repeats):
        seconds, (solves, y) = common.timed(by_basis)
        times["basis"].append(seconds)
        seconds, y_direct = common.timed(one_by_one)
        times["direct"].append(seconds)
        if k < 3:
            seconds, y_peer = common.timed(elsewhere)
            times["scikit-fem"].append(seconds)
    reduced = reduce(problem, omega, tolerance=1e-7)
    times["evaluation"] = [common.timed(lambda: reduced.admittance(omega))[0] for _ in range(20)]
    exact = np.array([
        np.pi / flux_tube_impedance(RADIUS, 1.0, DEPTH, 1 + 0.01j * w, gap_admittance=1e-3j * w).impedance
        for w in omega
    ])  # fmt: skip

    def worst(values: NDArray[np.complex128], reference: NDArray[np.complex128]) -> float:
        return float(np.max(np.abs(values / reference - 1)))

    ratios = [d / b for d, b in zip(times["direct"], times["basis"], strict=True)]
    return {
        "frequencies": len(omega), "unknowns": problem.n_free, "full_solves": solves,
        "mesh_and_assembly_s": discrete_time,
        **{f"{name}_s": common.median(values) for name, values in times.items()},
        "ratio_direct_to_basis": common.median(ratios),
        "ratio_scikit_fem": common.median(times["scikit-fem"]) / (common.median(times["basis"]) + discrete_time),
        "error_basis_to_direct": worst(y, y_direct), "error_to_exact": worst(y, exact),
        "error_scikit_fem_to_exact": worst(y_peer, exact),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=9)
    repeats = parser.parse_args().repeats
    common.say_machine()
    spectral_time, spectral = common.timed(lambda: flux_tube_impedance(RADIUS, 1.0, DEPTH, 1.0))
    print(f"spectral reference: G = {np.pi / spectral.impedance.real:.10f} in {common.short(spectral_time)}\n")
    mine, others = error_against_time(repeats)
    for rows in (mine, others):
        print(f"{rows[0]['code']}, {'level' if rows is mine else '(refinements at the rim, halvings)'}:\n")
        common.print_table(
            ("what", "unknowns", "time", "error of G"),
            [(r["what"], r["unknowns"], common.short(r["seconds"]), f"{r['error']:.1e}") for r in rows],
        )
    comparison = []
    for tolerance in TOLERANCES:
        a, b = cheapest(mine, tolerance), cheapest(others, tolerance)
        ratio = b["seconds"] / a["seconds"] if a and b else None
        comparison.append({"tolerance": tolerance, "aspot": a, "scikit-fem": b, "ratio": ratio})
    print("time to an error of G, mesh included:\n")
    common.print_table(
        ("error", "aspot", "scikit-fem P2", "ratio"),
        [
            (
                f"{c['tolerance']:.0e}",
                *(common.short(c[n]["seconds"]) if c[n] else "-" for n in ("aspot", "scikit-fem")),
                f"{c['ratio']:.1f}" if c["ratio"] else "-",
            )
            for c in comparison
        ],
    )  # fmt: skip
    s = spectrum(repeats)
    print(f"spectrum of {s['frequencies']} frequencies, {s['unknowns']} unknowns:\n")
    common.print_table(
        ("route", "time", "ratio", "largest error of Y"),
        [
            (f"reduced basis, {s['full_solves']} full solves", common.short(s["basis_s"]), "1",
             f"{s['error_to_exact']:.1e}"),
            ("71 direct solves, same matrices", common.short(s["direct_s"]), f"{s['ratio_direct_to_basis']:.1f}",
             f"basis against these {s['error_basis_to_direct']:.0e}"),
            ("scikit-fem P2: mesh, matrices, 71 solves", common.short(s["scikit-fem_s"]),
             f"{s['ratio_scikit_fem']:.0f} (ours plus {common.short(s['mesh_and_assembly_s'])} for mesh, matrices)",
             f"{s['error_scikit_fem_to_exact']:.1e}"),
            ("71 more frequencies, or 71 other conductivities", common.short(s["evaluation_s"]), "", ""),
        ],
    )  # fmt: skip
    common.write("flux_tube", {"aspot": mine, "scikit-fem": others, "time_to_error": comparison, "spectrum": s})


if __name__ == "__main__":
    main()
