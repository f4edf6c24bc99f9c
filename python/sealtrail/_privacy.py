"""Personal data: what the trail holds about a person."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sealtrail._errors import NotFoundError, UsageError
from sealtrail._native import SubjectReport as NativeReport
from sealtrail._native import Trail as NativeTrail
from sealtrail._native import subject_report as native_report
from sealtrail._trace import as_micros

if TYPE_CHECKING:
    from datetime import datetime


class SubjectReport:
    """What a trail holds about one person, for requests of access (GDPR article 15).

    Notebooks show the page.

    Attributes:
        subject: The person's id.
        events: What was done by them or in their name (``concern`` is ``acted``) and what names
            them otherwise (``named``), the earliest first: ``timestamp``, ``event_type``,
            ``audit_id``, ``concern``, ``by``, ``authority`` (the way from the person down to who
            did it), ``because`` (the event that says so), ``inferred``, ``resource``, ``tool``,
            ``outcome``, ``summary``, ``after_permission_ended``; what an event does not say is
            left out.
        resources: What was touched, most often first.
        questions: Questions to the trail that name the person: ``timestamp``, ``by``,
            ``purpose``, ``access_type``, ``audit_id``.
        notices: What the reader must know: cuts, gaps, doubts.
    """

    def __init__(self, native: NativeReport) -> None:
        """Wrap what the engine gave."""
        self._native = native
        self._dict: dict[str, Any] = json.loads(native.json())
        self.subject: str = self._dict["subject"]
        self.events: list[dict[str, Any]] = self._dict["events"]
        self.resources: list[dict[str, Any]] = self._dict["resources"]
        self.questions: list[dict[str, Any]] = self._dict["questions"]
        self.notices: list[str] = self._dict["notices"]

    @property
    def cut(self) -> bool:
        """Whether something was left out; ``notices`` says what."""
        return bool(self._dict["cut"])

    def to_dict(self) -> dict[str, Any]:
        """Everything, as ``sealtrail subject-report -o json`` prints it."""
        return self._dict

    def to_csv(self) -> str:
        """The events as CSV with a header."""
        return self._native.csv()

    def to_html(self) -> str:
        """The report as an HTML page that needs nothing else."""
        return self._native.html()

    def _repr_html_(self) -> str:
        return self.to_html()

    def __repr__(self) -> str:
        """Whose report, and how much it holds."""
        return f"SubjectReport({self.subject!r}, {len(self.events)} events)"


class Privacy:
    """What a trail can be asked and told about persons; :class:`sealtrail.Trail` has it."""

    _native: NativeTrail
    _purpose: str | None

    def subject_report(
        self,
        subject: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        max_events: int = 1_000_000,
        purpose: str | None = None,
    ) -> SubjectReport:
        """What the trail holds about one person: what was accessed, when, by whom, for whom.

        Agents that acted in their name are included, and the agents that these spawned. Personal
        fields are shown where the trail's privacy key is at hand.

        Args:
            subject: Id of the person, as ``user_id`` has it.
            since: Only events from this time on (with its zone).
            until: Only events before this time (with its zone).
            max_events: At most so many events of the person's chain.
            purpose: What for; as for ``sql``.

        Returns:
            The report.

        Raises:
            NotFoundError: The trail does not name the person.

        Example:
            >>> import sealtrail, tempfile
            >>> trail = sealtrail.init(tempfile.mkdtemp() + "/audit")
            >>> read = {"event_type": "data.file_read", "resource": {"path": "/claims.csv"}}
            >>> id = trail.record(read | {"agent_id": "triage", "initiated_by": "mira"})
            >>> [event["authority"] for event in trail.subject_report("mira").events]
            [['user mira', 'agent triage']]
        """
        if max_events < 0:
            message = "max_events is a number of events"
            raise UsageError(message, kind="usage")
        purpose = self._purpose if purpose is None else purpose
        found = native_report(
            self._native, subject, max_events, as_micros(since), as_micros(until), purpose
        )
        if found is None:
            message = f"{subject}: the trail does not name this person"
            raise NotFoundError(message, kind="not_found")
        return SubjectReport(found)
