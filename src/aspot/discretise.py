"""Backends: from the continuous problem of an interface to an affine Problem, at a numbered level of resolution.

A new backend is one `Backend` in `BACKENDS`: which unit cells it accepts, how it discretises them at a level, what
that would cost, and how it turns a solution into a field.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from aspot.errors import MemoryLimitError
from aspot.fem import profile as profile_fem
from aspot.fem.problem import Problem, Role, Term
from aspot.interface import InterfaceProblem
from aspot.laws import Law
from aspot.mesh import profile as profile_mesh
from aspot.morphology.unit_cell import BoxCell, ProfileCell


@dataclass(frozen=True)
class Discrete:
    """An interface problem made discrete: the affine problem and the assembly that gives its unknowns a place."""

    interface: InterfaceProblem
    problem: Problem
    assembly: object


@dataclass(frozen=True, kw_only=True)
class Backend:
    """One way to discretise an interface problem.

    Parameters
    ----------
    name : str
    n_levels : int
        Levels 0 .. n_levels - 1, each finer than the one before.
    safety : float
        The change of a result from one level to the next, times this, bounds the error of the finer one.
    accepts : callable
        Whether it can solve a unit cell.
    discretise : callable
        (interface, level) -> Discrete.
    unknowns : callable
        (interface, level) -> estimated number of unknowns.
    memory_bytes : callable
        unknowns -> estimated peak memory of a complex direct solve.
    """

    name: str
    n_levels: int
    safety: float
    accepts: Callable[[object], bool]
    discretise: Callable[[InterfaceProblem, int], Discrete]
    unknowns: Callable[[InterfaceProblem, int], float]
    memory_bytes: Callable[[float], float]


def _terms(interface: InterfaceProblem, matrices: Mapping[str, csr_array]) -> tuple[Term, ...]:
    """Attach each matrix to its law."""
    laws: dict[str, tuple[Role, Law | None]] = {
        "electrolyte": ("electrolyte", interface.electrolyte),
        "contact": ("contact", interface.contact),
        "gap": ("gap", interface.gap),
        "counter": ("counter", interface.counter),
    }
    laws |= {layer.name: ("layer", layer.law) for layer in interface.layers}
    terms = []
    for name, matrix in matrices.items():
        role, law = laws[name]
        # An insulating gap contributes nothing at any frequency.
        if law is not None:
            terms.append(Term(name=name, role=role, law=law, matrix=matrix))
    return tuple(terms)


def _layers(interface: InterfaceProblem) -> tuple[tuple[str, float], ...]:
    return tuple((layer.name, layer.thickness_m) for layer in interface.layers)


# Flux tubes and strips: high-order elements, rings around the rims --------------------------------------------------

_ORDERS = (3, 4, 5, 6, 7, 8, 10, 12)


def _profile_mesh(interface: InterfaceProblem, level: int) -> profile_mesh.ProfileMesh:
    assert isinstance(interface.cell, ProfileCell)
    return profile_mesh.build(
        interface.cell,
        depth=interface.depth_m,
        layers=_layers(interface),
        rings=_ORDERS[level],
        ratio=0.15,
        growth=3.5,
    )


def _discretise_profile(interface: InterfaceProblem, level: int) -> Discrete:
    assembly = profile_fem.assemble(
        _profile_mesh(interface, level),
        _ORDERS[level],
        ideal_contact=interface.contact is None,
        ideal_counter=interface.counter is None,
    )
    problem = Problem(_terms(interface, assembly.matrices), assembly.area, interface.temperature_K)
    return Discrete(interface, problem, assembly)


def _profile_unknowns(interface: InterfaceProblem, level: int) -> float:
    # About 2 p - 1 nodes on the edges of each element belong to it alone.
    return len(_profile_mesh(interface, level).quads) * (2.0 * _ORDERS[level] - 1.0)


PROFILE = Backend(
    name="axisymmetric",
    n_levels=len(_ORDERS),
    safety=1.0,
    accepts=lambda cell: isinstance(cell, ProfileCell),
    discretise=_discretise_profile,
    unknowns=_profile_unknowns,
    # Element matrices of order 12 take 230 kB each; the factors are smaller.
    memory_bytes=lambda n: 2.0e4 * n,
)

BACKENDS: dict[str, Backend] = {b.name: b for b in (PROFILE,)}
