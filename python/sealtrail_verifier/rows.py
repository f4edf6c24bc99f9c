"""The rows of a segment: each assembled, checked and hashed (FORMAT sections 2 to 5)."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import pyarrow as pa

from sealtrail_verifier import jcs, merkle, records
from sealtrail_verifier.adds import MAX_BOUND, TEXTS
from sealtrail_verifier.columns import assemble, lookup, take_apart
from sealtrail_verifier.forms import FormatError
from sealtrail_verifier.gone import Gone
from sealtrail_verifier.metadata import Metadata, Task

_UNKNOWN_LEAF: Final = bytes(32)
SLICE: Final = 4096
"""So many rows are in memory at a time."""


class Bounds:
    """The least and the greatest of the values seen; both None before the first."""

    def __init__(self) -> None:
        """Begins without values."""
        self.low: Any = None
        self.high: Any = None
        self.nulls = 0

    def add_all(self, values: list[Any]) -> None:
        """Takes many values into account; None only counts as one of `nulls`."""
        present = [value for value in values if value is not None]
        self.nulls += len(values) - len(present)
        if present:
            self.add(min(present))
            self.add(max(present))

    def add(self, value: Any) -> None:
        """Takes a value into account."""
        self.low = value if self.low is None else min(self.low, value)
        self.high = value if self.high is None else max(self.high, value)

    def listed(self) -> list[Any] | None:
        """How `stats` of the ledger has them: not at all if a string is long."""
        if any(isinstance(x, str) and len(x.encode()) > MAX_BOUND for x in (self.low, self.high)):
            return None
        return [self.low, self.high]


class Rows:
    """Reads all rows of a file in order.

    Attributes:
        count: Rows read.
        problems: Row numbers by kind of problem and problem.
        leaves: For each batch, the leaves of its records in position order.
        numbers: For each batch, the rows of the file that hold them.
        recorded: For each batch, the bounds of its `recorded_at`.
    """

    def __init__(self, said: Metadata, task: Task, gone: Mapping[int, Gone]) -> None:
        """Prepares to read the rows of one segment; `gone` is what its sidecar says."""
        self.count = 0
        self.problems: dict[tuple[str, str], list[int]] = {}
        self.leaves: list[list[bytes]] = [[] for _ in said.batches]
        self.numbers: list[list[int]] = [[] for _ in said.batches]
        self.recorded = [Bounds() for _ in said.batches]
        self._said = said
        self._task = task
        self._gone = gone
        own = {column.path for column in said.columns}
        self._absent = [column for column in task.fixed.values() if column.path not in own]
        self._misfits = [0] * len(said.columns)
        self._filled = [False] * len(said.columns)
        self._rest_column = self._rests = False
        self._before: tuple[int, bytes, bytes] | None = None
        self._statistics: list[str] = []
        self._times = Bounds()
        self._bounds = {name: Bounds() for name in ("audit_id", "event_type", "recorded_at")}

    def read(self, file: Any) -> None:
        """Reads the file, some thousand rows at a time."""
        self._rest_column = "_rest" in file.schema_arrow.names
        for i in range(file.metadata.num_row_groups):
            seen = [Bounds() for _ in file.schema_arrow.names]
            for slice_ in file.iter_batches(batch_size=SLICE, row_groups=[i]):
                columns = [_plain(column) for column in slice_.columns]
                for bounds, values in zip(seen, columns, strict=True):
                    bounds.add_all(values)
                batches, *stored = columns
                rests = stored.pop() if self._rest_column else [None] * len(batches)
                for ordinal, rest, *row in zip(batches, rests, *stored, strict=True):
                    self._row(ordinal, row, rest)
                    self.count += 1
            self._check_statistics(file.metadata.row_group(i), seen)

    def read_lines(self, lines: Iterator[bytes], ordinals: list[int]) -> None:
        """Reads the records of compressed lines, each with the ordinal of its batch."""
        for line in lines:
            if self.count >= len(ordinals):
                raise FormatError("rows", f"it has more than {len(ordinals)} rows")
            self._row(ordinals[self.count], None, line)
            self.count += 1

    def totals(self) -> Iterator[tuple[str, str]]:
        """Yields what is wrong with the whole: bounds, misfits, needless columns."""
        add = self._task.add
        if self.count != add.rows:
            yield "rows", f"it holds {self.count} rows, not {add.rows}"
        if [self._times.low, self._times.high] != [add.low, add.high]:
            yield "bounds", "min and max in the ledger are not those of the rows"
        for name, bounds in self._bounds.items():
            told = None if add.key is not None and name in TEXTS else bounds.listed()
            if add.stats.get(name) != told:
                yield "bounds", f"the bounds of {name} in the ledger are not those of the rows"
        for problem in self._statistics:
            yield "statistics", problem
        for i, column in enumerate(self._said.columns):
            if self._misfits[i] != self._said.misfits[i]:
                yield (
                    "misfits",
                    f"{column.name} has {self._misfits[i]}, not {self._said.misfits[i]}",
                )
            if column.name in self._task.fixed and not self._filled[i]:
                yield "columns", f"the column {column.name} holds no value"
        if self._rest_column and not self._rests:
            yield "columns", "the column _rest holds no value"

    def _wrong(self, kind: str, problem: str) -> None:
        rows = self.problems.setdefault((kind, problem), [])
        if rows[-1:] != [self.count]:
            rows.append(self.count)

    def _row(self, ordinal: int | None, stored: list[Any] | None, rest: str | bytes | None) -> None:
        """Checks a row: columns and a rest, or a whole record as bytes."""
        canonical = recorded = None
        try:
            if isinstance(rest, bytes):
                record, canonical = self._whole(rest)
            else:
                record, canonical = self._record(stored or [], rest)
            recorded = self._check_record(record, canonical)
        except FormatError as bad:
            self._wrong(bad.kind, bad.problem)
        if ordinal is None or ordinal >= len(self.leaves):
            self._wrong("batch", "the row is of no batch that is listed")
            return
        leaf = _UNKNOWN_LEAF
        if canonical is not None:
            leaf = self._leaf(ordinal, canonical)
        self.leaves[ordinal].append(leaf)
        self.numbers[ordinal].append(self.count)
        if recorded is not None:
            self.recorded[ordinal].add(recorded)

    def _leaf(self, ordinal: int, canonical: bytes) -> bytes:
        """The leaf of the next record of a batch."""
        position = len(self.leaves[ordinal])
        batch, gone = self._said.batches[ordinal], self._gone.get(ordinal)
        if not batch.gone:
            return merkle.record_leaf(batch.salt, position, canonical)
        if gone is None or position >= len(gone.salts):
            return _UNKNOWN_LEAF
        return merkle.salted_leaf(gone.salts[position], canonical)

    def _record(self, stored: list[Any], rest: str | None) -> tuple[dict[str, Any], bytes]:
        """Assembles the record of a row, whose one representation the row must be."""
        columns = self._said.columns
        record = _rest(rest)
        assemble(columns, stored, record)
        canonical = jcs.encode(record)

        left = jcs.parse(canonical)
        stored_again, misfits = take_apart(columns, left)
        rest_again = jcs.encode(left).decode() if left else None
        if stored_again != stored or rest_again != rest:
            raise FormatError(
                "representation", "the record is split into columns and rest in another way"
            )
        self._rests = self._rests or rest is not None
        self._count(record, stored, misfits)
        return record, canonical

    def _whole(self, canonical: bytes) -> tuple[dict[str, Any], bytes]:
        """A record that is not in columns; its columns are counted all the same."""
        record = jcs.decode(canonical)
        if not isinstance(record, dict):
            raise FormatError("representation", "the record is not an object")
        stored, misfits = take_apart(self._said.columns, jcs.parse(canonical))
        self._count(record, stored, misfits)
        return record, canonical

    def _count(self, record: dict[str, Any], stored: list[Any], misfits: list[bool]) -> None:
        for i, misfit in enumerate(misfits):
            self._misfits[i] += misfit
            self._filled[i] = self._filled[i] or stored[i] is not None
        for column in self._absent:
            if column.fits(lookup(record, column.path)):
                self._wrong("columns", f"the fixed column {column.name} is absent, but has values")

    def _check_record(self, record: dict[str, Any], canonical: bytes) -> int | None:
        """Checks a record by itself and in its place; returns its `recorded_at`, if it is sound."""
        found = list(records.problems(record))
        for problem in found:
            self._wrong("record", problem)
        if found:
            return None
        micros = records.timestamp_micros(record["timestamp"]) or 0
        audit_id, event_type = record["audit_id"], record["event_type"]
        domain, period = event_type.split(".")[0], record["timestamp"][: len(self._said.period)]
        if (domain, period) != (self._task.add.domain, self._task.add.period):
            self._wrong("partition", "the record belongs to another partition")
        key = (micros, audit_id.encode(), canonical)
        if self._before and key < self._before:
            self._wrong("order", "the record is not in its place by time, id and content")
        self._before = key
        self._times.add(micros)
        self._bounds["audit_id"].add(audit_id)
        self._bounds["event_type"].add(event_type)
        recorded = records.timestamp_micros(record["recorded_at"]) or 0
        self._bounds["recorded_at"].add(recorded)
        return recorded

    def _check_statistics(self, group: Any, seen: list[Bounds]) -> None:
        """Readers skip row groups by the Parquet statistics, so these must not lie."""
        for i, bounds in enumerate(seen):
            chunk = group.column(i)
            statistics = chunk.statistics
            if statistics is None:
                continue
            lies = statistics.has_null_count and statistics.null_count != bounds.nulls
            if statistics.has_min_max and bounds.low is not None:
                low, high = _raw(bounds.low), _raw(bounds.high)
                lies = lies or low < statistics.min_raw or high > statistics.max_raw
            if lies:
                self._statistics.append(f"those of {chunk.path_in_schema} are not of its values")


def _plain(column: Any) -> list[Any]:
    """The values of a column; times as microseconds."""
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    return list(column.to_pylist())


def _raw(value: Any) -> Any:
    """A value as Parquet statistics hold and compare it."""
    return value.encode() if isinstance(value, str) else value


def _rest(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    rest = jcs.decode(text.encode())
    if not isinstance(rest, dict) or not rest:
        raise FormatError("representation", "the rest is not an object with members")
    return rest
