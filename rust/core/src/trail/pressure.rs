//! Recording waits where the log is full: nothing that was acknowledged is lost, and a log does not
//! grow without end while the store is out of reach.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::disk::FreeSpace;
use super::writer::{Intake, Writer};
use super::{now_micros, time_text};
use crate::config::LimitsConfig;
use crate::{Error, Result};

/// What a frame of the log has besides its record, in bytes.
const FRAME: u64 = 57;
/// Between two attempts to commit, so that a store that refuses at once is not asked without end.
const PAUSE: Duration = Duration::from_millis(50);

/// When recording waits, and when a disk counts as full.
#[derive(Debug, Clone)]
pub struct Pressure {
    /// Bytes of the records in the log that are not committed; at this size recording waits.
    pub max_log_bytes: u64,
    /// How long it waits before it fails.
    pub max_wait: Duration,
    /// Free space in bytes below which a warning is recorded; 0 for never.
    pub min_free_bytes: u64,
    /// What says how much space is free.
    pub free_space: FreeSpace,
}

impl Pressure {
    pub(super) fn from_config(limits: &LimitsConfig) -> Self {
        Self {
            max_log_bytes: limits.max_log_mb << 20,
            max_wait: Duration::from_secs(limits.max_wait_seconds),
            min_free_bytes: limits.min_free_mb << 20,
            free_space: FreeSpace::default(),
        }
    }
}

/// Figures of this process's writer since it was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct WriterStats {
    /// Records in its log that are not committed.
    pub log_records: u64,
    /// Their bytes, as frames of the log.
    pub log_bytes: u64,
    /// At so many recording waits.
    pub log_limit: u64,
    /// Calls that wait now.
    pub waiting: u64,
    /// Calls that had to wait.
    pub waited: u64,
    /// Events that were refused because they waited too long.
    pub refused: u64,
    /// Commits that failed.
    pub failed_commits: u64,
    /// Since when commits have failed; RFC 3339, UTC. None if the last one did not.
    pub failing_since: Option<String>,
    /// Why the last one failed.
    pub last_error: Option<String>,
}

/// What is counted as it happens.
#[derive(Debug, Default)]
pub(super) struct Gauge(Mutex<WriterStats>);

impl Gauge {
    fn lock(&self) -> MutexGuard<'_, WriterStats> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes how a commit went.
    pub(super) fn committed(&self, result: &Result<()>) {
        let mut stats = self.lock();
        match result {
            Ok(()) => {
                stats.failing_since = None;
                stats.last_error = None;
            }
            Err(e) => {
                stats.failed_commits += 1;
                stats.failing_since.get_or_insert_with(|| time_text(now_micros()));
                stats.last_error = Some(e.to_string());
            }
        }
    }
}

/// Counts a call as waiting for as long as it lives: who waits may stop waiting.
pub(super) struct Waiting<'a> {
    gauge: &'a Gauge,
    since: Instant,
}

impl<'a> Waiting<'a> {
    pub(super) fn new(gauge: &'a Gauge) -> Self {
        let mut stats = gauge.lock();
        stats.waiting += 1;
        stats.waited += 1;
        drop(stats);
        Self { gauge, since: Instant::now() }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.gauge.lock().waiting -= 1;
    }
}

impl Intake {
    /// Records that are in the log and not committed, and their bytes there.
    pub(super) fn log_bytes(&self) -> (u64, u64) {
        let records = (self.pending.len() + self.flushing.len()) as u64;
        (records, self.bytes + self.flushing_bytes + records * FRAME)
    }
}

impl Writer {
    fn is_log_full(&self) -> bool {
        self.intake().log_bytes().1 >= self.settings.pressure.max_log_bytes
    }

    /// Waits until there is room in the log, and commits meanwhile.
    ///
    /// # Errors
    /// `Io` if there is none after as long as is configured: nothing of the event was kept.
    pub(super) async fn wait_for_room(&self, waiting: &Waiting<'_>) -> Result<()> {
        let most = self.settings.pressure.max_wait;
        loop {
            let left = most.saturating_sub(waiting.since.elapsed());
            // Who stops waiting for a flush leaves it to the next.
            let flushed = tokio::time::timeout(left.max(PAUSE), self.flush()).await;
            if !self.is_log_full() || self.is_closed() {
                return Ok(());
            }
            if waiting.since.elapsed() >= most {
                return Err(self.no_room(flushed.ok().and_then(Result::err)));
            }
            tokio::time::sleep(PAUSE.min(left)).await;
        }
    }

    fn no_room(&self, failed: Option<Error>) -> Error {
        let mut stats = self.gauge.lock();
        stats.refused += 1;
        let why = failed.map(|e| e.to_string()).or_else(|| stats.last_error.clone());
        drop(stats);
        let (records, bytes) = self.intake().log_bytes();
        let message = format!(
            "the log holds {records} records ({bytes} bytes) that could not be committed within \
             {} s ({}); this event was not recorded, those in the log are durable",
            self.settings.pressure.max_wait.as_secs(),
            why.as_deref().unwrap_or("the store did not answer")
        );
        Error::io("write-ahead log", std::io::Error::new(std::io::ErrorKind::TimedOut, message))
    }

    /// Figures of this writer.
    pub(super) fn stats(&self) -> WriterStats {
        let (log_records, log_bytes) = self.intake().log_bytes();
        let log_limit = self.settings.pressure.max_log_bytes;
        WriterStats { log_records, log_bytes, log_limit, ..self.gauge.lock().clone() }
    }
}
