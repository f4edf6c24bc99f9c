//! Counts: how many events meet a filter, and of which type, by whom, when.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use object_store::ObjectStore;
use sealtrail_core::trail::ReadView;
use serde::Serialize;

use crate::engine::Engine;
use crate::error::{QueryError, Result};
use crate::search::Filter;
use crate::search::run::Place;
use crate::search::times;

/// Events with something in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    /// What they have in common; `None` if they have none of it.
    pub value: Option<String>,
    /// How many there are.
    pub events: u64,
}

/// The events that meet a filter, counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// All of them.
    pub events: u64,
    /// The earliest and the latest, RFC 3339 in UTC.
    pub first: Option<String>,
    /// See `first`.
    pub last: Option<String>,
    /// By event type, most first.
    pub by_type: Vec<Group>,
    /// By actor, most first.
    pub by_actor: Vec<Group>,
    /// By hour (its beginning, RFC 3339 in UTC), in the order of time; hours without any are left
    /// out.
    pub by_hour: Vec<Group>,
}

impl Filter {
    /// How many events meet the filter.
    ///
    /// # Errors
    /// As [`condition`](Self::condition); what [`Engine::sql`] fails with.
    pub async fn count(
        &self,
        engine: &Engine,
        view: Arc<ReadView>,
        store: Arc<dyn ObjectStore>,
    ) -> Result<u64> {
        let sql = format!("SELECT count(*) AS n FROM events WHERE {}", self.condition()?);
        let place = Place { engine: engine.clone(), view, store };
        let batches = place.sql(&sql).await?.collect().await?;
        batches.first().map_or(Ok(0), |batch| number(batch, "n", 0))
    }

    /// The events that meet the filter by type, actor and hour.
    ///
    /// # Errors
    /// As [`condition`](Self::condition); what [`Engine::sql`] fails with.
    pub async fn summary(
        &self,
        engine: &Engine,
        view: Arc<ReadView>,
        store: Arc<dyn ObjectStore>,
    ) -> Result<Summary> {
        let sql = format!(
            "SELECT grouping(event_type) + 2 * grouping(actor) + 4 * grouping(hour) AS which, \
               event_type, actor, hour, count(*) AS n, min(t) AS first, max(t) AS last \
             FROM (SELECT event_type, actor, \"timestamp\" AS t, \
               date_trunc('hour', \"timestamp\") AS hour FROM events WHERE {}) \
             GROUP BY GROUPING SETS ((), (event_type), (actor), (hour))",
            self.condition()?
        );
        let place = Place { engine: engine.clone(), view, store };
        let mut summary = Summary::default();
        for batch in place.sql(&sql).await?.collect().await? {
            for row in 0..batch.num_rows() {
                let events = number(&batch, "n", row)?;
                let group = |value| Group { value, events };
                match number(&batch, "which", row)? {
                    7 => {
                        summary.events = events;
                        summary.first = time(&batch, "first", row)?;
                        summary.last = time(&batch, "last", row)?;
                    }
                    6 => summary.by_type.push(group(text(&batch, "event_type", row)?)),
                    5 => summary.by_actor.push(group(text(&batch, "actor", row)?)),
                    _ => summary.by_hour.push(group(time(&batch, "hour", row)?)),
                }
            }
        }
        let most =
            |a: &Group, b: &Group| b.events.cmp(&a.events).then_with(|| a.value.cmp(&b.value));
        summary.by_type.sort_by(most);
        summary.by_actor.sort_by(most);
        summary.by_hour.sort_by(|a, b| a.value.cmp(&b.value));
        Ok(summary)
    }
}

fn lacking(name: &str) -> QueryError {
    QueryError::Execution(format!("the answer has no column {name} of its type"))
}

/// A count.
pub(super) fn number(batch: &RecordBatch, name: &str, row: usize) -> Result<u64> {
    let column = batch.column_by_name(name).ok_or_else(|| lacking(name))?;
    let column = arrow::compute::cast(column, &arrow::datatypes::DataType::Int64)
        .map_err(|_| lacking(name))?;
    let value = column.as_primitive::<Int64Type>().value(row);
    u64::try_from(value).map_err(|_| lacking(name))
}

/// A text, or `None`.
pub(crate) fn text(batch: &RecordBatch, name: &str, row: usize) -> Result<Option<String>> {
    let column = batch.column_by_name(name).ok_or_else(|| lacking(name))?;
    let column = column.as_string_opt::<i32>().ok_or_else(|| lacking(name))?;
    Ok(column.is_valid(row).then(|| column.value(row).to_owned()))
}

/// A time as text, or `None`.
pub(crate) fn time(batch: &RecordBatch, name: &str, row: usize) -> Result<Option<String>> {
    let column = batch.column_by_name(name).ok_or_else(|| lacking(name))?;
    let column =
        column.as_primitive_opt::<TimestampMicrosecondType>().ok_or_else(|| lacking(name))?;
    Ok(column.is_valid(row).then(|| times::text(column.value(row))))
}
