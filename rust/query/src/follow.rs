//! Which of the records that come meet a filter: the same as what a search for it finds.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use object_store::ObjectStore;
use sealtrail_core::trail::ReadView;

use crate::engine::{Engine, EngineOptions};
use crate::error::{QueryError, Result};
use crate::search::Filter;
use crate::sql::Params;

/// What one line for people tells of a record.
const TOLD: &str = "event_type, outcome, actor, \
    first_present(resource_path, tool_name, workflow_id, source_ip) AS about, audit_id";

/// A record that met the filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// The canonical record.
    pub record: String,
    /// For people: type, outcome, actor, what it was done to, id; empty where there is nothing.
    pub told: [String; 5],
}

/// Lets through the records that meet a filter.
#[derive(Debug)]
pub struct Sieve {
    engine: Engine,
    store: Arc<dyn ObjectStore>,
    condition: String,
}

impl Sieve {
    /// A sieve for this filter; `store` is rooted at the trail.
    ///
    /// # Errors
    /// `Parameter` or `Sql` if the filter means nothing, `Execution` if no engine can be made.
    pub fn new(filter: &Filter, store: Arc<dyn ObjectStore>) -> Result<Self> {
        // One part, so that records come out in the order in which they went in.
        let options = EngineOptions { target_partitions: 1, ..EngineOptions::default() };
        Ok(Self { engine: Engine::new(&options)?, store, condition: filter.condition()? })
    }

    /// Those of the view's unflushed records that meet the filter, in their order. A view of
    /// records alone is made by [`Follower::view_of`](sealtrail_core::trail::Follower::view_of).
    ///
    /// # Errors
    /// `Execution`, `Sql` if an expression of the filter cannot be planned.
    pub async fn sift(&self, view: Arc<ReadView>) -> Result<Vec<Passed>> {
        let sql = format!("SELECT event, {TOLD} FROM events WHERE {}", self.condition);
        self.answer(view, &sql).await
    }

    /// The last records of a view that meet the filter, as they were recorded; all of them if
    /// `most` is `None`.
    ///
    /// # Errors
    /// As [`sift`](Self::sift).
    pub async fn last(&self, view: Arc<ReadView>, most: Option<u64>) -> Result<Vec<Passed>> {
        let limit = most.map(|most| format!(" LIMIT {most}")).unwrap_or_default();
        let sql = format!(
            "SELECT event, {TOLD} FROM events WHERE {} \
             ORDER BY recorded_at DESC, audit_id DESC{limit}",
            self.condition
        );
        let mut last = self.answer(view, &sql).await?;
        last.reverse();
        Ok(last)
    }

    async fn answer(&self, view: Arc<ReadView>, sql: &str) -> Result<Vec<Passed>> {
        let store = Arc::clone(&self.store);
        let result = self.engine.sql(view, store, sql, Params::None).await?;
        let mut passed = Vec::new();
        for batch in result.collect().await? {
            append(&batch, &mut passed)?;
        }
        Ok(passed)
    }
}

fn append(batch: &RecordBatch, passed: &mut Vec<Passed>) -> Result<()> {
    let failed = |e: arrow::error::ArrowError| QueryError::Execution(e.to_string());
    let texts = batch.columns().iter().map(|column| cast(column, &DataType::Utf8));
    let texts = texts.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    let text = |column: usize, row: usize| {
        let values = texts[column].as_string::<i32>();
        if values.is_null(row) { String::new() } else { values.value(row).to_owned() }
    };
    for row in 0..batch.num_rows() {
        let told = std::array::from_fn(|column| text(column + 1, row));
        passed.push(Passed { record: text(0, row), told });
    }
    Ok(())
}
