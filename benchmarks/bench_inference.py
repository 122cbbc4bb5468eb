"""Truth recovered from noisy spectra: coverage of the intervals, and a fit against one simulation.

    python benchmarks/bench_inference.py [--trials 100] [--starts 4]

A spot cell; its spectrum at 60 frequencies from 7 MHz to 1 Hz with noise of 0.5 % of |Z| on real and imaginary part; a
fit of contact fraction, charge-transfer resistance, double-layer capacitance and gap, begun a factor of 2 to 5 off. How
often is the truth inside the 95 % intervals: each, all four at once, and all four in the simultaneous intervals? Then
a cell whose radius is free too, which no spectrum can tell: how often does the fit say so? And the time of a fit with
profiles over that of one simulation of the same cell, of four parameters with one of geometry, and of laws alone.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

import common
import numpy as np

from aspot.cell import Cell
from aspot.inference import FitResult, fit
from aspot.simulation import simulate
from aspot.spectrum import Spectrum

NOISE = 0.005
W = "working_electrode."
TRUTH = {
    W + "morphology.contact_fraction": 0.05,
    W + "contact.charge_transfer_resistance": 0.5e-4,
    W + "contact.double_layer_capacitance": 0.1,
    W + "gap.thickness": 100e-9,
}
START = dict(zip(TRUTH, (0.02, 2e-4, 0.02, 30e-9), strict=True))
LAWS = {name: START[name] for name in list(TRUTH)[1:]} | {"electrolyte.conductivity": 0.3}
CELL = Cell(
    electrolyte={"thickness": "1 mm", "conductivity": "5.5 mS/cm", "permittivity": 30},
    working_electrode={
        "morphology": {"kind": "spots", "arrangement": "single", "radius": "10 um", "contact_fraction": 0.05},
        "contact": {"charge_transfer_resistance": "0.5 ohm cm^2", "double_layer_capacitance": "10 uF/cm^2"},
        "gap": {"thickness": "100 nm"},
    },
    frequencies={"values": [float(f) for f in np.geomspace(7e6, 1.0, 60)]},
)


def noisy(spectrum: Spectrum, seed: int) -> Spectrum:
    random, z = np.random.default_rng(seed), spectrum.impedance_ohm_cm2
    noise = random.standard_normal(len(z)) + 1j * random.standard_normal(len(z))
    return replace(spectrum, impedance_ohm_cm2=z + NOISE * np.abs(z) * noise)


def inside(found: FitResult) -> np.ndarray:
    """Per parameter: in its profile interval, in that of the linearised model, in the simultaneous one."""
    linear = found.estimate.confidence_intervals(found.confidence)
    joint = found.estimate.confidence_intervals(found.confidence, simultaneous=True)
    kinds = zip((found.interval(path) for path in TRUTH), linear, joint, strict=False)
    return np.array(
        [[low <= true <= high for low, high in one] for true, one in zip(TRUTH.values(), kinds, strict=True)]
    )


def coverage(truth: Spectrum, trials: int, starts: int) -> dict[str, Any]:
    start, hits, told, seconds, points = CELL.with_(**START), [], 0, [], []
    for seed in range(trials):
        time, found = common.timed(lambda s=seed: fit(start, noisy(truth, s), list(TRUTH), starts=starts))
        hits.append(inside(found))
        told += not all(found.is_determined(path) for path in TRUTH)
        seconds.append(time)
        points.append(found.simulations)
    share = np.array(hits)
    names = [path.split(".")[-1] for path in TRUTH]
    print(f"{trials} trials; truth inside the 95 % intervals of the profiles:")
    for name, count in zip(names, share[:, :, 0].sum(0), strict=True):
        print(f"  {name:30s} {count} of {trials}")
    together = {
        kind: int(share[:, :, k].all(1).sum()) for k, kind in enumerate(("profile", "linearised", "simultaneous"))
    }
    print(f"  all four at once: {together['profile']}; in the simultaneous intervals: {together['simultaneous']}")
    print(
        f"  not determined, and said so: {told}; median {np.median(seconds):.2f} s, {np.median(points):.0f} simulations"
    )
    return {
        "trials": trials,
        "inside": dict(zip(names, share[:, :, 0].sum(0).tolist(), strict=True)),
        "inside_linearised": dict(zip(names, share[:, :, 1].sum(0).tolist(), strict=True)),
        "all_at_once": together,
        "said_undetermined": told,
        "seconds_median": float(np.median(seconds)),
    }


def degenerate(truth: Spectrum, trials: int) -> dict[str, Any]:
    """The radius free as well: fraction, resistance, capacitance and radius are one combination too many."""
    start = CELL.with_(**START)
    radius = W + "morphology.radius"
    said = held = 0
    for seed in range(trials):
        found = fit(start, noisy(truth, seed), [*TRUTH, radius], starts=1)
        said += any(radius in d.exponents for d in found.estimate.undetermined)
        held += all(low <= v <= high for v, (low, high) in zip(TRUTH.values(), found.intervals.values(), strict=False))
    print(f"radius free too, {trials} trials: named as not determined in {said}; truth in all intervals in {held}")
    return {"trials": trials, "said": said, "truth_inside": held}


def times(truth: Spectrum, starts: int) -> dict[str, Any]:
    out: dict[str, Any] = {}
    start, data = CELL.with_(**START), noisy(truth, 0)
    laws = CELL.with_(**LAWS)
    jobs = {
        "simulation": lambda: simulate(start),
        "fit, 4 parameters": lambda: fit(start, data, list(TRUTH), starts=starts),
        "fit, 4 parameters of laws": lambda: fit(laws, data, list(LAWS), starts=starts),
    }
    rounds: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(3):
        for name, job in jobs.items():
            rounds[name].append(common.timed(job)[0])
    for name, seconds in rounds.items():
        out[name] = float(np.median(seconds))
        print(f"{name:28s} {out[name]:7.2f} s   {out[name] / out['simulation']:6.1f} simulations")
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--starts", type=int, default=4)
    given = parser.parse_args()
    common.say_machine()
    truth = simulate(CELL.with_(**{"numerics.relative_tolerance": 1e-5})).spectrum
    results = {"times": times(truth, given.starts)}
    results["coverage"] = coverage(truth, given.trials, given.starts)
    results["radius free"] = degenerate(truth, max(given.trials // 10, 1))
    common.write("inference", results)


if __name__ == "__main__":
    main()
