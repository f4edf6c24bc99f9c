//! Permissions in force, what came after their end, approvals and decisions.

use sealtrail_query::chain::{Ended, TraceOptions, execution_chain};
use serde_json::{Value, json};

use crate::*;

fn granted(id: &str, minute: u32, who: &str, scope: &str) -> Value {
    event(id, minute, "auth.permission_granted", json!({"grantee": who, "scopes": [scope]}))
}

fn revoked(id: &str, minute: u32, who: &str, scope: &str) -> Value {
    event(id, minute, "auth.permission_revoked", json!({"grantee": who, "scopes": [scope]}))
}

fn permissions(trace: &Trace, name: &str) -> Vec<String> {
    let event = node(trace, name).event.as_ref().unwrap();
    let shown = |p: &sealtrail_query::chain::InForce| format!("{} by {}", p.permission, p.audit_id);
    event.permissions.iter().map(shown).collect()
}

fn ended<'a>(trace: &'a Trace, name: &str) -> Vec<(&'static str, &'a str, &'a str, &'static str)> {
    let event = node(trace, name).event.as_ref().unwrap();
    let shown = |e: &'a Ended| (e.what, e.name.as_str(), e.audit_id.as_str(), e.basis);
    event.after_permission_ended.iter().map(shown).collect()
}

#[tokio::test]
async fn an_action_after_its_permission_was_revoked_is_marked() {
    let events_ = [
        granted("g", 0, "a", "s3:read-claims"),
        granted("h", 1, "a", "s3:write-claims"),
        read("before", 2, "a", json!({})),
        revoked("r", 3, "a", "s3:read-claims"),
        read("after", 4, "a", json!({})),
        event("wrote", 5, "data.file_write", json!({"agent_id": "a", "resource": {"path": "/w"}})),
        granted("again", 6, "a", "s3:read-claims"),
        read("fine", 7, "a", json!({})),
    ];
    let trace = traced(&events_, "a").await;
    assert_eq!(permissions(&trace, "before"), ["s3:read-claims by g", "s3:write-claims by h"]);
    assert_eq!(permissions(&trace, "after"), ["s3:write-claims by h"]);
    assert_eq!(ended(&trace, "before"), []);
    assert_eq!(ended(&trace, "after"), [("permission", "s3:read-claims", "r", "verb")]);
    assert_eq!(ended(&trace, "wrote"), []);
    assert_eq!(ended(&trace, "fine"), []);
    assert_eq!(trace.after_permission_ended, 1);
}

#[tokio::test]
async fn tools_names_and_resources_tell_which_permission_was_needed() {
    let tools = |id: &str, minute, granted: &[&str], revoked: &[&str]| {
        let change = json!({"granted": granted, "revoked": revoked});
        let facts = json!({"agent_id": "a", "modified_by": "root", "tool_permissions": change});
        event(id, minute, "agent.tool_permission_change", facts)
    };
    let on = |id: &str, minute, event_type: &str| {
        let facts = json!({"grantee": "a", "role": "r", "resource": {"path": "/claims/*"}});
        event(id, minute, event_type, facts)
    };
    let events_ = [
        tools("t1", 0, &["Bash(git:*)", "Read"], &[]),
        on("o1", 0, "auth.permission_granted"),
        tools("t2", 1, &[], &["Bash(git:*)"]),
        on("o2", 1, "auth.permission_revoked"),
        event(
            "bash",
            2,
            "data.api_call",
            json!({"agent_id": "a", "tool_name": "Bash", "endpoint": "e"}),
        ),
        event(
            "file",
            3,
            "data.file_read",
            json!({"agent_id": "a", "tool_name": "Cat", "resource": {"path": "/claims/1"}}),
        ),
        event(
            "named",
            4,
            "data.export",
            json!({"agent_id": "a", "required_permission": "Bash(git:*)", "resource": {"path": "/"}}),
        ),
        event(
            "tool",
            5,
            "data.file_read",
            json!({"agent_id": "a", "tool_name": "Read", "resource": {"path": "/claims/2"}}),
        ),
    ];
    let trace = traced(&events_, "a").await;
    assert_eq!(ended(&trace, "bash"), [("permission", "Bash(git:*)", "t2", "tool")]);
    assert_eq!(ended(&trace, "file"), [("permission", "role:r on /claims/*", "o2", "resource")]);
    assert_eq!(ended(&trace, "named"), [("permission", "Bash(git:*)", "t2", "named")]);
    assert_eq!(ended(&trace, "tool"), []);
}

#[tokio::test]
async fn clock_ties_are_decided_by_the_recorder_then_the_id() {
    let mut late = revoked("r", 1, "a", "s3:read");
    late["recorded_at"] = json!("2026-03-01T10:01:30.000Z");
    let tied = [granted("g", 0, "a", "s3:read"), late, read("act", 1, "a", json!({}))];
    assert_eq!(ended(&traced(&tied, "a").await, "act"), []);
    let tied = [
        granted("g", 0, "a", "s3:read"),
        revoked("aa", 1, "a", "s3:read"),
        read("act", 1, "a", json!({})),
        read("a0", 1, "a", json!({})),
    ];
    let trace = traced(&tied, "a").await;
    assert_eq!(ended(&trace, "act"), [("permission", "s3:read", "aa", "verb")]);
    assert_eq!(ended(&trace, "a0"), []);
}

#[tokio::test]
async fn a_spawn_gives_its_scope_to_its_own_agent_only() {
    let events_ = [
        spawned("s1", 0, "p", "h", json!({"session_id": "s1", "scope": ["one"]})),
        spawned("s2", 1, "p", "h", json!({"session_id": "s2", "scope": ["two"]})),
        read("first", 2, "h", json!({"session_id": "s1"})),
        read("second", 3, "h", json!({"session_id": "s2"})),
    ];
    let trace = traced(&events_, "h").await;
    assert_eq!(permissions(&trace, "first"), ["one by s1"]);
    assert_eq!(permissions(&trace, "second"), ["two by s2"]);
}

#[tokio::test]
async fn suspended_agents_dead_credentials_and_ended_sessions_are_marked() {
    let events_ = [
        login("in", 0, "mira", json!({"session_id": "s"})),
        event(
            "issue",
            0,
            "auth.temp_credential_issued",
            json!({"issued_to": "mira", "issued_credential_id": "tmp", "ttl_seconds": 300}),
        ),
        event("key", 0, "auth.api_key_created", json!({"owner": "mira", "api_key_id": "k"})),
        read("ok", 1, "a", json!({"session_id": "s", "credential_id": "tmp"})),
        event("stop", 2, "agent.suspended", json!({"agent_id": "a", "modified_by": "root"})),
        event("dead", 2, "auth.api_key_revoked", json!({"api_key_id": "k"})),
        read("held", 3, "a", json!({"session_id": "s"})),
        event("go", 4, "agent.deployed", json!({"agent_id": "a", "modified_by": "root"})),
        read("late", 6, "a", json!({"session_id": "s", "credential_id": "tmp"})),
        event(
            "keyed",
            7,
            "data.export",
            json!({"user_id": "mira", "credential_id": "k", "resource": {"path": "/"}}),
        ),
        event("out", 8, "auth.user_logout", json!({"user_id": "mira", "session_id": "s"})),
        read("ghost", 9, "a", json!({"session_id": "s"})),
    ];
    let trace = traced(&events_, "mira").await;
    assert_eq!(ended(&trace, "ok"), []);
    assert_eq!(ended(&trace, "held"), [("agent", "a", "stop", "used")]);
    assert_eq!(ended(&trace, "late"), [("credential", "tmp", "issue", "used")]);
    assert_eq!(ended(&trace, "keyed"), [("credential", "k", "dead", "used")]);
    assert_eq!(ended(&trace, "ghost"), [("session", "s", "out", "used")]);
    assert_eq!(ended(&trace, "out"), []);
}

/// A run with decisions, an approval and an error.
fn run() -> Vec<Value> {
    let steps = json!([
        {"step_name": "check", "status": "success", "duration_ms": 812, "decision": null},
        {"step_name": "score", "status": "success", "duration_ms": 2203.5,
         "decision": {"condition": "fraud_score < 0.35", "result": true, "evaluated_value": 0.21}},
    ]);
    vec![
        event(
            "approved",
            0,
            "workflow.approval",
            json!({"execution_id": "x", "approver": "lead", "status": "approved"}),
        ),
        event(
            "whole",
            1,
            "workflow.execution",
            json!({"execution_id": "x", "initiated_by": "mira", "workflow_id": "w",
                   "workflow_steps": steps,
                   "approval_chain": [{"approver": "cto", "timestamp": "2026-03-01T09:00:00Z"}]}),
        ),
        event(
            "failed",
            2,
            "workflow.error",
            json!({"execution_id": "x", "error_message": "no route", "status": "error"}),
        ),
        event(
            "kid",
            3,
            "workflow.execution",
            json!({"execution_id": "y", "parent_execution": "x",
                   "decision": {"condition": "n > 1", "evaluated_value": 2, "result": "go"}}),
        ),
    ]
}

#[tokio::test]
async fn runs_show_decisions_approvals_and_errors() {
    let trace = traced(&run(), "x").await;
    let whole = node(&trace, "whole").event.as_ref().unwrap();
    assert_eq!(whole.steps.len(), 2);
    let decision = serde_json::to_value(&whole.steps[1].decision).unwrap();
    let wanted =
        json!({"condition": "fraud_score < 0.35", "evaluated_value": 0.21, "result": true});
    assert_eq!(decision, wanted);
    let approvers = |name: &str| -> Vec<(&str, &str)> {
        let approvals = &node(&trace, name).approvals;
        approvals.iter().map(|a| (a.approver.as_str(), a.field)).collect()
    };
    assert_eq!(approvers("x"), [("lead", "approver"), ("cto", "approval_chain")]);
    assert_eq!(approvers("whole"), [("cto", "approval_chain")]);
    assert_eq!(node(&trace, "failed").event.as_ref().unwrap().error.as_deref(), Some("no route"));
    assert_eq!(trace.errors, 1);
    // Who approved has it in their chain, too.
    assert_eq!(events(&traced(&run(), "lead").await), ["approved"]);
}

#[tokio::test]
async fn a_run_is_a_table_of_events_and_steps() {
    let mut trail = trail(&run()).await;
    let (table, cut) = execution_chain(&source(&mut trail), "x").await.unwrap().unwrap();
    assert!(!cut);
    let mut writer = arrow::json::ArrayWriter::new(Vec::new());
    writer.write_batches(&[&table]).unwrap();
    writer.finish().unwrap();
    let rows: Vec<Value> = serde_json::from_slice(&writer.into_inner()).unwrap();
    let short = |row: &Value| {
        let text = |key: &str| row[key].as_str().unwrap_or("-").to_owned();
        format!(
            "{} {} {} {} < {}",
            row["depth"],
            text("kind"),
            text("audit_id"),
            text("step_name"),
            text("parent")
        )
    };
    let shown: Vec<String> = rows.iter().map(short).collect();
    let wanted = [
        "1 event approved - < execution x",
        "1 event whole - < execution x",
        "2 step whole check < whole",
        "2 step whole score < whole",
        "1 event failed - < execution x",
        "2 event kid - < execution y",
        "3 step kid - < kid",
    ];
    assert_eq!(shown, wanted);
    assert_eq!(rows[3]["decision_condition"], "fraud_score < 0.35");
    assert_eq!(rows[3]["decision_evaluated_value"], "0.21");
    assert_eq!(rows[3]["decision_result"], "true");
    assert_eq!(rows[3]["duration_ms"], 2203.5);
    assert_eq!(rows[0]["approved_by"], "lead");
    assert_eq!(rows[4]["error"], "no route");
    assert!(execution_chain(&source(&mut trail), "nothing").await.unwrap().is_none());
}

#[tokio::test]
async fn resources_are_counted() {
    let events_ = [
        read("r1", 0, "a", json!({"resource": {"path": "/x", "sensitivity_level": "pii"}})),
        read("r2", 1, "a", json!({"resource": {"path": "/y"}})),
        event("w", 2, "data.file_write", json!({"agent_id": "a", "resource": {"path": "/x"}})),
    ];
    let trace = traced_with(&events_, "a", TraceOptions::default()).await;
    let resources = serde_json::to_value(&trace.resources).unwrap();
    let x = json!({"path": "/x", "sensitivity_level": "pii",
                   "actions": ["file_read", "file_write"], "events": 2});
    assert_eq!(resources, json!([x, {"path": "/y", "actions": ["file_read"], "events": 1}]));
}
