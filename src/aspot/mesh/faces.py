"""Whether the cells of a mesh from elsewhere meet face to face, and its surfaces lie where their names say."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aspot.errors import AspotError
from aspot.mesh.tetmesh import TetrahedralMesh
from aspot.mesh.topology import CELL_FACETS, FACETS_WITH_EDGES

IntArray = NDArray[np.int64]

#: Side of the box on which a surface lies: axis, and whether at its upper end.
_SIDES = {"contact": (2, 0), "gap": (2, 0), "counter": (2, 1), "front": (1, 0)}
#: A node is on a side of the box within this share of its extent.
_ON_SIDE = 1e-9


def check_faces(mesh: TetrahedralMesh, *, is_box: bool = True) -> None:
    """Raise unless the cells meet face to face and every named surface is made of their faces, where it belongs.

    Together with positive volumes that add up to that of the box (`tetmesh.check`) this leaves no hole, overlap or node
    that hangs between two cells. Slower than `tetmesh.check`; for meshes that come from elsewhere.

    Parameters
    ----------
    mesh : TetrahedralMesh
        One that `tetmesh.check` accepts.
    is_box : bool
        Faces of one cell alone must lie on the sides of the bounding box or on a jump; "contact" and "gap" on the side
        z = 0 and cover it, "counter" on the far side and cover it, "front" on y = 0.

    Raises
    ------
    AspotError
        Naming what is wrong.
    """
    local = CELL_FACETS if mesh.order == 1 else FACETS_WITH_EDGES
    table = np.sort(mesh.cells[:, local].reshape(-1, local.shape[1]), axis=1)
    faces, counts = np.unique(table, axis=0, return_counts=True)
    if counts.max() > 2:
        raise AspotError(f"mesh: {int((counts > 2).sum())} faces belong to more than two cells")
    known = {face.tobytes(): k for k, face in enumerate(faces)}

    def numbers(name: str, facets: IntArray) -> IntArray:
        """Numbers of the faces of a surface."""
        found = np.array([known.get(row.tobytes(), -1) for row in np.sort(facets.astype(faces.dtype), axis=1)], int)
        if (found < 0).any():
            raise AspotError(f"mesh: {int((found < 0).sum())} facets of {name} are no faces of cells")
        if len(np.unique(found)) < len(found):
            raise AspotError(f"mesh: {name} has facets twice")
        return found

    surfaces = {name: numbers(f"surface {name}", facets) for name, facets in mesh.surfaces.items()}
    jumps = [numbers(f"jump {name}", side) for name, pair in mesh.jumps.items() for side in pair]
    on_jump = np.concatenate(jumps) if jumps else np.empty(0, dtype=np.int64)
    if len(np.unique(on_jump)) < len(on_jump) or (counts[on_jump] != 1).any():
        raise AspotError("mesh: a jump does not separate the cells on its sides")
    if not is_box:
        return
    low, high = mesh.nodes.min(axis=0), mesh.nodes.max(axis=0)
    extent = high - low
    is_outer = counts == 1
    is_outer[on_jump] = False

    def on_side(axis: int, is_upper: int) -> NDArray[np.bool_]:
        """Which outer faces lie on a side of the box."""
        distance = np.abs(mesh.nodes[:, axis] - (high if is_upper else low)[axis])
        is_near = distance <= _ON_SIDE * extent.max()
        return np.asarray(is_outer & is_near[faces].all(axis=1))

    sides = {(axis, end): on_side(axis, end) for axis in range(3) for end in (0, 1)}
    if lost := int((is_outer & ~np.any(list(sides.values()), axis=0)).sum()):
        raise AspotError(
            f"mesh: {lost} faces inside the box belong to one cell only: a hole, or cells that do not meet"
        )
    for name, side in _SIDES.items():
        if not sides[side][surfaces.get(name, np.empty(0, dtype=np.int64))].all():
            raise AspotError(f"mesh: facets of {name} do not lie on its side of the box")
    for names, side in ((("contact", "gap"), (2, 0)), (("counter",), (2, 1))):
        covered = np.concatenate([surfaces.get(name, np.empty(0, dtype=np.int64)) for name in names])
        if len(covered) and len(np.unique(covered)) != len(covered):
            raise AspotError(f"mesh: {' and '.join(names)} overlap")
        if len(covered) and len(covered) != int(sides[side].sum()):
            raise AspotError(f"mesh: {' and '.join(names)} must cover the side of the box that they lie on")
