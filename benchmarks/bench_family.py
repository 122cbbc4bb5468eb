"""A spectrum of 71 frequencies for other parameters: a family against full solves, its bound against the true error.

    python benchmarks/bench_family.py [--draws 40]

For each cell: one simulation, the family from it, then random parameters over decades. The first half of the draws lets
the basis grow; the second is timed where it needs no full solve. Beside it one direct solve per frequency on the same
finest mesh, which has no error estimate.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

import common
import numpy as np

from aspot.cell import Cell
from aspot.compose import SolvedCell, SolvedInterface
from aspot.interface import InterfaceProblem
from aspot.parametric import Family
from aspot.plan import plan
from aspot.simulation import simulate
from aspot.variation import restated, with_laws

BASE: dict[str, Any] = {
    "electrolyte": {
        "thickness": "1 mm", "conductivity": "10 mS/cm", "permittivity": 30,
        "grain_boundaries": {"grain_size": "1 um", "resistance": "0.01 ohm cm^2", "capacitance": "10 uF/cm^2"},
    },
    "working_electrode": {
        "morphology": {"kind": "spots", "arrangement": "single", "radius": "20 um", "contact_fraction": 0.05},
        "contact": {"charge_transfer_resistance": "0.5 ohm cm^2", "double_layer_capacitance": "10 uF/cm^2"},
        "gap": {"thickness": "30 nm"},
    },
    "frequencies": {"start": "10 MHz", "stop": "1 Hz", "per_decade": 10},
}  # fmt: skip
CELLS: dict[str, dict[str, Any]] = {
    "flux tube": {},
    "flux tube, film of 50 nm": {
        "electrolyte.layers": [{"name": "film", "thickness": "50 nm", "conductivity": "1e-6 S/cm", "permittivity": 10}]
    },
    "electrode smaller than the pellet": {"electrolyte.diameter": "10 mm", "working_electrode.diameter": "6 mm"},
    "square array": {"working_electrode.morphology.arrangement": "square"},
    "square array, tetrahedra, 1 %": {
        "working_electrode.morphology.arrangement": "square",
        "numerics.backend": "tetrahedra",
        "numerics.relative_tolerance": 1e-2,
    },
}
RANGES = {
    "temperature": (250.0, 360.0),
    "electrolyte.conductivity": (1e-2, 10.0),
    "electrolyte.permittivity": (3.0, 300.0),
    "electrolyte.grain_boundaries.resistance": (1e-8, 1e-4),
    "electrolyte.grain_boundaries.grain_size": (1e-8, 1e-5),
    "working_electrode.gap.thickness": (1e-9, 1e-6),
    "working_electrode.contact.charge_transfer_resistance": (1e-7, 1e-1),
    "working_electrode.contact.double_layer_capacitance": (1e-3, 1.0),
}


class Full(SolvedInterface):
    """An interface by one full solve per frequency."""

    def impedance(self, omega: Any) -> Any:
        problem = self.reduced.problem
        return np.array([problem.area_m2 / problem.admittance(problem.solve(w), w) for w in omega])


def full(s: SolvedInterface, interface: InterfaceProblem) -> SolvedInterface:
    other = with_laws(s, interface)
    return Full(other.interface, other.discrete, other.reduced)


def measure(name: str, draws: int) -> dict[str, Any]:
    random = np.random.default_rng(1)
    simulated, result = common.timed(lambda: simulate(Cell(**BASE).with_(**CELLS[name])))
    built, family = common.timed(lambda: Family(result))
    before = family.full_solves
    times, ratios, inside = [], [], 0
    model = result.model
    assert isinstance(model, SolvedCell)
    for k in range(draws):
        changes = {path: low * (high / low) ** random.uniform() for path, (low, high) in RANGES.items()}
        seconds, found = common.timed(lambda changes=changes: family.evaluate(**changes))  # type: ignore[misc]
        if k < draws // 2:
            continue
        if found.full_solves == 0:
            times.append(seconds)
            inside += 1
        at = [int(np.argmax(found.reduction_error)), int(random.integers(71))]
        omega = 2 * np.pi * found.frequency_Hz[at]
        exact = restated(model, plan(found.cell), full).impedance(omega) * 1e4
        error = np.abs(found.impedance_ohm_cm2[at] / exact - 1.0)
        ratios += [b / e for b, e in zip(found.reduction_error[at], error, strict=True) if e > 1e-9]
    exact_model = restated(replace(model, coarser=None), plan(found.cell), full)
    direct, _ = common.timed(lambda: exact_model.impedance(2 * np.pi * found.frequency_Hz))
    return {
        "cell": name,
        "unknowns": result.degrees_of_freedom,
        "simulate_s": simulated,
        "build_s": built,
        "evaluate_s": common.median(times),
        "direct_s": direct,
        "full_solves_of_growth": family.full_solves - before,
        "draws": draws,
        "second_half_without_solve": inside / (draws - draws // 2),
        "effectivity_min": min(ratios),
        "effectivity_median": float(np.median(ratios)),
        "effectivity_max": max(ratios),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=40)
    draws = parser.parse_args().draws
    common.say_machine()
    rows = [measure(name, draws) for name in CELLS]
    common.print_table(
        ("cell", "unknowns", "simulate", "build", "71 frequencies", "71 direct solves", "ratio", "solves of growth",
         "later draws without", "bound / error: least, median"),
        [
            (r["cell"], r["unknowns"], common.short(r["simulate_s"]), common.short(r["build_s"]),
             common.short(r["evaluate_s"]), common.short(r["direct_s"]), f"{r['direct_s'] / r['evaluate_s']:.0f}",
             r["full_solves_of_growth"], f"{r['second_half_without_solve']:.0%}",
             f"{r['effectivity_min']:.2g}, {r['effectivity_median']:.2g}")
            for r in rows
        ],
    )  # fmt: skip
    common.write("family", {"rows": rows})


if __name__ == "__main__":
    main()
