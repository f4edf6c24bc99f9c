//! Reading a log after whatever happened to its process or machine.
//!
//! What a crash can do is cut: the end of the last file may be torn above the last sequence
//! number that is known to be synced. Anything else is damage, and an error.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::frame::{Chain, Frame, encode_frame, encode_header};
use super::scan::{LogBytes, Scan};
use super::{SYNCED, file_path, files, place, read_synced};
use crate::encryption::{Keyring, LogSealing};
use crate::keys::HmacKey;
use crate::storage::durable::{self, Access};
use crate::{Error, Result};

/// The sequence numbers in one file of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogRange {
    /// The first, which is also the file's name.
    pub first: u64,
    /// The last.
    pub last: u64,
}

/// Something that recovery found and dealt with. Nothing that was synced is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// The last file ended in the middle of a write that was never known to be synced.
    TornTail {
        /// The file.
        path: PathBuf,
        /// Where the torn part begins.
        offset: usize,
        /// Its length in bytes.
        bytes: usize,
        /// The sequence number that would have come next.
        sequence: u64,
    },
    /// The last file is damaged, but only where everything is committed to the ledger.
    CommittedDamage {
        /// The file.
        path: PathBuf,
        /// Where the damage begins.
        offset: usize,
    },
}

/// What recovery found. [`Wal::start`](super::Wal::start) goes on from it.
#[derive(Debug)]
pub struct Recovered {
    /// The records that are not committed yet, in sequence without gaps. All are durable now.
    pub frames: Vec<Frame>,
    /// The sequence number that the next record gets.
    pub next: u64,
    /// What was dealt with.
    pub findings: Vec<Finding>,
    /// The files that hold the records above.
    pub files: Vec<LogRange>,
}

/// Gives the key of an epoch; `None` if it is not at hand (any more).
pub type KeyOf<'a> = dyn Fn(u64) -> Result<Option<HmacKey>> + 'a;

/// Reads the log in `dir`, of which everything up to `committed` is in the ledger, and makes it
/// whole: records that may not be synced are written again, a torn tail is left behind, and files
/// of committed records are removed. The caller holds the writer's lock. A missing folder is an
/// empty log.
///
/// # Errors
/// `Error::Integrity` naming file and byte where a record that was synced is missing or
/// damaged, or where a record's checksum holds but not its MAC or number: no crash does that.
/// `Error::Key` where records are not committed and their key is gone. `Error::Io`.
pub fn recover(dir: &Path, key_of: &KeyOf<'_>, committed: u64) -> Result<Recovered> {
    recover_with(dir, key_of, committed, None)
}

/// As [`recover`], with what opens an encrypted log. What is committed needs no key.
///
/// # Errors
/// As [`recover`], and `Key` if records are encrypted and their key is not at hand.
pub fn recover_with(
    dir: &Path,
    key_of: &KeyOf<'_>,
    committed: u64,
    keys: Option<&Arc<Keyring>>,
) -> Result<Recovered> {
    durable::ensure_dir(dir)?;
    let firsts = files(dir)?;
    let mut recovery = Recovery {
        dir,
        key_of,
        keys,
        sealing: None,
        committed,
        known: read_synced(dir)?.max(committed),
        next: committed + 1,
        frames: Vec::new(),
        findings: Vec::new(),
        files: Vec::new(),
    };
    for (i, &first) in firsts.iter().enumerate() {
        let end = firsts.get(i + 1).copied();
        // A file that ends before what is needed is only left to be removed.
        if end.is_none_or(|end| end > recovery.next) {
            recovery.read(first, end)?;
        }
    }
    if recovery.known >= recovery.next {
        return Err(recovery.missing(recovery.known));
    }
    recovery.rewrite_tail()?;
    recovery.finish(&firsts)
}

struct Recovery<'a> {
    dir: &'a Path,
    key_of: &'a KeyOf<'a>,
    keys: Option<&'a Arc<Keyring>>,
    /// What the last file with records is encrypted with.
    sealing: Option<LogSealing>,
    committed: u64,
    /// The last sequence number known to be synced or committed.
    known: u64,
    /// The next sequence number to find.
    next: u64,
    frames: Vec<Frame>,
    findings: Vec<Finding>,
    files: Vec<LogRange>,
}

impl Recovery<'_> {
    /// Reads one file, which ends where the next one begins.
    fn read(&mut self, first: u64, end: Option<u64>) -> Result<()> {
        if first > self.next {
            return Err(self.missing(first - 1));
        }
        let path = file_path(self.dir, first);
        let bytes = Bytes::from(durable::read(&path)?);
        let log = LogBytes::new(&path, first, bytes, self.keys.cloned())?;
        let key = (self.key_of)(log.header.epoch)?;
        let scan = log.scan(self.committed, end.unwrap_or(u64::MAX), key.as_ref())?;
        if key.is_none() && !scan.frames.is_empty() {
            return Err(Error::Key(format!(
                "{}: holds records that are not committed, and the key of epoch {} is gone",
                path.display(),
                log.header.epoch
            )));
        }
        // A new file is only begun when everything before is synced.
        self.known = self.known.max(first.saturating_sub(1)).max(scan.synced);
        match end {
            Some(end) if scan.next < end => return Err(damaged(&path, &scan)),
            Some(_) => {}
            None => self.judge_end(&log, &scan)?,
        }
        if !scan.frames.is_empty() {
            self.sealing = log.sealing()?;
            self.files.push(LogRange { first, last: scan.next - 1 });
        }
        self.next = self.next.max(scan.next);
        self.frames.extend(scan.frames);
        Ok(())
    }

    /// Tells a torn tail from damage at the end of the last file's good frames.
    fn judge_end(&mut self, log: &LogBytes<'_>, scan: &Scan) -> Result<()> {
        let beyond = log.beyond(scan.stop, scan.next);
        self.known = self.known.max(beyond.synced);
        let (path, offset) = (log.path.to_owned(), scan.stop);
        let bytes = log.len() - scan.stop;
        if scan.next > self.known {
            if bytes > 0 {
                let sequence = scan.next;
                self.findings.push(Finding::TornTail { path, offset, bytes, sequence });
            }
            return Ok(());
        }
        // Here something that was synced is not in the file; it may all be in the ledger.
        if self.known > self.committed || beyond.sequence > self.committed {
            return Err(damaged(log.path, scan));
        }
        if bytes > 0 {
            self.findings.push(Finding::CommittedDamage { path, offset });
        }
        Ok(())
    }

    /// Writes the records that are not known to be synced into a new file, synced. A sync of the
    /// old file would not do: after a failed one the system may take lost pages for written.
    fn rewrite_tail(&mut self) -> Result<()> {
        let first = self.known + 1;
        let tail = self.frames.iter().skip_while(|frame| frame.sequence < first);
        let Some(epoch) = tail.clone().next().map(|frame| frame.epoch) else { return Ok(()) };
        let key = (self.key_of)(epoch)?
            .ok_or_else(|| Error::Key(format!("the key of epoch {epoch} is gone")))?;
        let mut chain = Chain::start(&key, first);
        let (mut bytes, cipher) = encode_header(&key, epoch, first, self.sealing.as_ref())?;
        for frame in tail {
            let numbers = (frame.sequence, self.known);
            let hash = frame.content_hash.as_ref();
            let (record, cipher) = (&frame.record, cipher.as_ref());
            encode_frame(&mut bytes, &key, &mut chain, numbers, hash, record, cipher)?;
        }
        durable::replace(&file_path(self.dir, first), &bytes, Access::Private)?;
        // The tail is all in the last file, which now ends before it.
        let last = self.next - 1;
        match self.files.last_mut() {
            Some(range) if range.first < first => {
                range.last = first - 1;
                self.files.push(LogRange { first, last });
            }
            _ => {}
        }
        self.files.retain(|range| range.last > self.committed);
        Ok(())
    }

    fn finish(self, firsts: &[u64]) -> Result<Recovered> {
        let last = self.next - 1;
        let (synced, bytes) = (self.dir.join(SYNCED), last.to_be_bytes());
        if durable::read(&synced).ok().is_none_or(|there| there != bytes) {
            durable::replace(&synced, &bytes, Access::Private)?;
        }
        for first in firsts {
            if self.files.iter().all(|range| range.first != *first) {
                durable::remove(&file_path(self.dir, *first))?;
            }
        }
        let Self { frames, next, findings, files, .. } = self;
        Ok(Recovered { frames, next, findings, files })
    }

    fn missing(&self, last: u64) -> Error {
        Error::integrity(
            self.dir.display().to_string(),
            format!("records {} to {last} were synced, but their log file is missing", self.next),
        )
    }
}

fn damaged(path: &Path, scan: &Scan) -> Error {
    let what = format!("record {} was synced, but is damaged or missing", scan.next);
    Error::integrity(place(path, scan.stop), what)
}
