"""Following a trail."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from sealtrail import _native
from sealtrail._errors import UsageError
from sealtrail._search import make


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


def tail(
    native: _native.Trail,
    search: Mapping[str, Any],
    *,
    follow: bool,
    last: int | None,
    cursor: str | None,
) -> Tail:
    """Begin a tail; the arguments are those of :meth:`sealtrail.Trail.tail`."""
    if last is not None and last < 0:
        message = f"last is a number of records, or None for all, not {last}"
        raise UsageError(message, kind="usage")
    asked = make(native, search)._asked()  # noqa: SLF001
    return Tail(native.tail(follow, last, cursor, asked))
