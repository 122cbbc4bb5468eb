"""Morphologies as users describe them, and the unit cell that each stands for.

A kind is a module with its keys (a Spec) and what `aspot.morphology.keys.Kind` asks for; it is entered in `_KINDS` and
its keys among the bases of `Morphology`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self, TypeVar

from pydantic import model_validator

from aspot.errors import InputError
from aspot.laws import Law
from aspot.morphology import arrays, height_map, image, planar, random, roughness, tomogram
from aspot.morphology.height_map import HeightKeys
from aspot.morphology.image import ImageKeys
from aspot.morphology.keys import Kind
from aspot.morphology.random import RandomKeys
from aspot.morphology.roughness import RoughKeys
from aspot.morphology.tomogram import TomogramKeys
from aspot.morphology.unit_cell import UnitCell
from aspot.specification import FieldError

#: Smallest gap where the electrode states none [m].
_GAP_FLOOR_M = 1e-9

Answer = TypeVar("Answer")


class Morphology(RandomKeys, ImageKeys, HeightKeys, RoughKeys, TomogramKeys):
    """Where the metal touches. The bases list the keys.

    The kind, and for spots and pores the arrangement, decide which keys are needed and allowed.
    """

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        given = set(self.given(type(self).model_fields)) - {"kind"}
        allowed, needed = self._module.keys(self)
        for name in sorted(given - allowed):
            raise FieldError(name, self._no_meaning(name, allowed), getattr(self, name))
        for name in sorted(needed - given):
            choice = ": single, square, hexagonal or random" if name == "arrangement" else f" for {self._what()}"
            raise FieldError(name, f"is required{choice}")
        self._module.check(self)
        return self

    @property
    def _module(self) -> Kind:
        """The module that knows this kind."""
        if self.kind in ("spots", "pores"):
            return random if self.arrangement == "random" else arrays
        return _KINDS[self.kind]

    def _what(self) -> str:
        if self.kind in ("spots", "pores"):
            return f"{self.kind} of shape {self.shape or 'disc'}"
        return self.kind if self.kind == "strips" else f"kind = {self.kind!r}"

    def _no_meaning(self, name: str, allowed: set[str]) -> str:
        if self.is_planar:
            return "has no meaning for a planar morphology; give kind = 'spots', 'pores', 'strips' or 'image'"
        if name == "seed":
            return "has no meaning for a regular arrangement"
        return f"has no meaning for {self._what()}; allowed: {', '.join(sorted(allowed))}"

    @property
    def is_planar(self) -> bool:
        """Whether the metal touches everywhere."""
        return self.kind == "planar"

    @property
    def fraction(self) -> float:
        """Contact fraction, exact for the unit cell; 1 for a planar interface."""
        return self._now(self._module.fraction)

    @property
    def pitch(self) -> float:
        """Spacing of arrays; root of the area per disc of random arrangements; longer side of maps [m]."""
        return self._now(self._module.pitch)

    def unit_cell(self, planar_width: float, gap_floor: float | None = None) -> UnitCell:
        """The piece that is solved.

        Parameters
        ----------
        planar_width : float
            Radius of the tube that stands for a planar interface, which has no lateral length [m].
        gap_floor : float, optional
            Smallest height of a gap that varies from place to place [m]; default 1 nm.

        Raises
        ------
        InputError
            If a file has changed since the case was read.
        """
        return self._now(lambda m: self._module.unit_cell(m, planar_width, gap_floor or _GAP_FLOOR_M))

    def phase_laws(self) -> Mapping[str, Law]:
        """Admittivities of the phases of a tomogram beside the electrolyte [S/m]."""
        return tomogram.phase_laws(self) if self.kind == "tomogram" else {}

    def resolved(self) -> Self:
        """The same morphology with what a file tells written out: where it is, its SHA-256, the size of a pixel."""
        return self.model_copy(update=self._now(self._module.content))

    def _now(self, ask: Callable[[Any], Answer]) -> Answer:
        """An answer of the kind's module; by now files were read once, so that faults are changes of a file."""
        try:
            return ask(self)
        except FieldError as error:
            raise InputError(f"morphology.{error.key} = {error.value!r}: {error}") from None


#: Modules by kind; spots and pores go by their arrangement.
_KINDS: dict[str, Kind] = {
    "planar": planar,
    "strips": arrays,
    "image": image,
    "height-map": height_map,
    "rough": roughness,
    "tomogram": tomogram,
}
