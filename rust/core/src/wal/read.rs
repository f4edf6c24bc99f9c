//! Reading the log of a writer that may be running, without its keys.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::frame::Frame;
use super::scan::LogBytes;
use super::{file_path, files, place, read_synced};
use crate::encryption::Keyring;
use crate::{Error, Result};

/// A moment of another process's log. Checksums are checked, MACs are not: only the writer and
/// the owner can.
///
/// Take it first, read the ledger afterwards, and ask for the records above what the ledger
/// holds: that has neither gaps nor doubles, since files are only removed once committed.
#[derive(Debug)]
pub struct WalSnapshot {
    dir: PathBuf,
    synced: u64,
    /// First sequence number and open file: what is removed meanwhile can still be read.
    files: Vec<(u64, File)>,
    keys: Option<Arc<Keyring>>,
}

impl WalSnapshot {
    /// Notes what is synced and opens the files. A missing folder is an empty log.
    ///
    /// # Errors
    /// `Error::Io`.
    pub fn open(dir: &Path) -> Result<Self> {
        // In this order: all that is synced by now is in the files listed after, or committed.
        let synced = read_synced(dir)?;
        let mut open = Vec::new();
        for first in files(dir)? {
            let path = file_path(dir, first);
            match File::open(&path) {
                Ok(file) => open.push((first, file)),
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => return Err(Error::io(path, e)),
            }
        }
        Ok(Self { dir: dir.to_owned(), synced, files: open, keys: None })
    }

    /// The same with what opens an encrypted log.
    #[must_use]
    pub fn with_keys(self, keys: Option<Arc<Keyring>>) -> Self {
        Self { keys, ..self }
    }

    /// The last synced sequence number at that moment.
    pub fn synced(&self) -> u64 {
        self.synced
    }

    /// The records above `after` that were synced at that moment, in sequence without gaps.
    ///
    /// # Errors
    /// `Error::Integrity` where one of them is missing or damaged. `Error::Key` where they are
    /// encrypted and their key is not at hand. `Error::Io`.
    pub fn frames(&self, after: u64) -> Result<Vec<Frame>> {
        let mut frames = Vec::new();
        let mut next = after + 1;
        for (i, (first, file)) in self.files.iter().enumerate() {
            // A file counts up to where the next one begins.
            let end = self.files.get(i + 1).map_or(u64::MAX, |(first, _)| *first);
            let end = end.min(self.synced.saturating_add(1));
            if end <= next {
                continue;
            }
            if *first > next {
                return Err(self.missing(next, first - 1));
            }
            let path = file_path(&self.dir, *first);
            let mut bytes = Vec::new();
            let mut reader: &File = file;
            reader
                .seek(SeekFrom::Start(0))
                .and_then(|_| reader.read_to_end(&mut bytes))
                .map_err(|e| Error::io(&path, e))?;
            let log = LogBytes::new(&path, *first, Bytes::from(bytes), self.keys.clone())?;
            let scan = log.scan(after, end, None)?;
            if scan.next < end {
                let what = format!("record {} was synced, but is damaged or missing", scan.next);
                return Err(Error::integrity(place(&path, scan.stop), what));
            }
            frames.extend(scan.frames);
            next = end;
        }
        if next <= self.synced {
            return Err(self.missing(next, self.synced));
        }
        Ok(frames)
    }

    fn missing(&self, first: u64, last: u64) -> Error {
        Error::integrity(
            self.dir.display().to_string(),
            format!("records {first} to {last} were synced, but their log file is missing"),
        )
    }
}
