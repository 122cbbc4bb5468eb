"""Equivalent circuits fitted to spectra, computed or measured: values, intervals, what is not determined.

>>> import numpy as np
>>> from aspot.analysis.circuit_text import circuit
>>> from aspot.spectrum import Spectrum
>>> f = np.geomspace(7e6, 10.0, 60)
>>> truth = {"R_0": 14.0, "R_GB": 22.5, "Q_GB": 9e-9, "n_GB": 0.95, "R_Int": 53.0, "Q_Int": 7e-8, "n_Int": 0.94}
>>> z = circuit("ortmann2022").impedance(f, truth)
>>> random = np.random.default_rng(1)
>>> noise = 0.003 * (random.standard_normal(60) + 1j * random.standard_normal(60))
>>> fit = fit_circuit(Spectrum(frequency_Hz=f, impedance_ohm_cm2=z * (1 + noise), temperature_K=298.15), "ortmann2022")
>>> low, high = fit.confidence_intervals()["R_Int"]
>>> bool(low < 53.0 < high), fit.warnings
(True, ())
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aspot.analysis.circuit_starts import count_of_times, interchangeable, moved_values, starting_values
from aspot.analysis.circuit_text import circuit as read_circuit
from aspot.analysis.circuits import Circuit, CircuitParameter
from aspot.analysis.estimation import Estimate, Parameter, Start, estimate
from aspot.analysis.fitted_circuit import CircuitFit
from aspot.errors import ConvergenceError, InputError
from aspot.spectrum import Spectrum

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

Weighting = Literal["modulus", "unit", "proportional"]

#: Real and imaginary part count no less than this share of |Z| where each is weighted by itself.
_LEAST_PART = 0.01

#: Steps after which starts are compared, how many of the best go on, and the most steps of those.
_FIRST_STEPS, _FINALISTS, _LAST_STEPS = 20, 3, 200
#: Times that members of the best fit are moved to look for a better one, and how many such starts each time.
_ROUNDS, _MOVED = 3, 6
#: A moved member is a start if the sum of squares is no more than this times that of the fit; a fit is better than
#: another by this share of it.
_WORTH_TRYING, _BETTER = 3.0, 1e-4
#: Largest relative distance of two starts that have come to one place.
_SAME_PLACE = 0.01


def fit_circuit(
    spectrum: Spectrum,
    circuit: str | Circuit,
    *,
    weighting: Weighting | ArrayLike = "modulus",
    noise: float | None = None,
    bounds: Mapping[str, tuple[float | None, float | None]] | None = None,
    fixed: Mapping[str, float] | None = None,
    start: Mapping[str, float] | None = None,
    starts: int | None = None,
    seed: int = 0,
) -> CircuitFit:
    """Fit a circuit to a spectrum by weighted complex least squares.

    The fit begins at several points that are found from the spectrum (`aspot.analysis.circuit_starts`). Members of the
    series that differ by their labels alone, such as (RQ)_GB and (RQ)_Int, are put into the order of the text, the
    highest apex frequency first, unless `start`, `bounds` or `fixed` say which is which.

    Parameters
    ----------
    spectrum : Spectrum
        Computed or measured.
    circuit : str or Circuit
        As `aspot.analysis.circuit_text.circuit` reads it.
    weighting : "modulus", "unit", "proportional" or (m,) array_like
        What the noise of real and imaginary part is proportional to: |Z|; nothing; each to itself (not below 1 % of
        |Z|); or given standard deviations [ohm cm2], complex ones for real and imaginary part.
    noise : float, optional
        Noise in units of the weighting, if it is known; default: taken from the residuals.
    bounds : mapping of str to (float or None, float or None), optional
        By parameter. Default: far beyond what the spectrum can show; exponents from 0.2 to 1.
    fixed : mapping of str to float, optional
        Parameters that are not fitted.
    start : mapping of str to float, optional
        Where to begin, for all or some of the parameters.
    starts : int, optional
        Number of starts, at most; default: 6 for each time constant of the circuit, up to 18. With 1 the search keeps
        to the first, or to `start`.
    seed : int
        Of the starts, where there are too many candidates to try all.

    Returns
    -------
    CircuitFit

    Raises
    ------
    InputError
        If the circuit cannot be read, a parameter does not exist, or there are too few frequencies.

    Notes
    -----
    A search that is stopped while it still finds better values (in circuits with more elements than the spectrum shows)
    is no error; `CircuitFit.warnings` says so.
    """
    c = read_circuit(circuit)
    fixed, start, bounds = dict(fixed or {}), dict(start or {}), dict(bounds or {})
    for what, given in (("fixed", fixed), ("start", start), ("bounds", bounds)):
        unknown = next((name for name in given if name not in c.names), None)
        if unknown is not None:
            raise InputError(f"{what}: {unknown} is no parameter of {c}; there are {', '.join(c.names)}")
    if starts is None:
        starts = int(np.clip(6 * count_of_times(c), 6, 18))
    if starts < 1:
        raise InputError(f"starts = {starts!r}: must be at least 1")
    f, z = spectrum.frequency_Hz, spectrum.impedance_ohm_cm2
    if np.any(z == 0):
        raise InputError("spectrum: an impedance of 0 cannot be fitted")
    free = [p for p in c.parameters if p.name not in fixed]
    c.check({**dict.fromkeys(c.names, 0.5), **start, **fixed})
    limits = {p.name: _limits(p, f, np.abs(z), bounds.get(p.name)) for p in free}
    outside = next((name for name, v in start.items() if name in limits and not _lies_in(v, limits[name])), None)
    if outside is not None and outside in bounds:
        low, high = limits[outside]
        raise InputError(f"start: {outside} = {start[outside]:g}: must lie between its bounds {low:g} and {high:g}")
    model, measured, sizes, name = _weighted(c, f, z, [p.name for p in free], fixed, weighting)
    search = _Search(model=model, measured=measured, sizes=sizes, noise=noise, free=free, limits=limits, fixed=fixed)
    is_told = starts == 1 and all(p.name in start for p in free)
    begins = ({},) if is_told else starting_values(c, f, z, most=starts, seed=seed)
    told = [g for g in interchangeable(c) if _are_told_apart(g, {**fixed, **start}, bounds)]
    found = search.best([{**begin, **start} for begin in _all_orders(begins, told)])
    if starts > 1:
        found = _with_members_moved(search, found, c, f, z, starts - 1)
    values = search.values(found)
    ordered = _in_order(c, values, {**fixed, **start}, bounds, f)
    if ordered != values:
        found = search.best([ordered])
    return CircuitFit(circuit=c, spectrum=spectrum, estimate=found, fixed=fixed, weighting=name)


def compare_circuits(spectrum: Spectrum, circuits: Sequence[str | Circuit], **settings: Any) -> tuple[CircuitFit, ...]:
    """Fits of several circuits to one spectrum, the smallest BIC first.

    A difference of BIC of 10 and more is strong evidence for the smaller one, if the noise is random (a systematic
    error makes a larger circuit look better than it is).

    Parameters
    ----------
    spectrum : Spectrum
    circuits : sequence of str or Circuit
    **settings
        As for `fit_circuit`, the same for all.

    Returns
    -------
    tuple of CircuitFit
    """
    return tuple(sorted((fit_circuit(spectrum, c, **settings) for c in circuits), key=lambda fit: fit.bic))


@dataclass(frozen=True, kw_only=True)
class _Search:
    """The search for the values of the free parameters; where it may look, and how it weighs."""

    model: Callable[[Real], tuple[Complex, Complex]]
    measured: Complex
    sizes: Any
    noise: float | None
    free: list[CircuitParameter]
    limits: dict[str, tuple[float, float]]
    fixed: dict[str, float]

    def values(self, found: Estimate) -> dict[str, float]:
        """All parameters."""
        return dict(zip(found.names, found.values.tolist(), strict=True)) | self.fixed

    def best(self, starts: Sequence[Mapping[str, float]]) -> Estimate:
        """The best fit: all starts go some steps, the most promising ones to the end."""
        points = [np.array([np.clip(start[p.name], *self.limits[p.name]) for p in self.free]) for start in starts]
        if len(points) > 1:
            ends = sorted(self._estimate(points, _FIRST_STEPS).starts, key=lambda end: end.chi_squared)
            points = _apart(ends)[:_FINALISTS]
        found = self._estimate(points, _LAST_STEPS)
        ahead = min(found.starts, key=lambda end: end.chi_squared)
        arrived = [end.chi_squared for end in found.starts if end.is_converged]
        if arrived and ahead.chi_squared < (1.0 - _BETTER) * min(arrived):
            # Still on its way, and already better than all that have arrived.
            found = self._estimate([ahead.values], _LAST_STEPS)
        return found

    def _estimate(self, points: list[Real], most: int) -> Estimate:
        """The best of all starts, arrived or not."""
        first = [
            Parameter(
                name=p.name, value=float(v), lower=self.limits[p.name][0], upper=self.limits[p.name][1], unit=p.unit,
                scale="linear" if p.kind == "cpe_exponent" else "log",
            )
            for p, v in zip(self.free, points[0], strict=True)
        ]  # fmt: skip
        try:
            return estimate(
                self.model, self.measured, first, weighting=self.sizes, noise=self.noise, points=points[1:],
                most_evaluations=most,
            )  # fmt: skip
        except ConvergenceError as error:
            if not isinstance(error.iterate, Estimate):
                raise
            return error.iterate


def _apart(ends: Sequence[Start]) -> list[Real]:
    """Where starts have come to; of those at one place the first."""
    kept: list[Start] = []
    for end in ends:
        if all(np.max(np.abs(np.log(end.values / old.values))) > _SAME_PLACE for old in kept):
            kept.append(end)
    return [end.values for end in kept]


def _with_members_moved(search: _Search, found: Estimate, c: Circuit, f: Real, z: Complex, most: int) -> Estimate:
    """The best fit after members have been moved to where the residuals ask for them."""
    for _ in range(_ROUNDS):
        if not found.is_systematic:
            break
        moved = moved_values(c, f, z, search.values(found), within=_WORTH_TRYING)[: min(most, _MOVED)]
        again = search.best([search.values(found), *moved])
        if again.chi_squared > (1.0 - _BETTER) * found.chi_squared:
            break
        found = again
    return found


def _weighted(
    c: Circuit, f: Real, z: Complex, names: list[str], fixed: dict[str, float], weighting: Weighting | ArrayLike
) -> tuple[Callable[[Real], tuple[Complex, Complex]], Complex, Any, str]:
    """Model, measured impedance (in units that make given weights 1), weighting of `estimate`, and its name."""
    omega = 2.0 * np.pi * f

    def plain(values: Real) -> tuple[Complex, Complex]:
        found, slopes = c.evaluate(omega, dict(zip(names, values.tolist(), strict=True)) | fixed)
        return found, np.stack([slopes[name] for name in names], axis=1)

    if isinstance(weighting, str):
        if weighting in ("modulus", "unit"):
            return plain, z, weighting, weighting
        if weighting != "proportional":
            raise InputError(
                f"weighting = {weighting!r}: allowed are 'modulus', 'unit', 'proportional' or standard deviations"
            )
        least = _LEAST_PART * np.abs(z)
        real, imaginary = np.maximum(np.abs(z.real), least), np.maximum(np.abs(z.imag), least)
    else:
        sizes = np.asarray(weighting)
        if sizes.shape != z.shape:
            raise InputError(f"weighting: must be {len(z)} standard deviations, one for each frequency")
        real, imaginary = sizes.real.astype(float), (sizes.imag if np.iscomplexobj(sizes) else sizes).astype(float)
        if not all(np.all(np.isfinite(s) & (s > 0)) for s in (real, imaginary)):
            raise InputError("weighting: standard deviations must be finite and positive")

    def scaled(x: Complex) -> Complex:
        shape = (-1,) + (1,) * (x.ndim - 1)
        return np.asarray(x.real / real.reshape(shape) + 1j * x.imag / imaginary.reshape(shape))

    def model(values: Real) -> tuple[Complex, Complex]:
        found, slopes = plain(values)
        return scaled(found), scaled(slopes)

    return model, scaled(z), "unit", weighting if isinstance(weighting, str) else "given"


def _limits(
    p: CircuitParameter, f: Real, modulus: Real, given: tuple[float | None, float | None] | None
) -> tuple[float, float]:
    """Bounds of a parameter: so wide that the impedance of the element alone is far off anywhere in the spectrum."""
    slow, fast = 2.0 * np.pi * float(f.min()), 2.0 * np.pi * float(f.max())
    low, high = 1e-6 * float(modulus.min()), 1e3 * float(modulus.max())
    exponents = (0.2, 1.0)
    limits = {
        "resistance": (low, high),
        "capacitance": (1.0 / (fast * high), 1.0 / (slow * low)),
        "inductance": (low / fast, high / slow),
        "cpe_prefactor": (
            1.0 / (max(fast**n for n in exponents) * high),
            1.0 / (min(slow**n for n in exponents) * low),
        ),
        "cpe_exponent": exponents,
        "warburg_coefficient": (low * math.sqrt(slow), high * math.sqrt(fast)),
        "time_constant": (1e-3 / fast, 1e3 / slow),
    }
    lower, upper = limits[p.kind]
    if given is not None:
        lower, upper = (old if new is None else float(new) for old, new in zip((lower, upper), given, strict=True))
        if not 0.0 < lower < upper or not math.isfinite(upper) or (p.kind == "cpe_exponent" and upper > 1.0):
            limit = "positive and at most 1" if p.kind == "cpe_exponent" else "positive and finite"
            raise InputError(
                f"bounds of {p.name}: {lower:g} to {upper:g}: must be {limit}, the lower below the upper one"
            )
    return lower, upper


def _lies_in(value: float, limits: tuple[float, float]) -> bool:
    return limits[0] <= value <= limits[1]


def _are_told_apart(group: Sequence[Circuit], named: Mapping[str, float], bounds: Mapping[str, Any]) -> bool:
    """Whether the user says something of one of several interchangeable members that does not hold for all."""
    limits = [[bounds.get(name) for name in m.names] for m in group]
    return any(named.keys() & set(m.names) for m in group) or any(one != limits[0] for one in limits)


def _exchanged(values: Mapping[str, float], group: Sequence[Circuit], order: Sequence[int]) -> dict[str, float]:
    """Values with the members of a group in another order: member k gets those of order[k]."""
    own = [[values[name] for name in group[k].names] for k in order]
    names = [m.names for m in group]
    return {**values, **{n: v for ns, vs in zip(names, own, strict=True) for n, v in zip(ns, vs, strict=True)}}


def _all_orders(
    starts: Sequence[Mapping[str, float]], groups: Sequence[Sequence[Circuit]]
) -> list[Mapping[str, float]]:
    """Starts, and the same with interchangeable members in every other order."""
    out = list(starts)
    for group in groups:
        orders = list(itertools.islice(itertools.permutations(range(len(group))), 6))
        out = [_exchanged(start, group, order) if start else start for start in out for order in orders]
    return out


def _in_order(
    c: Circuit, values: Mapping[str, float], named: Mapping[str, float], bounds: Mapping[str, Any], f: Real
) -> dict[str, float]:
    """Values with interchangeable members in the order of the text, highest apex first, unless told apart."""
    out = dict(values)
    wide = np.geomspace(1e3 * f.max(), 1e-3 * f.min(), 400)

    def apex(member: Circuit) -> float:
        return float(wide[np.argmax(-member.impedance(wide, {name: values[name] for name in member.names}).imag)])

    for group in interchangeable(c):
        if not _are_told_apart(group, named, bounds):
            out = _exchanged(out, group, sorted(range(len(group)), key=lambda k: -apex(group[k])))
    return out
