"""Backends: from the continuous problem of an interface to an affine Problem, at a numbered level of resolution.

A new backend is one `Backend` in `BACKENDS`: which unit cells it accepts, how it discretises them at a level, what
that would cost, and how it turns a solution into a field. Where several accept a cell, the first is the automatic one.
"""

from __future__ import annotations

from aspot.discretise.backend import Backend, Discrete
from aspot.discretise.planar import PLANAR
from aspot.discretise.profile import PROFILE
from aspot.discretise.surface import SURFACE
from aspot.discretise.tetrahedra import TETRAHEDRA
from aspot.discretise.voxel import VOXEL

__all__ = ["BACKENDS", "PLANAR", "PROFILE", "SURFACE", "TETRAHEDRA", "VOXEL", "Backend", "Discrete"]

BACKENDS: dict[str, Backend] = {b.name: b for b in (PROFILE, SURFACE, TETRAHEDRA, PLANAR, VOXEL)}
