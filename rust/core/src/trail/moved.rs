//! Rows of segments whose files are gone, in the segments that hold their batches now.

use std::collections::HashSet;
use std::sync::Arc;

use super::Trail;
use crate::ledger::{AddedSegment, State};
use crate::segment::SegmentFile;
use crate::{Error, Result};

/// A live segment, and those of its batches that are meant.
pub(super) struct Moved {
    pub(super) file: SegmentFile,
    /// By their ordinals.
    pub(super) batches: HashSet<u16>,
}

impl Trail {
    /// Where the batches are by now that segment `add` of `append` entry `entry` brought, in a
    /// ledger of a later state. Rows that were deleted are nowhere.
    ///
    /// # Errors
    /// `Integrity` if a segment is missing or unreadable; `Io` or `Store`.
    pub(super) async fn moved(
        &self,
        state: &State,
        (entry, add): (u64, u64),
        segment: &AddedSegment,
    ) -> Result<Vec<Moved>> {
        let mut found = Vec::new();
        for candidate in successors(state, segment, self.info().by_day()) {
            let file = self.segment(candidate).await?;
            let batches: HashSet<u16> = (0..)
                .zip(&file.meta().batches)
                .filter(|(_, batch)| {
                    let origin = batch.origin.as_ref();
                    origin.is_some_and(|origin| (origin.entry, origin.add) == (entry, add))
                })
                .map(|(ordinal, _)| ordinal)
                .collect();
            if !batches.is_empty() {
                found.push(Moved { file, batches });
            }
        }
        Ok(found)
    }

    /// What to say of a segment whose file is not there.
    pub(super) async fn missing(&self, segment: &AddedSegment) -> Error {
        let place = &segment.path;
        let state = match self.refreshed().await {
            Ok(ledger) => Arc::clone(ledger.state()),
            Err(e) => return e,
        };
        if state.segments.iter().any(|live| live.path == *place) {
            return Error::integrity(place, self.archives().missing(segment));
        }
        let entry = state.lifecycle.retired.get(place).map(|retired| retired.entry);
        let by = entry.map_or_else(String::new, |n| format!(" by entry {n}"));
        let message = format!(
            "its rows were moved or deleted{by} since this view was taken, and its file is gone; \
             ask again with a new view"
        );
        Error::integrity(place, message)
    }
}

/// Live segments that may hold batches of a segment.
fn successors<'a>(
    state: &'a State,
    segment: &'a AddedSegment,
    by_day: bool,
) -> impl Iterator<Item = &'a Arc<AddedSegment>> {
    let overlaps = |live: &&Arc<AddedSegment>| live.min <= segment.max && segment.min <= live.max;
    let partition = move |live: &&Arc<AddedSegment>| {
        live.partition(by_day) == segment.partition(by_day) && live.path != segment.path
    };
    state.segments.iter().filter(overlaps).filter(partition)
}
