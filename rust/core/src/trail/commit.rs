//! From the log to the ledger: segments first, then one entry, exactly once.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use futures::{StreamExt, TryStreamExt, stream};
use sha2::{Digest, Sha256};

use super::encrypted;
use super::erase::erased;
use super::now_micros;
use super::open::WRITER_FILE;
use super::plan::{Ends, Plan};
use super::position::{Candidate, Position, hex};
use super::seen::Seen;
use super::writer::{Pending, Writer, day_of};
use crate::anchors::Publisher;
use crate::columns::{LogicalColumn, Registry};
use crate::encryption::Sealing;
use crate::keys::{self, WriterKeys};
use crate::ledger::{
    CHECKPOINT_HINT, DueSnapshot, Entry, HEARTBEAT, Ledger, RecoveredLog, SnapshotRef, WalRange,
    entry_path, snapshot_path,
};
use crate::merkle::Hash;
use crate::note::Checkpoint;
use crate::segment::{BuiltSegment, Row, Signer, build_segments};
use crate::storage::{Create, Storage};
use crate::{Error, Result};

const PARALLEL_PUTS: usize = 4;

/// What one commit at a time works on.
#[derive(Debug)]
pub(super) struct Committer {
    pub(super) dir: PathBuf,
    pub(super) keys: WriterKeys,
    pub(super) ledger: Ledger,
    pub(super) committed: u64,
    /// Roots of the batches of the keys' epoch, in ledger order.
    pub(super) roots: Vec<Hash>,
    /// An entry whose outcome is not known.
    pub(super) unsettled: Option<Plan>,
    /// Fewest entries between two snapshots.
    pub(super) spacing: u64,
    /// When a checkpoint was published last.
    pub(super) published: std::time::Instant,
    /// Sends checkpoints to the anchors.
    pub(super) publisher: Arc<Publisher>,
    /// Number of entries when this writer last put a snapshot; 0 if it never did.
    pub(super) tried: u64,
    /// What the next entry says of processes that did not end in order.
    pub(super) recovered: Vec<RecoveredLog>,
    /// This process committed something.
    pub(super) active: bool,
    /// The newest sequence when the last process ended in order.
    pub(super) ended: Option<u64>,
    /// What was saved last.
    pub(super) position: Option<Position>,
}

/// Segments of one commit.
pub(super) struct Built {
    pub(super) segments: Vec<BuiltSegment>,
    pub(super) columns: Vec<LogicalColumn>,
    pub(super) recorded: (i64, i64),
    pub(super) rows: u64,
}

impl Writer {
    /// Commits everything that is in the log by now.
    pub(super) async fn flush(&self) -> Result<()> {
        let mut committer = self.committer.lock().await;
        // What is left belongs to the next process.
        if self.is_closed() {
            return Ok(());
        }
        self.flush_all(&mut committer, Ends::NOTHING).await?;
        // The records are committed: what is not said now is with the next commit.
        let _ = self.confirm_erasures(&mut committer).await;
        Ok(())
    }

    /// Commits everything, takes nothing more, and says so by the same entry or one more.
    pub(super) async fn end(&self, c: &mut Committer) -> Result<()> {
        self.intake().closed = true;
        if c.has_to_end(Ends::RUN) {
            // It may have been revoked since.
            c.settle().await?;
            c.ledger.refresh().await?;
        }
        self.flush_all(c, Ends::RUN).await
    }

    async fn flush_all(&self, c: &mut Committer, ends: Ends) -> Result<()> {
        if self.is_over(c) {
            return self.close_epoch(c, ends).await;
        }
        self.flush_pending(c, ends).await
    }

    /// Commits what is pending, and what ends by the same entry.
    pub(super) async fn flush_pending(&self, c: &mut Committer, ends: Ends) -> Result<()> {
        c.settle().await?;
        self.turn_log(c)?;
        self.let_go(c)?;
        self.take_back(c.committed);
        self.wal.sync()?;
        // What came while this runs is for the next one.
        let last = self.wal.synced();
        loop {
            // What a crash left is one entry: the first one says how much that was.
            let whole = !c.recovered.is_empty();
            let (records, more) = self.take_pending(last, whole);
            let ends = if more { Ends::NOTHING } else { ends };
            if records.is_empty() && !c.has_to_end(ends) {
                return Ok(());
            }
            let result = self.commit_records(c, &records, ends).await;
            self.gauge.committed(&result);
            match &result {
                Ok(()) => {
                    let mut intake = self.intake();
                    (intake.flushing, intake.flushing_bytes) = (Arc::default(), 0);
                }
                // Nothing was put: they wait for the next flush.
                Err(_) if c.unsettled.is_none() => self.take_back(c.committed),
                Err(_) => {}
            }
            if result.is_err() || !more {
                return result;
            }
        }
    }

    /// What a flush took out and did not commit is pending again: it failed, or nobody waited for
    /// its end.
    fn take_back(&self, committed: u64) {
        let mut intake = self.intake();
        let taken = std::mem::take(&mut intake.flushing);
        intake.flushing_bytes = 0;
        let left: Vec<Pending> = taken.iter().filter(|p| p.sequence > committed).cloned().collect();
        if left.is_empty() {
            return;
        }
        intake.bytes += left.iter().map(|p| p.record.len() as u64).sum::<u64>();
        intake.oldest.get_or_insert_with(std::time::Instant::now);
        let newer = std::mem::replace(&mut intake.pending, left);
        intake.pending.extend(newer);
    }

    /// Takes out what was recorded up to a sequence number: all of it, or what was recorded on one
    /// day (UTC), and whether there is more.
    fn take_pending(&self, last: u64, whole: bool) -> (Arc<Vec<Pending>>, bool) {
        let mut intake = self.intake();
        let all = intake.pending.partition_point(|p| p.sequence <= last);
        let day = intake.pending.first().map(|p| day_of(p.recorded_at)).filter(|_| !whole);
        let cut = match day {
            Some(day) => intake.pending[..all].partition_point(|p| day_of(p.recorded_at) <= day),
            None => all,
        };
        let newer = intake.pending.split_off(cut);
        let taken = Arc::new(std::mem::replace(&mut intake.pending, newer));
        intake.flushing_bytes = taken.iter().map(|p| p.record.len() as u64).sum();
        intake.bytes = intake.pending.iter().map(|p| p.record.len() as u64).sum();
        intake.oldest = (!intake.pending.is_empty()).then(std::time::Instant::now);
        intake.flushing = Arc::clone(&taken);
        (taken, cut < all)
    }

    async fn commit_records(
        &self,
        c: &mut Committer,
        records: &[Pending],
        ends: Ends,
    ) -> Result<()> {
        let sealing = match records.is_empty() {
            true => None,
            false => encrypted::sealing(&self.settings).await?,
        };
        let built = match (records.first(), records.last()) {
            (Some(first), Some(last)) => {
                let rows = records
                    .iter()
                    .map(|p| Row {
                        record: &p.record,
                        timestamp: p.timestamp,
                        audit_id: &p.audit_id,
                        domain: p.domain,
                    })
                    .collect();
                let recorded = (first.recorded_at, last.recorded_at);
                Some(self.build(c, rows, recorded, sealing)?)
            }
            _ => None,
        };
        let given =
            records.iter().filter_map(|p| Some((p.audit_id.as_str(), p.content?, p.recorded_at)));
        let plan = match built {
            Some(built) => {
                self.put_segments(c, &built).await?;
                let wal = records.first().zip(records.last());
                let wal = wal.map(|(a, b)| WalRange { from: a.sequence, to: b.sequence });
                c.append_plan(built, wal, None, ends)
            }
            None => c.close_plan(ends),
        };
        // Before the log goes: an id must never be forgotten while its record is acknowledged.
        self.intake().seen.persist(given, now_micros())?;
        demand_committed(c.commit(plan).await?)?;
        self.let_go(c)
    }

    /// Builds segments from rows, with every core.
    pub(super) fn build(
        &self,
        c: &Committer,
        rows: Vec<Row<'_>>,
        recorded: (i64, i64),
        sealing: Option<Sealing>,
    ) -> Result<Built> {
        let signer = Signer {
            trail: &self.info.trail_id,
            writer: &self.id,
            key: keys::key_id(&c.keys.public()),
            epoch: c.keys.epoch(),
            hmac: c.keys.hmac(),
            by_day: self.info.by_day(),
            sealing,
        };
        let count = rows.len() as u64;
        let mut registry = c.ledger.state().registry.clone();
        let before = registry.clone();
        let segments = build_segments(rows, &signer, &mut registry)?;
        let columns = registry.since(&before);
        Ok(Built { segments, columns, recorded, rows: count })
    }

    /// Puts segments under their fresh names.
    pub(super) async fn put_segments(&self, c: &Committer, built: &Built) -> Result<()> {
        let storage = c.ledger.storage().clone();
        let puts: Vec<_> = built
            .segments
            .iter()
            .map(|segment| put(storage.clone(), segment.added.path.clone(), segment.bytes.clone()))
            .collect();
        stream::iter(puts).buffer_unordered(PARALLEL_PUTS).try_collect().await
    }

    /// After an entry is durable: lets the log go, which numbers on after a bulk load's records.
    pub(super) fn let_go(&self, c: &Committer) -> Result<()> {
        if let Some(vault) = &self.settings.vault {
            vault.learn(erased(c.ledger.state()));
        }
        self.wal.skip_to(c.committed + 1)?;
        self.wal.remove_committed(c.committed).map(drop)
    }
}

/// What brings records comes to nothing only if somebody condemned the segments that were put for
/// it, because they lay there for long.
pub(super) fn demand_committed(committed: bool) -> Result<()> {
    match committed {
        true => Ok(()),
        false => Err(Error::AlreadyExists(
            "the commit took so long that its segments were condemned as left over; what is in the \
             log is committed by the next one"
                .to_owned(),
        )),
    }
}

async fn put(storage: Storage, path: String, bytes: Bytes) -> Result<()> {
    match storage.put_create(&path, bytes).await? {
        Create::Created => Ok(()),
        Create::Exists => Err(Error::integrity(path, "a fresh segment name is taken")),
    }
}

impl Committer {
    /// Puts the plan's entry into the next free slot. Whether it is in the ledger: what replaces
    /// segments comes to nothing if other entries were quicker to replace them.
    pub(super) async fn commit(&mut self, mut plan: Plan) -> Result<bool> {
        let result = self.attempt(&mut plan).await;
        // Once there is a candidate its outcome is open, also where it was put and the figures
        // that follow from it could not be kept.
        if result.is_err() && plan.put.is_some() {
            self.unsettled = Some(plan);
        }
        result
    }

    async fn attempt(&mut self, plan: &mut Plan) -> Result<bool> {
        self.ledger.refresh().await?;
        if plan.may_name_snapshot() {
            plan.body.snapshot = self.put_snapshot().await;
        }
        loop {
            if !plan.applies(self.ledger.state()) {
                self.give_up(plan).await?;
                return Ok(false);
            }
            let (n, bytes) = self.sign(plan)?;
            plan.put = Some((n, bytes.clone()));
            // Whoever waits for this may stop waiting, and a candidate whose saving failed may be
            // on disk even so: from here on the entry may be in the ledger.
            self.unsettled = Some(plan.clone());
            self.keep_candidate(plan)?;
            match self.ledger.storage().put_create(&entry_path(n), bytes).await? {
                Create::Created => return self.finish(plan).await.map(|()| true),
                // Another writer was first: plan again on top of its entry. The snapshot was for
                // the lost slot.
                Create::Exists => {
                    plan.body.snapshot = None;
                    self.ledger.refresh().await?;
                }
            }
        }
    }

    /// Drops a plan that no slot holds and that no longer applies, with the files that it brought.
    async fn give_up(&mut self, plan: &mut Plan) -> Result<()> {
        Candidate::remove(&self.dir)?;
        plan.put = None;
        self.unsettled = None;
        for added in plan.body.adds.iter().flatten().filter(|added| added.archive.is_none()) {
            // What stays is invisible, and does no harm.
            let _ = self.ledger.storage().delete(&added.path).await;
        }
        Ok(())
    }

    /// Puts a snapshot for the next entry to name, if one is due. It only makes opening quicker, so
    /// whatever fails here fails nothing else: a later entry will name another one. So it is with
    /// a name that is taken: what stands there may be anything.
    async fn put_snapshot(&mut self) -> Option<SnapshotRef> {
        let state = Arc::clone(self.ledger.state());
        let n = state.size();
        // Writers that race for slots lose some snapshots; they must not put one for each entry.
        let patience = (self.spacing / 8).max(n / 512).max(1);
        let again = self.tried == 0 || n >= self.tried.saturating_add(patience);
        let due = state.snapshot_due(self.spacing).filter(|_| again)?;
        let newest = state.newest_snapshot.as_ref().map(|newest| newest.n);
        let rests_on = newest.filter(|_| due == DueSnapshot::Continued);
        let authorized = state.writers.get(self.keys.id())?.authorized;
        self.tried = n;
        let file = self.ledger.snapshot(due).ok()?;
        let (bytes, sha256) = (file.len() as u64, HEXLOWER.encode(&Sha256::digest(&file)));
        match self.ledger.storage().put_create(&snapshot_path(n), file).await {
            Ok(Create::Created) => Some(SnapshotRef { authorized, bytes, rests_on, sha256 }),
            Ok(Create::Exists) | Err(_) => None,
        }
    }

    /// Finds out what became of an entry whose put has an unknown outcome, and finishes it. The
    /// same bytes are put again: then the slot is either ours or lost for good.
    pub(super) async fn settle(&mut self) -> Result<()> {
        let Some(mut plan) = self.unsettled.clone() else { return Ok(()) };
        let result = self.put_again(&mut plan).await;
        if result.is_err() {
            self.unsettled = Some(plan);
        }
        result.map(drop)
    }

    async fn put_again(&mut self, plan: &mut Plan) -> Result<bool> {
        let Some((n, bytes)) = plan.put.clone() else { return self.attempt(plan).await };
        self.keep_candidate(plan)?;
        match self.ledger.storage().put_create(&entry_path(n), bytes).await? {
            Create::Created => self.finish(plan).await.map(|()| true),
            Create::Exists => self.attempt(plan).await,
        }
    }

    /// Remembers that the plan's entry is in the ledger, and publishes a checkpoint. May be
    /// repeated after it failed.
    async fn finish(&mut self, plan: &mut Plan) -> Result<()> {
        self.ledger.refresh().await?;
        if !plan.counted {
            if plan.body.epoch == self.keys.epoch() {
                self.roots.extend_from_slice(&plan.roots);
            }
            if let Some(wal) = plan.body.wal {
                self.committed = wal.to;
            }
            if plan.tells_of_runs() {
                self.ended = plan.body.closed.map(|_| self.committed);
                self.recovered.clear();
                self.active = true;
            }
            plan.counted = true;
        }
        if let Some(close) = plan.body.close.as_ref().filter(|c| c.epoch == self.keys.epoch()) {
            let seal = HEXLOWER.decode(close.seal.as_bytes()).ok().and_then(|s| s.try_into().ok());
            let seal = seal.ok_or_else(|| Error::encoding("seal", "malformed"))?;
            self.keys.advance(seal)?;
            self.roots.clear();
        }
        if plan.body.close.is_some() {
            self.keys.save(&self.dir.join(WRITER_FILE))?;
        }
        self.save_position()?;
        // Before the candidate goes, which is what tells a load that was committed.
        Seen::adopt(&self.dir)?;
        Candidate::remove(&self.dir)?;
        self.unsettled = None;
        self.publish_checkpoint().await;
        Ok(())
    }

    /// Signs the plan for the next slot.
    fn sign(&self, plan: &mut Plan) -> Result<(u64, Bytes)> {
        let state = self.ledger.state();
        let known = state.writers.get(self.keys.id()).map(|w| w.committed);
        if known != Some(self.committed) {
            return Err(Error::integrity(
                "ledger",
                format!("it says this writer committed {known:?}, not {}", self.committed),
            ));
        }
        let mut registry: Registry = state.registry.clone();
        for column in &plan.columns {
            registry.take(column)?;
        }
        let new = registry.since(&state.registry);
        plan.body.columns = (!new.is_empty()).then_some(new);
        let info = state.info.as_ref().ok_or_else(|| Error::integrity("ledger", "no trail"))?;
        let entry: Entry = plan.body.clone().sign(
            state.size(),
            state.root(),
            info,
            self.keys.signing(),
            self.keys.hmac(),
        )?;
        // An entry without effect would lose its records, and say "tampered" for ever.
        state.would_take(&entry).map_err(|e| {
            let message = format!("not written, because it would have no effect: {e}");
            Error::integrity(entry_path(state.size()), message)
        })?;
        Ok((state.size(), Bytes::from(entry.to_bytes()?)))
    }

    /// Persists the plan's entry as the candidate: before it is put, so that a crash cannot forget
    /// what followed from it.
    fn keep_candidate(&self, plan: &Plan) -> Result<()> {
        let Some((n, bytes)) = &plan.put else { return Ok(()) };
        let entry = String::from_utf8(bytes.to_vec()).map_err(|e| Error::encoding("entry", e))?;
        Candidate { entry, n: *n, roots: hex(&plan.roots) }.save(&self.dir)
    }

    pub(super) fn save_position(&mut self) -> Result<()> {
        let state = self.ledger.state();
        let position = Position {
            committed: self.committed,
            ended: self.ended,
            epoch: self.keys.epoch(),
            root: HEXLOWER.encode(&state.root()),
            roots: hex(&self.roots),
            size: state.size(),
            v: 1,
        };
        position.save(&self.dir)?;
        self.position = Some(position);
        Ok(())
    }

    /// Remembers that this process ended in order, with a log that goes up to `last`: unless it
    /// has to say yet that the one before did not.
    pub(super) fn keep_end(&mut self, last: u64) -> Result<()> {
        // What a load brings comes after the log, once its outcome is settled.
        let open = self.unsettled.as_ref().and_then(|plan| plan.body.wal);
        let last = open.map_or(last, |wal| wal.to.max(last));
        let untold = self.recovered.iter().any(|log| log.writer == self.keys.id());
        if untold || self.ended == Some(last) {
            return Ok(());
        }
        // All else stays as it was, also what an entry brings whose outcome is not known.
        let Some(mut position) = self.position.clone() else { return Ok(()) };
        position.ended = Some(last);
        position.save(&self.dir)
    }

    /// A revoked writer's checkpoint that covers its revocation would be a finding.
    fn may_sign(&self) -> bool {
        self.ledger.state().writers.get(self.keys.id()).is_some_and(|w| w.revoked.is_none())
    }

    /// Signs the newest checkpoint anew, with the time. A hint, and no entry: a quiet trail does
    /// not grow.
    pub(super) async fn beat(&mut self) -> Result<()> {
        self.published = std::time::Instant::now();
        self.ledger.refresh().await?;
        let state = self.ledger.state();
        let Some(info) = state.info.as_ref().filter(|_| self.may_sign()) else { return Ok(()) };
        let checkpoint =
            Checkpoint { origin: info.origin.clone(), size: state.size(), root: state.root() };
        let name = info.key_name(self.keys.id());
        let time = now_micros().max(0) as u64 / 1_000_000;
        let note = checkpoint.cosign(&name, self.keys.signing(), time)?;
        self.ledger.storage().put_hint(HEARTBEAT, Bytes::from(note.clone())).await?;
        self.publisher.beat(note);
        Ok(())
    }

    /// Publishes a checkpoint that covers the newest entry. A hint: losing it does no harm.
    async fn publish_checkpoint(&mut self) {
        self.published = std::time::Instant::now();
        let state = self.ledger.state();
        let Some(info) = state.info.as_ref().filter(|_| self.may_sign()) else { return };
        let checkpoint =
            Checkpoint { origin: info.origin.clone(), size: state.size(), root: state.root() };
        let name = info.key_name(self.keys.id());
        if let Ok(note) = checkpoint.sign(&name, self.keys.signing()) {
            let hint = Bytes::from(note.clone());
            let _ = self.ledger.storage().put_hint(CHECKPOINT_HINT, hint).await;
            self.publisher.publish(checkpoint, note);
        }
    }
}
