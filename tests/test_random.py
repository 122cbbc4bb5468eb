"""Random arrangements: discs keep their distance across the sides, cover what is asked, and are alike everywhere."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree
from scipy.stats import chi2, kstest

from aspot.cell import Cell
from aspot.errors import InputError
from aspot.morphology import packing
from aspot.morphology.description import Morphology
from aspot.morphology.union import union_area
from aspot.morphology.unit_cell import BoxCell, Disc


def discs(**keys: Any) -> Morphology:
    return Morphology(**({"kind": "spots", "arrangement": "random", "radius": "5 um"} | keys))


def arrays(m: Morphology) -> tuple[np.ndarray, np.ndarray, float]:
    """Centres, radii and side, in metres."""
    cell = m.unit_cell(1.0)
    assert isinstance(cell, BoxCell)
    assert cell.periodic
    assert cell.size_x == cell.size_y
    assert cell.contact_inside == (m.kind == "spots")
    assert all(isinstance(s, Disc) for s in cell.shapes)
    return np.array([(s.x, s.y) for s in cell.shapes]), np.array([s.radius for s in cell.shapes]), cell.size_x


def counted(places: np.ndarray, radii: np.ndarray, n: int = 700) -> float:
    """Share of the midpoints of a grid of the unit square, which repeats itself, that lie in a disc."""
    x = (np.arange(n) + 0.5) / n
    inside = np.zeros((n, n), bool)
    for (px, py), r in zip(places, radii, strict=True):
        dx, dy = x - px, (x - py)[:, None]
        inside |= (dx - np.rint(dx)) ** 2 + (dy - np.rint(dy)) ** 2 < r**2
    return float(inside.mean())


def smallest_gap(places: np.ndarray, radii: np.ndarray, side: float) -> float:
    """Smallest distance of two rims, the nearest images counted."""
    d = places[:, None] - places[None]
    distance = np.hypot(*np.moveaxis(d - side * np.rint(d / side), -1, 0)) - radii[:, None] - radii[None]
    return float(distance[np.triu_indices(len(radii), 1)].min())


# Area ----------------------------------------------------------------------------------------------------------------


@given(
    places=st.lists(st.tuples(st.floats(0, 0.999), st.floats(0, 0.999)), min_size=1, max_size=12),
    radii=st.lists(st.floats(0.01, 0.45), min_size=12, max_size=12),
)
@settings(max_examples=40)
def test_area_of_a_union_is_that_of_a_fine_grid(places: list[tuple[float, float]], radii: list[float]) -> None:
    p, r = np.array(places), np.array(radii[: len(places)])
    # Midpoints miscount along rims: about sqrt(rim length / h) of them by chance, a few h^2 each.
    assert union_area(p, r) == pytest.approx(counted(p, r), abs=5e-3)


def test_area_of_two_discs_that_overlap_at_the_corner_of_the_square() -> None:
    """Two equal circles at distance d share 2 r^2 arccos(d/2r) - d/2 sqrt(4 r^2 - d^2)."""
    r, d = 0.2, 0.25
    lens = 2 * r**2 * math.acos(d / (2 * r)) - d / 2 * math.sqrt(4 * r**2 - d**2)
    for start in ((0.3, 0.5), (0.9, 0.95), (0.0, 0.0)):
        for angle in (0.0, 0.7, 2.0):
            other = (np.array(start) + d * np.array([math.cos(angle), math.sin(angle)])) % 1.0
            area = union_area(np.array([start, other]), np.array([r, r]))
            assert area == pytest.approx(2 * math.pi * r**2 - lens, rel=1e-12)


def test_discs_inside_others_and_twice_the_same_count_once() -> None:
    places = np.array([[0.02, 0.5], [0.02, 0.5], [0.98, 0.5]])
    assert union_area(places, np.array([0.3, 0.3, 0.1])) == pytest.approx(math.pi * 0.09, rel=1e-12)


def test_discs_that_leave_nothing_free() -> None:
    """Four discs of radius 0.4 on a square lattice of pitch 1/2 cover everything (0.4 > sqrt(2)/4)."""
    places = np.array([[0.1, 0.2], [0.6, 0.2], [0.1, 0.7], [0.6, 0.7]])
    assert union_area(places, np.full(4, 0.4)) == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize("kind", ["spots", "pores"])
@pytest.mark.parametrize("keys", [{}, {"overlap": True}, {"radius_distribution": "log-normal", "radius_spread": 1.5}])
def test_the_contact_fraction_is_met_exactly(kind: str, keys: dict[str, Any]) -> None:
    share = 0.4
    m = discs(kind=kind, contact_fraction=share if kind == "spots" else 1 - share, count=60, seed=3, **keys)
    places, radii, side = arrays(m)
    assert m.fraction == pytest.approx(m.contact_fraction, rel=1e-10)
    assert counted(places / side, radii / side) == pytest.approx(share, abs=3e-3)
    if not keys.get("overlap"):
        assert math.pi * np.sum(radii**2) == pytest.approx(share * side**2, rel=1e-12)


def test_discs_that_may_overlap_leave_free_what_chance_leaves_free() -> None:
    """Places that are all alike: a point stays free with probability (1 - a)^n, the area share of a disc being a."""
    n, a = 200, 0.004
    keys = {"cell_size": math.sqrt(math.pi * 25e-12 / a), "count": n, "overlap": True}
    free = [1.0 - discs(seed=seed, **keys).fraction for seed in range(30)]
    expected = (1 - a) ** n
    assert abs(np.mean(free) - expected) < 4 * np.std(free) / math.sqrt(len(free))
    assert np.std(free) < 0.05


# Places --------------------------------------------------------------------------------------------------------------


@given(
    count=st.integers(2, 150),
    cover=st.floats(0.01, 0.7),
    spread=st.floats(1.0, 1.5),
    gap=st.floats(0.0, 0.3),
    seed=st.integers(0, 1000),
)
@settings(max_examples=40)
def test_rims_keep_their_distance_across_the_sides(
    count: int, cover: float, spread: float, gap: float, seed: int
) -> None:
    keys = {"radius_distribution": "log-normal", "radius_spread": spread, "minimum_distance": gap * 5e-6}
    try:
        places, radii, side = arrays(discs(contact_fraction=cover, count=count, seed=seed, **keys))
    except InputError as error:
        assert "would cover" in str(error) or "does not fit" in str(error)  # noqa: PT017
        return
    assert len(radii) == count
    assert places.min() >= 0
    assert places.max() < side
    assert smallest_gap(places, radii, side) >= gap * 5e-6 - 1e-12 * side


@pytest.mark.parametrize("cover", [0.1, 0.5, 0.7])
def test_the_seed_alone_decides(cover: float) -> None:
    one, same, other = (arrays(discs(contact_fraction=cover, count=50, seed=s))[0] for s in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("cover", [0.3, 0.6])
def test_compiled_kernels_give_the_same_bits_as_python(cover: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """No fused operations, no reordering: what is placed does not depend on the processor."""
    radii = np.full(30, math.sqrt(cover / 30 / math.pi))
    compiled = packing.place(radii, 0.0, np.random.default_rng(5))
    for name in ("_add", "_list", "_push", "_mix", "_wrapped", "_inside"):
        monkeypatch.setattr(packing, name, getattr(packing, name).py_func)
    assert np.array_equal(packing.place(radii, 0.0, np.random.default_rng(5)), compiled)


def test_sequential_addition_jams_at_0_547() -> None:
    """Equal discs added one by one at random places jam at a cover of 0.547 (Feder 1980)."""

    def added(cover: float) -> bool:
        radii = np.full(2000, math.sqrt(cover / 2000 / math.pi))
        return packing._sequential(radii, np.random.default_rng(0)) is not None

    assert added(0.5)
    assert not added(0.56)


@pytest.mark.parametrize("cover", [0.2, 0.65])
def test_places_are_alike_and_directions_are_too(cover: float) -> None:
    """No place and no direction is preferred: counts in 16 squares, and the angles between neighbours.

    Hard discs fluctuate less than independent points, whose counts would follow chi-square; <cos 2 theta> over all
    pairs of neighbours vanishes as 1/sqrt(pairs).
    """
    n, n_seeds = 400, 12
    radius = math.sqrt(cover / n / math.pi)
    counts, angles = np.zeros((4, 4)), []
    for seed in range(n_seeds):
        p = packing.place(np.full(n, radius), 0.0, np.random.default_rng(seed))
        counts += np.histogram2d(*p.T, bins=4, range=[(0, 1), (0, 1)])[0]
        pairs = cKDTree(p, boxsize=1.0).query_pairs(3 * radius, output_type="ndarray")
        d = p[pairs[:, 0]] - p[pairs[:, 1]]
        d -= np.rint(d)
        angles.append(np.arctan2(d[:, 1], d[:, 0]))
    expected = n * n_seeds / 16
    assert np.sum((counts - expected) ** 2) / expected < chi2.ppf(0.999, 15)
    theta = np.concatenate(angles)
    for wave in (np.cos(2 * theta), np.sin(2 * theta)):
        assert abs(wave.mean()) < 4 * math.sqrt(0.5 / len(theta))


def test_many_discs() -> None:
    """1e5 discs; the nearest neighbours of all are at least a diameter away."""
    n = 100_000
    radius = math.sqrt(0.3 / n / math.pi)
    p = packing.place(np.full(n, radius), 0.0, np.random.default_rng(0))
    nearest = cKDTree(p, boxsize=1.0).query(p, k=2)[0][:, 1]
    assert nearest.min() >= 2 * radius * (1 - 1e-12)
    assert union_area(p, np.full(n, radius)) == pytest.approx(0.3, rel=1e-9)


# Sizes ---------------------------------------------------------------------------------------------------------------


def test_log_normal_radii_have_the_median_and_the_spread_that_are_stated() -> None:
    m = discs(contact_fraction=0.1, count=3000, radius_distribution="log-normal", radius_spread=1.6)
    _, radii, _ = arrays(m)
    z = np.log(radii / 5e-6) / math.log(1.6)
    assert kstest(z, "norm").pvalue > 1e-3


def test_measured_radii_are_drawn_from_the_list() -> None:
    given_ = [2e-6, 3e-6, 7e-6]
    m = discs(radius=None, radii=given_, contact_fraction=0.2, count=600)
    values, counts = np.unique(np.round(arrays(m)[1], 12), return_counts=True)
    assert values == pytest.approx(given_)
    assert np.sum((counts - 200) ** 2 / 200) < chi2.ppf(0.999, 2)


def test_three_of_four_sizes_give_the_fourth() -> None:
    """f = n pi r^2 / L^2 in every combination."""
    side = math.sqrt(50 * math.pi * 25e-12 / 0.2)
    cases = [
        {"contact_fraction": 0.2, "count": 50},
        {"contact_fraction": 0.2, "cell_size": side},
        {"count": 50, "cell_size": side},
        {"radius": None, "contact_fraction": 0.2, "count": 50, "cell_size": side},
        {"radius": None, "contact_fraction": 0.2, "count": 50, "spacing": side / math.sqrt(50)},
    ]
    for keys in cases:
        m = discs(**keys)
        places, radii, found = arrays(m)
        assert (len(places), found) == (50, pytest.approx(side, rel=1e-12))
        assert radii == pytest.approx(5e-6, rel=1e-12)
        assert m.fraction == pytest.approx(0.2, rel=1e-12)
        assert m.pitch == pytest.approx(side / math.sqrt(50), rel=1e-12)
    # A whole number of discs: the cell makes up for it, the contact fraction stays.
    m = discs(contact_fraction=0.2, cell_size=1.013 * side)
    places, _, found = arrays(m)
    assert len(places) == 51
    assert found == pytest.approx(side * math.sqrt(51 / 50), rel=1e-12)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({}, ["contact_fraction", "three of"]),
        ({"contact_fraction": 0.1, "count": 5, "cell_size": "1 mm"}, ["contact_fraction", "three of"]),
        ({"contact_fraction": 0.1, "spacing": "1 mm"}, ["count", "spacing"]),
        ({"contact_fraction": 0.1, "count": 5, "cell_size": "1 mm", "spacing": "1 mm"}, ["cell_size"]),
        ({"contact_fraction": 0.8, "count": 50}, ["contact_fraction = 0.8", "0.75"]),
        ({"contact_fraction": 0.5, "count": 50, "minimum_distance": "5 um"}, ["minimum_distance", "0.75"]),
        ({"contact_fraction": 0.7, "count": 1, "minimum_distance": "1 um"}, ["0.75"]),
        ({"contact_fraction": 0.9, "count": 1, "overlap": True}, ["not fit"]),
        ({"contact_fraction": 0.1, "count": 5, "radius_distribution": "log-normal"}, ["radius_spread", "required"]),
        ({"contact_fraction": 0.1, "count": 5, "radius_spread": 1.5}, ["radius_spread"]),
        ({"contact_fraction": 0.1, "count": 5, "radii": ["1 um"]}, ["radii", "either"]),
        ({"contact_fraction": 0.1, "count": 5, "radius_distribution": "measured"}, ["radii", "required"]),
        ({"contact_fraction": 0.1, "count": 5, "overlap": True, "minimum_distance": "1 um"}, ["minimum_distance"]),
        ({"contact_fraction": 0.1, "count": 5, "shape": "square"}, ["shape", "discs"]),
        ({"count": 5, "cell_size": "100 mm"}, ["contact fraction of"]),
        ({"kind": "strips"}, ["arrangement", "no meaning"]),
        ({"arrangement": "square", "contact_fraction": 0.1, "overlap": True}, ["overlap", "no meaning"]),
    ],
)
def test_what_does_not_fit_together_is_refused_by_its_key(keys: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        discs(**keys)
    for word in words:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_digest_follows_the_seed_and_the_count() -> None:
    def cell(**keys: Any) -> Cell:
        morphology = {"kind": "spots", "arrangement": "random", "radius": 5e-6, "contact_fraction": 0.1, "count": 20}
        return Cell(
            electrolyte={"thickness": "2 mm", "conductivity": "5 mS/cm"},
            working_electrode={"morphology": morphology | keys},
        )

    assert cell().digest == cell().digest
    assert len({c.digest for c in (cell(), cell(seed=1), cell(count=21))}) == 3
    assert Cell.parse(cell(seed=4).resolved()).digest == cell(seed=4).digest
