"""Break the numerical core at random, one small change at a time, and see whether the tests notice.

    python benchmarks/mutants.py [--sample 150] [--seed 0] [--module laws] [--first 0 --count 20] [--list]

Every mutant differs from the source in one operator, comparison, boundary, sign, constant or logical word. It is made
in a copy of the tree (`--work`), never here, and runs against the tests that concern its module: first the quick ones,
then the others. It is killed if a test fails or takes far too long. The same seed draws the same mutants from the same
source. Results are appended to WORK/results.jsonl and need not be made in one go; `--report` prints them.

Mutants that no test can kill, as they mean the same, stand with a reason in `benchmarks/equivalent_mutants.toml`; they
count neither as killed nor as survived. Linux and macOS.
"""

from __future__ import annotations

import argparse
import ast
import copy
import json
import os
import random
import shutil
import signal
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"
os.environ |= {"MPLBACKEND": "Agg", "CI": "true"}

ROOT = Path(__file__).resolve().parents[1]
EQUIVALENT = Path(__file__).with_name("equivalent_mutants.toml")

#: Modules of the numerical core, and the tests that concern them, the nearest first.
CORE: dict[str, tuple[str, ...]] = {
    "laws": ("laws", "bounds", "problem", "reduction", "simulate"),
    "analytic/strips": ("analytic",),
    "analytic/tube": ("analytic", "bounds"),
    "analytic/__init__": ("analytic",),
    "analytic/spectral": ("analytic", "profile_rims"),
    "analytic/edge": ("analytic",),
    "analytic/clusters": ("clusters", "analytic"),
    "analytic/slab": ("analytic",),
    "analytic/lattice": ("analytic",),
    "analytic/halfspace": ("analytic",),
    "analytic/contact_mechanics": ("contact_mechanics", "roughness"),
    "fem/problem": ("problem", "multigrid"),
    "fem/linear": ("problem", "multigrid", "regression"),
    "fem/multigrid": ("multigrid", "regression"),
    "fem/bounding": ("parametric",),
    "fem/pattern": ("kernels",),
    "fem/kernels": ("kernels", "tetrahedra_convergence"),
    "fem/profile": ("profile_fem", "profile_rims", "lens"),
    "fem/gap_heights": ("lens",),
    "fem/lens": ("lens",),
    "fem/dual": ("bounds",),
    "fem/surface": ("surface",),
    "fem/surface_dual": ("surface",),
    "fem/planar": ("planar",),
    "fem/planar_network": ("planar",),
    "fem/tetrahedra": ("kernels", "tetrahedra_convergence", "tetrahedra_arrays", "grains"),
    "fem/tetrahedra_dual": ("tetrahedra_bounds",),
    "fem/patches": ("tetrahedra_bounds",),
    "fem/raviart_thomas": ("tetrahedra_bounds",),
    "fem/voxel": ("voxel", "tomogram"),
    "fem/voxel_cells": ("voxel", "tomogram"),
    "fem/voxel_network": ("voxel", "tomogram"),
    "fem/voxel_kernels": ("voxel",),
    "fem/voxel_cg": ("voxel",),
    "fem/voxel_coarsening": ("voxel",),
    "fem/voxel_multigrid": ("voxel",),
    "effective": ("voronoi",),
    "reduction": ("reduction", "relaxation", "parametric", "regression"),
    "certified": ("parametric",),
    "compose": ("simulate", "bounds", "shares", "relaxation"),
    "analysis/shares": ("shares",),
    "analysis/sensitivity": ("sensitivity", "shares"),
    "analysis/relaxation": ("relaxation",),
}
#: Tests slower than this are tried last [s], and a mutant that takes this many times as long as the source is killed.
_QUICK, _FAR_TOO_LONG = 2.0, 6.0

_BINARY: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Div, ast.Mod: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip
_COMPARE: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE), ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
}  # fmt: skip
#: Keywords that change no number.
_QUIET = {"cache", "nogil", "maxsize", "error_model", "fastmath", "stacklevel", "kw_only", "frozen", "eq", "optimize"}


@dataclass(frozen=True)
class Mutant:
    """One change of one place in a module."""

    module: str
    place: int
    choice: int
    line: int
    column: int
    change: str

    @property
    def key(self) -> str:
        """What names it in reports."""
        return f"{self.module}:{self.line}:{self.column}: {self.change}"

    @property
    def source(self) -> str:
        """The whole changed module."""
        tree = ast.parse(_text(self.module))
        old = list(_places(tree))[self.place]
        _replace(tree, old, list(_changes(old))[self.choice])
        return ast.unparse(ast.fix_missing_locations(tree))


def _text(module: str) -> str:
    return (ROOT / "src" / "aspot" / f"{module}.py").read_text()


def mutants(module: str) -> list[Mutant]:
    """All mutants of a module, in the order of its source."""
    text = _text(module)
    lines = text.splitlines()
    found = []
    for index, node in enumerate(_places(ast.parse(text))):
        for choice, changed in enumerate(_changes(node)):
            change = f"{ast.unparse(node)}  ->  {ast.unparse(changed)}  in  {lines[node.lineno - 1].strip()}"
            found.append(Mutant(module, index, choice, node.lineno, node.col_offset, change))
    return found


def _replace(tree: ast.AST, old: ast.AST, new: ast.AST) -> None:
    for node in ast.walk(tree):
        for name, value in ast.iter_fields(node):
            if value is old:
                setattr(node, name, new)
                return
            if isinstance(value, list) and any(v is old for v in value):
                setattr(node, name, [new if v is old else v for v in value])
                return
    raise LookupError(ast.dump(old))


def _places(node: ast.AST) -> Iterator[ast.expr | ast.stmt]:
    """Nodes that may be changed; nothing in annotations, messages, decorators and texts."""
    if isinstance(node, (ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.Constant, ast.AugAssign, ast.IfExp)):
        yield node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "type_params") or isinstance(
            node, (ast.Raise, ast.JoinedStr)
        ):
            continue
        if isinstance(node, ast.keyword) and node.arg in _QUIET:
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Assert):
            continue
        for child in value if isinstance(value, list) else (value,):
            if isinstance(child, ast.AST):
                yield from _places(child)


def _changes(node: ast.expr | ast.stmt) -> Iterator[ast.AST]:
    """What may stand in the place of a node."""
    if isinstance(node, (ast.BinOp, ast.AugAssign)):
        is_type = isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr)
        if type(node.op) in _BINARY and not is_type:
            yield _with(node, op=_BINARY[type(node.op)]())
    elif isinstance(node, ast.Compare):
        for k, op in enumerate(node.ops):
            for other in _COMPARE[type(op)]:
                yield _with(node, ops=[*node.ops[:k], other(), *node.ops[k + 1 :]])
    elif isinstance(node, ast.BoolOp):
        yield _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.Not)):
        yield copy.deepcopy(node.operand)
    elif isinstance(node, ast.IfExp):
        yield _with(node, body=node.orelse, orelse=node.body)
    elif isinstance(node, ast.Constant):
        value = node.value
        if isinstance(value, bool):
            yield ast.Constant(not value)
        elif isinstance(value, int):
            yield ast.Constant(value + 1)
        elif isinstance(value, float):
            yield ast.Constant(2.0 * value if value else 1.0)
        elif isinstance(value, complex):
            yield ast.Constant(-value)


def _with(node: ast.AST, **fields: object) -> ast.AST:
    new = copy.deepcopy(node)
    for name, value in fields.items():
        setattr(new, name, copy.deepcopy(value))
    return new


def sample(size: int, seed: int, only: str = "") -> list[Mutant]:
    """Mutants drawn from all of the core, without one twice."""
    everything = [mutant for module in CORE if only in module for mutant in mutants(module)]
    random.Random(seed).shuffle(everything)
    return everything[:size]


def equivalent() -> dict[str, str]:
    """Reasons by module and change, whatever the line."""
    if not EQUIVALENT.exists():
        return {}
    entries = tomllib.loads(EQUIVALENT.read_text()).get("mutant", [])
    return {f"{e['module']}: {e['change']}": e["why"] for e in entries}


# Tests ----------------------------------------------------------------------------------------------------------------


def copied(work: Path) -> Path:
    """A copy of what the tests need, made once."""
    tree = work / "tree"
    if not tree.exists():
        skip = shutil.ignore_patterns("__pycache__", "*.ipynb", "results", "build")
        for name in ("src", "tests", "cases", "meshes", "benchmarks"):
            shutil.copytree(ROOT / name, tree / name, ignore=skip)
        for name in ("pyproject.toml", "README.md"):
            shutil.copy(ROOT / name, tree)
    return tree


def preload() -> None:
    """What every child would import anew; nothing of aspot."""
    import matplotlib
    import meshio
    import numba
    import pint
    import pydantic
    import pytest
    import scipy.integrate
    import scipy.interpolate
    import scipy.linalg
    import scipy.optimize
    import scipy.sparse.linalg
    import scipy.special
    import skfem

    assert all((matplotlib, meshio, numba, pint, pydantic, pytest, scipy, skfem))
    assert not any(name.split(".")[0] == "aspot" for name in sys.modules)


def tested(tree: Path, work: Path, tests: list[str], limit: float, *more: str) -> tuple[int, float]:
    """Exit status of pytest in a process of its own (-1: took too long), and how long it ran [s of processor]."""
    output = work / "output"
    pid = os.fork()
    if pid == 0:
        os.setsid()
        out = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(out, 1)
        os.dup2(out, 2)
        os.chdir(tree)
        os.environ["PYTHONPATH"] = str(tree / "src")
        os.environ["NUMBA_CACHE_DIR"] = str(work / "numba")
        sys.path.insert(0, str(tree / "src"))
        import numba
        import pytest

        numba.config.CACHE_DIR = str(work / "numba")
        sys.dont_write_bytecode = True
        status = int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *more, *tests]))
        sys.stdout.flush()
        os._exit(status)
    start, is_over = time.monotonic(), False
    try:
        while not is_over:
            time.sleep(0.05)
            done, status, usage = os.wait4(pid, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime
            is_over = _processor_seconds(pid) > limit or time.monotonic() - start > 30 * limit
        return -1, limit
    finally:
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


def _processor_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return sum(int(fields[k]) for k in (11, 12)) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError):
        return 0.0


def durations(tree: Path, work: Path, test: str) -> dict[str, float]:
    """Seconds of every test of a file, on the source as it is."""
    store = work / "durations.json"
    known = json.loads(store.read_text()) if store.exists() else {}
    if test not in known:
        path = f"tests/test_{test}.py"
        report = work / "report.xml"
        status, spent = tested(tree, work, [path], 900.0, f"--junitxml={report}")
        if status:
            raise SystemExit(f"{path} fails on the source itself (status {status}): see {work / 'output'}")
        known[test] = {"": spent} | _seconds(report, path)
        store.write_text(json.dumps(known, indent=1))
    return known[test]


def _seconds(report: Path, path: str) -> dict[str, float]:
    from xml.etree import ElementTree

    found = {}
    for case in ElementTree.parse(report).iter("testcase"):
        found[f"{path}::{case.get('name')}"] = float(case.get("time", 0.0))
    return found


def outcome(mutant: Mutant, tree: Path, work: Path) -> tuple[str, float]:
    """ "killed", "killed (time)" or "survived", and the seconds of processor that it took."""
    file = tree / "src" / "aspot" / f"{mutant.module}.py"
    original = file.read_bytes()
    quick, slow, usual = [], [], 5.0
    for test in CORE[mutant.module]:
        times = durations(tree, work, test)
        usual += times[""]
        quick += [name for name, t in times.items() if name and t < _QUICK]
        slow += [name for name, t in times.items() if name and t >= _QUICK]
    spent = 0.0
    try:
        file.write_text(mutant.source)
        for tests in (quick, slow):
            if tests:
                status, seconds = tested(tree, work, tests, _FAR_TOO_LONG * usual)
                spent += seconds
                if status:
                    return "killed (time)" if status == -1 else "killed", spent
    finally:
        file.write_bytes(original)
    return "survived", spent


# Report ---------------------------------------------------------------------------------------------------------------


def report(work: Path) -> int:
    """A table by module, survivors and the score; 1 if below 85 %."""
    lines = (work / "results.jsonl").read_text().splitlines()
    results = {r["key"]: r for r in map(json.loads, lines)}.values()
    known = equivalent()
    counts: dict[str, Counter[str]] = {}
    survivors = []
    for r in results:
        change = r["key"].split(": ", 1)[1]  # without the line, which may move
        kind = r["outcome"].split()[0]
        if kind == "survived" and f"{r['module']}: {change}" in known:
            kind = "equivalent"
        if kind == "survived":
            survivors.append(r["key"])
        counts.setdefault(r["module"], Counter())[kind] += 1
    print(f"{'module':30}{'mutants':>9}{'killed':>8}{'equivalent':>12}{'survived':>10}")
    total: Counter[str] = Counter()
    for module in sorted(counts, key=list(CORE).index):
        c = counts[module]
        total += c
        print(f"{module:30}{c.total():>9}{c['killed']:>8}{c['equivalent']:>12}{c['survived']:>10}")
    score = total["killed"] / max(total["killed"] + total["survived"], 1)
    print(f"{'all':30}{total.total():>9}{total['killed']:>8}{total['equivalent']:>12}{total['survived']:>10}")
    print(f"killed of those that are not equivalent: {100 * score:.1f} %")
    print(*survivors, sep="\n")
    return 0 if score >= 0.85 else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--module", default="", help="part of the name of a module")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=10**6)
    parser.add_argument("--seconds", type=float, default=1e9, help="begin no mutant after this time")
    parser.add_argument("--work", type=Path, default=Path("build/mutants"))
    parser.add_argument("--again", action="store_true", help="survivors of earlier runs too")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--report", action="store_true")
    arguments = parser.parse_args()
    work = arguments.work.resolve()
    if arguments.report:
        return report(work)
    chosen = sample(arguments.sample, arguments.seed, arguments.module)
    chosen = chosen[arguments.first : arguments.first + arguments.count]
    if arguments.list:
        print(*(m.key for m in chosen), sep="\n")
        return 0
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends the tests in progress too
    work.mkdir(parents=True, exist_ok=True)
    store = work / "results.jsonl"
    lines = map(json.loads, store.read_text().splitlines()) if store.exists() else iter(())
    done = {r["key"]: r["outcome"] for r in lines}
    tree = copied(work)
    preload()
    start = time.monotonic()
    for mutant in chosen:
        if mutant.key in done and not (arguments.again and done[mutant.key] == "survived"):
            continue
        if time.monotonic() - start > arguments.seconds:
            break
        found, spent = outcome(mutant, tree, work)
        with store.open("a") as file:
            line = {"key": mutant.key, "module": mutant.module, "outcome": found, "seconds": round(spent, 1)}
            file.write(json.dumps(line) + "\n")
        print(f"{found:14}{spent:7.1f} s  {mutant.key}", flush=True)
    return report(work)


if __name__ == "__main__":
    sys.exit(main())
