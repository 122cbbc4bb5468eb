"""Kind "planar": the metal touches everywhere."""

from __future__ import annotations

from typing import Any

from aspot.morphology.keys import ShapeKeys
from aspot.morphology.unit_cell import ProfileCell


def keys(m: ShapeKeys) -> tuple[set[str], set[str]]:
    """Allowed and required keys: none."""
    return set(), set()


def check(m: ShapeKeys) -> None:
    """Nothing can be wrong."""


def fraction(m: ShapeKeys) -> float:
    """1."""
    return 1.0


def pitch(m: ShapeKeys) -> float:
    """0: there are no neighbours [m]."""
    return 0.0


def unit_cell(m: ShapeKeys, planar_width: float, gap_floor: float) -> ProfileCell:
    """A tube without a rim; see `Morphology.unit_cell`."""
    return ProfileCell(axisymmetric=True, outer=planar_width)


def content(m: ShapeKeys) -> dict[str, Any]:
    """No file."""
    return {}
