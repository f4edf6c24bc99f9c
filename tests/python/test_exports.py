"""Exports and evidence packages, made and checked in Python."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import sealtrail
from sealtrail import Trail

EVENTS = [
    {
        "event_type": ("data.file_read", "auth.user_login")[n % 2],
        "audit_id": f"e-{n:03}",
        "timestamp": f"2026-03-{n % 28 + 1:02}T10:00:00Z",
        "user_id": ("ana", "ben", "cléo")[n % 3],
        "n": n,
    }
    for n in range(60)
]


@pytest.fixture
def trail(tmp_path: Path, home: Path) -> Trail:
    """A trail of sixty events."""
    made = sealtrail.init(tmp_path / "audit", home=home)
    for event in EVENTS:
        made.record(event)
    return made


def test_lines_are_the_records(trail: Trail, tmp_path: Path) -> None:
    done = trail.export(tmp_path / "a.jsonl", user_id="cléo", where="n > 10", purpose="case 17")
    assert done is not None
    lines = done.path.read_text(encoding="utf-8").splitlines()
    expected = [e["audit_id"] for e in EVENTS if e["user_id"] == "cléo" and int(str(e["n"])) > 10]
    assert sorted(json.loads(line)["audit_id"] for line in lines) == expected
    for line in lines:
        assert trail.get(json.loads(line)["audit_id"]) == json.loads(line)
    assert done.records == len(lines)
    assert done.manifest["filters"]["where"] == ["n > 10"]
    assert done.manifest["asked_by"]["door"] == "python"
    key = trail.keys.owner_public
    report = sealtrail.verify_integrity(done.path, key)
    assert report.holds
    assert report.proven == len(lines)


def test_what_was_done_to_an_export_is_named(trail: Trail, tmp_path: Path) -> None:
    key = trail.keys.owner_public
    done = trail.export(tmp_path / "a.jsonl")
    assert done is not None
    good = done.path.read_text(encoding="utf-8").splitlines(keepends=True)
    done.path.write_text("".join([*good[:6], *good[7:]]), encoding="utf-8")
    found = sealtrail.verify_integrity(done.path, key)
    assert not found.holds
    assert "what was line 7 is missing, or changed" in [f.what for f in found.findings]
    done.path.write_text("".join([*good[:6], good[6].replace("e-0", "e-1"), *good[7:]]))
    found = sealtrail.verify_integrity(done.path, key)
    assert [f.line for f in found.findings] == [None, 7]
    with pytest.raises(sealtrail.KeyFileError):
        sealtrail.verify_integrity(done.path, "no+vkey+x")
    with pytest.raises(sealtrail.StoreError):
        sealtrail.verify_integrity(done.path, "no file")
    with pytest.raises(sealtrail.NotFoundError):
        sealtrail.verify_integrity(tmp_path / "nowhere", key)


def test_a_series_goes_on(trail: Trail, tmp_path: Path) -> None:
    folder = tmp_path / "series"
    first = trail.export(folder, since_last=True)
    assert first is not None
    assert first.records == len(EVENTS)
    trail.record({"event_type": "system.backup", "resource": {"path": "/x"}})
    second = trail.export(folder, since_last=True, exclude_access=True)
    # Another question is another series.
    assert second is not None
    assert second.records == len(EVENTS) + 1
    third = trail.export(folder / "other", "csv", since_last=True, event_type="system.backup")
    assert third is not None
    assert third.path.read_text(encoding="utf-8").count("\n") == 2


def test_a_series_of_events_is_folders_that_fit_into_one_lake(trail: Trail, tmp_path: Path) -> None:
    first = trail.export(tmp_path, "ocsf", since_last=True, exclude_access=True)
    trail.record({"event_type": "system.backup", "resource": {"path": "/x"}})
    second = trail.export(tmp_path, "ocsf", since_last=True, exclude_access=True)
    assert first is not None
    assert second is not None
    assert (first.records, second.records) == (len(EVENTS), 1)
    paths = [[file["path"] for file in done.manifest["files"]] for done in (first, second)]
    assert paths[0]
    assert not set(paths[0]) & set(paths[1])
    for done in (first, second):
        assert sealtrail.verify_integrity(done.path, trail.keys.owner_public).holds


def test_progress_is_told(trail: Trail, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    done = trail.export(tmp_path / "a.csv", "csv", progress=lambda *rows: told.append(rows))
    assert done is not None
    assert told[-1] == (told[-1][1], told[-1][1]) >= (done.records, done.records)
    with pytest.raises(ZeroDivisionError):
        trail.evidence(tmp_path / "b", progress=lambda *_: 1 // 0)


def test_mistakes_are_told(trail: Trail, tmp_path: Path) -> None:
    for mistake in ({"limit": 3}, {"fields": ["user_id"]}, {"order": "n"}):
        with pytest.raises(sealtrail.UsageError, match="whole records"):
            trail.export(tmp_path / "a.jsonl", **mistake)
    with pytest.raises(sealtrail.UsageError, match="no format"):
        trail.export(tmp_path / "a.xml", "xml")  # type: ignore[arg-type]
    trail.export(tmp_path / "a.jsonl")
    with pytest.raises(sealtrail.AlreadyExistsError):
        trail.export(tmp_path / "a.jsonl")
    assert trail.export(tmp_path / "a.jsonl", replace=True) is not None


@pytest.mark.parametrize("name", ["case.zip", "case"])
@pytest.mark.parametrize("plain", [False, True])
def test_a_package_checks_itself(trail: Trail, tmp_path: Path, name: str, *, plain: bool) -> None:
    key = tmp_path / "owner.vkey"
    key.write_text(trail.keys.owner_public)
    package = trail.evidence(tmp_path / name, ["e-003", "e-004", "e-050"], purpose="case 17")
    assert package.records == 3
    head = trail.custody_add(package.path, "ana", "court", purpose="hearing")
    report = sealtrail.verify_integrity(package.path, key, custody_head=head)
    assert report.holds, report.findings
    assert [line["to"] for line in report.custody][1:] == ["court"]
    if name.endswith(".zip"):
        with zipfile.ZipFile(package.path) as archive:
            assert archive.testzip() is None
            archive.extractall(tmp_path / "unpacked")
        unpacked = tmp_path / "unpacked"
    else:
        unpacked = package.path

    def ran(target: Path) -> tuple[int, str]:
        # Without site packages there is no `cryptography`.
        words = [sys.executable, *(["-I", "-S"] if plain else ["-I"]), str(unpacked / "verify.py")]
        done = subprocess.run([*words, target, key], capture_output=True, check=False, text=True)
        return done.returncode, done.stdout + done.stderr

    assert ran(package.path)[0] == 0
    assert ran(unpacked) == ran(unpacked)
    records = unpacked / "records.jsonl"
    records.write_text(records.read_text(encoding="utf-8").replace("e-003", "e-007"))
    code, text = ran(unpacked)
    assert code == 4
    assert "records.jsonl, line " in text
