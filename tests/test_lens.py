"""Pores and cracks whose gap has a shape: heights, capacitances, rims, volumes, case files, fillings."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from scipy.constants import epsilon_0
from scipy.integrate import quad
from scipy.optimize import newton

import aspot
from aspot.analysis.focusing import current_map
from aspot.analysis.lens import thin_gap_errors
from aspot.cell import Cell
from aspot.discretise import BACKENDS, PLANAR, PROFILE
from aspot.discretise.profile import _profile_mesh
from aspot.errors import InputError
from aspot.fem.gap_heights import gap_heights
from aspot.fem.lens import assemble_lens, lens_mesh, lens_weights
from aspot.fem.problem import Problem, Term
from aspot.fem.profile import element_stiffness
from aspot.interface import InterfaceProblem
from aspot.laws import Activated, Conductor, Gap
from aspot.mesh.planar import from_shapes
from aspot.mesh.profile import build
from aspot.morphology.gap_profile import GapForm, GapProfile, closed_capacitance
from aspot.morphology.unit_cell import BoxCell, Disc, MapCell, ProfileCell
from aspot.parametric import Family

A = 1e-5
BULK = Conductor(conductivity=Activated(value=1.0), permittivity=30.0)
CASES = Path(__file__).resolve().parent.parent / "cases"


def profile_cell(profile: GapProfile, *, axisymmetric: bool = True, fraction: float = 0.4) -> ProfileCell:
    """A pore in a flux tube, or a crack between strips."""
    if axisymmetric:
        outer = A / math.sqrt(1 - fraction)
        return ProfileCell(axisymmetric=True, outer=outer, edges=(A,), contact=(False, True), gap_profile=profile)
    outer = A / (1 - fraction)
    return ProfileCell(axisymmetric=False, outer=outer, edges=(outer - A,), contact=(True, False), gap_profile=profile)


def interface(cell: Any, thickness: float = 1e-8, **more: Any) -> InterfaceProblem:
    gap = Gap(thickness_m=thickness)
    return InterfaceProblem(cell=cell, depth_m=4 * A, electrolyte=BULK, gap=gap, temperature_K=298.15, **more)


def impedance(problem: Any, omega: float) -> complex:
    return complex(problem.area_m2 / problem.admittance(problem.solve(omega), omega))


def electrode(morphology: dict[str, Any], gap: dict[str, Any], **more: Any) -> Cell:
    return Cell(
        electrolyte={"thickness": "2 mm", "conductivity": "5.5 mS/cm", "permittivity": 30},
        working_electrode={"morphology": morphology, "gap": gap},
        frequencies={"start": "1 GHz", "stop": "100 kHz", "per_decade": 4},
        numerics={"relative_tolerance": 1e-4} | more,
    )


PORES = {"kind": "pores", "arrangement": "single", "radius": "10 um", "contact_fraction": 0.4}
LENS = {"shape": "lens", "height": "1 um", "thickness": "5 nm"}


# Heights and capacitances ---------------------------------------------------------------------------------------------


def test_a_lens_is_a_spherical_cap() -> None:
    """Points (s, R - h + d) lie on the sphere of radius R; tan(theta/2) = h/a; the slope at the rim is tan(theta)."""
    lens = GapProfile(form="lens", contact_angle=math.radians(40), floor=0.0)
    h = lens.apex(A)
    assert h == pytest.approx(A * math.tan(math.radians(20)))
    sphere = (A**2 + h**2) / (2 * h)
    s = np.linspace(0, A, 7)
    assert np.hypot(s, sphere - h + lens.distance(s, A)) == pytest.approx(np.full(7, sphere))
    t = 1e-6 * A
    assert lens.distance_from_rim(t, A) / t == pytest.approx(math.tan(math.radians(40)), rel=1e-5)
    # The same cap: along the arcs a hundredth of a small angle more, theta/sin(theta) at the rim of a large one.
    arc = GapProfile(form="arc", contact_angle=math.radians(40), floor=0.0)
    assert arc.distance_from_rim(t, A) / t == pytest.approx(math.radians(40), rel=1e-5)


@pytest.mark.parametrize("form", ["lens", "arc", "wedge", "ellipse"])
@pytest.mark.parametrize("axisymmetric", [True, False])
def test_capacitances_are_those_of_closed_forms(form: GapForm, axisymmetric: bool) -> None:
    """int dA/d: closed form, adaptive quadrature, and the rule of the elements."""
    profile = GapProfile(form=form, height=0.2 * A, floor=1e-4 * A)
    ring = A - profile.floor_width(A)
    assert profile.distance(ring, A) == pytest.approx(profile.floor, rel=1e-9)
    weight = (lambda s: 2 * np.pi * s) if axisymmetric else (lambda _: 2.0)

    # In ln(1/(distance from the rim)), where 1/d is smooth.
    def per_decade(u: float) -> float:
        t = A * math.exp(-u)
        return weight(A - t) * t / float(profile.distance_from_rim(t, A))

    inner = quad(per_decade, 0.0, math.log(A / (A - ring)), epsrel=1e-11, limit=200)[0]
    rim = quad(weight, ring, A)[0] / profile.floor
    if not (form == "lens" and not axisymmetric):
        assert closed_capacitance(profile, A, axisymmetric=axisymmetric) == pytest.approx(inner + rim, rel=1e-9)
    cell = profile_cell(profile, axisymmetric=axisymmetric)
    heights = gap_heights(cell, Gap(thickness_m=1e-8))
    assert heights is not None
    mesh = _profile_mesh(interface(cell), 2)
    ends = mesh.vertices[mesh.surfaces["gap"], 0] * mesh.unit_m
    summed = 0.0
    for start, end in ends:
        x, w, ratio = heights.rule(start, end, 12)
        r = start + (end - start) * x
        summed += float(w @ ((2 * np.pi * r if axisymmetric else 1.0) / (ratio * 1e-8))) * abs(end - start)
    # The cell of a crack holds half of it.
    assert summed == pytest.approx((inner + rim) * (1.0 if axisymmetric else 0.5), rel=1e-8)


def test_flat_gaps_are_plates() -> None:
    """A floor above the cap leaves plates: their capacitance, and the impedance of the gap of one height."""
    profile = GapProfile(form="lens", height=1e-9, floor=2e-8)
    assert closed_capacitance(profile, A, axisymmetric=True) == pytest.approx(np.pi * A**2 / 2e-8)
    cell = profile_cell(profile)
    omega = 2 * np.pi * 1e7
    shaped = impedance(PROFILE.discretise(interface(cell, 1e-8), 2).problem, omega)
    flat = impedance(PROFILE.discretise(interface(replace(cell, gap_profile=None), 2e-8), 2).problem, omega)
    assert shaped == pytest.approx(flat, rel=1e-10)


def test_pixels_keep_the_capacitance_of_every_pore() -> None:
    """However large the pixels: mean of d_0/d times the open area, also where pores reach over the side of the cell."""
    lens = GapProfile(form="lens", contact_angle=0.3, floor=2e-9)
    cell = BoxCell(
        size_x=3.1 * A, size_y=2.9 * A, contact_inside=False, periodic=True, gap_profile=lens,
        shapes=(Disc(x=0.2 * A, y=0.1 * A, radius=A), Disc(x=1.9 * A, y=1.5 * A, radius=0.6 * A)),
    )  # fmt: skip
    exact = sum(closed_capacitance(lens, s.radius, axisymmetric=True) for s in cell.shapes if isinstance(s, Disc))
    for n, error in ((24, 1e-3), (96, 1e-3)):
        grid = from_shapes(cell, (n, n), 1e-8)
        assert grid.gap_weight is not None
        pixel = cell.size_x * cell.size_y / n**2
        total = ((1 - grid.contact) * grid.gap_weight).sum() * pixel / 1e-8
        assert total == pytest.approx(exact, rel=error)


# The rim --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("volume", [False, True])
def test_the_potential_at_the_rim_has_the_exponent_of_its_wedge(volume: bool) -> None:
    """V - phi ~ t^lambda: kappa cot(lambda pi) = -j omega eps0 cot(lambda theta), or 1/(lambda theta) for the law.

    Without a floor the law's admittance grows as 1/t, yet the solution exists: lambda goes from 1/2 to 1.
    """
    angle, omega = 0.9, 1.5e11
    cell = profile_cell(GapProfile(form="arc", contact_angle=angle, floor=0.0))
    mesh = build(cell, depth=3 * A, rings=9, ratio=0.15, growth=3.5)
    bulk, kappa, wet = Conductor(conductivity=Activated(value=1.0), permittivity=0.0), 1.0, 1j * omega * epsilon_0
    if volume:
        assembly, law = assemble_lens(mesh, 7, cell), Gap(thickness_m=1.0)
    else:
        law = Gap(thickness_m=1e-8)
        assembly = PROFILE.discretise(replace(interface(cell), electrolyte=bulk), 5).assembly
    terms = tuple(
        Term(name=n, role="gap" if n == "gap" else "electrolyte", law=law if n == "gap" else bulk, matrix=m)
        for n, m in assembly.matrices.items()
    )
    x = Problem(terms, assembly.area, 298.15).solve(omega)
    mesh = assembly.mesh
    values = np.append(x, 0.0)[assembly.dof]
    vertices = mesh.vertices
    on_gap = np.flatnonzero((vertices[:, 1] == 0.0) & (vertices[:, 0] < mesh.vertices[:, 0].max()))
    t = A / cell.outer - vertices[on_gap, 0]
    chosen = on_gap[(t > 1e-6) & (t < 1e-4)]
    first, second = chosen[np.argsort(vertices[chosen, 0])][[0, -1]]
    lengths = A / cell.outer - vertices[[first, second], 0]
    found = np.log((1 - values[first]) / (1 - values[second])) / np.log(lengths[0] / lengths[1])

    def condition(p: complex) -> complex:
        across = np.tan(p * angle) if volume else p * angle
        return complex(kappa * np.cos(np.pi * p) * across + wet * np.sin(np.pi * p))

    expected = newton(condition, 0.75 + 0.1j)
    assert 0.55 < expected.real < 0.95
    assert found == pytest.approx(expected, rel=2e-3)


@pytest.mark.parametrize("form", ["lens", "wedge", "ellipse"])
def test_levels_converge_and_agree_with_the_answer_by_the_current(form: GapForm) -> None:
    cell = profile_cell(GapProfile(form=form, height=0.1 * A, floor=1e-9), axisymmetric=form != "wedge")
    problem = interface(cell)
    omega = 2 * np.pi * 3e8
    levels = [PROFILE.discretise(problem, level) for level in (0, 2, 4)]
    z = [impedance(d.problem, omega) for d in levels]
    assert abs(z[0] / z[2] - 1) > 10 * abs(z[1] / z[2] - 1)
    assert PROFILE.dual_impedance is not None
    dual = PROFILE.dual_impedance(levels[2], omega, False, levels[2].problem.solve(omega))
    assert dual == pytest.approx(z[2], rel=1e-6)
    # Energy: what the source gives is what the electrolyte dissipates; the gap only stores.
    p = levels[1].problem
    x = p.solve(omega)
    heat = np.real(p.theta(omega)[:, 0]) * p.dissipation_weights(x)
    assert p.admittance(x, omega).real == pytest.approx(heat.sum(), rel=1e-10)
    assert heat[[t.name for t in p.terms].index("gap")] == 0.0


def test_pixels_agree_with_high_order_elements_under_a_wedge() -> None:
    """A crack drawn pixel by pixel, harmonic means of its heights, against the profile."""
    wedge = GapProfile(form="wedge", height=0.1 * A, floor=2e-8)
    cell = profile_cell(wedge, axisymmetric=False, fraction=0.5)
    n = 128
    edges = np.linspace(0.0, cell.outer, n + 1)
    fine = (edges[:-1, None] + np.diff(edges)[:, None] * (np.arange(64) + 0.5) / 64) - cell.edges[0]
    height = 1.0 / np.mean(1.0 / np.where(fine > 0, wedge.distance_from_rim(fine, A), 1.0), axis=1)
    drawn = MapCell(
        size_x=cell.outer, size_y=cell.outer / 8, periodic=False,
        contact=np.tile((edges[1:] <= cell.edges[0] * (1 + 1e-9)).astype(float), (n // 8, 1)),
        gap_height=np.tile(height, (n // 8, 1)),
    )  # fmt: skip
    for f in (1e6, 3e8):
        exact = impedance(PROFILE.discretise(interface(cell), 4).problem, 2 * np.pi * f)
        pixels = impedance(PLANAR.discretise(interface(drawn), 2).problem, 2 * np.pi * f)
        assert pixels == pytest.approx(exact, rel=3e-3)


# The volume -----------------------------------------------------------------------------------------------------------


def test_the_lens_is_mapped_without_error() -> None:
    """Energy of the harmonic r^2 - 2 z^2 in the cap: from the elements, and integrated over the cap itself."""
    cell = replace(profile_cell(GapProfile(form="lens", height=0.6, floor=0.0)), outer=1.25, edges=(1.0,))
    mesh = lens_mesh(build(cell, depth=2.0, rings=6, ratio=0.15, growth=3.5), cell)
    order = 8
    assembly = assemble_lens(build(cell, depth=2.0, rings=6, ratio=0.15, growth=3.5), order, cell)
    pore = mesh.quad_region == 1
    stiffness = element_stiffness(mesh, order, lens_weights(cell), 6)[pore]
    points = assembly.element_points()[pore] / mesh.unit_m
    a, rho, psi = 1.0 / 1.25, points[..., 0], -points[..., 1]
    below = a**2 + rho**2 + (a**2 - rho**2) * np.cos(psi)
    r, z = 2 * a**2 * rho / below, a * (a**2 - rho**2) * np.sin(psi) / below
    potential = (r**2 - 2 * z**2).reshape(len(points), -1)
    found = np.einsum("ei,eij,ej->", potential, stiffness, potential)
    h = 0.6 / 1.25
    sphere = (a**2 + h**2) / (2 * h)

    def slice_energy(x: float) -> float:
        top = math.sqrt(sphere**2 - x**2) - (sphere - h)
        return 2 * math.pi * x * (4 * x**2 * top + 16 * top**3 / 3)

    assert found == pytest.approx(quad(slice_energy, 0, a, epsrel=1e-11)[0], rel=1e-7)


def test_the_volume_agrees_with_triangles() -> None:
    """Electrolyte and lens as plain triangles with quadratic potentials (scikit-fem), straight sides, weight r."""
    from skfem import Basis, BilinearForm, ElementTriP2, MeshTri, condense, solve
    from skfem.helpers import dot, grad

    cell = replace(profile_cell(GapProfile(form="lens", height=0.5, floor=0.0)), outer=1.25, edges=(1.0,))
    base = build(cell, depth=1.5, rings=6, ratio=0.25, growth=2.5)
    mesh = lens_mesh(base, cell)
    n, a = 4, 1.0 / 1.25
    u, v = np.meshgrid(np.linspace(0, 1, n + 1), np.linspace(0, 1, n + 1), indexing="ij")
    p = mesh.vertices[mesh.quads]
    shape = [(1 - u) * (1 - v), u * (1 - v), u * v, (1 - u) * v]
    points = sum(s[None, ..., None] * p[:, None, None, k] for k, s in enumerate(shape)).reshape(-1, 2)
    psi = np.where(points[:, 1] < -1e-12, -points[:, 1], 0.0)
    rho = points[:, 0].copy()
    rim, inside = a - rho < 1e-12, points[:, 1] < -1e-12
    below = a**2 + rho**2 + (a**2 - rho**2) * np.cos(psi)
    curved = np.column_stack([2 * a**2 * rho / below, -a * (a**2 - rho**2) * np.sin(psi) / below])
    curved[rim] = [a, 0.0]
    points = np.where(inside[:, None], curved, points)
    local = (np.arange(n)[:, None] * (n + 1) + np.arange(n)).ravel()
    squares = (np.arange(len(p))[:, None] * (n + 1) ** 2 + local).ravel()
    corners = np.concatenate([
        np.stack([squares, squares + n + 1, squares + n + 2], -1), np.stack([squares, squares + n + 2, squares + 1], -1)
    ])  # fmt: skip
    region = np.tile(np.repeat(mesh.quad_region, n * n), 2)
    _, index, number = np.unique(np.round(points, 9), axis=0, return_index=True, return_inverse=True)
    corners = number.reshape(-1)[corners]
    proper = (np.diff(np.sort(corners, axis=1), axis=1) > 0).all(axis=1)
    triangles = MeshTri(np.ascontiguousarray(points[index].T), np.ascontiguousarray(corners[proper].T))
    basis = Basis(triangles, ElementTriP2(), intorder=5)
    electrolyte = np.flatnonzero(region[proper] == 0)
    blocks = [
        BilinearForm(lambda x, y, w: 2 * np.pi * w.x[0] * dot(grad(x), grad(y))).assemble(b)
        for b in (
            Basis(triangles, ElementTriP2(), elements=electrolyte, intorder=5),
            Basis(triangles, ElementTriP2(), elements=np.flatnonzero(region[proper] == 1), intorder=5),
        )
    ]
    x, z = basis.doflocs
    h = 0.5 / 1.25
    sphere = (a**2 + h**2) / (2 * h)
    on_cap = (z < -1e-9) & (np.hypot(x, z - (sphere - h)) > sphere * (1 - 0.01)) & (z < 0)
    facet_dofs = basis.get_dofs(triangles.boundary_facets()).all()
    boundary = np.zeros(len(x), bool)
    boundary[facet_dofs] = True
    metal = boundary & ((on_cap & (x > 1e-9)) | (on_cap & (z < -0.9 * h)) | ((np.abs(z) < 1e-9) & (x > a - 1e-9)))
    ground = boundary & (z > z.max() - 1e-9)
    mine = assemble_lens(base, 6, cell)
    for gap in (0.05j, 2j):
        matrix = (blocks[0] + gap * blocks[1]).tocsc()
        start = np.zeros(len(x), complex)
        start[metal] = 1.0
        found = solve(*condense(matrix, x=start, D=np.flatnonzero(metal | ground)))
        y = found @ (matrix @ found)
        bulk = Conductor(conductivity=Activated(value=1.0), permittivity=0.0)
        terms = (
            Term(name="electrolyte", role="electrolyte", law=bulk, matrix=mine.matrices["electrolyte"] / cell.outer),
            Term(name="gap", role="gap", law=Gap(thickness_m=epsilon_0), matrix=mine.matrices["gap"] / cell.outer),
        )
        problem = Problem(terms, mine.area, 298.15)
        mine_y = problem.admittance(problem.solve(gap.imag), gap.imag)
        assert y == pytest.approx(mine_y, rel=1e-3)


def test_the_thin_gap_law_is_good_to_second_order() -> None:
    """The statement of README.md: 1 % of R_int up to h/a = 0.13 (15 deg) by heights, 0.23 (26 deg) along arcs."""
    small, twice, limit, beyond = thin_gap_errors([0.05, 0.1, 0.13, 0.15])
    assert twice.impedance / small.impedance == pytest.approx(4.0, rel=0.05)
    assert twice.C_int / small.C_int == pytest.approx(4.0, rel=0.05)
    assert twice.C_int == pytest.approx(-0.011, rel=0.05)
    assert (1 + twice.C_int) * (1 + twice.apex_frequency) == pytest.approx(1.0)
    assert limit.impedance < 0.01 < beyond.impedance
    assert limit.contact_angle_deg == pytest.approx(math.degrees(2 * math.atan(0.13)))
    (arc,) = thin_gap_errors([0.23], law="arc")
    assert 0.008 < arc.impedance < 0.01


@pytest.mark.parametrize(("heights", "more"), [([0.0], {}), ([1.1], {}), ([0.1], {"contact_fraction": 1.0})])
def test_lenses_that_cannot_be_have_no_error(heights: list[float], more: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="contact_fraction" if more else "heights"):
        thin_gap_errors(heights, **more)


def test_only_one_lens_is_meshed_as_a_volume() -> None:
    cell = profile_cell(GapProfile(form="wedge", height=1e-6, floor=0.0))
    with pytest.raises(InputError, match="lens"):
        lens_mesh(build(cell, depth=3 * A), cell)


# Case files -----------------------------------------------------------------------------------------------------------


def test_the_case_of_lens_pores_agrees_with_one_pore_in_a_flux_tube() -> None:
    """Pixels under a hexagonal array, elements in the tube of the same area: 1 %; C_int within what 1/d spans."""
    array = aspot.simulate(aspot.load(CASES / "lens_pores.toml"))
    tube = aspot.simulate(array.cell.with_(**{"working_electrode.morphology.arrangement": "single"}))
    assert (array.backend, tube.backend) == ("planar", "axisymmetric")
    assert array.contact_fraction == tube.contact_fraction == 0.3
    assert array.resistances.int_ == pytest.approx(tube.resistances.int_, rel=0.01)
    assert array.arc is not None
    assert tube.arc is not None
    assert array.arc.C_int_F_per_cm2 == pytest.approx(tube.arc.C_int_F_per_cm2, rel=0.01)
    # More than plates at the greatest height; about the whole integral of 1/d, as for gaps of one height.
    cell = tube.cell.working_electrode.unit_cell(1.0)
    assert isinstance(cell, ProfileCell)
    assert cell.gap_profile is not None
    area = math.pi * cell.outer**2
    plates = epsilon_0 * 0.7 / cell.gap_profile.apex(20e-6) * 1e-4
    whole = epsilon_0 * closed_capacitance(cell.gap_profile, 20e-6, axisymmetric=True) / area * 1e-4
    assert plates < 0.8 * whole < tube.arc.C_int_F_per_cm2 < 1.25 * whole


def test_pixels_of_an_array_are_within_their_error() -> None:
    keys = {"kind": "pores", "arrangement": "square", "radius": "10 um", "contact_fraction": 0.4}
    rough, fine = (aspot.simulate(electrode(keys, LENS, relative_tolerance=t)) for t in (1e-3, 5e-5))
    z, better = rough.spectrum.impedance_ohm_cm2, fine.spectrum.impedance_ohm_cm2
    assert np.all(np.abs(z / better - 1) < rough.relative_error_estimate + fine.relative_error_estimate)


def test_maps_of_current_know_the_shape() -> None:
    """Low frequency, a lens: 1/d rises fivefold from the middle to 0.9 a, more than the potential under it falls."""
    keys = {"kind": "pores", "arrangement": "square", "radius": "10 um", "contact_fraction": 0.4}
    result = aspot.simulate(electrode(keys, LENS, relative_tolerance=1e-3))
    density = {}
    for gap in ("lens", "flat"):
        if gap == "flat":
            result = aspot.simulate(electrode(keys, {"thickness": "0.5 um"}, relative_tolerance=1e-3))
        m = current_map(result, 1e5, pixel_m=2.5e-7)
        first, outer = np.abs(m.current_density_A_m2[0, [0, int(9e-6 / m.pixel_m[1])]])
        density[gap] = outer / first
    assert density["flat"] < 1.0 < 1.5 < density["lens"] < 5.3


def test_meshed_grains_need_gaps_of_one_height() -> None:
    square = {"kind": "pores", "arrangement": "square", "radius": "10 um", "contact_fraction": 0.4}
    grains = {"model": "explicit", "grain_size": "20 um", "resistance": "0.01 ohm cm^2", "capacitance": "10 uF/cm^2"}
    with pytest.raises(InputError, match=r"gaps of one height; leave out working_electrode\.gap\.shape"):
        electrode(square, LENS).with_(**{"electrolyte.grain_boundaries": grains})


def test_a_crack_and_random_pores_are_solved() -> None:
    crack = aspot.simulate(
        electrode(
            {"kind": "strips", "width": "10 um", "contact_fraction": 0.3},
            {"shape": "wedge", "contact_angle": 5, "thickness": "5 nm"},
        )
    )
    assert crack.backend == "axisymmetric"
    assert crack.relative_error_estimate < 1e-4
    unequal = {
        "kind": "pores", "arrangement": "random", "radius": "5 um", "radius_distribution": "log-normal",
        "radius_spread": 1.3, "contact_fraction": 0.6, "count": 8,
    }  # fmt: skip
    pores = aspot.simulate(
        electrode(unequal, {"shape": "lens", "contact_angle": "10 deg", "thickness": "5 nm"}, relative_tolerance=5e-3)
    )
    assert pores.backend == "planar"
    assert pores.arc is not None


def test_a_filling_that_insulates_is_the_gaps_permittivity() -> None:
    """All of the gap: the same law. Half of it: plates in series, 1/(0.5/20 + 0.5/1) of the vacuum's capacitance."""
    base = electrode(PORES, LENS)
    filled, stated = (
        aspot.simulate(base.with_(**{f"working_electrode.gap.{key}": value}))
        for key, value in (("filling", {"permittivity": 20}), ("permittivity", 20))
    )
    np.testing.assert_allclose(filled.spectrum.impedance_ohm_cm2, stated.spectrum.impedance_ohm_cm2, rtol=1e-12)
    half = base.with_(**{"working_electrode.gap.filling": {"permittivity": 20, "share": 0.5}}).working_electrode
    empty = base.working_electrode.gap_law()
    law = half.gap_law()
    assert law is not None
    assert empty is not None
    assert complex(law(1e6, 300)) == pytest.approx(complex(empty(1e6, 300)) / (0.5 / 20 + 0.5), rel=1e-12)


def test_a_filling_that_conducts_carries_current_and_takes_its_share() -> None:
    empty = aspot.simulate(electrode(PORES, LENS))
    liquid = {"permittivity": 20, "conductivity": "0.01 mS/cm"}
    filled = aspot.simulate(electrode(PORES, LENS | {"filling": liquid}))
    assert filled.resistances.int_ < empty.resistances.int_
    assert 0.0 < filled.resistances.parts["gap"] < filled.resistances.int_
    assert sum(filled.resistances.parts.values()) == pytest.approx(filled.resistances.total, rel=1e-9)
    low, high = filled.resistances.total_interval  # type: ignore[misc]
    assert low <= filled.resistances.total <= high
    assert high - low < 1e-5 * low
    # A vacuum layer above it blocks: the resistance is that of the empty pore.
    half = aspot.simulate(electrode(PORES, LENS | {"filling": liquid | {"share": 0.5}}))
    assert half.resistances.int_ == pytest.approx(empty.resistances.int_, rel=1e-9)


WRONG: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    (PORES, {"thickness": "5 nm", "height": "1 um"}, "gap.height = 1e-06 m: needs shape"),
    (PORES, {"thickness": "5 nm", "shape": "lens"}, "needs either height or contact_angle"),
    (PORES, LENS | {"contact_angle": 10}, "needs either height or contact_angle"),
    (PORES, LENS | {"height": "11 um"}, "gap.height = 1.1e-05 m: a lens of half width 1e-05 m"),
    (PORES, LENS | {"height": "4 nm"}, "must be above thickness"),
    (PORES, {"thickness": "5 nm", "shape": "lens", "contact_angle": "91 deg"}, "between 0.01 and 90 deg"),
    (PORES, {"thickness": "5 nm", "shape": "lens", "contact_angle": "1 rad"}, "between 0.01 and 90 deg"),
    (PORES, {"thickness": "1 um", "shape": "lens", "contact_angle": 1}, "above gap.thickness"),
    (PORES, {"thickness": "5 nm", "shape": "ellipse", "contact_angle": 30}, "meets the electrolyte at 90 deg"),
    (PORES, {"thickness": "5 nm", "shape": "crack", "height": "1 um"}, "gap.shape = 'crack'"),
    (PORES | {"kind": "spots"}, LENS, "gap.shape = 'lens': only round pores"),
    (PORES | {"shape": "annulus", "inner_radius": "5 um"}, LENS, "only round pores"),
    (
        {"kind": "pores", "arrangement": "random", "radius": "5 um", "radius_distribution": "log-normal",
         "radius_spread": 1.3, "contact_fraction": 0.6, "count": 8},
        LENS, "unequal size need contact_angle",
    ),
    (PORES, LENS | {"filling": {"permittivity": 5, "height": "1 nm"}}, "filling.height"),
    (PORES, {"thickness": "5 nm", "filling": {"permittivity": 5, "height": "6 nm"}}, "must not exceed thickness"),
    (PORES, LENS | {"filling": {"permittivity": 5, "share": 0.5, "height": "2 nm"}}, "either share or height"),
]  # fmt: skip


@pytest.mark.parametrize(("morphology", "gap", "message"), WRONG)
def test_shapes_that_cannot_be_are_refused(morphology: dict[str, Any], gap: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        electrode(morphology, gap)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"form": "lens"}, "height"),
        ({"form": "lens", "height": -1.0}, "height"),
        ({"form": "lens", "contact_angle": 2.0}, "contact_angle"),
        ({"form": "ellipse", "contact_angle": 0.5}, "contact_angle"),
        ({"form": "lens", "height": 1.0, "floor": -1.0}, "floor"),
    ],
)
def test_profiles_that_cannot_be_are_refused(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        GapProfile(**({"floor": 0.0} | keys))


@pytest.mark.parametrize("backend", ["surface", "tetrahedra"])
def test_backends_without_heights_refuse(backend: Literal["surface", "tetrahedra"]) -> None:
    square = {"kind": "pores", "arrangement": "square", "radius": "10 um", "contact_fraction": 0.4}
    cell = electrode(square, LENS).working_electrode.unit_cell(1.0)
    assert not BACKENDS[backend].accepts(cell)
    assert BACKENDS[backend].accepts(replace(cell, gap_profile=None))
    with pytest.raises(InputError, match=r"numerics\.backend"):
        electrode(square, LENS, backend=backend)


def test_the_shape_is_no_law_that_could_be_varied() -> None:
    """But what fills the gap is."""
    solved = Family(aspot.simulate(electrode(PORES, LENS, relative_tolerance=1e-3)))
    for key, value in (("contact_angle", 5), ("height", "2 um"), ("thickness", "6 nm")):
        changes = {f"working_electrode.gap.{key}": value}
        if key == "contact_angle":
            changes["working_electrode.gap.height"] = None  # type: ignore[assignment]
        with pytest.raises(InputError, match=f"gap.{key}.*changes the geometry"):
            solved.spectrum(**changes)
    oil = {"working_electrode.gap.permittivity": 2.0}
    exact = aspot.simulate(electrode(PORES, LENS).with_(**oil)).spectrum
    np.testing.assert_allclose(solved.spectrum(**oil).impedance_ohm_cm2, exact.impedance_ohm_cm2, rtol=1e-2)
