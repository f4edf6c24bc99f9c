"""Where the batches of all `append` entries are by now (FORMAT sections 5 and 7)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sealtrail_verifier import merkle
from sealtrail_verifier.adds import Add
from sealtrail_verifier.entries import Append, Entry
from sealtrail_verifier.folder import slot
from sealtrail_verifier.history import History
from sealtrail_verifier.life import Life, named
from sealtrail_verifier.lifecycle import GoneBatch, Place
from sealtrail_verifier.report import Finding, Report, ranges
from sealtrail_verifier.segment import Seen

MAX_BATCHES: Final = 65_536
"""No segment has more: `_batch` is a 16-bit number."""


@dataclass(frozen=True)
class _Found:
    """A batch in a live segment; `seen` is None if that could not be read."""

    path: str
    seen: Seen | None
    sound: bool = False


@dataclass
class _Lost:
    """What tombstones together say of a batch: how many records it lost, first and last told."""

    first: GoneBatch
    gone: int = 0


@dataclass(frozen=True)
class Known:
    """What is known of the batches of an `append` entry.

    Attributes:
        roots: Their roots in order; None if not all are known.
        recorded: The range of `recorded_at` of what is left; None if not all of that was read.
        whole: Whether no record was deleted.
    """

    roots: list[bytes] | None
    recorded: tuple[int, int] | None
    whole: bool


class Batches:
    """The batches of live segments, by where they were introduced."""

    def __init__(self, past: History, report: Report) -> None:
        """Begins with what the ledger says; what is wrong goes to the report."""
        self._report = report
        self._appends: dict[int, list[Add]] = {
            entry.n: entry.says.adds for entry, _ in past.valid if isinstance(entry.says, Append)
        }
        self._found: dict[Place, _Found] = {}
        self._lost: dict[Place, _Lost] = {}
        self._unknown = 0
        self._life = past.ledger.life if past.ledger else Life()

    def unread(self, entry: Entry, add: Add) -> None:
        """Notes a live segment that could not be read."""
        if not isinstance(entry.says, Append):
            self._unknown += 1
            return
        segment = entry.adds.index(add)
        for index in range(min(add.batches, MAX_BATCHES)):
            self._found[entry.n, segment, index] = _Found(add.path, None)

    def take(self, entry: Entry, add: Add, seen: list[Seen], *, sound: bool) -> None:
        """Notes the batches of a live segment."""
        for index, one in enumerate(seen):
            if isinstance(entry.says, Append):
                place = entry.n, entry.adds.index(add), index
            elif one.batch.origin is None or not self._leads(entry, add, one):
                self._unknown += 1
                continue
            else:
                place = one.batch.origin.place
            before = self._found.get(place)
            if before is not None:
                problem = f"it is {named(place)}, which {before.path} holds as well"
                self._wrong("batch-twice", add.path, problem, one.batch.id)
                continue
            self._found[place] = _Found(add.path, one, sound)

    def _leads(self, entry: Entry, add: Add, seen: Seen) -> bool:
        """Whether a moved batch comes from where it says."""
        batch, origin = seen.batch, seen.batch.origin
        if origin is None:
            return False
        (number, segment, index), adds = origin.place, []
        if number < entry.n:
            adds = self._appends.get(number, [])
        if segment >= len(adds):
            problem = f"no earlier entry has {named(origin.place)}"
            self._wrong("origin", add.path, problem, batch.id)
            return False
        first = adds[segment]
        leaf = merkle.entry_leaf(batch.listed)
        problem = ""
        if merkle.path_root(leaf, index, first.batches, origin.path) != first.root:
            problem = f"its path does not lead to the root that entry {number} signed"
        elif batch.id != f"{first.segment}:{index}":
            problem = f"its id is not that of {named(origin.place)}"
        elif add.partition != first.partition:
            problem = "it comes from another partition"
        if problem:
            self._wrong("origin", add.path, problem, batch.id)
        return not problem

    def _wrong(self, kind: str, path: str, problem: str, batch: str | None = None) -> None:
        self._report.findings.append(Finding("TAMPERED", kind, path, problem, batch))

    def check(self) -> None:
        """Checks that each batch is in one live segment, but for what tombstones say."""
        for n, batches in self._life.tombstones:
            for batch in batches:
                self._check_tombstone(n, batch)
        for place, lost in self._lost.items():
            self._check_lost(place, lost)
        for place, found in self._found.items():
            if found.seen and found.seen.batch.gone and place not in self._lost:
                problem = f"{named(place)} lost records, and no tombstone says so"
                self._wrong("gone", found.path, problem, found.seen.batch.id)
        if self._unknown:
            self._report.not_checked.append(
                "whether every batch is in a live segment: not all of these could be read"
            )
        for n, adds in self._appends.items():
            for segment, add in enumerate(adds):
                self._check_add(n, segment, add)

    def _check_tombstone(self, n: int, said: GoneBatch) -> None:
        """Checks what one tombstone says against the entry that introduced the batch."""
        entry, segment, index = said.place
        adds = self._appends.get(entry, [])
        add = adds[segment] if segment < len(adds) else None
        if add is None or index >= add.batches:
            problem = f"no `append` entry has {named(said.place)}, which it deletes from"
            self._wrong("tombstone", slot(n), problem)
            return
        if not add.low <= said.low <= said.high <= add.high:
            problem = f"{named(said.place)} has no records of the times that it says"
            self._wrong("tombstone", slot(n), problem)
        lost = self._lost.setdefault(said.place, _Lost(said))
        if (lost.first.root, lost.first.rows) != (said.root, said.rows):
            problem = f"of {named(said.place)} an earlier tombstone says something else"
            self._wrong("tombstone", slot(n), problem)
        lost.gone += said.gone
        if lost.gone > said.rows:
            problem = f"{named(said.place)} loses more records than it had"
            self._wrong("tombstone", slot(n), problem)

    def _check_lost(self, place: Place, lost: _Lost) -> None:
        """Checks what tombstones say of a batch against what is left of it."""
        found = self._found.get(place)
        if found is None or found.seen is None:
            return
        batch = found.seen.batch
        if (batch.root, batch.rows) != (lost.first.root, lost.first.rows):
            problem = f"a tombstone says something else of root or rows of {named(place)}"
            self._wrong("tombstone", found.path, problem, batch.id)
        if batch.gone != lost.gone:
            problem = f"{named(place)} lost {batch.gone} records here, {lost.gone} by tombstones"
            self._wrong("gone", found.path, problem, batch.id)

    def _check_add(self, n: int, segment: int, add: Add) -> None:
        if add.batches > MAX_BATCHES:
            self._wrong("batches", add.path, "no segment has so many batches")
            return
        places = [(n, segment, index) for index in range(add.batches)]
        absent = [
            place[2] for place in places if place not in self._found and not self._is_deleted(place)
        ]
        if absent and not self._unknown:
            told = ", ".join(f"{a}-{b}" if b > a else str(a) for a, b in ranges(absent))
            problem = (
                f"batches {told} of segment {segment} of entry {n} are in no live segment, "
                "and no tombstone accounts for all of their records"
            )
            self._report.missing("batch", add.path, problem)
        if not absent:
            self._check_rows(add, places)

    def _check_rows(self, add: Add, places: list[Place]) -> None:
        rows = [self._rows(place) for place in places]
        known = [count for count in rows if count is not None]
        if len(known) == len(rows) and sum(known) != add.rows:
            problem = f"its batches had {sum(known)} records, not {add.rows}"
            self._wrong("rows", add.path, problem)

    def _rows(self, place: Place) -> int | None:
        found = self._found.get(place)
        if found is None:
            return self._lost[place].first.rows
        return found.seen.batch.rows if found.seen else None

    def _is_deleted(self, place: Place) -> bool:
        lost = self._lost.get(place)
        return lost is not None and lost.gone >= lost.first.rows

    def of(self, entry: Entry) -> Known:
        """What is known of the batches that an `append` entry introduced."""
        places = list(self._places(entry))
        roots = [self._root(place) for place in places]
        complete = [root for root in roots if root is not None]
        left = [self._found[place] for place in places if place in self._found]
        spans = [found.seen.recorded for found in left if found.sound and found.seen]
        known = [span for span in spans if span is not None]
        recorded = None
        if known and len(known) == len(left) and len(complete) == len(roots):
            recorded = min(low for low, _ in known), max(high for _, high in known)
        return Known(
            roots=complete if len(complete) == len(roots) else None,
            recorded=recorded,
            whole=not any(place in self._lost for place in places),
        )

    def _places(self, entry: Entry) -> Iterator[Place]:
        for segment, add in enumerate(self._appends.get(entry.n, [])):
            for index in range(min(add.batches, MAX_BATCHES)):
                yield entry.n, segment, index

    def _root(self, place: Place) -> bytes | None:
        """The root of a batch; of one that is deleted, that which its tombstone tells."""
        found = self._found.get(place)
        if found is not None:
            return found.seen.batch.root if found.seen and found.sound else None
        return self._lost[place].first.root if self._is_deleted(place) else None
