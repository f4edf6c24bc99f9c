//! Hand-written transcripts, one rule at a time.

mod agents;
mod cuts;
mod responses;
mod tools;

use serde_json::{Map, Value, json};

use super::super::{FileImport, ImportOptions};
use super::read;

pub(super) const SESSION: &str = "11111111-2222-4333-8444-555555555555";
pub(super) const MAIN: &str = "claude-code:11111111-2222-4333-8444-555555555555";

/// Lines of a transcript, each a second after the one before.
#[derive(Default, Clone)]
pub(super) struct Script {
    pub(super) lines: Vec<Value>,
    agent: Option<&'static str>,
}

impl Script {
    pub(super) fn of_agent(agent: &'static str) -> Self {
        Self { lines: Vec::new(), agent: Some(agent) }
    }

    fn time(&self) -> String {
        let at = self.lines.len();
        format!("2026-03-01T10:{:02}:{:02}.000Z", at / 60, at % 60)
    }

    /// Adds a line with what all lines share.
    pub(super) fn add(mut self, mut line: Value) -> Self {
        let at = self.lines.len();
        let shared = json!({
            "sessionId": SESSION, "timestamp": self.time(), "uuid": format!("uuid-{at}"),
            "parentUuid": at.checked_sub(1).map(|at| format!("uuid-{at}")),
            "cwd": "/home/ana/shop", "gitBranch": "main", "version": "2.1.33",
            "isSidechain": self.agent.is_some(),
        });
        let object = line.as_object_mut().unwrap();
        for (key, value) in shared.as_object().unwrap() {
            object.entry(key.clone()).or_insert_with(|| value.clone());
        }
        if let Some(agent) = self.agent {
            object.insert("agentId".to_owned(), agent.into());
        }
        self.lines.push(line);
        self
    }

    pub(super) fn prompt(self, said: &str) -> Self {
        self.add(json!({"type": "user", "message": {"role": "user", "content": said},
            "permissionMode": "acceptEdits"}))
    }

    pub(super) fn says(self, id: &str, output: u64, stop: Option<&str>) -> Self {
        self.add(response(id, output, stop, json!({"type": "text", "text": "hello"})))
    }

    pub(super) fn calls(self, id: &str, tool: &str, name: &str, input: Value) -> Self {
        let block = json!({"type": "tool_use", "id": tool, "name": name, "input": input});
        self.add(response(id, 5, None, block))
    }

    pub(super) fn result(self, tool: &str, content: Value, extra: Value) -> Self {
        let failed = extra["is_error"].as_bool();
        let mut block = json!({"type": "tool_result", "tool_use_id": tool, "content": content});
        if let Some(failed) = failed {
            block["is_error"] = failed.into();
        }
        let mut line = json!({"type": "user", "promptId": "prompt-1",
            "message": {"role": "user", "content": [block]}});
        for key in ["toolUseResult", "toolDenialKind"] {
            if !extra[key].is_null() {
                line[key] = extra[key].clone();
            }
        }
        self.add(line)
    }

    /// Puts a message into a `progress` line, as older versions did for subagents.
    pub(super) fn progress(self, call: &str, agent: &str, message: Value) -> Self {
        let mut message = message;
        message["timestamp"] = self.time().into();
        message["uuid"] = format!("inner-{}", self.lines.len()).into();
        self.add(json!({"type": "progress", "parentToolUseID": call, "toolUseID": "x",
            "data": {"type": "agent_progress", "agentId": agent, "message": message}}))
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for line in &self.lines {
            out.extend_from_slice(line.to_string().as_bytes());
            out.push(b'\n');
        }
        out
    }

    pub(super) fn import(&self) -> FileImport {
        self.import_with(&ImportOptions::default())
    }

    pub(super) fn import_with(&self, options: &ImportOptions) -> FileImport {
        read(&[(&format!("{SESSION}.jsonl"), &self.bytes())], options).remove(0)
    }
}

pub(super) fn response(id: &str, output: u64, stop: Option<&str>, block: Value) -> Value {
    json!({"type": "assistant", "requestId": format!("req_{id}"), "message": {
        "id": id, "role": "assistant", "model": "claude-x", "content": [block],
        "stop_reason": stop,
        "usage": {"input_tokens": 3, "output_tokens": output, "cache_read_input_tokens": 100,
            "cache_creation_input_tokens": 20, "service_tier": "standard",
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 20}},
    }})
}

/// The events of one type.
pub(super) fn events<'a>(import: &'a FileImport, event_type: &str) -> Vec<&'a Map<String, Value>> {
    let events = import.events.iter().map(|event| &event.event);
    events.filter(|event| event["event_type"] == event_type).collect()
}

/// The only event of a type.
pub(super) fn only<'a>(import: &'a FileImport, event_type: &str) -> &'a Map<String, Value> {
    let found = events(import, event_type);
    assert_eq!(found.len(), 1, "{event_type} in {:#?}", import.events);
    found[0]
}
