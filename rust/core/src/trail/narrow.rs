//! Which segments may hold a record, told by their bloom filters alone.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use futures::{StreamExt, stream};
use rayon::prelude::*;

use super::Trail;
use super::lookup::ID;
use crate::Result;
use crate::ledger::AddedSegment;
use crate::segment::{Filters, TAIL_BYTES, Told};
use crate::storage::{Storage, durable};

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
        let storage = self.storage();
        let may: Vec<bool> = match storage.local_root() {
            Some(root) => {
                self.learn(root, &segments);
                let may = |segment: &&Arc<_>| self.file_may_hold(root, segment, audit_id);
                segments.par_iter().map(|segment| may(segment).unwrap_or(true)).collect()
            }
            None => {
                let may = segments.iter().map(|segment| async {
                    self.object_may_hold(storage, segment, audit_id).await.unwrap_or(true)
                });
                stream::iter(may).buffered(ASKED).collect().await
            }
        };
        segments.into_iter().zip(may).filter(|(_, may)| *may).map(|(segment, _)| segment).collect()
    }

    /// Reads the ends of files that were not read before.
    fn learn(&self, root: &Path, segments: &[&Arc<AddedSegment>]) {
        let opened = &self.shared.opened;
        let new = segments.iter().filter(|segment| opened.filters(&segment.path).is_none());
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
                        let _ = self.filters_of(root, segment);
                    }
                });
            }
        });
    }

    fn filters_of(&self, root: &Path, segment: &AddedSegment) -> Result<Option<Arc<Filters>>> {
        let opened = &self.shared.opened;
        if let Some(known) = opened.filters(&segment.path) {
            return Ok(known);
        }
        let path = root.join(&segment.path);
        let read = |bytes| durable::read_range(&path, end(segment, bytes));
        let mut told = Filters::of(&read(TAIL_BYTES)?, ID);
        if let Told::More(bytes) = told {
            told = Filters::of(&read(bytes)?, ID);
        }
        Ok(opened.keep_filters(&segment.path, told))
    }

    fn file_may_hold(&self, root: &Path, segment: &AddedSegment, audit_id: &str) -> Result<bool> {
        let path = root.join(&segment.path);
        let filters = self.filters_of(root, segment)?;
        let Some(filters) = filters else { return Ok(true) };
        for block in filters.blocks(audit_id) {
            if Filters::may_hold(&durable::read_range(&path, block)?, audit_id) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn object_may_hold(
        &self,
        storage: &Storage,
        segment: &AddedSegment,
        audit_id: &str,
    ) -> Result<bool> {
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
