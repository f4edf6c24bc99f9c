"""The examples of the README, run as a reader would run them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SESSION = "11111111-2222-4333-8444-555555555555"


def blocks(root: Path, language: str) -> list[str]:
    """The fenced blocks of a language."""
    text = (root / "README.md").read_text(encoding="utf-8")
    return [body for found, body in BLOCK.findall(text) if found == language]


@pytest.fixture
def environment(home: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A user whose PATH has the installed command and who has one transcript."""
    # A reader's questions are recorded, as by default.
    monkeypatch.delenv("SEALTRAIL_ACCESS_AUDIT")
    transcripts = home / ".claude" / "projects" / "shop"
    transcripts.mkdir(parents=True)
    shared = {"sessionId": SESSION, "cwd": "/home/ana/shop", "version": "2.1.33"}
    prompt = {
        "type": "user",
        "uuid": "u-1",
        "timestamp": "2026-03-01T10:00:00.000Z",
        "message": {"role": "user", "content": "go"},
    }
    answer = {
        "type": "assistant",
        "uuid": "u-2",
        "timestamp": "2026-03-01T10:00:01.000Z",
        "message": {
            "id": "msg-1",
            "role": "assistant",
            "model": "model-x",
            "stop_reason": "end_turn",
            "content": [{"type": "text", "text": "done"}],
            "usage": {"input_tokens": 3, "output_tokens": 9},
        },
    }
    lines = [json.dumps({**shared, **line}) for line in (prompt, answer)]
    (transcripts / f"{SESSION}.jsonl").write_text("\n".join([*lines, ""]), encoding="utf-8")
    scripts = str(Path(sys.executable).parent)
    return os.environ | {"HOME": str(home), "PATH": scripts + os.pathsep + os.environ["PATH"]}


def test_python_examples_run(root: Path, environment: dict[str, str], tmp_path: Path) -> None:
    """Each block runs by itself in an empty folder."""
    found = blocks(root, "python")
    assert found
    for index, block in enumerate(found):
        folder = tmp_path / str(index)
        folder.mkdir()
        run = subprocess.run(
            [sys.executable, "-c", block],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        if "verify()" in block:
            assert run.stdout.endswith("VERIFIED\n"), run.stdout


def test_commands_run(root: Path, environment: dict[str, str], tmp_path: Path) -> None:
    """The lines of each block of commands run one after the other and print what is shown."""
    found = [block for block in blocks(root, "console") if block.startswith("$ sealtrail")]
    assert found
    assert shutil.which("sealtrail", path=environment["PATH"])
    for index, block in enumerate(found):
        folder = tmp_path / str(index)
        folder.mkdir()
        for step in block.removeprefix("$ ").split("\n$ "):
            command, _, shown = step.partition("\n")
            run = subprocess.run(
                ["bash", "-o", "pipefail", "-c", command],
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert run.returncode == 0, f"{command}: {run.stderr}"
            if shown.strip():
                assert run.stdout.strip() == shown.strip(), command
