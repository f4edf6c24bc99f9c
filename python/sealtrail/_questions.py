"""Questions to a trail."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sealtrail import _jobs, _tail, _trace
from sealtrail._arguments import ArrowStream, Path_, as_moment, as_object, as_options
from sealtrail._jobs import Job
from sealtrail._native import Table
from sealtrail._native import Trail as NativeTrail
from sealtrail._result import Result
from sealtrail._search import SearchQuery, SearchResult, Time, Values, make
from sealtrail._sequence import Sequences, find
from sealtrail._tail import Tail


class Questions:
    """What an open trail answers."""

    _native: NativeTrail
    _purpose: str | None

    def get(self, audit_id: str, *, purpose: str | None = None) -> dict[str, Any] | None:
        """The record with this id, or None.

        Args:
            audit_id: The record's id.
            purpose: What for; as for :meth:`sql`.
        """
        text = self._native.get(audit_id, self._purpose_of(purpose))
        return None if text is None else as_object(text)

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
        include_archive: bool = True,
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
            include_archive: False leaves out what is in archives.

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
        moment, purpose = as_moment(at), self._purpose_of(purpose)
        return Result(
            self._native.sql(query, params, moment, purpose, exclude_access, include_archive)
        )

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
        include_archive: bool = True,
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
            include_archive: False leaves out what is in archives.
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
        return self._searching(as_options(options)).run()

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
        include_archive: bool = True,
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
        return self._searching(as_options(options))

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

    def table(self, *, purpose: str | None = None) -> Table:
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
        remaining fields as JSON; partition ``domain`` is in ``path``. ``archive`` names the archive
        that holds a file; where ``format`` is ``jsonl`` it is no Parquet but compressed JSON lines.
        Where ``key`` is not None, it is the generation of the keyring under which the file is
        encrypted: other programs read it only by Parquet modular encryption, with the key and AAD
        prefix of FORMAT section 18.

        Args:
            verify: Read every file first, and compare its length and SHA-256 with the ledger's.
            purpose: What for; as for :meth:`sql`. What is then read from the files is not recorded.

        Raises:
            IntegrityError: With ``verify``: a file is missing or is another one.
        """
        return Result(self._native.files(verify, self._purpose_of(purpose)))

    def _searching(self, options: Mapping[str, Any]) -> SearchQuery:
        purpose = self._purpose_of(options.get("purpose"))
        return make(self._native, {**options, "purpose": purpose})

    def _purpose_of(self, given: str | None) -> str | None:
        return self._purpose if given is None else given
