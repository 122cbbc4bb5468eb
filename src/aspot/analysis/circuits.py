"""Equivalent circuits: elements, put together in series (+) and parallel (|), with exact derivatives.

A circuit is its structure and the names of its parameters; values are given when it is evaluated. Impedances are per
area, in ohm cm2, with the units of all parameters accordingly, for e^(+j omega t): a capacitance has a negative
imaginary part. `aspot.analysis.circuit_text.circuit` reads the same circuits from text.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aspot.errors import InputError

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

#: Z of an element, and its derivatives in the order of its parameters.
_Immittance = tuple[NDArray[Any], tuple[NDArray[Any], ...]]

#: Kind of parameter -> unit.
UNITS = {
    "resistance": "ohm cm2",
    "capacitance": "F/cm2",
    "inductance": "H cm2",
    "cpe_prefactor": "S s^n/cm2",
    "cpe_exponent": "",
    "warburg_coefficient": "ohm cm2 s^-1/2",
    "time_constant": "s",
}

Kind = Literal[
    "resistance", "capacitance", "inductance", "cpe_prefactor", "cpe_exponent", "warburg_coefficient", "time_constant"
]


@dataclass(frozen=True, kw_only=True)
class CircuitParameter:
    """Name and kind of one parameter of a circuit.

    Parameters
    ----------
    name : str
        "R_GB", "Q_GB", "n_GB", "sigma_W", ...
    kind : str
        Key of `UNITS`.
    """

    name: str
    kind: Kind

    @property
    def unit(self) -> str:
        """Unit; empty for the exponent of a constant-phase element."""
        return UNITS[self.kind]


class Circuit(ABC):
    """An element or a combination of elements."""

    @property
    @abstractmethod
    def elements(self) -> tuple[Element, ...]:
        """All elements, in the order of the text."""

    @abstractmethod
    def evaluate(self, omega: Real, values: Mapping[str, float]) -> tuple[Complex, dict[str, Complex]]:
        """Z and dZ/dp by the name of p, at angular frequencies [rad/s]; nothing is checked.

        For inner loops; `with_derivatives` is the same with checks and in the order of `names`.
        """

    @abstractmethod
    def __str__(self) -> str:
        """The circuit as text, which `aspot.analysis.circuit_text.circuit` reads back."""

    @cached_property
    def parameters(self) -> tuple[CircuitParameter, ...]:
        """Parameters of all elements, in the order of the text.

        Raises
        ------
        InputError
            If two elements have the same name.
        """
        found = tuple(p for element in self.elements for p in element.own_parameters)
        names = [p.name for p in found]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise InputError(f"circuit {self}: the parameter {twice} occurs twice; give the elements different labels")
        return found

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters."""
        return tuple(p.name for p in self.parameters)

    def with_derivatives(self, frequency_Hz: ArrayLike, values: Mapping[str, float]) -> tuple[Complex, Complex]:
        """Impedance and its exact derivatives.

        Parameters
        ----------
        frequency_Hz : (m,) array_like
            Positive.
        values : mapping of str to float
            All parameters, in the units of `parameters`; positive, exponents up to 1.

        Returns
        -------
        impedance_ohm_cm2 : (m,) complex
        derivatives : (m, n) complex
            dZ/dp in the order of `names` [ohm cm2 per unit of the parameter].

        Raises
        ------
        InputError
            If a value is missing, unknown or impossible, or a frequency is not positive.
        """
        omega = 2.0 * np.pi * np.atleast_1d(np.asarray(frequency_Hz, float))
        if not np.all(np.isfinite(omega) & (omega > 0)):
            raise InputError("circuit: frequencies must be finite and positive")
        self.check(values)
        z, derivatives = self.evaluate(omega, values)
        return z, np.stack([derivatives[name] for name in self.names], axis=1)

    def impedance(self, frequency_Hz: ArrayLike, values: Mapping[str, float]) -> Complex:
        """Impedance [ohm cm2]; arguments and errors as for `with_derivatives`."""
        return self.with_derivatives(frequency_Hz, values)[0]

    def check(self, values: Mapping[str, float]) -> None:
        """Raise InputError if a value is missing, unknown or impossible."""
        unknown = sorted(set(values) - set(self.names))
        missing = [name for name in self.names if name not in values]
        if unknown or missing:
            fault = f"{unknown[0]} is no parameter" if unknown else f"{missing[0]} is missing"
            raise InputError(f"circuit {self}: {fault}; its parameters are {', '.join(self.names)}")
        for p in self.parameters:
            value = values[p.name]
            if not (np.isfinite(value) and value > 0) or (p.kind == "cpe_exponent" and value > 1):
                limit = "above 0 and at most 1" if p.kind == "cpe_exponent" else "finite and positive"
                raise InputError(f"circuit {self}: {p.name} = {value!r}: must be {limit}")

    def __add__(self, other: Circuit) -> Circuit:
        return series(self, other)

    def __or__(self, other: Circuit) -> Circuit:
        return parallel(self, other)


# Elements -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Element(Circuit):
    """One element with a label that tells it from others of its kind.

    Parameters
    ----------
    label : str
        Letters and digits: `R("GB")` has the parameter R_GB.
    """

    label: str = ""
    symbol: ClassVar[str]
    formula: ClassVar[str]
    #: Letter and kind of every parameter.
    own: ClassVar[tuple[tuple[str, Kind], ...]]

    def __post_init__(self) -> None:
        if self.label and not (self.label.isascii() and self.label.isalnum()):
            raise InputError(f"label = {self.label!r} of {self.symbol}: letters and digits only")

    @property
    def elements(self) -> tuple[Element, ...]:
        """Itself."""
        return (self,)

    @property
    def own_parameters(self) -> tuple[CircuitParameter, ...]:
        """Parameters of this element: R_GB; of diffusion elements with the symbol, as tau_Ws1 of Ws1."""
        tail = self.label if self.symbol in "RCLQ" else str(self)
        return tuple(CircuitParameter(name=f"{letter}_{tail}" if tail else letter, kind=k) for letter, k in self.own)

    def name_of(self, letter: str) -> str:
        """Full name of one of its parameters."""
        return next(p.name for p, (own, _) in zip(self.own_parameters, self.own, strict=True) if own == letter)

    def evaluate(self, omega: Real, values: Mapping[str, float]) -> tuple[Complex, dict[str, Complex]]:
        """Z and its derivatives, by the formula of the element."""
        names = [p.name for p in self.own_parameters]
        z, derivatives = self._immittance(omega, *(float(values[name]) for name in names))
        slopes = {name: np.asarray(d, complex) for name, d in zip(names, derivatives, strict=True)}
        return np.asarray(z, complex), slopes

    def __str__(self) -> str:
        return self.symbol + (self.label if self.label.isdigit() or not self.label else f"_{self.label}")

    @abstractmethod
    def _immittance(self, omega: Real, *values: float) -> _Immittance:
        """Z and its derivatives in the order of `own`."""


class R(Element):
    """Resistance."""

    symbol = "R"
    formula = "Z = R"
    own = (("R", "resistance"),)

    def _immittance(self, omega: Real, *values: float) -> _Immittance:
        (r,) = values
        return np.full(omega.shape, r, complex), (np.ones(omega.shape, complex),)


class C(Element):
    """Capacitance."""

    symbol = "C"
    formula = "Z = 1/(j w C)"
    own = (("C", "capacitance"),)

    def _immittance(self, omega: Real, *values: float) -> _Immittance:
        (c,) = values
        z = 1.0 / (1j * omega * c)
        return z, (-z / c,)


class L(Element):
    """Inductance, of leads."""

    symbol = "L"
    formula = "Z = j w L"
    own = (("L", "inductance"),)

    def _immittance(self, omega: Real, *values: float) -> _Immittance:
        (inductance,) = values
        return 1j * omega * inductance, (1j * omega,)


class Q(Element):
    """Constant-phase element, principal branch of (j w)^n."""

    symbol = "Q"
    formula = "Z = 1/(Q (j w)^n)"
    own = (("Q", "cpe_prefactor"), ("n", "cpe_exponent"))

    def _immittance(self, omega: Real, *values: float) -> _Immittance:
        q, n = values
        log_jw = np.log(omega) + 0.5j * np.pi
        z = np.exp(-n * log_jw) / q
        return z, (-z / q, -z * log_jw)


class W(Element):
    """Warburg element: diffusion without an end; sigma is the Warburg coefficient."""

    symbol = "W"
    formula = "Z = sigma (1 - j)/w^(1/2)"
    own = (("sigma", "warburg_coefficient"),)

    def _immittance(self, omega: Real, *values: float) -> _Immittance:
        unit = (1.0 - 1j) / np.sqrt(omega)
        return values[0] * unit, (unit,)


def _diffusion(
    omega: Real, r: float, tau: float, function: Callable[[NDArray[Any]], tuple[NDArray[Any], NDArray[Any]]]
) -> _Immittance:
    """Z = R g(x)/x, x = (j w tau)^(1/2), from g and dg/dx."""
    x = np.sqrt(1j * omega * tau)
    g, slope = function(x)
    return r * g / x, (g / x, r / (2.0 * tau) * (slope - g / x))


def _tanh(x: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    decay = np.exp(-2.0 * x)  # so that nothing overflows
    return -np.expm1(-2.0 * x) / (1.0 + decay), 4.0 * decay / (1.0 + decay) ** 2


def _coth(x: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    decay, lost = np.exp(-2.0 * x), -np.expm1(-2.0 * x)
    return (1.0 + decay) / lost, -4.0 * decay / lost**2


class Ws(Element):
    """Diffusion over a finite length to an end that takes what comes (short circuit); R at w -> 0."""

    symbol = "Ws"
    formula = "Z = R tanh((j w tau)^(1/2))/(j w tau)^(1/2)"
    own = (("R", "resistance"), ("tau", "time_constant"))

    def _immittance(self, omega: Real, *values: float) -> _Immittance:
        return _diffusion(omega, values[0], values[1], _tanh)


class Wo(Element):
    """Diffusion over a finite length to a closed end (open circuit); at w -> 0 R/3 in series with tau/R."""

    symbol = "Wo"
    formula = "Z = R coth((j w tau)^(1/2))/(j w tau)^(1/2)"
    own = (("R", "resistance"), ("tau", "time_constant"))

    def _immittance(self, omega: Real, *values: float) -> _Immittance:
        return _diffusion(omega, values[0], values[1], _coth)


class G(Element):
    """Gerischer element: diffusion with reaction on the way."""

    symbol = "G"
    formula = "Z = R/(1 + j w tau)^(1/2)"
    own = (("R", "resistance"), ("tau", "time_constant"))

    def _immittance(self, omega: Real, *values: float) -> _Immittance:
        r, tau = values
        inner = 1.0 + 1j * omega * tau
        unit = 1.0 / np.sqrt(inner)
        return r * unit, (unit, -0.5j * r * omega * unit / inner)


#: Symbol -> element, as text names them.
ELEMENTS: dict[str, type[Element]] = {kind.symbol: kind for kind in (R, C, L, Q, W, Ws, Wo, G)}


# Combinations -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Combination(Circuit):
    """Several circuits together; made by `series` and `parallel`."""

    members: tuple[Circuit, ...]

    def __post_init__(self) -> None:
        if len(self.members) < 2:
            raise InputError(f"{type(self).__name__.lower()}: needs at least two members, got {len(self.members)}")

    @property
    def elements(self) -> tuple[Element, ...]:
        """Elements of all members."""
        return tuple(element for member in self.members for element in member.elements)


class Series(Combination):
    """Circuits one after the other: Z = sum_k Z_k."""

    def evaluate(self, omega: Real, values: Mapping[str, float]) -> tuple[Complex, dict[str, Complex]]:
        """Impedances add."""
        z = np.zeros(omega.shape, complex)
        derivatives: dict[str, Complex] = {}
        for member in self.members:
            part, slopes = member.evaluate(omega, values)
            z += part
            derivatives |= slopes
        return z, derivatives

    def __str__(self) -> str:
        return "-".join(map(str, self.members))


class Parallel(Combination):
    """Circuits side by side: 1/Z = sum_k 1/Z_k."""

    def evaluate(self, omega: Real, values: Mapping[str, float]) -> tuple[Complex, dict[str, Complex]]:
        """Admittances add."""
        parts = [member.evaluate(omega, values) for member in self.members]
        z = 1.0 / np.sum([1.0 / part for part, _ in parts], axis=0)
        # dZ = Z^2 sum_k dZ_k/Z_k^2
        derivatives = {name: (z / part) ** 2 * d for part, slopes in parts for name, d in slopes.items()}
        return np.asarray(z, complex), derivatives

    def __str__(self) -> str:
        return f"({','.join(map(str, self.members))})"


def _joined(kind: type[Combination], members: tuple[Circuit, ...]) -> Circuit:
    """Members of the same kind are opened up, so that a + (b + c) is (a + b) + c."""
    flat = tuple(one for m in members for one in (m.members if isinstance(m, kind) else (m,)))
    if not flat:
        raise InputError(f"{kind.__name__.lower()}: needs at least one member")
    return flat[0] if len(flat) == 1 else kind(flat)


def series(*members: Circuit) -> Circuit:
    """Circuits in series, the same as a + b + ...

    Raises
    ------
    InputError
        If there is none.

    Examples
    --------
    >>> print(series(R("0"), parallel(R("GB"), Q("GB"))))
    R0-(R_GB,Q_GB)
    """
    return _joined(Series, members)


def parallel(*members: Circuit) -> Circuit:
    """Circuits in parallel, the same as a | b | ... (Python reads a + b | c as (a + b) | c: set brackets).

    Raises
    ------
    InputError
        If there is none.
    """
    return _joined(Parallel, members)


def in_series(circuit: Circuit) -> tuple[Circuit, ...]:
    """The members of a series; of any other circuit itself."""
    return circuit.members if isinstance(circuit, Series) else (circuit,)


def without(circuit: Circuit, member: Circuit) -> Circuit:
    """The circuit without one of the members of its series.

    Raises
    ------
    InputError
        If it is not in the series, or all of it.
    """
    rest = tuple(m for m in in_series(circuit) if m != member)
    if len(rest) == len(in_series(circuit)) or not rest:
        raise InputError(f"{member} cannot be taken out of {circuit}")
    return series(*rest)


def parallel_groups(circuit: Circuit) -> Iterator[Parallel]:
    """All parallel combinations, outer before inner, in the order of the text."""
    if isinstance(circuit, Combination):
        if isinstance(circuit, Parallel):
            yield circuit
        for member in circuit.members:
            yield from parallel_groups(member)


@dataclass(frozen=True, kw_only=True)
class ArcElements:
    """A resistance parallel to a constant-phase element or a capacitance, and nothing else.

    Parameters
    ----------
    group : Parallel
    resistance : R
    capacitive : Q or C
    """

    group: Parallel
    resistance: R
    capacitive: Q | C

    @property
    def label(self) -> str:
        """Label of the resistance."""
        return self.resistance.label

    @property
    def names(self) -> tuple[str, ...]:
        """Names of R, of Q (or C), and of n if there is one."""
        return tuple(p.name for p in (*self.resistance.own_parameters, *self.capacitive.own_parameters))


def arcs_of(circuit: Circuit) -> tuple[ArcElements, ...]:
    """The (RQ) and (RC) members of a series, in the order of the text."""
    found = []
    for member in in_series(circuit):
        if isinstance(member, Parallel) and len(member.members) == 2:
            resistances = [m for m in member.members if isinstance(m, R)]
            capacitive = [m for m in member.members if isinstance(m, Q | C)]
            if resistances and capacitive:
                found.append(ArcElements(group=member, resistance=resistances[0], capacitive=capacitive[0]))
    return tuple(found)
