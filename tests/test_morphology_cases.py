"""Interfaces as users have them, solved: cases beside what independent methods expect, statistics, current maps."""

from __future__ import annotations

import hashlib
import json
import math
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.constants import epsilon_0

import aspot
from aspot.analysis.focusing import current_map
from aspot.analysis.statistics import Statistic, statistics_over_seeds
from aspot.analytic import lattice_potential, periodic_cluster_resistance
from aspot.cell import Cell
from aspot.errors import InputError
from aspot.focusing_plot import focusing_picture
from aspot.morphology.unit_cell import BoxCell, MapCell
from aspot.plot import new_figure
from aspot.result import Result

CASES = Path(__file__).resolve().parent.parent / "cases"
COARSE = {"numerics.relative_tolerance": "0.02", "frequencies.per_decade": "2"}


@lru_cache(maxsize=8)
def solved(name: str, **changes: str) -> Result:
    keys = {key.replace("__", "."): value for key, value in changes.items()}
    return aspot.simulate(aspot.load(CASES / f"{name}.toml", COARSE | keys))


def random_cell(**keys: Any) -> Cell:
    morphology = {"kind": "spots", "arrangement": "random", "radius": "10 um", "contact_fraction": 0.05, "count": 12}
    return Cell(
        electrolyte={"thickness": "2 mm", "conductivity": "5.5 mS/cm"},
        working_electrode={"morphology": morphology | keys},
        frequencies={"values": [1e5]},
        numerics={"relative_tolerance": 0.02},
    )


def point_model(result: Result, **options: bool) -> float:
    """R_cc [ohm cm2] of the discs of a cell as points for each other."""
    cell = result.cell.working_electrode.unit_cell(1.0)
    assert isinstance(cell, BoxCell)
    x, y, a = np.array([(s.x, s.y, s.radius) for s in cell.shapes]).T
    sigma = float(result.cell.electrolyte.law()(0.0, result.cell.temperature).real)
    return periodic_cluster_resistance(x, y, a, cell.size_x, cell.size_y, sigma, **options) * cell.size_x**2 * 1e4


def boundary_integral(contact: np.ndarray, pixel: float, sigma: float, *, extrapolate: bool = True) -> float:
    """Constriction resistance [ohm cm2] of a map between mirror planes: uniform currents on contact pixels, potentials
    equal at their centres, the cell mirrored into a periodic one of twice the size. First order in the pixels: from two
    sizes of them, extrapolated.
    """  # fmt: skip

    def at(factor: int) -> float:
        touches = np.kron(contact, np.ones((factor, factor))) > 0.5
        ny, nx = touches.shape
        h = pixel / factor
        row, column = np.meshgrid(np.arange(2 * ny), np.arange(2 * nx), indexing="ij")
        table = lattice_potential(column * h, row * h, 2 * nx * h, 2 * ny * h)
        # A uniform square of side h has the mean 4 ln(1 + sqrt 2)/h of 1/s at its centre.
        table[0, 0] += 4 * math.log(1 + math.sqrt(2)) / h
        j, i = np.nonzero(touches)
        dj, sj = j[:, None] - j, (j[:, None] + j + 1) % (2 * ny)
        di, si = i[:, None] - i, (i[:, None] + i + 1) % (2 * nx)
        matrix = sum(table[a, b] for a in (dj, sj) for b in (di, si)) / (2 * np.pi * sigma)
        # A quarter of the mirrored cell carries a quarter of its current.
        return float(1 / np.linalg.solve(matrix, np.ones(len(j))).sum()) * ny * nx * h**2 * 1e4

    return 2 * at(2) - at(1) if extrapolate else at(1)


# Cases ----------------------------------------------------------------------------------------------------------------


def test_random_spots_agree_with_discs_as_points_for_each_other() -> None:
    """The model errs by (a/s)^2/6 of the potential of neighbours, less than 1 % at 2 % of contact."""
    result = solved("random_spots")
    assert result.backend == "planar"
    assert result.contact_fraction == pytest.approx(0.02, rel=1e-12)
    assert result.resistances.cc == pytest.approx(point_model(result), rel=0.01)
    # The capacitance of the interface arc is that of the gap, a little more as the contacts shield part of it.
    plates = epsilon_0 * 0.98 / 30e-9 * 1e-4
    assert result.arc is not None
    assert 1.0 < result.arc.C_int_F_per_cm2 / plates < 1.25


def test_a_micrograph_agrees_with_a_boundary_integral_over_its_pixels() -> None:
    part = solved("image_contact", working_electrode__morphology__crop="[96, 0, 144, 48]")
    cell = part.cell.working_electrode.unit_cell(1.0)
    assert isinstance(cell, MapCell)
    assert 0.2 < part.contact_fraction < 0.5
    expected = boundary_integral(cell.contact, 5e-6, 0.55)
    assert part.resistances.cc == pytest.approx(expected, rel=0.01)
    whole = solved("image_contact")
    assert whole.contact_fraction == pytest.approx(0.12, rel=1e-3)
    assert whole.cell.digest != part.cell.digest


def test_a_height_map_has_the_capacitance_of_plates_in_parallel() -> None:
    """Gap: each pixel a plate at its own distance, C = eps0 <1/d>. R_int: the boundary integral over its contacts."""
    result = solved("height_map")
    cell = result.cell.working_electrode.unit_cell(1.0)
    assert isinstance(cell, MapCell)
    assert cell.gap_height is not None
    assert result.contact_fraction == pytest.approx(0.05, rel=1e-3)
    touches = cell.contact > 0.5
    assert cell.gap_height.min() == 5e-9
    expected = boundary_integral(touches, 0.25e-6, 0.55, extrapolate=False)
    assert result.resistances.cc == pytest.approx(expected, rel=0.04)
    plates = epsilon_0 * np.mean(np.where(touches, 0.0, 1.0 / cell.gap_height)) * 1e-4
    assert result.arc is not None
    # The gap is lowest beside contacts, where the electrolyte is at the metal's potential anyway.
    assert 0.9 < result.arc.C_int_F_per_cm2 / plates < 1.25


def test_an_image_of_an_array_is_the_array(tmp_path: Path) -> None:
    """Squares of a square array, drawn exactly by pixels, with both boundaries, against high-order elements."""
    contact = np.zeros((40, 40), bool)
    contact[10:30, 10:30] = True
    np.save(tmp_path / "square.npy", np.tile(contact, (1, 2)))
    array = random_cell(
        arrangement="square", shape="square", radius=None, side="20 um", contact_fraction=0.25, count=None
    ).with_(**{"numerics.relative_tolerance": 1e-5})
    exact = aspot.simulate(array)
    assert exact.backend == "surface"
    for boundary in ("mirror", "periodic"):
        cell = random_cell().with_(
            **{
                "working_electrode.morphology": {
                    "kind": "image", "file": str(tmp_path / "square.npy"), "pixel_size": "1 um",
                    "contact_is": "bright", "boundary": boundary,
                },
                "numerics.relative_tolerance": 1e-4,
            }
        )  # fmt: skip
        found = aspot.simulate(cell)
        assert found.backend == "planar"
        error = found.relative_error_estimate * found.resistances.total
        assert abs(found.resistances.cc - exact.resistances.cc) < error + 2e-5 * exact.resistances.total
        assert found.resistances.cc == pytest.approx(exact.resistances.cc, rel=1e-2)


# What chance makes ----------------------------------------------------------------------------------------------------


def test_at_equal_contact_fraction_finer_spots_constrict_less() -> None:
    """R_cc is proportional to the size of the spots at a given fraction: half the radius, half the constriction.

    T. Ortmann et al., Adv. Energy Mater. 2022, doi 10.1002/aenm.202202712, state this for pores and contacts of an
    interface. The cell is the same; what is left is the scatter of few spots.
    """
    coarse = statistics_over_seeds(random_cell(radius="20 um", count=8), 5)
    fine = statistics_over_seeds(random_cell(radius="10 um", count=32), 3)
    assert fine["R_cc"].interval[1] < coarse["R_cc"].interval[0]
    assert coarse["R_cc"].mean / fine["R_cc"].mean == pytest.approx(2.0, rel=0.1)
    # More spots in a cell differ less from seed to seed.
    assert fine["R_cc"].standard_deviation / fine["R_cc"].mean < 0.1
    assert coarse["contact_fraction"].values == pytest.approx(0.05, rel=1e-10)


def test_statistics_of_seeds_are_those_of_single_runs() -> None:
    cell = random_cell(count=4)
    seen: list[tuple[str, float]] = []
    found = statistics_over_seeds(cell, [3, 5], progress=lambda stage, share: seen.append((stage, share)))
    single = [aspot.simulate(cell.with_(**{"working_electrode.morphology.seed": s})) for s in (3, 5)]
    r = np.array([s.resistances.int_ for s in single])
    assert found["R_int"].values == pytest.approx(r)
    # Two values: s = |a - b|/sqrt 2, and Student's t of one degree of freedom is 12.706.
    half = 12.7062 * abs(r[0] - r[1]) / 2
    assert found["R_int"].interval == pytest.approx((r.mean() - half, r.mean() + half), rel=1e-4)
    z = np.array([s.spectrum.impedance_ohm_cm2 for s in single])
    assert found.spectrum.impedance_ohm_cm2 == pytest.approx(z.mean(axis=0))
    assert found.half_width_ohm_cm2.real == pytest.approx(12.7062 * abs(z[0] - z[1]).real / 2, rel=1e-3, abs=1e-12)
    assert seen == [("seed 1 of 2", 0.5), ("seed 2 of 2", 1.0)]
    assert "2 seeds" in repr(found)


def test_confidence_intervals_hold_as_often_as_they_say() -> None:
    """Of 2000 samples of five normal numbers 90 % of the intervals hold the true mean, give or take 3 sigma."""
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(2000):
        low, high = Statistic.of(rng.normal(7.0, 2.0, 5), 0.9).interval
        hits += low < 7.0 < high
    assert hits == pytest.approx(1800, abs=3 * math.sqrt(2000 * 0.9 * 0.1))


@pytest.mark.parametrize("keys", [{"seeds": 1}, {"seeds": [1, 1]}, {"confidence": 1.0}, {"processes": 0}])
def test_statistics_that_cannot_be_are_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(keys))):
        statistics_over_seeds(random_cell(), **keys)


def test_an_array_has_no_seeds() -> None:
    cell = random_cell(arrangement="square", count=None)
    with pytest.raises(InputError, match="seed"):
        statistics_over_seeds(cell, 2)


# Greenwood ------------------------------------------------------------------------------------------------------------


def test_greenwoods_formula_for_spots_far_apart_and_its_limit() -> None:
    """Equal currents overestimate R by little while spots are far apart; choosing their way, currents take up the rest.

    Far apart (1 % of contact) the formula is within 2 % and above; at 20 %, with neighbours close, it fails by more.
    """
    dilute = aspot.simulate(random_cell(contact_fraction=0.01, minimum_distance="40 um"))
    dense = aspot.simulate(random_cell(contact_fraction=0.2))
    errors = [point_model(r, equal_currents=True) / r.resistances.cc - 1 for r in (dilute, dense)]
    assert 0.0 < errors[0] < 0.02
    assert errors[0] < abs(errors[1])
    assert point_model(dilute) == pytest.approx(dilute.resistances.cc, rel=2e-3)


# Current maps ---------------------------------------------------------------------------------------------------------


def test_a_single_spot_has_newmans_percentiles_and_all_the_current() -> None:
    """0.707, 1, 1.58 over the mean of the spot; the cell's neighbours change little at 1 %."""
    result = aspot.simulate(random_cell(count=1, contact_fraction=0.01))
    m = current_map(result, pixel_m=0.125e-6)
    assert m.n_spots == 1
    (spot,) = m.hot_spots()
    assert spot.current_share == pytest.approx(1.0, rel=1e-3)
    assert spot.focusing * m.contact_fraction == pytest.approx(1.0, rel=1e-3)
    assert m.percentiles([50, 75]) * 0.01 == pytest.approx([0.7071, 1.0], rel=0.005)
    assert m.percentiles([90]) * 0.01 == pytest.approx([1.5811], rel=0.02)
    # All of 1 V over R_total.
    assert abs(m.mean_A_m2) == pytest.approx(1.0 / (result.resistances.total * 1e-4), rel=1e-9)


def test_currents_of_spots_are_those_of_the_point_model() -> None:
    """A spot far from others takes more: shares of the current from the matrix of potentials."""
    result = aspot.simulate(random_cell(contact_fraction=0.02, minimum_distance="8 um", seed=2))
    cell = result.cell.working_electrode.unit_cell(1.0)
    assert isinstance(cell, BoxCell)
    x, y, a = np.array([(s.x, s.y, s.radius) for s in cell.shapes]).T
    matrix = lattice_potential(x[:, None] - x, y[:, None] - y, cell.size_x, cell.size_y) / (2 * np.pi)
    matrix[np.diag_indices(len(a))] += 1 / (4 * a)
    share = np.linalg.solve(matrix, np.ones(len(a)))
    share /= share.sum()
    found = sorted((s.x_m, s.y_m, s.current_share) for s in current_map(result, pixel_m=0.5e-6).hot_spots(None))
    expected = sorted(zip(x, y, share, strict=True))
    assert np.array([f[:2] for f in found]) == pytest.approx(np.array([e[:2] for e in expected]), rel=0.02)
    assert [f[2] for f in found] == pytest.approx([e[2] for e in expected], rel=0.01)
    assert max(share) / min(share) > 1.1


def test_a_map_from_a_file_comes_back_on_its_pixels_and_evens_out_at_high_frequency() -> None:
    result = solved("image_contact")
    cell = result.cell.working_electrode.unit_cell(1.0)
    assert isinstance(cell, MapCell)
    low, high = current_map(result, 0.0), current_map(result, 1e9)
    for m in (low, high):
        assert np.array_equal(m.contact, cell.contact)
        assert m.pixel_m == pytest.approx((5e-6, 5e-6))
        assert np.isfinite(m.focusing).all()
    # At direct current all of it flows through the contacts, far above the arc everywhere alike.
    assert np.abs(low.current_density_A_m2[cell.contact == 0]).sum() < 2e-3 * np.abs(low.current_density_A_m2).sum()
    assert np.percentile(high.focusing, [3, 97]) == pytest.approx([1.0, 1.0], abs=0.1)
    assert low.percentiles([50])[0] > 2
    figure = focusing_picture([low, high], title="both")
    figure.canvas.draw()
    assert len(figure.axes) == 5
    with pytest.raises(InputError, match="frequency_Hz"):
        current_map(result, -1.0)


def test_arrays_have_maps_too_and_tubes_have_not() -> None:
    """An array between mirror planes: a quarter of a disc, whatever backend has solved it."""
    result = aspot.simulate(random_cell(arrangement="square", count=None))
    assert result.backend == "surface"
    m = current_map(result)
    assert (m.periodic, m.n_spots) == (False, 1)
    assert m.contact_fraction == pytest.approx(0.05, rel=1e-9)
    assert m.percentiles([50])[0] * 0.05 == pytest.approx(0.7071, rel=0.1)
    with pytest.raises(InputError, match="pixel_m"):
        current_map(result, pixel_m=-1.0)
    tube = aspot.simulate(random_cell(arrangement="single", count=None))
    with pytest.raises(InputError, match="tubes and strips"):
        current_map(tube)
    with pytest.raises(InputError, match="one to 3 maps"):
        focusing_picture([])


def test_a_run_writes_the_map_beside_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from aspot import output

    # The picture of the field takes seconds and is tested elsewhere.
    monkeypatch.setattr(output, "field_picture", lambda fields, title: new_figure(1, 1))
    result = solved("image_contact")
    written = {p.name for p in output.write(result, tmp_path / "out")}
    assert written == {*output.FILES, *output.PIXEL_FILES}
    saved = np.load(tmp_path / "out" / "focusing.npy")
    assert saved.shape == (192, 192)
    assert saved.mean() == pytest.approx(1.0, rel=5e-3)  # all current has one phase at direct current
    found = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert found["current_focusing"]["contacts"] == 13
    ranked = [s["focusing"] for s in found["current_focusing"]["hot_spots"]]
    assert ranked == sorted(ranked, reverse=True)
    morphology = found["case"]["working_electrode"]["morphology"]
    assert morphology["sha256"] == hashlib.sha256((CASES / "maps/contact_map.png").read_bytes()).hexdigest()
    assert 100 < morphology["threshold"] < 160
    # The case that was written is the one that was solved, and one of another kind takes the map away.
    assert aspot.load(tmp_path / "out" / "case.toml").digest == result.cell.digest == found["digest"]
    output.write(aspot.simulate(random_cell(arrangement="single", count=None)), tmp_path / "out")
    assert not any((tmp_path / "out" / name).exists() for name in output.PIXEL_FILES)
