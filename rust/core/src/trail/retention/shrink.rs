//! A segment written anew without some of its rows.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::columns::LogicalColumn;
use crate::keys::{self, OWNER};
use crate::ledger::{AddedSegment, Sidecar, State, sidecar_path};
use crate::segment::merge::{Cut, Input, Merged, Target, ZSTD_LEVEL, merge};
use crate::segment::{SegmentFile, Signer};
use crate::storage::{Create, durable};
use crate::trail::Trail;
use crate::{Error, Result};

/// What is left of a segment, in its place in the store but in no entry yet.
pub(super) struct Shrunk {
    pub(super) added: AddedSegment,
    /// Columns that it promotes.
    pub(super) columns: Vec<LogicalColumn>,
}

impl Trail {
    /// Writes a segment anew without the given rows, and puts it and its sidecar under fresh names.
    /// The owner seals it. Every batch root is recomputed from the written bytes first.
    pub(super) async fn shrink(
        &self,
        state: &State,
        add: &Arc<AddedSegment>,
        file: SegmentFile,
        rows: Vec<Range<u32>>,
        place: Option<(u64, u64)>,
    ) -> Result<Shrunk> {
        let (owner, before) = (self.owner_key()?, self.sidecar(add).await?);
        let storage = self.store_of(add)?;
        let folder = match storage.local_root() {
            Some(root) => root.join("segments"),
            None => self.state_dir().join("deleting"),
        };
        durable::remove_unfinished(&folder, OWNER)?;
        let in_archive = add.archive.clone();
        let (info, registry, add) = (Arc::clone(self.info()), state.registry.clone(), add.clone());
        let (sealing, keys) = (self.sealing_for(&[&*add]).await?, self.storage().keys().cloned());
        let work = move || -> Result<(Merged, Vec<u8>)> {
            let (hmac, mut registry) = (owner.hmac()?, registry);
            let signer = Signer {
                trail: &info.trail_id,
                writer: OWNER,
                key: keys::key_id(&owner.public()),
                epoch: 0,
                hmac: &hmac,
                by_day: info.by_day(),
                sealing,
            };
            let cut = Cut::of(&file, &before, rows)?;
            let sidecar = cut.gone.to_bytes();
            let sidecar = if cut.gone.batches.is_empty() { Vec::new() } else { sidecar };
            let target = Target {
                folder: &folder,
                tag: OWNER,
                level: ZSTD_LEVEL,
                keys: keys.as_ref(),
                watch: &|_| Ok(()),
            };
            let input = Input::new(file, &add, place)?.without(cut);
            Ok((merge(&mut [input], &signer, &mut registry, &target)?, sidecar))
        };
        let done = tokio::task::spawn_blocking(work).await;
        let (merged, sidecar) =
            done.map_err(|e| Error::io("deletion", std::io::Error::other(e)))??;
        let mut added = merged.added;
        added.archive.clone_from(&in_archive);
        if !sidecar.is_empty() {
            let sha256 = HEXLOWER.encode(&Sha256::digest(&sidecar));
            added.gone = Some(Sidecar { bytes: sidecar.len() as u64, sha256 });
            let path = sidecar_path(&added.path);
            if storage.put_create(&path, Bytes::from(sidecar)).await? == Create::Exists {
                return Err(Error::integrity(path, "a fresh name is taken"));
            }
        }
        storage.put_file(&added.path, &merged.file).await?;
        Ok(Shrunk { added, columns: merged.columns })
    }
}
