"""Raviart and Thomas's fields of order 1 on the reference tetrahedron, as polynomials and as tables.

Degrees of freedom: the values d_v of the flux density at the three vertices of every facet, per area of the reference
triangle, and the moments of a prescribed divergence with x, y and z, of which a field without divergence has none.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from aspot.fem.kernels import quadrature, shape_functions

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

#: Vertices of the facet opposite each vertex of a cell.
FACETS = np.array([(1, 2, 3), (0, 2, 3), (0, 1, 3), (0, 1, 2)])


@lru_cache(maxsize=1)
def _polynomials() -> tuple[IntArray, FloatArray]:
    """Polynomials of the reference fields: exponents (10, 3) and coefficients (15, 10, 3).

    The first 12 belong to the values d on facets, three per facet; the last three to a divergence prescribed by its
    moments with x, y and z. The divergence of each is in span{1, x, y, z}; its mean follows from the facets.
    """
    powers: IntArray = np.array([(i, j, k) for i in range(3) for j in range(3 - i) for k in range(3 - i - j)])
    place = {tuple(p): n for n, p in enumerate(powers.tolist())}
    space = []
    for axis in range(3):
        for low in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)):
            field = np.zeros((len(powers), 3))
            field[place[low], axis] = 1.0
            space.append(field)
    for along in np.eye(3, dtype=int):  # x times a linear function
        field = np.zeros((len(powers), 3))
        for axis in range(3):
            field[place[tuple((along + np.eye(3, dtype=int)[axis]).tolist())], axis] = 1.0
        space.append(field)
    corners = np.vstack([np.zeros(3), np.eye(3)])
    t, w = quadrature(2, 4)
    hats = np.column_stack([1 - t.sum(axis=1), t])
    moments = np.empty((15, 15))
    for n, field in enumerate(space):
        rows = []
        for opposite, facet in enumerate(FACETS):
            a, b, c = corners[facet]
            normal = np.cross(b - a, c - a)
            normal *= np.sign(normal @ (a - corners[opposite]))
            points = hats @ corners[facet]
            value = _monomials(points, powers) @ field
            rows += [float((w * hats[:, v] * (value @ normal)).sum()) for v in range(3)]
        points, weights = quadrature(3, 3)
        rows += (weights @ (_monomials(points, powers) @ field)).tolist()
        moments[:, n] = rows
    dual: FloatArray = np.tensordot(np.linalg.inv(moments).T, np.stack(space), 1)
    # The mean of the field follows from the fluxes and the moments g of its divergence:
    # int q_m = sum of the moments of facets with the hat of vertex m, minus g_m.
    fluxes = dual[:12].copy()
    for k in range(12):
        vertex = FACETS.ravel()[k]
        if vertex:
            fluxes[k] += dual[12 + vertex - 1]
    mass = (1.0 + np.eye(3)) / 24.0
    values = np.concatenate([np.tensordot(mass, fluxes[3 * f : 3 * f + 3], 1) for f in range(4)])
    return powers, np.concatenate([values, -dual[12:]])


def _monomials(points: FloatArray, powers: IntArray) -> FloatArray:
    return np.asarray(np.prod(points[:, None, :] ** powers[None], axis=2))


@lru_cache(maxsize=8)
def reference_fields(n: int) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Rule of n points per direction: weights, reference fields (q, 15, 3), gradients (q, 10, 3) of u, hats (q, 4)."""
    points, weights = quadrature(3, n)
    powers, coefficients = _polynomials()
    fields = np.einsum("qp,npi->qni", _monomials(points, powers), coefficients)
    hats = np.column_stack([1 - points.sum(axis=1), points])
    return weights, fields, shape_functions(points, 2)[1], hats


@lru_cache(maxsize=1)
def reference_integrals() -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Exact integrals on the reference simplices.

    (3, 3, 15, 15) of products of field components; (15, 4, 10) of psi_a field . grad N_k; (4, 3, 10) of
    psi_m d_b N_k; and on the triangle (3, 3, 6) of psi_j psi_a N_k.
    """
    weights, fields, gradients, hats = reference_fields(4)
    energy = np.einsum("q,qia,qjb->abij", weights, fields, fields)
    work = np.einsum("q,qa,qid,qkd->iak", weights, hats, fields, gradients)
    slope = np.einsum("q,qm,qkb->mbk", weights, hats, gradients)
    t, w = quadrature(2, 4)
    flat = np.column_stack([1 - t.sum(axis=1), t])
    drive = np.einsum("q,qj,qa,qk->jak", w, flat, flat, shape_functions(t, 2)[0])
    return energy, work, slope, drive
