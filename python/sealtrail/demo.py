"""Believable generated events, for demonstrations and tests.

A small company of users and agents goes about its work, in all five domains. The same arguments
give the same events.

Example:
    >>> from datetime import UTC, datetime
    >>> from sealtrail import demo
    >>> first = next(demo.events(1000, end=datetime(2026, 11, 1, tzinfo=UTC)))
    >>> "event_type" in first
    True
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sealtrail import _native
from sealtrail._errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["events", "jsonl"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def events(
    count: int,
    *,
    seed: int = 1,
    end: datetime | None = None,
    days: int = 90,
    agents: int = 500,
    users: int = 2000,
    with_ids: bool = False,
) -> Iterator[dict[str, Any]]:
    """Generate events, in the order of their timestamps.

    Args:
        count: How many.
        seed: The same seed gives the same events.
        end: No event is later. Default: now.
        days: They cover so many days up to ``end``.
        agents: How many agents exist.
        users: How many users exist.
        with_ids: Give every event an ``audit_id``; otherwise the recorder does.

    Yields:
        Event after event.
    """
    pieces = _pieces(count, seed, end, days, agents, users, with_ids=with_ids)
    for piece in pieces:
        yield from map(json.loads, piece.splitlines())


def jsonl(
    count: int,
    *,
    seed: int = 1,
    end: datetime | None = None,
    days: int = 90,
    agents: int = 500,
    users: int = 2000,
    with_ids: bool = False,
) -> bytes:
    """Generate events as JSON lines, which :meth:`sealtrail.Trail.record_many` takes.

    The arguments are those of :func:`events`.

    Returns:
        One event a line.
    """
    return b"".join(_pieces(count, seed, end, days, agents, users, with_ids=with_ids))


def _pieces(
    count: int,
    seed: int,
    end: datetime | None,
    days: int,
    agents: int,
    users: int,
    *,
    with_ids: bool,
) -> Iterator[bytes]:
    end = datetime.now(UTC) if end is None else end
    if end.utcoffset() is None:
        message = "end has no time zone; use datetime.now(UTC), or replace(tzinfo=...)"
        raise UsageError(message, kind="usage")
    demo = _native.Demo(
        count,
        seed=seed,
        end=(end - _EPOCH) // timedelta(milliseconds=1),
        days=days,
        agents=agents,
        users=users,
        with_ids=with_ids,
    )
    return iter(demo.read, b"")
