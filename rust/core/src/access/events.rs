//! The records of who looked, as events.

use std::time::Duration;

use data_encoding::HEXLOWER;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{EVENT_TYPE, Question};
use crate::trail::Settings;
use crate::{Error, Result};

/// Most bytes of a statement, of filters and of a purpose that a record holds. Beyond, it holds
/// their beginning and the hash of the whole.
const MOST_TEXT: usize = 64 << 10;

/// How a question ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Status {
    /// All rows were given.
    Completed,
    /// Whoever asked took no more, or interrupted.
    Partial,
    /// It failed; the error's code.
    Failed(String),
}

/// What became of a question.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    /// Id of the record of its intent.
    pub(crate) intent: String,
    /// Rows that were given.
    pub(crate) rows: u64,
    /// From the intent to the last row.
    pub(crate) took: Duration,
    pub(crate) status: Status,
}

/// The event of a question that is about to be answered, of the trail with this id and URL.
pub(crate) fn intent(
    question: &Question,
    (trail_id, url): (Option<&str>, &str),
    settings: &Settings,
) -> Result<Vec<u8>> {
    let most = (settings.limits.max_bytes / 8).min(MOST_TEXT);
    let mut event = common(question, settings, "intent");
    let reader = &question.reader;
    let details = [
        ("os_user", json!(reader.os_user)),
        ("uid", json!(reader.uid)),
        ("sudo_user", json!(reader.sudo_user)),
        ("host", json!(reader.host)),
        ("pid", json!(reader.pid)),
        ("terminal", json!(reader.terminal)),
    ];
    let details: Map<_, _> = known(details).collect();
    event.extend(known([
        ("reader", Value::Object(details)),
        ("resource", json!({ "type": "audit_trail", "path": url })),
        ("trail_id", json!(trail_id)),
        ("ledger_size", json!(question.ledger_size)),
    ]));
    if let Some(query) = &question.query {
        add_text(&mut event, "query", query, most);
    }
    if let Some(purpose) = &question.purpose {
        add_text(&mut event, "purpose", purpose, most);
    }
    if !question.filters.is_empty() {
        let text = to_text(&question.filters)?;
        if text.len() <= most {
            event.insert("filters".to_owned(), Value::Object(question.filters.clone()));
        } else {
            let text = String::from_utf8_lossy(&text);
            add_text(&mut event, "filters_text", &text, most);
        }
    }
    to_text(&event)
}

/// The event of what became of a question.
pub(crate) fn outcome(
    question: &Question,
    outcome: &Outcome,
    settings: &Settings,
) -> Result<Vec<u8>> {
    let mut event = common(question, settings, "outcome");
    let took = u64::try_from(outcome.took.as_millis()).unwrap_or(u64::MAX);
    let (status, code) = match &outcome.status {
        Status::Completed => ("completed", None),
        Status::Partial => ("partial", None),
        Status::Failed(code) => ("failed", Some(code)),
    };
    event.extend(known([
        ("intent_id", json!(outcome.intent)),
        ("rows_returned", json!(outcome.rows)),
        ("duration_ms", json!(took)),
        ("status", json!(status)),
        ("result_code", json!(code)),
    ]));
    to_text(&event)
}

fn common(question: &Question, settings: &Settings, phase: &str) -> Map<String, Value> {
    let configured = settings.defaults.iter().find(|(name, _)| *name == "user_id");
    let user = configured.map(|(_, user)| user).or(question.reader.os_user.as_ref());
    known([
        ("event_type", json!(EVENT_TYPE)),
        ("access_type", json!(question.access_type)),
        ("phase", json!(phase)),
        ("interface", json!(question.reader.door.to_string())),
        ("user_id", json!(user)),
        ("source_ip", json!(question.reader.source_ip)),
    ])
    .collect()
}

/// Members without those that are not known.
fn known<const N: usize>(
    members: [(&'static str, Value); N],
) -> impl Iterator<Item = (String, Value)> {
    let known = members.into_iter().filter(|(_, value)| !value.is_null());
    known.map(|(name, value)| (name.to_owned(), value))
}

/// Adds a text, or its beginning, and then its length and hash, too.
fn add_text(event: &mut Map<String, Value>, name: &str, text: &str, most: usize) {
    let kept = &text[..text.floor_char_boundary(most)];
    event.insert(name.to_owned(), kept.into());
    if kept.len() < text.len() {
        let hash = HEXLOWER.encode(&Sha256::digest(text.as_bytes()));
        event.insert(format!("{name}_bytes"), text.len().into());
        event.insert(format!("{name}_sha256"), hash.into());
    }
}

fn to_text(members: &Map<String, Value>) -> Result<Vec<u8>> {
    serde_json::to_vec(members).map_err(|e| Error::encoding(EVENT_TYPE, e))
}
