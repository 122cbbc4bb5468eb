"""Flux tubes: constriction parameter psi(a/b), exact and in published forms; pellets with a smaller electrode; pores.

psi = 4 sigma a R_cc; R_cc: resistance of the tube (disc contact of radius a on the end of a cylinder of radius b) minus
that of the same tube with full contact.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aspot.analytic.edge import bessel_zeros, hankel, tube_sums
from aspot.analytic.slab import check_positive
from aspot.analytic.spectral import flux_tube_impedance
from aspot.errors import InputError

PsiFormula = Literal["exact", "negus-yovanovich", "gibson", "rosenfeld-timsit", "three-halves", "roess", "uniform-flux"]

# Coefficients of e^0, e^1, ...; see `flux_tube_psi` for sources and accuracy.
_SERIES: dict[str, Sequence[float]] = {
    "negus-yovanovich": (1, -1.40978, 0, 0.34406, 0, 0.0435, 0, 0.02271),
    "gibson": (1, -1.409183, 0, 0.338010, 0, 0.067902),
    "rosenfeld-timsit": (1, -1.41581, 0.06322, 0.15261, 0.19998),
    "roess": (1, -1.40925, 0, 0.29591, 0, 0.05254, 0, 0.02105, 0, 0.01107, 0, 0.00631),
    "uniform-flux": (1.08076, -1.41042, 0, 0.26604, 0, -0.00016, 0, 0.058266),
}


def flux_tube_psi(ratio: ArrayLike, formula: PsiFormula = "exact") -> NDArray[np.float64]:
    """Constriction parameter psi(e) = 4 sigma a R_cc of a long flux tube, e = a/b.

    =================== ================================================================= ==========================
    formula             psi(e)                                                            error, relative, measured
    =================== ================================================================= ==========================
    exact               `flux_tube_impedance`, infinite tube                              below 1e-12 (e <= 0.95)
    negus-yovanovich    1 - 1.40978 e + 0.34406 e^3 + 0.0435 e^5 + 0.02271 e^7            1e-4 to 0.5, 5e-4 to 0.7,
                                                                                          1.8e-2 at 0.9
    gibson              1 - 1.409183 e + 0.338010 e^3 + 0.067902 e^5                      2e-5 to 0.2, 2e-4 to 0.4,
                                                                                          1.4e-2 to 0.9
    rosenfeld-timsit    1 - 1.41581 e + 0.06322 e^2 + 0.15261 e^3 + 0.19998 e^4           3.2e-4 to 0.4, 1.2e-3 to 0.7,
                                                                                          7e-2 at 0.9
    three-halves        (1 - e)^1.5                                                       8e-3 to 0.3, 4e-2 at 0.5
    roess               1 - 1.40925 e + 0.29591 e^3 + 0.05254 e^5 + 0.02105 e^7           other boundary condition: as
                        + 0.01107 e^9 + 0.00631 e^11                                      psi -5e-5 at 0.1, -1.6e-2 at
                                                                                          0.5, useless beyond 0.7
    uniform-flux        1.08076 - 1.41042 e + 0.26604 e^3 - 0.00016 e^5 + 0.058266 e^7    other boundary condition: 8 %
                                                                                          (e -> 0) and more above
    =================== ================================================================= ==========================

    "roess" and "uniform-flux" prescribe the current density on the disc (as 1/sqrt(1 - r^2/a^2), or uniform) and take
    the mean potential of the disc: do not use them for an equipotential contact. For their own problems they hold to
    1e-6 up to e = 0.5, 6e-4 at 0.7 and to 2e-4 up to 0.5, 7e-4 up to 0.9 (`prescribed_current_psi`).
    The exact expansion begins 1 - 1.409252 e + 0.3382 e^3 + 0.068 e^5; psi -> 0 for e -> 1.

    Parameters
    ----------
    ratio : array_like
        e = a/b, 0 < e < 1.
    formula : str
        One of the names above.

    Returns
    -------
    ndarray
        psi, dimensionless.

    Raises
    ------
    InputError
        For a ratio outside (0, 1) or an unknown formula.

    References
    ----------
    Negus and Yovanovich, ASME paper 84-HT-84 (1984); Gibson, Int. J. Heat Mass Transfer 19 (1976) 747; Rosenfeld and
    Timsit, Q. Appl. Math. 39 (1981) 405; Cooper, Mikic and Yovanovich, Int. J. Heat Mass Transfer 12 (1969) 279
    (three-halves); Roess, Theory of Spreading Conductance, Beacon Laboratories of Texas (1950, unpublished). The
    coefficients are as commonly quoted, not checked against the originals; the errors were measured against "exact".
    """
    e = np.asarray(ratio, dtype=float)
    if not np.all((e > 0) & (e < 1)):
        raise InputError(f"ratio = {ratio!r}: must be between 0 and 1 (contact radius over tube radius)")
    if formula not in get_args(PsiFormula):
        raise InputError(f"formula = {formula!r}: must be one of {', '.join(get_args(PsiFormula))}")
    if formula == "exact":
        return np.array([flux_tube_impedance(float(x), 1.0, np.inf, 1.0).psi.real for x in e.flat]).reshape(e.shape)
    if formula == "three-halves":
        return np.asarray((1 - e) ** 1.5)
    return np.asarray(np.polynomial.polynomial.polyval(e, _SERIES[formula]))


def prescribed_current_psi(ratio: float, distribution: Literal["inverse-root", "uniform"]) -> float:
    """psi(e) of a long flux tube whose current density on the disc is given; from the mean potential of the disc.

    Sum of the tube's modes (`edge`), 4 e/pi sum h(k_m) h_1(k_m)/(alpha_m J_0(alpha_m)^2), with the Hankel transforms
    h of the current density and h_1 of the uniform mean. Relative error below 1e-6 (e from 0.02 to 0.7).

    Parameters
    ----------
    ratio : float
        e = a/b, 0 < e < 1.
    distribution : {"inverse-root", "uniform"}
        Current density proportional to 1/sqrt(1 - r^2/a^2), or uniform.

    Returns
    -------
    float

    Raises
    ------
    InputError
        For a ratio outside (0, 1) or an unknown distribution.
    """
    if not 0 < ratio < 1:
        raise InputError(f"ratio = {ratio!r}: must be between 0 and 1 (contact radius over tube radius)")
    if distribution not in ("inverse-root", "uniform"):
        raise InputError(f"distribution = {distribution!r}: must be 'inverse-root' or 'uniform'")
    if distribution == "uniform":
        return float(2 * ratio / np.pi * tube_sums(ratio, 2, 1.0, 1)[0, 0])
    alpha, weight = bessel_zeros(2**15)
    x = ratio * alpha
    return float(2 * ratio / np.pi * np.sum(weight / alpha * hankel(x, 1, 0.5)[0] * hankel(x, 1, 1.0)[0]))


def flux_tube_constriction(radius: float, tube_radius: float, conductivity: float, thickness: float = np.inf) -> float:
    """Area-specific constriction resistance of a tube, pi b^2 psi/(4 sigma a). Exact (spectral).

    Parameters
    ----------
    radius, tube_radius : float
        a < b [m].
    conductivity : float
        sigma [S/m].
    thickness : float
        H [m], far face equipotential; inf by default. H >= b is within 0.1 % of it.

    Returns
    -------
    float
        Per area of the tube [ohm m2].
    """
    check_positive(conductivity=conductivity)
    return flux_tube_impedance(radius, tube_radius, thickness, conductivity).excess.real


def static_constriction(electrode_radius: float, pellet_radius: float, thickness: float, conductivity: float) -> float:
    """Resistance added because the electrode is smaller than the pellet, per electrode area: R_static.

    R_static = A (R_pellet - H/(sigma pi b^2)) = pi a psi/(4 sigma), A = pi a^2, psi of a tube of finite length. Exact.

    Parameters
    ----------
    electrode_radius, pellet_radius : float
        a < b [m].
    thickness : float
        H [m]; the counter electrode covers the whole far face.
    conductivity : float
        sigma [S/m].

    Returns
    -------
    float
        [ohm m2], referred to the electrode area.
    """
    check_positive(conductivity=conductivity)
    psi = flux_tube_impedance(electrode_radius, pellet_radius, thickness, conductivity).psi.real
    return float(np.pi * electrode_radius * psi / (4 * conductivity))


def dilute_pores_resistance(pore_radius: float, pores_per_area: float, conductivity: float) -> float:
    """Area-specific constriction resistance of few insulating pores in a contact, 4 n a^3/(3 sigma).

    First order in n a^2 (dual of the disc: dipole of an insulating disc on the contact plane). Against the exact tube
    (n = 1/(pi b^2)) too low by 4e-4 at a/b = 0.1 and 2 % at 0.3.

    Parameters
    ----------
    pore_radius : float
        a [m].
    pores_per_area : float
        n [1/m2].
    conductivity : float
        sigma [S/m].

    Returns
    -------
    float
        [ohm m2]

    Raises
    ------
    InputError
        For values that are not positive or pores that cover more than the whole area.
    """
    check_positive(pore_radius=pore_radius, pores_per_area=pores_per_area, conductivity=conductivity)
    if np.pi * pore_radius**2 * pores_per_area >= 1:
        raise InputError(f"pores_per_area = {pores_per_area!r}: pores cover the whole contact")
    return 4 * pores_per_area * pore_radius**3 / (3 * conductivity)
