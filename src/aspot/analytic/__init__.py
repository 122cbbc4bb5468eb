"""Closed forms and semi-analytic references that the numerical backends are held against.

No meshes, no finite elements. Rooms: `halfspace` (single contacts, clusters), `clusters` (many spots in a cell that
repeats itself), `tube` and `spectral` (flux tubes at any frequency), `lattice` (periodic arrays), `strips`, `slab`
(planar parts, modes); `edge` holds their common functions. `contact_mechanics`: how much pressed bodies touch.
"""

from aspot.analytic.clusters import lattice_potential, periodic_cluster_resistance
from aspot.analytic.contact_mechanics import (
    GreenwoodWilliamson,
    HertzContact,
    PowerLawCreep,
    SummitContact,
    confined_contact_fraction,
    contact_modulus,
    elastic_contact_conductance,
    hertz,
    persson_contact_fraction,
    persson_stiffness,
    plastic_contact_conductance,
    plastic_contact_fraction,
    stiffness_conductance,
)
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
    "GreenwoodWilliamson",
    "HertzContact",
    "PowerLawCreep",
    "PsiFormula",
    "SummitContact",
    "annulus_resistance",
    "array_constriction",
    "brick_layer_admittivity",
    "cluster_resistance",
    "confined_contact_fraction",
    "contact_modulus",
    "dilute_pores_resistance",
    "disc_current_density",
    "disc_resistance",
    "elastic_contact_conductance",
    "ellipse_resistance",
    "flux_tube_constriction",
    "flux_tube_impedance",
    "flux_tube_psi",
    "gapped_mode_impedance",
    "hertz",
    "holm_cluster_resistance",
    "homogenised_impedance",
    "lattice_pitch",
    "lattice_potential",
    "layered_slab_impedance",
    "periodic_cluster_resistance",
    "persson_contact_fraction",
    "persson_stiffness",
    "plastic_contact_conductance",
    "plastic_contact_fraction",
    "prescribed_current_psi",
    "robin_disc_resistance",
    "slab_impedance",
    "slab_mode_impedance",
    "square_resistance",
    "static_constriction",
    "stiffness_conductance",
    "strip_constriction_resistance",
    "strip_resistance",
    "uniform_flux_disc_resistance",
]
