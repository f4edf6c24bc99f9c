"""Snapshots: files that hold what the entries before one give (FORMAT section 10).

Nothing else here relies on them; they are rebuilt from the entries and compared.
"""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from hashlib import sha256
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from sealtrail_verifier import jcs
from sealtrail_verifier.entries import Snapshot
from sealtrail_verifier.forms import FormatError
from sealtrail_verifier.ledger import Ledger, Newest, Writer
from sealtrail_verifier.life import Life

LEAVES_A_ROW: Final = 1024


def path(n: int) -> str:
    """The name of the snapshot as of n entries."""
    return f"ledger/snapshot-{n:020}.parquet"


def expected(state: Ledger, leaves: Sequence[bytes], said: Snapshot) -> bytes:
    """The digest of the rows that the snapshot of a state must have."""
    return _digest(_rows(state, leaves, state.newest if said.rests_on is not None else None))


def check(data: bytes, said: Snapshot, rows: bytes) -> tuple[str, str] | None:
    """What is wrong with a snapshot, if anything: a kind and a problem.

    Args:
        data: The bytes of the file.
        said: What the entry says that names it.
        rows: The digest of the rows that it must have.
    """
    if len(data) != said.size:
        return "length", f"it has {len(data)} bytes, not {said.size}"
    if sha256(data).digest() != said.sha256:
        return "sha256", "its bytes are not those that were signed"
    try:
        found = _digest(_stored(data))
    except FormatError as bad:
        return bad.kind, bad.problem
    except Exception as error:  # noqa: BLE001 - a bad Parquet file may raise anything
        return "unreadable", f"not readable as Parquet: {error}"[:300]
    if found != rows:
        return "snapshot", "it does not hold what the entries before it give"
    return None


def _digest(rows: Iterator[bytes]) -> bytes:
    """A hash over rows, each followed by a line break, which no row holds."""
    total = sha256()
    for row in rows:
        total.update(row + b"\n")
    return total.digest()


def _rows(state: Ledger, leaves: Sequence[bytes], base: Newest | None) -> Iterator[bytes]:
    """All of the state, or what came after the snapshot that this one continues."""
    head: dict[str, Any] = {
        "entries": len(leaves),
        "owner": base64.b64encode(state.owner).decode(),
        "rows": state.life.rows,
        "time": state.time,
        "trail": asdict(state.trail) | {"format": 1},
        "v": 1,
    }
    if state.life.deleted:
        head["deleted"] = state.life.deleted
    if state.life.removed:
        head["removals"] = len(state.life.removed)
    if state.snapshot:
        head["snapshot"] = state.snapshot
    if base is not None:
        head["rests_on"] = {"bytes": base.size, "n": base.entry, "sha256": base.sha256.hex()}
    yield jcs.encode({"head": head})
    for i in range(base.entry if base else 0, len(leaves), LEAVES_A_ROW):
        run = b"".join(leaves[i : i + LEAVES_A_ROW])
        yield jcs.encode({"leaves": base64.b64encode(run).decode()})
    for _, writer in sorted(state.writers.items()):
        yield jcs.encode({"writer": _writer(writer)})
    for column in state.columns.values():
        listed = {"name": column.name, "path": list(column.path), "type": column.type}
        yield jcs.encode({"column": listed})
    yield from _life(state.life, base.entry if base else 0)


def _life(life: Life, since: int) -> Iterator[bytes]:
    """What became of records, and the segments of the entries from `since` on."""
    yield from _words(life)
    for path, gone in sorted(life.retired.items(), key=lambda item: item[0].encode()):
        retired: dict[str, Any] = {"entry": gone.entry, "path": path}
        if gone.live.add.archive is not None:
            retired["archive"] = gone.live.add.archive
        if gone.live.add.gone is not None:
            retired["gone"] = True
        yield jcs.encode({"retired": retired})
    for path, (entry, orphan) in sorted(life.condemned.items(), key=lambda item: item[0].encode()):
        condemned: dict[str, Any] = {"entry": entry, "path": path}
        if orphan.archive is not None:
            condemned["archive"] = orphan.archive
        yield jcs.encode({"condemned": condemned})
    for removed in life.removed:
        if removed.live.entry < since <= removed.entry:
            yield jcs.encode({"removed": removed.live.add.path})
    for live in life.live.values():
        if live.entry >= since:
            yield b'{"segment":' + live.add.item + b"}"


def _words(life: Life) -> Iterator[bytes]:
    """The owner's words that are in force: policy, holds, erasures, forgotten copies."""
    if life.policy:
        entry, policy = life.policy
        yield jcs.encode({"policy": {"entry": entry, "policy": jcs.decode(policy)}})
    for _, (entry, hold) in sorted(life.holds.items(), key=lambda item: item[0].encode()):
        yield jcs.encode({"hold": {"entry": entry, "hold": jcs.decode(hold)}})
    for entry, erasure in life.erasures.items():
        erase = jcs.decode(erasure.item)
        yield jcs.encode({"erasure": {"entry": entry, "erase": erase, "holders": erasure.holders}})
    for _, (entry, forget) in sorted(life.forgotten.items()):
        yield jcs.encode({"forgotten": {"entry": entry, "forget": jcs.decode(forget)}})


def _writer(writer: Writer) -> dict[str, Any]:
    begun = writer.authorized
    closed = writer.closed >= writer.epoch
    value: dict[str, Any] = {
        "authorization": {
            "epoch": begun.epoch,
            "hmac_key": begun.hmac_key,
            "public": base64.b64encode(begun.public).decode(),
            "writer": begun.writer,
        },
        "authorized": writer.entry,
        "batches": 0 if closed else writer.batches.get(writer.epoch, 0),
        "committed": writer.committed,
        "epoch": writer.epoch,
        "recorded": writer.recorded_to,
    }
    if writer.closed >= 0:
        value["closed"] = writer.closed
    if writer.ended:
        value["ended"] = True
    if writer.revoked is not None:
        value["revoked"] = writer.revoked
    return value


def _stored(data: bytes) -> Iterator[bytes]:
    """The rows of a file, if it has the form of a snapshot's."""
    with pq.ParquetFile(pa.BufferReader(data)) as file:
        if file.metadata.metadata:
            raise FormatError("metadata", "a snapshot has no metadata entries")
        schema = file.schema_arrow
        if schema.names != ["item"] or schema.types != [pa.utf8()]:
            raise FormatError("columns", "it has other columns than one of text")
        for batch in file.iter_batches(batch_size=LEAVES_A_ROW):
            for row in batch.column(0).to_pylist():
                if row is None:
                    raise FormatError("columns", "a row is NULL")
                yield row.encode()
