//! What else happened around something: the same user, session, agent, run, address or resource.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::fetch::{Limits, Parts, Source};
use super::kind::Kind;
use super::record::Record;
use super::time::rfc3339;
use super::{ambiguous, resolve};
use crate::error::{QueryError, Result};

/// What has something in common with an id, around its time.
#[derive(Debug, Clone, Serialize)]
pub struct Related {
    /// The id that was asked for.
    pub id: String,
    /// What it is the id of.
    pub kind: Kind,
    /// The time that was searched, RFC 3339, UTC: from, inclusive.
    pub from: String,
    /// To, exclusive.
    pub to: String,
    /// By the time, then `recorded_at`, then `audit_id`.
    pub events: Vec<RelatedEvent>,
    /// Whether there are more than were asked for.
    pub cut: bool,
}

/// An event, and why it is among the related ones.
#[derive(Debug, Clone, Serialize)]
pub struct RelatedEvent {
    /// What it has in common: `user mira`, `session s-1`, `address 203.0.113.7`...; of what was
    /// asked for `itself`.
    pub reasons: Vec<String>,
    /// The whole record.
    pub record: Value,
}

/// What relates events: a word for it, the columns that it is searched in, the paths in a record.
const SHARED: [(&str, &[&str], &[&str]); 6] = [
    (
        "user",
        &[
            "user_id",
            "email",
            "initiated_by",
            "user_context_initiated_by",
            "authorized_by",
            "modified_by",
            "approver",
        ],
        &[
            "user_id",
            "email",
            "initiated_by",
            "user_context.initiated_by",
            "authorized_by",
            "modified_by",
            "approver",
        ],
    ),
    (
        "session",
        &["session_id", "user_context_session_id"],
        &["session_id", "user_context.session_id"],
    ),
    ("agent", &["agent_id", "parent_agent_id"], &["agent_id", "parent_agent_id"]),
    ("execution", &["execution_id", "parent_execution"], &["execution_id", "parent_execution"]),
    ("address", &["source_ip"], &["source_ip"]),
    ("resource", &["resource_path"], &["resource.path"]),
];

/// The fields that hold ids of a kind.
fn fields(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Audit => &["audit_id"],
        Kind::Execution => SHARED[3].1,
        Kind::Session => SHARED[1].1,
        Kind::Agent => SHARED[2].1,
        Kind::Credential => &["credential_id"],
        Kind::User => SHARED[0].1,
    }
}

/// The values of one event that relate it to others.
type Facts = BTreeMap<&'static str, BTreeSet<String>>;

fn facts(record: &Record) -> Facts {
    let mut facts = Facts::new();
    for (word, _, paths) in SHARED {
        for value in paths.iter().filter_map(|path| record.text(path)) {
            facts.entry(word).or_default().insert(value.to_owned());
        }
    }
    facts
}

/// Events within `context` microseconds of what `id` names, and which have a user, session, agent,
/// run, address or resource in common with it. `None` if the trail has nothing with this id.
///
/// What is asked for is looked up first, its earliest `most` events at most; `kind` says of what it
/// is the id, if it is that of several things.
///
/// # Errors
/// As [`trace`](super::trace).
pub async fn related(
    source: &Source<'_>,
    id: &str,
    kind: Option<Kind>,
    context: i64,
    most: usize,
) -> Result<Option<Related>> {
    if context < 0 {
        return Err(QueryError::Parameter("the context is a length of time".to_owned()));
    }
    let kind = match resolve::kinds(source, id, kind).await?.as_slice() {
        [] => return Ok(None),
        [kind] => *kind,
        several => return Err(ambiguous(id, several)),
    };
    let mut parts = Parts::default();
    parts.add(fields(kind), &BTreeSet::from([id.to_owned()]), "");
    if kind == Kind::Credential {
        let attributes = ["attrs ->> 'api_key_id'", "attrs ->> 'issued_credential_id'"];
        parts.add(&attributes, &BTreeSet::from([id.to_owned()]), "domain = 'auth'");
    }
    let limits = Limits { rows: most, since: None, until: None };
    let fetched = source.fetch(&parts, limits).await?;
    let times = fetched.records.iter().map(|record| record.at);
    let (Some(first), Some(last)) = (times.clone().min(), times.max()) else { return Ok(None) };
    let mut wanted = Facts::new();
    let mut own = BTreeSet::new();
    for record in &fetched.records {
        own.insert(record.audit_id.clone());
        for (word, values) in facts(record) {
            wanted.entry(word).or_default().extend(values);
        }
    }
    let from = first.saturating_sub(context);
    let to = last.saturating_add(context).saturating_add(1);
    let mut parts = Parts::default();
    for (word, columns, _) in SHARED {
        if let Some(values) = wanted.get(word) {
            parts.add(columns, values, "");
        }
    }
    parts.add(&["audit_id"], &own, "");
    let limits = Limits { rows: most.saturating_add(1), since: Some(from), until: Some(to) };
    let around = source.fetch(&parts, limits).await?;
    let mut cut = fetched.cut || around.cut;
    let mut events = distinct(around.records);
    cut |= events.len() > most;
    events.truncate(most);
    let events = events
        .into_iter()
        .map(|record| RelatedEvent {
            reasons: reasons(&record, &wanted, &own),
            record: record.json,
        })
        .collect();
    Ok(Some(Related { id: id.to_owned(), kind, from: rfc3339(from), to: rfc3339(to), events, cut }))
}

/// Each event once, in order.
fn distinct(mut records: Vec<Record>) -> Vec<Record> {
    records.sort_by(|a, b| a.order().cmp(&b.order()));
    records.dedup_by(|a, b| a.order() == b.order());
    records
}

fn reasons(record: &Record, wanted: &Facts, own: &BTreeSet<String>) -> Vec<String> {
    let mut reasons = Vec::new();
    if own.contains(&record.audit_id) {
        reasons.push("itself".to_owned());
    }
    for (word, values) in facts(record) {
        let shared = wanted.get(word).into_iter().flat_map(|known| known.intersection(&values));
        reasons.extend(shared.map(|value| format!("{word} {value}")));
    }
    reasons
}
