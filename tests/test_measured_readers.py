"""Files of instruments read right: every layout from a file of our own making, real files where they are at hand."""

import math
import os
from pathlib import Path

import instrument_files as files
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aspot import measured
from aspot.errors import InputError
from aspot.measured import FORMATS, Measurement
from aspot.measured.columns import column, unit
from aspot.measured.source import LONGEST_LINE, MOST_BYTES, MOST_LINES

REAL = Path(__file__).resolve().parents[2] / "shared" / "reference" / "measured"
F = files.FREQUENCY_HZ
Z = files.impedance()


def read(folder: Path, data: bytes, name: str = "file.txt", **options: object) -> tuple[Measurement, ...]:
    path = folder / name
    path.write_bytes(data)
    return measured.read(path, **options)


def same(m: Measurement, z: np.ndarray = Z, f: np.ndarray = F, digits: float = 2e-6) -> bool:
    """The kept points are these."""
    keep = m.is_kept
    return (
        keep.sum() == f.size
        and np.allclose(m.frequency_Hz[keep], f, rtol=digits)
        and bool(np.all(np.abs(m.impedance_ohm[keep] - z) <= digits * np.abs(z)))
    )


# --- every format ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", files.SAMPLES)
def test_every_layout_gives_the_impedance_that_was_written(key: str, tmp_path: Path) -> None:
    ending, data, name = files.SAMPLES[key]
    sweeps = read(tmp_path, data, f"pellet{ending}")
    for m, (f, z) in zip(sweeps, files.TWO_LOOPS, strict=False):
        assert same(m, z, f)
        assert m.format == name
        assert m.sha256
        assert m.source.endswith(f"pellet{ending}")
    assert len(sweeps) in (1, 2)
    if len(sweeps) == 2:
        assert [m.label for m in sweeps] == ["pellet, 1 of 2", "pellet, 2 of 2"]
        assert [m.loop for m in sweeps] == [1, 2]


@pytest.mark.parametrize("key", files.SAMPLES)
def test_the_format_is_found_whatever_the_ending(key: str, tmp_path: Path) -> None:
    _, data, name = files.SAMPLES[key]
    assert read(tmp_path, data, "renamed.bin")[0].format == name


@pytest.mark.parametrize("key", files.SAMPLES)
def test_another_format_may_be_asked_for_but_refuses_what_it_is_not(key: str, tmp_path: Path) -> None:
    ending, data, name = files.SAMPLES[key]
    for other, known in FORMATS.items():
        if known.name == name:
            assert read(tmp_path, data, f"a{ending}", format=other)[0].format == name
    foreign = "gamry" if key != "gamry" and not key.startswith("gamry") else "zview"
    with pytest.raises(InputError, match="does not look like a file of"):
        read(tmp_path, data, f"a{ending}", format=foreign)


def test_metadata_of_each_instrument(tmp_path: Path) -> None:
    (mpt, *_) = read(tmp_path, files.mpt(decimal=","), "a.mpt")
    assert mpt.metadata["instrument"] == "VSP-300 (SN 6789)"
    assert mpt.metadata["area_cm2"] == 0.283
    assert mpt.metadata["amplitude_V"] == 0.01
    assert mpt.metadata["comment"] == "pellet 7"
    (mpr, *_) = read(tmp_path, files.mpr(), "a.mpr")
    assert mpr.metadata == {"date": "05/06/24", "area_cm2": 0.283}
    (dta, *_) = read(tmp_path, files.dta(), "a.DTA")
    assert (dta.metadata["instrument"], dta.metadata["date"]) == ("REF600-1", "5/6/2024 10:11:12")
    assert (dta.metadata["area_cm2"], dta.metadata["amplitude_V"]) == (0.283, 0.01)
    (zplot, *_) = read(tmp_path, files.zplot(), "a.z")
    assert (zplot.metadata["area_cm2"], zplot.metadata["amplitude_V"]) == (0.283, 0.01)
    (ism,) = read(tmp_path, files.ism(), "a.ism")
    assert (ism.metadata["system"], ism.metadata["date"]) == ("Pellet", "2024-05-12 16:53:20")
    for n, relaxis in enumerate(read(tmp_path, files.relaxis()), start=1):
        assert f"pellet{n}.txt" in str(relaxis.metadata["description"])
    (novo, *_) = read(tmp_path, files.novocontrol())
    assert novo.metadata["sample"] == "pellet 7"
    assert novo.metadata["area_cm2"] == pytest.approx(math.pi / 4 * 0.6**2)
    for m in (mpt, mpr, dta, zplot, novo):
        with pytest.raises(InputError, match="the file states"):
            m.spectrum()  # never normalised by what the file states


# --- real files ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "form", "n", "first", "last"),
    [
        (
            "BioLogic.mpt",
            "BioLogic .mpt",
            43,
            (1000.3201, 65.470886 - 0.38998979j),
            (0.01689554, 110.97003 - 2.3458567j),
        ),
        ("Gamry.DTA", "Gamry .DTA", 72, (200015.6, 825.8584 - 1367.239j), (0.0158898, 17007.49 - 6635.557j)),
        ("ZPlot.z", "ZPlot/ZView .z", 21, (3e5, 147.77 - 11.335j), (3e3, 613.68 - 137.13j)),
        (".csv", "table", 66, (1e4, 0.01577148 + 0.01015747j), (3.1623e-3, 0.04949989776 - 0.02043869854j)),
    ],
)
def test_real_files(name: str, form: str, n: int, first: tuple, last: tuple) -> None:
    """Figures as they stand in the files (impedance.py, MIT)."""
    path = REAL / f"impedance.py__exampleData{name}"
    if not path.exists():
        pytest.skip("needs real files of instruments: not ours to ship")
    (m,) = measured.read(path)
    assert (m.format, len(m), m.n_excluded) == (form, n, 0)
    for i, (f, z) in ((0, first), (-1, last)):
        assert m.frequency_Hz[i] == pytest.approx(f, rel=1e-4)
        assert abs(m.impedance_ohm[i] - z) < 1e-6 * abs(z)


def test_modulus_and_phase_of_a_real_file_are_its_real_and_imaginary_part() -> None:
    path = REAL / "impedance.py__exampleDataBioLogic.mpt"
    if not path.exists():
        pytest.skip("needs real files of instruments: not ours to ship")
    (cartesian,) = measured.read(path)
    (polar,) = measured.read(path, columns={"frequency": 1, "modulus": "|Z|/Ohm", "phase": "Phase(Z)/deg"})
    assert same(polar, cartesian.impedance_ohm, cartesian.frequency_Hz)


# --- names, units, delimiters, decimal marks -------------------------------------------------------------------------

NAMES = {
    "frequency": [
        ("f/Hz", 1),
        ("freq", 1),
        ("Frequency (Hz)", 1),
        ("Freq. [kHz]", 1e-3),
        ("f in MHz", 1e-6),
        ("frequency_Hz", 1),
    ],
    "real": [("Z'", 1), ("Re(Z)/Ohm", 1), ("Zreal [kOhm]", 1e-3), ("Z′ (Ω)", 1), ("Z_re / mOhm", 1e3), ("Re", 1)],
    "imaginary": [
        *(
            ("-Z''", -1),
            ("Im(Z)/Ohm", 1),
            ("Zimag [kOhm]", 1e-3),
            ("−Z″ (Ω)", -1),
            ("minus Im", -1),
            ("-Im(Z)/kOhm", -1e-3),
        ),
        ('Z"/ohm', 1),
    ],
    "modulus": [("|Z|/Ohm", 1), ("Zmod", 1), ("Impedance (kΩ)", 1e-3)],
    "phase": [
        ("phase/deg", 180 / math.pi),
        ("Phase (°)", 180 / math.pi),
        ("theta/rad", 1),
        ("-Phase [deg]", -180 / math.pi),
    ],
}
NAMES["frequency"][4] = ("freq / MHz", 1e-6)


@given(st.data())
def test_plain_tables_in_any_order_delimiter_decimal_mark_and_unit(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    draw = data.draw
    parts = ["frequency", *draw(st.sampled_from([["real", "imaginary"], ["modulus", "phase"]]))]
    columns = {part: draw(st.sampled_from(NAMES[part])) for part in parts}
    delimiter, decimal = draw(
        st.sampled_from([("\t", "."), ("\t", ","), (";", "."), (";", ","), (",", "."), ("   ", "."), ("   ", ",")])
    )
    others = draw(st.lists(st.sampled_from(["time/s", "Cs/uF", "I Range", "Re(Y)/Ohm-1"]), max_size=2, unique=True))
    order = draw(st.permutations([*parts, *others]))
    value = {
        "frequency": F, "real": Z.real, "imaginary": Z.imag, "modulus": np.abs(Z), "phase": np.angle(Z),
    }  # fmt: skip
    table = [value[c] * columns[c][1] if c in value else np.full(F.size, 7.5) for c in order]
    header = delimiter.join(columns[c][0] if c in columns else c for c in order)
    rows = [delimiter.join(f"{v:.9e}".replace(".", decimal) for v in row) for row in zip(*table, strict=True)]
    before = draw(st.lists(st.sampled_from(["Sample: pellet", "", "# a remark", "Date 2024-05-06"]), max_size=3))
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
    text = end.join([*before, header, *rows]) + draw(st.sampled_from(["", end, end * 3]))
    path = tmp_path_factory.mktemp("plain") / "t.csv"
    path.write_bytes(text.encode(encoding))
    (m,) = measured.read(path)
    assert same(m)
    assert not m.is_per_area


@pytest.mark.parametrize(
    ("name", "factor", "is_per_area"),
    [
        ("Z' (Ohm cm2)", 1, True), ("Z'/Ohm·cm²", 1, True), ("Re(Z) [Ω*cm^2]", 1, True), ("Z_real_ohm_cm2", 1, True),
        ("Zre / kOhm cm2", 1e3, True), ("Z'/ohm m2", 1e4, True), ("Z'/Ohm", 1, False), ("Z' [MΩ]", 1e6, False),
    ],
)  # fmt: skip
def test_impedance_per_area_is_recognised_by_its_unit(name: str, factor: float, is_per_area: bool) -> None:
    found = column(name, 0)
    assert found is not None
    assert (found.quantity, found.is_per_area) == ("real", is_per_area)
    assert found.factor == pytest.approx(factor)


@pytest.mark.parametrize(
    "name",
    ["Re(Y)/Ohm-1", "Im(M)", "Z'/Ohm.cm", "time/s", "<Ewe>/V", "-|Z|", "|Y|/S", "Re(Zce)/Ohm", "Cs/µF", "Z'/Hz", ""],
)  # fmt: skip
def test_what_is_no_impedance_is_not_taken_for_one(name: str) -> None:
    assert column(name, 0) is None


@pytest.mark.parametrize("text", ["", "Ohm-1", "V", "ohm^2", "Hz2", "kV", "x" * 50])
def test_what_is_no_unit(text: str) -> None:
    assert unit(text) is None


def test_a_file_already_in_ohm_cm2_is_not_normalised_again(tmp_path: Path) -> None:
    (m,) = read(tmp_path, files.csv(names=("f/Hz", "Z' (Ohm cm2)", "-Z'' (Ohm cm2)")))
    assert m.is_per_area
    assert np.allclose(m.spectrum().impedance_ohm_cm2, Z, rtol=2e-6)
    with pytest.raises(InputError, match="one column in ohm, another in ohm cm2"):
        read(tmp_path, files.csv(names=("f/Hz", "Z' (Ohm cm2)", "-Z'' (Ohm)")))


def test_columns_may_be_chosen_by_name_and_number(tmp_path: Path) -> None:
    data = files.csv(names=("a", "b", "c/kOhm", "d"), values=lambda f, z: (1.0, -z.imag, z.real / 1e3, f))
    with pytest.raises(InputError, match=r"line 1: columns 'a, b, c/kOhm, d'; allowed: .*columns="):
        read(tmp_path, data)
    (m,) = read(tmp_path, data, columns={"frequency": "d", "real": "c/kOhm", "minus_imaginary": 2})
    assert same(m)
    for wrong, message in (
        ({"frequency": "x", "real": 3, "imaginary": 2}, "'x' is not there"),
        ({"frequency": 9, "real": 3, "imaginary": 2}, "number from 1"),
        ({"frequency": 0, "real": 3, "imaginary": 2}, "number from 1"),
        ({"frequency": 1, "real": 3}, "needs frequency, and real with imaginary"),
        ({"frequenz": 1}, "'frequenz' is not one of"),
        ({"frequency": 1, "real": 2, "imaginary": 3, "minus_imaginary": 3}, "cannot both be given"),
        ({}, "must name at least"),
        ({"frequency": True, "real": 2, "imaginary": 3}, "name of a column or its number"),
    ):
        with pytest.raises(InputError, match=message):
            read(tmp_path, data, columns=wrong)


def test_a_number_alone_on_its_line_counts_the_points(tmp_path: Path) -> None:
    """As FRA of Autolab (.P00, with names) and Elchemea (.i2b, without) write it."""
    named = files.csv(names=(" f/Hz ", " Z'/Ohm ", " -Z''/Ohm ", "time/s"), delimiter="\t",
                      values=lambda f, z: (f, z.real, -z.imag, 1.0))  # fmt: skip
    head, _, rows = named.partition(b"\n")
    for n, notes in ((10, ()), (29, ("29 points are announced, the table has 10",))):
        (m,) = read(tmp_path, b"Procedure: pellet\n" + head + f"\n {n} \n".encode() + rows)
        assert same(m)
        assert m.notes == notes
    (m,) = read(tmp_path, b"pellet\n\n10\n" + files.csv(names=None, delimiter=" "))
    assert same(m)


def test_names_may_stand_in_a_comment_and_rows_side_by_side(tmp_path: Path) -> None:
    (m,) = read(tmp_path, b"# " + files.csv(delimiter=" "))
    assert same(m)
    wide = "f/Hz,Z',-Z'',,f/Hz,Z',-Z''\n" + "".join(
        f"{f},{z.real},{-z.imag},," + (f"{f},{2 * z.real},{-2 * z.imag}\n" if i < 7 else ",,\n")
        for i, (f, z) in enumerate(zip(F, Z, strict=True))
    )
    one, two = read(tmp_path, wide.encode())
    assert same(one)
    assert same(two, 2 * Z[:7], F[:7])


# --- no names of columns ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("kind", ["arcs", "inductive loop", "blocking", "lead"])
def test_without_names_the_sign_follows_from_the_data(sign: int, kind: str, tmp_path: Path) -> None:
    """Causal responses, one inductive throughout, one (a capacitance) whose conjugate is as causal: a passive one."""
    f = np.logspace(5, 0, 41)
    s = 2j * np.pi * f
    z = {
        "arcs": 12 + 80 / (1 + s * 1e-4),
        "inductive loop": 100 - 60 / (1 + s * 1e-3),  # Im Z > 0 everywhere
        "blocking": 5 + 1e6 / s,
        "lead": 5 + 20 / (1 + s * 1e-4) + s * 1e-6,
    }[kind]
    data = files.csv(((f, z),), names=None, delimiter="\t", values=lambda f, z: (f, z.real, sign * z.imag))
    (m,) = read(tmp_path, data)
    assert same(m, z, f)
    assert ("-Im Z" in m.notes[-1]) == (sign < 0)


def test_without_names_modulus_and_phase_are_not_taken_for_real_and_imaginary(tmp_path: Path) -> None:
    f = np.logspace(5, 0, 41)
    z = 12 + 80 / (1 + 2j * np.pi * f * 1e-4) + 50 / (1 + 2j * np.pi * f * 1e-2)
    data = files.csv(((f, z),), names=None, values=lambda f, z: (f, abs(z), math.degrees(np.angle(z))))
    with pytest.raises(InputError, match="looks like a phase in degrees"):
        read(tmp_path, data)
    (m,) = read(tmp_path, data, columns={"frequency": 1, "modulus": 2, "phase": 3})
    assert same(m, z, f)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 2\n3 4\n", "2 columns without names"),
        ("1,2,3,4\n5,6,7,8\n", "4 columns without names"),
        ("1,2,3\n1,2,4\n1,5,6\n", "does not sweep"),
        ("100;1;2\n10;3\n", "line 2: '10;3'; allowed: 3 numbers"),
        ("100;1;2\n10;3;4x\n", "line 2"),
        ("100 1,5 2\n10 1.5 3\n", "one decimal mark throughout"),
        ("just text\n", "no table of frequency and impedance"),
    ],
)
def test_without_names_anything_unclear_is_refused(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        read(tmp_path, text.encode())


# --- loops, temperatures, order --------------------------------------------------------------------------------------


def loops(*scales: float) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(F, s * Z) for s in scales]


@pytest.mark.parametrize("write", [files.mpt, files.mpr, files.dta, files.zplot, files.relaxis, files.novocontrol])
def test_every_loop_is_a_measurement(write: object, tmp_path: Path) -> None:
    sweeps = read(tmp_path, write(loops(1, 2, 3)))  # type: ignore[operator]
    assert len(sweeps) == 3
    assert all(same(m, k * Z) for k, m in enumerate(sweeps, start=1))


@pytest.mark.parametrize("way", ["down", "up", "down and up"])
def test_loops_without_a_cycle_number_are_told_by_the_restart_of_the_frequency(way: str, tmp_path: Path) -> None:
    up = F[::-1], Z[::-1]
    parts = {"down": loops(1, 1, 1), "up": [up] * 3, "down and up": [(F, Z), up, (F, Z)]}[way]
    for data in (files.csv(parts), files.mpt(parts, cycles=False)):
        sweeps = read(tmp_path, data)
        assert len(sweeps) == 3
        assert all(same(m) for m in sweeps)


def test_loops_over_different_ranges(tmp_path: Path) -> None:
    """A wider second loop is a loop; a range measured after another one is the same sweep."""
    f = np.logspace(6, 0.5, 12)
    z = files.impedance(f)
    one, two = read(tmp_path, files.csv([(F, Z), (f, z)]))
    assert same(one)
    assert same(two, z, f)
    (m,) = read(tmp_path, files.csv([(F[5:], Z[5:]), (F[:6], Z[:6])]))
    assert (len(m), m.n_excluded) == (11, 1)
    assert same(m)


def test_a_first_part_upwards_and_single_points_out_of_order_are_one_sweep(tmp_path: Path) -> None:
    order = [*range(4, -1, -1), *range(5, 10)]  # 1 kHz up to 100 kHz, then on below
    swapped = [0, 1, 2, 4, 3, 5, 6, 7, 8, 9]
    shuffled = [3, 8, 1, 6, 0, 9, 2, 5, 4, 7]
    for places in (order, swapped, shuffled):
        (m,) = read(tmp_path, files.csv([(F[places], Z[places])]))
        assert same(m)
    with pytest.raises(InputError, match="no order that repeat"):
        read(
            tmp_path,
            files.csv([(F[shuffled], Z[shuffled]), (F[swapped][::3], Z[swapped][::3]), (F[shuffled], Z[shuffled])]),
        )


def test_a_frequency_twice_within_a_sweep_is_excluded_visibly(tmp_path: Path) -> None:
    places = [0, 1, 2, 2, 3, 4, 5, 6, 7, 8, 9]
    (m,) = read(tmp_path, files.csv([(F[places], Z[places] * np.where(np.arange(11) == 3, 2, 1))]))
    assert len(m) == 11
    assert m.excluded[3] == "frequency occurs again"
    assert same(m)


def test_temperatures_in_one_file(tmp_path: Path) -> None:
    """Frequency inside temperature and temperature inside frequency give the same sweeps."""
    data = files.novocontrol(loops(1, 2, 3))
    sweeps = read(tmp_path, data)
    assert [m.temperature_K for m in sweeps] == pytest.approx([298.15, 318.15, 338.15])
    (*head,) = data.split(b"\r\n")[:4]
    rows = data.split(b"\r\n")[4:-1]
    inside = b"\r\n".join([*head, *(row for i in range(10) for row in rows[i::10]), b""])
    for a, b in zip(sweeps, read(tmp_path, inside), strict=True):
        assert np.array_equal(a.impedance_ohm, b.impedance_ohm)
        assert a.temperature_K == b.temperature_K


def test_a_probe_of_coarse_steps_does_not_split_a_sweep(tmp_path: Path) -> None:
    data = files.csv(
        names=("f/Hz", "Z'", "Z''", "Temperature/°C"), values=lambda f, z: (f, z.real, z.imag, 25.0 + 0.1 * (f < 1e3))
    )
    (m,) = read(tmp_path, data)
    assert same(m)
    assert m.temperature_K == pytest.approx(298.2, abs=0.06)
    assert m.notes == ("temperature 298.15 to 298.25 K during the sweep",)


def test_temperature_of_a_probe_and_of_the_caller(tmp_path: Path) -> None:
    data = files.csv(
        names=("f/Hz", "Z'", "Z''", "Temperature/°C"), values=lambda f, z: (f, z.real, z.imag, 60 + 1e-7 * f)
    )
    (m,) = read(tmp_path, data)
    assert m.temperature_K == pytest.approx(333.15, abs=0.01)
    (m,) = read(tmp_path, data, temperature_K=335.0)
    assert m.temperature_K == 335.0
    assert any("the file states 333.15 K" in note for note in m.notes)
    with pytest.raises(InputError, match="temperature_K"):
        read(tmp_path, data, temperature_K=-5.0)


def test_the_overlap_that_thales_measures_first_is_excluded_and_not_averaged(tmp_path: Path) -> None:
    (m,) = read(tmp_path, files.ism(overlap=3), "a.ism")
    assert (len(m), m.n_excluded) == (13, 3)
    assert same(m)


def test_parallel_resistance_and_capacitance_of_novocontrol_are_the_impedance(tmp_path: Path) -> None:
    for m, (f, z) in zip(read(tmp_path, files.novocontrol(parallel=True)), files.TWO_LOOPS, strict=True):
        assert same(m, z, f)
        assert "impedance from Zp' and Cp'" in m.notes


def test_dimensions_that_overflow_are_no_metadata(tmp_path: Path) -> None:
    """Found by fuzzing: an infinite diameter, and provenance that JSON cannot hold."""
    (m, _) = read(tmp_path, files.novocontrol().replace(b"Diameter[mm] 6.000e+00", b"Diameter[mm] 1e999"))
    assert "area_cm2" not in m.metadata
    m.spectrum(1.0).to_json()


def test_novocontrol_at_one_fixed_temperature_with_parallel_reactance(tmp_path: Path) -> None:
    """1/Z = 1/Zp' + 1/(j Zp''); the temperature stands before the table, or is the mean of a probe."""
    head = "a, 5.6.2024, 10:11\nFixed value(s) :  Temp. [K]=3.0315e+02  AC Volt  [Vrms]=1.000e-01\n"
    y = 1 / Z
    pairs = np.column_stack([F, 1 / y.real, -1 / y.imag])
    rows = "".join("\t".join(f"{v:.8e}" for v in row) + "\n" for row in pairs)
    (m,) = read(tmp_path, (head + " Freq. [Hz]\t Zp' [Ohms]\t Zp'' [Ohms]\n" + rows).encode())
    assert same(m)
    assert m.temperature_K == 303.15
    assert m.metadata["amplitude_V"] == 0.1
    table = np.column_stack([F, Z.real, Z.imag, 303.0 + 0.01 * np.arange(F.size)])
    rows = "".join("\t".join(f"{v:.8e}" for v in row) + "\n" for row in table)
    (m,) = read(tmp_path, (head + " Freq. [Hz]\t Zs' [Ohms]\t Zs'' [Ohms]\tM Temp [K]\n" + rows).encode())
    assert same(m)
    assert m.temperature_K == pytest.approx(303.045, abs=1e-3)


# --- what files contradict -------------------------------------------------------------------------------------------


def test_a_point_that_contradicts_its_modulus_is_excluded(tmp_path: Path) -> None:
    good = files.mpt(files.ONE_LOOP)
    row = next(line for line in good.split(b"\r\n") if line.startswith(b"1.0000000E+03"))
    damaged = good.replace(row, row.replace(b"\t6.93", b"\t8.93", 1))
    (m,) = read(tmp_path, damaged, "a.mpt")
    assert [r for r in m.excluded if r] == ["real and imaginary part contradict |Z|"]


def test_phase_and_imaginary_part_of_opposite_sign_are_refused(tmp_path: Path) -> None:
    data = files.csv(
        names=("f/Hz", "Z'", "Z''", "phase/deg"), values=lambda f, z: (f, z.real, -z.imag, math.degrees(np.angle(z)))
    )
    with pytest.raises(InputError, match="phase and imaginary part have opposite signs"):
        read(tmp_path, data)
    (m,) = read(tmp_path, data, columns={"frequency": 1, "real": 2, "minus_imaginary": 3})
    assert same(m)


@pytest.mark.parametrize("name", ["Z''", "-Z''"])
def test_a_column_with_the_sign_that_its_name_denies_is_refused(name: str, tmp_path: Path) -> None:
    """The conjugate of a causal response is not causal: the name must be wrong."""
    sign = 1 if name.startswith("-") else -1
    f = np.logspace(5, 0, 31)
    z = 12 + 80 / (1 + 2j * np.pi * f * 1e-4) + 50 / (1 + 2j * np.pi * f * 1e-2)
    data = files.csv([(f, z)], names=("f/Hz", "Z'", name), values=lambda f, z: (f, z.real, sign * z.imag))
    with pytest.raises(InputError, match=f"line 1: with .*{name}.* as named the response is not causal"):
        read(tmp_path, data)
    key = "imaginary" if sign > 0 else "minus_imaginary"
    (m,) = read(tmp_path, data, columns={"frequency": 1, "real": 2, key: 3})
    assert same(m, z, f)


def test_phase_without_unit(tmp_path: Path) -> None:
    degrees = files.csv(names=("f", "|Z|", "phase"), values=lambda f, z: (f, abs(z), math.degrees(np.angle(z))))
    (m,) = read(tmp_path, degrees)
    assert same(m)
    assert "phase taken in degrees: values beyond 2 pi" in m.notes
    negative = files.csv(names=("f", "|Z|", "−phase"), values=lambda f, z: (f, abs(z), -math.degrees(np.angle(z))))
    assert same(read(tmp_path, negative)[0])
    radians = files.csv(names=("f", "|Z|", "phase"), values=lambda f, z: (f, abs(z), np.angle(z)))
    with pytest.raises(InputError, match="without unit"):
        read(tmp_path, radians)


def test_rows_of_direct_current_are_left_out_and_said(tmp_path: Path) -> None:
    """As Parstat and EC-Lab write between impedance points: frequency 0, impedance 0."""
    text = files.csv(names=("Elapsed Time (s)", "Frequency (Hz)", "Zre (ohms)", "Zim (ohms)"), delimiter="\t",
                     values=lambda f, z: (1.0, f, z.real, z.imag))  # fmt: skip
    head, _, rows = text.partition(b"\n")
    (m,) = read(tmp_path, head + b"\n" + b"10\t0\t0\t0\t\n" * 5 + rows)
    assert same(m)
    assert m.notes == ("5 rows with frequency 0 (direct current) are no impedances: left out",)


def test_nan_in_a_row_is_excluded_visibly_and_never_silently(tmp_path: Path) -> None:
    text = files.csv().replace(b"8.9003880E+01", b"NaN")
    (m,) = read(tmp_path, text)
    assert [r for r in m.excluded if r] == ["impedance is not a finite number"]
    assert np.all(np.isfinite(m.spectrum(1.0).impedance_ohm_cm2))


def test_an_interrupted_experiment_is_read_and_said(tmp_path: Path) -> None:
    (m,) = read(tmp_path, files.dta(files.ONE_LOOP, aborted=True), "a.DTA")
    assert same(m)
    assert m.notes == ("the experiment was aborted",)
    lines = files.zplot(files.ONE_LOOP).split(b"\n")
    (m,) = read(tmp_path, b"\n".join(lines[:-4]), "a.z")
    assert m.notes == ("the header announces 10 points, the file has 7",)
    rows = files.nova().split(b"\r\n")
    (m,) = read(tmp_path, b"\r\n".join(rows[:4] + rows[6:]))
    assert any("rows are missing after line 4" in note for note in m.notes)


# --- the binary file of BioLogic -------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [0, 2, 3, 10, 11])
def test_versions_of_mpr(version: int, tmp_path: Path) -> None:
    one, two = read(tmp_path, files.mpr(version=version), "a.mpr")
    assert same(one)
    assert same(two, 1.5 * Z)


def test_mpr_columns_that_nobody_knows(tmp_path: Path) -> None:
    """One unknown column has the width that is left; of two the widths cannot be told."""
    one, _ = read(tmp_path, files.mpr(extra=[250]), "a.mpr")
    assert same(one)
    assert one.notes == ("column of unknown number 250, 4 bytes wide, not read",)
    with pytest.raises(InputError, match=r"unknown numbers \[250, 251\].*\.mpt"):
        read(tmp_path, files.mpr(extra=[250, 251]), "a.mpr")


def test_a_signalling_nan_in_mpr_is_a_point_without_impedance(tmp_path: Path) -> None:
    """Found by fuzzing: converting one to double precision warns."""
    data = bytearray(files.mpr(modulus=False))
    at = data.index(b"VMP data") + 51 + 406 + 9 + 4  # Re(Z) of the first point
    data[at : at + 4] = bytes.fromhex("010080ff")
    one, _ = read(tmp_path, bytes(data), "a.mpr")
    assert one.excluded[0] == "impedance is not a finite number"


def test_mpr_proves_what_it_reads(tmp_path: Path) -> None:
    data = files.mpr()
    for cut in range(60, len(data), 37):
        with pytest.raises(InputError):
            read(tmp_path, data[:cut], "a.mpr")
    start = data.index(b"VMP data")
    shifted = bytearray(data)
    shifted[start + 51 + 406 + 9 + 5] ^= 0x40  # a bit of |Z| of the first point
    with pytest.raises(InputError, match="the same modulus"):
        read(tmp_path, bytes(shifted), "a.mpr")
    with pytest.raises(InputError, match="version 7"):
        read(tmp_path, data.replace(b"\x03\0\0\x0005/06/24", b"\x07\0\0\x0005/06/24"), "a.mpr")
    with pytest.raises(InputError, match="columns cannot be chosen"):
        read(tmp_path, data, "a.mpr", columns={"frequency": 1, "real": 2, "imaginary": 3})


# --- wrong files -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"\r\n \t\n", "is empty"),
        (bytes(500), "is empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4, "binary or damaged"),
        (b"PK\x03\x04" + bytes(range(256)), "binary or damaged"),
        (b"\xff\xfea", "is not the text that its first bytes promise"),
        (b"f/Hz,Z',Z''\n1,2,3\n" + b"x" * (LONGEST_LINE + 1), f"line 3: {LONGEST_LINE + 1} characters"),
        (b"1\n" * (MOST_LINES + 1), f"has more than {MOST_LINES} lines"),
        (b"f/Hz,Z',Z''\n", "no table"),
        (b"f/Hz,Z',Z''\n10,1,2\n1,1\n", "line 3: 2 fields where line 1 names 3"),
        (b"f/Hz,Z',Z''\n10,1,2\n1,1,2,3\n", "line 3: 4 fields where line 1 names 3"),
        (b"f/Hz,Z',Z''\n10,1,2\n1,1_0,3\n", "line 3: '1_0' as real; allowed: a number"),
        (b"f/Hz,Z',Z''\n10,1,2\n1,0x1,3\n", "line 3: '0x1' as real"),
        (b"f/Hz,Z',Z''\n10,1,2\n-1,1,3\n", "line 3: frequency -1 Hz; allowed"),
        (b"f/Hz,Z',Z''\n10,1,2\n1e300,1,3\n", r"line 3: frequency 1e\+300 Hz"),
        (b"f/Hz,Z',Z''\n10,1,2\n1,1e200,3\n", "line 3: impedance"),
        (b"f/Hz;Z';Z''\n10;1.000,5;2\n1;2;3\n", "one decimal mark throughout, no thousands separators"),
        (b"f/Hz,Z',Z',Z''\n10,1,1,2\n1,2,2,3\n", "are both real"),
        (b"f/Hz,|Z|,phase/deg\n10,-5,10\n1,5,5\n", "line 2: modulus -5"),
        (b"f/Hz,|Z|,phase/deg\n10,5,1000\n1,5,5\n", "line 2: phase of 1000 degrees"),
        (b"EC-Lab ASCII FILE\r\nNb header lines : 3\r\ntime/s\tEwe/V\r\n1\t2\r\n", "an impedance technique"),
        (b"EC-Lab ASCII FILE\r\nfoo\r\n", "line 2: 'foo'; allowed: 'Nb header lines : N'"),
        (b"EC-Lab ASCII FILE\r\nNb header lines : 900\r\n", "900 header lines announced, the file has 3"),
        (b"EXPLAIN\r\nTAG\tCV\r\nCURVE\tTABLE\r\n", "no table ZCURVE"),
        (b"ZPLOT2 ASCII\nfoo\n", "no names of columns"),
        (b"VERSION9.1\n3\n", "VERSION8.0"),
        (b"RelaxIS 3.0 Spectrum export\nfoo\n", "no table"),
        (b"m, 9.2.2023, 16:42\nFixed value(s) : Temp. [K]=300\n Freq. [Hz]\n Zs' [Ohms]\n", "alone on its line"),
        (b"Fixed value(s) :\n Freq. [Hz]\t Eps'\t Eps''\n1\t2\t3\n", "with Zs' and Zs''"),
        (b'{"format": "aspot-spectrum", "format_version": 1}', "is missing"),
        (files.own_json().replace(b"12.", b"1e999", 1), "impedance_ohm_cm2 must be finite"),
        (b'{"format": "aspot-spectrum"' + b"[" * 100_000, "not a spectrum of aspot|not JSON"),
    ],
)
def test_wrong_files_are_refused_with_file_line_found_and_allowed(data: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message) as error:
        read(tmp_path, data, "wrong.dat")
    assert "wrong.dat" in str(error.value)
    assert "\n" not in str(error.value)


def test_what_is_no_file_is_refused_without_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="No such file"):
        measured.read(tmp_path / "missing.mpt")
    with pytest.raises(InputError, match="is not a file"):
        measured.read(tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        measured.read("a\0b")
    with (tmp_path / "huge.mpt").open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.mpt")
        with pytest.raises(InputError, match="is not a file"):
            measured.read(tmp_path / "pipe.mpt")  # would wait for ever
    monkeypatch.setattr("builtins.open", None)
    with pytest.raises(InputError, match="has 32 MiB; files of measured spectra may have at most 32 MiB"):
        measured.read(tmp_path / "huge.mpt")


def test_an_unknown_format_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="format: must be 'auto' or one of biologic-mpr"):
        read(tmp_path, files.csv(), format="excel")


def test_reading_depends_on_no_locale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers are read by their own rules: the machine's decimal mark does not matter."""
    import locale

    before = locale.setlocale(locale.LC_ALL)
    for name in ("de_DE.UTF-8", "fr_FR.UTF-8", "C"):
        try:
            locale.setlocale(locale.LC_ALL, name)
        except locale.Error:
            continue
        try:
            assert same(read(tmp_path, files.mpt(files.ONE_LOOP))[0])
        finally:
            # What comes after decodes the output of programs by the locale.
            locale.setlocale(locale.LC_ALL, before)
