"""Parallel strips: contacts of width 2a at pitch 2b, current in the plane across them.

SI units; resistances times the length of the strips [ohm m].
"""

from __future__ import annotations

import numpy as np
from scipy.special import ellipk, ellipkm1

from aspot.analytic.slab import check_positive
from aspot.errors import InputError


def strip_constriction_resistance(
    half_width: float, half_pitch: float, conductivity: float, thickness: float = np.inf
) -> float:
    """Constriction resistance of one strip of an array, times its length: R_total - H/(2 b sigma). Exact.

    Infinite thickness: ln(1/sin(pi a/(2 b)))/(pi sigma). Finite thickness H with an equipotential far face: conformal
    map of the cell, R_total = K'(k)/(2 K(k) sigma). The area-specific value is 2 b times the result.

    Parameters
    ----------
    half_width : float
        a, half the width of a contact strip [m].
    half_pitch : float
        b, half the period [m].
    conductivity : float
        sigma [S/m].
    thickness : float
        H [m], inf by default.

    Returns
    -------
    float
        [ohm m]

    Raises
    ------
    InputError
        For values that are not positive or half_width > half_pitch.
    """
    check_positive(half_width=half_width, half_pitch=half_pitch, conductivity=conductivity, thickness=thickness)
    if half_width > half_pitch:
        raise InputError(f"half_width = {half_width!r}: must not exceed half_pitch = {half_pitch!r}")
    if thickness > 10 * half_pitch:  # the far face is felt as exp(-2 pi H/b) < 1e-27
        return float(-np.log(np.sin(np.pi * half_width / (2 * half_pitch))) / (np.pi * conductivity))
    total = strip_resistance(half_width, half_pitch, conductivity, thickness)
    return total - thickness / (2 * half_pitch * conductivity)


def strip_resistance(half_width: float, half_pitch: float, conductivity: float, thickness: float) -> float:
    """Resistance of one strip of an array on a slab, far face equipotential, times its length. Exact.

    K'(k)/(2 K(k) sigma), k = k1 sn(K(k1) a/b, k1) with nome exp(-pi H/b) of k1. With theta functions of
    z = pi a/(2b) (DLMF 22.2) k = theta_2(0) theta_1(z)/(theta_3(0) theta_4(z)); for H < b the modular transformation
    (DLMF 20.7) gives k' instead, by series in exp(-pi b/H), so that both converge at once and no digits are lost.

    Parameters
    ----------
    half_width, half_pitch : float
        a <= b [m].
    conductivity : float
        sigma [S/m].
    thickness : float
        H [m].

    Returns
    -------
    float
        [ohm m]

    Raises
    ------
    InputError
        For values that are not positive, half_width > half_pitch or thickness beyond 0.01 to 100 half pitches.
    """
    check_positive(half_width=half_width, half_pitch=half_pitch, conductivity=conductivity, thickness=thickness)
    if half_width > half_pitch:
        raise InputError(f"half_width = {half_width!r}: must not exceed half_pitch = {half_pitch!r}")
    ratio = thickness / half_pitch
    if not 0.01 <= ratio <= 100:
        raise InputError(f"thickness = {thickness!r}: must be from 0.01 to 100 half pitches")
    share = half_width / half_pitch
    n = np.arange(-12, 13)
    if ratio >= 1:
        whole, odd = np.exp(-np.pi * ratio * n**2), np.exp(-np.pi * ratio * (n + 0.5) ** 2)
        phase = np.pi * share
        theta_1 = np.sum(odd * np.sin((n + 0.5) * phase) * (-1.0) ** n)
        theta_4 = np.sum(whole * np.cos(n * phase) * (-1.0) ** n)
        k = odd.sum() / whole.sum() * theta_1 / theta_4
        return float(ellipkm1(k**2) / (2 * ellipk(k**2) * conductivity))
    # exp(pi share/(2 ratio) (2 n + 1)) stays below its Gaussian factor because share <= 1
    whole = np.sum(np.exp(-np.pi / ratio * n**2))
    odd = 2 * np.sum(np.exp(-np.pi / ratio * ((n[n >= 0] + 0.5) ** 2 - 0.25)))
    whole_z = np.sum(np.exp(np.pi / ratio * (share * n - n**2)))
    odd_z = np.sum(np.exp(np.pi / ratio * (share * (n + 0.5) - (n + 0.5) ** 2 + 0.25 - 0.5 * share)))
    # both sums without the common factor exp(-pi/(4 ratio)); theta_2(z) also without exp(pi share/(2 ratio))
    k_prime = odd / whole * whole_z / odd_z * np.exp(-np.pi * share / (2 * ratio))
    return float(ellipk(k_prime**2) / (2 * ellipkm1(k_prime**2) * conductivity))
