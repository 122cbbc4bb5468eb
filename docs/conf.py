"""Sphinx: pages in Markdown whose code runs while they are built, notebooks, and the API from its docstrings."""

import os
import sys
from importlib.metadata import version as installed
from pathlib import Path

import nbformat
from docutils import nodes
from latex2mathml.converter import convert

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "notebooks"))
from execute import texts, unexecuted

project = "aspot"
author = "The aspot developers"
copyright = author  # noqa: A001  Sphinx asks for this name
release = version = installed("aspot")

extensions = ["myst_nb", "numpydoc", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.viewcode"]
html_theme = "furo"
html_title = "aspot"
html_static_path = ["_static"]
html_css_files = ["formulas.css"]
html_math_renderer = "mathml"  # what browsers show by themselves: the site needs no network
exclude_patterns = ["conf.py", "generated/*.py", "**.ipynb_checkpoints"]

myst_enable_extensions = ["deflist", "dollarmath"]
myst_heading_anchors = 3

# Every block of code runs; an error stops the build. ASPOT_DOCS_EXECUTE=off shows pages as they are, for drafts.
nb_execution_mode = os.environ.get("ASPOT_DOCS_EXECUTE", "cache")
nb_execution_excludepatterns = ["_notebooks/*"] if os.environ.get("ASPOT_DOCS_NOTEBOOKS") == "off" else []
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_execution_show_tb = True
nb_merge_streams = True
nb_render_markdown_format = "myst"  # tables made by code

autosummary_generate = True
autodoc_typehints = "none"  # the docstrings say them in words
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False


def _notebooks() -> None:
    """The notebooks of the repository, beside the pages; rewritten only when they change, so that caches hold."""
    target = Path(__file__).resolve().parent / "_notebooks"
    target.mkdir(exist_ok=True)
    sources = {path.stem: path for path in texts()}
    for old in target.iterdir():
        if old.stem not in sources:
            old.unlink()
    for name, path in sources.items():
        text = nbformat.writes(unexecuted(path))
        made = target / f"{name}.ipynb"
        if not made.is_file() or made.read_text(encoding="utf-8") != text:
            made.write_text(text, encoding="utf-8")


def _escaped(app: object, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """|Z| is a modulus, not a substitution of reStructuredText."""
    lines[:] = [line if line.lstrip().startswith((">>>", "...")) else line.replace("|", "\\|") for line in lines]


def _inline_formula(translator: object, node: nodes.math) -> None:
    translator.body.append(convert(node.astext()))  # type: ignore[attr-defined]
    raise nodes.SkipNode


def _formula(translator: object, node: nodes.math_block) -> None:
    start = translator.starttag(node, "div", CLASS="math notranslate")  # type: ignore[attr-defined]
    translator.body.append(start + convert(node.astext(), display="block") + "</div>\n")  # type: ignore[attr-defined]
    raise nodes.SkipNode


def setup(app: object) -> None:
    """Called by Sphinx."""
    app.add_html_math_renderer("mathml", (_inline_formula, None), (_formula, None))  # type: ignore[attr-defined]
    app.connect("autodoc-process-docstring", _escaped)  # type: ignore[attr-defined]


_notebooks()
