"""What became of recording, importing and verifying."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class RefusedLine:
    """An event that was not recorded.

    Attributes:
        line: Its number in the source, from 1.
        path: Dotted path of the field; empty for the whole event.
        reason: A stable code.
        message: What is wrong and what to do.
    """

    line: int
    path: str
    reason: str
    message: str


@dataclass(frozen=True)
class RecordReport:
    """What became of many events.

    Attributes:
        lines: Events seen.
        recorded: New records, all committed.
        repeated: Events whose id and content were recorded before.
        refused: Events that were refused.
        problems: The first 10,000 of those.
    """

    lines: int
    recorded: int
    repeated: int
    refused: int
    problems: list[RefusedLine] = field(repr=False)


@dataclass(frozen=True)
class ImportReport:
    """What an import did.

    Attributes:
        files: Files read.
        events: Events that they gave.
        recorded: New records, all committed.
        known: Events that the trail had already.
        unfinished: What is left for the next import.
        skipped: Lines that could not be read.
        refused: Events that the recorder refused.
        problems: The first 10,000 lines that were skipped or refused.
    """

    files: int
    events: int
    recorded: int
    known: int
    unfinished: int
    skipped: int
    refused: int
    problems: list[dict[str, Any]] = field(repr=False)


class VerifyReport:
    """What a verification found.

    Attributes:
        verdict: ``VERIFIED``, ``VERIFIED_TO(n)``, ``MISSING``, ``TAMPERED``, ...
        findings: What does not fit: ``kind``, ``verdict``, ``object``, ``batch``, ``rows``,
            ``message`` of each.
        checked: Counts of what was checked.
        not_checked: What was not, in words.
        details: The whole report, as ``sealtrail verify-integrity -o json`` prints it.
    """

    def __init__(self, details: dict[str, Any]) -> None:
        """Wrap the native report."""
        self.details = details
        self.verdict: str = details["verdict"]
        self.findings: list[dict[str, Any]] = details["findings"]
        self.checked: dict[str, int] = details["checked"]
        self.not_checked: list[str] = details["not_checked"]

    @property
    def ok(self) -> bool:
        """Whether everything that was checked holds."""
        return self.verdict.partition("(")[0] in {"VERIFIED", "VERIFIED_TO", "PRUNED", "ERASED"}

    @property
    def exit_code(self) -> int:
        """What ``sealtrail verify-integrity`` exits with: 0 if it holds, else 4."""
        return 0 if self.ok else 4

    def __bool__(self) -> bool:
        """The same as ``ok``, so that ``assert trail.verify()`` means what it says."""
        return self.ok

    def __repr__(self) -> str:
        """Verdict, counts and the first findings."""
        lines = [f"{self.verdict}  {self.checked['records']:,} records checked"]
        lines += [f"  {f['kind']}: {f['object']}: {f['message']}" for f in self.findings[:10]]
        if len(self.findings) > 10:
            lines.append(f"  ... and {len(self.findings) - 10} more findings")
        return "\n".join(lines)
