"""A sweep killed again and again: nothing is broken, nothing computed twice, and the answer is the same.

    python benchmarks/kill_sweep.py [--count 100] [--seed 0]

`aspot sweep` runs in a process of its own. At a random moment it, and now and then before that one of its workers, gets
SIGKILL. After every kill all files in its folder must be whole, every case recorded once at most, and no worker left;
then the same command goes on. Whenever the sweep ends, its data set must equal that of an uninterrupted one bit for bit
(but for times), and it starts again in a new folder. Linux only: workers are found in /proc.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

#: Seven meshes and one backend that cannot solve the case, eleven gaps of which one occurs twice, two temperatures.
SWEEP = """
name = "killed"
[case]
electrolyte = { thickness = "1 mm", conductivity = "1 mS/cm", permittivity = 30 }
frequencies = { start = "1 MHz", stop = "1 Hz", per_decade = 2 }
[case.working_electrode]
morphology = { kind = "spots", arrangement = "single", radius = "10 um" }
gap = { permittivity = 1, thickness = "30 nm" }
[[axes]]
keys = ["working_electrode.morphology.contact_fraction", "numerics.backend"]
rows = [ROWS]
[[axes]]
key = "working_electrode.gap.thickness"
values = ["10 nm", "15 nm", "20 nm", "30 nm", "50 nm", "30 nm", "80 nm", "120 nm", "180 nm", "300 nm", "500 nm"]
[[axes]]
key = "temperature"
values = ["25 degC", "60 degC"]
"""
_ROWS = ['[0.05, "auto"]', '[0.2, "auto"]', '[0.2, "planar"]', *(f'[{f}, "auto"]' for f in (0.01, 0.02, 0.1, 0.3, 0.4))]
#: A small one for the tests.
SMALL_SWEEP = SWEEP.replace("ROWS", ", ".join(_ROWS[:3]))
SWEEP = SWEEP.replace("ROWS", ", ".join(_ROWS))

#: What differs between runs.
TIMES = ("seconds",)
#: A worker whose sweep was killed has this long to go [s].
_TIME_TO_GO = 20.0


class BrokenError(Exception):
    """What a kill must not do."""


@dataclass
class Tally:
    """What happened."""

    sweeps: int = 0
    workers: int = 0
    ended: int = 0
    cases_kept: int = 0
    notes: list[str] = field(default_factory=list)


def start(description: Path, folder: Path, workers: int = 2) -> subprocess.Popen[bytes]:
    """The command, on its own."""
    code = "import sys; from aspot.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "sweep", str(description), "--out", str(folder), "--workers", str(workers)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def workers_of(pid: int) -> list[int]:
    """Worker processes of a process."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == pid and b"spawn_main" in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except (OSError, ValueError, IndexError):
            continue
    return found


def lives(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def check_files(folder: Path) -> dict[str, dict[str, object]]:
    """Digests and records of the finished cases; every file must be whole, every case there once."""
    found: dict[str, dict[str, object]] = {}
    for path in sorted((folder / "cases").glob("*.jsonl")):
        head, *records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        if head["cases"] != len(records):
            raise BrokenError(f"{path.name}: {len(records)} cases of {head['cases']}")
        for record in records:
            if record["digest"] in found:
                raise BrokenError(f"{path.name}: case {record['digest']} was computed twice")
            found[record["digest"]] = record
    if list((folder / "cases").glob("*.damaged")):
        raise BrokenError("a file of cases was damaged")
    if (folder / "sweep.json").exists():
        json.loads((folder / "sweep.json").read_text(encoding="utf-8"))
    if (folder / "sweep.nc").exists():
        import xarray

        with xarray.open_dataset(folder / "sweep.nc", engine="h5netcdf") as data:
            data.load()
    return found


def same(one: Path, other: Path) -> None:
    """Two data sets must be equal but for times."""
    import xarray

    a, b = (xarray.load_dataset(folder / "sweep.nc", engine="h5netcdf").drop_vars(TIMES) for folder in (one, other))
    if set(a.variables) != set(b.variables):
        raise BrokenError(f"other variables: {set(a.variables) ^ set(b.variables)}")
    for name in a.variables:
        x, y = a[name].values, b[name].values
        is_equal = np.array_equal(x, y, equal_nan=True) if x.dtype.kind == "f" else np.array_equal(x, y)
        if not is_equal:
            raise BrokenError(f"{name} differs from the uninterrupted sweep")


def finish(description: Path, folder: Path) -> float:
    """Let the sweep end; how long it took [s]."""
    begun = time.monotonic()
    process = start(description, folder)
    _, error = process.communicate()
    if process.returncode:
        raise BrokenError(f"exit status {process.returncode}: {error.decode()[-500:]}")
    return time.monotonic() - begun


def kill_once(description: Path, folder: Path, draw: random.Random, longest: float, tally: Tally) -> bool:
    """Start, kill at a random moment, check; whether the sweep had ended before."""
    before = check_files(folder)
    process = start(description, folder)
    moment = time.monotonic() + draw.uniform(0.0, longest)
    victims_worker = draw.random() < 0.3
    while time.monotonic() < moment and process.poll() is None:
        time.sleep(0.01)
    workers = workers_of(process.pid)
    if process.poll() is not None:
        _, error = process.communicate()
        if process.returncode:
            raise BrokenError(f"exit status {process.returncode}: {error.decode()[-500:]}")
        return True
    if victims_worker and workers:
        os.kill(draw.choice(workers), signal.SIGKILL)
        tally.workers += 1
        # The sweep must live with that; its own end comes a little later.
        time.sleep(draw.uniform(0.0, 1.0))
        workers = workers_of(process.pid)
        if process.poll() not in (None, 0):
            raise BrokenError(f"ended when a worker died: {process.communicate()[1].decode()[-500:]}")
    process.kill()
    process.communicate()
    tally.sweeps += 1
    after = check_files(folder)
    if not set(before) <= set(after):
        raise BrokenError("finished cases were lost")
    if any(before[digest] != after[digest] for digest in before):
        raise BrokenError("finished cases were changed")
    tally.cases_kept += len(after)
    deadline = time.monotonic() + _TIME_TO_GO
    while any(lives(pid) for pid in workers):
        if time.monotonic() > deadline:
            raise BrokenError("workers outlive their sweep")
        time.sleep(0.05)
    return False


def run(count: int, seed: int, text: str, work: Path) -> Tally:
    """Kill so often, and compare every sweep that ends with an uninterrupted one.

    Raises
    ------
    BrokenError
    """
    description, whole, folder = work / "sweep.toml", work / "whole", work / "killed"
    description.write_text(text, encoding="utf-8")
    longest = finish(description, whole)
    expected = check_files(whole)
    draw, tally = random.Random(seed), Tally()
    while tally.sweeps < count:
        if kill_once(description, folder, draw, longest, tally):
            same(whole, folder)
            if set(check_files(folder)) != set(expected):
                raise BrokenError("the cases differ")
            shutil.rmtree(folder)
            tally.ended += 1
        else:
            print(f"\r{tally.sweeps} of {count}", end="", file=sys.stderr, flush=True)
    finish(description, folder)
    check_files(folder)
    same(whole, folder)
    tally.ended += 1
    return tally


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        tally = run(arguments.count, arguments.seed, SWEEP, Path(name))
    print(
        f"{tally.sweeps} kills of the sweep, {tally.workers} of a worker, {tally.ended} sweeps ended, "
        f"{tally.cases_kept / max(tally.sweeps, 1):.0f} finished cases found after a kill on average, "
        f"{time.monotonic() - begun:.0f} s: nothing broken, lost, or computed twice; equal to the uninterrupted sweep"
    )


if __name__ == "__main__":
    main()
