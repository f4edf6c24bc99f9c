"""Tests of `sealtrail_verifier` on trails that `trail_maker` writes."""

import base64
import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest
import rfc8785
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "python"), str(Path(__file__).parent)]

import trail_maker as tm  # noqa: E402
from sealtrail_verifier import Report, ed25519, history, jcs, merkle, note, rows, stored  # noqa: E402
from sealtrail_verifier import verifier as whole  # noqa: E402
from sealtrail_verifier.columns import fixed_columns  # noqa: E402
from sealtrail_verifier.entries import Append  # noqa: E402
from sealtrail_verifier.folder import Folder  # noqa: E402
from sealtrail_verifier.forms import FormatError  # noqa: E402
from sealtrail_verifier.keys import MAX_EPOCHS, RootSecret  # noqa: E402
from sealtrail_verifier.metadata import Task  # noqa: E402
from sealtrail_verifier.note import VerifierKey  # noqa: E402

Json = dict[str, Any]


def verify(maker: tm.Maker, *, secret: bool = True) -> Report:
    root = RootSecret.parse(maker.owner_json) if secret else None
    return whole.verify_trail(maker.folder, VerifierKey.parse(maker.vkey), root)


def kinds(report: Report) -> set[str]:
    return {finding.kind for finding in report.findings}


def ledger_only(maker: tm.Maker) -> Report:
    """Everything but segments and HMACs, for tests that try thousands of changes."""
    report, folder = Report(""), Folder(maker.folder)
    past = history.replay(folder, VerifierKey.parse(maker.vkey), fixed_columns(), report)
    trail = past.ledger.trail if past.ledger else None
    history.check_trail_json(folder, trail, report)
    history.check_hint(folder, past, report)
    return report


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> tm.Maker:
    """A valid trail; tests that change it put it back."""
    return tm.tiny(tmp_path_factory.mktemp("tiny") / "trail")


@pytest.fixture
def copy(tiny: tm.Maker, tmp_path: Path) -> Iterator[tm.Maker]:
    """A copy of the valid trail, to be damaged."""
    original = tiny.folder
    tiny.folder = Path(shutil.copytree(original, tmp_path / "trail"))
    yield tiny
    tiny.folder = original


@pytest.fixture
def fresh(tmp_path: Path) -> tm.Maker:
    """A trail with entry 0 only."""
    return tm.Maker(tmp_path / "trail")


# Valid trails.


def test_a_valid_trail_is_verified_and_all_of_it_is_counted(tiny: tm.Maker) -> None:
    report = verify(tiny)
    assert report.findings == []
    assert report.verdict == "VERIFIED"
    assert report.orphans == []
    assert report.size == 8
    assert report.root == tm.tree(tiny.leaves).hex()
    assert report.checked == {
        "entries": 8,
        "entries under the newest checkpoint": 8,
        "HMACs of entries": 8,
        "segments": 5,
        "bytes of segments": sum(p.stat().st_size for p in tiny.folder.glob("segments/**/*.*")),
        "batches": 9,
        "records": 28,
        "seals of segments": 5,
        "seals of epochs": 3,
    }


def test_without_the_secret_no_hmac_is_checked_and_the_report_says_so(tiny: tm.Maker) -> None:
    report = verify(tiny, secret=False)
    assert report.verdict == "VERIFIED"
    assert "HMACs of entries" not in report.checked
    assert any("root secret was not given" in text for text in report.not_checked)


def test_a_trail_partitioned_by_day(tmp_path: Path) -> None:
    maker = tm.tiny(tmp_path / "trail", partitioning="day")
    assert verify(maker).findings == []
    assert list(maker.folder.glob("segments/*/day=2026-09-01/*.parquet"))


def test_batches_of_more_than_one_run(fresh: tm.Maker) -> None:
    events = [tm.event(5) for _ in range(700)]
    fresh.append(fresh.writers[0], events)
    assert verify(fresh).findings == []


def test_files_that_no_entry_names_are_orphans(copy: tm.Maker) -> None:
    path = next(copy.folder.glob("segments/**/*.parquet"))
    shutil.copy(path, path.with_name("left-over.parquet"))
    (copy.folder / "ledger/x.tmp").write_bytes(b"")
    report = verify(copy)
    assert report.verdict == "VERIFIED"
    assert [Path(name).name for name in report.orphans] == ["x.tmp", "left-over.parquet"]


# Any byte.


def flips(path: Path) -> Iterator[int]:
    """Flips the lowest bit of each byte of a file in turn, and puts the file back."""
    data = path.read_bytes()
    for i in range(len(data)):
        path.write_bytes(data[:i] + bytes([data[i] ^ 1]) + data[i + 1 :])
        yield i
    path.write_bytes(data)


@pytest.mark.parametrize("name", ["trail.json", "checkpoint", *range(8)])
def test_any_flipped_byte_outside_the_segments_is_found(tiny: tm.Maker, name: str | int) -> None:
    path = tiny.slot(name) if isinstance(name, int) else tiny.folder / name
    for i in flips(path):
        assert ledger_only(tiny).verdict == "TAMPERED", f"byte {i} of {name}"
    assert ledger_only(tiny).verdict == "VERIFIED"


def tasks(maker: tm.Maker) -> Iterator[Task]:
    """What the ledger says of each segment, in its order."""
    fixed = fixed_columns()
    past = history.replay(Folder(maker.folder), VerifierKey.parse(maker.vkey), fixed, Report(""))
    for entry, promoted in past.valid:
        if isinstance(entry.says, Append):
            for add in entry.says.adds:
                trail_id = maker.trail["trail_id"]
                yield Task(trail_id, entry, entry.says, add, promoted, fixed, None)


def test_any_flipped_byte_of_a_segment_is_found(
    tiny: tm.Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "look_apart", lambda *_: [])  # a process for each would take hours
    for task in tasks(tiny):
        data = (tiny.folder / task.add.path).read_bytes()
        assert stored.check(data, task).findings == []
        for i in range(len(data)):
            flipped = data[:i] + bytes([data[i] ^ 1]) + data[i + 1 :]
            assert [f.kind for f in stored.check(flipped, task).findings] == ["sha256"], f"byte {i}"


def test_bytes_that_crash_the_parquet_reader_are_a_finding(tiny: tm.Maker) -> None:
    """Flips bytes of the footer, some of which make the reader abort its process."""
    task = min(tasks(tiny), key=lambda task: task.add.size)
    data = (tiny.folder / task.add.path).read_bytes()
    footer = int.from_bytes(data[-8:-4], "little") + 8
    for i in range(len(data) - footer, len(data), footer // 12):
        flipped = data[:i] + bytes([data[i] ^ 1]) + data[i + 1 :]
        assert stored.check(flipped, task).findings[0].kind == "sha256", f"byte {i}"


def test_a_dead_reader_is_a_finding(tiny: tm.Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    task = next(tasks(tiny))
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert [f.kind for f in stored.check(b"", task).findings] == ["length", "sha256", "unreadable"]


@settings(max_examples=40, suppress_health_check=list(HealthCheck), deadline=None)
@given(data=st.data())
def test_random_damage_is_found_and_never_raises(tiny: tm.Maker, data: st.DataObject) -> None:
    files = sorted(path for path in tiny.folder.glob("**/*") if path.is_file())
    path = data.draw(st.sampled_from(files))
    original = path.read_bytes()
    start = data.draw(st.integers(0, len(original)))
    stop = data.draw(st.integers(start, min(len(original), start + 40)))
    changed = original[:start] + data.draw(st.binary(max_size=40)) + original[stop:]
    path.write_bytes(changed)
    try:
        report = verify(tiny)
    finally:
        path.write_bytes(original)
    assert (report.verdict == "VERIFIED") == (changed == original)


# Whole files.


def every_file(maker: tm.Maker) -> list[Path]:
    return sorted(path for path in maker.folder.glob("**/*") if path.is_file())


def test_each_removed_file_is_missing(copy: tm.Maker) -> None:
    for path in every_file(copy):
        if path.name == "checkpoint":
            continue
        data = path.read_bytes()
        path.unlink()
        report = verify(copy)
        path.write_bytes(data)
        assert report.verdict == "MISSING", path
        name = path.relative_to(copy.folder).as_posix()
        assert name in {finding.object for finding in report.findings}


@pytest.mark.parametrize(
    "change", [lambda data: data[:-1], lambda data: data + b"\n", lambda _: b""]
)
def test_each_truncated_or_extended_file_is_tampered(
    copy: tm.Maker, change: Callable[[bytes], bytes]
) -> None:
    for path in every_file(copy):
        data = path.read_bytes()
        path.write_bytes(change(data))
        assert verify(copy).verdict == "TAMPERED", path
        path.write_bytes(data)


def test_a_lost_checkpoint_is_no_finding_but_is_told(copy: tm.Maker) -> None:
    (copy.folder / "checkpoint").unlink()
    report = verify(copy)
    assert report.verdict == "VERIFIED"
    assert any("cut off" in text for text in report.not_checked)


def test_each_pair_of_swapped_segments_is_found(copy: tm.Maker) -> None:
    paths = sorted(copy.folder.glob("segments/**/*.parquet"))
    for one, other in zip(paths, paths[1:], strict=False):
        first, second = one.read_bytes(), other.read_bytes()
        one.write_bytes(second)
        other.write_bytes(first)
        report = verify(copy)
        assert report.verdict == "TAMPERED"
        assert {finding.object for finding in report.findings if finding.kind == "sha256"} == {
            path.relative_to(copy.folder).as_posix() for path in (one, other)
        }
        one.write_bytes(first)
        other.write_bytes(second)


def test_reordered_entries_are_found(copy: tm.Maker) -> None:
    one, other = copy.slot(3), copy.slot(4)
    data = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(data)
    report = verify(copy)
    assert report.verdict == "TAMPERED"
    assert {"number"} <= kinds(report)


def test_a_repeated_entry_is_found(copy: tm.Maker) -> None:
    shutil.copy(copy.slot(7), copy.slot(8))
    assert kinds(verify(copy)) == {"number"}


def test_entries_cut_off_the_end_are_missed_by_the_checkpoint(copy: tm.Maker) -> None:
    copy.slot(7).unlink()
    report = verify(copy)
    assert kinds(report) == {"cut-off"}
    assert report.verdict == "MISSING"


def test_a_far_gap_is_one_finding(copy: tm.Maker) -> None:
    (copy.folder / "ledger/99999999999999999999.json").write_bytes(b"{}")
    report = verify(copy)
    assert kinds(report) == {"gap"}
    assert any("1 entries from number 99999999999999999999" in t for t in report.not_checked)


def test_the_ledger_goes_on_over_garbage(copy: tm.Maker) -> None:
    garbage = b"not an entry"
    copy.slot(8).write_bytes(garbage)
    leaves = copy.leaves
    copy.leaves = [*leaves, sha256(b"\x00" + garbage).digest()]
    writer = copy.writers[1]
    copy.entry(writer, "append", {"load": "never"})  # refused: not of its form
    report = verify(copy)
    copy.leaves = leaves
    assert {finding.object[-7:] for finding in report.findings} == {"08.json", "09.json"}
    assert report.checked["entries"] == 8
    assert report.checked["records"] == 28


def test_folders_in_the_place_of_files(copy: tm.Maker) -> None:
    for path in every_file(copy):
        data = path.read_bytes()
        path.unlink()
        path.mkdir()
        report = verify(copy)
        assert (report.verdict == "VERIFIED") == (path.name == "checkpoint")
        path.rmdir()
        path.write_bytes(data)


def test_an_empty_folder_is_missing(tiny: tm.Maker, tmp_path: Path) -> None:
    report = whole.verify_trail(tmp_path, VerifierKey.parse(tiny.vkey))
    assert report.verdict == "MISSING"
    assert kinds(report) == {"gap", "trail.json"}


# Outsiders: they can write to the folder, but hold no key.


def resign(maker: tm.Maker, path: Path, change: Callable[[Json], None]) -> None:
    """Changes a JSON file and keeps it canonical."""
    value = json.loads(path.read_bytes())
    change(value)
    path.write_bytes(rfc8785.dumps(value))


def test_a_second_signature_line_is_found(copy: tm.Maker) -> None:
    def add_line(entry: Json) -> None:
        entry["checkpoint"] += f"\u2014 witness {base64.b64encode(bytes(68)).decode()}\n"

    (copy.folder / "checkpoint").unlink()
    resign(copy, copy.slot(7), add_line)
    assert verify(copy).verdict == "TAMPERED"


def test_unused_bits_of_base64_are_found(copy: tm.Maker) -> None:
    def set_bit(entry: Json) -> None:
        sig = entry["sig"]
        last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".index(sig[-3])
        assert last % 16 == 0
        char = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[last + 1]
        entry["sig"] = sig[:-3] + char + "=="

    (copy.folder / "checkpoint").unlink()
    resign(copy, copy.slot(7), set_bit)
    assert kinds(verify(copy)) == {"form"}


def test_the_hmac_of_the_last_entry_takes_the_secret_or_the_checkpoint(copy: tm.Maker) -> None:
    resign(copy, copy.slot(7), lambda entry: entry.update(hmac="0" * 64))
    assert kinds(verify(copy, secret=False)) == {"checkpoint"}
    (copy.folder / "checkpoint").unlink()
    assert kinds(verify(copy)) == {"hmac"}


def test_a_record_that_was_edited_in_place_is_named(copy: tm.Maker) -> None:
    """Rewrites one segment with one value changed, all metadata kept."""
    path = next(copy.folder.glob("segments/domain=data/**/*.parquet"))
    keyvalue = pq.read_metadata(path).metadata
    table = pq.read_table(path, partitioning=None)
    users = table.column("user_id").to_pylist()
    users[3] = "user_0"
    place = table.schema.get_field_index("user_id")
    table = table.set_column(place, "user_id", pa.array(users, pa.utf8()))
    ours = {k.decode(): v.decode() for k, v in keyvalue.items() if k.startswith(b"sealtrail")}
    path.write_bytes(tm.parquet(table, ours))
    finding = next(finding for finding in verify(copy).findings if finding.kind == "root")
    assert finding.batch is not None
    assert finding.batch.endswith(":1")
    assert any(first <= 3 <= last for first, last in finding.rows)


# Keys that the caller brings.


def test_another_owner_key_is_refused(tiny: tm.Maker) -> None:
    name = f"{tiny.trail['origin']}/owner"
    report = whole.verify_trail(
        tiny.folder, VerifierKey.parse(tm.vkey(name, tiny.writers[0].public))
    )
    assert kinds(report) == {"key"}
    assert report.verdict == "TAMPERED"


def test_an_owner_key_of_another_trail_is_refused(tiny: tm.Maker) -> None:
    other = VerifierKey.parse(tm.vkey("other/owner", tiny.owner.public))
    assert kinds(whole.verify_trail(tiny.folder, other)) == {"key"}


def test_another_root_secret_is_found(tiny: tm.Maker) -> None:
    owner = VerifierKey.parse(tiny.vkey)
    other = RootSecret(bytes(32), tiny.trail["trail_id"])
    assert kinds(whole.verify_trail(tiny.folder, owner, other)) == {"key", "hmac", "seal"}
    other = RootSecret(bytes(32), "00000000-0000-4000-8000-000000000000")
    assert kinds(whole.verify_trail(tiny.folder, owner, other)) == {"key"}


# Insiders: every signature holds, one rule is broken.

Stages = dict[str, tm.Tweak]


def assign(**values: Any) -> tm.Tweak:
    return lambda target: target.update(values)


def in_row(number: int, **values: Any) -> tm.Tweak:
    return lambda rows: rows[number].update(values)


def in_batch(**values: Any) -> tm.Tweak:
    return lambda metadata: metadata["batches"][0].update(values)


def in_column(name: str, **values: Any) -> tm.Tweak:
    def tweak(columns: list[Json]) -> None:
        next(column for column in columns if column["name"] == name).update(values)

    return tweak


def in_record(number: int, **values: Any) -> tm.Tweak:
    return lambda records: records[number].update(values)


def swap(rows: list[Any]) -> None:
    rows[0], rows[2] = rows[2], rows[0]


def both(rows: list[Json]) -> None:
    row = next(row for row in rows if row["user_id"])
    rest = json.loads(row["_rest"] or "{}") | {"user_id": row["user_id"]}
    row["_rest"] = rfc8785.dumps(rest).decode()


def only_in_rest(rows: list[Json]) -> None:
    both(rows)
    next(row for row in rows if row["user_id"])["user_id"] = None


def loose_rest(rows: list[Json]) -> None:
    row = next(row for row in rows if row["_rest"])
    row["_rest"] = row["_rest"].replace(":", ": ", 1)


def without(name: str) -> tm.Tweak:
    return lambda target: target.pop(name)


def nest(depth: int) -> Any:
    return 1 if depth == 0 else [nest(depth - 1)]


def extra_metadata(tables: list[Any]) -> None:
    tables[0] = tables[0].replace_schema_metadata({"hidden": "1"})


def reorder_columns(tables: list[Any]) -> None:
    names = tables[0].column_names
    tables[0] = tables[0].select([names[0], names[2], names[1], *names[3:]])


def odd_type(metadata: Json) -> None:
    first, *others = metadata["columns"]
    metadata["columns"] = [first | {"type": "int8"}, *others]


SEGMENT_RULES: list[tuple[str, str, Stages]] = [
    ("a hash that is not the file's", "sha256", {"add": assign(sha256="0" * 64)}),
    ("a length that is not the file's", "length", {"add": assign(bytes=1)}),
    ("min that is not the rows'", "bounds", {"add": assign(min=0)}),
    ("max that is not the rows'", "bounds", {"add": assign(max=2**53 - 1)}),
    ("no statistics", "bounds", {"add": assign(stats={})}),
    ("wider statistics", "bounds", {"add": lambda a: a["stats"].update(audit_id=["a", "zz"])}),
    ("another root of the list of batches", "batches", {"add": assign(root="0" * 64)}),
    ("another number of batches", "batches", {"add": assign(batches=1)}),
    ("metadata of another trail", "metadata", {"metadata": assign(trail=str(uuid.UUID(int=0)))}),
    ("metadata of another epoch", "metadata", {"metadata": assign(epoch=1)}),
    ("metadata of another writer", "metadata", {"metadata": assign(writer="owner")}),
    ("metadata of another period", "metadata", {"metadata": assign(period="2026-01")}),
    ("metadata of another domain", "metadata", {"metadata": assign(domain="auth")}),
    ("metadata with another key", "metadata", {"metadata": assign(key="0" * 16)}),
    ("metadata of another version", "version", {"metadata": assign(v=2)}),
    ("metadata with an unknown member", "form", {"metadata": assign(more=1)}),
    ("metadata with other rows", "rows", {"metadata": assign(rows=1)}),
    ("a seal that does not hold", "seal", {"seal": lambda s: s.__setitem__(0, "0" * 64)}),
    ("a seal that was stripped", "metadata", {"keyvalue": without("sealtrail.seal")}),
    ("a seal that is no hex", "form", {"seal": lambda s: s.__setitem__(0, "x")}),
    ("another metadata entry", "metadata", {"keyvalue": assign(more="1")}),
    ("Arrow metadata", "metadata", {"table": extra_metadata}),
    ("columns of the file in another order", "columns", {"table": reorder_columns}),
    ("columns in another order", "columns", {"columns": lambda c: c.reverse()}),
    ("another batch root", "tree", {"metadata": in_batch(root="0" * 64)}),
    ("another batch tree", "tree", {"metadata": in_batch(tree=tm.b64(bytes(32)))}),
    ("a batch tree too short", "batches", {"metadata": in_batch(tree="")}),
    ("another batch id", "batches", {"metadata": in_batch(id="x:0")}),
    ("another salt", "commitment", {"metadata": in_batch(salt=tm.b64(bytes(32)))}),
    ("another commitment", "commitment", {"metadata": in_batch(commitment="0" * 64)}),
    ("another count of rows in a batch", "batch", {"metadata": in_batch(rows=2)}),
    ("a moved batch", "batches", {"metadata": in_batch(entry=0)}),
    ("rows in another order", "order", {"rows": swap}),
    ("a row of another batch", "root", {"rows": in_row(0, _batch=1)}),
    ("a row of no batch", "batch", {"rows": in_row(0, _batch=7)}),
    ("a row without batch", "batch", {"rows": in_row(0, _batch=None)}),
    ("a changed value", "root", {"rows": in_row(1, user_id="mallory")}),
    ("a value in column and rest", "representation", {"rows": both}),
    ("a fitting value in the rest", "representation", {"rows": only_in_rest}),
    ("a rest that is not canonical", "not-canonical", {"rows": loose_rest}),
    ("a rest without members", "representation", {"rows": in_row(0, _rest="{}")}),
    ("a rest that is no object", "representation", {"rows": in_row(0, _rest="[]")}),
    ("a rest in the way", "representation", {"rows": in_row(5, _rest='{"resource":1}')}),
    ("an integer beyond 2^53-1", "representation", {"rows": in_row(0, score=2**53)}),
    ("a time before 1970", "representation", {"rows": in_row(0, extra_when=-1)}),
    ("negative zero", "representation", {"rows": in_row(0, ratio=-0.0)}),
    ("infinity", "representation", {"rows": in_row(0, ratio=float("inf"))}),
    ("a wrong count of misfits", "misfits", {"columns": in_column("score", misfits=9)}),
    ("a fixed column with another path", "columns", {"columns": in_column("user_id", path=["u"])}),
    ("a promoted column with another path", "columns", {"columns": in_column("note", path=["n"])}),
    ("a column of an unknown type", "columns", {"metadata": odd_type}),
    ("two columns of one path", "columns", {"columns": in_column("note", path=["score"])}),
    ("a record of another domain", "partition", {"records": in_record(0, event_type="auth.a")}),
    (
        "a record of another month",
        "partition",
        {"records": in_record(0, timestamp="2026-07-01T00:00:00.000Z")},
    ),
    ("an unknown domain", "record", {"records": in_record(0, event_type="mail.sent")}),
    (
        "an action that begins with a digit",
        "record",
        {"records": in_record(0, event_type="data.1")},
    ),
    (
        "a time with needless digits",
        "record",
        {"records": in_record(0, recorded_at="2026-08-31T22:00:00.000000Z")},
    ),
    ("an audit_id with a space", "record", {"records": in_record(0, audit_id="a b")}),
    ("another schema version", "record", {"records": in_record(0, schema_version=2)}),
    ("violations of another form", "record", {"records": in_record(0, schema_violations=[{}])}),
    ("a pointer to nothing", "record", {"records": in_record(0, _exact_numbers=["/nothing"])}),
    ("a record nested too deep", "record", {"records": in_record(0, deep=nest(64))}),
]


@pytest.mark.parametrize(
    ("kind", "stages"), [r[1:] for r in SEGMENT_RULES], ids=[r[0] for r in SEGMENT_RULES]
)
def test_each_rule_of_segments(fresh: tm.Maker, kind: str, stages: Stages) -> None:
    fresh.append(
        fresh.writers[0], [tm.event(i) for i in range(7)], promote=tm.PROMOTE, stages=stages
    )
    report = verify(fresh)
    assert kind in kinds(report), report.as_text()
    assert report.verdict == "TAMPERED"


def test_the_segment_that_the_rules_change_is_valid(fresh: tm.Maker) -> None:
    fresh.append(
        fresh.writers[0], [tm.event(i) | {"deep": nest(63)} for i in range(7)], promote=tm.PROMOTE
    )
    assert verify(fresh).findings == []


# The insider's ledger entries.


def appended(maker: tm.Maker, tweak: tm.Tweak) -> None:
    maker.append(maker.writers[0], [tm.event(i) for i in range(3)], stages={"body": tweak})


def in_add(**values: Any) -> tm.Tweak:
    return lambda body: body["adds"][0].update(values)


def column(name: str, path: list[str], type_: str) -> Json:
    return {"name": name, "path": path, "type": type_}


APPEND_RULES: list[tuple[str, str, tm.Tweak]] = [
    ("an unknown member", "form", assign(more=1)),
    ("no member time", "form", without("time")),
    ("a local time", "form", assign(time="2026-08-31T22:00:00+02:00")),
    ("another version", "version", assign(v=2)),
    ("another number", "number", assign(n=5)),
    ("a number that is no integer", "form", assign(n=1.5)),
    ("a number that is a boolean", "form", assign(n=True)),
    ("another tree", "tree", assign(tree="0" * 64)),
    ("an unknown kind", "form", assign(kind="condemn")),
    ("another key", "key", assign(key="0" * 16)),
    ("another HMAC key", "key", assign(hmac_key="0" * 16)),
    ("a writer that nobody authorised", "signer", assign(writer="w-0000000000000000")),
    ("the owner as writer", "key", assign(writer="owner")),
    ("an epoch before the first", "epoch", assign(epoch=1)),
    ("a gap in the log", "wal", assign(wal={"from": 2, "to": 4})),
    ("a log that runs backwards", "form", assign(wal={"from": 1, "to": 0})),
    ("more records than rows", "rows", assign(wal={"from": 1, "to": 4})),
    ("no segments", "rows", assign(adds=[])),
    ("a segment twice", "rows", lambda body: body["adds"].append(body["adds"][0])),
    (
        "a range that runs backwards",
        "recorded",
        lambda body: body["recorded"].update(to=body["time"], **{"from": "2027-01-01T00:00:00Z"}),
    ),
    (
        "a range that is too wide",
        "recorded",
        lambda body: body["recorded"].update(to="2027-01-01T00:00:00Z"),
    ),
    ("a path outside of segments", "form", in_add(path="../x.parquet")),
    (
        "a path by day",
        "adds",
        in_add(path=f"segments/domain=data/day=2026-08-31/{uuid.UUID(int=1)}.parquet"),
    ),
    (
        "a month that is none",
        "adds",
        in_add(path=f"segments/domain=data/month=2026-13/{uuid.UUID(int=1)}.parquet"),
    ),
    (
        "a file name that is no UUID",
        "form",
        in_add(path="segments/domain=data/month=2026-08/a.parquet"),
    ),
    (
        "an unknown domain",
        "form",
        in_add(path=f"segments/domain=mail/month=2026-08/{uuid.UUID(int=1)}.parquet"),
    ),
    ("min above max", "adds", in_add(min=1, max=0)),
    ("a time beyond 2^53-1", "form", in_add(max=2.0**53)),
    ("unknown statistics", "form", in_add(stats={"x": [1, 2]})),
    (
        "a close of another epoch",
        "close",
        assign(close={"batches": 2, "epoch": 3, "seal": "0" * 64}),
    ),
    ("a reserved column name", "columns", assign(columns=[column("Event", ["Event"], "utf8")])),
    ("a column name with _ first", "columns", assign(columns=[column("_x", ["_x"], "utf8")])),
    (
        "a fixed column's name",
        "columns",
        assign(columns=[column("user_ID", ["user", "ID"], "utf8")]),
    ),
    ("a name that is not its path", "columns", assign(columns=[column("a_b", ["a", "c"], "utf8")])),
    (
        "a name of two paths",
        "columns",
        assign(columns=[column("a_b", ["a", "b"], "utf8"), column("a_b", ["a_b"], "utf8")]),
    ),
    (
        "a name that differs by case only",
        "columns",
        assign(columns=[column("a", ["a"], "utf8"), column("A", ["A"], "utf8")]),
    ),
    ("a column twice", "columns", assign(columns=[column("a", ["a"], "utf8")] * 2)),
    (
        "another change of type",
        "columns",
        assign(columns=[column("a", ["a"], "utf8"), column("a", ["a"], "float64")]),
    ),
    (
        "a narrowed column",
        "columns",
        assign(columns=[column("a", ["a"], "float64"), column("a", ["a"], "int64")]),
    ),
    ("a path that is empty", "columns", assign(columns=[column("", [], "utf8")])),
]


@pytest.mark.parametrize(
    ("kind", "tweak"), [r[1:] for r in APPEND_RULES], ids=[r[0] for r in APPEND_RULES]
)
def test_each_rule_of_append_entries(fresh: tm.Maker, kind: str, tweak: tm.Tweak) -> None:
    appended(fresh, tweak)
    report = verify(fresh)
    assert kinds(report) == {kind}, report.as_text()
    assert report.verdict == "TAMPERED"


def test_the_entry_that_the_rules_change_is_valid(fresh: tm.Maker) -> None:
    ab = [
        column("a", ["a"], "int64"),
        column("a_b", ["a", "b"], "utf8"),
        column("a", ["a"], "float64"),
    ]
    appended(fresh, assign(columns=ab, load="load-1"))
    assert verify(fresh).findings == []


def test_a_column_that_the_ledger_does_not_list(fresh: tm.Maker) -> None:
    fresh.append(
        fresh.writers[0],
        [tm.event(0)],
        promote=tm.PROMOTE,
        batches=1,
        stages={"body": without("columns")},
    )
    report = verify(fresh)
    assert kinds(report) == {"columns"}
    assert len(report.findings) == len(tm.PROMOTE)


def test_a_column_that_is_wider_than_the_ledger_says(fresh: tm.Maker) -> None:
    writer = fresh.writers[0]
    fresh.append(writer, [tm.event(0)], promote=[(("score",), "int64")], batches=1)
    fresh.append(
        writer,
        [tm.event(0)],
        promote=[(("score",), "float64")],
        batches=1,
        stages={"body": without("columns")},
    )
    assert kinds(verify(fresh)) == {"columns"}


def test_integers_from_before_the_widening_are_valid(fresh: tm.Maker) -> None:
    writer = fresh.writers[0]
    fresh.append(writer, [tm.event(0)], promote=[(("score",), "float64")], batches=1)
    fresh.append(
        writer,
        [tm.event(0)],
        promote=[(("score",), "int64")],
        batches=1,
        stages={"body": without("columns")},
    )
    assert verify(fresh).findings == []


def test_a_fixed_column_that_was_left_out(fresh: tm.Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tm, "FIXED", [item for item in tm.FIXED if item[0] != ("user_id",)])
    fresh.append(fresh.writers[0], [tm.event(0)], batches=1)
    assert kinds(verify(fresh)) == {"columns"}


def test_a_fixed_column_without_values(fresh: tm.Maker) -> None:
    def add_column(columns: list[Json]) -> None:
        columns.insert(5, column("severity", ["severity"], "utf8") | {"misfits": 0})

    def add_value(rows: list[Json]) -> None:
        for row in rows:
            row["severity"] = None

    stages: Stages = {"columns": add_column, "rows": add_value}
    fresh.append(fresh.writers[0], [tm.event(0)], batches=1, stages=stages)
    assert kinds(verify(fresh)) == {"columns"}


def test_a_rest_column_without_values(fresh: tm.Maker) -> None:
    def add_rest(tables: list[Any]) -> None:
        tables[0] = tables[0].append_column("_rest", pa.array([None], pa.utf8()))

    bare = {"event_type": "data.bare"}
    fresh.append(fresh.writers[0], [bare], batches=1, stages={"table": add_rest})
    assert kinds(verify(fresh)) == {"columns"}


def test_parquet_statistics_that_lie(fresh: tm.Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    """The footer of another file with the same layout, but other values."""

    class Lying(rows.Rows):
        def _check_statistics(self, group: Any, seen: list[rows.Bounds]) -> None:
            for bounds in seen:
                bounds.high = "~" if isinstance(bounds.high, str) else bounds.high
            super()._check_statistics(group, seen)

    fresh.append(fresh.writers[0], [tm.event(i) for i in range(3)])
    monkeypatch.setattr("sealtrail_verifier.segment.Rows", Lying)
    assert kinds(verify(fresh)) == {"statistics"}


def test_recorded_at_before_the_entry_before(fresh: tm.Maker) -> None:
    writer = fresh.writers[0]
    fresh.append(writer, [tm.event(0)], batches=1)
    fresh.clock = tm.START
    fresh.append(writer, [tm.event(1) | {"recorded_at": "2026-08-31T21:00:00.000Z"}], batches=1)
    assert kinds(verify(fresh)) == {"recorded"}


def test_a_segment_that_two_entries_add(fresh: tm.Maker) -> None:
    writer = fresh.writers[0]
    fresh.append(writer, [tm.event(0)], batches=1)
    first = json.loads(fresh.slot(1).read_bytes())["body"]
    again = {name: first[name] for name in ("adds", "recorded")} | {"wal": {"from": 2, "to": 2}}
    fresh.entry(writer, "append", again)
    assert kinds(verify(fresh)) == {"adds"}


def test_an_epoch_that_was_closed_takes_no_more(fresh: tm.Maker) -> None:
    writer = fresh.writers[0]
    fresh.entry(writer, "close", {"close": fresh.closing(writer)})
    fresh.append(writer, [tm.event(0)], batches=1)
    assert kinds(verify(fresh)) == {"epoch"}


def test_an_epoch_that_comes_before_the_last(fresh: tm.Maker) -> None:
    writer = fresh.writers[0]
    epoch, key = writer.epoch, writer.hmac_key
    fresh.tick(hours=2)
    fresh.ratchet(writer)
    fresh.append(writer, [tm.event(0)], batches=1)
    writer.epoch, writer.hmac_key = epoch, key
    fresh.append(writer, [tm.event(1)], batches=1)
    assert kinds(verify(fresh)) == {"epoch"}


def test_an_hmac_key_that_is_not_that_of_the_epoch(fresh: tm.Maker) -> None:
    writer = fresh.writers[0]
    fresh.tick(hours=2)
    fresh.ratchet(writer)
    fresh.append(writer, [tm.event(0)], batches=1)
    writer.hmac_key = bytes(32)
    fresh.append(writer, [tm.event(1)], batches=1)
    assert kinds(verify(fresh, secret=False)) == {"key"}


@pytest.mark.parametrize("batches", [1, 3])
def test_a_close_with_another_count_of_batches(fresh: tm.Maker, batches: int) -> None:
    writer = fresh.writers[0]
    fresh.append(writer, [tm.event(i) for i in range(4)])
    closing = fresh.closing(writer) | {"batches": batches}
    fresh.entry(writer, "close", {"close": closing})
    assert kinds(verify(fresh)) == {"close"}


def test_an_epoch_seal_over_other_batches(fresh: tm.Maker) -> None:
    writer = fresh.writers[0]
    fresh.append(writer, [tm.event(i) for i in range(4)])
    writer.roots.reverse()
    fresh.close(writer)
    report = verify(fresh)
    assert kinds(report) == {"epoch-seal"}
    assert verify(fresh, secret=False).verdict == "VERIFIED"


def test_an_epoch_seal_that_leaves_out_an_empty_epoch(fresh: tm.Maker) -> None:
    writer = fresh.writers[0]
    fresh.tick(hours=2)
    fresh.ratchet(writer)
    writer.seal = bytes(32)
    fresh.close(writer)
    assert kinds(verify(fresh)) == {"epoch-seal"}


def test_an_epoch_absurdly_far_away_is_not_counted_up_to(fresh: tm.Maker) -> None:
    writer = fresh.writers[0]
    writer.epoch += MAX_EPOCHS
    fresh.append(writer, [tm.event(0)], batches=1, close=False)
    fresh.entry(writer, "close", {"close": fresh.closing(writer)})
    assert kinds(verify(fresh)) == {"epoch"}


OWNER_RULES: list[tuple[str, str, tm.Tweak]] = [
    ("an epoch", "epoch", assign(epoch=1)),
    ("another HMAC key", "key", assign(hmac_key="0" * 16)),
    (
        "a writer that is authorised already",
        "authorize",
        lambda b: b["authorizes"].append(b["authorizes"][0]),
    ),
    ("a writer named owner", "form", lambda b: b["authorizes"][0].update(writer="owner")),
    (
        "a public key of 31 bytes",
        "form",
        lambda b: b["authorizes"][0].update(public=tm.b64(bytes(31))),
    ),
    ("an unknown member", "form", lambda b: b["authorizes"][0].update(more=1)),
]


@pytest.mark.parametrize(
    ("kind", "tweak"), [r[1:] for r in OWNER_RULES], ids=[r[0] for r in OWNER_RULES]
)
def test_each_rule_of_authorize_entries(fresh: tm.Maker, kind: str, tweak: tm.Tweak) -> None:
    fresh.authorize(fresh.add_writer(), tweak)
    assert kinds(verify(fresh)) == {kind}


def test_a_writer_is_not_authorised_twice(fresh: tm.Maker) -> None:
    fresh.authorize(fresh.writers[0])
    assert kinds(verify(fresh)) == {"authorize"}


def test_a_writer_may_not_authorise(fresh: tm.Maker) -> None:
    says = {"authorizes": [fresh.authorization(fresh.add_writer())]}
    fresh.entry(fresh.writers[0], "authorize", says)
    assert kinds(verify(fresh)) == {"signer"}


def test_the_owner_may_not_append(fresh: tm.Maker) -> None:
    close = {"batches": 0, "epoch": 0, "seal": "0" * 64}
    fresh.entry(fresh.owner, "close", {"close": close})
    assert kinds(verify(fresh)) == {"signer"}


def test_a_trail_begins_once(fresh: tm.Maker) -> None:
    body = json.loads(fresh.slot(0).read_bytes())["body"]
    says = {name: body[name] for name in ("trail", "owner", "authorizes")}
    fresh.entry(fresh.owner, "init", says)
    assert kinds(verify(fresh)) == {"init"}


def test_an_authorisation_with_a_key_that_is_not_derived(fresh: tm.Maker) -> None:
    writer = fresh.add_writer()
    writer.hmac_key = bytes(32)
    fresh.authorize(writer)
    assert kinds(verify(fresh)) == {"key"}
    assert verify(fresh, secret=False).verdict == "VERIFIED"


def test_a_writer_must_be_authorised_before_it_signs(fresh: tm.Maker) -> None:
    writer = fresh.add_writer()
    fresh.append(writer, [tm.event(0)], batches=1)
    fresh.authorize(writer)
    report = verify(fresh)
    assert kinds(report) == {"signer"}
    assert len(report.orphans) == 1


TRAIL_RULES: list[tuple[str, tm.Tweak]] = [
    ("version", lambda body: body["trail"].update(format=2)),
    ("form", lambda body: body["trail"].update(partitioning="year")),
    ("form", lambda body: body["trail"].update(epoch_seconds=0)),
    ("form", lambda body: body["trail"].update(trail_id="x")),
    ("form", lambda body: body["trail"].update(more=1)),
    ("key", lambda body: body["trail"].update(origin="two words")),
    ("key", lambda body: body["trail"].update(origin="a\nb")),
    ("init", assign(kind="authorize")),
]


@pytest.mark.parametrize(("kind", "tweak"), TRAIL_RULES)
def test_each_rule_of_the_first_entry(tmp_path: Path, kind: str, tweak: tm.Tweak) -> None:
    def change(body: Json) -> None:
        body["trail"] = dict(body["trail"])
        tweak(body)
        if body["kind"] == "authorize":
            del body["trail"], body["owner"]

    maker = tm.Maker(tmp_path / "trail", tweak=change)
    report = verify(maker)
    assert kinds(report) == {kind}
    assert report.size == 1


# The newest checkpoint.


def test_an_old_checkpoint_is_valid(copy: tm.Maker) -> None:
    copy.hint(copy.writers[1], size=3)
    report = verify(copy)
    assert report.verdict == "VERIFIED"
    assert any("covers 3" in text for text in report.not_checked)


def test_a_checkpoint_of_another_ledger(copy: tm.Maker) -> None:
    leaves = copy.leaves
    copy.leaves = [bytes(32), *leaves[1:]]
    copy.hint()
    copy.leaves = leaves
    assert kinds(verify(copy)) == {"checkpoint"}


def test_a_checkpoint_by_a_stranger(copy: tm.Maker) -> None:
    stranger = tm.Signer("w-0000000000000000", bytes(32), bytes(32), 0)
    copy.hint(stranger)
    assert kinds(verify(copy)) == {"checkpoint"}


# Parts.


@pytest.mark.parametrize("size", [0, 1, 2, 3, 5, 255, 256, 257, 512, 700, 1025])
def test_trees_agree_with_the_recursive_definition(size: int) -> None:
    leaves = [sha256(i.to_bytes(4, "big")).digest() for i in range(size)]
    assert merkle.root(leaves) == tm.tree(leaves)
    assert merkle.root(merkle.runs(leaves)) == tm.tree(leaves)


def test_the_fallback_for_ed25519_agrees_with_the_library() -> None:
    signer = tm.Signer("x", bytes(range(32)), b"", 0)
    for length in (0, 1, 200):
        message = bytes(range(length))
        signature = signer.private.sign(message)
        assert ed25519.verify(signer.public, signature, message)
        assert note.verify_ed25519(signer.public, signature, message)
        assert not ed25519.verify(signer.public, signature, message + b"x")
        for i in range(0, 64, 5):
            flipped = signature[:i] + bytes([signature[i] ^ 1]) + signature[i + 1 :]
            assert not ed25519.verify(signer.public, flipped, message)
            assert not note.verify_ed25519(signer.public, flipped, message)
    order = 2**252 + 27742317777372353535851937790883648493
    larger = int.from_bytes(signature[32:], "little") + order
    malleable = signature[:32] + larger.to_bytes(32, "little")
    assert not ed25519.verify(signer.public, malleable, message)
    assert not note.verify_ed25519(signer.public, malleable, message)


def test_the_fallback_for_ed25519_knows_the_vectors_of_rfc_8032() -> None:
    public = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    signature = bytes.fromhex(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    assert ed25519.verify(public, signature, b"\x72")


@pytest.mark.parametrize(
    "text",
    ['{"b":1,"a":2}', '{"a": 1}', '{"a":1,"a":1}', "1.0", "-0", "1e2", "NaN", '"\\u0041"', '"\\ud800"',
     "\ufeff1", "[" * 10_000, "1" * 5_000, "", "{}x", "1e400"],
)  # fmt: skip
def test_json_that_is_not_canonical(text: str) -> None:
    with pytest.raises(FormatError):
        jcs.decode(text.encode())


@pytest.mark.parametrize(
    "text", ["100000000000000000000", "1e+21", "1e-7", "0.000001", '{"":{}}', "null"]
)
def test_json_that_is_canonical(text: str) -> None:
    assert jcs.encode(jcs.decode(text.encode())) == text.encode()


def test_the_fixed_columns_are_those_of_the_catalogue() -> None:
    catalogue = json.loads((ROOT / "rust/core/src/catalogue.json").read_text("utf-8"))
    ours = json.loads((ROOT / "python/sealtrail_verifier/fixed_columns.json").read_text("utf-8"))
    assert ours == catalogue["columns"]


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.text(max_size=6) | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(-1e15, 1e15).filter(lambda x: x != 0) | st.datetimes(datetime(1970, 1, 1)).map(lambda t: tm.time_text(t)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@settings(max_examples=100, suppress_health_check=list(HealthCheck), deadline=None)
@given(
    events=st.lists(st.dictionaries(st.sampled_from("abcd"), JSON_VALUES), min_size=1, max_size=6),
    promote=st.dictionaries(
        st.sampled_from([("a",), ("b",), ("a", "b"), ("a", "b", "c"), ("c", "a")]),
        st.sampled_from(sorted(tm.ARROW)),
    ),
)
def test_any_json_under_any_mapping_is_verified(
    tmp_path_factory: pytest.TempPathFactory,
    events: list[Json],
    promote: dict[tuple[str, ...], str],
) -> None:
    maker = tm.Maker(tmp_path_factory.mktemp("any") / "trail")
    numbered = [event | {"event_type": "data.any"} for event in events]
    maker.append(maker.writers[0], numbered, promote=list(promote.items()))
    report = verify(maker)
    assert report.findings == [], report.as_text()


# The command line.


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sealtrail_verifier", *map(str, arguments)],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT / "python")},
        check=False,
    )


def test_the_command_line(copy: tm.Maker, tmp_path: Path) -> None:
    owner, secret = tmp_path / "owner.vkey", tmp_path / "owner.json"
    owner.write_text(copy.vkey + "\n")
    secret.write_bytes(copy.owner_json)
    good = run(copy.folder, "--key", owner, "--owner-key", secret, "-o", "json")
    assert (good.returncode, good.stderr) == (0, "")
    assert json.loads(good.stdout)["verdict"] == "VERIFIED"
    assert json.loads(good.stdout)["checked"]["HMACs of entries"] == 8

    path = next(copy.folder.glob("segments/**/*.parquet"))
    path.write_bytes(path.read_bytes()[:-1])
    bad = run(copy.folder, "--key", copy.vkey)
    assert (bad.returncode, bad.stderr) == (4, "")
    assert bad.stdout.startswith("TAMPERED")
    assert path.name in bad.stdout


def test_the_command_line_with_wrong_arguments(tiny: tm.Maker, tmp_path: Path) -> None:
    assert run(tiny.folder).returncode == 2
    assert run(tiny.folder, "--key", "nowhere").returncode == 2
    assert run(tiny.folder, "--key", tiny.vkey[:-4] + "AAA=").returncode == 2
    assert run(tiny.folder, "--key", tiny.vkey, "--owner-key", "nowhere").returncode == 2
    assert run(tmp_path / "nowhere", "--key", tiny.vkey).returncode == 3
