"""A Spectrum is frozen, sorted, checked, and survives its files bit for bit."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aspot.errors import InputError
from aspot.spectrum import CSV_HEADER, Spectrum

finite = st.floats(allow_nan=False, allow_infinity=False, width=64)


def arc(n: int = 61) -> Spectrum:
    """R - (RC) of 10 and 40 ohm cm2."""
    f = np.logspace(0, 6, n)
    z = 10 + 40 / (1 + 2j * np.pi * f * 40e-6)
    return Spectrum(
        frequency_Hz=f,
        impedance_ohm_cm2=z,
        temperature_K=298.15,
        relative_error=np.full(n, 1e-4),
        provenance={"case": "abc", "versions": {"numpy": "2"}},
    )


@st.composite
def spectra(draw: st.DrawFn) -> Spectrum:
    f = draw(st.lists(st.floats(1e-6, 1e12), min_size=1, max_size=8, unique=True))
    z = [complex(draw(finite), draw(finite)) for _ in f]
    return Spectrum(frequency_Hz=f, impedance_ohm_cm2=z, temperature_K=draw(st.floats(1, 2000)))


def test_highest_frequency_comes_first_and_values_follow() -> None:
    s = Spectrum(
        frequency_Hz=[1, 100, 10], impedance_ohm_cm2=[1, 3, 2], temperature_K=300, relative_error=[0.1, 0.3, 0.2]
    )
    assert s.frequency_Hz.tolist() == [100, 10, 1]
    assert s.impedance_ohm_cm2.tolist() == [3, 2, 1]
    assert s.errors.tolist() == [0.3, 0.2, 0.1]
    assert s.largest_relative_error == 0.3


def test_it_cannot_be_changed_nor_through_the_caller_s_array() -> None:
    f = np.array([10.0, 1.0])
    s = Spectrum(frequency_Hz=f, impedance_ohm_cm2=f + 0j, temperature_K=300, provenance={"a": 1})
    f[0] = 99.0
    assert s.frequency_Hz[0] == 10.0
    with pytest.raises(ValueError, match="read-only"):
        s.impedance_ohm_cm2[0] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        s.temperature_K = 1.0  # type: ignore[misc]
    with pytest.raises(TypeError):
        s.provenance["a"] = 2  # type: ignore[index]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frequency_Hz": [1.0, -1.0]}, "frequency_Hz must be finite and positive"),
        ({"frequency_Hz": [1.0, np.nan]}, "frequency_Hz must be finite"),
        ({"frequency_Hz": [1.0, 1.0]}, "1 Hz twice"),
        ({"frequency_Hz": [1.0]}, "shape"),
        ({"frequency_Hz": []}, "at least one"),
        ({"frequency_Hz": ["a", "b"]}, "numbers"),
        ({"impedance_ohm_cm2": [1.0, np.inf]}, "must be finite, got .* at 2 Hz"),
        ({"temperature_K": 0.0}, "temperature_K"),
        ({"temperature_K": np.nan}, "temperature_K"),
        ({"temperature_K": "warm"}, "numbers"),
        ({"relative_error": -1.0}, "relative_error"),
        ({"relative_error": [0.1, 0.1, 0.1]}, "relative_error"),
    ],
)
def test_impossible_values_are_refused_by_name(change: dict[str, object], message: str) -> None:
    good = {"frequency_Hz": [1.0, 2.0], "impedance_ohm_cm2": [1.0, 2.0], "temperature_K": 300.0}
    with pytest.raises(InputError, match=message):
        Spectrum(**(good | change))  # type: ignore[arg-type]


def test_restricted_is_a_closed_range() -> None:
    s = arc().restricted(1e2, 1e4)
    assert s.frequency_Hz[0] == pytest.approx(1e4)
    assert s.frequency_Hz[-1] == pytest.approx(1e2)
    assert len(s.errors) == len(s)
    assert s.provenance["case"] == "abc"
    with pytest.raises(InputError, match="no frequency between"):
        arc().restricted(1e7, 1e8)


def test_relative_difference_of_a_scaled_spectrum() -> None:
    s = arc()
    other = Spectrum(frequency_Hz=s.frequency_Hz, impedance_ohm_cm2=s.impedance_ohm_cm2 * 1.02, temperature_K=300)
    np.testing.assert_allclose(s.relative_difference(other), 0.02, rtol=1e-9)
    with pytest.raises(InputError, match="same frequencies"):
        s.relative_difference(arc(60))


def test_admittance_is_one_over_impedance() -> None:
    s = arc()
    np.testing.assert_allclose(s.admittance_S_per_cm2 * s.impedance_ohm_cm2, 1, rtol=1e-14)


def test_csv_is_the_contract(tmp_path: Path) -> None:
    arc().to_csv(tmp_path / "s.csv")
    lines = (tmp_path / "s.csv").read_text().splitlines()
    assert lines[0] == "frequency_Hz,Z_real_ohm_cm2,Z_imag_ohm_cm2" == CSV_HEADER
    f = [float(line.split(",")[0]) for line in lines[1:]]
    assert f == sorted(f, reverse=True)
    assert len(f) == 61


@given(spectra())
def test_csv_and_json_round_trip_bit_for_bit(tmp_path_factory: pytest.TempPathFactory, s: Spectrum) -> None:
    folder = tmp_path_factory.mktemp("s")
    s.to_csv(folder / "s.csv")
    s.to_json(folder / "s.json")
    assert Spectrum.from_csv(folder / "s.csv", temperature_K=s.temperature_K) == s
    assert Spectrum.from_json(folder / "s.json") == s


def test_json_keeps_provenance_and_errors_and_is_strict(tmp_path: Path) -> None:
    s = arc()
    text = s.to_json(tmp_path / "s.json")

    def refuse(name: str) -> None:
        raise AssertionError(name)

    json.loads(text, parse_constant=refuse)
    back = Spectrum.from_json(tmp_path / "s.json")
    assert dict(back.provenance) == dict(s.provenance)
    np.testing.assert_array_equal(back.errors, s.errors)
    unknown = Spectrum(frequency_Hz=[1.0], impedance_ohm_cm2=[1.0], temperature_K=300)
    json.loads(unknown.to_json(tmp_path / "u.json"), parse_constant=refuse)
    assert np.isnan(Spectrum.from_json(tmp_path / "u.json").largest_relative_error)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "first line must be"),
        ("f,re,im\n1,2,3\n", "first line must be"),
        (CSV_HEADER + "\n", "no data"),
        (CSV_HEADER + "\n1,2\n", "line 2: three numbers"),
        (CSV_HEADER + "\n1,2,x\n", "line 2: three numbers"),
        (CSV_HEADER + "\n1,2,nan\n", "must be finite"),
        (CSV_HEADER + "\n-1,2,3\n", "positive"),
    ],
)
def test_damaged_csv_is_refused_with_the_reason(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "s.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        Spectrum.from_csv(path)
    assert "s.csv" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", '{"format": "aspot-spectrum", "format_version": 99}',
        '{"format": "aspot-spectrum", "format_version": 1}',
        '{"format": "aspot-spectrum", "format_version": 1, "temperature_K": 300, "frequency_Hz": [1], "provenance": {},'
        ' "relative_error": null, "Z_real_ohm_cm2": ["x"], "Z_imag_ohm_cm2": [1]}',
        '{"format": "aspot-spectrum", "format_version": 1, "temperature_K": null, "frequency_Hz": [1],'
        ' "provenance": {}, "relative_error": null, "Z_real_ohm_cm2": [1], "Z_imag_ohm_cm2": [1]}',
    ],
)  # fmt: skip
def test_damaged_json_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "s.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"s\.json"):
        Spectrum.from_json(path)


def test_missing_file_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        Spectrum.from_csv(tmp_path / "none.csv")


def test_repr_says_what_it_is() -> None:
    text = repr(arc())
    assert "61 frequencies" in text
    assert "1e+06 Hz" in text
    assert "298.15 K" in text
