"""Processes that work side by side, each with one thread for its libraries, none outliving the one that started it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")

#: Libraries read these when they are loaded.
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


class OneProcess:
    """A process of its own for one piece of work after the other.

    Not forked: threads of numerical libraries do not survive that. It ends when this object is closed, and when the
    process that holds it dies, however. Ctrl-C is left to the process that holds it.
    """

    def __init__(self) -> None:
        context = get_context("spawn")
        self._leash, far_end = context.Pipe()
        self._far_end: Connection | None = far_end
        self._pool = ProcessPoolExecutor(1, mp_context=context, initializer=_start, initargs=(far_end,))

    def submit(self, work: Any, *arguments: Any) -> Future[Any]:
        """Start work; the future raises BrokenProcessPool if the process dies meanwhile."""
        with _interrupts_held():
            return self._pool.submit(work, *arguments)

    def close(self) -> None:
        """End the process at once, whatever it does."""
        with suppress(OSError, EOFError):
            if self._leash.poll():
                os.kill(self._leash.recv(), getattr(signal, "SIGKILL", signal.SIGTERM))
        self._leash.close()
        if self._far_end is not None:
            self._far_end.close()
            self._far_end = None
        self._pool.shutdown(wait=False, cancel_futures=True)


def in_order(work: Callable[[T], R], items: Sequence[T], processes: int) -> Iterator[R]:
    """What `map` gives, by processes side by side."""
    team = [OneProcess() for _ in range(min(processes, len(items)))]
    try:
        for future in [team[k % len(team)].submit(work, item) for k, item in enumerate(items)]:
            yield future.result()
    finally:
        for process in team:
            process.close()


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Ctrl-C waits until the end: a process started meanwhile does not see it, now or later."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # It would let interrupts through when it is started on the way.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start(leash: Connection) -> None:
    """First thing in a new process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    _one_thread_for_loaded_libraries()
    with suppress(OSError):  # not wanted any more
        leash.send(os.getpid())
    threading.Thread(target=_end_with, args=(leash,), daemon=True).start()


def _one_thread_for_loaded_libraries() -> None:
    """A script that is imported again in every process may have loaded them before."""
    import sys

    if "numpy" in sys.modules:
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        threadpool_limits(1)
    if "numba" in sys.modules:
        import numba

        numba.set_num_threads(1)


def _end_with(leash: Connection) -> None:
    with suppress(OSError, EOFError):
        leash.recv()
    os._exit(1)
