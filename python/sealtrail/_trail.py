"""The trail, as Python sees it."""

from __future__ import annotations

import atexit
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, NoReturn, Self, overload
from weakref import WeakSet

from sealtrail import _native
from sealtrail._arguments import (
    Path_,
    Source,
    as_archives,
    as_object,
    as_path,
    as_paths,
    as_threads,
    as_url,
)
from sealtrail._backup import Backups
from sealtrail._errors import ForkedError
from sealtrail._exports import Exports
from sealtrail._integrity import Integrity
from sealtrail._keys import Keys
from sealtrail._maintenance import Maintenance
from sealtrail._privacy import Privacy
from sealtrail._questions import Questions
from sealtrail._reports import ImportReport, RecordReport, RefusedLine, VerifyReport
from sealtrail._retention import Holds, Retention
from sealtrail._trails import Trails
from sealtrail.events import Event


class Trail(Questions, Integrity, Maintenance, Privacy, Exports, Backups):
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
    def retention(self) -> Retention:
        """How long records are kept, and what is due."""
        return Retention(self._native.retention(), self._purpose)

    @property
    def holds(self) -> Holds:
        """What keeps records longer: legal holds."""
        return Holds(self._native.retention())

    @property
    def info(self) -> dict[str, Any]:
        """What the trail is: id, origin, partitioning, when it was made."""
        return as_object(self._native.info())

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
        report = as_object(self._native.record_many(source, strict, progress))
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
        report = self._native.import_logs("claude-code", as_paths(paths), include_content, progress)
        return ImportReport(**as_object(report))

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
        report = self._native.import_logs("cloudtrail", as_paths(paths), False, progress)  # noqa: FBT003
        return ImportReport(**as_object(report))

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

    def stats(self) -> dict[str, Any]:
        """Figures: events by domain, time range, segments, bytes, unsealed records, ..."""
        return as_object(self._native.stats())

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
        as_url(url),
        partition_by=partition_by,
        origin=origin,
        owner_key=as_url(owner_key),
        home=as_path(home),
        config=as_path(config),
    )
    return Trail(native, purpose)


@overload
def open(  # type: ignore[overload-overlap] # noqa: A001 - a str is no list of URLs
    url: Path_ | None = None,
    *,
    home: Path_ | None = None,
    config: Path_ | None = None,
    purpose: str | None = None,
    archives: Mapping[str, Path_] | None = None,
) -> Trail: ...


@overload
def open(  # noqa: A001
    url: Sequence[Path_] | Mapping[str, Path_],
    *,
    home: Path_ | None = None,
    config: Path_ | None = None,
    purpose: str | None = None,
    archives: Mapping[str, Path_] | None = None,
) -> Trails: ...


def open(  # noqa: A001
    url: Path_ | Sequence[Path_] | Mapping[str, Path_] | None = None,
    *,
    home: Path_ | None = None,
    config: Path_ | None = None,
    purpose: str | None = None,
    archives: Mapping[str, Path_] | None = None,
) -> Trail | Trails:
    """Open a trail, for reading and writing; or several, for questions to all of them.

    Args:
        url: As for :func:`init`. A list of them, or a mapping of names to them, opens several.
        home: As for :func:`init`.
        config: As for :func:`init`.
        purpose: As for :func:`init`.
        archives: Where archives of the trail are (folders or URLs), by their names in the ledger.
            Of others the configuration says it, then the retention policy that the owner pinned.

    Returns:
        The open trail, or the open trails.

    Raises:
        NotFoundError: There is none.
        UsageError: A name is none that an archive can have.
    """

    def one(url: Path_ | None) -> Trail:
        native = _native.open(
            as_url(url),
            home=as_path(home),
            config=as_path(config),
            archives=as_archives(archives),
        )
        return Trail(native, purpose)

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
    archives: Mapping[str, Path_] | None = None,
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
        archives: As for :meth:`Trail.verify`.
        progress: As for :meth:`Trail.verify`.
        purpose: As for :meth:`Trail.verify`.

    Returns:
        The report.
    """
    report = _native.verify(
        as_url(url),
        home=as_path(home),
        config=as_path(config),
        trail_id=trail_id,
        level=level,
        key=as_url(key),
        owner_key=as_url(owner_key),
        threads=as_threads(threads),
        pinning={
            "pin": as_path(pin),
            "no_pin": no_pin,
            "require_pin": require_pin,
            "since_last": since_last,
            "anchors": anchors,
            "archives": as_archives(archives),
        },
        progress=progress,
        purpose=purpose,
    )
    return VerifyReport(as_object(report))
