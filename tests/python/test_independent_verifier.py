"""Tests of `sealtrail_verifier` on trails that `trail_maker` writes."""

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import rfc8785
import trail_maker as tm
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from verifier_helpers import ROOT, Json, kinds, verify

from sealtrail_verifier import Report, ed25519, history, jcs, merkle, note, stored, verify_trail
from sealtrail_verifier.columns import fixed_columns
from sealtrail_verifier.entries import Append
from sealtrail_verifier.folder import Folder
from sealtrail_verifier.forms import FormatError
from sealtrail_verifier.keys import RootSecret
from sealtrail_verifier.metadata import Task
from sealtrail_verifier.note import VerifierKey


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
        "seals of epochs": 4,
        "runs that ended in order": 2,
        "runs that did not end in order": 1,
        "records recovered from logs": 1,
    }
    assert report.open_runs == []


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
                yield Task(trail_id, entry, add, promoted, fixed, None)


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
    for one, other in pairwise(paths):
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
    report = verify_trail(tmp_path, VerifierKey.parse(tiny.vkey))
    assert report.verdict == "MISSING"
    assert kinds(report) == {"gap", "trail.json"}


# Outsiders: they can write to the folder, but hold no key.


def rewrite(path: Path, change: Callable[[Json], None]) -> None:
    """Changes a JSON file and keeps it canonical."""
    value = json.loads(path.read_bytes())
    change(value)
    path.write_bytes(rfc8785.dumps(value))


def test_a_second_signature_line_is_found(copy: tm.Maker) -> None:
    def add_line(entry: Json) -> None:
        entry["checkpoint"] += f"\u2014 witness {base64.b64encode(bytes(68)).decode()}\n"

    (copy.folder / "checkpoint").unlink()
    rewrite(copy.slot(7), add_line)
    assert verify(copy).verdict == "TAMPERED"


def test_unused_bits_of_base64_are_found(copy: tm.Maker) -> None:
    def set_bit(entry: Json) -> None:
        sig = entry["sig"]
        last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".index(sig[-3])
        assert last % 16 == 0
        char = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[last + 1]
        entry["sig"] = sig[:-3] + char + "=="

    (copy.folder / "checkpoint").unlink()
    rewrite(copy.slot(7), set_bit)
    assert kinds(verify(copy)) == {"form"}


@pytest.mark.parametrize("secret", [True, False])
def test_an_edited_hmac_is_found_without_the_secret_too(copy: tm.Maker, *, secret: bool) -> None:
    rewrite(copy.slot(7), lambda entry: entry.update(hmac="0" * 64))
    assert kinds(verify(copy, secret=secret)) == {"checkpoint", "signature"}
    (copy.folder / "checkpoint").unlink()
    assert kinds(verify(copy, secret=secret)) == {"signature"}


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
    report = verify_trail(tiny.folder, VerifierKey.parse(tm.vkey(name, tiny.writers[0].public)))
    assert kinds(report) == {"key"}
    assert report.verdict == "TAMPERED"


def test_an_owner_key_of_another_trail_is_refused(tiny: tm.Maker) -> None:
    other = VerifierKey.parse(tm.vkey("other/owner", tiny.owner.public))
    assert kinds(verify_trail(tiny.folder, other)) == {"key"}


def test_another_root_secret_is_found(tiny: tm.Maker) -> None:
    owner = VerifierKey.parse(tiny.vkey)
    other = RootSecret(bytes(32), tiny.trail["trail_id"])
    assert kinds(verify_trail(tiny.folder, owner, other)) == {"key", "hmac", "seal"}
    other = RootSecret(bytes(32), "00000000-0000-4000-8000-000000000000")
    assert kinds(verify_trail(tiny.folder, owner, other)) == {"key"}


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


NOT_CANONICAL = [
    *('{"b":1,"a":2}', '{"a": 1}', '{"a":1,"a":1}', "1.0", "-0", "1e2", "NaN", "1e400", "", "{}x"),
    *('"\\u0041"', '"\\ud800"', "\ufeff1", "[" * 10_000, "1" * 5_000),
]


@pytest.mark.parametrize("text", NOT_CANONICAL)
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
    st.none()
    | st.booleans()
    | st.text(max_size=6)
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(-1e15, 1e15).filter(lambda x: x != 0)
    | st.datetimes(datetime(1970, 1, 1)).map(tm.time_text),  # noqa: DTZ001
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=8,
)


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
