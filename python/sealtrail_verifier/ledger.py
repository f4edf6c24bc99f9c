"""The ledger: which entries are valid, and what belongs to the trail (FORMAT section 7)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sealtrail_verifier import note
from sealtrail_verifier.columns import Column, by_name, unnameable
from sealtrail_verifier.entries import (
    OWNER,
    Add,
    Append,
    Authorization,
    Authorize,
    End,
    Entry,
    Init,
)
from sealtrail_verifier.forms import FormatError
from sealtrail_verifier.note import Checkpoint, VerifierKey
from sealtrail_verifier.trailfile import Trail


@dataclass
class Writer:
    """What the valid entries so far say about one writer.

    `entry` is the one that authorised it, `revoked` the one that revoked it; `ended`
    says whether its last run is closed.
    """

    authorized: Authorization
    entry: int = 0
    revoked: int | None = None
    committed: int = 0
    recorded_to: int = 0
    ended: bool = False
    epoch: int = 0
    closed: int = -1
    hmac_keys: dict[int, str] = field(default_factory=dict)
    batches: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Newest:
    """The newest snapshot that an entry names; `segments` were live before that entry."""

    entry: int
    size: int
    sha256: bytes
    segments: int


@dataclass
class Ledger:
    """The state after the entries so far.

    `columns` is replaced, never changed, so that each accepted entry keeps the
    names of its time. `segments` holds what the entries say of each segment, `rows`
    the sum of their rows, `time` is that of the newest valid entry, `snapshot` the
    number of the newest that names a full one, or 0, `newest` the newest of any kind.
    """

    trail: Trail
    owner: bytes
    owner_hmac_key: str
    fixed: Mapping[str, Column]
    writers: dict[str, Writer] = field(default_factory=dict)
    columns: dict[str, Column] = field(default_factory=dict)
    paths: set[str] = field(default_factory=set)
    segments: list[bytes] = field(default_factory=list)
    rows: int = 0
    time: str = ""
    snapshot: int = 0
    newest: Newest | None = None

    def public_key(self, signer: str, size: int) -> bytes:
        """The public key of the owner or of a writer that may sign on so many entries."""
        if signer == OWNER:
            return self.owner
        if signer not in self.writers:
            raise FormatError("signer", f"{signer} was not authorised by an earlier entry")
        writer = self.writers[signer]
        if writer.revoked is not None and size > writer.revoked:
            raise FormatError("signer", f"entry {writer.revoked} revoked {signer}")
        return writer.authorized.public

    def accept(self, entry: Entry) -> None:
        """Checks the preconditions of an entry's kind and, if all hold, takes it over.

        Raises:
            FormatError: One does not hold; then nothing has changed.
        """
        if isinstance(entry.says, Init) and entry.n > 0:
            raise FormatError("init", "only entry 0 begins a trail")
        if entry.writer == OWNER:
            self._accept_owner(entry)
        else:
            self._accept_writer(entry)
        self.time = entry.time

    def snapshot_problem(self, entry: Entry) -> str:
        """Why an entry may not name the snapshot that it names; empty if it may."""
        named = entry.snapshot
        if named is None:
            return ""
        last, part = self.snapshot, 16
        if named.rests_on is not None:
            if self.newest is None or self.newest.entry != named.rests_on:
                return "its snapshot does not continue the newest one"
            last, part = named.rests_on, 256
        if entry.n - last < max(1, entry.n // part):
            return f"it names a snapshot too soon after entry {last}"
        if named.authorized != self.writers[entry.writer].entry:
            return f"its writer was not authorised by entry {named.authorized}"
        return ""

    def _accept_owner(self, entry: Entry) -> None:
        if isinstance(entry.says, Append | End):
            raise FormatError("signer", "the owner does not append")
        if entry.epoch != 0:
            raise FormatError("epoch", "the owner's epoch is not 0")
        if entry.hmac_key != self.owner_hmac_key:
            raise FormatError("key", "hmac_key is not the owner's")
        new = {a.writer: Writer(a, entry.n, epoch=a.epoch) for a in entry.says.authorizes}
        twice = len(new) < len(entry.says.authorizes) or new.keys() & self.writers.keys()
        if twice:
            raise FormatError("authorize", "a writer is authorised twice")
        listed = entry.says.revokes if isinstance(entry.says, Authorize) else []
        revokes = [revocation.writer for revocation in listed]
        may_sign = {name for name, writer in self.writers.items() if writer.revoked is None}
        if len(set(revokes)) < len(revokes) or not may_sign.issuperset(revokes):
            raise FormatError("revoke", "a writer is revoked that may not sign")
        if isinstance(entry.says, Authorize) and not new and not revokes:
            raise FormatError("authorize", "it authorises and revokes nobody")
        self.writers.update(new)
        for name in revokes:
            self.writers[name].revoked = entry.n

    def _accept_writer(self, entry: Entry) -> None:
        writer = self.writers[entry.writer]
        _check_epoch(writer, entry)
        problem = self.snapshot_problem(entry)
        if problem:
            raise FormatError("snapshot", problem)
        if isinstance(entry.says, Append):
            columns = self._check_append(writer, entry.epoch, entry.says)
        elif isinstance(entry.says, End):
            columns = self.columns
        else:
            raise FormatError("signer", "only the owner authorises")
        adds = entry.says.adds if isinstance(entry.says, Append) else []
        close = entry.says.close
        self._check_run(writer, entry, sum(add.rows for add in adds))
        batches = writer.batches.get(entry.epoch, 0) + sum(add.batches for add in adds)
        if close and close.epoch != entry.epoch:
            raise FormatError(
                "close", f"an entry of epoch {entry.epoch} closes epoch {close.epoch}"
            )
        if close and close.batches != batches:
            raise FormatError("close", f"the epoch has {batches} batches, not {close.batches}")

        # Nothing can fail any more.
        if entry.snapshot is not None:
            named = entry.snapshot
            self.snapshot = entry.n if named.rests_on is None else self.snapshot
            self.newest = Newest(entry.n, named.size, named.sha256, len(self.segments))
        self.columns = columns
        self.paths.update(add.path for add in adds)
        self.segments += [add.item for add in adds]
        self.rows += sum(add.rows for add in adds)
        writer.epoch = entry.epoch
        writer.hmac_keys[entry.epoch] = entry.hmac_key
        writer.batches[entry.epoch] = batches
        writer.closed = entry.epoch if close else writer.closed
        if isinstance(entry.says, Append):
            writer.committed = entry.says.last
            writer.recorded_to = max(writer.recorded_to, entry.says.recorded[1])
            writer.ended = False
        writer.ended = writer.ended or entry.closed

    def _check_run(self, writer: Writer, entry: Entry, rows: int) -> None:
        names = [log.writer for log in entry.recovered]
        revoked = {name for name, known in self.writers.items() if known.revoked is not None}
        if len(set(names)) < len(names) or not revoked.union([entry.writer]).issuperset(names):
            raise FormatError("run", "it recovers a log twice, or one of a writer that may sign")
        if sum(log.records for log in entry.recovered) > rows:
            raise FormatError("run", "it recovers more records than it has")
        if not isinstance(entry.says, End):
            return
        if entry.closed and (writer.committed == 0 or writer.ended):
            raise FormatError("run", "there is no run that it could close")
        if entry.says.close is None and not entry.closed:
            raise FormatError("run", "it closes nothing")

    def _check_append(self, writer: Writer, epoch: int, append: Append) -> dict[str, Column]:
        if append.first != writer.committed + 1 or append.last < append.first:
            raise FormatError(
                "wal", f"{append.first} to {append.last} does not follow {writer.committed}"
            )
        low, high = append.recorded
        earliest = writer.recorded_to
        if append.loaded:
            earliest = min(earliest, epoch * self.trail.epoch_seconds * 1_000_000)
        if low > high or low < earliest:
            raise FormatError(
                "recorded", "its range is not after that of the writer's entry before"
            )
        rows, count = sum(add.rows for add in append.adds), append.last - append.first + 1
        if rows != count:
            raise FormatError("rows", f"the segments have {rows} rows, but {count} were committed")
        paths = [add.path for add in append.adds]
        if len(set(paths)) < len(paths) or self.paths.intersection(paths):
            raise FormatError("adds", "a segment is added twice")
        for add in append.adds:
            self._check_add(add)
        return self._widened(append.columns)

    def _check_add(self, add: Add) -> None:
        if add.partitioning != self.trail.partitioning or not self.trail.period.fullmatch(
            add.period
        ):
            raise FormatError("adds", f"{add.path} is not in a partition of this trail")
        if add.low > add.high or add.batches > add.rows:
            raise FormatError("adds", f"the counts or times of {add.path} contradict themselves")

    def _widened(self, listed: Iterable[Column]) -> dict[str, Column]:
        """The promoted columns once those of an entry are listed."""
        columns = dict(self.columns)
        for column in listed:
            key = next(iter(by_name([column])))
            reason = unnameable(column, columns, self.fixed)
            if reason:
                raise FormatError("columns", f"{column.name[:80]!r}: {reason}")
            known = columns.get(key)
            if known and (known.type, column.type) != ("int64", "float64"):
                raise FormatError("columns", f"{column.name[:80]!r} is listed again, not widened")
            columns[key] = column
        return columns


def _check_epoch(writer: Writer, entry: Entry) -> None:
    if entry.epoch < writer.epoch:
        raise FormatError("epoch", f"epoch {entry.epoch} comes after {writer.epoch}")
    if entry.epoch <= writer.closed:
        raise FormatError("epoch", f"epoch {entry.epoch} was closed")
    begun = writer.authorized
    known = begun.hmac_key if entry.epoch == begun.epoch else writer.hmac_keys.get(entry.epoch)
    if known not in (None, entry.hmac_key):
        raise FormatError("key", "hmac_key is not that of the epoch")


def begin(entry: Entry, owner: VerifierKey, fixed: Mapping[str, Column]) -> Ledger:
    """The state before entry 0 is accepted.

    Raises:
        FormatError: Entry 0 does not begin a trail of this owner.
    """
    if not isinstance(entry.says, Init) or entry.writer != OWNER:
        raise FormatError("init", "entry 0 does not begin a trail")
    if entry.says.owner != owner.public:
        raise FormatError("key", "the trail's owner is not the one whose key was given")
    if owner.name != f"{entry.says.trail.origin}/{OWNER}":
        raise FormatError("key", f"the key given is named {owner.name}, not after this trail")
    return Ledger(entry.says.trail, owner.public, entry.hmac_key, fixed)


def check_signatures(entry: Entry, n: int, tree_root: bytes, ledger: Ledger) -> None:
    """Checks that an entry stands in slot n, on these entries, signed by who may.

    Raises:
        FormatError: It does not.
    """
    if entry.n != n:
        raise FormatError("number", f"it is numbered {entry.n}")
    if entry.tree != tree_root:
        raise FormatError("tree", "it was signed over other earlier entries")
    public = ledger.public_key(entry.writer, n)
    if entry.key != note.key_id(public):
        raise FormatError("key", f"it names a key that is not that of {entry.writer}")
    if not note.verify_ed25519(public, entry.sig, entry.message + entry.hmac):
        raise FormatError("signature", "its signature does not hold")
    statement = Checkpoint(n, tree_root, f"{ledger.trail.origin}/{entry.writer}")
    note.check(entry.checkpoint, ledger.trail.origin, statement, public)
