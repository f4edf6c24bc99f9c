"""What leaves a trail, and checking it with nothing but the owner's public key."""

from __future__ import annotations

from dataclasses import dataclass
from os import fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sealtrail import _native
from sealtrail._arguments import as_object

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealtrail._arguments import Path_
    from sealtrail._native import Trail as NativeTrail
    from sealtrail._search import SearchQuery, Values


@dataclass(frozen=True)
class Export:
    """What an export, or an evidence package, came to.

    Attributes:
        path: The file, folder or zip.
        manifest_path: The file of the signed manifest; of a zip, the zip.
        manifest: What it says: ``records``, ``counts`` by event type, ``files`` with their hashes,
            ``filters``, ``window``, ``purpose``, ``asked_by``, ``ledger``, ``unsealed``, ...
        manifest_sha256: SHA-256 of its file, in hex.
        resumed: Records that an earlier run, which was cut short, had written already.
    """

    path: Path
    manifest_path: Path
    manifest: dict[str, Any]
    manifest_sha256: str
    resumed: int

    @property
    def records(self) -> int:
        """Number of records."""
        return int(self.manifest["records"])


@dataclass(frozen=True)
class PackageFinding:
    """Something that is not as it was signed.

    Attributes:
        file: The file.
        what: What is wrong.
        line: The line in it, from 1; None if it is no line.
    """

    file: str
    what: str
    line: int | None = None


@dataclass(frozen=True)
class PackageReport:
    """What :func:`verify_integrity` found.

    Attributes:
        holds: Whether everything that was checked is as it was signed.
        findings: What is not.
        proven: Number of records whose proofs hold.
        manifest: The manifest, if its signature holds.
        signer: Who signed it: a writer's id, or ``owner``.
        custody: The hand-overs of a package, in order.
        custody_head: SHA-256 of the last line of its custody log, in hex.
        not_checked: What was not checked, or cannot be.
        notes: What is worth knowing and no finding.
        details: All of the report.
    """

    holds: bool
    findings: list[PackageFinding]
    proven: int
    manifest: dict[str, Any] | None
    signer: str | None
    custody: list[dict[str, Any]]
    custody_head: str | None
    not_checked: list[str]
    notes: list[str]
    details: dict[str, Any]


class Exports:
    """How records leave an open trail."""

    _native: NativeTrail
    _purpose: str | None

    if TYPE_CHECKING:

        def _searching(self, options: dict[str, Any]) -> SearchQuery: ...

    def export(
        self,
        path: Path_,
        format: Literal["jsonl", "csv", "parquet", "ocsf"] = "jsonl",  # noqa: A002
        *,
        since_last: bool = False,
        replace: bool = False,
        lake: tuple[str, str, str] | None = None,
        progress: Callable[[int, int], object] | None = None,
        **search: Any,
    ) -> Export | None:
        """Export records with a signed manifest and, as ``jsonl``, the proofs of all of them.

        What this process recorded is committed first; only what is in the ledger is exported.
        The manifest is signed by a writer of this host, or by the owner where it has none.

        Args:
            path: The file to write; its manifest stands beside it (``<path>.manifest``), and so do
                the proofs (``<path>.proofs``). A folder for ``ocsf`` and with ``since_last``.
            format: ``jsonl`` (the records as they were signed), ``csv``, ``parquet``, or ``ocsf``
                (Parquet in the layout of a security lake).
            since_last: Only what came since the last export into this folder with the same
                filters: none is left out and none comes twice.
            replace: Replace what is there.
            lake: Source, region and account for the folders of ``ocsf``.
            progress: Called now and then with the rows that were looked at and of how many.
            **search: Only what a :meth:`Trail.search` with these keywords finds (``since``,
                ``until``, ``where``, ``user_id``, ...), ``purpose`` and ``exclude_access``. There
                is no order, limit, cursor or choice of fields.

        Returns:
            What became of it; None if nothing came since the last export.

        Raises:
            AlreadyExistsError: There is something, and it is not to be replaced.
            UsageError: The keywords mean nothing, or this host has no key to sign with.

        Example:
            >>> import sealtrail, tempfile
            >>> folder = tempfile.mkdtemp()
            >>> trail = sealtrail.init(folder + "/audit")
            >>> _ = trail.record({"event_type": "auth.user_login", "user_id": "mira"})
            >>> done = trail.export(folder + "/mira.jsonl", user_id="mira", purpose="case 17")
            >>> done.records, done.manifest["purpose"]
            (1, 'case 17')
        """
        asked = self._searching(search).asked()
        done = self._native.export(
            asked,
            format,
            Path(path),
            since_last=since_last,
            replace=replace,
            lake=lake,
            progress=progress,
        )
        return None if done is None else _export(done)

    def evidence(
        self,
        path: Path_,
        ids: list[str] | None = None,
        *,
        replace: bool = False,
        progress: Callable[[int, int], object] | None = None,
        **search: Any,
    ) -> Export:
        """Build an evidence package: a zip if ``path`` ends so, else a folder.

        It holds the records as they were signed, their proofs, the signed checkpoint, a signed
        manifest, a custody log, a summary as HTML and PDF, and a Python program that checks all of
        it with the owner's public key alone.

        Args:
            path: The folder or zip to make.
            ids: The ``audit_id``s of records; by default all that is found.
            replace: Replace what is there.
            progress: As for :meth:`export`.
            **search: As for :meth:`export`.

        Returns:
            What became of it.

        Example:
            >>> import sealtrail, tempfile
            >>> folder = tempfile.mkdtemp()
            >>> trail = sealtrail.init(folder + "/audit")
            >>> id = trail.record({"event_type": "data.export", "resource": {"path": "/x.csv"}})
            >>> package = trail.evidence(folder + "/case.zip", [id], purpose="case 17")
            >>> head = trail.custody_add(package.path, "mira", "court", purpose="hearing")
            >>> report = sealtrail.verify_integrity(package.path, trail.keys.owner_public)
            >>> report.holds, report.proven, report.custody_head == head
            (True, 1, True)
        """
        matching: dict[str, Values] = {} if ids is None else {"audit_id": ids}
        asked = self._searching({**search, **matching}).asked()
        done = self._native.export(
            asked,
            "package",
            Path(path),
            since_last=False,
            replace=replace,
            lake=None,
            progress=progress,
        )
        if done is None:
            message = "a package is no part of a series"
            raise AssertionError(message)
        return _export(done)

    def custody_add(
        self, package: Path_, previous: str, to: str, *, purpose: str | None = None
    ) -> str:
        """Sign that a package was handed over.

        Args:
            package: The package: a folder or a zip. It must hold.
            previous: Who had it.
            to: Who has it now.
            purpose: What for.

        Returns:
            SHA-256 of the new line of its custody log. Tell it to the receiver by another way: so
            it shows if lines are cut off.
        """
        purpose = self._purpose if purpose is None else purpose
        return self._native.custody_add(Path(package), previous, to, purpose)


def verify_integrity(path: Path_, key: Path_, *, custody_head: str | None = None) -> PackageReport:
    """Check an export or an evidence package, offline, with the owner's public key alone.

    Args:
        path: A package (folder or zip), or an exported file with its manifest (and proofs) beside
            it.
        key: The owner's public key, or its file. It must come from who trusts it, not with the
            package.
        custody_head: Demand that the custody log ends with the line of this SHA-256.

    Returns:
        What was found. Whatever was changed, is missing or was added is named.

    Raises:
        KeyFileError: The key is none.
        NotFoundError: There is no such file, or no manifest.
        StoreError: A file cannot be read.

    Example:
        >>> import sealtrail, tempfile
        >>> folder = tempfile.mkdtemp()
        >>> trail = sealtrail.init(folder + "/audit")
        >>> _ = trail.record({"event_type": "auth.user_login", "user_id": "mira"})
        >>> done, key = trail.export(folder + "/all.jsonl"), trail.keys.owner_public
        >>> sealtrail.verify_integrity(done.path, key).holds
        True
        >>> _ = done.path.write_text(done.path.read_text().replace("mira", "ghost"))
        >>> [f.line for f in sealtrail.verify_integrity(done.path, key).findings]
        [None, 1]
    """
    found = as_object(_native.check_package(Path(path), fspath(key), custody_head))
    names = PackageReport.__dataclass_fields__.keys() - {"details", "findings"}
    rest = {name: found[name] for name in names}
    findings = [PackageFinding(**finding) for finding in found["findings"]]
    return PackageReport(findings=findings, details=found, **rest)


def _export(text: bytes) -> Export:
    done = as_object(text)
    for name in ("path", "manifest_path"):
        done[name] = Path(done[name])
    return Export(**done)
