"""Current focusing: current density into the electrolyte, pixel by pixel over its mean, and the spots that carry it.

Where metal touches ideally the density diverges at the rim as distance^(-1/2): the largest value on pixels of side h
grows as h^(-1/2) and means nothing by itself. Percentiles over the area of contact and means over spots do not depend
on the pixels. For a single disc, whose density over its mean is 1/(2 sqrt(1 - r^2/a^2)), a part 1 - 1/(2 J)^2 of the area
lies below J: median 0.707, 90 % below 1.58, 99 % below 5 (Newman, J. Electrochem. Soc. 113 (1966) 501).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from aspot.errors import InputError

FloatArray = NDArray[np.float64]

#: Percentiles shown.
PERCENTILES = (50.0, 90.0, 99.0)

#: Pixels covered to this part at least make the bodies of spots; others belong to the nearest body next to them.
_BODY = 0.5


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

    def percentiles(self, shares: Sequence[float] = PERCENTILES) -> FloatArray:
        """Focusing below which the given shares (percent) of the area of contact lie."""
        weight = self.contact.ravel()
        touched = weight > 0.0
        values, weight = self.focusing.ravel()[touched], weight[touched]
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
