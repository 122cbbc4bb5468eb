"""A lens-shaped pore as a volume: potential in the electrolyte and in the pore, metal on the cap.

The check of the thin-gap law y = kappa_gap/d, which neglects the current along the pore and the slope of its cap.

    div(kappa grad phi) = 0 in both,   phi = V on contact and cap,   phi and kappa d(phi)/dn continuous between them

In the half plane of the axis, arcs through both rims and the arcs that cross them at right angles are the lines of

    r = a sinh(eta)/(cosh(eta) + cos(psi)),   z = -a sin(psi)/(cosh(eta) + cos(psi)),   0 <= psi <= theta,

the electrolyte's surface being psi = 0, r = rho = a tanh(eta/2), and the cap psi = theta, the contact angle. The map is
conformal, so that over the rectangle (rho, psi) the energy is

    int w (eta_rho^-1 phi_rho^2 + eta_rho phi_psi^2) drho dpsi,   eta_rho = 2 a/(a^2 - rho^2),   w = 2 pi r or 1.

The lens is thus meshed without error, rim included, by one row of the elements of `aspot.fem.profile`, which share the
nodes of the electrolyte's edge.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from aspot.errors import InputError
from aspot.fem.profile import ProfileAssembly, Weights, assemble, potential_weights
from aspot.mesh.profile import ProfileMesh
from aspot.morphology.unit_cell import ProfileCell

FloatArray = NDArray[np.float64]


def _pore(cell: ProfileCell) -> tuple[float, float, float]:
    """Middle, half width and contact angle of the only gap, in units of the cell's width."""
    profile, gaps = cell.gap_profile, cell.gaps
    if profile is None or not profile.is_cap or len(gaps) != 1:
        raise InputError("gap_profile: the volume of the gap is meshed for one lens in the cell")
    middle, half = gaps[0]
    if cell.axisymmetric and middle != 0.0:
        raise InputError("gap_profile: a lens in a flux tube lies on its axis")
    return middle / cell.outer, half / cell.outer, profile.angle(half)


def lens_mesh(mesh: ProfileMesh, cell: ProfileCell) -> ProfileMesh:
    """The mesh with elements for the pore: region "gap", over (rho, -psi); its cap and rim belong to "contact".

    Parameters
    ----------
    mesh : ProfileMesh
        Of the electrolyte.
    cell : ProfileCell
        With one lens.

    Raises
    ------
    InputError
        If the gap is anything else.
    """
    middle, _, angle = _pore(cell)
    ends = mesh.surfaces["gap"]
    used, number = np.unique(ends, return_inverse=True)
    number = number.reshape(ends.shape)
    count = len(mesh.vertices)
    across = mesh.vertices[used, 0]
    caps = np.column_stack([across, np.full(len(used), -angle)])
    swapped = across[number[:, 0]] > across[number[:, 1]]
    number = np.where(swapped[:, None], number[:, ::-1], number)
    below, above = used[number], count + number
    rim = int(np.argmax(np.abs(across - middle)))
    return replace(
        mesh,
        vertices=np.vstack([mesh.vertices, caps]),
        quads=np.vstack([mesh.quads, np.column_stack([above, below[:, ::-1]])]),
        quad_region=np.concatenate([mesh.quad_region, np.full(len(ends), len(mesh.region_names))]),
        region_names=(*mesh.region_names, "gap"),
        surfaces=mesh.surfaces
        | {
            "contact": np.vstack([mesh.surfaces["contact"], above, [[used[rim], count + rim]]]),
            "gap": np.empty((0, 2), np.int64),
        },
    )


def lens_weights(cell: ProfileCell) -> Weights:
    """Weights of (dphi/drho)^2 and (dphi/dpsi)^2 in the pore, of the plain derivatives in the electrolyte."""
    middle, a, _ = _pore(cell)

    def weights(mesh: ProfileMesh, position: FloatArray) -> tuple[FloatArray, FloatArray]:
        across, down = potential_weights(mesh, position)
        inside = position[..., 1] < 0.0
        rho, psi = np.abs(position[..., 0] - middle)[inside], -position[..., 1][inside]
        to_rim = np.maximum((a - rho) * (a + rho), 1e-300)
        r = 2.0 * a**2 * rho / (a**2 + rho**2 + to_rim * np.cos(psi))
        w = 2.0 * np.pi * r if mesh.axisymmetric else np.ones_like(r)
        stretch = 2.0 * a / to_rim
        across, down = across.copy(), down.copy()
        across[inside], down[inside] = w / stretch, w * stretch
        return across, down

    return weights


def assemble_lens(mesh: ProfileMesh, order: int, cell: ProfileCell, *, ideal_counter: bool = True) -> ProfileAssembly:
    """Matrices of an electrolyte with a lens-shaped pore as a volume, under an ideal contact.

    Parameters
    ----------
    mesh : ProfileMesh
        Of the electrolyte.
    order : int
    cell : ProfileCell
        With one lens in its `gap_profile`, whose floor is left out.
    ideal_counter : bool

    Returns
    -------
    ProfileAssembly
        The matrix "gap" is that of the pore's volume, [m] (strips: [1]): its law is an admittivity [S/m].

    Raises
    ------
    InputError
        If the gap is anything but one lens.
    """
    return assemble(
        lens_mesh(mesh, cell), order, ideal_contact=True, ideal_counter=ideal_counter, weights=lens_weights(cell)
    )
