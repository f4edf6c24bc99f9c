"""Tracing a chain of 1,000 actions, against a recursive query in DuckDB over a Parquet file.

DuckDB gets the plainest form of the question: the agents under a user, by ``agent.spawned``, and
their events; no authentication, no permissions, nothing climbs up. Usage: ``python
benches/trace.py [--events 1000000]``.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import duckdb
from run import generate, pairs, report

import sealtrail

ACTIONS = 1000
RECURSIVE = """
WITH RECURSIVE chain AS (
    SELECT DISTINCT agent_id AS agent FROM '{parquet}' WHERE event_type = 'agent.spawned'
        AND authorized_by = 'traced_user'
    UNION
    SELECT spawned.agent_id FROM '{parquet}' AS spawned JOIN chain
        ON spawned.parent_agent_id = chain.agent WHERE spawned.event_type = 'agent.spawned'
)
SELECT * FROM '{parquet}' WHERE agent_id IN (SELECT agent FROM chain)
"""


def chain(end: datetime) -> list[dict[str, object]]:
    """A user logs in, three levels of agents, and what the deepest ones do."""
    events: list[dict[str, object]] = [
        {"event_type": "auth.user_login", "user_id": "traced_user", "status": "success"}
    ]
    agents = ["traced_boss"] + [f"traced_{level}" for level in range(3)]
    for parent, agent in pairwise(agents):
        spawned = {"agent_id": agent, "parent_agent_id": parent, "scope": ["claims:read"]}
        events.append({"event_type": "agent.spawned", "authorized_by": "traced_user", **spawned})
    for n in range(ACTIONS):
        resource = {"path": f"/claims/{n % 50}.csv", "sensitivity_level": "pii"}
        action = {"agent_id": agents[1 + n % 3], "resource": resource}
        events.append({"event_type": "data.file_read", "status": "success", **action})
    span = timedelta(days=60) / len(events)
    for n, event in enumerate(events):
        event["timestamp"] = (end - span * (len(events) - n)).isoformat()
        event["audit_id"] = f"traced_event_{n}"
    return events


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sealtrail-bench-") as place:
        folder = Path(place)
        os.environ["SEALTRAIL_HOME"] = str(folder / "home")
        end = datetime(2026, 11, 1, tzinfo=UTC)
        events = folder / "events.jsonl"
        generate(events, options.events, "--end", end.isoformat())
        with events.open("a") as file:
            file.writelines(json.dumps(event) + "\n" for event in chain(end))
        trail = sealtrail.init(str(folder / "audit"))
        assert trail.record_many(events).refused == 0
        parquet = folder / "events.parquet"
        db = duckdb.connect()
        db.execute("SET threads TO 2")
        lines = f"read_json('{events}', format='newline_delimited', sample_size=-1)"
        db.execute(
            f"COPY (SELECT * FROM {lines}) TO '{parquet}' (FORMAT parquet, COMPRESSION zstd)"
        )
        theirs = RECURSIVE.format(parquet=parquet)
        assert len(db.sql(theirs).to_arrow_table()) == ACTIONS + 3
        assert trail.trace("traced_user").events == ACTIONS + 4
        print(json.dumps({"duckdb": duckdb.__version__, "events": options.events}))
        for what, name, kind in [
            ("a user", "traced_user", None),
            ("a user, its kind given", "traced_user", "user"),
            ("an agent", "traced_0", None),
            ("one action", "traced_event_900", None),
        ]:
            mine, peer = pairs(
                lambda name=name, kind=kind: trail.trace(name, kind=kind),
                lambda: db.sql(theirs).to_arrow_table(),
            )
            report(
                f"trace of {what}, {ACTIONS:,} actions",
                f"{mine * 1e3:.0f} ms = {mine / peer:.2f}x DuckDB ({peer * 1e3:.0f} ms)",
                "<= 200 ms",
                mine <= 0.2,
            )


if __name__ == "__main__":
    main()
