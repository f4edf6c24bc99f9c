"""Answers to SQL: streams of Arrow batches with conveniences."""

from __future__ import annotations

import html
import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from sealtrail._native import Batch, Query, Schema

SHOWN_ROWS = 20
"""Rows that ``repr`` and notebooks show."""

_SHOWN_WIDTH = 60
"""Characters of a value that ``repr`` shows; notebooks show five times as many."""


class Result:
    """The answer to a question, computed as it is read.

    It speaks Arrow's PyCapsule interface, so that ``pyarrow.table(result)``,
    ``polars.DataFrame(result)`` and ``duckdb.sql("FROM result")`` work, without a detour through
    Python objects. Each reading computes the answer anew, over the moment of the trail at which
    the question was asked; nothing is kept but the rows that ``repr`` shows.
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
        """Arrow's PyCapsule of the batches, computed as they are read."""
        return self._query.__arrow_c_stream__(requested_schema)

    def __iter__(self) -> Iterator[Batch]:
        """Iterate over the batches; each has ``__arrow_c_array__``, ``len`` and ``to_dicts``."""
        return self._query.read()

    def to_arrow(self) -> pa.Table:
        """Everything as a ``pyarrow.Table`` (needs pyarrow)."""
        pyarrow = _need("pyarrow", "pandas")
        return pyarrow.table(self._query.collect())

    def to_pandas(self) -> pd.DataFrame:
        """Everything as a ``pandas.DataFrame`` (needs pandas and pyarrow). Times are in UTC."""
        _need("pandas", "pandas")
        frame: pd.DataFrame = self.to_arrow().to_pandas()
        return frame

    def to_polars(self) -> pl.DataFrame:
        """Everything as a ``polars.DataFrame`` (needs polars). Times are in UTC."""
        polars = _need("polars", "polars")
        frame: pl.DataFrame = polars.DataFrame(self._query.collect())
        return frame

    def to_dicts(self) -> list[dict[str, Any]]:
        """Everything as dictionaries. Times are aware ``datetime`` objects in UTC."""
        return self._query.collect().to_dicts()

    def __repr__(self) -> str:
        """The first rows as text, and a line that says so if there are more."""
        names = [name for name, _ in self.schema.columns()]
        rows, more = self._query.head(SHOWN_ROWS)
        cells = [names, *([_shown(value, _SHOWN_WIDTH) for value in row] for row in rows)]
        widths = [max(len(row[i]) for row in cells) for i in range(len(names))]
        lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in cells]
        return "\n".join([*(line.rstrip() for line in lines), _counted(len(rows), more=more)])

    def _repr_html_(self) -> str:
        """The first rows as a table, for notebooks."""
        names = [name for name, _ in self.schema.columns()]
        rows, more = self._query.head(SHOWN_ROWS)
        head = "".join(f"<th>{html.escape(name)}</th>" for name in names)
        cells = ([html.escape(_shown(v, 5 * _SHOWN_WIDTH)) for v in row] for row in rows)
        body = "".join(f"<tr>{''.join(f'<td>{c}</td>' for c in row)}</tr>" for row in cells)
        note = html.escape(_counted(len(rows), more=more))
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><p>{note}</p>"


def _need(module: str, extra: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        message = f"this needs {module}: pip install 'sealtrail[{extra}]'"
        raise ModuleNotFoundError(message, name=module) from None


def _shown(value: object, width: int) -> str:
    text = "" if value is None else str(value)
    text = text.replace("\n", "\\n")
    return text if len(text) <= width else text[: width - 1] + "…"


def _counted(rows: int, *, more: bool) -> str:
    if more:
        return f"(the first {rows} rows; there are more)"
    return "(1 row)" if rows == 1 else f"({rows} rows)"
