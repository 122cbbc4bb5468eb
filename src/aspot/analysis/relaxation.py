"""Exact relaxation times of the field model, without any fit or regularisation.

With resistances and capacitances only, the reduced problem is a network G + s C of real symmetric matrices, C and G
positive semidefinite, s = j omega. A law of parts in series (interphase and charge transfer, grains and boundaries)
becomes linear in s by its inner potentials: with A = B B^T and u = B^T x,

    theta(s) x^T A x = min over v of  y_1 |u - v|^2 + y_2 |v|^2 ,     1/theta = 1/y_1 + 1/y_2 .

With the port free and 1 A into it, its potential is Z. The generalised eigenproblem C v = tau G v, v^T G v = 1, gives

    Z(s) = R_inf + sum_k R_k / (1 + s tau_k) ,    R_k = a (v_k at the port)^2 >= 0 ,    tau_k > 0 ,

R_inf being the sum over tau = 0, and a the area: the distribution of relaxation times of the model, passive by
construction. The electrolyte beyond the modelled depth, a second interface and a counter electrode add terms of theirs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from aspot.compose import EffectiveLaw, SolvedCell, SolvedInterface, model_of
from aspot.errors import InputError
from aspot.laws import BrickLayer, Conductor, Gap, Law, PolycrystalMedium, ResistorCapacitor, Series
from aspot.result import Result
from aspot.units import OHM_CM2

#: Times that differ by less than this, relatively, are one: Z changes by a quarter of its square.
_SAME = 1e-4
#: Directions of a matrix below this part of its largest eigenvalue are rounding.
_RANK = 1e-15

Real = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class RelaxationTimes:
    """Z(omega) = R_inf + sum_k R_k / (1 + j omega tau_k).

    Parameters
    ----------
    tau_s : (K,) float
        Relaxation times, longest first [s].
    resistance_ohm_cm2 : (K,) float
        R_k, positive.
    R_inf_ohm_cm2 : float
        What remains at infinite frequency; 0 if every phase has a permittivity.
    """

    tau_s: Real
    resistance_ohm_cm2: Real
    R_inf_ohm_cm2: float

    @property
    def characteristic_frequency_Hz(self) -> Real:
        """Frequencies 1/(2 pi tau_k) [Hz]."""
        return np.asarray(1.0 / (2.0 * np.pi * self.tau_s))

    @property
    def capacitance_F_per_cm2(self) -> Real:
        """Capacitances tau_k/R_k [F/cm2]."""
        return np.asarray(self.tau_s / self.resistance_ohm_cm2)

    def impedance(self, frequency_Hz: NDArray[np.float64]) -> NDArray[np.complex128]:
        """Impedance of the sum, shape (m,) [ohm cm2]."""
        jw = 2j * np.pi * np.asarray(frequency_Hz, float)[:, None]
        return np.asarray(self.R_inf_ohm_cm2 + np.sum(self.resistance_ohm_cm2 / (1.0 + jw * self.tau_s), axis=1))


def relaxation_times(source: Result | SolvedCell, *, negligible: float = 1e-6) -> RelaxationTimes:
    """Relaxation times and resistances of a cell.

    Exact for the reduced model that made the spectrum, so that the sum gives the spectrum back. Where the field relaxes
    over a continuous range of times, discrete ones stand for it, more of them the larger the basis: isolated times and
    their R_k converge, and so does the sum of R_k over any range between gaps. Where Z is extrapolated from two levels
    (tetrahedra) the times are those of the finer one.

    Parameters
    ----------
    source : Result or SolvedCell
        A result of `simulate`, or `aspot.parametric.Family.model` for other parameters.
    negligible : float
        An R_k below this part of the sum joins the neighbour that is closer, whose time stays: the sum is kept, and Z
        changes by that part at most. 0 keeps all.

    Returns
    -------
    RelaxationTimes

    Raises
    ------
    InputError
        If the result has no model; if a law is not a network of resistances and capacitances (a CPE has a continuous
        distribution and no discrete times), the message naming the law; if the electrode is smaller than the pellet and
        structured: its two scales make no network.
    """
    model = model_of(source)
    p = model.plan
    temperature, copies = p.cell.temperature, p.sides[0].copies
    times: list[tuple[Real, Real]] = []
    if model.pellet is not None:
        tau, r = _poles(model.pellet)
        times.append((tau, copies * r))
    else:
        rest = p.cell.electrolyte.thickness
        for side, solved in model.paired(p):
            tau, r = _poles(solved)
            times.append((tau, side.copies * r))
            rest -= side.copies * side.interface.depth_m
        if rest > 1e-12 * p.cell.electrolyte.thickness:
            times.append(_of_law(p.electrolyte, temperature, "electrolyte", rest))
        if p.counter is not None:
            times.append(_of_law(p.counter, temperature, "counter electrode", 1.0))
    tau, r = (np.concatenate([pair[k] for pair in times]) for k in (0, 1))
    total = r.sum()
    instant = tau <= 1e-18 * max(tau.max(), 1e-300)
    tau_s, resistance = _merged(tau[~instant], r[~instant], negligible * total)
    return RelaxationTimes(
        tau_s=tau_s, resistance_ohm_cm2=resistance * OHM_CM2, R_inf_ohm_cm2=float(r[instant].sum()) * OHM_CM2
    )


def elements_of(law: Law, temperature_K: float, name: str) -> list[tuple[float, float]]:
    """Conductance g and capacitance c of the elements y = g + s c that a law has in series.

    Raises
    ------
    InputError
        If the law is no such network.
    """
    if isinstance(law, Conductor | ResistorCapacitor | Gap):
        if isinstance(law, ResistorCapacitor) and law.cpe_exponent != 1.0 and law.cpe_prefactor > 0.0:
            raise InputError(
                f"cpe_exponent = {law.cpe_exponent:g} of the {law.name} ({name}): a constant-phase element has a "
                "continuous distribution of relaxation times; allowed: 1 (a capacitance)"
            )
        y = complex(law(np.ones(1), temperature_K)[0])
        return [(y.real, y.imag)]
    if isinstance(law, Series):
        return [pair for member in law.members for pair in elements_of(member, temperature_K, name)]
    if isinstance(law, BrickLayer):
        size = law.grain_size_m
        boundary = [(g * size, c * size) for g, c in elements_of(law.boundary, temperature_K, name)]
        return elements_of(law.bulk, temperature_K, name) + boundary
    if isinstance(law, PolycrystalMedium):
        bulk, wall = (np.array(elements_of(member, temperature_K, name)[0]) for member in law.members.values())
        parts = [
            (bulk * of_bulk + wall * law.grain_size_m * of_wall) / c for c, of_bulk, of_wall in law.response.elements
        ]
        return [(float(g), float(capacitance)) for g, capacitance in parts]
    if isinstance(law, EffectiveLaw):
        raise InputError(
            "relaxation times: an electrode smaller than the pellet with spots, pores, strips or layers is solved on "
            "two scales, which make no network; leave out the diameters"
        )
    raise InputError(f"relaxation times: the law of the {name} ({type(law).__name__}) is no network of R and C")


def _of_law(law: Law, temperature: float, name: str, length: float) -> tuple[Real, Real]:
    """Times and resistances of a law in series [s], [ohm m2]; `length` is that of a volume [m], else 1."""
    pairs = np.array(elements_of(law, temperature, name))
    return pairs[:, 1] / pairs[:, 0], length / pairs[:, 0]


def _poles(solved: SolvedInterface) -> tuple[Real, Real]:
    """Relaxation times [s] and resistances [ohm m2] of a piece."""
    g, c = pencil(solved)
    # Equal diagonals, so that weak and strong directions are resolved alike.
    scale = 1.0 / np.sqrt(np.diag(g))
    g, c = (m * scale[:, None] * scale for m in (g, c))
    tau, v = eigh(c, g)
    port = v[0] * scale[0]
    return np.maximum(tau, 0.0), solved.reduced.problem.area_m2 * port**2


def pencil(solved: SolvedInterface) -> tuple[Real, Real]:
    """The network G + s C of a piece, the port first; inner potentials of laws in series after the reduced ones."""
    reduced = solved.reduced
    n = reduced.matrices.shape[1]
    g, c = np.zeros((n, n)), np.zeros((n, n))
    for term, matrix in zip(reduced.problem.terms, reduced.matrices, strict=True):
        pairs = elements_of(term.law, reduced.problem.temperature_K, term.name)
        if len(pairs) == 1:
            g[:n, :n] += pairs[0][0] * matrix
            c[:n, :n] += pairs[0][1] * matrix
            continue
        factor = _factor(matrix)
        rank, old = factor.shape[1], len(g)
        new = (len(pairs) - 1) * rank
        g, c = (np.pad(m, (0, new)) for m in (g, c))
        # Ends of every element, as maps from all unknowns to its potentials.
        ends = [np.zeros((len(g), rank)) for _ in range(len(pairs) + 1)]
        ends[0][:n] = factor
        for k in range(1, len(pairs)):
            first = old + (k - 1) * rank
            ends[k][first : first + rank] = np.eye(rank)
        for (conductance, capacitance), a, b in zip(pairs, ends[:-1], ends[1:], strict=True):
            drop = (a - b) @ (a - b).T
            g += conductance * drop
            c += capacitance * drop
    return g, c


def _factor(matrix: Real) -> Real:
    """B with B B^T = matrix, positive semidefinite, without directions that are rounding."""
    scale = np.sqrt(np.maximum(np.diag(matrix), 0.0))
    used = np.where(scale > 0, scale, 1.0)
    values, vectors = np.linalg.eigh(matrix / used[:, None] / used)
    kept = values > _RANK * values[-1]
    return np.asarray(used[:, None] * vectors[:, kept] * np.sqrt(values[kept]))


def _merged(tau: Real, r: Real, negligible: float) -> tuple[Real, Real]:
    """Longest time first; equal times are one, and small resistances join their neighbour."""
    order = np.argsort(-tau)
    times, parts = list(tau[order]), list(r[order])

    def join(k: int, time: float) -> None:
        """Entries k and k + 1 become one: the sum of R stays."""
        times[k] = time
        parts[k] += parts[k + 1]
        del times[k + 1], parts[k + 1]

    k = 0
    while k + 1 < len(times):
        if times[k] - times[k + 1] <= _SAME * times[k]:
            total = parts[k] + parts[k + 1]
            mean = (parts[k] * times[k] + parts[k + 1] * times[k + 1]) / total if total > 0 else times[k]
            join(k, mean)
        else:
            k += 1
    while len(times) > 1:
        k = int(np.argmin(parts))
        if parts[k] > negligible:
            break
        above = np.log(times[k - 1] / times[k]) if k > 0 else np.inf
        below = np.log(times[k] / times[k + 1]) if k + 1 < len(times) else np.inf
        first = k - 1 if above <= below else k
        join(first, times[first] if parts[first] >= parts[first + 1] else times[first + 1])
    return np.array(times), np.array(parts)
