"""Pictures of label images: what lies where, in three dimensions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from aspot.errors import AspotError
from aspot.field_plot import drawable, working_pyvista
from aspot.morphology.unit_cell import VoxelCell
from aspot.plot import length_unit

_METAL, _PORE, _ELECTROLYTE = "#c9a227", "#2a6f97", "#a8a8a8"


def tomogram_view(cell: VoxelCell, path: str | Path, *, size: tuple[int, int] = (1400, 1000)) -> None:
    """Write a 3-D view of a label image to a PNG file: metal and pores, and the electrolyte cut away in front.

    Parameters
    ----------
    cell : VoxelCell
    path : str or Path
    size : (int, int)
        Pixels.

    Raises
    ------
    AspotError
        If pyvista is not installed or cannot draw here; the message says what is missing.
    """
    pyvista = working_pyvista()
    labels = cell.labels
    kind = np.full(labels.shape, 1)
    kind[np.isin(labels, cell.conductors["electrolyte"])] = 0
    kind[np.isin(labels, cell.metal)] = 2
    nz, ny, nx = labels.shape
    hz, hy, hx = cell.voxel_m
    factor, unit = length_unit(max(cell.size_x, cell.size_y, cell.depth_m))
    unit = drawable(unit)
    try:
        # Depth points down.
        grid = pyvista.ImageData(
            dimensions=(nx + 1, ny + 1, nz + 1),
            spacing=(hx * factor, hy * factor, hz * factor),
            origin=(0.0, 0.0, -cell.depth_m * factor),
        )
        grid.cell_data["kind"] = kind[::-1].ravel()
        plotter: Any = pyvista.Plotter(off_screen=True, window_size=list(size))
        middle = (0.5 * cell.size_x * factor, 0.5 * cell.size_y * factor, -0.5 * cell.depth_m * factor)
        names = ((0, "electrolyte", _ELECTROLYTE, 1.0), (1, "pore", _PORE, 1.0), (2, "metal", _METAL, 1.0))
        for number, name, colour, opacity in names:
            part = grid.threshold((number - 0.5, number + 0.5), scalars="kind")
            if part.n_cells == 0:
                continue
            if number == 0:
                part = part.clip("-y", origin=middle, crinkle=True)
            plotter.add_mesh(part, color=colour, opacity=opacity, label=name, show_scalar_bar=False)
        plotter.add_legend(bcolor="white", face="rectangle", size=(0.16, 0.12))
        plotter.enable_lightkit()
        plotter.show_bounds(xtitle=f"x / {unit}", ytitle=f"y / {unit}", ztitle=f"-depth / {unit}", grid="back")
        plotter.view_vector((-0.9, -1.6, 0.9))
        plotter.screenshot(str(path))
        plotter.close()
    except Exception as exc:  # noqa: BLE001  VTK raises whatever the missing driver makes it raise
        raise AspotError(f"3-D view: pyvista cannot draw here ({type(exc).__name__}: {exc})") from None
