"""Following a trail."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeAlias

from sealtrail import _native
from sealtrail._errors import UsageError

Values: TypeAlias = str | Sequence[str]
Moment: TypeAlias = str | datetime


class Tail:
    """Records as they come: an iterator of dictionaries, made by :meth:`sealtrail.Trail.tail`.

    Ctrl-C interrupts it; :meth:`close`, also from another thread, ends it.
    """

    def __init__(self, native: _native.Tail) -> None:
        """Wrap the native iterator."""
        self._native = native

    def __iter__(self) -> Self:
        """Return the iterator."""
        return self

    def __next__(self) -> dict[str, Any]:
        """The next record; waits for it when following."""
        text = self._native.next()
        if text is None:
            raise StopIteration
        record: dict[str, Any] = json.loads(text)
        return record

    @property
    def cursor(self) -> str:
        """Where to go on later, for ``trail.tail(cursor=...)`` on this host.

        It moves with batches: after the last record of those that were found together it stands
        behind them, and until then before them. So keep it after a record was dealt with: what is
        repeated then, if this process ends, is at most the last batch, and nothing is missed.
        """
        return self._native.cursor()

    def close(self) -> None:
        """End the iteration, also of a thread that waits for a record."""
        self._native.close()

    def __enter__(self) -> Self:
        """Return the iterator."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()


def tail(  # noqa: PLR0913
    native: _native.Trail,
    fields: Mapping[str, Values],
    *,
    follow: bool,
    last: int | None,
    cursor: str | None,
    since: Moment | None,
    until: Moment | None,
    severity_min: str | None,
    where: Values,
    text: Values,
    status_not: Values,
) -> Tail:
    """Begin a tail; the arguments are those of :meth:`sealtrail.Trail.tail`."""
    if last is not None and last < 0:
        message = f"last is a number of records, or None for all, not {last}"
        raise UsageError(message, kind="usage")
    wanted = {name: _values(values) for name, values in fields.items()}
    without = [f"!{value}" for value in _values(status_not)]
    if without:
        wanted["status"] = [*wanted.get("status", []), *without]
    found = {
        "fields": wanted,
        "severity_min": severity_min,
        "where": _values(where),
        "text": _values(text),
    }
    since, until = _time(since), _time(until)
    return Tail(native.tail(follow, last, cursor, json.dumps(found), since, until))


def _values(values: Values) -> list[str]:
    return [values] if isinstance(values, str) else list(values)


def _time(moment: Moment | None) -> str | None:
    return moment.isoformat() if isinstance(moment, datetime) else moment
