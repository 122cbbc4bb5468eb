"""Sweeps on processes and clusters: whatever dies, the files are whole and the answer is that of a quiet run."""

from __future__ import annotations

import importlib.util
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import aspot
from aspot.errors import AspotError
from aspot.processes import OneProcess, in_order
from aspot.sweeps import SweepProgress, queue, run, sweep, workers
from aspot.sweeps.description import load
from aspot.sweeps.work import Task, solve

ROOT = Path(__file__).resolve().parent.parent
PLANAR: dict[str, Any] = {
    "electrolyte": {"thickness": "1 mm", "conductivity": "1 mS/cm", "activation_energy": "0.3 eV"},
    "frequencies": {"values": ["1 kHz"]},
}


def _module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("kill_sweep", ROOT / "benchmarks" / "kill_sweep.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["kill_sweep"] = module
    spec.loader.exec_module(module)
    return module


kill_sweep = _module()


@pytest.fixture(scope="module")
def description(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sweep") / "sweep.toml"
    path.write_text(kill_sweep.SMALL_SWEEP)
    return path


@pytest.fixture(scope="module")
def quiet(description: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a sweep that nothing disturbed, in this process."""
    folder = tmp_path_factory.mktemp("quiet") / "out"
    sweep(description, out=folder, workers=0)
    return folder


# Killed -------------------------------------------------------------------------------------------------------------


def test_kills_at_random_moments_break_lose_and_repeat_nothing(description: Path, quiet: Path, tmp_path: Path) -> None:
    """The short version of benchmarks/kill_sweep.py: one kill while it works, then to the end."""
    folder, draw = tmp_path / "out", random.Random(os.getpid())
    process = kill_sweep.start(description, folder, workers=2)
    deadline = time.monotonic() + 100.0
    while not list(folder.glob("cases/*.jsonl")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(draw.uniform(0.0, 0.3))
    workers = kill_sweep.workers_of(process.pid)
    if workers:
        os.kill(draw.choice(workers), signal.SIGKILL)
        time.sleep(draw.uniform(0.0, 0.3))
        workers = kill_sweep.workers_of(process.pid)
    process.kill()
    process.communicate()
    found = kill_sweep.check_files(folder)
    while any(kill_sweep.lives(pid) for pid in workers):
        assert time.monotonic() < deadline, "workers outlive their sweep"
        time.sleep(0.02)
    done = sweep(description, out=folder, workers=0)
    assert done.reused == len(found) > 0
    kill_sweep.check_files(folder)  # no case twice
    kill_sweep.same(quiet, folder)


def deadly(task: Task) -> Any:
    """Ends its process where it is hot."""
    if any(changes["temperature"] > 330.0 for changes in task.cases):
        os.kill(os.getpid(), signal.SIGKILL)
    return solve(task)


def test_a_case_that_kills_its_worker_is_recorded_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "solve", deadly)
    monkeypatch.setattr(queue, "_MOST_DEATHS", 2)
    done = sweep(aspot.Cell(**PLANAR), {"temperature": [280.0, 300.0, 333.0]}, out=tmp_path / "out", workers=1)
    data = done.dataset
    assert data["status"].values.tolist() == ["done", "done", "failed"]
    assert "died again and again" in str(data["reason"].values[2])


def test_ctrl_c_ends_a_sweep_with_one_line_and_a_data_set(description: Path, quiet: Path, tmp_path: Path) -> None:
    code = "import sys; from aspot.cli import main; sys.exit(main())"
    folder = tmp_path / "out"
    command = [sys.executable, "-c", code, "sweep", str(description), "--out", str(folder), "--workers", "1"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", start_new_session=True
    )
    deadline = time.monotonic() + 100.0
    while not list(folder.glob("cases/*.jsonl")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    workers = kill_sweep.workers_of(process.pid)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers, too
    out, error = process.communicate(timeout=100.0)
    if process.returncode == 0:  # it was faster
        return
    assert (process.returncode, out) == (1, "")
    assert error.startswith("aspot: interrupted; ")
    assert error.count("\n") == 1
    found = kill_sweep.check_files(folder)
    assert f"; {len(found)} of 60 cases" in error
    assert (folder / "sweep.nc").exists()
    while any(kill_sweep.lives(pid) for pid in workers):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_script_without_a_guard_is_told_so(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        f"import aspot\nbase = {PLANAR!r}\n"
        "aspot.sweep(aspot.Cell(**base), {'temperature': [300.0, 310.0]}, out='out', workers=1)\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 1
    assert "__main__" in done.stderr.strip().splitlines()[-1]
    assert not (tmp_path / "out").exists()


def test_a_worker_killed_at_its_start_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Out of memory, or a batch system that cleans up: not the fault of the script, unless it happens every time."""
    started = 0

    class Dying(OneProcess):
        def __init__(self) -> None:
            nonlocal started
            super().__init__()
            started += 1
            self.dies = started <= deaths

        def submit(self, work: Any, *arguments: Any) -> Any:
            task = (signal.raise_signal, signal.SIGKILL) if self.dies else (work, *arguments)
            return super().submit(*task)

    monkeypatch.setattr(workers, "OneProcess", Dying)
    for deaths in (2, 3):
        started = 0
        team = workers.LocalProcesses(1)
        try:
            if deaths == 2:
                assert team.other_versions() == {}
            else:
                with pytest.raises(AspotError, match="as soon as they start"):
                    team.other_versions()
        finally:
            team.close()


def threads() -> list[int]:
    import numpy.linalg  # noqa: F401
    from threadpoolctl import threadpool_info

    return [pool["num_threads"] for pool in threadpool_info()]


def test_a_worker_has_one_thread_and_is_deaf_to_interrupts(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(name, "2")
    process = OneProcess()
    try:
        pid = process.submit(os.getpid).result()
        os.kill(pid, signal.SIGINT)
        found = process.submit(threads).result()
        assert set(found) <= {1}
        assert process.submit(os.getpid).result() == pid
    finally:
        process.close()
    deadline = time.monotonic() + 60.0
    while kill_sweep.lives(pid):
        assert time.monotonic() < deadline
        time.sleep(0.02)


# A cluster ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """Scheduler and two workers, each a process of its own, as on a real cluster."""
    pytest.importorskip("distributed")
    folder = tmp_path_factory.mktemp("cluster")
    file = folder / "scheduler.json"
    environment = {
        **os.environ,
        "DASK_TEMPORARY_DIRECTORY": str(folder),
        "DASK_DISTRIBUTED__ADMIN__TICK__LIMIT": "100s",
    }
    common = ["--scheduler-file", str(file)]
    with ExitStack() as stack:

        def started(kind: str, *options: str) -> subprocess.Popen[bytes]:
            command = [sys.executable, "-m", "distributed.cli." + kind, *common, *options]
            process = subprocess.Popen(
                command, env=environment, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        started("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-jupyter")
        quiet = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--memory-limit", "0")
        workers = [started("dask_worker", "--host", "127.0.0.1", *quiet) for _ in range(2)]
        deadline = time.monotonic() + 100.0
        while not file.exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield json.loads(file.read_text())["address"], workers


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_cluster_gives_the_same_data_set_though_a_worker_dies(
    description: Path, quiet: Path, cluster: tuple[str, list[subprocess.Popen[bytes]]], tmp_path: Path
) -> None:
    address, workers = cluster
    killed = []

    def report(now: SweepProgress) -> None:
        if now.stage.startswith("on Dask") and now.finished > 5 and not killed:
            workers[0].kill()
            killed.append(True)

    folder = tmp_path / "out"
    done = sweep(description, out=folder, scheduler=address, progress=report)
    assert killed
    assert done.cases == 60
    kill_sweep.check_files(folder)
    kill_sweep.same(quiet, folder)


def test_a_cluster_that_is_not_there_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from aspot.sweeps import workers

    monkeypatch.setattr(workers, "_CONNECT_S", 0.5)
    with pytest.raises(AspotError, match=r"--scheduler tcp://127\.0\.0\.1:1: no scheduler answers"):
        sweep(
            aspot.Cell(**PLANAR), {"temperature": [300.0]}, out=tmp_path / "out", scheduler="tcp://127.0.0.1:1"
        )  # fmt: skip
    assert not (tmp_path / "out").exists()
    with pytest.raises(AspotError, match="--scheduler nonsense://"):
        sweep(aspot.Cell(**PLANAR), {"temperature": [300.0]}, out=tmp_path / "out", scheduler="nonsense://x")


def test_without_distributed_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(AspotError, match=r"pip install 'aspot\[cluster\]'"):
        sweep(aspot.Cell(**PLANAR), {"temperature": [300.0]}, out=tmp_path / "out", scheduler="tcp://127.0.0.1:1")


def test_the_small_sweep_is_what_the_kills_need(description: Path) -> None:
    """Two meshes, a backend that cannot solve the case, and a gap that occurs twice."""
    assert load(description).shape == (3, 11, 2)


def test_processes_answer_in_order() -> None:
    assert list(in_order(abs, [-3, 2, -1], 2)) == [3, 2, 1]
