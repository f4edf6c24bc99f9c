//! How a tool call ended.

use serde_json::{Map, Value};

use super::super::draft::{object, text};
use super::super::{ImportOptions, ids};
use super::line::{Place, Turn};

/// The result of a tool call, without its content unless that was asked for.
pub(super) struct Outcome {
    pub(super) status: &'static str,
    /// Who or what refused, in the source's words where it has any.
    pub(super) denied_by: Option<String>,
    pub(super) timestamp: String,
    pub(super) place: Place,
    pub(super) prompt_id: Option<String>,
    /// Facts about a subagent, when the call started one.
    pub(super) agent: Option<AgentResult>,
    /// The event's `result`.
    pub(super) result: Value,
}

/// What the result of a `Task` or `Agent` call says about the subagent.
#[derive(Debug, Clone, Default)]
pub(super) struct AgentResult {
    pub(super) id: Option<String>,
    pub(super) kind: Option<String>,
    /// `completed`, `async_launched`, ...
    pub(super) state: Option<String>,
    pub(super) duration_ms: Option<u64>,
    pub(super) tool_uses: Option<u64>,
    /// Usage of the subagent's last message.
    pub(super) usage: Option<Value>,
}

impl Outcome {
    pub(super) fn of(turn: &Turn<'_>, block: &Value, options: &ImportOptions) -> Self {
        let extra = &turn.body["toolUseResult"];
        let (status, denied_by) = judge(turn.body, block);
        Self {
            status,
            denied_by,
            timestamp: turn.timestamp.to_owned(),
            place: turn.place.clone(),
            prompt_id: text(turn.outer, "promptId").map(str::to_owned),
            agent: extra.is_object().then(|| agent_result(extra)),
            result: result(status, &block["content"], extra, options),
        }
    }
}

fn agent_result(extra: &Value) -> AgentResult {
    AgentResult {
        id: text(extra, "agentId").map(str::to_owned),
        kind: text(extra, "agentType").map(str::to_owned),
        state: text(extra, "status").map(str::to_owned),
        duration_ms: extra["totalDurationMs"].as_u64(),
        tool_uses: extra["totalToolUseCount"].as_u64(),
        usage: extra.get("usage").filter(|usage| usage.is_object()).cloned(),
    }
}

fn result(status: &str, content: &Value, extra: &Value, options: &ImportOptions) -> Value {
    let bytes = content_bytes(content);
    let keep = options.include_content && bytes.len() <= options.max_content_bytes;
    // Numbers and flags (counts, durations, exit states) say how it went without showing content.
    let details: Map<String, Value> = extra
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, value)| value.is_number() || value.is_boolean())
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    object([
        ("status", Some(status.into())),
        ("size_bytes", Some(bytes.len().into())),
        ("audit_hash", Some(ids::audit_hash(&bytes).into())),
        ("content", keep.then(|| content.clone())),
        ("details", (!details.is_empty()).then_some(Value::Object(details))),
    ])
}

/// The bytes that size and hash are taken over: the text itself, else compact JSON with sorted
/// keys, nothing for no content.
pub(super) fn content_bytes(content: &Value) -> Vec<u8> {
    match content {
        Value::Null => Vec::new(),
        Value::String(text) => text.as_bytes().to_vec(),
        other => ids::stable_json(other),
    }
}

/// All text of a result.
fn all_text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => {
            blocks.iter().filter_map(|block| text(block, "text")).collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

/// `success`, `error`, `denied` or `cancelled`, and who denied or cancelled.
fn judge(body: &Value, block: &Value) -> (&'static str, Option<String>) {
    match text(body, "toolDenialKind") {
        Some(kind @ ("interrupted" | "cancelled")) => return ("cancelled", Some(kind.to_owned())),
        Some(kind) => return ("denied", Some(kind.to_owned())),
        None => {}
    }
    let said = all_text(&block["content"]);
    let summary = body["toolUseResult"].as_str().unwrap_or_default();
    let summary = summary.strip_prefix("Error: ").unwrap_or(summary);
    let failed = block["is_error"].as_bool().unwrap_or(false);
    if summary == "User rejected tool use" {
        return ("denied", Some("user-rejected".to_owned()));
    }
    if !failed {
        let interrupted = body["toolUseResult"]["interrupted"].as_bool() == Some(true);
        return if interrupted { ("cancelled", None) } else { ("success", None) };
    }
    for words in [said.as_str(), summary] {
        if let Some(verdict) = by_words(words) {
            return verdict;
        }
    }
    ("error", None)
}

/// The sentences with which Claude Code reports that a call was never run.
fn by_words(said: &str) -> Option<(&'static str, Option<String>)> {
    let said = said.trim_start();
    let said = said.strip_prefix("<tool_use_error>").unwrap_or(said);
    let starts = |words: &str| said.starts_with(words);
    let who = if starts("The user doesn't want to proceed with this tool use")
        || starts("The user doesn't want to take this action right now")
        || starts("User rejected tool use")
    {
        "user-rejected"
    } else if starts("Claude requested permissions") && said.contains("haven't granted") {
        "not-granted"
    } else if (starts("Permission to use ") || starts("Permission for this "))
        && said.contains("denied")
    {
        "permission-rule"
    } else if starts("PreToolUse:") && said.contains("hook error") {
        "hook"
    } else if starts("[Request interrupted by user") {
        return Some(("cancelled", Some("interrupted".to_owned())));
    } else if starts("Cancelled: parallel tool call") || starts("Sibling tool call errored") {
        return Some(("cancelled", Some("cancelled".to_owned())));
    } else {
        return None;
    };
    Some(("denied", Some(who.to_owned())))
}
