"""The independent verifier and segments whose batches moved or lost records (FORMAT section 5)."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import lifecycle_maker as lm
import pytest
import trail_maker as tm
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from verifier_helpers import ODD, ROOT, Json, kinds, put_odd, verify

from sealtrail_verifier import Report, verify_trail
from sealtrail_verifier.note import VerifierKey


@pytest.fixture
def maker(tmp_path: Path) -> tm.Maker:
    """Two segments of data in one month, of three batches each; entries 0 to 2."""
    made = tm.Maker(tmp_path / "trail")
    for i in range(2):
        made.append(made.writers[0], [tm.event(i + j) for j in range(7)], batches=3)
    return made


def by_users(*numbers: int) -> lm.Drop:
    users = {f"user_{number}" for number in numbers}
    return lambda record: record["user_id"] in users


def odd_batches(record: Json) -> bool:
    """Chooses records of each batch, but no batch as a whole."""
    return record["user_id"] in {"user_1", "user_5"}


def compacted(maker: tm.Maker, stages: tm.Stages | None = None) -> str:
    return lm.compact(maker, maker.writers[0], lm.live(maker), stages=stages)


def test_what_moves_often_is_still_what_it_was(maker: tm.Maker) -> None:
    first = maker.writers[0]
    path = compacted(maker)
    maker.close(first)
    maker.tick(hours=1)
    columns = [tm.column_json(*column) for column in tm.PROMOTE]
    new: tm.Stages = {"body": lambda body: body.update(columns=columns)}
    for stages in (new, {}, {}):
        path = lm.compact(maker, first, [path], promote=tm.PROMOTE, stages=stages)
    lm.sweep(maker, first, [p for p in maker.made if p != path])
    maker.hint()
    report = verify(maker)
    assert report.findings == [], report.as_text()
    assert report.verdict == "VERIFIED"
    assert report.checked["batches"] == 6
    assert report.checked["records"] == 14
    assert report.checked["seals of epochs"] == 1


def in_batch(number: int = 0, **values: Any) -> tm.Tweak:
    return lambda metadata: metadata["batches"][number].update(values)


def in_origin(number: int = 0, **values: Any) -> tm.Tweak:
    def tweak(batches: list[tm.Batch]) -> None:
        origin = (batches[number].origin or {}) | values
        batches[number] = replace(batches[number], origin=origin)

    return tweak


def no_origin(metadata: Json) -> None:
    del metadata["batches"][1]["origin"]


def origins_swapped(batches: list[tm.Batch]) -> None:
    one, other = batches[0], batches[1]
    batches[:2] = [replace(one, origin=other.origin), replace(other, origin=one.origin)]


def another_id(batches: list[tm.Batch]) -> None:
    batches[0] = replace(batches[0], meta=batches[0].meta | {"id": batches[1].meta["id"]})


def another_record(batches: list[tm.Batch]) -> None:
    records = [batches[0].records[0] | {"user_id": "mallory"}, *batches[0].records[1:]]
    batches[0] = replace(batches[0], records=records)


def longer_path(batches: list[tm.Batch]) -> None:
    path = [*(batches[0].origin or {})["path"], "0" * 64]
    in_origin(0, path=path)(batches)


MOVED: list[tuple[str, str, tm.Stages]] = [
    ("no origin", "origin", {"metadata": no_origin}),
    ("the origin of another batch", "origin", {"batches": origins_swapped}),
    ("an origin that is no entry", "origin", {"batches": in_origin(entry=9)}),
    ("an origin that appends nothing", "origin", {"batches": in_origin(entry=0)}),
    ("an origin of this entry", "origin", {"batches": in_origin(entry=3)}),
    ("another append entry", "origin", {"batches": in_origin(entry=2)}),
    ("a segment that the entry has not", "origin", {"batches": in_origin(add=1)}),
    ("a batch that the segment has not", "origin", {"batches": in_origin(index=3)}),
    ("another batch of the segment", "origin", {"batches": in_origin(index=1)}),
    ("a path that is too short", "origin", {"batches": in_origin(path=[])}),
    ("a path that is too long", "origin", {"batches": longer_path}),
    ("a path that is no hash", "form", {"batches": in_origin(path=["x"])}),
    ("an origin with another member", "form", {"batches": in_origin(more=1)}),
    ("an id that is not that of the origin", "origin", {"batches": another_id}),
    ("a changed record", "root", {"batches": another_record}),
    ("a root of its own", "origin", {"batches": lambda b: in_batch_meta(b, root="0" * 64)}),
    ("another count of rows", "rows", {"add": lambda add: add.update(rows=13)}),
    ("another root of the list", "batches", {"add": lambda add: add.update(root="0" * 64)}),
    (
        "the writer's name of the append entry",
        "metadata",
        {"metadata": lambda m: m.update(epoch=1)},
    ),
    ("a seal that does not hold", "seal", {"seal": lambda s: s.__setitem__(0, "0" * 64)}),
    ("a batch that lost records", "form", {"metadata": in_batch(gone=1)}),
]


def in_batch_meta(batches: list[tm.Batch], **values: Any) -> None:
    batches[0] = replace(batches[0], meta=batches[0].meta | values)


@pytest.mark.parametrize(("kind", "stages"), [r[1:] for r in MOVED], ids=[r[0] for r in MOVED])
def test_each_rule_of_moved_batches(maker: tm.Maker, kind: str, stages: tm.Stages) -> None:
    compacted(maker, stages)
    report = verify(maker)
    assert kind in kinds(report), report.as_text()
    assert report.verdict == "TAMPERED"


def test_a_batch_that_was_left_out_is_named(maker: tm.Maker) -> None:
    """The sums are kept by a batch that another append entry introduced, twice."""

    def twice(batches: list[tm.Batch]) -> None:
        batches[2] = batches[1]

    compacted(maker, {"batches": twice, "add": figures(rows=14, batches=6)})
    report = verify(maker)
    assert {"batch-twice", "batch"} <= kinds(report), report.as_text()
    missing = next(finding for finding in report.findings if finding.kind == "batch")
    assert missing.verdict == "MISSING"
    assert "batches 2 of segment 0 of entry 1" in missing.problem


def figures(**values: int) -> tm.Tweak:
    return lambda add: add.update(values)


def test_a_batch_in_two_live_segments(maker: tm.Maker) -> None:
    one, two = lm.live(maker)
    lm.compact(maker, maker.writers[0], [one])
    same = lm.batches_of(maker, one)

    def stolen(batches: list[tm.Batch]) -> None:
        batches[:] = same

    def as_removed(body: Json) -> None:
        first = lm.bodies(maker)[2]["adds"][0]
        body["adds"][0] |= {name: first[name] for name in ("min", "max")}

    lm.compact(maker, maker.writers[0], [two], stages={"batches": stolen, "body": as_removed})
    report = verify(maker)
    assert {"batch-twice", "batch"} <= kinds(report)
    assert any("segment 0 of entry 2" in f.problem for f in report.findings if f.kind == "batch")


def test_a_lost_file_of_moved_batches(maker: tm.Maker) -> None:
    path = compacted(maker)
    (maker.folder / path).unlink()
    report = verify(maker)
    assert report.verdict == "MISSING"
    assert [(finding.kind, finding.object) for finding in report.findings] == [("segment", path)]
    assert any("whether every batch is in a live" in told for told in report.not_checked)


def test_the_range_of_an_append_is_checked_where_its_batches_are_now(maker: tm.Maker) -> None:
    def later(body: Json) -> None:
        body["recorded"]["to"] = "2027-01-01T00:00:00.000Z"

    path = lm.live(maker)[0]
    maker.append(maker.writers[0], [tm.event(1)], stages={"body": later})
    lm.compact(maker, maker.writers[0], [path, lm.live(maker)[-1]])
    report = verify(maker)
    assert [(f.kind, f.object) for f in report.findings] == [("recorded", "ledger/" + name(3))]


def name(n: int) -> str:
    return f"{n:020}.json"


def test_the_seal_of_an_epoch_is_over_batches_wherever_they_are(maker: tm.Maker) -> None:
    first = maker.writers[0]
    first.roots.reverse()
    compacted(maker)
    maker.close(first)
    assert kinds(verify(maker)) == {"epoch-seal"}


# Deletion.


def pruned(maker: tm.Maker, stages: tm.Stages | None = None, **stone: Any) -> Report:
    lm.delete(maker, lm.live(maker), odd_batches, stages=stages, **stone)
    return verify(maker)


def test_what_is_left_is_proven(maker: tm.Maker) -> None:
    report = pruned(maker)
    assert report.findings == [], report.as_text()
    assert report.verdict == "PRUNED"
    assert (report.deleted, report.checked["records"]) == (4, 10)
    assert (maker.folder / f"{lm.live(maker)[0]}.gone").exists()
    assert report.orphans == []
    # And once more, after it moved.
    path = compacted(maker)
    lm.sweep(maker, maker.writers[0], [p for p in maker.made if p != path])
    lm.delete(maker, [path], by_users(3, 4))
    maker.close(maker.writers[0])
    maker.hint()
    report = verify(maker)
    assert report.findings == [], report.as_text()
    assert (report.deleted, report.checked["records"]) == (8, 6)
    assert report.checked["seals of epochs"] == 1


def test_batches_of_many_records(tmp_path: Path) -> None:
    made = tm.Maker(tmp_path / "trail")
    made.append(made.writers[0], [tm.event(i) for i in range(600)], batches=1)
    lm.delete(made, lm.live(made), lambda record: int(record["user_id"][5:]) % 7 == 0)
    report = verify(made)
    assert report.findings == [], report.as_text()
    assert report.checked["records"] == 600 - 86


def test_a_whole_batch_and_a_whole_segment(maker: tm.Maker) -> None:
    one, two = lm.live(maker)
    whole = [record["audit_id"] for record in maker.made[one][1].records]
    (left,) = lm.delete(maker, [one], lambda record: record["audit_id"] in whole)
    assert not (maker.folder / f"{left}.gone").exists()
    assert lm.delete(maker, [two], lambda _: True) == []
    maker.close(maker.writers[0])
    report = verify(maker)
    assert report.findings == [], report.as_text()
    assert report.verdict == "PRUNED"
    assert report.checked["seals of epochs"] == 1


def test_the_root_that_a_tombstone_tells_counts_in_the_seal(maker: tm.Maker) -> None:
    def lie(body: Json) -> None:
        body["tombstone"]["batches"][0]["root"] = "0" * 64

    lm.delete(maker, lm.live(maker), lambda _: True, stages={"body": lie})
    maker.close(maker.writers[0])
    assert kinds(verify(maker)) == {"epoch-seal"}
    assert verify(maker, secret=False).verdict == "PRUNED"


def in_incomplete(**values: Any) -> tm.Tweak:
    def tweak(metadata: Json) -> None:
        next(batch for batch in metadata["batches"] if "gone" in batch).update(values)

    return tweak


def in_told(number: int = 0, **values: Any) -> tm.Tweak:
    return lambda body: body["tombstone"]["batches"][number].update(values)


def elsewhere(body: Json) -> None:
    """Moves a record from one batch's account to another's."""
    body["tombstone"]["batches"][0]["gone"] -= 1
    body["tombstone"]["batches"][-1]["gone"] += 1


def flipped(at: int) -> tm.Tweak:
    def tweak(files: list[bytes]) -> None:
        data = bytearray(files[0])
        data[at] ^= 1
        files[0] = bytes(data)

    return tweak


def resized(change: Callable[[bytes], bytes]) -> tm.Tweak:
    return lambda files: files.__setitem__(0, change(files[0]))


def out_of_order(data: bytes) -> bytes:
    return data[:12] + data[12:14] + data[14:18][::-1] + data[18:]


PRUNED: list[tuple[str, str, tm.Stages]] = [
    ("another root", "tombstone", {"body": in_told(root="0" * 64)}),
    ("another count of rows", "tombstone", {"body": in_told(rows=4)}),
    ("an entry that appends nothing", "tombstone", {"body": in_told(entry=0)}),
    ("a segment that is none", "tombstone", {"body": in_told(add=5)}),
    ("a batch that is none", "tombstone", {"body": in_told(index=5)}),
    ("times before the segment", "tombstone", {"body": in_told(min=0)}),
    ("times after the segment", "tombstone", {"body": in_told(max=2**53 - 1)}),
    ("other rows of a batch", "batches", {"metadata": in_incomplete(gone=2)}),
    ("a salt that was kept", "form", {"metadata": in_incomplete(salt=tm.b64(bytes(32)))}),
    ("a tree that was kept", "form", {"metadata": in_incomplete(tree=tm.b64(bytes(32)))}),
    ("more gone than rows", "batches", {"metadata": in_incomplete(gone=99)}),
    ("no record gone", "form", {"metadata": in_incomplete(gone=0)}),
    ("another beginning", "sidecar", {"sidecar": flipped(0)}),
    ("another number of batches", "sidecar", {"sidecar": flipped(11)}),
    ("another ordinal", "sidecar", {"sidecar": flipped(13)}),
    ("another number of rows", "sidecar", {"sidecar": flipped(17)}),
    ("another number of removed rows", "sidecar", {"sidecar": flipped(21)}),
    ("another bitmap", "sidecar", {"sidecar": flipped(22)}),
    ("another leaf", "root", {"sidecar": flipped(23)}),
    ("another salt", "root", {"sidecar": flipped(23 + 32)}),
    ("an end too early", "sidecar", {"sidecar": resized(lambda data: data[:-1])}),
    ("bytes after the end", "sidecar", {"sidecar": resized(lambda data: data + b"\0")}),
    ("a sidecar of nothing", "sidecar", {"sidecar": resized(lambda _: b"x")}),
    ("a sidecar that is not told", "sidecar", {"add": lambda add: add.pop("gone")}),
]


@pytest.mark.parametrize(("kind", "stages"), [r[1:] for r in PRUNED], ids=[r[0] for r in PRUNED])
def test_each_rule_of_batches_that_lost_records(
    maker: tm.Maker, kind: str, stages: tm.Stages
) -> None:
    report = pruned(maker, stages)
    assert kind in kinds(report), report.as_text()
    assert report.verdict == "TAMPERED"


def test_a_bit_beyond_the_bitmap(maker: tm.Maker) -> None:
    def set_it(files: list[bytes]) -> None:
        files[0] = files[0][:22] + bytes([files[0][22] | 0x80]) + files[0][23:]

    assert "sidecar" in kinds(pruned(maker, {"sidecar": set_it}))


def test_positions_that_were_exchanged(maker: tm.Maker) -> None:
    """A bitmap with as many bits, of which one is of another record."""

    def exchange(files: list[bytes]) -> None:
        bits = files[0][22]
        moved = bits << 1 if bits << 1 < 8 else bits >> 1
        files[0] = files[0][:22] + bytes([moved]) + files[0][23:]

    assert kinds(pruned(maker, {"sidecar": exchange})) == {"root"}


def test_records_that_one_batch_lost_and_another_is_said_to_have_lost(maker: tm.Maker) -> None:
    lm.delete(maker, lm.live(maker), by_users(1, 2, 3, 4), stages={"body": elsewhere})
    report = verify(maker)
    assert kinds(report) & {"gone", "form"}
    assert report.verdict == "TAMPERED"


def test_records_that_vanish_without_a_tombstone(maker: tm.Maker) -> None:
    """A deletion from one segment hides another's in the same sums."""
    one, two = lm.live(maker)

    def blame(body: Json) -> None:
        told = body["tombstone"]["batches"]
        told[:] = [{**item, "entry": 1} for item in told]

    lm.delete(maker, [two], odd_batches, stages={"body": blame})
    report = verify(maker)
    assert "gone" in kinds(report), report.as_text()
    assert one in {finding.object for finding in report.findings if finding.kind == "gone"}


def test_a_batch_that_is_gone_without_a_tombstone(maker: tm.Maker) -> None:
    (path, _) = lm.live(maker)

    def blame(body: Json) -> None:
        told = body["tombstone"]["batches"]
        told[:] = [{**item, "entry": 2} for item in told]

    lm.delete(maker, [path], lambda _: True, stages={"body": blame})
    report = verify(maker)
    missing = [finding for finding in report.findings if finding.verdict == "MISSING"]
    assert len(missing) == 1
    assert "batches 0-2 of segment 0 of entry 1 are in no live segment" in missing[0].problem


def test_a_batch_that_loses_more_than_it_had(maker: tm.Maker) -> None:
    """Each of two deletions names the same records; the second hides others."""
    one, two = lm.live(maker)
    lm.delete(maker, [one], lambda _: True)

    def again(body: Json) -> None:
        told = body["tombstone"]["batches"]
        told[:] = [{**item, "entry": 1} for item in told]

    lm.delete(maker, [two], lambda _: True, stages={"body": again})
    report = verify(maker)
    assert {"tombstone", "batch"} <= kinds(report)


def test_a_count_of_rows_that_the_append_did_not_have(maker: tm.Maker) -> None:
    """Other rows than there were, in two segments, so that the sums come out."""

    def shifted(body: Json) -> None:
        for item, by in zip(body["tombstone"]["batches"], (-1, 0, 0, 0, 0, 1), strict=True):
            item |= {"gone": item["gone"] + by, "rows": item["rows"] + by}

    lm.delete(maker, lm.live(maker), lambda _: True, stages={"body": shifted})
    report = verify(maker)
    assert [finding.kind for finding in report.findings] == ["rows", "rows"]


@pytest.mark.parametrize("part", ["segment", "sidecar"])
def test_damage_and_absence_of_what_is_left(maker: tm.Maker, part: str) -> None:
    pruned(maker)
    path = maker.folder / (lm.live(maker)[0] + (".gone" if part == "sidecar" else ""))
    data = path.read_bytes()
    for changed in (data[:-1], data + b"\n", b"", data[:9] + bytes([data[9] ^ 1]) + data[10:]):
        path.write_bytes(changed)
        report = verify(maker)
        assert report.verdict == "TAMPERED"
        assert {f.object for f in report.findings} == {path.relative_to(maker.folder).as_posix()}
    path.unlink()
    report = verify(maker)
    assert report.verdict == "MISSING"
    assert kinds(report) == {part}


def test_any_flipped_bit_of_a_sidecar_is_found(maker: tm.Maker) -> None:
    """Signed anew each time, so that its form and its hashes are what tells."""
    pruned(maker)
    body = lm.bodies(maker)[3]
    path = lm.live(maker)[0]
    size = body["adds"][0]["gone"]["bytes"]
    batches = maker.made[path]
    # One item: 12 bytes before it, 10 of numbers, a bitmap, leaves and salts.
    assert size == len(lm.sidecar(batches))
    for at in range(0, size, 5):
        copy = maker.folder / f"{path}.gone"
        data = bytearray(lm.sidecar(batches))
        data[at] ^= 4
        copy.write_bytes(bytes(data))
        assert verify(maker, secret=False).verdict == "TAMPERED", f"byte {at}"


@settings(max_examples=80, suppress_health_check=list(HealthCheck), deadline=None)
@given(
    stage=st.sampled_from(["body", "metadata"]),
    deleting=st.booleans(),
    data=st.data(),
    odd=ODD,
)
def test_odd_values_under_good_signatures_never_raise(
    tmp_path_factory: pytest.TempPathFactory,
    stage: str,
    data: st.DataObject,
    odd: Any,
    *,
    deleting: bool,
) -> None:
    made = tm.Maker(tmp_path_factory.mktemp("odd") / "trail")
    made.append(made.writers[0], [tm.event(i) for i in range(4)])
    stages: tm.Stages = {stage: lambda value: put_odd(value, data, odd)}
    if deleting:
        lm.delete(made, lm.live(made), by_users(1), stages=stages)
    else:
        lm.compact(made, made.writers[0], lm.live(made), stages=stages)
    report = verify(made)
    assert report.verdict in {"VERIFIED", "PRUNED", "TAMPERED", "MISSING"}
    assert report.size == 3


# Archives.


def archived(maker: tm.Maker, folder: Path) -> str:
    path = compacted(maker, {"add": lambda add: add.update(archive="cold")})
    (folder / path).parent.mkdir(parents=True)
    (maker.folder / path).rename(folder / path)
    return path


def test_what_is_in_an_archive_is_read_there(maker: tm.Maker, tmp_path: Path) -> None:
    path = archived(maker, tmp_path / "cold")
    key = VerifierKey.parse(maker.vkey)
    without = verify_trail(maker.folder, key)
    assert without.verdict == "VERIFIED"
    assert any(path in told and "archive cold" in told for told in without.not_checked)
    assert any("whether every batch" in told for told in without.not_checked)
    found = verify_trail(maker.folder, key, archives={"cold": tmp_path / "cold"})
    assert found.findings == []
    assert found.checked["records"] == 14
    assert not any("whether every batch" in told for told in found.not_checked)
    (tmp_path / "cold" / path).write_bytes(b"")
    damaged = verify_trail(maker.folder, key, archives={"cold": tmp_path / "cold"})
    assert damaged.verdict == "TAMPERED"


def test_parquet_that_says_that_it_is_lines_is_found(maker: tm.Maker) -> None:
    compacted(maker, {"add": lambda add: add.update(format="jsonl")})
    assert verify(maker).verdict == "TAMPERED"


def test_the_command_line_of_pruned_trails(maker: tm.Maker, tmp_path: Path) -> None:
    archived(maker, tmp_path / "cold")
    lm.hold(maker, "a")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "sealtrail_verifier", str(maker.folder)]
        return subprocess.run(
            [*command, "--key", maker.vkey, *arguments],
            capture_output=True,
            text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT / "python")},
            check=False,
        )

    good = run("--archive", f"cold={tmp_path / 'cold'}", "-o", "json")
    assert good.returncode == 0
    assert json.loads(good.stdout)["checked"]["records"] == 14
    assert run("--archive", "cold").returncode == 2
    assert run("--archive", f"cold={tmp_path / 'nowhere'}").returncode == 3
    maker.append(maker.writers[0], [tm.event(1)])
    lm.delete(maker, lm.live(maker)[-1:], lambda _: True)
    (maker.folder / "checkpoint").unlink(missing_ok=True)
    told = run()
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.startswith("PRUNED")
