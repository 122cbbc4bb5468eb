# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # Two electrolytes in contact: what is in 16 Ω cm²?
#
# M. Weiss et al. (2020), [doi 10.1007/s41918-020-00062-7](https://doi.org/10.1007/s41918-020-00062-7), review junctions
# of two solid electrolytes. Na$_3$Zr$_2$Si$_2$PO$_{12}$ | Na$_3$PS$_4$ has 16 Ω cm² at 25 °C and 0.47 eV;
# PEO-LiTFSI | Li$_6$PS$_5$Cl has 0.3 and 2.1 Ω cm² at 80 °C, one of an interphase, one of charge transfer. Their law is
#
# $$R_\mathrm{p} = R_\mathrm{SLEI} + \frac{R\,T}{z F i_0} , \qquad i_0 \sim \mathrm{e}^{-\Delta G/RT} .$$
#
# Three questions. Does a fit find the 0.47 eV again, in a cell whose electrolytes have energies of their own? Which
# spectrum, film or exchange current belongs to a resistance? And could the 16 Ω cm² be constriction, two rigid
# ceramics that touch at few places?

# %%
# %matplotlib inline
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.constants import Avogadro, Boltzmann, elementary_charge, epsilon_0

import aspot
from aspot.analysis.arrhenius import fit_arrhenius
from aspot.analysis.circuit_fit import fit_circuit
from aspot.analysis.relaxation import relaxation_times
from aspot.analysis.sensitivity import activation_energies, sensitivities
from aspot.analytic import flux_tube_constriction
from aspot.plot import engineering, new_figure
from aspot.spectrum import Spectrum

checks = {}  # name: (computed, exact, relative error allowed)
folder = next(p for p in (Path.cwd(), *Path.cwd().parents) if (p / "cases").is_dir())
junction = aspot.load(folder / "cases" / "na3ps4_nasicon.toml")
PUBLISHED_R, PUBLISHED_E = junction.published.R_int * 1e4, 0.47  # ohm cm2, eV
THERMAL = Boltzmann * junction.temperature / elementary_charge  # kT at 25 degC [eV]

# %% [markdown]
# ## The cell: NASICON, junction, Na₃PS₄
#
# The case has the junction as the law of its electrode (16 Ω cm² parallel to the capacitance of a film of 10 nm and
# permittivity 10, which is assumed). Here 0.2 mm of Na$_3$PS$_4$ are added as a layer: 0.46 mS/cm (Hayashi et al., J.
# Power Sources 258 (2014) 420); its 0.3 eV are assumed. The NASICON is that of the library, 0.67 mS/cm and 0.36 eV.

# %%
SULFIDE = {
    "name": "Na3PS4",
    "thickness": "0.2 mm",
    "conductivity": "0.46 mS/cm",
    "permittivity": 15,
    "activation_energy": "0.3 eV",
}
cell = junction.with_(**{"electrolyte.layers": [SULFIDE]})
here = aspot.simulate(cell)
parts = here.resistances.parts
energies = activation_energies(here)
print(f"{'':24s}{'computed':>12s}{'published':>12s}")
print(f"{'junction / ohm cm2':24s}{parts['interphase']:12.2f}{PUBLISHED_R:12.2f}")
for name in ("SE", "Na3PS4"):
    print(f"{name + ' / ohm cm2':24s}{parts[name]:12.2f}")
checks["parts of R_total / ohm cm2"] = (sum(parts.values()), here.resistances.total, 1e-9)

# %% [markdown]
# ## Does the fit find 0.47 eV?
#
# Spectra from -20 to 60 °C with 0.3 % of noise, fitted as one would: an arc for what can be seen of the electrolytes
# below the instrument's 7 MHz, and one for the junction.
#
# The slope of $\ln R$ over $1/kT$ is 0.47 eV because the law of the case says so; that of $\ln (R/T)$ is larger by the
# mean $kT$. A published energy without the form is uncertain by that much. The resistance of the whole cell has a mean
# of all energies, weighted with the shares in the resistance: exact, from the one solution at 25 °C.

# %%
temperatures = np.array([-20, 0, 25, 40, 60]) + 273.15
series = [aspot.simulate(cell.with_(temperature=float(t))) for t in temperatures]
random = np.random.default_rng(0)


def measured(spectrum: Spectrum) -> Spectrum:
    """The spectrum as an instrument would see it."""
    noise = 3e-3 * (random.standard_normal(len(spectrum)) + 1j * random.standard_normal(len(spectrum)))
    return replace(spectrum, impedance_ohm_cm2=spectrum.impedance_ohm_cm2 * (1 + noise))


fits = [fit_circuit(measured(one.spectrum), "(RQ)_SE-(RQ)_J") for one in series]
fitted = np.array([fit["R_J"] for fit in fits])
spread = np.array([fit.relative_errors["R_J"] for fit in fits])
total = np.array([one.resistances.total for one in series])
found = {form: fit_arrhenius(temperatures, fitted, form=form, relative_errors=spread) for form in ("sigma", "sigma T")}
for one in found.values():
    print(f"junction: {one}")
print(f"cell:     {fit_arrhenius(temperatures, total)}; exact at 25 degC {energies.total:.3f} eV")
for fit, one, t in zip(fits, series, temperatures, strict=True):
    low, high = fit.confidence_intervals()["R_J"]
    print(f"{t - 273.15:4.0f} degC: {low:7.2f} to {high:7.2f}, true {one.resistances.parts['interphase']:7.2f} ohm cm2")
checks["energy of the fitted junction / eV"] = (found["sigma"].activation_energy_eV, PUBLISHED_E, 1e-2)
larger = PUBLISHED_E + np.mean(temperatures) * Boltzmann / elementary_charge
checks["the same of R/T / eV"] = (found["sigma T"].activation_energy_eV, larger, 1e-2)
mean = sum(
    share * {"SE bulk": 0.36 - THERMAL, "Na3PS4": 0.3, "interphase": PUBLISHED_E}.get(name, 0.0)
    for name, share in energies.shares.items()
)
checks["energy of the cell at 25 degC / eV"] = (energies.total, mean, 1e-6)
assert energies.total < 0.34 < found["sigma"].activation_energy_eV  # the junction is a small part of the whole

figure_temperature = new_figure(9.6, 4.0)
left, right = figure_temperature.subplots(1, 2)
colours = ("#08306b", "#2171b5", "#222222", "#f16913", "#a50f15")
for fit, t, colour in zip(fits, temperatures, colours, strict=True):
    f, z = fit.spectrum.frequency_Hz, fit.spectrum.impedance_ohm_cm2
    left.loglog(f, np.abs(z.imag), "o", ms=2.5, color=colour, label=f"{t - 273.15:.0f} °C")
    left.loglog(f, -fit.impedance().imag, lw=0.8, color=colour)
left.set(xlabel="frequency / Hz", ylabel=r"$-Z''$ / Ω cm²", ylim=(1e-3, 3e3))
left.legend(frameon=False, fontsize=8, ncols=2, title="lower arc: junction", title_fontsize=8)
limits = np.transpose([fit.confidence_intervals()["R_J"] for fit in fits])
right.errorbar(1e3 / temperatures, fitted, np.abs(limits - fitted), fmt="o", ms=4, color="#c23b22",
               label="junction, fitted, 95 %")  # fmt: skip
right.set_yscale("log")
right.semilogy(1e3 / temperatures, total, "s", mfc="none", color="#1f5fa8", label="cell")
line = np.linspace(temperatures[0], temperatures[-1], 50)
law = PUBLISHED_R * np.exp(PUBLISHED_E / THERMAL * (298.15 / line - 1))
right.semilogy(1e3 / line, law, color="#c23b22", lw=1, label="16 Ω cm² and 0.47 eV")
right.set(xlabel=r"$10^3\,\mathrm{K}/T$", ylabel="R / Ω cm²")
right.legend(frameon=False, fontsize=8)
for ax in (left, right):
    ax.grid(alpha=0.25, lw=0.5)
figure_temperature

# %% [markdown]
# ## Film or exchange current?
#
# A resistance alone does not tell. If the 16 Ω cm² are charge transfer, $i_0 = RT/(F R_\mathrm{ct})$; if they are a
# film, its conductivity is thickness over resistance (25 nm: the review's thickness of the interphase on LiPON). For
# PEO-LiTFSI | Li$_6$PS$_5$Cl both are published, and an interface law has both in series: `interphase` and
# `exchange_current_density`. The capacitances are assumed: a film of 25 nm and permittivity 10, a double layer of
# 10 µF/cm². So chosen they make two relaxation times, a factor of 198 apart; with equal ones there would be one arc.

# %%
R_GAS, FARADAY = Boltzmann * Avogadro, elementary_charge * Avogadro
film_capacitance = epsilon_0 * 10 / 25e-9  # F/m2
warm = 80 + 273.15
i0 = R_GAS * warm / (FARADAY * 2.1e-4)  # A/m2
polymer = aspot.Cell(
    name="PEO-LiTFSI | Li6PS5Cl",
    temperature=warm,
    electrolyte={"material": "Li6PS5Cl", "thickness": "1 mm"},
    working_electrode={
        "contact": {
            "exchange_current_density": i0,
            "double_layer_capacitance": "10 uF/cm^2",
            "interphase": {"resistance": "0.3 ohm cm^2", "capacitance": film_capacitance},
        }
    },
)
hybrid = aspot.simulate(polymer)
r = hybrid.resistances
times = relaxation_times(hybrid)
print(f"{'PEO | Li6PS5Cl, 80 degC':34s}{'computed':>12s}{'published':>12s}")
print(f"{'interphase / ohm cm2':34s}{r.parts['interphase']:12.3f}{0.3:12.1f}")
print(f"{'charge transfer / ohm cm2':34s}{r.ct:12.3f}{2.1:12.1f}")
print(f"i0 = {i0 / 10:.1f} mA/cm2")
at_interface = times.characteristic_frequency_Hz < 1e8  # above: the electrolyte's own
for f, resistance in zip(times.characteristic_frequency_Hz, times.resistance_ohm_cm2, strict=True):
    print(f"relaxation of {resistance:.2f} ohm cm2 at {engineering(f, 'Hz')}")
only_transfer = R_GAS * 298.15 / (FARADAY * PUBLISHED_R * 1e-4)
only_film = 25e-9 / (PUBLISHED_R * 1e-4)
print(f"NASICON | Na3PS4, all charge transfer: i0 = {only_transfer / 10:.2f} mA/cm2")
print(f"                  all a film of 25 nm: {only_film * 10:.1e} mS/cm")
checks["R_ct at 80 degC / ohm cm2"] = (r.ct, 2.1, 1e-6)
at_least, at_most = np.sort(times.tau_s[at_interface])
checks["relaxation times, factor between them"] = (at_most / at_least, 198.0, 1e-2)
checks["relaxation time of the film / s"] = (times.tau_s[at_interface].min(), 0.3e-4 * film_capacitance, 1e-6)

# %% [markdown]
# What would decide is the concentration $c$ of salt in the polymer: $i_0 \sim c^{1-\alpha}$, the film does not care.
# The apparent order $\partial \ln R_\mathrm{p}/\partial \ln c = -(1-\alpha)\,R_\mathrm{ct}/R_\mathrm{p}$ comes from the
# sensitivity of the spectrum to $i_0$, exact and without another solve. It fades with frequency, first that of the
# charge transfer.

# %%
wide = polymer.with_(frequencies={"start": "100 MHz", "stop": "10 Hz", "per_decade": 20})
wide_result = aspot.simulate(wide)
key = "working_electrode.contact.exchange_current_density"
change = sensitivities(wide_result, [key])[key] * i0  # dZ/d ln i0 [ohm cm2]
order = 0.5 * change[-1].real / r.int_  # alpha = 0.5
checks["apparent order of R_p in c, alpha = 0.5"] = (order, -0.5 * 2.1 / 2.4, 1e-4)
print(f"apparent order {order:.3f}; without a film it would be -0.5")

figure_hybrid = new_figure(9.6, 3.6)
left, right = figure_hybrid.subplots(1, 2)
f = wide_result.spectrum.frequency_Hz
excess = wide_result.arc.excess_impedance_ohm_cm2
left.plot(excess.real, -excess.imag, color="#1f5fa8", label="film 25 nm, double layer 10 µF/cm²")
same = wide.with_(**{"working_electrode.contact.double_layer_capacitance": 0.3 / 2.1 * film_capacitance})
merged = aspot.simulate(same).arc.excess_impedance_ohm_cm2
left.plot(merged.real, -merged.imag, "--", color="#c23b22", label="equal relaxation times: one arc")
left.set(xlabel=r"$Z' - Z'_\mathrm{perfect}$ / Ω cm²", ylabel=r"$-Z''$ / Ω cm²", ylim=(0, 1.6))
left.set_aspect("equal")
left.legend(frameon=False, fontsize=8, loc="upper left")
right.semilogx(f, excess.real, color="#1f5fa8", label=r"$Z' - Z'_\mathrm{perfect}$")
right.semilogx(f, -change.real, color="#c23b22", label=r"$-\partial Z'/\partial \ln i_0$")
right.semilogx(f, -excess.imag, ":", color="#1f5fa8", label=r"$-Z''$")
right.set(xlabel="frequency / Hz", ylabel="Ω cm²")
right.legend(frameon=False, fontsize=8)
for ax in (left, right):
    ax.grid(alpha=0.25, lw=0.5)
figure_hybrid

# %% [markdown]
# ## Could it be constriction?
#
# Where two electrolytes touch at spots, both constrict the current. The spot itself is an equipotential (the current
# spreads alike on both sides), so that both sides together are one electrolyte under a metal whose resistivity is the
# sum, $1/\kappa = 1/\kappa_1 + 1/\kappa_2$: Holm's $(\rho_1 + \rho_2)/4a$. With a gap and a film it stays true, since
# the law of every lateral mode is proportional to the same sum. The brick-layer medium is such a sum; here its "grain
# boundary" is a pellet of Na$_3$PS$_4$ as thick as the NASICON.

# %%
both = junction.with_(
    **{
        "electrolyte.grain_boundaries": {
            "grain_size": "1 um",
            "resistance": 1e-6 / 0.046,  # so that resistance/grain_size is the resistivity of Na3PS4
            "capacitance": epsilon_0 * 15 / 1e-6,
            "activation_energy": "0.3 eV",
        },
        "electrolyte.conductivity": "0.67 mS/cm",
        "electrolyte.activation_energy": "0.36 eV",
        "frequencies": {"start": "10 MHz", "stop": "100 Hz", "per_decade": 12},
        "numerics.relative_tolerance": 1e-5,
    }
)


def touching(radius: float, fraction: float, film: float, energy: float = 0.47) -> aspot.Cell:
    """Both electrolytes touch at spots [m] on a part of the area, with a film [ohm cm2] between them."""
    return both.with_(
        **{
            "working_electrode.morphology": {
                "kind": "spots", "arrangement": "single", "radius": radius, "contact_fraction": fraction
            },
            "working_electrode.gap": {"thickness": "30 nm"},
            "working_electrode.contact.interphase.resistance": f"{film} ohm cm^2",
            "working_electrode.contact.interphase.activation_energy": f"{energy} eV",
        }
    )  # fmt: skip


FRACTION = 0.1
holm = 1e4 * sum(flux_tube_constriction(10e-6, 10e-6 / np.sqrt(FRACTION), kappa) for kappa in (0.067, 0.046))
# A film of next to nothing: all that is left are both constrictions.
bare = aspot.simulate(touching(10e-6, FRACTION, 1e-6)).resistances
checks["constriction on both sides / ohm cm2"] = (bare.cc, holm, 1e-4)
print(f"spots of 10 µm on {FRACTION:.0%}: {bare.cc:.2f} ohm cm2 on both sides together")

# %% [markdown]
# Now spots of every size on 10 % of the area, with the film that makes up the rest of the 16 Ω cm². Constriction
# has the energy of the electrolytes, some 0.31 eV. For the whole to show 0.47 eV, what is not constriction must have
# more, $E = (0.47 - s E_\mathrm{cc})/(1 - s)$ with the share $s$ of constriction.

# %%
electrolytes = activation_energies(aspot.simulate(touching(10e-6, FRACTION, 1e-6))).int_
rows = []
for wanted in (0.25, 0.5, 0.75):
    radius = 10e-6 * wanted * PUBLISHED_R / bare.cc
    film = FRACTION * (1 - wanted) * PUBLISHED_R
    # A film evens out the current at the rims, and both grow by some per cent: corrected twice.
    for _ in range(2):
        r = aspot.simulate(touching(radius, FRACTION, film)).resistances
        radius *= wanted * PUBLISHED_R / r.cc
        film *= (1 - wanted) * PUBLISHED_R / (r.int_ - r.cc)
    plain = aspot.simulate(touching(radius, FRACTION, film))
    share = plain.resistances.cc / plain.resistances.int_
    needed = (PUBLISHED_E - share * electrolytes) / (1 - share)
    result = aspot.simulate(touching(radius, FRACTION, film, needed))
    rows.append((share, radius, film, activation_energies(plain).int_, needed, result))
    checks[f"R_int, {wanted:.0%} constriction / ohm cm2"] = (result.resistances.int_, PUBLISHED_R, 1e-3)
    checks[f"E_int, {wanted:.0%} constriction / eV"] = (activation_energies(result).int_, PUBLISHED_E, 1e-5)
print("constriction   spot radius   film / ohm cm2   E_int, film of 0.47 eV   film needs   apex")
for share, radius, film, seen, needed, result in rows:
    apex = engineering(result.arc.apex_frequency_Hz, "Hz")
    print(
        f"{share:12.0%}   {engineering(radius, 'm'):>11s}   {film:14.2f}   {seen:19.3f} eV   {needed:7.2f} eV   {apex}"
    )
LARGEST = 1.01  # eV, of LLTO | PEO
limit = (LARGEST - PUBLISHED_E) / (LARGEST - electrolytes)
print(f"energy of constriction {electrolytes:.3f} eV; at most {limit:.0%} of R_int, if none has more than {LARGEST} eV")
full = aspot.simulate(junction.with_(frequencies={"start": "10 MHz", "stop": "100 Hz", "per_decade": 12}))
assert 0.305 < electrolytes < 0.315
checks["largest share of constriction"] = (limit, 0.78, 1e-2)
assert rows[0][-1].arc.apex_frequency_Hz > 5 * full.arc.apex_frequency_Hz

figure_share = new_figure(9.6, 3.8)
left, right = figure_share.subplots(1, 2)
s = np.linspace(0, 0.85, 100)
left.plot(s, (PUBLISHED_E - s * electrolytes) / (1 - s), color="black", lw=1.2, label="what is not constriction needs")
left.plot([row[0] for row in rows], [row[4] for row in rows], "o", color="black")
left.plot(
    [row[0] for row in rows],
    [row[3] for row in rows],
    "s",
    mfc="none",
    color="#1f5fa8",
    label="seen, if it has 0.47 eV",
)
for level, name in ((0.47, "NASICON | Na₃PS₄"), (0.74, "NASICON | PEO"), (1.01, "LLTO | PEO")):
    left.axhline(level, color="#c23b22", lw=0.8, ls="--")
    left.text(0.87, level + (0.012 if level > 0.5 else -0.045), name, color="#c23b22", fontsize=8, ha="right")
left.set(xlabel="share of constriction in 16 Ω cm²", ylabel="energy / eV", ylim=(0.1, 1.2), xlim=(-0.03, 0.88))
left.legend(frameon=False, fontsize=8, loc="lower left")
for (share, *_, result), colour in zip(rows, ("#2171b5", "#f16913", "#a50f15"), strict=True):
    z = result.arc.excess_impedance_ohm_cm2
    right.semilogx(result.spectrum.frequency_Hz, -z.imag, color=colour, label=f"{share:.0%} constriction")
right.semilogx(full.spectrum.frequency_Hz, -full.arc.excess_impedance_ohm_cm2.imag, "--", color="black",
               label="film everywhere")  # fmt: skip
right.set(xlabel="frequency / Hz", ylabel=r"$-\mathrm{Im}(Z - Z_\mathrm{perfect})$ / Ω cm²")
right.legend(frameon=False, fontsize=8)
for ax in (left, right):
    ax.grid(alpha=0.25, lw=0.5)
figure_share

# %% [markdown]
# ## What this says, and what not
#
# - **Put in:** 16 Ω cm², 0.47 eV, 0.3 and 2.1 Ω cm². They come out again, as they must; what is shown is that a fit
#   finds them beside two electrolytes, and what it would find if the contact were partial.
# - **Predicted:** $i_0$ from $R_\mathrm{ct}$, the order in the concentration, the energies of mixtures.
# - **Assumed:** every capacitance, the thicknesses, the energy of Na$_3$PS$_4$. They decide where the arcs lie and
#   whether two of them can be told apart, not their resistances.
# - At most 78 % of the 16 Ω cm² can be constriction, if no junction has more than the 1.01 eV of the review's
#   largest. Half is possible only if the rest has 0.63 eV. The energy excludes a junction that is nothing but
#   constriction; it does not prove full contact. The frequency of the arc is the better witness: a partial contact
#   with a gap of 30 nm has its apex far above that of a closed film.
# - Space charge (below 1 Ω cm² in the review) is not in the model. The law of the junction is linear: small signals.

# %%
checks["energy beside half constriction / eV"] = (rows[1][4], 0.63, 1e-2)
print(f"{'':42s}{'computed':>14s}{'exact':>14s}{'error':>10s}")
for name, (computed, reference, allowed) in checks.items():
    print(f"{name:42s}{computed:14.6g}{reference:14.6g}{computed / reference - 1:+10.0e}")
    assert abs(computed / reference - 1) <= allowed, name
