//! A new segment on its way into the store that will hold it.

use std::path::Path;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::ledger::{AddedSegment, JSONL, Sidecar, sidecar_path};
use crate::segment::merge::{Merged, read_back};
use crate::segment::{SegmentFile, jsonl};
use crate::storage::durable::{self, Unfinished};
use crate::storage::{Create, Storage};
use crate::{Error, Result};

/// Where a new segment goes, and as what.
#[derive(Debug, Clone, Default)]
pub(super) struct Shelf {
    /// Name of an archive; the trail's own store if absent.
    pub(super) archive: Option<String>,
    /// Compressed JSON lines instead of Parquet, unless it is encrypted.
    pub(super) jsonl: bool,
}

impl Shelf {
    /// Where a segment is.
    pub(super) fn of(segment: &AddedSegment) -> Self {
        Self { archive: segment.archive.clone(), jsonl: segment.is_jsonl() }
    }
}

/// A segment that was written and verified, with its sidecar.
#[derive(Debug)]
pub(super) struct Parcel {
    pub(super) merged: Merged,
    sidecar: Vec<u8>,
}

impl Parcel {
    /// Makes a merged segment into what goes onto a shelf. Compressed lines are read back, and every batch root is recomputed from them.
    ///
    /// # Errors
    /// `Integrity` if what was written is not what it should be; `Io`; what `watch` says.
    pub(super) fn of(
        mut merged: Merged,
        shelf: &Shelf,
        (folder, tag, level): (&Path, &str, i32),
        watch: &(dyn Fn(u64) -> Result<()> + Sync),
    ) -> Result<Self> {
        merged.added.archive.clone_from(&shelf.archive);
        let gone = std::mem::take(&mut merged.gone);
        // Encrypted ones stay Parquet.
        if shelf.jsonl && merged.added.key.is_none() {
            let parquet = SegmentFile::open_file(&merged.added.path, merged.file.path(), None)?;
            let lines = jsonl::write(&parquet, Unfinished::create(folder, tag)?, level)?;
            let added = &mut merged.added;
            added.format = Some(JSONL.to_owned());
            added.path = added.path.replace(".parquet", ".jsonl.zst");
            (added.bytes, added.sha256) = (lines.bytes, lines.sha256);
            let object = durable::read(lines.file.path())?;
            if HEXLOWER.encode(&Sha256::digest(&object)) != added.sha256 {
                return Err(Error::integrity(&added.path, "it was not written as it should be"));
            }
            let restored = jsonl::restore(&added.path, &object, folder, tag)?;
            let restored = SegmentFile::open_file(&added.path, restored.file.path(), None)?;
            // These rows were counted when the Parquet file was read back.
            read_back(parquet.meta(), &restored, &gone, &|_| watch(0))?;
            merged.file = lines.file;
        }
        let mut sidecar = Vec::new();
        if !gone.batches.is_empty() {
            sidecar = gone.to_bytes();
            let sha256 = HEXLOWER.encode(&Sha256::digest(&sidecar));
            merged.added.gone = Some(Sidecar { bytes: sidecar.len() as u64, sha256 });
        }
        Ok(Self { merged, sidecar })
    }

    /// Puts segment and sidecar under their names.
    ///
    /// # Errors
    /// `Integrity` if a name is taken; `Io`, `Store`.
    pub(super) async fn put(&self, storage: &Storage) -> Result<()> {
        let path = &self.merged.added.path;
        // The sidecar last: alone it would not say whose it is.
        storage.put_file(path, &self.merged.file).await?;
        if !self.sidecar.is_empty() {
            let sidecar = (sidecar_path(path), Bytes::from(self.sidecar.clone()));
            if storage.put_create(&sidecar.0, sidecar.1).await? == Create::Exists {
                return Err(Error::integrity(sidecar.0, "a fresh name is taken"));
            }
        }
        Ok(())
    }

    /// Takes back what no entry names.
    ///
    /// # Errors
    /// `Io`, `Store`.
    pub(super) async fn withdraw(&self, storage: &Storage) -> Result<()> {
        take_back(storage, &self.merged.added).await
    }
}

/// Takes back the objects of a segment that no entry names.
///
/// # Errors
/// `Io`, `Store`.
pub(super) async fn take_back(storage: &Storage, added: &AddedSegment) -> Result<()> {
    if added.gone.is_some() {
        storage.delete(&sidecar_path(&added.path)).await?;
    }
    storage.delete(&added.path).await
}
