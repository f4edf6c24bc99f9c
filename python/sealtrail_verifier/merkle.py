"""Leaves and trees (FORMAT section 3, RFC 6962)."""

from collections.abc import Iterable
from hashlib import sha256

RUN = 256
"""So many leaves are below one hash of a batch's `tree`."""


def entry_leaf(data: bytes) -> bytes:
    """The RFC 6962 leaf of plain data: ledger entries and batch lists."""
    return sha256(b"\x00" + data).digest()


def record_leaf(batch_salt: bytes, position: int, record: bytes) -> bytes:
    """The salted leaf of a record at a position in its batch."""
    salt = sha256(batch_salt + position.to_bytes(8, "big")).digest()[:16]
    return sha256(b"\x00" + salt + record).digest()


class Tree:
    """An RFC 6962 tree that grows by leaves.

    It keeps the roots of the perfect subtrees that the leaves so far fall
    into: one for each one bit of `size`, largest first.
    """

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        """Begins with these leaf hashes."""
        self.size = 0
        self._subtrees: list[bytes] = []
        for leaf in leaves:
            self.add(leaf)

    def add(self, leaf: bytes) -> None:
        """Adds a leaf hash at the right."""
        node, size = leaf, self.size
        while size & 1:
            node = _node(self._subtrees.pop(), node)
            size >>= 1
        self._subtrees.append(node)
        self.size += 1

    def root(self) -> bytes:
        """The root over the leaves so far; of none it is SHA-256 of nothing."""
        if not self._subtrees:
            return sha256(b"").digest()
        node = self._subtrees[-1]
        for left in reversed(self._subtrees[:-1]):
            node = _node(left, node)
        return node


def root(leaves: Iterable[bytes]) -> bytes:
    """The root over leaf hashes."""
    return Tree(leaves).root()


def runs(leaves: list[bytes]) -> list[bytes]:
    """The hashes of each run of 256 leaves; the tree over them has the same root."""
    return [root(leaves[i : i + RUN]) for i in range(0, len(leaves), RUN)]


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()
