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
# # Pressed in one step: no arc, but is there no interface?
#
# T. Ortmann et al. (2022), [doi 10.1002/aenm.202202712](https://doi.org/10.1002/aenm.202202712), pressed sodium on
# Na$_{3.4}$Zr$_2$Si$_{2.4}$P$_{0.6}$O$_{12}$ in two ways. In small steps, measured back at 1 N, there is an arc of 53
# to 7 Ω cm² (`02_na_nzsp04` and `04_rough_contact` compute it). In one step, at 1.7, 11 or 100 MPa, there is none,
# neither in the Nyquist plot nor in the distribution of relaxation times (DRT); from 1.7 MPa on the cell loses another
# 2.5 Ω cm² only. At 1.7 MPa the microscope shows pores of a few hundred nanometres in the valleys.
#
# Does no arc mean no interface? And which interface has the published 0.37 eV, beside 0.26 eV of the bulk and 0.36 eV
# of the grain boundaries?

# %%
# %matplotlib inline
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.constants import Boltzmann, elementary_charge, epsilon_0

import aspot
from aspot.analysis.arrhenius import fit_arrhenius
from aspot.analysis.circuit_fit import fit_circuit
from aspot.analysis.drt import Distribution, Peak, relaxation_distribution
from aspot.analysis.relaxation import relaxation_times
from aspot.analysis.sensitivity import activation_energies
from aspot.analytic import confined_contact_fraction
from aspot.parametric import Family
from aspot.plot import engineering, new_figure
from aspot.spectrum import Spectrum

checks = {}  # name: (computed, exact, relative error allowed)
folder = next(p for p in (Path.cwd(), *Path.cwd().parents) if (p / "cases").is_dir())
MORPHOLOGY, GAP = "working_electrode.morphology", "working_electrode.gap.thickness"
FILM = "working_electrode.contact.interphase"
WINDOW = {"start": "7 MHz", "stop": "10 Hz", "per_decade": 10}
gradual = aspot.load(folder / "cases" / "na_nzsp04_gradual_1N.toml").with_(
    frequencies=WINDOW, **{"numerics.relative_tolerance": 1e-3}
)
random = np.random.default_rng(0)


def measured(spectrum: Spectrum, noise: float) -> Spectrum:
    """The spectrum with noise, relative to |Z|."""
    scatter = random.standard_normal(len(spectrum)) + 1j * random.standard_normal(len(spectrum))
    return replace(spectrum, impedance_ohm_cm2=spectrum.impedance_ohm_cm2 * (1 + noise * scatter))


def seen(spectrum: Spectrum) -> Distribution:
    """DRT with the settings of the paper: second derivative, lambda = 1e-6, 200 points, real and imaginary part."""
    return relaxation_distribution(spectrum, "ortmann2022")


def arcs(found: Distribution) -> tuple[Peak, ...]:
    """Its peaks, without those that lie beyond the measured frequencies."""
    return tuple(peak for peak in found.peaks if peak.is_measured)


# %% [markdown]
# ## The arc that is seen: 1 N
#
# Spots of 43 µm on 1 % of the area with a gap of 27 nm. The DRT finds two peaks, and in them what the case has.

# %%
first = aspot.simulate(gradual)
boundaries, interface = arcs(seen(first.spectrum))
published = gradual.published
print(f"{'':30s}{'DRT':>10s}{'computed':>10s}{'published':>10s}")
for name, by_drt, computed, given in (
    ("R_int / ohm cm2", interface.resistance_ohm_cm2, first.resistances.int_, published.R_int * 1e4),
    ("C_int / nF/cm2", interface.capacitance_F_per_cm2 * 1e9, first.arc.C_int_F_per_cm2 * 1e9, published.C_int * 1e5),
    ("apex / kHz", interface.apex_frequency_Hz / 1e3, first.arc.apex_frequency_Hz / 1e3, 88.0),
    ("grain boundaries / ohm cm2", boundaries.resistance_ohm_cm2, first.resistances.split["grain_boundaries"], 22.5),
):
    print(f"{name:30s}{by_drt:10.1f}{computed:10.1f}{given:10.1f}")
checks["R_int by the DRT / ohm cm2"] = (interface.resistance_ohm_cm2, first.resistances.int_, 1e-2)
checks["grain boundaries by the DRT / ohm cm2"] = (boundaries.resistance_ohm_cm2, 22.36, 1e-2)
checks["apex by the DRT / Hz"] = (interface.apex_frequency_Hz, first.arc.apex_frequency_Hz, 1e-2)
TAU = 22.36 * 4.5e-9  # of the grain boundaries [s]

# %% [markdown]
# ## The arc that is not seen
#
# A peak is seen only if its time is far enough from that of the grain boundaries, $\tau_\mathrm{gb} = 22.4$ Ω cm² times
# 4.5 nF/cm² = 0.10 µs (1.6 MHz). That of the interface is $R_\mathrm{int} C_\mathrm{int}$: with the 34 nF/cm² of the
# first step, 3 Ω cm² lie exactly under it. Below: 5 Ω cm² of constriction with gaps of three heights. The field model
# knows its own relaxation times (stems), the DRT sees one peak, or two.


# %%
def sparse(resistance: float, fraction: float = 0.1) -> aspot.Result:
    """Spots on a part of the area whose constriction is so large [ohm cm2]; it is proportional to their radius."""
    keys = {f"{MORPHOLOGY}.contact_fraction": fraction, f"{MORPHOLOGY}.radius": 657e-6 * resistance / 53}
    return aspot.simulate(gradual.with_(**keys))


five = sparse(5.0)
family = Family(five)
checks["R_int / ohm cm2"] = (five.resistances.int_, 5.0, 1e-2)
heights = (10e-9, 50e-9, 300e-9)
examples = [family.evaluate(**{GAP: d}).spectrum for d in heights]
numbers = [len(arcs(seen(spectrum))) for spectrum in examples]
print("peaks:", ", ".join(f"{n} for {engineering(d, 'm')}" for n, d in zip(numbers, heights, strict=True)))
assert numbers == [2, 1, 1]

figure_hidden = new_figure(10.0, 3.9)
left, right = figure_hidden.subplots(1, 2, width_ratios=(1, 1.3))
for d, spectrum, colour in zip(heights, examples, ("#c23b22", "#e08214", "#1f5fa8"), strict=True):
    z, found = spectrum.impedance_ohm_cm2, seen(spectrum)
    left.plot(z.real, -z.imag, color=colour, lw=1.2, label=f"gap {engineering(d, 'm')}")
    f = 1 / (2 * np.pi * found.tau_s)
    right.semilogx(f, found.gamma_ohm_cm2, color=colour, lw=1.2)
    times = relaxation_times(family.model(**{GAP: d}), negligible=2e-3)
    scale = 0.6 * found.gamma_ohm_cm2.max() / times.resistance_ohm_cm2.max()
    right.vlines(
        times.characteristic_frequency_Hz, 0, scale * times.resistance_ohm_cm2, color=colour, lw=2.2, alpha=0.45
    )
left.set(xlabel="$Z'$ / Ω cm²", ylabel="$-Z''$ / Ω cm²", ylim=(0, 16))
left.set_aspect("equal")
left.legend(frameon=False, fontsize=8, loc="upper right", title=r"$R_\mathrm{int}$ = 5 Ω cm²", title_fontsize=8)
right.set(xlabel="frequency 1/(2πτ) / Hz", ylabel=r"$\gamma(\ln\tau)$ / Ω cm²", xlim=(1e4, 2e8), ylim=(0, None))
right.text(0.98, 0.95, "lines: DRT\nstems: exact times\n(heights not to scale)", transform=right.transAxes, fontsize=8,
           ha="right", va="top")  # fmt: skip
for ax in (left, right):
    ax.grid(alpha=0.25, lw=0.5)
figure_hidden

# %% [markdown]
# ## Which interfaces stay invisible?
#
# Constrictions from 1 to 40 Ω cm² (spots on 10 % of the area), gaps from 4 to 500 nm: 108 spectra and their DRT. From
# $R_\mathrm{int} C_\mathrm{int} = 1.4\,\tau_\mathrm{gb}$ on there is a peak of its own (filled), if it has more than an
# ohm or two; below it there is none.

# %%
resistances = np.array([1.0, 1.6, 2.5, 4.0, 6.5, 10.0, 16.0, 25.0, 40.0])
gaps = np.geomspace(4e-9, 500e-9, 12)
visible = np.zeros((len(resistances), len(gaps)), bool)
capacitance = np.zeros(visible.shape)
for i, wanted in enumerate(resistances):
    result = sparse(wanted)
    members = Family(result)
    for k, d in enumerate(gaps):
        spectrum = members.evaluate(**{GAP: float(d)}).spectrum
        visible[i, k] = len(arcs(seen(spectrum))) > 1
        capacitance[i, k] = 1e9 * epsilon_0 * (1 - 0.1) / d * 1e-4  # parallel plates, nF/cm2
ratio = resistances[:, None] * capacitance * 1e-9 / TAU
middle = (resistances[:, None] > 2) & (resistances[:, None] < 20)
seen_from, hidden_to = ratio[visible & middle].min(), ratio[~visible & middle].max()
print(f"R C over that of the grain boundaries: seen from {seen_from:.2f} on, hidden up to {hidden_to:.2f}")
largest = resistances[[not row[gaps > 200e-9].any() for row in visible]].max()
print(f"with gaps above 200 nm up to {largest:g} ohm cm2 stay invisible")
assert 1.3 < seen_from < hidden_to < 1.5 and largest == 25
thick = Family(sparse(2.5)).evaluate(**{GAP: 30e-9}).spectrum
checks["the one peak with 2.5 ohm cm2 hidden / ohm cm2"] = (arcs(seen(thick))[0].resistance_ohm_cm2, 24.9, 1e-2)

figure_map = new_figure(6.4, 4.8)
ax = figure_map.add_subplot()
x = np.broadcast_to(resistances[:, None], visible.shape)
ax.loglog(x[visible], capacitance[visible], "o", color="#c23b22", ms=7, label="a peak of its own")
ax.loglog(x[~visible], capacitance[~visible], "o", mfc="none", color="0.5", ms=7, label="hidden")
line = np.geomspace(0.8, 70, 50)
for multiple, style in ((1.0, "-"), (1.4, "--")):
    ax.loglog(line, 1e9 * multiple * TAU / line, style, color="#1f5fa8", lw=1)
ax.text(46, 3.0, r"$1.4\,\tau_\mathrm{gb}$", color="#1f5fa8", fontsize=9)
ax.text(50, 1.3, r"$\tau_\mathrm{gb}$", color="#1f5fa8", fontsize=9)
ax.axhspan(1, epsilon_0 * 0.9 / 200e-9 * 1e5, color="#4d9221", alpha=0.12, lw=0)
ax.text(0.85, 1.1, "gaps above 200 nm", color="#4d9221", fontsize=9)
ax.plot(53, 34, "*", color="black", ms=13, label="published, 1 N")
ax.set(xlabel=r"$R_\mathrm{int}$ / Ω cm²", ylabel=r"$C_\mathrm{int}$ / (nF/cm²)", xlim=(0.75, 70), ylim=(1, 400))
ax.set_xticks([1, 2, 5, 10, 20, 50], ["1", "2", "5", "10", "20", "50"])
ax.grid(alpha=0.25, lw=0.5)
ax.legend(frameon=False, fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
figure_map

# %% [markdown]
# So *no arc* means little here: with pores of a few hundred nanometres, as seen at 1.7 MPa, up to 25 Ω cm² of
# constriction could hide in the grain-boundary arc, not only the 2.5 Ω cm² that are lost on pressing on. They add to
# its resistance instead: for 2.5 Ω cm² and 30 nm the one peak has 24.9 instead of 22.4 Ω cm². What the total resistance
# loses on pressing harder is the better witness.
#
# ## But a film would be seen
#
# The paper's interphase has 1.3 Ω cm². With the capacitance of a film of 1 nm (9 µF/cm² for a permittivity of 10) its
# arc lies at 14 kHz, far from the grain boundaries, and of ten draws of noise the DRT finds it in ten (0.3 % of $|Z|$)
# and in most (1 %). It hides if its capacitance is below some 0.3 µF/cm², a thirtieth of that. Even contact mechanics
# alone (the plastic law of the case `na_nzsp04_rough`, pressed in one step) leaves 1.3 to 1.9 Ω cm², nearly all of it
# film.

# %%
rough = aspot.load(folder / "cases" / "na_nzsp04_rough.toml").with_(frequencies=WINDOW)
loaded = rough.with_(
    **{f"{MORPHOLOGY}.{key}": value for key, value in
       {"largest_pressure": None, "adhesion": None, "law": "confined"}.items()}
)  # fmt: skip
pressures = np.array([1.7e6, 11e6, 100e6])
pressed = [aspot.simulate(loaded.with_(**{f"{MORPHOLOGY}.pressure": float(p)})) for p in pressures]
print("pressure   contact   R_int (film + constriction) / ohm cm2")
for p, one in zip(pressures, pressed, strict=True):
    r = one.resistances
    print(f"{p / 1e6:5.1f} MPa   {one.contact_fraction:7.1%}   {r.int_:.2f} ({r.parts['interphase']:.2f} + {r.cc:.2f})")
    exact = 1.3 / confined_contact_fraction(float(p), 0.75e6)
    checks[f"film under {p / 1e6:g} MPa / ohm cm2"] = (r.parts["interphase"], exact, 5e-3)
decrease = pressed[0].resistances.int_ - pressed[2].resistances.int_
print(f"from 1.7 to 100 MPa {decrease:.2f} less, published 2.5 ohm cm2")
checks["decrease from 1.7 to 100 MPa / ohm cm2"] = (decrease, 0.59, 1e-2)
needed = 1.3 / (2.5 + 1.3 / confined_contact_fraction(100e6, 0.75e6))
print(f"contact that would give 2.5: {needed:.0%}")
checks["contact needed for a decrease of 2.5 ohm cm2"] = (needed, 0.34, 1e-2)

flat = loaded.with_(**{MORPHOLOGY: {"kind": "planar"}, "working_electrode.gap": None})
print("\nfilm of 1.3 ohm cm2: how often of ten the DRT finds it")
print("capacitance   apex         R C / tau_gb   0.3 % of noise   1 %")
for c in (8.85, 1.0, 0.3, 0.1, 0.03):
    spectrum = aspot.simulate(flat.with_(**{f"{FILM}.capacitance": f"{c} uF/cm^2"})).spectrum
    own = 1 / (2 * np.pi * 1.3 * c * 1e-6)
    times_found = []
    for noise in (3e-3, 1e-2):
        draws = [arcs(seen(measured(spectrum, noise))) for _ in range(10)]
        near = [any(p.apex_frequency_Hz < 1e6 and own / 3 < p.apex_frequency_Hz < 3 * own for p in d) for d in draws]
        times_found.append(sum(near))
    print(
        f"{c:5g} µF/cm2   {engineering(own, 'Hz'):>8s}   {1.3 * c * 1e-6 / TAU:10.2f}   "
        f"{times_found[0]:14d}   {times_found[1]:3d}"
    )
    assert (times_found[0] == 10 and times_found[1] > 5) or c < 0.5
    assert times_found == [0, 0] or c > 0.2
checks["apex of a film of 1 nm / Hz"] = (1 / (2 * np.pi * 1.3e-4 * epsilon_0 * 10 / 1e-9), 13.8e3, 1e-2)

# %% [markdown]
# ## Activation energies
#
# For the 53 Ω cm² of the first step: constriction alone has the energy of the electrolyte (`02_na_nzsp04`), below the
# published 0.37 eV. A film in the contacts, 1.3 Ω cm² per contact area, makes up the more of it the less contact there
# is; with the share of constriction $s$ it needs $E = (0.37\,\mathrm{eV} - s E_\mathrm{cc})/(1 - s)$. Radius and gap of
# the three members give 53 Ω cm² and 34 nF/cm² each.

# %%
members = {0.03: (24.4e-6, 75e-9), 0.05: (126e-6, 47e-9), 0.1: (460e-6, 36e-9)}
alone = activation_energies(first)
print(f"constriction alone: {alone.int_:.3f} eV, published 0.37 eV")
checks["energy of constriction / eV"] = (alone.int_, alone.SE, 1e-6)
print("contact   R_int   constriction   film needs")
filmed = {}
for f, (radius, gap) in members.items():
    keys = {f"{MORPHOLOGY}.contact_fraction": f, f"{MORPHOLOGY}.radius": radius, GAP: gap}
    keys[FILM] = {"resistance": "1.3 ohm cm^2", "capacitance": "1 uF/cm^2"}
    cell = gradual.with_(**keys)
    result = aspot.simulate(cell)
    share = result.resistances.cc / result.resistances.int_
    own = (0.37 - share * alone.int_) / (1 - share)
    filmed[f] = aspot.simulate(cell.with_(**{f"{FILM}.activation_energy": f"{own} eV"}))
    print(f"{f:7.0%}   {result.resistances.int_:5.1f}   {share:12.0%}   {own:.3f} eV")
    checks[f"E_int with the film's energy, contact {f:g} / eV"] = (activation_energies(filmed[f]).int_, 0.37, 1e-5)
    checks[f"R_int of the family, contact {f:g} / ohm cm2"] = (result.resistances.int_, 53.0, 1e-2)

# %% [markdown]
# ### A temperature series tells more
#
# Two resistances in series of unequal energy make no straight line: all three have 0.37 eV at 25 °C, and drift apart in
# the cold (lines: $R_\mathrm{int}$ over 53 Ω cm² and 0.37 eV). From -20 to 25 °C a straight fit finds 0.374, 0.385 and
# 0.410 eV. Points: the member with 5 % of contact as one would measure it, 0.1 % of noise, fitted with the paper's
# circuit, `R-(RQ)_GB-(RQ)_Int`. It takes some 9 % off the resistance, as a constriction beside grain boundaries is no
# (RQ) element, and leaves the energies alone.

# %%
temperatures = np.array([-20.0, -10.0, 0.0, 10.0, 25.0]) + 273.15
lines = {f: [aspot.simulate(one.cell.with_(temperature=float(t))) for t in temperatures] for f, one in filmed.items()}
fits = [fit_circuit(measured(one.spectrum, 1e-3), "ortmann2022") for one in lines[0.05]]
print(f"{'5 % of contact':>62s}{'put in':>10s}{'published':>11s}")
found = {}
for name, form, own in (("R_0", "sigma T", 0.26), ("R_GB", "sigma", 0.36), ("R_Int", "sigma", 0.37)):
    values = np.array([fit[name] for fit in fits])
    errors = np.array([fit.relative_errors[name] for fit in fits])
    found[name] = fit_arrhenius(temperatures, values, form=form, relative_errors=errors, name=name)
    print(f"{found[name]!s:62s}{own:10.2f}{own:11.2f}")
checks["fitted energy of the bulk / eV"] = (found["R_0"].activation_energy_eV, 0.26, 2e-2 / 2)
checks["fitted energy of the grain boundaries / eV"] = (found["R_GB"].activation_energy_eV, 0.36, 1e-2)
straight = {f: fit_arrhenius(temperatures, [one.resistances.int_ for one in line]) for f, line in lines.items()}
for f, given in ((0.03, 0.374), (0.05, 0.385), (0.1, 0.410)):
    checks[f"straight through R_int, contact {f:g} / eV"] = (straight[f].activation_energy_eV, given, 5e-3)
fitted, exact = found["R_Int"].activation_energy_eV, straight[0.05].activation_energy_eV
checks["fitted energy of the interface / eV"] = (fitted, exact, 1e-2)
share = fits[-1]["R_Int"] / lines[0.05][-1].resistances.int_
assert 0.88 < share < 0.94

figure_energy = new_figure(6.2, 4.2)
ax = figure_energy.add_subplot()
scale = 53.0 * np.exp(0.37 * elementary_charge / Boltzmann * (1 / temperatures - 1 / 298.15))
for (f, line), colour in zip(lines.items(), ("#08306b", "#2171b5", "#6baed6"), strict=True):
    label = f"{f:.0%} contact, {1.3 / f / 53:.0%} film"
    ax.plot(1e3 / temperatures, [one.resistances.int_ for one in line] / scale, "-", color=colour, label=label)
values = np.array([fit["R_Int"] for fit in fits])
reach = 2 * np.array([fit.relative_errors["R_Int"] for fit in fits]) * values
ax.errorbar(1e3 / temperatures, values / scale, reach / scale, fmt="o", color="#c23b22", ms=5, capsize=3,
            label="5 % contact, as fitted")  # fmt: skip
ax.axhline(1.0, color="black", lw=0.8, ls="--")
ax.set(xlabel=r"$10^3\,\mathrm{K}/T$", ylabel=r"$R_\mathrm{int}$ over 53 Ω cm² with 0.37 eV", ylim=(0.8, 1.4))
ax.grid(alpha=0.25, lw=0.5)
ax.legend(frameon=False, fontsize=8)
figure_energy

# %% [markdown]
# ## What this says, and what not
#
# - **Without a fit:** that an interface of a few Ω cm² leaves no arc when its time is near 0.1 µs, in Nyquist plot and
#   DRT. The times are those of the gaps that were seen. A decrease of 0.59 Ω cm² on pressing from 1.7 to 100 MPa by
#   contact mechanics, where 2.5 were found: after 60 s at 1.7 MPa there is less contact than the plastic law says, 34 %
#   if the film alone is to make it.
# - **Chosen:** radius, contact fraction and gap of the examples; the film's energy and capacitance.
# - **A contradiction:** a film of 1.3 Ω cm² that is 1 nm thin would be seen in the one-step cells as a small arc at
#   14 kHz. It was not. Either it is not there, or it is worth less (the paper has less than 1 Ω cm² at 100 MPa), or its
#   capacitance is a thirtieth of what 1 nm has, or less.
# - **Open:** constriction and film share the 53 Ω cm² in any ratio above 2.5 % of contact; the energy and its curvature
#   separate them once the film's own energy is known. Energies of $\ln R$ and of $\ln(R/T)$ differ by 0.02 eV.
# - Dissolution, pores that grow, and the 6 Ω cm² by which the grain-boundary arc rises in time are not computed here.

# %%
print(f"{'':54s}{'computed':>14s}{'exact':>14s}{'error':>10s}")
for name, (computed, reference, allowed) in checks.items():
    print(f"{name:54s}{computed:14.6g}{reference:14.6g}{computed / reference - 1:+10.0e}")
    assert abs(computed / reference - 1) <= allowed, name
