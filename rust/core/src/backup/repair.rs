//! Damaged and missing objects of a copy, put anew from the trail. Nothing that holds is replaced:
//! an object goes only after it did not open or was not what the ledger names, and only when the
//! trail's bytes are what the ledger names.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use data_encoding::HEXLOWER;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::place::{DESCRIPTION, Description, Place, describe, load_key, sealed_path};
use super::run::Run;
use super::statement::{Statement, numbers, path_of};
use super::work::Named;
use super::{erasures, markers};
use crate::keys::MasterKey;
use crate::ledger::{
    Entry, Ledger, SnapshotRef, State, TrailInfo, cosigned, entry_number, entry_path, snapshot_path,
};
use crate::merkle::leaf_hash;
use crate::segment::canonical;
use crate::storage::Storage;
use crate::trail::{TRAIL_FILE, Trail};
use crate::{Error, Result};

const PARALLEL_ENTRIES: usize = 32;
const MISSING: &str = "it is missing";

/// An object of a copy that was damaged or missing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Mended {
    /// Its path in the copy.
    pub object: String,
    /// What was wrong with it.
    pub problem: String,
    /// Why it could not be put anew; absent if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What a run that mends has found.
#[derive(Debug, Clone, Default)]
pub(super) struct Mending {
    pub(super) checked: u64,
    pub(super) done: Vec<Mended>,
    pub(super) lost: Vec<Mended>,
    /// Statements after the newest that holds, and what is wrong with them.
    false_statements: Vec<(u64, String)>,
}

/// What was found, in the order of the objects.
pub(super) fn taken(mending: &Mutex<Mending>) -> Mending {
    let mut mending = mending.lock().unwrap_or_else(PoisonError::into_inner).clone();
    mending.done.sort();
    mending.lost.sort();
    mending
}

/// Puts what the copy says of itself anew, if that is missing or is not so: the trail knows the
/// names of its copies, and the key that the copy has opens under its own name only.
pub(super) async fn description(
    storage: &Storage,
    master: &MasterKey,
    trail: &Trail,
) -> Result<Option<Mended>> {
    let found = match describe(storage).await {
        Err(e @ (Error::NotFound(_) | Error::Integrity { .. })) => Err(e),
        other => Ok(other?),
    };
    let info = trail.info();
    for marker in markers(trail.storage()).await? {
        let about = Description {
            created: marker.made,
            holder: marker.holder,
            origin: info.origin.clone(),
            trail_id: info.trail_id.clone(),
            v: 1,
        };
        match load_key(storage, &about, master).await {
            Ok(_) => {}
            Err(Error::NotFound(_) | Error::Key(_) | Error::Integrity { .. }) => continue,
            Err(e) => return Err(e),
        }
        let problem = match &found {
            Ok(here) if Description { created: here.created.clone(), ..about.clone() } == *here => {
                return Ok(None);
            }
            Ok(_) => "it names another copy".to_owned(),
            Err(Error::NotFound(_)) => MISSING.to_owned(),
            Err(e) => e.to_string(),
        };
        storage.delete(DESCRIPTION).await?;
        storage.put_create(DESCRIPTION, Bytes::from(canonical(&about)?)).await?;
        return Ok(Some(Mended { object: DESCRIPTION.to_owned(), problem, why: None }));
    }
    Ok(None)
}

/// The newest statement that holds.
pub(super) async fn newest(place: &Place, mending: &mut Mending) -> Result<Option<Statement>> {
    for n in numbers(&place.storage).await?.into_iter().rev() {
        match place.statement(n).await {
            Ok(statement) => return Ok(Some(statement)),
            Err(Error::Integrity { message, .. }) => mending.false_statements.push((n, message)),
            Err(Error::NotFound(_)) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(None)
}

/// The trail's bytes, if they are what they must be; otherwise why not.
type Source = std::result::Result<Bytes, &'static str>;

const LOST: &str = "the trail has lost it, too";
const CHANGED: &str = "the trail's bytes are not what was signed, either";

impl Run<'_> {
    /// Reads every object that the newest statement and the ledger count in, and puts those anew
    /// that are not what they must be.
    pub(super) async fn mend(&self, ledger: &Ledger) -> Result<()> {
        let Some(mending) = &self.mending else { return Ok(()) };
        // Another look at the ledger finds nothing new in what was read.
        if mending.lock().unwrap_or_else(PoisonError::into_inner).checked > 0 {
            return Ok(());
        }
        let counted = self.mend_entries(ledger).await?;
        self.mend_segments(ledger, &counted).await?;
        self.mend_loose(ledger.state()).await
    }

    /// Whether an object could not be mended.
    pub(super) fn is_lost(&self, path: &str) -> bool {
        let object = sealed_path(path);
        self.mending.as_ref().is_some_and(|mending| {
            let mending = mending.lock().unwrap_or_else(PoisonError::into_inner);
            mending.lost.iter().any(|lost| lost.object == object)
        })
    }

    /// An object without which no new statement would hold.
    pub(super) fn needed_and_lost(&self) -> Option<String> {
        let mending = self.mending.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
        let needed = |object: &str| {
            let path = object.strip_prefix(&sealed_path("")).unwrap_or_default();
            entry_number(path).is_some() || path.starts_with("segments/") || path == TRAIL_FILE
        };
        mending.lost.iter().map(|lost| lost.object.clone()).find(|object| needed(object))
    }

    /// A statement that does not hold stands for nothing once there is a newer one.
    pub(super) async fn remove_false_statements(&self) -> Result<()> {
        let Some(mending) = &self.mending else { return Ok(()) };
        let of = |m: &mut Mending| std::mem::take(&mut m.false_statements);
        let gone = of(&mut mending.lock().unwrap_or_else(PoisonError::into_inner));
        for (n, problem) in gone {
            self.place.storage.delete(&path_of(n)).await?;
            let mended = Mended { object: path_of(n), problem, why: None };
            mending.lock().unwrap_or_else(PoisonError::into_inner).done.push(mended);
        }
        Ok(())
    }

    /// The object as the copy has it, or what is wrong with it.
    async fn look(&self, path: &str) -> Result<std::result::Result<Bytes, String>> {
        if let Some(mending) = &self.mending {
            mending.lock().unwrap_or_else(PoisonError::into_inner).checked += 1;
        }
        match self.place.get(path).await {
            Ok(bytes) => Ok(Ok(bytes)),
            Err(Error::NotFound(_)) => Ok(Err(MISSING.to_owned())),
            Err(Error::Integrity { message, .. }) => Ok(Err(message)),
            Err(e) => Err(e),
        }
    }

    async fn mend_one(&self, path: &str, problem: String, source: Source) -> Result<()> {
        let object = sealed_path(path);
        let why = match source {
            Ok(bytes) => {
                let length = bytes.len() as u64;
                let sealed = self.place.seal(self.place.aad(path), bytes.clone()).await?;
                self.place.delete(path).await?;
                self.place.storage.put_create(&object, sealed).await?;
                if self.place.get(path).await? != bytes {
                    return Err(Error::integrity(object, "it was put anew, and is damaged again"));
                }
                self.note(path);
                self.work.announce(1);
                self.work.done(length);
                None
            }
            Err(why) => Some(why.to_owned()),
        };
        if let Some(mending) = &self.mending {
            let mut mending = mending.lock().unwrap_or_else(PoisonError::into_inner);
            let list = if why.is_none() { &mut mending.done } else { &mut mending.lost };
            list.push(Mended { object, problem, why });
        }
        Ok(())
    }

    /// Mends the entries that the newest statement counts in, and their snapshots. Gives the paths
    /// of live segments that they name and that are not in the copy.
    async fn mend_entries(&self, ledger: &Ledger) -> Result<HashSet<String>> {
        let live = ledger.state().segments.iter().flat_map(|segment| Named::of(segment));
        let absent = live.map(|named| named.path);
        let absent: HashSet<String> =
            absent.filter(|path| !self.there.segments.contains_key(path)).collect();
        let counted = Mutex::new(HashSet::new());
        let (absent, found) = (&absent, &counted);
        let mend = |n: u64| async move {
            let path = entry_path(n);
            let fits = |bytes: &Bytes| Some(leaf_hash(bytes)) == ledger.leaf(n);
            let problem = match self.look(&path).await? {
                Ok(bytes) if fits(&bytes) => {
                    self.mend_snapshot(n, &bytes).await?;
                    note_adds(&bytes, absent, found);
                    return Ok(());
                }
                Ok(_) => "it is not the entry of the ledger".to_owned(),
                Err(problem) => problem,
            };
            let source = self.source(self.trail.storage(), &path).await?;
            let source = source.and_then(|b| if fits(&b) { Ok(b) } else { Err(CHANGED) });
            if let Ok(bytes) = &source {
                self.mend_snapshot(n, bytes).await?;
                note_adds(bytes, absent, found);
            }
            self.mend_one(&path, problem, source).await
        };
        let known = self.last_size();
        self.work.each((0..known).map(|n| (0, n)), PARALLEL_ENTRIES, mend).await?;
        Ok(counted.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    async fn mend_snapshot(&self, n: u64, entry: &[u8]) -> Result<()> {
        let Some(named) = snapshot_of(entry) else { return Ok(()) };
        let path = snapshot_path(n);
        let fits = |bytes: &Bytes| {
            bytes.len() as u64 == named.bytes
                && HEXLOWER.encode(&Sha256::digest(bytes)) == named.sha256
        };
        let problem = match self.look(&path).await? {
            Ok(bytes) if fits(&bytes) => return Ok(()),
            Ok(_) => "it is not the snapshot that the ledger names".to_owned(),
            Err(problem) => problem,
        };
        let source = self.source(self.trail.storage(), &path).await?;
        if source.is_err() && problem == MISSING {
            // The copy lacks it where the trail did.
            return Ok(());
        }
        let source = source.and_then(|b| if fits(&b) { Ok(b) } else { Err(CHANGED) });
        self.mend_one(&path, problem, source).await
    }

    /// Mends the live segments that are in the copy, or should be.
    async fn mend_segments(&self, ledger: &Ledger, counted: &HashSet<String>) -> Result<()> {
        let mut items = Vec::new();
        for segment in &ledger.state().segments {
            for named in Named::of(segment) {
                if self.there.segments.contains_key(&named.path) || counted.contains(&named.path) {
                    items.push((named.bytes, (self.trail.store_of(segment)?, named)));
                }
            }
        }
        let mend = |(store, named): (Storage, Named)| async move {
            let problem = match self.look(&named.path).await? {
                Ok(bytes) => match named.check(&bytes).await {
                    Ok(()) => return Ok(()),
                    Err(Error::Integrity { message, .. }) => message,
                    Err(e) => return Err(e),
                },
                Err(problem) => problem,
            };
            let mut source = self.source(&store, &named.path).await?;
            if let Ok(bytes) = &source {
                match named.check(bytes).await {
                    Ok(()) => {}
                    Err(Error::Integrity { .. }) => source = Err(CHANGED),
                    Err(e) => return Err(e),
                }
            } else if !self.is_live_object(&named.path).await? {
                // It was replaced meanwhile, and is not needed any more.
                return Ok(());
            }
            self.mend_one(&named.path, problem, source).await
        };
        self.work.each(items, self.work.parallel, mend).await
    }

    async fn is_live_object(&self, path: &str) -> Result<bool> {
        self.is_live(path.strip_suffix(".gone").unwrap_or(path)).await
    }

    /// Mends what no entry names. The ledger does not say what it is, so what opens counts, and
    /// of the trail's what has the form of such an object.
    async fn mend_loose(&self, state: &State) -> Result<()> {
        let Some(last) = &self.last else { return Ok(()) };
        let erased = erasures::erased(state);
        let due = last.loose.iter().filter(|path| !erasures::is_erased(&erased, path));
        let mend = |path: String| async move {
            let problem = match self.look(&path).await? {
                Ok(_) => return Ok(()),
                Err(problem) => problem,
            };
            let source = self.source(self.trail.storage(), &path).await?;
            let fits = |bytes: &Bytes| has_form(&path, bytes, self.trail.info());
            let source = source.and_then(|b| if fits(&b) { Ok(b) } else { Err(CHANGED) });
            self.mend_one(&path, problem, source).await
        };
        self.work.each(due.map(|path| (0, path.clone())), PARALLEL_ENTRIES, mend).await
    }

    async fn source(&self, store: &Storage, path: &str) -> Result<Source> {
        match store.get(path).await {
            Ok(bytes) => Ok(Ok(bytes)),
            Err(Error::NotFound(_)) => Ok(Err(LOST)),
            Err(e) => Err(e),
        }
    }
}

fn snapshot_of(entry: &[u8]) -> Option<SnapshotRef> {
    if !crate::ledger::may_name_snapshot(entry) {
        return None;
    }
    Entry::parse(entry).ok()?.body.snapshot
}

/// Which of these objects an entry names.
fn note_adds(entry: &[u8], absent: &HashSet<String>, found: &Mutex<HashSet<String>>) {
    if absent.is_empty() {
        return;
    }
    let Ok(entry) = Entry::parse(entry) else { return };
    let adds = entry.body.adds.iter().flatten().flat_map(Named::of).map(|named| named.path);
    let adds = adds.filter(|path| absent.contains(path));
    found.lock().unwrap_or_else(PoisonError::into_inner).extend(adds);
}

/// Whether these can be the bytes of an object that no entry names.
fn has_form(path: &str, bytes: &Bytes, info: &TrailInfo) -> bool {
    if path == TRAIL_FILE {
        return serde_json::from_slice::<TrailInfo>(bytes).is_ok_and(|found| found == *info);
    }
    if let Some(size) = cosigned::size_of(path) {
        return std::str::from_utf8(bytes).is_ok_and(|note| cosigned::path(size, note) == path);
    }
    serde_json::from_slice::<serde_json::Value>(bytes).is_ok()
}
