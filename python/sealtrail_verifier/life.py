"""What entries made of records after they were written (FORMAT section 7)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sealtrail_verifier.adds import Add, Orphan
from sealtrail_verifier.entries import Append, Entry
from sealtrail_verifier.forms import FormatError
from sealtrail_verifier.lifecycle import (
    Compact,
    Condemn,
    Delete,
    Erase,
    Erased,
    Forget,
    GoneBatch,
    Hold,
    Policy,
    Release,
    Sweep,
)
from sealtrail_verifier.trailfile import Trail


@dataclass(frozen=True)
class Live:
    """A live segment and the number of the entry that added it."""

    add: Add
    entry: int


@dataclass(frozen=True)
class Removed:
    """A removed segment and the number of the entry that removed it."""

    live: Live
    entry: int


@dataclass
class Erasure:
    """What an `erase` entry says, as canonical JSON, and the holders that confirmed it."""

    subject: str
    item: bytes
    holders: list[str] = field(default_factory=list)


@dataclass
class Life:
    """Which segments are live, and what else the entries so far say of records' lives.

    Attributes:
        live: Live segments by path, in the order of their entries and `adds`.
        retired: Removed segments that no `sweep` entry names, by path.
        condemned: What no entry can add any more, by path, each with the entry that says so.
        removed: All removed segments, in the order of the entries that removed
            them; those of one entry in the order that they had in `live`.
        policy: Number of the entry and the policy in force, as canonical JSON.
        holds: Number of the entry and what it says, by the active hold's id.
        erasures: By the number of the `erase` entry, in their order.
        forgotten: Number of the entry and what it says, by the name of a copy that is given up.
        tombstones: Numbers of `delete` entries, each with what its tombstone says of batches.
    """

    live: dict[str, Live] = field(default_factory=dict)
    retired: dict[str, Removed] = field(default_factory=dict)
    condemned: dict[str, tuple[int, Orphan]] = field(default_factory=dict)
    removed: list[Removed] = field(default_factory=list)
    policy: tuple[int, bytes] | None = None
    holds: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    erasures: dict[int, Erasure] = field(default_factory=dict)
    forgotten: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    tombstones: list[tuple[int, list[GoneBatch]]] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """How many records are in live segments."""
        return sum(live.add.rows for live in self.live.values())

    @property
    def deleted(self) -> int:
        """How many records were deleted."""
        return sum(batch.gone for _, batches in self.tombstones for batch in batches)

    def check(self, entry: Entry, trail: Trail) -> None:
        """Checks what an entry says of segments, holds, policies and erasures.

        Raises:
            FormatError: A precondition of its kind does not hold.
        """
        says = entry.says
        if isinstance(says, Append):
            self._check_adds(says.adds, trail)
        elif isinstance(says, Compact):
            self._check_compact(says, trail)
        elif isinstance(says, Delete):
            self._check_delete(entry.n, says, trail)
        elif isinstance(says, Sweep | Condemn):
            self._check_files(says, trail)
        else:
            self._check_words(entry)

    def _check_words(self, entry: Entry) -> None:
        """Checks what is said of holds, erasures and copies."""
        says = entry.says
        if isinstance(says, Hold) and says.id in self.holds:
            raise FormatError("hold", f"a hold {says.id[:80]!r} is active already")
        if isinstance(says, Release) and says.id not in self.holds:
            raise FormatError("hold", f"no hold {says.id[:80]!r} is active")
        if isinstance(says, Forget) and says.holder in self.forgotten:
            raise FormatError("forget", f"{says.holder} is forgotten already")
        if isinstance(says, Erased):
            erasure = self.erasures.get(says.entry)
            if erasure is None:
                raise FormatError("erase", f"entry {says.entry} erases nobody")
            if says.holder in erasure.holders:
                raise FormatError("erase", f"{says.holder[:80]!r} confirmed that already")

    def take(self, entry: Entry) -> None:
        """Takes over a valid entry."""
        says, n = entry.says, entry.n
        if isinstance(says, Compact | Delete):
            self._retire(n, set(says.removes))
        self.live.update({add.path: Live(add, n) for add in entry.adds})
        if isinstance(says, Delete):
            self.tombstones.append((n, says.batches))
        elif isinstance(says, Sweep | Condemn):
            self._take_files(n, says)
        else:
            self._take_words(entry)

    def _take_words(self, entry: Entry) -> None:
        says, n = entry.says, entry.n
        if isinstance(says, Policy):
            self.policy = n, says.policy
        elif isinstance(says, Hold):
            self.holds[says.id] = n, says.item
        elif isinstance(says, Release):
            del self.holds[says.id]
        elif isinstance(says, Erase):
            self.erasures[n] = Erasure(says.subject, says.item)
        elif isinstance(says, Erased):
            self.erasures[says.entry].holders.append(says.holder)
        elif isinstance(says, Forget):
            self.forgotten[says.holder] = n, says.item

    def _retire(self, n: int, paths: set[str]) -> None:
        for path in [path for path in self.live if path in paths]:
            removed = Removed(self.live.pop(path), n)
            self.removed.append(removed)
            self.retired[path] = removed

    def _check_adds(self, adds: Sequence[Add], trail: Trail) -> None:
        paths = {add.path for add in adds}
        if len(paths) < len(adds) or any(self._is_taken(path) for path in paths):
            raise FormatError("adds", "a segment is added twice")
        for add in adds:
            in_trail = add.partitioning == trail.partitioning
            if not in_trail or not trail.period.fullmatch(add.period):
                raise FormatError("adds", f"{add.path} is not in a partition of this trail")
            if add.low > add.high:
                raise FormatError("adds", f"the times of {add.path} contradict themselves")

    def _is_taken(self, path: str) -> bool:
        return path in self.live or path in self.retired or path in self.condemned

    def _take_files(self, n: int, says: Sweep | Condemn) -> None:
        if isinstance(says, Condemn):
            self.condemned.update({orphan.path: (n, orphan) for orphan in says.condemned})
            return
        for path in says.swept:
            del self.retired[path]

    def _check_files(self, says: Sweep | Condemn, trail: Trail) -> None:
        if isinstance(says, Sweep):
            if not self.retired.keys() >= set(says.swept):
                raise FormatError("sweep", "it sweeps files that are not of retired segments")
            return
        for orphan in says.condemned:
            in_trail = orphan.partitioning == trail.partitioning
            if not in_trail or not trail.period.fullmatch(orphan.period):
                raise FormatError("condemn", f"{orphan.path} is not in a partition of this trail")
            if self._is_taken(orphan.path):
                raise FormatError("condemn", f"{orphan.path} is taken, or condemned already")

    def _removes(self, paths: Iterable[str]) -> list[Add]:
        """The live segments at these paths."""
        for path in paths:
            if path not in self.live:
                raise FormatError("removes", f"no live segment is at {path[:200]!r}")
        return [self.live[path].add for path in paths]

    def _check_moved(self, removes: Sequence[Add], adds: Sequence[Add], trail: Trail) -> None:
        self._check_adds(adds, trail)
        if not {add.partition for add in adds} <= {add.partition for add in removes}:
            raise FormatError("adds", "it adds segments of other partitions than it removes")

    def _check_compact(self, says: Compact, trail: Trail) -> None:
        removes = self._removes(says.removes)
        self._check_moved(removes, says.adds, trail)
        if len({add.partition for add in removes}) > 1:
            raise FormatError("removes", "it removes segments of several partitions")
        if not says.adds or _figures(says.adds) != _figures(removes):
            raise FormatError("rows", "rows, batches or times are not those of what it removes")

    def _check_delete(self, n: int, says: Delete, trail: Trail) -> None:
        removes = self._removes(says.removes)
        self._check_moved(removes, says.adds, trail)
        if says.holds != sorted(self.holds, key=str.encode):
            raise FormatError("hold", "the holds that it names are not the active ones")
        if says.policy is not None and (self.policy is None or self.policy[0] != says.policy):
            raise FormatError("policy", f"the policy of entry {says.policy} is not in force")
        if not says.batches or len({batch.place for batch in says.batches}) < len(says.batches):
            raise FormatError("tombstone", "it names no batch, or one twice")
        for batch in says.batches:
            if batch.place[0] >= n or batch.gone > batch.rows or batch.low > batch.high:
                raise FormatError("tombstone", f"what it says of {named(batch.place)} cannot be")
        if sum(add.rows for add in removes) != sum(add.rows for add in says.adds) + says.gone:
            raise FormatError("rows", "what it keeps and deletes is not what it removes")


def named(place: tuple[int, int, int]) -> str:
    """A batch, for a person to read."""
    entry, add, index = place
    return f"batch {index} of segment {add} of entry {entry}"


def _figures(adds: Sequence[Add]) -> tuple[int, int, int, int]:
    return (
        sum(add.rows for add in adds),
        sum(add.batches for add in adds),
        min(add.low for add in adds),
        max(add.high for add in adds),
    )
