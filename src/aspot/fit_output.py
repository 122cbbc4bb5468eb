"""The folder that `aspot fit` writes: parameters with intervals, the best case, its spectrum, pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from aspot import plot
from aspot.fit_plot import correlation_picture, profile_picture
from aspot.folder import Writer, json_text, write_folder
from aspot.inference import FitResult
from aspot.inference.free import Free
from aspot.inference.statements import label

#: Files that a fit writes.
FILES = (
    "fit.json",
    "case.toml",
    "spectrum.csv",
    "measured.csv",
    "nyquist.png",
    "bode.png",
    "residuals.png",
    "correlation.png",
    "profiles.png",
)


def write(fit: FitResult, directory: str | Path) -> tuple[Path, ...]:
    """Write a fit to a folder, atomically (see `folder.write_folder`).

    Raises
    ------
    InputError
        If the folder cannot be written.
    AspotError
        If writing fails.
    """
    from aspot.casefile import dumps

    title = fit.cell.name
    others = {"measured": fit.measured}
    f, r = fit.measured.frequency_Hz, -fit.residuals
    writers: dict[str, Writer] = {
        "fit.json": lambda p: p.write_text(json_text(summary(fit)), encoding="utf-8"),
        "case.toml": lambda p: p.write_text(dumps(fit.cell), encoding="utf-8"),
        "spectrum.csv": fit.spectrum.to_csv,
        "measured.csv": fit.measured.to_csv,
        "nyquist.png": lambda p: plot.save(plot.nyquist(fit.spectrum, others=others, title=title, label="fit"), p),
        "bode.png": lambda p: plot.save(plot.bode(fit.spectrum, others=others, title=title, label="fit"), p),
        "residuals.png": lambda p: plot.save(plot.residuals(f, r, title=title), p),
    }
    if len(fit.free) > 1:
        writers["correlation.png"] = lambda p: plot.save(correlation_picture(fit, title=title), p)
    if fit.profiles:
        writers["profiles.png"] = lambda p: plot.save(profile_picture(fit, title=title), p)
    return write_folder(directory, writers, FILES)


def summary(fit: FitResult) -> dict[str, Any]:
    """Contents of `fit.json`; parameters in the units that stand beside them, resistances in ohm cm2."""
    found = fit.estimate
    return {
        "name": fit.cell.name,
        "parameters": {one.path: _parameter(fit, k, one) for k, one in enumerate(fit.free)},
        "confidence": fit.confidence,
        "statement": fit.statement(),
        "correlation": {"parameters": found.names, "matrix": found.correlation},
        "covariance_of_scaled_variables": found.covariance,
        "directions": [
            {
                "exponents": d.exponents,
                "standard_deviation": d.standard_deviation,
                "is_determined": d.is_determined,
                "combination": d.determined,
            }
            for d in found.directions
        ],
        "residuals": {
            "weighting": fit.weighting,
            "noise_estimate": found.noise_estimate,
            "noise_stated": found.noise,
            "chi_squared": found.chi_squared,
            "reduced_chi_squared": found.reduced_chi_squared,
            "degrees_of_freedom": found.degrees_of_freedom,
            "neighbours_correlation": found.residual_correlation,
            "is_systematic": found.is_systematic,
            "largest_relative": float(np.max(np.abs(fit.residuals))),
            "aic": found.aic,
            "bic": found.bic,
        },
        "search": {
            "seed": fit.seed,
            "starts": [
                {"values_SI": s.values, "chi_squared": s.chi_squared, "converged": s.is_converged, "reason": s.reason}
                for s in found.starts
            ],
            "agreeing_starts": found.agreeing_starts,
            "evaluations": found.n_evaluations,
            "simulations": fit.simulations,
            "difference_from_simulation": fit.model_difference,
            "seconds": fit.seconds,
        },
        "profiles": {path: _profile(fit, path) for path in fit.profiles},
        **fit.result.resistances.to_dict(),
        "relative_error_estimate": fit.result.relative_error_estimate,
        "temperature_K": fit.result.cell.temperature,
        "measured_temperature_K": fit.measured.temperature_K,
        "points": len(fit.measured),
        "measured": dict(fit.measured.provenance),
        "versions": fit.result.versions,
        "case": fit.cell.resolved(),
        "started_from": fit.started_from.resolved(),
    }


def _parameter(fit: FitResult, k: int, one: Free) -> dict[str, Any]:
    unit, factor = one.unit
    found, p = fit.estimate, one.parameter
    linear = found.confidence_intervals(fit.confidence)[k]
    joint = found.confidence_intervals(fit.confidence, simultaneous=True)[k]
    profile = fit.profiles.get(one.path)
    low, high = fit.interval(one.path)
    return {
        "label": label(one.path),
        "unit": unit,
        "value": found.values[k] * factor,
        "interval": [low * factor, high * factor],
        "interval_by": "linearised model" if profile is None else "profile likelihood",
        "is_bounded": fit.bounded(one.path),
        "standard_error": found.standard_errors[k] * factor,
        "interval_linearised": [v * factor for v in linear],
        "interval_simultaneous": [v * factor for v in joint],
        "bounds": [p.lower * factor, p.upper * factor],
        "at_bound": found.at_bound.get(one.path),
        "scale": p.scale,
        "start": p.value * factor,
        "value_SI": found.values[k],
        "interval_SI": [low, high],
    }


def _profile(fit: FitResult, path: str) -> dict[str, Any]:
    profile = fit.profiles[path]
    return {
        "level": profile.level,
        "threshold": profile.threshold,
        "values_SI": profile.values,
        "excess": profile.excess,
        "all_parameters_SI": profile.others,
    }
