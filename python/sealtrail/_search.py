"""Search: what happened, found by what is known about it."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from sealtrail import _native
from sealtrail._errors import UsageError
from sealtrail._result import Result

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

Value: TypeAlias = str | int | float | bool | None
Values: TypeAlias = Value | Iterable[Value]
Time: TypeAlias = str | datetime | date | timedelta


class SearchField(NamedTuple):
    """A logical field: something that can be searched for, wherever in a record it stands.

    Attributes:
        name: The keyword.
        about: What it is.
        places: The paths that tell it; in parentheses the only domain whose events do.
    """

    name: str
    about: str
    places: str


def search_fields() -> list[SearchField]:
    """The logical fields by which :meth:`sealtrail.Trail.search` finds."""
    return [SearchField(*field) for field in _native.search_fields()]


class SearchResult(Result):
    """What a search found: flat as any result, and nested as it was recorded.

    As a table it has the columns that every trail has and ``attrs``, JSON of all else; or the
    fields that were asked for.
    """

    def __init__(self, native: _native.Trail, asked: str) -> None:
        """Plan the search, so that its mistakes are told now."""
        super().__init__(native.search(asked, "flat"))
        self._native = native
        self._asked = asked

    def records(self) -> Iterator[dict[str, Any]]:
        """Iterate over the records, or the fields asked for, as nested dictionaries.

        Times are text, as in :meth:`sealtrail.Trail.get`. The search runs again, over the trail
        as it is then.

        Example:
            >>> import sealtrail, tempfile
            >>> trail = sealtrail.init(tempfile.mkdtemp() + "/audit")
            >>> _ = trail.record({"event_type": "data.export", "resource": {"path": "/x.csv"}})
            >>> [r["resource"]["path"] for r in trail.search(event_type="data.*").records()]
            ['/x.csv']
        """
        for batch in self._native.search(self._asked, "nested").read():
            for row in batch.to_dicts():
                yield json.loads(row["record"])

    @property
    def cursor(self) -> str | None:
        """Where the next page begins: give it as ``cursor``; None if nothing was found."""
        cursor: str | None = json.loads(self._native.search_drained(self._asked))["cursor"]
        return cursor


@dataclass(frozen=True)
class SearchQuery:
    """A search in the making. Each method gives a new one; reading it runs it.

    Made by :meth:`sealtrail.Trail.query`. Whatever reads Arrow reads it: ``pyarrow.table(query)``,
    ``polars.DataFrame(query)``.

    Example:
        >>> import sealtrail, tempfile
        >>> trail = sealtrail.init(tempfile.mkdtemp() + "/audit")
        >>> for size in (5, 500):
        ...     _ = trail.record({"event_type": "data.export", "resource": {"size_bytes": size}})
        >>> exports = trail.query(event_type="data.export")
        >>> large = exports.where("resource.size_bytes > 100").select("resource.size_bytes")
        >>> exports.count(), large.to_dicts()
        (2, [{'resource.size_bytes': 500}])
    """

    _native: _native.Trail
    _fields: tuple[tuple[str, tuple[str, ...]], ...] = ()
    _conditions: tuple[str, ...] = ()
    _text: tuple[str, ...] = ()
    _severity_min: str | None = None
    _since: str | None = None
    _until: str | None = None
    _order: str | None = None
    _reverse: bool = False
    _limit: int | None = None
    _cursor: str | None = None
    _select: tuple[str, ...] = ()
    _purpose: str | None = None
    _exclude_access: bool = False
    _include_archive: bool = True

    def where(self, *conditions: str, **fields: Values) -> SearchQuery:
        """Only what meets these as well.

        Args:
            *conditions: Expressions of SQL over any path of the record, such as
                ``"resource.size_bytes > 1e6"``.
            **fields: Values of logical fields or paths, as for :meth:`sealtrail.Trail.search`.
        """
        given, found = _conditions_of(fields)
        known = dict(self._fields)
        for name, patterns in given.items():
            before = known.get(name, ())
            if not (_negative(before) or _negative(patterns)):
                message = f"{name} is given twice; give all its values at once"
                raise UsageError(message, kind="usage")
            known[name] = (*before, *patterns)
        conditions = (*self._conditions, *conditions, *found)
        return replace(self, _fields=tuple(known.items()), _conditions=conditions)

    def text(self, *words: str) -> SearchQuery:
        """Only records with all these words in their values, whatever their case."""
        return replace(self, _text=(*self._text, *words))

    def severity_min(self, severity: str) -> SearchQuery:
        """Only records of at least this severity."""
        return replace(self, _severity_min=severity)

    def since(self, time: Time) -> SearchQuery:
        """Only what happened then or later; a ``timedelta`` is so long ago."""
        return replace(self, _since=as_time(time))

    def until(self, time: Time) -> SearchQuery:
        """Only what happened before."""
        return replace(self, _until=as_time(time))

    def order_by(self, *fields: str) -> SearchQuery:
        """In this order, such as ``"cost_usd desc", "timestamp"``; what is missing comes last."""
        return replace(self, _order=", ".join(fields) or None)

    def reverse(self) -> SearchQuery:
        """In the opposite order; by default the latest first."""
        return replace(self, _reverse=not self._reverse)

    def limit(self, count: int) -> SearchQuery:
        """At most so many results."""
        if count < 0:
            message = f"limit is a number of results, not {count}"
            raise UsageError(message, kind="usage")
        return replace(self, _limit=count)

    def after(self, cursor: str) -> SearchQuery:
        """Go on after the result that this is the cursor of."""
        return replace(self, _cursor=cursor)

    def select(self, *fields: str) -> SearchQuery:
        """Only these fields: paths such as ``resource.path``, or columns such as ``actor``."""
        return replace(self, _select=fields)

    def purpose(self, purpose: str) -> SearchQuery:
        """What for; it is recorded with who asked."""
        return replace(self, _purpose=purpose)

    def exclude_access(self) -> SearchQuery:
        """Without the records of who looked."""
        return replace(self, _exclude_access=True)

    def exclude_archive(self) -> SearchQuery:
        """Without what is in archives."""
        return replace(self, _include_archive=False)

    def run(self) -> SearchResult:
        """Search."""
        return SearchResult(self._native, self._asked())

    def records(self) -> Iterator[dict[str, Any]]:
        """Search, and iterate over nested dictionaries."""
        return self.run().records()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The same as :meth:`records`."""
        return self.records()

    def to_dicts(self) -> list[dict[str, Any]]:
        """Search; the results as flat dictionaries."""
        return self.run().to_dicts()

    def to_arrow(self) -> pa.Table:
        """Search; the results as a ``pyarrow.Table``."""
        return self.run().to_arrow()

    def to_pandas(self) -> pd.DataFrame:
        """Search; the results as a ``pandas.DataFrame``."""
        return self.run().to_pandas()

    def to_polars(self) -> pl.DataFrame:
        """Search; the results as a ``polars.DataFrame``."""
        return self.run().to_polars()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Arrow's PyCapsule of the results."""
        return self.run().__arrow_c_stream__(requested_schema)

    def count(self) -> int:
        """How many records meet this, whatever the limit."""
        return int(self._report("count"))

    def stats(self) -> dict[str, Any]:
        """What meets this: ``events``, ``first``, ``last``, ``by_type``, ``by_actor``, ``by_hour``.

        The latter are lists of ``{"value": ..., "events": ...}``.
        """
        found: dict[str, Any] = json.loads(self._report("summary"))
        return found

    def explain(self) -> dict[str, Any]:
        """Search, and tell what was skipped and read: segments, row groups, rows, bytes."""
        found: dict[str, Any] = json.loads(self._native.search_drained(self._asked()))
        return found

    def fields(self, top: int = 5) -> list[dict[str, Any]]:
        """The fields of the records that meet this; see :meth:`sealtrail.Trail.fields`."""
        found: list[dict[str, Any]] = json.loads(self._report("fields", top))["fields"]
        return found

    def who(self, id: str, top: int = 10) -> dict[str, Any] | None:  # noqa: A002
        """The page of one id in what meets this; see :meth:`sealtrail.Trail.who`."""
        page: dict[str, Any] | None = json.loads(self._report(f"who:{id}", top))
        if page is not None:
            page |= {entry.pop("name"): entry for entry in page.pop("lists")}
        return page

    def __repr__(self) -> str:
        """The first results."""
        return repr(self.run())

    def _repr_html_(self) -> str:
        """The first results, for notebooks."""
        return self.run()._repr_html_()

    def _report(self, what: str, top: int = 0) -> bytes:
        return self._native.search_report(self._asked(), what, top)

    def asked(self) -> str:
        """The search as JSON."""
        return self._asked()

    def _asked(self) -> str:
        asked = {
            "filter": {
                "fields": dict(self._fields),
                "severity_min": self._severity_min,
                "where": self._conditions,
                "text": self._text,
            },
            "since": self._since,
            "until": self._until,
            "order": self._order,
            "reverse": self._reverse,
            "limit": self._limit,
            "cursor": self._cursor,
            "fields": self._select,
            "purpose": self._purpose,
            "exclude_access": self._exclude_access,
            "include_archive": self._include_archive,
        }
        return json.dumps(asked)


def make(native: _native.Trail, options: Mapping[str, Any]) -> SearchQuery:
    """The search that the keywords of ``trail.search`` and ``trail.query`` describe."""
    rest = dict(options)
    query = SearchQuery(native)
    if (since := rest.pop("since", None)) is not None:
        query = query.since(since)
    if (until := rest.pop("until", None)) is not None:
        query = query.until(until)
    if (severity := rest.pop("severity_min", None)) is not None:
        query = query.severity_min(severity)
    query = query.text(*_several(rest.pop("text", None)))
    order = [*_several(rest.pop("order_by", None)), *_several(rest.pop("order", None))]
    query = query.order_by(*order)
    if rest.pop("reverse", False):
        query = query.reverse()
    if (limit := rest.pop("limit", None)) is not None:
        query = query.limit(limit)
    if (cursor := rest.pop("cursor", None)) is not None:
        query = query.after(cursor)
    query = query.select(*_several(rest.pop("fields", None)))
    if (purpose := rest.pop("purpose", None)) is not None:
        query = query.purpose(purpose)
    if rest.pop("exclude_access", False):
        query = query.exclude_access()
    if not rest.pop("include_archive", True):
        query = query.exclude_archive()
    return query.where(*_several(rest.pop("where", None)), **rest)


def _several(values: str | Sequence[str] | None) -> Sequence[str]:
    return [] if values is None else [values] if isinstance(values, str) else values


def _negative(patterns: Iterable[str]) -> bool:
    return all(pattern.startswith("!") for pattern in patterns)


def _conditions_of(
    fields: Mapping[str, Values],
) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """Patterns by field, and conditions for values that are no text."""
    patterns: dict[str, tuple[str, ...]] = {}
    conditions: list[str] = []
    for given, values in fields.items():
        name, negative = _name(given)
        listed: list[Value] = (
            [values] if values is None or isinstance(values, str | int | float) else list(values)
        )
        if not listed:
            message = f"{given}: no value is given"
            raise UsageError(message, kind="usage")
        texts = tuple(value for value in listed if isinstance(value, str))
        if len(texts) == len(listed):
            sign = "!" if negative else ""
            patterns[name] = (*patterns.get(name, ()), *(f"{sign}{text}" for text in texts))
        elif texts:
            message = f"{given}: values are either all text or none is"
            raise UsageError(message, kind="usage")
        else:
            tests = " OR ".join(_equals(name, value) for value in listed)
            conditions.append(f"({tests}) IS NOT TRUE" if negative else f"({tests})")
    return patterns, conditions


def _name(given: str) -> tuple[str, bool]:
    """The field that a keyword means, and whether its values are left out."""
    known = [field.name for field in search_fields()]
    for ending in ("_not_in", "_not"):
        if given.endswith(ending):
            return given.removesuffix(ending), True
    if given not in known and "." not in given:
        meant = difflib.get_close_matches(given, known, n=1, cutoff=0.8)
        if meant:
            message = f"there is no field {given}; did you mean {meant[0]}?"
            raise UsageError(message, kind="usage")
    return given, False


def _equals(name: str, value: Value) -> str:
    path = ".".join('"' + part.replace('"', '""') + '"' for part in name.split("."))
    if value is None:
        return f"{path} IS NULL"
    if isinstance(value, bool):
        return f"{path} = {'true' if value else 'false'}"
    return f"{path} = {value!r}"


def as_time(time: Time) -> str:
    if isinstance(time, timedelta):
        time = datetime.now(UTC) - time
    return time if isinstance(time, str) else time.isoformat()
