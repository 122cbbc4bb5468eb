"""Immittance laws: each against a twin written from its formula, and against what every passive law must obey."""

import cmath
import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aspot.errors import InputError
from aspot.laws import (
    Activated,
    BrickLayer,
    Conductor,
    FilledGap,
    Gap,
    Law,
    PolycrystalMedium,
    ResistorCapacitor,
    Series,
)

BOLTZMANN = 1.380649e-23  # J/K, exact
EPSILON_0 = 8.8541878128e-12  # F/m, CODATA 2018
EV = 1.602176634e-19  # J, exact

OMEGA = 2 * np.pi * np.logspace(-6, 8, 57)


def arrhenius(value: float, energy: float, temperature: float, form: str) -> float:
    factor = math.exp(-energy / BOLTZMANN * (1 / temperature - 1 / 298.15))
    return value * factor * (298.15 / temperature if form == "sigma T" else 1.0)


def rc(r: float, energy: float, q: float, n: float, w: float, temperature: float) -> complex:
    """Admittance of R parallel to a CPE; a resistance falls with temperature: R(T) = R(T0) exp(+Ea/k (1/T - 1/T0))."""
    r_now = r * math.exp(energy / BOLTZMANN * (1 / temperature - 1 / 298.15))
    # Principal branch of (j w)^n by polar form of cmath.
    return 1 / r_now + (q * cmath.exp(n * cmath.log(1j * w)) if w > 0 else 0.0)


BULK = Conductor(conductivity=Activated(value=1.43, activation_energy_J=0.26 * EV, form="sigma T"), permittivity=30)
BOUNDARY = ResistorCapacitor(
    conductance=Activated(value=1 / 1.118e-6, activation_energy_J=0.36 * EV),
    cpe_prefactor=0.09,
    name="grain_boundaries",
)
INTERPHASE = ResistorCapacitor(conductance=Activated(value=1 / 1.3e-4), cpe_prefactor=0.01, name="interphase")
TRANSFER = ResistorCapacitor(
    conductance=Activated(value=1 / 2e-4, activation_energy_J=0.37 * EV), cpe_prefactor=0.3, cpe_exponent=0.8
)
GAP = Gap(thickness_m=26e-9, permittivity=2.0)

Twin = Callable[[float, float], complex]


def _bulk(w: float, t: float) -> complex:
    return arrhenius(1.43, 0.26 * EV, t, "sigma T") + 1j * w * EPSILON_0 * 30


def _boundary(w: float, t: float) -> complex:
    return rc(1.118e-6, 0.36 * EV, 0.09, 1.0, w, t)


def _interphase(w: float, t: float) -> complex:
    return rc(1.3e-4, 0.0, 0.01, 1.0, w, t)


def _transfer(w: float, t: float) -> complex:
    return rc(2e-4, 0.37 * EV, 0.3, 0.8, w, t)


class _Elements:
    """Two elements of a made-up polycrystal beside both ends."""

    elements = np.array([[1.0, 1.0, 0.0], [0.94, 0.0, 1.0], [0.02, 0.3, 0.7], [0.01, 0.8, 0.2]])


def _polycrystal(w: float, t: float) -> complex:
    return 1 / sum(c / (k * _bulk(w, t) + m * _boundary(w, t) * 1e-6) for c, k, m in _Elements.elements.tolist())


LAWS: dict[str, tuple[Law, Twin, str, set[str]]] = {
    "conductor": (BULK, _bulk, "kappa = sigma(T) + j w eps0 eps_r", {"bulk"}),
    "resistor and capacitor": (INTERPHASE, _interphase, "y = 1/R(T) + Q (j w)^n", {"interphase"}),
    "resistor and CPE": (TRANSFER, _transfer, "y = 1/R(T) + Q (j w)^n", {"charge_transfer"}),
    "brick layer": (
        BrickLayer(bulk=BULK, boundary=BOUNDARY, grain_size_m=1e-6),
        lambda w, t: 1 / (1 / _bulk(w, t) + 1 / (_boundary(w, t) * 1e-6)),
        "1/kappa = 1/kappa_bulk + z_gb / grain_size",
        {"bulk", "grain_boundaries"},
    ),
    "polycrystal": (
        PolycrystalMedium(bulk=BULK, boundary=BOUNDARY, grain_size_m=1e-6, response=_Elements()),
        _polycrystal,
        "1/kappa = sum_k c_k / (l_k kappa_bulk + m_k y_gb grain_size)",
        {"bulk", "grain_boundaries"},
    ),
    "gap full of a conductor": (
        FilledGap(thickness_m=30e-9, filling=BULK),
        lambda w, t: _bulk(w, t) / 30e-9,
        "1/y = share d / kappa_fill + (1 - share) d / (j w eps0 eps_r)",
        {"gap"},
    ),
    "series": (
        Series(members=(INTERPHASE, TRANSFER)),
        lambda w, t: 1 / (1 / _interphase(w, t) + 1 / _transfer(w, t)),
        "1/y = sum_k 1/y_k",
        {"interphase", "charge_transfer"},
    ),
}
EVERY = pytest.mark.parametrize("name", LAWS)


@EVERY
@pytest.mark.parametrize("temperature", [253.15, 298.15, 373.15])
def test_code_and_formula_agree(name: str, temperature: float) -> None:
    """From 1e-6 to 1e8 Hz. The twins above are the formulas, each frequency by itself in plain Python."""
    law, twin, formula, _ = LAWS[name]
    expected = np.array([twin(w, temperature) for w in OMEGA])
    np.testing.assert_allclose(law(OMEGA, temperature), expected, rtol=1e-9)  # CODATA editions differ in eps0
    assert law.formula == formula  # type: ignore[attr-defined]


@EVERY
def test_laws_keep_the_shape_and_are_complex(name: str) -> None:
    law = LAWS[name][0]
    assert isinstance(law, Law)
    for omega in (0.0, 3.0, np.zeros(1), OMEGA, OMEGA.reshape(3, 19)):
        value = law(omega, 300.0)
        assert np.shape(value) == np.shape(omega)
        assert np.iscomplexobj(value)
        for part in law.parts(omega, 300.0).values():
            assert np.shape(part) == np.shape(omega)


@EVERY
def test_laws_are_passive_real_and_finite_at_direct_current(name: str) -> None:
    law = LAWS[name][0]
    direct = complex(law(np.zeros(1), 300.0)[0])
    assert direct.imag == 0.0
    assert 0.0 < direct.real < np.inf
    y = law(OMEGA, 300.0)
    assert np.all(y.real > 0)
    assert np.all(y.imag >= 0)  # capacitive throughout: no inductance in any of them


@EVERY
def test_parts_are_impedances_in_series_that_sum_to_the_whole(name: str) -> None:
    law, _, _, names = LAWS[name]
    omega = np.concatenate([[0.0], OMEGA])
    parts = law.parts(omega, 310.0)
    assert set(parts) == names
    np.testing.assert_allclose(sum(parts.values()), 1.0 / law(omega, 310.0), rtol=1e-13)
    assert all(np.all(part.real > 0) for part in parts.values())


def test_a_layer_in_a_gap_is_in_series_with_the_rest_and_blocks_with_it() -> None:
    law = FilledGap(thickness_m=30e-9, filling=BULK, share=0.25, permittivity=2.0)
    expected = [1 / (0.25 * 30e-9 / _bulk(w, 300.0) + 0.75 * 30e-9 / (1j * w * EPSILON_0 * 2)) for w in OMEGA]
    np.testing.assert_allclose(law(OMEGA, 300.0), expected, rtol=1e-9)
    np.testing.assert_allclose(law.parts(OMEGA, 300.0)["gap"], 1 / law(OMEGA, 300.0), rtol=1e-13)
    assert np.all(law(OMEGA, 300.0).real > 0)
    assert complex(law(0.0, 300.0)) == 0.0
    oil = FilledGap(thickness_m=30e-9, filling=Gap(thickness_m=1.0, permittivity=5.0), share=0.25, permittivity=2.0)
    assert complex(oil(0.0, 300.0)) == 0.0
    assert complex(oil(1.0, 300.0)) == pytest.approx(1j * EPSILON_0 / (30e-9 * (0.25 / 5 + 0.75 / 2)), rel=1e-9)
    with pytest.raises(InputError, match="share"):
        FilledGap(thickness_m=30e-9, filling=BULK, share=0.0)


@EVERY
def test_impedances_obey_kramers_and_kronig(name: str) -> None:
    """Z'(w) = Z'(inf) + (2/pi) P int_0^inf (x Z''(x) - w Z''(w)) / (w^2 - x^2) dx, with Z'(inf) = 0 for all of these.

    With e^(+j w t); x = w e^u makes the integrand smooth, so that the trapezoidal rule, offset around its removable
    singularity at u = 0, converges fast.
    """
    law = LAWS[name][0]
    u = (np.arange(-6000, 6000) + 0.5) * 0.01
    for w in 2 * np.pi * np.logspace(0, 7, 8):
        x = w * np.exp(u)
        z, at = 1.0 / law(x, 298.15), 1.0 / complex(law(w, 298.15))
        integrand = (x * z.imag - w * at.imag) / (w**2 - x**2) * x
        assert at.real == pytest.approx(2 / np.pi * integrand.sum() * 0.01, rel=1e-4)


def test_a_gap_blocks_direct_current_without_a_warning() -> None:
    omega = np.array([0.0, 1e3])
    capacitance = EPSILON_0 * 2.0 / 26e-9
    np.testing.assert_allclose(GAP(omega, 300.0), [0.0, 1j * 1e3 * capacitance], rtol=1e-9)
    z = GAP.parts(omega, 300.0)["gap"]
    assert z[0] == np.inf
    assert z[1] == pytest.approx(1 / (1j * 1e3 * capacitance), rel=1e-9)
    series = Series(members=(GAP, TRANSFER))
    np.testing.assert_allclose(series(omega, 300.0)[0], 0.0)
    assert 1 / series(omega, 300.0)[1] == pytest.approx(z[1] + 1 / TRANSFER(1e3, 300.0), rel=1e-12)
    assert GAP(0.0, 300.0).shape == ()


def test_gap_capacitance_of_the_literature() -> None:
    """A vacuum gap of 26 nm has 34 nF/cm2, one of 1 um 0.885 nF/cm2."""
    for thickness, nano_farad_per_cm2 in ((26e-9, 34.0), (1e-6, 0.885)):
        y = Gap(thickness_m=thickness)(1.0, 300.0)
        assert y.imag * 1e5 == pytest.approx(nano_farad_per_cm2, rel=2e-3)


@given(
    energy=st.floats(0.0, 1.0),
    hot=st.floats(200.0, 900.0),
    cold=st.floats(200.0, 900.0),
    form=st.sampled_from(["sigma", "sigma T"]),
)
def test_the_named_product_is_exponential_in_inverse_temperature(
    energy: float, hot: float, cold: float, form: str
) -> None:
    """Ln(v) or ln(v T) over 1/T is a straight line of slope -Ea/k through the value at the reference temperature."""
    v = Activated(value=0.55, activation_energy_J=energy * EV, form=form)  # type: ignore[arg-type]
    weight = (hot / cold) if form == "sigma T" else 1.0
    slope = -energy * EV / BOLTZMANN
    expected = slope * (1 / hot - 1 / cold)
    assert math.log(v.at(hot) / v.at(cold) * weight) == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert v.at(298.15) == pytest.approx(0.55, rel=1e-15)


def test_brick_layer_limits() -> None:
    """Direct current: rho = rho_bulk + R_gb/d. High frequency: two capacitors in series, eps0 eps_r and C_gb d."""
    law = BrickLayer(bulk=BULK, boundary=BOUNDARY, grain_size_m=1e-6)
    assert 1 / complex(law(0.0, 298.15)) == pytest.approx(1 / 1.43 + 1.118e-6 / 1e-6, rel=1e-13)
    high = 1e14
    ratio = complex(law(high, 298.15)) / complex(BULK(high, 298.15))
    assert ratio == pytest.approx(1.0 / (1.0 + EPSILON_0 * 30 / (0.09 * 1e-6)), rel=1e-6)
    # Between their relaxations (1.6 MHz and 0.9 GHz) the boundaries are short-circuited and the bulk still conducts.
    between = 2 * np.pi * 5e7
    assert 1 / complex(law(between, 298.15)) == pytest.approx(1 / complex(BULK(between, 298.15)), rel=0.06)
    # Very large grains: nothing but bulk.
    coarse = BrickLayer(bulk=BULK, boundary=BOUNDARY, grain_size_m=1.0)
    assert complex(coarse(0.0, 298.15)) == pytest.approx(complex(BULK(0.0, 298.15)), rel=1e-5)


def test_the_nzsp04_pellet_of_the_literature() -> None:
    """2 mm: bulk 14 ohm cm2, boundaries 22.36 ohm cm2, together 5.5 mS/cm; boundary arc at 1/(2 pi R C) = 1.58 MHz."""
    law = BrickLayer(
        bulk=Conductor(conductivity=Activated(value=2e-3 / 14e-4), permittivity=30),
        boundary=BOUNDARY,
        grain_size_m=1e-6,
    )
    parts = {name: 2e-3 * float(z.real) * 1e4 for name, z in law.parts(0.0, 298.15).items()}
    assert parts == pytest.approx({"bulk": 14.0, "grain_boundaries": 22.36}, rel=1e-12)
    assert complex(law(0.0, 298.15)).real == pytest.approx(0.55, rel=1e-3)
    frequencies = np.logspace(5, 7, 4001)
    arc = -law.parts(2 * np.pi * frequencies, 298.15)["grain_boundaries"].imag
    assert frequencies[np.argmax(arc)] == pytest.approx(1.0 / (2 * np.pi * 22.36 * 4.5e-9), rel=2e-3)


def test_a_cpe_of_exponent_one_is_a_capacitance() -> None:
    y = ResistorCapacitor(conductance=Activated(value=1e-30), cpe_prefactor=0.1)(OMEGA, 298.15)
    np.testing.assert_array_equal(y.real, 1e-30)  # no rounded cosine that grows with frequency
    np.testing.assert_allclose(y.imag, 0.1 * OMEGA, rtol=1e-15)


def test_a_zarc_is_depressed_by_its_exponent() -> None:
    """R parallel CPE: at w0 = (R Q)^(-1/n) the phase of Z is -n pi/4, and |Z|/R = 1/(2 cos(n pi/4))."""
    r, q, n = 2e-4, 0.3, 0.8
    w0 = (r * q) ** (-1 / n)
    z = 1 / complex(ResistorCapacitor(conductance=Activated(value=1 / r), cpe_prefactor=q, cpe_exponent=n)(w0, 298.15))
    assert cmath.phase(z) == pytest.approx(-n * math.pi / 4, rel=1e-12)
    assert abs(z) == pytest.approx(r / (2 * math.cos(n * math.pi / 4)), rel=1e-12)


def test_parts_of_the_same_name_are_added() -> None:
    twice = Series(members=(TRANSFER, TRANSFER))
    np.testing.assert_allclose(twice.parts(OMEGA, 300.0)["charge_transfer"], 2.0 / TRANSFER(OMEGA, 300.0), rtol=1e-14)


@pytest.mark.parametrize(
    "build",
    [
        lambda: Activated(value=0.0),
        lambda: Activated(value=-1.0),
        lambda: Activated(value=math.nan),
        lambda: Activated(value=1.0, activation_energy_J=-EV),
        lambda: Activated(value=1.0, activation_energy_J=math.inf),
        lambda: Activated(value=1.0, reference_temperature_K=0.0),
        lambda: Activated(value=1.0, form="T sigma"),  # type: ignore[arg-type]
        lambda: Conductor(conductivity=Activated(value=1.0), permittivity=-1.0),
        lambda: ResistorCapacitor(conductance=Activated(value=1.0), cpe_prefactor=-1.0),
        lambda: ResistorCapacitor(conductance=Activated(value=1.0), cpe_exponent=0.0),
        lambda: ResistorCapacitor(conductance=Activated(value=1.0), cpe_exponent=1.1),
        lambda: Gap(thickness_m=0.0),
        lambda: Gap(thickness_m=1e-9, permittivity=math.nan),
        lambda: BrickLayer(bulk=BULK, boundary=BOUNDARY, grain_size_m=0.0),
        lambda: PolycrystalMedium(bulk=BULK, boundary=BOUNDARY, grain_size_m=-1.0, response=_Elements()),
        lambda: Series(members=()),
    ],
)
def test_laws_that_would_not_be_passive_are_refused(build: Callable[[], object]) -> None:
    with pytest.raises(InputError, match=r"^\w+( = |: )"):
        build()


def test_laws_are_frozen() -> None:
    for law, *_ in LAWS.values():
        with pytest.raises(AttributeError):
            law.name = "other"  # type: ignore[attr-defined]
