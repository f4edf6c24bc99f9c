"""The trail, as Python sees it."""

from __future__ import annotations

import atexit
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from os import PathLike, fspath
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Literal, NoReturn, Protocol, Self, TypeAlias, overload
from weakref import WeakSet

from sealtrail import _jobs, _native, _tail, _trace
from sealtrail._errors import ForkedError, NotFoundError, UsageError
from sealtrail._jobs import Job
from sealtrail._keys import Keys
from sealtrail._result import Result
from sealtrail._search import SearchQuery, SearchResult, Time, Values, make
from sealtrail._sequence import Sequences, find
from sealtrail._tail import Tail
from sealtrail._trails import Trails
from sealtrail.events import Event

Path_: TypeAlias = str | PathLike[str]


class ArrowStream(Protocol):
    """Anything that exports Arrow batches: tables, data frames, readers, results."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Arrow's PyCapsule of the batches."""


Source: TypeAlias = (
    Iterable[Mapping[str, Any]] | bytes | str | PathLike[str] | BinaryIO | ArrowStream
)


@dataclass(frozen=True)
class RefusedLine:
    """An event that was not recorded.

    Attributes:
        line: Its number in the source, from 1.
        path: Dotted path of the field; empty for the whole event.
        reason: A stable code.
        message: What is wrong and what to do.
    """

    line: int
    path: str
    reason: str
    message: str


@dataclass(frozen=True)
class RecordReport:
    """What became of many events.

    Attributes:
        lines: Events seen.
        recorded: New records, all committed.
        repeated: Events whose id and content were recorded before.
        refused: Events that were refused.
        problems: The first 10,000 of those.
    """

    lines: int
    recorded: int
    repeated: int
    refused: int
    problems: list[RefusedLine] = field(repr=False)


@dataclass(frozen=True)
class ImportReport:
    """What an import did.

    Attributes:
        files: Files read.
        events: Events that they gave.
        recorded: New records, all committed.
        known: Events that the trail had already.
        unfinished: What is left for the next import.
        skipped: Lines that could not be read.
        refused: Events that the recorder refused.
        problems: The first 10,000 lines that were skipped or refused.
    """

    files: int
    events: int
    recorded: int
    known: int
    unfinished: int
    skipped: int
    refused: int
    problems: list[dict[str, Any]] = field(repr=False)


class VerifyReport:
    """What a verification found.

    Attributes:
        verdict: ``VERIFIED``, ``VERIFIED_TO(n)``, ``MISSING``, ``TAMPERED``, ...
        findings: What does not fit: ``kind``, ``verdict``, ``object``, ``batch``, ``rows``,
            ``message`` of each.
        checked: Counts of what was checked.
        not_checked: What was not, in words.
        details: The whole report, as ``sealtrail verify-integrity -o json`` prints it.
    """

    def __init__(self, details: dict[str, Any]) -> None:
        """Wrap the native report."""
        self.details = details
        self.verdict: str = details["verdict"]
        self.findings: list[dict[str, Any]] = details["findings"]
        self.checked: dict[str, int] = details["checked"]
        self.not_checked: list[str] = details["not_checked"]

    @property
    def ok(self) -> bool:
        """Whether everything that was checked holds."""
        return self.verdict.partition("(")[0] in {"VERIFIED", "VERIFIED_TO", "PRUNED", "ERASED"}

    @property
    def exit_code(self) -> int:
        """What ``sealtrail verify-integrity`` exits with: 0 if it holds, else 4."""
        return 0 if self.ok else 4

    def __bool__(self) -> bool:
        """The same as ``ok``, so that ``assert trail.verify()`` means what it says."""
        return self.ok

    def __repr__(self) -> str:
        """Verdict, counts and the first findings."""
        lines = [f"{self.verdict}  {self.checked['records']:,} records checked"]
        lines += [f"  {f['kind']}: {f['object']}: {f['message']}" for f in self.findings[:10]]
        if len(self.findings) > 10:
            lines.append(f"  ... and {len(self.findings) - 10} more findings")
        return "\n".join(lines)


class Trail:
    """An open audit trail. Share it freely among threads; open it anew in other processes.

    Made by :func:`sealtrail.init` and :func:`sealtrail.open`. As a context manager it commits what
    was recorded and gives its writer free at the end.

    Example:
        >>> import sealtrail, tempfile
        >>> trail = sealtrail.init(tempfile.mkdtemp() + "/audit")
        >>> with trail:
        ...     _ = trail.record({"event_type": "auth.user_login", "user_id": "mira"})
        >>> trail.sql("SELECT user_id FROM events").to_dicts()
        [{'user_id': 'mira'}]
    """

    def __init__(self, native: _native.Trail, purpose: str | None = None) -> None:
        """Wrap the native trail; use :func:`sealtrail.open`."""
        self._native = native
        self._purpose = purpose
        _OPEN.add(self)

    @property
    def url(self) -> str:
        """The trail's root URL."""
        return self._native.url

    @property
    def purpose(self) -> str | None:
        """What questions are for that do not say it themselves, as given on opening."""
        return self._purpose

    @property
    def keys(self) -> Keys:
        """Who may write to the trail."""
        return Keys(self._native.keys())

    @property
    def info(self) -> dict[str, Any]:
        """What the trail is: id, origin, partitioning, when it was made."""
        return _object(self._native.info())

    def record(self, event: Mapping[str, Any] | str | bytes, *, strict: bool | None = None) -> str:
        """Record one event; it is durable when this returns.

        Args:
            event: A mapping, or one JSON object as text. Aware ``datetime`` objects become RFC 3339
                in UTC; integers and decimals of any size keep their exact value.
            strict: Refuse what the catalogue finds fault with, instead of noting it in
                ``schema_violations``. Default: only for events of :mod:`sealtrail.events`.

        Returns:
            Its ``audit_id``.

        Raises:
            InvalidEventError: The event cannot become a record; ``path`` names the field.
            ConflictError: Another event has this ``audit_id``.
            StoreError: Its outcome is unknown; repeating it with the error's ``audit_id`` is safe.
        """
        if strict is None:
            strict = isinstance(event, Event)
        return self._native.record(event, strict)

    def record_many(
        self,
        source: Source,
        *,
        strict: bool = False,
        progress: Callable[[int, int, int], object] | None = None,
    ) -> RecordReport:
        """Record many events and commit them; good ones are kept whatever the others are like.

        Args:
            source: Mappings; JSON lines as bytes or text; the :class:`pathlib.Path` of a file of
                JSON lines or an open file (plain, gzip or zstd); or anything with
                ``__arrow_c_stream__``, whose rows become events (structs become objects, NULL
                fields are left out).
            strict: Refuse what the catalogue finds fault with, instead of noting it.
            progress: Called now and then with bytes read, events seen and records committed.

        Returns:
            A report that names the refused ones.

        Raises:
            TypeError: The source is of no such kind.
            StoreError: It cannot be read, or the trail not be written. A note of the exception
                says how many events were committed before.

        Example:
            >>> import sealtrail, tempfile
            >>> trail = sealtrail.init(tempfile.mkdtemp() + "/audit")
            >>> report = trail.record_many([
            ...     {"event_type": "data.export", "resource": {"path": "/claims.csv"}},
            ...     {"event_type": "billing.paid"},
            ... ])
            >>> report.recorded, report.problems[0].line, report.problems[0].path
            (1, 2, 'event_type')
        """
        if isinstance(source, str) and "{" not in source and Path(source).exists():
            message = f"{source!r} is taken as JSON lines; for a file give pathlib.Path({source!r})"
            raise TypeError(message)
        report = _object(self._native.record_many(source, strict, progress))
        problems = [RefusedLine(**problem) for problem in report.pop("problems")]
        return RecordReport(**report, problems=problems)

    def import_claude_code(
        self,
        paths: Path_ | Iterable[Path_],
        *,
        include_content: bool = False,
        progress: Callable[[int, int, int, int], object] | None = None,
    ) -> ImportReport:
        """Record what transcripts of Claude Code tell.

        Args:
            paths: One or more files or folders, such as ``~/.claude/projects``.
            include_content: Keep the results of tool calls, not only their size and hash.
            progress: Called now and then with files read, files in all, events found and records
                committed.

        Returns:
            What was new. Importing the same again adds nothing.
        """
        report = self._native.import_logs("claude-code", _paths(paths), include_content, progress)
        return ImportReport(**_object(report))

    def import_cloudtrail(
        self,
        paths: Path_ | Iterable[Path_],
        *,
        progress: Callable[[int, int, int, int], object] | None = None,
    ) -> ImportReport:
        """Record what log files of AWS CloudTrail tell.

        Args:
            paths: One or more files or folders.
            progress: As for :meth:`import_claude_code`.

        Returns:
            What was new. Importing the same again adds nothing.
        """
        report = self._native.import_logs("cloudtrail", _paths(paths), False, progress)  # noqa: FBT003
        return ImportReport(**_object(report))

    def flush(self) -> None:
        """Commit every record of this process that is not in the ledger yet.

        What a process left that died is committed by the next one that records.
        """
        self._native.flush()

    def close(self, *, commit: bool = True) -> None:
        """Stop writing and give the writer free; reading goes on.

        The ledger says then that this process ended in order and left nothing in its log.

        The next record opens a writer again: close the trail once more after it.

        Args:
            commit: Commit what is not committed. Otherwise it stays durable in the log, for the
                next writer on this host.
        """
        self._native.close(commit)

    def __enter__(self) -> Self:
        """Return the trail."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Commit and close."""
        self.close()

    def get(self, audit_id: str, *, purpose: str | None = None) -> dict[str, Any] | None:
        """The record with this id, or None.

        Args:
            audit_id: The record's id.
            purpose: What for; as for :meth:`sql`.
        """
        text = self._native.get(audit_id, self._purpose_of(purpose))
        return None if text is None else _object(text)

    def contains(self, ids: Iterable[str], *, purpose: str | None = None) -> set[str]:
        """Which of these ids the trail has.

        Args:
            ids: Ids of records.
            purpose: What for; as for :meth:`sql`.
        """
        if isinstance(ids, str):
            message = f"several ids are wanted; for one id use get, or give [{ids!r}]"
            raise TypeError(message)
        return set(self._native.contains(list(ids), self._purpose_of(purpose)))

    def sql(
        self,
        query: str,
        params: Sequence[Any] | Mapping[str, Any] | None = None,
        *,
        at: int | datetime | None = None,
        purpose: str | None = None,
        exclude_access: bool = False,
    ) -> Result:
        """Ask a question; records that are not committed yet are included.

        Who asks is recorded in the trail (``system.audit_access``): once before the first row and
        once after the last, for each time that the answer is read.

        Args:
            query: One statement that reads: the views are ``events``, ``auth_events``,
                ``agent_events``, ``data_events``, ``workflow_events``, ``system_events``,
                ``workflow_steps`` and ``approvals``.
            params: Values for ``$1``, ``$2`` or ``?`` (a list or tuple), or ``$name`` (a mapping).
            at: Ask the trail as it was, without what was not committed then: when its ledger
                had so many entries, or at a time (with its zone).
            purpose: What for; it is recorded with who asked. Default: that of
                :func:`sealtrail.open`, else SEALTRAIL_PURPOSE.
            exclude_access: Leave the records of who looked out of the answer.

        Returns:
            The answer, computed as it is read.

        Raises:
            SqlError: The statement cannot be answered; ``line`` and ``column`` tell the place.
            UsageError: The trail had no such moment, the time lacks its zone, or the policy wants
                a purpose and there is none.
            AccessError: The policy requires it to be recorded who asks, and that failed.

        Example:
            >>> import sealtrail, tempfile
            >>> trail = sealtrail.init(tempfile.mkdtemp() + "/audit")
            >>> _ = trail.record({"event_type": "auth.user_login", "user_id": "mira"})
            >>> trail.sql("SELECT count(*) AS n FROM events WHERE user_id = ?", ["mira"]).to_dicts()
            [{'n': 1}]
        """
        purpose = self._purpose_of(purpose)
        return Result(self._native.sql(query, params, _moment(at), purpose, exclude_access))

    def search(  # noqa: PLR0913
        self,
        *,
        since: Time | None = None,
        until: Time | None = None,
        severity_min: str | None = None,
        where: str | Sequence[str] | None = None,
        text: str | Sequence[str] | None = None,
        order: str | Sequence[str] | None = None,
        reverse: bool = False,
        limit: int | None = None,
        cursor: str | None = None,
        fields: Sequence[str] | None = None,
        purpose: str | None = None,
        exclude_access: bool = False,
        **matching: Values,
    ) -> SearchResult:
        r"""Find what happened; everything that is given must be met. The earliest comes first.

        Args:
            since: What happened then or later: a ``datetime`` with its zone, a ``date`` (its first
                moment in UTC), a ``timedelta`` (so long ago), or text such as ``"24 hours"``,
                ``"2 weeks ago"``, ``"yesterday"``, ``"last monday"``.
            until: What happened before.
            severity_min: The least severity; that of its event type where an event has none.
            where: Expressions of SQL over any path of the record, such as
                ``"resource.size_bytes > 1e6"``.
            text: Words that stand somewhere in the values of a record, whatever their case;
                ``"quotes"`` keep words together.
            order: Fields to order by, such as ``"cost_usd desc"``; what is missing comes last.
            reverse: Turn the order round: by default the latest first.
            limit: At most so many results.
            cursor: Go on after the result that this is the cursor of.
            fields: Only these: paths such as ``resource.path``, or columns such as ``actor``.
            purpose: What for; as for :meth:`sql`. Each reading of the results is recorded.
            exclude_access: Leave out the records of who looked.
            **matching: Values of the logical fields (:func:`sealtrail.search_fields`: ``user_id``,
                ``agent_id``, ``event_type``, ``status``, ``source_ip``, ``resource``...) or of
                paths (``**{"resource.type": "file"}``): one or a list. ``*`` stands for any
                characters, ``?`` for one, ``!`` in front excludes, a network such as
                ``203.0.113.0/24`` holds its addresses, ``\\`` takes a meaning away. With ``_not``
                or ``_not_in`` after the name, what matches is left out, and records without a
                value are found.

        Returns:
            The results, computed as they are read.

        Raises:
            UsageError: Something given means nothing.
            SqlError: An expression cannot be read.

        Example:
            >>> import sealtrail, tempfile
            >>> trail = sealtrail.init(tempfile.mkdtemp() + "/audit")
            >>> _ = trail.record({"event_type": "auth.user_login", "user_id": "mira"})
            >>> _ = trail.record({"event_type": "agent.created", "owner": "mira"})
            >>> trail.search(user_id="mi*", fields=["event_type", "actor"]).to_dicts()[0]
            {'event_type': 'auth.user_login', 'actor': 'mira'}
        """
        options = locals()
        return self._searching(_options(options)).run()

    def query(  # noqa: PLR0913
        self,
        *,
        since: Time | None = None,
        until: Time | None = None,
        severity_min: str | None = None,
        where: str | Sequence[str] | None = None,
        text: str | Sequence[str] | None = None,
        order_by: str | Sequence[str] | None = None,
        reverse: bool = False,
        limit: int | None = None,
        cursor: str | None = None,
        fields: Sequence[str] | None = None,
        purpose: str | None = None,
        exclude_access: bool = False,
        **matching: Values,
    ) -> SearchQuery:
        """A search that goes on: with ``where``, ``order_by``, ``limit`` and more.

        The keywords are those of :meth:`search`.

        Example:
            >>> import sealtrail, tempfile
            >>> from datetime import timedelta
            >>> trail = sealtrail.init(tempfile.mkdtemp() + "/audit")
            >>> _ = trail.record({"event_type": "auth.user_login", "status": "fail"})
            >>> failed = trail.query(status_not_in=["success"], since=timedelta(days=1))
            >>> failed.where("mfa_verified IS NULL").order_by("timestamp desc").limit(5).count()
            1
        """
        options = locals()
        return self._searching(_options(options))

    def fields(self, top: int = 5, **search: Any) -> list[dict[str, Any]]:
        """Every field of the records: ``path``, ``types``, ``events``, ``fill``, ``top``, ...

        Args:
            top: How many of the most frequent values to tell.
            **search: Only of the records that a :meth:`search` with these keywords finds.

        Returns:
            One for each path, ``[]`` standing for the elements of an array: ``types`` (the most
            frequent first), ``events`` that have it, ``fill`` (0 to 1), ``distinct`` values,
            ``more`` (there are more of them than were counted), and ``top``, a list of
            ``{"value": ..., "events": ...}``.
        """
        return self._searching(search).fields(top)

    def who(self, id: str, top: int = 10, **search: Any) -> dict[str, Any] | None:  # noqa: A002
        """The page of one user, agent, credential, session or address.

        Args:
            id: Who it is about.
            top: How long the lists are at most.
            **search: Only of the records that a :meth:`search` with these keywords finds.

        Returns:
            ``known_as``, ``events``, ``first``, ``last``, ``failed``, the last ``failures``, and
            the lists ``did`` and ``about`` (event types, as actor and otherwise), ``outcomes``,
            ``users``, ``agents``, ``actors``, ``credentials``, ``addresses``, ``sessions``,
            ``resources``, ``tools``: each with ``total`` and ``top``. None if no event names it.
        """
        return self._searching(search).who(id, top)

    def submit(
        self,
        query: str,
        params: Sequence[Any] | Mapping[str, Any] | None = None,
        *,
        purpose: str | None = None,
    ) -> Job:
        """Ask a question that takes long: a process of its own answers it, also after this one.

        Args:
            query: As for :meth:`sql`.
            params: As for :meth:`sql`; text, numbers, bools and None.
            purpose: What for; as for :meth:`sql`.

        Returns:
            The job. Its result is kept until :meth:`Job.remove` or ``sealtrail jobs clean``.

        Example:
            >>> import sealtrail, tempfile
            >>> home = tempfile.mkdtemp()
            >>> trail = sealtrail.init(tempfile.mkdtemp() + "/audit", home=home)
            >>> _ = trail.record({"event_type": "auth.user_login", "user_id": "mira"})
            >>> trail.submit("SELECT user_id FROM events").result().to_dicts()
            [{'user_id': 'mira'}]
        """
        return _jobs.submit(self._native, query, params, self._purpose_of(purpose))

    def tail(
        self,
        *,
        follow: bool = False,
        last: int | None = 10,
        cursor: str | None = None,
        since: Time | None = None,
        until: Time | None = None,
        severity_min: str | None = None,
        where: str | Sequence[str] | None = None,
        text: str | Sequence[str] | None = None,
        **matching: Values,
    ) -> Tail:
        """The newest records that meet a filter, and those to come.

        Records come as they are recorded, whatever their timestamp: those of this host at most a
        second after they are durable, those of other hosts once they are committed; each of them
        once.

        Args:
            follow: Wait for those to come, until the iteration is closed or interrupted.
            last: Give so many of the newest ones first; None for all.
            cursor: Go on where :attr:`Tail.cursor` was taken, instead.
            since: As for :meth:`search`.
            until: As for :meth:`search`.
            severity_min: As for :meth:`search`.
            where: As for :meth:`search`.
            text: As for :meth:`search`.
            **matching: As for :meth:`search`.

        Returns:
            An iterator of records.

        Example:
            >>> import sealtrail, tempfile
            >>> trail = sealtrail.init(tempfile.mkdtemp() + "/audit")
            >>> _ = trail.record({"event_type": "auth.user_login", "user_id": "mira"})
            >>> tail = trail.tail(event_type="auth.*")
            >>> [record["user_id"] for record in tail]
            ['mira']
            >>> _ = trail.record({"event_type": "auth.user_login", "user_id": "jon"})
            >>> [record["user_id"] for record in trail.tail(cursor=tail.cursor)]
            ['jon']
        """
        wanted = {"since": since, "until": until, "severity_min": severity_min}
        search = {**wanted, "where": where, "text": text, "purpose": self._purpose, **matching}
        return _tail.tail(self._native, search, follow=follow, last=last, cursor=cursor)

    def sequence(
        self,
        pattern: str,
        *,
        within: float | timedelta,
        by: str | Sequence[str] | None = None,
        **search: Any,
    ) -> Sequences:
        """Find events that follow each other.

        Args:
            pattern: Steps such as ``auth.user_login[status=fail]{3,}``, and ``!type[...]`` for what
                must be absent; ``sealtrail search --help`` says more.
            within: From the first event of a match to its last, at most: seconds or a duration.
            by: What the events of a match have in common: one field or several. Default:
                ``source_ip`` if all steps are ``auth.*``, else ``actor``.
            **search: Which events take part: ``since``, ``until``, ``where``, ``text``,
                ``severity_min`` and fields, as for :meth:`search`; and ``limit``, at most so many
                matches.

        Returns:
            The matches, found as they are read.

        Raises:
            SqlError: The pattern cannot be read; ``line`` and ``column`` tell the place.
            UsageError: Something given means nothing.

        Example:
            >>> import sealtrail, tempfile
            >>> trail = sealtrail.init(tempfile.mkdtemp() + "/audit")
            >>> for status in ["fail", "fail", "fail", "success"]:
            ...     event = {"event_type": "auth.user_login", "status": status}
            ...     _ = trail.record({**event, "source_ip": "203.0.113.9"})
            >>> brute_force = "auth.user_login[status=fail]{3,} auth.user_login[status=success]"
            >>> [match.steps for match in trail.sequence(brute_force, within=300)]
            [[1, 1, 1, 2]]
        """
        return find(self._native, self._searching(search), pattern, within, by)

    def trace(  # noqa: PLR0913
        self,
        id: str,  # noqa: A002
        *,
        kind: _trace.Kind | None = None,
        up: bool = True,
        down: bool = True,
        depth: int | None = None,
        max_nodes: int = 10_000,
        since: datetime | None = None,
        until: datetime | None = None,
        purpose: str | None = None,
    ) -> _trace.Trace:
        """Who stands behind an id, and everything that came of it.

        Args:
            id: Of an event, execution, session, agent, credential or user.
            kind: What it is the id of, if it is that of several things.
            up: Show what it is under, up to the user and the authentication.
            down: Show what is under it.
            depth: At most so many levels below it.
            max_nodes: At most so many events; ``cut`` says whether some were left out.
            since: Under it, only events from this time on (with its zone).
            until: Under it, only events before this time (with its zone).
            purpose: What for; as for :meth:`sql`.

        Returns:
            The chain.

        Raises:
            NotFoundError: Nothing has this id.
            UsageError: It is the id of several things; the message says of which.

        Example:
            >>> import sealtrail, tempfile
            >>> trail = sealtrail.init(tempfile.mkdtemp() + "/audit")
            >>> read = {"event_type": "data.file_read", "resource": {"path": "/claims.csv"}}
            >>> id = trail.record(read | {"agent_id": "triage", "initiated_by": "mira"})
            >>> [node["name"] for node in trail.trace(id).nodes[:2]]
            ['mira', 'triage']
        """
        return _trace.trace(
            self._native,
            id,
            kind=kind,
            up=up,
            down=down,
            depth=depth,
            max_nodes=max_nodes,
            window=(since, until),
            purpose=self._purpose_of(purpose),
        )

    def execution_chain(self, execution_id: str, *, purpose: str | None = None) -> Result:
        """Everything done in a run and under it: a row for each event, and for each of its steps.

        Columns: ``depth``, ``timestamp``, ``kind`` (``event`` or ``step``), ``execution_id``,
        ``parent``, ``audit_id``, ``event_type``, ``actor``, ``agent_id``, ``action``, ``outcome``,
        ``step_name``, ``step_status``, ``step_index``, ``duration_ms``, ``decision_condition``,
        ``decision_evaluated_value``, ``decision_result``, ``resource_path``,
        ``resource_sensitivity_level``, ``tool_name``, ``error``, ``approved_by``,
        ``authority_audit_id``, ``after_permission_ended``.

        Raises:
            NotFoundError: There is no such run.
        """
        return _trace.execution_chain(self._native, execution_id, self._purpose_of(purpose))

    def related(
        self,
        id: str,  # noqa: A002
        *,
        context: timedelta = timedelta(minutes=30),
        kind: _trace.Kind | None = None,
        limit: int = 10_000,
        **search: Any,
    ) -> list[_trace.RelatedEvent]:
        """Events of the same user, session, agent, execution, address or resource around a time.

        Args:
            id: Of an event, or of anything that :meth:`trace` takes.
            context: How long before its first and after its last event.
            kind: What it is the id of, if it is that of several things.
            limit: At most so many events, the earliest.
            **search: Only those that a :meth:`search` with these keywords finds.

        Returns:
            ``record`` and ``reasons`` of each, by time.

        Raises:
            NotFoundError: Nothing has this id.

        Example:
            >>> import sealtrail, tempfile
            >>> trail = sealtrail.init(tempfile.mkdtemp() + "/audit")
            >>> id = trail.record({"event_type": "auth.user_login", "user_id": "mira"})
            >>> _ = trail.record({"event_type": "data.export", "user_id": "mira"})
            >>> [event["reasons"] for event in trail.related(id)]
            [['itself', 'user mira'], ['user mira']]
        """
        asked = self._searching(search).asked()
        return _trace.related(
            self._native, id, context=context, kind=kind, limit=limit, asked=asked
        )

    def register(self, name: str, table: ArrowStream | Path_) -> None:
        r"""Bring a table into the SQL of this object: people, assets, threat intelligence.

        It is read now and held in memory; it becomes no part of the trail.

        Args:
            name: How SQL calls it: lower-case letters, digits and ``_``.
            table: Anything with ``__arrow_c_stream__`` (a pyarrow table, a pandas or polars frame,
                an answer of a trail), or the path of a ``.parquet``, ``.csv`` or ``.tsv`` (with a
                header), ``.jsonl`` or ``.ndjson`` file.

        Raises:
            UsageError: The name is a view's, or the file cannot be read.

        Example:
            >>> import sealtrail, tempfile
            >>> from pathlib import Path
            >>> trail = sealtrail.init(tempfile.mkdtemp() + "/audit")
            >>> _ = trail.record({"event_type": "auth.user_login", "user_id": "mira"})
            >>> staff = Path(tempfile.mkdtemp()) / "staff.csv"
            >>> _ = staff.write_text("user_id,team\nmira,claims\n")
            >>> trail.register("staff", staff)
            >>> trail.sql("SELECT team FROM events JOIN staff USING (user_id)").to_dicts()
            [{'team': 'claims'}]
        """
        self._native.register(name, table)

    def unregister(self, name: str) -> bool:
        """Forget a table; False if there was none of this name."""
        return self._native.unregister(name)

    def table(self, *, purpose: str | None = None) -> _native.Table:
        """The ``events`` of now as a table for DataFusion for Python.

        Its schema is that of ``SELECT * FROM events``; filters, columns and limits are handed
        down, and the reading is done here.

        Args:
            purpose: What for; as for :meth:`sql`. What is then read from the table is not recorded.

        Example:
            >>> import datafusion, sealtrail, tempfile  # doctest: +SKIP
            >>> trail = sealtrail.open("./audit")  # doctest: +SKIP
            >>> context = datafusion.SessionContext()  # doctest: +SKIP
            >>> context.register_table("events", trail.table())  # doctest: +SKIP
            >>> context.sql("SELECT count(*) FROM events").show()  # doctest: +SKIP
        """
        return self._native.table(self._purpose_of(purpose))

    def files(self, *, verify: bool = False, purpose: str | None = None) -> Result:
        """The Parquet files of the committed trail and their physical figures, one row each.

        This is the list of the ledger: what else lies in the folders is no part of the trail.
        ``location`` is what DuckDB, Polars and pandas open. Their rows are physical: the fixed
        columns that hold a value, the columns that this file promoted, and ``_rest``, the
        remaining fields as JSON; partition ``domain`` is in ``path``.

        Args:
            verify: Read every file first, and compare its length and SHA-256 with the ledger's.
            purpose: What for; as for :meth:`sql`. What is then read from the files is not recorded.

        Raises:
            IntegrityError: With ``verify``: a file is missing or is another one.
        """
        return Result(self._native.files(verify, self._purpose_of(purpose)))

    def stats(self) -> dict[str, Any]:
        """Figures: events by domain, time range, segments, bytes, unsealed records, ..."""
        return _object(self._native.stats())

    def verify(  # noqa: PLR0913
        self,
        level: Literal["deep", "quick"] = "deep",
        *,
        key: Path_ | None = None,
        owner_key: Path_ | None = None,
        threads: int = 0,
        since_last: bool = False,
        pin: Path_ | None = None,
        no_pin: bool = False,
        require_pin: bool = False,
        anchors: bool = False,
        progress: Callable[[int, int], object] | None = None,
        purpose: str | None = None,
    ) -> VerifyReport:
        """Recompute everything from bytes and keys.

        What was verified is remembered under SEALTRAIL_HOME (see :meth:`pin`), and the next
        verification demands that the trail extends it: one that was put back to an earlier state
        is ``ROLLED_BACK``, another one ``FORKED``.

        Args:
            level: ``deep`` (every record and whatever a query relies on) or ``quick``
                (signatures and digests of files).
            key: The owner's public key, or its file. Default: the keys folder.
            owner_key: The owner's key, as for :func:`init`: HMACs are checked too.
            threads: How many; 0 for all cores.
            since_last: Look deeply only at what came since the last deep verification, the first
                time at everything. ``report.details["since"]`` says what was left out.
            pin: A file with a further pin or a signed checkpoint to demand; it is only read.
            no_pin: Neither compare with what was seen before nor remember what is seen now.
            require_pin: ``UNANCHORED`` if there is nothing to compare with.
            anchors: Demand the checkpoints in the trail's anchors, too; ``UNANCHORED`` if none of
                them can be read.
            progress: Called now and then with records checked and records in all.
            purpose: What for; as for :meth:`sql`.

        Returns:
            The report. Records of who looked that wait in this host's logs for the next commit
            leave the verdict as it is; ``report.details["notes"]`` counts them.
        """
        pinning: dict[str, object] = {
            "pin": _path(pin),
            "no_pin": no_pin,
            "require_pin": require_pin,
            "since_last": since_last,
            "anchors": anchors,
        }
        purpose = self._purpose_of(purpose)
        report = self._native.verify(
            level, _url(key), _url(owner_key), _threads(threads), pinning, progress, purpose
        )
        return VerifyReport(_object(report))

    def pin(self) -> dict[str, Any] | None:
        """What the last successful verification saw, or what was set: the ledger must extend it.

        Returns:
            ``origin``, ``size``, ``root`` (hex), ``time``, ``deep`` and more; None before the first
            verification.

        Raises:
            IntegrityError: The pin's file is damaged.
        """
        found = self._native.pin()
        return None if found is None else _object(found)

    def set_pin(self, note: str, *, key: Path_ | None = None) -> None:
        """Demand from now on that the trail extends a signed checkpoint.

        Args:
            note: The checkpoint, for example from somebody else who has seen the trail.
            key: The owner's public key, or its file. Default: the keys folder.

        Raises:
            IntegrityError: Neither the owner nor a writer of this trail signed it.
        """
        self._native.set_pin(note, _url(key))

    def clear_pin(self) -> bool:
        """Forget the pin, for a trail that was replaced on purpose.

        Returns:
            Whether there was one.
        """
        return self._native.clear_pin()

    def add_anchor(self, target: Path_, *, file: bool = False) -> None:
        """Send a copy of each checkpoint to another place, from this host and from now on.

        Writers send in the background, and never fail for it: ``stats()["anchors"]`` tells how it
        went.

        Args:
            target: A folder, the URL of an object store, or an http(s) URL.
            file: It is one local file, which always holds the newest checkpoint.

        Raises:
            AlreadyExistsError: It is an anchor already.
            UsageError: It cannot be one, or lies in the trail.
        """
        self._native.add_anchor(fspath(target), file)

    def remove_anchor(self, target: Path_) -> None:
        """Send nothing more there; what it holds stays.

        Raises:
            NotFoundError: It is no anchor of this trail.
        """
        self._native.remove_anchor(fspath(target))

    def anchors(self) -> list[dict[str, Any]]:
        """The places that get copies: ``kind`` (``folder``, ``file``, ``http``) and ``url``."""
        found: list[dict[str, Any]] = json.loads(self._native.anchors())
        return found

    def checkpoint(self) -> str:
        """A signed statement of the whole ledger: a C2SP signed note.

        Where this host has a writer it covers all entries; elsewhere it is the newest one that a
        writer published. Keep it where nobody who can change the trail can change it.

        Raises:
            NotFoundError: Nobody has signed one yet, and this host cannot.
            IntegrityError: The ledger was cut off or replaced.
        """
        return self._native.checkpoint()

    def prove(self, audit_id: str, *, purpose: str | None = None) -> bytes:
        """The proof that a record is in the trail, for whoever has the owner's public key.

        Args:
            audit_id: The record's id. It must be committed: see :meth:`flush`.
            purpose: What for; as for :meth:`sql`.

        Returns:
            The file of the proof, which :func:`sealtrail.check_proof` and
            ``sealtrail check-proof`` check offline.

        Raises:
            NotFoundError: No record has this id.
            UsageError: It is not in the ledger yet, or no checkpoint covers it yet.

        Example:
            >>> import sealtrail, tempfile, pathlib
            >>> home = pathlib.Path(tempfile.mkdtemp())
            >>> trail = sealtrail.init(tempfile.mkdtemp() + "/audit", home=home)
            >>> id = trail.record({"event_type": "auth.user_login", "user_id": "mira"})
            >>> trail.flush()
            >>> key = home / "keys" / trail.info["trail_id"] / "owner.vkey"
            >>> sealtrail.check_proof(trail.prove(id), key).record["user_id"]
            'mira'
        """
        proof = self._native.prove(audit_id, self._purpose_of(purpose))
        if proof is None:
            message = f"{audit_id}: no record has this audit_id"
            raise NotFoundError(message, kind="not_found")
        return proof

    def prove_consistency(self, start: int, to: int | None = None) -> bytes:
        """The proof that the ledger's first ``to`` entries begin with its first ``start`` ones.

        Args:
            start: Number of entries of the earlier state, such as the second line of a checkpoint
                that was kept.
            to: Number of entries of the later one. Default: those of :meth:`checkpoint`.

        Returns:
            The file of the proof, for :func:`sealtrail.check_consistency`.

        Raises:
            UsageError: The ledger has no such states.
            NotFoundError: Nobody signed for the later one, and this host cannot.
        """
        return self._native.prove_consistency(_size(start), None if to is None else _size(to))

    def _searching(self, options: Mapping[str, Any]) -> SearchQuery:
        purpose = self._purpose_of(options.get("purpose"))
        return make(self._native, {**options, "purpose": purpose})

    def _purpose_of(self, given: str | None) -> str | None:
        return self._purpose if given is None else given

    def __repr__(self) -> str:
        """Where the trail is."""
        return f"<sealtrail.Trail {self.url}>"

    def __reduce__(self) -> NoReturn:
        """Refuse: a trail holds locks and keys."""
        message = "a Trail cannot be pickled or copied; open it again with sealtrail.open(url)"
        raise TypeError(message)


_OPEN: WeakSet[Trail] = WeakSet()


@atexit.register
def _settle() -> None:
    """Give writers free in order that were held to record who looked."""
    for trail in list(_OPEN):
        # A forked child has nothing to give free.
        with suppress(ForkedError):
            trail._native.settle()  # noqa: SLF001


def init(
    url: Path_ | None = None,
    *,
    partition_by: Literal["month", "day"] | None = None,
    origin: str | None = None,
    owner_key: Path_ | None = None,
    home: Path_ | None = None,
    config: Path_ | None = None,
    purpose: str | None = None,
) -> Trail:
    """Make a trail and its owner's keys, and open it.

    Args:
        url: A path, or ``s3://``, ``gs://``, ``az://``. Default: SEALTRAIL_TRAIL, the
            configuration, ``./audit``.
        partition_by: ``day`` for millions of events a day.
        origin: Name of its log in checkpoints.
        owner_key: The owner's key, made by ``sealtrail keys init``: a file, ``env:NAME`` (a
            variable that holds it) or ``cmd:COMMAND`` (which prints it). It stays where it is.
            Default: a new one.
        home: Folder of keys, state and configuration. Default: SEALTRAIL_HOME, the XDG folders.
        config: A configuration file.
        purpose: What questions are for that do not say it themselves.

    Returns:
        The open trail.

    Raises:
        AlreadyExistsError: There is one already.
    """
    native = _native.init(
        _url(url),
        partition_by=partition_by,
        origin=origin,
        owner_key=_url(owner_key),
        home=_path(home),
        config=_path(config),
    )
    return Trail(native, purpose)


@overload
def open(  # type: ignore[overload-overlap] # noqa: A001 - a str is no list of URLs
    url: Path_ | None = None,
    *,
    home: Path_ | None = None,
    config: Path_ | None = None,
    purpose: str | None = None,
) -> Trail: ...


@overload
def open(  # noqa: A001
    url: Sequence[Path_] | Mapping[str, Path_],
    *,
    home: Path_ | None = None,
    config: Path_ | None = None,
    purpose: str | None = None,
) -> Trails: ...


def open(  # noqa: A001
    url: Path_ | Sequence[Path_] | Mapping[str, Path_] | None = None,
    *,
    home: Path_ | None = None,
    config: Path_ | None = None,
    purpose: str | None = None,
) -> Trail | Trails:
    """Open a trail, for reading and writing; or several, for questions to all of them.

    Args:
        url: As for :func:`init`. A list of them, or a mapping of names to them, opens several.
        home: As for :func:`init`.
        config: As for :func:`init`.
        purpose: As for :func:`init`.

    Returns:
        The open trail, or the open trails.

    Raises:
        NotFoundError: There is none.
    """

    def one(url: Path_ | None) -> Trail:
        return Trail(_native.open(_url(url), home=_path(home), config=_path(config)), purpose)

    if url is None or isinstance(url, (str, PathLike)):
        return one(url)
    if isinstance(url, Mapping):
        return Trails({name: one(url) for name, url in url.items()})
    trails = [one(url) for url in url]
    return Trails({trail.url: trail for trail in trails})


def verify(  # noqa: PLR0913
    url: Path_ | None = None,
    *,
    trail_id: str | None = None,
    level: Literal["deep", "quick"] = "deep",
    key: Path_ | None = None,
    owner_key: Path_ | None = None,
    threads: int = 0,
    home: Path_ | None = None,
    config: Path_ | None = None,
    since_last: bool = False,
    pin: Path_ | None = None,
    no_pin: bool = False,
    require_pin: bool = False,
    anchors: bool = False,
    progress: Callable[[int, int], object] | None = None,
    purpose: str | None = None,
) -> VerifyReport:
    """Verify a trail that may be too damaged to be opened.

    Args:
        url: As for :func:`init`.
        trail_id: Whose keys of the keys folder to trust, where no key is given.
        level: As for :meth:`Trail.verify`.
        key: As for :meth:`Trail.verify`.
        owner_key: As for :meth:`Trail.verify`.
        threads: As for :meth:`Trail.verify`.
        home: As for :func:`init`.
        config: As for :func:`init`.
        since_last: As for :meth:`Trail.verify`.
        pin: As for :meth:`Trail.verify`.
        no_pin: As for :meth:`Trail.verify`.
        require_pin: As for :meth:`Trail.verify`.
        anchors: As for :meth:`Trail.verify`.
        progress: As for :meth:`Trail.verify`.
        purpose: As for :meth:`Trail.verify`.

    Returns:
        The report.
    """
    report = _native.verify(
        _url(url),
        home=_path(home),
        config=_path(config),
        trail_id=trail_id,
        level=level,
        key=_url(key),
        owner_key=_url(owner_key),
        threads=_threads(threads),
        pinning={
            "pin": _path(pin),
            "no_pin": no_pin,
            "require_pin": require_pin,
            "since_last": since_last,
            "anchors": anchors,
        },
        progress=progress,
        purpose=purpose,
    )
    return VerifyReport(_object(report))


def _object(text: bytes) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(text)
    return value


def _options(given: dict[str, Any]) -> dict[str, Any]:
    """The keywords of a search out of a method's local names."""
    return {name: value for name, value in given.items() if name not in {"self", "matching"}} | {
        **given["matching"]
    }


def _url(url: Path_ | None) -> str | None:
    return None if url is None else fspath(url)


def _moment(at: int | datetime | None) -> str | None:
    return at.isoformat() if isinstance(at, datetime) else None if at is None else str(int(at))


def _size(entries: int) -> int:
    if entries < 0:
        message = f"a number of entries is wanted, not {entries}"
        raise UsageError(message, kind="usage")
    return entries


def _threads(threads: int) -> int:
    if threads < 0:
        message = f"threads is a number, or 0 for all cores, not {threads}"
        raise UsageError(message, kind="usage")
    return threads


def _paths(paths: Path_ | Iterable[Path_]) -> list[Path]:
    several = [paths] if isinstance(paths, str | PathLike) else paths
    return [Path(fspath(path)).expanduser() for path in several]


def _path(path: Path_ | None) -> Path | None:
    return None if path is None else Path(fspath(path))
