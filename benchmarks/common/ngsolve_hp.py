"""NGSolve's hp refinement on the quarter cell, as a competent user would set it up. Optional: we do not install it.

A disc glued into the top of a box, its rim marked for geometric refinement (factor 0.125), elements curved to the
order, statically condensed, sparse Cholesky, one thread.
"""

from __future__ import annotations

import importlib.util

#: (order, hp levels, mesh size), cheapest first, that were found to be good, knowing the answer.
CONFIGURATIONS = (
    (2, 1, 0.5), (2, 2, 0.5), (3, 2, 0.5), (3, 3, 0.5), (3, 4, 0.5), (4, 3, 0.5), (4, 4, 0.5), (4, 4, 0.25),
    (5, 3, 0.25), (6, 3, 0.5), (6, 4, 0.5), (7, 4, 0.5),
)  # fmt: skip


def is_installed() -> bool:
    return importlib.util.find_spec("ngsolve") is not None


def quarter_cell(order: int, levels: int, maxh: float, radius: float, depth: float) -> tuple[int, float]:
    """Unknowns and conductance for conductivity 1."""
    import ngsolve as ngs
    from netgen import occ

    ngs.SetNumThreads(1)
    axes = occ.Axes((0, 0, 0), n=occ.Z, h=occ.X)
    quarter = occ.WorkPlane(axes).Circle(0, 0, radius).Face() * occ.WorkPlane(axes).Rectangle(0.5, 0.5).Face()
    shape = occ.Glue([occ.Box((0, 0, 0), (0.5, 0.5, depth)), quarter])
    for face in shape.faces:
        c = face.center
        if abs(c.z) < 1e-9 and c.x**2 + c.y**2 < radius**2:
            face.name = "contact"
        elif abs(c.z - depth) < 1e-9:
            face.name = "counter"
    for edge in shape.edges:
        c = edge.center
        if abs(c.z) < 1e-9 and c.x > 1e-6 and c.y > 1e-6 and c.x**2 + c.y**2 < (1.1 * radius) ** 2:
            edge.hpref = 1
    mesh = ngs.Mesh(occ.OCCGeometry(shape).GenerateMesh(maxh=maxh))
    mesh.RefineHP(levels, 0.125)
    mesh.Curve(order)
    space = ngs.H1(mesh, order=order, dirichlet="contact|counter")
    u, v = space.TnT()
    form = ngs.BilinearForm(space, symmetric=True, condense=True)
    form += ngs.grad(u) * ngs.grad(v) * ngs.dx(bonus_intorder=2)
    potential = ngs.GridFunction(space)
    potential.Set(1, definedon=mesh.Boundaries("contact"))
    form.Assemble()
    inverse = form.mat.Inverse(space.FreeDofs(True), inverse="sparsecholesky")
    residual = potential.vec.CreateVector()
    residual.data = -form.mat * potential.vec
    residual.data += form.harmonic_extension_trans * residual
    potential.vec.data += inverse * residual
    potential.vec.data += form.harmonic_extension * potential.vec
    potential.vec.data += form.inner_solve * residual
    g = ngs.Integrate(ngs.grad(potential) * ngs.grad(potential) * ngs.dx(bonus_intorder=2), mesh)
    return space.ndof, float(g)
