"""Measured impedance spectra, as instruments and programs write them.

>>> from aspot import measured
>>> sweep, *more = measured.read("cell.DTA")  # doctest: +SKIP
>>> spectrum = sweep.excluding_inductive().spectrum(area_cm2=0.785)  # doctest: +SKIP
"""

from aspot.measured.measurement import Measurement
from aspot.measured.reading import FORMATS, read

__all__ = ["FORMATS", "Measurement", "read"]
