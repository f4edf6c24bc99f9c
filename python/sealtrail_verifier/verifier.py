"""The verification of a whole trail."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from sealtrail_verifier import cosigned, encrypted, history, snapshots, stored, subjects
from sealtrail_verifier.adds import sidecar_path
from sealtrail_verifier.batches import Batches, Known
from sealtrail_verifier.columns import fixed_columns
from sealtrail_verifier.encrypted import Keyring, LockedError, MasterKey
from sealtrail_verifier.entries import Append, Entry
from sealtrail_verifier.folder import Folder, is_slot, slot
from sealtrail_verifier.forms import FormatError
from sealtrail_verifier.history import History
from sealtrail_verifier.keys import RootSecret
from sealtrail_verifier.life import Life
from sealtrail_verifier.metadata import Task
from sealtrail_verifier.note import VerifierKey
from sealtrail_verifier.report import Report
from sealtrail_verifier.seals import Seals

_COPY: Final = re.compile(r"copies/copy-[0-9a-f]{16}\.json")
NEVER_CHECKED: Final = (
    "page index and bloom filters of the Parquet files",
    "the limit max_record_bytes, which no trail states",
    "events that were recorded, but are not yet committed",
    "whether an older copy of the trail was put in its place (needs a checkpoint kept elsewhere)",
)


def verify_trail(
    path: str | Path,
    owner: VerifierKey,
    secret: RootSecret | None = None,
    archives: Mapping[str, str | Path] | None = None,
    master: MasterKey | None = None,
) -> Report:
    """Verifies a trail in a local folder, deeply: every byte that its readers rely on.

    Args:
        path: The trail's folder.
        owner: The owner's public key, from somewhere else than the trail.
        secret: The owner's root secret, if HMACs and seals are to be checked as well.
        archives: The folders of archives, by name; what is in others is not checked.
        master: The master key of the trail's keyring, which opens encrypted segments. Without
            it their bytes are checked against the ledger, and nothing in them.

    Returns:
        What was found. Nothing in the trail raises; everything wrong is a finding.

    Raises:
        OSError: The folder or a file in it cannot be read.
    """
    verification = _Verification(path, archives or {}, master)
    verification.run(owner, secret)
    return verification.report


class _Verification:
    def __init__(
        self, path: str | Path, archives: Mapping[str, str | Path], master: MasterKey | None
    ) -> None:
        self.folder = Folder(path)
        self.master = master
        self.keyring: Keyring | None = None
        self.archives = {name: Folder(archive) for name, archive in archives.items()}
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
            self.keyring = Keyring(self.folder, trail.trail_id, self.master)
            self._check_entries(past, trail.trail_id, secret)
        self._check_snapshots(past)
        self._tell_runs(past)
        life = past.ledger.life if past.ledger else Life()
        self._tell_life(life)
        segments = [*life.live, *life.retired]
        known = {"trail.json", "checkpoint", "heartbeat", *segments, *map(sidecar_path, segments)}
        known |= {snapshots.path(entry.n) for entry, _, _ in past.snapshots}
        self.report.orphans = [
            name
            for name in self.folder.files()
            if not (
                name in known
                or is_slot(name)
                or cosigned.is_name(name)
                or subjects.is_name(name)
                or _COPY.fullmatch(name)
                or encrypted.is_name(name)
            )
        ]
        for archive, folder in self.archives.items():
            self.report.orphans += [
                f"{archive}:{name}"
                for name in folder.files()
                if name.startswith("segments/") and name not in known
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
        batches = Batches(past, self.report)
        live = past.ledger.life.live if past.ledger else {}
        for entry, promoted in past.valid:
            key = seals.check_entry(entry) if seals else None
            for add in entry.adds:
                if add.path in live and live[add.path].entry == entry.n:
                    task = Task(trail_id, entry, add, promoted, self.fixed, key)
                    self._check_segment(task, batches)
        batches.check()
        for entry, _ in past.valid:
            known = batches.of(entry)
            if isinstance(entry.says, Append):
                self._check_recorded(entry, entry.says, known)
            if seals:
                seals.check_epoch(entry, known.roots)
        for epoch in seals.still_open() if seals else []:
            self.report.not_checked.append(f"the seal of {epoch}, which is not closed yet")

    def _check_segment(self, task: Task, batches: Batches) -> None:
        """Checks a live segment."""
        entry, add = task.entry, task.add
        folder = self.folder if add.archive is None else self.archives.get(add.archive)
        if folder is None:
            reason = f"it is in the archive {add.archive}, of which no folder was given"
            self.report.not_checked.append(f"{add.path}, with {add.rows} rows: {reason}")
            batches.unread(entry, add)
            return
        sound = True
        if add.gone is not None:
            path = sidecar_path(add.path)
            task = replace(task, sidecar=folder.read(path))
            if task.sidecar is None:
                self.report.missing("sidecar", path, "it is not there")
                sound = False
        data = folder.read(add.path)
        if data is None:
            self.report.missing("segment", add.path, f"it is not there, with {add.rows} rows")
            batches.unread(entry, add)
            return
        try:
            task = self._unlocked(data, task)
        except LockedError as locked:
            # The bytes are those that were signed; what they hold nobody here can tell.
            self.report.locked.append(f"{add.path}, with {add.rows} rows: {locked}")
            self.report.count("bytes of segments", len(data))
            batches.unread(entry, add)
            return
        except (FormatError, ValueError) as bad:
            self.report.tampered("encryption", add.path, f"{bad}")
            batches.unread(entry, add)
            return
        outcome = stored.check(data, task)
        self.report.findings += outcome.findings
        self.report.count("segments")
        self.report.count("bytes of segments", len(data))
        self.report.count("batches", len(outcome.batches))
        self.report.count("records", outcome.rows)
        if task.key is not None:
            self.report.count("seals of segments")
        if outcome.batches:
            batches.take(entry, add, outcome.batches, sound=sound and not outcome.findings)
        else:
            batches.unread(entry, add)

    def _unlocked(self, data: bytes, task: Task) -> Task:
        """The task with what decrypts the segment, if it is encrypted and as it was signed."""
        add = task.add
        if not stored.is_signed(data, add):
            return task
        if encrypted.is_encrypted(data) != (add.key is not None):
            raise FormatError("encryption", "the ledger says otherwise whether it is encrypted")
        if add.key is None or self.keyring is None:
            return task
        return replace(task, decryption=self.keyring.decryption(data, add.segment, add.key))

    def _check_recorded(self, entry: Entry, append: Append, known: Known) -> None:
        """Checks the range of `recorded_at` that an `append` entry says."""
        low, high = append.recorded
        if not known.whole:
            self.report.count("entries with deleted records")
        if known.recorded is None:
            return
        within = low <= known.recorded[0] and known.recorded[1] <= high
        if not within or (known.whole and known.recorded != append.recorded):
            problem = "the range of recorded_at is not that of its records"
            self.report.tampered("recorded", slot(entry.n), problem)

    def _tell_life(self, life: Life) -> None:
        """Tells what became of records by the owner's word."""
        self.report.deleted = life.deleted
        confirmed = sum(len(erasure.holders) for erasure in life.erasures.values())
        for what, count in [
            ("deletions", len(life.tombstones)),
            ("active holds", len(life.holds)),
            ("forgotten copies", len(life.forgotten)),
            ("erasures", len(life.erasures)),
            ("confirmations of erasure", confirmed),
            ("retired segments", len(life.retired)),
            ("condemned paths", len(life.condemned)),
        ]:
            if count:
                self.report.count(what, count)
        if life.tombstones:
            self.report.not_checked += [
                "whether what was deleted was due, and under no hold",
                "the range of recorded_at of deleted records",
            ]
        subjects.tell(self.folder, life, self.report)
        if life.retired:
            self.report.not_checked.append("files of retired segments, on which nobody relies")
