"""The metadata entry `sealtrail` of a segment (FORMAT section 5)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sealtrail_verifier import jcs
from sealtrail_verifier.columns import Column
from sealtrail_verifier.entries import Add, Append, Entry
from sealtrail_verifier.forms import FormatError, Members
from sealtrail_verifier.merkle import RUN

MAX_BATCH_ROWS: Final = 65_536


@dataclass(frozen=True)
class Task:
    """A segment to check and what the ledger says of it.

    Attributes:
        trail_id: The trail's id.
        entry: The entry that adds the segment.
        append: What that entry says.
        add: What it says of this segment.
        promoted: The ledger's promoted columns as of the entry, by lower-case name.
        fixed: The fixed columns, by lower-case name, in their order.
        key: K(e) of the writer, if the owner's root secret is at hand.
    """

    trail_id: str
    entry: Entry
    append: Append
    add: Add
    promoted: Mapping[str, Column]
    fixed: Mapping[str, Column]
    key: bytes | None


@dataclass(frozen=True)
class Batch:
    """A batch as the metadata lists it; `listed` is its leaf in the list of batches."""

    commitment: bytes
    id: str
    root: bytes
    rows: int
    salt: bytes
    tree: list[bytes]
    listed: bytes


@dataclass(frozen=True)
class Metadata:
    """What the file says about itself; `sealed` is what its seal is over."""

    batches: list[Batch]
    columns: list[Column]
    misfits: list[int]
    domain: str
    epoch: int
    hmac_key: str
    key: str
    period: str
    rows: int
    segment: str
    trail: str
    writer: str
    sealed: bytes


def read(data: bytes) -> Metadata:
    """Reads the canonical JSON of the metadata entry.

    Raises:
        FormatError: It is not of its form.
    """
    value = jcs.decode(data)
    members = Members(value, "metadata")
    if members.integer("v") != 1 or members.integer("schema_version") != 1:
        raise FormatError("version", "this verifier knows version 1 only")
    columns, misfits = [], []
    for item in members.items("columns"):
        column = Members(item, "columns")
        misfits.append(column.integer("misfits"))
        columns.append(Column.read(column))
        column.end()
    metadata = Metadata(
        batches=[_batch(item) for item in members.items("batches")],
        columns=columns,
        misfits=misfits,
        domain=members.text("domain"),
        epoch=members.integer("epoch"),
        hmac_key=members.hex("hmac_key", 8).hex(),
        key=members.hex("key", 8).hex(),
        period=members.text("period"),
        rows=members.integer("rows"),
        segment=members.uuid("segment"),
        trail=members.uuid("trail"),
        writer=members.text("writer"),
        sealed=jcs.encode(value | {"batches": [_public(item) for item in value["batches"]]}),
    )
    members.end()
    return metadata


def _batch(item: object) -> Batch:
    members = Members(item, "batches")
    if members.has("entry"):
        # The form has this member, but no kind of entry of version 1 moves batches.
        raise FormatError("batches", "a batch says that an earlier entry introduced it")
    rows = members.integer("rows", low=1)
    if rows > MAX_BATCH_ROWS:
        raise FormatError("batches", f"a batch has {rows} rows")
    tree = members.base64("tree")
    if len(tree) != 32 * -(-rows // RUN):
        raise FormatError("batches", "the tree of a batch is not one hash per 256 rows")
    batch = Batch(
        commitment=members.hex("commitment", 32),
        id=members.text("id"),
        root=members.hex("root", 32),
        rows=rows,
        salt=members.base64("salt", 32),
        tree=[tree[i : i + 32] for i in range(0, len(tree), 32)],
        listed=jcs.encode(_public(item)),
    )
    members.end()
    return batch


def _public(item: object) -> dict[str, object]:
    """A batch without what only proofs need: its secret salt and its inner hashes."""
    batch = item if isinstance(item, dict) else {}
    return {name: value for name, value in batch.items() if name not in ("salt", "tree")}
