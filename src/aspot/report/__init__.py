"""One self-contained page from a folder of results: opens in any browser, needs no network."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from aspot.folder import write_folder

#: Name of the page in the folder.
FILE = "report.html"


def report_html(folder: str | Path) -> str:
    """The page of a folder that `aspot run`, `compare` or `fit` has written, as HTML text.

    Raises
    ------
    InputError
        If the folder holds no results, or a file in it is damaged.
    """
    from jinja2 import Environment, PackageLoader
    from markupsafe import Markup

    from aspot.report import charts, page
    from aspot.report.contents import read_contents

    contents = read_contents(folder)
    environment = Environment(
        loader=PackageLoader("aspot.report", "."), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["chart"] = Markup
    return environment.get_template("page.html.j2").render(
        title=page.title_of(contents),
        lead=page.lead_of(contents),
        sections=page.sections(contents),
        script=Markup(charts.script()),
        footer=f"aspot {version('aspot')}",
    )


def write_report(folder: str | Path) -> Path:
    """Write `report.html` into a folder of results and return its path; errors as `report_html` and `write_folder`."""
    text = report_html(folder)
    (path,) = write_folder(folder, {FILE: lambda p: p.write_text(text, encoding="utf-8")})
    return path
