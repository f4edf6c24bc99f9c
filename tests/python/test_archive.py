"""Segments that moved to an archive: asked, verified by both verifiers, shrunk, restored."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import sealtrail
from sealtrail import IntegrityError
from sealtrail_verifier import verify_trail
from sealtrail_verifier.keys import RootSecret
from sealtrail_verifier.note import VerifierKey

NOW = datetime(2026, 6, 1, tzinfo=UTC)
LATER = datetime(2027, 6, 1, tzinfo=UTC)
AT_ONCE = timedelta(0)
FORMATS = ["parquet", "compressed-jsonl"]
USERS = ("ana", "ben", "cleo")


def config(tmp_path: Path, format_: str) -> Path:
    path = tmp_path / "sealtrail.yaml"
    archive = {"destination": str(tmp_path / "cold"), "format": format_}
    auth = {"hot_storage_days": 30, "archive_storage_days": 300, "delete_after_days": 330}
    rules = {"auth": auth, "data": {"hot_storage_days": 36000}}
    retention = {"clock": "event_time", "by_domain": rules, "archival": archive}
    path.write_text(json.dumps({"audit": {"retention": retention}}))
    return path


def archived(tmp_path: Path, format_: str) -> sealtrail.Trail:
    """A trail of two commits; its logins are in an archive."""
    trail = sealtrail.init(tmp_path / "audit", config=config(tmp_path, format_))
    for number in range(2):
        trail.record_many(
            {
                "event_type": kind,
                "timestamp": f"2026-03-0{number + 1}T10:00:00Z",
                "user_id": user,
                "audit_id": f"{kind}-{user}-{number}",
                "odd": {"score": [1.5, "x", True][index]},
            }
            for kind in ("auth.user_login", "data.file_read")
            for index, user in enumerate(USERS)
        )
    trail.retention.pin()
    done = trail.retention.apply(approver="officer", grace=AT_ONCE, now=NOW)
    assert (done["moved"]["moved"], done["moved"]["rows"]) == (2, 6)
    return trail


def plain(tmp_path: Path, home: Path, *, archives: dict[str, str | Path]) -> tuple[str, list[str]]:
    """What the plain verifier says, with every secret."""
    keys = next((home / "sealtrail" / "keys").glob("*"))
    owner = VerifierKey.parse((keys / "owner.vkey").read_text().strip())
    secret = RootSecret.parse((keys / "owner.json").read_bytes())
    report = verify_trail(tmp_path / "audit", owner, secret, archives)
    return report.verdict, [str(finding) for finding in report.findings]


@pytest.mark.parametrize("format_", FORMATS)
def test_an_archive_is_asked_and_verified_by_both(tmp_path: Path, home: Path, format_: str) -> None:
    trail = archived(tmp_path, format_)
    count = "SELECT count(*) AS n FROM events WHERE domain IN ('auth', 'data')"
    assert trail.sql(count, exclude_access=True).to_dicts() == [{"n": 12}]
    hot = trail.sql(count, exclude_access=True, include_archive=False)
    assert hot.to_dicts() == [{"n": 6}]
    assert len(trail.search(user_id="ana", exclude_access=True).to_dicts()) == 4
    hot_search = trail.search(user_id="ana", exclude_access=True, include_archive=False)
    assert len(hot_search.to_dicts()) == 2
    score = "SELECT attrs -> 'odd' ->> 'score' AS s FROM auth_events WHERE user_id = 'ana'"
    assert {row["s"] for row in trail.sql(score).to_dicts()} == {"1.5"}
    files = trail.files(verify=True).to_dicts()
    expected = "jsonl" if format_ == "compressed-jsonl" else "parquet"
    cold = [file for file in files if file["archive"] == "archive"]
    assert [file["format"] for file in cold] == [expected]
    assert Path(cold[0]["location"]).is_file()
    assert trail.prove("auth.user_login-ana-0") is not None
    assert trail.verify().verdict in ("VERIFIED", "VERIFIED_TO")
    trail.close()
    folder = tmp_path / "cold"
    assert plain(tmp_path, home, archives={"archive": folder}) == ("VERIFIED", [])

    (thing,) = [path for path in folder.rglob("*") if path.is_file()]
    data = bytearray(thing.read_bytes())
    data[len(data) // 2] ^= 1
    thing.write_bytes(data)
    assert plain(tmp_path, home, archives={"archive": folder})[0] == "TAMPERED"
    assert sealtrail.verify(tmp_path / "audit").verdict == "TAMPERED"
    thing.unlink()
    assert plain(tmp_path, home, archives={"archive": folder})[0] == "MISSING"
    assert sealtrail.verify(tmp_path / "audit", archives={"archive": folder}).verdict == "MISSING"


@pytest.mark.parametrize("format_", FORMATS)
def test_deletion_reaches_into_the_archive(tmp_path: Path, home: Path, format_: str) -> None:
    trail = archived(tmp_path, format_)
    trail.holds.add({"user_id": "ana"}, reason="case 7", by="counsel")
    done = trail.retention.apply(approver="officer", grace=AT_ONCE, now=LATER)
    assert (done["deletion"]["records"], done["deletion"]["parts"]) == (4, 1)
    assert trail.get("auth.user_login-ben-0") is None
    assert trail.get("auth.user_login-ana-0") is not None
    place = trail.retention.explain("auth.user_login-ana-0")
    assert place is not None
    assert place["place"]["archive"] == "archive"
    status = trail.retention.status(now=LATER)
    assert (status["archive"]["records"], status["deleted"]) == (2, 4)
    assert trail.verify().verdict == "PRUNED"
    trail.close()
    folder = tmp_path / "cold"
    assert len([path for path in folder.rglob("*") if path.is_file()]) == 2  # with its sidecar
    assert plain(tmp_path, home, archives={"archive": folder}) == ("PRUNED", [])


@pytest.mark.parametrize("format_", FORMATS)
def test_records_come_back(tmp_path: Path, format_: str) -> None:
    trail = archived(tmp_path, format_)
    lines = tmp_path / "back.jsonl"
    told: list[tuple[int, int]] = []
    done = trail.restore_from_archive(
        lines,
        start_date="2026-03-01",
        end_date="2026-03-01",
        progress=lambda *counts: told.append(counts),
    )
    assert (done["records"], done["from_archive"], done["from_hot"]) == (6, 3, 3)
    assert told[-1] == (9, 9)
    records = [json.loads(line) for line in lines.read_text().splitlines()]
    assert all(trail.get(record["audit_id"]) == record for record in records)
    other = trail.restore_from_archive(tmp_path / "other", end_date="2026-12-31")
    assert other["recorded"] == 12
    again = trail.restore_from_archive(tmp_path / "other", end_date="2026-12-31")
    assert (again["recorded"], again["repeated"]) == (0, 12)
    (thing,) = [path for path in (tmp_path / "cold").rglob("*") if path.is_file()]
    data = bytearray(thing.read_bytes())
    data[len(data) // 3] ^= 1
    thing.write_bytes(data)
    with pytest.raises(IntegrityError):
        trail.restore_from_archive(tmp_path / "bad.parquet")
    assert not (tmp_path / "bad.parquet").exists()


def test_maintenance_applies_the_policy_and_keeps_the_copy(tmp_path: Path) -> None:
    path = config(tmp_path, "parquet")
    text = json.loads(path.read_text())
    (tmp_path / "copy.key").write_bytes(bytes(range(32)))
    (tmp_path / "copy.key").chmod(0o600)
    copy = {"destination": str(tmp_path / "copy"), "key": f"file:{tmp_path / 'copy.key'}"}
    text["audit"]["integrity"] = {"audit_log_backup": copy}
    path.write_text(json.dumps(text))
    trail = sealtrail.init(tmp_path / "audit", config=path)
    old = {"event_type": "auth.user_login", "timestamp": "2020-03-01T10:00:00Z", "user_id": "ana"}
    trail.record_many([old, {"event_type": "system.backup"}])
    assert "retention" not in trail.maintain(grace=AT_ONCE)
    trail.retention.pin()
    assert "retention" not in trail.maintain(grace=AT_ONCE, retention=False)
    report = trail.maintain(grace=AT_ONCE)
    assert report["retention"]["deletion"]["records"] == 1
    assert report["backup"]["size"] > 0
    assert trail.verify_backup().verdict == "PRUNED"
    assert "retention" in trail.maintain(grace=AT_ONCE)


def test_moves_and_deletions_say_how_far_they_are(tmp_path: Path) -> None:
    trail = archived(tmp_path, "parquet")
    trail.record_many(
        {"event_type": "auth.user_login", "timestamp": "2026-03-05T10:00:00Z", "user_id": user}
        for user in USERS
    )
    told: list[tuple[int, int, int]] = []
    trail.retention.apply(
        approver="officer", grace=AT_ONCE, now=NOW, progress=lambda *at: told.append(at)
    )
    assert told[-1] == (6, 6, 1)
    told.clear()
    done = trail.retention.apply(
        approver="officer", grace=AT_ONCE, now=LATER, progress=lambda *at: told.append(at)
    )
    assert done["deletion"]["records"] == 9
    # Nothing is left to be moved.
    assert told[-1][0] == told[-1][1] == 9
    assert told[-1][2] == done["deletion"]["segments"]
    report = trail.maintain(progress=lambda *at: told.append(at))
    assert report["retention"]["deletion"]["records"] == 0
    assert trail.verify().verdict == "PRUNED"


def test_whoever_opens_a_trail_says_where_archives_are(tmp_path: Path) -> None:
    archived(tmp_path, "parquet").close()
    (tmp_path / "cold").rename(tmp_path / "elsewhere")
    count = "SELECT count(user_id) AS n FROM events WHERE domain = 'auth'"
    with sealtrail.open(tmp_path / "audit") as trail, pytest.raises(sealtrail.NotFoundError):
        trail.sql(count).to_dicts()
    archives = {"archive": tmp_path / "elsewhere"}
    with sealtrail.open(tmp_path / "audit", archives=archives) as trail:
        assert trail.sql(count).to_dicts() == [{"n": 6}]
        assert trail.verify().verdict == "VERIFIED"
        restored = trail.restore_from_archive(tmp_path / "all.jsonl")
        assert restored["from_archive"] == 6
        job = trail.submit(count)
        assert job.result().to_dicts() == [{"n": 6}]
    with sealtrail.open({"a": tmp_path / "audit"}, archives=archives) as trails:
        assert trails.sql(count).to_dicts() == [{"n": 6}]
    for bad in ({"No Name": "x"}, {"archive": ""}):
        with pytest.raises(sealtrail.UsageError):
            sealtrail.open(tmp_path / "audit", archives=bad)


def test_what_a_crash_left_is_told_and_removed(tmp_path: Path, home: Path) -> None:
    trail = archived(tmp_path, "parquet")
    there = next((tmp_path / "cold").rglob("*.parquet"))
    left = there.with_name("00000000-0000-4000-8000-000000000000.parquet")
    foreign = there.with_name("00000000-0000-4000-8000-000000000001.parquet")
    left.write_bytes(there.read_bytes())
    foreign.write_bytes(b"of somebody else")
    verdict, orphans = plain_orphans(tmp_path, home)
    assert verdict == "VERIFIED"
    names = [path.relative_to(tmp_path / "cold").as_posix() for path in (left, foreign)]
    assert orphans == [f"archive:{name}" for name in names]
    notes = trail.verify().details["notes"]
    assert sum("no entry names it" in note for note in notes) == 2
    assert trail.retention.status(now=NOW)["orphans"]["segments"] == 2
    waiting = trail.maintain(retention=False)["orphans"]
    assert (waiting["removed"], waiting["waiting"]) == (0, 2)
    done = trail.retention.apply(approver="officer", grace=AT_ONCE, now=NOW)["orphans"]
    assert (done["removed"], done["foreign"]) == (1, 1)
    assert not left.exists()
    assert foreign.exists()
    assert there.exists()
    assert trail.verify().verdict == "VERIFIED"
    assert plain_orphans(tmp_path, home) == ("VERIFIED", [f"archive:{names[1]}"])


def plain_orphans(tmp_path: Path, home: Path) -> tuple[str, list[str]]:
    """What the plain verifier says that is no part of the trail."""
    keys = next((home / "sealtrail" / "keys").glob("*"))
    owner = VerifierKey.parse((keys / "owner.vkey").read_text().strip())
    secret = RootSecret.parse((keys / "owner.json").read_bytes())
    report = verify_trail(tmp_path / "audit", owner, secret, {"archive": tmp_path / "cold"})
    return report.verdict, report.orphans
