"""What a random interface is worth: the same cell with many seeds, its mean, spread and confidence interval."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aspot.cell import Cell
from aspot.errors import InputError
from aspot.processes import in_order
from aspot.simulation import Progress, simulate
from aspot.spectrum import Spectrum

_SEED, _GRAIN_SEED = "working_electrode.morphology.seed", "electrolyte.grain_boundaries.seed"


@dataclass(frozen=True, kw_only=True, eq=False)
class Statistic:
    """A quantity over all seeds.

    Parameters
    ----------
    values : (n,) float
        In the order of the seeds.
    mean, standard_deviation : float
        Of one seed; the divisor is n - 1.
    interval : (low, high)
        Confidence interval of the mean by Student's t.
    """

    values: NDArray[np.float64]
    mean: float
    standard_deviation: float
    interval: tuple[float, float]

    @classmethod
    def of(cls, values: Iterable[float], confidence: float = 0.95) -> Statistic:
        """From values of independent seeds, two at least.

        mean -+ t s/sqrt(n), t the quantile of Student's distribution with n - 1 degrees of freedom: Student, Biometrika
        6 (1908) 1. Exact for values that are normal, good for means of many.
        """
        v = np.array(list(values), float)
        mean, deviation = float(np.mean(v)), float(np.std(v, ddof=1))
        half = _half_width(len(v), confidence) * deviation
        return cls(values=v, mean=mean, standard_deviation=deviation, interval=(mean - half, mean + half))

    def __repr__(self) -> str:
        half = 0.5 * (self.interval[1] - self.interval[0])
        return f"<{self.mean:.5g} ± {half:.2g}, one seed ± {self.standard_deviation:.2g}, n = {len(self.values)}>"


@dataclass(frozen=True, kw_only=True, eq=False)
class SeedStatistics:
    """Answer of `statistics_over_seeds`.

    Parameters
    ----------
    seeds : tuple of int
    confidence : float
    quantities : mapping of str to Statistic
        R_total, R_SE, R_int, R_cc, R_ct [ohm cm2], contact_fraction, and if every seed has an interface arc C_int
        [F/cm2] and apex_frequency [Hz].
    spectrum : Spectrum
        Mean impedance; its error is the largest of all seeds, without the spread.
    standard_deviation_ohm_cm2, half_width_ohm_cm2 : (m,) complex
        Of real and imaginary part, each by itself: of one seed, and half the confidence interval of the mean.
    """

    seeds: tuple[int, ...]
    confidence: float
    quantities: Mapping[str, Statistic]
    spectrum: Spectrum
    standard_deviation_ohm_cm2: NDArray[np.complex128]
    half_width_ohm_cm2: NDArray[np.complex128]

    def __getitem__(self, name: str) -> Statistic:
        return self.quantities[name]

    def __repr__(self) -> str:
        share = f"{100 * self.confidence:g} %"
        return f"<SeedStatistics of {len(self.seeds)} seeds ({share}): R_int {self.quantities['R_int']!r} ohm cm2>"


@dataclass(frozen=True)
class _Sample:
    """What is kept of one seed: what can travel between processes."""

    numbers: dict[str, float]
    frequency_Hz: NDArray[np.float64]
    impedance_ohm_cm2: NDArray[np.complex128]
    relative_error: NDArray[np.float64]


def statistics_over_seeds(
    cell: Cell,
    seeds: int | Sequence[int] = 20,
    *,
    confidence: float = 0.95,
    processes: int = 1,
    progress: Progress | None = None,
) -> SeedStatistics:
    """Solve a cell of random morphology for many seeds; mean, spread and confidence interval of what comes out.

    Parameters
    ----------
    cell : Cell
        Whose electrolyte has Voronoi grains, or whose working electrode has a random arrangement or another
        morphology with a `seed`.
    seeds : int or sequence of int
        Seeds; a number n means 0 .. n - 1.
    confidence : float
        Of the intervals.
    processes : int
        Processes that solve side by side. Above 1 in a script, guard its main part by `if __name__ == "__main__":`.
    progress : callable, optional
        Called with (what is being done, share done from 0 to 1).

    Returns
    -------
    SeedStatistics

    Raises
    ------
    InputError
        If neither grains nor morphology have a seed, or fewer than two different seeds are given.
    """
    chosen = tuple(range(seeds)) if isinstance(seeds, int) else tuple(int(s) for s in seeds)
    if len(chosen) < 2 or len(set(chosen)) < len(chosen):
        raise InputError(f"seeds = {seeds!r}: need at least two, all different")
    if not 0.0 < confidence < 1.0:
        raise InputError(f"confidence = {confidence!r}: must lie between 0 and 1")
    if processes < 1:
        raise InputError(f"processes = {processes!r}: must be at least 1")
    tell = progress or (lambda stage, share: None)
    boundaries = cell.electrolyte.grain_boundaries
    key = _GRAIN_SEED if boundaries is not None and boundaries.is_voronoi else _SEED
    cells = [cell.with_(**{key: seed}) for seed in chosen]
    samples = []
    for sample in _samples(cells, processes):
        samples.append(sample)
        tell(f"seed {len(samples)} of {len(chosen)}", len(samples) / len(chosen))
    z = np.array([s.impedance_ohm_cm2 for s in samples])
    spread = np.std(z.real, axis=0, ddof=1) + 1j * np.std(z.imag, axis=0, ddof=1)
    return SeedStatistics(
        seeds=chosen,
        confidence=confidence,
        quantities={
            name: Statistic.of([s.numbers[name] for s in samples], confidence)
            for name in samples[0].numbers
            if all(name in s.numbers for s in samples)
        },
        spectrum=Spectrum(
            frequency_Hz=samples[0].frequency_Hz,
            impedance_ohm_cm2=z.mean(axis=0),
            temperature_K=cell.temperature,
            relative_error=np.max([s.relative_error for s in samples], axis=0),
            provenance={"case": cell.digest, "seeds": list(chosen)},
        ),
        standard_deviation_ohm_cm2=spread,
        half_width_ohm_cm2=_half_width(len(chosen), confidence) * spread,
    )


def _half_width(n: int, confidence: float) -> float:
    """Half the confidence interval of a mean of n, over the standard deviation."""
    from scipy.stats import t

    return float(t.ppf(0.5 + 0.5 * confidence, n - 1)) / math.sqrt(n)


def _samples(cells: Sequence[Cell], processes: int) -> Iterator[_Sample]:
    if processes == 1:
        yield from map(_sample, cells)
        return
    yield from in_order(_sample, cells, processes)


def _sample(cell: Cell) -> _Sample:
    result = simulate(cell, with_fields=False)
    r, arc = result.resistances, result.arc
    numbers = {
        "R_total": r.total,
        "R_SE": r.SE,
        "R_int": r.int_,
        "R_cc": r.cc,
        "R_ct": r.ct,
        "contact_fraction": result.contact_fraction,
    }
    if arc is not None:
        numbers |= {"C_int": arc.C_int_F_per_cm2, "apex_frequency": arc.apex_frequency_Hz}
    s = result.spectrum
    return _Sample(numbers, s.frequency_Hz, s.impedance_ohm_cm2, result.error_by_frequency)
