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
# # Random contacts: size, number, neighbours
#
# Contacts are neither equal nor in a row. Three questions: does the size of the contacts matter at a given contact
# fraction? When do neighbours matter, and is Greenwood's formula good for it? Where does the current crowd most?

# %%
# %matplotlib inline
import numpy as np

import aspot
from aspot.analysis.focusing import current_map
from aspot.analytic import cluster_resistance, lattice_potential, periodic_cluster_resistance
from aspot.discretise import PLANAR
from aspot.focusing_plot import focusing_picture
from aspot.interface import InterfaceProblem
from aspot.morphology.unit_cell import BoxCell, Disc
from aspot.plot import new_figure

checks = {}  # name: (computed, exact, relative error allowed)
SIGMA = 0.55  # S/m


def random_spots(radius, count, contact_fraction, **keys):
    """A pellet with round spots at random places."""
    morphology = {"kind": "spots", "arrangement": "random", "radius": radius, "count": count}
    return aspot.Cell(
        electrolyte={"thickness": "2 mm", "conductivity": SIGMA},
        working_electrode={"morphology": morphology | {"contact_fraction": contact_fraction} | keys},
        frequencies={"values": [1e5]},
        numerics={"relative_tolerance": 5e-3},
    )


def discs(cell):
    """Centres and radii of the spots, and the side of the square that repeats itself [m]."""
    piece = cell.working_electrode.unit_cell(1.0)
    return *np.array([(s.x, s.y, s.radius) for s in piece.shapes]).T, piece.size_x


# %% [markdown]
# ## Finer is better
#
# At the same contact fraction $f$ the constriction resistance per area is proportional to the size of the spots,
# $R_\mathrm{cc} = (a / \sigma)\, g(f)$: lengths have nothing else to be compared with. T. Ortmann et al. (2022), [doi
# 10.1002/aenm.202202712](https://doi.org/10.1002/aenm.202202712), and work they cite argue so from pores and contacts
# seen in the microscope. Here with random places in the same square: one seed is chance, so several. (Three spots in
# a cell that repeats itself are more regular than chance would have them, so that the largest lie a little below the
# line.)

# %%
fraction = 0.05
sizes = {40e-6: 3, 20e-6: 12, 10e-6: 48}
chance = {a: aspot.statistics_over_seeds(random_spots(a, n, fraction), 3) for a, n in sizes.items()}
for a, s in chance.items():
    print(f"a = {1e6 * a:3.0f} µm: R_cc = {s['R_cc']!r} ohm cm2")

means = np.array([s["R_cc"].mean for s in chance.values()])
radii = np.array(list(sizes))
figure_size = new_figure(5.5, 3.8)
ax = figure_size.add_subplot()
half = [0.5 * np.diff(s["R_cc"].interval)[0] for s in chance.values()]
ax.errorbar(1e6 * radii, means, half, fmt="o", capsize=4, label="random places: mean and 95 % interval")
ax.plot(1e6 * radii, means[-1] * radii / radii[-1], color="0.5", lw=1, label="proportional to the radius")
ax.set(xscale="log", yscale="log", xlabel="radius / µm", ylabel="$R_\\mathrm{cc}$ / (Ω cm²)")
ax.set_xticks(1e6 * radii, [f"{1e6 * a:.0f}" for a in radii])
ax.set_yticks([2, 3, 4, 6, 8], ["2", "3", "4", "6", "8"])
ax.minorticks_off()
ax.legend(frameon=False, fontsize=8)
assert means[0] > means[1] > means[2]
figure_size

# %% [markdown]
# ## Neighbours: Greenwood's formula
#
# J. A. Greenwood (Br. J. Appl. Phys. 17 (1966) 1621) lets every one of $n$ equal spots carry the same current and takes
# the others as points at distances $s_{ij}$. On one side of a half space
#
# $$R = \frac{1}{4 n a \sigma} + \frac{1}{2 \pi \sigma n^2} \sum_{i \neq j} \frac{1}{s_{ij}} .$$
#
# (Two sides: twice that.) A cluster in a large cell that repeats itself sees its images too; for $s_{ij} \ll L$ they
# take $3.9003 / (2 \pi \sigma L)$ off, the energy of a square lattice in its neutralising background.

# %%
cluster = random_spots("10 um", 12, 0.2, minimum_distance="10 um", seed=3)
x, y, a, side = discs(cluster)
# The same spots in a cell that is four times as wide: one cluster, far from its images.
width, depth = 4 * side, 6 * side
alone = BoxCell(
    size_x=width,
    size_y=width,
    shapes=tuple(Disc(x=px, y=py, radius=r) for px, py, r in zip(x, y, a, strict=True)),
    contact_inside=True,
    periodic=True,
)
interface = InterfaceProblem(cell=alone, depth_m=depth, electrolyte=cluster.electrolyte.law(), temperature_K=298.15)
problem = PLANAR.discretise(interface, 1).problem
solved = 1 / problem.admittance(problem.solve(0.0), 0.0).real - depth / (SIGMA * width**2)
greenwood = cluster_resistance(x, y, a, SIGMA) - 3.900265 / (2 * np.pi * SIGMA * width)
in_cell = periodic_cluster_resistance(x, y, a, width, width, SIGMA, equal_currents=True)
free = periodic_cluster_resistance(x, y, a, width, width, SIGMA)
print(f"solved: {solved:.1f} ohm")
print(f"Greenwood less the images: {greenwood:.1f} ohm; with all images one by one: {in_cell:.1f} ohm")
print(f"currents that choose their way: {free:.1f} ohm")
checks["images of a cluster"] = (greenwood, in_cell, 1e-2)
checks["a cluster, currents free"] = (free, solved, 1e-2)

# %% [markdown]
# Equal currents are a guess; nature dissipates least, so that the formula is never below the truth for points. Real
# spots are discs for each other, which errs by $(a/s)^2/6$ of what neighbours do. Over contact fractions, against the
# solved field of the same random spots:

# %%
rows = []
for f in (0.01, 0.03, 0.1):
    cell = random_spots("10 um", 12, f, minimum_distance="10 um", seed=1)
    solved = aspot.simulate(cell).resistances.cc
    x, y, a, side = discs(cell)
    area = side**2 * 1e4  # ohm cm2 per ohm
    models = [periodic_cluster_resistance(x, y, a, side, side, SIGMA, equal_currents=e) * area for e in (True, False)]
    rows.append((f, solved, *models))
    print(f"f = {f:5.3f}: solved {solved:6.3f}, Greenwood {models[0]:6.3f}, free currents {models[1]:6.3f} ohm cm2")
rows = np.array(rows)
checks["Greenwood, f = 0.01"] = (rows[0, 2], rows[0, 1], 1e-2)
checks["free currents, f = 0.01"] = (rows[0, 3], rows[0, 1], 3e-3)
checks["free currents, f = 0.03"] = (rows[1, 3], rows[1, 1], 1e-2)
figure_models = new_figure(5.5, 3.8)
ax = figure_models.add_subplot()
ax.plot(rows[:, 0], 100 * (rows[:, 2] / rows[:, 1] - 1), "o-", label="Greenwood: equal currents")
ax.plot(rows[:, 0], 100 * (rows[:, 3] / rows[:, 1] - 1), "s--", label="currents free")
ax.axhline(0, color="0.6", lw=0.8)
ax.set(xscale="log", xlabel="contact fraction", ylabel="error of $R_\\mathrm{cc}$ / %")
ax.legend(frameon=False, fontsize=8)
figure_models

# %% [markdown]
# ## Where the current crowds
#
# Small spots, and spots without neighbours, carry the highest mean current density: where a dendrite would start. The
# mean over a spot is a number; the maximum is not, as the density diverges at the rims.

# %%
mixed = aspot.simulate(random_spots("10 um", 20, 0.06, radius_distribution="log-normal", radius_spread=1.4, seed=5))
currents = current_map(mixed)
for spot in currents.hot_spots(3):
    print(f"{spot.focusing:5.1f} times the mean, {100 * spot.current_share:.1f} % of the current")
x, y, a, side = discs(mixed.cell)
matrix = lattice_potential(x[:, None] - x, y[:, None] - y, side, side) / (2 * np.pi) + np.diag(1 / (4 * a))
share = np.linalg.solve(matrix, np.ones(len(a)))
share /= share.sum()
most = max(s.current_share for s in currents.hot_spots(None))
checks["largest share of a spot"] = (most, share.max(), 1e-2)
figure_map = focusing_picture(currents)
figure_map
