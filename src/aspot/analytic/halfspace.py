"""Single contacts and clusters on a half space: spreading resistance of discs, ellipses, squares, rings.

The electrolyte fills z > 0; its surface is insulated outside the contact; the counter electrode is far away.
SI units; resistances in ohm (not area-specific).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ellipk, ellipkm1

from aspot.analytic.edge import MAX_BASIS, half_space_integrals
from aspot.analytic.slab import check_positive
from aspot.errors import InputError

# Capacitance of the unit square in units of 4 pi eps0: Read, J. Comput. Phys. 133, 1 (1997). Collocation on graded
# grids (10 to 40 panels per half side) extrapolates to 0.366788 +- 0.000002.
UNIT_SQUARE_CAPACITANCE = 0.366789


def disc_resistance(radius: float, conductivity: float) -> float:
    """Spreading resistance of an equipotential disc, R = 1/(4 sigma a). Exact.

    Holm, Electric Contacts (Springer 1967); Newman, J. Electrochem. Soc. 113 (1966) 501, doi 10.1149/1.2424003.

    Parameters
    ----------
    radius : float
        a [m].
    conductivity : float
        sigma [S/m].

    Returns
    -------
    float
        [ohm]

    Raises
    ------
    InputError
        For a radius or conductivity that is not positive.
    """
    check_positive(radius=radius, conductivity=conductivity)
    return 1 / (4 * conductivity * radius)


def disc_current_density(r: ArrayLike, radius: float) -> NDArray[np.float64]:
    """Current density under an equipotential disc over its mean, 1/(2 sqrt(1 - (r/a)^2)) for r < a. Exact.

    Newman 1966 (see `disc_resistance`).

    Parameters
    ----------
    r : array_like
        Distance from the axis [m], below ``radius``.
    radius : float
        a [m].

    Returns
    -------
    ndarray
        Dimensionless.
    """
    check_positive(radius=radius)
    return np.asarray(0.5 / np.sqrt(1 - (np.asarray(r) / radius) ** 2))


def uniform_flux_disc_resistance(radius: float, conductivity: float) -> float:
    """Mean potential of a disc of uniform current density over its current, 8/(3 pi^2 sigma a). Exact.

    8.1 % above the equipotential disc: the upper bound for any contact law on the disc.
    Carslaw and Jaeger, Conduction of Heat in Solids (Oxford 1959), sec. 8.2.

    Parameters
    ----------
    radius : float
        a [m].
    conductivity : float
        sigma [S/m].

    Returns
    -------
    float
        [ohm]
    """
    check_positive(radius=radius, conductivity=conductivity)
    return 8 / (3 * np.pi**2 * conductivity * radius)


def robin_disc_resistance(
    radius: float, conductivity: complex, contact_admittance: complex, n_basis: int | None = None
) -> complex:
    """Impedance of a disc with a contact admittance per area y on a half space, spreading and contact together.

    Depends on J = y a/sigma alone: 1/(pi a^2 y) + 8/(3 pi^2 sigma a) for J -> 0, 1/(4 sigma a) for J -> infinity.
    Galerkin's method with Legendre polynomials in (r/a)^2 (`edge`, sigma = 1); the secondary current distribution of
    Newman, J. Electrochem. Soc. 113 (1966) 1235.

    Parameters
    ----------
    radius : float
        a [m].
    conductivity : complex
        sigma or admittivity [S/m].
    contact_admittance : complex
        y [S/m2].
    n_basis : int, optional
        Number of polynomials; default max(40, 10 sqrt(J)), at most 150. Relative error measured against twice the
        functions: 1e-10 for J <= 10, 1e-9 to J = 1e3. The limit of 150 is reached at J = 225; the error then grows
        to about 1e-7 at 1e4 and 1e-5 at 1e5.

    Returns
    -------
    complex
        [ohm]

    Raises
    ------
    InputError
        For a radius that is not positive or n_basis outside 1 to 150.
    """
    check_positive(radius=radius)
    ratio = contact_admittance * radius / conductivity
    if n_basis is None:
        n_basis = int(min(max(40, 10 * np.sqrt(abs(ratio))), MAX_BASIS))
    if not 1 <= n_basis <= MAX_BASIS:
        raise InputError(f"n_basis = {n_basis!r}: must be from 1 to {MAX_BASIS}")
    matrix = half_space_integrals(n_basis, 1.0, 0) + half_space_integrals(n_basis, 1.0, 1) / ratio
    c = np.linalg.solve(matrix, np.eye(n_basis, 1)[:, 0])
    return complex(1 / (2 * np.pi * c[0] * conductivity * radius))


def ellipse_resistance(semi_axis_major: float, semi_axis_minor: float, conductivity: float) -> float:
    """Spreading resistance of an equipotential ellipse, K(k)/(2 pi sigma p), k^2 = 1 - (q/p)^2. Exact.

    Holm 1967 (charged elliptic plate). The order of the semi-axes does not matter.

    Parameters
    ----------
    semi_axis_major, semi_axis_minor : float
        p, q [m].
    conductivity : float
        sigma [S/m].

    Returns
    -------
    float
        [ohm]

    Raises
    ------
    InputError
        For a length or conductivity that is not positive.
    """
    check_positive(semi_axis_major=semi_axis_major, semi_axis_minor=semi_axis_minor, conductivity=conductivity)
    p, q = max(semi_axis_major, semi_axis_minor), min(semi_axis_major, semi_axis_minor)
    return float(ellipkm1((q / p) ** 2) / (2 * np.pi * conductivity * p))


def square_resistance(side: float, conductivity: float) -> float:
    """Spreading resistance of an equipotential square, 0.43391/(sigma L), from the capacitance of the square plate.

    The image charge halves the resistance of a plate in full space: R = 1/(2 pi sigma L C), C = 0.366789 (unit square,
    Gaussian units). Known to about 5e-6; the rounded 0.43392 is in use too.

    Parameters
    ----------
    side : float
        L [m].
    conductivity : float
        sigma [S/m].

    Returns
    -------
    float
        [ohm]

    Raises
    ------
    InputError
        For a side or conductivity that is not positive.
    """
    check_positive(side=side, conductivity=conductivity)
    return 1 / (2 * np.pi * UNIT_SQUARE_CAPACITANCE * conductivity * side)


def annulus_resistance(inner_radius: float, radius: float, conductivity: float, n_points: int | None = None) -> float:
    """Spreading resistance of an equipotential ring, by a boundary integral equation.

    With r^2 = (a^2 + c^2)/2 + (a^2 - c^2)/2 cos(t) the current density is g(t)/sin(t), g smooth, and the ring kernel
    K(m)/(r + r') splits into a logarithm of |cos t - cos t'|, integrated by its cosine series, and a smooth rest:
    Nystroem's method with the midpoint rule in t converges exponentially.

    Parameters
    ----------
    inner_radius, radius : float
        c < a [m].
    conductivity : float
        sigma [S/m].
    n_points : int, optional
        Points in t; the default gives 1e-10 or better for c/a from 0.01 to 0.999 (measured against twice the points).

    Returns
    -------
    float
        [ohm]

    Raises
    ------
    InputError
        For lengths or a conductivity that are not positive, or inner_radius >= radius.
    """
    check_positive(inner_radius=inner_radius, radius=radius, conductivity=conductivity)
    if inner_radius >= radius:
        raise InputError(f"inner_radius = {inner_radius!r}: must be below radius = {radius!r}")
    c = inner_radius / radius
    n = n_points or int(24 + 16 / np.sqrt(c))
    t = (np.arange(n) + 0.5) * np.pi / n
    s = np.sqrt((1 + c**2) / 2 + (1 - c**2) / 2 * np.cos(t))
    total = s[:, None] + s[None, :]
    cos_gap = np.abs(np.cos(t)[:, None] - np.cos(t)[None, :])
    np.fill_diagonal(cos_gap, 1.0)
    scale = (1 - c**2) / 2  # r^2 - r'^2 = scale (cos t - cos t')
    complementary = (scale * cos_gap / total**2) ** 2
    complementary[np.diag_indices(n)] = 0.0
    factor = 2 * ellipk(complementary) / np.pi  # K(m) = -factor/2 ln(m1/16) + ..., exactly -(1/pi) K(m1) ln(nome)
    # K(m) = -factor ln|cos t - cos t'| + rest; on the diagonal K(m) -> ln(4/sqrt(m1))
    with np.errstate(divide="ignore"):
        rest = ellipkm1(complementary) + factor * np.log(cos_gap)
    rest[np.diag_indices(n)] = np.log(4 * total.diagonal() ** 2 / scale)
    harmonics = np.cos(np.outer(np.arange(1, n), t))
    log_weights = np.pi / n * (np.log(2) + 2 * harmonics.T @ (harmonics / np.arange(1, n)[:, None]))
    # potential of the ring at unit conductivity: (1/pi) int g(t') K(m)/(r + r') dt' = 1
    matrix = (factor * log_weights + rest * np.pi / n) / total / np.pi
    g = np.linalg.solve(matrix, np.ones(n))
    return float(1 / (np.pi * g.sum() * np.pi / n) / (conductivity * radius))


def cluster_resistance(x: ArrayLike, y: ArrayLike, radii: ArrayLike, conductivity: float) -> float:
    """Greenwood's resistance of a cluster of discs, 1/(4 sigma sum a) + sum_{i != j} 1/s_ij/(2 pi sigma N^2).

    Greenwood, Br. J. Appl. Phys. 17 (1966) 1621. Assumes that every spot carries the same current per radius and that
    spots are points for each other: an upper trend, accurate to a few percent while spacings exceed about 4 radii.

    Parameters
    ----------
    x, y, radii : array_like, shape (N,)
        Centres and radii of the discs [m].
    conductivity : float
        sigma [S/m].

    Returns
    -------
    float
        [ohm]

    Raises
    ------
    InputError
        For empty or unequal lists, radii that are not positive, or discs that overlap.
    """
    check_positive(conductivity=conductivity)
    xs, ys, a = (np.atleast_1d(np.asarray(v, dtype=float)) for v in (x, y, radii))
    if not xs.shape == ys.shape == a.shape or a.size == 0 or a.ndim != 1:
        raise InputError(f"x, y, radii: shapes {xs.shape}, {ys.shape}, {a.shape}; need three equal lists, not empty")
    check_positive(radii=float(a.min()))
    s = np.hypot(xs[:, None] - xs, ys[:, None] - ys)
    np.fill_diagonal(s, np.inf)
    if np.any(s < a[:, None] + a):
        raise InputError("x, y, radii: discs overlap; need distances of at least the sum of the radii")
    return float(1 / (4 * conductivity * a.sum()) + (1 / s).sum() / (2 * np.pi * conductivity * a.size**2))


def holm_cluster_resistance(count: int, radius: float, holm_radius: float, conductivity: float) -> float:
    """Resistance of many equal discs inside a Holm radius, 1/(4 sigma N a) + 1/(4 sigma alpha).

    Holm 1967; Greenwood 1966 (see `cluster_resistance`) relates alpha to the mean of 1/s_ij. An estimate.

    Parameters
    ----------
    count : int
        N.
    radius, holm_radius : float
        a, alpha [m].
    conductivity : float
        sigma [S/m].

    Returns
    -------
    float
        [ohm]

    Raises
    ------
    InputError
        For values that are not positive.
    """
    check_positive(count=count, radius=radius, holm_radius=holm_radius, conductivity=conductivity)
    return 1 / (4 * conductivity * count * radius) + 1 / (4 * conductivity * holm_radius)
