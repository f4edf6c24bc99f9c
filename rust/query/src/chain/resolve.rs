//! What an id is the id of.

use super::fetch::{Source, text};
use super::kind::Kind;
use crate::error::Result;

/// Fields that hold ids of a kind, as SQL, with a further condition.
const FIELDS: [(&str, &str, &str); 19] = [
    ("audit", "audit_id", ""),
    ("execution", "execution_id", ""),
    ("execution", "parent_execution", ""),
    ("session", "session_id", ""),
    ("session", "user_context_session_id", ""),
    ("agent", "agent_id", ""),
    ("agent", "parent_agent_id", ""),
    ("credential", "credential_id", ""),
    ("credential", "attrs ->> 'api_key_id'", "domain = 'auth'"),
    ("credential", "attrs ->> 'issued_credential_id'", "domain = 'auth'"),
    ("user", "user_id", ""),
    ("user", "email", ""),
    ("user", "user_context_initiated_by", ""),
    (ANYBODY, "initiated_by", ""),
    (ANYBODY, "modified_by", ""),
    (ANYBODY, "authorized_by", ""),
    (ANYBODY, "approver", ""),
    (ANYBODY, "owner", ""),
    (ANYBODY, "json_get_str(attrs, 'delegation_chain', 0)", SPAWNED),
];

const SPAWNED: &str = "domain = 'agent' AND event_type = 'agent.spawned'";

/// Fields that may name a user or an agent.
const ANYBODY: &str = "anybody";

/// All kinds of which there is something with this id; if `asked`, that one or none.
pub(super) async fn kinds(source: &Source<'_>, id: &str, asked: Option<Kind>) -> Result<Vec<Kind>> {
    let wanted = |kind: &str| match asked {
        None => true,
        Some(Kind::User) => kind == "user" || kind == ANYBODY,
        Some(asked) => kind == asked.name(),
    };
    let selects: Vec<String> = FIELDS
        .iter()
        .filter(|(kind, _, _)| wanted(kind))
        .map(|(kind, field, also)| {
            let also = if also.is_empty() { String::new() } else { format!(" AND {also}") };
            format!(
                "(SELECT '{kind}' AS kind, 'x' AS x FROM records WHERE {field} = $1{also} LIMIT 1)"
            )
        })
        .collect();
    let found = source.pairs(&selects.join(" UNION ALL "), vec![text(id)]).await?;
    let has = |name: &str| found.iter().any(|(kind, _)| kind == name);
    let fits = |kind: &Kind| match kind {
        // Who only ever starts, changes or approves things is taken for a user unless an agent.
        Kind::User => has("user") || has(ANYBODY) && (asked.is_some() || !has("agent")),
        kind => has(kind.name()),
    };
    Ok(Kind::ALL.into_iter().filter(fits).collect())
}
