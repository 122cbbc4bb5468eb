"""Label images from the other side: a network of half resistors in every voxel, whose resistance is never too small.

Unknowns are the potentials of the middles of the voxels. Between two of them lie half a voxel of one material, the law
of the face if it has one, and half a voxel of the other, in series; between a middle and metal or ground, half a voxel
and the law. Every such kind of face is a term of its own with its series as law, so that this is an affine problem, too
(`aspot.fem.problem.AffineProblem`).

The currents of the network are without divergence in every voxel. Taken as linear between opposite faces (Raviart and
Thomas' elements of lowest order) they are an admissible current field of the labels, so that by Thomson's principle

    R <= sum over voxels and axes of  rho h / A (I-^2 + I- I+ + I+^2) / 3  +  sum over faces of z / A I^2 ,

divided by the square of the total current (`impedance_by_current`), and that is below the resistance of the network,
which has (I-^2 + I+^2)/2 in place of the third. The potentials of `aspot.fem.voxel` bound R from below. With complex
laws the same sums without conjugates are a second answer for Z.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aspot.errors import ConvergenceError, MemoryLimitError
from aspot.fem import linear, voxel_cg
from aspot.fem import voxel_network as net
from aspot.fem.problem import Role, require_finite, theta_of
from aspot.fem.voxel import require_memory
from aspot.fem.voxel_multigrid import Hierarchy, Network, Periodicity, build, in_slabs, jacobi, serving
from aspot.laws import Law
from aspot.mesh.voxel import VoxelMesh, components

Array = NDArray[Any]

#: Codes of the neighbours along x, y and z (see `voxel_network`), and those axes.
_CODES, _AXES = np.array([1, 3, 9]), (2, 1, 0)
#: Conductance of voxels without current in the preconditioner, over the largest.
_FAINT = 1e-12
#: Share of the largest law that one gets where it blocks direct current.
_BLOCKING = 1e-12
#: Peak per voxel of a real and a complex solve, measured [bytes].
_BYTES_REAL, _BYTES_COMPLEX = 210.0, 330.0


@dataclass(frozen=True)
class Across:
    """Admittance per area between two places half a voxel from a face, or one and the metal or ground [S/m2].

    Parameters
    ----------
    halves : tuple of (str, Law, float)
        Name and admittivity of the material on each side, and the way to the face [m].
    law : Law or None
        Of the face itself.
    """

    halves: tuple[tuple[str, Law, float], ...]
    law: Law | None

    def __call__(self, omega: ArrayLike, temperature: float) -> NDArray[np.complex128]:
        """Admittance per area [S/m2]; 0 where a part blocks."""
        parts = list(self.parts(omega, temperature).values())
        z = np.sum(parts, axis=0)
        blocked = ~np.isfinite(z)
        return np.asarray(np.where(blocked, 0.0, 1.0 / np.where(blocked, 1.0, z)), complex)

    def parts(self, omega: ArrayLike, temperature: float) -> dict[str, NDArray[np.complex128]]:
        """Impedances in series by name [ohm m2]; infinite where a part blocks."""
        out: dict[str, NDArray[np.complex128]] = {}
        zero = np.zeros(np.shape(omega), complex)
        for name, law, length in self.halves:
            out[name] = out.get(name, zero) + _inverse(law(omega, temperature) / length)
        for name, z in ({} if self.law is None else self.law.parts(omega, temperature)).items():
            out[name] = out.get(name, zero) + np.asarray(z, complex)
        return out


def _inverse(y: NDArray[np.complex128]) -> NDArray[np.complex128]:
    y = np.asarray(y, complex)
    # Infinite in the real part alone: a complex infinity times a length is no number.
    out = np.empty(y.shape, complex)
    out.real, out.imag = np.where(y == 0, np.inf, (1.0 / np.where(y == 0, 1.0, y)).real), 0.0
    out.imag = (1.0 / np.where(y == 0, 1.0, y)).imag
    return out


@dataclass(frozen=True, kw_only=True)
class FaceTerm:
    """One summand: all faces of a kind. `law` is that of a material [S/m], or an `Across` [S/m2]."""

    name: str
    role: Role
    law: Law


@dataclass(frozen=True, kw_only=True)
class _Kinds:
    """Faces by class: term and area (or area over distance) of each class, and the class of every face.

    Parameters
    ----------
    terms : tuple of FaceTerm
    term : (c,) int
        Term of each class; class 0, without current, has -1.
    size : (c,) float
        Area [m2], or area over length [m] for a material.
    at : three of (n + 1 along the axis) uint8
        Class of the faces across z, y, x. On a periodic axis the first and the last are the same faces.
    """

    terms: tuple[FaceTerm, ...]
    term: NDArray[np.int64]
    size: NDArray[np.float64]
    at: tuple[Array, Array, Array]


@dataclass(frozen=True)
class VoxelCellsProblem:
    """The network of a label image as an affine problem.

    Parameters
    ----------
    mesh : VoxelMesh
    laws : mapping
        Admittivity [S/m] of every region by name, and admittances per area [S/m2] of "contact", "gap" and "counter";
        None or left out: ideal contact and counter, no gap.
    area_m2 : float
    temperature_K : float
    """

    mesh: VoxelMesh
    laws: Mapping[str, Law | None]
    area_m2: float
    temperature_K: float

    @cached_property
    def _kind(self) -> NDArray[np.uint8]:
        """Region, or one of the numbers after them: nothing, metal, gap."""
        mesh, n = self.mesh, len(self.mesh.region_names)
        kind = mesh.region.astype(np.uint8)
        kind[mesh.is_metal] = n + 1
        kind[mesh.is_gap] = n + 2
        conducts = kind < n
        parts, count = components(conducts, mesh.periodic, corners=False)
        touches = np.zeros(count + 1, bool)
        touches[parts[-1]] = True
        if mesh.plate:
            touches[parts[0]] = True
        driven = kind > n
        for axis in range(3):
            p, d = np.moveaxis(parts, axis, 0), np.moveaxis(driven, axis, 0)
            touches[p[1:][d[:-1]]] = True
            touches[p[:-1][d[1:]]] = True
            if mesh.periodic and axis:
                touches[p[0][d[-1]]] = True
                touches[p[-1][d[0]]] = True
        kind[conducts & ~touches[parts]] = n
        return kind

    @cached_property
    def _active(self) -> NDArray[np.bool_]:
        return np.asarray(self._kind < len(self.mesh.region_names))

    @cached_property
    def _driven(self) -> NDArray[np.bool_]:
        return np.asarray(self._kind > len(self.mesh.region_names))

    @cached_property
    def n_free(self) -> int:
        """Number of voxels that conduct or polarise."""
        return int(np.count_nonzero(self._active))

    @cached_property
    def _faces(self) -> _Kinds:
        return _classified(self.mesh, self._kind, self.laws)

    @property
    def terms(self) -> tuple[FaceTerm, ...]:
        """The kinds of faces."""
        return self._faces.terms

    @cached_property
    def _solved(self) -> list[tuple[NDArray[np.float64], Hierarchy]]:
        return []

    def theta(self, omega: NDArray[np.float64] | float) -> NDArray[np.complex128]:
        """Values of all laws at angular frequencies [rad/s], shape (Q, m)."""
        return theta_of(self.terms, omega, self.temperature_K)

    def _conductances(self, theta: Array) -> Array:
        """Conductance of every class of faces [S]."""
        faces = self._faces
        return np.where(faces.term >= 0, theta[faces.term], 0.0) * faces.size

    # --- from vectors to grids --------------------------------------------------------------------------------------

    @cached_property
    def solves(self) -> list[linear.Solve]:
        """How each system was solved, so far."""
        return []

    def on_grid(self, x: NDArray[np.inexact]) -> Array:
        """Potentials of all voxels: metal and gaps that of the port, others 0."""
        out = np.zeros(self._active.shape, x.dtype)
        out[self._active] = x[:-1]
        out[self._driven] = x[-1]
        return out

    def _jumps(self, v: Array, port: complex, axis: int) -> Array:
        """Potential before less that behind every face across an axis, (n + 1 along it); the axis comes first."""
        v = np.moveaxis(v, axis, 0)
        out = np.zeros((len(v) + 1, *v.shape[1:]), v.dtype)
        out[1:-1] = v[:-1] - v[1:]
        if axis == 0:
            out[0], out[-1] = port - v[0], v[-1]
        elif self.mesh.periodic:
            out[0] = out[-1] = v[-1] - v[0]
        return out

    def _each_once(self, axis: int, a: Array) -> Array:
        """Faces across an axis without those that are there twice."""
        return a[1:] if self.mesh.periodic and axis else a

    # --- what reduced bases need ------------------------------------------------------------------------------------

    def images(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """A_q x of every term for real potentials, shape (Q, n_free + 1)."""
        v = self.on_grid(np.asarray(x, float))
        out = np.zeros((len(self.terms), self.n_free + 1))
        for q in range(len(self.terms)):
            one = np.zeros(len(self.terms))
            one[q] = 1.0
            g = self._conductances(one)
            net_current = np.zeros(v.shape)
            plate = 0.0
            for axis in range(3):
                current = self._jumps(v, x[-1], axis) * np.moveaxis(g[self._faces.at[axis]], axis, 0)
                to = np.moveaxis(net_current, axis, 0)
                to += current[1:] - current[:-1]
                if axis == 0:
                    plate = current[0].sum()
            out[q, :-1] = net_current[self._active]
            out[q, -1] = plate + net_current[self._driven].sum()
        return out

    def diagonals(self) -> NDArray[np.float64]:
        """Diagonal of every A_q on the free unknowns, shape (Q, n_free)."""
        out = np.zeros((len(self.terms), self.n_free))
        for q in range(len(self.terms)):
            one = np.zeros(len(self.terms))
            one[q] = 1.0
            g = self._conductances(one)
            total = np.zeros(self._active.shape)
            for axis in range(3):
                faces = np.moveaxis(g[self._faces.at[axis]], axis, 0)
                to = np.moveaxis(total, axis, 0)
                to += faces[1:] + faces[:-1]
            out[q] = total[self._active]
        return out

    def _products(self, x: NDArray[np.inexact], kind: Callable[[Array], Array]) -> Array:
        v, faces = self.on_grid(x), self._faces
        sums: Array = np.zeros(len(faces.size), complex)
        for axis in range(3):
            squares = self._each_once(axis, kind(self._jumps(v, x[-1], axis))).ravel()
            classes = self._each_once(axis, np.moveaxis(faces.at[axis], axis, 0)).ravel()
            sums += np.bincount(classes, np.real(squares), len(sums))
            if np.iscomplexobj(squares):
                sums += 1j * np.bincount(classes, np.imag(squares), len(sums))
        out: Array = np.zeros(len(self.terms), complex)
        np.add.at(out, faces.term[faces.term >= 0], (sums * faces.size)[faces.term >= 0])
        return out

    def energies(self, x: NDArray[np.complex128]) -> NDArray[np.complex128]:
        """Bilinear energies x^T A_q x of every term, shape (Q,); also dY/dtheta_q."""
        out = self._products(x, np.square)
        return np.asarray(out if np.iscomplexobj(x) else out.real)

    def dissipation_weights(self, x: NDArray[np.complex128]) -> NDArray[np.float64]:
        """Hermitian energies x^H A_q x of every term, shape (Q,)."""
        return np.asarray(self._products(x, lambda d: np.abs(d) ** 2).real)

    def admittance(self, x: NDArray[np.complex128], omega: float) -> complex:
        """Y = sum_q theta_q x^T A_q x of the modelled piece [S]."""
        return complex(self.theta(omega)[:, 0] @ self.energies(x))

    def bounding_inverse(self, weights: NDArray[np.float64]) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
        """Not there for this network.

        Raises
        ------
        MemoryLimitError
        """
        raise MemoryLimitError("bounds over parameters need stored matrices, which networks of voxels do not have")

    def with_laws(self, laws: Mapping[str, Law], temperature_K: float) -> Self:
        """The same labels under other laws, by names of materials and kinds of faces."""
        return replace(self, laws={**self.laws, **laws}, temperature_K=temperature_K)

    def with_area(self, area_m2: float) -> Self:
        """The same problem counted per another area [m2]."""
        return replace(self, area_m2=area_m2)

    # --- solution ---------------------------------------------------------------------------------------------------

    def solve(
        self, omega: float, start: NDArray[np.complex128] | None = None, limit: float = linear.ITERATIVE_LIMIT
    ) -> NDArray[np.complex128]:
        """Potentials (n_free + 1,) for 1 V at the port; see `aspot.fem.voxel.VoxelProblem.solve`."""
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
        require_memory((_BYTES_REAL if is_real else _BYTES_COMPLEX) * self._active.size, self._active.size)
        g = self._conductances(np.real(theta) if is_real else theta)
        top = np.abs(g).max()
        if top == 0.0:
            raise ConvergenceError("the network is singular: no phase conducts")
        # In units of the largest conductance: single precision must not overflow.
        g = g / top
        g[(g == 0) & (self._faces.term >= 0)] = _BLOCKING
        guess = None
        if start is not None:
            free = self.on_grid(start)
            free[self._driven] = 0.0
            more = int(self.mesh.periodic)
            guess = voxel_cg.planar(np.pad(free, ((0, 0), (0, more), (0, more))), is_real)
        found, iterations = voxel_cg.solve(self._system(g, np.abs(theta)), guess, limit)
        self.solves.append(linear.Solve("voxel multigrid", iterations))
        _, ny, nx = self._active.shape
        values = found[:, :, :ny, :nx][:, self._active]
        return np.append(values[0] if is_real else values[0] + 1j * values[1], 1.0)

    def _system(self, g: Array, magnitude: NDArray[np.float64]) -> voxel_cg.System:
        mesh, a, d = self.mesh, self._active, self._driven
        nz, ny, nx = a.shape
        more = int(mesh.periodic)
        shape = (nz, ny + more, nx + more)
        periodic = Periodicity(mesh.periodic)
        off = np.zeros((3, *shape), g.dtype)
        tie, source = np.zeros(shape, g.dtype), np.zeros(shape, g.dtype)
        inside = np.s_[:, :ny, :nx]
        for row, axis in enumerate(_AXES):
            faces = np.moveaxis(g[self._faces.at[axis]], axis, 0)
            active, driven = np.moveaxis(a, axis, 0), np.moveaxis(d, axis, 0)
            pairs = np.moveaxis(off[row][inside], axis, 0)
            t, s = np.moveaxis(tie[inside], axis, 0), np.moveaxis(source[inside], axis, 0)
            n = len(active)
            pairs[:-1] = np.where(active[:-1] & active[1:], faces[1:n], 0.0)
            places: list[Any] = [(np.s_[1:n], np.s_[: n - 1], faces[1:n]), (np.s_[: n - 1], np.s_[1:n], faces[1:n])]
            if axis == 0:
                t[-1] += np.where(active[-1], faces[n], 0.0)
                if mesh.plate:
                    t[0] += np.where(active[0], faces[0], 0.0)
                    s[0] += np.where(active[0], faces[0], 0.0)
            elif mesh.periodic:
                pairs[-1] = np.where(active[-1] & active[0], faces[n], 0.0)
                places += [(np.s_[:1], np.s_[-1:], faces[n:]), (np.s_[-1:], np.s_[:1], faces[n:])]
            for at, other, lead in places:
                lead = np.where(active[at] & driven[other], lead, 0.0)
                t[at] += lead
                s[at] += lead
        kinds = (np.real, np.imag) if np.iscomplexobj(g) else (np.real,)
        parts = [(np.ascontiguousarray(kind(off)), np.ascontiguousarray(kind(tie))) for kind in kinds]
        b = np.stack([kind(source) for kind in kinds])
        diagonal = Network(np.abs(off).astype(np.float32), _CODES, np.abs(tie).astype(np.float32), periodic).diagonal()
        diagonal[inside][~a] = 0.0
        hierarchy = serving(self._solved, magnitude) or self._preconditioner(off, tie, magnitude, periodic)

        def product(number: int, x: Array, y: Array) -> None:
            stored = parts[number]
            in_slabs(lambda p, q: net.product(stored[0], _CODES, stored[1], more > 0, x, y, p, q), nz)

        return voxel_cg.System(voxel_cg.planar_product(product, b.shape, periodic), b, diagonal, hierarchy)

    def _preconditioner(
        self, off: Array, tie: Array, magnitude: NDArray[np.float64], periodic: Periodicity
    ) -> Hierarchy:
        self._solved.clear()
        inside = np.s_[:, : self._active.shape[1], : self._active.shape[2]]
        leads = np.abs(off).astype(np.float32)
        # Voxels without current take part in interpolation: those around may have no other to lean on.
        for row, axis in enumerate(_AXES):
            free = np.moveaxis(~self._driven, axis, 0)
            pairs = np.moveaxis(leads[row][inside], axis, 0)
            pairs[:-1] = np.where(free[:-1] & free[1:], np.maximum(pairs[:-1], np.float32(_FAINT)), pairs[:-1])
        network = Network(leads, _CODES, np.abs(tie).astype(np.float32), periodic)
        inverse = jacobi(network)
        inverse[inside][~self._active] = 0.0
        hierarchy = build(network, network.smoothing(inverse))
        self._solved.append((magnitude, hierarchy))
        return hierarchy

    def impedance_by_current(self, x: NDArray[np.complex128], omega: float) -> complex:
        """Impedance of the piece by the currents of a solution, linear across each voxel [ohm].

        At direct current a guaranteed upper bound of the resistance of the labels.

        Raises
        ------
        ConvergenceError
            If no current flows.
        """
        mesh, faces = self.mesh, self._faces
        is_real = not np.iscomplexobj(x)
        number = float if is_real else complex
        theta = self.theta(omega)[:, 0]
        g = self._conductances(np.real(theta) if is_real else theta)
        at = np.array([omega])
        rho = np.zeros(len(mesh.region_names) + 3, number)
        for index, name in enumerate(mesh.region_names):
            law = self.laws[name]
            y = complex(law(at, self.temperature_K)[0]) if law is not None else 0.0
            # Where a phase blocks, its currents are 0.
            rho[index] = 0.0 if y == 0 else np.real(1.0 / y) if is_real else 1.0 / y
        specific = rho[self._kind]
        between = np.zeros(len(faces.size), number)
        for c, q in enumerate(faces.term):
            law = self.terms[q].law if q >= 0 else None
            if isinstance(law, Across) and law.law is not None:
                y = complex(law.law(at, self.temperature_K)[0])
                between[c] = 0.0 if y == 0 else np.real(1.0 / y) if is_real else 1.0 / y
        v = self.on_grid(x)
        dissipated, total = 0.0, 0.0
        for axis in range(3):
            length = mesh.voxel_m[axis]
            area = np.prod(mesh.voxel_m) / length
            classes = np.moveaxis(faces.at[axis], axis, 0)
            current = g[classes] * self._jumps(v, x[-1], axis)
            driven = np.moveaxis(self._driven, axis, 0)
            if axis == 0:
                total += current[0].sum()
            elif mesh.periodic:
                total += current[0][driven[-1]].sum() - current[0][driven[0]].sum()
            total += current[1:-1][driven[:-1]].sum() - current[1:-1][driven[1:]].sum()
            below, above = current[:-1], current[1:]
            squares = below * below + below * above + above * above
            dissipated += (np.moveaxis(specific, axis, 0) * squares).sum() * length / (3.0 * area)
            once = self._each_once(axis, current)
            dissipated += (between[self._each_once(axis, classes)] * once * once).sum() / area
        if total == 0.0:
            raise ConvergenceError("the network carries no current")
        return complex(dissipated / total**2)


def _classified(mesh: VoxelMesh, kind: NDArray[np.uint8], laws: Mapping[str, Law | None]) -> _Kinds:
    """Terms and classes of all faces."""
    names = mesh.region_names
    nothing, metal, gap, ground = (len(names) + k for k in range(4))
    terms: list[FaceTerm] = []
    term, size = [-1], [0.0]
    roles: dict[str, Role] = {"contact": "contact", "gap": "gap", "counter": "counter"}

    def class_of(name: str, role: Role, law: Law, amount: float) -> int:
        known = [t.name for t in terms]
        if name not in known:
            terms.append(FaceTerm(name=name, role=role, law=law))
            known.append(name)
        for c in range(1, len(term)):
            if term[c] == known.index(name) and size[c] == amount:
                return c
        term.append(known.index(name))
        size.append(amount)
        return len(term) - 1

    def bulk_role(name: str) -> Role:
        return "electrolyte" if name == "electrolyte" else "layer"

    def found(one: int, other: int, axis: int) -> int:
        """Class of the face between two kinds."""
        one, other = min(one, other), max(one, other)
        length = mesh.voxel_m[axis]
        area = float(np.prod(mesh.voxel_m)) / length
        if one >= nothing or other == nothing or laws.get(names[one]) is None:
            return 0
        name, law = names[one], laws[names[one]]
        assert law is not None
        if other < nothing:
            second = laws.get(names[other])
            if second is None:
                return 0
            if one == other:
                return class_of(name, bulk_role(name), law, area / length)
            halves = ((name, law, 0.5 * length), (names[other], second, 0.5 * length))
            # Booked by parts, as those of a contact are; where a part blocks, under a name that carries no current.
            blocks = 0.0 in (complex(law(0.0, 300.0)), complex(second(0.0, 300.0)))
            role: Role = "gap" if blocks else "contact"
            return class_of(_name(f"{name}|{names[other]}", axis, mesh), role, Across(halves, None), area)
        kind_of = {metal: "contact", gap: "gap", ground: "counter"}[other]
        face = laws.get(kind_of) if name == "electrolyte" else None
        if face is None:
            # Ideal, but for gaps; beside a counter law nothing else reaches the far face.
            if kind_of == "gap" or (kind_of == "counter" and laws.get("counter") is not None):
                return 0
            return class_of(name, bulk_role(name), law, 2.0 * area / length)
        across = Across(((name, law, 0.5 * length),), face)
        return class_of(_name(kind_of, axis, mesh), roles[kind_of], across, area)

    at = []
    for axis in range(3):
        table = np.array([[found(a, b, axis) for b in range(ground + 1)] for a in range(ground + 1)], np.uint8)
        k = np.moveaxis(kind, axis, 0)
        classes = np.zeros((len(k) + 1, *k.shape[1:]), np.uint8)
        classes[1:-1] = table[k[:-1], k[1:]]
        if axis == 0:
            if mesh.plate:
                classes[0] = table[metal, k[0]]
            classes[-1] = table[k[-1], ground]
        elif mesh.periodic:
            classes[0] = classes[-1] = table[k[-1], k[0]]
        at.append(np.moveaxis(classes, 0, axis))
    return _Kinds(terms=tuple(terms), term=np.array(term), size=np.array(size), at=(at[0], at[1], at[2]))


def _name(name: str, axis: int, mesh: VoxelMesh) -> str:
    """A name for a kind of face, with the axis where the way to the face depends on it."""
    return name if len(set(mesh.voxel_m)) == 1 else f"{name} across {'zyx'[axis]}"
