"""Picture of metal pressed on a rough surface: heights with the contacts, gaps, a cut. Needs no display."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from aspot.morphology.pressing import PressedSurface
from aspot.plot import length_unit, new_figure
from aspot.units import engineering

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_METAL, _ELECTROLYTE, _CONTACT = "#b9bcc2", "#d8c79a", "#c23b22"


def pressed_picture(pressed: PressedSurface, *, title: str = "") -> Figure:
    """Heights and contacts, gap heights, and a cut through the row with most contact.

    Parameters
    ----------
    pressed : PressedSurface
    title : str

    Returns
    -------
    Figure
        Contacts are red. The cut is stretched: heights are nanometres, lengths across micrometres.
    """
    surface = pressed.surface
    factor, unit = length_unit(surface.size)
    figure = new_figure(11.0, 6.6)
    panels: Any = figure.subplot_mosaic([["heights", "gaps"], ["cut", "cut"]], height_ratios=[2.4, 1.0])
    touches = pressed.contact > 0.5
    extent = (0.0, surface.size * factor, 0.0, surface.size * factor)

    heights = (surface.height - surface.height.mean()) * 1e9
    limit = float(np.abs(heights).max())
    _map(panels["heights"], heights, extent, unit, "cividis", "height of the electrolyte / nm", (-limit, limit))
    _contacts(panels["heights"], touches, extent)
    share = f"{100.0 * pressed.contact_fraction:.3g} %"
    panels["heights"].set_title(f"contacts (red) on {share} of the area", fontsize=10)

    gap = np.where(pressed.contact < 1.0, pressed.gap_height, np.nan) * 1e9
    shown = gap[~touches]
    if shown.size:
        low, high = np.percentile(shown, [1, 99])
        if high / low > 30.0:
            gap, low, high = np.log10(gap), np.log10(low), np.log10(high)
            name = "log$_{10}$(gap / nm)"
        else:
            name = "gap / nm"
        _map(panels["gaps"], np.where(touches, np.nan, gap), extent, unit, "viridis", name, (float(low), float(high)))
        _contacts(panels["gaps"], touches, extent)
        capacitance = engineering(pressed.gap_capacitance * 1e-4, "F/cm²")
        panels["gaps"].set_title(f"gaps; empty, they have {capacitance}", fontsize=10)
    _cut(panels["cut"], pressed, int(np.argmax(touches.sum(axis=1))), factor, unit)
    if title:
        figure.suptitle(title, fontsize=11)
    return figure


def _map(
    ax: Axes,
    values: Any,
    extent: tuple[float, float, float, float],
    unit: str,
    colours: str,
    name: str,
    limits: tuple[float, float],
) -> None:
    image = ax.imshow(
        values, origin="lower", extent=extent, cmap=colours, vmin=limits[0], vmax=limits[1], interpolation="nearest"
    )
    assert ax.figure is not None
    ax.figure.colorbar(image, ax=ax, label=name, shrink=0.9)
    ax.set_xlabel(f"x / {unit}")
    ax.set_ylabel(f"y / {unit}")


def _contacts(ax: Axes, touches: Any, extent: tuple[float, float, float, float]) -> None:
    from matplotlib.colors import ListedColormap

    ax.imshow(
        np.where(touches, 1.0, np.nan),
        origin="lower",
        extent=extent,
        cmap=ListedColormap([_CONTACT]),
        interpolation="nearest",
    )


def _cut(ax: Axes, pressed: PressedSurface, row: int, factor: float, unit: str) -> None:
    """Electrolyte below, metal above, contacts as a red line, along a row of pixels."""
    surface = pressed.surface
    n = len(surface.height)
    x = (np.arange(n) + 0.5) * surface.pixel * factor
    floor = (surface.height - surface.height.mean())[row] * 1e9
    contact = pressed.contact[row]
    metal = floor + np.where(contact < 1.0, pressed.gap_height[row], 0.0) * 1e9
    top, bottom = float(metal.max()), float(floor.min())
    room = 0.25 * (top - bottom)
    ax.fill_between(x, bottom - room, floor, color=_ELECTROLYTE, linewidth=0)
    ax.fill_between(x, metal, top + room, color=_METAL, linewidth=0)
    ax.plot(x, np.where(contact > 0.5, floor, np.nan), color=_CONTACT, linewidth=2.5)
    ax.set_xlim(0.0, surface.size * factor)
    ax.set_ylim(bottom - room, top + room)
    ax.set_xlabel(f"x / {unit}")
    ax.set_ylabel("height / nm")
    where = (row + 0.5) * surface.pixel * factor
    ax.set_title(f"cut at y = {where:.3g} {unit}: metal above, electrolyte below", fontsize=10)
