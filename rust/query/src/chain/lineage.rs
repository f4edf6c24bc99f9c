//! Reads where agents, runs, sessions, users and credentials come from: one statement a round.

use std::collections::BTreeSet;

use super::fetch::{Fetched, Limits, Parts, Source, placeholders, text};
use super::known::{CREDENTIAL_FIELDS, Known, Needs};
use crate::error::Result;

/// Events that say where an agent comes from and what it may do.
const AGENT_LIFE: &str = "domain = 'agent' AND event_type IN ('agent.spawned', 'agent.created', \
    'agent.config_update', 'agent.tool_permission_change', 'agent.suspended', 'agent.deleted', \
    'agent.deployed')";
const SIGN_IN: &str = "domain = 'auth' AND event_type IN ('auth.user_login', 'auth.user_logout', \
    'auth.sso_callback', 'auth.oauth_callback')";
const RIGHTS: &str = "domain = 'auth' AND event_type IN ('auth.permission_granted', \
    'auth.permission_revoked')";
const CREDENTIALS: &str = "domain = 'auth' AND event_type IN ('auth.api_key_created', \
    'auth.api_key_rotated', 'auth.api_key_revoked', 'auth.temp_credential_issued', \
    'auth.temp_credential_expired')";
const ROTATED: &str = "domain = 'system' AND event_type = 'system.credential_rotated'";
const RUN: &str = "domain = 'workflow' AND (event_type IN ('workflow.started', \
    'workflow.execution', 'workflow.approval', 'workflow.override') \
    OR parent_execution IS NOT NULL)";

/// Events of one part that lineage reads at most, such as logins and logouts of all users at hand.
pub(super) const MOST: usize = 200_000;

/// Reads what is needed next. False when nothing was.
pub(super) async fn read(source: &Source<'_>, known: &mut Known) -> Result<bool> {
    let needs = std::mem::take(&mut known.needs);
    if needs.is_empty() {
        return Ok(false);
    }
    let mut parts = Parts::default();
    add(&needs, &mut parts);
    let limits = Limits { rows: MOST, since: None, until: None };
    let Fetched { records, cut } = source.fetch(&parts, limits).await?;
    known.cut |= cut;
    for record in records {
        known.learn(record);
    }
    unstarted(source, known, &needs).await?;
    known.read.names.extend(needs.names);
    known.read.executions.extend(needs.executions);
    known.read.sessions.extend(needs.sessions);
    known.read.credentials.extend(needs.credentials);
    Ok(true)
}

fn add(needs: &Needs, parts: &mut Parts) {
    parts.add(&["agent_id"], &needs.names, AGENT_LIFE);
    parts.add(&["user_id", "email"], &needs.names, SIGN_IN);
    parts.add(&["attrs ->> 'grantee'"], &needs.names, RIGHTS);
    parts.add(&["execution_id"], &needs.executions, RUN);
    parts.add(&["session_id"], &needs.sessions, SIGN_IN);
    parts.add(&["session_id"], &needs.sessions, "attrs ->> 'parent_session' IS NOT NULL");
    let fields = CREDENTIAL_FIELDS.map(|field| match field {
        "api_key_id" => "attrs ->> 'api_key_id'",
        "issued_credential_id" => "attrs ->> 'issued_credential_id'",
        "previous_api_key_id" => "attrs ->> 'previous_api_key_id'",
        "previous_credential_id" => "attrs ->> 'previous_credential_id'",
        _ => "attrs ->> 'rotated_credential_id'",
    });
    parts.add(&fields[..3], &needs.credentials, CREDENTIALS);
    parts.add(&fields[3..], &needs.credentials, ROTATED);
}

/// Runs of which no event says that it began them, and sessions of nobody: their first events
/// tell more than none.
async fn unstarted(source: &Source<'_>, known: &mut Known, needs: &Needs) -> Result<()> {
    let runs: Vec<_> =
        needs.executions.iter().filter(|run| known.execution(run).is_empty()).collect();
    let nobody: Vec<_> =
        needs.sessions.iter().filter(|id| known.session_users(id).is_none()).collect();
    let first = "first_value(audit_id ORDER BY \"timestamp\")";
    let users = "user_id, initiated_by, user_context_initiated_by";
    let questions = [
        (&runs, "execution_id", "execution_id".to_owned()),
        (&nobody, "session_id", format!("session_id, {users}")),
        (&nobody, "user_context_session_id", format!("user_context_session_id, {users}")),
    ];
    let mut ids = BTreeSet::new();
    for (wanted, field, group) in questions {
        for wanted in wanted.chunks(500) {
            let list = placeholders(1, wanted.len());
            let sql = format!(
                "SELECT 'event' AS kind, {first} AS id FROM records \
                 WHERE {field} IN ({list}) GROUP BY {group}"
            );
            let params = wanted.iter().map(|id| text(id)).collect();
            ids.extend(source.pairs(&sql, params).await?.into_iter().map(|(_, id)| id));
        }
    }
    let mut parts = Parts::default();
    parts.add(&["audit_id"], &ids, "");
    let limits = Limits { rows: MOST, since: None, until: None };
    for record in source.fetch(&parts, limits).await?.records {
        known.learn(record);
    }
    Ok(())
}

/// Looks up which of these agents and runs any event is by or of.
pub(super) async fn confirm(
    source: &Source<'_>,
    known: &mut Known,
    agents: &BTreeSet<String>,
    executions: &BTreeSet<String>,
) -> Result<()> {
    for (kind, field, ids) in
        [("agent", "agent_id", agents), ("execution", "execution_id", executions)]
    {
        let ids: Vec<_> = ids.iter().collect();
        for ids in ids.chunks(500) {
            let sql = format!(
                "SELECT '{kind}' AS kind, {field} FROM records WHERE {field} IN ({}) GROUP BY {field}",
                placeholders(1, ids.len())
            );
            let params = ids.iter().map(|id| text(id)).collect();
            for (kind, id) in source.pairs(&sql, params).await? {
                known.found(&kind, id);
            }
        }
    }
    Ok(())
}
