"""Strings with units: the right number, or one clear InputError."""

import math
import string
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aspot.errors import InputError
from aspot.units import KINDS, outward, quantity

ELEMENTARY_CHARGE = 1.602176634e-19  # C, exact since 2019
AVOGADRO = 6.02214076e23  # 1/mol, exact since 2019

# Strings of every kind with their SI value, worked out by hand.
KNOWN = [
    ("2 mm", "length", 2e-3),
    ("26 nm", "length", 26e-9),
    ("10 µm", "length", 10e-6),  # micro sign
    ("10 μm", "length", 10e-6),  # Greek mu
    ("25 degC", "temperature", 298.15),
    ("25 °C", "temperature", 298.15),
    ("300 K", "temperature", 300.0),
    ("5.5 mS/cm", "conductivity", 0.55),
    ("5.5 mS cm^-1", "conductivity", 0.55),
    ("5.5 mS·cm⁻¹", "conductivity", 0.55),
    ("1e-6 S/cm", "conductivity", 1e-4),
    ("0.37 eV", "activation energy", 0.37 * ELEMENTARY_CHARGE),
    ("25 kJ/mol", "activation energy", 25e3 / AVOGADRO),
    ("12 ohm cm^2", "area-specific resistance", 12e-4),
    ("12 Ω cm²", "area-specific resistance", 12e-4),
    ("12 ohm*cm**2", "area-specific resistance", 12e-4),
    ("12 ohm cm2", "area-specific resistance", 12e-4),
    ("34 nF/cm^2", "area-specific capacitance", 34e-5),
    ("34 nF cm-2", "area-specific capacitance", 34e-5),
    ("9 uF/cm^2", "area-specific capacitance", 0.09),
    ("7 MHz", "frequency", 7e6),
    ("7 mHz", "frequency", 7e-3),
    ("10 mA/cm^2", "current density", 100.0),
]


@pytest.mark.parametrize(("text", "kind", "si"), KNOWN)
def test_strings_become_si(text: str, kind: str, si: float) -> None:
    assert quantity(text, kind) == pytest.approx(si, rel=1e-13)


@pytest.mark.parametrize("kind", KINDS)
def test_bare_numbers_are_si(kind: str) -> None:
    assert quantity(3, kind) == 3.0
    assert quantity("3e2", kind) == 300.0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("text", "own"), [(text, kind) for text, kind, _ in KNOWN])
def test_a_unit_of_another_kind_is_refused(text: str, own: str, kind: str) -> None:
    if own == kind:
        return
    with pytest.raises(InputError, match=f"must be an? {kind}"):
        quantity(text, kind)


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        math.inf,
        -math.inf,
        10**400,
        "1e999 m",
        "nan m",
        "inf m",
        True,
        None,
        [1.0],
        {"m": 1},
        1j,
        b"1 m",
        "",
        " ",
    ],
)
def test_what_is_not_a_finite_number_is_refused(value: object) -> None:
    with pytest.raises(InputError, match="length"):
        quantity(value, "length")


@pytest.mark.parametrize(
    "text",
    [
        # Towers of powers, which a parser that evaluates them never finishes.
        "1 m**9**9**9",
        "1 m^(9^9^9)",
        "1 9**9**9**9 m",
        # Numbers, comments, code and attributes inside the unit.
        "2 mm*3",
        "2 mm + 1 mm",
        "2 m #comment",
        "1 m\x00",
        "1 m.__class__",
        "__import__('os')",
        "1 __import__('os')",
        "1 m\n1 m",
        "1_000 m",
        "١ m",
        "0x10 m",
        "2 9 mm",
        "m",
        "1 m" + " m/m" * 40,
    ],
)
def test_only_products_of_powers_of_units_are_read(text: str) -> None:
    with pytest.raises(InputError, match="length"):
        quantity(text, "length")


@pytest.mark.parametrize("text", ["7 rad/s", "7 rpm", "360 deg/s", "1 turn/s"])
def test_angular_frequencies_are_not_taken_for_frequencies(text: str) -> None:
    """Omega = 2 pi f: a dimension check alone would let 7 rad/s pass as 7 Hz."""
    with pytest.raises(InputError, match="frequency"):
        quantity(text, "frequency")


def test_temperature_differences_are_not_temperatures() -> None:
    for text in ("25 delta_degC", "25 Δ°C"):
        with pytest.raises(InputError, match="temperature"):
            quantity(text, "temperature")


@given(
    number=st.floats(1e-12, 1e12),
    unit=st.sampled_from(["km", "m", "cm", "mm", "um", "nm", "pm"]),
    space=st.sampled_from(["", " ", "  "]),
)
def test_lengths_scale_with_their_prefix(number: float, unit: str, space: str) -> None:
    factor = {"km": 1e3, "m": 1.0, "cm": 1e-2, "mm": 1e-3, "um": 1e-6, "nm": 1e-9, "pm": 1e-12}[unit]
    assert quantity(f"{number!r}{space}{unit}", "length") == pytest.approx(number * factor, rel=1e-13)


@given(
    text=st.text(max_size=100) | st.text(string.digits + "eE.+- */^()mcnuSΩ°degCK%", max_size=40),
    kind=st.sampled_from(list(KINDS)),
)
@example(text="0 m/((((((", kind="length")
@example(text="1 degC*degC", kind="temperature")
@example(text="1 1/degC", kind="temperature")
def test_any_text_is_a_finite_number_or_an_input_error(text: str, kind: str) -> None:
    try:
        outcome: object = quantity(text, kind)
    except InputError as error:
        outcome = str(error)
    assert "\n" not in outcome if isinstance(outcome, str) else math.isfinite(outcome)  # type: ignore[arg-type]


@given(low=st.floats(1e-6, 1e6), width=st.floats(1e-12, 1.0))
def test_a_guaranteed_interval_is_rounded_outward_and_hardly_grows(low: float, width: float) -> None:
    """What is printed contains the interval, and is longer by two fifths of its width or of the ninth digit at most."""
    high = low * (1.0 + width)
    a, b = (Fraction(text) for text in outward(low, high))
    exact = Fraction(low), Fraction(high)
    assert a <= exact[0] and exact[1] <= b
    ninth = Fraction(10) ** (math.floor(math.log10(high)) - 8)
    assert float(b - a) <= 1.0001 * float(exact[1] - exact[0] + max(2 * (exact[1] - exact[0]) / 5, 2 * ninth))
