//! Which segments may hold a record, told by their bloom filters alone.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use futures::{StreamExt, stream};
use rayon::prelude::*;

use super::Trail;
use super::lookup::ID;
use crate::Result;
use crate::ledger::AddedSegment;
use crate::segment::{Filters, TAIL_BYTES, Told};
use crate::storage::durable;

/// Objects of a store that are asked at a time.
const ASKED: usize = 32;
/// Threads that read files for the first time.
const READERS: usize = 8;

impl Trail {
    /// Those of `segments` that may hold a record with this id, in their order. What cannot be read
    /// is among them: who opens it learns why.
    pub(super) async fn that_may_hold<'a>(
        &self,
        segments: Vec<&'a Arc<AddedSegment>>,
        audit_id: &str,
    ) -> Vec<&'a Arc<AddedSegment>> {
        self.learn(&segments);
        let here = |segment: &&Arc<AddedSegment>| self.file_may_hold(segment, audit_id);
        let mut may: Vec<bool> =
            segments.par_iter().map(|segment| here(segment).unwrap_or(true)).collect();
        let far = segments.iter().enumerate().filter(|(_, s)| !self.archives().is_here(s));
        let asked = far.map(|(at, segment)| async move {
            (at, self.object_may_hold(segment, audit_id).await.unwrap_or(true))
        });
        let asked: Vec<(usize, bool)> =
            stream::iter(asked.collect::<Vec<_>>()).buffer_unordered(ASKED).collect().await;
        for (at, answer) in asked {
            may[at] = answer;
        }
        segments.into_iter().zip(may).filter(|(_, may)| *may).map(|(segment, _)| segment).collect()
    }

    /// Reads the ends of files that were not read before.
    fn learn(&self, segments: &[&Arc<AddedSegment>]) {
        let known = |segment: &AddedSegment| self.shared.opened.filters(&segment.path).is_some();
        let new = segments.iter().filter(|s| !known(s) && self.archives().is_here(s));
        let new: Vec<_> = new.collect();
        if new.len() < READERS * 2 {
            return;
        }
        // They wait for the disk most of the time.
        std::thread::scope(|scope| {
            for part in new.chunks(new.len().div_ceil(READERS)) {
                scope.spawn(move || {
                    for segment in part {
                        // Who asks it later learns of the error.
                        let _ = self.filters_of(segment);
                    }
                });
            }
        });
    }

    /// Where a segment that is here has its filters; none where that cannot be told.
    fn filters_of(&self, segment: &AddedSegment) -> Result<Option<Arc<Filters>>> {
        let opened = &self.shared.opened;
        if let Some(known) = opened.filters(&segment.path) {
            return Ok(known);
        }
        let Some(path) = self.file_of(segment)? else { return Ok(None) };
        let read = |bytes| durable::read_range(&path, end(segment, bytes));
        let mut told = Filters::of(&read(TAIL_BYTES)?, ID);
        if let Told::More(bytes) = told {
            told = Filters::of(&read(bytes)?, ID);
        }
        Ok(opened.keep_filters(&segment.path, told))
    }

    /// The file of a segment, if it is one of Parquet here.
    fn file_of(&self, segment: &AddedSegment) -> Result<Option<PathBuf>> {
        if segment.is_jsonl() {
            return Ok(None);
        }
        let storage = self.archives().store_of(segment)?;
        Ok(storage.local_root().map(|root| root.join(&segment.path)))
    }

    fn file_may_hold(&self, segment: &AddedSegment, audit_id: &str) -> Result<bool> {
        let Some(path) = self.file_of(segment)? else { return Ok(true) };
        let Some(filters) = self.filters_of(segment)? else { return Ok(true) };
        for block in filters.blocks(audit_id) {
            if Filters::may_hold(&durable::read_range(&path, block)?, audit_id) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn object_may_hold(&self, segment: &AddedSegment, audit_id: &str) -> Result<bool> {
        if segment.is_jsonl() {
            return Ok(true);
        }
        let storage = self.archives().store_of(segment)?;
        let read = |range| storage.get_range(&segment.path, range);
        let opened = &self.shared.opened;
        let filters = match opened.filters(&segment.path) {
            Some(known) => known,
            None => {
                let mut told = Filters::of(&read(end(segment, TAIL_BYTES)).await?, ID);
                if let Told::More(bytes) = told {
                    told = Filters::of(&read(end(segment, bytes)).await?, ID);
                }
                opened.keep_filters(&segment.path, told)
            }
        };
        let Some(filters) = filters else { return Ok(true) };
        for block in filters.blocks(audit_id) {
            if Filters::may_hold(&read(block).await?, audit_id) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The last bytes of a segment's object.
fn end(segment: &AddedSegment, bytes: u64) -> Range<u64> {
    segment.bytes.saturating_sub(bytes)..segment.bytes
}

#[cfg(test)]
#[path = "narrow_tests.rs"]
mod tests;
