"""Potential and current density at one frequency, on a mesh and on a plane cut through it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aspot.errors import InputError

#: Number of points per cell for each cell type (names of meshio).
POINTS_PER_CELL = {
    "triangle": 3, "triangle6": 6, "quad": 4, "quad8": 8, "quad9": 9,
    "tetra": 4, "tetra10": 10, "hexahedron": 8,
}  # fmt: skip


def _set_read_only(instance: object, **arrays: NDArray[Any]) -> None:
    for name, array in arrays.items():
        own = np.array(array)
        own.setflags(write=False)
        object.__setattr__(instance, name, own)


def _check_cells(what: str, cells: NDArray[Any], n_points: int) -> None:
    if cells.size and (cells.min() < 0 or cells.max() >= n_points):
        raise InputError(f"{what}: indices must lie in 0 .. {n_points - 1}, got {cells.min()} .. {cells.max()}")


def _check_finite(what: str, values: NDArray[Any]) -> None:
    if not np.all(np.isfinite(values)):
        raise InputError(f"{what} must be finite")


@dataclass(frozen=True, kw_only=True, eq=False)
class Cut:
    """A field on a plane through the spot, for pictures that need no OpenGL. The interface is at depth 0.

    Parameters
    ----------
    points_m : (n, 2) float
        Lateral position (r, or x >= 0 from a mirror plane) and depth below the electrode [m].
    triangles : (m, 3) int
    potential_V : (n,) complex
    current_density_A_m2 : (n, 2) complex
        Lateral and depth component [A/m2]. Points on material boundaries may occur twice, one for each side.
    contact_m : tuple of (start, end)
        Lateral ranges where metal touches [m]; elsewhere on the surface is gap.
    lateral : str
        Name of the lateral coordinate: "r" or "x".
    is_mirrored : bool
        Whether the plane lateral = 0 is an axis or mirror plane, so that pictures may show both sides.
    layers_m : tuple of float
        Depths of boundaries between materials [m], to be drawn.
    """

    points_m: NDArray[np.float64]
    triangles: NDArray[np.int64]
    potential_V: NDArray[np.complex128]
    current_density_A_m2: NDArray[np.complex128]
    contact_m: tuple[tuple[float, float], ...]
    lateral: str = "r"
    is_mirrored: bool = True
    layers_m: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        n = len(self.points_m)
        if np.shape(self.points_m) != (n, 2) or np.shape(self.potential_V) != (n,):
            raise InputError("cut: points_m must be (n, 2) and potential_V (n,)")
        if np.shape(self.current_density_A_m2) != (n, 2) or np.shape(self.triangles)[1:] != (3,):
            raise InputError("cut: current_density_A_m2 must be (n, 2) and triangles (m, 3)")
        _check_cells("cut: triangles", np.asarray(self.triangles), n)
        for name in ("points_m", "potential_V", "current_density_A_m2"):
            _check_finite(f"cut: {name}", np.asarray(getattr(self, name)))
        _set_read_only(
            self,
            points_m=np.asarray(self.points_m, float),
            triangles=np.asarray(self.triangles, np.int64),
            potential_V=np.asarray(self.potential_V, complex),
            current_density_A_m2=np.asarray(self.current_density_A_m2, complex),
        )
        object.__setattr__(self, "contact_m", tuple((float(a), float(b)) for a, b in self.contact_m))
        object.__setattr__(self, "layers_m", tuple(float(d) for d in self.layers_m))

    @property
    def width_m(self) -> float:
        """Largest lateral position [m]."""
        return float(self.points_m[:, 0].max())

    @property
    def depth_m(self) -> float:
        """Largest depth [m]."""
        return float(self.points_m[:, 1].max())


@dataclass(frozen=True, kw_only=True, eq=False)
class Field:
    """Complex amplitudes of potential and current density for 1 V between the electrodes, unless said otherwise.

    Parameters
    ----------
    frequency_Hz : float
        0 is direct current.
    points_m : (n, 3) float
        Positions [m]; z is the depth below the electrode.
    cells : (m, k) int
        Points of every cell.
    cell_type : str
        Name of the cells in meshio: triangle, quad, quad9, tetra, tetra10, ...
    potential_V : (n,) complex
    current_density_A_m2 : (n, 3) complex
    regions : tuple of str
        Names of the materials.
    cell_region : (m,) int
        Index into `regions` of every cell.
    cut : Cut or None
        The same field on a plane.
    """

    frequency_Hz: float
    points_m: NDArray[np.float64]
    cells: NDArray[np.int64]
    cell_type: str
    potential_V: NDArray[np.complex128]
    current_density_A_m2: NDArray[np.complex128]
    regions: tuple[str, ...]
    cell_region: NDArray[np.int64]
    cut: Cut | None = None

    def __post_init__(self) -> None:
        if not (np.isfinite(self.frequency_Hz) and self.frequency_Hz >= 0):
            raise InputError(f"field: frequency_Hz must be finite and not negative, got {self.frequency_Hz}")
        if self.cell_type not in POINTS_PER_CELL:
            raise InputError(f"field: cell_type must be one of {', '.join(POINTS_PER_CELL)}, got {self.cell_type!r}")
        n, m, k = len(self.points_m), len(self.cells), POINTS_PER_CELL[self.cell_type]
        for name, shape in {
            "points_m": (n, 3),
            "cells": (m, k),
            "potential_V": (n,),
            "current_density_A_m2": (n, 3),
            "cell_region": (m,),
        }.items():
            if np.shape(getattr(self, name)) != shape:
                raise InputError(f"field: {name} must have shape {shape}, got {np.shape(getattr(self, name))}")
        if n == 0 or m == 0:
            raise InputError("field: it has no points or no cells")
        for name in ("points_m", "potential_V", "current_density_A_m2"):
            _check_finite(f"field: {name}", np.asarray(getattr(self, name)))
        _check_cells("field: cells", np.asarray(self.cells), n)
        _check_cells("field: cell_region", np.asarray(self.cell_region), len(self.regions))
        object.__setattr__(self, "frequency_Hz", float(self.frequency_Hz))
        object.__setattr__(self, "regions", tuple(self.regions))
        _set_read_only(
            self,
            points_m=np.asarray(self.points_m, float),
            cells=np.asarray(self.cells, np.int64),
            potential_V=np.asarray(self.potential_V, complex),
            current_density_A_m2=np.asarray(self.current_density_A_m2, complex),
            cell_region=np.asarray(self.cell_region, np.int64),
        )

    def __repr__(self) -> str:
        return (
            f"<Field at {self.frequency_Hz:.4g} Hz: {len(self.points_m)} points, {len(self.cells)} {self.cell_type} "
            f"in {', '.join(self.regions)}>"
        )


def array_name(quantity: str, frequency_Hz: float, part: str) -> str:
    """Name of an array in a VTU file, as "potential_V_real_at_100000_Hz"."""
    return f"{quantity}_{part}_at_{frequency_Hz:.10g}_Hz"


def _arrays(field: Field) -> dict[str, NDArray[np.float64]]:
    j = field.current_density_A_m2
    f = field.frequency_Hz
    return {
        array_name("potential_V", f, "real"): field.potential_V.real.copy(),
        array_name("potential_V", f, "imag"): field.potential_V.imag.copy(),
        array_name("potential_V", f, "magnitude"): np.abs(field.potential_V),
        array_name("current_density_A_m2", f, "real"): j.real.copy(),
        array_name("current_density_A_m2", f, "imag"): j.imag.copy(),
        # The effective amplitude: sqrt(j . j*), the root of twice the mean square over a period.
        array_name("current_density_A_m2", f, "magnitude"): np.sqrt(np.sum(np.abs(j) ** 2, axis=1)),
    }


def write_vtu(path: str | Path, fields: Sequence[Field]) -> None:
    """Write fields of one mesh into one VTU file and read it back as a check.

    Every frequency gives potential [V] and current density [A/m2] as point data, each as real part, imaginary part and
    magnitude, the frequency in the name. The material is cell data "region", an index into `Field.regions`. The last
    line is a comment with the SHA-256 of all before: readers of VTK skip it, `read_vtu` asks for it.

    Parameters
    ----------
    path : str or Path
        Ends in .vtu.
    fields : sequence of Field

    Raises
    ------
    InputError
        If the fields do not share one mesh, two have the same frequency, or the path does not end in .vtu.
    OSError
        If the file cannot be written, or does not hold afterwards what was written.
    """
    import meshio

    if Path(path).suffix != ".vtu":
        raise InputError(f"{path}: a field is written to a .vtu file")
    if not fields:
        raise InputError("field: nothing to write")
    first = fields[0]
    if len({f"{f.frequency_Hz:.10g}" for f in fields}) != len(fields):
        raise InputError("field: frequencies must be distinct in one file")
    data: dict[str, NDArray[np.float64]] = {}
    for field in fields:
        same = np.array_equal(field.points_m, first.points_m) and np.array_equal(field.cells, first.cells)
        if not (same and field.cell_type == first.cell_type):
            raise InputError("field: only fields of one mesh go into one file")
        data |= _arrays(field)
    mesh = meshio.Mesh(
        points=first.points_m,
        cells=[(first.cell_type, first.cells)],
        point_data=data,
        cell_data={"region": [first.cell_region.astype(np.int32)]},
    )
    meshio.write(path, mesh, file_format="vtu")
    back = meshio.read(path)
    if (
        back.points.shape != first.points_m.shape
        or len(back.cells) != 1
        or not np.array_equal(back.cells[0].data, first.cells)
        or not all(name in back.point_data and np.array_equal(back.point_data[name], v) for name, v in data.items())
    ):
        raise OSError(f"{path}: reading the file back gave another field")
    with open(path, "r+b") as file:
        seal = _seal(file.read())
        file.write(seal)


def _seal(content: bytes) -> bytes:
    """The last line of a file."""
    return b"\n<!-- aspot: SHA-256 of all above: " + hashlib.sha256(content).hexdigest().encode() + b" -->\n"


def read_vtu(path: str | Path) -> dict[str, NDArray[np.float64]]:
    """Point data by name of a VTU file that `write_vtu` has written, and nobody has changed since.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    dict of str to (n,) or (n, 3) float

    Raises
    ------
    InputError
        If the file cannot be read, is damaged, or is not by `write_vtu`.
    """
    import meshio

    try:
        content = Path(path).read_bytes()
    except OSError as exc:
        raise InputError(f"{path}: cannot be read: {exc.strerror or exc}") from None
    length = len(_seal(b""))
    if content[-length:] != _seal(content[:-length]):
        raise InputError(f"{path}: is cut off, damaged or changed, or not a field that aspot has written")
    try:
        mesh = meshio.vtu.read(str(path))
    except (Exception, SystemExit) as exc:  # noqa: BLE001  meshio raises many kinds, and may exit
        raise InputError(f"{path}: cannot be read as a mesh: {' '.join(str(exc).split())[:200]}") from None
    return {name: np.asarray(v) for name, v in mesh.point_data.items()}
