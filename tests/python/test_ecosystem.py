"""Trails beside other tools: tables brought in, several trails, DataFusion, DuckDB, notebooks."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import datafusion
import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from IPython.core.interactiveshell import InteractiveShell

import sealtrail

if TYPE_CHECKING:
    from collections.abc import Iterator

STAFF = {"user_id": ["mira", "tom"], "team": ["claims", "legal"]}
BY_TEAM = "SELECT team, count(*) AS n FROM events JOIN staff USING (user_id) GROUP BY 1 ORDER BY 1"
TEAMS = [{"team": "claims", "n": 2}, {"team": "legal", "n": 1}]


def logins(*users: str) -> list[dict[str, Any]]:
    return [
        {
            "event_type": "auth.user_login",
            "user_id": user,
            "status": "success",
            "audit_id": f"{user}-{n}",
            "timestamp": datetime(2026, 3, 1, 10, n, tzinfo=UTC).isoformat(),
        }
        for n, user in enumerate(users)
    ]


@pytest.fixture
def trail(tmp_path: Path) -> Iterator[sealtrail.Trail]:
    with sealtrail.init(tmp_path / "audit") as trail:
        trail.record_many(logins("mira", "tom", "mira"))
        yield trail


@pytest.mark.parametrize("make", [pa.table, pd.DataFrame, pl.DataFrame])
def test_tables_of_every_kind_join(trail: sealtrail.Trail, make: Any) -> None:
    trail.register("staff", make(STAFF))
    assert trail.sql(BY_TEAM).to_dicts() == TEAMS
    trail.register("staff", make({"user_id": ["tom"], "team": ["tax"]}))
    assert trail.sql(BY_TEAM).to_dicts() == [{"team": "tax", "n": 1}]
    assert trail.unregister("staff")
    assert not trail.unregister("staff")
    with pytest.raises(sealtrail.SqlError):
        trail.sql(BY_TEAM)


def test_an_answer_and_files_are_tables_too(trail: sealtrail.Trail, tmp_path: Path) -> None:
    trail.register("seen", trail.sql("SELECT DISTINCT user_id FROM events"))
    assert trail.sql("SELECT count(*) AS n FROM seen").to_dicts() == [{"n": 2}]
    frame = pl.DataFrame(STAFF)
    frame.write_parquet(tmp_path / "staff.parquet")
    frame.write_csv(tmp_path / "staff.csv")
    frame.write_ndjson(tmp_path / "staff.jsonl")
    for file in ("staff.parquet", "staff.csv", "staff.jsonl"):
        trail.register("staff", tmp_path / file)
        assert trail.sql(BY_TEAM).to_dicts() == TEAMS, file


def test_what_is_no_table_is_refused(trail: sealtrail.Trail, tmp_path: Path) -> None:
    for name in ("events", "records", "Staff", "a b", ""):
        with pytest.raises(sealtrail.UsageError, match="table"):
            trail.register(name, pa.table(STAFF))
    with pytest.raises((sealtrail.NotFoundError, OSError), match="absent"):
        trail.register("staff", tmp_path / "absent.csv")
    with pytest.raises(TypeError):
        trail.register("staff", 7)  # type: ignore[arg-type]


def test_several_trails_answer_as_one(tmp_path: Path) -> None:
    places = {name: tmp_path / name for name in ("paris", "tokyo")}
    for name, place in places.items():
        with sealtrail.init(place) as trail:
            trail.record_many(logins(name, "mira"))
    with sealtrail.open(places) as trails:
        assert set(trails.trails) == {"paris", "tokyo"}
        sql = (
            "SELECT _trail, count(*) AS n FROM auth_events WHERE user_id = $u GROUP BY 1 ORDER BY 1"
        )
        answer = trails.sql(sql, {"u": "mira"}).to_dicts()
        assert answer == [{"_trail": "paris", "n": 1}, {"_trail": "tokyo", "n": 1}]
        trails.register("staff", pl.DataFrame(STAFF))
        assert trails.sql(BY_TEAM).to_dicts() == [{"team": "claims", "n": 2}]
    with sealtrail.open([*places.values()]) as trails:
        names = {
            row["_trail"] for row in trails.sql("SELECT DISTINCT _trail FROM events").to_dicts()
        }
        assert names == {trail.url for trail in trails.trails.values()}
    with pytest.raises(sealtrail.NotFoundError):
        sealtrail.open([tmp_path / "paris", tmp_path / "rome"])
    with pytest.raises(sealtrail.UsageError):
        sealtrail.open([])


def test_datafusion_for_python_reads_the_events(trail: sealtrail.Trail) -> None:
    trail.record_many(
        {"event_type": "data.file_read", "user_id": f"u{n % 7}", "bytes_seen": n}
        for n in range(500)
    )
    context = datafusion.SessionContext()
    context.register_table("trail", trail.table())
    sql = """SELECT user_id, count(*) AS n, max(bytes_seen) AS most FROM trail
             WHERE domain = 'data' AND user_id IN ('u1', 'u2') GROUP BY 1 ORDER BY 1"""
    expected = [{"user_id": "u1", "n": 72, "most": 498}, {"user_id": "u2", "n": 72, "most": 499}]
    assert context.sql(sql).to_pylist() == expected
    assert trail.sql(sql.replace("FROM trail", "FROM events")).to_dicts() == expected
    one = context.sql(
        "SELECT audit_id, outcome FROM trail WHERE user_id = 'tom' LIMIT 1"
    ).to_pylist()
    assert one == [{"audit_id": "tom-1", "outcome": "success"}]
    # The moment is that of table(); the frame outlives the table object.
    trail.record({"event_type": "data.filter"})
    assert context.sql("SELECT count(*) AS n FROM trail").to_pylist() == [{"n": 503}]
    assert pa.schema(trail.table()).field("timestamp").type == pa.timestamp("us", "UTC")


def test_files_are_what_other_tools_read(trail: sealtrail.Trail) -> None:
    trail.flush()
    files = trail.files(verify=True).to_dicts()
    locations = [row["location"] for row in files]
    found = duckdb.execute("SELECT user_id FROM read_parquet(?) ORDER BY 1", [locations])
    assert found.fetchall() == [("mira",), ("mira",), ("tom",)]
    assert pl.read_parquet(locations)["user_id"].to_list().count("mira") == 2
    assert len(pd.read_parquet(locations[0])) == files[0]["rows"]


def test_verified_files_are_those_of_the_ledger(trail: sealtrail.Trail) -> None:
    trail.flush()
    path = Path(trail.files().to_dicts()[0]["location"])
    genuine = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(genuine[:100] + bytes([genuine[100] ^ 1]) + genuine[101:])
    with pytest.raises(sealtrail.IntegrityError, match=path.name):
        trail.files(verify=True)
    path.unlink()
    with pytest.raises(sealtrail.IntegrityError, match="missing"):
        trail.files(verify=True)


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "sealtrail")
    yield shell
    InteractiveShell.clear_instance()


def cell(shell: InteractiveShell, line: str, text: str) -> Any:
    return shell.run_cell_magic("sealtrail", line, text)  # type: ignore[no-untyped-call]


def test_a_cell_asks_in_sql(trail: sealtrail.Trail, shell: InteractiveShell) -> None:
    shell.user_ns["trail"] = trail
    shell.user_ns["who"] = "mira"
    sql = "SELECT count(*) AS n FROM events WHERE user_id = $who AND '$x' <> 'a' -- $y"
    shown = cell(shell, "", sql)
    assert shown.to_dicts() == [{"n": 2}]
    assert cell(shell, "trail --into kept", sql) is None
    assert shell.user_ns["kept"].to_dicts() == [{"n": 2}]
    by_url = cell(shell, trail.url, "SELECT count(*) AS n FROM events")
    assert by_url.to_dicts() == [{"n": 3}]
    with pytest.raises(sealtrail.UsageError, match="'nobody'"):
        cell(shell, "", "SELECT $nobody")
    with pytest.raises(sealtrail.UsageError, match="--bogus"):
        cell(shell, "--bogus", "SELECT 1")
