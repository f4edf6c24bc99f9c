//! One path with values of several types, in segments of several types.

use crate::common::{TestTrail, record};
use serde_json::{Value, json};

/// Numbers of records, from 0 on, where `values` has the value of each.
fn matching(values: &[Value], holds: impl Fn(&Value) -> bool) -> Vec<usize> {
    (0..values.len()).filter(|n| holds(&values[*n])).collect()
}

fn records(values: &[Value], from: usize) -> Vec<Value> {
    let member = |(n, value): (usize, &Value)| match value {
        Value::Null => record(from + n, json!({})),
        value => record(from + n, json!({"n": value, "deep": {"n": value}, "n_id": value})),
    };
    values.iter().enumerate().map(member).collect()
}

async fn numbers_of(trail: &mut TestTrail, sql: &str) -> Vec<usize> {
    let rows = trail.rows(sql).await;
    let mut found: Vec<usize> =
        rows.iter().map(|row| row["audit_id"].as_str().unwrap()[3..].parse().unwrap()).collect();
    found.sort_unstable();
    found
}

/// The parts one after the other: as segments, or the last of them unflushed.
async fn trail_of(parts: &[&[Value]], last_unflushed: bool) -> (TestTrail, Vec<Value>) {
    let mut trail = TestTrail::new();
    let mut all = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        let records = records(part, all.len());
        if last_unflushed && at + 1 == parts.len() {
            trail.unflushed(&records);
        } else {
            trail.segment(&records).await;
        }
        all.extend_from_slice(part);
    }
    (trail, all)
}

/// The names of the columns over the test's paths.
const COLUMNS: [&str; 3] = ["n", "deep_n", "n_id"];

/// Filters on whole and fractional values, in and out of the range of each part.
async fn check_numbers(trail: &mut TestTrail, all: &[Value]) {
    let number = |value: &Value| value.as_f64();
    for literal in
        ["0", "3", "3.0", "3.5", "-1", "7", "7.25", "100", "100.5", "1e300", "9007199254740991"]
    {
        let value: f64 = literal.parse().unwrap();
        for (operator, holds) in [
            ("=", &(|n: f64| n == value) as &dyn Fn(f64) -> bool),
            ("<>", &|n| n != value),
            (">", &|n| n > value),
            (">=", &|n| n >= value),
            ("<", &|n| n < value),
            ("<=", &|n| n <= value),
        ] {
            let wanted = matching(all, |v| number(v).is_some_and(holds));
            for column in COLUMNS {
                let sql =
                    format!("SELECT audit_id FROM events WHERE {column} {operator} {literal}");
                assert_eq!(numbers_of(trail, &sql).await, wanted, "{sql}");
            }
        }
        let sql = format!("SELECT audit_id FROM records WHERE n_id IN ({literal}, 2)");
        let wanted = matching(all, |v| number(v).is_some_and(|n| n == value || n == 2.0));
        assert_eq!(numbers_of(trail, &sql).await, wanted, "{sql}");
    }
    for (condition, wanted) in [
        ("n IS NULL", matching(all, |v| number(v).is_none())),
        ("n_id IS NOT NULL", matching(all, |v| number(v).is_some())),
        ("attrs ->> 'n' = '3'", matching(all, |v| *v == json!(3) || *v == json!("3"))),
        ("json_get_int(attrs, 'n') = 3", matching(all, |v| *v == json!(3))),
        ("json_get_float(attrs, 'n') > 3", matching(all, |v| number(v).is_some_and(|n| n > 3.0))),
        ("attrs -> 'deep' ->> 'n' = '3.5'", matching(all, |v| *v == json!(3.5))),
    ] {
        let sql = format!("SELECT audit_id FROM events WHERE {condition}");
        assert_eq!(numbers_of(trail, &sql).await, wanted, "{sql}");
    }
    let mut numbers: Vec<f64> = all.iter().filter_map(number).collect();
    numbers.sort_by(f64::total_cmp);
    let row =
        trail.rows("SELECT min(n) AS a, max(n) AS b, count(n) AS c FROM events").await.remove(0);
    assert_eq!(row["a"].as_f64(), numbers.first().copied());
    assert_eq!(row["b"].as_f64(), numbers.last().copied());
    assert_eq!(row["c"], json!(numbers.len()));
    let top = trail.rows("SELECT n FROM events WHERE n IS NOT NULL ORDER BY n DESC LIMIT 4").await;
    let top: Vec<f64> = top.iter().map(|row| row["n"].as_f64().unwrap()).collect();
    numbers.reverse();
    numbers.truncate(4);
    assert_eq!(top, numbers);
}

fn whole() -> Vec<Value> {
    (0..8).map(Value::from).collect()
}

fn fractional() -> Vec<Value> {
    vec![json!(3.5), json!(100), json!(7.25), json!(-0.5), json!(3), json!(1e-7)]
}

#[tokio::test]
async fn whole_and_fractional_numbers_are_one_column_in_either_order() {
    let far = vec![json!(100), json!(9_007_199_254_740_991_i64), json!(101)];
    for (first, second) in [(whole(), fractional()), (fractional(), whole())] {
        for unflushed in [false, true] {
            let parts = [first.as_slice(), &second, &far];
            let (mut trail, all) = trail_of(&parts, unflushed).await;
            let kind = trail.value("SELECT arrow_typeof(n) FROM records LIMIT 1").await;
            assert_eq!(kind, json!("Float64"));
            check_numbers(&mut trail, &all).await;
        }
    }
}

#[tokio::test]
async fn numbers_with_misfits_between_them_are_found() {
    let mixed = |numbers: Vec<Value>| {
        let others = [json!("3"), Value::Null, json!([3]), json!(true), json!({"n": 3})];
        numbers.into_iter().chain(others).collect::<Vec<_>>()
    };
    for (first, second) in [(whole(), fractional()), (fractional(), whole())] {
        let (first, second) = (mixed(first), mixed(second));
        for unflushed in [false, true] {
            // Unflushed records widen no column.
            let parts = [first.as_slice(), &second, &first];
            let (mut trail, all) = trail_of(&parts, unflushed).await;
            check_numbers(&mut trail, &all).await;
        }
    }
}

/// Only unflushed records have fractions: the column is still one of whole numbers, and those
/// that do not fit are NULL there and themselves in the attributes.
#[tokio::test]
async fn fractions_that_are_not_flushed_do_not_fit_a_column_of_whole_numbers() {
    let (mut trail, all) = trail_of(&[&whole(), &fractional()], true).await;
    assert_eq!(trail.value("SELECT arrow_typeof(n) FROM records LIMIT 1").await, json!("Int64"));
    for (condition, wanted) in [
        ("n = 3", matching(&all, |v| *v == json!(3))),
        ("n > 3", matching(&all, |v| v.as_i64().is_some_and(|n| n > 3))),
        ("n > 3.25", matching(&all, |v| v.as_i64().is_some_and(|n| n > 3))),
        ("n IS NULL", matching(&all, |v| !v.is_i64())),
        ("n = 3.5", vec![]),
        ("attrs ->> 'n' = '3.5'", matching(&all, |v| *v == json!(3.5))),
        ("json_get_float(attrs, 'n') = 3.5", matching(&all, |v| *v == json!(3.5))),
    ] {
        let sql = format!("SELECT audit_id FROM events WHERE {condition}");
        assert_eq!(numbers_of(&mut trail, &sql).await, wanted, "{sql}");
    }
}

/// The first segment decides; the values of the other are NULL in the column but reachable.
#[tokio::test]
async fn text_in_one_segment_and_numbers_in_another() {
    let text: Vec<Value> = ["3", "4", "x", "", "100"].map(Value::from).into();
    for numbers in [whole(), fractional()] {
        for unflushed in [false, true] {
            let (mut trail, all) = trail_of(&[&text, &numbers], unflushed).await;
            for (condition, wanted) in [
                ("n = '3'", matching(&all, |v| *v == json!("3"))),
                ("n > '3'", matching(&all, |v| v.as_str().is_some_and(|n| n > "3"))),
                ("n_id IN ('3', 'x', '100')", vec![0, 2, 4]),
                ("n_id <> '3'", vec![1, 2, 3, 4]),
                ("n IS NULL", matching(&all, |v| !v.is_string())),
                ("n LIKE '%'", matching(&all, Value::is_string)),
                ("attrs ->> 'n' = '3'", matching(&all, |v| *v == json!(3) || *v == json!("3"))),
                (
                    "json_get_int(attrs, 'n_id') >= 3",
                    matching(&all, |v| v.as_i64().is_some_and(|n| n >= 3)),
                ),
                (
                    "json_get_float(event, 'n') > 3.25",
                    matching(&all, |v| v.as_f64().is_some_and(|n| n > 3.25)),
                ),
                (
                    "json_get_str(event, 'deep', 'n') >= '3'",
                    matching(&all, |v| v.as_str().is_some_and(|n| n >= "3")),
                ),
            ] {
                let sql = format!("SELECT audit_id FROM events WHERE {condition}");
                assert_eq!(numbers_of(&mut trail, &sql).await, wanted, "{sql}");
            }
            let (mut trail, all) = trail_of(&[&numbers, &text], unflushed).await;
            check_numbers(&mut trail, &all).await;
        }
    }
}

/// More than one row group and many pages: what their bounds, counts of NULL and bloom filters
/// leave out holds no row that is asked for.
#[tokio::test]
async fn row_groups_and_pages_left_out_hold_nothing_that_is_asked_for() {
    const ROWS: usize = 140_000;
    let late = ROWS - 5;
    let own = |n: usize| {
        let mut own = json!({"n": n, "f": n, "g": n, "user_id": format!("user-{}", n / 10), "tag_id": format!("t{n:06}")});
        if n % 1000 == 999 {
            own["n"] = json!("misfit");
        }
        if n >= late {
            own["f"] = json!(n as f64 + 0.5);
            own["seldom"] = json!(n);
        }
        own
    };
    let mut trail = TestTrail::new();
    let records: Vec<Value> = (0..ROWS)
        .map(|n| {
            let mut value = record(n, own(n));
            value["timestamp"] = json!(format!(
                "2026-03-{:02}T{:02}:{:02}:{:02}.000Z",
                1 + n / 86_400,
                n / 3600 % 24,
                n / 60 % 60,
                n % 60
            ));
            value
        })
        .collect();
    trail.segment(&records).await;
    // Makes `g` a column of doubles; the first segment has whole numbers only.
    let small = [record(ROWS, json!({"g": 0.25})), record(ROWS + 1, json!({"g": 0.75}))];
    trail.segment(&small).await;
    for (condition, wanted) in [
        ("n = 70000", vec![70_000]),
        ("n = 70999", vec![]),
        ("n > 139990", (139_991..139_999).collect()),
        ("n < 3 OR n = 131072", vec![0, 1, 2, 131_072]),
        ("n IN (19999, 20000, 131071, 131072)", vec![20_000, 131_071, 131_072]),
        ("n IS NULL AND attrs ->> 'n' = 'misfit' AND f < 2000", vec![999, 1999]),
        ("attrs ->> 'n' = 'misfit' AND f > 138000", vec![138_999, 139_999]),
        ("f = 139999.5", vec![139_999]),
        ("f = 131072", vec![131_072]),
        ("f > 139996", vec![139_996, 139_997, 139_998, 139_999]),
        ("g < 1", vec![0, ROWS, ROWS + 1]),
        ("g = 131072", vec![131_072]),
        ("g > 139997.5 OR g = 0.25", vec![139_998, 139_999, ROWS]),
        // In too few rows for a column.
        ("json_get_int(attrs, 'seldom') = 139997", vec![139_997]),
        ("attrs ? 'seldom'", (late..ROWS).collect()),
        ("user_id = 'user-13333'", (133_330..133_340).collect()),
        ("user_id IN ('user-0', 'user-13999', 'nobody')", (0..10).chain(139_990..ROWS).collect()),
        ("tag_id = 't139999'", vec![139_999]),
        ("tag_id IN ('t000000', 't131072') AND n >= 0", vec![0, 131_072]),
        ("audit_id = 'id_131072'", vec![131_072]),
        ("\"timestamp\" = '2026-03-02T12:24:32Z'", vec![131_072]),
        ("attrs ->> 'tag_id' = 't020000'", vec![20_000]),
        ("json_get_int(attrs, 'n') = 131072", vec![131_072]),
    ] {
        let sql = format!("SELECT audit_id FROM events WHERE {condition}");
        assert_eq!(numbers_of(&mut trail, &sql).await, wanted, "{sql}");
        let sql = format!("SELECT audit_id, event FROM records WHERE {condition}");
        assert_eq!(numbers_of(&mut trail, &sql).await, wanted, "{sql}");
    }
}
