//! The files that a moment of the trail consists of.

use std::sync::Arc;

use data_encoding::HEXLOWER;
use futures::{StreamExt, TryStreamExt};
use sha2::{Digest, Sha256};

use super::ReadView;
use crate::ledger::AddedSegment;
use crate::storage::Storage;
use crate::{Error, Result};

/// Files read at a time.
const AT_ONCE: usize = 4;

impl ReadView {
    /// Reads every segment, and compares its length and SHA-256 with the ledger's.
    ///
    /// # Errors
    /// `Integrity` for a file that is missing or is another one; `Io` or `Store`.
    pub async fn check_files(&self, storage: &Storage) -> Result<()> {
        let checks: Vec<_> = self
            .segments()
            .iter()
            .map(|segment| check_file(storage.clone(), Arc::clone(segment)))
            .collect();
        futures::stream::iter(checks).buffer_unordered(AT_ONCE).try_collect().await
    }
}

async fn check_file(storage: Storage, segment: Arc<AddedSegment>) -> Result<()> {
    let bytes = match storage.get(&segment.path).await {
        Err(Error::NotFound(_)) => return Err(Error::integrity(&segment.path, "it is missing")),
        other => other?,
    };
    let hash = tokio::task::spawn_blocking(move || (bytes.len() as u64, Sha256::digest(&bytes)));
    let (length, hash) =
        hash.await.map_err(|e| Error::io(&segment.path, std::io::Error::other(e)))?;
    if length != segment.bytes || HEXLOWER.encode(&hash) != segment.sha256 {
        return Err(Error::integrity(&segment.path, "it is not the file that the ledger names"));
    }
    Ok(())
}
