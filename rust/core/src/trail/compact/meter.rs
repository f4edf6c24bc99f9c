//! How far work over segments is, for whoever watches it, and whether it is to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::{CompactOptions, CompactProgress};
use crate::{Error, Result};

/// Counts what was done, and tells it. Shared by the threads that do it.
#[derive(Default)]
pub(in crate::trail) struct Meter {
    rows: AtomicU64,
    of_rows: AtomicU64,
    segments: AtomicU64,
    told: Option<Arc<dyn Fn(CompactProgress) + Send + Sync>>,
    cancel: Arc<AtomicBool>,
}

impl Meter {
    /// One that tells whom the options name.
    pub(in crate::trail) fn new(options: &CompactOptions) -> Arc<Self> {
        let (told, cancel) = (options.progress.clone(), Arc::clone(&options.cancel));
        Arc::new(Self { told, cancel, ..Self::default() })
    }

    /// So many rows more are to be done.
    pub(in crate::trail) fn announce(&self, rows: u64) {
        self.of_rows.fetch_add(rows, Ordering::Relaxed);
    }

    /// So many rows more are done.
    ///
    /// # Errors
    /// `Interrupted` if it is to stop.
    pub(in crate::trail) fn count(&self, rows: u64) -> Result<()> {
        self.rows.fetch_add(rows, Ordering::Relaxed);
        self.tell();
        self.demand_go()
    }

    /// One segment more is committed.
    pub(in crate::trail) fn committed(&self) {
        self.segments.fetch_add(1, Ordering::Relaxed);
        self.tell();
    }

    /// Goes on, or stops.
    ///
    /// # Errors
    /// `Interrupted` if it is to stop.
    pub(in crate::trail) fn demand_go(&self) -> Result<()> {
        match self.cancel.load(Ordering::Relaxed) {
            true => Err(Error::Interrupted),
            false => Ok(()),
        }
    }

    fn tell(&self) {
        if let Some(told) = &self.told {
            told(CompactProgress {
                rows: self.rows.load(Ordering::Relaxed),
                of_rows: self.of_rows.load(Ordering::Relaxed),
                segments: self.segments.load(Ordering::Relaxed),
            });
        }
    }
}
