"""One small solved cell, shared by the tests of what comes after the solution."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from aspot.casefile import loads
from aspot.cell import Cell
from aspot.fem.problem import AffineProblem, Problem
from aspot.result import Result
from aspot.simulation import simulate

#: What is solved in no time, where only that it is solved counts.
SMALL_CASE = """
name = "small"
[electrolyte]
thickness = "1 mm"
conductivity = "1 mS/cm"
permittivity = 30
[working_electrode.morphology]
kind = "spots"
arrangement = "single"
radius = "10 um"
contact_fraction = 0.05
[working_electrode.gap]
thickness = "100 nm"
[frequencies]
start = "1 MHz"
stop = "1 Hz"
per_decade = 1
"""

#: A spot with a gap, charge transfer and grain boundaries: every part of the resistance occurs.
CASE = """
name = "sample"
temperature = "25 degC"
[electrolyte]
thickness = "1 mm"
conductivity = "10 mS/cm"
permittivity = 30
[electrolyte.grain_boundaries]
grain_size = "1 um"
resistance = "0.01 ohm cm^2"
capacitance = "10 uF/cm^2"
[working_electrode.morphology]
kind = "spots"
arrangement = "single"
radius = "20 um"
contact_fraction = 0.05
[working_electrode.contact]
charge_transfer_resistance = "0.5 ohm cm^2"
double_layer_capacitance = "10 uF/cm^2"
[working_electrode.gap]
thickness = "30 nm"
[frequencies]
start = "10 MHz"
stop = "1 Hz"
per_decade = 5
[numerics]
relative_tolerance = 1e-3
[published]
source = "nobody 2000"
R_int = "20 ohm cm^2"
C_int = "30 nF/cm^2"
"""

#: Every law has an activation energy of its own.
ACTIVATED_CELL = Cell(
    electrolyte={
        "thickness": "2 mm",
        "conductivity": "14 mS/cm",
        "permittivity": 30,
        "activation_energy": "0.26 eV",
        "arrhenius": "sigma",
        "grain_boundaries": {
            "grain_size": "1 um",
            "resistance": "0.011 ohm cm^2",
            "capacitance": "9 uF/cm^2",
            "activation_energy": "0.36 eV",
        },
    },
    working_electrode={
        "morphology": {"kind": "spots", "arrangement": "single", "radius": "40 um", "contact_fraction": 0.02},
        "contact": {
            "charge_transfer_resistance": "0.2 ohm cm^2",
            "double_layer_capacitance": "10 uF/cm^2",
            "activation_energy": "0.5 eV",
        },
        "gap": {"thickness": "30 nm"},
    },
    frequencies={"start": "10 MHz", "stop": "10 Hz", "per_decade": 3},
    numerics={"relative_tolerance": 1e-6},
)


@lru_cache(maxsize=1)
def result() -> Result:
    """The sample, solved once per process."""
    return simulate(loads(CASE))


def check_conservation(p: Problem, omega: float, *, dissipation: float) -> None:
    """Passive; port, bilinear and Hermitian admittance agree; the counter electrode takes what the port gives.

    `dissipation`: relative accuracy asked of the Hermitian energy.
    """
    x = p.solve(omega)
    theta = p.theta(omega)[:, 0]
    y = p.admittance(x, omega)
    assert y.real > 0
    assert y.imag >= 0
    assert p.port_current(x, omega) == pytest.approx(y, rel=1e-7)
    assert np.real(theta) @ p.dissipation_weights(x) == pytest.approx(y.real, rel=dissipation)
    counter = p.term("counter")
    drained = theta[[t.name for t in p.terms].index("counter")] * (counter.matrix @ x).sum()
    assert drained == pytest.approx(y, rel=1e-7)


def error_left_of_guess(problem: AffineProblem, omega: float, off: float = 1e-3) -> float:
    """Error of Y over that of a guess, which was good enough for the limit already.

    The guess is a little of the direct-current solution off, and its Y by the square of that.
    """
    exact = problem.solve(omega)
    guess = (1.0 - off) * exact + off * problem.solve(0.0)
    found = problem.solve(omega, start=guess.astype(complex), limit=0.1)
    y, before, after = (problem.admittance(x, omega) for x in (exact, guess, found))
    return abs(after - y) / abs(before - y)
