//! Parquet files that were made of compressed lines, kept on this host for a while.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::ledger::AddedSegment;
use crate::segment::jsonl;
use crate::storage::durable::{self, Create};
use crate::{Error, Result};

/// Bytes of restored files that are kept, unless one alone is larger.
pub(crate) const LIMIT: u64 = 4 << 30;
/// Whose unfinished files they are.
const TAG: &str = "restored";
const SUFFIX: &str = ".parquet";

/// A folder of restored files, the one not used for longest removed first. A file is named
/// `<hash of the object>-<its own hash>.parquet`, and hashed when a process first uses it.
#[derive(Debug)]
pub(super) struct Restored {
    folder: PathBuf,
    limit: u64,
    /// Files that this process made or hashed, by the hash of the object.
    known: Mutex<HashMap<String, Kept>>,
}

/// A restored file.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
}

impl Restored {
    pub(super) fn new(folder: PathBuf, limit: u64) -> Self {
        Self { folder, limit, known: Mutex::default() }
    }

    /// The file of a segment, if it is there and is what was restored.
    pub(super) fn find(&self, segment: &AddedSegment) -> Result<Option<Kept>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = known.get(&segment.sha256).cloned();
        drop(known);
        if let Some(kept) = kept {
            return Ok(kept.path.exists().then_some(kept));
        }
        let Some(path) = self.named(&segment.sha256)? else { return Ok(None) };
        match checked(&path) {
            Ok(Some(bytes)) => {
                let kept = Kept { path, bytes };
                self.remember(segment, &kept);
                Ok(Some(kept))
            }
            Ok(None) => durable::remove(&path).map(|()| None),
            // Another process removed it meanwhile.
            Err(Error::NotFound(_)) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Restores a segment out of its object, whose hash was checked.
    pub(super) fn make(&self, segment: &AddedSegment, object: &[u8]) -> Result<Kept> {
        if let Some(kept) = self.find(segment)? {
            return Ok(kept);
        }
        let restored = jsonl::restore(&segment.path, object, &self.folder, TAG)?;
        let name = format!("{}-{}{SUFFIX}", segment.sha256, restored.sha256);
        let kept = Kept { path: self.folder.join(name), bytes: restored.bytes };
        // Another process may have been quicker.
        let (Create::Created | Create::Exists) = restored.file.name(&kept.path)?;
        self.remember(segment, &kept);
        self.make_room(&kept.path)?;
        Ok(kept)
    }

    fn remember(&self, segment: &AddedSegment, kept: &Kept) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(segment.sha256.clone(), kept.clone());
    }

    fn named(&self, object: &str) -> Result<Option<PathBuf>> {
        let ours = |path: &Path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.strip_prefix(object).is_some_and(|rest| rest.starts_with('-'))
        };
        Ok(self.files()?.into_iter().map(|(_, path, _)| path).find(|path| ours(path)))
    }

    /// The files with their lengths, the one used last at the end.
    fn files(&self) -> Result<Vec<(SystemTime, PathBuf, u64)>> {
        let failed = |e| Error::io(&self.folder, e);
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(failed(e)),
        };
        let mut files = Vec::new();
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let path = entry.path();
            let ours = path.extension().is_some_and(|extension| extension == "parquet");
            // Another process may remove it right now.
            let Some(meta) = entry.metadata().ok().filter(|_| ours) else { continue };
            let used = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            files.push((used, path, meta.len()));
        }
        files.sort();
        Ok(files)
    }

    /// Removes what was not used for longest, except `needed`.
    fn make_room(&self, needed: &Path) -> Result<()> {
        let files = self.files()?;
        let mut bytes: u64 = files.iter().map(|(.., bytes)| bytes).sum();
        for (_, path, length) in files.iter().filter(|(_, path, _)| path != needed) {
            if bytes <= self.limit {
                break;
            }
            durable::remove(path)?;
            bytes -= length;
        }
        Ok(())
    }
}

/// The length of a file that has the hash which its name ends with. It counts as used.
#[allow(clippy::disallowed_methods, reason = "nothing is written but its time")]
fn checked(path: &Path) -> Result<Option<u64>> {
    let bytes = durable::read(path)?;
    let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    let said = name.rsplit('-').next().unwrap_or_default();
    if HEXLOWER.encode(&Sha256::digest(&bytes)) != said {
        return Ok(None);
    }
    if let Ok(file) = fs::File::open(path) {
        let _ = file.set_modified(SystemTime::now());
    }
    Ok(Some(bytes.len() as u64))
}
