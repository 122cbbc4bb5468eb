"""The affine problem of a label image: Q1 hexahedra on its voxels, matrices never stored.

Every phase is a term, and so is every law on faces between voxels (lumped at their corners, which keeps the energy an
upper bound: the trapezoidal rule overestimates squares of linear functions). With the port at 1 V the admittance is the
least energy of all potentials that are products of linear functions on each voxel, so at direct current it is never
below that of the same labels solved exactly; `aspot.fem.voxel_cells` gives the bound from the other side.

Conjugate gradients in double precision, preconditioned by `aspot.fem.voxel_multigrid` for M = sum_q |theta_q| A_q,
which is good at every frequency (see `aspot.fem.linear`). A phase that blocks direct current gets 1e-12 of the largest
admittivity there: its potential is then that of the limit of low frequencies, and carries no current that counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from aspot.errors import ConvergenceError, MemoryLimitError
from aspot.fem import linear, voxel_cg
from aspot.fem import voxel_kernels as kernels
from aspot.fem.bounding import bounding_inverse
from aspot.fem.problem import Problem, Role, Term, require_finite, theta_of
from aspot.fem.voxel_multigrid import ALL_CODES, Hierarchy, Network, Periodicity, Smoothing, build, in_slabs, serving
from aspot.laws import Law
from aspot.memory import available_memory, check_memory
from aspot.mesh.voxel import FREE, PORT, VoxelMesh

Array = NDArray[Any]

#: Share of the largest admittivity that a phase gets where it blocks direct current.
_BLOCKING = 1e-12
#: Measured peak per node of a real and a complex solve, vectors and hierarchy [bytes].
_BYTES_REAL, _BYTES_COMPLEX = 175.0, 260.0
#: Unknowns up to which matrices may be stored, for what needs them.
_STORED_BELOW = 400_000


@dataclass(frozen=True, kw_only=True)
class VoxelTerm:
    """One summand theta(omega, T) A: a phase, or a law on faces.

    Parameters
    ----------
    name : str
        Of the phase, or "contact", "gap", "counter".
    role : Role
    law : Law
        Admittivity [S/m] or admittance per area [S/m2].
    """

    name: str
    role: Role
    law: Law


@dataclass(frozen=True)
class VoxelProblem:
    """Terms on the nodes of a label image (`aspot.fem.problem.AffineProblem`).

    Parameters
    ----------
    mesh : VoxelMesh
    terms : tuple of VoxelTerm
        One for every region of the mesh, and for every kind of faces with a law.
    area_m2 : float
    temperature_K : float
    """

    mesh: VoxelMesh
    terms: tuple[VoxelTerm, ...]
    area_m2: float
    temperature_K: float

    @cached_property
    def n_free(self) -> int:
        """Number of free nodes."""
        return self.mesh.n_free

    @cached_property
    def _free(self) -> NDArray[np.bool_]:
        return np.asarray(self.mesh.status == FREE)

    @cached_property
    def _free_and_copies(self) -> NDArray[np.bool_]:
        return np.asarray(self._periodic.copied(self._free.copy()))

    @cached_property
    def _port(self) -> NDArray[np.bool_]:
        return np.asarray(self.mesh.status == PORT)

    @cached_property
    def _periodic(self) -> Periodicity:
        return Periodicity(self.mesh.periodic)

    @cached_property
    def _weights(self) -> NDArray[np.float64]:
        return kernels.mode_weights(self.mesh.voxel_m)

    @cached_property
    def _solved(self) -> list[tuple[NDArray[np.float64], Hierarchy]]:
        """Magnitudes of the laws and hierarchy of the last solve."""
        return []

    def theta(self, omega: NDArray[np.float64] | float) -> NDArray[np.complex128]:
        """Values of all laws at angular frequencies [rad/s], shape (Q, m)."""
        return theta_of(self.terms, omega, self.temperature_K)

    # --- from vectors to grids --------------------------------------------------------------------------------------

    @cached_property
    def solves(self) -> list[linear.Solve]:
        """How each system was solved, so far."""
        return []

    def on_grid(self, x: NDArray[np.inexact]) -> Array:
        """Potentials at all nodes (nz + 1, ny + 1, nx + 1) from free potentials and port; ground and unused nodes 0."""
        out = np.zeros(self.mesh.status.shape, x.dtype)
        out[self._free] = x[:-1]
        out[self._port] = x[-1]
        return self._periodic.copied(out)

    def _collected(self, y: Array) -> Array:
        """Currents at the free nodes, and their sum into the port."""
        return np.append(y[self._free], y[self._port].sum())

    def _by_region(self, theta: Array) -> Array:
        """Admittivity by region of the mesh; 0 where nothing is."""
        values = {t.name: theta[q] for q, t in enumerate(self.terms)}
        return np.array([*(values.get(name, 0.0) for name in self.mesh.region_names), 0.0], theta.dtype)

    def _volume(self, kappa: Array, x: Array, y: Array, kept: NDArray[np.bool_]) -> None:
        """Y = A x of the phases at the nodes that are kept, 0 at others; x holds its copies."""
        at = (kappa, self.mesh.region, self._weights, np.empty((0, 0, 0)), kept, self.mesh.periodic)
        in_slabs(lambda a, b: kernels.product(*at, x, y, a, b), x.shape[0])

    def _couplings(self, theta: Array) -> list[tuple[NDArray[np.int64], Array, bool]]:
        """Nodes, admittance [S] and whether it leads to the port, of every law on faces."""
        values = {t.name: theta[q] for q, t in enumerate(self.terms)}
        return [
            (nodes, values[name] * area, name != "counter")
            for name, (nodes, area) in self.mesh.faces.items()
            if name in values
        ]

    # --- what reduced bases need ------------------------------------------------------------------------------------

    def images(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """A_q x of every term for real potentials, shape (Q, n_free + 1)."""
        grid = self.on_grid(np.asarray(x, float))
        kept = self._periodic.cleared(self._free | self._port)
        out, y = [], np.empty_like(grid)
        for q, term in enumerate(self.terms):
            one = np.zeros(len(self.terms))
            one[q] = 1.0
            if term.name in self.mesh.region_names:
                self._volume(self._by_region(one), grid, y, kept)
            else:
                y[:] = 0.0
            image = self._collected(y)
            if term.name in self.mesh.faces:
                nodes, area = self.mesh.faces[term.name]
                at = self._number[nodes]
                current = area * (x[at] - (x[-1] if term.name != "counter" else 0.0))
                image[at] += current
                image[-1] -= current.sum() if term.name != "counter" else 0.0
            out.append(image)
        return np.stack(out)

    @cached_property
    def _number(self) -> NDArray[np.int64]:
        """Number of the free unknown at every node, flat; -1 elsewhere."""
        number = np.cumsum(self._free.ravel()) - 1
        number[~self._free.ravel()] = -1
        return number

    def diagonals(self) -> NDArray[np.float64]:
        """Diagonal of every A_q on the free unknowns, shape (Q, n_free)."""
        out = np.zeros((len(self.terms), self.n_free))
        for q, term in enumerate(self.terms):
            one = np.zeros(len(self.terms))
            one[q] = 1.0
            if term.name in self.mesh.region_names:
                out[q] = self._volume_diagonal(self._by_region(one))[self._free]
            if term.name in self.mesh.faces:
                nodes, area = self.mesh.faces[term.name]
                out[q, self._number[nodes]] += area
        return out

    def _volume_diagonal(self, kappa: Array) -> Array:
        out: Array = np.empty(self.mesh.status.shape, kappa.dtype)
        sums = kappa * kappa.dtype.type(self._weights.sum())
        in_slabs(lambda a, b: kernels.corner_sums(sums, self.mesh.region, out, a, b), out.shape[0])
        return self._periodic.folded(out)

    def _products(self, x: NDArray[np.inexact]) -> tuple[Array, Array, Array]:
        """Energies of real part, imaginary part and the two together, each (Q,)."""
        re = self.on_grid(np.ascontiguousarray(x.real))
        im = self.on_grid(np.ascontiguousarray(x.imag)) if np.iscomplexobj(x) else re
        mesh, n = self.mesh, len(self.mesh.region_names) + 1
        parts = in_slabs(lambda a, b: kernels.energies(mesh.region, self._weights, n, re, im, a, b), len(mesh.region))
        sums: Array = sum(parts)
        volumes = {name: sums[:, r] for r, name in enumerate(mesh.region_names)}
        out = np.zeros((3, len(self.terms)))
        for q, term in enumerate(self.terms):
            if term.name in volumes:
                out[:, q] = volumes[term.name]
            elif term.name in mesh.faces:
                nodes, area = mesh.faces[term.name]
                jump = x[self._number[nodes]] - (x[-1] if term.name != "counter" else 0.0)
                a, b = np.real(jump), np.imag(jump) if np.iscomplexobj(x) else np.real(jump)
                out[:, q] = area @ a**2, area @ b**2, area @ (a * b)
        if not np.iscomplexobj(x):
            out[1:] = 0.0
        return out[0], out[1], out[2]

    def energies(self, x: NDArray[np.complex128]) -> NDArray[np.complex128]:
        """Bilinear energies x^T A_q x of every term, shape (Q,) [m V2 or m2 V2]; also dY/dtheta_q."""
        rr, ii, ri = self._products(x)
        return np.asarray(rr - ii + 2j * ri if np.iscomplexobj(x) else rr)

    def dissipation_weights(self, x: NDArray[np.complex128]) -> NDArray[np.float64]:
        """Hermitian energies x^H A_q x of every term, shape (Q,)."""
        rr, ii, _ = self._products(x)
        return np.asarray(rr + ii)

    def admittance(self, x: NDArray[np.complex128], omega: float) -> complex:
        """Y = sum_q theta_q x^T A_q x of the modelled piece [S]."""
        return complex(self.theta(omega)[:, 0] @ self.energies(x))

    def bounding_inverse(self, weights: NDArray[np.float64]) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
        """A symmetric B >= M^-1 for M = sum_q weights_q A_q, from stored matrices.

        Raises
        ------
        MemoryLimitError
            If there are too many unknowns for that.
        """
        n = self.n_free
        return bounding_inverse(csr_array(self.stored().operator(weights.astype(complex))[:n, :n]))

    def with_laws(self, laws: Mapping[str, Law], temperature_K: float) -> Self:
        """The same geometry under other laws, by names of terms."""
        terms = tuple(replace(t, law=laws[t.name]) for t in self.terms)
        return replace(self, terms=terms, temperature_K=temperature_K)

    def with_area(self, area_m2: float) -> Self:
        """The same problem counted per another area [m2]."""
        return replace(self, area_m2=area_m2)

    def stored(self) -> Problem:
        """The same problem with its matrices, 27 entries a row, for small images.

        Raises
        ------
        MemoryLimitError
            If there are more than 4e5 unknowns.
        """
        if self.n_free > _STORED_BELOW:
            raise MemoryLimitError(
                f"stored matrices of {self.n_free} voxel nodes: allowed are {_STORED_BELOW}; solve without them"
            )
        n, number = self.n_free, self._number.reshape(self._free.shape).copy()
        number[self._port] = n
        self._periodic.copied(number)
        terms = []
        for q, term in enumerate(self.terms):
            one = np.zeros(len(self.terms))
            one[q] = 1.0
            i, j, c = [np.empty(0, int)], [np.empty(0, int)], [np.empty(0)]
            ground: Array = np.zeros(n + 1)
            if term.name in self.mesh.region_names:
                every = np.ones(number.shape, bool)
                off = self._conductances(self._by_region(one), every)
                for s, code in enumerate(ALL_CODES):
                    here, there = _shifted(int(code), number.shape)
                    a, b, v = number[here].ravel(), number[there].ravel(), off[s][here].ravel()
                    for one_end, other in ((a, b), (b, a)):
                        tied = (one_end >= 0) & (other < 0) & (v != 0)
                        np.add.at(ground, one_end[tied], v[tied])
                    both = (a >= 0) & (b >= 0) & (a != b) & (v != 0)
                    i.append(a[both])
                    j.append(b[both])
                    c.append(v[both])
            elif term.name in self.mesh.faces:
                nodes, area = self.mesh.faces[term.name]
                if term.name == "counter":
                    ground[number.ravel()[nodes]] += area
                else:
                    i.append(number.ravel()[nodes])
                    j.append(np.full(len(nodes), n))
                    c.append(area)
            a, b, v = np.concatenate(i), np.concatenate(j), np.concatenate(c)
            diagonal = ground + np.bincount(a, v, n + 1) + np.bincount(b, v, n + 1)
            rows, columns = np.concatenate([a, b, np.arange(n + 1)]), np.concatenate([b, a, np.arange(n + 1)])
            matrix = csr_array(coo_array((np.concatenate([-v, -v, diagonal]), (rows, columns)), shape=(n + 1, n + 1)))
            terms.append(Term(name=term.name, role=term.role, law=term.law, matrix=matrix))
        return Problem(tuple(terms), self.area_m2, self.temperature_K)

    # --- solution ---------------------------------------------------------------------------------------------------

    def solve(
        self, omega: float, start: NDArray[np.complex128] | None = None, limit: float = linear.ITERATIVE_LIMIT
    ) -> NDArray[np.complex128]:
        """Potentials (n_free + 1,) for 1 V at the port, the residual measured again; real for real laws.

        Parameters
        ----------
        omega : float
            Angular frequency [rad/s]; 0 is direct current.
        start : (n_free + 1,), optional
            A guess of the result.
        limit : float
            Largest accepted residual, relative to that of the first guess, both scaled by the diagonal.

        Raises
        ------
        ConvergenceError
            If the residual stays above the limit, or no current can flow.
        MemoryLimitError
            If the machine has not the memory that it would take.
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
        is_real = bool(np.all(np.imag(theta) == 0))
        nodes = self.mesh.status.size
        require_memory((_BYTES_REAL if is_real else _BYTES_COMPLEX) * nodes, nodes)
        theta = np.array(np.real(theta) if is_real else theta)
        volumes = np.array([t.name in self.mesh.region_names for t in self.terms])
        top = np.abs(theta[volumes]).max()
        if top == 0.0:
            raise ConvergenceError("the system is singular: no phase conducts")
        # In units of the largest admittivity and of an edge: single precision must not overflow.
        theta = theta / top
        theta[volumes & (theta == 0)] = _BLOCKING
        system = self._system(theta, max(self.mesh.voxel_m))
        guess = None if start is None else voxel_cg.planar(self.on_grid(start), is_real)
        if guess is not None:
            guess[:, ~self._free] = 0.0
        found, iterations = voxel_cg.solve(system, guess, limit)
        self.solves.append(linear.Solve("voxel multigrid", iterations))
        values = found[0][self._free] if is_real else found[0][self._free] + 1j * found[1][self._free]
        return np.append(values, 1.0)

    def _conductances(self, kappa: Array, is_free: NDArray[np.bool_]) -> Array:
        """Between nodes and the 13 neighbours that follow them, (13, nz + 1, ny + 1, nx + 1), in the type of kappa."""
        off = np.empty((13, *self.mesh.status.shape), kappa.dtype)
        pairs = pair_conductances(self._weights).astype(kappa.dtype)
        has_fixed = (self.mesh.status > FREE).any(axis=2)
        at = (kappa, self.mesh.region, pairs, is_free, has_fixed)
        in_slabs(lambda a, b: kernels.conductances(*at, off, a, b), off.shape[1])
        return off

    def _system(self, theta: Array, edge: float) -> voxel_cg.System:
        """Operator, right-hand side and preconditioner for laws over the largest admittivity, divided by an edge."""
        shape = self.mesh.status.shape
        w = self._weights / edge
        is_real = not np.iscomplexobj(theta)
        kappas = [self._by_region(np.real(theta))] + ([] if is_real else [self._by_region(np.imag(theta))])
        couplings = [(nodes, y / edge, to_port) for nodes, y, to_port in self._couplings(theta)]
        region, periodic = self.mesh.region, self._periodic

        parts = [_by_kind(couplings, shape, kind) for kind in ((np.real,) if is_real else (np.real, np.imag))]

        def product(number: int, x: Array, y: Array) -> None:
            at = (kappas[number], region, w, parts[number], self._free, periodic.lateral)
            in_slabs(lambda a, b: kernels.product(*at, x, y, a, b), shape[0])

        b = np.zeros((len(kappas), *shape))
        port = periodic.copied(self._port.astype(float))
        for number, part in enumerate(b):
            self._volume(kappas[number], port, part, self._free)
            part /= -edge
        for nodes, g, to_port in couplings:
            if to_port:
                for part, kind in zip(b, (np.real, np.imag), strict=False):
                    part.reshape(-1)[nodes] += kind(g)

        magnitude = np.abs(theta)
        diagonal = np.where(self._free, self._volume_diagonal(self._by_region(magnitude)) / edge, 0.0).astype(
            np.float32
        )
        for nodes, g, _ in couplings:
            diagonal.reshape(-1)[nodes] += np.abs(g)
        hierarchy = serving(self._solved, magnitude) or self._preconditioner(magnitude, diagonal, couplings, edge)
        return voxel_cg.System(voxel_cg.planar_product(product, b.shape, periodic), b, diagonal, hierarchy)

    def _preconditioner(self, magnitude: Array, diagonal: Array, couplings: Any, edge: float) -> Hierarchy:
        self._solved.clear()
        kappa = self._by_region(magnitude).astype(np.float32)
        off = self._conductances(kappa / np.float32(edge), self._free_and_copies)
        weights = (self._weights / edge).astype(np.float32)
        shape, region, periodic = diagonal.shape, self.mesh.region, self._periodic
        # What a node has beyond its free neighbours leads to port or ground: A x of those at 1 V is minus that.
        tied = _by_kind(couplings, shape, np.abs).astype(np.float32)
        fixed = periodic.copied((self.mesh.status > FREE).astype(np.float32))
        tie = np.empty(shape, np.float32)
        none = np.empty((0, 0, 0), np.float32)
        at = (kappa, region, weights, none, self._free, periodic.lateral)
        in_slabs(lambda a, b: kernels.product(*at, fixed, tie, a, b), shape[0])
        np.negative(tie, out=tie)
        for nodes, g, _ in couplings:
            tie.reshape(-1)[nodes] += np.abs(g)
        # The largest eigenvalue of D^-1 A on one voxel, and so of any number of them.
        largest = 8.0 * self._weights.max() / self._weights.sum()
        inverse = np.zeros(shape, np.float32)
        np.divide(min(1.0, 1.5 / largest), diagonal, out=inverse, where=self._free)
        of = (kappa, region, weights, tied, inverse, periodic.lateral)

        def residual(b: Array, x: Array, y: Array) -> None:
            in_slabs(lambda first, last: kernels.residual(*of, b, x, y, first, last), shape[0])

        def smoothed(b: Array, x: Array, y: Array) -> None:
            in_slabs(lambda first, last: kernels.smoothed(*of, b, x, y, first, last), shape[0])

        hierarchy = build(Network(off, ALL_CODES, tie, periodic), Smoothing(inverse, residual, smoothed))
        self._solved.append((magnitude, hierarchy))
        return hierarchy


def require_memory(needed: float, size: int) -> None:
    """Refuse what does not fit.

    Raises
    ------
    MemoryLimitError
    """
    check_memory(needed, available_memory(), f"an image of {size} voxels or nodes")


def _by_kind(couplings: Any, shape: tuple[int, ...], kind: Callable[[Array], Array]) -> Array:
    """A part of the admittances of laws on faces, node by node; empty if there are none."""
    out = np.zeros(shape if couplings else (0, 0, 0))
    for nodes, g, _ in couplings:
        out.reshape(-1)[nodes] += kind(g)
    return out


def pair_conductances(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Conductance between two corners of a voxel by which axes differ, for admittivity 1: minus the matrix entries.

    weights : (8,) as of `voxel_kernels.mode_weights`
    """
    signs = np.array([[(-1.0) ** bin(m & d).count("1") for m in range(8)] for d in range(8)])
    return np.asarray(-signs @ weights)


def _shifted(code: int, shape: tuple[int, ...]) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Slices of the nodes that have a neighbour of a code, and of those neighbours."""
    steps = ((code + 4) // 9, (code + 4) // 3 % 3 - 1, (code + 4) % 3 - 1)
    here = tuple(slice(max(0, -d), n - max(0, d)) for d, n in zip(steps, shape, strict=True))
    there = tuple(slice(max(0, d), n - max(0, -d)) for d, n in zip(steps, shape, strict=True))
    return here, there
