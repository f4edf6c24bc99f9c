"""Who looked: the records that questions leave, as Python sees them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

import sealtrail

LOOKS = (
    "SELECT event FROM events WHERE event_type = 'system.audit_access' "
    "ORDER BY recorded_at, audit_id"
)
COUNT = "SELECT count(*) AS n FROM events"
EVENTS = [
    {"event_type": "auth.user_login", "audit_id": f"e{n}", "user_id": "mira"} for n in range(3)
]


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A trail of three events; who asks is recorded as by default."""
    monkeypatch.delenv("SEALTRAIL_ACCESS_AUDIT")
    path = str(tmp_path / "audit")
    sealtrail.init(path).record_many(EVENTS)
    return path


def looks(url: str) -> list[dict[str, Any]]:
    """The records of who looked, read without leaving one."""
    os.environ["SEALTRAIL_ACCESS_AUDIT"] = "off"
    try:
        rows = sealtrail.open(url).sql(LOOKS).to_dicts()
    finally:
        del os.environ["SEALTRAIL_ACCESS_AUDIT"]
    return [json.loads(row["event"]) for row in rows]


def outcomes(url: str) -> list[tuple[str, int]]:
    """Status and rows of each question that ended."""
    return [
        (look["status"], look["rows_returned"]) for look in looks(url) if look["phase"] == "outcome"
    ]


def test_each_question_leaves_its_intent_and_its_outcome(url: str) -> None:
    with sealtrail.open(url, purpose="review") as trail:
        trail.sql("SELECT audit_id FROM events WHERE user_id = ?", ["mira"]).to_dicts()
        trail.get("e1", purpose="incident 4711")
        trail.contains(["e1", "e2", "no"])
        trail.prove("e1")
        trail.files()
        assert trail.verify()
    assert sealtrail.verify(url)
    found = looks(url)
    intents, ends = found[::2], found[1::2]
    assert [look["access_type"] for look in intents] == [
        "sql", "get", "contains", "prove", "files", "verify", "verify",
    ]  # fmt: skip
    assert [look["intent_id"] for look in ends] == [look["audit_id"] for look in intents]
    assert [look["rows_returned"] for look in ends] == [3, 1, 2, 1, 1, 0, 0]
    assert {look["status"] for look in ends} == {"completed"}
    assert {look["interface"] for look in found} == {"python"}
    purposes = [look.get("purpose") for look in intents]
    assert purposes == ["review", "incident 4711", *["review"] * 4, None]
    assert intents[0]["query"] == "SELECT audit_id FROM events WHERE user_id = ?"
    assert intents[0]["filters"] == {"params": ["mira"]}
    assert intents[0]["reader"]["pid"] == os.getpid()
    assert not any("schema_violations" in look for look in found)


def test_nobody_sees_their_own_question(url: str) -> None:
    trail = sealtrail.open(url)
    assert trail.sql(COUNT).to_dicts() == [{"n": 3}]
    assert trail.sql(COUNT).to_dicts() == [{"n": 5}]
    assert trail.sql(COUNT, exclude_access=True).to_dicts() == [{"n": 3}]
    again = trail.sql(COUNT)
    assert again.to_dicts() == again.to_dicts() == [{"n": 9}]


def test_each_reading_of_an_answer_is_recorded(url: str) -> None:
    answer = sealtrail.open(url).sql("SELECT audit_id FROM events")
    assert len(looks(url)) == 1
    repr(answer)
    repr(answer)
    assert outcomes(url) == [("completed", 3)]
    answer.to_arrow()
    assert outcomes(url) == [("completed", 3)] * 2
    assert len(looks(url)) == 4


def test_an_answer_that_is_not_read_to_its_end_says_so(url: str) -> None:
    trail = sealtrail.open(url)
    many = "SELECT value FROM generate_series(1, 100000)"
    first = next(iter(trail.sql(many)))
    assert outcomes(url) == [("partial", len(first))]
    repr(trail.sql(many))
    assert outcomes(url)[1:] == [("partial", 20)]
    trail.sql(many)
    assert outcomes(url)[2:] == [("partial", 0)]
    with pytest.raises(sealtrail.SqlError):
        trail.sql("SELECT 1 / (user_id = 'x')::INT FROM events").to_dicts()
    assert outcomes(url)[3:] == [("failed", 0)]


def test_an_interrupted_answer_says_so(url: str) -> None:
    script = f"""
import _thread, threading, sealtrail
trail = sealtrail.open({url!r})
series = "generate_series(1, 1000000)"
endless = f"SELECT max(a.value * b.value) FROM {{series}} a, {{series}} b"
threading.Timer(0.5, _thread.interrupt_main).start()
try:
    trail.sql(endless).to_dicts()
except KeyboardInterrupt:
    print("interrupted")
"""
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60
    )
    assert run.stdout == "interrupted\n", run.stderr
    assert outcomes(url) == [("partial", 0)]


def test_an_answer_that_is_kept_to_the_end_of_the_process_has_an_outcome(url: str) -> None:
    script = f"import sealtrail; kept = sealtrail.open({url!r}).sql('SELECT 1')"
    subprocess.run([sys.executable, "-c", script], check=True)
    assert outcomes(url) == [("partial", 0)]


def test_questions_commit_nothing_and_leave_the_verdict_as_it_is(url: str) -> None:
    trail = sealtrail.open(url)
    before = trail.stats()
    for _ in range(5):
        trail.get("e1")
    report = trail.verify()
    assert report.verdict == "VERIFIED"
    assert any("10 records of who looked" in note for note in report.details["notes"])
    trail.close()
    after = trail.stats()
    assert after["entries"] == before["entries"]
    assert after["unsealed"] == 12
    with sealtrail.open(url) as other:
        other.record({"event_type": "data.export"})
    assert other.stats()["unsealed"] == 0
    assert other.stats()["writers"] == before["writers"]


def test_a_trail_that_records_notes_its_questions_by_the_way(url: str) -> None:
    with sealtrail.open(url) as trail:
        trail.record({"event_type": "data.export"})
        trail.get("e1")
        trail.record({"event_type": "data.export"})
    assert len(looks(url)) == 2
    assert trail.stats()["unsealed"] == 0


def test_required_gives_no_row_without_a_record(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "reader"
    home.mkdir()
    (home / "access").write_text("not a folder")
    monkeypatch.setenv("SEALTRAIL_ACCESS_AUDIT", "required")
    trail = sealtrail.open(url, home=home)
    for question in (lambda: trail.sql(COUNT), lambda: trail.get("e1"), trail.files):
        with pytest.raises(sealtrail.AccessError, match="required to record who asks") as caught:
            question()
        assert caught.value.kind == "access"
    monkeypatch.setenv("SEALTRAIL_ACCESS_AUDIT", "best_effort")
    trail = sealtrail.open(url, home=home)
    with pytest.warns(UserWarning, match="not recorded that you asked"):
        assert trail.sql(COUNT).to_dicts() == [{"n": 3}]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert trail.get("e1") is not None


def test_a_reader_without_keys_has_an_access_trail_of_their_own(url: str, tmp_path: Path) -> None:
    home = tmp_path / "reader"
    trail = sealtrail.open(url, home=home)
    assert trail.sql(COUNT).to_dicts() == [{"n": 3}]
    assert trail.get("e1") is not None
    assert looks(url) == []
    own = home / "access" / trail.info["trail_id"]
    with sealtrail.open(own, home=home) as access:
        found = access.sql("SELECT attrs ->> 'trail_id' AS trail_id FROM events").to_dicts()
        # An outcome names its intent, which names the trail.
        assert (
            sorted(found, key=str)
            == [{"trail_id": trail.info["trail_id"]}] * 2 + [{"trail_id": None}] * 2
        )
        assert access.verify()
    # The reader has keys of that trail alone.
    owners = {path.parent.name for path in home.rglob("owner.json")}
    assert owners == {access.info["trail_id"]}
    assert trail.info["trail_id"] not in {path.name for path in (home / "state").iterdir()}


def test_a_purpose_is_demanded_where_the_policy_wants_one(
    url: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = home / "sealtrail"
    folder.mkdir(exist_ok=True)
    text = "audit: { trail: { access_audit: { purpose: required } } }"
    (folder / "sealtrail.yaml").write_text(text)
    trail = sealtrail.open(url)
    with pytest.raises(sealtrail.UsageError, match="purpose="):
        trail.sql(COUNT)
    assert trail.sql(COUNT, purpose="review").to_dicts() == [{"n": 3}]
    assert sealtrail.open(url, purpose="review").get("e1") is not None
    monkeypatch.setenv("SEALTRAIL_PURPOSE", "weekly review")
    assert trail.get("e1") is not None


def test_two_processes_that_read_and_write_do_not_meet(url: str) -> None:
    script = f"""
import sealtrail
trail = sealtrail.open({url!r})
for n in range(20):
    trail.get("e1")
"""
    readers = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(3)]
    for n in range(10):
        with sealtrail.open(url) as trail:
            trail.record({"event_type": "data.export", "n": n})
    assert [reader.wait(timeout=60) for reader in readers] == [0, 0, 0]
    assert len(outcomes(url)) == 60
    assert sealtrail.verify(url)


def test_what_retention_tells_of_contents_is_recorded(url: str) -> None:
    with sealtrail.open(url, purpose="quarterly") as trail:
        trail.retention.plan()
        trail.retention.status(purpose="costs")
        assert trail.retention.explain("nobody") is None
        trail.maintain()
    assert outcomes(url) == [("completed", 0)] * 3
    asked = [(look["access_type"], look.get("purpose")) for look in looks(url)[::2]]
    assert asked == [
        ("retention plan", "quarterly"),
        ("retention status", "costs"),
        ("retention explain", "quarterly"),
    ]
