//! Spans of rows as the arrays of a chunk of the merged segment.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, MutableArrayData, make_array, new_null_array};
use arrow::datatypes::DataType;

use super::order::Span;
use crate::{Error, Result};

/// Some rows of the merged segment, as the inputs hold them.
#[derive(Debug, Default)]
pub(in crate::segment) struct Chunk {
    spans: Vec<Span>,
    pub(super) rows: usize,
}

impl Chunk {
    pub(super) fn push(&mut self, span: Span) {
        self.rows += span.to - span.from;
        self.spans.push(span);
    }

    /// Cuts off what is more than `rows`.
    pub(super) fn split_off(&mut self, rows: usize) -> Self {
        let mut rest = Self::default();
        while self.rows > rows {
            let Some(mut last) = self.spans.pop() else { break };
            let length = last.to - last.from;
            self.rows -= length;
            if self.rows < rows {
                let cut = last.from + (rows - self.rows);
                self.push(Span { to: cut, ..last.clone() });
                last.from = cut;
            }
            rest.rows += last.to - last.from;
            rest.spans.push(last);
        }
        rest.spans.reverse();
        rest
    }

    /// The values of one column, by its position in the file.
    pub(super) fn column(&self, at: usize, kind: &DataType) -> Result<ArrayRef> {
        if self.spans.iter().all(|span| span.rows.columns[at].is_none()) {
            return Ok(new_null_array(kind, self.rows));
        }
        // Spans of the same rows share an array.
        let mut sources: Vec<arrow::array::ArrayData> = Vec::new();
        let mut source_of = std::collections::HashMap::new();
        let mut places = Vec::with_capacity(self.spans.len());
        for span in &self.spans {
            let Some(array) = &span.rows.columns[at] else {
                places.push(None);
                continue;
            };
            if array.data_type() != kind {
                let message = format!("{} where {kind} is expected", array.data_type());
                return Err(Error::encoding("segment", message));
            }
            let place = *source_of.entry(Arc::as_ptr(&span.rows)).or_insert_with(|| {
                sources.push(array.to_data());
                sources.len() - 1
            });
            places.push(Some(place));
        }
        let mut values = MutableArrayData::new(sources.iter().collect(), true, self.rows);
        for (span, place) in self.spans.iter().zip(places) {
            match place {
                Some(place) => values.try_extend(place, span.from, span.to),
                None => values.try_extend_nulls(span.to - span.from),
            }
            .map_err(|e| Error::encoding("segment", e))?;
        }
        let array = make_array(values.freeze());
        Ok(array)
    }
}
