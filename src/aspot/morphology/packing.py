"""Discs at random places of the unit square that repeats itself, without overlap; and the exact area of their union.

Two ways, by how full the square is. Random sequential addition: one disc after the other, the largest first, each at
the first of a sequence of random places that is free; equal discs jam when they cover 0.547 of the area (Feder, J.
Theor. Biol. 87 (1980) 237, doi 10.1016/0022-5193(80)90358-6). Beyond: discs that overlap push each other away, starting
from a dilute arrangement, then move at random where there is room (Metropolis, J. Chem. Phys. 21 (1953) 1087), so that
nothing of the start is left.

Only additions, products, quotients and square roots decide, in a fixed order: the same seed gives the same places on
every machine.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from aspot.errors import AspotError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

#: Cover (half the smallest distance of rims counted to each disc) above which equal discs are not added one by one.
SEQUENTIAL_COVER = 0.51
#: Cover that is not attempted: equal discs freeze into a lattice at 0.72 and jam at random at 0.84.
LARGEST_COVER = 0.75

_DILUTE_COVER = 0.4
_TRIES = 100  # random places per disc, on average
_SWEEPS, _MIXING_SWEEPS = 3000, 30
#: Discs are pushed this much further apart than needed, so that the last overlaps go in a finite number of sweeps.
_EXTRA = 2e-4


class NoRoomError(AspotError):
    """Discs found no places without overlap."""


def place(radii: FloatArray, gap: float, rng: np.random.Generator) -> FloatArray:
    """Places of discs in the unit square that repeats itself, rims at least `gap` apart.

    Parameters
    ----------
    radii : (n,) float
        In units of the side.
    gap : float
        Smallest distance of rims, likewise.
    rng : Generator

    Returns
    -------
    (n, 2) float
        Centres in [0, 1).

    Raises
    ------
    NoRoomError
        If no places were found.
    """
    # Discs inflated by half the gap may touch.
    inflated = np.asarray(radii, float) + 0.5 * gap
    cover = math.fsum(math.pi * inflated**2)
    # Largest first; equal ones in the order given.
    order = np.argsort(-inflated, kind="stable")
    sizes = inflated[order]
    if cover > LARGEST_COVER:
        raise NoRoomError(f"cover {cover:.3g} of the area, more than {LARGEST_COVER:g}")
    # Small discs find room between large ones.
    may_jam = cover > SEQUENTIAL_COVER and sizes[-1] > 0.8 * sizes[0]
    places = None if may_jam else _sequential(sizes, rng)
    if places is None:
        places = _pushed(sizes, cover, rng)
    out = np.empty_like(places)
    out[order] = places
    return out


def _sequential(sizes: FloatArray, rng: np.random.Generator) -> FloatArray | None:
    """Random sequential addition, sizes falling; None if too many places were taken."""
    n = len(sizes)
    n_bins = int(max(1, min(np.sqrt(n), 1.0 / (2.0 * np.mean(sizes)))))
    # A disc is listed in every bin from which a later, smaller one could touch it.
    reach = sizes + np.append(sizes[1:], sizes[-1])
    per_disc = np.minimum(np.ceil(2.0 * reach * n_bins) + 1, n_bins).astype(np.int64)
    head, follow = np.full(n_bins**2, -1), np.empty(int(np.sum(per_disc**2)), np.int64)
    owner, used = np.empty_like(follow), 0
    places, done, tried = np.empty((n, 2)), 0, 0
    while done < n:
        if tried > _TRIES * n + 10_000:
            return None
        batch = rng.random((max(n - done, 256), 2))
        tried += len(batch)
        done, used = _add(places, sizes, reach, done, batch, n_bins, head, follow, owner, used)
    return places


def _pushed(sizes: FloatArray, cover: float, rng: np.random.Generator) -> FloatArray:
    """Start dilute, push overlapping discs apart, then mix."""
    places = _sequential(sizes * min(1.0, np.sqrt(_DILUTE_COVER / cover)), rng)
    if places is None:
        places = rng.random((len(sizes), 2))
    near = _Neighbours(places, sizes)
    for _ in range(_SWEEPS):
        near.update()
        # Those that moved last may have come to lie on others: look again without moving any.
        if near.push(near.step) == 0 and near.push(0.0) == 0:
            break
    else:
        raise NoRoomError(f"cover {cover:.3g} of the area")
    free = 1.0 / np.sqrt(len(sizes)) - 2.0 * float(np.mean(sizes))
    step = min(near.step, max(free, 0.1 * near.step))
    for _ in range(_MIXING_SWEEPS):
        near.update()
        near.mix(rng.random((len(sizes), 2)), step)
    return places


class _Neighbours:
    """Discs that move, and for each a list of those close to it, renewed before any other can have come near."""

    def __init__(self, places: FloatArray, sizes: FloatArray) -> None:
        self.places, self.sizes = places, sizes
        mean = 2.0 * float(np.mean(sizes))
        self.skin, self.step = 0.6 * mean, 0.1 * mean
        self._moved = np.inf

    def update(self) -> None:
        """Renew the lists if two discs might come closer than the lists reach in the next sweep."""
        if 2.0 * (self._moved + self.step) <= self.skin:
            return
        reach = 2.0 * (1.0 + _EXTRA) * float(self.sizes.max()) + self.skin
        n_bins = int(max(1, min(1.0 / reach, np.sqrt(len(self.sizes)))))
        counts = np.zeros(len(self.sizes) + 1, np.int64)
        _list(self.places, self.sizes, n_bins, self.skin, counts, np.empty(0, np.int64))
        self._start = np.cumsum(counts)
        self._near = np.empty(self._start[-1], np.int64)
        _list(self.places, self.sizes, n_bins, self.skin, self._start.copy(), self._near)
        self._moved = 0.0

    def push(self, step: float) -> int:
        """Push overlapping discs apart by `step` at most; how many overlapped."""
        overlapping, moved = _push(self.places, self.sizes, self._start, self._near, step)
        self._moved += moved
        return int(overlapping)

    def mix(self, random: FloatArray, step: float) -> None:
        """Try one random move of every disc, by `step` at most."""
        _mix(self.places, self.sizes, self._start, self._near, random, step)
        self._moved += step


@njit(nogil=True, cache=True, error_model="numpy")
def _wrapped(d: float) -> float:
    """A difference of coordinates in [-1/2, 1/2]."""
    return d - np.rint(d)


@njit(nogil=True, cache=True, error_model="numpy")
def _add(
    places: FloatArray,
    sizes: FloatArray,
    reach: FloatArray,
    done: int,
    batch: FloatArray,
    n_bins: int,
    head: IntArray,
    follow: IntArray,
    owner: IntArray,
    used: int,
) -> tuple[int, int]:
    """Put discs from number `done` on at the random places of a batch; how many are placed, and list entries used."""
    for k in range(len(batch)):
        if done == len(sizes):
            break
        x, y = batch[k, 0], batch[k, 1]
        entry = head[int(y * n_bins) * n_bins + int(x * n_bins)]
        is_free = True
        while entry >= 0:
            i = owner[entry]
            dx, dy = _wrapped(places[i, 0] - x), _wrapped(places[i, 1] - y)
            nearest = sizes[i] + sizes[done]
            if dx * dx + dy * dy < nearest * nearest:
                is_free = False
                break
            entry = follow[entry]
        if not is_free:
            continue
        places[done, 0], places[done, 1] = x, y
        low_x, low_y = int(np.floor((x - reach[done]) * n_bins)), int(np.floor((y - reach[done]) * n_bins))
        high_x, high_y = int(np.floor((x + reach[done]) * n_bins)), int(np.floor((y + reach[done]) * n_bins))
        for row in range(low_y, min(high_y, low_y + n_bins - 1) + 1):
            for column in range(low_x, min(high_x, low_x + n_bins - 1) + 1):
                b = (row % n_bins) * n_bins + column % n_bins
                owner[used], follow[used] = done, head[b]
                head[b] = used
                used += 1
        done += 1
    return done, used


@njit(nogil=True, cache=True, error_model="numpy")
def _inside(x: float) -> float:
    """A coordinate in [0, 1)."""
    x -= np.floor(x)
    return x if x < 1.0 else 0.0


@njit(nogil=True, cache=True, error_model="numpy")
def _list(places: FloatArray, sizes: FloatArray, n_bins: int, skin: float, end: IntArray, near: IntArray) -> None:
    """How many discs are close to disc i, into end[i + 1]; or if `near` has room, those discs, from end[i] on."""
    head, follow = np.full(n_bins * n_bins, -1), np.full(len(places), -1)
    for i in range(len(places)):
        b = int(places[i, 1] * n_bins) * n_bins + int(places[i, 0] * n_bins)
        follow[i], head[b] = head[b], i
    span = range(-1, 2) if n_bins >= 3 else range(n_bins)
    for i in range(len(places)):
        x, y = places[i, 0], places[i, 1]
        row, column = int(y * n_bins), int(x * n_bins)
        for dr in span:
            for dc in span:
                j = head[(row + dr) % n_bins * n_bins + (column + dc) % n_bins]
                while j >= 0:
                    dx, dy = _wrapped(x - places[j, 0]), _wrapped(y - places[j, 1])
                    reach = (sizes[i] + sizes[j]) * (1.0 + _EXTRA) + skin
                    if j != i and dx * dx + dy * dy < reach * reach:
                        if len(near) > 0:
                            near[end[i]] = j
                            end[i] += 1
                        else:
                            end[i + 1] += 1
                    j = follow[j]


@njit(nogil=True, cache=True, error_model="numpy")
def _push(places: FloatArray, sizes: FloatArray, start: IntArray, near: IntArray, step: float) -> tuple[int, float]:
    """Move every disc away from those it overlaps, each pair by its overlap in equal parts.

    Returns the number of discs that overlapped, and the longest move.
    """
    overlapping, longest = 0, 0.0
    for i in range(len(places)):
        x, y = places[i, 0], places[i, 1]
        push_x, push_y, is_clear = 0.0, 0.0, True
        for k in range(start[i], start[i + 1]):
            j = near[k]
            dx, dy = _wrapped(x - places[j, 0]), _wrapped(y - places[j, 1])
            square, nearest = dx * dx + dy * dy, sizes[i] + sizes[j]
            wanted = nearest * (1.0 + _EXTRA)
            if square < wanted * wanted:
                is_clear = is_clear and square >= nearest * nearest
                distance = np.sqrt(square)
                if distance == 0.0:
                    dx, distance = 1e-3 * wanted * (1.0 if i < j else -1.0), 1e-3 * wanted
                push_x += 0.5 * (wanted / distance - 1.0) * dx
                push_y += 0.5 * (wanted / distance - 1.0) * dy
        if not is_clear:
            overlapping += 1
        length = np.sqrt(push_x * push_x + push_y * push_y)
        shrink = 1.0 if length <= step else step / length
        longest = max(longest, shrink * length)
        places[i, 0], places[i, 1] = _inside(x + shrink * push_x), _inside(y + shrink * push_y)
    return overlapping, longest


@njit(nogil=True, cache=True, error_model="numpy")
def _mix(
    places: FloatArray, sizes: FloatArray, start: IntArray, near: IntArray, random: FloatArray, step: float
) -> None:
    """Try one random move of every disc, taken where there is room."""
    for i in range(len(places)):
        x = _inside(places[i, 0] + step * (1.4 * random[i, 0] - 0.7))
        y = _inside(places[i, 1] + step * (1.4 * random[i, 1] - 0.7))
        is_free = True
        for k in range(start[i], start[i + 1]):
            j = near[k]
            dx, dy = _wrapped(x - places[j, 0]), _wrapped(y - places[j, 1])
            nearest = sizes[i] + sizes[j]
            if dx * dx + dy * dy < nearest * nearest:
                is_free = False
                break
        if is_free:
            places[i, 0], places[i, 1] = x, y
