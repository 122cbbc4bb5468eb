"""The different cases of a sweep: checked, told apart, and weighed before anything is computed."""

from __future__ import annotations

import shutil
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aspot.errors import InputError
from aspot.sweeps.dataset import sizes
from aspot.sweeps.description import Sweep
from aspot.sweeps.queue import SHARED_FROM
from aspot.sweeps.work import Prepared, prepare
from aspot.sweeps.workers import ThisProcess, Workers

#: Cases that are checked at once by one worker.
_AT_ONCE = 1000


@dataclass(frozen=True, kw_only=True, eq=False)
class Cases:
    """Different cases, each with a row; points of the sweep that are the same case have the same row.

    Parameters
    ----------
    row_of_point : (n,) int
    point_of_row : tuple of int
        The first point of every case.
    digests, geometry : tuple of str
        Of every case, see `aspot.sweeps.work.Prepared`.
    memory_bytes : tuple of float
    reasons : mapping of int to str
        Why a row is no case at all.
    frequency_Hz : (m,) float
        All frequencies of any case, highest first.
    """

    row_of_point: NDArray[np.int64]
    point_of_row: tuple[int, ...]
    digests: tuple[str, ...]
    geometry: tuple[str, ...]
    memory_bytes: tuple[float, ...]
    reasons: Mapping[int, str]
    frequency_Hz: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.digests)

    @property
    def note(self) -> str:
        """How many are impossible, and why the first is; empty if none is."""
        if not self.reasons:
            return ""
        return (
            f"{len(self.reasons)} of {len(self)} cases are impossible, the first: {next(iter(self.reasons.values()))}"
        )


def found(sweep: Sweep, team: Workers, report: Callable[[int], None] = lambda _: None) -> Cases:
    """Check every point of a sweep; `report` is called with how many have been.

    Raises
    ------
    InputError
        If no case is possible.
    """
    rows: dict[str, int] = {}
    row_of_point = np.empty(sweep.size, np.int64)
    first: list[tuple[int, Prepared]] = []
    frequencies: set[tuple[float, ...]] = set()
    point = 0
    for prepared, more in _checked(sweep, team):
        frequencies |= more
        for one in prepared:
            row = row_of_point[point] = rows.setdefault(one.digest, len(rows))
            if row == len(first):
                first.append((point, one))
            point += 1
        report(point)
    reasons = {row: one.reason for row, (_, one) in enumerate(first) if one.reason}
    if len(reasons) == len(first):
        raise InputError(f"no case of the sweep is possible; the first: {reasons[0]}")
    return Cases(
        row_of_point=row_of_point,
        point_of_row=tuple(p for p, _ in first),
        digests=tuple(rows),
        geometry=tuple(one.geometry for _, one in first),
        memory_bytes=tuple(one.memory_bytes for _, one in first),
        reasons=reasons,
        frequency_Hz=np.unique(np.array([f for several in frequencies for f in several]))[::-1].copy(),
    )


def _checked(sweep: Sweep, team: Workers) -> Iterator[tuple[list[Prepared], set[tuple[float, ...]]]]:
    """What `prepare` finds, batch by batch, in order; by all workers if it is much."""
    starts = range(0, sweep.size, _AT_ONCE)
    batches = ([sweep.changes(p) for p in range(s, min(s + _AT_ONCE, sweep.size))] for s in starts)
    slots: Sequence[Any] = team.slots()
    if len(starts) < 2 or len(slots) < 2:
        yield from (prepare(sweep.base, batch) for batch in batches)
        return
    running: deque[Future[Any]] = deque()
    for k, batch in enumerate(batches):
        running.append(team.submit(slots[k % len(slots)], prepare, sweep.base, batch))
        if len(running) > 2 * len(slots):
            yield running.popleft().result()
    while running:
        yield running.popleft().result()


def describe(sweep: Sweep) -> dict[str, object]:
    """What would be computed, for people; nothing is.

    Raises
    ------
    InputError
        If no case is possible.

    Examples
    --------
    >>> from aspot import Cell
    >>> cell = Cell(electrolyte={"thickness": "1 mm", "conductivity": "1 mS/cm"})
    >>> describe(Sweep.of(cell, {"temperature": ["25 degC", "60 degC", "25 degC"]}))["different cases"]
    2
    """
    cases = found(sweep, ThisProcess())
    meshes = Counter(name for name in cases.geometry if name)
    out: dict[str, object] = {f"axis {axis.name}": len(axis) for axis in sweep.axes}
    out["points"] = sweep.size
    out["different cases"] = len(cases)
    if cases.reasons:
        out["  impossible"] = len(cases.reasons)
    out["geometries"] = len(meshes)
    out["cases that share meshes"] = sum(n for n in meshes.values() if n >= SHARED_FROM)
    out["frequencies"] = len(cases.frequency_Hz)
    memory, disk = sizes(sweep.size, len(cases), len(cases.frequency_Hz))
    out["memory of the largest case (about) [MB]"] = round(max(max(cases.memory_bytes) / 1e6, 100.0))
    out["memory of the data set (about) [MB]"] = round(memory / 1e6, 1)
    out["folder (about) [MB]"] = round(disk / 1e6, 1)
    return out


def free_disk_bytes(directory: Path) -> float:
    """What is free where a folder is."""
    return float(shutil.disk_usage(directory).free)
