"""The arcs that a circuit fit would read from a spectrum: R_0 - (RQ) - (RQ) - ...

Published resistances and capacitances of cells are results of such fits. To compare like with like, a computed spectrum
is fitted with the same circuit over the same frequencies.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from aspot.errors import ConvergenceError
from aspot.spectrum import Spectrum


@dataclass(frozen=True, kw_only=True)
class Arc:
    """One resistance parallel to a constant-phase element, Z = R / (1 + R Q (i omega)^n).

    Parameters
    ----------
    resistance_ohm_cm2 : float
    cpe_prefactor : float
        Q [F s^(n-1) / cm2].
    cpe_exponent : float
        n.
    """

    resistance_ohm_cm2: float
    cpe_prefactor: float
    cpe_exponent: float

    @property
    def apex_frequency_Hz(self) -> float:
        """Frequency of the top of the arc, (R Q)^(-1/n) / (2 pi) [Hz]."""
        return float((self.resistance_ohm_cm2 * self.cpe_prefactor) ** (-1.0 / self.cpe_exponent) / (2.0 * np.pi))

    @property
    def capacitance_F_per_cm2(self) -> float:
        """Capacitance that puts the apex of a semicircle of the same R at the same frequency, 1/(2 pi f R) [F/cm2].

        For one (RQ) element this is the formula of Hsu and Mansfeld (2001), doi 10.5006/1.3280607.
        """
        return float(1.0 / (2.0 * np.pi * self.apex_frequency_Hz * self.resistance_ohm_cm2))


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
        return _circuit(self.series_resistance_ohm_cm2, self.arcs, np.asarray(frequency_Hz, float))


def _circuit(r0: float, arcs: tuple[Arc, ...], frequency_Hz: NDArray[np.float64]) -> NDArray[np.complex128]:
    z = np.full(frequency_Hz.shape, r0, complex)
    for arc in arcs:
        r, q, n = arc.resistance_ohm_cm2, arc.cpe_prefactor, arc.cpe_exponent
        z += r / (1.0 + r * q * (2j * np.pi * frequency_Hz) ** n)
    return z


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
    ConvergenceError
        If no start of the least-squares search converges.
    """
    f, z = spectrum.frequency_Hz, spectrum.impedance_ohm_cm2
    size = float(np.max(np.abs(z)))
    log_low, log_high = np.log10(f.min()), np.log10(f.max())

    def unpack(p: NDArray[np.float64]) -> tuple[float, tuple[Arc, ...]]:
        arcs = []
        for log_r, log_apex, n in p[1:].reshape(n_arcs, 3):
            r = size * 10.0**log_r
            q = (2.0 * np.pi * 10.0**log_apex) ** -n / r
            arcs.append(Arc(resistance_ohm_cm2=r, cpe_prefactor=q, cpe_exponent=n))
        return size * 10.0 ** p[0], tuple(arcs)

    def residual(p: NDArray[np.float64]) -> NDArray[np.float64]:
        delta = (_circuit(*unpack(p), f) - z) / np.abs(z)
        return np.concatenate([delta.real, delta.imag])

    lower = np.array([-8.0, *([-5.0, log_low - 1.0, 0.4] * n_arcs)])
    upper = np.array([0.5, *([0.5, log_high + 2.0, 1.0] * n_arcs)])
    best = None
    # The search has local minima where two elements share one arc: start from several spreads of the apexes.
    for low in np.linspace(log_low, log_high - 1.0, 5):
        apexes = np.linspace(log_high, low, n_arcs) if n_arcs > 1 else np.array([low])
        start = np.array([-1.0, *np.column_stack([np.full(n_arcs, -0.5), apexes, np.full(n_arcs, 0.95)]).ravel()])
        found = least_squares(residual, start, bounds=(lower, upper), x_scale=0.1, max_nfev=300)
        if found.success and (best is None or found.cost < best.cost):
            best = found
    if best is None:
        raise ConvergenceError(f"the fit of {n_arcs} arcs did not converge from any start")
    r0, arcs = unpack(best.x)
    ordered = tuple(sorted(arcs, key=lambda a: -a.apex_frequency_Hz))
    return ArcFit(
        series_resistance_ohm_cm2=r0, arcs=ordered, relative_residual=float(np.sqrt(2.0 * best.cost / len(f)))
    )
