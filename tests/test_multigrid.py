"""The multigrid preconditioner and the solver that proves its answer."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from samples import error_left_of_guess
from scipy.constants import epsilon_0
from scipy.sparse import csr_array, diags_array

from aspot.errors import ConvergenceError, MemoryLimitError
from aspot.fem import linear, multigrid
from aspot.fem.problem import Problem, Role, Term
from aspot.fem.tetrahedra import assemble
from aspot.laws import Activated, Conductor, Law, ResistorCapacitor
from aspot.mesh import tetrahedra
from aspot.mesh.uniform import uniform_box
from aspot.morphology.unit_cell import BoxCell, Disc


class Constant:
    """A law that is the same at every frequency, for problems that are given theta."""

    def __call__(self, omega: NDArray[np.float64], _: float) -> NDArray[np.complex128]:
        return np.ones(np.shape(omega), complex)

    def parts(self, omega: NDArray[np.float64], temperature: float) -> dict[str, NDArray[np.complex128]]:
        return {"all": 1.0 / self(omega, temperature)}


LAW: Law = Constant()
ROLES: dict[str, Role] = {"electrolyte": "electrolyte", "film": "layer", "contact": "contact", "gap": "gap"}


def box(n: int, film: int = 0) -> Problem:
    """Half a spot on a box of n x n x 2n bricks, the upper `film` rows of another material; terms by name."""
    mesh = uniform_box(
        n, n, 2 * n, (0.5, 0.5, 1.0), contact=lambda i, j: i + j < n // 3, layers=(("film", film),) if film else ()
    )
    matrices = assemble(mesh, ideal_contact=False).matrices
    terms = tuple(Term(name=k, role=ROLES[k], law=LAW, matrix=a) for k, a in matrices.items())
    return Problem(terms, 0.25, 300.0, solver="multigrid")


def theta(p: Problem, **values: complex) -> NDArray[np.complex128]:
    return np.array([values[t.name] for t in p.terms], complex)


def system(p: Problem, values: NDArray[np.complex128]) -> tuple[csr_array, NDArray[np.complex128], csr_array]:
    """A, b, and M of the free unknowns."""
    n = p.n_free
    a, m = p.operator(values), p.operator(np.abs(values).astype(complex))
    return csr_array(a[:n, :n]), -np.asarray(a[:n, [n]].todense()).ravel(), csr_array(m[:n, :n])


def unit_diagonal(m: csr_array) -> csr_array:
    scale = diags_array(1.0 / np.sqrt(m.diagonal()))
    return csr_array(scale @ m @ scale)


CASES = {
    "uniform": (0, {"electrolyte": 1.0, "contact": 50.0, "gap": 1e-7}),
    "perfect contact": (0, {"electrolyte": 1.0, "contact": 1e12, "gap": 1.0}),
    "good film": (3, {"electrolyte": 1.0, "film": 1e12, "contact": 1.0, "gap": 1e-3}),
    "poor film": (3, {"electrolyte": 1.0, "film": 1e-12, "contact": 1.0, "gap": 1e-3}),
}


@pytest.mark.parametrize("case", CASES)
def test_the_cycle_is_symmetric_and_positive_definite(case: str) -> None:
    """B = B^T and all eigenvalues > 0, with contrasts far beyond single precision: B is what its docstring says.

    For well-behaved cases the spectrum of B A lies in (0, 1], with a condition that explains the iterations.
    """
    film, values = CASES[case]
    p = box(8, film)
    m = unit_diagonal(system(p, theta(p, **values))[2])
    cycle = multigrid.build(m)
    n = m.shape[0]
    assert n > multigrid.COARSEST
    b = np.array([cycle(e) for e in np.eye(n)], dtype=float)
    assert np.abs(b - b.T).max() < 1e-5 * np.abs(b).max()
    spectrum = np.linalg.eigvalsh(0.5 * (b + b.T))
    assert spectrum[0] > 0
    if case in ("uniform", "perfect contact"):
        root = np.linalg.cholesky(m.toarray())
        of_product = np.linalg.eigvalsh(root.T @ (0.5 * (b + b.T)) @ root)
        assert of_product[-1] < 1.0 + 1e-5
        assert of_product[0] > 0.1


def test_real_and_imaginary_parts_at_once() -> None:
    """The cycle is linear over complex numbers: parts treated together or one by one."""
    cycle = multigrid.build(unit_diagonal(system(box(8), theta(box(8), electrolyte=1.0, contact=50.0, gap=0.1))[2]))
    rng = np.random.default_rng(0)
    r = rng.standard_normal((2, cycle.levels[0].n))
    assert cycle(r[0] + 1j * r[1]) == pytest.approx(cycle(r[0]) + 1j * cycle(r[1]), rel=1e-4, abs=1e-5)


def iterations(p: Problem, values: NDArray[np.complex128]) -> int:
    a, b, m = system(p, values)
    counts: list[int] = []
    linear.solve_multigrid(a, b, m, report=lambda _, count: counts.append(count))
    return counts[0]


@pytest.mark.parametrize("phase", [0.0, 0.49 * np.pi])
def test_iterations_do_not_grow_with_the_mesh(phase: float) -> None:
    """From 1e4 to 1.1e5 unknowns the iterations to 1e-10 grow by less than n^0.15 and stay below 35, at any phase."""
    counts, sizes = [], []
    for n in (17, 37):
        p = box(n)
        sizes.append(p.n_free)
        values = theta(p, electrolyte=1.0, contact=50.0 * np.exp(1j * phase), gap=1e-2 * np.exp(1j * phase))
        counts.append(iterations(p, values))
    assert max(counts) < 35
    assert counts[1] / counts[0] < (sizes[1] / sizes[0]) ** 0.15


@pytest.mark.parametrize(
    ("film", "values"),
    [
        (0, {"electrolyte": 1.0 + 0.01j, "contact": 50.0 + 1.0j, "gap": 1e-3j}),
        (0, {"electrolyte": 1.0 + 100j, "contact": 50.0 + 1e4j, "gap": 10j}),
        (0, {"electrolyte": 1.0 + 1j, "contact": 1e12 * (1.0 + 1j), "gap": 1e-12j}),
        (0, {"electrolyte": 1e-12j, "contact": 1.0, "gap": 1e-6 + 1e-12j}),
        (5, {"electrolyte": 1.0 + 1j, "film": 1e-12j, "contact": 1.0, "gap": 1e-3j}),
        (5, {"electrolyte": 1.0, "film": 1e6j, "contact": 50.0 + 1j, "gap": 1e-3j}),
        (5, {"electrolyte": 1e-9, "film": 1e3j, "contact": 50.0 + 1j, "gap": 1e-3j}),
    ],
)
def test_agrees_with_direct_solves(film: int, values: dict[str, complex]) -> None:
    """Complex laws of all phases up to 12 decades apart: potentials and admittance as from LU factors."""
    p = box(12, film)
    assert p.n_free > 3000  # else it would be solved directly
    given = theta(p, **values)
    x, exact = p.solve_theta(given), replace(p, solver="direct").solve_theta(given)
    assert np.abs(x - exact).max() < 1e-7
    assert given @ p.energies(x) == pytest.approx(given @ p.energies(exact), rel=1e-9)


def test_scale_of_the_numbers_does_not_matter() -> None:
    """SI units can make all admittances tiny or huge: single precision must neither underflow nor overflow."""
    p = box(12)
    values = theta(p, electrolyte=1.0 + 0.1j, contact=50.0, gap=1e-3j)
    x = p.solve_theta(values)
    for factor in (1e-60, 1e60):
        assert p.solve_theta(factor * values) == pytest.approx(x, abs=1e-9)


def test_a_good_guess_saves_iterations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Started from the solution at a frequency nearby the answer is the same, with fewer iterations."""
    p = box(12)
    values = theta(p, electrolyte=1.0 + 0.1j, contact=50.0, gap=1e-3j)
    near = p.solve_theta(1.0001 * values.real + 1j * values.imag)
    count = 0
    cycle = multigrid.Hierarchy.__call__

    def counted(self: multigrid.Hierarchy, r: NDArray[np.inexact]) -> NDArray[np.inexact]:
        nonlocal count
        count += 1
        return cycle(self, r)

    monkeypatch.setattr(multigrid.Hierarchy, "__call__", counted)
    from_zero = p.solve_theta(values)
    cost, count = count, 0
    from_guess = p.solve_theta(values, start=near)
    assert from_guess == pytest.approx(from_zero, abs=1e-8)
    assert count < 0.8 * cost


def test_a_hierarchy_serves_as_long_as_it_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Multiplied by a number, or with another gap that hardly counts, the problem needs no new one; answers agree."""
    p = box(12)
    made = 0
    build = multigrid.build

    def counted(m: csr_array, ground: NDArray[np.float64] | None, *, films: bool) -> multigrid.Hierarchy:
        nonlocal made
        made += 1
        return build(m, ground, films=films)

    monkeypatch.setattr(multigrid, "build", counted)
    for values, expected in (
        (theta(p, electrolyte=1.0, contact=50.0, gap=0.0), 1),
        (theta(p, electrolyte=1e20 * (1.0 + 1j), contact=7e21j, gap=1e16j), 1),
        (theta(p, electrolyte=1.0, contact=1e6, gap=1e3), 2),
    ):
        x = p.solve_theta(values)
        assert made == expected
        assert x == pytest.approx(replace(p, solver="direct").solve_theta(values), abs=1e-8)


def test_problems_keep_how_they_were_solved(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small system is solved directly, a large one by multigrid, and by LU factors where that fails."""
    small, large = box(8), box(12)
    for p in (small, large):
        p.solve(0.0)
    assert small.solves == [linear.Solve("direct", 0)]
    assert [solve.method for solve in large.solves] == ["multigrid"]
    assert 10 < large.solves[0].iterations < 35
    monkeypatch.setattr(linear, "_QUICK_ITERATIONS", 2)
    monkeypatch.setattr(linear, "_MAX_ITERATIONS", 2)
    p = box(12)
    p.solve(0.0)
    assert p.solves == [linear.Solve("direct after multigrid", 0)]


def test_guesses_that_the_limit_accepts_are_improved_all_the_same() -> None:
    """Errors of reduced bases are measured so: most of the error of a good guess goes, too."""
    laws = {
        "electrolyte": Conductor(conductivity=Activated(value=1.0), permittivity=0.1 / epsilon_0),
        "contact": ResistorCapacitor(conductance=Activated(value=50.0), cpe_prefactor=1.0),
        "gap": ResistorCapacitor(conductance=Activated(value=1e-6), cpe_prefactor=1.0),
    }
    p = box(12).with_laws(laws, 300.0)
    assert error_left_of_guess(p, 3.0) < 0.1
    assert {solve.method for solve in p.solves} == {"multigrid"}


@cache
def graded(level: int, film: float) -> Problem:
    """A spot of radius 0.1 in a box of 0.5 x 0.5 x 1 on graded tetrahedra of order 2, under it a film of this depth."""
    cell = BoxCell(size_x=0.5, size_y=0.5, shapes=(Disc(x=0.0, y=0.0, radius=0.1),), contact_inside=True)
    sizes = tetrahedra.recommended_sizes(cell, 1.0, level)
    mesh = tetrahedra.build(cell, depth=1.0, layers=(("film", film),), order=2, **asdict(sizes))
    matrices = assemble(mesh, ideal_contact=False).matrices
    terms = tuple(Term(name=k, role=ROLES[k], law=LAW, matrix=a) for k, a in matrices.items())
    return Problem(terms, 0.25, 300.0, solver="multigrid")


@pytest.mark.parametrize(
    ("depth", "film"),
    [
        *((0.01, film) for film in (1e-12, 1e-6, 1.0, 1e3, 1e6, 1e12, 1e6j)),
        *((1e-4, film) for film in (1.0, 1e10, 1e4j)),
    ],
)
def test_films_of_any_contrast(depth: float, film: complex, monkeypatch: pytest.MonkeyPatch) -> None:
    """A film of a 50th or 5000th of the box's width: at no contrast are LU factors of all needed, and they agree.

    Where it conducts well, its elements are rigid through the film, far flatter than wide.
    """
    monkeypatch.setattr("aspot.fem.problem._DIRECT_FALLBACK", 0)
    p = replace(graded(1, depth))
    assert p.n_free > 8_000
    given = theta(p, electrolyte=1.0, film=film, contact=50.0, gap=1e-3)
    x, exact = p.solve_theta(given), replace(p, solver="direct").solve_theta(given)
    assert given @ p.energies(x) == pytest.approx(given @ p.energies(exact), rel=1e-9)
    assert p.solves[0].iterations < 250


def test_factors_of_films_never_make_a_cycle_worse() -> None:
    """E = (I - L M)(I - B M)(I - L M) is symmetric, and its largest eigenvalue is not above that of I - B M.

    Where the film is rigid it is far below: what is left is the error of the electrolyte.
    """
    p = box(8, 3)
    m = system(p, theta(p, electrolyte=1.0, film=1e3, contact=1.0, gap=1e-3))[2]
    n = m.shape[0]
    film = p.term("film").matrix.diagonal()[:n] > 0
    cycle = multigrid.build(m, films=True)
    root = np.linalg.cholesky(unit_diagonal(m).toarray())
    smallest = []
    for apply in (cycle, linear._between_factors(m, cycle, film)):
        columns = np.array([apply(e) for e in np.eye(n)], dtype=float)
        assert np.abs(columns - columns.T).max() < 1e-6 * np.abs(columns).max()
        spectrum = np.linalg.eigvalsh(root.T @ (0.5 * (columns + columns.T)) @ root)
        assert spectrum[-1] < 1.0 + 1e-6
        smallest.append(spectrum[0])
    assert smallest[1] >= smallest[0] * (1.0 - 1e-6)
    assert smallest[1] > 0.2


def test_films_on_large_meshes() -> None:
    """With more unknowns than are ever factorised: a very good film spreads the current over the whole box.

    Its potential is that of 1/(50 A_contact + 1e-3 A_gap) in series with the box, L = 1.
    """
    p = graded(3, 0.01)
    assert p.n_free > 30_000
    given = theta(p, electrolyte=1.0, film=1e10, contact=50.0, gap=1e-3)
    y = given @ p.energies(p.solve_theta(given))
    contact = 0.25 * np.pi * 0.1**2
    assert 1.0 / y.real == pytest.approx(1.0 / (50.0 * contact + 1e-3 * (0.25 - contact)) + 1.0 / 0.25, rel=1e-5)
    assert p.solves[0].method == "multigrid for films"


def test_memory_is_estimated_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is too small refuses with the figure, before anything is allocated."""
    monkeypatch.setattr(linear, "available_memory", lambda: 1e6)
    with pytest.raises(MemoryLimitError, match="4056 unknowns"):
        box(12).solve(0.0)


def test_the_residual_is_proved() -> None:
    """A residual that never falls and a singular system are errors, not potentials."""
    p = box(12)
    a, b, m = system(p, theta(p, electrolyte=1.0, contact=50.0, gap=1e-3))
    with pytest.raises(ConvergenceError, match="residual"):
        linear.solve_multigrid(a, b, m, lambda x: b)
    loose = a.tolil()
    loose[[7], :] = 0.0
    loose[:, [7]] = 0.0
    with pytest.raises(ConvergenceError, match="singular"):
        linear.solve_multigrid(csr_array(loose), b, csr_array(loose))


def test_failure_reaches_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no hierarchy does and LU factors would be too large, `Problem.solve` raises rather than return."""
    p = box(12)
    monkeypatch.setattr(linear, "_QUICK_ITERATIONS", 2)
    monkeypatch.setattr(linear, "_MAX_ITERATIONS", 2)
    monkeypatch.setattr("aspot.fem.problem._DIRECT_FALLBACK", 0)
    with pytest.raises(ConvergenceError, match="residual"):
        p.solve(0.0)


def test_couplings_that_are_rounding_change_nothing() -> None:
    """`thinned` drops what vanishes in theory, and its rows still add up to what they did."""
    p = box(10)
    a, b, m = system(p, theta(p, electrolyte=1.0 + 1j, contact=50.0, gap=1e-3j))
    one = np.ones(len(b))
    thin = multigrid.thinned(a)
    # A row of Kuhn's tetrahedra has 15 entries, 7 of which do not vanish.
    assert thin.nnz < 0.55 * a.nnz
    assert multigrid.thinned(m).nnz == thin.nnz
    x = np.random.default_rng(0).standard_normal(len(b))
    assert np.abs(thin @ one - a @ one).max() < 1e-13 * np.abs(a.diagonal()).max()
    assert np.abs(thin @ x - a @ x).max() < 1e-12 * np.abs(a.diagonal()).max()
