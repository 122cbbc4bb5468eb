"""A case against a measured spectrum: residuals are what was put in, arcs are paired by what they are."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

import aspot
from aspot.analysis.comparison import at_frequencies_of, compare
from aspot.cli import main
from aspot.errors import InputError
from aspot.result import Result
from aspot.spectrum import Spectrum

CASE = Path(__file__).resolve().parent.parent / "cases" / "na_nzsp04_gradual_1N.toml"
AREA_CM2 = 0.3


@lru_cache(maxsize=1)
def simulated() -> Result:
    return aspot.simulate(aspot.load(CASE))


def changed(factor: complex | np.ndarray) -> Spectrum:
    s = simulated().spectrum
    return Spectrum(
        frequency_Hz=s.frequency_Hz, impedance_ohm_cm2=factor * s.impedance_ohm_cm2, temperature_K=s.temperature_K
    )


def test_a_spectrum_matches_itself() -> None:
    found = compare(simulated(), changed(1.0))
    assert found.rms == 0.0
    assert [pair.verdict for pair in found.arcs] == ["match"] * len(found.arcs)


def test_arcs_are_named_by_what_owns_them() -> None:
    """The cell has two arcs: grain boundaries at 1.6 MHz and the dynamic constriction at 88 kHz."""
    boundary, interface = (pair.parts for pair in compare(simulated(), changed(1.0)).arcs)
    assert boundary == ("SE grain_boundaries",)
    assert interface == ("constriction",)


def test_residuals_are_relative_to_the_measured_modulus() -> None:
    found = compare(simulated(), changed(1.0 / (1.0 - 0.03)))
    assert np.allclose(np.abs(found.residual), 0.03, rtol=1e-12)
    assert found.rms == pytest.approx(0.03)
    assert sum(d.points for d in found.decades) == len(found.measured)
    assert all(d.rms == pytest.approx(0.03) for d in found.decades)


def test_the_worst_point_is_found() -> None:
    factor = np.ones(len(simulated().spectrum))
    factor[20] = 1.1
    found = compare(simulated(), changed(factor))
    worst, where = found.largest
    assert where == simulated().spectrum.frequency_Hz[20]
    assert worst == pytest.approx(1 - 1 / 1.1)


def arcs(*elements: tuple[float, float]) -> Spectrum:
    """Series of R||C elements (R, apex) behind 10 ohm cm2."""
    f = np.geomspace(1e7, 1.0, 71)
    z = 10.0 + sum(r / (1 + 1j * f / apex) for r, apex in elements)
    return Spectrum(frequency_Hz=f, impedance_ohm_cm2=z, temperature_K=298.15)


def test_arcs_that_differ_are_told_apart() -> None:
    """Same arc with twice the resistance: shifted. One that the model lacks: only measured. Both ways."""
    computed, measured = arcs((20.0, 1e6), (50.0, 1e3)), arcs((20.0, 1e6), (100.0, 1e3), (40.0, 10.0))
    pairs = compare(computed, measured).arcs
    assert [p.verdict for p in pairs] == ["match", "shifted", "only measured"]
    assert [p.verdict for p in compare(measured, computed).arcs] == ["match", "shifted", "only computed"]
    missing = pairs[2].measured
    assert missing is not None
    assert missing.resistance_ohm_cm2 == pytest.approx(40.0, rel=0.03)
    assert missing.apex_frequency_Hz == pytest.approx(10.0, rel=0.1)


def test_other_frequencies_are_refused() -> None:
    with pytest.raises(InputError, match="same frequencies"):
        compare(simulated(), arcs((20.0, 1e6)))


def test_a_cell_takes_the_frequencies_of_a_spectrum() -> None:
    measured = arcs((20.0, 1e6))
    cell = at_frequencies_of(aspot.load(CASE), measured)
    assert np.allclose(cell.frequencies.values_Hz(), measured.frequency_Hz, rtol=1e-12)


# The command --------------------------------------------------------------------------------------------------------


def table(path: Path, noise: float = 0.0) -> Path:
    """An instrument's table in ohm, with five inductive points at the top."""
    f = np.append(np.geomspace(5e7, 1e7, 5), simulated().spectrum.frequency_Hz)
    z = np.append(np.full(5, 14.0 + 3j), simulated().spectrum.impedance_ohm_cm2) / AREA_CM2
    z = z * (1 + noise * np.random.default_rng(0).normal(size=len(f)))
    rows = [f"{a!r},{b.real!r},{b.imag!r}" for a, b in zip(f.tolist(), z.tolist(), strict=True)]
    path.write_text("Frequency/Hz,Z'/Ohm,Z''/Ohm\n" + "\n".join(rows) + "\n")
    return path


def test_the_command_writes_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    measured = table(tmp_path / "cell.csv")
    status = main(["compare", str(CASE), str(measured), "--out", str(tmp_path / "out"), "--area", f"{AREA_CM2} cm^2"])
    told = capsys.readouterr().out
    assert status == 0
    assert "inductive tail" in told
    document = json.loads((tmp_path / "out" / "comparison.json").read_text())
    # Model and data are the same up to the tolerance of the model.
    assert document["relative_residual_rms"] < 1e-3
    assert [arc["verdict"] for arc in document["arcs"]] == ["match", "match"]
    assert len(document["measured"]["excluded"]) == 5
    assert document["measured"]["area_cm2"] == pytest.approx(AREA_CM2)
    for name in ("residuals.csv", "nyquist.png", "bode.png", "residuals.png", "arcs.png", "spectrum.csv"):
        assert (tmp_path / "out" / name).stat().st_size > 100


def test_columns_without_known_names_are_chosen_by_name_and_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """-Z'', a column of sevens, f and Z' under strange names: the same spectrum as from the plain table."""
    s = simulated().spectrum
    z = s.impedance_ohm_cm2 / AREA_CM2
    rows = [f"{-b.imag!r},7,{a!r},{b.real!r}" for a, b in zip(s.frequency_Hz.tolist(), z.tolist(), strict=True)]
    measured = tmp_path / "strange.csv"
    measured.write_text("p,q,r,s\n" + "\n".join(rows) + "\n")
    arguments = ["compare", str(CASE), str(measured), "--out", str(tmp_path / "out"), "--area", f"{AREA_CM2} cm^2"]
    assert main(arguments) == 2
    assert "--column" in capsys.readouterr().err
    columns = [word for text in ("frequency=3", "real=s", "minus_imaginary=p") for word in ("--column", text)]
    assert main([*arguments, *columns]) == 0
    assert f"area {AREA_CM2:.4g} cm2" in capsys.readouterr().out
    document = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert document["relative_residual_rms"] < 1e-3


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "--area"),
        (["--area", "0.3 cm"], "--area 0.3 cm"),
        (["--area", "-1 cm^2"], "--area"),
        (["--area", "0.3 cm^2", "--loop", "2"], "--loop 2"),
        (["--area", "0.3 cm^2", "--lowest", "1 MHz", "--highest", "1 kHz"], "--lowest"),
        (["--area", "0.3 cm^2", "--highest", "0.1 Hz"], "no kept point"),
        (["--area", "0.3 cm^2", "--kramers-kronig", "7"], "--kramers-kronig 7"),
        (["--area", "0.3 cm^2", "--lowest", "20 MHz", "--keep-inductive"], "--kramers-kronig 0"),
        (["--column", "frequency"], "--column frequency: must be of the form key=name"),
        (["--column", "real=1", "--column", "real=2"], "--column real: given twice"),
        (["--column", "freq=1", "--column", "real=2"], "'freq'"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_computed(
    options: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    measured = table(tmp_path / "cell.csv")
    status = main(["compare", str(CASE), str(measured), "--out", str(tmp_path / "out"), *options])
    assert status == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
