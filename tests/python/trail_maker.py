"""A small writer of trails in plain Python, for tests of the independent verifier only.

It follows `rust/core/FORMAT.md` and imports nothing of either implementation.
It holds all keys of the trails that it makes, so a test can also play an
insider: each stage takes a `tweak` that changes what was made before it is
hashed and signed, so that exactly one rule is broken and every signature holds.
"""

import base64
import hmac
import io
import json
import random
import sys
import uuid
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

# For the tests that import this; at the end, so that an installed `sealtrail` stays visible.
sys.path.append(str(Path(__file__).resolve().parents[2] / "python"))

T = TypeVar("T")
Json = dict[str, Any]
Tweak = Callable[[Any], None]
Stages = dict[str, Tweak]
Promotion = tuple[tuple[str, ...], str]

START = datetime(2026, 8, 31, 22, 0, tzinfo=UTC)
ARROW = {
    "utf8": pa.utf8(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us", "UTC"),
}
FIXED: list[tuple[tuple[str, ...], str]] = [
    (("timestamp",), "timestamp"),
    (("recorded_at",), "timestamp"),
    (("audit_id",), "utf8"),
    (("event_type",), "utf8"),
    (("schema_version",), "int64"),
    (("user_id",), "utf8"),
    (("resource", "path"), "utf8"),
    (("resource", "size_bytes"), "int64"),
    (("cost_usd",), "float64"),
]
"""Those of the catalogue's fixed columns that the made events use."""


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def mac(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, "sha256").digest()


def hkdf(ikm: bytes, salt: bytes, info: bytes) -> bytes:
    return mac(mac(salt, ikm), info + b"\x01")


def tree(leaves: list[bytes]) -> bytes:
    """The recursive definition of RFC 6962, section 2.1."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\x01" + tree(leaves[:k]) + tree(leaves[k:])).digest()


def time_text(time: datetime) -> str:
    micros = time.microsecond
    digits = f"{micros:06}" if micros % 1000 else f"{micros // 1000:03}"
    return f"{time:%Y-%m-%dT%H:%M:%S}.{digits}Z"


def micros_of(text: str) -> int:
    delta = datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)
    return delta // timedelta(microseconds=1)


@dataclass(frozen=True)
class Batch:
    """A batch in a segment: its description, all of its records, and which are gone."""

    meta: Json
    records: list[Json]
    gone: frozenset[int] = frozenset()
    origin: Json | None = None

    def listed(self) -> Json:
        """Its description in the segment."""
        listed = dict(self.meta)
        if self.origin:
            listed["origin"] = self.origin
        if self.gone:
            del listed["salt"], listed["tree"]
            listed["gone"] = len(self.gone)
        return listed


class Signer:
    """An owner or a writer with its keys."""

    def __init__(self, name: str, seed: bytes, hmac_key: bytes, epoch: int) -> None:
        self.name = name
        self.private = Ed25519PrivateKey.from_private_bytes(seed)
        self.seed = seed
        self.public = self.private.public_key().public_bytes_raw()
        self.key = sha256(b"sealtrail key v1\n" + self.public).digest()[:8].hex()
        self.hmac_key = hmac_key
        self.epoch = epoch
        self.seal = bytes(32)
        self.committed = 0
        self.roots: list[bytes] = []

    @property
    def hmac_id(self) -> str:
        return mac(self.hmac_key, b"sealtrail key id v1")[:8].hex()

    def fold(self) -> bytes:
        """The seal of the current epoch."""
        message = b"sealtrail epoch seal v1\n" + self.seal + self.epoch.to_bytes(8, "big")
        message += len(self.roots).to_bytes(8, "big") + sha256(b"".join(self.roots)).digest()
        return mac(self.hmac_key, message)

    def advance(self) -> None:
        """Goes to the next epoch."""
        self.seal, self.roots = self.fold(), []
        self.hmac_key = hkdf(self.hmac_key, bytes(32), b"sealtrail epoch v1")
        self.epoch += 1


class Maker:
    """Makes one trail, entry by entry; the same seed gives the same bytes."""

    def __init__(
        self,
        folder: Path,
        *,
        partitioning: str = "month",
        seed: int = 1,
        tweak: Tweak | None = None,
    ) -> None:
        self.folder = folder
        self.random = random.Random(seed)
        self.clock = START
        self.leaves: list[bytes] = []
        self.made: dict[str, list[Batch]] = {}
        self.promoted: dict[tuple[str, ...], str] = {}
        trail_id = self.uuid()
        self.root_secret = self.random.randbytes(32)
        self.salt = uuid.UUID(trail_id).bytes
        key = hkdf(self.root_secret, self.salt, b"sealtrail owner hmac v1")
        self.owner = Signer("owner", self.random.randbytes(32), key, 0)
        self.writers: list[Signer] = []
        self.trail: Json = {
            "created": time_text(START),
            "epoch_seconds": 3600,
            "format": 1,
            "origin": f"sealtrail/{trail_id}",
            "partitioning": partitioning,
            "trail_id": trail_id,
        }
        folder.mkdir(parents=True)
        (folder / "trail.json").write_bytes(rfc8785.dumps(self.trail))
        self.add_writer()
        body = {
            "trail": self.trail,
            "owner": b64(self.owner.public),
            "authorizes": [self.authorization(self.writers[0])],
        }
        self.entry(self.owner, "init", body, tweak)

    def uuid(self) -> str:
        return str(uuid.UUID(bytes=self.random.randbytes(16)))

    @property
    def vkey(self) -> str:
        return vkey(self.trail["origin"] + "/owner", self.owner.public)

    @property
    def owner_json(self) -> bytes:
        return rfc8785.dumps(
            {
                "ed25519_seed": b64(self.owner.seed),
                "root_secret": b64(self.root_secret),
                "trail_id": self.trail["trail_id"],
                "v": 1,
            }
        )

    def epoch_now(self) -> int:
        return int(self.clock.timestamp()) // 3600

    def add_writer(self) -> Signer:
        name, epoch = f"w-{self.random.randbytes(8).hex()}", self.epoch_now()
        info = b"sealtrail writer hmac v1\n" + name.encode() + epoch.to_bytes(8, "big")
        key = hkdf(self.root_secret, self.salt, info)
        self.writers.append(Signer(name, self.random.randbytes(32), key, epoch))
        return self.writers[-1]

    def authorization(self, writer: Signer) -> Json:
        return {
            "epoch": writer.epoch,
            "hmac_key": writer.hmac_id,
            "public": b64(writer.public),
            "writer": writer.name,
        }

    def authorize(self, writer: Signer, tweak: Tweak | None = None) -> None:
        self.entry(self.owner, "authorize", {"authorizes": [self.authorization(writer)]}, tweak)

    # Entries.

    def note(self, signer: Signer, size: int) -> str:
        origin = self.trail["origin"]
        text = f"{origin}\n{size}\n{b64(tree(self.leaves[:size]))}\n"
        name = f"{origin}/{signer.name}"
        blob = note_hash(name, signer.public) + signer.private.sign(text.encode())
        return f"{text}\n\u2014 {name} {b64(blob)}\n"

    def entry(self, signer: Signer, kind: str, says: Json, tweak: Tweak | None = None) -> Json:
        """Signs and writes the next entry; `tweak` changes its body first."""
        n = len(self.leaves)
        body = {
            "v": 1,
            "n": n,
            "tree": tree(self.leaves).hex(),
            "time": time_text(self.clock),
            "kind": kind,
            "writer": signer.name,
            "key": signer.key,
            "epoch": signer.epoch,
            "hmac_key": signer.hmac_id,
            **says,
        }
        if tweak:
            tweak(body)
        message = b"sealtrail entry v1\n" + rfc8785.dumps(body)
        seal = mac(signer.hmac_key, message)
        return self.put(
            {
                "body": body,
                "checkpoint": self.note(signer, n),
                "hmac": seal.hex(),
                "sig": b64(signer.private.sign(message + seal)),
            }
        )

    def put(self, entry: Json) -> Json:
        """Writes an object into the next slot as it is."""
        data = rfc8785.dumps(entry)
        path = self.slot(len(self.leaves))
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        self.leaves.append(sha256(b"\x00" + data).digest())
        return entry

    def slot(self, n: int) -> Path:
        return self.folder / f"ledger/{n:020}.json"

    def hint(self, signer: Signer | None = None, size: int | None = None) -> None:
        size = len(self.leaves) if size is None else size
        note = self.note(signer or self.writers[0], size)
        (self.folder / "checkpoint").write_bytes(note.encode())

    def tick(self, **delta: int) -> None:
        self.clock += timedelta(**delta)

    def close(self, writer: Signer, tweak: Tweak | None = None) -> None:
        """Closes the writer's epoch by an entry of its own, and folds up to the clock's."""
        self.entry(writer, "close", {"close": self.closing(writer)}, tweak)
        self.ratchet(writer)

    def closing(self, writer: Signer) -> Json:
        return {"batches": len(writer.roots), "epoch": writer.epoch, "seal": writer.fold().hex()}

    def ratchet(self, writer: Signer) -> None:
        writer.advance()
        while writer.epoch < self.epoch_now():
            writer.advance()

    def append(
        self,
        writer: Signer,
        events: list[Json],
        *,
        promote: list[Promotion] | None = None,
        batches: int = 2,
        close: bool = False,
        stages: dict[str, Tweak] | None = None,
    ) -> list[Path]:
        """Commits events; `stages` are the tweaks of `segment`, and `body`."""
        stages = stages or {}
        promote = promote or []
        records = [self.record(event) for event in events]
        parts: dict[tuple[str, str], list[Json]] = defaultdict(list)
        length = 7 if self.trail["partitioning"] == "month" else 10
        for record in records:
            domain = record["event_type"].split(".")[0]
            parts[domain, record["timestamp"][:length]].append(record)
        adds = []
        for (domain, period), rows in sorted(parts.items()):
            adds.append(self.segment(writer, domain, period, rows, promote, batches, stages))
        recorded = sorted(record["recorded_at"] for record in records)
        says: Json = {
            "adds": adds,
            "recorded": {"from": recorded[0], "to": recorded[-1]},
            "wal": {"from": writer.committed + 1, "to": writer.committed + len(records)},
        }
        new = [(path, type_) for path, type_ in promote if self.promoted.get(path) != type_]
        if new:
            says["columns"] = [column_json(path, type_) for path, type_ in new]
            self.promoted.update(new)
        if close:
            says["close"] = self.closing(writer)
        self.entry(writer, "append", says, stages.get("body"))
        writer.committed += len(records)
        if close:
            self.ratchet(writer)
        return [self.folder / add["path"] for add in adds]

    def record(self, event: Json) -> Json:
        self.tick(milliseconds=250)
        made = {
            "timestamp": time_text(self.clock),
            "recorded_at": time_text(self.clock),
            "audit_id": f"audit_evt_{self.uuid()}",
            "schema_version": 1,
        }
        return made | event

    # Segments.

    def segment(
        self,
        writer: Signer,
        domain: str,
        period: str,
        records: list[Json],
        promote: list[Promotion],
        batches: int,
        stages: dict[str, Tweak],
    ) -> Json:
        """Writes a segment of new batches and returns its item of `adds`.

        Stages, in order: `records` (a list, sorted), `ordinals` (each row's batch),
        then those of `store`.
        """
        segment_id = self.uuid()
        records = staged(stages, "records", sorted(records, key=sort_key))
        ordinals = staged(
            stages, "ordinals", [i % min(batches, len(records)) for i in range(len(records))]
        )
        new = []
        for ordinal in sorted(set(ordinals)):
            mine = [r for r, o in zip(records, ordinals, strict=True) if o == ordinal]
            new.append(Batch(self.batch(f"{segment_id}:{ordinal}", mine), mine))
        rows = list(zip(records, ordinals, strict=True))
        add = self.store(writer, (domain, period), segment_id, (new, rows), promote, stages)
        writer.roots += [bytes.fromhex(batch.meta["root"]) for batch in new]
        return add

    def store(
        self,
        signer: Signer,
        partition: tuple[str, str],
        segment_id: str,
        content: tuple[list[Batch], list[tuple[Json, int]]],
        promote: list[Promotion],
        stages: dict[str, Tweak],
    ) -> Json:
        """Writes a segment of batches, given its rows (record and ordinal) in their order.

        Stages, in order: `columns` (metadata objects), `rows` (dicts by column),
        `metadata`, `seal` (a list of one hex string), `keyvalue`, `table` (a list of
        one table), `add`.
        """
        batches, placed = content
        domain, period = partition
        records = [record for record, _ in placed]
        columns, rows = split(records, promote)
        staged(stages, "columns", columns)
        for row, (_, ordinal) in zip(rows, placed, strict=True):
            row["_batch"] = ordinal
        staged(stages, "rows", rows)
        listed = [batch.listed() for batch in batches]
        metadata: Json = {
            "batches": listed,
            "columns": columns,
            "domain": domain,
            "epoch": signer.epoch,
            "hmac_key": signer.hmac_id,
            "key": signer.key,
            "period": period,
            "rows": len(records),
            "schema_version": 1,
            "segment": segment_id,
            "trail": self.trail["trail_id"],
            "v": 1,
            "writer": signer.name,
        }
        staged(stages, "metadata", metadata)
        public = [{k: v for k, v in b.items() if k not in ("salt", "tree")} for b in listed]
        sealed = rfc8785.dumps(metadata | {"batches": public})
        seal = mac(signer.hmac_key, b"sealtrail segment v1\n" + sealed).hex()
        seal = staged(stages, "seal", [seal])[0]
        keyvalue = {"sealtrail": rfc8785.dumps(metadata).decode(), "sealtrail.seal": seal}
        staged(stages, "keyvalue", keyvalue)

        path = (
            f"segments/domain={domain}/{self.trail['partitioning']}={period}/{segment_id}.parquet"
        )
        data = parquet(staged(stages, "table", [table_of(columns, rows)])[0], keyvalue)
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_bytes(data)
        self.made[path] = batches
        times = [micros_of(record["timestamp"]) for record in records]
        recorded = [micros_of(record["recorded_at"]) for record in records]
        stats: Json = {"recorded_at": [min(recorded), max(recorded)]}
        for name in ("audit_id", "event_type"):
            values = sorted(record[name] for record in records)
            if len(values[0]) <= 128 and len(values[-1]) <= 128:
                stats[name] = [values[0], values[-1]]
        add = {
            "batches": len(listed),
            "bytes": len(data),
            "max": max(times),
            "min": min(times),
            "path": path,
            "root": tree([batch_leaf(b) for b in listed]).hex(),
            "rows": len(records),
            "sha256": sha256(data).hexdigest(),
            "stats": stats,
        }
        return staged(stages, "add", add)

    def batch(self, batch_id: str, records: list[Json]) -> Json:
        salt = self.random.randbytes(32)
        leaves = []
        for position, record in enumerate(records):
            own = sha256(salt + position.to_bytes(8, "big")).digest()[:16]
            leaves.append(sha256(b"\x00" + own + rfc8785.dumps(record)).digest())
        runs = [tree(leaves[i : i + 256]) for i in range(0, len(leaves), 256)]
        return {
            "commitment": sha256(salt).hexdigest(),
            "id": batch_id,
            "root": tree(leaves).hex(),
            "rows": len(records),
            "salt": b64(salt),
            "tree": b64(b"".join(runs)),
        }


def batch_leaf(listed: Json) -> bytes:
    """The leaf of a batch in the list of a segment's batches."""
    described = {name: listed[name] for name in ("commitment", "id", "root", "rows")}
    return sha256(b"\x00" + rfc8785.dumps(described)).digest()


def staged(stages: Stages, name: str, value: T) -> T:
    """Lets the tweak of a stage change a value in its place."""
    if name in stages:
        stages[name](value)
    return value


def note_hash(name: str, public: bytes) -> bytes:
    return sha256(name.encode() + b"\n\x01" + public).digest()[:4]


def vkey(name: str, public: bytes) -> str:
    return f"{name}+{note_hash(name, public).hex()}+{b64(bytes([1]) + public)}"


def sort_key(record: Json) -> tuple[int, bytes, bytes]:
    return micros_of(record["timestamp"]), record["audit_id"].encode(), rfc8785.dumps(record)


def column_json(path: tuple[str, ...], type_: str) -> Json:
    return {"name": "_".join(path), "path": list(path), "type": type_}


def fits(type_: str, value: Any) -> bool:
    if type_ == "timestamp":
        try:
            time = datetime.fromisoformat(value) if isinstance(value, str) else None
            return time is not None and time_text(time) == value and 1970 <= time.year <= 2254
        except ValueError:
            return False
    if type_ == "int64":
        return type(value) is int and abs(value) < 2**53
    wanted: dict[str, tuple[type, ...]] = {
        "utf8": (str,),
        "boolean": (bool,),
        "float64": (int, float),
    }
    return type(value) in wanted[type_]


def split(records: list[Json], promote: list[Promotion]) -> tuple[list[Json], list[Json]]:
    """Splits records into column values and rest; returns columns and rows."""
    columns: list[Json] = []
    rests: list[Json] = [json.loads(rfc8785.dumps(record)) for record in records]
    rows: list[Json] = [{} for _ in records]
    by_name = sorted(promote, key=lambda item: "_".join(item[0]).encode())
    for path, type_ in FIXED + by_name:
        column = column_json(path, type_) | {"misfits": 0}
        values = []
        for rest in rests:
            value = pop(rest, path, type_)
            column["misfits"] += value is MISFIT
            values.append(None if value is MISFIT else value)
        if path in dict(FIXED) and all(value is None for value in values):
            continue
        columns.append(column)
        for row, value in zip(rows, values, strict=True):
            row[column["name"]] = micros_of(value) if value and type_ == "timestamp" else value
    for row, rest in zip(rows, rests, strict=True):
        row["_rest"] = rfc8785.dumps(rest).decode() if rest else None
    return columns, rows


MISFIT = object()


def pop(place: Any, path: tuple[str, ...], type_: str) -> Any:
    """Takes a fitting value out of an object; None if missing or null, else MISFIT."""
    if not isinstance(place, dict) or place.get(path[0]) is None:
        return None
    if len(path) > 1:
        value = pop(place[path[0]], path[1:], type_)
        if value not in (None, MISFIT) and place[path[0]] == {}:
            del place[path[0]]
        return value
    return place.pop(path[0]) if fits(type_, place[path[0]]) else MISFIT


def table_of(columns: list[Json], rows: list[Json]) -> pa.Table:
    arrays = {"_batch": pa.array([row["_batch"] for row in rows], pa.uint16())}
    for column in columns:
        values = [row[column["name"]] for row in rows]
        arrays[column["name"]] = pa.array(values, ARROW[column["type"]])
    if any(row["_rest"] is not None for row in rows):
        arrays["_rest"] = pa.array([row["_rest"] for row in rows], pa.utf8())
    return pa.table(arrays)


def parquet(table: pa.Table, keyvalue: dict[str, str]) -> bytes:
    sink = io.BytesIO()
    with pq.ParquetWriter(sink, table.schema, compression="zstd") as writer:
        # Small row groups, so that positions run on across them.
        writer.write_table(table, row_group_size=5)
        writer.add_key_value_metadata(keyvalue)
    return sink.getvalue()


PROMOTE: list[Promotion] = [
    (("score",), "int64"),
    (("extra", "flag"), "boolean"),
    (("extra", "when"), "timestamp"),
    (("note",), "utf8"),
    (("ratio",), "float64"),
]


def event(i: int, domain: str = "data") -> Json:
    """The i-th event: all types, misfits, nulls, empty objects, escapes, odd names."""
    odd: list[Json] = [
        {"score": i, "extra": {"flag": True, "when": "2026-08-31T21:00:00.000Z"}},
        {"score": "n/a", "extra": {"flag": None, "when": "soon"}, "note": 'z\u20ac\u0007"\\/'},
        {"score": 1.5, "extra": {}, "note": 7, "ratio": 5},
        {"score": -(2**53) + 1, "extra": {"flag": False, "kept": {}}, "ratio": 1e-7},
        {"extra": {"deep": [1, {"a": None}]}, "ratio": "1.10", "_exact_numbers": ["/ratio"]},
        {"resource": {"path": f"/data/{i}", "size_bytes": 10**i % 9973}, "cost_usd": i / 8},
        {"resource": {"size_bytes": "many"}, "\u20ac": 1, "\U0001f600": 2, "": {"/~": []}},
    ]
    return {"event_type": f"{domain}.thing_{i % 3}", "user_id": f"user_{i}", **odd[i % len(odd)]}


def tiny(folder: Path, **options: Any) -> Maker:
    """A trail of two writers and three epochs, mostly two batches a segment, eight entries."""
    maker = Maker(folder, **options)
    first = maker.writers[0]
    maker.append(first, [event(i) for i in range(9)], promote=PROMOTE)
    maker.tick(hours=1)
    maker.close(first)
    second = maker.add_writer()
    maker.authorize(second)
    maker.append(second, [event(i, "auth") for i in range(6)], promote=PROMOTE[:2])
    wider: list[Promotion] = [(("score",), "float64"), *PROMOTE[1:]]
    maker.tick(hours=3)
    maker.append(first, [event(i) for i in range(3, 12)], promote=wider, close=True)
    last = [event(0, "system"), *[event(i, "agent") for i in range(4, 7)]]
    crashed = {"closed": True, "recovered": [{"records": 1, "writer": first.name}]}
    stages: Stages = {"body": lambda body: body.update(crashed)}
    maker.append(first, last, promote=wider, close=True, stages=stages)
    maker.close(second, lambda body: body.update(closed=True))
    maker.hint()
    return maker
