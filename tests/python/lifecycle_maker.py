"""Compaction, deletion, holds and the like in made trails (FORMAT sections 5 and 7).

Like `trail_maker` it knows neither implementation, and lets tests break one rule at a time.
"""

import base64
import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from hashlib import sha256
from typing import Any

import rfc8785
from trail_maker import (
    Batch,
    Json,
    Maker,
    Promotion,
    Signer,
    Stages,
    Tweak,
    batch_leaf,
    micros_of,
    sort_key,
    staged,
    tree,
)

Drop = Callable[[Json], bool]


def bodies(maker: Maker) -> list[Json]:
    """The bodies of all entries so far; all must be valid."""
    return [json.loads(maker.slot(n).read_bytes())["body"] for n in range(len(maker.leaves))]


def live(maker: Maker, domain: str = "") -> list[str]:
    """The paths of live segments of a domain (of all), in their order."""
    paths: dict[str, None] = {}
    for body in bodies(maker):
        for path in body.get("removes", []):
            del paths[path]
        paths.update({add["path"]: None for add in body.get("adds", [])})
    return [path for path in paths if f"/domain={domain}" in path]


def audit_path(leaves: list[bytes], index: int) -> list[bytes]:
    """The recursive definition of RFC 6962, section 2.1.1."""
    if len(leaves) == 1:
        return []
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if index < k:
        return [*audit_path(leaves[:k], index), tree(leaves[k:])]
    return [*audit_path(leaves[k:], index - k), tree(leaves[:k])]


def batches_of(maker: Maker, path: str) -> list[Batch]:
    """The batches of a segment, ready to be moved."""
    made = maker.made[path]
    for body in bodies(maker):
        paths = [add["path"] for add in body.get("adds", [])]
        if body["kind"] == "append" and path in paths:
            leaves = [batch_leaf(batch.meta) for batch in made]
            places = [
                {
                    "add": paths.index(path),
                    "entry": body["n"],
                    "index": i,
                    "path": [node.hex() for node in audit_path(leaves, i)],
                }
                for i in range(len(made))
            ]
            return [replace(b, origin=place) for b, place in zip(made, places, strict=True)]
    return made


def write(
    maker: Maker,
    signer: Signer,
    paths: list[str],
    batches: list[Batch],
    promote: list[Promotion],
    stages: Stages,
) -> Json:
    """Writes a segment of batches of the partition of these paths; returns its item of `adds`.

    Stages, in order: `batches` (a list), those of `Maker.store`, `sidecar` (a list of
    one bytes) before `add`.
    """
    staged(stages, "batches", batches)
    rows = sorted(
        (
            (record, ordinal)
            for ordinal, batch in enumerate(batches)
            for position, record in enumerate(batch.records)
            if position not in batch.gone
        ),
        key=lambda row: sort_key(row[0]),
    )
    _, domain, period, _ = paths[0].split("/")
    partition = domain.partition("=")[2], period.partition("=")[2]
    first = {name: tweak for name, tweak in stages.items() if name != "add"}
    add = maker.store(signer, partition, maker.uuid(), (batches, rows), promote, first)
    if any(batch.gone for batch in batches):
        data = staged(stages, "sidecar", [sidecar(batches)])[0]
        (maker.folder / f"{add['path']}.gone").write_bytes(data)
        add["gone"] = {"bytes": len(data), "sha256": sha256(data).hexdigest()}
    return staged(stages, "add", add)


def sidecar(batches: list[Batch]) -> bytes:
    """The sidecar of a segment of these batches."""
    incomplete = [(i, batch) for i, batch in enumerate(batches) if batch.gone]
    data = b"SEALGON1" + len(incomplete).to_bytes(4, "big")
    for ordinal, batch in incomplete:
        count = len(batch.records)
        bits = sum(1 << position for position in batch.gone)
        data += ordinal.to_bytes(2, "big") + count.to_bytes(4, "big")
        data += len(batch.gone).to_bytes(4, "big") + bits.to_bytes(-(-count // 8), "little")
        secret = base64.b64decode(batch.meta["salt"])
        salts = [sha256(secret + i.to_bytes(8, "big")).digest()[:16] for i in range(count)]
        for i in sorted(batch.gone):
            data += sha256(b"\x00" + salts[i] + rfc8785.dumps(batch.records[i])).digest()
        data += b"".join(salts[i] for i in range(count) if i not in batch.gone)
    return data


def compact(
    maker: Maker,
    writer: Signer,
    paths: list[str],
    *,
    promote: list[Promotion] | None = None,
    stages: Stages | None = None,
) -> str:
    """Puts the batches of segments of one partition into one; returns its path."""
    stages = stages or {}
    batches = [batch for path in paths for batch in batches_of(maker, path)]
    add = write(maker, writer, paths, batches, promote or [], stages)
    maker.entry(writer, "compact", {"adds": [add], "removes": list(paths)}, stages.get("body"))
    return str(add["path"])


def delete(
    maker: Maker,
    paths: list[str],
    drop: Drop,
    *,
    stages: Stages | None = None,
    **stone: Any,
) -> list[str]:
    """Deletes records from segments; returns the paths of those with what is left."""
    stages = stages or {}
    adds, told = [], []
    for partition in _partitions(paths):
        left = []
        for batch in [batch for path in partition for batch in batches_of(maker, path)]:
            drops = {i for i, r in enumerate(batch.records) if i not in batch.gone and drop(r)}
            if drops:
                told.append(_told(batch, drops))
            gone = batch.gone | drops
            if len(gone) < len(batch.records):
                left.append(replace(batch, gone=gone))
        if left:
            adds.append(write(maker, maker.owner, partition, left, [], stages))
    tombstone: Json = {
        "approver": "dpo@example.com",
        "batches": told,
        "holds": sorted(holds(maker)),
        "reason": "retention",
    }
    says: Json = {"removes": list(paths), "tombstone": tombstone | stone}
    if adds:
        says["adds"] = adds
    maker.entry(maker.owner, "delete", says, stages.get("body"))
    return [add["path"] for add in adds]


def _partitions(paths: Iterable[str]) -> list[list[str]]:
    found = defaultdict(list)
    for path in paths:
        found[path.rpartition("/")[0]].append(path)
    return list(found.values())


def _told(batch: Batch, drops: set[int]) -> Json:
    """What a tombstone says of a batch."""
    times = [micros_of(batch.records[i]["timestamp"]) for i in drops]
    place = batch.origin or {}
    return {
        **{name: place[name] for name in ("add", "entry", "index")},
        "gone": len(drops),
        "max": max(times),
        "min": min(times),
        "root": batch.meta["root"],
        "rows": len(batch.records),
    }


def holds(maker: Maker) -> set[str]:
    """The ids of the active holds."""
    active: set[str] = set()
    for body in bodies(maker):
        if body["kind"] == "hold":
            active.add(body["hold"]["id"])
        if body["kind"] == "release":
            active.remove(body["release"]["id"])
    return active


def sweep(maker: Maker, signer: Signer, paths: list[str], tweak: Tweak | None = None) -> None:
    """Deletes the files of retired segments and says so."""
    for path in paths:
        (maker.folder / path).unlink()
        (maker.folder / f"{path}.gone").unlink(missing_ok=True)
    maker.entry(signer, "sweep", {"swept": list(paths)}, tweak)


def condemn(maker: Maker, signer: Signer, paths: list[str], **more: str) -> None:
    """Says that no entry can add these paths any more."""
    condemned = [{"path": path, **more} for path in paths]
    maker.entry(signer, "condemn", {"condemned": condemned})


def policy(maker: Maker, tweak: Tweak | None = None) -> int:
    """Puts a policy in force; returns the number of its entry."""
    rule = {"by_domain": {"data": {"delete_after_days": 400}}, "clock": "latest"}
    return int(maker.entry(maker.owner, "policy", {"policy": rule}, tweak)["body"]["n"])


def hold(maker: Maker, name: str, tweak: Tweak | None = None) -> None:
    """Holds records."""
    what = {"by": "counsel", "id": name, "matching": {"user": ["user_1"]}, "reason": "case 7"}
    maker.entry(maker.owner, "hold", {"hold": what}, tweak)


def release(maker: Maker, name: str, tweak: Tweak | None = None) -> None:
    """Ends a hold."""
    what = {"by": "counsel", "id": name, "reason": "case closed"}
    maker.entry(maker.owner, "release", {"release": what}, tweak)


def erase(maker: Maker, tweak: Tweak | None = None) -> int:
    """Orders an erasure; returns the number of its entry."""
    what = {"approver": "dpo@example.com", "reason": "request 9", "subject": "s-1"}
    return int(maker.entry(maker.owner, "erase", {"erase": what}, tweak)["body"]["n"])


def erased(maker: Maker, signer: Signer, n: int, holder: str, tweak: Tweak | None = None) -> None:
    """Confirms an erasure."""
    maker.entry(signer, "erased", {"erased": {"entry": n, "holder": holder}}, tweak)


def forget(maker: Maker, holder: str, tweak: Tweak | None = None) -> int:
    """Gives up a copy; returns the number of the entry."""
    what = {"approver": "ops@example.com", "holder": holder, "reason": "the disk is lost"}
    return int(maker.entry(maker.owner, "forget", {"forget": what}, tweak)["body"]["n"])
