"""What the tests of the independent verifier share."""

import json
from pathlib import Path
from typing import Any

import trail_maker as tm
from hypothesis import strategies as st

from sealtrail_verifier import Report, history, verify_trail
from sealtrail_verifier.columns import fixed_columns
from sealtrail_verifier.folder import Folder
from sealtrail_verifier.keys import RootSecret
from sealtrail_verifier.note import VerifierKey

ROOT = Path(__file__).resolve().parents[2]
Json = dict[str, Any]


def verify(maker: tm.Maker, *, secret: bool = True) -> Report:
    root = RootSecret.parse(maker.owner_json) if secret else None
    return verify_trail(maker.folder, VerifierKey.parse(maker.vkey), root)


def entries_only(maker: tm.Maker) -> Report:
    """The ledger's part of a verification, for tests of many entries."""
    report = Report("")
    history.replay(Folder(maker.folder), VerifierKey.parse(maker.vkey), fixed_columns(), report)
    return report


def kinds(report: Report) -> set[str]:
    return {finding.kind for finding in report.findings}


ODD = st.sampled_from(
    [
        None,
        True,
        -1,
        0,
        1,
        1.5,
        2**53 - 1,
        1e300,
        "",
        "0",
        "a" * 64,
        "\u20ac",
        [],
        [1],
        {},
        {"a": 1},
    ]
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all members and elements within a JSON value."""
    items: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        items = sorted(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    return [p for key, inner in items for p in [(*path, key), *places(inner, (*path, key))]]


def put_odd(value: Json, data: st.DataObject, odd: Any) -> None:
    """Puts an odd value into some place of an object."""
    separate = json.loads(json.dumps(value))
    value.clear()
    value.update(separate)
    *way, last = data.draw(st.sampled_from(places(value)))
    place: Any = value
    for step in way:
        place = place[step]
    place[last] = odd
