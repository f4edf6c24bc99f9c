"""What a segment holds: metadata, columns and batches (FORMAT section 5)."""

import base64
import hmac
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from sealtrail_verifier import gone as sidecars
from sealtrail_verifier import keys, lines, merkle, metadata
from sealtrail_verifier.adds import sidecar_path
from sealtrail_verifier.columns import ARROW, by_name
from sealtrail_verifier.forms import FormatError, unhex
from sealtrail_verifier.gone import Gone
from sealtrail_verifier.metadata import Batch, Metadata, Task
from sealtrail_verifier.report import Finding, Ranges, ranges
from sealtrail_verifier.rows import Rows

_OURS: Final = {b"sealtrail", b"sealtrail.seal"}
_ARROW_SCHEMA: Final = b"ARROW:schema"


@dataclass(frozen=True)
class Seen:
    """A batch in a segment, with the range of its `recorded_at` in microseconds, if known."""

    batch: Batch
    recorded: tuple[int, int] | None


@dataclass
class Outcome:
    """What the check of one segment found.

    `batches` is empty if the segment was not readable.
    """

    findings: list[Finding] = field(default_factory=list)
    rows: int = 0
    batches: list[Seen] = field(default_factory=list)


def look(data: bytes, task: Task) -> Outcome:
    """Checks what a segment holds; whether its bytes are the signed ones is for `stored`."""
    checker = _Checker(task)
    try:
        if task.add.format is not None:
            checker.check_lines(data)
            return checker.outcome
        with pq.ParquetFile(pa.BufferReader(data), decryption_properties=task.decryption) as file:
            checker.check_file(file)
    except FormatError as bad:
        checker.wrong(bad.kind, bad.problem)
    except Exception as error:  # noqa: BLE001 - a bad Parquet file may raise anything
        form = "Parquet" if task.add.format is None else "compressed lines"
        checker.wrong("unreadable", f"not readable as {form}: {error}"[:300])
    return checker.outcome


class _Checker:
    def __init__(self, task: Task) -> None:
        self.task = task
        self.outcome = Outcome()

    def wrong(
        self, kind: str, problem: str, batch: str | None = None, rows: Ranges | None = None
    ) -> None:
        path = self.task.add.path
        finding = Finding("TAMPERED", kind, path, problem, batch, rows or [])
        self.outcome.findings.append(finding)

    def check_file(self, file: Any) -> None:
        said = self._read_metadata(file.metadata.metadata or {})
        self._check_said(said)
        self._check_schema(file.schema_arrow, said)
        if not file.metadata.num_rows == said.rows == self.task.add.rows:
            raise FormatError(
                "rows", f"it has {file.metadata.num_rows} rows, not {self.task.add.rows}"
            )

        gone = self._read_sidecar(said.batches)
        rows = Rows(said, self.task, gone)
        rows.read(file)
        self._check_rows(said, rows, gone)

    def check_lines(self, data: bytes) -> None:
        read = lines.split(data)
        head = lines.read_head(next(read, b""))
        said = metadata.read(head.description)
        self._check_seal(said, head.seal)
        self._check_said(said)
        if said.rows != self.task.add.rows:
            raise FormatError("rows", f"it says {said.rows} rows, not {self.task.add.rows}")
        one = len(said.batches) == 1
        if one != (head.ordinals is None):
            raise FormatError("lines", "it must have ordinals exactly if it has several batches")
        ordinals = [0] * said.rows if head.ordinals is None else head.ordinals
        if len(ordinals) != said.rows:
            raise FormatError("lines", "its ordinals are not one for each row")

        gone = self._read_sidecar(said.batches)
        rows = Rows(said, self.task, gone)
        rows.read_lines(read, ordinals)
        self._check_rows(said, rows, gone)

    def _check_said(self, said: Metadata) -> None:
        self._check_against_ledger(said)
        self._check_batch_list(said.batches)
        for problem in _column_problems(said, self.task):
            self.wrong("columns", problem)

    def _check_rows(self, said: Metadata, rows: Rows, gone: dict[int, Gone]) -> None:
        self.outcome.rows = rows.count
        for (kind, problem), numbers in rows.problems.items():
            self.wrong(kind, problem, rows=ranges(numbers))
        for kind, problem in rows.totals():
            self.wrong(kind, problem)
        for ordinal, batch in enumerate(said.batches):
            leaves, numbers = rows.leaves[ordinal], rows.numbers[ordinal]
            if len(leaves) != batch.left:
                self.wrong("batch", f"it has {len(leaves)} rows, not {batch.left}", batch.id)
            if not batch.gone:
                self._check_batch(batch, leaves, numbers)
            elif ordinal in gone and len(leaves) == batch.left:
                self._check_root(batch, gone[ordinal].all_leaves(leaves), numbers)
            bounds = rows.recorded[ordinal]
            recorded = None if bounds.low is None else (bounds.low, bounds.high)
            self.outcome.batches.append(Seen(batch, recorded))

    def _read_metadata(self, entries: dict[bytes, bytes]) -> Metadata:
        if entries.keys() - {_ARROW_SCHEMA} != _OURS:
            names = ", ".join(sorted(repr(name)[1:80] for name in entries))
            raise FormatError("metadata", f"the file's metadata entries are not ours, but {names}")
        _check_arrow_schema(entries.get(_ARROW_SCHEMA))
        said = metadata.read(entries[b"sealtrail"])
        self._check_seal(said, unhex(entries[b"sealtrail.seal"].decode("ascii", "replace"), 32))
        return said

    def _check_seal(self, said: Metadata, seal: bytes) -> None:
        if self.task.key is not None:
            expected = keys.mac(self.task.key, b"sealtrail segment v1\n" + said.sealed)
            if not hmac.compare_digest(expected, seal):
                self.wrong("seal", "the HMAC seal does not hold")

    def _check_against_ledger(self, said: Metadata) -> None:
        entry, add = self.task.entry, self.task.add
        for name, found, expected in [
            ("trail", said.trail, self.task.trail_id),
            ("segment", said.segment, add.segment),
            ("writer", said.writer, entry.writer),
            ("epoch", said.epoch, entry.epoch),
            ("key", said.key, entry.key),
            ("hmac_key", said.hmac_key, entry.hmac_key),
            ("domain", said.domain, add.domain),
            ("period", said.period, add.period),
        ]:
            if found != expected:
                self.wrong("metadata", f"{name} is {found!r:.80}, in the ledger {expected!r}")

    def _check_batch_list(self, batches: list[Batch]) -> None:
        add = self.task.add
        if len(batches) != add.batches:
            self.wrong("batches", f"it lists {len(batches)} batches, the ledger {add.batches}")
        if sum(batch.left for batch in batches) != add.rows:
            self.wrong("batches", "the rows of its batches do not add up to the segment's")
        if merkle.root(merkle.entry_leaf(batch.listed) for batch in batches) != add.root:
            self.wrong("batches", "the root of its list of batches is not the ledger's")
        for ordinal, batch in enumerate(batches):
            self._check_place(ordinal, batch)
            if batch.gone:
                continue
            if sha256(batch.salt).digest() != batch.commitment:
                self.wrong("commitment", "the salt is not the one committed to", batch.id)
            if merkle.root(batch.tree) != batch.root:
                self.wrong("tree", "its inner hashes do not lead to its root", batch.id)

    def _check_place(self, ordinal: int, batch: Batch) -> None:
        """Where an entry introduces batches they begin here; else they must say where they did."""
        if not self.task.introduces:
            if batch.origin is None:
                self.wrong("origin", "it does not say where the batch comes from", batch.id)
            return
        if batch.id != f"{self.task.add.segment}:{ordinal}":
            self.wrong("batches", f"the id of batch {ordinal} is not its place", batch.id)
        if batch.origin is not None or batch.gone:
            problem = "the batch is said to have moved, or to have lost records"
            self.wrong("origin", f"{problem}, but this entry introduces it", batch.id)

    def _read_sidecar(self, batches: list[Batch]) -> dict[int, Gone]:
        incomplete = any(batch.gone for batch in batches)
        if incomplete != (self.task.add.gone is not None):
            self.wrong("sidecar", "it must have a sidecar exactly if batches lost records")
        if self.task.sidecar is None:
            return {}
        try:
            return sidecars.read(self.task.sidecar, batches)
        except FormatError as bad:
            path = sidecar_path(self.task.add.path)
            self.outcome.findings.append(Finding("TAMPERED", bad.kind, path, bad.problem))
            return {}

    def _check_schema(self, schema: Any, said: Metadata) -> None:
        expected = [("_batch", pa.uint16())]
        expected += [(column.name, ARROW[column.type]) for column in said.columns]
        found = list(zip(schema.names, schema.types, strict=True))
        if found not in (expected, [*expected, ("_rest", pa.utf8())]):
            raise FormatError("columns", "the file's columns are not those that its metadata lists")

    def _check_batch(self, batch: Batch, leaves: list[bytes], numbers: list[int]) -> None:
        runs = merkle.runs(leaves)
        if runs != batch.tree:
            damaged = [
                number
                for i, run in enumerate(runs)
                if batch.tree[i : i + 1] != [run]
                for number in numbers[i * merkle.RUN : (i + 1) * merkle.RUN]
            ]
            problem = "records are not those that were signed"
            self.wrong("root", problem, batch.id, ranges(damaged))
        else:
            self._check_root(batch, runs, numbers)

    def _check_root(self, batch: Batch, hashes: list[bytes], numbers: list[int]) -> None:
        if merkle.root(hashes) != batch.root:
            self.wrong("root", "its records do not lead to its root", batch.id, ranges(numbers))


def _check_arrow_schema(entry: bytes | None) -> None:
    """The entry that the Arrow library adds may repeat the columns, nothing else."""
    if entry is not None:
        schema = pa.ipc.read_schema(pa.BufferReader(base64.b64decode(entry)))
        if schema.metadata or any(field.metadata for field in schema):
            raise FormatError("metadata", "the file's Arrow schema carries more than the schema")


def _column_problems(said: Metadata, task: Task) -> Iterator[str]:
    """Yields what is wrong with the columns' names, paths, types and order (section 4)."""
    named = by_name(said.columns)
    if not len(named) == len({column.path for column in said.columns}) == len(said.columns):
        yield "two columns have the same name or the same path"
    promoted = sorted(named.keys() - task.fixed.keys(), key=lambda name: named[name].name.encode())
    order = [name for name in task.fixed if name in named] + promoted
    if [named[name] for name in order] != said.columns:
        yield "the columns are not in their order"
    for name, column in named.items():
        known = task.fixed.get(name) or task.promoted.get(name)
        if known is None:
            yield f"column {column.name} is not listed in the ledger"
        elif (column.name, column.path) != (known.name, known.path):
            yield f"column {column.name} is that of another path"
        elif column.type != known.type and (
            name in task.fixed or (column.type, known.type) == ("float64", "int64")
        ):
            yield f"column {column.name} is {column.type}, but {known.type} for the trail"
