"""What a backend is: from the continuous problem of an interface to an affine Problem, at a numbered level."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from aspot.fem.problem import AffineProblem, Role, Term
from aspot.field import Field
from aspot.interface import InterfaceProblem
from aspot.laws import Law
from aspot.reduction import ReducedProblem


@dataclass(frozen=True)
class Discrete:
    """An interface problem made discrete: the affine problem and the assembly that gives its unknowns a place."""

    interface: InterfaceProblem
    problem: AffineProblem
    assembly: object


@dataclass(frozen=True, kw_only=True)
class Backend:
    """One way to discretise an interface problem.

    Parameters
    ----------
    name : str
    n_levels : int
        Levels 0 .. n_levels - 1, each finer than the one before.
    first_level : callable
        relative tolerance -> level to begin with.
    usual_level : callable
        (unit cell, relative tolerance) -> level at which most cells end, for estimates.
    extrapolation : callable
        level -> (weight, safety): the change of Z from the level before is added once more with this weight; times
        `safety` it is taken as the error of the result.
    accepts : callable
        Whether it can solve a unit cell.
    prefers : callable
        Whether it is the automatic choice for a unit cell that it accepts, whatever else could solve it.
    discretise : callable
        (interface, level) -> Discrete.
    unknowns : callable
        (interface, level) -> estimated number of unknowns.
    memory_bytes : callable
        unknowns -> estimated peak memory of a spectrum with its fields, beyond that of the process [bytes].
    process_bytes : float
        Memory of a process that has loaded what it needs to solve and to draw, Python itself included [bytes].
    dual_impedance : callable or None
        (discrete, angular frequency, whether the far face is a cut, an approximate solution) -> impedance by the
        current, not the potential [ohm m2]: at direct current a guaranteed upper bound of the resistance, else a
        second, independent answer.
    resolution_error : callable or None
        (discrete, reduced problem, angular frequencies) -> error of the impedance [ohm m2] that the change from one
        level to the next need not show.
    field : callable
        (discrete, potentials, angular frequency, drop) -> Field. The potentials are for 1 V across the piece; `drop` is
        the complex share of the voltage of the cell that lies across the piece.
    """

    name: str
    n_levels: int
    first_level: Callable[[float], int] = lambda _: 0
    usual_level: Callable[[object, float], int]
    extrapolation: Callable[[int], tuple[float, float]]
    accepts: Callable[[object], bool]
    prefers: Callable[[object], bool] = lambda _: False
    discretise: Callable[[InterfaceProblem, int], Discrete]
    unknowns: Callable[[InterfaceProblem, int], float]
    memory_bytes: Callable[[float], float]
    process_bytes: float = 2.7e8
    dual_impedance: Callable[[Discrete, float, bool, NDArray[np.complex128]], complex] | None
    field: Callable[[Discrete, NDArray[np.complex128], float, complex], Field]
    resolution_error: Callable[[Discrete, ReducedProblem, NDArray[np.float64]], NDArray[np.float64]] | None = None


#: Roles of terms by name; all others are layers.
_ROLES: dict[str, Role] = {
    "electrolyte": "electrolyte",
    "grains": "electrolyte",
    "grain_boundaries": "boundary",
    "contact": "contact",
    "gap": "gap",
    "counter": "counter",
}


def laws_of_terms(interface: InterfaceProblem) -> dict[str, tuple[Role, Law]]:
    """Role and law of every term by its name; an ideal contact and an insulating gap have none."""
    return {name: (_ROLES.get(name, "layer"), law) for name, law in interface.laws.items()}


def terms(interface: InterfaceProblem, matrices: Mapping[str, csr_array]) -> tuple[Term, ...]:
    """Attach each matrix to its law."""
    laws = laws_of_terms(interface)
    # An insulating gap contributes nothing at any frequency.
    return tuple(
        Term(name=name, role=laws[name][0], law=laws[name][1], matrix=matrix)
        for name, matrix in matrices.items()
        if name in laws
    )


def region_admittivities(interface: InterfaceProblem, names: tuple[str, ...], omega: float) -> NDArray[np.complex128]:
    """Admittivity of each named region at an angular frequency, shape (len(names),) [S/m]."""
    laws = interface.laws
    return np.array([complex(laws[name](np.array([omega]), interface.temperature_K)[0]) for name in names])


def resistivities(interface: InterfaceProblem, names: tuple[str, ...], omega: float) -> list[complex]:
    """1/kappa of each named region [ohm m], real at direct current."""
    kappa = region_admittivities(interface, names, omega)
    return list(1.0 / (kappa.real if omega == 0.0 else kappa))


def interface_impedances(interface: InterfaceProblem, omega: float) -> dict[str, complex | None]:
    """1/y of contact, gap and counter [ohm m2], real at direct current; None: no law, or one that admits no current."""
    out: dict[str, complex | None] = {}
    for name in ("contact", "gap", "counter"):
        law = getattr(interface, name)
        y = 0.0 if law is None else complex(law(np.array([omega]), interface.temperature_K)[0])
        out[name] = None if y == 0.0 else 1.0 / (y.real if omega == 0.0 else y)
    return out


def region_names(interface: InterfaceProblem) -> tuple[str, ...]:
    """Layers, outermost first, and the electrolyte."""
    return (*(layer.name for layer in interface.layers), "electrolyte")


def named_layers(interface: InterfaceProblem) -> tuple[tuple[str, float], ...]:
    """Name and thickness [m] of every layer, outermost first."""
    return tuple((layer.name, layer.thickness_m) for layer in interface.layers)
