//! Small segments become large ones, and files that nobody needs any more go.

mod inputs;
mod meter;
mod moves;
mod orphans;
mod plan;
mod run;
mod sweep;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde::Serialize;

pub(in crate::trail) use meter::Meter;
pub use moves::MoveReport;
pub use orphans::Orphans;
use plan::Seals;
pub use plan::{CompactPlan, Group};
pub use sweep::SweepReport;

use super::Trail;
use crate::config::Config;
use crate::segment::merge::ZSTD_LEVEL;
use crate::{Error, Result};

/// Bytes of a finished segment, unless told otherwise.
pub const TARGET_BYTES: u64 = 256 << 20;
/// Files of segments that merging has open at a time, unless told otherwise.
const MAX_OPEN_FILES: usize = 768;
/// How long files stay after the entry that removed them, unless told otherwise.
pub const GRACE: Duration = Duration::from_secs(3600);

/// How to compact.
#[derive(Clone)]
pub struct CompactOptions {
    /// Bytes of a finished segment: smaller ones than half of it are merged.
    pub target_bytes: u64,
    /// zstd level of finished segments, 1 to 22.
    pub level: i32,
    /// Whether segments in the clear are encrypted even where they need not be merged.
    pub encrypt: bool,
    /// Files of segments that are open at a time, over all merges.
    pub max_open_files: usize,
    /// Whether [`maintain`](Trail::maintain) merges.
    pub merges: bool,
    /// Merges at a time; 0 for as many as there are cores.
    pub threads: usize,
    /// How long replaced files stay for readers that began before.
    pub grace: Duration,
    /// Told now and then, from several threads.
    pub progress: Option<Arc<dyn Fn(CompactProgress) + Send + Sync>>,
    /// Set it to stop; what is committed by then stays.
    pub cancel: Arc<AtomicBool>,
}

impl Default for CompactOptions {
    fn default() -> Self {
        let cancel = Arc::default();
        Self {
            target_bytes: TARGET_BYTES,
            level: ZSTD_LEVEL,
            encrypt: false,
            max_open_files: MAX_OPEN_FILES,
            merges: true,
            threads: 0,
            grace: GRACE,
            progress: None,
            cancel,
        }
    }
}

impl CompactOptions {
    /// As `audit.rotation` says.
    pub fn from_config(config: &Config) -> Self {
        let rotation = &config.rotation;
        let level = match rotation.compression.enabled {
            true => i32::try_from(rotation.compression.level).unwrap_or(ZSTD_LEVEL),
            // The least that this format has.
            false => 1,
        };
        let (target_bytes, merges) = (rotation.max_segment_mb << 20, rotation.enabled);
        let max_open_files = usize::try_from(rotation.max_open_files).unwrap_or(MAX_OPEN_FILES);
        Self { target_bytes, level, max_open_files, merges, ..Self::default() }
    }
}

impl CompactOptions {
    /// Merges at a time.
    fn at_once(&self) -> usize {
        match self.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        }
    }

    /// Segments that one merge may have open.
    fn most_inputs(&self) -> usize {
        (self.max_open_files / self.at_once()).max(2)
    }
}

impl std::fmt::Debug for CompactOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CompactOptions")
            .field("target_bytes", &self.target_bytes)
            .field("threads", &self.threads)
            .field("grace", &self.grace)
            .finish_non_exhaustive()
    }
}

/// How far a compaction, a move to an archive or a deletion is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CompactProgress {
    /// Rows written or read back: each row counts twice; one that is deleted counts once.
    pub rows: u64,
    /// Of so many, as far as is known by now.
    pub of_rows: u64,
    /// New segments that are committed.
    pub segments: u64,
}

/// What a compaction did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CompactReport {
    /// Segments that were replaced.
    pub replaced: u64,
    /// Segments that replaced them.
    pub segments: u64,
    /// Their rows.
    pub rows: u64,
    /// Bytes of the segments that were replaced.
    pub bytes_before: u64,
    /// Bytes of those that replaced them.
    pub bytes_after: u64,
    /// Merges that came to nothing, because another entry was quicker.
    pub lost: u64,
    /// Files of replaced segments that went.
    pub swept: u64,
}

/// What maintenance did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MaintainReport {
    /// Records that were in logs of this host and are committed now.
    pub committed: u64,
    /// The generation of the keyring that was due and is made now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_generation: Option<String>,
    /// What was merged and swept.
    pub compact: CompactReport,
    /// What was put and no entry names: crashes left it.
    pub orphans: Orphans,
}

impl Trail {
    /// What [`compact`](Self::compact) would do now.
    ///
    /// # Errors
    /// As [`view`](Self::view).
    pub async fn plan_compaction(&self, options: &CompactOptions) -> Result<CompactPlan> {
        let ledger = self.refreshed().await?;
        let by_day = self.info().by_day();
        let seals = match self.keyring().is_some_and(|keyring| keyring.config().hot) {
            true if options.encrypt => Seals::Everything,
            true => Seals::Mixed,
            false if options.encrypt => {
                let message = "segments are to be encrypted, and `encryption.hot` is not set";
                return Err(Error::Usage(message.to_owned()));
            }
            false => Seals::Apart,
        };
        let segments = &ledger.state().segments;
        Ok(CompactPlan::of(segments, by_day, options.target_bytes, (options.most_inputs(), seals)))
    }

    /// Merges small segments of each partition into large ones, and removes files that were
    /// replaced long enough ago. Records, leaves, roots and proofs stay what they are.
    ///
    /// # Errors
    /// `Usage` for a target that no segment can have; `Integrity` if what is stored is not what
    /// was signed: then that partition is left as it is; `Interrupted` if cancelled; `Io`,
    /// `Store`; `Key` if this host may not write. What is committed by then stays.
    pub async fn compact(&self, options: &CompactOptions) -> Result<CompactReport> {
        let mut report = run::compact(self, options).await?;
        report.swept = self.sweep(options.grace).await?.files;
        Ok(report)
    }

    /// Everything that is due: makes the next generation of the keyring, commits what the logs of
    /// this host hold, compacts, and removes files that were replaced, or left by a crash, long
    /// enough ago.
    ///
    /// # Errors
    /// As [`recover`](Self::recover), [`compact`](Self::compact) and
    /// [`remove_orphans`](Self::remove_orphans).
    pub async fn maintain(&self, options: &CompactOptions) -> Result<MaintainReport> {
        let new_generation = self.rotate_key_if_due().await?;
        let committed = self.view().await?.unflushed.len() as u64;
        if committed > 0 {
            match self.recover().await {
                // Without a writer of its own here, what others log is theirs to commit.
                Ok(()) | Err(Error::Key(_)) => {}
                Err(e) => return Err(e),
            }
        }
        let left = self.view().await?.unflushed.len() as u64;
        let committed = committed.saturating_sub(left);
        let compact = match options.merges {
            true => self.compact(options).await?,
            false => {
                let swept = self.sweep(options.grace).await?.files;
                CompactReport { swept, ..CompactReport::default() }
            }
        };
        let orphans = self.remove_orphans(options.grace).await?;
        Ok(MaintainReport { committed, new_generation, compact, orphans })
    }
}
