"""The typed constructors of events."""

from __future__ import annotations

import doctest
import importlib
import inspect
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import pytest

from sealtrail import events

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "rust" / "core" / "src"
CATALOGUE: dict[str, Any] = json.loads((CORE / "catalogue.json").read_text())
TYPES: list[dict[str, Any]] = CATALOGUE["types"]
LINES = (CORE / "catalogue" / "examples.jsonl").read_text().splitlines()
EXAMPLES: list[dict[str, Any]] = [json.loads(line) for line in LINES]
MODULES = ["agent", "auth", "data", "system", "workflow"]


def constructor(event_type: str) -> Any:
    domain, action = event_type.split(".")
    return getattr(getattr(events, domain), action)


def parameter(path: str) -> str:
    return path.replace(".", "_")


def example_of(path: str) -> Any:
    return CATALOGUE["fields"][path]["example"]


def required_of(event_type: dict[str, Any]) -> dict[str, Any]:
    return {parameter(path): example_of(path) for path in event_type["required"]}


def at(event: dict[str, Any], path: str) -> Any:
    place: Any = event
    for step in path.split("."):
        place = place[step]
    return place


def flat(event: dict[str, Any]) -> dict[str, Any]:
    """The event as arguments: known nested fields flat, the rest as it is."""
    parents = {path.split(".")[0] for path in CATALOGUE["fields"] if "." in path}
    arguments: dict[str, Any] = {}
    for name, value in event.items():
        if name in parents:
            arguments |= {f"{name}_{inner}": v for inner, v in value.items()}
        else:
            arguments[name] = value
    return arguments


def test_the_files_are_current() -> None:
    script = ROOT / "python" / "tools" / "generate_events.py"
    done = subprocess.run(
        [sys.executable, str(script), "--check"], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_there_is_a_function_for_each_type() -> None:
    assert list(events.EVENT_TYPES) == [event_type["name"] for event_type in TYPES]
    for domain in events.DOMAINS:
        module: ModuleType = getattr(events, domain)
        names = {name.split(".")[1] for name in events.EVENT_TYPES if name.startswith(f"{domain}.")}
        assert set(module.__all__) == names
    assert events.SEVERITIES == ("debug", "info", "warning", "error", "critical")


@pytest.mark.parametrize("example", EXAMPLES, ids=[example["event_type"] for example in EXAMPLES])
def test_the_example_events_can_be_written(example: dict[str, Any]) -> None:
    arguments = flat(example)
    event = constructor(arguments.pop("event_type"))(**arguments)
    default = next(t["severity"] for t in TYPES if t["name"] == example["event_type"])
    # `None` is "not given"; the severity is filled in.
    expected = {name: value for name, value in example.items() if value is not None}
    assert event == {"severity": default, **expected}


@pytest.mark.parametrize("event_type", TYPES, ids=[event_type["name"] for event_type in TYPES])
class TestEachType:
    def test_required_alone(self, event_type: dict[str, Any]) -> None:
        event = constructor(event_type["name"])(**required_of(event_type))
        assert event["event_type"] == event_type["name"]
        assert event["severity"] == event_type["severity"]
        for path in event_type["required"]:
            assert at(event, path) == example_of(path)

    def test_all_fields(self, event_type: dict[str, Any]) -> None:
        paths = {*event_type["required"], *event_type["optional"], *CATALOGUE["common"]}
        given = {parameter(path): example_of(path) for path in paths}
        function = constructor(event_type["name"])
        signature = inspect.signature(function)
        assert set(signature.parameters) == {*given, "timestamp", "audit_id", "extra"}
        event = function(**given)
        for path in paths:
            assert at(event, path) == example_of(path)

    def test_required_ones_are_required(self, event_type: dict[str, Any]) -> None:
        for path in event_type["required"]:
            given = required_of(event_type)
            del given[parameter(path)]
            with pytest.raises(TypeError, match=parameter(path)):
                constructor(event_type["name"])(**given)
            with pytest.raises(TypeError, match=f"{parameter(path)} is required"):
                constructor(event_type["name"])(**given, **{parameter(path): None})

    def test_wrong_types_are_refused(self, event_type: dict[str, Any]) -> None:
        wrong: dict[str, Any] = {"string": 7, "timestamp": 7, "object": [7], "array": "seven"}
        for path in [*event_type["required"], *event_type["optional"], *CATALOGUE["common"]]:
            kind = CATALOGUE["fields"][path]["type"]
            if kind == "any":
                continue
            given = {**required_of(event_type), parameter(path): wrong.get(kind, "seven")}
            with pytest.raises(TypeError, match=f"{parameter(path)}: expected {kind}, found "):
                constructor(event_type["name"])(**given)


def login(**given: Any) -> dict[str, Any]:
    return events.auth.user_login(user_id="u1", status="success", **given)


def test_arguments_are_by_keyword_only() -> None:
    with pytest.raises(TypeError, match="positional"):
        cast("Any", events.auth.user_login)("u1", "success")


def test_times_become_utc_text() -> None:
    noon = datetime(2026, 9, 14, 12, 0, tzinfo=timezone(timedelta(hours=2)))
    assert login(timestamp=noon)["timestamp"] == "2026-09-14T10:00:00.000Z"
    exact = noon.replace(microsecond=120_034)
    assert login(timestamp=exact)["timestamp"] == "2026-09-14T10:00:00.120034Z"
    whole = noon.replace(microsecond=120_000, tzinfo=UTC)
    assert login(timestamp=whole)["timestamp"] == "2026-09-14T12:00:00.120Z"
    text = "2026-09-14T12:00:00+02:00"
    assert login(timestamp=text)["timestamp"] == text
    assert login(seen=[{"at": whole}])["seen"] == [{"at": "2026-09-14T12:00:00.120Z"}]


@pytest.mark.parametrize(
    "given",
    [
        {"timestamp": datetime(2026, 9, 14)},  # noqa: DTZ001 - what must be refused
        {"timestamp": "2026-09-14T12:00:00"},
        {"timestamp": "yesterday"},
        {"seen": {"at": datetime(2026, 9, 14)}},  # noqa: DTZ001
    ],
)
def test_times_without_a_zone_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"timestamp|seen\.at"):
        login(**given)


def test_numbers() -> None:
    assert login(session_duration_seconds=3)["session_duration_seconds"] == 3
    assert login(session_duration_seconds=Fraction(1, 2))["session_duration_seconds"] == 0.5
    for bad in (True, "3"):
        with pytest.raises(TypeError, match="cost_usd: expected number"):
            login(cost_usd=bad)
    with pytest.raises(TypeError, match="tokens_used: expected integer, found float"):
        login(tokens_used=3.0)
    with pytest.raises(ValueError, match="cost_usd: nan"):
        login(cost_usd=float("nan"))


def test_severity_is_one_of_the_five() -> None:
    assert login(severity="critical")["severity"] == "critical"
    with pytest.raises(ValueError, match="severity: expected one of debug, info"):
        login(severity="fatal")


def test_other_fields_are_kept_and_objects_merged() -> None:
    event = events.data.file_read(
        resource_path="/a",
        resource={"tags": ("x",), "owner": {"team": "claims"}},
        shift="night",
        nothing=None,
        # A field that other types have goes where the catalogue has it.
        decision_result=False,
    )
    assert event == {
        "event_type": "data.file_read",
        "severity": "info",
        "resource": {"path": "/a", "tags": ["x"], "owner": {"team": "claims"}},
        "shift": "night",
        "decision": {"result": False},
    }


def test_contradictions_are_refused() -> None:
    with pytest.raises(ValueError, match=r"resource\.path is given twice"):
        events.data.file_read(resource_path="/a", resource={"path": "/b"})
    with pytest.raises(ValueError, match="resource is given twice"):
        events.data.file_read(resource_path="/a", resource="/b")
    with pytest.raises(ValueError, match="operation_action: operation is given as something else"):
        login(operation="read", operation_action="read")
    with pytest.raises(TypeError, match="key 7 of an object"):
        login(counts={7: 1})


@pytest.mark.parametrize("name", ["event_type", "recorded_at", "schema_version", "_exact_numbers"])
def test_what_the_recorder_sets_may_not_be_given(name: str) -> None:
    with pytest.raises(TypeError, match=name):
        login(**{name: "x"})


def test_callers_values_are_not_shared() -> None:
    tags = ["x"]
    event = login(tags=tags)
    tags.append("y")
    assert event["tags"] == ["x"]


@pytest.mark.parametrize("name", ["", *(f".{module}" for module in MODULES)])
def test_documented_examples_run(name: str) -> None:
    module = importlib.import_module(f"sealtrail.events{name}")
    result = doctest.testmod(module)
    assert result.failed == 0
    assert result.attempted >= 2
