"""Chains: who stands behind an id, and what came of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict

from sealtrail._errors import NotFoundError, UsageError
from sealtrail._result import Result

if TYPE_CHECKING:
    from sealtrail import _native

Kind: TypeAlias = Literal["audit", "execution", "session", "agent", "credential", "user"]
"""What an id can be the id of."""


class RelatedEvent(TypedDict):
    """An event, and what it has in common with what was asked for.

    Attributes:
        reasons: Such as ``user mira`` or ``address 203.0.113.7``; ``itself`` for what was asked
            for.
        record: The whole record.
    """

    reasons: list[str]
    record: dict[str, Any]


class Trace:
    """A chain: from who authorised something down to everything that came of it.

    Notebooks show the page; ``print`` shows the tree.

    Attributes:
        id: The id that was asked for.
        kind: What it is the id of.
        nodes: The chain, each node before those under it. See :meth:`to_dict`.
        notices: What the reader must know: ``kind``, ``message`` and, where it is about something,
            ``name``. ``cut`` says that something was left out.
        events: Number of events at or below the id.
    """

    def __init__(self, native: _native.Trace) -> None:
        """Wrap what the engine gave."""
        self._native = native
        self._dict: dict[str, Any] = json.loads(native.json())
        self.id: str = self._dict["id"]
        self.kind: Kind = self._dict["kind"]
        self.nodes: list[dict[str, Any]] = self._dict["nodes"]
        self.notices: list[dict[str, str]] = self._dict["notices"]
        self.events: int = self._dict["events"]

    @property
    def cut(self) -> bool:
        """Whether something was left out; ``notices`` says what."""
        return bool(self._dict["cut"])

    def to_dict(self) -> dict[str, Any]:
        """Everything, as ``sealtrail trace-chain -o json`` prints it.

        ``version``, ``id``, ``kind``, ``nodes``, ``notices``, ``resources``, ``events``,
        ``after_permission_ended``, ``errors``, ``cut``. A node has ``id``, ``parent``, ``depth``,
        ``kind`` (``user``, ``credential``, ``session``, ``execution``, ``agent``, ``event``) and
        ``name``; ``edge`` says why it is under its parent (``relation``, ``field``, ``audit_id``,
        ``inferred``, ``why``), ``event`` what an event says, with the ``permissions`` of its actor
        at that moment and what had ended before (``after_permission_ended``).
        """
        return self._dict

    def tree(self, *, ascii: bool = False) -> str:  # noqa: A002
        """The chain as indented text."""
        return self._native.tree(ascii)

    def to_mermaid(self) -> str:
        """The chain as a Mermaid flowchart."""
        return self._native.mermaid()

    def to_dot(self) -> str:
        """The chain as a graph for Graphviz."""
        return self._native.dot()

    def to_html(self) -> str:
        """The chain as a page with a timeline that needs no other file and no network."""
        return self._native.html()

    def _repr_html_(self) -> str:
        """The page in a frame of its own, whose style keeps to itself."""
        page = self.to_html().replace("&", "&amp;").replace('"', "&quot;")
        return f'<iframe sandbox srcdoc="{page}" style="width:100%;height:32rem;border:0"></iframe>'

    def __str__(self) -> str:
        """The tree."""
        return self.tree()

    def __repr__(self) -> str:
        """What was traced, and how much was found."""
        return f"<sealtrail.Trace {self.kind} {self.id!r}: {self.events} events>"


def trace(  # noqa: PLR0913
    native: _native.Trail,
    id: str,  # noqa: A002
    *,
    kind: Kind | None,
    up: bool,
    down: bool,
    depth: int | None,
    max_nodes: int,
    window: tuple[datetime | None, datetime | None],
    purpose: str | None,
) -> Trace:
    """Trace an id."""
    since, until = window
    wish = {
        "kind": kind,
        "up": up,
        "down": down,
        "depth": depth,
        "max_nodes": max_nodes,
        "since": as_micros(since),
        "until": as_micros(until),
    }
    if min(max_nodes, depth or 0) < 0:
        message = "depth and max_nodes are numbers of levels and events"
        raise UsageError(message, kind="usage")
    found = native.trace(id, wish, purpose)
    if found is None:
        raise _nothing(id)
    return Trace(found)


def execution_chain(native: _native.Trail, execution_id: str, purpose: str | None) -> Result:
    """Table of a run."""
    found = native.execution_chain(execution_id, purpose)
    if found is None:
        raise _nothing(execution_id)
    query, cut = found
    if cut:
        message = f"{execution_id} has more than 1,000,000 events; use trace(..., since=, until=)"
        raise UsageError(message, kind="usage")
    return Result(query)


def related(
    native: _native.Trail,
    id: str,  # noqa: A002
    *,
    context: timedelta,
    kind: Kind | None,
    limit: int,
    asked: str,
) -> list[RelatedEvent]:
    """Events around something."""
    if limit < 0 or context < timedelta(0):
        message = "limit is a number of events, and context a length of time"
        raise UsageError(message, kind="usage")
    found = native.related(id, kind, context // timedelta(microseconds=1), limit, asked)
    if found is None:
        raise _nothing(id)
    events: list[RelatedEvent] = json.loads(found)["events"]
    return events


def _nothing(id: str) -> NotFoundError:  # noqa: A002
    return NotFoundError(f"{id}: nothing in the trail has this id", kind="not_found")


def as_micros(moment: datetime | None) -> int | None:
    """Microseconds since 1970 of a moment, which needs a zone."""
    if moment is None:
        return None
    if moment.tzinfo is None:
        message = f"{moment} has no time zone; since and until need one"
        raise UsageError(message, kind="usage")
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
