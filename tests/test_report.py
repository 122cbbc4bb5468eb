"""The report: one page, nothing from a network, everything that the folder holds, escaped."""

from __future__ import annotations

import html.parser
import itertools
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from samples import result

import aspot
from aspot import output
from aspot.cli import main
from aspot.errors import InputError
from aspot.report import page as page_of
from aspot.report import report_html, write_report
from aspot.report.contents import read_contents

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "run"
    output.write(result(), path)
    return path


class Page(html.parser.HTMLParser):
    """Text, addresses that a browser would load, and identifiers of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.ids: list[str] = []
        self.words = ""
        self._skipped = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("script", "style"):
            self._skipped += 1
        self.loads += [v for k in ("src", "srcset", "data", "poster") if (v := given.get(k))]
        if tag == "link":
            self.loads.append(given.get("href") or "")
        if identity := given.get("id"):
            self.ids.append(identity)

    def handle_endtag(self, tag: str) -> None:
        self._skipped -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self._skipped:
            self.words += data


@pytest.fixture(scope="module")
def page(run_folder: Path) -> Page:
    return Page(report_html(run_folder))


def test_nothing_is_loaded_from_elsewhere(page: Page) -> None:
    assert page.loads
    assert all(address.startswith("data:image/png;base64,") for address in page.loads)


def test_identifiers_are_unique(page: Page) -> None:
    """A chart with the identifier of a section would be drawn over it."""
    assert len(page.ids) == len(set(page.ids))


def test_the_page_says_what_the_summary_says(page: Page, run_folder: Path) -> None:
    summary = json.loads((run_folder / "summary.json").read_text())
    for key in ("R_SE_ohm_cm2", "R_int_ohm_cm2"):
        assert f"{summary[key]:.5g}" in page.words
    for word in (
        "R_total",
        "±",
        "guaranteed",
        "grain boundaries",
        "R_ct, charge transfer",
        summary["digest"],
        "nobody",
    ):
        assert word in page.words
    for anchor in ("resistances", "published", "spectrum", "relaxation", "pictures", "cell", "provenance"):
        assert anchor in page.ids
    for version in summary["versions"].values():
        assert version in page.words


def test_the_cell_is_shown_in_units_of_the_field(page: Page) -> None:
    for shown in ("20 µm", "10 mS/cm", "25.00 °C", "0.5 Ω cm²", "30 nm"):
        assert shown in page.words


def test_names_are_escaped(tmp_path: Path) -> None:
    name = "<script>alert(1)</script> & <b>"
    changed = result().cell.with_(name=name)
    import dataclasses

    output.write(dataclasses.replace(result(), cell=changed), tmp_path / "run")
    text = report_html(tmp_path / "run")
    assert "<script>alert(1)" not in text
    assert name in Page(text).words


def test_the_command_writes_the_page_into_the_folder(run_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {p.name for p in run_folder.iterdir()}
    assert main(["report", str(run_folder)]) == 0
    assert capsys.readouterr().out.strip().endswith("report.html")
    assert {p.name for p in run_folder.iterdir()} == before | {"report.html"}


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda p: (p / "summary.json").write_text("{"), r"summary\.json: is not JSON"),
        (lambda p: (p / "summary.json").write_text("[1]"), "must hold an object"),
        (lambda p: (p / "summary.json").unlink(), "holds no results"),
        (lambda p: (p / "field.png").write_bytes(b"GIF89a"), r"field\.png: is not a PNG"),
        (lambda p: (p / "spectrum.json").write_text("{}"), r"spectrum\.json"),
        (lambda p: shutil.rmtree(p), "does not exist"),
    ],
)
def test_damaged_folders_are_refused_by_name(damage: object, words: str, run_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(run_folder, folder, ignore=shutil.ignore_patterns("report.html"))
    damage(folder)  # type: ignore[operator]
    with pytest.raises(InputError, match=words):
        write_report(folder)
    assert not (folder / "report.html").exists()


@pytest.mark.parametrize("value", [None, "many", [], {}, True])
def test_wrong_kinds_in_the_summary_are_errors_not_tracebacks(value: object, run_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(run_folder, folder)
    summary = json.loads((folder / "summary.json").read_text())
    for key in summary:
        (folder / "summary.json").write_text(json.dumps({**summary, key: value}))
        try:
            contents = read_contents(folder)
        except InputError as error:
            assert "summary.json" in str(error)  # noqa: PT017
        else:
            assert page_of.sections(contents)
            assert page_of.lead_of(contents)


@pytest.mark.skipif(CHROMIUM is None, reason="needs a browser (chromium)")
def test_a_browser_draws_every_chart(run_folder: Path, tmp_path: Path) -> None:
    """The scripts of the page ran: charts are SVG by then. No name of a host is needed."""
    assert CHROMIUM is not None
    address = write_report(run_folder).as_uri()
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
    done = subprocess.run(
        [CHROMIUM, *options, "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={tmp_path}",
         "--virtual-time-budget=8000", "--dump-dom", address],
        capture_output=True, encoding="utf-8", timeout=120, check=True,
    )  # fmt: skip
    for chart in ("resistances", "nyquist", "bode", "relaxation"):
        drawn = re.search(rf'id="chart-{chart}".*?class="main-svg"', done.stdout, re.DOTALL)
        assert drawn is not None, chart
    assert aspot.__version__ in done.stdout


def test_a_fit_shows_its_parameters_and_what_it_cannot_tell(tmp_path: Path) -> None:
    from aspot import fit_output
    from aspot.inference import fit

    path = "working_electrode.gap.thickness"
    found = fit(result().cell, result().spectrum, [path], starts=1, profile=False)
    fit_output.write(found, tmp_path / "fit")
    page = Page(report_html(tmp_path / "fit"))
    document = json.loads((tmp_path / "fit" / "fit.json").read_text())
    assert document["parameters"][path]["value"] == pytest.approx(30e-9, rel=1e-3)
    assert "30 nm" in page.words
    for sentence in document["statement"]:
        assert sentence in page.words
    assert len(page.ids) == len(set(page.ids))


def test_what_has_no_limit_is_said_so(tmp_path: Path) -> None:
    """A parameter that the spectrum does not bound on one side shows that, not the end of the search."""
    from aspot import fit_output
    from aspot.inference import fit

    path = "working_electrode.gap.thickness"
    found = fit(result().cell, result().spectrum, [path], starts=1, profile=False)
    fit_output.write(found, tmp_path / "fit")
    document = json.loads((tmp_path / "fit" / "fit.json").read_text())
    document["parameters"][path]["is_bounded"] = [True, False]
    (tmp_path / "fit" / "fit.json").write_text(json.dumps(document))
    words = Page(report_html(tmp_path / "fit")).words
    assert words.count("no limit") == 1


def test_labels_of_peaks_do_not_hide_each_other() -> None:
    """Two distributions with the same peaks: labels at one place differ by the height of a line at least."""
    from aspot.report.charts import _shifts

    labels = [(5.0, 40.0, "a", "b"), (5.1, 41.0, "a", "b"), (5.2, 39.0, "a", "b"), (7.0, 40.0, "a", "b")]
    heights = [220.0 * y / 41.0 + shift for (_, y, _, _), shift in zip(labels, _shifts(labels, 41.0), strict=True)]
    near = sorted(heights[:3])
    assert min(b - a for a, b in itertools.pairwise(near)) >= 15
    assert _shifts(labels, 41.0)[3] == 11
