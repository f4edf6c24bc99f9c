"""Who may write to a trail, and with which keys."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from sealtrail import _native
from sealtrail._arguments import as_object


@dataclass(frozen=True)
class Writer:
    """A writer as the ledger knows it.

    Attributes:
        id: Its id.
        key: Id of its public key.
        authorized: Number of the ledger entry that authorised it.
        revoked: Number of the one that revoked it, or None.
        records: Records that it committed.
        last_record: Latest ``recorded_at`` among them (RFC 3339, UTC), or None.
        here: Whether its keys are on this host.
    """

    id: str
    key: str
    authorized: int
    revoked: int | None
    records: int
    last_record: str | None
    here: bool


@dataclass(frozen=True)
class Rotation:
    """A writer that was replaced by one with new keys.

    Attributes:
        old: Id of the writer that was revoked.
        new: Id of the one in its place.
        entry: Number of the ledger entry that did both.
    """

    old: str
    new: str
    entry: int


class Keys:
    """The writers of a trail; get it from :attr:`sealtrail.Trail.keys`.

    Who may write is for the owner's key to say: the one in SEALTRAIL_OWNER_KEY (its content) or
    SEALTRAIL_OWNER_KEY_COMMAND (a command that prints it), else that in the keys folder, opened
    by SEALTRAIL_PASSPHRASE if it is locked.

    Example:
        >>> import sealtrail, tempfile
        >>> trail = sealtrail.init(tempfile.mkdtemp() + "/audit")
        >>> id = trail.record({"event_type": "system.backup"})
        >>> rotation = trail.keys.rotate()
        >>> [(w.id == rotation.old, w.revoked == rotation.entry) for w in trail.keys.writers()]
        [(True, True), (False, False)]
    """

    def __init__(self, native: _native.Keys) -> None:
        """Wrap the native object; use :attr:`sealtrail.Trail.keys`."""
        self._native = native

    @property
    def owner_public(self) -> str:
        """The owner's public key as the trail claims it, in the form of a vkey."""
        return self._native.owner_public()

    def writers(self) -> list[Writer]:
        """All writers that were ever authorised, in the order of their entries."""
        return [Writer(**row) for row in self._native.writers()]

    def authorize_writer(self, path: str | PathLike[str]) -> str:
        """Authorise a writer for a host that does not have the owner's key.

        Args:
            path: A new file (mode 0600) for its secret keys, for :meth:`install` on that host.

        Returns:
            The writer's id.

        Raises:
            NotFoundError: The owner's key is not here.
            AlreadyExistsError: There is such a file.
        """
        return self._native.authorize_writer(Path(path))

    def install(self, path: str | PathLike[str]) -> str:
        """Take over a writer's keys on its host, and remove the file.

        Args:
            path: The file that :meth:`authorize_writer` made.

        Returns:
            The writer's id.

        Raises:
            KeyFileError: It is no such file, or for another trail.
            UsageError: The writer is not authorised, revoked, or has written already.
        """
        return self._native.install(Path(path))

    def revoke(self, writer: str, *, reason: str) -> int:
        """End a writer's right to sign; what it committed before stays.

        Args:
            writer: Its id.
            reason: Why; it stands in the ledger for good.

        Returns:
            Number of the ledger entry.

        Raises:
            UsageError: There is no such writer, or it is revoked.
            NotFoundError: The owner's key is not here.
        """
        return self._native.revoke(writer, reason)

    def status(self) -> dict[str, Any]:
        """The keyring of encryption at rest. Needs no key.

        Returns:
            ``generations`` (each with ``generation``, ``made``, ``master_keys``, and the
            ``segments`` and ``bytes`` under it), ``plain`` (segments in the clear), ``due``
            (whether the next generation is), ``lost`` (generations that segments need and that
            are not there), ``master_key`` (name of the one at hand) or ``master_key_missing``
            (why there is none).
        """
        return as_object(self._native.status())

    def rotate_encryption(self) -> str:
        """Make the next generation of the keyring: new segments are encrypted under it.

        Returns:
            Its name.

        Raises:
            KeyFileError: The master key is not at hand.
        """
        return self._native.rotate_encryption()

    def rewrap(self, key: str) -> list[str]:
        """Wrap all generations under another master key as well; no file is written anew.

        Args:
            key: Where that comes from, as ``encryption.key`` of the configuration says it:
                ``file:PATH``, ``env:NAME``, ``command:COMMAND`` or ``aws-kms:KEY``.

        Returns:
            Names of the generations that were not under it yet.

        Raises:
            KeyFileError: One of the master keys is not at hand.
        """
        return self._native.rewrap(key)

    def rotate(self) -> Rotation:
        """Give this process's writer new keys, after it committed all that it recorded.

        Calls of :meth:`sealtrail.Trail.record` meanwhile may fail; they recorded nothing then.

        Returns:
            The writers before and after.

        Raises:
            NotFoundError: The owner's key is not here.
        """
        return Rotation(*self._native.rotate())
