//! Tables that the caller brings: held in memory, from Arrow data or from files.

use std::fs::File;
use std::io::{BufReader, Seek};
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use datafusion::datasource::{MemTable, TableProvider};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use sealtrail_core::Error;

use crate::error::{QueryError, Result};

/// A table for the SQL of a trail that is not a part of it: people, assets, threat intelligence.
#[derive(Clone)]
pub struct CallersTable(pub(super) Arc<dyn TableProvider>);

impl std::fmt::Debug for CallersTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("CallersTable").field(&self.0.schema()).finish()
    }
}

impl CallersTable {
    /// A table of these rows.
    ///
    /// # Errors
    /// `Parameter` if a batch does not fit the schema.
    pub fn new(schema: SchemaRef, batches: Vec<RecordBatch>) -> Result<Self> {
        let table = MemTable::try_new(schema, vec![batches]);
        Ok(Self(Arc::new(table.map_err(|error| QueryError::Parameter(error.to_string()))?)))
    }

    /// A table of a file: `.parquet`; `.csv` with a header and `.tsv`; `.jsonl`, `.ndjson` with an
    /// object in each line. The types of the last two kinds are those that all rows fit.
    ///
    /// # Errors
    /// `Core`: `Io` if the file cannot be opened, `Usage` with the reason if it is none of these.
    pub fn read(path: &Path) -> Result<Self> {
        let failed =
            |error: String| QueryError::Core(Error::Usage(format!("{}: {error}", path.display())));
        let extension = path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
        let file = File::open(path).map_err(|e| QueryError::Core(Error::io(path, e)))?;
        let (schema, batches) = match extension.as_deref() {
            Some("parquet") => parquet(file),
            Some("csv") => csv(file, b','),
            Some("tsv") => csv(file, b'\t'),
            Some("jsonl" | "ndjson") => jsonl(file),
            _ => return Err(failed("not a .parquet, .csv, .tsv, .jsonl or .ndjson file".into())),
        }
        .map_err(|error| failed(error.to_string()))?;
        Self::new(schema, batches)
    }
}

type Rows = (SchemaRef, Vec<RecordBatch>);

fn parquet(file: File) -> std::result::Result<Rows, ArrowError> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)?;
    let schema = Arc::clone(reader.schema());
    Ok((schema, reader.build()?.collect::<std::result::Result<_, _>>()?))
}

fn csv(file: File, delimiter: u8) -> std::result::Result<Rows, ArrowError> {
    let format = arrow::csv::reader::Format::default().with_header(true).with_delimiter(delimiter);
    let mut file = BufReader::new(file);
    let (schema, _) = format.infer_schema(&mut file, None)?;
    file.rewind()?;
    let schema = Arc::new(schema);
    let reader =
        arrow::csv::ReaderBuilder::new(Arc::clone(&schema)).with_format(format).build(file)?;
    Ok((schema, reader.collect::<std::result::Result<_, _>>()?))
}

fn jsonl(file: File) -> std::result::Result<Rows, ArrowError> {
    let mut file = BufReader::new(file);
    let (schema, _) = arrow::json::reader::infer_json_schema_from_seekable(&mut file, None)?;
    let schema = Arc::new(schema);
    let reader = arrow::json::ReaderBuilder::new(Arc::clone(&schema)).build(file)?;
    Ok((schema, reader.collect::<std::result::Result<_, _>>()?))
}
