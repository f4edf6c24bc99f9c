//! Writing results: a table for people, JSON, JSON lines, CSV and Parquet for programs.
//!
//! Times are RFC 3339 in UTC with `Z`, three fraction digits or six, as in records. NULL is
//! `null` in JSON, an empty field in CSV, and empty in a table.

mod table;

use std::io::Write;
use std::str::FromStr;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, StringBuilder};
use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType};
use futures::StreamExt;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use sealtrail_core::json::format_timestamp;

use crate::engine::QueryResult;
use crate::error::{QueryError, Result};
use table::Table;

/// How a result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OutputFormat {
    /// Aligned columns for a terminal.
    Table,
    /// One JSON array of objects.
    Json,
    /// One JSON object a line.
    Jsonl,
    /// Comma-separated values (RFC 4180) with a header.
    Csv,
    /// A Parquet file.
    Parquet,
}

impl OutputFormat {
    /// The names that `-o` takes.
    pub const NAMES: [&'static str; 5] = ["table", "json", "jsonl", "csv", "parquet"];
}

impl FromStr for OutputFormat {
    type Err = QueryError;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "table" => Ok(Self::Table),
            "json" => Ok(Self::Json),
            "jsonl" => Ok(Self::Jsonl),
            "csv" => Ok(Self::Csv),
            "parquet" => Ok(Self::Parquet),
            other => Err(QueryError::Parameter(format!(
                "{other} is no format; there is {}",
                Self::NAMES.join(", ")
            ))),
        }
    }
}

/// Writes a result as its batches come, without holding it in memory (a table holds its first
/// rows to find the widths of its columns).
#[derive(Debug)]
pub struct ResultWriter<W: Write + Send> {
    /// As written: times as text, except in Parquet.
    schema: SchemaRef,
    sink: Sink<W>,
    rows: u64,
}

#[derive(Debug)]
enum Sink<W: Write + Send> {
    Table(Table<W>),
    Json(arrow::json::ArrayWriter<W>),
    Jsonl(arrow::json::LineDelimitedWriter<W>),
    Csv(Box<arrow::csv::Writer<W>>),
    Parquet(Box<ArrowWriter<W>>),
}

fn failed(error: impl std::fmt::Display) -> QueryError {
    QueryError::Output(error.to_string())
}

impl<W: Write + Send> ResultWriter<W> {
    /// A writer of batches of this schema.
    ///
    /// # Errors
    /// `Output` if the beginning cannot be written.
    pub fn new(format: OutputFormat, schema: &SchemaRef, out: W) -> Result<Self> {
        let text = as_text(schema, format == OutputFormat::Csv);
        let nulls = arrow::json::WriterBuilder::new().with_explicit_nulls(true);
        let (schema, sink) = match format {
            OutputFormat::Table => (Arc::clone(&text), Sink::Table(Table::new(&text, out))),
            OutputFormat::Json => {
                (text, Sink::Json(nulls.build::<_, arrow::json::writer::JsonArray>(out)))
            }
            OutputFormat::Jsonl => {
                (text, Sink::Jsonl(nulls.build::<_, arrow::json::writer::LineDelimited>(out)))
            }
            OutputFormat::Csv => {
                let mut writer = arrow::csv::WriterBuilder::new().with_header(true).build(out);
                // The header comes first even if there is no row.
                writer.write(&RecordBatch::new_empty(Arc::clone(&text))).map_err(failed)?;
                (text, Sink::Csv(Box::new(writer)))
            }
            OutputFormat::Parquet => {
                let compression = Compression::ZSTD(parquet::basic::ZstdLevel::default());
                let properties = WriterProperties::builder().set_compression(compression).build();
                let writer = ArrowWriter::try_new(out, Arc::clone(schema), Some(properties))
                    .map_err(failed)?;
                (Arc::clone(schema), Sink::Parquet(Box::new(writer)))
            }
        };
        Ok(Self { schema, sink, rows: 0 })
    }

    /// As [`new`](Self::new) for CSV, of rows that go on after others.
    pub(crate) fn csv_without_header(schema: &SchemaRef, out: W) -> Self {
        let writer = arrow::csv::WriterBuilder::new().with_header(false).build(out);
        Self { schema: as_text(schema, true), sink: Sink::Csv(Box::new(writer)), rows: 0 }
    }

    /// Writes a batch.
    ///
    /// # Errors
    /// `Output` if it cannot be written.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.rows += batch.num_rows() as u64;
        let batch = convert(batch, &self.schema)?;
        match &mut self.sink {
            Sink::Table(table) => table.write(&batch),
            Sink::Json(writer) => writer.write(&batch).map_err(failed),
            Sink::Jsonl(writer) => writer.write(&batch).map_err(failed),
            Sink::Csv(writer) => writer.write(&batch).map_err(failed),
            Sink::Parquet(writer) => writer.write(&batch).map_err(failed),
        }
    }

    /// Writes the end and gives back the number of rows and what was written to.
    ///
    /// # Errors
    /// `Output` if it cannot be written.
    pub fn finish(self) -> Result<(u64, W)> {
        let mut out = match self.sink {
            Sink::Table(table) => table.finish()?,
            Sink::Json(mut writer) => {
                writer.finish().map_err(failed)?;
                let mut out = writer.into_inner();
                out.write_all(b"\n").map_err(failed)?;
                out
            }
            Sink::Jsonl(mut writer) => {
                writer.finish().map_err(failed)?;
                writer.into_inner()
            }
            Sink::Csv(writer) => writer.into_inner(),
            Sink::Parquet(writer) => writer.into_inner().map_err(failed)?,
        };
        out.flush().map_err(failed)?;
        Ok((self.rows, out))
    }
}

/// Writes a whole result and returns the number of rows.
///
/// # Errors
/// `Output`, or what the query fails with.
pub async fn write_result<W: Write + Send>(
    result: QueryResult,
    format: OutputFormat,
    out: W,
) -> Result<u64> {
    let mut writer = ResultWriter::new(format, &result.schema, out)?;
    let mut batches = std::pin::pin!(result.batches());
    while let Some(batch) = batches.next().await {
        writer.write(&batch?)?;
    }
    writer.finish().map(|(rows, _)| rows)
}

/// The schema with times as text; for CSV with lists and structs as text too.
fn as_text(schema: &Schema, flat: bool) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| {
        let text = matches!(field.data_type(), DataType::Timestamp(..))
            || flat && field.data_type().is_nested();
        if text {
            Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8))
        } else {
            Arc::clone(field)
        }
    });
    Arc::new(Schema::new(fields.collect::<Vec<FieldRef>>()))
}

/// The batch in the schema that is written.
fn convert(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    if &batch.schema() == schema {
        return Ok(batch.clone());
    }
    let columns = batch
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| match (column.data_type(), field.data_type()) {
            (stored, wanted) if stored == wanted => Ok(Arc::clone(column)),
            (DataType::Timestamp(..), _) => times(column),
            _ => json_text(column),
        })
        .collect::<Result<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options).map_err(failed)
}

/// Times as text in the form of records.
fn times(column: &ArrayRef) -> Result<ArrayRef> {
    // Whatever the unit and zone, the instant is what counts.
    let micros = cast(column, &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())))
        .map_err(failed)?;
    let micros = micros.as_primitive::<TimestampMicrosecondType>();
    let mut out = StringBuilder::with_capacity(micros.len(), micros.len() * 24);
    let mut text = Vec::with_capacity(27);
    for value in micros {
        let Some(value) = value else {
            out.append_null();
            continue;
        };
        text.clear();
        format_timestamp(value, &mut text);
        out.append_value(String::from_utf8_lossy(&text));
    }
    Ok(Arc::new(out.finish()))
}

/// Lists and structs as JSON text.
fn json_text(column: &ArrayRef) -> Result<ArrayRef> {
    let mut out = StringBuilder::new();
    let field = Arc::new(arrow::datatypes::Field::new("value", column.data_type().clone(), true));
    let options = arrow::json::writer::EncoderOptions::default();
    let mut encoder =
        arrow::json::writer::make_encoder(&field, column.as_ref(), &options).map_err(failed)?;
    let mut text = Vec::new();
    for row in 0..column.len() {
        if column.is_null(row) {
            out.append_null();
            continue;
        }
        text.clear();
        encoder.encode(row, &mut text);
        out.append_value(String::from_utf8_lossy(&text));
    }
    Ok(Arc::new(out.finish()))
}

#[cfg(test)]
#[path = "output_tests.rs"]
mod tests;
