"""Replays the ledger from entry 0 and keeps what is valid (FORMAT section 7)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sealtrail_verifier import entries, jcs, ledger, merkle, note, snapshots
from sealtrail_verifier.columns import Column
from sealtrail_verifier.entries import Entry, Snapshot
from sealtrail_verifier.folder import Folder, slot
from sealtrail_verifier.forms import FormatError, Members
from sealtrail_verifier.ledger import Ledger
from sealtrail_verifier.note import Checkpoint, VerifierKey
from sealtrail_verifier.report import Report
from sealtrail_verifier.trailfile import Trail


@dataclass
class History:
    """The ledger, read.

    Attributes:
        ledger: The state after the last entry; None if entry 0 is missing or invalid.
        valid: The valid entries, each with the promoted columns of its time.
        roots: `roots[n]` is the root of the first n entries.
        leaves: The leaves of the entries in the tree.
        snapshots: The valid entries that name a snapshot, each with the digest of
            the rows that the snapshot must have.
    """

    ledger: Ledger | None = None
    valid: list[tuple[Entry, Mapping[str, Column]]] = field(default_factory=list)
    roots: list[bytes] = field(default_factory=list)
    leaves: list[bytes] = field(default_factory=list)
    snapshots: list[tuple[Entry, Snapshot, bytes]] = field(default_factory=list)


def replay(
    folder: Folder, owner: VerifierKey, fixed: Mapping[str, Column], report: Report
) -> History:
    """Reads entries up to the first gap; what is wrong with them goes to the report."""
    history, tree, numbers = History(), merkle.Tree(), folder.slots()
    history.roots.append(tree.root())
    forked: list[int] = []
    gap = not numbers
    for n in numbers:
        data = folder.read(slot(n)) if n == tree.size else None
        if data is None:
            gap = True
            break
        try:
            _take(history, n, data, owner, fixed)
            report.count("entries")
        except FormatError as bad:
            if bad.kind == "tree":
                forked.append(n)
            else:
                report.tampered(bad.kind, slot(n), bad.problem)
        history.leaves.append(merkle.entry_leaf(data))
        tree.add(history.leaves[-1])
        history.roots.append(tree.root())
        if history.ledger is None:
            break
    if forked:
        # One changed entry makes every later one unfit, which is worth one finding.
        report.tampered(
            "tree",
            slot(forked[0]),
            f"{len(forked)} entries, up to {forked[-1]}, were signed over other earlier entries",
        )
    left = [n for n in numbers if n >= tree.size]
    if gap:
        report.missing("gap", slot(tree.size), f"entry {tree.size} is not there")
    if left:
        report.not_checked.append(f"{len(left)} entries from number {left[0]} on")
    report.size, report.root = tree.size, tree.root().hex()
    return history


def _take(
    history: History, n: int, data: bytes, owner: VerifierKey, fixed: Mapping[str, Column]
) -> None:
    """Takes over an entry if it is valid."""
    entry = entries.read(data)
    state = history.ledger or ledger.begin(entry, owner, fixed)
    ledger.check_signatures(entry, n, history.roots[n], state)
    named = entry.snapshot if history.ledger and not state.snapshot_problem(entry) else None
    rows = snapshots.expected(state, history.leaves, named) if named else b""
    state.accept(entry)
    history.ledger = state
    if named:
        history.snapshots.append((entry, named, rows))
    history.valid.append((entry, state.columns))


def check_trail_json(folder: Folder, expected: Trail | None, report: Report) -> None:
    """Checks trail.json, which entry 0 repeats (section 6)."""
    data = folder.read("trail.json")
    if data is None:
        report.missing("trail.json", "trail.json", "it is not there")
        return
    try:
        trail = Trail.read(Members(jcs.decode(data), "trail.json"))
    except FormatError as bad:
        report.tampered(bad.kind, "trail.json", bad.problem)
        return
    if expected is not None and trail != expected:
        report.tampered("trail.json", "trail.json", "it is not as entry 0 has it")


def check_hint(folder: Folder, history: History, report: Report) -> None:
    """Checks the newest checkpoint, which may be missing or old, but never wrong."""
    data = folder.read("checkpoint")
    if data is None or history.ledger is None:
        report.not_checked.append(
            "whether entries were cut off the end: no checkpoint to hold on to"
        )
        return
    state, origin = history.ledger, history.ledger.trail.origin
    try:
        text = note.own(data.decode("utf-8"), origin)
        hint = note.read(text)
        signer = hint.signer.removeprefix(f"{origin}/")
        claim = Checkpoint(hint.size, hint.root, f"{origin}/{signer}")
        note.check(text, origin, claim, state.public_key(signer, hint.size))
    except (FormatError, UnicodeDecodeError) as error:
        report.tampered("checkpoint", "checkpoint", str(error)[:300])
        return
    size = len(history.roots) - 1
    if hint.size > size:
        problem = f"{hint.size} entries were signed for, {size} are there"
        report.missing("cut-off", slot(size), problem)
    elif history.roots[hint.size] != hint.root:
        report.tampered("checkpoint", "checkpoint", "it is the root of another ledger")
    else:
        report.count("entries under the newest checkpoint", hint.size)
    if hint.size < size:
        report.not_checked.append(
            f"whether entries were cut off the end: the newest checkpoint covers {hint.size}"
        )


def check_heartbeat(folder: Folder, history: History, report: Report) -> None:
    """Checks the newest sign of life, which may be missing or old, but never wrong."""
    data = folder.read("heartbeat")
    if data is None or history.ledger is None:
        return
    state, origin = history.ledger, history.ledger.trail.origin
    try:
        text = data.decode("utf-8")
        beat = note.read(text)
        signer = beat.signer.removeprefix(f"{origin}/")
        claim = Checkpoint(beat.size, beat.root, f"{origin}/{signer}")
        note.check_heartbeat(text, origin, claim, state.public_key(signer, beat.size))
    except (FormatError, UnicodeDecodeError) as error:
        report.tampered("heartbeat", "heartbeat", str(error)[:300])
        return
    size = len(history.roots) - 1
    if beat.size > size:
        problem = f"{beat.size} entries were signed for, {size} are there"
        report.missing("cut-off", slot(size), problem)
    elif history.roots[beat.size] != beat.root:
        report.tampered("heartbeat", "heartbeat", "it is the root of another ledger")
    else:
        report.count("heartbeats")
