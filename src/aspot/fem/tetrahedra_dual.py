"""The current field on tetrahedra: an upper bound of the resistance (Thomson's principle), a second impedance.

Every current field q that has no divergence, carries I through the cell and crosses no insulating surface obeys

    R <= ( int |q|^2 / sigma dx + int (q . n)^2 / y ds ) / I^2 ,

interfaces of admittance y included. Such a field is built from the potential u, patch by patch: with the hat function
psi_a of a vertex a, the field q_a in the cells around a that is nearest to -psi_a kappa grad u among those with

    div q_a = -kappa grad psi_a . grad u,   q_a . n = 0 on the patch's outer facets

is a small problem of its own. It has a solution because u satisfies its equation for psi_a, and the hat functions add
up to one, so that the sum of all q_a has no divergence (D. Braess, J. Schoeberl, Math. Comp. 77 (2008) 651, doi
10.1090/S0025-5718-07-02080-7; A. Ern, M. Vohralik, SIAM J. Numer. Anal. 53 (2015) 1058, doi 10.1137/130950100).

q is of Raviart and Thomas's kind of order 1 (its normal component linear on every facet), carried to curved cells by
Piola's transform, which keeps fluxes: nothing is lost there, and no divergence stays none. The unknowns of a facet are
the values d_v of its flux density at its three vertices, per area of the reference triangle. Where nodes are drawn
towards a rim quadratically the transform also makes q ~ r^(-1/2); values whose field would carry infinite energy
there are left out (`_finite`).

With complex laws the same sum, without conjugates, is stationary instead of least: a second impedance whose error has
nothing to do with that of the potential.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from aspot.errors import ConvergenceError
from aspot.fem.kernels import CURVED_POINTS, STRAIGHT, facet_mass, quadrature, shape_functions
from aspot.fem.patches import CLOSED, FIXED, INNER, LAW, cell_energies, potential_moments, solve_patches
from aspot.fem.raviart_thomas import FACETS, reference_fields, reference_integrals
from aspot.mesh.tetmesh import TetrahedralMesh, planar_area
from aspot.mesh.topology import CELL_EDGES

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]
IntArray = NDArray[np.int64]

#: Points per direction on cells and facets at a rim, whose energies are not polynomials.
_RIM_POINTS = 7
#: Jacobians of a vertex below this part of the largest in the cell vanish in theory.
_FLAT = 1e-7
#: Divergence left in a cell, as a part of the total current.
_LEAK = 1e-6


@dataclass(frozen=True, kw_only=True)
class LawFacets:
    """Facets whose current passes an admittance: under metal or at a counter electrode, or over a jump.

    Parameters
    ----------
    names : tuple of str
    which : (n,) int
        Index into `names`.
    row : (n_facets,) int
        Which of these a facet is, on either side; -1: none.
    slots : (n, 2, 3) int
        Numbers of the values on the upper and, for a jump, on the lower side (else -1).
    nodes : (n, 2, 6) int
        Nodes of both sides; -1: the other side is the metal or the ground.
    forms : (n, 3, 3) float
        int d^2 / J ds of the active values.
    inverses : (n, 3, 3) float
        Its inverse on these, else 0.
    """

    names: tuple[str, ...]
    which: IntArray
    row: IntArray
    slots: IntArray
    nodes: IntArray
    forms: FloatArray
    inverses: FloatArray


@dataclass(frozen=True, kw_only=True)
class CurrentSpace:
    """Raviart-Thomas fields on a mesh and what they dissipate: geometry only, for any laws.

    Parameters
    ----------
    mesh : TetrahedralMesh
        Order 2.
    slots : (n_cells, 12) int
        Number of each of a cell's values, facet by facet (opposite vertex 0 first), in the order of its vertices.
        A facet of number f has the values 3 f .. 3 f + 2.
    owners : (n_facets, 2) int
        Cells of each facet, -1: none. Values count outwards from the first.
    kinds : (n_facets,) int
        Inner, closed to current, at a fixed potential, or with a law.
    active : (3 n_facets,) bool
        Which values may differ from zero.
    energies : (n_cells, 12, 12) float
        int |q|^2 of the values.
    lifts : (n_cells, 12, 3) float
        int of the products of their fields with those of a prescribed divergence.
    laws : LawFacets
    patches : tuple of int arrays
        Cells of each patch, and which of their corners belong to it (bit 0 to 3), by compressed rows.
    boundary : dict of str to (n, 3) int
        Numbers of the values of each surface.
    at_rim : (n_cells,) bool
        Cells whose nodes are drawn to a rim.
    """

    mesh: TetrahedralMesh
    slots: IntArray
    owners: IntArray
    kinds: IntArray
    active: NDArray[np.bool_]
    energies: FloatArray
    lifts: FloatArray
    laws: LawFacets
    patches: tuple[IntArray, IntArray, IntArray]
    boundary: dict[str, IntArray]
    at_rim: NDArray[np.bool_]


def current_space(mesh: TetrahedralMesh, *, fixed: Sequence[str], laws: Sequence[str]) -> CurrentSpace:
    """The admissible fields of a mesh.

    Parameters
    ----------
    mesh : TetrahedralMesh
        Order 2.
    fixed : sequence of str
        Surfaces at a fixed potential, which any current may cross.
    laws : sequence of str
        Surfaces and jumps with a law. Every other surface is closed.

    Returns
    -------
    CurrentSpace
    """
    n_nodes = len(mesh.nodes)
    vertices = mesh.cells[:, :4]

    def keys_of(triples: IntArray) -> IntArray:
        s = np.sort(triples[:, :3], axis=1)
        return np.asarray((s[:, 0] * n_nodes + s[:, 1]) * n_nodes + s[:, 2])

    triples = vertices[:, FACETS].reshape(-1, 3)
    keys, inverse, counts = np.unique(keys_of(triples), return_inverse=True, return_counts=True)
    order = np.argsort(inverse, kind="stable")
    starts = np.cumsum(counts) - counts
    owners = np.full((len(keys), 2), -1)
    owners[:, 0] = order[starts] // 4
    shared = counts == 2
    owners[shared, 1] = order[starts[shared] + 1] // 4

    def slots_of(nodes: IntArray) -> IntArray:
        # Values are counted in the order of the sorted vertices: the same from both sides.
        rank = np.argsort(np.argsort(nodes[:, :3], axis=1), axis=1)
        return np.asarray(3 * np.searchsorted(keys, keys_of(nodes))[:, None] + rank)

    slots = slots_of(triples).reshape(-1, 12)
    kinds = np.where(shared, INNER, CLOSED)
    boundary = {name: slots_of(nodes) for name, nodes in mesh.surfaces.items()}
    for name in fixed:
        if name in boundary:
            kinds[boundary[name][:, 0] // 3] = FIXED

    sides: list[IntArray] = []
    which: list[IntArray] = []
    names: list[str] = []
    for name in laws:
        upper, lower = (
            mesh.jumps[name] if name in mesh.jumps else (mesh.surfaces.get(name, np.empty((0, 6), int)), None)
        )
        if len(upper):
            sides.append(np.stack([upper, np.full_like(upper, -1) if lower is None else lower], axis=1))
            which.append(np.full(len(upper), len(names)))
            names.append(name)
    nodes = np.concatenate([*sides, np.empty((0, 2, 6), dtype=np.int64)])
    law_slots = np.stack([slots_of(nodes[:, 0]), np.where(nodes[:, 1, :3] < 0, -1, slots_of(nodes[:, 1]))], axis=1)
    row = np.full(len(keys), -1)
    for side in range(2):
        there = np.flatnonzero(law_slots[:, side, 0] >= 0)
        row[law_slots[there, side, 0] // 3] = there
        kinds[law_slots[there, side, 0] // 3] = LAW

    flat = _flat(mesh)
    active, same = _finite(slots, flat, kinds)
    jumps = law_slots[law_slots[:, 1, 0] >= 0]
    active[jumps] = active[jumps].all(axis=1, keepdims=True)
    active &= active[same]
    active[same[~active]] = False
    slots, law_slots = same[slots], np.where(law_slots < 0, -1, same[law_slots])
    forms, inverses = _law_forms(mesh, nodes[:, 0], active[law_slots[:, 0]])
    energies, lifts = np.empty((len(vertices), 12, 12)), np.empty((len(vertices), 12, 3))
    at_rim = np.asarray(flat.any(axis=1), bool)
    smooth, singular = reference_fields(CURVED_POINTS)[:3], reference_fields(_RIM_POINTS)[:3]
    cell_energies(mesh.nodes, mesh.cells, at_rim, reference_integrals()[0], smooth, singular, STRAIGHT, energies, lifts)
    return CurrentSpace(
        mesh=mesh,
        slots=slots,
        owners=owners,
        kinds=kinds,
        active=active,
        energies=energies,
        lifts=lifts,
        laws=LawFacets(
            names=tuple(names),
            which=np.concatenate([*which, np.empty(0, dtype=np.int64)]),
            row=row,
            slots=law_slots,
            nodes=nodes,
            forms=forms,
            inverses=inverses,
        ),
        patches=_patches(mesh, flat),
        at_rim=at_rim,
        boundary={name: same[there] for name, there in boundary.items()},
    )


def _flat(mesh: TetrahedralMesh) -> NDArray[np.bool_]:
    """Vertices (n_cells, 4) at which the map of the cell is singular: those that nodes are drawn to."""
    corners = np.vstack([np.zeros(3), np.eye(3)])
    gradients = shape_functions(corners, 2)[1]
    x = mesh.nodes[mesh.cells]
    determinants = np.stack([np.linalg.det(np.einsum("nki,kd->nid", x, g)) for g in gradients], axis=1)
    return np.asarray(np.abs(determinants) < _FLAT * np.abs(determinants).max(axis=1, keepdims=True))


def _finite(slots: IntArray, flat: NDArray[np.bool_], kinds: IntArray) -> tuple[NDArray[np.bool_], IntArray]:
    """Values whose fields have finite energy: which may differ from zero, and for each the one it must equal.

    With s the distance from a rim in reference coordinates, the true one goes as s^2. At s = 0 the reference field may
    have no component that the cell's map turns along the rim: q ~ 1/s^2 would have infinite energy. So values at
    vertices of the rim vanish on facets that do not hold the cell's edge of the rim, and on facets that do they are
    the same at both its ends. Where the field passes a law its density d / J, with J ~ s, must be finite too.
    """
    active, same = np.repeat(kinds != CLOSED, 3), np.arange(3 * len(kinds))
    for opposite, facet in enumerate(FACETS):
        is_law = kinds[slots[:, 3 * opposite] // 3] == LAW
        for i, vertex in enumerate(facet):
            slot = slots[:, 3 * opposite + i]
            active[slot[flat[:, vertex] & (flat[:, opposite] | (is_law & ~flat[:, facet].all(axis=1)))]] = False
            for k in range(i):
                both = flat[:, vertex] & flat[:, facet[k]]
                np.minimum.at(same, slot[both], same[slots[both, 3 * opposite + k]])
    return active, same


def _law_forms(mesh: TetrahedralMesh, nodes: IntArray, active: NDArray[np.bool_]) -> tuple[FloatArray, FloatArray]:
    """Forms int d d / J ds of the active values on facets (n, 6), and the inverse."""
    t, w = quadrature(2, _RIM_POINTS)
    hats = np.column_stack([1 - t.sum(axis=1), t])
    tangents = np.einsum("qkd,fki->fqdi", shape_functions(t, 2)[1], mesh.nodes[nodes])
    area = np.linalg.norm(np.cross(tangents[:, :, 0], tangents[:, :, 1]), axis=-1)
    forms = np.einsum("fq,qi,qj->fij", w / area, hats, hats)
    both = active[:, :, None] & active[:, None, :]
    forms = np.where(both, forms, 0.0)
    idle = np.einsum("fi,ij->fij", ~active, np.eye(3))
    return forms, np.where(both, np.linalg.inv(forms + idle), 0.0)


def _patches(mesh: TetrahedralMesh, flat: NDArray[np.bool_]) -> tuple[IntArray, IntArray, IntArray]:
    """Cells of each patch and their corners in it (bits), by compressed rows.

    A patch is that of a vertex, with both sides of jumps. The vertices of a rim share one: the sum of their hat
    functions is 1 - s, and a field times that has finite energy; times one hat function it would not have.
    """
    vertices = mesh.cells[:, :4]
    joined = [np.stack([u[:, :3].ravel(), v[:, :3].ravel()]) for u, v in mesh.jumps.values()]
    for i in range(4):
        for k in range(i):
            both = flat[:, i] & flat[:, k]
            joined.append(np.stack([vertices[both, i], vertices[both, k]]))
    pairs = np.concatenate(joined, axis=1)
    graph = csr_array((np.ones(pairs.shape[1]), (pairs[0], pairs[1])), shape=(len(mesh.nodes),) * 2)
    place = connected_components(graph, directed=False)[1].astype(np.int64)
    _, patch = np.unique(place[vertices], return_inverse=True)
    cell = np.repeat(np.arange(len(vertices)), 4)
    keys, inverse = np.unique(patch.ravel() * len(vertices) + cell, return_inverse=True)
    corners = np.bincount(inverse, weights=np.tile([1, 2, 4, 8], len(vertices))).astype(np.int64)
    start = np.searchsorted(keys, np.arange(patch.max() + 2) * len(vertices))
    return start, keys % len(vertices), corners


@dataclass(frozen=True, kw_only=True)
class CurrentField:
    """A field of the space, carrying a current.

    Parameters
    ----------
    values : (3 n_facets,) complex
        [A] per area of the reference triangle.
    current : complex
        From the port to the counter electrode [A].
    impedance : complex
        int q^2 / kappa and its likes at interfaces over current^2, without conjugates [ohm].
    cell_gap : (n_cells,) float
        int |q / kappa + grad u|^2 |kappa| of every cell, its interfaces included, over |current|^2 [ohm]. At direct
        current they add up to the distance between both bounds of the resistance, to second order.
    """

    values: ComplexArray
    current: complex
    impedance: complex
    cell_gap: FloatArray


def equilibrated(
    space: CurrentSpace,
    potential: NDArray[np.inexact],
    admittivity: Mapping[str, complex],
    admittance: Mapping[str, complex],
    metal: complex = 1.0,
) -> CurrentField:
    """The current field made from a potential that solves the discrete equations.

    Parameters
    ----------
    space : CurrentSpace
    potential : (n_nodes,) float or complex
        [V]
    admittivity : dict of str to complex
        kappa of every region [S/m].
    admittance : dict of str to complex
        y of every surface and jump with a law [S/m2].
    metal : complex
        Potential beyond the laws of contact and gap [V].

    Raises
    ------
    ConvergenceError
        The field has sources: the potential does not solve the equations, or rounding spoils the patches.
    """
    mesh, laws = space.mesh, space.laws
    unit = mesh.unit_m
    kappa = np.asarray([admittivity[name] for name in mesh.region_names], complex)[mesh.cell_region] * unit
    y = np.asarray([admittance[name] for name in laws.names] or [0.0], complex)[laws.which] * unit**2
    beyond = np.array([metal if name in ("contact", "gap") else 0.0 for name in laws.names] or [0.0])[laws.which]
    u = np.append(np.asarray(potential, complex), 0.0)
    drop = u[laws.nodes[:, 0]] - np.where(laws.nodes[:, 1] < 0, beyond[:, None], u[laws.nodes[:, 1]])
    _, work, slopes, drives = reference_integrals()
    drive = np.einsum("jak,fk->fja", drives, drop)  # moments of psi_a (u - u')
    moments = np.empty((len(mesh.cells), 4, 3), complex)
    slope_energy = np.empty(len(mesh.cells))
    cell_u = u[mesh.cells]
    # The rule of the stiffness: only with that does u satisfy its equations.
    weights, _, gradients, hats = reference_fields(CURVED_POINTS)
    potential_moments(mesh.nodes, mesh.cells, slopes, weights, gradients, hats, STRAIGHT, cell_u, moments, slope_energy)
    values = np.zeros(len(space.active), complex)
    solve_patches(
        *space.patches,
        mesh.cells,
        space.slots,
        space.owners,
        space.kinds,
        space.active,
        laws.row,
        laws.slots,
        laws.nodes,
        laws.inverses,
        drive,
        kappa,
        y,
        space.energies,
        space.lifts,
        work,
        moments,
        cell_u,
        values,
    )
    return _field_of(space, values, kappa, y, cell_u, slope_energy, drop)


def _field_of(
    space: CurrentSpace,
    values: ComplexArray,
    kappa: NDArray[np.inexact],
    y: NDArray[np.inexact],
    cell_u: ComplexArray,
    slope_energy: FloatArray,
    drop: ComplexArray,
) -> CurrentField:
    """What a field carries and dissipates, and how far it is from the potential's."""
    laws, mesh = space.laws, space.mesh
    d = _outward(space, values)
    leak = np.abs(d.sum(axis=1)).max() / 6.0
    outwards = {name: values[slots].sum() / 6.0 for name, slots in space.boundary.items()}
    current = -sum(outwards.get(name, 0.0) for name in ("contact", "gap"))
    if not leak <= _LEAK * abs(current):
        raise ConvergenceError(
            f"the current field has sources of {leak:.1e} A in a cell, at a current of {abs(current):.1e} A"
        )
    over = values[laws.slots[:, 0]]
    # Nothing crosses an interface that admits no current at this frequency.
    barrier = np.divide(1.0, y, out=np.zeros_like(y), where=y != 0)
    impedance = (
        np.sum(np.einsum("ci,cij,cj->c", d, space.energies, d, optimize=True) / kappa)
        + np.sum(np.einsum("fi,fij,fj->f", over, laws.forms, over) * barrier)
    ) / current**2

    _, work, _, drives = reference_integrals()
    size = sum(np.einsum("ci,cij,cj->c", part, space.energies, part, optimize=True) for part in (d.real, d.imag))
    pairing = np.einsum("ci,ik,ck->c", np.conj(d), work[:12].sum(axis=1), cell_u, optimize=True)
    gap = size / np.abs(kappa) + np.abs(kappa) * slope_energy + 2.0 * np.real(pairing * np.abs(kappa) / np.conj(kappa))
    size = sum(np.einsum("fi,fij,fj->f", part, laws.forms, part) for part in (over.real, over.imag))
    pairing = np.einsum("fj,jak,fk->f", np.conj(over), drives, drop)
    mass = facet_mass(mesh, laws.nodes[:, 0])
    square = np.real(np.einsum("fi,fij,fj->f", np.conj(drop), mass, drop))
    at_law = size * np.abs(barrier) + np.abs(y) * square - 2.0 * np.real(pairing * np.abs(y) * np.conj(barrier))
    np.add.at(gap, space.owners[laws.slots[:, 0, 0] // 3, 0], at_law)
    return CurrentField(
        values=values, current=complex(current), impedance=complex(impedance), cell_gap=gap / abs(current) ** 2
    )


def uniform_at_cut(space: CurrentSpace, field: CurrentField, resistivity: float, wave_number: float) -> float:
    """Resistance to add for a current that leaves through "counter" uniformly, at direct current [ohm].

    In the last part t of the depth a field w is added that carries no net current and crosses the far face as
    J - j_n, with lateral waves of number k and more: int |w|^2 <= int (J - j_n)^2 ds coth(k t) / k. The energy of the
    sum is at most (|q - J| + |w|)^2 there, as w is orthogonal to the uniform J.

    Parameters
    ----------
    space, field
    resistivity : float
        1/kappa of the region at the far face [ohm m].
    wave_number : float
        Slowest lateral wave of the cell [1/m].
    """
    mesh = space.mesh
    nodes = mesh.nodes * mesh.unit_m
    far = mesh.surfaces["counter"]
    values = np.real(field.values[space.boundary["counter"]])
    everywhere = np.ones((len(far), 3), dtype=bool)
    forms = _law_forms(mesh, far, everywhere)[0] / mesh.unit_m**2
    bottom = float(nodes[:, 2].max())
    current = abs(values.sum() / 6.0)
    area = planar_area(mesh.nodes, far) * mesh.unit_m**2
    density = current / area
    uneven = max(float(np.einsum("fi,fij,fj->", values, forms, values)) - current**2 / area, 0.0)
    region = np.bincount(mesh.cell_region[space.owners[space.boundary["counter"][:, 0] // 3, 0]]).argmax()
    top = float(nodes[mesh.cells[mesh.cell_region == region, :4], 2].min())
    part = min(bottom - top, 1.0 / wave_number)
    below = np.flatnonzero((nodes[mesh.cells[:, :4], 2] > bottom - part).any(axis=1))
    d = np.real(_outward(space, field.values)[below])
    x = nodes[mesh.cells[below, :4]]
    edges = x[:, 1:] - x[:, :1]
    volume = np.abs(np.linalg.det(edges)) / 6.0
    # int of a field's component m in reference coordinates: the moments of its fluxes with the hat of vertex m.
    mass = (1.0 + np.eye(3)) / 24.0
    moments = np.zeros((len(below), 4))
    for opposite, facet in enumerate(FACETS):
        moments[:, facet] += d[:, 3 * opposite : 3 * opposite + 3] @ mass
    through = np.einsum("cm,cm->c", moments[:, 1:], edges[:, :, 2])
    energy = np.einsum("ci,cij,cj->c", d, space.energies[below], d, optimize=True) / mesh.unit_m
    straight = np.abs(mesh.nodes[mesh.cells[below, 4:]] - mesh.nodes[mesh.cells[below][:, CELL_EDGES]].mean(axis=2))
    is_straight = straight.max(axis=(1, 2)) < 1e-9 * np.abs(edges).max() / mesh.unit_m
    # What is known of a curved cell is no more than the triangle's inequality.
    apart = np.where(
        is_straight,
        energy - 2.0 * density * through + density**2 * volume,
        (np.sqrt(energy) + density * np.sqrt(volume)) ** 2,
    )
    added = uneven / (wave_number * np.tanh(wave_number * part))
    return float(resistivity * (2.0 * np.sqrt(max(apart.sum(), 0.0) * added) + added) / current**2)


def _outward(space: CurrentSpace, values: ComplexArray) -> ComplexArray:
    """Values of every cell (n_cells, 12), counted outwards."""
    owned = space.owners[space.slots // 3, 0] == np.arange(len(space.slots))[:, None]
    return np.asarray(np.where(owned, 1.0, -1.0) * values[space.slots])
