"""The surface backend: arrays against published constrictions, two-sided bounds, conservation, and the tetrahedra."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from samples import check_conservation

from aspot import analytic
from aspot.cell import Cell
from aspot.discretise import SURFACE, TETRAHEDRA
from aspot.errors import InputError
from aspot.fem import surface as fem
from aspot.fem.problem import Problem
from aspot.field import Field
from aspot.interface import InterfaceProblem, Layer, sufficient_depth
from aspot.laws import Activated, Conductor, Gap, Law, ResistorCapacitor
from aspot.mesh import surface as mesh
from aspot.morphology.unit_cell import Annulus, BoxCell, Disc, Ellipse, Shape, Square
from aspot.plan import plan
from aspot.reduction import reduce
from aspot.simulation import simulate
from aspot.testing import reciprocity_defect


def conductor(sigma: float = 1.0, permittivity: float = 1.0) -> Conductor:
    """A conductor and dielectric [S/m]."""
    return Conductor(conductivity=Activated(value=sigma), permittivity=permittivity)


def array(shape: Shape, *, arrangement: str = "square", is_spot: bool = True, **changes: object) -> InterfaceProblem:
    """A shape in an array of pitch 1 on a slab of unit conductivity."""
    if arrangement == "square":
        cell = BoxCell(size_x=0.5, size_y=0.5, shapes=(shape,), contact_inside=is_spot)
    else:
        height = 0.5 * np.sqrt(3.0)
        shapes = (shape, replace(shape, x=0.5, y=height))
        cell = BoxCell(size_x=0.5, size_y=height, shapes=shapes, contact_inside=is_spot)
    given: dict[str, object] = {
        "depth_m": sufficient_depth(cell, 1e-9),
        "electrolyte": conductor(),
        "temperature_K": 300.0,
    }
    return InterfaceProblem(cell=cell, **(given | changes))  # type: ignore[arg-type]


def disc(radius: float) -> Disc:
    """Disc in the corner."""
    return Disc(x=0.0, y=0.0, radius=radius)


def problem(interface: InterfaceProblem, level: int) -> Problem:
    """Affine problem at a level."""
    return SURFACE.discretise(interface, level).problem


def resistance(interface: InterfaceProblem, level: int) -> float:
    """Direct-current resistance [ohm m2]."""
    p = problem(interface, level)
    return float(p.area_m2 / np.real(p.admittance(p.solve(0.0), 0.0)))


def interval(interface: InterfaceProblem, level: int, *, is_cut: bool = False) -> tuple[float, float]:
    """Guaranteed enclosure of the resistance [ohm m2]."""
    discrete = SURFACE.discretise(interface, level)
    p = discrete.problem
    low = float(p.area_m2 / np.real(p.admittance(p.solve(0.0), 0.0)))
    assert SURFACE.dual_impedance is not None
    return low, float(np.real(SURFACE.dual_impedance(discrete, 0.0, is_cut, np.ones(0))))


QUARTER = array(disc(0.1), depth_m=1.0)
QUARTER_RESISTANCE = 0.25 / 0.0866829600


def test_quarter_cell() -> None:
    """Box 0.5 x 0.5 x 1, quarter disc of radius 0.1: G = 0.0866829600 (hp elements, spectral method).

    Dirichlet's and Thomson's principles hold it in an interval whose width falls at least fivefold per level.
    """
    found = [interval(QUARTER, level) for level in range(5)]
    for low, high in found:
        assert low < QUARTER_RESISTANCE * (1 + 1e-9)
        assert high > QUARTER_RESISTANCE * (1 - 1e-9)
    widths = np.array([high - low for low, high in found]) / QUARTER_RESISTANCE
    assert np.all(widths[1:] < widths[:-1] / 5)
    assert widths[0] < 1e-2
    assert widths[4] < 2e-6


@pytest.mark.parametrize("fraction", [1e-4, 0.05, 0.4, 0.7])
@pytest.mark.parametrize("arrangement", ["square", "hexagonal"])
@pytest.mark.parametrize("is_spot", [True, False])
def test_arrays_of_discs(arrangement: str, fraction: float, is_spot: bool) -> None:
    """R_cc of square and hexagonal arrays of spots and pores against a spectral method with edge functions (1e-6)."""
    per_shape = 1.0 if arrangement == "square" else np.sqrt(3.0) / 2.0
    radius = float(np.sqrt(fraction * per_shape / np.pi))
    interface = array(disc(radius), arrangement=arrangement, is_spot=is_spot)
    exact = analytic.array_constriction(
        radius,
        1.0,
        1.0,
        lattice=arrangement,  # type: ignore[arg-type]
        pore=not is_spot,
    ).area_specific_resistance
    low, high = (r - interface.depth_m for r in interval(interface, 3))
    assert low < exact * (1 + 1e-6)
    assert high > exact * (1 - 1e-6)
    assert abs(low - exact) < 3e-5 * exact


def test_square_and_ring_and_ellipse() -> None:
    """On a half space: square 0.43392/(sigma L), ring of radii 1:2 0.2548373/(sigma a), ellipse K(k)/(2 pi sigma p).

    To leading order the surroundings of an array add what they add to a disc of radius a, if the spot is small.
    """
    radius = 1e-3
    lattice = resistance(array(disc(radius)), 3) - analytic.disc_resistance(radius, 1.0)
    square, ring = Square(x=0.0, y=0.0, side=1e-3), Annulus(x=0.0, y=0.0, inner_radius=0.5e-3, radius=1e-3)
    ellipse = Ellipse(x=0.0, y=0.0, semi_axis_x=2e-3, semi_axis_y=0.5e-3)
    for shape, exact, level, accuracy in (
        (square, 0.43392e3, 2, 3e-4),
        (ring, 0.2548373e3, 3, 1e-6),
        (ellipse, analytic.ellipse_resistance(2e-3, 5e-4, 1.0), 3, 1e-4),
    ):
        assert resistance(array(shape), level) - lattice == pytest.approx(exact, rel=accuracy)


def test_two_fans_are_as_good_as_one_wedge() -> None:
    """A disc given as an ellipse is solved on the whole rectangle of a hexagonal array, not on its 30 degree wedge."""
    ellipse = Ellipse(x=0.0, y=0.0, semi_axis_x=0.2, semi_axis_y=0.2)
    for is_spot in (True, False):
        wedge = interval(array(disc(0.2), arrangement="hexagonal", is_spot=is_spot), 3)
        whole = array(ellipse, arrangement="hexagonal", is_spot=is_spot)
        found = [interval(whole, level) for level in (0, 1, 2)]
        for low, high in found:
            assert low < wedge[1]
            assert high > wedge[0]
        assert found[2][1] - found[2][0] < 3e-4 * wedge[0]


def random_interface(rng: np.random.Generator) -> InterfaceProblem:
    """Any shape in any array with layers, resistances and depths decades apart."""
    arrangement = str(rng.choice(["square", "hexagonal"]))
    size = float(10 ** rng.uniform(-2.0, -0.4))
    shapes: list[Shape] = [disc(size)] * 4
    shapes.append(Annulus(x=0.0, y=0.0, inner_radius=size * rng.uniform(0.2, 0.9), radius=size))
    if arrangement == "square":
        shapes.append(Ellipse(x=0.0, y=0.0, semi_axis_x=size, semi_axis_y=size * rng.uniform(0.6, 1.0)))
        shapes.append(Square(x=0.0, y=0.0, side=2.0 * size))

    def resistor() -> Law | None:
        if rng.random() < 0.4:
            return None
        return ResistorCapacitor(conductance=Activated(value=10 ** rng.uniform(-3, 4)), cpe_prefactor=1.0)

    layers = tuple(
        Layer(name=name, thickness_m=10 ** rng.uniform(-5, 0.5), law=conductor(10 ** rng.uniform(-4, 3)))
        for name in ("first", "second")[: rng.choice([0, 0, 1, 2])]
    )
    return array(
        shapes[rng.integers(len(shapes))],
        arrangement=arrangement,
        is_spot=bool(rng.integers(2)),
        depth_m=10 ** rng.uniform(-1, 1.5),
        contact=resistor(),
        counter=resistor(),
        gap=Gap(thickness_m=1e-9) if rng.random() < 0.5 else None,
        layers=layers,
    )


@pytest.mark.parametrize("block", range(5))
def test_intervals_contain_the_resistance_and_shrink(block: int) -> None:
    """200 random interfaces: every interval meets that of the next level and holds it, up to rounding."""
    rng = np.random.default_rng(block)
    for _ in range(40):
        interface = random_interface(rng)
        is_cut = interface.counter is None and bool(rng.integers(2))
        assert mesh.accepts(interface.cell)  # type: ignore[arg-type]
        coarse, fine = (interval(interface, level, is_cut=is_cut) for level in (0, 1))
        rounding = 1e-9 * fine[0]
        if not is_cut:
            assert fine[1] - fine[0] < 0.5 * (coarse[1] - coarse[0]) + rounding
        assert coarse[0] <= fine[0] + rounding, interface
        assert fine[0] <= fine[1] + rounding, interface
        assert fine[1] <= coarse[1] + rounding, interface


def test_a_layer_of_the_electrolyte_itself_changes_nothing() -> None:
    """Cutting the slab at any depth into layers of one material leaves the resistance, to rounding."""
    whole = array(disc(0.2), depth_m=1.5)
    for thickness in (1e-6, 0.03, 1.2):
        layer = Layer(name="upper", thickness_m=thickness, law=conductor())
        cut = replace(whole, depth_m=1.5 - thickness, layers=(layer,))
        assert resistance(cut, 1) == pytest.approx(resistance(whole, 1), rel=1e-9)
        assert interval(cut, 1)[1] == pytest.approx(interval(whole, 1)[1], rel=1e-9)


def test_thick_layers_and_films() -> None:
    """A layer much thicker than the spacing holds the constriction alone; a resistive film is a contact resistance."""
    shape = disc(0.2)
    constriction = resistance(array(shape, depth_m=5.0), 2) - 5.0
    thick = Layer(name="layer", thickness_m=5.0, law=conductor(0.1))
    assert resistance(array(shape, depth_m=5.0, layers=(thick,)), 2) == pytest.approx(
        5.0 + 10 * (5.0 + constriction), rel=1e-6
    )
    # Across a film so thin and resistive that no current spreads in it, R = t/sigma per area of contact.
    film = Layer(name="film", thickness_m=1e-7, law=conductor(1e-7))
    contact = ResistorCapacitor(conductance=Activated(value=1.0), cpe_prefactor=1.0)
    with_film = resistance(array(shape, depth_m=5.0, layers=(film,)), 3)
    assert with_film == pytest.approx(resistance(array(shape, depth_m=5.0, contact=contact), 3), rel=1e-5)


def complex_interface() -> InterfaceProblem:
    """Every kind of term, all with phases of their own between 1e-2 and 1e8 rad/s."""
    return array(
        disc(0.1),
        depth_m=1.0,
        electrolyte=conductor(1.0, 1e9),
        layers=(Layer(name="film", thickness_m=0.02, law=conductor(0.1, 1e10)),),
        contact=ResistorCapacitor(conductance=Activated(value=50.0), cpe_prefactor=0.3, cpe_exponent=0.8),
        gap=Gap(thickness_m=1e-9),
        counter=ResistorCapacitor(conductance=Activated(value=2.0), cpe_prefactor=1.0),
    )


def test_conservation_passivity_reciprocity_and_the_three_admittances() -> None:
    """At every frequency current in = current out, Re Y >= 0, and energy, Hermitian energy and port agree."""
    p = problem(complex_interface(), 1)
    for omega in (0.0, 0.01, 1.0, 1e2, 1e4, 1e8):
        check_conservation(p, omega, dissipation=1e-7)
        assert reciprocity_defect(p, omega) < 1e-9


def test_spectrum_agrees_with_the_tetrahedra() -> None:
    """Two discretisations that share nothing but the laws: within the errors of the tetrahedra at every frequency."""
    interface = complex_interface()
    omega = np.logspace(-2, 8, 21)
    exact = reduce(problem(interface, 3), omega, tolerance=1e-8).impedance(omega)
    errors = []
    for level in (0, 1):
        p = TETRAHEDRA.discretise(interface, level).problem
        errors.append(np.abs(reduce(p, omega, tolerance=1e-7).impedance(omega) / exact - 1))
    assert errors[0].max() < 1e-2
    assert np.all(errors[1] < np.maximum(0.6 * errors[0], 3e-5))


@pytest.mark.parametrize(
    "morphology",
    [
        {"kind": "spots", "arrangement": "square", "shape": "square", "side": "20 um", "contact_fraction": 0.2},
        {"kind": "pores", "arrangement": "hexagonal", "radius": "10 um", "contact_fraction": 0.5},
        {
            "kind": "spots", "arrangement": "hexagonal", "shape": "ellipse", "semi_axes": ("20 um", "10 um"),
            "contact_fraction": 0.2,
        },
    ],
)  # fmt: skip
def test_simulations_agree_with_the_tetrahedra(morphology: dict[str, object]) -> None:
    """The same case by both backends: spectra within the sum of both error bars, R_total within the interval."""
    cell = Cell(
        electrolyte={"thickness": "200 um", "conductivity": "1 mS/cm", "permittivity": 30},
        working_electrode={
            "morphology": morphology,
            "contact": {"charge_transfer_resistance": "0.5 ohm cm^2", "double_layer_capacitance": "10 uF/cm^2"},
            "gap": {"thickness": "100 nm"},
        },
        frequencies={"start": "10 MHz", "stop": "1 Hz", "per_decade": 3},
        numerics={"relative_tolerance": 1e-3},
    )
    ours, theirs = simulate(cell), simulate(cell.with_(**{"numerics.backend": "tetrahedra"}))
    assert (ours.backend, theirs.backend) == ("surface", "tetrahedra")
    difference = np.abs(ours.spectrum.impedance_ohm_cm2 / theirs.spectrum.impedance_ohm_cm2 - 1)
    assert np.all(difference < ours.error_by_frequency + theirs.error_by_frequency)
    assert ours.resistances.total_interval is not None
    low, high = ours.resistances.total_interval
    assert low <= ours.resistances.total <= high
    assert abs(theirs.resistances.total / low - 1) < theirs.relative_error_estimate + high / low - 1
    assert high / low - 1 < 1e-3


def test_field_carries_the_current() -> None:
    """The mean of j_z over the plane is Y at every depth; the potential is 1 V under the contact, 0 V at the bottom."""
    interface = complex_interface()
    discrete = SURFACE.discretise(interface, 3)
    omega = 10.0
    x = discrete.problem.solve(omega)
    y = discrete.problem.admittance(x, omega) / discrete.problem.area_m2
    field = SURFACE.field(discrete, x, omega, 1.0)
    corners = field.points_m[field.cells]
    # Faces at the top and the bottom of every hexahedron, cut into two triangles each.
    for face in ([0, 1, 2, 3], [4, 5, 6, 7]):
        p = corners[:, face]
        halves = [p[:, [0, 1, 2]], p[:, [0, 2, 3]]]
        area = sum(0.5 * np.linalg.norm(np.cross(h[:, 1] - h[:, 0], h[:, 2] - h[:, 0]), axis=-1) for h in halves)
        current = area * field.current_density_A_m2[field.cells[:, face], 2].mean(axis=1)
        depth = p[:, 0, 2]
        for z in np.unique(depth):
            if 0.1 < z < 1.02:
                here = np.isclose(depth, z, rtol=1e-12)
                # The trapezoidal rule on the cells of a picture; far from the spot the current is uniform.
                tolerance = 3e-2 if z < 0.5 else 2e-3
                assert current[here].sum() / area[here].sum() == pytest.approx(y, rel=tolerance)
    ideal = SURFACE.discretise(array(disc(0.2), depth_m=1.0), 2)
    field = SURFACE.field(ideal, ideal.problem.solve(0.0), 0.0, 1.0)
    x_m, y_m, z_m = field.points_m.T
    under = (np.hypot(x_m, y_m) < 0.19) & (z_m == 0)
    assert under.sum() > 50
    np.testing.assert_allclose(field.potential_V[under], 1.0, rtol=1e-9)
    assert np.abs(field.potential_V[np.isclose(z_m, 1.0)]).max() < 1e-12
    assert field.cut is not None
    assert field.cut.contact_m == ((0.0, 0.2),)


def volume(field: Field) -> float:
    """Of all hexahedra, by the divergence theorem in plane: base times height, as all sides are vertical."""
    corner = field.points_m[field.cells]
    x, y = corner[:, :4, 0], corner[:, :4, 1]
    # Positive if the corners run counter-clockwise, as the format wants.
    base = 0.5 * np.sum(x * np.roll(y, -1, axis=1) - np.roll(x, -1, axis=1) * y, axis=1)
    return float(np.sum(base * (corner[:, 4, 2] - corner[:, 0, 2])))


@pytest.mark.parametrize("arrangement", ["square", "hexagonal"])
def test_field_fills_the_unit_cell(arrangement: str) -> None:
    """Copies of the wedge fill the rectangle once: the volume is that of the box, up to the chords of the mesh."""
    interface = array(disc(0.3), arrangement=arrangement, depth_m=2.0)
    discrete = SURFACE.discretise(interface, 1)
    field = SURFACE.field(discrete, discrete.problem.solve(0.0), 0.0, 1.0)
    assert isinstance(interface.cell, BoxCell)
    sides = (interface.cell.size_x, interface.cell.size_y)
    np.testing.assert_allclose(field.points_m.max(axis=0), (*sides, 2.0), rtol=1e-9)
    np.testing.assert_allclose(field.points_m.min(axis=0), 0.0, atol=1e-12)
    assert volume(field) == pytest.approx(sides[0] * sides[1] * 2.0, rel=1e-6)
    # Under the metal the potential is 1 V, around either centre.
    x, y, z = field.points_m.T
    for centre in ((0.0, 0.0), sides)[: len(interface.cell.shapes)]:
        under = (np.hypot(x - centre[0], y - centre[1]) < 0.29) & (z == 0)
        assert under.sum() > 50
        np.testing.assert_allclose(field.potential_V[under], 1.0, rtol=1e-9)


def test_modes_of_the_plane() -> None:
    """Without rims in the way the lowest modes are those of the square: k^2 = (2 pi)^2 (m^2 + n^2).

    The wedge of 45 degrees keeps cos(2 pi m x) cos(2 pi n y) + the same with x and y exchanged.
    """
    interface = array(disc(0.1))
    plane = fem.assemble_plane(mesh.build(interface.cell, rings=4), 8, 8)  # type: ignore[arg-type]
    exact = np.sort([2 * np.pi * np.hypot(m, n) for m in range(4) for n in range(m + 1)])
    np.testing.assert_allclose(plane.modes[0][:5], exact[:5], rtol=2e-6, atol=1e-12)


def test_shapes_that_overlap_the_bisector_are_left_to_the_tetrahedra() -> None:
    """`accepts` is true only where every shape stays on its own side."""
    flat = Ellipse(x=0.0, y=0.0, semi_axis_x=0.05, semi_axis_y=0.6)
    assert not mesh.accepts(array(flat, arrangement="hexagonal").cell)  # type: ignore[arg-type]
    assert mesh.accepts(array(disc(0.49)).cell)  # type: ignore[arg-type]
    square = Square(x=0.0, y=0.0, side=0.3)
    assert not mesh.accepts(array(square, arrangement="hexagonal").cell)  # type: ignore[arg-type]


def test_a_backend_that_cannot_solve_the_shapes_is_refused() -> None:
    """Asked for by name, it is an error that names the key and what is allowed; with "auto" another one is taken."""
    cell = Cell(
        electrolyte={"thickness": "1 mm", "conductivity": "1 mS/cm"},
        working_electrode={
            "morphology": {
                "kind": "spots", "arrangement": "hexagonal", "shape": "square", "side": "5 um", "contact_fraction": 0.1
            }
        },
        numerics={"backend": "surface"},
    )  # fmt: skip
    with pytest.raises(InputError, match=r"numerics.backend.*allowed: auto, tetrahedra"):
        plan(cell)
    assert plan(cell.with_(**{"numerics.backend": "auto"})).backend is TETRAHEDRA
