"""The electrodes of a cell: morphology, law of the contacts, law of the gap between them."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator
from scipy.constants import Avogadro, Boltzmann, elementary_charge

from aspot.laws import ROOM_TEMPERATURE_K, Activated, Gap, Law, ResistorCapacitor, Series
from aspot.morphology.description import Morphology
from aspot.morphology.unit_cell import UnitCell
from aspot.specification import (
    ActivationEnergy,
    AreaCapacitance,
    AreaResistance,
    CpePrefactor,
    CurrentDensity,
    Diameter,
    Exponent,
    FieldError,
    Flag,
    GapThickness,
    Permittivity,
    Spec,
)

_R_GAS = Boltzmann * Avogadro
_FARADAY = elementary_charge * Avogadro


def _capacitive(capacitance: float | None, prefactor: float | None, exponent: float | None) -> tuple[float, float]:
    """(Q, n) from a capacitance or a CPE."""
    if prefactor is not None:
        return prefactor, exponent or 1.0
    return capacitance or 0.0, 1.0


class Interphase(Spec):
    """Film between metal and electrolyte: resistance [ohm m2] parallel to a capacitance [F/m2] or CPE [S s^n/m2]."""

    resistance: AreaResistance
    capacitance: AreaCapacitance | None = None
    cpe_prefactor: CpePrefactor | None = None
    cpe_exponent: Exponent | None = None
    activation_energy: ActivationEnergy = 0.0

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _check_capacitive(self.capacitance, self.cpe_prefactor, self.cpe_exponent, "capacitance")
        return self

    def law(self) -> Law:
        """Admittance per area [S/m2]."""
        q, n = _capacitive(self.capacitance, self.cpe_prefactor, self.cpe_exponent)
        conductance = Activated(value=1.0 / self.resistance, activation_energy_J=self.activation_energy)
        return ResistorCapacitor(conductance=conductance, cpe_prefactor=q, cpe_exponent=n, name="interphase")


def _check_capacitive(capacitance: float | None, prefactor: float | None, exponent: float | None, name: str) -> None:
    if capacitance is not None and prefactor is not None:
        raise ValueError(f"give either {name} or cpe_prefactor with cpe_exponent, not both")
    if (prefactor is None) != (exponent is None):
        raise ValueError("cpe_prefactor [S s^n/m^2] and cpe_exponent belong together")


class Contact(Spec):
    """Law where the metal touches; per contact area.

    Parameters
    ----------
    charge_transfer_resistance : float
        [ohm m2]; or `exchange_current_density` [A/m2], R_ct = R T/(F i0) for one electron.
    double_layer_capacitance : float
        [F/m2]; or `cpe_prefactor` [S s^n/m2] with `cpe_exponent`.
    activation_energy : float
        Of the charge transfer (of i0, if that is given) [J].
    interphase : Interphase
        In series.
    """

    charge_transfer_resistance: AreaResistance | None = None
    exchange_current_density: CurrentDensity | None = None
    double_layer_capacitance: AreaCapacitance | None = None
    cpe_prefactor: CpePrefactor | None = None
    cpe_exponent: Exponent | None = None
    activation_energy: ActivationEnergy = 0.0
    interphase: Interphase | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.charge_transfer_resistance is not None and self.exchange_current_density is not None:
            raise ValueError("give either charge_transfer_resistance or exchange_current_density, not both")
        _check_capacitive(
            self.double_layer_capacitance, self.cpe_prefactor, self.cpe_exponent, "double_layer_capacitance"
        )
        has_resistance = self.charge_transfer_resistance is not None or self.exchange_current_density is not None
        if not has_resistance and (self.double_layer_capacitance is not None or self.cpe_prefactor is not None):
            raise ValueError(
                "a double layer without charge_transfer_resistance or exchange_current_density blocks direct current, "
                "so that R_total would be infinite; give one of them"
            )
        if not has_resistance and self.activation_energy > 0.0:
            raise FieldError(
                "activation_energy",
                "belongs to charge_transfer_resistance or exchange_current_density; give one of them",
                self.activation_energy / elementary_charge,
                "eV",
            )
        return self

    def law(self) -> Law | None:
        """Admittance per contact area [S/m2]; None for an ideal contact."""
        members: list[Law] = []
        if self.interphase is not None:
            members.append(self.interphase.law())
        conductance = None
        if self.charge_transfer_resistance is not None:
            conductance = Activated(
                value=1.0 / self.charge_transfer_resistance, activation_energy_J=self.activation_energy
            )
        elif self.exchange_current_density is not None:
            # 1/R_ct = F i0(T)/(R T): the product with T follows i0.
            conductance = Activated(
                value=_FARADAY * self.exchange_current_density / (_R_GAS * ROOM_TEMPERATURE_K),
                activation_energy_J=self.activation_energy,
                form="sigma T",
            )
        if conductance is not None:
            q, n = _capacitive(self.double_layer_capacitance, self.cpe_prefactor, self.cpe_exponent)
            members.append(ResistorCapacitor(conductance=conductance, cpe_prefactor=q, cpe_exponent=n))
        if not members:
            return None
        return members[0] if len(members) == 1 else Series(members=tuple(members))


class GapSpec(Spec):
    """Gap where the metal does not touch: thickness [m] and relative permittivity of what fills it."""

    thickness: GapThickness
    permittivity: Permittivity = 1.0

    def law(self) -> Law:
        """Admittance per area [S/m2]."""
        return Gap(thickness_m=self.thickness, permittivity=self.permittivity)


class Electrode(Spec):
    """An electrode: its morphology, the law of its contacts, and of the gap between them.

    Parameters
    ----------
    diameter : float
        If smaller than the pellet [m].
    morphology : Morphology
        Default: planar, full contact.
    contact : Contact
        Default: ideal.
    gap : GapSpec
        Default: perfectly insulating.
    """

    diameter: Diameter | None = None
    morphology: Morphology = Morphology()
    contact: Contact | None = None
    gap: GapSpec | None = None

    @model_validator(mode="after")
    def _gap_exists(self) -> Self:
        if self.gap is not None and self.morphology.is_planar:
            raise FieldError("gap", "a planar morphology touches everywhere and has no gap; remove it or choose spots")
        return self

    @property
    def is_planar(self) -> bool:
        """Whether the metal touches everywhere."""
        return self.morphology.is_planar

    @property
    def contact_fraction(self) -> float:
        """Part of the electrode area where the metal touches."""
        return self.morphology.fraction

    def contact_law(self) -> Law | None:
        """Admittance per contact area [S/m2]; None: ideal."""
        return None if self.contact is None else self.contact.law()

    def gap_law(self) -> Law | None:
        """Admittance per gap area [S/m2]; None: insulating."""
        return None if self.gap is None else self.gap.law()

    def unit_cell(self, planar_width: float) -> UnitCell:
        """The repeating piece of the interface (see `Morphology.unit_cell`)."""
        return self.morphology.unit_cell(planar_width, None if self.gap is None else self.gap.thickness)


class CounterElectrode(Electrode):
    """Counter electrode: ideal and planar by default; `symmetric = true` makes it a copy of the working electrode."""

    symmetric: Flag = False

    @model_validator(mode="after")
    def _alone(self) -> Self:
        if self.diameter is not None:
            raise FieldError(
                "diameter", "the counter electrode covers the whole pellet; only symmetric = true changes that"
            )
        if self.symmetric and (not self.is_planar or self.contact is not None or self.gap is not None):
            raise FieldError("symmetric", "true copies the working electrode; remove the other keys")
        return self
