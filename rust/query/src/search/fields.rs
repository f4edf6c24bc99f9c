//! The logical fields: which paths of a record tell one fact.
//!
//! Filters, `--help` and the documentation are made from this one table.

use std::fmt::Write;

/// Something that can be searched for, wherever in a record it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogicalField {
    /// Its name in Python and in filters; the flag has `-` for `_`.
    pub name: &'static str,
    /// One line that says what it is.
    pub about: &'static str,
    /// Where it stands, those that matter most first.
    pub places: &'static [Place],
    /// How its values compare.
    pub kind: FieldKind,
}

/// Where in a record a fact stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Dotted path; `[]` after a name stands for each element of the array there.
    pub path: &'static str,
    /// The only domain whose events tell the fact here; any if `None`.
    pub domain: Option<&'static str>,
}

/// How the values of a logical field compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// As text.
    Text,
    /// As text, or as an address that lies in a network.
    Address,
    /// As text, or by the outcome (`success`, `failure`, `denied`, `unknown`) behind the word.
    Status,
}

const fn at(path: &'static str) -> Place {
    Place { path, domain: None }
}

const fn of(domain: &'static str, path: &'static str) -> Place {
    Place { path, domain: Some(domain) }
}

const fn text(name: &'static str, about: &'static str, places: &'static [Place]) -> LogicalField {
    LogicalField { name, about, places, kind: FieldKind::Text }
}

/// Every logical field.
pub const FIELDS: [LogicalField; 16] = [
    text(
        "user_id",
        "who acted, for whom it was done, who allowed or asked for it, or whom it is about",
        &[
            at("user_id"),
            at("email"),
            at("user_context.initiated_by"),
            at("initiated_by"),
            at("modified_by"),
            at("authorized_by"),
            at("approver"),
            at("owner"),
            of("workflow", "overridden_by"),
            of("workflow", "requested_by"),
            of("auth", "grantee"),
            of("auth", "issued_to"),
            of("agent", "delegation_chain[]"),
            of("agent", "approval_chain[].approver"),
            of("workflow", "approval_chain[].approver"),
            of("system", "approval_chain[].approver"),
        ],
    ),
    text(
        "agent_id",
        "the agent that acted, that spawned it, or that it is about",
        &[
            at("agent_id"),
            at("parent_agent_id"),
            of("workflow", "requested_by"),
            of("auth", "grantee"),
            of("auth", "issued_to"),
            of("agent", "delegation_chain[]"),
        ],
    ),
    text(
        "credential_id",
        "the key or token that was used, made, replaced or revoked",
        &[
            at("credential_id"),
            of("auth", "api_key_id"),
            of("auth", "previous_api_key_id"),
            of("auth", "issued_credential_id"),
            of("system", "rotated_credential_id"),
            of("system", "previous_credential_id"),
        ],
    ),
    LogicalField {
        name: "who",
        about: "any of user, agent, credential, session and address",
        places: &[
            at("user_id"),
            at("email"),
            at("user_context.initiated_by"),
            at("initiated_by"),
            at("modified_by"),
            at("authorized_by"),
            at("approver"),
            at("owner"),
            at("agent_id"),
            at("parent_agent_id"),
            at("credential_id"),
            at("session_id"),
            at("user_context.session_id"),
            at("source_ip"),
            of("workflow", "overridden_by"),
            of("workflow", "requested_by"),
            of("auth", "grantee"),
            of("auth", "issued_to"),
            of("auth", "api_key_id"),
            of("auth", "previous_api_key_id"),
            of("auth", "issued_credential_id"),
            of("system", "rotated_credential_id"),
            of("system", "previous_credential_id"),
            of("agent", "delegation_chain[]"),
            of("agent", "approval_chain[].approver"),
            of("workflow", "approval_chain[].approver"),
            of("system", "approval_chain[].approver"),
        ],
        kind: FieldKind::Address,
    },
    text("session_id", "the session", &[at("session_id"), at("user_context.session_id")]),
    text(
        "execution_id",
        "the run of a workflow, or the run that started it",
        &[at("execution_id"), at("parent_execution")],
    ),
    text("event_type", "domain.action, such as data.file_read", &[at("event_type")]),
    text("domain", "auth, agent, data, workflow or system", &[at("domain")]),
    LogicalField {
        name: "status",
        about: "the source's word, or the outcome behind it: success, failure, denied, unknown",
        places: &[at("status"), at("result.status"), at("outcome")],
        kind: FieldKind::Status,
    },
    text("result_code", "the source's code for the outcome", &[at("result_code")]),
    text("sensitivity_level", "how sensitive the resource is", &[at("resource.sensitivity_level")]),
    text(
        "classification",
        "the resource's class in the caller's own scheme",
        &[at("resource.classification")],
    ),
    LogicalField {
        name: "source_ip",
        about: "the network address that it came from; a network such as 203.0.113.0/24 too",
        places: &[at("source_ip")],
        kind: FieldKind::Address,
    },
    text(
        "resource",
        "path, URL, table or ARN of what was touched, or where it went",
        &[
            at("resource.path"),
            at("endpoint"),
            of("data", "destination"),
            of("system", "destination"),
            of("data", "inputs[]"),
            of("data", "outputs[]"),
        ],
    ),
    text("tool", "the tool that the agent called", &[at("tool_name")]),
    text("audit_id", "the record's id", &[at("audit_id")]),
];

/// The logical field of this name; `-` counts as `_`.
pub fn field(name: &str) -> Option<&'static LogicalField> {
    let name = name.replace('-', "_");
    FIELDS.iter().find(|field| field.name == name)
}

impl LogicalField {
    /// The paths as people read them: `user_id, email, grantee (auth)`.
    pub fn places_text(&self) -> String {
        let mut out = String::new();
        for (index, place) in self.places.iter().enumerate() {
            // Writing to a String cannot fail.
            let _ = write!(out, "{}{}", if index == 0 { "" } else { ", " }, place.path);
            if let Some(domain) = place.domain {
                let _ = write!(out, " ({domain})");
            }
        }
        out
    }
}

/// The table as Markdown, for the documentation.
pub fn markdown_table() -> String {
    let mut out = String::from("| field | what | where |\n|---|---|---|\n");
    for field in FIELDS {
        let places: Vec<String> = field
            .places
            .iter()
            .map(|place| match place.domain {
                Some(domain) => format!("`{}` ({domain})", place.path),
                None => format!("`{}`", place.path),
            })
            .collect();
        let _ = writeln!(out, "| `{}` | {} | {} |", field.name, field.about, places.join(", "));
    }
    out
}

#[cfg(test)]
#[path = "fields_tests.rs"]
mod tests;
