"""The exceptions of sealtrail: few classes, each a fitting builtin too, with stable codes."""

from __future__ import annotations

from typing import Any


class SealtrailError(Exception):
    """Something that sealtrail could not do.

    Attributes:
        kind: A stable code for programs, the same in Rust and on the command line.
        path: The field, file or object in question, where one is known.
        line: 1-based line in a text, where one is known.
        column: 1-based column in a text, where one is known.
        reason: A finer code of a refused event.
        audit_id: The id of the record in question, where one is known.
    """

    def __init__(self, message: str, **details: Any) -> None:
        """Make an exception with a message and details."""
        super().__init__(message)
        self.kind: str = details.pop("kind", "unknown")
        self.path: str | None = details.pop("path", None)
        self.line: int | None = details.pop("line", None)
        self.column: int | None = details.pop("column", None)
        self.reason: str | None = details.pop("reason", None)
        self.audit_id: str | None = details.pop("audit_id", None)
        if details:
            unknown = f"unknown details: {sorted(details)}"
            raise TypeError(unknown)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle with all details."""
        details = {name: getattr(self, name) for name in _DETAILS}
        return _restore, (type(self), self.args[0], details)


_DETAILS = ("kind", "path", "line", "column", "reason", "audit_id")


def _restore(cls: type[SealtrailError], message: str, details: dict[str, Any]) -> SealtrailError:
    return cls(message, **details)


class InvalidEventError(SealtrailError, ValueError):
    """An event that cannot become a record; ``path`` names the field. Nothing of it was stored."""


class ConflictError(SealtrailError, ValueError):
    """The same ``audit_id`` was recorded before with other content."""


class UsageError(SealtrailError, ValueError):
    """An argument, or a combination of arguments, that makes no sense."""


class ConfigError(SealtrailError, ValueError):
    """A configuration that cannot be used; ``path``, ``line`` and ``column`` tell the place."""


class SqlError(SealtrailError, ValueError):
    """A statement that cannot be answered; ``line`` and ``column`` tell the place."""


class NotFoundError(SealtrailError, FileNotFoundError):
    """There is no such trail, record or file."""


class AlreadyExistsError(SealtrailError, FileExistsError):
    """Something that must not exist yet exists already."""


class KeyFileError(SealtrailError, PermissionError):
    """A key is missing, unreadable, too widely readable, or not the one expected."""


class AccessError(SealtrailError, PermissionError):
    """A question that is not answered because it cannot be recorded who asked it."""


class StoreError(SealtrailError, OSError):
    """Reading or writing failed. With an ``audit_id`` the outcome is unknown: repeat with it."""


class ResourceError(SealtrailError, MemoryError):
    """A statement needs more memory or temporary space than it may have."""


class IntegrityError(SealtrailError, RuntimeError):
    """Stored bytes are not what they must be; ``path`` names the object."""


class ForkedError(SealtrailError, RuntimeError):
    """The library was used before the process forked; start processes by ``spawn``."""


class InternalError(SealtrailError, RuntimeError):
    """A mistake of this library."""
