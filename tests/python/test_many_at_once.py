"""Bulk loads beside single records and beside each other, in one process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import sealtrail


def started(name: str, n: int) -> dict[str, str]:
    return {"event_type": "workflow.started", "audit_id": f"{name}-{n}", "pad": "p" * 200}


def check(trail: sealtrail.Trail, ids: set[str]) -> None:
    with trail:
        ids.add(trail.record({"event_type": "data.filter"}))
    with sealtrail.open(trail.url) as again:
        ids.add(again.record({"event_type": "data.filter"}))
    rows = trail.sql("SELECT audit_id FROM events").to_dicts()
    assert sorted(row["audit_id"] for row in rows) == sorted(ids)
    report = trail.verify()
    assert (report.verdict, report.checked["records"]) == ("VERIFIED", len(ids)), report


def test_records_come_between_the_lines_of_a_load(tmp_path: Path) -> None:
    trail = sealtrail.init(tmp_path / "audit")
    ids: set[str] = set()

    def events() -> Iterator[dict[str, str]]:
        for n in range(60_000):
            if n == 50_000:
                # The first lines have got their time already; this one comes after them.
                ids.add(trail.record({"event_type": "data.filter"}))
            yield started("many", n)

    report = trail.record_many(events())
    assert (report.recorded, report.refused) == (60_000, 0)
    ids |= {f"many-{n}" for n in range(60_000)}
    check(trail, ids)


def test_records_come_and_are_committed_between_the_lines_of_a_load(tmp_path: Path) -> None:
    trail = sealtrail.init(tmp_path / "audit")
    ids: set[str] = set()

    def events() -> Iterator[dict[str, str]]:
        for n in range(60_000):
            if n % 25_000 == 24_999:
                ids.add(trail.record({"event_type": "data.filter"}))
                trail.flush()
            yield started("many", n)

    assert trail.record_many(events()).recorded == 60_000
    ids |= {f"many-{n}" for n in range(60_000)}
    check(trail, ids)


def test_a_load_within_a_load(tmp_path: Path) -> None:
    trail = sealtrail.init(tmp_path / "audit")

    def events() -> Iterator[dict[str, str]]:
        for n in range(60_000):
            if n == 50_000:
                assert trail.record_many([started("inner", n) for n in range(10)]).recorded == 10
            yield started("outer", n)

    assert trail.record_many(events()).recorded == 60_000
    check(trail, {f"outer-{n}" for n in range(60_000)} | {f"inner-{n}" for n in range(10)})


def test_loads_of_several_threads(tmp_path: Path) -> None:
    trail = sealtrail.init(tmp_path / "audit")
    start = threading.Barrier(4)
    recorded: list[int] = []

    def load(name: str) -> None:
        start.wait()
        for part in range(5):
            events = [started(f"{name}{part}", n) for n in range(500)]
            recorded.append(trail.record_many(events).recorded)

    threads = [threading.Thread(target=load, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert recorded == [500] * 20
    ids = {f"{name}{part}-{n}" for name in "abcd" for part in range(5) for n in range(500)}
    check(trail, ids)
