"""The tetrahedral mesh as data: nodes, cells, named regions and named surfaces. It knows no law and no mesher."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import roots_jacobi

from aspot.errors import AspotError


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


def _conical_rule(n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points (n^3, 3) and weights of the conical product rule on the unit tetrahedron, exact to degree 2 n - 1."""
    rules = [roots_jacobi(n, alpha, 0.0) for alpha in (2.0, 1.0, 0.0)]
    (u, wu), (v, wv), (t, wt) = [
        ((1 + x) / 2, w / 2 ** (alpha + 1)) for (x, w), alpha in zip(rules, (2, 1, 0), strict=True)
    ]
    uu, vv, tt = np.meshgrid(u, v, t, indexing="ij")
    points = np.stack([uu, (1 - uu) * vv, (1 - uu) * (1 - vv) * tt], axis=-1).reshape(-1, 3)
    return points, np.einsum("i,j,k->ijk", wu, wv, wt).ravel()


def _shape_gradients(points: NDArray[np.float64], order: int) -> NDArray[np.float64]:
    """Gradients (n_points, n_nodes, 3) of the Lagrange functions on the unit tetrahedron."""
    barycentric = np.column_stack([1.0 - points.sum(axis=1), points])
    gradient = np.array([[-1.0, -1.0, -1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    if order == 1:
        return np.broadcast_to(gradient, (len(points), 4, 3)).copy()
    vertex = (4.0 * barycentric - 1.0)[:, :, None] * gradient
    pairs = ((0, 1), (1, 2), (0, 2), (0, 3), (1, 3), (2, 3))
    edge = [4.0 * (barycentric[:, i, None] * gradient[j] + barycentric[:, j, None] * gradient[i]) for i, j in pairs]
    return np.concatenate([vertex, np.stack(edge, axis=1)], axis=1)


def jacobians(mesh: TetrahedralMesh, n: int = 2) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Jacobian determinants (n_cells, n^3) at the points of a product rule, and the rule's weights.

    The rule is exact to degree 2 n - 1 on straight cells; n = 2 integrates the volume of 10-node cells exactly.
    """
    points, weights = _conical_rule(n)
    x = mesh.nodes[mesh.cells]
    determinants = np.empty((len(mesh.cells), len(points)))
    for k, gradient in enumerate(_shape_gradients(points, mesh.order)):  # by point: little memory
        determinants[:, k] = np.linalg.det(np.einsum("nai,aj->nij", x, gradient))
    return determinants, weights


def volumes(mesh: TetrahedralMesh) -> NDArray[np.float64]:
    """Volume of every cell [units of unit_m^3]."""
    determinants, weights = jacobians(mesh, 1 if mesh.order == 1 else 2)
    return determinants @ weights


def planar_area(nodes: NDArray[np.float64], facets: NDArray[np.int64]) -> float:
    """Area of plane facets of one orientation in space, 3 or 6 nodes each; exact for curved edges in the plane."""
    if len(facets) == 0:
        return 0.0
    x = nodes[facets]
    vector = np.cross(x[:, 1] - x[:, 0], x[:, 2] - x[:, 0]) / 2
    if facets.shape[1] == 6:
        # A parabola over the chord p q whose middle lies d off the chord adds the vector area 2/3 d x (q - p); where
        # the node slides along a straight edge the two vectors are parallel and nothing is added.
        for (i, j), m in zip(((0, 1), (1, 2), (2, 0)), (3, 4, 5), strict=True):
            chord = x[:, j] - x[:, i]
            vector = vector + np.cross(x[:, m] - (x[:, i] + x[:, j]) / 2, chord) * (2 / 3)
    return float(np.linalg.norm(vector, axis=1).sum())


def check(mesh: TetrahedralMesh, *, is_box: bool = True, areas: dict[str, tuple[float, float]] | None = None) -> None:
    """Raise unless the mesh can be computed on.

    Parameters
    ----------
    mesh : TetrahedralMesh
    is_box : bool
        The volumes must add up to that of the bounding box, and contact plus gap to its face.
    areas : dict of str to (float, float), optional
        Exact area of a surface and the relative error allowed [units of unit_m^2].

    Raises
    ------
    AspotError
        Wrong shapes, no cells, indices out of range, unused or non-finite nodes, determinants that are not positive,
        wrong volume or areas, sides of a jump that do not coincide.
    """

    def require(condition: object, message: str) -> None:
        if not condition:
            raise AspotError(f"mesh: {message}")

    n = len(mesh.nodes)
    n_cell, n_facet = (4, 3) if mesh.order == 1 else (10, 6)
    require(mesh.nodes.ndim == 2 and mesh.nodes.shape[1] == 3 and n > 0, "nodes must have shape (n, 3), n > 0")
    require(mesh.cells.ndim == 2 and mesh.cells.shape[1] == n_cell and len(mesh.cells) > 0, "no cells of 4 or 10 nodes")
    require(np.isfinite(mesh.unit_m) and mesh.unit_m > 0, f"unit_m is {mesh.unit_m}, must be positive and finite")
    require(np.isfinite(mesh.nodes).all(), "node coordinates must be finite")
    require(mesh.cells.min() >= 0 and mesh.cells.max() < n, "cell refers to a node that does not exist")
    require(len(np.unique(mesh.cells)) == n, "some nodes belong to no cell")
    require(mesh.cell_region.shape == (len(mesh.cells),), "one region per cell is needed")
    require(mesh.cell_region.min() >= 0 and mesh.cell_region.max() < len(mesh.region_names), "region without a name")
    sides = {f"jump {name}": side for name, pair in mesh.jumps.items() for side in pair}
    for name, facets in {**mesh.surfaces, **sides}.items():
        require(facets.ndim == 2 and facets.shape[1] == n_facet, f"surface {name} needs {n_facet} nodes per facet")
        require(len(facets) == 0 or (facets.min() >= 0 and facets.max() < n), f"surface {name} refers to missing nodes")
    determinants, weights = jacobians(mesh, 1 if mesh.order == 1 else 3)
    require((determinants > 0).all(), f"{int((determinants <= 0).any(axis=1).sum())} cells with non-positive Jacobian")
    extent = np.ptp(mesh.nodes, axis=0)
    for name, (upper, lower) in mesh.jumps.items():
        require(upper.shape == lower.shape, f"jump {name}: the two sides differ in number")
        require(
            np.allclose(mesh.nodes[upper], mesh.nodes[lower], rtol=0, atol=1e-12 * extent.max()),
            f"jump {name}: the two sides do not coincide",
        )
    if is_box:
        total = float((determinants @ weights).sum())
        require(abs(total / np.prod(extent) - 1) < 1e-9, f"volume {total} differs from the box {np.prod(extent)}")
        top = [planar_area(mesh.nodes, mesh.surfaces[name]) for name in ("contact", "gap") if name in mesh.surfaces]
        base = float(extent[0] * extent[1])
        require(not top or abs(sum(top) / base - 1) < 1e-9, f"contact and gap cover {sum(top)}, the face has {base}")
    for name, (exact, allowed) in (areas or {}).items():
        area = planar_area(mesh.nodes, mesh.surfaces[name])
        require(abs(area - exact) <= allowed * exact, f"area of {name} is {area}, exact {exact}, allowed {allowed:.1e}")
