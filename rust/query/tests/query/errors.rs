//! What is refused, and how errors point at their place.

use std::collections::HashMap;

use crate::common::{TestTrail, record};
use datafusion::scalar::ScalarValue;
use sealtrail_query::{Engine, EngineOptions, Params, QueryError};
use serde_json::{Value, json};

async fn some_records() -> TestTrail {
    let mut trail = TestTrail::new();
    let records: Vec<Value> =
        (0..20).map(|n| record(n, json!({"user_id": format!("u{n}"), "team": "red"}))).collect();
    trail.segment(&records).await;
    trail
}

#[tokio::test]
async fn only_reading_is_possible() {
    let mut trail = some_records().await;
    for sql in [
        "INSERT INTO records VALUES (1)",
        "DELETE FROM records",
        "UPDATE records SET user_id = 'x'",
        "TRUNCATE TABLE records",
        "CREATE TABLE t AS SELECT 1",
        "CREATE VIEW v AS SELECT 1",
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
        "COPY records TO '/tmp/x.csv'",
        "DROP TABLE records",
        "SET datafusion.execution.batch_size = 1",
        "RESET datafusion.execution.batch_size",
        "SELECT 1 INTO t",
        "EXPLAIN INSERT INTO records VALUES (1)",
        "PREPARE p AS SELECT 1",
        "EXECUTE p",
        "BEGIN",
        "VACUUM",
        "WITH x AS (SELECT 1) INSERT INTO records SELECT * FROM x",
    ] {
        let error = trail.error(sql).await;
        assert!(matches!(error, QueryError::ReadOnly(_) | QueryError::Sql(_)), "{sql}: {error:?}");
        assert_eq!(error.exit_code(), 2, "{sql}");
    }
    assert_eq!(trail.error("DROP TABLE records").await.kind(), "read_only");
    for sql in [
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM read_parquet('/tmp/x.parquet')",
        "SELECT * FROM read_csv('/etc/passwd')",
    ] {
        assert_eq!(trail.error(sql).await.kind(), "sql", "{sql}");
    }
    assert_eq!(trail.value("SELECT count(*) FROM records").await, json!(20));
}

#[tokio::test]
async fn errors_point_at_the_place() {
    let mut trail = some_records().await;
    for (sql, line, column, marked, says) in [
        ("SELECT usr_id FROM events", 1, 8, "usr_id", "did you mean user_id?"),
        (
            "SELECT count(*)\nFROM events\nWHERE\t usr_id = 'x'",
            3,
            8,
            "usr_id",
            "did you mean user_id?",
        ),
        ("SELECT e.usr_id FROM events e", 1, 8, "e", "did you mean user_id?"),
        ("SELECT zzz FROM events", 1, 8, "zzz", "attrs ->> 'zzz'"),
        ("SELECT * FROM event", 1, 15, "event", "did you mean events?"),
        ("SELECT * FROM nowhere", 1, 15, "nowhere", "there is no table nowhere"),
        ("SELECT jsn_get(attrs, 'x') FROM events", 1, 8, "jsn_get", "json_get"),
        ("SELECT FROM WHERE", 1, 13, "WHERE", "expected"),
        ("SELECT 1 +", 1, 11, "", "found the end"),
        ("SELECT 'abc", 1, 8, "", "Unterminated"),
        ("SELECT 1; SELECT 2", 1, 11, "SELECT", "more than one statement"),
        ("", 0, 0, "", "no statement"),
        ("  \n DROP TABLE x", 2, 2, "DROP", "only reads"),
        (
            "SELECT user_id FROM events e JOIN records r ON e.audit_id = r.audit_id",
            1,
            8,
            "user_id",
            "more than one",
        ),
    ] {
        let error = trail.error(sql).await;
        let problem = error.problem().unwrap_or_else(|| panic!("{sql}: {error:?}"));
        assert_eq!((problem.line, problem.column), (line, column), "{sql}: {error}");
        assert!(error.to_string().contains(says), "{sql}: {error}");
        if !marked.is_empty() {
            let (text, mark) = problem.excerpt.split_once('\n').unwrap();
            let start = mark.chars().position(|c| c == '^').unwrap();
            assert_eq!(&text[start..start + marked.len()], marked, "{error}");
            assert_eq!(mark.matches('^').count(), marked.len(), "{error}");
        }
    }
}

#[tokio::test]
async fn type_errors_are_errors_of_the_statement() {
    let mut trail = some_records().await;
    for sql in [
        "SELECT \"timestamp\" + 'x' FROM events",
        "SELECT json_get(schema_version, 'x') FROM events",
        "SELECT sum(user_id, 1) FROM events",
    ] {
        let error = trail.error(sql).await;
        assert_eq!(error.kind(), "sql", "{sql}: {error}");
    }
    let error = trail.error("SELECT 1 / (schema_version - 1) FROM events").await;
    assert_eq!(error.kind(), "execution", "{error}");
    assert!(error.to_string().to_lowercase().contains("divide by zero"), "{error}");
}

#[tokio::test]
async fn parameters_are_bound() {
    let mut trail = some_records().await;
    let text = |value: &str| ScalarValue::Utf8(Some(value.to_owned()));
    let named = |pairs: &[(&str, ScalarValue)]| {
        Params::Named(
            pairs.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect::<HashMap<_, _>>(),
        )
    };
    for (sql, params) in [
        ("SELECT count(*) FROM events WHERE user_id = $1", Params::List(vec![text("u3")])),
        ("SELECT count(*) FROM events WHERE user_id = ?", Params::List(vec![text("u3")])),
        (
            "SELECT count(*) FROM events WHERE user_id=?AND attrs->>?=?",
            Params::List(vec![text("u3"), text("team"), text("red")]),
        ),
        (
            "SELECT count(*) FROM events WHERE attrs ? 'team' AND attrs ? ? AND user_id IN (?, ?)",
            Params::List(vec![text("team"), text("u3"), text("x")]),
        ),
        (
            "SELECT count(*) FROM events WHERE user_id = $who AND $who <> ''",
            named(&[("who", text("u3"))]),
        ),
        (
            "SELECT count(*) FROM events WHERE \"timestamp\" <= $1 AND user_id = $2",
            Params::List(vec![text("2026-03-01T00:03:00Z"), text("u3")]),
        ),
        (
            "SELECT count(*) FROM events WHERE schema_version>=? AND user_id = ?",
            Params::List(vec![ScalarValue::Int64(Some(1)), text("u3")]),
        ),
        ("SELECT 1 AS n FROM events LIMIT $1", Params::List(vec![ScalarValue::Int64(Some(1))])),
    ] {
        let batches = trail.try_query(sql, params).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
        let got = arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string();
        assert!(got.contains("| 1 "), "{sql}\n{got}");
    }
    // A value is a value, never a part of the statement.
    let hostile = Params::List(vec![text("u3' OR '1'='1")]);
    let batches =
        trail.try_query("SELECT user_id FROM events WHERE user_id = $1", hostile).await.unwrap();
    assert_eq!(batches.iter().map(|b| b.num_rows()).sum::<usize>(), 0);
    for (sql, params, says) in [
        ("SELECT $1", Params::None, "no value is given for $1"),
        ("SELECT $1, $2", Params::List(vec![text("a")]), "statement: 2, values given: 1"),
        ("SELECT $1", Params::List(vec![text("a"), text("b")]), "statement: 1, values given: 2"),
        ("SELECT 1", Params::List(vec![text("a")]), "statement: 0, values given: 1"),
        ("SELECT $a", Params::List(vec![text("a")]), "by name"),
        ("SELECT $a", named(&[("b", text("a"))]), "no value is given for $a"),
        ("SELECT $a", named(&[("a", text("a")), ("b", text("a"))]), "has no $b"),
        ("SELECT ?, $1", Params::List(vec![text("a")]), "not both"),
    ] {
        let error = trail.try_query(sql, params).await.unwrap_err();
        assert_eq!(error.kind(), "parameter", "{sql}: {error}");
        assert!(error.to_string().contains(says), "{sql}: {error}");
    }
}

#[tokio::test]
async fn tables_and_columns_can_be_listed() {
    let mut trail = some_records().await;
    let tables = trail.table("SHOW TABLES").await;
    for name in ["records", "events", "data_events", "workflow_steps", "approvals"] {
        assert!(tables.contains(name), "{tables}");
    }
    let columns = trail.table("DESCRIBE events").await;
    assert!(columns.contains("outcome") && columns.contains("team"), "{columns}");
    assert!(trail.table("SHOW COLUMNS FROM workflow_steps").await.contains("step_name"));
}

#[tokio::test]
async fn little_memory_spills_and_too_little_is_an_error() {
    let mut trail = some_records().await;
    let big: Vec<Value> = (0..60_000)
        .map(|n| record(n, json!({"user_id": format!("user-{n}-{}", "x".repeat(300))})))
        .collect();
    trail.segment(&big).await;
    let sql = "SELECT user_id FROM events ORDER BY user_id DESC";
    let all = trail.rows(sql).await;
    assert_eq!(all.len(), 60_020);
    let options =
        EngineOptions { memory_limit: 24 << 20, target_partitions: 1, ..EngineOptions::default() };
    trail.engine = Engine::new(&options).unwrap();
    assert_eq!(trail.rows(sql).await, all);
    let plan = trail.table(&format!("EXPLAIN ANALYZE {sql}")).await;
    assert!(plan.contains("spill_count=") && !plan.contains("spill_count=0,"), "{plan}");
    let options =
        EngineOptions { memory_limit: 50_000, target_partitions: 2, ..EngineOptions::default() };
    trail.engine = Engine::new(&options).unwrap();
    let error = trail.error(sql).await;
    assert_eq!(error.kind(), "resources", "{error}");
}

#[tokio::test]
async fn a_missing_segment_is_named() {
    use object_store::ObjectStoreExt;
    let mut trail = some_records().await;
    let path = trail.view().segments()[0].path.clone();
    trail.store.delete(&path.as_str().into()).await.unwrap();
    let error = trail.error("SELECT count(user_id) FROM events").await;
    assert!(error.to_string().contains(&path), "{error}");
    assert_eq!(error.kind(), "not_found", "{error}");
}
