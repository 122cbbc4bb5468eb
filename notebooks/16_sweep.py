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
# # A sweep and its response surface
#
# One measured arc gives two figures, $R_\mathrm{int}$ and $C_\mathrm{int}$. Contact fraction, radius of the contacts
# and height of the gap are three. A sweep over all three is a map on which a measurement can be looked up: where the
# lines of its two figures cross, there is the interface.

# %%
# %matplotlib inline
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy.constants import epsilon_0
from scipy.interpolate import RegularGridInterpolator

import aspot
from aspot.analytic import flux_tube_impedance
from aspot.plot import new_figure
from aspot.sweeps import Axis

checks = {}  # name: (computed, exact, relative error allowed)
sigma, thickness = 0.55, 2e-3  # [S/m], [m]
base = aspot.Cell(
    name="sparse contacts",
    electrolyte={"thickness": thickness, "conductivity": sigma, "permittivity": 30},
    working_electrode={
        "morphology": {"kind": "spots", "arrangement": "single", "radius": "40 um", "contact_fraction": 0.01},
        "gap": {"thickness": "30 nm"},
    },
    frequencies={"start": "1 MHz", "stop": "10 kHz", "per_decade": 3},
    numerics={"relative_tolerance": 1e-3},
)

# %% [markdown]
# ## The sweep
#
# Every combination of the axes is a case. Cases that differ in their laws alone, here in the gap, share one mesh and
# its solutions. The answers land on the disk as they come.

# %%
FRACTION, RADIUS = "working_electrode.morphology.contact_fraction", "working_electrode.morphology.radius"
GAP = "working_electrode.gap.thickness"
axes = [
    Axis.range(FRACTION, 0.002, 0.2, 6, scale="log"),
    Axis.range(RADIUS, "5 um", "200 um", 4, scale="log"),
    Axis.values(GAP, ["20 nm", "30 nm", "45 nm"]),
]
folder = tempfile.TemporaryDirectory()  # gone with the notebook
out = Path(folder.name) / "sweep"
start = time.perf_counter()
swept = aspot.sweep(base, axes, out=out, workers=0)
print(f"{swept.cases} cases in {time.perf_counter() - start:.1f} s, {swept.failed} failed")
print(*sorted(p.name for p in out.iterdir()))

# %% [markdown]
# ## Stopped, and gone on with
#
# The same call again computes nothing that is there already. So a sweep that was stopped, by hand or by a power cut,
# goes on where it was; and more values are added at the price of the new ones.

# %%
start = time.perf_counter()
swept = aspot.sweep(base, axes, out=out, workers=0)
print(f"again: {swept.reused} of {swept.cases} cases were there, {time.perf_counter() - start:.1f} s")
assert swept.reused == swept.cases
axes[2] = Axis.values(GAP, ["20 nm", "30 nm", "45 nm", "70 nm"])
more = aspot.sweep(base, axes, out=out, workers=0)
print(f"a fourth gap: {more.cases - more.reused} of {more.cases} cases are new")
assert more.reused == swept.cases
print(*more.notes, sep="\n")

# %% [markdown]
# ## One labelled data set
#
# Dimensions are the axes and the frequency. It is xarray in Python, and a netCDF file for everything else.

# %%
data = more.dataset
print(data[["R_int_ohm_cm2", "C_int_F_per_cm2", "Z_real_ohm_cm2"]])

surface = data.R_int_ohm_cm2.sel(thickness=30e-9, method="nearest")
print("\nR_int / ohm cm2, by contact fraction (down) and radius / um (across)")
print(" " * 8 + "".join(f"{1e6 * a:10.1f}" for a in data.radius.values))
for x, row in zip(data.contact_fraction.values, surface.values, strict=True):
    print(f"{x:8.4f}" + "".join(f"{r:10.2f}" for r in row))

# %% [markdown]
# Some of the cases beside a solution without a mesh, at direct current and at 100 kHz.


# %%
def spectral(x: float, a: float, d: float, frequency: float) -> complex:
    """Impedance of a case [ohm cm2]."""
    omega = 2 * np.pi * frequency
    kappa, gap = sigma + 30j * omega * epsilon_0, 1j * omega * epsilon_0 / d
    tube = flux_tube_impedance(a, a / np.sqrt(x), thickness, kappa if frequency else sigma, gap_admittance=gap)
    return 1e4 * tube.impedance


for i, j, k in ((0, 0, 0), (2, 1, 1), (3, 3, 2), (5, 2, 3)):
    case = data.isel(contact_fraction=i, radius=j, thickness=k)
    x, a, d = (float(case[name]) for name in ("contact_fraction", "radius", "thickness"))
    name = f"f = {x:.3g}, a = {1e6 * a:.3g} µm"
    checks[f"R_total, {name}"] = (float(case.R_total_ohm_cm2), spectral(x, a, d, 0.0).real, 1e-3)
    z = case.sel(frequency=1e5, method="nearest")
    computed = abs(complex(z.Z_real_ohm_cm2, z.Z_imag_ohm_cm2))
    checks[f"|Z| at 100 kHz, {name}"] = (computed, abs(spectral(x, a, d, float(z.frequency))), 1e-3)

# %% [markdown]
# ## Where is the measured arc?
#
# The measurement, made from a case between the points of the sweep: 1.3 % of contact, 50 µm, 36 nm. Only its
# $R_\mathrm{int}$ and $C_\mathrm{int}$ are used. In logarithms both are nearly planes over the axes, so that a few
# points and cubic interpolation do.

# %%
hidden = {FRACTION: 0.013, RADIUS: 50e-6, GAP: 36e-9}
measurement = aspot.simulate(base.with_(**hidden))
R, C = measurement.resistances.int_, measurement.arc.C_int_F_per_cm2
print(f"measured: R_int = {R:.1f} ohm cm2, C_int = {1e9 * C:.1f} nF/cm2")

grid = [np.log(data[name].values) for name in ("contact_fraction", "radius", "thickness")]
r_surface, c_surface = (
    RegularGridInterpolator(
        grid, np.log(data[name].transpose("contact_fraction", "radius", "thickness").values), "cubic"
    )
    for name in ("R_int_ohm_cm2", "C_int_F_per_cm2")
)
dense_a, dense_d = (np.linspace(g[0], g[-1], 121) for g in grid[1:])
A, D = np.meshgrid(dense_a, dense_d, indexing="ij")


def crossing(x: float) -> tuple[float, float]:
    """Radius and gap with the measured figures at a contact fraction [m], NaN where the sweep has none."""
    a, d = np.nan, np.nan
    for _ in range(3):  # R_int does not know the gap, C_int hardly the radius
        middle = grid[2].mean() if np.isnan(d) else d
        r = r_surface(np.stack(np.broadcast_arrays(np.log(x), dense_a, middle), -1))
        a = np.interp(np.log(R), r, dense_a, left=np.nan, right=np.nan)
        if np.isnan(a):
            return np.nan, np.nan
        c = c_surface(np.stack(np.broadcast_arrays(np.log(x), a, dense_d), -1))
        d = np.interp(-np.log(C), -c, dense_d, left=np.nan, right=np.nan)
    return float(np.exp(a)), float(np.exp(d))


maps = new_figure(10.2, 4.2)
left, right = maps.subplots(1, 2)
F, B = np.meshgrid(np.linspace(grid[0][0], grid[0][-1], 121), dense_a, indexing="ij")
over = np.exp(r_surface(np.stack([F, B, np.full_like(F, np.log(30e-9))], -1)))
shown = left.contourf(
    100 * np.exp(F), 1e6 * np.exp(B), np.log10(over), levels=np.linspace(-1, 3.25, 18), cmap="viridis", extend="both"
)
lines = left.contour(100 * np.exp(F), 1e6 * np.exp(B), over, levels=[1, 10, 100, 1000], colors="white", linewidths=0.7)
left.clabel(lines, fmt="%g Ω cm²", fontsize=7)
left.contour(100 * np.exp(F), 1e6 * np.exp(B), over, levels=[R], colors="#ff9d5c", linewidths=2.2)
left.plot(100 * hidden[FRACTION], 1e6 * hidden[RADIUS], "*", ms=14, color="white", mec="black")
x, a = (100 * data.contact_fraction, 1e6 * data.radius)
left.plot(*np.meshgrid(x, a), ".", ms=3, color="black")
left.set(xscale="log", yscale="log", xlabel="contact fraction / %", ylabel="radius / µm")
left.set_xticks([0.2, 0.5, 1, 2, 5, 10, 20], ["0.2", "0.5", "1", "2", "5", "10", "20"])
left.set_yticks([5, 10, 20, 50, 100, 200], ["5", "10", "20", "50", "100", "200"])
left.minorticks_off()
left.set_title("$R_\\mathrm{int}$; orange: as measured", fontsize=10)
bar = maps.colorbar(shown, ax=left, ticks=[-1, 0, 1, 2, 3])
bar.set_ticklabels(["0.1", "1", "10", "100", "1000"])
bar.set_label("$R_\\mathrm{int}$ / (Ω cm²)", fontsize=9)

shown_fractions = {0.004: "#8a6bbe", 0.013: "#c23b22", 0.03: "#1f5fa8"}
for x, colour in shown_fractions.items():
    at = np.stack([np.full_like(A, np.log(x)), A, D], -1)
    right.contour(
        1e6 * np.exp(A), 1e9 * np.exp(D), r_surface(at) - np.log(R), levels=[0], colors=colour, linewidths=1.4
    )
    right.contour(
        1e6 * np.exp(A), 1e9 * np.exp(D), c_surface(at) - np.log(C), levels=[0], colors=colour, linewidths=1.4,
        linestyles="--",
    )  # fmt: skip
    a, d = crossing(x)
    right.plot(1e6 * a, 1e9 * d, "o", color=colour, label=f"contact fraction {100 * x:g} %")
right.plot(1e6 * hidden[RADIUS], 1e9 * hidden[GAP], "*", ms=14, color="white", mec="black", label="the cell measured")
right.set(xscale="log", ylim=(15, 70), xlabel="radius / µm", ylabel="height of the gap / nm")
right.set_title("full: measured $R_\\mathrm{int}$, dashed: measured $C_\\mathrm{int}$", fontsize=10)
right.set_xticks([5, 10, 20, 50, 100, 200], ["5", "10", "20", "50", "100", "200"])
right.minorticks_off()
right.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(0.28, 1.0))
right.grid(alpha=0.25, lw=0.5)
maps

# %%
print("contact fraction   radius / um   gap / nm")
for x in (0.003, 0.006, 0.013, 0.03):
    a, d = crossing(x)
    print(f"{100 * x:14.2g} %{1e6 * a:14.1f}{1e9 * d:11.1f}")
a, d = crossing(hidden[FRACTION])
checks["radius at the true contact fraction / µm"] = (1e6 * a, 1e6 * hidden[RADIUS], 1e-2)
checks["gap at the true contact fraction / nm"] = (1e9 * d, 1e9 * hidden[GAP], 1e-2)

# %% [markdown]
# The two lines cross once for every contact fraction: a family of interfaces with the same arc, as in notebook 02. If a
# micrograph tells the contact fraction, radius and gap follow at once, here to a part in a thousand. The same map
# serves every measurement of this electrolyte. The documentation has sweeps from a file, on many processes, and on a
# cluster.

# %% [markdown]
# ## Computed beside exact

# %%
print(f"{'':42s}{'computed':>14s}{'exact':>14s}{'error':>10s}")
for name, (computed, reference, allowed) in checks.items():
    print(f"{name:42s}{computed:14.6g}{reference:14.6g}{computed / reference - 1:+10.0e}")
    assert abs(computed / reference - 1) <= allowed, name
folder.cleanup()
