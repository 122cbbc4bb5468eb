"""The route of a competent user of scikit-fem: P2 triangles in (r, z), graded to the rim by local refinement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from skfem import Basis, BilinearForm, ElementTriP2, FacetBasis, MeshTri, condense, solve
from skfem.helpers import dot, grad

_ACROSS = np.array([0.0, 0.5, 1.0, 2.0, 4.0, 7.0])  # in units of the contact radius, then the wall
_DOWN = np.array([0.0, 1.0, 2.0, 4.0, 7.0, 11.0, 15.0])


@BilinearForm
def _volume(u, v, w):  # type: ignore[no-untyped-def]
    return 2 * np.pi * w.x[0] * dot(grad(u), grad(v))


@BilinearForm
def _surface(u, v, w):  # type: ignore[no-untyped-def]
    return 2 * np.pi * w.x[0] * u * v


def graded_mesh(radius: float, depth: float, rounds: int, halvings: int) -> MeshTri:
    """Tube of radius 1: triangles at the rim are refined again and again, then every triangle `halvings` times."""
    across = np.append(_ACROSS[_ACROSS * radius < 0.9], 1 / radius) * radius
    down = np.append(_DOWN[_DOWN * radius < 0.9 * depth], depth / radius) * radius
    mesh = MeshTri.init_tensor(across, down)
    for _ in range(rounds):
        rim = np.flatnonzero((np.abs(mesh.p[0] - radius) < 1e-9) & (mesh.p[1] == 0))[0]
        mesh = mesh.refined(np.flatnonzero((mesh.t == rim).any(0)))
    return mesh.refined(halvings) if halvings else mesh


@dataclass(frozen=True)
class Tube:
    """Assembled once: volume and gap matrices, the values and numbers of the prescribed potentials."""

    volume: csr_matrix
    gap: csr_matrix
    potential: NDArray[np.float64]
    fixed: NDArray[np.int64]

    def admittance(self, kappa: complex, y_gap: complex = 0.0) -> complex:
        """Y of the tube for an ideal contact at 1 V, by the energy: x^T A x of the potentials, metal included."""
        if np.imag(kappa) == 0 and y_gap == 0:
            a = self.volume * np.real(kappa)
            x = solve(*condense(a, x=self.potential, D=self.fixed))
            return complex(x @ (a @ x))
        # The gap couples to the metal at 1 V: with u = phi - 1 there the load vanishes and the far face is at -1.
        a = (self.volume * kappa + self.gap * y_gap).tocsr()
        shifted = self.potential.astype(complex)
        shifted[self.fixed] -= 1.0
        x = solve(*condense(a, x=shifted, D=self.fixed))
        return complex(x @ (a @ x))


def assemble(mesh: MeshTri, radius: float, depth: float) -> Tube:
    """Matrices for an ideal contact of a radius in a tube of radius 1."""
    basis = Basis(mesh, ElementTriP2())
    touching = mesh.facets_satisfying(lambda x: (x[1] == 0) & (x[0] <= radius), boundaries_only=True)
    gap = mesh.facets_satisfying(lambda x: (x[1] == 0) & (x[0] > radius), boundaries_only=True)
    far = mesh.facets_satisfying(lambda x: np.abs(x[1] - depth) < 1e-9 * depth, boundaries_only=True)
    metal, ground = basis.get_dofs(touching).flatten(), basis.get_dofs(far).flatten()
    potential = np.zeros(basis.N)
    potential[metal] = 1.0
    return Tube(
        volume=_volume.assemble(basis),
        gap=_surface.assemble(FacetBasis(mesh, ElementTriP2(), facets=gap)),
        potential=potential,
        fixed=np.concatenate([metal, ground]),
    )
