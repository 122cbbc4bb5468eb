"""From the points of a file to its sweeps: loops, temperatures, and which way the frequency went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from aspot.measured.measurement import Measurement
from aspot.measured.source import Source
from aspot.measured.table import Points

IntArray = NDArray[np.int64]

#: More sweeps than this in one file are refused: its frequencies are no sweeps.
MOST_SWEEPS = 5_000
#: Temperatures of one sweep lie within this [K]; a set temperature has at least so many rows.
_SAME_TEMPERATURE_K, _FEWEST_AT_A_TEMPERATURE = 2.0, 3


def restarts(frequency_Hz: NDArray[np.float64]) -> list[IntArray]:
    """Indices of each sweep, in the order of the file.

    A sweep ends where the frequency turns and goes back over more than half of what it has covered. A turn without
    repetition (a first part upwards, a single point out of order) does not end it. Rows in no order at all are one
    sweep if no frequency repeats.

    Raises
    ------
    ValueError
        If the rows are in no order and frequencies repeat.
    """
    n = frequency_Hz.size
    if n < 3:
        return [np.arange(n)] if np.unique(frequency_Hz).size == n else [np.array([i]) for i in range(n)]
    step = np.sign(np.diff(frequency_Hz))
    # Runs that go one way. Of equal neighbours at a turn the last belongs to the run that follows.
    starts, way = [0], 0.0
    for i, s in enumerate(step.tolist()):
        if s == 0:
            continue
        if way not in (0.0, s):
            turn = i if step[i - 1] == 0 else i + 1
            starts.append(turn)
            way = s if turn == i else 0.0
            continue
        way = s
    runs = [np.arange(a, b) for a, b in zip(starts, [*starts[1:], n], strict=True)]
    if n >= 6 and n / len(runs) < 3:
        if np.unique(frequency_Hz).size == n:
            return [np.arange(n)]
        raise ValueError("frequencies in no order that repeat: which rows belong to one loop cannot be told")
    sweeps = [runs[0]]
    for run in runs[1:]:
        f, covered = frequency_Hz[run], frequency_Hz[sweeps[-1]]
        again = np.mean((f >= covered.min()) & (f <= covered.max()))
        if again > 0.5 and run.size > 1 and sweeps[-1].size > 1:
            sweeps.append(run)
        else:
            sweeps[-1] = np.concatenate([sweeps[-1], run])
    return sweeps


def measurements(
    source: Source, points: Sequence[Points], metadata: Mapping[str, str | float], *, notes: Sequence[str] = ()
) -> list[Measurement]:
    """Every sweep of the points as a measurement of its own.

    Split by cycle number, then by restarts of the frequency; by set temperature where the temperatures stand within
    the frequencies.

    Raises
    ------
    InputError
        If there are no points, or the sweeps cannot be told apart.
    """
    out: list[Measurement] = []
    for p in points:
        for rows, cycle in _cycles(p):
            try:
                sweeps = _sweeps(p, rows)
            except ValueError as error:
                raise source.error(str(error), "sweeps, or a column with the cycle number") from None
            if len(sweeps) + len(out) > MOST_SWEEPS:
                raise source.error(f"more than {MOST_SWEEPS} sweeps", "that many")
            out += [_measurement(p, sweep, cycle, metadata, notes) for sweep in sweeps]
    if not out:
        raise source.error("no point with a frequency above 0", "at least one")
    return out


def _measurement(
    p: Points, index: IntArray, cycle: int | None, metadata: Mapping[str, str | float], notes: Sequence[str]
) -> Measurement:
    said = [*p.notes, *notes]
    temperature = None
    for values in (p.temperature_K, p.measured_temperature_K):
        if temperature is None:
            temperature, remark = _mean_temperature(values, index)
            said += remark
    return Measurement(
        frequency_Hz=p.frequency_Hz[index],
        impedance_ohm=p.impedance[index],
        excluded=[p.excluded[i] for i in index.tolist()] if p.excluded else (),
        is_per_area=p.is_per_area,
        temperature_K=temperature,
        loop=cycle,
        metadata=metadata,
        notes=said,
    )


def _mean_temperature(values: NDArray[np.float64] | None, index: IntArray) -> tuple[float | None, list[str]]:
    """Median of the temperatures that a sensor can have measured; what the range was."""
    if values is None:
        return None, []
    t = values[index]
    t = t[np.isfinite(t) & (t > 1.0) & (t < 5000.0)]
    if not t.size:
        return None, []
    remark = [f"temperature {t.min():.6g} to {t.max():.6g} K during the sweep"] if np.ptp(t) > 0.05 else []
    return float(np.median(t)), remark


def _cycles(p: Points) -> list[tuple[IntArray, int | None]]:
    """Rows of one cycle, and its number."""
    n = p.frequency_Hz.size
    if not n:
        return []
    if p.cycle is None or not np.all(np.isfinite(p.cycle)):
        return [(np.arange(n), None)]
    cuts = np.flatnonzero(np.diff(p.cycle)) + 1
    return [(rows, int(p.cycle[rows[0]])) for rows in np.split(np.arange(n), cuts)]


def _sweeps(p: Points, rows: IntArray) -> list[IntArray]:
    """Rows of each sweep.

    Raises
    ------
    ValueError
        If they cannot be told apart.
    """
    failure = None
    try:
        sweeps = [rows[sweep] for sweep in restarts(p.frequency_Hz[rows])]
    except ValueError as error:
        failure, sweeps = error, []
    if p.temperature_K is not None and np.all(np.isfinite(p.temperature_K[rows])):
        t = p.temperature_K
        if failure is not None or any(np.ptp(t[sweep]) > _SAME_TEMPERATURE_K for sweep in sweeps):
            values, first, count = np.unique(t[rows], return_index=True, return_counts=True)
            if values.size > 1 and count.min() >= _FEWEST_AT_A_TEMPERATURE:
                groups = [rows[t[rows] == value] for value in values[np.argsort(first)]]
                return [group[sweep] for group in groups for sweep in restarts(p.frequency_Hz[group])]
    if failure is not None:
        raise failure
    return sweeps
