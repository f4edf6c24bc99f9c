//! What else happened around something.

use sealtrail_query::chain::{Kind, Related, RelatedOptions, related};
use sealtrail_query::search::Filter;
use serde_json::{Value, json};

use crate::*;

const MINUTE: i64 = 60_000_000;

fn around() -> Vec<Value> {
    vec![
        event("early", 0, "data.export", json!({"user_id": "mira", "resource": {"path": "/e"}})),
        login("in", 20, "mira", json!({"source_ip": "203.0.113.7"})),
        event(
            "core",
            30,
            "data.file_read",
            json!({"agent_id": "a", "user_context": {"initiated_by": "mira", "session_id": "s"},
                   "source_ip": "203.0.113.7", "resource": {"path": "/claims.csv"}}),
        ),
        event(
            "other",
            35,
            "data.file_read",
            json!({"agent_id": "b", "user_id": "ben", "resource": {"path": "/claims.csv"}}),
        ),
        event(
            "nothing",
            36,
            "data.file_read",
            json!({"agent_id": "c", "user_id": "cleo", "resource": {"path": "/else.csv"}}),
        ),
        event(
            "same",
            40,
            "data.export",
            json!({"agent_id": "a", "session_id": "s", "resource": {"path": "/x"}}),
        ),
    ]
}

async fn found(id: &str, kind: Option<Kind>, context: i64, limit: usize) -> Option<Related> {
    let filter = Filter::default();
    asked(id, &RelatedOptions { kind, context, limit, filter }).await
}

async fn asked(id: &str, options: &RelatedOptions) -> Option<Related> {
    let mut trail = trail(&around()).await;
    related(&source(&mut trail), id, options).await.unwrap()
}

fn reasons(related: &Related) -> Vec<(String, String)> {
    let shown = |event: &sealtrail_query::chain::RelatedEvent| {
        (event.record["audit_id"].as_str().unwrap().to_owned(), event.reasons.join(", "))
    };
    related.events.iter().map(shown).collect()
}

#[tokio::test]
async fn events_say_why_they_are_related() {
    let related = found("core", None, 10 * MINUTE, 100).await.unwrap();
    let wanted = [
        ("in", "address 203.0.113.7, user mira"),
        (
            "core",
            "itself, address 203.0.113.7, agent a, resource /claims.csv, session s, user mira",
        ),
        ("other", "resource /claims.csv"),
        ("same", "agent a, session s"),
    ];
    let wanted: Vec<_> = wanted.map(|(id, why)| (id.to_owned(), why.to_owned())).into();
    assert_eq!(reasons(&related), wanted);
    assert_eq!((related.from.as_str(), related.cut), ("2026-03-01T10:20:00.000Z", false));
}

#[tokio::test]
async fn the_window_is_around_all_events_of_a_session() {
    let related = found("s", None, 0, 100).await.unwrap();
    let ids: Vec<_> = reasons(&related).into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, ["core", "other", "same"]);
    assert_eq!((related.kind, related.to.as_str()), (Kind::Session, "2026-03-01T10:40:00.000001Z"));
}

#[tokio::test]
async fn a_limit_is_told_and_nothing_is_none() {
    let related = found("core", None, 10 * MINUTE, 2).await.unwrap();
    assert!(related.cut && related.events.len() == 2);
    assert!(found("nobody", None, MINUTE, 2).await.is_none());
    assert!(found("core", Some(Kind::Agent), MINUTE, 2).await.is_none());
}

#[tokio::test]
async fn a_filter_narrows_what_is_related() {
    let filter = Filter::default().field("user_id", ["mira"]).condition_of("domain = 'auth'");
    let options = RelatedOptions { filter, ..RelatedOptions::default() };
    let related = asked("core", &options).await.unwrap();
    assert_eq!(reasons(&related), [("in".to_owned(), "address 203.0.113.7, user mira".to_owned())]);
    let table = related.table().unwrap();
    assert_eq!((table.num_rows(), table.num_columns()), (1, 7));
    let line: Value = serde_json::from_str(&related.to_json(false)).unwrap();
    assert_eq!(line["_related"], json!(["address 203.0.113.7", "user mira"]));
    let array: Value = serde_json::from_str(&related.to_json(true)).unwrap();
    assert_eq!(array, json!([line]));
    let filter = Filter::default().field("agent_id", ["nobody"]);
    let none =
        asked("core", &RelatedOptions { filter, ..RelatedOptions::default() }).await.unwrap();
    assert_eq!((none.to_json(true).as_str(), none.to_json(false).as_str()), ("[]\n", ""));
}
