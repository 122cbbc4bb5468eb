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
# # Lens-shaped pores: when is a gap thin?
#
# Metal that dissolves faster than it follows leaves lenses of vacuum on the electrolyte: spherical caps of radius $a$,
# height $h$ and contact angle $\theta$, $\tan(\theta/2) = h/a$. The thin-gap law takes them as an admittance per area
# $y = \mathrm{j}\omega\varepsilon_0/d(r)$ on a flat electrolyte. When is that good enough, and what happens at the rim,
# where $d$ goes to 0 and $y$ to infinity?

# %%
# %matplotlib inline
import numpy as np
from scipy.constants import epsilon_0

import aspot
from aspot.analysis.lens import thin_gap_errors
from aspot.fem.gap_heights import GapHeights
from aspot.fem.lens import assemble_lens
from aspot.fem.problem import Problem, Term
from aspot.laws import Activated, Conductor, Gap
from aspot.mesh.profile import build
from aspot.morphology.gap_profile import GapProfile, closed_capacitance
from aspot.morphology.unit_cell import ProfileCell
from aspot.plot import new_figure

checks = {}  # name: (computed, exact, relative error allowed)

# %% [markdown]
# ## The pore as a volume
#
# In the half plane of the axis, arcs through both rims and those that cross them at right angles are the lines of a
# conformal map. On a rectangle in these coordinates the lens is meshed without error, contact angle included. Potential
# in the electrolyte and in a steep lens, $h/a = 0.5$, at $\omega\varepsilon_0 = \kappa/2$:

# %%
pore = ProfileCell(
    axisymmetric=True,
    outer=1.25,
    edges=(1.0,),
    contact=(False, True),
    gap_profile=GapProfile(form="lens", height=0.5, floor=0.0),
)
assembly = assemble_lens(build(pore, depth=4.0, rings=6, ratio=0.15, growth=3.5), 6, pore)
laws = {"electrolyte": Conductor(conductivity=Activated(value=1.0), permittivity=0.0), "gap": Gap(thickness_m=1.0)}
terms = tuple(Term(name=n, role=n, law=laws[n], matrix=m) for n, m in assembly.matrices.items())
omega = 0.5 / epsilon_0
x = Problem(terms, assembly.area, 298.15).solve(omega)
points, potential = assembly.element_points(), assembly.element_potentials(x).real
inside = assembly.mesh.quad_region == 1
# Of the pore's elements the coordinates are (rho, -psi): to (r, z).
rho, psi = points[inside, ..., 0], -points[inside, ..., 1] / pore.outer
below = 1 + rho**2 + (1 - rho**2) * np.cos(psi)
points[inside, ..., 0] = 2 * rho / below
points[inside, ..., 1] = -(1 - rho**2) * np.sin(psi) / below

figure_cut = new_figure(6.0, 4.0)
ax = figure_cut.add_subplot()
levels = np.linspace(0.75, 1.0, 26)
for sign in (1, -1):
    for p, v in zip(points, potential, strict=True):
        shown = ax.contourf(sign * p[..., 0], -p[..., 1], v, levels=levels, cmap="viridis", extend="min")
        shown.set_in_layout(False)  # elements reach out of the picture
s = np.linspace(-1, 1, 201)
cap = pore.gap_profile.distance(np.abs(s), 1.0)
ax.fill_between(np.r_[-1.25, s, 1.25], np.r_[0, cap, 0], 0.7, color="0.75", lw=0)
ax.plot(s, cap, color="black", lw=1)
ax.plot([-1.25, 1.25], [0, 0], color="black", lw=0.8)
ax.text(0, 0.58, "metal", ha="center", va="center")
ax.set(xlim=(-1.25, 1.25), ylim=(-1.0, 0.7), aspect="equal", xlabel="r / a", ylabel="height / a")
figure_cut.colorbar(shown, ax=ax, label="Re $\\varphi$ / V", shrink=0.8, ticks=[0.75, 0.8, 0.85, 0.9, 0.95, 1.0])
figure_cut

# %% [markdown]
# ## The error of the thin-gap law
#
# Over the whole spectrum, relative to $R_\mathrm{int}$, with heights counted straight up and along arcs. Both are of
# second order in $h/a$; the arcs follow the current, and err a third as much.

# %%
heights = [0.05, 0.1, 0.2, 0.4, 1.0]
errors = {law: thin_gap_errors(heights, law=law) for law in ("lens", "arc")}
figure_error = new_figure(5.5, 3.8)
ax = figure_error.add_subplot()
for (law, found), style in zip(errors.items(), ("o-", "s--"), strict=True):
    angles = [e.contact_angle_deg for e in found]
    ax.plot(angles, [100 * e.impedance for e in found], style, label=f"{law}: Z")
    ax.plot(
        angles, [-100 * e.C_int for e in found], style, mfc="none", lw=0.7, label=f"{law}: $C_\\mathrm{{int}}$, too low"
    )
ax.axhline(1, color="0.6", lw=0.8)
ax.set(xscale="log", yscale="log", xlabel="contact angle / degrees", ylabel="error / %")
ax.set_xticks([5, 10, 20, 50, 90], ["5", "10", "20", "50", "90"])
ax.set_yticks([0.1, 1, 10], ["0.1", "1", "10"])
ax.xaxis.minorticks_off()
ax.legend(frameon=False, fontsize=8)
for e in errors["lens"]:
    print(f"h/a = {e.height_over_radius:4.2f}, {e.contact_angle_deg:4.1f} deg: {100 * e.impedance:6.3f} % of R_int")
ratios = np.array([errors["lens"][1].impedance / errors["lens"][0].impedance, 4.0])
order = np.log2(ratios)
checks["order of the error"] = (order[0], order[1], 1e-2)
figure_error

# %% [markdown]
# ## The rim
#
# The capacitance of the bare lens, $2\pi\varepsilon_0\,[h - f + (R - h)\ln(h/f)]$, and its rim, grows as the log of
# the smallest height $f$. Beside an ideal contact it hardly shows: the potential at the rim is the metal's. Beside
# a contact with charge transfer it does, however small $f$: there the film at the rim is a parameter of its own.

# %%
floors = np.array([1, 2, 5, 10, 20]) * 1e-9
lens = [GapProfile(form="lens", height=1e-6, floor=f) for f in floors]
rules = [GapHeights(profile=p, gaps=((0.0, 1e-5),), reference_m=1.0).rule(0.0, 1e-5, 20) for p in lens]
bare = [2 * np.pi * 1e-10 * float(w @ (x / ratio)) for x, w, ratio in rules]
checks["capacitance of a lens"] = (bare[0], closed_capacitance(lens[0], 1e-5, axisymmetric=True), 1e-9)

cell = aspot.Cell(
    electrolyte={"thickness": "2 mm", "conductivity": "5.5 mS/cm", "permittivity": 30},
    working_electrode={
        "morphology": {"kind": "pores", "arrangement": "single", "radius": "20 um", "contact_fraction": 0.3},
        "gap": {"shape": "lens", "contact_angle": "0.3 deg", "thickness": "2 nm"},
    },
    frequencies={"start": "100 MHz", "stop": "10 kHz", "per_decade": 6},
)
transfer = {"working_electrode.contact.charge_transfer_resistance": "0.1 ohm cm^2"}
figure_rim = new_figure(5.5, 3.8)
ax = figure_rim.add_subplot()
for name, contact, style in (("ideal contact", {}, "o-"), ("charge transfer, 0.1 Ω cm²", transfer, "s--")):
    found = [aspot.simulate(cell.with_(**{"working_electrode.gap.thickness": float(f)}, **contact)) for f in floors]
    c_int = np.array([r.arc.C_int_F_per_cm2 for r in found])
    ax.plot(1e9 * floors, 1e9 * c_int, style, label=name)
    print(f"{name}: from 2 to 1 nm C_int grows by {100 * (c_int[0] / c_int[1] - 1):.1f} %")
ax.set(xscale="log", xlabel="smallest height / nm", ylabel="$C_\\mathrm{int}$ / (nF/cm²)")
ax.set_xticks(1e9 * floors, [f"{1e9 * f:.0f}" for f in floors])
ax.minorticks_off()
ax.legend(frameon=False, fontsize=8)
figure_rim
