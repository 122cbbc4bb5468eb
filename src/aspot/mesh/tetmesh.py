"""The tetrahedral mesh as data: nodes, cells, named regions and named surfaces. It knows no law and no mesher."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class TetrahedralMesh:
    """Tetrahedra of geometric order 1 (4 nodes) or 2 (10 nodes), in scaled units.

    Local node order is that of VTK and scikit-fem: vertices 0..3, then edge nodes (01)(12)(02)(03)(13)(23);
    facets: vertices 0..2, then (01)(12)(02). z = 0 is the interface, z > 0 the depth.

    Parameters
    ----------
    nodes : (n, 3) float
        Node coordinates in units of `unit_m`.
    cells : (m, 4) or (m, 10) int64
        Node numbers of each tetrahedron.
    cell_region : (m,) int
        Index into `region_names` of each tetrahedron.
    region_names : tuple of str
        "electrolyte", and the name of each layer.
    surfaces : dict of str to (k, 3) or (k, 6) int64
        Facets by name: "contact", "gap", "counter" (far face), "front" (the mirror plane y = 0, for pictures),
        any of which may be absent or empty.
    jumps : dict of str to pair of (k, 3) or (k, 6) int64
        Inner interfaces with duplicated nodes: facets seen from the two sides, node by node opposite each other.
    unit_m : float
        Length of one unit of `nodes` [m].
    """

    nodes: NDArray[np.float64]
    cells: NDArray[np.int64]
    cell_region: NDArray[np.int64]
    region_names: tuple[str, ...]
    surfaces: dict[str, NDArray[np.int64]]
    jumps: dict[str, tuple[NDArray[np.int64], NDArray[np.int64]]] = field(default_factory=dict)
    unit_m: float = 1.0

    @property
    def order(self) -> int:
        """Geometric order, 1 or 2."""
        return 1 if self.cells.shape[1] == 4 else 2
