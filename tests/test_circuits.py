"""Equivalent circuits: elements against closed forms, exact derivatives, theorems of networks, and their text."""

from __future__ import annotations

import cmath

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aspot.analysis.circuit_text import PRESETS, circuit
from aspot.analysis.circuits import ELEMENTS, C, Circuit, G, L, Q, R, W, Wo, Ws, arcs_of, parallel, series
from aspot.analysis.fitted_circuit import Arc
from aspot.errors import InputError

F = np.geomspace(1e-3, 1e7, 41)
OMEGA = 2 * np.pi * F

#: A value of every kind, so that all elements of a circuit matter somewhere in F.
TYPICAL = {
    "resistance": 30.0, "capacitance": 2e-7, "inductance": 3e-7, "cpe_prefactor": 5e-7, "cpe_exponent": 0.83,
    "warburg_coefficient": 12.0, "time_constant": 0.04,
}  # fmt: skip

#: Every element, and every way in which they are put together.
CIRCUITS = [*ELEMENTS, "R-(RQ)_GB-(RQ)_Int", "L-R-(RQ)-(C[R-Wo])", "(Q[R(C[RWs])])", "(R1-L1,R2,Q3-G)", *PRESETS]


def values_of(c: Circuit) -> dict[str, float]:
    """Typical values, no two of them in a simple ratio."""
    out = {p.name: TYPICAL[p.kind] * 1.37**k for k, p in enumerate(c.parameters)}
    return {p.name: 0.95 - 0.06 * k if p.kind == "cpe_exponent" else out[p.name] for k, p in enumerate(c.parameters)}


def closed_form(symbol: str, w: float) -> complex:
    """Impedance of one element with typical values, written with cmath from the literature's formulas."""
    jw, t = 1j * w, TYPICAL
    x = cmath.sqrt(jw * t["time_constant"])
    r = t["resistance"]
    # tanh of large arguments is 1; cmath overflows there.
    tanh = cmath.tanh(x) if x.real < 300 else 1.0
    return {
        "R": r + 0j,
        "C": 1 / (jw * t["capacitance"]),
        "L": jw * t["inductance"],
        "Q": 1 / (t["cpe_prefactor"] * cmath.exp(t["cpe_exponent"] * cmath.log(jw))),
        "W": t["warburg_coefficient"] * (1 - 1j) * w**-0.5,
        "Ws": r * tanh / x,
        "Wo": r / (tanh * x),
        "G": r / cmath.sqrt(1 + jw * t["time_constant"]),
    }[symbol]


# Elements -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("symbol", ELEMENTS)
def test_element_equals_its_closed_form(symbol: str) -> None:
    """Formula stated twice: numpy code against cmath, ten decades."""
    element = ELEMENTS[symbol]("x")
    values = {p.name: TYPICAL[p.kind] for p in element.parameters}
    expected = np.array([closed_form(symbol, w) for w in OMEGA])
    assert np.max(np.abs(element.impedance(F, values) / expected - 1)) < 1e-12


@pytest.mark.parametrize("text", CIRCUITS)
def test_derivatives_equal_differences(text: str) -> None:
    """dZ/dp against central differences of fourth order in ln p: error (20 h)^4/30 (d/dn of (j w)^n), rounding/h."""
    c = circuit(text)
    values = values_of(c)
    z, slopes = c.with_derivatives(F, values)
    for k, name in enumerate(c.names):
        h = 2e-4
        at = [c.impedance(F, {**values, name: values[name] * np.exp(s * h)}) for s in (-2, -1, 1, 2)]
        difference = (at[0] - 8 * at[1] + 8 * at[2] - at[3]) / (12 * h * values[name])
        size = np.abs(difference) + np.abs(z) / values[name]
        assert np.max(np.abs(slopes[:, k] - difference) / size) < 1e-9, name


@pytest.mark.parametrize("text", CIRCUITS)
def test_impedance_is_homogeneous(text: str) -> None:
    """Z is of degree 1 in all R, L and sigma, of degree -1 in all C and Q: Euler's theorem, sum +-p dZ/dp = Z."""
    c = circuit(text)
    values = values_of(c)
    z, slopes = c.with_derivatives(F, values)
    degree = {"resistance": 1, "inductance": 1, "warburg_coefficient": 1, "capacitance": -1, "cpe_prefactor": -1}
    total = sum(degree.get(p.kind, 0) * values[p.name] * slopes[:, k] for k, p in enumerate(c.parameters))
    assert np.max(np.abs(total / z - 1)) < 1e-12


@pytest.mark.parametrize("text", CIRCUITS)
def test_circuits_are_passive(text: str) -> None:
    """Every network of passive elements has Re Z >= 0."""
    c = circuit(text)
    z = c.impedance(F, values_of(c))
    assert np.all(z.real >= -1e-15 * np.abs(z))


def test_finite_diffusion_has_its_limits() -> None:
    """Ws -> R, Wo -> R/3 + 1/(j w tau/R) as w -> 0; both are a Warburg element of R/(2 tau)^(1/2) as w -> oo."""
    slow, fast = np.array([1e-7]), np.array([1e6])
    r, tau = 7.0, 0.3
    warburg = W("x").impedance(fast, {"sigma_W_x": r / np.sqrt(2 * tau)})
    for element, limit in ((Ws(), r), (Wo(), r / 3 + r / (2j * np.pi * slow * tau))):
        values = dict(zip(element.names, (r, tau), strict=True))
        assert element.impedance(slow, values) == pytest.approx(limit, rel=1e-5)
        assert element.impedance(fast, values) == pytest.approx(warburg, rel=1e-12)


# Networks -----------------------------------------------------------------------------------------------------------


def test_series_and_parallel_follow_kirchhoff() -> None:
    """Impedances add in series, admittances in parallel, and both are associative."""
    a, b, d = R("1"), Q("2"), C("3")
    values = {"R_1": 10.0, "Q_2": 1e-5, "n_2": 0.8, "C_3": 1e-6}
    one = {c: c.impedance(F, {n: values[n] for n in c.names}) for c in (a, b, d)}
    np.testing.assert_allclose((a + b + d).impedance(F, values), sum(one.values()), rtol=1e-14)
    np.testing.assert_allclose((a | b | d).impedance(F, values), 1 / sum(1 / z for z in one.values()), rtol=1e-13)
    assert a + (b + d) == (a + b) + d == series(a, b, d)
    assert a | (b | d) == (a | b) | d == parallel(a, b, d)


def test_ladder_and_voigt_circuits_are_the_same_network() -> None:
    """(C1 [R1 (C2 R2)]) and (R C)(R C) have one impedance: partial fractions of Z give the values of the second."""
    r1, c1, r2, c2 = 12.0, 3e-7, 50.0, 2e-5
    ladder = circuit("(C1[R1(C2R2)])").impedance(F, {"R_1": r1, "C_1": c1, "R_2": r2, "C_2": c2})
    # Z = (b0 + b1 s)/(1 + a1 s + a2 s^2)
    a1, a2 = c1 * (r1 + r2) + c2 * r2, c1 * c2 * r1 * r2
    b0, b1 = r1 + r2, c2 * r1 * r2
    tau = -1 / np.roots([a2, a1, 1.0])
    # Z = sum R_k/(1 + s tau_k): R_a + R_b = b0, R_a tau_b + R_b tau_a = b1
    r_a = (b1 - b0 * tau[0]) / (tau[1] - tau[0])
    r_b = b0 - r_a
    values = {"R_1": r_a, "C_1": tau[0] / r_a, "R_2": r_b, "C_2": tau[1] / r_b}
    np.testing.assert_allclose(circuit("(RC)-(RC)").impedance(F, values), ladder, rtol=1e-11)


def test_arc_quantities() -> None:
    """The apex is where -Im Z of (RQ) is largest; for n = 1 both capacitances are Q itself; Brug's in his own form.

    G. J. Brug et al. (1984): C = [Q (1/R_0 + 1/R)^(n - 1)]^(1/n).
    """
    arc = Arc(resistance_ohm_cm2=53.0, cpe_prefactor=8e-8, cpe_exponent=0.87)
    f = np.geomspace(0.5, 2.0, 20001) * arc.apex_frequency_Hz
    z = circuit("(RQ)").impedance(f, {"R_1": 53.0, "Q_1": 8e-8, "n_1": 0.87})
    np.testing.assert_allclose(arc.impedance(f), z, rtol=1e-12)
    assert f[np.argmax(-z.imag)] == pytest.approx(arc.apex_frequency_Hz, rel=2e-4)
    assert arc.capacitance_F_per_cm2 == pytest.approx((53.0 ** (1 - 0.87) * 8e-8) ** (1 / 0.87), rel=1e-12)
    brug = (8e-8 * (1 / 14.0 + 1 / 53.0) ** (0.87 - 1)) ** (1 / 0.87)
    assert arc.brug_capacitance_F_per_cm2(14.0) == pytest.approx(brug, rel=1e-12)
    ideal = Arc(resistance_ohm_cm2=53.0, cpe_prefactor=3e-8, cpe_exponent=1.0)
    assert ideal.capacitance_F_per_cm2 == pytest.approx(3e-8, rel=1e-12)
    assert ideal.brug_capacitance_F_per_cm2(14.0) == pytest.approx(3e-8, rel=1e-12)


# Text ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("R-(RQ)_GB-(RQ)_Int", R("0") + (R("GB") | Q("GB")) + (R("Int") | Q("Int"))),
        ("R - (RQ)_GB - (RQ)_Int", R("0") + (R("GB") | Q("GB")) + (R("Int") | Q("Int"))),
        ("R0-p(R1,Q1)-W", R("0") + (R("1") | Q("1")) + W()),
        ("R(RCPE)(RCPE)", R("0") + (R("1") | Q("1")) + (R("2") | Q("2"))),
        ("R_0-(C_dl[R_ct W])", R("0") + (C("dl") | (R("ct") + W()))),
        ("R_0-(C_dl|R_ct-W)", R("0") + (C("dl") | (R("ct") + W()))),
        ("L-R-(RQ)-Ws-Wo_d-G", L("0") + R("0") + (R("1") | Q("1")) + Ws() + Wo("d") + G()),
        ("(Q[R(RC)])", Q("1") | (R("1") + (R("2") | C("2")))),
        ("[RL]", R("0") + L("0")),
        ("ortmann2022", R("0") + (R("GB") | Q("GB")) + (R("Int") | Q("Int"))),
    ],
)
def test_text_says_what_the_circuit_is(text: str, expected: Circuit) -> None:
    """Both common notations, impedance.py's p(R1,Q1) and Boukamp's R(RQ), mean the same networks."""
    assert circuit(text) == expected
    assert circuit(circuit(text)) == expected


def test_names_carry_the_labels() -> None:
    """The circuit of Ortmann et al. (2022) has the names that its figures use."""
    names = ("R_0", "R_GB", "Q_GB", "n_GB", "R_Int", "Q_Int", "n_Int")
    assert circuit("ortmann2022").names == names
    assert [p.unit for p in circuit("ortmann2022").parameters][:4] == ["ohm cm2", "ohm cm2", "S s^n/cm2", ""]
    assert [arc.label for arc in arcs_of(circuit("ortmann2022"))] == ["GB", "Int"]
    assert circuit("R-Ws1-W_d").names == ("R_0", "R_Ws1", "tau_Ws1", "sigma_W_d")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "element or a bracket expected, but the text ends"),
        ("R-", "character 3"),
        ("R-(RQ", "but the text ends"),
        ("R)", "character 2.*got '\\)'"),
        ("(R)", "at least two branches"),
        ("(R,,Q)", "character 4"),
        ("R-X", "character 3: 'X' is no element; there are R, C"),
        ("__import__('os')", "is no element"),
        ("R-R", "R_0 occurs twice; give the elements different labels"),
        ("R-(RQ)_1-(R1C1)", "R_1 occurs twice"),
        ("R-_GB", "got '_GB'"),
        ("(" * 20 + "R", "nested more than 12 deep"),
        ("R" * 301, "at most 300 characters"),
        (7, "must be text"),
    ],
)
def test_nonsense_is_refused_with_the_place(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        circuit(text)


@settings(max_examples=150)
@given(st.text(alphabet="RCLQWGso0129_aZ()[]-,|p ", max_size=40))
def test_any_text_is_read_back_or_refused(text: str) -> None:
    """Reading is the inverse of writing, and nothing but InputError comes out of the parser."""
    try:
        c = circuit(text)
    except InputError:
        return
    assert circuit(str(c)) == c


def test_values_are_checked() -> None:
    c = circuit("R-(RQ)")
    good = {"R_0": 1.0, "R_1": 2.0, "Q_1": 1e-6, "n_1": 1.0}
    assert np.all(np.isfinite(c.impedance(F, good)))
    for wrong, message in (
        ({"R_7": 1.0}, "R_7 is no parameter; its parameters are R_0"),
        ({"R_0": -1.0}, "R_0 = -1.0: must be finite and positive"),
        ({"n_1": 1.1}, "n_1 = 1.1: must be above 0 and at most 1"),
    ):
        with pytest.raises(InputError, match=message):
            c.impedance(F, {**good, **wrong})
    with pytest.raises(InputError, match="n_1 is missing"):
        c.impedance(F, {k: v for k, v in good.items() if k != "n_1"})
    with pytest.raises(InputError, match="frequencies must be finite and positive"):
        c.impedance([0.0], good)
    with pytest.raises(InputError, match="letters and digits only"):
        R("a b")
    with pytest.raises(InputError, match="needs at least one member"):
        series()
