"""Quarter of a square cell in 3-D: error against time, both backends, beside NGSolve and scikit-fem; spectra.

    python benchmarks/bench_quarter_cell.py [--levels 5] [--repeats 3]

Box [0, 0.5] x [0, 0.5] x [0, 1], sigma = 1, 1 V on the quarter disc of radius 0.1 at the corner of the top, 0 V at the
bottom: G = 0.0866829600 (spectral; `aspot.analytic.array_constriction` gives it, too). Times hold everything from the
geometry to G: mesh, assembly, solve. The surface backend and the tetrahedra give guaranteed bounds as well, the
tetrahedra on meshes refined where these are apart; their answer is the extrapolation of both levels of a pair.
NGSolve's hp refinement is run where it is installed (`pip install ngsolve`). scikit-fem gets tetrahedra of ours, one
mesh cut finer and finer, whose time counts for both: MeshTet2, ElementTetP2, its own assembly, conjugate gradients
preconditioned by pyamg. One more column: the same meshes without quarter points at the rim.

Spectrum: kappa = 1 + 0.01 j w, gap y = 1e-3 j w, contact y = 50 + j w, 71 frequencies w = 1e-4 ... 1e4. Z of the
quarter cell, from hp elements elsewhere: 14.57103 - 2.01495e-5 j at w = 1e-4, 9.51608e-4 - 0.114176 j at w = 1e4.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

import common
import numpy as np
import pyamg
from common import ngsolve_hp
from common.laws import Plain
from scipy.sparse.linalg import cg
from skfem import Basis, BilinearForm, ElementTetP2, MeshTet2, condense
from skfem.helpers import dot, grad

from aspot.analytic import array_constriction
from aspot.discretise import SURFACE, TETRAHEDRA
from aspot.discretise.backend import terms
from aspot.discretise.tetrahedra import _refine as refine
from aspot.fem.problem import Problem
from aspot.fem.tetrahedra import assemble
from aspot.interface import InterfaceProblem
from aspot.mesh import tetrahedra
from aspot.mesh.netgen import _meshed as mesh_cache
from aspot.mesh.tetmesh import TetrahedralMesh
from aspot.morphology.unit_cell import BoxCell, Disc
from aspot.reduction import reduce

RADIUS, DEPTH, CONDUCTANCE = 0.1, 1.0, 0.0866829600
TOLERANCES = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
CELL = BoxCell(size_x=0.5, size_y=0.5, shapes=(Disc(x=0.0, y=0.0, radius=RADIUS),), contact_inside=True)
#: Z at w = 1e-4 and 1e4 (quarter cell), from hp elements of another code.
Z_ENDS = (14.57103 - 2.01495e-5j, 9.51608e-4 - 0.114176j)


def box(electrolyte: Plain, gap: Plain | None = None, contact: Plain | None = None) -> InterfaceProblem:
    return InterfaceProblem(
        cell=CELL, depth_m=DEPTH, electrolyte=electrolyte, gap=gap, contact=contact, temperature_K=298.15
    )


def on_the_plane(repeats: int) -> list[dict[str, Any]]:
    """One row per level of the surface backend: the conductance, and the interval that holds it."""
    interface = box(Plain(1.0))

    def solved(level: int) -> Any:
        discrete = SURFACE.discretise(interface, level)
        problem = discrete.problem
        # The wedge of 45 degrees is half of the quarter cell.
        return discrete, 0.25 / problem.area_m2 * float(np.real(problem.admittance(problem.solve(0.0), 0.0)))

    solved(0)
    rows = []
    for level in range(SURFACE.n_levels):
        times, bound_times = [], []
        for _ in range(2 * repeats + 1):
            seconds, (discrete, g) = common.timed(lambda level=level: solved(level))
            times.append(seconds)
            assert SURFACE.dual_impedance is not None
            seconds, bound = common.timed(
                lambda discrete=discrete: SURFACE.dual_impedance(discrete, 0.0, False, np.ones(0))
            )
            bound_times.append(seconds)
        low = 0.25 / bound.real
        rows.append({
            "level": level, "unknowns": discrete.problem.n_free, "seconds": common.median(times),
            "error": g / CONDUCTANCE - 1, "bound_seconds": common.median(bound_times),
            "bound_error": low / CONDUCTANCE - 1, "interval_width": g / low - 1,
        })  # fmt: skip
    return rows


def ngsolve_rows(repeats: int) -> list[dict[str, Any]]:
    """NGSolve's hp refinement, if it is installed."""
    if not ngsolve_hp.is_installed():
        return []
    rows = []
    for order, levels, size in ngsolve_hp.CONFIGURATIONS:
        times = []
        for _ in range(repeats):
            seconds, (unknowns, g) = common.timed(
                lambda order=order, levels=levels, size=size: ngsolve_hp.quarter_cell(
                    order, levels, size, RADIUS, DEPTH
                )
            )
            times.append(seconds)
        rows.append({
            "order": order, "hp_levels": levels, "size": size, "unknowns": unknowns, "seconds": common.median(times),
            "error": g / CONDUCTANCE - 1,
        })  # fmt: skip
    return rows


def ours(level: int) -> tuple[int, float]:
    """Unknowns and G on one of the meshes that scikit-fem gets, too."""
    interface = box(Plain(1.0))
    assembly = assemble(mesh(level), ideal_contact=True)
    problem = Problem(terms(interface, assembly.matrices), 0.25, interface.temperature_K, solver="multigrid")
    return problem.n_free, float(np.real(problem.admittance(problem.solve(0.0), 0.0)))


def extrapolated(values: dict[int, float], level: int) -> float:
    """Richardson's extrapolation of the resistance of two such meshes, whose errors fall as (level + 1)^-2.25."""
    fine, coarse = 1 / values[level], 1 / values[level - 1]
    return 1 / (fine + (fine - coarse) / (((level + 1) / level) ** 2.25 - 1))


def refined(pair: int) -> dict[str, Any]:
    """A pair of levels of the backend from nothing: extrapolated R, guaranteed interval and time."""
    interface = box(Plain(1.0))

    def solved() -> tuple[int, float, float, float]:
        refine.cache_clear()
        mesh_cache.cache_clear()
        coarse, fine = (TETRAHEDRA.discretise(interface, 2 * pair + k) for k in range(2))
        x = fine.problem.solve(0.0)
        lower = [float(np.real(1 / d.problem.admittance(d.problem.solve(0.0), 0.0))) for d in (coarse, fine)]
        assert TETRAHEDRA.dual_impedance is not None
        upper = float(np.real(TETRAHEDRA.dual_impedance(fine, 0.0, False, x))) / fine.problem.area_m2
        best = lower[1] + TETRAHEDRA.extrapolation(2 * pair + 1)[0] * (lower[1] - lower[0])
        return fine.problem.n_free, lower[1], upper, best

    seconds, (unknowns, low, high, best) = common.timed(solved)
    return {
        "pair": pair, "unknowns": unknowns, "seconds": seconds, "interval": high / low - 1,
        "errors_of_R": [v * CONDUCTANCE - 1 for v in (low, high, best)],
    }  # fmt: skip


def mesh(level: int, quarter_points: bool = True) -> TetrahedralMesh:
    sizes = asdict(tetrahedra.recommended_sizes(CELL, DEPTH, level))
    mesh_cache.cache_clear()
    return tetrahedra.build(CELL, depth=DEPTH, order=2, quarter_points=quarter_points, **sizes)


@BilinearForm
def laplace(u, v, _):  # type: ignore[no-untyped-def]
    return dot(grad(u), grad(v))


def theirs(given: TetrahedralMesh) -> tuple[int, float]:
    """scikit-fem's route on a mesh of ours: unknowns and G."""
    twin = MeshTet2(given.nodes.T.copy() * given.unit_m, given.cells.T.copy())
    basis = Basis(twin, ElementTetP2())
    a = laplace.assemble(basis)
    # Unknowns that belong to nodes of the curved mesh: by place, once, as boundary conditions are set by place.
    top = basis.get_dofs(
        twin.facets_satisfying(lambda x: (x[2] < 1e-9) & (np.hypot(x[0], x[1]) < RADIUS), boundaries_only=True)
    ).flatten()
    bottom = basis.get_dofs(twin.facets_satisfying(lambda x: x[2] > DEPTH - 1e-9, boundaries_only=True)).flatten()
    x = np.zeros(basis.N)
    x[top] = 1.0
    # MeshTet2 carries unknowns of no element for nodes that it numbers twice.
    loose = np.setdiff1d(np.arange(basis.N), np.unique(basis.element_dofs))
    free_a, rhs, _, free = condense(a, x=x, D=np.concatenate([top, bottom, loose]))
    hierarchy = pyamg.smoothed_aggregation_solver(free_a.tocsr(), max_coarse=500)
    solution, info = cg(free_a, rhs, rtol=1e-9, M=hierarchy.aspreconditioner(), maxiter=1000)
    if info:
        raise RuntimeError(f"conjugate gradients: {info}")
    x[free] = solution
    return len(free), float(x @ (a @ x))


def error_against_time(levels: int, repeats: int) -> list[dict[str, Any]]:
    """One row per level, with both codes and both kinds of mesh."""
    ours(0)  # loads kernels
    rows: list[dict[str, Any]] = []
    values: dict[int, float] = {}
    spent = 0.0
    for level in range(levels):
        times: dict[str, list[float]] = {"aspot": [], "mesh": [], "scikit-fem": []}
        for _ in range(repeats if level < 3 else max(1, min(repeats, 2))):
            seconds, (unknowns, values[level]) = common.timed(lambda level=level: ours(level))
            times["aspot"].append(seconds)
            seconds, given = common.timed(lambda level=level: mesh(level))
            times["mesh"].append(seconds)
            seconds, (their_unknowns, g) = common.timed(lambda given=given: theirs(given))
            times["scikit-fem"].append(seconds)
        _, plain = theirs(mesh(level, quarter_points=False))
        own = common.median(times["aspot"])
        spent += own
        both = [m + s for m, s in zip(times["mesh"], times["scikit-fem"], strict=True)]
        rows.append({
            "level": level, "tetrahedra": len(given.cells), "unknowns": unknowns,
            "aspot_s": own, "aspot_total_s": spent,
            "mesh_s": common.median(times["mesh"]), "scikit_fem_s": common.median(both),
            "ratio": common.median([b / a for a, b in zip(times["aspot"], both, strict=True)]),
            "ratio_without_mesh": common.median(times["scikit-fem"]) / max(own - common.median(times["mesh"]), 1e-9),
            "error": values[level] / CONDUCTANCE - 1,
            "error_extrapolated": extrapolated(values, level) / CONDUCTANCE - 1 if level else None,
            "error_scikit_fem": g / CONDUCTANCE - 1, "error_without_quarter_points": plain / CONDUCTANCE - 1,
            "scikit_fem_unknowns": their_unknowns,
        })  # fmt: skip
    return rows


def spectrum_on_the_plane(level: int) -> dict[str, Any]:
    """71 frequencies by the surface backend and the reduced basis, all included; errors against three levels more."""
    omega = np.geomspace(1e-4, 1e4, 71)
    interface = box(Plain(1.0, 0.01), Plain(0.0, 1e-3), Plain(50.0, 1.0))

    def solved(level: int) -> Any:
        problem = SURFACE.discretise(interface, level).problem
        return problem, reduce(problem, omega, tolerance=1e-7)

    times = []
    for _ in range(3):
        seconds, (problem, reduced) = common.timed(lambda: solved(level))
        times.append(seconds)
    z, reference = (4 * r.impedance(omega) for r in (reduced, solved(min(level + 3, SURFACE.n_levels - 1))[1]))
    return {
        "level": level, "unknowns": problem.n_free, "full_solves": reduced.full_solves, "total_s": common.median(times),
        "largest_error_of_Z": float(np.max(np.abs(z / reference - 1))),
        "errors_of_Z": [float(abs(z[k] / ref - 1)) for k, ref in zip((0, -1), Z_ENDS, strict=True)],
    }  # fmt: skip


def spectrum(level: int) -> dict[str, Any]:
    """71 frequencies by the reduced basis; a few full solves show what 71 of them would take."""
    omega = np.geomspace(1e-4, 1e4, 71)
    interface = box(Plain(1.0, 0.01), Plain(0.0, 1e-3), Plain(50.0, 1.0))

    def solved(level: int) -> Any:
        problem = TETRAHEDRA.discretise(interface, level).problem
        return problem, reduce(problem, omega, tolerance=1e-6)

    seconds, ((_, coarse), (problem, fine)) = common.timed(lambda: (solved(level - 1), solved(level)))
    basis_time, _ = common.timed(lambda: reduce(problem, omega, tolerance=1e-6))
    single = [common.timed(lambda w=w: problem.solve(float(w)))[0] for w in omega[[0, 35, 70]]]
    z_fine, z_coarse = 1 / fine.admittance(omega), 1 / coarse.admittance(omega)
    z = z_fine + TETRAHEDRA.extrapolation(level)[0] * (z_fine - z_coarse)
    return {
        "level": level, "unknowns": problem.n_free, "full_solves": fine.full_solves, "total_s": seconds,
        "basis_s": basis_time, "one_solve_s": common.median(single),
        "ratio_71_solves_to_basis": 71 * common.median(single) / basis_time,
        "errors_of_Z": [float(abs(z[k] / ref - 1)) for k, ref in zip((0, -1), Z_ENDS, strict=True)],
    }  # fmt: skip


def seconds_or(value: float | None) -> str:
    return common.short(value) if value else "not reached"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--levels", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    common.say_machine()
    seconds, exact = common.timed(lambda: array_constriction(RADIUS, 1.0, 1.0, DEPTH))
    print(
        f"spectral reference: G = {0.25 / (DEPTH + exact.area_specific_resistance):.10f} in {common.short(seconds)}\n"
    )
    plane, peers = on_the_plane(arguments.repeats), ngsolve_rows(arguments.repeats)
    print("surface backend:\n")
    common.print_table(
        ("level", "unknowns", "time", "error of G", "time of the other bound", "its error", "width of the interval"),
        [
            (r["level"], r["unknowns"], common.short(r["seconds"]), f"{r['error']:.1e}",
             common.short(r["bound_seconds"]), f"{r['bound_error']:.1e}", f"{r['interval_width']:.1e}")
            for r in plane
        ],
    )  # fmt: skip
    if peers:
        print("NGSolve hp:\n")
        common.print_table(
            ("order", "hp levels", "mesh size", "unknowns", "time", "error of G"),
            [(r["order"], r["hp_levels"], r["size"], r["unknowns"], common.short(r["seconds"]), f"{r['error']:.1e}")
             for r in peers],
        )  # fmt: skip
    spectra_plane = [spectrum_on_the_plane(level) for level in range(1, 4)]
    print("spectrum of 71 frequencies, surface backend, everything included:\n")
    common.print_table(
        ("level", "unknowns", "total", "full solves", "largest error of Z", "errors of Z at both ends"),
        [
            (s["level"], s["unknowns"], common.short(s["total_s"]), s["full_solves"], f"{s['largest_error_of_Z']:.1e}",
             " and ".join(f"{e:.1e}" for e in s["errors_of_Z"]))
            for s in spectra_plane
        ],
    )  # fmt: skip
    rows = error_against_time(arguments.levels, arguments.repeats)
    common.print_table(
        ("level", "unknowns", "aspot", "error", "extrapolated", "scikit-fem", "error", "ratio", "of which mesh",
         "without quarter points: error"),
        [
            (r["level"], r["unknowns"], common.short(r["aspot_s"]), f"{r['error']:.1e}",
             f"{r['error_extrapolated']:.1e}" if r["error_extrapolated"] else "-", common.short(r["scikit_fem_s"]),
             f"{r['error_scikit_fem']:.1e}", f"{r['ratio']:.1f}", common.short(r["mesh_s"]),
             f"{r['error_without_quarter_points']:.1e}")
            for r in rows
        ],
    )  # fmt: skip
    comparison = []
    for tolerance in TOLERANCES:
        mine = next((r for r in rows if r["error_extrapolated"] and abs(r["error_extrapolated"]) <= tolerance), None)
        single = next((r for r in rows if abs(r["error"]) <= tolerance), None)
        peer = next((r for r in rows if abs(r["error_scikit_fem"]) <= tolerance), None)
        if single and (not mine or single["aspot_s"] < mine["aspot_total_s"]):
            comparison.append({"tolerance": tolerance, "aspot_s": single["aspot_s"], "how": f"level {single['level']}"})
        else:
            comparison.append({
                "tolerance": tolerance, "aspot_s": mine["aspot_total_s"] if mine else None,
                "how": f"levels 0 to {mine['level']}, extrapolated" if mine else "not reached",
            })  # fmt: skip
        comparison[-1]["scikit_fem_s"] = peer["scikit_fem_s"] if peer else None
        for name, found in (("surface_s", plane), ("ngsolve_s", peers)):
            fit = [r["seconds"] for r in found if abs(r["error"]) <= tolerance]
            comparison[-1][name] = min(fit) if fit else None
    print("time to an error of G, mesh included (knowing the answer):\n")
    common.print_table(
        ("error", "surface", "NGSolve hp", "ratio", "tetrahedra", "how", "scikit-fem, same meshes"),
        [
            (f"{c['tolerance']:.0e}", seconds_or(c["surface_s"]), seconds_or(c["ngsolve_s"]),
             f"{c['ngsolve_s'] / c['surface_s']:.1f}" if c["ngsolve_s"] and c["surface_s"] else "-",
             seconds_or(c["aspot_s"]), c["how"], seconds_or(c["scikit_fem_s"]))
            for c in comparison
        ],
    )  # fmt: skip
    pairs = [refined(pair) for pair in range(1, min(arguments.levels, 4))]
    print("tetrahedra refined by their bounds, a pair of levels each:\n")
    common.print_table(
        ("unknowns", "time", "error of R, extrapolated", "guaranteed interval", "errors of its ends"),
        [
            (r["unknowns"], common.short(r["seconds"]), f"{r['errors_of_R'][2]:.1e}", f"{r['interval']:.1e}",
             " and ".join(f"{e:.1e}" for e in r["errors_of_R"][:2]))
            for r in pairs
        ],
    )  # fmt: skip
    spectra = [spectrum(2 * pair + 1) for pair in range(1, min(arguments.levels, 4))]
    print("spectrum of 71 frequencies, two levels and their extrapolation, meshes included:\n")
    common.print_table(
        ("levels", "unknowns", "total", "full solves", "basis alone", "71 solves / basis", "errors of Z at both ends"),
        [
            (f"{s['level'] - 1} and {s['level']}", s["unknowns"], common.short(s["total_s"]), s["full_solves"],
             common.short(s["basis_s"]), f"{s['ratio_71_solves_to_basis']:.0f}",
             " and ".join(f"{e:.1e}" for e in s["errors_of_Z"]))
            for s in spectra
        ],
    )  # fmt: skip
    common.write(
        "quarter_cell",
        {
            "surface": plane,
            "ngsolve": peers,
            "spectrum_surface": spectra_plane,
            "levels": rows,
            "time_to_error": comparison,
            "pairs": pairs,
            "spectrum": spectra,
        },
    )


if __name__ == "__main__":
    main()
