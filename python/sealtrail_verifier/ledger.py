"""The ledger: which entries are valid, and what belongs to the trail (FORMAT section 7)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sealtrail_verifier import note
from sealtrail_verifier.columns import Column, by_name, unnameable
from sealtrail_verifier.entries import (
    OWNER,
    Append,
    Authorization,
    Authorize,
    End,
    Entry,
    Init,
)
from sealtrail_verifier.forms import FormatError
from sealtrail_verifier.life import Life
from sealtrail_verifier.lifecycle import Compact, Condemn, Delete, Erased, Sweep
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
    """The newest snapshot that an entry names."""

    entry: int
    size: int
    sha256: bytes


@dataclass
class Ledger:
    """The state after the entries so far.

    `columns` is replaced, never changed, so that each accepted entry keeps the
    names of its time. `life` holds the segments, `time` is that of the newest valid
    entry, `snapshot` the number of the newest that names a full one, or 0, `newest`
    the newest of any kind.
    """

    trail: Trail
    owner: bytes
    owner_hmac_key: str
    fixed: Mapping[str, Column]
    writers: dict[str, Writer] = field(default_factory=dict)
    columns: dict[str, Column] = field(default_factory=dict)
    life: Life = field(default_factory=Life)
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
        by_owner = entry.writer == OWNER
        columns = self._check_owner(entry) if by_owner else self._check_writer(entry)
        self.life.check(entry, self.trail)

        # Nothing can fail any more.
        if by_owner:
            self._take_owner(entry)
        else:
            self._take_writer(entry)
        self.life.take(entry)
        self.columns = columns
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
        writer = self.writers.get(entry.writer)
        if writer is None or named.authorized != writer.entry:
            return f"its writer was not authorised by entry {named.authorized}"
        return ""

    def _check_owner(self, entry: Entry) -> dict[str, Column]:
        """Checks an entry of the owner; returns the promoted columns after it."""
        says = entry.says
        if isinstance(says, Append | End | Compact):
            raise FormatError("signer", "the owner does not append, close or compact")
        if entry.epoch != 0:
            raise FormatError("epoch", "the owner's epoch is not 0")
        if entry.hmac_key != self.owner_hmac_key:
            raise FormatError("key", "hmac_key is not the owner's")
        if isinstance(says, Init | Authorize):
            self._check_authorize(says)
        return self._widened(says.columns) if isinstance(says, Delete) else self.columns

    def _check_authorize(self, says: Init | Authorize) -> None:
        new = {authorization.writer for authorization in says.authorizes}
        if len(new) < len(says.authorizes) or new & self.writers.keys():
            raise FormatError("authorize", "a writer is authorised twice")
        listed = says.revokes if isinstance(says, Authorize) else []
        revokes = [revocation.writer for revocation in listed]
        may_sign = {name for name, writer in self.writers.items() if writer.revoked is None}
        if len(set(revokes)) < len(revokes) or not may_sign.issuperset(revokes):
            raise FormatError("revoke", "a writer is revoked that may not sign")
        if isinstance(says, Authorize) and not new and not revokes:
            raise FormatError("authorize", "it authorises and revokes nobody")

    def _take_owner(self, entry: Entry) -> None:
        says = entry.says
        for authorization in says.authorizes if isinstance(says, Init | Authorize) else []:
            new = Writer(authorization, entry.n, epoch=authorization.epoch)
            self.writers[authorization.writer] = new
        for revocation in says.revokes if isinstance(says, Authorize) else []:
            self.writers[revocation.writer].revoked = entry.n

    def _check_writer(self, entry: Entry) -> dict[str, Column]:
        """Checks an entry of a writer; returns the promoted columns after it."""
        says, writer = entry.says, self.writers[entry.writer]
        if not isinstance(says, Append | End | Compact | Sweep | Condemn | Erased):
            raise FormatError("signer", "this kind of entry is the owner's")
        _check_epoch(writer, entry)
        problem = self.snapshot_problem(entry)
        if problem:
            raise FormatError("snapshot", problem)
        if isinstance(says, Append):
            self._check_append(writer, entry.epoch, says)
        self._check_run(writer, entry)
        close = says.close if isinstance(says, Append | End) else None
        batches = _batches(writer, entry)
        if close and close.epoch != entry.epoch:
            raise FormatError(
                "close", f"an entry of epoch {entry.epoch} closes epoch {close.epoch}"
            )
        if close and close.batches != batches:
            raise FormatError("close", f"the epoch has {batches} batches, not {close.batches}")
        return self._widened(says.columns) if isinstance(says, Append | Compact) else self.columns

    def _take_writer(self, entry: Entry) -> None:
        says, writer = entry.says, self.writers[entry.writer]
        if entry.snapshot is not None:
            named = entry.snapshot
            self.snapshot = entry.n if named.rests_on is None else self.snapshot
            self.newest = Newest(entry.n, named.size, named.sha256)
        writer.batches[entry.epoch] = _batches(writer, entry)
        writer.epoch = entry.epoch
        writer.hmac_keys[entry.epoch] = entry.hmac_key
        if isinstance(says, Append | End) and says.close:
            writer.closed = entry.epoch
        if isinstance(says, Append):
            writer.committed = says.last
            writer.recorded_to = max(writer.recorded_to, says.recorded[1])
            writer.ended = False
        writer.ended = writer.ended or entry.closed

    def _check_run(self, writer: Writer, entry: Entry) -> None:
        rows = sum(add.rows for add in entry.adds)
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

    def _check_append(self, writer: Writer, epoch: int, append: Append) -> None:
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
        # Each once, in the order that they have in the trail from now on.
        if [c for name, c in columns.items() if self.columns.get(name) != c] != list(listed):
            raise FormatError("columns", "they are not in their order, or one is listed twice")
        return columns


def _batches(writer: Writer, entry: Entry) -> int:
    """The batches of the entry's epoch after it; those that only move do not count."""
    new = entry.adds if isinstance(entry.says, Append) else []
    return writer.batches.get(entry.epoch, 0) + sum(add.batches for add in new)


def _check_epoch(writer: Writer, entry: Entry) -> None:
    if entry.epoch < writer.epoch:
        raise FormatError("epoch", f"epoch {entry.epoch} comes after {writer.epoch}")
    if entry.epoch <= writer.closed:
        raise FormatError("epoch", f"epoch {entry.epoch} was closed")
    open_ = writer.closed < writer.epoch and writer.batches.get(writer.epoch, 0) > 0
    if entry.epoch > writer.epoch and open_:
        raise FormatError("epoch", f"epoch {writer.epoch}, which has batches, was not closed")
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
