"""Sequences, as Python asks for them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

import sealtrail

if TYPE_CHECKING:
    from pathlib import Path

BRUTE_FORCE = "auth.user_login[status=fail]{3,} auth.user_login[status=success]"
START = datetime(2026, 3, 1, 10, tzinfo=UTC)


@pytest.fixture
def attacked(tmp_path: Path) -> sealtrail.Trail:
    """Four failures and a success of one address, a minute apart, and a success of another."""
    trail = sealtrail.init(str(tmp_path / "audit"))
    statuses = ["fail", "fail", "fail", "fail", "success"]
    events = [
        {
            "event_type": "auth.user_login",
            "timestamp": (START + timedelta(minutes=minute)).isoformat(),
            "status": status,
            "source_ip": "203.0.113.9",
            "user_id": "mira",
        }
        for minute, status in enumerate(statuses)
    ]
    other = {**events[-1], "source_ip": "203.0.113.1", "user_id": "noor"}
    trail.record_many([*events, other])
    return trail


def test_a_match_has_its_records(attacked: sealtrail.Trail) -> None:
    found = attacked.sequence(BRUTE_FORCE, within=300)
    assert found.by == ["source_ip"]
    (match,) = found
    assert match.by == {"source_ip": "203.0.113.9"}
    assert (match.number, match.steps) == (1, [1, 1, 1, 1, 2])
    assert (match.start, match.end) == (START, START + timedelta(minutes=4))
    assert [event["status"] for event in match.events] == ["fail"] * 4 + ["success"]
    assert found.count() == 1
    assert len(list(found)) == 1


def test_rows_are_a_result(attacked: sealtrail.Trail) -> None:
    rows = attacked.sequence(BRUTE_FORCE, within=300).rows(["status", "user_id"])
    assert rows.to_dicts()[4] == {
        "match": 1,
        "step": 2,
        "by_source_ip": "203.0.113.9",
        "status": "success",
        "user_id": "mira",
    }
    everything = attacked.sequence(BRUTE_FORCE, within=300).rows().to_arrow()
    assert everything.num_rows == 5
    assert {"match", "timestamp", "actor", "attrs"} <= set(everything.column_names)


def test_what_takes_part(attacked: sealtrail.Trail) -> None:
    def steps(**more: object) -> list[list[int]]:
        found = attacked.sequence(BRUTE_FORCE, within=timedelta(minutes=5), **more)  # type: ignore[arg-type]
        return [match.steps for match in found]

    assert steps(user_id="noor") == []
    assert steps(since=START + timedelta(minutes=1)) == [[1, 1, 1, 2]]
    assert steps(until="2026-03-01T10:04:00Z") == []
    assert steps(where="source_ip <> '203.0.113.9'") == []
    assert steps(by=["source_ip", "user_id"], source_ip=["203.0.113.0/24"]) == [[1, 1, 1, 1, 2]]
    single = attacked.sequence("auth.user_login", within=0, by="user_id", limit=2)
    assert [match.by for match in single] == [{"user_id": "mira"}] * 2


def test_mistakes(attacked: sealtrail.Trail) -> None:
    with pytest.raises(sealtrail.SqlError, match="2 is less than 3") as caught:
        attacked.sequence("auth.user_login{3,2}", within=1)
    assert (caught.value.kind, caught.value.column) == ("sequence", 19)
    with pytest.raises(sealtrail.UsageError, match="within"):
        attacked.sequence("auth.user_login", within=-1)
    with pytest.raises(sealtrail.UsageError, match="offset"):
        attacked.sequence("auth.user_login", within=1, since=datetime(2026, 3, 1))  # noqa: DTZ001
    with pytest.raises(TypeError):
        attacked.sequence("auth.user_login")  # type: ignore[call-arg]
