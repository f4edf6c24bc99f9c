//! Following a trail: every record once, as it comes (FORMAT section 14).
//!
//! A record shows first in the log of its writer, where this host can read it, and later in a
//! segment that an entry adds. A follower reads logs and ledger in the order that a view does, and
//! remembers what it gave out from the logs until that is committed.

mod commit;
mod cursor;
mod marks;

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::erase::erased;
use super::open::writer_folders;
use super::{ReadView, Trail};
use crate::ledger::{Body, Kind, Ledger};
use crate::segment::new_uuid;
use crate::wal::WalTail;
use crate::{Error, Result};
use commit::Commit;
use marks::{LeftOut, Mark, Orphans};

/// How long to wait before looking again.
const PAUSE: Duration = Duration::from_millis(200);
/// How often an object store is asked for the next entry: each time is a request that costs.
const REMOTE_PAUSE: Duration = Duration::from_millis(500);

/// Canonical records.
pub type Records = Vec<Bytes>;

/// Gives the records of a trail as they come, each of them once: those of this host's writers once
/// they are durable, those of others once they are committed.
///
/// **Order.** What one writer logged comes in the order of its log. Records of several logs that
/// are found at the same time come by `recorded_at`. What was not seen in a log comes commit by
/// commit in the order of the ledger, segment by segment, and within a segment by `timestamp`.
///
/// [`cursor`](Self::cursor) says where the follower stands after what it gave last; a follower
/// that starts there goes on with the next record.
pub struct Follower {
    trail: Trail,
    id: String,
    ledger: Ledger,
    logs: BTreeMap<String, Log>,
    orphans: Orphans,
    current: Option<Commit>,
    left_out: LeftOut,
    looked: Option<Instant>,
}

impl std::fmt::Debug for Follower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Follower").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A writer of this host.
struct Log {
    tail: WalTail,
    /// The last sequence number that is given out or committed.
    at: u64,
    /// Of the records that are given out and not committed, the first one first.
    ahead: VecDeque<Mark>,
}

/// What was found in a log: the last synced number, and records above those given out.
struct Found {
    dir: PathBuf,
    writer: String,
    synced: u64,
    records: Vec<(u64, Bytes)>,
}

impl Trail {
    /// Follows the trail from now on. The view is what came before, to the record.
    ///
    /// # Errors
    /// As [`view`](Self::view).
    pub async fn follow(&self) -> Result<(Follower, Arc<ReadView>)> {
        let mut follower = Follower::new(self, new_uuid()?, self.refreshed().await?);
        loop {
            let found = follower.read_logs()?;
            // What a log lost before it was read is in the ledger.
            let size = follower.ledger.state().size();
            follower.ledger.refresh().await?;
            if found.is_empty() || follower.ledger.state().size() == size {
                let unflushed = follower.take(found)?;
                let state = Arc::clone(follower.ledger.state());
                return Ok((follower, ReadView::new(state, unflushed, self)));
            }
        }
    }

    /// Follows the trail from its first record on.
    ///
    /// # Errors
    /// `Io` or `Store`.
    pub async fn follow_from_start(&self) -> Result<Follower> {
        let ledger = Ledger::open_at(self.storage().clone(), 0).await?;
        Ok(Follower::new(self, new_uuid()?, ledger))
    }

    /// Goes on where a [`cursor`](Follower::cursor) was taken, on this host.
    ///
    /// # Errors
    /// `Usage` if it is none of this trail, `Integrity` if the ledger does not begin as it did
    /// then, `Io`, `Store`.
    pub async fn follow_from(&self, cursor: &str) -> Result<Follower> {
        cursor::restore(self, cursor).await
    }
}

impl Follower {
    fn new(trail: &Trail, id: String, ledger: Ledger) -> Self {
        Self {
            trail: trail.clone(),
            id,
            ledger,
            logs: BTreeMap::new(),
            orphans: Orphans::default(),
            current: None,
            left_out: LeftOut::default(),
            looked: None,
        }
    }

    /// A name of its own, which goes on in its cursor.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Leaves out the record with this `audit_id`, and the one that names it as its `intent_id`:
    /// a question and its outcome. The cursor remembers it until the latter came, for at most 64
    /// of them.
    pub fn leave_out(&mut self, audit_id: &str) {
        self.left_out.add(audit_id);
    }

    /// Leaves out every record that has this text at this path of member names.
    pub fn leave_out_where(&mut self, path: &[&str], text: &str) {
        let path = path.iter().map(|&name| name.to_owned()).collect();
        self.left_out.marks.push((path, text.to_owned()));
    }

    /// Where it stands after the records that it gave last: the text of a file.
    ///
    /// # Errors
    /// `Encoding`.
    pub fn cursor(&self) -> Result<String> {
        cursor::write(self)
    }

    /// These records alone, with the columns that the trail has by now, to ask questions of.
    pub fn view_of(&self, records: Records) -> Arc<ReadView> {
        self.trail.vault().learn(erased(self.ledger.state()));
        let state = self.ledger.state().without_segments();
        ReadView::new(Arc::new(state), records, &self.trail)
    }

    /// The next records, up to some thousands; none if there is none at this moment. May be dropped
    /// while it waits: nothing is lost.
    ///
    /// # Errors
    /// `Io` or `Store` if ledger, logs or segments cannot be read now (the next call tries again);
    /// `Integrity` if they do not hold.
    pub async fn next(&mut self) -> Result<Records> {
        loop {
            if self.is_due() {
                let records = self.committed().await?;
                if !records.is_empty() {
                    return Ok(records);
                }
                self.looked = Some(Instant::now());
            }
            let found = self.read_logs()?;
            if found.is_empty() {
                return Ok(Vec::new());
            }
            // What a log lost before it was read is in the ledger, and comes first.
            if !self.advance().await? {
                return self.take(found);
            }
            self.looked = None;
        }
    }

    /// The next records, as soon as there are some. May be dropped while it waits.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub async fn wait(&mut self) -> Result<Records> {
        loop {
            let records = self.next().await?;
            if !records.is_empty() {
                return Ok(records);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Whether it is time to ask for the next entry.
    fn is_due(&self) -> bool {
        let local = self.trail.storage().local_root().is_some();
        local
            || self.current.is_some()
            || self.looked.is_none_or(|looked| looked.elapsed() >= REMOTE_PAUSE)
    }

    /// The next records that an entry adds and no log gave, if any.
    async fn committed(&mut self) -> Result<Vec<Bytes>> {
        loop {
            while let Some(commit) = &mut self.current {
                let rows = commit.rows(&self.trail).await;
                let records = match rows.and_then(|rows| self.deliver_rows(rows)) {
                    Ok(records) => records,
                    Err(e) => {
                        self.current.iter_mut().for_each(Commit::restart);
                        return Err(e);
                    }
                };
                if !records.is_empty() {
                    return Ok(records);
                }
            }
            if !self.advance().await? {
                return Ok(Vec::new());
            }
        }
    }

    /// Folds the next entry, if there is one, and says whether there was.
    async fn advance(&mut self) -> Result<bool> {
        let (n, root) = (self.ledger.state().size(), self.ledger.state().root());
        let Some(entry) = self.ledger.next_entry().await? else { return Ok(false) };
        let Some(body) = entry.map(|entry| entry.body) else { return Ok(true) };
        for revocation in body.revokes.iter().flatten() {
            // Never to be committed by it; another writer of this host may take them over.
            if let Some(log) = self.logs.get_mut(&revocation.writer) {
                log.ahead.drain(..).for_each(|mark| self.orphans.add(&mark));
            }
        }
        if body.kind == Kind::Append {
            self.begin_commit(n, root, body);
        }
        Ok(true)
    }

    fn begin_commit(&mut self, n: u64, root: crate::merkle::Hash, body: Body) {
        let Some(range) = body.wal else { return };
        let count = range.to - range.from + 1;
        // A load's records were in no log.
        let ahead = self.logs.get(&body.writer).filter(|_| body.load.is_none());
        let known = ahead.map_or(0, |log| log.ahead.len() as u64).min(count);
        let given = ahead.into_iter().flat_map(|log| log.ahead.iter().take(known as usize));
        let commit = Commit::new((n, root), &body, given.cloned());
        self.current = Some(commit);
        if known == count {
            self.finish_commit();
        }
    }

    /// All of the current commit is given out.
    fn finish_commit(&mut self) {
        let Some(commit) = self.current.take() else { return };
        if let Some(log) = self.logs.get_mut(&commit.writer) {
            let count = usize::try_from(commit.count).unwrap_or(usize::MAX);
            log.ahead.drain(..count.min(log.ahead.len()));
            log.at = log.at.max(commit.to);
        }
    }

    /// Of the current commit's next rows those that are to be given out.
    fn deliver_rows(&mut self, rows: Option<commit::Rows>) -> Result<Vec<Bytes>> {
        let (Some(commit), Some(rows)) = (&mut self.current, rows) else {
            self.finish_commit();
            return Ok(Vec::new());
        };
        let marks = if commit.knows_any() || !self.orphans.is_empty() {
            rows.iter().map(|row| Mark::of(row).map(Some)).collect::<Result<_>>()?
        } else {
            vec![None; rows.len()]
        };
        let mut records = Vec::new();
        for (record, mark) in rows.into_iter().zip(marks) {
            let skipped = commit.skip > 0;
            commit.skip = commit.skip.saturating_sub(1);
            commit.taken += 1;
            if mark.as_ref().is_some_and(|mark| commit.is_known(mark)) || skipped {
                continue;
            }
            let again = mark.is_some_and(|mark| self.orphans.remove(&mark));
            if !again && !self.left_out.has(&record) {
                records.push(record);
            }
        }
        Ok(records)
    }

    /// What is in this host's logs above what was given out.
    fn read_logs(&mut self) -> Result<Vec<Found>> {
        let mut all = Vec::new();
        for dir in writer_folders(&self.trail.state_dir())? {
            let writer = dir.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let state = self.ledger.state().writers.get(writer);
            let committed = state.map_or(0, |writer| writer.committed);
            let trail = &self.trail;
            let log = self.logs.entry(writer.to_owned()).or_insert_with(|| Log::new(&dir, trail));
            log.at = log.at.max(committed);
            let synced = log.tail.synced()?;
            if synced > log.at {
                let records = log.tail.read(log.at, synced)?;
                let writer = writer.to_owned();
                all.push(Found { dir, writer, synced, records });
            }
        }
        Ok(all)
    }

    /// Gives out what was found in the logs; no entry came since.
    fn take(&mut self, mut found: Vec<Found>) -> Result<Vec<Bytes>> {
        let state = Arc::clone(self.ledger.state());
        let revoked = |found: &Found| state.writers.get(&found.writer)?.revoked;
        // Who took over what a revoked writer left comes after it.
        found.sort_by_key(|found| revoked(found).unwrap_or(u64::MAX));
        let mut records = Vec::new();
        for found in found {
            let revoked = revoked(&found).is_some();
            let Some(log) = self.logs.get_mut(&found.writer) else { continue };
            for (sequence, record) in found.records {
                if sequence != log.at + 1 {
                    continue;
                }
                let mark = Mark::of(&record)?;
                log.at = sequence;
                let again = self.orphans.remove(&mark);
                if revoked {
                    self.orphans.add(&mark);
                }
                if !again && !self.left_out.has(&record) {
                    records.push((mark.recorded_at, record));
                }
                if !revoked {
                    log.ahead.push_back(mark);
                }
            }
            // A revoked writer's folder goes when another one has taken over what it left.
            if log.at < found.synced && !revoked && found.dir.exists() {
                let message = format!(
                    "records {} to {} were synced, but are neither in the log nor in the ledger",
                    log.at + 1,
                    found.synced
                );
                return Err(Error::integrity(found.dir.display().to_string(), message));
            }
        }
        records.sort_by_key(|(recorded_at, _)| *recorded_at);
        Ok(records.into_iter().map(|(_, record)| record).collect())
    }
}

impl Log {
    fn new(dir: &std::path::Path, trail: &Trail) -> Self {
        let tail = WalTail::new(&dir.join("wal")).with_keys(trail.storage().keys().cloned());
        Self { tail, at: 0, ahead: VecDeque::new() }
    }
}

#[cfg(test)]
mod tests;
