"""`aspot run` disturbed again and again: interrupted, killed, two at once, a full disk. Nothing is ever broken.

    python benchmarks/interrupt_run.py [--count 100] [--seed 0] [--tmpfs]

Each run is a fork of a process that has loaded everything, so that the moments hit what a run does, not how Python
starts. It writes into a new folder, or into one that holds the results of another case. Afterwards

- every file of the folder is whole: that of the other case, or that of this one;
- after SIGINT and SIGTERM, and when a disk is full: all of them belong to one case, nothing else is left behind, the
  status is 1 (or 0, if it was done already), and one line says why;
- after SIGKILL: nothing is left behind but one hidden temporary folder;
- after two runs at once: both have status 0, and all files belong to one of them.

`--tmpfs` fills a small file system of its own as well, and makes it read-only (needs root, on Linux). Linux and macOS.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from samples import SMALL_CASE  # noqa: E402

from aspot.output import FILES  # noqa: E402

CASE = SMALL_CASE.replace("100 nm", "GAP nm").replace('name = "small"', 'name = "GAP nm"')

#: What a run needs.
PRELOADED = (
    "aspot.cli", "aspot.casefile", "aspot.simulation", "aspot.output", "aspot.plot", "aspot.field_plot", "aspot.cell",
    "aspot.discretise.profile", "matplotlib.backends.backend_agg", "meshio.vtu", "pint", "rich.progress", "rich.table",
    "scipy.sparse.linalg", "skfem", "tomli_w", "xml.etree.ElementTree", "PIL.PngImagePlugin",
)  # fmt: skip


class BrokenError(Exception):
    """What must not be."""


class Trials:
    """Folders, cases and what uninterrupted runs of them write."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.cases = {}
        self.whole = {}
        self.seconds = 0.0
        for gap in ("100", "50"):
            self.cases[gap] = home / f"{gap}.toml"
            self.cases[gap].write_text(CASE.replace("GAP", gap))
            self.whole[gap] = home / f"whole-{gap}"
            start = time.perf_counter()
            status, said = self.ended(self.started(gap, self.whole[gap]))
            self.seconds = time.perf_counter() - start
            if status:
                raise BrokenError(f"an undisturbed run fails: {said}")

    def started(self, gap: str, folder: Path, prepare: Callable[[], object] = lambda: None) -> int:
        """The process of a run."""
        errors = self.home / "stderr"
        pid = os.fork()
        if pid == 0:
            status = 70
            try:
                out = os.open(errors.with_suffix(f".{os.getpid()}"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
                os.dup2(out, 2)
                os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
                prepare()
                from aspot.cli import main

                status = main(["run", str(self.cases[gap]), "--out", str(folder)])
            finally:
                os._exit(status)
        return pid

    def ended(self, pid: int) -> tuple[int, str]:
        """Status and what it said."""
        _, status = os.waitpid(pid, 0)
        errors = (self.home / "stderr").with_suffix(f".{pid}")
        said = errors.read_text(errors="replace") if errors.exists() else ""
        errors.unlink(missing_ok=True)
        return os.waitstatus_to_exitcode(status), said

    def fresh(self, is_old: bool, place: Path | None = None) -> Path:
        """A folder to write to, in a folder of its own; with the results of the other case or not there."""
        around = (place or self.home) / "around"
        shutil.rmtree(around, ignore_errors=True)
        around.mkdir()
        if is_old:
            shutil.copytree(self.whole["100"], around / "out")
            (around / "out" / "notes.txt").write_text("mine")
        return around / "out"

    def checked(self, folder: Path, *, may_mix: bool = False, may_leave: int = 0) -> str:
        """Which case the folder holds: "100", "50" or "none"; or "both", if that may be."""
        around = folder.parent
        left = sorted(p.name for p in around.iterdir() if p.name != folder.name)
        if len(left) > may_leave or not all(name.startswith(".out.") for name in left):
            raise BrokenError(f"left behind: {left}")
        if not folder.exists():
            return "none"
        names = {p.name for p in folder.iterdir()}
        if not names >= set(FILES) or names - {*FILES, "notes.txt"}:
            raise BrokenError(f"files: {sorted(names ^ set(FILES))}")
        found = {self.owner(folder / name) for name in FILES}
        if len(found) > 1 and not may_mix:
            raise BrokenError("files of two cases")
        return found.pop() if len(found) == 1 else "both"

    def owner(self, file: Path) -> str:
        """The case that a whole file belongs to."""
        content = file.read_bytes()
        for gap, folder in self.whole.items():
            if content == (folder / file.name).read_bytes():
                return gap
        if file.name == "summary.json":  # holds seconds
            return str(round(json.loads(content)["case"]["working_electrode"]["gap"]["thickness"] * 1e9))
        raise BrokenError(f"{file.name} is not whole")


def require(condition: object, message: str) -> None:
    if not condition:
        raise BrokenError(message)


def one_line(said: str, *words: str) -> bool:
    return said.startswith("aspot: ") and said.count("\n") == 1 and all(word in said for word in words)


def interrupted(trials: Trials, rng: random.Random) -> str:
    """A signal at a random moment."""
    kind = rng.choice((signal.SIGINT, signal.SIGTERM, signal.SIGKILL))
    is_old = rng.random() < 0.5
    folder = trials.fresh(is_old)
    pid = trials.started("50", folder)
    time.sleep(rng.uniform(0.02, 1.1) * trials.seconds)
    os.kill(pid, kind)
    status, said = trials.ended(pid)
    if kind == signal.SIGKILL:
        require(status in (-signal.SIGKILL, 0), f"SIGKILL: status {status}: {said}")
        holds = trials.checked(folder, may_mix=True, may_leave=1)
    else:
        require(status in (0, 1, -kind), f"{kind.name}: status {status}: {said}")
        require(status != 1 or one_line(said, "interrupted"), f"{kind.name}: {said}")
        holds = trials.checked(folder)
        require(holds == "50" or status, "status 0 without results")
    require(holds != "none" or not is_old, "the results of before are gone")
    return f"{kind.name}: {'done' if status == 0 else 'stopped'}"


def two_at_once(trials: Trials, rng: random.Random) -> str:
    """Two cases into one folder."""
    folder = trials.fresh(rng.random() < 0.3)
    first = trials.started("100", folder)
    time.sleep(rng.uniform(0.0, 0.3) * trials.seconds)
    second = trials.started("50", folder)
    for pid in (first, second):
        status, said = trials.ended(pid)
        require(status == 0, f"two at once: status {status}: {said}")
    return f"two at once: {trials.checked(folder)} nm stay"


def full(trials: Trials, rng: random.Random) -> str:
    """Files may not grow beyond a random size."""
    sizes = sorted(p.stat().st_size for p in trials.whole["50"].iterdir())
    limit = rng.randrange(1, sizes[-1])
    is_old = rng.random() < 0.5
    folder = trials.fresh(is_old)

    def no_more() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    status, said = trials.ended(trials.started("50", folder, no_more))
    # The line itself goes to a file too, and may be cut off.
    require(status == 1, f"no room: status {status}: {said}")
    require(one_line(said, "cannot be written") or len(said) >= limit, f"no room: {said}")
    require(trials.checked(folder) == ("100" if is_old else "none"), "no room: not as before")
    return "no room for a file"


def full_disk(trials: Trials, rng: random.Random, place: Path) -> str:
    """A small file system."""
    is_old = rng.random() < 0.5
    folder = trials.fresh(is_old, place)
    room = place / "room"
    free = shutil.disk_usage(place).free
    needed = sum(p.stat().st_size for p in trials.whole["50"].iterdir())
    room.write_bytes(b"0" * max(0, free - rng.randrange(needed)))
    status, said = trials.ended(trials.started("50", folder))
    room.unlink()
    require(status == 1 and one_line(said, "cannot be written"), f"full disk: status {status}: {said}")
    require(trials.checked(folder) == ("100" if is_old else "none"), "full disk: not as before")
    return "full disk"


def read_only(trials: Trials, rng: random.Random, place: Path) -> str:
    """A file system that may not be written: said before anything is computed."""
    folder = trials.fresh(rng.random() < 0.5, place)
    subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
    start = time.perf_counter()
    status, said = trials.ended(trials.started("50", folder))
    spent = time.perf_counter() - start
    subprocess.run(["mount", "-o", "remount,rw", str(place)], check=True)
    require(status == 2 and one_line(said, "may not be written"), f"read-only: status {status}: {said}")
    require(spent < trials.seconds, "read-only: said too late")
    return "read-only"


def run(count: int, seed: int, *, with_tmpfs: bool = False) -> Counter[str]:
    """That many trials of each kind's share; what happened how often.

    Raises
    ------
    BrokenError
        Naming the trial.
    """
    # Loaded here, used in forks alone: locks of threads at work would be copied.
    for name in PRELOADED:
        importlib.import_module(name)
    tally: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        trials = Trials(home)
        disk = home / "disk"
        if with_tmpfs:
            disk.mkdir()
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(disk)], check=True)
        try:
            for k in range(count):
                rng = random.Random(f"{seed}-{k}")
                kinds = [interrupted, full, two_at_once, interrupted, interrupted]
                kind = kinds[k % len(kinds)]
                try:
                    tally[kind(trials, rng)] += 1
                    if with_tmpfs and kind is full:
                        tally[full_disk(trials, rng, disk)] += 1
                        tally[read_only(trials, rng, disk)] += 1
                except BrokenError as error:
                    raise BrokenError(f"trial {k} of seed {seed}: {error}") from error
        finally:
            if with_tmpfs:
                subprocess.run(["umount", str(disk)], check=True)
    return tally


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tmpfs", action="store_true")
    arguments = parser.parse_args()
    try:
        tally = run(arguments.count, arguments.seed, with_tmpfs=arguments.tmpfs)
    except BrokenError as error:
        print(f"broken: {error}")
        return 1
    for what, number in sorted(tally.items()):
        print(f"{number:6}  {what}")
    print(f"{tally.total():6}  trials, nothing broken")
    return 0


if __name__ == "__main__":
    sys.exit(main())
