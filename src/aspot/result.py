"""What a simulation returns: numbers with error bars, the spectrum, and the field on demand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from dataclasses import field as default
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aspot.errors import InputError
from aspot.field import Field
from aspot.spectrum import Spectrum

if TYPE_CHECKING:
    from aspot.cell import Cell


@dataclass(frozen=True, kw_only=True)
class Resistances:
    """Exact partition of the direct-current resistance, all in ohm cm2 of geometric electrode area.

    total = SE + int_, int_ = constriction + ct + interphase + layers + ...; every part >= 0.

    Parameters
    ----------
    total : float
        Z(omega -> 0).
    SE : float
        Same pellet between completely covered, perfect contacts.
    int_ : float
        total - SE: what a circuit fit calls the interface arc.
    cc : float
        Power dissipated in the electrolyte over I^2, minus SE: constriction.
    ct : float
        Power dissipated in charge transfer at contacts over I^2.
    static : float
        Part of cc that remains with perfect contact over the whole working electrode (electrode smaller than pellet).
    parts : mapping of str to float
        Named exact partition, summing to `total` ("SE", "constriction", "charge_transfer", "interphase", layers, ...).
    split : mapping of str to float
        Further, informative split of SE (bulk and grain boundaries); does not add to the sum of `parts`.
    total_interval : (low, high) or None
        Guaranteed for the discrete geometry; None where the backend has none.
    """

    total: float
    SE: float
    int_: float
    cc: float
    ct: float
    static: float = 0.0
    parts: Mapping[str, float] = default(default_factory=dict)
    split: Mapping[str, float] = default(default_factory=dict)
    total_interval: tuple[float, float] | None = None

    @property
    def dynamic(self) -> float:
        """Dynamic part, cc - static: what pores short-circuit at high frequency [ohm cm2]."""
        return self.cc - self.static

    def to_dict(self) -> dict[str, Any]:
        """All of it but the interval, by the names in `summary.json` and in the data sets of sweeps."""
        return {
            "R_total_ohm_cm2": self.total,
            "R_SE_ohm_cm2": self.SE,
            "R_int_ohm_cm2": self.int_,
            "R_cc_ohm_cm2": self.cc,
            "R_ct_ohm_cm2": self.ct,
            "R_static_ohm_cm2": self.static,
            "R_parts_ohm_cm2": dict(self.parts),
            "R_SE_split_ohm_cm2": dict(self.split),
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class InterfaceArc:
    """Arc of the excess impedance Z(omega) - Z(omega; perfect contact over the whole electrode).

    Parameters
    ----------
    apex_frequency_Hz : float
        Where -Im of the excess impedance peaks.
    C_int_F_per_cm2 : float
        1/(2 pi apex_frequency R_int).
    resistance_ohm_cm2 : float
        R_arc, the excess impedance at omega -> 0: R_int without R_static.
    excess_impedance_ohm_cm2 : (m,) complex, optional
        At the frequencies of the spectrum.
    """

    apex_frequency_Hz: float
    C_int_F_per_cm2: float
    resistance_ohm_cm2: float
    excess_impedance_ohm_cm2: NDArray[np.complex128] | None = default(default=None, repr=False)

    @property
    def capacitance_F_per_cm2(self) -> float:
        """C_arc = 1/(2 pi apex_frequency R_arc): what a circuit fit finds, also beside a static constriction."""
        return 1.0 / (2.0 * np.pi * self.apex_frequency_Hz * self.resistance_ohm_cm2)


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """Everything that a simulation found out about a Cell.

    Parameters
    ----------
    cell : Cell
    spectrum : Spectrum
    resistances : Resistances
    arc : InterfaceArc or None
        None if the interface makes no arc.
    backend : str
    degrees_of_freedom : int
    full_solves : int
    solver : mapping
        "solves": from method (see `aspot.fem.linear.Method`) to how many systems of the finest level it solved;
        "most_iterations": of any of them (0: all direct).
    seconds : mapping of str to float
        Wall-clock time by stage [s].
    relative_error_estimate : float
        Largest relative error of Z over all frequencies and at direct current (of R_total).
    error_by_frequency : (m,) float
    contact_fraction : float
    truncation_depth_m : float or None
        Depth of electrolyte modelled; None if all of it is.
    truncation_relative_error : float
        Relative change of Z by cutting there.
    fields : tuple of Field
        At the frequencies asked for; default: lowest and highest.
    versions : mapping of str to str
    field_at : callable
        frequency [Hz] -> Field, from the solution kept.
    model : object
        The solved cell (`aspot.compose.SolvedCell`), for `aspot.analysis.sensitivity`.
    """

    cell: Cell
    spectrum: Spectrum
    resistances: Resistances
    arc: InterfaceArc | None
    backend: str
    degrees_of_freedom: int
    full_solves: int
    seconds: Mapping[str, float]
    relative_error_estimate: float
    error_by_frequency: NDArray[np.float64]
    contact_fraction: float
    truncation_depth_m: float | None = None
    truncation_relative_error: float = 0.0
    fields: tuple[Field, ...] = ()
    versions: Mapping[str, str] = default(default_factory=dict)
    solver: Mapping[str, object] = default(default_factory=dict)
    field_at: Callable[[float], Field] | None = default(default=None, repr=False)
    model: object = default(default=None, repr=False)

    def field(self, frequency_Hz: float) -> Field:
        """Potential and current density at a frequency [Hz]; 0 is direct current.

        Raises
        ------
        InputError
            If the frequency is negative or not finite, or the backend keeps no field.
        """
        if not (np.isfinite(frequency_Hz) and frequency_Hz >= 0):
            raise InputError(f"frequency_Hz must be finite and not negative, got {frequency_Hz}")
        for known in self.fields:
            if known.frequency_Hz == frequency_Hz:
                return known
        if self.field_at is None:
            raise InputError(f"the {self.backend} backend keeps no field of this cell")
        return self.field_at(float(frequency_Hz))

    def __repr__(self) -> str:
        r = self.resistances
        return (
            f"<Result {self.cell.name!r}: R_total {r.total:.5g} ohm cm2 = R_SE {r.SE:.5g} + R_int "
            f"{r.int_:.5g}, relative error {self.relative_error_estimate:.1e}, {self.backend}>"
        )
