"""A measured sweep keeps every point, says why one is left out, and becomes a spectrum per area."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aspot.errors import InputError
from aspot.measured import Measurement

F = np.logspace(6, 0, 61)
S = 2j * np.pi * F


def cell(inductance: float = 0.0) -> np.ndarray:
    """Resistance, two arcs and a lead in series [ohm]."""
    return 10 + 100 / (1 + S * 1e-4) + 50 / (1 + (S * 1e-2) ** 0.8) + S * inductance


def sweep(z: np.ndarray | None = None, **more: object) -> Measurement:
    return Measurement(frequency_Hz=F, impedance_ohm=cell() if z is None else z, **more)


def test_sorted_from_the_highest_frequency_with_impedances_and_reasons_in_step() -> None:
    order = np.random.default_rng(1).permutation(F.size)
    reasons = [f"reason {i}" if i % 7 == 0 else "" for i in order]
    m = Measurement(frequency_Hz=F[order], impedance_ohm=cell()[order], excluded=reasons)
    assert np.array_equal(m.frequency_Hz, F)
    assert np.array_equal(m.impedance_ohm, cell())
    assert m.excluded == tuple(f"reason {i}" if i % 7 == 0 else "" for i in range(F.size))


def test_what_cannot_be_used_is_excluded_and_stays_visible() -> None:
    z = cell()
    z[3], z[5], z[7] = math.nan, complex(1, math.inf), 0
    m = sweep(z)
    assert len(m) == F.size
    assert {i: r for i, r in enumerate(m.excluded) if r} == {
        3: "impedance is not a finite number",
        5: "impedance is not a finite number",
        7: "impedance is zero",
    }


def test_of_a_frequency_that_repeats_the_first_usable_point_is_kept() -> None:
    m = Measurement(frequency_Hz=[10, 10, 10, 1], impedance_ohm=[math.nan, 2, 3, 4])
    assert m.excluded == ("impedance is not a finite number", "", "frequency occurs again", "")
    assert np.array_equal(m.spectrum(1.0).impedance_ohm_cm2, [2, 4])


def test_the_spectrum_is_impedance_times_area_and_its_provenance_lists_every_point_left_out() -> None:
    m = sweep(source="a.mpt", sha256="0" * 64, format="BioLogic .mpt", temperature_K=310.0)
    m = m.excluding(F > 5e5, "too fast").restricted(minimum_Hz=2.0)
    s = m.spectrum(0.25)
    assert np.allclose(s.impedance_ohm_cm2, 0.25 * cell()[m.is_kept], rtol=1e-15)
    assert s.temperature_K == 310.0
    listed = {e["frequency_Hz"]: e["reason"] for e in s.provenance["excluded"]}
    assert listed == {f: "too fast" if f > 5e5 else "below 2 Hz" for f in F[(F > 5e5) | (F < 2)].tolist()}
    assert len(listed) + len(s) == F.size
    assert (s.provenance["sha256"], s.provenance["format"]) == ("0" * 64, "BioLogic .mpt")
    assert (s.provenance["area_cm2"], s.provenance["temperature_from"]) == (0.25, "file")
    json.loads(s.to_json())


def test_the_first_reason_stays() -> None:
    m = sweep().excluding(F > 1e5, "first").excluding(F > 1e4, "second")
    assert m.excluded[0] == "first"
    assert set(m.excluded) == {"first", "second", ""}


def test_temperature_of_argument_then_file_then_assumed() -> None:
    assert sweep().spectrum(1.0).provenance["temperature_from"] == "assumed"
    assert sweep().spectrum(1.0).temperature_K == 298.15
    given_one = sweep(temperature_K=310.0).spectrum(1.0, temperature_K=320.0)
    assert (given_one.temperature_K, given_one.provenance["temperature_from"]) == (320.0, "argument")


def test_area_is_needed_once_and_never_taken_from_the_file() -> None:
    with pytest.raises(InputError, match=r"area_cm2.*needed \(the file states 0.5 cm2\)"):
        sweep(metadata={"area_cm2": 0.5}).spectrum()
    for area in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(InputError, match="area_cm2: must be finite and positive"):
            sweep().spectrum(area)
    normalised = sweep(is_per_area=True)
    assert np.array_equal(normalised.spectrum().impedance_ohm_cm2, cell())
    with pytest.raises(InputError, match="already in ohm cm2"):
        normalised.spectrum(1.0)


def test_nothing_left_is_an_error_with_the_reason() -> None:
    with pytest.raises(InputError, match=r"every point is excluded.*because: broken"):
        sweep().excluding(np.ones(F.size, bool), "broken").spectrum(1.0)
    with pytest.raises(InputError, match="no kept point between"):
        sweep().restricted(1e7, 1e8)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frequency_Hz": []}, "at least one frequency"),
        ({"frequency_Hz": [[1.0]]}, "at least one frequency"),
        ({"impedance_ohm": [1.0]}, "shape of frequency_Hz"),
        ({"frequency_Hz": [1.0, -1.0]}, "finite and positive, got -1"),
        ({"frequency_Hz": [1.0, math.nan]}, "finite and positive, got nan"),
        ({"frequency_Hz": ["a", "b"]}, "must be numbers"),
        ({"excluded": ["a"]}, "one reason per point"),
        ({"excluded": "ab"}, "one reason per point"),
        ({"temperature_K": 0.0}, "temperature_K must be finite and positive"),
        ({"temperature_K": math.nan}, "temperature_K must be finite and positive"),
    ],
)
def test_refusals(change: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Measurement(**{"frequency_Hz": [1.0, 2.0], "impedance_ohm": [1.0, 2.0], **change})


def test_masks_are_boolean_of_the_right_shape_with_a_reason() -> None:
    for mask in (np.ones(3, bool), np.zeros(F.size, int)):
        with pytest.raises(InputError, match="mask must be 61 booleans"):
            sweep().excluding(mask, "reason")
    with pytest.raises(InputError, match="reason must not be empty"):
        sweep().excluding(np.ones(F.size, bool), "  ")


def test_nothing_can_be_changed_in_place() -> None:
    m = sweep()
    with pytest.raises(ValueError, match="read-only"):
        m.impedance_ohm[0] = 1
    with pytest.raises(TypeError):
        m.metadata["a"] = 1  # type: ignore[index]
    with pytest.raises(AttributeError):
        m.label = "other"  # type: ignore[misc]


def test_repr_says_points_range_and_excluded() -> None:
    text = repr(sweep(label="pellet", temperature_K=300.0, loop=2).restricted(maximum_Hz=1e5))
    assert text == "<Measurement 'pellet': 61 points in ohm, 1e+06 Hz to 1 Hz, 10 excluded, 300 K, loop 2>"


# --- the inductive tail ----------------------------------------------------------------------------------------------


@given(st.floats(-9, -4))
def test_the_tail_is_where_the_lead_outweighs_the_cell(exponent: float) -> None:
    """A monotone tail: exactly the points with Im Z > 0; those that stay are all capacitive."""
    z = cell(10**exponent)
    m = sweep(z).excluding_inductive()
    assert np.array_equal(~m.is_kept, z.imag > 0)
    assert set(m.excluded) <= {"", "inductive tail: Im Z > 0 at high frequency"}


def test_one_noisy_point_does_not_end_the_tail_and_a_loop_at_low_frequency_stays() -> None:
    z = cell(1e-6)
    tail = int(np.sum(z.imag > 0))
    assert tail > 5
    z[2] = z[2].conjugate()
    z[-4:] = z[-4:].conjugate()  # inductive loop
    m = sweep(z).excluding_inductive()
    assert np.array_equal(~m.is_kept, np.arange(F.size) < tail)


def test_without_a_tail_nothing_goes() -> None:
    assert sweep().excluding_inductive().n_excluded == 0


# --- outliers --------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(1, 59), min_size=1, max_size=4, unique=True), st.sampled_from([1.3, 0.7, -1.0, 3.0, 1j]))
def test_single_glitches_are_found_and_nothing_else(places: list[int], factor: complex) -> None:
    """Noise of 0.3 %, glitches of 30 % and more, not side by side."""
    places = [p for p in places if all(q == p or abs(p - q) > 3 for q in places)]
    rng = np.random.default_rng(5)
    z = cell() * (1 + 0.003 * (rng.standard_normal(F.size) + 1j * rng.standard_normal(F.size)))
    z[places] *= factor
    m = sweep(z).excluding_outliers()
    assert sorted(np.flatnonzero(~m.is_kept)) == sorted(places)


def test_arcs_lines_and_tails_are_no_outliers() -> None:
    for z in (cell(), cell(1e-5), 1 / S + 5, 30 / np.sqrt(S), np.full(F.size, 3.0 + 0j)):
        for step in (1, 2):
            m = Measurement(frequency_Hz=F[::step], impedance_ohm=z[::step])
            assert m.excluding_outliers().n_excluded == 0


def test_noise_throughout_is_refused_and_not_thinned_out() -> None:
    rng = np.random.default_rng(2)
    with pytest.raises(InputError, match="more than a fifth"):
        sweep(cell() * (1 + 0.5 * rng.standard_normal(F.size))).excluding_outliers()
    with pytest.raises(InputError, match="largest_deviation"):
        sweep().excluding_outliers(0.0)
