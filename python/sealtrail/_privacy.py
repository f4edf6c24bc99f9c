"""Personal data: what the trail holds about a person."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Self

from sealtrail._errors import NotFoundError, UsageError
from sealtrail._native import SubjectReport as NativeReport
from sealtrail._native import Trail as NativeTrail
from sealtrail._native import confirm_erasure, resume_erasures
from sealtrail._native import erase as native_erase
from sealtrail._native import erasures as native_erasures
from sealtrail._native import subject_report as native_report
from sealtrail._trace import as_micros


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


@dataclass(frozen=True)
class Erasure:
    """The erasure of a person.

    Attributes:
        entry: Number of the entry that ordered it.
        time: When.
        subject: The id by which the store knows the person: a keyed hash.
        approver: Who approved it.
        reason: Why.
        state: ``ERASURE_PENDING``, or ``ERASED`` once every holder of the key confirmed.
        confirmed: The holders that did.
        pending: Those that did not: ``store``, writers, backups.
        forgotten: Copies that never confirmed and that the owner has given up
            (:meth:`Trail.forget_copy`): nobody waits for them.
    """

    entry: int
    time: datetime
    subject: str
    approver: str
    reason: str
    state: Literal["ERASURE_PENDING", "ERASED"]
    confirmed: list[str]
    pending: list[str]
    forgotten: list[str]

    @classmethod
    def of(cls, item: dict[str, Any]) -> Self:
        """From what the engine gives."""
        return cls(**{**item, "time": datetime.fromisoformat(item["time"])})


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

    def erase(
        self,
        subject: str,
        *,
        reason: str,
        approver: str,
        dry_run: bool = False,
        against_minimum: str | None = None,
    ) -> Erasure | None:
        """Make all that was sealed for one person unreadable, for ever (GDPR article 17).

        An entry is signed first; then the person's key is destroyed. Records, hashes and proofs
        stay. Needs the owner's key, the trail's privacy key and every anchor.

        Args:
            subject: Id of the person, as the field has it that ``redaction.personal.subject``
                names (``user_id`` unless configured).
            reason: Why; it is recorded.
            approver: Who approved it; it is recorded.
            dry_run: Only say whether it could be done.
            against_minimum: Why it is done although ``minimum_days`` of the retention policy keeps
                records of theirs for longer; it is recorded.

        Returns:
            How far it has come; nothing for a dry run.

        Raises:
            NotFoundError: No personal field is about them, or the owner's key is not here.
            UsageError: A hold forbids it, ``minimum_days`` does and nothing is said against it, or
                there is no reason or approver.
            KeyFileError: The privacy key is not here.
        """
        done = native_erase(self._native, subject, reason, approver, dry_run, against_minimum)
        return None if done is None else Erasure.of(json.loads(done))

    def erasures(self) -> list[Erasure]:
        """All erasures of persons, the oldest first."""
        return [Erasure.of(item) for item in json.loads(native_erasures(self._native))]

    def resume_erasures(self) -> int:
        """Destroy keys that a crash or a restored backup left, and confirm for this host.

        Returns:
            How many keys were destroyed.
        """
        return resume_erasures(self._native)

    def confirm_erasure(self, entry: int, holder: str) -> None:
        """Say, as the owner, that a holder has destroyed its copy of a key.

        Args:
            entry: Number of the entry that ordered the erasure.
            holder: A writer (``w-...``) or the name of a backup.

        Raises:
            UsageError: There is no such erasure, or this holder has confirmed it.
        """
        confirm_erasure(self._native, entry, holder)
