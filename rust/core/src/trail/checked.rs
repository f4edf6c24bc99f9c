//! Segments whose records were all checked, from their bytes to the ledger.

use std::sync::Arc;

use data_encoding::HEXLOWER;

use super::Trail;
use super::places::Places;
use crate::ledger::AddedSegment;
use crate::merkle::Hash;
use crate::segment::merge::read_back;
use crate::segment::{SegmentFile, batch_list_leaves, batch_list_root};
use crate::{Error, Result, json};

/// Checks segments one after the other, and remembers the entries that it needed.
pub struct Checker {
    trail: Trail,
    places: Places,
}

impl std::fmt::Debug for Checker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checker").finish_non_exhaustive()
    }
}

/// A segment every record of which leads to a signed entry.
#[derive(Debug)]
pub struct CheckedSegment {
    file: SegmentFile,
}

impl Trail {
    /// What checks segments of the trail.
    ///
    /// # Errors
    /// As [`view`](Self::view).
    pub async fn checker(&self) -> Result<Checker> {
        let places = Places::new(self, self.refreshed().await?);
        Ok(Checker { trail: self.clone(), places })
    }
}

impl Checker {
    /// Reads a segment, wherever it is, and checks it: its object is the one that the ledger names,
    /// each record is under the root of its batch, and each batch in the list of the `append` entry
    /// that introduced it, which its writer signed. What is read afterwards are the bytes that were
    /// checked. `watch` is told of records checked; an error of it stops.
    ///
    /// # Errors
    /// `Integrity` if any of that does not hold; `Usage` for an archive of which nothing says where
    /// it is; `Io`, `Store`; what `watch` says.
    pub async fn check(
        &mut self,
        segment: &AddedSegment,
        watch: Arc<dyn Fn(u64) -> Result<()> + Send + Sync>,
    ) -> Result<CheckedSegment> {
        let archives = self.trail.archives();
        let bytes = archives.get(segment).await?;
        let file = match segment.is_jsonl() {
            // What was restored was restored from such bytes, and is hashed before it is used.
            true => archives.open(segment).await?,
            false => {
                let storage = archives.store_of(segment)?;
                SegmentFile::open_with(&segment.path, bytes, storage.keys())?
            }
        };
        let gone = archives.sidecar(segment).await?;
        self.check_batches(segment, &file).await?;
        let work = move || {
            read_back(file.meta(), &file, &gone, &*watch)?;
            Ok(file)
        };
        let checked = tokio::task::spawn_blocking(work).await;
        let file = checked.map_err(|e| Error::io(&segment.path, std::io::Error::other(e)))??;
        Ok(CheckedSegment { file })
    }

    /// Every batch is in the list of the entry that introduced it.
    async fn check_batches(&mut self, segment: &AddedSegment, file: &SegmentFile) -> Result<()> {
        let wrong = |what: String| Error::integrity(&segment.path, what);
        let batches = &file.meta().batches;
        if HEXLOWER.encode(&batch_list_root(batches)?) != segment.root {
            return Err(wrong("its batches are not those that its entry names".to_owned()));
        }
        for (batch, leaf) in batches.iter().zip(batch_list_leaves(batches)?) {
            let Some(origin) = &batch.origin else {
                // An entry that signed this list introduced it.
                self.places.of(segment).await?;
                continue;
            };
            let hash = |text: &String| HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok();
            let path: Option<Vec<Hash>> = origin.path.iter().map(hash).collect();
            let place = self.places.of_origin(origin).await?;
            if !path.is_some_and(|path| place.lists(&leaf, origin.index, &path)) {
                let (id, entry) = (&batch.id, origin.entry);
                return Err(wrong(format!("entry {entry} did not introduce its batch {id}")));
            }
        }
        Ok(())
    }
}

impl CheckedSegment {
    /// Shows the canonical records with a `timestamp` (microseconds since 1970, UTC) from `since` on
    /// and before `until`, in the order of time; how many they are.
    ///
    /// # Errors
    /// `Integrity` if the segment cannot be read; what `show` says.
    pub fn records(
        &self,
        (since, until): (Option<i64>, Option<i64>),
        mut show: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<u64> {
        let reader = self.file.row_reader();
        let wrong = |e: &dyn std::fmt::Display| Error::integrity(self.file.path(), e.to_string());
        let (mut count, mut record) = (0, Vec::new());
        for batch in self.file.rows()? {
            let batch = batch.map_err(|e| wrong(&e))?;
            let rows = reader.columns(&batch)?;
            for row in 0..batch.num_rows() {
                record.clear();
                rows.record(row, &mut record).map_err(|fault| wrong(&fault))?;
                let time = json::get(&record, &["timestamp"]).and_then(json::string_value);
                let time = time.and_then(|text| json::parse_canonical_timestamp(text.as_bytes()));
                let time = time.ok_or_else(|| wrong(&"a record without timestamp"))?;
                if since.is_none_or(|since| since <= time) && until.is_none_or(|until| time < until)
                {
                    show(&record)?;
                    count += 1;
                }
            }
        }
        Ok(count)
    }
}
