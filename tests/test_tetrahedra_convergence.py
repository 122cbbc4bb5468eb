"""Orders of convergence of the tetrahedra: smooth fields at the optimal order, fields with rims at the reduced one.

With elements of degree p on meshes of size h, a smooth potential converges as h^p in the energy norm and h^(p+1) in
the mean square; an admittance or impedance, which is an energy, as h^(2p). Loads are integrated with rules of
scikit-fem, not with those under test. Every field here is harmonic:

- dirichlet: exp(a . x) with a . a = 0, prescribed on the whole boundary;
- neumann, robin, jump: exp(0.9 x + 0.6 y) f(z), prescribed at the sides and at z = 1; at z = 0 a current, or a metal
  behind an admittance; or there and at z = 1/2 a step of the potential that drives the current.

With phi prescribed on one part of the boundary and the load l on the rest, the functional (1/2) a(phi, phi) - l(phi) is
stationary, without conjugates at complex factors, too; its error goes as h^(2p).

At a rim phi ~ r^(1/2): the energy of the error goes as h for every p, unless the mesh is graded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_array
from skfem.quadrature import get_quadrature
from skfem.refdom import RefTet, RefTri

from aspot import analytic
from aspot.fem import kernels, linear, pattern
from aspot.fem.problem import Problem, Term
from aspot.fem.tetrahedra import assemble
from aspot.laws import Activated, Conductor
from aspot.mesh.tetmesh import TetrahedralMesh
from aspot.mesh.tetrahedra import build, recommended_sizes
from aspot.mesh.uniform import uniform_box
from aspot.morphology.unit_cell import BoxCell, Disc
from aspot.testing import assert_order, observed_orders

Array = NDArray[np.complex128]
Points = NDArray[np.float64]

# Smooth fields -------------------------------------------------------------------------------------------------------

ALPHA, BETA = 0.9, 0.6
GAMMA = 1j * float(np.hypot(ALPHA, BETA))  # f'' = GAMMA^2 f
COMPLEX = {"kappa": 1.3 * np.exp(0.7j), "below": 0.6 * np.exp(0.2j), "y": 1.5 * np.exp(1.2j)}
REAL = {name: abs(value) for name, value in COMPLEX.items()}


@dataclass(frozen=True)
class Exact:
    """A potential with its gradient, in each of the two halves of the box."""

    value: Callable[[Points, bool], Array]
    gradient: Callable[[Points, bool], Array]
    #: y of the metal at z = 0; None: the current is given.
    load_admittance: complex | None = None


def exponential(is_complex: bool) -> Exact:
    """exp(a . x), a . a = 0; or its real part."""
    a = np.array([ALPHA, BETA, GAMMA])

    def only(z: Array) -> Array:
        return z if is_complex else np.real(z) + 0j

    return Exact(lambda x, below: only(np.exp(x @ a)), lambda x, below: only(np.exp(x @ a)[..., None] * a))


def lateral(x: Points) -> Points:
    return np.asarray(np.exp(ALPHA * x[..., 0] + BETA * x[..., 1]))


def mode(f: Callable[[Points, bool], Array], slope: Callable[[Points, bool], Array]) -> Exact:
    """exp(ALPHA x + BETA y) f(z)."""

    def gradient(x: Points, below: bool) -> Array:
        g = f(x[..., 2], below)
        return lateral(x)[..., None] * np.stack([ALPHA * g, BETA * g, slope(x[..., 2], below)], axis=-1)

    return Exact(lambda x, below: lateral(x) * f(x[..., 2], below), gradient)


def injected(values: dict[str, complex]) -> Exact:
    """Current density `lateral` at z = 0, one material."""
    kappa = values["kappa"]
    return mode(
        lambda z, below: np.sinh(GAMMA * (1 - z)) / (kappa * GAMMA * np.cosh(GAMMA)),
        lambda z, below: -np.cosh(GAMMA * (1 - z)) / (kappa * np.cosh(GAMMA)),
    )


def through_a_law(values: dict[str, complex]) -> Exact:
    """Metal at the potential `lateral` behind the admittance y: the current density of `injected` times 1/(1/y + Z)."""
    share = 1 / (1 / values["y"] + np.tanh(GAMMA) / (values["kappa"] * GAMMA))
    base = injected(values)
    return Exact(
        lambda x, below: share * base.value(x, below), lambda x, below: share * base.gradient(x, below), values["y"]
    )


def across_a_jump(values: dict[str, complex]) -> Exact:
    """Current density `lateral` at z = 0; kappa above z = 1/2, below another; potential steps by j/y in between."""
    k, above, below, y = GAMMA, values["kappa"], values["below"], values["y"]
    t = np.tanh(k / 2)
    # At z = 1/2 the lower half and the step offer the impedance z_half to the mode.
    z_half = t / (below * k) + 1 / y
    # phi = A cosh(k (1/2 - z)) + B sinh(k (1/2 - z)) above, with A = z_half j_half, B = j_half / (above k).
    j_half = 1 / (above * k * z_half * np.sinh(k / 2) + np.cosh(k / 2))
    a, b, c = z_half * j_half, j_half / (above * k), j_half / (below * k * np.cosh(k / 2))

    def f(z: Points, is_below: bool) -> Array:
        s = k * (0.5 - z)
        return c * np.sinh(k * (1 - z)) if is_below else a * np.cosh(s) + b * np.sinh(s)

    def slope(z: Points, is_below: bool) -> Array:
        s = k * (0.5 - z)
        return -k * (c * np.cosh(k * (1 - z)) if is_below else a * np.sinh(s) + b * np.cosh(s))

    return mode(f, slope)


@dataclass(frozen=True, kw_only=True)
class Errors:
    """Of one mesh; norms relative to the exact ones."""

    energy: float
    mean_square: float
    #: (1/2) a(u, u) - l(u), minus the exact value.
    functional: complex
    #: Energy norm of the error of the nodal interpolant.
    interpolation: float


def exact_functional(kind: str, exact: Exact, kappa: tuple[complex, ...]) -> complex:
    """Half of int n . kappa grad phi phi over the sides and z = 1, minus half of l(phi), by Gauss-Legendre rules.

    From a(phi, phi) = l(phi) + int n . kappa grad phi phi over the part of the boundary where phi is prescribed.
    """
    t, w = np.polynomial.legendre.leggauss(24)
    total = 0j
    for below in (False, True) if kind == "jump" else (False,):
        k = kappa[0] if below or len(kappa) == 1 else kappa[1]
        low, high = (0.5 * below, 0.5 + 0.5 * below) if kind == "jump" else (0.0, 1.0)
        for axis, end in ((0, 0.0), (0, 1.0), (1, 0.0), (1, 1.0), (2, 0.0), (2, 1.0)):
            if axis == 2 and not low <= end <= high:
                continue
            grids = [0.5 * (1 + t), 0.5 * (1 + t), low + (high - low) * 0.5 * (1 + t)]
            weight = [0.5 * w, 0.5 * w, (high - low) * 0.5 * w]
            grids[axis], weight[axis] = np.array([end]), np.ones(1)
            x = np.stack(np.meshgrid(*grids, indexing="ij"), axis=-1)
            value, out = exact.value(x, below), k * exact.gradient(x, below)[..., axis] * (1 if end else -1)
            if (axis, end) == (2, 0.0):
                # l(phi): the current itself, or y times the metal's potential.
                y = exact.load_admittance
                out = -(out if y is None else out + y * value)
            total += 0.5 * np.einsum("i,j,k,ijk->", *weight, out * value)
    return complex(total)


def on_surface(mesh: TetrahedralMesh, facets: NDArray[np.int64]) -> tuple[Points, Points, Points]:
    """Quadrature of scikit-fem: points (f, q, 3), weights with area (f, q), shape functions (q, k)."""
    reference, weights = get_quadrature(RefTri, 8)
    values, slopes = kernels.shape_functions(reference.T, mesh.order)
    x = mesh.nodes[facets]
    tangents = np.einsum("qkd,fki->fqdi", slopes, x)
    area = np.linalg.norm(np.cross(tangents[:, :, 0], tangents[:, :, 1]), axis=-1) * weights
    return np.einsum("qk,fki->fqi", values, x), area, values


def norms(mesh: TetrahedralMesh, u: Array, exact: Exact, kappa: tuple[complex, ...]) -> tuple[Points, Points]:
    """Of u - exact: squares of energy norm and mean square; and of the exact potential."""
    reference, weights = get_quadrature(RefTet, 2 * mesh.order + 2)
    values, slopes = kernels.shape_functions(reference.T, mesh.order)
    error, whole = np.zeros(2), np.zeros(2)
    for region in np.unique(mesh.cell_region):
        cells = mesh.cells[mesh.cell_region == region]
        x = mesh.nodes[cells]
        below = bool(region == 0 and len(mesh.region_names) > 1)
        size = abs(kappa[region])
        for shape, slope, weight in zip(values, slopes, weights, strict=True):
            jacobian = np.einsum("nki,ka->nia", x, slope)
            volume = weight * np.abs(np.linalg.det(jacobian))
            local = np.linalg.solve(np.swapaxes(jacobian, 1, 2), (u[cells] @ slope)[..., None])[..., 0]
            points = np.einsum("k,nki->ni", shape, x)
            value, gradient = exact.value(points, below), exact.gradient(points, below)
            du, e = local - gradient, u[cells] @ shape - value
            error += [size * volume @ np.sum(np.abs(du) ** 2, axis=1), volume @ np.abs(e) ** 2]
            whole += [size * volume @ np.sum(np.abs(gradient) ** 2, axis=1), volume @ np.abs(value) ** 2]
    return error, whole


def bent(mesh: TetrahedralMesh, is_box: bool) -> TetrahedralMesh:
    """Nodes moved by a smooth map: edges and facets become parabolas. `is_box`: the planes of the box stay in place."""
    x, y, z = mesh.nodes.T
    s = np.sin(2 * np.pi * mesh.nodes)
    if is_box:
        shift = [s[:, 0] * np.cos(np.pi * y) * (1 + z), -s[:, 1] * np.cos(np.pi * x), s[:, 2] * x * y]
        return replace(mesh, nodes=mesh.nodes + 0.012 * np.stack(shift, axis=1))
    shift = [y * z, z**2 - x, x * y]
    return replace(mesh, nodes=mesh.nodes + 0.1 * np.stack(shift, axis=1) + 0.01 * s[:, [1, 2, 0]])


def solved(kind: str, n: int, order: int, is_bent: bool, values: dict[str, complex]) -> Errors:
    """One boundary value problem on a box of n^3 bricks."""
    layers, jump = ((("above", n // 2),), ("step", n // 2)) if kind == "jump" else ((), None)
    mesh = uniform_box(n, n, n, order=order, layers=layers, jump=jump)
    box = mesh.nodes
    fixed = (np.abs(box[:, :2] - 0.5) == 0.5).any(axis=1) | (box[:, 2] == 1.0)
    if kind == "dirichlet":
        fixed |= box[:, 2] == 0.0
    if is_bent:
        mesh = bent(mesh, kind != "dirichlet")
    n_nodes = len(mesh.nodes)
    kappa = (values["below"], values["kappa"]) if kind == "jump" else (values["kappa"],)
    y = values["y"]
    makers = {"neumann": injected, "robin": through_a_law, "jump": across_a_jump}
    exact = makers[kind](values) if kind in makers else exponential(abs(y.imag) > 0)

    # Terms (factor, entries) on one pattern.
    cliques = [(upper[:, :, None], lower[:, None, :]) for upper, lower in mesh.jumps.values()]
    shared = pattern.build(mesh.cells, np.arange(n_nodes), n_nodes, cliques)
    terms = [(k, kernels.stiffness(mesh, shared, region)) for region, k in enumerate(kappa)]
    contact = mesh.surfaces["contact"]
    mass = kernels.facet_mass(mesh, contact)
    if kind == "robin":
        terms.append((y, kernels.surface_coupling(shared, contact, mass)))
    for upper, lower in mesh.jumps.values():
        terms.append((y, kernels.jump_coupling(shared, upper, lower, kernels.facet_mass(mesh, upper))))

    load = np.zeros(n_nodes, complex)
    if kind != "dirichlet":
        points, area, shapes = on_surface(mesh, contact)
        current = -values["kappa"] * exact.gradient(points, False)[..., 2]
        if kind == "robin":
            current += y * exact.value(points, False)
        np.add.at(load, contact, (area * current) @ shapes)

    nodal = np.zeros(n_nodes, complex)
    for region in range(len(kappa)):
        inside = np.unique(mesh.cells[mesh.cell_region == region])
        nodal[inside] = exact.value(mesh.nodes[inside], kind == "jump" and region == 0)
    u = np.where(fixed, nodal, 0)
    free = np.flatnonzero(~fixed)
    a = shared.matrix(np.sum([theta * data for theta, data in terms], axis=0))
    m = shared.matrix(np.sum([abs(theta) * data for theta, data in terms], axis=0))
    u[free] = linear.solve_multigrid(csr_array(a[free][:, free]), (load - a @ u)[free], csr_array(m[free][:, free]))

    error, size = norms(mesh, u, exact, kappa)
    interpolant, _ = norms(mesh, nodal, exact, kappa)
    functional = 0j
    if kind != "dirichlet":
        functional = complex(0.5 * (u @ (a @ u)) - load @ u) - exact_functional(kind, exact, kappa)
    return Errors(
        energy=float(np.sqrt(error[0] / size[0])),
        mean_square=float(np.sqrt(error[1] / size[1])),
        functional=functional,
        interpolation=float(np.sqrt(interpolant[0] / size[0])),
    )


ELEMENTS = {"order 1": (1, False), "order 2": (2, False), "order 2 curved": (2, True)}
KINDS = ("dirichlet", "neumann", "robin", "jump")

#: Bricks per edge, four refinements.
BRICKS = {1: (4, 6, 8, 10, 12), 2: (6, 8, 10, 12, 14)}

#: Mean square error over h^(p+1) on the finest mesh, (real, complex). Assembly and solution by scikit-fem give these,
#: to 1e-8 (tried with dirichlet and neumann, each element).
MEAN_SQUARE: dict[tuple[str, str], tuple[float, float]] = {
    ("order 1", "dirichlet"): (0.113666, 0.184384),
    ("order 1", "neumann"): (0.221659, 0.221659),
    ("order 1", "robin"): (0.224243, 0.224139),
    ("order 1", "jump"): (0.159176, 0.171440),
    ("order 2", "dirichlet"): (0.016378, 0.021694),
    ("order 2", "neumann"): (0.021052, 0.021052),
    ("order 2", "robin"): (0.021046, 0.021047),
    ("order 2", "jump"): (0.019592, 0.020048),
    ("order 2 curved", "dirichlet"): (0.025631, 0.029708),
    ("order 2 curved", "neumann"): (0.021354, 0.021354),
    ("order 2 curved", "robin"): (0.021345, 0.021345),
    ("order 2 curved", "jump"): (0.019848, 0.020446),
}


@pytest.mark.parametrize("is_complex", [False, True], ids=["real", "complex"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("element", ELEMENTS)
def test_smooth_fields_converge_at_the_optimal_order(element: str, kind: str, is_complex: bool) -> None:
    """p in the energy norm, p + 1 in the mean square, 2 p for the functional; constants as theory or twin have them.

    On meshes that are locally uniform, the solution is closer to the nodal interpolant than to the exact potential by
    half an order at least (superconvergence; Brandts and Krizek, J. Comput. Math. 23 (2005) 27 for order 2): in the
    energy norm the error is that of the interpolant. It cannot be larger where the factors are real, up to the
    interpolation of the prescribed potentials.
    """
    p, is_bent = ELEMENTS[element]
    errors = [solved(kind, n, p, is_bent, COMPLEX if is_complex else REAL) for n in BRICKS[p]]
    h = 1 / np.array(BRICKS[p])
    assert_order(h, [e.energy for e in errors], p)
    assert_order(h, [e.mean_square for e in errors], p + 1)
    if kind != "dirichlet":
        assert_order(h, [abs(e.functional) for e in errors], 2 * p)
    last = errors[-1]
    assert 0.99 < last.energy / last.interpolation < 1.0002
    expected = MEAN_SQUARE[element, kind][is_complex]
    assert last.mean_square / h[-1] ** (p + 1) / expected == pytest.approx(1, rel=1e-3)


# Fields with rims ----------------------------------------------------------------------------------------------------

UNIT = Conductor(conductivity=Activated(value=1.0), permittivity=0.0)


def conductance(mesh: TetrahedralMesh, area: float) -> float:
    """Between ideal contact and ground, conductivity 1 S/m [S]."""
    matrix = assemble(mesh, ideal_contact=True).matrices["electrolyte"]
    term = Term(name="electrolyte", role="electrolyte", law=UNIT, matrix=matrix)
    problem = Problem((term,), area, 298.15, solver="multigrid")
    return problem.admittance(problem.solve(0.0), 0.0).real


def strip_conductance(n: int, order: int, share: float) -> float:
    """Strip over the first `share` of a box 1 x 1/n x 1 of n x 1 x n bricks, per length [S/m]."""
    mesh = uniform_box(n, 1, n, (1.0, 1 / n, 1.0), order=order, contact=lambda i, j: i < round(share * n))
    return conductance(mesh, 1 / n) * n


def exact_strip(share: float) -> float:
    """K(k)/K'(k) of the half cell [S/m]."""
    return 1 / (2 * analytic.strip_resistance(share, 1.0, 1.0, 1.0))


#: Width by which strips seem to be wider, in sizes of the bricks, per order.
WIDENING = {1: 0.352, 2: 0.0999}


@pytest.mark.parametrize("share", [0.25, 0.5])
@pytest.mark.parametrize("order", [1, 2])
def test_uniform_meshes_converge_with_the_first_order_of_h_at_rims(order: int, share: float) -> None:
    """phi = c r^(1/2) + ...: the energy is too high by C c^2 h, with C of the element and the mesh alone.

    As c^2 is proportional to dG/da (moving the rim by da frees that energy), the strip acts as if it were wider by a
    constant number of h, whatever its width. The tolerance of the constant covers the next order in h.
    """
    numbers = np.array([16, 24, 32, 48, 64] if order == 1 else [8, 12, 16, 24, 32])
    exact = exact_strip(share)
    found = np.array([strip_conductance(int(n), order, share) for n in numbers])
    assert_order(1 / numbers, found / exact - 1, 1.0)
    slope = (exact_strip(share + 1e-5) - exact_strip(share - 1e-5)) / 2e-5
    assert (found[-1] - exact) * numbers[-1] / slope / WIDENING[order] == pytest.approx(1, rel=0.02)


def quarter_cell(radius: float) -> BoxCell:
    return BoxCell(size_x=0.5, size_y=0.5, shapes=(Disc(x=0.0, y=0.0, radius=radius),), contact_inside=True)


def exact_quarter_cell(radius: float) -> float:
    """Square array of pitch 1 on a slab of thickness 1, by lattice sums [S]."""
    return 0.25 / (1.0 + analytic.array_constriction(radius, 1.0, 1.0, 1.0).area_specific_resistance)


@pytest.mark.parametrize("radius", [0.1, 0.25])
def test_graded_meshes_restore_the_order(radius: float) -> None:
    """Rings of widths 1, 3, 5, ... around the rims follow r^(1/2): the error falls as (level + 1)^-2 or faster.

    Without quarter points the first ring shrinks as 1/(level + 1) only, and so does the error, as on uniform meshes.
    """
    cell, exact = quarter_cell(radius), exact_quarter_cell(radius)
    errors = {}
    for quarter_points in (True, False):
        meshes = [
            build(
                cell, depth=1.0, order=2, quarter_points=quarter_points, **asdict(recommended_sizes(cell, 1.0, level))
            )
            for level in range(3)
        ]
        errors[quarter_points] = np.array([conductance(mesh, 0.25) / exact - 1 for mesh in meshes])
    sizes = 1 / np.arange(1.0, 4.0)
    graded, plain = errors[True], errors[False]
    assert np.all(graded > 0) and np.all(plain > 0)  # Dirichlet's principle: from above
    orders = observed_orders(sizes, graded)
    assert np.all((orders > 2.0) & (orders < 2.6)), orders
    assert_order(sizes, plain, 1.0, tolerance=0.1)
    # Relative errors of 0.4 % and 0.03 % at levels 0 and 2; the latter with 2e4 unknowns.
    assert graded[0] < 4e-3 and graded[2] < 3e-4
    assert np.all(plain / graded > [5, 12, 20])
