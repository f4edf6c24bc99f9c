//! Sequences over small trails: which events take part, and how matches are given.

use std::sync::Arc;
use std::time::Duration;

use sealtrail_core::json::parse_timestamp;
use sealtrail_query::output::OutputFormat;
use sealtrail_query::search::{Filter, Form, Window};
use sealtrail_query::sequence::{Match, Sequence, SequenceQuery, search, write_matches};
use serde_json::{Value, json};

use super::common::{TestTrail, record};

fn asked(text: &str, seconds: u64) -> SequenceQuery {
    SequenceQuery::new(Sequence::parse(text).unwrap(), Duration::from_secs(seconds))
}

fn login(number: usize, status: &str, ip: &str) -> Value {
    let members = json!({"event_type": "auth.user_login", "status": status, "source_ip": ip});
    record(number, members)
}

async fn matches(trail: &mut TestTrail, query: &SequenceQuery) -> Vec<Match> {
    let view = trail.view();
    let store = Arc::clone(&trail.store);
    let mut matches = search(&trail.engine, view, store, query).await.unwrap();
    let mut all = Vec::new();
    while let Some(found) = matches.next().await.unwrap() {
        all.push(found);
    }
    all
}

/// The numbers in the ids of the events of each match.
fn numbers(matches: &[Match]) -> Vec<Vec<usize>> {
    let number = |id: &str| id.trim_start_matches("id_").parse().unwrap();
    matches.iter().map(|m| m.events.iter().map(|e| number(&e.audit_id)).collect()).collect()
}

async fn written(
    trail: &mut TestTrail,
    query: &SequenceQuery,
    fields: &[&str],
    format: OutputFormat,
) -> String {
    let view = trail.view();
    let store = Arc::clone(&trail.store);
    let matches = search(&trail.engine, view, store, query).await.unwrap();
    let fields: Vec<String> = fields.iter().map(|field| (*field).to_owned()).collect();
    let mut out = Vec::new();
    write_matches(matches, &fields, format, &mut out).await.unwrap();
    String::from_utf8(out).unwrap()
}

const BRUTE_FORCE: &str = "auth.user_login[status=fail]{3,} auth.user_login[status=success]";

/// An attack from .9 among logins from .1, in segments that overlap and in records not in one.
async fn attack() -> TestTrail {
    let mut trail = TestTrail::new();
    let logins: Vec<Value> = (0..10)
        .map(|n| login(n, if n == 8 { "success" } else { "fail" }, "203.0.113.9"))
        .chain((10..14).map(|n| login(n, "success", "203.0.113.1")))
        .collect();
    let (even, odd): (Vec<_>, Vec<_>) = logins[..7]
        .iter()
        .cloned()
        .partition(|login| login["audit_id"].as_str().unwrap().ends_with(['0', '2', '4', '6']));
    trail.segment(&even).await.segment(&odd).await;
    trail.segment(&[record(20, json!({"source_ip": "203.0.113.9"}))]).await;
    trail.unflushed(&logins[7..]);
    trail
}

#[tokio::test]
async fn an_attack_is_one_match_wherever_its_events_are() {
    let mut trail = attack().await;
    let found = matches(&mut trail, &asked(BRUTE_FORCE, 3600)).await;
    assert_eq!(numbers(&found), [[0, 1, 2, 3, 4, 5, 6, 7, 8]]);
    assert_eq!(found[0].key, ["203.0.113.9"]);
    assert_eq!(found[0].events[8].step, 2);
    // The window holds the last five minutes only.
    assert_eq!(numbers(&matches(&mut trail, &asked(BRUTE_FORCE, 300)).await), [[3, 4, 5, 6, 7, 8]]);
    assert!(matches(&mut trail, &asked(BRUTE_FORCE, 120)).await.is_empty());
}

#[tokio::test]
async fn the_filter_says_which_events_take_part() {
    let mut trail = attack().await;
    let mut query = asked(BRUTE_FORCE, 3600);
    query.filter = Filter::default().field("source_ip", ["203.0.113.1"]);
    assert!(matches(&mut trail, &query).await.is_empty());
    let since = parse_timestamp("2026-03-01T00:05:00Z", "").unwrap();
    query.filter =
        Filter { window: Window { since: Some(since), until: None }, ..Filter::default() };
    assert_eq!(numbers(&matches(&mut trail, &query).await), [[5, 6, 7, 8]]);
    query.filter = Filter::default().condition_of("audit_id <> 'id_000008'");
    assert!(matches(&mut trail, &query).await.is_empty());
}

#[tokio::test]
async fn events_without_the_key_take_no_part() {
    let mut trail = TestTrail::new();
    let fail = |n: usize, by: Value| {
        let mut event = record(n, json!({"event_type": "auth.user_login", "status": "fail"}));
        event.as_object_mut().unwrap().extend(by.as_object().unwrap().clone());
        event
    };
    trail.unflushed(&[
        fail(0, json!({})),
        fail(1, json!({"source_ip": ""})),
        fail(2, json!({"source_ip": null})),
        fail(3, json!({"source_ip": "a", "user_id": "mira"})),
        fail(4, json!({"source_ip": "b", "user_context": {"initiated_by": "mira"}})),
        fail(5, json!({"source_ip": "a", "user_id": "noor"})),
    ]);
    let twice = |by: &[&str]| SequenceQuery {
        by: by.iter().map(|name| (*name).to_owned()).collect(),
        ..asked("auth.user_login{2}", 3600)
    };
    assert_eq!(numbers(&matches(&mut trail, &twice(&[])).await), [[3, 5]]);
    // A logical field is found at any of its places.
    let found = matches(&mut trail, &twice(&["user_id"])).await;
    assert_eq!((numbers(&found), &found[0].key), (vec![vec![3, 4]], &vec!["mira".to_owned()]));
    assert!(matches(&mut trail, &twice(&["user_id", "source_ip"])).await.is_empty());
    assert_eq!(numbers(&matches(&mut trail, &twice(&["status"])).await), [[0, 1], [2, 3], [4, 5]]);
}

#[tokio::test]
async fn equal_times_are_ordered_by_id() {
    let mut trail = TestTrail::new();
    let at_once = |number: usize, status: &str| {
        let mut event = login(number, status, "a");
        event["timestamp"] = json!("2026-03-01T00:00:00.000Z");
        event
    };
    trail.segment(&[at_once(3, "success"), at_once(0, "fail")]).await;
    trail.segment(&[at_once(1, "success"), at_once(2, "fail")]).await;
    let pairs = "auth.user_login[status=fail] auth.user_login[status=success]";
    assert_eq!(numbers(&matches(&mut trail, &asked(pairs, 0)).await), [[0, 1], [2, 3]]);
}

#[tokio::test]
async fn any_field_of_a_record_can_be_asked_for() {
    let mut trail = TestTrail::new();
    let read = |n: usize, members: Value| {
        let mut event = record(n, json!({"agent_id": "triage"}));
        event.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        event
    };
    trail.segment(&[
        read(0, json!({"resource": {"size_bytes": 10, "path": "/a"}, "odd key": {"x.y": [1, {"z": true}]}})),
        read(1, json!({"resource": {"size_bytes": 2e6, "path": "/b"}, "status": "Denied"})),
        read(2, json!({"resource": {"size_bytes": "big", "path": "/b/c"}, "when": "2026-01-01T00:00:00+01:00"})),
    ]).await;
    for (predicates, wanted) in [
        ("resource.size_bytes > 1e6", vec![1]),
        ("resource.size_bytes <= 10", vec![0]),
        ("resource.size_bytes = 10.0", vec![0]),
        ("resource.size_bytes = big", vec![2]),
        ("resource.size_bytes != 10", vec![1, 2]),
        ("resource.path ~ '/b*'", vec![1, 2]),
        ("resource.path !~ /b/?", vec![0, 1]),
        ("resource.path in (/a, /b/c)", vec![0, 2]),
        ("\"odd key\".\"x.y\"[1].z = true", vec![0]),
        ("\"odd key\".\"x.y\"[1].z = 'true'", vec![]),
        ("status = denied", vec![1]),
        ("status = Denied, outcome = denied", vec![1]),
        ("status != denied", vec![0, 2]),
        ("status = null", vec![0, 2]),
        ("when < 2025-12-31T23:30:00Z", vec![2]),
        ("when < 2025-12-31T22:30:00Z", vec![]),
        ("timestamp >= 2026-03-01T00:01:00Z, timestamp < 2026-03-01T00:02:00Z", vec![1]),
        ("actor ~ tri*, resource.path < /b/c", vec![0, 1]),
    ] {
        let query = asked(&format!("data.*[{predicates}]"), 60);
        let found = numbers(&matches(&mut trail, &query).await);
        assert_eq!(found.concat(), wanted, "{predicates}");
    }
}

#[tokio::test]
async fn nested_output_has_the_whole_records() {
    let mut trail = attack().await;
    let query = asked(BRUTE_FORCE, 180);
    let line: Value =
        serde_json::from_str(&written(&mut trail, &query, &[], OutputFormat::Jsonl).await).unwrap();
    assert_eq!(line["match"], 1);
    assert_eq!(line["by"], json!({"source_ip": "203.0.113.9"}));
    assert_eq!(line["start"], "2026-03-01T00:05:00.000Z");
    assert_eq!(line["end"], "2026-03-01T00:08:00.000Z");
    assert_eq!(line["steps"], json!([1, 1, 1, 2]));
    assert_eq!(line["events"][0], login(5, "fail", "203.0.113.9"));
    assert_eq!(line["events"][3], login(8, "success", "203.0.113.9"));
    let fields = ["audit_id", "actor", "resource.path", "outcome"];
    let all = written(&mut trail, &query, &fields, OutputFormat::Json).await;
    let all: Value = serde_json::from_str(&all).unwrap();
    assert_eq!(all[0]["events"][3], json!({"audit_id": "id_000008", "outcome": "success"}));
    let none = asked("auth.user_login{100}", 60);
    assert_eq!(written(&mut trail, &none, &[], OutputFormat::Json).await, "[]\n");
    assert_eq!(written(&mut trail, &none, &[], OutputFormat::Jsonl).await, "");
}

#[tokio::test]
async fn flat_output_has_a_row_for_each_event() {
    let mut trail = attack().await;
    let query = asked("auth.user_login[status=fail]{2}", 180);
    let csv = written(&mut trail, &query, &["audit_id", "status"], OutputFormat::Csv).await;
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines[0], "match,step,by_source_ip,audit_id,status");
    assert_eq!(lines[1], "1,1,203.0.113.9,id_000000,fail");
    assert_eq!(lines[8], "4,1,203.0.113.9,id_000007,fail");
    assert_eq!(lines.len(), 9);
    let table = written(&mut trail, &query, &[], OutputFormat::Table).await;
    assert!(table.lines().next().unwrap().contains("event_type"), "{table}");
    let store = Arc::clone(&trail.store);
    let view = trail.view();
    let all = search(&trail.engine, view, store, &query).await.unwrap();
    let rows =
        all.limit(Some(2)).into_rows(&[], Form::Flat).await.unwrap().collect().await.unwrap();
    assert_eq!(rows.iter().map(arrow::array::RecordBatch::num_rows).sum::<usize>(), 4);
}

#[tokio::test]
async fn the_first_match_need_not_wait_for_the_last() {
    let mut trail = TestTrail::new();
    let events: Vec<Value> = (0..20_000).map(|n| login(n, "fail", "a")).collect();
    trail.segment(&events).await;
    let store = Arc::clone(&trail.store);
    let view = trail.view();
    let query = asked("auth.user_login", 0);
    let mut first = search(&trail.engine, view, store, &query).await.unwrap();
    assert_eq!(first.next().await.unwrap().unwrap().number, 1);
    // Stopping in the middle is dropping what is left.
    drop(first);
    let store = Arc::clone(&trail.store);
    let view = trail.view();
    let all = search(&trail.engine, view, store, &query).await.unwrap();
    assert_eq!(all.count().await.unwrap(), 20_000);
}

#[tokio::test]
async fn mistakes_are_told_before_anything_is_read() {
    let mut trail = TestTrail::new();
    for (by, text) in [("user_id,", "data.*"), ("a b", "data.*"), ("x", "data.*[timestamp=soon]")] {
        let by = by.split(',').map(str::to_owned).collect();
        let query = SequenceQuery { by, ..asked(text, 1) };
        assert!(query.check().is_err(), "{text} by {:?}", query.by);
    }
    let store = Arc::clone(&trail.store);
    let query = SequenceQuery { by: vec!["actor".to_owned()], ..asked("data.*", 1) };
    let view = trail.view();
    let matches = search(&trail.engine, view, store, &query).await.unwrap();
    assert_eq!(matches.count().await.unwrap(), 0);
}
