"""Absence: what a package or system library brings may be missing, nothing else. Each test runs in its own process."""

import subprocess
import sys
from pathlib import Path

from samples import SMALL_CASE


def python(code: str, *missing: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run code where the named packages cannot be imported (None in sys.modules raises ImportError)."""
    block = f"import sys\nfor name in {missing!r}: sys.modules[name] = None\n"
    command = [sys.executable, "-W", "error", "-c", block + code]
    return subprocess.run(command, cwd=cwd, capture_output=True, encoding="utf-8", check=False)


def test_blocking_works() -> None:
    done = python("import netgen.meshing", "netgen")
    assert done.returncode == 1
    assert "ModuleNotFoundError" in done.stderr


def test_flux_tube_needs_neither_tetrahedra_nor_pictures(tmp_path: Path) -> None:
    (tmp_path / "case.toml").write_text(SMALL_CASE)
    code = (
        "import aspot\n"
        "result = aspot.simulate(aspot.load('case.toml'))\n"
        "assert abs(result.spectrum.impedance_ohm_cm2[-1]) > 0\n"
    )
    done = python(code, "netgen", "pyvista", "vtk", "vtkmodules", "gmsh", "matplotlib", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_the_whole_run_needs_no_opengl_package(tmp_path: Path) -> None:
    """`aspot run` of a flux tube writes every file of the contract without pyvista, VTK and netgen."""
    (tmp_path / "case.toml").write_text(SMALL_CASE)
    code = "sys.argv = ['aspot', 'run', 'case.toml', '--out', 'out']\nfrom aspot.cli import main\nmain()\n"
    done = python(code, "netgen", "pyvista", "vtk", "vtkmodules", "gmsh", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    written = {path.name for path in (tmp_path / "out").iterdir()}
    contract = {"spectrum.csv", "summary.json", "nyquist.png", "bode.png", "field.png", "field.vtu", "case.toml"}
    assert contract <= written


def test_tetrahedra_without_netgen_say_what_to_install() -> None:
    code = (
        "from aspot.errors import AspotError\n"
        "from aspot.mesh import tetrahedra\n"
        "from aspot.morphology.unit_cell import BoxCell, Disc\n"
        "disc = Disc(x=0.0, y=0.0, radius=2e-7)\n"
        "cell = BoxCell(size_x=1e-6, size_y=1e-6, shapes=(disc,), contact_inside=True)\n"
        "try:\n    tetrahedra.build(cell, depth=1e-6, rim_size=1e-7, max_size=3e-7)\n"
        "except AspotError as error:\n    print(error)\n"
    )
    done = python(code, "netgen")
    assert done.returncode == 0, done.stderr
    assert "netgen-mesher" in done.stdout


VIEW = """
import numpy as np
from aspot.errors import AspotError
from aspot.field import Field
from aspot.field_plot import view_3d
points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]) * 1e-6
current = np.array([[0, 0, 1], [0, 0, 2], [0, 0, 3], [0, 0, 4]], complex)
field = Field(frequency_Hz=0.0, points_m=points, cells=np.array([[0, 1, 2, 3]]), cell_type="tetra",
    potential_V=points[:, 2] + 0j, current_density_A_m2=current, regions=("electrolyte",), cell_region=np.array([0]))
try:
    view_3d(field, "view.png")
    print("drawn")
except AspotError as error:
    print("refused:", error)
"""


def test_3d_view_without_pyvista_says_what_to_install(tmp_path: Path) -> None:
    done = python(VIEW, "pyvista", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "refused:" in done.stdout
    assert "pyvista" in done.stdout


def test_3d_view_draws_or_says_what_is_missing_but_never_crashes(tmp_path: Path) -> None:
    """Without an OpenGL library VTK ends the whole process by a segmentation fault, which no `except` sees."""
    done = python(VIEW, cwd=tmp_path)
    assert done.returncode == 0, f"exit status {done.returncode}\n{done.stderr[-2000:]}"
    if "drawn" in done.stdout:
        assert (tmp_path / "view.png").read_bytes().startswith(b"\x89PNG")
    else:
        assert "libegl1" in done.stdout
        assert not (tmp_path / "view.png").exists()


def test_the_public_names_stay_what_they_are() -> None:
    """No module hides a function of the same name, whatever has been imported before."""
    code = (
        "import aspot, importlib, pkgutil\n"
        "for module in pkgutil.walk_packages(aspot.__path__, 'aspot.'):\n"
        "    importlib.import_module(module.name)\n"
        "assert callable(aspot.simulate) and callable(aspot.load) and isinstance(aspot.Cell, type)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
