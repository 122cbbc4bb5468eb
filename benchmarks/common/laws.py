"""Laws without units, for reference problems."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Plain:
    """The law real + imaginary * j w."""

    real: float
    imaginary: float = 0.0

    def __call__(self, omega: ArrayLike, _: float) -> NDArray[np.complex128]:
        return np.asarray(self.real + 1j * self.imaginary * np.asarray(omega, float))

    def parts(self, omega: ArrayLike, temperature: float) -> dict[str, NDArray[np.complex128]]:
        return {"all": 1.0 / self(omega, temperature)}
