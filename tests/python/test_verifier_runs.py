"""The independent verifier and the runs of writers (FORMAT section 7)."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trail_maker as tm
from verifier_helpers import Json, kinds, verify


@pytest.fixture
def fresh(tmp_path: Path) -> tm.Maker:
    """A trail with entry 0 and three records of its writer."""
    maker = tm.Maker(tmp_path / "trail")
    maker.append(maker.writers[0], [tm.event(i) for i in range(3)], batches=1)
    return maker


def says(**members: Any) -> Callable[[Json], None]:
    return lambda body: body.update(members)


def recovered(*logs: tuple[int, str]) -> list[Json]:
    return [{"records": records, "writer": writer} for records, writer in logs]


def more(maker: tm.Maker, **members: Any) -> None:
    """Appends two records by an entry with these members."""
    stages: tm.Stages = {"body": says(**members)}
    maker.append(maker.writers[0], [tm.event(4), tm.event(5)], batches=1, stages=stages)


def test_a_run_that_is_not_closed_is_told_and_no_finding(fresh: tm.Maker) -> None:
    report = verify(fresh)
    assert report.verdict == "VERIFIED"
    assert report.open_runs == [fresh.writers[0].name]
    assert f"not closed: the last run of {fresh.writers[0].name}" in report.as_text()


def test_runs_are_counted_and_a_new_one_begins_with_a_record(fresh: tm.Maker) -> None:
    writer = fresh.writers[0]
    fresh.entry(writer, "close", {"closed": True})
    assert verify(fresh).open_runs == []
    fresh.entry(writer, "close", {"close": fresh.closing(writer)})
    fresh.ratchet(writer)
    assert verify(fresh).open_runs == []
    more(fresh, recovered=recovered((1, writer.name)))
    assert verify(fresh).open_runs == [writer.name]
    more(fresh, closed=True)
    report = verify(fresh)
    assert report.findings == []
    assert report.open_runs == []
    assert report.checked["runs that ended in order"] == 2
    assert report.checked["runs that did not end in order"] == 1
    assert report.checked["records recovered from logs"] == 1


def test_the_log_of_a_revoked_writer(fresh: tm.Maker) -> None:
    other = fresh.add_writer()
    fresh.authorize(other)
    revokes = [{"reason": "", "writer": other.name}]
    fresh.entry(fresh.owner, "authorize", {"authorizes": [], "revokes": revokes})
    more(fresh, recovered=recovered((0, fresh.writers[0].name), (2, other.name)), closed=True)
    assert verify(fresh).findings == []
    assert verify(fresh).open_runs == []


def test_a_revoked_writer_has_no_open_run(fresh: tm.Maker) -> None:
    revokes = [{"reason": "", "writer": fresh.writers[0].name}]
    fresh.entry(fresh.owner, "authorize", {"authorizes": [], "revokes": revokes})
    assert verify(fresh).open_runs == []


UNKNOWN = "w-0123456789abcdef"


@pytest.mark.parametrize(
    ("kind", "members"),
    [
        ("form", {"closed": False}),
        ("form", {"closed": 1}),
        ("form", {"recovered": []}),
        ("form", {"recovered": {"records": 1}}),
        ("form", {"recovered": [{"records": -1, "writer": "SELF"}]}),
        ("form", {"recovered": [{"records": 1, "writer": "SELF", "more": 1}]}),
        ("form", {"recovered": [{"records": 1, "writer": "owner"}]}),
        ("run", {"recovered": [{"records": 3, "writer": "SELF"}]}),
        ("run", {"recovered": [{"records": 1, "writer": "SELF"}] * 2}),
        ("run", {"recovered": [{"records": 1, "writer": "OTHER"}]}),
        ("run", {"recovered": [{"records": 1, "writer": UNKNOWN}]}),
    ],
)
def test_each_rule_of_runs_in_append_entries(
    fresh: tm.Maker, kind: str, members: dict[str, Any]
) -> None:
    other = fresh.add_writer()
    fresh.authorize(other)
    text = json.dumps(members)
    text = text.replace("SELF", fresh.writers[0].name).replace("OTHER", other.name)
    more(fresh, **json.loads(text))
    report = verify(fresh)
    assert kinds(report) == {kind}, report.as_text()


@pytest.mark.parametrize("first", [True, False])
def test_a_run_is_closed_once_and_only_if_it_began(fresh: tm.Maker, *, first: bool) -> None:
    if first:
        fresh.entry(fresh.writers[0], "close", {"closed": True})
        fresh.entry(fresh.writers[0], "close", {"closed": True})
    else:
        other = fresh.add_writer()
        fresh.authorize(other)
        fresh.entry(other, "close", {"closed": True})
    report = verify(fresh)
    assert kinds(report) == {"run"}
    assert len(report.findings) == 1


def test_a_close_entry_closes_something_and_recovers_no_record(fresh: tm.Maker) -> None:
    writer = fresh.writers[0]
    fresh.entry(writer, "close", {})
    assert kinds(verify(fresh)) == {"run"}
    fresh.entry(writer, "close", {"closed": True, "recovered": recovered((1, writer.name))})
    assert len(verify(fresh).findings) == 2
    fresh.entry(writer, "close", {"closed": True, "recovered": recovered((0, writer.name))})
    assert len(verify(fresh).findings) == 2


def test_the_owner_has_no_runs(fresh: tm.Maker) -> None:
    fresh.authorize(fresh.add_writer(), says(closed=True))
    fresh.authorize(fresh.add_writer(), says(recovered=recovered((0, fresh.writers[0].name))))
    assert kinds(verify(fresh)) == {"form"}
    assert len(verify(fresh).findings) == 2
