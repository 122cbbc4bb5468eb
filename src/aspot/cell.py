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

from aspot.electrode import CounterElectrode, Electrode
from aspot.electrolyte import Electrolyte
from aspot.errors import InputError
from aspot.laws import ROOM_TEMPERATURE_K, Law
from aspot.specification import FieldError, Frequency, Spec, Temperature, Text, Tolerance, put
from aspot.units import quantity


class Frequencies(Spec):
    """Frequencies of the spectrum [Hz]: start, stop, per_decade, or a list of values.

    Parameters
    ----------
    start, stop : float
        Highest and lowest frequency, in either order.
    per_decade : int
        Frequencies per decade; default 10.
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
    """How it is solved.

    Parameters
    ----------
    backend : str
        "auto" takes the cheapest that solves the morphology.
    relative_tolerance : float
        Relative error of Z that is allowed at every frequency.
    """

    backend: Literal["auto", "axisymmetric", "surface", "tetrahedra", "planar", "voxel"] = "auto"
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
    """Published figures of the cell, SI: shown beside the computed ones, never used to compute.

    Parameters
    ----------
    source : str
        Where they are from.
    """

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


def lists_of(data: Any) -> Any:
    """Nested tables in which tuples are lists."""
    if isinstance(data, dict):
        return {key: lists_of(value) for key, value in data.items()}
    return [lists_of(value) for value in data] if isinstance(data, (list, tuple)) else data


class Cell(Spec):
    """A complete cell; see the case file in README.md for every key.

    Parameters
    ----------
    name : str
        Shown in tables and pictures.
    temperature : float
        Default 25 degC [K].
    electrolyte : Electrolyte
        The pellet, with its grain boundaries and further layers.
    working_electrode : Electrode
        Where and how the metal touches.
    counter_electrode : CounterElectrode
        Default: ideally reversible, planar, over the full area.
    frequencies : Frequencies
    numerics : Numerics
    published : Published
        Figures from elsewhere, shown beside the computed ones.

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
        self._check_grains()
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
                    shown = next(iter(morphology.given(("spacing", "contact_fraction"))), "kind")
                    raise FieldError(
                        f"{name}.morphology.{shown}",
                        f"makes a spacing of {morphology.pitch:.3g} m, which must be below a tenth of "
                        f"{key} = {electrode:g} m, so that the electrode holds many spots",
                        getattr(morphology, shown),
                        "m" if shown == "spacing" else "",
                    )

    def _check_backend(self) -> None:
        asked = self.numerics.backend
        if asked == "auto":
            return
        morphology, gap = self.working_electrode.morphology, self.working_electrode.gap
        fits: tuple[str, ...] = ("axisymmetric",)
        if morphology.arrangement in ("square", "hexagonal"):
            is_shaped = gap is not None and gap.shape is not None
            fits = ("planar",) if is_shaped else ("surface", "planar", "tetrahedra")
        elif morphology.arrangement == "random" or morphology.kind in ("image", "height-map", "rough"):
            fits = ("planar",)
        elif morphology.kind == "tomogram":
            fits = ("voxel",)
        if asked not in fits:
            allowed = ", ".join(("auto", *fits))
            raise FieldError("numerics.backend", f"does not solve this morphology; allowed: {allowed}", asked)

    def _check_grains(self) -> None:
        boundaries = self.electrolyte.grain_boundaries
        if boundaries is None or boundaries.model != "explicit":
            return
        key = "electrolyte.grain_boundaries.model"
        for name in ("working_electrode", "counter_electrode"):
            morphology = getattr(self, name).morphology
            if not morphology.is_planar and morphology.arrangement not in ("square", "hexagonal"):
                raise FieldError(
                    key, f'needs {name}.morphology.arrangement = "square" or "hexagonal", or a planar one', "explicit"
                )
            gap = getattr(self, name).gap
            if gap is not None and gap.shape is not None:
                raise FieldError(key, f"needs gaps of one height; leave out {name}.gap.shape", "explicit")
        if self.electrolyte.layers:
            raise FieldError(key, "does not go with electrolyte.layers", "explicit")
        counter = self.counter_electrode
        if boundaries.is_voronoi and not (counter.is_planar or counter.symmetric or self.working_electrode.is_planar):
            raise FieldError(
                "electrolyte.grain_boundaries.grains",
                "the grains fill one unit cell: needs a planar electrode, or counter_electrode.symmetric = true",
                "voronoi",
            )
        if self.numerics.backend not in ("auto", "tetrahedra") and not self.working_electrode.is_planar:
            raise FieldError(
                "numerics.backend", "does not mesh grains; allowed: auto, tetrahedra", self.numerics.backend
            )

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
        out: dict[str, Any] = lists_of(self.model_dump(exclude_none=True, exclude_unset=True))
        return out

    def resolved(self) -> dict[str, Any]:
        """The complete case as nested tables of SI numbers: library values and defaults written out."""
        updates: dict[str, Any] = {"electrolyte": self.electrolyte.resolved()}
        for name in ("working_electrode", "counter_electrode"):
            side = getattr(self, name)
            updates[name] = side.model_copy(update={"morphology": side.morphology.resolved()})
        full = self.model_copy(update=updates)
        return full.model_dump(exclude_none=True, mode="json")

    @property
    def digest(self) -> str:
        """SHA-256 of the resolved case, without what changes no number: names, published figures, empty tables."""
        data = {key: value for key, value in self.resolved().items() if key not in ("name", "published")}
        data["electrolyte"].pop("material", None)
        for side in (self.working_electrode, self.counter_electrode):
            table = data["counter_electrode" if side is self.counter_electrode else "working_electrode"]
            if side.morphology.arrangement != "random":
                table["morphology"].pop("count", None)
            # Files count by their content, wherever they are.
            table["morphology"].pop("file", None)
            if side.contact_law() is None:
                table.pop("contact", None)
        return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
