"""Sequences: events that follow each other."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sealtrail._result import Result

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sealtrail import _native


@dataclass(frozen=True)
class Match:
    """Events that follow each other as a sequence says.

    Attributes:
        number: From 1, in the order in which the matches were decided.
        by: The values that the events have in common.
        start: When the first event happened.
        end: When the last event happened.
        steps: For each event the step that it is one of, from 1.
        events: The records, in order.
    """

    number: int
    by: dict[str, str]
    start: datetime
    end: datetime
    steps: list[int] = field(repr=False)
    events: list[dict[str, Any]] = field(repr=False)


class Sequences:
    """The matches of a sequence, found as they are read. Made by ``Trail.sequence``.

    Iterating gives one :class:`Match` after the other. Each reading finds them anew, over the
    moment of the trail at which the question was asked.

    Attributes:
        by: The fields that the events of a match have in common.
    """

    def __init__(self, native: _native.Sequences) -> None:
        """Wrap what the engine gave."""
        self._native = native
        self.by: list[str] = native.by()

    def __iter__(self) -> Iterator[Match]:
        """Iterate over the matches with their whole records."""
        rows: list[dict[str, Any]] = []
        for batch in self._native.nested().read():
            for row in batch.to_dicts():
                if rows and rows[0]["match"] != row["match"]:
                    yield self._match(rows)
                    rows = []
                rows.append(row)
        if rows:
            yield self._match(rows)

    def _match(self, rows: list[dict[str, Any]]) -> Match:
        events = [json.loads(row["event"]) for row in rows]
        return Match(
            number=rows[0]["match"],
            by={name: rows[0][f"by_{name}"] for name in self.by},
            start=datetime.fromisoformat(events[0]["timestamp"]),
            end=datetime.fromisoformat(events[-1]["timestamp"]),
            steps=[row["step"] for row in rows],
            events=events,
        )

    def rows(self, fields: Iterable[str] = ()) -> Result:
        """One row for each event: ``match``, ``step``, ``by_<field>``, then columns of the record.

        Args:
            fields: Dotted paths or columns of the view ``events``. Default: its columns.

        Returns:
            A result like that of SQL: ``to_arrow()``, ``to_pandas()``, ``to_polars()``, ...
        """
        return Result(self._native.rows(list(fields)))

    def count(self) -> int:
        """How many matches there are; reads no records."""
        return self._native.count()

    def __repr__(self) -> str:
        """What ties the events together."""
        return f"Sequences(by={self.by!r})"


def request(
    pattern: str,
    *,
    within: float | timedelta,
    by: str | Iterable[str] | None,
    since: datetime | str | None,
    until: datetime | str | None,
    where: str | Iterable[str] | None,
    limit: int | None,
    fields: Mapping[str, str | Iterable[str]],
) -> str:
    """What is asked for, as the native module reads it."""
    seconds = within.total_seconds() if isinstance(within, timedelta) else within
    return json.dumps(
        {
            "sequence": pattern,
            "within_seconds": seconds,
            "by": _names(by),
            "filter": {
                "fields": {name: _listed(values) for name, values in fields.items()},
                "where": _listed(where),
            },
            "since": _time(since),
            "until": _time(until),
            "limit": limit,
        }
    )


def _listed(values: str | Iterable[str] | None) -> list[str]:
    if values is None:
        return []
    return [values] if isinstance(values, str) else list(values)


def _names(by: str | Iterable[str] | None) -> list[str]:
    if isinstance(by, str):
        return by.split(",")
    return [] if by is None else list(by)


def _time(time: datetime | str | None) -> str | None:
    if not isinstance(time, datetime):
        return time
    if time.tzinfo is None:
        message = f"{time} has no time zone; use datetime(..., tzinfo=timezone.utc)"
        raise ValueError(message)
    return time.astimezone(UTC).isoformat()
