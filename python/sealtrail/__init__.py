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

from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


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
