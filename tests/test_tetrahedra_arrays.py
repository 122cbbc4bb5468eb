"""The tetrahedra backend against published and semi-analytic constrictions, and against conservation laws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from samples import check_conservation

from aspot import analytic
from aspot.cell import Cell
from aspot.discretise import BACKENDS
from aspot.fem.problem import Problem
from aspot.interface import InterfaceProblem, sufficient_depth
from aspot.laws import Activated, Conductor, Gap, Law, ResistorCapacitor
from aspot.morphology.unit_cell import Annulus, BoxCell, Disc, Ellipse, Shape, Square
from aspot.reduction import reduce
from aspot.simulation import simulate

BACKEND = BACKENDS["tetrahedra"]


def conductor(sigma: float = 1.0, permittivity: float = 1.0) -> Conductor:
    """A conductor and dielectric [S/m]."""
    return Conductor(conductivity=Activated(value=sigma), permittivity=permittivity)


def array(shape: Shape, half_pitch: float = 0.5, depth: float | None = None, **laws: Law) -> InterfaceProblem:
    """One shape in a square array, spots, on a slab of unit conductivity."""
    cell = BoxCell(size_x=half_pitch, size_y=half_pitch, shapes=(shape,), contact_inside=True)
    return InterfaceProblem(
        cell=cell,
        depth_m=depth or sufficient_depth(cell, 1e-7),
        electrolyte=laws.pop("electrolyte", conductor()),
        temperature_K=300.0,
        **laws,  # type: ignore[arg-type]
    )


def problem(interface: InterfaceProblem, level: int) -> Problem:
    """Affine problem at a level."""
    return BACKEND.discretise(interface, level).problem


def conductance(interface: InterfaceProblem, level: int) -> float:
    """Direct-current conductance of the piece [S]."""
    p = problem(interface, level)
    return float(np.real(p.admittance(p.solve(0.0), 0.0)))


def extrapolated_constriction(interface: InterfaceProblem, level: int) -> float:
    """R_cc of one spot of the whole period (4 quarters), extrapolated over two levels [ohm]."""
    assert isinstance(interface.cell, BoxCell)
    area = interface.cell.size_x * interface.cell.size_y
    weight, _ = BACKEND.extrapolation(level)
    coarse, fine = (1.0 / conductance(interface, k) - interface.depth_m / area for k in (level - 1, level))
    return (fine + weight * (fine - coarse)) / 4.0


QUARTER = array(Disc(x=0.0, y=0.0, radius=0.1), depth=1.0)
QUARTER_CONDUCTANCE = 0.0866829600


def test_quarter_cell() -> None:
    """Box 0.5 x 0.5 x 1, quarter disc of radius 0.1: 4 G = 0.346732 (hp elements and spectral, 2e-7).

    The energy bounds G from above. Cutting every edge in two takes four fifths of the error, and so does a mesh refined
    for a quarter of the distance of the bounds.
    """
    errors = [conductance(QUARTER, level) / QUARTER_CONDUCTANCE - 1.0 for level in (2, 3, 5)]
    assert 0 < errors[1] < 0.25 * errors[0] < 1.5e-3
    assert 0 < errors[2] < 0.4 * errors[1]


def test_extrapolation_of_the_quarter_cell() -> None:
    """Two levels and Richardson's extrapolation give 1e-4, which the error estimate covers."""
    weight, safety = BACKEND.extrapolation(1)
    coarse, fine = (1.0 / conductance(QUARTER, level) for level in (0, 1))
    best = fine + weight * (fine - coarse)
    error = abs(best * QUARTER_CONDUCTANCE - 1.0)
    assert error < 1e-4
    assert error < safety * abs(fine - coarse) / best


@pytest.mark.parametrize(
    ("arrangement", "fraction", "kind"),
    [
        ("square", 0.01, "spots"),
        ("square", 0.25, "spots"),
        ("hexagonal", 0.25, "spots"),
        ("square", 0.75, "pores"),
        ("hexagonal", 0.95, "pores"),
    ],
)
def test_arrays_of_discs(arrangement: str, fraction: float, kind: str) -> None:
    """R_cc of square and hexagonal arrays against a spectral method with edge-singular functions (1e-6)."""
    cell = Cell(
        electrolyte={"thickness": "1 mm", "conductivity": "1 mS/cm"},
        working_electrode={
            "morphology": {"kind": kind, "arrangement": arrangement, "radius": "10 um", "contact_fraction": fraction}
        },
        frequencies={"values": [1.0]},
        numerics={"relative_tolerance": 1e-3, "backend": "tetrahedra"},
    )
    found = simulate(cell)
    pitch = cell.working_electrode.morphology.pitch
    exact = analytic.array_constriction(
        10e-6,
        pitch,
        0.1,
        lattice=arrangement,  # type: ignore[arg-type]
        pore=kind == "pores",
    )
    area_specific = exact.area_specific_resistance * 1e4
    r = found.resistances
    assert abs(r.cc - area_specific) < r.total * found.relative_error_estimate
    assert abs(r.cc - area_specific) < 2e-3 * area_specific


@pytest.mark.parametrize("ratio", [1.5, 3.0])
def test_ellipse(ratio: float) -> None:
    """R = K(k)/(2 pi sigma p) on a half space (Holm): the periodic surroundings add the same to equal areas.

    To leading order an array adds a term that depends on the total current alone, so that it cancels in the difference
    of ellipse and disc of the same area; the rest is the moment of the ellipse, of relative order (p/pitch)^3.
    """
    radius = 0.04
    p, q = radius * np.sqrt(ratio), radius / np.sqrt(ratio)
    disc = extrapolated_constriction(array(Disc(x=0.0, y=0.0, radius=radius)), 1)
    ellipse = extrapolated_constriction(array(Ellipse(x=0.0, y=0.0, semi_axis_x=p, semi_axis_y=q)), 1)
    exact = analytic.ellipse_resistance(p, q, 1.0) - analytic.disc_resistance(radius, 1.0)
    assert exact < 0
    assert abs(ellipse - disc - exact) < 1e-3 * disc


def test_square_and_ring() -> None:
    """Square of side L: 0.43392/(sigma L); ring of inner/outer = 0.5: 0.2548373/(sigma a), beside a disc as above."""
    radius = 0.04
    disc = extrapolated_constriction(array(Disc(x=0.0, y=0.0, radius=radius)), 1)
    lattice = disc - analytic.disc_resistance(radius, 1.0)
    side = 0.07
    square = extrapolated_constriction(array(Square(x=0.0, y=0.0, side=side)), 1)
    assert abs(square - lattice - 0.43392 / side) < 1.5e-3 * square
    ring = extrapolated_constriction(array(Annulus(x=0.0, y=0.0, inner_radius=radius / 2, radius=radius)), 1)
    assert abs(ring - lattice - 0.2548373 / radius) < 1.5e-3 * ring


def test_dilute_pores() -> None:
    """Isolated pores: R_cc = 4 n a^3/(3 sigma) per area, 0.3 % up to 4 % of pores."""
    cell = BoxCell(size_x=0.5, size_y=0.5, shapes=(Disc(x=0.0, y=0.0, radius=0.08),), contact_inside=False)
    interface = InterfaceProblem(cell=cell, depth_m=1.5, electrolyte=conductor(), temperature_K=300.0)
    assert extrapolated_constriction(interface, 1) == pytest.approx(4.0 * 0.08**3 / 3.0, rel=1e-2)


def complex_interface() -> InterfaceProblem:
    """Every kind of term, all with phases of their own between 1e-2 and 1e8 rad/s."""
    return replace(
        QUARTER,
        electrolyte=conductor(1.0, 1e9),
        contact=ResistorCapacitor(conductance=Activated(value=50.0), cpe_prefactor=0.3, cpe_exponent=0.8),
        gap=Gap(thickness_m=1e-9),
        counter=ResistorCapacitor(conductance=Activated(value=2.0), cpe_prefactor=1.0),
    )


def test_conservation_passivity_and_the_three_admittances() -> None:
    """At every frequency: current in = current out, Re Y >= 0, and energy, Hermitian energy and port agree.

    For 1 V at the port the complex power x^H A x is conj-linear in the field; its real part is the dissipation and is
    Re Y, while x^T A x is Y. The counter electrode takes what the port gives.
    """
    p = problem(complex_interface(), 0)
    for omega in (0.0, 0.01, 1.0, 1e2, 1e4, 1e8):
        check_conservation(p, omega, dissipation=1e-6)


def test_multigrid_equals_direct_solves() -> None:
    """COCG with multigrid and LU give the same admittance, from direct current to 1e8 rad/s."""
    p = problem(complex_interface(), 1)
    assert p.solver == "multigrid"
    assert p.n_free > 3000
    direct = replace(p, solver="direct")
    for omega in (0.0, 1.0, 1e4, 1e8):
        found, exact = (q.admittance(q.solve(omega), omega) for q in (p, direct))
        assert found == pytest.approx(exact, rel=1e-8)


def test_scaling() -> None:
    """Twice the lengths at an ideal contact double the conductance; so does twice the conductivity."""
    base = conductance(QUARTER, 0)
    wide = array(Disc(x=0.0, y=0.0, radius=0.2e-6), half_pitch=1e-6, depth=2e-6)
    assert conductance(wide, 0) == pytest.approx(2e-6 * base, rel=1e-9)
    assert conductance(replace(QUARTER, electrolyte=conductor(2.0)), 0) == pytest.approx(2.0 * base, rel=1e-9)


def test_gap_short_circuits_the_constriction_at_high_frequency() -> None:
    """Where the gap admits far more than the electrolyte, Z is that of perfect contact: H/kappa."""
    interface = replace(QUARTER, gap=Gap(thickness_m=1e-9))
    p = problem(interface, 0)
    # The electrolyte has a permittivity of 1 and is far from its own relaxation at sigma/(100 eps0).
    omega = 1e9
    y = p.admittance(p.solve(omega), omega)
    kappa = interface.electrolyte(omega, 300.0)
    assert p.area_m2 / y == pytest.approx(interface.depth_m / complex(kappa), rel=1e-6)


def test_sparse_array_has_the_spectrum_of_a_flux_tube() -> None:
    """At 1 % contact the square array and the tube of equal fraction differ by 0.1 % in R_cc (psi 0.860257, 0.859414).

    Over the whole spectrum, contact law and gap included, their impedances agree to that.
    """
    laws = {"contact": ResistorCapacitor(conductance=Activated(value=50.0), cpe_prefactor=1.0)}
    radius = 0.1 * 2 * 0.5 / np.sqrt(np.pi)
    interface = array(Disc(x=0.0, y=0.0, radius=radius), gap=Gap(thickness_m=1e-9), **laws)
    omega = np.logspace(-2, 5, 15)
    reduced = reduce(problem(interface, 1), omega, tolerance=1e-7)
    z = reduced.impedance(omega)
    tube = 1.0 / np.sqrt(np.pi)
    for k in (0, 4, 7, 9, 14):
        exact = analytic.flux_tube_impedance(
            radius,
            tube,
            interface.depth_m,
            complex(interface.electrolyte(omega[k], 300.0)),
            contact_admittance=complex(laws["contact"](omega[k], 300.0)),
            gap_admittance=complex(Gap(thickness_m=1e-9)(omega[k], 300.0)),
        ).impedance
        assert abs(z[k] - exact) < 2e-3 * abs(exact)
