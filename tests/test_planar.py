"""The planar backend: rims between pixels, exact modes below, and agreement with the finite elements.

Theory: the slab below a plane is diagonal in cosines or plane waves, so that only the pixels have an error. Next to
rims it is that of a shift of the rim by a small part of a pixel (`aspot.fem.planar_network`), else of second order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from samples import error_left_of_guess
from scipy.constants import epsilon_0

from aspot.discretise import PLANAR, SURFACE, TETRAHEDRA
from aspot.discretise.planar import grid, problem_on
from aspot.errors import ConvergenceError, InputError
from aspot.fem.planar import bounding_inverse, solve
from aspot.fem.planar_network import Transform
from aspot.field import Field
from aspot.field_plot import field_picture
from aspot.interface import InterfaceProblem, Layer
from aspot.laws import Activated, Conductor, Gap, ResistorCapacitor
from aspot.mesh.planar import PixelGrid, from_map, from_shapes
from aspot.morphology.unit_cell import Annulus, BoxCell, Disc, Ellipse, MapCell, Shape, Square
from aspot.plan import backend_of
from aspot.reduction import reduce

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]


def conductor(sigma: float = 1.0, permittivity: float = 1.0) -> Conductor:
    """A conductor and dielectric [S/m]."""
    return Conductor(conductivity=Activated(value=sigma), permittivity=permittivity)


def law(y: float, capacitance: float = 0.0) -> ResistorCapacitor:
    """Resistance and capacitance side by side, per area."""
    return ResistorCapacitor(conductance=Activated(value=y), cpe_prefactor=capacitance, cpe_exponent=1.0)


def on(cell: BoxCell | MapCell, **changes: object) -> InterfaceProblem:
    """An interface on a slab of unit conductivity and depth."""
    given: dict[str, object] = {"depth_m": 1.0, "electrolyte": conductor(), "temperature_K": 300.0}
    return InterfaceProblem(cell=cell, **(given | changes))  # type: ignore[arg-type]


def impedance(interface: InterfaceProblem, level: int, omega: float) -> tuple[complex, float]:
    """Extrapolated impedance [ohm m2] and its error as a simulation takes it."""
    at, found = np.array([omega]), []
    for n in (level - 1, level):
        discrete = PLANAR.discretise(interface, n)
        found.append((discrete, reduce(discrete.problem, np.array([omega + 1e-3]), tolerance=1e-8)))
    z = [complex(reduced.impedance(at)[0]) for _, reduced in found]
    weight, safety = PLANAR.extrapolation(level)
    assert PLANAR.resolution_error is not None
    unseen = float(PLANAR.resolution_error(*found[1], at)[0])
    return z[1] + weight * (z[1] - z[0]), safety * abs(z[1] - z[0]) + unseen


def random_discs(n: int, fraction: float, seed: int, *, periodic: bool) -> BoxCell:
    """Equal discs that do not touch in a cell of side 1, clipped by its mirror planes or repeated."""
    random, radius = np.random.default_rng(seed), float(np.sqrt(fraction / n / np.pi))
    places: list[Real] = []
    while len(places) < n:
        new = random.random(2)
        steps = [np.abs(new - p) for p in places]
        if all(np.hypot(*(np.minimum(s, 1 - s) if periodic else s)) > 2.2 * radius for s in steps):
            places.append(new)
    shapes = tuple(Disc(x=float(x), y=float(y), radius=radius) for x, y in places)
    return BoxCell(size_x=1.0, size_y=1.0, shapes=shapes, contact_inside=True, periodic=periodic)


# Pixels ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(40, 63), (7, 9)])
def test_areas_of_shapes_are_exact_wherever_they_lie(shape: tuple[int, int]) -> None:
    """Parts of pixels add up to the areas of discs, ellipses, squares and rings, across the sides that repeat."""
    shapes = (
        Disc(x=0.05, y=0.3, radius=0.13),
        Ellipse(x=0.6, y=0.68, semi_axis_x=0.11, semi_axis_y=0.06),
        Square(x=0.97, y=0.55, side=0.1),
        Annulus(x=0.45, y=0.35, inner_radius=0.05, radius=0.1),
    )
    areas = [np.pi * 0.13**2, np.pi * 0.11 * 0.06, 0.01, np.pi * (0.1**2 - 0.05**2)]
    for s, area in zip(shapes, areas, strict=True):
        cell = BoxCell(size_x=1.0, size_y=0.7, shapes=(s,), contact_inside=True, periodic=True)
        covered = from_shapes(cell, shape).contact
        assert covered.mean() * 0.7 == pytest.approx(area, rel=1e-12)
        pores = from_shapes(replace(cell, contact_inside=False), shape).contact
        np.testing.assert_allclose(covered + pores, 1.0, rtol=1e-14)
    # A quarter between two mirror planes.
    corner = BoxCell(size_x=1.0, size_y=0.7, shapes=(Disc(x=1.0, y=0.0, radius=0.3),), contact_inside=True)
    assert from_shapes(corner, shape).contact.mean() * 0.7 == pytest.approx(np.pi * 0.09 / 4, rel=1e-12)


def test_overlapping_shapes_count_once() -> None:
    """The union of two discs, whose lens has a known area."""
    a, d = 0.13, 0.1
    discs = (Disc(x=0.4, y=0.5, radius=a), Disc(x=0.5, y=0.5, radius=a))
    lens = 2 * a**2 * np.arccos(0.5 * d / a) - 0.5 * d * np.sqrt(4 * a**2 - d**2)
    cell = BoxCell(size_x=1.0, size_y=1.0, shapes=discs, contact_inside=True)
    contact = from_shapes(cell, (90, 90)).contact
    assert contact.max() <= 1.0
    assert contact.mean() == pytest.approx(2 * np.pi * a**2 - lens, rel=1e-4)


@pytest.mark.parametrize("factor", [-4, -3, -2, 2, 3])
def test_maps_keep_their_contact_area_and_their_gap_capacitance(factor: int) -> None:
    """Blocks and divided pixels hold the same contact and, as capacitors side by side, the same gap."""
    random = np.random.default_rng(2)
    contact = np.clip(random.normal(0.2, 0.6, (24, 30)), 0.0, 1.0)
    height = random.uniform(1e-8, 5e-7, (24, 30))
    cell = MapCell(size_x=3.0, size_y=2.4, contact=contact, gap_height=height)
    made = from_map(cell, factor, 1e-7)
    assert made.contact.mean() == pytest.approx(contact.mean(), rel=1e-12)
    assert made.gap_weight is not None
    if factor < 0 or set(np.unique(contact)) <= {0.0, 1.0}:
        per_area = np.mean(made.gap_weight * (1.0 - made.contact))
        assert per_area == pytest.approx(np.mean(1e-7 / height * (1.0 - contact)), rel=1e-12)


# The matrices ---------------------------------------------------------------------------------------------------------

LAWS: dict[str, dict[str, object]] = {
    "ideal": {},
    "gap": {"gap": law(0.1, 3.0)},
    "contact": {"contact": law(5.0, 0.1)},
    "all": {
        "contact": law(5.0, 0.1),
        "gap": law(0.1, 3.0),
        "counter": law(2.0, 0.3),
        "layers": (
            Layer(name="film", thickness_m=0.03, law=conductor(0.01)),
            Layer(name="sheet", thickness_m=0.05, law=conductor(30.0)),
        ),
    },
}


@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("name", LAWS)
def test_maps_are_those_of_symmetric_positive_matrices_and_solved(name: str, periodic: bool) -> None:
    """Column by column: A_q = A_q^T >= 0; solutions, energies and bounding inverse are those of the dense matrices."""
    interface = on(random_discs(3, 0.2, 0, periodic=periodic), **LAWS[name])
    p = problem_on(interface, from_shapes(interface.cell, (8, 9)))  # type: ignore[arg-type]
    n = p.n_free
    dense = np.stack([p.images(column) for column in np.eye(n + 1)], axis=2)
    for matrix in dense:
        size = np.abs(matrix).max()
        assert np.abs(matrix - matrix.T).max() < 1e-13 * size
        assert np.linalg.eigvalsh(matrix)[0] > -1e-12 * size
    # Nothing flows at one potential but to the ground; exact diagonals where plane waves make all pixels alike.
    diagonal = np.einsum("qii->qi", dense)[:, :-1]
    assert np.abs(p.diagonals() - diagonal).max() < (1e-12 if periodic else 0.2) * np.abs(diagonal[0]).max()
    for omega in (0.0, 2.0):
        theta = p.theta(omega)[:, 0]
        a = np.tensordot(theta, dense, 1)
        exact = np.append(np.linalg.solve(a[:n, :n], -a[:n, n]), 1.0)
        x = p.solve(omega)
        assert np.abs(x - exact).max() < 1e-5
        assert p.admittance(x, omega) == pytest.approx(complex(exact @ a @ exact), rel=1e-8)
        np.testing.assert_allclose(p.energies(x), np.einsum("i,qij,j->q", x, dense, x), rtol=1e-6)
        np.testing.assert_allclose(
            p.dissipation_weights(x), np.real(np.einsum("i,qij,j->q", x.conj(), dense, x)), rtol=1e-6
        )
    weights = np.abs(theta) + 0.01
    bound = bounding_inverse(p.network, weights)(np.eye(n))
    inverse = np.linalg.inv(np.tensordot(weights, dense, 1)[:n, :n])
    np.testing.assert_allclose(bound, 1.001 * inverse, atol=2e-5 * np.abs(inverse).max())


def test_what_conducts_nowhere_is_said() -> None:
    """No contact and an insulating gap at direct current: no current, no solution."""
    interface = on(MapCell(size_x=1.0, size_y=1.0, contact=np.zeros((8, 8))), gap=Gap(thickness_m=1e-8))
    p = problem_on(interface, grid(interface, 0))
    with pytest.raises(ConvergenceError, match="nothing conducts"):
        p.solve(0.0)
    with pytest.raises(InputError, match="gap_height"):
        grid(replace(interface, gap=law(1.0), cell=replace(interface.cell, gap_height=np.ones((8, 8)))), 0)  # type: ignore[arg-type, type-var]


# Closed forms ---------------------------------------------------------------------------------------------------------


def strip(width: float, place: float, n: int) -> PixelGrid:
    """A strip of contact of a pitch of 1, its middle anywhere, on n pixels."""
    edges = np.arange(n + 1) / n
    parts = [np.diff(np.clip(edges, place - 0.5 * width + k, place + 0.5 * width + k)) * n for k in (-1.0, 0.0, 1.0)]
    contact = np.tile(np.sum(parts, axis=0), (4, 1))
    return PixelGrid(size_x=1.0, size_y=4.0 / n, periodic=True, contact=contact)


@pytest.mark.parametrize("n", [64, 200])
def test_rims_of_strips_are_where_they_belong_whatever_the_pixels(n: int) -> None:
    """R_cc of strips, ln(1 / sin(pi a / 2 b)) / (pi kappa): rims within 0.002 pixels, wherever between two rows."""
    for width, place in [(0.25, 0.5), (0.2617, 0.401), (0.333, 0.1), (0.5, 0.77), (0.7071, 0.3)]:
        interface = on(MapCell(size_x=1.0, size_y=4.0 / n, contact=np.ones((4, n))), depth_m=4.0)
        p = problem_on(interface, strip(width, place, n))
        constriction = float(np.real(p.area_m2 / p.admittance(p.solve(0.0), 0.0))) - 4.0
        # Cut at a depth of 4 pitches the strip is free of its end: R_cc per width of one pitch.
        found = 2.0 / np.pi * np.arcsin(np.exp(-np.pi * constriction))
        assert abs(found - width) * n / 2 < 0.3 / n + 0.002


def test_layers_without_pattern_are_slabs_in_series() -> None:
    """Full contact over layers: sum of t / kappa, contact and counter laws, at any frequency; exactly."""
    layers = (
        Layer(name="film", thickness_m=1e-3, law=conductor(1e-3)),
        Layer(name="b", thickness_m=0.2, law=conductor(7.0)),
    )
    interface = on(
        MapCell(size_x=1.0, size_y=1.0, contact=np.ones((16, 16))),
        layers=layers,
        contact=law(3.0, 0.5),
        counter=law(2.0, 1.0),
    )
    p = problem_on(interface, grid(interface, 1))
    for omega in (0.0, 1.7, 1e3):
        kappa = [
            law_(np.array([omega]), 300.0)[0]
            for law_ in (layers[0].law, layers[1].law, conductor(), law(3.0, 0.5), law(2.0, 1.0))
        ]
        exact = 1e-3 / kappa[0] + 0.2 / kappa[1] + 1.0 / kappa[2] + 1.0 / kappa[3] + 1.0 / kappa[4]
        assert p.area_m2 / p.admittance(p.solve(omega), omega) == pytest.approx(exact, rel=1e-12)


def test_gap_heights_weight_the_law_pixel_by_pixel() -> None:
    """Thin gaps of any height under nothing but metal on a good conductor: capacitors side by side."""
    random = np.random.default_rng(3)
    height = random.uniform(1e-8, 1e-6, (16, 16))
    cell = MapCell(size_x=1.0, size_y=1.0, contact=np.zeros((16, 16)), gap_height=height)
    interface = on(cell, gap=Gap(thickness_m=5e-8, permittivity=2.0), electrolyte=conductor(1e3))
    p = problem_on(interface, grid(interface, 0))
    omega = 10.0
    z = p.area_m2 / p.admittance(p.solve(omega), omega)
    capacitance = epsilon_0 * 2.0 * np.mean(1.0 / height)
    assert z == pytest.approx(1.0 / (1j * omega * capacitance) + 1e-3, rel=1e-6)


@pytest.mark.parametrize(("fraction", "psi"), [(0.01, 0.860257), (0.09, 0.589203), (0.25, 0.344791)])
def test_square_array_of_discs_converges_to_the_published_constriction(fraction: float, psi: float) -> None:
    """R_cc = psi / (4 kappa a) per disc; the error is below the estimate and falls as h^2 until rims stop it."""
    radius = float(np.sqrt(fraction / np.pi))
    cell = BoxCell(size_x=0.5, size_y=0.5, shapes=(Disc(x=0.0, y=0.0, radius=radius),), contact_inside=True)
    interface = on(cell, depth_m=3.0)
    exact = psi / (4.0 * radius)
    errors = []
    for level in (1, 2, 3):
        z, estimate = impedance(interface, level, 0.0)
        errors.append(abs(z.real - 3.0 - exact))
        assert errors[-1] < estimate + 2e-6 * exact
    assert errors[2] < 6e-4 * exact


# Finite elements ------------------------------------------------------------------------------------------------------


def morphology(seed: int) -> tuple[InterfaceProblem, float]:
    """A random array that the surface backend solves to many digits, and a frequency."""
    random = np.random.default_rng(seed)
    hexagonal = bool(seed % 2)
    a = float(random.uniform(0.08, 0.42))
    kinds: tuple[Shape, ...] = (
        Disc(x=0.0, y=0.0, radius=a),
        Annulus(x=0.0, y=0.0, inner_radius=0.5 * a, radius=a),
        Ellipse(x=0.0, y=0.0, semi_axis_x=a, semi_axis_y=a * float(random.uniform(0.6, 1.0))),
        Square(x=0.0, y=0.0, side=1.6 * a),
    )
    # Ellipses and squares have no wedge of symmetry: hexagonal arrays of them are slow on the other side.
    shape = kinds[seed // 2 % (2 if hexagonal else 4)]
    is_spot = bool(random.random() < 0.7) or isinstance(shape, Annulus)
    cell = BoxCell(size_x=0.5, size_y=0.5, shapes=(shape,), contact_inside=is_spot)
    if hexagonal:
        height = 0.5 * np.sqrt(3.0)
        cell = replace(cell, size_y=height, shapes=(shape, replace(shape, x=0.5, y=height)))
    changes: dict[str, object] = {"depth_m": float(random.uniform(0.1, 1.0))}
    if random.random() < 0.4:
        changes["contact"] = law(float(10 ** random.uniform(-1, 3)), float(10 ** random.uniform(-2, 1)))
    if random.random() < 0.6:
        changes["gap"] = law(1e-9, float(10 ** random.uniform(-1, 2)))
    # With more planes of unknowns shapes without a wedge of symmetry are slow on the other side.
    if random.random() < 0.5 and isinstance(shape, Disc):
        film = Layer(
            name="film",
            thickness_m=float(10 ** random.uniform(-3, -1)),
            law=conductor(float(10 ** random.uniform(-3, 0))),
        )
        changes["layers"] = (film,)
    if random.random() < 0.3 and isinstance(shape, Disc):
        changes["counter"] = law(float(10 ** random.uniform(-1, 2)), 0.1)
    return on(cell, **changes), float(random.choice([0.0, 10 ** random.uniform(-2, 2)]))


def bare(interface: InterfaceProblem, omega: float) -> complex:
    """Impedance of the slab alone [ohm m2]."""
    at = np.array([omega])
    z = interface.depth_m / interface.electrolyte(at, 300.0)[0]
    return complex(z + sum(layer.thickness_m / layer.law(at, 300.0)[0] for layer in interface.layers))


@pytest.mark.parametrize("seed", range(36))
def test_random_arrays_agree_with_finite_elements_within_both_error_bars(seed: int) -> None:
    """Pixels against high-order elements on the plane: nothing in common but the physics."""
    interface, omega = morphology(seed)
    exact = []
    for level in (1, 2):
        p = SURFACE.discretise(interface, level).problem
        exact.append(p.area_m2 / p.admittance(p.solve(omega), omega))
    reference = 0.5 * abs(exact[1] - exact[0])
    z, estimate = impedance(interface, 2, omega)
    assert abs(z - exact[1]) < estimate + reference
    # The error bar is worth something.
    assert estimate < 3e-2 * abs(exact[1] - bare(interface, omega)) + 1e-3 * abs(exact[1])


def test_random_spots_agree_with_tetrahedra_within_both_error_bars() -> None:
    """Three discs anywhere between mirror planes, with a gap that carries a part of the current."""
    cell, omega = random_discs(3, 0.2, 4, periodic=False), 3.0
    interface = on(cell, depth_m=0.6, gap=law(1e-9, 0.5))
    tetrahedral = []
    for level in (0, 1):
        p = TETRAHEDRA.discretise(interface, level).problem
        tetrahedral.append(p.area_m2 / p.admittance(p.solve(omega), omega))
    z, estimate = impedance(interface, 2, omega)
    assert abs(z - tetrahedral[1]) < estimate + abs(tetrahedral[1] - tetrahedral[0])
    assert estimate < 5e-3 * abs(z)


def test_iterations_depend_neither_on_pixels_nor_on_contrast() -> None:
    """From ideal to hardly conducting contacts, gaps and films: at most a few more for sixteen times the pixels."""
    cell = random_discs(20, 0.1, 3, periodic=True)
    cases: list[tuple[dict[str, object], float]] = [({}, 0.0)]
    cases += [({"contact": law(y)}, 0.0) for y in (1e-2, 1e1, 1e3, 1e6)]
    cases += [({"gap": law(1e-9, y)}, 1.0) for y in (1e-2, 1e1, 1e3, 1e6)]
    cases += [({"gap": law(y)}, 0.0) for y in (1e-2, 1e1, 1e3, 1e6)]
    cases += [({"gap": law(1e-9, y), "contact": law(1e1)}, 1.0) for y in (1e1, 1e3, 1e6)]
    cases += [({"layers": (Layer(name="film", thickness_m=1e-2, law=conductor(s)),)}, 0.0) for s in (1e-6, 1e-2)]
    for changes, omega in cases:
        counts = []
        for n in (64, 256):
            p = problem_on(on(cell, **changes), from_shapes(cell, (n, n)))
            counts.append(solve(p.network, p.theta(omega)[:, 0])[1])
        assert max(counts) <= 25
        assert counts[1] <= counts[0] + 6


def test_gap_maps_of_three_decades_converge() -> None:
    """Admittances that vary from pixel to pixel have no uniform background; the solution must come all the same."""
    random = np.random.default_rng(0)
    contact = (random.random((64, 64)) < 0.1).astype(float)
    cell = MapCell(size_x=1e-4, size_y=1e-4, contact=contact, gap_height=10 ** random.uniform(-9, -6, (64, 64)))
    interface = on(cell, depth_m=1e-4, electrolyte=conductor(0.1, 30.0), gap=Gap(thickness_m=1e-7))
    p = problem_on(interface, grid(interface, 2))
    omega = 2 * np.pi * np.geomspace(1.0, 1e10, 31)
    reduced = reduce(p, omega, tolerance=1e-6)
    z = reduced.impedance(omega)
    # Gaps short-circuit the constriction, so that Z goes from above the bare slab's to it; none of it gives power.
    assert (z.real > 0).all() and (z.imag < 0).all()
    middle = 2 * np.pi * 1e6
    assert reduced.impedance(middle)[0] == pytest.approx(p.area_m2 / p.admittance(p.solve(middle), middle), rel=1e-5)


def transforms(monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]) -> float:
    """Transforms that something takes, in those of real numbers; of single precision they count half."""
    counts: list[float] = []

    def counted(of: Callable[..., Any]) -> Callable[..., Any]:
        def counting(self: Transform, values: Any, **more: Any) -> Any:
            is_real = more.get("is_real", not np.iscomplexobj(values))
            counts.append((1.0 if is_real else 2.0) * (0.5 if values.dtype.char in "fF" else 1.0))
            return of(self, values, **more)

        return counting

    with monkeypatch.context() as patch:
        for name in ("forward", "backward"):
            patch.setattr(Transform, name, counted(getattr(Transform, name)))
        work()
    return sum(counts)


@pytest.mark.parametrize("periodic", [False, True])
def test_a_spectrum_takes_less_than_eight_times_the_work_of_direct_current(
    monkeypatch: pytest.MonkeyPatch, periodic: bool
) -> None:
    """Each solution begins where the reduced basis is, and is as exact as Y, which errs by its square, asks for."""
    cell = random_discs(20, 0.05, 3, periodic=periodic)
    p = problem_on(on(cell, gap=law(1e-9, 3.0)), from_shapes(cell, (192, 192)))
    omega = np.logspace(-3, 4, 71)
    direct = transforms(monkeypatch, lambda: p.admittance(p.solve(0.0), 0.0))
    assert transforms(monkeypatch, lambda: reduce(p, omega, tolerance=1e-6)) < 8.0 * direct


@pytest.mark.parametrize("name", ["gap", "all"])
def test_guesses_are_improved_and_bad_ones_do_no_harm(name: str) -> None:
    """Even a guess that the limit accepts loses most of its error: errors of reduced bases are measured so."""
    cell = random_discs(3, 0.2, 0, periodic=True)
    p = problem_on(on(cell, **LAWS[name]), from_shapes(cell, (48, 48)))
    assert error_left_of_guess(p, 0.3) < 0.1
    noise = np.random.default_rng(0).standard_normal(p.n_free + 1).astype(complex)
    theta = p.theta(2.0)[:, 0]
    x, iterations = solve(p.network, theta, noise)
    assert iterations <= solve(p.network, theta)[1] + 1
    assert p.admittance(x, 2.0) == pytest.approx(p.admittance(p.solve(2.0), 2.0), rel=1e-9)


# Fields ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("periodic", [False, True])
def test_fields_carry_the_current_and_the_potentials_of_the_electrodes(periodic: bool) -> None:
    """The current through the far face is Y; metal is at 1 V, the far face at 0; layers join."""
    cell = random_discs(4, 0.2, 1, periodic=periodic)
    layers = (Layer(name="film", thickness_m=0.02, law=conductor(0.2)),)
    interface = on(cell, layers=layers, gap=law(1e-9, 0.3))
    discrete = PLANAR.discretise(interface, 1)
    for omega in (0.0, 5.0):
        x = discrete.problem.solve(omega)
        admittance = discrete.problem.admittance(x, omega)
        field: Field = PLANAR.field(discrete, x, omega, 1.0)
        z, total = field.points_m[:, 2], float(field.points_m[:, 2].max())
        assert total == pytest.approx(1.02)
        bottom = z == total
        assert np.abs(field.potential_V[bottom]).max() < 1e-12
        # Uniform at the bottom but for the slowest mode, exp(-2 pi) or exp(-pi) of it.
        at_bottom = field.current_density_A_m2[bottom][:, 2].mean()
        assert at_bottom == pytest.approx(admittance, rel=2e-2)
        assert np.abs(field.potential_V[z == 0.0]).max() == pytest.approx(1.0, abs=1e-6)
        assert field.cut is not None and field.cut.is_mirrored != periodic
        assert set(field.regions) == {"film", "electrolyte"}
        # In a contact of the cut the potential is that of the metal.
        left, right = max(field.cut.contact_m, key=lambda pair: pair[1] - pair[0])
        on_top = field.cut.points_m[:, 1] == 0.0
        inside = on_top & (np.abs(field.cut.points_m[:, 0] - 0.5 * (left + right)) < 0.2 * (right - left))
        assert np.abs(field.cut.potential_V[inside] - 1.0).max() < 1e-9
    field_picture(field)


# Cells ----------------------------------------------------------------------------------------------------------------


def test_simulated_spectra_agree_with_the_surface_backend_within_the_tolerance() -> None:
    """The same case with both backends, at every frequency, and every part of the resistance."""
    from aspot.cell import Cell
    from aspot.simulation import simulate

    def cell(backend: str, tolerance: float) -> Cell:
        return Cell(
            electrolyte={"thickness": "1 mm", "conductivity": "5 mS/cm", "permittivity": 30},
            working_electrode={
                "morphology": {
                    "kind": "spots", "shape": "disc", "arrangement": "hexagonal", "radius": "20 um",
                    "contact_fraction": 0.1,
                },
                "gap": {"thickness": "30 nm"},
                "contact": {
                    "charge_transfer_resistance": "0.1 ohm cm^2", "double_layer_capacitance": "10 uF/cm^2",
                },
            },
            frequencies={"start": "10 MHz", "stop": "10 Hz", "per_decade": 4},
            numerics={"backend": backend, "relative_tolerance": tolerance},
        )  # fmt: skip

    exact, found = simulate(cell("surface", 1e-5)), simulate(cell("planar", 1e-3))
    assert found.backend == "planar"
    assert list(found.solver["solves"]) == ["transforms"]
    assert found.solver["most_iterations"] > 0
    ratio = found.spectrum.impedance_ohm_cm2 / exact.spectrum.impedance_ohm_cm2
    assert (np.abs(ratio - 1.0) < found.error_by_frequency).all()
    for name, r in exact.resistances.parts.items():
        assert abs(found.resistances.parts[name] - r) < 1e-3 * exact.resistances.total


def test_pixels_are_chosen_where_meshes_would_be_large_or_impossible() -> None:
    """Arrays stay with the finite elements unless asked; maps, cells that repeat and many shapes are planar."""
    few, many = random_discs(2, 0.1, 0, periodic=False), random_discs(9, 0.1, 0, periodic=False)
    flat = MapCell(size_x=1.0, size_y=1.0, contact=np.ones((8, 8)))
    assert backend_of(on(few)).name in ("surface", "tetrahedra")
    assert backend_of(on(few, backend="planar")).name == "planar"
    for cell in (many, random_discs(2, 0.1, 0, periodic=True), flat):
        assert backend_of(on(cell)).name == "planar"
    assert backend_of(on(many, backend="tetrahedra")).name == "tetrahedra"
