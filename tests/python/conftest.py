"""What the Python tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# The same cases in every run, so that a change is what makes a test fail; `HYPOTHESIS_PROFILE=new`
# looks for others.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("new", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

# Tests that count records count their own; test_access.py and the README have the default. Set here
# because fixtures of whole modules open trails, too.
os.environ["SEALTRAIL_ACCESS_AUDIT"] = "off"

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    """The top of the checkout."""
    return ROOT


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own for each test, so that none sees the user's keys and configuration."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("SEALTRAIL_HOME", str(folder / "sealtrail"))
    for name in ("SEALTRAIL_TRAIL", "SEALTRAIL_CONFIG", "SEALTRAIL_PURPOSE"):
        monkeypatch.delenv(name, raising=False)
    return folder
