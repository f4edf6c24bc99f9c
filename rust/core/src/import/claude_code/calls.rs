//! Tool calls joined with their results, and the subagents that they start.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value, json};

use super::super::draft::{Draft, millis, object, text};
use super::super::{ImportOptions, ids};
use super::line::{Place, Rank, Scope, Turn, agent_id, source};
use super::outcome::{AgentResult, Outcome, content_bytes};
use super::tools::{Kind, Shape, shape};

/// A call without its result.
struct Call {
    id: String,
    key: String,
    rank: Rank,
    scope: Scope,
    place: Place,
    timestamp: String,
    kind: Kind,
    /// The event so far.
    draft: Draft,
    agent_type: Option<String>,
}

/// A background subagent that has not ended.
struct Background {
    key: String,
    scope: Scope,
    parent: String,
    agent_type: Option<String>,
}

/// What a line finished.
pub(super) struct Finished {
    pub(super) rank: Rank,
    pub(super) line: u64,
    pub(super) events: Vec<Map<String, Value>>,
    /// The stream of a subagent that ended with it.
    pub(super) ended_stream: Option<String>,
}

/// The tool calls of one file.
#[derive(Default)]
pub(super) struct Calls {
    open: HashMap<String, Call>,
    /// Results that stand before their call: tools may start before the response is written.
    early: HashMap<String, Outcome>,
    done: HashSet<String>,
    /// Subagents that a running call has been heard of, by call.
    running: HashMap<String, String>,
    background: HashMap<String, Background>,
    /// Subagents that ended under their parent's eyes, with the usage of their last message.
    pub(super) ended: HashMap<String, Value>,
}

impl Calls {
    /// A `tool_use` block.
    pub(super) fn call(
        &mut self,
        turn: &Turn<'_>,
        block: &Value,
        mode: Option<&str>,
        file: &str,
        options: &ImportOptions,
    ) -> Option<Finished> {
        let id = text(block, "id")?;
        if self.done.contains(id) || self.open.contains_key(id) {
            return None;
        }
        let call = open_call(turn, block, id, mode, file, options);
        match self.early.remove(id) {
            Some(outcome) => Some(self.join(call, outcome, file)),
            None => {
                self.open.insert(id.to_owned(), call);
                None
            }
        }
    }

    /// A `tool_result` block.
    pub(super) fn result(
        &mut self,
        turn: &Turn<'_>,
        block: &Value,
        file: &str,
        options: &ImportOptions,
    ) -> Option<Finished> {
        let id = text(block, "tool_use_id")?;
        if self.done.contains(id) || self.early.contains_key(id) {
            return None;
        }
        let outcome = Outcome::of(turn, block, options);
        let told = self.background_told(turn, file);
        let joined = match self.open.remove(id) {
            Some(call) => Some(self.join(call, outcome, file)),
            None => {
                self.early.insert(id.to_owned(), outcome);
                None
            }
        };
        match (joined, told) {
            (Some(mut joined), Some(told)) => {
                joined.events.extend(told.events);
                Some(joined)
            }
            (joined, told) => joined.or(told),
        }
    }

    /// A running call's messages name its subagent before its result does.
    pub(super) fn running(&mut self, call: &str, agent: &str) {
        if !self.running.contains_key(call) {
            self.running.insert(call.to_owned(), agent.to_owned());
        }
    }

    /// `TaskOutput` tells how a background subagent is doing.
    fn background_told(&mut self, turn: &Turn<'_>, file: &str) -> Option<Finished> {
        let task = &turn.body["toolUseResult"]["task"];
        self.stop(turn, text(task, "task_id")?, text(task, "status")?, file)
    }

    /// `<task-notification>` with `<task-id>` and `<status>`.
    pub(super) fn notification(
        &mut self,
        turn: &Turn<'_>,
        said: &str,
        file: &str,
    ) -> Option<Finished> {
        self.stop(turn, tag(said, "task-id")?, tag(said, "status")?, file)
    }

    fn stop(&mut self, turn: &Turn<'_>, agent: &str, state: &str, file: &str) -> Option<Finished> {
        if !matches!(state, "completed" | "failed" | "killed" | "stopped") {
            return None;
        }
        let Background { key, scope, parent, agent_type } = self.background.remove(agent)?;
        let mut draft = Draft::new(
            ids::audit_id("audit_cc_", &["stopped", &key]),
            "agent.stopped",
            turn.timestamp,
        );
        draft.set("agent_id", scope.agent_id());
        draft.set("parent_agent_id", parent);
        draft.set("session_id", scope.session.clone());
        draft.set_some("agent_type", agent_type);
        draft.set("reason", state);
        draft.set("status", if state == "completed" { "success" } else { "error" });
        draft.set("source", source(file, turn.place, None));
        let stream = scope.stream();
        Some(Finished {
            rank: turn.rank,
            line: turn.place.line,
            events: vec![draft.build()],
            ended_stream: Some(stream),
        })
    }

    fn join(&mut self, call: Call, outcome: Outcome, file: &str) -> Finished {
        self.done.insert(call.id.clone());
        let Call { id, key, rank, scope, place, timestamp, kind, mut draft, agent_type } = call;
        let line = place.line;
        draft.set("status", outcome.status);
        draft.set_some("denied_by", outcome.denied_by.clone());
        if outcome.status == "denied" {
            draft.set("severity", "warning");
        }
        if kind == Kind::ApiCall {
            draft.set_some("response_size_bytes", outcome.result["size_bytes"].as_u64());
            draft.set_some("http_status", outcome.result["details"]["code"].as_u64());
        }
        draft.set("result", outcome.result.clone());
        draft.set_some("prompt_id", outcome.prompt_id.clone());
        let took =
            millis(&outcome.timestamp).zip(millis(&timestamp)).map(|(end, start)| end - start);
        draft.set_some("duration_ms", took.filter(|took| *took >= 0));
        draft.set("source", source(file, &place, Some(&outcome.place)));
        if kind != Kind::Spawn {
            let events = vec![draft.build()];
            return Finished { rank, line, events, ended_stream: None };
        }
        let result = outcome.agent.clone().unwrap_or_default();
        let agent = result.id.clone().or_else(|| self.running.get(&id).cloned());
        let child = Spawned { key, call: id, scope, agent, agent_type, result };
        child.fill(&mut draft);
        let mut events = vec![draft.build()];
        let ended_stream = self.track(&child, &outcome, &mut events, file);
        Finished { rank, line, events, ended_stream }
    }

    /// Notes a background subagent, or that a subagent ended with its call.
    fn track(
        &mut self,
        child: &Spawned,
        outcome: &Outcome,
        events: &mut Vec<Map<String, Value>>,
        file: &str,
    ) -> Option<String> {
        let agent = child.agent.clone()?;
        let scope = child.child_scope(&agent);
        if child.background() {
            let background = Background {
                key: child.key.clone(),
                scope,
                parent: child.scope.agent_id(),
                agent_type: child.kind(),
            };
            self.background.insert(agent, background);
            return None;
        }
        let stream = scope.stream();
        if let Some(usage) = &child.result.usage {
            self.ended.insert(stream.clone(), usage.clone());
        }
        events.push(child.stopped(&scope, outcome, file));
        Some(stream)
    }

    /// Ids of the calls that are still open.
    pub(super) fn open_ids(&self) -> impl Iterator<Item = String> + '_ {
        self.open.values().map(|call| ids::audit_id("audit_cc_", &["tool", &call.key]))
    }

    /// Results without a call.
    pub(super) fn early_results(&self) -> u64 {
        self.early.len() as u64
    }
}

/// A subagent and the call that started it.
struct Spawned {
    key: String,
    call: String,
    /// Of the agent that called.
    scope: Scope,
    agent: Option<String>,
    agent_type: Option<String>,
    result: AgentResult,
}

impl Spawned {
    fn child_scope(&self, agent: &str) -> Scope {
        Scope {
            session: self.scope.session.clone(),
            agent: Some(agent.to_owned()),
            parent: Some(self.scope.agent_id()),
        }
    }

    /// Whether the call returned before the subagent ended (`async_launched` and the like).
    fn background(&self) -> bool {
        let state = self.result.state.as_deref().unwrap_or_default();
        state.ends_with("_launched") || state.ends_with("_spawned")
    }

    fn kind(&self) -> Option<String> {
        self.result.kind.clone().or_else(|| self.agent_type.clone())
    }

    /// An agent that never came to be (denied, failed) is named after its call.
    fn fill(&self, draft: &mut Draft) {
        let parent = self.scope.agent_id();
        let child =
            agent_id(&self.scope.session, Some(self.agent.as_deref().unwrap_or(&self.call)));
        draft.set("delegation_chain", json!([parent.clone(), child.clone()]));
        draft.set("agent_id", child);
        draft.set("parent_agent_id", parent);
        draft.set_some("agent_type", self.kind());
        draft.set_some("background", self.background().then_some(true));
        draft.set_some("total_duration_ms", self.result.duration_ms);
    }

    fn stopped(&self, scope: &Scope, outcome: &Outcome, file: &str) -> Map<String, Value> {
        let id = ids::audit_id("audit_cc_", &["stopped", &self.key]);
        let mut draft = Draft::new(id, "agent.stopped", &outcome.timestamp);
        draft.set("agent_id", scope.agent_id());
        draft.set_some("parent_agent_id", scope.parent.clone());
        draft.set("session_id", scope.session.clone());
        draft.set_some("agent_type", self.kind());
        draft.set("reason", self.result.state.as_deref().unwrap_or(outcome.status));
        draft.set("status", outcome.status);
        draft.set_some("total_duration_ms", self.result.duration_ms);
        draft.set_some("tool_calls", self.result.tool_uses);
        draft.set("source", source(file, &outcome.place, None));
        draft.build()
    }
}

fn open_call(
    turn: &Turn<'_>,
    block: &Value,
    id: &str,
    mode: Option<&str>,
    file: &str,
    options: &ImportOptions,
) -> Call {
    let name = text(block, "name").unwrap_or("unknown");
    let input = &block["input"];
    let shape: Shape = shape(name, input, text(turn.outer, "cwd"));
    let kind = shape.kind;
    let key = turn.unique(id).into_owned();
    let mut draft = turn.draft(kind.event_type(), &["tool", &key], file);
    draft.set("tool_name", name);
    draft.set("tool_use_id", id);
    draft.set_some("message_id", text(turn.message(), "id"));
    draft.set_some("permission_mode", mode);
    shape.fill(&mut draft);
    if kind == Kind::Spawn {
        draft.set_some("task", text(input, "description"));
    }
    set_input(&mut draft, input, options);
    Call {
        id: id.to_owned(),
        key,
        rank: turn.rank,
        scope: turn.scope.clone(),
        place: turn.place.clone(),
        timestamp: turn.timestamp.to_owned(),
        kind,
        draft,
        agent_type: text(input, "subagent_type").map(str::to_owned),
    }
}

fn set_input(draft: &mut Draft, input: &Value, options: &ImportOptions) {
    let bytes = content_bytes(input);
    if bytes.len() <= options.max_content_bytes {
        draft.set("tool_input", input.clone());
        return;
    }
    let omitted = object([
        ("size_bytes", Some(bytes.len().into())),
        ("audit_hash", Some(ids::audit_hash(&bytes).into())),
    ]);
    draft.set("tool_input_omitted", omitted);
}

fn tag<'a>(said: &'a str, name: &str) -> Option<&'a str> {
    let start = said.split_once(&format!("<{name}>"))?.1;
    Some(start.split_once(&format!("</{name}>"))?.0.trim())
}
