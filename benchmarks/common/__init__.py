"""What the benchmarks share: one thread, timing, tables, and a record of the machine.

Import this before numpy: it limits the libraries to one thread, so that ratios do not depend on the number of cores.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
for _variable in THREADS:
    os.environ[_variable] = "1"

ROOT = Path(__file__).resolve().parent.parent.parent
RESULTS = ROOT / "results" / "benchmarks"
_PACKAGES = ("aspot", "numpy", "scipy", "scikit-fem", "pyamg", "numba", "netgen-mesher", "matplotlib")

T = TypeVar("T")


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Wall-clock seconds of one call, and what it returned."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def median(values: Sequence[float]) -> float:
    """Median: what other work on the machine disturbs least, unless it disturbs every second run."""
    return statistics.median(values)


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that take part."""
    out = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            out[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return out


def machine() -> dict[str, Any]:
    """Processor, cores, threads used, memory, system, versions and load."""
    processor = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        processor = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return {
        "processor": processor,
        "cores": os.cpu_count(),
        "threads": 1,
        "memory_GB": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9),
        "system": f"{platform.system()} {platform.machine()}",
        "load_average": round(os.getloadavg()[0], 1),
        "versions": versions(),
    }


def say_machine() -> None:
    """One line about the machine, for the head of the output."""
    m = machine()
    names = ", ".join(f"{name} {version}" for name, version in m["versions"].items())
    print(f"{m['processor']}, {m['cores']} cores ({m['threads']} thread used), load {m['load_average']}; {names}\n")


def print_table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table that Markdown reads."""
    cells = [list(headers), *([str(v) for v in row] for row in rows)]
    widths = [max(len(row[k]) for row in cells) for k in range(len(headers))]
    for number, row in enumerate(cells):
        print("| " + " | ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) + " |")
        if number == 0:
            print("|" + "|".join("-" * (width + 2) for width in widths) + "|")
    print(flush=True)


def short(seconds: float) -> str:
    """Seconds with two digits, in milliseconds below one second."""
    return (
        f"{seconds:.2g} s"
        if seconds >= 0.995
        else f"{1e3 * seconds:.2g} ms"
        if seconds < 0.0995
        else (f"{1e3 * seconds:.0f} ms")
    )


def write(name: str, document: Mapping[str, Any]) -> None:
    """Write results/benchmarks/NAME.json, the machine included."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps({"machine": machine(), **document}, indent=1) + "\n", encoding="utf-8")
    print(f"written: {path.relative_to(ROOT)}")
