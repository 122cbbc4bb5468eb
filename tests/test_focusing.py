"""Current focusing: percentiles and spots of known distributions, and of solved interfaces."""

import numpy as np
import pytest

from aspot.analysis.focusing import CurrentMap
from aspot.errors import InputError


def disc_map(centres: list[tuple[float, float]], radius: float, n: int = 400, *, periodic: bool = True) -> CurrentMap:
    """Discs of radius a with the density of single discs, 1/(2 sqrt(1 - r^2/a^2)), in the unit square."""
    fine = 4
    x = (np.arange(n * fine) + 0.5) / (n * fine)
    density = np.zeros((n * fine, n * fine))
    for px, py in centres:
        dx, dy = x - px, (x - py)[:, None]
        if periodic:
            dx, dy = dx - np.rint(dx), dy - np.rint(dy)
        inside = np.maximum(1 - (dx**2 + dy**2) / radius**2, 0)
        density += np.where(inside > 0, 0.5 / np.sqrt(np.where(inside > 0, inside, 1)), 0)

    def coarse(values: np.ndarray) -> np.ndarray:
        return values.reshape(n, fine, n, fine).mean(axis=(1, 3))

    return CurrentMap(
        frequency_Hz=0.0,
        current_density_A_m2=coarse(density).astype(complex) * (3 - 4j),
        contact=coarse((density > 0).astype(float)),
        pixel_m=(2e-6 / n, 1e-6 / n),
        periodic=periodic,
    )  # fmt: skip


def test_percentiles_of_a_disc_are_newmans() -> None:
    """A part 1 - 1/(2 J)^2 of a disc's area has less than J times its mean: 0.707, 1.58, 5.0."""
    m = disc_map([(0.5, 0.5)], 0.4)
    found = m.percentiles() * m.contact_fraction  # over the mean of the spot
    assert found[:2] == pytest.approx([0.5**0.5, 0.1**-0.5 / 2], rel=5e-3)
    assert found[2] == pytest.approx(5.0, rel=0.3)  # the outermost 0.5 % of the radius, less than a pixel here
    assert m.contact_fraction == pytest.approx(np.pi * 0.16, rel=1e-3)


def test_the_largest_value_grows_as_the_pixels_shrink_and_percentiles_do_not() -> None:
    """At the rim j ~ d^(-1/2): four times smaller pixels, twice the largest density.

    A strip |x| < a has j = 1/(pi sqrt(a^2 - x^2)), whose integral arcsin(x/a)/pi gives pixels exactly.
    """
    found = []
    for n in (200, 800):
        edges = np.clip(np.linspace(-1, 1, n + 1) / 0.5, -1, 1)
        j = np.diff(np.arcsin(edges)) / np.pi * n
        contact = np.diff(edges) * n / 4
        found.append(
            CurrentMap(
                frequency_Hz=0.0,
                current_density_A_m2=j[None] + 0j,
                contact=contact[None],
                pixel_m=(1, 1),
                periodic=True,
            )
        )
    assert found[1].largest / found[0].largest == pytest.approx(2.0, rel=0.01)
    # A share q of the strip lies within |x| < q a, where the density is below that at q a.
    for m in found:
        assert m.percentiles([50, 90]) == pytest.approx(4 / np.pi / np.sqrt(1 - np.array([0.5, 0.9]) ** 2), rel=0.05)


def test_spots_are_told_apart_and_put_together_across_the_sides() -> None:
    centres = [(0.02, 0.5), (0.5, 0.98), (0.97, 0.03), (0.45, 0.4)]
    radius = 0.1
    m = disc_map(centres, radius)
    assert m.n_spots == 4
    spots = m.hot_spots()
    assert sum(s.current_share for s in spots) == pytest.approx(1.0, rel=1e-9)
    for s in spots:
        assert s.area_m2 == pytest.approx(np.pi * radius**2 * 2e-12, rel=5e-3)
        assert s.focusing * m.contact_fraction == pytest.approx(1.0, rel=5e-3)
        assert s.peak > 2 * s.focusing
    found = sorted((round(s.x_m * 1e6, 2), round(s.y_m / 2e-6, 2)) for s in spots)
    assert found == sorted(centres)
    # Between mirror planes what a side cuts is another spot.
    assert disc_map(centres, radius, periodic=False).n_spots == 4
    wrapped = CurrentMap(**{**vars_of(m), "periodic": False})
    assert wrapped.n_spots == 4 + 1 + 1 + 3


def vars_of(m: CurrentMap) -> dict[str, object]:
    names = ("frequency_Hz", "current_density_A_m2", "contact", "pixel_m", "periodic")
    return {name: getattr(m, name) for name in names}


def test_hot_spots_are_ranked_by_their_mean_density() -> None:
    contact = np.zeros((8, 8))
    contact[1:3, 1:3] = 1.0  # four pixels, 8 A in all
    contact[5, 5] = 1.0  # one pixel, 6 A
    contact[5, 4] = 0.25  # its rim
    contact[3, 7] = 0.3  # a sliver with no body
    j = np.zeros((8, 8), complex)
    j[1:3, 1:3], j[5, 5], j[5, 4], j[3, 7] = 2.0, 5.0, 1.0, 0.1
    m = CurrentMap(frequency_Hz=0.0, current_density_A_m2=j, contact=contact, pixel_m=(1.0, 1.0), periodic=True)
    spots = m.hot_spots()
    total, mean = 14.1, 14.1 / 64
    assert [s.current_share for s in spots] == pytest.approx([6 / total, 8 / total, 0.1 / total])
    assert [s.area_m2 for s in spots] == pytest.approx([1.25, 4.0, 0.3])
    assert [s.focusing for s in spots] == pytest.approx([6 / 1.25 / mean, 2 / mean, 0.1 / 0.3 / mean])
    assert spots[0].peak == pytest.approx(5 / mean)
    assert (spots[1].x_m, spots[1].y_m) == (pytest.approx(2.0), pytest.approx(2.0))
    assert m.hot_spots(1) == spots[:1]


def test_maps_that_are_none_are_refused() -> None:
    j = np.ones((3, 3), complex)
    for contact in (np.zeros((3, 3)), np.ones((2, 3))):
        with pytest.raises(InputError, match="current map"):
            CurrentMap(frequency_Hz=0.0, current_density_A_m2=j, contact=contact, pixel_m=(1.0, 1.0), periodic=True)
