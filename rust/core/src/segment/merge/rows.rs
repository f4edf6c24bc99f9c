//! The rows of one input, in its order, as rows of the merged segment.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, RecordBatch, StringArray, TimestampMicrosecondArray, UInt16Array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimestampMicrosecondType, UInt16Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;

use super::Input;
use super::columns::Mapping;
use crate::columns::{Assembler, LogicalColumn, Parts, REST, Shredder, Values};
use crate::segment::{RowReader, SegmentColumn};
use crate::{Error, Result};

/// Some rows of an input.
#[derive(Debug)]
pub(super) struct Loaded {
    /// As columns of the merged segment: `_batch`, the columns, `_rest`; none where all values are
    /// missing.
    pub(super) columns: Vec<Option<ArrayRef>>,
    pub(super) rows: usize,
    times: TimestampMicrosecondArray,
    ids: StringArray,
    /// As they were in the input.
    batch: RecordBatch,
    reader: Arc<RowReader>,
}

impl Loaded {
    /// Time and id of a row.
    pub(super) fn key(&self, row: usize) -> (i64, &str) {
        (self.times.value(row), self.ids.value(row))
    }

    /// The canonical record of a row, which decides where time and id are the same.
    pub(super) fn record(&self, row: usize) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        let written = self.reader.columns(&self.batch)?.record(row, &mut out);
        written.map_err(|fault| Error::integrity("segment", fault.to_string()))?;
        Ok(out)
    }
}

/// Reads an input.
pub(super) struct InputRows<'a> {
    input: &'a Input<'a>,
    mapping: Mapping,
    columns: &'a [LogicalColumn],
    /// Columns that are drawn out of the rest.
    drawn: Vec<LogicalColumn>,
    /// Puts back what is dropped.
    assembler: Assembler,
    reader: Arc<RowReader>,
    batches: ParquetRecordBatchReader,
    /// Ordinal of the input's first batch in the merged segment.
    first_batch: u16,
    /// Positions of `timestamp` and `audit_id` in the file.
    key: (usize, usize),
    /// For each column of the merged segment, rows whose value does not fit.
    pub(super) misfits: Vec<u64>,
    /// Rows of the file that were read.
    read: u64,
}

impl<'a> InputRows<'a> {
    pub(super) fn open(
        input: &'a Input<'a>,
        columns: &'a [LogicalColumn],
        first_batch: u16,
    ) -> Result<Self> {
        let theirs = &input.file.meta().columns;
        let mapping = Mapping::of(input, columns);
        let dropped: Vec<LogicalColumn> =
            mapping.dropped.iter().map(|&at| theirs[at].logical()).collect();
        let place = |name: &str| {
            let at = theirs.iter().position(|c| c.name == name);
            let missing = || Error::integrity(input.file.path(), format!("it has no {name}"));
            at.map(|at| at + 1).ok_or_else(missing)
        };
        let misfit = |kept: &Option<(usize, bool)>| kept.map_or(0, |(at, _)| theirs[at].misfits);
        Ok(Self {
            misfits: mapping.kept.iter().map(misfit).collect(),
            drawn: mapping.drawn.iter().map(|&at| columns[at].clone()).collect(),
            assembler: Assembler::new(&dropped),
            reader: Arc::new(input.file.row_reader()),
            batches: input.file.rows()?,
            key: (place("timestamp")?, place("audit_id")?),
            mapping,
            columns,
            input,
            first_batch,
            read: 0,
        })
    }

    /// The next rows; `None` after the last.
    pub(super) fn next(&mut self) -> Result<Option<Loaded>> {
        let batch = loop {
            let Some(batch) = self.batches.next() else { return Ok(None) };
            let batch = batch.map_err(|e| self.failed(e))?;
            let base = self.read;
            self.read += batch.num_rows() as u64;
            let batch = match &self.input.cut {
                Some(cut) => cut.left(&batch, base).map_err(|e| self.failed(e))?,
                None => batch,
            };
            if batch.num_rows() > 0 {
                break batch;
            }
        };
        // Also checks that the columns are those of the description.
        drop(self.reader.columns(&batch)?);
        let rest = self.rest_of(&batch);
        let mut columns = Vec::with_capacity(self.columns.len() + 2);
        columns.push(Some(self.ordinals(&batch)));
        for kept in &self.mapping.kept {
            columns.push(match kept {
                None => None,
                Some((at, false)) => Some(Arc::clone(batch.column(at + 1))),
                Some((at, true)) => {
                    let doubles = cast(batch.column(at + 1), &DataType::Float64);
                    Some(doubles.map_err(|e| self.failed(e))?)
                }
            });
        }
        if self.takes_apart(rest.is_some()) {
            let parts = self.shred(&batch, rest.as_ref())?;
            for (&at, (array, misfits)) in self.mapping.drawn.iter().zip(parts.columns) {
                columns[at + 1] = array;
                self.misfits[at] += misfits;
            }
            columns.push(parts.rest);
        } else {
            columns.push(rest.map(|rest| Arc::new(rest) as ArrayRef));
        }
        let (time, id) = self.key;
        Ok(Some(Loaded {
            rows: batch.num_rows(),
            times: batch.column(time).as_primitive::<TimestampMicrosecondType>().clone(),
            ids: batch.column(id).as_string::<i32>().clone(),
            columns,
            reader: Arc::clone(&self.reader),
            batch,
        }))
    }

    fn failed(&self, e: impl std::fmt::Display) -> Error {
        Error::integrity(self.input.file.path(), format!("unreadable rows: {e}"))
    }

    fn rest_of(&self, batch: &RecordBatch) -> Option<StringArray> {
        let last = batch.num_columns() - 1;
        let there = batch.schema_ref().field(last).name() == REST;
        let rest = there.then(|| batch.column(last).as_string::<i32>().clone())?;
        (rest.null_count() < rest.len()).then_some(rest)
    }

    /// The batches' ordinals in the merged segment.
    fn ordinals(&self, batch: &RecordBatch) -> ArrayRef {
        let theirs = batch.column(0).as_primitive::<UInt16Type>();
        let left = |ordinal: &u16| match &self.input.cut {
            // A row that is left is of a batch that is.
            Some(cut) => cut.ordinal(*ordinal).unwrap_or_default(),
            None => *ordinal,
        };
        let ours = theirs.values().iter().map(|o| left(o).wrapping_add(self.first_batch));
        Arc::new(UInt16Array::from_iter_values(ours))
    }

    fn takes_apart(&self, any_rest: bool) -> bool {
        !self.mapping.dropped.is_empty() || (any_rest && !self.mapping.drawn.is_empty())
    }

    /// What was dropped and the rest, put together and taken apart anew.
    fn shred(&self, batch: &RecordBatch, rest: Option<&StringArray>) -> Result<Parts> {
        let theirs: &[SegmentColumn] = &self.input.file.meta().columns;
        let mut values = Vec::with_capacity(self.mapping.dropped.len());
        for &at in &self.mapping.dropped {
            let value = Values::of(batch.column(at + 1).as_ref());
            values.push(value.ok_or_else(|| self.failed(&theirs[at].name))?);
        }
        let mut shredder = Shredder::of_types(&self.drawn);
        let mut part = Vec::new();
        for row in 0..batch.num_rows() {
            part.clear();
            let rest = rest.filter(|rest| rest.is_valid(row)).map(|rest| rest.value(row));
            let put = self.assembler.row(&values, row, rest.map(str::as_bytes), &mut part);
            put.map_err(|fault| self.failed(fault))?;
            shredder.push(&part);
        }
        shredder.finish_all()
    }
}
