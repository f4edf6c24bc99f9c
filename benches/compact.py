"""What compaction does: speed, memory, bytes an event, and questions before and after.

Makes a trail of about 2,000 small segments out of generated events, and one of the same events loaded
at once as a peer. Usage: ``python benches/compact.py [--events 1000000] [--segments 2000]``.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import sealtrail
from sealtrail import demo

DOMAINS = 5
ROUNDS = 5
QUERIES = {
    "events per type per day": (
        "SELECT event_type, date_trunc('day', timestamp) AS day, count(*) AS n FROM events "
        "GROUP BY 1, 2"
    ),
    "top 10 agents by cost": (
        "SELECT agent_id, sum(cost_usd) AS cost FROM events WHERE cost_usd IS NOT NULL "
        "GROUP BY agent_id ORDER BY cost DESC LIMIT 10"
    ),
    "what one user did": "SELECT timestamp, event_type FROM events WHERE user_id = '{user}'",
    "one trace": "SELECT timestamp, event_type FROM events WHERE trace_id = '{trace}'",
}
COMPACT = (
    "import sealtrail; trail = sealtrail.open(sys.argv[1]); start = time.perf_counter(); "
    "report = trail.compact(grace=datetime.timedelta(0)); "
    "seconds = time.perf_counter() - start; trail.close(); "
    "status = pathlib.Path('/proc/self/status').read_text(); "
    "print(json.dumps(report | {'seconds': seconds, "
    "'peak': int(re.search(r'VmHWM:\\s+(\\d+) kB', status)[1])}))"
)


def report(name: str, value: str, want: str, met: bool) -> None:
    """One line."""
    print(f"{'ok  ' if met else 'MISS'} {name:<34} {value:<44} want {want}", flush=True)


def pieces(lines: list[bytes], count: int) -> Iterator[bytes]:
    """The lines in so many parts."""
    step = -(-len(lines) // count)
    for start in range(0, len(lines), step):
        yield b"".join(lines[start : start + step])


def times(trail: sealtrail.Trail, values: dict[str, str]) -> dict[str, float]:
    """Median milliseconds of each question."""
    found = {}
    for name, text in QUERIES.items():
        query = text.format(**values)
        rounds = []
        for _ in range(ROUNDS + 1):
            start = time.perf_counter()
            trail.sql(query).to_arrow()
            rounds.append((time.perf_counter() - start) * 1e3)
        found[name] = statistics.median(rounds[1:])
    return found


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--segments", type=int, default=2000)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="sealtrail-compact-"))
    os.environ["SEALTRAIL_HOME"] = str(folder / "home")
    os.environ["SEALTRAIL_ACCESS_AUDIT"] = "off"
    try:
        measure(folder, options.events, options.segments)
    finally:
        shutil.rmtree(folder)


def measure(folder: Path, events: int, segments: int) -> None:
    """Makes the trails, and compacts the one of small segments."""
    file = folder / "events.jsonl"
    file.write_bytes(demo.jsonl(events))
    packed = len(gzip.compress(file.read_bytes(), 9)) / events
    lines = file.read_bytes().splitlines(keepends=True)
    small = sealtrail.init(folder / "small")
    for piece in pieces(lines, segments // DOMAINS):
        small.record_many(piece)
    small.close()
    whole = sealtrail.init(folder / "whole")
    whole.record_many(file)
    whole.close()
    first = small.sql("SELECT user_id, trace_id FROM events WHERE user_id IS NOT NULL LIMIT 1")
    row = first.to_dicts()[0]
    values = {"user": str(row["user_id"]), "trace": str(row["trace_id"])}
    before, flushed = times(small, values), times(whole, values)
    count = small.stats()["segments"]
    prelude = "import datetime, json, pathlib, re, sys, time; "
    command = [sys.executable, "-c", prelude + COMPACT, str(folder / "small")]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    done = json.loads(told)
    small = sealtrail.open(folder / "small")
    stats = small.stats()
    print(f"     {count:,} segments became {stats['segments']:,}")
    speed = done["rows"] / done["seconds"]
    report("events/s", f"{speed:,.0f}", ">= 250,000", speed >= 250_000)
    report("peak memory", f"{done['peak'] / 1024:,.0f} MiB", "< 1024 MiB", done["peak"] < 1 << 20)
    size = stats["bytes"] / events
    ratio = f"{size:.1f} = {size / packed:.3f}x gzip -9 ({packed:.1f})"
    report("bytes an event, all told", ratio, "<= 0.50x", size / packed <= 0.5)
    after = times(small, values)
    for name in QUERIES:
        gain, against = before[name] / after[name], flushed[name] / after[name]
        value = f"{after[name]:.1f} ms: {gain:.1f}x as fast, {against:.2f}x as when loaded at once"
        report(name, value, ">= 3x, >= 1x", gain >= 3 and against >= 1)
    assert small.verify(no_pin=True).verdict == "VERIFIED"
    assert small.compact(grace=timedelta(0))["segments"] == 0


if __name__ == "__main__":
    main()
