"""Encrypted segments and the keyring that opens them (FORMAT section 18)."""

import base64
import binascii
import hmac
import json
import re
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from sealtrail_verifier import jcs
from sealtrail_verifier.folder import Folder
from sealtrail_verifier.forms import FormatError, Members

_NAME: Final = re.compile(r"keyring/([0-9]{8,})-([0-9]{8,})\.json")
_MAGIC: Final = b"PARE"
_SALT: Final = 32
_COMMITMENT: Final = 32
_WRAPPED: Final = _SALT + _COMMITMENT + 32 + 16


class LockedError(Exception):
    """What is encrypted cannot be read, because its key is not at hand."""


@dataclass(frozen=True)
class MasterKey:
    """A master key whose 32 bytes are at hand."""

    secret: bytes = field(repr=False)

    @classmethod
    def parse(cls, data: bytes) -> "MasterKey":
        """Takes 32 bytes as they are, or in base64.

        Raises:
            FormatError: They are neither.
        """
        if len(data) != 32:
            try:
                data = base64.b64decode(data.strip(), validate=True)
            except binascii.Error:
                data = b""
        if len(data) != 32:
            raise FormatError("key", "a master key is 32 bytes, or these in base64")
        return cls(data)

    @property
    def name(self) -> str:
        """What wrapped keys call it."""
        return f"local:{_mac(self.secret, b'sealtrail master key id v1')[:8].hex()}"


class Keyring:
    """The generations of a trail, as far as the master key opens them."""

    def __init__(self, folder: Folder, trail: str, master: MasterKey | None) -> None:
        """Prepares to read the keyring of a trail; without a master key nothing opens."""
        self._folder = folder
        self._trail = trail
        self._master = master
        self._known: dict[str, bytes] = {}

    def decryption(self, data: bytes, segment: str, generation: str) -> Any:
        """What pyarrow decrypts the segment with.

        Args:
            data: The segment's bytes.
            segment: Its id.
            generation: The generation that the ledger names.

        Raises:
            LockedError: Its key is not at hand.
            FormatError: The segment or the keyring is not of its form.
        """
        wrapped = jcs.decode(_key_metadata(data))
        members = Members(wrapped, "generation")
        if members.integer("v") != 1 or members.text("generation") != generation:
            raise FormatError("generation", "its key is not of the generation the ledger names")
        sealed = members.base64("sealed", _WRAPPED)
        members.end()
        context = f"sealtrail file key v1\n{self._trail}\n{segment}".encode()
        key = _unwrap(self._generation(generation), b"sealtrail file key v1", sealed, context)
        if key is None:
            raise FormatError("generation", "its wrapped key was changed, or is another file's")
        from pyarrow.parquet import encryption  # noqa: PLC0415 - not in every build

        prefix = f"sealtrail segment v1\n{self._trail}\n{segment}".encode()
        return encryption.create_decryption_properties(key, aad_prefix=prefix)

    def _generation(self, name: str) -> bytes:
        if name not in self._known:
            self._known[name] = self._open(name)
        return self._known[name]

    def _open(self, name: str) -> bytes:
        names = []
        for path in sorted(filter(is_name, self._folder.files()), reverse=True):
            said = self._read(path)
            if said["generation"] != name:
                continue
            key, sealed = said["wrapped"]["key"], said["wrapped"]["sealed"]
            names.append(key)
            if self._master is None or key != self._master.name:
                continue
            context = f"generation {name} of trail {self._trail}".encode()
            wrapped = base64.b64decode(sealed)
            secret = _unwrap(self._master.secret, b"sealtrail master wrap v1", wrapped, context)
            if secret is None or _id(secret) != name.partition("-")[2]:
                raise FormatError("keyring", f"{path} does not hold the key that it names")
            return secret
        wanted = " or ".join(names) or "one that is nowhere: it is not in the keyring"
        raise LockedError(f"the generation {name} needs the master key {wanted}")

    def _read(self, path: str) -> Any:
        value = json.loads(self._folder.read(path) or b"null")
        fits = isinstance(value, dict) and value.keys() == {
            "generation",
            "made",
            "trail",
            "v",
            "wrapped",
        }
        if not fits or value["v"] != 1 or value["trail"] != self._trail:
            raise FormatError("keyring", f"{path} is no generation of this trail")
        return value


def is_name(path: str) -> bool:
    """Whether an object with this path is one of a keyring."""
    return _NAME.fullmatch(path) is not None


def is_encrypted(data: bytes) -> bool:
    """Whether these are the bytes of an encrypted Parquet file."""
    return data.endswith(_MAGIC)


def _key_metadata(data: bytes) -> bytes:
    """The wrapped key, which stands before the encrypted footer."""
    length = int.from_bytes(data[-8:-4], "little")
    footer = data[-8 - length : -8] if length + 8 <= len(data) else b""
    start = footer.find(b'{"generation":')
    end = footer.find(b"}", start)
    if start < 0 or end < 0:
        raise FormatError("generation", "it has no wrapped key")
    return footer[start : end + 1]


def _mac(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, sha256).digest()


def _id(secret: bytes) -> str:
    return _mac(secret, b"sealtrail generation id v1")[:8].hex()


def _unwrap(outer: bytes, info: bytes, wrapped: bytes, context: bytes) -> bytes | None:
    """The key of 32 bytes that was wrapped under another; None if it was changed."""
    try:
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - only needed here
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415
    except ImportError:
        raise LockedError("decrypting needs the package `cryptography`") from None
    if len(wrapped) != _WRAPPED:
        return None
    salt, commitment = wrapped[:_SALT], wrapped[_SALT : _SALT + _COMMITMENT]
    prk = _mac(salt, outer)
    first = _mac(prk, info + b"\1")
    second = _mac(prk, first + info + b"\2")
    if not hmac.compare_digest(second, commitment):
        return None
    try:
        return AESGCM(first).decrypt(bytes(12), wrapped[_SALT + _COMMITMENT :], context)
    except InvalidTag:
        return None


def read_master(path: str) -> MasterKey:
    """Reads the file of a master key.

    Raises:
        FormatError: It holds none.
        OSError: It cannot be read.
    """
    return MasterKey.parse(Path(path).read_bytes())
