"""Planning retention: what is due of a trail, by ages, domains and sensitivity.

The peer is DuckDB, asked for the same counts in a Parquet file that it wrote itself from the same
events. Usage: ``python benches/retention.py [--events 1000000]``.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from datetime import timedelta
from pathlib import Path

import duckdb
from run import generate, pairs, report

import sealtrail

POLICY = """audit:
  retention:
    clock: event_time
    by_domain:
      auth: { delete_after_days: 30 }
      data: { delete_after_days: 45 }
    by_sensitivity:
      pii: { delete_after_days: 75 }
"""
RULES = {"auth": 30, "data": 45}
PII = 75
DUE = """SELECT count(*) FROM '{parquet}' WHERE timestamp <= TIMESTAMPTZ '{now}' - to_days(
    CASE WHEN lower(resource.sensitivity_level) = 'pii'
         THEN greatest(CASE domain WHEN 'auth' THEN {auth} WHEN 'data' THEN {data} ELSE 0 END, {pii})
         ELSE CASE domain WHEN 'auth' THEN {auth} WHEN 'data' THEN {data} ELSE 100000 END END)"""


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sealtrail-bench-") as place:
        folder = Path(place)
        os.environ["SEALTRAIL_HOME"] = str(folder / "home")
        os.environ["SEALTRAIL_ACCESS_AUDIT"] = "off"
        events, parquet = folder / "events.jsonl", folder / "events.parquet"
        generate(events, options.events)
        config = folder / "sealtrail.yaml"
        config.write_text(POLICY)
        trail = sealtrail.init(str(folder / "audit"), config=config)
        assert trail.record_many(events).refused == 0
        trail.retention.pin()
        db = duckdb.connect()
        db.execute("SET threads TO 2")
        db.execute("SET TimeZone = 'UTC'")
        rows = f"read_json('{events}', format='newline_delimited', sample_size=-1)"
        select = f"SELECT *, split_part(event_type, '.', 1) AS domain FROM {rows}"
        db.execute(f"COPY ({select}) TO '{parquet}' (FORMAT parquet, COMPRESSION zstd)")
        newest = trail.sql("SELECT max(timestamp) AS t FROM events").to_dicts()[0]["t"]
        now = newest + timedelta(days=1)
        query = DUE.format(parquet=parquet, now=now.isoformat(), pii=PII, **RULES)
        plan = trail.retention.plan(now=now)
        due = sum(step["deletes"] for step in plan["steps"])
        theirs = db.sql(query).fetchall()[0][0]
        print(
            json.dumps(
                {
                    "duckdb": duckdb.__version__,
                    "events": options.events,
                    "segments": plan["segments"],
                    "read": plan["read"],
                    "due": due,
                }
            )
        )
        assert due == theirs, (due, theirs)
        mine, peer = pairs(lambda: trail.retention.plan(now=now), lambda: db.sql(query).fetchall())
        value = f"{mine * 1e3:.0f} ms = {mine / peer:.2f}x DuckDB ({peer * 1e3:.0f} ms)"
        report("retention plan", value, "<= 1 s", mine <= 1)
        trail.holds.add({"user_id": "user_2*"}, reason="bench", by="bench")
        held, _ = pairs(lambda: trail.retention.plan(now=now), lambda: None)
        report("  with a hold", f"{held * 1e3:.0f} ms", "<= 1 s", held <= 1)


if __name__ == "__main__":
    main()
