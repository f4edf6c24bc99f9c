"""What entries say of segments: those that they add, and paths of others (FORMAT section 7)."""

import re
from dataclasses import dataclass
from typing import Final

from sealtrail_verifier import jcs
from sealtrail_verifier.columns import Column
from sealtrail_verifier.forms import FormatError, Members, is_uuid
from sealtrail_verifier.records import DOMAINS

MAX_BOUND: Final = 128
_PATH: Final = re.compile(
    rf"segments/domain=({'|'.join(DOMAINS)})/(month|day)=([0-9-]+)/([0-9a-f-]+)"
    r"\.(?:parquet|jsonl\.zst)"
)
_GENERATION: Final = re.compile(r"[1-9][0-9]{0,7}-[0-9a-f]{16}")
TEXTS: Final = frozenset({"audit_id", "event_type"})
"""Columns whose bounds are not told of encrypted segments."""
_ARCHIVE: Final = re.compile("[a-z0-9-]{1,64}")
_FORMAT: Final = re.compile("jsonl")


@dataclass(frozen=True)
class Sidecar:
    """Length and hash of the object that tells of a segment's removed rows."""

    size: int
    sha256: bytes


@dataclass(frozen=True)
class Add:
    """A segment that an entry brings into the trail; times are microseconds since 1970.

    `item` is the canonical JSON of all that the entry says of it. `archive` names
    the store that holds it (None: the trail's own), `format` is None for Parquet
    and `jsonl` for compressed JSON lines, `key` the keyring's generation under which
    it is encrypted (None: it is not).
    """

    path: str
    domain: str
    partitioning: str
    period: str
    segment: str
    batches: int
    size: int
    rows: int
    low: int
    high: int
    root: bytes
    sha256: bytes
    stats: dict[str, object]
    item: bytes
    archive: str | None = None
    format: str | None = None
    gone: Sidecar | None = None
    key: str | None = None

    @property
    def partition(self) -> tuple[str, str]:
        """Domain and period of its rows."""
        return self.domain, self.period


def sidecar_path(path: str) -> str:
    """Where the sidecar of the segment at a path is."""
    return f"{path}.gone"


def read_adds(body: Members, *, moved: bool) -> list[Add]:
    """Takes the member `adds`; only segments of moved rows may be elsewhere or incomplete."""
    return [_add(item, moved=moved) for item in body.items("adds")]


@dataclass(frozen=True)
class Orphan:
    """A segment that somebody put, into an archive or the trail itself, and no entry names."""

    path: str
    archive: str | None
    partitioning: str
    period: str


def read_orphans(body: Members, name: str) -> list[Orphan]:
    """Takes a list of orphans, not empty, each path once."""
    orphans = []
    for item in body.items(name):
        members = Members(item, name)
        path = members.text("path", _PATH)
        match = _PATH.fullmatch(path)
        _, partitioning, period, segment = match.groups() if match else ("", "", "", "")
        if not is_uuid(segment):
            raise FormatError("form", f"the file name of {path} is not a UUID")
        archive = members.text("archive", _ARCHIVE) if members.has("archive") else None
        members.end()
        orphans.append(Orphan(path, archive, partitioning, period))
    if not orphans or len({orphan.path for orphan in orphans}) < len(orphans):
        raise FormatError("form", f"{name} is empty, or names a path twice")
    return orphans


def read_columns(body: Members) -> list[Column]:
    """Takes the optional member `columns`."""
    columns = []
    for item in body.items("columns") if body.has("columns") else []:
        members = Members(item, "columns")
        columns.append(Column.read(members))
        members.end()
    return columns


def read_paths(body: Members, name: str) -> list[str]:
    """Takes a list of paths, not empty, each once."""
    paths = body.texts(name)
    if not paths or len(set(paths)) < len(paths):
        raise FormatError("form", f"{name} is empty, or names a path twice")
    return paths


def _add(item: object, *, moved: bool) -> Add:
    members = Members(item, "adds")
    path = members.text("path", _PATH)
    match = _PATH.fullmatch(path)
    domain, partitioning, period, segment = match.groups() if match else ("", "", "", "")
    if not is_uuid(segment):
        raise FormatError("form", f"the file name of {path} is not a UUID")
    format_ = members.text("format", _FORMAT) if moved and members.has("format") else None
    if path.endswith(".jsonl.zst") != (format_ is not None):
        raise FormatError("form", f"the name of {path} is not that of its format")
    add = Add(
        path=path,
        domain=domain,
        partitioning=partitioning,
        period=period,
        segment=segment,
        batches=members.integer("batches", low=1),
        size=members.integer("bytes", low=1),
        rows=members.integer("rows", low=1),
        low=members.integer("min"),
        high=members.integer("max"),
        root=members.hex("root", 32),
        sha256=members.hex("sha256", 32),
        stats=_stats(members.inner("stats")),
        item=jcs.encode(item),
        archive=members.text("archive", _ARCHIVE) if moved and members.has("archive") else None,
        format=format_,
        gone=_sidecar(members.inner("gone")) if moved and members.has("gone") else None,
        key=members.text("key", _GENERATION) if members.has("key") else None,
    )
    members.end()
    if add.key is not None and add.stats.keys() & TEXTS:
        raise FormatError("form", f"{path} is encrypted, and its texts are told")
    return add


def _stats(members: Members) -> dict[str, object]:
    """Bounds by column name; whether they are right is found from the rows."""
    stats: dict[str, object] = {}
    for name in ("audit_id", "event_type", "recorded_at"):
        if members.has(name):
            stats[name] = members.items(name)
    members.end()
    return stats


def _sidecar(members: Members) -> Sidecar:
    sidecar = Sidecar(members.integer("bytes", low=1), members.hex("sha256", 32))
    members.end()
    return sidecar
