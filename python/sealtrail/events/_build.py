"""From the parameters of a typed constructor to an event."""

from __future__ import annotations

import math
import numbers
import operator
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sealtrail.events._fields import PARAMETERS, RECORDER_ONLY, VALUES


class Event(dict[str, Any]):
    """An event made by a typed constructor, ready to be recorded (strictly by default)."""


_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


def build(event_type: str, required: Sequence[str], given: Mapping[str, Any]) -> Event:
    """The event that a constructor's arguments describe.

    Args:
        event_type: Its type.
        required: Parameters that may not be `None`.
        given: The constructor's arguments by name, those of `**extra` under `extra`.

    Raises:
        TypeError: A required field is `None`, or one is of the wrong type.
        ValueError: A time without a zone, a number that is not finite, an unknown severity,
            or a field that is given twice.
    """
    for name in required:
        if given[name] is None:
            message = f"{name} is required in {event_type}, but is None"
            raise TypeError(message)
    event = Event(event_type=event_type)
    extra: Mapping[str, Any] = given["extra"]
    for name, value in [*((n, v) for n, v in given.items() if n != "extra"), *extra.items()]:
        if value is None:
            continue
        if name == "event_type" or name in RECORDER_ONLY:
            message = f"{name} may not be given: it is set for you"
            raise TypeError(message)
        path, kind = PARAMETERS.get(name, ((name,), "any"))
        _insert(event, path, _checked(name, kind, value), name)
    return event


def _insert(event: Event, path: tuple[str, ...], value: Any, name: str) -> None:
    """Puts a value at a path, merging objects."""
    place = event
    for step in path[:-1]:
        place = place.setdefault(step, {})
        if not isinstance(place, dict):
            message = f"{name}: {step} is given as something else than an object, too"
            raise ValueError(message)  # noqa: TRY004 - the types are fine, together they are not
    last = path[-1]
    if last not in place:
        place[last] = value
    elif isinstance(place[last], dict) and isinstance(value, dict):
        for key, inner in value.items():
            _insert(place[last], (key,), inner, f"{name}.{key}")
    else:
        message = f"{name} is given twice"
        raise ValueError(message)


def _checked(name: str, kind: str, value: Any) -> Any:
    """The value as JSON holds it, if it is of the kind."""
    checked = _CHECKS[kind](name, value)
    if checked is None:
        message = f"{name}: expected {kind}, found {type(value).__name__}"
        raise TypeError(message)
    if name in VALUES and checked not in VALUES[name]:
        message = f"{name}: expected one of {', '.join(VALUES[name])}, found {value!r}"
        raise ValueError(message)
    return checked


def _string(_name: str, value: Any) -> str | None:
    return str(value) if isinstance(value, str) else None


def _boolean(_name: str, value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _integer(_name: str, value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        return None
    return operator.index(value)


def _number(name: str, value: Any) -> int | float | None:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return None
    if isinstance(value, numbers.Integral):
        return operator.index(value)
    number = float(value)
    if not math.isfinite(number):
        message = f"{name}: {number} is not a number that JSON knows"
        raise ValueError(message)
    return number


def _object(name: str, value: Any) -> dict[str, Any] | None:
    return _plain(name, value) if isinstance(value, Mapping) else None


def _array(name: str, value: Any) -> list[Any] | None:
    if isinstance(value, str | bytes | bytearray) or not isinstance(value, Sequence):
        return None
    return [_plain(name, item) for item in value]


def _timestamp(name: str, value: Any) -> str | None:
    if isinstance(value, datetime):
        return _time_text(name, value)
    if not isinstance(value, str):
        return None
    if not _RFC3339.fullmatch(value):
        message = f"{name}: {value!r} is not an RFC 3339 time with an offset"
        raise ValueError(message)
    return value


def _plain(name: str, value: Any) -> Any:
    """The value with times as text, mappings as `dict` and tuples as `list`, at any depth."""
    if isinstance(value, datetime):
        return _time_text(name, value)
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                message = f"{name}: the key {key!r} of an object is not a string"
                raise TypeError(message)
        return {key: _plain(f"{name}.{key}", inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(name, item) for item in value]
    return value


def _time_text(name: str, moment: datetime) -> str:
    """A time as records write it: UTC, milliseconds, microseconds only where needed."""
    if moment.utcoffset() is None:
        message = (
            f"{name}: {moment} has no time zone; use datetime.now(UTC), or replace(tzinfo=...)"
        )
        raise ValueError(message)
    utc = moment.astimezone(UTC).replace(tzinfo=None)
    precision = "microseconds" if utc.microsecond % 1000 else "milliseconds"
    return utc.isoformat(timespec=precision) + "Z"


_CHECKS = {
    "string": _string,
    "boolean": _boolean,
    "integer": _integer,
    "number": _number,
    "object": _object,
    "array": _array,
    "timestamp": _timestamp,
    "any": _plain,
}
