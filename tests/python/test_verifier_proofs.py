"""Proofs: the golden ones, and hand-made ones that both checkers must judge alike."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from collections.abc import Callable
from copy import deepcopy
from hashlib import sha256
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import rfc8785
import trail_maker as tm
from verifier_helpers import ROOT, Json

import sealtrail
from sealtrail_verifier import merkle, proof
from sealtrail_verifier.forms import FormatError
from sealtrail_verifier.note import VerifierKey

GOLDEN = ROOT / "tests/vectors/v1"
PROOFS = sorted((GOLDEN / "proofs").iterdir())
MASKS = (0x01, 0x20, 0x80)


def plain(data: bytes, vkey: str) -> str | None:
    """Why the verifier in plain Python refuses a proof; None if it does not."""
    try:
        proof.check(data, VerifierKey.parse(vkey.strip()))
    except FormatError as error:
        return str(error)
    return None


def native(data: bytes, vkey: str) -> str | None:
    """Why the native checker refuses a proof; None if it does not."""
    check: Callable[[bytes, str], object] = sealtrail.check_proof
    if b'"kind":"consistency"' in data:
        check = sealtrail.check_consistency
    try:
        check(data, vkey)
    except sealtrail.IntegrityError as error:
        return str(error)
    return None


# The golden proofs.


@pytest.mark.parametrize("path", PROOFS, ids=lambda path: path.name)
def test_both_accept_the_golden_proofs_and_show_the_same(path: Path) -> None:
    data, vkey = path.read_bytes(), (GOLDEN / "owner.vkey").read_text()
    assert native(data, vkey) is None
    shown = proof.check(data, VerifierKey.parse(vkey.strip()))
    mine = shown.as_json()
    if isinstance(shown, proof.ShownRecord):
        theirs = sealtrail.check_proof(data, vkey)
        assert shown.record in (GOLDEN / "records.jsonl").read_text().split("\n")
        assert (theirs.text, theirs.entry, theirs.writer) == (
            shown.record,
            shown.entry,
            shown.writer,
        )
        assert (theirs.segment, theirs.batch) == (shown.segment, shown.batch)
        assert theirs.checkpoint.size == shown.checkpoint.size
    else:
        grown = sealtrail.check_consistency(data, vkey)
        assert isinstance(shown, proof.ShownConsistency)
        assert (grown.start.size, grown.start.root) == (shown.start.size, shown.start.root)
        assert f"{shown.start.size}-{shown.checkpoint.size}" == path.stem
    assert mine["checkpoint_signer"] == shown.checkpoint_signer


@pytest.mark.parametrize("path", PROOFS, ids=lambda path: path.name)
def test_every_changed_byte_is_refused(path: Path) -> None:
    data, vkey = path.read_bytes(), (GOLDEN / "owner.vkey").read_text()
    # Bytes everywhere; the native checker's own tests change each one.
    for n, at in enumerate(range(0, len(data), 5 if len(data) < 4000 else 29)):
        changed = data[:at] + bytes([data[at] ^ MASKS[n % 3]]) + data[at + 1 :]
        assert plain(changed, vkey) is not None, at


def test_the_command_line_checks_proofs(tmp_path: Path) -> None:
    def run_on(file: Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "sealtrail_verifier", str(file)]
        return subprocess.run(
            [*command, "--key", str(GOLDEN / "owner.vkey")],
            cwd=ROOT / "python",
            capture_output=True,
            text=True,
            check=False,
        )

    good = run_on(GOLDEN / "proofs/given-1.record")
    assert (good.returncode, good.stderr) == (0, "")
    assert json.loads(json.loads(good.stdout)["record"])["audit_id"] == "given-1"
    changed = tmp_path / "changed"
    changed.write_bytes((GOLDEN / "proofs/given-1.record").read_bytes().replace(b"u1", b"u2"))
    bad = run_on(changed)
    assert (bad.returncode, bad.stdout) == (4, "")
    assert "does not hold" in bad.stderr


# Trees, against the definition.


def leaves(count: int) -> list[bytes]:
    return [sha256(b"\x00" + bytes([n])).digest() for n in range(count)]


def audit_path(leaves: list[bytes], index: int) -> list[bytes]:
    """PATH(m, D[n]) of RFC 6962, section 2.1.1."""
    if len(leaves) == 1:
        return []
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if index < split:
        return [*audit_path(leaves[:split], index), tm.tree(leaves[split:])]
    return [*audit_path(leaves[split:], index - split), tm.tree(leaves[:split])]


def subproof(size: int, leaves: list[bytes], *, whole: bool) -> list[bytes]:
    """SUBPROOF(m, D[n], b) of RFC 6962, section 2.1.2."""
    if size == len(leaves):
        return [] if whole else [tm.tree(leaves)]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if size <= split:
        return [*subproof(size, leaves[:split], whole=whole), tm.tree(leaves[split:])]
    left = tm.tree(leaves[:split])
    return [*subproof(size - split, leaves[split:], whole=False), left]


def test_paths_lead_to_the_root_and_to_the_root_before() -> None:
    for size in range(1, 35):
        all_, root = leaves(size), tm.tree(leaves(size))
        for index in range(size):
            path = audit_path(all_, index)
            assert merkle.path_root(all_[index], index, size, path) == root
            assert merkle.root_before(index, size, path) == tm.tree(all_[:index])
            assert merkle.path_root(all_[index], index, size, [*path, bytes(32)]) is None
            assert not path or merkle.path_root(all_[index], index, size, path[:-1]) != root
            others = [other for other in range(size + 2) if other != index]
            assert all(merkle.path_root(all_[index], n, size, path) != root for n in others)


def test_a_tree_extends_exactly_its_beginnings() -> None:
    for size in range(1, 35):
        new, all_ = (size, tm.tree(leaves(size))), leaves(size)
        for start in range(size + 1):
            path = subproof(start, all_, whole=True) if start else []
            old = (start, tm.tree(all_[:start]))
            assert merkle.extends(old, new, path)
            assert not merkle.extends((start, bytes(32)), new, path)
            assert not merkle.extends(old, new, [*path, bytes(32)])
            assert not path or not merkle.extends(old, new, path[:-1])
            for other in range(size + 2):
                assert other == start or not merkle.extends((other, old[1]), new, path)


# Hand-made proofs.


class Story:
    """Entry 0 authorises a writer, 1 another one, 2 adds records by it, 3 by the first one."""

    def __init__(self, folder: Path) -> None:
        self.maker = tm.Maker(folder)
        self.second = self.maker.add_writer()
        self.maker.authorize(self.second)
        self.records: list[Json] = []
        events = [{"event_type": "data.read", "audit_id": f"call-{n}", "n": n} for n in range(5)]
        stages = {"records": self.records.extend}
        (self.segment,) = self.maker.append(self.second, events, batches=1, stages=stages)
        self.maker.append(self.maker.writers[0], [{"event_type": "data.read"}])

    def revoke(self, writer: tm.Signer) -> None:
        revokes = [{"reason": "host stolen", "writer": writer.name}]
        self.maker.entry(self.maker.owner, "authorize", {"authorizes": [], "revokes": revokes})

    def proof(self, position: int, signer: tm.Signer | None = None) -> Json:
        signer = signer or self.maker.writers[0]
        metadata = pq.read_metadata(self.segment).metadata
        (batch,) = json.loads(metadata[b"sealtrail"])["batches"]
        salt = base64.b64decode(batch["salt"])
        salts = [sha256(salt + n.to_bytes(8, "big")).digest()[:16] for n in range(5)]
        texts = [rfc8785.dumps(record) for record in self.records]
        below = [sha256(b"\x00" + s + t).digest() for s, t in zip(salts, texts, strict=True)]
        entry = json.loads(self.maker.slot(2).read_bytes())
        names = {entry["body"]["writer"], signer.name} - {"owner"}
        signers = [self.signer(name) for name in sorted(names)]
        numbers = {0, 2} | {n for s in signers for n in s.values() if isinstance(n, int)}
        return {
            "batch": {
                **{name: batch[name] for name in ("commitment", "id", "root", "rows")},
                "index": 0,
                "path": [],
            },
            "checkpoint": {
                "note": self.maker.note(signer, len(self.maker.leaves)),
                "signer": signer.name,
            },
            "kind": "record",
            "record": {
                "bytes": texts[position].decode(),
                "index": position,
                "path": [node.hex() for node in audit_path(below, position)],
                "salt": salts[position].hex(),
            },
            "segment": {"entry": 2, "index": 0},
            "entries": [self.item(n) for n in sorted(numbers)],
            "signers": signers,
            "v": 1,
        }

    def item(self, n: int) -> Json:
        path = audit_path(self.maker.leaves, n)
        text = self.maker.slot(n).read_text()
        return {"bytes": text, "n": n, "path": [node.hex() for node in path]}

    def signer(self, name: str) -> Json:
        found: Json = {"writer": name}
        for n in range(len(self.maker.leaves)):
            body = json.loads(self.maker.slot(n).read_bytes())["body"]
            for says, what in (("authorizes", "authorized"), ("revokes", "revoked")):
                if any(item["writer"] == name for item in body.get(says, [])):
                    found.setdefault(what, n)
        return found

    def judged(self, made: Json) -> str | None:
        """Why both refuse it; None if both accept it."""
        data = rfc8785.dumps(made) + b"\n"
        mine, theirs = plain(data, self.maker.vkey), native(data, self.maker.vkey)
        assert (mine is None) == (theirs is None), (mine, theirs)
        return mine and f"{mine} / {theirs}"


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(tmp_path / "trail")


def test_both_accept_what_another_hand_made(story: Story) -> None:
    for position in range(5):
        for signer in (story.maker.owner, *story.maker.writers):
            assert story.judged(story.proof(position, signer)) is None


def test_a_later_revocation_is_told_and_changes_nothing(story: Story) -> None:
    story.revoke(story.second)
    made = story.proof(1)
    assert story.judged(made) is None
    data = rfc8785.dumps(made)
    shown = proof.check(data, VerifierKey.parse(story.maker.vkey))
    mine = {s.writer: s.revoked for s in shown.signers}[story.second.name]
    theirs = {s.writer: s.revoked for s in sealtrail.check_proof(data, story.maker.vkey).signers}
    told = theirs[story.second.name]
    assert mine is not None
    assert told is not None
    assert (mine.entry, mine.reason) == (told.entry, told.reason) == (4, "host stolen")
    assert theirs[story.maker.writers[0].name] is None
    # Its own signature under a checkpoint that covers its revocation.
    assert "revoked" in (story.judged(story.proof(1, story.second)) or "")


Spoil = Callable[[Json], object]
SPOILT: list[tuple[str, Spoil]] = [
    ("a silent revocation", lambda p: p["signers"][at(p)].pop("revoked")),
    ("another entry revokes", lambda p: p["signers"][at(p)].update(revoked=1)),
    ("null", lambda p: p["signers"][1 - at(p)].update(revoked=None)),
    ("no entry that revokes", lambda p: p["entries"].pop()),
    ("no entry 0", lambda p: p["entries"].pop(0)),
    ("an entry twice", lambda p: p["entries"].append(p["entries"][-1])),
    ("entries out of order", lambda p: p["entries"].reverse()),
    ("signers out of order", lambda p: p["signers"].reverse()),
    ("no signers", lambda p: p["signers"].clear()),
    ("authorised by another entry", lambda p: p["signers"][at(p)].update(authorized=0)),
    ("an unknown signer", lambda p: p["checkpoint"].update(signer="w-0000000000000000")),
    ("no such segment", lambda p: p["segment"].update(index=1)),
    ("another entry", lambda p: p["segment"].update(entry=1)),
    ("another place in the list", lambda p: p["batch"].update(index=1)),
    ("more rows", lambda p: p["batch"].update(rows=6)),
    ("another place in the batch", lambda p: p["record"].update(index=2)),
    ("no path", lambda p: p["record"]["path"].clear()),
    ("an unknown member", lambda p: p.update(more=1)),
    ("another version", lambda p: p.update(v=2)),
    ("a number too large", lambda p: p["record"].update(index=2**60)),
    ("a negative number", lambda p: p["record"].update(index=-1)),
]


def at(made: Json) -> int:
    """Which of the signers signed the entry: the one that entry 1 authorises."""
    return next(n for n, signer in enumerate(made["signers"]) if signer["authorized"] == 1)


@pytest.mark.parametrize(("name", "spoil"), SPOILT, ids=[name for name, _ in SPOILT])
def test_both_refuse(story: Story, name: str, spoil: Spoil) -> None:
    story.revoke(story.second)
    made = deepcopy(story.proof(1))
    spoil(made)
    try:
        data = rfc8785.dumps(made)
    except rfc8785.IntegerDomainError:
        data = json.dumps(made, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert plain(data, story.maker.vkey) is not None, name
    assert native(data, story.maker.vkey) is not None, name


def test_cosignatures_are_left_alone(story: Story) -> None:
    made = story.proof(0)
    witness = tm.Signer("owner", bytes(range(32)), bytes(32), 0)
    other = story.maker.note(witness, len(story.maker.leaves)).split("\n\n")[1]
    note = made["checkpoint"]["note"]
    made["checkpoint"]["note"] = note + other.replace(story.maker.trail["origin"], "witness")
    assert story.judged(made) is None
    # The signer's own line twice.
    made["checkpoint"]["note"] = note + note.split("\n\n")[1]
    assert story.judged(made) is not None


# The check with public tools that FORMAT holds.


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    text = (ROOT / "rust/core/FORMAT.md").read_text()
    (code,) = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    file = tmp_path_factory.mktemp("recipe") / "check.py"
    file.write_text(code)
    return file


def run(recipe: Path, file: Path, key: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", str(recipe), str(file), str(key)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "path", [path for path in PROOFS if path.suffix == ".record"], ids=lambda path: path.name
)
def test_the_recipe_agrees_on_the_golden_proofs(path: Path, tmp_path: Path, recipe: Path) -> None:
    key = GOLDEN / "owner.vkey"
    good = run(recipe, path, key)
    assert (good.returncode, good.stderr) == (0, ""), good.stderr
    assert json.loads(good.stdout)["audit_id"] == path.stem
    data, changed = path.read_bytes(), tmp_path / "changed"
    made = json.loads(data)
    # A revocation may come after the entry of the record.
    at = [entry["n"] for entry in made["entries"]].index(made["segment"]["entry"])
    other = made["entries"][at]["bytes"]
    for spoil in (
        lambda p: p["record"].update(bytes=p["record"]["bytes"].replace("20", "21", 1)),
        lambda p: p["record"].update(salt="00" * 16),
        lambda p: p["batch"].update(root="00" * 32),
        lambda p: p["segment"].update(index=p["segment"]["index"] + 1),
        lambda p: p["entries"][at].update(bytes=other.replace('"kind":"append"', '"kind":"close"')),
        lambda p: p["entries"][0]["path"].reverse(),
        lambda p: p["checkpoint"].update(signer="owner"),
        lambda p: p["checkpoint"].update(note=p["checkpoint"]["note"].replace("\n1", "\n2", 1)),
        lambda p: p["signers"][0].update(authorized=p["segment"]["entry"]),
        lambda p: [s.update(revoked=p["segment"]["entry"]) for s in p["signers"]],
    ):
        spoilt = deepcopy(made)
        spoil(spoilt)
        assert spoilt != made
        changed.write_text(json.dumps(spoilt))
        assert run(recipe, changed, key).returncode != 0
    foreign = tmp_path / "other.vkey"
    foreign.write_text(tm.Maker(tmp_path / "trail").vkey)
    assert run(recipe, path, foreign).returncode != 0
