//! One event, with the fields that chains are made of.

use std::borrow::Cow;

use sealtrail_core::json::parse_timestamp;
use serde_json::Value;

use crate::error::{QueryError, Result};
use crate::functions::outcome;

/// Event types that prove who somebody is.
pub(super) const LOGINS: [&str; 3] =
    ["auth.user_login", "auth.sso_callback", "auth.oauth_callback"];
/// Event types that begin a run of a workflow, or are the whole of it.
pub(super) const STARTS: [&str; 2] = ["workflow.started", "workflow.execution"];

/// A record as it was read.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) json: Value,
    pub(super) audit_id: String,
    pub(super) event_type: String,
    /// Microseconds since 1970.
    pub(super) at: i64,
    pub(super) recorded_at: i64,
}

impl Record {
    /// Reads the text of a record.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let json: Value = serde_json::from_str(text)
            .map_err(|error| QueryError::Execution(format!("a record is not JSON: {error}")))?;
        let field = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
        let time = |name: &str| parse_timestamp(&field(name), name).unwrap_or_default();
        let (audit_id, event_type) = (field("audit_id"), field("event_type"));
        let (at, recorded_at) = (time("timestamp"), time("recorded_at"));
        Ok(Self { audit_id, event_type, at, recorded_at, json })
    }

    /// What decides between records of one time: the recorder's clock, then the id.
    pub(super) fn order(&self) -> (i64, i64, &str) {
        (self.at, self.recorded_at, &self.audit_id)
    }

    pub(super) fn value(&self, path: &str) -> &Value {
        path.split('.').fold(&self.json, |value, key| &value[key])
    }

    /// The text at a path; none if it is empty or no text.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.value(path).as_str().filter(|text| !text.is_empty())
    }

    /// The first of these paths that holds text, with that text.
    pub(super) fn first<'a>(&self, paths: &[&'a str]) -> Option<(&'a str, &str)> {
        paths.iter().find_map(|path| Some((*path, self.text(path)?)))
    }

    /// Any scalar at a path, as text.
    pub(super) fn shown(&self, path: &str) -> Option<Cow<'_, str>> {
        shown(self.value(path))
    }

    /// The texts of an array.
    pub(super) fn texts(&self, path: &str) -> Vec<&str> {
        let items = self.value(path).as_array().map(Vec::as_slice).unwrap_or_default();
        items.iter().filter_map(Value::as_str).filter(|text| !text.is_empty()).collect()
    }

    pub(super) fn is_start(&self) -> bool {
        STARTS.contains(&self.event_type.as_str())
    }

    pub(super) fn domain(&self) -> &str {
        self.event_type.split('.').next().unwrap_or_default()
    }

    /// `success`, `failure`, `denied` or `unknown`.
    pub(super) fn outcome(&self) -> &'static str {
        let status = self.first(&["status", "result.status"]).map(|(_, status)| status);
        outcome(status)
    }

    /// Whether it came to nothing.
    pub(super) fn failed(&self) -> bool {
        matches!(self.outcome(), "failure" | "denied")
    }

    /// Whether it proves who its user is. One that does not say how it went counts.
    pub(super) fn is_login(&self) -> bool {
        LOGINS.contains(&self.event_type.as_str()) && !self.failed()
    }

    pub(super) fn session(&self) -> Option<(&'static str, &str)> {
        self.first(&["session_id", "user_context.session_id"])
    }

    /// The agent that acted; for `agent.spawned` the one that spawned.
    pub(super) fn agent(&self) -> Option<(&'static str, &str)> {
        if self.first(&["modified_by"]).is_some() || self.decider().is_some() {
            return None;
        }
        let spawned = self.event_type == "agent.spawned";
        self.first(if spawned { &["parent_agent_id"] } else { &["agent_id"] })
    }

    /// Who approved or overrode.
    pub(super) fn decider(&self) -> Option<(&'static str, &str)> {
        if self.domain() != "workflow" {
            return None;
        }
        self.first(&["overridden_by", "approver"])
    }

    /// Whom it was done for or by, where it names somebody.
    pub(super) fn user(&self) -> Option<(&'static str, &str)> {
        let named = self.decider().or_else(|| {
            self.first(&[
                "modified_by",
                "user_context.initiated_by",
                "authorized_by",
                "initiated_by",
                "user_id",
                "email",
            ])
        });
        // A credential that nobody is said to have made is its owner's.
        named.or_else(|| self.first(&["owner", "issued_to"]).filter(|_| self.domain() == "auth"))
    }

    /// Who did it, as the column `actor` of the view `events` says.
    pub(super) fn actor(&self) -> Option<&str> {
        self.first(&["modified_by"])
            .or_else(|| self.decider())
            .or_else(|| self.agent())
            .or_else(|| {
                self.first(&[
                    "agent_id",
                    "user_id",
                    "initiated_by",
                    "user_context.initiated_by",
                    "email",
                    "credential_id",
                ])
            })
            .map(|(_, who)| who)
    }
}

/// A scalar as text; none for `null`. Objects and arrays are their JSON.
pub(super) fn shown(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(Cow::Borrowed(text)),
        other => Some(Cow::Owned(other.to_string())),
    }
}
