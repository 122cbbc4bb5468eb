"""High-order elements on profiles: exact for polynomials, of optimal rate for smooth fields, tamed at rims."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from numpy.polynomial import legendre
from numpy.typing import NDArray
from scipy.sparse import csc_array
from scipy.sparse.linalg import splu
from scipy.special import j0, jvp

from aspot.fem.profile import ProfileAssembly, assemble, element_stiffness, lagrange, lobatto_points, number_nodes
from aspot.mesh.profile import ProfileMesh, build
from aspot.morphology.unit_cell import ProfileCell

J1_ZERO = 3.8317059702075125

# Hand-made meshes -------------------------------------------------------------------------------------------------


def grid(
    across: int,
    down: int,
    *,
    far: float,
    axisymmetric: bool,
    distorted: bool = False,
    regions: int = 1,
    rim: float = 1.0,
) -> ProfileMesh:
    """Rectangle [0, 1] x [0, far] in equal cells; contact on r < rim; layers of equal numbers of rows.

    Distorted: every second inner vertex is moved by a tenth of the spacing, to and fro, so that no refinement ever
    makes the elements parallelograms. Rows between layers stay straight.
    """
    r, z = np.linspace(0.0, 1.0, across + 1), np.linspace(0.0, far, down + 1)
    points = np.stack(np.meshgrid(r, z, indexing="ij"), -1)
    i, j = np.meshgrid(np.arange(across + 1), np.arange(down + 1), indexing="ij")
    if distorted:
        straight = (j * regions) % down == 0
        points[..., 1] += np.where(straight | (j % 2 == 0), 0.0, 0.12 * (-1.0) ** i * far / down)
        on_side = (i == 0) | (i == across) | (j == 0) | (j == down)
        points[..., 0] += np.where(on_side | (i % 2 == 0), 0.0, 0.1 * (-1.0) ** j / across)
    number = i * (down + 1) + j
    quads = np.stack([number[:-1, :-1], number[1:, :-1], number[1:, 1:], number[:-1, 1:]], -1).reshape(-1, 4)
    top = np.stack([number[:-1, 0], number[1:, 0]], -1)
    metal = 0.5 * (r[1:] + r[:-1]) < rim
    return ProfileMesh(
        vertices=points.reshape(-1, 2),
        quads=quads,
        quad_region=np.tile(np.arange(down) * regions // down, across),
        region_names=("film", "electrolyte") if regions == 2 else ("electrolyte",),
        surfaces={
            "contact": top[metal],
            "gap": top[~metal],
            "counter": np.stack([number[:-1, -1], number[1:, -1]], -1),
        },
        axisymmetric=axisymmetric,
    )


def bilinear(mesh: ProfileMesh, x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points and Jacobians at tensor points of [-1, 1]^2, from the four bilinear shape functions."""
    corners = mesh.vertices[mesh.quads]
    signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    gx, gy = np.meshgrid(x, x, indexing="ij")
    shape = np.stack([0.25 * (1 + s * gx) * (1 + t * gy) for s, t in signs])
    slope = np.stack([np.stack([0.25 * s * (1 + t * gy), 0.25 * t * (1 + s * gx)]) for s, t in signs])
    return np.einsum("eca,cxy->exya", corners, shape), np.einsum("eca,cbxy->exyab", corners, slope)


# Manufactured harmonic fields ---------------------------------------------------------------------------------------

#: Cells across the radius on five meshes, equal or distorted: fine enough to be asymptotic, errors well above rounding.
CELLS = {False: (8, 16, 24, 32, 40), True: (16, 24, 32, 40, 48)}
ORDERS = (1, 2, 3, 4, 5)
CONDITIONS = ("Dirichlet", "Neumann", "Robin", "layered jump")
FAR = 0.5


@cache
def assembled(axisymmetric: bool, distorted: bool, order: int, across: int, regions: int) -> ProfileAssembly:
    mesh = grid(across, across // 2, far=FAR, axisymmetric=axisymmetric, distorted=distorted, regions=regions)
    return assemble(mesh, order, ideal_contact=False, ideal_counter=False)


class Harmonic:
    """phi = (a cosh kz + b sinh kz) C(r) + c + d z, where C is J0(k r) or cos(k x), with d phi/dr = 0 at r = 1.

    Two layers: potential and normal current are continuous at z = FAR / 2.
    """

    def __init__(self, axisymmetric: bool, layered: bool, complex_: bool) -> None:
        self.axisymmetric = axisymmetric
        self.k = J1_ZERO if axisymmetric else np.pi
        turn = np.exp(0.9j) if complex_ else 1.0
        self.kappa = [2.0 * turn, 0.5] if layered else [2.0 * turn]
        self.meet = FAR / 2 if layered else FAR
        a, b, c, d = 1.0, -1.3 * (turn if complex_ else 1.0), 0.2, 0.7
        if complex_:
            a, c = a + 0.4j, c - 0.3j
        self.parts = [(a, b, c, d)]
        if layered:
            ratio = self.kappa[0] / self.kappa[1]
            ch, sh = np.cosh(self.k * self.meet), np.sinh(self.k * self.meet)
            value, slope = a * ch + b * sh, ratio * (a * sh + b * ch)
            self.parts.append(
                (value * ch - slope * sh, slope * ch - value * sh, c + d * self.meet * (1 - ratio), d * ratio)
            )

    def lateral(self, r: NDArray[np.float64], n: int) -> NDArray[np.float64]:
        """n-th derivative of C."""
        if self.axisymmetric:
            return self.k**n * (jvp(0, self.k * r, n) if n else j0(self.k * r))
        return self.k**n * np.cos(self.k * r + 0.5 * np.pi * n)

    def derivative(self, r: NDArray[np.float64], z: NDArray[np.float64], n: int, m: int, part: int) -> NDArray:
        """d^(n + m) phi / dr^n dz^m in a layer."""
        a, b, c, d = self.parts[part]
        if m % 2:
            a, b = b, a
        waves = self.k**m * (a * np.cosh(self.k * z) + b * np.sinh(self.k * z)) * self.lateral(r, n)
        if n == 0 and m == 0:
            waves = waves + c + d * z
        if n == 0 and m == 1:
            waves = waves + d
        return waves


def h1_error(axisymmetric: bool, distorted: bool, order: int, across: int, condition: str, complex_: bool) -> float:
    """H1 seminorm of the error of the finite-element solution of a manufactured problem."""
    layered = condition == "layered jump"
    assembly = assembled(axisymmetric, distorted, order, across, 2 if layered else 1)
    exact = Harmonic(axisymmetric, layered, complex_)
    mesh, nodes = assembly.mesh, assembly.nodes
    last = len(exact.kappa) - 1
    n = nodes.n_skeleton
    a = sum(k * assembly.matrices[name] for k, name in zip(exact.kappa, mesh.region_names, strict=True))[:n, :n]
    points = np.empty((nodes.n, 2))
    points[nodes.element] = assembly.element_points()
    r, z = points[:n].T
    top, far = np.unique(nodes.edge["contact"]), np.unique(nodes.edge["counter"])
    mass = {name: assembly.matrices[name][:n, :n] for name in ("contact", "counter")}
    value, load = np.zeros(n, complex), np.zeros(n, complex)
    fixed = np.zeros(n, bool)
    # Normal currents into the body through both faces.
    enter, leave = np.zeros(n, complex), np.zeros(n, complex)
    enter[top] = -exact.kappa[0] * exact.derivative(r[top], z[top], 0, 1, 0)
    leave[far] = exact.kappa[-1] * exact.derivative(r[far], z[far], 0, 1, last)
    value[top] = exact.derivative(r[top], z[top], 0, 0, 0)
    value[far] = exact.derivative(r[far], z[far], 0, 0, last)
    y_top, y_far = (3.0 + 2.0j, 0.7j) if complex_ else (3.0, 0.7)
    if condition == "Dirichlet":
        fixed[top] = fixed[far] = True
    elif condition == "Neumann":
        load += mass["contact"] @ enter
        fixed[far] = True
    else:
        # j = y (V - phi) with a metal potential V that varies along the face.
        a = a + y_top * mass["contact"]
        load += y_top * (mass["contact"] @ (value + enter / y_top))
        if condition == "Robin":
            a = a + y_far * mass["counter"]
            load += y_far * (mass["counter"] @ (value + leave / y_far))
        else:
            fixed[far] = True
    x = np.where(fixed, value, 0.0)
    free = ~fixed
    a = csc_array(a, dtype=complex)
    rhs = (load - a @ x)[free]
    lu = splu(a[free][:, free].tocsc(), permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True})
    x[free] = lu.solve(rhs)

    gauss, w = legendre.leggauss(order + 3)
    values, slopes = lagrange(order, gauss)
    position, jacobian = bilinear(mesh, gauss)
    local = assembly.element_potentials(np.append(x, 0.0))
    reference = np.stack(
        [
            np.einsum("xi,yj,eij->exy", slopes, values, local, optimize=True),
            np.einsum("xi,yj,eij->exy", values, slopes, local, optimize=True),
        ],
        -1,
    )
    gradient = np.einsum("exyba,exyb->exya", np.linalg.inv(jacobian), reference)
    weight = w[:, None] * w * np.linalg.det(jacobian) * (2 * np.pi * position[..., 0] if axisymmetric else 1.0)
    total = 0.0
    for part in range(last + 1):
        chosen = mesh.quad_region == part
        rr, zz = np.moveaxis(position[chosen], -1, 0)
        true = np.stack([exact.derivative(rr, zz, 1, 0, part), exact.derivative(rr, zz, 0, 1, part)], -1)
        total += np.sum(weight[chosen, ..., None] * np.abs(gradient[chosen] - true) ** 2)
    return float(np.sqrt(total))


def interpolation_error(axisymmetric: bool, order: int, across: int, condition: str, complex_: bool) -> float:
    """Leading term of the H1 error on equal squares of side h, from one-dimensional best approximation.

    On an interval, phi' is approximated by polynomials of degree p - 1; what remains is the monic Legendre polynomial
    of degree p times phi^(p+1)/p!, of mean square h^p |phi^(p+1)| p!/((2p)! sqrt(2p + 1)). Both directions add up.
    """
    layered = condition == "layered jump"
    exact = Harmonic(axisymmetric, layered, complex_)
    constant = np.prod(1.0 / np.arange(order + 1.0, 2 * order + 1)) / np.sqrt(2 * order + 1)
    x, w = legendre.leggauss(60)
    total = 0.0
    bounds = [0.0, exact.meet, FAR] if layered else [0.0, FAR]
    for part, (start, end) in enumerate(pairwise(bounds)):
        r, z = np.meshgrid(0.5 * (1 + x), start + 0.5 * (end - start) * (1 + x), indexing="ij")
        weight = np.outer(w, w) * 0.25 * (end - start) * (2 * np.pi * r if axisymmetric else 1.0)
        for n, m in ((order + 1, 0), (0, order + 1)):
            # c + d z has no derivatives of this order but the first.
            total += np.sum(weight * np.abs(exact.derivative(r, z, n, m, part)) ** 2)
    return float(constant * np.sqrt(total) / across**order)


#: Error over the leading term on equal squares; more on distorted elements: by (axisymmetric, layered), order 1 to 5.
DISTORTED = {
    (True, False): (1.089, 1.069, 1.126, 1.148, 1.252),
    (True, True): (1.131, 1.067, 1.214, 1.124, 1.406),
    (False, True): (1.241, 1.084, 1.569, 1.176, 2.027),
}


GEOMETRIES = [
    # axisymmetric, distorted, complex, conditions: all of them twice, with the factor of distortion and without.
    (True, True, True, CONDITIONS),
    (False, False, False, CONDITIONS),
    (True, False, True, ("layered jump",)),
    (False, True, False, ("layered jump",)),
]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    ("axisymmetric", "distorted", "complex_", "condition"),
    [(*geometry, condition) for *geometry, conditions in GEOMETRIES for condition in conditions],
)
def test_optimal_rate_on_smooth_fields(
    axisymmetric: bool, distorted: bool, complex_: bool, condition: str, order: int
) -> None:
    """Theory: ||grad(phi - phi_h)|| = C h^p for order p, on all shape-regular quadrilaterals: mapped Q_p contains P_p.

    C is known on equal squares (`interpolation_error`); distortion raises it by a factor, pinned. Every successive rate
    of four refinements counts. The error of the admittance is the square: rate 2 p.
    """
    cells = CELLS[distorted]
    errors = [h1_error(axisymmetric, distorted, order, n, condition, complex_) for n in cells]
    rates = [np.log(e / f) / np.log(m / n) for (e, f), (n, m) in zip(pairwise(errors), pairwise(cells), strict=True)]
    assert rates == pytest.approx([order] * 4, abs=0.05)
    leading = interpolation_error(axisymmetric, order, cells[-1], condition, complex_)
    if distorted:
        assert errors[-1] / leading == pytest.approx(
            DISTORTED[axisymmetric, condition == "layered jump"][order - 1], rel=0.03
        )
    else:
        assert errors[-1] / leading == pytest.approx(1.0, rel=0.005)


# Elements -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", range(1, 13))
def test_nodes_are_gauss_lobatto_points(order: int) -> None:
    """The interpolatory rule on the Lobatto points has positive weights and integrates degree 2p - 1, but not 2p."""
    x = lobatto_points(order)
    weights = np.linalg.solve(
        np.vander(x, increasing=True).T, [2.0 / (k + 1) if k % 2 == 0 else 0.0 for k in range(order + 1)]
    )
    assert (weights > 0).all()
    for degree in range(2 * order):
        assert weights @ x**degree == pytest.approx(2.0 / (degree + 1) if degree % 2 == 0 else 0.0, abs=1e-12)
    assert abs(weights @ x ** (2 * order) - 2.0 / (2 * order + 1)) > 1e-7


@pytest.mark.parametrize("order", range(1, 13))
def test_basis_is_nodal_and_reproduces_polynomials(order: int) -> None:
    """Basis functions are 1 at their own node and 0 at others; values and slopes of x^p come out exactly."""
    nodes = lobatto_points(order)
    x = np.linspace(-1, 1, 17)
    values, slopes = lagrange(order, x)
    assert lagrange(order, nodes)[0] == pytest.approx(np.eye(order + 1), abs=1e-12)
    assert values @ nodes**order == pytest.approx(x**order, abs=1e-12)
    assert slopes @ nodes**order == pytest.approx(order * x ** (order - 1), abs=1e-10)


def skfem_form(order: int, mesh: ProfileMesh, points: int):
    """The same form by scikit-fem, straight from the weak form, in its own basis: that basis and the matrix."""
    from skfem import Basis, BilinearForm, ElementQuad1, ElementQuad2, ElementQuadP, MeshQuad
    from skfem.helpers import dot, grad

    element = {1: ElementQuad1(), 2: ElementQuad2()}.get(order) or ElementQuadP(order)
    basis = Basis(MeshQuad(mesh.vertices.T.copy(), mesh.quads.T.copy()), element, intorder=2 * points - 1)

    @BilinearForm
    def energy(u, v, w):
        return (2 * np.pi * w.x[0] if mesh.axisymmetric else 1.0) * dot(grad(u), grad(v))

    return basis, energy.assemble(basis).toarray()


@pytest.mark.parametrize("axisymmetric", [True, False])
@pytest.mark.parametrize("distorted", [True, False])
@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_stiffness_is_that_of_scikit_fem(order: int, distorted: bool, axisymmetric: bool) -> None:
    """int w grad phi . grad v, w = 2 pi r or 1: the same matrix as scikit-fem's, after a change of basis, to rounding.

    Both take order + 2 Gauss points, so that they agree on distorted elements, too, where the integrand is rational.
    """
    mesh = grid(3, 4, far=0.7, axisymmetric=axisymmetric, distorted=distorted)
    basis, expected = skfem_form(order, mesh, order + 2)
    nodes = number_nodes(mesh, order)
    own = element_stiffness(mesh, order)
    size = (order + 1) ** 2
    total = np.zeros((nodes.n, nodes.n))
    for numbers, k in zip(nodes.element.reshape(-1, size), own, strict=True):
        total[np.ix_(numbers, numbers)] += k
    # Values of scikit-fem's basis functions at our nodes, element by element.
    x = 0.5 * (1.0 + lobatto_points(order))
    gx, gy = np.meshgrid(x, x, indexing="ij")
    reference = np.stack([gx.ravel(), gy.ravel()])
    change = np.zeros((nodes.n, expected.shape[0]))
    for i in range(basis.Nbfun):
        values = np.asarray(basis.elem.gbasis(basis.mapping, reference, i)[0])
        values = np.broadcast_to(values, (len(mesh.quads), size))
        change[nodes.element.reshape(-1, size), basis.dofs.element_dofs[i][:, None]] = values
    assert change.T @ total @ change == pytest.approx(expected, abs=1e-12 * np.abs(expected).max())


@pytest.mark.parametrize("order", [1, 4, 9])
def test_harmonic_polynomials_are_exact(order: int) -> None:
    """On straight cells, z^2 - r^2/2 (tube) and z^2 - x^2 (strip) lie in the space from order 2 on.

    Constants have no energy for any order; gradients at the nodes and the energy are those of the polynomial.
    """
    for axisymmetric in (True, False):
        mesh = build(
            ProfileCell(axisymmetric=axisymmetric, outer=2e-6, edges=(6e-7,), contact=(True, False)),
            depth=2e-6,
            rings=2,
        )
        assembly = assemble(mesh, order, ideal_contact=False, ideal_counter=False)
        k = assembly.matrices["electrolyte"]
        assert k @ np.ones(k.shape[0]) == pytest.approx(np.zeros(k.shape[0]), abs=1e-12 * abs(k).max())
        if order < 2:
            continue
        points = assembly.element_points()
        r, z = np.moveaxis(points, -1, 0)
        factor = 1.0 if axisymmetric else 2.0
        gradients = assembly.element_gradients(z**2 - 0.5 * factor * r**2)
        scale = np.abs(z).max()
        assert gradients[..., 0] == pytest.approx(-factor * r, abs=1e-10 * scale)
        assert gradients[..., 1] == pytest.approx(2.0 * z, abs=1e-10 * scale)
        # int |grad phi|^2 dV over the cylinder or rectangle of radius b and height b.
        phi = np.zeros(assembly.nodes.n)
        phi[assembly.nodes.element] = z**2 - 0.5 * factor * r**2
        energy = np.append(phi[: assembly.nodes.n_skeleton], 0.0) @ (
            k @ np.append(phi[: assembly.nodes.n_skeleton], 0.0)
        )
        b = 2e-6
        exact = np.pi * b**5 * (4.0 / 3.0 + 0.5) if axisymmetric else b**4 * 8.0 / 3.0
        assert energy == pytest.approx(exact, rel=1e-11)


@pytest.mark.parametrize("order", [2, 5])
def test_condensation_is_exact(order: int) -> None:
    """Inner nodes carry no load: eliminating them changes neither the other potentials nor Y, for complex laws.

    The twin solves for all nodes with the uncondensed element matrices, three materials and contact and gap laws.
    """
    cell = ProfileCell(axisymmetric=True, outer=1.0, edges=(0.4,), contact=(True, False))
    mesh = build(cell, depth=0.6, layers=(("film", 0.05), ("coating", 0.2)), rings=2)
    assembly = assemble(mesh, order, ideal_contact=False)
    nodes, size = assembly.nodes, (order + 1) ** 2
    theta = {"film": 0.1 + 0.3j, "coating": 2.0 + 0.0j, "electrolyte": 1.0 + 0.2j, "contact": 3.0 + 1.0j, "gap": 0.5j}
    n = assembly.matrices["gap"].shape[0] - 1
    a = sum(theta[name] * m for name, m in assembly.matrices.items()).toarray()
    x = np.append(np.linalg.solve(a[:n, :n], -a[:n, n]), 1.0)
    y = x @ a @ x

    port = nodes.n
    full = np.zeros((nodes.n + 1, nodes.n + 1), complex)
    kappa = np.array([theta[name] for name in mesh.region_names])[mesh.quad_region]
    for numbers, k in zip(
        nodes.element.reshape(-1, size), kappa[:, None, None] * element_stiffness(mesh, order), strict=True
    ):
        full[np.ix_(numbers, numbers)] += k
    gauss, w = legendre.leggauss(order + 3)
    values, _ = lagrange(order, gauss)
    for name in ("contact", "gap"):
        for ends, numbers in zip(mesh.surfaces[name], nodes.edge[name], strict=True):
            r = mesh.vertices[ends, 0]
            at = 0.5 * (r.sum() + gauss * (r[1] - r[0]))
            jump = np.hstack([values, -np.ones((len(at), 1))])
            weight = w * 0.5 * abs(r[1] - r[0]) * 2 * np.pi * at
            both = np.append(numbers, port)
            full[np.ix_(both, both)] += theta[name] * jump.T @ (weight[:, None] * jump)
    fixed = np.append(np.unique(nodes.edge["counter"]), port)
    free = np.setdiff1d(np.arange(nodes.n + 1), fixed)
    phi = np.zeros(nodes.n + 1, complex)
    phi[port] = 1.0
    phi[free] = np.linalg.solve(full[np.ix_(free, free)], -full[free, port])
    assert phi @ full @ phi == pytest.approx(y, rel=1e-12)
    assert assembly.element_potentials(x) == pytest.approx(phi[nodes.element], abs=1e-12)


@pytest.mark.parametrize("order", [1, 3, 8])
def test_nodes_are_shared_between_elements(order: int) -> None:
    """A node has one place: all elements that carry its number put it at the same point, and no two share a point."""
    mesh = build(
        ProfileCell(axisymmetric=True, outer=1.0, edges=(0.2, 0.7), contact=(False, True, False)), depth=1.0, rings=3
    )
    assembly = assemble(mesh, order, ideal_contact=True)
    nodes, points = assembly.nodes, assembly.element_points()
    place = np.empty((nodes.n, 2))
    place[nodes.element] = points
    assert place[nodes.element] == pytest.approx(points, abs=1e-14)
    # Euler: vertices, then p - 1 nodes on each edge, (p - 1)^2 in each element.
    v, e = len(mesh.vertices), len(mesh.quads)
    edges = v + e - 1
    assert nodes.n_skeleton == v + (order - 1) * edges
    assert nodes.n == nodes.n_skeleton + (order - 1) ** 2 * e
    assert len(np.unique(np.round(place, 13), axis=0)) == nodes.n
    for name in ("contact", "gap", "counter"):
        numbers = nodes.edge[name]
        assert place[numbers][:, :, 1] == pytest.approx(1.0 if name == "counter" else 0.0, abs=1e-14)
        r = place[numbers][:, :, 0]
        assert (np.diff(r, axis=1) > 0).all() or (np.diff(r, axis=1) < 0).any()
        assert r[:, [0, -1]] == pytest.approx(mesh.vertices[mesh.surfaces[name]][:, :, 0], abs=1e-14)


@pytest.mark.parametrize("axisymmetric", [True, False])
def test_interface_matrices_integrate_jumps(axisymmetric: bool) -> None:
    """1^T M 1 is the area of the surface; the port row balances it; int (V - r)^2 comes out exactly from order 1 on."""
    b, a = 3e-5, 1.2e-5
    mesh = build(ProfileCell(axisymmetric=axisymmetric, outer=b, edges=(a,), contact=(True, False)), depth=b, rings=3)
    assembly = assemble(mesh, 3, ideal_contact=False, ideal_counter=False)
    area = {"contact": np.pi * a**2, "gap": np.pi * (b**2 - a**2), "counter": np.pi * b**2}
    if not axisymmetric:
        area = {"contact": a, "gap": b - a, "counter": b}
    assert assembly.area == pytest.approx(area["counter"], rel=1e-14)
    points = np.empty((assembly.nodes.n, 2))
    points[assembly.nodes.element] = assembly.element_points()
    n = assembly.nodes.n_skeleton
    for name, expected in area.items():
        m = assembly.matrices[name]
        only_port = np.append(np.zeros(n), 1.0)
        assert np.append(np.ones(n), 0.0) @ (m @ np.append(np.ones(n), 0.0)) == pytest.approx(expected, rel=1e-12)
        if name == "counter":
            assert not (m @ only_port).any()
            continue
        assert only_port @ (m @ only_port) == pytest.approx(expected, rel=1e-12)
        x = np.append(points[:n, 0], b)
        # int (b - r)^2 w dr between the rims
        low, high = (0.0, a) if name == "contact" else (a, b)
        if axisymmetric:
            antiderivative = lambda r: 2 * np.pi * (b**2 * r**2 / 2 - 2 * b * r**3 / 3 + r**4 / 4)  # noqa: E731
        else:
            antiderivative = lambda r: -((b - r) ** 3) / 3  # noqa: E731
        assert x @ (m @ x) == pytest.approx(antiderivative(high) - antiderivative(low), rel=1e-12)
