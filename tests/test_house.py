"""The house rules: lint, format, types, layers, sizes, imports, licences, one version everywhere."""

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "aspot"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def run(*command: str) -> None:
    """Run a tool in the root; its output is the failure's message."""
    done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-6000:]}\n{done.stderr[-2000:]}"


def test_lint() -> None:
    run("-m", "ruff", "check", ".")


def test_format() -> None:
    run("-m", "ruff", "format", "--check", ".")


def test_types() -> None:
    run("-m", "mypy")


# --- layers -----------------------------------------------------------------------------------------------------------


def module_names() -> dict[str, Path]:
    """Dotted name below `aspot` -> file; a package has the name of its folder, the root the empty name."""
    names = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


def layer_table() -> dict[str, int]:
    """Module or folder -> layer, read from the table of ARCHITECTURE.md: | layer | modules | holds |."""
    layers: dict[str, int] = {}
    for row in re.findall(r"^\| *(\d+) *\|([^|]*)\|", (ROOT / "ARCHITECTURE.md").read_text(), flags=re.MULTILINE):
        for name in re.findall(r"`([^`]+)`", row[1]):
            name = name.removesuffix("/").removesuffix(".py").replace("/", ".")
            assert name not in layers, f"ARCHITECTURE.md puts {name} into two layers"
            layers[name] = int(row[0])
    assert layers, "ARCHITECTURE.md has no table of layers"
    return layers


def layer_of(module: str, layers: dict[str, int]) -> int | None:
    """Layer of the longest listed prefix: `fem.kernels` may be listed by itself or through `fem`."""
    parts = module.split(".")
    return next((layers[key] for n in range(len(parts), 0, -1) if (key := ".".join(parts[:n])) in layers), None)


def imports(module: str, path: Path, known: dict[str, Path], *, at_import: bool = False) -> Iterator[tuple[str, int]]:
    """Modules of aspot that a file imports, with the line; `at_import`: only those that run when it is imported."""
    tree = ast.parse(path.read_text(), filename=str(path))
    nodes = list(ast.walk(tree))
    if at_import:
        nodes, todo = [], list(tree.body)
        while todo:
            node = todo.pop()
            is_typing = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
            if not is_typing and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                nodes.append(node)
                todo += ast.iter_child_nodes(node)
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    for node in nodes:
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = ["aspot", *filter(None, package)][: 1 + len(package) - (node.level - 1)]
                base = ".".join([*above, *filter(None, [base])])
            found = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in found:
            parts = name.split(".")
            if parts[0] != "aspot":
                continue
            # `from aspot.laws import Law` names aspot.laws; `from aspot.fem import problem` names aspot.fem.problem.
            while (target := ".".join(parts[1:])) not in known:
                parts.pop()
            yield target, node.lineno


def test_every_module_has_a_layer() -> None:
    layers = layer_table()
    missing = [name for name in module_names() if name and layer_of(name, layers) is None]
    assert not missing, f"not in the table of ARCHITECTURE.md: {missing}"
    stale = [name for name in layers if name not in module_names()]
    assert not stale, f"in the table of ARCHITECTURE.md, but not in src/aspot: {stale}"


def test_modules_import_only_from_their_layer_or_above() -> None:
    layers, known, wrong = layer_table(), module_names(), []
    for module, path in known.items():
        here = layer_of(module, layers)
        if not module or here is None:  # the root re-exports from every layer
            continue
        for target, line in imports(module, path, known):
            there = layer_of(target, layers) if target else None
            if not target and here < max(layers.values()):
                wrong.append(f"{path.relative_to(ROOT)}:{line}: imports the package root, which imports everything")
            elif there is not None and there > here:
                wrong.append(f"{path.relative_to(ROOT)}:{line}: {module} (layer {here}) imports {target} ({there})")
    assert not wrong, "\n".join(wrong)


def test_no_cycle_of_imports() -> None:
    known = module_names()
    graph = {m: {t for t, _ in imports(m, p, known, at_import=True)} - {m} for m, p in known.items() if m}
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, "cycle: " + " -> ".join([*path, module])
        if module not in done:
            for target in sorted(graph.get(module, ())):
                visit(target, (*path, module))
            done.add(module)

    for module in graph:
        visit(module, ())


def test_the_layer_reader_sees_every_form_of_import(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text(
        "import aspot.fem.problem\nfrom aspot.laws import Law\nfrom aspot import laws\nfrom . import problem\n"
        "from ..laws import Law\ndef f():\n    from aspot.cell import Cell\nif TYPE_CHECKING:\n    import aspot.cli\n"
    )
    known = dict.fromkeys(("", "fem", "fem.problem", "laws", "cell", "cli"), file)
    found = sorted(imports("fem.kernels", file, known), key=lambda item: item[1])
    targets = ["fem.problem", "laws", "laws", "fem.problem", "laws", "cell", "cli"]
    assert [target for target, _ in found] == targets
    assert {target for target, _ in imports("fem.kernels", file, known, at_import=True)} == {"fem.problem", "laws"}


# --- sizes and imports ------------------------------------------------------------------------------------------------


def test_no_module_over_600_lines() -> None:
    long = {str(p.relative_to(ROOT)): n for p in PACKAGE.rglob("*.py") if (n := len(p.read_text().splitlines())) > 600}
    assert not long


def test_no_function_with_twelve_arguments() -> None:
    wide = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            if any("njit" in ast.unparse(decorator) for decorator in node.decorator_list):
                continue  # compiled kernels take plain arrays, one by one
            if len([*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]) >= 12:
                wide.append(f"{path.relative_to(ROOT)}:{node.lineno}: {node.name}")
    assert not wide


@pytest.mark.parametrize("module", ["aspot", "aspot.cli"])
def test_import_stays_light(module: str) -> None:
    """`import aspot` and the command line start without pictures, tetrahedra or compilers of kernels."""
    heavy = ("pyvista", "vtk", "vtkmodules", "netgen", "gmsh", "matplotlib.pyplot")
    code = f"import {module}, sys; print(*[name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    assert not done.stdout.split()


# --- licences and versions --------------------------------------------------------------------------------------------


def runtime_closure() -> dict[str, importlib.metadata.Distribution]:
    """Every installed distribution that the mandatory requirements bring."""
    closure: dict[str, importlib.metadata.Distribution] = {}
    todo = [(Requirement(text), "") for text in PROJECT["dependencies"]]
    while todo:
        requirement, extra = todo.pop()
        name = canonicalize_name(requirement.name)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        seen = name in closure
        closure.setdefault(name, importlib.metadata.distribution(name))
        wanted = [*requirement.extras, *([] if seen else [""])]
        todo += [(Requirement(text), one) for text in closure[name].requires or [] for one in wanted]
    return closure


def licence(distribution: importlib.metadata.Distribution) -> str:
    """The licence a distribution states: expression, else classifiers, else the first line of the free text."""
    meta = distribution.metadata
    classifiers = [c.removeprefix("License :: ") for c in meta.get_all("Classifier", []) if c.startswith("License :: ")]
    text = (meta.get("License") or "").strip().splitlines()
    return meta.get("License-Expression") or "; ".join(classifiers) or (text[0] if text else "")


def is_gpl(text: str) -> bool:
    """GPL or AGPL; not the Lesser GPL, and not with an exception for what links to it."""
    text = re.sub(r"(?i)LGPL[-\w.+]*|(?:lesser|library) general public licen[cs]e", "", text)
    text = re.sub(r"(?i)GPL[-\w.+]*\s+WITH\s+\S*exception\S*", "", text)
    return re.search(r"(?i)GPL|general public licen[cs]e", text) is not None


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("GPL-2.0-or-later", True),
        ("AGPL-3.0", True),
        ("OSI Approved :: GNU General Public License v3 (GPLv3)", True),
        ("MIT AND GPL-3.0-only", True),
        ("LGPL-2.1-only", False),
        ("OSI Approved :: GNU Lesser General Public License v2 or later (LGPLv2+)", False),
        ("BSD-3-Clause AND GPL-3.0-or-later WITH GCC-exception-3.1", False),
        ("MIT", False),
    ],
)
def test_gpl_is_told_from_lgpl(text: str, answer: bool) -> None:
    assert is_gpl(text) is answer


def test_no_gpl_among_mandatory_dependencies() -> None:
    licences = {name: licence(distribution) for name, distribution in runtime_closure().items()}
    assert {"numpy", "vtk", "netgen-occt"} <= set(licences)  # direct and indirect ones are there
    assert not [name for name, text in licences.items() if not text], "a dependency without a stated licence"
    assert not {name: text for name, text in licences.items() if is_gpl(text)}


def test_installed_versions_are_the_locked_ones() -> None:
    locked: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "requirements/run.txt").read_text(), re.MULTILINE):
        locked.setdefault(canonicalize_name(name), set()).add(version)
    closure = runtime_closure()
    assert not set(closure) - set(locked), "run `make lock`: not in requirements/run.txt"
    wrong = {name: d.version for name, d in closure.items() if d.version not in locked[name]}
    assert not wrong, f"not the locked version: {wrong}"


def test_the_locks_agree_and_carry_hashes_and_no_address() -> None:
    texts = {name: (ROOT / "requirements" / name).read_text() for name in ("run.txt", "dev.txt")}
    pins = {name: set(re.findall(r"^[\w.-]+==[^\\\n]*", text, re.MULTILINE)) for name, text in texts.items()}
    assert {p.strip() for p in pins["run.txt"]} <= {p.strip() for p in pins["dev.txt"]}, "run `make lock`"
    for text in texts.values():
        assert "://" not in text
        blocks = re.split(r"^(?=[\w.-]+==)", text, flags=re.MULTILINE)[1:]
        assert all("--hash=sha256:" in block for block in blocks)


def test_one_version_everywhere() -> None:
    version = PROJECT["version"]
    assert importlib.metadata.version("aspot") == version
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()
    assert re.search(rf"^## {re.escape(version)}\b", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
