"""Makes porous_interface.npy: sodium on a porous electrolyte, 40 x 36 x 36 voxels, periodic along x and y.

Label 0: metal, 1: electrolyte, 2: pore. The wavy metal touches the wavy electrolyte where their surfaces would overlap;
spherical pores of radius 5 voxels lie below.

    python cases/tomograms/make_tomogram.py
"""

from pathlib import Path

import numpy as np

N_Z, N, RADIUS, PORES = 40, 36, 5, 18


def make() -> np.ndarray:
    """Labels (z, y, x)."""
    rng = np.random.default_rng(2)
    z, y, x = np.indices((N_Z, N, N))
    phase = 2 * np.pi / N
    metal = 5.0 + 1.5 * np.sin(phase * x) * np.cos(phase * y)
    surface = 5.5 + 1.0 * np.cos(2 * phase * x + 1.0) * np.cos(phase * y - 0.5)
    labels = np.where(z < surface, np.where(z < metal, 0, 2), 1).astype(np.uint8)
    for _ in range(PORES):
        k, j, i = rng.uniform(9 + RADIUS, N_Z), *rng.uniform(0, N, 2)
        dy, dx = (np.minimum(np.abs(a - b), N - np.abs(a - b)) for a, b in ((y, j), (x, i)))
        labels[(z - k) ** 2 + dy**2 + dx**2 < RADIUS**2] = 2
    return labels


if __name__ == "__main__":
    np.save(Path(__file__).with_name("porous_interface.npy"), make())
