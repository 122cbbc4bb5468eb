"""One measured sweep: what the instrument said, with every point that is left out and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aspot.errors import InputError
from aspot.spectrum import Spectrum

BoolArray = NDArray[np.bool_]

#: Temperature of a spectrum for which neither the file nor the caller states one [K]; the provenance says so.
ASSUMED_TEMPERATURE_K = 298.15

#: Neighbours over more than this in ln f do not foretell a point: two decades.
_JUDGED_OVER = 4.7


def _read_only(values: ArrayLike, dtype: type) -> NDArray[Any]:
    """Own, contiguous, read-only copy."""
    array: NDArray[Any] = np.array(values, dtype=dtype)
    array.setflags(write=False)
    return array


@dataclass(frozen=True, kw_only=True, eq=False)
class Measurement:
    """One measured sweep over frequency, highest frequency first; all arrays are read-only.

    Points are never deleted: a point that shall not be used carries the reason in `excluded`. On construction, points
    whose impedance is not finite or exactly zero, and every repetition of a frequency, are excluded so.

    Parameters
    ----------
    frequency_Hz : (m,) array_like
        Positive and finite. Any order is accepted and sorted.
    impedance_ohm : (m,) array_like of complex
        Impedance of the cell [ohm]; e^{+j omega t}, so a capacitance has a negative imaginary part.
    excluded : (m,) sequence of str, optional
        Why a point is not to be used; empty text for points that are kept. Default: all are kept.
    is_per_area : bool
        The impedance is already in ohm cm2: normalised by whoever wrote the file.
    temperature_K : float, optional
        Temperature of the sample if known.
    loop : int, optional
        Number of the loop, cycle or sweep in the file.
    label : str
        Name for people: which sweep of which file.
    source, sha256, format : str
        The file, its SHA-256 in hexadecimal, and the format it was read as; empty if there is none.
    metadata : mapping of str to str or number
        What the file says of the measurement: instrument, date, amplitude, electrode area, ... None of it is used in
        computations.
    notes : sequence of str
        What the reader decided or left out.

    Raises
    ------
    InputError
        If shapes differ, or a frequency or the temperature is not positive and finite.

    Examples
    --------
    >>> m = Measurement(frequency_Hz=[1.0, 10.0, 10.0], impedance_ohm=[3 - 1j, 2 - 1j, 2 - 2j])
    >>> m.excluded
    ('', 'frequency occurs again', '')
    >>> m.spectrum(area_cm2=0.5).impedance_ohm_cm2
    array([1. -0.5j, 1.5-0.5j])
    """

    frequency_Hz: NDArray[np.float64]
    impedance_ohm: NDArray[np.complex128]
    excluded: Sequence[str] = ()
    is_per_area: bool = False
    temperature_K: float | None = None
    loop: int | None = None
    label: str = ""
    source: str = ""
    sha256: str = ""
    format: str = ""
    metadata: Mapping[str, str | float] = field(default_factory=dict)
    notes: Sequence[str] = ()

    def __post_init__(self) -> None:
        try:
            f = np.array(self.frequency_Hz, float)
            z = np.array(self.impedance_ohm, complex)
        except (TypeError, ValueError) as exc:
            raise InputError(f"measurement: values must be numbers ({exc})") from None
        if f.ndim != 1 or f.size == 0:
            raise InputError(f"measurement: frequency_Hz must be a list of at least one frequency, got shape {f.shape}")
        if z.shape != f.shape:
            raise InputError(f"measurement: impedance_ohm must have the shape of frequency_Hz {f.shape}, got {z.shape}")
        reasons = [str(reason) for reason in self.excluded] or [""] * f.size
        if isinstance(self.excluded, str) or len(reasons) != f.size:
            raise InputError(f"measurement: excluded must be one reason per point ({f.size}), got {len(reasons)}")
        wrong = ~(np.isfinite(f) & (f > 0))
        if wrong.any():
            raise InputError(f"measurement: frequency_Hz must be finite and positive, got {f[wrong][0]}")
        temperature = self.temperature_K
        if temperature is not None and not (np.isfinite(temperature) and temperature > 0):
            raise InputError(f"measurement: temperature_K must be finite and positive, got {temperature}")
        order = np.argsort(-f, kind="stable")
        f, z = f[order], z[order]
        kept: set[float] = set()
        sorted_reasons = []
        for one, impedance, reason in zip(f.tolist(), z.tolist(), [reasons[i] for i in order], strict=True):
            if not reason and not np.isfinite(impedance):
                reason = "impedance is not a finite number"
            if not reason and impedance == 0:
                reason = "impedance is zero"
            if not reason and one in kept:
                reason = "frequency occurs again"
            if not reason:
                kept.add(one)
            sorted_reasons.append(reason)
        set_ = object.__setattr__
        set_(self, "frequency_Hz", _read_only(f, float))
        set_(self, "impedance_ohm", _read_only(z, complex))
        set_(self, "excluded", tuple(sorted_reasons))
        set_(self, "is_per_area", bool(self.is_per_area))
        set_(self, "temperature_K", None if temperature is None else float(temperature))
        set_(self, "metadata", MappingProxyType(dict(self.metadata)))
        set_(self, "notes", tuple(self.notes))

    def __len__(self) -> int:
        """Number of points, excluded ones included."""
        return int(self.frequency_Hz.size)

    def __repr__(self) -> str:
        f = self.frequency_Hz
        name = f" {self.label!r}" if self.label else ""
        temperature = "" if self.temperature_K is None else f", {self.temperature_K:g} K"
        loop = "" if self.loop is None else f", loop {self.loop}"
        unit = "ohm cm2" if self.is_per_area else "ohm"
        return (
            f"<Measurement{name}: {len(self)} points in {unit}, {f[0]:.4g} Hz to {f[-1]:.4g} Hz, "
            f"{self.n_excluded} excluded{temperature}{loop}>"
        )

    @property
    def is_kept(self) -> BoolArray:
        """Which points are to be used, shape (m,)."""
        return np.array([not reason for reason in self.excluded], bool)

    @property
    def n_excluded(self) -> int:
        """Number of points that carry a reason not to be used."""
        return sum(1 for reason in self.excluded if reason)

    def excluding(self, mask: ArrayLike, reason: str) -> Measurement:
        """A copy in which the kept points of a mask are excluded for a reason; earlier reasons stay.

        Parameters
        ----------
        mask : (m,) array_like of bool
            In the order of `frequency_Hz`, excluded points included.
        reason : str
            Not empty.

        Raises
        ------
        InputError
            If the mask has another shape or is not boolean, or the reason is empty.
        """
        chosen = np.asarray(mask)
        if chosen.dtype != bool or chosen.shape != self.frequency_Hz.shape:
            raise InputError(
                f"measurement: mask must be {len(self)} booleans, got {chosen.dtype} of shape {chosen.shape}"
            )
        if not reason.strip():
            raise InputError("measurement: reason must not be empty")
        reasons = [old or (reason if out else "") for old, out in zip(self.excluded, chosen.tolist(), strict=True)]
        return replace(self, excluded=tuple(reasons))

    def restricted(self, minimum_Hz: float = 0.0, maximum_Hz: float = np.inf) -> Measurement:
        """A copy in which points outside the closed range [minimum_Hz, maximum_Hz] (give or take 1e-9) are excluded.

        Raises
        ------
        InputError
            If no kept point is left.
        """
        f = self.frequency_Hz
        below, above = f < minimum_Hz * (1 - 1e-9), f > maximum_Hz * (1 + 1e-9)
        if not (~below & ~above & self.is_kept).any():
            raise InputError(
                f"measurement: no kept point between {minimum_Hz:g} and {maximum_Hz:g} Hz; "
                f"it covers {f[-1]:g} to {f[0]:g} Hz"
            )
        return self.excluding(below, f"below {minimum_Hz:g} Hz").excluding(above, f"above {maximum_Hz:g} Hz")

    def excluding_inductive(self) -> Measurement:
        """A copy without the inductive tail: the points at the high-frequency end where Im Z > 0.

        The tail is the longest stretch from the highest kept frequency down that ends with Im Z > 0 and in which more
        than half of the points have Im Z > 0 (a single point of the other sign by noise does not end it). An
        inductive loop at low frequencies stays.
        """
        kept = np.flatnonzero(self.is_kept)
        is_inductive = self.impedance_ohm.imag[kept] > 0
        share = np.cumsum(is_inductive) / np.arange(1, kept.size + 1)
        ends = np.flatnonzero(is_inductive & (share > 0.5))
        mask = np.zeros(len(self), bool)
        if ends.size:
            mask[kept[: ends[-1] + 1]] = True
        return self.excluding(mask, "inductive tail: Im Z > 0 at high frequency")

    def excluding_outliers(self, largest_deviation: float = 0.05) -> Measurement:
        """A copy without single points that are off the course of their neighbours.

        One point goes at a time, then the rest is judged anew. The first and the last point are not judged, nor points
        whose neighbours are farther than two decades apart. This finds glitches, not drift: see the Kramers-Kronig
        test for that.

        Parameters
        ----------
        largest_deviation : float
            Distance from the cubic through two neighbours on either side (in ln f), relative to their median modulus.

        Raises
        ------
        InputError
            If the deviation is not positive, or more than a fifth of the points would go: those are no outliers.
        """
        if not (np.isfinite(largest_deviation) and largest_deviation > 0):
            raise InputError(f"largest_deviation: must be finite and positive, got {largest_deviation}")
        kept = np.flatnonzero(self.is_kept)
        most = kept.size // 5
        mask = np.zeros(len(self), bool)
        while True:
            deviation = _deviation(np.log(self.frequency_Hz[kept]), self.impedance_ohm[kept])
            if not deviation.size or deviation.max() <= largest_deviation:
                break
            if mask.sum() == most:
                raise InputError(
                    f"{self._name}: more than a fifth of the points is off their neighbours by more than "
                    f"{largest_deviation:g}: no outliers; largest_deviation must be above {deviation.max():.2g}"
                )
            # A glitch throws its neighbours off too: of these the one without which the rest is smoothest.
            worst = int(np.argmax(deviation))
            suspects = [i for i in range(max(worst - 3, 0), min(worst + 4, kept.size)) if deviation[i] > 0]
            without = [np.delete(kept, i) for i in suspects]
            left = [np.sum(_deviation(np.log(self.frequency_Hz[w]), self.impedance_ohm[w]) ** 2) for w in without]
            best = int(np.argmin(left))
            mask[kept[suspects[best]]] = True
            kept = without[best]
        return self.excluding(mask, f"outlier: more than {100 * largest_deviation:g} % off its neighbours")

    def spectrum(self, area_cm2: float | None = None, *, temperature_K: float | None = None) -> Spectrum:
        """The kept points as an area-specific spectrum [ohm cm2].

        Parameters
        ----------
        area_cm2 : float, optional
            Geometric electrode area [cm2]. Required, unless the file is already normalised: then it must be absent.
        temperature_K : float, optional
            Default: the measurement's, else 298.15 K; the provenance says which.

        Returns
        -------
        Spectrum
            Its provenance lists source, digest and format of the file, area, temperature and where it is from, and
            every excluded point with its reason.

        Raises
        ------
        InputError
            If the area is missing, given twice or not positive and finite, or no point is kept.
        """
        if self.is_per_area and area_cm2 is not None:
            raise InputError(f"area_cm2: must be absent, {self._name} is already in ohm cm2, got {area_cm2}")
        if not self.is_per_area and area_cm2 is None:
            stated = self.metadata.get("area_cm2")
            hint = f" (the file states {stated:g} cm2)" if isinstance(stated, float) else ""
            raise InputError(f"area_cm2: the geometric electrode area of {self._name} is needed{hint}")
        if area_cm2 is not None and not (np.isfinite(area_cm2) and area_cm2 > 0):
            raise InputError(f"area_cm2: must be finite and positive, got {area_cm2}")
        keep = self.is_kept
        if not keep.any():
            raise InputError(f"{self._name}: every point is excluded; the first because: {self.excluded[0]}")
        origin, temperature = "argument", temperature_K
        if temperature is None:
            origin, temperature = "file", self.temperature_K
        if temperature is None:
            origin, temperature = "assumed", ASSUMED_TEMPERATURE_K
        with np.errstate(over="ignore"):
            z = self.impedance_ohm[keep] * (1.0 if area_cm2 is None else float(area_cm2))
        provenance = {
            "kind": "measured",
            "source": self.source,
            "sha256": self.sha256,
            "format": self.format,
            "label": self.label,
            "loop": self.loop,
            "area_cm2": None if area_cm2 is None else float(area_cm2),
            "temperature_from": origin,
            "excluded": [
                {"frequency_Hz": f, "reason": reason}
                for f, reason in zip(self.frequency_Hz.tolist(), self.excluded, strict=True)
                if reason
            ],
            "notes": list(self.notes),
            "metadata": dict(self.metadata),
        }
        return Spectrum(
            frequency_Hz=self.frequency_Hz[keep], impedance_ohm_cm2=z, temperature_K=temperature, provenance=provenance
        )

    @property
    def _name(self) -> str:
        """For messages."""
        return self.label or (Path(self.source).name if self.source else "the measurement")


def _deviation(x: NDArray[np.float64], z: NDArray[np.complex128]) -> NDArray[np.float64]:
    """Distance of each point from the cubic through its neighbours, over their modulus; 0 where it is not judged."""
    n = x.size
    out = np.zeros(n)
    if n < 5:
        return out
    middle = np.arange(1, n - 1)
    window = np.clip(middle - 2, 0, n - 5)[:, None] + np.arange(5)
    neighbours = window[window != middle[:, None]].reshape(-1, 4)
    xs, itself = x[neighbours], np.eye(4, dtype=bool)
    span = np.where(itself, 1.0, xs[:, :, None] - xs[:, None, :])
    weights = np.prod(np.where(itself, 1.0, (x[middle][:, None, None] - xs[:, None, :]) / span), axis=2)  # Lagrange
    expected = np.sum(weights * z[neighbours], axis=1)
    is_judged = np.ptp(xs, axis=1) < _JUDGED_OVER
    size = np.median(np.abs(z[neighbours]), axis=1)
    # Near the ends an error of a neighbour counts more; there a point must be farther off.
    certainty = np.minimum(np.sqrt(2 / (1 + np.sum(weights**2, axis=1))), 1.0)
    out[middle] = np.where(is_judged, certainty * np.abs(z[middle] - expected) / size, 0.0)
    return out
