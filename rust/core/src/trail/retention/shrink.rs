//! A segment written anew without some of its rows.

use std::ops::Range;
use std::sync::Arc;

use crate::columns::LogicalColumn;
use crate::keys::{self, OWNER};
use crate::ledger::{AddedSegment, State};
use crate::segment::merge::{Cut, Input, Merged, Target, ZSTD_LEVEL, merge};
use crate::segment::{SegmentFile, Signer};
use crate::storage::durable;
use crate::trail::Trail;
use crate::trail::compact::Meter;
use crate::trail::parcel::{Parcel, Shelf};
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
        (place, meter): (Option<(u64, u64)>, &Arc<Meter>),
    ) -> Result<Shrunk> {
        let (owner, before) = (self.owner_key()?, self.sidecar(add).await?);
        let (storage, shelf) = (self.store_of(add)?, Shelf::of(add));
        let folder = match storage.local_root() {
            Some(root) => root.join("segments"),
            None => self.state_dir().join("deleting"),
        };
        durable::remove_unfinished(&folder, OWNER)?;
        let (info, registry, add) = (Arc::clone(self.info()), state.registry.clone(), add.clone());
        let archived = add.archive.is_some();
        let (sealing, keys) =
            (self.sealing_for(&[&*add], archived).await?, self.storage().keys().cloned());
        let meter = Arc::clone(meter);
        let work = move || -> Result<Parcel> {
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
            let watch = |rows| meter.count(rows);
            let target = Target {
                folder: &folder,
                tag: OWNER,
                level: ZSTD_LEVEL,
                keys: keys.as_ref(),
                watch: &watch,
            };
            let input = Input::new(file, &add, place)?.without(cut);
            let merged = merge(&mut [input], &signer, &mut registry, &target)?;
            Parcel::of(merged, &shelf, (&folder, OWNER, ZSTD_LEVEL), &watch)
        };
        let done = tokio::task::spawn_blocking(work).await;
        let parcel = done.map_err(|e| Error::io("deletion", std::io::Error::other(e)))??;
        parcel.put(&storage).await?;
        let Merged { added, columns, .. } = parcel.merged;
        Ok(Shrunk { added, columns })
    }
}
