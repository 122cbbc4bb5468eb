"""Picture of current focusing: where the current enters the electrolyte, how unevenly, and the hottest contacts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aspot.analysis.focusing import PERCENTILES, CurrentMap
from aspot.errors import InputError
from aspot.plot import GREY, length_unit, new_figure
from aspot.units import engineering

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LINES = ("#1f5fa8", "#c23b22", "#2a8a57")

#: Pixels of a picture along its longer side; larger maps are shown by the largest value of blocks.
_SHOWN = 1500

#: Hottest contacts that are numbered, and the smallest share of the shorter side that gets a number.
_NUMBERED = 5

#: Decades of colour below the 99.9th percentile.
_DECADES = 2.5


def focusing_picture(maps: CurrentMap | Sequence[CurrentMap], *, title: str = "") -> Figure:
    """Current density over its mean on the interface, one panel per frequency, and its distribution over the contacts.

    Rows of the map run downwards, as in an image. Grey: no current. The five contacts of largest mean density are
    numbered; outlines show where the metal touches. Right: share of the contact area below a density, with percentiles.

    Parameters
    ----------
    maps : CurrentMap or sequence of up to three
    title : str

    Returns
    -------
    Figure

    Raises
    ------
    InputError
        If no map is given, or more than three.
    """
    maps = [maps] if isinstance(maps, CurrentMap) else list(maps)
    if not 1 <= len(maps) <= len(_LINES):
        raise InputError(f"focusing picture: one to {len(_LINES)} maps, got {len(maps)}")
    figure = new_figure(4.6 * len(maps) + 3.9, 4.6 + (0.3 if title else 0.0))
    panels: Any = figure.subplots(1, len(maps) + 1, width_ratios=[1.25] * len(maps) + [1.0])
    for ax, m in zip(panels, maps, strict=False):
        _map(ax, m)
    _distribution(panels[-1], maps)
    if title:
        figure.suptitle(title, fontsize=11)
    return figure


def frequency_name(m: CurrentMap) -> str:
    """The frequency of a map, for people."""
    return "direct current" if m.frequency_Hz == 0.0 else engineering(m.frequency_Hz, "Hz")


def _map(ax: Axes, m: CurrentMap) -> None:
    from matplotlib.colors import LogNorm, Normalize

    ny, nx = m.contact.shape
    height, width = ny * m.pixel_m[0], nx * m.pixel_m[1]
    factor, unit = length_unit(max(height, width))
    extent = (0.0, width * factor, height * factor, 0.0)
    # Under contacts the density there; at direct current nothing crosses the gap but the solver's residual.
    has_gap_current = m.frequency_Hz > 0.0
    contact = _reduced(m.contact)
    values = np.where(contact > 0.0, _reduced(m.contact_focusing), _reduced(m.focusing))
    low, high = (float(v) for v in m.percentiles([1.0, 99.9]))
    if has_gap_current and np.any(m.contact < 1.0):
        low = max(min(low, float(np.percentile(m.focusing[m.contact < 1.0], 10))), high * 10.0**-_DECADES)
    if high < 1.05 * low:
        low, high = low / 1.1, high * 1.1
    ax.set_facecolor("#d9d9d9")
    shown = np.maximum(values, low) if has_gap_current else np.where(contact > 0.0, np.maximum(values, low), np.nan)
    is_narrow = high < 3.0 * low
    norm = (Normalize if is_narrow else LogNorm)(low, high)
    picture = ax.imshow(shown, norm=norm, cmap="inferno", extent=extent, interpolation="nearest")
    if has_gap_current:
        rows, columns = contact.shape
        x = (np.arange(columns) + 0.5) * width * factor / columns
        y = (np.arange(rows) + 0.5) * height * factor / rows
        if min(contact.shape) > 1 and np.ptp(contact) > 0.5:
            ax.contour(x, y, contact, levels=[0.5], colors="white", linewidths=0.5)
    bar = ax.figure.colorbar(picture, ax=ax, extend="both", shrink=0.85)
    bar.set_label(r"current density, $|j|$ / $|j_\mathrm{mean}|$", fontsize=9)
    bar.ax.tick_params(labelsize=8, which="both")
    bar.ax.yaxis.set_major_formatter(lambda v, _: f"{v:g}")
    if not is_narrow:
        bar.ax.yaxis.set_minor_formatter(lambda v, _: f"{v:g}" if high < 20.0 * low and f"{v:.0e}"[0] in "25" else "")
    _numbers(ax, m, factor)
    ax.set_xlabel(f"x / {unit}", fontsize=9)
    ax.set_ylabel(f"y / {unit}", fontsize=9)
    ax.tick_params(labelsize=8)
    ax.set_title(f"{frequency_name(m)}: {_count(m)} on {100 * m.contact_fraction:.3g} % of the area", fontsize=10)


def _count(m: CurrentMap) -> str:
    return "1 contact" if m.n_spots == 1 else f"{m.n_spots} contacts"


def _numbers(ax: Axes, m: CurrentMap, factor: float) -> None:
    """Numbers beside the hottest contacts, on the side where there is room."""
    if m.n_spots < 2:
        return
    ny, nx = m.contact.shape
    sides = nx * m.pixel_m[1], ny * m.pixel_m[0]
    reach = 11.0
    for rank, spot in enumerate(m.hot_spots(_NUMBERED), start=1):
        # By turns to both sides, so that neighbours keep theirs; never out of the picture.
        x, y = spot.x_m / sides[0], spot.y_m / sides[1]
        to_left = x > 0.9 or (x > 0.1 and rank % 2 == 0)
        to_top = y > 0.9 or (y > 0.1 and rank % 4 > 1)
        x, y = (-reach if to_left else reach), (-reach if to_top else reach)
        ax.annotate(
            str(rank), (spot.x_m * factor, spot.y_m * factor), xytext=(x, -y), textcoords="offset points", fontsize=9,
            ha="center", va="center", color="black",
            bbox={"boxstyle": "circle,pad=0.15", "facecolor": "white", "edgecolor": "black", "lw": 0.6, "alpha": 0.9},
            arrowprops={"arrowstyle": "-", "color": "#5b9bd5", "lw": 0.9, "shrinkA": 0, "shrinkB": 0},
        )  # fmt: skip


def _distribution(ax: Axes, maps: Sequence[CurrentMap]) -> None:
    """Share of the contact area below a density; percentiles as dots with their values."""
    shares = np.linspace(0.1, 99.9, 500)
    for k, (m, colour) in enumerate(zip(maps, _LINES, strict=False)):
        ax.plot(m.percentiles(shares), shares, color=colour, lw=1.5, ls=("-", "--", ":")[k], label=frequency_name(m))
        for share, value in zip(PERCENTILES, m.percentiles(), strict=True):
            ax.plot(value, share, "o", color=colour, ms=4)
            ax.annotate(
                f"{share:g} %: {value:.3g}", (value, share), xytext=(6 if k == 0 else -6, -4 if k < 2 else -13),
                textcoords="offset points", fontsize=8, ha="left" if k == 0 else "right", color=colour,
            )  # fmt: skip
    ax.set_xscale("log")
    ax.set_ylim(0, 104)
    low, high = (float(v) for v in maps[0].percentiles([1.0, 99.9]))
    ax.set_xlim(0.2 * low, 8.0 * high)
    ax.xaxis.set_major_formatter(lambda v, _: f"{v:g}")
    ax.xaxis.set_minor_formatter(lambda v, _: f"{v:g}" if high < 30.0 * low and f"{v:.0e}"[0] in "3" else "")
    ax.set_xlabel(r"current density, $|j|$ / $|j_\mathrm{mean}|$", fontsize=9)
    ax.set_ylabel("share of the contact area below / %", fontsize=9)
    ax.tick_params(labelsize=8, which="both", pad=4)
    ax.grid(color="#e5e5e5", lw=0.6)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_color(GREY)
    if len(maps) > 1:
        ax.legend(fontsize=8, frameon=False, loc="lower right", bbox_to_anchor=(1.0, 0.32))
    if maps[0].n_spots > 1:
        lines = [f"hottest contacts,\n{frequency_name(maps[0])}:"]
        lines += [f"{rank}:  {s.focusing:.3g}" for rank, s in enumerate(maps[0].hot_spots(_NUMBERED), start=1)]
        ax.text(0.97, 0.04, "\n".join(lines), transform=ax.transAxes, fontsize=8, ha="right", va="bottom")


def _reduced(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Largest values of blocks, so that no contact is lost in a picture of fewer pixels."""
    block = -(-max(values.shape) // _SHOWN)
    if block == 1:
        return values
    rows, columns = (np.arange(0, n, block) for n in values.shape)
    return np.asarray(np.maximum.reduceat(np.maximum.reduceat(values, rows, axis=0), columns, axis=1))
