"""The independent verifier and what snapshots say of the lives of records (FORMAT section 10)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lifecycle_maker as lm
import pytest
import trail_maker as tm
from snapshot_maker import Rows, base_of, rows_of, snapshot
from verifier_helpers import entries_only, verify

from sealtrail_verifier import snapshots


@pytest.fixture
def maker(tmp_path: Path) -> tm.Maker:
    """A trail with all that a snapshot holds; its entry 5 names a full one."""
    made = tm.Maker(tmp_path / "trail")
    first = made.writers[0]
    for i in range(4):
        made.append(first, [tm.event(i + j) for j in range(3)])
    paths = lm.live(made)
    lm.compact(made, first, paths[:1], stages={"body": snapshot(made, first)})
    lm.policy(made)
    lm.hold(made, "b")
    lm.hold(made, "a")
    lm.hold(made, "c")
    lm.release(made, "c")
    order = lm.erase(made)
    lm.erase(made)
    lm.erased(made, first, order, "host-1")
    lm.erased(made, made.owner, order, "backup")
    lm.forget(made, "copy-fedcba9876543210")
    lm.forget(made, "copy-0123456789abcdef")
    cold: tm.Stages = {"add": lambda add: add.update(archive="cold")}
    one = lm.compact(made, first, [paths[3], paths[1]])
    lm.delete(made, [one], lambda record: record["user_id"] == "user_3")
    two = lm.compact(made, first, [lm.live(made)[-1]], stages=cold)
    lm.sweep(made, first, [one])
    lm.compact(made, first, [two])
    left = f"segments/domain=data/month=2026-08/{'0' * 8}-0000-4000-8000-{'0' * 12}.jsonl.zst"
    lm.condemn(made, first, [left], archive="cold")
    lm.condemn(made, made.owner, [left.replace("jsonl.zst", "parquet")])
    return made


def named(maker: tm.Maker, **options: Any) -> int:
    """Appends an entry that names a snapshot, honest but for `options`; returns its number."""
    first = maker.writers[0]
    maker.append(first, [tm.event(1)], stages={"body": snapshot(maker, first, **options)})
    maker.hint()
    return len(maker.leaves) - 1


def test_all_kinds_of_rows_are_there(maker: tm.Maker) -> None:
    rows = rows_of(maker, base_of(maker))
    counts = {name: sum(name in row for row in rows) for row in rows for name in row}
    assert counts == {
        "head": 1,
        "leaves": 1,
        "writer": 1,
        "policy": 1,
        "hold": 2,
        "erasure": 2,
        "forgotten": 2,
        "retired": 5,
        "condemned": 2,
        "removed": 3,
        "segment": 2,
    }
    assert [row["removed"] for row in rows if "removed" in row] == [
        path for i in (1, 2, 4) for path in list(maker.made)[i - 1 : i]
    ]
    assert (rows[0]["head"]["deleted"], rows[0]["head"]["removals"]) == (2, 6)


@pytest.mark.parametrize("continued", [True, False])
def test_honest_snapshots_after_all_that(maker: tm.Maker, *, continued: bool) -> None:
    named(maker, base=base_of(maker) if continued else None)
    named(maker, base=base_of(maker))
    lm.compact(maker, maker.writers[0], [p for p in lm.live(maker) if "month=2026-08" in p])
    named(maker, base=base_of(maker))
    report = verify(maker)
    assert report.findings == [], report.as_text()
    assert report.verdict == "PRUNED"
    assert report.checked["snapshots"] == 4


def of(name: str, **values: Any) -> Callable[[Rows], None]:
    def change(rows: Rows) -> None:
        next(row[name] for row in rows if name in row).update(values)

    return change


def drop(name: str) -> Callable[[Rows], None]:
    return lambda rows: rows.remove(next(row for row in rows if name in row))


def swap(name: str) -> Callable[[Rows], None]:
    def change(rows: Rows) -> None:
        a, b = [i for i, row in enumerate(rows) if name in row][:2]
        rows[a], rows[b] = rows[b], rows[a]

    return change


def without(name: str, member: str) -> Callable[[Rows], None]:
    def change(rows: Rows) -> None:
        next(row[name] for row in rows if member in row.get(name, {})).pop(member)

    return change


def removed_segment(rows: Rows) -> None:
    rows.append({"segment": rows[-1]["segment"] | {"path": "x"}})


ROWS: list[tuple[str, Callable[[Rows], Any]]] = [
    ("fewer deleted", of("head", deleted=1)),
    ("none deleted", without("head", "deleted")),
    ("fewer removals", of("head", removals=1)),
    ("no removals", without("head", "removals")),
    ("another base", of("head", rests_on={"bytes": 1, "n": 3, "sha256": "0" * 64})),
    ("no policy", drop("policy")),
    ("another policy", of("policy", policy={})),
    ("the policy of another entry", of("policy", entry=1)),
    ("a hold left out", drop("hold")),
    ("holds in another order", swap("hold")),
    ("the hold of another entry", of("hold", entry=1)),
    ("an erasure left out", drop("erasure")),
    ("erasures in another order", swap("erasure")),
    ("another holder", of("erasure", holders=["host-1"])),
    ("holders in another order", of("erasure", holders=["backup", "host-1"])),
    ("a retired segment left out", drop("retired")),
    ("retired segments in another order", swap("retired")),
    ("a segment retired by another entry", of("retired", entry=1)),
    ("a retired segment without archive", without("retired", "archive")),
    ("a retired segment without sidecar", without("retired", "gone")),
    ("a removed segment left out", drop("removed")),
    ("removed segments in another order", swap("removed")),
    ("a live segment left out", drop("segment")),
    ("a removed segment that is live", removed_segment),
]


@pytest.mark.parametrize("change", [r[1] for r in ROWS], ids=[r[0] for r in ROWS])
def test_each_lie_in_a_row_is_found(maker: tm.Maker, change: Callable[[Rows], Any]) -> None:
    n = named(maker, base=base_of(maker), rows=change)
    report = verify(maker, secret=False)
    assert [(f.kind, f.object) for f in report.findings] == [("snapshot", snapshots.path(n))]


def test_a_compaction_may_name_a_snapshot_and_a_deletion_not(maker: tm.Maker) -> None:
    first = maker.writers[0]
    lm.compact(maker, first, lm.live(maker)[-1:], stages={"body": snapshot(maker, first)})
    assert entries_only(maker).findings == []
    lm.sweep(maker, first, [], snapshot(maker, first))
    assert [finding.kind for finding in entries_only(maker).findings] == ["form"]


def test_the_owner_names_no_snapshot(maker: tm.Maker) -> None:
    named = snapshot(maker, maker.writers[0])
    lm.compact(maker, maker.owner, lm.live(maker)[-1:], stages={"body": named})
    maker.entry(maker.owner, "close", {}, named)
    assert [finding.kind for finding in entries_only(maker).findings] == ["signer", "signer"]
