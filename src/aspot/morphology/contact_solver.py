"""Contact of a flat deformable half space with a rigid rough surface, by projected gradients and FFTs.

Small slopes, no friction, no adhesion; everything repeats itself with the period of the surface. The pressure p obeys

    0 <= p <= H,   mean p = P,
    gap = u - h + d:   gap >= 0 where p = 0,   gap = 0 where 0 < p < H,   gap <= 0 where p = H,

with h the heights of the surface, u the elastic recession of the metal, of Fourier coefficients 2/(E* q) times those of
p, and d the height of the metal's mean plane. These are the optimality conditions of

    minimise 1/2 <p u(p)> - <p h>   over 0 <= p <= H, mean p = P,

a convex problem with one solution. Where p has reached the hardness H the metal has flowed: it lies on the surface,
and minus the gap is the depth that flowed away.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aspot.errors import ConvergenceError, InputError
from aspot.morphology.rough_surface import FloatArray, Surface, wave_numbers

#: Steps over which the energy may rise before a step is shortened: gradients of Barzilai and Borwein are not monotone.
_MEMORY = 10


@dataclass(frozen=True, kw_only=True, eq=False)
class SolvedContact:
    """Pressure and gap under a rough surface.

    Parameters
    ----------
    pressure : (n, n) float
        Contact pressure [Pa].
    gap : (n, n) float
        Distance of metal and surface [m]; 0 where they touch.
    flowed : (n, n) float
        Depth of metal that flowed away [m]; 0 where it is elastic.
    mean_plane : float
        Height of the metal's mean plane above that of the surface, d [m].
    iterations : int
    residual : float
        Largest violation of the conditions on the gap, relative to the range of the elastic recession.
    """

    pressure: FloatArray
    gap: FloatArray
    flowed: FloatArray
    mean_plane: float
    iterations: int
    residual: float

    @property
    def contact(self) -> NDArray[np.bool_]:
        """Pixels that touch."""
        return self.pressure > 0.0

    @property
    def contact_fraction(self) -> float:
        """Part of the pixels that touch. Elastic contacts: too large by about half a pixel along every rim."""
        return float(self.contact.mean())


def solve_contact(
    surface: Surface,
    pressure: float,
    modulus: float,
    hardness: float = np.inf,
    *,
    tolerance: float = 1e-3,
    max_iterations: int = 2000,
) -> SolvedContact:
    """Press a flat elastic, perfectly plastic half space on a rigid rough surface.

    Spectral projected gradients: steps of Barzilai and Borwein, projected on the admissible pressures. That took 3 to
    60 iterations of two FFTs each on rough surfaces, with grids of 128 and 256. At equal tolerance it was as many as
    with the conjugate gradients of Polonsky and Keer (1999) for sparse elastic contacts, and a third for dense ones;
    those did not converge where nearly all contacts flow.

    Parameters
    ----------
    surface : Surface
        Heights towards the half space [m].
    pressure : float
        Mean pressure P [Pa]; below the hardness.
    modulus : float
        Contact modulus E* [Pa].
    hardness : float
        Largest contact pressure H [Pa]; infinite: elastic.
    tolerance : float
        Of the conditions on the gap, relative to the range of the elastic recession.
    max_iterations : int

    Raises
    ------
    InputError
        If a value does not suit.
    ConvergenceError
        If the tolerance is not met; its `iterate` is the last SolvedContact.

    References
    ----------
    Transfer function: H. M. Stanley, T. Kato, J. Tribology 119, 481 (1997), doi:10.1115/1.2833523. Cap at the
    hardness: X. Tian, B. Bhushan, J. Tribology 118, 33 (1996), doi:10.1115/1.2837089. Method: E. G. Birgin,
    J. M. Martinez, M. Raydan, SIAM J. Optim. 10, 1196 (2000), doi:10.1137/S1052623497330963. Conjugate gradients:
    I. A. Polonsky, L. M. Keer, Wear 231, 206 (1999), doi:10.1016/S0043-1648(99)00113-1.
    """
    for name, value in (("pressure", pressure), ("modulus", modulus), ("tolerance", tolerance)):
        if not (np.isfinite(value) and value > 0.0):
            raise InputError(f"{name} = {value!r}: must be positive and finite")
    if not hardness > pressure:
        raise InputError(f"hardness = {hardness!r}: must be above the pressure of {pressure:g} Pa")
    height = surface.height - surface.height.mean()
    if height.max() == height.min():
        nothing = np.zeros_like(height)
        return SolvedContact(
            pressure=nothing + pressure, gap=nothing, flowed=nothing, mean_plane=0.0, iterations=0, residual=0.0
        )
    recession = _Recession(surface, modulus)
    p = np.full_like(height, pressure)
    slope = -height  # of the energy: u(p) - h, and u of a uniform pressure is none
    step = np.pi * modulus / surface.size
    energies: list[float] = []
    gap, plane, residual = slope, 0.0, np.inf
    for iteration in range(max_iterations + 1):
        target, excess = _projected(p - step * slope, pressure, hardness)
        # Where 0 < p < H the gap vanishes: the multiplier of the mean pressure is the height of the plane.
        plane = excess / step
        gap = slope + plane
        # Measured by how far the metal moves elastically: what flowed may be a thousand times deeper.
        span = float(np.ptp(slope + height))
        residual = _violation(p, gap, hardness) / span if span > 0.0 else np.inf
        if residual < tolerance or iteration == max_iterations:
            break
        direction = target - p
        change = recession(direction)
        descent = float(np.sum(slope * direction))
        curvature = float(np.sum(direction * change))
        energy = 0.5 * float(np.sum(p * (slope - height)))
        energies = [*energies[-_MEMORY + 1 :], energy]
        length = 1.0
        if energy + descent + 0.5 * curvature > max(energies) + 1e-4 * descent:
            length = min(1.0, -descent / curvature)
        p = p + length * direction
        slope = slope + length * change
        if iteration % 2:
            step = curvature / float(np.sum(change**2))
        else:
            step = float(np.sum(direction**2)) / curvature
    touching = p > 0.0
    result = SolvedContact(
        pressure=p,
        gap=np.where(touching, 0.0, np.maximum(gap, 0.0)),
        flowed=np.where(p >= hardness, np.maximum(-gap, 0.0), 0.0),
        mean_plane=plane,
        iterations=iteration,
        residual=residual,
    )
    if residual >= tolerance:
        message = f"contact not found in {max_iterations} iterations: residual {residual:.2e}, allowed {tolerance:.0e}"
        raise ConvergenceError(message, result)
    return result


def unloaded(
    surface: Surface,
    pressed: SolvedContact,
    pressure: float,
    modulus: float,
    *,
    adhesion: float = 0.0,
    tolerance: float = 1e-3,
) -> SolvedContact:
    """Contact after the pressure has fallen: the metal keeps the shape into which it flowed and recovers elastically.

    It does not flow back. Without adhesion this is the least contact that the earlier pressure leaves behind. With it,
    all that had touched pulls with one traction, whether it opens or not (Dugdale's law, of a range beyond the gaps
    that open, which are nanometres): the contacts are then pressed together by that traction, too.

    Parameters
    ----------
    surface : Surface
    pressed : SolvedContact
        At the largest pressure.
    pressure : float
        Now [Pa]; at most the largest.
    modulus : float
        E* [Pa].
    adhesion : float
        Traction of what had touched [Pa].
    tolerance : float
        As for `solve_contact`.

    Returns
    -------
    SolvedContact
        Its pressure is that of the contacts, the pull not subtracted: mean p = P + adhesion x earlier contact fraction.

    Raises
    ------
    InputError
        If the pressure is above the largest, or the adhesion negative.
    ConvergenceError
        As `solve_contact`.

    References
    ----------
    D. Maugis, J. Colloid Interface Sci. 150, 243 (1992), doi:10.1016/0021-9797(92)90285-T (Dugdale's law in contacts).
    K. L. Johnson, Contact Mechanics (1985), section 6.4, doi:10.1017/CBO9781139171731.
    """
    largest = float(pressed.pressure.mean())
    if pressure >= largest * (1.0 - 1e-9):
        if pressure > largest * (1.0 + 1e-9):
            raise InputError(f"pressure = {pressure:g} Pa: must be at most the largest, {largest:g} Pa")
        return pressed
    if not (np.isfinite(adhesion) and adhesion >= 0.0):
        raise InputError(f"adhesion = {adhesion!r}: must be finite and not negative")
    # What flowed away meets the surface later: it counts as a surface that is lower by as much. The pull bends the
    # metal towards the surface, which counts as one that is higher.
    pull: FloatArray = np.where(pressed.contact, adhesion, 0.0)
    met = Surface(size=surface.size, height=surface.height - pressed.flowed + _Recession(surface, modulus)(pull))
    return solve_contact(met, pressure + float(pull.mean()), modulus, tolerance=tolerance)


class _Recession:
    """Elastic recession of the half space under a pressure, without its mean [m]."""

    def __init__(self, surface: Surface, modulus: float) -> None:
        wave = np.hypot(*wave_numbers(surface.size, len(surface.height)))
        wave[0, 0] = np.inf
        self._transfer = 2.0 / (modulus * wave)

    def __call__(self, pressure: FloatArray) -> FloatArray:
        answer: FloatArray = np.fft.irfft2(np.fft.rfft2(pressure) * self._transfer, s=pressure.shape)
        return answer


def _projected(p: FloatArray, mean: float, hardness: float) -> tuple[FloatArray, float]:
    """Nearest pressures with 0 <= p <= H of given mean: clip(p - shift, 0, H), and the shift, by safeguarded Newton."""
    low, high = float(p.mean()) - mean, float(p.max())
    if np.isfinite(hardness):
        low = min(low, float(p.min()) - hardness)
    shift = 0.0
    for _ in range(100):
        moved = p - shift
        clipped = np.clip(moved, 0.0, hardness)
        excess = float(clipped.mean()) - mean
        if abs(excess) <= 1e-14 * mean:
            break
        if excess > 0.0:
            low = shift
        else:
            high = shift
        inside = float(((moved > 0.0) & (moved < hardness)).mean())
        newton = shift + excess / inside if inside > 0.0 else np.inf
        shift = newton if low < newton < high else 0.5 * (low + high)
    return np.clip(p - shift, 0.0, hardness), shift


def _violation(p: FloatArray, gap: FloatArray, hardness: float) -> float:
    """Largest violation of the conditions on the gap [m]."""
    free = (p > 0.0) & (p < hardness)
    wrong = np.where(free, np.abs(gap), np.where(p <= 0.0, -gap, gap))
    return float(wrong.max())
