"""The electrodes of a cell: morphology, law of the contacts, law of the gap between them."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal, Self

from pydantic import model_validator
from scipy.constants import Avogadro, Boltzmann, elementary_charge

from aspot.errors import InputError
from aspot.laws import ROOM_TEMPERATURE_K, Activated, Conductor, FilledGap, Gap, Law, ResistorCapacitor, Series
from aspot.morphology.description import Morphology
from aspot.morphology.gap_profile import GapProfile
from aspot.morphology.unit_cell import BoxCell, Disc, ProfileCell, UnitCell
from aspot.specification import (
    ActivationEnergy,
    AreaCapacitance,
    AreaResistance,
    ContactAngle,
    CpePrefactor,
    CurrentDensity,
    Diameter,
    Exponent,
    FieldError,
    Flag,
    GapHeight,
    GapThickness,
    Permittivity,
    PoreConductivity,
    Share,
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
    """Film between metal and electrolyte: a resistance parallel to a capacitance or a constant-phase element.

    Parameters
    ----------
    resistance : float
        Area-specific [ohm m2].
    capacitance : float
        [F/m2].
    cpe_prefactor : float
        Q of a constant-phase element, y = Q (j omega)^n, instead of the capacitance [S s^n/m2].
    cpe_exponent : float
        n, with the prefactor.
    activation_energy : float
        Of the resistance [J].
    """

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
        [ohm m2]; or `exchange_current_density`.
    exchange_current_density : float
        i0 [A/m2], R_ct = R T/(F i0) for one electron.
    double_layer_capacitance : float
        [F/m2].
    cpe_prefactor : float
        Q of a constant-phase element, y = Q (j omega)^n, instead of the capacitance [S s^n/m2].
    cpe_exponent : float
        n, with the prefactor.
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


class Filling(Spec):
    """Another phase in the gap, as a layer along the electrolyte: a liquid, a product of decomposition.

    Parameters
    ----------
    permittivity : float
        Relative.
    conductivity : float
        0: insulating [S/m].
    activation_energy : float
        Of the conductivity [J].
    share : float
        Part of the local height that it takes; default 1, all of it.
    height : float
        Its thickness [m], instead of `share`; only in gaps of one height.
    """

    permittivity: Permittivity
    conductivity: PoreConductivity = 0.0
    activation_energy: ActivationEnergy = 0.0
    share: Share | None = None
    height: GapThickness | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.share is not None and self.height is not None:
            raise FieldError("height", "give either share or height", self.height, "m")
        return self

    def law(self) -> Law:
        """Admittivity [S/m]."""
        if self.conductivity == 0.0:
            return Gap(thickness_m=1.0, permittivity=self.permittivity, name="filling")
        conductivity = Activated(value=self.conductivity, activation_energy_J=self.activation_energy)
        return Conductor(conductivity=conductivity, permittivity=self.permittivity, name="filling")


class GapSpec(Spec):
    """Gap where the metal does not touch.

    Parameters
    ----------
    thickness : float
        Height [m]; with a `shape` the smallest, along the rim.
    permittivity : float
        Of what fills it.
    shape : "lens", "arc", "wedge" or "ellipse"
        Height from the middle of the gap to its rim (see `aspot.morphology.gap_profile`); for round pores and strips.
    height : float
        Of a shape, in the middle [m].
    contact_angle : float
        Of a lens, arc or wedge at its rim [deg]; instead of `height`.
    filling : Filling
        Another phase that takes a part of the height.
    """

    thickness: GapThickness
    permittivity: Permittivity = 1.0
    shape: Literal["lens", "arc", "wedge", "ellipse"] | None = None
    height: GapHeight | None = None
    contact_angle: ContactAngle | None = None
    filling: Filling | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.shape is None:
            for key, unit in (("height", "m"), ("contact_angle", "deg")):
                if getattr(self, key) is not None:
                    raise FieldError(key, "needs shape = 'lens', 'arc', 'wedge' or 'ellipse'", getattr(self, key), unit)
        elif (self.height is None) == (self.contact_angle is None):
            raise FieldError("height", f"shape = {self.shape!r} needs either height or contact_angle")
        elif self.shape == "ellipse" and self.contact_angle is not None:
            raise FieldError("contact_angle", "an ellipse meets the electrolyte at 90 deg; give height")
        elif self.shape == "wedge" and self.contact_angle is not None and self.contact_angle > 89.0:
            raise FieldError("contact_angle", "of a wedge must be at most 89 deg", self.contact_angle, "deg")
        if self.height is not None and not self.thickness < self.height:
            raise FieldError("height", f"must be above thickness = {self.thickness:g} m", self.height, "m")
        if self.filling is not None and self.filling.height is not None:
            height = self.filling.height
            if self.shape is not None:
                raise FieldError(
                    "filling.height",
                    "a layer of one thickness in a gap of many heights has no law of its own; give share, its part of "
                    "the local height",
                    height,
                    "m",
                )
            if height > self.thickness:
                raise FieldError("filling.height", f"must not exceed thickness = {self.thickness:g} m", height, "m")
        return self

    def law(self) -> Law:
        """Admittance per area of a gap of height `thickness` [S/m2]."""
        if self.filling is None:
            return Gap(thickness_m=self.thickness, permittivity=self.permittivity)
        height = self.filling.height
        share = height / self.thickness if height is not None else (self.filling.share or 1.0)
        return FilledGap(
            thickness_m=self.thickness,
            filling=self.filling.law(),
            share=min(share, 1.0),
            permittivity=self.permittivity,
        )

    def profile(self) -> GapProfile | None:
        """Height from place to place; None: the same everywhere."""
        if self.shape is None:
            return None
        angle = None if self.contact_angle is None else math.radians(self.contact_angle)
        return GapProfile(form=self.shape, height=self.height, contact_angle=angle, floor=self.thickness)


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
        profile = None if self.gap is None else self.gap.profile()
        if profile is not None:
            self._check_shape(profile)
        return self

    def _check_shape(self, profile: GapProfile) -> None:
        """Refuse a shape of the gap that its morphology has no place for."""
        m, shape = self.morphology, profile.form
        if m.kind != "strips" and (m.kind != "pores" or m.shape not in (None, "disc") or m.overlap):
            raise FieldError(
                "gap.shape", "only round pores that do not overlap, and strips, have gaps of a shape", shape
            )
        if m.kind == "strips":
            half: float | None = 0.5 * m.pitch * (1.0 - m.fraction)
        elif m.arrangement == "random" and (m.radius_distribution or "equal") != "equal":
            if profile.height is not None:
                raise FieldError("gap.height", "pores of unequal size need contact_angle instead", profile.height, "m")
            return
        else:
            half = m.radius
        if half is None:
            return
        apex = profile.apex(half)
        if profile.is_cap and apex > half * (1.0 + 1e-9):
            raise FieldError(
                "gap.height", f"a lens of half width {half:.3g} m cannot be higher (contact angle 90 deg)", apex, "m"
            )
        if apex <= profile.floor:
            key = "height" if profile.height is not None else "contact_angle"
            raise FieldError(
                f"gap.{key}", f"makes a height of {apex:.3g} m, which must be above gap.thickness = {profile.floor:g} m"
            )

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
        """The repeating piece of the interface, with the heights of its gaps (see `Morphology.unit_cell`).

        Raises
        ------
        InputError
            If a lens is higher than its radius, or as `Morphology.unit_cell`.
        """
        cell = self.morphology.unit_cell(planar_width, None if self.gap is None else self.gap.thickness)
        profile = None if self.gap is None else self.gap.profile()
        if profile is None:
            return cell
        assert isinstance(cell, (ProfileCell, BoxCell))
        shapes = cell.shapes if isinstance(cell, BoxCell) else ()
        smallest = min((s.radius for s in shapes if isinstance(s, Disc)), default=None)
        if profile.is_cap and smallest is not None and profile.apex(smallest) > smallest * (1.0 + 1e-9):
            raise InputError(
                f"gap.height = {profile.apex(smallest):g} m: a lens of radius {smallest:.3g} m cannot be higher "
                "(contact angle 90 deg)"
            )
        return replace(cell, gap_profile=profile)


class CounterElectrode(Electrode):
    """Counter electrode: ideal and planar by default; `symmetric = true` makes it a copy of the working electrode.

    Parameters
    ----------
    symmetric : bool
        Whether it is a copy of the working electrode.
    """

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
