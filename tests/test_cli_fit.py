"""`aspot fit`: what it prints, what it writes, what it refuses; its pictures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import AxesImage

from aspot import cli, load
from aspot.fit_output import FILES
from aspot.fit_plot import correlation_picture, profile_picture
from aspot.inference import fit
from aspot.simulation import simulate
from aspot.spectrum import Spectrum

CASE = """
name = "spots"
[electrolyte]
thickness = "1 mm"
conductivity = "5.5 mS/cm"
[working_electrode.morphology]
kind = "spots"
arrangement = "single"
radius = "10 um"
contact_fraction = 0.05
[working_electrode.contact]
charge_transfer_resistance = "0.5 ohm cm^2"
double_layer_capacitance = "10 uF/cm^2"
[working_electrode.gap]
thickness = "100 nm"
[frequencies]
start = "5 MHz"
stop = "10 Hz"
per_decade = 3
"""
RADIUS, GAP = "working_electrode.morphology.radius", "working_electrode.gap.thickness"
R_CT = "working_electrode.contact.charge_transfer_resistance"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A case that is off, and the noisy spectrum of the true one."""
    (tmp_path / "case.toml").write_text(CASE.replace("100 nm", "60 nm").replace('"10 um"', '"14 um"'))
    truth = tmp_path / "truth.toml"
    truth.write_text(CASE)
    s = simulate(load(truth), with_fields=False).spectrum
    random, z = np.random.default_rng(1), s.impedance_ohm_cm2
    noise = random.standard_normal(len(z)) + 1j * random.standard_normal(len(z))
    noisy = Spectrum(frequency_Hz=s.frequency_Hz, impedance_ohm_cm2=z + 2e-3 * np.abs(z) * noise, temperature_K=298.15)
    noisy.to_csv(tmp_path / "measured.csv")
    return tmp_path


def call(capsys: pytest.CaptureFixture[str], folder: Path, *arguments: str) -> tuple[int, str, str]:
    paths = [str(folder / name) for name in ("case.toml", "measured.csv")]
    status = cli.main(["fit", *paths, "--out", str(folder / "out"), *arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_parameters_with_intervals_are_printed_and_written(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    status, printed, err = call(
        capsys, folder, "--free", RADIUS, "--free", f"{GAP}=10 nm..1 um", "--free", R_CT, "--starts", "2", "--seed", "7"
    )
    assert status == 0, err
    assert {p.name for p in (folder / "out").iterdir()} == set(FILES)
    document = json.loads((folder / "out" / "fit.json").read_text())
    for path, true in ((RADIUS, 10e-6), (GAP, 100e-9), (R_CT, 0.5)):
        found = document["parameters"][path]
        low, high = found["interval"]
        # 95 %: four standard errors are not left by chance.
        assert low < found["value"] < high
        assert abs(found["value"] - true) < 4 * found["standard_error"]
        assert found["is_bounded"] == [True, True]
    assert document["parameters"][R_CT]["unit"] == "ohm cm2"
    assert document["parameters"][GAP]["bounds"] == pytest.approx([1e-8, 1e-6])
    assert document["search"]["seed"] == 7 and len(document["search"]["starts"]) == 2
    matrix = np.array(document["correlation"]["matrix"])
    np.testing.assert_allclose(np.diag(matrix), 1.0)
    np.testing.assert_allclose(matrix, matrix.T)
    assert document["residuals"]["noise_estimate"] == pytest.approx(2e-3, rel=0.4)
    assert document["versions"]["aspot"] and document["measured"]["source"]
    # The best case loads, and gives the spectrum that was written.
    best = load(folder / "out" / "case.toml")
    assert best.working_electrode.morphology.radius == document["parameters"][RADIUS]["value_SI"]
    assert document["case"] == json.loads(json.dumps(best.resolved()))
    computed = Spectrum.from_csv(folder / "out" / "spectrum.csv")
    again = simulate(best.with_(frequencies={"values": computed.frequency_Hz.tolist()}), with_fields=False).spectrum
    np.testing.assert_allclose(computed.impedance_ohm_cm2, again.impedance_ohm_cm2, rtol=1e-9)
    assert "radius" in printed and "gap thickness" in printed and "95 % from" in printed
    assert (folder / "out" / "profiles.png").stat().st_size > 10_000


def test_a_second_fit_replaces_the_first_whole(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    call(capsys, folder, "--free", RADIUS, "--free", GAP, "--starts", "1")
    status, printed, _ = call(capsys, folder, "--free", RADIUS, "--no-profiles", "--starts", "1", "--confidence", "0.9")
    assert status == 0
    assert not (folder / "out" / "profiles.png").exists() and not (folder / "out" / "correlation.png").exists()
    document = json.loads((folder / "out" / "fit.json").read_text())
    assert document["confidence"] == 0.9 and list(document["parameters"]) == [RADIUS]
    assert "90 % from" in printed


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), ["--free"]),
        (("--free", "electrolyte.colour"), ["electrolyte.colour", "instrument.inductance"]),
        (("--free", GAP, "--free", GAP), [GAP, "given twice"]),
        (("--free", f"{GAP}=5 nm"), ["a.b=low..high"]),
        (("--free", f"{GAP}=1 um..5 nm"), [GAP, "below the upper"]),
        (("--free", f"{GAP}=1 mS..5 nm"), [GAP, "not a unit of length"]),
        (("--free", "instrument.inductance=0..5 nH"), ["instrument.inductance", "'nH' is not a unit of", "nH cm^2"]),
        (("--free", GAP, "--confidence", "2"), ["confidence"]),
        (("--free", GAP, "--noise", "-1"), ["noise"]),
        (("--free", GAP, "--set", "electrolyte.thickness=2 kg"), ["electrolyte.thickness"]),
        (("--free", GAP, "--lowest", "1 GHz"), ["1e+09", "5e+06 Hz"]),
    ],
)
def test_what_cannot_be_is_one_line_and_status_2(
    capsys: pytest.CaptureFixture[str], folder: Path, arguments: tuple[str, ...], words: list[str]
) -> None:
    status, printed, err = call(capsys, folder, *arguments)
    assert status == 2 and printed == "", err
    assert err.startswith("aspot: ") and err.count("\n") == 1
    for word in words:
        assert word in err
    assert not (folder / "out").exists()


def test_pictures_show_every_parameter_and_what_has_no_limit(folder: Path) -> None:
    free = [GAP, "working_electrode.gap.permittivity", RADIUS]
    found = fit(load(folder / "case.toml"), Spectrum.from_csv(folder / "measured.csv"), free, starts=1)
    profiles = profile_picture(found, title="t")
    shown = [ax for ax in profiles.axes if ax.get_visible()]
    assert [ax.get_xlabel().split(" / ")[0] for ax in shown] == ["gap thickness", "gap permittivity", "radius"]
    titles = [ax.get_title() for ax in shown]
    assert titles == ["no upper limit", "no lower limit", ""]
    for ax in shown:
        low, high = ax.get_xlim()
        assert 0 < low < high
    picture = correlation_picture(found)
    (image,) = [child for child in picture.axes[0].get_children() if isinstance(child, AxesImage)]
    np.testing.assert_allclose(np.asarray(image.get_array()), found.estimate.correlation)
