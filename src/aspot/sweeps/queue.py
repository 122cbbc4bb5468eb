"""Which cases come next, and for whom: cases of one geometry stay with one worker as long as there are others."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from aspot.sweeps.description import Sweep
from aspot.sweeps.work import Shared

#: Cases of one geometry from which on a family pays: it costs about as much as three simulations.
SHARED_FROM = 4
#: Cases that a family learns beforehand, at most.
_MOST_TRAINING = 64
#: Families whose training is remembered: a few for each worker.
_MOST_KEPT = 1000
#: Cases given to a worker at once, at most; the rest of what it does not finish in time comes back.
_MOST_AT_ONCE = 64
#: How often the worker of a case may die: the last time it is alone on the machine.
_MOST_DEATHS = 3


@dataclass(frozen=True, kw_only=True)
class Job:
    """Cases for one worker; `alone`: while no other worker does anything."""

    geometry: str
    rows: tuple[int, ...]
    alone: bool = False


class Queue:
    """The cases that are not finished.

    Parameters
    ----------
    pending : sequence of int
        Rows of the cases.
    geometry : sequence of str
        Of every row.
    """

    def __init__(self, pending: Sequence[int], geometry: Sequence[str]) -> None:
        self._geometry = geometry
        self._groups: OrderedDict[str, deque[int]] = OrderedDict()
        for row in pending:
            self._groups.setdefault(geometry[row], deque()).append(row)
        self._fragile: deque[int] = deque()
        self._alone: deque[int] = deque()
        self._last: dict[Hashable, str] = {}
        self._deaths: Counter[int] = Counter()
        self._was_alone: set[int] = set()

    def __bool__(self) -> bool:
        return bool(self._groups or self._fragile or self._alone)

    def next(self, slot: Hashable, others_work: bool) -> Job | None:
        """The next job for a free slot; None if there is nothing for it now."""
        if self._fragile:
            row = self._fragile.popleft()
            return Job(geometry=self._geometry[row], rows=(row,))
        if self._groups:
            geometry = self._choice(slot)
            group = self._groups[geometry]
            rows = tuple(group.popleft() for _ in range(min(len(group), _MOST_AT_ONCE)))
            if not group:
                del self._groups[geometry]
            self._last[slot] = geometry
            return Job(geometry=geometry, rows=rows)
        if self._alone and not others_work:
            row = self._alone.popleft()
            self._was_alone.add(row)
            return Job(geometry=self._geometry[row], rows=(row,), alone=True)
        return None

    def _choice(self, slot: Hashable) -> str:
        """The geometry that the slot knows, else one that nobody works on, else the one with most cases left."""
        if self._last.get(slot) in self._groups:
            return self._last[slot]
        known = set(self._last.values())
        new = next((g for g in self._groups if g not in known), None)
        return new if new is not None else max(self._groups, key=lambda g: len(self._groups[g]))

    def put_back(self, job: Job, rows: Sequence[int]) -> None:
        """Cases that were not reached in the time given."""
        if rows:
            self._groups.setdefault(job.geometry, deque()).extendleft(reversed(rows))
            # First again, so that the next free worker goes on with it.
            self._groups.move_to_end(job.geometry, last=False)

    def postpone(self, row: int) -> bool:
        """Try a case again when nothing else runs; False if that has been done."""
        if row in self._was_alone:
            return False
        self._alone.append(row)
        return True

    def died(self, job: Job) -> tuple[int, ...]:
        """The worker of a job died. Its cases are tried again one by one; those that were tried enough come back."""
        if len(job.rows) > 1:
            self._fragile.extend(job.rows)
            return ()
        (row,) = job.rows
        self._deaths[row] += 1
        if self._deaths[row] >= _MOST_DEATHS:
            return (row,)
        if self._deaths[row] == _MOST_DEATHS - 1:
            self._alone.append(row)
        else:
            self._fragile.append(row)
        return ()


class Families:
    """What the cases of every geometry share, chosen from all cases of the sweep, finished or not.

    Parameters
    ----------
    sweep : Sweep
    geometry : sequence of str
        Of every row; empty for what is no case.
    point_of_row : sequence of int
    """

    def __init__(self, sweep: Sweep, geometry: Sequence[str], point_of_row: Sequence[int]) -> None:
        self._sweep, self._point_of_row = sweep, point_of_row
        self._rows: dict[str, list[int]] = {}
        for row, name in enumerate(geometry):
            if name:
                self._rows.setdefault(name, []).append(row)
        self._made: OrderedDict[str, Shared] = OrderedDict()

    def __len__(self) -> int:
        return len(self._rows)

    def of(self, geometry: str) -> Shared | None:
        """None if there are too few cases for a family to pay."""
        rows = self._rows[geometry]
        if len(rows) < SHARED_FROM:
            return None
        if geometry not in self._made:
            self._made[geometry] = self._shared(geometry, rows)
            if len(self._made) > _MOST_KEPT:
                self._made.popitem(last=False)
        return self._made[geometry]

    def _shared(self, geometry: str, rows: Sequence[int]) -> Shared:
        changes = {row: self._sweep.changes(self._point_of_row[row]) for row in rows}
        chosen = list(rows)
        if len(rows) > _MOST_TRAINING:
            extremes = []
            for key in changes[rows[0]]:
                values = {row: v for row in rows if isinstance(v := changes[row].get(key), int | float)}
                if values:
                    extremes += [min(values, key=values.__getitem__), max(values, key=values.__getitem__)]
            some = np.random.default_rng(0).choice(rows, _MOST_TRAINING, replace=False).tolist()
            chosen = list(dict.fromkeys([*extremes, *some]))[:_MOST_TRAINING]
        return Shared(
            key=f"{self._sweep.digest}/{geometry}",
            anchor=changes[rows[len(rows) // 2]],
            training=tuple(changes[row] for row in chosen),
            cases=len(rows),
        )
