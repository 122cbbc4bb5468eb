"""Profile likelihood: how well a spectrum fixes one parameter when all others may follow it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aspot.analysis.least_squares import FitProblem, Parameter, Real, search
from aspot.errors import AspotError

#: Steps in each direction, at most.
_MOST_STEPS = 40


@dataclass(frozen=True, kw_only=True, eq=False)
class Profile:
    """Profile likelihood of one parameter: the best fit of all others at each of its values.

    Parameters
    ----------
    name : str
    level : float
    values : (k,) float
        Of the parameter, ascending; the estimate is among them.
    excess : (k,) float
        Sum of squares above its minimum, over the variance of the noise.
    threshold : float
        Excess at the ends of the interval.
    lower, upper : float
        Ends of the interval; the bound of the parameter where the spectrum sets none.
    is_bounded_below, is_bounded_above : bool
        Whether the spectrum sets that end.
    others : (k, n) float
        Values of all parameters along the profile.
    """

    name: str
    level: float
    values: Real
    excess: Real
    threshold: float
    lower: float
    upper: float
    is_bounded_below: bool
    is_bounded_above: bool
    others: Real


@dataclass(frozen=True, kw_only=True)
class _Optimum:
    """Where a profile begins: the unit variables of the best fit, its sum of squares, and the variance of the noise."""

    t: Real
    chi_squared: float
    variance: float


#: A point of a profile: unit variables of all parameters, and its excess.
_Point = tuple[Real, float]


def profile(
    problem: FitProblem, t: Real, index: int, *, error: float, variance: float, level: float, threshold: float
) -> Profile:
    """Profile of one parameter, followed from the optimum in both directions.

    The other parameters are fitted anew at each value. The ends of the interval are where the sum of squares has risen
    by `threshold` times the variance of the noise (likelihood ratio).

    Parameters
    ----------
    problem : FitProblem
    t : (n,) float
        Unit variables of the optimum.
    index : int
        Of the parameter.
    error : float
        Its standard error in its unit variable, for the first step.
    variance : float
        Of the weighted residuals.
    level : float
        Of the interval, to which `threshold` belongs.
    threshold : float
        Rise of the sum of squares at its ends, over the variance.
    """
    r = problem.residuals(t)
    optimum = _Optimum(t=t, chi_squared=float(r @ r), variance=variance)
    here: _Point = (t, 0.0)
    down, up = (_branch(problem, optimum, index, sign, error, threshold) for sign in (-1.0, 1.0))
    path = [*reversed(down), here, *up]
    values = np.stack([problem.values(point) for point, _ in path])
    p = problem.parameters[index]
    is_bounded = [bool(branch) and branch[-1][1] >= threshold for branch in (down, up)]
    lower, upper = (
        _crossing([here, *branch], index, threshold, p) if bounded else bound
        for branch, bounded, bound in zip((down, up), is_bounded, (p.lower, p.upper), strict=True)
    )
    return Profile(
        name=p.name,
        level=level,
        values=values[:, index],
        excess=np.array([e for _, e in path]),
        threshold=threshold,
        lower=lower,
        upper=upper,
        is_bounded_below=is_bounded[0],
        is_bounded_above=is_bounded[1],
        others=values,
    )


def _branch(
    problem: FitProblem, optimum: _Optimum, index: int, sign: float, error: float, threshold: float
) -> list[_Point]:
    """Points of a profile on one side, up to just above the threshold or to the bound of the parameter."""
    step = float(np.clip(0.5 * error, 1e-6, 0.05))
    path: list[_Point] = []
    t, before = optimum.t, optimum.t
    wanted, root = 0.4 * math.sqrt(threshold), 0.0
    for _ in range(_MOST_STEPS):
        room = float((1.0 - t[index]) if sign > 0 else t[index])
        if room <= 1e-9:
            break
        found = _moved(problem, optimum, index, t, before, sign * min(step, room))
        # A step across most of the interval says little about the way there, nor where the end is.
        if found is None or (step > 1e-6 and math.sqrt(max(found[1], 0.0)) > root + 0.7 * math.sqrt(threshold)):
            step *= 0.4
            continue
        before, (t, excess) = t, found
        path.append(found)
        if excess >= threshold:
            break
        # The root of the excess grows evenly where the model is nearly linear.
        grown = math.sqrt(max(excess, 0.0)) - root
        root = math.sqrt(max(excess, 0.0))
        step = float(np.clip(step * np.clip(wanted / max(grown, 1e-12), 0.3, 3.0), 1e-7, 0.1))
    return path


def _moved(problem: FitProblem, optimum: _Optimum, index: int, t: Real, before: Real, move: float) -> _Point | None:
    """The best fit with one variable moved on, begun where the last two points lead; None if it fails."""
    start = t.copy()
    if before[index] != t[index]:
        start = t + (t - before) * (move / (t[index] - before[index]))
    start = np.clip(start, 0.0, 1.0)
    start[index] = float(np.clip(t[index] + move, 0.0, 1.0))
    if len(t) == 1:
        r = problem.trial(start)
        if not np.isfinite(r).all():
            return None
        return start, (float(r @ r) - optimum.chi_squared) / optimum.variance
    held = problem.with_fixed(index, start)
    try:
        found = search(held, np.delete(start, index), 100)
    except (AspotError, ValueError):
        # The model refuses the values that the search would begin with.
        return None
    return held.full(found.x), (2.0 * float(found.cost) - optimum.chi_squared) / optimum.variance


def _crossing(path: Sequence[_Point], index: int, threshold: float, p: Parameter) -> float:
    """Where the root of the excess, nearly straight in the scaled variable, passes that of the threshold."""
    (t0, e0), (t1, e1) = path[-2:]
    r0, r1, r = (math.sqrt(max(e, 0.0)) for e in (e0, e1, threshold))
    share = (r - r0) / (r1 - r0) if r1 > r0 else 1.0
    t = float(t0[index] + share * (t1[index] - t0[index]))
    return p.from_scaled(p.to_scaled(p.lower) + t * p.width)
