"""Small segments become large ones, and what was replaced goes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from os import fspath
from typing import Any

from sealtrail._arguments import Path_, as_object, as_threads
from sealtrail._native import Trail as NativeTrail
from sealtrail._native import back_up, has_copy
from sealtrail._native import restore_from_archive as native_restore
from sealtrail._retention import as_micros
from sealtrail._search import Time, as_time

HOUR = timedelta(hours=1)


class Maintenance:
    """How an open trail is kept small and quick."""

    _native: NativeTrail
    _purpose: str | None

    def compact(
        self,
        *,
        target_mb: int = 256,
        dry_run: bool = False,
        threads: int = 0,
        grace: timedelta = HOUR,
        progress: Callable[[int, int, int], object] | None = None,
    ) -> dict[str, Any]:
        """Merge small segments of each domain and month (or day) into large ones.

        Records, leaves, roots and proofs stay what they are. It is safe while others write, compact
        or read: the new segment is read back and checked before one ledger entry replaces the old
        ones, whose files stay for the grace period. Interrupted, it goes on with the next call.

        Args:
            target_mb: Size of a finished segment in MiB; what is smaller than half is merged.
            dry_run: Return what would be merged, and change nothing.
            threads: Merges at a time; 0 for one for each core.
            grace: How long files of replaced segments stay for readers that began before.
            progress: Called now and then with rows done, rows in all (each row counts twice:
                written and read back) and new segments.

        Returns:
            ``replaced``, ``segments``, ``rows``, ``bytes_before``, ``bytes_after``, ``lost``
            (merges that others were quicker with) and ``swept`` (files that went); for a dry run
            ``groups`` and ``untouched``.

        Raises:
            IntegrityError: A segment is not what was signed; it is left as it is.
        """
        wish = (target_mb, as_threads(threads), grace.total_seconds())
        if dry_run:
            return as_object(self._native.compaction_plan(*wish))
        return as_object(self._native.compact(*wish, progress))

    def maintain(
        self,
        *,
        target_mb: int = 256,
        threads: int = 0,
        grace: timedelta = HOUR,
        retention: bool = True,
        progress: Callable[[int, int, int], object] | None = None,
    ) -> dict[str, Any]:
        """Do everything that is due: retention, commit, compact, remove what was replaced, copy.

        Where the owner pinned a retention policy, segments past their days in hot storage move to
        the archive that the configuration names, and records that are due are deleted if the
        owner's key is on this host and has no passphrase. The second copy is brought up to date if
        the configuration names one.

        Args:
            target_mb: As for :meth:`compact`.
            threads: As for :meth:`compact`.
            grace: As for :meth:`compact`.
            retention: Whether the retention policy is applied.
            progress: As for :meth:`Retention.apply`, then, from zero again, as for
                :meth:`compact`.

        Returns:
            ``committed`` (records that logs of this host held), ``new_generation`` (of the
            keyring, if one was due), ``compact``, a report as of :meth:`compact`, ``orphans``
            and, where there is a policy or a copy, ``retention`` and ``backup``, reports as of
            :meth:`Retention.apply` and :meth:`Trail.backup`.
        """
        wish = (target_mb, as_threads(threads), grace.total_seconds())
        applied = None
        if retention:
            applied = self._native.retention().maintain(as_micros(None), *wish, progress)
        report = as_object(self._native.maintain(*wish, progress))
        if applied is not None:
            report["retention"] = as_object(applied)
        if has_copy(self._native):
            place = {"copy": None, "key": None}
            copied = back_up(self._native, place, 0, repair=False, progress=None)
            report["backup"] = as_object(copied)
        return report

    def restore_from_archive(
        self,
        destination: Path_,
        *,
        start_date: Time | None = None,
        end_date: Time | None = None,
        replace: bool = False,
        progress: Callable[[int, int], object] | None = None,
        purpose: str | None = None,
    ) -> dict[str, Any]:
        """Bring the records of a time back, from archives and hot storage alike.

        Each record is checked on the way: its file is the one that the ledger names, it is under
        the root of its batch, and the batch in the entry that introduced it.

        Args:
            destination: A file whose name ends with ``.jsonl`` (canonical records) or
                ``.parquet`` (columns), else the folder or URL of another trail, made if there is
                none: records are recorded there anew, once each, with ``restored``, which has the
                ``recorded_at`` that they had and the trail that they are from.
            start_date: Records of then or later.
            end_date: Records before then; a date means the whole day.
            replace: Replace a file that is there.
            progress: Called now and then with records checked and records in all.
            purpose: What for; as for :meth:`sql`.

        Returns:
            ``records``, ``from_archive``, ``from_hot``, ``segments``, ``archive_segments``,
            ``unsealed`` (in no entry yet, so not restored); of a file ``bytes`` and ``sha256``, of
            a trail ``recorded``, ``repeated`` (it had them) and ``refused``.

        Raises:
            IntegrityError: A record is not what was signed; nothing of its segment was restored.
            AlreadyExistsError: The file is there.

        Example:
            >>> import sealtrail, tempfile
            >>> trail = sealtrail.init(tempfile.mkdtemp() + "/audit")
            >>> _ = trail.record_many([{"event_type": "auth.user_login", "user_id": "mira"}])
            >>> trail.restore_from_archive(tempfile.mkdtemp() + "/all.jsonl")["from_hot"]
            1
        """
        start = None if start_date is None else as_time(start_date)
        end = None if end_date is None else as_time(end_date)
        purpose = self._purpose if purpose is None else purpose
        report = native_restore(
            self._native, fspath(destination), start, end, replace, progress, purpose
        )
        return as_object(report)
