"""Arrhenius laws: energies with intervals that hold, curvature, and arcs followed over temperature."""

from __future__ import annotations

import json
from functools import lru_cache

import numpy as np
import pytest
from samples import ACTIVATED_CELL

from aspot import circuit_plot
from aspot.analysis.arrhenius import eV_per_particle, fit_arrhenius, kJ_per_mol
from aspot.analysis.circuit_text import circuit
from aspot.analysis.sensitivity import activation_energies
from aspot.analysis.temperature_series import TemperatureSeries, activation_energies_of, fit_temperatures
from aspot.errors import InputError
from aspot.laws import Activated
from aspot.simulation import simulate
from aspot.spectrum import Spectrum

K = 8.617333262e-5  # eV/K, exact in the SI to ten digits
EV = 1.602176634e-19  # J
T = np.array([253.15, 268.15, 283.15, 298.15, 313.15, 333.15])

# The law ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["sigma", "sigma T"])
@pytest.mark.parametrize("quantity", ["conductance", "resistance"])
def test_exact_laws_are_found(form: str, quantity: str) -> None:
    """Energy and prefactor of `laws.Activated`, in either form, from its values; and the law goes back to it."""
    law = Activated(value=2.5, activation_energy_J=0.31 * EV, form=form)  # type: ignore[arg-type]
    g = np.array([law.at(t) for t in T])
    fit = fit_arrhenius(T, g if quantity == "conductance" else 1 / g, quantity=quantity, form=form)  # type: ignore[arg-type]
    assert fit.activation_energy_eV == pytest.approx(0.31, rel=1e-9)
    factor = 298.15 if form == "sigma T" else 1.0
    assert fit.prefactor == pytest.approx(2.5 * factor * np.exp(0.31 / (K * 298.15)), rel=1e-6)
    value, _ = fit.predict(400.0)
    assert (value if quantity == "conductance" else 1 / value) == pytest.approx(law.at(400.0), rel=1e-8)
    assert fit.law().at(275.0) == pytest.approx(law.at(275.0), rel=1e-8)
    assert fit.follows_arrhenius is True


def test_the_factor_t_adds_kt() -> None:
    """d ln(g T)/d(1/kT) = d ln g/d(1/kT) - kT: the energies differ by kT at the middle of the range."""
    g = 3.0 * np.exp(-0.3 / (K * T))
    plain, with_t = (fit_arrhenius(T, g, quantity="conductance", form=f) for f in ("sigma", "sigma T"))  # type: ignore[arg-type]
    assert with_t.activation_energy_eV - plain.activation_energy_eV == pytest.approx(K * T.mean(), rel=0.02)


def test_energies_per_mole() -> None:
    """1 eV per particle is 96.485 kJ/mol (CODATA)."""
    assert kJ_per_mol(1.0) == pytest.approx(96.48533, rel=1e-6)
    assert eV_per_particle(kJ_per_mol(0.37)) == pytest.approx(0.37, rel=1e-12)


@pytest.mark.parametrize(
    ("errors", "scatter"), [(None, 0.05), (0.05, 0.0), (0.001, 0.05)], ids=["unknown", "known", "understated"]
)
def test_intervals_hold_as_often_as_they_say(errors: float | None, scatter: float) -> None:
    """95 % of intervals hold the truth: 475 of 500, sd 4.9; scatter beyond the given errors is found and counted.

    Where errors are known the interval is Student's still, and a little too wide: never too narrow.
    """
    random = np.random.default_rng(2)
    inside, predicted = 0, 0
    truth = 3.0 * np.exp(-0.3 / (K * 350.0))
    for _ in range(500):
        e = None if errors is None else errors * random.uniform(0.5, 2.0, len(T))
        spread = np.hypot(scatter, 0.0 if e is None else e)
        g = 3.0 * np.exp(-0.3 / (K * T)) * np.exp(spread * random.standard_normal(len(T)))
        fit = fit_arrhenius(T, g, quantity="conductance", relative_errors=e)
        low, high = fit.interval_eV()
        inside += low < 0.3 < high
        _, (low, high) = fit.predict(350.0)
        predicted += low < truth < high
    for count in (inside, predicted):
        assert 458 <= count <= (500 if errors == 0.05 else 490)


def test_two_temperatures_leave_no_interval_but_that_of_their_errors() -> None:
    """E = ln(g1/g2)/(beta2 - beta1): with errors e its own is sqrt(2) e/(beta difference), normal; without, nan."""
    t, g = [280.0, 320.0], [1.0, 4.0]
    bare = fit_arrhenius(t, g, quantity="conductance")
    width = 1 / (K * 280.0) - 1 / (K * 320.0)
    assert bare.activation_energy_eV == pytest.approx(np.log(4.0) / width, rel=1e-9)
    assert np.isnan(bare.interval_eV()[0])
    known = fit_arrhenius(t, g, quantity="conductance", relative_errors=[0.02, 0.02])
    assert known.standard_error_eV == pytest.approx(0.02 * np.sqrt(2) / width, rel=1e-9)
    low, high = known.interval_eV()
    assert high - low == pytest.approx(2 * 1.959964 * known.standard_error_eV, rel=1e-6)
    assert any("fewer than 4 temperatures" in w for w in known.warnings)


def test_curvature_is_found_where_it_is_and_seldom_where_it_is_not() -> None:
    """Straight data look curved in 5 % of 400 trials (20, sd 4.4); two processes in series in nearly all."""
    random = np.random.default_rng(5)
    x = np.linspace(240.0, 380.0, 9)
    straight = 3.0 * np.exp(-0.3 / (K * x))
    bent = 1 / (np.exp(0.15 / (K * x)) / np.exp(0.15 / (K * 300)) + np.exp(0.55 / (K * x)) / np.exp(0.55 / (K * 300)))
    found = [0, 0]
    for _ in range(400):
        noise = np.exp(0.03 * random.standard_normal(len(x)))
        for k, g in enumerate((straight, bent)):
            found[k] += fit_arrhenius(x, g * noise, quantity="conductance").follows_arrhenius is False
    assert 5 <= found[0] <= 38
    assert found[1] > 395
    # In series the larger energy rules in the cold; a parabola goes too far at its ends.
    curved = fit_arrhenius(x, bent, quantity="conductance")
    assert curved.curvature is not None
    assert curved.curvature.cold_eV > 0.5 > curved.activation_energy_eV > 0.2 > curved.curvature.hot_eV
    assert any("is curved" in w for w in curved.warnings)


def test_errors_name_what_is_wrong() -> None:
    good = {"temperature_K": [280.0, 300.0], "value": [1.0, 2.0]}
    for wrong, message in (
        ({"value": [1.0, -2.0]}, "value must be finite and positive"),
        ({"value": [1.0, 2.0, 3.0]}, "lists of one length"),
        ({"temperature_K": [280.0, 280.0]}, "two different temperatures are needed, got 1"),
        ({"form": "log"}, "form = 'log': allowed are 'sigma' and 'sigma T'"),
        ({"quantity": "current"}, "allowed are 'conductance' and 'resistance'"),
        ({"relative_errors": [0.1, 0.0]}, "relative_errors must be finite and positive"),
    ):
        with pytest.raises(InputError, match=message):
            fit_arrhenius(**{**good, **wrong})  # type: ignore[arg-type]
    fit = fit_arrhenius(**good)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="must be finite and positive"):
        fit.predict(-3.0)
    with pytest.raises(InputError, match="must lie between 0 and 1"):
        fit.interval_eV(1.0)


# Series of spectra --------------------------------------------------------------------------------------------------

ENERGIES = {"R_0": 0.26, "R_GB": 0.36, "R_Int": 0.37}


def series_of(temperatures: np.ndarray, f: np.ndarray, seed: int) -> list[Spectrum]:
    """Bulk, grain boundaries and interface of Ortmann et al. (2022), constant capacitances, 0.5 % of noise."""
    random = np.random.default_rng(seed)
    out = []
    for t in temperatures:
        at_25 = {"R_0": 14.0, "R_GB": 22.5, "R_Int": 53.0}
        values = {n: r * np.exp(ENERGIES[n] / K * (1 / t - 1 / 298.15)) for n, r in at_25.items()}
        for label, capacitance, n in (("GB", 4.5e-9, 0.95), ("Int", 34e-9, 0.92)):
            values |= {f"n_{label}": n, f"Q_{label}": capacitance**n * values[f"R_{label}"] ** (n - 1)}
        z = circuit("ortmann2022").impedance(f, values)
        noise = 0.005 * (random.standard_normal(len(f)) + 1j * random.standard_normal(len(f)))
        out.append(Spectrum(frequency_Hz=f, impedance_ohm_cm2=z + np.abs(z) * noise, temperature_K=t))
    return out


@lru_cache(maxsize=1)
def hot_and_cold() -> TemperatureSeries:
    """From 193 to 373 K, up to 1 MHz: the grain boundaries leave the window at 290 K, the interface at 360 K."""
    spectra = series_of(np.arange(193.15, 374.0, 30.0), np.geomspace(1e6, 1.0, 45), seed=1)
    return fit_temperatures(list(reversed(spectra)), "ortmann2022")


def test_arcs_keep_their_names_through_the_window() -> None:
    """Every value found lies on the law of its own arc, also where arcs have left the measured frequencies.

    At 300 K and above the grain boundaries peak beyond 1 MHz; a fit by itself then splits the interface's arc in two.
    """
    found = hot_and_cold()
    assert found.temperature_K == tuple(np.arange(193.15, 374.0, 30.0))
    for name, energy in ENERGIES.items():
        t, r, e = found.values(name)
        truth = {"R_0": 14.0, "R_GB": 22.5, "R_Int": 53.0}[name] * np.exp(energy / K * (1 / np.array(t) - 1 / 298.15))
        assert len(t) >= 5
        # 4.5 standard errors: 20 values at once.
        assert np.all(np.abs(np.log(np.array(r) / truth)) < 4.5 * np.array(e) + 1e-3), name
    assert any("GB" in note and "measured frequencies" in note for note in found.notes)
    assert set(found.notes) <= set(found.warnings)


def test_energies_of_every_element() -> None:
    """Energies of bulk, boundaries and interface within their intervals (99 %), to a few meV."""
    energies = hot_and_cold().energies()
    assert set(energies) == set(ENERGIES)
    for name, fit in energies.items():
        low, high = fit.interval_eV(0.99)
        assert low < ENERGIES[name] < high, str(fit)
        assert high - low < 0.03
    with_t = hot_and_cold().arrhenius("R_Int", "sigma T")
    assert 0.015 < with_t.activation_energy_eV - energies["R_Int"].activation_energy_eV < 0.03
    with pytest.raises(InputError, match="R_9: no such parameter"):
        hot_and_cold().arrhenius("R_9")


def test_fixed_parameters_and_errors_of_series() -> None:
    spectra = series_of(np.array([283.15, 298.15, 313.15]), np.geomspace(7e6, 10.0, 40), seed=4)
    found = activation_energies_of(spectra, "ortmann2022", form="sigma", fixed={"n_GB": 0.95})
    low, high = found["R_Int"].interval_eV(0.99)
    assert low < 0.37 < high
    with pytest.raises(InputError, match="two different temperatures"):
        fit_temperatures(spectra[:1], "ortmann2022")
    with pytest.raises(InputError, match="start: is chosen"):
        fit_temperatures(spectra, "ortmann2022", start={"R_0": 1.0})


# Computed spectra ---------------------------------------------------------------------------------------------------


def test_fits_of_computed_spectra_agree_with_exact_energies() -> None:
    """The same functions read computed spectra: E of R_total and R_int against their exact derivatives.

    Over +-10 K a sum of laws of 0.26 to 0.5 eV is straight to second order: the slope is that of the middle to
    (0.12 eV x 10 K/kT^2)^2 E/6 = 1e-4 of E. The circuit fit's own R_Int holds it within its interval.
    """
    cell = ACTIVATED_CELL.with_(**{"frequencies.start": "30 MHz", "frequencies.per_decade": 6})
    temperatures = [288.15, 293.15, 298.15, 303.15, 308.15]
    results = [simulate(cell.with_(temperature=t)) for t in temperatures]
    exact = activation_energies(results[2])
    for values, energy in (
        ([r.resistances.total for r in results], exact.total),
        ([r.resistances.int_ for r in results], exact.int_),
        ([r.resistances.SE for r in results], exact.SE),
    ):
        assert fit_arrhenius(temperatures, values).activation_energy_eV == pytest.approx(energy, rel=2e-3)
    found = activation_energies_of([r.spectrum for r in results], "ortmann2022")
    # R_0 is the bulk of the electrolyte, above the boundaries' frequencies.
    assert found["R_0"].activation_energy_eV == pytest.approx(0.26, rel=0.02)
    low, high = found["R_Int"].interval_eV()
    assert low < exact.int_ < high
    assert found["R_GB"].activation_energy_eV == pytest.approx(0.36, rel=0.1)


# What people read and look at ---------------------------------------------------------------------------------------


def test_numbers_for_people() -> None:
    fit = hot_and_cold().energies()["R_Int"]
    assert str(fit).startswith("R_Int: Ea = 0.37")
    document = json.loads(json.dumps(fit.to_dict(), allow_nan=False))
    assert document["activation_energy_eV"] == fit.activation_energy_eV


@pytest.mark.parametrize("form", ["sigma", "sigma T"])
def test_picture(form: str) -> None:
    """Points lie at (1000/T, T/R or 1/R), the upper axis reads degrees Celsius, each law has its band."""
    fits = hot_and_cold().energies(form)  # type: ignore[arg-type]
    figure = circuit_plot.arrhenius(fits, title="three resistances")
    figure.canvas.draw()
    (ax,) = figure.axes
    points = next(c for c in ax.containers if c.lines[0].get_linestyle() == "None").lines[0]
    t, r, _ = hot_and_cold().values("R_0")
    np.testing.assert_allclose(points.get_xdata(), 1e3 / np.array(t))
    np.testing.assert_allclose(points.get_ydata(), (np.array(t) if form == "sigma T" else 1.0) / np.array(r))
    assert len(ax.collections) >= len(fits)
    top = ax.child_axes[0]
    for tick in top.get_xticks():
        assert 193.15 <= tick + 273.15 <= 373.15
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert sum("R_GB" in text for text in legend) >= 1


def test_picture_refuses_what_cannot_share_axes() -> None:
    one = fit_arrhenius(T, np.exp(-0.3 / (K * T)), quantity="conductance", form="sigma")
    other = fit_arrhenius(T, np.exp(-0.3 / (K * T)), quantity="conductance", form="sigma T")
    with pytest.raises(InputError, match="different forms"):
        circuit_plot.arrhenius([one, other])
    with pytest.raises(InputError, match="no fit is given"):
        circuit_plot.arrhenius([])
