"""What a trail proves, and what it is held against."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from os import fspath
from typing import Any, Literal

from sealtrail._arguments import (
    Path_,
    as_archives,
    as_object,
    as_path,
    as_size,
    as_threads,
    as_url,
)
from sealtrail._errors import NotFoundError
from sealtrail._native import Trail as NativeTrail
from sealtrail._reports import VerifyReport


class Integrity:
    """How an open trail is verified, anchored and proven."""

    _native: NativeTrail
    _purpose: str | None

    def verify(  # noqa: PLR0913
        self,
        level: Literal["deep", "quick"] = "deep",
        *,
        key: Path_ | None = None,
        owner_key: Path_ | None = None,
        threads: int = 0,
        since_last: bool = False,
        pin: Path_ | None = None,
        no_pin: bool = False,
        require_pin: bool = False,
        anchors: bool = False,
        archives: Mapping[str, Path_] | None = None,
        progress: Callable[[int, int], object] | None = None,
        purpose: str | None = None,
    ) -> VerifyReport:
        """Recompute everything from bytes and keys.

        What was verified is remembered under SEALTRAIL_HOME (see :meth:`pin`), and the next
        verification demands that the trail extends it: one that was put back to an earlier state
        is ``ROLLED_BACK``, another one ``FORKED``.

        Args:
            level: ``deep`` (every record and whatever a query relies on) or ``quick``
                (signatures and digests of files).
            key: The owner's public key, or its file. Default: the keys folder.
            owner_key: The owner's key, as for :func:`init`: HMACs are checked too.
            threads: How many; 0 for all cores.
            since_last: Look deeply only at what came since the last deep verification, the first
                time at everything. ``report.details["since"]`` says what was left out.
            pin: A file with a further pin or a signed checkpoint to demand; it is only read.
            no_pin: Neither compare with what was seen before nor remember what is seen now.
            require_pin: ``UNANCHORED`` if there is nothing to compare with.
            anchors: Demand the checkpoints in the trail's anchors, too; ``UNANCHORED`` if none of
                them can be read.
            archives: Where archives of the trail are, by their names in the ledger. Of others the
                configuration or the owner's policy says so.
            progress: Called now and then with records checked and records in all.
            purpose: What for; as for :meth:`sql`.

        Returns:
            The report. Records of who looked that wait in this host's logs for the next commit
            leave the verdict as it is; ``report.details["notes"]`` counts them.
        """
        pinning: dict[str, object] = {
            "pin": as_path(pin),
            "no_pin": no_pin,
            "require_pin": require_pin,
            "since_last": since_last,
            "anchors": anchors,
            "archives": as_archives(archives),
        }
        purpose = self._purpose if purpose is None else purpose
        report = self._native.verify(
            level, as_url(key), as_url(owner_key), as_threads(threads), pinning, progress, purpose
        )
        return VerifyReport(as_object(report))

    def pin(self) -> dict[str, Any] | None:
        """What the last successful verification saw, or what was set: the ledger must extend it.

        Returns:
            ``origin``, ``size``, ``root`` (hex), ``time``, ``deep`` and more; None before the first
            verification.

        Raises:
            IntegrityError: The pin's file is damaged.
        """
        found = self._native.pin()
        return None if found is None else as_object(found)

    def set_pin(self, note: str, *, key: Path_ | None = None) -> None:
        """Demand from now on that the trail extends a signed checkpoint.

        Args:
            note: The checkpoint, for example from somebody else who has seen the trail.
            key: The owner's public key, or its file. Default: the keys folder.

        Raises:
            IntegrityError: Neither the owner nor a writer of this trail signed it.
        """
        self._native.set_pin(note, as_url(key))

    def clear_pin(self) -> bool:
        """Forget the pin, for a trail that was replaced on purpose.

        Returns:
            Whether there was one.
        """
        return self._native.clear_pin()

    def add_anchor(self, target: Path_, *, file: bool = False) -> None:
        """Send a copy of each checkpoint to another place, from this host and from now on.

        Writers send in the background, and never fail for it: ``stats()["anchors"]`` tells how it
        went.

        Args:
            target: A folder, the URL of an object store, or an http(s) URL.
            file: It is one local file, which always holds the newest checkpoint.

        Raises:
            AlreadyExistsError: It is an anchor already.
            UsageError: It cannot be one, or lies in the trail.
        """
        self._native.add_anchor(fspath(target), file)

    def remove_anchor(self, target: Path_) -> None:
        """Send nothing more there; what it holds stays.

        Raises:
            NotFoundError: It is no anchor of this trail.
        """
        self._native.remove_anchor(fspath(target))

    def anchors(self) -> list[dict[str, Any]]:
        """The places that get copies: ``kind`` (``folder``, ``file``, ``http``) and ``url``."""
        found: list[dict[str, Any]] = json.loads(self._native.anchors())
        return found

    def checkpoint(self) -> str:
        """A signed statement of the whole ledger: a C2SP signed note.

        Where this host has a writer it covers all entries; elsewhere it is the newest one that a
        writer published. Keep it where nobody who can change the trail can change it.

        Raises:
            NotFoundError: Nobody has signed one yet, and this host cannot.
            IntegrityError: The ledger was cut off or replaced.
        """
        return self._native.checkpoint()

    def prove(self, audit_id: str, *, purpose: str | None = None) -> bytes:
        """The proof that a record is in the trail, for whoever has the owner's public key.

        Args:
            audit_id: The record's id. It must be committed: see :meth:`flush`.
            purpose: What for; as for :meth:`sql`.

        Returns:
            The file of the proof, which :func:`sealtrail.check_proof` and
            ``sealtrail check-proof`` check offline.

        Raises:
            NotFoundError: No record has this id.
            UsageError: It is not in the ledger yet, or no checkpoint covers it yet.

        Example:
            >>> import sealtrail, tempfile, pathlib
            >>> home = pathlib.Path(tempfile.mkdtemp())
            >>> trail = sealtrail.init(tempfile.mkdtemp() + "/audit", home=home)
            >>> id = trail.record({"event_type": "auth.user_login", "user_id": "mira"})
            >>> trail.flush()
            >>> key = home / "keys" / trail.info["trail_id"] / "owner.vkey"
            >>> sealtrail.check_proof(trail.prove(id), key).record["user_id"]
            'mira'
        """
        proof = self._native.prove(audit_id, (self._purpose if purpose is None else purpose))
        if proof is None:
            message = f"{audit_id}: no record has this audit_id"
            raise NotFoundError(message, kind="not_found")
        return proof

    def prove_consistency(self, start: int, to: int | None = None) -> bytes:
        """The proof that the ledger's first ``to`` entries begin with its first ``start`` ones.

        Args:
            start: Number of entries of the earlier state, such as the second line of a checkpoint
                that was kept.
            to: Number of entries of the later one. Default: those of :meth:`checkpoint`.

        Returns:
            The file of the proof, for :func:`sealtrail.check_consistency`.

        Raises:
            UsageError: The ledger has no such states.
            NotFoundError: Nobody signed for the later one, and this host cannot.
        """
        return self._native.prove_consistency(as_size(start), None if to is None else as_size(to))
