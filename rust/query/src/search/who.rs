//! The page of one user, agent, credential, session or address.

use std::sync::Arc;

use arrow::array::RecordBatch;
use object_store::ObjectStore;
use sealtrail_core::trail::ReadView;
use serde::Serialize;

use crate::engine::Engine;
use crate::error::Result;
use crate::search::condition::text_literal;
use crate::search::run::Place;
use crate::search::summary::{number, text, time};
use crate::search::{Filter, Form, Group, Matcher, Search};

/// Failures that a page shows.
const FAILURES: u64 = 10;

/// The fields by which somebody is known, and what the page calls them.
const ROLES: [&str; 5] = ["user_id", "agent_id", "credential_id", "session_id", "source_ip"];

/// Lists of a page: its name and the value in SQL. `$id` is who the page is about.
const LISTS: [(&str, &str); 11] = [
    ("did", "CASE WHEN actor = $id THEN event_type END"),
    ("about", "CASE WHEN actor IS DISTINCT FROM $id THEN event_type END"),
    ("outcomes", "outcome"),
    ("users", "user_id"),
    ("agents", "agent_id"),
    ("actors", "CASE WHEN actor IS DISTINCT FROM $id THEN actor END"),
    ("credentials", "credential_id"),
    ("addresses", "source_ip"),
    ("sessions", "session"),
    ("resources", "first_present(resource_path, endpoint)"),
    ("tools", "tool_name"),
];

/// What a trail knows of somebody.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Page {
    /// Who it is about.
    pub id: String,
    /// What the id is, with the number of events that say so: `user_id`, `agent_id`,
    /// `credential_id`, `session_id`, `source_ip`.
    pub known_as: Vec<Group>,
    /// Events that name it.
    pub events: u64,
    /// The time of the first of them, RFC 3339 in UTC.
    pub first: String,
    /// The time of the last of them.
    pub last: String,
    /// Events that failed or were denied.
    pub failed: u64,
    /// What it did, was part of, and with whom, by name: `did` and `about` (event types, as actor
    /// and otherwise), `outcomes`, `users`, `agents`, `actors`, `credentials`, `addresses`,
    /// `sessions`, `resources`, `tools`; most first, without the id itself.
    pub lists: Vec<List>,
    /// The last failures, the latest first.
    pub failures: Vec<Failure>,
}

/// A list of a page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct List {
    /// What it lists.
    pub name: &'static str,
    /// How many there are in all.
    pub total: u64,
    /// The most frequent of them.
    pub top: Vec<Group>,
}

/// An event that failed or was denied.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// When, RFC 3339 in UTC.
    pub timestamp: String,
    /// What it was.
    pub event_type: String,
    /// Who did it.
    pub actor: Option<String>,
    /// `failure` or `denied`.
    pub outcome: String,
    /// What was touched, or what was said of it.
    pub what: Option<String>,
    /// The record.
    pub audit_id: String,
}

impl Filter {
    /// The page of `id` in the events that meet the filter, its lists cut to the `top` most
    /// frequent; `None` if no event names it.
    ///
    /// # Errors
    /// As [`condition`](Self::condition); what [`Engine::sql`] fails with.
    pub async fn who(
        &self,
        engine: &Engine,
        view: Arc<ReadView>,
        store: Arc<dyn ObjectStore>,
        id: &str,
        top: usize,
    ) -> Result<Option<Page>> {
        let name = Matcher::Exact(id.to_owned()).text();
        let filter = self.clone().and(Self::default().field("who", [name.as_str()]))?;
        let place = Place { engine: engine.clone(), view, store };
        let sql = statement(&filter, id, &name)?;
        let mut page = Page { id: id.to_owned(), ..Page::default() };
        page.lists = LISTS.map(|(name, _)| List { name, ..List::default() }).into();
        for batch in place.sql(&sql).await?.collect().await? {
            for row in 0..batch.num_rows() {
                page.take(&batch, row)?;
            }
        }
        if page.events == 0 {
            return Ok(None);
        }
        page.known_as.sort_by_key(|role| std::cmp::Reverse(role.events));
        for list in &mut page.lists {
            list.total = list.top.len() as u64;
            list.top.sort_by(|a, b| b.events.cmp(&a.events).then_with(|| a.value.cmp(&b.value)));
            list.top.truncate(top);
        }
        page.failures = failures(&place, filter).await?;
        Ok(Some(page))
    }
}

/// All figures in one pass: a grouping set for each list, and one for all events.
fn statement(filter: &Filter, id: &str, name: &str) -> Result<String> {
    let id = text_literal(id);
    let values = LISTS.iter().map(|(name, sql)| format!("{} AS {name}", sql.replace("$id", &id)));
    let values = values.collect::<Vec<_>>().join(", ");
    let roles = ROLES.iter().map(|role| {
        let is = Filter::default().field(role, [name]).condition()?;
        Ok(format!("CASE WHEN {is} THEN 1 END AS is_{role}"))
    });
    let roles = roles.collect::<Result<Vec<_>>>()?.join(", ");
    let which = LISTS.iter().enumerate();
    let which = which.map(|(n, (name, _))| format!("{} * grouping({name})", 1 << n));
    let which = which.collect::<Vec<_>>().join(" + ");
    let names = LISTS.map(|(name, _)| name).join(", ");
    let sets = LISTS.map(|(name, _)| format!("({name})")).join(", ");
    let counts = ROLES.map(|role| format!("count(is_{role}) AS n_{role}"));
    Ok(format!(
        "SELECT {which} AS which, {names}, count(*) AS n, min(t) AS first, max(t) AS last, \
           count(*) FILTER (WHERE failed) AS n_failed, {} \
         FROM (SELECT {values}, {roles}, \"timestamp\" AS t, \
           outcome IN ('failure', 'denied') AS failed FROM events WHERE {}) \
         GROUP BY GROUPING SETS ((), {sets})",
        counts.join(", "),
        filter.condition()?
    ))
}

impl Page {
    fn take(&mut self, batch: &RecordBatch, row: usize) -> Result<()> {
        let all = (1 << LISTS.len()) - 1;
        let which = number(batch, "which", row)?;
        let events = number(batch, "n", row)?;
        if which == all {
            self.events = events;
            self.first = time(batch, "first", row)?.unwrap_or_default();
            self.last = time(batch, "last", row)?.unwrap_or_default();
            self.failed = number(batch, "n_failed", row)?;
            for role in ROLES {
                let events = number(batch, &format!("n_{role}"), row)?;
                if events > 0 {
                    self.known_as.push(Group { value: Some(role.to_owned()), events });
                }
            }
            return Ok(());
        }
        let index = (all - which).trailing_zeros() as usize;
        if let Some(list) = self.lists.get_mut(index)
            && let Some(value) = text(batch, list.name, row)?
            && value != self.id
        {
            list.top.push(Group { value: Some(value), events });
        }
        Ok(())
    }
}

/// The last events that failed.
async fn failures(place: &Place, filter: Filter) -> Result<Vec<Failure>> {
    let filter = filter.condition_of("outcome IN ('failure', 'denied')");
    let search = Search { reverse: true, limit: Some(FAILURES), ..Search::new(filter) };
    let (view, store) = (Arc::clone(&place.view), Arc::clone(&place.store));
    let found = search.run(&place.engine, view, store, Form::Brief).await?;
    let mut failures = Vec::new();
    for batch in found.result.collect().await? {
        for row in 0..batch.num_rows() {
            failures.push(Failure {
                timestamp: time(&batch, "timestamp", row)?.unwrap_or_default(),
                event_type: text(&batch, "event_type", row)?.unwrap_or_default(),
                actor: text(&batch, "actor", row)?,
                outcome: text(&batch, "outcome", row)?.unwrap_or_default(),
                what: text(&batch, "what", row)?,
                audit_id: text(&batch, "audit_id", row)?.unwrap_or_default(),
            });
        }
    }
    Ok(failures)
}
