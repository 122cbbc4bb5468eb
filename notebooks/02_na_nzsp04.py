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
# # Na | NZSP0.4: which interface makes this arc?
#
# T. Ortmann et al. (2022), [doi 10.1002/aenm.202202712](https://doi.org/10.1002/aenm.202202712), pressed sodium on a
# 2 mm pellet of Na$_{3.4}$Zr$_2$Si$_{2.4}$P$_{0.6}$O$_{12}$ with 1 N and found an interface arc of 53 Ω cm² and
# 34 nF/cm², although the counter electrode is ideally reversible and the interphase is worth 1.3 Ω cm² only.
#
# The model: round spots touch a part $f$ of the area, the rest is a gap of height $d$. At low frequency all current
# squeezes through the spots, $R_\mathrm{int} = R_\mathrm{cc}$. At high frequency the gap's capacitance
# $\varepsilon_0 (1 - f)/d$ carries it across and the spots no longer matter: the arc of this *dynamic constriction*
# (fading with frequency, not changing with time) has the gap's capacitance, not that of a double layer.

# %%
# %matplotlib inline
from pathlib import Path

import numpy as np
from scipy.constants import Boltzmann, elementary_charge, epsilon_0

import aspot
from aspot.analysis.arcs import fit_arcs
from aspot.analytic import flux_tube_impedance
from aspot.field_plot import field_picture
from aspot.plot import new_figure, nyquist
from aspot.units import engineering

checks = {}  # name: (computed, exact, relative error allowed)
folder = next(p for p in (Path.cwd(), *Path.cwd().parents) if (p / "cases").is_dir())
cell = aspot.load(folder / "cases" / "na_nzsp04_gradual_1N.toml")
result = aspot.simulate(cell)
result

# %% [markdown]
# ## The spectrum
#
# Two arcs: grains and boundaries on the left, the interface on the right. Published figures come from fits of
# $R - (RQ) - (RQ)$ to measured spectra, so the computed one is fitted in the same way.

# %%
fit = fit_arcs(result.spectrum)
boundaries, interface = fit.arcs
published = cell.published
r, arc = result.resistances, result.arc
print(f"{'':34s}{'computed':>12s}{'as fitted':>12s}{'published':>12s}")
for name, computed, fitted, given in (
    ("R_int / ohm cm2", r.int_, interface.resistance_ohm_cm2, published.R_int * 1e4),
    ("C_int / nF/cm2", arc.C_int_F_per_cm2 * 1e9, interface.capacitance_F_per_cm2 * 1e9, published.C_int * 1e5),
    ("apex / kHz", arc.apex_frequency_Hz / 1e3, interface.apex_frequency_Hz / 1e3, published.apex_frequency / 1e3),
):
    print(f"{name:34s}{computed:12.2f}{fitted:12.2f}{given:12.2f}")
print(f"{'grain boundaries / ohm cm2':34s}{r.split['grain_boundaries']:12.2f}{boundaries.resistance_ohm_cm2:12.2f}")

spectrum = nyquist(result.spectrum, apex_frequency_Hz=arc.apex_frequency_Hz, title=cell.name)
spectrum

# %% [markdown]
# An independent answer: the same tube by a spectral method that knows no mesh, at any frequency.

# %%
kappa, gap = cell.electrolyte.law(), cell.working_electrode.gap_law()
spot_radius = cell.working_electrode.morphology.radius
tube_radius = spot_radius / np.sqrt(result.contact_fraction)


def spectral(frequency: float) -> complex:
    """Impedance of the cell [ohm cm2]."""
    omega = np.array([2 * np.pi * frequency])
    return 1e4 * flux_tube_impedance(
        spot_radius, tube_radius, cell.electrolyte.thickness, complex(kappa(omega, cell.temperature)[0]),
        gap_admittance=complex(gap(omega, cell.temperature)[0]),
    ).impedance  # fmt: skip


for frequency, z in list(zip(result.spectrum.frequency_Hz, result.spectrum.impedance_ohm_cm2, strict=True))[::17]:
    checks[f"|Z| at {engineering(frequency, 'Hz')}"] = (abs(z), abs(spectral(frequency)), 1e-4)
checks["R_total"] = (r.total, spectral(0.0).real, 1e-4)

# %% [markdown]
# ## The field, slow and fast
#
# Above: direct current, all through the spot. Below: at 7 MHz the gap passes it almost everywhere, and the lines go
# straight down.

# %%
picture = field_picture([result.field(0.0), result.field(7e6)])
picture

# %% [markdown]
# ## A family, not an answer
#
# Two figures cannot fix radius, contact fraction and gap. For every contact fraction there is one radius and one gap:
# with $R_\mathrm{cc} = \pi a\,\psi/(4 \sigma f)$, radius and gap are nearly
#
# $$a = \frac{4 \sigma f R_\mathrm{int}}{\pi \psi(\sqrt f)}, \qquad d = \varepsilon_0 \frac{1 - f}{C_\mathrm{int}} .$$
#
# An interphase of $r = 1.3$ Ω cm² per contact area (1 µF/cm² is assumed) takes $r/f$ of the 53 Ω cm², so that
# contact fractions below $1.3/53 = 2.45\,\%$ become impossible, and the spots of all others smaller.

# %%
from aspot.analysis.morphologies import equivalent_morphologies

R_INT, C_INT = 53.0, 34e-9  # [ohm cm2], [F/cm2]
quick = cell.with_(**{"numerics.relative_tolerance": 3e-4, "frequencies.per_decade": 3})
fractions = np.array([0.001, 0.003, 0.01, 0.03, 0.1])
bare = equivalent_morphologies(quick, R_int_ohm_cm2=R_INT, C_int_F_per_cm2=C_INT, contact_fractions=fractions)
filmed = equivalent_morphologies(
    quick.with_(
        **{"working_electrode.contact": {"interphase": {"resistance": "1.3 ohm cm^2", "capacitance": "1 uF/cm^2"}}}
    ),
    R_int_ohm_cm2=R_INT,
    C_int_F_per_cm2=C_INT,
    contact_fractions=[0.02, 0.026, 0.03, 0.05, 0.1],
)
forbidden = 1.3 / R_INT

print("contact fraction   spot radius   spacing   gap       constriction   interphase   (ohm cm2)")
for member in (*bare, *filmed):
    parts = member.result.resistances
    print(
        f"{member.contact_fraction:16g}   {engineering(member.radius_m, 'm'):>11s}   "
        f"{engineering(member.result.cell.working_electrode.morphology.pitch, 'm'):>7s}   "
        f"{engineering(member.gap_thickness_m, 'm'):>7s}   {parts.cc:12.1f}   {parts.parts.get('interphase', 0):10.1f}"
    )
assert min(m.contact_fraction for m in filmed) > forbidden

# %%
sigma = float(np.real(kappa(np.zeros(1), cell.temperature)[0]))


def spot_radius_of(fraction: float, constriction: float) -> float:
    """Radius [m] that makes a constriction [ohm cm2], by the exact psi of a tube as long as the pellet."""
    holm = 4 * sigma * fraction * constriction * 1e-4 / np.pi
    radius = holm
    for _ in range(30):
        tube = radius / np.sqrt(fraction)
        radius = holm / flux_tube_impedance(radius, tube, cell.electrolyte.thickness, sigma).psi.real
    return radius


def parallel_plates(fraction: float) -> float:
    """Height [m] of a vacuum gap of capacitance C_int beside the spots."""
    return epsilon_0 * (1 - fraction) / (C_INT * 1e4)


for member in bare:
    f = member.contact_fraction
    checks[f"radius at f = {f:g} / um"] = (member.radius_m * 1e6, spot_radius_of(f, R_INT) * 1e6, 3e-3)
    # The electrolyte around the spot has a capacitance, too, and wide tubes are no two-element circuit.
    assert 1.0 <= member.gap_thickness_m / parallel_plates(f) <= 1.35, member

smooth = np.geomspace(8e-4, 0.12, 40)
with_film = np.geomspace(1.003 * forbidden, 0.12, 40)
family = new_figure(9.0, 4.0)
left, right = family.subplots(1, 2)
left.plot(smooth, [1e6 * spot_radius_of(f, R_INT) for f in smooth], color="black", lw=1.2,
          label=r"closed form, $R_\mathrm{cc} = 53$")  # fmt: skip
left.plot(with_film, [1e6 * spot_radius_of(f, R_INT - 1.3 / f) for f in with_film], color="#c23b22", lw=1.0, ls="--",
          label=r"closed form, $R_\mathrm{cc} = 53 - 1.3/f$")  # fmt: skip
right.plot(smooth, 1e9 * parallel_plates(smooth), color="black", lw=1.2, label="parallel plates of 34 nF/cm²")
for ax, name in ((left, "spot radius / µm"), (right, "gap (vacuum) / nm")):
    ax.axvspan(7e-4, forbidden, color="#c23b22", alpha=0.08, lw=0)
    for members, colour, label in ((bare, "#1f5fa8", "ideal contact"), (filmed, "#c23b22", "interphase of 1.3 Ω cm²")):
        values = [1e6 * m.radius_m if ax is left else 1e9 * m.gap_thickness_m for m in members]
        ax.plot([m.contact_fraction for m in members], values, "o", ms=7, mec="white", color=colour, label=label)
    ax.set(xscale="log", yscale="log", xlabel="contact fraction", ylabel=name, xlim=(7e-4, 0.15))
    ax.grid(alpha=0.25, lw=0.5, which="both")
    ax.legend(frameon=False, fontsize=8, loc="upper left")
left.set(ylim=(1, 5e3))
right.set(ylim=(20, 300))
right.text(0.0042, 110, "impossible with\nthe interphase", color="#c23b22", fontsize=9, ha="center", va="top")
right.yaxis.set_major_formatter(lambda v, _: f"{v:g}")
right.yaxis.set_minor_formatter(lambda v, _: f"{v:g}" if f"{v:g}"[0] in "235" else "")
family

# %% [markdown]
# ## What would tell them apart: the temperature
#
# Constriction is electrolyte, and follows it: $E_a(R_\mathrm{cc}) = E_a(\sigma)$ exactly, here between bulk (0.26 eV)
# and boundaries (0.36 eV), as their resistances share. The published 0.37 eV of the interface arc lies above it:
# constriction alone, in a homogeneous pellet and by contacts that do not change with temperature, does not explain it.
# With an interphase, whose own activation energy is not known, the arc follows the mix.


# %%
def apparent_activation_energy(of: aspot.Cell, part: str) -> float:
    """Slope of ln(R/T) over 1/(k T) around 25 degC [eV]."""
    temperatures = np.array([293.15, 303.15])
    found = [getattr(aspot.simulate(of.with_(temperature=float(t))).resistances, part) for t in temperatures]
    slope = np.diff(np.log(np.array(found) / temperatures)) / np.diff(1 / (Boltzmann * temperatures))
    return float(slope[0] / elementary_charge)


energy = {part: apparent_activation_energy(quick, part) for part in ("int_", "SE")}
checks["E_a(R_cc) = E_a(R_SE) / eV"] = (energy["int_"], energy["SE"], 1e-4)
print(f"constriction alone: {energy['int_']:.3f} eV, electrolyte: {energy['SE']:.3f} eV, published arc: 0.37 eV")
for own in (0.3, 0.5):
    mixed = filmed[2].result.cell.with_(**{"working_electrode.contact.interphase.activation_energy": f"{own} eV"})
    print(f"f = 5 %, half of the arc an interphase of {own} eV: {apparent_activation_energy(mixed, 'int_'):.3f} eV")

# %% [markdown]
# ### At every frequency, for every grain size
#
# $Z$ follows each conductance $g_k$ with the weight $w_k = -\partial \ln Z/\partial \ln g_k$, known from the solution
# alone, so that $E(\omega) = \partial \ln Z/\partial(1/kT) = \sum_k w_k E_k$; capacitances are not activated and make
# up what is missing from $\sum_k w_k = 1$. Small grains have many boundaries, and the interface arc
# $Z - Z_\mathrm{perfect}$ (left) takes their energy, as its current squeezes through boundaries, too. The plateau ends
# at the apex, where the gap takes over. The whole cell (middle) goes on to the energy of the electrolyte, and above
# the frequency of the boundaries (1.6 MHz) to that of the bulk. `Family` gives all grain sizes from the one solution.
#
# At direct current the weights are the resistances' own:
# $E_\mathrm{int} = (\rho_\mathrm{b} E_\mathrm{b} + \rho_\mathrm{gb} E_\mathrm{gb})/
# (\rho_\mathrm{b} + \rho_\mathrm{gb})$ with $\rho_\mathrm{gb} = R_\mathrm{gb}/d$ for grains of size $d$. These are
# slopes of $\ln R$, where the 0.26 eV of $\sigma T$ in the bulk are 0.26 eV - $kT$ = 0.234 eV.

# %%
from aspot.analysis.sensitivity import activation_spectrum
from aspot.parametric import Family

members = Family(result)
size_key = "electrolyte.grain_boundaries.grain_size"
frequencies = np.append(0.0, np.geomspace(1e2, 1e9, 71))
E_BULK = 0.26 - Boltzmann * cell.temperature / elementary_charge
weights = new_figure(11.0, 3.9)
left, middle, right = weights.subplots(1, 3)
for size, colour in ((1e-7, "#08306b"), (3e-7, "#2171b5"), (1e-6, "#6baed6"), (3e-6, "#fdae6b"), (1e-5, "#d94801")):
    of_size = activation_spectrum(members.model(**{size_key: size}), frequencies)
    for ax, energies in ((left, of_size.interface), (middle, of_size.energy)):
        ax.semilogx(frequencies[1:], energies[1:].real, color=colour, label=engineering(size, "m"))
    if size in (1e-7, 1e-6, 1e-5):
        bulk = 1 / kappa.bulk(0.0, cell.temperature).real
        boundary = 1 / (kappa.boundary(0.0, cell.temperature).real * size)
        mean = (bulk * E_BULK + boundary * 0.36) / (bulk + boundary)
        checks[f"E_int, grains of {engineering(size, 'm')} / eV"] = (of_size.interface[0].real, mean, 1e-6)
for ax, what in ((left, r"$E_\mathrm{int}$ / eV"), (middle, "$E$ of $Z$ / eV")):
    for name, level, where in (("bulk", E_BULK, "top"), ("boundaries", 0.36, "bottom")):
        ax.axhline(level, color="black", lw=0.8, ls="--")
        ax.text(1.3e2, level, name, fontsize=8, va=where)
    ax.set(ylabel=what, ylim=(-0.01, 0.385))
left.legend(title="grain size", fontsize=8, title_fontsize=8, frameon=False, loc="center right")
here = activation_spectrum(result, frequencies)
for (name, weight), colour in zip(here.weights.items(), ("#1f5fa8", "#c23b22"), strict=True):
    right.semilogx(frequencies[1:], weight[1:].real, color=colour, label=name.replace("_", " "))
total = sum(here.weights.values())
right.semilogx(frequencies[1:], total[1:].real, color="black", lw=0.8, ls="--", label="sum")
right.set(ylabel="weights in $E$ of $Z$, grains of 1 µm", ylim=(-0.1, 1.35))
right.legend(fontsize=8, frameon=False, loc="upper right")
for ax in (left, middle, right):
    ax.set(xlabel="frequency / Hz")
    ax.grid(alpha=0.25, lw=0.5)
weights

# %% [markdown]
# ## Computed beside exact

# %%
print(f"{'':42s}{'computed':>14s}{'exact':>14s}{'error':>10s}")
for name, (computed, reference, allowed) in checks.items():
    print(f"{name:42s}{computed:14.6f}{reference:14.6f}{computed / reference - 1:+10.0e}")
    assert abs(computed / reference - 1) <= allowed, name
