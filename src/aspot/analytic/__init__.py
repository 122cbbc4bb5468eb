"""Closed forms and semi-analytic references that the numerical backends are held against.

No meshes, no finite elements. Rooms: `halfspace` (single contacts, clusters), `clusters` (many spots in a cell that
repeats itself), `tube` and `spectral` (flux tubes at any frequency), `lattice` (periodic arrays), `strips`, `slab`
(planar parts, modes); `edge` holds their common functions.
"""

from aspot.analytic.clusters import lattice_potential, periodic_cluster_resistance
from aspot.analytic.halfspace import (
    annulus_resistance,
    cluster_resistance,
    disc_current_density,
    disc_resistance,
    ellipse_resistance,
    holm_cluster_resistance,
    robin_disc_resistance,
    square_resistance,
    uniform_flux_disc_resistance,
)
from aspot.analytic.lattice import ArrayConstriction, array_constriction, lattice_pitch
from aspot.analytic.slab import (
    brick_layer_admittivity,
    gapped_mode_impedance,
    homogenised_impedance,
    layered_slab_impedance,
    slab_impedance,
    slab_mode_impedance,
)
from aspot.analytic.spectral import FluxTubeImpedance, flux_tube_impedance
from aspot.analytic.strips import strip_constriction_resistance, strip_resistance
from aspot.analytic.tube import (
    PsiFormula,
    dilute_pores_resistance,
    flux_tube_constriction,
    flux_tube_psi,
    prescribed_current_psi,
    static_constriction,
)

__all__ = [
    "ArrayConstriction",
    "FluxTubeImpedance",
    "PsiFormula",
    "annulus_resistance",
    "array_constriction",
    "brick_layer_admittivity",
    "cluster_resistance",
    "dilute_pores_resistance",
    "disc_current_density",
    "disc_resistance",
    "ellipse_resistance",
    "flux_tube_constriction",
    "flux_tube_impedance",
    "flux_tube_psi",
    "gapped_mode_impedance",
    "holm_cluster_resistance",
    "homogenised_impedance",
    "lattice_pitch",
    "lattice_potential",
    "layered_slab_impedance",
    "periodic_cluster_resistance",
    "prescribed_current_psi",
    "robin_disc_resistance",
    "slab_impedance",
    "slab_mode_impedance",
    "square_resistance",
    "static_constriction",
    "strip_constriction_resistance",
    "strip_resistance",
    "uniform_flux_disc_resistance",
]
