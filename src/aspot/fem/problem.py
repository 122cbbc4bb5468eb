"""The affine problem: real matrices, complex laws (see ARCHITECTURE.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.sparse import csr_array

from aspot.laws import Law

Role = Literal["electrolyte", "layer", "contact", "gap", "counter", "boundary"]


@dataclass(frozen=True, kw_only=True)
class Term:
    """One summand theta(omega, T) A of the affine problem.

    Parameters
    ----------
    name : str
        Unique within the problem ("electrolyte", "contact", "gap", a layer's name, ...).
    role : Role
        What the partition of the resistance books it under.
    law : Law
        theta: admittivity [S/m] of a volume or admittance per area [S/m2] of an interface.
    matrix : csr_array, (n + 1, n + 1), float64
        Real, symmetric, positive semidefinite; last row and column belong to the port. SI: [m] or [m2].
    """

    name: str
    role: Role
    law: Law
    matrix: csr_array
