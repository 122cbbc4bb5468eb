"""What a case of a sweep costs: other laws on the same mesh, and other meshes; 71 frequencies each.

    python benchmarks/bench_sweep.py [--cases 200]

Processor time, not that of the clock. The start is what a worker does once for every geometry: mesh, simulation, family
and its training with 64 cases. Collecting is what a case costs the process that waits for the workers: checking it,
reading its record and entering it into the data set.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import common

from aspot.cell import Cell
from aspot.sweeps import Axis, Sweep, sweep
from aspot.sweeps.queue import Families
from aspot.sweeps.work import Shared, Task, solve

BASE: dict[str, Any] = {
    "electrolyte": {"thickness": "1 mm", "conductivity": "1 mS/cm", "permittivity": 30, "activation_energy": "0.3 eV"},
    "working_electrode": {
        "morphology": {"kind": "spots", "arrangement": "single", "radius": "20 um", "contact_fraction": 0.05},
        "contact": {"charge_transfer_resistance": "1 ohm cm^2", "double_layer_capacitance": "10 uF/cm^2"},
        "gap": {"thickness": "30 nm"},
    },
    "frequencies": {"start": "10 MHz", "stop": "1 Hz", "per_decade": 10},
}
KIND = "working_electrode.morphology.arrangement"
CELLS: dict[str, dict[str, Any]] = {
    "flux tube, 1e-3": {},
    "square array (surface), 1e-3": {KIND: "square"},
    "square array (tetrahedra), 5e-3": {
        KIND: "square", "numerics": {"backend": "tetrahedra", "relative_tolerance": 5e-3}
    },
    "40 random spots (pixels), 5e-3": {
        KIND: "random", "working_electrode.morphology.count": 40, "working_electrode.morphology.seed": 1,
        "numerics": {"relative_tolerance": 5e-3},
    },
}  # fmt: skip
LAWS: dict[str, tuple[object, ...]] = {
    "temperature": ("0 degC", "80 degC"),
    "electrolyte.conductivity": ("0.3 mS/cm", "3 mS/cm", "log"),
    "working_electrode.gap.thickness": ("10 nm", "300 nm", "log"),
    "working_electrode.contact.charge_transfer_resistance": ("0.1 ohm cm^2", "10 ohm cm^2", "log"),
}
#: Prepared, collected and written by the process that waits for the others, beside the cases themselves.
OTHERS = "flux tube, 1e-3"


def spent(work: Any) -> float:
    """Processor time [s]."""
    start = time.process_time()
    work()
    return time.process_time() - start


def task(sweep: Sweep, shared: Shared | None, n: int) -> Task:
    points = range(min(n, sweep.size))
    cases = tuple(map(sweep.changes, points))
    return Task(
        base=sweep.base, rows=tuple(points), digests=tuple(map(str, points)), cases=cases, shared=shared, seconds=1e9
    )


def measure(name: str, cases: int) -> dict[str, Any]:
    cell = Cell(**BASE).with_(**CELLS[name])
    fractions = Sweep.of(cell, [Axis.range("working_electrode.morphology.contact_fraction", 0.04, 0.1, 5)])
    solve(task(fractions, None, 1))  # what is compiled and imported once
    geometry = spent(lambda: solve(task(fractions, None, 5))) / 5
    laws = Sweep.of(cell, [Axis.latin_hypercube(LAWS, cases)])
    shared = Families(laws, ["one"] * cases, range(cases)).of("one")
    start = spent(lambda: solve(task(laws, shared, 1)))
    law = spent(lambda: solve(task(laws, shared, cases))) / cases
    return {"cell": name, "law_s": law, "start_s": start - law, "geometry_s": geometry}


def overhead(cases: int) -> float:
    """What a case costs the process that collects: a sweep that finds all its cases finished [s]."""
    cell = Cell(**BASE).with_(**CELLS[OTHERS])
    axis = Axis.latin_hypercube(LAWS, cases)
    with tempfile.TemporaryDirectory() as folder:
        sweep(cell, [axis], out=Path(folder), workers=0)
        return spent(lambda: sweep(cell, [axis], out=Path(folder), workers=0)) / cases


def hours(seconds: float, cores: int) -> str:
    """A million cases, in words."""
    spent = 1e6 * seconds / cores
    return (
        f"{spent / 60:.0f} min"
        if spent < 7200
        else f"{spent / 3600:.0f} h"
        if spent < 2e5
        else f"{spent / 86400:.0f} d"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=200)
    cases = parser.parse_args().cases
    common.say_machine()
    rows = [measure(name, cases) for name in CELLS]
    common.print_table(
        ("cell, tolerance", "start", "laws: a case", "1e6 on 1 core", "on 16", "mesh: a case", "1e6 on 16", "on 1000"),
        [
            (r["cell"], common.short(r["start_s"]), common.short(r["law_s"]), hours(r["law_s"], 1),
             hours(r["law_s"], 16), common.short(r["geometry_s"]), hours(r["geometry_s"], 16),
             hours(r["geometry_s"], 1000))
            for r in rows
        ],
    )  # fmt: skip
    collecting = overhead(5 * cases)
    print(f"\ncollecting: {common.short(collecting)} a case")
    common.write("sweep", {"rows": rows, "collecting_s": collecting, "cases": cases})


if __name__ == "__main__":
    main()
