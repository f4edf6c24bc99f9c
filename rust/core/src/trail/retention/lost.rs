//! Which records of which batches go.

use std::collections::BTreeMap;
use std::ops::Range;

use arrow::array::AsArray;
use arrow::datatypes::{TimestampMicrosecondType, UInt16Type};

use crate::columns::BATCH;
use crate::ledger::GoneBatch;
use crate::segment::{BatchMeta, SegmentFile};
use crate::{Error, Result};

/// What a batch loses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Loss {
    rows: u64,
    min: i64,
    max: i64,
}

impl Loss {
    fn add(&mut self, timestamp: i64) {
        self.rows += 1;
        self.min = self.min.min(timestamp);
        self.max = self.max.max(timestamp);
    }
}

/// What the batches of a segment lose when the given rows go (ascending), by ordinal.
///
/// `watch` is told of each row that goes.
///
/// # Errors
/// `Integrity` if the segment cannot be read; what `watch` says.
pub(super) fn losses(
    file: &SegmentFile,
    rows: &[Range<u32>],
    watch: &dyn Fn(u64) -> Result<()>,
) -> Result<BTreeMap<u16, Loss>> {
    let mut losses: BTreeMap<u16, Loss> = BTreeMap::new();
    for (group, all) in file.groups().into_iter().enumerate() {
        let (from, to) = (all.start as u32, all.end as u32);
        let parts = rows.iter().filter(|range| range.start < to && range.end > from);
        let parts: Vec<_> = parts.map(|r| r.start.max(from)..r.end.min(to)).collect();
        if parts.is_empty() {
            continue;
        }
        let columns = file.columns_in(group, &[BATCH, "timestamp"])?;
        let [Some(ordinals), Some(times)] = columns.as_slice() else {
            return Err(Error::integrity(file.path(), "rows without batch or time"));
        };
        let ordinals = ordinals.as_primitive_opt::<UInt16Type>();
        let times = times.as_primitive_opt::<TimestampMicrosecondType>();
        let (Some(ordinals), Some(times)) = (ordinals, times) else {
            return Err(Error::integrity(file.path(), "rows without batch or time"));
        };
        watch(parts.iter().map(|range| u64::from(range.end - range.start)).sum())?;
        for row in parts.into_iter().flatten() {
            let at = (row - from) as usize;
            let time = times.value(at);
            let none = Loss { rows: 0, min: time, max: time };
            losses.entry(ordinals.value(at)).or_insert(none).add(time);
        }
    }
    Ok(losses)
}

/// The items of a tombstone for what a segment's batches lose. `place` is the entry that added the
/// segment and which of its segments it is, for batches that were never moved.
///
/// # Errors
/// `Integrity` if a row is of no batch, or it is not known where a batch comes from.
pub(super) fn items(
    file: &SegmentFile,
    losses: &BTreeMap<u16, Loss>,
    place: Option<(u64, u64)>,
) -> Result<Vec<GoneBatch>> {
    let wrong = |what: &str| Error::integrity(file.path(), what);
    let item = |(ordinal, loss): (&u16, &Loss)| {
        let batch: Option<&BatchMeta> = file.meta().batches.get(usize::from(*ordinal));
        let batch = batch.ok_or_else(|| wrong("a row is of no batch"))?;
        let (entry, add, index) = match (&batch.origin, place) {
            (Some(origin), _) => (origin.entry, origin.add, origin.index),
            (None, Some((entry, add))) => (entry, add, u64::from(*ordinal)),
            (None, None) => return Err(wrong("no entry is known that added it")),
        };
        Ok(GoneBatch {
            add,
            entry,
            gone: loss.rows,
            index,
            max: loss.max,
            min: loss.min,
            root: batch.root.clone(),
            rows: batch.rows,
        })
    };
    losses.iter().map(item).collect()
}
