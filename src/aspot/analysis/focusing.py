"""Current focusing: current density into the electrolyte, pixel by pixel over its mean, and the spots that carry it.

Where metal touches ideally the density diverges at the rim as distance^(-1/2): the largest value on pixels of side h
grows as h^(-1/2) and means nothing by itself. Percentiles over the area of contact and means over spots do not depend
on the pixels. For a single disc, whose density over its mean is 1/(2 sqrt(1 - r^2/a^2)), a part 1 - 1/(2 J)^2 of the
area lies below J: median 0.707, 90 % below 1.58, 99 % below 5 (Newman, J. Electrochem. Soc. 113 (1966) 501).

On pixels these densities hold to 1e-3 from five pixels inside an ideal rim on; within two pixels they are off by up to
a third, the current of the rim as a whole being right. Percentiles therefore count means over neighbouring pixels.
Those of a disc of 24, 40 and 80 pixels per radius are off by 0.6, 0.2 and 0.1 % (median), 22, 4 and 1 % (90th), and by
up to 30 % (99th).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aspot.errors import InputError
from aspot.memory import available_memory, check_memory
from aspot.morphology.unit_cell import BoxCell, MapCell, half_width

if TYPE_CHECKING:
    from aspot.fem.planar import PlanarProblem
    from aspot.interface import InterfaceProblem
    from aspot.mesh.planar import PixelGrid
    from aspot.result import Result

FloatArray = NDArray[np.float64]

#: Percentiles shown.
PERCENTILES = (50.0, 90.0, 99.0)

#: Pixels covered to this part at least make the bodies of spots; others belong to the nearest body next to them.
_BODY = 0.5

#: Resolution of maps of shapes, and memory of one solve.
_PIXELS_PER_RADIUS, _MOST_PIXELS, _BYTES_PER_PIXEL = 40.0, 2048, 200.0


@dataclass(frozen=True, kw_only=True)
class HotSpot:
    """A connected contact.

    Parameters
    ----------
    x_m, y_m : float
        Centre of its area [m].
    area_m2 : float
    current_share : float
        Its part of the current (in a spectrum, of the amplitude).
    focusing : float
        Its mean current density over that of the electrode.
    peak : float
        Largest density of one pixel, likewise.
    """

    x_m: float
    y_m: float
    area_m2: float
    current_share: float
    focusing: float
    peak: float


@dataclass(frozen=True, kw_only=True, eq=False)
class CurrentMap:
    """Current density normal to the interface, on pixels. Row j, column i covers y and x from j, i on.

    Parameters
    ----------
    frequency_Hz : float
        0 is direct current.
    current_density_A_m2 : (ny, nx) complex
        Mean over every pixel, into the electrolyte, for 1 V over the cell.
    contact : (ny, nx) float
        Part of every pixel that the metal touches.
    pixel_m : (height, width)
    periodic : bool
        Whether it repeats; else its sides are mirror planes.
    """

    frequency_Hz: float
    current_density_A_m2: NDArray[np.complex128]
    contact: FloatArray
    pixel_m: tuple[float, float]
    periodic: bool

    def __post_init__(self) -> None:
        if np.shape(self.current_density_A_m2) != np.shape(self.contact) or np.ndim(self.contact) != 2:
            raise InputError("current map: current_density_A_m2 and contact must be two-dimensional and alike in shape")
        if not np.any(self.contact > 0.0):
            raise InputError("current map: there is no contact")

    @cached_property
    def mean_A_m2(self) -> complex:
        """Current density of the electrode for 1 V over the cell."""
        return complex(np.mean(self.current_density_A_m2))

    @cached_property
    def focusing(self) -> FloatArray:
        """Amplitude of the current density over that of its mean, (ny, nx)."""
        return np.abs(self.current_density_A_m2) / abs(self.mean_A_m2)

    @property
    def contact_fraction(self) -> float:
        """Part of the area where the metal touches."""
        return float(np.mean(self.contact))

    @property
    def largest(self) -> float:
        """Largest focusing on a pixel; at ideal contacts it grows as the pixels shrink (see the module)."""
        return float(self.focusing.max())

    @cached_property
    def contact_focusing(self) -> FloatArray:
        """Current density under the metal over the mean density, with neighbouring pixels; 0 without contact.

        Current over covered area, both weighted 1:2:1 along x and y. What is not covered is taken to carry what pixels
        of gap carry on average: nothing at direct current.
        """
        from scipy.ndimage import correlate1d

        density, touched = self.current_density_A_m2, self.contact > 0.0
        gap = density[~touched].mean() if self.frequency_Hz > 0.0 and not touched.all() else 0.0
        mode = "wrap" if self.periodic else "reflect"

        def around(values: FloatArray) -> FloatArray:
            for axis in (0, 1):
                values = correlate1d(values, np.array([0.25, 0.5, 0.25]), axis, mode=mode)
            return values

        current = np.where(touched, density - (1.0 - self.contact) * gap, 0.0)
        area = np.where(touched, around(self.contact), 1.0)
        mean = np.hypot(around(current.real), around(current.imag)) / area
        return np.asarray(np.where(touched, mean, 0.0) / abs(self.mean_A_m2))

    def percentiles(self, shares: ArrayLike = PERCENTILES) -> FloatArray:
        """Focusing below which the given shares (percent) of the area of contact lie."""
        weight = self.contact.ravel()
        touched = weight > 0.0
        values, weight = self.contact_focusing.ravel()[touched], weight[touched]
        order = np.argsort(values)
        reached = np.cumsum(weight[order])
        at = np.searchsorted(reached, np.asarray(shares, float) / 100.0 * reached[-1] * (1.0 - 1e-12))
        return np.asarray(values[order][np.minimum(at, len(order) - 1)])

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """Number of the spot that each pixel belongs to, from 1 on; 0 where nothing touches."""
        return _labels(self.contact, periodic=self.periodic)

    @property
    def n_spots(self) -> int:
        """Number of separate contacts."""
        return int(self.labels.max())

    def hot_spots(self, most: int | None = 20) -> tuple[HotSpot, ...]:
        """Separate contacts, that of the largest mean current density first.

        Parameters
        ----------
        most : int, optional
            How many; None: all.
        """
        from scipy import ndimage

        index = np.arange(1, self.n_spots + 1)
        height, width = self.pixel_m

        def total(values: FloatArray) -> FloatArray:
            return np.asarray(ndimage.sum_labels(values, self.labels, index), float)

        pixels = total(self.contact)
        current = total(self.current_density_A_m2.real) + 1j * total(self.current_density_A_m2.imag)
        share = np.abs(current) / abs(np.sum(self.current_density_A_m2))
        focusing = share * self.contact.size / pixels
        peak = np.asarray(ndimage.maximum(self.focusing, self.labels, index), float)
        ny, nx = self.contact.shape
        y = self._centre(total, (np.arange(ny) + 0.5)[:, None], ny, pixels) * height
        x = self._centre(total, (np.arange(nx) + 0.5)[None, :], nx, pixels) * width
        first = np.argsort(-focusing, kind="stable")[:most]
        return tuple(
            HotSpot(
                x_m=float(x[k]),
                y_m=float(y[k]),
                area_m2=float(pixels[k] * height * width),
                current_share=float(share[k]),
                focusing=float(focusing[k]),
                peak=float(peak[k]),
            )
            for k in first
        )

    def _centre(
        self, total: Callable[[FloatArray], FloatArray], at: NDArray[np.floating], n: int, pixels: FloatArray
    ) -> FloatArray:
        """Mean position of every spot in pixels, across the sides where it repeats."""
        if not self.periodic:
            return total(self.contact * at) / pixels
        angle = 2.0 * np.pi / n * at
        turn = np.arctan2(total(self.contact * np.sin(angle)), total(self.contact * np.cos(angle)))
        return turn % (2.0 * np.pi) * n / (2.0 * np.pi)

    def __repr__(self) -> str:
        shown = ", ".join(f"{p:g} % below {v:.3g}" for p, v in zip(PERCENTILES, self.percentiles(), strict=True))
        return f"<CurrentMap at {self.frequency_Hz:.4g} Hz: {self.n_spots} contacts, focusing {shown}>"


def current_map(result: Result, frequency_Hz: float = 0.0, *, pixel_m: float | None = None) -> CurrentMap:
    """Current density under the working electrode at a frequency, by one solve of the `planar` backend.

    A map from a file comes back on its own pixels. The current is scaled to the impedance of the result.

    Parameters
    ----------
    result : Result
        Of a cell whose working electrode is an array, a random arrangement, or a map.
    frequency_Hz : float
        0: direct current.
    pixel_m : float, optional
        Side of a pixel for a cell made of shapes [m]; default: 40 pixels per radius of the usual shape, at most 2048
        per side of the cell.

    Returns
    -------
    CurrentMap

    Raises
    ------
    InputError
        If the frequency is negative or not finite, the pixel is not positive, or the interface is a flux tube, strips
        or planar.
    MemoryLimitError
        If the map does not fit into memory.
    """
    from aspot.compose import model_of
    from aspot.discretise.planar import problem_on

    if not (np.isfinite(frequency_Hz) and frequency_Hz >= 0):
        raise InputError(f"frequency_Hz must be finite and not negative, got {frequency_Hz}")
    solved = model_of(result)
    interface = solved.sides[0].interface if solved.sides else None
    if interface is None or not isinstance(interface.cell, (BoxCell, MapCell)):
        raise InputError(
            "current map: working_electrode.morphology must be an array, a random arrangement or a map; tubes and "
            "strips vary along one line only: see result.field(frequency).cut"
        )
    omega = 2.0 * np.pi * frequency_Hz
    grid = _grid(interface, pixel_m)
    problem = problem_on(interface, grid)
    density = _into_slab(problem, problem.solve(omega), omega).astype(complex)
    density *= 1.0 / (solved.impedance(np.array([omega]))[0] * density.mean())
    return CurrentMap(
        frequency_Hz=float(frequency_Hz),
        current_density_A_m2=density,
        contact=grid.contact,
        pixel_m=grid.pixel_m,
        periodic=grid.periodic,
    )


def _grid(interface: InterfaceProblem, pixel_m: float | None) -> PixelGrid:
    """The pixels of a map, or those asked for."""
    from aspot.mesh.planar import from_map, from_shapes

    cell, thickness = interface.cell, getattr(interface.gap, "thickness_m", None)
    shape = _shape(interface, pixel_m)
    check_memory(
        _BYTES_PER_PIXEL * shape[0] * shape[1], available_memory(), f"a current map of {shape[1]} x {shape[0]} pixels"
    )
    if isinstance(cell, MapCell):
        return from_map(cell, 1, thickness)
    assert isinstance(cell, BoxCell)
    return from_shapes(cell, shape, thickness)


def _shape(interface: InterfaceProblem, pixel_m: float | None) -> tuple[int, int]:
    """Rows and columns of the current map."""
    from aspot.mesh.planar import grid_shape

    cell = interface.cell
    if isinstance(cell, MapCell):
        if pixel_m is not None:
            raise InputError(f"pixel_m = {pixel_m:g}: has no meaning for a map, which has pixels of its own")
        ny, nx = cell.contact.shape
        return ny, nx
    assert isinstance(cell, BoxCell)
    sides = cell.size_x, cell.size_y
    pixel = pixel_m
    if pixel is None:
        pixel = max(_usual_size(cell) / _PIXELS_PER_RADIUS, max(sides) / _MOST_PIXELS)
    elif not 0.0 < pixel <= 0.5 * min(sides):
        raise InputError(f"pixel_m = {pixel:g}: must be positive, and at most half of the cell ({min(sides):.3g} m)")
    return grid_shape(*sides, pixel)


def map_bytes(interface: InterfaceProblem) -> float:
    """Estimated peak memory of the current map of an interface [bytes]."""
    ny, nx = _shape(interface, None)
    return _BYTES_PER_PIXEL * ny * nx


def _usual_size(cell: BoxCell) -> float:
    """Median of half the narrowest width of the shapes [m]."""
    return float(np.median([half_width(s) for s in cell.shapes])) if cell.shapes else min(cell.size_x, cell.size_y)


def _into_slab(problem: PlanarProblem, x: NDArray[np.inexact], omega: float) -> NDArray[np.inexact]:
    """Current density from every pixel of the plane into the slab below [A/m2]."""
    network, transform = problem.network, problem.network.transform
    is_real = not np.iscomplexobj(x)
    own, mutual, _ = (transform.half(s, is_real=is_real) if s.size else s for s in network.symbols[0])
    modes = [transform.forward(plane) for plane in network.planes_of(x)[:2]]
    flow = own * modes[0]
    if len(modes) > 1:
        flow = (own - mutual) * modes[0] + mutual * (modes[0] - modes[1])
    admittivity = complex(problem.theta(omega)[network.names.index(network.slabs[0][0]), 0])
    return np.asarray(admittivity * transform.backward(flow, is_real=is_real))


def _labels(contact: FloatArray, *, periodic: bool) -> NDArray[np.int64]:
    from scipy import ndimage

    body = contact >= _BODY
    # Slivers that have no body of their own, nor one beside them, are spots as well.
    touched = contact > 0.0
    around = np.ones((3, 3))
    near = ndimage.grey_dilation(body.astype(np.uint8), footprint=around, mode="wrap" if periodic else "nearest")
    labels, n = _connected(body | (touched & (near == 0)), periodic=periodic)
    if n == 0:
        return labels
    # What is covered less goes to a body next to it.
    spread = ndimage.grey_dilation(labels, footprint=around, mode="wrap" if periodic else "nearest")
    return np.where(touched & (labels == 0), spread, labels)


def _connected(mask: NDArray[np.bool_], *, periodic: bool) -> tuple[NDArray[np.int64], int]:
    """Numbers of connected parts (pixels that share a side), across the sides where it repeats."""
    from scipy import ndimage
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    labels, n = ndimage.label(mask)
    labels = labels.astype(np.int64)
    if not periodic or n == 0:
        return labels, int(n)
    one = np.concatenate([labels[0], labels[:, 0]])
    other = np.concatenate([labels[-1], labels[:, -1]])
    both = (one > 0) & (other > 0)
    graph = coo_array((np.ones(int(both.sum())), (one[both], other[both])), shape=(n + 1, n + 1))
    count, group = connected_components(graph, directed=False)
    # Number 0 is what does not touch, in a group of its own; it stays 0.
    number = np.empty(count, np.int64)
    number[group[0]] = 0
    number[np.delete(np.arange(count), group[0])] = np.arange(1, count)
    return number[group][labels], int(count - 1)
