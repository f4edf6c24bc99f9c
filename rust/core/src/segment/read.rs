//! Reading a segment back: metadata, rows, records.

use arrow::array::{
    Array, ArrayRef, AsArray, RecordBatch, StringArray, UInt16Array, new_empty_array,
};
use arrow::compute::concat;
use arrow::datatypes::UInt16Type;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder, RowSelection, RowSelector,
};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use parquet::file::reader::{ChunkReader, Length};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::find::Blooms;
use super::meta::{META_KEY, SEAL_KEY, SegmentMeta};
use super::source::Source;
use crate::columns::{Assembler, BATCH, Fault, LogicalColumn, REST, Values};
use crate::encryption::{Keyring, Opening};
use crate::{Error, Result};

const READ_ROWS: usize = 8192;
/// Bytes that are hashed at a time.
const DIGEST_BYTES: u64 = 4 << 20;

/// What opens encrypted segments, where it is at hand.
pub type Keys<'a> = Option<&'a Arc<Keyring>>;

/// A segment's object, opened.
#[derive(Debug, Clone)]
pub struct SegmentFile {
    path: String,
    source: Source,
    parquet: ArrowReaderMetadata,
    meta: SegmentMeta,
    seal: String,
    generation: Option<String>,
    /// Bloom filters that were read before, by row group and column.
    pub(super) blooms: Blooms,
}

impl SegmentFile {
    /// Opens the object at `path`, whose content is `bytes`, if it is not encrypted.
    ///
    /// # Errors
    /// As [`open_with`](Self::open_with).
    pub fn open(path: &str, bytes: Bytes) -> Result<Self> {
        Self::open_with(path, bytes, None)
    }

    /// Opens the object at `path`, whose content is `bytes`. `keys` open encrypted ones.
    ///
    /// # Errors
    /// `Integrity` if it is no segment, `Key` if it is encrypted and its key is not at hand.
    pub fn open_with(path: &str, bytes: Bytes, keys: Keys<'_>) -> Result<Self> {
        Self::open_source(path, Source::Memory(bytes), keys)
    }

    /// Opens the file at `path` below `root`, and reads only what is asked for.
    ///
    /// # Errors
    /// `NotFound`, `Io`, and as [`open_with`](Self::open_with).
    pub fn open_local(path: &str, root: &Path, keys: Keys<'_>) -> Result<Self> {
        Self::open_source(path, Source::open(&root.join(path))?, keys)
    }

    /// Opens the segment of `path` whose content is in `file`, and reads only what is asked for.
    ///
    /// # Errors
    /// As [`open_local`](Self::open_local).
    pub fn open_file(path: &str, file: &Path, keys: Keys<'_>) -> Result<Self> {
        Self::open_source(path, Source::open(file)?, keys)
    }

    /// Opens an object of `size` bytes of which only the end is at hand, with its footer. Columns
    /// can be read once they are [added](Self::with_parts).
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(crate) fn open_end(path: &str, size: u64, end: Bytes) -> Result<Self> {
        let from = size.saturating_sub(end.len() as u64);
        Self::open_source(path, Source::Parts { size, parts: vec![(from, end)] }, None)
    }

    /// Where columns lie in the file, in these row groups.
    pub(crate) fn places_of(&self, groups: &[usize], columns: &[&str]) -> Vec<Range<u64>> {
        let metadata = self.parquet();
        let groups = groups.iter().filter_map(|group| metadata.row_groups().get(*group));
        let chunks = groups.flat_map(|group| group.columns());
        let wanted = chunks.filter(|chunk| columns.contains(&chunk.column_descr().name()));
        let place = |(from, length): (u64, u64)| from..from.saturating_add(length);
        wanted.map(|chunk| place(chunk.byte_range())).collect()
    }

    /// The same with more of its bytes at hand, each part with its place in the file.
    pub(crate) fn with_parts(mut self, more: Vec<(u64, Bytes)>) -> Self {
        if let Source::Parts { parts, .. } = &mut self.source {
            parts.extend(more);
        }
        self
    }

    pub(super) fn open_source(path: &str, source: Source, keys: Keys<'_>) -> Result<Self> {
        let pages = match &source {
            // They are before the end that is at hand.
            Source::Parts { .. } => PageIndexPolicy::Skip,
            _ => PageIndexPolicy::Optional,
        };
        let options =
            ArrowReaderOptions::new().with_skip_arrow_metadata(true).with_page_index_policy(pages);
        let opening = source.is_encrypted().then(|| Opening::of(keys, path));
        let options = match &opening {
            Some(opening) => options.with_file_decryption_properties(opening.properties()?),
            None => options,
        };
        let parquet = ArrowReaderMetadata::load(&source, options).map_err(|e| {
            Opening::cause(e).unwrap_or_else(|e| {
                Error::integrity(path, format!("not a readable Parquet file: {e}"))
            })
        })?;
        let value = |key: &str| {
            let entries = parquet.metadata().file_metadata().key_value_metadata();
            let mut found = entries.into_iter().flatten().filter(|kv| kv.key == key);
            match (found.next(), found.next()) {
                (Some(kv), None) => kv.value.clone(),
                _ => None,
            }
        };
        let text = value(META_KEY)
            .ok_or_else(|| Error::integrity(path, format!("no metadata entry {META_KEY:?}")))?;
        let meta = SegmentMeta::parse(&text).map_err(|e| Error::integrity(path, e))?;
        let seal = value(SEAL_KEY)
            .ok_or_else(|| Error::integrity(path, format!("no metadata entry {SEAL_KEY:?}")))?;
        let blooms = Blooms::default();
        let generation = opening.and_then(|opening| opening.generation().map(str::to_owned));
        Ok(Self { path: path.to_owned(), source, parquet, meta, seal, generation, blooms })
    }

    /// Its path within the trail.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Its description.
    pub fn meta(&self) -> &SegmentMeta {
        &self.meta
    }

    /// The same file with a description that was changed.
    #[cfg(test)]
    pub(super) fn with_batches(mut self, change: impl FnMut(&mut super::BatchMeta)) -> Self {
        self.meta.batches.iter_mut().for_each(change);
        self
    }

    /// Its seal, hex.
    pub fn seal(&self) -> &str {
        &self.seal
    }

    /// The keyring's generation under which it is encrypted, if it is.
    pub fn generation(&self) -> Option<&str> {
        self.generation.as_deref()
    }

    /// Its Parquet metadata, with the page index.
    pub fn parquet(&self) -> &ParquetMetaData {
        self.parquet.metadata()
    }

    /// About how many bytes of memory it takes without rows.
    pub(crate) fn footprint(&self) -> usize {
        // Its description is text of about this length, and values.
        let described = self.meta.batches.len() * 256 + self.meta.columns.len() * 128;
        let blooms: usize = self.parquet().row_groups().iter().map(Blooms::most).sum();
        self.parquet().memory_size() + described + blooms
    }

    /// All its bytes.
    ///
    /// # Errors
    /// `Integrity` if a local file cannot be read.
    pub fn bytes(&self) -> Result<Bytes> {
        let length = usize::try_from(self.source.len()).unwrap_or(usize::MAX);
        self.source.get_bytes(0, length).map_err(|e| self.failed(e))
    }

    /// Hex SHA-256 of all its bytes, read bit by bit.
    ///
    /// # Errors
    /// `Integrity` if a local file cannot be read.
    pub(super) fn digest(&self) -> Result<String> {
        let (mut hasher, mut at) = (Sha256::new(), 0);
        while at < self.source.len() {
            let length = (self.source.len() - at).min(DIGEST_BYTES);
            let bytes = self.source.get_bytes(at, length as usize).map_err(|e| self.failed(e))?;
            hasher.update(&bytes);
            at += length;
        }
        Ok(HEXLOWER.encode(&hasher.finalize()))
    }

    pub(super) fn failed(&self, e: impl std::fmt::Display) -> Error {
        Error::integrity(&self.path, format!("unreadable rows: {e}"))
    }

    pub(super) fn builder(&self) -> ParquetRecordBatchReaderBuilder<Source> {
        ParquetRecordBatchReaderBuilder::new_with_metadata(
            self.source.clone(),
            self.parquet.clone(),
        )
        .with_batch_size(READ_ROWS)
    }

    /// All rows of all columns, in file order.
    ///
    /// # Errors
    /// `Integrity` if they cannot be read.
    pub fn rows(&self) -> Result<ParquetRecordBatchReader> {
        self.builder().build().map_err(|e| self.failed(e))
    }

    /// All rows of all columns, so many at a time.
    ///
    /// # Errors
    /// `Integrity` if they cannot be read.
    pub(super) fn rows_by(&self, count: usize) -> Result<ParquetRecordBatchReader> {
        self.builder().with_batch_size(count).build().map_err(|e| self.failed(e))
    }

    /// About how many bytes a row takes in memory.
    pub(super) fn row_bytes(&self) -> usize {
        let groups = self.parquet().row_groups().iter();
        let bytes: i64 = groups.map(|group| group.total_byte_size().max(0)).sum();
        usize::try_from(bytes).unwrap_or(usize::MAX)
            / usize::try_from(self.meta.rows.max(1)).unwrap_or(1)
    }

    /// All rows of a row group.
    ///
    /// # Errors
    /// `Integrity` if they cannot be read.
    pub(super) fn group(&self, group: usize) -> Result<ParquetRecordBatchReader> {
        self.builder().with_row_groups(vec![group]).build().map_err(|e| self.failed(e))
    }

    /// Shows the batch's ordinal of each row of a row group.
    ///
    /// # Errors
    /// `Integrity` if they cannot be read; what `show` says.
    pub(super) fn ordinals(
        &self,
        group: usize,
        mut show: impl FnMut(u16) -> Result<()>,
    ) -> Result<()> {
        let schema = self.parquet().file_metadata().schema_descr();
        let reader = self
            .builder()
            .with_row_groups(vec![group])
            .with_projection(ProjectionMask::columns(schema, [BATCH]));
        for batch in reader.build().map_err(|e| self.failed(e))? {
            let batch = batch.map_err(|e| self.failed(e))?;
            let ordinals = batch.columns().first().and_then(|c| c.as_primitive_opt::<UInt16Type>());
            let ordinals = ordinals.filter(|a| a.null_count() == 0);
            let ordinals = ordinals.ok_or_else(|| self.failed("no `_batch`"))?;
            ordinals.values().iter().try_for_each(|&ordinal| show(ordinal))?;
        }
        Ok(())
    }

    /// Shows every value of a column of strings, in file order; nothing if there is no such column.
    ///
    /// # Errors
    /// `Integrity` if they cannot be read.
    pub(super) fn texts(&self, column: &str, mut show: impl FnMut(Option<&str>)) -> Result<()> {
        let schema = self.parquet().file_metadata().schema_descr();
        let Some(at) = schema.columns().iter().position(|c| c.name() == column) else {
            return Ok(());
        };
        let reader = self.builder().with_projection(ProjectionMask::leaves(schema, [at]));
        for batch in reader.build().map_err(|e| self.failed(e))? {
            let batch = batch.map_err(|e| self.failed(e))?;
            let texts = batch.columns().first().and_then(|c| c.as_string_opt::<i32>());
            let wrong = || self.failed(format!("column {column:?} holds no strings"));
            texts.ok_or_else(wrong)?.iter().for_each(&mut show);
        }
        Ok(())
    }

    /// The canonical records of the given rows (ascending numbers).
    ///
    /// # Errors
    /// `Integrity` if they cannot be read.
    pub fn records(&self, rows: &[usize]) -> Result<Vec<Vec<u8>>> {
        let (groups, selection) = self.selection(rows);
        let schema = Arc::clone(self.parquet.schema());
        // A page of every column is unpacked for a single row: all cores take part.
        let read = |leaf: usize| -> Result<ArrayRef> {
            let leaves =
                ProjectionMask::leaves(self.parquet().file_metadata().schema_descr(), [leaf]);
            let builder = self.builder().with_projection(leaves).with_row_groups(groups.clone());
            let reader = builder.with_row_selection(selection.clone()).build();
            let mut parts = Vec::new();
            for batch in reader.map_err(|e| self.failed(e))? {
                parts.extend(batch.map_err(|e| self.failed(e))?.columns().first().cloned());
            }
            match parts.as_slice() {
                [] => Ok(new_empty_array(schema.field(leaf).data_type())),
                [one] => Ok(Arc::clone(one)),
                many => {
                    let many: Vec<&dyn Array> = many.iter().map(AsRef::as_ref).collect();
                    concat(&many).map_err(|e| self.failed(e))
                }
            }
        };
        let leaves = 0..schema.fields().len();
        let arrays = leaves.into_par_iter().with_max_len(1).map(read).collect::<Result<_>>()?;
        let batch = RecordBatch::try_new(Arc::clone(&schema), arrays);
        let batch = batch.map_err(|e| self.failed(e))?;
        let reader = self.row_reader();
        let columns = reader.columns(&batch)?;
        let mut records = Vec::with_capacity(rows.len());
        for row in 0..batch.num_rows() {
            let mut out = Vec::new();
            columns.record(row, &mut out).map_err(|fault| self.failed(fault))?;
            records.push(out);
        }
        Ok(records)
    }

    /// The row groups that have these rows (ascending numbers), and the rows within them.
    fn selection(&self, rows: &[usize]) -> (Vec<usize>, RowSelection) {
        let (mut groups, mut selectors) = (Vec::new(), Vec::new());
        // The first row of the group, and the next of its rows that nothing is said of yet.
        let mut from = 0;
        let mut left = rows;
        for (group, meta) in self.parquet().row_groups().iter().enumerate() {
            let to = from + usize::try_from(meta.num_rows()).unwrap_or(0);
            let (here, rest) = left.split_at(left.partition_point(|&row| row < to));
            if !here.is_empty() {
                groups.push(group);
                let mut at = from;
                for &row in here {
                    selectors.push(RowSelector::skip(row - at));
                    selectors.push(RowSelector::select(1));
                    at = row + 1;
                }
                selectors.push(RowSelector::skip(to - at));
            }
            (from, left) = (to, rest);
        }
        (groups, RowSelection::from(selectors))
    }

    /// What puts this segment's rows together.
    pub fn row_reader(&self) -> RowReader {
        let columns: Vec<LogicalColumn> =
            self.meta.columns.iter().map(super::SegmentColumn::logical).collect();
        RowReader { path: self.path.clone(), assembler: Assembler::new(&columns), columns }
    }
}

/// Puts the rows of one segment together.
#[derive(Debug)]
pub struct RowReader {
    path: String,
    assembler: Assembler,
    columns: Vec<LogicalColumn>,
}

/// The columns of one Arrow batch of a segment.
#[derive(Debug)]
pub struct BatchRows<'a> {
    assembler: &'a Assembler,
    values: Vec<Values<'a>>,
    rest: Option<&'a StringArray>,
    ordinals: &'a UInt16Array,
}

impl RowReader {
    /// The columns of `batch`, which must be those that the segment's description names.
    ///
    /// # Errors
    /// `Integrity` if they are not.
    pub fn columns<'a>(&'a self, batch: &'a RecordBatch) -> Result<BatchRows<'a>> {
        let wrong = |what: &str| {
            Error::integrity(&self.path, format!("{what} does not fit the segment's description"))
        };
        let schema = batch.schema_ref();
        let with_rest = schema.fields().last().is_some_and(|f| f.name() == REST);
        if schema.fields().len() != 1 + self.columns.len() + usize::from(with_rest) {
            return Err(wrong("the number of columns"));
        }
        let ordinals = batch
            .column(0)
            .as_primitive_opt::<UInt16Type>()
            .filter(|a| schema.field(0).name() == BATCH && a.null_count() == 0)
            .ok_or_else(|| wrong(BATCH))?;
        let mut values = Vec::with_capacity(self.columns.len());
        for (i, column) in self.columns.iter().enumerate() {
            let field = schema.field(i + 1);
            if field.name() != &column.name || field.data_type() != &column.kind.arrow() {
                return Err(wrong(&format!("column {:?}", field.name())));
            }
            let value = Values::of(batch.column(i + 1).as_ref());
            values.push(value.ok_or_else(|| wrong(&format!("column {:?}", field.name())))?);
        }
        let rest = match with_rest {
            true => Some(
                batch.column(batch.num_columns() - 1).as_string_opt().ok_or_else(|| wrong(REST))?,
            ),
            false => None,
        };
        Ok(BatchRows { assembler: &self.assembler, values, rest, ordinals })
    }
}

impl BatchRows<'_> {
    /// Ordinal of the batch that the row belongs to.
    pub fn ordinal(&self, row: usize) -> u16 {
        self.ordinals.value(row)
    }

    /// Appends the canonical record of a row.
    ///
    /// # Errors
    /// A [`Fault`] if the row is not the one representation of a record.
    pub fn record(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Fault> {
        let rest = self.rest.filter(|r| r.is_valid(row)).map(|r| r.value(row).as_bytes());
        self.assembler.row(&self.values, row, rest, out)
    }
}
