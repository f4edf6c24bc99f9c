"""Retention and holds: what is due goes with a tombstone, what is held stays."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import sealtrail

CONFIG = """audit:
  retention:
    clock: event_time
    by_domain:
      auth: { delete_after_days: 30 }
"""
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def login(user: str) -> dict[str, str]:
    return {
        "event_type": "auth.user_login",
        "timestamp": "2026-03-01T10:00:00Z",
        "user_id": user,
        "audit_id": f"login-{user}",
        "status": "success",
    }


def test_what_is_held_stays_and_the_rest_is_deleted(tmp_path: Path) -> None:
    config = tmp_path / "sealtrail.yaml"
    config.write_text(CONFIG)
    trail = sealtrail.init(tmp_path / "audit", home=tmp_path / "home", config=config)
    trail.record_many([login("ana"), login("ben")])
    assert trail.retention.plan(now=NOW)["steps"] == []
    entry = trail.retention.pin()
    plan = trail.retention.plan(now=NOW)
    assert (plan["policy"], plan["steps"][0]["action"]) == (entry, "delete")
    hold = trail.holds.add({"user_id": "ana"}, reason="case 7", by="counsel")["hold"]
    explained = trail.retention.explain("login-ana")
    assert explained is not None
    assert explained["held_by"] == [hold["id"]]
    assert explained["delete"] == "2026-03-31T10:00:00.000Z"
    assert trail.retention.explain("nobody") is None
    done = trail.retention.apply(approver="officer", grace=timedelta(0), now=NOW)
    assert (done["deletion"]["records"], done["deletion"]["parts"]) == (1, 1)
    kept = trail.get("login-ana")
    assert kept is not None
    assert kept["user_id"] == "ana"
    assert trail.get("login-ben") is None
    assert trail.verify().verdict == "PRUNED"
    trail.holds.release(hold["id"], reason="closed", by="counsel")
    assert trail.holds.list() == []
    done = trail.retention.apply(approver="officer", grace=timedelta(0), now=NOW)
    assert done["deletion"]["segments"] == 1
    status = trail.retention.status(now=NOW)
    assert (status["deleted"], status["due"]["delete_records"]) == (2, 0)
    assert trail.verify().verdict == "PRUNED"


def test_a_hold_that_means_nothing_is_refused(tmp_path: Path) -> None:
    trail = sealtrail.init(tmp_path / "audit", home=tmp_path / "home")
    with pytest.raises(sealtrail.SqlError, match="userid"):
        trail.holds.add({"userid": "ana"}, reason="case", by="counsel")
    with pytest.raises(sealtrail.NotFoundError, match="hold-0"):
        trail.holds.release("hold-0", reason="closed", by="counsel")
