"""Makes the maps of the example cases: a micrograph of contacts and a height map. Run it in its own folder.

contact_map.png: 192 x 192 pixels of 5 um, 8 bits, as an optical micrograph through glass might show sodium (bright)
where it touches: patches where a smooth random field is high, in uneven light, with noise.

heights.npy: 128 x 128 heights of a ground electrolyte in units of 0.1 nm, pixels of 0.25 um: a self-affine surface of
Hurst exponent 0.8 between wavelengths of 2 um and 16 um, mean roughness R_a = 0.19 um (as T. Ortmann et al., 2022, doi
10.1002/aenm.202202712 give for their pellets), on a slight tilt as profilometers leave it.
"""

from pathlib import Path

import numpy as np
from PIL import Image

FOLDER = Path(__file__).resolve().parent


def wave_numbers(n: int, pixel: float) -> np.ndarray:
    """Magnitude of the wave vectors of a periodic n x n map [1/m]."""
    k = 2.0 * np.pi * np.fft.fftfreq(n, pixel)
    return np.hypot(k[:, None], k[None, :])


def smooth_field(n: int, amplitude: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Random periodic field of given amplitude by wave vector, mean 0 and standard deviation 1."""
    field = np.fft.ifft2(np.fft.fft2(rng.standard_normal((n, n))) * amplitude).real
    field -= field.mean()
    return field / field.std()


def contact_map() -> np.ndarray:
    """Grey values of the micrograph."""
    rng = np.random.Generator(np.random.PCG64(2022))
    n, pixel = 192, 5e-6
    k = wave_numbers(n, pixel)
    field = smooth_field(n, np.exp(-((k * 25e-6) ** 2)), rng)
    touches = field > np.quantile(field, 0.88)
    y, x = np.mgrid[:n, :n] / n
    light = 1.0 + 0.12 * (x - 0.5) - 0.08 * (y - 0.5)
    grey = np.where(touches, 185.0, 70.0) * light + 9.0 * rng.standard_normal((n, n))
    return np.clip(np.rint(grey), 0, 255).astype(np.uint8)


def heights() -> np.ndarray:
    """Heights in units of 0.1 nm."""
    rng = np.random.Generator(np.random.PCG64(19))
    n, pixel, hurst = 128, 0.25e-6, 0.8
    k = wave_numbers(n, pixel)
    long, short = 2.0 * np.pi / 16e-6, 2.0 * np.pi / 2e-6
    amplitude = np.where(k < short, np.maximum(k, long) ** -(1.0 + hurst), 0.0)
    z = smooth_field(n, amplitude, rng)
    z *= 0.19e-6 / np.mean(np.abs(z))
    tilt = 4e-3 * pixel * np.arange(n)[None, :] - 2e-3 * pixel * np.arange(n)[:, None]
    return np.rint((z + tilt) / 1e-10).astype(np.int16)


if __name__ == "__main__":
    Image.fromarray(contact_map()).save(FOLDER / "contact_map.png", optimize=True)
    np.save(FOLDER / "heights.npy", heights())
