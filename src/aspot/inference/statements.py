"""What a fit says in plain words: what the spectrum does not tell, and how far the numbers can be trusted."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

import numpy as np

from aspot.analysis.estimation import Direction
from aspot.inference.fitting import FitResult

#: Parts of a path that a reader need not see.
_SILENT = ("working_electrode", "morphology", "contact", "instrument")

#: Parameters whose estimates are correlated more closely trade off.
_CLOSE = 0.95
#: The model may be in error by this share of the noise before it counts.
_SMALL = 0.3
#: Difference of temperatures that is worth a word [K].
_WARM = 0.5


def label(path: str) -> str:
    """A parameter in words.

    Examples
    --------
    >>> label("working_electrode.morphology.contact_fraction"), label("electrolyte.grain_boundaries.resistance")
    ('contact fraction', 'grain boundary resistance')
    """
    if path.startswith("instrument."):
        return f"series {path.removeprefix('instrument.')}"
    keys = [key for key in path.split(".") if key not in _SILENT]
    if keys[0] == "electrolyte" and keys[1] in ("grain_boundaries", "layers"):
        keys = ["grain boundary", *keys[2:]] if keys[1] == "grain_boundaries" else ["layer", *keys[2:]]
    return " ".join("counter" if key == "counter_electrode" else key.replace("_", " ") for key in keys)


def sentences(fit: FitResult) -> tuple[str, ...]:
    """All that has to be said about a fit, the gravest first; see `FitResult.statement`."""
    return (*_misfit(fit), *_undetermined(fit), *_limits(fit), *_trade_offs(fit), *_starts(fit), *_numerics(fit))


def _misfit(fit: FitResult) -> list[str]:
    found = fit.estimate
    out = []
    if found.is_systematic:
        size = f"{found.noise_estimate:.2%} of |Z|" if fit.weighting == "modulus" else f"{found.noise_estimate:.2g}"
        out.append(
            f"The model does not describe the spectrum to its noise: residuals of {size}, and neighbouring ones are "
            f"alike (correlation {found.residual_correlation:.2f}). The intervals take them for noise and mean little; "
            "something is missing in the model, bounds are too narrow, or measured points drift."
        )
    if found.reduced_chi_squared > 1.0 + 5.0 * np.sqrt(2.0 / found.degrees_of_freedom):
        out.append(
            f"The residuals are {np.sqrt(found.reduced_chi_squared):.2g} times the stated noise: the model does not "
            "describe the spectrum to it, or the noise is larger."
        )
    warm = fit.measured.temperature_K - fit.result.cell.temperature
    if abs(warm) > _WARM:
        out.append(
            f"The spectrum was measured at {fit.measured.temperature_K:.2f} K, the case is computed at "
            f"{fit.result.cell.temperature:.2f} K."
        )
    return out


def _undetermined(fit: FitResult) -> list[str]:
    """Combinations of parameters along which the spectrum stays as it is."""
    # What concerns one parameter alone its profile says.
    found = [d for d in fit.estimate.undetermined if len(d.exponents) > 1]
    pairs = [d for d in found if d.determined]
    out = [_fixed_ratio(fit, d) for d in pairs]
    many = [d for d in found if not d.determined]
    if len(many) == 1:
        exponents = many[0].exponents
        moves = _listed([_move(fit, name, power) for name, power in exponents.items()])
        text = f"{_labels(exponents)}: not fixed one by one. The spectrum hardly changes with {moves} together."
        out.append(text + _range_along(fit, list(exponents)))
    elif many:
        # Several such directions span a space; no single one of them means anything.
        names = [one.path for one in fit.free if any(one.path in d.exponents for d in many)]
        left = len(names) - len(many)
        fixed = f"only {left} combination{'s' if left > 1 else ''}" if left > 0 else "no combination"
        out.append(f"{_labels(names)}: the spectrum fixes {fixed} of these {len(names)}; fit fewer of them.")
    return out


def _fixed_ratio(fit: FitResult, direction: Direction) -> str:
    text = f"{_labels(direction.exponents)}: the spectrum fixes {_named(direction)} and not the two one by one."
    return text + _range_along(fit, list(direction.exponents))


def _labels(paths: Iterable[str]) -> str:
    return _listed([label(path) for path in paths])


def _named(direction: Direction) -> str:
    text = direction.determined
    for name in sorted(direction.exponents, key=len, reverse=True):
        text = text.replace(name, label(name))
    return text


def _move(fit: FitResult, path: str, power: float) -> str:
    """What becomes of a parameter where the leading one doubles."""
    one = next(o for o in fit.free if o.path == path)
    if one.parameter.scale == "log":
        return f"{2.0**power:.2g} times the {label(path)}"
    return f"the {label(path)} {'up' if power > 0 else 'down'} by {one.shown(abs(power) * np.log(2.0))}"


def _range_along(fit: FitResult, names: list[str]) -> str:
    """How far one can go along a degenerate direction, by the profile of its first parameter."""
    profile = fit.profiles.get(names[0])
    if profile is None:
        return ""
    places = [fit.estimate.names.index(n) for n in names]
    first = fit.free[places[0]].parameter
    along = [first.to_scaled(float(v)) for v in profile.values]
    texts = []
    for name, place in zip(names, places, strict=True):
        one = fit.free[place]
        values = [one.parameter.to_scaled(float(v)) for v in profile.others[:, place]]
        ends = [
            one.parameter.from_scaled(float(np.interp(first.to_scaled(end), along, values)))
            for end in (profile.lower, profile.upper)
        ]
        texts.append(f"{label(name)} from {one.shown(ends[0])} to {one.shown(ends[1])}")
    return f" As good fits have {texts[0]} with {_listed(texts[1:])}."


def _limits(fit: FitResult) -> list[str]:
    """Parameters that the spectrum bounds on one side or on none, and those at a bound."""
    out = []
    level, ends = f"{100 * fit.confidence:g} %", fit.estimate.at_bound
    for one in fit.free:
        name, (low, high) = label(one.path), fit.interval(one.path)
        below, above = fit.bounded(one.path)
        side = None if one.is_instrument else ends.get(one.path)
        if not below and not above:
            out.append(
                f"{name}: the spectrum says nothing about it; every value from {one.shown(low)} to {one.shown(high)} "
                "fits as well."
            )
        elif side is not None:
            bound = one.parameter.lower if side == "lower" else one.parameter.upper
            other = f"below {one.shown(high)}" if side == "lower" else f"above {one.shown(low)}"
            out.append(
                f"{name}: the best value lies at its {side} bound, {one.shown(bound)} ({level}: {other}); the others "
                "are fitted to that."
            )
        elif below and not above:
            out.append(f"{name}: above {one.shown(low)} ({level}); the spectrum sets no upper limit.")
        elif above and not below:
            out.append(f"{name}: below {one.shown(high)} ({level}); the spectrum sets no lower limit.")
    return out


def _trade_offs(fit: FitResult) -> list[str]:
    """Pairs that are determined, but each much worse alone than together."""
    found = fit.estimate
    correlation, errors = found.correlation, found.scaled_errors
    lost = {name for d in found.undetermined for name in d.exponents}
    out = []
    for i, j in combinations(range(len(fit.free)), 2):
        a, b = fit.free[i], fit.free[j]
        if abs(correlation[i, j]) < _CLOSE or {a.path, b.path} & lost:
            continue
        if a.parameter.scale != "log" or b.parameter.scale != "log":
            continue
        # The combination a b^p whose error is smallest has p = -cov(a, b)/var(b).
        power = -correlation[i, j] * errors[i] / errors[j]
        rest = errors[i] * np.sqrt(1.0 - correlation[i, j] ** 2)
        (low, high), (least, most) = fit.interval(a.path), fit.interval(b.path)
        out.append(
            f"{label(a.path)} and {label(b.path)} trade off (correlation {correlation[i, j]:.4f}): "
            f"{label(a.path)} * ({label(b.path)})^{power:.2f} is known to {100 * rest:.2g} % (standard error), "
            f"{label(a.path)} itself from {a.shown(low)} to {a.shown(high)} and {label(b.path)} from {b.shown(least)} "
            f"to {b.shown(most)}."
        )
    return out


def _starts(fit: FitResult) -> list[str]:
    found = fit.estimate
    n = len(found.starts)
    out = []
    worse, failed = len(found.other_minima), sum(not s.is_converged for s in found.starts)
    if n > 1 and found.agreeing_starts == 1:
        out.append(
            f"Only one of {n} starts found this fit"
            + (f", {worse} ended in worse ones" if worse else "")
            + "; more starts or narrower bounds would make it surer."
        )
    if failed and n > 1:
        out.append(f"{failed} of {n} starts did not converge.")
    return out


def _numerics(fit: FitResult) -> list[str]:
    out = []
    noise = fit.estimate.noise_estimate * float(np.median(fit.estimate.sizes / np.abs(fit.estimate.impedance)))
    error = fit.result.relative_error_estimate
    if fit.model_difference > max(_SMALL * noise, fit.result.cell.numerics.relative_tolerance):
        out.append(
            f"The model of the search differs from the simulation at the optimum by {fit.model_difference:.1e}, which "
            f"is not small against the residuals ({noise:.1e}): values and intervals are in error by as much."
        )
    if error > _SMALL * noise:
        out.append(
            f"The simulations' own error ({error:.1e}) is not small against the residuals ({noise:.1e}); a smaller "
            "numerics.relative_tolerance would help."
        )
    return out


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
