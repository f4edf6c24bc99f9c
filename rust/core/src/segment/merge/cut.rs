//! What is left of a segment of which some rows are removed.

use std::collections::BTreeMap;
use std::ops::Range;

use arrow::array::{Array, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;

use crate::merkle::{self, Hash};
use crate::segment::gone::{Gone, GoneBatch};
use crate::segment::{BatchMeta, SegmentFile};
use crate::{Error, Result};

/// Rows that are removed, and what follows for batches and columns.
#[derive(Debug, Clone)]
pub(crate) struct Cut {
    /// The rows that are removed, ascending.
    rows: Vec<Range<u32>>,
    /// For each batch of the input its ordinal among those that have rows left.
    ordinals: Vec<Option<u16>>,
    /// For each column of the input's description, how many of the rows that are left have a value.
    pub(super) values: Vec<u64>,
    /// How many rows are removed.
    pub(super) removed: u64,
    /// The batches of the new segment that lost rows.
    pub(crate) gone: Gone,
}

/// A batch as its rows come by.
#[derive(Default)]
struct Batch {
    rows: u64,
    /// The rows removed now: which of the batch's rows in the file, and its leaf.
    lost: Vec<(u64, Hash)>,
}

/// Where the rows of a batch stand, and with what their leaves are salted.
enum Salts<'a> {
    Whole([u8; 32]),
    Cut(Vec<(u32, [u8; 16])>, &'a GoneBatch),
}

impl Salts<'_> {
    /// Position and salt of the batch's n-th row in the file.
    fn of(&self, nth: u64) -> Option<(u32, [u8; 16])> {
        match self {
            Self::Whole(salt) => Some((nth as u32, merkle::batch_salt_at(salt, nth))),
            Self::Cut(left, _) => left.get(usize::try_from(nth).ok()?).copied(),
        }
    }
}

impl Cut {
    /// What is left of a segment without these rows (ascending); `before` is its sidecar so far.
    ///
    /// # Errors
    /// `Integrity` if the segment or its sidecar is not what it should be; `Usage` if no row is
    /// left.
    pub(crate) fn of(file: &SegmentFile, before: &Gone, rows: Vec<Range<u32>>) -> Result<Self> {
        let wrong = |what: &str| Error::integrity(file.path(), what);
        let salts: Vec<Salts<'_>> = (0..)
            .zip(&file.meta().batches)
            .map(|(ordinal, batch)| salts_of(ordinal, batch, before))
            .collect::<Option<_>>()
            .ok_or_else(|| wrong("a batch's salts are not there"))?;
        let mut cut = Self {
            rows,
            ordinals: Vec::new(),
            values: vec![0; file.meta().columns.len()],
            removed: 0,
            gone: Gone::default(),
        };
        let mut batches: Vec<Batch> = salts.iter().map(|_| Batch::default()).collect();
        let mut base = 0;
        for part in file.rows()? {
            let part = part.map_err(|e| file.failed(e))?;
            cut.read(file, &part, base, &salts, &mut batches)?;
            base += part.num_rows() as u64;
        }
        cut.settle(&salts, batches)
            .ok_or_else(|| wrong("its batches are not what they should be"))?;
        match cut.ordinals.iter().any(Option::is_some) {
            true => Ok(cut),
            false => Err(Error::Usage(format!("{}: no record would be left", file.path()))),
        }
    }

    fn read(
        &mut self,
        file: &SegmentFile,
        part: &RecordBatch,
        base: u64,
        salts: &[Salts<'_>],
        batches: &mut [Batch],
    ) -> Result<()> {
        let reader = file.row_reader();
        let rows = reader.columns(part)?;
        let keep = self.keep(base, part.num_rows());
        let mut record = Vec::new();
        for row in 0..part.num_rows() {
            let place = usize::from(rows.ordinal(row));
            let (Some(batch), Some(salts)) = (batches.get_mut(place), salts.get(place)) else {
                return Err(file.failed("a row of no batch"));
            };
            if !keep.value(row) {
                let (_, salt) =
                    salts.of(batch.rows).ok_or_else(|| file.failed("a row too many"))?;
                record.clear();
                rows.record(row, &mut record).map_err(|fault| file.failed(fault))?;
                batch.lost.push((batch.rows, merkle::record_leaf(&salt, &record)));
                self.removed += 1;
            }
            batch.rows += 1;
        }
        let left = filter_record_batch(part, &keep).map_err(|e| file.failed(e))?;
        for (at, count) in self.values.iter_mut().enumerate() {
            let column = left.column(at + 1);
            *count += (column.len() - column.null_count()) as u64;
        }
        Ok(())
    }

    /// New ordinals and the new sidecar.
    fn settle(&mut self, salts: &[Salts<'_>], batches: Vec<Batch>) -> Option<()> {
        let mut next = 0_u16;
        for (salts, batch) in salts.iter().zip(batches) {
            if batch.rows == batch.lost.len() as u64 {
                self.ordinals.push(None);
                continue;
            }
            if let Some(gone) = gone_of(salts, &batch)? {
                self.gone.batches.insert(next, gone);
            }
            self.ordinals.push(Some(next));
            next = next.checked_add(1)?;
        }
        Some(())
    }

    /// Which of the rows from `base` on are left.
    fn keep(&self, base: u64, rows: usize) -> BooleanArray {
        let end = base + rows as u64;
        let mut keep = vec![true; rows];
        let from = self.rows.partition_point(|range| u64::from(range.end) <= base);
        for range in self.rows.get(from..).into_iter().flatten() {
            if u64::from(range.start) >= end {
                break;
            }
            let first = u64::from(range.start).max(base) - base;
            let last = u64::from(range.end).min(end) - base;
            keep[first as usize..last as usize].fill(false);
        }
        BooleanArray::from(keep)
    }

    /// The rows of a part of the file, from row `base` on, that are left.
    pub(super) fn left(&self, part: &RecordBatch, base: u64) -> arrow::error::Result<RecordBatch> {
        filter_record_batch(part, &self.keep(base, part.num_rows()))
    }

    /// How many batches are left.
    pub(super) fn batches_left(&self) -> usize {
        self.ordinals.iter().flatten().count()
    }

    /// A batch's ordinal among those that are left.
    pub(super) fn ordinal(&self, before: u16) -> Option<u16> {
        self.ordinals.get(usize::from(before)).copied().flatten()
    }

    /// The descriptions of the batches that are left.
    pub(super) fn batches(&self, before: Vec<BatchMeta>) -> Vec<BatchMeta> {
        let left = before.into_iter().zip(&self.ordinals);
        let left = left.filter_map(|(batch, ordinal)| Some((batch, (*ordinal)?)));
        left.map(|(batch, ordinal)| match self.gone.batches.get(&ordinal) {
            None => batch,
            Some(gone) => BatchMeta { gone: Some(gone.gone()), salt: None, tree: None, ..batch },
        })
        .collect()
    }
}

fn salts_of<'a>(ordinal: u16, batch: &BatchMeta, before: &'a Gone) -> Option<Salts<'a>> {
    match (batch.gone, before.batches.get(&ordinal)) {
        (None, None) => batch.salt_bytes().map(Salts::Whole),
        (Some(count), Some(gone)) if gone.gone() == count && gone.rows() == batch.rows => {
            Some(Salts::Cut(gone.left().collect(), gone))
        }
        _ => None,
    }
}

/// What is kept of the removed rows of a batch; none if it lost none.
fn gone_of(salts: &Salts<'_>, batch: &Batch) -> Option<Option<GoneBatch>> {
    let mut removed: BTreeMap<u32, Hash> = match salts {
        Salts::Whole(_) => BTreeMap::new(),
        Salts::Cut(_, before) => before.removed().collect(),
    };
    let rows = batch.rows + removed.len() as u64;
    for (nth, leaf) in &batch.lost {
        removed.insert(salts.of(*nth)?.0, *leaf);
    }
    if removed.is_empty() {
        return Some(None);
    }
    let all = (0..batch.rows).map(|nth| salts.of(nth)).collect::<Option<Vec<_>>>()?;
    let left = all.into_iter().filter(|(position, _)| !removed.contains_key(position));
    let left: Vec<[u8; 16]> = left.map(|(_, salt)| salt).collect();
    let (positions, leaves) = removed.into_iter().unzip();
    GoneBatch::new(u32::try_from(rows).ok()?, positions, leaves, left).ok().map(Some)
}
