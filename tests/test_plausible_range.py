"""Any cell of the plausible range works, within its tolerance and obeying physics, or is refused with a reason."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aspot.cell import Cell
from aspot.errors import AspotError, InputError
from aspot.simulation import simulate

RADII = (1e-8, 1e-3)
FREQUENCIES = (1e-3, 1e9)


def decades(low: float, high: float) -> st.SearchStrategy[float]:
    """Evenly in the logarithm, ends included."""
    return st.floats(np.log10(low), np.log10(high)).map(lambda e: float(np.clip(10.0**e, low, high)))


fractions = st.one_of(decades(1e-4, 0.5), st.floats(0.5, 0.99))


@st.composite
def contacts(draw: st.DrawFn) -> dict[str, Any]:
    contact: dict[str, Any] = draw(
        st.one_of(
            st.just({}),
            st.fixed_dictionaries({"charge_transfer_resistance": decades(1e-10, 1e6)}),
            st.fixed_dictionaries({"exchange_current_density": decades(1e-6, 1e8)}),
        )
    )
    if contact:
        contact |= draw(
            st.one_of(
                st.just({}),
                st.fixed_dictionaries({"double_layer_capacitance": decades(1e-6, 1e2)}),
                st.fixed_dictionaries({"cpe_prefactor": decades(1e-4, 1e2), "cpe_exponent": st.floats(0.3, 1.0)}),
            )
        )
    if draw(st.booleans()):
        contact["interphase"] = {"resistance": draw(decades(1e-10, 1e2)), "capacitance": draw(decades(1e-6, 1e2))}
    return contact


@st.composite
def morphologies(draw: st.DrawFn, largest: float, arrangement: str = "single") -> dict[str, Any]:
    radius = draw(decades(RADII[0], largest))
    if arrangement == "single" and draw(st.integers(0, 4)) == 0:
        return {"kind": "strips", "width": radius, "contact_fraction": draw(fractions)}
    shape = draw(st.sampled_from(["disc", "annulus"] if arrangement == "single" else ["disc", "square", "ellipse"]))
    sizes: dict[str, Any] = {"radius": radius}
    if shape == "annulus":
        sizes["inner_radius"] = max(RADII[0], radius * draw(st.floats(0.02, 0.99)))
    elif shape == "square":
        sizes = {"side": radius}
    elif shape == "ellipse":
        sizes = {"semi_axes": [radius, min(max(radius * draw(st.floats(0.4, 2.5)), RADII[0]), RADII[1])]}
    kind = draw(st.sampled_from(["spots", "pores"]))
    return {"kind": kind, "shape": shape, "arrangement": arrangement, "contact_fraction": draw(fractions)} | sizes


@st.composite
def electrodes(draw: st.DrawFn, largest: float = RADII[1], arrangement: str = "single") -> dict[str, Any]:
    electrode: dict[str, Any] = {"contact": draw(contacts())}
    if arrangement != "single" or draw(st.integers(0, 7)) > 0:
        electrode["morphology"] = draw(morphologies(largest, arrangement))
        if draw(st.integers(0, 3)) > 0:
            electrode["gap"] = {"thickness": draw(decades(1e-9, 1e-5)), "permittivity": draw(decades(1, 1e2))}
    return electrode


@st.composite
def electrolytes(draw: st.DrawFn) -> dict[str, Any]:
    electrolyte: dict[str, Any] = {
        "thickness": draw(decades(1e-6, 2e-2)),
        "conductivity": draw(decades(1e-8, 1e2)),
        "permittivity": draw(decades(1, 1e4)),
    }
    if draw(st.integers(0, 2)) == 0:
        electrolyte["grain_boundaries"] = {
            "grain_size": draw(decades(1e-9, 1e-6)),
            "resistance": draw(decades(1e-10, 1e-2)),
            "capacitance": draw(decades(1e-6, 1e1)),
        }
    electrolyte["layers"] = [
        {
            "name": f"layer {k}",
            "thickness": draw(decades(1e-10, 1e-5)),
            "conductivity": draw(decades(1e-8, 1e2)),
            "permittivity": draw(decades(1, 1e3)),
        }
        for k in range(draw(st.sampled_from([0, 0, 0, 1, 1, 2, 3])))
    ]
    return electrolyte


@st.composite
def cells(draw: st.DrawFn) -> dict[str, Any]:
    case: dict[str, Any] = {
        "electrolyte": draw(electrolytes()),
        "working_electrode": draw(electrodes()),
        "frequencies": {"start": draw(decades(*FREQUENCIES)), "stop": draw(decades(*FREQUENCIES)), "per_decade": 1},
        "numerics": {"relative_tolerance": draw(decades(1e-5, 1e-2))},
    }
    if draw(st.integers(0, 4)) == 0:
        case["electrolyte"]["diameter"] = diameter = draw(decades(1e-3, 5e-2))
        case["working_electrode"] = draw(electrodes(1e-5)) | {"diameter": diameter * draw(st.floats(0.2, 0.97))}
    counter = draw(st.sampled_from(["ideal", "ideal", "symmetric", "law", "own"]))
    if counter == "symmetric":
        case["counter_electrode"] = {"symmetric": True}
    elif counter == "law":
        case["counter_electrode"] = {"contact": draw(contacts())}
    elif counter == "own":
        case["counter_electrode"] = draw(electrodes(1e-4))
    return case


def assert_works_or_is_refused(case: dict[str, Any]) -> None:
    """Finite, passive, partition exact and not negative, error within the tolerance; or an AspotError in one line.

    Any warning and any other exception fails.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            result = simulate(Cell(**case))
        except AspotError as error:
            reason = str(error)
        else:
            reason = None
    if reason is not None:
        assert len(reason) > 20
        assert "\n" not in reason
        return
    r, z = result.resistances, result.spectrum.impedance_ohm_cm2
    tolerance = result.cell.numerics.relative_tolerance
    assert np.isfinite(z).all()
    # Passive: Re Z >= 0. Resistors, capacitors and CPEs alone also make -Im Z >= 0. Both to the error of Z.
    assert np.all(z.real >= -tolerance * np.abs(z))
    assert np.all(z.imag <= tolerance * np.abs(z))
    # |Z| never exceeds its limit at direct current.
    assert np.all(np.abs(z) <= r.total * (1 + 3 * tolerance))
    assert result.relative_error_estimate <= tolerance
    assert np.isfinite(list(r.parts.values())).all()
    assert min(r.parts.values()) >= 0
    assert sum(r.parts.values()) == pytest.approx(r.total, rel=1e-12)
    assert r.SE > 0
    if r.total_interval is not None:
        low, high = r.total_interval
        assert low <= r.total <= high
    assert r.static >= 0
    assert r.dynamic >= -3 * tolerance * r.total
    if result.arc is not None:
        assert result.arc.C_int_F_per_cm2 > 0
        assert result.arc.apex_frequency_Hz > 0
    for field in result.fields:
        assert np.isfinite(field.potential_V).all()
        assert np.isfinite(field.current_density_A_m2).all()


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
@given(case=cells())
def test_flux_tubes_strips_and_planar_cells(case: dict[str, Any]) -> None:
    assert_works_or_is_refused(case)


CORNERS = [
    (radius, fraction, gap, sigma)
    for radius in RADII
    for fraction in (1e-4, 0.99)
    for gap in (1e-9, 1e-5)
    for sigma in (1e-8, 1e2)
]


@pytest.mark.parametrize(("radius", "fraction", "gap", "sigma"), CORNERS)
def test_the_corners_of_the_range_work(radius: float, fraction: float, gap: float, sigma: float) -> None:
    """Radius 10 nm to 1 mm, contact fraction 1e-4 to 0.99, gaps 1 nm to 10 um, 1e-8 to 1e2 S/m, 1 mHz to 1 GHz."""
    case: dict[str, Any] = {
        "electrolyte": {"thickness": 2e-3, "conductivity": sigma, "permittivity": 30},
        "working_electrode": {
            "morphology": {"kind": "spots", "arrangement": "single", "radius": radius, "contact_fraction": fraction},
            "gap": {"thickness": gap},
        },
        "frequencies": {"start": FREQUENCIES[0], "stop": FREQUENCIES[1], "per_decade": 1},
    }
    assert_works_or_is_refused(case)
    simulate(Cell(**case))  # not refused


@st.composite
def arrays(draw: st.DrawFn) -> dict[str, Any]:
    arrangement = draw(st.sampled_from(["square", "hexagonal"]))
    electrolyte = draw(electrolytes())
    # Up to one layer: each is meshed.
    electrolyte["layers"] = electrolyte["layers"][:1]
    return {
        "electrolyte": electrolyte,
        "working_electrode": draw(electrodes(arrangement=arrangement)),
        "frequencies": {"values": [draw(decades(*FREQUENCIES)), draw(decades(*FREQUENCIES))]},
        "numerics": {"relative_tolerance": 0.05},
    }


@settings(max_examples=8, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(case=arrays())
def test_periodic_arrays(case: dict[str, Any]) -> None:
    assert_works_or_is_refused(case)


@pytest.mark.parametrize(
    "change",
    [
        {"radius": 9.9e-9},
        {"radius": 1.01e-3},
        {"contact_fraction": 9.9e-5},
        {"contact_fraction": 0.991},
        {"contact_fraction": None, "spacing": "5 mm"},
    ],
)
def test_outside_the_range_is_refused(change: dict[str, Any]) -> None:
    morphology = {"kind": "spots", "arrangement": "single", "radius": 1e-5, "contact_fraction": 0.1} | change
    with pytest.raises(InputError, match=r"working_electrode\.morphology\.\w+ = "):
        Cell(electrolyte={"thickness": 1e-3, "conductivity": 1.0}, working_electrode={"morphology": morphology})
