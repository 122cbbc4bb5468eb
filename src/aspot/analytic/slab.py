"""Slabs: planar electrodes, layers, grain boundaries in series, and the modes of a slab under a patterned surface.

Depth z from the working electrode; e^{+j w t}; SI units; impedances are area-specific [ohm m2]. All exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aspot.errors import InputError

Complexes = NDArray[np.complex128]


def check_positive(**values: float) -> None:
    """Raise `InputError` for a length, conductivity or area that is not a positive number."""
    for name, value in values.items():
        if not value > 0:
            raise InputError(f"{name} = {value!r}: must be positive")


def slab_impedance(thickness: float, admittivity: ArrayLike) -> NDArray[Any]:
    """Area-specific impedance H/kappa of a slab between planar electrodes.

    Parameters
    ----------
    thickness : float
        H [m].
    admittivity : array_like
        kappa = sigma + j w eps0 eps_r [S/m].

    Returns
    -------
    ndarray
        [ohm m2]

    Raises
    ------
    InputError
        For a thickness that is not positive.
    """
    check_positive(thickness=thickness)
    return np.asarray(thickness / np.asarray(admittivity))


def layered_slab_impedance(
    thicknesses: Sequence[float], admittivities: Sequence[ArrayLike], interface_admittances: Sequence[ArrayLike] = ()
) -> NDArray[Any]:
    """Area-specific impedance of layers and interfaces in series between planar electrodes.

    Parameters
    ----------
    thicknesses : sequence of float
        Layer thicknesses [m].
    admittivities : sequence of array_like
        Layer admittivities [S/m], one per thickness.
    interface_admittances : sequence of array_like, optional
        Admittances per area [S/m2] of interfaces in the stack.

    Returns
    -------
    ndarray
        sum H_i/kappa_i + sum 1/y_j [ohm m2]

    Raises
    ------
    InputError
        When the numbers of thicknesses and admittivities differ, or a thickness is not positive.
    """
    if len(thicknesses) != len(admittivities) or not thicknesses:
        raise InputError(
            f"admittivities: {len(admittivities)} given for {len(thicknesses)} thicknesses; one per layer needed"
        )
    total: NDArray[Any] = np.asarray(0.0)
    for thickness, kappa in zip(thicknesses, admittivities, strict=True):
        total = total + slab_impedance(thickness, kappa)
    for y in interface_admittances:
        total = total + 1 / np.asarray(y)
    return total


def brick_layer_admittivity(
    bulk_admittivity: ArrayLike, boundary_admittance: ArrayLike, grain_size: float
) -> NDArray[Any]:
    """Admittivity of grains with boundaries in series, 1/kappa = 1/kappa_bulk + 1/(y_gb d).

    The series limit of the brick-layer model (boundaries parallel to the current carry nothing).

    Parameters
    ----------
    bulk_admittivity : array_like
        kappa_bulk [S/m].
    boundary_admittance : array_like
        y_gb of ONE boundary [S/m2], for instance 1/R_gb + j w C_gb.
    grain_size : float
        d [m].

    Returns
    -------
    ndarray
        kappa [S/m]

    Raises
    ------
    InputError
        For a grain size that is not positive.
    """
    check_positive(grain_size=grain_size)
    return np.asarray(1 / (1 / np.asarray(bulk_admittivity) + 1 / (np.asarray(boundary_admittance) * grain_size)))


def slab_mode_impedance(
    wave_number: ArrayLike,
    thicknesses: Sequence[float],
    admittivities: Sequence[complex],
    counter_admittance: complex | None = None,
) -> Complexes:
    """Surface impedance u_k/j_k of a layered slab for a lateral mode of wave number k.

    One layer on an equipotential far face: tanh(kH)/(kappa k). Layers by the transmission-line recursion
    Z = zeta (Z_below + zeta t)/(zeta + Z_below t), zeta = 1/(kappa k), t = tanh(k h).

    Parameters
    ----------
    wave_number : array_like
        k > 0 [1/m].
    thicknesses, admittivities : sequences
        Layers [m], [S/m], from the working electrode down. The last thickness may be inf.
    counter_admittance : complex, optional
        Admittance per area between the slab and the counter electrode [S/m2]; None: ideal contact.

    Returns
    -------
    ndarray of complex
        [ohm m2]
    """
    k = np.asarray(wave_number, dtype=float)
    below: Complexes = np.full(k.shape, 0.0 if counter_admittance is None else 1 / counter_admittance, dtype=complex)
    for thickness, kappa in zip(reversed(thicknesses), reversed(admittivities), strict=True):
        zeta = 1 / (kappa * k)
        t = np.tanh(k * thickness)
        below = zeta * (below + zeta * t) / (zeta + below * t)
    return below


def gapped_mode_impedance(mode_impedance: ArrayLike, gap_admittance: complex) -> Complexes:
    """Surface impedance of a mode when an admittance per area covers the whole surface, 1/(1/Z_k + Y).

    For one layer: 1/(kappa k coth(kH) + Y).

    Parameters
    ----------
    mode_impedance : array_like
        Z_k [ohm m2], from `slab_mode_impedance`.
    gap_admittance : complex
        Y [S/m2].

    Returns
    -------
    ndarray of complex
        [ohm m2]
    """
    z = np.asarray(mode_impedance, dtype=complex)
    return np.asarray(z / (1 + gap_admittance * z))


def homogenised_impedance(
    contact_fraction: float, slab: ArrayLike, contact_admittance: ArrayLike, gap_admittance: ArrayLike
) -> NDArray[Any]:
    """Impedance of a patterned interface whose pattern is fine: the potential under it is uniform.

    Z = Z_slab + 1/(f y_c + (1 - f) y_g), the limit of every morphology for |y| b/|kappa| -> 0 (b: period). It is also
    exact for y_c = y_g, hence in the limit of a thin gap or of high frequency, where the gap short-circuits the pores.

    Parameters
    ----------
    contact_fraction : float
        f, 0 to 1.
    slab : array_like
        Impedance of the planar cell [ohm m2].
    contact_admittance, gap_admittance : array_like
        Admittances per area [S/m2] on the contacts and elsewhere.

    Returns
    -------
    ndarray
        [ohm m2]

    Raises
    ------
    InputError
        For a contact fraction outside 0 to 1.
    """
    if not 0 <= contact_fraction <= 1:
        raise InputError(f"contact_fraction = {contact_fraction!r}: must be from 0 to 1")
    y = contact_fraction * np.asarray(contact_admittance) + (1 - contact_fraction) * np.asarray(gap_admittance)
    return np.asarray(np.asarray(slab) + 1 / y)
