//! Where a row stands in its batch, and its neighbours below the same stored tree hash.

use arrow::array::{Array, AsArray};
use arrow::datatypes::UInt16Type;
use parquet::arrow::ProjectionMask;

use super::TREE_LEVELS;
use super::read::SegmentFile;
use crate::Result;
use crate::columns::BATCH;

/// The run of at most 256 leaves that a row belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    /// The batch, by its ordinal in the segment.
    pub(crate) ordinal: u16,
    /// The row's position in its batch.
    pub(crate) position: u64,
    /// The run's rows in the segment, ascending.
    pub(crate) rows: Vec<usize>,
}

impl Run {
    /// The run's place in the batch's `tree`, and the row's place in the run.
    pub(crate) fn place(&self) -> (usize, usize) {
        let position = usize::try_from(self.position).unwrap_or(usize::MAX);
        (position / RUN, position % RUN)
    }
}

const RUN: usize = 1 << TREE_LEVELS;

/// A batch as far as it was read.
#[derive(Debug, Clone, Default)]
struct Counted {
    rows: u64,
    /// The rows of its newest run.
    run: Vec<usize>,
}

impl Counted {
    fn push(&mut self, row: usize) {
        if self.run.len() == RUN {
            self.run.clear();
        }
        self.run.push(row);
        self.rows += 1;
    }
}

impl SegmentFile {
    /// The rows of a batch, ascending.
    ///
    /// # Errors
    /// `Integrity` if they cannot be read.
    pub(crate) fn rows_of(&self, ordinal: u16) -> Result<Vec<usize>> {
        let (mut rows, mut number) = (Vec::new(), 0);
        for group in 0..self.parquet().num_row_groups() {
            self.ordinals(group, |other| {
                if other == ordinal {
                    rows.push(number);
                }
                number += 1;
                Ok(())
            })?;
        }
        Ok(rows)
    }

    /// The run of a row, `None` if there is no such row. Reads one column, and of it no more than
    /// up to the end of the run.
    ///
    /// # Errors
    /// `Integrity` if it cannot be read.
    pub(crate) fn run_of(&self, row: usize) -> Result<Option<Run>> {
        let mut batches = vec![Counted::default(); self.meta().batches.len()];
        let mut found: Option<Run> = None;
        let schema = self.parquet().file_metadata().schema_descr();
        let reader = self.builder().with_projection(ProjectionMask::columns(schema, [BATCH]));
        let mut number = 0;
        for rows in reader.build().map_err(|e| self.failed(e))? {
            let rows = rows.map_err(|e| self.failed(e))?;
            let ordinals = rows.columns().first().and_then(|c| c.as_primitive_opt::<UInt16Type>());
            let ordinals = ordinals.filter(|a| a.null_count() == 0);
            for &ordinal in ordinals.ok_or_else(|| self.failed("no `_batch`"))?.values() {
                let batch = batches.get_mut(usize::from(ordinal));
                let batch = batch.ok_or_else(|| self.failed("`_batch` names no batch"))?;
                batch.push(number);
                if number == row {
                    let position = batch.rows - 1;
                    found = Some(Run { ordinal, position, rows: Vec::new() });
                }
                number += 1;
                let ours = found.as_mut().filter(|run| run.ordinal == ordinal);
                if let Some(run) = ours.filter(|_| batch.run.len() == RUN) {
                    run.rows.clone_from(&batch.run);
                    return Ok(found);
                }
            }
        }
        // The last run of a batch may be shorter.
        if let Some(run) = &mut found {
            run.rows.clone_from(&batches[usize::from(run.ordinal)].run);
        }
        Ok(found)
    }
}
