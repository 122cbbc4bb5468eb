"""Every notebook runs from its text, draws its pictures, and finds what theory says.

Each lists `checks`, name -> (computed, exact, relative error allowed), where exact comes from closed forms or spectral
solutions without a mesh. It runs in a process of its own, with every warning an error, as it would for a reader.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"
sys.path.insert(0, str(FOLDER))

from execute import texts, unexecuted  # noqa: E402

#: What each must at least compare, and how many pictures it shows.
EXPECTED = {
    "01_constriction": ("psi(0.05)", "psi(0.9)", 3),
    "02_na_nzsp04": ("|Z| at 7 MHz", "E_int, grains of 1 µm / eV", 4),
    "03_pores_and_arrays": ("g of pores, f = 0.9", "g of spots, hexagonal", 4),
    "04_rough_contact": ("contact fraction at 1 N", "parts of R_int / ohm cm2", 3),
    "05_random_spots": ("images of a cluster", "largest share of a spot", 3),
    "06_lens_pores": ("order of the error", "capacitance of a lens", 3),
    "07_grains": ("Z, boundaries that conduct", "E of R_cc / eV", 3),
    "08_ortmann2022": ("R_int by the DRT / ohm cm2", "E_int with the film's energy, contact 0.05 / eV", 3),
    "09_guhl2018": ("R of NASICON / ohm cm2", "spreading under a resistive layer / ohm cm2", 2),
    "10_weiss2020": ("energy of the fitted junction / eV", "constriction on both sides / ohm cm2", 3),
    "11_chen2021": ("R_int of the case / ohm cm2", "mean over the contacts, 10 % in spots", 4),
    "12_wu2016": ("R/(L/sigma), both sides, spacing 30 L", "spacing at which constriction equals the slab / L", 3),
    "13_why_a_pore_makes_an_arc": ("current of the field at 213 kHz", "-Z''/omega of the slow end", 3),
    "14_image_to_hot_spots": ("R_int, threshold half-way / ohm cm2", "largest share of a contact", 3),
    "15_fit": ("R_int by the circuit / ohm cm2", "radius / SI", 4),
    "16_sweep": ("R_total, f = 0.002, a = 5 µm", "radius at the true contact fraction / µm", 1),
}

RUN = """
import json, runpy, sys
from matplotlib.figure import Figure
names = runpy.run_path(sys.argv[1])
figures = [value for value in names.values() if isinstance(value, Figure)]
for figure in figures:
    figure.canvas.draw()
print(json.dumps({"checks": names["checks"], "figures": len(figures), "empty": [not f.axes for f in figures]}))
"""


def test_every_notebook_is_expected() -> None:
    assert {path.stem for path in texts()} == set(EXPECTED)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_the_executed_notebook_is_of_the_same_text(name: str) -> None:
    """What is read without running: every picture is there, no cell failed or warned. `make notebooks` renews it."""
    text, kept = FOLDER / f"{name}.py", nbformat.read(FOLDER / f"{name}.ipynb", 4)
    assert [(c.cell_type, c.source) for c in kept.cells] == [(c.cell_type, c.source) for c in unexecuted(text).cells]
    outputs = [output for cell in kept.cells for output in cell.get("outputs", [])]
    assert not [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"]
    assert sum("image/png" in o.get("data", {}) for o in outputs) >= EXPECTED[name][-1]


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_notebook_finds_what_theory_says(name: str) -> None:
    # From its own folder, as Jupyter does.
    command = [sys.executable, "-W", "error", "-c", RUN, str(FOLDER / f"{name}.py")]
    environment = {**os.environ, "MPLBACKEND": "Agg"}
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False, cwd=FOLDER, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    *wanted, n_figures = EXPECTED[name]
    assert set(wanted) <= set(found["checks"])
    assert found["figures"] == n_figures and not any(found["empty"])
    for what, (computed, exact, allowed) in found["checks"].items():
        assert math.isfinite(computed) and 0 < allowed <= 1e-2, what
        assert abs(computed / exact - 1) <= allowed, f"{what}: {computed} computed, {exact} exact"
