"""Any map of contacts and gaps under a flat interface: pixels on the plane, transforms for the depth.

Levels halve the pixels. Those of shapes begin with a few pixels per radius. The pixels of a map are the geometry
itself: coarser levels take blocks of them together, finer ones divide them (see `aspot.mesh.planar.from_map`). Where
the gap has a height d(x, y), its law stays that of one thickness d0, and every pixel counts with the weight d0 / d.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aspot.discretise import slab
from aspot.discretise.backend import Backend, Discrete, laws_of_terms, named_layers, region_admittivities, region_names
from aspot.errors import InputError
from aspot.fem.planar import PlanarProblem, PlanarTerm
from aspot.fem.planar_network import PlanarNetwork, Transform
from aspot.field import Cut, Field
from aspot.interface import InterfaceProblem
from aspot.mesh import planar as pixels
from aspot.morphology.unit_cell import BoxCell, MapCell, half_width
from aspot.reduction import ReducedProblem

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

_N_LEVELS = 7
#: Pixels per half width of a small shape at the first level; fewest and most pixels per side of the cell there.
_PIXELS, _FEWEST, _MOST = 2.0, 16, 512
#: Shapes below this quantile, weighted by size, do not set the first level.
_SMALL = 0.1
#: Shapes above which pixels are the automatic choice.
_FEW = 4
#: A map begins with blocks of at most so many pixels.
_BLOCK = 4
#: Pixels by which rims may be out of place: of shapes (see `aspot.fem.planar_network`), and of maps with the corners
#: of their pixels; and by how much more where the boundary of a layer is as near as the next pixels.
_SHIFT, _CORNER_SHIFT, _LAYER_SHIFT = 0.01, 0.03, 0.04
#: Bytes per unknown: a basis of ten vectors, as many images and transforms at once.
_BYTES = 350.0

#: Pixels per side that show a field on its cut and in space.
_SHOWN_CUT, _SHOWN = 384, 48


def _shape(cell: BoxCell, level: int) -> tuple[int, int]:
    """Pixels (ny, nx) of a cell of shapes."""
    sides = cell.size_x, cell.size_y
    pixel = min(sides) / _FEWEST
    if cell.shapes:
        widths = np.sort([half_width(s) for s in cell.shapes])
        reached = np.cumsum(widths)
        small = widths[np.searchsorted(reached, _SMALL * reached[-1])]
        pixel = min(max(float(small) / _PIXELS, max(sides) / _MOST), pixel)
    ny, nx = pixels.grid_shape(*sides, pixel)
    return ny << level, nx << level


def _factor(cell: MapCell, level: int) -> int:
    """Parts into which a pixel of a map is divided along each side, or minus the pixels that are one."""
    block = _BLOCK
    while block > 1 and min(cell.contact.shape) < _FEWEST * block:
        block //= 2
    exponent = level - block.bit_length() + 1
    return 1 << exponent if exponent >= 0 else -(1 << -exponent)


def grid(interface: InterfaceProblem, level: int) -> pixels.PixelGrid:
    """The pixels of a unit cell at a level.

    Raises
    ------
    InputError
        If heights of gaps come with a law that has no thickness.
    """
    cell = interface.cell
    thickness = getattr(interface.gap, "thickness_m", None)
    heights = cell.gap_profile if isinstance(cell, BoxCell) else getattr(cell, "gap_height", None)
    if interface.gap is not None and heights is not None and thickness is None:
        raise InputError("gap_height: a map of gaps needs a gap law with a thickness, which it replaces pixel by pixel")
    if isinstance(cell, BoxCell):
        return pixels.from_shapes(cell, _shape(cell, level), thickness)
    assert isinstance(cell, MapCell)
    return pixels.from_map(cell, _factor(cell, level), thickness)


def problem_on(interface: InterfaceProblem, on: pixels.PixelGrid) -> PlanarProblem:
    """The affine problem of an interface on a grid of pixels."""
    network = PlanarNetwork(
        grid=on,
        slabs=(*named_layers(interface), ("electrolyte", interface.depth_m)),
        is_ideal=interface.contact is None,
        has_gap=interface.gap is not None,
        has_counter=interface.counter is not None,
    )
    laws = laws_of_terms(interface)
    terms = tuple(PlanarTerm(name, *laws[name]) for name in network.names)
    return PlanarProblem(terms, on.size_x * on.size_y, interface.temperature_K, network)


def _discretise(interface: InterfaceProblem, level: int) -> Discrete:
    problem = problem_on(interface, grid(interface, level))
    return Discrete(interface, problem, problem.network)


def _unknowns(interface: InterfaceProblem, level: int) -> float:
    cell = interface.cell
    if isinstance(cell, BoxCell):
        ny, nx = _shape(cell, level)
    else:
        assert isinstance(cell, MapCell)
        factor = _factor(cell, level)
        ny, nx = (n * factor if factor > 0 else n // -factor for n in cell.contact.shape)
    return float(ny * nx) * (1 + len(interface.layers) + (interface.counter is not None))


def _resolution_error(discrete: Discrete, reduced: ReducedProblem, omega: FloatArray) -> FloatArray:
    """Change of the impedance if all rims were shifted by a small part of a pixel [ohm m2].

    With the potentials that belong to the rims as they are, since Y is stationary: only the paths from the pixels at
    the rims to the port change, by their cover p.
    """
    network, problem = discrete.assembly, reduced.problem
    assert isinstance(network, PlanarNetwork)
    at = network.rim_pixels
    if not len(at):
        return np.zeros(np.shape(omega))
    law = dict(zip(network.names, problem.theta(omega), strict=True))
    p, weight = network.covered[at], np.ones(len(at))
    if network.grid.gap_weight is not None:
        weight = network.grid.gap_weight.ravel()[at]
    rows = reduced.basis[network.places(at)]
    z_contact = 1.0 / law["contact"] if "contact" in law else np.zeros(len(omega))
    z_rim = sum(r / law[network.slabs[i][0]] for i, r in network.rim_resistances.items())
    shift = _SHIFT if isinstance(discrete.interface.cell, BoxCell) else _CORNER_SHIFT
    shift += _LAYER_SHIFT * (1.0 - float(network.shares.max()))
    y_gap = law.get("gap", np.zeros(len(omega)))
    out = np.empty(len(omega))
    for m, (c, y) in enumerate(zip(reduced.coefficients(omega), reduced.admittance(omega), strict=True)):
        drop = (1.0 - rows @ c) ** 2
        change = (z_contact[m] + z_rim[m]) / (z_contact[m] + z_rim[m] * (1.0 - p)) ** 2 - y_gap[m] * weight
        out[m] = problem.area_m2 * network.pixel_area * shift * abs(drop @ change) / abs(y) ** 2
    return out


# Fields ---------------------------------------------------------------------------------------------------------------


def _reduced(values: NDArray[Any], most: int) -> NDArray[Any]:
    """Means over equal blocks, so that no side has more than `most`."""
    ny, nx = values.shape
    by, bx = (-(-n // most) for n in (ny, nx))
    cut = values[: ny // by * by, : nx // bx * bx]
    return np.asarray(cut.reshape(ny // by, by, nx // bx, bx).mean(axis=(1, 3)))


def _with_edges(values: NDArray[Any], axis: int, *, periodic: bool) -> NDArray[Any]:
    """Values at centres of pixels, and at both ends: mirror images there, or the mean of both."""
    first, last = np.take(values, [0], axis), np.take(values, [-1], axis)
    if periodic:
        first = last = 0.5 * (first + last)
    return np.concatenate([first, values, last], axis)


def _centres(n: int, size: float) -> FloatArray:
    return np.concatenate([[0.0], (np.arange(n) + 0.5) * (size / n), [size]])


class _Sampler:
    """The field of all slabs on pixels of a given number, from the potentials of their faces."""

    def __init__(self, network: PlanarNetwork, x: ComplexArray, most: int) -> None:
        faces = [_reduced(np.asarray(p, complex), most) for p in network.planes_of(x)]
        shape = faces[0].shape
        self.shape: tuple[int, int] = (shape[0], shape[1])
        self.transform = Transform(self.shape, network.grid.periodic)
        ky, kx = self.transform.wave_numbers(network.grid.size_y, network.grid.size_x)
        self.k: FloatArray = self.transform.half(np.hypot(ky, kx), is_real=False)
        self._modes = [self.transform.forward(f) for f in faces]
        if not network.has_counter:
            self._modes.append(np.zeros_like(self._modes[0]))
        self._network = network

    def depths(self, slab_index: int) -> FloatArray:
        """Depths below the upper face of a slab [m]."""
        thickness = self._network.slabs[slab_index][1]
        smallest = 0.5 * float(np.sqrt(self._network.grid.size_x * self._network.grid.size_y / np.prod(self.shape)))
        return slab.depths(thickness, smallest, is_layer=slab_index + 1 < len(self._network.slabs))

    def at(self, slab_index: int, depth: float) -> tuple[ComplexArray, ComplexArray]:
        """Potential and its slope in z, as amplitudes of the modes, at a depth of a slab."""
        thickness = self._network.slabs[slab_index][1]
        top, bottom = (self._modes[slab_index + i].ravel() for i in (0, 1))
        value, slope = slab.profiles(self.k.ravel(), np.array([depth]), thickness, top, bottom)
        return value.reshape(self.k.shape), slope.reshape(self.k.shape)

    def row(self, modes: ComplexArray, j: int) -> ComplexArray:
        """Values on one row of pixels."""
        ny, nx = self.shape
        if self.transform.periodic:
            phase = np.exp(2j * np.pi * np.arange(ny) * j / ny) / np.sqrt(ny)
            return np.asarray(np.fft.ifft(phase @ modes, norm="ortho"))
        weight = np.cos(np.pi * np.arange(ny) * (j + 0.5) / ny) * np.sqrt(2.0 / ny)
        weight[0] = np.sqrt(1.0 / ny)
        line = Transform((1, nx), periodic=False)
        return np.asarray(line.backward((weight @ modes)[None, :], is_real=False)[0])

    def plane(self, modes: ComplexArray) -> ComplexArray:
        """Values on all pixels."""
        return np.asarray(self.transform.backward(modes.copy(), is_real=False), complex)


def _field(discrete: Discrete, x: ComplexArray, omega: float, drop: complex) -> Field:
    network, interface = discrete.assembly, discrete.interface
    assert isinstance(network, PlanarNetwork)
    names = region_names(interface)
    kappa = region_admittivities(interface, names, omega)
    sampler = _Sampler(network, np.asarray(x, complex), _SHOWN)
    ny, nx = sampler.shape
    on, periodic = network.grid, network.grid.periodic
    y, xs = _centres(ny, on.size_y), _centres(nx, on.size_x)
    points, potential, current, cells, regions, first, top = [], [], [], [], [], 0, 0.0
    for s, (_, thickness) in enumerate(network.slabs):
        depth = sampler.depths(s)
        values: list[ComplexArray] = []
        slopes: list[ComplexArray] = []
        for z in depth:
            for modes, out in zip(sampler.at(s, float(z)), (values, slopes), strict=True):
                whole = _with_edges(sampler.plane(modes), 0, periodic=periodic)
                out.append(_with_edges(whole, 1, periodic=periodic))
        value, slope = np.array(values), np.array(slopes)
        dy, dx = np.gradient(value, y, xs, axis=(1, 2))
        current.append((-drop * kappa[s] * np.stack([dx, dy, slope], -1)).reshape(-1, 3))
        potential.append((1.0 - drop * (1.0 - value)).ravel())
        zz, yy, xx = np.meshgrid(top + depth, y, xs, indexing="ij")
        points.append(np.stack([xx, yy, zz], -1).reshape(-1, 3))
        block = slab.hexahedra(len(depth), len(y), len(xs))
        cells.append(first + block)
        regions.append(np.full(len(block), s))
        first += value.size
        top += thickness
    return Field(
        frequency_Hz=omega / (2.0 * np.pi),
        points_m=np.concatenate(points),
        cells=np.concatenate(cells),
        cell_type="hexahedron",
        potential_V=np.concatenate(potential),
        current_density_A_m2=np.concatenate(current),
        regions=names,
        cell_region=np.concatenate(regions),
        cut=_cut(network, interface, x, kappa, drop),
    )


def _cut(
    network: PlanarNetwork, interface: InterfaceProblem, x: ComplexArray, kappa: ComplexArray, drop: complex
) -> Cut:
    """The field below the row of pixels with the most contact."""
    sampler = _Sampler(network, np.asarray(x, complex), _SHOWN_CUT)
    nx = sampler.shape[1]
    on, periodic = network.grid, network.grid.periodic
    contact = _reduced(on.contact, _SHOWN_CUT)
    # Of rows that are alike (the middle of a square) the first: a mirror plane, where there is one.
    j = int(np.argmax(np.round(contact.sum(axis=1), 6)))
    xs, top, first = _centres(nx, on.size_x), 0.0, 0
    points, triangles, potential, current = [], [], [], []
    for s, (_, thickness) in enumerate(network.slabs):
        depth = sampler.depths(s)
        rows = [[sampler.row(modes, j) for modes in sampler.at(s, float(z))] for z in depth]
        value, slope = (_with_edges(np.array([r[i] for r in rows]), 1, periodic=periodic) for i in (0, 1))
        lateral = np.gradient(value, xs, axis=1)
        zz, xx = np.meshgrid(top + depth, xs, indexing="ij")
        points.append(np.stack([xx, zz], -1).reshape(-1, 2))
        potential.append((1.0 - drop * (1.0 - value)).ravel())
        current.append((-drop * kappa[s] * np.stack([lateral, slope], -1)).reshape(-1, 2))
        triangles.append(first + slab.triangles(len(depth), len(xs)))
        first += value.size
        top += thickness
    return Cut(
        points_m=np.concatenate(points),
        triangles=np.concatenate(triangles),
        potential_V=np.concatenate(potential),
        current_density_A_m2=np.concatenate(current),
        contact_m=_ranges(np.asarray(contact[j], float), on.size_x),
        lateral="x",
        is_mirrored=not periodic,
        layers_m=tuple(np.cumsum([layer.thickness_m for layer in interface.layers])),
    )


def _ranges(covered: FloatArray, size: float) -> tuple[tuple[float, float], ...]:
    """Ranges of x where a row of pixels is covered, to parts of pixels [m]."""
    step = size / len(covered)
    runs: list[tuple[float, float]] = []
    padded = np.concatenate([[False], covered > 0.0, [False]])
    for start, stop in zip(
        np.flatnonzero(np.diff(padded.astype(int)) > 0), np.flatnonzero(np.diff(padded.astype(int)) < 0), strict=True
    ):
        inner = covered[start:stop]
        low = start + (1.0 - inner[0] if stop - start > 1 or start > 0 else 0.0)
        high = low + inner.sum()
        runs.append((float(low * step), float(min(high * step, size))))
    return tuple(runs)


def _usual_level(cell: object, tolerance: float) -> int:
    # Shapes are seen on pixels that suit them, maps on coarser ones at first.
    first = 1e-2 if isinstance(cell, MapCell) else 1e-3
    return 1 + max(0, math.ceil(math.log(first / tolerance, 3.3) - 1e-9))


PLANAR = Backend(
    name="planar",
    n_levels=_N_LEVELS,
    # The error falls about fourfold per level, twofold with good conductors as thin films and while pixels are larger
    # than kappa / y of the contact.
    extrapolation=lambda level: (1.0 / 3.0, 2.0),
    usual_level=_usual_level,
    accepts=lambda cell: isinstance(cell, (BoxCell, MapCell)),
    # Meshes of many shapes are large; pixels do not mind.
    prefers=lambda cell: isinstance(cell, BoxCell) and len(cell.shapes) > _FEW,
    discretise=_discretise,
    unknowns=_unknowns,
    memory_bytes=lambda n: _BYTES * n,
    process_bytes=3.0e8,
    dual_impedance=None,
    field=_field,
    resolution_error=_resolution_error,
)
