//! The writer of a process: takes events in, many threads at once.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;

use super::clock::Clock;
use super::commit::Committer;
use super::disk::Disks;
use super::now_micros;
use super::pressure::{Gauge, Waiting};
use super::seen::{Known, Seen};
use super::settings::Settings;
use crate::ledger::TrailInfo;
use crate::record::{Checked, Checker, IdSource, Rules, Strictness};
use crate::storage::durable::LockFile;
use crate::wal::Wal;
use crate::{Error, Result};

/// The day (UTC) of a time in microseconds since 1970, counted from there.
pub(super) fn day_of(micros: i64) -> i64 {
    micros.div_euclid(86_400_000_000)
}

/// A record that is in the log but not in the ledger.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    pub(super) sequence: u64,
    pub(super) record: Bytes,
    pub(super) timestamp: i64,
    pub(super) recorded_at: i64,
    pub(super) audit_id: String,
    pub(super) domain: u8,
    pub(super) content: Option<[u8; 16]>,
}

/// What threads that record share. Held for microseconds, never while waiting for a disk.
#[derive(Debug)]
pub(super) struct Intake {
    pub(super) ids: IdSource,
    pub(super) seen: Seen,
    /// Epoch under whose key the log is written.
    pub(super) epoch: u64,
    /// The writer was given free; it takes nothing more.
    pub(super) closed: bool,
    /// The epoch is being closed: nothing may come in under its key any more.
    pub(super) closing: bool,
    pub(super) pending: Vec<Pending>,
    pub(super) bytes: u64,
    pub(super) oldest: Option<Instant>,
    /// What a flush has taken out and not committed yet.
    pub(super) flushing: Arc<Vec<Pending>>,
    /// Bytes of its records.
    pub(super) flushing_bytes: u64,
}

/// A writer that this process holds.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) id: String,
    pub(super) info: Arc<TrailInfo>,
    pub(super) clock: Clock,
    pub(super) settings: Settings,
    pub(super) rules: Rules,
    pub(super) wal: Wal,
    pub(super) intake: Mutex<Intake>,
    pub(super) committer: tokio::sync::Mutex<Committer>,
    /// How the log is filling up.
    pub(super) gauge: Gauge,
    /// Free space where the log and the trail are.
    pub(super) disks: Disks,
    /// Held by the compaction of this process.
    pub(super) compacting: tokio::sync::Mutex<()>,
    /// Given free on closing, even while a background flush still ends.
    pub(super) lock: Mutex<Option<LockFile>>,
}

thread_local! {
    static CHECKER: RefCell<(Checker, Vec<u8>)> = RefCell::default();
}

enum Taken {
    /// In the log under this sequence number; durable once that is.
    Logged { audit_id: String, sequence: u64, full: bool },
    /// The epoch must be closed first.
    Later,
    /// The log has no room for it now.
    Full,
}

impl Writer {
    pub(super) fn intake(&self) -> MutexGuard<'_, Intake> {
        self.intake.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The epoch of the present moment.
    pub(super) fn epoch_now(&self) -> u64 {
        (self.clock.now().max(0) as u64 / 1_000_000) / self.info.epoch_seconds
    }

    /// Records that the clock jumped, the first time that this shows. The epoch goes on meanwhile.
    pub(super) async fn tell_of_jump(&self) -> Result<()> {
        let Some(seconds) = self.clock.jump() else { return Ok(()) };
        let event = format!(
            r#"{{"event_type":"system.security_alert","severity":"error","rule":"clock_jump","ahead_seconds":{seconds},"writer":"{}"}}"#,
            self.id
        );
        self.record(event.as_bytes(), Strictness::Lenient).await.map(drop)
    }

    pub(super) async fn record(&self, event: &[u8], strictness: Strictness) -> Result<String> {
        let (audit_id, sequence, full) = self.log(event, strictness).await?;
        self.settle_log(&audit_id, sequence, full).await?;
        Ok(audit_id)
    }

    /// Records several events with one wait for the disk.
    pub(super) async fn record_batch(
        &self,
        events: &[Vec<u8>],
        strictness: Strictness,
    ) -> Result<Vec<Result<String>>> {
        let mut results = Vec::with_capacity(events.len());
        let mut last: Option<(String, u64, bool)> = None;
        for event in events {
            let logged = self.log(event, strictness).await;
            if let Ok((audit_id, sequence, full)) = &logged {
                let (newest, any_full) = last.as_ref().map_or((0, false), |(_, n, f)| (*n, *f));
                last = Some((audit_id.clone(), newest.max(*sequence), any_full || *full));
            }
            results.push(logged.map(|(audit_id, ..)| audit_id));
        }
        if let Some((audit_id, sequence, full)) = last {
            self.settle_log(&audit_id, sequence, full).await?;
        }
        Ok(results)
    }

    /// Puts an event in line for the log: its id, its sequence, and whether a flush is due.
    async fn log(&self, event: &[u8], strictness: Strictness) -> Result<(String, u64, bool)> {
        let mut checked = CHECKER
            .with_borrow_mut(|(checker, _)| checker.check(event, &self.rules, strictness))?;
        checked.find_subject(&self.rules).await?;
        let mut waiting = None;
        loop {
            match self.take(&checked)? {
                Taken::Logged { audit_id, sequence, full } => {
                    return Ok((audit_id, sequence, full));
                }
                Taken::Later => self.roll_epoch().await?,
                Taken::Full => {
                    let waiting = waiting.get_or_insert_with(|| Waiting::new(&self.gauge));
                    self.wait_for_room(waiting).await?;
                }
            }
        }
    }

    /// Waits until everything up to `sequence` is durable.
    async fn settle_log(&self, audit_id: &str, sequence: u64, full: bool) -> Result<()> {
        self.wal.wait(sequence).map_err(|e| Error::UnknownOutcome {
            audit_id: audit_id.to_owned(),
            message: e.to_string(),
        })?;
        if full {
            // Back-pressure: the record is durable, so a flush that cannot be done now is not
            // this call's failure.
            let _ = self.flush().await;
        }
        Ok(())
    }

    fn take(&self, checked: &Checked) -> Result<Taken> {
        let mut intake = self.intake();
        let now = now_micros();
        if intake.closed {
            return Err(Error::Poisoned("the trail was closed".to_owned()));
        }
        if intake.closing || self.epoch_now() > intake.epoch {
            return Ok(Taken::Later);
        }
        let given = checked.given(&self.rules);
        if let Some((audit_id, content)) = given {
            match intake.seen.lookup(audit_id, &content) {
                Known::New => {}
                Known::Other => return Err(Error::Conflict { audit_id: audit_id.to_owned() }),
                Known::Same(sequence) => {
                    let audit_id = audit_id.to_owned();
                    return Ok(Taken::Logged { audit_id, sequence, full: false });
                }
            }
        }
        if intake.log_bytes().1 >= self.settings.pressure.max_log_bytes {
            return Ok(Taken::Full);
        }
        let stamp = intake.ids.stamp(now);
        CHECKER.with_borrow_mut(|(_, buffer)| {
            buffer.clear();
            let facts =
                checked.stamp(&stamp, &self.rules, given.map(|(_, content)| content), buffer)?;
            let sequence = self.wal.enqueue(facts.content.as_ref(), buffer)?;
            if let Some(content) = facts.content {
                intake.seen.insert(&facts.audit_id, content, stamp.recorded_at, sequence);
            }
            let audit_id = facts.audit_id.clone();
            intake.bytes += buffer.len() as u64;
            intake.oldest.get_or_insert_with(Instant::now);
            intake.pending.push(Pending {
                sequence,
                record: Bytes::copy_from_slice(buffer),
                timestamp: facts.timestamp,
                recorded_at: stamp.recorded_at,
                audit_id: facts.audit_id,
                domain: facts.domain,
                content: facts.content,
            });
            let full = self.is_full(&intake);
            Ok(Taken::Logged { audit_id, sequence, full })
        })
    }

    /// What is in the log and not in the ledger, oldest first.
    pub(super) fn unflushed(&self) -> Vec<(u64, Bytes)> {
        let intake = self.intake();
        let synced = self.wal.synced();
        let both = intake.flushing.iter().chain(&intake.pending);
        both.filter(|p| p.sequence <= synced).map(|p| (p.sequence, p.record.clone())).collect()
    }

    /// Whether what is pending is a commit's worth.
    fn is_full(&self, intake: &Intake) -> bool {
        let Settings { max_bytes, max_records, .. } = self.settings;
        intake.bytes >= max_bytes || intake.pending.len() as u64 >= max_records
    }

    /// Whether the oldest uncommitted record has waited long enough or is of another day than this
    /// one (UTC), or the epoch is over.
    pub(super) fn is_due(&self) -> bool {
        let intake = self.intake();
        let old = intake.oldest.is_some_and(|since| since.elapsed() >= self.settings.max_age);
        let day = intake.pending.first().map(|oldest| day_of(oldest.recorded_at));
        let earlier = day.is_some_and(|day| day < day_of(now_micros()));
        old || earlier || self.is_full(&intake) || self.epoch_now() > intake.epoch
    }

    /// Gives a sign of life if no checkpoint was published for long. Who is committing right now
    /// is not idle.
    pub(super) async fn beat_if_idle(&self) -> Result<()> {
        let after = self.settings.heartbeat;
        if after.is_zero() {
            return Ok(());
        }
        let Ok(mut committer) = self.committer.try_lock() else { return Ok(()) };
        if committer.published.elapsed() < after || self.is_closed() {
            return Ok(());
        }
        committer.beat().await?;
        self.confirm_erasures(&mut committer).await
    }

    /// Gives the writer free, in order: with `commit` nothing is left in its log.
    pub(super) async fn close(&self, commit: bool) -> Result<()> {
        // A flush in the background ends first: afterwards the writer is somebody else's.
        let mut committer = self.committer.lock().await;
        self.intake().closed = true;
        let result = match commit {
            true => self.end(&mut committer).await,
            false => self.wal.sync(),
        };
        let result = result.and_then(|()| committer.keep_end(self.wal.synced()));
        committer.publisher.drain().await;
        self.lock.lock().unwrap_or_else(PoisonError::into_inner).take();
        result
    }

    pub(super) fn is_closed(&self) -> bool {
        self.intake().closed
    }
}
