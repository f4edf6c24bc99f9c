//! Segments whose days in hot storage are over move to the archive: written anew there, in entries
//! like those of compaction.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use serde::Serialize;

use super::plan::for_archive;
use super::run::{Compaction, demand_target};
use super::{CompactOptions, CompactReport};
use crate::ledger::{AddedSegment, State};
use crate::retention::{Action, Plan};
use crate::storage::Storage;
use crate::trail::parcel::Shelf;
use crate::trail::{Destination, Trail};
use crate::{Error, Result};

/// zstd level of archived segments, unless compaction has a higher one: they are written once and
/// kept for years.
const ARCHIVE_LEVEL: i32 = 15;

/// What moving to an archive did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MoveReport {
    /// Name of the archive; none if there is no archive, or nothing to move.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archive: Option<String>,
    /// Segments that moved.
    pub moved: u64,
    /// Segments in the archive that hold them now.
    pub segments: u64,
    /// Their rows.
    pub rows: u64,
    /// Their bytes in hot storage.
    pub bytes_before: u64,
    /// Their bytes in the archive.
    pub bytes_after: u64,
    /// Moves that came to nothing, because another entry was quicker.
    pub lost: u64,
}

impl Trail {
    /// Moves the segments to the archive that a plan says may go there: written anew (several of a
    /// partition as one), read back, put, then one entry for each. Records, leaves, roots and proofs
    /// stay what they are; the old files go with the next [`sweep`](Self::sweep).
    ///
    /// # Errors
    /// `Usage` if the configuration names no archive, one inside of the trail, or another place
    /// than the owner's policy for that name; `Integrity` if what is stored is not what was signed:
    /// then that partition is left as it is; `Interrupted` if cancelled; `Io`, `Store`; `Key` if
    /// this host may not write. What is committed by then stays.
    pub async fn archive_planned(
        &self,
        plan: &Plan,
        options: &CompactOptions,
    ) -> Result<MoveReport> {
        let due: HashSet<&str> = plan
            .steps
            .iter()
            .filter(|step| step.action == Action::Archive)
            .map(|step| step.path.as_str())
            .collect();
        if due.is_empty() {
            return Ok(MoveReport::default());
        }
        demand_target(options)?;
        let ledger = self.refreshed().await?;
        let (to, storage) = self.destination(ledger.state())?;
        let live: HashMap<&str, &Arc<AddedSegment>> =
            ledger.state().segments.iter().map(|add| (add.path.as_str(), add)).collect();
        let mut partitions: BTreeMap<(&str, &str), Vec<&Arc<AddedSegment>>> = BTreeMap::new();
        for add in due.iter().filter_map(|path| live.get(path)) {
            if let Some(partition) = add.partition(self.info().by_day()) {
                partitions.entry(partition).or_default().push(add);
            }
        }
        let groups = for_archive(partitions, options.target_bytes, options.most_inputs());
        storage.probe_create().await?;
        let level = options.level.max(ARCHIVE_LEVEL);
        let options = CompactOptions { level, ..options.clone() };
        let shelf = Shelf { archive: Some(to.name.clone()), jsonl: to.is_jsonl() };
        let writer = self.writer().await?;
        let _alone = writer.compacting.lock().await;
        let compaction = Compaction::new(self, &writer, &options, (shelf, storage))?;
        let mut report = CompactReport::default();
        let done = compaction.round(groups, &mut report).await;
        let CompactReport { replaced, segments, rows, bytes_before, bytes_after, lost, .. } =
            report;
        done.map(|()| MoveReport {
            archive: Some(to.name.clone()),
            moved: replaced,
            segments,
            rows,
            bytes_before,
            bytes_after,
            lost,
        })
    }

    /// The archive that the configuration names, if segments may go there.
    fn destination(&self, state: &State) -> Result<(Destination, Storage)> {
        let none = || Error::Usage("the configuration names no retention.archival".to_owned());
        let to = self.archive().ok_or_else(none)?.clone();
        let storage = self.archives().at(&to.url)?;
        let (own, there) = (self.storage().url(), storage.url());
        if there == own || there.starts_with(&format!("{own}/")) {
            let message = format!("{there}: an archive must not be in the trail's own store");
            return Err(Error::Usage(message));
        }
        self.archives().learn(state);
        if let Some(pinned) = self.archives().pinned(&to.name)
            && Storage::open(&pinned)?.url() != there
        {
            return Err(Error::Usage(format!(
                "the owner's policy says that the archive {:?} is at {pinned}, the configuration \
                 that it is at {there}: give another archive another retention.archival.name, or \
                 pin the policy again once its objects were copied",
                to.name
            )));
        }
        Ok((to, storage))
    }
}
