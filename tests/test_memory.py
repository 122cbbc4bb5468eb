"""Memory: what is there, counted with all limits; what does not fit is refused before it is begun.

How well estimates meet the measured peaks is in `benchmarks/bench_memory.py` (`make hard`): a first run compiles
kernels, which takes memory of its own.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from samples import SMALL_CASE

from aspot import compose, memory
from aspot.casefile import loads
from aspot.discretise import BACKENDS
from aspot.errors import MemoryLimitError
from aspot.plan import plan
from aspot.simulation import simulate

GB = 10**9
CASE = SMALL_CASE.replace("single", "square").replace('stop = "1 Hz"', 'stop = "1 kHz"')


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with 16 GB available, whose limits the tests write down."""
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "proc" / "meminfo").write_text("MemTotal: 32000000 kB\nMemAvailable: 16000000 kB\n")
    monkeypatch.setattr(memory, "_PROC", tmp_path / "proc")
    monkeypatch.setattr(memory, "_CGROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(memory, "_left_of_address_space", lambda: iter(()))
    return tmp_path


def group(machine: Path, path: str, limit: object, used: int, cache: int = 0, *, version: int = 2) -> None:
    folder = machine / "cgroup" / path
    folder.mkdir(parents=True, exist_ok=True)
    names = ("memory.max", "memory.current") if version == 2 else ("memory.limit_in_bytes", "memory.usage_in_bytes")
    (folder / names[0]).write_text(f"{limit}\n")
    (folder / names[1]).write_text(f"{used}\n")
    word = "inactive_file" if version == 2 else "total_inactive_file"
    (folder / "memory.stat").write_text(f"anon 5\n{word} {cache}\n")


def belongs_to(machine: Path, *lines: str) -> None:
    (machine / "proc" / "self" / "cgroup").write_text("\n".join(lines) + "\n")


def test_without_groups_it_is_what_linux_calls_available(machine: Path) -> None:
    assert memory.available_memory() == 16_000_000 * 1024


@pytest.mark.parametrize("version", [1, 2])
def test_a_group_leaves_its_limit_less_what_is_used_but_for_caches(machine: Path, version: int) -> None:
    place = "job" if version == 2 else "memory/job"
    group(machine, place, 4 * GB, 3 * GB, cache=GB, version=version)
    belongs_to(machine, "3:cpu:/", "0::/job" if version == 2 else "5:cpu,memory:/job")
    assert memory.available_memory() == 2 * GB


def test_an_outer_group_counts_too(machine: Path) -> None:
    group(machine, "slurm", 4 * GB, 3 * GB)
    group(machine, "slurm/job/step", 10 * GB, 0)
    belongs_to(machine, "0::/slurm/job/step")
    assert memory.available_memory() == GB


def test_in_a_container_the_own_group_is_the_root(machine: Path) -> None:
    group(machine, "", 2 * GB, GB)
    belongs_to(machine, "0::/docker/4fb")
    assert memory.available_memory() == GB


@pytest.mark.parametrize("limit", ["max", 9223372036854771712, "what?"])
def test_no_limit_and_nonsense_limit_nothing(machine: Path, limit: object) -> None:
    group(machine, "job", limit, 3 * GB)
    belongs_to(machine, "0::/job")
    assert memory.available_memory() == 16_000_000 * 1024


def test_a_group_that_uses_more_than_its_limit_leaves_nothing(machine: Path) -> None:
    group(machine, "job", GB, 3 * GB)
    belongs_to(machine, "0::/job")
    assert memory.available_memory() == 0.0


def test_the_limit_of_the_address_space_counts() -> None:
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (900_000_000, -1))\n"
        "from aspot.memory import available_memory; print(available_memory())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=False)
    assert 0 < float(done.stdout) < 9e8, done.stderr


# Refusal --------------------------------------------------------------------------------------------------------------


def test_more_than_four_fifths_are_refused() -> None:
    memory.check_memory(0.79e9, 1e9, "it")
    with pytest.raises(MemoryLimitError, match=r"it takes about 0.81 GB; 1 GB are available, .* 80 % .*; use less"):
        memory.check_memory(0.81e9, 1e9, "it", "; use less")


@pytest.mark.parametrize("backend", ["axisymmetric", "surface", "tetrahedra", "planar"])
def test_every_backend_refuses_what_does_not_fit(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether 80 % of the memory are enough decides; refused is before the mesh, so nothing can have filled it."""
    text = CASE.replace("square", "single") if backend == "axisymmetric" else CASE
    cell = loads(text, {"numerics.backend": backend, "numerics.relative_tolerance": "0.03"})
    p = plan(cell)
    assert p.backend.name == backend
    needed = p.memory_bytes(p.first_level)
    chosen = BACKENDS[backend]
    begun = []

    def discretise(*_: object) -> None:
        begun.append(1)
        raise KeyError("begun")

    monkeypatch.setitem(vars(chosen), "discretise", discretise)
    monkeypatch.setattr(compose, "available_memory", lambda: 0.99 * needed / 0.8)
    with pytest.raises(MemoryLimitError, match=r"are available.*relative_tolerance"):
        simulate(cell)
    assert not begun
    monkeypatch.setattr(compose, "available_memory", lambda: 1.01 * needed / 0.8)
    with pytest.raises(KeyError, match="begun"):
        simulate(cell)


def test_what_is_told_grows_with_what_is_asked_for() -> None:
    """A run takes at least what Python and the libraries take, and more for a finer answer or more pixels."""
    told = [
        plan(loads(CASE, {"numerics.backend": "tetrahedra", "numerics.relative_tolerance": t})).run_memory_bytes()
        for t in ("0.03", "0.003", "0.0003")
    ]
    assert 1e8 < told[0] < told[1] < told[2]
    random = CASE.replace("square", "random")
    few, many = (
        plan(loads(random, {"working_electrode.morphology.count": str(n)})).run_memory_bytes() for n in (10, 30)
    )
    # The map of the current has 40 pixels per radius: three times the area, three times the pixels.
    process = BACKENDS["planar"].process_bytes
    assert many - process == pytest.approx(3 * (few - process), rel=0.05)


def test_films_are_told_in_tetrahedra() -> None:
    """Around a rim they are as large as a film is thick: a radius over a thickness of 100 makes thousands."""
    film = (
        '[[electrolyte.layers]]\nname = "film"\nthickness = "100 nm"\nconductivity = "1e-7 S/cm"\npermittivity = 10\n'
    )
    cell = loads(CASE + film, {"numerics.backend": "tetrahedra", "numerics.relative_tolerance": "0.03"})
    p = plan(cell)
    interface = p.sides[0].interface
    found = p.backend.discretise(interface, 0).problem
    assert p.unknowns(0) == pytest.approx(found.n_free, rel=0.3)
    plain = plan(loads(CASE, {"numerics.backend": "tetrahedra"}))
    assert p.unknowns(0) > 3 * plain.unknowns(0)
