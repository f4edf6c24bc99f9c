"""Whether a segment's stored bytes are the signed ones (FORMAT sections 5 and 7).

Bytes that are, were made by an authorised writer and are read here. Bytes that
are not cannot be trusted: it is still looked which of their rows are wrong,
but in a process of its own, because damaged Parquet files crash Parquet readers.
"""

import json
import os
import pickle
import subprocess
import sys
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path
from typing import Final

from sealtrail_verifier import segment
from sealtrail_verifier.adds import Add, sidecar_path
from sealtrail_verifier.metadata import Task
from sealtrail_verifier.report import Finding
from sealtrail_verifier.segment import Outcome

MAX_SECONDS: Final = 600


def is_signed(data: bytes, add: Add) -> bool:
    """Whether these are the bytes that the ledger names."""
    return len(data) == add.size and sha256(data).digest() == add.sha256


def check(data: bytes, task: Task) -> Outcome:
    """Checks the bytes of a segment and all that they hold."""
    wrong = []
    if len(data) != task.add.size:
        wrong.append(("length", f"it has {len(data)} bytes, not {task.add.size}"))
    if sha256(data).digest() != task.add.sha256:
        wrong.append(("sha256", "its bytes are not those that were signed"))
    beside = sidecar_problems(task)
    if beside:
        task = replace(task, sidecar=None)
    if not wrong:
        outcome = segment.look(data, task)
        outcome.findings += beside
        return outcome
    path = task.add.path
    findings = [Finding("TAMPERED", kind, path, problem) for kind, problem in wrong]
    return Outcome(findings=findings + beside + look_apart(data, task))


def sidecar_problems(task: Task) -> list[Finding]:
    """What is wrong with the bytes of the sidecar, if they are there."""
    said, data, path = task.add.gone, task.sidecar, sidecar_path(task.add.path)
    if said is None or data is None:
        return []
    if len(data) != said.size:
        problem = f"it has {len(data)} bytes, not {said.size}"
        return [Finding("TAMPERED", "length", path, problem)]
    if sha256(data).digest() != said.sha256:
        return [Finding("TAMPERED", "sha256", path, "its bytes are not those that were signed")]
    return []


def look_apart(data: bytes, task: Task) -> list[Finding]:
    """Looks at untrusted bytes in another process, which gets no key."""
    package = str(Path(__file__).parent.parent)
    paths = os.pathsep.join([package, os.environ.get("PYTHONPATH", "")]).strip(os.pathsep)
    problem = "the Parquet reader crashed on it"
    try:
        child = subprocess.run(
            [sys.executable, "-m", "sealtrail_verifier.stored"],
            input=pickle.dumps((data, replace(task, key=None))),
            capture_output=True,
            timeout=MAX_SECONDS,
            env=os.environ | {"PYTHONPATH": paths},
            check=False,
        )
        if child.returncode == 0:
            return [_finding(item) for item in json.loads(child.stdout)]
    except subprocess.TimeoutExpired:
        problem = f"it could not be read in {MAX_SECONDS} seconds"
    return [Finding("TAMPERED", "unreadable", task.add.path, problem)]


def _finding(item: dict[str, object]) -> Finding:
    """A finding of the other process; what it says is only shown, never trusted."""
    rows = item["rows"] if isinstance(item["rows"], list) else []
    return Finding(
        "TAMPERED",
        str(item["kind"]),
        str(item["object"]),
        str(item["problem"]),
        None if item["batch"] is None else str(item["batch"]),
        [(int(first), int(last)) for first, last in rows],
    )


def _main() -> None:
    data, task = pickle.loads(sys.stdin.buffer.read())  # noqa: S301 - our own parent wrote it
    json.dump([asdict(finding) for finding in segment.look(data, task).findings], sys.stdout)


if __name__ == "__main__":
    _main()
