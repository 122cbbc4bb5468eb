"""Spots and pores in regular arrangements: one in a flux tube, square and hexagonal arrays; and parallel strips."""

from __future__ import annotations

import math
from typing import Any

from aspot.morphology.keys import ShapeKeys, check_fraction
from aspot.morphology.unit_cell import Annulus, BoxCell, Disc, Ellipse, ProfileCell, Shape, Square
from aspot.specification import FieldError

#: Keys that describe the size of each shape.
_SIZES = {"disc": ("radius",), "square": ("side",), "ellipse": ("semi_axes",), "annulus": ("inner_radius", "radius")}

#: Part of the pitch that neighbouring shapes leave free at least: meshes need room between rims.
_CLEARANCE, _PROFILE_CLEARANCE = 0.005, 0.001


def keys(m: ShapeKeys) -> tuple[set[str], set[str]]:
    """Allowed and required keys."""
    if m.kind == "strips":
        return {"width", "radius", "contact_fraction", "spacing"}, set()
    size = set(_SIZES[m.shape or "disc"])
    array = {"count"} if m.arrangement in ("square", "hexagonal") else set()
    return size | array | {"shape", "arrangement", "contact_fraction", "spacing"}, size | {"arrangement"}


def check(m: ShapeKeys) -> None:
    """Refuse sizes that contradict each other or leave no room between neighbours."""
    if m.kind == "strips" and (m.width is None) == (m.radius is None):
        raise FieldError("width", "strips need either width, or radius (half the width)")
    if (m.contact_fraction is None) == (m.spacing is None):
        raise FieldError("contact_fraction", "give either contact_fraction or spacing")
    if m.arrangement == "single" and m.shape in ("square", "ellipse"):
        raise FieldError(
            "shape",
            "arrangement = 'single' is a flux tube, which holds a disc or an annulus; "
            "use arrangement = 'square' or 'hexagonal'",
            m.shape,
        )
    if m.shape == "annulus" and not m.inner_radius < 0.999 * m.radius:  # type: ignore[operator]
        raise FieldError("inner_radius", f"must be below radius = {m.radius:g} m", m.inner_radius, "m")
    check_fraction(m, fraction(m), "spacing")
    needed = _PROFILE_CLEARANCE if _is_profile(m) else _CLEARANCE
    if _clearance(m) >= needed:
        return
    message = f"leaves less than {needed:.1%} of the spacing between neighbours ({_limit(m)})"
    if m.spacing is not None:
        raise FieldError("spacing", message, m.spacing, "m")
    raise FieldError("contact_fraction", message, m.contact_fraction)


def fraction(m: ShapeKeys) -> float:
    """Contact fraction, given or from the spacing."""
    if m.contact_fraction is not None:
        return m.contact_fraction
    assert m.spacing is not None
    if m.kind == "strips":
        return 2.0 * _half_width(m) / m.spacing
    covered = _shape_area(m) / (_cell_area_factor(m) * m.spacing**2)
    return covered if m.kind == "spots" else 1.0 - covered


def pitch(m: ShapeKeys) -> float:
    """Spacing, given or from the contact fraction [m]."""
    if m.spacing is not None:
        return m.spacing
    assert m.contact_fraction is not None
    if m.kind == "strips":
        return 2.0 * _half_width(m) / m.contact_fraction
    covered = m.contact_fraction if m.kind == "spots" else 1.0 - m.contact_fraction
    return math.sqrt(_shape_area(m) / (covered * _cell_area_factor(m)))


def unit_cell(m: ShapeKeys, planar_width: float, gap_floor: float) -> ProfileCell | BoxCell:
    """Half a strip, a flux tube, or the smallest rectangle of an array; see `Morphology.unit_cell`."""
    half = 0.5 * pitch(m)
    if m.kind == "strips":
        return ProfileCell(axisymmetric=False, outer=half, edges=(_half_width(m),), contact=(True, False))
    inside = m.kind == "spots"
    if m.arrangement == "single":
        assert m.radius is not None
        if m.shape == "annulus":
            assert m.inner_radius is not None
            edges: tuple[float, ...] = (m.inner_radius, m.radius)
            contact: tuple[bool, ...] = (not inside, inside, not inside)
        else:
            edges, contact = (m.radius,), (inside, not inside)
        return ProfileCell(axisymmetric=True, outer=half, edges=edges, contact=contact)
    if m.arrangement == "square":
        return BoxCell(size_x=half, size_y=half, shapes=(_placed(m, 0.0, 0.0),), contact_inside=inside)
    height = math.sqrt(3) * half
    shapes = (_placed(m, 0.0, 0.0), _placed(m, half, height))
    return BoxCell(size_x=half, size_y=height, shapes=shapes, contact_inside=inside)


def content(m: ShapeKeys) -> dict[str, Any]:
    """No file."""
    return {}


def _is_profile(m: ShapeKeys) -> bool:
    return m.kind == "strips" or m.arrangement == "single"


def _limit(m: ShapeKeys) -> str:
    if _is_profile(m):
        return "the shape must fit into its unit cell"
    if m.shape in (None, "disc"):
        limit = math.pi / 4 if m.arrangement == "square" else math.pi / (2 * math.sqrt(3))
        return f"discs in a {m.arrangement} array touch when they cover {limit:.3f} of the area"
    return "use a larger spacing or smaller shapes"


def _clearance(m: ShapeKeys) -> float:
    """Free room between neighbours, relative to the pitch."""
    spacing = pitch(m)
    if m.kind == "strips":
        return 1.0 - 2.0 * _half_width(m) / spacing
    ax, ay = _half_extents(m)
    if m.arrangement == "single":
        return 1.0 - 2.0 * ax / spacing
    height = math.sqrt(3) / 2
    # Long ellipses reach past the nearest row of a hexagonal array.
    hexagonal = [(1.0, 0.0), (0.5, height), (0.0, 2.0 * height)]
    to = [(1.0, 0.0), (0.0, 1.0)] if m.arrangement == "square" else hexagonal
    room = []
    for x, y in to:
        if m.shape == "square":
            distance = max(x, y) * spacing
            room.append((distance - 2.0 * ax) / spacing)
        else:
            # Equal aligned ellipses are apart if the centres' offset lies outside the ellipse of twice the size.
            stretch = math.hypot(x * spacing / (2.0 * ax), y * spacing / (2.0 * ay))
            room.append((1.0 - 1.0 / stretch) * math.hypot(x, y) if stretch > 0 else -1.0)
    return min(room)


def _half_width(m: ShapeKeys) -> float:
    """Half the width of a strip [m]."""
    if m.radius is not None:
        return m.radius
    assert m.width is not None
    return 0.5 * m.width


def _half_extents(m: ShapeKeys) -> tuple[float, float]:
    if m.shape == "ellipse":
        assert m.semi_axes is not None
        return m.semi_axes
    if m.shape == "square":
        assert m.side is not None
        return 0.5 * m.side, 0.5 * m.side
    assert m.radius is not None
    return m.radius, m.radius


def _shape_area(m: ShapeKeys) -> float:
    """Area of one shape [m2]."""
    ax, ay = _half_extents(m)
    if m.shape == "square":
        return 4.0 * ax * ay
    inner = m.inner_radius or 0.0
    return math.pi * (ax * ay - inner**2)


def _placed(m: ShapeKeys, x: float, y: float) -> Shape:
    ax, ay = _half_extents(m)
    if m.shape == "ellipse":
        return Ellipse(x=x, y=y, semi_axis_x=ax, semi_axis_y=ay)
    if m.shape == "square":
        return Square(x=x, y=y, side=2.0 * ax)
    if m.shape == "annulus":
        assert m.inner_radius is not None
        return Annulus(x=x, y=y, inner_radius=m.inner_radius, radius=ax)
    return Disc(x=x, y=y, radius=ax)


def _cell_area_factor(m: ShapeKeys) -> float:
    """Area of the cell of one shape over the square of the spacing."""
    return {"single": math.pi / 4.0, "square": 1.0, "hexagonal": math.sqrt(3) / 2.0}[m.arrangement or "single"]
