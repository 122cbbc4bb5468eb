"""Sweeps of parameters: many cases side by side, resumable, into one labelled data set.

>>> from aspot.sweeps import Axis
>>> Axis.range("working_electrode.gap.thickness", "10 nm", "1 um", 3, scale="log")
<Axis working_electrode.gap.thickness: 3 values>
"""

from aspot.sweeps.axes import Axis
from aspot.sweeps.description import Sweep, load
from aspot.sweeps.run import SweepProgress, SweepResult, sweep

__all__ = ["Axis", "Sweep", "SweepProgress", "SweepResult", "load", "sweep"]
