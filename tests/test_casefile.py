"""Case files: the contract's file loads, resolved files load back, and anything else is one clear InputError."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from aspot.casefile import dumps, load, loads, with_overrides
from aspot.cell import Cell
from aspot.errors import InputError

# The file of the contract, every key of it, word for word.
CONTRACT = """
name = "example"
temperature = "25 degC"            # default

[electrolyte]
thickness = "2 mm"                 # required
diameter = "10 mm"                 # only for a pellet with a smaller electrode
material = "NZSP0.4"               # from the library; any key below overrides it
conductivity = "5.5 mS/cm"         # with grain_boundaries: of the bulk alone; activation_energy, permittivity likewise
permittivity = 30
activation_energy = "0.26 eV"
[electrolyte.grain_boundaries]     # optional
model = "brick-layer"
grain_size = "1 um"
resistance = "0.011 ohm cm^2"      # of ONE boundary, area-specific
capacitance = "9 uF/cm^2"          # of ONE boundary
activation_energy = "0.36 eV"
[[electrolyte.layers]]             # optional further layers under the working electrode, outermost first
name = "interphase"
thickness = "10 nm"
conductivity = "1e-6 S/cm"
permittivity = 10

[working_electrode]
diameter = "6 mm"
[working_electrode.morphology]
kind = "spots"
shape = "disc"
arrangement = "square"
radius = "10 um"
contact_fraction = 0.05
count = 64
[working_electrode.contact]
charge_transfer_resistance = "2 ohm cm^2"
double_layer_capacitance = "10 uF/cm^2"
[working_electrode.contact.interphase]
resistance = "1.3 ohm cm^2"
capacitance = "1 uF/cm^2"
[working_electrode.gap]
thickness = "100 nm"
permittivity = 1

[counter_electrode]
symmetric = false

[frequencies]
start = "7 MHz"
stop = "1 Hz"
per_decade = 10

[numerics]
backend = "auto"
relative_tolerance = 1e-3
"""

MINIMAL = '[electrolyte]\nthickness = "2 mm"\nconductivity = "5.5 mS/cm"\n'


def test_the_contract_s_file_is_read_in_si() -> None:
    cell = loads(CONTRACT)
    electrolyte, electrode = cell.electrolyte, cell.working_electrode
    assert cell.name == "example"
    assert cell.temperature == 298.15
    assert (electrolyte.thickness, electrolyte.diameter, electrolyte.conductivity) == pytest.approx((2e-3, 1e-2, 0.55))
    assert electrolyte.grain_boundaries is not None
    assert electrolyte.grain_boundaries.resistance == pytest.approx(0.011e-4, rel=1e-13)
    assert electrolyte.grain_boundaries.capacitance == pytest.approx(0.09, rel=1e-13)
    assert electrolyte.layers[0].conductivity == pytest.approx(1e-4, rel=1e-13)
    assert electrode.diameter == pytest.approx(6e-3, rel=1e-13)
    assert electrode.contact_fraction == 0.05
    assert electrode.gap is not None
    assert electrode.gap.thickness == pytest.approx(1e-7, rel=1e-13)
    assert cell.numerics.relative_tolerance == 1e-3
    # 7 MHz to 1 Hz are 6.845 decades.
    frequencies = cell.frequencies.values_Hz()
    assert (frequencies[0], frequencies[-1], frequencies.size) == (7e6, pytest.approx(1.0), 69)


def test_the_rest_of_the_contract_s_keys_are_read_too() -> None:
    cell = loads(
        MINIMAL
        + """
        [working_electrode.morphology]
        kind = "pores"
        shape = "ellipse"
        arrangement = "hexagonal"
        semi_axes = ["1 um", "2 um"]
        spacing = "8 um"
        [working_electrode.contact]
        exchange_current_density = "10 mA/cm^2"
        [counter_electrode]
        symmetric = true
        [frequencies]
        values = ["1 kHz", 10.0, "1 MHz"]
        """
    )
    # An ellipse covers pi a b of a hexagonal cell of sqrt(3)/2 s^2.
    covered = math.pi * 2.0 / (math.sqrt(3) / 2 * 64)
    assert cell.working_electrode.contact_fraction == pytest.approx(1.0 - covered, rel=1e-12)
    assert cell.frequencies.values_Hz().tolist() == [1e6, 1e3, 10.0]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (CONTRACT.replace('"10 um"', '"10 ohm"'), "working_electrode.morphology.radius = '10 ohm'"),
        (CONTRACT.replace("0.05", "1.5"), "working_electrode.morphology.contact_fraction = 1.5"),
        (CONTRACT.replace('thickness = "2 mm"', "thickness = nan"), "electrolyte.thickness = nan"),
        (CONTRACT.replace("[frequencies]", "[frequency]"), "unknown key 'frequency' (did you mean 'frequencies'?)"),
        (CONTRACT.replace("radius =", "raduis ="), "working_electrode.morphology: unknown key 'raduis'"),
        (CONTRACT.replace('conductivity = "1e-6 S/cm"', ""), "electrolyte.layers.0.conductivity"),
        (CONTRACT.replace("1e-3", '"small"'), "numerics.relative_tolerance = 'small'"),
        (CONTRACT.replace("per_decade = 10", "per_decade = 2.5"), "frequencies.per_decade = 2.5"),
        (CONTRACT.replace('"NZSP0.4"', '"NZSP0.5"'), "electrolyte"),
    ],
)
def test_faults_are_one_line_with_the_path_of_the_key(text: str, path: str) -> None:
    with pytest.raises(InputError) as caught:
        loads(text)
    assert str(caught.value).startswith(path)
    assert "\n" not in str(caught.value)


# Files ----------------------------------------------------------------------------------------------------------------


def test_files_that_cannot_be_cases_are_refused(tmp_path: Path) -> None:
    binary, huge, empty = tmp_path / "a.toml", tmp_path / "b.toml", tmp_path / "c.toml"
    binary.write_bytes(b'name = "\xff\xfe"')
    huge.write_text("#" * 1_000_001)
    empty.touch()
    for path, message in [
        (binary, "not UTF-8"),
        (huge, "larger than"),
        (empty, "electrolyte:? is required"),
        (tmp_path, "directory"),
        (tmp_path / "missing.toml", "No such file"),
        (empty / "inside", "Not a directory"),
        (tmp_path / ("x" * 300), "too long"),
        (Path("/dev/zero"), "larger than"),
        (tmp_path / "nul\x00", "null"),
    ]:
        with pytest.raises(InputError, match=message) as caught:
            load(path)
        assert str(path) in str(caught.value)


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    path = tmp_path / "case.toml"
    path.write_bytes(b"\xef\xbb\xbf" + CONTRACT.replace("\n", "\r\n").encode())
    assert load(path) == loads(CONTRACT)


@pytest.mark.parametrize(
    "text",
    [
        "name =",
        "= 1",
        "[electrolyte",
        "a = 1\na = 2",
        "x = " + "[" * 5000,
        "x = " + "9" * 5000,
        "\x00",
        "name = 1979-13-40",
    ],
)
def test_text_that_is_not_toml_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="not TOML"):
        loads(text)


# Overrides ------------------------------------------------------------------------------------------------------------


def test_overrides_replace_single_keys() -> None:
    cell = loads(
        CONTRACT,
        {
            "working_electrode.morphology.contact_fraction": "0.2",
            "working_electrode.gap.thickness": "50 nm",
            "electrolyte.thickness": '"1 mm"',
            "name": "of several words",
        },
    )
    assert cell.working_electrode.contact_fraction == 0.2
    assert cell.working_electrode.gap is not None
    assert cell.working_electrode.gap.thickness == pytest.approx(5e-8, rel=1e-13)
    assert cell.electrolyte.thickness == pytest.approx(1e-3, rel=1e-13)
    assert cell.name == "of several words"
    assert cell.temperature == loads(CONTRACT).temperature


def test_overrides_make_missing_tables_and_leave_the_input_alone() -> None:
    given_: dict[str, Any] = {"electrolyte": {"thickness": 1.0}}
    changed = with_overrides(given_, {"numerics.relative_tolerance": "1e-4", "electrolyte.thickness": "2.0"})
    assert changed == {"electrolyte": {"thickness": 2.0}, "numerics": {"relative_tolerance": 1e-4}}
    assert given_ == {"electrolyte": {"thickness": 1.0}}


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("electrolyte.thickness.value", "1", "thickness is not a table"),
        ("electrolyte.thickness", "1 V", "electrolyte.thickness = '1 V'"),
        ("electrolyte.thicknes", "1 mm", "unknown key 'thicknes'"),
        ("electrolyte.thickness", "", "electrolyte.thickness = ''"),
        ("electrolyte.thickness", "1\nname = 2", "electrolyte.thickness = "),
        ("electrolyte.thickness", "[" * 5000, "electrolyte.thickness = "),
        ("electrolyte.thickness", "9" * 5000, "electrolyte.thickness = "),
        ("electrolyte", "1", "electrolyte = 1"),
    ],
)
def test_overrides_that_cannot_be_meant_are_refused(key: str, value: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        loads(MINIMAL, {key: value})


# Round trip -----------------------------------------------------------------------------------------------------------


def assert_round_trip(cell: Cell) -> None:
    again = loads(dumps(cell))
    assert again.resolved() == cell.resolved()
    assert again.digest == cell.digest
    assert dumps(again) == dumps(cell)


@pytest.mark.parametrize("path", sorted((Path(__file__).parents[1] / "cases").glob("*.toml")), ids=lambda p: p.stem)
def test_resolved_cases_load_back(path: Path) -> None:
    assert_round_trip(load(path))


def test_the_resolved_contract_file_loads_back_and_names_its_defaults() -> None:
    assert_round_trip(loads(CONTRACT))
    resolved = loads(MINIMAL).resolved()
    assert resolved["numerics"] == {"backend": "auto", "relative_tolerance": 1e-3}
    assert resolved["electrolyte"]["permittivity"] == 1.0
    assert resolved["working_electrode"]["morphology"]["kind"] == "planar"


numbers = st.floats(1e-3, 1.0)


@st.composite
def cases(draw: st.DrawFn) -> dict[str, Any]:
    """Valid cases, with strings or bare numbers."""
    case: dict[str, Any] = {
        "name": draw(st.text(max_size=20).filter(str.isprintable)),
        "temperature": draw(st.one_of(st.floats(250, 400), st.integers(-20, 120).map(lambda t: f"{t} degC"))),
        "electrolyte": {
            "thickness": f"{draw(st.floats(0.1, 5.0))} mm",
            "conductivity": draw(st.floats(1e-6, 1e2)),
            "permittivity": draw(st.floats(1, 1e3)),
            "activation_energy": f"{draw(st.floats(0.0, 0.4))} eV",
        },
        "working_electrode": {
            "morphology": {
                "kind": draw(st.sampled_from(["spots", "pores"])),
                "arrangement": draw(st.sampled_from(["single", "square", "hexagonal"])),
                "radius": draw(st.floats(1e-8, 1e-3)),
                "contact_fraction": draw(st.floats(0.25, 0.75)),
            }
        },
        "frequencies": {"values": draw(st.lists(st.floats(1e-3, 1e9), min_size=1, max_size=5))},
        "numerics": {"relative_tolerance": draw(st.floats(1e-8, 0.1))},
    }
    if draw(st.booleans()):
        case["working_electrode"]["gap"] = {"thickness": f"{draw(st.floats(1.0, 1e4))} nm"}
    if draw(st.booleans()):
        case["working_electrode"]["contact"] = {
            "exchange_current_density": f"{draw(st.floats(0.01, 100))} mA/cm^2",
            "cpe_prefactor": draw(numbers),
            "cpe_exponent": draw(st.floats(0.5, 1.0)),
        }
    if draw(st.booleans()):
        case["counter_electrode"] = {"symmetric": True}
    return case


@given(case=cases())
def test_valid_cases_survive_the_round_trip(case: dict[str, Any]) -> None:
    cell = loads(tomli_w.dumps(case))
    assert cell == Cell(**case)
    assert_round_trip(cell)


# Whatever else -------------------------------------------------------------------------------------------------------


KEYS = """temperature name electrolyte electrolyte.thickness electrolyte.conductivity electrolyte.layers
    electrolyte.grain_boundaries electrolyte.grain_boundaries.resistance electrolyte.material
    working_electrode.diameter working_electrode.morphology.kind working_electrode.morphology.radius
    working_electrode.morphology.semi_axes working_electrode.morphology.spacing
    working_electrode.morphology.contact_fraction working_electrode.contact
    working_electrode.morphology.arrangement working_electrode.morphology.count working_electrode.morphology.radii
    working_electrode.morphology.cell_size working_electrode.morphology.radius_spread
    working_electrode.morphology.overlap working_electrode.morphology.minimum_distance
    working_electrode.morphology.file working_electrode.morphology.threshold working_electrode.morphology.labels
    working_electrode.morphology.pixel_size working_electrode.morphology.crop working_electrode.morphology.level
    working_electrode.contact.charge_transfer_resistance working_electrode.contact.cpe_exponent
    working_electrode.gap.thickness counter_electrode.symmetric frequencies.values frequencies.per_decade
    frequencies.start numerics.backend numerics.relative_tolerance published.R_int"""
UNITS = st.sampled_from(["mm", "ohm", "ohm cm^2", "F/cm^2", "eV", "kJ/mol", "Hz", "degC", "K", "S/cm", "V", "kg", "%"])
VALUES = st.recursive(
    st.none().map(lambda _: "")
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats()
    | st.text(max_size=30)
    | st.builds(lambda number, unit: f"{number} {unit}", st.floats(), UNITS),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3),
    max_leaves=5,
)


@given(changes=st.dictionaries(st.sampled_from(KEYS.split()), VALUES, min_size=1, max_size=3))
def test_wrong_values_give_input_errors_and_nothing_else(changes: dict[str, Any]) -> None:
    """Any value at any key gives a valid cell, or one line that begins with the path of a table or key."""
    try:
        cell = loads(CONTRACT).with_(**changes)
    except InputError as error:
        message = str(error)
    else:
        message = ""
        assert_round_trip(cell)
        json.dumps(cell.resolved(), allow_nan=False)
    assert "\n" not in message


@given(text=st.text(max_size=200))
def test_any_text_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(InputError) as caught:
        loads(text)
    assert "\n" not in str(caught.value)


@given(raw=st.binary(max_size=200))
def test_any_bytes_are_refused(raw: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.toml"
    path.write_bytes(raw)
    with pytest.raises(InputError):
        load(path)
