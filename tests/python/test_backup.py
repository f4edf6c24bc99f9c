"""The second copy of a trail, and the trail from it."""

from __future__ import annotations

import base64
import shutil
from functools import partial
from pathlib import Path

import pytest

import sealtrail
from sealtrail_verifier import verify_trail
from sealtrail_verifier.note import VerifierKey

KEY = base64.b64encode(b"\1" * 32).decode()
USERS = "SELECT user_id FROM auth_events ORDER BY user_id"


@pytest.fixture
def trail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> sealtrail.Trail:
    """A trail with two commits, whose copy is configured."""
    monkeypatch.setenv("COPY_KEY", KEY)
    config = tmp_path / "sealtrail.yaml"
    copy = tmp_path / "copy"
    place = f"{{ destination: '{copy}', key: 'env:COPY_KEY' }}"
    config.write_text(f"audit: {{ integrity: {{ audit_log_backup: {place} }} }}")
    trail = sealtrail.init(tmp_path / "audit", config=config, home=tmp_path / "home")
    for user in ("ana", "ben"):
        trail.record({"event_type": "auth.user_login", "user_id": user})
        trail.flush()
    return trail


def test_the_trail_is_restored_and_goes_on(tmp_path: Path, trail: sealtrail.Trail) -> None:
    """What it answers is what it answered; the copy goes on with it."""
    told: list[tuple[int, int, int]] = []
    report = trail.backup(progress=lambda *counts: told.append(counts))
    assert told[-1] == (report["objects"], report["objects"], report["bytes"])
    assert trail.backup()["objects"] == 0
    assert trail.verify_backup().verdict == "VERIFIED"
    before = trail.sql(USERS).to_dicts()
    trail.close()
    size = trail.stats()["entries"]
    shutil.rmtree(tmp_path / "audit")

    copy, home = tmp_path / "copy", tmp_path / "home"
    seen = sealtrail.inspect_backup(copy)
    assert (seen["problems"], seen["records"]) == ([], 2)
    checked = sealtrail.verify_backup(copy, copy_key="env:COPY_KEY", home=home)
    assert checked.verdict == "VERIFIED"
    assert checked.details["size"] == report["size"] <= size
    again = sealtrail.restore_backup(
        copy, tmp_path / "restored", copy_key="env:COPY_KEY", home=home
    )
    assert (again["size"], again["left_out"]) == (report["size"], 0)
    with sealtrail.open(tmp_path / "restored", home=home) as restored:
        assert restored.sql(USERS + " LIMIT 2").to_dicts() == before
        assert restored.verify().verdict == "VERIFIED"
        restored.record({"event_type": "auth.user_login", "user_id": "cem"})
        restored.flush()
        assert restored.backup(copy, copy_key="env:COPY_KEY")["size"] > report["size"]
        restored.flush()
        assert restored.verify().verdict == "VERIFIED"


def test_what_is_wrong_is_told(tmp_path: Path, trail: sealtrail.Trail) -> None:
    """Another key, another place, a changed object."""
    trail.backup()
    other = tmp_path / "other.key"
    other.write_text(base64.b64encode(b"\2" * 32).decode())
    other.chmod(0o600)
    with pytest.raises(sealtrail.KeyFileError, match="master key"):
        trail.backup(copy_key=f"file:{other}")
    with pytest.raises(sealtrail.UsageError, match="not empty"):
        trail.backup(tmp_path / "audit")
    with pytest.raises(sealtrail.NotFoundError):
        sealtrail.verify_backup(tmp_path / "none", copy_key="env:COPY_KEY")
    with pytest.raises(sealtrail.UsageError, match="copy_key"):
        sealtrail.verify_backup(tmp_path / "copy", home=tmp_path / "home")
    entry = tmp_path / "copy/objects/ledger" / f"{1:020}.json"
    entry.write_bytes(entry.read_bytes()[:-1] + b"?")
    report = trail.verify_backup()
    assert report.verdict == "TAMPERED"
    assert any(entry.name in str(finding) for finding in report.findings)
    with pytest.raises(sealtrail.IntegrityError, match=entry.name):
        sealtrail.restore_backup(
            tmp_path / "copy", tmp_path / "new", copy_key="env:COPY_KEY", home=tmp_path / "home"
        )


def test_stats_tell_of_the_log_and_the_disks(trail: sealtrail.Trail) -> None:
    """How full they are."""
    trail.record({"event_type": "auth.user_login", "user_id": "cem"})
    stats = trail.stats()
    assert stats["writer"]["log_records"] >= 1
    assert stats["writer"]["log_limit"] == 1 << 30
    assert [disk["what"] for disk in stats["disks"]] == ["state", "trail"]
    assert all(disk["free_bytes"] > 0 for disk in stats["disks"])


def test_a_damaged_copy_is_mended(tmp_path: Path, trail: sealtrail.Trail) -> None:
    """From the trail; what that has lost, too, is told."""
    trail.backup()
    entry = tmp_path / "copy/objects/ledger" / f"{1:020}.json"
    entry.write_bytes(entry.read_bytes()[:-1] + b"?")
    report = trail.backup(repair=True)
    assert [item["object"] for item in report["mended"]] == [f"objects/ledger/{1:020}.json"]
    assert report["lost"] == []
    assert trail.verify_backup().verdict == "VERIFIED"
    assert trail.backup(repair=True)["mended"] == []


def test_runs_are_recorded(trail: sealtrail.Trail) -> None:
    """The destination, the counts and what came of it."""
    report = trail.backup()
    (record,) = trail.sql("SELECT * FROM events WHERE event_type = 'system.backup'").to_dicts()
    assert record["status"] == "completed"
    assert record["operation_record_count"] == report["records"] == 2
    assert record["resource_path"] == trail.url


def test_a_lost_copy_is_forgotten(tmp_path: Path, trail: sealtrail.Trail) -> None:
    """Nothing waits for it any more."""
    name = trail.backup()["holder"]
    shutil.rmtree(tmp_path / "copy")
    forget = partial(trail.forget_copy, reason="the disk is lost", approver="ops")
    plan = forget(tmp_path / "copy", dry_run=True)
    assert (plan["copy"]["holder"], "entry" in plan, plan["erased"]) == (name, False, [])
    done = forget(name)
    assert [copy["forgotten"] for copy in trail.copies()] == [done["entry"]]
    with pytest.raises(sealtrail.UsageError, match="was forgotten by entry"):
        forget(name)
    with pytest.raises(sealtrail.NotFoundError, match="no such copy"):
        forget("copy-0000000000000000")
    owner = VerifierKey.parse(trail.keys.owner_public)
    trail.close()
    assert sealtrail.verify(tmp_path / "audit", home=tmp_path / "home").verdict == "VERIFIED"
    report = verify_trail(tmp_path / "audit", owner)
    assert (report.verdict, report.findings, report.orphans) == ("VERIFIED", [], [])
    assert report.checked["forgotten copies"] == 1
