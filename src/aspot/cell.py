"""The Cell: what is measured, complete without any mesh. Validated, immutable, from Python or TOML.

Every quantity is a string with unit ("2 mm") or a bare number in SI, and an SI number afterwards.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator
from scipy.constants import Avogadro, Boltzmann, elementary_charge

from aspot import materials
from aspot.errors import InputError
from aspot.laws import ROOM_TEMPERATURE_K, Activated, BrickLayer, Conductor, Gap, Law, ResistorCapacitor, Series
from aspot.morphology.description import Morphology
from aspot.morphology.unit_cell import UnitCell
from aspot.specification import (
    ActivationEnergy,
    AreaCapacitance,
    AreaResistance,
    Conductivity,
    CpePrefactor,
    CurrentDensity,
    Diameter,
    Exponent,
    FieldError,
    Flag,
    Frequency,
    GapThickness,
    GrainSize,
    LayerThickness,
    Permittivity,
    Spec,
    Temperature,
    Text,
    Thickness,
    Tolerance,
    put,
)
from aspot.units import quantity

_R_GAS = Boltzmann * Avogadro
_FARADAY = elementary_charge * Avogadro


def _capacitive(capacitance: float | None, prefactor: float | None, exponent: float | None) -> tuple[float, float]:
    """(Q, n) from a capacitance or a CPE."""
    if prefactor is not None:
        return prefactor, exponent or 1.0
    return capacitance or 0.0, 1.0


class GrainBoundaries(Spec):
    """Grain boundaries; resistance [ohm m2] and capacitance [F/m2] are those of one boundary."""

    model: Literal["brick-layer", "explicit"] = "brick-layer"
    grain_size: GrainSize
    resistance: AreaResistance
    capacitance: AreaCapacitance = 0.0
    activation_energy: ActivationEnergy = 0.0

    @model_validator(mode="after")
    def _built(self) -> Self:
        if self.model == "explicit":
            raise FieldError("model", "meshed grains are not available in this version; use 'brick-layer'", "explicit")
        return self


class LayerSpec(Spec):
    """Homogeneous layer under the working electrode: thickness [m], conductivity [S/m]."""

    name: Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9_\-\. ]+$")]
    thickness: LayerThickness
    conductivity: Conductivity
    permittivity: Permittivity = 1.0
    activation_energy: ActivationEnergy = 0.0

    def law(self) -> Law:
        """Admittivity [S/m]."""
        sigma = Activated(value=self.conductivity, activation_energy_J=self.activation_energy)
        return Conductor(conductivity=sigma, permittivity=self.permittivity, name=self.name)


#: Names that the problem uses for its own terms. A layer may be called "interphase": its resistance is then booked
#: together with that of contact.interphase.
_RESERVED = ("electrolyte", "contact", "gap", "counter", "SE", "constriction", "charge_transfer")


class Electrolyte(Spec):
    """Solid electrolyte.

    Parameters
    ----------
    thickness : float
        [m], without the layers.
    diameter : float
        Of a pellet wider than the electrode [m].
    material : str
        Name in the library; any key below overrides it.
    conductivity : float
        At 25 degC [S/m]; with grain boundaries that of the bulk alone.
    permittivity : float
        Relative; 1 if neither it nor a material is given.
    activation_energy : float
        [J]; 0 if neither it nor a material is given.
    arrhenius : "sigma T" or "sigma"
        Which product is exponential in 1/T; "sigma T" if neither it nor a material is given.
    grain_boundaries : GrainBoundaries
    layers : tuple of LayerSpec
        Under the working electrode, outermost first.
    """

    thickness: Thickness
    diameter: Diameter | None = None
    material: str | None = None
    conductivity: Conductivity | None = None
    permittivity: Permittivity | None = None
    activation_energy: ActivationEnergy | None = None
    arrhenius: Literal["sigma T", "sigma"] | None = None
    grain_boundaries: GrainBoundaries | None = None
    layers: tuple[LayerSpec, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.material is None and self.conductivity is None:
            raise FieldError("conductivity", "is required, or a material of the library")
        if self.material is not None:
            try:
                found = materials.get(self.material)
                if found.kind != "electrolyte":
                    raise FieldError("material", f"is a {found.kind}, not an electrolyte", self.material)
                self.resolved()
            except InputError as error:
                raise FieldError("material", str(error).split(": ", 1)[-1], self.material) from None
        names = [layer.name for layer in self.layers]
        for i, name in enumerate(names):
            if name in _RESERVED:
                raise FieldError(f"layers.{i}.name", f"is taken; any but {', '.join(_RESERVED)}", name)
            if name in names[:i]:
                raise FieldError(f"layers.{i}.name", "another layer has this name", name)
        gb = self.grain_boundaries
        if gb is not None and gb.grain_size > self.thickness:
            raise FieldError(
                "grain_boundaries.grain_size", f"must not exceed thickness = {self.thickness:g} m", gb.grain_size, "m"
            )
        return self

    def resolved(self) -> Self:
        """The same electrolyte with everything from the library written out."""
        values: dict[str, Any] = {}
        if self.material is not None:
            material = materials.get(self.material)
            bulk = self.grain_boundaries is not None
            names = {
                "conductivity": ("conductivity_bulk",) if bulk else ("conductivity_total", "conductivity_bulk"),
                "permittivity": ("permittivity",),
                "activation_energy": ("activation_energy_bulk", "activation_energy") if bulk else
                ("activation_energy", "activation_energy_bulk"),
            }  # fmt: skip
            for key, figures in names.items():
                if getattr(self, key) is None:
                    found = next((f for f in figures if f in material.figures), None)
                    if found is not None:
                        values[key] = material.si(found)
            if self.conductivity is None and "conductivity" not in values:
                raise InputError(
                    f"material {self.material!r} has no {names['conductivity'][0]}; give electrolyte.conductivity"
                )
            if "arrhenius_form" in material.figures:
                values["arrhenius"] = material.arrhenius_form
        filled = {"permittivity": 1.0, "activation_energy": 0.0, "arrhenius": "sigma T"} | values
        missing = {key: value for key, value in filled.items() if getattr(self, key) is None}
        return self.model_copy(update=missing)

    def law(self) -> Law:
        """Admittivity [S/m], grain boundaries included."""
        known = self.resolved()
        assert known.conductivity is not None and known.permittivity is not None
        bulk = Conductor(
            conductivity=Activated(
                value=known.conductivity,
                activation_energy_J=known.activation_energy or 0.0,
                form=known.arrhenius or "sigma T",
            ),
            permittivity=known.permittivity,
        )
        if self.grain_boundaries is None:
            return bulk
        gb = self.grain_boundaries
        boundary = ResistorCapacitor(
            conductance=Activated(value=1.0 / gb.resistance, activation_energy_J=gb.activation_energy),
            cpe_prefactor=gb.capacitance,
            name="grain_boundaries",
        )
        return BrickLayer(bulk=bulk, boundary=boundary, grain_size_m=gb.grain_size)


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
                self.activation_energy,
                "J",
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
        return self.morphology.unit_cell(planar_width)


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


class Frequencies(Spec):
    """Frequencies of the spectrum [Hz]: start, stop, per_decade, or a list of values.

    Parameters
    ----------
    start, stop : float
        Highest and lowest frequency, in either order.
    per_decade : int
    values : tuple of float
        Instead of the three above.
    fields : tuple of float
        Where the field is saved; default: lowest and highest.
    """

    start: Frequency | None = None
    stop: Frequency | None = None
    per_decade: Annotated[int, Field(ge=1, le=200, strict=True)] | None = None
    values: Annotated[tuple[Frequency, ...], Field(min_length=1, max_length=5000)] | None = None
    fields: Annotated[tuple[Frequency, ...], Field(min_length=1, max_length=20)] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        span = (self.start, self.stop, self.per_decade)
        if self.values is not None:
            if any(v is not None for v in span):
                raise ValueError("give either values, or start, stop and per_decade, not both")
        elif (self.start is None) != (self.stop is None):
            raise ValueError("start and stop belong together")
        return self

    def values_Hz(self) -> NDArray[np.float64]:
        """All frequencies, highest first, each once [Hz]."""
        if self.values is not None:
            return np.unique(np.array(self.values))[::-1].copy()
        high, low = 7e6, 1.0
        if self.start is not None and self.stop is not None:
            high, low = max(self.start, self.stop), min(self.start, self.stop)
        n = round((self.per_decade or 10) * np.log10(high / low)) + 1
        return np.unique(np.geomspace(high, low, max(n, 2)))[::-1].copy() if high > low else np.array([high])

    def field_values_Hz(self) -> NDArray[np.float64]:
        """Frequencies of the saved fields, lowest first [Hz]."""
        every = self.values_Hz()
        return np.unique(np.array(self.fields if self.fields is not None else (every[-1], every[0])))


#: Allowed direct-current values of volumes [S/m] and contacts [S/m2] at the temperature of the cell.
_CONDUCTIVITIES = (1e-12, 1e4)
_CONDUCTANCES = (1e-8, 1e14)


class Numerics(Spec):
    """How it is solved: backend, and the relative error of Z that is allowed at every frequency."""

    backend: Literal["auto", "axisymmetric", "tetrahedra", "planar", "voxel"] = "auto"
    relative_tolerance: Tolerance = 1e-3


#: Published figures that a result can be held against, and their kinds.
PUBLISHED = {
    "R_total": "area-specific resistance",
    "R_int": "area-specific resistance",
    "C_int": "area-specific capacitance",
    "apex_frequency": "frequency",
    "grain_boundary_resistance": "area-specific resistance",
    "grain_boundary_capacitance": "area-specific capacitance",
    "grain_boundary_apex_frequency": "frequency",
}


class Published(Spec):
    """Published figures of the cell, SI: shown beside the computed ones, never used to compute."""

    source: Text = ""
    R_total: float | None = None
    R_int: float | None = None
    C_int: float | None = None
    apex_frequency: float | None = None
    grain_boundary_resistance: float | None = None
    grain_boundary_capacitance: float | None = None
    grain_boundary_apex_frequency: float | None = None

    @model_validator(mode="before")
    @classmethod
    def _read(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        out = dict(data)
        for key, kind in PUBLISHED.items():
            if out.get(key) is not None:
                try:
                    out[key] = quantity(out[key], kind)
                except InputError as error:
                    raise FieldError(key, str(error), out[key]) from None
                if out[key] <= 0:
                    raise FieldError(key, "must be positive", data[key])
        return out


def _lists(data: Any) -> Any:
    """Nested tables in which tuples are lists."""
    if isinstance(data, dict):
        return {key: _lists(value) for key, value in data.items()}
    return [_lists(value) for value in data] if isinstance(data, (list, tuple)) else data


class Cell(Spec):
    """A complete cell; see the case file in README.md for every key.

    Examples
    --------
    >>> cell = Cell(electrolyte={"thickness": "2 mm", "conductivity": "5.5 mS/cm"})
    >>> cell.with_(**{"electrolyte.thickness": "1 mm"}).electrolyte.thickness
    0.001
    """

    name: Text = ""
    temperature: Temperature = ROOM_TEMPERATURE_K
    electrolyte: Electrolyte
    working_electrode: Electrode = Electrode()
    counter_electrode: CounterElectrode = CounterElectrode()
    frequencies: Frequencies = Frequencies()
    numerics: Numerics = Numerics()
    published: Published | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        self._check_pellet()
        self._check_backend()
        self._check_temperature()
        return self

    def _check_pellet(self) -> None:
        key = "working_electrode.diameter"
        electrode, pellet = self.working_electrode.diameter, self.electrolyte.diameter
        if electrode is None:
            return
        if pellet is None:
            raise FieldError(key, "needs electrolyte.diameter, the diameter of the pellet", electrode, "m")
        if electrode > pellet:
            raise FieldError(key, f"must not exceed electrolyte.diameter = {pellet:g} m", electrode, "m")
        if 0.98 * pellet < electrode < pellet:
            raise FieldError(
                key,
                f"within 2 % of electrolyte.diameter = {pellet:g} m; leave both out if it covers the pellet",
                electrode,
                "m",
            )
        if electrode < pellet:
            for name in ("working_electrode", "counter_electrode"):
                morphology = getattr(self, name).morphology
                if not morphology.is_planar and morphology.pitch > electrode / 10:
                    raise FieldError(
                        f"{name}.morphology.{'contact_fraction' if morphology.spacing is None else 'spacing'}",
                        f"makes a spacing of {morphology.pitch:.3g} m, which must be below a tenth of "
                        f"{key} = {electrode:g} m, so that the electrode holds many spots",
                        morphology.contact_fraction or morphology.spacing,
                        "" if morphology.spacing is None else "m",
                    )

    def _check_backend(self) -> None:
        asked = self.numerics.backend
        if asked == "auto":
            return
        if asked in ("planar", "voxel"):
            raise FieldError(
                "numerics.backend", "is not available in this version; allowed: auto, axisymmetric, tetrahedra", asked
            )
        box = self.working_electrode.morphology.arrangement in ("square", "hexagonal")
        if (asked == "tetrahedra") != box:
            fits = "tetrahedra" if box else "axisymmetric"
            raise FieldError("numerics.backend", f"does not solve this morphology; allowed: auto, {fits}", asked)

    def _check_temperature(self) -> None:
        """Refuse a temperature at which activation energies make laws that no instrument could see."""
        laws: dict[str, tuple[Law | None, tuple[float, float], str]] = {
            "electrolyte.conductivity": (self.electrolyte.law(), _CONDUCTIVITIES, "S/m"),
            "working_electrode.contact": (self.working_electrode.contact_law(), _CONDUCTANCES, "S/m2"),
            "counter_electrode.contact": (self.counter_electrode.contact_law(), _CONDUCTANCES, "S/m2"),
        }
        for index, layer in enumerate(self.electrolyte.layers):
            laws[f"electrolyte.layers.{index}.conductivity"] = (layer.law(), _CONDUCTIVITIES, "S/m")
        for path, (law, (low, high), unit) in laws.items():
            value = low if law is None else float(np.real(law(0.0, self.temperature)))
            if not low <= value <= high:
                raise FieldError(
                    "temperature",
                    f"{path} would be {value:.2g} {unit} there, allowed are "
                    f"{low:g} to {high:g} {unit}; check the activation energies",
                    self.temperature,
                    "K",
                )

    def with_(self, **changes: object) -> Self:
        """Changed, validated copy.

        Parameters
        ----------
        **changes
            New values by dotted path ("working_electrode.morphology.radius", "electrolyte.layers.0.thickness"); None
            removes a key.

        Raises
        ------
        InputError
        """
        data = self.given()
        for path, value in changes.items():
            put(data, path, value)
        return type(self).parse(data)

    def given(self) -> dict[str, Any]:
        """Everything that was given, as nested tables of SI numbers."""
        out: dict[str, Any] = _lists(self.model_dump(exclude_none=True, exclude_unset=True))
        return out

    def resolved(self) -> dict[str, Any]:
        """The complete case as nested tables of SI numbers: library values and defaults written out."""
        full = self.model_copy(update={"electrolyte": self.electrolyte.resolved()})
        return full.model_dump(exclude_none=True, mode="json")

    @property
    def digest(self) -> str:
        """SHA-256 of the resolved case, without its name and published figures."""
        data = {key: value for key, value in self.resolved().items() if key not in ("name", "published")}
        return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
