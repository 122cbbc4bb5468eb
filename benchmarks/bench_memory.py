"""Memory that `aspot validate` foretells, against the peak of the process that solves the case.

    python benchmarks/bench_memory.py [--only planar] [--large]

Every case runs in a process of its own as `aspot run` would, pictures and files included, and reports its peak resident
memory: Python, libraries and all. Foretold is what `aspot validate` prints.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ARRAY = """
[electrolyte]
thickness = "1 mm"
conductivity = "1 mS/cm"
permittivity = 30
[working_electrode.morphology]
kind = "spots"
arrangement = "{arrangement}"
radius = "10 um"
contact_fraction = {fraction}
[working_electrode.gap]
thickness = "100 nm"
[frequencies]
start = "1 MHz"
stop = "1 Hz"
per_decade = 3
[numerics]
backend = "{backend}"
relative_tolerance = {tolerance}
"""
LAYER = """[[electrolyte.layers]]
name = "film"
thickness = "100 nm"
conductivity = "1e-7 S/cm"
permittivity = 10
"""
GRAINS = """
[electrolyte]
thickness = "50 um"
conductivity = "14 mS/cm"
permittivity = 30
[electrolyte.grain_boundaries]
model = "explicit"
grain_size = "1 um"
resistance = "0.011 ohm cm^2"
capacitance = "9 uF/cm^2"
grain_layers = 2
[working_electrode.morphology]
kind = "spots"
arrangement = "square"
radius = "0.6 um"
spacing = "{spacing} um"
[working_electrode.gap]
thickness = "30 nm"
[frequencies]
start = "10 MHz"
stop = "10 Hz"
per_decade = 3
[numerics]
relative_tolerance = {tolerance}
"""
IMAGE = """
[electrolyte]
thickness = "2 mm"
conductivity = "5.5 mS/cm"
permittivity = 30
[working_electrode.morphology]
kind = "image"
file = "map-{side}.npy"
pixel_size = "2 um"
contact_is = "bright"
[working_electrode.gap]
thickness = "30 nm"
[frequencies]
start = "10 MHz"
stop = "10 Hz"
per_decade = 3
[numerics]
relative_tolerance = {tolerance}
"""
RANDOM = """
[electrolyte]
thickness = "2 mm"
conductivity = "5.5 mS/cm"
permittivity = 30
[working_electrode.morphology]
kind = "spots"
arrangement = "random"
radius = "10 um"
contact_fraction = 0.05
count = {count}
seed = 1
[working_electrode.gap]
thickness = "30 nm"
[frequencies]
start = "10 MHz"
stop = "10 Hz"
per_decade = 3
[numerics]
relative_tolerance = {tolerance}
"""
TOMOGRAM = """
[electrolyte]
thickness = "1 mm"
conductivity = "5.5 mS/cm"
permittivity = 30
[working_electrode.morphology]
kind = "tomogram"
file = "stack-{side}.npy"
voxel_size = "1 um"
boundary = "periodic"
pore_permittivity = 1
phases = {{ metal = [0], electrolyte = [1], pore = [2] }}
[working_electrode.contact]
charge_transfer_resistance = "0.5 ohm cm^2"
double_layer_capacitance = "10 uF/cm^2"
[frequencies]
start = "10 MHz"
stop = "1 Hz"
per_decade = 2
[numerics]
relative_tolerance = {tolerance}
"""


def _array(backend: str, tolerance: float, arrangement: str = "square", fraction: float = 0.05, head: str = "") -> str:
    text = ARRAY.format(arrangement=arrangement, fraction=fraction, backend=backend, tolerance=tolerance)
    return text.replace("[working_electrode.morphology]", head + "[working_electrode.morphology]")


#: Name -> (text, whether it takes minutes).
CASES = {
    "axisymmetric 1e-3": (_array("axisymmetric", 1e-3, "single"), False),
    "axisymmetric 1e-6": (_array("axisymmetric", 1e-6, "single"), False),
    "axisymmetric 1e-3 of 1e-4": (_array("axisymmetric", 1e-5, "single", 1e-4), False),
    "surface 1e-3": (_array("auto", 1e-3), False),
    "surface 1e-4": (_array("auto", 1e-4), False),
    "surface 1e-5 hexagonal": (_array("auto", 1e-5, "hexagonal", 0.2), False),
    "surface 1e-4 film": (_array("auto", 1e-4, head=LAYER), False),
    "tetrahedra 3e-2": (_array("tetrahedra", 3e-2), False),
    "tetrahedra 3e-3": (_array("tetrahedra", 3e-3), False),
    "tetrahedra 3e-3 film": (_array("tetrahedra", 3e-3, head=LAYER), False),
    "tetrahedra 1e-3": (_array("tetrahedra", 1e-3), True),
    "tetrahedra 1e-3 film": (_array("tetrahedra", 1e-3, head=LAYER), True),
    "grains 1e-2": (GRAINS.format(spacing=4, tolerance=1e-2), False),
    "grains 3e-3": (GRAINS.format(spacing=6, tolerance=3e-3), True),
    "planar 128": (IMAGE.format(side=128, tolerance=2e-2), False),
    "planar 256": (IMAGE.format(side=256, tolerance=2e-2), False),
    "planar 512": (IMAGE.format(side=512, tolerance=2e-2), True),
    "random 30": (RANDOM.format(count=30, tolerance=5e-3), False),
    "random 200": (RANDOM.format(count=200, tolerance=1e-2), True),
    "voxel 24": (TOMOGRAM.format(side=24, tolerance=3e-2), False),
    "voxel 48": (TOMOGRAM.format(side=48, tolerance=3e-2), False),
    "voxel 96": (TOMOGRAM.format(side=96, tolerance=3e-2), True),
    "voxel 144": (TOMOGRAM.format(side=144, tolerance=3e-2), True),
}

CHILD = """
import json, resource, sys
import aspot
import aspot.cli.run
from aspot import output
from aspot.plan import plan
cell = aspot.load(sys.argv[1])
p = plan(cell)
told = p.describe()
seen = {}
def report(stage, share):
    if stage.startswith("level"):
        seen["level"] = int(stage.split()[1]) - 1
result = aspot.simulate(cell, progress=report)
solved = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
output.write(result, sys.argv[1] + "-results")
level = seen["level"]
peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps(dict(peak=peak, solved=solved, told=1e6 * told["memory (about) [MB]"],
    unknowns=told["unknowns (about)"], found=result.degrees_of_freedom, level=level, expected=p.expected_level)))
"""


def write_files(folder: Path) -> None:
    """Maps of blobs and porous stacks, smooth on a scale of a few pixels."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(0)
    for side in (128, 256, 512):
        noise = gaussian_filter(rng.standard_normal((side, side)), 4, mode="wrap")
        np.save(folder / f"map-{side}.npy", (noise > np.quantile(noise, 0.9)).astype(np.uint8))
    for side in (24, 48, 96, 144):
        noise = gaussian_filter(rng.standard_normal((side, side, side)), 3, mode="wrap")
        depth = np.arange(side)[:, None, None] / side
        stack = np.where(noise / noise.std() + 6 * (depth - 0.3) > 0, 1, 2)
        stack[: side // 6][stack[: side // 6] == 2] = 0
        stack[0] = 0
        np.save(folder / f"stack-{side}.npy", stack.astype(np.uint8))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="")
    parser.add_argument("--large", action="store_true")
    arguments = parser.parse_args()
    worst = 1.0
    print(f"{'case':28}{'level: told':>12}{'found':>6}{'unknowns: told':>16}{'found':>9}", end="")
    print(f"{'MB: told':>10}{'solved':>8}{'peak':>7}{'told/peak':>11}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_files(folder)
        for case, (text, is_large) in CASES.items():
            if arguments.only not in case or (is_large and not arguments.large):
                continue
            path = folder / "case.toml"
            path.write_text(text)
            done = subprocess.run([sys.executable, "-c", CHILD, str(path)], capture_output=True, text=True, check=False)
            if done.returncode:
                print(f"{case:28} {done.stderr.strip().splitlines()[-1][:100]}")
                continue
            r = json.loads(done.stdout)
            ratio = r["told"] / r["peak"]
            worst = max(worst, ratio, 1 / ratio)
            print(
                f"{case:28}{r['expected']:>12}{r['level']:>6}{r['unknowns']:>16.0f}{r['found']:>9}"
                f"{r['told'] / 1e6:>10.0f}{r['solved'] / 1e6:>8.0f}{r['peak'] / 1e6:>7.0f}{ratio:>11.2f}",
                flush=True,
            )
    print(f"largest factor between told and measured: {worst:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
