//! Reading on in the log of a writer that may be running, without its keys.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::frame::{FRAME_HEADER, RawFrame, decode_header};
use super::scan::Reading;
use super::{file_path, files, place, read_synced};
use crate::encryption::Keyring;
use crate::{Error, Result};

/// A reader that goes on in a log where it stopped, so that a look at a log in which nothing
/// happened reads eight bytes, and no record is read twice. Checksums are checked, MACs are not.
#[derive(Debug)]
pub struct WalTail {
    dir: PathBuf,
    place: Option<Place>,
    keys: Option<Arc<Keyring>>,
    /// Reads the payloads of the file of this first number.
    reading: Option<(u64, Reading)>,
}

/// Where the next frame will be.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// The file's first number.
    file: u64,
    offset: u64,
    /// The frame's number.
    next: u64,
}

impl WalTail {
    /// Reads in this folder, which need not exist.
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), place: None, keys: None, reading: None }
    }

    /// The same with what opens an encrypted log.
    #[must_use]
    pub fn with_keys(self, keys: Option<Arc<Keyring>>) -> Self {
        Self { keys, ..self }
    }

    /// The last sequence number known to be synced; 0 where nothing is known.
    ///
    /// # Errors
    /// `Error::Io`.
    pub fn synced(&self) -> Result<u64> {
        read_synced(&self.dir)
    }

    /// The records above `after` up to `synced` (as [`synced`](Self::synced) gave it) that are
    /// still in the log, with their sequence numbers, ascending. What is missing was committed and
    /// removed: a ledger that is read afterwards has it.
    ///
    /// # Errors
    /// `Error::Integrity` where a record is damaged. `Error::Key` where it is encrypted and its key
    /// is not at hand. `Error::Io`.
    pub fn read(&mut self, after: u64, synced: u64) -> Result<Vec<(u64, Bytes)>> {
        let mut found = Vec::new();
        let mut next = after + 1;
        let firsts = files(&self.dir)?;
        for (i, &first) in firsts.iter().enumerate() {
            // A file counts up to where the next one begins.
            let end = firsts.get(i + 1).copied().unwrap_or(u64::MAX);
            let end = end.min(synced.saturating_add(1));
            if end <= next.max(first) {
                continue;
            }
            match File::open(file_path(&self.dir, first)) {
                Ok(file) => self.read_file(&file, first, (next, end), &mut found)?,
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => return Err(Error::io(file_path(&self.dir, first), e)),
            }
            next = end;
        }
        Ok(found)
    }

    /// Reads the frames of a file from `next` up to `end` (exclusive).
    fn read_file(
        &mut self,
        mut file: &File,
        first: u64,
        (next, end): (u64, u64),
        found: &mut Vec<(u64, Bytes)>,
    ) -> Result<()> {
        let path = file_path(&self.dir, first);
        let opened = self.reading.as_ref().is_some_and(|(file, _)| *file == first);
        let known = self.place.filter(|place| place.file == first && place.next <= next && opened);
        let start = known.map_or(0, |place| place.offset);
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(start))
            .and_then(|_| file.read_to_end(&mut bytes))
            .map_err(|e| Error::io(&path, e))?;
        let bytes = Bytes::from(bytes);
        let (mut at, mut number) = (0, known.map_or(first, |place| place.next));
        if known.is_none() {
            let header = decode_header(&bytes).filter(|header| header.first == first);
            let header = header
                .ok_or_else(|| Error::integrity(place(&path, 0), "no header of this log file"))?;
            at = header.size;
            self.reading = Some((first, Reading::new(&header, self.keys.clone())));
        }
        let Some((_, reading)) = &mut self.reading else { return Ok(()) };
        while number < end {
            let wrong = |what: String| {
                let offset = usize::try_from(start).unwrap_or(usize::MAX).saturating_add(at);
                Err(Error::integrity(place(&path, offset), what))
            };
            let Some(raw) = RawFrame::parse(&bytes[at..]).filter(|raw| raw.sequence == number)
            else {
                return wrong(format!("record {number} was synced, but is damaged or missing"));
            };
            if number >= next {
                let payload = bytes.slice(at + FRAME_HEADER..at + raw.size());
                let Some((_, record)) = reading.content(number, payload)? else {
                    let what = "the payload is not of this version, or does not decrypt";
                    return wrong(what.to_owned());
                };
                found.push((number, record));
            }
            at += raw.size();
            number += 1;
        }
        self.place = Some(Place { file: first, offset: start + at as u64, next: number });
        Ok(())
    }
}
