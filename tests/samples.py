"""One small solved cell, shared by the tests of what comes after the solution."""

from __future__ import annotations

from functools import lru_cache

from aspot.casefile import loads
from aspot.result import Result
from aspot.simulation import simulate

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


@lru_cache(maxsize=1)
def result() -> Result:
    """The sample, solved once per process."""
    return simulate(loads(CASE))
