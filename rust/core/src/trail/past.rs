//! The trail as it was, where files of that time are gone: their rows are in other segments now.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;

use super::{ReadView, Trail};
use crate::ledger::{AddedSegment, State};
use crate::segment::SegmentFile;
use crate::{Error, Result};

/// Rows that are held in memory, out of segments that also hold later ones.
const MOST_ROWS: u64 = 1_000_000;

/// What a live segment holds of the time before an entry.
enum Part {
    All,
    Some(HashSet<u16>, u64),
    None,
}

impl Trail {
    /// The view of an earlier state. Of partitions of which files were swept since, the rows are
    /// taken from the segments that hold their batches now.
    ///
    /// # Errors
    /// `Usage` where that would take too much memory; `Integrity`, `Io` or `Store` as when reading.
    pub(super) async fn view_of_past(&self, past: Arc<State>) -> Result<Arc<ReadView>> {
        let newest = Arc::clone(self.refreshed().await?.state());
        let by_day = self.info().by_day();
        let live: HashMap<&str, &Arc<AddedSegment>> =
            newest.segments.iter().map(|s| (s.path.as_str(), s)).collect();
        let retired = &newest.lifecycle.retired;
        let is_there =
            |s: &AddedSegment| live.contains_key(s.path.as_str()) || retired.contains_key(&s.path);
        let swept: BTreeSet<(&str, &str)> = past
            .segments
            .iter()
            .filter(|s| !is_there(s))
            .filter_map(|s| s.partition(by_day))
            .collect();
        if swept.is_empty() {
            return Ok(ReadView::new(past, Vec::new(), self));
        }
        let known: HashSet<&str> = past.segments.iter().map(|s| s.path.as_str()).collect();
        let in_swept = |s: &AddedSegment| s.partition(by_day).is_some_and(|p| swept.contains(&p));
        let mut segments: Vec<Arc<AddedSegment>> =
            past.segments.iter().filter(|s| !in_swept(s)).cloned().collect();
        let mut records = Vec::new();
        for segment in newest.segments.iter().filter(|s| in_swept(s)) {
            if known.contains(segment.path.as_str()) {
                segments.push(Arc::clone(segment));
                continue;
            }
            let file = self.segment(segment).await?;
            match before(&file, past.size()) {
                Part::All => segments.push(Arc::clone(segment)),
                Part::None => {}
                Part::Some(batches, rows) if records.len() as u64 + rows <= MOST_ROWS => {
                    rows_of(&file, &batches, &mut records)?;
                }
                Part::Some(..) => return Err(too_many(past.size(), segment)),
            }
        }
        let mut state = Arc::unwrap_or_clone(past);
        state.rows = segments.iter().map(|s| s.rows).sum();
        state.segments = segments;
        Ok(ReadView::new(Arc::new(state), records, self))
    }
}

/// Which of a segment's batches came before entry `size`. One without origin came with the segment,
/// which was not there then.
fn before(file: &SegmentFile, size: u64) -> Part {
    let batches = &file.meta().batches;
    let mut some = HashSet::new();
    let mut rows = 0;
    for (ordinal, batch) in (0..).zip(batches) {
        if batch.origin.as_ref().is_some_and(|origin| origin.entry < size) {
            some.insert(ordinal);
            rows += batch.rows;
        }
    }
    match some.len() {
        0 => Part::None,
        all if all == batches.len() => Part::All,
        _ => Part::Some(some, rows),
    }
}

fn rows_of(file: &SegmentFile, batches: &HashSet<u16>, records: &mut Vec<Bytes>) -> Result<()> {
    let reader = file.row_reader();
    let wrong = |e: &dyn std::fmt::Display| Error::integrity(file.path(), e.to_string());
    for batch in file.rows()? {
        let batch = batch.map_err(|e| wrong(&e))?;
        let rows = reader.columns(&batch)?;
        for row in (0..batch.num_rows()).filter(|row| batches.contains(&rows.ordinal(*row))) {
            let mut record = Vec::new();
            rows.record(row, &mut record).map_err(|fault| wrong(&fault))?;
            records.push(Bytes::from(record));
        }
    }
    Ok(())
}

fn too_many(size: u64, segment: &AddedSegment) -> Error {
    Error::Usage(format!(
        "files of the time of entry {size} are gone, and their rows are in {} now, together with \
         later ones: too many to tell apart in memory; ask as of a later entry",
        segment.path
    ))
}
