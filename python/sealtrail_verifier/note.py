"""Signed notes, checkpoints and Ed25519 (FORMAT section 7; C2SP signed-note, tlog-checkpoint)."""

import base64
import re
from dataclasses import dataclass
from hashlib import sha256

from sealtrail_verifier.forms import FormatError, unbase64, unhex

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    def verify_ed25519(public: bytes, signature: bytes, message: bytes) -> bool:
        """Tells whether an Ed25519 signature holds."""
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True
except ImportError:
    from sealtrail_verifier.ed25519 import verify as verify_ed25519

__all__ = [
    "Checkpoint",
    "VerifierKey",
    "check",
    "check_cosigned",
    "check_heartbeat",
    "check_name",
    "key_id",
    "own",
    "read",
    "verify_ed25519",
]

_ED25519 = b"\x01"
_COSIGNATURE = b"\x04"
_LINE = re.compile("\u2014 ([^ ]+) ([A-Za-z0-9+/=]+)")


@dataclass(frozen=True)
class VerifierKey:
    """A C2SP vkey: a name and an Ed25519 public key."""

    name: str
    public: bytes

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """Reads `<name>+<hash>+<base64>`.

        Raises:
            FormatError: It is not of that form, or the hash does not fit.
        """
        parts = text.split("+", 2)
        if len(parts) != 3:
            raise FormatError("key", "not a vkey: name+hash+key is wanted")
        name, id_, key = parts
        check_name(name)
        data = unbase64(key, 33)
        if data[:1] != _ED25519:
            raise FormatError("key", "not an Ed25519 vkey")
        if unhex(id_, 4) != _name_hash(name, data[1:]):
            raise FormatError("key", "the hash in the vkey does not fit its name and key")
        return cls(name, data[1:])


@dataclass(frozen=True)
class Checkpoint:
    """What a signed checkpoint says; nothing is true of it before `check`."""

    size: int
    root: bytes
    signer: str


def key_id(public: bytes) -> str:
    """The `key` of entries and segments: names a signing key."""
    return sha256(b"sealtrail key v1\n" + public).digest()[:8].hex()


def check_name(name: str) -> None:
    """Refuses a name that a signed note cannot carry."""
    if not name or not name.isprintable() or "+" in name or any(c.isspace() for c in name):
        raise FormatError("key", f"{name[:80]!r} cannot be the name of a key")


def check(note: str, origin: str, statement: Checkpoint, public: bytes) -> None:
    """Checks that a note is this statement, signed by this key, and nothing more.

    Exactly one signature line is allowed: others would be bytes that no
    signature of the entry covers.

    Raises:
        FormatError: It is not.
    """
    root = base64.b64encode(statement.root).decode()
    text = f"{origin}\n{statement.size}\n{root}\n"
    head = f"{text}\n\u2014 {statement.signer} "
    if not note.startswith(head) or not note.endswith("\n"):
        raise FormatError(
            "checkpoint", f"it is not that of {statement.size} entries by {statement.signer}"
        )
    blob = unbase64(note[len(head) : -1], 68)
    if blob[:4] != _name_hash(statement.signer, public):
        raise FormatError("checkpoint", "it names another key")
    if not verify_ed25519(public, blob[4:], text.encode()):
        raise FormatError("checkpoint", "its signature does not hold")


def check_cosigned(note: str, origin: str, signer: str, public: bytes) -> Checkpoint:
    """Checks a note that others may have signed, too, and says what it states.

    Raises:
        FormatError: This key did not sign it exactly once under this name, or a line is no
            signature.
    """
    text, _, lines = note.partition("\n\n")
    ours = []
    for line in lines.removesuffix("\n").split("\n"):
        match = _LINE.fullmatch(line)
        if not match or len(blob := unbase64(match[2])) < 5:
            raise FormatError("checkpoint", "a line of it is not a signature")
        check_name(match[1])
        if (match[1], blob[:4]) == (signer, _name_hash(signer, public)):
            ours.append(line)
    if len(ours) != 1 or not note.endswith("\n"):
        raise FormatError("checkpoint", f"it is not signed once by {signer} with the expected key")
    alone = f"{text}\n\n{ours[0]}\n"
    statement = read(alone)
    check(alone, origin, statement, public)
    return statement


def read(note: str) -> Checkpoint:
    """Reads what a note claims, so that it can be checked.

    Raises:
        FormatError: It is no checkpoint with one signature.
    """
    lines = note.split("\n")
    if len(lines) != 6 or lines[3] or lines[5] or not lines[4].startswith("\u2014 "):
        raise FormatError("checkpoint", "it is not a checkpoint with one signature")
    size, signer = lines[1], lines[4].split(" ")[1]
    if not (size.isascii() and size.isdecimal()) or len(size) > 20 or str(int(size)) != size:
        raise FormatError("checkpoint", "its size is not a number")
    return Checkpoint(int(size), unbase64(lines[2], 32), signer)


def own(note: str, origin: str) -> str:
    """The note without the lines of others: cosignatures may follow in the hint."""
    lines = note.split("\n")
    ours = [
        line
        for position, line in enumerate(lines)
        if position < 4 or not line or line.startswith(f"\u2014 {origin}/")
    ]
    return "\n".join(ours)


def check_heartbeat(note: str, origin: str, statement: Checkpoint, public: bytes) -> int:
    """Checks that a note is this statement with one cosignature (C2SP) by this key.

    Returns:
        When it was signed, in seconds since 1970.

    Raises:
        FormatError: It is not.
    """
    root = base64.b64encode(statement.root).decode()
    text = f"{origin}\n{statement.size}\n{root}\n"
    head = f"{text}\n\u2014 {statement.signer} "
    if not note.startswith(head) or not note.endswith("\n"):
        raise FormatError("heartbeat", f"it is not one by {statement.signer}")
    blob = unbase64(note[len(head) : -1], 76)
    if blob[:4] != _name_hash(statement.signer, public, _COSIGNATURE):
        raise FormatError("heartbeat", "it names another key")
    time = int.from_bytes(blob[4:12])
    message = f"cosignature/v1\ntime {time}\n{text}"
    if not verify_ed25519(public, blob[12:], message.encode()):
        raise FormatError("heartbeat", "its signature does not hold")
    return time


def _name_hash(name: str, public: bytes, kind: bytes = _ED25519) -> bytes:
    return sha256(name.encode() + b"\n" + kind + public).digest()[:4]
