"""Speed and size of sealtrail against named peers, in one run on one machine.

Prints a ratio to a peer for each figure, since machines differ and are noisy. Medians of several
rounds; sealtrail and its peer take turns. Usage: ``make bench [ARGS="--events 1000000"]``.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import duckdb

import sealtrail

ROUNDS = 5
QUERIES = {
    "events per type per day": (
        "SELECT event_type, date_trunc('day', timestamp) AS day, count(*) AS n "
        "FROM {table} GROUP BY 1, 2"
    ),
    "top 10 agents by cost": (
        "SELECT agent_id, sum(cost_usd) AS cost FROM {table} WHERE cost_usd IS NOT NULL "
        "AND agent_id IS NOT NULL GROUP BY agent_id ORDER BY cost DESC LIMIT 10"
    ),
    "pii reads of the last day": (
        "SELECT timestamp, agent_id, user_id, {path} FROM {table} WHERE event_type = "
        "'data.file_read' AND {level} = 'pii' AND timestamp >= TIMESTAMPTZ '{since}'"
    ),
}


def timed(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def pairs(
    ours: Callable[[], object], peer: Callable[[], object], rounds: int = ROUNDS
) -> tuple[float, float]:
    """Median seconds of both, taken in turns after one warm-up each."""
    ours(), peer()
    both = [(timed(ours), timed(peer)) for _ in range(rounds)]
    return statistics.median(a for a, _ in both), statistics.median(b for _, b in both)


def report(name: str, value: str, want: str, met: bool) -> None:
    print(f"{'ok  ' if met else 'MISS'} {name:<42} {value:<46} want {want}", flush=True)


def peak_memory(code: str, *args: str) -> tuple[float, int]:
    """Seconds and peak resident bytes of a fresh Python process that runs ``code``."""
    # Not from `getrusage`, whose peak is at least that of the process that started this one.
    wrapper = (
        "import pathlib, re, sys, time; start = time.perf_counter(); "
        f"exec({code!r}); "
        "seconds = time.perf_counter() - start; "
        "status = pathlib.Path('/proc/self/status').read_text(); "
        "print(seconds, re.search(r'VmHWM:\\s+(\\d+) kB', status)[1])"
    )
    done = subprocess.run(
        [sys.executable, "-c", wrapper, *args], check=True, capture_output=True, text=True
    )
    seconds, kib = done.stdout.split()[-2:]
    return float(seconds), int(kib) * 1024


LOAD = (
    "import sealtrail; trail = sealtrail.open(sys.argv[1]); start = time.perf_counter(); "
    "report = trail.record_many(__import__('pathlib').Path(sys.argv[2])); trail.close(); "
    "assert report.refused == 0, report"
)
COPY = (
    "import duckdb; db = duckdb.connect(); db.execute('SET threads TO 2'); "
    'start = time.perf_counter(); db.execute("COPY (SELECT * FROM read_json(\'" + sys.argv[2] + '
    "\"', format='newline_delimited')) TO '\" + sys.argv[1] + \"' (FORMAT parquet, COMPRESSION zstd)\")"
)


def ingest(folder: Path, events: Path, count: int, rounds: int) -> tuple[sealtrail.Trail, Path]:
    ours, theirs, memory = [], [], 0
    for n in range(rounds):
        url, parquet = folder / f"audit{n}", folder / f"duck{n}.parquet"
        sealtrail.init(str(url)).close()
        seconds, peak = peak_memory(LOAD, str(url), str(events))
        ours.append(seconds)
        memory = max(memory, peak)
        theirs.append(peak_memory(COPY, str(parquet), str(events))[0])
    mine, duck = statistics.median(ours), statistics.median(theirs)
    ratio = duck / mine
    report(
        "JSONL -> committed, signed trail",
        f"{count / mine:,.0f}/s = {ratio:.2f}x DuckDB COPY ({count / duck:,.0f}/s)",
        ">= 0.70x",
        ratio >= 0.7,
    )
    report("  peak memory", f"{memory / 2**20:,.0f} MiB", "< 1024 MiB", memory < 2**30)
    return sealtrail.open(str(folder / f"audit{rounds - 1}")), parquet


def size(trail: sealtrail.Trail, events: Path, parquet: Path, count: int) -> None:
    packed = len(gzip.compress(events.read_bytes(), 9)) / count
    mine = trail.stats()["bytes"] / count
    report(
        "bytes an event, all told",
        f"{mine:.1f} = {mine / packed:.2f}x gzip -9 ({packed:.1f}); DuckDB {parquet.stat().st_size / count:.1f}",
        "<= 0.60x",
        mine / packed <= 0.6,
    )


def verification(trail: sealtrail.Trail, count: int, rounds: int) -> None:
    seconds = statistics.median(timed(lambda: trail.verify()) for _ in range(rounds))
    verdict = trail.verify().verdict
    report(
        f"deep verify ({verdict})",
        f"{count / seconds:,.0f}/s",
        ">= 500,000/s",
        count / seconds >= 500_000,
    )


def queries(trail: sealtrail.Trail, parquet: Path) -> None:
    db = duckdb.connect()
    db.execute("SET threads TO 2")
    db.execute("SET TimeZone = 'UTC'")
    newest = trail.sql("SELECT max(timestamp) AS t FROM events").to_dicts()[0]["t"]
    since = (newest - timedelta(days=1)).isoformat()
    for name, text in QUERIES.items():
        ours = text.format(
            table="events", path="resource_path", level="resource_sensitivity_level", since=since
        )
        theirs = text.format(
            table=f"'{parquet}'",
            path="resource.path",
            level="resource.sensitivity_level",
            since=since,
        )
        mine, duck = pairs(
            lambda q=ours: trail.sql(q).to_arrow(), lambda q=theirs: db.sql(q).to_arrow_table()
        )
        same = trail.sql(ours).to_arrow().num_rows == db.sql(theirs).to_arrow_table().num_rows
        note = "" if same else " DIFFERENT ANSWERS"
        report(
            name,
            f"{mine * 1e3:.1f} ms = {mine / duck:.2f}x DuckDB ({duck * 1e3:.1f} ms){note}",
            "<= 1.50x",
            mine / duck <= 1.5 and same,
        )


def some_ids(trail: sealtrail.Trail, count: int = 40) -> list[str]:
    """Ids from all over the trail."""
    return [
        row["audit_id"]
        for row in trail.sql(
            "SELECT audit_id FROM (SELECT audit_id, row_number() OVER () AS n FROM events) "
            "WHERE n % $1 = 1 LIMIT $2",
            [max(1, trail.stats()["events"] // count), count],
        ).to_dicts()
    ]


def lookup(trail: sealtrail.Trail) -> float:
    """Median seconds of a ``get``."""
    ids = some_ids(trail)
    trail.get(ids[0])
    return statistics.median(timed(lambda i=i: trail.get(i)) for i in ids)


VERIFY = (
    "import sealtrail; trail = sealtrail.open(sys.argv[1]); start = time.perf_counter(); "
    "report = trail.verify(); assert report.verdict == 'VERIFIED', report"
)


def tenfold(folder: Path, events: Path, small: sealtrail.Trail) -> None:
    """What must not grow with the trail: looking a record up, and the memory of verifying."""
    url = folder / "tenfold"
    with sealtrail.init(str(url)) as trail:
        for _ in range(10):
            trail.record_many(events)
    one, ten = lookup(small), lookup(sealtrail.open(str(url)))
    report("get by generated id", f"{one * 1e3:.2f} ms", "<= 20 ms", one <= 0.02)
    report(
        "  at ten times the events",
        f"{ten * 1e3:.2f} ms = {ten / one:.2f}x",
        "<= 2.00x",
        ten <= 2 * one,
    )
    first, second = (peak_memory(VERIFY, str(place))[1] for place in (small.url, url))
    report(
        "deep verify, peak memory",
        f"{first / 2**20:,.0f} MiB; ten times the events {second / 2**20:,.0f} MiB",
        "<= 1.25x",
        second <= 1.25 * first,
    )


def durable(folder: Path, events: Path) -> None:
    with events.open("rb") as file:
        lines = [next(file) for _ in range(2000)]
    raw = os.open(folder / "bare", os.O_CREAT | os.O_WRONLY | os.O_APPEND)

    def bare(line: bytes) -> None:
        os.write(raw, line)
        os.fdatasync(raw)

    url = str(folder / "single")
    sealtrail.init(url).close()
    with sealtrail.open(url) as trail:
        trail.record(lines[0])
        both = [(timed(lambda i=i: trail.record(i)), timed(lambda i=i: bare(i))) for i in lines]
        mine, peer = (statistics.median(x) for x in zip(*both, strict=True))
        report(
            "durable record, one thread (Python), p50",
            f"{mine * 1e3:.3f} ms = {mine / peer:.2f}x append + fdatasync ({peer * 1e3:.3f} ms)",
            "<= 1.50x",
            mine / peer <= 1.5,
        )
        one = len(lines) / timed(lambda: [trail.record(i) for i in lines])

        def work() -> None:
            for line in lines[:500]:
                trail.record(line)

        threads = [threading.Thread(target=work) for _ in range(32)]
        many = 32 * 500 / timed(lambda: ([t.start() for t in threads], [t.join() for t in threads]))
        report(
            "durable record, 32 threads (Python)",
            f"{many:,.0f}/s = {many / one:.1f}x one thread ({one:,.0f}/s)",
            ">= 8.0x",
            many / one >= 8,
        )


def importing() -> None:
    code = "import time; s = time.perf_counter(); import sealtrail; print(time.perf_counter() - s)"
    runs = [
        float(
            subprocess.run(
                [sys.executable, "-c", code], capture_output=True, text=True, check=True
            ).stdout
        )
        for _ in range(7)
    ]
    seconds = statistics.median(runs)
    report("import sealtrail", f"{seconds * 1e3:.0f} ms", "<= 150 ms", seconds <= 0.15)


def generate(path: Path, count: int, *extra: str) -> None:
    with path.open("wb") as file:
        subprocess.run(
            [
                sys.executable,
                "-m",
                "sealtrail",
                "demo",
                "--jsonl",
                "-",
                "--events",
                str(count),
                *extra,
            ],
            check=True,
            stdout=file,
        )


def foreign(folder: Path, count: int, trail: sealtrail.Trail, rounds: int) -> None:
    """Events of shapes that the catalogue does not know, against those that it does."""
    events, url = folder / "foreign.jsonl", folder / "foreign"
    generate(events, count, "--foreign")
    sealtrail.init(str(url)).close()
    other = sealtrail.open(str(url))
    other.record_many(events)
    packed = len(gzip.compress(events.read_bytes(), 9)) / count
    mine = other.stats()["bytes"] / count
    known = "SELECT user_id, count(*) FROM events GROUP BY 1"
    strange = "SELECT attrs -> 'actor' ->> 'alias' AS alias, count(*) FROM events GROUP BY 1"
    assert other.sql(strange).to_arrow().num_rows > 1
    a, b = pairs(lambda: other.sql(strange).to_arrow(), lambda: trail.sql(known).to_arrow(), rounds)
    report(
        "foreign shapes: bytes an event",
        f"{mine:.1f} = {mine / packed:.2f}x gzip -9 ({packed:.1f})",
        "<= 0.60x",
        mine / packed <= 0.6,
    )
    report(
        "foreign shapes: group by an attribute",
        f"{a * 1e3:.1f} ms = {a / b:.2f}x a catalogue column",
        "<= 1.50x",
        a / b <= 1.5,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sealtrail-bench-") as name:
        folder = Path(name)
        os.environ["SEALTRAIL_HOME"] = str(folder / "home")
        print(
            json.dumps(
                {"duckdb": duckdb.__version__, "events": options.events, "cores": os.cpu_count()}
            )
        )
        importing()
        events = folder / "events.jsonl"
        generate(events, options.events)
        trail, parquet = ingest(folder, events, options.events, options.rounds)
        size(trail, events, parquet, options.events)
        verification(trail, options.events, options.rounds)
        queries(trail, parquet)
        tenfold(folder, events, trail)
        durable(folder, events)
        foreign(folder, options.events, trail, options.rounds)


if __name__ == "__main__":
    main()
