//! The Parquet side of a segment.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt16Array};
use arrow::compute::kernels::aggregate;
use arrow::datatypes::{DataType, Field, Schema, TimestampMicrosecondType};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowWriterOptions, compute_leaves};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;
use rayon::prelude::*;

use super::MAX_BATCH_ROWS;
use super::meta::{META_KEY, SEAL_KEY, SegmentColumn, SegmentMeta};
use super::{sample, tried};
use crate::columns::{BATCH, ColumnType, LogicalColumn, REST, Shredded};
use crate::encryption::Sealing;
use crate::keys::HmacKey;
use crate::ledger::Bounds;
use crate::{Error, Result};

/// Columns with a bloom filter: ids that people look up and that rows are not sorted by.
pub const BLOOM_COLUMNS: [&str; 6] =
    ["audit_id", "credential_id", "execution_id", "session_id", "tool_use_id", "trace_id"];
/// Columns whose bounds the ledger holds.
pub const STATISTICS_COLUMNS: [&str; 3] = ["audit_id", "event_type", "recorded_at"];
/// Those of them whose bounds are texts of records: the ledger does not tell those of an encrypted
/// segment.
pub(crate) const TEXT_STATISTICS: [&str; 2] = ["audit_id", "event_type"];

/// Columns that every record has a value in.
pub(crate) const REQUIRED: [&str; 5] =
    ["timestamp", "audit_id", "event_type", "recorded_at", "schema_version"];

const BLOOM_FPP: f64 = 0.1;
/// Of filters for ids of records, which are asked in every segment for one that is in a single one:
/// a segment that is opened in vain costs a thousand times what asking its filter does.
const ID_BLOOM_FPP: f64 = 0.002;
const ROW_GROUP_ROWS: usize = 131_072;
const PAGE_ROWS: usize = 20_000;
/// Longest string that the ledger gives as a bound, in bytes.
pub(crate) const MAX_BOUND: usize = 128;
/// Bytes of a string in Parquet's own statistics; longer ones are bounded by their beginnings.
const MAX_STATISTIC: usize = 32;
/// Ids of what passes: their rows lie close together, which the quickest compressor sees in the
/// values, one after the other, but not in positions within a dictionary.
const PASSING_IDS: [&str; 6] = [
    "execution_id",
    "parent_execution",
    "session_id",
    "tool_use_id",
    "trace_id",
    "user_context_session_id",
];

/// How much work goes into making a file small.
#[derive(Debug, Clone, Copy)]
pub(super) struct Effort {
    /// zstd level of most columns.
    pub(super) level: i32,
    /// For texts, where a longer search pays.
    pub(super) text_level: i32,
    pub(super) group_rows: usize,
    /// Largest dictionary of a column's values in a row group, in bytes.
    pub(super) dictionary_bytes: usize,
    pub(super) page_rows: usize,
    pub(super) page_bytes: usize,
    /// Encodings are tried on some values, instead of guessed from their kind.
    pub(super) tries: bool,
    /// Ids get bloom filters. The library writes these in the clear even into an encrypted file.
    pub(super) blooms: bool,
}

/// While records wait for their commit.
const FLUSH: Effort = Effort {
    level: 9,
    text_level: 12,
    group_rows: ROW_GROUP_ROWS,
    dictionary_bytes: 1 << 20,
    page_rows: PAGE_ROWS,
    page_bytes: 1 << 20,
    tries: false,
    blooms: true,
};
/// Mean length from which values count as texts, in bytes.
pub(super) const TEXT_BYTES: usize = 24;
/// For values without repetition, where only the coding of single bytes gains anything.
pub(super) const QUICK_ZSTD_LEVEL: i32 = 1;

/// The columns of a segment in file order.
pub(super) struct File {
    pub(super) columns: Vec<SegmentColumn>,
    arrays: Vec<ArrayRef>,
    rest: Option<ArrayRef>,
    rows: usize,
}

impl File {
    pub(super) fn of(shredded: Shredded, rows: usize) -> Result<Self> {
        if shredded.rows != rows || rows == 0 {
            return Err(Error::encoding("segment", "rows were lost on the way"));
        }
        let fixed = crate::columns::fixed();
        let (mut own, mut promoted): (Vec<_>, Vec<_>) = shredded
            .columns
            .into_iter()
            .partition(|(column, ..)| fixed.iter().any(|f| f.name == column.name));
        promoted.sort_by(|a, b| a.0.name.cmp(&b.0.name));
        own.append(&mut promoted);
        let mut columns = Vec::with_capacity(own.len());
        let mut arrays = Vec::with_capacity(own.len());
        for (column, array, misfits) in own {
            columns.push(SegmentColumn {
                misfits,
                name: column.name,
                path: column.path,
                kind: column.kind,
            });
            arrays.push(array);
        }
        Ok(Self { columns, arrays, rest: shredded.rest, rows })
    }

    /// Smallest and largest value of a column.
    pub(super) fn bounds(&self, name: &str) -> Option<Bounds> {
        let at = self.columns.iter().position(|c| c.name == name)?;
        bounds(self.columns[at].kind, &self.arrays[at])
    }

    pub(super) fn encode(
        &self,
        meta: &SegmentMeta,
        key: &HmacKey,
        sealing: Option<&Sealing>,
    ) -> Result<Vec<u8>> {
        let batch = self.record_batch(meta)?;
        let (text, seal) = meta.sealed(key)?;
        let entries = vec![
            KeyValue::new(META_KEY.to_owned(), text),
            KeyValue::new(SEAL_KEY.to_owned(), seal),
        ];
        let effort = Effort { blooms: sealing.is_none(), ..FLUSH };
        let batches = ColumnPath::from(BATCH);
        let builder = self
            .properties(&effort)?
            // Nothing but runs of the same number.
            .set_column_compression(batches, Compression::UNCOMPRESSED)
            .set_key_value_metadata(Some(entries));
        let properties = sealed(builder, sealing, &meta.segment)?.build();
        let failed = |e| Error::encoding(&meta.segment, e);
        let options =
            ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(Vec::new(), batch.schema(), options)
            .map_err(failed)?;
        write_groups(writer, &batch).map_err(failed)
    }

    fn record_batch(&self, meta: &SegmentMeta) -> Result<RecordBatch> {
        let mut fields = vec![Field::new(BATCH, DataType::UInt16, false)];
        let mut arrays: Vec<ArrayRef> = vec![Arc::new(UInt16Array::from_iter_values(
            (0..self.rows).map(|row| (row / MAX_BATCH_ROWS) as u16),
        ))];
        for (column, array) in self.columns.iter().zip(&self.arrays) {
            fields.push(Field::new(&column.name, column.kind.arrow(), array.null_count() > 0));
            arrays.push(Arc::clone(array));
        }
        if let Some(rest) = &self.rest {
            fields.push(Field::new(REST, DataType::Utf8, true));
            arrays.push(Arc::clone(rest));
        }
        RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
            .map_err(|e| Error::encoding(&meta.segment, e))
    }

    fn properties(&self, effort: &Effort) -> Result<WriterPropertiesBuilder> {
        let ids = self.columns.iter().position(|c| c.name == "audit_id");
        let ascending = ids.is_some_and(|at| self.arrays[at].as_string::<i32>().iter().is_sorted());
        let columns: Vec<LogicalColumn> = self.columns.iter().map(SegmentColumn::logical).collect();
        let of = (self.rows, ascending);
        properties(&columns, &self.arrays, of, effort)
    }
}

/// As before, but encrypted if it is to be.
pub(super) fn sealed(
    builder: WriterPropertiesBuilder,
    sealing: Option<&Sealing>,
    segment: &str,
) -> Result<WriterPropertiesBuilder> {
    Ok(match sealing {
        Some(sealing) => builder.with_file_encryption_properties(sealing.properties(segment)?),
        None => builder,
    })
}

/// How to write these columns, judged by some of their values (those of the rest last, if there is
/// one): of a file of so many rows, with which the ids ascend or not.
pub(super) fn properties(
    columns: &[LogicalColumn],
    values: &[ArrayRef],
    (rows, ascending): (usize, bool),
    effort: &Effort,
) -> Result<WriterPropertiesBuilder> {
    let mut builder = WriterProperties::builder()
        .set_compression(zstd_of(effort.level)?)
        .set_max_row_group_row_count(Some(effort.group_rows))
        .set_data_page_row_count_limit(effort.page_rows)
        .set_data_page_size_limit(effort.page_bytes)
        .set_dictionary_page_size_limit(effort.dictionary_bytes)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_column_index_truncate_length(Some(MAX_STATISTIC))
        .set_statistics_truncate_length(Some(MAX_STATISTIC))
        .set_sorting_columns(sorting(columns));
    for (column, values) in columns.iter().zip(values) {
        builder = match effort.tries {
            true => {
                let column = (column.name.as_str(), column.kind);
                tried::column(builder, column, values, rows, effort)?
            }
            false => column_properties(builder, column, values, effort)?,
        };
        // Ids that ascend with the rows are found by the bounds of their pages.
        let found = column.name == "audit_id" && ascending;
        if effort.blooms && BLOOM_COLUMNS.contains(&column.name.as_str()) && !found {
            let path = ColumnPath::from(column.name.as_str());
            let fpp = if column.name == "audit_id" { ID_BLOOM_FPP } else { BLOOM_FPP };
            builder = builder
                .set_column_bloom_filter_fpp(path.clone(), fpp)
                .set_column_bloom_filter_max_ndv(path, rows.min(effort.group_rows) as u64);
        }
    }
    let rest = ColumnPath::from(REST);
    let builder = builder.set_column_statistics_enabled(rest.clone(), EnabledStatistics::None);
    match values.get(columns.len()) {
        Some(values) if effort.tries => {
            tried::column(builder, (REST, ColumnType::Utf8), values, rows, effort)
        }
        _ => Ok(builder
            .set_column_dictionary_enabled(rest.clone(), false)
            .set_column_encoding(rest.clone(), Encoding::DELTA_LENGTH_BYTE_ARRAY)
            .set_column_compression(rest, zstd_of(effort.text_level)?)),
    }
}

fn sorting(columns: &[LogicalColumn]) -> Option<Vec<SortingColumn>> {
    let at = columns.iter().position(|c| c.name == "timestamp")?;
    let column_idx = i32::try_from(at + 1).ok()?;
    Some(vec![SortingColumn { column_idx, descending: false, nulls_first: false }])
}

/// Writes the batch with all columns of a row group at once: a segment may be all there is to do.
fn write_groups(
    writer: ArrowWriter<Vec<u8>>,
    batch: &RecordBatch,
) -> parquet::errors::Result<Vec<u8>> {
    let (mut file, factory) = writer.into_serialized_writer()?;
    for (index, from) in (0..batch.num_rows()).step_by(ROW_GROUP_ROWS).enumerate() {
        let rows = batch.slice(from, ROW_GROUP_ROWS.min(batch.num_rows() - from));
        let chunks: Vec<ArrowColumnChunk> = factory
            .create_column_writers(index)?
            .into_par_iter()
            .zip(rows.schema_ref().fields().par_iter().zip(rows.columns()))
            .map(|(mut column, (field, array))| {
                for leaf in compute_leaves(field, array)? {
                    column.write(&leaf)?;
                }
                column.close()
            })
            .collect::<parquet::errors::Result<_>>()?;
        let mut group = file.next_row_group()?;
        for chunk in chunks {
            chunk.append_to_row_group(&mut group)?;
        }
        group.close()?;
    }
    file.into_inner()
}

fn column_properties(
    builder: WriterPropertiesBuilder,
    column: &LogicalColumn,
    array: &ArrayRef,
    effort: &Effort,
) -> Result<WriterPropertiesBuilder> {
    let path = ColumnPath::from(column.name.as_str());
    if sample::is_small(array) {
        return Ok(builder.set_column_compression(path, Compression::UNCOMPRESSED));
    }
    Ok(match (column.kind, column.name.as_str()) {
        (ColumnType::Timestamp, _) => builder
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path.clone(), Encoding::DELTA_BINARY_PACKED),
        (_, "audit_id") => builder
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path.clone(), Encoding::DELTA_BYTE_ARRAY),
        (ColumnType::Utf8, name) => {
            let values = array.as_string::<i32>();
            let (quick, passing) =
                (sample::suits_quick_coding(values)?, PASSING_IDS.contains(&name));
            let count = values.len() - values.null_count();
            let level = match quick || passing {
                true => QUICK_ZSTD_LEVEL,
                false if values.value_data().len() >= count * TEXT_BYTES => effort.text_level,
                false => effort.level,
            };
            let builder = match passing && !quick {
                true => {
                    builder.set_column_encoding(path.clone(), Encoding::DELTA_LENGTH_BYTE_ARRAY)
                }
                false => builder,
            };
            builder
                .set_column_dictionary_enabled(path.clone(), !quick && !passing)
                .set_column_compression(path.clone(), zstd_of(level)?)
        }
        _ => builder,
    })
}

pub(super) fn zstd_of(level: i32) -> Result<Compression> {
    let level = ZstdLevel::try_new(level).map_err(|e| Error::encoding("zstd", e))?;
    Ok(Compression::ZSTD(level))
}

/// Bounds as the ledger writes them; `None` for columns without values, long strings and types
/// without an order.
pub(crate) fn bounds(kind: ColumnType, array: &dyn Array) -> Option<Bounds> {
    match kind {
        ColumnType::Utf8 => {
            let text = array.as_string::<i32>();
            let (min, max) = (aggregate::min_string(text)?, aggregate::max_string(text)?);
            let short = min.len() <= MAX_BOUND && max.len() <= MAX_BOUND;
            short.then(|| Bounds::Text(min.to_owned(), max.to_owned()))
        }
        ColumnType::Timestamp => {
            let times = array.as_primitive::<TimestampMicrosecondType>();
            Some(Bounds::Number(aggregate::min(times)?, aggregate::max(times)?))
        }
        _ => None,
    }
}
