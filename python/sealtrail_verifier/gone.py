"""The sidecar of a segment, which tells of rows that were removed (FORMAT section 5)."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sealtrail_verifier.forms import FormatError
from sealtrail_verifier.metadata import Batch

_MAGIC: Final = b"SEALGON1"
_COUNT: Final = struct.Struct(">I")
_ITEM: Final = struct.Struct(">HII")


@dataclass(frozen=True)
class Gone:
    """What is known of the rows of one batch.

    Attributes:
        removed: For each position, whether its record was removed.
        leaves: The leaves of the removed records, by position.
        salts: The salts of the others, by position.
    """

    removed: list[bool]
    leaves: list[bytes]
    salts: list[bytes]

    def all_leaves(self, left: Sequence[bytes]) -> list[bytes]:
        """The leaves of the whole batch, given those of the records that are left."""
        gone, there = iter(self.leaves), iter(left)
        return [next(gone if removed else there) for removed in self.removed]


def read(data: bytes, batches: Sequence[Batch]) -> dict[int, Gone]:
    """Reads a sidecar: what it says of each batch, by ordinal.

    Raises:
        FormatError: It is not of its form, or not that of these batches.
    """
    reader = _Reader(data)
    if reader.take(len(_MAGIC)) != _MAGIC:
        raise FormatError("sidecar", "it does not begin as a sidecar")
    (count,) = _COUNT.unpack(reader.take(_COUNT.size))
    incomplete = [ordinal for ordinal, batch in enumerate(batches) if batch.gone]
    if count != len(incomplete):
        raise FormatError("sidecar", f"it is of {count} batches, not {len(incomplete)}")
    found = {ordinal: _item(reader, ordinal, batches[ordinal]) for ordinal in incomplete}
    if reader.left:
        raise FormatError("sidecar", f"{reader.left} bytes follow its end")
    return found


def _item(reader: "_Reader", ordinal: int, batch: Batch) -> Gone:
    said = _ITEM.unpack(reader.take(_ITEM.size))
    if said != (ordinal, batch.rows, batch.gone):
        raise FormatError("sidecar", f"it does not go on with batch {ordinal} as it is listed")
    bitmap = reader.take(-(-batch.rows // 8))
    bits = [bool(byte >> bit & 1) for byte in bitmap for bit in range(8)]
    removed = bits[: batch.rows]
    if any(bits[batch.rows :]) or sum(removed) != batch.gone:
        raise FormatError("sidecar", f"the bitmap of batch {ordinal} is not of its records")
    return Gone(removed, reader.items(32, batch.gone), reader.items(16, batch.left))


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, size: int) -> bytes:
        if size > self.left:
            raise FormatError("sidecar", "it ends too early")
        self._at += size
        return self._data[self._at - size : self._at]

    def items(self, size: int, count: int) -> list[bytes]:
        data = self.take(size * count)
        return [data[i : i + size] for i in range(0, len(data), size)]
