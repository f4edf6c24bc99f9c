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


def rows_of(maker: Maker) -> Rows:
    """The rows of the snapshot that the next entry may name; all entries must be valid."""
    bodies = [json.loads(maker.slot(n).read_bytes())["body"] for n in range(len(maker.leaves))]
    writers: Json = {}
    columns: Json = {}
    segments: Rows = []
    head: Json = {"entries": len(bodies), "v": 1}
    for body in bodies:
        head["time"] = body["time"]
        if "snapshot" in body:
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
        segments += body.get("adds", [])
        if body["writer"] in writers:
            _follow(writers[body["writer"]], body)
    head["rows"] = sum(segment["rows"] for segment in segments)
    return [
        {"head": head},
        *[
            {"leaves": b64(b"".join(maker.leaves[i : i + 1024]))}
            for i in range(0, len(maker.leaves), 1024)
        ],
        *[{"writer": writer} for _, writer in sorted(writers.items())],
        *[{"column": column} for column in columns.values()],
        *[{"segment": segment} for segment in segments],
    ]


def _follow(writer: Json, body: Json) -> None:
    if body["epoch"] > writer["epoch"]:
        writer |= {"batches": 0, "epoch": body["epoch"]}
    writer["batches"] += sum(segment["batches"] for segment in body.get("adds", []))
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
    **said: Any,
) -> Tweak:
    """Writes a snapshot of the entries so far and returns the tweak by which the next names it.

    `rows` changes the rows, `file` makes the bytes, `said` changes what the entry says.
    """
    made = rows_of(maker)
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
    return lambda body: body.update(snapshot=named)
