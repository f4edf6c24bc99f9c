"""The independent verifier and snapshots (FORMAT section 10)."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import trail_maker as tm
from snapshot_maker import Rows, file_of, snapshot
from verifier_helpers import kinds, verify

import sealtrail
from sealtrail_verifier import Report, history, snapshots, verify_trail
from sealtrail_verifier.columns import fixed_columns
from sealtrail_verifier.folder import Folder
from sealtrail_verifier.note import VerifierKey


@pytest.fixture
def maker(tmp_path: Path) -> tm.Maker:
    """A trail with all that a snapshot holds, whose next entry is number 8."""
    return tm.tiny(tmp_path / "trail")


def named(maker: tm.Maker, **options: Any) -> None:
    """Appends an entry that names a snapshot, honest but for `options`."""
    second = maker.writers[1]
    tweak = snapshot(maker, second, **options)
    maker.append(second, [tm.event(1)], stages={"body": tweak})
    maker.hint()


def path(maker: tm.Maker, n: int) -> Path:
    return maker.folder / snapshots.path(n)


def test_honest_snapshots_are_verified_and_counted(maker: tm.Maker) -> None:
    named(maker)
    second = maker.writers[1]
    maker.close(second, snapshot(maker, second))
    maker.hint()
    report = verify(maker)
    assert report.findings == []
    assert report.orphans == []
    assert report.checked["snapshots"] == 2


def test_a_snapshot_of_entry_0_alone(tmp_path: Path) -> None:
    maker = tm.Maker(tmp_path / "trail")
    first = maker.writers[0]
    maker.append(first, [tm.event(1)], stages={"body": snapshot(maker, first)})
    maker.hint()
    report = verify(maker)
    assert report.findings == []
    assert report.checked["snapshots"] == 1


def test_leaves_of_more_than_one_row(maker: tm.Maker) -> None:
    folder, owner = Folder(maker.folder), VerifierKey.parse(maker.vkey)
    state = history.replay(folder, owner, fixed_columns(), Report("")).ledger
    assert state is not None
    rows = [json.loads(row) for row in snapshots._rows(state, [bytes(32)] * 1025, None)]
    sizes = [len(row["leaves"]) for row in rows if "leaves" in row]
    assert sizes == [len(tm.b64(bytes(1024 * 32))), len(tm.b64(bytes(32)))]


def of(name: str, **values: Any) -> Callable[[Rows], None]:
    """Changes the first row of a kind."""

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


def forget(*names: str) -> Callable[[Rows], None]:
    def change(rows: Rows) -> None:
        for row in rows:
            for name in names:
                row.get("writer", {}).pop(name, None)

    return change


def no_leaf(rows: Rows) -> None:
    rows[1]["leaves"] = tm.b64(bytes(32 * 8))


ROWS: list[tuple[str, Callable[[Rows], Any]]] = [
    ("another number of entries", of("head", entries=7)),
    ("another owner", of("head", owner=tm.b64(bytes(32)))),
    ("another sum of rows", of("head", rows=1)),
    ("another time", of("head", time="2026-08-31T22:00:00.000Z")),
    ("an earlier snapshot that is none", of("head", snapshot=3)),
    ("another version", of("head", v=2)),
    ("a trail with another name", lambda rows: rows[0]["head"]["trail"].update(origin="x")),
    ("other leaves", no_leaf),
    ("no leaves", drop("leaves")),
    ("another last record", of("writer", committed=1)),
    ("another time of the last record", of("writer", recorded=1)),
    ("another epoch", of("writer", epoch=1)),
    ("another count of batches", of("writer", batches=7)),
    ("another authorising entry", of("writer", authorized=1)),
    ("closed epochs forgotten", forget("closed")),
    (
        "a stranger's key",
        lambda rows: rows[2]["writer"]["authorization"].update(public=tm.b64(bytes(32))),
    ),
    ("a writer left out", drop("writer")),
    ("writers in another order", swap("writer")),
    ("a column of another type", of("column", type="utf8")),
    ("a column left out", drop("column")),
    ("columns in another order", swap("column")),
    ("a segment left out", drop("segment")),
    ("segments in another order", swap("segment")),
    ("a segment with other bounds", of("segment", min=0)),
    ("a row twice", lambda rows: rows.append(rows[-1])),
    ("another kind of row", lambda rows: rows.append({"more": 1})),
    ("no rows", lambda rows: rows.clear()),
]


@pytest.mark.parametrize("change", [r[1] for r in ROWS], ids=[r[0] for r in ROWS])
def test_each_lie_in_a_row_is_found(maker: tm.Maker, change: Callable[[Rows], Any]) -> None:
    named(maker, rows=change)
    report = verify(maker)
    assert [(f.kind, f.object) for f in report.findings] == [("snapshot", snapshots.path(8))]
    assert report.verdict == "TAMPERED"


def nulls(table: pa.Table) -> bytes:
    return file_of(pa.table({"item": pa.array([*table["item"].to_pylist(), None], pa.utf8())}))


FILES: list[tuple[str, str, Callable[[pa.Table], bytes]]] = [
    ("no Parquet at all", "unreadable", lambda _: b"rubbish"),
    ("a row that is NULL", "columns", nulls),
    ("another column's name", "columns", lambda t: file_of(t.rename_columns(["x"]))),
    ("a second column", "columns", lambda t: file_of(t.append_column("x", t["item"]))),
    ("a column of bytes", "columns", lambda t: file_of(t.cast(pa.schema({"item": pa.binary()})))),
    ("metadata", "metadata", lambda t: file_of(t, {"hidden": "1"})),
]


@pytest.mark.parametrize(("kind", "file"), [f[1:] for f in FILES], ids=[f[0] for f in FILES])
def test_each_other_form_of_the_file_is_found(
    maker: tm.Maker, kind: str, file: Callable[[pa.Table], bytes]
) -> None:
    named(maker, file=file)
    report = verify(maker)
    assert [(f.kind, f.object) for f in report.findings] == [(kind, snapshots.path(8))]


def test_damage_and_absence(maker: tm.Maker) -> None:
    named(maker)
    file = path(maker, 8)
    data = file.read_bytes()
    for changed in (data[:-1], data + b"\n", b"", data[:9] + bytes([data[9] ^ 1]) + data[10:]):
        file.write_bytes(changed)
        assert kinds(verify(maker)) <= {"length", "sha256"}
        assert verify(maker).verdict == "TAMPERED"
    file.unlink()
    report = verify(maker)
    assert report.verdict == "MISSING"
    assert [f.object for f in report.findings] == [snapshots.path(8)]


def test_a_snapshot_that_nothing_names_is_an_orphan(maker: tm.Maker) -> None:
    path(maker, 3).write_bytes(b"rubbish")
    report = verify(maker)
    assert report.verdict == "VERIFIED"
    assert report.orphans == [snapshots.path(3)]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("snapshot", {"authorized": 0}),
        ("form", {"sha256": "0"}),
        ("form", {"bytes": 0}),
        ("form", {"more": 1}),
    ],
)
def test_an_entry_that_names_one_wrongly_is_invalid(
    maker: tm.Maker, kind: str, said: tm.Json
) -> None:
    named(maker, **said)
    report = verify(maker)
    assert kind in kinds(report)
    assert snapshots.path(8) in report.orphans


def test_snapshots_may_not_come_too_often(tmp_path: Path) -> None:
    maker = tm.Maker(tmp_path / "trail")
    first = maker.writers[0]
    for _ in range(31):
        maker.append(first, [tm.event(1)])
    for _ in range(2):
        maker.append(first, [tm.event(1)], stages={"body": snapshot(maker, first)})
    report = verify(maker)
    assert [(f.kind, f.object) for f in report.findings[:1]] == [
        ("snapshot", "ledger/00000000000000000033.json")
    ]


def test_an_owner_names_no_snapshot(maker: tm.Maker) -> None:
    third = maker.add_writer()
    maker.authorize(third, snapshot(maker, maker.writers[0]))
    assert "form" in kinds(verify(maker))


def test_snapshots_that_continue_others(tmp_path: Path, home: Path) -> None:
    url = tmp_path / "audit"
    with sealtrail.init(url) as trail:
        for number in range(480):
            trail.record({"event_type": "system.backup", "number": number})
            trail.flush()
    bodies = [
        json.loads(path.read_bytes())["body"] for path in sorted((url / "ledger").glob("*.json"))
    ]
    named = [body["snapshot"] for body in bodies if "snapshot" in body]
    continued = [one for one in named if "rests_on" in one]
    assert len(continued) >= 2
    assert len(named) - len(continued) >= 2
    vkey = next((home / "sealtrail" / "keys").glob("*/owner.vkey")).read_text().strip()
    key = VerifierKey.parse(vkey)
    assert sealtrail.verify(url).verdict == "VERIFIED"
    report = verify_trail(url, key, None)
    assert report.verdict == "VERIFIED", report.findings
    assert sealtrail.open(url).stats()["events"] == 480
    # A byte of one of them, under a new name: neither verifier takes it.
    path = max((url / "ledger").glob("snapshot-*.parquet"))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert sealtrail.verify(url).verdict == "TAMPERED"
    assert verify_trail(url, key, None).verdict == "TAMPERED"
    assert sealtrail.open(url).stats()["events"] == 480
