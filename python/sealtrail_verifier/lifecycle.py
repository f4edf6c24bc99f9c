"""The form of entries about what becomes of records later (FORMAT section 7)."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sealtrail_verifier import jcs
from sealtrail_verifier.adds import (
    Add,
    Orphan,
    read_adds,
    read_columns,
    read_orphans,
    read_paths,
)
from sealtrail_verifier.columns import Column
from sealtrail_verifier.forms import FormatError, Members

MAX_NAME: Final = 256
COPY: Final = re.compile("copy-[0-9a-f]{16}")

Place = tuple[int, int, int]
"""Where a batch was introduced: entry, segment in its `adds`, batch of the segment."""


@dataclass(frozen=True)
class Compact:
    """Rows move to other files."""

    removes: list[str]
    adds: list[Add]
    columns: list[Column]


@dataclass(frozen=True)
class Sweep:
    """The files of these removed segments are gone for good."""

    swept: list[str]


@dataclass(frozen=True)
class Condemn:
    """No entry can add a segment at one of these paths any more."""

    condemned: list[Orphan]


@dataclass(frozen=True)
class Policy:
    """The retention policy from now on, as canonical JSON."""

    policy: bytes


@dataclass(frozen=True)
class Hold:
    """Records that must stay; `item` is the canonical JSON of all that is said."""

    id: str
    item: bytes


@dataclass(frozen=True)
class Release:
    """The end of the hold with this id."""

    id: str


@dataclass(frozen=True)
class GoneBatch:
    """A batch of so many `rows` at first loses `gone` of them; times are microseconds."""

    place: Place
    gone: int
    low: int
    high: int
    root: bytes
    rows: int


@dataclass(frozen=True)
class Delete:
    """Records are deleted: `batches`, `holds` and `policy` are what the tombstone says."""

    removes: list[str]
    adds: list[Add]
    columns: list[Column]
    batches: list[GoneBatch]
    holds: list[str]
    policy: int | None

    @property
    def gone(self) -> int:
        """How many records are deleted."""
        return sum(batch.gone for batch in self.batches)


@dataclass(frozen=True)
class Erase:
    """The key of a data subject is to be destroyed; `item` is canonical JSON of what is said."""

    subject: str
    item: bytes


@dataclass(frozen=True)
class Erased:
    """A holder has destroyed the key that an entry is about."""

    entry: int
    holder: str


@dataclass(frozen=True)
class Forget:
    """A copy is given up; `item` is canonical JSON of what is said."""

    holder: str
    item: bytes


Lifecycle = Compact | Sweep | Condemn | Policy | Hold | Release | Delete | Erase | Erased | Forget


def read(kind: str, body: Members) -> Lifecycle:
    """Takes the members of a body of one of these kinds.

    Raises:
        FormatError: The kind is unknown, or a member is not of its form.
    """
    if kind not in _READERS:
        raise FormatError("form", f"the kind {kind[:80]!r} is unknown")
    return _READERS[kind](body)


def _compact(body: Members) -> Compact:
    adds = read_adds(body, moved=True)
    return Compact(read_paths(body, "removes"), adds, read_columns(body))


def _sweep(body: Members) -> Sweep:
    return Sweep(read_paths(body, "swept"))


def _condemn(body: Members) -> Condemn:
    return Condemn(read_orphans(body, "condemned"))


def _policy(body: Members) -> Policy:
    return Policy(_object(body, "policy"))


def _name(members: Members, name: str) -> str:
    """Takes a name or id: 1 to 256 bytes."""
    text = members.text(name)
    if not 1 <= len(text.encode()) <= MAX_NAME:
        raise FormatError("form", f"{name} has {len(text.encode())} bytes")
    return text


def _object(members: Members, name: str) -> bytes:
    """Takes an object with any members, as canonical JSON."""
    value = members.take(name)
    if not isinstance(value, dict):
        raise FormatError("form", f"{name} is not an object")
    return jcs.encode(value)


def _hold(body: Members) -> Hold:
    item = _object(body, "hold")
    members = Members(jcs.decode(item), "hold")
    hold = Hold(_name(members, "id"), item)
    _name(members, "by")
    members.text("reason")
    _object(members, "matching")
    members.end()
    return hold


def _release(body: Members) -> Release:
    members = body.inner("release")
    release = Release(_name(members, "id"))
    _name(members, "by")
    members.text("reason")
    members.end()
    return release


def _erase(body: Members) -> Erase:
    item = _object(body, "erase")
    members = Members(jcs.decode(item), "erase")
    subject = _name(members, "subject")
    _name(members, "approver")
    members.text("reason")
    members.end()
    return Erase(subject, item)


def _erased(body: Members) -> Erased:
    members = body.inner("erased")
    erased = Erased(members.integer("entry"), _name(members, "holder"))
    members.end()
    return erased


def _forget(body: Members) -> Forget:
    item = _object(body, "forget")
    members = Members(jcs.decode(item), "forget")
    holder = _name(members, "holder")
    if not COPY.fullmatch(holder):
        raise FormatError("form", f"{holder[:80]!r} is not the name of a copy")
    _name(members, "approver")
    members.text("reason")
    members.end()
    return Forget(holder, item)


def _delete(body: Members) -> Delete:
    removes = read_paths(body, "removes")
    adds = read_adds(body, moved=True) if body.has("adds") else []
    columns = read_columns(body)
    stone = body.inner("tombstone")
    _name(stone, "approver")
    stone.text("reason")
    delete = Delete(
        removes=removes,
        adds=adds,
        columns=columns,
        batches=[_gone_batch(item) for item in stone.items("batches")],
        holds=stone.texts("holds"),
        policy=stone.integer("policy") if stone.has("policy") else None,
    )
    stone.end()
    return delete


def _gone_batch(item: object) -> GoneBatch:
    members = Members(item, "tombstone.batches")
    place = members.integer("entry"), members.integer("add"), members.integer("index")
    batch = GoneBatch(
        place=place,
        gone=members.integer("gone", low=1),
        low=members.integer("min"),
        high=members.integer("max"),
        root=members.hex("root", 32),
        rows=members.integer("rows", low=1),
    )
    members.end()
    return batch


_READERS: Final[dict[str, Callable[[Members], Lifecycle]]] = {
    "compact": _compact,
    "sweep": _sweep,
    "condemn": _condemn,
    "policy": _policy,
    "hold": _hold,
    "release": _release,
    "delete": _delete,
    "erase": _erase,
    "erased": _erased,
    "forget": _forget,
}
