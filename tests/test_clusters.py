"""Many contacts as points for each other: lattice sums, Greenwood's formula, and the principle of least dissipation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aspot.analytic import (
    array_constriction,
    cluster_resistance,
    lattice_pitch,
    lattice_potential,
    periodic_cluster_resistance,
)
from aspot.errors import InputError
from aspot.morphology import packing


def test_the_potential_of_a_lattice_is_that_of_its_charges_and_background() -> None:
    """Sum of 1/s inside a large circle minus the uniform background there, 2 pi R/area.

    The lattice is neutral, so that the sum converges, with fluctuations of the order R^(-1/2) by the rim: averaged over
    many radii they are small.
    """
    size_x, size_y, x, y = 1.0, 1.6, 0.3, -0.5
    i, j = np.meshgrid(np.arange(-200, 201), np.arange(-200, 201))
    s = np.sort(np.hypot(x + i * size_x, y + j * size_y).ravel())
    s = s[s < 190]
    radius = np.linspace(100, 190, 4000)
    sums = np.concatenate([[0.0], np.cumsum(1 / s)])[np.searchsorted(s, radius)] - 2 * np.pi * radius / 1.6
    assert float(lattice_potential(x, y, size_x, size_y)) == pytest.approx(sums.mean(), abs=5 * sums.std() / 63)


def test_the_potential_of_a_lattice_scales_repeats_and_has_no_mean() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.random((2, 50))
    v = lattice_potential(x, y, 1.0, 2.5)
    assert lattice_potential(3 * x, 3 * y, 3.0, 7.5) == pytest.approx(v / 3, rel=1e-12)
    assert lattice_potential(x - 2, 5.0 - y, 1.0, 2.5) == pytest.approx(v, rel=1e-10)
    # Its cosines cancel on a regular grid up to the sum over a lattice that is n times finer, of the order 1/n.
    n = 64
    g = (np.arange(n) + 0.5) / n
    mean = lattice_potential(*np.meshgrid(g, g), 1.0, 1.0).mean()
    assert mean == pytest.approx(float(lattice_potential(0.5 / n, 0.5 / n, 1 / n, 1 / n)) / n**2, rel=1e-6)


@pytest.mark.parametrize("lattice", ["square", "hexagonal"])
def test_points_for_each_other_are_good_in_dilute_arrays(lattice: str) -> None:
    """Against exact arrays: the error falls as the cube of a/s, like the first term left out, and is never positive."""
    errors = []
    for a in (0.02, 0.04, 0.08):
        exact = array_constriction(a, 1.0, 1.0, lattice=lattice).area_specific_resistance
        if lattice == "square":
            found = periodic_cluster_resistance([0.2], [0.7], [a], 1.0, 1.0, 1.0)
        else:
            height = np.sqrt(3)
            found = periodic_cluster_resistance([0, 0.5], [0, height / 2], [a, a], 1.0, height, 1.0) * height
        errors.append(found / exact - 1)
    assert max(errors) < 0
    assert np.log2(errors[2] / errors[1]) == pytest.approx(3.0, abs=0.5)
    assert np.log2(errors[1] / errors[0]) == pytest.approx(3.0, abs=0.25)
    assert abs(errors[0]) < 1e-4


def test_nine_small_cells_are_one_large_cell() -> None:
    g = np.arange(3) / 3
    x, y = (v.ravel() for v in np.meshgrid(g, g))
    one = periodic_cluster_resistance([0.1], [0.1], [0.02], 1 / 3, 1 / 3, 2.0)
    nine = periodic_cluster_resistance(x, y, np.full(9, 0.02), 1.0, 1.0, 2.0)
    assert nine == pytest.approx(one / 9, rel=1e-12)


def test_a_small_cluster_in_a_large_cell_is_greenwoods_less_what_the_lattice_takes() -> None:
    """phi(s) - 1/s -> -3.9002649/L for s << L, with corrections of the order s^2/L^3."""
    rng = np.random.default_rng(1)
    size, sigma = 1.0, 3.0
    p = 0.01 * rng.random((12, 2))
    a = np.full(12, 1e-4)
    greenwood = cluster_resistance(*p.T, a, sigma)
    found = periodic_cluster_resistance(*p.T, a, size, size, sigma, equal_currents=True)
    assert found == pytest.approx(greenwood - 3.900264920 / (2 * np.pi * sigma * size), rel=1e-4)


@given(count=st.integers(1, 40), cover=st.floats(1e-4, 0.1), seed=st.integers(0, 100))
@settings(max_examples=20)
def test_currents_that_choose_their_way_dissipate_least(count: int, cover: float, seed: int) -> None:
    radii = np.full(count, np.sqrt(cover / count / np.pi))
    p = packing.place(radii, 0.0, np.random.default_rng(seed))
    free = periodic_cluster_resistance(*p.T, radii, 1.0, 1.0, 1.0)
    fixed = periodic_cluster_resistance(*p.T, radii, 1.0, 1.0, 1.0, equal_currents=True)
    assert free <= fixed * (1 + 1e-12)
    # Regular arrays have the least interaction energy of equal charges: random places are never better.
    if count > 1:
        s = lattice_pitch(float(radii[0]), cover, "hexagonal")
        best = (
            periodic_cluster_resistance([0, s / 2], [0, s * 0.75**0.5], radii[:2], s, s * 3**0.5, 1.0) * s**2 * 3**0.5
        )
        assert fixed >= best * (1 - 1e-9)


@pytest.mark.parametrize(
    ("x", "y", "radii", "words"),
    [
        ([], [], [], "not empty"),
        ([0.1], [0.1], [0.1, 0.2], "equal lists"),
        ([0.1], [0.1], [0.0], "radii"),
        ([0.1, 0.2], [0.1, 0.1], [0.06, 0.06], "overlap"),
        ([0.02, 0.98], [0.1, 0.1], [0.03, 0.03], "overlap"),
        ([0.5], [0.5], [0.51], "overlap"),
    ],
)
def test_impossible_clusters_are_refused(x: list[float], y: list[float], radii: list[float], words: str) -> None:
    with pytest.raises(InputError, match=words):
        periodic_cluster_resistance(x, y, radii, 1.0, 1.0, 1.0)
