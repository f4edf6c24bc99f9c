//! The rows of a snapshot's file as texts, with every core.

use std::sync::mpsc;

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use bytes::Bytes;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};

use super::{COLUMN, ROWS_AT_ONCE, bad};
use crate::Result;

/// A file that has the form of a snapshot's.
pub(super) struct Rows {
    bytes: Bytes,
    metadata: ArrowReaderMetadata,
}

impl Rows {
    /// Looks at a file's form, not at its rows.
    ///
    /// # Errors
    /// `Integrity` if it has another one.
    pub(super) fn open(bytes: Bytes) -> Result<Self> {
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let metadata = ArrowReaderMetadata::load(&bytes, options).map_err(bad)?;
        let file = metadata.metadata().file_metadata();
        if file.key_value_metadata().is_some_and(|entries| !entries.is_empty()) {
            return Err(bad("it has metadata"));
        }
        let fields = metadata.schema().fields();
        let plain = |field: &arrow::datatypes::Field| {
            field.name() == COLUMN && *field.data_type() == DataType::Utf8
        };
        if fields.len() != 1 || !plain(&fields[0]) {
            return Err(bad("it has other columns than one of text"));
        }
        Ok(Self { bytes, metadata })
    }

    fn reader(&self, groups: Vec<usize>) -> Result<ParquetRecordBatchReader> {
        let (bytes, metadata) = (self.bytes.clone(), self.metadata.clone());
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(bytes, metadata);
        let builder = builder.with_row_groups(groups).with_batch_size(ROWS_AT_ONCE);
        builder.build().map_err(bad)
    }

    fn groups(&self) -> std::ops::Range<usize> {
        0..self.metadata.metadata().num_row_groups()
    }

    /// Shows the rows in order.
    ///
    /// # Errors
    /// `Integrity` if they cannot be read; what `see` returns.
    pub(super) fn each(&self, mut see: impl FnMut(&str) -> Result<()>) -> Result<()> {
        for batch in self.reader(self.groups().collect())? {
            let column = column(batch)?;
            (0..column.len()).try_for_each(|row| see(column.value(row)))?;
        }
        Ok(())
    }

    /// What `parse` makes of the rows, some at a time, in order.
    ///
    /// # Errors
    /// As [`each`](Self::each).
    pub(super) fn map<T: Send>(
        &self,
        parse: impl Fn(&StringArray) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let (send, receive) = mpsc::channel();
        let parse = &parse;
        rayon::scope(|scope| {
            for group in self.groups() {
                let send = send.clone();
                scope.spawn(move |scope| {
                    // The receiver outlives the scope.
                    let reader = match self.reader(vec![group]) {
                        Ok(reader) => reader,
                        Err(e) => return drop(send.send(((group, 0), Err(e)))),
                    };
                    for (at, batch) in reader.enumerate() {
                        // After an error it may go on with errors for ever.
                        let failed = batch.is_err();
                        let send = send.clone();
                        scope.spawn(move |_| {
                            let parsed = column(batch).and_then(|column| parse(&column));
                            drop(send.send(((group, at), parsed)));
                        });
                        if failed {
                            return;
                        }
                    }
                });
            }
        });
        drop(send);
        let mut parsed: Vec<_> = receive.into_iter().collect();
        parsed.sort_unstable_by_key(|(place, _)| *place);
        parsed.into_iter().map(|(_, parsed)| parsed).collect()
    }
}

fn column(batch: Result<RecordBatch, ArrowError>) -> Result<StringArray> {
    let column = batch.map_err(bad)?.column(0).as_string::<i32>().clone();
    if column.null_count() > 0 {
        return Err(bad("a row is NULL"));
    }
    Ok(column)
}
