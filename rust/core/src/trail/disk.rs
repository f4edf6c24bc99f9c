//! Free space where the log and a local trail are: it is told of before it is used up.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::settings::Settings;
use super::writer::Writer;
use crate::Result;
use crate::record::Strictness;
use crate::storage::Storage;
use crate::storage::durable;

/// Between two looks of a writer.
const EVERY: Duration = Duration::from_secs(10);

type Ask = dyn Fn(&Path) -> Result<u64> + Send + Sync;

/// What says how many bytes are free at a place; tests put their own figures here.
#[derive(Clone)]
pub struct FreeSpace(Arc<Ask>);

impl FreeSpace {
    /// `ask` is called with a folder that is there.
    pub fn new(ask: impl Fn(&Path) -> Result<u64> + Send + Sync + 'static) -> Self {
        Self(Arc::new(ask))
    }
}

impl Default for FreeSpace {
    fn default() -> Self {
        Self::new(durable::free_space)
    }
}

impl fmt::Debug for FreeSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FreeSpace(..)")
    }
}

/// Free space at a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Disk {
    /// What is there: `state` (the write-ahead log and keys of this host's writers) or `trail`.
    pub what: &'static str,
    /// The folder.
    pub path: String,
    /// Bytes that this user can write there; none if the system does not say.
    pub free_bytes: Option<u64>,
    /// Below so many bytes a warning is recorded; 0 for never.
    pub least_bytes: u64,
    /// Whether there is less.
    pub low: bool,
}

/// The places that a writer fills.
#[derive(Debug)]
pub(super) struct Disks {
    places: Vec<(&'static str, PathBuf, AtomicBool)>,
    least: u64,
    ask: FreeSpace,
    begun: Instant,
    /// Looks that were taken.
    looks: AtomicU64,
}

impl Disks {
    pub(super) fn new(state: &Path, storage: &Storage, settings: &Settings) -> Self {
        let state = ("state", state.to_owned(), AtomicBool::default());
        let trail = storage.local_root();
        let trail = trail.map(|root| ("trail", root.to_owned(), AtomicBool::default()));
        Self {
            places: std::iter::once(state).chain(trail).collect(),
            least: settings.pressure.min_free_bytes,
            ask: settings.pressure.free_space.clone(),
            begun: Instant::now(),
            looks: AtomicU64::new(0),
        }
    }

    /// Free space now.
    pub(super) fn look(&self) -> Vec<Disk> {
        let look = |(what, path, _): &(&'static str, PathBuf, AtomicBool)| {
            // The state folder of a host that never wrote is not there yet.
            let there = path.ancestors().find(|folder| folder.is_dir()).unwrap_or(path);
            let free_bytes = (self.ask.0)(there).ok();
            Disk {
                what,
                path: path.display().to_string(),
                free_bytes,
                least_bytes: self.least,
                low: free_bytes.is_some_and(|free| free < self.least),
            }
        };
        self.places.iter().map(look).collect()
    }

    fn is_time(&self) -> bool {
        let due = self.begun.elapsed().as_secs() / EVERY.as_secs() + 1;
        self.least > 0 && self.looks.fetch_max(due, Ordering::Relaxed) < due
    }

    /// The places that became full since they were looked at last. One is told of again only after
    /// an eighth more than the least was free meanwhile.
    fn newly_low(&self) -> Vec<Disk> {
        let mut low = Vec::new();
        for (disk, (_, _, told)) in self.look().into_iter().zip(&self.places) {
            if disk.low {
                if !told.swap(true, Ordering::Relaxed) {
                    low.push(disk);
                }
            } else if disk.free_bytes.is_some_and(|free| free >= self.least + self.least / 8) {
                told.store(false, Ordering::Relaxed);
            }
        }
        low
    }
}

impl Writer {
    /// Records which disks are getting full, every few seconds and each once.
    pub(super) async fn tell_of_full_disks(&self) -> Result<()> {
        if !self.disks.is_time() {
            return Ok(());
        }
        for disk in self.disks.newly_low() {
            self.tell_of_disk(&disk).await?;
        }
        Ok(())
    }

    async fn tell_of_disk(&self, disk: &Disk) -> Result<()> {
        let free = disk.free_bytes.unwrap_or_default();
        let event = serde_json::json!({
            "event_type": "system.error",
            "severity": "warning",
            "error_type": "disk_low",
            "error_message": format!(
                "{free} bytes are free where the {} is, fewer than {}", disk.what, disk.least_bytes
            ),
            "component": disk.what,
            "retryable": true,
            "free_bytes": free,
            "resource": { "path": disk.path },
            "writer": self.id,
        });
        self.record(event.to_string().as_bytes(), Strictness::Lenient).await.map(drop)
    }
}

#[cfg(test)]
impl Writer {
    /// Looks now.
    pub(super) async fn look_at_disks(&self) -> Result<()> {
        for disk in self.disks.newly_low() {
            self.tell_of_disk(&disk).await?;
        }
        Ok(())
    }
}
