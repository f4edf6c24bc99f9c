"""Compaction from Python and the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

import sealtrail

NOW = timedelta(0)


@pytest.fixture
def trail(tmp_path: Path) -> sealtrail.Trail:
    """A trail of six commits."""
    trail = sealtrail.init(tmp_path / "audit")
    for n in range(6):
        trail.record({"event_type": "data.file_read", "audit_id": f"e{n}", "user_id": "mira"})
        trail.flush()
    return trail


def ids(trail: sealtrail.Trail) -> list[str]:
    """Of all records, in order."""
    rows = trail.sql("SELECT audit_id FROM events ORDER BY audit_id").to_dicts()
    return [row["audit_id"] for row in rows]


def test_small_segments_become_one_and_nothing_else_changes(trail: sealtrail.Trail) -> None:
    """Rows, proofs and the verdict stay."""
    before, key = ids(trail), trail.verify().verdict
    plan = trail.compact(dry_run=True)
    assert [group["segments"] for group in plan["groups"]] == [6]
    assert trail.stats()["segments"] == 6
    told: list[tuple[int, int, int]] = []
    report = trail.compact(grace=NOW, progress=lambda *numbers: told.append(numbers))
    assert (report["replaced"], report["segments"], report["rows"]) == (6, 1, 6)
    assert report["swept"] == 6
    assert told[-1] == (12, 12, 1)
    assert trail.stats()["segments"] == 1
    assert ids(trail) == before
    assert trail.verify().verdict == key == "VERIFIED"
    assert trail.prove("e3") is not None
    assert trail.compact()["segments"] == 0
    assert trail.compact(dry_run=True) == {"groups": [], "untouched": 1}


def test_a_question_of_the_past_is_answered_from_merged_segments(trail: sealtrail.Trail) -> None:
    """The files of that time are gone."""
    then = trail.stats()["entries"]
    trail.record({"event_type": "data.file_read", "audit_id": "later"})
    trail.flush()
    trail.compact(grace=NOW)
    count = "SELECT count(*) AS n FROM events"
    assert trail.sql(count, at=str(then)).to_dicts() == [{"n": 6}]
    assert trail.sql(count).to_dicts() == [{"n": 7}]


def test_maintenance_does_all_that_is_due(trail: sealtrail.Trail) -> None:
    """What a log holds is committed, too."""
    trail.record({"event_type": "data.file_read", "audit_id": "logged"})
    trail.close(commit=False)
    report = trail.maintain()
    assert report["committed"] == 1
    assert report["compact"]["segments"] == 1
    trail.close()


def test_a_wrong_target_is_refused(trail: sealtrail.Trail) -> None:
    """Before anything is done."""
    with pytest.raises(sealtrail.UsageError, match="target"):
        trail.compact(target_mb=0)
    with pytest.raises(sealtrail.UsageError, match="seconds"):
        trail.compact(grace=timedelta(seconds=-1))


def run(*args: str) -> str:
    """What a command prints."""
    command = [sys.executable, "-m", "sealtrail", *args]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_the_command_line_compacts(trail: sealtrail.Trail) -> None:
    """With a plan before, and a report after."""
    trail.close()
    at = ["--trail", trail.url]
    assert "6 " in run("compact", "--dry-run", *at, "-o", "table")
    report = json.loads(run("compact", *at, "--grace", "0s"))
    assert (report["replaced"], report["segments"], report["swept"]) == (6, 1, 6)
    assert "nothing to merge" in run("maintain", *at, "-o", "table")
