//! Segments that were opened before: who looks up one record after another does not read the same
//! descriptions each time. Segments never change, so what is kept stays right.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use crate::Result;
use crate::segment::SegmentFile;

/// Bytes of descriptions and bloom filters that are kept, about.
const LIMIT: usize = 64 << 20;
/// Files that are kept open.
const FILES: usize = 192;

/// Opened segments by path, the oldest dropped first.
#[derive(Debug, Default)]
pub(super) struct Opened(Mutex<Kept>);

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
        let kept = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((file, _)) = kept().by_path.get(path) {
            return Ok(Arc::clone(file));
        }
        let file = Arc::new(open()?);
        kept().put(path, &file);
        Ok(file)
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
