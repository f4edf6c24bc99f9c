//! Becoming a writer: taking over one that nobody holds, or having a new one authorised.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use data_encoding::HEXLOWER;

use super::adopt::Bequest;
use super::clock::Clock;
use super::commit::Committer;
use super::disk::Disks;
use super::plan::Plan;
use super::position::{Candidate, Position, unhex};
use super::pressure::Gauge;
use super::seen::Seen;
use super::settings::{OpenOptions, Settings};
use super::writer::{Intake, Pending, Writer};
use super::writers::epoch_now;
use super::{now_micros, owner, privacy};
use crate::anchors::{Anchors, Publisher};
use crate::encryption::LogSealing;
use crate::keys::{HmacKey, WriterKeys, load_or_create_secret};
use crate::ledger::{Entry, Ledger, RecoveredLog, TrailInfo};
use crate::record::{IdSource, Rules, facts_of};
use crate::storage::durable::{self, LockFile};
use crate::wal::{Recovered, Wal, WalOptions, recover_with};
use crate::{Error, Result};

/// File of a writer's keys in its folder.
pub(super) const WRITER_FILE: &str = "writer.json";
const FLUSHER_TICK: Duration = Duration::from_millis(250);

/// What a writer is held for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holding {
    /// To record events until the trail is closed.
    Open,
    /// To record who looked, for a moment: it knows no ids that callers gave.
    Lent,
}

/// Takes over the first free writer of this host, commits what other free ones left behind, or
/// makes a new writer.
pub(super) async fn open_writer(
    mut ledger: Ledger,
    options: &OpenOptions,
    state_dir: &Path,
) -> Result<Arc<Writer>> {
    let mut writers = Vec::new();
    let mut revoked = Vec::new();
    for dir in writer_folders(state_dir)? {
        let Some(lock) = LockFile::try_lock(&dir.join("lock"))? else { continue };
        let keys = match load_keys(&dir, &ledger) {
            Err(Error::NotFound(_)) => continue,
            other => other?,
        };
        if ledger.state().writers.get(keys.id()).is_some_and(|w| w.revoked.is_some()) {
            revoked.push(Bequest { dir, keys, _lock: lock });
            continue;
        }
        let (claim, how) = (Claim { dir, lock, keys }, Holding::Open);
        writers.push(resume(claim, &mut ledger, options, how).await?);
    }
    if writers.is_empty() {
        writers.push(create(state_dir, &mut ledger, options, Holding::Open).await?);
    }
    let mine = writers.remove(0);
    if !revoked.is_empty() {
        // Before anything is committed: then all that was taken over before a crash shows here.
        let known = mine.logged_ids().chain(writers.iter().flat_map(|w| w.logged_ids())).collect();
        for bequest in revoked {
            let adopted = mine.adopt(bequest, &ledger, &known)?;
            let told = Some(adopted).filter(|log| log.records > 0);
            mine.committer.lock().await.recovered.extend(told);
        }
    }
    // What cannot be committed now is durable in the log and waits for the next flush.
    let _ = mine.flush().await;
    for writer in writers {
        if writer.close(true).await.is_err() {
            // As it may be without a store, it keeps its log.
            writer.close(false).await?;
        }
    }
    mine.tell_of_jump().await?;
    start_flusher(Arc::downgrade(&mine))?;
    Ok(mine)
}

/// Folders of writers below a trail's state folder, in order.
pub(super) fn writer_folders(state_dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(state_dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Error::io(state_dir, e)),
    };
    let mut folders = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|e| Error::io(state_dir, e))?;
        if entry.file_name().to_str().is_some_and(WriterKeys::is_id) {
            folders.push(entry.path());
        }
    }
    folders.sort();
    Ok(folders)
}

/// Whether a process holds a writer of this host right now.
pub(super) fn any_held(state_dir: &Path) -> Result<bool> {
    for dir in writer_folders(state_dir)? {
        if dir.join(WRITER_FILE).exists() && LockFile::try_lock(&dir.join("lock"))?.is_none() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Makes a writer's folder, if need be, and locks it.
pub(super) fn lock_writer(dir: &Path) -> Result<LockFile> {
    durable::ensure_private_dir(dir)?;
    LockFile::try_lock(&dir.join("lock"))?
        .ok_or_else(|| Error::AlreadyExists(format!("{} is in use", dir.display())))
}

fn load_keys(dir: &Path, ledger: &Ledger) -> Result<WriterKeys> {
    WriterKeys::load(&dir.join(WRITER_FILE), &info(ledger)?.trail_id, ledger.storage().url())
}

fn info(ledger: &Ledger) -> Result<Arc<TrailInfo>> {
    let info = ledger.state().info.clone();
    info.ok_or_else(|| Error::integrity("ledger", "no trail is described"))
}

/// A writer's folder, locked, and its keys.
pub(super) struct Claim {
    pub(super) dir: PathBuf,
    pub(super) lock: LockFile,
    pub(super) keys: WriterKeys,
}

/// The first writer of this host that no process holds and that may sign.
pub(super) fn claim_free(folders: &[PathBuf], ledger: &Ledger) -> Result<Option<Claim>> {
    for dir in folders {
        let Some(lock) = LockFile::try_lock(&dir.join("lock"))? else { continue };
        let keys = match load_keys(dir, ledger) {
            Err(Error::NotFound(_)) => continue,
            other => other?,
        };
        let known = ledger.state().writers.get(keys.id());
        if known.is_some_and(|w| w.revoked.is_none()) {
            return Ok(Some(Claim { dir: dir.clone(), lock, keys }));
        }
    }
    Ok(None)
}

pub(super) async fn create(
    state_dir: &Path,
    ledger: &mut Ledger,
    options: &OpenOptions,
    how: Holding,
) -> Result<Arc<Writer>> {
    let info = info(ledger)?;
    let owner = options.owner_key(&info.trail_id).map_err(|e| match e {
        Error::NotFound(what) => Error::Key(format!(
            "no writer of this trail is free on this host, and the owner's key is not here to \
             authorise a new one ({what})"
        )),
        other => other,
    })?;
    let keys = WriterKeys::generate(&owner, ledger.storage().url(), epoch_now(&info))?;
    let dir = state_dir.join(keys.id());
    durable::ensure_private_dir(&dir)?;
    // Whoever looks for a free writer may hold this one for a moment, and finds no keys in it.
    let lock = LockFile::lock(&dir.join("lock"))?;
    keys.save(&dir.join(WRITER_FILE))?;
    resume(Claim { dir, lock, keys }, ledger, options, how).await
}

/// Goes on where a writer stopped, however it stopped.
pub(super) async fn resume(
    claim: Claim,
    ledger: &mut Ledger,
    options: &OpenOptions,
    how: Holding,
) -> Result<Arc<Writer>> {
    let Claim { dir, lock, keys } = claim;
    let (mut committer, ended) = committed_by(&dir, keys, ledger, options).await?;
    *ledger = committer.ledger.clone();
    let info = info(ledger)?;
    let keys = &committer.keys;
    let wal_dir = dir.join("wal");
    let key_of = |epoch| keys.hmac_at(epoch, keys.epoch());
    let keyring = options.settings.keyring.as_ref();
    let recovered = recover_with(&wal_dir, &key_of, committer.committed, keyring)?;
    committer.recovered = broken_off(&recovered, ended, keys.id()).into_iter().collect();
    let keys = &committer.keys;
    let pending = pending(&recovered)?;
    let known = ledger.state().writers.get(keys.id()).map_or(0, |w| w.recorded);
    let last = pending.iter().map(|p| p.recorded_at).fold(known, i64::max);
    let settings = options.settings.clone();
    let mut seen = match how {
        Holding::Open => Seen::load(&dir, settings.duplicate_window, now_micros())?,
        Holding::Lent => Seen::unread(&dir, settings.duplicate_window),
    };
    for p in &pending {
        if let Some(content) = p.content {
            seen.insert(&p.audit_id, content, p.recorded_at, p.sequence);
        }
    }
    let sealing = match keyring {
        Some(keyring) => LogSealing::of(keyring).await?,
        None => None,
    };
    let wal_options = WalOptions { sync: settings.sync, sealing, ..WalOptions::default() };
    let wal = Wal::start(&wal_dir, &recovered, keys.epoch(), keys.hmac().clone(), wal_options)?;
    let rules = rules(&settings, &dir)?;
    let intake = Intake {
        ids: IdSource::new(last)?,
        seen,
        epoch: keys.epoch(),
        closed: false,
        closing: false,
        bytes: pending.iter().map(|p| p.record.len() as u64).sum(),
        oldest: (!pending.is_empty()).then(Instant::now),
        pending,
        flushing: Arc::default(),
        flushing_bytes: 0,
    };
    let disks = Disks::new(&committer.dir, committer.ledger.storage(), &settings);
    Ok(Arc::new(Writer {
        id: keys.id().to_owned(),
        clock: Clock::start(
            info.epoch_start(keys.epoch()),
            info.epoch_start(keys.epoch().saturating_add(1)),
        ),
        info,
        settings,
        rules,
        wal,
        intake: Mutex::new(intake),
        committer: tokio::sync::Mutex::new(committer),
        gauge: Gauge::default(),
        disks,
        compacting: tokio::sync::Mutex::default(),
        lock: Mutex::new(Some(lock)),
    }))
}

/// What becomes of events before they are recorded.
fn rules(settings: &Settings, dir: &Path) -> Result<Rules> {
    let (redactor, sealer) = privacy::protection(settings)?;
    Ok(Rules {
        limits: settings.limits,
        max_future: i64::try_from(settings.max_future.as_micros()).unwrap_or(i64::MAX),
        defaults: settings.defaults.clone(),
        content_key: Arc::new(HmacKey::new(load_or_create_secret(&dir.join("seen.key"))?)),
        redactor,
        sealer,
    })
}

/// What a writer has committed, once it is authorised and no outcome of it is open; and where its
/// log ended when a process ended in order, before and after an outcome was settled.
async fn committed_by(
    dir: &Path,
    keys: WriterKeys,
    ledger: &mut Ledger,
    options: &OpenOptions,
) -> Result<(Committer, [Option<u64>; 2])> {
    if !ledger.state().writers.contains_key(keys.id()) {
        let owner = options.owner_key(&info(ledger)?.trail_id)?;
        let anchors = Anchors::of(&options.home, ledger.storage().url());
        let authorizes = vec![owner::authorization(&keys)];
        let put = owner::authorize(ledger, &owner, &anchors, authorizes, Vec::new()).await;
        // An earlier try whose reply was lost may have come in meanwhile.
        if !ledger.state().writers.contains_key(keys.id()) {
            put?;
        }
    }
    // Who held the writer before may have committed after this ledger was read.
    match Position::load(dir) {
        Ok(position) if position.size > ledger.state().size() => ledger.refresh().await?,
        Ok(_) | Err(Error::NotFound(_)) => {}
        Err(e) => return Err(e),
    }
    let publisher = Publisher::new(
        Anchors::of(&options.home, ledger.storage().url()),
        dir.parent().unwrap_or(dir),
    );
    let spacing = options.settings.snapshot_spacing;
    let mut committer = committer(dir.to_owned(), keys, ledger.clone(), spacing, publisher)?;
    let ended = committer.ended;
    committer.settle().await?;
    committer.active = false;
    let ended = [ended, committer.ended];
    // Ids of a load that did not come as far as a candidate.
    Seen::discard(dir)?;
    Ok((committer, ended))
}

/// What to say of the process before, if it did not end in order: where its log ended when one did
/// was kept before or by the entry that was settled just now.
fn broken_off(log: &Recovered, ended: [Option<u64>; 2], writer: &str) -> Option<RecoveredLog> {
    let last = log.next - 1;
    let in_order = last == 0 || ended.contains(&Some(last));
    if in_order && log.findings.is_empty() {
        return None;
    }
    Some(RecoveredLog { records: log.frames.len() as u64, writer: writer.to_owned() })
}

/// Position, candidate and keys as the ledger has them.
fn committer(
    dir: PathBuf,
    keys: WriterKeys,
    ledger: Ledger,
    spacing: u64,
    publisher: Arc<Publisher>,
) -> Result<Committer> {
    let state = ledger.state();
    let known = state.writers.get(keys.id());
    let committed = known.map_or(0, |w| w.committed);
    let position = match Position::load(&dir) {
        Ok(position) => Some(position),
        Err(Error::NotFound(_)) if committed == 0 => None,
        Err(e) => return Err(e),
    };
    let mut roots = Vec::new();
    if let Some(position) = &position {
        check_extends(&ledger, position)?;
        if position.epoch == keys.epoch() {
            roots = unhex(&position.roots, &dir)?;
        }
    }
    let seen = position.as_ref().map_or(0, |p| p.size);
    let mut unsettled = None;
    if let Some(candidate) = Candidate::load(&dir)? {
        if candidate.n >= seen {
            unsettled = Some(plan_of(&candidate, &dir)?);
        } else {
            Seen::adopt(&dir)?;
            Candidate::remove(&dir)?;
        }
    }
    // The candidate's own effect on `committed` is counted when it is settled.
    let committed = match &unsettled {
        Some(plan) => plan.body.wal.map_or(committed, |wal| committed.min(wal.from - 1)),
        None => committed,
    };
    let mut committer = Committer {
        dir,
        keys,
        ledger,
        committed,
        roots,
        unsettled,
        spacing,
        publisher,
        published: Instant::now(),
        tried: 0,
        recovered: Vec::new(),
        active: false,
        ended: position.as_ref().and_then(|p| p.ended),
        position,
    };
    if committer.position.is_none() && committer.unsettled.is_none() {
        committer.save_position()?;
    }
    Ok(committer)
}

/// A ledger that does not extend what this writer saw was rolled back or is another one.
pub(super) fn check_extends(ledger: &Ledger, position: &Position) -> Result<()> {
    let root = ledger.root_at(position.size).map(|root| HEXLOWER.encode(&root));
    if root.as_ref() == Some(&position.root) {
        return Ok(());
    }
    let message = format!(
        "this writer saw {} entries with root {}; the ledger now has {} entries and another \
         history: it was rolled back or replaced, and nothing is written to it",
        position.size,
        position.root,
        ledger.state().size()
    );
    Err(Error::integrity(ledger.storage().url(), message))
}

fn plan_of(candidate: &Candidate, dir: &Path) -> Result<Plan> {
    let place = || dir.join(Candidate::FILE).display().to_string();
    let entry =
        Entry::parse(candidate.entry.as_bytes()).map_err(|e| Error::integrity(place(), e))?;
    Ok(Plan {
        columns: entry.body.columns.clone().unwrap_or_default(),
        roots: unhex(&candidate.roots, dir)?,
        put: Some((candidate.n, Bytes::from(candidate.entry.clone()))),
        counted: false,
        body: entry.body,
    })
}

fn pending(recovered: &Recovered) -> Result<Vec<Pending>> {
    let frames = recovered.frames.iter();
    frames
        .map(|frame| {
            let (facts, recorded_at) = facts_of(&frame.record, frame.content_hash)?;
            Ok(Pending {
                sequence: frame.sequence,
                record: frame.record.clone(),
                timestamp: facts.timestamp,
                recorded_at,
                audit_id: facts.audit_id,
                domain: facts.domain,
                content: facts.content,
            })
        })
        .collect()
}

/// Commits by age and size, syncs by interval, and closes epochs, until the writer is gone.
fn start_flusher(writer: Weak<Writer>) -> Result<()> {
    // A simulated history has one thread and no other clock than its own.
    #[cfg(test)]
    if super::simulation_tests::clock::now().is_some() {
        return Ok(());
    }
    let runtime = crate::runtime()?.handle().clone();
    let tick = move || loop {
        std::thread::sleep(FLUSHER_TICK);
        let Some(writer) = writer.upgrade() else { return };
        if writer.is_closed() {
            return;
        }
        // A failure stays visible: the next record, flush or close meets it again.
        let _ = writer.wal.sync_if_due();
        let _ = runtime.block_on(writer.tell_of_jump());
        let _ = runtime.block_on(writer.tell_of_full_disks());
        if writer.is_due() {
            let _ = runtime.block_on(writer.flush());
        }
        // Nobody waits for a heartbeat; the next one tries again.
        let _ = runtime.block_on(writer.beat_if_idle());
    };
    let thread = std::thread::Builder::new().name("sealtrail-flush".to_owned());
    thread.spawn(tick).map(drop).map_err(|e| Error::io("thread", e))
}
