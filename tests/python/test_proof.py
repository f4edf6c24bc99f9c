"""Proofs by the Python API: made with a trail, checked without one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import sealtrail


@pytest.fixture
def trail(tmp_path: Path) -> sealtrail.Trail:
    """A trail of three commits."""
    trail = sealtrail.init(tmp_path / "audit")
    for n in range(3):
        event = {"event_type": "data.file_read", "audit_id": f"call-{n}", "text": "é", "n": n}
        trail.record(event)
        trail.flush()
    return trail


@pytest.fixture
def key(trail: sealtrail.Trail, home: Path) -> Path:
    """The owner's public key."""
    return home / "sealtrail/keys" / str(trail.info["trail_id"]) / "owner.vkey"


def size(checkpoint: str) -> int:
    return int(checkpoint.split("\n")[1])


def test_a_record_is_proven(trail: sealtrail.Trail, key: Path, tmp_path: Path) -> None:
    proof = trail.prove("call-1")
    file = tmp_path / "call.proof"
    file.write_bytes(proof)
    text = key.read_text()
    proofs: list[bytes | str | Path] = [proof, file, str(file), proof]
    keys: list[str | Path] = [key, text, str(key), text.strip()]
    for given, by in zip(proofs, keys, strict=True):
        shown = sealtrail.check_proof(given, by)
        assert shown.record == trail.get("call-1")
        assert json.loads(shown.text) == shown.record
        assert (shown.audit_id, shown.event_type) == ("call-1", "data.file_read")
        assert shown.trail_id == trail.info["trail_id"]
        assert shown.origin == trail.info["origin"]
        assert shown.entry < shown.checkpoint.size == size(trail.checkpoint())
        assert [signer.writer for signer in shown.signers] == [shown.writer]
        assert shown.signers[0].authorized < shown.entry
        assert shown.signers[0].revoked is None


def test_what_was_changed_is_refused(trail: sealtrail.Trail, key: Path) -> None:
    proof = trail.prove("call-1")
    for at in range(0, len(proof), 97):
        changed = bytearray(proof)
        changed[at] ^= 1
        with pytest.raises(sealtrail.IntegrityError):
            sealtrail.check_proof(bytes(changed), key)
    with pytest.raises(sealtrail.IntegrityError) as caught:
        sealtrail.check_proof(proof.replace("é".encode(), "è".encode()), key)
    assert caught.value.path == "record"
    assert caught.value.kind == "integrity"


def test_another_owners_key_and_no_key_are_refused(
    trail: sealtrail.Trail, key: Path, tmp_path: Path, home: Path
) -> None:
    proof = trail.prove("call-0")
    other = sealtrail.init(tmp_path / "other")
    with pytest.raises(sealtrail.IntegrityError):
        sealtrail.check_proof(
            proof, home / "sealtrail/keys" / other.info["trail_id"] / "owner.vkey"
        )
    with pytest.raises(sealtrail.KeyFileError):
        sealtrail.check_proof(proof, key.with_name("owner.json"))
    with pytest.raises(sealtrail.StoreError):
        sealtrail.check_proof(proof, tmp_path / "nothing")
    with pytest.raises(sealtrail.StoreError) as caught:
        sealtrail.check_proof(tmp_path / "nothing", key)
    assert caught.value.path == str(tmp_path / "nothing")


def test_only_what_is_committed_is_proven(trail: sealtrail.Trail) -> None:
    with pytest.raises(sealtrail.NotFoundError):
        trail.prove("nothing")
    trail.record({"event_type": "data.file_read", "audit_id": "fresh"})
    with pytest.raises(sealtrail.UsageError, match="flush"):
        trail.prove("fresh")


def test_a_ledger_is_shown_to_have_only_grown(trail: sealtrail.Trail, key: Path) -> None:
    kept = trail.checkpoint()
    origin, entries, _root, empty, signature, _ = kept.split("\n")
    assert (origin, empty) == (trail.info["origin"], "")
    assert signature.startswith("\u2014 " + origin + "/w-")
    trail.record({"event_type": "data.file_read"})
    trail.flush()
    grown = sealtrail.check_consistency(trail.prove_consistency(int(entries)), key)
    assert (grown.start.size, grown.to.size) == (int(entries), int(entries) + 1)
    past = sealtrail.check_consistency(trail.prove_consistency(1, int(entries)), key)
    assert past.to == grown.start
    with pytest.raises(sealtrail.UsageError):
        trail.prove_consistency(2, 1)
    with pytest.raises(sealtrail.UsageError):
        trail.prove_consistency(-1)
    with pytest.raises(sealtrail.IntegrityError):
        sealtrail.check_consistency(trail.prove("call-0"), key)
    with pytest.raises(sealtrail.IntegrityError):
        sealtrail.check_proof(trail.prove_consistency(1), key)
