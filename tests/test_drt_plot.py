"""Pictures of distributions and of the Kramers-Kronig test show what they are given; they leave pyplot alone."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.text import Text
from samples import result

from aspot import drt_plot
from aspot.analysis.drt import DrtSettings, relaxation_distribution
from aspot.analysis.kramers_kronig import check_kramers_kronig
from aspot.analysis.relaxation import relaxation_times
from aspot.errors import InputError
from aspot.spectrum import Spectrum

F = np.logspace(6, 0, 61)


def spectrum(bad: tuple[int, ...] = (), factor: float = 1.2) -> Spectrum:
    z = 10 + 40 / (1 + 2j * np.pi * F * 40e-6)
    z[list(bad)] *= factor
    return Spectrum(frequency_Hz=F, impedance_ohm_cm2=z, temperature_K=300)


def test_distributions_name_their_peaks_and_shade_what_was_not_measured() -> None:
    found = relaxation_distribution(spectrum())
    figure = drt_plot.distributions({"one": found, "two": spectrum()}, title="t")
    ax = figure.axes[0]
    one, two = ax.lines[:2]
    np.testing.assert_array_equal(one.get_xdata(), found.tau_s)
    np.testing.assert_array_equal(one.get_ydata(), found.gamma_ohm_cm2)
    np.testing.assert_array_equal(two.get_ydata(), found.gamma_ohm_cm2)
    (peak,) = found.peaks
    texts = [t.get_text() for t in ax.texts]
    assert len(texts) == 2
    assert texts[0].split("\n") == [
        f"{peak.resistance_ohm_cm2:.3g} Ω cm²",
        f"{1e9 * peak.capacitance_F_per_cm2:.0f} nF/cm²",
        f"{1e-3 * peak.apex_frequency_Hz:.3g} kHz",
    ]
    spans = [patch.get_extents().transformed(ax.transData.inverted()) for patch in ax.patches]
    assert spans[0].x1 == pytest.approx(1 / (2 * np.pi * 1e6), rel=1e-6)
    assert spans[1].x0 == pytest.approx(1 / (2 * np.pi), rel=1e-6)
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["one", "two"]


def test_labels_of_equal_peaks_do_not_overlap() -> None:
    figure = drt_plot.distributions({str(k): spectrum() for k in range(3)})
    figure.canvas.draw()
    ax = figure.axes[0]
    # Of the text alone; that of an annotation counts its line as well.
    boxes = [Text.get_window_extent(t) for t in ax.texts]
    assert max(box.y1 for box in boxes) < ax.get_window_extent().y1
    for k, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:k])


def test_times_of_the_field_model_stand_behind() -> None:
    solved = result()
    exact = relaxation_times(solved)
    figure = drt_plot.distributions({"computed": solved.spectrum}, settings=DrtSettings(n_points=100), exact=exact)
    bars = {(bar[1][0], bar[1][1]) for bar in figure.axes[1].collections[0].get_segments()}
    low, high = figure.axes[0].get_xlim()
    inside = (exact.tau_s >= low) & (exact.tau_s <= high)
    assert bars == set(zip(exact.tau_s[inside], exact.resistance_ohm_cm2[inside], strict=True))
    assert len(bars) >= 2


@pytest.mark.parametrize("n", [0, 6])
def test_one_to_five_distributions(n: int) -> None:
    with pytest.raises(InputError, match=f"1 to 5, got {n}"):
        drt_plot.distributions({str(k): spectrum() for k in range(n)})


def test_bad_points_have_marks_of_their_own() -> None:
    """One beyond the threshold, one beyond the scatter; all others are circles, and every point is drawn once."""
    z = spectrum((20,), 1.2).impedance_ohm_cm2.copy()
    z[40] *= 1.01
    found = check_kramers_kronig(Spectrum(frequency_Hz=F, impedance_ohm_cm2=z, temperature_K=300))
    figure = drt_plot.kramers_kronig(found, title="cell")
    left, right = figure.axes
    drawn = {line.get_label(): np.asarray(line.get_xdata()) for line in left.lines if line.get_label()[0] != "_"}
    assert {name: len(x) for name, x in drawn.items()} == {
        "Kramers-Kronig ladder": 61, "consistent": 59, "outlier": 1, "beyond 5 %": 1
    }  # fmt: skip
    assert drawn["beyond 5 %"][0] == z.real[20] and drawn["outlier"][0] == z.real[40]
    marks = [line for line in right.lines if line.get_linestyle() == "None"]
    assert sum(len(line.get_xdata()) for line in marks) == 2 * 61
    lines = [line for line in right.lines if line.get_linestyle() == "-" and len(line.get_xdata()) == 61]
    np.testing.assert_allclose(lines[0].get_ydata(), 100 * found.real)
    np.testing.assert_allclose(lines[1].get_ydata(), 100 * found.imaginary)
    assert right.get_yscale() == "symlog"
    assert figure.get_suptitle() == "cell: does not pass"


def test_residuals_of_a_good_spectrum_are_linear() -> None:
    random = np.random.default_rng(0)
    noisy = spectrum().impedance_ohm_cm2 * (1 + 1e-3 * (random.standard_normal(61) + 1j * random.standard_normal(61)))
    found = check_kramers_kronig(Spectrum(frequency_Hz=F, impedance_ohm_cm2=noisy, temperature_K=300))
    figure = drt_plot.kramers_kronig(found)
    assert figure.axes[1].get_yscale() == "linear"
    assert figure.get_suptitle() == "passes"
