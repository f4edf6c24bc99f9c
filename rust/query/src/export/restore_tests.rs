use serde_json::{Value, json};

use super::event_of;

fn event(record: &Value) -> Value {
    serde_json::from_slice(&event_of(record.to_string().as_bytes(), "t-1")).unwrap()
}

#[test]
fn what_only_a_recorder_sets_is_told_apart() {
    let record = json!({
        "audit_id": "a", "event_type": "data.export", "n": 1.5, "recorded_at": "2026-01-01T00:00:00.000Z",
        "schema_version": 1, "timestamp": "2026-01-01T00:00:00.000Z",
    });
    let mut expected = record.clone();
    let members = expected.as_object_mut().unwrap();
    let (at, version) = (members.remove("recorded_at"), members.remove("schema_version"));
    members.insert(
        "restored".to_owned(),
        json!({ "recorded_at": at, "schema_version": version, "trail": "t-1" }),
    );
    assert_eq!(event(&record), expected);
}

#[test]
fn what_was_restored_before_keeps_where_it_is_from() {
    let record = json!({
        "audit_id": "a", "recorded_at": "2026-02-01T00:00:00.000Z", "restored": { "trail": "t-0" },
    });
    assert_eq!(event(&record), json!({ "audit_id": "a", "restored": { "trail": "t-0" } }));
}
