//! What a trail holds about one person (GDPR article 15): everything done by them or in their
//! name, subagents included, what names them otherwise, and who asked the trail about them.

use std::collections::HashSet;
use std::fmt::Write;
use std::sync::Arc;

use sealtrail_core::access::EVENT_TYPE;
use serde::Serialize;

use super::fetch::Source;
use super::kind::Kind;
use super::model::{Node, NodeKind, Resource, Touched, Trace};
use super::render_html::{fill, safe};
use super::{TraceOptions, trace};
use crate::error::{QueryError, Result};
use crate::search::condition::text_literal;
use crate::search::run::Place;
use crate::search::summary::{text, time};
use crate::search::{Filter, Form, Matcher, Search};

/// Version of the JSON of a [`SubjectReport`]; members may be added under the same version.
pub const SUBJECT_REPORT_VERSION: u32 = 1;

const PAGE: &str = include_str!("subject.html");

/// What a report shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectOptions {
    /// Most events of the person's chain. What is left out is said. Default 1,000,000.
    pub max_events: usize,
    /// Events from this time on, in microseconds since 1970, UTC.
    pub since: Option<i64>,
    /// Events before this time.
    pub until: Option<i64>,
}

impl Default for SubjectOptions {
    fn default() -> Self {
        Self { max_events: 1_000_000, since: None, until: None }
    }
}

/// What a trail holds about one person.
#[derive(Debug, Clone, Serialize)]
pub struct SubjectReport {
    /// [`SUBJECT_REPORT_VERSION`].
    pub version: u32,
    /// The person's id.
    pub subject: String,
    /// Number of ledger entries that were read.
    pub ledger_size: u64,
    /// Time of the first of the events, RFC 3339 in UTC.
    pub first: Option<String>,
    /// Time of the last.
    pub last: Option<String>,
    /// The events, the earliest first.
    pub events: Vec<SubjectEvent>,
    /// What was touched by the person or in their name, most often touched first.
    pub resources: Vec<Touched>,
    /// Questions to the trail that name the person, the earliest first.
    pub questions: Vec<SubjectQuestion>,
    /// What the reader must know about the answer: cuts, gaps, doubts.
    pub notices: Vec<String>,
    /// Whether something was left out: see the notices.
    pub cut: bool,
}

/// Something that was done.
#[derive(Debug, Clone, Serialize)]
pub struct SubjectEvent {
    /// When, RFC 3339 in UTC.
    pub timestamp: String,
    /// What kind of event.
    pub event_type: String,
    /// The record.
    pub audit_id: String,
    /// How it concerns the person: `acted` (they did it, or it was done in their name), or `named`
    /// (it is about them, or asks for their consent).
    pub concern: &'static str,
    /// Who did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Under whose authority, the person first: `user u`, `session s`, `agent a`, `agent b`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub authority: Vec<String>,
    /// The event that says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// Nothing says so outright.
    #[serde(skip_serializing_if = "is_false")]
    pub inferred: bool,
    /// What was accessed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<Resource>,
    /// The tool that was called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// `success`, `failure`, `denied` or `unknown`.
    pub outcome: String,
    /// What was done, in a few words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// Whether its permission, credential, agent or session had ended before.
    #[serde(skip_serializing_if = "is_false")]
    pub after_permission_ended: bool,
}

/// Somebody asked the trail about the person.
#[derive(Debug, Clone, Serialize)]
pub struct SubjectQuestion {
    /// When, RFC 3339 in UTC.
    pub timestamp: String,
    /// Who asked.
    pub by: Option<String>,
    /// What for, as they said.
    pub purpose: Option<String>,
    /// How: `search`, `get`, `trace`...
    pub access_type: Option<String>,
    /// The record.
    pub audit_id: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_false(value: &bool) -> bool {
    !value
}

/// What the trail holds about a person; `None` if it names them nowhere.
///
/// # Errors
/// Errors of reading the trail.
pub async fn subject_report(
    source: &Source<'_>,
    subject: &str,
    options: &SubjectOptions,
) -> Result<Option<SubjectReport>> {
    let of_user = TraceOptions {
        kind: Some(Kind::User),
        up: false,
        max_nodes: options.max_events,
        since: options.since,
        until: options.until,
        ..TraceOptions::default()
    };
    let traced = trace(source, subject, &of_user).await?;
    let mut report = SubjectReport {
        version: SUBJECT_REPORT_VERSION,
        subject: subject.to_owned(),
        ledger_size: source.view.size(),
        first: None,
        last: None,
        events: traced.as_ref().map(acted).unwrap_or_default(),
        resources: Vec::new(),
        questions: questions(source, subject).await?,
        notices: Vec::new(),
        cut: false,
    };
    let named = named(source, subject, options, &report.events).await?;
    report.events.extend(named);
    report.events.sort_by(|a, b| (&a.timestamp, &a.audit_id).cmp(&(&b.timestamp, &b.audit_id)));
    report.first = report.events.first().map(|event| event.timestamp.clone());
    report.last = report.events.last().map(|event| event.timestamp.clone());
    if let Some(traced) = traced {
        report.notices = traced.notices.iter().map(|notice| notice.message.clone()).collect();
        report.cut = traced.cut;
        report.resources = traced.resources;
    }
    let nothing = report.events.is_empty() && report.questions.is_empty();
    Ok((!nothing).then_some(report))
}

/// What the person did, and what was done in their name.
fn acted(trace: &Trace) -> Vec<SubjectEvent> {
    let events = trace.nodes.iter().filter(|node| node.kind == NodeKind::Event && !node.missing);
    events.filter_map(|node| of_node(trace, node)).collect()
}

fn of_node(trace: &Trace, node: &Node) -> Option<SubjectEvent> {
    let facts = node.event.as_deref()?;
    let mut authority = Vec::new();
    let mut above = node.parent_index();
    while let Some(parent) = above.and_then(|index| trace.nodes.get(index)) {
        authority.push(format!("{} {}", parent.kind.name(), parent.name));
        above = parent.parent_index();
    }
    authority.reverse();
    Some(SubjectEvent {
        timestamp: facts.timestamp.clone(),
        event_type: facts.event_type.clone(),
        audit_id: node.name.clone(),
        concern: "acted",
        by: facts.actor.clone(),
        authority,
        because: node.edge.as_ref().map(|edge| edge.audit_id.clone()),
        inferred: node.edge.as_ref().is_some_and(|edge| edge.inferred),
        resource: facts.resource.clone(),
        tool: facts.tool.clone(),
        outcome: facts.outcome.to_owned(),
        summary: facts.summary.clone(),
        after_permission_ended: !facts.after_permission_ended.is_empty(),
    })
}

fn place(source: &Source<'_>) -> Place {
    let (view, store) = (Arc::clone(&source.view), Arc::clone(&source.store));
    Place { engine: source.engine.clone(), view, store }
}

/// The other events that name the person.
async fn named(
    source: &Source<'_>,
    subject: &str,
    options: &SubjectOptions,
    known: &[SubjectEvent],
) -> Result<Vec<SubjectEvent>> {
    let known: HashSet<&str> = known.iter().map(|event| event.audit_id.as_str()).collect();
    let mut filter =
        Filter::default().field("user_id", [Matcher::Exact(subject.to_owned()).text()]);
    filter.window.since = options.since;
    filter.window.until = options.until;
    let search = Search::new(filter.condition_of(format!("event_type <> '{EVENT_TYPE}'")));
    let (view, store) = (Arc::clone(&source.view), Arc::clone(&source.store));
    let found = search.run(source.engine, view, store, Form::Brief).await?;
    let mut events = Vec::new();
    for batch in found.result.collect().await? {
        for row in 0..batch.num_rows() {
            let audit_id = text(&batch, "audit_id", row)?.unwrap_or_default();
            if known.contains(audit_id.as_str()) {
                continue;
            }
            events.push(SubjectEvent {
                timestamp: time(&batch, "timestamp", row)?.unwrap_or_default(),
                event_type: text(&batch, "event_type", row)?.unwrap_or_default(),
                audit_id,
                concern: "named",
                by: text(&batch, "actor", row)?,
                authority: Vec::new(),
                because: None,
                inferred: false,
                resource: None,
                tool: None,
                outcome: text(&batch, "outcome", row)?.unwrap_or_default(),
                summary: text(&batch, "what", row)?.unwrap_or_default(),
                after_permission_ended: false,
            });
        }
    }
    Ok(events)
}

/// Who asked the trail about the person.
async fn questions(source: &Source<'_>, subject: &str) -> Result<Vec<SubjectQuestion>> {
    let sql = format!(
        "SELECT \"timestamp\", user_id, audit_id, event ->> 'purpose' AS purpose, \
           event ->> 'access_type' AS access_type, event ->> 'query' AS query, \
           event ->> 'filters' AS filters \
         FROM events WHERE event_type = '{EVENT_TYPE}' AND event ->> 'phase' = 'intent' \
           AND record_has(event, {}) ORDER BY \"timestamp\", audit_id",
        text_literal(subject)
    );
    let mut asked = Vec::new();
    for batch in place(source).sql(&sql).await?.collect().await? {
        for row in 0..batch.num_rows() {
            let words = [text(&batch, "query", row)?, text(&batch, "filters", row)?];
            if !words.iter().flatten().any(|words| names(words, subject)) {
                continue;
            }
            asked.push(SubjectQuestion {
                timestamp: time(&batch, "timestamp", row)?.unwrap_or_default(),
                by: text(&batch, "user_id", row)?,
                purpose: text(&batch, "purpose", row)?,
                access_type: text(&batch, "access_type", row)?,
                audit_id: text(&batch, "audit_id", row)?.unwrap_or_default(),
            });
        }
    }
    Ok(asked)
}

/// Whether a text has the id by itself, not as a part of another one.
fn names(text: &str, id: &str) -> bool {
    let joins = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(id).any(|(at, _)| {
        !text[..at].chars().next_back().is_some_and(joins)
            && !text[at + id.len()..].chars().next().is_some_and(joins)
    })
}

impl SubjectReport {
    /// The whole report as one JSON object; `indented` for people.
    ///
    /// # Errors
    /// `Output` if a value has no JSON form, which none has.
    pub fn to_json(&self, indented: bool) -> Result<String> {
        let text =
            if indented { serde_json::to_string_pretty(self) } else { serde_json::to_string(self) };
        text.map_err(|error| QueryError::Output(error.to_string()))
    }

    /// The events as CSV (RFC 4180) with a header. Cells that a spreadsheet would take for a
    /// formula begin with `'`.
    pub fn to_csv(&self) -> String {
        let mut out = String::from(
            "timestamp,event_type,audit_id,concern,by,authority,because,resource,tool,outcome,summary\r\n",
        );
        for event in &self.events {
            let authority = event.authority.join(" > ");
            let cells: [&str; 11] = [
                &event.timestamp,
                &event.event_type,
                &event.audit_id,
                event.concern,
                event.by.as_deref().unwrap_or_default(),
                &authority,
                event.because.as_deref().unwrap_or_default(),
                event.resource.as_ref().map_or("", |resource| resource.path.as_str()),
                event.tool.as_deref().unwrap_or_default(),
                &event.outcome,
                &event.summary,
            ];
            out.push_str(&cells.map(cell).join(","));
            out.push_str("\r\n");
        }
        out
    }

    /// The report as an HTML page that needs nothing else.
    pub fn to_html(&self) -> String {
        let heading = format!("What the audit trail holds about {}", self.subject);
        let between = match (&self.first, &self.last) {
            (Some(first), Some(last)) => format!(" from {first} to {last}"),
            _ => String::new(),
        };
        let (events, questions) = (self.events.len(), self.questions.len());
        let summary = format!(
            "{events} events{between}, {questions} questions to the trail. Times are UTC. The first \
             {} entries of the ledger were read.",
            self.ledger_size
        );
        let parts = [
            ("title", safe(&heading)),
            ("heading", safe(&heading)),
            ("summary", safe(&summary)),
            (
                "notices",
                self.notices.iter().fold(String::new(), |mut out, notice| {
                    let _ = write!(out, "<p class=\"note\">{}</p>", safe(notice));
                    out
                }),
            ),
            ("events", self.events_html()),
            ("resources", self.resources_html()),
            ("questions", self.questions_html()),
        ];
        fill(PAGE, &parts)
    }

    fn events_html(&self) -> String {
        let mut out = String::new();
        for event in &self.events {
            let what = match &event.resource {
                Some(resource) => resource.path.as_str(),
                None => &event.summary,
            };
            let authority = if event.authority.is_empty() {
                event.concern.to_owned()
            } else {
                let doubt = if event.inferred { " (inferred)" } else { "" };
                event.authority.join(" > ") + doubt
            };
            let by = event.by.as_deref().unwrap_or("-");
            let cells = [
                &event.timestamp,
                &event.event_type,
                what,
                by,
                &authority,
                &event.outcome,
                &event.audit_id,
            ];
            out.push_str(&row(&cells));
        }
        out
    }

    fn resources_html(&self) -> String {
        self.resources.iter().fold(String::new(), |out, touched| {
            let level = touched.resource.sensitivity_level.as_deref().unwrap_or_default();
            let (actions, events) = (touched.actions.join(", "), touched.events.to_string());
            out + &row(&[&touched.resource.path, level, &actions, &events])
        })
    }

    fn questions_html(&self) -> String {
        self.questions.iter().fold(String::new(), |out, asked| {
            let shown = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
            let (by, how, why) =
                (shown(&asked.by), shown(&asked.access_type), shown(&asked.purpose));
            out + &row(&[&asked.timestamp, &by, &how, &why, &asked.audit_id])
        })
    }
}

fn row(cells: &[&str]) -> String {
    let cells: String = cells.iter().map(|cell| format!("<td>{}", safe(cell))).collect();
    format!("<tr>{cells}</tr>\n")
}

fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text
}
