"""What a verification found."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Verdict = Literal["VERIFIED", "PRUNED", "LOCKED", "MISSING", "TAMPERED"]
Ranges = list[tuple[int, int]]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        verdict: What this finding alone makes of the trail.
        kind: A short name of the check that failed.
        object: The path in the trail, with `/`.
        problem: What is wrong, for a person to read.
        batch: The id of the batch, where one is meant.
        rows: Ranges `(first, last)` of rows of the file, counted from 0, where known.
    """

    verdict: Literal["MISSING", "TAMPERED"]
    kind: str
    object: str
    problem: str
    batch: str | None = None
    rows: Ranges = field(default_factory=list)


@dataclass
class Report:
    """The outcome: verdict, what was checked and what was not, and every finding.

    Attributes:
        trail: The folder.
        trail_id: The trail's id, once entry 0 has been read.
        origin: The log's name in checkpoints.
        size: Number of ledger entries that were read without a gap.
        root: Root of the ledger tree over them, hex.
        checked: Counts of what was checked.
        not_checked: What was not, in words.
        findings: What is wrong.
        orphans: Files that no valid entry names; no part of the trail, no failure. Those in
            an archive begin with its name and a colon.
        notes: What is no failure, but worth knowing.
        deleted: Records that the owner's tombstones account for.
        locked: Encrypted segments whose key was not at hand, with which one that is.
        open_runs: Writers whose last run is not closed: at work still, or not ended in order.
    """

    trail: str
    trail_id: str | None = None
    origin: str | None = None
    size: int = 0
    root: str | None = None
    checked: dict[str, int] = field(default_factory=dict)
    not_checked: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    deleted: int = 0
    locked: list[str] = field(default_factory=list)
    open_runs: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> Verdict:
        """TAMPERED outweighs MISSING outweighs LOCKED: not all could be decrypted.

        PRUNED is VERIFIED but for the deleted.
        """
        verdicts = {finding.verdict for finding in self.findings}
        if "TAMPERED" in verdicts:
            return "TAMPERED"
        if verdicts:
            return "MISSING"
        if self.locked:
            return "LOCKED"
        return "PRUNED" if self.deleted else "VERIFIED"

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong: all that must be there is, as it was signed."""
        return not self.findings and not self.locked

    def count(self, what: str, by: int = 1) -> None:
        """Adds to a count of what was checked."""
        self.checked[what] = self.checked.get(what, 0) + by

    def tampered(self, kind: str, object_: str, problem: str) -> None:
        """Adds a finding about something that is not as it must be."""
        self.findings.append(Finding("TAMPERED", kind, object_, problem))

    def missing(self, kind: str, object_: str, problem: str) -> None:
        """Adds a finding about something that is not there."""
        self.findings.append(Finding("MISSING", kind, object_, problem))

    def as_json(self) -> dict[str, Any]:
        """The report as plain JSON values, the verdict first."""
        return {"verdict": self.verdict, **asdict(self)}

    def as_text(self) -> str:
        """The report for a person."""
        lines = [f"{self.verdict}  {self.trail}"]
        lines += [f"  checked: {count:,} {what}" for what, count in self.checked.items()]
        if self.deleted:
            lines.append(f"  deleted by the owner's word: {self.deleted:,} records")
        lines += [f"  not checked: {what}" for what in self.not_checked]
        lines += [f"  note: {note}" for note in self.notes]
        for finding in self.findings:
            place = finding.object + (f", batch {finding.batch}" if finding.batch else "")
            if finding.rows:
                place += ", rows " + ", ".join(
                    f"{a}-{b}" if b > a else str(a) for a, b in finding.rows
                )
            lines.append(f"  {finding.verdict} {finding.kind}: {place}: {finding.problem}")
        lines += [f"  locked: {what}" for what in self.locked]
        lines += [f"  orphan: {path}" for path in self.orphans]
        lines += [f"  not closed: the last run of {writer}" for writer in self.open_runs]
        return "\n".join(lines)


def ranges(numbers: list[int]) -> Ranges:
    """Joins ascending numbers to ranges `(first, last)`."""
    joined: Ranges = []
    for number in numbers:
        if joined and number <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], number)
        else:
            joined.append((number, number))
    return joined
