"""Both verifiers on trails that were compacted and of which records were deleted."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import sealtrail
from sealtrail_verifier import Report, verify_trail
from sealtrail_verifier.keys import RootSecret
from sealtrail_verifier.note import VerifierKey

CONFIG = """audit:
  retention:
    clock: event_time
    by_domain:
      auth: { delete_after_days: 30 }
"""
NOW = datetime(2026, 6, 1, tzinfo=UTC)
SWEPT = timedelta(0)
EVENTS = [
    *[("auth.user_login", user) for user in ("ana", "ben", "cleo")],
    ("data.file_read", "ana"),
]


@pytest.fixture
def url(tmp_path: Path) -> Path:
    """A trail with moved, thinned and deleted batches, a hold, and an erasure-free rest."""
    config = tmp_path / "sealtrail.yaml"
    config.write_text(CONFIG)
    trail = sealtrail.init(tmp_path / "audit", config=config)
    for number in range(20):
        trail.record_many(
            {
                "event_type": kind,
                "timestamp": f"2026-03-01T10:00:{number:02}Z",
                "user_id": user,
                "audit_id": f"{kind}-{user}-{number}",
                "status": "success",
            }
            for kind, user in (EVENTS if number < 15 else EVENTS[1:2])
        )
        trail.flush()
    trail.compact(grace=SWEPT)
    trail.retention.pin()
    trail.holds.add({"user_id": "ana"}, reason="case 7", by="counsel")
    trail.retention.apply(approver="officer", grace=SWEPT, now=NOW)
    for number in range(3):
        trail.record({"event_type": "data.file_read", "audit_id": f"later-{number}"})
        trail.flush()
    trail.compact(grace=SWEPT)
    trail.close()
    return tmp_path / "audit"


def second(url: Path, home: Path) -> Report:
    keys = next((home / "sealtrail" / "keys").glob("*"))
    owner = VerifierKey.parse((keys / "owner.vkey").read_text().strip())
    return verify_trail(url, owner, RootSecret.parse((keys / "owner.json").read_bytes()))


def test_they_agree_on_what_is_left(url: Path, home: Path) -> None:
    first, report = sealtrail.verify(url), second(url, home)
    assert report.findings == [], report.as_text()
    assert first.verdict == report.verdict == "PRUNED"
    assert report.deleted == 2 * 15 + 5
    kinds = {json.loads(p.read_bytes())["body"]["kind"] for p in (url / "ledger").glob("*.json")}
    assert {"compact", "sweep", "policy", "hold", "delete"} <= kinds
    assert list(url.glob("segments/**/*.gone"))
    assert report.orphans == []


def test_they_agree_on_each_lost_or_damaged_file(url: Path, home: Path) -> None:
    for path in sorted(url.glob("segments/**/*.*")):
        data = path.read_bytes()
        path.unlink()
        assert sealtrail.verify(url).verdict == second(url, home).verdict == "MISSING", path
        path.write_bytes(data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])
        assert sealtrail.verify(url).verdict == second(url, home).verdict == "TAMPERED", path
        path.write_bytes(data)
