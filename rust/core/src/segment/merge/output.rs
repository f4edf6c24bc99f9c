//! Chunks of rows as a Parquet file, row group by row group.

use std::io::{self, Write};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::kernels::aggregate;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimestampMicrosecondType};
use data_encoding::HEXLOWER;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, ArrowWriterOptions,
    compute_leaves,
};
use parquet::file::metadata::KeyValue;
use parquet::file::writer::SerializedFileWriter;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::Kept;
use super::columns::arrow_type;
use super::gather::Chunk;
use crate::columns::{BATCH, LogicalColumn, REST};
use crate::ledger::{Bounds, ColumnBounds};
use crate::segment::meta::{META_KEY, SEAL_KEY};
use crate::segment::write::{self, Effort, MAX_BOUND, STATISTICS_COLUMNS};
use crate::storage::durable::Unfinished;
use crate::{Error, Result};

/// A file and the hash of what was written to it.
struct Hashing {
    file: Unfinished,
    hasher: Sha256,
    bytes: u64,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A file that was written.
#[derive(Debug)]
pub(in crate::segment) struct Written {
    pub(in crate::segment) file: Unfinished,
    pub(in crate::segment) sha256: String,
    pub(in crate::segment) bytes: u64,
    /// Earliest and latest `timestamp`.
    pub(in crate::segment) times: (i64, i64),
    pub(in crate::segment) stats: ColumnBounds,
    /// Whether any row has a rest.
    pub(in crate::segment) any_rest: bool,
}

/// A file that is being written.
pub(in crate::segment) struct Output {
    writer: SerializedFileWriter<Hashing>,
    factory: ArrowRowGroupWriterFactory,
    schema: SchemaRef,
    group: Vec<ArrowColumnWriter>,
    group_rows: usize,
    groups: usize,
    full: usize,
    bounds: Vec<(usize, Range)>,
    rows: u64,
    any_rest: bool,
}

impl Output {
    /// Begins a file of these columns, whose first rows are `first`.
    pub(in crate::segment) fn begin(
        file: Unfinished,
        kept: &Kept<'_>,
        with_rest: bool,
        first: &[ArrayRef],
        of: (usize, bool),
        effort: &Effort,
    ) -> Result<Self> {
        let failed = |e| Error::encoding("segment", e);
        let columns = kept.columns;
        let values = first.get(1..).unwrap_or_default();
        let properties = write::properties(columns, values, of, effort)?;
        let properties = write::sealed(properties, kept.sealing, kept.segment)?.build();
        let mut fields = vec![Field::new(BATCH, DataType::UInt16, false)];
        let optional = |column: &LogicalColumn| !write::REQUIRED.contains(&column.name.as_str());
        fields.extend(columns.iter().map(|c| Field::new(&c.name, c.kind.arrow(), optional(c))));
        fields.extend(with_rest.then(|| Field::new(REST, DataType::Utf8, true)));
        let schema = Arc::new(Schema::new(fields));
        let options =
            ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
        let file = Hashing { file, hasher: Sha256::new(), bytes: 0 };
        let writer = ArrowWriter::try_new_with_options(file, Arc::clone(&schema), options);
        let (writer, factory) =
            writer.and_then(ArrowWriter::into_serialized_writer).map_err(failed)?;
        let of = |name: &str| columns.iter().position(|c| c.name == name);
        let bounded = ["timestamp"].iter().chain(&STATISTICS_COLUMNS);
        let bounds = bounded.filter_map(|name| Some((of(name)? + 1, Range::None)));
        Ok(Self {
            writer,
            factory,
            schema,
            group: Vec::new(),
            group_rows: 0,
            groups: 0,
            full: effort.group_rows,
            bounds: bounds.collect(),
            rows: 0,
            any_rest: false,
        })
    }

    /// Rows that the row group has room for.
    pub(in crate::segment) fn room(&self) -> usize {
        self.full - self.group_rows
    }

    /// Rows that were added.
    pub(in crate::segment) fn rows(&self) -> usize {
        usize::try_from(self.rows).unwrap_or(usize::MAX)
    }

    /// Adds rows, no more than there is room for.
    pub(in crate::segment) fn add(
        &mut self,
        chunk: &Chunk,
        columns: &[LogicalColumn],
    ) -> Result<()> {
        self.add_columns(chunk.rows, |at| chunk.column(at, &arrow_type(columns, at)))
    }

    /// As [`add`](Self::add), of columns that are there: `_batch`, the others, the rest.
    pub(in crate::segment) fn add_arrays(
        &mut self,
        arrays: &[ArrayRef],
        rows: usize,
    ) -> Result<()> {
        let missing = || Error::encoding("segment", "a column is missing");
        self.add_columns(rows, |at| arrays.get(at).cloned().ok_or_else(missing))
    }

    fn add_columns(
        &mut self,
        rows: usize,
        column: impl Fn(usize) -> Result<ArrayRef> + Sync,
    ) -> Result<()> {
        let failed = |e| Error::encoding("segment", e);
        if self.group.is_empty() {
            self.group = self.factory.create_column_writers(self.groups).map_err(failed)?;
        }
        let fields = self.schema.fields();
        let arrays: Vec<ArrayRef> = self
            .group
            .par_iter_mut()
            .enumerate()
            .with_max_len(1)
            .map(|(at, writer)| {
                let array = column(at)?;
                for leaf in compute_leaves(&fields[at], &array).map_err(failed)? {
                    writer.write(&leaf).map_err(failed)?;
                }
                Ok(array)
            })
            .collect::<Result<_>>()?;
        for (at, range) in &mut self.bounds {
            range.widen(arrays[*at].as_ref());
        }
        if self.schema.fields().last().is_some_and(|field| field.name() == REST) {
            self.any_rest |= arrays.last().is_some_and(|rest| rest.null_count() < rest.len());
        }
        self.group_rows += rows;
        self.rows += rows as u64;
        if self.group_rows >= self.full { self.end_group() } else { Ok(()) }
    }

    fn end_group(&mut self) -> Result<()> {
        let failed = |e| Error::encoding("segment", e);
        if self.group.is_empty() {
            return Ok(());
        }
        let chunks: Vec<ArrowColumnChunk> = std::mem::take(&mut self.group)
            .into_par_iter()
            .with_max_len(1)
            .map(ArrowColumnWriter::close)
            .collect::<parquet::errors::Result<_>>()
            .map_err(failed)?;
        let mut group = self.writer.next_row_group().map_err(failed)?;
        for chunk in chunks {
            chunk.append_to_row_group(&mut group).map_err(failed)?;
        }
        group.close().map_err(failed)?;
        self.groups += 1;
        self.group_rows = 0;
        Ok(())
    }

    /// Ends the last row group.
    pub(in crate::segment) fn end_rows(&mut self) -> Result<()> {
        self.end_group()
    }

    /// Writes the metadata and ends the file.
    pub(in crate::segment) fn finish(
        mut self,
        description: String,
        seal: String,
    ) -> Result<Written> {
        let failed = |e| Error::encoding("segment", e);
        for (key, value) in [(META_KEY, description), (SEAL_KEY, seal)] {
            self.writer.append_key_value_metadata(KeyValue::new(key.to_owned(), value));
        }
        let Hashing { file, hasher, bytes } = self.writer.into_inner().map_err(failed)?;
        let mut times = (0, 0);
        let mut stats = ColumnBounds::default();
        for (at, range) in self.bounds {
            let name = self.schema.field(at).name();
            match (name.as_str(), range) {
                ("timestamp", Range::Times(min, max)) => times = (min, max),
                (_, range) => {
                    if let Some(bounds) = range.bounds() {
                        stats.insert(name.clone(), bounds);
                    }
                }
            }
        }
        let sha256 = HEXLOWER.encode(&hasher.finalize());
        Ok(Written { file, sha256, bytes, times, stats, any_rest: self.any_rest })
    }
}

/// The least and the greatest value so far.
#[derive(Debug)]
enum Range {
    None,
    Times(i64, i64),
    Texts(String, String),
}

impl Range {
    fn widen(&mut self, array: &dyn Array) {
        let new = match array.as_string_opt::<i32>() {
            Some(texts) => aggregate::min_string(texts)
                .zip(aggregate::max_string(texts))
                .map(|(min, max)| Self::Texts(min.to_owned(), max.to_owned())),
            None => array.as_primitive_opt::<TimestampMicrosecondType>().and_then(|times| {
                Some(Self::Times(aggregate::min(times)?, aggregate::max(times)?))
            }),
        };
        match (&mut *self, new) {
            (_, None) => {}
            (Self::Times(min, max), Some(Self::Times(a, b))) => {
                (*min, *max) = ((*min).min(a), (*max).max(b));
            }
            (Self::Texts(min, max), Some(Self::Texts(a, b))) => {
                if a < *min {
                    *min = a;
                }
                if b > *max {
                    *max = b;
                }
            }
            (range, Some(new)) => *range = new,
        }
    }

    /// As the ledger writes them.
    fn bounds(self) -> Option<Bounds> {
        match self {
            Self::None => None,
            Self::Times(min, max) => Some(Bounds::Number(min, max)),
            Self::Texts(min, max) => {
                let short = min.len() <= MAX_BOUND && max.len() <= MAX_BOUND;
                short.then_some(Bounds::Text(min, max))
            }
        }
    }
}
