"""How many threads linear algebra may use."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache, wraps
from typing import ParamSpec, TypeVar

from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

P = ParamSpec("P")
R = TypeVar("R")


@lru_cache(maxsize=1)
def _controller() -> ThreadpoolController:
    """The thread pools of the libraries loaded by now (NumPy's and SciPy's), looked up once: it takes milliseconds."""
    import scipy.linalg  # noqa: F401

    return ThreadpoolController()


def one_thread(work: Callable[P, R]) -> Callable[P, R]:
    """Decorate a function so that BLAS and LAPACK keep to one thread inside it.

    Dense matrices of a few hundred rows gain nothing from more, and lose a factor of ten where the cores are busy
    with something else, for instance other cells of a sweep.
    """

    @wraps(work)
    def limited(*args: P.args, **kwargs: P.kwargs) -> R:
        with _controller().limit(limits=1, user_api="blas"):
            return work(*args, **kwargs)

    return limited


def allowed_cores() -> int:
    """Cores that this process may use, by its affinity."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cores() -> int:
    """Cores that this process may use for work on large arrays: those of its affinity, or OMP_NUM_THREADS if less."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return min(allowed_cores(), int(asked)) if asked.isdigit() and int(asked) > 0 else allowed_cores()
