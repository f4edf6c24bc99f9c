//! Merging the groups of a plan, several at a time, each committed by an entry of its own.

use std::path::PathBuf;
use std::sync::Arc;

use futures::{StreamExt, stream};
use tokio::sync::MutexGuard;

use super::inputs::{self, Opened};
use super::meter::Meter;
use super::plan::Group;
use super::{CompactOptions, CompactReport};
use crate::columns::Registry;
use crate::keys::{self, HmacKey};
use crate::ledger::{AddedSegment, Orphan};
use crate::segment::Signer;
use crate::segment::merge::{Cut, Input, Merged, Target, merge};
use crate::storage::{Storage, durable};
use crate::trail::Trail;
use crate::trail::commit::Committer;
use crate::trail::parcel::{Parcel, Shelf};
use crate::trail::plan::{Ends, all_live};
use crate::trail::writer::Writer;
use crate::{Error, Result};

/// Plans that are made one after the other: each one's segments are fewer.
const ROUNDS: usize = 64;
/// How often a segment is sealed anew because its writer's epoch ended meanwhile.
const TRIES: usize = 4;
/// Smallest target, in bytes.
const LEAST_TARGET: u64 = 1 << 20;
/// Largest target, in bytes.
const LARGEST_TARGET: u64 = 4 << 30;

/// What became of a group.
enum Done {
    Merged(Box<AddedSegment>),
    /// Another entry was quicker.
    Lost,
}

/// What the merges of a compaction share.
pub(super) struct Compaction<'a> {
    trail: &'a Trail,
    writer: Arc<Writer>,
    options: &'a CompactOptions,
    /// Where new segments go.
    shelf: Shelf,
    storage: Storage,
    /// Folder of unfinished files.
    folder: PathBuf,
    meter: Arc<Meter>,
}

pub(super) async fn compact(trail: &Trail, options: &CompactOptions) -> Result<CompactReport> {
    demand_target(options)?;
    let mut report = CompactReport::default();
    // A reader of a trail with nothing to do needs no key.
    if trail.plan_compaction(options).await?.groups.is_empty() {
        return Ok(report);
    }
    let writer = trail.writer().await?;
    // One at a time in a process: the unfinished files here are those of earlier ones.
    let _alone = writer.compacting.lock().await;
    let place = (Shelf::default(), trail.storage().clone());
    let compaction = Compaction::new(trail, &writer, options, place)?;
    for _ in 0..ROUNDS {
        let plan = trail.plan_compaction(options).await?;
        if plan.groups.is_empty() {
            break;
        }
        let before = report.segments;
        compaction.round(plan.groups, &mut report).await?;
        // Others are quicker, or nothing can be merged: the next run tries again.
        if report.segments == before {
            break;
        }
    }
    Ok(report)
}

pub(super) fn demand_target(options: &CompactOptions) -> Result<()> {
    match (LEAST_TARGET..=LARGEST_TARGET).contains(&options.target_bytes) {
        true => Ok(()),
        false => {
            Err(Error::Usage("the target of a compaction is between 1 MiB and 4 GiB".to_owned()))
        }
    }
}

impl<'a> Compaction<'a> {
    /// One whose new segments go onto a shelf of a store. Nothing else of this process may be
    /// writing unfinished files.
    pub(super) fn new(
        trail: &'a Trail,
        writer: &Arc<Writer>,
        options: &'a CompactOptions,
        (shelf, storage): (Shelf, Storage),
    ) -> Result<Self> {
        let folder = match storage.local_root() {
            Some(root) => root.join("segments"),
            None => trail.state_dir().join(&writer.id).join("merge"),
        };
        durable::remove_unfinished(&folder, &writer.id)?;
        let (writer, meter) = (Arc::clone(writer), Meter::new(options));
        Ok(Self { trail, writer, options, shelf, storage, folder, meter })
    }

    /// Merges groups, several at a time.
    pub(super) async fn round(
        &self,
        mut groups: Vec<Group>,
        report: &mut CompactReport,
    ) -> Result<()> {
        let rows: u64 = groups.iter().map(|group| group.rows).sum();
        self.meter.announce(2 * rows);
        // The largest first, so that the threads end together.
        groups.sort_by_key(|group| std::cmp::Reverse(group.bytes));
        let mut merges = Vec::new();
        // No closure makes them: the compiler would not see that the stream can go to a thread.
        for group in &groups {
            merges.push(async move { (group, self.group(group).await) });
        }
        let mut running = stream::iter(merges).buffer_unordered(self.options.at_once());
        let mut failed = None;
        while let Some((group, done)) = running.next().await {
            match done {
                Ok(Done::Merged(added)) => {
                    report.replaced += group.segments;
                    report.segments += 1;
                    report.rows += added.rows;
                    report.bytes_before += group.bytes;
                    report.bytes_after += added.bytes;
                    self.meter.committed();
                }
                Ok(Done::Lost) => report.lost += 1,
                Err(Error::Interrupted) => return Err(Error::Interrupted),
                // Other partitions are not held up by a damaged one.
                Err(e) => failed = failed.or(Some(e)),
            }
        }
        failed.map_or(Ok(()), Err)
    }

    async fn group(&self, group: &Group) -> Result<Done> {
        for _ in 0..TRIES {
            self.meter.demand_go()?;
            let Some((signing, registry)) = self.writer.may_replace(&group.inputs).await? else {
                return Ok(Done::Lost);
            };
            let scratch = (self.folder.as_path(), self.writer.id.as_str());
            let opened = inputs::open(self.trail, &group.inputs, scratch).await?;
            let epoch = signing.epoch;
            let parcel = self.merge(opened, signing, registry).await?;
            parcel.put(&self.storage).await?;
            let done = self.writer.commit_merged(epoch, &group.inputs, &parcel.merged).await?;
            if done == Some(true) {
                return Ok(Done::Merged(Box::new(parcel.merged.added)));
            }
            // Another entry was quicker, or the epoch of its seal is over: nothing names it.
            parcel.withdraw(&self.storage).await?;
            if done.is_some() {
                return Ok(Done::Lost);
            }
        }
        let message = "the writer's epoch ended during each merge; give it a smaller target";
        Err(Error::Usage(message.to_owned()))
    }

    async fn merge(
        &self,
        opened: Vec<Opened>,
        signing: Signing,
        mut registry: Registry,
    ) -> Result<Parcel> {
        let (folder, tag) = (self.folder.clone(), self.writer.id.clone());
        let by_day = self.trail.info().by_day();
        let (trail, writer) = (self.trail.info().trail_id.clone(), self.writer.id.clone());
        let (meter, level) = (Arc::clone(&self.meter), self.options.level);
        let (keys, shelf) = (self.trail.storage().keys().cloned(), self.shelf.clone());
        let inputs: Vec<&AddedSegment> = opened.iter().map(|o| &*o.added).collect();
        let sealing = self.trail.sealing_for(&inputs, shelf.archive.is_some()).await?;
        let work = move || {
            let signer = Signer {
                trail: &trail,
                writer: &writer,
                key: signing.key,
                epoch: signing.epoch,
                hmac: &signing.hmac,
                by_day,
                sealing,
            };
            let watch = |rows: u64| meter.count(rows);
            let (folder, tag) = (&folder, &tag);
            let keys = keys.as_ref();
            let target = Target { folder, tag, level, keys, watch: &watch };
            let mut inputs: Vec<Input<'_>> = opened.iter().map(input).collect::<Result<_>>()?;
            let merged = merge(&mut inputs, &signer, &mut registry, &target)?;
            Parcel::of(merged, &shelf, (folder, tag, level), &watch)
        };
        // A simulated history has one thread.
        #[cfg(test)]
        if crate::trail::simulation_tests::clock::now().is_some() {
            return work();
        }
        let merged = tokio::task::spawn_blocking(work).await;
        merged.map_err(|e| Error::io("compaction", std::io::Error::other(e)))?
    }
}

/// A segment that is to be merged; one that lost rows before loses no more.
fn input(opened: &Opened) -> Result<Input<'_>> {
    let input = Input::new(opened.file.clone(), &opened.added, opened.place)?;
    match opened.added.gone {
        Some(_) => Ok(input.without(Cut::of(&opened.file, &opened.gone, Vec::new())?)),
        None => Ok(input),
    }
}

/// With what a writer seals right now.
pub(in crate::trail) struct Signing {
    key: String,
    epoch: u64,
    hmac: HmacKey,
}

impl Writer {
    /// What a segment that replaces these is sealed with, and the columns of the trail; `None` if
    /// one of them is no longer there to be replaced.
    async fn may_replace(
        &self,
        segments: &[Arc<AddedSegment>],
    ) -> Result<Option<(Signing, Registry)>> {
        let mut c = self.ready().await?;
        c.ledger.refresh().await?;
        let state = c.ledger.state();
        if !all_live(state, segments.iter().map(|segment| &segment.path)) {
            return Ok(None);
        }
        let signing = Signing {
            key: keys::key_id(&c.keys.public()),
            epoch: c.keys.epoch(),
            hmac: c.keys.hmac().clone(),
        };
        Ok(Some((signing, state.registry.clone())))
    }

    /// Commits a merged segment whose file is in its place. Whether it was committed; `None` if
    /// the epoch of its seal is over.
    async fn commit_merged(
        &self,
        epoch: u64,
        replaced: &[Arc<AddedSegment>],
        merged: &Merged,
    ) -> Result<Option<bool>> {
        let mut c = self.ready().await?;
        if c.keys.epoch() != epoch {
            return Ok(None);
        }
        let removes = replaced.iter().map(|segment| segment.path.clone()).collect();
        let plan = c.compact_plan(removes, vec![merged.added.clone()], merged.columns.clone());
        c.commit(plan).await.map(Some)
    }

    /// Says by an entry that these files are gone; whether it had to be said.
    pub(super) async fn commit_swept(&self, paths: &[String]) -> Result<bool> {
        let mut c = self.ready().await?;
        c.ledger.refresh().await?;
        let retired = &c.ledger.state().lifecycle.retired;
        // Another one may have said it meanwhile.
        let left: Vec<String> =
            paths.iter().filter(|path| retired.contains_key(*path)).cloned().collect();
        if left.is_empty() {
            return Ok(false);
        }
        let plan = c.sweep_plan(left);
        c.commit(plan).await
    }

    /// Keeps paths by an entry from ever being added; whether that was still possible for all.
    pub(super) async fn commit_condemned(&self, orphans: Vec<Orphan>) -> Result<bool> {
        let mut c = self.ready().await?;
        c.ledger.refresh().await?;
        let plan = c.condemn_plan(orphans);
        c.commit(plan).await
    }

    /// The committer, when nothing is pending and its epoch is not over.
    async fn ready(&self) -> Result<MutexGuard<'_, Committer>> {
        let mut c = self.committer.lock().await;
        self.demand_open()?;
        c.settle().await?;
        if self.is_over(&c) {
            self.close_epoch(&mut c, Ends::NOTHING).await?;
        }
        Ok(c)
    }

    fn demand_open(&self) -> Result<()> {
        match self.is_closed() {
            true => Err(Error::Poisoned("the trail was closed".to_owned())),
            false => Ok(()),
        }
    }
}
