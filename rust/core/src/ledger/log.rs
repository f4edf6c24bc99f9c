//! Reading the ledger out of a store, and following it.

use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};

use super::state::{Depth, State};
use crate::merkle::{self, Hash};
use crate::storage::Storage;
use crate::{Error, Result};

/// Path of the hint that holds the newest checkpoint.
pub const CHECKPOINT_HINT: &str = "checkpoint";
const PARALLEL_READS: usize = 16;

/// Path of entry `n` within the trail.
pub fn entry_path(n: u64) -> String {
    format!("ledger/{n:020}.json")
}

/// A ledger as far as it has been read.
#[derive(Debug, Clone)]
pub struct Ledger {
    storage: Storage,
    state: Arc<State>,
    leaves: Vec<Hash>,
}

impl Ledger {
    /// Reads a whole ledger.
    ///
    /// # Errors
    /// `NotFound` if there is none, `Integrity` if an entry is missing or the newest one does not
    /// hold.
    pub async fn open(storage: Storage) -> Result<Self> {
        let listed = storage.list("ledger").await?;
        let mut numbers: Vec<u64> =
            listed.iter().filter_map(|(path, _)| entry_number(path)).collect();
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
        let mut ledger = Self { storage, state: Arc::default(), leaves: Vec::new() };
        let objects = ledger.fetch(0..numbers.len() as u64).await?;
        ledger.fold(&objects)?;
        ledger.refresh().await?;
        Ok(ledger)
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
                Ok(bytes) => self.fold(&[bytes])?,
                Err(Error::NotFound(_)) => return Ok(()),
                Err(e) => return Err(e),
            }
        }
    }

    /// Root of the tree over the first `size` objects, `None` if there are fewer.
    pub fn root_at(&self, size: u64) -> Option<Hash> {
        let leaves = self.leaves.get(..usize::try_from(size).ok()?)?;
        Some(merkle::root(leaves))
    }

    async fn fetch(&self, numbers: std::ops::Range<u64>) -> Result<Vec<Bytes>> {
        let gets: Vec<_> = numbers.map(|n| get(self.storage.clone(), entry_path(n))).collect();
        stream::iter(gets).buffered(PARALLEL_READS).try_collect().await
    }

    /// The newest checkpoint vouches for the bytes of all entries before it, so only the last
    /// object's signatures are checked here; `verify` checks all.
    fn fold(&mut self, objects: &[Bytes]) -> Result<()> {
        let state = Arc::make_mut(&mut self.state);
        for (i, bytes) in objects.iter().enumerate() {
            let n = state.size();
            let depth = if i + 1 == objects.len() { Depth::Signatures } else { Depth::Structure };
            let applied = state.apply(bytes, depth);
            self.leaves.push(merkle::leaf_hash(bytes));
            if let (Err(e), true) = (&applied, n == 0) {
                return Err(Error::integrity(entry_path(0), e.to_string()));
            }
            // A slot filled with garbage has no effect; `verify` reports it.
        }
        Ok(())
    }
}

async fn get(storage: Storage, path: String) -> Result<Bytes> {
    storage.get(&path).await
}

/// Number of the entry at `path`, if it is the path of one.
pub(crate) fn entry_number(path: &str) -> Option<u64> {
    let digits = path.strip_prefix("ledger/")?.strip_suffix(".json")?;
    (digits.len() == 20).then(|| digits.parse().ok()).flatten()
}
