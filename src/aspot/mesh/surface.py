"""Curved quadrilaterals on the plane of the contact: polar patches around each spot, with rings nested at its rims.

A fan is what one spot sees: rays from its centre through the rims to straight mirror lines. Along a ray the patches get
narrower geometrically towards every rim on both sides; the last one takes the square root of the distance as its
coordinate, because potentials and current densities go as powers of it. Rims and mirror lines are exact.

Everything is in units of `unit_m`, angles in radians.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from aspot.morphology.unit_cell import Annulus, BoxCell, Disc, Ellipse, Shape, Square

FloatArray = NDArray[np.float64]

#: Width of a ring over that of the next one away from the rim.
_RATIO = 0.15
#: Along a patch, the distance from a rim to the mirror line grows by this factor at most.
_LARGEST_GROWTH = 6.0
#: Widest angle of a patch [rad].
_WIDEST = 0.9
#: Ratio of the axes of an ellipse in a hexagonal array.
_LONGEST = 3.0
#: A spot must keep this part of the way to every mirror line free.
_SMALLEST_ROOM = 1e-6


@dataclass(frozen=True)
class Line:
    """Straight line at a distance from the centre, seen along the angle of its normal: d / cos(theta - normal).

    `is_side`: one side of a square rim.
    """

    distance: float
    normal: float
    is_side: bool = False

    def radius(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Distance from the centre and its derivative with the angle."""
        angle = theta - self.normal
        r = self.distance / np.cos(angle)
        return r, r * np.tan(angle)


@dataclass(frozen=True)
class Oval:
    """Ellipse around the centre with its axes along x and y; a disc where both are equal; a point where both are 0."""

    semi_x: float
    semi_y: float

    def radius(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Distance from the centre and its derivative with the angle."""
        if self.semi_x == self.semi_y:
            return np.full_like(theta, self.semi_x), np.zeros_like(theta)
        c, s = np.cos(theta), np.sin(theta)
        r = ((c / self.semi_x) ** 2 + (s / self.semi_y) ** 2) ** -0.5
        return r, -(r**3) * c * s * (self.semi_y**-2 - self.semi_x**-2)


Curve = Line | Oval
Root = Literal["inner", "outer"] | None
_POINT = Oval(0.0, 0.0)


@dataclass(frozen=True, kw_only=True)
class Patch:
    """Image of the square (u, v) in [0, 1]^2: theta is linear in v, the radius goes from one curve to another in u.

    Parameters
    ----------
    centre : (x, y)
    turned : bool
        Whether the fan is turned by 180 degrees around its centre.
    stretch : (along x, along y)
        Applied to the fan last: angles and radii are those before.
    theta : (start, end)
    inner, outer : Curve
        Between which the patch lies.
    part : (start, end)
        The patch covers this part of the way from `inner` to `outer`, both in [0, 1].
    root : "inner", "outer" or None
        End of the patch that lies on a rim (or in the centre): the way from there goes as u^2 (in a centre it is
        linear); at this end the Jacobian vanishes as u.
    is_contact : bool
    """

    centre: tuple[float, float]
    turned: bool
    stretch: tuple[float, float]
    theta: tuple[float, float]
    inner: Curve
    outer: Curve
    part: tuple[float, float]
    root: Root
    is_contact: bool

    @property
    def is_centre(self) -> bool:
        """Whether the side u = 0 is the centre of the fan."""
        return self.inner is _POINT and self.part[0] == 0.0

    def map(self, u: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Positions and Jacobians.

        Parameters
        ----------
        u, v : (m,) float

        Returns
        -------
        (m, 2), (m, 2, 2)
            x; dx_i/du, dx_i/dv in the last axis.
        """
        start, width = self.theta[0], self.theta[1] - self.theta[0]
        low, high = self.part[0], self.part[1] - self.part[0]
        if self.root is None or self.is_centre:
            t, dt = low + high * u, np.full_like(u, high)
        elif self.root == "inner":
            t, dt = low + high * u**2, 2.0 * high * u
        else:
            # From the rim, not from the start: near the rim differences must stay exact.
            t, dt = self.part[1] - high * (1.0 - u) ** 2, 2.0 * high * (1.0 - u)
        theta = start + width * v
        near, near_slope = self.inner.radius(theta)
        far, far_slope = self.outer.radius(theta)
        r = near + t * (far - near)
        r_u = dt * (far - near)
        r_v = width * (near_slope + t * (far_slope - near_slope))
        sign = -1.0 if self.turned else 1.0
        c, s = sign * self.stretch[0] * np.cos(theta), sign * self.stretch[1] * np.sin(theta)
        x = np.stack([self.centre[0] + r * c, self.centre[1] + r * s], -1)
        along = np.stack([r_u * c, r_u * s], -1)
        turn = self.stretch[0] / self.stretch[1]
        across = np.stack([r_v * c - width * r * s * turn, r_v * s + width * r * c / turn], -1)
        return x, np.stack([along, across], -1)


@dataclass(frozen=True, kw_only=True)
class SurfaceMesh:
    """Patches that cover the piece of the contact plane that symmetry leaves.

    Parameters
    ----------
    fans : tuple of tuple of tuple of Patch
        fans[i][k][b]: band b, from the centre outwards, between two rays k of fan i. All k of a fan have equal bands.
    area : float
        Of the piece, in units of unit_m squared.
    wedge : float or None
        Angle of the piece if it is one wedge: its reflected copies fill what the rectangle holds around the centre.
    opposite : (x, y) or None
        Centre in the opposite corner of the rectangle, if the wedge stands for what is around that one, too.
    unit_m : float
    """

    fans: tuple[tuple[tuple[Patch, ...], ...], ...]
    area: float
    wedge: float | None
    opposite: tuple[float, float] | None
    unit_m: float


@dataclass(frozen=True)
class _Fan:
    """A centre, its mirror lines with the angles at which they begin and end, and its rims from the centre outwards."""

    centre: tuple[float, float]
    turned: bool
    walls: tuple[tuple[float, float, Line], ...]
    rims: tuple[Curve, ...]
    corners: tuple[float, ...]
    stretch: tuple[float, float] = (1.0, 1.0)


def _rims(shape: Shape) -> tuple[tuple[Curve, ...], tuple[float, ...]]:
    """Rims from the centre outwards, and the angles of their corners up to 90 degrees."""
    if isinstance(shape, Disc):
        return (Oval(shape.radius, shape.radius),), ()
    if isinstance(shape, Annulus):
        return (Oval(shape.inner_radius, shape.inner_radius), Oval(shape.radius, shape.radius)), ()
    if isinstance(shape, Ellipse):
        return (Oval(shape.semi_axis_x, shape.semi_axis_y),), ()
    return (Line(0.5 * shape.side, 0.0, is_side=True),), (np.pi / 4,)


def _fans(cell: BoxCell) -> tuple[tuple[_Fan, ...], float, float | None]:
    """Fans, area and wedge angle of the smallest piece that mirror planes leave."""
    shape = cell.shapes[0]
    rims, corners = _rims(shape)
    sx, sy = cell.size_x, cell.size_y
    is_round = isinstance(shape, Disc | Annulus)
    if len(cell.shapes) == 1:
        if np.isclose(sx, sy, rtol=1e-12) and not isinstance(shape, Ellipse):
            walls = ((0.0, np.pi / 4, Line(sx, 0.0)),)
            return (_Fan((0.0, 0.0), False, walls, rims, corners),), 0.5 * sx * sx, np.pi / 4
        area, stretch = sx * sy, (1.0, 1.0)
        if isinstance(shape, Ellipse):
            # A disc, stretched.
            mean = float(np.sqrt(shape.semi_axis_x * shape.semi_axis_y))
            stretch, rims = (shape.semi_axis_x / mean, shape.semi_axis_y / mean), (Oval(mean, mean),)
            sx, sy = sx / stretch[0], sy / stretch[1]
        corner = float(np.arctan2(sy, sx))
        walls_2 = ((0.0, corner, Line(sx, 0.0)), (corner, np.pi / 2, Line(sy, np.pi / 2)))
        return (_Fan((0.0, 0.0), False, walls_2, rims, corners, stretch),), area, np.pi / 2
    if is_round and np.isclose(sy, np.sqrt(3.0) * sx, rtol=1e-12):
        walls = ((0.0, np.pi / 6, Line(sx, 0.0)),)
        return (_Fan((0.0, 0.0), False, walls, rims, corners),), 0.5 * sx * sx / np.sqrt(3.0), np.pi / 6
    # Two centres in opposite corners: each has the half of the rectangle that is nearer to it.
    normal, distance = float(np.arctan2(sy, sx)), 0.5 * float(np.hypot(sx, sy))
    bisector = Line(distance, normal)
    # It leaves the rectangle through the sides x = sx and x = 0 (taller than wide) or y = sy and y = 0.
    if sy >= sx:
        low = float(np.arctan2((distance - sx * np.cos(normal)) / np.sin(normal), sx))
        walls_2 = ((0.0, low, Line(sx, 0.0)), (low, np.pi / 2, bisector))
    else:
        high = float(np.arctan2(sy, (distance - sy * np.sin(normal)) / np.cos(normal)))
        walls_2 = ((0.0, high, bisector), (high, np.pi / 2, Line(sy, np.pi / 2)))
    fans = tuple(
        _Fan(centre, turned, walls_2, rims, corners) for centre, turned in (((0.0, 0.0), False), ((sx, sy), True))
    )
    return fans, sx * sy, None


def _room(fan: _Fan) -> float:
    """Smallest part of the way from the centre to a mirror line that the outermost rim leaves free."""
    room = np.inf
    for start, end, wall in fan.walls:
        theta = np.linspace(start, end, 65)
        rim = _rim_radius(fan.rims[-1], theta)
        room = min(room, float(np.min(1.0 - rim / wall.radius(theta)[0])))
    return room


def _rim_radius(rim: Curve, theta: FloatArray) -> FloatArray:
    """As `Curve.radius`, for all sides of a square in the first quadrant."""
    if isinstance(rim, Line):
        return rim.distance / np.maximum(np.cos(theta), np.sin(theta))
    return rim.radius(theta)[0]


def accepts(cell: BoxCell) -> bool:
    """Whether each shape lies within what is nearer to its own centre than to any other, clear of the mirror lines.

    Squares in hexagonal arrays are left to the tetrahedra: rays towards their corners would have to go on through both
    fans, which takes thousands of unknowns. So are long ellipses there.
    """
    if len(cell.shapes) not in (1, 2):
        return False
    shape = cell.shapes[0]
    if len(cell.shapes) == 2 and isinstance(shape, Square | Ellipse):
        if isinstance(shape, Square):
            return False
        axes = sorted((shape.semi_axis_x, shape.semi_axis_y))
        if axes[1] > _LONGEST * axes[0]:
            return False
    wanted = ((0.0, 0.0),) if len(cell.shapes) == 1 else ((0.0, 0.0), (cell.size_x, cell.size_y))
    if any((shape.x, shape.y) != at for shape, at in zip(cell.shapes, wanted, strict=True)):
        return False
    return all(_room(fan) > _SMALLEST_ROOM for fan in _fans(cell)[0])


def build(cell: BoxCell, *, rings: int) -> SurfaceMesh:
    """Patches for a periodic array.

    Parameters
    ----------
    cell : BoxCell
        One shape at (0, 0), or two equal ones at opposite corners of the rectangle.
    rings : int
        Nested rings on each side of every rim, and of patches towards every corner of a rim; at least 1. The
        narrowest ring has a width of 0.15^(rings - 1) times what limits the field there: the radius of the rim, or
        the room to the next rim or mirror line.

    Returns
    -------
    SurfaceMesh
    """
    unit = 2.0 * min(cell.size_x, cell.size_y)
    scaled = _scaled(cell, 1.0 / unit)
    fans, area, wedge = _fans(scaled)
    return SurfaceMesh(
        fans=tuple(_patches(fan, rings, scaled.contact_inside, is_shared=len(fans) > 1) for fan in fans),
        area=area,
        wedge=wedge,
        opposite=(scaled.size_x, scaled.size_y) if len(fans) < len(scaled.shapes) else None,
        unit_m=unit,
    )


def _scaled(cell: BoxCell, by: float) -> BoxCell:
    lengths = {
        Disc: ("radius",),
        Ellipse: ("semi_axis_x", "semi_axis_y"),
        Square: ("side",),
        Annulus: ("inner_radius", "radius"),
    }
    shapes = tuple(
        type(s)(x=s.x * by, y=s.y * by, **{n: getattr(s, n) * by for n in lengths[type(s)]}) for s in cell.shapes
    )
    return BoxCell(size_x=cell.size_x * by, size_y=cell.size_y * by, shapes=shapes, contact_inside=cell.contact_inside)


def _breaks(fan: _Fan, first: float, last: float, wall: Line, rings: int, *, is_shared: bool) -> list[float]:
    """Angles of rays between which the room from rim to wall varies moderately, graded towards the corners of a rim.

    `is_shared`: another fan meets the wall with the same angles, mirrored at its middle.
    """
    ends = {first, last, *(c for c in fan.corners if first < c < last)}
    for corner in fan.corners:
        for end in (first, last):
            if first <= corner <= last and end != corner:
                ends |= {corner + (end - corner) * _RATIO**k for k in range(1, rings)}
    out = [first]
    for start, end in pairwise(sorted(ends)):
        theta = np.linspace(start, end, 2001)
        room = np.log(wall.radius(theta)[0] - _rim_radius(fan.rims[-1], theta))
        if is_shared:
            room = np.minimum(room, room[::-1])
        growth = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(room)))]) / np.log(_LARGEST_GROWTH)
        # Equal shares of the growth of the room and of the angle.
        measure = growth + (theta - start) / _WIDEST
        pieces = max(1, int(np.ceil(measure[-1] - 0.2)))
        out.extend(np.interp(np.linspace(0.0, measure[-1], pieces + 1)[1:-1], measure, theta).tolist())
        out.append(end)
    return out


def _patches(fan: _Fan, rings: int, contact_inside: bool, *, is_shared: bool) -> tuple[tuple[Patch, ...], ...]:
    """Patches of a fan, by ray and band. `is_shared`: one mirror line belongs to two fans, turned to each other."""
    rays: list[tuple[float, float, Line]] = []
    for first, last, wall in fan.walls:
        is_between = is_shared and 0.0 < wall.normal < np.pi / 2
        breaks = _breaks(fan, first, last, wall, rings, is_shared=is_between)
        rays.extend((start, end, wall) for start, end in pairwise(breaks))
    bands = _bands(fan, rings)
    inner_of = [_POINT, *fan.rims]
    spokes = []
    for start, end, wall in rays:
        middle = 0.5 * (start + end)
        curves = [_facing(curve, middle) for curve in (*inner_of, wall)]
        spokes.append(
            tuple(
                Patch(
                    centre=fan.centre,
                    turned=fan.turned,
                    stretch=fan.stretch,
                    theta=(start, end),
                    inner=curves[k],
                    outer=curves[k + 1],
                    part=part,
                    root=root,
                    # Inside and outside of the shape alternate from the outermost rim inwards.
                    is_contact=((len(fan.rims) - k) % 2 == 1) == contact_inside,
                )
                for k, part, root in bands
            )
        )
    return tuple(spokes)


def _facing(curve: Curve, middle: float) -> Curve:
    """The side of a square that a ray meets; walls face it already."""
    if isinstance(curve, Line) and curve.normal == 0.0 and middle > np.pi / 4 and curve.is_side:
        return Line(curve.distance, np.pi / 2, is_side=True)
    return curve


def _bands(fan: _Fan, rings: int) -> list[tuple[int, tuple[float, float], Root]]:
    """Interval between curves, part of the way between them, and rim end, of every band of a fan."""
    samples = [(np.linspace(a, b, 33), wall) for a, b, wall in fan.walls]
    theta = np.concatenate([t for t, _ in samples])
    radii = [np.zeros(len(theta)), *(_rim_radius(rim, theta) for rim in fan.rims)]
    radii.append(np.concatenate([wall.radius(t)[0] for t, wall in samples]))
    widths = [float(np.max(b - a)) for a, b in pairwise(radii)]
    sizes = [float(np.min(r)) for r in radii]
    out: list[tuple[int, tuple[float, float], Root]] = []
    for k, width in enumerate(widths):
        at_inner, at_outer = k > 0, k < len(fan.rims)
        # What limits the field at a rim: its radius, or the width of the band.
        smallest = [min(1.0, size / width) * _RATIO ** (rings - 1) for size in sizes[k : k + 2]]
        if at_inner and at_outer:
            parts = [0.0, *_graded(smallest[0], 0.5), *(1.0 - d for d in _graded(smallest[1], 0.5)[-2::-1]), 1.0]
        elif at_inner:
            parts = [0.0, *_graded(smallest[0], 1.0)]
        else:
            parts = [*(1.0 - d for d in reversed(_graded(min(smallest[1], _RATIO), 1.0))), 1.0]
        for low, high in pairwise(parts):
            root: Root = "inner" if low == 0.0 else "outer" if high == 1.0 and at_outer else None
            out.append((k, (low, high), root))
    return out


def _graded(smallest: float, largest: float) -> list[float]:
    """Distances from a rim in a geometric sequence that ends at `largest`."""
    count = max(0, int(np.ceil(np.log(smallest / largest) / np.log(_RATIO) - 1e-9)))
    factor = (smallest / largest) ** (1.0 / count) if count else 1.0
    return [largest * factor**k for k in range(count, -1, -1)]
