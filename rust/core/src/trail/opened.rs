//! Segments that were opened before: who looks up one record after another does not read the same
//! descriptions each time. Segments never change, so what is kept stays right.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use crate::Result;
use crate::segment::{Filters, SegmentFile, Told};

/// Bytes of descriptions and bloom filters that are kept, about.
const LIMIT: usize = 64 << 20;
/// Files that are kept open.
const FILES: usize = 192;

/// Bytes of places of bloom filters that are kept, about.
const FILTERS_LIMIT: usize = 16 << 20;

/// Opened segments by path, the oldest dropped first, and where others have their bloom filters.
#[derive(Debug, Default)]
pub(super) struct Opened {
    files: Mutex<Kept>,
    filters: Mutex<Places>,
}

/// Where segments have their bloom filters, by path; none where that cannot be told.
#[derive(Debug, Default)]
struct Places {
    by_path: HashMap<String, Option<Arc<Filters>>>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Kept {
    by_path: HashMap<String, (Arc<SegmentFile>, usize)>,
    order: VecDeque<String>,
    bytes: usize,
}

impl Opened {
    /// The segment at `path`, opened now if it is not yet.
    pub(super) fn get(
        &self,
        path: &str,
        open: impl FnOnce() -> Result<SegmentFile>,
    ) -> Result<Arc<SegmentFile>> {
        let kept = || self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((file, _)) = kept().by_path.get(path) {
            return Ok(Arc::clone(file));
        }
        let file = Arc::new(open()?);
        kept().put(path, &file);
        Ok(file)
    }

    /// Where the segment at `path` has its bloom filters, if that was asked before.
    pub(super) fn filters(&self, path: &str) -> Option<Option<Arc<Filters>>> {
        self.filters.lock().unwrap_or_else(PoisonError::into_inner).by_path.get(path).cloned()
    }

    /// Keeps what the end of a segment told.
    pub(super) fn keep_filters(&self, path: &str, told: Told) -> Option<Arc<Filters>> {
        let filters = match told {
            Told::Filters(filters) => Some(Arc::new(filters)),
            Told::Nothing | Told::More(_) => None,
        };
        let mut places = self.filters.lock().unwrap_or_else(PoisonError::into_inner);
        // Who asks all segments in turn gains nothing from the newest half of them.
        if places.bytes > FILTERS_LIMIT {
            *places = Places::default();
        }
        places.bytes += 2 * path.len() + 64 + filters.as_ref().map_or(0, |f| f.footprint());
        places.by_path.insert(path.to_owned(), filters.clone());
        filters
    }
}

impl Kept {
    fn put(&mut self, path: &str, file: &Arc<SegmentFile>) {
        let bytes = file.footprint();
        if self.by_path.insert(path.to_owned(), (Arc::clone(file), bytes)).is_some() {
            // Two at a time opened it; the figures are the same.
            return;
        }
        self.order.push_back(path.to_owned());
        self.bytes += bytes;
        while self.bytes > LIMIT || self.by_path.len() > FILES {
            let Some(oldest) = self.order.pop_front() else { break };
            if let Some((_, bytes)) = self.by_path.remove(&oldest) {
                self.bytes -= bytes;
            }
        }
    }
}
