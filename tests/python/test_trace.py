"""Chains and related events through the Python package."""

from __future__ import annotations

import html
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import sealtrail

START = datetime(2026, 3, 1, 10, tzinfo=UTC)
HOSTILE = '"><script>alert(1)</script>'


def event(minute: int, event_type: str, audit_id: str, **members: Any) -> dict[str, Any]:
    moment = START + timedelta(minutes=minute)
    return {"event_type": event_type, "timestamp": moment, "audit_id": audit_id, **members}


@pytest.fixture
def trail(tmp_path: Path) -> sealtrail.Trail:
    """A user's agent spawns a reader, whose permission is revoked; and a run."""
    trail = sealtrail.init(tmp_path / "audit")
    reading = {"agent_id": "reader", "session_id": "s", "resource": {"path": "/claims.csv"}}
    decision = {"condition": "score < 0.35", "evaluated_value": 0.21, "result": True}
    for one in [
        event(0, "auth.user_login", "in", user_id="mira", status="success", session_id="s"),
        event(
            1,
            "agent.spawned",
            "spawn",
            agent_id="reader",
            parent_agent_id="boss",
            session_id="s",
            scope=["claims:read"],
            authorized_by="mira",
        ),
        event(2, "data.file_read", "fine", **reading),
        event(
            3,
            "agent.tool_permission_change",
            "revoke",
            agent_id="reader",
            modified_by="root",
            tool_permissions={"granted": [], "revoked": ["claims:read"]},
        ),
        event(4, "data.file_read", "late", **reading),
        event(
            5,
            "workflow.execution",
            "run",
            execution_id="x",
            initiated_by="mira",
            workflow_steps=[{"step_name": "score", "status": "success", "decision": decision}],
        ),
        event(6, "data.export", "odd", user_id=HOSTILE, resource={"path": HOSTILE}),
        event(7, "workflow.started", "same", execution_id="boss"),
    ]:
        trail.record(one)
    return trail


def test_a_chain_goes_up_to_the_login_and_marks_what_had_ended(trail: sealtrail.Trail) -> None:
    trace = trail.trace("late")
    assert [node["name"] for node in trace.nodes] == ["mira", "in", "s", "boss", "reader", "late"]
    assert (trace.kind, trace.events, trace.cut) == ("audit", 1, False)
    assert [(notice["kind"], notice["name"]) for notice in trace.notices] == [("missing", "boss")]
    late = trace.nodes[-1]["event"]
    assert late["after_permission_ended"][0]["audit_id"] == "revoke"
    reader = trail.trace("reader", up=False)
    fine = next(node for node in reader.nodes if node["name"] == "fine")
    assert [p["permission"] for p in fine["event"]["permissions"]] == ["claims:read"]
    assert reader.to_dict()["after_permission_ended"] == 1


def test_every_picture(trail: sealtrail.Trail) -> None:
    trace = trail.trace("mira")
    assert str(trace) == trace.tree()
    assert trace.tree().startswith("user mira")
    assert trace.tree(ascii=True).isascii()
    assert trace.to_mermaid().startswith("flowchart TD\n")
    assert trace.to_dot().startswith("digraph chain {")
    assert trace.to_html().startswith("<!DOCTYPE html>")
    assert repr(trace) == "<sealtrail.Trace user 'mira': 5 events>"
    assert json.loads(json.dumps(trace.to_dict()))["id"] == "mira"


def test_a_notebook_shows_the_page_in_a_frame_without_rights(trail: sealtrail.Trail) -> None:
    shown = trail.trace("odd")._repr_html_()
    assert shown.startswith("<iframe sandbox srcdoc=")
    page = html.unescape(shown.split('srcdoc="')[1].split('"')[0])
    assert page == trail.trace("odd").to_html()
    assert "<script" not in page
    assert html.escape(HOSTILE) in page


def test_bounds(trail: sealtrail.Trail) -> None:
    assert trail.trace("mira", max_nodes=2).cut
    since = trail.trace(
        "mira", since=START + timedelta(minutes=4), until=START + timedelta(hours=1)
    )
    events = [node["name"] for node in since.nodes if "permissions" in node.get("event", {})]
    assert since.events == 2, events
    assert trail.trace("mira", depth=1).cut
    assert [node["name"] for node in trail.trace("reader", down=False).nodes][-1] == "reader"
    for wrong in [{"max_nodes": -1}, {"depth": -1}, {"since": datetime(2026, 3, 1)}]:  # noqa: DTZ001
        with pytest.raises(sealtrail.UsageError):
            trail.trace("mira", **wrong)  # type: ignore[arg-type]


def test_an_id_of_nothing_and_of_several_things(trail: sealtrail.Trail) -> None:
    with pytest.raises(sealtrail.NotFoundError, match="nothing in the trail"):
        trail.trace("nobody")
    with pytest.raises(sealtrail.UsageError, match="execution, agent"):
        trail.trace("boss")
    assert trail.trace("boss", kind="execution").events == 1
    with pytest.raises(sealtrail.UsageError, match="no kind of id"):
        trail.trace("boss", kind="planet")  # type: ignore[arg-type]


def test_a_run_is_a_table(trail: sealtrail.Trail) -> None:
    rows = trail.execution_chain("x").to_dicts()
    assert [(row["depth"], row["kind"], row["audit_id"]) for row in rows] == [
        (1, "event", "run"),
        (2, "step", "run"),
    ]
    assert rows[1]["decision_condition"] == "score < 0.35"
    assert (rows[1]["decision_evaluated_value"], rows[1]["decision_result"]) == ("0.21", "true")
    assert trail.execution_chain("x").to_arrow().num_rows == 2
    with pytest.raises(sealtrail.NotFoundError):
        trail.execution_chain("y")


def test_related_events_say_why(trail: sealtrail.Trail) -> None:
    found = trail.related("late", context=timedelta(minutes=2))
    assert [(one["record"]["audit_id"], one["reasons"]) for one in found] == [
        ("fine", ["agent reader", "resource /claims.csv", "session s"]),
        ("revoke", ["agent reader"]),
        ("late", ["itself", "agent reader", "resource /claims.csv", "session s"]),
    ]
    assert len(trail.related("late")) == 5
    assert len(trail.related("late", limit=1)) == 1
    reads = trail.related("late", event_type="data.*", status_not="failure")
    assert [one["record"]["audit_id"] for one in reads] == ["fine", "late"]
    with pytest.raises(sealtrail.NotFoundError):
        trail.related("nobody")
    with pytest.raises(sealtrail.UsageError):
        trail.related("late", context=timedelta(-1))
