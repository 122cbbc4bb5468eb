"""Numbers that carry their derivatives: forward differentiation of complex spectra by a few parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Complex = NDArray[np.complex128]


@dataclass(frozen=True, eq=False)
class Jet:
    """Values at m frequencies with their derivatives by P parameters.

    Parameters
    ----------
    value : (m,) complex
    slopes : (P, m) complex
    """

    value: Complex
    slopes: Complex

    # numpy leaves products and sums of arrays with jets to the jets.
    __array_ufunc__ = None

    @classmethod
    def constant(cls, value: ArrayLike, shape: tuple[int, int]) -> Jet:
        """A value that depends on no parameter; `shape` is (P, m)."""
        return cls(np.broadcast_to(np.asarray(value, complex), shape[1:]).copy(), np.zeros(shape, complex))

    def __add__(self, other: Any) -> Jet:
        if isinstance(other, Jet):
            return Jet(self.value + other.value, self.slopes + other.slopes)
        return Jet(self.value + other, self.slopes)

    __radd__ = __add__

    def __neg__(self) -> Jet:
        return Jet(-self.value, -self.slopes)

    def __sub__(self, other: Any) -> Jet:
        return self + (-other)

    def __rsub__(self, other: Any) -> Jet:
        return (-self) + other

    def __mul__(self, other: Any) -> Jet:
        if isinstance(other, Jet):
            return Jet(self.value * other.value, self.slopes * other.value + self.value * other.slopes)
        return Jet(self.value * other, self.slopes * other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Jet:
        return self * (other.inverse() if isinstance(other, Jet) else 1.0 / np.asarray(other))

    def __rtruediv__(self, other: Any) -> Jet:
        return self.inverse() * other

    def inverse(self) -> Jet:
        """One over it."""
        value = 1.0 / self.value
        return Jet(value, -self.slopes * value**2)

    def exp(self) -> Jet:
        """Its exponential."""
        value = np.exp(self.value)
        return Jet(value, self.slopes * value)

    def log_ratio(self, reference: Complex) -> Jet:
        """Logarithm of its ratio to values nearby, on the principal branch."""
        return Jet(np.log(self.value / reference), self.slopes / self.value)

    def where(self, mask: NDArray[np.bool_], other: Jet) -> Jet:
        """Itself where the mask is true, the other elsewhere."""
        return Jet(np.where(mask, self.value, other.value), np.where(mask, self.slopes, other.slopes))
