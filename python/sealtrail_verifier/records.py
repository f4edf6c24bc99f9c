"""The record and its times (FORMAT section 2)."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

DOMAINS: Final = ("auth", "agent", "data", "workflow", "system")
MAX_DEPTH: Final = 64
MAX_MICROS: Final = 8_993_721_599_999_999
"""2254-12-31T23:59:59.999999Z in microseconds since 1970."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TIME: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,6}))?Z"
)
_EVENT_TYPE: Final = re.compile(rf"({'|'.join(DOMAINS)})\.[a-z][a-z0-9_.-]{{0,127}}")
_AUDIT_ID: Final = re.compile(r"[\x21-\x7e]{1,256}")
_POINTER: Final = re.compile(r"(/([^~/]|~[01])*)*", re.DOTALL)
_HOW: Final = ("mask", "drop", "hash", "encrypt")
_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def utc_micros(text: str) -> int | None:
    """Microseconds since 1970 of an RFC 3339 time with `Z`; None if it is not one."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    *whole, fraction = match.groups()
    try:
        year, month, day, hour, minute, second = map(int, whole)
        time = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    micros = int((fraction or "").ljust(6, "0"))
    return (time - _EPOCH) // timedelta(seconds=1) * 1_000_000 + micros


def micros_text(micros: int) -> str:
    """The one form of a time in a record: six digits only if three do not do."""
    seconds, fraction = divmod(micros, 1_000_000)
    digits = f"{fraction:06}" if fraction % 1000 else f"{fraction // 1000:03}"
    return f"{_EPOCH + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}.{digits}Z"


def timestamp_micros(text: object) -> int | None:
    """Microseconds of a string in exactly the form that `timestamp` has; else None."""
    micros = utc_micros(text) if isinstance(text, str) else None
    if micros is None or not 0 <= micros <= MAX_MICROS or micros_text(micros) != text:
        return None
    return micros


def problems(record: dict[str, Any]) -> Iterator[str]:
    """Yields what is wrong with a record's own members."""
    if not _is(_EVENT_TYPE, record.get("event_type")):
        yield "event_type is missing or not domain.action"
    for name in ("timestamp", "recorded_at"):
        if timestamp_micros(record.get(name)) is None:
            yield f"{name} is missing or not in its form"
    if not _is(_AUDIT_ID, record.get("audit_id")):
        yield "audit_id is missing or not printable ASCII"
    version = record.get("schema_version")
    if version != 1 or isinstance(version, bool):
        yield "schema_version is not 1"
    if "schema_violations" in record and not _are_violations(record["schema_violations"]):
        yield "schema_violations is not a list of path and problem"
    if "_exact_numbers" in record and not _are_exact(record):
        yield "_exact_numbers is not a sorted list of pointers to number literals"
    if "_redacted" in record and not _are_redactions(record["_redacted"]):
        yield "_redacted is not a sorted list of how, path and what"
    if _depth(record) > MAX_DEPTH:
        yield f"nested more than {MAX_DEPTH} levels"


def _is(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _are_violations(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(item, dict)
        and item.keys() == {"path", "problem"}
        and all(isinstance(text, str) for text in item.values())
        for item in value
    )


def _are_redactions(value: object) -> bool:
    if not isinstance(value, list) or not value:
        return False
    told = []
    for item in value:
        if not isinstance(item, dict) or item.keys() != {"how", "path", "what"}:
            return False
        how, path, what = item["how"], item["path"], item["what"]
        if how not in _HOW or not _is(_POINTER, path) or not isinstance(what, str):
            return False
        told.append((how, path, what))
    return told == sorted(set(told))  # code points sort as UTF-8 bytes do


def _are_exact(record: dict[str, Any]) -> bool:
    pointers = record["_exact_numbers"]
    if not isinstance(pointers, list) or not all(isinstance(p, str) for p in pointers):
        return False
    if pointers != sorted(set(pointers)):  # code points sort as UTF-8 bytes do
        return False
    return all(_is(_NUMBER, _resolve(record, pointer)) for pointer in pointers)


def _resolve(value: Any, pointer: str) -> Any:
    """The value at a JSON Pointer (RFC 6901), or None."""
    if not pointer.startswith("/"):
        return None
    for token in pointer[1:].split("/"):
        name = token.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and re.fullmatch(r"0|[1-9][0-9]{0,8}", name):
            value = value[int(name)] if int(name) < len(value) else None
        else:
            return None
    return value


def _depth(value: Any) -> int:
    """Levels of objects and arrays; the record itself is the first."""
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0
