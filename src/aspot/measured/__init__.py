"""Measured impedance spectra, as instruments and programs write them."""

from aspot.measured.measurement import Measurement

__all__ = ["Measurement"]
