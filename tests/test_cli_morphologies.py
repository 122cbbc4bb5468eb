"""`aspot morphologies`: the interfaces that give a published R_int and C_int."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
from scipy.constants import epsilon_0

from aspot import cli, load
from aspot.analysis import morphologies
from aspot.analytic import flux_tube_psi
from aspot.cell import Cell
from aspot.errors import InputError
from aspot.morphology_plot import family_picture
from aspot.result import Result
from aspot.simulation import simulate

#: One conductivity and an ideal contact: radius and gap follow from closed forms.
CASE = """
[electrolyte]
thickness = "2 mm"
conductivity = "5 mS/cm"
permittivity = 30
[working_electrode.morphology]
kind = "spots"
arrangement = "single"
radius = "20 um"
contact_fraction = 0.01
[working_electrode.gap]
thickness = "30 nm"
[frequencies]
start = "1 MHz"
stop = "100 Hz"
per_decade = 3
[numerics]
relative_tolerance = 1e-4
[published]
R_int = "20 ohm cm^2"
C_int = "34 nF/cm^2"
"""


@pytest.fixture
def case(tmp_path: Path) -> Path:
    path = tmp_path / "case.toml"
    path.write_text(CASE)
    return path


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    status = cli.main([str(a) for a in ("morphologies", *arguments)])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def quantity(text: str) -> float:
    """SI value of "4.2 µm"."""
    number, prefix = re.fullmatch(r"([0-9.]+) ([nµm]?)(?:m|F/cm2)", text).groups()  # type: ignore[union-attr]
    return float(number) * {"n": 1e-9, "µ": 1e-6, "m": 1e-3, "": 1.0}[prefix]


def rows(printed: str) -> list[list[str]]:
    """Cells of the table below its rule."""
    below = re.split(r"─\s*\n", printed, maxsplit=1)[1]
    lines = (line.strip() for line in below.splitlines())
    return [re.split(r"\s{2,}", line) for line in lines if re.match(r"[0-9.]+\s{2,}", line)]


def test_radius_and_gap_are_those_of_the_theory(capsys: pytest.CaptureFixture[str], case: Path) -> None:
    """A long tube of radius b and contact radius a = b sqrt(f) has R_cc = pi b^2 psi(a/b)/(4 sigma a).

    The gap covers 1 - f of it and short-circuits the whole arc: C_int = 1.0 to 1.13 times eps0 (1 - f)/d.
    """
    status, printed, err = call(capsys, case, "--contact-fraction", 0.001, "--contact-fraction", "0.01")
    assert status == 0, err
    found = rows(printed)
    assert [float(row[0]) for row in found] == [0.001, 0.01]
    for row in found:
        fraction, radius, spacing, gap, r_cc, r_int = float(row[0]), *map(quantity, row[1:4]), *map(float, row[4:6])
        e = math.sqrt(fraction)
        expected = 20e-4 * 4 * 0.5 * fraction / (math.pi * float(flux_tube_psi(e)))
        assert radius == pytest.approx(expected, rel=5e-3)  # three digits are printed
        assert spacing == pytest.approx(2 * radius / e, rel=1e-2)
        parallel_plate = epsilon_0 * (1 - fraction) / gap * 1e-4
        assert 1.0 <= 34e-9 / parallel_plate <= 1.13
        assert r_cc == pytest.approx(20, rel=1e-3) and r_int == pytest.approx(20, rel=1e-3)
        assert row[6] == "34 nF/cm2"
        # 1/(2 pi R C), which is what C_int means.
        assert row[7] == f"{1 / (2 * np.pi * 20 * 34e-9) / 1e3:.0f} kHz"
    assert "Not unique" in printed


def test_a_contact_resistance_forbids_small_contact_fractions(capsys: pytest.CaptureFixture[str], case: Path) -> None:
    """An interphase of r per contact area makes r/f: it alone exceeds R_int below f = r/R_int = 5 %."""
    status, printed, err = call(
        capsys, case, "--contact-fraction", 0.04, "--contact-fraction", 0.1,
        "--set", "working_electrode.contact.interphase.resistance=1 ohm cm^2",
        "--set", "working_electrode.contact.interphase.capacitance=0.1 uF/cm^2",
    )  # fmt: skip
    assert status == 0, err
    (row,) = rows(printed)
    assert float(row[0]) == 0.1
    r_cc, r_interphase, r_int = map(float, row[4:7])
    assert r_cc + r_interphase == pytest.approx(r_int, rel=1e-3)
    # The current crowds at the rims, so that the film costs a little more than r/f.
    assert 10 < r_interphase < 12
    assert "contact fraction of 0.04" in printed


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--contact-fraction", "1.5"), ["--contact-fraction 1.5"]),
        (("--contact-fraction", "0"), ["--contact-fraction 0"]),
        (("--set", "published={}"), ["published", "R_int"]),
        (("--set", "working_electrode={}", "--contact-fraction", "0.01"), ["working_electrode", "gap"]),
        (
            ("--set", "working_electrode.contact.charge_transfer_resistance=1 ohm cm^2", "--contact-fraction", "0.001"),
            ["0.001", "R_int"],
        ),
    ],
)
def test_what_cannot_be_is_one_line_and_status_2(
    capsys: pytest.CaptureFixture[str], case: Path, arguments: tuple[str, ...], words: list[str]
) -> None:
    status, printed, err = call(capsys, case, *arguments)
    assert status == 2 and printed == "", err
    assert err.startswith("aspot: ") and err.count("\n") == 1
    for word in words:
        assert word in err


def test_one_simulation_predicts_and_one_confirms(monkeypatch: pytest.MonkeyPatch, case: Path) -> None:
    """Radius and gap are parameters of the solved geometry: the spectrum at those found is the second simulation."""
    counted: list[Cell] = []

    def counting(cell: Cell, **options: bool) -> Result:
        counted.append(cell)
        return simulate(cell, **options)

    monkeypatch.setattr(morphologies, "simulate", counting)
    fractions = [0.001, 0.01, 0.05]
    family = morphologies.morphology_family(
        load(case), R_int_ohm_cm2=20.0, C_int_F_per_cm2=34e-9, contact_fractions=fractions
    )
    assert [m.contact_fraction for m in family.members] == fractions and not family.impossible
    assert len(counted) == 2 * len(fractions)
    for member in family.members:
        arc = member.result.arc
        assert member.result.resistances.int_ == pytest.approx(20.0, rel=2e-4)
        assert arc is not None and arc.C_int_F_per_cm2 == pytest.approx(34e-9, rel=2e-4)


def test_figures_given_directly_and_a_picture(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, case: Path
) -> None:
    """R_cc is proportional to the radius: half the resistance is half the radius; the gap goes with 1/C."""
    monkeypatch.setattr("aspot.cli.morphologies._DRAWN", 6)
    _, printed, _ = call(capsys, case, "--contact-fraction", "0.01", "--R-int", "20 ohm cm^2")
    (first,) = rows(printed)
    picture = case.parent / "family.png"
    status, printed, err = call(
        capsys, case, "--contact-fraction", "0.01", "--R-int", "10 ohm cm^2", "--C-int", "17 nF/cm^2",
        "--out", picture, "--set", "published={}",
    )  # fmt: skip
    assert status == 0, err
    (second,) = rows(printed)
    assert quantity(second[1]) == pytest.approx(0.5 * quantity(first[1]), rel=1e-2)
    assert quantity(second[3]) == pytest.approx(2.0 * quantity(first[3]), rel=1e-2)
    assert picture.stat().st_size > 10_000
    status, printed, err = call(capsys, case, "--out", case.parent / "family.xyz")
    assert status == 2 and ".png" in err
    for option, text in (("--R-int", "20 nF"), ("--C-int", "-3 nF/cm^2")):
        status, _, err = call(capsys, case, option, text)
        assert status == 2 and option in err


def test_the_picture_shades_what_cannot_be(case: Path) -> None:
    film = {"working_electrode.contact": {"interphase": {"resistance": "1 ohm cm^2", "capacitance": "0.1 uF/cm^2"}}}
    family = morphologies.morphology_family(
        load(case).with_(**film), R_int_ohm_cm2=20.0, C_int_F_per_cm2=34e-9, contact_fractions=[0.01, 0.04, 0.1, 0.9]
    )
    assert list(family.impossible) == [0.01, 0.04, 0.9]
    axes = family_picture(family).axes
    assert [text.get_text().split("\n")[0] for text in axes[0].texts] == ["contacts alone", "no radius"]
    with pytest.raises(InputError, match=r"contact fraction of 0\.01"):
        morphologies.equivalent_morphologies(
            load(case).with_(**film), R_int_ohm_cm2=20.0, C_int_F_per_cm2=34e-9, contact_fractions=[0.01]
        )


def test_reasons_that_neighbours_share_are_told_once(capsys: pytest.CaptureFixture[str], case: Path) -> None:
    """Discs in a square array cannot cover more than 78.5 %: pores leave no contact fraction below 21.5 %."""
    fractions = [word for f in (0.001, 0.003, 0.01, 0.03) for word in ("--contact-fraction", str(f))]
    status, _, err = call(
        capsys, case, "--set", "working_electrode.morphology.kind=pores",
        "--set", "working_electrode.morphology.arrangement=square",
        "--set", "working_electrode.morphology.contact_fraction=0.5", *fractions,
    )  # fmt: skip
    assert status == 2
    assert err.count("0.785") == 1
    assert "0.001" in err and "up to 0.03 likewise" in err
    assert "working_electrode.morphology.contact_fraction" not in err
