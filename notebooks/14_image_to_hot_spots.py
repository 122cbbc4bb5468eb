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
# # From a micrograph to $R_\mathrm{int}$ and hot spots
#
# A scanning electron micrograph of an interface shows where metal touched. What does it say about the resistance, and
# where does the current crowd? And how much of the answer is the microscopist's choice of a threshold?
#
# The micrograph is made here, from contacts that are known: round spots of several sizes at random places. Then come
# the faults of real ones: a blurred beam, uneven illumination, noise, 8 bits. So each step can be held against the
# truth.

# %%
# %matplotlib inline
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

import aspot
from aspot.analysis.focusing import current_map
from aspot.analytic import lattice_potential, periodic_cluster_resistance
from aspot.focusing_plot import focusing_picture
from aspot.plot import new_figure

checks = {}  # name: (computed, exact, relative error allowed)
sigma = 0.55  # [S/m]
pellet = {
    "electrolyte": {"thickness": "0.3 mm", "conductivity": sigma},
    "frequencies": {"values": [1e3]},
    "numerics": {"relative_tolerance": 3e-3},
}
spots = {"kind": "spots", "arrangement": "random", "count": 24, "radius": "10 um", "contact_fraction": 0.04}
spots |= {"radius_distribution": "log-normal", "radius_spread": 1.35, "minimum_distance": "6 um", "seed": 7}
known = aspot.Cell(working_electrode={"morphology": spots}, **pellet)

# %% [markdown]
# ## The micrograph

# %%
n_pixels = 384
piece = known.working_electrode.unit_cell(1.0)
side, pixel = piece.size_x, piece.size_x / n_pixels
centres, radii = np.array([(s.x, s.y) for s in piece.shapes]), np.array([s.radius for s in piece.shapes])


def covered(n: int) -> np.ndarray:
    """Share of every pixel that metal touches, from 4 x 4 points; the picture goes on beyond its sides."""
    x = (np.arange(4 * n) + 0.5) / (4 * n) * side
    inside = np.zeros((4 * n, 4 * n), bool)
    for (cx, cy), radius in zip(centres, radii, strict=True):
        dx, dy = (np.abs((x - c + side / 2) % side - side / 2) for c in (cx, cy))
        inside |= dx[None, :] ** 2 + dy[:, None] ** 2 < radius**2
    return inside.reshape(n, 4, n, 4).mean(axis=(1, 3))


truth = covered(n_pixels)
chance = np.random.default_rng(1)
u, v = np.meshgrid(*2 * [np.linspace(-1, 1, n_pixels)])
illumination = 1 + 0.35 * u - 0.15 * v - 0.07 * (u**2 + v**2)
seen = gaussian_filter(70 + 80 * truth, 1.0, mode="wrap") * illumination + chance.normal(0, 6, truth.shape)
micrograph = np.clip(np.round(seen), 0, 255).astype(np.uint8)


folder = tempfile.TemporaryDirectory()  # gone with the notebook


def simulated(name: str, picture: np.ndarray, threshold: float | str = "otsu", **keys) -> aspot.Result:
    """The cell whose contacts are the bright pixels of a picture."""
    file = Path(folder.name) / f"{name}.png"
    Image.fromarray(picture).save(file)
    contacts = {"kind": "image", "file": str(file), "pixel_size": pixel, "boundary": "periodic"}
    contacts |= {"threshold": threshold, "contact_is": "bright"}
    return aspot.simulate(aspot.Cell(working_electrode={"morphology": contacts}, **(pellet | keys)))


# %% [markdown]
# ## Otsu's threshold, as it is and after the illumination is taken out
#
# Otsu's threshold separates dark from bright with the least variance within both. On the picture as it is, that is the
# well-lit half and the other. The illumination is smooth, so a parabola through the dark part (all pixels but
# those well above it, found again a few times) tells it; dividing by it, and a little blur against the noise, leaves
# two greys.

# %%
powers = np.stack([np.ones_like(u), u, v, u * u, u * v, v * v], axis=-1)
dark = np.ones_like(u, bool)
for _ in range(6):
    fit = np.linalg.lstsq(powers[dark], micrograph[dark].astype(float), rcond=None)[0]
    level = powers @ fit
    spread = np.std(micrograph[dark] - level[dark])
    dark = micrograph < level + 2.5 * spread
flat = gaussian_filter(micrograph / level, 1.5, mode="wrap")
flattened = np.clip(np.round(70 * flat), 0, 255).astype(np.uint8)

naive = simulated("naive", micrograph, numerics={"relative_tolerance": 2e-2})  # thousands of specks: roughly
careful = simulated("flattened", flattened)
chosen = [one.cell.resolved()["working_electrode"]["morphology"]["threshold"] for one in (naive, careful)]

pictures = new_figure(9.6, 6.4)
grid = pictures.subplots(2, 3)
for row, picture, threshold, name in zip(grid, (micrograph, flattened), chosen, ("as it is", "flattened"), strict=True):
    row[0].imshow(picture, cmap="gray", extent=(0, 1e6 * side, 1e6 * side, 0))
    row[0].set(title=name, ylabel="y / µm")
    row[1].hist(picture.ravel(), bins=np.arange(257) - 0.5, color="0.6")
    row[1].axvline(threshold, color="#c23b22", lw=1.2)
    row[1].set(yscale="log", xlim=(0, 256), title=f"Otsu: {threshold:.0f}", xlabel="grey")
    mask = picture > threshold
    wrong = np.stack([mask & (truth < 0.5), mask & (truth >= 0.5), ~mask & (truth >= 0.5)], axis=-1)
    colours = np.array([[0.76, 0.23, 0.13], [0.1, 0.1, 0.1], [0.12, 0.37, 0.66]])
    shown = np.where(wrong.any(axis=-1, keepdims=True), wrong @ colours, 1.0)
    row[2].imshow(shown, extent=(0, 1e6 * side, 1e6 * side, 0))
    row[2].set(title=f"contact {100 * mask.mean():.1f} %, is {100 * truth.mean():.1f} %")
for ax in (*grid[:, 0], *grid[:, 2]):
    ax.set(xlabel="x / µm")
pictures.supxlabel("right: black found, red found but not there, blue there but not found", fontsize=9)
pictures

# %% [markdown]
# ## The resistance and its error
#
# Beside it: the same spots as shapes (no picture, no pixels of a camera), and the currents of discs that see each other
# as points, without any mesh. The error given is that of the solution; that of the threshold comes next. The picture as
# it is would have been wrong by a factor of ten.

# %%
area = side**2 * 1e4  # [cm2]
exact = aspot.simulate(known)
points = periodic_cluster_resistance(*centres.T, radii, side, side, sigma) * area
for name, result in (("picture as it is", naive), ("flattened", careful), ("spots as shapes", exact)):
    r = result.resistances
    error = result.relative_error_estimate * r.total
    print(f"{name:18s} contact {100 * result.contact_fraction:5.2f} %   R_int = {r.int_:.3f} +- {error:.3f} ohm cm2")
print(f"{'discs as points':18s} {'':15s}   R_int = {points:.3f} ohm cm2")
checks["R_int, spots as shapes / ohm cm2"] = (exact.resistances.int_, points, 1e-2)

# %% [markdown]
# ## Sensitivity to the threshold
#
# The threshold moves the rims of all contacts. For sparse equal contacts $R_\mathrm{int}$ goes as $1/\sum a$ and the
# contact fraction as $\sum a^2$: in relative terms the resistance errs half as much as the contact fraction. It is a
# little more where sizes differ and neighbours help.

# %%
low, high = (np.median(flattened[m]) for m in (truth == 0, truth == 1))
heights = np.array([0.35, 0.5, 0.65])
family = [simulated("flattened", flattened, low + h * (high - low)) for h in heights]
R_int = np.array([one.resistances.int_ for one in family])
found = np.array([one.contact_fraction for one in family])

between = 100 * (chosen[1] - low) / (high - low)
checks["R_int, threshold half-way / ohm cm2"] = (R_int[1], exact.resistances.int_, 1e-2)

sensitivity = new_figure(5.6, 3.8)
ax = sensitivity.add_subplot()
ax.axvspan(*(100 * f for f in found[[2, 0]]), color="0.93", label="threshold at 35 to 65 % between the greys")
ax.plot(100 * found, R_int, "o-", color="#1f5fa8", label="threshold at 35, 50 and 65 %")
ax.plot(100 * careful.contact_fraction, careful.resistances.int_, "s", ms=8, color="#c23b22", label="Otsu")
ax.plot(100 * truth.mean(), points, "*", ms=13, color="black", label="true")
line = np.linspace(found.min(), found.max(), 50)
ax.plot(100 * line, R_int[1] * np.sqrt(found[1] / line), "--", color="0.5", lw=1, label=r"$\propto f^{-1/2}$")
ax.set(xlabel="contact fraction / %", ylabel="$R_\\mathrm{int}$ / (Ω cm²)")
ax.grid(alpha=0.25, lw=0.5)
ax.legend(frameon=False, fontsize=8)
slope = np.polyfit(np.log(found), np.log(R_int), 1)[0]
print(f"Otsu's threshold lies at {between:.0f} % between the greys of gap and contact")
print(f"d ln R_int / d ln f = {slope:.2f}; 35 to 65 % moves R_int by {100 * (R_int[2] / R_int[0] - 1):.1f} %")
sensitivity

# %% [markdown]
# ## Hot spots
#
# Contacts by their mean current density over that of the electrode: where metal would first grow into the electrolyte.
# The list belongs beside the micrograph, as places to look at again. Small and lonely contacts lead it; so would every
# speck of noise that passes for a contact, which is why the noise had to go first.

# %%
currents = current_map(careful)
print("rank    x / µm    y / µm   radius / µm   j over mean   share of the current")
for rank, spot in enumerate(currents.hot_spots(5), 1):
    size = np.sqrt(spot.area_m2 / np.pi)
    print(
        f"{rank:4d}{1e6 * spot.x_m:10.0f}{1e6 * spot.y_m:10.0f}{1e6 * size:14.1f}{spot.focusing:14.1f}"
        f"{100 * spot.current_share:20.1f} %"
    )

# Every contact against the currents of discs as points.
x, y = centres.T
matrix = lattice_potential(x[:, None] - x, y[:, None] - y, side, side) / (2 * np.pi) + np.diag(1 / (4 * radii))
share = np.linalg.solve(matrix, np.ones(len(radii)))
share /= share.sum()
density = share * side**2 / (np.pi * radii**2)
of_picture = currents.hot_spots(None)
pair = [int(np.argmin(np.hypot(x - s.x_m, y - s.y_m))) for s in of_picture]
assert sorted(pair) == list(range(len(radii)))
mean = np.mean([s.current_share / share[k] for s, k in zip(of_picture, pair, strict=True)])
largest = max(of_picture, key=lambda s: s.current_share)
checks["contacts found"] = (currents.n_spots, len(radii), 1e-9)
checks["share of the contacts, mean ratio"] = (mean, 1.0, 1e-2)
checks["largest share of a contact"] = (largest.current_share, share.max(), 1e-2)
same = len(set(pair[:5]) & set(np.argsort(-density)[:5].tolist()))
print(f"{same} of these five are among the five hottest of the spots themselves")
hot = focusing_picture(currents)
hot

# %% [markdown]
# What the picture cannot tell: whether what looks like contact carried current, what lies outside it (several pictures,
# see `aspot.statistics_over_seeds` for the spread to expect), and how high the gap is, which sets $C_\mathrm{int}$ and
# not $R_\mathrm{int}$.

# %% [markdown]
# ## Computed beside exact

# %%
print(f"{'':42s}{'computed':>14s}{'exact':>14s}{'error':>10s}")
for name, (computed, reference, allowed) in checks.items():
    print(f"{name:42s}{computed:14.6g}{reference:14.6g}{computed / reference - 1:+10.0e}")
    assert abs(computed / reference - 1) <= allowed, name
folder.cleanup()
