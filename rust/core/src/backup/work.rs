//! Objects from one store to another, several at a time and within bounds of memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use data_encoding::HEXLOWER;
use futures::{StreamExt, TryStreamExt, stream};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use super::BackupProgress;
use crate::ledger::{AddedSegment, sidecar_path};
use crate::{Error, Result};

const PARALLEL: usize = 8;
const MEMORY: u64 = 256 << 20;
const UNIT: u64 = 1024;

type Told = Arc<dyn Fn(BackupProgress) + Send + Sync>;

/// Limits of the work, and how far it is.
pub(super) struct Work {
    pub(super) parallel: usize,
    permits: Semaphore,
    units: u64,
    cancel: Arc<AtomicBool>,
    told: Option<Told>,
    /// Objects that were copied, and their bytes.
    copied: AtomicU64,
    copied_bytes: AtomicU64,
    objects: AtomicU64,
    of_objects: AtomicU64,
    bytes: AtomicU64,
}

/// An object that must have this length and hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) path: String,
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

impl Named {
    /// The objects of a segment: itself, and its sidecar.
    pub(super) fn of(segment: &AddedSegment) -> impl Iterator<Item = Self> {
        let sidecar = segment.gone.as_ref().map(|gone| Self {
            path: sidecar_path(&segment.path),
            bytes: gone.bytes,
            sha256: gone.sha256.clone(),
        });
        let (path, sha256) = (segment.path.clone(), segment.sha256.clone());
        std::iter::once(Self { path, bytes: segment.bytes, sha256 }).chain(sidecar)
    }

    /// # Errors
    /// `Integrity` if these are not its bytes.
    pub(super) async fn check(&self, bytes: &bytes::Bytes) -> Result<()> {
        let hashed = bytes.clone();
        let hash = tokio::task::spawn_blocking(move || Sha256::digest(&hashed)).await;
        let hash = hash.map_err(|e| Error::io(&self.path, std::io::Error::other(e)))?;
        if bytes.len() as u64 == self.bytes && HEXLOWER.encode(&hash) == self.sha256 {
            return Ok(());
        }
        Err(Error::integrity(&self.path, "it is not the object that the ledger names"))
    }
}

impl Work {
    pub(super) fn new(
        parallel: usize,
        memory: u64,
        told: Option<Told>,
        cancel: &Arc<AtomicBool>,
    ) -> Self {
        let memory = if memory == 0 { MEMORY } else { memory };
        let units = memory.div_ceil(UNIT).clamp(1, Semaphore::MAX_PERMITS as u64);
        Self {
            parallel: if parallel == 0 { PARALLEL } else { parallel },
            permits: Semaphore::new(usize::try_from(units).unwrap_or(Semaphore::MAX_PERMITS)),
            units,
            cancel: Arc::clone(cancel),
            told,
            copied: AtomicU64::new(0),
            copied_bytes: AtomicU64::new(0),
            objects: AtomicU64::new(0),
            of_objects: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        }
    }

    pub(super) fn demand_go(&self) -> Result<()> {
        match self.cancel.load(Ordering::Relaxed) {
            true => Err(Error::Interrupted),
            false => Ok(()),
        }
    }

    pub(super) fn announce(&self, objects: u64) {
        self.of_objects.fetch_add(objects, Ordering::Relaxed);
        self.tell();
    }

    /// An object of this length was copied.
    pub(super) fn done(&self, bytes: u64) {
        self.copied.fetch_add(1, Ordering::Relaxed);
        self.copied_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.passed(bytes);
    }

    /// An object of this length was there already, or need not be copied any more.
    pub(super) fn passed(&self, bytes: u64) {
        self.objects.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.tell();
    }

    /// Objects that were copied, and their bytes.
    pub(super) fn counted(&self) -> (u64, u64) {
        (self.copied.load(Ordering::Relaxed), self.copied_bytes.load(Ordering::Relaxed))
    }

    fn tell(&self) {
        if let Some(told) = &self.told {
            told(BackupProgress {
                objects: self.objects.load(Ordering::Relaxed),
                of_objects: self.of_objects.load(Ordering::Relaxed),
                bytes: self.bytes.load(Ordering::Relaxed),
            });
        }
    }

    /// Does this for each, so many at a time, with room in memory for `bytes` of each.
    pub(super) async fn each<T, F: Future<Output = Result<()>>>(
        &self,
        items: impl IntoIterator<Item = (u64, T)>,
        parallel: usize,
        act: impl Fn(T) -> F,
    ) -> Result<()> {
        let act = &act;
        let items = items.into_iter().map(|(bytes, item)| async move {
            // Plain and sealed at once.
            let units = (2 * bytes).div_ceil(UNIT).clamp(1, self.units);
            let units = u32::try_from(units).unwrap_or(u32::MAX);
            let permit = self.permits.acquire_many(units).await;
            let _room = permit.map_err(|e| Error::io("backup", std::io::Error::other(e)))?;
            self.demand_go()?;
            act(item).await
        });
        stream::iter(items).buffer_unordered(parallel).try_collect().await
    }
}
