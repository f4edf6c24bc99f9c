"""Small segments become large ones, and what was replaced goes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sealtrail._arguments import as_object, as_threads
from sealtrail._native import Trail as NativeTrail

HOUR = timedelta(hours=1)


class Maintenance:
    """How an open trail is kept small and quick."""

    _native: NativeTrail

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
        progress: Callable[[int, int, int], object] | None = None,
    ) -> dict[str, Any]:
        """Do everything that is due: commit, compact, remove files that were replaced.

        Args:
            target_mb: As for :meth:`compact`.
            threads: As for :meth:`compact`.
            grace: As for :meth:`compact`.
            progress: As for :meth:`compact`.

        Returns:
            ``committed`` (records that logs of this host held), ``new_generation`` (of the
            keyring, if one was due) and ``compact``, a report as of
            :meth:`compact`.
        """
        wish = (target_mb, as_threads(threads), grace.total_seconds())
        return as_object(self._native.maintain(*wish, progress))
