"""The metadata entry `sealtrail` of a segment (FORMAT section 5)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sealtrail_verifier import jcs
from sealtrail_verifier.adds import Add
from sealtrail_verifier.columns import Column
from sealtrail_verifier.entries import Append, Entry
from sealtrail_verifier.forms import FormatError, Members, unhex
from sealtrail_verifier.lifecycle import Place
from sealtrail_verifier.merkle import RUN

MAX_BATCH_ROWS: Final = 65_536


@dataclass(frozen=True)
class Task:
    """A segment to check and what the ledger says of it.

    Attributes:
        trail_id: The trail's id.
        entry: The entry that adds the segment.
        add: What it says of this segment.
        promoted: The ledger's promoted columns as of the entry, by lower-case name.
        fixed: The fixed columns, by lower-case name, in their order.
        key: The HMAC key of the entry, if the owner's root secret is at hand.
        sidecar: The bytes that tell of removed rows, where there are any.
        decryption: What pyarrow decrypts it with, if it is encrypted.
    """

    trail_id: str
    entry: Entry
    add: Add
    promoted: Mapping[str, Column]
    fixed: Mapping[str, Column]
    key: bytes | None
    sidecar: bytes | None = None
    decryption: Any = None

    @property
    def introduces(self) -> bool:
        """Whether the entry brings the segment's batches into the trail, or moves them only."""
        return isinstance(self.entry.says, Append)


@dataclass(frozen=True)
class Origin:
    """Where a moved batch was introduced, and its audit path in the list of batches there."""

    place: Place
    path: list[bytes]


@dataclass(frozen=True)
class Batch:
    """A batch as the metadata lists it; `listed` is its leaf in the list of batches.

    It lost `gone` of its `rows`; if any, it has neither `salt` nor `tree` (both empty).
    """

    commitment: bytes
    id: str
    root: bytes
    rows: int
    salt: bytes
    tree: list[bytes]
    listed: bytes
    origin: Origin | None
    gone: int

    @property
    def left(self) -> int:
        """How many of its records are in the segment."""
        return self.rows - self.gone


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
    rows = members.integer("rows", low=1)
    if rows > MAX_BATCH_ROWS:
        raise FormatError("batches", f"a batch has {rows} rows")
    gone = members.integer("gone", low=1) if members.has("gone") else 0
    if gone >= rows:
        raise FormatError("batches", "a batch is listed of which nothing is left")
    commitment, id_, root = (
        members.hex("commitment", 32),
        members.text("id"),
        members.hex("root", 32),
    )
    listed = {"commitment": commitment.hex(), "id": id_, "root": root.hex(), "rows": rows}
    batch = Batch(
        commitment=commitment,
        id=id_,
        root=root,
        rows=rows,
        salt=b"" if gone else members.base64("salt", 32),
        tree=[] if gone else _tree(members, rows),
        listed=jcs.encode(listed),
        origin=_origin(members.inner("origin")) if members.has("origin") else None,
        gone=gone,
    )
    members.end()
    return batch


def _tree(members: Members, rows: int) -> list[bytes]:
    tree = members.base64("tree")
    if len(tree) != 32 * -(-rows // RUN):
        raise FormatError("batches", "the tree of a batch is not one hash per 256 rows")
    return [tree[i : i + 32] for i in range(0, len(tree), 32)]


def _origin(members: Members) -> Origin:
    place = members.integer("entry"), members.integer("add"), members.integer("index")
    origin = Origin(place, [unhex(item, 32) for item in members.texts("path")])
    members.end()
    return origin


def _public(item: object) -> dict[str, object]:
    """A batch without what only proofs need: its secret salt and its inner hashes."""
    batch = item if isinstance(item, dict) else {}
    return {name: value for name, value in batch.items() if name not in ("salt", "tree")}
