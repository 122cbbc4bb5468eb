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
# # One a-spot
#
# A metal touches an electrolyte (conductivity $\sigma$, ohm's law inside) on one disc of radius $a$. All current must
# squeeze through it. On a half space the extra resistance is Holm's
#
# $$R = \frac{1}{4 \sigma a},$$
#
# whatever lies far away. Real spots have neighbours: each owns a *flux tube* of radius $b$, through whose side no
# current passes. What is left of Holm's resistance is the constriction parameter
#
# $$\psi(a/b) = 4 \sigma a\, R_\mathrm{cc}, \qquad \psi(0) = 1, \quad \psi(1) = 0,$$
#
# and per area of electrode, with $b^2 = a^2/f$ at a contact fraction $f$,
#
# $$A R_\mathrm{cc} = \frac{\pi b^2}{4 \sigma a}\, \psi(\sqrt{f}) = \frac{\pi a}{4 \sigma f}\, \psi(\sqrt{f}) .$$
#
# This notebook computes $\psi$ with finite elements, from $a/b = 0.05$ to $0.9$, beside a semi-analytic solution that
# knows no mesh and the series that the literature uses.

# %%
# %matplotlib inline
import time

import numpy as np

import aspot
from aspot.analytic import disc_current_density, flux_tube_psi
from aspot.field_plot import field_picture
from aspot.plot import new_figure

checks = {}  # name: (computed, exact, relative error allowed)

# %% [markdown]
# ## The program
#
# A cell with one round spot on the axis of its tube. Nothing but the electrolyte has a resistance, and one frequency
# says it all: an ideal contact and an insulating gap leave the shape of the field the same at all of them. The
# tolerance is that of $Z$: a constriction that is a part $R_\mathrm{cc}/R_\mathrm{total}$ of it may be wrong by the
# tolerance over that.

# %%
radius = 10e-6  # a [m]
sigma = 0.5  # [S/m]
tolerance = 1e-7  # of Z


def constriction(ratio: float) -> aspot.Result:
    """Spot of radius a in a tube of radius a / ratio, three tube radii long."""
    return aspot.simulate(
        aspot.Cell(
            name=f"a/b = {ratio:g}",
            electrolyte={"thickness": 3 * radius / ratio, "conductivity": sigma, "permittivity": 10},
            working_electrode={
                "morphology": {"kind": "spots", "arrangement": "single", "radius": radius, "contact_fraction": ratio**2}
            },
            frequencies={"values": [1.0]},
            numerics={"relative_tolerance": tolerance},
        )
    )


ratios = np.array([0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])
start = time.perf_counter()
results = [constriction(e) for e in ratios]
seconds = time.perf_counter() - start
# R_cc is in ohm cm2 of tube area, pi b^2.
tube_area_cm2 = np.pi * (radius / ratios) ** 2 * 1e4
psi = 4 * sigma * radius * np.array([r.resistances.cc for r in results]) / tube_area_cm2
exact = flux_tube_psi(ratios)

print(f"{len(ratios)} tubes in {seconds:.1f} s, {results[0].degrees_of_freedom} unknowns each\n")
print(" a/b   computed      exact         error")
for e, value, reference, result in zip(ratios, psi, exact, results, strict=True):
    print(f"{e:4.2f}   {value:.9f}   {reference:.9f}   {value / reference - 1:+.0e}")
    r = result.resistances
    checks[f"psi({e:g})"] = (value, reference, tolerance * r.total / r.cc)

# %% [markdown]
# ## Beside the literature
#
# The series are good where they were made for, and each has its limit. *Roess* belongs to another problem, a prescribed
# current density on the spot, and should not be used for a metal.

# %%
fine = np.linspace(0.02, 0.95, 140)
lines = {
    "negus-yovanovich": ("Negus, Yovanovich 1984", "#c23b22"),
    "gibson": ("Gibson 1976", "#e39d2d"),
    "three-halves": (r"$(1 - a/b)^{3/2}$", "#4c9f70"),
    "roess": ("Roess 1950", "#8a6bbe"),
}
curves = new_figure(9.0, 4.0)
left, right = curves.subplots(1, 2)
left.plot(fine, flux_tube_psi(fine), color="black", lw=1.4, label="exact (spectral)")
left.plot(ratios, psi, "o", color="#1f5fa8", ms=7, mec="white", label="finite elements")
left.axhline(1.0, color="grey", lw=0.8, ls=":")
left.annotate("Holm: one spot on a half space", (0.98, 0.985), ha="right", va="top", fontsize=8, color="grey")
left.set(xlabel="$a/b$", ylabel=r"$\psi = 4 \sigma a R_\mathrm{cc}$", xlim=(0, 1), ylim=(0, 1.05))
left.legend(frameon=False, fontsize=9, loc="lower left")
for name, (label, colour) in lines.items():
    error = np.abs(flux_tube_psi(fine, name) / flux_tube_psi(fine) - 1)
    right.semilogy(fine, error, color=colour, lw=1.4, label=label)
right.semilogy(ratios, np.abs(psi / exact - 1), "o", color="#1f5fa8", ms=7, mec="white", label="finite elements")
right.set(xlabel="$a/b$", ylabel=r"relative error of $\psi$", xlim=(0, 1), ylim=(1e-12, 3))
right.legend(frameon=False, fontsize=8, loc="lower right")
for ax in (left, right):
    ax.grid(alpha=0.25, lw=0.5)
curves

# %% [markdown]
# ## Where the current goes
#
# The field of the spot with $a/b = 0.3$. Lines crowd at the rim: there $\varphi \sim r^{1/2}$ and the current density
# is infinite, $\sim r^{-1/2}$, which is why meshes must shrink towards it.

# %%
picture = field_picture(results[3].field(0.0), title="one spot in its flux tube, a/b = 0.3")
picture

# %% [markdown]
# On a half space the current density under the spot is $j/\bar\jmath = \frac{1}{2} (1 - r^2/a^2)^{-1/2}$: half of the
# mean in the middle. With $a/b = 0.05$ the neighbours are far enough to see it.

# %%
cut = results[0].field(0.0).cut
on_spot = (cut.points_m[:, 1] == 0) & (cut.points_m[:, 0] < 0.995 * radius)
r = cut.points_m[on_spot, 0]
j = np.abs(cut.current_density_A_m2[on_spot, 1].real)
# 1 V over the cell drives 1/Z per area of tube; the spot has the part f of it.
j_mean = 1.0 / (results[0].resistances.total * 1e-4) / ratios[0] ** 2
holm = disc_current_density(np.linspace(0, 0.995, 200) * radius, radius)

density = new_figure(4.8, 3.4)
ax = density.add_subplot()
ax.plot(np.linspace(0, 0.995, 200), holm, color="black", lw=1.2, label=r"$\frac{1}{2} (1 - r^2/a^2)^{-1/2}$")
ax.plot(r / radius, j / j_mean, "o", ms=4, color="#1f5fa8", label="finite elements, $a/b = 0.05$")
ax.set(xlabel="$r/a$", ylabel=r"$j / \bar\jmath$", xlim=(0, 1), ylim=(0, 4))
ax.legend(frameon=False, fontsize=9, loc="upper left")
ax.grid(alpha=0.25, lw=0.5)
density

# %%
checks["j in the middle of a spot over its mean"] = (float(j[np.argmin(r)] / j_mean), 0.5, 1e-2)

# %% [markdown]
# ## Computed beside exact

# %%
print(f"{'':42s}{'computed':>14s}{'exact':>14s}{'error':>10s}")
for name, (computed, reference, allowed) in checks.items():
    print(f"{name:42s}{computed:14.8f}{reference:14.8f}{computed / reference - 1:+10.0e}")
    assert abs(computed / reference - 1) <= allowed, name
