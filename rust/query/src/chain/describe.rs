//! What an event says, for a reader of the chain.

use std::sync::Arc;

use serde_json::Value;

use super::model::{Approval, Decision, EventFacts, Resource, Step};
use super::record::{Record, shown};
use super::time::rfc3339;

/// What an event says; permissions are added by others.
pub(super) fn facts(record: &Record) -> EventFacts {
    let actor = record.actor().map(str::to_owned);
    let user = record.user().map(|(_, user)| user.to_owned());
    EventFacts {
        event_type: record.event_type.clone(),
        timestamp: rfc3339(record.at),
        user: user.filter(|user| Some(user) != actor.as_ref()),
        actor,
        source_ip: record.text("source_ip").map(str::to_owned),
        outcome: record.outcome(),
        summary: summary(record),
        tool: record.text("tool_name").map(str::to_owned),
        resource: resource(record),
        error: error(record),
        steps: steps(record),
        permissions: Arc::default(),
        after_permission_ended: Vec::new(),
    }
}

fn resource(record: &Record) -> Option<Resource> {
    let (_, path) = record.first(&["resource.path", "endpoint"])?;
    let text = |path: &str| record.text(path).map(str::to_owned);
    Some(Resource {
        path: path.to_owned(),
        kind: text("resource.type"),
        sensitivity_level: text("resource.sensitivity_level"),
        classification: text("resource.classification"),
    })
}

fn error(record: &Record) -> Option<String> {
    let said = record.first(&["error_message", "result.error_message", "error"]);
    if let Some((_, message)) = said {
        return Some(message.to_owned());
    }
    if !record.failed() {
        return None;
    }
    let words = ["result_code", "status", "result.status", "reason"];
    let words = words.iter().filter_map(|path| record.text(path));
    Some(words.collect::<Vec<_>>().join(", "))
}

/// The object of the event in a few words.
fn summary(record: &Record) -> String {
    let paths: &[&str] = match record.event_type.as_str() {
        "agent.spawned" => &["agent_id", "task"],
        "workflow.approval" => &["status", "step_name", "reason"],
        "workflow.override" | "workflow.error" => &["step_name", "reason", "error_message"],
        "workflow.resource_usage" => &["model", "tokens_used"],
        _ if record.domain() == "workflow" => &["workflow_id", "step_name", "to_state", "status"],
        _ if record.domain() == "auth" => {
            &["grantee", "role", "issued_credential_id", "api_key_id", "login_method", "status"]
        }
        _ if record.domain() == "agent" => &["agent_id", "change_type", "to_version", "reason"],
        _ => &["tool_name", "resource.path", "endpoint", "setting", "rule", "destination"],
    };
    let mut words: Vec<_> = paths.iter().filter_map(|path| record.shown(path)).collect();
    words.dedup();
    words.join(" ")
}

/// The steps of a run with their decisions; of another event its decision.
fn steps(record: &Record) -> Vec<Step> {
    let listed = record.value("workflow_steps").as_array();
    if let Some(steps) = listed.filter(|steps| !steps.is_empty()) {
        return steps.iter().zip(0u64..).map(|(value, index)| step(value, Some(index))).collect();
    }
    let only = step(&record.json, record.value("step_index").as_u64());
    if only.decision.is_some() || record.event_type == "workflow.step_completed" {
        return vec![only];
    }
    Vec::new()
}

fn step(value: &Value, index: Option<u64>) -> Step {
    Step {
        index,
        name: shown(&value["step_name"]).map(Into::into),
        status: shown(&value["status"]).map(Into::into),
        duration_ms: value["duration_ms"].as_f64(),
        decision: decision(&value["decision"]),
    }
}

fn decision(value: &Value) -> Option<Decision> {
    if value.is_null() {
        return None;
    }
    if !value.is_object() {
        let nothing = Value::Null;
        return Some(Decision {
            result: value.clone(),
            condition: nothing.clone(),
            evaluated_value: nothing.clone(),
            threshold: nothing.clone(),
            recommendation: nothing.clone(),
            confidence: nothing,
        });
    }
    Some(Decision {
        condition: value["condition"].clone(),
        evaluated_value: value["evaluated_value"].clone(),
        result: value["result"].clone(),
        threshold: value["threshold"].clone(),
        recommendation: value["recommendation"].clone(),
        confidence: value["confidence"].clone(),
    })
}

/// The approvals that an event holds, or is.
pub(super) fn approvals(record: &Record) -> Vec<Approval> {
    let mut found = Vec::new();
    let mut add = |value: &Value, field: &'static str| {
        let approver = value.as_str().or_else(|| value["approver"].as_str());
        let Some(approver) = approver.filter(|name| !name.is_empty()) else { return };
        let text = |key: &str| value[key].as_str().map(str::to_owned);
        found.push(Approval {
            approver: approver.to_owned(),
            status: text("status"),
            at: text("timestamp"),
            audit_id: record.audit_id.clone(),
            field,
        });
    };
    let chain = record.value("approval_chain").as_array();
    chain.into_iter().flatten().for_each(|entry| add(entry, "approval_chain"));
    add(record.value("approval"), "approval");
    if record.event_type == "workflow.approval" {
        add(&record.json, "approver");
    }
    found
}
