"""Execute the notebooks from their texts and keep them, pictures included, as `.ipynb` beside them.

python notebooks/execute.py [NAME ...]      # `make notebooks` does it for all
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

FOLDER = Path(__file__).resolve().parent


def texts() -> list[Path]:
    """All notebooks as they are written, in their order."""
    return sorted(FOLDER.glob("[0-9]*.py"))


def unexecuted(text: Path) -> NotebookNode:
    """A text as a notebook; the same text gives the same file."""
    notebook = jupytext.read(text)
    notebook.metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    for k, cell in enumerate(notebook.cells):
        cell["id"] = f"{text.stem}-{k}"  # else random, and never the same twice
    return notebook


def executed(text: Path) -> NotebookNode:
    """A text as a notebook with its outputs, run in its own folder.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        If a cell fails.
    """
    notebook = unexecuted(text)
    NotebookClient(notebook, timeout=600, record_timing=False, resources={"metadata": {"path": str(FOLDER)}}).execute()
    notebook.metadata.pop("language_info", None)
    return notebook


def main() -> None:
    """Execute those named, or all."""
    wanted = {Path(name).stem for name in sys.argv[1:]}
    for text in texts():
        if wanted and text.stem not in wanted:
            continue
        start = time.monotonic()
        nbformat.write(executed(text), text.with_suffix(".ipynb"))
        print(f"{text.stem:32}{time.monotonic() - start:6.1f} s", flush=True)


if __name__ == "__main__":
    main()
