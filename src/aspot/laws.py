"""Immittance laws of angular frequency and temperature.

A law gives the admittivity of a volume [S/m] or the admittance per area of an interface [S/m2], for e^(+j omega t).
Every law is passive (Re >= 0) and finite at omega = 0. Each states its closed form in `formula`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.constants import Boltzmann, epsilon_0

from aspot.errors import InputError

ComplexArray = NDArray[np.complex128]
FloatArray = NDArray[np.float64]

ROOM_TEMPERATURE_K = 298.15


@runtime_checkable
class Law(Protocol):
    """What every law offers."""

    def __call__(self, omega: ArrayLike, temperature: float) -> ComplexArray:
        """Value at angular frequencies [rad/s] and a temperature [K]; same shape as `omega`; [S/m] or [S/m2]."""
        ...

    def parts(self, omega: ArrayLike, temperature: float) -> dict[str, ComplexArray]:
        """Impedances in series, by name, whose sum is one over the law [ohm m or ohm m2]."""
        ...


def _check(name: str, value: float, *, zero: bool = False) -> None:
    if not (np.isfinite(value) and (value > 0 or (zero and value == 0))):
        raise InputError(f"{name} = {value!r}: must be finite and {'not negative' if zero else 'positive'}")


@dataclass(frozen=True, kw_only=True)
class Activated:
    """A conductance-like quantity with Arrhenius temperature dependence.

    form "sigma":    v(T) = v0 exp(-Ea/k (1/T - 1/T0))
    form "sigma T":  v(T) = v0 (T0/T) exp(-Ea/k (1/T - 1/T0))

    Parameters
    ----------
    value : float
        At the reference temperature.
    activation_energy_J : float
        Per particle.
    reference_temperature_K : float
    form : "sigma" or "sigma T"
        Which product is exponential in 1/T.
    """

    value: float
    activation_energy_J: float = 0.0
    reference_temperature_K: float = ROOM_TEMPERATURE_K
    form: Literal["sigma", "sigma T"] = "sigma"

    def __post_init__(self) -> None:
        _check("value", self.value)
        if self.form not in ("sigma", "sigma T"):
            raise InputError(f"form = {self.form!r}: allowed are 'sigma' and 'sigma T'")
        _check("activation_energy_J", self.activation_energy_J, zero=True)
        _check("reference_temperature_K", self.reference_temperature_K)

    def at(self, temperature: float) -> float:
        """Value at a temperature [K]."""
        reference = self.reference_temperature_K
        factor = np.exp(-self.activation_energy_J / Boltzmann * (1.0 / temperature - 1.0 / reference))
        if self.form == "sigma T":
            factor *= reference / temperature
        return float(self.value * factor)


@dataclass(frozen=True, kw_only=True)
class Conductor:
    """Homogeneous conductor and dielectric, kappa = sigma(T) + j omega eps0 eps_r [S/m]."""

    conductivity: Activated
    permittivity: float
    name: str = "bulk"
    formula: ClassVar[str] = "kappa = sigma(T) + j w eps0 eps_r"

    def __post_init__(self) -> None:
        _check("permittivity", self.permittivity, zero=True)

    def __call__(self, omega: ArrayLike, temperature: float) -> ComplexArray:
        """Admittivity [S/m]."""
        return self.conductivity.at(temperature) + 1j * np.asarray(omega, float) * epsilon_0 * self.permittivity

    def parts(self, omega: ArrayLike, temperature: float) -> dict[str, ComplexArray]:
        """One part, under its own name [ohm m]."""
        return {self.name: 1.0 / self(omega, temperature)}


@dataclass(frozen=True, kw_only=True)
class ResistorCapacitor:
    """Resistance parallel to a capacitance or CPE, per area: y = 1/R(T) + Q (j omega)^n [S/m2].

    Parameters
    ----------
    conductance : Activated
        1/R [S/m2].
    cpe_prefactor : float
        Q [S s^n / m2]; for n = 1 the capacitance [F/m2].
    cpe_exponent : float
        n, above 0 and up to 1; the principal branch of (j omega)^n.
    """

    conductance: Activated
    cpe_prefactor: float = 0.0
    cpe_exponent: float = 1.0
    name: str = "charge_transfer"
    formula: ClassVar[str] = "y = 1/R(T) + Q (j w)^n"

    def __post_init__(self) -> None:
        if not 0.0 < self.cpe_exponent <= 1.0:
            raise InputError(f"cpe_exponent = {self.cpe_exponent!r}: must be above 0 and at most 1")
        _check("cpe_prefactor", self.cpe_prefactor, zero=True)

    def __call__(self, omega: ArrayLike, temperature: float) -> ComplexArray:
        """Admittance per area [S/m2]."""
        omega = np.asarray(omega, float)
        # (j w)^n written out: exactly passive, and exactly 0 at w = 0.
        angle = 0.5 * np.pi * self.cpe_exponent
        # For n = 1 the cosine would leave a rounding error that grows with frequency.
        direction = 1j if self.cpe_exponent == 1.0 else complex(np.cos(angle), np.sin(angle))
        y = self.conductance.at(temperature) + self.cpe_prefactor * omega**self.cpe_exponent * direction
        return np.asarray(y, complex)

    def parts(self, omega: ArrayLike, temperature: float) -> dict[str, ComplexArray]:
        """One part, under its own name [ohm m2]."""
        return {self.name: 1.0 / self(omega, temperature)}


def _inverse(y: ComplexArray) -> ComplexArray:
    """1/y, and infinity where nothing flows."""
    z = np.full(y.shape, complex(np.inf, 0.0))
    np.divide(1.0, y, out=z, where=y != 0)
    return z


@dataclass(frozen=True, kw_only=True)
class Gap:
    """Thin insulating gap between metal and electrolyte: y = j omega eps0 eps_r / d [S/m2]."""

    thickness_m: float
    permittivity: float = 1.0
    name: str = "gap"
    formula: ClassVar[str] = "y = j w eps0 eps_r / d"

    def __post_init__(self) -> None:
        _check("thickness_m", self.thickness_m)
        _check("permittivity", self.permittivity)

    def __call__(self, omega: ArrayLike, temperature: float) -> ComplexArray:
        """Admittance per area [S/m2]."""
        return 1j * np.asarray(omega, float) * (epsilon_0 * self.permittivity / self.thickness_m)

    def parts(self, omega: ArrayLike, temperature: float) -> dict[str, ComplexArray]:
        """One part, under its own name; infinite at omega = 0 [ohm m2]."""
        return {self.name: _inverse(self(omega, temperature))}


@dataclass(frozen=True, kw_only=True)
class FilledGap:
    """Gap of which a layer holds another phase: 1/y = share d/kappa_fill + (1 - share) d/(j omega eps0 eps_r).

    Parameters
    ----------
    thickness_m : float
        d, of both together.
    filling : Law
        Admittivity of the phase that fills the part `share` of the height [S/m].
    share : float
        Above 0 and up to 1.
    permittivity : float
        eps_r of the rest.
    """

    thickness_m: float
    filling: Law
    share: float = 1.0
    permittivity: float = 1.0
    name: str = "gap"
    formula: ClassVar[str] = "1/y = share d / kappa_fill + (1 - share) d / (j w eps0 eps_r)"

    def __post_init__(self) -> None:
        _check("thickness_m", self.thickness_m)
        _check("permittivity", self.permittivity)
        if not 0.0 < self.share <= 1.0:
            raise InputError(f"share = {self.share!r}: must be above 0 and at most 1")

    def __call__(self, omega: ArrayLike, temperature: float) -> ComplexArray:
        """Admittance per area [S/m2]."""
        fill = self.filling(omega, temperature)
        rest = 1j * np.asarray(omega, float) * (epsilon_0 * self.permittivity)
        # As a quotient of products: neither phase may block, and at omega = 0 one or both do.
        across = self.share * rest + (1.0 - self.share) * fill
        blocked = across == 0
        y = fill * np.where(self.share == 1.0, 1.0, rest / np.where(blocked, 1.0, across)) / self.thickness_m
        return np.asarray(np.where(blocked & (self.share < 1.0), 0.0, y), complex)

    def parts(self, omega: ArrayLike, temperature: float) -> dict[str, ComplexArray]:
        """One part, under its own name; infinite where nothing flows [ohm m2]."""
        return {self.name: _inverse(self(omega, temperature))}


@dataclass(frozen=True, kw_only=True)
class Series:
    """Laws in series, 1/y = sum 1/y_k; its parts are those of its members."""

    members: tuple[Law, ...]
    formula: ClassVar[str] = "1/y = sum_k 1/y_k"

    def __post_init__(self) -> None:
        if not self.members:
            raise InputError("members: a series needs at least one law")

    def __call__(self, omega: ArrayLike, temperature: float) -> ComplexArray:
        """Admittance of the series; 0 where a member blocks [S/m or S/m2]."""
        values = [np.asarray(m(omega, temperature), complex) for m in self.members]
        blocked = np.any([y == 0 for y in values], axis=0)
        z = sum(1.0 / np.where(blocked, 1.0, y) for y in values)
        return np.asarray(np.where(blocked, 0.0, 1.0 / z), complex)

    def parts(self, omega: ArrayLike, temperature: float) -> dict[str, ComplexArray]:
        """Parts of all members [ohm m or ohm m2]."""
        out: dict[str, ComplexArray] = {}
        for member in self.members:
            for name, z in member.parts(omega, temperature).items():
                out[name] = out[name] + z if name in out else z
        return out


@dataclass(frozen=True, kw_only=True)
class BrickLayer:
    """Grains in series with their boundaries, 1/kappa = 1/kappa_bulk + z_gb / grain size.

    Parameters
    ----------
    bulk : Law
        Admittivity of the grains [S/m].
    boundary : Law
        Admittance per area of ONE boundary [S/m2].
    grain_size_m : float
    """

    bulk: Law
    boundary: Law
    grain_size_m: float
    formula: ClassVar[str] = "1/kappa = 1/kappa_bulk + z_gb / grain_size"

    def __post_init__(self) -> None:
        _check("grain_size_m", self.grain_size_m)

    def __call__(self, omega: ArrayLike, temperature: float) -> ComplexArray:
        """Effective admittivity [S/m]."""
        z = 1.0 / self.bulk(omega, temperature) + 1.0 / (self.boundary(omega, temperature) * self.grain_size_m)
        return np.asarray(1.0 / z, complex)

    def parts(self, omega: ArrayLike, temperature: float) -> dict[str, ComplexArray]:
        """Impedances named "bulk" and "grain_boundaries" [ohm m]."""
        return {
            "bulk": 1.0 / self.bulk(omega, temperature),
            "grain_boundaries": 1.0 / (self.boundary(omega, temperature) * self.grain_size_m),
        }


class GrainResponse(Protocol):
    """How grains of some shape and their boundaries share the current."""

    @property
    def elements(self) -> FloatArray:
        """Rows (c, l, m), all of them >= 0, shape (K, 3): see `PolycrystalMedium`."""


@dataclass(frozen=True, kw_only=True)
class PolycrystalMedium:
    """Effective medium of grains of any shape: elements of bulk parallel to boundaries, in series.

    1/kappa = sum_k c_k / (l_k kappa_bulk + m_k y_gb d). Every composite of two phases has this form (D. J. Bergman,
    Phys. Rep. 43 (1978) 377, doi 10.1016/0370-1573(78)90009-1); bricks have the elements (1, 1, 0) and (1, 0, 1).

    Parameters
    ----------
    bulk : Law
        Admittivity of the grains [S/m].
    boundary : Law
        Admittance per area of ONE boundary [S/m2].
    grain_size_m : float
    response : GrainResponse
        The elements.
    """

    bulk: Law
    boundary: Law
    grain_size_m: float
    response: GrainResponse
    formula: ClassVar[str] = "1/kappa = sum_k c_k / (l_k kappa_bulk + m_k y_gb grain_size)"

    def __post_init__(self) -> None:
        _check("grain_size_m", self.grain_size_m)

    @property
    def members(self) -> dict[str, Law]:
        """The laws behind its parts."""
        return {"bulk": self.bulk, "grain_boundaries": self.boundary}

    def __call__(self, omega: ArrayLike, temperature: float) -> ComplexArray:
        """Effective admittivity [S/m]."""
        return np.asarray(1.0 / sum(self.parts(omega, temperature).values()), complex)

    def parts(self, omega: ArrayLike, temperature: float) -> dict[str, ComplexArray]:
        """What "bulk" and "grain_boundaries" own by dissipation, -d(1/kappa)/d ln of each law [ohm m]."""
        c, bulk, boundary = self.response.elements.T
        grain = bulk * np.asarray(self.bulk(omega, temperature), complex)[..., None]
        wall = boundary * self.grain_size_m * np.asarray(self.boundary(omega, temperature), complex)[..., None]
        each = c / (grain + wall) ** 2
        return {"bulk": np.sum(each * grain, axis=-1), "grain_boundaries": np.sum(each * wall, axis=-1)}
