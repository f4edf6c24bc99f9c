//! One line of a transcript, seen as something that an agent or its harness did.

use serde_json::Value;

use super::super::draft::{Draft, millis, object, text};
use super::super::ids;

/// Which of several places that tell of the same thing is believed, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// A line of the session's own transcript.
    Own,
    /// A line of a subagent's own transcript.
    Agent,
    /// A subagent's message inside a `progress` line of the session.
    Progress,
    /// A line copied from elsewhere: into a resumed session, or into the transcript of the agent
    /// that compacts a conversation.
    Copy,
}

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scope {
    pub(super) session: String,
    /// The subagent, none for the session's main agent.
    pub(super) agent: Option<String>,
    /// `agent_id` of the agent above, where the line shows it.
    pub(super) parent: Option<String>,
}

impl Scope {
    pub(super) fn agent_id(&self) -> String {
        agent_id(&self.session, self.agent.as_deref())
    }

    /// Messages of one stream follow each other.
    pub(super) fn stream(&self) -> String {
        self.agent_id()
    }
}

/// `claude-code:<session>` or `claude-code:<session>/<subagent>`.
pub(super) fn agent_id(session: &str, agent: Option<&str>) -> String {
    match agent {
        Some(agent) => format!("claude-code:{session}/{agent}"),
        None => format!("claude-code:{session}"),
    }
}

/// The line itself.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) line: u64,
    pub(super) sha256: String,
    pub(super) repaired: bool,
}

/// A line with a message of an agent or to it, wherever the message was found.
pub(super) struct Turn<'a> {
    pub(super) scope: Scope,
    pub(super) rank: Rank,
    pub(super) timestamp: &'a str,
    /// The object that holds `message`, `requestId`, `toolUseResult`...
    pub(super) body: &'a Value,
    /// The line, which holds `cwd`, `gitBranch`, `version`...
    pub(super) outer: &'a Value,
    pub(super) place: &'a Place,
}

impl<'a> Turn<'a> {
    pub(super) fn message(&self) -> &'a Value {
        &self.body["message"]
    }

    /// The content blocks; a message of plain text has none.
    pub(super) fn blocks(&self) -> &'a [Value] {
        self.message()["content"].as_array().map_or(&[], Vec::as_slice)
    }

    /// The source's id, made unique with the session when it is too short to be unique alone.
    pub(super) fn unique<'b>(&'b self, id: &'b str) -> std::borrow::Cow<'b, str> {
        if id.len() >= 20 { id.into() } else { format!("{}/{id}", self.scope.agent_id()).into() }
    }

    /// An event with everything that all events of a transcript share.
    pub(super) fn draft(&self, event_type: &str, id: &[&str], file: &str) -> Draft {
        let mut draft = Draft::new(ids::audit_id("audit_cc_", id), event_type, self.timestamp);
        draft.set("agent_id", self.scope.agent_id());
        draft.set_some("parent_agent_id", self.scope.parent.clone());
        draft.set("session_id", self.scope.session.clone());
        draft.set_some("cwd", text(self.outer, "cwd"));
        draft.set_some("git_branch", text(self.outer, "gitBranch"));
        draft.set_some("client_version", text(self.outer, "version"));
        draft.set_some("prompt_id", text(self.outer, "promptId"));
        draft.set_some("uuid", text(self.body, "uuid"));
        draft.set_some("parent_uuid", text(self.body, "parentUuid"));
        let caller = text(self.outer, "parentToolUseID").filter(|_| self.rank == Rank::Progress);
        draft.set_some("parent_tool_use_id", caller);
        draft.set("source", source(file, self.place, None));
        draft
    }

    /// Whether the time can be used at all.
    pub(super) fn has_time(&self) -> bool {
        millis(self.timestamp).is_some()
    }
}

/// The `source` of an event: the line, and the line of the result where there is one.
pub(super) fn source(file: &str, place: &Place, result: Option<&Place>) -> Value {
    let repaired = place.repaired || result.is_some_and(|result| result.repaired);
    object([
        ("tool", Some(super::super::Source::ClaudeCode.name().into())),
        ("file", Some(file.into())),
        ("line", Some(place.line.into())),
        ("sha256", Some(place.sha256.clone().into())),
        ("result_line", result.map(|result| result.line.into())),
        ("result_sha256", result.map(|result| result.sha256.clone().into())),
        ("repaired", repaired.then(|| "lone_surrogates".into())),
    ])
}
