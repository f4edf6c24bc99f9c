//! Which fields records have, of which types, how often, with which values.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::AsArray;
use futures::StreamExt;
use object_store::ObjectStore;
use sealtrail_core::trail::ReadView;
use serde::Serialize;

use crate::engine::Engine;
use crate::error::{QueryError, Result};
use crate::json::{self, Elements, Members};
use crate::search::run::Place;
use crate::search::{Filter, Group};

/// Distinct values of a field that are counted; of further ones it is only said that there are.
const VALUES: usize = 2_000;
/// Bytes of a value that is counted among the most common ones.
const LONG: usize = 256;
/// Fields that are told apart; of further ones it is only said that there are. Keys that are
/// data, as in objects by id, are no end of fields.
const FIELDS: usize = 20_000;

/// The fields of some records.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Inventory {
    /// How many records there are.
    pub events: u64,
    /// Their fields, by path.
    pub fields: Vec<FieldUse>,
    /// Values that were left out because there are more than 20,000 fields.
    pub values_left_out: u64,
}

/// How a field is used.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldUse {
    /// Its path; `[]` stands for the elements of an array.
    pub path: String,
    /// What its values are: `string`, `integer`, `number`, `boolean`, `null`, `object`, `array`,
    /// the most frequent first.
    pub types: Vec<&'static str>,
    /// Records that have it.
    pub events: u64,
    /// The part of all records that have it, 0 to 1.
    pub fill: f64,
    /// Different values, of those that are no objects or arrays.
    pub distinct: u64,
    /// There are more different values than that, and the top ones may be more frequent, too.
    pub more: bool,
    /// The most frequent values, most first.
    pub top: Vec<Group>,
}

impl Filter {
    /// The fields of all records that meet the filter, with so many of the most frequent values.
    ///
    /// # Errors
    /// As [`condition`](Self::condition); what [`Engine::sql`] fails with.
    pub async fn inventory(
        &self,
        engine: &Engine,
        view: Arc<ReadView>,
        store: Arc<dyn ObjectStore>,
        top: usize,
    ) -> Result<Inventory> {
        let sql = format!("SELECT event FROM events WHERE {}", self.condition()?);
        let place = Place { engine: engine.clone(), view, store };
        let mut batches = std::pin::pin!(place.sql(&sql).await?.batches());
        let mut survey = Survey::default();
        while let Some(batch) = batches.next().await {
            let batch = batch?;
            let events = batch.columns().first().and_then(|column| column.as_string_opt::<i32>());
            let Some(events) = events else {
                return Err(QueryError::Execution("a record is no text".to_owned()));
            };
            events.iter().flatten().for_each(|event| survey.add(event));
            // Lets others run, and the work be stopped.
            tokio::task::yield_now().await;
        }
        Ok(survey.finish(top))
    }
}

/// The fields seen so far, as a tree.
#[derive(Default)]
struct Survey {
    events: u64,
    nodes: Vec<Node>,
    roots: HashMap<String, usize>,
    left_out: u64,
}

#[derive(Default)]
struct Node {
    path: String,
    members: HashMap<String, usize>,
    elements: Option<usize>,
    types: [u64; TYPES.len()],
    events: u64,
    /// The number of the last record that had it.
    last: u64,
    values: HashMap<String, u64>,
    more: bool,
}

const TYPES: [&str; 7] = ["string", "integer", "number", "boolean", "null", "object", "array"];

impl Survey {
    fn add(&mut self, event: &str) {
        self.events += 1;
        let Some(members) = Members::new(event) else { return };
        for (key, value) in members {
            let name = json::unescape(key);
            match self.roots.get(name.as_ref()).copied() {
                Some(node) => self.value(node, value),
                None => {
                    if let Some(node) = self.node(spelt(&name)) {
                        self.roots.insert(name.into_owned(), node);
                        self.value(node, value);
                    }
                }
            }
        }
    }

    /// A new field; `None` if there are too many.
    fn node(&mut self, path: String) -> Option<usize> {
        if self.nodes.len() == FIELDS {
            self.left_out += 1;
            return None;
        }
        self.nodes.push(Node { path, ..Node::default() });
        Some(self.nodes.len() - 1)
    }

    fn value(&mut self, at: usize, raw: &str) {
        let events = self.events;
        let node = &mut self.nodes[at];
        if node.last != events {
            node.last = events;
            node.events += 1;
        }
        let kind = kind(raw);
        node.types[kind] += 1;
        match TYPES[kind] {
            "object" => self.members(at, raw),
            "array" => self.elements(at, raw),
            "null" => {}
            _ => node.count(raw),
        }
    }

    fn members(&mut self, at: usize, raw: &str) {
        for (key, value) in Members::new(raw).into_iter().flatten() {
            let name = json::unescape(key);
            let known = self.nodes[at].members.get(name.as_ref()).copied();
            let node = known.or_else(|| {
                let path = format!("{}.{}", self.nodes[at].path, spelt(&name));
                let node = self.node(path)?;
                self.nodes[at].members.insert(name.into_owned(), node);
                Some(node)
            });
            if let Some(node) = node {
                self.value(node, value);
            }
        }
    }

    fn elements(&mut self, at: usize, raw: &str) {
        for value in Elements::new(raw).into_iter().flatten() {
            let node = self.nodes[at].elements.or_else(|| {
                let node = self.node(format!("{}[]", self.nodes[at].path))?;
                self.nodes[at].elements = Some(node);
                Some(node)
            });
            if let Some(node) = node {
                self.value(node, value);
            }
        }
    }

    fn finish(self, top: usize) -> Inventory {
        let events = self.events;
        let mut fields: Vec<FieldUse> =
            self.nodes.into_iter().map(|node| node.finish(events, top)).collect();
        fields.sort_by(|a, b| a.path.cmp(&b.path));
        Inventory { events, fields, values_left_out: self.left_out }
    }
}

impl Node {
    fn count(&mut self, raw: &str) {
        if raw.len() > LONG {
            self.more = true;
            return;
        }
        // Looking up costs less than making a text of its own each time.
        if let Some(count) = self.values.get_mut(raw) {
            *count += 1;
        } else if self.values.len() < VALUES {
            self.values.insert(raw.to_owned(), 1);
        } else {
            self.more = true;
        }
    }

    fn finish(self, events: u64, top: usize) -> FieldUse {
        let mut types: Vec<(u64, &str)> =
            self.types.into_iter().zip(TYPES).filter(|(count, _)| *count > 0).collect();
        types.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
        let distinct = self.values.len() as u64;
        let mut values: Vec<(String, u64)> = self.values.into_iter().collect();
        values.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        values.truncate(top);
        let group = |(raw, events): (String, u64)| Group {
            value: json::as_text(&raw).map(std::borrow::Cow::into_owned),
            events,
        };
        // Counts of events are far from where a double is no longer exact.
        #[allow(clippy::cast_precision_loss)]
        let fill = self.events as f64 / (events.max(1)) as f64;
        FieldUse {
            path: self.path,
            types: types.into_iter().map(|(_, name)| name).collect(),
            events: self.events,
            fill,
            distinct,
            more: self.more,
            top: values.into_iter().map(group).collect(),
        }
    }
}

/// The position in [`TYPES`] of what a value is.
fn kind(raw: &str) -> usize {
    match raw.as_bytes().first() {
        Some(b'"') => 0,
        Some(b't' | b'f') => 3,
        Some(b'n') => 4,
        Some(b'{') => 5,
        Some(b'[') => 6,
        _ if json::as_exact_int(raw).is_some() => 1,
        _ => 2,
    }
}

/// A name as paths spell it.
fn spelt(name: &str) -> String {
    let odd = |c: char| matches!(c, '.' | '[' | ']' | '"') || c.is_whitespace();
    if name.is_empty() || name.contains(odd) {
        return format!("\"{}\"", name.replace('"', "\"\""));
    }
    name.to_owned()
}

#[cfg(test)]
#[path = "inventory_tests.rs"]
mod tests;
