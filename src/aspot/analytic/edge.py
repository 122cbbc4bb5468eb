"""Edge functions of a disc and the sums over tube modes that the spectral references are made of.

On a disc of radius a the functions

    psi_n(r) ~ (1 - r^2/a^2)^(sigma - 1) P_n(r^2/a^2)        (P_n: Jacobi polynomials)

carry the exponent sigma of the rim: 1/2 for the current density of an ideal contact, 1 for a contact with a finite
admittance per area, 3/2 for the potential jump over an insulating disc. Normalised to a unit integral of psi_0 r dr,
their Hankel transforms of azimuthal order m are

    h_n(k) = c x^(-sigma) J_{m + 2 n + sigma}(x),   x = k a,   c = 2^sigma Gamma(sigma + 1)

(for sigma = 1/2, m = 0: spherical Bessel functions j_2n). Products of two of them integrate to Gamma functions
(Weber-Schafheitlin integral, DLMF 10.22.57): that is the half space. Sums over the modes of a tube differ from the
integral by a contour integral with K_1/I_1 that converges exponentially (derived in `tube_sums`).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, gamma, ive, j0, j1, jv, kve, poch, rgamma

Floats = NDArray[np.float64]

MAX_BASIS = 150  # keeps the Gamma functions of `half_space_integrals` inside double precision


def normalisation(sigma: float) -> float:
    """Factor c that gives h_0(0) = 1 for azimuthal order 0."""
    return float(2.0**sigma * gamma(sigma + 1.0))


def hankel(x: Floats, n_basis: int, sigma: float, azimuthal: int = 0) -> Floats:
    """Hankel transforms h_n(x), x = k a > 0; shape (n_basis, x.size)."""
    x = np.asarray(x, dtype=float)
    out = np.empty((n_basis, x.size))
    first = azimuthal + sigma
    far = x > first + 2 * n_basis  # here the upward recurrence is stable, and faster than jv
    near = x[~far]
    out[:, ~far] = jv(first + 2 * np.arange(n_basis)[:, None], near)
    y = x[far]
    even, odd = jv(first, y), jv(first + 1, y)
    for n in range(n_basis):
        out[n, far] = even
        order = first + 2 * n + 1
        even = 2 * order / y * odd - even
        odd = 2 * (order + 1) / y * even - odd
    out *= normalisation(sigma) * x ** (-sigma)
    return out


@lru_cache(maxsize=4)
def tube_hankel(e: float, n_basis: int, sigma: float, n_modes: int) -> Floats:
    """`hankel` at the modes of a tube of unit radius, x = e alpha_m; kept for spectra. Read-only."""
    h = hankel(e * bessel_zeros(n_modes)[0], n_basis, sigma)
    h.flags.writeable = False
    return h


def half_space_integrals(n_basis: int, sigma: float, power: int, azimuthal: tuple[int, int] = (0, 0)) -> Floats:
    """Integrals of h_n(x) h_n'(x) x^power over x from 0 to infinity; shape (n_basis, n_basis).

    ``azimuthal`` are the (even) azimuthal orders of rows and columns. The integral must converge:
    2 sigma - power > 0 and the sum of the orders + power + 1 > 0. Entries where it does not are not finite.
    """
    mu = (azimuthal[0] + 2 * np.arange(n_basis) + sigma)[:, None]
    nu = (azimuthal[1] + 2 * np.arange(n_basis) + sigma)[None, :]
    lam = 2.0 * sigma - power
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = 1.0 / poch((mu + nu - lam + 1) / 2, lam)
        gap = rgamma((nu - mu + lam + 1) / 2) * rgamma((mu - nu + lam + 1) / 2)
        return np.asarray(normalisation(sigma) ** 2 * gamma(lam) / 2.0**lam * ratio * gap)


@lru_cache(maxsize=8)
def bessel_zeros(n_modes: int) -> tuple[Floats, Floats]:
    """First positive zeros alpha_m of J_1 and the weights 2 / J_0(alpha_m)^2 of the tube modes J_0(alpha_m r/b)."""
    beta = (np.arange(1, n_modes + 1) + 0.25) * np.pi
    alpha = beta - 3 / (8 * beta) + 12 / (8 * beta) ** 3  # McMahon's expansion, then Newton
    for _ in range(3):
        value = j1(alpha)
        alpha = alpha - value / (j0(alpha) - value / alpha)
    weight = 2.0 / j0(alpha) ** 2
    alpha.flags.writeable = weight.flags.writeable = False
    return alpha, weight


@lru_cache(maxsize=64)
def tube_sums(e: float, n_basis: int, sigma: float, inverse_power: int) -> Floats:
    """Sums over tube modes, sum_{m >= 1} 2/J_0(alpha_m)^2 h_n(alpha_m) h_n'(alpha_m) alpha_m^(-p), without truncation.

    Parameters
    ----------
    e : float
        Disc radius over tube radius, 0 < e < 1; the tube radius is the unit of length.
    n_basis : int
        Number of edge functions.
    sigma : float
        Exponent of the edge functions.
    inverse_power : int
        p: 1 (current on a disc in an infinite tube), 2 (first correction by a gap admittance), -1 (insulating disc).

    Returns
    -------
    ndarray, shape (n_basis, n_basis), read-only

    Notes
    -----
    With F = h_n h_n' (even and entire in k) the residues of k^(1-p) F(k) Y_1(k)/J_1(k) at the zeros of J_1 and two
    quarter planes (k^(1-p) F H_1^(1,2)/J_1) give, all integrals from 0 to infinity,

        p =  1:  int F dk + (2/pi) int [F(iy) K_1/I_1 - 2 F(0)/y^2] dy
        p = -1:  int F k^2 dk - (2/pi) int F(iy) y^2 K_1/I_1 dy
        p =  2:  finite part of int F/k dk + F(0) (gamma - 3/4 - ln 2) - F''(0)

    where F(iy) grows as exp(2 e y) and K_1/I_1 falls as exp(-2 y).
    """
    if inverse_power == 2:
        matrix = _tube_sums_even(e, n_basis, sigma)
    else:
        power = 1 - inverse_power
        matrix = half_space_integrals(n_basis, sigma, power) * e ** (-power - 1)
        matrix = matrix + (2 / np.pi) * _tube_contour(e, n_basis, sigma, power)
    matrix.flags.writeable = False
    return matrix


def _tube_contour(e: float, n_basis: int, sigma: float, power: int) -> Floats:
    """Contour part of `tube_sums` for power = 0 or 2 of k beside F."""
    y, weight = _contour_nodes(2.0 * (1.0 - e))
    x = e * y
    order = 2 * np.arange(n_basis)[:, None] + sigma
    sign = (-1.0) ** np.arange(n_basis)[:, None]
    h = normalisation(sigma) * sign * x ** (-sigma) * ive(order, x)  # h(iy) exp(-x)
    kernel = kve(1, y) / ive(1, y) * np.exp(2 * x - 2 * y)
    matrix: Floats = (h * (kernel * y**power * weight)) @ h.T
    if power == 2:
        return -matrix
    small = y < 0.5
    integrand = h[0] ** 2 * kernel - 2 / y**2
    excess = _origin_excess(x[small], sigma)
    integrand[small] = (1 + excess) ** 2 * _k1_over_i1_regular(y[small]) + 2 * excess * (2 + excess) / y[small] ** 2
    end = 1.0 + 40.0 / (2.0 * (1.0 - e))
    matrix[0, 0] = integrand @ weight - 2 / end
    return matrix


def _contour_nodes(decay: float) -> tuple[Floats, Floats]:
    """Nodes and weights on (0, 1 + 40/decay) for integrands with a logarithm at 0 that fall as exp(-decay y)."""
    x, w = np.polynomial.legendre.leggauss(40)
    t, wt = (x + 1) / 2, w / 2
    nodes, weights = [t**8], [8 * t**7 * wt]  # y = t^8 takes the logarithm away
    left, end = 1.0, 1.0 + 40.0 / decay
    while left < end:
        right = min(1.7 * left + 1.0, end)
        nodes.append(left + (right - left) * t)
        weights.append((right - left) * wt)
        left = right
    return np.concatenate(nodes), np.concatenate(weights)


def _k1_over_i1_regular(y: Floats) -> Floats:
    """K_1(y)/I_1(y) - 2/y^2 for y < 1/2, by series: the difference loses all digits."""
    term = y / 2  # (y/2)^(2j+1) / (j! (j+1)!)
    i1 = term.copy()
    rest = -0.5 * (digamma(1) + digamma(2)) * term
    for j in range(1, 10):
        term = term * (y / 2) ** 2 / (j * (j + 1))
        i1 += term
        rest -= (0.5 * (digamma(j + 1) + digamma(j + 2)) + 2 / y**2) * term
    return np.asarray(np.log(y / 2) + rest / i1)


def _origin_excess(x: Floats, sigma: float) -> Floats:
    """h_0(i x) - 1 for x < 1/2, by series."""
    term, total = np.ones_like(x), np.zeros_like(x)
    for j in range(1, 12):
        term = term * x**2 / (4 * j * (j + sigma))
        total += term
    return total


def _tube_sums_even(e: float, n_basis: int, sigma: float) -> Floats:
    """`tube_sums` for p = 2: the contour parts cancel, the origin leaves a constant."""
    matrix = half_space_integrals(n_basis, sigma, -1)
    finite_part = (2 * digamma(sigma + 1) - digamma(2 * sigma + 1) + digamma(1) + 2 * np.log(2)) / 2
    origin = -np.log(e) + finite_part + np.euler_gamma - 0.75 - np.log(2)
    matrix[0, 0] = origin + e**2 / (sigma + 1)
    if n_basis > 1:
        matrix[0, 1] -= e**2 / (2 * (sigma + 1) * (sigma + 2))
        matrix[1, 0] = matrix[0, 1]
    return matrix
