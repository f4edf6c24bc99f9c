"""What the tests of the independent verifier share."""

from pathlib import Path
from typing import Any

import trail_maker as tm

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
