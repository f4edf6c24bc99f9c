"""Data subjects: keys of their personal fields, and erasure (FORMAT section 17).

Leaves are over sealed values, so erasing a key changes nothing that is verified here.
"""

import re
from typing import Final

from sealtrail_verifier.folder import Folder
from sealtrail_verifier.life import Life
from sealtrail_verifier.report import Report

_KEY: Final = re.compile(r"subjects/([0-9a-f]{32})-(0|[1-9][0-9]{0,15})\.json")
_ROOT: Final = "subjects/root.json"


def is_name(name: str) -> bool:
    """Tells whether a name is that of a key, or of what wraps the keys."""
    return name == _ROOT or _KEY.fullmatch(name) is not None


def tell(folder: Folder, life: Life, report: Report) -> None:
    """Tells what was erased, and keys that should not be there any more."""
    keys = [match for match in map(_KEY.fullmatch, folder.files()) if match]
    if keys:
        report.not_checked.append(f"{len(keys)} keys of data subjects, and what they open")
    if not life.erasures:
        return
    newest = {erasure.subject: n for n, erasure in life.erasures.items()}
    report.notes.append(
        f"ERASED: the personal fields of {len(newest)} data subjects, by the owner's word; "
        "their records are here and were checked"
    )
    report.not_checked.append("whether the holders of erased keys destroyed them")
    for key in keys:
        if int(key[2]) < newest.get(key[1], 0):
            report.notes.append(f"{key[0]}: the key of an erased data subject is there still")
