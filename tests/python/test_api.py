"""Recording, reading and closing through the Python package."""

from __future__ import annotations

import copy
import gzip
import io
import json
import os
import pickle
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import IntEnum, StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import rfc8785
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

import sealtrail
from sealtrail import demo, events

CATALOGUE = Path(__file__).resolve().parents[2] / "rust/core/src/catalogue/examples.jsonl"
LOGIN = {"event_type": "auth.user_login", "user_id": "mira", "status": "success"}
STAMPS = {"audit_id", "recorded_at", "schema_version", "timestamp"}


@pytest.fixture
def trail(tmp_path: Path) -> Iterator[sealtrail.Trail]:
    with sealtrail.init(tmp_path / "audit") as opened:
        yield opened


def stored(trail: sealtrail.Trail, event: Any) -> dict[str, Any]:
    record = trail.get(trail.record(event))
    assert record is not None
    return record


def value(trail: sealtrail.Trail, given: Any) -> Any:
    return stored(trail, {"event_type": "data.filter", "x": given})["x"]


def refused(trail: sealtrail.Trail, event: Any) -> sealtrail.InvalidEventError:
    with pytest.raises(sealtrail.InvalidEventError) as caught:
        trail.record(event)
    assert isinstance(caught.value, ValueError)
    assert caught.value.kind == "invalid_event"
    return caught.value


def test_what_is_recorded_is_read_before_and_after_the_commit(trail: sealtrail.Trail) -> None:
    audit_id = trail.record(LOGIN)
    before = trail.get(audit_id)
    assert before is not None
    assert before.keys() - STAMPS == LOGIN.keys()
    assert trail.stats()["unsealed"] == 1
    trail.flush()
    assert trail.get(audit_id) == before
    assert trail.stats()["unsealed"] == 0
    assert trail.contains([audit_id, "other"]) == {audit_id}
    assert trail.get("other") is None


def test_text_bytes_and_mappings_are_the_same_event(trail: sealtrail.Trail) -> None:
    text = json.dumps(LOGIN)
    forms: list[Any] = [LOGIN, text, text.encode(), OrderedDict(LOGIN), MappingProxyType(LOGIN)]
    records = [stored(trail, form) for form in forms]
    assert all({k: r[k] for k in LOGIN} == LOGIN for r in records)


def test_the_examples_come_back(trail: sealtrail.Trail) -> None:
    lines = CATALOGUE.read_text().splitlines()
    assert len(lines) == 7
    for line in lines:
        event = json.loads(line)
        record = stored(trail, event)
        kept = {k: v for k, v in record.items() if k in event and k != "timestamp"}
        assert kept == {k: v for k, v in event.items() if k != "timestamp"}
        given = datetime.fromisoformat(event["timestamp"])
        assert datetime.fromisoformat(record["timestamp"]) == given


def test_typed_events_are_strict_and_raw_ones_are_not(trail: sealtrail.Trail) -> None:
    event = events.data.file_read(resource_path="/a")
    assert "schema_violations" not in stored(trail, event)
    del event["resource"]
    assert refused(trail, event).path == "resource.path"
    assert stored(trail, dict(event))["schema_violations"][0]["path"] == "resource.path"
    assert "schema_violations" in (trail.get(trail.record(event, strict=False)) or {})
    with pytest.raises(sealtrail.InvalidEventError):
        trail.record(dict(event), strict=True)


class Colour(StrEnum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, None),
        (True, True),
        (-0.0, 0),
        (0.1, 0.1),
        (1.5e-300, 1.5e-300),
        (1e300, "1e+300"),
        (562949953421312.25, 562949953421312.25),
        (5e-324, 5e-324),
        (2**53 - 1, 2**53 - 1),
        (2**53 + 1, "9007199254740993"),
        (-(10**40), "-1" + "0" * 40),
        (Decimal("0.10"), 0.1),
        (Decimal("0.1000000000000000055511151231257827"), "0.1000000000000000055511151231257827"),
        (Decimal("1E+3"), 1000),
        ((1, [2, {"a": (3,)}]), [1, [2, {"a": [3]}]]),
        (Colour.RED, "red"),
        (Level.HIGH, 3),
        (np.float32(0.5), 0.5),
        (np.int64(7), 7),
        (np.array([True])[0], True),
        ("ü\x00\u2028\U0001f600", "ü\x00\u2028\U0001f600"),
        (datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=2))), "2026-03-01T10:00:00.000Z"),
        (datetime(2026, 3, 1, 0, 0, 0, 1, tzinfo=UTC), "2026-03-01T00:00:00.000001Z"),
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00.000Z"),
    ],
    ids=repr,
)
def test_values(trail: sealtrail.Trail, given: Any, expected: Any) -> None:
    assert value(trail, given) == expected


def test_exact_numbers_are_listed(trail: sealtrail.Trail) -> None:
    record = stored(trail, {"event_type": "data.filter", "a": {"b": [1, 2**70]}})
    assert record["a"]["b"] == [1, str(2**70)]
    assert record["_exact_numbers"] == ["/a/b/1"]


@pytest.mark.parametrize(
    ("given", "reason", "word"),
    [
        (float("nan"), "not_finite", "NaN"),
        (float("-inf"), "not_finite", "inf"),
        (Decimal("NaN"), "not_finite", "NaN"),
        (b"x", "not_json", "bytes"),
        (bytearray(b"x"), "not_json", "bytes"),
        ({1}, "not_json", "set"),
        ({1: 2}, "not_json", "not a string"),
        (object(), "not_json", "object"),
        (date(2026, 3, 1), "not_json", "date"),
        (np.array([1, 2]), "not_json", "ndarray"),
        (np.datetime64("2026-03-01", "ns"), "not_json", "datetime64"),
        ("\ud800", "lone_surrogate", "surrogate"),
        (10**5000, "not_json", "digits"),
        (datetime(2026, 3, 1), "naive_time", "UTC"),  # noqa: DTZ001 - the point of the test
    ],
    ids=lambda v: type(v).__name__,
)
def test_refused_values_name_their_path(
    trail: sealtrail.Trail, given: Any, reason: str, word: str
) -> None:
    error = refused(trail, {"event_type": "data.filter", "a": [0, {"b.c": given}]})
    assert error.path == "a.1.b.c"
    assert error.reason == reason
    assert word in str(error)
    assert trail.stats()["events"] == 0


def test_what_contains_itself_is_refused(trail: sealtrail.Trail) -> None:
    event: dict[str, Any] = {"event_type": "data.filter"}
    event["self"] = event
    assert refused(trail, event).reason == "too_deep"


@pytest.mark.parametrize("event", [[], 1, None, object(), "[]", b"{", "", "{}"])
def test_what_is_no_event_is_refused(trail: sealtrail.Trail, event: Any) -> None:
    refused(trail, event)


def test_python_code_that_stops_is_not_taken_for_a_bad_value(trail: sealtrail.Trail) -> None:
    class Stops(Mapping[str, Any]):
        def __getitem__(self, name: str) -> Any:
            raise KeyboardInterrupt

        def __iter__(self) -> Iterator[str]:
            return iter(["x"])

        def __len__(self) -> int:
            return 1

    with pytest.raises(KeyboardInterrupt):
        trail.record({"event_type": "data.filter", "x": Stops()})


def test_repeating_adds_nothing_and_changing_conflicts(trail: sealtrail.Trail) -> None:
    event = LOGIN | {"audit_id": "login-1"}
    assert trail.record(event) == trail.record(event) == "login-1"
    with pytest.raises(sealtrail.ConflictError, match="login-1") as caught:
        trail.record(event | {"user_id": "other"})
    assert caught.value.audit_id == "login-1"
    assert trail.stats()["events"] == 1


def test_32_threads(trail: sealtrail.Trail) -> None:
    ids: list[str] = []

    def work(thread: int) -> None:
        ids.extend(trail.record(LOGIN | {"thread": thread, "n": n}) for n in range(20))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(ids)) == 640
    assert trail.contains(ids) == set(ids)
    trail.flush()
    rows = trail.sql("SELECT count(DISTINCT attrs ->> 'thread') AS t, count(*) AS n FROM events")
    assert rows.to_dicts() == [{"t": 32, "n": 640}]
    assert trail.verify()


def test_closing(tmp_path: Path) -> None:
    with sealtrail.init(tmp_path / "audit") as trail:
        trail.record(LOGIN)
    assert trail.stats()["unsealed"] == 0
    trail.record(LOGIN)
    trail.close(commit=False)
    assert trail.stats()["unsealed"] == 1
    with sealtrail.open(tmp_path / "audit") as again:
        again.record(LOGIN)
    assert again.stats()["unsealed"] == 0
    assert again.stats()["events"] == 3
    assert again.stats()["writers"] == 1


def test_init_and_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = str(tmp_path / "audit")
    with pytest.raises(sealtrail.NotFoundError) as missing:
        sealtrail.open(url)
    assert isinstance(missing.value, FileNotFoundError)
    trail = sealtrail.init(url, partition_by="day", origin="example.com/audit")
    assert trail.info["partitioning"] == "day"
    assert trail.info["origin"] == "example.com/audit"
    with pytest.raises(sealtrail.AlreadyExistsError):
        sealtrail.init(url)
    monkeypatch.setenv("SEALTRAIL_TRAIL", url)
    assert sealtrail.open().info == trail.info
    with pytest.raises(sealtrail.UsageError, match="week"):
        sealtrail.init(tmp_path / "b", partition_by="week")  # type: ignore[arg-type]


def test_home_and_configuration(tmp_path: Path) -> None:
    home, config = tmp_path / "h", tmp_path / "c.yaml"
    config.write_text(
        f"audit:\n  trail:\n    url: {tmp_path}/there\n    partitioning: day\n"
        "  identity:\n    agent_id: agent_7\n  alerts: []\n"
    )
    with pytest.warns(UserWarning, match="alerts"):
        trail = sealtrail.init(home=home, config=config)
    assert trail.url == f"{tmp_path}/there"
    assert trail.info["partitioning"] == "day"
    assert stored(trail, LOGIN)["agent_id"] == "agent_7"
    assert (home / "keys" / trail.info["trail_id"] / "owner.json").exists()
    config.write_text("audit:\n  trail:\n    uri: x\n")
    with pytest.raises(sealtrail.ConfigError, match="url") as caught:
        sealtrail.open(config=config)
    assert (caught.value.line, caught.value.path) == (3, str(config))


def test_a_trail_is_neither_pickled_nor_copied(trail: sealtrail.Trail) -> None:
    for refuse in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match=r"sealtrail\.open"):
            refuse(trail)


def test_exceptions_survive_pickling(trail: sealtrail.Trail) -> None:
    error = refused(trail, {"event_type": "data.filter", "x": b""})
    error.add_note("noted")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert (str(again), again.path, again.reason) == (str(error), "x", "not_json")
    for name in sealtrail.__all__:
        cls = getattr(sealtrail, name)
        if isinstance(cls, type) and issubclass(cls, sealtrail.SealtrailError):
            error = pickle.loads(pickle.dumps(cls("text", kind="k", path="p", line=1)))
            assert (str(error), error.kind, error.path, error.line) == ("text", "k", "p", 1)


def test_secrets_are_not_shown(trail: sealtrail.Trail, home: Path) -> None:
    (key,) = (home / "sealtrail/keys").glob("*/owner.json")
    secrets = [v for v in json.loads(key.read_text()).values() if isinstance(v, str)]
    shown = repr(trail) + repr(trail.info) + repr(trail.stats())
    assert not [s for s in secrets if s in shown and s != trail.info["trail_id"]]


# Many events at once.

LINES = b'{"event_type":"data.filter","n":1}\n\n{"no JSON"}\n{"event_type":"data.filter","n":2}\n'


def numbers(trail: sealtrail.Trail) -> list[Any]:
    rows = trail.sql("SELECT attrs ->> 'n' AS n FROM events ORDER BY 1").to_dicts()
    return [row["n"] for row in rows]


def files(tmp_path: Path) -> Iterator[Path]:
    contents = [LINES, gzip.compress(LINES), zstandard.compress(LINES)]
    for index, content in enumerate(contents):
        path = tmp_path / f"lines-{index}"
        path.write_bytes(content)
        yield path


def test_json_lines_of_every_kind(trail: sealtrail.Trail, tmp_path: Path) -> None:
    paths = list(files(tmp_path))
    sources: list[Any] = [LINES, LINES.decode(), bytearray(LINES), *paths]
    sources += [path.open("rb") for path in paths]
    sources += [paths[0].open(), io.BytesIO(LINES), gzip.GzipFile(paths[1])]
    for source in sources:
        report = trail.record_many(source)
        assert (report.lines, report.recorded, report.refused) == (3, 2, 1), source
        assert [(p.line, p.reason) for p in report.problems] == [(3, "invalid_json")]
        if hasattr(source, "close"):
            source.close()
    assert trail.stats()["unsealed"] == 0
    assert len(numbers(trail)) == 2 * len(sources)


def test_mappings_keep_the_good_and_name_the_bad(trail: sealtrail.Trail) -> None:
    source = (
        {"event_type": "data.filter", "n": n, "x": b"" if n == 3 else None}
        if n != 4
        else {"event_type": "other.domain"}
        for n in range(1, 7)
    )
    report = trail.record_many(source)
    assert (report.lines, report.recorded, report.refused) == (6, 4, 2)
    named = [(p.line, p.path, p.reason) for p in report.problems]
    assert named[0] == (3, "x", "not_json")
    assert named[1][:2] == (4, "event_type")
    assert numbers(trail) == ["1", "2", "5", "6"]


def test_what_a_source_raises_comes_through(trail: sealtrail.Trail) -> None:
    def breaks() -> Iterator[dict[str, Any]]:
        yield {"event_type": "data.filter", "n": 1}
        message = "the cursor broke"
        raise LookupError(message)

    class BadFile:
        def read(self, size: int) -> bytes:
            raise ZeroDivisionError(size)

    with pytest.raises(LookupError, match="the cursor broke"):
        trail.record_many(breaks())
    with pytest.raises(ZeroDivisionError):
        trail.record_many(BadFile())  # type: ignore[arg-type]
    with pytest.raises(sealtrail.StoreError, match="missing"):
        trail.record_many(Path("missing.jsonl"))
    assert trail.stats()["events"] == 0
    assert trail.record_many([LOGIN]).recorded == 1


@pytest.mark.parametrize("source", [LOGIN, 1, None])
def test_what_is_no_source(trail: sealtrail.Trail, source: Any) -> None:
    with pytest.raises(TypeError, match=r"event|mappings"):
        trail.record_many(source)


def test_a_path_as_text_is_not_taken_for_events(trail: sealtrail.Trail, tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_bytes(LINES)
    with pytest.raises(TypeError, match=r"pathlib\.Path"):
        trail.record_many(str(path))


def test_the_source_is_read_on_the_calling_thread(trail: sealtrail.Trail) -> None:
    threads = set()

    def source() -> Iterator[dict[str, Any]]:
        for n in range(3):
            threads.add(threading.get_ident())
            yield {"event_type": "data.filter", "n": n}

    trail.record_many(source())
    assert threads == {threading.get_ident()}


def test_progress_is_told_and_may_use_the_trail(trail: sealtrail.Trail) -> None:
    told: list[tuple[int, ...]] = []

    def progress(*counts: int) -> None:
        told.append(counts)
        trail.stats()

    text = demo.jsonl(3000)
    assert trail.record_many(text, progress=progress).recorded == 3000
    assert told[-1] == (len(text), 3000, 3000)
    with pytest.raises(ZeroDivisionError):
        trail.record_many(text, progress=lambda *_: 1 // 0)


def test_demo_events_are_the_same_each_time() -> None:
    end = datetime(2026, 11, 1, tzinfo=UTC)
    first = list(demo.events(500, end=end))
    assert first == [json.loads(line) for line in demo.jsonl(500, end=end).splitlines()]
    assert {event["event_type"].split(".")[0] for event in first} == set(events.DOMAINS)
    assert max(event["timestamp"] for event in first) <= "2026-11-01"
    with pytest.raises(sealtrail.UsageError, match="zone"):
        demo.jsonl(1, end=datetime(2026, 11, 1))  # noqa: DTZ001 - the point of the test
    with pytest.raises(sealtrail.UsageError, match="user"):
        demo.jsonl(1, users=0)


def test_imports_add_nothing_the_second_time(trail: sealtrail.Trail, tmp_path: Path) -> None:
    log = tmp_path / "log.json"
    record = {
        "eventVersion": "1.08",
        "eventID": "a5b7b8e0-0000-4000-8000-000000000001",
        "eventTime": "2026-03-01T10:00:00Z",
        "eventSource": "signin.amazonaws.com",
        "eventName": "ConsoleLogin",
        "awsRegion": "eu-central-1",
        "sourceIPAddress": "192.0.2.7",
        "userIdentity": {"type": "IAMUser", "userName": "mira"},
        "responseElements": {"ConsoleLogin": "Success"},
    }
    log.write_text(json.dumps({"Records": [record]}))
    trail.record(LOGIN)
    first = trail.import_cloudtrail(log)
    assert (first.files, first.recorded, first.known, first.problems) == (1, 1, 0, [])
    again = trail.import_cloudtrail([log, str(log)])
    assert (again.recorded, again.known) == (0, 1)
    assert trail.sql("SELECT user_id FROM auth_events").to_dicts() == [{"user_id": "mira"}] * 2
    with pytest.raises(sealtrail.NotFoundError):
        trail.import_claude_code(tmp_path / "none")


# Any JSON comes back.

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
FLOAT = st.floats(allow_nan=False, allow_infinity=False)
# Whole numbers beyond become text, so that no reader rounds them.
NUMBER = st.integers(-(2**53) + 1, 2**53 - 1) | FLOAT.filter(
    lambda number: abs(number) < 2**53 or not number.is_integer()
)
VALUE = st.recursive(
    st.none() | st.booleans() | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
RESERVED = STAMPS | {"event_type", "_exact_numbers", "schema_violations"}
OBJECT = st.dictionaries(TEXT.filter(lambda name: name not in RESERVED), VALUE, max_size=6)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> sealtrail.Trail:
    folder = tmp_path_factory.mktemp("any")
    return sealtrail.init(folder / "audit", home=folder / "home")


@settings(max_examples=150, deadline=None)
@given(fields=OBJECT, timestamp=st.datetimes(datetime(1970, 1, 2), datetime(2026, 1, 1)))  # noqa: DTZ001
def test_any_object_comes_back(
    shared: sealtrail.Trail, fields: dict[str, Any], timestamp: datetime
) -> None:
    event = {**fields, "event_type": "workflow.any", "timestamp": timestamp.replace(tzinfo=UTC)}
    audit_id = shared.record(event)
    text = shared._native.get(audit_id, None)
    assert text is not None
    record = json.loads(text)
    assert text == rfc8785.dumps(record)
    kept = {k: v for k, v in record.items() if k not in RESERVED}
    # Through JSON once, so that -0.0 and integral doubles compare as JSON has them.
    assert rfc8785.dumps(kept) == rfc8785.dumps(fields)


def test_they_still_come_back_from_segments(shared: sealtrail.Trail) -> None:
    rows = shared.sql("SELECT audit_id, event FROM events").to_dicts()
    assert len(rows) > 100
    before = {row["audit_id"]: row["event"] for row in rows}
    shared.flush()
    after = shared.sql("SELECT audit_id, event FROM events").to_dicts()
    assert {row["audit_id"]: row["event"] for row in after} == before
    shared.close()


def test_environment_is_not_touched(trail: sealtrail.Trail) -> None:
    before = dict(os.environ)
    trail.record(LOGIN)
    assert dict(os.environ) == before
