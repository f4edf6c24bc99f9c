//! The views: meaning over shape.
//!
//! All of them are plain SQL over `records`, the table of every record. What a query does not
//! select costs nothing.
//!
//! | column | is |
//! |---|---|
//! | `domain` | the part of `event_type` before the first dot |
//! | `action` | the part after it |
//! | `actor` | who did it: the first present of `modified_by`; in the workflow domain `overridden_by`, `approver`; for `agent.spawned` the `parent_agent_id`; `agent_id`, `user_id`, `initiated_by`, `user_context.initiated_by`, `email`, `credential_id` |
//! | `session` | the first present of `session_id`, `user_context.session_id` |
//! | `outcome` | `success`, `failure`, `denied` or `unknown`, after the first present of `status`, `result.status` (see `outcome_of`) |
//!
//! A value is present if it is neither NULL nor empty.

use arrow::datatypes::SchemaRef;

use crate::shape::{ATTRS, DOMAIN, EVENT};
use crate::sql::Wanted;

/// The table of every record.
pub(crate) const RECORDS: &str = "records";

/// Names of the views, each after those that it builds on.
pub(crate) const NAMES: [&str; 8] = [
    "events",
    "auth_events",
    "agent_events",
    "data_events",
    "workflow_events",
    "system_events",
    "workflow_steps",
    "approvals",
];

/// Columns that come first in `SELECT * FROM events`.
const LEADING: [&str; 3] = ["timestamp", "event_type", DOMAIN];

/// Columns of `events` that say what others mean.
const MEANING: [(&str, &str); 4] = [
    ("action", "action_of(event_type)"),
    (
        "actor",
        "first_present(modified_by, \
          only_if(domain, 'workflow', attrs ->> 'overridden_by'), \
          only_if(domain, 'workflow', approver), \
          only_if(event_type, 'agent.spawned', parent_agent_id), \
          agent_id, user_id, initiated_by, user_context_initiated_by, email, credential_id)",
    ),
    ("session", "first_present(session_id, user_context_session_id)"),
    ("outcome", "outcome_of(first_present(status, result_status))"),
];

const WORKFLOW_STEPS: &str = "\
SELECT audit_id, \"timestamp\", workflow_id, execution_id, \
  entry['index'] AS step_index, \
  entry['value'] ->> 'step_name' AS step_name, \
  entry['value'] ->> 'status' AS status, \
  outcome_of(entry['value'] ->> 'status') AS outcome, \
  json_get_float(entry['value'], 'duration_ms') AS duration_ms, \
  json_as_text(entry['value'], 'decision', 'condition') AS decision_condition, \
  json_as_text(entry['value'], 'decision', 'evaluated_value') AS decision_evaluated_value, \
  json_as_text(entry['value'], 'decision', 'result') AS decision_result, \
  entry['value'] AS step \
FROM (SELECT audit_id, \"timestamp\", workflow_id, execution_id, \
    unnest(json_entries(attrs, 'workflow_steps')) AS entry \
  FROM records WHERE domain = 'workflow')";

/// Elements of `approval_chain`, an `approval` object, and `workflow.approval` events.
const APPROVALS: &str = "\
SELECT audit_id, \"timestamp\", event_type, domain, \
  entry['index'] AS step_index, \
  first_present(entry['value'] ->> 'approver', json_get_str(entry['value'])) AS approver, \
  json_get_timestamp(entry['value'], 'timestamp') AS approved_at, \
  entry['value'] ->> 'status' AS status, \
  entry['value'] AS approval \
FROM (SELECT audit_id, \"timestamp\", event_type, domain, \
    unnest(json_entries(attrs, 'approval_chain')) AS entry FROM records) \
UNION ALL \
SELECT audit_id, \"timestamp\", event_type, domain, CAST(NULL AS BIGINT), \
  attrs -> 'approval' ->> 'approver', json_get_timestamp(attrs, 'approval', 'timestamp'), \
  attrs -> 'approval' ->> 'status', arrow_cast(attrs -> 'approval', 'Utf8') \
FROM records WHERE attrs -> 'approval' ? 'approver' \
UNION ALL \
SELECT audit_id, \"timestamp\", event_type, domain, CAST(NULL AS BIGINT), \
  approver, \"timestamp\" AS approved_at, status, arrow_cast(event, 'Utf8') \
FROM records WHERE event_type = 'workflow.approval'";

/// The SQL of a view over records with these columns, or `None` if there is none of this name.
/// `events` has only the columns that
/// `wanted` may mean: planning takes time in proportion to them.
pub(crate) fn definition(name: &str, columns: &SchemaRef, wanted: &Wanted) -> Option<String> {
    match name {
        "events" => Some(events(columns, wanted)),
        "workflow_steps" => Some(WORKFLOW_STEPS.to_owned()),
        "approvals" => Some(APPROVALS.to_owned()),
        _ => {
            let domain = name.strip_suffix("_events").filter(|_| NAMES.contains(&name))?;
            Some(format!("SELECT * FROM events WHERE domain = '{domain}'"))
        }
    }
}

fn events(columns: &SchemaRef, wanted: &Wanted) -> String {
    let others = columns.fields().iter().map(|field| field.name().as_str());
    let others = others.filter(|name| !LEADING.contains(name) && ![ATTRS, EVENT].contains(name));
    let meaning = MEANING.iter().filter(|(name, _)| wanted.has(name));
    let mut columns: Vec<String> = leading(wanted).map(quoted).collect();
    columns.extend(meaning.map(|(name, value)| format!("{value} AS {name}")));
    columns.extend(others.chain([ATTRS, EVENT]).filter(|name| wanted.has(name)).map(quoted));
    format!("SELECT {} FROM records", columns.join(", "))
}

/// The domain is what the views of the domains ask of `events`, and a view needs a column.
fn leading(wanted: &Wanted) -> impl Iterator<Item = &'static str> {
    LEADING.into_iter().filter(|name| *name == DOMAIN || wanted.has(name))
}

/// Whether a column of `events` is no path of the record: what it means is said above.
pub(crate) fn is_meaning(name: &str) -> bool {
    [DOMAIN, ATTRS, EVENT].contains(&name) || MEANING.iter().any(|(known, _)| *known == name)
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
