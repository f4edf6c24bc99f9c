"""Speed of sequence search against a window query of DuckDB, in one run on one machine.

DuckDB reads a Parquet file that it wrote itself from the same events, and only says which events
end a sequence, not which events it consists of. Usage:
``python benches/sequence.py [--events 10000000]``.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path

import duckdb
from run import generate, pairs, report

import sealtrail

WITHIN = 300
CASES = {
    "failed logins, then a success": (
        "auth.user_login[status=fail]{3,} auth.user_login[status=success]",
        "source_ip",
        "event_type = 'auth.user_login'",
        "status = 'fail'",
        "status = 'success'",
        3,
    ),
    "reads, then an export": (
        "data.file_read{3,} data.export",
        "agent_id",
        "event_type IN ('data.file_read', 'data.export')",
        "event_type = 'data.file_read'",
        "event_type = 'data.export'",
        3,
    ),
    "large reads, then a call out": (
        "data.file_read[resource.size_bytes > 1e5] data.api_call[status!=success]",
        "agent_id",
        "event_type IN ('data.file_read', 'data.api_call')",
        "event_type = 'data.file_read' AND resource.size_bytes > 1e5",
        "event_type = 'data.api_call' AND coalesce(status, '') <> 'success'",
        1,
    ),
}
PEER = """
SELECT count(*) FROM (
  SELECT {last} AS ends, count(*) FILTER ({first}) OVER (
    PARTITION BY {by} ORDER BY timestamp
    RANGE BETWEEN INTERVAL {within} SECOND PRECEDING AND CURRENT ROW) AS n
  FROM '{parquet}' WHERE {either} AND {by} IS NOT NULL)
WHERE ends AND n >= {least}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sealtrail-bench-") as name:
        folder = Path(name)
        os.environ["SEALTRAIL_HOME"] = str(folder / "home")
        os.environ["SEALTRAIL_ACCESS_AUDIT"] = "off"
        print(
            json.dumps(
                {"duckdb": duckdb.__version__, "events": options.events, "cores": os.cpu_count()}
            )
        )
        events, parquet = folder / "events.jsonl", folder / "duck.parquet"
        generate(events, options.events)
        sealtrail.init(str(folder / "audit")).close()
        trail = sealtrail.open(str(folder / "audit"))
        trail.record_many(events)
        db = duckdb.connect()
        db.execute("SET threads TO 2")
        db.execute("SET TimeZone = 'UTC'")
        db.execute(
            f"COPY (SELECT * FROM read_json('{events}', format='newline_delimited', sample_size=-1)) "
            f"TO '{parquet}' (FORMAT parquet, COMPRESSION zstd)"
        )
        for case, (text, by, either, first, last, least) in CASES.items():
            peer = PEER.format(
                parquet=parquet,
                by=by,
                either=either,
                first=first,
                last=last,
                least=least,
                within=WITHIN,
            )
            mine, duck = pairs(
                lambda t=text, b=by: trail.sequence(t, within=WITHIN, by=b).count(),
                lambda q=peer: db.execute(q).fetchall(),
                options.rounds,
            )
            found = trail.sequence(text, within=WITHIN, by=by).count()
            rate = options.events / mine
            report(
                f"{case} ({found:,} matches)",
                f"{rate:,.0f} events/s = {duck / mine:.2f}x DuckDB",
                ">= 2,000,000/s",
                rate >= 2_000_000,
            )


if __name__ == "__main__":
    main()
