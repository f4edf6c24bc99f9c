//! What a trace is made of. The JSON of these types is what `-o json` and `Trace.to_dict()` give;
//! members that have nothing to say are left out.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use super::kind::Kind;

/// Version of the JSON of a [`Trace`]; members may be added under the same version.
pub const TRACE_VERSION: u32 = 1;

/// Everything that leads to an id, and everything that came of it.
#[derive(Debug, Clone, Serialize)]
pub struct Trace {
    /// [`TRACE_VERSION`].
    pub version: u32,
    /// The id that was asked for.
    pub id: String,
    /// What it is the id of.
    pub kind: Kind,
    /// The chain: each node before those under it, and these in the order of time.
    pub nodes: Vec<Node>,
    /// What the reader must know about the answer: cuts, gaps, doubts.
    pub notices: Vec<Notice>,
    /// What was touched by the events of the chain under the id, most often touched first.
    pub resources: Vec<Touched>,
    /// Events of the chain.
    pub events: usize,
    /// Events that came after a permission had ended.
    pub after_permission_ended: usize,
    /// Events that failed or were denied.
    pub errors: usize,
    /// Whether something was left out: see the notices.
    pub cut: bool,
}

/// A place in the chain.
#[derive(Debug, Clone, Serialize)]
pub struct Node {
    /// `n0`, `n1`... in the order of the nodes.
    pub id: String,
    /// The node that it is under; none for a root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Nodes above it.
    pub depth: usize,
    /// What it is.
    pub kind: NodeKind,
    /// The id of that: `audit_id` of an event, id of an agent...
    pub name: String,
    /// Whether it is what was asked for.
    #[serde(skip_serializing_if = "is_false")]
    pub subject: bool,
    /// Others name it, but nothing in the trail is by it or of it.
    #[serde(skip_serializing_if = "is_false")]
    pub missing: bool,
    /// It is under itself: what leads to it is shown once only.
    #[serde(skip_serializing_if = "is_false")]
    pub cycle: bool,
    /// Under whose authority: what says that it belongs under its parent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edge: Option<Edge>,
    /// Time of an event; of others the first and last event below.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<String>,
    /// The last event at or below it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
    /// Events below it.
    #[serde(skip_serializing_if = "is_zero")]
    pub events: usize,
    /// Approvals of it: of an event those that it holds, of a run also `workflow.approval`, of an
    /// agent those of its making.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<Approval>,
    /// What the event says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<Box<EventFacts>>,
}

impl Node {
    /// The place of its parent among the nodes.
    pub(super) fn parent_index(&self) -> Option<usize> {
        self.parent.as_deref()?.strip_prefix('n')?.parse().ok()
    }
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeKind {
    /// A person or service.
    User,
    /// An API key or temporary credential.
    Credential,
    /// A session.
    Session,
    /// A run of a workflow.
    Execution,
    /// An agent.
    Agent,
    /// An event.
    Event,
}

impl NodeKind {
    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Credential => "credential",
            Self::Session => "session",
            Self::Execution => "execution",
            Self::Agent => "agent",
            Self::Event => "event",
        }
    }
}

/// Why a node is under its parent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Edge {
    /// How it is under it: `authenticated`, `acted`, `spawned`, `delegated`, `started`, `part_of`,
    /// `in_session`, `with_credential`, `for_user`...
    pub relation: &'static str,
    /// The field that says so.
    pub field: String,
    /// The event that says so.
    pub audit_id: String,
    /// Nothing says so outright: see `why`.
    #[serde(skip_serializing_if = "is_false")]
    pub inferred: bool,
    /// Why it is inferred.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The parent of this edge is also below it.
    #[serde(skip_serializing_if = "is_false")]
    pub cycle: bool,
}

/// What an event says, as far as a chain is concerned.
#[derive(Debug, Clone, Default, Serialize)]
pub struct EventFacts {
    /// `domain.action`.
    pub event_type: String,
    /// RFC 3339, UTC.
    pub timestamp: String,
    /// Who did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// For whom, where that is somebody else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Where the request came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_ip: Option<String>,
    /// `success`, `failure`, `denied` or `unknown`.
    pub outcome: &'static str,
    /// What was done, in a few words.
    pub summary: String,
    /// The tool that was called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// What it touched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<Resource>,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What it decided; of a whole run each of its steps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
    /// The permissions of the actor at that moment.
    #[serde(skip_serializing_if = "is_empty_set")]
    pub permissions: Arc<Vec<InForce>>,
    /// Its permission, credential, agent or session had ended before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub after_permission_ended: Vec<Ended>,
}

/// What an event touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Resource {
    /// Path, URL, table or ARN.
    pub path: String,
    /// Its kind.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// How sensitive it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sensitivity_level: Option<String>,
    /// Its class in the caller's scheme.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classification: Option<String>,
}

/// A resource and how often the chain touched it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Touched {
    /// Which.
    #[serde(flatten)]
    pub resource: Resource,
    /// Actions (the second part of `event_type`), each once, sorted.
    pub actions: Vec<String>,
    /// Events.
    pub events: usize,
}

/// A step of a run, or a decision.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// Its position in the run, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How it went, in the source's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// How long it took, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<f64>,
    /// What was decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
}

/// A decision.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Decision {
    /// What was tested.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub condition: Value,
    /// The value that was compared.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub evaluated_value: Value,
    /// What came of it.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub result: Value,
    /// The threshold in the condition.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub threshold: Value,
    /// What was recommended.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub recommendation: Value,
    /// How sure the decider was.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub confidence: Value,
}

/// Somebody's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Approval {
    /// Who.
    pub approver: String,
    /// The answer in the source's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// When, as the source says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// The event that says so.
    pub audit_id: String,
    /// The field that says so.
    pub field: &'static str,
}

/// A permission and what gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InForce {
    /// The right, tool or scope; `role:` and its name for a role.
    pub permission: String,
    /// The only resource that it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The event that gave it.
    pub audit_id: String,
    /// When that was.
    pub since: String,
}

/// What had ended before an action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ended {
    /// `permission`, `credential`, `agent` or `session`.
    pub what: &'static str,
    /// Which one.
    pub name: String,
    /// When it ended.
    pub at: String,
    /// The event that ended it, or that said when it would.
    pub audit_id: String,
    /// Why the action is taken to need it: `named`, `tool`, `resource`, `verb` or `all` (no
    /// permission was left); for others `used`.
    pub basis: &'static str,
}

/// Something that the reader must know about the answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Notice {
    /// `cut`, `missing`, `cycle`, `no_authentication`, `several_users` or `several_events`.
    pub kind: &'static str,
    /// What it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// In words.
    pub message: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(value: &bool) -> bool {
    !value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(value: &usize) -> bool {
    *value == 0
}

fn is_empty_set(value: &Arc<Vec<InForce>>) -> bool {
    value.is_empty()
}
