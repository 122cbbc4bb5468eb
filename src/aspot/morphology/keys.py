"""What every kind of morphology shares: the keys that several kinds read, and what a kind has to say about itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal, Protocol

from pydantic import Field

from aspot.morphology.unit_cell import UnitCell
from aspot.specification import ContactFraction, FieldError, Spacing, Spec, SpotSize


class ShapeKeys(Spec):
    """Kind and arrangement of a morphology, and the shapes of which it is made.

    Parameters
    ----------
    kind : "planar", "spots", "pores", "strips", "image", "height-map", "rough" or "tomogram"
        Spots: metal touches inside the shapes; pores: outside them; strips: on parallel stripes; image: where the
        pixels of a file say so; height-map: where a measured surface stands out; rough: where metal meets a random
        surface on which it is pressed; tomogram: as the labels of voxels say.
    shape : "disc", "square", "ellipse" or "annulus"
        Default: disc.
    arrangement : "single", "square", "hexagonal" or "random"
        "single": one round shape on the axis of a flux tube; "square", "hexagonal": arrays; "random": discs at random
        places of a square that repeats itself.
    radius, inner_radius, side : float
        Sizes of the shape [m]; strips: radius is half the width.
    semi_axes : pair of float
        Semi-axes of an ellipse along x and y [m].
    width : float
        Width of a strip of contact [m].
    contact_fraction : float
        Part of the area where the metal touches. Either this or `spacing`.
    spacing : float
        Distance of neighbours in the array; diameter of the flux tube; pitch of strips; root of the area per disc of a
        random arrangement [m].
    count, seed : int
        Random arrangements: discs in the cell, and the seed of their sizes and places. In a regular array every spot is
        like the others, so that `count` changes nothing there.
    """

    kind: Literal["planar", "spots", "pores", "image", "height-map", "strips", "rough", "tomogram"] = "planar"
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

    def given(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those of the keys that have a value."""
        return tuple(name for name in names if getattr(self, name) is not None)


class Kind(Protocol):
    """What a module says about one kind of morphology. `m` is the Morphology, of which it reads its own keys."""

    def keys(self, m: Any) -> tuple[set[str], set[str]]:
        """Allowed and required keys."""

    def check(self, m: Any) -> None:
        """Raise a FieldError for keys that do not fit together."""

    def fraction(self, m: Any) -> float:
        """Part of the area where the metal touches."""

    def pitch(self, m: Any) -> float:
        """Distance of neighbours; where there are none, the length after which the interface repeats [m]."""

    def unit_cell(self, m: Any, planar_width: float, gap_floor: float) -> UnitCell:
        """The piece that is solved; see `Morphology.unit_cell`."""

    def content(self, m: Any) -> dict[str, Any]:
        """Keys that only a file tells, to be written out with the case: `file`, `sha256` and whatever follows."""


#: Smallest and largest contact fraction of shapes.
_FRACTIONS = (1e-4 * (1 - 1e-9), 0.99 * (1 + 1e-9))


def check_fraction(m: ShapeKeys, fraction: float, key: str) -> None:
    """Refuse contact fractions outside the plausible range, naming the key that makes them."""
    if not _FRACTIONS[0] <= fraction <= _FRACTIONS[1]:
        value = getattr(m, key)
        raise FieldError(key, f"makes a contact fraction of {fraction:.4g}: allowed 1e-4 to 0.99", value, "m")
