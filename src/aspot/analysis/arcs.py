"""The arcs that a circuit fit would read from a spectrum: R_0 - (RQ) - (RQ) - ...

Published resistances and capacitances of cells are results of such fits. To compare like with like, a computed spectrum
is fitted with the same circuit over the same frequencies.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aspot.analysis.circuit_fit import fit_circuit
from aspot.analysis.circuits import Q, R, series
from aspot.analysis.fitted_circuit import Arc
from aspot.spectrum import Spectrum

__all__ = ["Arc", "ArcFit", "fit_arcs"]

#: Smallest exponent: below it an element is a Warburg impedance rather than an arc.
_SMALLEST_EXPONENT = 0.4


@dataclass(frozen=True, kw_only=True)
class ArcFit:
    """Arcs of a spectrum, highest apex frequency first.

    Parameters
    ----------
    series_resistance_ohm_cm2 : float
    arcs : tuple of Arc
    relative_residual : float
        Root mean square of |Z_fit - Z| / |Z|.
    """

    series_resistance_ohm_cm2: float
    arcs: tuple[Arc, ...]
    relative_residual: float

    def impedance(self, frequency_Hz: NDArray[np.float64]) -> NDArray[np.complex128]:
        """Fitted impedance [ohm cm2]."""
        arcs = sum((arc.impedance(frequency_Hz) for arc in self.arcs), start=np.zeros(np.shape(frequency_Hz), complex))
        return np.asarray(self.series_resistance_ohm_cm2 + arcs)


def fit_arcs(spectrum: Spectrum, n_arcs: int = 2) -> ArcFit:
    """Fit R_0 - (RQ)_1 - ... to a spectrum, weighted with 1/|Z|.

    Parameters
    ----------
    spectrum : Spectrum
    n_arcs : int
        Number of (RQ) elements.

    Returns
    -------
    ArcFit

    Raises
    ------
    InputError
        If there are too few frequencies.
    ConvergenceError
        If no start of the least-squares search converges.
    """
    labels = [str(k) for k in range(1, n_arcs + 1)]
    circuit = series(R("0"), *(R(label) | Q(label) for label in labels))
    bounds = {f"n_{label}": (_SMALLEST_EXPONENT, None) for label in labels}
    fit = fit_circuit(spectrum, circuit, bounds=bounds)
    return ArcFit(series_resistance_ohm_cm2=fit["R_0"], arcs=fit.arcs, relative_residual=fit.relative_residual)
