"""The form of one ledger entry (FORMAT section 7); whether it is valid is for `ledger` to say."""

import re
from dataclasses import dataclass
from typing import Final

from sealtrail_verifier import jcs, lifecycle
from sealtrail_verifier.adds import Add, read_adds, read_columns
from sealtrail_verifier.columns import Column
from sealtrail_verifier.forms import FormatError, Members
from sealtrail_verifier.lifecycle import Compact, Delete, Lifecycle
from sealtrail_verifier.records import utc_micros
from sealtrail_verifier.trailfile import Trail, time

OWNER: Final = "owner"
_WRITER: Final = re.compile("w-[0-9a-f]{16}")
_SIGNER: Final = re.compile("owner|w-[0-9a-f]{16}")


@dataclass(frozen=True)
class Authorization:
    """From now on this writer may sign; its keys begin at `epoch`."""

    epoch: int
    hmac_key: str
    public: bytes
    writer: str


@dataclass(frozen=True)
class Init:
    """What entry 0 says."""

    trail: Trail
    owner: bytes
    authorizes: list[Authorization]


@dataclass(frozen=True)
class Revocation:
    """From now on this writer may sign no longer."""

    reason: str
    writer: str


@dataclass(frozen=True)
class Authorize:
    """What an `authorize` entry says."""

    authorizes: list[Authorization]
    revokes: list[Revocation]


@dataclass(frozen=True)
class Close:
    """The end of an epoch."""

    batches: int
    epoch: int
    seal: bytes


@dataclass(frozen=True)
class End:
    """What a `close` entry says: that an epoch ends, or a run, or both."""

    close: Close | None


@dataclass(frozen=True)
class Recovered:
    """So many records were found in the log of a process that is gone."""

    records: int
    writer: str


@dataclass(frozen=True)
class Append:
    """What an `append` entry says; times are microseconds since 1970."""

    first: int
    last: int
    loaded: bool
    recorded: tuple[int, int]
    adds: list[Add]
    columns: list[Column]
    close: Close | None


@dataclass(frozen=True)
class Snapshot:
    """The snapshot that an entry names; its signer was authorised by entry `authorized`.

    `rests_on` is the number of the entry that names the snapshot which it continues.
    """

    authorized: int
    size: int
    rests_on: int | None
    sha256: bytes


Says = Init | Authorize | Append | End | Lifecycle


@dataclass(frozen=True)
class Entry:
    """A ledger entry: read, not yet believed. `hmac` is over `message` (M), `sig` over both.

    `closed` says that the run of its writer ends with it.
    """

    n: int
    tree: bytes
    time: str
    writer: str
    key: str
    epoch: int
    hmac_key: str
    message: bytes
    sig: bytes
    hmac: bytes
    checkpoint: str
    says: Says
    closed: bool
    recovered: list[Recovered]
    snapshot: Snapshot | None

    @property
    def adds(self) -> list[Add]:
        """The segments that it adds, if its kind does."""
        return self.says.adds if isinstance(self.says, Append | Compact | Delete) else []


def read(data: bytes) -> Entry:
    """Reads the bytes of an entry.

    Raises:
        FormatError: They are not canonical, or not of the form of an entry.
    """
    value = jcs.decode(data)
    outer = Members(value, "entry")
    body = outer.inner("body")
    if body.integer("v") != 1:
        raise FormatError("version", "this verifier knows version 1 only")
    says = _says(body)
    writes = isinstance(says, Append | End)
    entry = Entry(
        n=body.integer("n"),
        tree=body.hex("tree", 32),
        time=time(body, "time"),
        writer=body.text("writer", _SIGNER),
        key=body.hex("key", 8).hex(),
        epoch=body.integer("epoch"),
        hmac_key=body.hex("hmac_key", 8).hex(),
        message=b"sealtrail entry v1\n" + jcs.encode(value["body"]),
        sig=outer.base64("sig", 64),
        hmac=outer.hex("hmac", 32),
        checkpoint=outer.text("checkpoint"),
        says=says,
        closed=writes and _closed(body),
        recovered=_recovered(body) if writes and body.has("recovered") else [],
        snapshot=_snapshot(body) if writes or isinstance(says, Compact) else None,
    )
    outer.end()
    body.end()
    return entry


def _says(body: Members) -> Says:
    kind = body.text("kind")
    if kind == "init":
        trail = Trail.read(body.inner("trail"))
        return Init(trail, body.base64("owner", 32), _authorizes(body))
    if kind == "authorize":
        return Authorize(_authorizes(body), _revokes(body) if body.has("revokes") else [])
    if kind == "append":
        return _append(body)
    if kind == "close":
        return End(_close(body.inner("close")) if body.has("close") else None)
    return lifecycle.read(kind, body)


def _authorizes(body: Members) -> list[Authorization]:
    found = []
    for item in body.items("authorizes"):
        members = Members(item, "authorizes")
        found.append(
            Authorization(
                epoch=members.integer("epoch"),
                hmac_key=members.hex("hmac_key", 8).hex(),
                public=members.base64("public", 32),
                writer=members.text("writer", _WRITER),
            )
        )
        members.end()
    return found


def _revokes(body: Members) -> list[Revocation]:
    found = []
    for item in body.items("revokes"):
        members = Members(item, "revokes")
        found.append(Revocation(members.text("reason"), members.text("writer", _WRITER)))
        members.end()
    return found


def _close(members: Members) -> Close:
    close = Close(members.integer("batches"), members.integer("epoch"), members.hex("seal", 32))
    members.end()
    return close


def _closed(body: Members) -> bool:
    if not body.has("closed"):
        return False
    if body.take("closed") is not True:
        raise FormatError("form", "closed is not true")
    return True


def _recovered(body: Members) -> list[Recovered]:
    found = []
    for item in body.items("recovered"):
        members = Members(item, "recovered")
        found.append(Recovered(members.integer("records"), members.text("writer", _WRITER)))
        members.end()
    if not found:
        raise FormatError("form", "recovered is empty")
    return found


def _snapshot(body: Members) -> Snapshot | None:
    if not body.has("snapshot"):
        return None
    members = body.inner("snapshot")
    snapshot = Snapshot(
        authorized=members.integer("authorized"),
        size=members.integer("bytes", low=1),
        rests_on=members.integer("rests_on") if members.has("rests_on") else None,
        sha256=members.hex("sha256", 32),
    )
    members.end()
    return snapshot


def _append(body: Members) -> Append:
    wal = body.inner("wal")
    first, last = wal.integer("from", low=1), wal.integer("to", low=1)
    wal.end()
    loaded = body.has("load")
    if loaded:
        body.text("load")
    recorded = body.inner("recorded")
    span = _time_micros(recorded, "from"), _time_micros(recorded, "to")
    recorded.end()
    columns = read_columns(body)
    close = _close(body.inner("close")) if body.has("close") else None
    adds = read_adds(body, moved=False)
    return Append(first, last, loaded, span, adds, columns, close)


def _time_micros(members: Members, name: str) -> int:
    return utc_micros(time(members, name)) or 0
