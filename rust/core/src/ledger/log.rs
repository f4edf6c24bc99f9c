//! Reading the ledger out of a store, and following it.

use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};

use super::entry::Entry;
use super::signed::{Read, Signers};
use super::state::{DueSnapshot, State};
use super::{resume, snapshot};
use crate::merkle::{self, Accumulator, Hash};
use crate::storage::Storage;
use crate::{Error, Result};

/// Path of the hint that holds the newest checkpoint.
pub const CHECKPOINT_HINT: &str = "checkpoint";
/// Path of the hint that holds the newest heartbeat.
pub const HEARTBEAT: &str = "heartbeat";
pub(crate) const FOLDER: &str = "ledger";
const PARALLEL_READS: usize = 64;
/// Entries that are parsed at a time.
const FOLDED_AT_ONCE: usize = 4096;

/// Path of entry `n` within the trail.
pub fn entry_path(n: u64) -> String {
    format!("ledger/{n:020}.json")
}

/// A ledger as far as it has been read.
#[derive(Debug, Clone)]
pub struct Ledger {
    storage: Storage,
    state: Arc<State>,
    leaves: Arc<Vec<Hash>>,
}

impl Ledger {
    /// Reads a ledger: from its newest usable snapshot on, else from its first entry.
    ///
    /// # Errors
    /// `NotFound` if there is none, `Integrity` if an entry is missing or the first one does not
    /// hold. With a snapshot, earlier entries are not looked at.
    pub async fn open(storage: Storage) -> Result<Self> {
        let mut ledger = match resume::newest(&storage).await {
            Some(ledger) => ledger,
            None => Self::read_all(storage).await?,
        };
        ledger.refresh().await?;
        Ok(ledger)
    }

    /// Reads every entry.
    pub(crate) async fn read_all(storage: Storage) -> Result<Self> {
        let mut ledger = Self::empty(storage);
        let objects = ledger.all_objects().await?;
        ledger.fold(&objects)?;
        Ok(ledger)
    }

    /// The objects of all slots.
    pub(super) async fn all_objects(&self) -> Result<Vec<Bytes>> {
        let storage = &self.storage;
        let mut numbers = storage.pick_after(FOLDER, FOLDER, entry_number).await?;
        numbers.sort_unstable();
        if numbers.is_empty() {
            let message =
                format!("{} holds no trail; make one with `sealtrail init`", storage.url());
            return Err(Error::NotFound(message));
        }
        if let Some(missing) = (0..).zip(&numbers).find(|(n, found)| n != *found) {
            let message = "the entry is missing although later ones exist";
            return Err(Error::integrity(entry_path(missing.0), message));
        }
        fetch(storage, 0..numbers.len() as u64).await
    }

    /// Of no entries yet.
    pub(super) fn empty(storage: Storage) -> Self {
        Self::from_parts(storage, State::default(), Vec::new())
    }

    pub(super) fn from_parts(storage: Storage, state: State, leaves: Vec<Hash>) -> Self {
        Self { storage, state: Arc::new(state), leaves: Arc::new(leaves) }
    }

    /// State and leaves as of the newest usable snapshot that an entry before `size` names.
    pub(crate) async fn at_snapshot(storage: &Storage, size: u64) -> Option<(State, Vec<Hash>)> {
        let ledger = resume::before(storage, size).await?;
        Some((Arc::unwrap_or_clone(ledger.state), Arc::unwrap_or_clone(ledger.leaves)))
    }

    /// The file of a snapshot as of now, for the next entry to name.
    ///
    /// # Errors
    /// `Encoding`, or `Integrity` if no trail is described.
    pub(crate) fn snapshot(&self, due: DueSnapshot) -> Result<Bytes> {
        snapshot::write(&self.state, &self.leaves, due).map(Bytes::from)
    }

    /// The trail as of the newest entry read.
    pub fn state(&self) -> &Arc<State> {
        &self.state
    }

    /// Where the ledger is.
    pub fn storage(&self) -> &Storage {
        &self.storage
    }

    /// Reads entries that came since.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn refresh(&mut self) -> Result<()> {
        loop {
            match self.storage.get(&entry_path(self.state.size())).await {
                Ok(bytes) => self.fold(&[bytes]).map(drop)?,
                Err(Error::NotFound(_)) => return Ok(()),
                Err(e) => return Err(e),
            }
        }
    }

    /// The ledger as of its first `size` objects.
    ///
    /// # Errors
    /// `NotFound` if it has fewer; `Integrity` if the first one does not hold; `Io` or `Store`.
    pub(crate) async fn open_at(storage: Storage, size: u64) -> Result<Self> {
        let known = resume::before(&storage, size).await;
        let mut ledger = known.unwrap_or_else(|| Self::empty(storage));
        let objects = fetch(&ledger.storage, ledger.state.size()..size).await?;
        ledger.fold(&objects)?;
        Ok(ledger)
    }

    /// Reads the next object, if there is one: its entry, `None` where that has no effect.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(crate) async fn next_entry(&mut self) -> Result<Option<Option<Entry>>> {
        let n = self.state.size();
        let bytes = match self.storage.get(&entry_path(n)).await {
            Ok(bytes) => bytes,
            Err(Error::NotFound(_)) => return Ok(None),
            Err(e) => return Err(e),
        };
        let read = Read::of(&bytes);
        Arc::make_mut(&mut self.leaves).push(read.leaf);
        match Arc::make_mut(&mut self.state).apply_read(read, |_, _| {}) {
            Ok(entry) => Ok(Some(Some(entry))),
            Err(e) if n == 0 => Err(Error::integrity(entry_path(0), e.to_string())),
            Err(_) => Ok(Some(None)),
        }
    }

    /// Root of the tree over the first `size` objects, `None` if there are fewer.
    pub fn root_at(&self, size: u64) -> Option<Hash> {
        if size == self.state.size() {
            return Some(self.state.root());
        }
        let leaves = self.leaves.get(..usize::try_from(size).ok()?)?;
        Some(Accumulator::of(leaves).root())
    }

    /// Leaf of object `n`, `None` if there are not so many.
    pub(crate) fn leaf(&self, n: u64) -> Option<Hash> {
        self.leaves.get(usize::try_from(n).ok()?).copied()
    }

    /// Audit paths of these objects in the tree over the first `size`, `None` if there are fewer.
    pub(crate) fn paths(&self, numbers: &[u64], size: u64) -> Option<Vec<Vec<Hash>>> {
        let leaves = self.leaves.get(..usize::try_from(size).ok()?)?;
        let indexes: Result<Vec<usize>, _> = numbers.iter().map(|&n| n.try_into()).collect();
        merkle::inclusion_proofs(leaves, &indexes.ok()?)
    }

    /// The proof that the tree over the first `new` objects begins with that over the first `old`,
    /// `None` if there are fewer.
    pub(crate) fn consistency(&self, old: u64, new: u64) -> Option<Vec<Hash>> {
        let leaves = self.leaves.get(..usize::try_from(new).ok()?)?;
        merkle::consistency_proof(leaves, usize::try_from(old).ok()?)
    }

    /// Folds further objects and tells how many are valid entries. The others have no effect, and
    /// `verify` reports them; but without a valid entry 0 there is no trail.
    pub(super) fn fold(&mut self, objects: &[Bytes]) -> Result<usize> {
        let state = Arc::make_mut(&mut self.state);
        let leaves = Arc::make_mut(&mut self.leaves);
        let mut signers = Signers::of(state);
        let mut valid = 0;
        for some in objects.chunks(FOLDED_AT_ONCE) {
            for read in signers.read(some) {
                let n = state.size();
                leaves.push(read.leaf);
                match state.apply_read(read, |_, _| {}) {
                    Ok(_) => valid += 1,
                    Err(e) if n == 0 => return Err(Error::integrity(entry_path(0), e.to_string())),
                    Err(_) => {}
                }
            }
        }
        Ok(valid)
    }
}

/// The objects of these slots.
pub(super) async fn fetch(storage: &Storage, numbers: std::ops::Range<u64>) -> Result<Vec<Bytes>> {
    let gets: Vec<_> = numbers.map(|n| get(storage.clone(), entry_path(n))).collect();
    stream::iter(gets).buffered(PARALLEL_READS).try_collect().await
}

async fn get(storage: Storage, path: String) -> Result<Bytes> {
    storage.get(&path).await
}

/// Number of the entry at `path`, if it is the path of one.
pub(crate) fn entry_number(path: &str) -> Option<u64> {
    let digits = path.strip_prefix("ledger/")?.strip_suffix(".json")?;
    (digits.len() == 20).then(|| digits.parse().ok()).flatten()
}
