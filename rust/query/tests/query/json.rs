//! JSON operators and functions.

use crate::common::{TestTrail, record, text_of};
use serde_json::{Value, json};

async fn value(expression: &str) -> Value {
    TestTrail::new().value(&format!("SELECT {expression}")).await
}

#[tokio::test]
async fn functions_read_any_json() {
    let text = r#"'{"s": "a\nb", "i": 42, "f": 1.5, "t": true, "n": null, "o": {"x": [10, "y"]}, "when": "2026-01-01T02:00:00+02:00"}'"#;
    for (call, expected) in [
        ("json_get({}, 's')", json!("\"a\\nb\"")),
        ("json_get({}, 'n')", Value::Null),
        ("json_get_json({}, 'n')", json!("null")),
        ("json_get_json({}, 'o')", json!("{\"x\": [10, \"y\"]}")),
        ("json_get_str({}, 's')", json!("a\nb")),
        ("json_get_str({}, 'i')", Value::Null),
        ("json_get_int({}, 'i')", json!(42)),
        ("json_get_int({}, 'f')", Value::Null),
        ("json_get_float({}, 'i')", json!(42.0)),
        ("json_get_bool({}, 't')", json!(true)),
        ("json_get_bool({}, 's')", Value::Null),
        ("json_get_timestamp({}, 'when')", json!("2026-01-01T00:00:00Z")),
        ("json_as_text({}, 's')", json!("a\nb")),
        ("json_as_text({}, 'o')", json!("{\"x\": [10, \"y\"]}")),
        ("json_as_text({}, 'n')", Value::Null),
        ("json_as_text({}, 'o', 'x', 0)", json!("10")),
        ("json_as_text({}, 'o', 'x', -1)", json!("y")),
        ("json_as_text({}, 'o', 'x', 2)", Value::Null),
        ("json_as_text({}, NULL)", Value::Null),
        ("json_contains({}, 'n')", json!(true)),
        ("json_contains({}, 'o', 'y')", json!(false)),
        ("json_length({})", json!(7)),
        ("json_length({}, 'o', 'x')", json!(2)),
        ("json_length({}, 's')", Value::Null),
        ("json_object_keys({}, 'o')", json!(["x"])),
        ("json_get_array({}, 'o', 'x')", json!(["10", "\"y\""])),
        ("{} -> 's'", json!("\"a\\nb\"")),
        ("{} ->> 's'", json!("a\nb")),
        ("{} -> 'o' -> 'x' ->> 1", json!("y")),
        ("{} ? 'o'", json!(true)),
        ("{} -> 'o' ? 'y'", json!(false)),
        ("{} #>> array['o', 'x']", json!("[10, \"y\"]")),
        ("({} -> 's')::text", json!("a\nb")),
        ("({} -> 'i')::int", json!(42)),
        ("({} -> 'i')::double", json!(42.0)),
        ("({} -> 't')::boolean", json!(true)),
        ("{} ->> 'i' = '42'", json!(true)),
        ("({} ->> 'i')::bigint > 41", json!(true)),
    ] {
        let sql = call.replace("{}", text);
        assert_eq!(value(&sql).await, expected, "{call}");
    }
}

#[tokio::test]
async fn text_and_path_may_come_from_columns() {
    let mut trail = TestTrail::new();
    let rows = trail
        .rows("SELECT j ->> k AS v FROM (VALUES ('{\"a\":1}', 'a'), ('{\"a\":1}', 'b'), (NULL, 'a'), ('{\"a\":2}', NULL)) AS t(j, k)")
        .await;
    assert_eq!(Value::from(rows), json!([{"v": "1"}, {}, {}, {}]));
    let by_index = trail
        .rows("SELECT json_as_text('[5,6]', i) AS v FROM (VALUES (0), (1), (-2)) AS t(i)")
        .await;
    assert_eq!(Value::from(by_index), json!([{"v": "5"}, {"v": "6"}, {"v": "5"}]));
}

#[tokio::test]
async fn lookups_in_attrs_and_event_agree_with_the_record() {
    let mut records = Vec::new();
    for n in 0..200 {
        records.push(record(
            n,
            json!({
                "label": format!("l{}", n % 7), "count": n, "ratio": f64::from(u32::try_from(n).unwrap()) / 3.0, "flag": n % 2 == 0,
                "deep": {"name": format!("d{}", n % 3), "list": [n, {"k": n}]},
                "resource": {"path": format!("/p/{n}"), "extra": n},
                "mixed": if n % 20 == 0 { json!("text") } else { json!(n) },
            }),
        ));
    }
    let mut trail = TestTrail::new();
    trail.segment(&records[..150]).await.unflushed(&records[150..]);
    for (path, keys) in [
        ("'label'", vec!["label"]),
        ("'count'", vec!["count"]),
        ("'ratio'", vec!["ratio"]),
        ("'flag'", vec!["flag"]),
        ("'deep'", vec!["deep"]),
        ("'deep', 'name'", vec!["deep", "name"]),
        ("'deep', 'list'", vec!["deep", "list"]),
        ("'resource', 'extra'", vec!["resource", "extra"]),
        ("'mixed'", vec!["mixed"]),
        ("'missing'", vec!["missing"]),
        ("'label', 'x'", vec!["label", "x"]),
    ] {
        let rows = trail
            .rows(&format!(
                "SELECT json_as_text(attrs, {path}) AS a, json_as_text(event, {path}) AS e, json_get(event, {path}) AS j, \
                 json_contains(attrs, {path}) AS c FROM records ORDER BY audit_id"
            ))
            .await;
        for (row, record) in rows.iter().zip(&records) {
            let expected = keys.iter().try_fold(record, |value, key| value.get(*key));
            let canonical = expected.map(text_of);
            let as_text =
                expected.map(|value| value.as_str().map_or_else(|| text_of(value), str::to_owned));
            assert_eq!(row.get("a").and_then(Value::as_str).map(str::to_owned), as_text, "{path}");
            assert_eq!(row.get("e"), row.get("a"), "{path}");
            assert_eq!(
                row.get("j").and_then(Value::as_str).map(str::to_owned),
                canonical,
                "{path}"
            );
            assert_eq!(row["c"], json!(expected.is_some()), "{path}");
        }
    }
    // A fixed column is in the event but not in the attributes.
    assert_eq!(
        trail.value("SELECT count(*) FROM records WHERE attrs -> 'resource' ? 'path'").await,
        json!(0)
    );
    assert_eq!(
        trail.value("SELECT count(*) FROM records WHERE event -> 'resource' ? 'path'").await,
        json!(200)
    );
    assert_eq!(
        trail.value("SELECT count(*) FROM records WHERE attrs ->> 'label' = 'l3'").await,
        json!(29)
    );
    assert_eq!(
        trail.value("SELECT count(*) FROM records WHERE attrs ->> 'mixed' = 'text'").await,
        json!(10)
    );
    let grouped = trail
        .rows("SELECT attrs ->> 'flag' AS f, count(*) AS n FROM events GROUP BY 1 ORDER BY 1")
        .await;
    assert_eq!(Value::from(grouped), json!([{"f": "false", "n": 100}, {"f": "true", "n": 100}]));
}

#[tokio::test]
async fn a_lookup_reads_the_promoted_column_and_prunes_on_it() {
    let records: Vec<Value> =
        (0..100).map(|n| record(n, json!({"team": format!("t{n:03}")}))).collect();
    let mut trail = TestTrail::new();
    trail.segment(&records).await;
    let plan = trail
        .table("EXPLAIN ANALYZE SELECT count(*) FROM records WHERE attrs ->> 'team' = 'zzz'")
        .await;
    assert!(!plan.contains(".parquet"), "{plan}");
    // Without texts that decide it, the bounds of row groups do.
    let plan = trail
        .table("EXPLAIN ANALYZE SELECT count(*) FROM records WHERE attrs ->> 'team' > 'zzz'")
        .await;
    assert!(plan.contains("row_groups_pruned_statistics=1 total"), "{plan}");
}

#[tokio::test]
async fn a_null_beside_a_promoted_column_is_there() {
    let records = [
        record(0, json!({"team": "red", "status": "ok"})),
        record(1, json!({"team": "blue", "status": null})),
        record(2, json!({"team": null})),
        record(3, json!({})),
    ];
    for flushed in [true, false] {
        let mut trail = TestTrail::new();
        if flushed {
            trail.segment(&records).await;
        } else {
            trail.segment(&records[..2]).await.unflushed(&records[2..]);
        }
        let rows = trail
            .rows(
                "SELECT attrs ? 'team' AS a, event ? 'team' AS e, event ? 'status' AS s, \
                 json_get_json(attrs, 'team') AS j, attrs ->> 'team' AS t, attrs -> 'team' AS g \
                 FROM records ORDER BY audit_id",
            )
            .await;
        let expected = json!([
            {"a": true, "e": true, "s": true, "j": "\"red\"", "t": "red", "g": "\"red\""},
            {"a": true, "e": true, "s": true, "j": "\"blue\"", "t": "blue", "g": "\"blue\""},
            {"a": true, "e": true, "s": false, "j": "null"},
            {"a": false, "e": false, "s": false},
        ]);
        assert_eq!(Value::from(rows), expected);
    }
}
