"""sealtrail: the signed audit trail of AI agents.

Example:
    >>> import sealtrail, tempfile
    >>> from sealtrail import events
    >>> with sealtrail.init(tempfile.mkdtemp() + "/audit") as trail:
    ...     id = trail.record(events.auth.user_login(user_id="mira", status="success"))
    >>> trail.get(id)["user_id"]
    'mira'
    >>> trail.verify().verdict
    'VERIFIED'
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from sealtrail import demo, events
    from sealtrail._backup import inspect_backup, restore_backup, verify_backup
    from sealtrail._errors import (
        AccessError,
        AlreadyExistsError,
        ConfigError,
        ConflictError,
        ForkedError,
        IntegrityError,
        InternalError,
        InvalidEventError,
        KeyFileError,
        NotFoundError,
        ResourceError,
        SealtrailError,
        SqlError,
        StoreError,
        UsageError,
    )
    from sealtrail._exports import Export, PackageFinding, PackageReport, verify_integrity
    from sealtrail._jobs import Job, JobStatus, job, jobs
    from sealtrail._keys import Keys, Rotation, Writer
    from sealtrail._native import __version__
    from sealtrail._privacy import Erasure, SubjectReport
    from sealtrail._proof import (
        CheckedConsistency,
        CheckedProof,
        ProofSigner,
        Revocation,
        TreeState,
        check_consistency,
        check_proof,
    )
    from sealtrail._reports import ImportReport, RecordReport, RefusedLine, VerifyReport
    from sealtrail._result import Result
    from sealtrail._retention import Holds, Retention
    from sealtrail._search import SearchField, SearchQuery, SearchResult, search_fields
    from sealtrail._sequence import Match, Sequences
    from sealtrail._tail import Tail
    from sealtrail._trace import RelatedEvent, Trace
    from sealtrail._trail import (
        Trail,
        init,
        open,  # noqa: A004
        verify,
    )
    from sealtrail._trails import Trails

# Which module has which names. They are imported when they are first used: the command line, which
# is this package too, needs none of them, and importing them takes longer than most of its answers.
_PLACES = {
    "_backup": ("inspect_backup", "restore_backup", "verify_backup"),
    "_errors": (
        "AccessError",
        "AlreadyExistsError",
        "ConfigError",
        "ConflictError",
        "ForkedError",
        "IntegrityError",
        "InternalError",
        "InvalidEventError",
        "KeyFileError",
        "NotFoundError",
        "ResourceError",
        "SealtrailError",
        "SqlError",
        "StoreError",
        "UsageError",
    ),
    "_exports": ("Export", "PackageFinding", "PackageReport", "verify_integrity"),
    "_jobs": ("Job", "JobStatus", "job", "jobs"),
    "_keys": ("Keys", "Rotation", "Writer"),
    "_native": ("__version__",),
    "_privacy": ("Erasure", "SubjectReport"),
    "_proof": (
        "CheckedConsistency",
        "CheckedProof",
        "ProofSigner",
        "Revocation",
        "TreeState",
        "check_consistency",
        "check_proof",
    ),
    "_reports": ("ImportReport", "RecordReport", "RefusedLine", "VerifyReport"),
    "_result": ("Result",),
    "_retention": ("Holds", "Retention"),
    "_search": ("SearchField", "SearchQuery", "SearchResult", "search_fields"),
    "_sequence": ("Match", "Sequences"),
    "_tail": ("Tail",),
    "_trace": ("RelatedEvent", "Trace"),
    "_trail": ("Trail", "init", "open", "verify"),
    "_trails": ("Trails",),
}
_MODULES = ("demo", "events")


def __getattr__(name: str) -> object:
    """Import a name of the package when it is first used."""
    if name in _MODULES:
        return import_module(f"sealtrail.{name}")
    for module, names in _PLACES.items():
        if name in names:
            value: object = getattr(import_module(f"sealtrail.{module}"), name)
            globals()[name] = value
            return value
    message = f"module 'sealtrail' has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    """The names of the package, also those that were not used yet."""
    return sorted({*globals(), *__all__})


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Add the cell magic ``%%sealtrail``: ``%load_ext sealtrail`` calls this."""
    from sealtrail import _magic  # noqa: PLC0415 - IPython is there only in notebooks

    _magic.register(shell)


__all__ = [
    "AccessError",
    "AlreadyExistsError",
    "CheckedConsistency",
    "CheckedProof",
    "ConfigError",
    "ConflictError",
    "Erasure",
    "Export",
    "ForkedError",
    "Holds",
    "ImportReport",
    "IntegrityError",
    "InternalError",
    "InvalidEventError",
    "Job",
    "JobStatus",
    "KeyFileError",
    "Keys",
    "Match",
    "NotFoundError",
    "PackageFinding",
    "PackageReport",
    "ProofSigner",
    "RecordReport",
    "RefusedLine",
    "RelatedEvent",
    "ResourceError",
    "Result",
    "Retention",
    "Revocation",
    "Rotation",
    "SealtrailError",
    "SearchField",
    "SearchQuery",
    "SearchResult",
    "Sequences",
    "SqlError",
    "StoreError",
    "SubjectReport",
    "Tail",
    "Trace",
    "Trail",
    "Trails",
    "TreeState",
    "UsageError",
    "VerifyReport",
    "Writer",
    "__version__",
    "check_consistency",
    "check_proof",
    "demo",
    "events",
    "init",
    "inspect_backup",
    "job",
    "jobs",
    "open",
    "restore_backup",
    "search_fields",
    "verify",
    "verify_backup",
    "verify_integrity",
]
