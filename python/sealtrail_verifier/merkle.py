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
    return salted_leaf(sha256(batch_salt + position.to_bytes(8, "big")).digest()[:16], record)


def salted_leaf(salt: bytes, record: bytes) -> bytes:
    """The leaf of a record with its salt."""
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


def path_root(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes | None:
    """The root to which an audit path leads (RFC 6962, section 2.1.1); None if it is not one."""
    if not 0 <= index < size:
        return None
    if size == 1:
        return None if path else leaf
    if not path:
        return None
    split = _split(size)
    if index < split:
        left = path_root(leaf, index, split, path[:-1])
        return left and _node(left, path[-1])
    right = path_root(leaf, index - split, size - split, path[:-1])
    return right and _node(path[-1], right)


def root_before(index: int, size: int, path: list[bytes]) -> bytes:
    """The root over the leaves before `index`, from the audit path that leads from it."""
    lefts = []
    for sibling in reversed(path):
        split = _split(size)
        if index < split:
            size = split
        else:
            lefts.append(sibling)
            index, size = index - split, size - split
    if not lefts:
        return root([])
    node = lefts.pop()
    while lefts:
        node = _node(lefts.pop(), node)
    return node


def extends(old: tuple[int, bytes], new: tuple[int, bytes], path: list[bytes]) -> bool:
    """Tells whether the tree `new` (size and root) begins with `old` (RFC 6962, section 2.1.2)."""
    (size, first), (whole, last) = old, new
    if size == 0:
        return not path and first == root([])
    if size > whole:
        return False
    return _subproof(size, whole, path, first) == (first, last)


def _subproof(
    size: int, whole: int, path: list[bytes], known: bytes | None
) -> tuple[bytes, bytes] | None:
    """Both roots; `known` is the old one as long as the old tree is a left part."""
    if size == whole:
        if known is not None:
            return None if path else (known, known)
        return (path[0], path[0]) if len(path) == 1 else None
    if not path:
        return None
    split, sibling = _split(whole), path[-1]
    if size <= split:
        below = _subproof(size, split, path[:-1], known)
        return below and (below[0], _node(below[1], sibling))
    below = _subproof(size - split, whole - split, path[:-1], None)
    return below and (_node(sibling, below[0]), _node(sibling, below[1]))


def _split(size: int) -> int:
    """The largest power of two below a size of 2 or more."""
    return 1 << (size - 1).bit_length() - 1


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()
