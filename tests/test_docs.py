"""The documentation: built without a warning, every block of code of its pages and of the README executed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted((ROOT / "docs").glob("*.md"))


@pytest.mark.slow
def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    """Pages run their code; the notebooks are executed in tests of their own."""
    environment = {**os.environ, "ASPOT_DOCS_NOTEBOOKS": "off", "ASPOT_DOCS_EXECUTE": "force"}
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-d", str(tmp_path / "trees"), "-b", "html",
         str(ROOT / "docs"), str(tmp_path / "site")],
        capture_output=True, encoding="utf-8", check=False, env=environment, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    for page in PAGES:
        assert (tmp_path / "site" / f"{page.stem}.html").is_file()


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_no_block_of_python_is_left_out(page: Path) -> None:
    """Blocks that run are code cells; a plain block of Python would never be tried."""
    assert not re.search(r"^```(python|py|ipython3?)\b", page.read_text(), flags=re.MULTILINE)


@pytest.mark.slow
def test_the_blocks_of_the_readme_run(tmp_path: Path) -> None:
    """One after the other, as a reader would type them, in a folder that has the cases."""
    (tmp_path / "cases").symlink_to(ROOT / "cases")
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), flags=re.MULTILINE | re.DOTALL)
    assert blocks
    program = tmp_path / "readme.py"
    program.write_text(
        "if __name__ == '__main__':\n" + re.sub(r"^(?=.)", "    ", "\n".join(blocks), flags=re.MULTILINE)
    )
    done = subprocess.run(
        [sys.executable, str(program)], capture_output=True, encoding="utf-8", check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr[-3000:]
