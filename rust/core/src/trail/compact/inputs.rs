//! Segments that are to be merged, opened.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};

use crate::ledger::AddedSegment;
use crate::segment::SegmentFile;
use crate::segment::gone::Gone;
use crate::storage::Storage;
use crate::storage::durable::Unfinished;
use crate::trail::Trail;
use crate::trail::places::Places;
use crate::{Error, Result};

/// Objects that are fetched at a time.
const FETCHES: usize = 8;

/// Inputs of at most so many bytes are read once, and not column by column, as long as all that is
/// held of them in memory is not more than that.
const SMALL_BYTES: u64 = 128 << 10;
const HELD_BYTES: u64 = 32 << 20;

/// A segment that is to be merged.
pub(super) struct Opened {
    pub(super) added: Arc<AddedSegment>,
    pub(super) file: SegmentFile,
    /// The entry that introduced its batches, and which of that entry's segments it is.
    pub(super) place: Option<(u64, u64)>,
    /// What its sidecar says of removed rows.
    pub(super) gone: Gone,
    /// A copy of an object of a store, for as long as it is needed.
    _copy: Option<Unfinished>,
}

/// Opens segments; what does not fit into memory of those of a store is copied into `folder`.
pub(super) async fn open(
    trail: &Trail,
    segments: &[Arc<AddedSegment>],
    (folder, tag): (&Path, &str),
) -> Result<Vec<Opened>> {
    let mut held = 0;
    let opening: Vec<_> = segments
        .iter()
        .map(|added| {
            let (storage, added) = (trail.store_of(added), Arc::clone(added));
            let (folder, tag) = (folder.to_owned(), tag.to_owned());
            let hold = added.bytes <= SMALL_BYTES && held + added.bytes <= HELD_BYTES;
            held += if hold { added.bytes } else { 0 };
            async move { open_one(&storage?, added, hold, (&folder, &tag)).await }
        })
        .collect();
    let mut opened: Vec<Opened> = stream::iter(opening).buffered(FETCHES).try_collect().await?;
    let mut places = Places::new(trail, trail.refreshed().await?);
    for segment in &mut opened {
        if segment.file.meta().batches.iter().any(|batch| batch.origin.is_none()) {
            let place = places.of(&segment.added).await?;
            segment.place = Some((place.adding.n, place.index));
        }
        segment.gone = trail.archives().sidecar(&segment.added).await?;
    }
    Ok(opened)
}

async fn open_one(
    storage: &Storage,
    added: Arc<AddedSegment>,
    hold: bool,
    (folder, tag): (&Path, &str),
) -> Result<Opened> {
    let missing = |e| match e {
        Error::NotFound(_) => Error::integrity(&added.path, "the segment is missing"),
        other => other,
    };
    let (file, copy) = match storage.local_root() {
        _ if hold => {
            let bytes = storage.get(&added.path).await.map_err(missing)?;
            (SegmentFile::open_with(&added.path, bytes, storage.keys())?, None)
        }
        Some(root) => {
            (SegmentFile::open_local(&added.path, root, storage.keys()).map_err(missing)?, None)
        }
        None => {
            let bytes = storage.get(&added.path).await.map_err(missing)?;
            let copy = copy(&bytes, folder, tag)?;
            (SegmentFile::open_file(&added.path, copy.path(), storage.keys())?, Some(copy))
        }
    };
    Ok(Opened { added, file, place: None, gone: Gone::default(), _copy: copy })
}

fn copy(bytes: &Bytes, folder: &Path, tag: &str) -> Result<Unfinished> {
    use std::io::Write;
    let mut file = Unfinished::create(folder, tag)?;
    file.write_all(bytes).map_err(|e| Error::io(file.path(), e))?;
    Ok(file)
}
