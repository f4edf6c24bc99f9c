//! Chains: from any id up to who authorised it, and down to everything done under it.
//!
//! [`trace`] answers with a [`Trace`], a forest in the order
//!
//! ```text
//! user > authentication > credential > session > run > agent > subagent > ... > event
//! ```
//!
//! in which places that an event says nothing about are left out. Every node but the topmost says
//! which field of which event puts it there (its [`Edge`]). The rules:
//!
//! | what | is under | because of |
//! |---|---|---|
//! | event | its agent (`agent_id`; for `agent.spawned` the `parent_agent_id`), or the run if that agent began it | itself |
//! | agent | its parent agent | the `agent.spawned` that governs it: the latest in the same session, else the latest before, never one for another user; else its own `parent_agent_id`; else `delegation_chain`; else another event that names its parent (`inferred`) |
//! | agent without a parent | run, else session, else credential, else user | the event |
//! | run | its `parent_execution`, else the agent that began it, else session... | `workflow.started` or `workflow.execution` |
//! | session | its `parent_session`, else credential, else user | `session_id`, `user_context.session_id` |
//! | all of that | the authentication of its user | a login of the same session; else the latest one before that had not ended by logout or expiry (`inferred`) |
//!
//! An event belongs to the chain of an id if that is on its way up. Rights at a moment are a fold
//! over the events that gave and took them, ordered by `timestamp`, then `recorded_at`, then
//! `audit_id`.

mod build;
mod climb;
mod context;
mod describe;
mod ended;
mod execution;
mod fetch;
mod kind;
mod known;
mod label;
mod lineage;
mod model;
mod permissions;
mod record;
mod related;
mod render_dot;
mod render_html;
mod render_json;
mod render_mermaid;
mod render_tree;
mod resolve;
mod rights;
mod sign_in;
mod subject;
mod time;
mod walk;

pub use execution::execution_chain;
pub use fetch::Source;
pub use kind::Kind;
pub use model::{
    Approval, Decision, Edge, Ended, EventFacts, InForce, Node, NodeKind, Notice, Resource, Step,
    TRACE_VERSION, Touched, Trace,
};
pub use related::{Related, RelatedEvent, RelatedOptions, related};
pub use render_tree::TreeStyle;
pub use subject::{
    SUBJECT_REPORT_VERSION, SubjectEvent, SubjectOptions, SubjectQuestion, SubjectReport,
    subject_report,
};

use crate::error::{QueryError, Result};

/// What [`trace`] shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceOptions {
    /// What the id is the id of; found out if `None`.
    pub kind: Option<Kind>,
    /// Show what the id is under.
    pub up: bool,
    /// Show what is under the id.
    pub down: bool,
    /// Most levels below the id; all if `None`.
    pub depth: Option<usize>,
    /// Most events. What is left out is said in a notice. Default 10,000.
    pub max_nodes: usize,
    /// Events under the id from this time on, in microseconds since 1970, UTC.
    pub since: Option<i64>,
    /// Events under the id before this time, in microseconds since 1970, UTC.
    pub until: Option<i64>,
}

impl Default for TraceOptions {
    fn default() -> Self {
        Self {
            kind: None,
            up: true,
            down: true,
            depth: None,
            max_nodes: 10_000,
            since: None,
            until: None,
        }
    }
}

/// The chain of an id: an event's, execution's, session's, agent's, credential's or user's. `None`
/// if the trail has nothing with this id.
///
/// # Errors
/// `Parameter` if it is the id of several things and `kind` does not say of which; errors of
/// reading the trail.
pub async fn trace(source: &Source<'_>, id: &str, options: &TraceOptions) -> Result<Option<Trace>> {
    let kinds = resolve::kinds(source, id, options.kind).await?;
    let kind = match kinds.as_slice() {
        [] => return Ok(None),
        [kind] => *kind,
        several => return Err(ambiguous(id, several)),
    };
    let collected = walk::collect(source, id, kind, options).await?;
    build::build(source, id, kind, options, collected).await.map(Some)
}

fn ambiguous(id: &str, kinds: &[Kind]) -> QueryError {
    let names: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
    QueryError::Parameter(format!(
        "{id} is the id of more than one thing; say which kind is meant: {}",
        names.join(", ")
    ))
}
