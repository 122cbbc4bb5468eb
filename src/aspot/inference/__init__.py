"""What does the interface look like? Fits of cells to measured spectra, with the uncertainty of every parameter."""

from aspot.inference.fitting import FitResult, fit

__all__ = ["FitResult", "fit"]
