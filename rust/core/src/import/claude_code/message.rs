//! Model responses and their tokens.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::super::draft::{Draft, text};
use super::line::{Rank, Turn};

/// A response of which lines may still come.
struct Message {
    key: String,
    rank: Rank,
    line: u64,
    /// Event of the first of the lines with the most output tokens.
    best: Draft,
    output_tokens: u64,
    stop_reason: Option<String>,
    usage: Value,
    last_block: Option<String>,
}

/// A response that has ended.
pub(super) struct Ended {
    pub(super) rank: Rank,
    pub(super) line: u64,
    pub(super) event: Map<String, Value>,
}

/// The responses of one file: at most one open in each stream.
#[derive(Default)]
pub(super) struct Messages {
    open: HashMap<String, Message>,
    /// Output tokens reported for each response that has ended.
    done: HashMap<String, u64>,
}

/// A line that claims more tokens for a response that had ended before it.
pub(super) struct Late {
    pub(super) claimed: u64,
    pub(super) kept: u64,
}

impl Messages {
    /// Takes a line of a response. Returns the response of the same stream that it ends (by being
    /// another one), and itself when the line shows that it is complete.
    pub(super) fn line(&mut self, turn: &Turn<'_>, file: &str) -> (Vec<Ended>, Option<Late>) {
        let key = key_of(turn);
        let tokens = turn.message()["usage"]["output_tokens"].as_u64().unwrap_or(0);
        if let Some(kept) = self.done.get(&key) {
            let late = (tokens > *kept).then_some(Late { claimed: tokens, kept: *kept });
            return (Vec::new(), late);
        }
        let stream = turn.scope.stream();
        let mut ended = Vec::new();
        if self.open.get(&stream).is_some_and(|open| open.key != key) {
            ended.extend(self.end(&stream));
        }
        let complete = self.add(&stream, key, tokens, turn, file);
        if complete {
            ended.extend(self.end(&stream));
        }
        (ended, None)
    }

    fn add(&mut self, stream: &str, key: String, tokens: u64, turn: &Turn<'_>, file: &str) -> bool {
        let message = turn.message();
        let open = self.open.entry(stream.to_owned()).or_insert_with(|| Message {
            best: usage_event(turn, &key, file),
            key,
            rank: turn.rank,
            line: turn.place.line,
            output_tokens: tokens,
            stop_reason: None,
            usage: message["usage"].clone(),
            last_block: None,
        });
        if tokens > open.output_tokens {
            open.best = usage_event(turn, &open.key, file);
            open.line = turn.place.line;
            open.output_tokens = tokens;
            open.usage = message["usage"].clone();
        }
        let block = turn.blocks().last().and_then(|block| text(block, "type"));
        open.last_block = block.map(str::to_owned);
        // The stop reason arrives together with the final count of tokens.
        open.stop_reason = text(message, "stop_reason").map(str::to_owned);
        open.stop_reason.is_some() || is_api_error(turn.body)
    }

    /// Ends the open response of a stream.
    pub(super) fn end(&mut self, stream: &str) -> Option<Ended> {
        let Message { key, rank, line, mut best, output_tokens, stop_reason, .. } =
            self.open.remove(stream)?;
        best.set_some("stop_reason", stop_reason);
        self.done.insert(key, output_tokens);
        Some(Ended { rank, line, event: best.build() })
    }

    /// Ends the open response of a subagent that its parent saw finish, if it is the subagent's
    /// last one: its usage is the one that the parent was told, and it ends in text.
    pub(super) fn end_if_last(&mut self, stream: &str, told: &Value) -> Option<Ended> {
        let open = self.open.get(stream)?;
        let same = ["input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"]
            .iter()
            .all(|field| open.usage[*field] == told[*field]);
        if same && open.last_block.as_deref() == Some("text") { self.end(stream) } else { None }
    }

    /// Ids of the responses that are still open.
    pub(super) fn open_ids(&self) -> impl Iterator<Item = String> + '_ {
        self.open
            .values()
            .map(|open| super::super::ids::audit_id("audit_cc_", &["usage", &open.key]))
    }
}

/// The response's id; a line without one is a response of its own.
fn key_of(turn: &Turn<'_>) -> String {
    match text(turn.message(), "id") {
        Some(id) => turn.unique(id).into_owned(),
        None => text(turn.body, "uuid").unwrap_or(&turn.place.sha256).to_owned(),
    }
}

fn is_api_error(body: &Value) -> bool {
    body["isApiErrorMessage"].as_bool() == Some(true)
}

fn usage_event(turn: &Turn<'_>, key: &str, file: &str) -> Draft {
    let message = turn.message();
    let usage = &message["usage"];
    let mut draft = turn.draft("workflow.resource_usage", &["usage", key], file);
    let failed = is_api_error(turn.body);
    draft.set("status", if failed { "error" } else { "success" });
    draft.set_some("message_id", text(message, "id"));
    draft.set_some("request_id", text(turn.body, "requestId"));
    draft.set_some("model", text(message, "model"));
    for (field, from) in [
        ("input_tokens", "input_tokens"),
        ("output_tokens", "output_tokens"),
        ("cache_read_tokens", "cache_read_input_tokens"),
        ("cache_creation_tokens", "cache_creation_input_tokens"),
    ] {
        draft.set(field, usage[from].as_u64().unwrap_or(0));
    }
    let written = &usage["cache_creation"];
    for (field, from) in [
        ("cache_creation_5m_tokens", "ephemeral_5m_input_tokens"),
        ("cache_creation_1h_tokens", "ephemeral_1h_input_tokens"),
    ] {
        draft.set_some(field, written[from].as_u64());
    }
    draft.set_some("service_tier", text(usage, "service_tier"));
    draft.set_some("speed", text(usage, "speed"));
    draft.set_some("effort", text(turn.body, "effort"));
    if failed {
        draft.set_some("error_type", text(turn.body, "error"));
        let code = turn.body["apiErrorStatus"].as_u64().map(|code| code.to_string());
        draft.set_some("result_code", code);
        draft.set("severity", "warning");
    }
    draft
}
