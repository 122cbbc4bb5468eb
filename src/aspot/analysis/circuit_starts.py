"""Where the fit of a circuit begins, found from the spectrum alone.

Every reactive element inside a parallel group, and every element of finite diffusion, has a time constant. Those are
tried on a coarse grid over the measured range. For each choice the impedance of every member of the series is known up
to its size, and the sizes that fit best follow from linear least squares with none negative. The best choices that
differ are the starts.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from aspot.analysis.circuits import Circuit, Combination, Element, Parallel, in_series

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

#: Choices of time constants that are tried for each exponent, at most; nodes per decade, at most.
_CHOICES, _PER_DECADE = 400, 3
#: Exponents of constant-phase elements that are tried.
_EXPONENTS = (1.0, 0.8, 0.6)
#: Resistances of finite diffusion inside a group that are tried, relative to the others of the group.
_RATIOS = (0.2, 1.0, 6.0)

#: Exponent and ratio.
_Shape = tuple[float, float]
#: A member that the linear fit leaves out begins with this share of |Z| where it is largest.
_SMALL = 1e-3

#: How the parameters of an element change when its impedance grows by a factor: with it, against it, or not.
_GROWS = {"R": 1, "L": 1, "sigma": 1, "C": -1, "Q": -1, "n": 0, "tau": 0}


def starting_values(
    circuit: Circuit, frequency_Hz: Real, impedance_ohm_cm2: Complex, *, most: int = 5, seed: int = 0
) -> tuple[dict[str, float], ...]:
    """Starting values of all parameters, the most promising first.

    Parameters
    ----------
    circuit : Circuit
    frequency_Hz : (m,) float
    impedance_ohm_cm2 : (m,) complex
    most : int
        Number of starts, at most.
    seed : int
        Of the choice among the combinations of time constants, where there are too many to try all.

    Returns
    -------
    tuple of dict of str to float
        At least one.
    """
    members = in_series(circuit)
    slots = [tuple(_timed(member)) for member in members]
    counts = [len(s) for s in slots]
    grid = _grid(frequency_Hz, sum(counts), _orders(members, counts))
    weight = 1.0 / np.abs(impedance_ohm_cm2)
    target = np.concatenate([impedance_ohm_cm2.real * weight, impedance_ohm_cm2.imag * weight])
    known: dict[tuple[int, tuple[int, ...], _Shape], tuple[Real, dict[str, float]]] = {}

    def member_at(k: int, nodes: tuple[int, ...], shape: _Shape) -> tuple[Real, dict[str, float]]:
        """Weighted impedance of one member with resistances of 1, and its parameters."""
        key = (k, nodes, shape)
        if key not in known:
            values = _unit_values(members[k], dict(zip(slots[k], grid[list(nodes)], strict=True)), shape)
            z = members[k].impedance(frequency_Hz, values) * weight
            known[key] = (np.concatenate([z.real, z.imag]), values)
        return known[key]

    found = []
    for nodes in _choices(len(grid), members, counts, seed):
        for shape in _shapes(circuit):
            parts = [member_at(k, own, shape) for k, own in enumerate(nodes)]
            columns = np.stack([column for column, _ in parts], axis=1)
            size = np.linalg.norm(columns, axis=0)
            factors, rest = nnls(columns / size, target)
            found.append((rest, nodes, shape, factors / size))
    found.sort(key=lambda one: one[0])
    starts: list[dict[str, float]] = []
    taken: list[tuple[float, tuple[int, ...]]] = []
    for _, nodes, shape, factors in found:
        flat = tuple(n for own in nodes for n in own)
        near = [old for ratio, old in taken if ratio == shape[1]]
        if any(max((abs(a - b) for a, b in zip(flat, old, strict=True)), default=0) <= 1 for old in near):
            continue
        taken.append((shape[1], flat))
        values: dict[str, float] = {}
        for k, own in enumerate(nodes):
            _, unit = member_at(k, own, shape)
            floor = _SMALL / max(float(np.max(np.abs(members[k].impedance(frequency_Hz, unit)) * weight)), 1e-300)
            values |= _enlarged(members[k], unit, max(float(factors[k]), floor))
        starts.append(values)
        if len(starts) == most:
            break
    return tuple(starts)


def moved_values(
    circuit: Circuit, frequency_Hz: Real, impedance_ohm_cm2: Complex, values: Mapping[str, float], *, within: float
) -> tuple[dict[str, float], ...]:
    """Starts with one member of a fitted circuit moved to other time constants, and all sizes adapted; the best first.

    A search may end with two members in one arc, or with a member that does nothing, while another arc has none.

    Parameters
    ----------
    circuit : Circuit
    frequency_Hz : (m,) float
    impedance_ohm_cm2 : (m,) complex
    values : mapping of str to float
        Of the fit.
    within : float
        Largest sum of squares, relative to that of the given values, of what is returned.
    """
    members = in_series(circuit)
    grid = _grid(frequency_Hz, 1, 1)
    weight = 1.0 / np.abs(impedance_ohm_cm2)
    target = np.concatenate([impedance_ohm_cm2.real * weight, impedance_ohm_cm2.imag * weight])

    def column(member: Circuit, own: Mapping[str, float]) -> Real:
        z = member.impedance(frequency_Hz, own) * weight
        return np.concatenate([z.real, z.imag])

    here = [{name: values[name] for name in m.names} for m in members]
    columns = [column(m, own) for m, own in zip(members, here, strict=True)]
    limit = within * float(np.sum((np.sum(columns, axis=0) - target) ** 2))
    found: list[tuple[float, dict[str, float]]] = []
    for moved, unit in _moves(members, grid):
        tried = np.stack([*columns[:moved], column(members[moved], unit), *columns[moved + 1 :]], axis=1)
        size = np.linalg.norm(tried, axis=0)
        factors, rest = nnls(tried / size, target)
        if rest**2 < limit and factors[moved] > 0:
            start: dict[str, float] = {}
            for k, member in enumerate(members):
                start |= _enlarged(member, unit if k == moved else here[k], max(float(factors[k] / size[k]), _SMALL))
            found.append((float(rest), start))
    return tuple(start for _, start in sorted(found, key=lambda one: one[0]))


def _moves(members: Sequence[Circuit], grid: Real) -> Iterator[tuple[int, dict[str, float]]]:
    """Each member of one time constant at every node of the grid."""
    for k, member in enumerate(members):
        slots = tuple(_timed(member))
        if len(slots) == 1:
            for time, shape in itertools.product(grid, _shapes(member)):
                yield k, _unit_values(member, {slots[0]: float(time)}, shape)


def _timed(member: Circuit) -> Iterator[Element]:
    """Elements of a member of the series that need a time constant."""
    if isinstance(member, Element):
        yield from _finite(member)
    else:
        yield from (e for e in member.elements if e.symbol != "R")


def _signature(member: Circuit) -> str:
    """The member without its labels: equal for members that may change places."""
    if isinstance(member, Element):
        return member.symbol
    assert isinstance(member, Combination)
    joined = ("," if isinstance(member, Parallel) else "-").join(_signature(m) for m in member.members)
    return f"({joined})"


def count_of_times(circuit: Circuit) -> int:
    """Number of time constants of a circuit."""
    return sum(1 for member in in_series(circuit) for _ in _timed(member))


def interchangeable(circuit: Circuit) -> list[list[Circuit]]:
    """Members of the series that differ by their labels alone, where there are several with a time constant."""
    groups: dict[str, list[Circuit]] = {}
    for member in in_series(circuit):
        if any(True for _ in _timed(member)):
            groups.setdefault(_signature(member), []).append(member)
    return [group for group in groups.values() if len(group) > 1]


def _orders(members: Sequence[Circuit], counts: Sequence[int]) -> int:
    """Number of permutations of time constants that say the same."""
    signatures = [_signature(m) for m, n in zip(members, counts, strict=True) if n]
    return math.prod(math.factorial(signatures.count(s)) for s in set(signatures))


def _grid(frequency_Hz: Real, n_slots: int, orders: int) -> Real:
    """Time constants from a tenth of the shortest to ten times the longest measured one."""
    low = -math.log10(2.0 * math.pi * float(frequency_Hz.max())) - 1.0
    high = -math.log10(2.0 * math.pi * float(frequency_Hz.min())) + 1.0
    n = max(round((high - low) * _PER_DECADE) + 1, n_slots + 1)
    fewest = max(n_slots + 1, math.ceil(high - low))
    while n > fewest and math.perm(n, n_slots) / orders > _CHOICES:
        n -= 1
    return 10.0 ** np.linspace(low, high, n)


def _choices(
    n_nodes: int, members: Sequence[Circuit], counts: Sequence[int], seed: int
) -> list[tuple[tuple[int, ...], ...]]:
    """Nodes of the grid for every member: all orders but those of members that may change places."""
    n_slots = sum(counts)
    ends = np.cumsum([0, *counts])
    like: dict[str, list[int]] = {}
    for k, (member, n) in enumerate(zip(members, counts, strict=True)):
        if n:
            like.setdefault(_signature(member), []).append(int(ends[k]))

    def is_ordered(nodes: tuple[int, ...]) -> bool:
        # Highest frequency first, as the text is meant.
        return all(nodes[a] < nodes[b] for first in like.values() for a, b in itertools.pairwise(first))

    if math.perm(n_nodes, n_slots) <= 200_000:
        every = [nodes for nodes in itertools.permutations(range(n_nodes), n_slots) if is_ordered(nodes)]
    else:
        random = np.random.default_rng(seed)
        drawn = (tuple(int(i) for i in random.permutation(n_nodes)[:n_slots]) for _ in range(20 * _CHOICES))
        every = list({_sorted_like(nodes, like) for nodes in drawn})
    if len(every) > 2 * _CHOICES:
        picked = np.random.default_rng(seed).choice(len(every), 2 * _CHOICES, replace=False)
        every = [every[int(i)] for i in np.sort(picked)]
    return [tuple(nodes[a:b] for a, b in itertools.pairwise(ends)) for nodes in every]


def _sorted_like(nodes: tuple[int, ...], like: Mapping[str, list[int]]) -> tuple[int, ...]:
    """The same nodes with those of interchangeable members in order."""
    out = list(nodes)
    for first in like.values():
        for place, node in zip(first, sorted(nodes[a] for a in first), strict=True):
            out[place] = node
    return tuple(out)


def _shapes(circuit: Circuit) -> list[_Shape]:
    """What is tried beside time constants."""
    has_cpe = any(e.symbol == "Q" for e in circuit.elements)
    has_inner = any(not isinstance(m, Element) and _finite(m) for m in in_series(circuit))
    return list(itertools.product(_EXPONENTS if has_cpe else (1.0,), _RATIOS if has_inner else (1.0,)))


def _finite(member: Circuit) -> list[Element]:
    """Elements of finite diffusion."""
    return [e for e in member.elements if any(letter == "tau" for letter, _ in e.own)]


def _unit_values(member: Circuit, times: Mapping[Element, float], shape: _Shape) -> dict[str, float]:
    """Parameters with the given time constants and resistances of 1, those of inner diffusion of the ratio."""
    exponent, ratio = shape
    inner = [] if isinstance(member, Element) else _finite(member)
    values: dict[str, float] = {}
    for element in member.elements:
        tau = times.get(element, 1.0)
        own = {
            "R": ratio if element in inner else 1.0, "L": tau, "C": tau, "Q": tau**exponent, "n": exponent, "tau": tau,
            "sigma": 1.0 / math.sqrt(2.0 * tau),
        }  # fmt: skip
        values |= {element.name_of(letter): own[letter] for letter, _ in element.own}
    return values


def _enlarged(member: Circuit, values: Mapping[str, float], factor: float) -> dict[str, float]:
    """Parameters for `factor` times the impedance."""
    return {
        element.name_of(letter): values[element.name_of(letter)] * factor ** _GROWS[letter]
        for element in member.elements
        for letter, _ in element.own
    }
