"""What an interface looks like: a cell fitted to a measured spectrum."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aspot.analysis.estimation import Estimate, estimate
from aspot.analysis.least_squares import Parameter
from aspot.analysis.profile_likelihood import Profile
from aspot.cell import Cell
from aspot.errors import InputError
from aspot.inference.free import Bounds, Free, free_parameters
from aspot.inference.model import CellModel
from aspot.result import Result
from aspot.spectrum import Spectrum
from aspot.threads import one_thread
from aspot.units import OHM_CM2

__all__ = ["FitResult", "fit"]

Real = NDArray[np.float64]
Progress = Callable[[str, float], None]

#: Distance of the grid of geometries to begin with.
_SPACING = 0.8
#: The model may differ from a simulation at the optimum by as much as moves no parameter by more than this many
#: standard errors, or by this share of the tolerance of Z.
_SHIFT, _CLOSE = 0.2, 0.1
#: Accuracy of the search with exact derivatives, and with differences of simulations.
_EXACT, _ROUGH = 1e-6, 1e-4
#: Times that the model is made anew around the optimum, at most.
_MOST_REFINEMENTS = 6
#: Shares of the progress bar: search, then profiles.
_SEARCH_SHARE = 0.6


@dataclass(frozen=True, kw_only=True, eq=False)
class FitResult:
    """A cell fitted to a measured spectrum.

    Parameters
    ----------
    cell : Cell
        With the best values.
    free : tuple of Free
        The free parameters.
    estimate : Estimate
        Values [SI], covariance and correlations, starts, criteria (see there); impedances in ohm m2.
    profiles : mapping of str to Profile
        Profile likelihoods by path; empty if they were not asked for.
    confidence : float
        Level of all intervals.
    measured : Spectrum
        The points that were fitted.
    spectrum : Spectrum
        Simulated with the best values, instrument included, at the same frequencies.
    result : Result
        That simulation, without the instrument.
    model_difference : float
        Largest relative difference of the model of the search from that simulation.
    simulations : int
        Cells that were simulated.
    seconds : mapping of str to float
        By stage.
    seed : int
        Of the starts.
    weighting : str
    """

    cell: Cell
    free: tuple[Free, ...]
    estimate: Estimate
    profiles: Mapping[str, Profile]
    confidence: float
    measured: Spectrum
    spectrum: Spectrum
    result: Result
    model_difference: float
    simulations: int
    seconds: Mapping[str, float]
    seed: int
    weighting: str
    started_from: Cell = field(repr=False)

    def __repr__(self) -> str:
        shown = ", ".join(f"{one.path} = {one.shown(v)}" for one, v in zip(self.free, self.values, strict=True))
        return f"<FitResult: {shown}; residual {self.estimate.noise_estimate:.2%}>"

    @property
    def values(self) -> Real:
        """Best values of the free parameters [SI], (n,)."""
        return self.estimate.values

    def __getitem__(self, path: str) -> float:
        """Best value of a free parameter [SI]."""
        return self.estimate[path]

    def interval(self, path: str) -> tuple[float, float]:
        """Confidence interval of a parameter [SI]: by its profile if there is one, else of the linearised model."""
        if path in self.profiles:
            return self.profiles[path].lower, self.profiles[path].upper
        return dict(zip(self.estimate.names, self.estimate.confidence_intervals(self.confidence), strict=True))[path]

    @property
    def intervals(self) -> dict[str, tuple[float, float]]:
        """Confidence intervals of all parameters [SI]."""
        return {one.path: self.interval(one.path) for one in self.free}

    def bounded(self, path: str) -> tuple[bool, bool]:
        """Whether the spectrum bounds a parameter from below, and from above."""
        if path in self.profiles:
            return self.profiles[path].is_bounded_below, self.profiles[path].is_bounded_above
        p = next(one.parameter for one in self.free if one.path == path)
        low, high = self.interval(path)
        return p.lower < low, high < p.upper

    def is_determined(self, path: str) -> bool:
        """Whether the spectrum bounds a parameter from both sides."""
        return all(self.bounded(path))

    @property
    def residuals(self) -> NDArray[np.complex128]:
        """(Z_fit - Z)/|Z_fit| at every frequency."""
        z = self.spectrum.impedance_ohm_cm2
        return np.asarray((z - self.measured.impedance_ohm_cm2) / np.abs(z))

    def statement(self) -> tuple[str, ...]:
        """Plain sentences on what the spectrum does not tell, and on how far the fit can be trusted."""
        from aspot.inference.statements import sentences

        return sentences(self)


@one_thread
def fit(
    cell: Cell,
    spectrum: Spectrum,
    free: Sequence[str] | Mapping[str, Bounds | None],
    *,
    weighting: Literal["modulus", "unit"] | ArrayLike = "modulus",
    noise: float | None = None,
    starts: int = 4,
    seed: int = 0,
    confidence: float = 0.95,
    profile: bool = True,
    progress: Progress | None = None,
) -> FitResult:
    """Fit free parameters of a cell to a spectrum: complex least squares with exact derivatives.

    Laws (and the size of contacts at a given contact fraction) are searched on solved fields without further
    simulations; other geometry on simulations made where the search comes by (see `aspot.inference.model`). The answer
    is a simulation at the optimum: while the model of the search differs from it by enough to move a parameter by a
    fifth of its standard error (and by more than a tenth of the cell's tolerance), the model is made anew around it.

    Parameters
    ----------
    cell : Cell
        Where the search begins; what is not free stays as it is.
    spectrum : Spectrum
        The points to fit [ohm cm2].
    free : sequence of str, or mapping of str to (low, high) or None
        Dotted keys of the case ("working_electrode.gap.thickness"), "instrument.resistance" or
        "instrument.inductance" (in series, per electrode area); with bounds in SI or as text with units.
    weighting, noise
        See `aspot.analysis.estimation.estimate`.
    starts : int
        The first from the cell as it is, others within a factor of 30 of it.
    seed : int
        Of the other starts.
    confidence : float
        Level of all intervals.
    profile : bool
        Whether profile likelihoods are computed: intervals that need not be symmetric, and what is not determined.
    progress : callable, optional
        Called with (what is being done, share done from 0 to 1).

    Returns
    -------
    FitResult

    Raises
    ------
    InputError
        If a parameter cannot be free, or the cell cannot be planned.
    ConvergenceError
        If no start converges.
    ToleranceError, MemoryLimitError
        As `aspot.simulate`.

    Examples
    --------
    >>> import aspot
    >>> from aspot.inference import fit
    >>> cell = aspot.Cell(
    ...     electrolyte={"thickness": "1 mm", "conductivity": "1 mS/cm"},
    ...     working_electrode={
    ...         "morphology": {"kind": "spots", "arrangement": "single", "radius": "10 um", "contact_fraction": 0.05},
    ...         "gap": {"thickness": "30 nm"},
    ...     },
    ... )
    >>> measured = aspot.simulate(cell.with_(**{"working_electrode.gap.thickness": "50 nm"})).spectrum
    >>> found = fit(cell, measured, ["working_electrode.gap.thickness"], starts=1)
    >>> f"{found['working_electrode.gap.thickness']:.4g}"
    '5e-08'
    """
    if not 0.0 < confidence < 1.0:
        raise InputError(f"confidence = {confidence!r}: must lie between 0 and 1")
    tell = progress or (lambda stage, share: None)
    clock = time.perf_counter()
    z = spectrum.impedance_ohm_cm2 / OHM_CM2
    sizes = weighting if isinstance(weighting, str) else np.asarray(weighting, float) / OHM_CM2
    begun, parameters = free_parameters(cell, free, z)
    search = _Search(begun, parameters, spectrum.frequency_Hz, tell)

    def estimated(model: CellModel, begin: Sequence[Parameter], starts: int = 1) -> Estimate:
        return estimate(
            model,
            z,
            begin,
            weighting=sizes,
            noise=noise,
            starts=starts,
            seed=seed,
            progress=search.report,
            accuracy=_ROUGH if model.is_slow else _EXACT,
        )

    found = estimated(search.model, [one.parameter for one in parameters], starts)
    found, result, difference = search.verified(found, estimated)
    seconds = {"search": time.perf_counter() - clock}
    profiles = {}
    for k, one in enumerate(parameters if profile else ()):
        tell(f"profile of {one.path}", _SEARCH_SHARE + (1.0 - _SEARCH_SHARE) * k / len(parameters))
        profiles[one.path] = found.profile(one.path, confidence)
    search.model.end_of_progress()
    seconds["profiles"] = time.perf_counter() - clock - seconds["search"]
    tell("done", 1.0)
    seconds["total"] = time.perf_counter() - clock
    return FitResult(
        cell=begun.with_(**_of_case(parameters, found.values)),
        free=parameters,
        estimate=found,
        profiles=profiles,
        confidence=confidence,
        measured=spectrum,
        spectrum=search.spectrum(result, found.values),
        result=result,
        model_difference=difference,
        simulations=search.simulations,
        seconds=seconds,
        seed=seed,
        weighting=weighting if isinstance(weighting, str) else "given",
        started_from=cell,
    )


def _of_case(free: Sequence[Free], values: Real) -> dict[str, float]:
    return {one.path: float(v) for one, v in zip(free, values, strict=True) if not one.is_instrument}


class _Search:
    """The model of the search, and its replacement by better ones around the optimum."""

    def __init__(self, cell: Cell, free: Sequence[Free], frequency_Hz: Real, tell: Progress) -> None:
        self.free, self._frequency_Hz = tuple(free), frequency_Hz
        self._tell, self._share = tell, 0.0
        self._others, self._spacing = 0, _SPACING
        self.model = self._made(cell)

    @property
    def simulations(self) -> int:
        """Cells simulated so far."""
        return self._others + self.model.simulations

    def report(self, stage: str, share: float) -> None:
        """Progress of the search, from 0 to 1."""
        self._share = _SEARCH_SHARE * share
        self._tell(stage, self._share)

    def _made(self, cell: Cell) -> CellModel:
        return CellModel(cell, self.free, self._frequency_Hz, spacing=self._spacing, tell=self._simulating)

    def _simulating(self, n: int) -> None:
        why = ", one or more for every step: slow" if self.model.is_slow else ""
        self._tell(f"simulation {self._others + n}{why}", self._share)

    def instrument(self, values: Real) -> NDArray[np.complex128]:
        """Impedance in series with the cell [ohm m2]."""
        return self.model.instrument({one.path: float(v) for one, v in zip(self.free, values, strict=True)}).value

    def spectrum(self, result: Result, values: Real) -> Spectrum:
        """The simulated spectrum with the instrument."""
        s = result.spectrum
        return replace(s, impedance_ohm_cm2=s.impedance_ohm_cm2 + self.instrument(values) * OHM_CM2)

    def verified(
        self, found: Estimate, again: Callable[[CellModel, Sequence[Parameter]], Estimate]
    ) -> tuple[Estimate, Result, float]:
        """The estimate, once a simulation at its values agrees with the model; that simulation, and the difference."""
        for attempt in range(_MOST_REFINEMENTS + 1):
            best = self.model.cell_at(found.values)
            self._tell("simulation at the optimum", self._share)
            result = self.model.simulated(best)
            self._others += 1
            z = result.spectrum.impedance_ohm_cm2 / OHM_CM2 + self.instrument(found.values)
            difference = np.abs(found.impedance - z)
            shift = float(np.linalg.norm(difference / found.sizes) / np.sqrt(found.variance))
            is_exact = bool(np.all(difference <= _CLOSE * best.numerics.relative_tolerance * np.abs(z)))
            if is_exact or shift <= _SHIFT or attempt == _MOST_REFINEMENTS:
                break
            # Meshes made for the laws of the optimum, and closer together.
            self._others += self.model.simulations
            self._spacing *= 0.5
            self.model = self._made(best)
            begin = [replace(one.parameter, value=float(v)) for one, v in zip(self.free, found.values, strict=True)]
            found = replace(again(self.model, begin), starts=found.starts)
        return found, result, float(np.max(difference / np.abs(z)))
