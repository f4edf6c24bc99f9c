//! How far an export has come, so that it goes on there after a crash.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sealtrail_core::evidence::FileItem;
use sealtrail_core::storage::durable::{self, Access};
use sealtrail_core::{Error, Result};
use serde::{Deserialize, Serialize};

use super::output::with_suffix;

/// How often it is written down.
const EVERY: Duration = Duration::from_secs(1);

/// What is written, and from what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    /// Hex SHA-256 of all that was asked for.
    pub(super) asked: String,
    /// Length of the file of records.
    pub(super) bytes: u64,
    pub(super) counts: BTreeMap<String, u64>,
    /// Segments that are done.
    pub(super) done: usize,
    /// Files of events that are whole.
    pub(super) files: Vec<FileItem>,
    /// Parts of the file of rows that are whole.
    pub(super) parts: u64,
    /// Length of the file of proofs.
    pub(super) proofs: u64,
    pub(super) records: u64,
    /// Number of ledger entries.
    pub(super) size: u64,
    pub(super) v: u32,
}

impl State {
    /// Nothing is written yet.
    pub(super) fn begin(asked: String, size: u64) -> Self {
        Self {
            asked,
            bytes: 0,
            counts: BTreeMap::new(),
            done: 0,
            files: Vec::new(),
            parts: 0,
            proofs: 0,
            records: 0,
            size,
            v: 2,
        }
    }
}

/// The file that it is kept in, beside the export until that is done.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    path: PathBuf,
    last: Instant,
}

impl Kept {
    pub(super) fn of(target: &Path) -> Self {
        Self { path: with_suffix(target, ".progress"), last: Instant::now() }
    }

    /// What was written down, if it is of the same question.
    pub(super) fn load(&self, asked: &str) -> Result<Option<State>> {
        let bytes = match durable::read(&self.path) {
            Ok(bytes) => bytes,
            Err(Error::NotFound(_)) => return Ok(None),
            Err(e) => return Err(e),
        };
        let state: Option<State> = serde_json::from_slice(&bytes).ok();
        Ok(state.filter(|state| state.v == 2 && state.asked == asked))
    }

    /// Whether it is time to write it down.
    pub(super) fn is_due(&self) -> bool {
        // Tests cut exports short after any segment, and not after a second.
        cfg!(test) || self.last.elapsed() >= EVERY
    }

    pub(super) fn save(&mut self, state: &State) -> Result<()> {
        let bytes = serde_json::to_vec(state).map_err(|e| Error::encoding("progress", e))?;
        durable::replace(&self.path, &bytes, Access::Private)?;
        self.last = Instant::now();
        Ok(())
    }

    pub(super) fn remove(&self) -> Result<()> {
        durable::remove(&self.path)
    }
}
