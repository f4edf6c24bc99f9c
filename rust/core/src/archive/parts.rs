//! Segments of a store of which only some columns are fetched.

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};

use super::Archives;
use crate::Result;
use crate::ledger::AddedSegment;
use crate::segment::{SegmentFile, jsonl};
use crate::storage::Storage;

/// How much of an object's end is fetched first, in bytes. Footers are about 20 KiB.
const END_BYTES: u64 = 64 << 10;
/// Length of the footer and the four bytes that end a file.
const LAST: usize = 8;
/// Parts of one object that are fetched at a time.
const FETCHES: usize = 8;

impl Archives {
    /// Opens a segment to read these columns of the row groups that `groups` names. Of an object of
    /// a store nothing else is fetched but its end.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(crate) async fn open_columns(
        &self,
        segment: &AddedSegment,
        columns: &[&str],
        groups: impl Fn(&SegmentFile) -> Vec<usize>,
    ) -> Result<SegmentFile> {
        if segment.is_jsonl() || self.is_here(segment) {
            return self.open(segment).await;
        }
        let storage = self.store_of(segment)?;
        let end = |bytes: u64| segment.bytes.saturating_sub(bytes)..segment.bytes;
        let mut tail = storage.get_range(&segment.path, end(END_BYTES)).await?;
        // Encrypted ones end otherwise.
        let Some(footer) = footer_bytes(&tail) else { return self.open(segment).await };
        if footer > tail.len() as u64 {
            tail = storage.get_range(&segment.path, end(footer)).await?;
        }
        let file = SegmentFile::open_end(&segment.path, segment.bytes, tail)?;
        let places = file.places_of(&groups(&file), columns);
        let fetches = places.into_iter().map(|place| async {
            let from = place.start;
            storage.get_range(&segment.path, place).await.map(|bytes| (from, bytes))
        });
        let parts = stream::iter(fetches).buffered(FETCHES).try_collect().await?;
        Ok(file.with_parts(parts))
    }
}

impl Archives {
    /// Id of the trail that an object of a store says it is a segment of. Of Parquet in the clear
    /// only the end is fetched.
    ///
    /// # Errors
    /// `Integrity` if it is no segment; `Key` if it is encrypted and its key is not at hand, as for
    /// those of other trails; `NotFound`, `Io`, `Store`.
    pub(crate) async fn trail_of(
        &self,
        storage: &Storage,
        path: &str,
        size: u64,
    ) -> Result<String> {
        if path.ends_with(".jsonl.zst") {
            return jsonl::trail_of(path, &storage.get(path).await?);
        }
        if let Some(root) = storage.local_root() {
            let file = SegmentFile::open_local(path, root, storage.keys())?;
            return Ok(file.meta().trail.clone());
        }
        let end = |bytes: u64| size.saturating_sub(bytes)..size;
        let mut tail = storage.get_range(path, end(END_BYTES)).await?;
        let file = match footer_bytes(&tail) {
            Some(footer) => {
                if footer > tail.len() as u64 {
                    tail = storage.get_range(path, end(footer)).await?;
                }
                SegmentFile::open_end(path, size, tail)?
            }
            None => SegmentFile::open_with(path, storage.get(path).await?, storage.keys())?,
        };
        Ok(file.meta().trail.clone())
    }
}

/// How many bytes of a Parquet file's end its footer is.
fn footer_bytes(tail: &Bytes) -> Option<u64> {
    match tail.split_last_chunk::<LAST>()?.1 {
        [a, b, c, d, b'P', b'A', b'R', b'1'] => {
            Some(u64::from(u32::from_le_bytes([*a, *b, *c, *d])) + LAST as u64)
        }
        _ => None,
    }
}

#[cfg(test)]
#[path = "parts_tests.rs"]
mod tests;
