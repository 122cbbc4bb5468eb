"""The family of interfaces with the same arc, as a picture."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from aspot.analysis.morphologies import MorphologyFamily
from aspot.errors import InputError
from aspot.plot import GREY, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BLUE, _RED, _ORANGE = "#1f5fa8", "#c23b22", "#e08214"
#: Colours of the parts of R_int, the constriction first.
_PARTS = (_BLUE, _ORANGE, "#7b3294", "#4d9221", "#8c510a")

#: What the reasons for a gap in the family come down to.
_REASONS = {
    "alone make": "contacts alone\nmake more\nthan R_int",
    "too little": "no radius\nup to 1 mm\nis enough",
    "thinnest gap": "no gap gives\nC_int",
}


def family_picture(family: MorphologyFamily, *, title: str = "") -> Figure:
    """Radius, spacing and gap over the contact fraction, and the parts of R_int; grey where there is no interface.

    Raises
    ------
    InputError
        If the family has no members.
    """
    if not family.members:
        raise InputError("family: no contact fraction admits a member; there is nothing to draw")
    figure = new_figure(7.2, 6.6)
    lengths, gaps, parts = figure.subplots(3, 1, sharex=True, height_ratios=[1.25, 0.8, 1.0])
    members = family.members
    f = np.array([m.contact_fraction for m in members])
    marker = "o-" if len(f) < 40 else "-"
    radius = np.array([m.radius_m for m in members])
    pitch = np.array([m.result.cell.working_electrode.morphology.pitch for m in members])
    lengths.plot(f, 1e6 * pitch, marker, ms=3, color=GREY, label="spacing")
    lengths.plot(f, 1e6 * radius, marker, ms=3, color=_BLUE, label="radius")
    lengths.set_yscale("log")
    lengths.set_ylabel("length / µm")
    gap = np.array([m.gap_thickness_m for m in members])
    gaps.plot(f, 1e9 * gap, marker, ms=3, color=_RED)
    gaps.set_ylim(0.0, 1.25e9 * float(gap.max()))
    gaps.set_ylabel("gap / nm")
    _parts(parts, family, f)
    for ax in (lengths, gaps, parts):
        ax.set_xscale("log")
        ax.grid(alpha=0.25, lw=0.5, which="major")
    _impossible(family, (lengths, gaps, parts))
    lengths.legend(fontsize=8, frameon=False, loc="upper left")
    parts.set_xlabel("contact fraction")
    arc = f"R_int = {family.R_int_ohm_cm2:.3g} ohm cm2, C_int = {1e9 * family.C_int_F_per_cm2:.3g} nF/cm2"
    lengths.set_title(f"{title}\n{arc}" if title else arc, fontsize=10)
    return figure


def _parts(ax: Axes, family: MorphologyFamily, f: np.ndarray) -> None:
    """Parts of R_int on top of each other, the constriction lowest."""
    found = [m.result.resistances.parts for m in family.members]
    others = dict.fromkeys(name for parts in found for name, r in parts.items() if r > 0.0)
    names = [name for name in ("constriction", *others) if name != "SE" and name in others]
    names = list(dict.fromkeys(names))
    table = [[parts.get(name, 0.0) for parts in found] for name in names]
    colours = [_PARTS[k % len(_PARTS)] for k in range(len(names))]
    if len(f) > 1:
        ax.stackplot(f, table, colors=colours, labels=[n.replace("_", " ") for n in names], alpha=0.75)
    else:
        base = 0.0
        for name, colour, row in zip(names, colours, table, strict=True):
            ax.bar(f, row, width=0.3 * f, bottom=base, color=colour, label=name.replace("_", " "), alpha=0.75)
            base += row[0]
    ax.set_ylim(0.0, 1.3 * family.R_int_ohm_cm2)
    ax.set_ylabel("parts of R_int / ohm cm²")
    ax.legend(fontsize=8, frameon=False, loc="upper left", ncols=4)


def _impossible(family: MorphologyFamily, axes: tuple[Axes, ...]) -> None:
    """Grey bands where no member exists, with the reason in the first picture."""
    known = sorted([*(m.contact_fraction for m in family.members), *family.impossible])
    edges = [known[0], *(math.sqrt(a * b) for a, b in pairwise(known)), known[-1]]
    bands: list[tuple[float, float, str]] = []
    for k, f in enumerate(known):
        reason = family.impossible.get(f)
        if reason is None:
            continue
        text = next((short for part, short in _REASONS.items() if part in reason), "not possible")
        low, high = edges[k], edges[k + 1]
        if bands and bands[-1][1] == low and bands[-1][2] == text:
            low = bands.pop()[0]
        bands.append((low, high, text))
    for low, high, text in bands:
        for ax in axes:
            ax.axvspan(low, high, color=GREY, alpha=0.13, lw=0)
        axes[0].text(
            math.sqrt(low * high), 0.5, text, transform=axes[0].get_xaxis_transform(), ha="center", va="center",
            fontsize=8, color=GREY, rotation=0 if high > 6.0 * low else 90,
        )  # fmt: skip
    axes[0].set_xlim(known[0], known[-1])
