"""`aspot.sweep`: all cases of a sweep, side by side, into a folder that is whole at any moment."""

from __future__ import annotations

import json
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from aspot.casefile import load as load_case
from aspot.cell import Cell
from aspot.errors import AspotError, InputError
from aspot.folder import write_file
from aspot.memory import available_memory
from aspot.simulation import installed_versions as versions
from aspot.sweeps import description
from aspot.sweeps.axes import Axis
from aspot.sweeps.cases import found, free_disk_bytes
from aspot.sweeps.dataset import Answers, check_size, data_set, write_csv, write_netcdf
from aspot.sweeps.description import Sweep, differences
from aspot.sweeps.queue import Families, Job, Queue
from aspot.sweeps.store import DATA_SET, TABLE, Record, Store, line, now, opened
from aspot.sweeps.work import Task, failure, solve
from aspot.sweeps.workers import DaskWorkers, LocalProcesses, Slot, ThisProcess, Workers, default_number

if TYPE_CHECKING:
    import xarray

#: A worker returns what it has after this, and finished cases are landed as often: what a kill can cost [s].
_SECONDS_AT_ONCE = 1.0
#: The data set is made anew while the sweep runs, but not more often than this [s], and in this share of the time.
_DATA_SET_EVERY, _DATA_SET_SHARE = 60.0, 0.05
#: Share of the available memory that the workers may take, and what one takes by itself [bytes].
_MEMORY_SHARE, _WORKER_BYTES = 0.8, 3e8
#: The folder, the workers and whoever looks on are attended to as often as this [s].
_WAIT = 0.25
#: The rate is that of the last so many seconds.
_RATE_OVER = 60.0


@dataclass(frozen=True, kw_only=True)
class SweepProgress:
    """How far a sweep is.

    Parameters
    ----------
    stage : str
    total, finished, failed, reused : int
        Different cases: all, those with an answer or a reason why not, those with a reason, those finished before.
    per_second : float
        Cases of the last minute per second; 0 if none.
    seconds_left : float or None
    notes : tuple of str
        What has been found out about the sweep, so far.
    """

    stage: str
    total: int = 0
    finished: int = 0
    failed: int = 0
    reused: int = 0
    per_second: float = 0.0
    seconds_left: float | None = None
    notes: tuple[str, ...] = ()


Report = Callable[[SweepProgress], None]


@dataclass(frozen=True, kw_only=True)
class SweepResult:
    """What a sweep left in its folder.

    Parameters
    ----------
    directory : Path
    sweep : Sweep
    points, cases : int
        Points of the axes, and different cases among them.
    failed, reused : int
        Cases without an answer, and cases that an earlier run had finished.
    failures : mapping of str to int
        How often each reason occurred.
    seconds : float
        Time of this run.
    notes : tuple of str
        What changed since an earlier run, and what was unusual.
    """

    directory: Path
    sweep: Sweep
    points: int
    cases: int
    failed: int
    reused: int
    failures: Mapping[str, int]
    seconds: float
    notes: tuple[str, ...]

    @property
    def dataset(self) -> xarray.Dataset:
        """The labelled data set, from `sweep.nc`: dimensions of the axes, and `frequency`."""
        import xarray as xr

        return xr.load_dataset(self.directory / DATA_SET, engine="h5netcdf")

    def __repr__(self) -> str:
        return f"<SweepResult: {self.cases} cases, {self.failed} failed, in {self.directory}>"


def sweep(
    case: Cell | Sweep | str | Path,
    axes: Mapping[str, Sequence[object]] | Sequence[Axis] | None = None,
    *,
    out: str | Path,
    workers: int | None = None,
    scheduler: str | None = None,
    retry_failed: bool = False,
    recompute_other_versions: bool = False,
    progress: Report | None = None,
) -> SweepResult:
    """Solve a case for all combinations of the values along some axes; the same call again goes on where it stopped.

    Every finished case is on the disk within about a second, whatever happens then. Cases that differ in their laws
    alone share their meshes (see `aspot.parametric.Family`), identical ones are computed once, and one that fails is
    recorded with its reason.

    Parameters
    ----------
    case : Cell, Sweep or path
        The base case, or the whole sweep (also a SWEEP.toml; then without `axes`).
    axes : mapping of str to sequence, or sequence of Axis
        Values by dotted key, or axes: `Axis.values`, `range`, `table`, `seeds`, `latin_hypercube`.
    out : path
        Folder of the sweep.
    workers : int, optional
        Processes; default: as many as cores and memory allow. 0: none but this one. In a script, guard its main part
        by `if __name__ == "__main__":` unless it is 0.
    scheduler : str, optional
        Address of the scheduler of a Dask cluster, instead of processes of this machine.
    retry_failed : bool
        Whether cases that failed in an earlier run are tried again.
    recompute_other_versions : bool
        Whether cases that other versions of aspot or its libraries computed are computed anew.
    progress : callable, optional
        Called with a `SweepProgress`.

    Returns
    -------
    SweepResult

    Raises
    ------
    InputError
        If the sweep is impossible, as a whole or in all its cases, or does not fit into memory or onto the disk.
    AspotError
        If another sweep writes to the folder, it cannot be written, or the workers or the cluster do not start.
    KeyboardInterrupt
        Saying what is finished; the folder is whole.
    """
    is_number = isinstance(workers, int) and not isinstance(workers, bool) and workers >= 0
    if workers is not None and (not is_number or scheduler is not None):
        raise InputError(f"workers = {workers!r}: must be 0 or more, and does not go with a scheduler")
    swept = _described(case, axes)
    with opened(out) as store:
        run = _Run(swept, store, progress or (lambda _: None), again=(retry_failed, recompute_other_versions))
        return run.run(workers, scheduler)


def _described(case: Cell | Sweep | str | Path, axes: Mapping[str, Sequence[object]] | Sequence[Axis] | None) -> Sweep:
    if isinstance(case, Sweep) or (isinstance(case, str | Path) and axes is None):
        if axes is not None:
            raise InputError("axes: are part of the sweep that was given")
        return case if isinstance(case, Sweep) else description.load(case)
    if axes is None:
        raise InputError("axes: a sweep needs at least one")
    return Sweep.of(case if isinstance(case, Cell) else load_case(case), axes)


@dataclass
class _Run:
    """One run of a sweep, in its folder."""

    sweep: Sweep
    store: Store
    report: Report
    #: Whether failed cases, and those of other versions, are computed again.
    again: tuple[bool, bool]
    notes: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)
    reused: int = 0
    _landing: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    _landed: float = 0.0
    _rate: deque[tuple[float, int]] = field(default_factory=deque)
    _next_data_set: float = 0.0

    def run(self, workers: int | None, scheduler: str | None) -> SweepResult:
        """All of it."""
        self._compare()
        self.report(SweepProgress(stage="starting", notes=tuple(self.notes)))
        team = self._team(workers, scheduler)
        try:
            self._prepare(team)
            self._read()
            self.store.write_manifest(self._manifest())
            queue = Queue(self._pending(), self.cases.geometry)
            self._next_data_set = time.monotonic() + _DATA_SET_EVERY
            try:
                self._compute(queue, team, is_local=scheduler is None)
            except KeyboardInterrupt:
                team.close()
                raise KeyboardInterrupt(self._stopped()) from None
            finally:
                self._land()
        finally:
            team.close()
        self._write_data_set()
        return self._result()

    # Before ---------------------------------------------------------------------------------------------------------

    def _compare(self) -> None:
        """Say what changed since an earlier run in the same folder."""
        before = self.store.manifest()
        if before is None:
            return
        try:
            changed = differences(before["sweep"], self.sweep.document())
        except (KeyError, TypeError, IndexError):
            changed = ["it cannot be read"]
        if changed:
            self.notes.append("the sweep changed since the last run here: " + "; ".join(changed))
        old = before.get("versions")
        if isinstance(old, dict) and (moved := _moved(old, versions())):
            self.notes.append(f"versions changed since the last run here: {moved}")

    def _team(self, workers: int | None, scheduler: str | None) -> Workers:
        if scheduler is not None:
            team: Workers = DaskWorkers(scheduler)
        elif workers == 0:
            return ThisProcess()
        else:
            n = workers or default_number(_MEMORY_SHARE * available_memory(), _WORKER_BYTES)
            team = LocalProcesses(min(n, max(self.sweep.size, 1)))
        try:
            other = team.other_versions()
        except BaseException:
            team.close()
            raise
        if "aspot" in other:
            team.close()
            raise AspotError(
                f"the workers have aspot {other['aspot']}, here it is {versions()['aspot']}; must be equal"
            )
        if other:
            self.notes.append("the workers have other versions: " + ", ".join(f"{k} {v}" for k, v in other.items()))
        return team

    def _prepare(self, team: Workers) -> None:
        """Check all points, and find those that are the same case."""
        total = self.sweep.size

        def report(checked: int) -> None:
            self.report(SweepProgress(stage="checking cases", total=total, finished=checked))

        self.cases = found(self.sweep, team, report)
        self.notes += filter(None, [self.cases.note])
        frequencies, free = self.cases.frequency_Hz, free_disk_bytes(self.store.directory)
        check_size(total, len(self.cases), len(frequencies), free)
        self.answers = Answers(self.cases.digests, frequencies)
        self.families = Families(self.sweep, self.cases.geometry, self.cases.point_of_row)

    def _read(self) -> None:
        """Take over what earlier runs finished."""
        retry, recompute = self.again
        here = versions()
        row_of = {digest: row for row, digest in enumerate(self.cases.digests)}
        others: Counter[str] = Counter()
        for record, made_by in self.store.records():
            row = row_of.get(record["digest"])
            if row is None or (retry and record["status"] == "failed"):
                continue
            moved = _moved(made_by, here)
            if moved and recompute:
                continue
            try:
                self.answers.put(row, record, made_by)
            except (ValueError, KeyError, TypeError):
                continue
            if moved:
                others[moved] += 1
        for moved, number in others.items():
            self.notes.append(f"{number} finished cases of other versions are kept ({moved} since then)")
        for name in self.store.damaged:
            self.notes.append(f"cases/{name} was damaged; its cases are computed again")
        self.reused = len(self.cases) - self.answers.count("missing")

    def _pending(self) -> list[int]:
        """Rows to compute; what is no case is recorded at once."""
        pending = []
        for row in np.flatnonzero(self.answers.texts["status"] == "missing").tolist():
            if row in self.cases.reasons:
                self._fail(row, failure("InputError", self.cases.reasons[row]))
            else:
                pending.append(row)
        return pending

    def _manifest(self) -> dict[str, Any]:
        return {
            "name": self.sweep.name,
            "sweep": self.sweep.document(),
            "source": self.sweep.source,
            "points": self.sweep.size,
            "cases": len(self.cases),
            "versions": versions(),
            "started": now(),
        }

    # Meanwhile ------------------------------------------------------------------------------------------------------

    def _compute(self, queue: Queue, team: Workers, *, is_local: bool) -> None:
        running: dict[Future[Any], tuple[Slot, Job]] = {}
        budget = _MEMORY_SHARE * available_memory() if is_local else np.inf
        stage = f"on {team.description}"
        self._tell(stage)
        while queue or running:
            busy = {slot for slot, _ in running.values()}
            alone = any(job.alone for _, job in running.values())
            for slot in () if alone else team.slots():
                if slot in busy or (running and self._needed(running.values()) > budget):
                    continue
                job = queue.next(slot, bool(running))
                if job is None:
                    break
                if running and self._needed([*running.values(), (slot, job)]) > budget:
                    queue.put_back(job, job.rows)
                    break
                running[team.submit(slot, solve, self._task(job))] = (slot, job)
                if job.alone:
                    break
            if not running:
                self._tell("waiting for workers")
                time.sleep(_WAIT)
            done, _ = wait(running, timeout=_WAIT, return_when=FIRST_COMPLETED)
            for future in done:
                _, job = running.pop(future)
                self._finish(future, job, queue, team)
            if time.monotonic() - self._landed > _SECONDS_AT_ONCE:
                self._land()
            if time.monotonic() > self._next_data_set:
                self._write_data_set()
            self._tell(stage)

    def _task(self, job: Job) -> Task:
        return Task(
            base=self.sweep.base,
            rows=job.rows,
            digests=tuple(self.cases.digests[row] for row in job.rows),
            cases=tuple(self.sweep.changes(self.cases.point_of_row[row]) for row in job.rows),
            shared=self.families.of(job.geometry),
            seconds=_SECONDS_AT_ONCE,
        )

    def _needed(self, jobs: Any) -> float:
        """Estimated memory of jobs that run side by side [bytes]; a family keeps two levels of meshes."""
        return float(
            sum(_WORKER_BYTES + 2.0 * max(self.cases.memory_bytes[row] for row in job.rows) for _, job in jobs)
        )

    def _finish(self, future: Future[Any], job: Job, queue: Queue, team: Workers) -> None:
        if future.cancelled():
            raise AspotError("the cluster gave the tasks up, its scheduler is gone; finished cases are safe")
        error = future.exception()
        if error is None:
            made_by, solved = future.result()
            for row, text in solved:
                record = json.loads(text)
                lacks_memory = record.get("error") in ("MemoryLimitError", "MemoryError")
                if not (lacks_memory and not job.alone and queue.postpone(row)):
                    self._enter(row, record, text, made_by)
            queue.put_back(job, job.rows[len(solved) :])
        elif team.is_death(error):
            for row in queue.died(job):
                reason = "its process died again and again while it was solved (killed, or out of memory)"
                self._fail(row, failure("WorkerDied", reason))
        else:
            raise AspotError(f"the workers of the sweep failed: {type(error).__name__}: {error}") from error

    def _fail(self, row: int, reason: Record) -> None:
        record = {
            "digest": self.cases.digests[row],
            "changes": self.sweep.changes(self.cases.point_of_row[row]),
            **reason,
        }
        self._enter(row, record, line(record), versions())

    def _enter(self, row: int, record: Record, text: str, made_by: Mapping[str, str]) -> None:
        self.answers.put(row, record, made_by)
        self._landing.append((text, dict(made_by)))

    def _land(self) -> None:
        """Write what was finished since the last time."""
        landing, self._landing = self._landing, []
        self._landed = time.monotonic()
        while landing:
            made_by = landing[0][1]
            self.store.append([text for text, by in landing if by == made_by], made_by)
            landing = [pair for pair in landing if pair[1] != made_by]

    def _tell(self, stage: str) -> None:
        total, left = len(self.cases), self.answers.count("missing")
        at = time.monotonic()
        self._rate.append((at, left))
        while len(self._rate) > 2 and self._rate[0][0] < at - _RATE_OVER:
            self._rate.popleft()
        since, before = self._rate[0]
        rate = (before - left) / (at - since) if at > since else 0.0
        self.report(
            SweepProgress(
                stage=stage,
                total=total,
                finished=total - left,
                failed=self.answers.count("failed"),
                reused=self.reused,
                per_second=rate,
                seconds_left=left / rate if rate > 0 else None,
                notes=tuple(self.notes),
            )
        )

    # After ----------------------------------------------------------------------------------------------------------

    def _write_data_set(self) -> None:
        start = time.monotonic()
        directory = self.store.directory
        data = data_set(self.sweep, self.answers, self.cases.row_of_point)
        write_file(directory / DATA_SET, lambda path: write_netcdf(data, path))
        write_file(directory / TABLE, lambda path: write_csv(self.sweep, self.answers, self.cases.row_of_point, path))
        end = time.monotonic()
        self._next_data_set = end + max(_DATA_SET_EVERY, (end - start) / _DATA_SET_SHARE)

    def _stopped(self) -> str:
        """Leave everything as found out so far, after Ctrl-C."""
        self._land()
        self._write_data_set()
        finished = len(self.cases) - self.answers.count("missing")
        return (
            f"interrupted; {finished} of {len(self.cases)} cases are finished in "
            f"{self.store.directory}, the same sweep goes on from there"
        )

    def _result(self) -> SweepResult:
        failed = np.flatnonzero(self.answers.texts["status"] == "failed")
        return SweepResult(
            directory=self.store.directory,
            sweep=self.sweep,
            points=self.sweep.size,
            cases=len(self.cases),
            failed=len(failed),
            reused=self.reused,
            failures=dict(Counter(self.answers.texts["reason"][failed].tolist()).most_common()),
            seconds=time.monotonic() - self.started,
            notes=tuple(self.notes),
        )


def _moved(old: Mapping[str, str], new: Mapping[str, str]) -> str:
    """In words, which versions differ."""
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return ", ".join(f"{name} {old.get(name, 'none')} -> {new.get(name, 'none')}" for name in names)
