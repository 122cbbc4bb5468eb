"""The page: which sections a folder of results makes, in the order in which a reader asks for them."""

from __future__ import annotations

import base64
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from aspot.report import charts
from aspot.report.contents import PICTURES, Contents
from aspot.units import engineering, outward

#: Fewer points than this show no arcs.
_FEWEST_POINTS = 8

_ELEMENTARY_CHARGE = 1.602176634e-19


@dataclass(frozen=True, kw_only=True)
class Block:
    """A piece of a section. `html` is trusted (charts of our own making); all else is escaped by the template."""

    kind: str
    text: str = ""
    title: str = ""
    html: str = ""
    data: str = ""
    header: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of the page with a title of its own."""

    anchor: str
    title: str
    blocks: tuple[Block, ...]


def title_of(c: Contents) -> str:
    """Name of the case, or of the folder."""
    case = c.document.get("case")
    name = c.document.get("name") or (case.get("name") if isinstance(case, Mapping) else None)
    return str(name or c.folder.resolve().name)


def lead_of(c: Contents) -> str:
    """The answer in one sentence."""
    d = c.summary
    if d is not None:
        total, error = float(d["R_total_ohm_cm2"]), d.get("relative_error_estimate")
        bar = "" if error is None else f" ± {error * total:.1g}"
        apex, capacitance = d.get("apex_frequency_Hz"), d.get("C_int_F_per_cm2")
        tail = ", no interface arc"
        if apex is not None and capacitance is not None:
            tail = f", arc at {engineering(apex, 'Hz')} ({engineering(capacitance, 'F/cm²')})"
        return f"R_total {total:.5g}{bar} Ω cm² = R_SE {_n(d, 'R_SE_ohm_cm2')} + R_int {_n(d, 'R_int_ohm_cm2')}{tail}."
    if c.fit is not None:
        return "Fit of the field model to a measured spectrum."
    return "Field model against a measured spectrum."


def sections(c: Contents) -> tuple[Section, ...]:
    """All sections that the folder has something for."""
    makers: tuple[tuple[str, str, Callable[[Contents], Iterator[Block]]], ...] = (
        ("fit", "What the measurement tells", _fit),
        ("resistances", "Resistances", _resistances),
        ("published", "Beside published figures", _published),
        ("spectrum", "Spectrum", _spectrum),
        ("comparison", "Against the measurement", _comparison),
        ("relaxation", "Relaxation times", _relaxation),
        ("pictures", "Pictures", _pictures),
        ("cell", "The cell", _cell),
        ("provenance", "How it was computed", _provenance),
    )
    made = ((anchor, title, tuple(maker(c))) for anchor, title, maker in makers)
    return tuple(Section(anchor=anchor, title=title, blocks=blocks) for anchor, title, blocks in made if blocks)


# Sections -----------------------------------------------------------------------------------------------------------

_PART_NAMES = {"constriction": "R_cc, constriction", "charge_transfer": "R_ct, charge transfer"}


def _part(name: str) -> str:
    return _PART_NAMES.get(name, name.replace("_", " "))


def _resistances(c: Contents) -> Iterator[Block]:
    d = c.summary
    if d is None:
        return
    total, error = float(d["R_total_ohm_cm2"]), float(d.get("relative_error_estimate") or 0.0)
    split = d.get("R_SE_split_ohm_cm2") or {}
    parts = {k: float(v) for k, v in (d.get("R_parts_ohm_cm2") or {}).items() if k != "SE" and v}
    electrolyte = (
        [(f"R_SE, {_part(k)}", float(v)) for k, v in split.items()]
        if len(split) > 1
        else [("R_SE, electrolyte", float(d["R_SE_ohm_cm2"]))]
    )
    bars = electrolyte + [(_part(k), v) for k, v in parts.items()]
    interval = d.get("R_total_interval_ohm_cm2")
    yield Block(kind="chart", html=charts.resistances(bars, total, error * total, interval))
    rows = [["R_total", f"{total:.6g} ± {error * total:.1g}"]]
    if interval:
        low, high = outward(*interval)
        rows.append(["  guaranteed for the discrete geometry", f"{low} to {high}"])
    rows.append(["R_SE, electrolyte", _n(d, "R_SE_ohm_cm2")])
    rows += [[f"  {_part(k)}", f"{v:.5g}"] for k, v in split.items() if len(split) > 1]
    rows.append(["R_int, interface", _n(d, "R_int_ohm_cm2")])
    for k, v in parts.items():
        rows.append([f"  {_part(k)}", f"{v:.5g}"])
        if k == "constriction" and d.get("R_static_ohm_cm2"):
            rows.append(["  of it R_static, by the smaller electrode", _n(d, "R_static_ohm_cm2")])
    if d.get("R_static_ohm_cm2") and d.get("R_arc_ohm_cm2") is not None:
        rows.append(["R_arc, R_int without R_static", _n(d, "R_arc_ohm_cm2")])
    yield Block(kind="table", header=("", "Ω cm²"), rows=rows)
    arc = "what a circuit fit calls the interface arc"
    if d.get("R_static_ohm_cm2"):
        arc = "R_static and " + arc
    yield Block(
        kind="text",
        text="Per geometric electrode area, at direct current. R_SE is the same pellet between perfect contacts; R_int "
        f"= R_total - R_SE is {arc}; its parts are booked by dissipated power.",
    )


def _published(c: Contents) -> Iterator[Block]:
    table = (c.summary or {}).get("published")
    if not table:
        return
    rows = []
    for name, q in table["quantities"].items():
        rows.append(
            [name.replace("_", " "), *(_quantity(q[k], q["unit"]) for k in ("computed", "circuit_fit", "published"))]
        )
    yield Block(kind="table", header=("", "computed", "as a circuit fit reads it", "published"), rows=rows)
    yield Block(kind="text", text=str(table["source"]))


def _spectrum(c: Contents) -> Iterator[Block]:
    if c.spectrum is None:
        return
    apex = (c.summary or {}).get("apex_frequency_Hz")
    yield Block(kind="chart", html=charts.nyquist(c.spectrum, c.measured, apex))
    yield Block(kind="chart", html=charts.bode(c.spectrum, c.measured))
    error = c.spectrum.largest_relative_error
    if np.isfinite(error):
        yield Block(kind="text", text=f"Relative error of the computed impedance: at most {error:.1e}.")


def _comparison(c: Contents) -> Iterator[Block]:
    if c.measured is None or c.spectrum is None or len(c.measured) != len(c.spectrum):
        return
    f, z = c.measured.frequency_Hz, c.measured.impedance_ohm_cm2
    if np.any(np.abs(c.spectrum.frequency_Hz / f - 1) > 1e-9):
        return
    residual = (z - c.spectrum.impedance_ohm_cm2) / np.abs(z)
    yield Block(kind="chart", html=charts.residuals(f.tolist(), residual))
    rms = float(np.sqrt(np.mean(np.abs(residual) ** 2)))
    yield Block(
        kind="text",
        text=f"(measured - computed)/|measured|, root mean square: {rms:.2%} of the modulus, "
        f"{rms / np.sqrt(2.0):.2%} of each part.",
    )
    arcs = (c.comparison or {}).get("arcs") or []
    rows = []
    for arc in arcs:
        sides = [arc[k] or {} for k in ("measured", "computed")]
        rows.append(
            [
                ", ".join(map(_part, arc["parts"])) or "-",
                *(_quantity(s.get("apex_frequency_Hz"), "Hz") for s in sides),
                *(_quantity(s.get("resistance_ohm_cm2"), "ohm cm2") for s in sides),
                *(_quantity(s.get("capacitance_F_per_cm2"), "F/cm2") for s in sides),
                arc["verdict"],
            ]
        )
    if rows:
        header = ("arc", "apex, measured", "computed", "R, measured", "computed", "C, measured", "computed", "")
        yield Block(kind="table", header=header, rows=rows)


def _relaxation(c: Contents) -> Iterator[Block]:
    from aspot.analysis.drt import relaxation_distribution

    named = {"computed": c.spectrum, "measured": c.measured}
    found = {k: relaxation_distribution(s) for k, s in named.items() if s is not None and len(s) >= _FEWEST_POINTS}
    if not found:
        return
    yield Block(kind="chart", html=charts.relaxation(found))
    d = next(iter(found.values()))
    yield Block(kind="text", text=f"Tikhonov regularisation, lambda = {d.regularisation:.1e}; peaks with their areas.")


def _pictures(c: Contents) -> Iterator[Block]:
    for name, data in c.pictures.items():
        yield Block(kind="picture", text=PICTURES[name], data=base64.b64encode(data).decode("ascii"))


def _fit(c: Contents) -> Iterator[Block]:
    if c.fit is None:
        return
    rows = []
    for p in c.fit["parameters"].values():
        low, high = (
            _value(v if is_bounded else None, p["unit"])
            for v, is_bounded in zip(p["interval"], p["is_bounded"], strict=True)
        )
        rows.append([p["label"], _value(p["value"], p["unit"]), low, high, p["interval_by"]])
    level = f"{c.fit['confidence']:.0%}"
    yield Block(kind="table", header=("parameter", "value", f"{level} from", "to", "by"), rows=rows)
    for line in c.fit["statement"]:
        yield Block(kind="note", text=str(line))


def _cell(c: Contents) -> Iterator[Block]:
    try:
        case = tomllib.loads(c.case)
    except tomllib.TOMLDecodeError:
        case = {}
    rows = [[path, _setting(path, value)] for path, value in _leaves(case) if path != "name"]
    if rows:
        yield Block(kind="table", header=("key", "value"), rows=rows)
    if c.case:
        yield Block(kind="code", title="case.toml, to run it again (SI)", text=c.case)


def _provenance(c: Contents) -> Iterator[Block]:
    d = c.document
    rows = [["backend", str(d["backend"])]] if "backend" in d else []
    for key, name in (
        ("degrees_of_freedom", "unknowns"), ("full_solves", "full solves"), ("contact_fraction", "contact fraction"),
        ("relative_error_estimate", "relative error of Z"), ("digest", "digest of the case (SHA-256)"),
    ):  # fmt: skip
        if d.get(key) is not None:
            rows.append([name, _n(d, key)])
    seconds = d.get("seconds")
    if isinstance(seconds, Mapping):
        rows += [[f"  seconds, {k}", f"{v:.3g}"] for k, v in seconds.items() if _is_number(v)]
    rows += [[f"  {k}", str(v)] for k, v in (d.get("versions") or {}).items()]
    measured = d.get("measured")
    if isinstance(measured, Mapping):
        rows += [[f"measured: {k}", str(v)] for k, v in measured.items() if isinstance(v, str | int | float)]
    yield Block(kind="table", rows=rows)


# Values -------------------------------------------------------------------------------------------------------------


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and bool(np.isfinite(value))


def _n(d: Mapping[str, Any], key: str) -> str:
    value = d.get(key)
    if isinstance(value, float):
        return f"{value:.5g}"
    return "-" if value is None else str(value)


def _quantity(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    return f"{value:.4g} Ω cm²" if unit.startswith("ohm") else engineering(value, unit.replace("cm2", "cm²"))


def _value(value: float | None, unit: str) -> str:
    """A fitted value in its unit; None where the data set no limit."""
    if value is None:
        return "no limit"
    return _quantity(value, unit) if unit else f"{value:.4g}"


def _leaves(table: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    entries = table.items() if isinstance(table, dict) else enumerate(table)
    for key, value in entries:
        if isinstance(value, dict) or (isinstance(value, list) and value and isinstance(value[0], dict)):
            yield from _leaves(value, f"{prefix}{key}.")
        elif value != []:
            yield f"{prefix}{key}", value


#: How a value in SI is shown, by the last word of its key.
_UNITS: dict[str, Callable[[float], str]] = {
    **dict.fromkeys(
        ("thickness", "diameter", "radius", "inner_radius", "side", "spacing", "width", "height", "grain_size",
         "minimum_distance", "correlation_length", "roughness"),
        lambda v: engineering(v, "m"),
    ),
    **dict.fromkeys(
        ("start", "stop", "apex_frequency", "grain_boundary_apex_frequency"), lambda v: engineering(v, "Hz")
    ),
    **dict.fromkeys(
        ("resistance", "charge_transfer_resistance", "R_total", "R_int", "grain_boundary_resistance"),
        lambda v: f"{1e4 * v:.4g} Ω cm²",
    ),
    **dict.fromkeys(
        ("capacitance", "double_layer_capacitance", "C_int", "grain_boundary_capacitance"),
        lambda v: engineering(1e-4 * v, "F/cm²"),
    ),
    "conductivity": lambda v: engineering(1e-2 * v, "S/cm"),
    "activation_energy": lambda v: f"{v / _ELEMENTARY_CHARGE:.4g} eV",
    "temperature": lambda v: f"{v - 273.15:.2f} °C",
    "pressure": lambda v: engineering(v, "Pa"),
    "exchange_current_density": lambda v: engineering(1e-4 * v, "A/cm²"),
}  # fmt: skip


def _setting(path: str, value: Any) -> str:
    shown = _UNITS.get(path.rsplit(".", 1)[-1])
    if shown is not None and _is_number(value):
        return shown(float(value))
    if isinstance(value, list) and len(value) > 8:
        first, last = (_setting("start" if path == "frequencies.values" else "", v) for v in (value[0], value[-1]))
        return f"{len(value)} values, {first} to {last}"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
