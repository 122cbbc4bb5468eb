"""The affine problem of a flat interface given by pixels, and its solution by transforms and conjugate gradients.

The slab below answers currents j into the plane with potentials G j, diagonal in the modes of the rectangle. Pixels
couple to the metal by admittances D, which are huge under contacts and small under gaps. With one admittance d taken
everywhere as background and G_d = (1/G + d)^-1, only the pixels with E = D - d != 0 are left,

    (1/E + G_d) j = V - u_0,        j = E (V - u),

a system that is well conditioned for every contrast: 1/E is 0 under ideal contacts and G_d has order -1, so that
(e + G_d)^-1 with the usual e of 1/E is a preconditioner for which the iterations grow as the logarithm of the number
of pixels at most. It is complex symmetric: conjugate gradients without conjugation (van der Vorst and Melissen 1990,
doi 10.1109/20.106415).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from aspot.errors import ConvergenceError
from aspot.fem import linear
from aspot.fem.planar_network import PlanarNetwork
from aspot.fem.problem import Role, require_finite, theta_of
from aspot.laws import Law

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]
#: Real or complex.
Numbers = NDArray[Any]

#: Residual that is asked for, whatever less would be accepted elsewhere; energies err by its square.
_LEAST_LIMIT = 1e-6
#: Residual that single precision reaches.
_ROUGH = 1e-5
_MAX_ITERATIONS = 2000
#: Factor on inverses that are to be bounds.
_ENLARGED = 1.001
#: Relative difference of admittances that is rounding.
_ALIKE = 1e-9


@dataclass(frozen=True)
class PlanarTerm:
    """One summand: a name of `PlanarNetwork.names`, its role and its law."""

    name: str
    role: Role
    law: Law


@dataclass(frozen=True)
class PlanarProblem:
    """An affine problem whose matrices are maps (see `aspot.fem.problem.AffineProblem`).

    Parameters
    ----------
    terms : tuple of PlanarTerm
        In the order of `network.names`.
    area_m2 : float
        Geometric electrode area of the modelled piece [m2].
    temperature_K : float
    network : PlanarNetwork
    """

    terms: tuple[PlanarTerm, ...]
    area_m2: float
    temperature_K: float
    network: PlanarNetwork

    @property
    def n_free(self) -> int:
        """Number of free unknowns (without the port)."""
        return self.network.n_free

    def theta(self, omega: FloatArray | float) -> ComplexArray:
        """Values of all laws at angular frequencies [rad/s], shape (Q, m) [S/m or S/m2]."""
        return theta_of(self.terms, omega, self.temperature_K)

    def solve(
        self, omega: float, start: ComplexArray | None = None, limit: float = linear.ITERATIVE_LIMIT
    ) -> ComplexArray:
        """Potentials for 1 V at the port, shape (n_free + 1,) [V]; see `solve`.

        Parameters
        ----------
        omega : float
            Angular frequency [rad/s]; 0 is direct current.
        start : (n_free + 1,) complex or float, optional
            A guess of the result.
        limit : float
            Largest accepted relative residual.

        Raises
        ------
        ConvergenceError
            If a law is not finite, nothing conducts, or the residual stays above its limit.
        """
        return self.solve_theta(self.theta(omega)[:, 0], start, limit)

    def solve_theta(
        self, theta: ComplexArray, start: ComplexArray | None = None, limit: float = linear.ITERATIVE_LIMIT
    ) -> ComplexArray:
        """As `solve`, for given values of all laws, shape (Q,)."""
        require_finite(self.terms, theta)
        x, iterations = solve(self.network, theta, start, limit)
        self.solves.append(linear.Solve("transforms", iterations))
        return x

    @cached_property
    def solves(self) -> list[linear.Solve]:
        """How each system was solved, so far."""
        return []

    def images(self, x: FloatArray) -> FloatArray:
        """A_q x of every term for real potentials, shape (Q, n_free + 1)."""
        return self.network.images(np.asarray(x, float))

    def diagonals(self) -> FloatArray:
        """Diagonals of all terms, of slabs their mean over a plane, shape (Q, n_free)."""
        return self.network.diagonals()

    def energies(self, x: ComplexArray) -> ComplexArray:
        """Bilinear energies x^T A_q x of every term, shape (Q,) [m V2 or m2 V2]; also dY/dtheta_q."""
        real = np.ascontiguousarray(np.real(x))
        of_real = self.images(real)
        if not np.iscomplexobj(x):
            return np.asarray(of_real @ real)
        imag = np.ascontiguousarray(np.imag(x))
        return np.asarray(of_real @ real - self.images(imag) @ imag + 2j * (of_real @ imag))

    def dissipation_weights(self, x: ComplexArray) -> FloatArray:
        """Hermitian energies x^H A_q x of every term, shape (Q,)."""
        parts = [np.real(x), np.imag(x)] if np.iscomplexobj(x) else [np.asarray(x)]
        return np.asarray(sum(self.images(np.ascontiguousarray(part)) @ part for part in parts), float)

    def admittance(self, x: ComplexArray, omega: float) -> complex:
        """Y = sum_q theta_q x^T A_q x of the modelled piece [S]."""
        return complex(self.theta(omega)[:, 0] @ self.energies(x))

    def bounding_inverse(self, weights: FloatArray) -> Callable[[FloatArray], FloatArray]:
        """A symmetric B >= M^-1 on the free unknowns for M = sum_q weights_q A_q, (n_free, k) -> (n_free, k)."""
        return bounding_inverse(self.network, weights)

    def with_laws(self, laws: Mapping[str, Law], temperature_K: float) -> Self:
        """The same matrices under other laws, by names of terms."""
        terms = tuple(replace(t, law=laws[t.name]) for t in self.terms)
        return replace(self, terms=terms, temperature_K=temperature_K)

    def with_area(self, area_m2: float) -> Self:
        """The same problem counted per another area [m2]."""
        return replace(self, area_m2=area_m2)


@dataclass(frozen=True, eq=False)
class _Slabs:
    """The slabs at one value of the laws: admittance of every mode seen from the plane, and the way down.

    Parameters
    ----------
    admittance : (modes) float or complex
        1/G [S/m2].
    ratios : tuple of (modes)
        Potential of every boundary below over that of the one above.
    own : tuple of (modes)
        Admittance of every boundary below, seen from both sides [S/m2].
    """

    admittance: Numbers
    ratios: tuple[Numbers, ...]
    own: tuple[Numbers, ...]

    @classmethod
    def of(cls, network: PlanarNetwork, kappa: list[Any], counter: Any) -> _Slabs:
        """From the admittivities of all slabs and the admittance of the far face."""
        below: Any = counter
        ratios: list[Numbers] = []
        totals: list[Numbers] = []
        for (own, mutual, k), value in zip(reversed(network.symbols), reversed(kappa), strict=True):
            if below is None:
                below = value * own
                continue
            # own^2 - mutual^2 = k^2: thin films leave no difference of large numbers.
            total = value * own + below
            ratios.append(value * mutual / total)
            totals.append(total)
            below = value * (value * k**2 + own * below) / total
        return cls(np.asarray(below), tuple(reversed(ratios)), tuple(reversed(totals)))


def solve(
    network: PlanarNetwork, theta: ComplexArray, start: Numbers | None = None, limit: float = linear.ITERATIVE_LIMIT
) -> tuple[Numbers, int]:
    """Potentials for 1 V at the port, and the number of iterations.

    Parameters
    ----------
    network : PlanarNetwork
    theta : (Q,) complex
        Values of the laws of `network.names`.
    start : (n_free + 1,), optional
        A guess, to save iterations; its own residual falls to a tenth, too.
    limit : float
        Largest accepted residual relative to 1 V, both in the norm of the energy, but not below 1e-6.

    Raises
    ------
    ConvergenceError
        If nothing conducts, or the residual stays above its limit.
    """
    law = _values(network, theta)
    slabs, system, path = _system(network, law)
    j = None if start is None else system.currents(network.planes_of(start)[0].reshape(-1))
    b = np.full(system.size, system.rest)
    j, answer, iterations = system.solve(b, j, max(limit, _LEAST_LIMIT), system.rest_energy)
    plane = system.potentials(j, answer)
    is_real = system.is_real
    planes = [plane.reshape(network.grid.shape)]
    if len(network.fixed):
        plane[network.fixed] = 1.0
    transform = network.transform
    if slabs.ratios:
        modes = transform.forward(planes[0])
        for ratio in slabs.ratios:
            modes = modes * transform.half(ratio, is_real=is_real)
            planes.append(transform.backward(modes.copy(), is_real=is_real))
    return network.joined(planes, _inner(network, law, path, plane), 1.0), iterations


def _values(network: PlanarNetwork, theta: ComplexArray) -> dict[str, Any]:
    """Laws by name; real numbers if all are."""
    is_real = not np.any(np.imag(theta))
    return dict(zip(network.names, (np.real(theta) if is_real else theta).tolist(), strict=True))


def _system(network: PlanarNetwork, law: Mapping[str, Any]) -> tuple[_Slabs, _Surface, Numbers]:
    """The slabs, the system of the plane, and the impedance of every path to the port."""
    is_real = not any(isinstance(v, complex) for v in law.values())
    slabs = _Slabs.of(network, [law[name] for name, _ in network.slabs], law.get("counter"))
    path = _paths(network, law)
    gap = law.get("gap", 0.0) * (network.gap_area if network.gap_area is not None else np.zeros(network.size))
    with np.errstate(divide="ignore", invalid="ignore"):
        to_port = 1.0 / path + gap
        background = _background(network, law, gap, to_port, is_real)
        inverse = 1.0 / (to_port - background)
    if not np.any(to_port):
        raise ConvergenceError("the system is singular: nothing conducts to the electrode or to the ground")
    inverse[network.fixed] = 0.0
    return slabs, _Surface(network, slabs.admittance, background, inverse, is_real), path


def _paths(network: PlanarNetwork, law: Mapping[str, Any]) -> Numbers:
    """Impedance per pixel area from every covered pixel through the contact to the port [ohm m2]; else infinite."""
    y = law.get("contact")
    z = 0.0 if y is None else np.inf if y == 0.0 else 1.0 / y
    out = np.full(network.size, np.inf, np.result_type(*(type(v) for v in law.values())))
    covered = network.covered > 0.0
    out[covered] = z / network.covered[covered]
    for slab, resistance in network.rims.items():
        out[network.partial] += resistance / law[network.slabs[slab][0]]
    return out


def _background(network: PlanarNetwork, law: Mapping[str, Any], gap: Numbers, to_port: Numbers, is_real: bool) -> Any:
    """The admittance of gaps or of whole contacts, whichever is smaller, so that one of them drops out.

    Real systems stay positive definite: there no pixel may have less.
    """
    is_open = network.covered <= 0.0
    found = [gap[np.argmin(np.where(is_open, np.abs(gap), np.inf))]] if is_open.any() else []
    if "contact" in law:
        found.append(law["contact"])
    least = min(found, key=abs, default=0.0)
    lowest = to_port[np.argmin(np.abs(to_port))]
    return lowest if is_real and lowest < (1.0 - _ALIKE) * least else least


def _inner(network: PlanarNetwork, law: Mapping[str, Any], path: Numbers, plane: Numbers) -> Numbers:
    """Potentials of the inner nodes of the paths from pixels covered in part."""
    out = np.empty((network.n_inner, len(network.partial)), plane.dtype)
    at = plane[network.partial]
    with np.errstate(invalid="ignore"):
        current = np.where(np.isinf(path[network.partial]), 0.0, (1.0 - at) / path[network.partial])
    for i, (slab, resistance) in enumerate(list(network.rims.items())[: network.n_inner]):
        at = at + current * resistance / law[network.slabs[slab][0]]
        out[i] = at
    return out


#: Kind of number by (single precision, real).
_NUMBERS = {(False, True): float, (False, False): complex, (True, True): np.float32, (True, False): np.complex64}


class _Surface:
    """The system (1/E + G_d) j = V - u_0 on the pixels with E != 0."""

    def __init__(
        self, network: PlanarNetwork, admittance: Numbers, background: Any, inverse: Numbers, is_real: bool
    ) -> None:
        self._network, self.is_real, self._background = network, is_real, background
        self._admittance = admittance
        response = 1.0 / (admittance + background)
        self._local = network.mean(response)
        #: Pixels that differ from the background.
        self._at = np.flatnonzero(np.isfinite(inverse) & (np.abs(inverse) < 1e12 * np.abs(self._local)))
        self._inverse = inverse[self._at]
        self._strong = np.abs(self._inverse) < abs(self._local)
        #: Drop of the potential from the port to the plane without the currents of the system, and its energy.
        self.rest = admittance.flat[0] / (admittance.flat[0] + background)
        self.rest_energy = abs(self.rest * background) * network.size
        usual = (
            np.median(self._inverse.real) + (0.0 if is_real else 1j * np.median(self._inverse.imag))
            if len(self._at)
            else 0.0
        )
        self._scale = np.sqrt((usual + self._local) / (self._inverse + self._local))
        expand = network.transform.half
        self._response = expand(response, is_real=is_real)
        single = np.float32 if is_real else np.complex64
        #: The same in single precision, which is half the work.
        self._rough_response = self._response.astype(single)
        preconditioner = 1.0 / (usual + response)
        self._factor = float(np.abs(preconditioner).max())
        preconditioner = preconditioner / self._factor
        self._preconditioner = expand(preconditioner.astype(single), is_real=is_real)

    def _spread(self, values: Numbers, symbol: Numbers) -> Numbers:
        single = symbol.dtype in (np.float32, np.complex64)
        whole: Numbers = np.zeros(self._network.size, _NUMBERS[single, self.is_real])
        whole[self._at] = values
        return self._all(whole, symbol)

    @property
    def size(self) -> int:
        """Number of pixels in the system."""
        return len(self._at)

    def solve(self, b: Numbers, start: Numbers | None, limit: float, more: float = 0.0) -> tuple[Numbers, Numbers, int]:
        """Currents j for a right-hand side, the true residual proved; G_d j on all pixels; the number of iterations.

        The size of a residual r is that of the energy it stands for, (r^H A^-1 r)^(1/2) with the preconditioner for
        A^-1, over that of the solution, (|b^T j| + more)^(1/2).
        """
        j = np.zeros_like(b) if start is None else start
        r = b.copy() if start is None else b - self._image(start)[0]
        done, gain = 0, 1.0 if start is None else linear.GAIN
        # What rounding leaves is found and mended by starting again from the true residual.
        for _ in range(4):
            size, iterations = self._iterate(j, r, b, limit, gain, more, _MAX_ITERATIONS - done)
            done, gain = done + iterations, 1.0
            image, answer = self._image(j)
            # The preconditioner is nowhere above its factor.
            rounding = self._factor**0.5 * float(np.linalg.norm(self._scale * (b - image - r)))
            r = b - image
            known = np.sqrt(abs(b @ j) + more) or 1.0
            error = (size + rounding) / known
            if error <= 1.5 * limit or not np.isfinite(error) or done >= _MAX_ITERATIONS:
                break
        if not error <= 1.5 * limit:
            raise ConvergenceError(
                f"planar solve left a residual of {error:.1e} after {done} iterations, allowed {limit:.0e}", iterate=j
            )
        return j, answer, done

    def _image(self, j: Numbers) -> tuple[Numbers, Numbers]:
        """(1/E + G_d) j, and G_d j on all pixels."""
        answer = self._spread(j, self._response)
        return self._inverse * j + answer[self._at], answer

    def _improved(self, r: Numbers) -> tuple[Numbers, float]:
        """The preconditioner applied to a residual, and the size of that."""
        z = self._scale * self._spread(self._scale * r, self._preconditioner)[self._at] * self._factor
        return z, float(np.sqrt(abs(np.vdot(r, z))))

    def _iterate(
        self, j: Numbers, r: Numbers, b: Numbers, limit: float, gain: float, more: float, most: int
    ) -> tuple[float, int]:
        """Conjugate gradients in place of j and its residual r; the last size of r, and the iterations.

        To reach: the limit, relative to the solution, and `gain`, relative to the first r, or else `_LEAST_LIMIT`.
        """
        direction, rz, first = None, None, 0.0
        response = self._rough_response if limit >= _ROUGH else self._response
        for n in range(max(most, 0) + 1):
            z, size = self._improved(r)
            known = np.sqrt(abs(b @ j) + more)
            if n == 0 and size > known and j.any():
                # A guess worse than none.
                j[:], r[:] = 0.0, b
                z, size = self._improved(r)
            first = first or size
            if n == most or size <= min(limit * known, max(gain * first, _LEAST_LIMIT * known)):
                return size, n
            new = r @ z
            direction = z if direction is None else z + (new / rz) * direction
            rz = new
            image = self._inverse * direction + self._spread(direction, response)[self._at]
            step = rz / (direction @ image)
            j += step * direction
            r -= step * image
        return np.inf, 0

    def currents(self, plane: Numbers) -> Numbers:
        """Currents of given potentials: what flows into the slab beyond the background."""
        network = self._network
        values = np.asarray(plane.real if self.is_real else plane.astype(complex))
        flow = self._all(values, network.transform.half(self._admittance + self._background, is_real=self.is_real))
        out = flow[self._at] - self._background
        # Where E is small, the law knows the current better than the slab, and puts right what leaves the gap.
        weak = ~self._strong
        out[weak] = (1.0 - values[self._at[weak]]) / self._inverse[weak]
        return np.asarray(out)

    def answered(self, current: FloatArray, limit: float) -> FloatArray:
        """Potentials of all pixels for real currents fed into them, the port at 0 V."""
        network = self._network
        free = self._all(current, self._response)
        out = free - self.solve(free[self._at], None, limit)[1]
        out[network.fixed] = 0.0
        return np.asarray(out, float)

    def _all(self, values: Numbers, symbol: Numbers) -> Numbers:
        """A symbol applied to values on all pixels."""
        modes = self._network.transform.forward(values.reshape(self._network.grid.shape))
        modes *= symbol
        return self._network.transform.backward(modes, is_real=self.is_real).reshape(-1)

    def potentials(self, j: Numbers, answer: Numbers) -> Numbers:
        """Potentials of all pixels of the plane, from currents j and their G_d j."""
        whole = answer + (1.0 - self.rest)
        # Where E is large, the law knows the potential better than the slab.
        strong = self._strong
        whole[self._at[strong]] = 1.0 - self._inverse[strong] * j[strong]
        return whole


def bounding_inverse(network: PlanarNetwork, weights: FloatArray) -> Callable[[FloatArray], FloatArray]:
    """The map v -> B v with a symmetric B >= M^-1, M = sum_q weights_q A_q, on the free unknowns; columns.

    Inner nodes and boundaries below are eliminated, the plane is solved to a residual of 1e-6, and all is made larger
    by far more than that.
    """
    law = _values(network, weights.astype(complex))
    slabs, system, _ = _system(network, law)
    area, n = network.pixel_area, len(network.partial)
    # Resistances between the nodes of the paths, from the plane to the port.
    steps = [r / law[network.slabs[slab][0]] for slab, r in network.rims.items()]
    if "contact" in law:
        steps.append(1.0 / (law["contact"] * network.covered[network.partial]))
    reached = np.cumsum(np.array(steps).reshape(len(steps), n), axis=0)

    def apply(column: FloatArray) -> FloatArray:
        fed = np.append(column, 0.0)
        currents = [p.ravel() / area for p in network.planes_of(fed)]
        inner = network.inner_of(fed) / area
        # What is fed into an inner node divides between the plane and the port.
        currents[0][network.partial] += np.sum(inner * (1.0 - reached[: len(inner)] / reached[-1:]), axis=0)
        forward, back = network.transform.forward, network.transform.backward
        modes = [forward(c.reshape(network.grid.shape)) for c in currents[1:]]
        for i in range(len(modes) - 1, 0, -1):
            modes[i - 1] = modes[i - 1] + slabs.ratios[i] * modes[i]
        if modes:
            currents[0] += back(slabs.ratios[0] * modes[0], is_real=True).ravel()
        planes = [system.answered(currents[0], _LEAST_LIMIT)]
        at = forward(planes[0].reshape(network.grid.shape)) if modes else planes[0]
        for ratio, own, mode in zip(slabs.ratios, slabs.own, modes, strict=True):
            at = ratio * at + mode / own
            planes.append(back(at.copy(), is_real=True).ravel())
        nodes = np.empty_like(inner)
        for i in range(len(inner)):
            nodes[i] = planes[0][network.partial] * (1.0 - reached[i] / reached[-1])
            for k in range(len(inner)):
                low, high = min(i, k), max(i, k)
                nodes[i] += inner[k] * reached[low] * (1.0 - reached[high] / reached[-1])
        return network.joined(planes, nodes, 0.0)[:-1]

    return lambda columns: _ENLARGED * np.stack([apply(c) for c in columns.T], axis=1)
