"""Who computes the cases: processes of this machine, the workers of a Dask cluster, or this process itself."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Protocol

from aspot.errors import AspotError, InputError
from aspot.processes import OneProcess
from aspot.simulation import installed_versions as versions
from aspot.sweeps.work import forget
from aspot.threads import allowed_cores

Slot = Hashable

#: Times that the first process may end at its start before none can be had.
_STARTS = 3


class Workers(Protocol):
    """What runs tasks. A slot is a worker that does one task after the other, and keeps what it knows in between."""

    #: What they are, for people.
    description: str

    def slots(self) -> Sequence[Slot]:
        """All slots there are now."""

    def submit(self, slot: Slot, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Give a free slot its next task."""

    def is_death(self, error: BaseException) -> bool:
        """Whether an error of a task means that its worker died."""

    def other_versions(self) -> Mapping[str, str]:
        """Packages of the workers, with their versions, that differ from those here."""

    def close(self) -> None:
        """End everything, at once."""


class ThisProcess:
    """No other process at all: for small sweeps, and where none can be started."""

    description = "this process"

    def slots(self) -> Sequence[Slot]:
        """One."""
        return (0,)

    def submit(self, slot: Slot, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Do the work, now."""
        future: Future[Any] = Future()
        future.set_result(work(*arguments))
        return future

    def is_death(self, error: BaseException) -> bool:
        """Never."""
        return False

    def other_versions(self) -> Mapping[str, str]:
        """None."""
        return {}

    def close(self) -> None:
        """Give memory back."""
        forget()


class LocalProcesses:
    """Processes of this machine, one for each slot; one that died is replaced.

    Parameters
    ----------
    n : int
    """

    def __init__(self, n: int) -> None:
        self._processes: dict[Slot, OneProcess | None] = dict.fromkeys(range(n))
        self.description = f"{n} process{'es' if n > 1 else ''}"

    def slots(self) -> Sequence[Slot]:
        """As many as asked for."""
        return tuple(self._processes)

    def submit(self, slot: Slot, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Give a free process its next task."""
        process = self._processes[slot] or OneProcess()
        try:
            self._processes[slot] = process
            return process.submit(work, *arguments)
        except BrokenProcessPool:
            # It died between two tasks.
            process.close()
            self._processes[slot] = process = OneProcess()
            return process.submit(work, *arguments)

    def is_death(self, error: BaseException) -> bool:
        """Whether the process is gone."""
        return isinstance(error, BrokenProcessPool)

    def other_versions(self) -> Mapping[str, str]:
        """None: they run what this process runs. But they must start at all.

        Raises
        ------
        AspotError
            If they do not.
        """
        first, *_ = [self.submit(slot, os.getpid) for slot in self._processes]
        for left in reversed(range(_STARTS)):
            try:
                first.result()
            except BrokenProcessPool:
                if left:  # somebody may have killed it
                    first = self.submit(next(iter(self._processes)), os.getpid)
            else:
                return {}
        raise AspotError(
            "the processes of the sweep end as soon as they start; in a script, guard its main part by "
            "if __name__ == '__main__': or take workers=0"
        )

    def close(self) -> None:
        """End all processes."""
        for slot, process in self._processes.items():
            if process is not None:
                process.close()
                self._processes[slot] = None


class DaskWorkers:
    """The workers of a running Dask cluster; each does one task at a time, whatever its number of threads.

    Parameters
    ----------
    address : str
        Of the scheduler, as "tcp://10.0.0.1:8786".

    Raises
    ------
    InputError
        If the address is none.
    AspotError
        If distributed is not installed, the scheduler does not answer, or workers have another version of aspot.
    """

    def __init__(self, address: str) -> None:
        try:
            from distributed import Client
        except ImportError:
            raise AspotError(
                "--scheduler: needs the package distributed; install it by pip install 'aspot[cluster]'"
            ) from None
        try:
            connect: Any = Client
            self._client: Any = connect(address, timeout=_CONNECT_S, set_as_default=False, name="aspot-sweep")
        except ValueError as error:
            raise InputError(f"--scheduler {address}: {error}; must be like tcp://HOST:PORT") from None
        except (OSError, TimeoutError) as error:
            raise AspotError(f"--scheduler {address}: no scheduler answers there ({error})") from None
        self._executor = self._client.get_executor(pure=False, allow_other_workers=True, retries=0)
        # What goes wrong is said once, by an error.
        self._logs = {name: logging.getLogger(name).level for name in _LOGS}
        for name in self._logs:
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self._slots: tuple[Slot, ...] = ()
        self._asked = -_ASK_EVERY_S
        self.description = f"Dask cluster at {address}"

    def slots(self) -> Sequence[Slot]:
        """The workers that the cluster has, as of a moment ago."""
        if time.monotonic() > self._asked + _ASK_EVERY_S:
            try:
                self._slots = tuple(self._client.nthreads())
            except (OSError, TimeoutError) as error:
                raise AspotError(
                    f"the scheduler of the Dask cluster is gone ({error}); finished cases are safe"
                ) from None
            self._asked = time.monotonic()
        return self._slots

    def submit(self, slot: Slot, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Give a worker its next task; if it is lost, the cluster gives the task to another."""
        future: Future[Any] = self._executor.submit(work, *arguments, workers=[slot])
        return future

    def is_death(self, error: BaseException) -> bool:
        """Whether the cluster gave up a task whose workers died again and again."""
        return type(error).__name__ == "KilledWorker"

    def other_versions(self) -> Mapping[str, str]:
        """Packages that differ on some worker."""
        here = versions()
        out: dict[str, str] = {}
        for there in self._client.run(versions, on_error="return").values():
            if isinstance(there, BaseException):
                raise AspotError(f"a worker of the Dask cluster cannot import aspot: {there}")
            out |= {name: there.get(name, "none") for name in here if there.get(name) != here[name]}
        return out

    def close(self) -> None:
        """Give up what was asked for, and leave the cluster as it is."""
        self._executor.shutdown(wait=False)
        self._client.close(timeout=_CONNECT_S)
        for name, level in self._logs.items():
            logging.getLogger(name).setLevel(level)


#: Where a lost scheduler is told at length.
_LOGS = ("distributed", "distributed.client", "tornado.application")
#: How long to wait for a scheduler, and how often it is asked for its workers [s].
_CONNECT_S, _ASK_EVERY_S = 10, 1.0


def default_number(budget_bytes: float, each_bytes: float) -> int:
    """Processes that cores and memory allow; at least one."""
    return max(1, min(allowed_cores(), int(budget_bytes / max(each_bytes, 1.0))))
