"""How long records are kept, and what keeps them longer."""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sealtrail import _native
from sealtrail._arguments import as_object

HOUR = timedelta(hours=1)


def as_micros(moment: datetime | None) -> int:
    moment = datetime.now(UTC) if moment is None else moment
    return int((moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))


class Retention:
    """The retention of a trail; get it from :attr:`sealtrail.Trail.retention`.

    What is pinned and deleted needs the owner's key, as :class:`sealtrail.Keys` finds it.

    Example:
        >>> import sealtrail, tempfile
        >>> trail = sealtrail.init(tempfile.mkdtemp() + "/audit")
        >>> trail.retention.plan()["steps"]
        []
    """

    def __init__(self, native: _native.Retention, purpose: str | None = None) -> None:
        """Wrap the native object; use :attr:`sealtrail.Trail.retention`."""
        self._native = native
        self._purpose = purpose

    def _purpose_of(self, given: str | None) -> str | None:
        return self._purpose if given is None else given

    def pin(self) -> int:
        """Put the section ``retention`` of the configuration in force.

        Later a configuration can only lengthen it.

        Returns:
            The number of the ledger entry.
        """
        return self._native.pin()

    def plan(self, *, now: datetime | None = None, purpose: str | None = None) -> dict[str, Any]:
        """Say what is due, and change nothing. It is recorded as a question.

        Args:
            now: The moment to plan for; this moment if not given.
            purpose: What for; as for :meth:`sealtrail.Trail.sql`.

        Returns:
            ``steps``, one for each segment of which something is due: ``action`` (``delete``,
            ``delete_part``, ``archive`` or ``keep``), ``path``, ``records``, ``deletes``, ``held``,
            ``why``; and ``policy``, ``holds``, ``segments``, ``records``.
        """
        return as_object(self._native.plan(as_micros(now), self._purpose_of(purpose)))

    def apply(
        self,
        *,
        approver: str,
        reason: str = "retention policy",
        grace: timedelta = HOUR,
        now: datetime | None = None,
        progress: Callable[[int, int, int], object] | None = None,
    ) -> dict[str, Any]:
        """Delete what is due, a signed tombstone first, and move what is due to the archive.

        Interrupted, it goes on with the next call.

        Args:
            approver: Who approved it; the tombstone names them.
            reason: Why.
            grace: How long files stay for readers that began before.
            now: The moment to delete for; this moment if not given.
            progress: Called now and then with rows done, rows in all and segments done: first of
                the deletion (a row that goes counts once, one that is written anew twice), then,
                from zero again, of the move (each row counts twice).

        Returns:
            ``deletion`` (``entries``, ``segments``, ``parts``, ``records``, ``bytes``), ``moved``
            (``archive``, ``moved``, ``segments``, ``rows``, ``bytes_before``, ``bytes_after``,
            ``lost``), ``swept`` (``files``, ``waiting``) and ``orphans`` (what a crash left before
            an entry named it: ``segments``, ``bytes``, ``removed``, ``waiting`` for the grace
            period, ``foreign``: of other trails).
        """
        seconds = grace.total_seconds()
        native = self._native
        return as_object(native.apply(as_micros(now), approver, reason, seconds, progress))

    def status(self, *, now: datetime | None = None, purpose: str | None = None) -> dict[str, Any]:
        """Say what is where, what is due and what it costs. It is recorded as a question.

        Args:
            now: The moment that counts; this moment if not given.
            purpose: What for; as for :meth:`sealtrail.Trail.sql`.

        Returns:
            ``policy``, ``holds``, ``hot`` and ``archive`` (``segments``, ``records``, ``bytes``,
            ``cost_per_month``), ``due``, ``deleted``, ``retired``, ``orphans`` (``segments`` and
            ``bytes`` that no entry names).
        """
        return as_object(self._native.status(as_micros(now), self._purpose_of(purpose)))

    def explain(self, audit_id: str, *, purpose: str | None = None) -> dict[str, Any] | None:
        """Say why a record is kept so long. It is recorded as a question.

        Args:
            audit_id: The record's id.
            purpose: What for; as for :meth:`sealtrail.Trail.sql`.

        Returns:
            Which rules fit it and which decide (``said``), when it is due (``archive``,
            ``delete``), and ``held_by``; None if there is no such record.
        """
        explained = self._native.explain(audit_id, self._purpose_of(purpose))
        return None if explained is None else as_object(explained)


class Holds:
    """The legal holds of a trail; get it from :attr:`sealtrail.Trail.holds`.

    Example:
        >>> import sealtrail, tempfile
        >>> trail = sealtrail.init(tempfile.mkdtemp() + "/audit")
        >>> hold = trail.holds.add({"user_id": "mira"}, reason="case 7", by="counsel")
        >>> [h["hold"]["reason"] for h in trail.holds.list()]
        ['case 7']
        >>> entry = trail.holds.release(hold["hold"]["id"], reason="closed", by="counsel")
        >>> trail.holds.list()
        []
    """

    def __init__(self, native: _native.Retention) -> None:
        """Wrap the native object; use :attr:`sealtrail.Trail.holds`."""
        self._native = native

    def add(
        self,
        matching: Mapping[str, str | Sequence[str]],
        *,
        reason: str,
        by: str | None = None,
    ) -> dict[str, Any]:
        """Hold what matches, records that come later included.

        Args:
            matching: Search filters by name, as :meth:`sealtrail.Trail.search` takes them.
            reason: Why.
            by: Who ordered it; the user of this process if not given.

        Returns:
            ``entry`` and ``hold`` (``id``, ``by``, ``matching``, ``reason``).
        """
        written = json.dumps(dict(matching))
        by = getpass.getuser() if by is None else by
        return as_object(self._native.add_hold(as_micros(None), reason, by, written))

    def list(self) -> list[dict[str, Any]]:
        """Give the active holds."""
        holds: list[dict[str, Any]] = json.loads(self._native.holds())
        return holds

    def release(self, hold: str, *, reason: str, by: str | None = None) -> int:
        """End a hold.

        Args:
            hold: Its id.
            reason: Why.
            by: Who ordered it; the user of this process if not given.

        Returns:
            The number of the ledger entry.
        """
        return self._native.release_hold(hold, reason, getpass.getuser() if by is None else by)
