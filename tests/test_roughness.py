"""Self-affine surfaces and metal pressed on them: statistics, bearing area, laws, limits, memory."""

import math

import numpy as np
import pytest
from scipy.special import gamma, kv

from aspot import materials
from aspot.analytic.contact_mechanics import confined_contact_fraction
from aspot.errors import InputError
from aspot.morphology.description import Morphology
from aspot.morphology.pressing import LAWS, SHORTEST_GAP, Metal, bearing_contact, press
from aspot.morphology.rough_surface import GAUSSIAN_RA_OVER_RQ, SelfAffine, Surface
from aspot.morphology.unit_cell import MapCell

R_A = 0.19e-6
SODIUM = Metal.named("Na")


def surface(
    seed: int = 0, *, hurst: float = 0.8, xi: float = 5e-6, periods: float = 12.0, pixels: int = 128
) -> Surface:
    return SelfAffine(roughness=R_A, correlation_length=xi, hurst=hurst).surface(periods * xi, pixels, seed)


def wave(n: int = 64, waves: tuple[int, int] = (1, 0), amplitude: float = 1e-6) -> Surface:
    x = 2 * np.pi * (np.arange(n) + 0.3) / n  # no two pixels alike
    return Surface(size=1e-4, height=amplitude * np.cos(waves[0] * x[None, :] + waves[1] * x[:, None]))


# --- the generator ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hurst", [0.3, 0.8, 1.0])
def test_the_realisation_has_the_roughness_asked_for(hurst: float) -> None:
    s = surface(hurst=hurst).statistics()
    assert s.R_a == pytest.approx(R_A, rel=1e-12)


def test_same_seed_same_surface_other_seed_another() -> None:
    a, b, c = surface(1), surface(1), surface(2)
    assert (a.height == b.height).all()
    assert abs(np.corrcoef(a.height.ravel(), c.height.ravel())[0, 1]) < 0.3


@pytest.mark.parametrize("hurst", [0.3, 0.5, 0.8])
def test_power_spectrum_falls_as_self_affinity_demands(hurst: float) -> None:
    """C ~ q^-2(1+H) beyond the roll-off; the mean over rings and seeds meets the slope within its sampling error."""
    slopes = []
    for seed in range(4):
        q, c = surface(seed, hurst=hurst, xi=2e-6, pixels=256).power_spectrum()
        keep = (q > 5 / 2e-6) & (q < 0.8 * q[-1])
        slopes.append(np.polyfit(np.log(q[keep]), np.log(c[keep]), 1)[0])
    assert np.mean(slopes) == pytest.approx(-2 * (1 + hurst), abs=0.06)


def test_power_spectrum_adds_up_to_the_variance() -> None:
    """Parseval; rings leave out the corners of the square, where a spectrum of H = 1 has next to nothing."""
    s = surface(hurst=1.0)
    q, c = s.power_spectrum()
    ring = np.array([np.count_nonzero(r) for r in _rings(128)])[1:64] * (2 * np.pi / s.size) ** 2
    assert np.sum(c * ring) == pytest.approx(s.statistics().R_q ** 2, rel=1e-4)
    assert q[0] == pytest.approx(2 * np.pi / s.size, rel=0.25)


def _rings(n: int) -> list[np.ndarray]:
    k = np.fft.fftfreq(n, 1 / n)
    r = np.rint(np.hypot(k[None, :], k[:, None])).astype(int)
    return [r == m for m in range(r.max() + 1)]


def test_autocorrelation_is_that_of_the_description() -> None:
    """Mean over seeds of <h(0)h(r)>/<h^2> on a large square: Matern; exp(-r/xi) for H = 1/2."""
    for hurst in (0.5, 0.8):
        correlations, n = [], 256
        for seed in range(24):
            s = surface(seed, hurst=hurst, xi=1e-6, periods=32, pixels=n)
            acf = np.fft.irfft2(np.abs(np.fft.rfft2(s.height)) ** 2, s=(n, n)) / n**2 / np.mean(s.height**2)
            correlations.append(0.5 * (acf[0, :] + acf[:, 0]))
        mean, error = np.mean(correlations, 0), np.std(correlations, 0) / math.sqrt(24)
        for pixel in (4, 8, 16):
            r = pixel * 32 / n
            exact = 2 ** (1 - hurst) / gamma(hurst) * r**hurst * kv(hurst, r)
            if hurst == 0.5:
                assert exact == pytest.approx(math.exp(-r))
            # Heights have mean zero on every realisation and no waves below two pixels: a bias of about 0.01.
            assert abs(mean[pixel] - exact) < 3 * error[pixel] + 0.015


def test_surfaces_are_isotropic_gaussian_and_without_mean() -> None:
    skew, kurt, ratio, r_a = [], [], [], []
    for seed in range(12):
        s = surface(seed, xi=1e-6, periods=32)
        gx, gy = s.gradient()
        ratio.append(np.mean(gx**2) / np.mean(gy**2))
        t = s.statistics()
        skew.append(t.skewness)
        kurt.append(t.kurtosis)
        r_a.append(t.R_a / t.R_q)
        assert abs(s.height.mean()) < 1e-12 * R_A
    assert np.mean(ratio) == pytest.approx(1.0, abs=0.03)
    assert np.mean(skew) == pytest.approx(0.0, abs=0.1)
    assert np.mean(kurt) == pytest.approx(3.0, abs=0.15)
    assert np.mean(r_a) == pytest.approx(GAUSSIAN_RA_OVER_RQ, rel=0.01)


def test_waves_along_x_and_y_have_the_same_power() -> None:
    """The coefficients of waves along y, conjugate pairs in one column, are as large as those along x."""
    power = np.zeros(2)
    for seed in range(60):
        spectrum = np.abs(np.fft.fft2(surface(seed, pixels=64).height)) ** 2
        power += [(spectrum[0, 1:16] * np.arange(1, 16) ** 3).sum(), (spectrum[1:16, 0] * np.arange(1, 16) ** 3).sum()]
    assert power[0] / power[1] == pytest.approx(1.0, abs=0.15)


def test_a_surface_repeats_itself() -> None:
    """Steps across the seam are like those inside: the mean square difference of neighbours is the same."""
    ratios = []
    for seed in range(8):
        h = surface(seed).height
        inside = np.mean(np.diff(h, axis=1) ** 2)
        ratios.append(np.mean((h[:, 0] - h[:, -1]) ** 2) / inside)
    assert np.mean(ratios) == pytest.approx(1.0, rel=0.15)


def test_a_finer_grid_keeps_the_long_waves() -> None:
    coarse, fine = (surface(3, pixels=n) for n in (64, 256))
    a = np.fft.rfft2(coarse.height)[:30, :30] / 64**2
    b = np.fft.rfft2(fine.height)[:30, :30] / 256**2
    # Equal up to the one factor that makes R_a exact.
    factor = np.vdot(a, b).real / np.vdot(a, a).real
    assert factor == pytest.approx(1.0, rel=0.01)
    assert np.abs(b - factor * a).max() < 1e-12 * np.abs(b).max()


def test_statistics_of_a_plane_wave() -> None:
    """h = A cos(k x): R_a = 2A/pi, R_q = A/sqrt(2), slopes kA/sqrt(2) and 2kA/pi; along the diagonal sqrt(2) more."""
    s, k = wave().statistics(), 2 * np.pi / 1e-4
    assert s.R_a == pytest.approx(2e-6 / math.pi, rel=1e-3)
    assert s.R_q == pytest.approx(1e-6 / math.sqrt(2))
    assert s.R_z == pytest.approx(2e-6, rel=2e-3)
    assert s.rms_slope == pytest.approx(k * 1e-6 / math.sqrt(2))
    assert s.mean_slope == pytest.approx(2 * k * 1e-6 / math.pi, rel=1e-3)
    assert s.kurtosis == pytest.approx(1.5)
    assert wave(waves=(1, 1)).statistics().rms_slope == pytest.approx(k * 1e-6)


def test_summits_of_an_egg_box() -> None:
    """cos(x) + cos(y): one summit per period, of height 2A and curvature A k^2."""
    box = Surface(size=1e-4, height=wave(127, (3, 0)).height + wave(127, (0, 3)).height)
    s, k = box.statistics(), 6 * np.pi / 1e-4
    assert s.summit_density * box.size**2 == pytest.approx(9)
    assert s.summit_mean == pytest.approx(2e-6, rel=0.01)
    assert s.summit_curvature == pytest.approx(1e-6 * k**2, rel=0.02)


def test_smooth_random_surfaces_have_the_summits_of_nayak() -> None:
    """Density of maxima of a Gaussian surface: (1/(6 pi sqrt 3)) m4/m2 (Longuet-Higgins 1957, Nayak 1971)."""
    n, found = 256, []
    for seed in range(4):
        white = np.fft.rfft2(np.random.default_rng(seed).standard_normal((n, n)))
        k = np.hypot(np.fft.rfftfreq(n)[None, :], np.fft.fftfreq(n)[:, None])
        s = Surface(size=1.0, height=np.fft.irfft2(np.where(k < 0.06, white, 0.0), s=(n, n)))
        # Profile moments of an isotropic surface: m2 = <|grad h|^2>/2, m4 = 3/8 <(laplacian h)^2>.
        spectrum = np.fft.rfft2(s.height)
        laplacian = np.fft.irfft2(-((2 * np.pi * n * k) ** 2) * spectrum, s=(n, n))
        t = s.statistics()
        m2, m4 = 0.5 * t.rms_slope**2, 0.375 * np.mean(laplacian**2)
        found.append(t.summit_density / (m4 / m2 / (6 * math.pi * math.sqrt(3))))
    assert np.mean(found) == pytest.approx(1.0, rel=0.05)


# --- bearing area -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fraction", [0.003, 0.1, 0.5, 0.97, 1.0])
def test_bearing_area_is_exact_and_takes_the_highest_points(fraction: float) -> None:
    s = surface()
    b = bearing_contact(s, fraction)
    assert b.contact_fraction == pytest.approx(fraction, rel=1e-9)
    assert ((b.contact >= 0.0) & (b.contact <= 1.0)).all()
    assert (b.gap_height >= SHORTEST_GAP * (1 - 1e-9)).all()
    full, none = b.contact == 1.0, b.contact == 0.0
    if full.any() and none.any():
        assert s.height[full].min() > b.mean_plane > s.height[none].max()


def test_bearing_level_of_a_wave_is_its_quantile() -> None:
    """cos(x) above c on arccos(c)/pi of the area, with sub-pixel rims: second order in the pixel."""
    for n in (32, 128):
        level = bearing_contact(wave(n, amplitude=1e-6), 0.25).mean_plane
        assert level == pytest.approx(1e-6 * math.cos(0.25 * math.pi), rel=8.0 / n**2)


def test_bearing_level_of_a_gaussian_surface_is_the_normal_quantile() -> None:
    levels = [
        bearing_contact(s, 0.158655).mean_plane / s.statistics().R_q
        for s in (surface(seed, xi=1e-6, periods=32) for seed in range(8))
    ]
    assert np.mean(levels) == pytest.approx(1.0, abs=0.03)


def test_gap_capacitance_of_a_wave_converges_to_its_integral() -> None:
    """Plates with a floor: eps0 <1/max(d, floor)> for d = A (1 + eps - cos): far from contact, no floor needed."""
    amplitude, f = 1e-6, 1e-3
    exact = []
    for n in (512, 1024):
        b = bearing_contact(wave(n, amplitude=amplitude), f)
        exact.append(b.gap_capacitance)
    # 1/d is integrable but for the rim, d ~ slope x distance: a logarithm, cut at the floor.
    c = math.cos(math.pi * f)
    t = np.linspace(math.pi * f, math.pi, 2_000_001)
    d = np.maximum(amplitude * (c - np.cos(t)), SHORTEST_GAP)
    plates = float(8.8541878128e-12 * np.trapezoid(1 / d, t) / math.pi)
    assert exact[1] == pytest.approx(plates, rel=0.02)
    assert abs(exact[1] - plates) < abs(exact[0] - plates)


# --- laws -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("law", LAWS)
def test_contact_grows_with_pressure(law: str) -> None:
    s = surface()
    metal = Metal(hardness=50e6, modulus=5e9)
    pressed = [press(s, p, metal, law) for p in (2e6, 8e6, 32e6)]  # type: ignore[arg-type]
    fractions = [b.contact_fraction for b in pressed]
    assert fractions == sorted(set(fractions))
    assert pressed[0].mean_plane > pressed[2].mean_plane
    assert pressed[0].gap_capacitance < pressed[1].gap_capacitance


def test_plastic_contact_carries_the_hardness() -> None:
    b = press(surface(), 20e3, SODIUM, "plastic")
    assert b.contact_fraction == pytest.approx(20e3 / 0.75e6, rel=1e-9)
    confined = press(surface(), 4.2e6, SODIUM, "confined")
    assert confined.contact_fraction == pytest.approx(confined_contact_fraction(4.2e6, 0.75e6), rel=1e-9)


def test_elastic_plastic_contact_of_soft_metal_is_the_confined_law() -> None:
    """Sodium on roughness of micrometres is nearly rigid-plastic: the solver and p/(H + p) agree, the map too."""
    s = surface()
    for p in (20e3, 0.6e6, 4.2e6):
        solved, ruled = press(s, p, SODIUM, "elastic-plastic"), press(s, p, SODIUM, "confined")
        assert solved.contact_fraction == pytest.approx(ruled.contact_fraction, rel=5e-3)
        # Alike but for pixels at rims, which the rule covers in part.
        assert np.mean((solved.contact > 0.5) != (ruled.contact > 0.5)) < 0.01


def test_elastic_plastic_contact_of_hard_metal_is_elastic() -> None:
    s = surface()
    hard = Metal(hardness=1e12, modulus=5e9)
    assert (press(s, 2e6, hard, "elastic-plastic").contact == press(s, 2e6, hard, "elastic").contact).all()


def test_summit_law_is_of_the_order_of_the_solution() -> None:
    """Greenwood and Williamson leave out how summits press upon each other: a factor, not an order."""
    found = []
    for seed in range(3):
        s = surface(seed, hurst=1.0, xi=1e-6, periods=16)
        found.append(press(s, 2e7, SODIUM, "greenwood-williamson").contact_fraction)
        found[-1] /= press(s, 2e7, SODIUM, "elastic").contact_fraction
    assert 0.3 < np.mean(found) < 3.0


def test_what_was_pressed_keeps_contact_and_elastic_recovery_opens_part_of_it() -> None:
    s = surface(xi=20e-6)
    first, stuck = press(s, 20e3, SODIUM, "confined"), press(s, 20e3, SODIUM, "confined", largest_pressure=4.2e6)
    recovered = press(s, 20e3, SODIUM, "elastic-plastic", largest_pressure=4.2e6)
    assert first.contact_fraction < recovered.contact_fraction < 0.5 * stuck.contact_fraction
    # The gaps that open by recovery are of nanometres, not of the roughness.
    assert recovered.gap_capacitance > 10 * first.gap_capacitance
    assert np.median(recovered.gap_height) < 0.2 * np.median(first.gap_height)


def test_recovery_does_not_depend_on_the_scale_of_soft_metal() -> None:
    """Rigid-plastic limit: lengths across only scale the elastic gaps, contacts are the same pixels."""
    fractions = []
    for xi in (1e-6, 10e-6):
        b = press(surface(4, xi=xi), 20e3, SODIUM, "elastic-plastic", largest_pressure=1.7e6)
        fractions.append(b.contact_fraction)
    assert fractions[0] == pytest.approx(fractions[1], rel=0.03)


def test_holds_soften_the_metal() -> None:
    held = Metal.named("Na", hold=900.0)
    assert held.hardness is not None
    assert SODIUM.hardness is not None
    assert held.hardness < SODIUM.hardness
    assert press(surface(), 20e3, held).contact_fraction == pytest.approx(20e3 / held.hardness)
    assert Metal.named("Li").hardness == pytest.approx(3 * materials.get("Li").si("yield_strength"))


def test_a_map_of_the_whole_square_comes_out() -> None:
    s = surface()
    b = press(s, 20e3, SODIUM)
    cell = b.unit_cell()
    assert cell.periodic
    assert cell.size_x == cell.size_y == s.size
    assert cell.contact is b.contact
    assert cell.gap_height is b.gap_height


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: SelfAffine(roughness=-1.0, correlation_length=1.0), "roughness = -1.0"),
        (lambda: SelfAffine(roughness=1.0, correlation_length=math.nan), "correlation_length"),
        (lambda: SelfAffine(roughness=1.0, correlation_length=1.0, hurst=1.2), "between 0 and 1"),
        (lambda: SelfAffine(roughness=1.0, correlation_length=1.0).surface(0.0, 64, 0), "size"),
        (lambda: SelfAffine(roughness=1.0, correlation_length=1.0).surface(1.0, 63, 0), "even"),
        (lambda: Surface(size=1.0, height=np.zeros((4, 5))), "square"),
        (lambda: Surface(size=1.0, height=np.full((4, 4), np.nan)), "finite"),
        (lambda: bearing_contact(surface(), 0.0), "above 0"),
        (lambda: bearing_contact(surface(), 1e-5), "pixels of contact"),
        (lambda: press(surface(), -1.0, SODIUM), "pressure"),
        (lambda: press(surface(), 1e4, SODIUM, "hertz"), "allowed: plastic"),  # type: ignore[arg-type]
        (lambda: press(surface(), 1e4, SODIUM, largest_pressure=1e3), "at least"),
        (lambda: press(surface(), 1e4, SODIUM, "elastic", largest_pressure=1e5), "no memory"),
        (lambda: press(surface(), 1e4, SODIUM, adhesion=1e4), "has none"),
        (lambda: press(surface(), 1e4, Metal(modulus=5e9)), "hardness = None"),
        (lambda: press(surface(), 1e4, Metal(hardness=1e6), "persson"), "modulus = None"),
        (lambda: Metal.named("LLZO"), "not a metal of the library; allowed: Na, Li"),
    ],
)
def test_nonsense_is_refused(call: object, words: str) -> None:
    with pytest.raises(InputError, match=words):
        call()  # type: ignore[operator]


# --- the case file ----------------------------------------------------------------------------------------------------

CASE = {
    "kind": "rough",
    "roughness": "0.19 um",
    "correlation_length": "5 um",
    "pressure": "0.02 MPa",
    "metal": "Na",
    "grid": 64,
}


def morphology(**changes: object) -> Morphology:
    data = {**CASE, **changes}
    return Morphology.parse({key: value for key, value in data.items() if value is not None})


def test_case_makes_the_map_of_the_law() -> None:
    m = morphology(law="confined", seed=3)
    pressed = press(surface(3, pixels=64), 20e3, SODIUM, "confined")
    cell = m.unit_cell(1.0)
    assert isinstance(cell, MapCell)
    assert (cell.contact == pressed.contact).all()
    assert m.fraction == pytest.approx(pressed.contact_fraction)
    assert m.pitch == pytest.approx(60e-6)
    # The gap's own thickness is the shortest that counts.
    wider = m.unit_cell(1.0, 5e-9)
    assert isinstance(wider, MapCell)
    assert wider.gap_height is not None
    assert wider.gap_height.min() >= 5e-9 * (1 - 1e-9)


@pytest.mark.parametrize("law", LAWS)
def test_a_resolved_case_is_the_same_case(law: str) -> None:
    m = morphology(law=law, pressure="0.3 MPa" if law in ("plastic", "confined") else "30 MPa")
    again = Morphology.parse(m.resolved().model_dump(exclude_none=True))
    assert again.fraction == m.fraction
    assert again.resolved() == m.resolved()


def test_creep_in_a_case_lowers_the_hardness() -> None:
    assert morphology(time="15 min").fraction == pytest.approx(
        morphology().fraction * (1 + 5 * 0.9 / 0.08) ** 0.2, rel=1e-9
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"pressure": None}, "pressure: is required"),
        ({"pressure": "1 MPa"}, "reaches the hardness of 750000 Pa"),
        ({"largest_pressure": "1 MPa"}, "largest_pressure = 1000000.0 Pa: reaches the hardness"),
        ({"largest_pressure": "1 Pa"}, "must be at least pressure"),
        ({"law": "persson", "largest_pressure": "1 MPa"}, "has no memory"),
        ({"law": "hertz"}, "allowed: 'plastic'"),
        ({"law": "elastic", "pressure": "1e10 Pa"}, "touch everywhere; use kind = 'planar'"),
        ({"law": "elastic", "pressure": "1 kPa"}, "pixels of contact"),
        ({"pressure": "1 Pa"}, "pixels of contact"),
        ({"pressure": "30 m"}, "not a unit of pressure"),
        ({"metal": None}, "hardness: law = 'plastic' needs it"),
        ({"metal": None, "law": "elastic"}, "contact_modulus: law = 'elastic' needs it"),
        ({"metal": "Fe"}, "allowed: Na, Li"),
        ({"law": "elastic", "hardness": "1 MPa"}, "has no meaning for law = 'elastic'"),
        ({"adhesion": "0.1 MPa"}, "has no meaning for law = 'plastic'"),
        ({"time": "30 s", "hardness": "1 MPa"}, "belongs to a metal by name"),
        ({"size": "1 mm"}, "must be at least 800"),
        ({"size": "9 um"}, "two correlation lengths"),
        ({"grid": 65}, "must be even"),
        ({"hurst": 1.5}, "between 0.05 and 1"),
        ({"roughness": "1 m"}, "must lie between"),
        ({"radius": "1 um"}, "has no meaning for kind = 'rough'"),
    ],
)
def test_a_case_that_cannot_be_meant_is_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        morphology(**changes)


def test_area_of_elastic_contacts_converges_once_rims_are_corrected() -> None:
    """The same band-limited surface on finer grids: the area moves by 2 %, without the correction of rims by 10 %."""
    coarse = surface(1, pixels=64)
    areas, counted = [], []
    for n in (128, 256):
        fine = np.zeros((n, n // 2 + 1), dtype=complex)
        waves = np.fft.rfft2(coarse.height)
        fine[:32, :32], fine[-31:, :32] = waves[:32, :32], waves[-31:, :32]
        s = Surface(size=coarse.size, height=np.fft.irfft2(fine, s=(n, n)) * (n / 64) ** 2)
        pressed = press(s, 8e6, Metal(modulus=5e9), "elastic")
        areas.append(pressed.contact_fraction)
        counted.append(np.mean(pressed.contact > 0.0))
    assert areas[0] == pytest.approx(areas[1], rel=0.02)
    assert counted[0] > 1.06 * counted[1] > 1.12 * areas[1]
