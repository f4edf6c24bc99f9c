//! Records as columns: CSV and Parquet.

use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use object_store::ObjectStore;
use sealtrail_core::evidence::ExportFormat;
use sealtrail_core::trail::{ReadView, Trail};

use super::output::{Output, Written};
use super::parts::{self, Parts};
use super::progress::State;
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
    table: Table,
    waiting: Vec<Bytes>,
}

/// What the rows are written to.
enum Table {
    Csv { output: Box<Output>, schema: SchemaRef, rows: u64 },
    Parquet { parts: Box<Parts>, rows: u64 },
}

impl Table {
    /// Goes on with what was left unfinished at `path`.
    fn open(is_csv: bool, path: &Path, schema: SchemaRef, state: &State) -> Result<Self> {
        let rows = state.records;
        if !is_csv {
            let parts = Parts::open(path, schema, state.parts)?;
            return Ok(Self::Parquet { parts: Box::new(parts), rows });
        }
        let mut output = Box::new(Output::open(path, state.bytes)?);
        if state.bytes == 0 {
            let header = ResultWriter::new(OutputFormat::Csv, &schema, Vec::new())?.finish()?.1;
            output.put(&header)?;
        }
        Ok(Self::Csv { output, schema, rows })
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        match self {
            Self::Csv { output, schema, rows } => {
                let mut writer = ResultWriter::csv_without_header(schema, Vec::new());
                writer.write(batch)?;
                output.put(&writer.finish()?.1)?;
                *rows += batch.num_rows() as u64;
            }
            Self::Parquet { parts, rows } => {
                parts.write(batch)?;
                *rows += batch.num_rows() as u64;
            }
        }
        Ok(())
    }
}

impl Flat {
    pub(super) async fn new(
        trail: &Trail,
        view: &Arc<ReadView>,
        format: ExportFormat,
        path: &Path,
        state: &State,
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
        let table = Table::open(format == ExportFormat::Csv, path, schema, state)?;
        Ok(Self { engine, store, view: Arc::clone(view), sql, table, waiting: Vec::new() })
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
            self.table.write(&batch)?;
        }
        if rows == count {
            return Ok(());
        }
        Err(QueryError::Execution(format!("{rows} rows came of {count} records")))
    }

    /// Makes what was written last, and notes how far that is; `false` where it is too little for
    /// a part of its own.
    pub(super) async fn sync(&mut self, state: &mut State) -> Result<bool> {
        self.flush().await?;
        match &mut self.table {
            Table::Csv { output, .. } => {
                output.sync()?;
                state.bytes = output.len();
            }
            Table::Parquet { parts, .. } => {
                // Tests cut exports short after any segment.
                if !cfg!(test) && parts.rows() < parts::ROWS {
                    return Ok(false);
                }
                state.parts = parts.end()?;
            }
        }
        Ok(true)
    }

    /// How many rows were written, and the file.
    pub(super) async fn finish(mut self) -> Result<(u64, Written)> {
        self.flush().await?;
        match self.table {
            Table::Csv { output, rows, .. } => Ok((rows, output.finish()?)),
            Table::Parquet { parts, rows } => {
                let (there, written) = parts.finish()?;
                if there != rows {
                    let message =
                        format!("{there} rows are in the file of {rows} that were written");
                    return Err(QueryError::Execution(message));
                }
                Ok((rows, written))
            }
        }
    }
}
