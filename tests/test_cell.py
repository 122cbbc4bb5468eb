"""The Cell: laws and unit cells follow from what is stated; impossible combinations are refused with their path."""

import math
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aspot.cell import Cell, Frequencies
from aspot.electrode import Contact
from aspot.electrolyte import Electrolyte
from aspot.errors import InputError
from aspot.laws import BrickLayer, Conductor, Series
from aspot.morphology.description import Morphology
from aspot.morphology.unit_cell import Annulus, BoxCell, Disc, Ellipse, ProfileCell, Square
from aspot.specification import Spec

BOLTZMANN, EV, FARADAY, GAS = 1.380649e-23, 1.602176634e-19, 96485.33212, 8.314462618
SLAB = {"thickness": "2 mm", "conductivity": "5.5 mS/cm"}


def cell(**tables: Any) -> Cell:
    return Cell(**({"electrolyte": SLAB} | tables))


def spots(**keys: Any) -> Morphology:
    return Morphology(**({"kind": "spots", "arrangement": "single", "radius": "10 um"} | keys))


# Laws -----------------------------------------------------------------------------------------------------------------


def test_electrolyte_without_boundaries_uses_the_total_of_the_library_and_with_them_the_bulk() -> None:
    """2 mm of NZSP0.4: 36.36 ohm cm2 in total; with the boundaries stated, 14 of them are the bulk's."""
    whole = Electrolyte(thickness="2 mm", material="NZSP0.4")
    assert isinstance(whole.law(), Conductor)
    assert 2e-3 / complex(whole.law()(0.0, 298.15)).real * 1e4 == pytest.approx(36.36, rel=1e-3)
    boundaries = {"grain_size": "1 um", "resistance": "0.01118 ohm cm^2", "capacitance": "9 uF/cm^2"}
    split = Electrolyte(thickness="2 mm", material="NZSP0.4", grain_boundaries=boundaries).law()
    assert isinstance(split, BrickLayer)
    parts = {name: float(z.real) * 2e-3 * 1e4 for name, z in split.parts(0.0, 298.15).items()}
    assert parts == pytest.approx({"bulk": 14.0, "grain_boundaries": 22.36}, rel=1e-4)


def test_keys_override_the_library() -> None:
    law = Electrolyte(thickness="2 mm", material="NZSP0.4", conductivity="1 mS/cm", permittivity=7).law()
    assert complex(law(0.0, 298.15)) == pytest.approx(0.1, rel=1e-12)
    assert complex(law(1e9, 298.15)).imag == pytest.approx(1e9 * 7 * 8.8541878128e-12, rel=1e-9)


def test_the_form_of_arrhenius_law_is_stated_by_name() -> None:
    """Both forms agree at 25 degC; at other temperatures they differ by T0/T."""
    given_ = SLAB | {"activation_energy": "0.26 eV"}
    a, b = (Electrolyte(**given_, arrhenius=form).law()(0.0, 350.0).real for form in ("sigma T", "sigma"))
    assert float(a / b) == pytest.approx(298.15 / 350.0, rel=1e-12)
    assert float(b) == pytest.approx(0.55 * math.exp(-0.26 * EV / BOLTZMANN * (1 / 350 - 1 / 298.15)), rel=1e-9)


@pytest.mark.parametrize("temperature", [273.15, 298.15, 353.15])
def test_charge_transfer_resistance_from_exchange_current(temperature: float) -> None:
    """R_ct = R T/(F i0), i0 activated: 10 mA/cm2 at 25 degC are 2.569 ohm cm2."""
    law = Contact(exchange_current_density="10 mA/cm^2", activation_energy="0.37 eV").law()
    assert law is not None
    i0 = 100.0 * math.exp(-0.37 * EV / BOLTZMANN * (1 / temperature - 1 / 298.15))
    assert 1 / float(law(0.0, temperature).real) == pytest.approx(GAS * temperature / (FARADAY * i0), rel=1e-8)


def test_interface_resistances_fall_with_temperature() -> None:
    """R(T) = R(T0) exp(+Ea/k (1/T - 1/T0))."""
    law = Contact(charge_transfer_resistance="2 ohm cm^2", activation_energy="0.37 eV").law()
    assert law is not None
    expected = 2e-4 * math.exp(0.37 * EV / BOLTZMANN * (1 / 330 - 1 / 298.15))
    assert 1 / float(law(0.0, 330.0).real) == pytest.approx(expected, rel=1e-9)
    assert expected < 2e-4


def test_a_contact_is_interphase_and_charge_transfer_in_series() -> None:
    law = Contact(
        charge_transfer_resistance="2 ohm cm^2",
        double_layer_capacitance="10 uF/cm^2",
        interphase={"resistance": "1.3 ohm cm^2", "capacitance": "1 uF/cm^2"},
    ).law()
    assert isinstance(law, Series)
    w = 2 * np.pi * 1e4
    assert law.parts(w, 298.15)["interphase"] == pytest.approx(1 / (1 / 1.3e-4 + 1j * w * 0.01), rel=1e-12)
    assert law.parts(w, 298.15)["charge_transfer"] == pytest.approx(1 / (1 / 2e-4 + 1j * w * 0.1), rel=1e-12)
    assert Contact().law() is None


def test_a_cpe_in_place_of_the_double_layer() -> None:
    law = Contact(charge_transfer_resistance=2e-4, cpe_prefactor=0.3, cpe_exponent=0.8).law()
    assert law is not None
    w = 1e3
    assert complex(law(w, 298.15)) == pytest.approx(1 / 2e-4 + 0.3 * (1j * w) ** 0.8, rel=1e-12)


def test_gap_and_ideal_laws() -> None:
    electrode = cell(
        working_electrode={
            "morphology": {"kind": "spots", "arrangement": "single", "radius": 1e-5, "contact_fraction": 0.1},
            "gap": {"thickness": "26 nm"},
        }
    ).working_electrode
    gap = electrode.gap_law()
    assert gap is not None
    assert float(gap(1.0, 298.15).imag) * 1e5 == pytest.approx(34.05, rel=1e-3)  # nF/cm2
    assert electrode.contact_law() is None
    assert cell().working_electrode.gap_law() is None


# Unit cells -----------------------------------------------------------------------------------------------------------


def covered_area(box: BoxCell) -> float:
    """Area of the shapes inside the box, counted on a fine grid of midpoints."""
    n = 1200
    x = (np.arange(n) + 0.5) / n * box.size_x
    y = ((np.arange(n) + 0.5) / n * box.size_y)[:, None]
    inside = np.zeros((n, n), bool)
    for shape in box.shapes:
        dx, dy = x - shape.x, y - shape.y
        match shape:
            case Disc():
                inside |= np.hypot(dx, dy) < shape.radius
            case Ellipse():
                inside |= (dx / shape.semi_axis_x) ** 2 + (dy / shape.semi_axis_y) ** 2 < 1
            case Square():
                inside |= (abs(dx) < shape.side / 2) & (abs(dy) < shape.side / 2)
            case Annulus():
                inside |= (np.hypot(dx, dy) < shape.radius) & (np.hypot(dx, dy) > shape.inner_radius)
    return float(inside.mean())


SIZES: dict[str, dict[str, Any]] = {
    "disc": {"radius": "10 um"},
    "square": {"radius": None, "side": "18 um"},
    "ellipse": {"radius": None, "semi_axes": ["8 um", "13 um"]},
    "annulus": {"radius": "10 um", "inner_radius": "4 um"},
}


@pytest.mark.parametrize("kind", ["spots", "pores"])
@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("arrangement", ["square", "hexagonal"])
@pytest.mark.parametrize("share", [0.05, 0.4])
def test_boxes_hold_the_contact_fraction(kind: str, shape: str, arrangement: str, share: float) -> None:
    fraction = share if kind == "spots" else 1 - share
    m = Morphology(kind=kind, shape=shape, arrangement=arrangement, contact_fraction=fraction, **SIZES[shape])
    box = m.unit_cell(1.0)
    assert isinstance(box, BoxCell)
    assert box.contact_inside == (kind == "spots")
    touched = covered_area(box) if kind == "spots" else 1 - covered_area(box)
    assert touched == pytest.approx(fraction, abs=2e-3)
    assert box.size_x == pytest.approx(m.pitch / 2, rel=1e-12)
    assert box.size_y == pytest.approx(m.pitch * (0.5 if arrangement == "square" else math.sqrt(3) / 2), rel=1e-12)
    # The spacing that belongs to the fraction gives the fraction back.
    again = Morphology(kind=kind, shape=shape, arrangement=arrangement, spacing=m.pitch, **SIZES[shape])
    assert again.fraction == pytest.approx(fraction, rel=1e-12)


def test_single_spot_is_a_flux_tube() -> None:
    """f = (a/b)^2; the spacing is the diameter of the tube. The literature's: f = 1 %, a = 43 um, b = 432 um."""
    tube = spots(radius="43.19 um", contact_fraction=0.01).unit_cell(1.0)
    assert isinstance(tube, ProfileCell)
    assert (tube.axisymmetric, tube.edges, tube.contact) == (True, (pytest.approx(43.19e-6),), (True, False))
    assert tube.outer == pytest.approx(431.9e-6, rel=1e-12)
    assert spots(radius="43.19 um", spacing="863.8 um").fraction == pytest.approx(0.01, rel=1e-12)


def test_single_pore_and_rings() -> None:
    pore = spots(kind="pores", contact_fraction=0.91).unit_cell(1.0)
    assert isinstance(pore, ProfileCell)
    assert (pore.contact, pore.edges[0] / pore.outer) == ((False, True), pytest.approx(0.3, rel=1e-12))
    ring = spots(shape="annulus", inner_radius="5 um", contact_fraction=0.1).unit_cell(1.0)
    assert isinstance(ring, ProfileCell)
    assert ring.contact == (False, True, False)
    assert (ring.edges[1] ** 2 - ring.edges[0] ** 2) / ring.outer**2 == pytest.approx(0.1, rel=1e-12)


def test_strips_are_described_by_width_or_half_width() -> None:
    wide = Morphology(kind="strips", width="20 um", contact_fraction=0.25)
    half = Morphology(kind="strips", radius="10 um", spacing="80 um")
    assert wide.unit_cell(1.0) == half.unit_cell(1.0)
    strip = wide.unit_cell(1.0)
    assert isinstance(strip, ProfileCell)
    assert (strip.axisymmetric, strip.outer, strip.edges[0]) == (False, pytest.approx(4e-5), pytest.approx(1e-5))


def test_a_planar_interface_has_no_rim() -> None:
    electrode = cell().working_electrode
    assert electrode.unit_cell(3.0) == ProfileCell(axisymmetric=True, outer=3.0)
    assert electrode.contact_fraction == 1.0


@pytest.mark.parametrize(
    ("arrangement", "limit"), [("square", math.pi / 4), ("hexagonal", math.pi / (2 * math.sqrt(3)))]
)
def test_discs_of_an_array_may_not_touch(arrangement: str, limit: float) -> None:
    """Discs of radius s/2 touch: they cover pi/4 of a square and pi/(2 sqrt 3) of a hexagonal array."""
    spots(arrangement=arrangement, contact_fraction=0.98 * limit)
    spots(arrangement=arrangement, kind="pores", contact_fraction=1 - 0.98 * limit)
    for keys in ({"contact_fraction": 1.001 * limit}, {"kind": "pores", "contact_fraction": 1 - 1.001 * limit}):
        with pytest.raises(InputError, match=f"touch when they cover {limit:.3f}"):
            spots(arrangement=arrangement, **keys)


@given(
    kind=st.sampled_from(["spots", "pores"]),
    arrangement=st.sampled_from(["single", "square", "hexagonal"]),
    radius=st.floats(1e-8, 1e-3),
    fraction=st.floats(1e-4, 0.99),
)
def test_every_round_morphology_of_the_plausible_range_has_a_cell_or_a_reason(
    kind: str, arrangement: str, radius: float, fraction: float
) -> None:
    try:
        m = Morphology(kind=kind, arrangement=arrangement, radius=radius, contact_fraction=fraction)
    except InputError as error:
        reason = str(error)
        assert "contact_fraction = " in reason
        return
    piece = m.unit_cell(1.0)
    covered = fraction if kind == "spots" else 1 - fraction
    if isinstance(piece, ProfileCell):
        assert (piece.edges[0] / piece.outer) ** 2 == pytest.approx(covered, rel=1e-9)
        assert 0 < piece.edges[0] < piece.outer
    else:
        # Two quarters of a disc in the hexagonal box, one in the square box.
        area = len(piece.shapes) * math.pi * radius**2 / 4
        assert area / (piece.size_x * piece.size_y) == pytest.approx(covered, rel=1e-9)


# Impossible combinations ----------------------------------------------------------------------------------------------


SPOT = {"kind": "spots", "arrangement": "single", "radius": "10 um", "contact_fraction": 0.1}


@pytest.mark.parametrize(
    ("tables", "path"),
    [
        ({"electrolyte": {"thickness": "2 mm"}}, "electrolyte.conductivity"),
        ({"electrolyte": {"conductivity": 1.0}}, "electrolyte.thickness"),
        ({"electrolyte": SLAB | {"thickness": 0.0}}, "electrolyte.thickness"),
        ({"electrolyte": {"thickness": "2 mm", "material": "Na"}}, "electrolyte.material"),
        ({"electrolyte": SLAB | {"permittivity": 0.5}}, "electrolyte.permittivity"),
        ({"electrolyte": SLAB | {"conductivity": "1e-11 S/cm"}}, "electrolyte.conductivity"),
        ({"temperature": "25"}, "temperature"),
        ({"temperature": "-200 degC"}, "temperature"),
        ({"temperature": "-150 degC", "electrolyte": SLAB | {"activation_energy": "1 eV"}}, "temperature"),
        ({"working_electrode": {"gap": {"thickness": "1 um"}}}, "working_electrode.gap"),
        ({"working_electrode": {"morphology": SPOT, "gap": {"thickness": "1 mm"}}}, "working_electrode.gap.thickness"),
        ({"working_electrode": {"morphology": SPOT | {"spacing": "1 mm"}}}, "working_electrode.morphology"),
        ({"working_electrode": {"morphology": SPOT | {"radius": "1 nm"}}}, "working_electrode.morphology.radius"),
        (
            {"working_electrode": {"morphology": SPOT | {"shape": "square", "radius": None, "side": "1 um"}}},
            "working_electrode.morphology.shape",
        ),
        ({"working_electrode": {"morphology": {"kind": "spots"}}}, "working_electrode.morphology.arrangement"),
        ({"working_electrode": {"contact": {"double_layer_capacitance": "10 uF/cm^2"}}}, "working_electrode.contact"),
        (
            {"working_electrode": {"contact": {"charge_transfer_resistance": 1.0, "exchange_current_density": 1.0}}},
            "working_electrode.contact",
        ),
        (
            {"working_electrode": {"contact": {"charge_transfer_resistance": 1.0, "cpe_prefactor": 1.0}}},
            "working_electrode.contact.cpe",
        ),
        ({"working_electrode": {"diameter": "6 mm"}}, "working_electrode.diameter"),
        (
            {"working_electrode": {"diameter": "12 mm"}, "electrolyte": SLAB | {"diameter": "10 mm"}},
            "working_electrode.diameter",
        ),
        (
            {
                "working_electrode": {"diameter": "6 mm", "morphology": SPOT | {"radius": "1 mm"}},
                "electrolyte": SLAB | {"diameter": "10 mm"},
            },
            "working_electrode.morphology",
        ),
        ({"counter_electrode": {"diameter": "6 mm"}}, "counter_electrode.diameter"),
        ({"counter_electrode": {"symmetric": True, "morphology": SPOT}}, "counter_electrode.symmetric"),
        ({"numerics": {"backend": "tetrahedra"}}, "numerics.backend"),
        (
            {
                "numerics": {"backend": "axisymmetric"},
                "working_electrode": {"morphology": SPOT | {"arrangement": "square"}},
            },
            "numerics.backend",
        ),
        ({"numerics": {"relative_tolerance": 1e-12}}, "numerics.relative_tolerance"),
        ({"frequencies": {"values": [1.0], "start": 1.0, "stop": 2.0}}, "frequencies"),
        ({"frequencies": {"values": ["1 uHz"]}}, "frequencies.values.0"),
        ({"frequencies": {"start": "1 MHz"}}, "frequencies"),
        ({"elektrolyte": {}}, "unknown key elektrolyte did you mean electrolyte"),
        ({"published": {"R_int": "53 ohm"}}, "published.R_int"),
    ],
)
def test_impossible_cells_are_refused_by_path(tables: dict[str, Any], path: str) -> None:
    """One line that begins with the path: "a.b.c: ...", "a.b.c = value: ..." or "a.b: c ..."."""
    with pytest.raises(InputError) as caught:
        cell(**tables)
    message = str(caught.value)
    assert re.sub(r"\W+", ".", message).startswith(re.sub(r"\W+", ".", path)), message
    assert "\n" not in message


def test_activation_energies_may_not_make_an_insulator_of_the_electrolyte() -> None:
    """1 eV from 25 to -150 degC: a factor of T0/T exp(-1 eV/k (1/T - 1/T0)) = 2.3e-24."""
    with pytest.raises(InputError, match=r"temperature.* electrolyte\.conductivity would be 1\.3e-24 S/m"):
        cell(temperature="-150 degC", electrolyte=SLAB | {"activation_energy": "1 eV"})


def test_layers_need_names_of_their_own() -> None:
    layer = {"name": "film", "thickness": "10 nm", "conductivity": "1e-6 S/cm"}
    for layers in ([layer, layer], [layer | {"name": "electrolyte"}]):
        with pytest.raises(InputError, match=r"electrolyte\W+layers"):
            cell(electrolyte=SLAB | {"layers": layers})


# Copies, frequencies, digest ------------------------------------------------------------------------------------------


def test_changed_copies_are_validated_and_leave_the_original() -> None:
    one = cell(working_electrode={"morphology": SPOT})
    two = one.with_(**{"working_electrode.morphology.contact_fraction": 0.2, "temperature": "50 degC"})
    assert (one.working_electrode.contact_fraction, two.working_electrode.contact_fraction) == (0.1, 0.2)
    assert two.temperature == pytest.approx(323.15)
    three = one.with_(
        **{"working_electrode.morphology.contact_fraction": None, "working_electrode.morphology.spacing": 1e-4}
    )
    assert three.working_electrode.contact_fraction == pytest.approx(0.04, rel=1e-12)
    with pytest.raises(InputError, match=r"working_electrode\.morphology\.contact_fraction = 2"):
        one.with_(**{"working_electrode.morphology.contact_fraction": 2})
    with pytest.raises(InputError, match="unknown key"):
        one.with_(**{"electrolyte.colour": "red"})
    with pytest.raises(InputError, match=r"^temperature"):
        two.with_(**{"temperature.value": 3})


def test_numbers_of_numpy_count_as_pythons_own() -> None:
    disc = {"kind": "spots", "arrangement": "random", "contact_fraction": 0.1, "seed": 3}
    given = disc | {"radii": [1e-6, 2e-6], "count": 20}
    from_numpy = disc | {"radii": np.array([1e-6, 2e-6]), "count": np.int64(20), "seed": np.uint8(3)}
    one, other = (cell(working_electrode={"morphology": m}) for m in (given, from_numpy))
    assert one == other and one.digest == other.digest
    assert one.with_(temperature=np.float32(300.0)).temperature == 300.0
    with pytest.raises(InputError, match="must be a whole number"):
        one.with_(**{"working_electrode.morphology.count": np.float64(20.5)})


def test_cells_are_frozen() -> None:
    c = cell()
    with pytest.raises(ValueError, match="frozen"):
        c.temperature = 300.0
    with pytest.raises(ValueError, match="frozen"):
        c.electrolyte.thickness = 1.0


def test_the_digest_is_that_of_the_physics() -> None:
    """Other units, another name or other published figures: same digest. Another number: another digest."""
    one = cell()
    same = cell(electrolyte={"thickness": 2e-3, "conductivity": "0.55 S/m", "permittivity": 1}, name="x")
    assert one.digest == same.digest == cell(published={"source": "x", "R_int": 1.0}).digest
    assert one.digest != cell(temperature="26 degC").digest
    assert len(one.digest) == 64
    assert int(one.digest, 16) >= 0


def test_the_library_is_written_out_in_the_resolved_case() -> None:
    resolved = cell(electrolyte={"thickness": "2 mm", "material": "NZSP0.4"}).resolved()
    assert resolved["electrolyte"]["conductivity"] == pytest.approx(0.55)
    assert resolved["electrolyte"]["permittivity"] == 30.0


def test_frequencies_descend_and_hold_both_ends() -> None:
    f = Frequencies(start="1 Hz", stop="1 MHz", per_decade=10).values_Hz()
    assert f.size == 61
    np.testing.assert_allclose(f, np.logspace(6, 0, 61), rtol=1e-12)
    assert Frequencies(values=[1.0, "1 kHz", 1.0]).values_Hz().tolist() == [1000.0, 1.0]
    assert Frequencies(start="1 Hz", stop="1 Hz").values_Hz().tolist() == [1.0]
    assert Frequencies().field_values_Hz().tolist() == [1.0, 7e6]


@given(start=st.floats(1e-3, 1e9), stop=st.floats(1e-3, 1e9), per_decade=st.integers(1, 200))
def test_frequencies_of_any_range(start: float, stop: float, per_decade: int) -> None:
    f = Frequencies(start=start, stop=stop, per_decade=per_decade).values_Hz()
    assert np.all(np.diff(f) < 0)
    assert f[0] == pytest.approx(max(start, stop), rel=1e-12)
    assert f[-1] == pytest.approx(min(start, stop), rel=1e-12)


def test_a_cell_shows_what_it_has_and_no_key_without_a_value() -> None:
    """Text from which the Cell can be made again."""
    made = cell(working_electrode={"morphology": spots(contact_fraction=0.1), "gap": {"thickness": "30 nm"}})
    text = repr(made)
    assert "None" not in text
    kinds = [Spec]
    for kind in kinds:
        kinds.extend(kind.__subclasses__())
    assert eval(text, {kind.__name__: kind for kind in kinds}) == made  # noqa: S307  text of our own making
