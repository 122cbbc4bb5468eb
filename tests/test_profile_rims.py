"""Rims: phi ~ r^(1/2) where the contact ends. Reduced rates on equal cells, exponential ones with rings, known numbers.

The references are closed forms, published numbers, and `aspot.analytic.spectral`, which shares nothing with elements.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.constants import epsilon_0
from scipy.special import ellipj, ellipk

from aspot.analytic.spectral import flux_tube_impedance
from aspot.fem.problem import Problem, Term
from aspot.fem.profile import assemble
from aspot.laws import Activated, BrickLayer, Conductor, Gap, Law, ResistorCapacitor
from aspot.mesh.profile import ProfileMesh, build
from aspot.morphology.unit_cell import ProfileCell


def conductor(sigma: float = 1.0, permittivity: float = 0.0) -> Conductor:
    return Conductor(conductivity=Activated(value=sigma), permittivity=permittivity)


def tube(*edges: float, first: bool = True, axisymmetric: bool = True, outer: float = 1.0) -> ProfileCell:
    contact = tuple(first ^ bool(i % 2) for i in range(len(edges) + 1))
    return ProfileCell(axisymmetric=axisymmetric, outer=outer, edges=edges, contact=contact)


def problem(
    mesh: ProfileMesh, order: int, electrolyte: Law, contact: Law | None = None, gap: Law | None = None
) -> Problem:
    assembly = assemble(mesh, order, ideal_contact=contact is None)
    laws = {"electrolyte": electrolyte, "contact": contact, "gap": gap}
    terms = [
        Term(name=name, role=name, law=laws[name], matrix=m) for name, m in assembly.matrices.items() if laws[name]
    ]
    return Problem(tuple(terms), assembly.area, 298.15)


def impedance(p: Problem, omega: float = 0.0) -> complex:
    """Area-specific impedance [ohm m2]."""
    return p.area_m2 / p.admittance(p.solve(omega), omega)


def constriction(cell: ProfileCell, *, depth: float = 3.0, order: int = 10, rings: int = 10, **laws: Law) -> complex:
    """Area-specific impedance beyond that of the bare electrolyte, for sigma = 1, unit outer radius."""
    mesh = build(cell, depth=depth, rings=rings, ratio=0.15, growth=3.0)
    return impedance(problem(mesh, order, conductor(), **laws)) - depth


def strip_resistance(e: float, depth: float) -> float:
    """Area-specific resistance of a half strip cell of unit half pitch: an elliptic modulus from theta functions.

    q = exp(-pi H), k1 = (theta2/theta3)^2, k = k1 sn(K(k1) e), R = K'(k)/K(k): the half cell, twice the full cell.
    """
    q = np.exp(-np.pi * depth)
    n = np.arange(40.0)
    theta2 = 2 * np.sum(q ** ((n + 0.5) ** 2))
    theta3 = 1 + 2 * np.sum(q ** (n[1:] ** 2))
    k1 = (theta2 / theta3) ** 2
    k = k1 * ellipj(0.5 * np.pi * theta3**2 * e, k1**2)[0]
    return float(ellipk(1 - k**2) / ellipk(k**2))


# Rates --------------------------------------------------------------------------------------------------------------


def equal_squares(n: int, axisymmetric: bool) -> ProfileMesh:
    """Unit square in n x n equal cells, contact on the inner half."""
    x = np.linspace(0, 1, n + 1)
    number = np.arange((n + 1) ** 2).reshape(n + 1, n + 1)
    top = np.stack([number[:-1, 0], number[1:, 0]], -1)
    return ProfileMesh(
        vertices=np.stack(np.meshgrid(x, x, indexing="ij"), -1).reshape(-1, 2),
        quads=np.stack([number[:-1, :-1], number[1:, :-1], number[1:, 1:], number[:-1, 1:]], -1).reshape(-1, 4),
        quad_region=np.zeros(n * n, np.int64),
        region_names=("electrolyte",),
        surfaces={
            "contact": top[: n // 2],
            "gap": top[n // 2 :],
            "counter": np.stack([number[:-1, -1], number[1:, -1]], -1),
        },
        axisymmetric=axisymmetric,
    )


def exact_half(axisymmetric: bool) -> float:
    """Resistance of the cell of `equal_squares`, sigma = 1 [ohm m2]."""
    if axisymmetric:
        return float(flux_tube_impedance(0.5, 1.0, 1.0, 1.0).impedance.real)
    return strip_resistance(0.5, 1.0)


#: Relative error of the conductance over h, orders 1 to 4.
UNIFORM = {True: (0.3811, 0.1222, 0.0622, 0.0379), False: (0.1669, 0.0536, 0.0273, 0.0166)}


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("axisymmetric", [True, False])
def test_equal_cells_converge_as_h_for_every_order(axisymmetric: bool, order: int) -> None:
    """Theory: grad phi ~ r^(-1/2) misses by h^(1/2) in energy norm for every order; the conductance by h, from above.

    (Dirichlet's principle: any admissible potential dissipates more.) Order only lowers the constant, pinned here.
    """
    cells = (16, 32, 64, 128) if order == 1 else (8, 16, 32, 64)
    exact = 1.0 / exact_half(axisymmetric)
    errors = []
    for n in cells:
        p = problem(equal_squares(n, axisymmetric), order, conductor())
        errors.append(1.0 / impedance(p).real / exact - 1.0)
    assert min(errors) > 0
    rates = [np.log2(e / f) for e, f in pairwise(errors)]
    assert rates == pytest.approx([1.0] * len(rates), abs=0.05)
    assert errors[-1] * cells[-1] == pytest.approx(UNIFORM[axisymmetric][order - 1], rel=0.02)


@pytest.mark.parametrize("axisymmetric", [True, False])
def test_order_alone_converges_as_its_square(axisymmetric: bool) -> None:
    """Theory: with the singularity at a vertex, raising the order at fixed cells doubles the rate: errors ~ p^-2.

    More sharply, error^(-1/2) grows linearly with p.
    """
    exact = 1.0 / exact_half(axisymmetric)
    mesh = equal_squares(4, axisymmetric)
    errors = np.array([1.0 / impedance(problem(mesh, p, conductor())).real / exact - 1.0 for p in (6, 8, 10, 12, 14)])
    assert errors.min() > 0
    steps = np.diff(errors**-0.5)
    assert steps / steps[-1] == pytest.approx(np.ones(4), abs=0.02)


@pytest.mark.parametrize("ratio", [0.15, 0.4])
@pytest.mark.parametrize("axisymmetric", [True, False])
def test_each_ring_gains_its_ratio(axisymmetric: bool, ratio: float) -> None:
    """Theory: with all else resolved, the error sits in the last cells at the rim, and is O(size), ratio^rings."""
    exact = 1.0 / exact_half(axisymmetric)
    errors = []
    for rings in range(6):
        mesh = build(tube(0.5, axisymmetric=axisymmetric), depth=1.0, rings=rings, ratio=ratio, growth=2.0)
        errors.append(1.0 / impedance(problem(mesh, 12, conductor())).real / exact - 1.0)
    assert min(errors) > 0
    gains = [f / e for e, f in pairwise(errors)]
    assert gains == pytest.approx([ratio] * 5, rel=0.05)


@pytest.mark.parametrize("e", [0.05, 0.3, 0.9])
def test_rings_and_order_together_converge_exponentially(e: float) -> None:
    """Theory: hp with geometric grading converges exponentially; each step of order and rings gains a factor."""
    exact = flux_tube_impedance(e, 1.0, 2.0, 1.0).impedance.real
    errors = []
    for p in range(2, 10):
        mesh = build(tube(e), depth=2.0, rings=p, ratio=0.15, growth=3.0)
        errors.append(exact / impedance(problem(mesh, p, conductor())).real - 1.0)
    assert min(errors) > 0
    assert max(f / e for e, f in pairwise(errors)) < 0.2
    assert errors[-1] < 1e-8


# Flux tubes ---------------------------------------------------------------------------------------------------------

PSI = {0.1: 0.859413601, 0.2: 0.720875605, 0.3: 0.586509410, 0.5: 0.339609390, 0.7: 0.140286783}


@pytest.mark.parametrize("e", [0.005, 0.05, *PSI, 0.4, 0.6, 0.8, 0.9, 0.95, 0.99])
def test_flux_tube(e: float) -> None:
    """psi = 4 sigma a R_cc of a disc on the axis, H -> infinity: published numbers and the spectral solution.

    The slowest mode leaves exp(-2 x 3.83 x 3) = 1e-10 of its part at H = 3.
    """
    psi = 4.0 * e * constriction(tube(e)).real / np.pi
    if e in PSI:
        assert psi == pytest.approx(PSI[e], rel=1e-8)
    # As e -> 1, psi is a small part of the R that the elements resolve: 2e-10 is below 1e-10 of it.
    reference = flux_tube_impedance(e, 1.0, np.inf, 1.0).psi.real
    assert psi == pytest.approx(reference, rel=1e-8, abs=2e-10)
    # Negus and Yovanovich's series, a fit of other authors: to 0.05 % up to 0.7.
    if e <= 0.7:
        series = 1 - 1.40978 * e + 0.34406 * e**3 + 0.0435 * e**5 + 0.02271 * e**7
        assert psi == pytest.approx(series, rel=5e-4)


@pytest.mark.parametrize(("depth", "psi"), [(0.25, 0.4800307), (0.5, 0.5698479), (1.0, 0.5861449), (2.0, 0.5865092)])
def test_shallow_flux_tube(depth: float, psi: float) -> None:
    """A far face that is an equipotential at finite depth helps: psi(0.3; H/b)."""
    assert 4.0 * 0.3 * constriction(tube(0.3), depth=depth).real / np.pi == pytest.approx(psi, abs=1e-7)


@pytest.mark.parametrize("length", [1e-8, 1e-3])
def test_benchmark_conductance_and_lengths(length: float) -> None:
    """G = 0.3590466302 sigma b for a/b = 0.1, H = 2b: conductance is proportional to length and conductivity."""
    mesh = build(tube(0.1 * length, outer=length), depth=2 * length, rings=10, ratio=0.15, growth=3.0)
    sigma = 7.3e-5
    p = problem(mesh, 10, conductor(sigma))
    assert p.admittance(p.solve(0.0), 0.0).real == pytest.approx(0.3590466302 * sigma * length, rel=3e-9)


@pytest.mark.parametrize(("e", "expected"), [(0.1, 4.2456e-4), (0.3, 0.01156779), (0.5, 0.05560759)])
def test_pore_in_a_contacted_end(e: float, expected: float) -> None:
    """A disc that does not touch: R_cc sigma/b, and 4 a^3/(3 pi b^3) for dilute pores."""
    found = constriction(tube(e, first=False), order=12, rings=12).real
    assert found == pytest.approx(expected, rel=1e-7 if e > 0.1 else 1e-5)
    assert found == pytest.approx(flux_tube_impedance(e, 1.0, np.inf, 1.0, pore=True).excess.real, rel=1e-7)
    if e == 0.1:
        assert found == pytest.approx(4.0 * e**3 / (3.0 * np.pi), rel=1e-3)


def half_space(radii: NDArray[np.float64], resistances: NDArray[np.complex128]) -> tuple[complex, complex]:
    """Limit of a R for small contacts in a tube of unit radius, and the slope in a.

    The field that the walls reflect of a point source is c + d r^2 + ... at the contact, even in r: terms a, a^3, a^5;
    the answer of the contact to its part in r^2 comes back as a^6.
    """
    powers = np.stack([radii**k for k in (0, 1, 3, 5, 6)], -1)
    found = np.linalg.solve(powers, radii * resistances)
    return complex(found[0]), complex(found[1])


RADII = np.array([0.04, 0.06, 0.09, 0.12, 0.15])
#: Reflected potential of a point source on the axis, the limit of (psi - 1)/(4 e) of any small contact: to 1e-6.
WALL = (flux_tube_impedance(1e-3, 1.0, np.inf, 1.0).psi.real - 1.0) / 4e-3


def test_annulus_on_a_half_space() -> None:
    """Ring of inner over outer radius 0.5: R sigma a = 0.2548373; the walls see a point source like that of a disc."""
    resistances = np.array([constriction(tube(0.5 * a, a, first=False), depth=3.0) / np.pi for a in RADII])
    limit, slope = half_space(RADII, resistances)
    assert limit.real == pytest.approx(0.2548373, rel=1e-6)
    assert slope.real == pytest.approx(WALL, rel=1e-5)


@pytest.mark.parametrize(
    ("j", "expected"), [(0.1, 3.45298499), (1.0, 0.58591959), (10.0, 0.29114721), (1j, 0.26958677 - 0.32127368j)]
)
def test_disc_with_charge_transfer_on_a_half_space(j: complex, expected: complex) -> None:
    """R sigma a of a disc with J = y a/sigma, extrapolated from tubes; J = 1j is a double layer alone."""
    resistances = []
    for a in RADII:
        y = j / a
        law = Gap(thickness_m=epsilon_0 / abs(y)) if np.iscomplex(j) else resistor(abs(y))
        mesh = build(tube(a), depth=3.0, rings=10, ratio=0.15, growth=3.0)
        z = impedance(problem(mesh, 10, conductor(), contact=law), 1.0)
        resistances.append((z - 3.0) / np.pi)
    limit, slope = half_space(RADII, np.array(resistances))
    assert limit == pytest.approx(expected, rel=1e-6)
    assert slope == pytest.approx(WALL, rel=1e-4)


def resistor(y: float) -> ResistorCapacitor:
    return ResistorCapacitor(conductance=Activated(value=y))


# Strips -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("e", [0.01, 0.05, 0.25, 0.5, 0.75, 0.95])
def test_strips_on_a_half_space(e: float) -> None:
    """R_cc sigma = (1/pi) ln(1/sin(pi a/2b)) per depth and full strip, which is half of the half cell's."""
    found = 0.5 * constriction(tube(e, axisymmetric=False), depth=4.0).real
    assert found == pytest.approx(np.log(1.0 / np.sin(np.pi * e / 2.0)) / np.pi, rel=2e-8, abs=1e-9)


@pytest.mark.parametrize("e", [0.05, 0.25, 0.9])
@pytest.mark.parametrize("depth", [0.2, 0.5, 1.0])
def test_strips_on_a_slab(e: float, depth: float) -> None:
    """Finite depth with an equipotential far face: K'(k)/2K(k); a/b = 0.25, H/b = 1: R_cc sigma = 0.3048868."""
    found = constriction(tube(e, axisymmetric=False), depth=depth).real + depth
    assert found == pytest.approx(strip_resistance(e, depth), rel=1e-8)
    if (e, depth) == (0.25, 1.0):
        assert 0.5 * (found - depth) == pytest.approx(0.3048868, abs=5e-8)


def test_strips_and_gaps_mirror_each_other() -> None:
    """With x -> b - x a strip that touches becomes one that does not beside it: same cell, same resistance."""
    for e in (0.1, 0.5):
        strip = constriction(tube(e, axisymmetric=False), depth=0.7).real
        gap = constriction(tube(1.0 - e, axisymmetric=False, first=False), depth=0.7).real
        assert strip == pytest.approx(gap, rel=2e-8)


# Spectra ------------------------------------------------------------------------------------------------------------

MERGED = {
    1e-3: 6.534952 - 0.033248j,
    0.01: 6.484604 - 0.323284j,
    0.1: 5.301857 - 1.137934j,
    0.3: 4.637799 - 1.645907j,
    1.0: 2.505021 - 2.584026j,
    3.0: 0.500572 - 1.528154j,
    10.0: 0.049557 - 0.503502j,
}


def test_merged_arcs() -> None:
    """Tube b = 1, H = 5, sigma = eps = 1, a = 0.3, gap capacitance 10: published numbers and the spectral solution."""
    mesh = build(tube(0.3), depth=5.0, rings=8, ratio=0.15, growth=3.0)
    p = problem(mesh, 8, conductor(1.0, 1.0 / epsilon_0), gap=Gap(thickness_m=epsilon_0 / 10.0))
    for omega, expected in MERGED.items():
        z = impedance(p, omega)
        assert abs(z - expected) < 1e-6
        reference = flux_tube_impedance(0.3, 1.0, 5.0, 1.0 + 1j * omega, gap_admittance=10j * omega).impedance
        assert z == pytest.approx(reference, rel=1e-7)


SODIUM = {
    7e6: 15.10415 - 5.57355j,
    1e6: 30.38441 - 14.53551j,
    1e5: 58.17036 - 27.48172j,
    1e4: 88.61531 - 6.36999j,
    100.0: 89.35911 - 0.06459j,
}


def test_sodium_on_nzsp() -> None:
    """Na | NZSP0.4-like cell: grains and boundaries in series, 1 % contact, gap 34 nF/cm2: published numbers."""
    length, grain = 2e-3, 1e-6
    bulk = conductor(length / 14e-4, 30.0)
    boundary = ResistorCapacitor(
        conductance=Activated(value=length / grain / 22.36e-4), cpe_prefactor=4.5e-5 * length / grain
    )
    electrolyte = BrickLayer(bulk=bulk, boundary=boundary, grain_size_m=grain)
    mesh = build(tube(43.19e-6, outer=431.9e-6), depth=length, rings=8, ratio=0.15, growth=3.5)
    p = problem(mesh, 8, electrolyte, gap=Gap(thickness_m=epsilon_0 / 34e-5))
    for frequency, expected in SODIUM.items():
        z = 1e4 * impedance(p, 2 * np.pi * frequency)
        assert abs(z - expected) < 1e-4 + 1e-6 * abs(expected)
    assert 1e4 * impedance(p).real == pytest.approx(36.36 + 53.00, abs=0.01)


@pytest.mark.parametrize("pore", [False, True])
@pytest.mark.parametrize("omega", [1e-4, 0.3, 1.0, 20.0])
def test_contact_and_gap_laws_against_the_spectral_solution(omega: float, pore: bool) -> None:
    """All laws at once: charge transfer with a double layer, a gap beside it, a film below, a counter electrode."""
    contact = ResistorCapacitor(conductance=Activated(value=2.0), cpe_prefactor=0.5) if not pore else None
    gap = Gap(thickness_m=epsilon_0 / 0.2)
    cell = tube(0.4, first=not pore)
    mesh = build(cell, depth=0.8, layers=(("film", 0.1),), rings=10, ratio=0.15, growth=2.5)
    film, electrolyte = conductor(0.3, 0.7 / epsilon_0), conductor(1.0, 0.1 / epsilon_0)
    counter = resistor(3.0)
    assembly = assemble(mesh, 10, ideal_contact=pore, ideal_counter=False)
    laws = {"film": film, "electrolyte": electrolyte, "contact": contact, "gap": gap, "counter": counter}
    terms = tuple(
        Term(name=n, role="layer" if n == "film" else n, law=laws[n], matrix=m) for n, m in assembly.matrices.items()
    )
    z = impedance(Problem(terms, assembly.area, 298.15), omega)
    reference = flux_tube_impedance(
        0.4,
        1.0,
        (0.1, 0.8),
        (0.3 + 0.7j * omega, 1.0 + 0.1j * omega),
        contact_admittance=None if pore else 2.0 + 0.5j * omega,
        gap_admittance=0.2j * omega,
        pore=pore,
        counter_admittance=3.0,
    )
    assert z == pytest.approx(reference.impedance, rel=1e-7)
