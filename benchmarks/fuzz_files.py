"""Damage meshes, fields, images, tomograms and cases at random and count what reading them gives.

    python benchmarks/fuzz_files.py [--count 50] [--kind meshes ...] [--only "foreign gmsh text"] [--keep DIR]

A mutant passes if its judge in `tests/damaged_files.py` says "read" (what was written; images and cases: what is
valid), "other" (a valid mesh, but not the one that was written: files without a digest) or "refused". Mutant number i
of a sample is always the same file. Failures are kept in DIR and named; the exit status is then 1. Nothing may take
longer than `--limit` seconds, nor on Linux more than `--memory` GB.
"""

from __future__ import annotations

import argparse
import os
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import damaged_files as files  # noqa: E402


def _too_long(*_: object) -> None:
    raise TimeoutError("a hang")


@contextmanager
def _unheard() -> Iterator[None]:
    """What libtiff and meshio have to say of every file."""
    heard, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(heard, 2)
        os.close(heard)
        os.close(nowhere)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = {"meshes": files.meshes, "images": files.images, "cases": files.cases}
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--kind", action="append", choices=list(kinds))
    parser.add_argument("--only", default="")
    parser.add_argument("--keep", type=Path, default=Path("build/fuzz"))
    parser.add_argument("--limit", type=float, default=30.0)
    parser.add_argument("--memory", type=float, default=6.0)
    arguments = parser.parse_args()
    signal.signal(signal.SIGALRM, _too_long)
    resource.setrlimit(resource.RLIMIT_AS, (int(arguments.memory * 1e9),) * 2)
    failures = 0
    print(f"{'sample':34}{'mutants':>9}{'read':>8}{'other':>8}{'refused':>9}{'failed':>8}{'slowest':>11}{'peak':>10}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for key, sample in ((k, s) for kind in arguments.kind or kinds for k, s in kinds[kind]().items()):
            if arguments.only not in key:
                continue
            outcomes, slowest, which = Counter[str](), 0.0, 0
            for i in range(arguments.first, arguments.first + arguments.count):
                start = time.process_time()
                signal.setitimer(signal.ITIMER_REAL, arguments.limit)
                try:
                    with _unheard():
                        outcomes[files.judged(key, sample, i, folder)] += 1
                except Exception as error:  # noqa: BLE001  that there is none is what is tested
                    signal.setitimer(signal.ITIMER_REAL, 0)
                    outcomes["failed"] += 1
                    arguments.keep.mkdir(parents=True, exist_ok=True)
                    kept = arguments.keep / f"{key.replace(' ', '_').replace('.', '')}-{i}{sample.ending}"
                    kept.write_bytes((folder / f"mutant{sample.ending}").read_bytes())
                    print(f"{key}, mutant {i}: {type(error).__name__}: {str(error)[:300]}", file=sys.stderr)
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
                if (seconds := time.process_time() - start) > slowest:
                    slowest, which = seconds, i
            failures += outcomes["failed"]
            numbers = f"{outcomes['read']:>8}{outcomes['other']:>8}{outcomes['refused']:>9}{outcomes['failed']:>8}"
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
            print(f"{key:34}{arguments.count:>9}{numbers}{slowest:>9.2f} s{peak:>7.0f} MB  #{which}", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
