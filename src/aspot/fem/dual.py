"""The current field of a profile: an upper bound of the resistance (Thomson's principle), a second impedance.

Every current field j that has no divergence, carries 1 A and crosses no insulating surface dissipates at least R:

    R <= int |j|^2 / sigma dx + int z_contact j_n^2 ds + int z_counter j_n^2 ds .

In a profile such fields are the curls of a stream function psi, the current that flows inside a radius (or x):

    tube:    j_z = (1/pi) dpsi/ds,  j_r = -(1/(2 pi r)) dpsi/dz,   s = r^2
    strips:  j_z = dpsi/dx,         j_x = -dpsi/dz                 (per metre of length)

psi is 0 on the axis, 1 on the outer wall and constant on every insulating stretch of the interface. In the variables
(s, z) any polynomial that vanishes at s = 0 is admissible, so that the same high-order elements serve. Where the depth
is cut, psi of uniform current is prescribed there: the field continues as a uniform one through the rest of the slab.
Together with the potential, whose energy bounds the conductance from above (Dirichlet's principle), the resistance is
enclosed, up to rounding and quadrature of high order: the geometry is exact.

With complex resistivities the same sum, without conjugates, is stationary instead of least. It gives a second impedance
whose error has nothing to do with that of the potential: their distance is an estimate of both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray
from scipy.sparse import csr_array

from aspot.fem import linear
from aspot.fem.gap_heights import GapHeights
from aspot.fem.profile import Nodes, condensed_stiffness, lagrange, lobatto_points, number_nodes, sum_blocks
from aspot.mesh.profile import ProfileMesh

FloatArray = NDArray[np.float64]


def _current_mesh(mesh: ProfileMesh) -> ProfileMesh:
    """The mesh in the variables (s, z) of a tube; strips keep (x, z)."""
    if not mesh.axisymmetric:
        return mesh
    vertices = mesh.vertices.copy()
    vertices[:, 0] **= 2
    return replace(mesh, vertices=vertices)


def _weights(mesh: ProfileMesh, position: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Weights of (dpsi/d across)^2 and (dpsi/dz)^2 in the dissipation, for unit resistivity."""
    ones = np.ones(position.shape[:-1])
    if not mesh.axisymmetric:
        return ones, ones
    return ones / np.pi, 1.0 / (4.0 * np.pi * position[..., 0])


def _insulated(mesh: ProfileMesh, nodes: Nodes) -> list[NDArray[np.int64]]:
    """Nodes of each connected insulating stretch of the interface, from the axis outwards."""
    edges = nodes.edge["gap"]
    if not len(edges):
        return []
    left = mesh.vertices[mesh.surfaces["gap"]][:, :, 0].min(1)
    edges = edges[np.argsort(left)]
    stretches: list[set[int]] = []
    for edge in edges:
        if stretches and stretches[-1] & set(edge.tolist()):
            stretches[-1] |= set(edge.tolist())
        else:
            stretches.append(set(edge.tolist()))
    return [np.array(sorted(stretch)) for stretch in stretches]


def impedance(
    mesh: ProfileMesh,
    order: int,
    *,
    resistivity: Mapping[str, complex],
    contact_impedance: complex = 0.0,
    gap_impedance: complex | None = None,
    counter_impedance: complex = 0.0,
    is_cut: bool,
    heights: GapHeights | None = None,
) -> complex:
    """Impedance of a profile by its current; at direct current an upper bound of the resistance.

    Parameters
    ----------
    mesh : ProfileMesh
    order : int
    resistivity : mapping of str to complex
        Of every region [ohm m].
    contact_impedance, gap_impedance, counter_impedance : complex
        Of the contacts, the gap and the far face [ohm m2]; a gap of None carries no current.
    is_cut : bool
        Whether the far face is a cut through more electrolyte (uniform current there) or an equipotential electrode.
    heights : GapHeights, optional
        Of a gap that is not equally high everywhere: its impedance is d/d_0 times the one given.

    Returns
    -------
    complex
        [ohm]; strips: per metre of length [ohm m]. Real if all arguments are.
    """
    flow = _current_mesh(mesh)
    nodes = number_nodes(flow, order)
    # Elements at the axis have a weight 1/s: their polynomials vanish there, so that the rule stays accurate.
    boundary_nodes, condensed, _ = condensed_stiffness(flow, order, nodes, weights=_weights, extra_points=4)
    size = nodes.n_skeleton
    # Scaled units: a tube's resistance goes as 1/length and a contact's as 1/length^2; strips one power less.
    power = 1 if mesh.axisymmetric else 0
    blocks, factors = {}, []
    for region, name in enumerate(mesh.region_names):
        inside = mesh.quad_region == region
        blocks["volume " + name] = (boundary_nodes[inside], condensed[inside])
        factors.append(resistivity[name] / mesh.unit_m**power)
    interfaces = {"contact": contact_impedance, "gap": gap_impedance or 0.0, "counter": counter_impedance}
    for name, z in interfaces.items():
        if z != 0.0 and len(mesh.surfaces.get(name, ())):
            blocks[name] = (nodes.edge[name], _edge_slopes(flow, name, order, heights if name == "gap" else None))
            factors.append(z / mesh.unit_m ** (power + 1))
    terms = list(sum_blocks(blocks, size).values())
    data = np.sum([factor * t.data for factor, t in zip(factors, terms, strict=True)], axis=0)
    a = csr_array((data, terms[0].indices, terms[0].indptr), shape=(size, size))

    value = np.full(size, np.nan)
    group = np.arange(size)
    insulated = _insulated(flow, nodes) if gap_impedance is None else []
    for stretch in insulated:
        group[stretch] = stretch[0]
    value[nodes.edge["axis"]] = 0.0
    value[nodes.edge["wall"]] = 1.0
    if is_cut:
        value[nodes.edge["counter"]] = _edge_positions(flow, "counter", order)
    for stretch in insulated:
        known = value[stretch][np.isfinite(value[stretch])]
        if known.size:
            value[stretch] = known[0]
    free = ~np.isfinite(value)
    leaders, numbers = np.unique(group[free], return_inverse=True)
    spread = csr_array((np.ones(numbers.size), (np.flatnonzero(free), numbers)), shape=(size, leaders.size))
    fixed = np.where(free, 0.0, value)

    # The rows of A sum to zero; stored ones do so to rounding only, which next to tiny elements drowns the dissipation.
    # Differences of psi are free of it.
    rows = np.repeat(np.arange(size), np.diff(a.indptr))
    upper = rows < a.indices
    i, j, g = rows[upper], a.indices[upper], -a.data[upper]

    def image(psi: NDArray[np.inexact]) -> NDArray[np.inexact]:
        between = g * (psi[i] - psi[j])
        net = [np.bincount(i, c, size) - np.bincount(j, c, size) for c in (between.real, between.imag)]
        return np.asarray(net[0] + 1j * net[1] if np.iscomplexobj(between) else net[0])

    psi = fixed
    if leaders.size:
        reduced = csr_array(spread.T @ a @ spread)
        x = linear.solve_direct(reduced, -(spread.T @ image(fixed)), lambda x: -(spread.T @ image(fixed + spread @ x)))
        psi = fixed + spread @ x
    return complex(g @ (psi[i] - psi[j]) ** 2)


def _edge_positions(mesh: ProfileMesh, name: str, order: int) -> FloatArray:
    """Variable across at the nodes of a surface: psi of uniform current, as the total is 1 at position 1."""
    ends = mesh.vertices[mesh.surfaces[name]][:, :, 0]
    x = 0.5 * (1.0 + lobatto_points(order))
    return np.asarray(ends[:, :1] * (1.0 - x) + ends[:, 1:] * x)


def _edge_slopes(mesh: ProfileMesh, name: str, order: int, heights: GapHeights | None = None) -> FloatArray:
    """Matrices of int w (dpsi/d across)^2 over the edges of a surface, w = 1/pi (tube) or 1, times d/d_0 of a gap."""
    if heights is not None:
        ends = mesh.vertices[mesh.surfaces[name]][:, :, 0]
        return np.stack([_weighted_slopes(mesh, pair, order, heights) for pair in ends])
    x, w = legendre.leggauss(order + 1)
    _, slopes = lagrange(order, x)
    half = 0.5 * np.abs(np.diff(mesh.vertices[mesh.surfaces[name]][:, :, 0], axis=1))[:, :, None]
    weight = 1.0 / np.pi if mesh.axisymmetric else 1.0
    return np.asarray(weight * np.einsum("q,qi,qj->ij", w, slopes, slopes)[None] / half)


def _weighted_slopes(mesh: ProfileMesh, pair: FloatArray, order: int, heights: GapHeights) -> FloatArray:
    """Matrix of one edge of a gap whose height varies."""
    unit = mesh.unit_m
    if not mesh.axisymmetric:
        x, weight, ratio = heights.rule(pair[0] * unit, pair[1] * unit, order + 3)
    else:
        r = np.sqrt(pair)
        x, weight, ratio = heights.rule(r[0] * unit, r[1] * unit, order + 3)
        # From places on the radius to those on its square.
        at = r[0] + (r[1] - r[0]) * x
        weight = weight * 2.0 * at * (r[1] - r[0]) / (pair[1] - pair[0])
        x = (at - r[0]) * (at + r[0]) / (pair[1] - pair[0])
    _, slopes = lagrange(order, 2.0 * x - 1.0)
    scale = (1.0 / np.pi if mesh.axisymmetric else 1.0) * 4.0 / abs(pair[1] - pair[0])
    return np.asarray((slopes.T * (weight * ratio * scale)) @ slopes)
