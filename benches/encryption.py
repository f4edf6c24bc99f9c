"""What encryption at rest costs: scan time, recording, loading and bytes, encrypted against plain.

Loads the same generated events into a plain and an encrypted trail, compacts both, and asks both the
same questions in turn. Usage: ``python benches/encryption.py [--events 1000000]``.
"""

from __future__ import annotations

import argparse
import base64
import os
import shutil
import statistics
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import sealtrail
from sealtrail import demo

ROUNDS = 9
MOST = 1.25
RECORDS = 300
QUERIES = {
    "all columns of all records": "SELECT * FROM events",
    "events per type per day": (
        "SELECT event_type, date_trunc('day', timestamp) AS day, count(*) AS n FROM events "
        "GROUP BY 1, 2"
    ),
    "words in whole records": "SELECT count(*) FROM events WHERE event LIKE '%denied%'",
    "what one user did": "SELECT timestamp, event_type FROM events WHERE user_id = '{user}'",
    "one trace": "SELECT timestamp, event_type FROM events WHERE trace_id = '{trace}'",
}
SCANS = ("all columns of all records", "events per type per day", "words in whole records")


def made(folder: Path, events: list[bytes], *, encrypted: bool) -> tuple[sealtrail.Trail, float]:
    """A compacted trail of these events, and the seconds that loading took."""
    config = folder / "sealtrail.yaml"
    key = folder / "master.key"
    key.touch(mode=0o600)
    key.write_bytes(base64.b64encode(os.urandom(32)))
    more = f"  encryption: {{ hot: true, key: 'file:{key}' }}\n" if encrypted else ""
    config.write_text(f"audit:\n  trail: {{ access_audit: {{ policy: 'off' }} }}\n{more}")
    trail = sealtrail.init(folder / "audit", config=config)
    start = time.perf_counter()
    for first in range(0, len(events), 100_000):
        trail.record_many(b"\n".join(events[first : first + 100_000]))
    seconds = time.perf_counter() - start
    trail.compact(grace=timedelta(0))
    return trail, seconds


def median_of(times: list[float]) -> float:
    """Milliseconds."""
    return statistics.median(times) * 1e3


def recording(trail: sealtrail.Trail) -> float:
    """Median milliseconds of a durable record."""
    times = []
    for n in range(RECORDS):
        start = time.perf_counter()
        trail.record({"event_type": "data.file_read", "n": n, "text": "x" * 400})
        times.append(time.perf_counter() - start)
    return median_of(times)


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    wanted = parser.parse_args().events
    folder = Path(tempfile.mkdtemp(prefix="sealtrail-bench-"))
    os.environ["SEALTRAIL_HOME"] = str(folder / "home")
    try:
        events = demo.jsonl(wanted).splitlines()
        for name in ("plain", "encrypted"):
            (folder / name).mkdir()
        plain, plain_load = made(folder / "plain", events, encrypted=False)
        sealed, sealed_load = made(folder / "encrypted", events, encrypted=True)
        assert all(row["key"] for row in sealed.files().to_dicts())
        row = plain.sql(
            "SELECT user_id, trace_id FROM events WHERE user_id IS NOT NULL AND trace_id IS NOT "
            "NULL LIMIT 1"
        ).to_dicts()[0]
        values = {"user": row["user_id"], "trace": row["trace_id"]}
        scans: list[tuple[float, float]] = []
        for name, text in QUERIES.items():
            sql, times = text.format(**values), ([], [])
            for _ in range(ROUNDS + 1):
                # In turn, so that whatever else the machine does concerns both.
                for trail, found in zip((plain, sealed), times, strict=True):
                    start = time.perf_counter()
                    trail.sql(sql).to_arrow()
                    found.append(time.perf_counter() - start)
            before, after = median_of(times[0][1:]), median_of(times[1][1:])
            if name in SCANS:
                scans.append((before, after))
            show(name, before, after, "ms", MOST if name in SCANS else None)
        total = [sum(column) for column in zip(*scans, strict=True)]
        show("all scans together", total[0], total[1], "ms", MOST)
        show("loading", plain_load, sealed_load, "s", None)
        show("a durable record", recording(plain), recording(sealed), "ms", None)
        sizes = [sum(row["bytes"] for row in t.files().to_dicts()) for t in (plain, sealed)]
        show("bytes an event", sizes[0] / wanted, sizes[1] / wanted, "B", None)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def show(name: str, before: float, after: float, unit: str, most: float | None) -> None:
    """One line."""
    ratio = after / before
    mark = "    " if most is None else "ok  " if ratio <= most else "MISS"
    want = "" if most is None else f" want at most {most}"
    print(
        f"{mark} {name:<28} {before:>10.2f} {unit} -> {after:>10.2f} {unit}  {ratio:5.2f}x{want}",
        flush=True,
    )


if __name__ == "__main__":
    main()
