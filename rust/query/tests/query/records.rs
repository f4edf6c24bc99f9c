//! Reading records through SQL: columns, rest, views, pruning.

use crate::common::{TestTrail, canonical, record};
use serde_json::{Value, json};

fn examples() -> Vec<Value> {
    let text = include_str!("../../../core/src/catalogue/examples.jsonl");
    text.lines()
        .map(|line| {
            let mut value: Value = serde_json::from_str(line).unwrap();
            value["recorded_at"] = json!("2026-09-14T10:00:00.000Z");
            value["schema_version"] = json!(1);
            value
        })
        .collect()
}

#[tokio::test]
async fn every_record_comes_back_as_it_was() {
    let records = examples();
    let (first, rest) = records.split_at(3);
    for (segments, unflushed) in
        [(records.as_slice(), &[][..]), (&[][..], records.as_slice()), (first, rest)]
    {
        let mut trail = TestTrail::new();
        trail.segment(segments).await.unflushed(unflushed);
        let rows = trail.rows("SELECT audit_id, event FROM records").await;
        assert_eq!(rows.len(), records.len());
        for value in &records {
            let row = rows.iter().find(|row| row["audit_id"] == value["audit_id"]).unwrap();
            assert_eq!(row["event"].as_str().unwrap().as_bytes(), canonical(value));
        }
    }
}

#[tokio::test]
async fn views_give_domain_action_actor_session_and_outcome() {
    let mut trail = TestTrail::new();
    let records = examples();
    trail.segment(&records[..4]).await.segment(&records[4..6]).await.unflushed(&records[6..]);
    let sql = r#"SELECT event_type, domain, action, actor, session, outcome FROM events ORDER BY "timestamp""#;
    let got: Vec<Vec<String>> = trail
        .rows(sql)
        .await
        .iter()
        .map(|row| {
            ["event_type", "domain", "action", "actor", "session", "outcome"]
                .map(|name| row[name].as_str().unwrap_or("-").to_owned())
                .to_vec()
        })
        .collect();
    let expected = [
        ["agent.config_update", "agent", "config_update", "user_31002", "-", "unknown"],
        ["auth.user_login", "auth", "user_login", "user_20417", "-", "failure"],
        ["auth.user_login", "auth", "user_login", "user_20417", "-", "success"],
        ["agent.spawned", "agent", "spawned", "agent_claims_triage_v5", "sess_9a77", "unknown"],
        ["data.file_read", "data", "file_read", "agent_doc_reader_1", "sess_9a77", "success"],
        ["workflow.execution", "workflow", "execution", "user_20417", "-", "unknown"],
        ["system.config_change", "system", "config_change", "user_31002", "-", "unknown"],
    ];
    assert_eq!(got, expected);
}

#[tokio::test]
async fn domain_views_hold_their_domain_only() {
    let mut trail = TestTrail::new();
    let records = examples();
    trail.segment(&records[..5]).await.unflushed(&records[5..]);
    for (view, count) in [
        ("events", 7),
        ("auth_events", 2),
        ("agent_events", 2),
        ("data_events", 1),
        ("workflow_events", 1),
        ("system_events", 1),
    ] {
        assert_eq!(
            trail.value(&format!("SELECT count(*) FROM {view}")).await,
            json!(count),
            "{view}"
        );
    }
}

#[tokio::test]
async fn actor_knows_who_approved_or_overrode() {
    let mut trail = TestTrail::new();
    let approval = record(
        1,
        json!({"event_type": "workflow.approval", "approver": "cto", "agent_id": "a", "status": "Approved"}),
    );
    let overridden = record(
        2,
        json!({"event_type": "workflow.override", "overridden_by": "lead", "status": "TIMED OUT"}),
    );
    // In another domain the same field says something else.
    let other = record(
        3,
        json!({"event_type": "system.audit_deletion", "approver": "cto", "user_id": "u", "status": "access-denied"}),
    );
    for flushed in [true, false] {
        let records = [approval.clone(), overridden.clone(), other.clone()];
        let mut trail = TestTrail::new();
        if flushed {
            trail.segment(&records).await
        } else {
            trail.unflushed(&records)
        };
        let rows = trail.rows("SELECT actor, outcome FROM events ORDER BY audit_id").await;
        let expected = json!([
            {"actor": "cto", "outcome": "success"},
            {"actor": "lead", "outcome": "failure"},
            {"actor": "u", "outcome": "denied"},
        ]);
        assert_eq!(Value::from(rows), expected);
    }
    trail.segment(&[approval]).await;
    assert_eq!(trail.value("SELECT count(*) FROM events WHERE actor = 'cto'").await, json!(1));
}

#[tokio::test]
async fn steps_and_approvals_are_rows() {
    let mut trail = TestTrail::new();
    let records = examples();
    let approval = record(
        1,
        json!({"event_type": "workflow.approval", "approver": "cto", "status": "approved"}),
    );
    let object = record(2, json!({"approval": {"approver": "lead", "status": "declined"}}));
    let names = record(3, json!({"approval_chain": ["ann", "bob"]}));
    trail.segment(&records).await.unflushed(&[approval, object, names]);
    let steps = trail
        .rows(
            "SELECT workflow_id, step_index, step_name, outcome, duration_ms, decision_condition, \
             decision_evaluated_value, decision_result FROM workflow_steps ORDER BY step_index",
        )
        .await;
    assert_eq!(
        Value::from(steps),
        json!([
            {"workflow_id": "claim_approval_v3", "step_index": 0, "step_name": "validate_claim", "outcome": "success", "duration_ms": 812.0},
            {"workflow_id": "claim_approval_v3", "step_index": 1, "step_name": "score_claim", "outcome": "success", "duration_ms": 2203.0,
             "decision_condition": "fraud_score < 0.35", "decision_evaluated_value": "0.21", "decision_result": "true"},
            {"workflow_id": "claim_approval_v3", "step_index": 2, "step_name": "final", "outcome": "success", "duration_ms": 301.0},
        ])
    );
    let approvals = trail
        .rows("SELECT event_type, step_index, approver, approved_at, status FROM approvals ORDER BY audit_id DESC, step_index, event_type")
        .await;
    assert_eq!(
        Value::from(approvals),
        json!([
            {"event_type": "data.file_read", "step_index": 0, "approver": "ann"},
            {"event_type": "data.file_read", "step_index": 1, "approver": "bob"},
            {"event_type": "data.file_read", "approver": "lead", "status": "declined"},
            {"event_type": "workflow.approval", "approver": "cto", "approved_at": "2026-03-01T00:01:00Z", "status": "approved"},
            {"event_type": "agent.config_update", "step_index": 0, "approver": "security_lead", "approved_at": "2026-09-14T07:51:00Z"},
            {"event_type": "agent.config_update", "step_index": 1, "approver": "cto", "approved_at": "2026-09-14T07:54:30Z"},
        ])
    );
}

#[tokio::test]
async fn an_empty_trail_answers() {
    let mut trail = TestTrail::new();
    assert_eq!(trail.value("SELECT count(*) FROM events").await, json!(0));
    assert!(trail.rows("SELECT * FROM workflow_steps").await.is_empty());
    assert_eq!(trail.value("SELECT max(\"timestamp\") FROM records").await, Value::Null);
}

#[tokio::test]
async fn partitions_times_and_bounds_prune_segments() {
    let mut trail = TestTrail::new();
    for (month, day) in [(1, 5), (2, 5), (3, 5), (4, 5)] {
        let time = format!("2026-{month:02}-{day:02}T00:00:00.000Z");
        let records: Vec<Value> = (0..10)
            .map(|n| record(n, json!({"timestamp": time, "recorded_at": time, "audit_id": format!("m{month}_{n}"), "event_type": "auth.user_login"})))
            .collect();
        trail.segment(&records).await;
    }
    trail.segment(&(0..10).map(|n| record(n, json!({}))).collect::<Vec<_>>()).await;
    for (filter, files, count) in [
        ("domain = 'data'", 1, 10),
        ("domain IN ('data', 'auth')", 5, 50),
        ("domain = 'workflow' OR domain = 'data'", 1, 10),
        ("domain = 'workflow'", 0, 0),
        ("\"timestamp\" < '2026-02-01'", 1, 10),
        (
            "\"timestamp\" >= '2026-02-05T00:00:00Z' AND \"timestamp\" < '2026-03-05T00:00:00Z' AND domain = 'auth'",
            1,
            10,
        ),
        ("date_trunc('month', \"timestamp\") = '2026-04-01'", 5, 10),
        ("\"timestamp\" < timestamp '2026-05-01' - interval '60 days' AND domain = 'auth'", 2, 20),
        ("audit_id = 'm2_3'", 1, 1),
        ("audit_id IN ('m2_3', 'm4_1')", 2, 2),
        ("event_type = 'data.file_read'", 1, 10),
        ("event_type LIKE 'data.%'", 1, 10),
        ("recorded_at > '2026-04-01'", 1, 10),
    ] {
        let sql = format!("SELECT count(user_agent), count(*) AS n FROM events WHERE {filter}");
        assert_eq!(trail.rows(&sql).await[0]["n"], json!(count), "{filter}");
        let plan = trail.table(&format!("EXPLAIN {sql}")).await;
        assert_eq!(plan.matches(".parquet").count(), files, "{filter}\n{plan}");
    }
}

#[tokio::test]
async fn times_are_truncated_in_utc() {
    let mut trail = TestTrail::new();
    trail.segment(&examples()).await;
    for unit in ["microsecond", "second", "hour", "day", "week", "month", "quarter", "year"] {
        let sql = format!(
            "SELECT count(*) FROM events WHERE arrow_typeof(date_trunc('{unit}', \"timestamp\")) \
             <> arrow_typeof(\"timestamp\") OR date_trunc('{unit}', \"timestamp\") <> \
             CAST(date_trunc('{unit}', CAST(\"timestamp\" AS TIMESTAMP)) AS TIMESTAMPTZ)"
        );
        assert_eq!(trail.value(&sql).await, json!(0), "{unit}");
    }
    let day = "SELECT min(date_trunc('DAY', \"timestamp\")) FROM events";
    let first = "SELECT min(\"timestamp\") FROM events";
    let (day, first) = (trail.value(day).await, trail.value(first).await);
    assert_eq!(day.as_str().unwrap(), format!("{}T00:00:00Z", &first.as_str().unwrap()[..10]));
}
