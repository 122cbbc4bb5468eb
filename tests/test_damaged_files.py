"""Meshes, fields, images, tomograms and cases that are damaged: refused in one line, or read as what they say.

The long run is `python benchmarks/fuzz_files.py --count 1000` (`make hard`).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import damaged_files as files
import meshio
import numpy as np
import pytest

from aspot.errors import AspotError, InputError
from aspot.field import read_vtu, write_vtu
from aspot.mesh import io
from aspot.mesh.tetmesh import TetrahedralMesh
from aspot.mesh.uniform import uniform_box

#: Mutants of each sample here.
MESHES, IMAGES, CASES = 15, 30, 12


@pytest.mark.parametrize("key", files.meshes())
def test_damaged_meshes_are_refused_or_read_as_written(key: str, tmp_path: Path) -> None:
    """With a digest: the mesh that was written or none. Without: none that has a hole, an overlap or lost surfaces."""
    sample = files.meshes()[key]
    whole = tmp_path / f"whole{sample.ending}"
    whole.write_bytes(sample.data)
    assert sample.judge(whole) == "read"
    outcomes = {files.judged(key, sample, i, tmp_path) for i in range(MESHES)}
    assert "refused" in outcomes
    assert "foreign" in key or "other" not in outcomes


@pytest.mark.parametrize("key", files.images())
def test_damaged_images_are_refused_or_bounded_and_finite(key: str, tmp_path: Path) -> None:
    sample = files.images()[key]
    whole = tmp_path / f"whole{sample.ending}"
    whole.write_bytes(sample.data)
    assert sample.judge(whole) == "read"
    assert "refused" in {files.judged(key, sample, i, tmp_path) for i in range(IMAGES)}


@pytest.mark.parametrize("key", files.cases())
def test_damaged_cases_are_valid_or_one_line_with_status_2(key: str, tmp_path: Path) -> None:
    sample = files.cases()[key]
    assert {files.judged(key, sample, i, tmp_path) for i in range(CASES)} == {"read", "refused"}


# Meshes without a digest ----------------------------------------------------------------------------------------------


Change = Callable[[np.ndarray, dict[str, np.ndarray]], None]


def foreign(path: Path, change: Change) -> Path:
    """A box with plain physical groups as Gmsh would write it, after a change of its nodes and blocks."""
    box = uniform_box(3, 3, 3, contact=lambda i, j: (i < 2) & (j < 2))
    blocks = {"electrolyte": box.cells, **{name: facets for name, facets in box.surfaces.items() if len(facets)}}
    nodes = box.nodes.copy()
    change(nodes, blocks)
    kinds = [("tetra" if name == "electrolyte" else "triangle", block) for name, block in blocks.items()]
    tags = [np.full(len(block), k + 1, dtype=np.int32) for k, block in enumerate(blocks.values())]
    groups = {name: np.array([k + 1, 3 if k == 0 else 2]) for k, name in enumerate(blocks)}
    data = {"gmsh:physical": tags, "gmsh:geometrical": tags}
    meshio.write(path, meshio.Mesh(nodes, kinds, field_data=groups, cell_data=data), file_format="gmsh22")
    return path


def shift(nodes: np.ndarray, blocks: dict[str, np.ndarray]) -> None:
    inner = np.flatnonzero(((nodes > 0.1) & (nodes < 0.9)).all(axis=1))[0]
    nodes[inner] += 0.05


def tear(nodes: np.ndarray, blocks: dict[str, np.ndarray]) -> None:
    """A cell gets a node of its own at the place of another: nothing moves, but current no longer passes there."""
    cells = blocks["electrolyte"]
    middle = np.abs(nodes[cells].mean(axis=1) - 0.5).max(axis=1).argmin()
    old = cells[middle, 0]
    spare = next(n for n in cells[-1] if n != old)
    cells[middle, 0] = spare
    nodes[spare] = nodes[old]


def move(source: str, target: str) -> Change:
    def change(nodes: np.ndarray, blocks: dict[str, np.ndarray]) -> None:
        blocks[target] = np.concatenate([blocks[target], blocks[source][:1]])
        blocks[source] = blocks[source][1:]

    return change


def drop(name: str) -> Change:
    return lambda nodes, blocks: blocks.update({name: blocks[name][1:]})


def twice(name: str) -> Change:
    return lambda nodes, blocks: blocks.update({name: blocks[name][[0, *range(len(blocks[name]))]]})


def no_face(nodes: np.ndarray, blocks: dict[str, np.ndarray]) -> None:
    on_top = np.flatnonzero(nodes[:, 2] == 1)
    blocks["counter"][0] = on_top[[0, 4, 12]]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (drop("electrolyte"), "volume"),
        (tear, "volume|Jacobian|belong"),
        (move("counter", "front"), "front do not lie on its side"),
        (move("front", "counter"), "counter do not lie on its side"),
        (move("front", "gap"), "contact and gap cover|gap do not lie"),
        (drop("counter"), "counter must cover"),
        (twice("counter"), "counter has facets twice"),
        (twice("front"), "front has facets twice"),
        (no_face, "facets of surface counter are no faces"),
        (drop("gap"), "contact and gap cover"),
    ],
)
def test_meshes_without_a_digest_must_fill_the_box_and_name_its_sides(
    change: Change, words: str, tmp_path: Path
) -> None:
    with pytest.raises(AspotError, match=words):
        io.read(foreign(tmp_path / "a.msh", change))


def test_a_moved_inner_node_is_another_mesh_of_the_same_box(tmp_path: Path) -> None:
    """What no digest guards and no theorem forbids is read: all cells positive, face to face, and the box full."""
    io.read(foreign(tmp_path / "a.msh", shift))


def test_a_hole_is_seen_even_if_volumes_add_up(tmp_path: Path) -> None:
    """One cell left out, another there twice: as it is a box of equal bricks, the volume is that of the box."""

    def change(nodes: np.ndarray, blocks: dict[str, np.ndarray]) -> None:
        cells = blocks["electrolyte"]
        x = nodes[cells]
        volume = np.abs(np.linalg.det(x[:, 1:] - x[:, :1]))
        inner = np.flatnonzero(((x > 0) & (x < 1)).any(axis=(1, 2)))
        gone = inner[0]
        again = next(k for k in inner[1:] if np.isclose(volume[k], volume[gone]))
        cells[gone] = cells[again]

    with pytest.raises(AspotError, match=r"more than two cells|inside the box|no cell"):
        io.read(foreign(tmp_path / "a.msh", change))


def test_a_jump_must_part_the_cells(tmp_path: Path) -> None:
    mesh = files.small_mesh()
    upper, _ = mesh.jumps["grain boundary"]
    wrong = TetrahedralMesh(**{**vars(mesh), "jumps": {"grain boundary": (upper, upper)}})
    with pytest.raises(AspotError, match="does not separate"):
        io.write(wrong, tmp_path / "a.vtu")


# Fields ---------------------------------------------------------------------------------------------------------------


def test_any_changed_byte_of_a_field_is_noticed(tmp_path: Path) -> None:
    whole, _ = files.whole_field()
    path = tmp_path / "a.vtu"
    for k in range(0, len(whole), len(whole) // 50):
        path.write_bytes(whole[:k] + bytes([whole[k] ^ 1]) + whole[k + 1 :])
        with pytest.raises(InputError, match="damaged"):
            read_vtu(path)
    for other in (whole + b"\n", b"\n" + whole, whole[:-1], b""):
        path.write_bytes(other)
        with pytest.raises(InputError, match="damaged"):
            read_vtu(path)


def test_other_programs_read_a_field_with_its_last_line(tmp_path: Path) -> None:
    import pyvista

    write_vtu(tmp_path / "a.vtu", files.small_fields())
    grid = pyvista.read(tmp_path / "a.vtu")
    assert grid.n_points == len(files.small_fields()[0].points_m)
    assert grid.n_cells == len(files.small_fields()[0].cells)
    np.testing.assert_array_equal(grid["potential_V_real_at_0_Hz"], files.small_fields()[0].potential_V.real)


# Images that claim more than they hold --------------------------------------------------------------------------------


def tiff_that_claims(width: int, height: int, pages: int = 1) -> bytes:
    """A few hundred bytes: black and white, all strips at the same place."""
    data = b"II*\x00" + struct.pack("<I", 8)
    for page in range(pages):
        tags = ((256, width), (257, height), (258, 8), (259, 1), (262, 1), (273, 4), (277, 1), (278, height), (279, 4))
        following = len(data) + 2 + 12 * len(tags) + 4 if page + 1 < pages else 0
        data += struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
        data += struct.pack("<I", following)
    return data


@pytest.mark.parametrize("side", [9000, 200_000, 2**31 - 1])
def test_the_size_that_a_tiff_claims_is_read_before_it_is_decoded(
    side: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import Image, TiffImagePlugin

    from aspot.morphology import pixels, tomogram
    from aspot.specification import FieldError

    decoded: list[object] = []
    monkeypatch.setattr(Image.Image, "load", decoded.append)
    monkeypatch.setattr(TiffImagePlugin.TiffImageFile, "load", decoded.append)
    for pages, read in ((1, lambda f: pixels.read(f, pixels.IMAGES)), (8, tomogram.read_labels)):
        path = tmp_path / f"{pages}-{side}.tif"
        path.write_bytes(tiff_that_claims(side, side, pages))
        assert path.stat().st_size < 1000
        with pytest.raises(FieldError, match=r"allowed|memory|read"):
            read(str(path))
    assert not decoded
