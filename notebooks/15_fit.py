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
# # Fitting a measured spectrum
#
# From the file of an instrument to what the interface looks like, in the order that saves disappointment: read it, ask
# whether it can be an impedance at all, look at its relaxation times, fit a circuit, and only then the field model,
# which says how large and how far apart the contacts are. And what the spectrum cannot say.
#
# The "measurement" is made here, so that the answer is known: round contacts on 5 % of the area, a gap of 40 nm, and
# what instruments add: noise of 0.1 % of $|Z|$, the inductance of the leads, and one point that went wrong.

# %%
# %matplotlib inline
import tempfile
from pathlib import Path

import numpy as np

import aspot
from aspot.analysis.circuit_fit import compare_circuits
from aspot.analysis.drt import DrtSettings
from aspot.analysis.kramers_kronig import check_kramers_kronig
from aspot.analysis.relaxation import relaxation_times
from aspot.drt_plot import distributions, kramers_kronig
from aspot.fit_plot import profile_picture
from aspot.inference import fit
from aspot.plot import engineering, nyquist

checks = {}  # name: (computed, exact, relative error allowed)

area = 0.785  # of the electrode [cm2]
true = aspot.Cell(
    name="the cell behind the measurement",
    electrolyte={"thickness": "0.8 mm", "conductivity": "2 mS/cm", "permittivity": 30},
    working_electrode={
        "morphology": {"kind": "spots", "arrangement": "single", "radius": "40 um", "contact_fraction": 0.05},
        "gap": {"thickness": "40 nm"},
    },
    frequencies={"start": "10 MHz", "stop": "100 Hz", "per_decade": 8},
    numerics={"relative_tolerance": 1e-4},
)
behind = aspot.simulate(true)
f, z = behind.spectrum.frequency_Hz, behind.spectrum.impedance_ohm_cm2
lead_inductance = 0.3e-6  # [H]
chance = np.random.default_rng(3)
noise = 1e-3 * np.abs(z) * (chance.normal(size=f.size) + 1j * chance.normal(size=f.size)) / area
ohms = z / area + 2j * np.pi * f * lead_inductance + noise
bad = int(np.argmin(np.abs(f - 2e3)))
ohms[bad] *= 1.12

folder = tempfile.TemporaryDirectory()  # gone with the notebook
file = Path(folder.name) / "pellet.csv"
rows = [f"{a:.6e};{b.real:.6e};{-b.imag:.6e}" for a, b in zip(f, ohms, strict=True)]
file.write_text("\n".join(["Frequency (Hz);Z' (Ohm);-Z'' (Ohm)", *rows]).replace(".", ","), encoding="utf-8")
print(*file.read_text(encoding="utf-8").splitlines()[:3], sep="\n")

# %% [markdown]
# ## Read
#
# Formats of instruments and plain tables alike, decimal commas included. Nothing is deleted: a point that is not used
# carries the reason. The inductive points go at once; they are the leads'.

# %%
(sweep,) = aspot.measured.read(file)
print(sweep)
sweep = sweep.excluding_inductive()
for frequency, reason in zip(sweep.frequency_Hz, sweep.excluded, strict=True):
    if reason:
        print(f"{engineering(frequency, 'Hz'):>9s}: {reason}")
spectrum = sweep.spectrum(area_cm2=area, temperature_K=298.15)

# %% [markdown]
# ## Can it be an impedance?
#
# The Kramers-Kronig test: what a linear cell at rest answers at one frequency follows from all others. It finds the bad
# point, and no drift.

# %%
tested = check_kramers_kronig(spectrum)
print(tested.statement)
test = kramers_kronig(tested, title="as measured")
test

# %%
out = tested.is_outlier
print("left out:", ", ".join(engineering(x, "Hz") for x in spectrum.frequency_Hz[out]))
assert out.sum() == 1 and np.isclose(spectrum.frequency_Hz[out][0], f[bad])
sweep = sweep.excluding(np.isin(sweep.frequency_Hz, spectrum.frequency_Hz[out]), "against Kramers-Kronig")
spectrum = sweep.spectrum(area_cm2=area, temperature_K=298.15)
again = check_kramers_kronig(spectrum)
print(again.statement)
assert again.passes

# %% [markdown]
# ## How many processes?
#
# The distribution of relaxation times shows one peak. Beside it the times of the field model behind the data, which
# need no regularisation: the constriction is not one time, but close to it.

# %%
times = distributions(
    {"measured": spectrum}, settings=DrtSettings(regularisation="gcv"), exact=relaxation_times(behind)
)
times

# %% [markdown]
# ## A circuit
#
# Circuits give $R_\mathrm{int}$ and $C_\mathrm{int}$, whatever the interface looks like. The inductance of the leads is
# an element like others. Which circuit? The one of the lowest BIC.

# %%
circuits = compare_circuits(
    spectrum, ["L-R_SE-(R_int|C_int)", "L-R_SE-(R_int|Q_int)", "L-R_SE-(R_a|Q_a)-(R_int|Q_int)"], noise=1e-3
)
for one in circuits:
    print(one, end="\n\n")
checks["R_int by the circuit / ohm cm2"] = (circuits[0]["R_int"], behind.resistances.int_, 1e-2)

# %% [markdown]
# ## The field model
#
# Free: radius of the contacts, height of the gap, conductivity, and the inductance of the leads; the contact fraction
# is known, say from a micrograph. The search uses exact derivatives on solved fields and ends with a simulation at the
# answer.

# %%
RADIUS, GAP, SIGMA = (
    "working_electrode.morphology.radius",
    "working_electrode.gap.thickness",
    "electrolyte.conductivity",
)
FRACTION, LEADS = "working_electrode.morphology.contact_fraction", "instrument.inductance"
begin = true.with_(**{RADIUS: "10 um", GAP: "100 nm", SIGMA: "3 mS/cm", "numerics.relative_tolerance": 1e-3})
known_fraction = fit(begin, spectrum, [RADIUS, GAP, SIGMA, LEADS], noise=1e-3, starts=2)
answer = {RADIUS: 40e-6, GAP: 40e-9, SIGMA: 0.2, LEADS: lead_inductance * area * 1e-4}
print(f"{'':42s}{'found':>12s}{'95 % interval':>27s}{'true':>12s}")
for one in known_fraction.free:
    low, high = known_fraction.interval(one.path)
    within = f"{one.shown(low)} to {one.shown(high)}"
    print(f"{one.path:42s}{one.shown(known_fraction[one.path]):>12s}{within:>27s}{one.shown(answer[one.path]):>12s}")
    # Five standard errors.
    allowed = 5 * 0.5 * (high - low) / 1.96 / answer[one.path]
    if one.path != LEADS:
        checks[f"{one.path.rsplit('.', 1)[1]} / SI"] = (known_fraction[one.path], answer[one.path], min(allowed, 1e-2))
print(*(known_fraction.statement() or ["Nothing to complain of."]), sep="\n")

drawn = nyquist(known_fraction.spectrum, others={"measured": spectrum}, label="field model, fitted")
drawn

# %% [markdown]
# ## What the spectrum cannot tell
#
# Without the micrograph the contact fraction is free, too. The fit is as good; the answer is not one cell but a family:
# few large contacts or many small ones. The profile likelihood shows it: how much worse the best fit becomes when one
# parameter is held and all others may follow. Where the curve stays low to the end of the picture, the spectrum does
# not care. Conductivity and leads stay as they are; the gap moves by a quarter.

# %%
unknown = fit(
    begin, spectrum, {RADIUS: None, FRACTION: (0.01, 0.2), GAP: None, SIGMA: None, LEADS: None}, noise=1e-3, starts=1
)
print(*unknown.statement(), sep="\n\n")
assert not unknown.is_determined(FRACTION) and unknown.is_determined(SIGMA)
profiles = profile_picture(unknown)
profiles

# %% [markdown]
# What would decide: a micrograph (radius and spacing), the activation energy of $R_\mathrm{int}$ if an interphase or
# charge transfer is in question, and the pressure.

# %%
print(f"{'':42s}{'computed':>14s}{'exact':>14s}{'error':>10s}")
for name, (computed, reference, allowed) in checks.items():
    print(f"{name:42s}{computed:14.6g}{reference:14.6g}{computed / reference - 1:+10.0e}")
    assert abs(computed / reference - 1) <= allowed, name
folder.cleanup()
