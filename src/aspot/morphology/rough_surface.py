"""Self-affine random surfaces: spectral synthesis, statistics, power spectrum.

Heights are counted upwards, from the electrolyte towards the metal, so that the highest points touch first. Surfaces
repeat themselves; every derivative is that of the trigonometric polynomial through the pixels' centres.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aspot.errors import InputError

FloatArray = NDArray[np.float64]

#: Ratio R_a/R_q of a Gaussian surface, sqrt(2/pi).
GAUSSIAN_RA_OVER_RQ = float(np.sqrt(2.0 / np.pi))


@dataclass(frozen=True, kw_only=True)
class SelfAffine:
    """Statistical description of a self-affine Gaussian surface, rolled off at long waves.

    Power spectral density, with <h^2> = integral of C d^2q:

        C(q) = R_q^2 H xi^2/pi (1 + xi^2 q^2)^-(1 + H)

    a plateau for waves longer than 2 pi xi, q^-2(1+H) for shorter ones. Its autocorrelation is of the Matern type,
    2^(1-H)/Gamma(H) (r/xi)^H K_H(r/xi); exp(-r/xi) for H = 1/2.

    Parameters
    ----------
    roughness : float
        Arithmetic mean deviation R_a [m].
    correlation_length : float
        xi [m].
    hurst : float
        H, between 0 and 1; the fractal dimension of the surface is 3 - H.

    Raises
    ------
    InputError
        If a value is not positive and finite, or H is above 1.

    References
    ----------
    The roll-off form: G. Palasantzas, Phys. Rev. B 48, 14472 (1993), doi:10.1103/PhysRevB.48.14472.
    """

    roughness: float
    correlation_length: float
    hurst: float = 0.8

    def __post_init__(self) -> None:
        for name in ("roughness", "correlation_length", "hurst"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0.0):
                raise InputError(f"{name} = {value!r}: must be positive and finite")
        if self.hurst > 1.0:
            raise InputError(f"hurst = {self.hurst!r}: must lie between 0 and 1")

    def power_spectral_density(self, wave_number: FloatArray) -> FloatArray:
        """C(q) of the ensemble [m4] at wave numbers q [1/m], for R_q = R_a sqrt(pi/2)."""
        xi, h = self.correlation_length, self.hurst
        r_q = self.roughness / GAUSSIAN_RA_OVER_RQ
        return r_q**2 * h * xi**2 / np.pi * (1.0 + (xi * wave_number) ** 2) ** -(1.0 + h)

    def surface(self, size: float, pixels: int, seed: int) -> Surface:
        """A realisation on a square that repeats itself.

        White Gaussian noise is filtered with sqrt(C) in the Fourier plane. Its coefficients are drawn from the longest
        wave on, so that a finer grid keeps all waves of a coarser one and adds shorter ones. The heights are then
        scaled: R_a of this very realisation is met exactly, not only that of the ensemble.

        Parameters
        ----------
        size : float
            Side of the square [m].
        pixels : int
            Along a side; even, at least 8. The shortest wave is two pixels long.
        seed : int

        Raises
        ------
        InputError
            If the square or the grid does not suit.
        """
        if not (np.isfinite(size) and size > 0.0):
            raise InputError(f"size = {size!r}: must be positive and finite")
        if pixels < 8 or pixels % 2:
            raise InputError(f"pixels = {pixels!r}: must be even and at least 8")
        kx, ky = wave_numbers(size, pixels)
        amplitude = np.sqrt(self.power_spectral_density(np.hypot(kx, ky)))
        amplitude[0, 0] = 0.0
        amplitude[pixels // 2, :] = amplitude[:, pixels // 2] = 0.0
        height = np.fft.irfft2(_noise(pixels, seed) * amplitude, s=(pixels, pixels))
        height -= height.mean()
        return Surface(size=size, height=height * (self.roughness / np.abs(height).mean()))


@dataclass(frozen=True, kw_only=True, eq=False)
class Surface:
    """Heights on a square that repeats itself.

    Parameters
    ----------
    size : float
        Side [m].
    height : (n, n) float
        Height at the pixels' centres [m]; rows along y, columns along x.

    Raises
    ------
    InputError
        If the heights are not finite numbers on a square.
    """

    size: float
    height: FloatArray

    def __post_init__(self) -> None:
        height = np.array(self.height, dtype=float)
        if height.ndim != 2 or height.shape[0] != height.shape[1] or height.shape[0] < 2:
            raise InputError(f"height: must be a square array, not of shape {height.shape}")
        if not np.isfinite(height).all():
            raise InputError("height: must be finite everywhere")
        height.setflags(write=False)
        object.__setattr__(self, "height", height)

    @property
    def pixel(self) -> float:
        """Side of a pixel [m]."""
        return self.size / len(self.height)

    def gradient(self) -> tuple[FloatArray, FloatArray]:
        """Slopes along x and y."""
        n = len(self.height)
        kx, ky = wave_numbers(self.size, n)
        spectrum = np.fft.rfft2(self.height)
        # The slope of the shortest wave vanishes at the pixels' centres.
        spectrum[n // 2, :] *= n % 2
        spectrum[:, -1] *= n % 2
        x, y = (np.fft.irfft2(1j * k * spectrum, s=(n, n)) for k in (kx, ky))
        return x, y

    def statistics(self) -> SurfaceStatistics:
        """Numbers that stand for the surface."""
        h = self.height - self.height.mean()
        r_q = float(np.sqrt(np.mean(h**2)))
        gx, gy = self.gradient()
        summits, curvature = _summits(h, self.pixel)
        return SurfaceStatistics(
            R_a=float(np.abs(h).mean()),
            R_q=r_q,
            R_z=float(h.max() - h.min()),
            skewness=float(np.mean(h**3)) / r_q**3 if r_q > 0.0 else 0.0,
            kurtosis=float(np.mean(h**4)) / r_q**4 if r_q > 0.0 else 0.0,
            rms_slope=float(np.sqrt(np.mean(gx**2 + gy**2))),
            mean_slope=float(np.hypot(gx, gy).mean()),
            summit_density=len(summits) / self.size**2,
            summit_mean=float(summits.mean()) if len(summits) else 0.0,
            summit_deviation=float(summits.std()) if len(summits) else 0.0,
            summit_curvature=float(curvature.mean()) if len(summits) else 0.0,
        )

    def power_spectrum(self) -> tuple[FloatArray, FloatArray]:
        """Power spectral density averaged over rings of wave numbers.

        Returns
        -------
        wave_number : (n/2 - 1,) float
            Mean wave number of each ring, 2 pi/size wide [1/m].
        density : (n/2 - 1,) float
            C(q) [m4], with <h^2> = integral of C d^2q.
        """
        n = len(self.height)
        k = 2.0 * np.pi * np.fft.fftfreq(n, self.pixel)
        q = np.hypot(k[None, :], k[:, None])
        power = np.abs(np.fft.fft2(self.height) / n**2) ** 2 * (self.size / (2.0 * np.pi)) ** 2
        ring = np.rint(q * self.size / (2.0 * np.pi)).astype(int).ravel()
        count = np.bincount(ring)
        keep = slice(1, n // 2)
        mean_q = np.bincount(ring, q.ravel())[keep] / count[keep]
        return mean_q, np.bincount(ring, power.ravel())[keep] / count[keep]


@dataclass(frozen=True, kw_only=True)
class SurfaceStatistics:
    """Statistics of a surface, over its pixels.

    Parameters
    ----------
    R_a, R_q, R_z : float
        Mean deviation, root-mean-square deviation, highest minus lowest point [m].
    skewness, kurtosis : float
        0 and 3 for a Gaussian surface.
    rms_slope : float
        Root mean square of the gradient's length. For H < 1 it grows with finer pixels, without limit.
    mean_slope : float
        Mean of the gradient's length (thermal engineers' mean absolute slope is that of a profile: 2/pi times this).
    summit_density : float
        Summits (pixels above their 8 neighbours) per area [1/m2].
    summit_mean, summit_deviation : float
        Mean height of the summits above the mean plane and its standard deviation [m].
    summit_curvature : float
        Mean of minus the mean curvature at the summits [1/m].
    """

    R_a: float
    R_q: float
    R_z: float
    skewness: float
    kurtosis: float
    rms_slope: float
    mean_slope: float
    summit_density: float
    summit_mean: float
    summit_deviation: float
    summit_curvature: float


def wave_numbers(size: float, pixels: int) -> tuple[FloatArray, FloatArray]:
    """Wave numbers along x and y of the half plane that `numpy.fft.rfft2` returns [1/m]."""
    step = size / pixels
    kx = 2.0 * np.pi * np.fft.rfftfreq(pixels, step)
    ky = 2.0 * np.pi * np.fft.fftfreq(pixels, step)
    return np.broadcast_to(kx, (pixels, len(kx))), np.broadcast_to(ky[:, None], (pixels, len(kx)))


def _noise(pixels: int, seed: int) -> NDArray[np.complex128]:
    """Fourier coefficients of white noise in the half plane of rfft2, the same for equal waves on every grid."""
    half = pixels // 2
    my = np.fft.fftfreq(pixels, 1.0 / pixels).astype(int)[:, None]
    mx = np.arange(half + 1)[None, :]
    ring = np.maximum(np.abs(my), mx)
    # Within a ring: by column, then by row, neither of which depends on the grid.
    order = np.lexsort((np.broadcast_to(my, ring.shape).ravel(), np.broadcast_to(mx, ring.shape).ravel(), ring.ravel()))
    order = order[: (2 * half - 1) * half]  # the rings below the shortest wave
    draws = np.random.default_rng(seed).standard_normal((len(order), 2))
    noise = np.zeros(ring.size, dtype=complex)
    noise[order] = draws[:, 0] + 1j * draws[:, 1]
    noise = noise.reshape(ring.shape)
    # Real heights: coefficients of opposite waves, both in the column kx = 0, are conjugate.
    noise[half + 1 :, 0] = np.conj(noise[1:half, 0][::-1])
    return noise


def _summits(height: FloatArray, pixel: float) -> tuple[FloatArray, FloatArray]:
    """Heights of the pixels above their 8 neighbours, and minus the mean curvature there [1/m]."""
    shifts = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)]
    around = np.max([np.roll(height, shift, (0, 1)) for shift in shifts], axis=0)
    is_summit = height > around
    cross = sum(np.roll(height, shift, (0, 1)) for shift in ((-1, 0), (1, 0), (0, -1), (0, 1)))
    curvature = (4.0 * height - cross) / (2.0 * pixel**2)
    return height[is_summit], curvature[is_summit]
