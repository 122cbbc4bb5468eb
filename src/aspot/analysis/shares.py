"""Which phase and which interface owns which part of Z(omega), exactly.

The admittance of a modelled piece is Y = sum_q theta_q x^T A_q x, so that with the area a

    Z = a/Y = sum_q Z_q ,   Z_q = a theta_q x^T A_q x / Y^2 = -dZ/d ln theta_q :

the complex power of every term for unit current, with its phase against that of the current. A law made of parts in
series shares its term as their impedances. At omega = 0 these are the parts of the resistance by dissipation. At other
frequencies a part may be negative in its real or imaginary part: currents in parallel paths are out of phase.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.constants import Boltzmann, elementary_charge

from aspot.compose import EffectiveLaw, SolvedCell, SolvedInterface, model_of
from aspot.errors import InputError
from aspot.laws import Law, PolycrystalMedium
from aspot.result import Result
from aspot.units import OHM_CM2

_STEP = 1e-4

Complex = NDArray[np.complex128]


@dataclass(frozen=True, eq=False)
class Part:
    """One element of one law and what it owns of Z.

    Parameters
    ----------
    name : str
        Of the part of the law ("bulk", "grain_boundaries", "charge_transfer", "gap", ...).
    side : "electrolyte", "working" or "counter"
    owner : "SE", "constriction" or the name itself
        "SE" for what the same pellet has between perfect contacts, "constriction" for the electrolyte's rest.
    impedance : (m,) complex
        What it owns of Z [ohm m2].
    conduction : (m,) complex
        Direct-current admittance of the element over its admittance, g/(g + Q (j omega)^n): 1 for a resistor.
    activation_energy : float
        -d ln g/d(1/kT) of its conductance g [eV]; 0 if it conducts no direct current.
    """

    name: str
    side: str
    owner: str
    impedance: Complex
    conduction: Complex
    activation_energy: float


def frequencies_of(model: SolvedCell, frequency_Hz: ArrayLike | None) -> NDArray[np.float64]:
    """The frequencies asked for, by default those of the cell [Hz], shape (m,).

    Raises
    ------
    InputError
        If one is negative or not finite.
    """
    if frequency_Hz is None:
        return model.plan.cell.frequencies.values_Hz()
    asked = np.atleast_1d(np.asarray(frequency_Hz, float))
    wrong = ~(np.isfinite(asked) & (asked >= 0))
    if wrong.any():
        raise InputError(f"frequency_Hz must be finite and not negative, got {asked[wrong][0]}")
    return asked


def impedance_shares(source: Result | SolvedCell, frequency_Hz: ArrayLike | None = None) -> dict[str, Complex]:
    """Parts of Z by phase and interface; they sum to Z.

    Parameters
    ----------
    source : Result or SolvedCell
    frequency_Hz : (m,) float, optional
        Default: those of the cell. 0 gives the partition of the direct-current resistance.

    Returns
    -------
    dict of str to (m,) complex
        [ohm cm2]: "SE bulk" and "SE grain_boundaries" ("SE" if the electrolyte has one part), "constriction", layers,
        "charge_transfer", "interphase", "gap", ... Electrodes on both sides are added by name.

    Raises
    ------
    InputError
        If the result has no model, or a frequency is negative or not finite.
    """
    model = model_of(source)
    out: dict[str, Complex] = {}
    parts = parts_of_impedance(model, 2.0 * np.pi * frequencies_of(model, frequency_Hz))
    n_phases = len({p.name for p in parts if p.owner == "SE"})
    for part in parts:
        name = f"SE {part.name}" if part.owner == "SE" and n_phases > 1 else part.owner
        out[name] = out.get(name, 0.0) + part.impedance * OHM_CM2
    return out


def parts_of_impedance(model: SolvedCell, omega: NDArray[np.float64]) -> list[Part]:
    """Every element of every law with what it owns of Z at angular frequencies [rad/s]."""
    parts = _parts(model, omega)
    if model.coarser is None or model.weight == 0.0:
        return parts
    before = _parts(model.coarser, omega)
    return [
        replace(p, impedance=p.impedance + model.weight * (p.impedance - b.impedance))
        for p, b in zip(parts, before, strict=True)
    ]


def _parts(model: SolvedCell, omega: NDArray[np.float64]) -> list[Part]:
    p = model.plan
    temperature, copies = p.cell.temperature, p.sides[0].copies
    parts = _split(p.electrolyte, model.slab_length_m / p.electrolyte(omega, temperature), omega, temperature,
                   "electrolyte", "SE")  # fmt: skip
    if model.pellet is not None:
        sides = {side.name: solved for side, solved in model.paired(p)}
        found = _of_interface(model.pellet, omega, "working", copies, model.slab_length_m / copies, sides)
        return parts + found
    for side, solved in model.paired(p):
        parts += _of_interface(solved, omega, side.name, side.copies, side.interface.depth_m, {})
    if p.counter is not None:
        parts += _split(p.counter, 1.0 / p.counter(omega, temperature), omega, temperature, "counter", None)
    return parts


def _of_interface(
    solved: SolvedInterface,
    omega: NDArray[np.float64],
    side: str,
    copies: int,
    bare_m: float,
    sides: Mapping[str, SolvedInterface],
) -> list[Part]:
    """Parts of a piece beyond `bare_m` of its electrolyte; `sides` are the solutions behind effective laws."""
    problem, temperature = solved.reduced.problem, solved.interface.temperature_K
    theta = problem.theta(omega)
    powers = theta * solved.reduced.energies(omega)
    shares = copies * problem.area_m2 * powers / np.sum(powers, axis=0) ** 2
    parts: list[Part] = []
    for term, share in zip(problem.terms, shares, strict=True):
        where = "counter" if term.role == "counter" else side
        if term.role in ("electrolyte", "boundary"):
            # Of grains, boundaries and the medium below them, the medium stands for the whole electrolyte.
            bare = copies * bare_m / term.law(omega, temperature) if term.name == "electrolyte" else 0.0
            parts += _split(term.law, share - bare, omega, temperature, "electrolyte", "constriction")
        elif isinstance(term.law, EffectiveLaw):
            inner = sides[where]
            members = _of_interface(inner, omega, where, 1, inner.interface.depth_m, {})
            excess = inner.excess(omega)
            # A short circuit has no parts; the floor that stands for it is constriction.
            known = np.abs(excess) > 0
            scale = np.where(known, share / np.where(known, excess, 1.0), 0.0)
            parts += [replace(m, impedance=m.impedance * scale) for m in members]
        else:
            parts += _split(term.law, share, omega, temperature, where, None)
    return parts


def _split(
    law: Law, impedance: Complex, omega: NDArray[np.float64], temperature: float, side: str, owner: str | None
) -> list[Part]:
    """The parts of a law, as their impedances share that of the law."""
    zero = np.zeros(1)
    step = _STEP * temperature
    now, still = law.parts(omega, temperature), law.parts(zero, temperature)
    cold, warm = law.parts(zero, temperature - step), law.parts(zero, temperature + step)
    one = len(now) == 1
    total = np.ones(omega.shape, complex) if one else np.sum(list(now.values()), axis=0)
    out = []
    for name, z in now.items():
        known = (still[name][0], cold[name][0], warm[name][0])
        own = z
        if isinstance(law, PolycrystalMedium):
            # Bulk and boundaries share it by dissipation: the parts mix both, their laws do not.
            member = law.members[name]
            known = tuple(1.0 / member(zero, t)[0] for t in (temperature, temperature - step, temperature + step))
            own = 1.0 / member(omega, temperature)
        resistance, below, above = (float(np.real(r)) for r in known)
        conducts = np.isfinite(resistance)
        energy = 0.0
        if conducts:
            energy = -Boltzmann * temperature**2 * np.log(above / below) / (2.0 * step) / elementary_charge
        out.append(
            Part(
                name,
                side,
                owner or name,
                np.asarray(impedance if one else impedance * z / total, complex),
                np.asarray(own / resistance, complex) if conducts else np.zeros(omega.shape, complex),
                float(energy),
            )
        )
    return out
