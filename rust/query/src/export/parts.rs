//! A Parquet file in parts: what is whole of it survives a crash, and at the end they are one file.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowSchemaConverter;
use parquet::column::writer::ColumnCloseResult;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use sealtrail_core::Error;
use sealtrail_core::storage::durable;

use super::name_of;
use super::output::{Output, Written, with_suffix};
use crate::error::{QueryError, Result};
use crate::output::{OutputFormat, ResultWriter};

/// Rows of a part: a row group of usual size.
pub(super) const ROWS: u64 = 1 << 20;

/// The parts of a file.
pub(super) struct Parts {
    path: PathBuf,
    schema: SchemaRef,
    /// How many are whole.
    done: u64,
    /// The one that grows, and its rows.
    current: Option<(ResultWriter<Output>, u64)>,
    /// The part that was ended last, and its rows.
    last: Option<(Written, u64)>,
}

impl Parts {
    /// Goes on after so many whole parts of the file at `path`; others there are removed.
    pub(super) fn open(path: &Path, schema: SchemaRef, done: u64) -> Result<Self> {
        let parts = Self { path: path.to_owned(), schema, done, current: None, last: None };
        let kept: Vec<PathBuf> = (0..done).map(|n| parts.name(n)).collect();
        parts.remove_but(&kept)?;
        Ok(parts)
    }

    fn name(&self, number: u64) -> PathBuf {
        with_suffix(&self.path, &format!(".rows-{number:06}"))
    }

    fn remove_but(&self, kept: &[PathBuf]) -> Result<()> {
        let folder = self.path.parent().filter(|folder| *folder != Path::new(""));
        let folder = folder.unwrap_or(Path::new("."));
        let begin = format!("{}.rows-", name_of(&self.path)?);
        let is_number = |end: &str| end.len() >= 6 && end.bytes().all(|b| b.is_ascii_digit());
        let names = durable::pick_names(folder, |name| {
            name.strip_prefix(&begin).is_some_and(is_number).then(|| folder.join(name))
        })?;
        let old = names.iter().filter(|name| !kept.contains(name));
        old.into_iter().try_for_each(|name| Ok(durable::remove(name)?))
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let (mut writer, rows) = match self.current.take() {
            Some(current) => current,
            None => {
                let output = Output::create(&self.name(self.done))?;
                (ResultWriter::new(OutputFormat::Parquet, &self.schema, output)?, 0)
            }
        };
        writer.write(batch)?;
        self.current = Some((writer, rows + batch.num_rows() as u64));
        Ok(())
    }

    /// Rows of the part that grows.
    pub(super) fn rows(&self) -> u64 {
        self.current.as_ref().map_or(0, |(_, rows)| *rows)
    }

    /// Ends the part that grows; how many are whole now.
    pub(super) fn end(&mut self) -> Result<u64> {
        if let Some((writer, _)) = self.current.take() {
            let (rows, output) = writer.finish()?;
            self.last = Some((output.finish()?, rows));
            self.done += 1;
        }
        Ok(self.done)
    }

    /// Makes the parts one file; how many rows it has.
    pub(super) fn finish(mut self) -> Result<(u64, Written)> {
        self.end()?;
        if let (1, Some((written, rows))) = (self.done, self.last.take()) {
            std::fs::rename(self.name(0), &self.path).map_err(|e| Error::io(&self.path, e))?;
            durable::sync_file(&self.path)?;
            return Ok((rows, written));
        }
        let output = Output::create(&self.path)?;
        let (rows, output) = if self.done == 0 {
            ResultWriter::new(OutputFormat::Parquet, &self.schema, output)?.finish()?
        } else {
            self.joined(output)?
        };
        let written = output.finish()?;
        self.remove_but(&[])?;
        Ok((rows, written))
    }

    /// Writes the row groups of all parts, as they are.
    fn joined(&self, output: Output) -> Result<(u64, Output)> {
        let failed = |e: parquet::errors::ParquetError| QueryError::Output(e.to_string());
        let schema = ArrowSchemaConverter::new().convert(&self.schema).map_err(failed)?;
        let mut joined: Option<SerializedFileWriter<Output>> = None;
        let (mut output, mut rows) = (Some(output), 0);
        for number in 0..self.done {
            let name = self.name(number);
            let file = File::open(&name).map_err(|e| Error::io(&name, e))?;
            let read = file.try_clone().map_err(|e| Error::io(&name, e))?;
            let reader = SerializedFileReader::new(read).map_err(failed)?;
            let meta = reader.metadata();
            if let Some(output) = output.take() {
                // The Arrow schema is among the metadata, the same in all parts.
                let said = meta.file_metadata().key_value_metadata().cloned();
                let properties = WriterProperties::builder().set_key_value_metadata(said).build();
                let writer =
                    SerializedFileWriter::new(output, schema.root_schema_ptr(), properties.into());
                joined = Some(writer.map_err(failed)?);
            }
            let Some(writer) = &mut joined else { continue };
            for group in meta.row_groups() {
                let mut into = writer.next_row_group().map_err(failed)?;
                for column in group.columns() {
                    let close = ColumnCloseResult {
                        bytes_written: column.compressed_size().unsigned_abs(),
                        rows_written: group.num_rows().unsigned_abs(),
                        metadata: column.clone(),
                        bloom_filter: None,
                        column_index: None,
                        offset_index: None,
                    };
                    into.append_column(&file, close).map_err(failed)?;
                }
                into.close().map_err(failed)?;
                rows += group.num_rows().unsigned_abs();
            }
        }
        let writer = joined.ok_or_else(|| QueryError::Output("there are no parts".to_owned()))?;
        Ok((rows, writer.into_inner().map_err(failed)?))
    }
}
