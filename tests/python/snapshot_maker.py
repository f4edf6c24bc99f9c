"""Snapshots of made trails, from the entries on disk alone (FORMAT section 10)."""

import io
import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import rfc8785
from trail_maker import Json, Maker, Signer, Tweak, b64, micros_of

Rows = list[Json]


def rows_of(maker: Maker, base: Json | None = None) -> Rows:
    """The rows of the snapshot that the next entry may name; all entries must be valid.

    `base` is the `rests_on` of one that continues another.
    """
    bodies = [json.loads(maker.slot(n).read_bytes())["body"] for n in range(len(maker.leaves))]
    since = base["n"] if base else 0
    writers: Json = {}
    columns: Json = {}
    head: Json = {"entries": len(bodies), "v": 1} | ({"rests_on": base} if base else {})
    for body in bodies:
        head["time"] = body["time"]
        if "snapshot" in body and "rests_on" not in body["snapshot"]:
            head["snapshot"] = body["n"]
        if body["kind"] == "init":
            head |= {"owner": body["owner"], "trail": body["trail"]}
        for item in body.get("authorizes", []):
            writers[item["writer"]] = {
                "authorization": item,
                "authorized": body["n"],
                "batches": 0,
                "committed": 0,
                "epoch": item["epoch"],
                "recorded": 0,
            }
        columns |= {column["name"]: column for column in body.get("columns", [])}
        if body["writer"] in writers:
            _follow(writers[body["writer"]], body)
    segments, removed, retired = _segments(bodies)
    head["rows"] = sum(segment["rows"] for _, segment in segments.values())
    stones = [body["tombstone"] for body in bodies if body["kind"] == "delete"]
    deleted = sum(batch["gone"] for stone in stones for batch in stone["batches"])
    head |= {"deleted": deleted} if deleted else {}
    head |= {"removals": len(removed)} if removed else {}
    return [
        {"head": head},
        *[
            {"leaves": b64(b"".join(maker.leaves[i : i + 1024]))}
            for i in range(since, len(maker.leaves), 1024)
        ],
        *[{"writer": writer} for _, writer in sorted(writers.items())],
        *[{"column": column} for column in columns.values()],
        *_words(bodies),
        *[{"retired": retired[path]} for path in sorted(retired)],
        *_condemned(bodies),
        *[{"removed": path} for path, added, by in removed if added < since <= by],
        *[{"segment": segment} for added, segment in segments.values() if added >= since],
    ]


def _segments(bodies: Rows) -> tuple[dict[str, tuple[int, Json]], list[tuple[str, int, int]], Json]:
    """Live segments with their entries; removed ones with both of theirs; what is retired."""
    segments: dict[str, tuple[int, Json]] = {}
    removed: list[tuple[str, int, int]] = []
    retired: Json = {}
    for body in bodies:
        for path in [path for path in segments if path in body.get("removes", [])]:
            added, segment = segments.pop(path)
            removed.append((path, added, body["n"]))
            retired[path] = {"entry": body["n"], "path": path}
            retired[path] |= {"archive": segment["archive"]} if "archive" in segment else {}
            retired[path] |= {"gone": True} if "gone" in segment else {}
        for path in body.get("swept", []):
            del retired[path]
        segments |= {add["path"]: (body["n"], add) for add in body.get("adds", [])}
    return segments, removed, retired


def _condemned(bodies: Rows) -> Rows:
    """Paths that no entry can add any more."""
    condemned = {
        orphan["path"]: orphan | {"entry": body["n"]}
        for body in bodies
        for orphan in body.get("condemned", [])
    }
    return [{"condemned": condemned[path]} for path in sorted(condemned)]


def _words(bodies: Rows) -> Rows:
    """Policy, holds, erasures and forgotten copies."""
    policies = [
        {"entry": body["n"], "policy": body["policy"]} for body in bodies if "policy" in body
    ]
    holds: Json = {}
    erasures: dict[int, Json] = {}
    copies: Json = {}
    for body in bodies:
        if body["kind"] == "hold":
            holds[body["hold"]["id"]] = {"entry": body["n"], "hold": body["hold"]}
        if body["kind"] == "release":
            del holds[body["release"]["id"]]
        if body["kind"] == "erase":
            erasures[body["n"]] = {"entry": body["n"], "erase": body["erase"], "holders": []}
        if body["kind"] == "erased":
            erasures[body["erased"]["entry"]]["holders"].append(body["erased"]["holder"])
        if body["kind"] == "forget":
            copies[body["forget"]["holder"]] = {"entry": body["n"], "forget": body["forget"]}
    return [
        *[{"policy": policy} for policy in policies[-1:]],
        *[{"hold": holds[name]} for name in sorted(holds)],
        *[{"erasure": erasure} for erasure in erasures.values()],
        *[{"forgotten": copies[name]} for name in sorted(copies)],
    ]


def _follow(writer: Json, body: Json) -> None:
    if body["epoch"] > writer["epoch"]:
        writer |= {"batches": 0, "epoch": body["epoch"]}
    if body["kind"] == "append":
        writer["batches"] += sum(segment["batches"] for segment in body["adds"])
    if "wal" in body:
        writer["committed"] = body["wal"]["to"]
        writer["recorded"] = micros_of(body["recorded"]["to"])
        writer.pop("ended", None)
    if "closed" in body:
        writer["ended"] = True
    if "close" in body:
        writer |= {"batches": 0, "closed": body["epoch"]}


def table_of(rows: Rows) -> pa.Table:
    items = [rfc8785.dumps(row).decode() for row in rows]
    return pa.table({"item": pa.array(items, pa.utf8())})


def file_of(table: pa.Table, metadata: dict[str, str] | None = None) -> bytes:
    sink = io.BytesIO()
    with pq.ParquetWriter(sink, table.schema, compression="zstd", store_schema=False) as writer:
        writer.write_table(table, row_group_size=7)
        if metadata:
            writer.add_key_value_metadata(metadata)
    return sink.getvalue()


def snapshot(
    maker: Maker,
    writer: Signer,
    rows: Callable[[Rows], Any] | None = None,
    file: Callable[[pa.Table], bytes] = file_of,
    base: Json | None = None,
    **said: Any,
) -> Tweak:
    """Writes a snapshot of the entries so far and returns the tweak by which the next names it.

    `rows` changes the rows, `file` makes the bytes, `base` is the `rests_on` of one that
    continues another, `said` changes what the entry says.
    """
    made = rows_of(maker, base)
    if rows:
        rows(made)
    data = file(table_of(made))
    n = len(maker.leaves)
    (maker.folder / f"ledger/snapshot-{n:020}.parquet").write_bytes(data)
    bodies = [json.loads(maker.slot(i).read_bytes())["body"] for i in range(n)]
    by = next(
        body["n"]
        for body in bodies
        if any(item["writer"] == writer.name for item in body.get("authorizes", []))
    )
    named = {"authorized": by, "bytes": len(data), "sha256": sha256(data).hexdigest()} | said
    named |= {"rests_on": base["n"]} if base else {}
    return lambda body: body.update(snapshot=named)


def base_of(maker: Maker) -> Json:
    """The `rests_on` of a snapshot that continues the newest, which entry `n` names."""
    for n in reversed(range(len(maker.leaves))):
        named = json.loads(maker.slot(n).read_bytes())["body"].get("snapshot")
        if named:
            return {"bytes": named["bytes"], "n": n, "sha256": named["sha256"]}
    raise LookupError("no entry names a snapshot")
