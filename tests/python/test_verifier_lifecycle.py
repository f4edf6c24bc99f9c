"""The independent verifier and what becomes of records later: the entries (FORMAT section 7)."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lifecycle_maker as lm
import pytest
import trail_maker as tm
from verifier_helpers import Json, entries_only, kinds, verify

COPY = "copy-0123456789abcdef"


@pytest.fixture
def maker(tmp_path: Path) -> tm.Maker:
    """Three segments of data in one month, then one of auth; entries 0 to 4."""
    made = tm.Maker(tmp_path / "trail")
    for i in range(3):
        made.append(made.writers[0], [tm.event(i + j) for j in range(5)], promote=tm.PROMOTE)
    made.append(made.writers[0], [tm.event(0, "auth")], batches=1)
    return made


def by_users(*numbers: int) -> lm.Drop:
    """Chooses the records of users."""
    users = {f"user_{number}" for number in numbers}
    return lambda record: record["user_id"] in users


def assign(**values: Any) -> tm.Tweak:
    return lambda target: target.update(values)


def within(name: str, **values: Any) -> tm.Tweak:
    return lambda body: body[name].update(values)


def without(*names: str) -> tm.Tweak:
    def tweak(body: Json) -> None:
        *way, last = names
        for name in way:
            body = body[name]
        del body[last]

    return tweak


def in_add(**values: Any) -> tm.Tweak:
    return lambda body: body["adds"][0].update(values)


def in_told(**values: Any) -> tm.Tweak:
    return lambda body: body["tombstone"]["batches"][0].update(values)


def test_a_life_of_records(maker: tm.Maker) -> None:
    first = maker.writers[0]
    data, (auth,) = lm.live(maker, "data"), lm.live(maker, "auth")
    small = lm.compact(maker, first, data[:2], promote=tm.PROMOTE[:2])
    big = lm.compact(maker, first, [small, data[2]])
    lm.sweep(maker, first, data[:2])
    n = lm.policy(maker)
    lm.hold(maker, "case-7")
    left = lm.delete(maker, [big, auth], by_users(0, 2), policy=n)
    lm.release(maker, "case-7")
    lm.hold(maker, "case-7")
    again = lm.delete(maker, left, by_users(3))
    lm.sweep(maker, maker.owner, [big, *left])
    order = lm.erase(maker)
    lm.erased(maker, first, order, "host-1")
    lm.erased(maker, maker.owner, order, "backup")
    lm.forget(maker, COPY)
    maker.close(first)
    maker.hint()
    report = verify(maker)
    assert report.findings == [], report.as_text()
    assert report.verdict == "PRUNED"
    assert report.is_sound
    assert lm.live(maker) == again
    assert report.deleted == 2 + 3 + 3  # users 0 (once also of auth), 2 and 3
    assert report.orphans == []
    expected = {
        "segments": 1,
        "records": 16 - report.deleted,
        "deletions": 2,
        "active holds": 1,
        "erasures": 1,
        "confirmations of erasure": 2,
        "forgotten copies": 1,
        "retired segments": 3,
        "seals of epochs": 1,
        "seals of segments": 1,
    }
    assert expected.items() <= report.checked.items()
    assert f"deleted by the owner's word: {report.deleted} records" in report.as_text()


def test_retired_files_are_no_orphans_and_swept_ones_are(maker: tm.Maker) -> None:
    one, two, three = lm.live(maker, "data")
    lm.compact(maker, maker.writers[0], [one, two, three])
    assert verify(maker).orphans == []
    data = (maker.folder / one).read_bytes()
    (maker.folder / two).unlink()  # not yet told
    lm.sweep(maker, maker.writers[0], [one])
    (maker.folder / one).write_bytes(data)
    report = verify(maker)
    assert report.verdict == "VERIFIED"
    assert report.orphans == [one]


def test_a_swept_path_is_free_again(maker: tm.Maker) -> None:
    path = lm.live(maker, "auth")[0]
    data = (maker.folder / path).read_bytes()
    lm.compact(maker, maker.writers[0], [path])
    lm.sweep(maker, maker.writers[0], [path])
    (maker.folder / path).write_bytes(data)
    body = lm.bodies(maker)[4]
    says = {"adds": body["adds"], "recorded": body["recorded"], "wal": {"from": 17, "to": 17}}
    maker.entry(maker.writers[0], "append", says)
    assert kinds(entries_only(maker)) == set()


def test_what_is_condemned_is_an_orphan_and_never_added(maker: tm.Maker) -> None:
    auth = lm.live(maker, "auth")[0]
    folder, _ = auth.rsplit("/", 1)
    left = f"{folder}/{'0' * 8}-0000-4000-8000-{'0' * 12}.parquet"
    (maker.folder / left).write_bytes(b"a crash left it")
    lm.condemn(maker, maker.writers[0], [left])
    lm.condemn(maker, maker.owner, [left.replace(".parquet", ".jsonl.zst")], archive="cold")
    report = verify(maker)
    assert (report.findings, report.orphans) == ([], [left]), report.as_text()
    assert report.checked["condemned paths"] == 2
    lm.compact(maker, maker.writers[0], [auth], stages={"add": assign(path=left)})
    assert "adds" in kinds(entries_only(maker))


# Broken rules.

COMPACT: list[tuple[str, str, tm.Tweak]] = [
    ("nothing removed", "form", assign(removes=[])),
    ("a path removed twice", "form", lambda b: b["removes"].append(b["removes"][0])),
    ("something removed that is no path", "form", assign(removes=[1])),
    ("a segment removed that is not there", "removes", assign(removes=["x"])),
    ("fewer segments removed", "rows", lambda b: b["removes"].pop()),
    ("no segment added", "rows", assign(adds=[])),
    ("other rows", "rows", in_add(rows=9)),
    ("other batches", "rows", in_add(batches=3)),
    ("an earlier time", "rows", in_add(min=0)),
    ("a later time", "rows", in_add(max=2**53 - 1)),
    ("a segment added twice", "adds", lambda b: b["adds"].append(b["adds"][0])),
    ("a live path", "adds", lambda b: b["adds"][0].update(path=b["removes"][0])),
    (
        "another partition",
        "adds",
        lambda b: b["adds"][0].update(path=b["adds"][0]["path"].replace("=data", "=auth")),
    ),
    ("a log", "form", assign(wal={"from": 1, "to": 1})),
    ("a range", "form", assign(recorded={})),
    ("a close", "form", assign(close={"batches": 6, "epoch": 0, "seal": "0" * 64})),
    ("an end", "form", assign(closed=True)),
    ("a recovery", "form", assign(recovered=[])),
    ("the name of an archive with a slash", "form", in_add(archive="a/b")),
    ("an archive without name", "form", in_add(archive="")),
    ("an unknown format", "form", in_add(format="parquet")),
    ("a sidecar of nothing", "form", in_add(gone={"bytes": 0, "sha256": "0" * 64})),
    ("a sidecar without hash", "form", in_add(gone={"bytes": 1})),
    ("a reserved column", "columns", assign(columns=[tm.column_json(("_x",), "utf8")])),
    ("another member", "form", assign(tombstone={})),
]


@pytest.mark.parametrize(("kind", "tweak"), [r[1:] for r in COMPACT], ids=[r[0] for r in COMPACT])
def test_each_rule_of_compact_entries(maker: tm.Maker, kind: str, tweak: tm.Tweak) -> None:
    lm.compact(maker, maker.writers[0], lm.live(maker, "data")[:2], stages={"body": tweak})
    report = entries_only(maker)
    assert kinds(report) == {kind}, report.as_text()
    assert report.verdict == "TAMPERED"
    assert report.checked["entries"] == 5


def test_an_invalid_entry_moves_and_deletes_nothing(maker: tm.Maker) -> None:
    paths = lm.live(maker)
    lm.compact(maker, maker.writers[0], paths[:2], stages={"body": in_add(rows=9)})
    lm.delete(maker, paths[3:], by_users(0), stages={"body": without("tombstone", "reason")})
    report = verify(maker)
    assert kinds(report) == {"form", "rows"}
    assert (report.checked["segments"], report.checked["records"]) == (4, 16)
    assert (report.deleted, len(report.orphans)) == (0, 1)


def test_segments_of_two_partitions_are_not_compacted(maker: tm.Maker) -> None:
    (auth,) = lm.live(maker, "auth")
    more = dict(lm.bodies(maker)[4]["adds"][0])
    more["path"] = f"{auth.rpartition('/')[0]}/{maker.uuid()}.parquet"

    def two(entry: Json) -> None:
        entry["removes"].append(auth)
        entry["adds"].append(more)

    lm.compact(maker, maker.writers[0], lm.live(maker, "data"), stages={"body": two})
    assert kinds(entries_only(maker)) == {"removes"}


def test_a_retired_path_is_not_free(maker: tm.Maker) -> None:
    path = lm.live(maker, "auth")[0]
    lm.compact(maker, maker.writers[0], [path])
    body = lm.bodies(maker)[4]
    says = {"adds": body["adds"], "recorded": body["recorded"], "wal": {"from": 17, "to": 17}}
    maker.entry(maker.writers[0], "append", says)
    assert kinds(verify(maker)) == {"adds"}


def test_columns_of_a_compaction_count(maker: tm.Maker) -> None:
    first = maker.writers[0]
    new: list[tm.Promotion] = [(("schema",), "utf8"), (("ratio",), "float64")]
    said = {"columns": [tm.column_json(("schema",), "utf8")]}
    paths = lm.live(maker, "data")
    one = lm.compact(maker, first, paths[:2], promote=new, stages={"body": assign(**said)})
    lm.compact(maker, first, [one, paths[2]], promote=new)
    assert verify(maker).findings == []
    lm.compact(maker, first, lm.live(maker, "auth"), stages={"body": assign(**said)})
    assert kinds(verify(maker)) == {"columns"}


def test_the_owner_does_not_compact(maker: tm.Maker) -> None:
    lm.compact(maker, maker.owner, lm.live(maker, "auth"))
    assert kinds(verify(maker)) == {"signer"}


def test_compaction_keeps_the_rules_of_epochs(maker: tm.Maker) -> None:
    first = maker.writers[0]
    maker.tick(hours=2)
    maker.close(first)
    lm.compact(maker, first, lm.live(maker, "data"))
    maker.close(first)  # of no batch: those that move do not count
    maker.hint()
    report = verify(maker)
    assert report.findings == [], report.as_text()
    assert report.checked["seals of epochs"] == 2
    first.epoch -= 1
    lm.compact(maker, first, lm.live(maker, "auth"))
    assert "epoch" in kinds(verify(maker))


def test_a_later_epoch_needs_the_one_before_closed(maker: tm.Maker) -> None:
    first = maker.writers[0]
    maker.tick(hours=2)
    maker.ratchet(first)
    lm.compact(maker, first, lm.live(maker, "data"))
    assert kinds(verify(maker)) == {"epoch"}


DELETE: list[tuple[str, str, tm.Tweak]] = [
    ("nothing removed", "form", assign(removes=[])),
    ("a segment removed that is not there", "removes", assign(removes=["x"])),
    ("fewer segments removed", "rows", lambda b: b["removes"].pop()),
    (
        "another partition",
        "adds",
        lambda b: b["adds"][0].update(path=b["adds"][0]["path"].replace("=data", "=system")),
    ),
    ("what is left is left out", "rows", without("adds")),
    ("other rows", "rows", in_add(rows=8)),
    ("a live path", "adds", lambda b: b["adds"][0].update(path=b["removes"][0])),
    ("no tombstone", "form", without("tombstone")),
    ("nobody approves", "form", within("tombstone", approver="")),
    ("a long name", "form", within("tombstone", approver="x" * 257)),
    ("no approver", "form", without("tombstone", "approver")),
    ("no reason", "form", without("tombstone", "reason")),
    ("no batches", "tombstone", within("tombstone", batches=[])),
    (
        "a batch twice",
        "tombstone",
        lambda b: b["tombstone"]["batches"].append(b["tombstone"]["batches"][0]),
    ),
    ("a batch left out", "rows", lambda b: b["tombstone"]["batches"].pop()),
    ("a batch of this entry", "tombstone", in_told(entry=7)),
    ("no record gone", "form", in_told(gone=0)),
    ("more gone than were there", "tombstone", in_told(gone=9)),
    ("fewer gone", "rows", in_told(gone=1, rows=10**6)),
    ("a range that runs backwards", "tombstone", in_told(min=1, max=0)),
    ("a root that is no hash", "form", in_told(root="0")),
    ("another member of a batch", "form", in_told(more=1)),
    ("a hold left out", "hold", within("tombstone", holds=["a"])),
    ("holds in another order", "hold", lambda b: b["tombstone"]["holds"].reverse()),
    ("a hold that is none", "hold", lambda b: b["tombstone"]["holds"].append("z")),
    ("a hold that is no text", "form", within("tombstone", holds=[1])),
    ("a policy that is not in force", "policy", within("tombstone", policy=3)),
    ("a snapshot", "form", assign(snapshot={})),
]


@pytest.mark.parametrize(("kind", "tweak"), [r[1:] for r in DELETE], ids=[r[0] for r in DELETE])
def test_each_rule_of_delete_entries(maker: tm.Maker, kind: str, tweak: tm.Tweak) -> None:
    lm.hold(maker, "b")
    lm.hold(maker, "a")
    everywhere = by_users(0, 1, 2)
    lm.delete(maker, lm.live(maker), everywhere, stages={"body": tweak})
    report = entries_only(maker)
    assert kinds(report) == {kind}, report.as_text()
    assert report.verdict == "TAMPERED"
    assert report.checked["entries"] == 7


def test_a_policy_that_another_replaced(maker: tm.Maker) -> None:
    old, new = lm.policy(maker), lm.policy(maker)
    auth, (data, *_) = lm.live(maker, "auth"), lm.live(maker, "data")
    lm.delete(maker, auth, by_users(0), policy=new)
    assert verify(maker).verdict == "PRUNED"
    lm.delete(maker, [data], by_users(0), policy=old)
    assert kinds(verify(maker)) == {"policy"}


Step = Callable[[tm.Maker], object]
FEW = b"\xe2\x82\xac".decode() * 86  # 258 bytes


def swept(*paths: str) -> Step:
    return lambda maker: lm.sweep(maker, maker.owner, [], assign(swept=list(paths)))


def live_swept(maker: tm.Maker) -> None:
    swept(lm.live(maker)[0])(maker)


def swept_twice(maker: tm.Maker) -> None:
    paths = lm.live(maker, "auth")
    lm.compact(maker, maker.writers[0], paths)
    lm.sweep(maker, maker.owner, paths)
    swept(*paths)(maker)


def condemned(*paths: str, **more: str) -> Step:
    return lambda maker: lm.condemn(maker, maker.owner, list(paths), **more)


def live_condemned(maker: tm.Maker) -> None:
    condemned(lm.live(maker)[0])(maker)


def retired_condemned(maker: tm.Maker) -> None:
    paths = lm.live(maker, "auth")
    lm.compact(maker, maker.writers[0], paths)
    condemned(*paths)(maker)


def condemned_twice(maker: tm.Maker) -> None:
    condemned(FREE)(maker)
    condemned(FREE, archive="cold")(maker)


FREE = f"segments/domain=data/month=2026-08/{'0' * 8}-0000-4000-8000-{'0' * 12}.parquet"


def erased_by(*holders: str) -> Step:
    def step(maker: tm.Maker) -> None:
        n = lm.erase(maker)
        for holder in holders:
            lm.erased(maker, maker.writers[0], n, holder)

    return step


def forgotten(*names: str) -> Step:
    def step(maker: tm.Maker) -> None:
        for name in names:
            lm.forget(maker, name)

    return step


def holds(*names: str) -> Step:
    def step(maker: tm.Maker) -> None:
        for name in names:
            lm.hold(maker, name)

    return step


def released(maker: tm.Maker) -> None:
    lm.hold(maker, "a")
    lm.release(maker, "a")
    lm.release(maker, "a")


def by_a_writer(kind: str) -> Step:
    """The owner's words, signed by a writer."""
    says: Json = {
        "policy": {"policy": {}},
        "hold": {"hold": {"by": "x", "id": "x", "matching": {}, "reason": ""}},
        "release": {"release": {"by": "x", "id": "x", "reason": ""}},
        "erase": {"erase": {"approver": "x", "reason": "", "subject": "x"}},
        "forget": {"forget": {"approver": "x", "holder": COPY, "reason": ""}},
    }
    return lambda maker: maker.entry(maker.writers[0], kind, says[kind])


def deleted_by_a_writer(maker: tm.Maker) -> None:
    maker.owner, owner = maker.writers[0], maker.owner
    lm.delete(maker, lm.live(maker, "auth"), by_users(0))
    maker.owner = owner


def tweaked(step: Callable[..., Any], *arguments: Any, **values: Any) -> Step:
    return lambda maker: step(maker, *arguments, lambda body: body.update(values))


def inside(step: Callable[..., Any], name: str, *arguments: Any, **values: Any) -> Step:
    return lambda maker: step(maker, *arguments, within(name, **values))


STEPS: list[tuple[str, str, Step]] = [
    ("nothing is swept", "form", swept()),
    ("a live segment is swept", "sweep", live_swept),
    ("a file of no segment is swept", "sweep", swept("trail.json")),
    ("a segment is swept twice", "sweep", swept_twice),
    ("a path twice in one sweep", "form", swept("x", "x")),
    ("a live segment is condemned", "condemn", live_condemned),
    ("a retired segment is condemned", "condemn", retired_condemned),
    ("a path is condemned twice", "condemn", condemned_twice),
    ("a path twice in one entry", "form", condemned(FREE, FREE)),
    ("nothing is condemned", "form", condemned()),
    ("something else is condemned", "form", condemned("trail.json")),
    ("a sidecar is condemned", "form", condemned(f"{FREE}.gone")),
    ("no UUID is condemned", "form", condemned(FREE.replace("4000", "400g"))),
    ("another partitioning", "condemn", condemned(FREE.replace("month=2026-08", "day=2026-08-01"))),
    ("no name of an archive", "form", condemned(FREE, archive="../x")),
    ("more is said of an orphan", "form", condemned(FREE, why="left")),
    ("a policy that is no object", "form", tweaked(lm.policy, policy=[])),
    ("a policy by a writer", "signer", by_a_writer("policy")),
    ("a hold by a writer", "signer", by_a_writer("hold")),
    ("a release by a writer", "signer", by_a_writer("release")),
    ("an erasure by a writer", "signer", by_a_writer("erase")),
    ("a deletion by a writer", "signer", deleted_by_a_writer),
    ("a hold in an epoch", "epoch", tweaked(lm.hold, "a", epoch=1)),
    ("a hold's id is taken", "hold", holds("a", "b", "a")),
    ("a hold without id", "form", holds("")),
    ("a hold with a long id", "form", holds(FEW)),
    ("a hold by nobody", "form", inside(lm.hold, "hold", "a", by="")),
    ("a hold of no filters", "form", inside(lm.hold, "hold", "a", matching=[])),
    ("a hold with another member", "form", inside(lm.hold, "hold", "a", more=1)),
    ("a hold without reason", "form", inside(lm.hold, "hold", "a", reason=None)),
    ("no such hold", "hold", lambda maker: lm.release(maker, "a")),
    ("a hold released twice", "hold", released),
    ("a release by nobody", "form", inside(lm.release, "release", "a", by="")),
    ("an erasure of nobody", "form", inside(lm.erase, "erase", subject="")),
    ("an erasure by nobody", "form", inside(lm.erase, "erase", approver="")),
    ("an erasure with another member", "form", inside(lm.erase, "erase", more=1)),
    ("a holder confirms twice", "erase", erased_by("a", "b", "a")),
    ("a holder without name", "form", erased_by("")),
    ("no such erasure", "erase", lambda m: lm.erased(m, m.owner, 3, "a")),
    ("a copy is forgotten twice", "forget", forgotten(COPY, COPY)),
    ("a copy without name", "form", forgotten("")),
    ("a writer is forgotten", "form", forgotten("w-0123456789abcdef")),
    ("a copy whose name is too long", "form", forgotten(f"{COPY}0")),
    ("a copy is forgotten by a writer", "signer", by_a_writer("forget")),
    ("a copy is forgotten by nobody", "form", inside(lm.forget, "forget", COPY, approver="")),
    ("a forgotten copy with another member", "form", inside(lm.forget, "forget", COPY, more=1)),
    ("a sweep with another member", "form", tweaked(lm.policy, swept=[])),
]


@pytest.mark.parametrize(("kind", "step"), [r[1:] for r in STEPS], ids=[r[0] for r in STEPS])
def test_each_rule_of_the_other_entries(maker: tm.Maker, kind: str, step: Step) -> None:
    step(maker)
    report = entries_only(maker)
    assert kinds(report) == {kind}, report.as_text()
    assert len(report.findings) == 1


def test_erasure_is_told_and_no_finding(maker: tm.Maker) -> None:
    sid, other = "0123456789abcdef" * 2, "f" * 32
    (maker.folder / "subjects").mkdir()
    for name in ("root", f"{sid}-0", f"{other}-0"):
        (maker.folder / f"subjects/{name}.json").write_bytes(b"{}")
    n = lm.erase(maker, within("erase", subject=sid))
    lm.erase(maker, within("erase", subject="unknown"))
    (maker.folder / f"subjects/{sid}-{n}.json").write_bytes(b"{}")
    report = verify(maker)
    assert report.verdict == "VERIFIED"
    assert report.orphans == []
    erased, left = report.notes
    assert erased.startswith("ERASED: the personal fields of 2 data subjects")
    assert left.startswith(f"subjects/{sid}-0.json")
    assert left in report.as_text()
    (maker.folder / f"subjects/{sid}.json").write_bytes(b"{}")
    assert verify(maker).orphans == [f"subjects/{sid}.json"]


def test_an_append_has_no_more_members(maker: tm.Maker) -> None:
    for more in ({"archive": "cold"}, {"format": "jsonl"}, {"gone": {"bytes": 1, "sha256": "0"}}):
        maker.append(maker.writers[0], [tm.event(1)], stages={"body": in_add(**more)})
    report = verify(maker)
    assert [finding.kind for finding in report.findings] == ["form"] * 3
    assert json.loads(maker.slot(7).read_bytes())["body"]["kind"] == "append"
