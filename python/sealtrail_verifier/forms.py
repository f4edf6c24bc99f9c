"""Strict reading of JSON objects: no unknown member, no wrong type, no second spelling."""

import base64
import binascii
import re
import uuid
from typing import Final

HEX: Final = re.compile(r"(?:[0-9a-f]{2})*", re.ASCII)
MAX_INTEGER: Final = 2**53 - 1


class FormatError(ValueError):
    """Something in the trail is not as FORMAT.md demands.

    Attributes:
        kind: A short name of the check that failed.
        problem: What is wrong, for a person to read.
    """

    def __init__(self, kind: str, problem: str) -> None:
        """Says what is wrong."""
        super().__init__(f"{kind}: {problem}")
        self.kind = kind
        self.problem = problem


def unhex(text: str, size: int | None = None) -> bytes:
    """Decodes lower-case hex of `size` bytes."""
    if not HEX.fullmatch(text):
        raise FormatError("form", f"{text[:80]!r} is not lower-case hex")
    data = bytes.fromhex(text)
    if size is not None and len(data) != size:
        raise FormatError("form", f"{text[:80]!r} is not {size} bytes of hex")
    return data


def unbase64(text: str, size: int | None = None) -> bytes:
    """Decodes padded base64 of `size` bytes; each value has one spelling only."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise FormatError("form", f"{text[:80]!r} is not base64") from error
    # Unused bits of the last character must be zero, else bytes could change unseen.
    if base64.b64encode(data).decode() != text:
        raise FormatError("form", f"{text[:80]!r} is not canonical base64")
    if size is not None and len(data) != size:
        raise FormatError("form", f"{text[:80]!r} is not base64 of {size} bytes")
    return data


class Members:
    """Reads the members of one object; `end` refuses those that nobody asked for."""

    def __init__(self, value: object, where: str) -> None:
        """Begins to read an object, which findings call `where`."""
        if not isinstance(value, dict):
            raise FormatError("form", f"{where} is not an object")
        self._left: dict[str, object] = dict(value)
        self._where = where

    def has(self, name: str) -> bool:
        """Tells whether the member is there and was not taken yet."""
        return name in self._left

    def take(self, name: str) -> object:
        """Takes a member of any type."""
        if name not in self._left:
            raise FormatError("form", f"{self._where} has no member {name!r}")
        return self._left.pop(name)

    def text(self, name: str, pattern: re.Pattern[str] | None = None) -> str:
        """Takes a string, which the whole of `pattern` must match."""
        value = self.take(name)
        if not isinstance(value, str) or (pattern and not pattern.fullmatch(value)):
            raise self._wrong(name, value)
        return value

    def integer(self, name: str, low: int = 0) -> int:
        """Takes an integer from `low` to 2^53-1."""
        value = self.take(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._wrong(name, value)
        if not low <= value <= MAX_INTEGER:
            raise self._wrong(name, value)
        return value

    def hex(self, name: str, size: int) -> bytes:
        """Takes `size` bytes that are written as lower-case hex."""
        return unhex(self.text(name), size)

    def base64(self, name: str, size: int | None = None) -> bytes:
        """Takes bytes that are written as base64."""
        return unbase64(self.text(name), size)

    def uuid(self, name: str) -> str:
        """Takes a UUID in lower-case hex with hyphens."""
        text = self.text(name)
        if not is_uuid(text):
            raise self._wrong(name, text)
        return text

    def items(self, name: str) -> list[object]:
        """Takes an array."""
        value = self.take(name)
        if not isinstance(value, list):
            raise self._wrong(name, value)
        return value

    def texts(self, name: str) -> list[str]:
        """Takes an array of strings."""
        value = self.items(name)
        texts = [item for item in value if isinstance(item, str)]
        if len(texts) < len(value):
            raise self._wrong(name, value)
        return texts

    def inner(self, name: str) -> "Members":
        """Takes an object, to be read strictly in its turn."""
        return Members(self.take(name), f"{self._where}.{name}")

    def end(self) -> None:
        """Refuses members that were not taken."""
        if self._left:
            names = ", ".join(repr(name)[:80] for name in sorted(self._left))
            raise FormatError("form", f"{self._where} has unknown members: {names}")

    def _wrong(self, name: str, value: object) -> FormatError:
        return FormatError(
            "form", f"{self._where}.{name} is {value!r:.80}, which is not of its form"
        )


def is_uuid(text: str) -> bool:
    """Tells whether `text` is a UUID in its one canonical spelling."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False
