"""The current field of a slab under a flat interface: an upper bound of its resistance, a second impedance.

Every current field q without divergence that carries 1 A from the contacts to the bottom and crosses no insulating
surface dissipates at least R (Thomson's principle):

    R <= int |q|^2 / sigma dx + int z_contact q_n^2 ds + int z_counter q_n^2 ds .

Its normal part is q_z(x, y, z) = sum c_i(z) w_i(x, y) with the densities w_i of the elements, its lateral part any flux
of the Raviart-Thomas kind whose divergence is -dq_z/dz, exactly. For a given q_z the best lateral flux follows from a
mixed problem on the plane, whose modes have wave numbers k. Each goes through the layers as along a line, so that

    layer of thickness t:  zeta = 1/(sigma k),  z_top = zeta (z + zeta tanh kt) / (zeta + z tanh kt) ,

z being the impedance of what lies below (infinite for k > 0 where the depth is cut: uniform current goes on). Then R is
at most the smallest value of j^T Z j + int z_contact j^2 among the densities j of the contacts with a total of 1 A. All
densities and fluxes are images of polynomials (Piola): the geometry is exact, what is left is rounding and quadrature.

With complex resistivities the same value is stationary instead of least: a second impedance, whose distance from that
of the potential is an estimate of the error of both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve, solve_triangular
from scipy.special import eval_jacobi, roots_jacobi

from aspot.errors import ConvergenceError
from aspot.fem.surface import gauss, metric, quadrature_points, tensor_basis, wave_numbers
from aspot.mesh.surface import Patch, Root, SurfaceMesh

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@lru_cache(maxsize=64)
def densities(degree: int, n_points: int, root: Root) -> FloatArray:
    """Density basis D on [0, 1] at Gauss points, (n_points, degree + 1); the first has mean 1, all others mean 0.

    Polynomials of the degree; where the Jacobian vanishes as u (`root`), those that vanish there.
    """
    return _densities_at(degree, gauss(n_points)[0], root)


def _densities_at(degree: int, u: FloatArray, root: Root) -> FloatArray:
    if root == "outer":
        return _densities_at(degree, 1.0 - u, "inner")
    k = np.arange(degree + 1)
    if root is None:
        return np.asarray(eval_jacobi(k, 0.0, 0.0, 2.0 * u[:, None] - 1.0))
    # Jacobi polynomials for the weight u: their products with u have mean 0 but for the first.
    return np.asarray(2.0 * u[:, None] * eval_jacobi(k, 0.0, 1.0, 2.0 * u[:, None] - 1.0))


@lru_cache(maxsize=64)
def fluxes(degree: int, n_points: int, root: Root) -> FloatArray:
    """Flux basis at Gauss points, (n_points, degree + 2): 1 at u = 0, 1 at u = 1, and the integrals of D_1, D_2, ...

    Their derivatives are -D_0, D_0, D_1, D_2, ... of `densities`.
    """
    u = gauss(n_points)[0]
    x, w = roots_jacobi(degree + 3, 0.0, 0.0)
    # Integrals from 0 to every Gauss point, exact for the degree.
    inside = 0.5 * (x + 1.0) * u[:, None]
    values = _densities_at(degree, inside.ravel(), root).reshape(len(u), len(x), degree + 1)
    integrals = 0.5 * u[:, None] * np.einsum("q,aqk->ak", w, values)
    return np.column_stack([1.0 - integrals[:, 0], integrals])


@dataclass(frozen=True)
class _Element:
    """A patch with the unknowns of its fluxes, those that point along the rays first; -1 where none passes."""

    patch: Patch
    number: IntArray
    sign: FloatArray


def _numbered(mesh: SurfaceMesh, degree_r: int, degree_t: int) -> tuple[list[_Element], int]:
    """Elements and the number of all fluxes."""
    elements: list[_Element] = []
    n = 0

    def new(*shape: int) -> IntArray:
        nonlocal n
        out = np.arange(n, n + int(np.prod(shape))).reshape(shape)
        n += out.size
        return out

    def none(size: int) -> IntArray:
        return np.full(size, -1)

    twins = _walls_between_fans(mesh)
    through_wall: dict[int, IntArray] = {}
    for which, fan in enumerate(mesh.fans):
        behind = [none(degree_r + 1) for _ in fan[0]]
        for k, spoke in enumerate(fan):
            below = none(degree_t + 1)
            for b, patch in enumerate(spoke):
                wall_sign: FloatArray = np.ones(degree_t + 1)
                if b + 1 < len(spoke):
                    above = new(degree_t + 1)
                elif which == 0 and k in twins:
                    above = through_wall[k] = new(degree_t + 1)
                elif which == 1 and k in twins.values():
                    # Out of one fan is into the other, and the angles run the other way: P_k(-x) = (-1)^k P_k(x).
                    above = through_wall[next(i for i, j in twins.items() if j == k)]
                    wall_sign = -np.power(-1.0, np.arange(degree_t + 1))
                else:
                    above = none(degree_t + 1)
                ahead = new(degree_r + 1) if k + 1 < len(fan) else none(degree_r + 1)
                along = np.vstack([below, above, new(degree_r, degree_t + 1)])
                across = np.column_stack([behind[b], ahead, new(degree_r + 1, degree_t)])
                sign = np.ones(along.shape)
                sign[1] = wall_sign
                elements.append(
                    _Element(
                        patch,
                        np.concatenate([along.ravel(), across.ravel()]),
                        np.concatenate([sign.ravel(), np.ones(across.size)]),
                    )
                )
                below, behind[b] = above, ahead
    return elements, n


def _walls_between_fans(mesh: SurfaceMesh) -> dict[int, int]:
    """Spokes of the first fan and the ones of the second that meet them at their common mirror line."""
    if len(mesh.fans) == 1:
        return {}
    end, middle = np.ones(1), np.full(1, 0.5)
    own, other = (np.concatenate([spoke[-1].map(end, middle)[0] for spoke in fan]) for fan in mesh.fans)
    distance = np.linalg.norm(own[:, None] - other[None], axis=-1)
    return {int(i): int(j) for i, j in np.argwhere(distance < 1e-9)}


@dataclass(frozen=True)
class DualPlane:
    """Densities on the plane and the modes of their lateral fluxes, in units of the mesh; read only.

    Parameters
    ----------
    is_contact : (elements,) bool
    mass : (elements, m, m) float
        Integral of w_i w_j of the densities of every element.
    total : (elements, m) float
        Integral of each density.
    wave_numbers : (n,) float
        The first 0.
    shapes : (n, n) float
        M w of the modes, w^T M w = 1.
    """

    is_contact: NDArray[np.bool_]
    mass: FloatArray
    total: FloatArray
    wave_numbers: FloatArray
    shapes: FloatArray


@lru_cache(maxsize=4)
def dual_plane(mesh: SurfaceMesh, degrees: tuple[int, int]) -> DualPlane:
    """Mixed problem on the plane, with densities of degrees (along the rays, across). The last ones asked for are kept.

    Raises
    ------
    ConvergenceError
        If rounding has left a matrix that is not positive definite.
    """
    degree_r, degree_t = degrees
    n_points = quadrature_points(degree_r + 1, degree_t + 1)
    elements, n_flux = _numbered(mesh, degree_r, degree_t)
    per_element = (degree_r + 1) * (degree_t + 1)
    n = per_element * len(elements)
    derivative = _divergence(degree_r, degree_t)
    angular, angular_flux = densities(degree_t, n_points, None), fluxes(degree_t, n_points, None)

    flux_mass = np.zeros((n_flux, n_flux))
    density_mass = np.zeros((len(elements), per_element, per_element))
    divergence = np.zeros((n_flux, n))
    for e, element in enumerate(elements):
        radial = densities(degree_r, n_points, element.patch.root)
        radial_flux = fluxes(degree_r, n_points, element.patch.root)
        g, det, weight = metric(element.patch, n_points)
        scaled = weight / det
        density = tensor_basis(radial, angular)
        density_mass[e] = density.T @ (scaled[:, None] * density)
        along, across = tensor_basis(radial_flux, angular), tensor_basis(radial, angular_flux)
        basis = np.stack([np.hstack([along, 0.0 * across]), np.hstack([0.0 * along, across])], -1)
        weighted = np.einsum("m,mij,maj->mai", scaled, g, basis)
        local = np.einsum("mai,mbi->ab", basis, weighted, optimize=True) * np.outer(element.sign, element.sign)
        inside = element.number >= 0
        rows = element.number[inside]
        np.add.at(flux_mass, (rows[:, None], rows), local[np.ix_(inside, inside)])
        source = (derivative @ density_mass[e]) * element.sign[:, None]
        divergence[rows, e * per_element : (e + 1) * per_element] += source[inside]

    total = np.zeros((len(elements), per_element))
    total[:, 0] = 1.0
    lower, uniform = np.zeros((n, n)), np.zeros(n)
    scale = 1.0 / np.sqrt(np.diag(flux_mass))
    try:
        for e, mass in enumerate(density_mass):
            block = slice(e * per_element, (e + 1) * per_element)
            lower[block, block] = cholesky(mass, lower=True)
            uniform[block] = solve(mass, total[e], assume_a="pos")
        c = cholesky(flux_mass * scale[:, None] * scale, lower=True)
    except np.linalg.LinAlgError as fault:
        raise ConvergenceError(f"fluxes on the plane: {fault}") from None
    k, vectors = wave_numbers(solve_triangular(c, scale[:, None] * divergence, lower=True), lower, uniform)
    is_contact = np.array([element.patch.is_contact for element in elements])
    return DualPlane(is_contact, density_mass, total, k, lower @ vectors)


def impedance(
    mesh: SurfaceMesh,
    degrees: tuple[int, int],
    *,
    depth_m: float,
    resistivity: complex,
    layers: Sequence[tuple[float, complex]] = (),
    contact_impedance: complex,
    gap_impedance: complex | None = None,
    counter_impedance: complex,
    is_cut: bool,
) -> complex:
    """Impedance of the piece by its current; at direct current an upper bound of the resistance.

    Parameters
    ----------
    mesh : SurfaceMesh
    degrees : (along the rays, across)
        Of the densities.
    depth_m, resistivity : float, complex
        Of the electrolyte [m], [ohm m].
    layers : sequence of (thickness [m], resistivity [ohm m])
        Outermost first.
    contact_impedance, gap_impedance, counter_impedance : complex
        Of the contacts, the gap and the lowest face [ohm m2]; a gap of None carries no current.
    is_cut : bool
        Whether the electrolyte goes on below, with a uniform current.

    Returns
    -------
    complex
        [ohm], real if all arguments are.

    Raises
    ------
    ConvergenceError
        If rounding has left a matrix that is not positive definite.
    """
    plane, unit = dual_plane(mesh, degrees), mesh.unit_m
    z = _modal_impedance(plane.wave_numbers / unit, [*layers, (depth_m, resistivity)], counter_impedance, is_cut)
    own = {True: contact_impedance, False: gap_impedance}
    carries = np.array([own[touches] is not None for touches in plane.is_contact.tolist()])
    per_element = plane.total.shape[1]
    modal = plane.shapes[np.repeat(carries, per_element)]
    dissipation = (modal * z) @ modal.T
    for at, e in enumerate(np.flatnonzero(carries).tolist()):
        block = slice(at * per_element, (at + 1) * per_element)
        dissipation[block, block] += own[bool(plane.is_contact[e])] * plane.mass[e]
    current = plane.total[carries].ravel()
    size = 1.0 / np.sqrt(np.abs(np.diag(dissipation)))
    best = solve(dissipation * size[:, None] * size, size * current, assume_a="sym")
    return complex(1.0 / (size * current @ best)) / unit**2


@lru_cache(maxsize=16)
def _divergence(degree_r: int, degree_t: int) -> FloatArray:
    """Density coefficients of the divergence of every flux of an element."""

    def slope(degree: int) -> FloatArray:
        out = np.zeros((degree + 2, degree + 1))
        out[0, 0], out[1:, :] = -1.0, np.eye(degree + 1)
        return out

    along = np.kron(slope(degree_r), np.eye(degree_t + 1))
    across = np.kron(np.eye(degree_r + 1), slope(degree_t))
    return np.vstack([along, across])


def _modal_impedance(
    k: FloatArray, slabs: Sequence[tuple[float, complex]], counter_impedance: complex, is_cut: bool
) -> NDArray[np.inexact]:
    """Impedance of every mode at the interface [ohm m2]; k [1/m], the first 0."""
    uniform = counter_impedance + sum(thickness * resistivity for thickness, resistivity in slabs)
    # Admittance of what lies below, as a quotient, so that a short circuit (1 / 0) and an open end (0 / 1) are alike.
    above, under = (0.0, 1.0) if is_cut else (1.0, counter_impedance)
    y, per = np.full(len(k) - 1, above), np.full(len(k) - 1, under)
    for thickness, resistivity in reversed(slabs):
        own, fall = k[1:] / resistivity, np.tanh(k[1:] * thickness)
        y, per = own * (y + own * per * fall), own * per + y * fall
        size = np.abs(y) + np.abs(own * per)
        y, per = y / size, per / size
    return np.concatenate([[uniform], per / y])
