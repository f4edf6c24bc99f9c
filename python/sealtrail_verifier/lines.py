"""Segments as compressed JSON lines: the head and the records (FORMAT section 5)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from sealtrail_verifier import jcs
from sealtrail_verifier.forms import FormatError, Members

MAX_HEAD: Final = 1 << 29
MAX_RECORD: Final = 1 << 28
_CHUNK: Final = 1 << 20


@dataclass(frozen=True)
class Head:
    """The first line: `description` is canonical, `ordinals` is None if there is one batch."""

    description: bytes
    ordinals: list[int] | None
    seal: bytes


def split(data: bytes) -> Iterator[bytes]:
    """Yields the lines of an object without their ends.

    Raises:
        FormatError: It is not compressed, or a line is too long or has no end.
    """
    left, most = b"", MAX_HEAD
    with pa.input_stream(pa.BufferReader(data), compression="zstd") as stream:
        while chunk := stream.read(_CHUNK):
            *whole, left = (left + chunk).split(b"\n")
            for line in whole:
                if len(line) > most:
                    raise FormatError("lines", "a line is too long")
                yield line
                most = MAX_RECORD
            if len(left) > most:
                raise FormatError("lines", "a line is too long")
    if left:
        raise FormatError("lines", "the last line has no end")


def read_head(line: bytes) -> Head:
    """Reads the first line.

    Raises:
        FormatError: It is not of its form.
    """
    value: Any = jcs.decode(line)
    members = Members(value, "head")
    if members.integer("v") != 1:
        raise FormatError("version", "this verifier knows version 1 only")
    members.inner("description")
    head = Head(
        description=jcs.encode(value["description"]),
        ordinals=_ordinals(members) if members.has("ordinals") else None,
        seal=members.hex("seal", 32),
    )
    members.end()
    return head


def _ordinals(members: Members) -> list[int]:
    data = members.base64("ordinals")
    if len(data) % 2:
        raise FormatError("lines", "ordinals are not numbers of 2 bytes")
    return [int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2)]
