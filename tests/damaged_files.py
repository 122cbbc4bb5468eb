"""Files that aspot reads beside those of instruments - meshes, fields, images, heights, tomograms, cases - damaged.

Every sample has a judge that reads a file and says "refused", "read", or "other" where nothing tells the content from
one that is meant. It raises whatever breaks the promise of its reader: an error of another kind or of many lines, a
warning, and a content that nobody can have meant.
"""

from __future__ import annotations

import copy
import io
import random
import tempfile
import tomllib
import warnings
from collections import Counter
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from pathlib import Path
from typing import Any

import meshio
import numpy as np
import tomli_w
from instrument_files import mutated
from PIL import Image

from aspot.errors import AspotError, InputError
from aspot.mesh import io as mesh_io
from aspot.mesh.tetmesh import TetrahedralMesh

ROOT = Path(__file__).resolve().parents[1]
CASES = ROOT / "cases"


@dataclass(frozen=True)
class Sample:
    """A whole file, a way to damage it, and who judges what is read from it (path -> "read", "other" or "refused")."""

    ending: str
    data: bytes
    judge: Callable[[Path], str]
    damage: Callable[[bytes, random.Random], bytes] = mutated


def _one_line(error: Exception, path: Path) -> None:
    if str(path) not in str(error) or "\n" in str(error) or len(str(error)) > 2000:
        raise AssertionError(f"not one line with the file's name: {error!r}") from error


# Meshes ---------------------------------------------------------------------------------------------------------------


def small_mesh() -> TetrahedralMesh:
    """A film on a box, contact on a part of the face, a grain boundary with doubled nodes; 3 x 3 x 4 bricks."""
    from aspot.mesh.uniform import uniform_box

    box = uniform_box(3, 3, 4, contact=lambda i, j: (i < 2) & (j < 2))
    region = (box.nodes[box.cells].mean(axis=1)[:, 2] > 0.25).astype(np.int64)
    # Nodes of the plane z = 0.5 are doubled; the cells below it take the copies.
    on_plane = np.flatnonzero(np.isclose(box.nodes[:, 2], 0.5))
    copies = np.arange(len(box.nodes))
    copies[on_plane] = len(box.nodes) + np.arange(len(on_plane))
    is_below = box.nodes[box.cells].mean(axis=1)[:, 2] > 0.5
    cells = np.where(is_below[:, None], copies[box.cells], box.cells)
    upper = np.array(
        [
            face
            for cell in box.cells[~is_below]
            for face in combinations(sorted(cell), 3)
            if np.isin(face, on_plane).all()
        ]
    )
    return TetrahedralMesh(
        nodes=np.concatenate([box.nodes, box.nodes[on_plane]]),
        cells=cells,
        cell_region=region,
        region_names=("film", "electrolyte"),
        surfaces={name: _below(facets, box.nodes, copies) for name, facets in box.surfaces.items()},
        jumps={"grain boundary": (upper, copies[upper])},
        unit_m=1e-6,
    )


def _below(facets: np.ndarray, nodes: np.ndarray, copies: np.ndarray) -> np.ndarray:
    """Facets, those below the plane with the copies of its nodes."""
    return np.where((nodes[facets].mean(axis=1)[:, 2] > 0.5)[:, None], copies[facets], facets)


def _bytes(write: Callable[[Path], object], ending: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"whole{ending}"
        write(path)
        return path.read_bytes()


def foreign_gmsh(*, binary: bool) -> bytes:
    """A mesh as Gmsh 2.2 writes it: physical groups with plain names, no digest."""
    blocks, names = _blocks()
    groups = {name: np.array([k + 1, 3 if k < 2 else 2]) for k, name in enumerate(names)}
    tags = [np.full(len(block), k + 1, dtype=np.int32) for k, (_, block) in enumerate(blocks)]
    content = meshio.Mesh(
        small_mesh_without_jump().nodes,
        blocks,
        field_data=groups,
        cell_data={"gmsh:physical": tags, "gmsh:geometrical": tags},
    )
    return _bytes(lambda path: meshio.write(path, content, file_format="gmsh22", binary=binary), ".msh")


def _blocks() -> tuple[list[tuple[str, np.ndarray]], list[str]]:
    """Cells of the film and of the electrolyte, facets of every surface; and their names."""
    mesh = small_mesh_without_jump()
    filled = {name: facets for name, facets in mesh.surfaces.items() if len(facets)}
    volumes = [("tetra", mesh.cells[mesh.cell_region == k]) for k in range(2)]
    return [*volumes, *(("triangle", facets) for facets in filled.values())], [*mesh.region_names, *filled]


def foreign_gmsh41() -> bytes:
    """The same as Gmsh 4.1 writes it by default: groups belong to entities, and those to blocks of cells."""
    blocks, names = _blocks()
    nodes = small_mesh_without_jump().nodes
    dimension = [3 if kind == "tetra" else 2 for kind, _ in blocks]
    lines = ["$MeshFormat", "4.1 0 8", "$EndMeshFormat", "$PhysicalNames", str(len(names))]
    lines += [f'{d} {k + 1} "{name}"' for k, (d, name) in enumerate(zip(dimension, names, strict=True))]
    lines += ["$EndPhysicalNames", "$Entities", f"0 0 {dimension.count(2)} {dimension.count(3)}"]
    for wanted in (2, 3):
        lines += [f"{k + 1} 0 0 0 1 1 1 1 {k + 1} 0" for k, d in enumerate(dimension) if d == wanted]
    n = len(nodes)
    lines += ["$EndEntities", "$Nodes", f"1 {n} 1 {n}", f"3 1 0 {n}", *(str(k + 1) for k in range(n))]
    lines += [" ".join(map(repr, node)) for node in nodes.tolist()]
    total = sum(len(cells) for _, cells in blocks)
    lines += ["$EndNodes", "$Elements", f"{len(blocks)} {total} 1 {total}"]
    tag = 0
    for k, (kind, cells) in enumerate(blocks):
        lines.append(f"{dimension[k]} {k + 1} {4 if kind == 'tetra' else 2} {len(cells)}")
        for cell in (cells + 1).tolist():
            tag += 1
            lines.append(" ".join(map(str, (tag, *cell))))
    return "\n".join([*lines, "$EndElements", ""]).encode()


def small_mesh_without_jump() -> TetrahedralMesh:
    """As `small_mesh`, in one piece."""
    from aspot.mesh.uniform import uniform_box

    box = uniform_box(3, 3, 4, contact=lambda i, j: (i < 2) & (j < 2))
    region = (box.nodes[box.cells].mean(axis=1)[:, 2] > 0.25).astype(np.int64)
    return TetrahedralMesh(
        nodes=box.nodes,
        cells=box.cells,
        cell_region=region,
        region_names=("film", "electrolyte"),
        surfaces=dict(box.surfaces),
    )


def same_mesh(one: TetrahedralMesh, other: TetrahedralMesh) -> bool:
    """Whether two meshes are alike in everything, bit by bit."""
    return mesh_io.digest(one) == mesh_io.digest(other) and one.region_names == other.region_names


def our_mesh(path: Path) -> str:
    """What aspot has written carries a digest: it is refused, or it is the very mesh that was written."""
    mesh = _read_mesh(path)
    if mesh is None:
        return "refused"
    if not same_mesh(mesh, small_mesh()):
        raise AssertionError("another mesh than was written")
    return "read"


def _read_mesh(path: Path) -> TetrahedralMesh | None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        out, err = io.StringIO(), io.StringIO()
        try:
            with redirect_stdout(out), redirect_stderr(err):
                return mesh_io.read(path)
        except AspotError as error:
            _one_line(error, path)
            return None
        finally:
            assert not out.getvalue() + err.getvalue(), "printed something"


def foreign_mesh(path: Path) -> str:
    """Without a digest: refused, the mesh that was written, or "other" tetrahedra that nothing tells from meant ones.

    Those fill a box without hole or overlap, and their surfaces are where their names say. Found here by other means
    than those of the reader: faces counted one by one.
    """
    mesh = _read_mesh(path)
    if mesh is None:
        return "refused"
    assert len(mesh.cells)
    assert np.isfinite(mesh.nodes).all()
    assert 0 <= mesh.cells.min() <= mesh.cells.max() < len(mesh.nodes)
    x = mesh.nodes[mesh.cells]
    volume = np.einsum("ni,ni->n", x[:, 1] - x[:, 0], np.cross(x[:, 2] - x[:, 0], x[:, 3] - x[:, 0])) / 6
    assert volume.min() > 0
    low, high = mesh.nodes.min(axis=0), mesh.nodes.max(axis=0)
    assert abs(volume.sum() / np.prod(high - low) - 1) < 1e-9
    counts = Counter(tuple(sorted(face)) for cell in mesh.cells.tolist() for face in combinations(cell, 3))
    assert set(counts.values()) <= {1, 2}
    outer = {face for face, count in counts.items() if count == 1}

    def is_on(axis: int, end: np.ndarray, nodes: object) -> bool:
        """Coordinates that end in another digit than they should are still on the side."""
        return bool((np.abs(mesh.nodes[nodes, axis] - end[axis]) <= 1e-9 * (high - low).max()).all())

    for face in outer:
        assert any(is_on(k, end, list(face)) for k in range(3) for end in (low, high)), "a hole"
    seen: set[tuple[int, ...]] = set()
    for name, facets in mesh.surfaces.items():
        faces = [tuple(sorted(face)) for face in facets.tolist()]
        assert set(faces) <= outer, f"{name} is not on the outside"
        assert len(set(faces)) == len(faces), f"{name} has a facet twice"
        assert not seen & set(faces), f"{name} shares facets with another surface"
        seen |= set(faces)
    for name, end in {"contact": low, "gap": low, "counter": high}.items():
        assert is_on(2, end, mesh.surfaces.get(name, np.empty((0, 3), int))), f"{name} elsewhere"
    for names, end in ((("contact", "gap"), low), (("counter",), high)):
        there = {face for face in outer if is_on(2, end, list(face))}
        named = {tuple(sorted(f)) for name in names for f in mesh.surfaces.get(name, np.empty((0, 3), int)).tolist()}
        assert not named or named == there, f"{names} do not cover their face"
    assert mesh.cell_region.min() >= 0
    assert mesh.cell_region.max() < len(mesh.region_names)
    return "read" if _content(mesh) == _content(small_mesh_without_jump()) else "other"


def _content(mesh: TetrahedralMesh) -> object:
    """What a mesh says, whatever the order of its cells and facets."""
    regions = [mesh.region_names[k] for k in mesh.cell_region]
    cells = {(tuple(cell), region) for cell, region in zip(mesh.cells.tolist(), regions, strict=True)}
    surfaces = {
        name: sorted(sorted(facet) for facet in facets.tolist())
        for name, facets in mesh.surfaces.items()
        if len(facets)
    }
    return mesh.nodes.tolist(), cells, surfaces


def changed_content(data: bytes, rng: random.Random) -> bytes:
    """A mesh file decoded, one to three numbers in it changed, and encoded again: no checksum of its format helps."""
    ending = ".vtu" if data.lstrip().startswith(b"<") else ".msh"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a{ending}"
        path.write_bytes(data)
        reader: Any = meshio.vtu if ending == ".vtu" else meshio.gmsh
        content = reader.read(str(path))
        for _ in range(rng.choice((1, 1, 2, 3))):
            _change(content, rng)
        writer: dict[str, Any] = {"file_format": "vtu"} if ending == ".vtu" else {"file_format": "gmsh22"}
        writer["binary"] = rng.random() < 0.5
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                meshio.write(path, content, **writer)
            except Exception:  # noqa: BLE001  what cannot be written is no file
                return data[: len(data) // 2]
        return path.read_bytes()


def _change(content: Any, rng: random.Random) -> None:
    block = content.cells[rng.randrange(len(content.cells))]
    if len(block.data) < 2:
        return
    kind = rng.randrange(8)
    if kind == 0:
        place = rng.randrange(len(content.points)), rng.randrange(3)
        new = rng.choice((np.nan, np.inf, 0.0, -1.0, 1e300, content.points[place] * (1 + 1e-9)))
        content.points[place] = new if rng.random() < 0.5 else content.points[place] + rng.uniform(-0.2, 0.2)
    elif kind == 1:
        block.data[rng.randrange(len(block.data)), rng.randrange(block.data.shape[1])] = rng.choice(
            (0, 1, len(content.points) - 1, rng.randrange(len(content.points)))
        )
    elif kind == 2:
        i, j = rng.randrange(len(block.data)), rng.randrange(len(block.data))
        block.data[[i, j]] = block.data[[j, i]]
    elif kind == 3:
        i = rng.randrange(len(block.data))
        block.data[i, [0, 1]] = block.data[i, [1, 0]]
    elif kind == 4:
        name = rng.choice(list(content.cell_data))
        values = content.cell_data[name][rng.randrange(len(content.cells))]
        if values.size:
            values.flat[rng.randrange(values.size)] = rng.randrange(5)
    elif kind == 5:
        which, drop = content.cells.index(block), rng.randrange(len(block.data))
        block.data = np.delete(block.data, drop, axis=0)
        for values in content.cell_data.values():
            values[which] = np.delete(values[which], drop, axis=0)
    elif kind == 6:
        which, again = content.cells.index(block), rng.randrange(len(block.data))
        block.data = np.concatenate([block.data, block.data[again : again + 1]])
        for values in content.cell_data.values():
            values[which] = np.concatenate([values[which], values[which][again : again + 1]])
    elif kind == 7 and (numbers := [v for v in content.point_data.values() if v.dtype.kind == "f"]):
        values = rng.choice(numbers)
        values.flat[rng.randrange(values.size)] = rng.choice((0.0, np.nan, -1.0, 1e-3))


# Fields ---------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def small_fields() -> tuple[Any, ...]:
    """Fields of two frequencies on one small mesh."""
    from aspot.field import Field

    mesh = small_mesh_without_jump()
    rng = np.random.default_rng(0)
    n = len(mesh.nodes)
    return tuple(
        Field(
            frequency_Hz=frequency,
            points_m=mesh.nodes,
            cells=mesh.cells,
            cell_type="tetra",
            potential_V=rng.random(n) + 1j * rng.random(n),
            current_density_A_m2=rng.random((n, 3)) + 0j,
            regions=mesh.region_names,
            cell_region=mesh.cell_region,
        )
        for frequency in (0.0, 1e6)
    )


@lru_cache(maxsize=1)
def whole_field() -> tuple[bytes, dict[str, np.ndarray]]:
    """The file of `small_fields`, and what reading it gives."""
    from aspot.field import read_vtu, write_vtu

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "field.vtu"
        write_vtu(path, small_fields())
        return path.read_bytes(), read_vtu(path)


def field(path: Path) -> str:
    """A field file: refused, or the very numbers that were written."""
    from aspot.field import read_vtu

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        out, err = io.StringIO(), io.StringIO()
        try:
            with redirect_stdout(out), redirect_stderr(err):
                found = read_vtu(path)
        except InputError as error:
            _one_line(error, path)
            return "refused"
        finally:
            assert not out.getvalue() + err.getvalue(), "printed something"
    expected = whole_field()[1]
    assert found.keys() == expected.keys(), "other quantities than were written"
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values)
    return "read"


# Images, heights and tomograms ----------------------------------------------------------------------------------------

GREY = np.random.default_rng(0).integers(0, 255, (24, 31)).astype(np.uint8)
LABELS = np.random.default_rng(1).integers(0, 3, (5, 7, 6)).astype(np.uint8)


def picture(pixels: np.ndarray, file_format: str, *more: np.ndarray, **options: Any) -> bytes:
    """Pixels, and further pages, as a file."""
    stream = io.BytesIO()
    if more:
        options |= {"save_all": True, "append_images": [Image.fromarray(page) for page in more]}
    Image.fromarray(pixels).save(stream, file_format, **options)
    return stream.getvalue()


def array(values: np.ndarray) -> bytes:
    """A numpy file."""
    stream = io.BytesIO()
    np.save(stream, values)
    return stream.getvalue()


def palette() -> bytes:
    """An image of few colours."""
    stream = io.BytesIO()
    Image.fromarray(GREY).convert("P").save(stream, "PNG")
    return stream.getvalue()


def _table(values: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.savetxt(stream, values, fmt="%.4f", delimiter=",")
    return stream.getvalue()


def pixels_of(path: Path) -> str:
    """A map: refused, or a bounded number of finite numbers in rows and columns."""
    from aspot.morphology import pixels

    found = _read_by(lambda: pixels.read(str(path), pixels.IMAGES + pixels.ARRAYS + pixels.TABLES), path)
    if found is None:
        return "refused"
    assert found.values.ndim == 2
    assert 0 < found.values.size <= pixels.MAX_PIXELS
    assert found.values.dtype.kind in "buif"
    assert np.isfinite(found.values).all()
    size = found.pixel_size_m
    assert size is None or all(0 < s < 1e-3 for s in size)
    return "read"


def labels_of(path: Path) -> str:
    """A tomogram: refused, or planes of labels from 0 to 255."""
    from aspot.morphology import tomogram

    found = _read_by(lambda: tomogram.read_labels(str(path)), path)
    if found is None:
        return "refused"
    labels, sha256 = found
    assert labels.ndim == 3
    assert labels.dtype == np.uint8
    assert min(labels.shape) >= 1
    assert len(sha256) == 64
    return "read"


def _read_by(read: Callable[[], Any], path: Path) -> Any:
    from aspot.specification import FieldError

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return read()
        except FieldError as error:
            refused = error
    assert (refused.key, refused.value) == ("file", str(path))
    assert "\n" not in str(refused)
    assert len(str(refused)) < 400
    return None


def claims(data: bytes, rng: random.Random) -> bytes:
    """Sizes and offsets in the head of a file replaced by others, also huge ones; else any damage."""
    if rng.random() < 0.5:
        return mutated(data, rng)
    for _ in range(rng.choice((1, 2, 3))):
        head = min(len(data), 400) if rng.random() < 0.5 else len(data)
        a = rng.randrange(head)
        value = rng.choice((0, 1, 2, 255, 300, 5000, 65535, 2**20, 2**31 - 1, 2**31, 2**32 - 1, rng.randrange(2**32)))
        order = rng.choice(("little", "big"))
        width = rng.choice((1, 2, 4))
        data = data[:a] + (value % 256**width).to_bytes(width, order) + data[a + width :]
    return data


# Cases ----------------------------------------------------------------------------------------------------------------


def case(path: Path) -> str:
    """A case as `aspot validate` takes it: valid with status 0, or one line and status 2."""
    from aspot import cli

    out, err = io.StringIO(), io.StringIO()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with redirect_stdout(out), redirect_stderr(err):
            status = cli.main(["validate", str(path)])
    said = err.getvalue()
    if status == 0:
        assert said == ""
        assert "nan" not in out.getvalue().split()
        return "read"
    if status != 2 or not said.startswith("aspot: ") or said.count("\n") != 1 or "Traceback" in said:
        raise AssertionError(f"status {status}: {said}")
    assert str(path) in said or "electrode" in said or "electrolyte" in said, said
    assert len(said) < 3000
    return "refused"


def case_texts() -> dict[str, bytes]:
    """The cases of the folder by name; the files they name given in full."""
    texts = {}
    for path in sorted(CASES.glob("*.toml")):
        text = path.read_text()
        for folder in ("maps", "tomograms"):
            text = text.replace(f'file = "{folder}/', f'file = "{CASES / folder}/')
        texts[path.stem] = text.encode()
    return texts


def _paths(table: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = table.items() if isinstance(table, dict) else enumerate(table) if isinstance(table, list) else ()
    return [path for key, value in items for path in [(*here, key), *_paths(value, (*here, key))]]


_VALUES: tuple[Any, ...] = (
    0, 1, -1, 2, 7, 64, 10**6, 10**19, 0.0, -0.0, 1e-300, 1e300, float("nan"), float("inf"), True, False, "", "auto",
    "x", "1 um", "10 um", "0.1 um", "1 nm", "1 mm", "1 m", "0 um", "-1 um", "1e400 um", "nan um", "1 kg", "25 degC",
    "-300 degC", "1 mS/cm", "0.01", "1e-9 S/cm", "1 ohm cm^2", "1 uF/cm^2", "1 eV", "10 eV", "1 GHz", "1 mHz", "random",
    "square", "hexagonal", "single", "spots", "pores", "strips", "image", "tomogram", "rough", "height-map", "planar",
    "ellipse", "annulus", "tetrahedra", "voxel", "axisymmetric", "surface", "explicit", "voronoi", "brick", "lens",
    "wedge", "NZSP0.4", "LLZO", "Na", "Li", [], [1, 2], ["1 um", "2 um"], [[1]], {}, {"a": 1}, {"kind": "planar"},
    "a\nb", "\x7f",
)  # fmt: skip


def changed_case(data: bytes, rng: random.Random) -> bytes:
    """A case with values replaced, scaled, moved from other cases, removed or repeated; or damaged as text."""
    if rng.random() < 0.4:
        return mutated(data, rng)
    table = tomllib.loads(data.decode())
    others = [tomllib.loads(text.decode()) for text in case_texts().values()]
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        paths = _paths(table)
        if not paths:
            break
        *parents, last = rng.choice(paths)
        place = table
        for key in parents:
            place = place[key]
        what = rng.random()
        if what < 0.15:
            del place[last]
        elif what < 0.5:
            place[last] = copy.deepcopy(rng.choice(_VALUES))
        elif what < 0.75 and (number := _scaled(place[last], rng)) is not None:
            place[last] = number
        else:
            other = rng.choice(others)
            *path, key = rng.choice([path for path in _paths(other) if all(isinstance(step, str) for step in path)])
            value: Any = other
            for step in [*path, key]:
                value = value[step]
            target: Any = table
            for step in path:
                if isinstance(target, dict):
                    target = target.setdefault(step, {})
            if isinstance(target, dict):
                target[key] = copy.deepcopy(value)
    return tomli_w.dumps(table).encode()


def _scaled(value: Any, rng: random.Random) -> Any:
    """A number, or the one before a unit, made larger or smaller."""
    factor = 10 ** rng.uniform(-4, 4)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return int(value * factor) if isinstance(value, int) and rng.random() < 0.7 else value * factor
    if isinstance(value, str) and value[:1].isdigit():
        number, _, unit = value.partition(" ")
        try:
            return f"{float(number) * factor:.4g} {unit}"
        except ValueError:
            return None
    return None


# All ------------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def meshes() -> dict[str, Sample]:
    """Files of meshes and fields."""
    ours = {ending: _bytes(lambda path: mesh_io.write(small_mesh(), path), ending) for ending in (".vtu", ".msh")}
    foreign = {"2.2 text": foreign_gmsh(binary=False), "2.2 binary": foreign_gmsh(binary=True), "4.1": foreign_gmsh41()}
    samples = {}
    for ending, data in ours.items():
        samples[f"{ending} bytes"] = Sample(ending, data, our_mesh)
        samples[f"{ending} content"] = Sample(ending, data, our_mesh, changed_content)
    for name, data in foreign.items():
        samples[f"foreign .msh {name} bytes"] = Sample(".msh", data, foreign_mesh)
        samples[f"foreign .msh {name} content"] = Sample(".msh", data, foreign_mesh, changed_content)
    samples["field bytes"] = Sample(".vtu", whole_field()[0], field)
    samples["field content"] = Sample(".vtu", whole_field()[0], field, changed_content)
    return samples


@lru_cache(maxsize=1)
def images() -> dict[str, Sample]:
    """Files of pixels and voxels."""
    wide = GREY.astype(np.uint16) * 200
    coloured = np.stack([GREY, GREY[::-1], GREY], axis=-1)
    maps = {
        "png": (".png", picture(GREY, "PNG")),
        "png 16": (".png", picture(wide, "PNG")),
        "png colour": (".png", picture(coloured, "PNG")),
        "png palette": (".png", palette()),
        "tiff": (".tif", picture(GREY, "TIFF")),
        "tiff lzw": (".tif", picture(GREY, "TIFF", compression="tiff_lzw")),
        "tiff deflate": (".tif", picture(GREY, "TIFF", compression="tiff_adobe_deflate")),
        "tiff float": (".tif", picture(GREY.astype(np.float32), "TIFF")),
        "tiff colour": (".tif", picture(coloured, "TIFF", compression="packbits")),
        "jpeg": (".jpg", picture(GREY, "JPEG")),
        "bmp": (".bmp", picture(GREY, "BMP")),
        "npy 8": (".npy", array(GREY)),
        "npy float": (".npy", array(GREY.astype(float))),
        "csv": (".csv", _table(GREY.astype(float))),
    }
    stacks = {
        "stack npy": (".npy", array(LABELS)),
        "stack tiff": (".tif", picture(LABELS[0], "TIFF", *LABELS[1:])),
        "stack tiff lzw": (".tif", picture(LABELS[0], "TIFF", *LABELS[1:], compression="tiff_lzw")),
        "stack tiff deflate": (".tif", picture(LABELS[0], "TIFF", *LABELS[1:], compression="tiff_adobe_deflate")),
    }
    return {name: Sample(ending, data, pixels_of, claims) for name, (ending, data) in maps.items()} | {
        name: Sample(ending, data, labels_of, claims) for name, (ending, data) in stacks.items()
    }


@lru_cache(maxsize=1)
def cases() -> dict[str, Sample]:
    """Case files."""
    return {name: Sample(".toml", data, case, changed_case) for name, data in case_texts().items()}


def judged(key: str, sample: Sample, number: int, folder: Path) -> str:
    """What reading mutant `number` of a sample gives; the mutant is left in the folder. Always the same mutant."""
    path = folder / f"mutant{sample.ending}"
    path.write_bytes(sample.damage(sample.data, random.Random(f"{key}-{number}")))
    return sample.judge(path)
