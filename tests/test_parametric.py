"""One simulation stands for a family of cells: other laws in milliseconds, the true error below the estimate.

Theory: the solutions for all laws lie near a space of few dimensions, whichever parameters move them; the error of the
admittance is r^T A^-1 r with the residual r, and that is bounded in norms of reference matrices, see `aspot.certified`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pytest
import scipy.linalg
from numpy.typing import NDArray
from scipy.constants import Boltzmann, elementary_charge

from aspot import parametric
from aspot.analysis.sensitivity import activation_energies
from aspot.cell import Cell
from aspot.certified import coercivity
from aspot.compose import SolvedCell, SolvedInterface
from aspot.errors import ConvergenceError, InputError
from aspot.fem import bounding
from aspot.interface import InterfaceProblem
from aspot.parametric import Family
from aspot.plan import plan
from aspot.simulation import simulate
from aspot.variation import restated, with_laws

SPOT = {"kind": "spots", "arrangement": "single", "radius": "20 um", "contact_fraction": 0.05}
CONTACT = {"charge_transfer_resistance": "0.5 ohm cm^2", "double_layer_capacitance": "10 uF/cm^2"}
BOUNDARIES = {"grain_size": "1 um", "resistance": "0.01 ohm cm^2", "capacitance": "10 uF/cm^2"}
BASE: dict[str, Any] = {
    "electrolyte": {"thickness": "1 mm", "conductivity": "10 mS/cm", "permittivity": 30},
    "working_electrode": {"morphology": SPOT, "contact": CONTACT, "gap": {"thickness": "30 nm"}},
    "frequencies": {"start": "10 MHz", "stop": "1 Hz", "per_decade": 10},
}
ELECTROLYTE = {
    "temperature": (250.0, 360.0),
    "electrolyte.conductivity": (1e-2, 10.0),
    "electrolyte.permittivity": (3.0, 300.0),
    "electrolyte.activation_energy": (0.0, 6e-20),
}
GAP = {"working_electrode.gap.thickness": (1e-9, 1e-6), "working_electrode.gap.permittivity": (1.0, 30.0)}
TRANSFER = {
    "working_electrode.contact.charge_transfer_resistance": (1e-7, 1e-1),
    "working_electrode.contact.double_layer_capacitance": (1e-3, 1.0),
}


def changed(**changes: object) -> Cell:
    return Cell(**BASE).with_(**changes)


#: Cell, and the ranges of what is varied: decades wide. Every kind of law, composition and backend occurs.
CASES: dict[str, tuple[Cell, dict[str, tuple[float, float]]]] = {
    "charge transfer": (Cell(**BASE), ELECTROLYTE | GAP | TRANSFER),
    "brick layer": (
        changed(**{"electrolyte.grain_boundaries": BOUNDARIES}),
        ELECTROLYTE
        | GAP
        | TRANSFER
        | {
            "electrolyte.grain_boundaries.grain_size": (1e-8, 1e-5),
            "electrolyte.grain_boundaries.resistance": (1e-8, 1e-4),
            "electrolyte.grain_boundaries.capacitance": (1e-3, 1.0),
        },
    ),
    "constant phase, interphase": (
        changed(
            **{
                "working_electrode.contact": {
                    "charge_transfer_resistance": "2 ohm cm^2",
                    "cpe_prefactor": 0.1,
                    "cpe_exponent": 0.8,
                    "interphase": {"resistance": "1 ohm cm^2", "capacitance": "1 uF/cm^2"},
                }
            }
        ),
        ELECTROLYTE
        | GAP
        | {
            "working_electrode.contact.charge_transfer_resistance": (1e-6, 1e-1),
            "working_electrode.contact.cpe_prefactor": (1e-3, 1.0),
            "working_electrode.contact.cpe_exponent": (0.6, 1.0),
            "working_electrode.contact.interphase.resistance": (1e-6, 1e-2),
            "working_electrode.contact.interphase.capacitance": (1e-4, 1e-1),
        },
    ),
    "layers": (
        changed(
            **{
                "working_electrode.contact": None,
                "electrolyte.layers": [
                    {"name": "film", "thickness": "50 nm", "conductivity": "1e-6 S/cm", "permittivity": 10},
                    {"name": "reacted", "thickness": "2 um", "conductivity": "1e-4 S/cm", "permittivity": 20},
                ],
            }
        ),
        ELECTROLYTE
        | GAP
        | {
            "electrolyte.layers.0.conductivity": (1e-7, 1e-2),
            "electrolyte.layers.0.permittivity": (3.0, 100.0),
            "electrolyte.layers.1.conductivity": (1e-4, 1.0),
        },
    ),
    "strips, symmetric": (
        changed(
            **{
                "counter_electrode.symmetric": True,
                "working_electrode.morphology": {"kind": "strips", "width": "10 um", "contact_fraction": 0.2},
            }
        ),
        ELECTROLYTE | GAP | TRANSFER,
    ),
    "counter in the piece": (
        changed(
            **{
                "electrolyte.thickness": "60 um",
                "counter_electrode.contact": {"charge_transfer_resistance": "1 ohm cm^2"},
            }
        ),
        ELECTROLYTE | GAP | TRANSFER | {"counter_electrode.contact.charge_transfer_resistance": (1e-6, 1e-2)},
    ),
    "spots on both sides": (
        changed(
            counter_electrode={
                "morphology": {**SPOT, "radius": "5 um"},
                "contact": {"charge_transfer_resistance": "0.1 ohm cm^2"},
                "gap": {"thickness": "100 nm"},
            }
        ),
        ELECTROLYTE | GAP | TRANSFER | {"counter_electrode.gap.thickness": (1e-8, 1e-6)},
    ),
    "pellet": (
        changed(
            **{
                "electrolyte.diameter": "10 mm",
                "working_electrode.diameter": "6 mm",
                "counter_electrode.contact": {"charge_transfer_resistance": "1 ohm cm^2"},
            }
        ),
        ELECTROLYTE | GAP | TRANSFER | {"counter_electrode.contact.charge_transfer_resistance": (1e-6, 1e-2)},
    ),
    "pellet with spots opposite": (
        changed(
            **{
                "electrolyte.diameter": "10 mm",
                "working_electrode": {"diameter": "6 mm", "contact": CONTACT},
                "counter_electrode": {"morphology": SPOT, "gap": {"thickness": "100 nm"}},
            }
        ),
        ELECTROLYTE | TRANSFER | {"counter_electrode.gap.thickness": (1e-8, 1e-6)},
    ),
    "square array": (changed(**{"working_electrode.morphology.arrangement": "square"}), ELECTROLYTE | GAP | TRANSFER),
    "tetrahedra": (
        changed(
            **{
                "working_electrode.morphology.arrangement": "square",
                "numerics.backend": "tetrahedra",
                "numerics.relative_tolerance": 2e-2,
                "frequencies.per_decade": 3,
            }
        ),
        ELECTROLYTE | GAP | TRANSFER,
    ),
}


@lru_cache(maxsize=1)
def family(name: str) -> Family:
    return Family(simulate(CASES[name][0]))


def drawn(ranges: dict[str, tuple[float, float]], random: np.random.Generator) -> dict[str, float]:
    out = {}
    for path, (low, high) in ranges.items():
        u = random.uniform()
        out[path] = low ** (1 - u) * high**u if low > 0 else low + u * (high - low)
    return out


class Full(SolvedInterface):
    """An interface by one full solve per frequency: no basis."""

    def impedance(self, omega: NDArray[np.float64]) -> NDArray[np.complex128]:
        problem = self.reduced.problem
        return np.array([problem.area_m2 / problem.admittance(problem.solve(w), w) for w in omega])


def by_full_solves(solved: SolvedCell, cell: Cell, frequency_Hz: NDArray[np.float64]) -> NDArray[np.complex128]:
    """Z on the meshes of a solved cell with the laws of another, without any basis [ohm cm2]."""

    def full(s: SolvedInterface, interface: InterfaceProblem) -> SolvedInterface:
        other = with_laws(s, interface)
        return Full(other.interface, other.discrete, other.reduced)

    return restated(solved, plan(cell), full).impedance(2.0 * np.pi * frequency_Hz) * 1e4


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n == "tetrahedra" else n for n in CASES])
def test_the_error_of_the_basis_is_below_its_bound(name: str) -> None:
    """Random parameters over decades, against full solves on the same meshes at a few frequencies each.

    The bound holds everywhere, and so does the tolerance. The basis stops growing: more than half of the second half of
    the draws need no full solve. The bound is not absurd: in the median below 30 times the error.
    """
    found, random = family(name), np.random.default_rng(5)
    base = simulate(CASES[name][0]).model
    assert isinstance(base, SolvedCell)
    solves, ratios = [], []
    for _ in range(8 if name == "tetrahedra" else 34):
        evaluated = found.evaluate(**drawn(CASES[name][1], random))
        solves.append(evaluated.full_solves)
        assert evaluated.reduction_error.max() <= found.tolerance
        at = random.choice(len(evaluated.frequency_Hz), 3, replace=False)
        at[0] = int(np.argmax(evaluated.reduction_error))
        exact = by_full_solves(base, evaluated.cell, evaluated.frequency_Hz[at])
        error = np.abs(evaluated.impedance_ohm_cm2[at] - exact) / np.abs(exact)
        bound = evaluated.reduction_error[at]
        # Full solves themselves are exact to rounding only.
        assert (error <= bound + 1e-9).all(), evaluated.cell
        ratios += [b / e for b, e in zip(bound, error, strict=True) if e > 1e-9]
    later = solves[len(solves) // 2 :]
    assert sum(n > 0 for n in later) < len(later) / 2
    assert not ratios or np.median(ratios) < 30.0


@pytest.mark.parametrize("name", ["charge transfer", "constant phase, interphase", "layers", "pellet"])
def test_the_estimate_covers_a_fresh_simulation(name: str) -> None:
    """Basis, mesh and cut together: below the estimate, against simulations with a hundredth of the tolerance."""
    found, random = family(name), np.random.default_rng(11)
    worst = []
    for _ in range(4):
        evaluated = found.evaluate(**drawn(CASES[name][1], random))
        fresh = simulate(evaluated.cell.with_(**{"numerics.relative_tolerance": 1e-5})).spectrum
        error = np.abs(evaluated.impedance_ohm_cm2 / fresh.impedance_ohm_cm2 - 1.0)
        estimate = evaluated.relative_error + fresh.errors
        worst.append(float(np.max(error / estimate)))
        assert evaluated.spectrum.errors == pytest.approx(evaluated.relative_error)
    assert max(worst) <= 1.0
    assert max(worst) > 1e-3


def test_a_reference_fits_its_own_laws_exactly_and_no_laws_better() -> None:
    """The misfit is a ratio: 1 at the weights of a reference, at least 1 anywhere, the same in other units."""
    solved = Family(simulate(CASES["charge transfer"][0]))._levels[-1].solved.sides[0]
    omega = 2 * np.pi * np.geomspace(1.0, 1e7, 30)
    basis = parametric.certified_basis(solved, omega)
    weights = np.stack([reference.weights for reference in basis._references], axis=1)
    assert basis.evaluate(weights.astype(complex)).misfit == pytest.approx(1.0, rel=1e-12)
    theta = solved.reduced.problem.theta(omega)
    misfit = basis.evaluate(theta).misfit
    assert misfit.min() >= 1.0 - 1e-12 and misfit.max() > 2.0


def test_the_simulated_cell_itself_needs_no_solve() -> None:
    """Its own parameters are inside: the spectrum and the errors of `simulate`, without growth."""
    result = simulate(CASES["brick layer"][0])
    found = Family(result)
    evaluated = found.evaluate()
    assert evaluated.full_solves == 0
    assert evaluated.impedance_ohm_cm2 == pytest.approx(result.spectrum.impedance_ohm_cm2, rel=1e-12)
    assert found.full_solves == result.full_solves
    # The error of the mesh is the very estimate of `simulate`.
    known = evaluated.discretisation_error + evaluated.truncation_error
    assert known + 1e-3 * 1e-3 == pytest.approx(result.error_by_frequency, rel=1e-6)


def test_outside_what_it_knows_the_family_learns_once() -> None:
    """A gap of high permittivity and a contact that blocks need full solves; the same cell again needs none."""
    found = Family(simulate(CASES["charge transfer"][0]))
    far: dict[str, object] = {
        "working_electrode.gap.permittivity": 1e4,
        "working_electrode.contact.charge_transfer_resistance": "1 kohm cm^2",
    }
    first = found.evaluate(**far)
    before = found.full_solves
    again = found.evaluate(**far)
    assert first.full_solves > 0 and again.full_solves == 0 and found.full_solves == before
    assert again.impedance_ohm_cm2 == pytest.approx(first.impedance_ohm_cm2, rel=1e-12)


def test_training_makes_a_range_known() -> None:
    """After training over a range, other cells inside it need few or no full solves."""
    cell, ranges = CASES["charge transfer"]
    found = Family(simulate(cell))
    grown = found.train(ranges, samples=40)
    assert grown > 0
    random = np.random.default_rng(77)
    assert sum(found.evaluate(**drawn(ranges, random)).full_solves for _ in range(30)) <= grown // 4
    with pytest.raises(InputError, match=r"temperature: the range from 300 to 200 is empty"):
        found.train({"temperature": (300.0, 200.0)})


def test_a_tighter_tolerance_is_honoured() -> None:
    """The bound follows what is asked down to 1e-9 of Z, where rounding begins."""
    result = simulate(CASES["charge transfer"][0])
    random = np.random.default_rng(2)
    changes = drawn(CASES["charge transfer"][1], random)
    sizes = []
    for tolerance in (1e-3, 1e-6, 1e-9):
        found = Family(result, tolerance=tolerance)
        assert found.evaluate(**changes).reduction_error.max() <= tolerance
        sizes.append(found.basis_sizes[0])
    assert sizes == sorted(sizes)
    with pytest.raises(InputError, match="tolerance = 0"):
        Family(result, tolerance=0.0)


@pytest.mark.parametrize("name", ["brick layer", "counter in the piece", "pellet"])
def test_the_model_has_the_partition_of_a_fresh_simulation(name: str) -> None:
    """`model` gives the exact partition of the resistance for other parameters, too."""
    found = family(name)
    changes = drawn(CASES[name][1], np.random.default_rng(4))
    model = found.model(**changes)
    fresh = simulate(CASES[name][0].with_(**changes)).resistances
    parts = {key: r * 1e4 for key, r in model.resistances().items()}
    total = sum(parts.values())
    assert total == pytest.approx(fresh.total, rel=1e-3)
    for key, r in fresh.parts.items():
        assert parts[key] == pytest.approx(r, abs=1e-3 * total)
    if model.pellet is not None:
        copies = model.plan.sides[0].copies
        static = copies * model.bare_pellet_resistance * 1e4 - parts["SE"]
        assert static == pytest.approx(fresh.static, rel=1e-3)


def test_frequencies_belong_to_the_family() -> None:
    """Other frequencies, inside or outside those simulated, are certified like other parameters."""
    found = family("charge transfer")
    evaluated = found.evaluate(frequencies={"values": [1e-3, 17.0, 1e9]})
    assert list(evaluated.frequency_Hz) == [1e9, 17.0, 1e-3]
    base = simulate(CASES["charge transfer"][0]).model
    assert isinstance(base, SolvedCell)
    exact = by_full_solves(base, evaluated.cell, evaluated.frequency_Hz)
    assert (np.abs(evaluated.impedance_ohm_cm2 / exact - 1.0) <= evaluated.reduction_error + 1e-9).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"working_electrode.morphology.radius": "21 um"}, r"working_electrode\.morphology\.radius: changes the geo"),
        ({"working_electrode.morphology.contact_fraction": 0.06}, r"working_electrode\.morphology\.contact_fraction"),
        ({"working_electrode.gap": None}, r"working_electrode\.gap\.thickness.*adds or removes a law"),
        ({"counter_electrode.symmetric": True}, r"counter_electrode\.symmetric"),
        ({"electrolyte.thickness": "100 um", "temperature": 300.0}, r"^electrolyte\.thickness: changes"),
        ({"numerics.relative_tolerance": 1e-4}, "numerics: belongs to the simulation"),
        ({"electrolyte.diameter": "10 mm", "working_electrode.diameter": "6 mm"}, r"electrolyte\.diameter"),
        (
            {"electrolyte.layers": [{"name": "film", "thickness": "1 um", "conductivity": "1 mS/cm"}]},
            r"electrolyte\.layers\.0\.name, electrolyte\.layers\.0\.thickness: changes the geometry",
        ),
        ({"working_electrode.gap.thickness": "-3 nm"}, r"working_electrode\.gap\.thickness"),
    ],
)
def test_what_is_no_law_is_refused(changes: dict[str, object], message: str) -> None:
    """A change of geometry, of what laws there are, or of the numerics needs a new simulation; the key is named."""
    with pytest.raises(InputError, match=message):
        family("charge transfer").evaluate(**changes)


def test_the_thickness_of_a_pellet_that_is_cut_is_no_geometry() -> None:
    """Where the electrolyte beyond the modelled depth is in series, its thickness may vary: Z moves by dL/kappa."""
    found = family("charge transfer")
    thin, thick = found.evaluate(), found.evaluate(**{"electrolyte.thickness": "3 mm"})
    omega = 2.0 * np.pi * thin.frequency_Hz
    kappa = thin.cell.electrolyte.law()(omega, thin.cell.temperature)
    assert thick.impedance_ohm_cm2 - thin.impedance_ohm_cm2 == pytest.approx(2e-3 / kappa * 1e4, rel=1e-9)


def test_a_result_from_a_file_has_no_family() -> None:
    """Only what `simulate` returned in this process holds its matrices."""
    from dataclasses import replace

    with pytest.raises(InputError, match="no model"):
        Family(replace(simulate(CASES["charge transfer"][0]), model=None))


def test_a_basis_that_cannot_grow_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Never a spectrum whose bound is above what was asked."""
    found = Family(simulate(CASES["layers"][0]))
    monkeypatch.setattr(parametric, "_MOST_STEPS", 1)
    with pytest.raises(ConvergenceError, match="bound of the basis"):
        found.evaluate(**drawn(CASES["layers"][1], np.random.default_rng(0)))


def test_coercivity_is_a_lower_bound_of_the_smallest_eigenvalue() -> None:
    """sum a A >= alpha sum m A for random weights over 12 decades, against generalised eigenvalues."""
    model = simulate(CASES["counter in the piece"][0].with_(**{"numerics.relative_tolerance": 1e-2})).model
    assert isinstance(model, SolvedCell)
    problem = model.sides[0].reduced.problem
    n = problem.n_free
    matrices = np.stack([t.matrix.toarray()[:n, :n] for t in problem.terms])
    depth = model.sides[0].interface.depth_m
    series = np.array([{"electrolyte": depth, "counter": 1.0}.get(t.name, np.nan) for t in problem.terms])
    # Weights of like effect: a volume's over its thickness.
    scale = np.where(np.isnan(series) | (series == 1.0), 1.0 / depth, 1.0)
    random = np.random.default_rng(8)
    sharp = 0
    for _ in range(60):
        a, m = scale * 10.0 ** random.uniform(-6, 6, (2, len(scale)))
        alpha = float(coercivity(a, m, series))
        left, right = np.tensordot(a, matrices, 1), np.tensordot(m, matrices, 1)
        d = 1.0 / np.sqrt(np.diag(right))
        smallest = scipy.linalg.eigh(left * d[:, None] * d, right * d[:, None] * d, eigvals_only=True)[0]
        assert alpha <= smallest * (1 + 1e-6) + 1e-9 * np.max(a / m)
        naive = float(np.min(a / m))
        assert alpha >= 0.3 * naive
        sharp += alpha > 10.0 * naive
    # What the surfaces carry too little to matter is no loss.
    assert sharp >= 6


def test_multigrid_cycles_are_as_good_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of a factorised reference: never below it, and above by no more than the cycles' own error."""
    result = simulate(CASES["tetrahedra"][0])
    changes = drawn(CASES["tetrahedra"][1], np.random.default_rng(5))
    direct = Family(result, tolerance=0.5).evaluate(**changes)
    monkeypatch.setattr(bounding, "_DIRECT", 100)
    cycled = Family(result, tolerance=0.5).evaluate(**changes)
    assert direct.full_solves == cycled.full_solves == 0
    ratio = cycled.reduction_error / direct.reduction_error
    assert (ratio >= 1.0 - 1e-6).all() and (ratio < 1.6).all()


def test_activation_energy_of_the_family_is_that_of_its_exact_derivative() -> None:
    """Two temperatures of the family against d ln Z / d(1/kT) from the simulated cell alone."""
    cell = CASES["charge transfer"][0].with_(
        **{"electrolyte.activation_energy": "0.3 eV", "electrolyte.arrhenius": "sigma"}
    )
    result = simulate(cell)
    found = Family(result, tolerance=1e-9)
    t, h = cell.temperature, 0.5
    low, high = (found.evaluate(temperature=t + s).impedance_ohm_cm2 for s in (-h, h))
    kt = Boltzmann * np.array([t - h, t + h]) / elementary_charge
    slope = np.log(low / high) / (1.0 / kt[0] - 1.0 / kt[1])
    assert slope == pytest.approx(activation_energies(result).spectrum, rel=1e-4)
