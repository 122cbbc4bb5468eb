"""Where a mesh must be finer: sizes from the errors of its cells."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aspot.mesh.tetmesh import TetrahedralMesh

FloatArray = NDArray[np.float64]

#: Powers of the size with which the error of a cell of order 2 falls: squared energy norm times volume, and at a rim,
#: where nodes follow r^(1/2) but the cells stay as wide as they are.
_SMOOTH, _RIM = 7.0, 2.0
#: Least and largest ratio of new size to old.
_FINEST, _COARSEST = 0.35, 1.5


def wanted_sizes(mesh: TetrahedralMesh, errors: FloatArray, target: float, at_rim: NDArray[np.bool_]) -> FloatArray:
    """Sizes with which the errors of all cells would be equal and add up to a target.

    Parameters
    ----------
    mesh : TetrahedralMesh
    errors : (n_cells,) float
        Contribution of every cell, not negative.
    target : float
        Sum that is wanted, in the same unit.
    at_rim : (n_cells,) bool
        Cells that touch a rim.

    Returns
    -------
    (n_cells, 4) float
        Centre of each cell and the edge length wanted there [m].
    """
    x = mesh.nodes[mesh.cells[:, :4]]
    edges = x[:, [0, 0, 0, 1, 1, 2]] - x[:, [1, 2, 3, 2, 3, 3]]
    size = np.sqrt(np.mean(np.sum(edges**2, axis=2), axis=1))
    power = np.where(at_rim, _RIM, _SMOOTH)
    # A rim is a curve: refined cells along it grow in number as 1/h, all others as 1/h^3.
    growth = np.where(at_rim, 1.0, 3.0)
    positive = np.maximum(errors, 1e-30 * errors.max())

    def ratios(each: float) -> FloatArray:
        """New size over old if every new cell may have the error `each`: error h^power over 1/h^growth children."""
        return np.clip((each / positive) ** (1.0 / (power + growth)), _FINEST, _COARSEST)

    low, high = 1e-12 * positive.max(), positive.max()
    for _ in range(60):
        each = np.sqrt(low * high)
        if np.sum(positive * ratios(each) ** power) > target:
            high = each
        else:
            low = each
    return np.column_stack([x.mean(axis=1), size * ratios(low)]) * mesh.unit_m
