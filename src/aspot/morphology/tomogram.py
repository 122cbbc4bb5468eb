"""Kind "tomogram": the interface is given voxel by voxel, by a stack of label images (FIB-SEM, X-ray, simulated).

Plane 0 of the file lies at the electrode, row 0 at y = 0, column 0 at x = 0.
"""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field

from aspot.laws import Gap, Law
from aspot.memory import SHARE, available_memory
from aspot.morphology.files import first_line, numpy_array, read_file
from aspot.morphology.maps import PixelKeys, check_content
from aspot.morphology.unit_cell import VoxelCell
from aspot.specification import FieldError, Flag, Permittivity, Range, Spec

_ENDINGS = (".npy", ".tif", ".tiff")
#: Most voxels of a file: what a machine of 64 GB solves.
_MOST = 640**3
#: One edge of a voxel [m].
_edge = Range("length", 1e-10, 1e-3)

Labels = Annotated[tuple[Annotated[int, Field(ge=0, le=255, strict=True)], ...], Field(min_length=1, max_length=256)]


_Length = str | float


def _lengths(value: object) -> tuple[float, float, float]:
    values = value if isinstance(value, (list, tuple)) else (value,) * 3
    if len(values) != 3:
        raise ValueError("must be one length, or three: along x, y and z")
    x, y, z = (_edge(v) for v in values)
    return x, y, z


class Phases(Spec):
    """Which labels are what.

    Parameters
    ----------
    electrolyte, metal, pore, gap : tuple of int
        Labels. Gap: pores so thin that they carry the law of `working_electrode.gap` on their faces to the electrolyte.
    """

    electrolyte: Labels
    metal: Labels | None = None
    pore: Labels | None = None
    gap: Labels | None = None

    def given(self) -> dict[str, tuple[int, ...]]:
        """Labels by phase."""
        return {name: labels for name in type(self).model_fields if (labels := getattr(self, name)) is not None}


class TomogramKeys(PixelKeys):
    """Keys of tomograms; `file`, `sha256` and `boundary` as those of images.

    Parameters
    ----------
    voxel_size : three floats
        Edges of a voxel along x, y and z (depth) [m]; one length if they are alike.
    phases : Phases
    pore_permittivity : float
        Relative; default: pores neither conduct nor polarise.
    metal_plate : bool
        Whether flat metal lies on plane 0, so that electrolyte there touches it. Default: if no label is metal.
    """

    voxel_size: (
        Annotated[
            tuple[float, float, float],
            BeforeValidator(_lengths, json_schema_input_type=_Length | tuple[_Length, _Length, _Length]),
        ]
        | None
    ) = None
    phases: Phases | None = None
    pore_permittivity: Permittivity | None = None
    metal_plate: Flag | None = None


def keys(m: TomogramKeys) -> tuple[set[str], set[str]]:
    """Allowed and required keys."""
    needed = {"file", "voxel_size", "phases"}
    return needed | {"sha256", "boundary", "pore_permittivity", "metal_plate"}, needed


def check(m: TomogramKeys) -> None:
    """Refuse labels with two meanings or none, files that cannot be read, and images without contact."""
    assert m.phases is not None
    seen: dict[int, str] = {}
    for name, labels in m.phases.given().items():
        for label in labels:
            if label in seen:
                raise FieldError("phases", f"label {label} is both {seen[label]} and {name}")
            seen[label] = name
    if m.pore_permittivity is not None and m.phases.pore is None:
        raise FieldError("pore_permittivity", "needs phases.pore", m.pore_permittivity)
    if m.metal_plate is False and m.phases.metal is None:
        raise FieldError("metal_plate", "false needs phases.metal: there is no metal otherwise", m.metal_plate)
    values = _labels(m)
    unknown = sorted(set(np.unique(values).tolist()) - set(seen))
    if unknown:
        shown = ", ".join(map(str, unknown[:5])) + (", ..." if len(unknown) > 5 else "")
        raise FieldError("phases", f"must say what label {shown} of {m.file} is")
    if fraction(m) == 0.0:
        raise FieldError("phases", "no electrolyte touches metal in the image")


def fraction(m: TomogramKeys) -> float:
    """Part of the columns in which electrolyte has metal above it."""
    cell = unit_cell(m, 0.0, 0.0)
    is_metal = np.isin(cell.labels, cell.metal)
    is_electrolyte = np.isin(cell.labels, cell.conductors["electrolyte"])
    touches = np.any(is_metal[:-1] & is_electrolyte[1:], axis=0)
    if cell.plate:
        touches |= is_electrolyte[0]
    return float(touches.mean())


def pitch(m: TomogramKeys) -> float:
    """Longer lateral side of the image [m]."""
    cell = unit_cell(m, 0.0, 0.0)
    return max(cell.size_x, cell.size_y)


def unit_cell(m: TomogramKeys, planar_width: float, gap_floor: float) -> VoxelCell:
    """The image; see `Morphology.unit_cell`."""
    assert m.phases is not None and m.voxel_size is not None
    phases = m.phases
    conductors = {"electrolyte": phases.electrolyte}
    if m.pore_permittivity is not None and phases.pore is not None:
        conductors["pore"] = phases.pore
    x, y, z = m.voxel_size
    return VoxelCell(
        labels=_labels(m),
        voxel_m=(z, y, x),
        conductors=conductors,
        metal=phases.metal or (),
        gap=phases.gap or (),
        plate=phases.metal is None if m.metal_plate is None else m.metal_plate,
        periodic=m.boundary == "periodic",
    )


def content(m: TomogramKeys) -> dict[str, Any]:
    """Where the file is, and its SHA-256."""
    assert m.file is not None
    return {"file": str(Path(m.file).absolute()), "sha256": _stack(m)[1]}


def phase_laws(m: TomogramKeys) -> Mapping[str, Law]:
    """Admittivities of the phases beside the electrolyte [S/m]."""
    if m.pore_permittivity is None:
        return {}
    # The law of a gap of 1 m thickness, per area, is that of what fills it, per length.
    return {"pore": Gap(thickness_m=1.0, permittivity=m.pore_permittivity, name="pore")}


# Files ----------------------------------------------------------------------------------------------------------------


def _labels(m: TomogramKeys) -> NDArray[np.uint8]:
    return _stack(m)[0]


def _stack(m: TomogramKeys) -> tuple[NDArray[np.uint8], str]:
    """Labels and SHA-256 of the file, of the content that is asked for."""
    assert m.file is not None
    labels, sha256 = read_labels(m.file)
    check_content(m, sha256)
    return labels, sha256


def read_labels(file: str) -> tuple[NDArray[np.uint8], str]:
    """Label image of a file, read again only if it has changed.

    Parameters
    ----------
    file : str
        A numpy array (nz, ny, nx) of whole numbers 0 to 255, or a TIFF of several pages of 8 bits.

    Returns
    -------
    labels : (nz, ny, nx) uint8
    sha256 : str

    Raises
    ------
    FieldError
        Of the key `file`: it cannot be read, is damaged, empty, too large, or holds other numbers.
    """
    return read_file(file, _ENDINGS, 8 * _MOST + 1_000_000, f", more than {_MOST} voxels take", _read)


@lru_cache(maxsize=2)
def _read(path: str, changed_ns: int, size: int, shown: str) -> tuple[NDArray[np.uint8], str]:
    data = Path(path).read_bytes()
    values = numpy_array(data, _check_shape, shown) if path.lower().endswith(".npy") else _pages(data, shown)
    if values.dtype.kind == "f" and not np.all(np.isfinite(values)):
        raise FieldError("file", "holds voxels that are not finite; labels are whole numbers from 0 to 255", shown)
    labels = values.astype(np.uint8)
    if not np.array_equal(labels, values):
        raise FieldError("file", "must hold labels: whole numbers from 0 to 255; segment the grey image before", shown)
    labels.setflags(write=False)
    return labels, hashlib.sha256(data).hexdigest()


def _check_shape(shape: tuple[int, ...], shown: str) -> None:
    if len(shape) != 3:
        raise FieldError("file", f"must hold planes, rows and columns of labels; its shape is {shape}", shown)
    count = int(np.prod([int(n) for n in shape], dtype=object))
    if min(shape) < 1 or shape[0] < 2:
        raise FieldError("file", f"must hold at least two planes of pixels; its shape is {shape}", shown)
    if count > _MOST:
        raise FieldError("file", f"has {count} voxels; allowed are {_MOST} (640^3): use a part of it", shown)
    if 4.0 * count > SHARE * available_memory():
        raise FieldError("file", f"has {count} voxels, more than the memory left can hold", shown)


def _pages(data: bytes, shown: str) -> NDArray[Any]:
    """All pages of a TIFF of one size, 8 bits each."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of tags that Pillow skips; what is needed is checked below
            with Image.open(io.BytesIO(data), formats=("TIFF",)) as stack:
                return _all_pages(stack, shown)
    except FieldError:
        raise
    except Exception as error:  # noqa: BLE001  damaged files make Pillow raise errors of many kinds
        raise FieldError("file", f"cannot be read as a stack of images: {first_line(error)}", shown) from None


def _all_pages(stack: Any, shown: str) -> NDArray[np.uint8]:
    pages = int(getattr(stack, "n_frames", 1))
    width, height = stack.size
    _check_shape((pages, height, width), shown)
    out = np.empty((pages, height, width), np.uint8)
    for page in range(pages):
        stack.seek(page)
        if stack.mode not in ("L", "P", "1") or stack.size != (width, height):
            raise FieldError(
                "file", f"page {page} is not {width} x {height} pixels of 8 bits (mode {stack.mode})", shown
            )
        out[page] = np.asarray(stack)
    return out
