"""What would be computed for a Cell: backend, depths, and how the interfaces compose. Nothing is computed here.

The two electrodes interact only through the uniform field between them: lateral variations die within a fraction of
the period (see `interface.sufficient_depth`). Each interface is solved on its own piece of electrolyte of depth H, and

    Z(omega) = L/kappa + sum over electrodes of (Z_piece - H/kappa) .

If the pellet is thinner than that, the piece is the whole pellet. An electrode smaller than the pellet is solved on
two scales: the excess impedance of its microscopic interface is the contact law of the macroscopic electrode.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from aspot.cell import Cell
from aspot.discretise import BACKENDS, Backend
from aspot.effective import SolvedGrains
from aspot.electrode import Electrode
from aspot.electrolyte import GrainBoundaries
from aspot.errors import InputError
from aspot.interface import InterfaceProblem, Layer, Polycrystal, sufficient_depth, truncation_error
from aspot.laws import Law, PolycrystalMedium
from aspot.morphology.grains import Grains
from aspot.morphology.unit_cell import BoxCell, ProfileCell

#: Share of the tolerance given to cutting the depth.
_TRUNCATION_SHARE = 0.01
#: Share of the tolerance given to the resistance of grains that have no closed form.
_MEDIUM_SHARE = 0.25
#: Grains that are meshed one by one, at most.
_MOST_GRAINS = 400


@dataclass(frozen=True, kw_only=True)
class Side:
    """One electrode's microscopic interface.

    Parameters
    ----------
    name : str
        "working" or "counter".
    interface : InterfaceProblem
    truncated : bool
        Whether the modelled piece is thinner than the electrolyte that it stands for.
    copies : int
        How often it occurs (2 in a symmetric cell).
    """

    name: str
    interface: InterfaceProblem
    truncated: bool
    copies: int = 1

    @property
    def truncation_error(self) -> float:
        """Relative change of this constriction by cutting the depth."""
        return truncation_error(self.interface.cell, self.interface.depth_m) if self.truncated else 0.0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What would be computed for a cell.

    Parameters
    ----------
    cell : Cell
    backend : Backend
        Of the working electrode; the other side uses one that fits it.
    sides : tuple of Side
        Microscopic interfaces, the working electrode first.
    counter : Law or None
        A planar counter electrode in series with a truncated working side [S/m2].
    pellet : InterfaceProblem or None
        The macroscopic electrode on a wider pellet; its contact law is filled in by the solution of the sides.
    """

    cell: Cell
    backend: Backend
    sides: tuple[Side, ...]
    counter: Law | None
    pellet: InterfaceProblem | None

    @property
    def electrolyte(self) -> Law:
        """Admittivity of the electrolyte [S/m]; that of Voronoi grains is computed when it is first asked for."""
        return self.sides[0].interface.electrolyte

    @property
    def electrode_share(self) -> float:
        """Area of the working electrode over that of the pellet."""
        electrode, pellet = self.cell.working_electrode.diameter, self.cell.electrolyte.diameter
        if self.pellet is None or electrode is None or pellet is None:
            return 1.0
        return (electrode / pellet) ** 2

    def extrapolation(self, level: int) -> tuple[float, float]:
        """Weight and safety of `Backend.extrapolation`: the cautious ones if the sides use different backends."""
        found = [backend_of(side.interface).extrapolation(level) for side in self.sides]
        return min(weight for weight, _ in found), max(safety for _, safety in found)

    @property
    def first_level(self) -> int:
        """Level to begin with: the finest that all sides ask for."""
        tolerance = self.cell.numerics.relative_tolerance
        return max(backend_of(side.interface).first_level(tolerance) for side in self.sides)

    @property
    def expected_level(self) -> int:
        """Level at which the solution probably ends."""
        tolerance = self.cell.numerics.relative_tolerance
        backends = [(backend_of(s.interface), s.interface.cell) for s in self.sides]
        usual = max(backend.usual_level(cell, tolerance) for backend, cell in backends)
        return min(max(usual, self.first_level + 1), min(backend.n_levels for backend, _ in backends) - 1)

    def unknowns(self, level: int) -> float:
        """Estimated number of unknowns of the largest problem at a level."""
        return max(backend_of(s.interface).unknowns(s.interface, level) for s in self.sides)

    def memory_bytes(self, level: int) -> float:
        """Estimated peak memory of the largest problem at a level, beyond that of the process [bytes]."""
        return max(
            backend_of(s.interface).memory_bytes(backend_of(s.interface).unknowns(s.interface, level))
            for s in self.sides
        )

    def run_memory_bytes(self) -> float:
        """Estimated peak memory of a whole run at the level expected, pictures and Python itself included [bytes]."""
        from aspot.analysis.focusing import map_bytes

        interface = self.sides[0].interface
        pictures = (
            0.0 if self.backend.name != "planar" or self.cell.working_electrode.is_planar else map_bytes(interface)
        )
        process = max(backend_of(s.interface).process_bytes for s in self.sides)
        return process + max(self.memory_bytes(self.expected_level), pictures)

    def describe(self) -> dict[str, object]:
        """What would be computed, for people: backend, depths, unknowns and memory at the level expected."""
        out: dict[str, object] = {
            "backend": self.backend.name,
            "frequencies": len(self.cell.frequencies.values_Hz()),
            "relative tolerance": self.cell.numerics.relative_tolerance,
        }
        for side in self.sides:
            morphology = getattr(self.cell, f"{side.name}_electrode").morphology
            out[f"{side.name} electrode"] = "planar" if morphology.is_planar else morphology.kind
            if not morphology.is_planar:
                out[f"{side.name} contact fraction"] = morphology.fraction
                out[f"{side.name} spacing [m]"] = morphology.pitch
                out[f"{side.name} depth modelled [m]"] = side.interface.depth_m
                out[f"{side.name} error by cutting there"] = side.truncation_error
        crystal = self.sides[0].interface.polycrystal
        if crystal is not None and isinstance(box := self.sides[0].interface.cell, BoxCell):
            out["grains meshed"] = crystal.grains.count(box.size_x, box.size_y)
            out["depth of grains meshed [m]"] = crystal.grains.depth_m
        if self.pellet is not None:
            out["pellet"] = "electrode smaller than the pellet: solved on two scales"
        out["unknowns (about)"] = round(self.unknowns(self.expected_level))
        out["memory (about) [MB]"] = round(self.run_memory_bytes() / 1e6)
        return out


def backend_of(interface: InterfaceProblem) -> Backend:
    """The backend that solves an interface: the one asked for if it can, one that prefers it, or the first that can."""
    fitting = {b.name: b for b in BACKENDS.values() if b.accepts(interface.cell)}
    fitting = dict(sorted(fitting.items(), key=lambda item: not item[1].prefers(interface.cell)))
    return fitting.get(interface.backend) or next(iter(fitting.values()))


def _polycrystal(cell: Cell, electrode: Electrode, depth_m: float) -> Polycrystal | None:
    """The grains to mesh under an electrode, if the cell wants them."""
    boundaries = cell.electrolyte.grain_boundaries
    if boundaries is None or boundaries.model != "explicit":
        return None
    box = electrode.unit_cell(depth_m)
    if not isinstance(box, BoxCell):
        raise InputError(
            'electrolyte.grain_boundaries.model = "explicit": meshed grains need flat gaps; leave out gap.shape'
        )
    grains = _few_grains(boundaries, depth_m, box.size_x, box.size_y)
    return Polycrystal(grains=grains, grain=cell.electrolyte.bulk_law(), boundary=boundaries.law)


def _few_grains(boundaries: GrainBoundaries, depth_m: float, size_x: float, size_y: float) -> Grains:
    """Grains that can be meshed."""
    grains = boundaries.meshed(depth_m, size_x, size_y)
    n = grains.count(size_x, size_y)
    if n > _MOST_GRAINS:
        raise InputError(
            f"electrolyte.grain_boundaries.grain_size = {boundaries.grain_size:g} m: {n} grains would be meshed under "
            f"a cell of {size_x:.3g} x {size_y:.3g} m, at most {_MOST_GRAINS} are; use a smaller spacing, a "
            'smaller grain_layers or model = "brick-layer"'
        )
    return grains


def _electrolyte(cell: Cell, available_m: float) -> Law:
    """The homogeneous electrolyte: that below meshed grains is their own effective medium.

    Voronoi grains are those under the structured electrode, or fill a cube if there is none.
    """
    boundaries = cell.electrolyte.grain_boundaries
    if boundaries is None or not boundaries.is_voronoi:
        return cell.electrolyte.law()
    structured = [e for e in (cell.working_electrode, cell.counter_electrode) if not e.is_planar]
    crystal = _polycrystal(cell, structured[0], available_m) if structured else None
    if crystal is None:
        side = boundaries.depth_m(available_m)
        x, y, grains = side, side, _few_grains(boundaries, available_m, side, side)
    else:
        box = structured[0].unit_cell(available_m)
        assert isinstance(box, BoxCell)
        x, y, grains = box.size_x, box.size_y, crystal.grains
    error = _MEDIUM_SHARE * cell.numerics.relative_tolerance
    return PolycrystalMedium(
        bulk=cell.electrolyte.bulk_law(),
        boundary=boundaries.law,
        grain_size_m=boundaries.grain_size,
        response=SolvedGrains(grains=grains, size_x=x, size_y=y, relative_error=error),
    )


def plan(cell: Cell) -> Plan:
    """Decide backend, depths and composition for a cell, without computing anything.

    Raises
    ------
    InputError
        If two different interfaces would interact through a pellet that is too thin for both, or the backend asked for
        cannot solve the working electrode.
    """
    thickness = cell.electrolyte.thickness
    tolerance = _TRUNCATION_SHARE * cell.numerics.relative_tolerance
    working, counter = cell.working_electrode, cell.counter_electrode
    symmetric = counter.symmetric
    copies = 2 if symmetric else 1
    available = thickness / copies
    electrolyte = _electrolyte(cell, available)
    layers = tuple(
        Layer(name=layer.name, thickness_m=layer.thickness, law=layer.law()) for layer in cell.electrolyte.layers
    )

    def interface(electrode: Electrode, depth: float, layers: tuple[Layer, ...]) -> InterfaceProblem:
        grains = None if electrode.is_planar else _polycrystal(cell, electrode, depth)
        return InterfaceProblem(
            cell=electrode.unit_cell(available),
            depth_m=depth,
            electrolyte=electrolyte,
            layers=layers,
            contact=electrode.contact_law(),
            gap=electrode.gap_law(),
            phases=electrode.morphology.phase_laws(),
            polycrystal=grains,
            temperature_K=cell.temperature,
            backend=cell.numerics.backend if grains is None else "tetrahedra",
        )

    def wanted(electrode: Electrode) -> float:
        modes = sufficient_depth(electrode.unit_cell(available), tolerance)
        boundaries = cell.electrolyte.grain_boundaries
        if boundaries is None or boundaries.model != "explicit":
            return modes
        # Below the grains some of the medium that stands for the rest of them.
        return max(modes, boundaries.depth_m(available) + 0.25 * boundaries.grain_size)

    counter_law = None
    sides: list[Side] = []
    if counter.is_planar:
        counter_law = counter.contact_law()
        depth = available if working.is_planar else min(wanted(working), available)
        sides.append(
            Side(
                name="working", interface=interface(working, depth, layers), truncated=depth < available, copies=copies
            )
        )
    else:
        depths = [1e-3 * thickness if e.is_planar else wanted(e) for e in (working, counter)]
        if sum(depths) > thickness:
            raise InputError(
                f"electrolyte.thickness = {thickness:g} m: two different interfaces need at least {sum(depths):.3g} m "
                "of electrolyte between them to be solved one by one; use a thicker electrolyte, smaller spacings, "
                "or counter_electrode.symmetric = true"
            )
        sides.append(Side(name="working", interface=interface(working, depths[0], layers), truncated=True))
        sides.append(Side(name="counter", interface=interface(counter, depths[1], ()), truncated=True))

    pellet = None
    diameters = working.diameter, cell.electrolyte.diameter
    if diameters[0] is not None and diameters[1] is not None and diameters[0] < diameters[1]:
        pellet = InterfaceProblem(
            cell=ProfileCell(
                axisymmetric=True, outer=diameters[1] / 2, edges=(diameters[0] / 2,), contact=(True, False)
            ),
            depth_m=available,
            electrolyte=electrolyte,
            counter=counter_law,
            temperature_K=cell.temperature,
        )
        counter_law = None
    elif counter_law is not None and not sides[0].truncated:
        # The whole pellet is meshed: its counter electrode is part of the piece.
        sides[0] = replace(sides[0], interface=replace(sides[0].interface, counter=counter_law))
        counter_law = None
    backend, asked = backend_of(sides[0].interface), cell.numerics.backend
    if asked not in ("auto", backend.name):
        raise InputError(
            f'numerics.backend = "{asked}" cannot solve working_electrode.morphology (squares or long ellipses in a '
            f"hexagonal array, or shapes that reach across the line between two); allowed: auto, {backend.name}"
        )
    return Plan(cell=cell, backend=backend, sides=tuple(sides), counter=counter_law, pellet=pellet)
