"""Hard edges: what users, systems and accidents do to a run ends in one clear line and whole files.

Damaged files are in `test_damaged_files.py`, memory in `test_memory.py`, killed sweeps in `test_sweep_processes.py`;
the long versions of all run by `make hard`.
"""

from __future__ import annotations

import ast
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from samples import CASE

from aspot import cli
from aspot import folder as folders
from aspot.errors import AspotError

ROOT = Path(__file__).resolve().parents[1]


# Nothing in a file is ever run ---------------------------------------------------------------------------------------

#: Modules whose files are programs, or that make them so.
UNSAFE_MODULES = {"pickle", "cPickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "yaml", "imp"}
#: Calls by the end of their name.
UNSAFE_CALLS = {
    "eval", "exec", "compile", "__import__", "system", "popen", "read_pickle", "to_pickle", "literal_eval", "sympify"
}  # fmt: skip


def unsafe(source: str) -> Iterator[str]:
    """What runs texts or loads objects, and what depends on the user's locale, with the line."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        elif isinstance(node, ast.Call):
            function = node.func
            name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
            is_own = isinstance(function, ast.Attribute) and name == "compile"  # of regular expressions
            if name in UNSAFE_CALLS and not is_own:
                yield f"line {node.lineno}: {name}()"
            for keyword in node.keywords:
                value = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
                if (keyword.arg == "allow_pickle" and value is not False) or (keyword.arg == "shell" and value):
                    yield f"line {node.lineno}: {keyword.arg}"
            is_numpy = name == "load" and ast.unparse(function).startswith(("np.", "numpy."))
            if is_numpy and not any(keyword.arg == "allow_pickle" for keyword in node.keywords):
                yield f"line {node.lineno}: np.load without allow_pickle=False"
            continue
        elif isinstance(node, ast.FormattedValue) and node.format_spec is not None:
            if ast.unparse(node.format_spec).rstrip("'").endswith("n"):
                yield f"line {node.lineno}: format 'n' writes numbers as the locale does"
            continue
        else:
            continue
        for name in names:
            if name.split(".")[0] in UNSAFE_MODULES | {"locale"}:
                yield f"line {node.lineno}: import {name}"


def test_nothing_that_is_read_can_run_and_no_number_depends_on_the_locale() -> None:
    found = [
        f"{path.relative_to(ROOT)}, {what}"
        for path in sorted((ROOT / "src").rglob("*.py"))
        for what in unsafe(path.read_text(encoding="utf-8"))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "source",
    [
        "eval('1')",
        "exec(text)",
        "builtins.eval(text)",
        "import pickle",
        "from pickle import loads",
        "import os; os.system('x')",
        "np.load(file)",
        "np.load(file, allow_pickle=True)",
        "np.load(file, allow_pickle=flag)",
        "subprocess.run(text, shell=True)",
        "import yaml",
        "import locale",
        "f'{x:n}'",
        "f'{x:.3n}'",
    ],
)
def test_the_check_of_unsafe_calls_would_notice(source: str) -> None:
    assert list(unsafe(source))
    assert not list(unsafe("np.load(file, allow_pickle=False); re.compile(text); f'{x:.3g} {name}'"))


# Interrupts, two at once, a full disk --------------------------------------------------------------------------------


def test_runs_disturbed_at_random_moments_leave_whole_files() -> None:
    """The short version of benchmarks/interrupt_run.py: a signal, no room for a file."""
    command = [
        sys.executable,
        str(ROOT / "benchmarks" / "interrupt_run.py"),
        "--count",
        "5",
        "--seed",
        str(os.getpid()),
    ]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing broken" in done.stdout


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_the_end_of_a_batch_job_is_an_interrupt(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from aspot import simulation

    kind = getattr(signal, name)
    before = signal.getsignal(kind)

    def hit(*_: object, **__: object) -> None:
        os.kill(os.getpid(), kind)
        raise AssertionError("went on")

    monkeypatch.setattr(simulation, "simulate", hit)
    (tmp_path / "case.toml").write_text(CASE)
    assert cli.main(["run", str(tmp_path / "case.toml"), "--out", str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err == "aspot: interrupted\n"
    assert signal.getsignal(kind) is before
    assert [p.name for p in tmp_path.iterdir()] == ["case.toml"]


def test_a_signal_that_is_ignored_stays_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`nohup aspot run ...` survives the end of its terminal."""
    from aspot import simulation

    def hit(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGHUP)
        raise AspotError("went on")

    monkeypatch.setattr(simulation, "simulate", hit)
    (tmp_path / "case.toml").write_text(CASE)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert cli.main(["run", str(tmp_path / "case.toml"), "--out", str(tmp_path / "out")]) == 1
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_another_run_that_makes_the_folder_first_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look and the renaming another process may put its results there."""
    target = tmp_path / "out"

    def late(_: object, __: object) -> None:
        target.mkdir()
        (target / "a").write_text("theirs")
        (target / "b").write_text("theirs")
        raise OSError(39, "Directory not empty")

    monkeypatch.setattr(folders.os, "rename", late)
    folders.write_folder(target, {"a": lambda p: p.write_text("ours")}, {"a", "b"})
    assert {p.name: p.read_text() for p in target.iterdir()} == {"a": "ours"}
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_renaming_that_fails_otherwise_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(_: object, __: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(folders.os, "rename", never)
    with pytest.raises(AspotError, match="cross-device"):
        folders.write_folder(tmp_path / "out", {"a": lambda p: p.write_text("ours")})
    assert not list(tmp_path.iterdir())


def _write(folder: Path, word: str, times: int) -> None:
    for _ in range(times):
        folders.write_folder(folder, {f"{k}": lambda p: p.write_text(word) for k in range(12)})


def test_two_that_write_to_one_folder_do_not_mix(tmp_path: Path) -> None:
    """Whatever the order of their renamings, all files are those of one of them."""
    context = multiprocessing.get_context("fork")
    for _ in range(6):
        writers = [context.Process(target=_write, args=(tmp_path / "out", word, 4)) for word in ("a", "b")]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        assert [writer.exitcode for writer in writers] == [0, 0]
        assert len({p.read_text() for p in (tmp_path / "out").iterdir()}) == 1
        assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_an_interrupt_waits_while_files_are_put_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["a", "b", "c"]
    for name in names:
        (tmp_path / name).write_text("old")
    replace = os.replace

    def slowly(source: Path, target: Path) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        replace(source, target)

    monkeypatch.setattr(folders.os, "replace", slowly)
    over = threading.Event()
    other = threading.Thread(target=over.wait)  # one that the system may give the signal to
    other.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            folders.write_folder(tmp_path, {name: lambda p: p.write_text("new") for name in names})
    finally:
        over.set()
        other.join()
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == dict.fromkeys(names, "new")


# No display, odd backends, decimal commas, missing packages ----------------------------------------------------------

ODD = """
import locale, sys
from aspot.cli import main
try:
    locale.setlocale(locale.LC_ALL, "de_DE.UTF-8")
except locale.Error:
    pass
print("decimal", locale.localeconv()["decimal_point"])
from aspot.mesh import tetrahedra
from aspot.mesh.tetmesh import volumes
from aspot.morphology.unit_cell import BoxCell, Disc
cell = BoxCell(size_x=1e-6, size_y=1e-6, shapes=(Disc(x=0.0, y=0.0, radius=2e-7),), contact_inside=True)
mesh = tetrahedra.build(cell, depth=1e-6, rim_size=1e-7, max_size=3e-7)
print("volume", volumes(mesh).sum() * mesh.unit_m**3 * 1e18)
sys.exit(main(["run", "case.toml", "--out", "out"]))
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a run in this process."""
    folder = tmp_path_factory.mktemp("usual")
    (folder / "case.toml").write_text(CASE)
    assert cli.main(["run", str(folder / "case.toml"), "--out", str(folder / "out")]) == 0
    return folder / "out"


def test_decimal_commas_odd_backends_and_no_display_change_nothing(results: Path, tmp_path: Path) -> None:
    """A program that sets a German locale may call aspot: meshes of C++ libraries and all files stay the same.

    Where no German locale can be made (no localedef), what is left is that `src` never asks for the locale.
    """
    places = tmp_path / "locales"
    places.mkdir()
    command = ["localedef", "-i", "de_DE", "-f", "UTF-8", str(places / "de_DE.UTF-8")]
    try:
        has_commas = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        has_commas = False
    (tmp_path / "case.toml").write_text(CASE)
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    environment |= {"LOCPATH": str(places), "LC_ALL": "de_DE.UTF-8", "MPLBACKEND": "no such backend"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", ODD],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said = dict(line.split(" ", 1) for line in done.stdout.splitlines() if line.startswith(("decimal", "volume")))
    assert said["decimal"] == ("," if has_commas else ".")
    assert float(said["volume"]) == pytest.approx(1.0, rel=1e-9)
    for name in ("spectrum.csv", "case.toml", "field.vtu"):
        assert (tmp_path / "out" / name).read_bytes() == (results / name).read_bytes(), name
    z = np.loadtxt(tmp_path / "out" / "spectrum.csv", delimiter=",", skiprows=1)
    assert z.shape[1] == 3


@pytest.mark.parametrize(
    ("missing", "arguments", "words"),
    [
        ("matplotlib", ("run", "CASE", "--out", "new"), "matplotlib"),
        ("plotly", ("report", "RESULTS"), "plotly"),
        ("distributed", ("sweep", "SWEEP", "--out", "new", "--scheduler", "tcp://127.0.0.1:9"), "aspot[cluster]"),
    ],
)
def test_a_missing_package_is_one_line_that_names_it(
    missing: str, arguments: tuple[str, ...], words: str, results: Path, tmp_path: Path
) -> None:
    sweep = '[case]\n{}\n[[axes]]\nkey = "temperature"\nvalues = ["25 degC", "60 degC"]\n'
    inner = "\n".join(line.replace("[", "[case.", 1) if line.startswith("[") else line for line in CASE.splitlines())
    inner = inner.replace('name = "sample"', "").split("[case.published]")[0]
    (tmp_path / "case.toml").write_text(CASE)
    (tmp_path / "sweep.toml").write_text(sweep.format(inner.replace('temperature = "25 degC"', "")))
    places = {"CASE": "case.toml", "RESULTS": str(results), "SWEEP": "sweep.toml"}
    given = [places.get(a, a) for a in arguments]
    code = f"import sys; sys.modules[{missing!r}] = None\nfrom aspot.cli import main\nsys.exit(main({given!r}))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stderr.startswith("aspot: ")
    assert done.stderr.count("\n") == 1
    assert words in done.stderr
