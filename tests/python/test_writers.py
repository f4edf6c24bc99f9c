"""Eight processes write to one trail, some are killed and others take over what they left, and
readers look on: they never see a gap or a double."""

from __future__ import annotations

import random
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

import sealtrail

WRITERS = 8
KILLS = 14
SEED = 20261123

CONFIG = """
audit:
  trail:
    flush: {max_mb: 1, max_age_seconds: 1}
"""
"""Small limits, so that commits meet each other, and kills meet commits."""

WRITE = """
    import itertools, os, select, sys, sealtrail

    name, config = sys.argv[2:4]
    trail = sealtrail.open(sys.argv[1], config=config)

    def tell(word, *ids):
        os.write(1, "".join(f"{word} {id}\\n" for id in ids).encode())

    for n in itertools.count():
        if select.select([0], [], [], 0)[0]:  # Whoever started it wants it to end.
            break
        id = f"{name}-{n}"
        tell("try", id)
        assert trail.record({"event_type": "data.filter", "audit_id": id, "pad": "p" * 500}) == id
        tell("ack", id)
        if n % 40 == 20:
            trail.flush()
        if n % 60 == 30:
            ids = [f"{id}-{i}" for i in range(20)]
            tell("try", *ids)
            trail.record_many([{"event_type": "workflow.started", "audit_id": id} for id in ids])
            tell("ack", *ids)
    trail.close()
"""


class Writer:
    """A process that writes until it is told to stop or killed, and what it told by then."""

    def __init__(self, url: str, name: str, config: Path) -> None:
        self.tried: set[str] = set()
        self.acknowledged: set[str] = set()
        self.process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(WRITE), url, name, str(config)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.thread = threading.Thread(target=self._listen)
        self.thread.start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            word, audit_id = line.split()
            (self.acknowledged if word == "ack" else self.tried).add(audit_id)

    def end(self, *, kill: bool) -> None:
        if kill:
            self.process.kill()
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=60)
        self.thread.join()
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        errors = self.process.stderr.read()
        self.process.stdout.close()
        self.process.stderr.close()
        assert errors == ""
        assert kill or self.process.returncode == 0


class Reader:
    """A thread that asks for all ids again and again."""

    def __init__(self, url: str, writers: list[Writer]) -> None:
        self.trail = sealtrail.open(url)
        self.writers = writers
        self.stop = threading.Event()
        self.looks = 0
        self.wrong: str | None = None
        self.thread = threading.Thread(target=self._look)
        self.thread.start()

    def _look(self) -> None:
        seen: set[str] = set()
        try:
            while not self.stop.is_set():
                before = set().union(*(tuple(one.acknowledged) for one in tuple(self.writers)))
                rows = self.trail.sql("SELECT audit_id FROM events").to_dicts()
                ids = {row["audit_id"] for row in rows}
                assert len(ids) == len(rows), f"{len(rows) - len(ids)} twice"
                assert before <= ids, f"not seen: {sorted(before - ids)[:9]}"
                assert seen <= ids, f"gone again: {sorted(seen - ids)[:9]}"
                seen = ids
                self.looks += 1
        except (AssertionError, sealtrail.SealtrailError) as error:  # Told in the main thread.
            self.wrong = f"{type(error).__name__}: {error}"

    def end(self) -> None:
        self.stop.set()
        self.thread.join()
        assert self.wrong is None, self.wrong
        assert self.looks > 2


@pytest.mark.timeout(300)
def test_eight_writers_some_killed_and_readers_all_the_while(tmp_path: Path) -> None:
    config = tmp_path / "sealtrail.yaml"
    config.write_text(CONFIG)
    chance = random.Random(SEED)
    trail = sealtrail.init(tmp_path / "audit")
    everyone = [Writer(trail.url, f"w{n}", config) for n in range(WRITERS)]
    running = list(everyone)
    readers = [Reader(trail.url, everyone) for _ in range(2)]
    try:
        for number in range(KILLS):
            time.sleep(chance.uniform(0.1, 0.6))
            slot = chance.randrange(WRITERS)
            running[slot].end(kill=True)
            running[slot] = Writer(trail.url, f"k{number}", config)
            everyone.append(running[slot])
        deadline = time.monotonic() + 60
        while not all(writer.acknowledged for writer in running):
            assert time.monotonic() < deadline, "a writer does not come to its first record"
            time.sleep(0.05)
    finally:
        for writer in running:
            writer.end(kill=False)
        for reader in readers:
            reader.end()
    tried = set().union(*(writer.tried for writer in everyone))
    acknowledged = set().union(*(writer.acknowledged for writer in everyone))
    with trail:
        tried.add(trail.record({"event_type": "data.filter"}))
    # Each writer that comes with another configuration than the one before says so.
    recorded = "SELECT audit_id FROM events WHERE event_type <> 'system.config_change'"
    rows = trail.sql(recorded).to_dicts()
    ids = {row["audit_id"] for row in rows}
    assert len(ids) == len(rows)
    assert acknowledged <= ids <= tried
    stats = trail.stats()
    assert stats["unsealed"] == 0
    # Whoever opens holds every free writer until it has committed what was left there, and one
    # that opens meanwhile finds none and makes its own.
    assert WRITERS <= stats["writers"] < len(everyone)
    report = trail.verify()
    assert (report.verdict, report.findings) == ("VERIFIED", []), report
