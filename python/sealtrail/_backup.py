"""The second copy of a trail, and the trail from it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Literal

from sealtrail import _native
from sealtrail._arguments import Path_, as_archives, as_object, as_path, as_threads, as_url
from sealtrail._reports import VerifyReport


def _place(copy: Path_ | None, key: str | None) -> dict[str, str | None]:
    return {"copy": as_url(copy), "key": key}


class Backups:
    """What keeps a copy of an open trail."""

    _native: _native.Trail

    def backup(
        self,
        copy: Path_ | None = None,
        *,
        copy_key: str | None = None,
        parallel: int = 0,
        repair: bool = False,
        progress: Callable[[int, int, int], object] | None = None,
    ) -> dict[str, Any]:
        """Bring the second copy of the trail up to date.

        Copies what the copy lacks, then says what it is complete up to, then removes what retention
        removed and destroys keys of erased subjects. It can be stopped anywhere; the next call goes
        on. Records that are in logs only are not copied: :meth:`flush` first. A run that did
        something leaves a ``system.backup`` record.

        Args:
            copy: The copy's folder or URL. Default: ``integrity.audit_log_backup.destination`` of
                the configuration.
            copy_key: Its master key: ``file:PATH``, ``env:NAME``, ``command:COMMAND`` or
                ``aws-kms:KEY``. Default: ``integrity.audit_log_backup.key`` of the configuration.
            parallel: Objects copied at a time; 0 for 8.
            repair: Read every object of the copy, too, and put those anew that are damaged or
                missing, where the trail's bytes are what the ledger says.
            progress: Called now and then with objects done, objects in all and bytes done.

        Returns:
            ``holder`` (the copy's name), ``size`` and ``root`` (the copy is complete up to there),
            ``statement``, ``records``, ``objects`` and ``bytes`` copied, ``removed``,
            ``destroyed``, ``confirmed`` and ``unconfirmed`` erasures; ``checked``, ``mended`` and
            ``lost`` (objects that are damaged in copy and trail: while an entry or a segment is
            among them, the copy stays complete up to where it was).

        Raises:
            UsageError: Something else is at the destination, or nothing says where it is.
            KeyFileError: The key is not the copy's.
            IntegrityError: The ledger does not extend the copy's, or what is to be copied is
                missing or not what was signed.
        """
        place = _place(copy, copy_key)
        threads = as_threads(parallel)
        return as_object(_native.back_up(self._native, place, threads, repair, progress))

    def copies(self) -> list[dict[str, Any]]:
        """The copies that the trail knows of.

        Returns:
            For each ``holder`` (its name), ``url``, ``made``, ``from`` (erasures by entries from
            there on wait for it) and, where the owner has given it up, ``forgotten``, the entry.
        """
        return list(json.loads(_native.known_copies(self._native)))

    def forget_copy(
        self, copy: Path_, *, reason: str, approver: str, dry_run: bool = False
    ) -> dict[str, Any]:
        """Give up a copy that is lost or no longer kept: erasures wait for it no more.

        The owner signs it, with every anchor. It says nothing of what the copy holds: where it is
        still, destroy it, because whoever has it and its keys may have what was erased.

        Args:
            copy: Its name, or the folder or URL where it was.
            reason: Why; it is recorded.
            approver: Who approved it; it is recorded.
            dry_run: Say what would follow, and change nothing.

        Returns:
            ``copy``, as of :meth:`copies`, ``entry`` (absent for a dry run), ``erased``, entries of
            erasures that waited for it alone, and ``pending``, pairs of entries of erasures and
            the holders that these still wait for.

        Raises:
            NotFoundError: The trail knows of no such copy, or the owner's key is not here.
            UsageError: It was forgotten already, or several copies were at that place.
        """
        name = str(as_url(copy))
        done = _native.forget_copy(self._native, name, reason, approver, dry_run)
        return as_object(done)

    def verify_backup(
        self,
        copy: Path_ | None = None,
        *,
        copy_key: str | None = None,
        level: Literal["deep", "quick"] = "deep",
        key: Path_ | None = None,
        owner_key: Path_ | None = None,
        progress: Callable[[int, int], object] | None = None,
    ) -> VerifyReport:
        """Check a copy of the trail, as :func:`sealtrail.verify_backup` does.

        Args:
            copy: As for :meth:`backup`.
            copy_key: As for :meth:`backup`.
            level: As for :meth:`verify`.
            key: As for :meth:`verify`.
            owner_key: As for :meth:`verify`.
            progress: As for :meth:`verify`.

        Returns:
            The report.
        """
        home, config = _native.folders_of(self._native)
        return verify_backup(
            copy,
            copy_key=copy_key,
            level=level,
            key=key,
            owner_key=owner_key,
            home=home,
            config=config,
            progress=progress,
        )


def verify_backup(  # noqa: PLR0913
    copy: Path_ | None = None,
    *,
    copy_key: str | None = None,
    level: Literal["deep", "quick"] = "deep",
    key: Path_ | None = None,
    owner_key: Path_ | None = None,
    home: Path_ | None = None,
    config: Path_ | None = None,
    no_pin: bool = False,
    require_pin: bool = False,
    progress: Callable[[int, int], object] | None = None,
) -> VerifyReport:
    """Check a copy by itself, without the trail.

    Every object is opened, and the trail in the copy verified. The copy has a pin of its own: one
    that was put back to an earlier state is ``ROLLED_BACK``.

    Args:
        copy: As for :meth:`Trail.backup`.
        copy_key: As for :meth:`Trail.backup`.
        level: As for :meth:`Trail.verify`.
        key: As for :meth:`Trail.verify`.
        owner_key: As for :meth:`Trail.verify`.
        home: As for :func:`init`.
        config: As for :func:`init`.
        no_pin: As for :meth:`Trail.verify`.
        require_pin: As for :meth:`Trail.verify`.
        progress: As for :meth:`Trail.verify`.

    Returns:
        The report; ``details["size"]`` is the number of entries that the copy reaches,
        ``details["complete"]`` when that was.
    """
    pinning: dict[str, object] = {
        "pin": None,
        "no_pin": no_pin,
        "require_pin": require_pin,
        "since_last": False,
        "anchors": False,
        "archives": {},
    }
    report = _native.verify_backup(
        _place(copy, copy_key),
        home=as_path(home),
        config=as_path(config),
        level=level,
        key=as_url(key),
        owner_key=as_url(owner_key),
        pinning=pinning,
        progress=progress,
    )
    return VerifyReport(as_object(report))


def inspect_backup(
    copy: Path_ | None = None, *, home: Path_ | None = None, config: Path_ | None = None
) -> dict[str, Any]:
    """Look at a copy without its key.

    Args:
        copy: As for :meth:`Trail.backup`.
        home: As for :func:`init`.
        config: As for :func:`init`.

    Returns:
        What the copy says of itself, which nobody can check without its key (``size``, ``root``,
        ``complete``, ``records`` and more), and ``problems``: objects that are missing, or whose
        length cannot be.
    """
    found = _native.inspect_backup(_place(copy, None), home=as_path(home), config=as_path(config))
    return as_object(found)


def restore_backup(
    copy: Path_ | None = None,
    destination: Path_ | None = None,
    *,
    copy_key: str | None = None,
    home: Path_ | None = None,
    config: Path_ | None = None,
    archives: Mapping[str, Path_] | None = None,
    parallel: int = 0,
    progress: Callable[[int, int, int], object] | None = None,
) -> dict[str, Any]:
    """Make a trail anew from its copy, in an empty place.

    Each object is checked on its way. Verify the result with the owner's key afterwards.

    Args:
        copy: As for :meth:`Trail.backup`.
        destination: Where to: an empty folder or URL, or one where a restore was broken off.
            Default: as for :func:`init`.
        copy_key: As for :meth:`Trail.backup`.
        home: As for :func:`init`.
        config: As for :func:`init`.
        archives: Where the archives of the trail are to be, by their names in the ledger: what
            they held is restored there. Of others the configuration says it, then the retention
            policy that the owner pinned.
        parallel: Objects restored at a time; 0 for 8.
        progress: Called now and then with objects done, objects in all and bytes done.

    Returns:
        ``url``, ``trail_id``, ``size``, ``root``, ``complete`` (what came later is lost),
        ``records``, ``objects``, ``bytes``, ``left_out`` (keys of erased subjects) and
        ``recorded``: trail and ``audit_id`` of the ``system.restore`` record, which is in the
        restored trail if this host may write to it already, else in your access trail.

    Raises:
        AlreadyExistsError: The destination holds a trail.
        UsageError: It holds something else.
        IntegrityError: An object of the copy is missing or not what it must be.
    """
    report = _native.restore_backup(
        _place(copy, copy_key),
        as_url(destination),
        home=as_path(home),
        config=as_path(config),
        archives=as_archives(archives),
        parallel=as_threads(parallel),
        progress=progress,
    )
    return as_object(report)
