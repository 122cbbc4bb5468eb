"""The affine problem: exact slabs, conservation, reciprocity, passivity, limits, and refusal of what has no answer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.constants import epsilon_0
from scipy.sparse import csr_array

from aspot.errors import ConvergenceError
from aspot.fem.problem import Problem, Term
from aspot.fem.profile import ProfileAssembly, assemble
from aspot.laws import Activated, BrickLayer, Conductor, Gap, Law, ResistorCapacitor, Series
from aspot.mesh.profile import ProfileMesh, build
from aspot.morphology.unit_cell import ProfileCell

FREQUENCIES = np.logspace(-3, 9, 25)
ROLES = {"electrolyte": "electrolyte", "contact": "contact", "gap": "gap", "counter": "counter"}


def conductor(sigma: float, permittivity: float = 10.0) -> Conductor:
    return Conductor(conductivity=Activated(value=sigma), permittivity=permittivity)


def interface(y: float, capacitance: float = 0.0, exponent: float = 1.0) -> ResistorCapacitor:
    return ResistorCapacitor(conductance=Activated(value=y), cpe_prefactor=capacitance, cpe_exponent=exponent)


def problem_of(assembly: ProfileAssembly, laws: dict[str, Law | None]) -> Problem:
    terms = tuple(
        Term(name=name, role=ROLES.get(name, "layer"), law=laws[name], matrix=matrix)
        for name, matrix in assembly.matrices.items()
        if laws.get(name) is not None
    )
    return Problem(terms, assembly.area, 300.0)


def profile(
    edges: tuple[float, ...] = (3e-6,),
    *,
    outer: float = 1e-5,
    depth: float = 2e-5,
    layers: tuple[tuple[str, float], ...] = (),
    axisymmetric: bool = True,
    first: bool = True,
) -> ProfileMesh:
    contact = tuple(first ^ bool(i % 2) for i in range(len(edges) + 1))
    cell = ProfileCell(axisymmetric=axisymmetric, outer=outer, edges=edges, contact=contact)
    return build(cell, depth=depth, layers=layers, rings=4, ratio=0.15, growth=3.0)


def spot_problem(laws: dict[str, Law | None], order: int = 4, **geometry) -> Problem:
    """A spot in a tube; without a law for the contact or the counter electrode, these are ideal."""
    assembly = assemble(
        profile(**geometry), order, ideal_contact="contact" not in laws, ideal_counter="counter" not in laws
    )
    return problem_of(assembly, laws)


#: A cell with everything: brick-layer electrolyte, film, charge transfer and CPE, gap, counter electrode.
BRICKS = BrickLayer(bulk=conductor(0.5, 30.0), boundary=interface(5e5, 0.09), grain_size_m=1e-6)
EVERYTHING: dict[str, Law | None] = {
    "electrolyte": BRICKS,
    "film": conductor(1e-4, 8.0),
    "contact": Series(members=(interface(5e3, 0.1), interface(2e4, 0.02, 0.8))),
    "gap": Gap(thickness_m=1e-7),
    "counter": interface(4e4, 0.05, 0.9),
}
LAYERS = (("film", 2e-8),)


@pytest.fixture(scope="module")
def everything() -> Problem:
    return spot_problem(EVERYTHING, layers=LAYERS)


# Slabs --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axisymmetric", [True, False])
@pytest.mark.parametrize("order", [1, 2, 5, 8])
@pytest.mark.parametrize("case", ["bare", "contact", "counter", "layers", "all"])
def test_slabs_are_exact(case: str, order: int, axisymmetric: bool) -> None:
    """One-dimensional current: Z = 1/y_contact + sum d/kappa + 1/y_counter per area, to rounding, at any frequency."""
    layers = (("film", 1e-9), ("coating", 3e-7)) if case in ("layers", "all") else ()
    laws: dict[str, Law | None] = {"electrolyte": BRICKS, "film": conductor(1e-5), "coating": conductor(2.0, 1e3)}
    if case in ("contact", "all"):
        laws["contact"] = EVERYTHING["contact"]
    if case in ("counter", "all"):
        laws["counter"] = EVERYTHING["counter"]
    p = spot_problem(laws, order, edges=(), outer=2e-5, depth=1e-4, layers=layers, axisymmetric=axisymmetric)
    assert p.area_m2 == pytest.approx(np.pi * 4e-10 if axisymmetric else 2e-5, rel=1e-14)
    for omega in (0.0, *2 * np.pi * FREQUENCIES):
        z = 1e-4 / laws["electrolyte"](omega, 300.0)
        z = z + sum(d / laws[name](omega, 300.0) for name, d in layers)
        z = z + sum(1.0 / laws[name](omega, 300.0) for name in ("contact", "counter") if name in laws)
        x = p.solve(omega)
        assert p.area_m2 / p.admittance(x, omega) == pytest.approx(z, rel=1e-11)


def test_slab_with_a_rim_that_changes_nothing() -> None:
    """The same law under metal and gap: the current is uniform although the mesh has rings and two surfaces."""
    law = interface(3e3, 0.2)
    assembly = assemble(profile(layers=LAYERS), 6, ideal_contact=False)
    p = problem_of(assembly, {**EVERYTHING, "contact": law, "gap": law})
    for omega in 2 * np.pi * FREQUENCIES:
        z = 1 / law(omega, 300.0) + 2e-8 / EVERYTHING["film"](omega, 300.0) + 2e-5 / BRICKS(omega, 300.0)
        assert p.area_m2 / p.admittance(p.solve(omega), omega) == pytest.approx(z, rel=1e-10)


# Bookkeeping of current and power ------------------------------------------------------------------------------------


def test_terms_are_real_symmetric_and_dissipative(everything: Problem) -> None:
    """Every matrix is symmetric and positive semidefinite: reciprocity and passivity for any passive laws."""
    for term in everything.terms:
        a = term.matrix.toarray()
        assert a.dtype == float
        assert np.abs(a - a.T).max() < 1e-13 * np.abs(a).max()
        values = np.linalg.eigvalsh(0.5 * (a + a.T))
        assert values[0] > -1e-13 * values[-1]


def test_images_are_products_with_the_matrices(everything: Problem) -> None:
    """By differences of potentials, so that constants cost no digits."""
    x = np.random.default_rng(0).normal(size=everything.n_free + 1)
    exact = np.array([term.matrix @ x for term in everything.terms])
    assert everything.images(x) == pytest.approx(exact, rel=1e-11, abs=1e-13 * np.abs(exact).max())


def test_current_is_conserved_at_every_frequency(everything: Problem) -> None:
    """What enters at the port leaves through the counter electrode, int y phi over the far face."""
    counter = everything.term("counter")
    for omega in (0.0, *2 * np.pi * FREQUENCIES):
        x = everything.solve(omega)
        leaving = counter.law(omega, 300.0) * np.sum(counter.matrix @ x)
        assert everything.port_current(x, omega) == pytest.approx(leaving, rel=1e-10)


def test_current_is_conserved_with_ideal_electrodes() -> None:
    """With phi = 0 on the far face, its reactions, in a second assembly that keeps those nodes, are the current."""
    laws = {k: v for k, v in EVERYTHING.items() if k not in ("contact", "counter")}
    mesh = profile(layers=LAYERS)
    ideal = assemble(mesh, 4, ideal_contact=True)
    whole = assemble(mesh, 4, ideal_contact=False, ideal_counter=False)
    p = problem_of(ideal, laws)
    far = np.unique(whole.nodes.edge["counter"])
    for omega in (0.0, *2 * np.pi * FREQUENCIES):
        x = p.solve(omega)
        phi = np.append(np.append(x, 0.0)[ideal.dof], 1.0)
        reaction = sum(laws[name](omega, 300.0) * (whole.matrices[name] @ phi) for name in laws)
        assert -np.sum(reaction[far]) == pytest.approx(p.port_current(x, omega), rel=1e-9)
        under_metal = np.append(np.unique(whole.nodes.edge["contact"]), len(phi) - 1)
        assert np.sum(reaction[under_metal]) == pytest.approx(p.port_current(x, omega), rel=1e-9)


def test_three_admittances_agree(everything: Problem) -> None:
    """For 1 V: bilinear energy x^T A x, Hermitian energy x^H A x and the current into the port are the same number."""
    for omega in (0.0, *2 * np.pi * FREQUENCIES):
        x = everything.solve(omega)
        y = everything.admittance(x, omega)
        hermitian = everything.theta(omega)[:, 0] @ everything.dissipation_weights(x)
        assert hermitian == pytest.approx(y, rel=1e-11)
        assert everything.port_current(x, omega) == pytest.approx(y, rel=1e-11)


def test_sensitivities_are_energies(everything: Problem) -> None:
    """dY/dtheta_q = x^T A_q x, against central differences of Y in each law's value."""
    for omega in (0.0, 2 * np.pi * 1e4):
        theta = everything.theta(omega)[:, 0]
        x = everything.solve_theta(theta)
        for q in range(len(theta)):
            if theta[q] == 0:
                continue
            step = 1e-4 * theta[q] * np.eye(len(theta))[q]
            plus, minus = (t @ everything.energies(everything.solve_theta(t)) for t in (theta + step, theta - step))
            slope = (plus - minus) / (2e-4 * theta[q])
            # Rounding of Y over the step, and the third derivative.
            assert abs(slope - everything.energies(x)[q]) < 1e-7 * abs(slope) + 1e-10 * abs(plus / theta[q])


def test_partition_is_complete_at_direct_current(everything: Problem) -> None:
    """Powers of all terms over I^2 are resistances >= 0 that sum to Z(0); the electrolyte's is at least L/sigma."""
    x = everything.solve(0.0)
    powers = np.real(everything.theta(0.0)[:, 0]) * everything.dissipation_weights(x)
    y = everything.admittance(x, 0.0).real
    shares = dict(zip([t.name for t in everything.terms], everything.area_m2 * powers / y**2, strict=True))
    assert min(shares.values()) >= 0
    assert shares["gap"] == 0
    assert sum(shares.values()) == pytest.approx(everything.area_m2 / y, rel=1e-12)
    # All current passes the contact of area fraction 0.09 unevenly: Jensen.
    assert shares["electrolyte"] > 2e-5 / BRICKS(0.0, 300.0).real
    assert shares["contact"] > (1 / EVERYTHING["contact"](0.0, 300.0)).real / 0.09
    assert shares["film"] > 2e-8 / 1e-4
    assert shares["counter"] == pytest.approx(1 / 4e4, rel=1e-6)


@settings(deadline=None, max_examples=40, derandomize=True)
@given(
    exponents=st.lists(st.floats(-8, 2), min_size=5, max_size=5),
    angles=st.lists(st.floats(0.0, 1.0), min_size=5, max_size=5),
)
def test_passive_for_any_passive_laws(everything: Problem, exponents: list[float], angles: list[float]) -> None:
    """Any values with Re, Im >= 0, up to ten decades apart: Re Y, Im Y >= 0, and every term takes power."""
    scale = np.array([1.0 if t.role in ("electrolyte", "layer") else 1e5 for t in everything.terms])
    theta = scale * 10.0 ** np.array(exponents) * np.exp(0.5j * np.pi * np.array(angles))
    x = everything.solve_theta(theta)
    weights = everything.dissipation_weights(x)
    y = theta @ everything.energies(x)
    assert (weights >= 0).all()
    assert y.real >= -1e-12 * abs(y)
    assert y.imag >= -1e-12 * abs(y)
    assert theta @ weights == pytest.approx(y, rel=1e-9)


def test_transfer_is_reciprocal() -> None:
    """A disc and a ring around it as two electrodes: volts on one give the same current in the other, either way round.

    Each way is an assembly of its own: the driven electrode is the port, the other one is grounded through its law.
    """
    mesh = profile(edges=(3e-6, 6e-6), layers=LAYERS)
    top = {name: mesh.surfaces[name] for name in ("contact", "gap")}
    middle = {name: mesh.vertices[ends][:, :, 0].mean(1) for name, ends in top.items()}
    disc, ring = top["contact"][middle["contact"] < 0.3], top["contact"][middle["contact"] > 0.3]
    laws = {"disc": interface(4e3, 0.3), "ring": interface(9e2, 1e-4, 0.7)}
    currents = []
    for driven, other, surfaces in (("disc", "ring", (disc, ring)), ("ring", "disc", (ring, disc))):
        turned = replace(mesh, surfaces={"contact": surfaces[0], "gap": surfaces[0][:0], "counter": surfaces[1]})
        assembly = assemble(turned, 4, ideal_contact=False, ideal_counter=False)
        p = problem_of(assembly, {**EVERYTHING, "contact": laws[driven], "counter": laws[other]})
        currents.append([])
        for omega in 2 * np.pi * FREQUENCIES:
            x = p.solve(omega)
            received = p.term("counter").law(omega, 300.0) * np.sum(p.term("counter").matrix @ x)
            currents[-1].append(received)
    assert currents[0] == pytest.approx(currents[1], rel=1e-9)


# Scaling ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [1e-4, 0.3, 50.0])
def test_lengths_scale(factor: float) -> None:
    """Y of a tube with kappa alone is proportional to length; with y scaled as 1/length also all interfaces follow."""
    base = {"electrolyte": conductor(0.4), "contact": interface(1e3, 0.1), "gap": interface(10.0, 1e-3)}
    thin = {
        "electrolyte": base["electrolyte"],
        "contact": interface(1e3 / factor, 0.1 / factor),
        "gap": interface(10.0 / factor, 1e-3 / factor),
    }
    small = spot_problem(thin, edges=(3e-6 * factor,), outer=1e-5 * factor, depth=2e-5 * factor)
    p = spot_problem(base)
    for omega in 2 * np.pi * FREQUENCIES[::4]:
        expected = factor * p.admittance(p.solve(omega), omega)
        assert small.admittance(small.solve(omega), omega) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("factor", [1e-9, 7.0, 1e6])
def test_conductivity_and_frequency_scale(everything: Problem, factor: float) -> None:
    """All kappa and y times a factor: Y times it, the field as before. Frequency enters through the laws alone."""
    omega = 2 * np.pi * 300.0
    theta = everything.theta(omega)[:, 0]
    x, scaled = everything.solve_theta(theta), everything.solve_theta(factor * theta)
    assert scaled == pytest.approx(x, abs=1e-12)
    laws = {"electrolyte": conductor(1.0, 10.0 * factor), "gap": Gap(thickness_m=1e-7 / factor)}
    quick, slow = spot_problem(laws), spot_problem({"electrolyte": conductor(1.0), "gap": Gap(thickness_m=1e-7)})
    at = 1e6
    assert quick.admittance(quick.solve(at / factor), at / factor) == pytest.approx(
        slow.admittance(slow.solve(at), at), rel=1e-10
    )


# Limits -------------------------------------------------------------------------------------------------------------


def test_high_frequency_short_circuits_the_pores() -> None:
    """Theory: Y_gap/(kappa k) -> inf leaves the perfect contact, Z -> L/kappa, with an excess of at most 1/y_gap.

    With a conducting electrolyte and a capacitance alone: |Z - L/kappa| <= (1 - f)/|y| (all pores in series with the
    uncovered area), and it falls as 1/omega until the lateral layers of thickness kappa/y at the rims show, as log.
    """
    p = spot_problem({"electrolyte": conductor(1.0, 0.0), "gap": Gap(thickness_m=1e-9)}, 8)
    gap = p.term("gap").law
    for omega in (1e11, 1e12, 1e13):
        z = p.area_m2 / p.admittance(p.solve(omega), omega)
        y = gap(omega, 300.0)
        excess = z - 2e-5
        assert abs(excess) < 1.0 / abs(y)
        # To first order the uniform current crosses the gap over its part 1 - f of the area, excess = (1 - f)/y.
        assert excess == pytest.approx((1 - 0.09) / y, rel=abs(30.0 / (y * 1e-5)))


def test_low_frequency_opens_the_gap() -> None:
    """Theory: Y = Y_0 + j omega C + O(omega^2), Y_0 of the insulated gap and C = c x^T A_gap x of the d.c. field."""
    laws: dict[str, Law | None] = {"electrolyte": conductor(1.0, 0.0), "contact": interface(2e4)}
    open_, gapped = spot_problem(laws), spot_problem({**laws, "gap": Gap(thickness_m=1e-8)})
    x = open_.solve(0.0)
    y0 = open_.admittance(x, 0.0)
    assert gapped.admittance(gapped.solve(0.0), 0.0) == pytest.approx(y0, rel=1e-12)
    capacitance = epsilon_0 / 1e-8 * (x @ (gapped.term("gap").matrix @ x))
    for omega in (1.0, 1e3):
        y = gapped.admittance(gapped.solve(omega), omega)
        assert y.real == pytest.approx(y0.real, rel=1e-6)
        assert y.imag == pytest.approx(omega * capacitance, rel=1e-6)


def test_blocked_contact_is_in_series_with_the_whole_electrolyte() -> None:
    """R_ct >> R_SE: the flux through the disc is uniform, R = R_ct/f + (a constant of the electrolyte) + O(1/R_ct)."""
    f = 0.3**2
    rest = []
    for y in (100.0, 10.0, 1.0):
        p = spot_problem({"electrolyte": conductor(1.0, 0.0), "contact": interface(y)})
        rest.append((p.area_m2 / p.admittance(p.solve(0.0), 0.0)).real - 1.0 / (f * y))
    # A uniform disc on a half space has 8/(3 pi^2 sigma a); the walls take off a part, as for psi.
    half_space = np.pi * 1e-10 * 8.0 / (3.0 * np.pi**2 * 3e-6)
    assert 0.5 * half_space < rest[-1] - 2e-5 < half_space
    assert rest[0] == pytest.approx(rest[-1], rel=1e-4)
    assert rest[1] == pytest.approx(rest[-1], rel=1e-5)


@pytest.mark.parametrize("contrast", [1e-12, 1e-6, 1e6, 1e12])
def test_extreme_contrasts(contrast: float) -> None:
    """A film far more or far less conducting than the electrolyte. Under a planar contact: exact, to rounding.

    Under a spot, sigma -> 0 is a series resistance d/(sigma f), less its fringes, and sigma -> inf an equipotential.
    """
    laws: dict[str, Law | None] = {"electrolyte": conductor(1.0, 0.0), "film": conductor(contrast, 0.0)}
    p = spot_problem(laws, edges=(), layers=(("film", 1e-7),))
    r = (p.area_m2 / p.admittance(p.solve(0.0), 0.0)).real
    assert r == pytest.approx(2e-5 + 1e-7 / contrast, rel=1e-12)
    p = spot_problem(laws, layers=(("film", 1e-8),), order=6)
    r = (p.area_m2 / p.admittance(p.solve(0.0), 0.0)).real
    if contrast == 1e12:
        # 2e15 times the conductance of the electrolyte: the edge of what double precision holds.
        assert r == pytest.approx(2e-5, rel=1e-6)
    if contrast == 1e-12:
        # Fringes widen the spot by a fraction of the thickness: 2 d/a.
        assert 1.0 - 2 * 1e-8 / 3e-6 * 1.5 < r / (1e-8 / contrast / 0.09) < 1.0


def film_joined(sigma: float) -> tuple[Problem, float, float]:
    """A film on a poor electrolyte behind a contact: the problem, its resistance, and the potential of the film."""
    laws = {"electrolyte": conductor(1e-8, 0.0), "film": conductor(sigma, 0.0), "contact": interface(3e-4)}
    exact = 1.0 / (3e-4 * 0.09) + 2e-5 / 1e-8
    return spot_problem(laws, 5, layers=(("film", 2e-8),)), exact, 2e-5 / 1e-8 / exact


@pytest.mark.parametrize("sigma", [1e-2, 1.0, 100.0])
def test_good_film_on_a_poor_electrolyte(sigma: float) -> None:
    """A film that joins contact and electrolyte as one equipotential, up to 1e13 times as conducting as what it joins.

    R = R_ct/f + L/sigma: the current is uniform in the electrolyte and in the contact; the film adds nothing.
    """
    p, exact, potential = film_joined(sigma)
    x = p.solve(0.0)
    assert (p.area_m2 / p.admittance(x, 0.0)).real == pytest.approx(exact, rel=1e-8 + 1e-7 / sigma)
    assert x[:-1].max() == pytest.approx(potential, rel=1e-5 + 2e-6 / sigma)


def test_contrasts_beyond_double_precision_are_refused() -> None:
    """At 1e17 a stored row leaks more to the ground than the electrolyte conducts: an error, not a resistance."""
    with pytest.raises(ConvergenceError):
        film_joined(1e6)[0].solve(0.0)


# Refusals ------------------------------------------------------------------------------------------------------------


def test_backend_refuses_what_has_no_answer() -> None:
    """An electrolyte that touches neither metal nor ground (no law, or one that vanishes) has no potential."""
    mesh = profile()
    assembly = assemble(mesh, 4, ideal_contact=False, ideal_counter=False)
    floating = problem_of(assembly, {"electrolyte": conductor(1.0)})
    with pytest.raises(ConvergenceError):
        floating.solve(0.0)
    with pytest.raises(ConvergenceError):
        floating.solve(2 * np.pi * 1e6)
    blocked = problem_of(
        assembly, {"electrolyte": conductor(1.0), "contact": Gap(thickness_m=1e-9), "counter": Gap(thickness_m=1e-9)}
    )
    with pytest.raises(ConvergenceError):
        blocked.solve(0.0)


def test_blocking_contact_carries_no_direct_current() -> None:
    """A contact that is a capacitance alone: zero potential and zero current at omega = 0, a valid answer."""
    p = spot_problem({"electrolyte": conductor(1.0), "contact": Gap(thickness_m=1e-9)})
    x = p.solve(0.0)
    assert not x[:-1].any()
    assert p.admittance(x, 0.0) == 0.0
    with pytest.raises(ConvergenceError):
        spot_problem(
            {"electrolyte": conductor(1.0), "contact": Gap(thickness_m=1e-9), "counter": Gap(thickness_m=1.0)}
        ).solve(0.0)


def test_refuses_a_volume_without_conduction() -> None:
    """A film that neither conducts nor polarises leaves its inner nodes undetermined."""
    assembly = assemble(profile(layers=LAYERS), 4, ideal_contact=True)
    p = problem_of(assembly, EVERYTHING)
    theta = p.theta(0.0)[:, 0]
    theta[[t.name == "film" for t in p.terms]] = 0.0
    with pytest.raises(ConvergenceError):
        p.solve_theta(theta)


def test_refuses_values_that_are_not_finite(everything: Problem) -> None:
    """NaN and infinity in a law must not become an impedance."""
    for bad in (np.nan, np.inf, complex(1.0, np.nan)):
        theta = everything.theta(1.0)[:, 0]
        theta[0] = bad
        with pytest.raises(ConvergenceError):
            everything.solve_theta(theta)


def test_terms_must_fit_together(everything: Problem) -> None:
    """Names are unique and matrices of one shape; an unknown name is a KeyError."""
    first = everything.terms[0]
    with pytest.raises(ValueError, match="unique"):
        Problem((first, first), 1.0, 300.0)
    with pytest.raises(ValueError, match="shape"):
        Problem((first, replace(first, name="other", matrix=csr_array(np.eye(3)))), 1.0, 300.0)
    assert everything.term("gap") is next(t for t in everything.terms if t.name == "gap")
    with pytest.raises(KeyError):
        everything.term("nothing")


def separate(p: Problem) -> Problem:
    """The same terms, each on a sparsity pattern of its own, in scrambled order within the rows."""

    def alone(matrix: csr_array) -> csr_array:
        coo = matrix.tocoo()
        kept = coo.data != 0
        return csr_array((coo.data[kept], (coo.row[kept], coo.col[kept])), shape=matrix.shape)

    return replace(p, terms=tuple(replace(t, matrix=alone(t.matrix)) for t in p.terms))


def test_patterns_do_not_matter(everything: Problem) -> None:
    """Terms on one shared pattern or each on its own: the same operator and the same answer."""
    other = separate(everything)
    assert len({t.matrix.nnz for t in other.terms}) > 1
    theta = everything.theta(1e5)[:, 0]
    shared, own = everything.operator(theta).toarray(), other.operator(theta).toarray()
    assert (np.abs(own - shared) <= 1e-14 * np.abs(shared)).all()
    expected = sum(v * t.matrix.toarray() for v, t in zip(theta, everything.terms, strict=True))
    assert np.abs(shared - expected).max() < 1e-13 * np.abs(expected).max()
    assert other.solve(1e5) == pytest.approx(everything.solve(1e5), abs=1e-12)


def test_direct_current_stays_real(everything: Problem) -> None:
    """At omega = 0 all laws are real, the operator is real, and so is the field: half the time and memory."""
    x = everything.solve(0.0)
    assert x.dtype == float
    assert everything.operator(everything.theta(0.0)[:, 0]).dtype == float
    assert everything.solve(1.0).dtype == complex
    assert x[-1] == 1.0


def test_potentials_obey_the_maximum_principle(everything: Problem) -> None:
    """Direct current: every potential lies between ground (0) and port (1)."""
    x = np.asarray(everything.solve(0.0))
    assert x.min() > 0
    assert x.max() == 1.0


def test_theta_has_a_row_per_term(everything: Problem) -> None:
    """Laws are evaluated at the problem's temperature, over arrays of frequencies."""
    omega: NDArray[np.float64] = 2 * np.pi * FREQUENCIES
    theta = everything.theta(omega)
    assert theta.shape == (len(everything.terms), len(omega))
    for row, term in zip(theta, everything.terms, strict=True):
        assert row == pytest.approx(term.law(omega, 300.0), rel=1e-15)
