"""Damaged files of instruments: thousands of mutants per format, every outcome counted.

    python benchmarks/fuzz_readers.py [--count 200] [--format mpt --format gamry ...] [--keep DIR]

`--count 10000` is the long run of the tests. A mutant passes if reading it ends in an InputError of one line that names
the file, or in sweeps whose kept points are finite, distinct and sorted. Mutant number i of a format is always the same
file. Failures are kept in DIR and named; the exit status is then 1.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import instrument_files as files


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--format", action="append", choices=list(files.SAMPLES))
    parser.add_argument("--keep", type=Path, default=Path("build/fuzz"))
    arguments = parser.parse_args()
    failures = 0
    print(f"{'format':22}{'mutants':>9}{'read':>8}{'refused':>9}{'failed':>8}{'slowest':>10}")
    with tempfile.TemporaryDirectory() as folder:
        for key in arguments.format or files.SAMPLES:
            ending, data, _ = files.SAMPLES[key]
            path, outcomes, slowest = Path(folder) / f"mutant{ending}", Counter[str](), 0.0
            for i in range(arguments.count):
                mutant = files.mutated(data, random.Random(f"{key}-{i}"))
                files.replaced(path, mutant)
                start = time.perf_counter()
                try:
                    outcomes[files.what_reading_gives(path)] += 1
                except Exception as error:  # noqa: BLE001  that there is none is what is tested
                    outcomes["failed"] += 1
                    arguments.keep.mkdir(parents=True, exist_ok=True)
                    (arguments.keep / f"{key}-{i}{ending}").write_bytes(mutant)
                    print(f"{key}, mutant {i}: {type(error).__name__}: {error}", file=sys.stderr)
                slowest = max(slowest, time.perf_counter() - start)
            failures += outcomes["failed"]
            numbers = f"{outcomes['read']:>8}{outcomes['refused']:>9}{outcomes['failed']:>8}"
            print(f"{key:22}{arguments.count:>9}{numbers}{1e3 * slowest:>7.0f} ms", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
