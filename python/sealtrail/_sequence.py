"""Sequences: events that follow each other."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sealtrail._result import Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sealtrail import _native
    from sealtrail._search import SearchQuery


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

    def rows(self, fields: Sequence[str] = ()) -> Result:
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


def find(
    native: _native.Trail,
    search: SearchQuery,
    pattern: str,
    within: float | timedelta,
    by: str | Sequence[str] | None,
) -> Sequences:
    """The sequences of the events that a search would find."""
    seconds = within.total_seconds() if isinstance(within, timedelta) else within
    fields = [] if by is None else [by] if isinstance(by, str) else list(by)
    return Sequences(native.sequence(search._asked(), pattern, seconds, fields))  # noqa: SLF001
