"""Grids of pixels on the plane of the interface: which part of every pixel the metal touches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.fft import next_fast_len

from aspot.morphology.gap_profile import GapProfile
from aspot.morphology.unit_cell import Annulus, BoxCell, MapCell, Shape, Square, extent

FloatArray = NDArray[np.float64]

#: Points per direction at which a pixel under more than one shape is sampled.
_SAMPLES = 16
#: Rings per pixel, and points across a ring, at which the height of a gap is sampled.
_RINGS, _RING_POINTS = 3, 5
#: Parts of a pixel that are rounding.
_ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True, eq=False)
class PixelGrid:
    """Pixels of a rectangle with mirror planes at its sides, or repeated.

    Parameters
    ----------
    size_x, size_y : float
        Sides [m].
    periodic : bool
    contact : (ny, nx) float
        Part of each pixel's area where the metal touches, 0 to 1.
    gap_weight : (ny, nx) float or None
        Thickness of the gap's law over the local distance of metal and electrolyte; None: 1 everywhere.
    """

    size_x: float
    size_y: float
    periodic: bool
    contact: FloatArray
    gap_weight: FloatArray | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Pixels along y and x."""
        ny, nx = self.contact.shape
        return ny, nx

    @property
    def pixel_m(self) -> tuple[float, float]:
        """Sides of a pixel along y and x [m]."""
        ny, nx = self.shape
        return self.size_y / ny, self.size_x / nx


def grid_shape(size_x: float, size_y: float, pixel: float) -> tuple[int, int]:
    """Numbers of pixels (ny, nx) that are quick to transform, with pixels nearly square and not above `pixel` [m]."""
    nx, ny = (max(int(np.ceil(size / pixel * (1 - 1e-12))), 2) for size in (size_x, size_y))
    if nx >= ny:
        nx = next_fast_len(nx, real=True)
        return next_fast_len(max(int(np.ceil(size_y / size_x * nx * (1 - 1e-12))), 2), real=True), nx
    ny = next_fast_len(ny, real=True)
    return ny, next_fast_len(max(int(np.ceil(size_x / size_y * ny * (1 - 1e-12))), 2), real=True)


def from_shapes(cell: BoxCell, shape: tuple[int, int], gap_thickness: float | None = None) -> PixelGrid:
    """Pixels of a cell given by shapes, with the exact area that every shape covers of them.

    Parameters
    ----------
    cell : BoxCell
    shape : (ny, nx)
    gap_thickness : float, optional
        Of the gap's law [m], to which the heights of a gap profile are relative.
    """
    covered, touching = np.zeros(shape), np.zeros(shape, np.int32)
    images = [image for s in cell.shapes for image in _images(cell, s)]
    for image in images:
        _add(cell, image, covered, touching)
    _settle_overlaps(cell, images, covered, touching)
    np.clip(covered, 0.0, 1.0, out=covered)
    covered[covered < _ROUNDING] = 0.0
    covered[covered > 1.0 - _ROUNDING] = 1.0
    contact = covered if cell.contact_inside else 1.0 - covered
    weight = None
    if cell.gap_profile is not None and gap_thickness is not None:
        weight = _pore_weights(cell, cell.gap_profile, images, contact, gap_thickness)
    return PixelGrid(size_x=cell.size_x, size_y=cell.size_y, periodic=cell.periodic, contact=contact, gap_weight=weight)


def _pore_weights(
    cell: BoxCell, profile: GapProfile, images: list[_Outline], contact: FloatArray, thickness: float
) -> FloatArray:
    """Mean of d_0/d over the part of every pixel that lies in a pore.

    Points on rings, close to each other towards the rim, where 1/d is steep: each counts for the pixel in which it
    lies, so that the capacitance of every pore is exact however large the pixels are.
    """
    ny, nx = contact.shape
    hy, hx = cell.size_y / ny, cell.size_x / nx
    area, weighted = np.zeros(contact.shape), np.zeros(contact.shape)
    g, w = np.polynomial.legendre.leggauss(_RING_POINTS)
    for x0, y0, radius, *_ in images:
        breaks = profile.breaks(radius)
        # Rings no wider than part of a pixel; those along the rim shrink geometrically.
        even = np.arange(0.0, radius, min(hx, hy) / _RINGS)[1:]
        ends = np.unique(np.concatenate([[0.0], breaks[breaks < radius], even, [radius]]))
        size = np.diff(ends)[:, None]
        t = (ends[:-1, None] + 0.5 * (1.0 + g) * size).ravel()
        r = radius - t
        n_angles = int(np.ceil(2.0 * np.pi * radius / min(hx, hy) * _RINGS / 4.0)) * 4
        angles = np.asarray((np.arange(n_angles) + 0.5) * (2.0 * np.pi / n_angles), float)
        patch = np.asarray((0.5 * w * size).ravel() * r * (2.0 * np.pi / n_angles), float)
        ratio = thickness / profile.distance_from_rim(t, radius)
        _scatter(x0, y0, r, patch, np.asarray(patch * ratio, float), angles, (hx, hy), area, weighted)
    # Slivers without a point lie along the rim.
    at_rim = thickness / profile.floor if profile.floor > 0.0 else 1.0
    mean = np.where(area > 0.0, weighted / np.where(area > 0.0, area, 1.0), at_rim)
    # Points share out the area of a pixel coarsely where the rim cuts it: the sum is put right.
    total = float((mean * (1.0 - contact)).sum()) * hx * hy
    return np.asarray(mean * (weighted.sum() / total if total > 0.0 else 1.0))


@njit(cache=True, nogil=True)
def _scatter(
    x0: float,
    y0: float,
    r: FloatArray,
    patch: FloatArray,
    weight: FloatArray,
    angles: FloatArray,
    pixel: tuple[float, float],
    area: FloatArray,
    weighted: FloatArray,
) -> None:
    """Add the points of one disc, at radii r and all angles, to the pixels in which they lie."""
    ny, nx = area.shape
    for angle in angles:
        cos, sin = np.cos(angle), np.sin(angle)
        for k in range(len(r)):
            i = int(np.floor((x0 + r[k] * cos) / pixel[0]))
            j = int(np.floor((y0 + r[k] * sin) / pixel[1]))
            if 0 <= i < nx and 0 <= j < ny:
                area[j, i] += patch[k]
                weighted[j, i] += weight[k]


#: Centre, semi-axes and those of the hole [m]; whether it is a rectangle.
_Outline = tuple[float, float, float, float, float, float, bool]


def _outline(s: Shape) -> _Outline:
    hole = s.inner_radius if isinstance(s, Annulus) else 0.0
    return s.x, s.y, *extent(s), hole, hole, isinstance(s, Square)


def _images(cell: BoxCell, s: Shape) -> list[_Outline]:
    """A shape and, in a periodic cell, its copies that reach into the rectangle."""
    x, y, p, q, *hole = _outline(s)
    if not cell.periodic:
        return [(x, y, p, q, *hole)]  # type: ignore[list-item]
    shifts = [
        np.arange(np.ceil(-(at + size) / side), np.floor((side - at + size) / side) + 1) * side
        for at, size, side in ((x, p, cell.size_x), (y, q, cell.size_y))
    ]
    return [(x + float(dx), y + float(dy), p, q, *hole) for dx in shifts[0] for dy in shifts[1]]  # type: ignore[misc]


def _add(cell: BoxCell, outline: _Outline, covered: FloatArray, touching: NDArray[np.int32]) -> None:
    x, y, p, q, hole_p, hole_q, is_square = outline
    ny, nx = covered.shape
    hx, hy = cell.size_x / nx, cell.size_y / ny
    columns = max(int(np.floor((x - p) / hx)), 0), min(int(np.ceil((x + p) / hx)), nx)
    rows = max(int(np.floor((y - q) / hy)), 0), min(int(np.ceil((y + q) / hy)), ny)
    if columns[0] >= columns[1] or rows[0] >= rows[1]:
        return
    block = np.s_[rows[0] : rows[1], columns[0] : columns[1]]
    # Edges of the pixels in units of the semi-axes.
    u = (np.arange(columns[0], columns[1] + 1) * hx - x) / p
    v = (np.arange(rows[0], rows[1] + 1) * hy - y) / q
    if is_square:
        widths = (np.diff(np.clip(w, -1.0, 1.0)) for w in (v, u))
        part = np.multiply.outer(*widths) * (p * q / (hx * hy))
    else:
        part = _disc_parts(u, v)
        if hole_p > 0.0:
            scale = p / hole_p, q / hole_q
            part = part - _disc_parts(u * scale[0], v * scale[1])
    covered[block] += part
    # A pixel that one shape covers needs no care.
    touching[block] += np.where(part > 1.0 - _ROUNDING, -len(cell.shapes) * 9, part > _ROUNDING).astype(np.int32)


@njit(cache=True, nogil=True)
def _disc_parts(u: FloatArray, v: FloatArray) -> FloatArray:
    """Part of each pixel between edges u (columns) and v (rows) inside the unit disc."""
    out = np.empty((len(v) - 1, len(u) - 1))
    for j in range(len(v) - 1):
        low, high = v[j], v[j + 1]
        nearest = 0.0 if low <= 0.0 <= high else min(abs(low), abs(high))
        farthest = max(abs(low), abs(high))
        for i in range(len(u) - 1):
            left, right = u[i], u[i + 1]
            near = 0.0 if left <= 0.0 <= right else min(abs(left), abs(right))
            far = max(abs(left), abs(right))
            if near * near + nearest * nearest >= 1.0:
                out[j, i] = 0.0
            elif far * far + farthest * farthest <= 1.0:
                out[j, i] = 1.0
            else:
                area = _below(left, right, high) - _below(left, right, low)
                out[j, i] = area / ((right - left) * (high - low))
    return out


@njit(cache=True, nogil=True)
def _below(left: float, right: float, height: float) -> float:
    """Area of the unit disc between two verticals and below a horizontal line.

    At x the disc reaches from -s to s, s = sqrt(1 - x^2): below the line lies min(height, s) + s, or nothing.
    """
    a, b = max(left, -1.0), min(right, 1.0)
    if b <= a or height <= -1.0:
        return 0.0
    if height >= 1.0:
        return 2.0 * (_segment(b) - _segment(a))
    chord = np.sqrt(1.0 - height * height)
    c, d = min(max(a, -chord), b), max(min(b, chord), a)
    area = height * (d - c) + _segment(d) - _segment(c) if d > c else 0.0
    if height > 0.0:
        if d > c:
            area += 2.0 * (_segment(c) - _segment(a) + _segment(b) - _segment(d))
        else:
            area += 2.0 * (_segment(b) - _segment(a))
    return area


@njit(cache=True, nogil=True)
def _segment(x: float) -> float:
    """Integral of sqrt(1 - x^2)."""
    return 0.5 * (x * np.sqrt(max(1.0 - x * x, 0.0)) + np.arcsin(x))


def _settle_overlaps(cell: BoxCell, images: list[_Outline], covered: FloatArray, touching: NDArray[np.int32]) -> None:
    """Where more than one shape covers a part of a pixel, its union is sampled."""
    rows, columns = np.nonzero(touching > 1)
    if not len(rows):
        return
    ny, nx = covered.shape
    hx, hy = cell.size_x / nx, cell.size_y / ny
    offsets = (np.arange(_SAMPLES) + 0.5) / _SAMPLES
    x = ((columns[:, None] + offsets) * hx)[:, None, :]
    y = ((rows[:, None] + offsets) * hy)[:, :, None]
    inside = np.zeros((len(rows), _SAMPLES, _SAMPLES), bool)
    for cx, cy, p, q, hole_p, hole_q, is_square in images:
        near = (np.abs((columns + 0.5) * hx - cx) <= p + hx) & (np.abs((rows + 0.5) * hy - cy) <= q + hy)
        u, v = (x[near] - cx) / p, (y[near] - cy) / q
        within = np.maximum(np.abs(u), np.abs(v)) <= 1.0 if is_square else u**2 + v**2 <= 1.0
        if hole_p > 0.0:
            within &= (u * p / hole_p) ** 2 + (v * q / hole_q) ** 2 >= 1.0
        inside[near] |= within
    covered[rows, columns] = inside.mean(axis=(1, 2))


def from_map(cell: MapCell, factor: int, gap_thickness: float | None) -> PixelGrid:
    """The pixels of a map, divided or taken together.

    Parameters
    ----------
    cell : MapCell
    factor : int
        Above 0: every pixel is divided into factor x factor, the contact of one covered in part being gathered where
        its neighbours have most (areas are kept). Below 0: blocks of -factor x -factor pixels are one; their
        admittances add.
    gap_thickness : float or None
        Of the gap's law [m]; None: there is no such law, or it has no thickness.
    """
    contact = np.asarray(cell.contact, float)
    weight = None
    if cell.gap_height is not None and gap_thickness is not None:
        weight = np.where(contact < 1.0, gap_thickness / np.where(contact < 1.0, cell.gap_height, 1.0), 1.0)
    if factor < 0:
        coarse = np.clip(_averaged(contact, -factor), 0.0, 1.0)
        coarse = np.where(coarse > 1.0 - _ROUNDING, 1.0, np.where(coarse < _ROUNDING, 0.0, coarse))
        if weight is not None:
            open_part = _averaged(1.0 - contact, -factor)
            total = _averaged(weight * (1.0 - contact), -factor)
            weight = np.where(open_part > 0.0, total / np.where(open_part > 0.0, open_part, 1.0), 1.0)
        contact = coarse
    elif factor > 1:
        contact = _divided(contact, factor, cell.periodic)
        weight = None if weight is None else np.kron(weight, np.ones((factor, factor)))
    return PixelGrid(size_x=cell.size_x, size_y=cell.size_y, periodic=cell.periodic, contact=contact, gap_weight=weight)


def _averaged(values: FloatArray, block: int) -> FloatArray:
    """Means over blocks as equal as can be: where the number of pixels is no multiple, pixels are shared by area."""
    out: Any = values
    for axis in (0, 1):
        n = out.shape[axis]
        edges = np.linspace(0.0, n, max(n // block, 1) + 1)
        sums = np.insert(np.cumsum(np.moveaxis(out, axis, 0), axis=0), 0, 0.0, axis=0)
        whole = np.minimum(edges.astype(np.int64), n - 1)
        at = sums[whole] + (edges - whole)[:, None] * (sums[whole + 1] - sums[whole])
        means = np.diff(at, axis=0) / np.diff(edges)[:, None]
        out = np.asarray(np.moveaxis(means, 0, axis))
    return np.ascontiguousarray(out, float)


def _divided(contact: FloatArray, factor: int, periodic: bool) -> FloatArray:
    """Pixels divided, those covered in part filled from the side of their best covered neighbours."""
    out = np.asarray(np.kron(contact, np.ones((factor, factor))), float)
    rows, columns = np.nonzero((contact > 0.0) & (contact < 1.0))
    if not len(rows):
        return out
    padded = np.pad(contact, 1, mode="wrap" if periodic else "symmetric")
    around = np.stack([padded[rows + j, columns + i] for j in range(3) for i in range(3)], axis=1)
    # Slopes of the plane that fits the nine pixels best; ties are broken towards the centre of the pixel.
    step = np.array([-1.0, 0.0, 1.0])
    slope_y, slope_x = around @ np.repeat(step, 3) / 6.0, around @ np.tile(step, 3) / 6.0
    at = (np.arange(factor) + 0.5) / factor - 0.5
    height = (slope_y[:, None, None] * at[:, None] + slope_x[:, None, None] * at).reshape(len(rows), -1)
    height -= 1e-6 * (at[:, None] ** 2 + at**2).ravel()
    rank = np.argsort(np.argsort(-height, axis=1, kind="stable"), axis=1, kind="stable")
    parts = np.clip(contact[rows, columns][:, None] * factor**2 - rank, 0.0, 1.0)
    blocks = out.reshape(contact.shape[0], factor, contact.shape[1], factor)
    blocks[rows, :, columns, :] = parts.reshape(-1, factor, factor)
    return out
