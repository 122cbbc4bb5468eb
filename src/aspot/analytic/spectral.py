"""Spectral reference: one disc on the end of a cylinder, any frequency, without finite elements.

The cylinder (flux tube of radius b) is filled with electrolyte in layers; its side is insulated, its far face meets the
counter electrode. On the near face the metal (potential V) is joined to the electrolyte (surface potential u) by

    j = y (V - u),   y = y_c on the contact, y_g in the gap (0: insulating; contact without y_c: u = V).

Modes J_0(k_m r), J_1(k_m b) = 0, see the surface impedance Z_m (`slab_mode_impedance`). With y_out outside the disc and
q the current density that the disc adds to y_out (V - u), mode m >= 1 of u is M_m q_m, M_m = 1/(1/Z_m + y_out), and for
a unit excess voltage over the planar slab

    sum_{m>=1} M_m q_m J_0(k_m r) + q/(y_in - y_out) = 1   (r < a),      Z = Z_slab + 1/(y_out + q_0).

Galerkin's method with the edge functions of `edge` makes this a small dense complex symmetric system. For a gap disc
with an ideal contact outside, the unknown is instead the voltage w = V - u over the gap:

    sum_{m>=1} w_m J_0(k_m r)/Z_m + y_g w = j_mean   (r < a),      Z = Z_slab + w_0/j_mean.

The slowest parts of the mode sums are summed without truncation (`tube_sums`), the rest falls at least as m^-4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aspot.analytic.edge import MAX_BASIS, Floats, bessel_zeros, half_space_integrals, tube_hankel, tube_sums
from aspot.analytic.slab import Complexes, check_positive, gapped_mode_impedance, slab_mode_impedance
from aspot.errors import InputError

MAX_MODES = 2**15


@dataclass(frozen=True, kw_only=True)
class FluxTubeImpedance:
    """Answer of `flux_tube_impedance`.

    Parameters
    ----------
    impedance : complex
        Z, area-specific (per area of the tube) [ohm m2]; infinite for an infinite tube.
    excess : complex
        Z minus the impedance of the same tube under planar ideal contacts of full area [ohm m2].
    slab : complex
        That planar impedance [ohm m2].
    psi : complex
        Constriction parameter 4 kappa a (excess)/(pi b^2), with the admittivity kappa of the outermost layer.
    contact : complex
        Part of `excess` in the contact law, int j^2/y_c dA (bilinear; the dissipated part at zero frequency) [ohm m2].
    relative_error : float
        Estimate, relative to `excess`: change by the last quarter of the basis and the last half of the modes.
    n_basis, n_modes : int
        Size of the system and number of modes summed one by one.
    """

    impedance: complex
    excess: complex
    slab: complex
    psi: complex
    contact: complex
    relative_error: float
    n_basis: int
    n_modes: int


def flux_tube_impedance(
    radius: float,
    tube_radius: float,
    thickness: float | Sequence[float],
    admittivity: complex | Sequence[complex],
    *,
    contact_admittance: complex | None = None,
    gap_admittance: complex = 0.0,
    pore: bool = False,
    counter_admittance: complex | None = None,
    n_basis: int | None = None,
    n_modes: int | None = None,
) -> FluxTubeImpedance:
    """Impedance of a flux tube with one disc-shaped contact (or gap) on its axis, by a spectral Galerkin method.

    Parameters
    ----------
    radius, tube_radius : float
        a < b [m].
    thickness : float or sequence of float
        Layer thicknesses from the working electrode down [m]; the last may be inf.
    admittivity : complex or sequence of complex
        kappa = sigma + j w eps0 eps_r of each layer [S/m].
    contact_admittance : complex, optional
        y_c of the contact law [S/m2]; None: ideal contact (equipotential).
    gap_admittance : complex
        y_g where the metal does not touch [S/m2].
    pore : bool
        False: the disc is the contact, the gap surrounds it. True: the disc is the gap, the contact surrounds it.
    counter_admittance : complex, optional
        Admittance per area at the counter electrode [S/m2]; None: ideal contact.
    n_basis, n_modes : int, optional
        Edge functions and modes; by default enough for about 1e-9 while |y| b/|kappa| <= 100.

    Returns
    -------
    FluxTubeImpedance

    Raises
    ------
    InputError
        For lengths that are not positive, radius >= tube_radius, or layers whose numbers differ.

    Notes
    -----
    With an insulating gap and an ideal contact convergence is exponential (12 functions: 1e-12 for a/b <= 0.7). A gap
    admittance or contact law adds logarithms at the rim: algebraic, high order. Boundary layers at the rim, of
    thickness |kappa/y|, need about sqrt(|y| a/|kappa|) functions. Measured for |y| b/|kappa| = 100, 1e4, 1e6: errors up
    to 1e-8, 1e-7, 1e-4 (a/b <= 0.7; a gap disc in a contact with a law of its own is the worst), all below
    `relative_error`.

    Examples
    --------
    >>> result = flux_tube_impedance(0.3, 1.0, float("inf"), 1.0)
    >>> round(result.psi.real, 9)
    0.58650941
    """
    thicknesses = [float(h) for h in np.atleast_1d(np.asarray(thickness, dtype=float))]
    kappas = [complex(k) for k in np.atleast_1d(np.asarray(admittivity, dtype=complex))]
    check_positive(radius=radius, tube_radius=tube_radius, thickness=min(thicknesses))
    if radius >= tube_radius:
        raise InputError(f"radius = {radius!r}: must be below tube_radius = {tube_radius!r}")
    if len(thicknesses) != len(kappas):
        raise InputError(f"admittivity: {len(kappas)} values for {len(thicknesses)} layers; need one per layer")

    e, kappa = radius / tube_radius, kappas[0]
    # unit of length b, unit of admittivity kappa of the outermost layer
    unit = tube_radius / kappa
    y_contact = None if contact_admittance is None else contact_admittance * unit
    y_gap = gap_admittance * unit
    y_in, y_out = (y_gap, y_contact) if pore else (y_contact, y_gap)
    y_counter = None if counter_admittance is None else counter_admittance * unit
    layers = [h / tube_radius for h in thicknesses], [k / kappa for k in kappas]

    if n_basis is None:
        n_basis = _default_basis(e, y_in, y_out)
    if not 2 <= n_basis <= MAX_BASIS:
        raise InputError(f"n_basis = {n_basis!r}: must be from 2 to {MAX_BASIS}")
    if n_modes is None:
        n_modes = _default_modes(e, n_basis, layers[0], y_out)
    alpha, weight = bessel_zeros(n_modes)
    z_modes = slab_mode_impedance(alpha, *layers, y_counter)

    if y_in is not None and y_out is not None and abs(y_in - y_out) <= 1e-14 * abs(y_out):
        excess, error, contact_part = 1 / y_out, 0.0, 1 / y_out  # planar interface
    else:
        excess, error, contact_part = _solve(e, n_basis, y_in, y_out, alpha, weight, z_modes, pore)

    slab = sum((h / k for h, k in zip(thicknesses, kappas, strict=True)), 0j)
    slab += 0j if counter_admittance is None else 1 / counter_admittance
    excess *= unit
    return FluxTubeImpedance(
        impedance=slab + excess,
        excess=excess,
        slab=slab,
        psi=4 * kappa * radius * excess / (np.pi * tube_radius**2),
        contact=contact_part * unit,
        relative_error=error,
        n_basis=n_basis,
        n_modes=n_modes,
    )


def _solve(
    e: float,
    n_basis: int,
    y_in: complex | None,
    y_out: complex | None,
    alpha: Floats,
    weight: Floats,
    z_modes: Complexes,
    pore: bool,
) -> tuple[complex, float, complex]:
    """Excess impedance, its relative error estimate and the contact's part, in units of b and kappa."""
    if y_out is None:  # ideal contact around a gap: voltage over the gap
        sigma = 1.5
        base: NDArray[Any] = tube_sums(e, n_basis, sigma, -1)
        factors = 1 / z_modes - alpha
    else:
        sigma = 0.5 if y_in is None else 1.0
        base = tube_sums(e, n_basis, sigma, 1)
        factors = gapped_mode_impedance(z_modes, y_out) - 1 / alpha
        # a contact law around the disc is subtracted again below: there cancellation would cost more than the tail
        if y_out != 0 and (sigma == 0.5 or abs(y_out) < 30):
            base = base - y_out * tube_sums(e, n_basis, sigma, 2)
            factors = factors + y_out / alpha**2
    mass = half_space_integrals(n_basis, sigma, 1) / e**2 if sigma > 0.5 else np.zeros((n_basis, n_basis))
    y_jump = None if y_in is None or y_out is None else y_in - y_out
    if y_out is None:
        assert y_in is not None
        base = base + y_in * mass
    elif y_jump is not None:
        base = base + mass / y_jump

    h = tube_hankel(e, n_basis, sigma, alpha.size)
    half = alpha.size // 2
    first = (h[:, :half] * (factors * weight)[:half]) @ h[:, :half].T
    second = (h[:, half:] * (factors * weight)[half:]) @ h[:, half:].T

    def total(matrix: NDArray[Any], size: int) -> tuple[complex, NDArray[Any]]:
        c = np.linalg.solve(matrix[:size, :size], np.eye(size, 1)[:, 0])
        return (2 * c[0] if y_out is None else 1 / (y_out + 2 * c[0])), c

    excess, c = total(base + first + second, n_basis)
    fewer_functions, _ = total(base + first + second, (3 * n_basis) // 4)
    fewer_modes, _ = total(base + first, n_basis)
    error = (abs(excess - fewer_functions) + abs(excess - fewer_modes)) / abs(excess)

    contact: complex = 0.0
    if y_jump is not None and y_in is not None and y_out is not None:
        inside = 2 * (c @ mass @ c) / y_jump**2  # mean of (V - u)^2 over the disc, per tube area
        if pore:
            modes = gapped_mode_impedance(z_modes, y_out) * (c @ h)
            contact = y_out * (1 + 2 * np.sum(weight * modes**2) - inside) * excess**2
        else:
            contact = y_in * inside * excess**2
    return complex(excess), max(float(error), 1e-14), complex(contact)


def _default_basis(e: float, y_in: complex | None, y_out: complex | None) -> int:
    """Edge functions for about nine digits: more where the rim has a boundary layer or is close to the wall."""
    near_wall = 4 / np.sqrt(1 - e)
    y = max(abs(y_in or 0), abs(y_out or 0)) * e
    finite_contact = y_in is not None and y_out is not None
    n = (36 if finite_contact else 12) + near_wall + 4 * np.sqrt(y)
    return int(min(8 * np.ceil(n / 8), MAX_BASIS))  # in steps, so that spectra reuse `tube_hankel`


def _default_modes(e: float, n_basis: int, thicknesses: list[float], y_out: complex | None) -> int:
    """Modes summed one by one: until tanh(kH) = 1 to rounding, and far beyond 1/a, y/kappa where there is a gap."""
    n = 2 + 20 / (np.pi * min(thicknesses))
    if y_out is not None and y_out != 0:
        n = max(n, 1000, 20 * n_basis / e, 20 * abs(y_out))
        n = 2 ** np.ceil(np.log2(n))
    return int(min(n, MAX_MODES))
