"""Any map of contacts and gaps on a flat interface: pixels on the plane, the depth exact mode by mode.

Potentials on the plane, and on every boundary between layers, are given at the centres of pixels, and currents are
uniform on each. On a rectangle between mirror planes, or one that repeats, cosines or plane waves diagonalise the slab
below: for the mode of wave number k, the two faces of a layer of thickness t are connected like the ends of a line,

    current into a face = kappa (k coth(k t) u - k csch(k t) u')     (u, u': modal potentials, this and the other face).

Nothing is stored but these symbols and what couples each pixel to the metal; matrices are applied by fast transforms.

At a rim the current density goes as r^(-1/2), which pixels cannot resolve. To first order in their size h any
discretisation then acts as if the rim were shifted by a multiple of h: the energy released per shift and the error both
go as the square of the amplitude of the singularity. Here two things make that shift zero for a straight rim:

- the impedance of a mode counts with f = 1 - s/3 - B s^2 + C s_x s_y, where s = sin^2(min(|k| h, pi) / 2) and s_x, s_y
  are sin^2(k_x h / 2), sin^2(k_y h / 2). The 1/3 belongs to currents that are uniform on pixels, whose amplitudes are
  too large by 1 + (k h)^2 / 24 for long waves;
- a pixel that is covered to a part p < 1 has the contact behind a resistance (h / (A kappa)) (1/p - 1) per pixel area.

A and B were found from strips of width 2 a and pitch 2 b, R = ln(1 / sin(pi a / 2 b)) / (pi kappa), with up to 1024
pixels per pitch, extrapolated: one A then fits a rim anywhere between two rows of pixels, to four digits. C was found
from strips in ten directions. What is left is 0.003 h for directions other than the diagonal of the pixels, and between
-0.005 h and 0.015 h there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from aspot.fem.surface import line
from aspot.mesh.planar import PixelGrid
from aspot.threads import cores

FloatArray = NDArray[np.float64]
#: Real or complex.
Numbers = NDArray[Any]

#: A, B and C above.
RIM_CONDUCTANCE, RIM_FILTER, RIM_DIAGONAL = 1.92567, 0.43738, 0.16
#: Layers that see less than this of the field next to a rim leave it alone.
_LEAST_SHARE = 1e-3


@dataclass(frozen=True)
class Transform:
    """Orthonormal modes of a rectangle of pixels: cosines between mirror planes, plane waves where it repeats."""

    shape: tuple[int, int]
    periodic: bool

    def forward(self, values: Numbers) -> Numbers:
        """Amplitudes of the modes of values (ny, nx); those of plane waves fill half of the plane."""
        if not self.periodic:
            return np.asarray(scipy.fft.dctn(values, norm="ortho", workers=cores()))
        if np.iscomplexobj(values):
            return np.asarray(scipy.fft.fftn(values, norm="ortho", workers=cores()))
        return np.asarray(scipy.fft.rfftn(values, norm="ortho", workers=cores()))

    def backward(self, modes: Numbers, *, is_real: bool) -> Numbers:
        """Values from amplitudes, which are destroyed."""
        if not self.periodic:
            return np.asarray(scipy.fft.idctn(modes, norm="ortho", overwrite_x=True, workers=cores()))
        if is_real:
            return np.asarray(scipy.fft.irfftn(modes, s=self.shape, norm="ortho", overwrite_x=True, workers=cores()))
        return np.asarray(scipy.fft.ifftn(modes, norm="ortho", overwrite_x=True, workers=cores()))

    def half(self, symbol: Numbers, *, is_real: bool) -> Numbers:
        """A symbol where the amplitudes are: of all plane waves for complex values, of half of them for real ones."""
        if not self.periodic or is_real:
            return symbol
        nx = self.shape[1]
        # Symbols are even in both wave numbers, and k_y runs over all of them.
        return np.concatenate([symbol, symbol[:, 1 : (nx + 1) // 2][:, ::-1]], axis=1)

    def wave_numbers(self, size_y: float, size_x: float) -> tuple[FloatArray, FloatArray]:
        """Wave numbers along y (ny, 1) and x (1, nx or half of them), not negative [1/m]."""
        ny, nx = self.shape
        if not self.periodic:
            rows, columns = np.arange(ny, dtype=float), np.arange(nx, dtype=float)
            return np.pi / size_y * rows[:, None], np.pi / size_x * columns[None, :]
        rows = np.minimum(np.arange(ny, dtype=float), ny - np.arange(ny, dtype=float))
        columns = np.arange(nx // 2 + 1, dtype=float)
        return 2.0 * np.pi / size_y * rows[:, None], 2.0 * np.pi / size_x * columns[None, :]


@dataclass(frozen=True, kw_only=True, eq=False)
class PlanarNetwork:
    """The matrices of a slab under a map of pixels, as maps.

    Unknowns: potentials of the pixels on the plane but for those wholly under an ideal contact, which are the port;
    inner nodes of the paths from pixels covered in part to the port; pixels of every boundary below; last the port.

    Parameters
    ----------
    grid : PixelGrid
    slabs : tuple of (name, thickness [m])
        Layers, outermost first, and the electrolyte.
    is_ideal : bool
        Whether the contacts have no law.
    has_gap, has_counter : bool
        Whether the gap has a law, and the far face (else it is grounded).
    """

    grid: PixelGrid
    slabs: tuple[tuple[str, float], ...]
    is_ideal: bool
    has_gap: bool
    has_counter: bool

    @cached_property
    def transform(self) -> Transform:
        """Modes of the rectangle."""
        return Transform(self.grid.shape, self.grid.periodic)

    @property
    def pixel_area(self) -> float:
        """Area of a pixel [m2]."""
        hy, hx = self.grid.pixel_m
        return hy * hx

    @property
    def size(self) -> int:
        """Number of pixels."""
        ny, nx = self.grid.shape
        return ny * nx

    @cached_property
    def covered(self) -> FloatArray:
        """Part of every pixel that the metal touches, (size,)."""
        return np.ascontiguousarray(self.grid.contact, float).ravel()

    @cached_property
    def gap_area(self) -> FloatArray | None:
        """Area of the gap over every pixel times the weight of its law, over that of a pixel; None without a law."""
        if not self.has_gap:
            return None
        gap = 1.0 - self.covered
        return gap if self.grid.gap_weight is None else gap * self.grid.gap_weight.ravel()

    @cached_property
    def fixed(self) -> NDArray[np.intp]:
        """Pixels that are the port."""
        return np.flatnonzero(self.covered >= 1.0) if self.is_ideal else np.empty(0, np.intp)

    @cached_property
    def free(self) -> NDArray[np.intp] | slice:
        """Pixels of the plane that are unknowns."""
        return np.flatnonzero(self.covered < 1.0) if len(self.fixed) else slice(None)

    @cached_property
    def partial(self) -> NDArray[np.intp]:
        """Pixels that are covered in part."""
        return np.flatnonzero((self.covered > 0.0) & (self.covered < 1.0))

    @cached_property
    def shares(self) -> FloatArray:
        """Part of what happens next to a rim that lies in each slab: the field there decays as exp(-A z / h)."""
        edges = np.concatenate([[0.0], np.cumsum([t for _, t in self.slabs])])
        return -np.diff(np.exp(-RIM_CONDUCTANCE * edges / np.sqrt(self.pixel_area)))

    @property
    def rim_resistances(self) -> dict[int, float]:
        """Resistance h / A per pixel area and unit conductivity, of each slab that sees the rims [m]."""
        h = float(np.sqrt(self.pixel_area))
        return {i: float(s) * h / RIM_CONDUCTANCE for i, s in enumerate(self.shares) if s > _LEAST_SHARE}

    @cached_property
    def rims(self) -> dict[int, FloatArray]:
        """(1/p - 1) h / A of each slab that sees the rims, for the pixels covered in part [m]."""
        p = self.covered[self.partial]
        return {i: r * (1.0 / p - 1.0) for i, r in self.rim_resistances.items()} if len(p) else {}

    @property
    def rim_pixels(self) -> NDArray[np.intp]:
        """Pixels covered in part, and those not covered next to one that is wholly."""
        whole = (self.covered >= 1.0).reshape(self.grid.shape)
        padded = np.pad(whole, 1, mode="wrap" if self.grid.periodic else "edge")
        beside = padded[:-2, 1:-1] | padded[2:, 1:-1] | padded[1:-1, :-2] | padded[1:-1, 2:]
        return np.flatnonzero((self.covered < 1.0) & ((self.covered > 0.0) | beside.ravel()))

    def places(self, at: NDArray[np.intp]) -> NDArray[np.intp]:
        """Where pixels that are unknowns are among them."""
        return at if isinstance(self.free, slice) else np.searchsorted(self.free, at)

    @property
    def n_inner(self) -> int:
        """Inner nodes on the path from a pixel covered in part to the port."""
        return max(len(self.rims) - self.is_ideal, 0)

    @property
    def n_planes(self) -> int:
        """Planes of unknowns, that of the interface included."""
        return len(self.slabs) + self.has_counter

    @cached_property
    def n_free(self) -> int:
        """Unknowns without the port."""
        return self.size * self.n_planes - len(self.fixed) + self.n_inner * len(self.partial)

    @property
    def names(self) -> tuple[str, ...]:
        """Terms that there are."""
        has = {
            "contact": not self.is_ideal and bool((self.covered > 0.0).any()),
            "gap": self.has_gap and bool((self.covered < 1.0).any()),
            "counter": self.has_counter,
        }
        return (*(name for name, _ in self.slabs), *(name for name, there in has.items() if there))

    @cached_property
    def symbols(self) -> list[tuple[FloatArray, FloatArray, FloatArray]]:
        """Own and mutual admittance of the faces of each slab and k, mode by mode, all over the filter f [1/m]."""
        hy, hx = self.grid.pixel_m
        ky, kx = self.transform.wave_numbers(self.grid.size_y, self.grid.size_x)
        k = np.hypot(ky, kx)
        angle = np.minimum(np.hypot(ky * hy, kx * hx), np.pi)
        reduction = np.sin(0.5 * angle) ** 2
        reduction *= 1.0 / 3.0 + RIM_FILTER * reduction
        reduction -= RIM_DIAGONAL * (np.sin(0.5 * ky * hy) ** 2 * np.sin(0.5 * kx * hx) ** 2)
        out = []
        for (_, thickness), share in zip(self.slabs, self.shares, strict=True):
            own, mutual = line(k, thickness)
            f = 1.0 - share * reduction
            out.append((own / f, mutual / f, k / f))
        if not self.has_counter:
            # The far face is grounded: only its own side counts.
            out[-1] = (out[-1][0], np.empty((0, 0)), np.empty((0, 0)))
        return out

    # Unknowns --------------------------------------------------------------------------------------------------------

    def planes_of(self, x: Numbers) -> list[Numbers]:
        """Potentials of the interface and of every boundary below it, (ny, nx) each, from the unknowns."""
        shape, first = self.grid.shape, self.size - len(self.fixed)
        top = np.full(self.size, x[-1])
        top[self.free] = x[:first]
        first += self.n_inner * len(self.partial)
        rest = [x[first + i * self.size : first + (i + 1) * self.size] for i in range(self.n_planes - 1)]
        return [top.reshape(shape), *(plane.reshape(shape) for plane in rest)]

    def inner_of(self, x: Numbers) -> Numbers:
        """Potentials of the inner nodes of the paths, (n_inner, pixels covered in part)."""
        first, n = self.size - len(self.fixed), len(self.partial)
        return x[first : first + self.n_inner * n].reshape(self.n_inner, n)

    def joined(self, planes: Sequence[Numbers], inner: Numbers, port: float) -> Numbers:
        """The unknowns, from what `planes_of` gives and the inner nodes of the paths."""
        top = planes[0].reshape(-1)[self.free]
        return np.concatenate([top, inner.reshape(-1), *(p.reshape(-1) for p in planes[1:]), np.array([port])])

    # Matrices --------------------------------------------------------------------------------------------------------

    def images(self, x: FloatArray) -> FloatArray:
        """A_q x of every term for real potentials, (Q, n_free + 1)."""
        area, names = self.pixel_area, self.names
        out = np.zeros((len(names), self.n_free + 1))
        planes = self.planes_of(x)
        modes = [self.transform.forward(p) for p in planes]
        for i, (own, mutual, _) in enumerate(self.symbols):
            if i + 1 == len(modes):
                self._add(out[i], i, area * self._back(own * modes[i]))
                break
            # By differences, which thin films leave small.
            across, along = mutual * (modes[i] - modes[i + 1]), own - mutual
            self._add(out[i], i, area * self._back(along * modes[i] + across))
            self._add(out[i], i + 1, area * self._back(along * modes[i + 1] - across))
        self._add_paths(out, x, planes[0].reshape(-1))
        if self.gap_area is not None and "gap" in names:
            self._add_to_port(out[names.index("gap")], area * self.gap_area * (planes[0].reshape(-1) - x[-1]))
        if self.has_counter:
            self._add(out[names.index("counter")], self.n_planes - 1, area * planes[-1])
        return out

    def _back(self, modes: Numbers) -> FloatArray:
        return np.asarray(self.transform.backward(modes, is_real=True), float)

    def _add(self, row: FloatArray, plane: int, values: FloatArray) -> None:
        flat, first = values.reshape(-1), self.size - len(self.fixed)
        if plane == 0:
            row[:first] += flat[self.free]
            row[-1] += flat[self.fixed].sum()
        else:
            first += self.n_inner * len(self.partial) + (plane - 1) * self.size
            row[first : first + self.size] += flat

    def _add_to_port(self, row: FloatArray, currents: FloatArray) -> None:
        """Currents from every pixel of the plane to the port."""
        row[: self.size - len(self.fixed)] += currents[self.free]
        row[-1] -= currents[self.free].sum()

    def _add_paths(self, out: FloatArray, x: FloatArray, plane: FloatArray) -> None:
        """Paths from pixels covered in part through each slab that sees the rims, and the law of the contact."""
        area, port = self.pixel_area, np.full(len(self.partial), x[-1])
        nodes = [plane[self.partial], *self.inner_of(x), port]
        places = self._nodes
        for step, (slab, resistance) in enumerate(self.rims.items()):
            current = area / resistance * (nodes[step] - nodes[step + 1])
            out[slab][places[step]] += current
            if step + 1 < len(places):
                out[slab][places[step + 1]] -= current
            else:
                out[slab][-1] -= current.sum()
        if "contact" in self.names:
            row, whole = out[self.names.index("contact")], np.flatnonzero(self.covered >= 1.0)
            current = area * (plane[whole] - x[-1])
            row[whole] += current
            row[-1] -= current.sum()
            current = area * self.covered[self.partial] * (nodes[len(self.rims)] - x[-1])
            row[places[len(self.rims)]] += current
            row[-1] -= current.sum()

    @cached_property
    def _nodes(self) -> list[Any]:
        """Places of the nodes of the paths, from the plane on, without the port."""
        first, n = self.size - len(self.fixed), len(self.partial)
        return [self.places(self.partial), *(slice(first + i * n, first + (i + 1) * n) for i in range(self.n_inner))]

    def diagonals(self) -> FloatArray:
        """Diagonals, but for the slabs only their mean over the pixels of a plane, (Q, n_free)."""
        area, names = self.pixel_area, self.names
        first, n = self.size - len(self.fixed), len(self.partial)
        out = np.zeros((len(names), self.n_free))
        for i, (own, _, _) in enumerate(self.symbols):
            mean = area * self.mean(own)
            out[i, : first if i == 0 else 0] = mean
            for plane in {i, i + 1} & set(range(1, self.n_planes)):
                start = first + self.n_inner * n + (plane - 1) * self.size
                out[i, start : start + self.size] = mean
        places = self._nodes
        for step, (slab, resistance) in enumerate(self.rims.items()):
            for place in places[step : step + 2]:
                out[slab, place] += area / resistance
        if "contact" in names:
            row, whole = out[names.index("contact")], np.flatnonzero(self.covered >= 1.0)
            row[whole] += area
            row[places[len(self.rims)]] += area * self.covered[self.partial]
        if self.gap_area is not None and "gap" in names:
            out[names.index("gap"), :first] += area * self.gap_area[self.free]
        if self.has_counter:
            out[names.index("counter"), self.n_free - self.size :] = area
        return out

    def mean(self, symbol: Numbers) -> Any:
        """Mean of a symbol over all modes."""
        if not self.transform.periodic:
            return symbol.mean()
        nx = self.grid.shape[1]
        inner = symbol[:, 1 : (nx + 1) // 2].sum()
        return (symbol.sum() + inner) / self.size
