"""Looking up one record of many, by an id that recording made and by one that the caller gave.

Ids that callers gave say nothing about time: every segment may have one. Cold means that a new
process asks first, and that the system has nothing of the trail in memory; its start and opening
the trail are left out. The peer is DuckDB, asked for the row of that id in a Parquet file that it
wrote itself from the same events. Usage: ``python benches/lookup.py [--events 100000]``; the targets
are meant for 10,000,000 events.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

import duckdb
from run import generate, report, some_ids, timed

import sealtrail

FIRST = (
    "import sys, time, sealtrail; trail = sealtrail.open(sys.argv[1]); start = time.perf_counter(); "
    "assert trail.get(sys.argv[2]); print(time.perf_counter() - start)"
)


def name_all(events: Path, named: Path) -> None:
    """The same events with ids of the caller's, random ones."""
    with events.open("rb") as lines, named.open("wb") as out:
        for line in lines:
            out.write(b'{"audit_id":"%s",' % str(uuid.uuid4()).encode() + line[1:])


def forget(folder: Path) -> None:
    """Has the system drop what it keeps of these files."""
    os.sync()
    for path in folder.rglob("*"):
        if path.is_file():
            file = os.open(path, os.O_RDONLY)
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(file)


def cold(url: Path, audit_id: str) -> float:
    forget(url)
    done = subprocess.run(
        [sys.executable, "-c", FIRST, str(url), audit_id],
        check=True,
        capture_output=True,
        text=True,
    )
    return float(done.stdout)


def measure(what: str, url: Path, lines: Path | None) -> None:
    """Reports, beside DuckDB over a Parquet file of ``lines`` if those hold the ids."""
    trail = sealtrail.open(str(url))
    ids = some_ids(trail)
    trail.get(ids[0])
    warm = statistics.median(timed(lambda i=i: trail.get(i)) for i in ids)
    first = statistics.median(cold(url, i) for i in ids[:7])
    value = f"{warm * 1e3:.2f} ms"
    if lines is not None:
        duck = peer(lines, ids[:7])
        value += f" = {warm / duck:.3f}x DuckDB ({duck * 1e3:.0f} ms)"
    report(f"get, {what}", value, "<= 20 ms", warm <= 0.02)
    report("  cold", f"{first * 1e3:.1f} ms", "<= 60 ms", first <= 0.06)


def peer(lines: Path, ids: list[str]) -> float:
    """Median seconds of DuckDB for the whole row of an id."""
    db, parquet = duckdb.connect(), lines.with_suffix(".parquet")
    db.execute("SET threads TO 2")
    rows = f"read_json('{lines}', format='newline_delimited', sample_size=-1)"
    db.execute(f"COPY (SELECT * FROM {rows}) TO '{parquet}' (FORMAT parquet, COMPRESSION zstd)")
    query = f"SELECT * FROM '{parquet}' WHERE audit_id = $1"
    return statistics.median(
        timed(lambda i=i: db.sql(query, params=[i]).to_arrow_table()) for i in ids
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sealtrail-bench-") as place:
        folder = Path(place)
        os.environ["SEALTRAIL_HOME"] = str(folder / "home")
        os.environ["SEALTRAIL_ACCESS_AUDIT"] = "off"
        print(json.dumps({"duckdb": duckdb.__version__, "events": options.events}))
        events, named = folder / "events.jsonl", folder / "named.jsonl"
        generate(events, options.events)
        name_all(events, named)
        for what, lines in [("generated ids", events), ("given ids", named)]:
            url = folder / what.replace(" ", "-")
            with sealtrail.init(str(url)) as trail:
                assert trail.record_many(lines).refused == 0
            measure(what, url, lines if lines == named else None)
            lines.unlink()


if __name__ == "__main__":
    main()
