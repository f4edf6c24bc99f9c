//! Files of segments that an entry removed, once nobody can be reading them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::ledger::{Entry, Retired, entry_path, sidecar_path};
use crate::trail::{Trail, now_micros};
use crate::{Error, Result, json};

/// Paths that one entry names at most.
const AT_ONCE: usize = 10_000;

/// What a sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SweepReport {
    /// Segments whose files are gone.
    pub files: u64,
    /// Removed segments whose files stay for now.
    pub waiting: u64,
}

impl Trail {
    /// Removes the files of segments that an entry replaced or deleted at least `grace` ago, and
    /// says so by an entry. Readers that began before that may need them no longer.
    ///
    /// # Errors
    /// `Io`, `Store`; `Key` if this host may not write. The next sweep goes on.
    pub async fn sweep(&self, grace: Duration) -> Result<SweepReport> {
        let ledger = self.refreshed().await?;
        let retired = &ledger.state().lifecycle.retired;
        let mut due: Vec<String> = Vec::new();
        let mut times: BTreeMap<u64, i64> = BTreeMap::new();
        let latest = now_micros() - i64::try_from(grace.as_micros()).unwrap_or(i64::MAX);
        for Retired { path, entry, archive, .. } in retired.values().map(|retired| &**retired) {
            // What an archive holds is for whoever has the archive.
            if archive.is_some() {
                continue;
            }
            let time = match times.get(entry) {
                Some(time) => *time,
                None => {
                    let time = self.time_of(*entry).await?;
                    times.insert(*entry, time);
                    time
                }
            };
            if time <= latest {
                due.push(path.clone());
            }
        }
        let mut report = SweepReport { files: 0, waiting: (retired.len() - due.len()) as u64 };
        for some in due.chunks(AT_ONCE) {
            for path in some {
                self.storage().delete(path).await?;
                if retired.get(path).is_some_and(|retired| retired.gone) {
                    self.storage().delete(&sidecar_path(path)).await?;
                }
            }
            if self.writer().await?.commit_swept(some).await? {
                report.files += some.len() as u64;
            }
        }
        Ok(report)
    }

    /// When the signer of an entry says that it was made, in microseconds since 1970.
    async fn time_of(&self, n: u64) -> Result<i64> {
        let bytes = self.storage().get(&entry_path(n)).await?;
        let entry = Entry::parse(&bytes).map_err(|e| Error::integrity(entry_path(n), e))?;
        let time = json::parse_canonical_timestamp(entry.body.time.as_bytes());
        time.ok_or_else(|| Error::integrity(entry_path(n), "its time is malformed"))
    }
}
