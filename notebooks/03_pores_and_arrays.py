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
# # Pores, contacts and arrays
#
# How much does an imperfect contact cost? The contact fraction alone does not decide. With period $2b$ and conductivity
# $\sigma$ the constriction per area of electrode is
#
# $$A R_\mathrm{cc} = \frac{b}{\sigma}\, g(f, \text{pattern}),$$
#
# proportional to the size of the pattern (finer is better), with a number $g$ that knows only contact fraction and
# pattern. Two extremes: *contacts*, discs of metal that touch in a plane that does not; and *pores*, discs that do not
# touch in a plane that does. A few small pores cost almost nothing: with $n$ pores of radius $a$ per area
#
# $$A R_\mathrm{cc} = \frac{4 n a^3}{3 \sigma} .$$

# %%
# %matplotlib inline
import time

import numpy as np
from scipy.interpolate import griddata

import aspot
from aspot.analytic import array_constriction, dilute_pores_resistance, flux_tube_impedance, lattice_pitch
from aspot.field_plot import field_picture
from aspot.field_view import show_3d
from aspot.plot import new_figure

checks = {}  # name: (computed, exact, relative error allowed)
sigma = 0.55  # [S/m], NZSP0.4


def solved(kind: str, arrangement: str, radius: float, fraction: float, thickness: float, tolerance: float):
    """A cell with contacts ("spots") or pores of a radius [m], at one frequency."""
    pattern = {"kind": kind, "arrangement": arrangement, "radius": radius, "contact_fraction": fraction}
    return aspot.simulate(
        aspot.Cell(
            electrolyte={"thickness": thickness, "conductivity": sigma},
            working_electrode={"morphology": pattern},
            frequencies={"values": [1.0]},
            numerics={"relative_tolerance": tolerance},
        )
    )


# %% [markdown]
# ## Contacts against pores, in a flux tube
#
# One disc on the axis of a tube: the contact, or the pore. Finite elements (dots) beside the spectral solution (lines).

# %%
b = 1e-6  # radius of the tube [m]
fractions = np.array([0.01, 0.03, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97])


def spectral(kind: str, fraction: float) -> float:
    """g of one disc in a long tube."""
    disc = fraction if kind == "spots" else 1 - fraction
    return flux_tube_impedance(np.sqrt(disc), 1.0, np.inf, 1.0, pore=kind == "pores").excess.real


def computed(kind: str, fraction: float) -> float:
    """The same by finite elements, from R_cc in ohm cm2."""
    disc = fraction if kind == "spots" else 1 - fraction
    result = solved(kind, "single", b * np.sqrt(disc), fraction, 3 * b, 1e-6)
    # An error of 1e-6 of Z is one of 1e-6 R_total/R_cc of the constriction.
    allowed = 1e-6 * result.resistances.total / result.resistances.cc
    g = result.resistances.cc * 1e-4 * sigma / b
    checks[f"g of {kind}, f = {fraction:g}"] = (g, spectral(kind, fraction), allowed)
    return g


dots = {kind: np.array([computed(kind, f) for f in fractions]) for kind in ("spots", "pores")}
print("contact fraction   contacts      pores    ratio")
for f, contacts, pores in zip(fractions, dots["spots"], dots["pores"], strict=True):
    print(f"{f:16g}{contacts:11.5f}{pores:11.5f}{contacts / pores:9.2f}")

# %%
fine = np.linspace(0.005, 0.985, 80)
sizes = new_figure(5.6, 4.0)
ax = sizes.add_subplot()
for kind, colour, label in (("spots", "#1f5fa8", "contacts"), ("pores", "#c23b22", "pores")):
    ax.semilogy(fine, [spectral(kind, f) for f in fine], color=colour, lw=1.3, label=f"{label}, exact")
    ax.semilogy(fractions, dots[kind], "o", color=colour, ms=7, mec="white", label=f"{label}, finite elements")
few = fine[fine > 0.6]
dilute = [dilute_pores_resistance(np.sqrt(1 - f), 1 / np.pi, 1.0) for f in few]
ax.semilogy(few, dilute, color="black", lw=1.0, ls="--", label=r"few pores, $4 n a^3/(3\sigma)$")
ax.set(xlabel="contact fraction", ylabel=r"$g = A R_\mathrm{cc}\, \sigma / b$", xlim=(0, 1), ylim=(1e-4, 20))
ax.grid(alpha=0.25, lw=0.5)
ax.legend(frameon=False, fontsize=8, loc="lower left")
sizes

# %% [markdown]
# For NZSP0.4 under sodium: pores of 300 nm radius over 4 % of the area against contacts with the same 96 %, both in
# tubes. Neither is seen beside some 36 Ω cm² of electrolyte. To make 53 Ω cm², contacts must be sparse and far apart
# (notebook 02).

# %%
pore = 300e-9
allowed_area = 0.04
per_area = allowed_area / (np.pi * pore**2)
law = dilute_pores_resistance(pore, per_area, sigma) * 1e4
tube = pore / np.sqrt(allowed_area)
exact_pores = tube / sigma * spectral("pores", 1 - allowed_area) * 1e4
print(f"300 nm pores over 4 %: {law:.2e} ohm cm2 by the law of few pores, {exact_pores:.2e} exact")
checks["few pores over 4 % / mohm cm2"] = (law * 1e3, exact_pores * 1e3, 1e-2)

# %% [markdown]
# ## Arrays
#
# Real patterns are periodic at best. Square and hexagonal arrays are solved in three dimensions: high-order elements on
# the contact plane, graded to the rims, the depth exact; beside lattice sums. At a quarter of the area the tube of the
# same contact fraction is within 0.2 % of the hexagonal array and 1.5 % of the square one.

# %%
a = 10e-6
solved("spots", "square", a, 0.25, 1e-4, 3e-2)  # loads libraries
arrays = {}
print("discs        array        f      g computed   exact        error     error bar   tube         unknowns    time")
for kind in ("spots", "pores"):
    for lattice in ("square", "hexagonal"):
        fraction = 0.25 if kind == "spots" else 0.75
        pitch = lattice_pitch(a, 0.25, lattice)
        start = time.perf_counter()
        result = solved(kind, lattice, a, fraction, 2 * pitch, 1e-3)
        seconds = time.perf_counter() - start
        arrays[kind, lattice] = result
        # Radius of the tube of the same area.
        outer = a / np.sqrt(0.25)
        exact = array_constriction(a, pitch, sigma, 2 * pitch, lattice=lattice, pore=kind == "pores")
        g, reference = result.resistances.cc * 1e-4 * sigma / outer, exact.area_specific_resistance * sigma / outer
        bar = result.relative_error_estimate * result.resistances.total / result.resistances.cc
        checks[f"g of {kind}, {lattice}"] = (g, reference, bar)
        print(
            f"{'contacts' if kind == 'spots' else kind:13s}{lattice:10s}{fraction:6.2f}{g:13.6f}{reference:13.6f}"
            f"{g / reference - 1:+11.0e}{bar:11.0e}{spectral(kind, fraction):13.6f}"
            f"{result.degrees_of_freedom:11d}{seconds:7.1f} s"
        )

# %% [markdown]
# Current density into the interface, over its mean. Contacts carry it at their rims, and so does the metal around a
# pore.

# %%
maps = new_figure(9.0, 8.2)
for ax, ((kind, lattice), result) in zip(maps.subplots(2, 2).flat, arrays.items(), strict=True):
    field = result.field(0.0)
    top = field.points_m[:, 2] == 0
    x, y = field.points_m[top, 0], field.points_m[top, 1]
    j = np.abs(field.current_density_A_m2[top, 2].real) * result.resistances.total * 1e-4  # over 1 V / Z
    # Slightly inside, where every point of the grid lies in a triangle.
    grid = np.meshgrid(*(np.linspace(1e-6, 1 - 1e-6, 160) * v.max() for v in (x, y)))
    piece = griddata((x, y), j, tuple(grid))
    # Mirror planes: unfold the piece into one period, and show two by two.
    half = np.concatenate([piece[:, ::-1], piece], axis=1)
    period = np.tile(np.concatenate([half[::-1], half]), (2, 2))
    width, height = 4e6 * x.max(), 4e6 * y.max()
    shown = ax.imshow(period, extent=(0, width, 0, height), cmap="magma", vmin=0, vmax=8 if kind == "spots" else 4)
    ax.set(title=f"{'contacts' if kind == 'spots' else 'pores'}, {lattice}", xlabel="x / µm", ylabel="y / µm")
    ax.set(xlim=(0, 70), ylim=(0, 70))
    maps.colorbar(shown, ax=ax, shrink=0.8, label=r"$j/\bar\jmath$", extend="max")
maps

# %% [markdown]
# In three dimensions, a quarter of the cell of one contact: the two sides in front are cuts through its middle. Where
# `pyvista[jupyter]` is installed the view turns with the mouse.

# %%
solid = show_3d(arrays["spots", "square"].field(0.0), title="contacts, square")
solid

# %%
picture = field_picture([arrays["spots", "square"].field(0.0), arrays["pores", "square"].field(0.0)])
picture

# %% [markdown]
# ## Computed beside exact

# %%
print(f"{'':42s}{'computed':>14s}{'exact':>14s}{'error':>10s}")
for name, (value, reference, allowed) in checks.items():
    print(f"{name:42s}{value:14.8f}{reference:14.8f}{value / reference - 1:+10.0e}")
    assert abs(value / reference - 1) <= allowed, name
