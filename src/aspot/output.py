"""The folder that `aspot run` writes: spectrum, summary, case, pictures and field, each there whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aspot import plot
from aspot.analysis.focusing import PERCENTILES, CurrentMap, current_map
from aspot.errors import ConvergenceError
from aspot.field import write_vtu
from aspot.field_plot import field_picture
from aspot.focusing_plot import focusing_picture
from aspot.folder import Writer, json_text, strict, write_folder
from aspot.laws import BrickLayer, PolycrystalMedium
from aspot.result import Result

#: Files that a run writes.
FILES = (
    "spectrum.csv",
    "spectrum.json",
    "summary.json",
    "case.toml",
    "nyquist.png",
    "bode.png",
    "field.png",
    "field.vtu",
)

#: Further files where the interface was solved on pixels: current density over its mean, as a picture and as an array.
PIXEL_FILES = ("focusing.png", "focusing.npy")

#: Every name that a run may write.
OWNED = (*FILES, *PIXEL_FILES)

#: A circuit fit of one arc has four free numbers; fewer frequencies than this say nothing.
_FEWEST_POINTS_FOR_A_FIT = 8


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A published figure beside the computed one.

    Parameters
    ----------
    name : str
        Quantity, as in the `[published]` table of the case.
    unit : str
        "ohm cm2", "F/cm2", "Hz" or "".
    published : float or None
    computed : float or None
        By aspot's definition of the quantity; None if it has none.
    circuit_fit : float or None
        What a circuit fit R - (RQ) - (RQ) of the computed spectrum gives: how published figures were found.
    """

    name: str
    unit: str
    published: float | None
    computed: float | None
    circuit_fit: float | None


# Comparison with published figures ----------------------------------------------------------------------------------

#: Figures that a case may publish: unit shown, and its factor from SI.
_PUBLISHED = {
    "R_total": ("ohm cm2", 1e4),
    "R_int": ("ohm cm2", 1e4),
    "C_int": ("F/cm2", 1e-4),
    "apex_frequency": ("Hz", 1.0),
    "grain_boundary_resistance": ("ohm cm2", 1e4),
    "grain_boundary_capacitance": ("F/cm2", 1e-4),
    "grain_boundary_apex_frequency": ("Hz", 1.0),
}


def published(result: Result) -> tuple[str, tuple[Comparison, ...]]:
    """Source of the case's published figures, and them beside the computed ones; nothing without such figures."""
    if result.cell.published is None:
        return "", ()
    given = result.cell.published.model_dump()
    own, fitted = _computed(result), _circuit_fit(result)
    rows = []
    for name, (unit, factor) in _PUBLISHED.items():
        value = given.get(name)
        if value is None and name not in own:
            continue
        rows.append(
            Comparison(
                name=name,
                unit=unit,
                published=None if value is None else factor * value,
                computed=own.get(name),
                circuit_fit=fitted.get(name),
            )
        )
    return str(given["source"]), tuple(rows)


def _computed(result: Result) -> dict[str, float]:
    """The figures that `_PUBLISHED` names, by their definitions, in the units shown."""
    r, arc = result.resistances, result.arc
    out = {"R_total": r.total, "R_int": r.int_}
    if arc is not None:
        out |= {"C_int": arc.C_int_F_per_cm2, "apex_frequency": arc.apex_frequency_Hz}
    boundaries, resistance = result.cell.electrolyte.grain_boundaries, _grain_boundaries(r.split)
    if boundaries is not None and resistance:
        out["grain_boundary_resistance"] = resistance
        law = result.cell.electrolyte.law()
        if boundaries.capacitance > 0 and isinstance(law, BrickLayer):
            # All boundaries are alike and in series: their arc has the time constant of one.
            conductance = float(np.real(law.boundary(np.zeros(1), result.cell.temperature)[0]))
            apex = conductance / (2.0 * np.pi * boundaries.capacitance)
            out["grain_boundary_apex_frequency"] = apex
            out["grain_boundary_capacitance"] = 1.0 / (2.0 * np.pi * apex * resistance)
    return out


def _grain_boundaries(split: Mapping[str, float]) -> float | None:
    return next((r for name, r in split.items() if "boundar" in name), None)


def _circuit_fit(result: Result) -> dict[str, float]:
    """Resistances, capacitances and apexes of the arcs of the computed spectrum, named as in `published`."""
    from aspot.analysis.arcs import fit_arcs

    names = (["grain_boundary"] if _grain_boundaries(result.resistances.split) else []) + (
        ["interface"] if result.arc else []
    )
    # Who sees the flank of the bulk's arc gives it an element of its own, or it goes into the next arc.
    if names and _shows_bulk_arc(result):
        names.insert(0, "bulk")
    if not names or len(result.spectrum) < _FEWEST_POINTS_FOR_A_FIT:
        return {}
    try:
        fit = fit_arcs(result.spectrum, len(names))
    except ConvergenceError:
        return {}
    out = {}
    for name, arc in zip(names, fit.arcs, strict=True):
        if name == "bulk":
            continue
        is_interface = name == "interface"
        out["R_int" if is_interface else f"{name}_resistance"] = arc.resistance_ohm_cm2
        out["C_int" if is_interface else f"{name}_capacitance"] = arc.capacitance_F_per_cm2
        out["apex_frequency" if is_interface else f"{name}_apex_frequency"] = arc.apex_frequency_Hz
    return out


def _shows_bulk_arc(result: Result) -> bool:
    """Whether the bulk's own displacement current shows within the frequencies: arctan(omega eps/sigma) above 1 deg."""
    law = result.cell.electrolyte.law()
    bulk = law.bulk if isinstance(law, BrickLayer | PolycrystalMedium) else law
    kappa = complex(bulk(2.0 * np.pi * result.spectrum.frequency_Hz[:1], result.cell.temperature)[0])
    return bool(kappa.imag > np.tan(np.radians(1.0)) * kappa.real)


# The summary --------------------------------------------------------------------------------------------------------


#: Source of published figures, and these beside computed ones.
Comparisons = tuple[str, tuple[Comparison, ...]]


def summary(result: Result, comparisons: Comparisons | None = None, direct: CurrentMap | None = None) -> dict[str, Any]:
    """Contents of `summary.json`; `comparisons` as `published` gives them, and the map of direct current, if known."""
    r, arc = result.resistances, result.arc
    source, rows = published(result) if comparisons is None else comparisons
    document: dict[str, Any] = {
        "name": result.cell.name,
        **r.to_dict(),
        "R_total_interval_ohm_cm2": r.total_interval,
        "relative_error_estimate": result.relative_error_estimate,
        "C_int_F_per_cm2": arc.C_int_F_per_cm2 if arc else None,
        "R_arc_ohm_cm2": arc.resistance_ohm_cm2 if arc else None,
        "C_arc_F_per_cm2": arc.capacitance_F_per_cm2 if arc else None,
        "apex_frequency_Hz": arc.apex_frequency_Hz if arc else None,
        "contact_fraction": result.contact_fraction,
        "backend": result.backend,
        "degrees_of_freedom": result.degrees_of_freedom,
        "full_solves": result.full_solves,
        "solver": result.solver,
        "seconds": result.seconds,
        "temperature_K": result.spectrum.temperature_K,
        "truncation": {"depth_m": result.truncation_depth_m, "relative_error": result.truncation_relative_error},
        "versions": result.versions,
        "digest": result.spectrum.provenance.get("case"),
        "case": result.cell.resolved(),
    }
    if direct is not None:
        document["current_focusing"] = _focusing(direct)
    if rows:
        document["published"] = {
            "source": source,
            "quantities": {
                row.name: {
                    "unit": row.unit,
                    "published": row.published,
                    "computed": row.computed,
                    "circuit_fit": row.circuit_fit,
                }
                for row in rows
            },
        }
    return {name: strict(value) for name, value in document.items()}


#: Contacts named in the summary.
_HOT_SPOTS = 10


def _focusing(m: CurrentMap) -> dict[str, Any]:
    """How unevenly direct current enters the electrolyte; lengths in metres, densities over their mean."""
    return {
        "percentiles": {f"{p:g}": v for p, v in zip(PERCENTILES, m.percentiles(), strict=True)},
        "largest_pixel": m.largest,
        "pixel_m": list(m.pixel_m),
        "contacts": m.n_spots,
        "hot_spots": [
            {"x_m": s.x_m, "y_m": s.y_m, "area_m2": s.area_m2, "current_share": s.current_share, "focusing": s.focusing}
            for s in m.hot_spots(_HOT_SPOTS)
        ],
    }


def _current_maps(result: Result) -> list[CurrentMap]:
    """Maps of direct current and at the apex of the interface arc, of an interface that was solved on pixels."""
    if result.backend != "planar" or result.cell.working_electrode.is_planar:
        return []
    apex = [result.arc.apex_frequency_Hz] if result.arc else []
    return [current_map(result, f) for f in (0.0, *apex)]


# The folder ---------------------------------------------------------------------------------------------------------


def write(result: Result, directory: str | Path, comparisons: Comparisons | None = None) -> tuple[Path, ...]:
    """Write spectrum, summary, resolved case, pictures and field to a folder, atomically (see `folder.write_folder`).

    Files of other names are kept; pictures, fields and maps of an earlier run are removed if this one has none.

    Parameters
    ----------
    result : Result
    directory : str or Path
    comparisons : optional
        What `published` gives, if it is known already.

    Returns
    -------
    tuple of Path
        The files written.

    Raises
    ------
    InputError
        If the folder cannot be written.
    AspotError
        If writing fails (a full disk, for example).
    """
    return write_folder(directory, _writers(result, comparisons), OWNED)


def _writers(result: Result, comparisons: Comparisons | None) -> dict[str, Writer]:
    """What writes each file."""
    from aspot.casefile import dumps

    title = result.cell.name
    maps = _current_maps(result)
    apex = result.arc.apex_frequency_Hz if result.arc else None
    spectrum = result.spectrum
    writers: dict[str, Writer] = {
        "spectrum.csv": spectrum.to_csv,
        "spectrum.json": spectrum.to_json,
        "summary.json": lambda p: p.write_text(
            json_text(summary(result, comparisons, maps[0] if maps else None)), encoding="utf-8"
        ),
        "case.toml": lambda p: p.write_text(dumps(result.cell), encoding="utf-8"),
        "nyquist.png": lambda p: plot.save(plot.nyquist(spectrum, apex_frequency_Hz=apex, title=title), p),
        "bode.png": lambda p: plot.save(plot.bode(spectrum, apex_frequency_Hz=apex, title=title), p),
    }
    if result.fields:
        writers["field.vtu"] = lambda p: write_vtu(p, result.fields)
        if all(f.cut is not None for f in result.fields):
            writers["field.png"] = lambda p: plot.save(field_picture(result.fields, title=title), p)
    if maps:
        writers["focusing.png"] = lambda p: plot.save(focusing_picture(maps, title=title), p)
        writers["focusing.npy"] = lambda p: np.save(p, maps[0].focusing.astype(np.float32))
    return writers
