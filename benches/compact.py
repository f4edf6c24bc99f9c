"""What compaction does: speed, memory, bytes an event, and questions before and after.

Makes a trail of many small segments out of generated events, and one of the same events loaded at
once. Peers in the same run: DuckDB, which rewrites the same small Parquet files as one in the order of
time (and neither proves nor checks anything); ``gzip -9`` of the JSON lines; and for the questions
the trail that was loaded at once, asked in turns. A CPU second is one of one core, so the speed of
two cores that have nothing else to do is twice that. Usage: ``python benches/compact.py
[--events 100000] [--segments 400]``; the targets are meant for 10,000,000 events and 2,000 segments.
Segments of fewer rows cost more time a row; and the fewer events there are in a time, the more of what
belongs together does ``gzip`` have in its window, so that the ratio to it is larger for fewer events.
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
from typing import NamedTuple

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
USAGE = (
    "; usage = resource.getrusage(resource.RUSAGE_SELF); "
    "status = pathlib.Path('/proc/self/status').read_text(); "
    "print(json.dumps({'seconds': time.perf_counter() - start, "
    "'cpu': usage.ru_utime + usage.ru_stime - begun, "
    "'rows': rows, 'peak': int(re.search(r'VmHWM:\\s+(\\d+) kB', status)[1])}))"
)
PRELUDE = "import datetime, json, pathlib, re, resource, sys, time; "
CLOCKS = (
    "usage = resource.getrusage(resource.RUSAGE_SELF); begun = usage.ru_utime + usage.ru_stime; "
    "start = time.perf_counter(); "
)
COMPACT = (
    "import sealtrail; trail = sealtrail.open(sys.argv[1]); "
    + CLOCKS
    + "rows = trail.compact(grace=datetime.timedelta(0))['rows']; trail.close()"
    + USAGE
)
DUCK = (
    "import duckdb; db = duckdb.connect(); db.execute('SET threads TO 2'); "
    "db.execute('SET enable_progress_bar = false'); "
    + CLOCKS
    + "files = f\"read_parquet('{sys.argv[1]}/segments/**/*.parquet', union_by_name = true)\"; "
    "rows = db.execute(f\"COPY (SELECT * FROM {files} ORDER BY timestamp) TO '{sys.argv[2]}' "
    '(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 9)").fetchall()[0][0]' + USAGE
)


class Run(NamedTuple):
    """What a process took."""

    rows: int
    seconds: float
    cpu: float
    peak: int


def run(code: str, *arguments: object) -> Run:
    """Has a process of its own do it."""
    command = [sys.executable, "-c", PRELUDE + code, *map(str, arguments)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    done = json.loads(told.splitlines()[-1])
    return Run(done["rows"], done["seconds"], done["cpu"], done["peak"])


def report(name: str, value: str, want: str, met: bool) -> None:
    """One line."""
    print(f"{'ok  ' if met else 'MISS'} {name:<34} {value:<44} want {want}", flush=True)


def pieces(lines: list[bytes], count: int) -> Iterator[bytes]:
    """The lines in so many parts."""
    step = -(-len(lines) // count)
    for start in range(0, len(lines), step):
        yield b"".join(lines[start : start + step])


def against(
    trail: sealtrail.Trail, peer: sealtrail.Trail, values: dict[str, str]
) -> dict[str, tuple[float, float]]:
    """Median milliseconds of each question, and how many times that of the peer, taken in turns."""
    found = {}
    for name, text in QUERIES.items():
        query = text.format(**values)
        both: list[tuple[float, float]] = []
        for _ in range(ROUNDS + 1):
            pair = []
            for which in (trail, peer):
                start = time.perf_counter()
                which.sql(query).to_arrow()
                pair.append((time.perf_counter() - start) * 1e3)
            both.append((pair[0], pair[1]))
        mine = statistics.median(pair[0] for pair in both[1:])
        found[name] = (mine, mine / statistics.median(pair[1] for pair in both[1:]))
    return found


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--segments", type=int, default=400)
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
    before = against(small, whole, values)
    count = small.stats()["segments"]
    duck = run(DUCK, folder / "small", folder / "duck.parquet")
    done = run(COMPACT, folder / "small")
    small = sealtrail.open(folder / "small")
    stats = small.stats()
    print(f"     {count:,} segments became {stats['segments']:,}")
    speed, theirs = done.rows / done.cpu, duck.rows / duck.cpu
    shown = f"{speed:,.0f} = {speed / theirs:.2f}x DuckDB ({theirs:,.0f})"
    report("events a CPU second", shown, ">= 125,000", speed >= 125_000)
    speed, theirs = done.rows / done.seconds, duck.rows / duck.seconds
    shown = f"{speed:,.0f} = {speed / theirs:.2f}x DuckDB ({theirs:,.0f})"
    report("events a second, 2 cores", shown, ">= 250,000", speed >= 250_000)
    shown = f"{done.peak / 1024:,.0f} MiB = {done.peak / duck.peak:.2f}x DuckDB"
    report("peak memory", shown, "< 1024 MiB", done.peak < 1 << 20)
    size = stats["bytes"] / events
    ratio = f"{size:.1f} = {size / packed:.3f}x gzip -9 ({packed:.1f})"
    report("bytes an event, all told", ratio, "<= 0.50x", size / packed <= 0.5)
    bare = sum(file["bytes"] for file in small.files().to_dicts()) / events
    report("  in segments", f"{bare:.1f} = {bare / packed:.3f}x", "<= 0.50x", bare / packed <= 0.5)
    for name, (mine, ratio_after) in against(small, whole, values).items():
        gain = before[name][1] / ratio_after
        value = f"{mine:.1f} ms: {gain:.1f}x as fast, {1 / ratio_after:.2f}x as when loaded at once"
        report(name, value, ">= 3x, >= 1x", gain >= 3 and ratio_after <= 1)
    assert small.verify(no_pin=True).verdict == "VERIFIED"
    assert small.compact(grace=timedelta(0))["segments"] == 0


if __name__ == "__main__":
    main()
