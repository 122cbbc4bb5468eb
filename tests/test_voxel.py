"""Label images: exact media, closed forms, bounds from both sides, and solvers that know neither size nor contrast."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray
from samples import error_left_of_guess

from aspot.discretise import SURFACE, VOXEL
from aspot.discretise.voxel import nodes_problem
from aspot.errors import InputError, MemoryLimitError
from aspot.fem import voxel as voxel_fem
from aspot.fem.voxel import VoxelProblem
from aspot.fem.voxel_cells import VoxelCellsProblem
from aspot.interface import InterfaceProblem
from aspot.laws import Law
from aspot.mesh import voxel as voxel_mesh
from aspot.morphology.unit_cell import BoxCell, Square, VoxelCell
from aspot.reduction import reduce

H = 1e-6
T = 298.15


@dataclass(frozen=True)
class Parallel:
    """Conductance g parallel to capacitance c."""

    g: float
    c: float = 0.0
    name: str = "law"

    def __call__(self, omega: ArrayLike, temperature: float) -> NDArray[np.complex128]:
        return self.g + 1j * np.asarray(omega, float) * self.c

    def parts(self, omega: ArrayLike, temperature: float) -> dict[str, NDArray[np.complex128]]:
        return {self.name: 1.0 / self(omega, temperature)}


def image(labels: NDArray[np.uint8], phases: Mapping[str, tuple[int, ...]], **more: object) -> VoxelCell:
    return VoxelCell(**{"labels": labels, "voxel_m": (H, H, H), "conductors": phases, **more})  # type: ignore[arg-type]


def problems(
    cell: VoxelCell, laws: Mapping[str, Law | None], subdivision: int = 1
) -> tuple[VoxelProblem, VoxelCellsProblem]:
    """Potentials at nodes, and the network of the same labels."""
    every = {"contact": None, "gap": None, "counter": None, **laws}
    mesh = voxel_mesh.build(
        cell, subdivision=subdivision, ideal_contact=every["contact"] is None, counter_law=every["counter"] is not None
    )
    return nodes_problem(mesh, every, T), VoxelCellsProblem(mesh, every, mesh.area_m2, T)


def resistances(cell: VoxelCell, laws: Mapping[str, Law | None], subdivision: int = 1) -> tuple[float, float]:
    """Both bounds of the resistance [ohm]."""
    nodes, network = problems(cell, laws, subdivision)
    low = 1.0 / nodes.admittance(nodes.solve(0.0), 0.0).real
    return low, network.impedance_by_current(network.solve(0.0), 0.0).real


def spheres(n: int, fraction: float, radius: float, seed: int) -> NDArray[np.uint8]:
    """1 in overlapping spheres at random places of a periodic box that fill a part of it, else 0."""
    rng = np.random.default_rng(seed)
    reach = int(np.ceil(radius))
    offsets = np.argwhere(np.sum((np.indices((2 * reach + 1,) * 3) - reach) ** 2, axis=0) <= radius**2) - reach
    out = np.zeros((n, n, n), np.uint8)
    while out.mean() < fraction:
        out[tuple(((rng.integers(0, n, 3) + offsets) % n).T)] = 1
    return out


BOTH = {"electrolyte": (0,), "pore": (1,)}


# --- exact media ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("omega", [0.0, 1e6])
def test_layers_in_series_with_laws_on_faces_are_exact(periodic: bool, omega: float) -> None:
    """Across layers Z = z_contact + sum h/kappa + z_counter, whatever the voxels; in both formulations."""
    labels = np.repeat(np.array([2, 0, 0, 0, 1, 1], np.uint8), 12).reshape(6, 4, 3)
    cell = image(labels, BOTH, metal=(2,), plate=False, periodic=periodic, voxel_m=(2 * H, H, 3 * H))
    laws = {
        "electrolyte": Parallel(0.5, 1e-8), "pore": Parallel(2e-3, 3e-9), "contact": Parallel(3e4, 1e-2),
        "counter": None,
    }  # fmt: skip
    at = np.array([omega])
    z = 1.0 / laws["contact"](at, T) + 6 * H / laws["electrolyte"](at, T) + 4 * H / laws["pore"](at, T)
    for problem in problems(cell, laws):
        x = problem.solve(omega)
        assert problem.area_m2 / problem.admittance(x, omega) == pytest.approx(complex(z[0]), rel=1e-8)
    network = problems(cell, laws)[1]
    found = network.impedance_by_current(network.solve(omega), omega) * network.area_m2
    assert found == pytest.approx(complex(z[0]), rel=1e-8)


def test_counter_law_and_gap_are_exact_in_series_and_parallel() -> None:
    """Half of the face under a thin gap, half under a contact law, over a far better conductor: 1/z adds up."""
    labels = np.zeros((5, 4, 4), np.uint8)
    labels[0, :, :2], labels[0, :, 2:] = 2, 3
    cell = image(labels, {"electrolyte": (0,)}, metal=(2,), gap=(3,), plate=False)
    laws = {
        "electrolyte": Parallel(1.0), "contact": Parallel(2.0, 1e-6), "gap": Parallel(0.0, 5e-6),
        "counter": Parallel(7.0),
    }  # fmt: skip
    omega = 1e6
    y = 0.5 * (2.0 + 1j) + 0.5 * 5j
    z = 1.0 / y + 1.0 / 7.0
    for problem in problems(cell, laws):
        found = problem.area_m2 / problem.admittance(problem.solve(omega), omega)
        # The electrolyte itself has 4e-6 ohm m2.
        assert found == pytest.approx(z, rel=2e-5)


def test_layers_in_parallel_are_exact_and_pores_carry_none() -> None:
    """Along layers conductances add up, at a contrast of 1e12 as well as without any second phase."""
    labels = np.zeros((6, 8, 8), np.uint8)
    labels[:, :, 3:] = 1
    for pore in (0.3, 1e-12, None):
        cell = image(labels, BOTH if pore else {"electrolyte": (0,)})
        expected = (3 + 5 * (pore or 0.0)) / 8 * 8 * 8 * H / 6
        low, high = resistances(cell, {"electrolyte": Parallel(1.0), "pore": Parallel(pore) if pore else None})
        assert low == pytest.approx(1.0 / expected, rel=1e-8)
        assert high == pytest.approx(1.0 / expected, rel=1e-8)


# --- matrices ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("periodic", [False, True])
def test_sums_over_voxels_equal_the_textbook_element(periodic: bool) -> None:
    """A_q x without matrices is that of the tensor-product element assembled entry by entry."""
    h, shape = (2.0 * H, 1.0 * H, 0.5 * H), (3, 4, 5)
    labels = np.random.default_rng(1).integers(0, 2, shape).astype(np.uint8)
    cell = image(labels, BOTH, voxel_m=h, periodic=periodic)
    laws = {"electrolyte": Parallel(1.0), "pore": Parallel(1.0), "counter": Parallel(1.0)}
    problem = problems(cell, laws)[0]
    mass = [v / 6 * np.array([[2.0, 1], [1, 2]]) for v in h]
    stiff = [1 / v * np.array([[1.0, -1], [-1, 1]]) for v in h]
    element = sum(
        np.kron((stiff if a == 0 else mass)[0], np.kron((stiff if a == 1 else mass)[1], (stiff if a == 2 else mass)[2]))
        for a in range(3)
    )
    nodes = np.arange(4 * 5 * 6).reshape(4, 5, 6)
    if periodic:
        nodes[:, -1] = nodes[:, 0]
        nodes[:, :, -1] = nodes[:, :, 0]
    matrices = np.zeros((2, nodes.size, nodes.size))
    for k, j, i in np.ndindex(*shape):
        at = nodes[k : k + 2, j : j + 2, i : i + 2].ravel()
        matrices[labels[k, j, i]][np.ix_(at, at)] += element
    x = np.random.default_rng(2).standard_normal(problem.n_free + 1)
    grid = problem.on_grid(x).ravel()
    free = nodes.ravel()[np.flatnonzero(problem.mesh.status == voxel_mesh.FREE)]
    port = np.unique(nodes[0])
    for q, matrix in enumerate(matrices):
        image_q = matrix @ grid
        expected = np.append(image_q[free], image_q[port].sum())
        np.testing.assert_allclose(problem.images(x)[q], expected, rtol=1e-12, atol=1e-12 * np.abs(expected).max())
        stored = problem.stored().terms[q].matrix
        np.testing.assert_allclose(stored @ x, expected, rtol=1e-12, atol=1e-12 * np.abs(expected).max())
        np.testing.assert_allclose(problem.diagonals()[q], stored.diagonal()[:-1], rtol=1e-12)
    np.testing.assert_allclose(problem.energies(x), [x @ a for a in problem.images(x)], rtol=1e-11)


@pytest.mark.parametrize("periodic", [False, True])
def test_complex_solution_is_that_of_a_direct_solver(periodic: bool) -> None:
    """Contrast 1e9 in magnitude, phases 0 to 90 degrees, a contact law on metal faces: as factorised."""
    labels = spheres(14, 0.35, 2.5, 3)
    labels[:4][spheres(14, 0.3, 2.0, 4)[:4] > 0] = 2
    cell = image(labels, BOTH, metal=(2,), periodic=periodic)
    laws = {"electrolyte": Parallel(1.0, 1e-9), "pore": Parallel(0.0, 1e-11), "contact": Parallel(1e4, 1e-3)}
    nodes, network = problems(cell, laws)
    for omega in (1e2, 1e8):
        x, exact = nodes.solve(omega, limit=1e-11), nodes.stored().solve(omega)
        # In the norm of the energy: the potential inside enclosed islands hardly counts.
        assert nodes.admittance(x, omega) == pytest.approx(nodes.admittance(exact, omega), rel=1e-9)
        np.testing.assert_allclose(x, exact, atol=1e-6)
        v = network.solve(omega, limit=1e-11)
        current = np.tensordot(network.theta(omega)[:, 0], network.images(v.real) + 1j * network.images(v.imag), 1)
        assert np.abs(current[:-1]).max() < 1e-8 * abs(current[-1])
        assert current[-1] == pytest.approx(network.admittance(v, omega), rel=1e-8)


@pytest.mark.parametrize("omega", [1e-4, 1e-2, 1.0])
def test_nearly_insulating_pores_at_a_right_angle(omega: float) -> None:
    """Pores of pure permittivity beside a pure conductor: COCG breaks down at some frequencies, and GMRES goes on."""
    cell = image(spheres(24, 0.3, 4.0, 1), BOTH)
    laws = {"electrolyte": Parallel(1.0, 1e-2), "pore": Parallel(0.0, 1e-4), "contact": Parallel(0.1, 1.0)}
    nodes, _ = problems(cell, laws)
    x, exact = nodes.solve(omega, limit=1e-9), nodes.stored().solve(omega)
    assert nodes.admittance(x, omega) == pytest.approx(nodes.admittance(exact, omega), rel=1e-8)


@pytest.mark.parametrize("omega", [0.0, 1e7])
def test_energy_is_conserved_and_dissipation_positive(omega: float) -> None:
    """For 1 V the port current, x^T A x and, for its real part, the Hermitian energy agree."""
    labels = spheres(12, 0.3, 2.5, 5)
    laws = {"electrolyte": Parallel(1.0, 1e-9), "pore": Parallel(1e-3, 1e-9), "contact": Parallel(1e5, 1e-3)}
    for problem in problems(image(labels, BOTH, periodic=True), laws):
        x, theta = problem.solve(omega), problem.theta(omega)[:, 0]
        y = problem.admittance(x, omega)
        assert y.real > 0
        assert np.real(theta) @ problem.dissipation_weights(x) == pytest.approx(y.real, rel=1e-7)
        port = theta @ (problem.images(np.real(x))[:, -1] + 1j * problem.images(np.imag(x))[:, -1])
        assert complex(port) == pytest.approx(y, rel=1e-7)


def test_an_image_upside_down_has_the_same_resistance() -> None:
    """Reciprocity: exchanging metal and ground changes nothing."""
    labels = spheres(16, 0.4, 3.0, 6)
    laws = {"electrolyte": Parallel(1.0), "pore": Parallel(1e-3)}
    one, other = (resistances(image(a, BOTH), laws) for a in (labels, labels[::-1].copy()))
    assert one == pytest.approx(other, rel=1e-8)


# --- bounds -----------------------------------------------------------------------------------------------------------


def test_checkerboard_is_enclosed_and_approached() -> None:
    """Keller and Dykhne: a checkerboard of k1 and k2 conducts as sqrt(k1 k2); bounds narrow as the voxels do.

    At the corners the field is singular, r^(p - 1) with p = (4/pi) arctan sqrt(k1/k2): the width falls as h^(2p).
    """
    labels = np.zeros((2, 1, 2), np.uint8)
    labels[0, 0, 0] = labels[1, 0, 1] = 1
    laws = {"electrolyte": Parallel(1.0), "pore": Parallel(0.2)}
    exact = 1.0 / (np.sqrt(0.2) * H)
    widths = []
    for subdivision in (4, 8, 16, 32):
        # Along y nothing changes: one layer of voxels as deep as they are wide at first.
        cell = image(labels.repeat(subdivision, 0).repeat(subdivision, 2), BOTH)
        cell = replace(cell, voxel_m=(H / subdivision, H, H / subdivision))
        low, high = resistances(cell, laws)
        assert low < exact < high
        widths.append(high / low - 1.0)
    rates = np.log2(np.array(widths[:-1]) / widths[1:])
    order = 2.0 * 4.0 / np.pi * np.arctan(np.sqrt(0.2))
    np.testing.assert_allclose(rates[1:], order, atol=0.05)


@pytest.mark.parametrize("seed", range(6))
def test_bounds_tighten_and_the_estimate_holds(seed: int) -> None:
    """Potentials of cut voxels include those of whole ones: R rises. The extrapolated R is within its stated error."""
    rng = np.random.default_rng(seed)
    labels = spheres(12, rng.uniform(0.2, 0.5), rng.uniform(1.5, 3.0), seed)
    pore = 0.0 if seed % 2 else 10.0 ** rng.uniform(-4, 1)
    laws: dict[str, Law | None] = {"electrolyte": Parallel(1.0)}
    if pore:
        laws["pore"] = Parallel(pore)
    cell = image(labels, BOTH if pore else {"electrolyte": (0,)}, periodic=True)
    (low, high), (finer, finer_high) = resistances(cell, laws), resistances(cell, laws, 2)
    assert low * (1 - 1e-9) <= finer <= finer_high
    assert finer < high
    weight, safety = VOXEL.extrapolation(1)
    network = problems(cell, laws)[1]
    change = low - 1.0 / network.admittance(network.solve(0.0), 0.0).real
    best = low + weight * change
    # Of the finer pair the middle errs by a fifth of its width at most.
    assert abs(best - 0.5 * (finer + finer_high)) <= safety * abs(change) + 0.2 * (finer_high - finer)
    assert low < best < high


def test_dilute_insulating_spheres_follow_maxwell() -> None:
    """(1 - f)/(1 + f/2) for a cubic array of insulating spheres, to the next term of Rayleigh and the staircase."""
    n, radius = 16, 7.3
    r = np.sqrt(np.sum((np.indices((n, n, n)) + 0.5) ** 2, axis=0))
    labels = (r < radius).astype(np.uint8)
    f = float(labels.mean())
    low, high = resistances(image(labels, {"electrolyte": (0,)}), {"electrolyte": Parallel(1.0)})
    conductivity = 1.0 / (0.5 * (low + high) * n * H)
    assert conductivity == pytest.approx((1 - f) / (1 + f / 2), abs=0.1 * f)


def test_square_spots_agree_with_the_surface_backend() -> None:
    """An array of square contacts on whole voxels: R of high-order elements lies between the bounds at every level."""
    half, side = 12 * H, 16 * H
    box = BoxCell(size_x=half, size_y=half, shapes=(Square(x=0.0, y=0.0, side=side),), contact_inside=True)
    layer = np.ones((1, 12, 12), np.uint8)
    layer[0, :8, :8] = 2
    labels = np.concatenate([layer, np.zeros((16, 12, 12), np.uint8)])
    cell = image(labels, {"electrolyte": (0,)}, metal=(2,), plate=False)
    fine = InterfaceProblem(cell=box, depth_m=16 * H, electrolyte=Parallel(1.0), temperature_K=T)
    discrete = SURFACE.discretise(fine, 1)
    problem = discrete.problem
    exact = problem.area_m2 / problem.admittance(problem.solve(0.0), 0.0).real
    before = None
    for subdivision in (1, 2):
        low, high = (r * half**2 for r in resistances(cell, {"electrolyte": Parallel(1.0)}, subdivision))
        assert low < exact < high
        assert abs(0.5 * (low + high) - exact) < 0.1 * (high - low)
        if before:
            # Rims: the error of the energy falls with the first power of the voxel.
            assert (exact - low) / before == pytest.approx(0.5, abs=0.05)
        before = exact - low


# --- solver -----------------------------------------------------------------------------------------------------------


def iterations(labels: NDArray[np.uint8], pore: float, periodic: bool = False) -> tuple[int, int]:
    laws: dict[str, Law | None] = {"electrolyte": Parallel(1.0)}
    if pore:
        laws["pore"] = Parallel(pore)
    counts = []
    for problem in problems(image(labels, BOTH if pore else {"electrolyte": (0,)}, periodic=periodic), laws):
        problem.solve(0.0)
        counts.append(problem.solves[-1].iterations)
    return counts[0], counts[1]


def test_iterations_know_neither_size_nor_contrast() -> None:
    """To the same residual: images of one kind 8 times larger, and pores 1 to 1e-12 as conducting or insulating."""
    small, large = spheres(24, 0.35, 3.0, 7), spheres(48, 0.35, 3.0, 8)
    small_counts = [iterations(small, pore) for pore in (1.0, 1e-3, 1e-6, 1e-12, 0.0)]
    assert np.max(small_counts) <= 20
    assert np.ptp(np.array(small_counts)[:, 0]) <= 4
    assert np.ptp(np.array(small_counts)[:, 1]) <= 4
    large_counts = [iterations(large, pore, periodic=True) for pore in (1e-12, 0.0)]
    assert np.max(np.array(large_counts) - small_counts[-2:]) <= 4


def test_noise_of_single_voxels_is_no_harder() -> None:
    """Every voxel at random: islands of conductor in pores of 1e-12, and the other way round."""
    labels = (np.random.default_rng(0).random((25, 27, 26)) < 0.5).astype(np.uint8)
    assert max(*iterations(labels, 1e-12), *iterations(labels, 1e12), *iterations(labels, 1e-12, True)) <= 32


def test_a_spectrum_takes_few_solves() -> None:
    """The reduced basis takes both formulations as it takes any affine problem."""
    labels = spheres(10, 0.3, 2.0, 9)
    laws = {"electrolyte": Parallel(1.0, 1e-9), "pore": Parallel(0.0, 1e-11), "contact": Parallel(1e4, 1e-2)}
    omega = np.geomspace(1e-1, 1e11, 40)
    for problem in problems(image(labels, BOTH, plate=True), laws):
        reduced = reduce(problem, omega, tolerance=1e-6)
        assert reduced.full_solves <= 8
        for w in omega[[3, 17, 29, 39]]:
            full = problem.admittance(problem.solve(float(w)), float(w))
            assert complex(reduced.admittance(w)[0]) == pytest.approx(full, rel=1e-6)


def test_guesses_that_the_limit_accepts_are_improved_all_the_same() -> None:
    """Errors of reduced bases are measured so: most of the error of a good guess goes, too."""
    laws = {"electrolyte": Parallel(1.0, 1e-9), "pore": Parallel(0.0, 1e-11), "contact": Parallel(1e4, 1e-2)}
    for problem in problems(image(spheres(10, 0.3, 2.0, 9), BOTH, plate=True), laws):
        assert error_left_of_guess(problem, 1e6) < 0.1


# --- refusals ---------------------------------------------------------------------------------------------------------


def test_what_cannot_be_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = np.zeros((4, 3, 3), np.uint8)
    closed[2] = 1
    cell = image(closed, {"electrolyte": (0,)})
    interface = InterfaceProblem(cell=cell, depth_m=4 * H, electrolyte=Parallel(1.0), temperature_K=T)
    with pytest.raises(InputError, match="infinite"):
        VOXEL.discretise(interface, 0)
    pores = replace(interface, cell=image(closed, BOTH), phases={"pore": Parallel(0.0, 1e-11)})
    with pytest.raises(InputError, match="infinite"):
        VOXEL.discretise(pores, 1)
    problem = problems(image(np.zeros((4, 3, 3), np.uint8), {"electrolyte": (0,)}), {"electrolyte": Parallel(1.0)})[0]
    monkeypatch.setattr(voxel_fem, "available_memory", lambda: 1e3)
    with pytest.raises(MemoryLimitError, match="GB"):
        problem.solve(0.0)


def test_parts_that_touch_neither_electrode_are_left_out() -> None:
    """A grain enclosed in an insulating pore changes nothing, and makes no system singular."""
    labels = np.zeros((9, 9, 9), np.uint8)
    labels[3:8, 2:7, 2:7] = 1
    filled = labels.copy()
    filled[5, 4, 3:6] = 0
    laws = {"electrolyte": Parallel(1.0)}
    hollow, full = (image(a, {"electrolyte": (0,)}) for a in (labels, filled))
    assert resistances(hollow, laws) == pytest.approx(resistances(full, laws), rel=1e-9)
    for without, with_island in zip(problems(hollow, laws), problems(full, laws), strict=True):
        assert without.n_free == with_island.n_free


def test_parts_joined_by_edges_alone_carry_current_between_nodes_only() -> None:
    """Potentials at nodes let current through edges, too much; the network does not, too little: they are bounds."""
    labels = np.zeros((9, 9, 9), np.uint8)
    for axis in range(3):
        for side in (-1, 1):
            labels[tuple(np.array([4, 4, 4]) + side * np.eye(3, dtype=int)[axis])] = 1
    labels[4, 4, 5:8] = (0, 1, 1)  # the part has two voxels
    for y, z in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        labels[4 + z, 4 + y, 5] = 1
    cell = image(labels, {"electrolyte": (0,)})
    _, network = problems(cell, {"electrolyte": Parallel(1.0)})
    assert network.n_free == np.count_nonzero(labels == 0) - 2
    low, high = resistances(cell, {"electrolyte": Parallel(1.0)})
    assert 1.0 < high / low < 1.1
