//! Bringing a copy up to date. The order makes every moment of it a copy that holds (FORMAT
//! section 19): what a statement counts in is there before the statement, and what the ledger of
//! the statement says is gone goes after it.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use data_encoding::HEXLOWER;

use super::begin::{lock, register};
use super::place::{Place, sealed_path};
use super::repair::{self, Mending};
use super::statement::{Head, Statement, numbers};
use super::there::There;
use super::work::{Named, Work};
use super::{BackupOptions, BackupReport, COPIES, erasures, told};
use crate::keys::envelope::sealed_len;
use crate::ledger::{
    AddedSegment, Bounds, CHECKPOINT_HINT, Entry, HEARTBEAT, Ledger, State, cosigned, entry_number,
    entry_path, may_name_snapshot, snapshot_path,
};
use crate::storage::{Create, Storage};
use crate::subjects::{KEYS_FOLDER, ROOT};
use crate::trail::{TRAIL_FILE, Trail, now_micros, time_text};
use crate::{Error, Result};

/// Folders of objects that no entry names.
pub(super) const LOOSE: [&str; 4] = [COPIES, cosigned::FOLDER, "keyring", KEYS_FOLDER];
/// Objects that are replaced in the trail.
const HINTS: [&str; 3] = [CHECKPOINT_HINT, HEARTBEAT, ROOT];
/// Entries are small.
const PARALLEL_ENTRIES: usize = 32;
/// Plans that came to nothing because segments were replaced meanwhile.
const ATTEMPTS: usize = 16;

impl Trail {
    /// Brings the second copy of this trail up to date: copies what it lacks, then says what it is
    /// complete up to, then removes what the ledger says is gone. It can be stopped anywhere, and
    /// the next run goes on. Records that are in logs only are not copied: commit them first.
    ///
    /// # Errors
    /// `Usage` if the destination holds something else, or a copy that was forgotten; `Key` if the
    /// key is not the copy's; `Integrity` if the trail's ledger does not extend the copy's, or what
    /// is to be copied is missing or not what was signed; `AlreadyExists` if another process of this
    /// host is at it; `Interrupted`, `Io`, `Store`.
    pub async fn backup(&self, options: &BackupOptions) -> Result<BackupReport> {
        let storage = Storage::open(&options.destination)?;
        self.backup_to(storage, options).await
    }

    pub(crate) async fn backup_to(
        &self,
        storage: Storage,
        options: &BackupOptions,
    ) -> Result<BackupReport> {
        let _lock = lock(self, &storage)?;
        let work =
            Work::new(options.parallel, options.memory, options.progress.clone(), &options.cancel);
        let mut mending = Mending::default();
        if options.repair {
            mending.done.extend(repair::description(&storage, &options.key, self).await?);
        }
        let place = Place::open_or_create(storage, &options.key, self.info()).await?;
        let marker = register(self, &place).await?;
        let last = match options.repair {
            true => repair::newest(&place, &mut mending).await?,
            false => place.newest().await?,
        };
        let next = numbers(&place.storage).await?.last().map_or(0, |n| n + 1);
        let there = There::read(&place).await?;
        let mending = options.repair.then(|| Mutex::new(mending));
        let run =
            Run { trail: self, place, work, there, last, next, made: Mutex::default(), mending };
        let (statement, ledger) = run.complete().await?;
        let mut report = run.report(&statement);
        if let Some(ledger) = ledger {
            report.news = run.has_news(ledger.state());
            report.removed = run.remove_swept(ledger.state()).await?;
            let erased = erasures::carry_out(self, &run.place, &marker, ledger).await?;
            report.destroyed = erased.destroyed;
            report.confirmed = erased.confirmed;
            report.unconfirmed = erased.unconfirmed;
        }
        Ok(report)
    }
}

pub(super) struct Run<'a> {
    pub(super) trail: &'a Trail,
    pub(super) place: Place,
    pub(super) work: Work,
    pub(super) there: There,
    /// The newest statement, or, when mending, the newest that holds.
    pub(super) last: Option<Statement>,
    /// The next statement's number.
    next: u64,
    /// Paths of what this run copied, which another look at the ledger need not copy again.
    made: Mutex<HashSet<String>>,
    /// What was mended, if that is asked for.
    pub(super) mending: Option<Mutex<Mending>>,
}

impl Run<'_> {
    /// Whether anything was copied but the records of earlier runs.
    fn has_news(&self, state: &State) -> bool {
        let made = self.made();
        let tells = |segment: &AddedSegment| match segment.stats.get("event_type") {
            Some(Bounds::Text(min, max)) => min == told::BACKUP && max == told::BACKUP,
            _ => false,
        };
        let mut copied = state.segments.iter().filter(|segment| made.contains(&segment.path));
        self.last.is_none() || copied.any(|segment| !tells(segment))
    }

    fn report(&self, statement: &Statement) -> BackupReport {
        let (objects, bytes) = self.work.counted();
        let mending = self.mending.as_ref().map(repair::taken).unwrap_or_default();
        BackupReport {
            holder: self.place.about.holder.clone(),
            size: statement.head.size,
            root: statement.head.root.clone(),
            statement: statement.head.n,
            records: statement.head.records,
            objects,
            bytes,
            checked: mending.checked,
            mended: mending.done,
            lost: mending.lost,
            ..BackupReport::default()
        }
    }

    /// Copies until a statement can be made; gives it and the ledger that it is about. Where what
    /// it would count in is lost in copy and trail, the statement stays the last one, and nothing
    /// is to follow from it.
    async fn complete(&self) -> Result<(Statement, Option<Ledger>)> {
        for _ in 0..ATTEMPTS {
            self.work.demand_go()?;
            // Before the ledger, so that they do not say more than it.
            let hints = self.hints().await?;
            let ledger = self.trail.refreshed().await?;
            self.demand_extends(&ledger)?;
            self.mend(&ledger).await?;
            let Some(loose) = self.copy_loose(ledger.state()).await? else { continue };
            if !self.copy_segments(&ledger).await? {
                continue;
            }
            self.copy_entries(ledger.state().size()).await?;
            if let Some(lost) = self.needed_and_lost() {
                let lost = || Error::integrity(lost, "it is lost in the copy and in the trail");
                return self.last.clone().map(|last| (last, None)).ok_or_else(lost);
            }
            let statement = self.state(&ledger, hints, loose).await?;
            self.remove_false_statements().await?;
            return Ok((statement, Some(ledger)));
        }
        let message = "its segments were replaced again and again while it was copied; try again";
        Err(Error::integrity(self.trail.url(), message))
    }

    /// Whether an object of the copy counts: then it is what it was, and never replaced.
    pub(super) fn counts(&self, path: &str) -> bool {
        self.last.as_ref().is_some_and(|last| super::store::visible(last, path))
    }

    fn made(&self) -> MutexGuard<'_, HashSet<String>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers what was copied, but for entries, which are many and come last.
    pub(super) fn note(&self, path: &str) {
        if entry_number(path).is_none() {
            self.made().insert(path.to_owned());
        }
    }

    pub(super) fn last_size(&self) -> u64 {
        self.last.as_ref().map_or(0, |last| last.head.size)
    }

    /// A ledger that does not extend the copy's was rolled back or is another one.
    fn demand_extends(&self, ledger: &Ledger) -> Result<()> {
        let Some(last) = &self.last else { return Ok(()) };
        let head = &last.head;
        if ledger.root_at(head.size).map(|root| HEXLOWER.encode(&root)).as_ref() == Some(&head.root)
        {
            return Ok(());
        }
        let message = format!(
            "the copy has {} entries with root {}; the trail now has {} entries and another \
             history: it was rolled back or replaced, and nothing is copied over the copy",
            head.size,
            head.root,
            ledger.state().size()
        );
        Err(Error::integrity(self.trail.url(), message))
    }

    async fn hints(&self) -> Result<BTreeMap<String, Bytes>> {
        let mut hints = BTreeMap::new();
        for path in HINTS {
            match self.trail.storage().get(path).await {
                Ok(bytes) => drop(hints.insert(path.to_owned(), bytes)),
                Err(Error::NotFound(_)) => {}
                Err(e) => return Err(e),
            }
        }
        // A root that was lost is worth more than none.
        let before = self.last.as_ref().and_then(|last| last.hints.get(ROOT));
        if let (None, Some(root)) = (hints.get(ROOT), before) {
            hints.insert(ROOT.to_owned(), root.clone());
        }
        Ok(hints)
    }

    /// Copies what no entry names; gives the paths of all such objects that belong to the copy, and
    /// none if some went meanwhile, as keys do that are erased.
    async fn copy_loose(&self, state: &State) -> Result<Option<BTreeSet<String>>> {
        let mut found = vec![(TRAIL_FILE.to_owned(), 0)];
        for folder in LOOSE {
            found.extend(self.trail.storage().list(folder).await?);
        }
        let erased = erasures::erased(state);
        let belongs = |path: &str| {
            let known = cosigned::size_of(path).is_none_or(|size| size <= state.size());
            known && !HINTS.contains(&path) && !erasures::is_erased(&erased, path)
        };
        found.retain(|(path, _)| belongs(path));
        let mut loose: BTreeSet<String> = found.iter().map(|(path, _)| path.clone()).collect();
        let before = self.last.iter().flat_map(|last| &last.loose);
        let kept = before.filter(|path| {
            belongs(path) && self.there.loose.contains(*path) && !self.is_lost(path)
        });
        loose.extend(kept.cloned());
        let made = self.made().clone();
        let known = |path: &String| self.there.loose.contains(path) && self.counts(path);
        found.retain(|(path, _)| !made.contains(path) && !known(path));
        self.work.announce(found.len() as u64);
        let items = found.into_iter().map(|(path, bytes)| (bytes, path));
        let gone = AtomicBool::new(false);
        let gone = &gone;
        let copy = |path: String| async move {
            match self.trail.storage().get(&path).await {
                Ok(bytes) => self.create(&path, bytes).await,
                Err(Error::NotFound(_)) => {
                    gone.store(true, Ordering::Relaxed);
                    self.work.passed(0);
                    Ok(())
                }
                Err(e) => Err(e),
            }
        };
        self.work.each(items, PARALLEL_ENTRIES, copy).await?;
        Ok((!gone.load(Ordering::Relaxed)).then_some(loose))
    }

    /// Creates an object that a broken-off run may have left, of this history or of another.
    async fn create_over(&self, path: &str, bytes: Bytes) -> Result<()> {
        match self.place.get(path).await {
            Ok(found) if found == bytes => {
                self.work.passed(bytes.len() as u64);
                Ok(())
            }
            Ok(_) | Err(Error::NotFound(_) | Error::Integrity { .. }) => {
                self.create(path, bytes).await
            }
            Err(e) => Err(e),
        }
    }

    /// Creates an object that the newest statement does not count in.
    pub(super) async fn create(&self, path: &str, bytes: Bytes) -> Result<()> {
        let length = bytes.len() as u64;
        let sealed = self.place.seal(self.place.aad(path), bytes.clone()).await?;
        let at = sealed_path(path);
        if self.place.storage.put_create(&at, sealed.clone()).await? == Create::Exists {
            match self.place.get(path).await {
                Ok(found) if found == bytes => {
                    self.note(path);
                    self.work.passed(length);
                    return Ok(());
                }
                _ if self.counts(path) => {
                    let message = "the copy has another object, and nothing is overwritten";
                    return Err(Error::integrity(at, message));
                }
                // Left by a run that was broken off, of a history that is none or not whole.
                _ => {
                    self.place.delete(path).await?;
                    self.place.storage.put_create(&at, sealed).await?;
                }
            }
        }
        self.note(path);
        self.work.done(length);
        Ok(())
    }

    /// Copies live segments and their sidecars; `false` if some are live no more.
    async fn copy_segments(&self, ledger: &Ledger) -> Result<bool> {
        let mut missing = Vec::new();
        let made = self.made().clone();
        for segment in &ledger.state().segments {
            for named in Named::of(segment) {
                match self.there.segments.get(&named.path) {
                    _ if made.contains(&named.path) || self.is_lost(&named.path) => {}
                    Some(length) if *length == sealed_len(named.bytes) => {}
                    Some(_) => {
                        let message = "the copy's object has not the length that it must have; a \
                                       run that repairs puts it anew";
                        return Err(Error::integrity(sealed_path(&named.path), message));
                    }
                    None => missing.push((named.bytes, (Arc::clone(segment), named))),
                }
            }
        }
        self.work.announce(missing.len() as u64);
        let replaced = AtomicBool::new(false);
        let replaced = &replaced;
        let copy = |(segment, named): (Arc<AddedSegment>, Named)| async move {
            let bytes = match self.trail.store_of(&segment)?.get(&named.path).await {
                Err(Error::NotFound(_)) if !self.is_live(&segment.path).await? => {
                    replaced.store(true, Ordering::Relaxed);
                    self.work.passed(0);
                    return Ok(());
                }
                Err(Error::NotFound(_)) => {
                    return Err(Error::integrity(&named.path, "the trail has lost it"));
                }
                other => other?,
            };
            named.check(&bytes).await?;
            self.create(&named.path, bytes).await
        };
        self.work.each(missing, self.work.parallel, copy).await?;
        Ok(!replaced.load(Ordering::Relaxed))
    }

    pub(super) async fn is_live(&self, path: &str) -> Result<bool> {
        let ledger = self.trail.refreshed().await?;
        Ok(ledger.state().segments.iter().any(|segment| segment.path == path))
    }

    /// Copies the entries before `size`, each after the snapshot that it names.
    async fn copy_entries(&self, size: u64) -> Result<()> {
        let (there, known) = (&self.there.entries, self.last_size());
        // What a broken-off run left may be of another history.
        let missing = |n: &u64| {
            let here = *n < known && there.binary_search(n).is_ok();
            !here && !self.is_lost(&entry_path(*n))
        };
        self.work.announce((0..size).filter(missing).count() as u64);
        let items = (0..size).filter(missing).map(|n| (0, n));
        let copy = |n: u64| async move {
            let bytes = self.trail.storage().get(&entry_path(n)).await?;
            if may_name_snapshot(&bytes)
                && let Ok(entry) = Entry::parse(&bytes)
                && entry.body.snapshot.is_some()
            {
                self.copy_snapshot(n).await?;
            }
            match there.binary_search(&n) {
                Ok(_) => self.create_over(&entry_path(n), bytes).await,
                Err(_) => self.create(&entry_path(n), bytes).await,
            }
        };
        self.work.each(items, PARALLEL_ENTRIES, copy).await
    }

    async fn copy_snapshot(&self, n: u64) -> Result<()> {
        match self.trail.storage().get(&snapshot_path(n)).await {
            Ok(bytes) => {
                self.work.announce(1);
                self.create(&snapshot_path(n), bytes).await
            }
            // Verification tells of it; nothing else needs it.
            Err(Error::NotFound(_)) => Ok(()),
            Err(e) => Err(e),
        }
    }

    /// Says what the copy is complete up to, if that is anything new.
    async fn state(
        &self,
        ledger: &Ledger,
        hints: BTreeMap<String, Bytes>,
        loose: BTreeSet<String>,
    ) -> Result<Statement> {
        self.work.demand_go()?;
        let state = ledger.state();
        let head = Head {
            bytes: state.segments.iter().map(|segment| segment.bytes).sum(),
            holder: self.place.about.holder.clone(),
            n: self.next,
            records: state.rows,
            root: HEXLOWER.encode(&state.root()),
            segments: state.segments.len() as u64,
            size: state.size(),
            time: time_text(now_micros()),
            trail_id: self.place.about.trail_id.clone(),
            v: 1,
        };
        let statement = Statement { head, hints, loose };
        let newest = |last: &&Statement| last.head.n + 1 == self.next && last.says(&statement);
        if let Some(last) = self.last.as_ref().filter(newest) {
            return Ok(last.clone());
        }
        match self.place.state(&statement).await? {
            true => Ok(statement),
            false => {
                let message = "another run made a statement about the copy meanwhile; try again";
                Err(Error::AlreadyExists(message.to_owned()))
            }
        }
    }

    /// Removes from the copy the segments and sidecars that the ledger says are gone: of those that
    /// were there before the ledger was read, the ones that are neither live nor retired.
    async fn remove_swept(&self, state: &State) -> Result<u64> {
        let live: HashSet<&str> = state.segments.iter().map(|s| s.path.as_str()).collect();
        let retired = &state.lifecycle.retired;
        let mut removed = 0;
        for path in self.there.segments.keys() {
            let segment = path.strip_suffix(".gone").unwrap_or(path);
            if !live.contains(segment) && !retired.contains_key(segment) {
                self.work.demand_go()?;
                self.place.delete(path).await?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}
