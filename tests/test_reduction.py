"""Reduced basis over frequency: few full solves, and the true error below what was asked, at every frequency.

Theory: solutions at different frequencies lie close to a space of few dimensions; the reduced admittance is a Galerkin
value of a symmetric form, so that its error is the square of the error of the field.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.constants import epsilon_0

from aspot import reduction
from aspot.errors import ConvergenceError
from aspot.fem.problem import Problem, Term
from aspot.fem.profile import assemble
from aspot.laws import Activated, BrickLayer, Conductor, Gap, Law, ResistorCapacitor, Series
from aspot.mesh.profile import build
from aspot.morphology.unit_cell import ProfileCell
from aspot.reduction import ReducedProblem, reduce

OMEGA = 2 * np.pi * np.logspace(-1, 7, 71)


def conductor(sigma: float, permittivity: float = 10.0) -> Conductor:
    return Conductor(conductivity=Activated(value=sigma), permittivity=permittivity)


def interface(y: float, prefactor: float = 0.0, exponent: float = 1.0) -> ResistorCapacitor:
    return ResistorCapacitor(conductance=Activated(value=y), cpe_prefactor=prefactor, cpe_exponent=exponent)


BRICKS = BrickLayer(bulk=conductor(0.5, 30.0), boundary=interface(5e5, 0.09), grain_size_m=1e-6)
CASES: dict[str, dict[str, Law]] = {
    "gap": {"electrolyte": conductor(0.5), "gap": Gap(thickness_m=3e-8)},
    "charge transfer": {"electrolyte": conductor(0.5), "gap": Gap(thickness_m=3e-8), "contact": interface(5e3, 0.1)},
    "brick layer": {"electrolyte": BRICKS, "gap": Gap(thickness_m=3e-8)},
    "constant phase": {
        "electrolyte": BRICKS,
        "gap": interface(1e-3, 1e-4, 0.7),
        "contact": interface(5e3, 0.3, 0.8),
        "counter": interface(1e3, 0.1, 0.9),
    },
    "film": {
        "electrolyte": BRICKS,
        "film": conductor(1e-7, 5.0),
        "gap": Gap(thickness_m=1e-9),
        "contact": Series(members=(interface(1e4, 0.1), interface(3e3, 1e-3))),
    },
    "poor electrolyte": {
        "electrolyte": conductor(1e-8),
        "film": conductor(1e2),
        "gap": Gap(thickness_m=1e-9),
        "contact": interface(1e-4, 1e-5),
    },
    "good electrolyte": {
        "electrolyte": conductor(1e2),
        "film": conductor(1e-8),
        "gap": Gap(thickness_m=1e-9, permittivity=80.0),
        "contact": interface(1e8, 1.0),
    },
}


def problem_of(laws: dict[str, Law], order: int = 5) -> Problem:
    cell = ProfileCell(axisymmetric=True, outer=1e-4, edges=(1e-5,), contact=(True, False))
    mesh = build(cell, depth=3e-4, layers=(("film", 1e-7),) if "film" in laws else (), rings=5, ratio=0.15, growth=3.5)
    assembly = assemble(mesh, order, ideal_contact="contact" not in laws, ideal_counter="counter" not in laws)
    roles = {name: name if name in ("electrolyte", "contact", "gap", "counter") else "layer" for name in laws}
    terms = tuple(Term(name=n, role=roles[n], law=laws[n], matrix=m) for n, m in assembly.matrices.items() if n in laws)
    return Problem(terms, assembly.area, 298.15)


def full(problem: Problem, omega: NDArray[np.float64]) -> NDArray[np.complex128]:
    """Area-specific impedance by one full solve per frequency."""
    return np.array([problem.area_m2 / problem.admittance(problem.solve(w), w) for w in omega])


@cache
def solved(name: str) -> tuple[Problem, NDArray[np.complex128]]:
    """A case and its impedance at all frequencies by full solves."""
    problem = problem_of(CASES[name])
    return problem, full(problem, OMEGA)


@pytest.mark.parametrize("name", CASES)
def test_all_frequencies_from_a_few_solves(name: str) -> None:
    """71 frequencies over 8 decades, every one against its full solve: 1e-8 from at most 9 solves, 1e-6 from 8.

    The laws include CPEs, grain boundaries in series, and contrasts of 1e10 between the phases.
    """
    problem, exact = solved(name)
    reduced = reduce(problem, OMEGA, tolerance=1e-8)
    error = np.abs(reduced.impedance(OMEGA) / exact - 1.0)
    assert error.max() < 1e-8
    assert reduced.full_solves <= 9
    assert reduce(problem, OMEGA, tolerance=1e-6).full_solves <= 8
    assert reduced.relative_error <= 1e-8


@pytest.mark.parametrize("tolerance", [1e-1, 1e-3, 1e-5, 1e-7])
@pytest.mark.parametrize("name", ["charge transfer", "constant phase", "film"])
def test_tolerance_is_honoured(name: str, tolerance: float) -> None:
    """The largest true error over all frequencies is below what was asked, and so is the one that was measured."""
    problem, exact = solved(name)
    reduced = reduce(problem, OMEGA, tolerance=tolerance)
    error = np.abs(reduced.impedance(OMEGA) / exact - 1.0)
    assert error.max() < tolerance
    assert reduced.relative_error <= tolerance


def test_solves_grow_slowly_with_accuracy() -> None:
    """Exponential convergence: four more digits for one or two more solves."""
    problem = problem_of(CASES["constant phase"])
    solves = [reduce(problem, OMEGA, tolerance=t).full_solves for t in (1e-2, 1e-6, 1e-10)]
    assert solves == sorted(solves)
    assert solves[-1] - solves[0] <= 5


def test_number_of_frequencies_costs_no_solves() -> None:
    """The basis depends on the range, not on how densely it is sampled."""
    problem = problem_of(CASES["charge transfer"])
    dense = reduce(problem, 2 * np.pi * np.logspace(-1, 7, 801), tolerance=1e-6)
    assert abs(dense.full_solves - reduce(problem, OMEGA, tolerance=1e-6).full_solves) <= 1


def test_solutions_are_fields() -> None:
    """Not the admittance alone: potentials agree with full solves to the square root of its error, port and all."""
    problem = problem_of(CASES["constant phase"])
    reduced = reduce(problem, OMEGA, tolerance=1e-10)
    for omega in OMEGA[::10]:
        x = reduced.solution(omega)
        assert x[-1] == pytest.approx(1.0, abs=1e-14)
        assert np.abs(x - problem.solve(omega)).max() < 1e-4
        # The field's own energy is the reduced admittance.
        assert problem.admittance(x, omega) == pytest.approx(reduced.admittance(omega)[0], rel=1e-10)


def test_directions_are_orthonormal_and_hold_the_port() -> None:
    """All but the first column: orthonormal, 0 at the port, so that close snapshots do not spoil the small systems."""
    reduced = reduce(problem_of(CASES["constant phase"]), OMEGA, tolerance=1e-10)
    directions = reduced.basis[:, 1:]
    assert directions.T @ directions == pytest.approx(np.eye(directions.shape[1]), abs=1e-12)
    assert not directions[-1].any()


def test_direct_current_is_in_the_basis() -> None:
    """Its first column is the real solution at omega = 0, so that the resistance is exact whatever the tolerance."""
    problem = problem_of(CASES["film"])
    reduced = reduce(problem, OMEGA, tolerance=1e-2)
    x = problem.solve(0.0)
    assert reduced.basis[:, 0] == pytest.approx(x, abs=1e-13)
    exact = problem.admittance(x, 0.0)
    assert reduced.admittance(0.0)[0] == pytest.approx(exact, rel=1e-12)
    assert reduced.basis[-1] == pytest.approx(np.eye(1, reduced.basis.shape[1])[0], abs=1e-13)


def test_without_direct_current() -> None:
    """The same spectrum where omega = 0 is left out, as for electrodes that block."""
    laws: dict[str, Law] = {**CASES["gap"], "contact": Gap(thickness_m=1e-9)}
    problem = problem_of(laws)
    reduced = reduce(problem, OMEGA, tolerance=1e-8, direct_current=False)
    assert np.abs(reduced.impedance(OMEGA) / full(problem, OMEGA) - 1.0).max() < 1e-8


def test_projection_is_passive_and_reciprocal() -> None:
    """Congruent projections of positive semidefinite matrices are so, too: Re Y, Im Y >= 0 far outside the range."""
    problem = problem_of(CASES["constant phase"])
    reduced = reduce(problem, OMEGA, tolerance=1e-4)
    for matrix in reduced.matrices:
        assert matrix == pytest.approx(matrix.T, abs=0.0)
        values = np.linalg.eigvalsh(matrix)
        assert values[0] >= -1e-12 * values[-1]
    y = reduced.admittance(2 * np.pi * np.logspace(-9, 14, 300))
    assert (y.real >= 0).all()
    assert (y.imag >= 0).all()


def test_reduced_conductance_is_an_upper_bound() -> None:
    """Dirichlet's principle in the reduced space: at real laws its conductance is above the full one."""
    problem = problem_of(CASES["charge transfer"])
    reduced = reduce(problem, OMEGA, tolerance=1e-3)
    for contact in (10.0, 1e3, 1e7):
        laws = {**CASES["charge transfer"], "contact": interface(contact), "gap": interface(2.0)}
        other = replace(problem, terms=tuple(replace(t, law=laws[t.name]) for t in problem.terms))
        moved = replace(reduced, problem=other)
        exact = other.admittance(other.solve(0.0), 0.0).real
        assert moved.admittance(0.0)[0].real >= exact * (1 - 1e-12)


def test_one_frequency_only() -> None:
    """A single frequency, or direct current alone, is solved exactly."""
    problem = problem_of(CASES["charge transfer"])
    omega = np.array([2 * np.pi * 1e4])
    assert reduce(problem, omega, tolerance=1e-3).impedance(omega) == pytest.approx(full(problem, omega), rel=1e-10)
    still = reduce(problem, np.array([0.0]), tolerance=1e-3)
    assert still.impedance(0.0) == pytest.approx(full(problem, np.zeros(1)), rel=1e-12)
    assert still.relative_error == 0.0
    assert still.full_solves == 1


def test_homogeneous_field_needs_one_check() -> None:
    """One material and insulating gaps: the field does not depend on frequency (one semicircle)."""
    problem = problem_of({"electrolyte": conductor(0.5)})
    reduced = reduce(problem, OMEGA, tolerance=1e-10)
    assert reduced.full_solves <= 2
    z = reduced.impedance(OMEGA)
    kappa = 0.5 + 1j * OMEGA * epsilon_0 * 10.0
    assert z * kappa == pytest.approx(np.full(71, z[0] * kappa[0]), rel=1e-11)


def test_refuses_what_it_cannot_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    """No basis of the allowed size is good enough: an error with what was reached, never a spectrum."""
    problem = problem_of(CASES["constant phase"])
    monkeypatch.setattr(reduction, "_MAX_SOLVES", 2)
    with pytest.raises(ConvergenceError, match="reduced basis"):
        reduce(problem, OMEGA, tolerance=1e-10)


def test_zero_tolerance_ends_with_every_frequency_solved() -> None:
    """A tolerance that cannot be met ends with full solutions at all frequencies, exact there."""
    problem = problem_of(CASES["gap"])
    omega = OMEGA[::10]
    reduced = reduce(problem, omega, tolerance=0.0)
    assert isinstance(reduced, ReducedProblem)
    assert reduced.full_solves <= len(omega) + 1
    assert np.abs(reduced.impedance(omega) / full(problem, omega) - 1.0).max() < 1e-11


def test_residuals_are_those_of_the_whole_problem_in_any_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """sum_i |(A x)_i|^2/sum_q |theta_q| A_q,ii over all rows, whatever is held at once."""
    random = np.random.default_rng(5)
    terms, rows, size, m = 3, 50, 4, 6
    images, diagonals = random.normal(size=(terms, rows, size)), random.uniform(0.1, 1.0, (terms, rows))
    theta, c = (random.normal(size=s) + 1j * random.normal(size=s) for s in ((terms, m), (m, size)))
    residual = np.einsum("qm,qnj,mj->mn", theta, images, c)
    exact = np.sum(np.abs(residual) ** 2 / np.einsum("qm,qn->mn", np.abs(theta), diagonals), axis=1)
    for block in (7, 50, 1000):
        monkeypatch.setattr(reduction, "_BLOCK", block)
        assert reduction._residuals(images, theta, c, diagonals) == pytest.approx(exact, rel=1e-12)
