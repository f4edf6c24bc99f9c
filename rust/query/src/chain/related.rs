//! What else happened around something: the same user, session, agent, run, address or resource.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use serde::Serialize;
use serde_json::Value;

use super::fetch::{Fetched, Limits, Parts, Source};
use super::kind::Kind;
use super::record::Record;
use super::time::rfc3339;
use super::{ambiguous, resolve};
use crate::error::{QueryError, Result};
use crate::search::Filter;

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

/// What [`related`] looks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelatedOptions {
    /// What the id is the id of; found out if `None`.
    pub kind: Option<Kind>,
    /// How long before the first and after the last event of the id, in microseconds. Default 30
    /// minutes.
    pub context: i64,
    /// At most so many events, the earliest. Default 10,000.
    pub limit: usize,
    /// Only events that meet this.
    pub filter: Filter,
}

impl Default for RelatedOptions {
    fn default() -> Self {
        Self { kind: None, context: 1_800_000_000, limit: 10_000, filter: Filter::default() }
    }
}

/// Events around the time of what `id` names which have a user, session, agent, run, address or
/// resource in common with it. `None` if the trail has nothing with this id.
///
/// What the id names is looked up first: its earliest [`RelatedOptions::limit`] events.
///
/// # Errors
/// As [`trace`](super::trace), and what a filter fails with.
pub async fn related(
    source: &Source<'_>,
    id: &str,
    options: &RelatedOptions,
) -> Result<Option<Related>> {
    if options.context < 0 {
        return Err(QueryError::Parameter("the context is a length of time".to_owned()));
    }
    let kind = match resolve::kinds(source, id, options.kind).await?.as_slice() {
        [] => return Ok(None),
        [kind] => *kind,
        several => return Err(ambiguous(id, several)),
    };
    let most = options.limit.max(1);
    let named = named(source, id, kind, most).await?;
    let times = named.records.iter().map(|record| record.at);
    let (Some(first), Some(last)) = (times.clone().min(), times.max()) else { return Ok(None) };
    let mut wanted = Facts::new();
    let mut own = BTreeSet::new();
    for record in &named.records {
        own.insert(record.audit_id.clone());
        for (word, values) in facts(record) {
            wanted.entry(word).or_default().extend(values);
        }
    }
    let from = first.saturating_sub(options.context);
    let to = last.saturating_add(options.context).saturating_add(1);
    let everything = options.filter == Filter::default();
    let mut parts = match everything {
        true => Parts::default(),
        false => Parts::filtered(options.filter.condition()?),
    };
    for (word, columns, _) in SHARED {
        if let Some(values) = wanted.get(word) {
            parts.add(columns, values, "");
        }
    }
    parts.add(&["audit_id"], &own, "");
    let limits = Limits { rows: most.saturating_add(1), since: Some(from), until: Some(to) };
    let around = source.fetch(&parts, limits).await?;
    let mut events = distinct(around.records);
    let cut = named.cut || around.cut || events.len() > options.limit;
    events.truncate(options.limit);
    let events = events
        .into_iter()
        .map(|record| RelatedEvent {
            reasons: reasons(&record, &wanted, &own),
            record: record.json,
        })
        .collect();
    Ok(Some(Related { id: id.to_owned(), kind, from: rfc3339(from), to: rfc3339(to), events, cut }))
}

/// The events that the id names.
async fn named(source: &Source<'_>, id: &str, kind: Kind, most: usize) -> Result<Fetched> {
    let ids = BTreeSet::from([id.to_owned()]);
    let mut parts = Parts::default();
    parts.add(fields(kind), &ids, "");
    if kind == Kind::Credential {
        let attributes = ["attrs ->> 'api_key_id'", "attrs ->> 'issued_credential_id'"];
        parts.add(&attributes, &ids, "domain = 'auth'");
    }
    source.fetch(&parts, Limits { rows: most, since: None, until: None }).await
}

impl Related {
    /// The events as a table: `timestamp`, `event_type`, `actor`, `outcome`, `related` (the
    /// reasons, separated by commas), `audit_id` and `event` (the record as JSON).
    ///
    /// # Errors
    /// None that could be met.
    pub fn table(&self) -> Result<RecordBatch> {
        let records: Vec<Record> = self
            .events
            .iter()
            .map(|event| Record::parse(&event.record.to_string()))
            .collect::<Result<_>>()?;
        let texts = |of: &dyn Fn(&Record, &RelatedEvent) -> Option<String>| -> ArrayRef {
            let texts = records.iter().zip(&self.events).map(|(record, event)| of(record, event));
            Arc::new(texts.collect::<StringArray>())
        };
        let times = records.iter().map(|record| record.at);
        let times = TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC");
        let columns: [(&str, ArrayRef); 7] = [
            ("timestamp", Arc::new(times)),
            ("event_type", texts(&|record, _| Some(record.event_type.clone()))),
            ("actor", texts(&|record, _| record.actor().map(str::to_owned))),
            ("outcome", texts(&|record, _| Some(record.outcome().to_owned()))),
            ("related", texts(&|_, event| Some(event.reasons.join(", ")))),
            ("audit_id", texts(&|record, _| Some(record.audit_id.clone()))),
            ("event", texts(&|_, event| Some(event.record.to_string()))),
        ];
        RecordBatch::try_from_iter(columns)
            .map_err(|error| QueryError::Execution(error.to_string()))
    }

    /// The records as JSON, each with its reasons as a further member `_related`: one array, or
    /// one line each.
    pub fn to_json(&self, array: bool) -> String {
        let mut out = String::new();
        for (index, event) in self.events.iter().enumerate() {
            let mut record = event.record.clone();
            record["_related"] = event.reasons.clone().into();
            out.push_str(match (array, index) {
                (true, 0) => "[",
                (true, _) => ",\n",
                (false, _) => "",
            });
            out.push_str(&record.to_string());
            if !array {
                out.push('\n');
            }
        }
        match (array, self.events.is_empty()) {
            (true, true) => "[]\n".to_owned(),
            (true, false) => out + "]\n",
            (false, _) => out,
        }
    }
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
