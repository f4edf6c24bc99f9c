"""Proofs of records and of consistency (FORMAT section 13)."""

from dataclasses import asdict, dataclass
from typing import Final

from sealtrail_verifier import entries, jcs, merkle, note
from sealtrail_verifier.entries import OWNER, Append, Authorize, Entry, Init
from sealtrail_verifier.forms import FormatError, Members
from sealtrail_verifier.note import Checkpoint, VerifierKey
from sealtrail_verifier.trailfile import Trail

_SHOWN: Final = ("audit_id", "event_type", "timestamp", "recorded_at")


@dataclass(frozen=True)
class Revoked:
    """How the owner revoked a signer."""

    entry: int
    time: str
    reason: str


@dataclass(frozen=True)
class Signer:
    """A writer that the proof rests on."""

    writer: str
    authorized: int
    revoked: Revoked | None


@dataclass(frozen=True)
class State:
    """A size of the ledger and its root."""

    size: int
    root: str


@dataclass(frozen=True)
class Shown:
    """What every proof shows."""

    trail_id: str
    origin: str
    checkpoint: State
    checkpoint_signer: str
    signers: list[Signer]

    def as_json(self) -> dict[str, object]:
        """Everything, for printing."""
        return asdict(self)


@dataclass(frozen=True)
class ShownRecord(Shown):
    """What the proof of a record shows."""

    record: str
    entry: int
    entry_time: str
    writer: str
    segment: str
    batch: str


@dataclass(frozen=True)
class ShownConsistency(Shown):
    """What a proof of consistency shows: the checkpoint's ledger begins with `start`."""

    start: State


@dataclass(frozen=True)
class _Item:
    n: int
    data: bytes
    path: list[bytes]
    entry: Entry


@dataclass(frozen=True)
class _Claim:
    """A signer as the proof claims it."""

    writer: str
    authorized: int
    revoked: int | None


@dataclass(frozen=True)
class _Chain:
    """The way from the owner's key to the checkpoint and the entries below it."""

    trail: Trail
    checkpoint: Checkpoint
    signer: str
    signers: list[Signer]
    subject: Entry | None

    def common(self) -> tuple[str, str, State, str, list[Signer]]:
        """What every proof shows."""
        state = State(self.checkpoint.size, self.checkpoint.root.hex())
        return self.trail.trail_id, self.trail.origin, state, self.signer, self.signers


def check(data: bytes, owner: VerifierKey) -> ShownRecord | ShownConsistency:
    """Checks a proof with the owner's public key.

    Raises:
        FormatError: It does not hold.
    """
    members = Members(jcs.decode(data.removesuffix(b"\n")), "proof")
    if members.integer("v") != 1:
        raise FormatError("version", "this verifier knows version 1 only")
    kind = members.text("kind")
    if kind == "record":
        return _record(members, owner)
    if kind == "consistency":
        return _consistency(members, owner)
    raise FormatError("form", f"the kind {kind[:80]!r} is unknown")


def _record(members: Members, owner: VerifierKey) -> ShownRecord:
    segment = members.inner("segment")
    number, index = segment.integer("entry"), segment.integer("index")
    segment.end()
    chain = _chain(members, owner, number)
    batch, record = members.inner("batch"), members.inner("record")
    members.end()
    entry = chain.subject
    if entry is None or not isinstance(entry.says, Append) or index >= len(entry.says.adds):
        raise FormatError("segment", "the entry does not add that segment")
    add = entry.says.adds[index]
    root, rows, batch_id = batch.hex("root", 32), batch.integer("rows"), batch.text("id")
    commitment = batch.hex("commitment", 32)
    described = {"commitment": commitment.hex(), "id": batch_id, "root": root.hex(), "rows": rows}
    leaf = merkle.entry_leaf(jcs.encode(described))
    leads = merkle.path_root(leaf, batch.integer("index"), add.batches, _path(batch))
    batch.end()
    if leads != add.root:
        raise FormatError("batch", "its path does not lead to the root of the segment")
    text = record.text("bytes")
    leaf = merkle.salted_leaf(record.hex("salt", 16), text.encode())
    if merkle.path_root(leaf, record.integer("index"), rows, _path(record)) != root:
        raise FormatError("record", "its path does not lead to the root of the batch")
    record.end()
    _check_event(text)
    return ShownRecord(
        *chain.common(),
        record=text,
        entry=entry.n,
        entry_time=entry.time,
        writer=entry.writer,
        segment=add.path,
        batch=batch_id,
    )


def _check_event(text: str) -> None:
    value = jcs.decode(text.encode())
    strings = isinstance(value, dict) and all(isinstance(value.get(n), str) for n in _SHOWN)
    if not strings:
        raise FormatError("record", f"it lacks one of {', '.join(_SHOWN)}")


def _consistency(members: Members, owner: VerifierKey) -> ShownConsistency:
    chain = _chain(members, owner, None)
    earlier = members.inner("from")
    start, root = earlier.integer("size"), earlier.hex("root", 32)
    earlier.end()
    path = _path(members)
    members.end()
    later = chain.checkpoint
    if not merkle.extends((start, root), (later.size, later.root), path):
        raise FormatError("path", "it does not lead from the earlier root to the later one")
    return ShownConsistency(*chain.common(), start=State(start, root.hex()))


def _path(members: Members) -> list[bytes]:
    hashes = []
    for item in members.items("path"):
        if not isinstance(item, str):
            raise FormatError("form", "a path is a list of hashes")
        hashes.append(Members({"hash": item}, "path").hex("hash", 32))
    return hashes


def _chain(members: Members, owner: VerifierKey, subject: int | None) -> _Chain:
    items = [_item(value) for value in members.items("entries")]
    claims = [_claim(value) for value in members.items("signers")]
    stated = members.inner("checkpoint")
    text, signer = stated.text("note"), stated.text("signer")
    stated.end()
    by_number = {item.n: item.entry for item in items}
    trail = _trail(by_number.get(0), owner)
    _check_numbers(items, claims, subject)
    entry = None if subject is None else by_number[subject]
    needed = {signer} | ({entry.writer} if entry else set())
    if [claim.writer for claim in claims] != sorted(needed - {OWNER}):
        raise FormatError("signers", "they are not those of the entry and of the checkpoint")
    keys, signers = {OWNER: owner.public}, []
    for claim in claims:
        keys[claim.writer] = _authorized(claim, by_number, entry)
        signers.append(Signer(claim.writer, claim.authorized, _revoked(claim, by_number)))
    if any(s.writer == signer and s.revoked for s in signers):
        raise FormatError("checkpoint", "its signer was revoked before")
    if signer not in keys:
        raise FormatError("checkpoint", "its signer is none of the trail's")
    name = f"{trail.origin}/{signer}"
    checkpoint = note.check_cosigned(text, trail.origin, name, keys[signer])
    for item in items:
        _check_entry(item, keys, trail.origin, checkpoint)
    return _Chain(trail, checkpoint, signer, signers, entry)


def _item(value: object) -> _Item:
    members = Members(value, "entries")
    text, n, path = members.text("bytes"), members.integer("n"), _path(members)
    members.end()
    item = _Item(n, text.encode(), path, entries.read(text.encode()))
    if item.entry.n != n:
        raise FormatError("entry", f"entry {n} says that it is entry {item.entry.n}")
    return item


def _claim(value: object) -> _Claim:
    members = Members(value, "signers")
    revoked = members.integer("revoked") if members.has("revoked") else None
    claim = _Claim(members.text("writer"), members.integer("authorized"), revoked)
    members.end()
    return claim


def _trail(first: Entry | None, owner: VerifierKey) -> Trail:
    if first is None or not isinstance(first.says, Init) or first.writer != OWNER:
        raise FormatError("entry", "entry 0 is not the beginning of a trail")
    trail = first.says.trail
    if first.says.owner != owner.public or owner.name != f"{trail.origin}/{OWNER}":
        raise FormatError("key", "the trail has another owner")
    return trail


def _check_numbers(items: list[_Item], claims: list[_Claim], subject: int | None) -> None:
    """That the proof holds the entries that it needs, each once, and no others."""
    needed = {0} | {claim.authorized for claim in claims}
    needed |= {claim.revoked for claim in claims if claim.revoked is not None}
    needed |= set() if subject is None else {subject}
    if [item.n for item in items] != sorted(needed):
        raise FormatError("form", "the entries are not those that the proof needs, in order")


def _authorized(claim: _Claim, by_number: dict[int, Entry], entry: Entry | None) -> bytes:
    """The signer's public key, if the owner authorised it before it signed."""
    source = by_number[claim.authorized]
    by_owner = source.writer == OWNER and isinstance(source.says, Init | Authorize)
    listed = source.says.authorizes if isinstance(source.says, Init | Authorize) else []
    found = next((a for a in listed if a.writer == claim.writer), None)
    if not by_owner or found is None:
        raise FormatError(
            "signers", f"entry {claim.authorized} does not authorise {claim.writer[:80]}"
        )
    if entry and entry.writer == claim.writer:
        if claim.authorized >= entry.n or found.epoch > entry.epoch:
            raise FormatError("signers", f"{claim.writer} was authorised later than it signed")
        if claim.revoked is not None and claim.revoked <= entry.n:
            raise FormatError("signers", f"{claim.writer} was revoked before it signed")
    return found.public


def _revoked(claim: _Claim, by_number: dict[int, Entry]) -> Revoked | None:
    """The first revocation among the entries, which must be the claimed one."""
    first = None
    for n, entry in sorted(by_number.items()):
        if first or entry.writer != OWNER or not isinstance(entry.says, Authorize):
            continue
        reasons = [r.reason for r in entry.says.revokes if r.writer == claim.writer]
        first = Revoked(n, entry.time, reasons[0]) if reasons else None
    if (first.entry if first else None) != claim.revoked:
        raise FormatError("signers", f"the revocation of {claim.writer} is not told as it is")
    if first and first.entry <= claim.authorized:
        raise FormatError("signers", f"{claim.writer} was revoked before it was authorised")
    return first


def _check_entry(item: _Item, keys: dict[str, bytes], origin: str, checkpoint: Checkpoint) -> None:
    entry = item.entry
    public = keys.get(entry.writer)
    if public is None:
        raise FormatError("entry", f"nobody authorised the signer of entry {item.n}")
    if entry.key != note.key_id(public):
        raise FormatError("entry", f"entry {item.n} names another key than its signer's")
    if not note.verify_ed25519(public, entry.sig, entry.message + entry.hmac):
        raise FormatError("entry", f"the signature of entry {item.n} does not hold")
    leaf = merkle.entry_leaf(item.data)
    if merkle.path_root(leaf, item.n, checkpoint.size, item.path) != checkpoint.root:
        raise FormatError(
            "entry", f"the path of entry {item.n} does not lead to the root of the checkpoint"
        )
    if merkle.root_before(item.n, checkpoint.size, item.path) != entry.tree:
        raise FormatError("entry", f"entry {item.n} was signed over other entries")
    before = Checkpoint(item.n, entry.tree, f"{origin}/{entry.writer}")
    note.check(entry.checkpoint, origin, before, public)
