"""The affine problem: real matrices, complex laws, and solves that prove their residual.

Strong form, for every angular frequency omega at temperature T (quasi-electrostatics):

    div(kappa grad phi) = 0            in every volume,        kappa = law of that volume [S/m]
    n . kappa grad phi = y (V - phi)   under metal,            y = law of contact or gap [S/m2]
    phi = V                            under an ideal contact
    n . kappa grad phi = 0             on mirror planes and free surfaces
    phi = 0                            on an ideally reversible counter electrode

Weak form: sum_q theta_q a_q(phi, v) = 0 for every v that vanishes on the port and the ground, where a_q is the
integral of grad phi . grad v over a volume, or of the product of the jumps over an interface. The unknowns are the
free potentials and, last, the port (the metal of the working electrode, held at 1 V).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from aspot.errors import ConvergenceError
from aspot.fem import linear
from aspot.laws import Law

Role = Literal["electrolyte", "layer", "contact", "gap", "counter", "boundary"]

#: Row sums below this part of the row's magnitude are rounding; above it they are couplings to the ground.
_ROUNDING = 1e-12

#: Unknowns up to which a direct solve is as quick as multigrid, and up to which it stands in where that fails.
_DIRECT_BELOW, _DIRECT_FALLBACK = 3_000, 30_000


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


@dataclass(frozen=True)
class Problem:
    """Terms on one set of unknowns, with the geometric electrode area that they represent.

    Parameters
    ----------
    terms : tuple of Term
    area_m2 : float
        Geometric electrode area of the modelled piece [m2] (of the symmetry-reduced cell).
    temperature_K : float
    solver : "direct" or "multigrid"
        How one frequency is solved (see `aspot.fem.linear`).
    """

    terms: tuple[Term, ...]
    area_m2: float
    temperature_K: float
    solver: Literal["direct", "multigrid"] = "direct"

    def __post_init__(self) -> None:
        names = [t.name for t in self.terms]
        if len(set(names)) != len(names):
            raise ValueError(f"terms must have unique names, got {names}")
        if len({t.matrix.shape for t in self.terms}) != 1:
            raise ValueError("all terms must have matrices of one shape")

    @property
    def n_free(self) -> int:
        """Number of free unknowns (without the port)."""
        return int(self.terms[0].matrix.shape[0]) - 1

    @cached_property
    def _stacked(self) -> tuple[csr_array, NDArray[np.float64]]:
        """A csr matrix with the union of all patterns, and the data of each term on it, shape (Q, nnz)."""
        first = self.terms[0].matrix
        if all(t.matrix.indices is first.indices and t.matrix.indptr is first.indptr for t in self.terms):
            return first, np.stack([t.matrix.data for t in self.terms])
        n = np.int64(first.shape[0])
        triples = [t.matrix.tocoo() for t in self.terms]
        keys = [c.row.astype(np.int64) * n + c.col for c in triples]
        union = np.unique(np.concatenate(keys))
        data = np.zeros((len(keys), union.size))
        for q, (key, c) in enumerate(zip(keys, triples, strict=True)):
            np.add.at(data[q], np.searchsorted(union, key), c.data)
        indptr = np.searchsorted(union // n, np.arange(n + 1))
        return csr_array((np.ones(union.size), union % n, indptr), shape=(int(n), int(n))), data

    @cached_property
    def _branches(self) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64], NDArray[np.float64]]:
        """Every term as a network: ends i < j and conductances (Q, m) of its branches, and those to ground (Q, n + 1).

        The rows of these matrices sum to zero but for couplings to grounded nodes. Stored numbers do so to rounding
        only, and that drowns the energy where one term is 1e9 times another and nearly at one potential. Differences
        of potentials are free of it: x^T A x = sum_branches g (x_i - x_j)^2 + sum g_0 x^2.
        """
        pattern, data = self._stacked
        n = int(pattern.shape[0])
        rows = np.repeat(np.arange(n, dtype=np.int32), np.diff(pattern.indptr))
        cols = pattern.indices.astype(np.int32)
        upper = rows < cols
        total = np.stack([np.bincount(rows, weights=d, minlength=n) for d in data])
        size = np.stack([np.bincount(rows, weights=np.abs(d), minlength=n) for d in data])
        ground = np.where(np.abs(total) > _ROUNDING * size, total, 0.0)
        return rows[upper], cols[upper], -data[:, upper], ground

    def theta(self, omega: NDArray[np.float64] | float) -> NDArray[np.complex128]:
        """Values of all laws.

        Parameters
        ----------
        omega : float or (m,) float
            Angular frequencies [rad/s].

        Returns
        -------
        (Q, m) complex
            One row per term [S/m or S/m2].
        """
        omega = np.atleast_1d(np.asarray(omega, float))
        return np.stack([np.asarray(t.law(omega, self.temperature_K), complex) for t in self.terms])

    def operator(self, theta: NDArray[np.complex128]) -> csr_array:
        """The matrix sum_q theta_q A_q, port included, shape (n + 1, n + 1); real if all factors are."""
        pattern, data = self._stacked
        if np.all(np.imag(theta) == 0):
            theta = np.real(theta)
        return csr_array((theta @ data, pattern.indices, pattern.indptr), shape=pattern.shape)

    def solve(self, omega: float) -> NDArray[np.complex128]:
        """Potentials for 1 V at the port, with the residual measured again.

        Parameters
        ----------
        omega : float
            Angular frequency [rad/s]; 0 is direct current.

        Returns
        -------
        (n + 1,) complex or float
            Free potentials and, last, the port (1) [V].

        Raises
        ------
        ConvergenceError
            If a law is not finite, the system is singular, or the residual exceeds the limits of `aspot.fem.linear`.
        """
        return self.solve_theta(self.theta(omega)[:, 0])

    def solve_theta(self, theta: NDArray[np.complex128]) -> NDArray[np.complex128]:
        """As `solve`, for given values of all laws, shape (Q,)."""
        if not np.isfinite(theta).all():
            raise ConvergenceError(f"a law is not finite: {[t.name for t in self.terms]} have {list(theta)}")
        a = self.operator(theta)
        n = self.n_free
        free = csr_array(a[:n, :n])
        b = -np.asarray(a[:n, [n]].todense()).ravel()
        if n == 0:
            return np.ones(1, a.dtype)
        if not b.any() and not (theta @ self._branches[3]).any():
            raise ConvergenceError("the system is singular: nothing conducts to the electrode or to the ground")

        def residual(v: NDArray[np.complex128]) -> NDArray[np.complex128]:
            return -self._image(theta, np.append(v, 1.0))[:n]

        if self.solver == "direct" or n <= _DIRECT_BELOW:
            x = linear.solve_direct(free, b, residual)
        else:
            magnitude = csr_array(self.operator(np.abs(theta).astype(complex))[:n, :n]) if np.iscomplexobj(a) else free
            try:
                x = linear.solve_multigrid(free, b, magnitude, residual)
            except ConvergenceError:
                # Thin films of extreme contrast: slower, but of any contrast.
                if n > _DIRECT_FALLBACK:
                    raise
                x = linear.solve_direct(free, b, residual)
        return np.append(x, 1.0)

    def energies(self, x: NDArray[np.complex128]) -> NDArray[np.complex128]:
        """Bilinear energies x^T A_q x of every term, shape (Q,) [m V2 or m2 V2]; also dY/dtheta_q."""
        i, j, g, ground = self._branches
        return np.asarray(g @ (x[i] - x[j]) ** 2 + ground @ x**2)

    def dissipation_weights(self, x: NDArray[np.complex128]) -> NDArray[np.float64]:
        """Hermitian energies x^H A_q x of every term, shape (Q,): Re(theta_q) times it is twice the mean power."""
        i, j, g, ground = self._branches
        return np.asarray(g @ np.abs(x[i] - x[j]) ** 2 + ground @ np.abs(x) ** 2)

    def _image(self, theta: NDArray[np.complex128], x: NDArray[np.complex128]) -> NDArray[np.complex128]:
        """A x by differences of potentials, port included, shape (n + 1,); real if all is."""
        i, j, g, ground = self._branches
        if np.all(np.imag(theta) == 0):
            theta = np.real(theta)
        current = (theta @ g) * (x[i] - x[j])

        parts = (current.real, current.imag) if np.iscomplexobj(current) else (current,)
        net = [np.bincount(i, c, minlength=len(x)) - np.bincount(j, c, minlength=len(x)) for c in parts]
        out = net[0] + 1j * net[1] if len(net) == 2 else net[0]
        return np.asarray(out + (theta @ ground) * x)

    def images(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """A_q x of every term for real potentials, by their differences, shape (Q, n + 1)."""
        unit = np.eye(len(self.terms), dtype=complex)
        return np.stack([np.real(self._image(row, np.asarray(x))) for row in unit])

    def admittance(self, x: NDArray[np.complex128], omega: float) -> complex:
        """Y = sum_q theta_q x^T A_q x of the modelled piece [S]."""
        return complex(self.theta(omega)[:, 0] @ self.energies(x))

    def port_current(self, x: NDArray[np.complex128], omega: float) -> complex:
        """Current into the port, the last row of A x [A per V]; equals the admittance up to the residual.

        Where the port couples far more strongly than Y, by 1e9, rounding shows here but not in `admittance`.
        """
        return complex(self._image(self.theta(omega)[:, 0], x)[self.n_free])

    def term(self, name: str) -> Term:
        """The term of that name.

        Raises
        ------
        KeyError
            If there is none.
        """
        by_name: Mapping[str, Term] = {t.name: t for t in self.terms}
        return by_name[name]
