"""The HMAC keys, derived from the owner's root secret (FORMAT section 8)."""

import hmac
import uuid
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from sealtrail_verifier import jcs
from sealtrail_verifier.forms import FormatError, Members

MAX_EPOCHS: Final = 1_000_000
"""A chain of keys longer than this is refused: 114 years of hourly epochs."""


def mac(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA256."""
    return hmac.digest(key, message, "sha256")


def hkdf(secret: bytes, salt: bytes, info: bytes) -> bytes:
    """HKDF-SHA256 (RFC 5869), 32 bytes; an empty salt counts as 32 zero bytes."""
    return mac(mac(salt or bytes(32), secret), info + b"\x01")


def hmac_key_id(key: bytes) -> str:
    """The `hmac_key` of entries and segments: names an HMAC key."""
    return mac(key, b"sealtrail key id v1")[:8].hex()


@dataclass
class Chain:
    """The epoch keys K(a), K(a+1), ... of one writer, made when asked for."""

    first: int
    start: bytes
    _keys: list[bytes] = field(default_factory=list)

    def key(self, epoch: int) -> bytes:
        """K(epoch).

        Raises:
            FormatError: The epoch is before the first or absurdly far from it.
        """
        if not self.first <= epoch < self.first + MAX_EPOCHS:
            raise FormatError("epoch", f"epoch {epoch} is out of reach of the first, {self.first}")
        keys = self._keys or [self.start]
        while len(keys) <= epoch - self.first:
            keys.append(hkdf(keys[-1], b"", b"sealtrail epoch v1"))
        self._keys = keys
        return keys[epoch - self.first]


@dataclass(frozen=True)
class RootSecret:
    """The owner's root secret R; all HMAC keys of one trail follow from it."""

    secret: bytes = field(repr=False)
    trail_id: str

    @classmethod
    def parse(cls, data: bytes) -> "RootSecret":
        """Reads an `owner.json`.

        Raises:
            FormatError: It is not of its form.
        """
        members = Members(jcs.decode(data.strip()), "the owner's key file")
        if members.integer("v") != 1:
            raise FormatError("form", "the owner's key file has an unknown version")
        members.base64("ed25519_seed", 32)
        secret, trail_id = members.base64("root_secret", 32), members.uuid("trail_id")
        members.end()
        return cls(secret, trail_id)

    @property
    def _salt(self) -> bytes:
        return uuid.UUID(self.trail_id).bytes

    def owner_key(self) -> bytes:
        """The owner's HMAC key."""
        return hkdf(self.secret, self._salt, b"sealtrail owner hmac v1")

    def writer_chain(self, writer: str, epoch: int) -> Chain:
        """The keys of a writer that was authorised at `epoch`."""
        info = b"sealtrail writer hmac v1\n" + writer.encode() + epoch.to_bytes(8, "big")
        return Chain(epoch, hkdf(self.secret, self._salt, info))


def epoch_seal(key: bytes, before: bytes, epoch: int, batch_roots: list[bytes]) -> bytes:
    """s(e), which folds s(e-1) and the batches of the epoch in ledger order."""
    digest = sha256(b"".join(batch_roots)).digest()
    count = len(batch_roots).to_bytes(8, "big")
    numbers = epoch.to_bytes(8, "big") + count
    return mac(key, b"sealtrail epoch seal v1\n" + before + numbers + digest)
