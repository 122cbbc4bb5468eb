"""The answer: an area-specific impedance spectrum that knows where it came from and nothing of how it was solved."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aspot.errors import InputError

#: Header line of a spectrum file.
CSV_HEADER = "frequency_Hz,Z_real_ohm_cm2,Z_imag_ohm_cm2"

_FORMAT = "aspot-spectrum"
_FORMAT_VERSION = 1


def _read_only(values: ArrayLike, dtype: type) -> NDArray[Any]:
    """Own, contiguous, read-only copy."""
    array: NDArray[Any] = np.array(values, dtype=dtype)
    array.setflags(write=False)
    return array


@dataclass(frozen=True, kw_only=True, eq=False)
class Spectrum:
    """Area-specific impedance over frequency, highest frequency first; all arrays are read-only.

    Parameters
    ----------
    frequency_Hz : (m,) array_like
        Positive, finite, distinct. Any order is accepted and sorted.
    impedance_ohm_cm2 : (m,) array_like of complex
        Impedance times geometric electrode area; e^{+j omega t}, so a capacitance has a negative imaginary part.
    temperature_K : float
        Positive.
    relative_error : float or (m,) array_like
        Estimated relative error of the impedance; NaN where it is unknown.
    provenance : mapping
        What made it: digest of the case, versions, backend, error estimates. Values that JSON can hold.

    Raises
    ------
    InputError
        If a value is not finite, a frequency is not positive or occurs twice, or shapes differ.

    Examples
    --------
    >>> s = Spectrum(frequency_Hz=[1.0, 10.0], impedance_ohm_cm2=[3 - 1j, 2 - 1j], temperature_K=298.15)
    >>> s.frequency_Hz
    array([10.,  1.])
    """

    frequency_Hz: NDArray[np.float64]
    impedance_ohm_cm2: NDArray[np.complex128]
    temperature_K: float
    relative_error: NDArray[np.float64] | float = np.nan
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        try:
            f = np.array(self.frequency_Hz, float)
            z = np.array(self.impedance_ohm_cm2, complex)
            error = np.array(self.relative_error, float)
            temperature = float(self.temperature_K)
        except (TypeError, ValueError) as exc:
            raise InputError(f"spectrum: values must be numbers ({exc})") from None
        if f.ndim != 1 or f.size == 0:
            raise InputError(f"spectrum: frequency_Hz must be a list of at least one frequency, got shape {f.shape}")
        if z.shape != f.shape:
            raise InputError(
                f"spectrum: impedance_ohm_cm2 must have the shape of frequency_Hz {f.shape}, got {z.shape}"
            )
        if error.ndim and error.shape != f.shape:
            raise InputError(f"spectrum: relative_error must be one number or of shape {f.shape}, got {error.shape}")
        wrong = ~(np.isfinite(f) & (f > 0))
        if wrong.any():
            raise InputError(f"spectrum: frequency_Hz must be finite and positive, got {f[wrong][0]}")
        if not np.all(np.isfinite(z)):
            bad = int(np.argmin(np.isfinite(z)))
            raise InputError(f"spectrum: impedance_ohm_cm2 must be finite, got {z[bad]} at {f[bad]:g} Hz")
        if np.any(error < 0) or np.any(np.isinf(error)):
            raise InputError("spectrum: relative_error must be finite and not negative (or NaN where unknown)")
        if not (np.isfinite(temperature) and temperature > 0):
            raise InputError(f"spectrum: temperature_K must be finite and positive, got {temperature}")
        order = np.argsort(-f, kind="stable")
        if np.any(np.diff(f[order]) == 0):
            twice = f[order][1:][np.diff(f[order]) == 0][0]
            raise InputError(f"spectrum: frequency_Hz must be distinct, got {twice:g} Hz twice")
        set_ = object.__setattr__
        set_(self, "frequency_Hz", _read_only(f[order], float))
        set_(self, "impedance_ohm_cm2", _read_only(z[order], complex))
        set_(self, "temperature_K", temperature)
        set_(self, "relative_error", _read_only(error[order], float) if error.ndim else float(error))
        set_(self, "provenance", MappingProxyType(dict(self.provenance)))

    def __len__(self) -> int:
        return int(self.frequency_Hz.size)

    def __eq__(self, other: object) -> bool:
        """Same numbers, bit for bit; provenance does not count."""
        if not isinstance(other, Spectrum):
            return NotImplemented
        return (
            np.array_equal(self.frequency_Hz, other.frequency_Hz)
            and np.array_equal(self.impedance_ohm_cm2, other.impedance_ohm_cm2)
            and self.temperature_K == other.temperature_K
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        f, z = self.frequency_Hz, self.impedance_ohm_cm2
        error = f", error {self.largest_relative_error:.1e}" if np.isfinite(self.largest_relative_error) else ""
        return (
            f"<Spectrum: {len(self)} frequencies, {f[0]:.4g} Hz ({z[0]:.5g} ohm cm2) to "
            f"{f[-1]:.4g} Hz ({z[-1]:.5g} ohm cm2), {self.temperature_K:g} K{error}>"
        )

    @property
    def omega(self) -> NDArray[np.float64]:
        """Angular frequencies [rad/s], shape (m,)."""
        return 2 * np.pi * self.frequency_Hz

    @property
    def admittance_S_per_cm2(self) -> NDArray[np.complex128]:
        """Admittance per geometric area [S/cm2], shape (m,)."""
        return 1.0 / self.impedance_ohm_cm2

    @property
    def errors(self) -> NDArray[np.float64]:
        """Relative error at every frequency, shape (m,); NaN where unknown."""
        return np.broadcast_to(np.asarray(self.relative_error, float), self.frequency_Hz.shape)

    @property
    def largest_relative_error(self) -> float:
        """Largest known relative error; NaN if none is known."""
        known = self.errors[np.isfinite(self.errors)]
        return float(known.max()) if known.size else float("nan")

    def restricted(self, minimum_Hz: float = 0.0, maximum_Hz: float = np.inf) -> Spectrum:
        """A copy with the frequencies of the closed range [minimum_Hz, maximum_Hz], give or take rounding (1e-9).

        Raises
        ------
        InputError
            If no frequency is left.
        """
        keep = (self.frequency_Hz >= minimum_Hz * (1 - 1e-9)) & (self.frequency_Hz <= maximum_Hz * (1 + 1e-9))
        if not keep.any():
            raise InputError(
                f"spectrum: no frequency between {minimum_Hz:g} and {maximum_Hz:g} Hz; "
                f"it covers {self.frequency_Hz[-1]:g} to {self.frequency_Hz[0]:g} Hz"
            )
        return Spectrum(
            frequency_Hz=self.frequency_Hz[keep],
            impedance_ohm_cm2=self.impedance_ohm_cm2[keep],
            temperature_K=self.temperature_K,
            relative_error=self.relative_error if np.ndim(self.relative_error) == 0 else self.errors[keep],
            provenance=self.provenance,
        )

    def has_frequencies_of(self, other: Spectrum) -> bool:
        """Whether two spectra have the same frequencies, give or take rounding (1e-9)."""
        f, g = self.frequency_Hz, other.frequency_Hz
        return f.shape == g.shape and bool(np.all(np.abs(g / f - 1) <= 1e-9))

    def relative_difference(self, other: Spectrum) -> NDArray[np.float64]:
        """|Z_other - Z| / |Z| at every frequency, shape (m,).

        Raises
        ------
        InputError
            If the frequencies differ by more than 1e-9 of themselves: nothing is interpolated.
        """
        if not self.has_frequencies_of(other):
            raise InputError(
                f"spectra to compare must have the same frequencies, got {len(self)} and {len(other)} points"
            )
        return np.asarray(np.abs(other.impedance_ohm_cm2 / self.impedance_ohm_cm2 - 1))

    # Files ----------------------------------------------------------------------------------------------------------

    def to_csv(self, path: str | Path | None = None) -> str:
        """The spectrum as CSV text, with enough digits to read back the same numbers; also written if a path is given.

        The header line is `frequency_Hz,Z_real_ohm_cm2,Z_imag_ohm_cm2`, the highest frequency comes first.
        """
        lines = [CSV_HEADER]
        for f, z in zip(self.frequency_Hz.tolist(), self.impedance_ohm_cm2.tolist(), strict=True):
            lines.append(f"{f!r},{z.real!r},{z.imag!r}")
        text = "\n".join(lines) + "\n"
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    @classmethod
    def from_csv(cls, path: str | Path, *, temperature_K: float = 298.15) -> Spectrum:
        """Read what `to_csv` wrote.

        Parameters
        ----------
        path : str or Path
        temperature_K : float
            The file does not hold it.

        Raises
        ------
        InputError
            If the file cannot be read, its header differs, or a line does not hold three finite numbers.
        """
        rows = csv.reader(io.StringIO(_text(path)))
        header = next(rows, [])
        if [h.strip() for h in header] != CSV_HEADER.split(","):
            raise InputError(f"{path}: first line must be {CSV_HEADER!r}, got {','.join(header)[:80]!r}")
        numbers = []
        for row in rows:
            if not row:
                continue
            try:
                f, re, im = (float(v) for v in row)
            except ValueError:
                raise InputError(
                    f"{path}, line {rows.line_num}: three numbers expected, got {','.join(row)[:80]!r}"
                ) from None
            numbers.append((f, re, im))
        if not numbers:
            raise InputError(f"{path}: no data after the header")
        table = np.array(numbers)
        return cls._from_file(path, table[:, 0], _complex(table[:, 1], table[:, 2]), temperature_K, np.nan, {})

    def to_json(self, path: str | Path | None = None) -> str:
        """The spectrum with temperature, errors and provenance as strict JSON (unknown numbers are null).

        Raises
        ------
        InputError
            If the provenance holds what JSON cannot hold.
        """
        errors: Any = self.relative_error
        if np.ndim(errors):
            errors = [e if np.isfinite(e) else None for e in self.errors.tolist()]
        elif not np.isfinite(errors):
            errors = None
        document = {
            "format": _FORMAT,
            "format_version": _FORMAT_VERSION,
            "temperature_K": self.temperature_K,
            "frequency_Hz": self.frequency_Hz.tolist(),
            "Z_real_ohm_cm2": self.impedance_ohm_cm2.real.tolist(),
            "Z_imag_ohm_cm2": self.impedance_ohm_cm2.imag.tolist(),
            "relative_error": errors,
            "provenance": dict(self.provenance),
        }
        try:
            text = json.dumps(document, indent=1, allow_nan=False)
        except (TypeError, ValueError) as exc:
            raise InputError(f"spectrum: provenance must hold what JSON can hold: {exc}") from None
        if path is not None:
            Path(path).write_text(text + "\n", encoding="utf-8")
        return text

    @classmethod
    def from_json(cls, path: str | Path) -> Spectrum:
        """Read what `to_json` wrote.

        Raises
        ------
        InputError
            If the file is not such a spectrum.
        """
        try:
            document = json.loads(_text(path))
        except json.JSONDecodeError as exc:
            raise InputError(f"{path}: not JSON: {exc}") from None
        if not isinstance(document, dict) or document.get("format") != _FORMAT:
            raise InputError(f"{path}: not a spectrum written by aspot (format must be {_FORMAT!r})")
        if document.get("format_version") != _FORMAT_VERSION:
            raise InputError(
                f"{path}: format_version must be {_FORMAT_VERSION}, got {document.get('format_version')!r}"
            )
        try:
            z = _complex(np.array(document["Z_real_ohm_cm2"], float), np.array(document["Z_imag_ohm_cm2"], float))
            errors = document["relative_error"]
            errors = np.nan if errors is None else np.array(errors, float)
            f, temperature, provenance = document["frequency_Hz"], document["temperature_K"], document["provenance"]
        except KeyError as exc:
            raise InputError(f"{path}: key {exc} is missing") from None
        except (TypeError, ValueError) as exc:
            raise InputError(f"{path}: {exc}") from None
        return cls._from_file(path, f, z, temperature, errors, provenance)

    @classmethod
    def _from_file(
        cls, path: str | Path, f: ArrayLike, z: ArrayLike, temperature: float, errors: ArrayLike, provenance: Any
    ) -> Spectrum:
        try:
            return cls(
                frequency_Hz=np.asarray(f, float),
                impedance_ohm_cm2=np.asarray(z, complex),
                temperature_K=temperature,
                relative_error=np.asarray(errors, float),
                provenance=provenance,
            )
        except (InputError, TypeError, ValueError) as exc:
            raise InputError(f"{path}: {exc}") from None


def _complex(real: NDArray[np.float64], imaginary: NDArray[np.float64]) -> NDArray[np.complex128]:
    """Complex numbers from their parts, silent about infinities: they are refused with the file's name."""
    with np.errstate(invalid="ignore"):
        return real + 1j * imaginary


def _text(path: str | Path) -> str:
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        raise InputError(f"{path}: cannot be read: {exc}") from None
