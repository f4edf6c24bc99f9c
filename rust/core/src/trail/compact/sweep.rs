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
        let mut due: Vec<&Retired> = Vec::new();
        let mut times: BTreeMap<u64, i64> = BTreeMap::new();
        let latest = now_micros() - i64::try_from(grace.as_micros()).unwrap_or(i64::MAX);
        for retired in retired.values().map(|retired| &**retired) {
            // What an archive holds is for whoever knows where that is.
            let archive = retired.archive.as_deref();
            if archive.is_some_and(|name| self.archives().url_of(name).is_none()) {
                continue;
            }
            let time = match times.get(&retired.entry) {
                Some(time) => *time,
                None => {
                    let time = self.time_of(retired.entry).await?;
                    times.insert(retired.entry, time);
                    time
                }
            };
            if time <= latest {
                due.push(retired);
            }
        }
        // An archive that cannot be reached does not hold up the trail's own.
        due.sort_by(|a, b| (&a.archive, &a.path).cmp(&(&b.archive, &b.path)));
        let mut report = SweepReport { files: 0, waiting: (retired.len() - due.len()) as u64 };
        for some in due.chunk_by(|a, b| a.archive == b.archive).flat_map(|of| of.chunks(AT_ONCE)) {
            for retired in some {
                let storage = match &retired.archive {
                    None => self.storage().clone(),
                    Some(name) => self.archives().named(name)?,
                };
                storage.delete(&retired.path).await?;
                if retired.gone {
                    storage.delete(&sidecar_path(&retired.path)).await?;
                }
            }
            let paths: Vec<String> = some.iter().map(|retired| retired.path.clone()).collect();
            if self.writer().await?.commit_swept(&paths).await? {
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
