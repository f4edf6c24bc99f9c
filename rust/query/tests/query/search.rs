//! Searches over trails in memory.
#![allow(unreachable_pub, clippy::panic)]

use std::sync::Arc;

use futures::TryStreamExt;
use sealtrail_query::search::{FIELDS, Filter, Form, Order, Search, Window, times, write_nested};
use serde_json::{Value, json};

use crate::common::{TestTrail, record};

/// The records that a search finds, in its order.
pub async fn found(trail: &mut TestTrail, search: &Search) -> Vec<Value> {
    let view = trail.view();
    let started = search.run(&trail.engine, view, Arc::clone(&trail.store), Form::Nested).await;
    let result = started.unwrap_or_else(|e| panic!("{search:?}: {e}")).result;
    let mut out = Vec::new();
    write_nested(result, &search.fields, true, &mut out).await.unwrap();
    serde_json::from_slice::<Vec<Value>>(&out).unwrap()
}

/// The ids of the records that meet a filter, in the order of time.
pub async fn ids(trail: &mut TestTrail, filter: Filter) -> Vec<String> {
    let found = found(trail, &Search::new(filter)).await;
    found.iter().map(|record| record["audit_id"].as_str().unwrap().to_owned()).collect()
}

fn only(name: &str, values: &[&str]) -> Filter {
    Filter::default().field(name, values.iter().copied())
}

fn wher(condition: &str) -> Filter {
    Filter::default().condition_of(condition)
}

/// Puts a value at a dotted path; `[]` is the only element of an array.
fn put(record: &mut Value, path: &str, value: &str) {
    let (list, member) = path.split_once("[]").unwrap_or((path, "none"));
    let value = match member {
        "none" => json!(value),
        "" => json!(["other", value]),
        member => json!([{member.trim_start_matches('.'): value}]),
    };
    let pointer = format!("/{}", list.replace('.', "/"));
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    if !parent.is_empty() {
        record[&parent[1..]] = json!({});
    }
    record.pointer_mut(parent).unwrap()[name] = value;
}

#[tokio::test]
async fn every_documented_place_is_searched() {
    let mut records = Vec::new();
    let mut cases = Vec::new();
    for field in &FIELDS {
        for place in field.places {
            let Some((name, value)) = (match place.path {
                // Every record has these.
                "event_type" | "domain" | "audit_id" => None,
                "outcome" => Some(("status", "refused")),
                path => {
                    Some((path, if field.name == "source_ip" { "10.1.2.3" } else { "it's_x%" }))
                }
            }) else {
                continue;
            };
            let event_type = format!("{}.custom", place.domain.unwrap_or("data"));
            let mut one = record(records.len(), json!({"event_type": event_type}));
            put(&mut one, name, value);
            cases.push((field.name, one["audit_id"].clone(), place, value));
            records.push(one);
        }
    }
    let mut stored = TestTrail::new();
    stored.segment(&records).await;
    let mut fresh = TestTrail::new();
    fresh.unflushed(&records);
    for trail in [&mut stored, &mut fresh] {
        for (field, id, place, value) in &cases {
            let value = if place.path == "outcome" { "denied" } else { value };
            let id = id.as_str().unwrap().to_owned();
            let glob = format!("{}*", &value[..value.len() - 1]);
            for value in [value.to_owned(), glob.clone()] {
                let with = ids(trail, only(field, &[&value])).await;
                assert!(with.contains(&id), "{field} {place:?} {value}: {with:?}");
                let without = ids(trail, only(field, &[&format!("!{value}")])).await;
                assert!(!without.contains(&id), "{field} {place:?} !{value}");
                assert_eq!(with.len() + without.len(), records.len(), "{field}");
            }
            assert!(!ids(trail, only(field, &["it's_x"])).await.contains(&id), "{field}");
            assert!(!ids(trail, only(field, &["it'sxx%"])).await.contains(&id), "{field}");
        }
    }
}

#[tokio::test]
async fn a_place_of_one_domain_is_not_searched_in_others() {
    let mut trail = TestTrail::new();
    let grantee = |n, domain: &str| {
        record(n, json!({"event_type": format!("{domain}.custom"), "grantee": "ana"}))
    };
    trail.segment(&[grantee(0, "auth"), grantee(1, "data")]).await;
    assert_eq!(ids(&mut trail, only("user_id", &["ana"])).await, ["id_000000"]);
}

#[tokio::test]
async fn addresses_are_found_by_network() {
    let mut trail = TestTrail::new();
    let of = |n, ip: &str| record(n, json!({"source_ip": ip}));
    trail
        .segment(&[
            of(0, "203.0.113.7"),
            of(1, "::ffff:203.0.113.7"),
            of(2, "203.0.114.1"),
            of(3, "2001:db8:0:0::1"),
            of(4, "proxy"),
        ])
        .await;
    trail.unflushed(&[of(5, "203.0.113.99")]);
    for (values, expected) in [
        (&["203.0.113.0/24"][..], &[0, 1, 5][..]),
        (&["203.0.113.7"], &[0, 1]),
        (&["203.0.113.*"], &[0, 5]),
        (&["2001:db8::1"], &[3]),
        (&["203.0.0.0/16", "!203.0.113.0/24"], &[2]),
        (&["!0.0.0.0/0"], &[3, 4]),
    ] {
        let expected: Vec<String> = expected.iter().map(|n| format!("id_{n:06}")).collect();
        assert_eq!(ids(&mut trail, only("source_ip", values)).await, expected, "{values:?}");
    }
}

#[tokio::test]
async fn what_has_no_status_is_not_of_any() {
    let mut trail = TestTrail::new();
    trail
        .segment(&[
            record(0, json!({"status": "success"})),
            record(1, json!({"result": {"status": "Denied"}})),
            record(2, json!({})),
            record(3, json!({"status": "odd"})),
            record(4, json!({"status": 7})),
        ])
        .await;
    let of = async |trail: &mut TestTrail, value: &str| {
        let ids = ids(trail, only("status", &[value])).await;
        ids.iter().map(|id| id[3..].parse::<u32>().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(of(&mut trail, "!success").await, [1, 2, 3, 4]);
    assert_eq!(of(&mut trail, "!denied").await, [0, 2, 3, 4]);
    assert_eq!(of(&mut trail, "denied").await, [1]);
    assert_eq!(of(&mut trail, "Denied").await, [1]);
    assert_eq!(of(&mut trail, "!odd").await, [0, 1, 2, 4]);
    assert_eq!(of(&mut trail, "unknown").await, [2, 3, 4]);
    assert_eq!(of(&mut trail, "!*").await, Vec::<u32>::new());
}

/// When the records that matter are from.
fn march() -> Window {
    Window { since: Some(times::moment("2026-03-01", 0).unwrap()), until: None }
}

/// Trails of the same records, in which paths have columns or none.
async fn promoted_or_not(records: &[Value]) -> Vec<(&'static str, TestTrail)> {
    let mut promoted = TestTrail::new();
    promoted.segment(records).await;
    let mut rare = TestTrail::new();
    let mut with_others = records.to_vec();
    let time = "2026-02-01T00:00:00.000Z";
    let other = |n: usize| record(n, json!({"timestamp": time, "filler": n}));
    with_others.extend((10_000..10_000 + 200 * records.len()).map(other));
    rare.segment(&with_others).await;
    let mut unflushed = TestTrail::new();
    unflushed.unflushed(records);
    let mut spread = TestTrail::new();
    for part in records.chunks(2) {
        spread.segment(part).await;
    }
    vec![("promoted", promoted), ("rare", rare), ("unflushed", unflushed), ("spread", spread)]
}

#[tokio::test]
async fn conditions_mean_the_same_whatever_is_promoted() {
    let records = [
        json!({"x": 5, "t": "b", "o": {"n": 1.5}, "ok": true, "user_id": "ana", "duration_ms": 7}),
        json!({"x": 12, "t": "a", "o": {"n": 2}, "ok": false, "resource": {"size_bytes": 2_000_000}}),
        json!({"x": "12", "t": 9, "o": {"n": "2"}, "resource": {"size_bytes": 1_000_000.5}}),
        json!({"x": 12.5, "t": null, "o": 3, "user_id": 5, "list": [{"k": "v"}, 7]}),
        json!({"t": "it's", "o": {"n": [1]}, "ok": "true", "odd key": {"a.b": 1}}),
    ];
    let records: Vec<Value> =
        records.into_iter().enumerate().map(|(n, members)| record(n, members)).collect();
    let since = march();
    for (name, mut trail) in promoted_or_not(&records).await {
        for (condition, expected) in [
            ("x > 9", &[1, 3][..]),
            ("x = 12", &[1]),
            ("x = '12'", &[2]),
            ("x IN (5, 12.5)", &[0, 3]),
            ("NOT x > 9", &[0]),
            ("x IS NULL", &[4]),
            ("t IS NULL", &[3]),
            ("t >= 'b'", &[0, 4]),
            ("t = 'it''s'", &[4]),
            ("t LIKE '%t''%'", &[4]),
            ("o.n > 1", &[0, 1]),
            ("o.n = '2'", &[2]),
            ("o = 3", &[3]),
            ("ok", &[0]),
            ("NOT ok", &[1]),
            ("ok = 'true'", &[4]),
            ("user_id = 'ana'", &[0]),
            ("user_id = 5", &[3]),
            ("user_id IS NOT NULL", &[0, 3]),
            ("resource.size_bytes > 1e6", &[1, 2]),
            ("resource_size_bytes BETWEEN 1 AND 1000001", &[2]),
            ("duration_ms = 7", &[0]),
            ("x + 1 > o.n * 5", &[1]),
            ("x > o.n", &[0, 1]),
            ("x = t", &[]),
            ("x::int = 12 OR x::text = '5'", &[0, 1]),
            ("list[0].k = 'v' AND list[-1] = 7", &[3]),
            ("\"odd key\".\"a.b\" = 1", &[4]),
            ("upper(t) IN ('A', 'B')", &[0, 1]),
            ("round(x) = 13 OR abs(x) = 5", &[0, 3]),
            ("event ->> 'x' = '12'", &[1, 2]),
            ("actor = 'ana' AND domain = 'data'", &[0]),
            ("timestamp < '2026-03-01T00:02:00Z'", &[0, 1]),
            ("CASE WHEN x > 9 THEN t ELSE 'none' END = 'a'", &[1]),
        ] {
            let filter = Filter { window: since, ..wher(condition) };
            let expected: Vec<String> = expected.iter().map(|n| format!("id_{n:06}")).collect();
            assert_eq!(ids(&mut trail, filter).await, expected, "{name}: {condition}");
        }
    }
}

#[tokio::test]
async fn words_are_found_in_every_value_and_nowhere_else() {
    let records = [
        json!({"reason": "Quarterly review", "x": {"y": ["deep \"quoted\" TEXT"]}}),
        json!({"reason": "none", "count": 443, "ok": true, "z": 0.25}),
        json!({"quarterly": 1, "reason": "rm -rf /tmp\nnext"}),
        json!({"user_id": "Änne", "reason": "a\\b"}),
    ];
    let records: Vec<Value> =
        records.into_iter().enumerate().map(|(n, members)| record(n, members)).collect();
    let since = march();
    for (name, mut trail) in promoted_or_not(&records).await {
        for (text, expected) in [
            ("quarterly", &[0][..]),
            ("REVIEW quarter", &[0]),
            ("\"quarterly review\"", &[0]),
            ("\"review quarterly\"", &[]),
            ("text", &[0]),
            ("443", &[1]),
            ("0.25", &[1]),
            ("tru", &[1]),
            ("\"rm -rf\" next", &[2]),
            ("reason", &[]),
            ("änne", &[3]),
            ("ÄNNE", &[3]),
            ("a\\b", &[3]),
            ("2026-03-01T00:03", &[3]),
            ("id_000002", &[2]),
        ] {
            let filter = Filter { text: vec![text.to_owned()], window: since, ..Filter::default() };
            let expected: Vec<String> = expected.iter().map(|n| format!("id_{n:06}")).collect();
            assert_eq!(ids(&mut trail, filter).await, expected, "{name}: {text}");
        }
    }
}

#[tokio::test]
async fn quotes_in_values_stay_values() {
    let evil = "x' OR true --";
    let mut trail = TestTrail::new();
    trail.segment(&[record(0, json!({"user_id": evil})), record(1, json!({"user_id": "y"}))]).await;
    assert_eq!(ids(&mut trail, only("user_id", &[evil])).await, ["id_000000"]);
    assert_eq!(ids(&mut trail, only("user_id", &["x' *"])).await, ["id_000000"]);
    assert_eq!(ids(&mut trail, only("user_id", &["z' OR 'a'='a"])).await, Vec::<String>::new());
    assert_eq!(ids(&mut trail, only("a' || 'b", &["x"])).await, Vec::<String>::new());
    let filter = Filter { text: vec!["\"' OR true\"".to_owned()], ..Filter::default() };
    assert_eq!(ids(&mut trail, filter).await, ["id_000000"]);
    let order = vec![Order { field: "a' DESC, \"b".to_owned(), descending: false }];
    let search = Search { order, ..Search::default() };
    assert!(search.check().is_err());
    let search = Search { fields: vec!["x\" FROM events --".to_owned()], ..Search::default() };
    assert!(search.check().is_err());
}

/// All results in pages of `size`.
async fn paged(trail: &mut TestTrail, search: &Search, size: u64) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), None);
    loop {
        let page = Search { limit: Some(size), cursor, ..search.clone() };
        let view = trail.view();
        let store = Arc::clone(&trail.store);
        let started = page.run(&trail.engine, view, store, Form::Nested).await.unwrap();
        let reached = started.reached();
        let mut out = Vec::new();
        let rows = write_nested(started.result, &[], true, &mut out).await.unwrap();
        all.extend(serde_json::from_slice::<Vec<Value>>(&out).unwrap());
        cursor = reached.cursor();
        if rows < size {
            return all;
        }
    }
}

fn id_of(record: &Value) -> &str {
    record["audit_id"].as_str().unwrap()
}

#[tokio::test]
async fn pages_are_the_whole_over_ties_and_missing_values() {
    let mut trail = TestTrail::new();
    let records: Vec<Value> = (0..23_usize)
        .map(|n| {
            let mut one = record(n / 4, json!({}));
            one["audit_id"] = json!(format!("id_{:06}", n * 7 % 23));
            match n % 5 {
                0 => one["rank"] = json!(n % 3),
                1 => one["rank"] = json!("a"),
                2 => one["rank"] = json!(true),
                3 => one["cost_usd"] = json!(0.1 * (n % 4) as f64),
                _ => one["tool_name"] = json!(["Bash", "Read"][n % 2]),
            }
            one
        })
        .collect();
    trail.segment(&records[..9]).await.segment(&records[9..17]).await.unflushed(&records[17..]);
    for order in
        ["", "timestamp desc", "rank", "rank desc", "cost_usd desc", "tool_name, actor desc"]
    {
        for reverse in [false, true] {
            let parsed = if order.is_empty() { vec![] } else { Order::parse(order).unwrap() };
            let search = Search { order: parsed, reverse, ..Search::default() };
            let whole = found(&mut trail, &search).await;
            assert_eq!(whole.len(), 23);
            let mut distinct: Vec<&str> = whole.iter().map(id_of).collect();
            distinct.sort_unstable();
            distinct.dedup();
            assert_eq!(distinct.len(), 23);
            for size in [1, 3, 23, 50] {
                assert_eq!(
                    paged(&mut trail, &search, size).await,
                    whole,
                    "{order} {reverse} {size}"
                );
            }
        }
    }
}

#[tokio::test]
async fn missing_values_come_last_and_numbers_before_text() {
    let mut trail = TestTrail::new();
    let of = |n, members| record(n, members);
    trail
        .segment(&[
            of(0, json!({"v": "b"})),
            of(1, json!({})),
            of(2, json!({"v": 10})),
            of(3, json!({"v": 9.5})),
            of(4, json!({"v": "a"})),
        ])
        .await;
    let by = async |trail: &mut TestTrail, order: &str| {
        let search = Search { order: Order::parse(order).unwrap(), ..Search::default() };
        let found = found(trail, &search).await;
        found.iter().map(|record| id_of(record)[5..].parse::<u32>().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(by(&mut trail, "v").await, [3, 2, 4, 0, 1]);
    assert_eq!(by(&mut trail, "v desc").await, [2, 3, 0, 4, 1]);
}

#[tokio::test]
async fn a_cursor_holds_while_records_arrive() {
    let mut trail = TestTrail::new();
    let all: Vec<Value> = (0..30).map(|n| record(n, json!({}))).collect();
    trail.segment(&all[..20]).await;
    let first = Search { limit: Some(20), ..Search::default() };
    let view = trail.view();
    let started =
        first.run(&trail.engine, view, Arc::clone(&trail.store), Form::Nested).await.unwrap();
    let reached = started.reached();
    assert_eq!(reached.cursor(), None);
    started.result.collect().await.unwrap();
    let cursor = reached.cursor();
    let rest = Search { cursor, ..Search::default() };
    assert_eq!(found(&mut trail, &rest).await, Vec::<Value>::new());
    trail.unflushed(&all[20..25]);
    assert_eq!(found(&mut trail, &rest).await, all[20..25]);
    trail.segment(&all[25..]).await;
    assert_eq!(found(&mut trail, &rest).await, all[20..]);
}

#[tokio::test]
async fn fields_are_nested_and_flat() {
    let mut trail = TestTrail::new();
    let one = json!({"resource": {"path": "/x", "size_bytes": 5}, "user_id": "ana", "n": null});
    trail.segment(&[record(0, one)]).await;
    let fields = ["resource.path", "actor", "n", "missing.x", "timestamp", "resource_size_bytes"];
    let fields: Vec<String> = fields.iter().map(|field| (*field).to_owned()).collect();
    let search = Search { fields: fields.clone(), ..Search::default() };
    let expected = json!({
        "resource": {"path": "/x", "size_bytes": 5},
        "actor": "ana",
        "n": null,
        "timestamp": "2026-03-01T00:00:00.000Z",
    });
    assert_eq!(found(&mut trail, &search).await, [expected]);
    let view = trail.view();
    let store = Arc::clone(&trail.store);
    let flat = search.run(&trail.engine, Arc::clone(&view), Arc::clone(&store), Form::Flat).await;
    let flat = flat.unwrap().result;
    let names: Vec<&str> = flat.schema.fields().iter().map(|f| f.name().as_str()).collect();
    assert_eq!(names, fields);
    let all = Search::default().run(&trail.engine, view, store, Form::Flat).await.unwrap().result;
    let names: Vec<&str> = all.schema.fields().iter().map(|f| f.name().as_str()).collect();
    assert_eq!(names[..3], ["timestamp", "event_type", "domain"]);
    assert_eq!(names.last(), Some(&"attrs"));
    assert!(!names.contains(&"event"));
}

#[tokio::test]
async fn an_hour_of_many_days_reads_its_segments_only() {
    let mut trail = TestTrail::new();
    for day in 0..10 {
        let records: Vec<Value> =
            (0..50).map(|n| record(day * 1440 + n, json!({"user_id": format!("u{n}")}))).collect();
        trail.segment(&records).await;
    }
    let window = Window::parse(Some("2026-03-05"), Some("2026-03-05T01:00:00Z"), 0).unwrap();
    let cost = async |trail: &mut TestTrail, search: Search| {
        let view = trail.view();
        let store = Arc::clone(&trail.store);
        let found = search.run(&trail.engine, view, store, Form::Nested).await.unwrap();
        let reached = found.reached();
        let rows =
            found.result.collect().await.unwrap().iter().map(|b| b.num_rows()).sum::<usize>();
        (rows, reached.cost(&trail.view()))
    };
    let hour = Search::new(Filter { window, ..Filter::default() });
    let (rows, read) = cost(&mut trail, hour).await;
    assert_eq!((rows, read.segments, read.segments_read, read.segments_skipped), (50, 10, 1, 9));
    assert!(read.bytes_read > 0 && read.bytes_read < read.bytes, "{read:?}");
    let (rows, all) = cost(&mut trail, Search::default()).await;
    assert_eq!((rows, all.segments_read, all.rows), (500, 10, 500));
    assert!(all.bytes_read > read.bytes_read);
    let types = Search::new(only("event_type", &["auth.*"]));
    assert_eq!(cost(&mut trail, types).await.1.segments_read, 0);
}

#[tokio::test]
async fn a_search_without_results_still_has_its_columns() {
    let mut trail = TestTrail::new();
    for limit in [None, Some(3)] {
        let search = Search { limit, ..Search::new(only("user_id", &["nobody"])) };
        let view = trail.view();
        let store = Arc::clone(&trail.store);
        let found = search.run(&trail.engine, view, store, Form::Brief).await.unwrap();
        let result = found.result;
        assert_eq!(result.schema.field(0).name(), "timestamp");
        let rows: Vec<_> = result.stream.try_collect().await.unwrap();
        assert!(rows.is_empty());
        trail.segment(&[record(0, json!({}))]).await;
    }
}

#[tokio::test]
async fn what_it_is_ordered_by_may_be_shown_too() {
    let mut trail = TestTrail::new();
    let of = |n: usize| record(n, json!({"tool_name": (["b", "a"][n % 2]), "x": n}));
    trail.segment(&[of(0), of(1)]).await.unflushed(&[of(2), of(3)]);
    for order in ["timestamp", "audit_id desc", "tool_name", "actor", "x", "outcome"] {
        let order = Order::parse(order).unwrap();
        for fields in
            [&[][..], &["tool_name", "actor", "timestamp", "x", "audit_id", "recorded_at"]]
        {
            let fields: Vec<String> = fields.iter().map(|field| (*field).to_owned()).collect();
            for limit in [None, Some(2)] {
                let search = Search {
                    order: order.clone(),
                    fields: fields.clone(),
                    limit,
                    ..Search::default()
                };
                for form in [Form::Nested, Form::Flat, Form::Brief] {
                    let (view, store) = (trail.view(), Arc::clone(&trail.store));
                    let found = search.run(&trail.engine, view, store, form).await.unwrap();
                    let rows = found
                        .result
                        .collect()
                        .await
                        .unwrap_or_else(|e| panic!("{search:?} {form:?}: {e}"));
                    let rows: usize = rows.iter().map(|batch| batch.num_rows()).sum();
                    assert_eq!(rows, limit.map_or(4, |_| 2), "{search:?} {form:?}");
                }
            }
        }
    }
}

#[tokio::test]
async fn counts_pages_and_fields_are_those_of_the_records() {
    let mut trail = TestTrail::new();
    let of = |n, event_type: &str, user: &str, status: &str| {
        let members = json!({"event_type": event_type, "user_id": user, "status": status,
            "source_ip": "10.0.0.1", "agent_id": if user == "ben" { json!("bot") } else { json!(null) }});
        record(n, members)
    };
    trail
        .segment(&[
            of(0, "auth.user_login", "ana", "fail"),
            of(1, "auth.user_login", "ana", "success"),
            of(70, "data.file_read", "ben", "denied"),
        ])
        .await;
    trail.unflushed(&[record(80, json!({"user_id": "ana", "modified_by": "ben"}))]);
    let view = trail.view();
    let (engine, store) = (&trail.engine, || Arc::clone(&trail.store));
    let all = Filter::default();
    assert_eq!(all.count(engine, Arc::clone(&view), store()).await.unwrap(), 4);
    let ana = only("user_id", &["ana"]);
    assert_eq!(ana.count(engine, Arc::clone(&view), store()).await.unwrap(), 3);

    let summary = all.summary(engine, Arc::clone(&view), store()).await.unwrap();
    let groups = |groups: &[sealtrail_query::search::Group]| -> Vec<(String, u64)> {
        groups.iter().map(|g| (g.value.clone().unwrap_or_default(), g.events)).collect()
    };
    let pair = |value: &str, events| (value.to_owned(), events);
    assert_eq!(summary.events, 4);
    assert_eq!(summary.first.as_deref(), Some("2026-03-01T00:00:00.000Z"));
    assert_eq!(groups(&summary.by_type), [pair("auth.user_login", 2), pair("data.file_read", 2)]);
    assert_eq!(groups(&summary.by_actor), [pair("ana", 2), pair("ben", 1), pair("bot", 1)]);
    assert_eq!(
        groups(&summary.by_hour),
        [pair("2026-03-01T00:00:00.000Z", 2), pair("2026-03-01T01:00:00.000Z", 2)]
    );

    let page = all.who(engine, Arc::clone(&view), store(), "ana", 5).await.unwrap().unwrap();
    assert_eq!((page.events, page.failed), (3, 1));
    assert_eq!(page.last, "2026-03-01T01:20:00.000Z");
    assert_eq!(groups(&page.known_as), [pair("user_id", 3)]);
    let list = |name: &str| groups(&page.lists.iter().find(|list| list.name == name).unwrap().top);
    assert_eq!(list("did"), [pair("auth.user_login", 2)]);
    assert_eq!(list("about"), [pair("data.file_read", 1)]);
    assert_eq!(list("actors"), [pair("ben", 1)]);
    assert_eq!(list("users"), []);
    assert_eq!(list("addresses"), [pair("10.0.0.1", 2)]);
    assert_eq!(page.failures.len(), 1);
    assert_eq!(page.failures[0].outcome, "failure");
    let address =
        all.who(engine, Arc::clone(&view), store(), "10.0.0.1", 1).await.unwrap().unwrap();
    assert_eq!(groups(&address.known_as), [pair("source_ip", 3)]);
    let users = address.lists.iter().find(|list| list.name == "users").unwrap();
    assert_eq!((users.total, users.top.len()), (2, 1));
    let nobody = all.who(engine, Arc::clone(&view), store(), "an*", 5).await.unwrap();
    assert_eq!(nobody, None);

    let fields = all.inventory(engine, view, store(), 1).await.unwrap();
    assert_eq!(fields.events, 4);
    let field = |path: &str| fields.fields.iter().find(|field| field.path == path).unwrap();
    assert_eq!((field("user_id").events, field("user_id").distinct), (4, 2));
    assert_eq!(groups(&field("user_id").top), [pair("ana", 3)]);
    assert_eq!(field("agent_id").types, ["null", "string"]);
    assert!((field("modified_by").fill - 0.25).abs() < 1e-9);
}
