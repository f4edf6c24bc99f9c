"""Answers to SQL: streams of Arrow batches with conveniences."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sealtrail._native import Batch, Query, Schema

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

SHOWN_ROWS = 20


class Result:
    """The answer to a question, computed as it is read.

    It speaks Arrow's PyCapsule interface, so ``pyarrow.table(result)``, ``polars.DataFrame(result)``
    and ``duckdb.sql("FROM result")`` work without a copy through Python objects. Each reading
    computes the answer anew, over the moment of the trail at which the question was asked.
    """

    def __init__(self, query: Query) -> None:
        """Wrap what the engine gave."""
        self._query = query

    @property
    def schema(self) -> Schema:
        """The columns, with ``__arrow_c_schema__``; ``schema.columns()`` lists names and types."""
        return self._query.schema()

    def __arrow_c_schema__(self) -> object:
        """Arrow's PyCapsule of the schema."""
        return self._query.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Arrow's PyCapsule of the batches."""
        return self._query.__arrow_c_stream__(requested_schema)

    def __iter__(self) -> Iterator[Batch]:
        """Iterate over the batches; each has ``__arrow_c_array__``, ``len`` and ``to_dicts``."""
        return iter(self._query.read())

    def to_arrow(self) -> pa.Table:
        """Everything as a ``pyarrow.Table`` (needs pyarrow)."""
        import pyarrow as pa  # noqa: PLC0415  (optional)

        return pa.table(self._query.collect())

    def to_pandas(self) -> pd.DataFrame:
        """Everything as a ``pandas.DataFrame`` (needs pandas and pyarrow). Times are in UTC."""
        import pandas  # noqa: ICN001, PLC0415, F401  (a clear error when it is missing)

        return self.to_arrow().to_pandas()

    def to_polars(self) -> pl.DataFrame:
        """Everything as a ``polars.DataFrame`` (needs polars)."""
        import polars as pl  # noqa: PLC0415  (optional)

        return pl.DataFrame(self._query.collect())

    def to_dicts(self) -> list[dict[str, Any]]:
        """Everything as dictionaries. Times are aware ``datetime`` objects in UTC."""
        return self._query.collect().to_dicts()

    def __repr__(self) -> str:
        """The first rows as text."""
        names = [name for name, _ in self.schema.columns()]
        rows, more = self._query.head(SHOWN_ROWS)
        cells = [names, *([_text(value) for value in row] for row in rows)]
        widths = [max(len(row[i]) for row in cells) for i in range(len(names))]
        lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in cells]
        if more:
            lines.append(f"... more than {SHOWN_ROWS} rows")
        return "\n".join(line.rstrip() for line in lines)

    def _repr_html_(self) -> str:
        """The first rows as a table, for notebooks."""
        names = [name for name, _ in self.schema.columns()]
        rows, more = self._query.head(SHOWN_ROWS)
        head = "".join(f"<th>{html.escape(name)}</th>" for name in names)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(_text(v))}</td>" for v in row) + "</tr>"
            for row in rows
        )
        note = f"<p>The first {SHOWN_ROWS} rows; there are more.</p>" if more else ""
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{note}"


def _text(value: object) -> str:
    return "" if value is None else str(value)
