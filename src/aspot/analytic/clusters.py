"""Many small contacts in a cell that repeats itself, as points for each other: Greenwood's picture with all neighbours.

A point source of current I in the surface of a half space lifts the potential at distance s by I/(2 pi sigma s). In a
cell that repeats itself every source has images without end; taken together with the uniform current that flows away
from them, their potential is finite. Ewald's split of the sum of 1/s (Ann. Phys. 369 (1921) 253, in two dimensions)
converges exponentially in space and in wave numbers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import erfc

from aspot.analytic.slab import check_positive
from aspot.errors import InputError

Floats = NDArray[np.float64]

#: erfc(5.5) = 7e-15: what both sums leave out.
_CUT = 5.5


def lattice_potential(x: ArrayLike, y: ArrayLike, size_x: float, size_y: float) -> Floats:
    """Sum of 1/s over a point and its images in a rectangular lattice, minus its mean over the plane.

    Parameters
    ----------
    x, y : array_like
        Distance from the point [m]. Where both are zero (or a lattice vector), the point itself is left out.
    size_x, size_y : float
        Periods [m].

    Returns
    -------
    ndarray
        [1/m]. In a square cell -3.9002649/size where the point itself is left out: twice the energy of the square
        crystal of electrons, Bonsall and Maradudin, Phys. Rev. B 15 (1977) 1959, doi 10.1103/PhysRevB.15.1959.

    Examples
    --------
    >>> round(float(lattice_potential(0.0, 0.0, 1.0, 1.0)), 7)
    -3.9002649
    """
    check_positive(size_x=size_x, size_y=size_y)
    dx, dy = np.broadcast_arrays(np.asarray(x, float), np.asarray(y, float))
    dx, dy = dx - size_x * np.rint(dx / size_x), dy - size_y * np.rint(dy / size_y)
    area = size_x * size_y
    eta = np.sqrt(np.pi / area)
    out = np.full(dx.shape, -2.0 * np.sqrt(np.pi) / (area * eta))
    reach_x, reach_y = (int(np.ceil(_CUT / eta / size + 0.5)) for size in (size_x, size_y))
    for i in range(-reach_x, reach_x + 1):
        for j in range(-reach_y, reach_y + 1):
            s = np.hypot(dx + i * size_x, dy + j * size_y)
            itself = s < 1e-12 * min(size_x, size_y)
            far = np.where(itself, 1.0, s)
            out += np.where(itself, -2.0 * eta / np.sqrt(np.pi), erfc(eta * far) / far)
    waves = [int(np.ceil(2.0 * _CUT * eta * size / (2.0 * np.pi))) for size in (size_x, size_y)]
    for i in range(waves[0] + 1):
        for j in range(-waves[1], waves[1] + 1):
            k = 2.0 * np.pi * np.hypot(i / size_x, j / size_y)
            weight = erfc(k / (2.0 * eta)) / k * (1.0 if i == 0 else 2.0) if k > 0.0 else 0.0
            if weight > 0.0:
                phase = 2.0 * np.pi * (i * dx / size_x + j * dy / size_y)
                out += 2.0 * np.pi / area * weight * np.cos(phase)
    return out


def periodic_cluster_resistance(
    x: ArrayLike,
    y: ArrayLike,
    radii: ArrayLike,
    size_x: float,
    size_y: float,
    conductivity: float,
    *,
    equal_currents: bool = False,
) -> float:
    """Constriction resistance of one cell with discs, on a deep electrolyte, the discs being points for each other.

    The potentials V_i = I_i/(4 sigma a_i) + sum_j I_j phi_ij/(2 pi sigma), phi of `lattice_potential`, are set equal;
    R = V / sum I. With `equal_currents`, currents follow the radii instead and V is their weighted mean: Greenwood's
    formula (Br. J. Appl. Phys. 17 (1966) 1621, `cluster_resistance`) in a cell that repeats itself. By the principle of
    least dissipation that is never less.

    Neighbours are discs, not points: their potentials err by a share of (a/s)^2/6. Against the exact square array
    (`array_constriction`): -4.0e-4 at a contact fraction of 1 %, -3.8e-3 at 4 %, -1.6e-2 at 9 %.

    Parameters
    ----------
    x, y, radii : array_like, shape (N,)
        Centres and radii [m].
    size_x, size_y : float
        Sides of the cell [m].
    conductivity : float
        sigma [S/m].
    equal_currents : bool
        Whether each disc carries current in proportion to its radius.

    Returns
    -------
    float
        [ohm], of one cell; times its area the area-specific R_cc.

    Raises
    ------
    InputError
        For empty or unequal lists, values that are not positive, or discs that overlap.
    """
    check_positive(conductivity=conductivity, size_x=size_x, size_y=size_y)
    xs, ys, a = (np.atleast_1d(np.asarray(v, float)) for v in (x, y, radii))
    if not xs.shape == ys.shape == a.shape or a.size == 0 or a.ndim != 1:
        raise InputError(f"x, y, radii: shapes {xs.shape}, {ys.shape}, {a.shape}; need three equal lists, not empty")
    check_positive(radii=float(a.min()))
    dx, dy = xs[:, None] - xs, ys[:, None] - ys
    s = np.hypot(dx - size_x * np.rint(dx / size_x), dy - size_y * np.rint(dy / size_y))
    np.fill_diagonal(s, min(size_x, size_y))
    if np.any(s < a[:, None] + a):
        raise InputError("x, y, radii: discs overlap, or touch their images; need distances above the sum of the radii")
    matrix = lattice_potential(dx, dy, size_x, size_y) / (2.0 * np.pi * conductivity)
    matrix[np.diag_indices(a.size)] += 1.0 / (4.0 * conductivity * a)
    if equal_currents:
        share = a / a.sum()
        return float(share @ matrix @ share)
    return float(1.0 / np.linalg.solve(matrix, np.ones(a.size)).sum())
