"""Makes the meshes of this folder anew: python meshes/make.py [FOLDER]."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from pathlib import Path

from aspot.mesh.io import write
from aspot.mesh.tetmesh import TetrahedralMesh
from aspot.mesh.tetrahedra import build, recommended_sizes
from aspot.mesh.uniform import uniform_box
from aspot.morphology.unit_cell import Annulus, BoxCell, Disc


def _recommended(cell: BoxCell, depth: float, **options: object) -> TetrahedralMesh:
    sizes = recommended_sizes(cell, depth, 0)
    return build(cell, depth=depth, rim_size=sizes.rim_size, max_size=sizes.max_size, grading=sizes.grading, **options)  # type: ignore[arg-type]


def quarter_square() -> TetrahedralMesh:
    """Quarter cell of a square array of discs: box 0.5 x 0.5 x 1 m, radius 0.1 m."""
    cell = BoxCell(size_x=0.5, size_y=0.5, shapes=(Disc(x=0.0, y=0.0, radius=0.1),), contact_inside=True)
    return _recommended(cell, 1.0)


def hexagonal() -> TetrahedralMesh:
    """Hexagonal array of discs, contact fraction 0.1, pitch 10 um, depth 10 um."""
    pitch, fraction = 10e-6, 0.1
    radius = pitch * math.sqrt(fraction * math.sqrt(3) / 2 / math.pi)
    spots = (Disc(x=0.0, y=0.0, radius=radius), Disc(x=pitch / 2, y=math.sqrt(3) / 2 * pitch, radius=radius))
    cell = BoxCell(size_x=pitch / 2, size_y=math.sqrt(3) / 2 * pitch, shapes=spots, contact_inside=True)
    return _recommended(cell, pitch)


def pore_under_film() -> TetrahedralMesh:
    """Square array of pores, pitch 1 um, radius 0.3 um, a 10 nm film under the metal, a grain boundary 0.5 um down."""
    cell = BoxCell(size_x=0.5e-6, size_y=0.5e-6, shapes=(Disc(x=0.0, y=0.0, radius=0.3e-6),), contact_inside=False)
    return _recommended(cell, 1e-6, layers=(("film", 10e-9),), split_at_depth=(("grain boundary", 0.5e-6),))


def annulus() -> TetrahedralMesh:
    """Square array of rings, pitch 1 mm, radii 0.1 mm and 0.2 mm, straight cells."""
    cell = BoxCell(
        size_x=0.5e-3,
        size_y=0.5e-3,
        contact_inside=True,
        shapes=(Annulus(x=0.0, y=0.0, inner_radius=0.1e-3, radius=0.2e-3),),
    )
    return _recommended(cell, 1e-3, order=1)


def uniform() -> TetrahedralMesh:
    """Structured cube, 6 x 6 x 6 bricks, contact on a quarter of the face."""
    return uniform_box(6, 6, 6, contact=lambda i, j: (i < 3) & (j < 3))


RECIPES: dict[str, Callable[[], TetrahedralMesh]] = {
    recipe.__name__: recipe for recipe in (quarter_square, hexagonal, pore_under_film, annulus, uniform)
}


def main(folder: Path) -> None:
    """Write every mesh to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, recipe in RECIPES.items():
        mesh = recipe()
        write(mesh, folder / f"{name}.vtu")
        print(f"{name}.vtu: {len(mesh.nodes)} nodes, {len(mesh.cells)} cells")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
