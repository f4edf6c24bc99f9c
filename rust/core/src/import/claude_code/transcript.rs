//! Reading one transcript, line by line.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::super::draft::{millis, text};
use super::super::text::{RawLine, lines, parse};
use super::super::{ImportOptions, SkippedLine, ids};
use super::calls::{Calls, Finished};
use super::line::{Place, Rank, Scope, Turn, agent_id};
use super::message::{Ended, Messages};

/// An event and how much its place is believed.
pub(super) struct Ranked {
    pub(super) rank: Rank,
    pub(super) line: u64,
    pub(super) event: Map<String, Value>,
}

/// The state of a file after each line: what came out of it and what is still open.
///
/// Events are only ever added. That makes an import of the first lines of a file agree with a
/// later import of more of them.
pub(super) struct Transcript<'a> {
    pub(super) file: &'a str,
    options: &'a ImportOptions,
    /// The session in the file's name, and the subagent if it is the transcript of one.
    stem: &'a str,
    agent: Option<&'a str>,
    pub(super) events: Vec<Ranked>,
    pub(super) skipped: Vec<SkippedLine>,
    pub(super) lines: u64,
    pub(super) partial_line: bool,
    pub(super) messages: Messages,
    pub(super) calls: Calls,
    sessions: HashSet<String>,
    /// Older versions kept subagents' lines in the session's file, without an agent's id: the
    /// first line of each such thread, by line.
    threads: HashMap<String, String>,
    permission_mode: Option<String>,
}

impl<'a> Transcript<'a> {
    pub(super) fn new(file: &'a str, options: &'a ImportOptions) -> Self {
        let name = file.rsplit('/').next().unwrap_or(file);
        Self {
            file,
            options,
            stem: name.strip_suffix(".jsonl").unwrap_or(name),
            agent: super::agent_of_file(name),
            events: Vec::new(),
            skipped: Vec::new(),
            lines: 0,
            partial_line: false,
            messages: Messages::default(),
            calls: Calls::default(),
            sessions: HashSet::new(),
            threads: HashMap::new(),
            permission_mode: None,
        }
    }

    pub(super) fn read(&mut self, bytes: &[u8]) {
        for line in lines(bytes) {
            self.lines += 1;
            self.raw_line(&line);
        }
    }

    fn raw_line(&mut self, line: &RawLine<'_>) {
        if line.bytes.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        match parse(line.bytes) {
            Ok((value, repaired)) if value.is_object() => {
                let sha256 = ids::sha256_hex(line.bytes);
                self.line(&value, &Place { line: line.number, sha256, repaired });
            }
            Ok(_) => self.skip(line.number, "", "not a JSON object".to_owned()),
            // Half a line at the end is being written; the next import reads it.
            Err(_) if !line.terminated => self.partial_line = true,
            Err(error) => self.skip(line.number, "", format!("not JSON: {error}")),
        }
    }

    fn skip(&mut self, line: u64, path: &str, reason: String) {
        self.skipped.push(SkippedLine { line, path: path.to_owned(), reason });
    }

    fn line(&mut self, line: &Value, place: &Place) {
        let Some(scope) = self.scope(line) else { return };
        let rank = self.rank(&scope);
        self.session_start(line, place, &scope, rank);
        match text(line, "type") {
            Some("user" | "assistant") => self.direct(line, place, scope, rank),
            Some("progress") => self.progress(line, place, scope),
            Some("system") => self.system(line, place, scope, rank),
            Some("permission-mode") => self.mode(line),
            Some("queue-operation") => self.notice(line, place, &scope, rank, &line["content"]),
            Some("attachment") => {
                self.notice(line, place, &scope, rank, &line["attachment"]["prompt"]);
            }
            _ => {}
        }
    }

    /// Who a line belongs to; none for lines outside any session (such as titles).
    fn scope(&mut self, line: &Value) -> Option<Scope> {
        let session = match (text(line, "sessionId"), self.agent) {
            (Some(session), _) => session,
            (None, Some(_)) => return None,
            (None, None) => self.stem,
        };
        let mut scope = Scope { session: session.to_owned(), agent: None, parent: None };
        let agent = text(line, "agentId").or(self.agent);
        if let Some(agent) = agent {
            scope.agent = Some(agent.to_owned());
        } else if line["isSidechain"].as_bool() == Some(true) {
            scope.agent = self.thread(line);
            scope.parent = Some(agent_id(session, None));
        }
        Some(scope)
    }

    fn thread(&mut self, line: &Value) -> Option<String> {
        let uuid = text(line, "uuid")?;
        let first = text(line, "parentUuid").and_then(|parent| self.threads.get(parent)).cloned();
        let first = first.unwrap_or_else(|| uuid.to_owned());
        self.threads.insert(uuid.to_owned(), first.clone());
        Some(first)
    }

    fn rank(&self, scope: &Scope) -> Rank {
        match self.agent {
            Some(agent) if agent.starts_with("acompact") => Rank::Copy,
            Some(_) => Rank::Agent,
            None if is_uuid(self.stem) && self.stem != scope.session => Rank::Copy,
            None => Rank::Own,
        }
    }

    /// The first line of a session's conversation: its main agent began to work.
    fn session_start(&mut self, line: &Value, place: &Place, scope: &Scope, rank: Rank) {
        let timestamp = text(line, "timestamp").unwrap_or_default();
        let known = scope.agent.is_some() || self.sessions.contains(&scope.session);
        if known || text(line, "uuid").is_none() || millis(timestamp).is_none() {
            return;
        }
        self.sessions.insert(scope.session.clone());
        let turn = Turn { scope: scope.clone(), rank, timestamp, body: line, outer: line, place };
        let mut draft = turn.draft("agent.deployed", &["session", &scope.session], self.file);
        draft.set("agent_type", super::super::Source::ClaudeCode.name());
        draft.set_some("agent_version", text(line, "version"));
        draft.set_some("entrypoint", text(line, "entrypoint"));
        draft.set("status", "success");
        self.push(rank, place.line, draft.build());
    }

    fn push(&mut self, rank: Rank, line: u64, event: Map<String, Value>) {
        self.events.push(Ranked { rank, line, event });
    }

    fn direct(&mut self, line: &Value, place: &Place, scope: Scope, rank: Rank) {
        let timestamp = text(line, "timestamp").unwrap_or_default();
        if let Some(mode) = text(line, "permissionMode") {
            self.permission_mode = Some(mode.to_owned());
        }
        let turn = Turn { scope, rank, timestamp, body: line, outer: line, place };
        self.turn(&turn);
        let message = &line["message"]["content"];
        let said = message.as_str().map(|_| message).or_else(|| {
            message.as_array()?.iter().map(|block| &block["text"]).find(|text| text.is_string())
        });
        if let (Some("user"), Some(said)) = (text(line, "type"), said) {
            self.notice(line, place, &turn.scope, rank, said);
        }
    }

    /// A subagent's message (older versions) or the end of a turn.
    fn progress(&mut self, line: &Value, place: &Place, owner: Scope) {
        let data = &line["data"];
        match (text(data, "type"), text(data, "hookEvent"), text(data, "agentId")) {
            (Some("hook_progress"), Some("Stop" | "SessionEnd"), _) => self.end(&owner.stream()),
            (Some("agent_progress"), _, Some(agent)) => {
                let body = &data["message"];
                let scope = Scope {
                    session: owner.session.clone(),
                    agent: Some(agent.to_owned()),
                    parent: Some(owner.agent_id()),
                };
                let timestamp =
                    text(body, "timestamp").or_else(|| text(line, "timestamp")).unwrap_or_default();
                if let Some(call) = text(line, "parentToolUseID") {
                    self.calls.running(call, agent);
                }
                let rank = Rank::Progress;
                self.turn(&Turn { scope, rank, timestamp, body, outer: line, place });
            }
            _ => {}
        }
    }

    fn system(&mut self, line: &Value, place: &Place, scope: Scope, rank: Rank) {
        match text(line, "subtype") {
            Some("stop_hook_summary" | "turn_duration" | "compact_boundary") => {
                self.end(&scope.stream());
            }
            Some("api_error") => {
                let timestamp = text(line, "timestamp").unwrap_or_default();
                let turn = Turn { scope, rank, timestamp, body: line, outer: line, place };
                self.api_error(&turn);
            }
            _ => {}
        }
    }

    fn api_error(&mut self, turn: &Turn<'_>) {
        let Some(uuid) = text(turn.body, "uuid") else { return };
        if !self.check_time(turn) {
            return;
        }
        let error = &turn.body["error"];
        let message = error.as_str().or_else(|| text(error, "message"));
        let code = text(&error["connection"], "code").map(str::to_owned);
        let code = code.or_else(|| error["status"].as_u64().map(|status| status.to_string()));
        let mut draft = turn.draft("workflow.retry", &["retry", uuid], self.file);
        draft.set("status", "error");
        draft.set("error_message", message.unwrap_or("API error"));
        draft.set_some("result_code", code);
        draft.set_some("attempt", turn.body["retryAttempt"].as_u64().or(Some(1)));
        draft.set_some("max_attempts", turn.body["maxRetries"].as_u64());
        draft.set_some("delay_ms", turn.body["retryInMs"].as_f64());
        draft.set("severity", "warning");
        self.push(turn.rank, turn.place.line, draft.build());
    }

    fn mode(&mut self, line: &Value) {
        self.permission_mode = text(line, "permissionMode").map(str::to_owned);
    }

    /// A message, wherever it was found.
    fn turn(&mut self, turn: &Turn<'_>) {
        let assistant = text(turn.body, "type") == Some("assistant");
        let kind = |block: &Value| text(block, "type").unwrap_or_default().to_owned();
        let blocks = turn.blocks();
        if !assistant && !blocks.iter().any(|block| is_result(&kind(block))) {
            // Something new was said to the agent, so it had finished (or was stopped).
            if turn.body["isMeta"].as_bool() != Some(true) {
                self.end(&turn.scope.stream());
            }
            return;
        }
        if !self.check_time(turn) {
            return;
        }
        if assistant {
            self.response(turn);
        }
        for block in blocks {
            let kind = kind(block);
            let done = if assistant && is_call(&kind) {
                let mode = self.permission_mode.as_deref();
                self.calls.call(turn, block, mode, self.file, self.options)
            } else if is_result(&kind) {
                self.calls.result(turn, block, self.file, self.options)
            } else {
                None
            };
            self.finished(done);
        }
    }

    fn check_time(&mut self, turn: &Turn<'_>) -> bool {
        let good = turn.has_time();
        if !good {
            let reason = format!("{:?} is not an RFC 3339 time", turn.timestamp);
            self.skip(turn.place.line, "timestamp", reason);
        }
        good
    }

    fn response(&mut self, turn: &Turn<'_>) {
        let (ended, late) = self.messages.line(turn, self.file);
        if let Some(late) = late {
            let reason = format!(
                "{} output tokens for a response that had ended with {}; the earlier count is kept",
                late.claimed, late.kept
            );
            self.skip(turn.place.line, "message.usage.output_tokens", reason);
        }
        for ended in ended {
            self.ended(ended);
        }
    }

    fn end(&mut self, stream: &str) {
        if let Some(ended) = self.messages.end(stream) {
            self.ended(ended);
        }
    }

    fn ended(&mut self, ended: Ended) {
        self.push(ended.rank, ended.line, ended.event);
    }

    fn finished(&mut self, done: Option<Finished>) {
        let Some(done) = done else { return };
        if let Some(stream) = &done.ended_stream {
            self.end(stream);
        }
        for event in done.events {
            self.push(done.rank, done.line, event);
        }
    }

    /// The harness reports that a background subagent ended.
    fn notice(&mut self, line: &Value, place: &Place, scope: &Scope, rank: Rank, said: &Value) {
        let Some(said) = said.as_str().filter(|said| said.contains("<task-notification>")) else {
            return;
        };
        let timestamp = text(line, "timestamp").unwrap_or_default();
        let turn = Turn { scope: scope.clone(), rank, timestamp, body: line, outer: line, place };
        if !turn.has_time() {
            return;
        }
        let done = self.calls.notification(&turn, said, self.file);
        self.finished(done);
    }

    /// Ends the responses that a subagent's parent, in another file, saw finish.
    pub(super) fn settle(&mut self, ended: &HashMap<String, Value>) {
        for (stream, usage) in ended {
            if let Some(last) = self.messages.end_if_last(stream, usage) {
                self.ended(last);
            }
        }
    }
}

/// Calls of tools that run here, at the model's provider, or behind the provider.
fn is_call(kind: &str) -> bool {
    matches!(kind, "tool_use" | "server_tool_use" | "mcp_tool_use")
}

/// `tool_result`, `web_search_tool_result` and the like.
fn is_result(kind: &str) -> bool {
    kind.ends_with("tool_result")
}

fn is_uuid(name: &str) -> bool {
    name.len() == 36
        && name.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}
