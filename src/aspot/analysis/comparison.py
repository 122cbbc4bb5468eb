"""A computed spectrum against a measured one: where they differ, by how much, and which arcs match.

Residuals are relative to the measured modulus, (Z_measured - Z_computed)/|Z_measured|, the weighting of circuit fits.
Arcs are the peaks of the distribution of relaxation times, found for both spectra with the same settings, so that what
the method does to a peak it does to both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from aspot.analysis.drt import Peak, relaxation_distribution
from aspot.analysis.shares import impedance_shares
from aspot.cell import Cell
from aspot.errors import InputError
from aspot.result import Result
from aspot.spectrum import Spectrum

Real = NDArray[np.float64]

#: Peaks further apart than this factor in frequency are never the same arc.
_FARTHEST = 10.0

#: Arcs match if apex frequency and resistance agree within these factors.
_SAME_FREQUENCY, _SAME_RESISTANCE = 1.5, 1.25

#: A part that makes less than this share of the reactance at an apex does not belong to the arc's name.
_NAMED_SHARE = 0.25

#: Fewer points than this show no arcs.
_FEWEST_POINTS = 8

#: Cost of what must not be paired.
_NEVER = 1e3


@dataclass(frozen=True, kw_only=True)
class ArcPair:
    """An arc of the measured spectrum beside the computed arc that comes nearest; one of them may be missing.

    Parameters
    ----------
    measured, computed : Peak or None
    parts : tuple of str
        What owns the computed arc, the largest part first ("constriction", "charge_transfer", "SE bulk", ...); empty
        where it is not known.
    """

    measured: Peak | None
    computed: Peak | None
    parts: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """One of "match", "shifted" (same arc, but apex or resistance differ), "only measured" or "only computed"."""
        if self.measured is None:
            return "only computed"
        if self.computed is None:
            return "only measured"
        ratios = (
            (self.computed.apex_frequency_Hz / self.measured.apex_frequency_Hz, _SAME_FREQUENCY),
            (self.computed.resistance_ohm_cm2 / self.measured.resistance_ohm_cm2, _SAME_RESISTANCE),
        )
        return "match" if all(1 / limit <= ratio <= limit for ratio, limit in ratios) else "shifted"


@dataclass(frozen=True, kw_only=True)
class Decade:
    """Residuals within one decade of frequency.

    Parameters
    ----------
    lowest_Hz, highest_Hz : float
    points : int
    rms : float
        Root mean square of the relative residual.
    mean_real, mean_imag : float
        Mean relative residual: what is systematic.
    """

    lowest_Hz: float
    highest_Hz: float
    points: int
    rms: float
    mean_real: float
    mean_imag: float


@dataclass(frozen=True, kw_only=True, eq=False)
class SpectrumComparison:
    """A computed spectrum against a measured one at the same frequencies.

    Parameters
    ----------
    measured, computed : Spectrum
    residual : (m,) complex
        (Z_measured - Z_computed)/|Z_measured|.
    arcs : tuple of ArcPair
        Highest frequency first.
    """

    measured: Spectrum
    computed: Spectrum
    residual: NDArray[np.complex128]
    arcs: tuple[ArcPair, ...]

    @property
    def rms(self) -> float:
        """Root mean square of the relative residual, (mean |residual|^2)^(1/2)."""
        return float(np.sqrt(np.mean(np.abs(self.residual) ** 2)))

    @property
    def largest(self) -> tuple[float, float]:
        """Largest relative residual and its frequency [Hz]."""
        worst = int(np.argmax(np.abs(self.residual)))
        return float(np.abs(self.residual[worst])), float(self.measured.frequency_Hz[worst])

    @property
    def decades(self) -> tuple[Decade, ...]:
        """Residuals by decade, highest frequency first."""
        f = self.measured.frequency_Hz
        # A point that rounding puts just below a decade belongs to it.
        which = np.floor(np.log10(f) + 1e-9).astype(int)
        out = []
        for decade in sorted(set(which.tolist()), reverse=True):
            inside = which == decade
            r = self.residual[inside]
            out.append(
                Decade(
                    lowest_Hz=float(f[inside].min()),
                    highest_Hz=float(f[inside].max()),
                    points=int(inside.sum()),
                    rms=float(np.sqrt(np.mean(np.abs(r) ** 2))),
                    mean_real=float(np.mean(r.real)),
                    mean_imag=float(np.mean(r.imag)),
                )
            )
        return tuple(out)


def at_frequencies_of(cell: Cell, spectrum: Spectrum) -> Cell:
    """A copy of a cell whose frequencies are those of a spectrum."""
    return cell.with_(frequencies={"values": spectrum.frequency_Hz.tolist()})


def compare(computed: Result | Spectrum, measured: Spectrum) -> SpectrumComparison:
    """Hold a simulated cell (or any spectrum) against a measured spectrum.

    Parameters
    ----------
    computed : Result or Spectrum
        At the frequencies of the measurement (see `at_frequencies_of`). A result also tells what owns its arcs.
    measured : Spectrum

    Returns
    -------
    SpectrumComparison

    Raises
    ------
    InputError
        If the frequencies differ.
    """
    spectrum = computed.spectrum if isinstance(computed, Result) else computed
    if not spectrum.has_frequencies_of(measured):
        raise InputError(
            f"spectra to compare must have the same frequencies, got {len(spectrum)} computed and {len(measured)} "
            "measured points; simulate at_frequencies_of(cell, measured)"
        )
    z = measured.impedance_ohm_cm2
    pairs = _paired(_peaks(measured), _peaks(spectrum))
    if isinstance(computed, Result) and computed.model is not None:
        f = spectrum.frequency_Hz
        shares = impedance_shares(computed, f)
        pairs = tuple(replace(p, parts=_owners(p.computed, f, shares)) for p in pairs)
    residual = (z - spectrum.impedance_ohm_cm2) / np.abs(z)
    return SpectrumComparison(measured=measured, computed=spectrum, residual=residual, arcs=pairs)


def _peaks(spectrum: Spectrum) -> tuple[Peak, ...]:
    """Arcs of a spectrum within its frequencies; none where there are too few points to say."""
    if len(spectrum) < _FEWEST_POINTS:
        return ()
    return tuple(peak for peak in relaxation_distribution(spectrum).peaks if peak.is_measured)


def _paired(measured: Sequence[Peak], computed: Sequence[Peak]) -> tuple[ArcPair, ...]:
    """Pair the arcs so that the sum of their distances in log frequency and log resistance is least."""
    if not measured or not computed:
        alone = [ArcPair(measured=m, computed=None) for m in measured]
        return tuple(alone + [ArcPair(measured=None, computed=c) for c in computed])

    def logs(peaks: Sequence[Peak]) -> tuple[Real, Real]:
        return (np.log([p.apex_frequency_Hz for p in peaks]), np.log([p.resistance_ohm_cm2 for p in peaks]))

    (f, r), (g, s) = logs(measured), logs(computed)
    apart = np.abs(f[:, None] - g[None, :])
    cost = np.where(apart > np.log(_FARTHEST), _NEVER, apart + np.abs(r[:, None] - s[None, :]))
    chosen = [(i, k) for i, k in zip(*linear_sum_assignment(cost), strict=True) if cost[i, k] < _NEVER]
    pairs = [ArcPair(measured=measured[i], computed=computed[k]) for i, k in chosen]
    pairs += [ArcPair(measured=m, computed=None) for i, m in enumerate(measured) if i not in {a for a, _ in chosen}]
    pairs += [ArcPair(measured=None, computed=c) for k, c in enumerate(computed) if k not in {b for _, b in chosen}]
    return tuple(sorted(pairs, key=lambda p: -(p.measured or p.computed).apex_frequency_Hz))  # type: ignore[union-attr]


def _owners(peak: Peak | None, frequency_Hz: Real, shares: Mapping[str, NDArray[np.complex128]]) -> tuple[str, ...]:
    """Parts of Z with a good share of the reactance at the apex of an arc, the largest first."""
    if peak is None:
        return ()
    at = int(np.argmin(np.abs(np.log(frequency_Hz / peak.apex_frequency_Hz))))
    reactance = {name: -float(z[at].imag) for name, z in shares.items()}
    total = sum(v for v in reactance.values() if v > 0)
    large = [name for name, v in reactance.items() if v > _NAMED_SHARE * total]
    return tuple(sorted(large, key=lambda name: -reactance[name]))
