//! Rows in the order of time.

use sealtrail_query::{Engine, EngineOptions};
use serde_json::{Value, json};

use crate::common::{TestTrail, record};

/// Records of two domains; every fifth has the time of another one.
fn some(numbers: impl Iterator<Item = usize>) -> Vec<Value> {
    numbers
        .map(|n| {
            let domain = if n % 3 == 0 { "auth.user_login" } else { "data.file_read" };
            let mut one = record(n - n % 5 / 4, json!({"event_type": domain, "size": n}));
            one["audit_id"] = json!(format!("id_{n:06}"));
            one
        })
        .collect()
}

async fn explain(trail: &mut TestTrail, sql: &str) -> String {
    trail.table(&format!("EXPLAIN {sql}")).await
}

fn times(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["timestamp"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn segments_are_merged_instead_of_sorted() {
    let mut trail = TestTrail::new();
    trail.segment(&some((0..300).step_by(2))).await.segment(&some((1..300).step_by(2))).await;
    trail.segment(&some(300..500)).await;
    for sql in [
        "SELECT * FROM events ORDER BY timestamp",
        "SELECT event, timestamp FROM records ORDER BY timestamp",
        "SELECT timestamp, attrs ->> 'size' AS n FROM events WHERE audit_id > 'id_000100' ORDER BY timestamp",
        "SELECT timestamp FROM data_events ORDER BY timestamp ASC",
        "SELECT timestamp, event FROM events ORDER BY timestamp OFFSET 7",
        "SELECT timestamp, row_number() OVER (ORDER BY timestamp) AS n FROM events ORDER BY timestamp",
    ] {
        let plan = explain(&mut trail, sql).await;
        assert!(!plan.contains("SortExec"), "{sql}\n{plan}");
        let rows = trail.rows(sql).await;
        assert!(rows.len() > 300, "{sql}: {}", rows.len());
        assert!(times(&rows).is_sorted(), "{sql}");
    }
    let rows = trail.rows("SELECT audit_id, timestamp FROM events ORDER BY timestamp").await;
    let mut ids: Vec<&str> = rows.iter().map(|row| row["audit_id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 500);
}

#[tokio::test]
async fn records_in_no_segment_take_their_places() {
    let mut trail = TestTrail::new();
    trail.segment(&some((0..200).step_by(3))).await.segment(&some((1..200).step_by(3))).await;
    trail.unflushed(&some((2..200).step_by(3)));
    for sql in [
        "SELECT audit_id, timestamp FROM events ORDER BY timestamp",
        "SELECT upper(audit_id) AS id, timestamp FROM events ORDER BY timestamp",
    ] {
        let rows = trail.rows(sql).await;
        assert_eq!(rows.len(), 200, "{sql}");
        assert!(times(&rows).is_sorted(), "{sql}");
    }
    let plan = explain(&mut trail, "SELECT timestamp FROM events ORDER BY timestamp").await;
    let sorted = plan.lines().filter(|line| line.contains("SortExec")).count();
    assert_eq!(sorted, 1, "{plan}");
}

#[tokio::test]
async fn what_the_segments_do_not_give_is_sorted() {
    let mut trail = TestTrail::new();
    trail.segment(&some((0..100).step_by(2))).await.segment(&some((1..100).step_by(2))).await;
    for (sql, down) in [
        ("SELECT timestamp, audit_id FROM events ORDER BY timestamp DESC", true),
        ("SELECT timestamp, audit_id FROM events ORDER BY timestamp, size DESC", false),
        ("SELECT timestamp, audit_id FROM events ORDER BY timestamp LIMIT 9", false),
        ("SELECT date_trunc('hour', timestamp) AS timestamp FROM events ORDER BY 1 DESC", true),
    ] {
        let plan = explain(&mut trail, sql).await;
        assert!(plan.contains("SortExec"), "{sql}\n{plan}");
        let rows = trail.rows(sql).await;
        assert!(times(&rows).is_sorted_by(|a, b| if down { a >= b } else { a <= b }), "{sql}");
    }
    // Seventeen segments of the same hours would be read at the same time.
    let mut trail = TestTrail::new();
    for first in 0..17 {
        trail.segment(&some((first..340).step_by(17).filter(|n| n % 3 != 0))).await;
    }
    let sql = "SELECT timestamp FROM events ORDER BY timestamp";
    assert!(explain(&mut trail, sql).await.contains("SortExec"));
    assert!(times(&trail.rows(sql).await).is_sorted());
}

#[tokio::test]
async fn more_rows_than_memory_come_in_order() {
    let mut trail = TestTrail::new();
    let long = |n: usize| record(n, json!({"text": format!("{n:05}").repeat(200)}));
    for part in 0..12 {
        // The segments of even and of odd parts follow one another, and overlap.
        let first = part / 2 * 6000 + part % 2;
        let records: Vec<Value> = (0..3000).map(|n| long(first + n * 2)).collect();
        trail.segment(&records).await;
    }
    // All rows are 36 MB; what is read at a time, and put together, is 8,192 rows at most each.
    let options = EngineOptions { memory_limit: 32 << 20, ..EngineOptions::default() };
    trail.engine = Engine::new(&options).unwrap();
    let rows = trail.rows("SELECT timestamp, event FROM events ORDER BY timestamp").await;
    assert_eq!(rows.len(), 36_000);
    assert!(times(&rows).is_sorted());
}
