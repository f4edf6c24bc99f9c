"""The questions of an investigation against DuckDB and jq, in one run on one machine.

DuckDB reads a Parquet file that it wrote itself from the same events; jq reads the JSON lines.
Usage: ``.venv/bin/python benches/search.py [--events 1000000] [--rounds 5]``.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import duckdb
from run import generate, lookup, pairs, report, timed

import sealtrail

PATIENCE = 120
"""Seconds after which jq is stopped: a text search takes it many minutes."""


FILLED = ("recorded_at", "schema_version")
"""What recording fills in, and refuses from callers."""


class Ask(NamedTuple):
    """A question to the trail, to DuckDB and to jq."""

    ours: str
    theirs: str
    jq: str


def questions(user: str, since: str, word: str) -> dict[str, Ask]:
    columns = "timestamp, event_type, status, source_ip"
    reads = "event_type = 'data.file_read'"
    failed = "('fail', 'failed', 'failure', 'error', 'denied')"
    return {
        "one user's events over 90 days": Ask(
            f"SELECT {columns} FROM events WHERE user_id = '{user}' ORDER BY timestamp",
            f"SELECT {columns} FROM {{f}} WHERE user_id = '{user}' ORDER BY timestamp",
            f'select(.user_id == "{user}") | [.timestamp, .event_type, .status, .source_ip]',
        ),
        "pii reads of the last day": Ask(
            f"SELECT timestamp, agent_id, user_id, resource_path FROM events WHERE {reads} "
            f"AND resource_sensitivity_level = 'pii' AND timestamp >= TIMESTAMPTZ '{since}'",
            f"SELECT timestamp, agent_id, user_id, resource.path FROM {{f}} WHERE {reads} "
            f"AND resource.sensitivity_level = 'pii' AND timestamp >= TIMESTAMPTZ '{since}'",
            'select(.event_type == "data.file_read" and .resource.sensitivity_level == "pii" '
            f'and .timestamp >= "{since[:19]}") | [.timestamp, .agent_id, .user_id]',
        ),
        "failed logins by address": Ask(
            "SELECT source_ip, count(*) AS n FROM events WHERE event_type = 'auth.user_login' "
            "AND outcome IN ('failure', 'denied') GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 20",
            "SELECT source_ip, count(*) AS n FROM {f} WHERE event_type = 'auth.user_login' "
            f"AND status IN {failed} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 20",
            'select(.event_type == "auth.user_login" and .status == "fail") | .source_ip',
        ),
        "top 10 agents by cost": Ask(
            "SELECT agent_id, sum(cost_usd) AS cost FROM events WHERE cost_usd IS NOT NULL "
            "AND agent_id IS NOT NULL GROUP BY 1 ORDER BY 2 DESC LIMIT 10",
            "SELECT agent_id, sum(cost_usd) AS cost FROM {f} WHERE cost_usd IS NOT NULL "
            "AND agent_id IS NOT NULL GROUP BY 1 ORDER BY 2 DESC LIMIT 10",
            "select(.cost_usd and .agent_id) | [.agent_id, .cost_usd]",
        ),
        "events per type per day": Ask(
            "SELECT event_type, date_trunc('day', timestamp) AS day, count(*) AS n "
            "FROM events GROUP BY 1, 2",
            "SELECT event_type, date_trunc('day', timestamp) AS day, count(*) AS n "
            "FROM {f} GROUP BY 1, 2",
            "[.event_type, .timestamp[:10]]",
        ),
        f"text search ({word})": Ask(
            "text",
            f"SELECT timestamp, event_type FROM {{f}} t WHERE contains(lower(to_json(t)::TEXT), '{word}')",
            f'select(tostring | ascii_downcase | contains("{word}")) | [.timestamp, .event_type]',
        ),
    }


def jq(program: str, events: Path) -> float | None:
    """Seconds of one pass of jq, if it is installed; at most ``PATIENCE``, so a least value."""
    if shutil.which("jq") is None:
        return None
    command = ["timeout", str(PATIENCE), "jq", "-c", program, str(events)]
    return timed(lambda: subprocess.run(command, check=False, stdout=subprocess.DEVNULL))


def compare(trail: sealtrail.Trail, parquet: Path, events: Path, rounds: int) -> None:
    db = duckdb.connect()
    db.execute("SET threads TO 2")
    db.execute("SET TimeZone = 'UTC'")
    newest = trail.sql("SELECT max(timestamp) AS t FROM events").to_dicts()[0]["t"]
    since = (newest - timedelta(days=1)).isoformat()
    busy = "SELECT user_id, count(*) AS n FROM events WHERE user_id LIKE 'user%' GROUP BY 1 ORDER BY 2 DESC LIMIT 1"
    user = trail.sql(busy).to_dicts()[0]["user_id"]
    for name, ask in questions(user, since, "quarterly").items():
        theirs = ask.theirs.format(f=f"'{parquet}'")

        def mine(text: str = ask.ours) -> int:
            if text == "text":
                found = trail.search(text="quarterly", fields=["timestamp", "event_type"])
                return found.to_arrow().num_rows
            return trail.sql(text).to_arrow().num_rows

        def duck(text: str = theirs) -> int:
            return db.sql(text).to_arrow_table().num_rows

        ours, peer = pairs(mine, duck, rounds)
        line = jq(ask.jq, events)
        same = mine() == duck()
        against = "" if line is None else f", jq {line / ours:,.0f}x"
        note = "" if same else f" DIFFERENT ANSWERS ({mine()}, {duck()})"
        met = ours <= peer and same and (line is None or line >= 50 * ours)
        value = (
            f"{ours * 1e3:.1f} ms = {ours / peer:.2f}x DuckDB ({peer * 1e3:.1f} ms){against}{note}"
        )
        report(name, value, "<= 1.00x, jq >= 50x", met)


def last_hour(folder: Path, trail: sealtrail.Trail, rounds: int) -> None:
    """The last hour of a long trail against a trail that holds nothing else."""
    newest = trail.sql("SELECT max(timestamp) AS t FROM events").to_dicts()[0]["t"]
    since = newest - timedelta(hours=1)
    url = folder / "hour"
    with sealtrail.init(url) as hour:
        lines = trail.search(since=since).records()
        kept = hour.record_many(
            {k: v for k, v in line.items() if k not in FILLED} for line in lines
        )
        assert kept.refused == 0, kept
    hour = sealtrail.open(url)

    def of(which: sealtrail.Trail) -> int:
        return which.search(since=since).to_arrow().num_rows

    long, short = pairs(lambda: of(trail), lambda: of(hour), rounds)
    assert of(trail) == of(hour) > 0
    value = f"{long * 1e3:.1f} ms = {long / short:.2f}x a trail of that hour ({short * 1e3:.1f} ms)"
    report("the last hour of 90 days", value, "<= 3.00x", long <= 3 * short)


def first_result(trail: sealtrail.Trail, rounds: int) -> None:
    command = [sys.executable, "-m", "sealtrail", "search", "--limit", "1", "--trail", trail.url]
    runs = [
        timed(lambda: subprocess.run(command, check=True, capture_output=True))
        for _ in range(rounds + 2)
    ]
    seconds = statistics.median(runs)
    report(
        "search --limit 1, from the start of the process",
        f"{seconds * 1e3:.0f} ms",
        "<= 150 ms",
        seconds <= 0.15,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sealtrail-bench-") as name:
        folder = Path(name)
        os.environ["SEALTRAIL_HOME"] = str(folder / "home")
        # Recording who looked is not what is measured against readers that do not.
        os.environ["SEALTRAIL_ACCESS_AUDIT"] = "off"
        events, parquet, url = folder / "events.jsonl", folder / "duck.parquet", folder / "audit"
        generate(events, options.events)
        with sealtrail.init(url) as trail:
            trail.record_many(events)
        trail = sealtrail.open(url)
        duckdb.execute(
            f"COPY (SELECT * FROM read_json('{events}', format = 'newline_delimited', sample_size = -1)) "
            f"TO '{parquet}' (FORMAT parquet, COMPRESSION zstd)"
        )
        compare(trail, parquet, events, options.rounds)
        last_hour(folder, trail, options.rounds)
        first_result(trail, options.rounds)
        seconds = lookup(trail)
        report("get by generated id", f"{seconds * 1e3:.2f} ms", "<= 20 ms", seconds <= 0.02)


if __name__ == "__main__":
    main()
