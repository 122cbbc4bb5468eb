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

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from aspot.errors import ConvergenceError
from aspot.fem import linear
from aspot.fem.bounding import bounding_inverse
from aspot.laws import Law

Role = Literal["electrolyte", "layer", "contact", "gap", "counter", "boundary"]

#: Row sums below this part of the row's magnitude are rounding; above it they are couplings to the ground.
_ROUNDING = 1e-12

#: Stored entries whose differences of potentials are held at once: what fits the cache.
_BLOCK = 1 << 16

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


class AffineTerm(Protocol):
    """What a term is to everything above the solvers: a name, what it is booked under, and its law theta."""

    @property
    def name(self) -> str:
        """Unique within the problem."""

    @property
    def role(self) -> Role:
        """What the partition of the resistance books it under."""

    @property
    def law(self) -> Law:
        """theta: admittivity [S/m] of a volume or admittance per area [S/m2] of an interface."""


class AffineProblem(Protocol):
    """What reduced bases, compositions and partitions need of a problem, whether its matrices are stored or not.

    A(omega, T) = sum_q theta_q(omega, T) A_q with Q real, symmetric, positive semidefinite A_q on n_free potentials
    and, last, the port; potentials of the ground are 0 and no unknowns.
    """

    @property
    def terms(self) -> tuple[AffineTerm, ...]:
        """The Q summands."""

    @property
    def area_m2(self) -> float:
        """Geometric electrode area of the modelled piece [m2]."""

    @property
    def temperature_K(self) -> float:
        """Temperature of all laws."""

    @property
    def n_free(self) -> int:
        """Number of free unknowns (without the port)."""

    @property
    def solves(self) -> Sequence[linear.Solve]:
        """How each system was solved, so far."""

    def theta(self, omega: NDArray[np.float64] | float) -> NDArray[np.complex128]:
        """Values of all laws at angular frequencies [rad/s], shape (Q, m)."""

    def solve(
        self, omega: float, start: NDArray[np.complex128] | None = None, limit: float = linear.ITERATIVE_LIMIT
    ) -> NDArray[np.complex128]:
        """Potentials (n_free + 1,) for 1 V at the port, the residual proved or `ConvergenceError`; real for real laws.

        `start` is a guess of the result, `limit` the largest accepted relative residual of iterative solvers, which
        lessen that of the guess to a tenth in any case.
        """

    def solve_theta(
        self,
        theta: NDArray[np.complex128],
        start: NDArray[np.complex128] | None = None,
        limit: float = linear.ITERATIVE_LIMIT,
    ) -> NDArray[np.complex128]:
        """As `solve`, for given values of all laws, shape (Q,)."""

    def images(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """A_q x of every term for real potentials, shape (Q, n_free + 1)."""

    def diagonals(self) -> NDArray[np.float64]:
        """Diagonal of every A_q on the free unknowns, exact or about, shape (Q, n_free); it weights residuals."""

    def energies(self, x: NDArray[np.complex128]) -> NDArray[np.complex128]:
        """Bilinear energies x^T A_q x of every term, shape (Q,)."""

    def dissipation_weights(self, x: NDArray[np.complex128]) -> NDArray[np.float64]:
        """Hermitian energies x^H A_q x of every term, shape (Q,)."""

    def admittance(self, x: NDArray[np.complex128], omega: float) -> complex:
        """Y = sum_q theta_q x^T A_q x of the modelled piece [S]."""

    def bounding_inverse(self, weights: NDArray[np.float64]) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
        """A symmetric B >= M^-1 on the free unknowns for M = sum_q weights_q A_q, (n_free, k) -> (n_free, k)."""

    def with_laws(self, laws: Mapping[str, Law], temperature_K: float) -> Self:
        """The same matrices under other laws, by names of terms."""

    def with_area(self, area_m2: float) -> Self:
        """The same problem counted per another area [m2]."""


def theta_of(
    terms: Sequence[AffineTerm], omega: NDArray[np.float64] | float, temperature_K: float
) -> NDArray[np.complex128]:
    """Values of the laws of all terms at angular frequencies [rad/s], shape (Q, m)."""
    omega = np.atleast_1d(np.asarray(omega, float))
    return np.stack([np.asarray(t.law(omega, temperature_K), complex) for t in terms])


def require_finite(terms: Sequence[AffineTerm], theta: NDArray[np.complex128]) -> None:
    """Raise `ConvergenceError` unless all values of the laws of the terms, shape (Q,), are finite."""
    if not np.isfinite(theta).all():
        raise ConvergenceError(f"a law is not finite: {[t.name for t in terms]} have {list(theta)}")


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
        shared = all(t.matrix.indices is first.indices and t.matrix.indptr is first.indptr for t in self.terms)
        if shared and np.diff(first.indptr).all():
            data = [t.matrix.data for t in self.terms]
            return first, np.stack(data) if len(data) > 1 else data[0][None]
        n = np.int64(first.shape[0])
        triples = [t.matrix.tocoo() for t in self.terms]
        keys = [c.row.astype(np.int64) * n + c.col for c in triples]
        # No row is empty.
        union = np.unique(np.concatenate([*keys, np.arange(n) * (n + 1)]))
        summed = np.zeros((len(keys), union.size))
        for q, (key, c) in enumerate(zip(keys, triples, strict=True)):
            np.add.at(summed[q], np.searchsorted(union, key), c.data)
        indptr = np.searchsorted(union // n, np.arange(n + 1))
        return csr_array((np.ones(union.size), union % n, indptr), shape=(int(n), int(n))), summed

    @cached_property
    def _preconditioners(self) -> list[linear.Preconditioner]:
        """What the last multigrid solve left for the next one."""
        return []

    @cached_property
    def _films(self) -> NDArray[np.bool_]:
        """Free unknowns in or at a layer."""
        out = np.zeros(self.n_free, dtype=bool)
        for term in self.terms:
            if term.role == "layer":
                out |= term.matrix.diagonal()[: self.n_free] > 0
        return out

    @cached_property
    def solves(self) -> list[linear.Solve]:
        """How each system was solved, so far."""
        return []

    @cached_property
    def _blocks(self) -> list[tuple[slice, slice, NDArray[np.integer]]]:
        """Blocks of rows: which rows, which entries, and where each row starts among those."""
        indptr = self._stacked[0].indptr
        edges = np.unique(np.append(np.searchsorted(indptr, np.arange(0, indptr[-1], _BLOCK)), len(indptr) - 1))
        return [
            (slice(first, last), slice(indptr[first], indptr[last]), indptr[first:last] - indptr[first])
            for first, last in pairwise(edges)
        ]

    @cached_property
    def _ground(self) -> NDArray[np.float64]:
        """Couplings to the ground, shape (Q, n + 1): what the rows add up to, unless it is rounding."""
        pattern, data = self._stacked
        ground = np.empty((len(data), pattern.shape[0]))
        for rows, entries, starts in self._blocks:
            total = np.add.reduceat(data[:, entries], starts, axis=1)
            size = np.add.reduceat(np.abs(data[:, entries]), starts, axis=1)
            ground[:, rows] = np.where(np.abs(total) > _ROUNDING * size, total, 0.0)
        return ground

    def _differences(
        self, x: NDArray[np.inexact]
    ) -> Iterator[tuple[slice, slice, NDArray[np.integer], NDArray[np.inexact]]]:
        """The blocks, and x_j - x_i for each of their entries a_ij.

        Every term is a network: its rows sum to zero but for couplings to grounded nodes. Stored numbers do so to
        rounding only, and that drowns the energy where one term is 1e9 times another and nearly at one potential.
        Differences of potentials are free of it:

            (A x)_i = sum_j a_ij (x_j - x_i) + g_i x_i,     x^T A x = -1/2 sum_ij a_ij (x_j - x_i)^2 + sum_i g_i x_i^2.
        """
        pattern, _ = self._stacked
        for rows, entries, starts in self._blocks:
            counts = np.diff(starts, append=entries.stop - entries.start)
            yield rows, entries, starts, x[pattern.indices[entries]] - np.repeat(x[rows], counts)

    @cached_property
    def _free(self) -> tuple[NDArray[np.integer], NDArray[np.integer], NDArray[np.intp], NDArray[np.intp]]:
        """Row starts and columns of the free block, and the couplings to the port: their positions and rows."""
        pattern, n = self._stacked[0], self.n_free
        indptr: NDArray[np.integer] = pattern.indptr[: n + 1]
        indices: NDArray[np.integer] = pattern.indices[: pattern.indptr[n]]
        at = np.flatnonzero(indices == n)
        before = np.searchsorted(at, indptr)
        return (
            indptr - before.astype(indptr.dtype),
            _dropped(indices, at),
            at,
            np.searchsorted(indptr, at, "right") - 1,
        )

    def _without_port(self, a: csr_array) -> tuple[csr_array, NDArray[np.complex128]]:
        """The free block of an operator, and the right-hand side for 1 V at the port."""
        n = self.n_free
        indptr, indices, at, rows = self._free
        b = np.zeros(n, a.dtype)
        b[rows] = -a.data[at]
        return csr_array((_dropped(a.data[: a.indptr[n]], at), indices, indptr), shape=(n, n)), b

    def diagonals(self) -> NDArray[np.float64]:
        """Diagonal of every term on the free unknowns, shape (Q, n)."""
        return np.stack([t.matrix.diagonal()[: self.n_free] for t in self.terms])

    def bounding_inverse(self, weights: NDArray[np.float64]) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
        """A symmetric B >= M^-1 on the free unknowns for M = sum_q weights_q A_q (see `aspot.fem.bounding`)."""
        n = self.n_free
        return bounding_inverse(csr_array(self.operator(weights.astype(complex))[:n, :n]))

    def with_laws(self, laws: Mapping[str, Law], temperature_K: float) -> Self:
        """The same matrices under other laws, by names of terms."""
        terms = tuple(replace(t, law=laws[t.name]) for t in self.terms)
        other = replace(self, terms=terms, temperature_K=temperature_K)
        # What follows from the matrices alone is not made again.
        known = {name: value for name, value in vars(self).items() if name in ("_stacked", "_blocks", "_ground")}
        vars(other).update(known)
        return other

    def with_area(self, area_m2: float) -> Self:
        """The same problem counted per another area [m2]."""
        return replace(self, area_m2=area_m2)

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
        return theta_of(self.terms, omega, self.temperature_K)

    def operator(self, theta: NDArray[np.complex128]) -> csr_array:
        """The matrix sum_q theta_q A_q, port included, shape (n + 1, n + 1); real if all factors are."""
        pattern, data = self._stacked
        return csr_array((_weighted(theta, data), pattern.indices, pattern.indptr), shape=pattern.shape)

    def solve(
        self, omega: float, start: NDArray[np.complex128] | None = None, limit: float = linear.ITERATIVE_LIMIT
    ) -> NDArray[np.complex128]:
        """Potentials for 1 V at the port, with the residual measured again.

        Parameters
        ----------
        omega : float
            Angular frequency [rad/s]; 0 is direct current.
        start : (n + 1,) complex or float, optional
            A guess of the result, for which the multigrid solver needs fewer iterations; it is improved tenfold at
            least.
        limit : float
            Largest accepted residual of the multigrid solver, where less than its usual accuracy will do.

        Returns
        -------
        (n + 1,) complex or float
            Free potentials and, last, the port (1) [V].

        Raises
        ------
        ConvergenceError
            If a law is not finite, the system is singular, or the residual exceeds the limits of `aspot.fem.linear`.
        """
        return self.solve_theta(self.theta(omega)[:, 0], start, limit)

    def solve_theta(
        self,
        theta: NDArray[np.complex128],
        start: NDArray[np.complex128] | None = None,
        limit: float = linear.ITERATIVE_LIMIT,
    ) -> NDArray[np.complex128]:
        """As `solve`, for given values of all laws, shape (Q,)."""
        require_finite(self.terms, theta)
        n = self.n_free
        if n == 0:
            return np.ones(1, float if np.all(np.imag(theta) == 0) else complex)
        whole = self.operator(theta)
        free, b = self._without_port(whole)
        ground = _weighted(theta, self._ground)
        if not b.any() and not ground.any():
            raise ConvergenceError("the system is singular: nothing conducts to the electrode or to the ground")

        def residual(v: NDArray[np.complex128]) -> NDArray[np.complex128]:
            return -self._image(whole, ground, np.append(v, 1.0))[:n]

        if self.solver == "direct" or n <= _DIRECT_BELOW:
            x = linear.solve_direct(free, b, residual)
            self.solves.append(linear.Solve("direct", 0))
        else:

            def magnitude() -> tuple[csr_array, NDArray[np.float64]]:
                size = np.abs(theta).astype(complex)
                m, to_port = self._without_port(self.operator(size))
                return m, np.real(to_port + _weighted(size, self._ground)[:n])

            is_real = not np.iscomplexobj(free)
            guess = None if start is None else np.asarray(start[:n].real if is_real else start[:n], free.dtype)
            try:
                x = linear.solve_multigrid(
                    free,
                    b,
                    free if is_real else magnitude,
                    residual,
                    ground=ground[:n] + b,
                    energy=lambda v: float(np.abs(b @ (1.0 - v))),
                    start=guess,
                    limit=limit,
                    known=self._preconditioners,
                    films=self._films,
                    report=lambda method, iterations: self.solves.append(linear.Solve(method, iterations)),
                )
            except ConvergenceError:
                # Slower, but of any contrast.
                if n > _DIRECT_FALLBACK:
                    raise
                x = linear.solve_direct(free, b, residual)
                self.solves.append(linear.Solve("direct after multigrid", 0))
        return np.append(x, 1.0)

    def energies(self, x: NDArray[np.complex128]) -> NDArray[np.complex128]:
        """Bilinear energies x^T A_q x of every term, shape (Q,) [m V2 or m2 V2]; also dY/dtheta_q."""
        data, out = self._stacked[1], self._ground @ x**2
        for _, entries, _, difference in self._differences(x):
            out = out - 0.5 * _times(data[:, entries], difference**2)
        return np.asarray(out)

    def dissipation_weights(self, x: NDArray[np.complex128]) -> NDArray[np.float64]:
        """Hermitian energies x^H A_q x of every term, shape (Q,): Re(theta_q) times it is twice the mean power."""
        data, out = self._stacked[1], self._ground @ np.abs(x) ** 2
        for _, entries, _, difference in self._differences(x):
            out = out - 0.5 * data[:, entries] @ np.abs(difference) ** 2
        return np.asarray(out)

    def _image(self, a: csr_array, ground: NDArray[np.complex128], x: NDArray[np.complex128]) -> NDArray[np.complex128]:
        """A x by differences of potentials, for an operator and its couplings to the ground, port included."""
        out = ground * x
        for rows, entries, starts, difference in self._differences(x):
            out[rows] += np.add.reduceat(a.data[entries] * difference, starts)
        return np.asarray(out)

    def images(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """A_q x of every term for real potentials, by their differences, shape (Q, n + 1)."""
        data, out = self._stacked[1], self._ground * x
        for rows, entries, starts, difference in self._differences(np.asarray(x)):
            out[:, rows] += np.add.reduceat(data[:, entries] * difference, starts, axis=1)
        return np.asarray(out)

    def admittance(self, x: NDArray[np.complex128], omega: float) -> complex:
        """Y = sum_q theta_q x^T A_q x of the modelled piece [S]."""
        return complex(self.theta(omega)[:, 0] @ self.energies(x))

    def port_current(self, x: NDArray[np.complex128], omega: float) -> complex:
        """Current into the port, the last row of A x [A per V]; equals the admittance up to the residual.

        Where the port couples far more strongly than Y, by 1e9, rounding shows here but not in `admittance`.
        """
        theta = self.theta(omega)[:, 0]
        return complex(self._image(self.operator(theta), _weighted(theta, self._ground), x)[self.n_free])

    def term(self, name: str) -> Term:
        """The term of that name.

        Raises
        ------
        KeyError
            If there is none.
        """
        by_name: Mapping[str, Term] = {t.name: t for t in self.terms}
        return by_name[name]


def _dropped(values: NDArray[Any], at: NDArray[np.intp]) -> NDArray[Any]:
    """The values without those at a few sorted positions; many times faster than a mask."""
    edges = np.concatenate([[-1], at, [len(values)]])
    return np.concatenate([values[a + 1 : b] for a, b in pairwise(edges)])


def _weighted(theta: NDArray[np.complex128], data: NDArray[np.float64]) -> NDArray[np.complex128]:
    """sum_q theta_q data_q, real if all factors are; without a complex copy of the data."""
    if np.all(np.imag(theta) == 0):
        return np.asarray(np.real(theta) @ data)
    out = np.empty(data.shape[1], complex)
    out.real, out.imag = np.real(theta) @ data, np.imag(theta) @ data
    return out


def _times(data: NDArray[np.float64], x: NDArray[np.inexact]) -> NDArray[np.inexact]:
    """Real data (Q, m) times x (m,), real or complex, without a complex copy of the data."""
    return np.asarray(data @ np.real(x) + 1j * (data @ np.imag(x)) if np.iscomplexobj(x) else data @ x)
