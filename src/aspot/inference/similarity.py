"""Interfaces of different geometry made alike, so that little is left to be interpolated between them.

At another contact fraction the constriction is larger, a contact counts on another area, and so does a gap: the whole
arc moves, and an interpolation over the fraction would follow it badly. But the size of the unit cell and the laws of a
solved geometry are free. With the size chosen such that the constriction is the same, and the laws such that contacts
and gap are the same per electrode area, every geometry has nearly the same arc; at the fraction that is asked for size
and laws are the true ones, so that nothing is approximated there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from aspot.inference.forward import Laws, SolvedGeometry
from aspot.inference.geometry import Point
from aspot.inference.jets import Jet


@dataclass(frozen=True, kw_only=True, eq=False)
class Similar:
    """What makes one side of a solved geometry alike.

    Parameters
    ----------
    scale : Jet or None
        Factor of the size of its unit cell.
    laws : dict of str to Jet
        Factors of its laws, by name of term.
    """

    scale: Jet | None
    laws: dict[str, Jet]

    def applied(self, laws: Laws, side: str) -> Laws:
        """Laws with those of a side changed."""
        factors = {f"{side}.{name}": factor for name, factor in self.laws.items()}
        changed = {name: laws.named[name] * factor for name, factor in factors.items() if name in laws.named}
        return replace(laws, named={**laws.named, **changed})


def similar_interfaces(
    points: Sequence[Point],
    solved: Sequence[SolvedGeometry],
    sizes: Sequence[Mapping[str, float]],
    by: Mapping[str, float],
    shape: tuple[int, int],
    places: Mapping[str, int],
) -> list[dict[str, Similar]]:
    """Sizes and laws that make the solved geometries at the points of a grid alike, by side.

    Parameters
    ----------
    points : sequence of Point
    solved : sequence of SolvedGeometry
        One per point.
    sizes : sequence of mapping
        Value that the free size of a side has in each; empty where none is free.
    by : mapping of str to float
        The parameters at the place that is asked for.
    shape : (P, m)
        Of derivatives.
    places : mapping of str to int
        Place of every parameter among the derivatives.
    """

    def jet(value: float, slopes: Mapping[str, float]) -> Jet:
        out = Jet.constant(value, shape)
        for path, slope in slopes.items():
            out.slopes[places[path]] = slope
        return out

    out: list[dict[str, Similar]] = [{} for _ in points]
    for side in ("working", "counter"):
        prefix = f"{side}_electrode."
        if not any(path.startswith(prefix) for path in points[0].at):
            continue
        known = [s.constrictions.get(side, 0.0) / size.get(side, 1.0) for s, size in zip(solved, sizes, strict=True)]
        fraction = f"{prefix}morphology.contact_fraction"
        logarithm, rates = 0.0, dict.fromkeys(points[0].rates, 0.0)
        is_known = all(g > 0.0 for g in known)
        if is_known:
            logarithm = sum(p.weight * math.log(g) for p, g in zip(points, known, strict=True))
            rates = {
                path: sum(p.rates[path] * math.log(g) for p, g in zip(points, known, strict=True)) for path in rates
            }
        for point, g, entry in zip(points, known, out, strict=True):
            laws, scale = {}, None
            if is_known:
                factor = math.exp(logarithm) / g
                scale = jet(factor, {path: factor * rate for path, rate in rates.items()})
            if fraction in point.at:
                here, there = by[fraction], point.at[fraction]
                laws["contact"] = jet(here / there, {fraction: 1.0 / there})
                laws["gap"] = jet((1.0 - here) / (1.0 - there), {fraction: -1.0 / (1.0 - there)})
            entry[side] = Similar(scale=scale, laws=laws)
    return out
