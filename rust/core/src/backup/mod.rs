//! The second copy of a trail: another store, sealed under a key of its own (FORMAT section 19).
//!
//! [`Trail::backup`](crate::trail::Trail::backup) brings it up to date, [`verify`] checks it without
//! the trail, [`restore`] makes the trail anew from it, and [`inspect`] says what can be said of it
//! without its key.

mod begin;
mod erasures;
mod forget;
mod inspect;
mod place;
mod repair;
mod restore;
mod run;
mod statement;
mod store;
mod there;
mod told;
mod verify;
mod work;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::keys::MasterKey;
use crate::ledger::is_copy;
use crate::segment::canonical;
use crate::storage::Storage;

pub use forget::{Forgetting, KnownCopy};
pub use inspect::{Inspection, inspect};
pub use repair::Mended;
pub use restore::{RestoreOptions, RestoreReport, restore};
pub use told::{Doer, Recorded, record_restore};
pub use verify::{CopyReport, verify};

/// Folder of a trail in which its copies are named.
pub(crate) const COPIES: &str = "copies";

/// How a copy is brought up to date.
#[derive(Clone)]
pub struct BackupOptions {
    /// Where the copy is: a folder or URL of its own.
    pub destination: String,
    /// The key that its data key is wrapped with.
    pub key: Arc<MasterKey>,
    /// Objects that are copied at a time; 0 for 8.
    pub parallel: usize,
    /// Bytes of objects that are in memory at a time; a larger object is alone. 0 for 256 MiB.
    pub memory: u64,
    /// Read every object of the copy, and put those anew that are damaged or missing.
    pub repair: bool,
    /// Told now and then.
    pub progress: Option<Arc<dyn Fn(BackupProgress) + Send + Sync>>,
    /// Set it to stop; the next run goes on.
    pub cancel: Arc<AtomicBool>,
}

impl BackupOptions {
    /// With the usual limits.
    pub fn new(destination: &str, key: Arc<MasterKey>) -> Self {
        Self {
            destination: destination.to_owned(),
            key,
            parallel: 0,
            memory: 0,
            repair: false,
            progress: None,
            cancel: Arc::default(),
        }
    }
}

impl std::fmt::Debug for BackupOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BackupOptions")
            .field("destination", &self.destination)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// How far a run, a verification or a restore of a copy is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BackupProgress {
    /// Objects done.
    pub objects: u64,
    /// Objects to do, as far as is known by now.
    pub of_objects: u64,
    /// Bytes of the objects done, as the trail has them.
    pub bytes: u64,
}

/// What a run did, and what the copy is complete up to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct BackupReport {
    /// The copy's name, under which it is a holder of keys.
    pub holder: String,
    /// The copy has the ledger's first `size` entries and all that belongs to them.
    pub size: u64,
    /// Hex root of the tree over them.
    pub root: String,
    /// Number of the statement that says so.
    pub statement: u64,
    /// Records of the live segments then.
    pub records: u64,
    /// Objects that were copied.
    pub objects: u64,
    /// Their bytes, as the trail has them.
    pub bytes: u64,
    /// Objects of removed segments that went from the copy.
    pub removed: u64,
    /// Keys of erased subjects that were destroyed in the copy.
    pub destroyed: u64,
    /// Erasures that the copy has confirmed by this run.
    pub confirmed: u64,
    /// Erasures that it could not confirm, because this host has neither the owner's key nor a
    /// writer.
    pub unconfirmed: u64,
    /// Objects of the copy that were read to find damage: with [`BackupOptions::repair`] only.
    pub checked: u64,
    /// Objects of the copy that were damaged or missing, and were put anew from the trail.
    pub mended: Vec<Mended>,
    /// Those that could not be, because the trail has not what it must be either. While an entry
    /// or a segment is among them, the copy stays complete up to where it was.
    pub lost: Vec<Mended>,
    /// Something was copied that is no record of an earlier run.
    #[serde(skip)]
    news: bool,
}

/// `copies/<holder>.json`: a copy that may hold keys of subjects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Marker {
    /// Number of entries when the copy was begun.
    pub(crate) from: u64,
    pub(crate) holder: String,
    pub(super) made: String,
    pub(super) url: String,
    v: u32,
}

impl Marker {
    fn new(from: u64, holder: &str, url: &str) -> Self {
        let made = crate::trail::time_text(crate::trail::now_micros());
        Self { from, holder: holder.to_owned(), made, url: url.to_owned(), v: 1 }
    }

    fn path(holder: &str) -> String {
        format!("{COPIES}/{holder}.json")
    }

    fn to_bytes(&self) -> Result<Vec<u8>> {
        canonical(self)
    }
}

/// Lets another master key open a copy, too: for who changes it. The old one opens it as before,
/// until its object below `keys/` is removed from the copy.
///
/// # Errors
/// `NotFound` if there is no copy, `Key` if `key` is not its key, `Io`, `Store`.
pub async fn add_key(destination: &str, key: &MasterKey, new: &MasterKey) -> Result<()> {
    place::Place::open(Storage::open(destination)?, key).await?.add_master(new).await
}

/// Whether an object of a trail is the name of a copy.
pub(crate) fn is_marker(path: &str) -> bool {
    let name = path.strip_prefix(COPIES).and_then(|rest| rest.strip_prefix('/'));
    name.and_then(|name| name.strip_suffix(".json")).is_some_and(is_copy)
}

/// The copies that a trail knows of.
///
/// # Errors
/// `Io`, `Store`; `Integrity` for a name of a copy that cannot be read.
pub(crate) async fn markers(storage: &Storage) -> Result<Vec<Marker>> {
    let mut markers = Vec::new();
    for (path, _) in storage.list(COPIES).await? {
        if is_marker(&path) {
            markers.push(place::parse(&storage.get(&path).await?, &path)?);
        }
    }
    Ok(markers)
}
