"""Tests of `sealtrail_verifier` against insiders: every signature holds, one rule is broken."""

import json
import uuid
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import rfc8785
import trail_maker as tm
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from verifier_helpers import ODD, Json, entries_only, kinds, put_odd, verify

from sealtrail_verifier import rows
from sealtrail_verifier.keys import MAX_EPOCHS


@pytest.fixture
def fresh(tmp_path: Path) -> tm.Maker:
    """A trail with entry 0 only."""
    return tm.Maker(tmp_path / "trail")


Stages = dict[str, tm.Tweak]


def assign(**values: Any) -> tm.Tweak:
    return lambda target: target.update(values)


def in_row(number: int, **values: Any) -> tm.Tweak:
    return lambda rows: rows[number].update(values)


def in_batch(**values: Any) -> tm.Tweak:
    return lambda metadata: metadata["batches"][0].update(values)


def in_column(name: str, **values: Any) -> tm.Tweak:
    def tweak(columns: list[Json]) -> None:
        next(column for column in columns if column["name"] == name).update(values)

    return tweak


def in_record(number: int, **values: Any) -> tm.Tweak:
    return lambda records: records[number].update(values)


def swap(rows: list[Any]) -> None:
    rows[0], rows[2] = rows[2], rows[0]


def both(rows: list[Json]) -> None:
    row = next(row for row in rows if row["user_id"])
    rest = json.loads(row["_rest"] or "{}") | {"user_id": row["user_id"]}
    row["_rest"] = rfc8785.dumps(rest).decode()


def only_in_rest(rows: list[Json]) -> None:
    both(rows)
    next(row for row in rows if row["user_id"])["user_id"] = None


def loose_rest(rows: list[Json]) -> None:
    row = next(row for row in rows if row["_rest"])
    row["_rest"] = row["_rest"].replace(":", ": ", 1)


def without(name: str) -> tm.Tweak:
    return lambda target: target.pop(name)


def nest(depth: int) -> Any:
    return 1 if depth == 0 else [nest(depth - 1)]


def extra_metadata(tables: list[Any]) -> None:
    tables[0] = tables[0].replace_schema_metadata({"hidden": "1"})


def reorder_columns(tables: list[Any]) -> None:
    names = tables[0].column_names
    tables[0] = tables[0].select([names[0], names[2], names[1], *names[3:]])


def odd_type(metadata: Json) -> None:
    first, *others = metadata["columns"]
    metadata["columns"] = [first | {"type": "int8"}, *others]


def field_metadata(tables: list[Any]) -> None:
    fields = [field.with_metadata({"hidden": "1"}) for field in tables[0].schema]
    tables[0] = tables[0].cast(pa.schema(fields))


def redacted(*told: tuple[str, str, str]) -> tm.Tweak:
    """Says of the first record what was redacted."""
    names = ("how", "path", "what")
    return in_record(0, _redacted=[dict(zip(names, item, strict=True)) for item in told])


UNSORTED = in_record(0, x="1", a="1", _exact_numbers=["/x", "/a"])
BEYOND = in_record(0, a=["1"], _exact_numbers=["/a/1"])

SEGMENT_RULES: list[tuple[str, str, Stages]] = [
    ("a hash that is not the file's", "sha256", {"add": assign(sha256="0" * 64)}),
    ("a length that is not the file's", "length", {"add": assign(bytes=1)}),
    ("min that is not the rows'", "bounds", {"add": assign(min=0)}),
    ("max that is not the rows'", "bounds", {"add": assign(max=2**53 - 1)}),
    ("no statistics", "bounds", {"add": assign(stats={})}),
    ("wider statistics", "bounds", {"add": lambda a: a["stats"].update(audit_id=["a", "zz"])}),
    ("another root of the list of batches", "batches", {"add": assign(root="0" * 64)}),
    ("another number of batches", "batches", {"add": assign(batches=1)}),
    ("metadata of another trail", "metadata", {"metadata": assign(trail=str(uuid.UUID(int=0)))}),
    ("metadata of another epoch", "metadata", {"metadata": assign(epoch=1)}),
    ("metadata of another writer", "metadata", {"metadata": assign(writer="owner")}),
    ("metadata of another period", "metadata", {"metadata": assign(period="2026-01")}),
    ("metadata of another domain", "metadata", {"metadata": assign(domain="auth")}),
    ("metadata with another key", "metadata", {"metadata": assign(key="0" * 16)}),
    ("metadata of another version", "version", {"metadata": assign(v=2)}),
    ("metadata with an unknown member", "form", {"metadata": assign(more=1)}),
    ("metadata with other rows", "rows", {"metadata": assign(rows=1)}),
    ("a seal that does not hold", "seal", {"seal": lambda s: s.__setitem__(0, "0" * 64)}),
    ("a seal that was stripped", "metadata", {"keyvalue": without("sealtrail.seal")}),
    ("a seal that is no hex", "form", {"seal": lambda s: s.__setitem__(0, "x")}),
    ("another metadata entry", "metadata", {"keyvalue": assign(more="1")}),
    ("Arrow metadata", "metadata", {"table": extra_metadata}),
    ("metadata of an Arrow field", "metadata", {"table": field_metadata}),
    ("columns of the file in another order", "columns", {"table": reorder_columns}),
    ("columns in another order", "columns", {"columns": lambda c: c.reverse()}),
    ("another batch root", "tree", {"metadata": in_batch(root="0" * 64)}),
    ("another batch tree", "tree", {"metadata": in_batch(tree=tm.b64(bytes(32)))}),
    ("a batch tree too short", "batches", {"metadata": in_batch(tree="")}),
    ("another batch id", "batches", {"metadata": in_batch(id="x:0")}),
    ("another salt", "commitment", {"metadata": in_batch(salt=tm.b64(bytes(32)))}),
    ("another commitment", "commitment", {"metadata": in_batch(commitment="0" * 64)}),
    ("another count of rows in a batch", "batch", {"metadata": in_batch(rows=2)}),
    ("a batch of too many rows", "batches", {"metadata": in_batch(rows=65_537)}),
    ("metadata with another HMAC key", "metadata", {"metadata": assign(hmac_key="0" * 16)}),
    (
        "a moved batch",
        "origin",
        {"metadata": in_batch(origin={"add": 0, "entry": 0, "index": 0, "path": []})},
    ),
    ("a batch that lost records", "form", {"metadata": in_batch(gone=1)}),
    ("another member of a batch", "form", {"metadata": in_batch(entry=0)}),
    ("rows in another order", "order", {"rows": swap}),
    ("a row of another batch", "root", {"rows": in_row(0, _batch=1)}),
    ("a row of no batch", "batch", {"rows": in_row(0, _batch=7)}),
    ("a row without batch", "batch", {"rows": in_row(0, _batch=None)}),
    ("a changed value", "root", {"rows": in_row(1, user_id="mallory")}),
    ("a value in column and rest", "representation", {"rows": both}),
    ("a fitting value in the rest", "representation", {"rows": only_in_rest}),
    ("a rest that is not canonical", "not-canonical", {"rows": loose_rest}),
    ("a rest without members", "representation", {"rows": in_row(0, _rest="{}")}),
    ("a rest that is no object", "representation", {"rows": in_row(0, _rest="[]")}),
    ("a rest in the way", "representation", {"rows": in_row(5, _rest='{"resource":1}')}),
    ("an integer beyond 2^53-1", "representation", {"rows": in_row(0, score=2**53)}),
    ("a time before 1970", "representation", {"rows": in_row(0, extra_when=-1)}),
    ("negative zero", "representation", {"rows": in_row(0, ratio=-0.0)}),
    ("infinity", "representation", {"rows": in_row(0, ratio=float("inf"))}),
    ("a wrong count of misfits", "misfits", {"columns": in_column("score", misfits=9)}),
    ("a fixed column with another path", "columns", {"columns": in_column("user_id", path=["u"])}),
    ("a promoted column with another path", "columns", {"columns": in_column("note", path=["n"])}),
    ("a column of an unknown type", "columns", {"metadata": odd_type}),
    ("two columns of one path", "columns", {"columns": in_column("note", path=["score"])}),
    ("a record of another domain", "partition", {"records": in_record(0, event_type="auth.a")}),
    (
        "a record of another month",
        "partition",
        {"records": in_record(0, timestamp="2026-07-01T00:00:00.000Z")},
    ),
    ("an unknown domain", "record", {"records": in_record(0, event_type="mail.sent")}),
    (
        "an action that begins with a digit",
        "record",
        {"records": in_record(0, event_type="data.1")},
    ),
    (
        "a time with needless digits",
        "record",
        {"records": in_record(0, recorded_at="2026-08-31T22:00:00.000000Z")},
    ),
    ("an audit_id with a space", "record", {"records": in_record(0, audit_id="a b")}),
    ("another schema version", "record", {"records": in_record(0, schema_version=2)}),
    ("violations of another form", "record", {"records": in_record(0, schema_violations=[{}])}),
    ("pointers that are no list", "record", {"records": in_record(0, _exact_numbers={})}),
    (
        "pointers out of order",
        "record",
        {"records": UNSORTED},
    ),
    ("a pointer without a slash", "record", {"records": in_record(0, a="1", _exact_numbers=["a"])}),
    (
        "a pointer beyond a list",
        "record",
        {"records": BEYOND},
    ),
    ("a pointer to a word", "record", {"records": in_record(0, a="one", _exact_numbers=["/a"])}),
    ("a pointer to nothing", "record", {"records": in_record(0, _exact_numbers=["/nothing"])}),
    ("redactions that are no list", "record", {"records": in_record(0, _redacted={})}),
    ("no redactions", "record", {"records": in_record(0, _redacted=[])}),
    ("a redaction of another form", "record", {"records": in_record(0, _redacted=[{}])}),
    ("an unknown redaction", "record", {"records": redacted(("x", "/a", "field"))}),
    ("a redaction at no pointer", "record", {"records": redacted(("mask", "a", "field"))}),
    ("a redaction at ~2", "record", {"records": redacted(("mask", "/~2", "field"))}),
    (
        "redactions out of order",
        "record",
        {"records": redacted(("mask", "/b", "field"), ("mask", "/a", "field"))},
    ),
    (
        "a redaction twice",
        "record",
        {"records": redacted(("mask", "/b", "field"), ("mask", "/b", "field"))},
    ),
    ("a record nested too deep", "record", {"records": in_record(0, deep=nest(64))}),
]


@pytest.mark.parametrize(
    ("kind", "stages"), [r[1:] for r in SEGMENT_RULES], ids=[r[0] for r in SEGMENT_RULES]
)
def test_each_rule_of_segments(fresh: tm.Maker, kind: str, stages: Stages) -> None:
    fresh.append(
        fresh.writers[0], [tm.event(i) for i in range(7)], promote=tm.PROMOTE, stages=stages
    )
    report = verify(fresh)
    assert kind in kinds(report), report.as_text()
    assert report.verdict == "TAMPERED"


def test_the_segment_that_the_rules_change_is_valid(fresh: tm.Maker) -> None:
    fresh.append(
        fresh.writers[0], [tm.event(i) | {"deep": nest(63)} for i in range(7)], promote=tm.PROMOTE
    )
    assert verify(fresh).findings == []


# The insider's ledger entries.


def appended(maker: tm.Maker, tweak: tm.Tweak) -> None:
    maker.append(maker.writers[0], [tm.event(i) for i in range(3)], stages={"body": tweak})


def in_add(**values: Any) -> tm.Tweak:
    return lambda body: body["adds"][0].update(values)


def column(name: str, path: list[str], type_: str) -> Json:
    return {"name": name, "path": path, "type": type_}


APPEND_RULES: list[tuple[str, str, tm.Tweak]] = [
    ("an unknown member", "form", assign(more=1)),
    ("no member time", "form", without("time")),
    ("a local time", "form", assign(time="2026-08-31T22:00:00+02:00")),
    ("another version", "version", assign(v=2)),
    ("another number", "number", assign(n=5)),
    ("a number that is no integer", "form", assign(n=1.5)),
    ("a number that is a boolean", "form", assign(n=True)),
    ("another tree", "tree", assign(tree="0" * 64)),
    ("an unknown kind", "form", assign(kind="pardon")),
    ("another key", "key", assign(key="0" * 16)),
    ("another HMAC key", "key", assign(hmac_key="0" * 16)),
    ("a writer that nobody authorised", "signer", assign(writer="w-0000000000000000")),
    ("the owner as writer", "key", assign(writer="owner")),
    ("an epoch before the first", "epoch", assign(epoch=1)),
    ("a gap in the log", "wal", assign(wal={"from": 2, "to": 4})),
    ("a log that runs backwards", "form", assign(wal={"from": 1, "to": 0})),
    ("more records than rows", "rows", assign(wal={"from": 1, "to": 4})),
    ("no segments", "rows", assign(adds=[])),
    ("a segment twice", "rows", lambda body: body["adds"].append(body["adds"][0])),
    (
        "a range that runs backwards",
        "recorded",
        lambda body: body["recorded"].update(to=body["time"], **{"from": "2027-01-01T00:00:00Z"}),
    ),
    (
        "a range that is too wide",
        "recorded",
        lambda body: body["recorded"].update(to="2027-01-01T00:00:00Z"),
    ),
    ("a path outside of segments", "form", in_add(path="../x.parquet")),
    (
        "a path by day",
        "adds",
        in_add(path=f"segments/domain=data/day=2026-08-31/{uuid.UUID(int=1)}.parquet"),
    ),
    (
        "a month that is none",
        "adds",
        in_add(path=f"segments/domain=data/month=2026-13/{uuid.UUID(int=1)}.parquet"),
    ),
    (
        "a file name that is no UUID",
        "form",
        in_add(path="segments/domain=data/month=2026-08/a.parquet"),
    ),
    (
        "an unknown domain",
        "form",
        in_add(path=f"segments/domain=mail/month=2026-08/{uuid.UUID(int=1)}.parquet"),
    ),
    ("min above max", "adds", in_add(min=1, max=0)),
    ("a time beyond 2^53-1", "form", in_add(max=2.0**53)),
    ("unknown statistics", "form", in_add(stats={"x": [1, 2]})),
    (
        "a close of another epoch",
        "close",
        assign(close={"batches": 2, "epoch": 3, "seal": "0" * 64}),
    ),
    ("a reserved column name", "columns", assign(columns=[column("Event", ["Event"], "utf8")])),
    ("a column name with _ first", "columns", assign(columns=[column("_x", ["_x"], "utf8")])),
    (
        "a fixed column's name",
        "columns",
        assign(columns=[column("user_ID", ["user", "ID"], "utf8")]),
    ),
    ("a name that is not its path", "columns", assign(columns=[column("a_b", ["a", "c"], "utf8")])),
    (
        "a name of two paths",
        "columns",
        assign(columns=[column("a_b", ["a", "b"], "utf8"), column("a_b", ["a_b"], "utf8")]),
    ),
    (
        "a name that differs by case only",
        "columns",
        assign(columns=[column("a", ["a"], "utf8"), column("A", ["A"], "utf8")]),
    ),
    ("a column twice", "columns", assign(columns=[column("a", ["a"], "utf8")] * 2)),
    (
        "another change of type",
        "columns",
        assign(columns=[column("a", ["a"], "utf8"), column("a", ["a"], "float64")]),
    ),
    (
        "a narrowed column",
        "columns",
        assign(columns=[column("a", ["a"], "float64"), column("a", ["a"], "int64")]),
    ),
    (
        "a widening of what it lists itself",
        "columns",
        assign(columns=[column("a", ["a"], "int64"), column("a", ["a"], "float64")]),
    ),
    ("a name that is empty", "columns", assign(columns=[column("", [""], "utf8")])),
    (
        "a name of 97 bytes",
        "columns",
        assign(columns=[column("€" * 32 + "x", ["€" * 32 + "x"], "utf8")]),
    ),
    ("a path that is empty", "columns", assign(columns=[column("", [], "utf8")])),
]


@pytest.mark.parametrize(
    ("kind", "tweak"), [r[1:] for r in APPEND_RULES], ids=[r[0] for r in APPEND_RULES]
)
def test_each_rule_of_append_entries(fresh: tm.Maker, kind: str, tweak: tm.Tweak) -> None:
    appended(fresh, tweak)
    report = verify(fresh)
    assert kinds(report) == {kind}, report.as_text()
    assert report.verdict == "TAMPERED"


def test_the_entry_that_the_rules_change_is_valid(fresh: tm.Maker) -> None:
    ab = [
        column("a", ["a"], "int64"),
        column("a_b", ["a", "b"], "utf8"),
        column("x" * 96, ["x" * 96], "utf8"),
    ]
    appended(fresh, assign(columns=ab, load="load-1"))
    assert verify(fresh).findings == []


def test_bounds_of_more_than_128_bytes_are_left_out(fresh: tm.Maker) -> None:
    events = [tm.event(0) | {"audit_id": "x" * length} for length in (128, 129)]
    fresh.append(fresh.writers[0], events[:1], batches=1)
    fresh.append(fresh.writers[0], events, batches=1)
    assert "audit_id" in json.loads(fresh.slot(1).read_bytes())["body"]["adds"][0]["stats"]
    assert "audit_id" not in json.loads(fresh.slot(2).read_bytes())["body"]["adds"][0]["stats"]
    assert verify(fresh).findings == []


def test_exact_numbers_are_found_in_lists_and_under_odd_names(fresh: tm.Maker) -> None:
    event = tm.event(0) | {"a/b": {"~": ["x", "1.10"]}, "_exact_numbers": ["/a~1b/~0/1"]}
    fresh.append(fresh.writers[0], [event], batches=1)
    assert verify(fresh).findings == []


def test_redactions_of_each_kind(fresh: tm.Maker) -> None:
    told = [("drop", "/a", "field"), ("drop", "/a~1b/~0", "email"), ("encrypt", "", "secret")]
    more = [("hash", "/a", "x"), ("mask", "/a", "x")]
    stages: Stages = {"records": redacted(*told, *more)}
    fresh.append(fresh.writers[0], [tm.event(0)], batches=1, stages=stages)
    assert verify(fresh).findings == []


def test_a_column_that_the_ledger_does_not_list(fresh: tm.Maker) -> None:
    fresh.append(
        fresh.writers[0],
        [tm.event(0)],
        promote=tm.PROMOTE,
        batches=1,
        stages={"body": without("columns")},
    )
    report = verify(fresh)
    assert kinds(report) == {"columns"}
    assert len(report.findings) == len(tm.PROMOTE)


def test_a_column_that_is_wider_than_the_ledger_says(fresh: tm.Maker) -> None:
    writer = fresh.writers[0]
    fresh.append(writer, [tm.event(0)], promote=[(("score",), "int64")], batches=1)
    fresh.append(
        writer,
        [tm.event(0)],
        promote=[(("score",), "float64")],
        batches=1,
        stages={"body": without("columns")},
    )
    assert kinds(verify(fresh)) == {"columns"}


@pytest.mark.parametrize(
    ("listed", "valid"),
    [("ba", True), ("ab", False), ("bac", True), ("cb", False), ("ac", True), ("cdb", False)],
)
def test_columns_are_listed_in_their_order(fresh: tm.Maker, listed: str, *, valid: bool) -> None:
    """Known ones that get wider first, as they came; then new ones."""
    appended(fresh, assign(columns=[column(name, [name], "int64") for name in "ba"]))
    appended(fresh, assign(columns=[column(name, [name], "float64") for name in listed]))
    assert kinds(entries_only(fresh)) == (set() if valid else {"columns"})


def test_integers_from_before_the_widening_are_valid(fresh: tm.Maker) -> None:
    writer = fresh.writers[0]
    fresh.append(writer, [tm.event(0)], promote=[(("score",), "float64")], batches=1)
    fresh.append(
        writer,
        [tm.event(0)],
        promote=[(("score",), "int64")],
        batches=1,
        stages={"body": without("columns")},
    )
    assert verify(fresh).findings == []


def test_a_fixed_column_that_was_left_out(fresh: tm.Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tm, "FIXED", [item for item in tm.FIXED if item[0] != ("user_id",)])
    fresh.append(fresh.writers[0], [tm.event(0)], batches=1)
    assert kinds(verify(fresh)) == {"columns"}


def test_a_fixed_column_without_values(fresh: tm.Maker) -> None:
    def add_column(columns: list[Json]) -> None:
        columns.insert(5, column("severity", ["severity"], "utf8") | {"misfits": 0})

    def add_value(rows: list[Json]) -> None:
        for row in rows:
            row["severity"] = None

    stages: Stages = {"columns": add_column, "rows": add_value}
    fresh.append(fresh.writers[0], [tm.event(0)], batches=1, stages=stages)
    assert kinds(verify(fresh)) == {"columns"}


def test_a_rest_column_without_values(fresh: tm.Maker) -> None:
    def add_rest(tables: list[Any]) -> None:
        tables[0] = tables[0].append_column("_rest", pa.array([None], pa.utf8()))

    bare = {"event_type": "data.bare"}
    fresh.append(fresh.writers[0], [bare], batches=1, stages={"table": add_rest})
    assert kinds(verify(fresh)) == {"columns"}


def test_parquet_statistics_that_lie(fresh: tm.Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    """The footer of another file with the same layout, but other values."""

    class Lying(rows.Rows):
        def _check_statistics(self, group: Any, seen: list[rows.Bounds]) -> None:
            for bounds in seen:
                bounds.high = "~" if isinstance(bounds.high, str) else bounds.high
            super()._check_statistics(group, seen)

    fresh.append(fresh.writers[0], [tm.event(i) for i in range(3)])
    monkeypatch.setattr("sealtrail_verifier.segment.Rows", Lying)
    assert kinds(verify(fresh)) == {"statistics"}


def test_recorded_at_before_the_entry_before(fresh: tm.Maker) -> None:
    writer = fresh.writers[0]
    fresh.append(writer, [tm.event(0)], batches=1)
    fresh.clock = tm.START
    fresh.append(writer, [tm.event(1) | {"recorded_at": "2026-08-31T21:00:00.000Z"}], batches=1)
    assert kinds(verify(fresh)) == {"recorded"}


def test_a_segment_that_two_entries_add(fresh: tm.Maker) -> None:
    writer = fresh.writers[0]
    fresh.append(writer, [tm.event(0)], batches=1)
    first = json.loads(fresh.slot(1).read_bytes())["body"]
    again = {name: first[name] for name in ("adds", "recorded")} | {"wal": {"from": 2, "to": 2}}
    fresh.entry(writer, "append", again)
    assert kinds(verify(fresh)) == {"adds"}


def test_an_epoch_that_was_closed_takes_no_more(fresh: tm.Maker) -> None:
    writer = fresh.writers[0]
    fresh.entry(writer, "close", {"close": fresh.closing(writer)})
    fresh.append(writer, [tm.event(0)], batches=1)
    assert kinds(verify(fresh)) == {"epoch"}


def test_an_epoch_that_comes_before_the_last(fresh: tm.Maker) -> None:
    writer = fresh.writers[0]
    epoch, key = writer.epoch, writer.hmac_key
    fresh.tick(hours=2)
    fresh.ratchet(writer)
    fresh.append(writer, [tm.event(0)], batches=1)
    writer.epoch, writer.hmac_key = epoch, key
    fresh.append(writer, [tm.event(1)], batches=1)
    assert kinds(verify(fresh)) == {"epoch"}


def test_an_hmac_key_that_is_not_that_of_the_epoch(fresh: tm.Maker) -> None:
    writer = fresh.writers[0]
    fresh.tick(hours=2)
    fresh.ratchet(writer)
    fresh.append(writer, [tm.event(0)], batches=1)
    writer.hmac_key = bytes(32)
    fresh.append(writer, [tm.event(1)], batches=1)
    assert kinds(verify(fresh, secret=False)) == {"key"}


@pytest.mark.parametrize("batches", [1, 3])
def test_a_close_with_another_count_of_batches(fresh: tm.Maker, batches: int) -> None:
    writer = fresh.writers[0]
    fresh.append(writer, [tm.event(i) for i in range(4)])
    closing = fresh.closing(writer) | {"batches": batches}
    fresh.entry(writer, "close", {"close": closing})
    assert kinds(verify(fresh)) == {"close"}


def test_an_epoch_seal_over_other_batches(fresh: tm.Maker) -> None:
    writer = fresh.writers[0]
    fresh.append(writer, [tm.event(i) for i in range(4)])
    writer.roots.reverse()
    fresh.close(writer)
    report = verify(fresh)
    assert kinds(report) == {"epoch-seal"}
    assert verify(fresh, secret=False).verdict == "VERIFIED"


def test_an_epoch_seal_that_leaves_out_an_empty_epoch(fresh: tm.Maker) -> None:
    writer = fresh.writers[0]
    fresh.tick(hours=2)
    fresh.ratchet(writer)
    writer.seal = bytes(32)
    fresh.close(writer)
    assert kinds(verify(fresh)) == {"epoch-seal"}


def test_an_epoch_absurdly_far_away_is_not_counted_up_to(fresh: tm.Maker) -> None:
    writer = fresh.writers[0]
    writer.epoch += MAX_EPOCHS
    fresh.append(writer, [tm.event(0)], batches=1, close=False)
    fresh.entry(writer, "close", {"close": fresh.closing(writer)})
    assert kinds(verify(fresh)) == {"epoch"}


OWNER_RULES: list[tuple[str, str, tm.Tweak]] = [
    ("an epoch", "epoch", assign(epoch=1)),
    ("another HMAC key", "key", assign(hmac_key="0" * 16)),
    (
        "a writer that is authorised already",
        "authorize",
        lambda b: b["authorizes"].append(b["authorizes"][0]),
    ),
    ("a writer named owner", "form", lambda b: b["authorizes"][0].update(writer="owner")),
    (
        "a public key of 31 bytes",
        "form",
        lambda b: b["authorizes"][0].update(public=tm.b64(bytes(31))),
    ),
    ("an unknown member", "form", lambda b: b["authorizes"][0].update(more=1)),
]


@pytest.mark.parametrize(
    ("kind", "tweak"), [r[1:] for r in OWNER_RULES], ids=[r[0] for r in OWNER_RULES]
)
def test_each_rule_of_authorize_entries(fresh: tm.Maker, kind: str, tweak: tm.Tweak) -> None:
    fresh.authorize(fresh.add_writer(), tweak)
    assert kinds(verify(fresh)) == {kind}


def test_a_writer_is_not_authorised_twice(fresh: tm.Maker) -> None:
    fresh.authorize(fresh.writers[0])
    assert kinds(verify(fresh)) == {"authorize"}


def test_a_writer_may_not_authorise(fresh: tm.Maker) -> None:
    says = {"authorizes": [fresh.authorization(fresh.add_writer())]}
    fresh.entry(fresh.writers[0], "authorize", says)
    assert kinds(verify(fresh)) == {"signer"}


def test_the_owner_may_not_append(fresh: tm.Maker) -> None:
    close = {"batches": 0, "epoch": 0, "seal": "0" * 64}
    fresh.entry(fresh.owner, "close", {"close": close})
    assert kinds(verify(fresh)) == {"signer"}


def test_a_trail_begins_once(fresh: tm.Maker) -> None:
    body = json.loads(fresh.slot(0).read_bytes())["body"]
    says = {name: body[name] for name in ("trail", "owner", "authorizes")}
    fresh.entry(fresh.owner, "init", says)
    assert kinds(verify(fresh)) == {"init"}


def test_an_authorisation_with_a_key_that_is_not_derived(fresh: tm.Maker) -> None:
    writer = fresh.add_writer()
    writer.hmac_key = bytes(32)
    fresh.authorize(writer)
    assert kinds(verify(fresh)) == {"key"}
    assert verify(fresh, secret=False).verdict == "VERIFIED"


def test_a_writer_must_be_authorised_before_it_signs(fresh: tm.Maker) -> None:
    writer = fresh.add_writer()
    fresh.append(writer, [tm.event(0)], batches=1)
    fresh.authorize(writer)
    report = verify(fresh)
    assert kinds(report) == {"signer"}
    assert len(report.orphans) == 1


TRAIL_RULES: list[tuple[str, tm.Tweak]] = [
    ("version", lambda body: body["trail"].update(format=2)),
    ("form", lambda body: body["trail"].update(partitioning="year")),
    ("form", lambda body: body["trail"].update(epoch_seconds=0)),
    ("form", lambda body: body["trail"].update(trail_id="x")),
    ("form", lambda body: body["trail"].update(more=1)),
    ("key", lambda body: body["trail"].update(origin="two words")),
    ("key", lambda body: body["trail"].update(origin="a\nb")),
    ("init", assign(kind="authorize")),
]


@pytest.mark.parametrize(("kind", "tweak"), TRAIL_RULES)
def test_each_rule_of_the_first_entry(tmp_path: Path, kind: str, tweak: tm.Tweak) -> None:
    def change(body: Json) -> None:
        body["trail"] = dict(body["trail"])
        tweak(body)
        if body["kind"] == "authorize":
            del body["trail"], body["owner"]

    maker = tm.Maker(tmp_path / "trail", tweak=change)
    report = verify(maker)
    assert kinds(report) == {kind}
    assert report.size == 1


@settings(max_examples=150, suppress_health_check=list(HealthCheck), deadline=None)
@given(stage=st.sampled_from(["body", "metadata"]), data=st.data(), odd=ODD)
def test_odd_values_under_good_signatures_never_raise(
    tmp_path_factory: pytest.TempPathFactory, stage: str, data: st.DataObject, odd: Any
) -> None:
    def tweak(value: Json) -> None:
        put_odd(value, data, odd)

    maker = tm.Maker(tmp_path_factory.mktemp("odd") / "trail")
    events = [tm.event(i) for i in range(3)]
    maker.append(maker.writers[0], events, promote=tm.PROMOTE, close=True, stages={stage: tweak})
    report = verify(maker)
    assert report.verdict in {"VERIFIED", "TAMPERED", "MISSING"}
    assert report.size == 2
