//! Records as events of the Open Cybersecurity Schema Framework (OCSF), for security lakes.
//!
//! [`MAPPINGS`] says which class and activity an event type becomes; [`markdown_table`] is the same
//! for people. What has no place in the class goes to `unmapped`, so nothing is lost but form.

mod event;
mod schema;

pub(crate) use event::{Event, event};
pub(crate) use schema::decode;

/// The version of the schema that events are of.
pub const VERSION: &str = "1.3.0";

/// A class of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Class {
    /// `class_uid`.
    pub uid: i64,
    /// `class_name`.
    pub name: &'static str,
    /// `category_name`; its number is the thousands of `uid`.
    pub category: &'static str,
}

const fn class(uid: i64, name: &'static str, category: &'static str) -> Class {
    Class { uid, name, category }
}

const BASE: Class = class(0, "Base Event", "Uncategorized");
const FILE: Class = class(1001, "File System Activity", "System Activity");
const FINDING: Class = class(2004, "Detection Finding", "Findings");
const ACCOUNT: Class = class(3001, "Account Change", IAM);
const AUTHENTICATION: Class = class(3002, "Authentication", IAM);
const ENTITY: Class = class(3004, "Entity Management", IAM);
const ACCESS: Class = class(3005, "User Access Management", IAM);
const LIFECYCLE: Class = class(6002, "Application Lifecycle", APPLICATION);
const API: Class = class(6003, "API Activity", APPLICATION);
const DATASTORE: Class = class(6005, "Datastore Activity", APPLICATION);
const IAM: &str = "Identity & Access Management";
const APPLICATION: &str = "Application Activity";

/// What an event type becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mapping {
    /// The event type; `domain.*` is for those of a domain that are not listed.
    pub event_type: &'static str,
    /// The class.
    pub class: Class,
    /// `activity_id`; 99 stands for another one, named by the event type.
    pub activity: i64,
    /// `activity_name`.
    pub activity_name: &'static str,
}

const fn map(
    event_type: &'static str,
    class: Class,
    activity: i64,
    activity_name: &'static str,
) -> Mapping {
    Mapping { event_type, class, activity, activity_name }
}

/// All mappings.
pub const MAPPINGS: [Mapping; 64] = [
    map("auth.user_login", AUTHENTICATION, 1, "Logon"),
    map("auth.user_logout", AUTHENTICATION, 2, "Logoff"),
    map("auth.sso_attempt", AUTHENTICATION, 1, "Logon"),
    map("auth.sso_callback", AUTHENTICATION, 1, "Logon"),
    map("auth.oauth_attempt", AUTHENTICATION, 1, "Logon"),
    map("auth.oauth_callback", AUTHENTICATION, 1, "Logon"),
    map("auth.mfa_failure", AUTHENTICATION, 1, "Logon"),
    map("auth.api_key_created", ACCOUNT, 99, "Other"),
    map("auth.api_key_rotated", ACCOUNT, 99, "Other"),
    map("auth.api_key_revoked", ACCOUNT, 99, "Other"),
    map("auth.temp_credential_issued", ACCOUNT, 99, "Other"),
    map("auth.temp_credential_expired", ACCOUNT, 99, "Other"),
    map("auth.mfa_setup", ACCOUNT, 10, "MFA Factor Enable"),
    map("auth.mfa_reset", ACCOUNT, 11, "MFA Factor Disable"),
    map("auth.permission_granted", ACCESS, 1, "Assign Privileges"),
    map("auth.permission_revoked", ACCESS, 2, "Revoke Privileges"),
    map("auth.*", AUTHENTICATION, 99, "Other"),
    map("agent.created", ENTITY, 1, "Create"),
    map("agent.config_update", ENTITY, 3, "Update"),
    map("agent.tool_permission_change", ENTITY, 3, "Update"),
    map("agent.version_changed", ENTITY, 3, "Update"),
    map("agent.rolled_back", ENTITY, 3, "Update"),
    map("agent.deleted", ENTITY, 4, "Delete"),
    map("agent.suspended", ENTITY, 12, "Suspend"),
    map("agent.deployed", LIFECYCLE, 1, "Install"),
    map("agent.spawned", LIFECYCLE, 3, "Start"),
    map("agent.stopped", LIFECYCLE, 4, "Stop"),
    map("agent.*", ENTITY, 99, "Other"),
    map("data.file_read", FILE, 2, "Read"),
    map("data.file_write", FILE, 3, "Update"),
    map("data.file_delete", FILE, 4, "Delete"),
    map("data.download", FILE, 2, "Read"),
    map("data.db_query", DATASTORE, 4, "Query"),
    map("data.export", DATASTORE, 1, "Read"),
    map("data.transform", DATASTORE, 2, "Update"),
    map("data.filter", DATASTORE, 1, "Read"),
    map("data.api_call", API, 99, "Other"),
    map("data.batch_job", API, 99, "Other"),
    map("data.*", API, 99, "Other"),
    map("workflow.started", LIFECYCLE, 3, "Start"),
    map("workflow.completed", LIFECYCLE, 4, "Stop"),
    map("workflow.execution", API, 99, "Other"),
    map("workflow.approval", API, 99, "Other"),
    map("workflow.decision", API, 99, "Other"),
    map("workflow.override", API, 99, "Other"),
    map("workflow.callback", API, 99, "Other"),
    map("workflow.error", API, 99, "Other"),
    map("workflow.resource_usage", API, 99, "Other"),
    map("workflow.retry", API, 99, "Other"),
    map("workflow.state_transition", API, 99, "Other"),
    map("workflow.step_completed", API, 99, "Other"),
    map("workflow.*", API, 99, "Other"),
    map("system.security_alert", FINDING, 1, "Create"),
    map("system.access_violation", FINDING, 1, "Create"),
    map("system.config_change", ENTITY, 3, "Update"),
    map("system.integration_change", ENTITY, 3, "Update"),
    map("system.credential_rotated", ACCOUNT, 99, "Other"),
    map("system.audit_access", DATASTORE, 4, "Query"),
    map("system.audit_deletion", DATASTORE, 7, "Delete"),
    map("system.backup", DATASTORE, 1, "Read"),
    map("system.restore", DATASTORE, 5, "Write"),
    map("system.error", BASE, 99, "Other"),
    map("system.*", BASE, 99, "Other"),
    map("*", BASE, 99, "Other"),
];

/// What an event type becomes.
pub fn mapping(event_type: &str) -> Mapping {
    let domain = event_type.split('.').next().unwrap_or_default();
    let exact = MAPPINGS.iter().find(|mapping| mapping.event_type == event_type);
    let of_domain =
        || MAPPINGS.iter().find(|mapping| mapping.event_type.strip_suffix(".*") == Some(domain));
    let any = MAPPINGS[MAPPINGS.len() - 1];
    exact.or_else(of_domain).copied().unwrap_or(any)
}

/// The mappings as a table for documents.
pub fn markdown_table() -> String {
    let mut out = String::from("| event type | class | activity |\n|---|---|---|\n");
    for Mapping { event_type, class, activity, activity_name } in MAPPINGS {
        out += &format!(
            "| `{event_type}` | {} {} | {activity} {activity_name} |\n",
            class.uid, class.name
        );
    }
    out
}

#[cfg(test)]
mod tests;
