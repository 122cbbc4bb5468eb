"""The electrolyte of a cell: its law, grain boundaries, and layers under the working electrode."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from aspot import materials
from aspot.errors import InputError
from aspot.laws import Activated, BrickLayer, Conductor, Law, ResistorCapacitor
from aspot.morphology.grains import Bricks, Grains, VoronoiGrains
from aspot.specification import (
    ActivationEnergy,
    AreaCapacitance,
    AreaResistance,
    Conductivity,
    Diameter,
    FieldError,
    GrainSize,
    LayerThickness,
    Permittivity,
    Spec,
    Thickness,
)


class GrainBoundaries(Spec):
    """Grain boundaries; resistance [ohm m2] and capacitance [F/m2] are those of one boundary.

    Parameters
    ----------
    model : "brick-layer" or "explicit"
        A homogeneous medium, or grains meshed one by one under the contacts, on top of their effective medium.
    grain_size : float
        [m]
    resistance, capacitance, activation_energy : float
    grains : "brick" or "voronoi"
        Explicit: cubes (default), whose medium is the brick-layer model, or Voronoi cells of random points, whose
        medium is computed from them.
    seed : int
        Voronoi: of the points; default 1.
    contact_on : "grain", "boundary" or "junction"
        Bricks: what the middle of a contact lies on (see `aspot.morphology.grains.Bricks`); default "grain".
    grain_layers : int
        Explicit: depth of the meshed grains in grain sizes; default 3.
    """

    model: Literal["brick-layer", "explicit"] = "brick-layer"
    grain_size: GrainSize
    resistance: AreaResistance
    capacitance: AreaCapacitance = 0.0
    activation_energy: ActivationEnergy = 0.0
    grains: Literal["brick", "voronoi"] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**32, strict=True)] | None = None
    contact_on: Literal["grain", "boundary", "junction"] | None = None
    grain_layers: Annotated[int, Field(ge=1, le=20, strict=True)] | None = None

    @model_validator(mode="after")
    def _meant(self) -> Self:
        for key in ("grains", "seed", "contact_on", "grain_layers"):
            if self.model != "explicit" and getattr(self, key) is not None:
                raise FieldError(key, 'goes with model = "explicit"', getattr(self, key))
        if not self.is_voronoi and self.seed is not None:
            raise FieldError("seed", 'goes with grains = "voronoi"', self.seed)
        if self.is_voronoi and self.contact_on is not None:
            raise FieldError("contact_on", 'goes with grains = "brick"', self.contact_on)
        return self

    @property
    def is_voronoi(self) -> bool:
        """Whether the grains are Voronoi cells, which have an effective medium of their own."""
        return self.grains == "voronoi"

    @property
    def law(self) -> Law:
        """Admittance per area of one boundary [S/m2]."""
        return ResistorCapacitor(
            conductance=Activated(value=1.0 / self.resistance, activation_energy_J=self.activation_energy),
            cpe_prefactor=self.capacitance,
            name="grain_boundaries",
        )

    def depth_m(self, available_m: float) -> float:
        """Depth of the grains to mesh in an electrolyte of a given depth; some of it is left for the medium below them.

        Raises
        ------
        InputError
            Not one grain fits.
        """
        fit = int(available_m / self.grain_size - 0.25 + 1e-9)  # whole grains but for rounding
        if fit < 1:
            raise InputError(
                f"electrolyte.grain_boundaries.grain_size = {self.grain_size:g} m: meshed grains need 1.25 grain "
                f"sizes of electrolyte for each electrode, there are {available_m:g} m"
            )
        return min(self.grain_layers or 3, fit) * self.grain_size

    def meshed(self, available_m: float, size_x: float, size_y: float) -> Grains:
        """The grains to mesh under a cell of given sides [m].

        Raises
        ------
        InputError
            Not one grain fits, or fewer than two Voronoi cells.
        """
        depth = self.depth_m(available_m)
        if self.is_voronoi:
            seed = 1 if self.seed is None else self.seed
            try:
                return VoronoiGrains(size_m=self.grain_size, depth_m=depth, size_x=size_x, size_y=size_y, seed=seed)
            except InputError as error:
                fault = str(error).partition(": ")[2]
                raise InputError(f"electrolyte.grain_boundaries.grain_size = {self.grain_size:g} m: {fault}") from None
        return Bricks(
            size_m=self.grain_size, layers=round(depth / self.grain_size), contact_on=self.contact_on or "grain"
        )


class LayerSpec(Spec):
    """Homogeneous layer under the working electrode.

    Parameters
    ----------
    name : str
        Its resistance is booked under this name.
    thickness, conductivity : float
        [m], [S/m].
    permittivity : float
        Relative.
    activation_energy : float
        Of the conductivity [J].
    """

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
        """The same electrolyte with everything from the library written out.

        Raises
        ------
        InputError
            If the material has no conductivity of the kind that is needed.
        """
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
                why = ", which grain_boundaries need" if bulk else ""
                raise InputError(
                    f"material {self.material!r} has no {names['conductivity'][0]}{why}; give electrolyte.conductivity"
                )
            if "arrhenius_form" in material.figures:
                values["arrhenius"] = material.arrhenius_form
        filled = {"permittivity": 1.0, "activation_energy": 0.0, "arrhenius": "sigma T"} | values
        missing = {key: value for key, value in filled.items() if getattr(self, key) is None}
        return self.model_copy(update=missing)

    def law(self) -> Law:
        """Admittivity [S/m], grain boundaries included; Voronoi grains count as bricks (see `Plan.electrolyte`)."""
        if self.grain_boundaries is None:
            return self.bulk_law()
        gb = self.grain_boundaries
        return BrickLayer(bulk=self.bulk_law(), boundary=gb.law, grain_size_m=gb.grain_size)

    def bulk_law(self) -> Law:
        """Admittivity inside the grains [S/m]."""
        known = self.resolved()
        assert known.conductivity is not None and known.permittivity is not None
        return Conductor(
            conductivity=Activated(
                value=known.conductivity,
                activation_energy_J=known.activation_energy or 0.0,
                form=known.arrhenius or "sigma T",
            ),
            permittivity=known.permittivity,
        )
