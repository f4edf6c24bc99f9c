"""Search through the Python package."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

import sealtrail

START = datetime(2026, 3, 1, 10, tzinfo=UTC)

EVENTS: list[dict[str, Any]] = [
    {"event_type": "auth.user_login", "user_id": "ana", "status": "success"},
    {"event_type": "auth.user_login", "user_id": "ben", "status": "fail"},
    {"event_type": "auth.permission_granted", "grantee": "ana", "initiated_by": "ben"},
    {
        "event_type": "data.export",
        "agent_id": "exporter",
        "user_context": {"initiated_by": "ana"},
        "resource": {"path": "/data/claims.csv", "size_bytes": 5_000_000},
        "team": {"size": 3, "lead": None, "open": True},
    },
    {
        "event_type": "data.file_read",
        "agent_id": "reader",
        "source_ip": "203.0.113.7",
        "resource": {"path": "/data/it's.txt", "size_bytes": 10},
        "reason": "quarterly review",
        "result": {"status": "denied"},
    },
]


@pytest.fixture(scope="module")
def trail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sealtrail.Trail]:
    """Three committed records and two that are not, an hour apart."""
    folder = tmp_path_factory.mktemp("search")
    with sealtrail.init(folder / "audit", home=folder / "home") as opened:
        for n, event in enumerate(EVENTS):
            opened.record(event | {"timestamp": START + timedelta(hours=n), "audit_id": f"id{n}"})
            if n == 2:
                opened.flush()
        yield opened


def found(result: sealtrail.SearchResult | sealtrail.SearchQuery) -> list[int]:
    return [int(record["audit_id"][2:]) for record in result.records()]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [0, 1, 2, 3, 4]),
        ({"user_id": "ana"}, [0, 2, 3]),
        ({"user_id": ["an*", "!ana"]}, []),
        ({"user_id_not": "ana"}, [1, 4]),
        ({"event_type": "data.*"}, [3, 4]),
        ({"event_type": ["auth.user_login", "data.export"], "user_id": "ana"}, [0, 3]),
        ({"status_not_in": ["success", "denied"]}, [1, 2, 3]),
        ({"status_not": "failure"}, [0, 2, 3, 4]),
        ({"status": "failure"}, [1]),
        ({"source_ip": "203.0.113.0/24"}, [4]),
        ({"resource": "/data/it's.txt"}, [4]),
        ({"resource.path": "/data/*"}, [3, 4]),
        ({"resource.size_bytes": 10}, [4]),
        ({"resource.size_bytes": [10, 5_000_000]}, [3, 4]),
        ({"resource.size_bytes_not": 10}, [0, 1, 2, 3]),
        ({"team.open": True}, [3]),
        ({"team.lead": None, "event_type": "data.export"}, [3]),
        ({"where": "resource.size_bytes > 1e6"}, [3]),
        ({"where": ["team.size >= 3", "team.open"]}, [3]),
        ({"text": "QUARTER review"}, [4]),
        ({"who": "203.0.113.7"}, [4]),
        ({"since": START + timedelta(hours=3)}, [3, 4]),
        ({"until": "2026-03-01T11:00:00Z"}, [0]),
        ({"since": date(2026, 3, 2)}, []),
        ({"since": timedelta(days=36_000), "until": START + timedelta(hours=1)}, [0]),
        ({"order": "resource.size_bytes desc", "limit": 2}, [3, 4]),
        ({"reverse": True, "limit": 2}, [4, 3]),
        ({"limit": 0}, []),
    ],
)
def test_keywords(trail: sealtrail.Trail, options: dict[str, Any], expected: list[int]) -> None:
    if "since" in options and isinstance(options["since"], timedelta):
        options["since"] = datetime.now(UTC) - datetime(2026, 1, 1, tzinfo=UTC)
    options["exclude_access"] = True
    assert found(trail.search(**options)) == expected
    if "order" in options:
        options["order_by"] = options.pop("order")
    assert found(trail.query(**options)) == expected


def test_a_query_composes(trail: sealtrail.Trail) -> None:
    everything = trail.query(exclude_access=True)
    data = everything.where(event_type="data.*")
    large = data.where("resource.size_bytes > 1e6", agent_id_not="reader")
    assert found(everything) == [0, 1, 2, 3, 4]
    assert found(data) == [3, 4]
    assert found(large) == [3]
    assert found(everything.order_by("timestamp desc").limit(1)) == [4]
    assert found(everything.reverse().limit(1)) == [4]
    assert found(everything.text("review").since(START).until("2026-03-02")) == [4]
    assert found(everything.severity_min("error")) == []
    assert (data.count(), large.count()) == (2, 1)
    assert [record["audit_id"] for record in large] == ["id3"]
    with pytest.raises(sealtrail.UsageError, match="twice"):
        data.where(event_type="auth.*")


def test_results_are_flat_and_nested(trail: sealtrail.Trail) -> None:
    result = trail.search(event_type="data.export")
    assert next(result.records())["resource"] == {
        "path": "/data/claims.csv",
        "size_bytes": 5_000_000,
    }
    row = result.to_dicts()[0]
    assert row["timestamp"] == START + timedelta(hours=3)
    assert (row["actor"], row["resource_size_bytes"]) == ("exporter", 5_000_000)
    picked = trail.search(fields=["actor", "resource.path", "team.size"], limit=4)
    assert picked.to_dicts()[3] == {
        "actor": "exporter",
        "resource.path": "/data/claims.csv",
        "team.size": "3",
    }
    assert list(picked.records())[3] == {
        "actor": "exporter",
        "resource": {"path": "/data/claims.csv"},
        "team": {"size": 3},
    }
    query = trail.query(domain="data")
    assert pa.table(query).num_rows == 2
    assert pl.DataFrame(query).height == query.to_pandas().shape[0] == 2
    assert "id3" in repr(query)


def test_pages(trail: sealtrail.Trail) -> None:
    pages, cursor = [], None
    while page := found(result := trail.search(limit=2, cursor=cursor, exclude_access=True)):
        pages.append(page)
        cursor = result.cursor
    assert pages == [[0, 1], [2, 3], [4]]
    assert trail.search(user_id="nobody").cursor is None
    with pytest.raises(sealtrail.UsageError, match="another order"):
        trail.search(cursor=cursor, reverse=True)


def test_reports(trail: sealtrail.Trail) -> None:
    stats = trail.query(user_id="ana").stats()
    assert (stats["events"], stats["first"]) == (3, "2026-03-01T10:00:00.000Z")
    assert {group["value"] for group in stats["by_actor"]} == {"ana", "ben", "exporter"}
    cost = trail.query(event_type="data.*").explain()
    assert (cost["results"], cost["segments"], cost["segments_read"]) == (2, 1, 0)
    fields = {field["path"]: field for field in trail.fields(event_type="data.*")}
    assert fields["resource.path"]["fill"] == 1.0
    assert fields["team.size"]["top"] == [{"value": "3", "events": 1}]
    page = trail.who("ana")
    assert page is not None
    assert (page["events"], page["known_as"][0]) == (3, {"value": "user_id", "events": 3})
    assert page["agents"]["top"] == [{"value": "exporter", "events": 1}]
    assert trail.who("nobody") is None
    assert trail.who("ana", since="2026-03-01T13:00:00Z") is not None


def test_mistakes_are_told(trail: sealtrail.Trail) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"usr_id": "ana"}, "did you mean user_id"),
        ({"user_id": ""}, "is empty"),
        ({"user_id": []}, "no value"),
        ({"user_id": ["ana", 5]}, "all text or none"),
        ({"severity_min": "loud"}, "debug, info"),
        ({"since": "soon"}, "is no time"),
        ({"since": START.replace(tzinfo=None)}, "no UTC offset"),
        ({"since": "2026-03-02", "until": "2026-03-01"}, "nothing lies between"),
        ({"source_ip": "1.2.3/4"}, "is no network"),
        ({"cursor": "00"}, "no cursor"),
        ({"limit": -1}, "number of results"),
        ({"fields": ["a..b"]}, "is no path"),
    ]
    for options, message in wrong:
        with pytest.raises(sealtrail.UsageError, match=message):
            trail.search(**options)
    with pytest.raises(sealtrail.SqlError) as error:
        trail.search(where="a = 1 b")
    assert (error.value.line, error.value.column) == (1, 7)
    with pytest.raises(sealtrail.SqlError, match="no SELECT"):
        trail.search(where="a IN (SELECT 1)")


def test_logical_fields_are_listed() -> None:
    fields = {field.name: field for field in sealtrail.search_fields()}
    assert fields["session_id"].places == "session_id, user_context.session_id"
    assert "grantee (auth)" in fields["user_id"].places
