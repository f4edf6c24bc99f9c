"""Proofs, checked with nothing but the owner's public key."""

from __future__ import annotations

import json
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import Any, TypeAlias

from sealtrail import _native
from sealtrail._errors import StoreError

Proof: TypeAlias = bytes | str | PathLike[str]


@dataclass(frozen=True)
class TreeState:
    """A state of the ledger.

    Attributes:
        size: Number of its entries.
        root: Root over them, in hex.
    """

    size: int
    root: str


@dataclass(frozen=True)
class Revocation:
    """How the owner revoked a writer.

    Attributes:
        entry: Number of the ledger entry.
        time: When the owner signed it; RFC 3339, UTC.
        reason: Why, in the owner's words.
    """

    entry: int
    time: str
    reason: str


@dataclass(frozen=True)
class ProofSigner:
    """A writer that a proof rests on.

    Attributes:
        writer: Its id.
        authorized: Number of the ledger entry by which the owner authorised it.
        revoked: Its revocation, if the proof tells of one: it came after what the proof rests on.
            That there is none is the word of whoever made the proof, as of the checkpoint.
    """

    writer: str
    authorized: int
    revoked: Revocation | None


@dataclass(frozen=True)
class CheckedProof:
    """What the proof of a record shows. Times are RFC 3339 in UTC.

    Attributes:
        record: The record.
        text: The record as it was signed: canonical JSON.
        audit_id: Its id.
        event_type: Its type.
        timestamp: Its time, as the recorder was told.
        recorded_at: When it was recorded, by the recorder's clock.
        trail_id: The trail's id.
        origin: The name of its log.
        writer: Who signed the ledger entry; one of ``signers``.
        entry: Number of that entry.
        entry_time: When it was signed, by the writer's clock.
        segment: Path of the record's segment within the trail.
        batch: Id of its batch.
        checkpoint: What the checkpoint states; it has no time of its own.
        checkpoint_signer: Who signed that: one of ``signers``, or ``owner``.
        signers: The writers that the proof rests on.
    """

    record: dict[str, Any]
    text: str
    audit_id: str
    event_type: str
    timestamp: str
    recorded_at: str
    trail_id: str
    origin: str
    writer: str
    entry: int
    entry_time: str
    segment: str
    batch: str
    checkpoint: TreeState
    checkpoint_signer: str
    signers: list[ProofSigner]


@dataclass(frozen=True)
class CheckedConsistency:
    """What a proof of consistency shows: the later ledger begins with the earlier one.

    Attributes:
        trail_id: The trail's id.
        origin: The name of its log.
        start: The earlier state: compare it with a checkpoint that was kept.
        to: The later state, which is signed.
        checkpoint_signer: Who signed that: one of ``signers``, or ``owner``.
        signers: The writers that the proof rests on.
    """

    trail_id: str
    origin: str
    start: TreeState
    to: TreeState
    checkpoint_signer: str
    signers: list[ProofSigner]


def check_proof(proof: Proof, key: str | PathLike[str]) -> CheckedProof:
    """Check the proof of a record, offline: see :meth:`Trail.prove`.

    Args:
        proof: Its bytes, or the path of its file.
        key: The owner's public key, or its file. It must come from who trusts it, not with the
            proof.

    Returns:
        What it shows.

    Raises:
        IntegrityError: It does not hold; ``path`` names the step.
        KeyFileError: The key is none.
        StoreError: A file cannot be read.
    """
    shown: dict[str, Any] = json.loads(_native.check_proof(_bytes(proof), fspath(key)))
    text = shown.pop("record")
    return CheckedProof(record=json.loads(text), text=text, **_common(shown, "checkpoint"))


def check_consistency(proof: Proof, key: str | PathLike[str]) -> CheckedConsistency:
    """Check a proof of consistency, offline: see :meth:`Trail.prove_consistency`.

    Args:
        proof: As for :func:`check_proof`.
        key: As for :func:`check_proof`.

    Returns:
        What it shows.

    Raises:
        IntegrityError: It does not hold; ``path`` names the step.
        KeyFileError: The key is none.
        StoreError: A file cannot be read.
    """
    shown: dict[str, Any] = json.loads(_native.check_consistency(_bytes(proof), fspath(key)))
    start = TreeState(**shown.pop("from"))
    return CheckedConsistency(start=start, **_common(shown, "to"))


def _common(shown: dict[str, Any], state: str) -> dict[str, Any]:
    signers = [
        ProofSigner(
            writer=signer["writer"],
            authorized=signer["authorized"],
            revoked=None if signer["revoked"] is None else Revocation(**signer["revoked"]),
        )
        for signer in shown["signers"]
    ]
    return {**shown, state: TreeState(**shown[state]), "signers": signers}


def _bytes(proof: Proof) -> bytes:
    if isinstance(proof, bytes):
        return proof
    path = Path(proof)
    try:
        return path.read_bytes()
    except OSError as error:
        raise StoreError(str(error), kind="io", path=str(path)) from error
