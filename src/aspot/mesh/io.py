"""Tetrahedral meshes to and from files through meshio: VTK (.vtu) and Gmsh (.msh), regions and surfaces kept.

In .vtu every region, surface and side of a jump is one 0/1 array of cell data whose name says what it marks; in .msh
they are physical groups. A digest of the content goes along: a damaged file is refused, whatever it still contains.
"""

from __future__ import annotations

import hashlib
import io
import os
import warnings
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aspot.errors import AspotError, InputError
from aspot.folder import write_file
from aspot.mesh.faces import check_faces
from aspot.mesh.tetmesh import TetrahedralMesh, check

IntArray = NDArray[np.int64]

_CELL = {1: ("tetra", "triangle"), 2: ("tetra10", "triangle6")}
_FORMATS = {".vtu": "vtu", ".msh": "gmsh22"}


def digest(mesh: TetrahedralMesh) -> str:
    """SHA-256 of everything the mesh holds, in hexadecimal."""
    sha = hashlib.sha256()

    def add(name: str, values: NDArray[Any], kind: str) -> None:
        sha.update(f"{name} {values.shape};".encode())
        sha.update(np.ascontiguousarray(values, dtype=kind).tobytes())

    add("nodes", mesh.nodes, "<f8")
    add("cells", mesh.cells, "<i8")
    add("region", mesh.cell_region, "<i8")
    add("unit_m", np.array([mesh.unit_m]), "<f8")
    sha.update(repr(mesh.region_names).encode())
    for name, facets in sorted(_facets(mesh).items()):
        add(name, facets, "<i8")
    return sha.hexdigest()


def _facets(mesh: TetrahedralMesh) -> dict[str, IntArray]:
    """Surfaces and both sides of jumps by the name they have in files."""
    found = {f"surface/{name}": facets for name, facets in mesh.surfaces.items()}
    for name, pair in mesh.jumps.items():
        found |= {f"jump/{side}/{name}": facets for side, facets in zip(("upper", "lower"), pair, strict=True)}
    return found


def write(mesh: TetrahedralMesh, path: str | os.PathLike[str]) -> None:
    """Write a mesh to .vtu (compressed) or .msh (Gmsh 2.2, binary); the file is there whole or not at all.

    Parameters
    ----------
    mesh : TetrahedralMesh
    path : path
        Ends in .vtu or .msh. An existing file is replaced at the end.

    Raises
    ------
    InputError
        Unknown ending, or a name that file formats cannot hold.
    AspotError
        The mesh does not pass the checks of `tetmesh.check` and `faces.check_faces`, or the file cannot be written.
    """
    import meshio

    path = Path(path)
    kind = _format(path)
    check(mesh, is_box=False)
    check_faces(mesh, is_box=False)
    facets = _facets(mesh)
    for name in (*mesh.region_names, *mesh.surfaces, *mesh.jumps):
        if not name or any(character in name for character in '"/<>&\n'):
            raise InputError(f"name {name!r}: must not be empty nor contain quotes, slashes, <, >, & or line ends")
    volume_type, facet_type = _CELL[mesh.order]
    blocks = [(volume_type, mesh.cells), *((facet_type, block) for block in facets.values() if len(block))]
    marks = (f"unit_m/{mesh.unit_m!r}", f"digest/{digest(mesh)}")
    sizes = [len(block) for _, block in blocks]
    filled = [name for name, block in facets.items() if len(block)]
    if kind == "vtu":
        data = {mark: [np.zeros(size, dtype=np.uint8) for size in sizes] for mark in marks}
        for k, name in enumerate(mesh.region_names):
            data[f"region/{k}/{name}"] = [
                (mesh.cell_region == k).astype(np.uint8),
                *(np.zeros(size, dtype=np.uint8) for size in sizes[1:]),
            ]
        for name in facets:
            data[name] = [
                np.full(size, b > 0 and filled[b - 1] == name, dtype=np.uint8) for b, size in enumerate(sizes)
            ]
        content = meshio.Mesh(mesh.nodes, blocks, cell_data=data)
    else:
        number = {name: k + 1 + len(mesh.region_names) for k, name in enumerate(facets)}
        groups = {f"region/{k}/{name}": np.array([k + 1, 3]) for k, name in enumerate(mesh.region_names)}
        groups |= {name: np.array([k, 2]) for name, k in number.items()}
        groups |= {mark: np.array([k + 1, 0]) for k, mark in enumerate(marks)}
        tags = [
            (mesh.cell_region + 1).astype(np.int32),
            *(np.full(size, number[name], dtype=np.int32) for name, size in zip(filled, sizes[1:], strict=True)),
        ]
        content = meshio.Mesh(
            mesh.nodes, blocks, field_data=groups, cell_data={"gmsh:physical": tags, "gmsh:geometrical": tags}
        )
    write_file(path, lambda temporary: meshio.write(temporary, content, file_format=kind))


def read(path: str | os.PathLike[str], *, is_box: bool = True) -> TetrahedralMesh:
    """Read and check a mesh written by `write`, or a Gmsh mesh whose physical groups are named like our regions.

    Parameters
    ----------
    path : path
        Ends in .vtu or .msh.
    is_box : bool
        Also check that the cells fill their bounding box, and that contact, gap and counter cover its faces.

    Returns
    -------
    TetrahedralMesh

    Raises
    ------
    InputError
        Unknown ending.
    AspotError
        No such file; truncated or damaged: unreadable, wrong digest, or any check of `tetmesh.check` or
        `faces.check_faces` fails.
    """
    import meshio

    path = Path(path)
    _format(path)
    if not path.is_file():
        raise AspotError(f"{path}: no such file")
    try:
        # meshio prints what it finds.
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            # The readers themselves: meshio.read would print and try further formats.
            content = (meshio.vtu if path.suffix == ".vtu" else meshio.gmsh).read(str(path))
    except (Exception, SystemExit) as error:  # damaged input makes meshio raise nearly anything, even SystemExit
        said = " ".join(str(error).split())[:200]
        raise AspotError(f"{path}: not readable as a {path.suffix} mesh, damaged or truncated? ({said})") from error
    try:
        mesh, expected = _from_vtu(content) if path.suffix == ".vtu" else _from_gmsh(content)
        check(mesh, is_box=is_box)
        check_faces(mesh, is_box=is_box)
        found = digest(mesh)
    except AspotError as error:
        raise AspotError(f"{path}: {error}") from error
    except (ValueError, TypeError, KeyError, IndexError) as error:
        said = " ".join(str(error).split())[:200]
        raise AspotError(f"{path}: damaged or not a tetrahedral mesh ({said})") from error
    if expected is not None and expected != found:
        raise AspotError(f"{path}: the content does not match its digest: damaged file")
    return mesh


def _format(path: Path) -> str:
    if path.suffix not in _FORMATS:
        raise InputError(f"mesh file {path}: must end in {' or '.join(_FORMATS)}")
    return _FORMATS[path.suffix]


def _order(content: Any) -> int:
    for order, (volume_type, _) in _CELL.items():
        if any(block.type == volume_type for block in content.cells):
            return order
    raise AspotError("holds no tetrahedra: damaged or another kind of mesh")


def _gathered(content: Any, kind: str, data: Sequence[NDArray[Any]]) -> tuple[IntArray, NDArray[Any]]:
    """Nodes and one piece of data of all cells of a kind."""
    chosen = [(block.data, values) for block, values in zip(content.cells, data, strict=True) if block.type == kind]
    if not chosen:
        width = {"triangle": 3, "triangle6": 6}[kind]
        return np.empty((0, width), dtype=np.int64), np.empty(0, dtype=np.int64)
    return (np.concatenate([nodes for nodes, _ in chosen]).astype(np.int64), np.concatenate([v for _, v in chosen]))


def _assembled(
    content: Any, cells: IntArray, region: IntArray, regions: Sequence[str], facets: dict[str, IntArray], unit_m: float
) -> TetrahedralMesh:
    surfaces = {name.split("/", 1)[1]: block for name, block in facets.items() if name.startswith("surface/")}
    jumps = {}
    for name in facets:
        if name.startswith("jump/upper/"):
            short = name.split("/", 2)[2]
            jumps[short] = (facets[name], facets[f"jump/lower/{short}"])
    return TetrahedralMesh(
        nodes=np.asarray(content.points, dtype=np.float64),
        cells=cells,
        cell_region=region,
        region_names=tuple(regions),
        surfaces=surfaces,
        jumps=jumps,
        unit_m=unit_m,
    )


def _mark(names: Sequence[str], key: str) -> str:
    found = [name.split("/", 1)[1] for name in names if name.startswith(f"{key}/")]
    if len(found) != 1:
        raise AspotError(f"has {len(found)} entries '{key}', must have one: damaged or not written by aspot")
    return found[0]


def _region_names(names: Sequence[str]) -> list[str]:
    """Names of "region/k/name" in the order of k = 0, 1, ..."""
    numbered = {int(name.split("/")[1]): name for name in names if name.startswith("region/")}
    if sorted(numbered) != list(range(len(numbered))) or not numbered:
        raise AspotError("regions are missing: damaged or not written by aspot")
    return [numbered[k] for k in range(len(numbered))]


def _from_vtu(content: Any) -> tuple[TetrahedralMesh, str | None]:
    volume_type, facet_type = _CELL[_order(content)]
    names = list(content.cell_data)
    unit_m, expected = float(_mark(names, "unit_m")), _mark(names, "digest")
    regions = _region_names(names)
    region: IntArray | None = None
    for k, name in enumerate(regions):
        cells, flags = _gathered(content, volume_type, content.cell_data[name])
        region = np.full(len(cells), -1, dtype=np.int64) if region is None else region
        region[flags == 1] = k
    facets = {}
    for name in names:
        if name.startswith(("surface/", "jump/")):
            all_facets, flags = _gathered(content, facet_type, content.cell_data[name])
            facets[name] = all_facets[flags == 1]
    assert region is not None
    short = [name.split("/", 2)[2] for name in regions]
    return _assembled(content, cells, region, short, facets, unit_m), expected


def _from_gmsh(content: Any) -> tuple[TetrahedralMesh, str | None]:
    """Ours, or any Gmsh mesh: physical volumes are regions, physical surfaces surfaces, lengths in metres."""
    volume_type, facet_type = _CELL[_order(content)]
    groups = {name: (int(tag), int(dimension)) for name, (tag, dimension) in content.field_data.items()}
    names = list(groups)
    ours = any(name.startswith(("unit_m/", "digest/", "region/")) for name in names)
    unit_m = float(_mark(names, "unit_m")) if ours else 1.0
    expected = _mark(names, "digest") if ours else None
    regions = _region_names(names) if ours else [name for name, (_, dimension) in groups.items() if dimension == 3]
    if "gmsh:physical" not in content.cell_data or not regions:
        raise AspotError("needs named physical volumes, such as 'electrolyte'")
    tags = content.cell_data["gmsh:physical"]
    cells, cell_tags = _gathered(content, volume_type, tags)
    region = np.full(len(cells), -1, dtype=np.int64)
    for k, name in enumerate(regions):
        region[cell_tags == groups[name][0]] = k
    all_facets, facet_tags = _gathered(content, facet_type, tags)
    facets = {
        name if ours else f"surface/{name}": all_facets[facet_tags == tag]
        for name, (tag, dimension) in groups.items()
        if dimension == 2
    }
    short = [name.split("/", 2)[2] for name in regions] if ours else regions
    return _assembled(content, cells, region, short, facets, unit_m), expected
