"""Closed forms and spectral references against published numbers, each other, limits and scaling laws.

"Reference": a table of semi-analytic numbers, rounded; the tolerances are about half a unit of the last digit given.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aspot import analytic
from aspot.analytic.edge import bessel_zeros, half_space_integrals, hankel, tube_sums
from aspot.errors import InputError

INF = float("inf")
EPS0 = 8.8541878128e-12


def tube_psi(e: float, thickness: float = INF, n_basis: int | None = None) -> float:
    return analytic.flux_tube_impedance(e, 1.0, thickness, 1.0, n_basis=n_basis).psi.real


# --- edge functions and mode sums ---


def test_hankel_transforms_match_quadrature_of_the_edge_functions() -> None:
    # int_0^1 rho J0(k rho) P_2n(s)/(s |P_2n(0)|) d rho with s = sqrt(1 - rho^2), in s: no singularity left
    from scipy.special import eval_legendre, j0

    s, w = np.polynomial.legendre.leggauss(60)
    s, w = (s + 1) / 2, w / 2
    k = np.array([0.3, 2.0, 17.0])
    for n in range(4):
        values = eval_legendre(2 * n, s) / abs(eval_legendre(2 * n, 0.0))
        direct = (w * values * j0(k[:, None] * np.sqrt(1 - s**2))).sum(axis=1)
        np.testing.assert_allclose(hankel(k, 4, 0.5)[n], direct, rtol=1e-12, atol=1e-13)


def test_hankel_recurrence_agrees_with_bessel_functions_on_both_sides_of_its_switch() -> None:
    from scipy.special import jv

    x = np.linspace(1.0, 120.0, 400)
    for sigma in (0.5, 1.0, 1.5):
        expected = jv(2 * np.arange(20)[:, None] + sigma, x) * x**-sigma
        ours = hankel(x, 20, sigma)
        np.testing.assert_allclose(ours / ours[0, 0] * expected[0, 0], expected, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize(("sigma", "power"), [(0.5, 0), (1.0, 0), (1.0, 1), (1.5, 1), (1.5, 2)])
def test_half_space_integrals_match_quadrature(sigma: float, power: int) -> None:
    t, w = np.polynomial.legendre.leggauss(20)
    edges = np.linspace(0, 20_000.0, 12_001)
    x = (edges[:-1, None] + np.diff(edges)[:, None] * (t + 1) / 2).ravel()
    h = hankel(x, 3, sigma)
    numeric = (h * (x**power * (np.diff(edges)[:, None] * w / 2).ravel())) @ h.T
    exact = half_space_integrals(3, sigma, power)
    # the slowest integrands fall as x^-2: the part beyond 2e4 is below 1e-4
    np.testing.assert_allclose(numeric, exact, atol=3e-4 * abs(exact).max())


@pytest.mark.parametrize(("sigma", "p", "tolerance"), [(0.5, 1, 3e-4), (0.5, 2, 3e-8), (1.0, 1, 1e-7), (1.5, -1, 3e-4)])
def test_contour_sums_match_direct_summation(sigma: float, p: int, tolerance: float) -> None:
    alpha, weight = bessel_zeros(8000)
    h = hankel(0.6 * alpha, 3, sigma)
    direct = (h * (weight * alpha**-p)) @ h.T
    exact = tube_sums(0.6, 3, sigma, p)
    np.testing.assert_allclose(direct, exact, atol=tolerance * abs(exact).max())


# --- flux tube ---


@pytest.mark.parametrize(
    ("e", "psi"), [(0.1, 0.859413601), (0.2, 0.720875605), (0.3, 0.586509410), (0.5, 0.339609390), (0.7, 0.140286783)]
)
def test_flux_tube_psi_reference(e: float, psi: float) -> None:
    assert tube_psi(e) == pytest.approx(psi, abs=6e-10)


@pytest.mark.parametrize(("H", "psi"), [(0.25, 0.4800307), (0.5, 0.5698479), (1.0, 0.5861449), (2.0, 0.5865092)])
def test_flux_tube_of_finite_length_reference(H: float, psi: float) -> None:
    assert tube_psi(0.3, thickness=H) == pytest.approx(psi, abs=6e-8)


@pytest.mark.parametrize(
    ("e", "value", "half_digit"), [(0.1, 4.2456e-4, 5e-9), (0.3, 0.01156779, 5e-9), (0.5, 0.05560759, 5e-9)]
)
def test_pore_in_contact_reference(e: float, value: float, half_digit: float) -> None:
    result = analytic.flux_tube_impedance(e, 1.0, INF, 1.0, pore=True)
    assert result.excess.real == pytest.approx(value, abs=1.01 * half_digit)


MERGED = {
    1e-3: 6.534952 - 0.033248j,
    0.01: 6.484604 - 0.323284j,
    0.1: 5.301857 - 1.137934j,
    0.3: 4.637799 - 1.645907j,
    1.0: 2.505021 - 2.584026j,
    3.0: 0.500572 - 1.528154j,
    10.0: 0.049557 - 0.503502j,
}


@pytest.mark.parametrize("omega", MERGED)
def test_merged_spectrum_reference(omega: float) -> None:
    result = analytic.flux_tube_impedance(0.3, 1.0, 5.0, 1 + 1j * omega, gap_admittance=10j * omega)
    assert abs(result.impedance - MERGED[omega]) < 1e-6
    assert result.relative_error < 1e-8


NA_CELL = {
    7e6: 15.10415 - 5.57355j,
    1e6: 30.38441 - 14.53551j,
    1e5: 58.17036 - 27.48172j,
    1e4: 88.61531 - 6.36999j,
    100.0: 89.35911 - 0.06459j,
}


def na_cell(frequency: float) -> complex:
    omega, H = 2 * np.pi * frequency, 2e-3
    bulk = H / 14e-4 + 1j * omega * EPS0 * 30
    grain = 1e-6
    boundary = (1 / 22.36e-4 + 1j * omega * 4.5e-5) * H / grain  # of one boundary: the sum is 22.36 ohm cm2
    kappa = complex(analytic.brick_layer_admittivity(bulk, boundary, grain))
    return analytic.flux_tube_impedance(43.19e-6, 431.9e-6, H, kappa, gap_admittance=1j * omega * 34e-5).impedance


@pytest.mark.parametrize("frequency", NA_CELL)
def test_na_nasicon_cell_reference(frequency: float) -> None:
    assert abs(na_cell(frequency) * 1e4 - NA_CELL[frequency]) < 1e-5


def test_spectral_convergence_is_exponential() -> None:
    # ideal contact, insulating gap: error falls by at least 1e3 for each 4 more functions, down to rounding
    for e in (0.5, 0.9):
        exact = tube_psi(e, n_basis=40)
        errors = [abs(tube_psi(e, n_basis=n) / exact - 1) for n in (2, 4, 8, 12)]
        assert errors[2] < 1e-3 * errors[0] and errors[3] < 1e-9


def test_robin_convergence_is_algebraic_of_high_order() -> None:
    # rho ln(rho) in the current density at the rim: energy error ~ N^-6
    exact = analytic.robin_disc_resistance(1.0, 1.0, 5.0, 140).real
    errors = [analytic.robin_disc_resistance(1.0, 1.0, 5.0, n).real - exact for n in (8, 16, 32)]
    orders = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    assert np.all(orders > 5.3) and np.all(orders < 6.7)


def test_galerkin_is_variational() -> None:
    # fewer functions: less current for real laws, so the resistance falls monotonically with the basis
    values = [tube_psi(0.8, n_basis=n) for n in (2, 3, 4, 6)]
    assert np.all(np.diff(values) < 0)


@pytest.mark.parametrize("case", ["gap", "law", "both", "pore", "pore law"])
def test_error_estimate_bounds_the_error(case: str) -> None:
    options: dict[str, object] = {
        "gap": {"gap_admittance": 40j},
        "law": {"contact_admittance": 30.0 + 5j},
        "both": {"contact_admittance": 10.0, "gap_admittance": 2j},
        "pore": {"gap_admittance": 20j, "pore": True},
        "pore law": {"contact_admittance": 200.0, "pore": True},
    }[case]  # type: ignore[assignment]
    args = (0.4, 1.0, 2.0, 1 + 0.2j)
    coarse = analytic.flux_tube_impedance(*args, n_basis=16, n_modes=1024, **options)  # type: ignore[arg-type]
    fine = analytic.flux_tube_impedance(*args, n_basis=64, n_modes=16384, **options)  # type: ignore[arg-type]
    error = abs(coarse.excess / fine.excess - 1)
    assert 0 < error < coarse.relative_error < 1e-2


# --- scaling and limits ---


@settings(max_examples=25, deadline=None)
@given(st.floats(1e-9, 1e3), st.floats(1e-8, 1e2), st.floats(0.02, 0.95))
def test_scaling_laws(length: float, sigma: float, e: float) -> None:
    # R A -> R A * length/sigma when lengths, conductivity scale and y scales with sigma/length
    y = sigma / length
    plain = analytic.flux_tube_impedance(e, 1.0, 2.0, 1.0, contact_admittance=3.0, gap_admittance=0.5j)
    scaled = analytic.flux_tube_impedance(
        e * length, length, 2 * length, sigma, contact_admittance=3 * y, gap_admittance=0.5j * y
    )
    assert abs(scaled.impedance * y / plain.impedance - 1) < 1e-9
    assert scaled.psi == pytest.approx(plain.psi, rel=1e-9)


def test_small_spot_tends_to_holm_with_the_exact_slope() -> None:
    # psi = 1 - s e + O(e^3); s = -(4/pi^2) int_0^inf [K1/I1 - 2/y^2] dy (contour form of the mode sum at e = 0)
    from scipy.integrate import quad
    from scipy.special import iv, kv

    slope = quad(lambda y: kv(1, y) / iv(1, y) - 2 / y**2, 1e-3, 60, epsabs=1e-10, limit=400)[0] - 2 / 60
    slope += quad(lambda y: np.log(y / 2) + np.euler_gamma - 0.75, 0, 1e-3)[0]
    slope *= -4 / np.pi**2
    assert slope == pytest.approx(1.409252, abs=2e-6)
    for e in (1e-3, 1e-2):
        assert 1 - tube_psi(e) == pytest.approx(slope * e, rel=0.3 * e**2 + 2e-6)
    # the tube's resistance tends to the half space's
    area = np.pi
    assert analytic.flux_tube_constriction(1e-4, 1.0, 2.0) / area == pytest.approx(
        analytic.disc_resistance(1e-4, 2.0), rel=2e-4
    )


def test_full_coverage_limit_is_a_slit_at_the_wall() -> None:
    # e -> 1: an insulating ring of width w at the wall, with its mirror image a slit of half width w in a
    # contact. It dissipates pi j^2 w^2/(4 sigma) more per length and half cell; perimeter 2 pi b
    for w, tolerance in ((1e-2, 0.05), (1e-3, 5e-3)):
        expected = 2 * np.pi * (np.pi / 4) * w**2 / np.pi  # area-specific, b = sigma = 1
        assert analytic.flux_tube_constriction(1 - w, 1.0, 1.0) == pytest.approx(expected, rel=tolerance)


def test_high_frequency_limit_short_circuits_the_pores() -> None:
    # y_g -> infinity: the interface is an equipotential, Z -> H/kappa
    slab = 5.0
    z = [analytic.flux_tube_impedance(0.3, 1.0, slab, 1.0, gap_admittance=1j * y).excess for y in (1e2, 1e4)]
    assert abs(z[0]) < 0.02 and abs(z[1]) < 2e-4
    # leading order: uniform current, voltage j/y over the gap alone: (1 - f)/y
    assert z[1].imag == pytest.approx(-0.91 / 1e4, rel=2e-3)


def test_low_frequency_limit_is_the_partition_of_resistances() -> None:
    # R_total = R_SE + R_cc + R_ct with R_ct = int j^2/y / I^2 A; R_ct >= 1/(f y) (uniform j is the minimum) and
    # R_cc >= the equipotential contact's (its current distribution dissipates least in the electrolyte)
    y, e = 7.0, 0.3
    result = analytic.flux_tube_impedance(e, 1.0, 5.0, 1.0, contact_admittance=y)
    R_ct, R_cc = result.contact.real, (result.excess - result.contact).real
    assert result.slab == 5.0
    assert R_ct > 1 / (e**2 * y) and R_cc > analytic.flux_tube_constriction(e, 1.0, 1.0, 5.0)
    # y dZ/dy = -R_ct (sensitivity of a dissipative network)
    h = 1e-4
    up, down = (
        analytic.flux_tube_impedance(e, 1.0, 5.0, 1.0, contact_admittance=y * (1 + s * h)).impedance.real
        for s in (1, -1)
    )
    assert -(up - down) / (2 * h) == pytest.approx(R_ct, rel=1e-6)


def test_contact_part_around_a_pore_is_the_sensitivity() -> None:
    y, h = 3.0, 1e-4
    result = analytic.flux_tube_impedance(0.5, 1.0, 2.0, 1.0, contact_admittance=y, pore=True)
    up, down = (
        analytic.flux_tube_impedance(0.5, 1.0, 2.0, 1.0, contact_admittance=y * (1 + s * h), pore=True).impedance.real
        for s in (1, -1)
    )
    assert -(up - down) / (2 * h) == pytest.approx(result.contact.real, rel=1e-6)


def test_thin_gap_and_equal_laws_are_planar() -> None:
    # the same law everywhere: one-dimensional, whatever the pattern
    y = 2.0 + 1j
    exact = complex(analytic.layered_slab_impedance([3.0], [1 + 0.1j], [y]))
    for pore in (False, True):
        z = analytic.flux_tube_impedance(0.4, 1.0, 3.0, 1 + 0.1j, contact_admittance=y, gap_admittance=y, pore=pore)
        assert abs(z.impedance / exact - 1) < 1e-13
        near = analytic.flux_tube_impedance(
            0.4, 1.0, 3.0, 1 + 0.1j, contact_admittance=y, gap_admittance=y * (1 + 1e-6), pore=pore
        )
        assert abs(near.impedance / exact - 1) < 1e-6


def test_fine_patterns_are_homogenised() -> None:
    # |y| b/kappa -> 0: parallel admittances; the deviation is first order in y b/kappa
    errors = []
    for y in (1e-2, 1e-3):
        z = analytic.flux_tube_impedance(0.5, 1.0, 2.0, 1.0, contact_admittance=y, gap_admittance=0.3j * y)
        limit = complex(analytic.homogenised_impedance(0.25, 2.0, y, 0.3j * y))
        errors.append(abs(z.impedance / limit - 1))
    assert errors[0] < 1e-2 and errors[1] / errors[0] == pytest.approx(0.1, rel=0.05)


def test_disc_and_pore_descriptions_of_one_interface_agree() -> None:
    # contact disc in a gap of admittance y_2 = "pore" disc of admittance y_1 in a contact of y_2
    one = analytic.flux_tube_impedance(0.4, 1.0, 2.0, 1.0, contact_admittance=4.0, gap_admittance=1.5)
    two = analytic.flux_tube_impedance(0.4, 1.0, 2.0, 1.0, contact_admittance=1.5, gap_admittance=4.0, pore=True)
    assert one.impedance == pytest.approx(two.impedance, rel=1e-12)
    # ideal contact as the limit of a stiff law, by two different unknowns (current and voltage)
    stiff = analytic.flux_tube_impedance(0.4, 1.0, 2.0, 1.0, contact_admittance=1e4, pore=True)
    ideal = analytic.flux_tube_impedance(0.4, 1.0, 2.0, 1.0, pore=True)
    # what remains is the law on the contact's area, with a logarithm of the boundary layer
    assert 1 < (stiff.excess - ideal.excess).real * 1e4 * 0.84 < 2


def test_layers_reduce_to_one_layer_and_interfaces_to_the_mode_formula() -> None:
    whole = analytic.flux_tube_impedance(0.3, 1.0, 1.5, 2.0, gap_admittance=1j)
    split = analytic.flux_tube_impedance(0.3, 1.0, [0.2, 1.3], [2.0, 2.0], gap_admittance=1j)
    assert abs(whole.impedance / split.impedance - 1) < 1e-12
    # a well-conducting second layer is the equipotential far face; a blocking one an insulated face
    k = np.array([0.5, 3.0])
    np.testing.assert_allclose(
        analytic.slab_mode_impedance(k, [0.7, 1.0], [2.0, 1e13]), np.tanh(0.7 * k) / (2 * k), rtol=1e-10
    )
    np.testing.assert_allclose(
        analytic.slab_mode_impedance(k, [0.7, 1.0], [2.0, 1e-13]), 1 / np.tanh(0.7 * k) / (2 * k), rtol=1e-10
    )
    z = analytic.slab_mode_impedance(k, [0.7], [2.0])
    expected = 1 / (2 * k / np.tanh(0.7 * k) + 0.4j)
    np.testing.assert_allclose(analytic.gapped_mode_impedance(z, 0.4j), expected, rtol=1e-13)


def test_counter_interface_only_adds_in_series_when_far() -> None:
    near, far = (
        analytic.flux_tube_impedance(0.3, 1.0, H, 1.0, counter_admittance=0.5).excess.real
        - analytic.flux_tube_impedance(0.3, 1.0, H, 1.0).excess.real
        for H in (0.3, 6.0)
    )
    assert near > 1e-2 and abs(far) < 1e-12


@pytest.mark.parametrize("omega", [0.01, 0.3, 5.0, 100.0])
def test_passivity_and_symmetry_in_frequency(omega: float) -> None:
    z = analytic.flux_tube_impedance(0.3, 1.0, 2.0, 1 + 1j * omega, gap_admittance=3j * omega)
    mirrored = analytic.flux_tube_impedance(0.3, 1.0, 2.0, 1 - 1j * omega, gap_admittance=-3j * omega)
    assert z.impedance.real > 0 > z.impedance.imag
    assert mirrored.impedance == pytest.approx(z.impedance.conjugate(), rel=1e-12)


def test_homogeneous_electrolyte_without_gap_has_one_time_constant() -> None:
    # Z = G/kappa with a real geometry factor: constriction alone makes no arc
    g = [analytic.flux_tube_impedance(0.3, 1.0, 2.0, 1 + 1j * w).impedance * (1 + 1j * w) for w in (0.0, 1.0, 50.0)]
    np.testing.assert_allclose(g, g[0], rtol=1e-12)


# --- formulas of the literature ---

STATED = [  # formula, up to e, relative error stated in the docstring
    ("negus-yovanovich", 0.5, 1.4e-4),
    ("negus-yovanovich", 0.7, 5e-4),
    ("negus-yovanovich", 0.9, 1.9e-2),
    ("gibson", 0.2, 2e-5),
    ("gibson", 0.4, 2e-4),
    ("gibson", 0.9, 1.4e-2),
    ("rosenfeld-timsit", 0.4, 3.2e-4),
    ("rosenfeld-timsit", 0.7, 1.2e-3),
    ("rosenfeld-timsit", 0.9, 7e-2),
    ("three-halves", 0.3, 8e-3),
    ("three-halves", 0.5, 4.2e-2),
    ("roess", 0.1, 6e-5),
    ("roess", 0.5, 1.7e-2),
]


@pytest.mark.parametrize(("formula", "largest", "stated"), STATED)
def test_stated_accuracy_of_psi_formulas(formula: analytic.PsiFormula, largest: float, stated: float) -> None:
    e = np.linspace(0.02, largest, 15)
    error = np.abs(analytic.flux_tube_psi(e, formula) / analytic.flux_tube_psi(e) - 1).max()
    assert 0.3 * stated < error <= stated


def test_prescribed_current_formulas_solve_their_own_problem() -> None:
    for e in (0.05, 0.3, 0.5):
        inverse_root = analytic.prescribed_current_psi(e, "inverse-root")
        assert float(analytic.flux_tube_psi(e, "roess")) == pytest.approx(inverse_root, rel=3e-6)
        uniform = analytic.prescribed_current_psi(e, "uniform")
        assert float(analytic.flux_tube_psi(e, "uniform-flux")) == pytest.approx(uniform, rel=2.5e-4)
        # an equipotential disc's mean over any other distribution: uniform lies above, by 8 % and more
        assert uniform > 1.08 * tube_psi(e)


def test_psi_refuses_what_it_cannot_mean() -> None:
    with pytest.raises(InputError, match="ratio"):
        analytic.flux_tube_psi(1.0)
    with pytest.raises(InputError, match="negus-yovanovich"):
        analytic.flux_tube_psi(0.3, "mikic")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="radius"):
        analytic.flux_tube_impedance(1.0, 1.0, 1.0, 1.0)
    with pytest.raises(InputError, match="admittivity"):
        analytic.flux_tube_impedance(0.3, 1.0, [1.0, 2.0], 1.0)
    with pytest.raises(InputError, match="thickness"):
        analytic.flux_tube_impedance(0.3, 1.0, -1.0, 1.0)


def test_static_constriction_is_referred_to_the_electrode() -> None:
    # 6 mm electrode on a 10 mm pellet of 2 mm: A (R - H/(sigma pi b^2)), R from the tube's impedance per its own area
    a, b, H, sigma = 3e-3, 5e-3, 2e-3, 0.55
    tube = analytic.flux_tube_impedance(a, b, H, sigma)
    resistance = tube.impedance.real / (np.pi * b**2)
    expected = np.pi * a**2 * (resistance - H / (sigma * np.pi * b**2))
    assert analytic.static_constriction(a, b, H, sigma) == pytest.approx(expected, rel=1e-9)
    # between no spreading in the pellet and free spreading
    assert 0 < expected < np.pi * a / (4 * sigma)


def test_dilute_pores() -> None:
    for e, stated in ((0.05, 6e-5), (0.1, 5e-4)):
        exact = analytic.flux_tube_impedance(e, 1.0, INF, 1.0, pore=True).excess.real
        assert abs(analytic.dilute_pores_resistance(e, 1 / np.pi, 1.0) / exact - 1) < stated


@pytest.mark.parametrize(("f", "ratio"), [(0.001, 10.9), (0.01, 4.7), (0.1, 2.0), (0.5, 0.85), (0.9, 0.31)])
def test_contacts_against_pores_of_the_same_area(f: float, ratio: float) -> None:
    # at the same contact fraction and period: isolated contacts over isolated pores (reference): area is not enough
    spots = analytic.flux_tube_impedance(np.sqrt(f), 1.0, INF, 1.0).excess.real
    pores = analytic.flux_tube_impedance(np.sqrt(1 - f), 1.0, INF, 1.0, pore=True).excess.real
    assert spots / pores == pytest.approx(ratio, rel=0.03)


# --- half space ---


@pytest.mark.parametrize(
    ("J", "value"), [(0.1, 3.45298499), (1.0, 0.58591959), (10.0, 0.29114721), (1j, 0.26958677 - 0.32127368j)]
)
def test_robin_disc_reference(J: complex, value: complex) -> None:
    assert abs(analytic.robin_disc_resistance(2.0, 3.0, J * 3.0 / 2.0) * 6.0 - value) < 1.1e-8


def test_robin_disc_limits() -> None:
    # J -> 0: contact resistance + mean potential of uniform flux; J -> infinity: equipotential disc
    small = analytic.robin_disc_resistance(1.0, 1.0, 1e-4).real - 1 / (np.pi * 1e-4)
    assert small == pytest.approx(analytic.uniform_flux_disc_resistance(1.0, 1.0), rel=1e-4)
    large = analytic.robin_disc_resistance(1.0, 1.0, 1e4).real
    assert 0.25 < large < 0.25 * (1 + 1e-3)
    # a small spot in a wide tube with the same law
    tube = analytic.flux_tube_impedance(0.01, 1.0, INF, 1.0, contact_admittance=100.0)
    half_space = analytic.robin_disc_resistance(0.01, 1.0, 100.0).real
    assert tube.excess.real / np.pi == pytest.approx(half_space, rel=0.01)


def test_disc_current_density_carries_the_current() -> None:
    # int 2 r/a^2 i/i_mean dr = 1
    t, w = np.polynomial.legendre.leggauss(20)
    angle = np.pi / 4 * (t + 1)
    r = np.sin(angle)
    total = np.sum(w * np.pi / 4 * np.cos(angle) * 2 * r * analytic.disc_current_density(r, 1.0))
    assert total == pytest.approx(1.0, rel=1e-12)


def test_ellipse_limits() -> None:
    assert analytic.ellipse_resistance(2e-6, 2e-6, 0.5) == pytest.approx(analytic.disc_resistance(2e-6, 0.5), rel=1e-14)
    assert analytic.ellipse_resistance(1.0, 3.0, 1.0) == analytic.ellipse_resistance(3.0, 1.0, 1.0)
    # long ellipse: K(k) -> ln(4 p/q)
    assert analytic.ellipse_resistance(1.0, 1e-4, 1.0) == pytest.approx(np.log(4e4) / (2 * np.pi), rel=1e-7)


def test_square_lies_between_its_circles_and_near_equal_area() -> None:
    value = analytic.square_resistance(1.0, 1.0)
    assert value == pytest.approx(0.43392, rel=2e-5)
    assert analytic.disc_resistance(1 / np.sqrt(2), 1.0) < value < analytic.disc_resistance(0.5, 1.0)
    # of all shapes of equal area the disc resists most
    assert 0.97 < value / analytic.disc_resistance(1 / np.sqrt(np.pi), 1.0) < 1


def test_annulus_reference_convergence_and_limits() -> None:
    assert 5.0 * analytic.annulus_resistance(1.0, 2.0, 2.5) == pytest.approx(0.2548373, abs=6e-8)
    exact = analytic.annulus_resistance(0.5, 1.0, 1.0, 60)
    errors = [abs(analytic.annulus_resistance(0.5, 1.0, 1.0, n) / exact - 1) for n in (4, 8, 16)]
    assert errors[1] < 0.05 * errors[0] and errors[2] < 1e-11
    # c -> 0: the disc, from above (losing area costs resistance), defect of third order in c
    defect = [analytic.annulus_resistance(c, 1.0, 1.0) - 0.25 for c in (0.02, 0.04)]
    assert defect[0] > 0 and np.log2(defect[1] / defect[0]) == pytest.approx(3.0, abs=0.05)
    # thin ring of width w, mean radius m: ln(32 m/w)/(2 pi^2 sigma m) for a strip of equivalent radius w/4
    w = 1e-3
    thin = np.log(32 * (1 - w / 2) / w) / (2 * np.pi**2 * (1 - w / 2))
    assert analytic.annulus_resistance(1 - w, 1.0, 1.0) == pytest.approx(thin, rel=1e-5)


def test_cluster_of_two_discs_and_of_one() -> None:
    assert analytic.cluster_resistance([0.0], [0.0], [2.0], 1.0) == pytest.approx(1 / 8, rel=1e-14)
    # two equal discs, exactly: R = 1/(8 a) + 1/(4 pi s) for s >> a (each sees the other as a point)
    assert analytic.cluster_resistance([0, 10.0], [0, 0.0], [1, 1.0], 1.0) == pytest.approx(
        1 / 8 + 1 / (40 * np.pi), rel=1e-12
    )
    # far apart: N discs in parallel; close together: more than that, less than one alone
    assert analytic.cluster_resistance([0, 1e6], [0, 0.0], [1, 1.0], 1.0) == pytest.approx(1 / 8, rel=1e-5)
    with pytest.raises(InputError, match="overlap"):
        analytic.cluster_resistance([0, 1.0], [0, 0.0], [1, 1.0], 1.0)
    assert analytic.holm_cluster_resistance(1, 1.0, 1e9, 1.0) == pytest.approx(0.25, rel=1e-8)


# --- strips ---


def test_strip_reference() -> None:
    assert analytic.strip_constriction_resistance(0.25, 1.0, 1.0) == pytest.approx(0.3057517, abs=6e-8)
    assert analytic.strip_constriction_resistance(0.25, 1.0, 1.0, 1.0) == pytest.approx(0.3048868, abs=6e-8)


def strip_by_modes(share: float, H: float) -> float:
    """R_cc of strips by Galerkin with Chebyshev functions, whose cosine transforms are Bessel functions J_2n."""
    from scipy.special import jv

    m = np.arange(1, 20_001)
    k = np.pi * m  # half pitch 1
    n = 10
    h = jv(2 * np.arange(n)[:, None], k * share)  # unit total current over the full width
    # u_m = tanh(kH)/k j_m, j_m = total current/(half width 1) for modes cos(k x) on [-1, 1]
    matrix = (h * (np.tanh(k * H) / k)) @ h.T
    # averaged tail of J_2n J_2n' ~ (-1)^(n + n')/(pi k share): sum beyond of 1/(pi share k^2)
    sign = (-1.0) ** np.arange(n)
    matrix += np.outer(sign, sign) / (np.pi * share) / (np.pi**2 * (m[-1] + 0.5))
    c = np.linalg.solve(matrix, np.eye(n, 1)[:, 0])
    return float(1 / c[0])


def test_strips_from_very_thin_to_very_thick_and_no_further() -> None:
    for thickness, inside in ((0.01, 0.010001), (100.0, 99.999)):
        beside = analytic.strip_resistance(0.25, 1.0, 1.0, inside)
        assert analytic.strip_resistance(0.25, 1.0, 1.0, thickness) == pytest.approx(beside, rel=1e-3)
    for thickness in (0.0099, 100.1):
        with pytest.raises(InputError, match="half pitches"):
            analytic.strip_resistance(0.25, 1.0, 1.0, thickness)


@pytest.mark.parametrize("H", [0.05, 0.3, 0.99, 1.01, 3.0])
def test_strip_of_finite_thickness_matches_a_mode_sum(H: float) -> None:
    # the closed form against an independent Galerkin sum over slab modes; width 2: R_cc = excess voltage/current
    for share in (0.25, 0.7):
        exact = analytic.strip_constriction_resistance(share, 1.0, 1.0, H)
        assert strip_by_modes(share, H) == pytest.approx(exact, rel=2e-5)


def test_strip_limits() -> None:
    r = analytic.strip_constriction_resistance
    assert r(1.0, 1.0, 1.0) == pytest.approx(0.0, abs=1e-15)
    assert r(0.3, 1.0, 1.0, 10.1) == pytest.approx(r(0.3, 1.0, 1.0, 9.9), rel=1e-13)
    assert r(0.3, 1.0, 1.0, 1 + 1e-12) == pytest.approx(r(0.3, 1.0, 1.0, 1 - 1e-12), rel=1e-10)
    # thin slab: each edge of the strip adds H ln 4/pi of width
    thin = 0.02 / (2 * (0.5 + 0.02 * 2 * np.log(2) / np.pi))
    assert analytic.strip_resistance(0.5, 1.0, 1.0, 0.02) == pytest.approx(thin, rel=1e-12)


# --- arrays ---


@pytest.mark.parametrize(
    ("lattice", "f", "psi"),
    [
        ("square", 0.01, 0.860257),
        ("square", 0.09, 0.589203),
        ("square", 0.25, 0.344791),
        ("hexagonal", 0.01, 0.859508),
        ("hexagonal", 0.25, 0.340188),
    ],
)
def test_array_reference(lattice: analytic.lattice.Lattice, f: float, psi: float) -> None:
    # the table is confirmed to about 1e-5; its hexagonal 0.01 is 1.8e-6 above this (see the next test)
    pitch = analytic.lattice_pitch(1.0, f, lattice)
    result = analytic.array_constriction(1.0, pitch, 1.0, lattice=lattice)
    assert result.contact_fraction == pytest.approx(f, rel=1e-13)
    assert result.psi == pytest.approx(psi, abs=2e-6)


@pytest.mark.parametrize(
    ("lattice", "madelung", "third"), [("square", 3.900264920, 9.0336216831), ("hexagonal", 3.921034, 8.8927)]
)
def test_dilute_array_matches_its_multipole_expansion(
    lattice: analytic.lattice.Lattice, madelung: float, third: float
) -> None:
    # discs seen by each other as charges with a second moment, on a lattice of unit density with background:
    # psi = 1 - (2/pi) M a + (2/(3 pi)) S_3 a^3 + ..., M: Madelung constant, S_3 = sum 1/s^3
    a = np.sqrt(0.01 / np.pi)
    series = 1 - 2 / np.pi * madelung * a + 2 / (3 * np.pi) * third * a**3
    pitch = analytic.lattice_pitch(a, 0.01, lattice)
    assert analytic.array_constriction(a, pitch, 1.0, lattice=lattice).psi == pytest.approx(series, abs=1e-6)


def test_quarter_cell_reference() -> None:
    # box 0.5 x 0.5 x 1, quarter disc of radius 0.1: a quarter of the square array's cell of pitch 1
    R = 1.0 + analytic.array_constriction(0.1, 1.0, 1.0, 1.0).area_specific_resistance
    G = 1 / R
    np.testing.assert_allclose([G / 4, G], [0.0866829600, 4 * 0.0866829600], rtol=7e-10)


@pytest.mark.parametrize("pore", [False, True])
@pytest.mark.parametrize("lattice", ["square", "hexagonal"])
def test_array_convergence_and_dilute_tube(lattice: analytic.lattice.Lattice, pore: bool) -> None:
    coarse = analytic.array_constriction(0.4, 1.0, 1.0, lattice=lattice, pore=pore, n_radial=6, n_azimuthal=2)
    fine = analytic.array_constriction(0.4, 1.0, 1.0, lattice=lattice, pore=pore)
    error = abs(coarse.psi / fine.psi - 1)
    assert error < coarse.relative_error < 1e-2 and fine.relative_error < 1e-8
    # round cells are a fair picture of hexagonal ones, and better than of square ones, while dilute
    f = 0.04
    tube = analytic.flux_tube_impedance(np.sqrt(f), 1.0, INF, 1.0, pore=pore).psi.real
    array = analytic.array_constriction(
        1.0, analytic.lattice_pitch(1.0, f, lattice), 1.0, lattice=lattice, pore=pore
    ).psi
    assert array == pytest.approx(tube, rel=3e-3 if not pore else 5e-4)


def test_array_thin_slab_and_scaling() -> None:
    # a slab thinner than the period conducts less than the infinite one's constriction suggests: psi falls with H
    psi = [analytic.array_constriction(0.2, 1.0, 1.0, H).psi for H in (0.1, 0.3, 1.0, INF)]
    assert np.all(np.diff(psi) > 0)
    scaled = analytic.array_constriction(2e-7, 1e-6, 3.0, 3e-7)
    assert scaled.area_specific_resistance * 3 / 1e-6 == pytest.approx(
        analytic.array_constriction(0.2, 1.0, 1.0, 0.3).area_specific_resistance, rel=1e-12
    )
    with pytest.raises(InputError, match="pitch"):
        analytic.array_constriction(0.5, 1.0, 1.0)
    with pytest.raises(InputError, match="disc_fraction"):
        analytic.lattice_pitch(1.0, 0.8)


# --- slabs ---


def test_brick_layer_limits() -> None:
    bulk = 0.5 + 0.1j
    y = 2e5
    fine = complex(analytic.brick_layer_admittivity(bulk, y, 1e-9))
    assert fine == pytest.approx(y * 1e-9, rel=1e-3)  # boundaries dominate small grains
    assert complex(analytic.brick_layer_admittivity(bulk, y, 1e3)) == pytest.approx(bulk, rel=1e-7)
    # a pellet of n grains: n bulk slices and n boundaries in series
    n, d = 50, 1e-6
    stack = complex(analytic.layered_slab_impedance([d] * n, [bulk] * n, [y] * n))
    kappa = complex(analytic.brick_layer_admittivity(bulk, y, d))
    assert complex(analytic.slab_impedance(n * d, kappa)) == pytest.approx(stack, rel=1e-12)


def test_slab_refuses_bad_input() -> None:
    with pytest.raises(InputError, match="thickness"):
        analytic.slab_impedance(0.0, 1.0)
    with pytest.raises(InputError, match="admittivities"):
        analytic.layered_slab_impedance([1.0], [])
    with pytest.raises(InputError, match="contact_fraction"):
        analytic.homogenised_impedance(1.5, 1.0, 1.0, 1.0)
    with pytest.raises(InputError, match="half_width"):
        analytic.strip_resistance(2.0, 1.0, 1.0, 1.0)
    with pytest.raises(InputError, match="inner_radius"):
        analytic.annulus_resistance(2.0, 1.0, 1.0)
