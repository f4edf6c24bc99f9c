//! Encrypted segments answer as plain ones do.

use sealtrail_query::Params;
use serde_json::{Value, json};

use crate::common::{TestTrail, record};

/// Records with repeated and unique values, columns and rests, some in a second segment.
fn records(from: usize, count: usize) -> Vec<Value> {
    let types = ["data.file_read", "auth.user_login", "agent.spawned"];
    let of = |n: usize| {
        let mut members = json!({
            "event_type": types[n % 3],
            "user_id": format!("user_{}", n % 7),
            "session_id": format!("session_{n}"),
            "resource": {"path": format!("/p/{}", n % 11), "size_bytes": n},
            "note": if n.is_multiple_of(5) { json!({"deep": [n, "x"]}) } else { json!("plain words") },
        });
        if n.is_multiple_of(97) {
            members["rare"] = json!(format!("needle {n}"));
        }
        record(n, members)
    };
    (from..from + count).map(of).collect()
}

const QUESTIONS: [&str; 12] = [
    "SELECT count(*) AS n, min(audit_id) AS a, max(audit_id) AS b FROM events",
    "SELECT event_type, count(*) AS n FROM events GROUP BY 1 ORDER BY 1",
    "SELECT audit_id FROM events WHERE session_id = 'session_1234' ORDER BY 1",
    "SELECT audit_id FROM events WHERE session_id = 'none' ORDER BY 1",
    "SELECT audit_id, event FROM events WHERE audit_id = 'id_000042'",
    "SELECT sum(resource_size_bytes) AS s FROM data_events WHERE user_id IN ('user_1', 'user_5')",
    "SELECT audit_id, attrs ->> 'rare' AS r FROM events WHERE attrs ->> 'rare' = 'needle 970'",
    "SELECT audit_id FROM events WHERE attrs ->> 'rare' IS NOT NULL ORDER BY 1",
    "SELECT count(*) AS n FROM events WHERE timestamp >= '2026-03-02T00:00:00Z'",
    "SELECT audit_id, event FROM events ORDER BY timestamp DESC, audit_id LIMIT 7",
    "SELECT resource_path, count(*) AS n FROM data_events GROUP BY 1 ORDER BY 1",
    "SELECT count(*) AS n FROM events WHERE event LIKE '%words%'",
];

#[tokio::test]
async fn plain_and_encrypted_and_mixed_trails_give_the_same_answers() {
    let (mut plain, mut sealed) = (TestTrail::new(), TestTrail::encrypted().await);
    let mut mixed = TestTrail::encrypted().await;
    for (part, count) in [(0, 1500), (1500, 2500), (4000, 30)] {
        let records = records(part, count);
        plain.segment(&records).await;
        sealed.segment(&records).await;
        mixed.segment(&records).await;
        mixed.sealing = None;
    }
    let last = records(4030, 9);
    plain.unflushed(&last);
    sealed.unflushed(&last);
    mixed.unflushed(&last);
    assert!(sealed.view().segments().iter().all(|segment| segment.key.is_some()));
    let some = mixed.view().segments().iter().filter(|segment| segment.key.is_some()).count();
    assert!(some > 0 && some < mixed.view().segments().len());
    for question in QUESTIONS {
        let expected = plain.rows(question).await;
        // Twice: with nothing known of the segments, and with what is kept of them.
        for _ in 0..2 {
            assert_eq!(sealed.rows(question).await, expected, "{question}");
            assert_eq!(mixed.rows(question).await, expected, "{question}");
        }
    }
}

#[tokio::test]
async fn without_the_key_there_is_no_answer_but_the_name_of_the_key() {
    let mut trail = TestTrail::encrypted().await;
    trail.segment(&records(0, 100)).await;
    let keys = trail.keys.take();
    let name = keys.unwrap().list().await.unwrap().remove(0).name;
    for question in ["SELECT * FROM events", "SELECT * FROM events WHERE session_id = 'session_5'"]
    {
        let error = trail.try_query(question, Params::None).await.unwrap_err().to_string();
        assert!(error.contains(&name) && error.contains("SEALTRAIL_MASTER_KEY"), "{error}");
    }
    // Domains that are not asked for need no key.
    let found = trail.rows("SELECT count(*) AS n FROM events WHERE domain = 'system'").await;
    assert_eq!(found, [json!({"n": 0})]);
}
