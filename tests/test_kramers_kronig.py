"""The Kramers-Kronig test accepts what a linear, causal, stationary cell gives, and nothing else."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from samples import result

import aspot
from aspot.analysis.kramers_kronig import KramersKronig, _beyond_outliers, check_kramers_kronig, excluding_inconsistent
from aspot.errors import InputError
from aspot.measured import Measurement
from aspot.parametric import Family
from aspot.spectrum import Spectrum

Complex = NDArray[np.complex128]
Real = NDArray[np.float64]

F = np.logspace(6.8, 0, 69)
W = 2j * np.pi * F


def check(z: Complex, f: Real = F, **options: Any) -> KramersKronig:
    return check_kramers_kronig(Spectrum(frequency_Hz=f, impedance_ohm_cm2=z, temperature_K=298.15), **options)


def two_arcs(s: Complex = W) -> Complex:
    return 5 + 20 / (1 + s * 20 * 5e-9) + 50 / (1 + (s * 50 * 1e-6) ** 0.8)


def noise(share: float, seed: int = 0, n: int = F.size) -> Complex:
    random = np.random.default_rng(seed)
    return 1 + share * (random.standard_normal(n) + 1j * random.standard_normal(n))


# What is right --------------------------------------------------------------------------------------------------------

CIRCUITS = {
    "resistor": 3 + 0 * W,
    "two arcs": two_arcs(),
    "any scale": two_arcs() * 1e-12,
    "blocking": two_arcs() + 1 / (W * 1e-6),
    "lead": two_arcs() + W * 1e-7,
    "cable, L parallel to R": two_arcs() + W * 1e-7 / (1 + W * 1e-7 / 5),
    "constant phase": 1 / (1e-7 * W**0.9),
    "Warburg": 30 / np.sqrt(W),
    "finite Warburg": 1 + 30 * np.tanh(np.sqrt(W * 1e-2)) / np.sqrt(W * 1e-2),
    "Gerischer": 1 + 30 / np.sqrt(1 + W * 1e-3),
    "arc cut at the high end": 10 + 100 / (1 + W * 2e-9),
    "arc cut at the low end": 10 + 100 / (1 + W * 10),
    "arc far above": 10 + 1000 / (1 + W * 1e-12),
    "six arcs": np.sum([10 / (1 + W * t) for t in np.logspace(-8, 1, 6)], axis=0),
}


@pytest.mark.parametrize("name", CIRCUITS)
def test_passive_circuits_pass(name: str) -> None:
    """Residues of a network of R and C are positive, in and beyond the window; L is that of leads."""
    found = check(CIRCUITS[name])
    assert found.passes
    assert found.largest < 3e-4
    assert "obeys" in found.statement


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-3, 3), st.floats(-12, 4), st.floats(0.4, 1.0)), min_size=1, max_size=5),
    st.floats(-4, 8),
    st.floats(2, 9),
    st.integers(3, 20),
)
def test_random_passive_networks_pass(
    parts: list[tuple[float, float, float]], top: float, decades: float, per_decade: int
) -> None:
    """Any number of R-CPE elements of any time, in any window, however sparse."""
    f = np.logspace(top, top - decades, int(decades * per_decade) + 5)
    z = np.sum([10**r / (1 + (2j * np.pi * f * 10**t) ** n) for r, t, n in parts], axis=0)
    found = check(z, f)
    assert found.passes, found.statement


WINDOWS = [("1 GHz", "1 mHz", 10), ("7 MHz", "1 Hz", 10), ("100 kHz", "100 Hz", 5), ("1 GHz", "1 MHz", 30)]
SPOT = {"kind": "spots", "arrangement": "single", "radius": "20 um", "contact_fraction": 0.05}
CONTACTS: dict[str, dict[str, Any]] = {
    "ideal": {},
    "transfer": {"charge_transfer_resistance": "2 ohm cm^2", "double_layer_capacitance": "10 uF/cm^2"},
    "blocking": {"charge_transfer_resistance": "1e9 ohm cm^2", "double_layer_capacitance": "10 uF/cm^2"},
    "constant phase": {"charge_transfer_resistance": "50 ohm cm^2", "cpe_prefactor": 0.1, "cpe_exponent": 0.7},
}
CELLS: dict[str, dict[str, Any]] = {
    "spot": {"working_electrode.morphology": SPOT},
    "pores": {
        "working_electrode.morphology": {
            "kind": "pores", "arrangement": "hexagonal", "radius": "5 um", "contact_fraction": 0.4
        },
        "numerics": {"relative_tolerance": 1e-2},
    },
    "planar": {},
    "pellet": {
        "electrolyte.diameter": "10 mm", "working_electrode.diameter": "6 mm", "working_electrode.morphology": SPOT
    },
    "insulator": {"electrolyte.conductivity": "1e-9 S/cm", "working_electrode.morphology": SPOT},
}  # fmt: skip


@lru_cache
def family(contact: str, cell: str) -> Family:
    """One geometry, solved once; other windows cost milliseconds."""
    base = aspot.Cell(
        electrolyte={"thickness": "1 mm", "conductivity": "10 mS/cm", "permittivity": 30},
        frequencies={"start": "1 GHz", "stop": "1 mHz", "per_decade": 2},
    )
    electrode = {"working_electrode.contact": CONTACTS[contact]} if CONTACTS[contact] else {}
    gap = {"working_electrode.gap.thickness": "30 nm"} if cell != "planar" else {}
    return Family(aspot.simulate(base.with_(**{**CELLS[cell], **electrode, **gap})))


@pytest.mark.parametrize("window", WINDOWS, ids=[f"{a} to {b}" for a, b, _ in WINDOWS])
@pytest.mark.parametrize("contact", CONTACTS)
@pytest.mark.parametrize("cell", CELLS)
def test_computed_spectra_pass(cell: str, contact: str, window: tuple[str, str, int]) -> None:
    """Whatever the interface, and whether its arcs lie in the window or not."""
    start, stop, per_decade = window
    frequencies = {"start": start, "stop": stop, "per_decade": per_decade}
    found = check_kramers_kronig(family(contact, cell).spectrum(frequencies=frequencies))
    assert found.passes, found.statement
    assert found.largest < 3e-4


def test_noise_alone_is_no_reason_to_reject() -> None:
    """Normal noise in proportion to |Z|, as sine correlators have: 1 in 100 spectra may fail."""
    passed = [check(two_arcs() * noise(0.003, seed)) for seed in range(60)]
    assert sum(found.passes for found in passed) >= 58
    assert np.median([found.scatter for found in passed]) == pytest.approx(0.003, rel=0.1)


# What is wrong --------------------------------------------------------------------------------------------------------


def _point(index: int, factor: complex) -> Complex:
    z = np.ones(F.size, complex)
    z[index] = factor
    return z


def _swapped(z: Complex, i: int, k: int) -> Complex:
    out = z.copy()
    out[[i, k]] = z[[k, i]]
    return out


PROGRESS = np.linspace(0, 1, F.size)  # of a sweep whose points take equally long
WAITED = np.cumsum(1 / F) / np.sum(1 / F)  # of one with as many periods at every point

#: What is done to a spectrum that is right.
FAULTS = {
    "sign of Im flipped": np.conj,
    "modulus alone": lambda z: np.abs(z) + 0j,
    "Im times 1.05": lambda z: z.real + 1.05j * z.imag,
    "Im times 1.02": lambda z: z.real + 1.02j * z.imag,
    "Im of the reversed sweep": lambda z: z.real + 1j * z.imag[::-1],
    "phase off by 1 degree": lambda z: z * np.exp(1j * np.pi / 180),
    "first point 2 % off": lambda z: z * _point(0, 1.02),
    "middle point 1 % off": lambda z: z * _point(34, 1.01),
    "last point 2 % off": lambda z: z * _point(-1, 1.02),
    "neighbours swapped": lambda z: _swapped(z, 20, 21),
    "far points swapped": lambda z: _swapped(z, 20, 50),
    "range of the instrument 1 % off": lambda z: np.where(F > 1e3, z, 1.01 * z),
    "clipped": lambda z: z * np.minimum(1, 0.7 * np.abs(z).max() / np.abs(z)),
    "growing by 1 %": lambda z: z * (1 + 0.01 * PROGRESS),
    "shrinking by 1 %": lambda z: z * (1 - 0.01 * PROGRESS),
    "growing by 10 %": lambda z: z * (1 + 0.1 * PROGRESS),
    "growing by 3 % with the time of the periods": lambda z: z * (1 + 0.03 * WAITED),
    "one arc growing by 5 %": lambda z: z + 0.05 * PROGRESS * 50 / (1 + (W * 50 * 1e-6) ** 0.8),
    "unstable": lambda z: z + 20 / (1 - W * 1e-4),
    "active": lambda z: z - 100 / (1 + W * 1e-3),
    "gains with frequency": lambda z: z.real * (F / F[-1]) ** 0.02 + 1j * z.imag,
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", ["circuit", "computed"])
def test_faults_are_found(name: str, fault: str) -> None:
    z = two_arcs() if name == "circuit" else _computed()
    found = check(FAULTS[fault](z))
    assert not found.passes
    assert "deviates" in found.statement


@lru_cache
def _computed() -> Complex:
    return Family(result()).spectrum(frequencies={"values": F.tolist()}).impedance_ohm_cm2


@pytest.mark.parametrize(
    "fault",
    ["sign of Im flipped", "Im times 1.05", "growing by 10 %", "phase off by 1 degree", "one arc growing by 5 %"],
)
def test_faults_are_found_under_noise(fault: str) -> None:
    """0.1 % of noise hides none of these."""
    assert not any(check(FAULTS[fault](two_arcs()) * noise(0.001, seed)).passes for seed in range(10))


@pytest.mark.parametrize("bad", [0, 1, 20, 34, 67, 68])
def test_one_wrong_point_is_found_and_spoils_no_other(bad: int) -> None:
    """The point alone is inconsistent, its residual is its error, and the ladder passes through where it should be."""
    found = check(two_arcs() * _point(bad, 1.1) * noise(1e-4))
    assert np.flatnonzero(~found.is_consistent).tolist() == [bad]
    assert np.flatnonzero(found.is_outlier).tolist() == [bad]
    # The value beyond the end of a spectrum is known less well than one within.
    assert found.residual[bad] == pytest.approx(0.1 / 1.1, rel=0.02 if 0 < bad < 68 else 0.1)
    assert np.delete(found.residual, bad).max() < 6e-4
    assert found.fitted_ohm_cm2[bad] == pytest.approx(two_arcs()[bad], rel=0.01)
    assert f"1 of 69 points by more than 5 % ({F[bad]:.3g} Hz)" in found.statement


def test_a_small_error_is_an_outlier_but_within_the_threshold() -> None:
    found = check(two_arcs() * _point(30, 1.02) * noise(1e-3))
    assert np.flatnonzero(found.is_outlier).tolist() == [30]
    assert found.is_consistent.all() and not found.passes
    assert not check(two_arcs() * _point(30, 1.02), threshold=0.005).is_consistent[30]


def test_many_points() -> None:
    """More data than unknowns, where several points are left out at a time."""
    f = np.logspace(6, 0, 700)
    z = two_arcs(2j * np.pi * f) * noise(1e-3, n=700)
    assert check(z, f).passes
    bad = np.random.default_rng(1).choice(700, 30, replace=False)
    z[bad] *= 1 + 0.1 * np.exp(2j * np.pi * np.arange(30) / 30)
    assert np.flatnonzero(check(z, f).is_outlier).tolist() == sorted(bad.tolist())


def test_scatter_and_slow_deviation_are_told_apart() -> None:
    """A drift by 5 % leaves a slow part whatever the noise; the scatter is that of the noise."""
    for share in (1e-3, 2e-3):
        found = check(two_arcs() * (1 + 0.05 * PROGRESS) * noise(share))
        assert found.has_slow_deviation
        assert found.scatter == pytest.approx(share, rel=0.2)
        assert 1e-3 < found.systematic < 1e-2
    assert not check(two_arcs() * noise(1e-3)).has_slow_deviation


def test_accuracy_says_what_does_not_matter() -> None:
    """A drift of 1 % over seven decades leaves about 0.06 %: beyond 0.03 %, within an accuracy of 0.3 %."""
    z = two_arcs() * (1 + 0.01 * PROGRESS)
    assert not check(z).passes
    assert check(z, accuracy=3e-3).passes


def test_the_low_end_of_a_drifting_cell_is_marked_as_a_whole() -> None:
    """A resistance that changes from 1 Hz on: what is inconsistent is the end, up to and with the last point."""
    f = np.logspace(5, -1.8, 69)
    w = 2j * np.pi * f
    z = 10 + 100 / (1 + w * 1e-4) + np.where(f < 0.5, 1 + np.log10(0.5 / f), 1) * 100 / (1 + w * 0.5)
    found = check(z * noise(1e-3), f)
    marked = np.flatnonzero(~found.is_consistent | found.is_outlier)
    assert marked[-1] == 68
    assert f[marked[0]] < 1.0
    assert (np.diff(marked) == 1).all()


def test_nothing_is_said_for_a_point_behind_wrong_ones() -> None:
    z = two_arcs()
    z[63:68] *= 1.3
    assert np.flatnonzero(check(z).is_outlier).tolist() == [63, 64, 65, 66, 67, 68]


@pytest.mark.parametrize(
    ("left_out", "cut_off"),
    [
        ("..........", ".........."),
        (".....xxx..", ".....xxxxx"),
        (".xxxx.....", "xxxxx....."),
        (".....xxx...", "..........."),
        (".....xx.x.", ".........."),
        ("xxx.....xx", "xxx......."),
        ("..xxx.xxxx", "xxxxx.xxxx"),
    ],
)
def test_an_end_beyond_a_run_of_outliers_is_cut_off(left_out: str, cut_off: str) -> None:
    """One or two points beyond three that are wrong have nothing beside them that would tell."""
    found = _beyond_outliers(np.array([c == "x" for c in left_out]))
    assert "".join("x" if c else "." for c in found) == cut_off


def test_inductive_loops_have_to_be_allowed() -> None:
    """A stable relaxation of negative resistance is causal: refused as unlike a cell, accepted when asked for."""
    z = two_arcs() - 10 / (1 + W * 0.01)
    refused, allowed = check(z), check(z, inductive_loops=True)
    assert not refused.passes and allowed.passes
    assert refused.largest_with_loops < 1e-3
    assert "inductive loop" in refused.statement
    assert np.isnan(check(np.conj(z)).largest_with_loops)
    assert not check(np.conj(z), inductive_loops=True).passes


def test_the_answer_does_not_depend_on_units() -> None:
    """Scaling impedance and frequency, or turning the sweep round, changes nothing."""
    z = two_arcs() * noise(0.002) * _point(12, 1.2)
    here, there = check(z), check(1e7 * z[::-1], 1e-3 * F[::-1])
    assert there.residual == pytest.approx(here.residual, rel=1e-6)
    assert (there.is_outlier == here.is_outlier).all()


# Measured sweeps ------------------------------------------------------------------------------------------------------


def test_inconsistent_points_are_excluded_with_a_reason() -> None:
    z = two_arcs() * _point(20, 1.3) * _point(40, 0.8)
    sweep = Measurement(frequency_Hz=F, impedance_ohm=z).excluding(np.arange(F.size) == 5, "by hand")
    found = excluding_inconsistent(sweep)
    assert {i: r for i, r in enumerate(found.excluded) if r} == {
        5: "by hand",
        20: "Kramers-Kronig residual above 5 %",
        40: "Kramers-Kronig residual above 5 %",
    }
    assert excluding_inconsistent(sweep, threshold=0.5).excluded == sweep.excluded
    with pytest.raises(InputError, match="points are consistent within threshold"):
        excluding_inconsistent(Measurement(frequency_Hz=F[:12], impedance_ohm=np.conj(z[:12])), threshold=1e-5)


def test_input_that_cannot_be_tested() -> None:
    with pytest.raises(InputError, match="at least 5"):
        check(two_arcs()[:4], F[:4])
    with pytest.raises(InputError, match="at most 3000 frequencies are needed, got 3001"):
        check(np.ones(3001, complex), np.linspace(1, 2, 3001))
    with pytest.raises(InputError, match="must not vanish"):
        check(two_arcs() * _point(3, 0.0))
    for name in ("threshold", "accuracy"):
        with pytest.raises(InputError, match=name):
            check(two_arcs(), **{name: np.nan})
