"""Killed at any moment, or out of room: what was acknowledged is there, once."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

import sealtrail

SEED = 20261123
KILLS = int(os.environ.get("SEALTRAIL_KILLS", "50"))
"""Processes that are killed while they write; `.ci/nightly` kills more."""

CONFIG = """
audit:
  trail:
    flush: {max_mb: 1, max_age_seconds: 1}
"""
"""Small limits, so that kills meet commits too."""

WRITE = """
    import itertools, os, sys, threading, sealtrail

    round, config, kinds = sys.argv[2:5]
    trail = sealtrail.open(sys.argv[1], config=config)
    PAD = "p" * 4000

    def tell(*words):
        os.write(1, (" ".join(words) + "\\n").encode())  # One write: lines are whole.

    def one_by_one():
        while True:
            tell("ack", trail.record({"event_type": "data.filter", "pad": PAD}))

    def with_ids(name):
        for n in itertools.count():
            id = f"{name}-{round}-{n}"
            tell("try", id)
            trail.record({"event_type": "data.filter", "audit_id": id, "pad": PAD})
            tell("ack", id)

    def many():
        for n in itertools.count():
            ids = [f"many-{round}-{n}-{i}" for i in range(40)]
            events = [{"event_type": "workflow.started", "audit_id": id} for id in ids]
            report = trail.record_many(events)
            assert (report.recorded, report.refused) == (40, 0), report
            for id in ids:
                tell("ack", id)

    def flush():
        while True:
            trail.flush()

    # What the last round left without an answer is tried again, and must not be there twice.
    for id in sys.argv[5:]:
        trail.record({"event_type": "data.filter", "audit_id": id, "pad": PAD})
        tell("ack", id)
    work = {
        "records": [(one_by_one,), (one_by_one,), (with_ids, "a"), (with_ids, "b"), (flush,)],
        "loads": [(many,)],
    }
    for kind in kinds.split("+"):
        for target, *arguments in work[kind]:
            threading.Thread(target=target, args=arguments).start()
"""


def start(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def sealtrail_command(*arguments: str, stdin: int | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "sealtrail", *arguments],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(*arguments: str) -> str:
    """What the command says on standard error."""
    process = sealtrail_command(*arguments)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return err


def check(trail: sealtrail.Trail, acknowledged: set[str], tried: set[str]) -> None:
    """Everything acknowledged is committed, nothing is there twice, and the trail verifies."""
    rows = trail.sql("SELECT audit_id, count(*) AS n FROM events GROUP BY audit_id").to_dicts()
    assert {row["n"] for row in rows} == {1}
    assert acknowledged - {row["audit_id"] for row in rows} == set()
    assert tried - acknowledged == set()
    stats = trail.stats()
    assert (stats["events"], stats["unsealed"]) == (len(rows), 0)
    report = trail.verify()
    assert (report.verdict, report.checked["records"]) == ("VERIFIED", len(rows)), report


@pytest.mark.parametrize(
    ("kinds", "rounds"),
    [
        ("records", KILLS * 2 // 5),
        ("loads", KILLS // 5),
        ("records+loads", KILLS * 2 // 5),
    ],
)
def test_killed_again_and_again(tmp_path: Path, kinds: str, rounds: int) -> None:
    config = tmp_path / "sealtrail.yaml"
    config.write_text(CONFIG)
    chance = random.Random(SEED)
    trail = sealtrail.init(tmp_path / "audit")
    acknowledged: set[str] = set()
    tried: set[str] = set()
    for number in range(rounds):
        again = sorted(tried - acknowledged)
        process = start(WRITE, trail.url, str(number), str(config), kinds, *again)
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first, process.communicate()[1]
        time.sleep(chance.uniform(0, 0.4))
        assert process.poll() is None, process.communicate()[1]
        process.kill()
        out, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (-signal.SIGKILL, "")
        before = len(acknowledged)
        for line in [first.rstrip("\n"), *out.splitlines()]:
            word, audit_id = line.split()
            (acknowledged if word == "ack" else tried).add(audit_id)
        assert len(acknowledged) > before or not again
        # Whoever reads sees them before the next writer has committed them.
        assert trail.contains(acknowledged) == acknowledged
    with trail:
        for audit_id in sorted(tried - acknowledged):
            event = {"event_type": "data.filter", "audit_id": audit_id, "pad": "p" * 4000}
            acknowledged.add(trail.record(event))
    check(trail, acknowledged, tried)
    assert len(acknowledged) > 10 * rounds
    # One after the other: each takes over where the one before was killed.
    assert trail.stats()["writers"] == 1


def test_killed_while_the_command_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEALTRAIL_TRAIL", str(tmp_path / "audit"))
    trail = sealtrail.init()
    chance = random.Random(SEED)
    ids = [f"line-{n}" for n in range(1500)]
    lines = [json.dumps({"event_type": "data.filter", "audit_id": name}) + "\n" for name in ids]
    file = tmp_path / "events.jsonl"
    file.write_text("".join(lines))
    for flags in (["--no-commit"], [], ["--no-commit"], []):
        process = sealtrail_command("record", *flags, "-", stdin=subprocess.PIPE)
        assert process.stdin is not None
        process.stdin.write("".join(lines[: chance.randrange(500, 1500)]))
        process.stdin.flush()
        time.sleep(chance.uniform(0, 0.5))
        process.kill()
        process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL
    logged = run("record", "--no-commit", str(file))
    assert "1,500" in logged
    assert trail.contains(ids) == set(ids)
    assert trail.stats()["events"] == len(ids)
    assert trail.stats()["unsealed"] > 0
    other = tmp_path / "other.jsonl"
    other.write_text('{"event_type": "data.filter", "audit_id": "other"}\n')
    run("record", str(other))
    check(trail, {*ids, "other"}, set())


def out_of_room(code: str, limit: int, *arguments: str) -> str:
    """Runs a program that may write no file longer than `limit` bytes."""

    def restrict() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    process = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        preexec_fn=restrict,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


LOG_IS_FULL = """
    import sys, sealtrail
    trail = sealtrail.open(sys.argv[1])
    try:
        for n in range(1000):
            print("ack", trail.record({"event_type": "data.filter", "pad": "p" * 4000}))
    except sealtrail.StoreError as error:
        assert error.audit_id, vars(error)
        print("error", error.kind, error)
    try:
        trail.record({"event_type": "data.filter"})
    except sealtrail.StoreError as error:
        print("after", error.kind, error)
"""

SEGMENTS_ARE_FULL = """
    import base64, os, sys, sealtrail
    trail = sealtrail.open(sys.argv[1])
    noise = lambda: base64.b64encode(os.urandom(3000)).decode()
    print("ack", trail.record({"event_type": "data.filter"}))
    try:
        trail.record_many([{"event_type": "data.filter", "pad": noise()} for _ in range(1000)])
    except sealtrail.StoreError as error:
        print("error", error.kind, error)
    print("ack", trail.record({"event_type": "data.filter"}))
    trail.close(commit=False)
"""


@pytest.mark.parametrize(
    ("code", "kind"), [(LOG_IS_FULL, "unknown_outcome"), (SEGMENTS_ARE_FULL, "io")]
)
def test_no_room_is_told_and_loses_nothing(
    tmp_path: Path, home: Path, code: str, kind: str
) -> None:
    trail = sealtrail.init(tmp_path / "audit")
    out = out_of_room(code, 400_000, trail.url)
    words = [line.split(maxsplit=2) for line in out.splitlines()]
    acknowledged = {word[1] for word in words if word[0] == "ack"}
    assert acknowledged
    (error,) = (word for word in words if word[0] == "error")
    assert error[1] == kind
    place = home / "sealtrail" if code is LOG_IS_FULL else tmp_path
    assert str(place) in error[2]
    assert "File too large" in error[2]
    if code is LOG_IS_FULL:
        (after,) = (word for word in words if word[0] == "after")
        assert after[1] == "poisoned"
        assert "reopen" in after[2]
    # With room again, the next writer commits what was acknowledged.
    with sealtrail.open(trail.url) as writer:
        acknowledged.add(writer.record({"event_type": "data.filter"}))
    check(trail, acknowledged, set())
