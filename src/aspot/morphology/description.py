"""Morphologies as users describe them, and the unit cell that each stands for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from aspot.morphology.unit_cell import Annulus, BoxCell, Disc, Ellipse, ProfileCell, Shape, Square, UnitCell
from aspot.specification import ContactFraction, FieldError, Spacing, Spec, SpotSize

#: Kinds and arrangements of the case file that no backend solves yet.
_NOT_BUILT = {"kind": ("image", "rough"), "arrangement": ("random",)}

#: Keys that describe the size of each shape.
_SIZES = {"disc": ("radius",), "square": ("side",), "ellipse": ("semi_axes",), "annulus": ("inner_radius", "radius")}

#: Part of the pitch that neighbouring shapes leave free at least: meshes need room between rims.
_CLEARANCE, _PROFILE_CLEARANCE = 0.005, 0.001


class Morphology(Spec):
    """Where the metal touches.

    Parameters
    ----------
    kind : "planar", "spots", "pores" or "strips"
        Spots: metal touches inside the shapes; pores: outside them; strips: on parallel stripes.
    shape : "disc", "square", "ellipse" or "annulus"
    arrangement : "single", "square" or "hexagonal"
        "single": one round shape on the axis of a flux tube; else a periodic array.
    radius, inner_radius, side : float
        Sizes of the shape [m]; strips: radius is half the width.
    semi_axes : pair of float
        Semi-axes of an ellipse along x and y [m].
    width : float
        Width of a strip of contact [m].
    contact_fraction : float
        Part of the area where the metal touches. Either this or `spacing`.
    spacing : float
        Distance of neighbours in the array; diameter of the flux tube; pitch of strips [m].
    count, seed : int
        For random arrangements: spots in the periodic cell, and the seed of their positions. In a regular array every
        spot is like the others, so that `count` changes nothing there.
    """

    kind: Literal["planar", "spots", "pores", "image", "strips", "rough"] = "planar"
    shape: Literal["disc", "square", "ellipse", "annulus"] | None = None
    arrangement: Literal["single", "square", "hexagonal", "random"] | None = None
    radius: SpotSize | None = None
    inner_radius: SpotSize | None = None
    side: SpotSize | None = None
    semi_axes: tuple[SpotSize, SpotSize] | None = None
    width: SpotSize | None = None
    contact_fraction: ContactFraction | None = None
    spacing: Spacing | None = None
    count: Annotated[int, Field(ge=1, le=10**6, strict=True)] | None = None
    seed: Annotated[int, Field(ge=0, le=2**63 - 1, strict=True)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _built(cls, data: Any) -> Any:
        # Before the other keys are read: those of a kind that is not built are not all known either.
        if isinstance(data, Mapping):
            for key, missing in _NOT_BUILT.items():
                if isinstance(data.get(key), str) and data[key] in missing:
                    raise FieldError(key, "is not available in this version", data[key])
        return data

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        given = {name for name in type(self).model_fields if getattr(self, name) is not None} - {"kind"}
        allowed, needed = self._keys()
        for name in sorted(given - allowed):
            raise FieldError(name, self._no_meaning(name, allowed), getattr(self, name))
        for name in sorted(needed - given):
            choice = ": single, square or hexagonal" if name == "arrangement" else f" for {self._what()}"
            raise FieldError(name, f"is required{choice}")
        if self.is_planar:
            return self
        if self.kind == "strips" and (self.width is None) == (self.radius is None):
            raise FieldError("width", "strips need either width, or radius (half the width)")
        if (self.contact_fraction is None) == (self.spacing is None):
            raise FieldError("contact_fraction", "give either contact_fraction or spacing")
        if self.arrangement == "single" and self.shape in ("square", "ellipse"):
            raise FieldError(
                "shape",
                "arrangement = 'single' is a flux tube, which holds a disc or an annulus; "
                "use arrangement = 'square' or 'hexagonal'",
                self.shape,
            )
        if self.shape == "annulus" and not self.inner_radius < 0.999 * self.radius:  # type: ignore[operator]
            raise FieldError("inner_radius", f"must be below radius = {self.radius:g} m", self.inner_radius, "m")
        self._check_room()
        return self

    def _what(self) -> str:
        return "strips" if self.kind == "strips" else f"{self.kind} of shape {self.shape or 'disc'}"

    def _no_meaning(self, name: str, allowed: set[str]) -> str:
        if self.is_planar:
            return "has no meaning for a planar morphology; give kind = 'spots', 'pores' or 'strips'"
        if name == "seed":
            return "has no meaning for a regular arrangement"
        return f"has no meaning for {self._what()}; allowed: {', '.join(sorted(allowed))}"

    def _keys(self) -> tuple[set[str], set[str]]:
        """Allowed and required keys for this kind, arrangement and shape included."""
        if self.kind == "planar":
            return set(), set()
        if self.kind == "strips":
            return {"width", "radius", "contact_fraction", "spacing"}, set()
        size = set(_SIZES[self.shape or "disc"])
        array = {"count"} if self.arrangement in ("square", "hexagonal") else set()
        return size | array | {"shape", "arrangement", "contact_fraction", "spacing"}, size | {"arrangement"}

    def _check_room(self) -> None:
        fraction = self.fraction
        if not 1e-4 * (1 - 1e-9) <= fraction <= 0.99 * (1 + 1e-9):
            raise FieldError(
                "spacing", f"makes a contact fraction of {fraction:.4g}: allowed 1e-4 to 0.99", self.spacing, "m"
            )
        is_profile = self.kind == "strips" or self.arrangement == "single"
        needed = _PROFILE_CLEARANCE if is_profile else _CLEARANCE
        if self._clearance() >= needed:
            return
        message = f"leaves less than {needed:.1%} of the spacing between neighbours ({self._limit()})"
        if self.spacing is not None:
            raise FieldError("spacing", message, self.spacing, "m")
        raise FieldError("contact_fraction", message, self.contact_fraction)

    def _limit(self) -> str:
        if self.kind == "strips" or self.arrangement == "single":
            return "the shape must fit into its unit cell"
        if self.shape in (None, "disc"):
            limit = math.pi / 4 if self.arrangement == "square" else math.pi / (2 * math.sqrt(3))
            return f"discs in a {self.arrangement} array touch when they cover {limit:.3f} of the area"
        return "use a larger spacing or smaller shapes"

    def _clearance(self) -> float:
        """Free room between neighbours, relative to the pitch."""
        pitch = self.pitch
        if self.kind == "strips":
            return 1.0 - 2.0 * self.half_width / pitch
        ax, ay = self._half_extents()
        if self.arrangement == "single":
            return 1.0 - 2.0 * ax / pitch
        height = math.sqrt(3) / 2
        # Long ellipses reach past the nearest row of a hexagonal array.
        hexagonal = [(1.0, 0.0), (0.5, height), (0.0, 2.0 * height)]
        to = [(1.0, 0.0), (0.0, 1.0)] if self.arrangement == "square" else hexagonal
        room = []
        for x, y in to:
            if self.shape == "square":
                distance = max(x, y) * pitch
                room.append((distance - 2.0 * ax) / pitch)
            else:
                # Equal aligned ellipses are apart if the centres' offset lies outside the ellipse of twice the size.
                stretch = math.hypot(x * pitch / (2.0 * ax), y * pitch / (2.0 * ay))
                room.append((1.0 - 1.0 / stretch) * math.hypot(x, y) if stretch > 0 else -1.0)
        return min(room)

    @property
    def is_planar(self) -> bool:
        """Whether the metal touches everywhere."""
        return self.kind == "planar"

    @property
    def half_width(self) -> float:
        """Half the width of a strip [m]."""
        if self.radius is not None:
            return self.radius
        assert self.width is not None
        return 0.5 * self.width

    def _half_extents(self) -> tuple[float, float]:
        if self.shape == "ellipse":
            assert self.semi_axes is not None
            return self.semi_axes
        if self.shape == "square":
            assert self.side is not None
            return 0.5 * self.side, 0.5 * self.side
        assert self.radius is not None
        return self.radius, self.radius

    @property
    def shape_area(self) -> float:
        """Area of one shape [m2]."""
        ax, ay = self._half_extents()
        if self.shape == "square":
            return 4.0 * ax * ay
        inner = self.inner_radius or 0.0
        return math.pi * (ax * ay - inner**2)

    @property
    def fraction(self) -> float:
        """Contact fraction, given or from the spacing; 1 for a planar interface."""
        if self.is_planar:
            return 1.0
        if self.contact_fraction is not None:
            return self.contact_fraction
        assert self.spacing is not None
        if self.kind == "strips":
            return 2.0 * self.half_width / self.spacing
        covered = self.shape_area / (_cell_area_factor(self.arrangement) * self.spacing**2)
        return covered if self.kind == "spots" else 1.0 - covered

    @property
    def pitch(self) -> float:
        """Spacing, given or from the contact fraction [m]."""
        if self.spacing is not None:
            return self.spacing
        assert self.contact_fraction is not None
        if self.kind == "strips":
            return 2.0 * self.half_width / self.contact_fraction
        covered = self.contact_fraction if self.kind == "spots" else 1.0 - self.contact_fraction
        return math.sqrt(self.shape_area / (covered * _cell_area_factor(self.arrangement)))

    def unit_cell(self, planar_width: float) -> UnitCell:
        """The piece that is solved.

        Parameters
        ----------
        planar_width : float
            Radius of the tube that stands for a planar interface, which has no lateral length [m].
        """
        if self.is_planar:
            return ProfileCell(axisymmetric=True, outer=planar_width)
        half = 0.5 * self.pitch
        if self.kind == "strips":
            return ProfileCell(axisymmetric=False, outer=half, edges=(self.half_width,), contact=(True, False))
        inside = self.kind == "spots"
        if self.arrangement == "single":
            assert self.radius is not None
            if self.shape == "annulus":
                assert self.inner_radius is not None
                edges: tuple[float, ...] = (self.inner_radius, self.radius)
                contact: tuple[bool, ...] = (not inside, inside, not inside)
            else:
                edges, contact = (self.radius,), (inside, not inside)
            return ProfileCell(axisymmetric=True, outer=half, edges=edges, contact=contact)
        if self.arrangement == "square":
            return BoxCell(size_x=half, size_y=half, shapes=(self._placed(0.0, 0.0),), contact_inside=inside)
        height = math.sqrt(3) * half
        shapes = (self._placed(0.0, 0.0), self._placed(half, height))
        return BoxCell(size_x=half, size_y=height, shapes=shapes, contact_inside=inside)

    def _placed(self, x: float, y: float) -> Shape:
        ax, ay = self._half_extents()
        if self.shape == "ellipse":
            return Ellipse(x=x, y=y, semi_axis_x=ax, semi_axis_y=ay)
        if self.shape == "square":
            return Square(x=x, y=y, side=2.0 * ax)
        if self.shape == "annulus":
            assert self.inner_radius is not None
            return Annulus(x=x, y=y, inner_radius=self.inner_radius, radius=ax)
        return Disc(x=x, y=y, radius=ax)


def _cell_area_factor(arrangement: str | None) -> float:
    """Area of the cell of one shape over the square of the spacing."""
    return {"single": math.pi / 4.0, "square": 1.0, "hexagonal": math.sqrt(3) / 2.0}[arrangement or "single"]
