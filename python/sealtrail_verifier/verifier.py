"""The verification of a whole trail."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sealtrail_verifier import cosigned, history, snapshots, stored
from sealtrail_verifier.columns import Column, fixed_columns
from sealtrail_verifier.entries import Append, Entry
from sealtrail_verifier.folder import Folder, is_slot, slot
from sealtrail_verifier.history import History
from sealtrail_verifier.keys import RootSecret
from sealtrail_verifier.metadata import Task
from sealtrail_verifier.note import VerifierKey
from sealtrail_verifier.report import Report
from sealtrail_verifier.seals import Seals

NEVER_CHECKED: Final = (
    "page index and bloom filters of the Parquet files",
    "the limit max_record_bytes, which no trail states",
    "events that were recorded, but are not yet committed",
    "whether an older copy of the trail was put in its place (needs a checkpoint kept elsewhere)",
)


def verify_trail(path: str | Path, owner: VerifierKey, secret: RootSecret | None = None) -> Report:
    """Verifies a trail in a local folder, deeply: every byte that its readers rely on.

    Args:
        path: The trail's folder.
        owner: The owner's public key, from somewhere else than the trail.
        secret: The owner's root secret, if HMACs and seals are to be checked as well.

    Returns:
        What was found. Nothing in the trail raises; everything wrong is a finding.

    Raises:
        OSError: The folder or a file in it cannot be read.
    """
    verification = _Verification(path)
    verification.run(owner, secret)
    return verification.report


class _Verification:
    def __init__(self, path: str | Path) -> None:
        self.folder = Folder(path)
        self.report = Report(str(path))
        self.fixed = fixed_columns()

    def run(self, owner: VerifierKey, secret: RootSecret | None) -> None:
        """Ledger first, then all that it names."""
        past = history.replay(self.folder, owner, self.fixed, self.report)
        trail = past.ledger.trail if past.ledger else None
        history.check_trail_json(self.folder, trail, self.report)
        history.check_hint(self.folder, past, self.report)
        history.check_heartbeat(self.folder, past, self.report)
        cosigned.check(self.folder, past, self.report)
        if trail is not None:
            self.report.trail_id, self.report.origin = trail.trail_id, trail.origin
            self._check_entries(past, trail.trail_id, secret)
        self._check_snapshots(past)
        self._tell_runs(past)
        known = {"trail.json", "checkpoint", "heartbeat"} | (
            past.ledger.paths if past.ledger else set()
        )
        known |= {snapshots.path(entry.n) for entry, _, _ in past.snapshots}
        self.report.orphans = [
            name
            for name in self.folder.files()
            if name not in known and not is_slot(name) and not cosigned.is_name(name)
        ]
        self.report.not_checked += NEVER_CHECKED

    def _tell_runs(self, past: History) -> None:
        for entry, _ in past.valid:
            if entry.closed:
                self.report.count("runs that ended in order")
            for log in entry.recovered:
                self.report.count("runs that did not end in order")
                self.report.count("records recovered from logs", log.records)
        writers = past.ledger.writers if past.ledger else {}
        self.report.open_runs = [
            name
            for name, writer in sorted(writers.items())
            if writer.committed > 0 and not writer.ended and writer.revoked is None
        ]

    def _check_snapshots(self, past: History) -> None:
        for entry, said, rows in past.snapshots:
            path = snapshots.path(entry.n)
            data = self.folder.read(path)
            if data is None:
                self.report.missing("snapshot", path, f"entry {entry.n} names it")
                continue
            self.report.count("snapshots")
            problem = snapshots.check(data, said, rows)
            if problem:
                self.report.tampered(problem[0], path, problem[1])

    def _check_entries(self, past: History, trail_id: str, secret: RootSecret | None) -> None:
        seals = None
        if secret is None:
            self.report.not_checked.append("HMACs and seals: the root secret was not given")
        elif secret.trail_id != trail_id:
            self.report.tampered("key", slot(0), "the root secret given is that of another trail")
        else:
            seals = Seals(secret, self.report)
        for entry, promoted in past.valid:
            key = seals.check_entry(entry) if seals else None
            roots: list[bytes] | None = []
            if isinstance(entry.says, Append):
                roots = self._check_segments(trail_id, entry, entry.says, promoted, key)
            if seals:
                seals.check_epoch(entry, roots)
        for epoch in seals.still_open() if seals else []:
            self.report.not_checked.append(f"the seal of {epoch}, which is not closed yet")

    def _check_segments(
        self,
        trail_id: str,
        entry: Entry,
        append: Append,
        promoted: Mapping[str, Column],
        key: bytes | None,
    ) -> list[bytes] | None:
        """Checks all segments of an entry.

        Returns:
            The roots of their batches in order; None if not all could be read.
        """
        batch_roots: list[bytes] = []
        spans: list[tuple[int, int]] = []
        sound = True
        for add in append.adds:
            data = self.folder.read(add.path)
            if data is None:
                self.report.missing("segment", add.path, f"it is not there, with {add.rows} rows")
                sound = False
                continue
            task = Task(trail_id, entry, append, add, promoted, self.fixed, key)
            outcome = stored.check(data, task)
            self.report.findings += outcome.findings
            self.report.count("segments")
            self.report.count("bytes of segments", len(data))
            self.report.count("batches", len(outcome.batch_roots))
            self.report.count("records", outcome.rows)
            if key is not None:
                self.report.count("seals of segments")
            sound = sound and not outcome.findings
            batch_roots += outcome.batch_roots
            spans += [outcome.recorded] if outcome.recorded else []
        if not sound:
            return None
        if (min(low for low, _ in spans), max(high for _, high in spans)) != append.recorded:
            problem = "the range of recorded_at is not that of its records"
            self.report.tampered("recorded", slot(entry.n), problem)
        return batch_roots
