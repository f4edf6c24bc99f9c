//! A trail made anew from its copy.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use data_encoding::HEXLOWER;
use serde::Serialize;

use super::BackupProgress;
use super::erasures::{erased, is_erased};
use super::place::{Place, anything, sealed_path};
use super::statement::{Statement, path_of};
use super::store::{CopyStore, Damage};
use super::work::{Named, Work};
use crate::archive::Archives;
use crate::keys::MasterKey;
use crate::ledger::{Entry, Ledger, State, entry_path, may_name_snapshot, snapshot_path};
use crate::merkle::{Accumulator, Hash, leaf_hash};
use crate::storage::{Create, Storage};
use crate::subjects::KEYS_FOLDER;
use crate::trail::TRAIL_FILE;
use crate::{Error, Result};

const PARALLEL_ENTRIES: usize = 32;
/// Entries between two looks at what of them is missing.
const AT_ONCE: u64 = 4096;

/// How a trail is restored.
#[derive(Clone)]
pub struct RestoreOptions {
    /// Where the copy is.
    pub copy: String,
    /// Its master key.
    pub key: Arc<MasterKey>,
    /// Where the trail is to be: an empty folder or URL, or one where a restore was broken off.
    pub destination: String,
    /// Folders or URLs of archives by their names in the ledger: what is archived is restored there.
    /// Of others the ledger's policy says where they are.
    pub archives: BTreeMap<String, String>,
    /// Objects at a time; 0 for 8.
    pub parallel: usize,
    /// Bytes of objects that are in memory at a time; 0 for 256 MiB.
    pub memory: u64,
    /// Told now and then.
    pub progress: Option<Arc<dyn Fn(BackupProgress) + Send + Sync>>,
    /// Set it to stop; the next restore to the same place goes on.
    pub cancel: Arc<AtomicBool>,
}

impl RestoreOptions {
    /// With the usual limits.
    pub fn new(copy: &str, key: Arc<MasterKey>, destination: &str) -> Self {
        Self {
            copy: copy.to_owned(),
            key,
            destination: destination.to_owned(),
            archives: BTreeMap::new(),
            parallel: 0,
            memory: 0,
            progress: None,
            cancel: Arc::default(),
        }
    }
}

impl std::fmt::Debug for RestoreOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RestoreOptions")
            .field("copy", &self.copy)
            .field("key", &self.key)
            .field("destination", &self.destination)
            .finish_non_exhaustive()
    }
}

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RestoreReport {
    /// The trail's URL now.
    pub url: String,
    /// The trail's id.
    pub trail_id: String,
    /// Number of ledger entries.
    pub size: u64,
    /// Hex root of the tree over them.
    pub root: String,
    /// When the copy was complete up to here; RFC 3339, UTC. What came later is lost.
    pub complete: String,
    /// Records.
    pub records: u64,
    /// Objects, those that were there from before included.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Keys of erased subjects that were left out.
    pub left_out: u64,
}

/// Makes a trail anew from its copy: all or, if it is stopped, nothing that could be taken for a
/// trail. Each object is checked against the copy's statement and the ledger on its way. Verify the
/// result with the owner's key: the copy's key vouches for the copy, and the owner's for the trail.
///
/// # Errors
/// `AlreadyExists` if the destination holds a trail, `Usage` if it holds anything else; `NotFound`,
/// `Key`; `Integrity` if an object of the copy is missing or is not what it must be;
/// `Interrupted`, `Io`, `Store`. The next restore to the same place goes on.
pub async fn restore(options: &RestoreOptions) -> Result<RestoreReport> {
    let place = Place::open(Storage::open(&options.copy)?, &options.key).await?;
    restore_in(place, Storage::open(&options.destination)?, options).await
}

pub(super) async fn restore_in(
    place: Place,
    to: Storage,
    options: &RestoreOptions,
) -> Result<RestoreReport> {
    let statement = place.newest().await?.ok_or_else(|| {
        Error::NotFound(format!("{}: no run has completed this copy yet", place.storage.url()))
    })?;
    let trail_file = place.get(TRAIL_FILE).await?;
    demand_empty(&to, &trail_file).await?;
    to.probe_create().await?;
    create(&to, TRAIL_FILE, trail_file).await?;
    let statement = Arc::new(statement);
    let damage = Damage::default();
    let storage = CopyStore::storage(&place, &statement, &damage)?;
    let ledger = Ledger::open_at(storage, statement.head.size).await;
    // What does not open reads as empty, so the damage is the better word.
    let damaged = damage.lock().unwrap_or_else(PoisonError::into_inner).pop_first();
    if let Some((path, why)) = damaged {
        return Err(Error::integrity(path, why));
    }
    let ledger = ledger?;
    demand_stated(&statement, ledger.state().size(), ledger.state().root())?;
    let work =
        Work::new(options.parallel, options.memory, options.progress.clone(), &options.cancel);
    let archives = Archives::new(to.clone(), options.archives.clone(), std::env::temp_dir());
    let restore = Restore { place, to, archives, statement, work };
    let left_out = restore.loose(ledger.state()).await?;
    restore.segments(ledger.state()).await?;
    restore.entries().await?;
    let Statement { head, .. } = &*restore.statement;
    let (objects, bytes) = restore.work.counted();
    Ok(RestoreReport {
        url: restore.to.url().to_owned(),
        trail_id: head.trail_id.clone(),
        size: head.size,
        root: head.root.clone(),
        complete: head.time.clone(),
        records: ledger.state().rows,
        objects,
        bytes,
        left_out,
    })
}

/// Nothing is there, or what a restore of this trail left that was broken off.
async fn demand_empty(to: &Storage, trail_file: &Bytes) -> Result<()> {
    match to.get(&entry_path(0)).await {
        Ok(_) => {
            return Err(Error::AlreadyExists(format!("{} already holds a trail", to.url())));
        }
        Err(Error::NotFound(_)) => {}
        Err(e) => return Err(e),
    }
    match to.get(TRAIL_FILE).await {
        Ok(found) if found == *trail_file => return Ok(()),
        Ok(_) => {
            let message = format!("{} holds a part of another trail", to.url());
            return Err(Error::Usage(message));
        }
        Err(Error::NotFound(_)) => {}
        Err(e) => return Err(e),
    }
    match anything(to).await? {
        None => Ok(()),
        Some(path) => Err(Error::Usage(format!(
            "{} is not empty (it has {path}); a trail is restored to a place of its own",
            to.url()
        ))),
    }
}

fn demand_stated(statement: &Statement, size: u64, root: Hash) -> Result<()> {
    if (size, root) == (statement.head.size, statement.root()?) {
        return Ok(());
    }
    let message = format!(
        "the copy's ledger has {size} entries with root {}, and not the {} with root {} that it \
         says it is complete up to",
        HEXLOWER.encode(&root),
        statement.head.size,
        statement.head.root
    );
    Err(Error::integrity(path_of(statement.head.n), message))
}

async fn create(to: &Storage, path: &str, bytes: Bytes) -> Result<()> {
    match to.put_create(path, bytes).await? {
        Create::Created => Ok(()),
        Create::Exists => {
            let message = "something else is there, and nothing is overwritten";
            Err(Error::integrity(format!("{}/{path}", to.url()), message))
        }
    }
}

struct Restore {
    place: Place,
    to: Storage,
    archives: Archives,
    statement: Arc<Statement>,
    work: Work,
}

impl Restore {
    /// Restores an object as the copy has it.
    async fn object(&self, path: &str) -> Result<Bytes> {
        let bytes = match self.place.get(path).await {
            Err(Error::NotFound(_)) => {
                return Err(Error::integrity(sealed_path(path), "it is missing in the copy"));
            }
            other => other?,
        };
        Ok(bytes)
    }

    async fn put(&self, path: &str, bytes: Bytes) -> Result<()> {
        let length = bytes.len() as u64;
        create(&self.to, path, bytes).await?;
        self.work.done(length);
        Ok(())
    }

    /// What no entry names, but for keys of erased subjects: how many those are. Hints may be lost
    /// without harm, so those of an earlier attempt stay.
    async fn loose(&self, state: &State) -> Result<u64> {
        let erased = erased(state);
        for (path, _) in self.to.list(KEYS_FOLDER).await? {
            if is_erased(&erased, &path) {
                // An attempt that was broken off before the erasure brought it.
                self.to.delete(&path).await?;
            }
        }
        let mut left_out = 0;
        let mut paths = Vec::new();
        for path in &self.statement.loose {
            match is_erased(&erased, path) {
                true => left_out += 1,
                false => paths.push((0, path.clone())),
            }
        }
        self.work.announce(paths.len() as u64);
        let copy = |path: String| async move {
            let bytes = self.object(&path).await?;
            self.put(&path, bytes).await
        };
        self.work.each(paths, PARALLEL_ENTRIES, copy).await?;
        for (path, bytes) in &self.statement.hints {
            self.to.put_hint(path, bytes.clone()).await?;
        }
        Ok(left_out)
    }

    async fn segments(&self, state: &State) -> Result<()> {
        self.archives.learn(state);
        let mut items = Vec::new();
        for segment in &state.segments {
            let to = self.archives.store_of(segment)?;
            items.extend(Named::of(segment).map(|named| (named.bytes, (to.clone(), named))));
        }
        self.work.announce(items.len() as u64);
        let copy = |(to, named): (Storage, Named)| async move {
            let bytes = self.object(&named.path).await?;
            named.check(&bytes).await?;
            create(&to, &named.path, bytes).await?;
            self.work.done(named.bytes);
            Ok(())
        };
        self.work.each(items, self.work.parallel, copy).await
    }

    /// All entries but the first, then that one: before there is no trail, and it is there only if
    /// all of them have the root that was stated.
    async fn entries(&self) -> Result<()> {
        let size = self.statement.head.size;
        self.work.announce(size);
        let first = self.object(&entry_path(0)).await?;
        let mut tree = Accumulator::default();
        tree.push(leaf_hash(&first));
        for from in (1..size).step_by(AT_ONCE as usize) {
            let to = size.min(from + AT_ONCE);
            let leaves = Mutex::new(vec![Hash::default(); (to - from) as usize]);
            let found = &leaves;
            let copy = |n: u64| async move {
                let bytes = self.object(&entry_path(n)).await?;
                let at = (n - from) as usize;
                found.lock().unwrap_or_else(PoisonError::into_inner)[at] = leaf_hash(&bytes);
                self.snapshot(n, &bytes).await?;
                self.put(&entry_path(n), bytes).await
            };
            self.work.each((from..to).map(|n| (0, n)), PARALLEL_ENTRIES, copy).await?;
            let leaves = leaves.into_inner().unwrap_or_else(PoisonError::into_inner);
            leaves.into_iter().for_each(|leaf| tree.push(leaf));
        }
        demand_stated(&self.statement, size, tree.root())?;
        self.put(&entry_path(0), first).await
    }

    /// The snapshot that an entry names. The copy lacks it only where the trail did.
    async fn snapshot(&self, n: u64, entry: &[u8]) -> Result<()> {
        let named = may_name_snapshot(entry)
            && Entry::parse(entry).is_ok_and(|entry| entry.body.snapshot.is_some());
        if !named {
            return Ok(());
        }
        match self.place.get(&snapshot_path(n)).await {
            Ok(bytes) => {
                self.work.announce(1);
                self.put(&snapshot_path(n), bytes).await
            }
            Err(Error::NotFound(_)) => Ok(()),
            Err(e) => Err(e),
        }
    }
}
