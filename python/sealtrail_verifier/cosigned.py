"""Checkpoints that others signed too (FORMAT section 7): they must be the trail's own."""

import re
from hashlib import sha256
from typing import Final

from sealtrail_verifier import note
from sealtrail_verifier.folder import Folder
from sealtrail_verifier.forms import FormatError
from sealtrail_verifier.history import History
from sealtrail_verifier.ledger import Ledger
from sealtrail_verifier.note import Checkpoint
from sealtrail_verifier.report import Report

_NAME: Final = re.compile(r"cosigned/([0-9]{20})-([0-9a-f]{16})")


def is_name(name: str) -> bool:
    """Tells whether a name is that of such a note."""
    return _NAME.fullmatch(name) is not None


def check(folder: Folder, history: History, report: Report) -> None:
    """Checks every note that is there; lines of others are not checked."""
    if history.ledger is None:
        return
    size = len(history.roots) - 1
    for name in filter(is_name, folder.files()):
        report.count("cosigned checkpoints")
        data = folder.read(name) or b""
        try:
            stated = _stated(name, data, history.ledger)
        except (FormatError, UnicodeDecodeError) as error:
            report.tampered("cosigned", name, str(error)[:300])
            continue
        if stated.size > size:
            problem = f"{stated.size} entries were signed for, {size} are there"
            report.missing("cut-off", name, problem)
        elif history.roots[stated.size] != stated.root:
            report.tampered("cosigned", name, "it is the root of another ledger")


def _stated(name: str, data: bytes, ledger: Ledger) -> Checkpoint:
    """What a note states that one of our signers signed."""
    text, origin = data.decode("utf-8"), ledger.trail.origin
    signers = re.findall(f"^\u2014 {re.escape(origin)}/(\\S+) ", text, re.MULTILINE)
    if not signers:
        raise FormatError("cosigned", "no signer of this trail signed it")
    claimed = text.split("\n")[1]
    size = int(claimed) if claimed.isascii() and claimed.isdecimal() and len(claimed) < 21 else 0
    public = ledger.public_key(signers[0], size)
    stated = note.check_cosigned(text, origin, f"{origin}/{signers[0]}", public)
    if name != f"cosigned/{stated.size:020}-{sha256(data).hexdigest()[:16]}":
        raise FormatError("cosigned", "its name is not that of its bytes")
    return stated
