"""The folder that `aspot run` writes: spectrum, summary, case, pictures and field, each there whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aspot import plot
from aspot.analysis.focusing import PERCENTILES, CurrentMap, current_map
from aspot.errors import AspotError, ConvergenceError, InputError
from aspot.field import write_vtu
from aspot.field_plot import field_picture
from aspot.focusing_plot import focusing_picture
from aspot.laws import BrickLayer
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
    if not names or len(result.spectrum) < _FEWEST_POINTS_FOR_A_FIT:
        return {}
    try:
        fit = fit_arcs(result.spectrum, len(names))
    except ConvergenceError:
        return {}
    out = {}
    for name, arc in zip(names, fit.arcs, strict=True):
        is_interface = name == "interface"
        out["R_int" if is_interface else f"{name}_resistance"] = arc.resistance_ohm_cm2
        out["C_int" if is_interface else f"{name}_capacitance"] = arc.capacitance_F_per_cm2
        out["apex_frequency" if is_interface else f"{name}_apex_frequency"] = arc.apex_frequency_Hz
    return out


# The summary --------------------------------------------------------------------------------------------------------


def strict(value: Any) -> Any:
    """The same value of what strict JSON can hold: NaN and infinity become None, arrays lists, complex [re, im].

    Raises
    ------
    TypeError
        If the value is of another kind.
    """
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, np.generic):
        return strict(value.item())
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if isinstance(value, complex):
        return [strict(value.real), strict(value.imag)]
    if isinstance(value, Mapping):
        return {str(k): strict(v) for k, v in value.items()}
    if isinstance(value, np.ndarray):
        return strict(value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [strict(v) for v in value]
    raise TypeError(f"cannot be written as JSON: {type(value).__name__}")


#: Source of published figures, and these beside computed ones.
Comparisons = tuple[str, tuple[Comparison, ...]]


def summary(result: Result, comparisons: Comparisons | None = None, direct: CurrentMap | None = None) -> dict[str, Any]:
    """Contents of `summary.json`; `comparisons` as `published` gives them, and the map of direct current, if known."""
    r, arc = result.resistances, result.arc
    source, rows = published(result) if comparisons is None else comparisons
    document: dict[str, Any] = {
        "name": result.cell.name,
        "R_total_ohm_cm2": r.total,
        "R_SE_ohm_cm2": r.SE,
        "R_int_ohm_cm2": r.int_,
        "R_cc_ohm_cm2": r.cc,
        "R_ct_ohm_cm2": r.ct,
        "R_static_ohm_cm2": r.static,
        "R_parts_ohm_cm2": r.parts,
        "R_SE_split_ohm_cm2": r.split,
        "R_total_interval_ohm_cm2": r.total_interval,
        "relative_error_estimate": result.relative_error_estimate,
        "C_int_F_per_cm2": arc.C_int_F_per_cm2 if arc else None,
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


def check_directory(directory: str | Path) -> None:
    """Refuse an output folder that cannot be written, before anything is computed.

    Raises
    ------
    InputError
        If it is a file, or it (or the folder that it would be made in) may not be written.
    """
    path = Path(directory)
    try:
        if path.exists() and not path.is_dir():
            raise InputError(f"--out {path}: is a file; a folder is needed")
        for name in (*FILES, *PIXEL_FILES):
            if (path / name).is_dir():
                raise InputError(f"--out {path}: {name} is a folder there, it must be a file")
        nearest = path.absolute()
        while not nearest.exists():
            nearest = nearest.parent
    except OSError as exc:
        raise InputError(f"--out {path}: {exc.strerror or exc}") from None
    if not nearest.is_dir():
        raise InputError(f"--out {path}: {nearest} is a file; a folder is needed")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise InputError(f"--out {path}: {nearest} may not be written")


def write(result: Result, directory: str | Path, comparisons: Comparisons | None = None) -> tuple[Path, ...]:
    """Write spectrum, summary, resolved case, pictures and field to a folder, atomically.

    Everything is first written to a temporary folder inside the same parent (or inside the folder itself if the
    parent may not be written) and flushed to the disk; then a new folder is renamed into place, or the files of an
    existing one are replaced one by one. If anything fails before that, nothing existing has been touched. Files
    of other names are kept; pictures, fields and maps of an earlier run are removed if this one has none.

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
    check_directory(directory)
    path = Path(directory).absolute()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        parent = path.parent if os.access(path.parent, os.W_OK) else path
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=parent))
        try:
            names = _fill(result, temporary, comparisons)
            for name in names:
                _flush(temporary / name)
            _flush(temporary)
            _move(temporary, path, names)
            _flush(path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as exc:
        raise AspotError(f"{directory}: cannot be written: {exc.strerror or exc}") from exc
    return tuple(path / name for name in names)


def _fill(result: Result, folder: Path, comparisons: Comparisons | None) -> list[str]:
    """Write all files into an empty folder; their names."""
    from aspot.casefile import dumps

    title = result.cell.name
    maps = _current_maps(result)
    apex = result.arc.apex_frequency_Hz if result.arc else None
    spectrum = result.spectrum
    writers: dict[str, Callable[[Path], object]] = {
        "spectrum.csv": spectrum.to_csv,
        "spectrum.json": spectrum.to_json,
        "summary.json": lambda p: p.write_text(
            json.dumps(
                summary(result, comparisons, maps[0] if maps else None), indent=1, allow_nan=False, ensure_ascii=False
            )
            + "\n",
            encoding="utf-8",
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
    for name, writer in writers.items():
        writer(folder / name)
    return list(writers)


def _move(temporary: Path, path: Path, names: list[str]) -> None:
    # mkdtemp makes folders private; the result is as public as the user's other folders.
    mask = os.umask(0)
    os.umask(mask)
    if not path.exists():
        os.chmod(temporary, 0o777 & ~mask)
        os.rename(temporary, path)
        return
    for name in names:
        os.replace(temporary / name, path / name)
    for name in {*FILES, *PIXEL_FILES} - set(names):
        (path / name).unlink(missing_ok=True)


def _flush(path: Path) -> None:
    """Force a file or folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
