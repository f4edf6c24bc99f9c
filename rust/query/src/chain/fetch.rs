//! Questions to the trail: one statement for a whole set of ids.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use datafusion::scalar::ScalarValue;
use object_store::ObjectStore;
use sealtrail_core::trail::ReadView;

use super::record::Record;
use crate::Scope;
use crate::engine::Engine;
use crate::error::Result;
use crate::sql::Params;

/// Ids in one IN list; more are asked for in further parts.
const CHUNK: usize = 500;
/// Parts of one statement.
const PARTS: usize = 24;

/// A trail at one moment, and the engine that reads it.
#[derive(Clone)]
pub struct Source<'a> {
    /// Answers the questions.
    pub engine: &'a Engine,
    /// The moment.
    pub view: Arc<ReadView>,
    /// Rooted at the trail.
    pub store: Arc<dyn ObjectStore>,
}

impl std::fmt::Debug for Source<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").finish_non_exhaustive()
    }
}

/// Some events: those of which a field is one of these ids.
#[derive(Debug, Clone)]
pub(super) struct Part {
    /// SQL of the field.
    field: &'static str,
    /// Whether the field is an array, one element of which is to be an id.
    array: bool,
    ids: Vec<String>,
    /// A further condition in SQL, without values from outside.
    also: String,
}

/// Collects parts, and what holds for all of them.
#[derive(Debug, Default)]
pub(super) struct Parts {
    list: Vec<Part>,
    /// A condition in SQL over the view `events`; none for all.
    filter: Option<String>,
    /// A condition in SQL over the table `records`; empty for all.
    pub(super) within: String,
}

impl Parts {
    /// Only what meets a condition in SQL over the view `events`.
    pub(super) fn filtered(condition: String) -> Self {
        Self { filter: Some(condition), ..Self::default() }
    }

    /// Events with one of `ids` in one of `fields`, and for which `also` holds (empty for all).
    pub(super) fn add(&mut self, fields: &[&'static str], ids: &BTreeSet<String>, also: &str) {
        let ids: Vec<String> = ids.iter().cloned().collect();
        for field in fields {
            self.list.extend(ids.chunks(CHUNK).map(|ids| Part {
                field,
                array: false,
                ids: ids.to_vec(),
                also: also.to_owned(),
            }));
        }
    }

    /// Events with one of `ids` among the texts of an array, and for which `also` holds.
    pub(super) fn add_array(&mut self, field: &'static str, ids: &BTreeSet<String>, also: &str) {
        // Elements are JSON text.
        let ids: Vec<String> =
            ids.iter().map(|id| serde_json::Value::from(id.as_str()).to_string()).collect();
        self.list.extend(ids.chunks(CHUNK).map(|ids| Part {
            field,
            array: true,
            ids: ids.to_vec(),
            also: also.to_owned(),
        }));
    }
}

/// Events, and whether more would have matched.
#[derive(Debug, Default)]
pub(super) struct Fetched {
    pub(super) records: Vec<Record>,
    pub(super) cut: bool,
}

/// The limits of a fetch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Most events of one part.
    pub(super) rows: usize,
    /// Microseconds since 1970, inclusive and exclusive.
    pub(super) since: Option<i64>,
    pub(super) until: Option<i64>,
}

impl Source<'_> {
    /// The events of all parts, an event perhaps more than once. Of each part the earliest.
    pub(super) async fn fetch(&self, parts: &Parts, limits: Limits) -> Result<Fetched> {
        let mut fetched = Fetched::default();
        for some in parts.list.chunks(PARTS) {
            let (sql, params) = statement(some, parts, limits);
            let result = self.ask(&sql, params).await?;
            let mut counts = vec![0usize; some.len()];
            for batch in result {
                let (part, event) = (batch.column(0), batch.column(1));
                let (part, event) =
                    (part.as_primitive::<arrow::datatypes::Int64Type>(), event.as_string::<i32>());
                for row in 0..batch.num_rows() {
                    let index = usize::try_from(part.value(row)).unwrap_or_default();
                    counts[index] += 1;
                    if counts[index] <= limits.rows {
                        fetched.records.push(Record::parse(event.value(row))?);
                    }
                }
            }
            fetched.cut |= counts.iter().any(|count| *count > limits.rows);
        }
        Ok(fetched)
    }

    /// Pairs of text (the first column names a kind).
    pub(super) async fn pairs(
        &self,
        sql: &str,
        params: Vec<ScalarValue>,
    ) -> Result<Vec<(String, String)>> {
        let mut pairs = Vec::new();
        for batch in self.ask(sql, params).await? {
            let (kind, id) =
                (batch.column(0).as_string::<i32>(), batch.column(1).as_string::<i32>());
            let rows = (0..batch.num_rows()).filter(|row| !id.is_null(*row));
            pairs.extend(rows.map(|row| (kind.value(row).to_owned(), id.value(row).to_owned())));
        }
        Ok(pairs)
    }

    async fn ask(
        &self,
        sql: &str,
        params: Vec<ScalarValue>,
    ) -> Result<Vec<arrow::record_batch::RecordBatch>> {
        let params = if params.is_empty() { Params::None } else { Params::List(params) };
        let scope = Scope::of(Arc::clone(&self.view), Arc::clone(&self.store));
        self.engine.ask_eagerly(&scope, sql, params).await?.collect().await
    }
}

/// A text as a parameter.
pub(super) fn text(value: &str) -> ScalarValue {
    ScalarValue::Utf8(Some(value.to_owned()))
}

/// `$from, $from+1, ...`
pub(super) fn placeholders(from: usize, count: usize) -> String {
    (from..from + count).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ")
}

fn statement(some: &[Part], parts: &Parts, limits: Limits) -> (String, Vec<ScalarValue>) {
    let mut params = Vec::new();
    let mut selects = Vec::new();
    let time =
        |micros: i64| ScalarValue::TimestampMicrosecond(Some(micros), Some(Arc::from("UTC")));
    let mut window = String::new();
    for (bound, sign) in [(limits.since, ">="), (limits.until, "<")] {
        if let Some(micros) = bound {
            params.push(time(micros));
            window.push_str(&format!(" AND \"timestamp\" {sign} ${}", params.len()));
        }
    }
    // The view costs more to plan than the table below it.
    let table = if parts.filter.is_some() { "events" } else { "records" };
    let within = Some(&parts.within).filter(|within| !within.is_empty());
    for condition in parts.filter.iter().chain(within) {
        window.push_str(&format!(" AND ({condition})"));
    }
    for (index, part) in some.iter().enumerate() {
        let list = placeholders(params.len() + 1, part.ids.len());
        params.extend(part.ids.iter().map(|id| text(id)));
        let also = if part.also.is_empty() { String::new() } else { format!(" AND {}", part.also) };
        let (field, most) = (part.field, limits.rows.saturating_add(1));
        let holds = if part.array {
            format!("array_has_any({field}, make_array({list}))")
        } else {
            format!("{field} IN ({list})")
        };
        selects.push(format!(
            "(SELECT {index} AS part, event FROM {table} WHERE {holds}{also}{window} \
             ORDER BY \"timestamp\" LIMIT {most})"
        ));
    }
    (selects.join(" UNION ALL "), params)
}
