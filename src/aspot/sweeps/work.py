"""What a worker does: cases of one geometry in, their records out.

Cases that differ in the laws alone share their meshes through one `aspot.parametric.Family`. It is trained on cases
chosen from all that share it, and a case that needs more teaches a copy: the answer to a case does not depend on which
others were solved before, or where, so that an interrupted sweep ends with the numbers of one that was not.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aspot.cell import Cell, Frequencies
from aspot.errors import AspotError
from aspot.parametric import Evaluation, Family
from aspot.plan import plan
from aspot.result import InterfaceArc, Resistances
from aspot.simulation import figures, installed_versions, simulate
from aspot.spectrum import Spectrum
from aspot.sweeps.description import case_of
from aspot.sweeps.store import Record, line
from aspot.variation import geometry_digest

Changes = Mapping[str, Any]

#: Cases for which the meshes of a family may be too coarse, so that they are simulated, before it is made anew.
_MOST_TOO_COARSE = 2


@dataclass(frozen=True, kw_only=True)
class Shared:
    """What the cases of one geometry share.

    Parameters
    ----------
    key : str
        Tells families apart.
    anchor : mapping
        The case that is simulated, as changes of the base case.
    training : tuple of mapping
        Cases that the family learns before it answers any.
    cases : int
        How many there are.
    """

    key: str
    anchor: Changes
    training: tuple[Changes, ...]
    cases: int


@dataclass(frozen=True, kw_only=True)
class Task:
    """Cases for one worker.

    Parameters
    ----------
    base : mapping
        Tables of the base case.
    rows, digests, cases : tuple
        Number, digest and changes of every case.
    shared : Shared or None
        None: every case is simulated.
    seconds : float
        After this the worker returns what it has.
    """

    base: Mapping[str, Any]
    rows: tuple[int, ...]
    digests: tuple[str, ...]
    cases: tuple[Changes, ...]
    shared: Shared | None
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What is known of a case before it is solved; `reason` says why it is no case at all.

    Parameters
    ----------
    digest : str
        Of the case; cases of the same digest are computed once.
    geometry : str
        Cases of the same may share their meshes.
    memory_bytes : float
        Estimated.
    reason : str
    """

    digest: str
    geometry: str = ""
    memory_bytes: float = 0.0
    reason: str = ""


def prepare(base: Mapping[str, Any], cases: Sequence[Changes]) -> tuple[list[Prepared], set[tuple[float, ...]]]:
    """Check cases and find out which of them are the same, or share a geometry; and all their lists of frequencies."""
    out = []
    frequencies: dict[Frequencies, tuple[float, ...]] = {}
    memory: dict[str, float] = {}
    for changes in cases:
        try:
            cell = case_of(base, changes)
            p = plan(cell)
            geometry = geometry_digest(cell)
            if geometry not in memory:
                memory[geometry] = p.memory_bytes(p.expected_level)
        except AspotError as error:
            text = json.dumps([dict(base), dict(changes)], sort_keys=True)
            out.append(Prepared(digest=hashlib.sha256(text.encode()).hexdigest(), reason=str(error)))
            continue
        if cell.frequencies not in frequencies:
            frequencies[cell.frequencies] = tuple(cell.frequencies.values_Hz().tolist())
        out.append(Prepared(digest=cell.digest, geometry=geometry, memory_bytes=memory[geometry]))
    return out, set(frequencies.values())


def solve(task: Task) -> tuple[dict[str, str], list[tuple[int, str]]]:
    """Versions, and number and record of every case solved in the time given: one at least, in the task's order.

    A record travels as the line in which it lands: whoever collects the records of many workers has little to do.
    """
    with _ONE_AT_A_TIME:
        start = time.perf_counter()
        family = None if task.shared is None else _family(task.base, task.shared)
        out: list[tuple[int, str]] = []
        for row, digest, changes in zip(task.rows, task.digests, task.cases, strict=True):
            out.append((row, line({"digest": digest, **_record(task.base, changes, family)})))
            if time.perf_counter() - start >= task.seconds:
                break
        return installed_versions(), out


#: Workers of a cluster may have several threads; meshes and families are not made for that.
_ONE_AT_A_TIME = threading.Lock()
#: The family asked for last: workers get the cases of one geometry after the other.
_LAST: dict[str, Family | None] = {}


def _family(base: Mapping[str, Any], shared: Shared) -> Family | None:
    """The trained family, or None where the anchor cannot be simulated."""
    if shared.key not in _LAST:
        _LAST.clear()
        _LAST[shared.key] = _trained(base, shared)
    return _LAST[shared.key]


def forget() -> None:
    """Give the memory of the last family back."""
    _LAST.clear()


def _trained(base: Mapping[str, Any], shared: Shared) -> Family | None:
    """A family from the anchor, or from where its meshes are the worst, if too many cases would need finer ones."""
    family, coarse, worst = _learned(base, shared.anchor, shared.training)
    if family is not None and coarse * shared.cases > _MOST_TOO_COARSE * len(shared.training):
        other, other_coarse, _ = _learned(base, worst, shared.training)
        if other is not None and other_coarse < coarse:
            return other
    return family


def _learned(
    base: Mapping[str, Any], anchor: Changes, training: Sequence[Changes]
) -> tuple[Family | None, int, Changes]:
    """The family of an anchor, for how many of the training cases its meshes are too coarse, and the worst of them."""
    worst, largest, coarse = anchor, 0.0, 0
    try:
        family = Family(simulate(case_of(base, anchor), with_fields=False))
    except AspotError:
        return None, 0, worst
    for changes in training:
        try:
            error = _error(family.evaluate(case_of(base, changes)))
        except AspotError:
            continue
        coarse += not error <= family.cell.numerics.relative_tolerance
        if error > largest:
            worst, largest = changes, error
    return family, coarse, worst


def _error(evaluation: Evaluation) -> float:
    """Of Z at all frequencies and of R_total."""
    return max(float(evaluation.relative_error.max()), evaluation.direct_current_error)


def _record(base: Mapping[str, Any], changes: Changes, family: Family | None) -> Record:
    """The record of one case: of its answer, or of why there is none."""
    start = time.perf_counter()
    record: Record = {"changes": dict(changes)}
    try:
        cell = case_of(base, changes)
        record |= {"status": "done", "case": cell.resolved()}
        found = None if family is None else _by_family(cell, family)
        record |= _by_simulation(cell) if found is None else found
    except AspotError as error:
        record |= failure(type(error).__name__, str(error))
    except MemoryError:
        record |= failure("MemoryError", "out of memory")
    except Exception as error:  # noqa: BLE001  whatever happens to one case must not stop the others
        record |= failure(type(error).__name__, f"unexpected {type(error).__name__}: {error}")
    record["seconds"] = round(time.perf_counter() - start, 6)
    return record


def failure(kind: str, reason: str) -> Record:
    """The part of a record that says why a case has no answer."""
    return {"status": "failed", "error": kind, "reason": " ".join(reason.split())}


def _by_simulation(cell: Cell) -> Record:
    result = simulate(cell, with_fields=False)
    return {
        "method": "simulation",
        "backend": result.backend,
        "degrees_of_freedom": result.degrees_of_freedom,
        "full_solves": result.full_solves,
        **_figures(cell, result.spectrum, result.resistances, result.arc, result.relative_error_estimate),
    }


def _by_family(cell: Cell, family: Family) -> Record | None:
    """None if the meshes of the family, made for another case, are too coarse for this one."""
    learning = family.copy()
    try:
        evaluation, model = learning.answer(cell)
    except AspotError:
        return None
    error = _error(evaluation)
    if not error <= cell.numerics.relative_tolerance:
        return None
    resistances, arc = figures(model, error, evaluation.frequency_Hz, with_interval=False)
    if arc is not None and _is_elsewhere(arc, evaluation):
        # There, too, the basis has to be good enough.
        apex = cell.with_(frequencies={"values": [arc.apex_frequency_Hz]})
        if learning.evaluate(apex).full_solves:
            evaluation, model = learning.answer(cell)
            resistances, arc = figures(model, error, evaluation.frequency_Hz, with_interval=False)
    return {
        "method": "family",
        "backend": model.plan.backend.name,
        "degrees_of_freedom": model.degrees_of_freedom,
        "full_solves": learning.full_solves - family.full_solves,
        **_figures(cell, evaluation.spectrum, resistances, arc, error),
    }


def _is_elsewhere(arc: InterfaceArc, evaluation: Evaluation) -> bool:
    """Whether the apex lies outside the frequencies asked for, but is one that could be asked for."""
    apex, known = arc.apex_frequency_Hz, evaluation.frequency_Hz
    return 1e-3 <= apex <= 1e9 and not known[-1] <= apex <= known[0]


def _figures(
    cell: Cell, spectrum: Spectrum, resistances: Resistances, arc: InterfaceArc | None, error: float
) -> Record:
    interval = resistances.total_interval
    return {
        **resistances.to_dict(),
        "R_total_low_ohm_cm2": None if interval is None else interval[0],
        "R_total_high_ohm_cm2": None if interval is None else interval[1],
        "C_int_F_per_cm2": None if arc is None else arc.C_int_F_per_cm2,
        "apex_frequency_Hz": None if arc is None else arc.apex_frequency_Hz,
        "actual_contact_fraction": cell.working_electrode.contact_fraction,
        "temperature_K": cell.temperature,
        "relative_error_estimate": error,
        "frequency_Hz": spectrum.frequency_Hz.tolist(),
        "Z_real_ohm_cm2": spectrum.impedance_ohm_cm2.real.tolist(),
        "Z_imag_ohm_cm2": spectrum.impedance_ohm_cm2.imag.tolist(),
        "relative_error": [float(f"{e:.3g}") for e in spectrum.errors.tolist()],
    }
