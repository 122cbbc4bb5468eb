"""The folder that `aspot compare` writes: residuals, arcs and pictures of a case against a measured spectrum."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from aspot import plot
from aspot.analysis.comparison import SpectrumComparison
from aspot.analysis.drt import Peak
from aspot.drt_plot import distributions
from aspot.folder import json_text, write_folder
from aspot.measured import Measurement
from aspot.result import Result
from aspot.spectrum import Spectrum

#: Files that a comparison writes.
FILES = (
    "comparison.json",
    "residuals.csv",
    "measured.csv",
    "spectrum.csv",
    "case.toml",
    "nyquist.png",
    "bode.png",
    "residuals.png",
    "arcs.png",
)


#: Excluded points beyond this many times the largest |Z| are not drawn: they would shrink all others to a dot.
_ROOM = 1.5


def write(result: Result, found: SpectrumComparison, sweep: Measurement, directory: str | Path) -> tuple[Path, ...]:
    """Write a comparison to a folder, atomically (see `folder.write_folder`).

    Raises
    ------
    InputError
        If the folder cannot be written.
    AspotError
        If writing fails.
    """
    from aspot.casefile import dumps

    title = f"{result.cell.name or 'computed'} against {sweep.label or Path(sweep.source).name}"
    others = {"measured": found.measured}
    left_out = _left_out(sweep, found.measured)
    drawn = others | ({} if left_out is None else {"left out": left_out})
    f, r = found.measured.frequency_Hz, found.residual
    writers = {
        "comparison.json": lambda p: p.write_text(json_text(summary(result, found)), encoding="utf-8"),
        "residuals.csv": lambda p: p.write_text(_table(found), encoding="utf-8"),
        "measured.csv": found.measured.to_csv,
        "spectrum.csv": found.computed.to_csv,
        "case.toml": lambda p: p.write_text(dumps(result.cell), encoding="utf-8"),
        "nyquist.png": lambda p: plot.save(plot.nyquist(found.computed, others=drawn, title=title), p),
        "bode.png": lambda p: plot.save(plot.bode(found.computed, others=drawn, title=title), p),
        "residuals.png": lambda p: plot.save(plot.residuals(f, r, title=title), p),
    }
    if found.arcs:
        writers["arcs.png"] = lambda p: plot.save(distributions({"computed": found.computed, **others}, title=title), p)
    return write_folder(directory, writers, FILES)


def summary(result: Result, found: SpectrumComparison) -> dict[str, Any]:
    """Contents of `comparison.json`; resistances in ohm cm2, residuals as shares of the measured modulus."""
    worst, where = found.largest
    return {
        "name": result.cell.name,
        "measured": dict(found.measured.provenance),
        "measured_temperature_K": found.measured.temperature_K,
        "temperature_K": result.cell.temperature,
        "points": len(found.measured),
        "relative_residual_rms": found.rms,
        "relative_residual_largest": worst,
        "relative_residual_largest_at_Hz": where,
        "decades": [dataclasses.asdict(d) for d in found.decades],
        "arcs": [
            {
                "verdict": pair.verdict,
                "parts": pair.parts,
                "measured": _peak(pair.measured),
                "computed": _peak(pair.computed),
            }
            for pair in found.arcs
        ],
        "R_total_ohm_cm2": result.resistances.total,
        "R_int_ohm_cm2": result.resistances.int_,
        "relative_error_estimate": result.relative_error_estimate,
        "versions": result.versions,
        "digest": result.spectrum.provenance.get("case"),
        "case": result.cell.resolved(),
    }


def _left_out(sweep: Measurement, kept: Spectrum) -> Spectrum | None:
    """Excluded points that a picture of the others has room for, so that nobody forgets them."""
    area = kept.provenance.get("area_cm2") or 1.0
    z = sweep.impedance_ohm * area
    near = ~sweep.is_kept & np.isfinite(z) & (np.abs(z) < _ROOM * np.abs(kept.impedance_ohm_cm2).max())
    f, first = np.unique(sweep.frequency_Hz[near], return_index=True)
    if not f.size:
        return None
    return Spectrum(frequency_Hz=f, impedance_ohm_cm2=z[near][first], temperature_K=kept.temperature_K)


def _peak(peak: Peak | None) -> dict[str, float] | None:
    if peak is None:
        return None
    return {
        "apex_frequency_Hz": peak.apex_frequency_Hz,
        "resistance_ohm_cm2": peak.resistance_ohm_cm2,
        "capacitance_F_per_cm2": peak.capacitance_F_per_cm2,
    }


def _table(found: SpectrumComparison) -> str:
    lines = [
        "frequency_Hz,Z_real_measured_ohm_cm2,Z_imag_measured_ohm_cm2,Z_real_computed_ohm_cm2,"
        "Z_imag_computed_ohm_cm2,residual_real,residual_imag"
    ]
    z, w, r = found.measured.impedance_ohm_cm2, found.computed.impedance_ohm_cm2, found.residual
    columns = np.column_stack([found.measured.frequency_Hz, z.real, z.imag, w.real, w.imag, r.real, r.imag])
    lines += [",".join(repr(v) for v in row) for row in columns.tolist()]
    return "\n".join(lines) + "\n"
