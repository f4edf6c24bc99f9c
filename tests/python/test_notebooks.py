"""Every notebook runs from top to bottom."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook(notebook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A reader's questions are recorded, as by default.
    monkeypatch.delenv("SEALTRAIL_ACCESS_AUDIT")
    # Whose machine this is, and what it has recorded, must not matter.
    monkeypatch.setenv("HOME", str(tmp_path))
    cells = nbformat.read(notebook, as_version=4)
    NotebookClient(
        cells, timeout=100, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
