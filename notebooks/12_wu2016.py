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
# # Is a thin separator enough?
#
# The polarisation of an electrolyte of thickness $L$ is $\Delta E = J L/\sigma$ (B. Wu et al. (2016), [doi
# 10.1039/c6ta05439k](https://doi.org/10.1039/c6ta05439k)), which is why one wants it thin. The interfaces do not become
# thinner: their resistances come on top. What do they leave of the gain, and what if the electrodes touch in spots
# whose spacing is comparable with $L$?

# %%
# %matplotlib inline
from pathlib import Path

import numpy as np

import aspot
from aspot.analytic import flux_tube_constriction, flux_tube_impedance
from aspot.field_plot import field_picture
from aspot.plot import new_figure
from aspot.units import engineering

checks = {}  # name: (computed, exact, relative error allowed)
folder = next(p for p in (Path.cwd(), *Path.cwd().parents) if (p / "cases").is_dir())
spots = aspot.load(folder / "cases" / "thin_separator.toml")
SIGMA, L = spots.electrolyte.conductivity, spots.electrolyte.thickness
FRACTION = spots.working_electrode.contact_fraction

# %% [markdown]
# ## J L / σ, and two interfaces
#
# Complete contact on both sides, 1 mA/cm²; then with 10 Ω cm² of charge transfer on each side (0.1 to 100 Ω cm² are
# met, see the other notebooks). The interfaces add 20 mV whatever the thickness: below $L^* = 2 R \sigma$ they are the
# larger part, and a thinner electrolyte buys little.

# %%
J = 10.0  # A/m2, 1 mA/cm2
perfect = spots.with_(**{"working_electrode.morphology": {"kind": "planar"}, "working_electrode.gap": None})
transfer = perfect.with_(
    **{
        "working_electrode.contact.charge_transfer_resistance": "10 ohm cm^2",
        "working_electrode.contact.double_layer_capacitance": "10 uF/cm^2",
    }
)
print(
    f"polarisation at 1 mA/cm2 / mV\n{'L':>8s}{'sigma':>12s}{'computed':>11s}{'J L/sigma':>11s}{'with interfaces':>17s}"
)
for thickness in (1e-3, 1e-4, 2e-5):
    for sigma in (0.01, 0.1, 1.0):  # S/m
        keys = {"electrolyte.thickness": thickness, "electrolyte.conductivity": sigma}
        ohmic, whole = (aspot.simulate(c.with_(**keys)).resistances.total * 1e-4 * J for c in (perfect, transfer))
        formula = J * thickness / sigma
        print(
            f"{engineering(thickness, 'm'):>8s}{10 * sigma:9g} mS/cm{1e3 * ohmic:8.4g}{1e3 * formula:11.4g}"
            f"{1e3 * whole:15.4g}"
        )
        checks[f"J L/sigma at {engineering(thickness, 'm')}, {10 * sigma:g} mS/cm / V"] = (ohmic, formula, 1e-6)
        assert abs(whole - formula - 0.020) < 1e-6 * whole
break_even = 2 * 10e-4 * SIGMA
print(f"L* at 1 mS/cm: {engineering(break_even, 'm')}")
checks["L* / m"] = (break_even, 200e-6, 1e-6)

# %% [markdown]
# ## Spots: when does the separator feel them?
#
# Now both electrodes touch 10 % of the area, in spots that face each other. One usually adds up: the slab, and on
# either side the constriction of a half space, $L/\sigma + 2 R_\mathrm{cc}$. That needs a spacing not above $L$. If it
# is far above, the current runs straight from spot to spot and only the columns between them conduct, $L/(\sigma f)$:
# no more than that, however coarse the spots are. The exact answer is the finite slab, from one limit to the other.


# %%
def spaced(spacing: float, **changes: object) -> aspot.Cell:
    """The case with spots on the same part of the area, so far apart [m]."""
    radius = spacing * float(np.sqrt(FRACTION / np.pi))
    return spots.with_(**{"working_electrode.morphology.radius": radius} | changes)


spacings = L * np.geomspace(0.1, 30, 11)
both, one_sided = [], []
for spacing in spacings:
    cell = spaced(float(spacing))
    both.append(aspot.simulate(cell).resistances.total)
    one_sided.append(aspot.simulate(cell.with_(**{"counter_electrode.symmetric": None})).resistances.total)
slab = 1e4 * L / SIGMA
both, one_sided = np.array(both) / slab, np.array(one_sided) / slab
tubes = spacings / np.sqrt(np.pi)  # a tube has the area spacing^2 of a square cell
constriction = np.array([flux_tube_constriction(b * np.sqrt(FRACTION), b, SIGMA) for b in tubes]) * 1e4 / slab
naive = 1 + 2 * constriction
for k in (0, 4, 7, 10):
    exact = [
        n * flux_tube_impedance(tubes[k] * np.sqrt(FRACTION), tubes[k], L / n, SIGMA).impedance.real * 1e4 / slab
        for n in (2, 1)
    ]
    checks[f"R/(L/sigma), both sides, spacing {spacings[k] / L:.2g} L"] = (both[k], exact[0], 1e-4)
    checks[f"R/(L/sigma), one side, spacing {spacings[k] / L:.2g} L"] = (one_sided[k], exact[1], 1e-4)
print("spacing / L   solved   sum of half spaces   one side in spots   (over L/sigma)")
for x, a, b, c in zip(spacings / L, both, naive, one_sided, strict=True):
    print(f"{x:11.2f}   {a:6.2f}   {b:18.2f}   {c:17.2f}")
assert (both < naive).all() and (both < 1 / FRACTION).all()
equal = np.interp(1.0, 2 * constriction, spacings / L)
error = np.interp(0.05, naive / both - 1, spacings / L)
print(f"constriction equals the slab at a spacing of {equal:.2f} L; the sum errs by 5 % at {error:.2f} L")
checks["spacing at which constriction equals the slab / L"] = (equal, 0.63, 1e-2)

figure_spacing = new_figure(6.6, 4.4)
ax = figure_spacing.add_subplot()
x = np.geomspace(0.1, 30, 60)
ax.plot(spacings / L, both, "o-", color="#1f5fa8", label="both electrodes in spots, facing each other")
ax.plot(spacings / L, one_sided, "s-", color="#7fb2e5", label="one electrode in spots")
ax.plot(x, 1 + 2 * constriction[0] * x / 0.1, "--", color="#c23b22", label=r"sum $L/\sigma + 2 R_\mathrm{cc}$")
ax.axhline(1 / FRACTION, color="black", lw=0.8, ls=":")
ax.text(0.09, 8.6, r"columns, $1/f$", fontsize=9)
ax.axhline(1.0, color="black", lw=0.8, ls=":")
ax.text(11, 1.04, "complete contact", fontsize=9)
ax.set(xscale="log", yscale="log", xlabel="spacing / L", ylabel=r"$R_\mathrm{total}\,\sigma / L$", ylim=(0.9, 30))
ax.set_yticks([1, 2, 5, 10, 20], ["1", "2", "5", "10", "20"])
ax.set_xticks([0.1, 1, 10], ["0.1", "1", "10"])
ax.grid(alpha=0.25, lw=0.5, which="both")
ax.legend(frameon=False, fontsize=8, loc="upper left")
figure_spacing

# %% [markdown]
# ## The field in a thin separator
#
# The upper half (down to the mirror plane) of 20 µm under spots 100 µm apart: beside the columns between spots the
# separator hardly conducts.

# %%
coarse = aspot.simulate(spaced(100e-6))
field = coarse.field(0.0)
picture = field_picture(field, title="separator of 20 µm, upper half, spots 100 µm apart")
picture

# %% [markdown]
# ## Thinner and thinner
#
# At a given spacing of the spots the polarisation falls with $L$ only as long as $L$ is above the spacing, and again
# far below it, on the higher line $L/(\sigma f)$. Fine contacts pay more than a thin separator: at 20 µm, spots 5 µm
# apart instead of 40 µm take off two thirds; with the coarse spots the separator would have to be 3.4 µm thin for that.

# %%
thicknesses = np.geomspace(2e-6, 1e-3, 12)
curves = {}
for spacing in (5e-6, 40e-6, 160e-6):
    cells = [spaced(spacing, **{"electrolyte.thickness": float(t)}) for t in thicknesses]
    curves[spacing] = np.array([aspot.simulate(c).resistances.total for c in cells])  # ohm cm2, mV per mA/cm2
figure_thin = new_figure(6.6, 4.4)
ax = figure_thin.add_subplot()
for (spacing, values), colour in zip(curves.items(), ("#6baed6", "#2171b5", "#08306b"), strict=True):
    ax.loglog(1e6 * thicknesses, values, "o-", ms=4, color=colour, label=f"spots {engineering(spacing, 'm')} apart")
ax.loglog(1e6 * thicknesses, 1e4 * thicknesses / SIGMA, "k--", lw=1, label=r"complete contact, $L/\sigma$")
ax.loglog(1e6 * thicknesses, 1e4 * thicknesses / SIGMA / FRACTION, "k:", lw=1, label=r"columns, $L/(\sigma f)$")
interfaces = 1e4 * thicknesses / SIGMA + 20
ax.loglog(1e6 * thicknesses, interfaces, "-.", color="#c23b22", lw=1.2, label="complete contact, 2 x 10 Ω cm²")
ax.set(xlabel="L / µm", ylabel="polarisation / (mV per mA/cm²)")
ax.grid(alpha=0.25, lw=0.5, which="both")
ax.legend(frameon=False, fontsize=8)
at_20 = {s: float(np.interp(np.log(20e-6), np.log(thicknesses), np.log(v))) for s, v in curves.items()}
gain = np.exp(at_20[5e-6] - at_20[40e-6])
as_thin = np.exp(np.interp(at_20[5e-6], np.log(curves[40e-6]), np.log(thicknesses)))
print(f"5 instead of 40 µm at L = 20 µm: {gain:.2f} of the polarisation, as L = {engineering(as_thin, 'm')} would")
checks["what 5 instead of 40 µm leave"] = (gain, 0.35, 1e-2)
checks["L with coarse spots for the same / m"] = (as_thin, 3.4e-6, 1e-2)
figure_thin

# %% [markdown]
# ## What this says, and what not
#
# - $J L/\sigma$ is exact between complete contacts, and aspot agrees to rounding: nothing is tested there but units.
# - Constriction makes up as much as the slab where the spacing is $0.63\,L$ (10 % of contact). The sum of half spaces
#   is too high by 5 % at $2.1\,L$ and by a factor of five at $30\,L$: with spots as coarse as that, constriction
#   resistances from half-space formulas must not be added.
# - Spots that face each other are the best case of two coarse electrodes. If those of one side lie between those of the
#   other, the current also runs along the separator, and the columns' limit no longer bounds it. Two different
#   interfaces in one thin separator are refused by the program. One electrode in spots against a complete one (light
#   blue) is a lower bound.
# - All is linear and steady: no depletion, no transference number, no space charge.

# %%
checks["spacing at which the sum errs by 5 % / L"] = (error, 2.1, 1e-2)
assert 5 < naive[-1] / both[-1] < 5.5
print(f"{'':48s}{'computed':>14s}{'exact':>14s}{'error':>10s}")
for name, (computed, reference, allowed) in checks.items():
    print(f"{name:48s}{computed:14.6g}{reference:14.6g}{computed / reference - 1:+10.0e}")
    assert abs(computed / reference - 1) <= allowed, name
