"""Meshes in files: nothing is lost on the way, nothing damaged gets through, nothing is written by halves."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import meshio
import numpy as np
import pytest

from aspot.errors import AspotError, InputError
from aspot.mesh import io
from aspot.mesh.tetmesh import TetrahedralMesh, check
from aspot.mesh.tetrahedra import build
from aspot.mesh.uniform import uniform_box
from aspot.morphology.unit_cell import BoxCell, Disc

MESHES = Path(__file__).parents[1] / "meshes"
CELL = BoxCell(size_x=0.5e-6, size_y=0.5e-6, shapes=(Disc(x=0.0, y=0.0, radius=0.1e-6),), contact_inside=True)


@pytest.fixture(scope="module")
def mesh() -> TetrahedralMesh:
    return build(
        CELL,
        depth=1e-6,
        layers=(("film", 20e-9),),
        rim_size=30e-9,
        max_size=0.2e-6,
        grading=0.5,
        split_at_depth=(("grain boundary", 0.5e-6),),
    )


def assert_same(one: TetrahedralMesh, other: TetrahedralMesh) -> None:
    np.testing.assert_array_equal(one.nodes, other.nodes)
    np.testing.assert_array_equal(one.cells, other.cells)
    np.testing.assert_array_equal(one.cell_region, other.cell_region)
    assert one.region_names == other.region_names
    assert one.unit_m == other.unit_m
    assert one.surfaces.keys() == other.surfaces.keys()
    assert one.jumps.keys() == other.jumps.keys()
    for name, facets in one.surfaces.items():
        np.testing.assert_array_equal(facets, other.surfaces[name])
    for name, pair in one.jumps.items():
        for side, other_side in zip(pair, other.jumps[name], strict=True):
            np.testing.assert_array_equal(side, other_side)


@pytest.mark.parametrize("ending", [".vtu", ".msh"])
def test_round_trip_is_exact(mesh: TetrahedralMesh, tmp_path: Path, ending: str) -> None:
    io.write(mesh, tmp_path / f"mesh{ending}")
    assert_same(mesh, io.read(tmp_path / f"mesh{ending}"))


@pytest.mark.parametrize("ending", [".vtu", ".msh"])
def test_straight_cells_and_empty_surfaces_survive(tmp_path: Path, ending: str) -> None:
    planar = uniform_box(2, 3, 4, order=1)
    assert len(planar.surfaces["gap"]) == 0
    io.write(planar, tmp_path / f"mesh{ending}")
    assert_same(planar, io.read(tmp_path / f"mesh{ending}"))


@pytest.mark.parametrize("ending", [".vtu", ".msh"])
def test_damaged_files_are_refused_or_hold_the_same_mesh(mesh: TetrahedralMesh, tmp_path: Path, ending: str) -> None:
    """A flipped bit may hit a blank or a comment; what is read must then still be the mesh that was written."""
    io.write(mesh, tmp_path / f"whole{ending}")
    content = (tmp_path / f"whole{ending}").read_bytes()
    rng = np.random.default_rng(1)
    damaged = tmp_path / f"damaged{ending}"
    refused = 0
    for _ in range(40):
        flipped = bytearray(content)
        flipped[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
        damaged.write_bytes(flipped)
        try:
            assert_same(mesh, io.read(damaged))
        except AspotError:
            refused += 1
    assert refused > 20
    for length in (0, 1, *rng.integers(2, len(content) * 9 // 10, 20)):
        damaged.write_bytes(content[:length])
        with pytest.raises(AspotError):
            io.read(damaged)


def test_file_without_tetrahedra_is_refused(tmp_path: Path) -> None:
    meshio.write(tmp_path / "surface.vtu", meshio.Mesh(np.eye(3), [("triangle", np.array([[0, 1, 2]]))]))
    with pytest.raises(AspotError, match="no tetrahedra"):
        io.read(tmp_path / "surface.vtu")


def test_missing_file_and_unknown_ending(tmp_path: Path) -> None:
    with pytest.raises(AspotError, match="no such file"):
        io.read(tmp_path / "none.vtu")
    with pytest.raises(InputError, match=r"must end in \.vtu or \.msh"):
        io.write(uniform_box(1, 1, 1), tmp_path / "mesh.stl")


def test_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mesh.vtu"
    io.write(uniform_box(1, 1, 1), path)
    before = path.read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(AspotError, match="disk full"):
        io.write(uniform_box(2, 2, 2), path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["mesh.vtu"]


def test_foreign_gmsh_file_with_physical_groups(tmp_path: Path) -> None:
    """Physical volumes become regions, physical surfaces surfaces; the lengths are metres."""
    box = uniform_box(2, 2, 2)
    blocks = [("tetra", box.cells), ("triangle", box.surfaces["contact"]), ("triangle", box.surfaces["counter"])]
    tags = [np.full(len(block), k + 1, dtype=np.int32) for k, (_, block) in enumerate(blocks)]
    groups = {"electrolyte": np.array([1, 3]), "contact": np.array([2, 2]), "counter": np.array([3, 2])}
    meshio.write(
        tmp_path / "foreign.msh",
        file_format="gmsh22",
        mesh=meshio.Mesh(
            box.nodes, blocks, field_data=groups, cell_data={"gmsh:physical": tags, "gmsh:geometrical": tags}
        ),
    )
    mesh = io.read(tmp_path / "foreign.msh")
    assert mesh.region_names == ("electrolyte",)
    np.testing.assert_array_equal(mesh.surfaces["contact"], box.surfaces["contact"])


def test_every_mesh_of_the_folder_reads_and_matches_its_recipe(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("make_meshes", MESHES / "make.py")
    assert spec is not None
    assert spec.loader is not None
    make = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make)
    files = {path.stem: path for path in MESHES.glob("*.vtu")}
    assert files.keys() == make.RECIPES.keys()
    for name, path in files.items():
        assert path.stat().st_size < 300_000
        stored, made = io.read(path), make.RECIPES[name]()
        check(stored)
        assert stored.surfaces.keys() == made.surfaces.keys()
        assert stored.jumps.keys() == made.jumps.keys()
        assert stored.region_names == made.region_names
        assert len(stored.cells) == pytest.approx(len(made.cells), rel=0.2)
