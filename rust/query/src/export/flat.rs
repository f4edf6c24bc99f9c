//! Records as columns: CSV and Parquet.

use std::sync::Arc;

use arrow::datatypes::Schema;
use bytes::Bytes;
use object_store::ObjectStore;
use sealtrail_core::trail::{ReadView, Trail};

use super::output::{Output, Written};
use crate::engine::{Engine, EngineOptions};
use crate::error::{QueryError, Result};
use crate::output::{OutputFormat, ResultWriter};
use crate::search::Form;
use crate::search::pick::{list, select};
use crate::sql::Params;

/// Records that are turned into columns at once.
const MOST: usize = 16_384;

/// Writes records as rows of a table, with the columns that every trail has and `attrs` with all
/// else.
pub(super) struct Flat {
    engine: Engine,
    store: Arc<dyn ObjectStore>,
    view: Arc<ReadView>,
    sql: String,
    writer: ResultWriter<Output>,
    waiting: Vec<Bytes>,
}

impl Flat {
    pub(super) async fn new(
        trail: &Trail,
        view: &Arc<ReadView>,
        format: OutputFormat,
        output: Output,
    ) -> Result<Self> {
        // One part, so that rows stay in order.
        let options = EngineOptions { target_partitions: 1, ..EngineOptions::default() };
        let engine = Engine::new(&options)?;
        let store = trail.storage().object_store()?;
        let columns = list(&select(&[], view.columns(), Form::Flat)?);
        let sql = format!("SELECT {columns} FROM events");
        let none = view.of_records(Vec::new());
        let schema = engine.sql(none, Arc::clone(&store), &sql, Params::None).await?.schema;
        let schema = Arc::new(Schema::new(schema.fields().clone()));
        let writer = ResultWriter::new(format, &schema, output)?;
        Ok(Self { engine, store, view: Arc::clone(view), sql, writer, waiting: Vec::new() })
    }

    /// Whether it is time to [`flush`](Self::flush).
    pub(super) fn put(&mut self, record: &[u8]) -> bool {
        self.waiting.push(Bytes::copy_from_slice(record));
        self.waiting.len() >= MOST
    }

    pub(super) async fn flush(&mut self) -> Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let records = std::mem::take(&mut self.waiting);
        let (count, view) = (records.len(), self.view.of_records(records));
        let found = self.engine.sql(view, Arc::clone(&self.store), &self.sql, Params::None).await?;
        let mut rows = 0;
        for batch in found.collect().await? {
            rows += batch.num_rows();
            self.writer.write(&batch)?;
        }
        if rows == count {
            return Ok(());
        }
        Err(QueryError::Execution(format!("{rows} rows came of {count} records")))
    }

    pub(super) async fn finish(mut self) -> Result<(u64, Written)> {
        self.flush().await?;
        let (rows, output) = self.writer.finish()?;
        Ok((rows, output.finish()?))
    }
}
