"""Multigrid for networks on a regular grid: a cheap symmetric positive definite preconditioner for voxel images.

Two or more levels of every second node, with interpolation that follows the conductances (`aspot.fem.voxel_network`),
as long as the grid is fine enough to tell the features of the image apart; below them smoothed aggregation
(`aspot.fem.multigrid`), which follows them wherever they lead. Coarse networks are those of Galerkin, P^T A P.

One V-cycle: a Jacobi step from zero, correction from the coarser level, a Jacobi step. For Q1 cubes of any
admittivities the eigenvalues of D^-1 A do not exceed 1.5 and high frequencies keep above 0.5: one undamped step halves
them. On coarser levels D is the sum of the magnitudes of the conductances of a node, so that they do not exceed 2
(Gershgorin).

Levels are kept in single precision, inside an iteration in double precision.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from aspot.errors import ConvergenceError
from aspot.fem import multigrid, voxel_coarsening
from aspot.fem import voxel_network as net

Array = NDArray[Any]
Single = NDArray[np.float32]

#: Codes of the 13 neighbours that follow a node (see `voxel_network`).
ALL_CODES = np.arange(1, 14)
#: Grids of so few nodes are left to smoothed aggregation, but at least one level is coarsened.
_AGGREGATED = 40_000
#: Couplings of aggregates (see `multigrid.STRENGTH`): those of Q1 cubes are 1/16 and 1/32 of the diagonal.
STRENGTH = 0.02
#: Largest ratio of the ratios of two sets of laws for which one hierarchy serves both.
_ALIKE = 2.0
#: Damping of Jacobi steps on coarser levels.
_DAMPING = 0.9


def n_threads() -> int:
    """Threads for sums over grids: those that numba was given."""
    from numba import config

    return int(min(getattr(config, "NUMBA_NUM_THREADS"), os.cpu_count() or 1))  # noqa: B009  numba sets it late


@lru_cache(maxsize=1)
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads)


def in_slabs(work: Callable[[int, int], Any], planes: int) -> list[Any]:
    """Call `work(first, last)` for slabs that make up all planes, one for each thread; their results in order."""
    threads = min(n_threads(), max(planes // 8, 1))
    if threads == 1:
        return [work(0, planes)]
    edges = np.linspace(0, planes, threads + 1).astype(int)
    return list(_pool(n_threads()).map(work, edges[:-1], edges[1:]))


@dataclass(frozen=True)
class Periodicity:
    """Whether both lateral axes repeat: their last nodes are the first ones once more."""

    lateral: bool

    def copied(self, a: Array) -> Array:
        """In place: values of the first nodes to the last ones; axes z, y, x come last but for `a.ndim - 3` leading."""
        if self.lateral:
            a[..., -1, :] = a[..., 0, :]
            a[..., -1] = a[..., 0]
        return a

    def folded(self, a: Array) -> Array:
        """In place: what the last nodes hold is added to the first ones, and set to 0."""
        if self.lateral:
            a[..., 0, :] += a[..., -1, :]
            a[..., -1, :] = 0
            a[..., 0] += a[..., -1]
            a[..., -1] = 0
        return a

    def cleared(self, a: Array) -> Array:
        """In place: the last nodes are set to 0."""
        if self.lateral:
            a[..., -1, :] = 0
            a[..., -1] = 0
        return a


@dataclass(frozen=True)
class Smoothing:
    """What a V-cycle does with the matrix of a level.

    Parameters
    ----------
    inverse : (nz, ny, nx) float32
        One over the diagonal of the Jacobi steps, 0 where a node is not free.
    residual, smoothed : callable
        (b, x, y): y = b - A x, and y = x + D^-1 (b - A x); x holds its copies, y has none.
    """

    inverse: Single
    residual: Callable[[Single, Single, Single], None]
    smoothed: Callable[[Single, Single, Single], None]


@dataclass(frozen=True)
class Network:
    """Conductances and ties on a grid (see `aspot.fem.voxel_network`).

    Parameters
    ----------
    off : (m, nz, ny, nx) float
        Conductances to the neighbours of `codes`.
    codes : (m,) int
    tie : (nz, ny, nx) float
    periodic : Periodicity
    """

    off: Array
    codes: NDArray[np.int64]
    tie: Array
    periodic: Periodicity

    @property
    def shape(self) -> tuple[int, int, int]:
        """Nodes along z, y, x."""
        nz, ny, nx = self.tie.shape
        return nz, ny, nx

    def apply(self, x: Array, y: Array) -> None:
        """Y = A x; the copies of periodic nodes in x are set."""
        self.periodic.copied(x)
        at = (self.off, self.codes, self.tie, self.periodic.lateral)
        in_slabs(lambda a, b: net.product(*at, x, y, a, b), self.shape[0])
        self.periodic.cleared(x)

    def smoothing(self, inverse: Single) -> Smoothing:
        """What a level needs of it, in single precision."""
        at = (np.asarray(self.off, np.float32), self.codes, self.tie.astype(np.float32), inverse, self.periodic.lateral)

        def residual(b: Single, x: Single, y: Single) -> None:
            in_slabs(lambda first, last: net.residual(*at, b, x, y, first, last), len(x))

        def smoothed(b: Single, x: Single, y: Single) -> None:
            in_slabs(lambda first, last: net.smoothed(*at, b, x, y, first, last), len(x))

        return Smoothing(inverse, residual, smoothed)

    def diagonal(self) -> Array:
        """Sum of the conductances and ties of every node; 0 at copies."""
        out = np.empty_like(self.tie)
        in_slabs(lambda a, b: net.diagonal(self.off, self.codes, self.tie, out, a, b), self.shape[0])
        return self.periodic.folded(out)

    def magnitudes(self) -> Array:
        """As `diagonal`, of the magnitudes."""
        return Network(np.abs(self.off), self.codes, np.abs(self.tie), self.periodic).diagonal()

    def weights(self) -> Single:
        """Interpolation from every second node, shape (mz, my, mx, 26)."""
        shape = tuple(n // 2 + 1 for n in self.shape)
        w = np.zeros((*shape, 26), np.float32)
        slot = np.full(14, -1)
        slot[self.codes] = np.arange(len(self.codes))
        at = (self.off, slot, self.tie)
        both = (int(self.periodic.lateral),) * 2
        copied = np.moveaxis(w, 3, 0)
        for work in (net.edge_weights, net.face_weights):
            in_slabs(lambda a, b, work=work: work(*at, *both, w, a, b), shape[0])  # type: ignore[misc]
            self.periodic.copied(copied)
        in_slabs(lambda a, b: net.middle_weights(*at, w, a, b), shape[0])
        return w

    def coarsened(self, w: Single, is_free: NDArray[np.bool_]) -> Network:
        """The network P^T A P of every second node."""
        shape = w.shape[:3]
        # In double precision: some of its conductances are negative, and single ones would leave it indefinite.
        off, tie = np.zeros((13, *shape)), np.zeros(shape)
        tables = voxel_coarsening.tables(tuple(int(code) for code in self.codes))
        for colour in (0, 1):

            def add(a: int, b: int, colour: int = colour) -> None:
                voxel_coarsening.coarsen(self.off, self.tie, is_free, w, *tables, off, tie, a + (a + colour) % 2, b)

            in_slabs(add, shape[0] - 1)
        return Network(off, ALL_CODES, self.periodic.folded(tie), self.periodic)


@dataclass(frozen=True)
class Level:
    """One structured level: its smoothing, interpolation from the next level, and room for its vectors."""

    smoothing: Smoothing
    weights: Single
    periodic: Periodicity
    room: tuple[Single, Single, Single]


@dataclass(frozen=True)
class Hierarchy:
    """Structured levels, then aggregation: one V-cycle as a linear operator in single precision.

    Parameters
    ----------
    levels : tuple of Level
    nodes : (k,) int
        Free nodes of the coarsest grid, flat.
    scale : (k,) float
        One over the root of the diagonal there.
    coarse : callable
        Approximate inverse of the scaled matrix there.
    """

    levels: tuple[Level, ...]
    nodes: NDArray[np.int64]
    scale: Single
    coarse: Callable[[Array], Array]

    def __call__(self, r: Array, factor: float, out: Single) -> None:
        """Out = approximate solution for the right-hand side factor r on the finest grid (nz, ny, nx)."""
        self._cycle(0, r, factor, out)

    def _cycle(self, number: int, right: Array, factor: float, out: Single) -> None:
        if number == len(self.levels):
            out[:] = 0.0
            out.reshape(-1)[self.nodes] = self.scale * self.coarse(self.scale * right.reshape(-1)[self.nodes])
            return
        level = self.levels[number]
        (b, x, r), smoothing = level.room, level.smoothing
        single = np.float32(factor)
        in_slabs(lambda first, last: net.first_step(right, single, smoothing.inverse, x, b, first, last), len(x))
        smoothing.residual(b, level.periodic.copied(x), r)
        shape = level.weights.shape[:3]
        coarse, below = np.empty(shape, np.float32), np.empty(shape, np.float32)
        in_slabs(lambda first, last: net.restrict(level.weights, r, coarse, first, last), shape[0])
        self._cycle(number + 1, level.periodic.folded(coarse), 1.0, below)
        level.periodic.copied(below)
        in_slabs(lambda first, last: net.prolong(level.weights, below, x, first, last), shape[0])
        smoothing.smoothed(b, level.periodic.copied(x), out)


def build(network: Network, finest: Smoothing) -> Hierarchy:
    """Hierarchy of a network.

    Parameters
    ----------
    network : Network
        On the finest grid. Nodes without any conductance are left out.
    finest : Smoothing
        On the finest grid. Nodes that it leaves out may take part in interpolation all the same.

    Returns
    -------
    Hierarchy

    Raises
    ------
    ConvergenceError
        If a level is not positive definite.
    """
    levels: list[Level] = []
    smoothing = finest
    while not levels or (np.prod(network.shape) > _AGGREGATED and min(network.shape) > 4):
        if levels:
            smoothing = network.smoothing(jacobi(network))
        w = network.weights()
        coarse = network.coarsened(w, network.periodic.copied(network.diagonal() > 0))
        room = tuple(np.empty(network.shape, np.float32) for _ in range(3))
        levels.append(Level(smoothing, w, network.periodic, (room[0], room[1], room[2])))
        network = coarse
    return Hierarchy(tuple(levels), *_aggregated(network))


def serving(known: list[tuple[NDArray[np.float64], Hierarchy]], laws: NDArray[np.float64]) -> Hierarchy | None:
    """The hierarchy of magnitudes of laws (Q,) that are much alike up to a factor, if one is known."""
    for other, hierarchy in known:
        if np.array_equal(other > 0, laws > 0):
            ratio = laws[laws > 0] / other[laws > 0]
            if ratio.max() <= _ALIKE * ratio.min():
                return hierarchy
    return None


def jacobi(network: Network) -> Single:
    """Inverse of the diagonal of Jacobi steps that damp every error; 0 where nothing conducts."""
    size = network.magnitudes()
    inverse = np.zeros(size.shape, np.float32)
    np.divide(_DAMPING, size, out=inverse, where=size > 0)
    return inverse


def _aggregated(network: Network) -> tuple[NDArray[np.int64], Single, Callable[[Array], Array]]:
    """Free nodes, their scale, and smoothed aggregation for the matrix of a network."""
    diagonal = network.diagonal().astype(float)
    number = np.cumsum((diagonal > 0).ravel()).reshape(diagonal.shape) - 1
    number[diagonal <= 0] = -1
    network.periodic.copied(number)
    rows, columns, values = [], [], []
    nz, ny, nx = network.shape
    for s, code in enumerate(network.codes):
        dz, dy, dx = (int(code) + 4) // 9, (int(code) + 4) // 3 % 3 - 1, (int(code) + 4) % 3 - 1
        here = np.s_[: nz - dz, max(0, -dy) : ny - max(0, dy), max(0, -dx) : nx - max(0, dx)]
        there = np.s_[dz:, max(0, dy) : ny - max(0, -dy), max(0, dx) : nx - max(0, -dx)]
        c = network.off[s][here].ravel()
        i, j = number[here].ravel(), number[there].ravel()
        keep = (c != 0) & (i >= 0) & (j >= 0) & (i != j)
        rows.append(i[keep])
        columns.append(j[keep])
        values.append(c[keep].astype(float))
    nodes = np.flatnonzero(diagonal > 0)
    n = len(nodes)
    i, j, c = np.concatenate(rows), np.concatenate(columns), np.concatenate(values)
    pairs = csr_array(coo_array((np.tile(-c, 2), (np.append(i, j), np.append(j, i))), shape=(n, n)))
    tie = network.tie.ravel()[nodes].astype(float)
    total = tie - pairs.sum(axis=1)
    a = csr_array(pairs + csr_array((total, (np.arange(n), np.arange(n))), shape=(n, n)))
    a.sort_indices()
    if not np.all(total > 0):
        raise ConvergenceError("multigrid: a coarse network is not positive definite")
    scale = 1.0 / np.sqrt(total)
    return nodes, scale.astype(np.float32), multigrid.build(a, tie, strength=STRENGTH)
