"""A reduced basis with a bound of its own error for any values of the laws, and that grows where the bound is too wide.

The reduced solution x leaves the residual r = A x. As A is complex symmetric and x a Galerkin solution, its admittance
is in error by r^T A^-1 r. All laws lie in the first quadrant: turned by a suitable angle, their real parts a_q are
positive, and with a reference matrix M = sum_q m_q A_q of positive weights for which sum_q a_q A_q >= alpha M,

    |Y_reduced - Y| <= r^T M^-1 r* / alpha .

r is a combination of the images A_q v_j of the basis, so that a table of their products in M^-1 gives the bound at
the cost of one small product (Prud'homme et al. 2002, doi 10.1115/1.1448332). One M is tight only near its own
weights: there are several, and each value of the laws takes the one that fits best.

alpha is the smallest ratio a_q / m_q, but for surface terms that carry little: a potential e that vanishes at the
ground obeys int e^2 <= R_a sum a_v A_v over volumes v and the far face, where R_a = sum_v t_v / a_v is the resistance
of the layers (thickness t) between surface and ground (Cauchy-Schwarz along lines normal to the surface). So m_q may
be anything that is small beside 1/R_a.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from aspot.errors import ConvergenceError
from aspot.fem.problem import AffineProblem
from aspot.reduction import (
    ReducedProblem,
    admittances_of,
    assembled,
    coefficients_of,
    images_of,
    orthonormal,
    projected,
)

#: A reference fits laws that differ from its own by less than this factor.
_FITS = 30.0
#: References chosen at the start, and at most.
_FIRST_REFERENCES, _MOST_REFERENCES = 6, 40
#: Angles by which the laws are turned [rad]. The excess of a microscopic interface may leave the first quadrant.
_TURNS = np.deg2rad(np.arange(-45.0, 136.0, 9.0))

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]


def coercivity(a: Real, m: Real, series: Real) -> Real:
    """Largest known alpha with sum_q a_q A_q >= alpha sum_q m_q A_q.

    Parameters
    ----------
    a, m : (..., Q) float
        Weights of the terms, not negative and positive.
    series : (Q,) float
        t_v of the terms between surface and ground: thickness of a volume [m], 1 for the law of the far face; nan for
        terms of the surface itself.

    Returns
    -------
    (...) float
    """
    surface = np.isnan(series)
    with np.errstate(divide="ignore"):
        ratio = a / m
        volumes = np.min(ratio[..., ~surface], axis=-1)
        resistance = np.sum(series[~surface] / a[..., ~surface], axis=-1)
        if not surface.any():
            return np.asarray(volumes)
        # A surface term is left out of M, at a cost to the rest, where it would be worse to keep it.
        cost = m[..., surface] * resistance[..., None]
        kept = ratio[..., surface] >= 1.0 / (1.0 / volumes[..., None] + cost)
        rest = 1.0 / (1.0 / volumes + np.max(np.where(kept, 0.0, cost), axis=-1))
    return np.asarray(np.minimum(rest, np.min(np.where(kept, ratio[..., surface], np.inf), axis=-1)))


@dataclass
class _Reference:
    """One M: its weights, an inverse that is never too small, and the table images^T M^-1 images."""

    weights: Real
    inverse: Callable[[Real], Real]
    table: Real

    @classmethod
    def of(cls, problem: AffineProblem, weights: Real, images: Real) -> _Reference:
        made = cls(weights, problem.bounding_inverse(weights), np.empty((0, 0)))
        made.table = images.T @ made.inverse(images)
        return made

    def extend(self, old: Real, new: Real) -> None:
        """Add products of new images with the old ones and each other."""
        found = self.inverse(new)
        cross = old.T @ found
        self.table = np.block([[self.table, cross], [cross.T, new.T @ found]])


@dataclass(frozen=True)
class Certified:
    """Admittances with bounds.

    Parameters
    ----------
    admittance : (m,) complex
        [S]
    relative_bound : (m,) float
        |Z_reduced - Z| / |Z_reduced| is not above it; inf where nothing can be said.
    coefficients : (m, N) complex
        Of the solutions in the basis.
    misfit : (m,) float
        By how much, at most, the best reference over- or underestimates a term that matters (1: it fits exactly).
    """

    admittance: Complex
    relative_bound: Real
    coefficients: Complex
    misfit: Real


@dataclass
class CertifiedBasis:
    """A reduced basis for any values of the laws; it grows in place.

    Parameters
    ----------
    problem : AffineProblem
        Its terms count; its laws are not used.
    series : mapping of str to float
        See `coercivity`: of the volumes and the far face, by name of the term.
    basis : (n + 1, N) float
        As in `aspot.reduction.ReducedProblem`.
    """

    problem: AffineProblem
    series: Mapping[str, float]
    basis: Real
    full_solves: int = 0
    matrices: Real = field(init=False)
    _images: Real = field(init=False, repr=False)
    _references: list[_Reference] = field(init=False, default_factory=list, repr=False)

    def __post_init__(self) -> None:
        self._images = images_of(self.problem, self.basis)
        self.matrices = projected(self.basis, self._images)

    @classmethod
    def of(cls, reduced: ReducedProblem, series: Mapping[str, float], theta: Complex) -> CertifiedBasis:
        """From a basis over frequency; references are chosen among the values `theta` of the laws, shape (Q, m)."""
        made = cls(reduced.problem, series, reduced.basis)
        for _ in range(_FIRST_REFERENCES):
            misfit = made._fit(theta)[1]
            worst = int(np.argmax(misfit))
            if misfit[worst] <= _FITS:
                break
            made._add_reference(theta[:, worst])
        return made

    def copy(self) -> CertifiedBasis:
        """A basis that knows what this one knows, and grows apart from it; the arrays are shared."""
        other = copy(self)
        other._references = [copy(reference) for reference in self._references]
        return other

    @property
    def n_references(self) -> int:
        """Number of reference matrices."""
        return len(self._references)

    @property
    def _series(self) -> Real:
        return np.array([self.series.get(t.name, np.nan) for t in self.problem.terms])

    def _flat(self, images: Real) -> Real:
        """Images on the free unknowns as columns, basis vector by basis vector."""
        return np.ascontiguousarray(np.moveaxis(images[:, : self.problem.n_free], 0, 2).reshape(len(images[0]) - 1, -1))

    def _add_reference(self, theta: Complex) -> None:
        size = np.abs(theta)
        # A law of 0 would leave M singular, and one of a thousandth of what matters does no harm.
        series = self._series
        path = ~np.isnan(series)
        least = 1e-3 / np.sum(series[path] / np.maximum(size[path], 1e-100))
        weights = np.where(path, size, np.maximum(size, least))
        self._references.append(_Reference.of(self.problem, weights, self._flat(self._images)))

    def _fit(self, theta: Complex) -> tuple[NDArray[np.intp], Real, Real]:
        """Best reference for each value of the laws, its misfit, and its alpha."""
        m = theta.shape[1]
        if not self._references:
            return np.zeros(m, np.intp), np.full(m, np.inf), np.zeros(m)
        series = self._series
        weights = np.stack([r.weights for r in self._references])
        size = np.maximum(np.abs(theta.T), 1e-100)
        wide = size[:, None, :]
        misfit = 1.0 / (coercivity(wide, weights, series) * coercivity(weights, wide, series))
        best = np.argmin(misfit, axis=1)
        # (turns, m, Q), against the best reference alone
        turned = np.real(np.exp(-1j * _TURNS)[:, None, None] * theta.T)
        positive = (turned >= -1e-12 * size).all(-1)
        alpha = coercivity(np.maximum(turned, 0.0), weights[best], series)
        return best, misfit[np.arange(m), best], np.max(np.where(positive, alpha, 0.0), axis=0)

    def evaluate(self, theta: Complex) -> Certified:
        """Admittances and bounds for values of all laws, shape (Q, m)."""
        m = theta.shape[1]
        full = assembled(self.matrices, theta)
        c = coefficients_of(full)
        y = admittances_of(full, c)
        best, misfit, alpha = self._fit(theta)
        combination = (c[:, :, None] * theta.T[:, None, :]).reshape(m, -1)
        bound = np.full(m, np.inf)
        for k in np.unique(best) if self._references else ():
            rows, table = best == k, self._references[k].table
            w = combination[rows]
            parts = np.concatenate([w.real, w.imag])
            square = np.einsum("mi,mi->m", parts @ table, parts).reshape(2, -1).sum(0)
            # What rounding leaves of a residual that vanishes.
            rounding = np.finfo(float).eps * (np.abs(w) @ np.sqrt(np.abs(np.diag(table)))) ** 2
            with np.errstate(divide="ignore"):
                bound[rows] = (np.maximum(square, 0.0) + rounding) / alpha[rows]
        relative = bound / np.abs(y)
        # From |Y_reduced - Y| / |Y_reduced| to the same of Z.
        relative = np.where(relative < 1.0, relative / np.maximum(1.0 - relative, 1e-15), np.inf)
        return Certified(y, relative, c, misfit)

    def energies(self, found: Certified) -> Complex:
        """Bilinear energies x^T A_q x, shape (Q, m)."""
        c = found.coefficients
        return np.asarray([np.einsum("mi,mi->m", c, c @ matrix) for matrix in self.matrices])

    def grow(self, theta: Complex) -> None:
        """Make the bound small at one value of the laws, shape (Q,): by a fitting reference, or else a full solve.

        Raises
        ------
        ConvergenceError
            If a full solve there adds nothing new.
        """
        if self._fit(theta[:, None])[1][0] > _FITS and self.n_references < _MOST_REFERENCES:
            self._add_reference(theta)
            return
        x = self.problem.solve_theta(theta)
        self.full_solves += 1
        new = orthonormal(self.basis[:, 1:], np.stack([np.real(x) - self.basis[:, 0], np.imag(x)], 1))
        if new.shape[1] == 0:
            raise ConvergenceError("reduced basis: a full solve adds nothing, the bound is limited by rounding")
        images = images_of(self.problem, new)
        for reference in self._references:
            reference.extend(self._flat(self._images), self._flat(images))
        self.basis = np.hstack([self.basis, new])
        self._images = np.concatenate([self._images, images], axis=2)
        self.matrices = projected(self.basis, self._images)
