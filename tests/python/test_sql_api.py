"""SQL through the Python package: parameters, results, Arrow in and out, errors."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest

import sealtrail
from sealtrail import demo

END = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def trail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sealtrail.Trail]:
    """5,000 committed records and 3 that are not."""
    folder = tmp_path_factory.mktemp("sql")
    with sealtrail.init(folder / "audit", home=folder / "home") as opened:
        opened.record_many(demo.jsonl(5000, end=END))
        for n in range(3):
            opened.record(
                {
                    "event_type": "data.export",
                    "timestamp": END + timedelta(microseconds=n + 1),
                    "agent_id": "late",
                    "n": n,
                }
            )
        yield opened


def test_committed_and_other_records_together(trail: sealtrail.Trail) -> None:
    rows = trail.sql("SELECT domain, count(*) AS n FROM events GROUP BY domain").to_dicts()
    assert sum(row["n"] for row in rows) == 5003
    assert trail.stats()["unsealed"] == 3
    late = trail.sql("SELECT timestamp FROM data_events WHERE agent_id = 'late' ORDER BY 1")
    assert late.to_dicts() == [{"timestamp": END + timedelta(microseconds=n)} for n in (1, 2, 3)]


def test_a_result_is_a_snapshot_and_can_be_read_again(tmp_path: Path) -> None:
    with sealtrail.init(tmp_path / "audit") as trail:
        trail.record({"event_type": "data.export"})
        result = trail.sql("SELECT count(*) AS n FROM events")
        trail.record({"event_type": "data.export"})
        trail.flush()
        assert result.to_dicts() == [{"n": 1}]
        assert result.to_arrow().to_pylist() == [{"n": 1}]
        assert [batch.to_dicts() for batch in result] == [[{"n": 1}]]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("mira", "mira"),
        (True, "true"),
        (7, "7"),
        (2**63, "9223372036854775808"),
        (0.5, "0.5"),
        (None, None),
        (date(2026, 3, 1), "2026-03-01"),
        (END, "2026-11-01T00:00:00Z"),
    ],
)
def test_parameters(trail: sealtrail.Trail, given: Any, shown: str | None) -> None:
    forms: list[tuple[str, Any]] = [
        ("SELECT CAST(? AS VARCHAR) AS x", [given]),
        ("SELECT CAST($1 AS VARCHAR) AS x", (given,)),
        ("SELECT CAST($a AS VARCHAR) AS x", {"a": given}),
    ]
    for query, params in forms:
        assert trail.sql(query, params).to_dicts() == [{"x": shown}]


def test_parameters_compare_with_columns(trail: sealtrail.Trail) -> None:
    query = "SELECT count(*) AS n FROM events WHERE timestamp > $since AND agent_id = $agent"
    params = {"since": END - timedelta(days=1), "agent": "late"}
    assert trail.sql(query, params).to_dicts() == [{"n": 3}]
    query = "SELECT count(*) AS n FROM events WHERE array_has($1, agent_id)"
    assert trail.sql(query, [["late", None]]).to_dicts() == [{"n": 3}]
    query = "SELECT TIMESTAMPTZ '2026-11-01 00:00:00Z' - $1 AS t"
    day = trail.sql(query, [timedelta(days=1)]).to_dicts()
    assert day == [{"t": END - timedelta(days=1)}]


@pytest.mark.parametrize(
    "params",
    [
        [],
        [1, 2],
        {"a": 1},
        [object()],
        [2**64],
        [datetime(2026, 1, 1)],  # noqa: DTZ001 - the point of the test
        [[1, "a"]],
        [[]],
        7,
    ],
    ids=repr,
)
def test_wrong_parameters(trail: sealtrail.Trail, params: Any) -> None:
    with pytest.raises(sealtrail.SqlError) as caught:
        trail.sql("SELECT ?", params)
    assert caught.value.kind == "parameter"


def test_errors_point_at_the_place(trail: sealtrail.Trail) -> None:
    with pytest.raises(sealtrail.SqlError, match="user_id") as caught:
        trail.sql("SELECT 1,\n  usr_id\nFROM events")
    assert isinstance(caught.value, ValueError)
    assert (caught.value.kind, caught.value.line, caught.value.column) == ("sql", 2, 3)
    with pytest.raises(sealtrail.SqlError) as caught:
        trail.sql("DELETE FROM events")
    assert caught.value.kind == "read_only"
    with pytest.raises(sealtrail.SqlError) as caught:
        trail.sql("SELECT 1 / (count(*) - count(*)) FROM events").to_dicts()
    assert caught.value.kind == "execution"


def test_every_reader_gets_the_same(trail: sealtrail.Trail) -> None:
    query = (
        "SELECT audit_id, timestamp, cost_usd, input_tokens, resource_path FROM events "
        "ORDER BY audit_id"
    )
    result = trail.sql(query)
    table = result.to_arrow()
    assert table.schema.field("timestamp").type == pa.timestamp("us", tz="UTC")
    assert pa.schema(result) == table.schema == pa.schema(result.schema)
    assert [name for name, _ in result.schema.columns()] == table.column_names
    rows = table.to_pylist()
    assert len(rows) == 5003
    assert result.to_dicts() == rows
    assert pa.table(result).to_pylist() == rows
    assert pa.Table.from_batches([pa.record_batch(batch) for batch in result]) == table
    assert result.to_polars().to_dicts() == pl.DataFrame(result).to_dicts() == rows
    frame = result.to_pandas()
    assert isinstance(frame, pd.DataFrame)
    assert str(frame["timestamp"].dtype) == "datetime64[us, UTC]"
    assert frame["audit_id"].tolist() == [row["audit_id"] for row in rows]
    count = duckdb.connect().execute("SELECT count(*), count(cost_usd) FROM result").fetchone()
    assert count == (5003, sum(row["cost_usd"] is not None for row in rows))


def test_values_of_all_types(trail: sealtrail.Trail) -> None:
    query = """
        SELECT 1 AS i, CAST(2 AS TINYINT UNSIGNED) AS u, 0.5e0 AS f, true AS b, NULL AS z, 'ü' AS s,
               X'00ff' AS x, DATE '1969-12-31' AS d, TIMESTAMP '2026-03-01 00:00:00.000001' AS t,
               CAST(1.50 AS DECIMAL(10, 2)) AS c, [1, NULL, 3] AS l,
               named_struct('a', 1, 'b', ['x']) AS o
    """
    assert trail.sql(query).to_dicts() == [
        {
            "i": 1,
            "u": 2,
            "f": 0.5,
            "b": True,
            "z": None,
            "s": "ü",
            "x": b"\x00\xff",
            "d": date(1969, 12, 31),
            "t": datetime(2026, 3, 1, 0, 0, 0, 1),  # noqa: DTZ001 - as the statement has it
            "c": Decimal("1.50"),
            "l": [1, None, 3],
            "o": {"a": 1, "b": ["x"]},
        }
    ]


def test_display_says_what_it_leaves_out(trail: sealtrail.Trail) -> None:
    shown = repr(trail.sql("SELECT event_type, 'x<y' || chr(10) AS m FROM events"))
    assert "event_type" in shown.splitlines()[0]
    assert len(shown.splitlines()) == 22
    assert shown.endswith("(the first 20 rows; there are more)")
    few = trail.sql("SELECT 'x<y' AS m, repeat('a', 500) AS long")
    assert repr(few).endswith("(1 row)")
    assert len(repr(few)) < 300
    page = few._repr_html_()
    assert "x&lt;y" in page
    assert "<th>m</th>" in page
    assert "(1 row)" in page
    exactly = trail.sql("SELECT 1 FROM events LIMIT 20")
    assert repr(exactly).endswith("(20 rows)")


def test_files_are_the_segments(trail: sealtrail.Trail) -> None:
    rows = trail.files().to_dicts()
    assert len(rows) == trail.stats()["segments"]
    assert sum(row["rows"] for row in rows) == 5000
    for row in rows:
        path = Path(trail.url, row["path"])
        assert path.stat().st_size == row["bytes"]
        assert pyarrow.parquet.ParquetFile(path).metadata.num_rows == row["rows"]
        assert f"domain={row['domain']}/" in row["path"]
        assert row["first"] <= row["last"] <= END


def test_reading_a_damaged_segment_is_an_error_not_a_crash(tmp_path: Path) -> None:
    with sealtrail.init(tmp_path / "audit") as trail:
        trail.record_many(demo.jsonl(100, end=END))
        for path in Path(trail.url, "segments").rglob("*.parquet"):
            path.unlink()
        with pytest.raises(sealtrail.SealtrailError):
            trail.sql("SELECT sum(cost_usd) FROM events").to_dicts()
        with pytest.raises(Exception, match=r"missing|NotFound|not found|No such"):
            pa.table(trail.sql("SELECT cost_usd, event FROM events"))


# Arrow in.


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[sealtrail.Trail]:
    with sealtrail.init(tmp_path / "audit") as opened:
        yield opened


def event_of(trail: sealtrail.Trail) -> dict[str, Any]:
    (row,) = trail.sql("SELECT audit_id FROM events").to_dicts()
    record = trail.get(row["audit_id"])
    assert record is not None
    return {k: v for k, v in record.items() if k not in {"audit_id", "recorded_at"}}


def test_rows_become_events(empty: sealtrail.Trail) -> None:
    event = {
        "event_type": "data.rows",
        "timestamp": datetime(2026, 3, 1, 12, 0, 0, 1, tzinfo=UTC),
        "resource": {"path": "/a", "type": None},
        "tags": ["x", None],
        "n": 2**60,
        "d": Decimal("1.50"),
        "f": 0.1,
        "day": date(2026, 3, 1),
        "none": None,
    }
    report = empty.record_many(pa.Table.from_pylist([event]))
    assert (report.recorded, report.problems) == (1, [])
    assert event_of(empty) == {
        "_exact_numbers": ["/n"],
        "event_type": "data.rows",
        "timestamp": "2026-03-01T12:00:00.000001Z",
        "resource": {"path": "/a"},
        "tags": ["x", None],
        "n": str(2**60),
        "d": 1.5,
        "f": 0.1,
        "day": "2026-03-01",
        "schema_version": 1,
    }


def test_other_zones_dictionaries_and_data_frames(empty: sealtrail.Trail) -> None:
    zone = pa.timestamp("ns", tz="Europe/Berlin")
    table = pa.table(
        {
            "event_type": pa.array(["data.rows"]).dictionary_encode(),
            "timestamp": pa.array([datetime(2026, 3, 1, tzinfo=UTC)], zone),
            "f": pa.array([0.1], pa.float32()),
        }
    )
    empty.record_many(table)
    assert event_of(empty)["timestamp"] == "2026-03-01T00:00:00.000Z"
    assert event_of(empty)["f"] == 0.1
    frame = pl.DataFrame({"event_type": ["data.rows"] * 3, "n": [1, None, 3]})
    assert empty.record_many(frame).recorded == 3
    assert empty.record_many(frame.to_pandas()).recorded == 3
    assert empty.record_many(empty.sql("SELECT event_type FROM events")).recorded == 7


def test_rows_that_json_cannot_say_are_named(empty: sealtrail.Trail) -> None:
    rows = [{"event_type": "data.rows", "a": {"b": [1.0, x]}} for x in (1.0, float("nan"), None)]
    report = empty.record_many(pa.Table.from_pylist(rows))
    assert (report.lines, report.recorded) == (3, 2)
    (problem,) = report.problems
    assert (problem.line, problem.path, problem.reason) == (2, "a.b.1", "not_finite")


@pytest.mark.parametrize(
    ("column", "word"),
    [
        (pa.array([datetime(2026, 3, 1)]), "zone"),  # noqa: DTZ001 - the point of the test
        (pa.array([b"x"]), "bytes"),
        (pa.array([{"y": b"x"}]), r"x\.y"),
    ],
)
def test_columns_that_json_cannot_say(empty: sealtrail.Trail, column: Any, word: str) -> None:
    with pytest.raises(TypeError, match=word):
        empty.record_many(pa.table({"event_type": ["data.rows"], "x": column}))


def test_without_pyarrow_and_pandas(tmp_path: Path) -> None:
    code = """
        import sys
        for name in ("pyarrow", "pandas", "polars", "numpy"):
            sys.modules[name] = None
        import sealtrail
        with sealtrail.init(sys.argv[1]) as trail:
            trail.record({"event_type": "data.rows"})
            trail.record_many(trail.sql("SELECT event_type FROM events"))
            result = trail.sql("SELECT count(*) AS n, max(timestamp) AS t FROM events")
            assert result.to_dicts()[0]["n"] == 2
            assert "n" in repr(result) and len(list(result)) == 1
            for convert in (result.to_arrow, result.to_pandas, result.to_polars):
                try:
                    convert()
                except ModuleNotFoundError as error:
                    assert "pip install 'sealtrail[" in str(error), error
                else:
                    raise AssertionError
    """
    subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "audit")], check=True
    )


def test_the_trail_as_it_was(tmp_path: Path) -> None:
    trail = sealtrail.init(tmp_path / "audit")
    moments = []
    for n in range(3):
        trail.record({"event_type": "data.export", "n": n})
        trail.flush()
        moments.append((trail.stats()["entries"], datetime.now(UTC)))
    trail.record({"event_type": "data.export", "n": 3})
    count = "SELECT count(*) AS n FROM events"
    assert trail.sql(count).to_dicts() == [{"n": 4}]
    for n, (entries, time) in enumerate(moments, start=1):
        assert trail.sql(count, at=entries).to_dicts() == [{"n": n}]
        assert trail.sql(count, at=time).to_dicts() == [{"n": n}]
    assert trail.sql(count, at=1).to_dicts() == [{"n": 0}]
    for at in (0, 99, datetime(2020, 1, 1, tzinfo=UTC), datetime.now()):  # noqa: DTZ005
        with pytest.raises(sealtrail.UsageError):
            trail.sql(count, at=at)
